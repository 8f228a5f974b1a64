/* weights.c -- from forecasts to shares: survival, water-filling to capacity, and pairs.
 * In: steering, beliefs per region.  Out: weights, and the shares of (primary, backup) pairs.
 * Threads: any; touches nothing but its arguments.
 * Invariants: weights are finite and >= 0; pairs name only regions of the service that are in `legal`, and their
 * shares add up to 1.
 *
 * Water-filling: while some region's share of the demand exceeds what it may take, it is held at that, and what is
 * left of the demand is shared among the rest in proportion to their weights. Each round holds at least one more
 * region, so there are at most as many rounds as regions. */
#include "plan/weights.h"

#include <math.h>
#include <stdbool.h>

/* What the rule knows of one region of the service. */
struct member {
	double weight;		/* static x survival, normalised: the share it would take with room enough */
	double most;		/* the share that fills it to h C; INFINITY when that isn't known */
	bool held;
};

static double survival(const struct plan_region *belief);
static double demand(const struct steering_service *service, const struct plan_region *const *regions);
static double usable(double weight);
static double sum_of(const double *values, size_t count);
static void fill(struct member *members, size_t count);
static void share_by_capacity(struct member *members, size_t count);
static size_t legal_shares(const struct steering_service *service, const double *weights, struct region_set legal,
	region_id *ids, double *shares);
static void add_pair(struct plan_pair *pairs, size_t *count, region_id primary, region_id backup, double share);

void
weights_rule(const struct steering *steering, const struct steering_service *service,
    const struct plan_region *const *regions, double *weights)
{
	struct member members[REGIONS_MAX] = { 0 };
	double static_sum, sum = 0, load;

	for (size_t i = 0; i < service->region_count; i++)
		weights[i] = service->regions[i].weight;
	static_sum = sum_of(weights, service->region_count);
	if (regions == NULL || !(static_sum > 0) || !isfinite(static_sum))
		return;
	for (size_t i = 0; i < service->region_count; i++) {
		members[i].weight = usable(weights[i]) * survival(regions[service->regions[i].region]);
		sum += members[i].weight;
	}
	load = demand(service, regions);
	for (size_t i = 0; i < service->region_count; i++) {
		double capacity = steering->regions[service->regions[i].region].capacity;

		members[i].weight /= sum;
		members[i].most = load > 0 && capacity > 0 ? WEIGHTS_HEADROOM * capacity / load : INFINITY;
	}
	fill(members, service->region_count);
	for (size_t i = 0; i < service->region_count; i++)
		weights[i] = members[i].weight * static_sum;
}

static double
survival(const struct plan_region *belief)
{
	double p = belief == NULL ? NAN : belief->probability, stays;

	if (!(p >= 0 && p <= 1))
		return 1;
	stays = (1 - p) * (1 - p);
	return stays > WEIGHTS_SURVIVAL_LEAST ? stays : WEIGHTS_SURVIVAL_LEAST;
}

static double
demand(const struct steering_service *service, const struct plan_region *const *regions)
{
	double sum = 0;

	for (size_t i = 0; i < service->region_count; i++) {
		const struct plan_region *belief = regions[service->regions[i].region];

		if (belief != NULL && isfinite(belief->load_forecast) && belief->load_forecast > 0)
			sum += belief->load_forecast;
	}
	return isfinite(sum) ? sum : 0;
}

/* A weight that can't be used counts as none. */
static double
usable(double weight)
{
	return isfinite(weight) && weight > 0 ? weight : 0;
}

static double
sum_of(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += usable(values[i]);
	return sum;
}

static void
fill(struct member *members, size_t count)
{
	double left = 1, open = 1;	/* of the demand; of the weights that aren't held */
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < count; i++) {
			struct member *m = &members[i];

			if (!m->held && m->weight > 0 && m->weight / open * left > m->most)
				m->held = again = true;
		}
		left = 1;
		open = 0;
		for (size_t i = 0; i < count; i++) {
			left -= members[i].held ? members[i].most : 0;
			open += members[i].held ? 0 : members[i].weight;
		}
		left = left > 0 ? left : 0;	/* rounding */
	}
	if (!(open > 0)) {
		share_by_capacity(members, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		members[i].weight = members[i].held ? members[i].most : members[i].weight / open * left;
}

/* Nobody has room left: the same overload for all. Whoever has a weight was held, so each `most` is finite. */
static void
share_by_capacity(struct member *members, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (members[i].weight > 0)
			sum += members[i].most;
	}
	for (size_t i = 0; i < count; i++)
		members[i].weight = members[i].weight > 0 ? members[i].most / sum : 0;
}

const struct plan_pair *
weights_pairs(const struct steering_service *service, const double *weights, struct region_set legal,
    struct arena *arena, size_t *count)
{
	region_id ids[REGIONS_MAX];
	double shares[REGIONS_MAX];
	size_t regions = legal_shares(service, weights, legal, ids, shares);
	struct plan_pair *pairs = arena_alloc(arena, (regions * regions + 1) * sizeof(*pairs));

	*count = 0;
	if (pairs == NULL)
		return NULL;
	for (size_t k = 0; k < regions; k++) {
		double others = 0;
		size_t idle = 0;

		for (size_t b = 0; b < regions; b++) {
			others += b == k ? 0 : shares[b];
			idle += b != k;
		}
		if (idle == 0)
			add_pair(pairs, count, ids[k], NO_REGION, shares[k]);
		for (size_t b = 0; b < regions; b++) {
			if (b != k && others > 0)
				add_pair(pairs, count, ids[k], ids[b], shares[k] * (shares[b] / others));
			else if (b != k)
				add_pair(pairs, count, ids[k], ids[b], shares[k] / (double)idle);
		}
	}
	return pairs;
}

/* The service's legal regions by id, with shares that add up to 1. Their number. */
static size_t
legal_shares(const struct steering_service *service, const double *weights, struct region_set legal, region_id *ids,
    double *shares)
{
	double by_id[REGIONS_MAX], sum = 0, largest = 0;
	bool member[REGIONS_MAX] = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < service->region_count; i++) {
		region_id r = service->regions[i].region;

		if (r == NO_REGION || !region_set_has(&legal, r))
			continue;
		member[r] = true;
		by_id[r] = usable(weights[i]);
		largest = by_id[r] > largest ? by_id[r] : largest;
	}
	for (size_t r = 0; r < REGIONS_MAX; r++) {
		if (!member[r])
			continue;
		ids[count] = (region_id)r;
		shares[count] = largest > 0 ? by_id[r] / largest : 1;	/* by the largest first: no sum overflows */
		sum += shares[count++];
	}
	for (size_t i = 0; i < count; i++)
		shares[i] /= sum;
	return count;
}

static void
add_pair(struct plan_pair *pairs, size_t *count, region_id primary, region_id backup, double share)
{
	if (share > 0)
		pairs[(*count)++] = (struct plan_pair){ .primary = primary, .backup = backup, .share = share };
}
