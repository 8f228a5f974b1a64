/* mincut.h -- can the demand of clients reach regions that have room for it, and if not, who is short of what: a
 * maximal flow and its minimal cut. Pure; threads: any. */
#ifndef ISOBAR_PLANNER_MINCUT_H
#define ISOBAR_PLANNER_MINCUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"
#include "steer/region_set.h"

#define MINCUT_TIERS 10

struct mincut_demand {
	struct region_set reach;	/* nobody: it isn't looked at */
	double amount;
	unsigned tier;			/* 0 .. 9; what can't all be served is missed by the highest tiers */
};

struct mincut {
	bool *clients;			/* the caller's, one for each demand: is it short? */
	struct region_set regions;	/* all that these reach; all full */
	double demand;			/* of these clients */
	double room;			/* of these regions, < demand */
	double missing[MINCUT_TIERS];	/* by tier */
};

/* `room` by region, >= 0, INFINITY allowed. Sums below `least` don't count as missing. *missing: in all; 0: no cut, the
 * rest is empty. false: out of memory. */
bool mincut_find(const struct mincut_demand *demands, size_t count, const double *room, size_t region_count,
	double least, struct mincut *cut, double *missing) NONNULL MUST_USE;

#endif
