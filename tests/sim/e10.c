/* e10.c -- E10: two regions at once.
 * All pairs of regions, every six hours of the day (short form: every four, without what comes later), 60 % used. A pair is
 * the more probable, the nearer its regions are to each other: exp(-distance / 1500 km) + 0.02, since storms, grids and
 * cables are shared by neighbours, and the rest is chance.
 * Lost is what reaches a dead region, nobody, or a region beyond its capacity. CVaR 99: the mean of the worst hundredth of
 * that distribution. Ours is told of the pairs within 1000 km as risk groups, as an operator would name them.
 * Two moments: when fresh answers have followed and nothing else, and later: those that react to loads have had ten minutes
 * of reports, and ours has planned again without the two. The goal is on the first one, where the lists alone count. */
#include <stdio.h>
#include <stdlib.h>

#include "experiments.h"
#include "steer/country.h"

#define UTILISATION 0.6
#define NEIGHBOURS_KM 1000
#define GROUPS_MOST 100
#define SETTLING 20		/* intervals of reports */

struct outcome { double lost, weight; };

struct double_failure {
	const struct globe *globe;
	const struct policy *policy;
	struct policy_state state;
	double demand[GROUPS_MOST], *shares;
	region_id a, b;
};

static size_t neighbours(const struct globe *globe, struct region_set *pairs);
static double distance(const struct globe *globe, size_t a, size_t b);
static size_t run_hour(struct sim *sim, const struct policy *policy, struct isobar *isobar, double hour, double *shares,
	struct outcome *at_once, struct outcome *later);
static double lost_at_once(struct double_failure *failure);
static double lost_later(struct double_failure *failure);
static double lost_of(const struct double_failure *failure);
static double cvar(struct outcome *outcomes, size_t count, double *mean);

void
e10_pairs(struct sim *sim)
{
	const struct globe *globe = sim->globe;
	size_t pairs = globe->region_count * globe->region_count;
	struct region_set *risks = sim_many(pairs, sizeof(*risks));
	struct outcome *outcomes[2] = { sim_many(HOURS * pairs, sizeof(**outcomes)), sim_many(HOURS * pairs, sizeof(**outcomes)) };
	double *shares = sim_many(globe->group_count * globe->region_count, sizeof(double)), tail[POLICY_COUNT][2], mean[2];
	struct svg_bar bars[POLICY_COUNT];
	struct isobar *isobar = isobar_new(globe, sim->population, (struct isobar_options){ .sticky = true,
		.risk_group_count = neighbours(globe, risks), .risk_groups = risks, .risk_failure = 0.0005,
		.seed = sim->seed });

	printf("  lost demand, pairs failing together, %.0f %% used, %% of all demand; %zu risk groups named\n"
		"                              at once: CVaR 99     mean%s\n", 100 * UTILISATION,
		isobar->options.risk_group_count, sim->full ? "     later: CVaR 99     mean" : "");
	for (size_t i = 0; i < POLICY_COUNT; i++) {
		size_t count = 0;

		for (unsigned hour = 0; hour < HOURS; hour += sim->full ? 6 : 4)
			count += run_hour(sim, policy_at(i), isobar, hour, shares, outcomes[0] + count, outcomes[1] + count);
		printf("    %-24s", policy_at(i)->name);
		for (size_t k = 0; k < (sim->full ? 2 : 1); k++) {
			tail[i][k] = cvar(outcomes[k], count, &mean[k]);
			printf(" %18.3f %8.4f", 100 * tail[i][k], 100 * mean[k]);
		}
		printf("\n");
		bars[i] = (struct svg_bar){ policy_at(i)->name, 100 * tail[i][0], policy_at(i)->ours };
	}
	svg_bars(sim->folder, "E10", "E10: demand lost in the worst hundredth of double failures (CVaR 99)", "%", bars,
		POLICY_COUNT);
	results_add(&sim->results, tail[BASELINE_COUNT][0] / tail[BASELINE_WEIGHTED][0], "<= 0.5",
		"E10 CVaR 99 of demand lost by pairs failing together, over weighted");
	isobar_free(isobar);
	free(risks);
	free(outcomes[0]);
	free(outcomes[1]);
	free(shares);
}

