/* e04.c -- E4: how far may a world be filled, so that nobody is overloaded now, nor after the loss of any one region?
 * Utilisation is demand over the capacity of all regions; the answer is that of the worst hour of the day.
 *  - The optimum: optimum.c's linear program over all legal (primary, backup) pairs.
 *  - Ours: the planner plans just below that optimum, its plan is packed and compiled, and the tables are walked in every
 *    loss; their loads grow with the demand, so the fullest region tells how far they could have been filled.
 *  - Weighted and priority: shares don't depend on the demand, so the fullest region tells that too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments.h"

static double packed_at(struct sim *sim, double hour, double optimum, double *latency);
static double fixed_at(const struct sim *sim, const struct policy *policy, double hour, double *latency);

void
e04_utilisation(struct sim *sim)
{
	double most[POLICY_COUNT], latency[POLICY_COUNT] = { 0 }, optimum = INFINITY, ours = INFINITY;
	double *hours[3], hour_of[HOURS];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(hours); i++)
		hours[i] = sim_many(HOURS, sizeof(double));
	for (size_t i = 0; i < BASELINE_COUNT; i++)
		most[i] = INFINITY;
	for (unsigned hour = 0; hour < HOURS; hour += sim->hour_step) {
		double packed;

		optimum = fmin(optimum, sim->optimum[hour]);
		packed = packed_at(sim, hour, sim->optimum[hour], &latency[BASELINE_COUNT]);
		ours = fmin(ours, packed);
		for (size_t i = 0; i < BASELINE_COUNT; i++)
			if (!baselines[i].reacts)
				most[i] = fmin(most[i], fixed_at(sim, &baselines[i], hour, &latency[i]));
		hour_of[count] = hour;
		hours[0][count] = sim->optimum[hour];
		hours[1][count] = packed;
		hours[2][count++] = fixed_at(sim, &baselines[BASELINE_WEIGHTED], hour, &latency[BASELINE_WEIGHTED]);
	}
	printf("  largest utilisation that survives every single loss at all hours      mean latency then, ms\n");
	for (size_t i = 0; i < BASELINE_COUNT; i++)
		if (!baselines[i].reacts)
			printf("    %-24s %8.3f %40.1f\n", baselines[i].name, most[i], latency[i]);
	printf("    %-24s %8.3f %40.1f\n    %-24s %8.3f\n", "Isobar, packed tables", ours, latency[BASELINE_COUNT],
		"the optimum over pairs", optimum);
	svg_lines(sim->folder, "E4", &(struct svg_plot){ .title = "E4: largest utilisation that survives any single loss",
		.x_name = "hour (UTC)", .y_name = "demand / capacity of all regions", .mark = NAN, .series_count = 3, .series = {
		{ "optimum over pairs", count, hour_of, hours[0], false },
		{ "Isobar, packed tables", count, hour_of, hours[1], true },
		{ "weighted, 6 nearest", count, hour_of, hours[2], false } } });
	results_add(&sim->results, ours / optimum, ">= 0.98", "E4 largest safe utilisation over the optimum");
	results_add(&sim->results, ours / most[BASELINE_WEIGHTED], ">= 1.5", "E4 largest safe utilisation over weighted");
	results_add(&sim->results, ours / most[BASELINE_PRIORITY], ">= 2.3", "E4 largest safe utilisation over priority lists");
	for (size_t i = 0; i < ARRAY_SIZE(hours); i++)
		free(hours[i]);
}

/* The greatest load / capacity with nobody lost and after each single loss. */
static double
worst_fill(const struct globe *globe, const struct policy *policy, struct policy_state *state, const double *demand,
	double *latency)
{
	double *shares = sim_many(globe->group_count * globe->region_count, sizeof(double)), loads[REGIONS_MAX], worst = 0;

	for (size_t lost = 0; lost <= globe->region_count; lost++) {
		struct region_set dead = globe_lost(lost == globe->region_count ? NO_REGION : (region_id)lost, NO_REGION);

		policy->shares(state, &(struct policy_view){ .dead = dead }, shares);
		globe_loads(globe, demand, shares, loads);
		worst = fmax(worst, globe_fill(globe, dead, loads));
		if (lost == globe->region_count)
			*latency = globe_mean_latency(globe, demand, shares);
	}
	free(shares);
	return worst;
}

static double
packed_at(struct sim *sim, double hour, double optimum, double *latency)
{
	const double below = 0.999;	/* of the optimum: there the planner's answer doesn't hang on rounding */
	struct policy_state state;
	double *demand = sim_many(sim->globe->group_count, sizeof(double)), safe;

	policy_open(&state, sim->globe);
	state.isobar = sim->isobar;
	globe_demand(sim->globe, hour, below * optimum * GLOBE_CAPACITY, demand);
	isobar_solve(sim->isobar, demand, (struct isobar_terms){ .normal_limit = 1, .loss_limit = 1,
		.nearest = planning_default.nearest });
	isobar_publish_result(sim->isobar, demand);
	safe = below * optimum / worst_fill(sim->globe, &isobar_policy, &state, demand, latency);
	if (!sim->isobar->certified || !isobar_has_plan(sim->isobar->result))
		printf("    %02.0f:00, %.4f used: %s%s\n", hour, below * optimum,
			isobar_has_plan(sim->isobar->result) ? "" : "no plan found; ", sim->isobar->why);
	free(demand);
	return fmin(safe, optimum);
}

static double
fixed_at(const struct sim *sim, const struct policy *policy, double hour, double *latency)
{
	struct policy_state state;
	double *demand = sim_many(sim->globe->group_count, sizeof(double)), safe;

	policy_open(&state, sim->globe);
	globe_demand(sim->globe, hour, GLOBE_CAPACITY, demand);
	safe = 1 / worst_fill(sim->globe, policy, &state, demand, latency);
	free(demand);
	return safe;
}
