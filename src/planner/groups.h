/* groups.h -- which clients are planned together: countries of large demand are cut out of their groups, and demand
 * groups for which all that the planner looks at is alike become one. Inner to propose.c. Threads: one. */
#ifndef ISOBAR_PLANNER_GROUPS_H
#define ISOBAR_PLANNER_GROUPS_H

#include "planner/propose.h"
#include "steer/partition.h"

#define CELL_LEFT_OUT UINT32_MAX

/* A demand group of a service. */
struct cell {
	uint16_t service, group;	/* indices into the steering's services and the partition */
	uint32_t client;		/* what it's planned as; CELL_LEFT_OUT: like the default group of its service */
	struct region_set legal;	/* that are to be planned with: the dead are left out where others are legal */
	double demand, error;
};

struct grouping {
	const struct partition *partition;
	size_t cell_count;
	struct cell *cells;		/* by (service, group) */
	size_t client_count;
	struct planner_clients *clients;
	uint32_t *leaders;	/* by client: its cell with the largest demand */
};

/* In `arena`. NULL: out of memory. */
struct grouping *grouping_new(const struct proposal *proposal, struct arena *arena) NONNULL MUST_USE;

/* Is the service one whose clients are planned? Others do what their policy says, and take room. */
static inline bool
grouping_plans(const struct steering_service *service)
{
	return service->policy == POLICY_PREDICTIVE;
}

#endif
