/* weights.h -- from forecasts to shares: the simple rule (isobar-steering(7)). The PAE calls it for predictive
 * services; isobard calls it with no forecast for the static policies. Pure; threads: any. */
#ifndef ISOBAR_PLAN_WEIGHTS_H
#define ISOBAR_PLAN_WEIGHTS_H

#include "base/arena.h"
#include "base/contract.h"
#include "plan/plan.h"
#include "steer/steering.h"

#define WEIGHTS_HEADROOM 0.8		/* h: the part of a region's capacity that a plan may fill */
#define WEIGHTS_SURVIVAL_LEAST 0.05	/* the model alone never drains a region wholly: it must stay measurable */

/* Weights by region of the service, in the order of service->regions:
 *	1. w = static weight x survival, survival = max((1 - p)^2, 0.05) for a known p, 1 when unknown.
 *	2. The demand D is the sum of the known load forecasts of these regions. Where the share w / sum(w) of D would
 *	   exceed h C (h = 0.8, C the region's capacity, when known), the share is cut to h C / D, and the others take
 *	   over in proportion to w. When nobody has room left, all shares are in proportion to the capacities.
 * Only the sum of the loads counts, not where they are now, so that the rule doesn't react to its own effect: a factor
 * per region such as (h C - L) / (h C) answers a shift of load by a larger one back as soon as L > h C / 2.
 * The sum of the weights is that of the static ones. A static weight of 0 stays 0; all 0: the static weights stand.
 * `regions[r]` are beliefs by region id, an entry may be NULL; NULL: none for anybody, the static weights. */
void weights_rule(const struct steering *steering, const struct steering_service *service,
	const struct plan_region *const *regions, double *weights) __attribute__((nonnull(1, 2, 4)));

/* Weights to pairs within `legal`: x(k, b) = w_k w_b / (1 - w_k), so that on the loss of k its clients follow the
 * others' weights. Zero weights get no share while another legal region has weight; they back up a region that has
 * all of it. All legal weights zero: equal shares. In `arena`; *count pairs, 0 when no region is legal.
 * NULL: out of memory. */
const struct plan_pair *weights_pairs(const struct steering_service *service, const double *weights,
	struct region_set legal, struct arena *arena, size_t *count) NONNULL MUST_USE;

#endif
