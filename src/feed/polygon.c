/* polygon.c -- places in polygons, also across the antimeridian and around a pole.
 * In: rings of longitude and latitude, a place.  Out: inside or not.
 * Edges are straight in longitude and latitude, as GeoJSON defines them (RFC 7946 section 3.1.1); CAP says nothing, and
 * over the areas of alerts the great circle differs by less than the areas are exact.
 * A ring is unrolled first: each edge goes the short way round, so that one from 179 to -179 crosses the antimeridian,
 * as alerts are drawn although RFC 7946 asks for a cut there. An edge of 360 degrees is what it says: a box around the
 * globe. A ring that ends a whole turn from its begin goes around a pole: the nearer one, to which it's closed.
 * Then the place is tested by the crossing number, at its longitude and a turn to both sides. A place on an edge may be
 * told either way.
 * Threads: any; pure. */
#include "feed/polygon.h"

#include <math.h>

#define TURN 360.0
#define TURN_NEAR 1e-9	/* of rounding, when something was a whole turn */

static bool ring_has(const struct ring *ring, struct position place);
static double step(double from, double to);
static bool crosses(struct position a, struct position b, struct position place);

bool
polygon_has(const struct ring *rings, size_t count, struct position place)
{
	if (count == 0 || !ring_has(&rings[0], place))
		return false;
	for (size_t i = 1; i < count; i++)
		if (ring_has(&rings[i], place))
			return false;
	return true;
}

static bool
ring_has(const struct ring *ring, struct position place)
{
	double turn = 0, latitudes = 0;
	unsigned crossings[3] = { 0 };

	for (size_t i = 0; i < ring->count; i++) {
		turn += step(ring->positions[i].longitude, ring->positions[(i + 1) % ring->count].longitude);
		latitudes += ring->positions[i].latitude;
	}
	for (int side = 0; side < 3; side++) {
		struct position at = { place.longitude + (side - 1) * TURN, place.latitude };
		struct position a, b = ring->count == 0 ? at : ring->positions[0];

		for (size_t i = 0; i < ring->count; i++) {
			const struct position *next = &ring->positions[(i + 1) % ring->count];

			a = b;
			b = (struct position){ a.longitude + step(ring->positions[i].longitude, next->longitude),
				next->latitude };
			crossings[side] += crosses(a, b, at);
		}
		if (fabs(turn) > TURN / 2) {
			double pole = latitudes < 0 ? -90 : 90;
			struct position end = { b.longitude, pole }, begin = { ring->positions[0].longitude, pole };

			crossings[side] += crosses(b, end, at);
			crossings[side] += crosses(end, begin, at);
			crossings[side] += crosses(begin, ring->positions[0], at);
		}
		if (crossings[side] % 2 == 1)
			return true;
	}
	return false;
}

/* From one longitude to the other, the short way unless it's a whole turn. */
static double
step(double from, double to)
{
	double way = to - from;

	if (fabs(fabs(way) - TURN) < TURN_NEAR)
		return way;
	return way - TURN * round(way / TURN);
}

/* Does a ray from the place to the east cross the edge? Each edge holds its southern end only. */
static bool
crosses(struct position a, struct position b, struct position place)
{
	if ((a.latitude > place.latitude) == (b.latitude > place.latitude))
		return false;
	return place.longitude <
	    a.longitude + (place.latitude - a.latitude) / (b.latitude - a.latitude) * (b.longitude - a.longitude);
}
