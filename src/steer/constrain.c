/* constrain.c -- see constrain.h.
 * Groups that the same regions accept share one rule, so the rules stay as few as the distinct constraints are. */
#include "steer/constrain.h"

#include <string.h>

static const struct residency_rule *narrowing_rules(const struct steering *base, const struct region_set *accepting,
	struct arena *arena, size_t *count);
static bool add_rules(struct steering_service *service, const struct residency_rule *more, size_t count,
	struct arena *arena);

struct steering *
steering_constrain(struct steering *base, const struct region_set *accepting)
{
	struct arena *arena = arena_new();
	struct steering *steering = arena == NULL ? NULL : arena_copy(arena, base, sizeof(*base));
	const struct residency_rule *rules;
	struct steering_service *services;
	size_t count;

	if (steering == NULL)
		goto fail;
	rules = narrowing_rules(base, accepting, arena, &count);
	services = arena_copy(arena, base->services, base->service_count * sizeof(*services));
	if (rules == NULL || services == NULL)
		goto fail;
	for (size_t s = 0; s < base->service_count; s++)
		if (!add_rules(&services[s], rules, count, arena))
			goto fail;
	steering->services = services;
	steering->arena = arena;
	steering->holds = 0;
	steering->base = base;
	steering_hold(base);
	return steering;
fail:
	arena_free(arena);
	return NULL;
}

static const struct residency_rule *
narrowing_rules(const struct steering *base, const struct region_set *accepting, struct arena *arena, size_t *count)
{
	struct residency_rule *rules = arena_alloc(arena, (base->group_count + 1) * sizeof(*rules));
	uint16_t *groups = arena_alloc(arena, (base->group_count + 1) * sizeof(*groups));
	bool *done = arena_alloc(arena, base->group_count + 1);
	struct region_set all = { { 0 } };

	*count = 0;
	if (rules == NULL || groups == NULL || done == NULL)
		return NULL;
	for (size_t r = 0; r < base->region_count; r++)
		region_set_add(&all, (region_id)r);
	for (size_t g = 0; g < base->group_count; g++) {
		struct residency_rule *rule = &rules[*count];

		if (done[g] || region_set_is_empty(region_set_minus(all, accepting[g])))
			continue;
		*rule = (struct residency_rule){ .groups = groups, .regions = accepting[g] };
		for (size_t k = g; k < base->group_count; k++)
			if (memcmp(&accepting[k], &accepting[g], sizeof(accepting[g])) == 0) {
				groups[rule->group_count++] = (uint16_t)k;
				done[k] = true;
			}
		groups += rule->group_count;
		++*count;
	}
	return rules;
}

static bool
add_rules(struct steering_service *service, const struct residency_rule *more, size_t count, struct arena *arena)
{
	struct residency_rule *rules = arena_alloc(arena, (service->rule_count + count + 1) * sizeof(*rules));

	if (rules == NULL)
		return false;
	if (service->rule_count > 0)
		memcpy(rules, service->rules, service->rule_count * sizeof(*rules));
	if (count > 0)
		memcpy(rules + service->rule_count, more, count * sizeof(*rules));
	service->rules = rules;
	service->rule_count += count;
	return true;
}
