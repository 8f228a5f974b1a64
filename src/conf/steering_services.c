/* steering_services.c -- the services of steering.yaml.
 * In: the services as written, regions and groups by name.  Out: those of the steering, sorted by owner.
 * A residency rule may only name regions of its own service, and must leave every client one (residency.c). */
#include "conf/steering_reading.h"

#include <stdlib.h>
#include <string.h>

#include "conf/residency.h"

#define REGION_INFIX 9	/* octets of the label "_region" and of the length of the label before it */

/* A service with what it was written as, which sorting must not part. */
struct service_pair {
	struct steering_service service;
	const struct written_service *written;
};

static bool take_service(struct steering_reading *r, const struct written_service *written,
	struct steering_service *service);
static void take_service_regions(struct steering_reading *r, const struct written_service *written,
	struct steering_service *service);
static region_id resolve_region(struct steering_reading *r, const struct yaml_node *name);
static void check_weights(struct steering_reading *r, const struct written_service *written);
static void check_priorities(struct steering_reading *r, const struct written_service *written);
static void check_places(struct steering_reading *r, const struct written_service *written,
	const struct steering_service *service);
static void check_name_length(struct steering_reading *r, const struct written_service *written,
	const struct steering_service *service);
static void take_answers(struct steering_reading *r, const struct written_service *written,
	struct steering_service *service);
static void take_planned(struct steering_reading *r, const struct written_service *written,
	struct steering_service *service);
static void take_probe(struct steering_reading *r, const struct written_service *written,
	struct steering_service *service);
static void take_rules(struct steering_reading *r, const struct written_service *written,
	struct steering_service *service);
static void take_rule(struct steering_reading *r, const struct written_rule *written, struct region_set possible,
	struct residency_rule *rule);
static bool resolve_group(struct steering_reading *r, const struct yaml_node *name, uint16_t *group);
static void warn_of_unknown_countries(struct steering_reading *r, const struct written_service *written,
	const struct steering_service *service);
static bool is_by_country(const struct client_group *group);
static void sort_services(struct steering_reading *r, struct service_pair *pairs, size_t count);
static int compare_pairs(const void *a, const void *b);
static void check_residency(struct steering_reading *r, const struct service_pair *pairs, size_t count);

void
steering_take_services(struct steering_reading *r)
{
	size_t count = 0;
	struct service_pair *pairs = steering_room(r, r->scratch, r->written->service_count, sizeof(*pairs));

	if (pairs == NULL || r->region_names == NULL || r->group_names == NULL)
		return;
	for (size_t i = 0; i < r->written->service_count; i++) {
		pairs[count] = (struct service_pair){ .written = &r->written->services[i] };
		count += take_service(r, pairs[count].written, &pairs[count].service);
	}
	sort_services(r, pairs, count);
	check_residency(r, pairs, count);
}

/* False when the service has no name, and so no place among the others. */
static bool
take_service(struct steering_reading *r, const struct written_service *written, struct steering_service *service)
{
	char text[NAME_TEXT_SIZE];
	uint8_t owner[NAME_MAX];
	size_t length = name_parse(written->at.key->text, owner);

	take_service_regions(r, written, service);
	check_weights(r, written);
	check_priorities(r, written);
	check_places(r, written, service);
	take_answers(r, written, service);
	take_planned(r, written, service);
	take_probe(r, written, service);
	take_rules(r, written, service);
	service->line = written->at.key->line;
	if (length == 0)
		return false;
	name_text(owner, text);
	service->name = steering_text(r, name_text(owner, text));
	service->owner = arena_copy(r->arena, owner, length);
	if (service->owner == NULL)
		steering_out_of_memory(r);
	check_name_length(r, written, service);
	return service->owner != NULL;
}

static void
take_service_regions(struct steering_reading *r, const struct written_service *written,
	struct steering_service *service)
{
	struct service_region *regions = steering_room(r, r->arena, written->region_count, sizeof(*regions));
	size_t count = 0;

