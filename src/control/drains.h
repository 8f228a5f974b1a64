/* drains.h -- the drains in force, judged: the budget that they use, what they do to loads; and the drill that runs.
 * Threads: control. */
#ifndef ISOBAR_CONTROL_DRAINS_H
#define ISOBAR_CONTROL_DRAINS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/contract.h"
#include "control/drain_effect.h"
#include "control/drill.h"
#include "steer/region_set.h"
#include "store/store.h"

struct control;

struct drains_state {
	unsigned in_force;		/* drains and drills that aren't over */
	double budget;			/* NAN: not known, or none is in force */
	bool unsafe;
	char why[256];			/* when unsafe, in words */
	struct mono judged;
	struct region_set lost;		/* that were dead then */
};

/* The effect of a change of drains, at the demand that is reckoned with now. `without`: an id, or 0. False: out of
 * memory. */
bool drains_effect(const struct control *control, const struct override *with, int64_t without,
	struct drain_effect *effect) __attribute__((nonnull(1, 4))) MUST_USE;
/* The least share, in whole percent, to which the override could drain without `worst`; 1 when there is none. */
double drains_safe_share(const struct control *control, const struct override *override) NONNULL;

/* drills.c */
#define DRILL_RESTARTED "isobard was started again, and nobody has watched in between"
void drills_watch(struct control *control, struct wall wall) NONNULL;	/* with each tick */
void drills_remark(struct control *control, struct wall wall) NONNULL;	/* after the overrides were read again */
bool drills_has(const struct control *control, int64_t id) NONNULL;	/* is there an override of this id? */
struct drill_world drills_world(const struct control *control) NONNULL;
const char *drills_ended_why(const struct control *control, const struct override *override) NONNULL;	/* or NULL */

/* With each tick: judges what is in force, and tells when it becomes unsafe or is safe again. */
void drains_watch(struct control *control, struct mono now, struct wall wall) NONNULL;

#endif
