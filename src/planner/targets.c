/* targets.c -- targets, limits and the last shares of one of the planner's clients.
 * In: a proposal and a cell.  Out: fields of a struct planner_clients.
 * Threads: any.
 *
 * Where the operator wrote weights, they are the target, and leaving them costs what steering.yaml says; a region that
 * is likely to fail has less of a target, by its chance of survival. Where no weight is written, capacity is the
 * target, or else equal shares, for a millisecond: it decides only between regions that are as good as each other, as
 * they all are where nobody knows where a client is. A region of weight 0 is the last resort: it counts as so much
 * farther away, for primaries and backups. */
#include "planner/targets.h"

#include <math.h>
#include <string.h>

#include "plan/weights.h"
#include "planner/sharing.h"

#define EVEN_COST_MS 1.0

static bool set_target(const struct proposal *proposal, const struct steering_service *service,
	struct planner_clients *client, struct arena *arena);
static double wanted(const struct proposal *proposal, const struct steering_service *service, size_t i,
	bool capacities);
static bool push_away_last_resorts(const struct proposal *proposal, const struct steering_service *service,
	struct planner_clients *client, struct arena *arena);
static bool set_before(const struct proposal *proposal, const struct partition *partition, const struct cell *cell,
	struct planner_clients *client, struct arena *arena);
static const struct plan_group *last_group(const struct proposal *proposal, const struct steering_service *service,
	uint16_t group, uint8_t country);
static const struct plan_group *find_group(const struct plan_service *service, const struct steering *names,
	const char *name, uint8_t country);
static bool set_fixed(const struct proposal *proposal, const struct partition *partition, const struct cell *cell,
	struct planner_clients *client, struct arena *arena);
static size_t ranked(const struct proposal *proposal, const struct steering_service *service,
	const struct demand_group *group, struct region_set legal, region_id best[static 2]);

bool
targets_set(const struct proposal *proposal, const struct partition *partition, const struct cell *cell,
	struct planner_clients *client, struct arena *arena)
{
	const struct steering_service *service = &proposal->steering->services[cell->service];

	client->latency_cap = service->latency_max_ms > 0 ? service->latency_max_ms : INFINITY;
	client->class = service->class > 0 ? service->class : 5;
	client->sheddable = service->shed;
	client->fixed = !grouping_plans(service);
	if (client->fixed)
		return set_fixed(proposal, partition, cell, client, arena);
	return set_target(proposal, service, client, arena) &&
	    push_away_last_resorts(proposal, service, client, arena) &&
	    set_before(proposal, partition, cell, client, arena);
}

static bool
set_target(const struct proposal *proposal, const struct steering_service *service, struct planner_clients *client,
	struct arena *arena)
{
	double *target = arena_alloc(arena, (proposal->steering->region_count + 1) * sizeof(*target)), sum = 0;
	bool capacities = true;

	if (target == NULL)
		return false;
	for (size_t i = 0; i < service->region_count; i++)
		capacities = capacities && proposal->regions[service->regions[i].region].capacity > 0;
	for (size_t i = 0; i < service->region_count; i++) {
		region_id region = service->regions[i].region;

		if (!region_set_has(&client->legal, region))
			continue;
		target[region] = wanted(proposal, service, i, capacities);
		sum += target[region];
	}
	if (!(sum > 0) || !isfinite(sum))
		return true;		/* only last resorts are left: nothing to keep to */
	for (size_t r = 0; r < proposal->steering->region_count; r++)
		target[r] /= sum;
	client->target = target;
	client->target_cost = service->weighted ? proposal->steering->planning.weight_cost_ms : EVEN_COST_MS;
	return true;
}

static double
wanted(const struct proposal *proposal, const struct steering_service *service, size_t i, bool capacities)
{
	const struct plan_region *belief = &proposal->regions[service->regions[i].region];
	double share = capacities && !service->weighted ? belief->capacity : 1;

	return (service->weighted ? service->regions[i].weight : share) * weights_survival(belief->probability);
}

static bool
push_away_last_resorts(const struct proposal *proposal, const struct steering_service *service,
	struct planner_clients *client, struct arena *arena)
{
	double *latency = NULL;

	for (size_t i = 0; i < service->region_count; i++) {
		if (service->regions[i].weight > 0)
			continue;
		if (latency == NULL)
			latency = arena_copy(arena, client->latency,
			    proposal->steering->region_count * sizeof(*latency));
		if (latency == NULL)
			return false;
		latency[service->regions[i].region] += proposal->steering->planning.weight_cost_ms;
		client->latency = latency;
	}
	return true;
}

/* --- what the last plan did ---------------------------------------------------------------------------------- */

