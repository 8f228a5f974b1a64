/* memory.h -- where a solve ended, by names, so that the next begins there. Inner to the planner.
 * Threads: one per struct memory. */
#ifndef ISOBAR_PLANNER_MEMORY_H
#define ISOBAR_PLANNER_MEMORY_H

#include "planner/loads.h"

struct memory;

/* What a solved program with these loads has in its basis, its rows that bind, its reserves. NULL: out of memory. */
struct memory *memory_new(const struct program *program, const struct loads *loads) NONNULL MUST_USE;
void memory_free(struct memory *memory);

/* Into a program as program_new() made it. Reserves are taken as far as they are about what the last plan needs by
 * today's demand; otherwise they begin at none. */
void memory_recall(const struct memory *memory, struct program *program) NONNULL;

#endif
