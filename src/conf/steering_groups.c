/* steering_groups.c -- the client groups of steering.yaml.
 * In: the groups as written.  Out: those of the steering.
 * Invariant: an address has one network (the longest that covers it), one country and one continent, and each of these
 * has at most one group; so "which group" has one answer. */
#include "conf/steering_reading.h"

#include <stdlib.h>
#include <string.h>

#include "steer/country.h"

/* The locator numbers networks with 16 bits, and 0 is none. */
#define NETWORKS_MAX 65534

/* A network with the group that holds it, for finding the same one twice. */
struct held_network {
	const struct written_network *network;
	const struct written_group *group;
};

typedef char country_code[3];	/* or a continent's */

static const char *const continent_codes[] = { "AF", "AN", "AS", "EU", "NA", "OC", "SA" };

static void take_group(struct steering_reading *r, const struct written_group *written, struct client_group *group);
static const country_code *take_codes(struct steering_reading *r, const struct yaml_node *const *words,
	size_t count);
static void check_networks_once(struct steering_reading *r);
static struct held_network *collect_networks(struct steering_reading *r, size_t *count);
static int compare_held(const void *a, const void *b);
static void check_countries_once(struct steering_reading *r);
static void check_code_once(struct steering_reading *r, const struct written_group *group,
	const struct yaml_node *code, const struct written_group **holder);

void
steering_take_groups(struct steering_reading *r)
{
	size_t count = r->written->group_count, networks = 0;
	struct client_group *groups = steering_room(r, r->arena, count + 1, sizeof(*groups));

	r->group_names = steering_room(r, r->scratch, count + 1, sizeof(*r->group_names));
	if (groups == NULL || r->group_names == NULL)
		return;
	groups[GROUP_DEFAULT] = r->steering->groups[GROUP_DEFAULT];
	r->group_names[GROUP_DEFAULT] = groups[GROUP_DEFAULT].name;
	for (size_t i = 0; i < count; i++) {
		const struct written_group *written = &r->written->groups[i];

		take_group(r, written, &groups[i + 1]);
		r->group_names[i + 1] = groups[i + 1].name;
		if (networks <= NETWORKS_MAX && networks + written->network_count > NETWORKS_MAX)
			diag_error(r->diags, steering_place(r, written->at.key), NULL,
			    "the client groups have more than %d networks by here", NETWORKS_MAX);
		networks += written->network_count;
	}
	r->steering->groups = groups;
	r->steering->group_count = count + 1;
	check_networks_once(r);
	check_countries_once(r);
}

static void
take_group(struct steering_reading *r, const struct written_group *written, struct client_group *group)
{
	struct prefix *networks = steering_room(r, r->arena, written->network_count, sizeof(*networks));
	const struct yaml_node *node = written->at.node;

	group->name = steering_text(r, written->at.key->text);
	for (size_t i = 0; networks != NULL && i < written->network_count; i++)
		networks[i] = written->networks[i].prefix;
	group->networks = networks;
	group->network_count = networks == NULL ? 0 : written->network_count;
	group->countries = take_codes(r, written->countries, written->country_count);
	group->country_count = group->countries == NULL ? 0 : written->country_count;
	group->continents = take_codes(r, written->continents, written->continent_count);
	group->continent_count = group->continents == NULL ? 0 : written->continent_count;
	group->location = steering_location(r, &written->location, "");
	if (yaml_member(node, "networks") == NULL && yaml_member(node, "countries") == NULL &&
	    yaml_member(node, "continents") == NULL)
		diag_error(r->diags, steering_place(r, written->at.key), NULL,
		    "the group '%s' has no clients: give it 'networks', 'countries' or 'continents'",
		    yaml_shown(written->at.key->text).text);
}

static const country_code *
take_codes(struct steering_reading *r, const struct yaml_node *const *words, size_t count)
{
	country_code *codes = steering_room(r, r->arena, count, sizeof(*codes));

	for (size_t i = 0; codes != NULL && i < count; i++)
		memcpy(codes[i], words[i]->text, 2);
	return (const country_code *)codes;
}

/* One network in two groups would have two answers to "which group", with nothing to choose by. */
static void
check_networks_once(struct steering_reading *r)
{
	size_t count;
	const struct held_network *held = collect_networks(r, &count);

	for (size_t i = 1; held != NULL && i < count; i++) {
		const struct written_network *network = held[i].network, *before = held[i - 1].network;
		char text[ADDRESS_TEXT_SIZE];

		if (memcmp(&before->prefix, &network->prefix, sizeof(network->prefix)) != 0)
			continue;
		/* The same text twice in one list was reported with the list. */
		if (held[i].group == held[i - 1].group && strcmp(before->node->text, network->node->text) == 0)
			continue;
		diag_error(r->diags, steering_place(r, network->node), NULL,
		    "the network %s is in the group '%s' already, in line %u", prefix_text(&network->prefix, text),
		    held[i - 1].group->at.key->text, before->node->line);
	}
}

/* All of them, by prefix and then by place. */
static struct held_network *
collect_networks(struct steering_reading *r, size_t *count)
{
	struct held_network *held;

	*count = 0;
	for (size_t g = 0; g < r->written->group_count; g++)
		*count += r->written->groups[g].network_count;
	held = steering_room(r, r->scratch, *count, sizeof(*held));
	if (held == NULL)
		return NULL;
	*count = 0;
	for (size_t g = 0; g < r->written->group_count; g++) {
		const struct written_group *group = &r->written->groups[g];

		for (size_t i = 0; i < group->network_count; i++)
			held[(*count)++] = (struct held_network){ &group->networks[i], group };
	}
	qsort(held, *count, sizeof(*held), compare_held);
	return held;
}

static int
compare_held(const void *a, const void *b)
{
	const struct written_network *left = ((const struct held_network *)a)->network;
	const struct written_network *right = ((const struct held_network *)b)->network;
	int order = memcmp(&left->prefix, &right->prefix, sizeof(left->prefix));

	if (order != 0)
		return order;
	if (left->node->line != right->node->line)
		return left->node->line < right->node->line ? -1 : 1;
	return left->node->column < right->node->column ? -1 : left->node->column > right->node->column;
}

/* For the same reason a country has one group, and a continent. */
static void
check_countries_once(struct steering_reading *r)
{
	const struct written_group *by_country[COUNTRIES_MAX] = { NULL };
	const struct written_group *by_continent[ARRAY_SIZE(continent_codes)] = { NULL };

	for (size_t g = 0; g < r->written->group_count; g++) {
		const struct written_group *group = &r->written->groups[g];

		for (size_t i = 0; i < group->country_count; i++)
			check_code_once(r, group, group->countries[i],
			    &by_country[country_find(group->countries[i]->text)]);
		for (size_t i = 0; i < group->continent_count; i++) {
			for (size_t c = 0; c < ARRAY_SIZE(continent_codes); c++) {
				if (strcmp(group->continents[i]->text, continent_codes[c]) == 0)
					check_code_once(r, group, group->continents[i], &by_continent[c]);
			}
		}
	}
}

static void
check_code_once(struct steering_reading *r, const struct written_group *group, const struct yaml_node *code,
	const struct written_group **holder)
{
	if (*holder == NULL)
		*holder = group;
	else if (*holder != group)
		diag_error(r->diags, steering_place(r, code), NULL, "%s is in the group '%s' already", code->text,
		    (*holder)->at.key->text);
}
