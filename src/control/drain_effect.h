/* drain_effect.h -- what drains do to the loads of those who take the clients, and what is left of the budget.
 * Pure; threads: control. */
#ifndef ISOBAR_CONTROL_DRAIN_EFFECT_H
#define ISOBAR_CONTROL_DRAIN_EFFECT_H

#include "certificate/certificate.h"
#include "control/drain.h"
#include "control/round.h"
#include "serve/snapshot.h"

struct drain_question {
	const struct snapshot *snapshot;
	const struct certificate_terms *terms;
	const struct round *round;		/* of the same steering */
	const struct override *overrides;	/* all there are */
	size_t override_count;
	const struct override *with;		/* one that would be added, or stand in the place of its id; or NULL */
	int64_t without;			/* id of one that would be gone, or 0 */
	bool against_none;			/* "before" is without any drain, to judge those that there are */
	struct wall at;
};

struct drain_region {
	double before, after;		/* requests/s, with the drains that there are and with the change; 0 unless
					 * `known` */
	double most_before, most;	/* what it may get while they come and go: with all drains but its own */
	double capacity;		/* 0: not known */
	double gained;			/* of the clients that move, the share that comes here */
	double drained;			/* the part of its load that its drains move, as far as they will go, with the
					 * change */
};

struct drain_effect {
	bool known;			/* there is demand to reckon with */
	double moved;			/* share of all demand that's served elsewhere by the change; where no demand is
					 * known, of services and client groups counted alike */
	double budget_before, budget;	/* what drains may bring a region, as a part of what it has left: of the one
					 * where that is most. Safe up to 1; INFINITY: nothing is left; NAN: not
					 * known */
	double unserved;		/* requests/s for which nobody is left */
	region_id worst;		/* the one that the change brings furthest beyond its capacity, be it on the
					 * way; or NO_REGION */
	size_t region_count;
	struct drain_region regions[REGIONS_MAX];
};

/* Loads at the demand of `terms` and its margin, with what is dead now lost, and every drain as far as it will go.
 * False: out of memory. */
bool drain_effect(const struct drain_question *question, struct drain_effect *effect) NONNULL MUST_USE;

/* Where the drains lead; else it's on the way that the region may get too much. */
static inline bool
drain_overloads(const struct drain_region *region)
{
	return region->capacity > 0 && region->after > region->capacity * (1 + CERTIFICATE_SLACK)
	    && region->after > region->before;
}

/* Also on the way: overloaded it may be without the change; then the change must not add to it. */
static inline bool
drain_overbooks(const struct drain_region *region)
{
	return region->capacity > 0 && region->most > region->capacity * (1 + CERTIFICATE_SLACK)
	    && region->most > region->most_before * (1 + 1e-9);
}

#endif
