/* e01.c -- E1: how exact are the shares?
 * One group of clients, 24 regions. Three questions:
 *  - 10^4 fresh answers, to keys drawn by their demand: how far is the count of each region from its share? (The dice that
 *    draw the clients alone are worth 0.2 % of the answers at a share of 1/24.)
 *  - 10^4 answers of a service without stickiness, which walks a sequence;
 *  - the demand behind the answers, where each key's demand is only known to 20 %: before any report of load came back,
 *    and after one, when the product's estimator (estimate/estimate.h) has corrected what it made of its counts.
 *    Errors of heavy keys can't be balanced by whoever doesn't know them: with R regions of equal shares the rms can't be
 *    expected below the error of a key times sqrt(R x sum of squared shares of keys), whatever the packing; printed beside.
 * Resolvers are 10^6 in the short form too: that bound depends on them.
 * Baselines for the last: a hash over cumulative ranges of weights, rendezvous hashing; and dice for the second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dice.h"
#include "dns/types.h"
#include "experiments.h"
#include "serve/steered.h"

#define ANSWERS 10000
#define RUNS 20
#define ERROR 0.20		/* of what is known of a key's demand */

static void measure(struct sim *sim);
static double fresh_answers(const struct sim *sim);
static double quota_answers(const struct sim *sim, double *dice_value);
static void by_demand(struct sim *sim, double *open, double *once, double *twice);
static double hashed(const struct sim *sim, bool rendezvous);
static double bound(const struct sim *sim);

static double
weight_at(const struct sim *sim, size_t k)	/* part of all demand */
{
	return (double)sim->population->part[k] * sim->globe->groups[sim->population->group[k]].share;
}

void
e01_accuracy(struct sim *sim)
{
	struct population *fewer = sim->population;

	if (!sim->full)
		sim->population = population_new(sim->globe, 1000000, sim->seed);
	measure(sim);
	if (!sim->full)
		population_free(sim->population);
	sim->population = fewer;
}

static void
measure(struct sim *sim)
{
	double dice_value = 0, open, once, twice, fresh = fresh_answers(sim), quota = quota_answers(sim, &dice_value);
	double ranges = hashed(sim, false), rendezvous = hashed(sim, true);

	by_demand(sim, &open, &once, &twice);
	printf("  share of 10^4 answers, greatest error of 24 regions, %% of the answers\n"
		"    sticky, keys drawn by demand, worst of %d runs   %8.4f\n"
		"    without stickiness: sequence                     %8.4f\n"
		"    without stickiness: dice (others)                %8.4f\n", RUNS, fresh, quota, dice_value);
	printf("  load of a region beside its share of demand, rms, %% of the share\n"
		"    hash to ranges                                   %8.3f\n"
		"    rendezvous hash                                  %8.3f\n"
		"    Isobar, demand of each key known to 20 %%         %8.3f  (expected at best: %.3f)\n"
		"    Isobar, after one report of loads                %8.3f\n"
		"    Isobar, after two                                %8.3f\n", ranges, rendezvous, open,
		bound(sim), once, twice);
	svg_bars(sim->folder, "E1", "E1: load beside the wanted share, rms over 24 regions", "%", (struct svg_bar[]){
		{ "hash to ranges", ranges, false }, { "rendezvous hash", rendezvous, false },
		{ "Isobar, demand known to 20 %", open, true }, { "Isobar, after one report", once, true },
		{ "Isobar, after two", twice, true } }, 5);
	results_add(&sim->results, fresh, "< 1", "E1 share accuracy at 10^4 fresh answers, percent");
	results_add(&sim->results, quota, "< 0.01", "E1 share accuracy of a sequence at 10^4 answers, percent");
	results_add(&sim->results, open, "<= 2", "E1 load by demand at 20 %% noise, open loop, percent rms");
	results_add(&sim->results, once, "<= 0.5", "E1 load by demand at 20 %% noise, after one settled report, percent rms");
}

static void
even(const struct sim *sim, double *weights)
{
	for (size_t r = 0; r < sim->globe->region_count; r++)
		weights[r] = 1.0 / (double)sim->globe->region_count;
}

static double
worst_count(const struct sim *sim, const uint32_t *counts)
{
	double worst = 0;

	for (size_t r = 0; r < sim->globe->region_count; r++)
		worst = fmax(worst, fabs((double)counts[r] / ANSWERS - 1.0 / (double)sim->globe->region_count));
	return 100 * worst;
}

