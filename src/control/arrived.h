/* arrived.h -- zones that arrive signed: whether their signatures still count, and for how long. isobard can't renew
 * those; it can tell. Threads: control. */
#ifndef ISOBAR_CONTROL_ARRIVED_H
#define ISOBAR_CONTROL_ARRIVED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/contract.h"
#include "control/world.h"
#include "zone/signed_check.h"

#define EXPIRES_SOON_MS (2 * INT64_C(86400000))	/* whoever signs has failed to for long; and it's a weekend */

struct arrived;
struct arrived *arrived_new(void) MUST_USE;	/* NULL: out of memory */
void arrived_free(struct arrived *arrived);	/* NULL is allowed */

/* With each tick: looks at a few zones, and walks over one that is new, or was walked over an hour ago. Tells the log,
 * once a day, what has expired or will soon. */
void arrived_tick(struct arrived *arrived, const struct world *world, struct wall now) NONNULL;

/* The zones that were looked at; false: there are fewer. `name` is valid until the next tick. */
bool arrived_at(const struct arrived *arrived, size_t i, const char **name, struct zone_validity *validity) NONNULL;
/* False: it isn't one of them. */
bool arrived_find(const struct arrived *arrived, const char *name, struct zone_validity *validity) NONNULL;

#endif
