/* feed_states.h -- how the feeds are, as the store has it, for answers of the control thread. Threads: a request's. */
#ifndef ISOBAR_API_FEED_STATES_H
#define ISOBAR_API_FEED_STATES_H

#include <stddef.h>

#include "api/request.h"
#include "base/contract.h"
#include "steer/steering.h"
#include "store/store.h"

struct feed_states {
	size_t count;
	struct feed_row list[2 * FEEDS_MAX];	/* also of feeds that have gone; in the request's arena */
};

/* API thread. 0 or -errno. */
int feed_states_read(struct request *request, struct feed_states *states) NONNULL;
const struct feed_row *feed_states_find(const struct feed_states *states, const char *name) NONNULL;	/* or NULL */
/* "new", "good", "failing" (but not for long), "stale". `row` NULL: never tried. */
const char *feed_state_text(const struct steering_feed *feed, const struct feed_row *row, struct wall now)
	__attribute__((nonnull(1)));

#endif