static bool
set_before(const struct proposal *proposal, const struct partition *partition, const struct cell *cell,
	struct planner_clients *client, struct arena *arena)
{
	const struct steering *steering = proposal->steering;
	const struct steering *names = proposal->last_steering == NULL ? steering : proposal->last_steering;
	const struct demand_group *group = &partition->groups[cell->group];
	const struct plan_group *last = last_group(proposal, &steering->services[cell->service], group->group,
	    group->country);
	struct plan_pair *pairs;

	if (last == NULL)
		return true;
	pairs = arena_alloc(arena, (last->pair_count + 1) * sizeof(*pairs));
	if (pairs == NULL)
		return false;
	client->before = pairs;
	for (size_t i = 0; i < last->pair_count; i++) {
		struct plan_pair pair = last->pairs[i];

		if (pair.primary != NO_REGION)
			pair.primary = steering_region_find(steering, names->regions[pair.primary].name);
		if (pair.backup != NO_REGION)
			pair.backup = steering_region_find(steering, names->regions[pair.backup].name);
		if (pair.primary == NO_REGION && last->pairs[i].primary != NO_REGION) {
			/* The region is gone from the steering; its clients went to their backup. */
			pair.primary = pair.backup;
			pair.backup = NO_REGION;
			if (pair.primary == NO_REGION)
				continue;
		}
		pairs[client->before_count++] = pair;
	}
	client->before_count = sharing_clean(pairs, client->before_count);
	return true;
}

/* The group itself; before its country was cut out of it, what that country followed; or the default group. */
static const struct plan_group *
last_group(const struct proposal *proposal, const struct steering_service *service, uint16_t group, uint8_t country)
{
	const struct steering *names = proposal->last_steering == NULL ? proposal->steering : proposal->last_steering;
	const struct plan *last = proposal->last;
	const struct plan_group *found = NULL;

	for (size_t s = 0; last != NULL && s < last->service_count; s++) {
		const struct plan_service *planned = &last->services[s];

		if (strcmp(planned->name, service->name) != 0)
			continue;
		found = find_group(planned, names, proposal->steering->groups[group].name, country);
		if (found == NULL)
			found = find_group(planned, names, proposal->steering->groups[group].name, COUNTRY_UNKNOWN);
		if (found == NULL)
			found = find_group(planned, names, proposal->steering->groups[GROUP_DEFAULT].name,
			    COUNTRY_UNKNOWN);
	}
	return found;
}

static const struct plan_group *
find_group(const struct plan_service *service, const struct steering *names, const char *name, uint8_t country)
{
	for (size_t g = 0; g < service->group_count; g++) {
		if (service->groups[g].country == country &&
		    strcmp(names->groups[service->groups[g].group].name, name) == 0)
			return &service->groups[g];
	}
	return NULL;
}

/* --- what isn't planned -------------------------------------------------------------------------------------- */

static bool
set_fixed(const struct proposal *proposal, const struct partition *partition, const struct cell *cell,
	struct planner_clients *client, struct arena *arena)
{
	const struct steering_service *service = &proposal->steering->services[cell->service];
	struct plan_pair *pair = arena_alloc(arena, sizeof(*pair));
	double weights[REGIONS_MAX];
	region_id best[2] = { NO_REGION, NO_REGION };

	if (pair == NULL)
		return false;
	if (service->policy == POLICY_WEIGHTED_RANDOM || service->policy == POLICY_ROUND_ROBIN) {
		weights_static(service, weights);
		client->before = weights_pairs(service, weights, client->legal, arena, &client->before_count);
		return client->before != NULL;
	}
	client->before_count = ranked(proposal, service, &partition->groups[cell->group], client->legal, best) > 0;
	*pair = (struct plan_pair){ best[0], best[1], 1 };
	client->before = pair;
	return true;
}

/* The first two of the list that geographic and priority services give all their clients. */
static size_t
ranked(const struct proposal *proposal, const struct steering_service *service, const struct demand_group *group,
	struct region_set legal, region_id best[static 2])
{
	struct location from = demand_location(proposal->steering, group);
	double keys[2] = { INFINITY, INFINITY };
	size_t count = 0;

	for (size_t i = 0; i < service->region_count; i++) {
		const struct service_region *member = &service->regions[i];
		const struct location *to = &proposal->steering->regions[member->region].location;
		double key = member->priority;

		if (!region_set_has(&legal, member->region))
			continue;
		if (service->policy == POLICY_GEOGRAPHIC && from.known)
			key = !to->known ? 1e6 :
			    great_circle_km(from.latitude, from.longitude, to->latitude, to->longitude);
		if (member->weight <= 0)
			key += 1e9;
		count++;
		if (key < keys[0]) {
			keys[1] = keys[0];
			best[1] = best[0];
			keys[0] = key;
			best[0] = member->region;
		} else if (key < keys[1]) {
			keys[1] = key;
			best[1] = member->region;
		}
	}
	return count;
}
