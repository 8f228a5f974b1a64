/* e11.c -- E11: 100 regions and 2,000 client groups. How long does a plan take, and how long do tables?
 * The plan: 30 parts of each country, some 2,000 groups, 60,000 pairs as columns. The tables: the 67 countries of the
 * globe, some 65,536 slots in all, packed by measured demand when the shares of every group have changed; then with those of
 * a single group, where all other tables are those of before. Seconds are processor time, of tables the least of several runs:
 * what the machine does besides is no property of the program. The plan is the cold one, which has no basis to begin at. */
#include <stdio.h>
#include <stdlib.h>

#include "experiments.h"

#define REGIONS 100
#define PARTS 30
#define UTILISATION 0.5

static double plan_seconds(struct sim *sim);
static void table_times(struct sim *sim, double *whole_ms, double *delta_ms);
static void nudge(struct isobar *isobar, size_t group);

void
e11_scale(struct sim *sim)
{
	double plan = plan_seconds(sim), whole, delta;

	table_times(sim, &whole, &delta);
	printf("  plan %.3f s, tables %.2f ms, change of one group %.3f ms\n", plan, whole, delta);
	results_add(&sim->results, plan, "< 1", "E11 plan of %d regions and 2000 groups, s", REGIONS);
	if (!sim->full)
		results_leave(&sim->results);
	results_add(&sim->results, whole, "< 20", "E11 65536 slots compiled, ms");
	if (!sim->full)
		results_leave(&sim->results);
	results_add(&sim->results, delta, "< 1", "E11 change of one group compiled, ms");
	if (!sim->full)
		results_leave(&sim->results);
}

static double
plan_seconds(struct sim *sim)
{
	size_t parts = sim->full ? PARTS : 6;
	struct globe *globe = globe_new((struct globe_options){ .regions = REGIONS, .parts = parts,
		.groups_most = CLIENT_GROUPS_MAX - 1, .seed = sim->seed });	/* and the default group */
	struct population *population = population_new(globe, 20 * globe->group_count, sim->seed);
	struct isobar *isobar = isobar_new(globe, population, (struct isobar_options){ .sticky = true, .seed = sim->seed });
	double *demand = sim_many(globe->group_count, sizeof(double)), cold = INFINITY;

	for (unsigned hour = 0; hour < (sim->full ? 5 : 1); hour++) {
		const struct planner_result *result;

		globe_demand(globe, hour * 5, UTILISATION * GLOBE_CAPACITY, demand);
		result = isobar_solve(isobar, demand, isobar_usual_terms());
		printf("  %02u:00, %zu groups: %zu rows, %zu columns, %zu iterations, %zu relaxations, %.3f s, %s\n", hour * 5,
			globe->group_count, result->rows, result->columns, result->iterations, result->step_count,
			isobar->plan_us / 1e6, hour == 0 ? "cold" : "warm");
		cold = hour == 0 ? isobar->plan_us / 1e6 : cold;
	}
	free(demand);
	isobar_free(isobar);
	population_free(population);
	globe_free(globe);
	return cold;
}

static void
table_times(struct sim *sim, double *whole_ms, double *delta_ms)
{
	struct globe *globe = globe_new((struct globe_options){ .regions = REGIONS, .parts = 1, .seed = sim->seed });
	struct population *population = population_new(globe, 60000, sim->seed);
	double *demand = sim_many(globe->group_count, sizeof(double));

	*whole_ms = *delta_ms = INFINITY;
	for (int run = 0; run < 3; run++) {
		struct isobar *isobar = isobar_new(globe, population, (struct isobar_options){ .sticky = true,
			.seed = sim->seed });

		globe_demand(globe, 12, UTILISATION * GLOBE_CAPACITY, demand);
		isobar_solve(isobar, demand, isobar_usual_terms());
		isobar_publish_result(isobar, demand);		/* from the tables of no plan, which are far larger */
		for (size_t g = 0; g < globe->group_count; g++)
			nudge(isobar, g);
		isobar_publish_result(isobar, demand);
		*whole_ms = fmin(*whole_ms, isobar->compile_us / 1e3);
		for (size_t g = 0; g < 5; g++) {
			nudge(isobar, g);
			isobar_publish_result(isobar, demand);
			*delta_ms = fmin(*delta_ms, isobar->compile_us / 1e3);
		}
		isobar_free(isobar);
	}
	free(demand);
	population_free(population);
	globe_free(globe);
}

/* A twentieth of the group's largest pair goes to its next one. */
static void
nudge(struct isobar *isobar, size_t group)
{
	const struct planner_share *share = &isobar->result->shares[group];
	struct plan_pair *pairs = (struct plan_pair *)(uintptr_t)share->pairs;	/* they lie in our own arena */
	size_t most = 0, next;

	for (size_t i = 1; i < share->pair_count; i++)
		most = pairs[i].share > pairs[most].share ? i : most;
	next = most == 0 ? 1 : most - 1;
	if (share->pair_count < 2)
		return;
	pairs[next].share += pairs[most].share / 20;
	pairs[most].share -= pairs[most].share / 20;
}
