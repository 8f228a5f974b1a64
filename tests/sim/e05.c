/* e05.c -- E5: how soon is nobody sent to a dead region any more?
 * In process: one thread asks slot after slot of all tables with slots_pick() and notes when it was last sent to the region
 * in question; another one stores the dead word. Measured is the time from before the store to the last question that was
 * answered wrongly, many times over, and then, after the store, every slot is asked once more.
 * In the world: a region of the plan dies, and its demand is followed from the moment of the report, through caches that
 * hold and stretch. Nothing that an authority does can be faster than the answers already out: the optimum is their sum in
 * closed form (caches_holding_expected()), which knows nothing of events. t90: only a tenth of the demand is left there.
 * The others answer rightly too once they know; what they add is the time until they know, by their default checks. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "caches.h"
#include "experiments.h"

#define TRIALS 200
#define UTILISATION 0.6
#define ROUTE53_DETECTION 30	/* s: 3 failures, 10 s apart: the fast kind */
#define GDNSD_DETECTION 80	/* s: down_thresh 10, 8 s apart */

/* What part of a region's demand is still sent there, by the time since the report, and by the bound. */
#define CURVE_POINTS 241
struct curve { double x[CURVE_POINTS], left[CURVE_POINTS], bound[CURVE_POINTS]; size_t count; };

struct race {
	const struct isobar *isobar;
	region_id region;
	_Atomic bool stop, asked_all;
	_Atomic int64_t last_wrong_ns;
	uint64_t asked;
};

static void race(struct sim *sim);
static void *ask_on(void *race);
static void drain(struct sim *sim, double ttl, double *ratio, double *times, struct curve *curve);
static void plot_drain(const struct sim *sim, const struct curve *curve, double ttl);

void
e05_speed(struct sim *sim)
{
	static const double ttls[] = { 20, 60, 300 };
	double *demand = sim_many(sim->globe->group_count, sizeof(double)), worst = 0;
	const size_t kinds = sim->full ? 3 : 2;

	globe_demand(sim->globe, 12, UTILISATION * GLOBE_CAPACITY, demand);
	isobar_solve(sim->isobar, demand, isobar_usual_terms());
	isobar_publish_result(sim->isobar, demand);
	free(demand);
	race(sim);
	printf("  seconds from the report until so much demand has left the region       Isobar   with Route 53's / gdnsd's"
		" checks\n");
	for (size_t i = 0; i < kinds; i++) {
		struct curve curve = { .count = 0 };
		double ratio, times[3];

		drain(sim, ttls[i], &ratio, times, &curve);
		if (ttls[i] == 60)
			plot_drain(sim, &curve, ttls[i]);
		worst = fmax(worst, ratio);
		printf("    TTL %3.0f s: 50 %% %6.1f s, 90 %% %6.1f s, 99 %% %6.1f s; 90 %% after the failure: %6.1f %6.1f s;"
			" t90 / optimum %.4f\n", ttls[i], times[0], times[1], times[2], times[1] + ROUTE53_DETECTION,
			times[1] + GDNSD_DETECTION, ratio);
	}
	results_add(&sim->results, worst, "<= 1.05", "E5 t90 of demand over the bound of the TTLs, worst TTL");
}

static void
race(struct sim *sim)
{
	struct isobar *isobar = sim->isobar;
	double *taken = sim_many(TRIALS, sizeof(double));
	uint64_t after = 0, slots = 0;

	for (int i = 0; i < TRIALS; i++) {
		struct race r = { .isobar = isobar, .region = (region_id)(i % (int)sim->globe->region_count) };
		pthread_t thread;
		struct mono before;

		isobar_kill(isobar, globe_lost(NO_REGION, NO_REGION));
		if (pthread_create(&thread, NULL, ask_on, &r) != 0)
			abort();
		while (atomic_load(&r.last_wrong_ns) == 0 && !atomic_load(&r.asked_all))
			;	/* until the region is answered */
		before = mono_now();
		live_set_dead(isobar->service->live, r.region, true);
		while (mono_now().ns - before.ns < 2000000)
			;	/* two more milliseconds of questions */
		atomic_store(&r.stop, true);
		pthread_join(thread, NULL);
		taken[i] = (double)(atomic_load(&r.last_wrong_ns) - before.ns) / 1e6;
		taken[i] = taken[i] > 0 ? taken[i] : 0;
		for (uint16_t g = 0; g < isobar->group_count; g++)
			for (uint32_t s = 0; s < isobar->service->tables[g]->count + isobar->service->tables[g]->heavy_count; s++) {
				after += isobar_pick(isobar, g, s).region == r.region;
				slots++;
			}
	}
	isobar_kill(isobar, globe_lost(NO_REGION, NO_REGION));
	qsort(taken, TRIALS, sizeof(*taken), sim_compare_doubles);
	printf("  report to last wrong answer in process, %d trials: median %.5f ms, 99 %% %.5f ms, worst %.5f ms;\n"
		"  %llu wrong of %llu answers after it\n", TRIALS, taken[TRIALS / 2], taken[TRIALS * 99 / 100],
		taken[TRIALS - 1], (unsigned long long)after, (unsigned long long)slots);
	results_add(&sim->results, taken[TRIALS - 1], "< 1", "E5 report to last wrong fresh answer in process, ms, worst of %d",
		TRIALS);
	if (!sim->full)
		results_leave(&sim->results);
	results_add(&sim->results, (double)after, "= 0", "E5 wrong answers behind the store, all slots, each region");
	free(taken);
}

