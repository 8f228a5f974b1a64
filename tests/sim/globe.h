/* globe.h -- the world outside: countries by Internet users, cloud sites by place, what the law says, and who asks how
 * much at which hour. Plain data; threads: immutable once made. */
#ifndef ISOBAR_TESTS_SIM_GLOBE_H
#define ISOBAR_TESTS_SIM_GLOBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "steer/region_set.h"

#define GLOBE_CAPACITY 1e6	/* requests/s, of all regions together: utilisation 0.6 is 600,000 requests/s */
#define GLOBE_NEAREST 6		/* K: what a policy with some regard for latency chooses from */

struct globe_region {
	char name[24], country[3];
	double latitude, longitude;
	double capacity;		/* requests/s */
};

struct globe_group {			/* clients of one country, or of a part of one */
	char name[24], country[3];
	double latitude, longitude;
	double share;			/* of all demand, mean over the day; sum 1 */
	double peak_utc;		/* the hour of most demand: 20:00 by the sun */
	struct region_set legal;
	size_t near_count;
	region_id near[REGIONS_MAX];	/* legal regions, the nearest first */
};

struct globe_options {
	size_t regions;			/* 1 .. 100; beyond 40 sites have a second and a third region */
	size_t parts;			/* of each country: 1 .. 31 */
	size_t groups_most;		/* 0: no limit */
	bool anywhere;			/* no residency */
	uint64_t seed;
};

struct globe {
	size_t region_count, group_count;
	struct globe_region *regions;
	struct globe_group *groups;
	double *latency;		/* ms, [group][region] */
};

struct globe *globe_new(struct globe_options options) MUST_USE;
void globe_free(struct globe *globe);

/* Requests/s by group at an hour of the day (UTC), `total` of them together: demand follows the sun, the sum doesn't, so
 * that a utilisation is what it says at each hour. */
void globe_demand(const struct globe *globe, double hour, double total, double *demand) NONNULL;

/* demand x shares: loads by region; shares [group][region]. */
void globe_loads(const struct globe *globe, const double *demand, const double *shares, double *loads) NONNULL;
/* Requests/s beyond capacity or to a dead region or to nobody. `slack`: part of a capacity that doesn't count. */
double globe_excess(const struct globe *globe, struct region_set dead, const double *loads, double total, double slack)
	NONNULL;
double globe_fill(const struct globe *globe, struct region_set dead, const double *loads) NONNULL;	/* greatest */
double globe_mean_latency(const struct globe *globe, const double *demand, const double *shares) NONNULL;

struct region_set globe_lost(region_id a, region_id b);	/* NO_REGION: none */

#endif