	if (regions == NULL)
		return;
	for (size_t i = 0; i < written->region_count; i++) {
		region_id region = resolve_region(r, written->regions[i].at.key);

		if (region != NO_REGION)
			regions[count++] = (struct service_region){ region, written->regions[i].weight,
				written->regions[i].priority != 0 ? written->regions[i].priority : (unsigned)i + 1 };
	}
	service->regions = regions;
	service->region_count = count;
}

static region_id
resolve_region(struct steering_reading *r, const struct yaml_node *name)
{
	region_id region = steering_region_find(r->steering, name->text);

	if (region == NO_REGION && !r->regions_broken)
		diag_error(r->diags, steering_place(r, name),
		    text_suggest(name->text, r->region_names, r->steering->region_count), "there is no region '%s'",
		    yaml_shown(name->text).text);
	return region;
}

static void
check_weights(struct steering_reading *r, const struct written_service *written)
{
	for (size_t i = 0; i < written->region_count; i++) {
		if (written->regions[i].weight > 0)
			return;
	}
	if (written->region_count > 0)
		diag_error(r->diags, steering_place(r, yaml_member(written->at.node, "regions")), NULL,
		    "all regions have weight 0: one of them must take the clients");
}

/* Given to all or to none: a number beside places in the list would have to be guessed between them. */
static void
check_priorities(struct steering_reading *r, const struct written_service *written)
{
	const struct written_service_region *by_priority[REGIONS_MAX + 1] = { NULL }, *lacking = NULL;
	size_t given = 0;

	for (size_t i = 0; i < written->region_count; i++) {
		const struct written_service_region *region = &written->regions[i];
		const struct yaml_node *node = yaml_member(region->at.node, "priority");

		if (node == NULL) {
			lacking = lacking == NULL ? region : lacking;
			continue;
		}
		given++;
		if (region->priority == 0)	/* it had an error */
			continue;
		if (by_priority[region->priority] != NULL)
			diag_error(r->diags, steering_place(r, node), NULL, "the region '%s' has priority %u already",
			    yaml_shown(by_priority[region->priority]->at.key->text).text, region->priority);
		else
			by_priority[region->priority] = region;
	}
	if (given > 0 && lacking != NULL)
		diag_error(r->diags, steering_place(r, lacking->at.key), NULL,
		    "'%s' has no priority, but other regions have one: give all of them one, or none",
		    yaml_shown(lacking->at.key->text).text);
}

static void
check_places(struct steering_reading *r, const struct written_service *written, const struct steering_service *service)
{
	if (written->policy != POLICY_GEOGRAPHIC)
		return;
	for (size_t i = 0; i < service->region_count; i++) {
		const struct steering_region *region = &r->steering->regions[service->regions[i].region];

		if (!region->location.known)
			diag_error(r->diags, steering_place(r, yaml_member(written->at.node, "sharding-policy")), NULL,
			    "the policy 'geographic' needs a location for each region; '%s' has none", region->name);
	}
}

/* <region>._region.<service> must be a name too. */
static void
check_name_length(struct steering_reading *r, const struct written_service *written,
	const struct steering_service *service)
{
	size_t length = service->owner == NULL ? 0 : name_length(service->owner, NAME_MAX);

	for (size_t i = 0; i < service->region_count; i++) {
		const char *region = r->steering->regions[service->regions[i].region].name;

		if (length + strlen(region) + REGION_INFIX > NAME_MAX) {
			diag_error(r->diags, steering_place(r, written->at.key), NULL,
			    "the name is too long: %s._region before it makes more than %d octets", region, NAME_MAX);
			return;
		}
	}
}

