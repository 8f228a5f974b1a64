/* scene.h -- a planner's problem made ready: loss scenarios, costs, orders of preference, where each list leads in each
 * scenario, and the limits of the rows. Inner to the planner. Plain data in an arena; threads: one. */
#ifndef ISOBAR_PLANNER_SCENE_H
#define ISOBAR_PLANNER_SCENE_H

#include "base/arena.h"
#include "planner/planner.h"

/* What may be lost at once. Scenario 0 loses nothing. */
struct scenario {
	struct region_set lost;		/* of those that live */
	region_id region;		/* a single loss, or NO_REGION */
	size_t risk_group;		/* or SIZE_MAX */
	double failure;
	bool relaxed;			/* its rows have given way: passing them costs SCENE_OVERLOAD_MS */
};

/* What a request that nobody serves costs, and one beyond a limit that has given way: more than any detour, so that the
 * least possible is lost. Much larger values would drown the latencies in rounding. */
#define SCENE_UNSERVED_MS 10000.0
#define SCENE_OVERLOAD_MS 1000.0

/* What a request within a margin costs, where not all can keep theirs: more than a detour, so that a margin is given up
 * only where nothing else helps, and less than a request beyond a limit. */
#define SCENE_MARGIN_MS 500.0

/* Staying with a pair whose primary stays as well is worth this part of kappa: nobody moves when a backup changes, but
 * a list is rewritten. */
#define SCENE_BACKUP_CHURN 0.1

/* Where a client's list led last time, dead regions skipped: `region` had `amount` of its demand. */
struct scene_prior { region_id region; double amount; };

struct scene_client {
	double demand;			/* scaled */
	bool planned;			/* has columns: not fixed, and a legal region lives */
	bool had_before;
	struct region_set legal;	/* living */
	struct region_set primaries, backups;	/* of legal: within the latency cap while that is in force */
	bool cap_lifted;
	size_t order_count;
	region_id *order;		/* all of legal, the best first */
	const double *base;		/* latency + price, by region */
	const double *direct;		/* cost of a primary for churn and target, by region */
	size_t prior_count;
	struct scene_prior *priors;	/* by region */
};

struct scene {
	const struct planner_problem *problem;
	struct arena *arena;
	size_t region_count, client_count, scenario_count;
	struct region_set live;
	double unit;			/* requests/s in one of the scaled ones: all demand is SCENE_TOTAL of them */
	double normal_limit, loss_limit, margin;	/* in force; margin = 1 + z sigma_c */
	bool yields;			/* these may be passed, up to scene_bound(), at SCENE_MARGIN_MS */
	double error_z;			/* z / margin for the clients' own errors, 0 when margins have given way */
	double *reserve;		/* for these, scaled, [scenario * region_count + region], see generate.c */
	double churn;			/* kappa */
	bool any_before;		/* there was a plan */
	double dearest;			/* the largest cost of a pair */
	struct scene_client *clients;
	struct scenario *scenarios;
	size_t *of_region_count;	/* scenarios in which a region is lost */
	size_t **of_region;
	double *pressure;		/* p A by region, risk groups included */
	double *fixed;			/* scaled load of fixed clients, [scenario * region_count + region] */
	double *overfull;		/* by region: what the least greatest load lets it be filled to; 0: the limits
					 * are kept */
};

#define SCENE_TOTAL 1e4

/* NULL: out of memory. */
struct scene *scene_new(const struct planner_problem *problem, struct arena *arena) NONNULL MUST_USE;

/* What planned clients may bring to a region in a scenario, scaled: its limit without the load of fixed clients and the
 * reserve, at least 0; INFINITY: any. */
double scene_limit(const struct scene *scene, size_t scenario, region_id region) NONNULL;

/* The same without margins: all of the capacity, or to what the region must be overfilled. */
double scene_bound(const struct scene *scene, size_t scenario, region_id region) NONNULL;

/* What may be in force at most: scene_bound() where margins yield, else scene_limit() as it is without the reserve. */
double scene_most(const struct scene *scene, size_t scenario, region_id region) NONNULL;

/* Who serves client `c`'s (primary, backup) in a scenario; NO_REGION: nobody. */
region_id scene_landing(const struct scene *scene, size_t c, region_id primary, region_id backup, size_t scenario)
	NONNULL;

/* ms per request of the pair: latency and price, what failures are expected to cost, churn and target of the primary.
 * */
double scene_cost(const struct scene *scene, size_t c, region_id primary, region_id backup) NONNULL;

/* Primaries and backups by the latency caps that are in force. */
void scene_allow(struct scene *scene, size_t c) NONNULL;

/* By cost, ties by id; but the second is the best that shares no risk group with the first. */
void scene_sort_order(const struct scene *scene, region_id *order, size_t count, const double *costs) NONNULL;

bool scene_beyond_cap(const struct scene *scene, size_t c, region_id region) NONNULL;

/* "eu-west", or "the risk group north-sea". In `arena`, never NULL. */
const char *scene_name(const struct scene *scene, size_t scenario) NONNULL;

#endif
