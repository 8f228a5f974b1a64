/* weights.c -- static weights: what they are when a region may fail, and the pairs that they mean.
 * In: a service's weights.  Out: shares of (primary, backup) pairs.
 * Threads: any; touches nothing but its arguments.
 * Invariants: pairs name only regions of the service that are in `legal`, and their shares add up to 1. */
#include "plan/weights.h"

#include <math.h>
#include <stdbool.h>

static double usable(double weight);
static size_t legal_shares(const struct steering_service *service, const double *weights, struct region_set legal,
	region_id *ids, double *shares);
static void add_pair(struct plan_pair *pairs, size_t *count, region_id primary, region_id backup, double share);

void
weights_static(const struct steering_service *service, double *weights)
{
	for (size_t i = 0; i < service->region_count; i++)
		weights[i] = service->regions[i].weight;
}

double
weights_survival(double p)
{
	double stays = (1 - p) * (1 - p);

	if (!(p >= 0 && p <= 1))
		return 1;
	return stays > WEIGHTS_SURVIVAL_LEAST ? stays : WEIGHTS_SURVIVAL_LEAST;
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

/* A weight that can't be used counts as none. */
static double
usable(double weight)
{
	return isfinite(weight) && weight > 0 ? weight : 0;
}

static void
add_pair(struct plan_pair *pairs, size_t *count, region_id primary, region_id backup, double share)
{
	if (share > 0)
		pairs[(*count)++] = (struct plan_pair){ .primary = primary, .backup = backup, .share = share };
}
