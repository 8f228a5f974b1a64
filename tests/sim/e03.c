/* e03.c -- E3: every single loss, at every hour, at utilisations of 0.3 to 0.9.
 * For each (utilisation, hour) a policy shares the demand; then each region is lost in turn, and what exceeds a capacity
 * for the hour that the loss lasts counts in demand-minutes. Half a percent of a capacity is let pass for everybody, since
 * slots are whole (CERTIFICATE_SLACK).
 *  - Ours: planned for that hour by the planner, packed, certified; loads are walked from the tables with dead words.
 *    Whether there is any plan at all is told by optimum.c; where there is none, the planner must say so
 *    itself: relaxations beyond margins, neighbourhood and latency are such a flag.
 *    The goal is on the tables as they were when the region died. After any death isobard plans again without it; that
 *    is a row of its own, looked at every six hours in the full form: two minutes by the old tables, the rest by new ones.
 *  - Those that react are followed in time: reports every 30 s, caches that turn over with T = 60 s; ten minutes one by one,
 *    and the rest of the hour as the last two of them.
 *  - The others don't depend on time once caches have turned over; what happens until then is the same for all (e05). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments.h"

#define LEAST 0.30
#define STEP 0.05
#define STEPS 13
#define MINUTES 60
#define INTERVALS 20		/* of reports, after the loss: ten minutes */
#define SETTLING 20		/* before it */
#define AGAIN_HOURS 6
#define AGAIN_MINUTES 2		/* until a new plan has been made, published and fetched from most caches */
#define TTL_S 60.0

struct tally {
	double excess[STEPS], all[STEPS];	/* demand-minutes by utilisation */
	double again[STEPS], again_all[STEPS];	/* the same, planned again */
	double where_planned;			/* excess where a plan exists */
	size_t unflagged, without_plan, missed, borderline, uncertified, plans;
	double worst_fill;			/* where a plan exists */
};

static void run_hour(struct sim *sim, const struct policy *policy, unsigned step, unsigned hour, struct tally *tally);
static double excess_of_loss(const struct sim *sim, const struct policy *policy, struct policy_state *state,
	const double *demand, double total, region_id lost, const double *before, double *fill);
static double excess_planned_again(struct sim *sim, const double *demand, double total, region_id lost, double excess);
static double settle(const struct sim *sim, const struct policy *policy, struct policy_state *state, const double *demand,
	double total, struct region_set dead, double *shares, unsigned intervals);
static void print_table(const struct sim *sim, const struct tally *tallies);

void
e03_losses(struct sim *sim)
{
	struct tally *tallies = sim_many(POLICY_COUNT, sizeof(*tallies));
	const struct tally *ours = &tallies[BASELINE_COUNT];
	const unsigned by = sim->full ? 1 : 3;

	for (size_t i = 0; i < POLICY_COUNT; i++)
		for (unsigned step = 0; step < STEPS; step += by)
			for (unsigned hour = 0; hour < HOURS; hour += sim->hour_step)
				run_hour(sim, policy_at(i), step, hour, &tallies[i]);
	print_table(sim, tallies);
	results_add(&sim->results, ours->where_planned, "= 0",
		"E3 overload demand-minutes after any single loss, wherever a plan exists");
	results_add(&sim->results, ours->without_plan == 0 ? NAN
		: 100 - 100 * (double)ours->unflagged / (double)ours->without_plan, "= 100",
		"E3 hours without any plan that the planner flags, percent");
	results_add(&sim->results, (double)ours->missed, "= 0", "E3 hours flagged although a plan exists");
	results_add(&sim->results, (double)ours->uncertified, "= 0", "E3 plans that the certificate refuses");
	if (!sim->full)
		results_leave(&sim->results);	/* of hours without any plan; what is in service stays then */
	free(tallies);
}

