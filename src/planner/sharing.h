/* sharing.h -- shares from a solved program, and what they do. Inner to the planner. Threads: one. */
#ifndef ISOBAR_PLANNER_SHARING_H
#define ISOBAR_PLANNER_SHARING_H

#include "planner/loads.h"

/* By client, in the scene's arena: clean shares, and the order for places 3 and 4. NULL: out of memory. */
struct planner_share *sharing_of(const struct program *program, const struct loads *loads) NONNULL MUST_USE;

/* Pairs by (primary, backup), each once, without dust, adding up to 1. Returns their number. */
size_t sharing_clean(struct plan_pair *pairs, size_t count) NONNULL;

/* The rows that bind, the dearest first; in the scene's arena. false: out of memory. */
bool sharing_prices(const struct program *program, struct planner_result *result) NONNULL MUST_USE;

/* Sets fill_now, fill_lost and latency from the shares. false: out of memory. */
bool sharing_measure(const struct scene *scene, struct planner_result *result) NONNULL MUST_USE;

#endif
