/* pricing.h -- pairs that aren't in the program and would pay at the present prices. Inner to the planner.
 * Threads: one per program. */
#ifndef ISOBAR_PLANNER_PRICING_H
#define ISOBAR_PLANNER_PRICING_H

#include "planner/program.h"

/* Adds the best pairs of negative reduced cost of each client. Their number: 0 proves that the program is optimal over
 * all legal pairs. */
size_t pricing_add(struct program *program) NONNULL MUST_USE;

#endif
