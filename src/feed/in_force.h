/* in_force.h -- what signals say of each region at a moment, as numbers. Threads: one book, one thread. */
#ifndef ISOBAR_FEED_IN_FORCE_H
#define ISOBAR_FEED_IN_FORCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/contract.h"
#include "steer/steering.h"
#include "store/store.h"

#define SIGNAL_AHEAD_MS 3600000		/* beyond the longest horizon that anything is forecast for */

struct in_force;

/* NULL: out of memory. */
struct in_force *in_force_new(const struct steering *steering, struct wall now) NONNULL MUST_USE;
void in_force_free(struct in_force *book);

/* The feeds' states first, then signals; what isn't of the steering is passed over. False: out of memory. */
void in_force_feed(struct in_force *book, const struct feed_row *feed) NONNULL;
bool in_force_signal(struct in_force *book, const struct signal_row *signal) NONNULL MUST_USE;

bool feed_is_stale(const struct steering_feed *feed, struct wall succeeded, struct wall now) NONNULL;

struct signal_value {
	const char *region, *name;	/* name without "signal:" */
	double value;			/* severity x certainty of the worst in force; NAN: unknown */
	double ahead;			/* of the worst that begins within SIGNAL_AHEAD_MS; NAN: unknown */
	double age_s;			/* since the onset of the worst in force; NAN: there is none */
};
/* Each (region, name) of which there's something to know, by region and name. */
void in_force_each(const struct in_force *book, void (*value)(void *arg, const struct signal_value *value), void *arg)
	__attribute__((nonnull(1, 2)));

#endif
