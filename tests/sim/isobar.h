/* isobar.h -- the product in the simulator: its own planner, packing, compiler, snapshot, certificate and pick, over the
 * simulator's world. Nothing here decides anything. Threads: one. */
#ifndef ISOBAR_TESTS_SIM_ISOBAR_H
#define ISOBAR_TESTS_SIM_ISOBAR_H

#include "certificate/certificate.h"
#include "estimate/estimate.h"
#include "globe.h"
#include "planner/planner.h"
#include "policy.h"
#include "population.h"
#include "serve/snapshot.h"
#include "steer/pick.h"

struct isobar_options {
	bool one_group;			/* all clients in the default group; else a client group for each of the globe's */
	bool sticky;
	double error;			/* relative standard error of what is believed of each key's demand */
	bool estimated;			/* by the product's estimator, from counts; one group only */
	size_t risk_group_count;
	const struct region_set *risk_groups;	/* besides the single regions */
	double risk_failure;		/* their probability */
	uint64_t seed;
};

struct isobar_terms {
	double normal_limit, loss_limit;
	unsigned nearest;
	double error;			/* relative standard error of each group's demand, planned for at 95 % */
	bool remember;			/* the last plan: what moves costs */
	struct region_set dead;		/* lost already */
};

/* As steering.yaml has them when it says nothing. */
static inline struct isobar_terms
isobar_usual_terms(void)
{
	return (struct isobar_terms){ .normal_limit = planning_default.normal_limit, .loss_limit = planning_default.loss_limit,
		.nearest = planning_default.nearest };
}

struct isobar {
	const struct globe *globe;
	const struct population *population;
	struct isobar_options options;
	struct steering *steering;
	struct zone *zone;
	struct planner *planner;
	struct snapshot *snapshot;		/* in service */
	const struct service *service;		/* of it */
	uint64_t epoch;
	size_t group_count;			/* demand groups: those of the steering */
	uint16_t *group_of;			/* globe's group -> steering's */
	/* Keys as the authority counts them. */
	float *belief;				/* factor on a key's demand: 1 + error */
	uint32_t slot_count;			/* per group, of what is known: no table has more, but of a few groups */
	uint32_t *place;			/* by key: its slot among these; or PLACE_HEAVY + its number */
	float *ordinary;			/* [group][slot]: believed demand of keys that aren't heavy */
	double *ordinary_truth;
	struct heavy { uint32_t key; double truth; float believed; } *heavy;	/* by group, the heaviest first */
	size_t heavy_count, *heavy_from;	/* [group + 1] */
	double **truth;				/* [group][slot of the table in service]: demand; sum 1 in each group */
	uint32_t *heavy_slot;			/* [heavy]: slot in the table in service */
	struct estimate *estimate;		/* or NULL */
	/* Last results. */
	struct arena *plan_arena;		/* of the planner's last result */
	const struct planner_problem *problem;
	const struct planner_result *result;
	bool certified;
	char why[300];				/* not */
	double worst_now, worst_lost, moved;	/* as the certificate has them */
	double plan_us, compile_us;		/* processor time that the last ones took */
};

#define ISOBAR_SERVICE "www.sim.example."
#define PLACE_HEAVY 0x80000000u

struct isobar *isobar_new(const struct globe *globe, const struct population *population,
	struct isobar_options options) NONNULL MUST_USE;
void isobar_free(struct isobar *isobar);

/* The planner's word on this demand by group of the globe; it stays in isobar->result until the next one. */
const struct planner_result *isobar_solve(struct isobar *isobar, const double *demand, struct isobar_terms terms) NONNULL;
bool isobar_has_plan(const struct planner_result *result) NONNULL;	/* every single loss is borne */

double isobar_processor_us(void);

/* The last result is kept from the next one, and comes back into force afterwards. */
struct isobar_aside { struct arena *arena; const struct planner_problem *problem; const struct planner_result *result; };
struct isobar_aside isobar_set_aside(struct isobar *isobar) NONNULL;
void isobar_take_back(struct isobar *isobar, struct isobar_aside aside) NONNULL;

/* Compiles, certifies and puts into service; refused or not, the tables are in service then, and `certified` says. */
void isobar_publish_result(struct isobar *isobar, const double *demand) NONNULL;
/* For one group: shares by region, backups in proportion to the others' shares. */
void isobar_publish_weights(struct isobar *isobar, const double *weights) NONNULL;

/* What the tables in service do, walked slot by slot with slots_pick(): shares [globe's group][region] of true demand. */
void isobar_shares(struct isobar *isobar, struct region_set dead, double *shares) NONNULL;
/* The same for one group: parts of all demand by region. */
void isobar_parts(struct isobar *isobar, struct region_set dead, double *parts) NONNULL;

uint32_t isobar_slot(const struct isobar *isobar, size_t key, uint16_t *group) NONNULL;
struct pick isobar_pick(const struct isobar *isobar, uint16_t group, uint32_t slot) NONNULL;
void isobar_kill(struct isobar *isobar, struct region_set dead) NONNULL;	/* exactly these */

/* Regions have reported their loads (requests/s): what is believed is corrected by them, with options.estimated. */
void isobar_correct(struct isobar *isobar, const double *reported) NONNULL;

/* isobar_demand.c: what is counted, once the service has its seed; and what is believed, by demand group. */
void isobar_count_demand(struct isobar *isobar) NONNULL;
struct demand *isobar_demand(const struct isobar *isobar, const double *by_group) NONNULL MUST_USE;
double isobar_key_demand(const struct isobar *isobar, size_t key) NONNULL;	/* true part of its demand group's */

extern const struct policy isobar_policy;

#endif
