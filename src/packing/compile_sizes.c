/* compile_sizes.c -- how many slots each demand group gets.
 * In: the groups of a service with their demand.  Out: a power of two each.  Threads: control.
 *
 * Half of a service's SLOTS_PER_SERVICE is there for all groups alike, the other half goes by demand: then a slot is
 * about the same demand everywhere, and a group of little demand still has its shares right to a percent or so. All are
 * powers of two, so that a slot is split or joined but never cut.
 *
 * A table that grows moves nobody; one that shrinks joins slots whose clients may be in different regions. So tables
 * grow when demand says so, and shrink only when they are SHRINK times too large, or all together are twice what a
 * service should have. Demand goes up and down by less than that in a day.
 *
 * Where demand isn't known, groups of the same law and the same static weights have the same table, so it's the number
 * of laws that the slots are divided by.
 *
 * The heaviest keys over all groups get slots of their own, up to DEMAND_HEAVY_MAX. */
#include <math.h>
#include <stdlib.h>

#include "packing/compile_parts.h"

#define SHRINK 8u		/* the day's swing of one country's part in the demand, with room */
#define LEAST 16u		/* slots, of thousands of groups */
#define SLOTS_A_PRIMARY 4u	/* or shares within a group would be nowhere near */
#define SLOTS_A_PAIR 2u

struct heavy { double rate; uint16_t group; };

static void take_heavy_keys(struct job *job, struct heavy *keys);
static int compare_heavy(const void *a, const void *b);
static double total_demand(const struct job *job);
static size_t laws(const struct job *job);
static uint32_t nearest_power(double slots);
static uint32_t power_from(uint32_t least);
static uint32_t least_slots(const struct job *job, uint16_t group);
static uint64_t size_all(struct job *job, const uint32_t *wanted, uint32_t shrink);

bool
compile_sizes(struct job *job)
{
	size_t groups = job->partition->count, keys = 0;
	double total = total_demand(job), alike = (double)SLOTS_PER_SERVICE / (double)laws(job);
	uint32_t *wanted = arena_alloc(job->scratch, groups * sizeof(*wanted)), least = SLOTS_LEAST, shrink = SHRINK;
	struct heavy *heavy;

	for (size_t g = 0; g < groups; g++)
		keys += job->subjects[g].demand == NULL ? 0 : job->subjects[g].demand->heavy_count;
	heavy = arena_alloc(job->scratch, (keys + 1) * sizeof(*heavy));
	if (wanted == NULL || heavy == NULL)
		return false;
	take_heavy_keys(job, heavy);
	while (least > LEAST && least * groups > SLOTS_PER_SERVICE / 2)
		least /= 2;
	for (size_t g = 0; g < groups; g++) {
		const struct demand_rate *demand = job->subjects[g].demand;
		double slots = alike;

		if (total > 0)
			slots = least + (SLOTS_PER_SERVICE - fmin(least * (double)groups, SLOTS_PER_SERVICE / 2.0))
				* (demand == NULL || !(demand->rate > 0) ? 0 : demand->rate / total);
		wanted[g] = nearest_power(slots);
		if (wanted[g] < least_slots(job, (uint16_t)g))
			wanted[g] = least_slots(job, (uint16_t)g);
	}
	while (size_all(job, wanted, shrink) > 2 * SLOTS_PER_SERVICE && shrink > 1)
		shrink /= 2;
	return true;
}

static void
take_heavy_keys(struct job *job, struct heavy *keys)
{
	size_t count = 0;

	for (size_t g = 0; g < job->partition->count; g++) {
		const struct demand_rate *demand = job->subjects[g].demand;

		for (size_t i = 0; demand != NULL && i < demand->heavy_count; i++)
			keys[count++] = (struct heavy){ demand->heavy[i].rate, (uint16_t)g };
	}
	if (count > DEMAND_HEAVY_MAX)
		qsort(keys, count, sizeof(*keys), compare_heavy);
	for (size_t i = 0; i < count && i < DEMAND_HEAVY_MAX; i++)
		job->subjects[keys[i].group].heavy_count++;
}

/* The heaviest first. Within a group the first ones are the heaviest, so a count says which. */
static int
compare_heavy(const void *a, const void *b)
{
	const struct heavy *x = a, *y = b;

	return x->rate != y->rate ? (x->rate < y->rate) - (x->rate > y->rate)
		: (x->group > y->group) - (x->group < y->group);
}

static double
total_demand(const struct job *job)
{
	double total = 0;

	for (size_t g = 0; g < job->partition->count; g++)
		if (job->subjects[g].demand != NULL && job->subjects[g].demand->rate > 0)
			total += job->subjects[g].demand->rate;
	return isfinite(total) ? total : 0;
}

static size_t
laws(const struct job *job)
{
	size_t count = 0;

	for (uint16_t g = 0; g < job->partition->count; g++)
		count += job->subjects[g].like == g || compile_is_planned(job, g);
	return count;
}

/* By ratio: 1.41 times too few or too many at most. */
static uint32_t
nearest_power(double slots)
{
	uint32_t power = 1;

	while (power < SLOTS_PER_SERVICE && power * 1.4142135623730951 < slots)
		power *= 2;
	return power;
}

static uint32_t
least_slots(const struct job *job, uint16_t group)
{
	const struct subject *subject = &job->subjects[group];
	uint32_t regions = 0;

	if (subject->planned != NULL)
		return power_from((uint32_t)subject->planned->pair_count * SLOTS_A_PAIR);
	for (unsigned w = 0; w < 4; w++)
		regions += (uint32_t)__builtin_popcountll(subject->legal.words[w]);
	return power_from(regions * SLOTS_A_PRIMARY);
}

static uint32_t
power_from(uint32_t least)
{
	uint32_t power = 1;

	while (power < least && power < SLOTS_PER_SERVICE)
		power *= 2;
	return power;
}

/* Their sum. A list isn't a table that anything could grow from. */
static uint64_t
size_all(struct job *job, const uint32_t *wanted, uint32_t shrink)
{
	uint64_t sum = 0;

	for (size_t g = 0; g < job->partition->count; g++) {
		struct subject *subject = &job->subjects[g];
		uint32_t had = subject->last == NULL ? 1 : subject->last->count;
		bool fits = had > 1 && (had & (had - 1)) == 0 && had >= wanted[g] && had / shrink <= wanted[g];

		subject->slots = fits ? had : wanted[g];
		sum += subject->slots;
	}
	return sum;
}
