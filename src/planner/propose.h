/* propose.h -- from what is wanted, believed and expected to a plan: the planner's problem, its solution, and what that
 * means in words. Threads: one for each planner. */
#ifndef ISOBAR_PLANNER_PROPOSE_H
#define ISOBAR_PLANNER_PROPOSE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "load/demand_forecast.h"
#include "plan/cost.h"
#include "plan/plan.h"
#include "planner/planner.h"
#include "steer/steering.h"

struct proposal {
	const struct steering *steering;
	const struct plan_region *regions;	/* beliefs with capacities, by region id, one for each */
	struct demand_forecasts demand;		/* in terms of `steering` */
	const struct latency_row *latency;
	size_t latency_count;
	const struct region_set *dead;		/* by service: regions that are to be planned without; NULL: none */
	const struct plan *last;		/* in force, or NULL */
	const struct steering *last_steering;	/* whose numbers `last` uses; NULL: those of `steering` */
	const char *model;			/* id, or "" */
	uint64_t based_on;
	struct wall now;
};

/* Pairs for each predictive service and demand group. Texts are copied. NULL: out of memory. */
struct plan *plan_propose(struct planner *planner, const struct proposal *proposal) NONNULL MUST_USE;

/* Parts of all demand (of `a`), 0 .. 1. Groups of which only one plan speaks differ wholly. */
struct plan_difference {
	double moved;		/* another primary */
	double paired;		/* another primary or another backup */
};
struct plan_difference plan_compare(const struct plan *a, const struct plan *b) NONNULL;

#endif
