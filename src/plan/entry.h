/* entry.h -- from the last plan to the next while caches lead clients by both. Inner to the planner. Threads: one. */
#ifndef ISOBAR_PLAN_ENTRY_H
#define ISOBAR_PLAN_ENTRY_H

#include "plan/loads.h"

/* After program_optimise(): holds what is new in each region to the room that is left beside what it had, if that can be.
 * If not, the program is as before, and *step says how far one may go towards it. */
enum program_result entry_optimise(struct program *program, struct loads *loads, double *step) NONNULL MUST_USE;

/* Shares a part of the way from the last plan: in the scene's arena, NULL: out of memory. `shares` themselves, and *step 1,
 * if the mixture isn't within all limits. */
struct planner_share *entry_mix(const struct scene *scene, struct planner_share *shares, double *step) NONNULL MUST_USE;

#endif