static void
take_answers(struct steering_reading *r, const struct written_service *written, struct steering_service *service)
{
	const struct yaml_node *sticky = yaml_member(written->at.node, "sticky");

	service->policy = (enum sharding_policy)written->policy;
	service->when_all_down = (enum when_all_down)written->when_all_down;
	service->sticky = written->sticky && written->policy != POLICY_ROUND_ROBIN;
	if (sticky != NULL && written->sticky && written->policy == POLICY_ROUND_ROBIN)
		diag_error(r->diags, steering_place(r, sticky), NULL,
		    "'sticky: true' contradicts 'sharding-policy: round-robin', which moves each client at each query");
	service->ttl_max = written->ttl_max;
	service->ttl_min = written->ttl_min;
	if (written->ttl_max != 0 && written->ttl_min > written->ttl_max)
		diag_error(r->diags, steering_place(r, yaml_member(written->at.node, "ttl")), NULL,
		    "'min' (%us) is above 'max' (%us)", written->ttl_min, written->ttl_max);
}

/* What only the planner looks at has no meaning under another policy: whoever writes it expects an effect. */
static void
take_planned(struct steering_reading *r, const struct written_service *written, struct steering_service *service)
{
	static const char *const keys[] = { "latency-max", "class", "shed" };

	for (size_t i = 0; i < written->region_count; i++)
		service->weighted |= yaml_member(written->regions[i].at.node, "weight") != NULL;
	service->latency_max_ms = written->latency_max_ms;
	service->class = written->class;
	service->shed = written->shed;
	for (size_t i = 0; i < ARRAY_SIZE(keys) && written->policy != POLICY_PREDICTIVE; i++) {
		const struct yaml_node *node = yaml_member(written->at.node, keys[i]);

		if (node != NULL)
			diag_error(r->diags, steering_place(r, node), NULL,
			    "'%s' is for 'sharding-policy: predictive': only its clients are planned", keys[i]);
	}
}

static void
take_probe(struct steering_reading *r, const struct written_service *written, struct steering_service *service)
{
	static const uint16_t usual[] = { [PROBE_TCP] = 0, [PROBE_HTTP] = 80, [PROBE_HTTPS] = 443 };
	const struct written_probe *probe = &written->probe;

	if (probe->kind == PROBE_NONE)
		return;
	service->probe = (enum probe_kind)probe->kind;
	service->probe_port = probe->port != 0 ? probe->port : usual[service->probe];
	if (service->probe != PROBE_TCP) {
		service->probe_path = steering_text(r, probe->path == NULL ? "/" : probe->path);
		return;
	}
	if (yaml_member(probe->at.node, "path") != NULL)
		diag_error(r->diags, steering_place(r, yaml_member(probe->at.node, "path")), NULL,
		    "'path' is for kind http or https; a TCP probe only connects");
	if (yaml_member(probe->at.node, "port") == NULL)
		diag_error(r->diags, steering_place(r, probe->at.node), NULL, "a probe of kind tcp needs a 'port'");
}

static void
take_rules(struct steering_reading *r, const struct written_service *written, struct steering_service *service)
{
	struct residency_rule *rules = steering_room(r, r->arena, written->rule_count, sizeof(*rules));
	/* If one of the service's regions is misspelled, any may be meant. */
	struct region_set possible = service->region_count == written->region_count ?
	    steering_legal(service, NULL, 0) : region_set_all();

	if (rules == NULL)
		return;
	for (size_t i = 0; i < written->rule_count; i++)
		take_rule(r, &written->rules[i], possible, &rules[i]);
	service->rules = rules;
	service->rule_count = written->rule_count;
	warn_of_unknown_countries(r, written, service);
}

static void
take_rule(struct steering_reading *r, const struct written_rule *written, struct region_set possible,
	struct residency_rule *rule)
{
	uint16_t *groups = steering_room(r, r->arena, written->client_count, sizeof(*groups));

	if (groups == NULL)
		return;
	rule->groups = groups;
	for (size_t i = 0; i < written->client_count; i++)
		rule->group_count += resolve_group(r, written->clients[i], &groups[rule->group_count]);
	for (size_t i = 0; i < written->region_count; i++) {
		const struct yaml_node *name = written->regions[i];
		region_id region = resolve_region(r, name);

		if (region == NO_REGION)
			continue;
		if (!region_set_has(&possible, region))
			diag_error(r->diags, steering_place(r, name), NULL,
			    "'%s' isn't among the regions of this service", yaml_shown(name->text).text);
		region_set_add(&rule->regions, region);
	}
}

