/* planner.h -- the sharding of clients over regions as a linear program over (primary, backup) pairs
 * (STEERING: isobar-steering(7)): no region is overloaded now, nor after the loss of any one region or risk group.
 * Deterministic: the same problem and the same history of solves give the same result. Solver: Clp (planner/lp.h is its
 * door). Knows no steering, no store and no clock but its time limit. Threads: one per planner. */
#ifndef ISOBAR_PLANNER_PLANNER_H
#define ISOBAR_PLANNER_PLANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "plan/plan.h"
#include "steer/region_set.h"

struct planner_region {
	const char *name;
	double capacity;		/* requests/s; 0: not known, no row */
	double failure;			/* probability of failing within the horizon, 0 .. 1 */
	double price;			/* the operator's, in ms per request */
};

struct planner_clients {		/* clients that are planned alike: of one or more (service, demand group) */
	const char *name;		/* for words */
	double demand;			/* requests/s, > 0 */
	double error;			/* relative standard error of this group's own */
	struct region_set legal;	/* residency; no column exists outside it */
	const double *latency;		/* ms, by region */
	double latency_cap;		/* ms, INFINITY: none. Relaxed before loss rows are */
	const double *target;		/* the share of each region that costs nothing, or NULL: no target */
	double target_cost;		/* ms for what is beyond the target */
	unsigned class;			/* 1 .. 9: 9 is shed first */
	bool sheddable;			/* has a static answer to fall back to */
	bool fixed;			/* not planned: `before` is what it does (static policies) */
	size_t before_count;
	const struct plan_pair *before;	/* of the last plan, by (primary, backup); none: new */
};

struct planner_risk_group { const char *name; struct region_set regions; double failure; };

struct planner_problem {
	size_t region_count;
	const struct planner_region *regions;
	size_t client_count;
	const struct planner_clients *clients;
	size_t risk_group_count;
	const struct planner_risk_group *risk_groups;
	struct region_set dead;		/* lost already: no columns; h1 holds for the rest, no loss rows for these */
	double normal_limit, loss_limit;	/* h0, h1: part of the capacity that may be filled */
	double common_error;		/* relative standard error that all demand shares */
	double quantile_z;		/* normal quantile of the wanted safety against forecast errors, e.g. 1.64 */
	double failure_cost;		/* A, ms: what a failed region costs a request over what a served one does */
	double churn_cost;		/* kappa, ms: a client isn't moved for less */
	unsigned nearest;		/* K: the search begins at so many nearest legal regions; it's no limit */
	int64_t time_limit_ms;
};

enum planner_method { PLANNER_OPTIMAL, PLANNER_RELAXED, PLANNER_CLIPPED, PLANNER_BY_CAPACITY };

enum planner_relaxation {		/* in this order; residency is never among them */
	RELAX_MARGINS,			/* h0, h1 and forecast margins, of the regions that need it, up to 1 */
	RELAX_NEAREST,			/* all legal regions in place of the K nearest */
	RELAX_LATENCY,			/* latency caps */
	RELAX_LOSS,			/* the loss rows of the least probable loss, one after the other */
	RELAX_OVERLOAD,			/* the least greatest load / capacity */
	RELAX_SHED,			/* the lowest class gets its static answer */
};

struct planner_step {
	enum planner_relaxation kind;
	const char *what;		/* which row, region or class gave way */
	const char *why;		/* the min cut: "clients of germany need 41k ..., have room for 38k" */
};

struct planner_share {			/* of one planner_clients */
	size_t pair_count;
	const struct plan_pair *pairs;	/* by (primary, backup); primary NO_REGION: shed. Shares add up to 1 */
	size_t order_count;
	const region_id *order;		/* legal regions for places 3 and 4, the best first */
};

struct planner_price {			/* a row that binds */
	region_id region;		/* the one that is full */
	region_id lost;			/* in this scenario, or NO_REGION: now, or a risk group: */
	size_t risk_group;		/* SIZE_MAX: none */
	double price;			/* ms that one more request/s of capacity there would save, > 0 */
};

struct planner_result {
	enum planner_method method;
	double objective;		/* ms x requests/s; of the final program */
	double latency;			/* mean of primaries, ms, by demand */
	double normal_limit, loss_limit;	/* in force in the end; where margins gave way somewhere: without */
	double margin;			/* the same: factor on demand for the common error, >= 1 */
	double step;			/* 1: the whole way to the optimum; less: so far, since caches turn over one TTL
					 * apart and the sum of both plans would overload a region. Plan again then */
	size_t step_count;
	const struct planner_step *steps;	/* relaxations made, in order */
	size_t price_count;
	const struct planner_price *prices;	/* the highest first */
	const struct planner_share *shares;	/* by client */
	/* What the result does: load / capacity, the greatest over regions, 0 without known capacity. */
	double fill_now, fill_lost;
	size_t rows, columns, iterations;
	int64_t took_us;
};

struct planner;

struct planner *planner_new(void) MUST_USE;	/* NULL: out of memory */
void planner_free(struct planner *planner);

/* Begins at the basis of the last solve where names agree. The result lives in `arena`. NULL: out of memory; all else
 * has a result, in the worst case by the fallbacks: the last plan clipped to what lives, shares by capacity. */
const struct planner_result *planner_solve(struct planner *planner, const struct planner_problem *problem,
	struct arena *arena) NONNULL MUST_USE;

/* Loads of a sharing: requests/s by region when `lost` are dead, each list walked to its first live entry, then
 * `order`. What nobody takes is added to *unserved. Exact definition; the program's rows are tested against it. */
void planner_loads(const struct planner_problem *problem, const struct planner_share *shares, struct region_set lost,
	double *loads, double *unserved) NONNULL;

#endif
