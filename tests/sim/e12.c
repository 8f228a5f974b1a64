/* e12.c -- E12: is anybody ever sent where the law forbids it?
 *  - 10^9 picks over the tables of a day's plans, with dead and admit words thrown at random, from none to all of them;
 *  - as many whole decisions as time allows (steered_choose(): address, group, law, slot, pick) for random clients;
 *  - all of a small world: 8 regions, every slot of every table, every one of the 256 dead words, and that again with each
 *    region drained.
 * The judge is the globe's own list of legal regions, made before any of the product's code ran, and for the whole
 * decisions also the product's second opinion, law_allows(). */
#include <stdio.h>
#include <stdlib.h>

#include "dice.h"
#include "dns/types.h"
#include "experiments.h"
#include "serve/steered.h"
#include "steer/law.h"

#define UTILISATION 0.7

static uint64_t at_random(struct sim *sim, uint64_t *picks);
static uint64_t whole_decisions(struct sim *sim, uint64_t *decisions);
static uint64_t exhaustive(struct sim *sim, uint64_t *picks);
static void throw_words(struct isobar *isobar, struct dice *dice);
static void plan_at(struct isobar *isobar, double hour);

void
e12_residency(struct sim *sim)
{
	uint64_t picks, decisions, all, wrong, wrong_decisions, wrong_small;

	wrong = at_random(sim, &picks);
	wrong_decisions = whole_decisions(sim, &decisions);
	wrong_small = exhaustive(sim, &all);
	printf("  %llu picks at random: %llu violations\n  %llu whole decisions: %llu violations\n"
		"  %llu picks, all of a small world: %llu violations\n", (unsigned long long)picks, (unsigned long long)wrong,
		(unsigned long long)decisions, (unsigned long long)wrong_decisions, (unsigned long long)all,
		(unsigned long long)wrong_small);
	results_add(&sim->results, (double)wrong, "= 0", "E12 residency violations in %.3g picks", (double)picks);
	results_add(&sim->results, (double)wrong_decisions, "= 0", "E12 residency violations in %.3g whole decisions",
		(double)decisions);
	results_add(&sim->results, (double)wrong_small, "= 0",
		"E12 residency violations, slots x dead words of a small world, %.3g picks", (double)all);
}

static uint64_t
at_random(struct sim *sim, uint64_t *picks)
{
	struct isobar *isobar = sim->isobar;
	struct dice dice = dice_new(sim->seed, 121);
	const uint64_t wanted = sim->full ? 1000000000 : 5000000;
	const unsigned plans = sim->full ? 24 : 2;
	uint64_t wrong = 0;

	*picks = 0;
	for (unsigned plan = 0; plan < plans; plan++) {
		plan_at(isobar, plan);
		while (*picks < wanted * (plan + 1) / plans) {
			throw_words(isobar, &dice);
			for (size_t g = 0; g < sim->globe->group_count; g++) {
				struct region_set legal = sim->globe->groups[g].legal;
				uint16_t group = isobar->group_of[g];
				const struct slot_table *table = isobar->service->tables[group];
				struct pick_question question = { .live = isobar->service->live, .able = region_set_all(),
					.order = isobar->service->order, .order_count = isobar->service->order_count,
					.legal = partition_legal(isobar->snapshot->partition, isobar->snapshot->locator,
						isobar->service->intent, group) };

				for (uint32_t s = 0; s < table->count + table->heavy_count; s++) {
					region_id region;

					question.slot = &table->slots[s];
					question.rank = question.slot->rank;
					region = slots_pick(&question).region;
					wrong += region != NO_REGION && !region_set_has(&legal, region);
				}
				*picks += table->count + table->heavy_count;
			}
		}
	}
	isobar_kill(isobar, globe_lost(NO_REGION, NO_REGION));
	for (size_t r = 0; r < sim->globe->region_count; r++)
		live_set_admit(isobar->service->live, (region_id)r, ADMIT_ALL);
	return wrong;
}

