/* e03_evening.c -- E3's evening: an hour of events with everything at once, for each policy the same.
 * Resolvers with caches (caches.h), T = 60 s; demand with AR(1) noise of 5 % by country; a flash crowd that triples one
 * country's demand from minute 15 to 35; the largest region dies at minute 25 and is back at 45. A report of that takes
 * 10 s for everybody. Loads are reported every 30 s to those that react. Ours plans every 5 minutes, at a death, and a
 * minute after a plan that wasn't the whole way to the optimum, from the demand of half a minute ago, which it knows to
 * 20 % by country and by key.
 * No goal hangs on it: a crowd of three times a country's people may well exceed what its regions have. It shows what the
 * steady states of e03.c leave out. Counted is demand beyond capacity; what still goes to the dead region from caches is
 * a bound for all alike. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "caches.h"
#include "experiments.h"

#define UTILISATION 0.6
#define HOUR 18
#define MINUTES 60
#define CROWD_FROM_S (15 * 60)
#define CROWD_TO_S (35 * 60)
#define DEATH_S (25 * 60)
#define RETURN_S (45 * 60)
#define PLAN_S 300
#define TTL_S 60
#define TICK_S 10.0
#define TICKS (MINUTES * 6 + 1)
#define NOISE 0.05
#define NOISE_MEMORY_S 600.0
#define ERROR 0.20
#define REPORT_S 10
#define CROWD "BR"

struct evening {
	struct sim *sim;
	const struct policy *policy;
	struct policy_state state;
	struct isobar *isobar;
	struct dice dice;
	region_id victim;
	size_t crowd;
	double *base, *noise, *error, *last_demand;	/* by group */
	double *shares;					/* in force for fresh answers, summed up along each row */
	double loads[REGIONS_MAX];			/* as last reported */
	double beyond[TICKS], minutes[TICKS], lost;
	size_t ticks;
	bool knows_dead;
};

static void run(struct evening *e);
static void tick(void *context, double now, double *demand, const double *loads);
static void move_demand(struct evening *e, double now, double *demand);
static void steer(struct evening *e, double now, bool reported);
static void plan(struct evening *e, bool remember, struct region_set dead);
static region_id answer(void *context, uint32_t key, struct dice *dice);

void
e03_evening(struct sim *sim)
{
	struct svg_plot plot = { .title = "An evening: flash crowd from 15 to 35, a region dead from 25 to 45",
		.x_name = "minute", .y_name = "% of demand beyond capacity", .mark = NAN };
	struct evening *all = sim_many(POLICY_COUNT, sizeof(*all));

	printf("  %% of demand-minutes     beyond capacity   to the dead region\n");
	for (size_t i = 0; i < POLICY_COUNT; i++) {
		struct evening *e = &all[i];
		double beyond = 0;

		e->sim = sim;
		e->policy = policy_at(i);
		run(e);
		for (size_t t = 0; t < e->ticks; t++)
			beyond += e->beyond[t] / (double)e->ticks;
		printf("    %-22s %14.4f %18.4f\n", e->policy->name, beyond, e->lost / (double)e->ticks);
		/* Not those that would hide the others: like one of them, or all over the plot. */
		if (i != BASELINE_GDNSD_WEIGHTED && i != BASELINE_GDNSD_GEO && i != BASELINE_SHED)
			plot.series[plot.series_count++] = (struct svg_series){ e->policy->name, e->ticks, e->minutes, e->beyond,
				e->policy->ours };
	}
	svg_lines(sim->folder, "E3-evening", &plot);
	free(all);
}

static void
run(struct evening *e)
{
	struct sim *sim = e->sim;
	size_t groups = sim->globe->group_count;
	struct caches *caches;

	e->base = sim_many(groups, sizeof(double));
	e->noise = sim_many(groups, sizeof(double));
	e->error = sim_many(groups, sizeof(double));
	e->last_demand = sim_many(groups, sizeof(double));
	e->shares = sim_many(groups * sim->globe->region_count, sizeof(double));
	e->dice = dice_new(sim->seed, 31);	/* the same evening for all */
	globe_demand(sim->globe, HOUR, UTILISATION * GLOBE_CAPACITY, e->base);
	memcpy(e->last_demand, e->base, groups * sizeof(double));
	for (size_t g = 0; g < groups; g++) {
		e->noise[g] = NOISE * dice_normal(&e->dice);
		e->error[g] = fmax(0.2, 1 + ERROR * dice_normal(&e->dice));
		if (strcmp(sim->globe->groups[g].country, CROWD) == 0)
			e->crowd = g;
	}
	for (size_t r = 1; r < sim->globe->region_count; r++)
		if (sim->globe->regions[r].capacity > sim->globe->regions[e->victim].capacity)
			e->victim = (region_id)r;
	policy_open(&e->state, sim->globe);
	if (e->policy->ours)
		e->isobar = e->state.isobar = isobar_new(sim->globe, sim->population, (struct isobar_options){
			.sticky = true, .error = ERROR, .seed = sim->seed });
	caches = caches_new(&(struct caches_setup){ .globe = sim->globe, .population = sim->population, .ttl_s = TTL_S,
		.tick_s = TICK_S, .seed = sim->seed, .context = e, .answer = answer, .tick = tick });
	caches_run(caches, MINUTES * 60);
	caches_free(caches);
	isobar_free(e->isobar);
	free(e->base), free(e->noise), free(e->error), free(e->last_demand), free(e->shares);
}

