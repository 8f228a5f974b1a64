/* secondaries.h -- what secondaries get: an edition of each zone that may be transferred, renewed when what is answered
 * changes, and NOTIFY to those who are to know.
 * Threads: control. */
#ifndef ISOBAR_CONTROL_SECONDARIES_H
#define ISOBAR_CONTROL_SECONDARIES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/contract.h"
#include "control/control.h"
#include "control/notify.h"

struct secondaries;

/* With the serials that the store remembers. NULL: out of memory. */
struct secondaries *secondaries_new(struct control *control) NONNULL MUST_USE;
/* Makes the editions that are due, and publishes them to the workers; `loop` for NOTIFY, or NULL: later. */
void secondaries_tick(struct secondaries *secondaries, uv_loop_t *loop, struct mono now, struct wall wall)
	__attribute__((nonnull(1)));
void secondaries_close(struct secondaries *secondaries);	/* its handles; NULL is allowed here and below */
void secondaries_free(struct secondaries *secondaries);		/* after the server */

struct secondaries_view {
	uint32_t serial, written;	/* that is told, and that of the zone's text */
	struct mono made;		/* when it came */
	bool frozen;			/* a copy of a zone with steered names */
	size_t octets, differences;	/* of the history */
};
/* False: nobody may have this zone, or it isn't ready. */
bool secondaries_view(const struct secondaries *secondaries, const uint8_t *apex, struct secondaries_view *view)
	NONNULL;
/* How many serials were told behind this one; 0: it's the present one. SIZE_MAX: the history doesn't know it. */
size_t secondaries_behind(const struct secondaries *secondaries, const uint8_t *apex, uint32_t serial) NONNULL;
const struct notifier *secondaries_notifier(const struct secondaries *secondaries) NONNULL;	/* or NULL */

#endif