static size_t
run_hour(struct sim *sim, const struct policy *policy, struct isobar *isobar, double hour, double *shares,
	struct outcome *at_once, struct outcome *later)
{
	const struct globe *globe = sim->globe;
	struct double_failure failure = { .globe = globe, .policy = policy, .shares = shares };
	size_t count = 0;

	policy_open(&failure.state, globe);
	failure.state.isobar = isobar;
	globe_demand(globe, hour, UTILISATION * GLOBE_CAPACITY, failure.demand);
	if (policy->prepare != NULL)
		policy->prepare(&failure.state, failure.demand);
	for (size_t pass = 0; pass < (sim->full ? 2 : 1); pass++) {	/* a plan for each pair takes its time */
		count = 0;
		for (size_t a = 0; a < globe->region_count; a++)
			for (size_t b = a + 1; b < globe->region_count; b++) {
				failure.a = (region_id)a;
				failure.b = (region_id)b;
				(pass == 0 ? at_once : later)[count++] = (struct outcome){
					pass == 0 ? lost_at_once(&failure) : lost_later(&failure),
					exp(-distance(globe, a, b) / 1500) + 0.02 };
			}
	}
	return count;
}

static size_t
neighbours(const struct globe *globe, struct region_set *pairs)
{
	size_t count = 0;

	for (size_t a = 0; a < globe->region_count; a++)
		for (size_t b = a + 1; b < globe->region_count; b++)
			if (distance(globe, a, b) < NEIGHBOURS_KM)
				pairs[count++] = globe_lost((region_id)a, (region_id)b);
	return count;
}

static double
distance(const struct globe *globe, size_t a, size_t b)
{
	return great_circle_km(globe->regions[a].latitude, globe->regions[a].longitude, globe->regions[b].latitude,
		globe->regions[b].longitude);
}

static double
lost_of(const struct double_failure *failure)
{
	double loads[REGIONS_MAX];

	globe_loads(failure->globe, failure->demand, failure->shares, loads);
	return globe_excess(failure->globe, globe_lost(failure->a, failure->b), loads, UTILISATION * GLOBE_CAPACITY, 0)
		/ (UTILISATION * GLOBE_CAPACITY);
}

static double
lost_at_once(struct double_failure *failure)
{
	struct policy_state then = failure->state;

	failure->policy->shares(&then, &(struct policy_view){ .dead = globe_lost(failure->a, failure->b) }, failure->shares);
	return lost_of(failure);
}

static double
lost_later(struct double_failure *failure)
{
	struct policy_view view = { .dead = globe_lost(failure->a, failure->b) };
	struct policy_state then = failure->state;
	double loads[REGIONS_MAX];

	if (failure->policy->ours) {
		struct isobar_terms terms = isobar_usual_terms();

		terms.dead = view.dead;
		isobar_solve(then.isobar, failure->demand, terms);
		isobar_publish_result(then.isobar, failure->demand);
		failure->policy->shares(&then, &view, failure->shares);
		return lost_of(failure);
	}
	failure->policy->shares(&then, &view, failure->shares);
	for (int i = 0; failure->policy->reacts && i < SETTLING; i++) {
		globe_loads(failure->globe, failure->demand, failure->shares, loads);
		view.loads = loads;
		failure->policy->shares(&then, &view, failure->shares);
	}
	return lost_of(failure);
}

static int
compare_outcomes(const void *a, const void *b)
{
	double x = ((const struct outcome *)a)->lost, y = ((const struct outcome *)b)->lost;

	return (x < y) - (x > y);
}

static double
cvar(struct outcome *outcomes, size_t count, double *mean)
{
	double all = 0, taken = 0, sum = 0;

	*mean = 0;
	for (size_t i = 0; i < count; i++) {
		all += outcomes[i].weight;
		*mean += outcomes[i].weight * outcomes[i].lost;
	}
	*mean /= all;
	qsort(outcomes, count, sizeof(*outcomes), compare_outcomes);
	for (size_t i = 0; i < count && taken < 0.01 * all; i++) {
		double part = fmin(outcomes[i].weight, 0.01 * all - taken);

		sum += part * outcomes[i].lost;
		taken += part;
	}
	return sum / taken;
}