static void *
ask_on(void *argument)
{
	struct race *r = argument;
	const struct isobar *isobar = r->isobar;

	while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		for (uint16_t g = 0; g < isobar->group_count; g++) {
			const struct slot_table *table = isobar->service->tables[g];

			for (uint32_t s = 0; s < table->count + table->heavy_count; s += 7) {
				struct mono at = mono_now();

				if (isobar_pick(isobar, g, s).region == r->region)
					atomic_store_explicit(&r->last_wrong_ns, at.ns, memory_order_relaxed);
				r->asked++;
			}
			if (atomic_load_explicit(&r->stop, memory_order_relaxed))
				return NULL;
		}
		atomic_store(&r->asked_all, true);
	}
	return NULL;
}

/* ---- the world's caches ------------------------------------------------------------------------------------------ */

static region_id
fresh_answer(void *context, uint32_t key, struct dice *dice)
{
	const struct isobar *isobar = context;
	uint16_t group;
	uint32_t slot = isobar_slot(isobar, key, &group);

	(void)dice;
	return isobar_pick(isobar, group, slot).region;
}

static void
steady_demand(void *context, double now, double *demand, const double *loads)
{
	const struct isobar *isobar = context;

	(void)loads;
	if (now <= 0)
		globe_demand(isobar->globe, 12, UTILISATION * GLOBE_CAPACITY, demand);
}

/* The region with the most demand, so that the sample is large. times: 50, 90 and 99 %. */
static void
drain(struct sim *sim, double ttl, double *ratio, double *times, struct curve *curve)
{
	const double parts[] = { 0.5, 0.1, 0.01 };
	struct caches *caches = caches_new(&(struct caches_setup){ .globe = sim->globe, .population = sim->population,
		.ttl_s = ttl, .tick_s = ttl, .seed = sim->seed, .context = sim->isobar, .answer = fresh_answer,
		.tick = steady_demand });
	uint8_t *had = sim_many(sim->population->count, 1);
	double *shares = sim_many(sim->globe->group_count * sim->globe->region_count, sizeof(double)), loads[REGIONS_MAX];
	double *demand = sim_many(sim->globe->group_count, sizeof(double));
	double start = 2 * ttl, all, expected = 0;
	region_id lost = 0;

	globe_demand(sim->globe, 12, UTILISATION * GLOBE_CAPACITY, demand);
	isobar_shares(sim->isobar, globe_lost(NO_REGION, NO_REGION), shares);
	globe_loads(sim->globe, demand, shares, loads);
	for (size_t r = 1; r < sim->globe->region_count; r++)
		lost = loads[r] > loads[lost] ? (region_id)r : lost;
	all = loads[lost];
	caches_run(caches, start);
	for (size_t k = 0; k < sim->population->count; k++)
		had[k] = caches_answers(caches)[k] == lost;
	isobar_kill(sim->isobar, globe_lost(lost, NO_REGION));
	for (size_t i = 0, step = 1; i < ARRAY_SIZE(parts); step++) {
		double t = (double)step * ttl / 100, left;

		caches_run(caches, start + t);
		left = caches_holding(caches, lost);
		for (; i < ARRAY_SIZE(parts) && left <= parts[i] * all; i++)
			times[i] = t;
		if (curve->count < CURVE_POINTS && sim->folder != NULL) {
			curve->x[curve->count] = t;
			curve->left[curve->count] = 100 * left / all;
			curve->bound[curve->count++] = 100 * caches_holding_expected(caches, had, t) / all;
		}
		/* A long tail is looked at in longer steps. */
		step += step > 300 ? step / 50 : 0;
	}
	while (caches_holding_expected(caches, had, expected) > parts[1] * all)
		expected += ttl / 400;
	*ratio = times[1] / expected;
	isobar_kill(sim->isobar, globe_lost(NO_REGION, NO_REGION));
	free(had);
	free(shares);
	free(demand);
	caches_free(caches);
}

/* The others follow the same bound, from the time on that they know. */
static void
plot_drain(const struct sim *sim, const struct curve *curve, double ttl)
{
	static const double late[] = { ROUTE53_DETECTION, GDNSD_DETECTION };
	double others[2][CURVE_POINTS];
	char title[80];

	for (size_t i = 0; i < ARRAY_SIZE(late); i++)
		for (size_t k = 0; k < curve->count; k++) {
			size_t behind = (size_t)lround(late[i] / (ttl / 100));

			others[i][k] = curve->bound[k < behind ? 0 : k - behind];
		}
	snprintf(title, sizeof(title), "E5: demand still sent to a dead region, TTL %.0f s", ttl);
	svg_lines(sim->folder, "E5", &(struct svg_plot){ .title = title, .x_name = "seconds since the first report",
		.y_name = "% of what it had", .mark = NAN, .note = "8.74 % of resolvers hold answers for longer than their TTL.",
		.series_count = 4, .series = {
		{ "bound of the TTLs", curve->count, curve->x, curve->bound, false },
		{ "3 checks, 10 s apart", curve->count, curve->x, others[0], false },
		{ "10 checks, 8 s apart", curve->count, curve->x, others[1], false },
		{ "Isobar", curve->count, curve->x, curve->left, true } } });
}
