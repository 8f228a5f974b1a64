/* drain.h -- drains as overrides: what one lets in at a moment. Pure; threads: any. */
#ifndef ISOBAR_CONTROL_DRAIN_H
#define ISOBAR_CONTROL_DRAIN_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/contract.h"
#include "store/store.h"

/* The share of its own clients that the region lets in by this override alone: from `begin` to `value` within over_ms
 * from `from` on; there until `until`; and back to all within over_ms from then on. 1 before and after. */
double drain_share(const struct override *override, struct wall at) NONNULL;
double drain_goal(const struct override *override, struct wall at) NONNULL;	/* the least from `at` on */
bool drain_is_over(const struct override *override, struct wall at) NONNULL;	/* and everybody is back */
bool drain_is_ending(const struct override *override, struct wall at) NONNULL;	/* on the way back */

/* Makes it a way back from the share of this moment, which takes over_ms. */
void drain_end(struct override *override, int64_t over_ms, struct wall now) NONNULL;

#endif