static void
tick(void *context, double now, double *demand, const double *loads)
{
	struct evening *e = context;
	const struct globe *globe = e->sim->globe;
	long second = lround(now);
	bool dies = second >= DEATH_S && second < RETURN_S, reported = second % FEEDBACK_INTERVAL_S == 0;
	double total = 0, true_loads[REGIONS_MAX], scale, sum = 0;

	/* Loads follow the demand of this moment. */
	for (size_t r = 0; r < globe->region_count; r++)
		sum += true_loads[r] = loads[r];
	move_demand(e, now, demand);
	for (size_t g = 0; g < globe->group_count; g++)
		total += demand[g];
	scale = sum > 0 ? total / sum : 0;
	for (size_t r = 0; r < globe->region_count; r++)
		true_loads[r] *= scale;
	if (second > 0 && e->ticks < TICKS) {
		double beyond = 0;

		for (size_t r = 0; r < globe->region_count; r++)
			if (!(dies && r == e->victim))
				beyond += fmax(0, true_loads[r] - globe->regions[r].capacity);
		e->minutes[e->ticks] = now / 60;
		e->lost += dies ? 100 * true_loads[e->victim] / total : 0;
		e->beyond[e->ticks++] = 100 * beyond / total;
	}
	e->knows_dead = second >= DEATH_S + REPORT_S && second < RETURN_S + REPORT_S;
	steer(e, now, reported && second > 0);
	if (reported) {
		memcpy(e->loads, true_loads, sizeof(e->loads));
		memcpy(e->last_demand, demand, globe->group_count * sizeof(double));
	}
}

static void
move_demand(struct evening *e, double now, double *demand)
{
	double keeps = exp(-TICK_S / NOISE_MEMORY_S);

	for (size_t g = 0; g < e->sim->globe->group_count; g++) {
		e->noise[g] = keeps * e->noise[g] + sqrt(1 - keeps * keeps) * NOISE * dice_normal(&e->dice);
		demand[g] = e->base[g] * (1 + e->noise[g]);
		if (g == e->crowd && now >= CROWD_FROM_S && now < CROWD_TO_S)
			demand[g] *= 3;
	}
}

static void
steer(struct evening *e, double now, bool reported)
{
	const struct globe *globe = e->sim->globe;
	struct region_set dead = globe_lost(e->knows_dead ? e->victim : NO_REGION, NO_REGION);

	if (e->policy->ours) {
		long second = lround(now);
		bool changed = second == DEATH_S + REPORT_S || second == RETURN_S + REPORT_S;

		if (second % PLAN_S == 0 || changed || (second % TTL_S == 0 && e->isobar->result->step < 1))
			plan(e, second > 0, dead);
		isobar_kill(e->isobar, dead);
		return;
	}
	e->policy->shares(&e->state, &(struct policy_view){ .dead = dead, .loads = reported ? e->loads : NULL }, e->shares);
	for (size_t g = 0; g < globe->group_count; g++)
		for (size_t r = 1; r < globe->region_count; r++)
			e->shares[g * globe->region_count + r] += e->shares[g * globe->region_count + r - 1];
}

static void
plan(struct evening *e, bool remember, struct region_set dead)
{
	size_t groups = e->sim->globe->group_count;
	double *forecast = sim_many(groups, sizeof(double));
	struct isobar_terms terms = isobar_usual_terms();

	for (size_t g = 0; g < groups; g++)
		forecast[g] = e->last_demand[g] * e->error[g];
	terms.error = ERROR;
	terms.remember = remember;
	terms.dead = dead;
	isobar_solve(e->isobar, forecast, terms);
	isobar_publish_result(e->isobar, forecast);
	free(forecast);
}

static region_id
answer(void *context, uint32_t key, struct dice *dice)
{
	struct evening *e = context;
	const struct globe *globe = e->sim->globe;
	const double *row = e->shares + e->sim->population->group[key] * globe->region_count;
	double at;
	size_t r = 0;

	if (e->policy->ours) {
		uint16_t group;
		uint32_t slot = isobar_slot(e->isobar, key, &group);

		return isobar_pick(e->isobar, group, slot).region;
	}
	at = e->policy->sticky ? (double)(hash64(&e->sim->population->network[key], 4, 1) >> 11) * 0x1p-53 : dice_uniform(dice);
	at *= row[globe->region_count - 1];
	while (r + 1 < globe->region_count && row[r] <= at)
		r++;
	return (region_id)r;
}
