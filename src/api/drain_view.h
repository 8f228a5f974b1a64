/* drain_view.h -- what a drain does, as JSON and in words; the verdict on a drill. Threads: control. */
#ifndef ISOBAR_API_DRAIN_VIEW_H
#define ISOBAR_API_DRAIN_VIEW_H

#include "api/view.h"
#include "base/arena.h"
#include "base/contract.h"
#include "control/control.h"

/* The member "drain" of an outcome (isobar-api(7)), as text in `arena`. NULL: out of memory. */
const char *drain_view(struct arena *arena, const struct control *control, const struct override *override,
	const struct drain_effect *effect) NONNULL;

/* Errors where somebody would be overloaded, be it on the way, warnings where that isn't known, or where it's
 * forced. */
void drain_judge(const struct control *control, const struct override *override, const struct drain_effect *effect,
	bool force, struct diags *diags) NONNULL;

/* The verdict on a drill that `who` ends now. NULL: it isn't watched, or memory is out. */
const char *drill_note(struct arena *arena, const struct control *control, int64_t id, const char *who) NONNULL;

#endif