static void
run_hour(struct sim *sim, const struct policy *policy, unsigned step, unsigned hour, struct tally *tally)
{
	const struct globe *globe = sim->globe;
	double *demand = sim_many(globe->group_count, sizeof(double)), used = LEAST + STEP * step, fill = 0;
	double *shares = sim_many(globe->group_count * globe->region_count, sizeof(double)), total = used * GLOBE_CAPACITY;
	struct policy_state state;
	bool planned = true, exists = used < 0.999 * sim->optimum[hour], none = used > 1.001 * sim->optimum[hour];

	policy_open(&state, globe);
	state.isobar = sim->isobar;
	globe_demand(globe, hour, total, demand);
	if (policy->prepare != NULL)
		planned = policy->prepare(&state, demand);
	if (policy->ours) {
		tally->plans++;
		tally->without_plan += none;
		tally->unflagged += none && planned;
		tally->missed += exists && !planned;
		tally->borderline += !none && !exists;
		tally->uncertified += !sim->isobar->certified;
		if (!sim->isobar->certified || (exists && !planned))
			printf("    %.2f used, %02u:00 (optimum %.4f): %s%s\n", used, hour, sim->optimum[hour],
				planned ? "" : "flagged; ", sim->isobar->why);
	}
	settle(sim, policy, &state, demand, total, globe_lost(NO_REGION, NO_REGION), shares, SETTLING);
	for (size_t r = 0; r < globe->region_count; r++) {
		double excess = excess_of_loss(sim, policy, &state, demand, total, (region_id)r, shares, &fill);

		tally->all[step] += total * MINUTES;
		tally->where_planned += exists ? excess : 0;
		tally->excess[step] += excess;
		if (policy->ours && sim->full && hour % AGAIN_HOURS == 0) {
			tally->again_all[step] += total * MINUTES;
			tally->again[step] += excess == 0 ? 0
				: excess_planned_again(sim, demand, total, (region_id)r, excess);
		}
		tally->worst_fill = exists ? fmax(tally->worst_fill, fill) : tally->worst_fill;
		if (policy->ours && exists && excess > 0)
			printf("    %.2f used, %02u:00, %s lost: a region is %.4f full\n", used, hour, globe->regions[r].name, fill);
	}
	free(demand);
	free(shares);
}

/* Demand-minutes beyond capacity in the hour after the loss. */
static double
excess_of_loss(const struct sim *sim, const struct policy *policy, struct policy_state *state, const double *demand,
	double total, region_id lost, const double *before, double *fill)
{
	const struct globe *globe = sim->globe;
	struct policy_state then = *state;
	struct region_set dead = globe_lost(lost, NO_REGION);
	double *shares = sim_many(globe->group_count * globe->region_count, sizeof(double)), loads[REGIONS_MAX], excess;

	if (policy->reacts) {
		memcpy(shares, before, globe->group_count * globe->region_count * sizeof(double));
		excess = settle(sim, policy, &then, demand, total, dead, shares, INTERVALS);
		free(shares);
		return excess;
	}
	policy->shares(&then, &(struct policy_view){ .dead = dead }, shares);
	globe_loads(globe, demand, shares, loads);
	*fill = globe_fill(globe, dead, loads);
	excess = globe_excess(globe, dead, loads, total, CERTIFICATE_SLACK) * MINUTES;
	free(shares);
	return excess;
}

static double
excess_planned_again(struct sim *sim, const double *demand, double total, region_id lost, double excess)
{
	struct isobar_aside aside = isobar_set_aside(sim->isobar);
	struct isobar_terms terms = isobar_usual_terms();
	struct policy_state state;
	double fill;

	policy_open(&state, sim->globe);
	state.isobar = sim->isobar;
	terms.dead = globe_lost(lost, NO_REGION);
	isobar_solve(sim->isobar, demand, terms);
	isobar_publish_result(sim->isobar, demand);
	excess = excess * AGAIN_MINUTES / MINUTES + excess_of_loss(sim, &isobar_policy, &state, demand, total, lost, NULL, &fill)
		* (MINUTES - AGAIN_MINUTES) / MINUTES;
	isobar_take_back(sim->isobar, aside);
	isobar_publish_result(sim->isobar, demand);
	return excess;
}

