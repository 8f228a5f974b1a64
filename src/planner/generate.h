/* generate.h -- a program solved over all legal pairs and all rows. Inner to the planner. Threads: one per program. */
#ifndef ISOBAR_PLANNER_GENERATE_H
#define ISOBAR_PLANNER_GENERATE_H

#include "planner/program.h"

/* Rows that are passed and pairs that would pay are added until there are none. */
enum program_result program_optimise(struct program *program) NONNULL MUST_USE;

#endif
