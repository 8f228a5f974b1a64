/* steering.c -- looking things up in what the operator wants.
 * In: a struct steering, which conf/ filled.  Out: indices, services, the legal regions of a client.
 * Threads: any; a steering is immutable once it's read, but for its holds, which the control thread counts. Its arena
 * owns everything, the struct itself too. */
#include "steer/steering.h"

#include <string.h>

static bool names_group(const struct residency_rule *rule, const uint16_t *groups, size_t count);

const struct planning planning_default = {
	.normal_limit = 0.85, .loss_limit = 0.99, .safety = 0.95, .failure_cost_ms = 1000, .churn_cost_ms = 2,
	.weight_cost_ms = 200, .nearest = 6, .move_most = 0.25,
};

static const double recovery_steps[] = { 0.05, 0.1, 0.25, 0.5 };

const struct recovery recovery_default = {
	.hold_down_ms = 300000, .half_life_ms = 900000, .step_count = ARRAY_SIZE(recovery_steps),
	.steps = recovery_steps,
};

struct steering *
steering_empty(void)
{
	static const struct client_group only_default[] = { { .name = "default" } };
	struct arena *arena = arena_new();
	struct steering *steering;

	if (arena == NULL)
		return NULL;
	steering = arena_alloc(arena, sizeof(*steering));
	if (steering == NULL) {
		arena_free(arena);
		return NULL;
	}
	*steering = (struct steering){ .arena = arena, .health_check_interval_ms = 5000,
		.pae_update_interval_ms = 10000, .planning = planning_default,
		.recovery = recovery_default, .groups = only_default, .group_count = 1 };
	return steering;
}

void
steering_free(struct steering *steering)
{
	struct steering *base;

	if (steering == NULL || steering->holds-- > 0)
		return;
	base = steering->base;
	arena_free(steering->arena);
	steering_free(base);
}

const struct steering_feed *
steering_feed_find(const struct steering *steering, const char *name)
{
	for (size_t i = 0; i < steering->feed_count; i++) {
		if (strcmp(steering->feeds[i].name, name) == 0)
			return &steering->feeds[i];
	}
	return NULL;
}

const struct steering_zone *
steering_zone_find(const struct steering *steering, const uint8_t *apex)
{
	size_t low = 0, high = steering->zone_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(apex, steering->zones_by_apex[middle]->apex);

		if (order == 0)
			return steering->zones_by_apex[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *
feed_kind_text(enum feed_kind kind)
{
	static const char *const texts[] = {
		[FEED_JSON] = "json", [FEED_GEOJSON] = "geojson", [FEED_CAP] = "cap", [FEED_CAP_XML] = "cap-xml",
		[FEED_PROMETHEUS] = "prometheus",
	};

	return texts[kind];
}

region_id
steering_region_find(const struct steering *steering, const char *name)
{
	for (size_t i = 0; i < steering->region_count; i++) {
		if (strcmp(steering->regions[i].name, name) == 0)
			return (region_id)i;
	}
	return NO_REGION;
}

/* The services are sorted by owner in canonical order. */
const struct steering_service *
steering_service_find(const struct steering *steering, const char *name)
{
	uint8_t owner[NAME_MAX];
	size_t low = 0, high = steering->service_count;

	if (name_parse(name, owner) == 0)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(steering->services[middle].owner, owner);

		if (order == 0)
			return &steering->services[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *
sharding_policy_text(enum sharding_policy policy)
{
	static const char *const texts[] = {
		[POLICY_PREDICTIVE] = "predictive", [POLICY_WEIGHTED_RANDOM] = "weighted-random",
		[POLICY_ROUND_ROBIN] = "round-robin", [POLICY_GEOGRAPHIC] = "geographic",
		[POLICY_PRIORITY] = "priority",
	};

	return (size_t)policy < ARRAY_SIZE(texts) ? texts[policy] : "unknown";
}

const char *
prediction_use_text(enum prediction_use use)
{
	static const char *const texts[] = {
		[PREDICTION_ON] = "on", [PREDICTION_ADVICE] = "advice", [PREDICTION_OFF] = "off",
	};

	return (size_t)use < ARRAY_SIZE(texts) ? texts[use] : "unknown";
}

struct region_set
steering_legal(const struct steering_service *service, const uint16_t *groups, size_t count)
{
	struct region_set legal = { 0 };

	for (size_t i = 0; i < service->region_count; i++)
		region_set_add(&legal, service->regions[i].region);
	for (size_t i = 0; i < service->rule_count; i++) {
		if (names_group(&service->rules[i], groups, count))
			legal = region_set_and(legal, service->rules[i].regions);
	}
	return legal;
}

static bool
names_group(const struct residency_rule *rule, const uint16_t *groups, size_t count)
{
	for (size_t i = 0; i < rule->group_count; i++) {
		for (size_t k = 0; k < count; k++) {
			if (rule->groups[i] == groups[k])
				return true;
		}
	}
	return false;
}