/* Report by report: what is shared changes at once, what is cached follows. The first shares after a loss are those that
 * the policy gives with the last loads it knows. Returns demand-minutes beyond capacity over an hour. */
static double
settle(const struct sim *sim, const struct policy *policy, struct policy_state *state, const double *demand, double total,
	struct region_set dead, double *shares, unsigned intervals)
{
	const struct globe *globe = sim->globe;
	size_t cells = globe->group_count * globe->region_count;
	double *fresh = sim_many(cells, sizeof(double)), loads[REGIONS_MAX], sum = 0, tail = 0;
	double turned = 1 - exp(-FEEDBACK_INTERVAL_S / TTL_S);

	policy->shares(state, &(struct policy_view){ .dead = dead }, shares);
	globe_loads(globe, demand, shares, loads);
	for (unsigned i = 0; policy->reacts && i < intervals; i++) {
		double excess = globe_excess(globe, dead, loads, total, CERTIFICATE_SLACK) * FEEDBACK_INTERVAL_S / 60;

		sum += excess;
		tail += i + 4 >= intervals ? excess : 0;
		policy->shares(state, &(struct policy_view){ .dead = dead, .loads = loads }, fresh);
		for (size_t k = 0; k < cells; k++)
			shares[k] += turned * (fresh[k] - shares[k]);
		globe_loads(globe, demand, shares, loads);
	}
	free(fresh);
	return sum + tail / 2 * (MINUTES - intervals * FEEDBACK_INTERVAL_S / 60.0);
}

static void
print_table(const struct sim *sim, const struct tally *tallies)
{
	const struct tally *ours = &tallies[BASELINE_COUNT];
	struct svg_plot plot = { .title = "E3: demand beyond capacity in the hour after a single loss, mean of all",
		.x_name = "utilisation", .y_name = "% of demand-minutes", .mark = NAN };
	double x[STEPS], *y[POLICY_COUNT];
	size_t count = 0;

	printf("  demand-minutes beyond capacity in the hour after a loss, %% of all\n    %-22s", "utilisation");
	for (unsigned step = 0; step < STEPS; step++)
		if (ours->all[step] > 0) {
			x[count++] = LEAST + STEP * step;
			printf("%7.2f", LEAST + STEP * step);
		}
	printf("\n");
	for (size_t i = 0; i < POLICY_COUNT; i++) {
		size_t at = 0;

		y[i] = sim_many(STEPS, sizeof(double));
		printf("    %-22s", policy_at(i)->name);
		for (unsigned step = 0; step < STEPS; step++)
			if (tallies[i].all[step] > 0) {
				y[i][at] = 100 * tallies[i].excess[step] / tallies[i].all[step];
				printf("%7.3f", y[i][at++]);
			}
		printf("\n");
		if (i != BASELINE_GDNSD_WEIGHTED && i != BASELINE_GDNSD_GEO)	/* in this they are as the two before */
			plot.series[plot.series_count++] = (struct svg_series){ policy_at(i)->name, count, x, y[i],
				policy_at(i)->ours };
	}
	if (sim->full) {
		printf("    %-22s", "  planned again");
		for (unsigned step = 0; step < STEPS; step++)
			printf("%7.3f", 100 * ours->again[step] / ours->again_all[step]);
		printf("\n");
	}
	printf("    Isobar: %zu plans, %zu hours without any plan, %zu on the edge of it; fullest region after any loss %.4f\n",
		ours->plans, ours->without_plan, ours->borderline, ours->worst_fill);
	svg_lines(sim->folder, "E3", &plot);
	for (size_t i = 0; i < POLICY_COUNT; i++)
		free(y[i]);
}
