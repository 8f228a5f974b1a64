/* explore.h -- a few clients stay with a region that the model alone wants empty. Inner to propose.c. */
#ifndef ISOBAR_PLANNER_EXPLORE_H
#define ISOBAR_PLANNER_EXPLORE_H

#include "planner/groups.h"

/* Shares like the result's, by client, with what must stay. In `arena`. NULL: out of memory. */
const struct planner_share *explore(const struct proposal *proposal, const struct grouping *grouping,
	const struct planner_problem *problem, const struct planner_result *result, struct arena *arena)
	NONNULL MUST_USE;

#endif
