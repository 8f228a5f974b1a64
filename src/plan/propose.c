/* propose.c -- from beliefs about regions to a plan.
 * In: the steering, a belief per region.  Out: pairs for each predictive service and client group.
 * Threads: any. The plan owns all that it says.
 * A group's regions are what its residency rules leave, which are applied first; a plan can't name another
 * region, whatever is believed. */
#include "plan/propose.h"

#include <math.h>
#include <string.h>

#include "plan/weights.h"

static bool copy_regions(struct plan *plan, const struct steering *steering, const struct plan_region *regions);
static bool add_service(struct plan *plan, const struct steering *steering, const struct steering_service *service,
	struct plan_service *planned);
static bool legal_differs(const struct steering_service *service, uint16_t group);
static double group_distance(const struct plan_group *a, const struct plan_group *b);

struct plan *
plan_propose(const struct steering *steering, const struct plan_region *regions, const char *model, uint64_t based_on,
    struct wall now)
{
	struct arena *arena = arena_new();
	struct plan *plan = arena == NULL ? NULL : arena_alloc(arena, sizeof(*plan));
	struct plan_service *services;
	size_t count = 0;

	if (plan == NULL)
		goto fail;
	*plan = (struct plan){ .arena = arena, .made = now, .based_on = based_on, .model = arena_text(arena, model) };
	services = arena_alloc(arena, (steering->service_count + 1) * sizeof(*services));
	if (plan->model == NULL || services == NULL || !copy_regions(plan, steering, regions))
		goto fail;
	for (size_t i = 0; i < steering->service_count; i++) {
		if (steering->services[i].policy != POLICY_PREDICTIVE)
			continue;
		if (!add_service(plan, steering, &steering->services[i], &services[count++]))
			goto fail;
	}
	plan->services = services;
	plan->service_count = count;
	return plan;
fail:
	arena_free(arena);
	return NULL;
}

static bool
copy_regions(struct plan *plan, const struct steering *steering, const struct plan_region *regions)
{
	struct plan_region *copies = arena_alloc(plan->arena, (steering->region_count + 1) * sizeof(*copies));

	if (copies == NULL)
		return false;
	for (size_t i = 0; i < steering->region_count; i++) {
		copies[i] = regions[i];
		copies[i].reason = arena_text(plan->arena, regions[i].reason);
		if (copies[i].reason == NULL)
			return false;
	}
	plan->regions = copies;
	plan->region_count = steering->region_count;
	return true;
}

static bool
add_service(struct plan *plan, const struct steering *steering, const struct steering_service *service,
    struct plan_service *planned)
{
	const struct plan_region *by_id[REGIONS_MAX] = { NULL };
	double weights[REGIONS_MAX];
	struct plan_group *groups = arena_alloc(plan->arena, steering->group_count * sizeof(*groups));
	size_t count = 0;

	planned->name = arena_text(plan->arena, service->name);
	if (groups == NULL || planned->name == NULL)
		return false;
	for (size_t i = 0; i < plan->region_count; i++)
		by_id[plan->regions[i].region] = &plan->regions[i];
	weights_rule(steering, service, by_id, weights);
	for (size_t g = 0; g < steering->group_count; g++) {
		uint16_t group = (uint16_t)g;
		struct plan_group *entry = &groups[count];

		if (group != GROUP_DEFAULT && !legal_differs(service, group))
			continue;
		entry->group = group;
		entry->pairs = weights_pairs(service, weights, steering_legal(service, &group, 1), plan->arena,
		    &entry->pair_count);
		if (entry->pairs == NULL)
			return false;
		count++;
	}
	planned->groups = groups;
	planned->group_count = count;
	return true;
}

static bool
legal_differs(const struct steering_service *service, uint16_t group)
{
	const uint16_t fallback = GROUP_DEFAULT;
	struct region_set a = steering_legal(service, &group, 1), b = steering_legal(service, &fallback, 1);

	return memcmp(&a, &b, sizeof(a)) != 0;
}

double
plan_distance(const struct plan *a, const struct plan *b)
{
	double most = 0;

	if (a->service_count != b->service_count)
		return 1;
	for (size_t i = 0; i < a->service_count; i++) {
		const struct plan_service *x = &a->services[i], *y = &b->services[i];

		if (strcmp(x->name, y->name) != 0 || x->group_count != y->group_count)
			return 1;
		for (size_t g = 0; g < x->group_count; g++) {
			double distance = x->groups[g].group == y->groups[g].group ?
			    group_distance(&x->groups[g], &y->groups[g]) : 1;

			most = distance > most ? distance : most;
		}
	}
	return most;
}

static double
group_distance(const struct plan_group *a, const struct plan_group *b)
{
	double shares[REGIONS_MAX + 1] = { 0 }, most = 0;

	for (size_t i = 0; i < a->pair_count; i++)
		shares[a->pairs[i].primary] += a->pairs[i].share;
	for (size_t i = 0; i < b->pair_count; i++)
		shares[b->pairs[i].primary] -= b->pairs[i].share;
	for (size_t r = 0; r <= REGIONS_MAX; r++)
		most = fabs(shares[r]) > most ? fabs(shares[r]) : most;
	return most;
}
