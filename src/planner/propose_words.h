/* propose_words.h -- what the planner found, as people read it. Inner to propose.c. Texts live in the plan's arena. */
#ifndef ISOBAR_PLANNER_PROPOSE_WORDS_H
#define ISOBAR_PLANNER_PROPOSE_WORDS_H

#include "plan/plan.h"
#include "planner/planner.h"

const char *propose_method(enum planner_method method);
/* Each false: out of memory. */
bool propose_relaxations(struct plan *plan, const struct planner_result *result) NONNULL MUST_USE;
/* Every load beyond what the plan is held to, in every case, found by walking the lists. */
bool propose_overloads(struct plan *plan, const struct planner_problem *problem, const struct planner_result *result)
	NONNULL MUST_USE;
/* The price of a region's capacity, and which rows make it. */
bool propose_price(struct plan_region *region, const struct planner_problem *problem,
	const struct planner_result *result, struct arena *arena) NONNULL MUST_USE;

#endif