static bool
resolve_group(struct steering_reading *r, const struct yaml_node *name, uint16_t *group)
{
	const struct steering *steering = r->steering;

	for (size_t g = 0; g < steering->group_count; g++) {
		if (strcmp(steering->groups[g].name, name->text) != 0)
			continue;
		*group = (uint16_t)g;
		if (is_by_country(&steering->groups[g]) && steering->geo_database == NULL)
			diag_warning(r->diags, steering_place(r, name), NULL,
			    "no client is found by country without a 'geo-database': the rule doesn't bind '%s'%s",
			    name->text, steering->groups[g].network_count > 0 ? " outside its networks" : "");
		return true;
	}
	diag_error(r->diags, steering_place(r, name), text_suggest(name->text, r->group_names, steering->group_count),
	    "there is no client group '%s'", yaml_shown(name->text).text);
	return false;
}

static void
warn_of_unknown_countries(struct steering_reading *r, const struct written_service *written,
	const struct steering_service *service)
{
	const struct steering *steering = r->steering;
	bool by_country = false, by_default = false;

	for (size_t i = 0; i < service->rule_count; i++) {
		for (size_t k = 0; k < service->rules[i].group_count; k++) {
			by_default |= service->rules[i].groups[k] == GROUP_DEFAULT;
			by_country |= is_by_country(&steering->groups[service->rules[i].groups[k]]);
		}
	}
	if (by_country && !by_default)
		diag_warning(r->diags, steering_place(r, yaml_member(written->at.node, "residency")), NULL,
		    "clients of unknown country may be sent anywhere, as no rule names the group 'default'");
}

static bool
is_by_country(const struct client_group *group)
{
	return group->country_count > 0 || group->continent_count > 0;
}

/* By owner; a name that comes twice, in other case or with a final dot, is an error at the later one. */
static void
sort_services(struct steering_reading *r, struct service_pair *pairs, size_t count)
{
	struct steering_service *services = steering_room(r, r->arena, count, sizeof(*services));

	if (services == NULL)
		return;
	qsort(pairs, count, sizeof(*pairs), compare_pairs);
	for (size_t i = 0; i < count; i++) {
		services[i] = pairs[i].service;
		if (i > 0 && name_compare(services[i - 1].owner, services[i].owner) == 0)
			diag_error(r->diags, steering_place(r, pairs[i].written->at.key), NULL,
			    "'%s' is the same name as '%s' in line %u", yaml_shown(pairs[i].written->at.key->text).text,
			    yaml_shown(pairs[i - 1].written->at.key->text).text, pairs[i - 1].written->at.key->line);
	}
	r->steering->services = services;
	r->steering->service_count = count;
}

static int
compare_pairs(const void *a, const void *b)
{
	const struct service_pair *left = a, *right = b;
	int order = name_compare(left->service.owner, right->service.owner);

	if (order != 0)
		return order;
	return left->written < right->written ? -1 : 1;	/* in the order of the file */
}

/* Left out after an error: an unknown name in a rule would seem to leave its clients nothing. */
static void
check_residency(struct steering_reading *r, const struct service_pair *pairs, size_t count)
{
	struct client_classes classes = { 0 };

	if (r->diags->errors > r->errors_before)
		return;
	if (!client_classes_make(r->steering, r->scratch, &classes)) {
		steering_out_of_memory(r);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t rules = pairs[i].written->rule_count;
		struct diag_place *places = steering_room(r, r->scratch, rules + 1, sizeof(*places));

		if (places == NULL)
			return;
		for (size_t k = 0; k < rules; k++)
			places[k] = steering_place(r, pairs[i].written->rules[k].at.node);
		if (rules > 0)
			residency_check(r->steering, &pairs[i].service, &classes, places, r->diags);
	}
}
