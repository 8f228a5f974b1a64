/* e02.c -- E2: how much demand moves when weights change, over the least that any scheme could move?
 * One group, 24 regions; each weight changes by up to 10 % up or down. Moved: the demand of all keys whose region is
 * another one afterwards. The least: TV = half the sum of |change of share|.
 * Then one region dies: what moves must be what it had, and nothing else.
 * Baselines by their algorithms: dice for each answer, a hash over cumulative ranges, a ring of 100 points a region, and
 * weighted rendezvous. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dice.h"
#include "experiments.h"

#define POINTS 100		/* of a region on the ring, times its weight */

struct change { double before[REGIONS_MAX], after[REGIONS_MAX], least; };

static void draw_change(const struct sim *sim, struct change *change, struct dice *dice);
static double moved_by_us(const struct sim *sim, const struct change *change, double *death);
static double moved_by_dice(const struct sim *sim, const struct change *change);
static double moved_by_hash(const struct sim *sim, const struct change *change,
	size_t (*choose)(const double *, size_t, const struct address *));
static size_t choose_range(const double *weights, size_t count, const struct address *address);
static size_t choose_ring(const double *weights, size_t count, const struct address *address);
static size_t choose_rendezvous(const double *weights, size_t count, const struct address *address);

void
e02_movement(struct sim *sim)
{
	struct dice dice = dice_new(sim->seed, 21);
	const unsigned runs = sim->full ? 5 : 2;
	double ours = 0, death = 0, thrown = 0, ranges = 0, ring = 0, rendezvous = 0;

	for (unsigned i = 0; i < runs; i++) {
		struct change change;
		double lost;

		draw_change(sim, &change, &dice);
		ours = fmax(ours, moved_by_us(sim, &change, &lost));
		death = fmax(death, lost);
		thrown += moved_by_dice(sim, &change) / runs;
		ranges += moved_by_hash(sim, &change, choose_range) / runs;
		ring += moved_by_hash(sim, &change, choose_ring) / runs;
		rendezvous += moved_by_hash(sim, &change, choose_rendezvous) / runs;
	}
	printf("  demand moved / least possible, weights changed by up to 10 %%\n"
		"    dice for each answer    %8.3f\n    hash to ranges          %8.3f\n    ring of points          %8.3f\n"
		"    weighted rendezvous     %8.3f\n    Isobar                  %8.3f  (worst of %u)\n"
		"    Isobar, a region dies   %8.3f\n", thrown, ranges, ring, rendezvous, ours, runs, death);
	svg_bars(sim->folder, "E2", "E2: demand moved, over the least possible", "x", (struct svg_bar[]){
		{ "dice for each answer", thrown, false }, { "hash to ranges", ranges, false },
		{ "ring of points", ring, false }, { "weighted rendezvous", rendezvous, false }, { "Isobar", ours, true } }, 5);
	results_add(&sim->results, ours, "<= 1.05", "E2 moved demand over TV at a change of weights");
	results_add(&sim->results, death, "<= 1.000001", "E2 moved demand over that of a region that dies");
}

static void
draw_change(const struct sim *sim, struct change *change, struct dice *dice)
{
	size_t count = sim->globe->region_count;
	double sums[2] = { 0, 0 };

	change->least = 0;
	for (size_t r = 0; r < count; r++) {
		sums[0] += change->before[r] = 0.5 + dice_uniform(dice);
		sums[1] += change->after[r] = change->before[r] * (0.9 + 0.2 * dice_uniform(dice));
	}
	for (size_t r = 0; r < count; r++) {
		change->before[r] /= sums[0];
		change->after[r] /= sums[1];
		change->least += fabs(change->after[r] - change->before[r]) / 2;
	}
}

static double
weight_at(const struct sim *sim, size_t k)
{
	return (double)sim->population->part[k] * sim->globe->groups[sim->population->group[k]].share;
}

static void
regions_of_keys(const struct isobar *isobar, size_t count, region_id *regions)
{
	for (size_t k = 0; k < count; k++) {
		uint16_t group;
		uint32_t slot = isobar_slot(isobar, k, &group);

		regions[k] = isobar_pick(isobar, group, slot).region;
	}
}

static double
moved_by_us(const struct sim *sim, const struct change *change, double *death)
{
	struct isobar *isobar = isobar_new(sim->globe, sim->population, (struct isobar_options){ .one_group = true,
		.sticky = true, .seed = sim->seed });
	size_t count = sim->population->count;
	region_id *before = sim_many(count, sizeof(*before)), *after = sim_many(count, sizeof(*after));
	double moved = 0, all = 0, had = 0;

	isobar_publish_weights(isobar, change->before);
	regions_of_keys(isobar, count, before);
	isobar_publish_weights(isobar, change->after);
	regions_of_keys(isobar, count, after);
	for (size_t k = 0; k < count; k++) {
		all += weight_at(sim, k);
		moved += before[k] != after[k] ? weight_at(sim, k) : 0;
	}
	moved /= all * change->least;
	isobar_kill(isobar, globe_lost(0, NO_REGION));
	regions_of_keys(isobar, count, before);
	*death = 0;
	for (size_t k = 0; k < count; k++) {
		had += after[k] == 0 ? weight_at(sim, k) : 0;
		*death += before[k] != after[k] ? weight_at(sim, k) : 0;
	}
	*death /= had;
	free(before);
	free(after);
	isobar_free(isobar);
	return moved;
}

static double
moved_by_dice(const struct sim *sim, const struct change *change)
{
	double stays = 0;

	for (size_t r = 0; r < sim->globe->region_count; r++)
		stays += change->before[r] * change->after[r];
	return (1 - stays) / change->least;
}

static double
moved_by_hash(const struct sim *sim, const struct change *change,
	size_t (*choose)(const double *, size_t, const struct address *))
{
	size_t step = sim->population->count / 40000 + 1;	/* a sample of keys: hashing 24 times is slow */
	double moved = 0, all = 0;

	for (size_t k = 0; k < sim->population->count; k += step) {
		struct address address = population_address(sim->population, k);

		all += 1;	/* keys, not demand: the mean is the same, and a few heavy keys don't blur it */
		moved += choose(change->before, sim->globe->region_count, &address)
			!= choose(change->after, sim->globe->region_count, &address);
	}
	return moved / all / change->least;
}

static double
hash_part(const struct address *address, uint64_t seed)
{
	return (double)(hash64(address->bytes, 3, seed) >> 11) * 0x1p-53;
}

static size_t
choose_range(const double *weights, size_t count, const struct address *address)
{
	double at = hash_part(address, 1);

	for (size_t r = 0; r + 1 < count; r++)
		if ((at -= weights[r]) < 0)
			return r;
	return count - 1;
}

static size_t
choose_ring(const double *weights, size_t count, const struct address *address)
{
	uint64_t at = hash64(address->bytes, 3, 1), least = UINT64_MAX;
	size_t chosen = 0;

	for (uint32_t r = 0; r < count; r++) {
		uint32_t points = (uint32_t)lround(POINTS * weights[r] * (double)count);

		for (uint32_t i = 0; i < points; i++) {
			uint64_t behind = hash64(&i, sizeof(i), 1000 + r) - at;

			if (behind < least) {
				least = behind;
				chosen = r;
			}
		}
	}
	return chosen;
}

static size_t
choose_rendezvous(const double *weights, size_t count, const struct address *address)
{
	double best = 0;
	size_t chosen = 0;

	for (size_t r = 0; r < count; r++) {
		double score = weights[r] / -log(hash_part(address, 2000 + r) + 1e-300);

		if (score > best) {
			best = score;
			chosen = r;
		}
	}
	return chosen;
}