static void
throw_words(struct isobar *isobar, struct dice *dice)
{
	double dying = dice_uniform(dice) * dice_uniform(dice) * 1.2, draining = dice_uniform(dice) * 0.6;

	for (size_t r = 0; r < isobar->globe->region_count; r++) {
		live_set_dead(isobar->service->live, (region_id)r, dice_uniform(dice) < dying);
		live_set_admit(isobar->service->live, (region_id)r, dice_uniform(dice) >= draining ? ADMIT_ALL
			: dice_uniform(dice) < 0.3 ? ADMIT_NONE : (admit)dice_below(dice, ADMIT_ALL));
	}
}

static void
plan_at(struct isobar *isobar, double hour)
{
	double *demand = sim_many(isobar->globe->group_count, sizeof(double));

	globe_demand(isobar->globe, hour, UTILISATION * GLOBE_CAPACITY, demand);
	isobar_solve(isobar, demand, isobar_usual_terms());
	isobar_publish_result(isobar, demand);
	free(demand);
}

static uint64_t
whole_decisions(struct sim *sim, uint64_t *decisions)
{
	struct isobar *isobar = sim->isobar;
	struct dice dice = dice_new(sim->seed, 122);
	uint64_t wrong = 0;

	*decisions = sim->full ? 50000000 : 100000;
	for (uint64_t i = 0; i < *decisions; i++) {
		size_t key = dice_below(&dice, (uint32_t)sim->population->count);
		struct address address = population_address(sim->population, key);
		struct steered steered;

		if (i % 1000 == 0)
			throw_words(isobar, &dice);
		steered_choose(&steered, isobar->snapshot, isobar->service, &(struct steered_client){ address, 24 }, TYPE_A,
			isobar->snapshot->rows[0].turns);
		if (steered.pick.region == NO_REGION)
			continue;
		wrong += !region_set_has(&sim->globe->groups[sim->population->group[key]].legal, steered.pick.region);
		if (i % 16 == 0)
			wrong += !law_allows(isobar->steering, isobar->service->intent, NULL, &address, steered.pick.region);
	}
	isobar_kill(isobar, globe_lost(NO_REGION, NO_REGION));
	for (size_t r = 0; r < sim->globe->region_count; r++)
		live_set_admit(isobar->service->live, (region_id)r, ADMIT_ALL);
	return wrong;
}

static uint64_t
exhaustive(struct sim *sim, uint64_t *picks)
{
	struct globe *globe = globe_new((struct globe_options){ .regions = 8, .parts = 1, .seed = sim->seed });
	struct population *population;
	struct isobar *isobar;
	uint64_t wrong = 0;

	/* Laws of all kinds for 8 regions: each group may use the regions whose bit is set in a number of its own. */
	for (size_t g = 0; g < globe->group_count; g++) {
		struct globe_group *group = &globe->groups[g];
		size_t kept = 0;

		group->legal.words[0] = (g * 37 + 11) % 255 + 1;
		for (size_t i = 0; i < group->near_count; i++)
			if (region_set_has(&group->legal, group->near[i]))
				group->near[kept++] = group->near[i];
		group->near_count = kept;
	}
	population = population_new(globe, 5000, sim->seed);
	isobar = isobar_new(globe, population, (struct isobar_options){ .sticky = true, .seed = sim->seed });
	plan_at(isobar, 12);
	*picks = 0;
	for (unsigned drained = 0; drained <= (sim->full ? 8 : 0); drained++) {
		for (unsigned r = 0; r < 8; r++)
			live_set_admit(isobar->service->live, (region_id)r, r + 1 == drained ? ADMIT_NONE : ADMIT_ALL);
		for (unsigned dead = 0; dead < 256; dead++) {
			isobar_kill(isobar, (struct region_set){ { dead } });
			for (size_t g = 0; g < globe->group_count; g++) {
				uint16_t group = isobar->group_of[g];
				const struct slot_table *table = isobar->service->tables[group];

				for (uint32_t s = 0; s < table->count + table->heavy_count; s++) {
					region_id region = isobar_pick(isobar, group, s).region;

					wrong += region != NO_REGION && !region_set_has(&globe->groups[g].legal, region);
					++*picks;
				}
			}
		}
	}
	isobar_free(isobar);
	population_free(population);
	globe_free(globe);
	return wrong;
}
