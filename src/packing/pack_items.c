/* pack_items.c -- what a table is packed from: the demand of each slot, and where its clients were.
 * In: a packing's input.  Out: items.  Threads: any; pure.
 *
 * Demand becomes whole numbers of 2^-31 of the whole, so that all sums are exact and the same octets come out
 * everywhere. A slot that nobody asked counts as if it had 2^-12 of the mean: it may be asked yet, and shall follow the
 * shares too, but may not blur them.
 *
 * A table may have more or fewer slots than the last one, or than the demand was counted by. Slots that are split go on
 * with the list that they had. Of those that become one, the region with the most demand among them keeps it.
 *
 * A key that becomes heavy was in the common slot that it falls into, and there it begins; one that ceases falls back
 * into it without anything being done. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "packing/pack_parts.h"

#define UNITS 2147483648.0		/* 2^31: 32 bits hold the sum with what is added to empty slots */
#define EMPTY 4096u			/* part of the mean that an empty slot counts as */
#define DIGITS 11			/* of a weight, sorted at a time: 2,048 counters stay in a first-level cache */
#define FEW_DIGITS 6			/* where even these are more than there is to sort */

static bool take_heavy(struct pack_items *items, const struct pack_input *input, struct arena *arena);
static int compare_keys(const void *a, const void *b);
static bool weigh(struct pack_items *items, const struct pack_input *input, struct arena *arena);
static double spread_demand(const struct pack_items *items, const struct pack_input *input, double *rates);
static double usable(double value);
static bool sort_by_weight(struct pack_items *items, struct arena *arena);
static bool sort_along(struct pack_items *items, struct arena *arena);
static int compare_positions(const void *a, const void *b);
static bool recall(struct pack_items *items, const struct pack_input *input, struct arena *arena);
static uint32_t slot_before(const struct pack_items *items, const struct slot_table *previous, uint32_t item);
static uint32_t strongest(const struct slot_table *previous, uint32_t from, uint32_t to);
static void renumber(const struct pack_input *input, const struct slot *slot, region_id *list);

bool
pack_items(struct pack_items *items, const struct pack_input *input, struct arena *arena)
{
	*items = (struct pack_items){ .common = input->slots, .count = input->slots };
	return take_heavy(items, input, arena) && weigh(items, input, arena) && sort_by_weight(items, arena)
	    && sort_along(items, arena) && recall(items, input, arena);
}

static bool
take_heavy(struct pack_items *items, const struct pack_input *input, struct arena *arena)
{
	size_t count = input->demand == NULL ? 0 : input->heavy_count;
	struct pack_heavy *heavy = arena_alloc(arena, (count + 1) * sizeof(*heavy));

	if (heavy == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct demand_key *key = &input->demand->heavy[i];

		heavy[i].key = slots_key(&key->address, key->length);
		heavy[i].position = (uint32_t)(slots_position(heavy[i].key, input->seed) >> 32);
		heavy[i].rate = usable(key->rate);
	}
	/* By key, not by demand, which changes all the time: a slot's number should not. */
	qsort(heavy, count, sizeof(*heavy), compare_keys);
	for (size_t i = 0; i < count; i++)
		heavy[i].item = items->common + (uint32_t)i;
	items->heavy = heavy;
	items->count += (uint32_t)count;
	return true;
}

static int
compare_keys(const void *a, const void *b)
{
	uint64_t x = ((const struct pack_heavy *)a)->key, y = ((const struct pack_heavy *)b)->key;

	return (x > y) - (x < y);
}

static bool
weigh(struct pack_items *items, const struct pack_input *input, struct arena *arena)
{
	uint32_t *weights = arena_alloc(arena, items->count * sizeof(*weights)), least;
	double *rates = arena_alloc(arena, items->count * sizeof(*rates)), sum;

	if (weights == NULL || rates == NULL)
		return false;
	sum = spread_demand(items, input, rates);
	items->alike = !(sum > 0) || (input->demand->slot_count == 0 && items->count == items->common);
	items->total = 0;
	least = (uint32_t)(UNITS / items->count / EMPTY) + 1;
	for (uint32_t i = 0; i < items->count; i++) {
		weights[i] = items->alike ? 1 : (uint32_t)(rates[i] / sum * UNITS);
		if (!items->alike && weights[i] < least)
			weights[i] = least;
		items->total += weights[i];
	}
	items->weights = weights;
	return true;
}

/* Their sum. Heavy keys without a slot of their own count in the common one. */
static double
spread_demand(const struct pack_items *items, const struct pack_input *input, double *rates)
{
	const struct demand_rate *demand = input->demand;
	uint32_t most;
	double sum = 0, heavy = 0, part;

	if (demand == NULL)
		return 0;
	most = demand->slot_count > items->common ? demand->slot_count : items->common;
	part = (double)demand->slot_count / most;
	for (uint32_t i = 0; demand->slot_count > 0 && i < most; i++)
		rates[pack_scale(i, most, items->common)] += part
			* usable((double)demand->slots[pack_scale(i, most, demand->slot_count)]);
	for (size_t i = 0; i < demand->heavy_count; i++)
		heavy += usable(demand->heavy[i].rate);
	for (uint32_t i = 0; demand->slot_count == 0 && i < items->common; i++)
		rates[i] = usable(demand->rate - heavy) / items->common;
	for (uint32_t i = items->common; i < items->count; i++)
		rates[i] = items->heavy[i - items->common].rate;
	for (size_t i = input->heavy_count; i < demand->heavy_count; i++) {
		const struct demand_key *key = &demand->heavy[i];
		uint64_t position = slots_position(slots_key(&key->address, key->length), input->seed);

		rates[slots_common(position, items->common)] += usable(key->rate);
	}
	for (uint32_t i = 0; i < items->count; i++)
		sum += rates[i];
	return isfinite(sum) ? sum : 0;
}

