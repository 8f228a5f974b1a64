/* residency.c -- the kinds of clients there are, and whether the law leaves each a region.
 * In: groups and rules.  Out: errors that name the clients.
 * A client is bound by the rules of every group that it's in: those of the networks that cover it, of its country and
 * of its continent. Two rules, each harmless, may so leave it nothing; it would be refused, and nobody would see it
 * in the file. The classes are enumerated once; a service then costs one AND for each group of each class.
 * Nested networks are found by sorting: a network comes right after those that cover it, which so form a stack. */
#include "conf/residency.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "steer/country.h"

/* Networks that cover each other: at most one of each length from 0 to 128. */
#define NESTING_MAX 129

struct network_of {
	const struct prefix *prefix;
	uint16_t group;
};

struct maker {
	const struct steering *steering;
	struct arena *arena;
	struct client_class *list;
	size_t count, size;
	bool failed;
};

static void add_single_groups(struct maker *m);
static void add_countries(struct maker *m);
static void add_nested_networks(struct maker *m);
static size_t collect_networks(const struct steering *steering, struct network_of *networks);
static int compare_networks(const void *a, const void *b);
static void add_class(struct maker *m, const uint16_t *groups, size_t count);
static int compare_groups(const void *a, const void *b);
static int compare_classes(const void *a, const void *b);
static void drop_repeated(struct maker *m);
static void allow_by_rules(const struct steering_service *service, struct region_set *allowed);
static struct region_set legal_of(const struct client_class *class, struct region_set legal,
	const struct region_set *allowed);
static bool holds_another(const struct client_class *class, const struct client_class *const *failed, size_t count);
static void report(const struct steering *steering, const struct steering_service *service,
	const struct client_class *class, const struct diag_place *places, struct diags *diags);
static size_t last_rule(const struct steering_service *service, const struct client_class *class);
static bool class_has(const struct client_class *class, uint16_t group);

bool
client_classes_make(const struct steering *steering, struct arena *arena, struct client_classes *classes)
{
	struct maker m = { .steering = steering, .arena = arena };

	add_single_groups(&m);
	add_countries(&m);
	add_nested_networks(&m);
	if (!m.failed) {
		qsort(m.list, m.count, sizeof(*m.list), compare_classes);
		drop_repeated(&m);
		classes->count = m.count;
		classes->list = arena_copy(arena, m.list, m.count * sizeof(*m.list));
		m.failed = classes->list == NULL;
	}
	free(m.list);
	return !m.failed;
}

static void
add_single_groups(struct maker *m)
{
	for (size_t g = 0; g < m->steering->group_count; g++)
		add_class(m, &(uint16_t){ (uint16_t)g }, 1);
}

/* A country and a continent have one group each at most. */
static void
add_countries(struct maker *m)
{
	uint16_t by_country[COUNTRIES_MAX] = { 0 }, by_continent[COUNTRIES_MAX] = { 0 };

	for (size_t g = 1; g < m->steering->group_count; g++) {
		const struct client_group *group = &m->steering->groups[g];

		for (size_t i = 0; i < group->country_count; i++)
			by_country[country_find(group->countries[i])] = (uint16_t)g;
		for (size_t i = 0; i < group->continent_count; i++) {
			for (unsigned c = 1; c < country_count(); c++) {
				if (strcmp(country_at((uint8_t)c)->continent, group->continents[i]) == 0)
					by_continent[c] = (uint16_t)g;
			}
		}
	}
	for (unsigned c = 1; c < country_count(); c++) {
		if (by_country[c] != GROUP_DEFAULT && by_continent[c] != GROUP_DEFAULT)
			add_class(m, (uint16_t[]){ by_country[c], by_continent[c] }, 2);
	}
}

static void
add_nested_networks(struct maker *m)
{
	const struct network_of *stack[NESTING_MAX];
	struct network_of *networks;
	size_t count = 0, depth = 0;

	for (size_t g = 0; g < m->steering->group_count; g++)
		count += m->steering->groups[g].network_count;
	networks = malloc((count + 1) * sizeof(*networks));
	if (networks == NULL) {
		m->failed = true;
		return;
	}
	count = collect_networks(m->steering, networks);
	for (size_t i = 0; i < count; i++) {
		uint16_t groups[NESTING_MAX];

		while (depth > 0 && !prefix_covers(stack[depth - 1]->prefix, &networks[i].prefix->address))
			depth--;
		if (depth == NESTING_MAX)	/* the same network twice, which is an error by itself */
			break;
		stack[depth++] = &networks[i];
		for (size_t k = 0; k < depth; k++)
			groups[k] = stack[k]->group;
		if (depth > 1)
			add_class(m, groups, depth);
	}
	free(networks);
}

/* All networks, each after those that cover it. */
static size_t
collect_networks(const struct steering *steering, struct network_of *networks)
{
	size_t count = 0;

	for (size_t g = 0; g < steering->group_count; g++) {
		for (size_t i = 0; i < steering->groups[g].network_count; i++)
			networks[count++] = (struct network_of){ &steering->groups[g].networks[i], (uint16_t)g };
	}
	qsort(networks, count, sizeof(*networks), compare_networks);
	return count;
}

