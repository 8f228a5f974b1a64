/* cost.h -- what it costs to serve a demand group from a region: latency in ms, measured where it was measured, else
 * estimated from the distance. Pure; threads: any. */
#ifndef ISOBAR_PLAN_COST_H
#define ISOBAR_PLAN_COST_H

#include "base/contract.h"
#include "steer/partition.h"
#include "steer/steering.h"

#define COST_UNKNOWN_MS 100.0	/* where a location is missing: the same for all regions, so that it decides nothing */

/* One measured value. Of several that fit, the most particular counts: demand group, then country, then client group;
 * among equals agents' before imported ones, and the newer. */
struct latency_row {
	const char *clients;	/* a client group's name, a country code, or "group/CC" */
	const char *region;
	double ms;
	bool measured;		/* by an agent; else imported */
	int64_t at_ms;
};

/* Round-trip time over the great circle: 1.4 x distance / (2/3 c) x 2, and 4 ms for the last mile. */
double cost_of_distance(double km);

/* Where a demand group is: its country's middle when cut out, the group's location, the middle of its countries. */
struct location demand_location(const struct steering *steering, const struct demand_group *group) NONNULL;

/* ms[i * region_count + r] for demand group i. `known[i]`, if not NULL: was there a location or a measurement. */
void cost_table(const struct steering *steering, const struct partition *partition, const struct latency_row *rows,
	size_t row_count, double *ms, bool *known) __attribute__((nonnull(1, 2, 5)));

#endif
