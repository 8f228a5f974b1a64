/* propose.h -- the plan that forecasts lead to: the weights' rule for every predictive service. Threads: any. */
#ifndef ISOBAR_PLAN_PROPOSE_H
#define ISOBAR_PLAN_PROPOSE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "plan/plan.h"
#include "steer/steering.h"

/* `regions` are beliefs by region id, one for each region of the steering; texts in them are copied. Groups whose legal
 * regions are those of the default group are left out. NULL: out of memory. */
struct plan *plan_propose(const struct steering *steering, const struct plan_region *regions, const char *model,
	uint64_t based_on, struct wall now) NONNULL MUST_USE;

/* The largest difference of a region's share of any group between two plans, 0 .. 1; 1 when they speak of different
 * services or groups. */
double plan_distance(const struct plan *a, const struct plan *b) NONNULL;

#endif