static int
compare_networks(const void *a, const void *b)
{
	const struct prefix *left = ((const struct network_of *)a)->prefix;
	const struct prefix *right = ((const struct network_of *)b)->prefix;
	int order;

	if (left->address.bits != right->address.bits)
		return left->address.bits < right->address.bits ? -1 : 1;
	order = memcmp(left->address.bytes, right->address.bytes, sizeof(left->address.bytes));
	return order != 0 ? order : (int)left->length - (int)right->length;
}

/* `groups` in any order, and with repetitions. */
static void
add_class(struct maker *m, const uint16_t *groups, size_t count)
{
	uint16_t sorted[NESTING_MAX];
	size_t kept = 0;

	if (m->count == m->size) {
		size_t size = m->size == 0 ? 64 : m->size * 2;
		struct client_class *list = realloc(m->list, size * sizeof(*list));

		if (list == NULL) {
			m->failed = true;
			return;
		}
		m->list = list;
		m->size = size;
	}
	memcpy(sorted, groups, count * sizeof(*groups));
	qsort(sorted, count, sizeof(*sorted), compare_groups);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || sorted[kept - 1] != sorted[i])
			sorted[kept++] = sorted[i];
	}
	m->list[m->count].count = kept;
	m->list[m->count].groups = arena_copy(m->arena, sorted, kept * sizeof(*sorted));
	if (m->list[m->count].groups == NULL)
		m->failed = true;
	else
		m->count++;
}

static int
compare_groups(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static int
compare_classes(const void *a, const void *b)
{
	const struct client_class *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? -1 : 1;
	for (size_t i = 0; i < left->count; i++) {
		if (left->groups[i] != right->groups[i])
			return left->groups[i] < right->groups[i] ? -1 : 1;
	}
	return 0;
}

static void
drop_repeated(struct maker *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->count; i++) {
		if (kept == 0 || compare_classes(&m->list[kept - 1], &m->list[i]) != 0)
			m->list[kept++] = m->list[i];
	}
	m->count = kept;
}

void
residency_check(const struct steering *steering, const struct steering_service *service,
	const struct client_classes *classes, const struct diag_place *places, struct diags *diags)
{
	struct region_set *allowed = malloc(steering->group_count * sizeof(*allowed));
	const struct client_class **failed = malloc((classes->count + 1) * sizeof(*failed));
	struct region_set all = steering_legal(service, NULL, 0);
	size_t failed_count = 0;

	if (allowed == NULL || failed == NULL) {
		diag_error(diags, (struct diag_place){ .file = places->file }, NULL, "out of memory");
	} else {
		for (size_t g = 0; g < steering->group_count; g++)
			allowed[g] = all;
		allow_by_rules(service, allowed);
		for (size_t i = 0; i < classes->count; i++) {
			const struct client_class *class = &classes->list[i];

			if (!region_set_is_empty(legal_of(class, all, allowed)) ||
			    holds_another(class, failed, failed_count))
				continue;
			failed[failed_count++] = class;
			report(steering, service, class, places, diags);
		}
	}
	free(allowed);
	free(failed);
}

/* Each group's regions, by the rules that name it. */
static void
allow_by_rules(const struct steering_service *service, struct region_set *allowed)
{
	for (size_t i = 0; i < service->rule_count; i++) {
		const struct residency_rule *rule = &service->rules[i];

		for (size_t k = 0; k < rule->group_count; k++)
			allowed[rule->groups[k]] = region_set_and(allowed[rule->groups[k]], rule->regions);
	}
}

static struct region_set
legal_of(const struct client_class *class, struct region_set legal, const struct region_set *allowed)
{
	for (size_t i = 0; i < class->count; i++)
		legal = region_set_and(legal, allowed[class->groups[i]]);
	return legal;
}

/* Fewer groups come first: a class that holds one without a region has none for the same reason. */
static bool
holds_another(const struct client_class *class, const struct client_class *const *failed, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t held = 0;

		for (size_t k = 0; k < failed[i]->count; k++)
			held += class_has(class, failed[i]->groups[k]);
		if (held == failed[i]->count)
			return true;
	}
	return false;
}

static void
report(const struct steering *steering, const struct steering_service *service, const struct client_class *class,
	const struct diag_place *places, struct diags *diags)
{
	struct text clients = { 0 };

	for (size_t i = 0; i < class->count; i++)
		text_printf(&clients, "%s'%s'", i == 0 ? "" : " and ", steering->groups[class->groups[i]].name);
	diag_error(diags, places[last_rule(service, class)], NULL,
	    "clients in %s have no legal region: no region of the service satisfies all rules that name %s",
	    clients.failed ? "a group" : clients.bytes, class->count == 1 ? "it" : "them");
	text_fini(&clients);
}

static size_t
last_rule(const struct steering_service *service, const struct client_class *class)
{
	for (size_t i = service->rule_count; i-- > 0;) {
		for (size_t k = 0; k < service->rules[i].group_count; k++) {
			if (class_has(class, service->rules[i].groups[k]))
				return i;
		}
	}
	return 0;
}

static bool
class_has(const struct client_class *class, uint16_t group)
{
	for (size_t i = 0; i < class->count; i++) {
		if (class->groups[i] == group)
			return true;
	}
	return false;
}
