/* fallback.h -- shares without a program: the last plan cut to what lives, or by capacity. Inner to the planner.
 * Threads: any. */
#ifndef ISOBAR_PLANNER_FALLBACK_H
#define ISOBAR_PLANNER_FALLBACK_H

#include "planner/scene.h"

/* The pair that does what `pair` does now: dead and illegal regions replaced by the next of the client's order. The
 * client has a legal region. */
struct plan_pair fallback_clip(const struct scene *scene, size_t c, struct plan_pair pair) NONNULL;

/* By client, in the scene's arena; *method says which. NULL: out of memory. */
struct planner_share *fallback_shares(const struct scene *scene, enum planner_method *method) NONNULL MUST_USE;

#endif
