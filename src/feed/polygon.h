/* polygon.h -- is a place inside of a polygon on the globe? Threads: any; pure. */
#ifndef ISOBAR_FEED_POLYGON_H
#define ISOBAR_FEED_POLYGON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"

struct position {
	double longitude, latitude;	/* degrees; longitudes may be beyond +-180 */
};

struct ring {
	size_t count;			/* the first position may come again at the end, or not */
	const struct position *positions;
};

/* In rings[0], and in none of the others, which are its holes. */
bool polygon_has(const struct ring *rings, size_t count, struct position place) NONNULL;

#endif
