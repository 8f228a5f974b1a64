/* losses.h -- what compiled tables bring each region, now and in every loss that is planned for, beside what the plan
 * meant. For the compilation alone: the judge (certificate/) shares nothing with it. */
#ifndef ISOBAR_PACKING_LOSSES_H
#define ISOBAR_PACKING_LOSSES_H

#include "packing/compile_parts.h"

/* One table of a planned demand group. */
struct planned_table {
	const struct job *job;
	uint16_t group;			/* demand group */
	struct slot_table **table;
	const struct plan_group *planned;
	double rate;			/* requests/s of the group */
	double *has;			/* requests/s of each of its pairs */
};

struct losses {
	size_t region_count, case_count;	/* case 0: nobody is lost; then each region, then each risk group */
	struct region_set *lost;		/* by case */
	uint16_t **cases_of;			/* by region: cases in which it is lost, */
	size_t *cases_count;			/* and how many */
	double *capacities;			/* requests/s by region; 0: not known */
	double *loads, *limits;			/* requests/s [case][region]; INFINITY where there's no capacity */
	size_t table_count;
	struct planned_table *tables;
};

/* All in `arena`. False: out of memory. */
bool losses_find(struct losses *losses, const struct job *jobs, size_t count, const struct plan *plan,
	struct compiled *compiled, struct arena *arena) NONNULL MUST_USE;

/* Who serves a pair's clients when these are lost: of places 3 and 4 the planner's order is known, no other. */
region_id losses_server(const struct planned_table *table, size_t pair, const struct region_set *lost) NONNULL;

#endif
