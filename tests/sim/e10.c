/* e10.c -- E10: two regions at once.
 * All pairs of regions at all hours, 60 % used. A pair is the more probable, the nearer its regions are to each other:
 * exp(-distance / 1500 km) + 0.02, since storms, grids and cables are shared by neighbours, and the rest is chance.
 * Lost is what reaches a dead region, nobody, or a region beyond its capacity. CVaR 99: the mean of the worst hundredth of
 * that distribution. Ours is told of the pairs within 1000 km as risk groups, as an operator would name them.
 * Those that react to loads are given ten minutes to settle, and what they lose until then isn't counted. */
#include <stdio.h>
#include <stdlib.h>

#include "experiments.h"
#include "steer/country.h"

#define UTILISATION 0.6
#define NEIGHBOURS_KM 1000
#define SETTLING 20		/* intervals of reports */

struct outcome { double lost, weight; };

static size_t neighbours(const struct globe *globe, struct region_set *pairs);
static double distance(const struct globe *globe, size_t a, size_t b);
static double lost_demand(const struct globe *globe, const struct policy *policy, struct policy_state *state,
	const double *demand, struct region_set dead, double *shares);
static double cvar(struct outcome *outcomes, size_t count);

void
e10_pairs(struct sim *sim)
{
	const struct globe *globe = sim->globe;
	size_t most = HOURS * globe->region_count * globe->region_count;
	struct region_set *risks = sim_many(globe->region_count * globe->region_count, sizeof(*risks));
	struct outcome *outcomes = sim_many(most, sizeof(*outcomes));
	double *demand = sim_many(globe->group_count, sizeof(double)), tail[POLICY_COUNT];
	double *shares = sim_many(globe->group_count * globe->region_count, sizeof(double));
	struct svg_bar bars[POLICY_COUNT];
	struct isobar *isobar = isobar_new(globe, sim->population, (struct isobar_options){ .sticky = true,
		.risk_group_count = neighbours(globe, risks), .risk_groups = risks, .risk_failure = 0.0005,
		.seed = sim->seed });

	printf("  CVaR 99 of lost demand, pairs failing together, %.0f %% used, %% of all demand; %zu risk groups named\n",
		100 * UTILISATION, isobar->options.risk_group_count);
	for (size_t i = 0; i < POLICY_COUNT; i++) {
		const struct policy *policy = policy_at(i);
		size_t count = 0;
		double mean = 0, weight = 0;

		for (unsigned hour = 0; hour < HOURS; hour += sim->hour_step) {
			struct policy_state state;

			policy_open(&state, globe);
			state.isobar = isobar;
			globe_demand(globe, hour, UTILISATION * GLOBE_CAPACITY, demand);
			if (policy->prepare != NULL && !policy->prepare(&state, demand))
				printf("    %02u:00: no plan bears all single losses and risk groups\n", hour);
			for (size_t a = 0; a < globe->region_count; a++)
				for (size_t b = a + 1; b < globe->region_count; b++)
					outcomes[count++] = (struct outcome){ lost_demand(globe, policy, &state, demand,
						globe_lost((region_id)a, (region_id)b), shares) / (UTILISATION * GLOBE_CAPACITY),
						exp(-distance(globe, a, b) / 1500) + 0.02 };
		}
		for (size_t k = 0; k < count; k++) {
			mean += outcomes[k].lost * outcomes[k].weight;
			weight += outcomes[k].weight;
		}
		tail[i] = cvar(outcomes, count);
		printf("    %-24s %8.3f   mean %8.4f\n", policy->name, 100 * tail[i], 100 * mean / weight);
		bars[i] = (struct svg_bar){ policy->name, 100 * tail[i], policy->ours };
	}
	svg_bars(sim->folder, "E10", "E10: demand lost in the worst hundredth of double failures (CVaR 99)", "%", bars,
		POLICY_COUNT);
	results_add(&sim->results, tail[BASELINE_COUNT] / tail[BASELINE_WEIGHTED], "<= 0.5",
		"E10 CVaR 99 of demand lost by pairs failing together, over weighted");
	isobar_free(isobar);
	free(risks);
	free(outcomes);
	free(demand);
	free(shares);
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
lost_demand(const struct globe *globe, const struct policy *policy, struct policy_state *state, const double *demand,
	struct region_set dead, double *shares)
{
	struct policy_view view = { .dead = dead };
	double loads[REGIONS_MAX];

	policy->shares(state, &view, shares);
	globe_loads(globe, demand, shares, loads);
	for (int i = 0; policy->reacts && i < SETTLING; i++) {
		view.loads = loads;
		policy->shares(state, &view, shares);
		globe_loads(globe, demand, shares, loads);
	}
	for (size_t r = 0; r < REGIONS_MAX; r++)
		state->factor[r] = 1;
	return globe_excess(globe, dead, loads, UTILISATION * GLOBE_CAPACITY, 0);
}

static int
compare_outcomes(const void *a, const void *b)
{
	double x = ((const struct outcome *)a)->lost, y = ((const struct outcome *)b)->lost;

	return (x < y) - (x > y);
}

static double
cvar(struct outcome *outcomes, size_t count)
{
	double all = 0, taken = 0, sum = 0;

	for (size_t i = 0; i < count; i++)
		all += outcomes[i].weight;
	qsort(outcomes, count, sizeof(*outcomes), compare_outcomes);
	for (size_t i = 0; i < count && taken < 0.01 * all; i++) {
		double part = fmin(outcomes[i].weight, 0.01 * all - taken);

		sum += part * outcomes[i].lost;
		taken += part;
	}
	return sum / taken;
}