static double
fresh_answers(const struct sim *sim)
{
	struct isobar *isobar = isobar_new(sim->globe, sim->population, (struct isobar_options){ .one_group = true,
		.sticky = true, .seed = sim->seed });
	struct dice dice = dice_new(sim->seed, 11);
	double weights[REGIONS_MAX], sum = 0, worst = 0, *up_to = sim_many(sim->population->count, sizeof(double));

	even(sim, weights);
	isobar_publish_weights(isobar, weights);
	for (size_t k = 0; k < sim->population->count; k++)
		up_to[k] = sum += weight_at(sim, k);
	for (int run = 0; run < RUNS; run++) {
		uint32_t counts[REGIONS_MAX + 1] = { 0 };

		for (int i = 0; i < ANSWERS; i++) {
			double at = dice_uniform(&dice) * sum;
			size_t low = 0, high = sim->population->count - 1;
			uint16_t group;
			uint32_t slot;

			while (low < high) {
				size_t middle = (low + high) / 2;

				if (up_to[middle] < at)
					low = middle + 1;
				else
					high = middle;
			}
			slot = isobar_slot(isobar, low, &group);
			counts[isobar_pick(isobar, group, slot).region]++;
		}
		worst = fmax(worst, worst_count(sim, counts));
	}
	free(up_to);
	isobar_free(isobar);
	return worst;
}

/* Through steered_choose(), which owns the turns. */
static double
quota_answers(const struct sim *sim, double *dice_value)
{
	struct isobar *isobar = isobar_new(sim->globe, sim->population, (struct isobar_options){ .one_group = true,
		.sticky = false, .seed = sim->seed });
	struct dice dice = dice_new(sim->seed, 12);
	uint32_t counts[REGIONS_MAX + 1] = { 0 }, thrown[REGIONS_MAX + 1] = { 0 };
	double weights[REGIONS_MAX];

	even(sim, weights);
	isobar_publish_weights(isobar, weights);
	for (int i = 0; i < ANSWERS; i++) {
		struct address address = population_address(sim->population,
			dice_below(&dice, (uint32_t)sim->population->count));
		struct steered steered;

		steered_choose(&steered, isobar->snapshot, isobar->service, &(struct steered_client){ address, 32 }, TYPE_A,
			isobar->snapshot->rows[0].turns);
		counts[steered.pick.region]++;
		thrown[dice_below(&dice, (uint32_t)sim->globe->region_count)]++;
	}
	*dice_value = worst_count(sim, thrown);
	isobar_free(isobar);
	return worst_count(sim, counts);
}

static double
rms_error(const struct sim *sim, const double *parts)
{
	double sum = 0, count = (double)sim->globe->region_count;

	for (size_t r = 0; r < sim->globe->region_count; r++)
		sum += (parts[r] * count - 1) * (parts[r] * count - 1);
	return 100 * sqrt(sum / count);
}

/* Mean over several worlds of belief. */
static void
by_demand(struct sim *sim, double *open, double *once, double *twice)
{
	const unsigned beliefs = sim->full ? 8 : 3;
	double weights[REGIONS_MAX], parts[REGIONS_MAX], loads[REGIONS_MAX];

	*open = *once = *twice = 0;
	even(sim, weights);
	for (unsigned i = 0; i < beliefs; i++) {
		struct isobar *isobar = isobar_new(sim->globe, sim->population, (struct isobar_options){
			.one_group = true, .sticky = true, .error = ERROR, .estimated = true, .seed = sim->seed + i });
		double *const into[] = { open, once, twice };

		for (size_t report = 0; report < ARRAY_SIZE(into); report++) {
			if (report > 0)
				isobar_correct(isobar, loads);
			isobar_publish_weights(isobar, weights);
			isobar_parts(isobar, globe_lost(NO_REGION, NO_REGION), parts);
			for (size_t r = 0; r < sim->globe->region_count; r++)
				loads[r] = parts[r] * GLOBE_CAPACITY;
			*into[report] += rms_error(sim, parts) / beliefs;
		}
		isobar_free(isobar);
	}
}

static double
hashed(const struct sim *sim, bool rendezvous)
{
	double parts[REGIONS_MAX] = { 0 };
	size_t regions = sim->globe->region_count;

	for (size_t k = 0; k < sim->population->count; k++) {
		struct address address = population_address(sim->population, k);
		size_t chosen = 0;
		uint64_t best = 0;

		if (!rendezvous)
			chosen = (size_t)((unsigned __int128)hash64(address.bytes, 3, sim->seed) * regions >> 64);
		for (size_t r = 0; rendezvous && r < regions; r++) {
			uint64_t h = hash64(address.bytes, 3, sim->seed + 1 + r);

			if (h > best) {
				best = h;
				chosen = r;
			}
		}
		parts[chosen] += weight_at(sim, k);
	}
	return rms_error(sim, parts);
}

static double
bound(const struct sim *sim)
{
	double sum = 0;

	for (size_t k = 0; k < sim->population->count; k++)
		sum += weight_at(sim, k) * weight_at(sim, k);
	return 100 * ERROR * sqrt((double)sim->globe->region_count * sum);
}