static double
usable(double value)
{
	return isfinite(value) && value > 0 ? value : 0;
}

/* A radix sort from the lowest digits up: each pass keeps equals in order, and they begin with the last first. */
static bool
sort_by_weight(struct pack_items *items, struct arena *arena)
{
	uint32_t *from = arena_alloc(arena, items->count * sizeof(*from));
	uint32_t *to = arena_alloc(arena, items->count * sizeof(*to));

	unsigned digits = items->count < 1u << DIGITS ? FEW_DIGITS : DIGITS;

	if (from == NULL || to == NULL)
		return false;
	for (uint32_t i = 0; i < items->count; i++)
		from[i] = items->count - 1 - i;
	for (unsigned shift = 0; !items->alike && shift < 32; shift += digits) {
		uint32_t starts[(1 << DIGITS) + 1], *swap = from, mask = (1u << digits) - 1;

		memset(starts, 0, (mask + 2) * sizeof(*starts));
		for (uint32_t i = 0; i < items->count; i++)	/* the highest digits come first */
			starts[mask - (items->weights[i] >> shift & mask) + 1]++;
		for (uint32_t d = 0; d < mask; d++)
			starts[d + 1] += starts[d];
		for (uint32_t i = 0; i < items->count; i++)
			to[starts[mask - (items->weights[from[i]] >> shift & mask)]++] = from[i];
		from = to;
		to = swap;
	}
	items->heaviest = from;
	return true;
}

static bool
sort_along(struct pack_items *items, struct arena *arena)
{
	uint32_t heavy_count = items->count - items->common, *along = arena_alloc(arena, items->count * sizeof(*along));
	struct pack_heavy *heavy = arena_copy(arena, items->heavy, heavy_count * sizeof(*heavy));

	if (along == NULL || (heavy == NULL && heavy_count > 0))
		return false;
	qsort(heavy, heavy_count, sizeof(*heavy), compare_positions);
	for (uint32_t i = 0, k = 0, n = 0; n < items->count;) {
		along[n++] = i;
		for (; k < heavy_count && slots_common((uint64_t)heavy[k].position << 32, items->common) == i; k++)
			along[n++] = heavy[k].item;
		i++;
	}
	items->along = along;
	return true;
}

static int
compare_positions(const void *a, const void *b)
{
	uint32_t x = ((const struct pack_heavy *)a)->position, y = ((const struct pack_heavy *)b)->position;

	return x != y ? (x > y) - (x < y) : compare_keys(a, b);
}

uint32_t
pack_common_slot(const struct pack_items *items, uint32_t item)
{
	if (item < items->common)
		return item;
	return slots_common((uint64_t)items->heavy[item - items->common].position << 32, items->common);
}

static bool
recall(struct pack_items *items, const struct pack_input *input, struct arena *arena)
{
	region_id (*before)[SLOT_LIST] = NULL;

	if (input->previous == NULL)
		return true;
	before = arena_alloc(arena, items->count * sizeof(*before));
	for (uint32_t i = 0; before != NULL && i < items->count; i++)
		renumber(input, &input->previous->slots[slot_before(items, input->previous, i)], before[i]);
	items->before = (const region_id (*)[SLOT_LIST])before;
	return before != NULL;
}

static uint32_t
slot_before(const struct pack_items *items, const struct slot_table *previous, uint32_t item)
{
	if (item >= items->common) {
		const struct pack_heavy *key = &items->heavy[item - items->common];
		uint32_t heavy = slots_heavy(previous, key->key);

		return heavy != UINT32_MAX ? heavy : slots_common((uint64_t)key->position << 32, previous->count);
	}
	return strongest(previous, pack_scale(item, items->common, previous->count),
	    pack_scale(item + 1, items->common, previous->count));
}

/* The first slot of the region with the most demand among these. */
static uint32_t
strongest(const struct slot_table *previous, uint32_t from, uint32_t to)
{
	double sums[BINS];
	uint32_t best = from;

	if (to <= from + 1)
		return from;
	for (uint32_t i = from; i < to; i++)
		sums[previous->slots[i].list[0]] = 0;
	for (uint32_t i = from; i < to; i++)
		sums[previous->slots[i].list[0]] += previous->weights == NULL ? 1 : (double)previous->weights[i];
	for (uint32_t i = from + 1; i < to; i++)
		if (sums[previous->slots[i].list[0]] > sums[previous->slots[best].list[0]])
			best = i;
	return best;
}

/* Regions that are gone leave no gap. */
static void
renumber(const struct pack_input *input, const struct slot *slot, region_id *list)
{
	size_t n = 0;

	memset(list, NO_REGION, SLOT_LIST);
	for (size_t i = 0; i < SLOT_LIST && slot->list[i] != NO_REGION; i++) {
		region_id r = input->renumber == NULL ? slot->list[i] : input->renumber[slot->list[i]];

		if (r != NO_REGION)
			list[n++] = r;
	}
}
