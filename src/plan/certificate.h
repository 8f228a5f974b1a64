/* certificate.h -- the check between a plan and its publication, and what the tables do when regions are lost: from the
 * compiled tables, not from what the planner meant. Shares no code with whatever made them. Pure; threads: any. */
#ifndef ISOBAR_PLAN_CERTIFICATE_H
#define ISOBAR_PLAN_CERTIFICATE_H

#include <stdbool.h>

#include "base/contract.h"
#include "base/text.h"
#include "plan/demand.h"
#include "plan/plan.h"
#include "serve/snapshot.h"

#define CERTIFICATE_SLACK 0.005	/* of a capacity: slots are whole */

struct certificate_terms {
	const struct plan *plan;	/* what was meant: demand, limits, overloads that are admitted; or NULL */
	const struct demand *demand;	/* of what the plan doesn't speak of; or NULL */
	const double *capacities;	/* requests/s by region, 0: not known */
	const struct snapshot *present;	/* in service, or NULL: for what would move, and what it does now */
};

/* One state of the world: nobody lost, one region, or one risk group. */
struct certificate_case {
	const char *lost;		/* "", region or risk group; lives as long as the steering */
	struct region_set regions;
	double *loads;			/* requests/s by region */
	double unserved;		/* requests/s of clients without a live legal region */
};

struct certificate {
	struct arena *arena;
	bool good;
	struct text why;		/* the first failing check with its numbers; empty when good */
	size_t case_count;		/* [0]: nobody lost; then each region that some service has; then risk groups */
	const struct certificate_case *cases;
	double *room;			/* by region: the largest part of it that may be drained, others untouched,
					 * 0 .. 1. Drains x are safe while sum(x / room) <= 1: loads are convex in x */
	double moved;			/* share of all demand whose primary changes from `present` */
	double worst_now, worst_lost;	/* load / capacity, the greatest */
	uint64_t violations;		/* lists with a region outside the law: never above 0 when good */
};

/* Good when every list of every table holds only regions of its service that residency allows to the table's clients,
 * none twice, none after the end, never an empty list where a legal region exists and the plan sheds nobody, no rank
 * beyond all admission, equal lists where the table says so; when the slots' demand meets the plan's pairs; and when no
 * region's load passes its capacity in any case by more than CERTIFICATE_SLACK, or than what the plan admits to, or
 * than what the tables in service do in that case already. NULL: out of memory. */
struct certificate *certificate_check(const struct snapshot *snapshot, const struct certificate_terms *terms)
	NONNULL MUST_USE;
void certificate_free(struct certificate *certificate);

/* What the tables do with these regions lost, these parts (0 .. 1, by region; NULL: none) drained and all demand times
 * `scale`. `loads` [region_count]; returns what is unserved. For `whatif`, drains, and the cases above. */
double certificate_loads(const struct snapshot *snapshot, const struct certificate_terms *terms, struct region_set lost,
	const double *drained, double scale, double *loads) __attribute__((nonnull(1, 2, 6)));

#endif
