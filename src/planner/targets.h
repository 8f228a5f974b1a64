/* targets.h -- what the planner is told of one client besides its demand: where it should be, where it is, what it may
 * cost. Inner to propose.c. Threads: any; pure but for the arena. */
#ifndef ISOBAR_PLANNER_TARGETS_H
#define ISOBAR_PLANNER_TARGETS_H

#include "planner/groups.h"

/* Fills in all of `client` but name, demand, error, legal and the row of latencies, which may be replaced. `cell`
 * stands for all that the client is. False: out of memory. */
bool targets_set(const struct proposal *proposal, const struct partition *partition, const struct cell *cell,
	struct planner_clients *client, struct arena *arena) NONNULL MUST_USE;

#endif
