/* entry.h -- from the last plan to the next while caches lead clients by both. Inner to the planner. Threads: one. */
#ifndef ISOBAR_PLANNER_ENTRY_H
#define ISOBAR_PLANNER_ENTRY_H

#include "planner/loads.h"
#include "planner/relax.h"

/* After the program was solved: holds what is new in each region to the room beside what it had. */
struct entry {
	double step;			/* how much of the way to the optimum that is; 1: all */
	bool mix;			/* it couldn't be held: shares go only `step` of the way */
	region_id tightest;		/* then, the region that has least room for what comes */
	double room, arriving;		/* there, scaled */
};

enum program_result entry_optimise(struct program *program, struct loads *loads, struct entry *entry) NONNULL MUST_USE;

/* Shares a part of the way from the last plan, and a step in `made` if they need its margins; `shares` themselves, and
 * a step of 1, if the mixture would overload a region. In the scene's arena; NULL: out of memory. */
struct planner_share *entry_mix(struct scene *scene, struct planner_share *shares, struct entry *entry,
	struct relaxation *made) NONNULL MUST_USE;

#endif
