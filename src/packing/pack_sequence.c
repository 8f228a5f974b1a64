/* pack_sequence.c -- tables for services that give each answer in turn.
 * In: pair shares.  Out: a table that is walked slot by slot, from anywhere.  Threads: any; pure.
 *
 * Every stretch of it matters, not only the whole. The k-th turn (from 0) of a region with c of n slots is due from
 * slot floor(k n / c) and late after slot ceil((k + 1) n / c) - 1. Serving, of those that are due, the one that is late
 * first meets all of these (earliest deadline first with unit jobs and full load), and then each region is less than
 * one answer away from its share, at every slot. Smooth weighted round robin was rejected: its error grows with the
 * number of regions. Within a primary its backups take turns by the same rule, and the ranks of a class are permuted by
 * steps of the golden section, so that a partial drain doesn't come in long stretches either. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "packing/pack_parts.h"

struct counts {
	uint64_t primary[BINS];		/* slots wanted */
	uint64_t *pairs;		/* slots wanted, per pair */
};

static bool count_slots(const struct pack_input *input, struct counts *counts, struct arena *arena);
static bool place_in_turn(const struct pack_input *input, struct slot_table *table, const struct counts *counts,
	struct arena *arena);
static void take_turns(const uint64_t *counts, size_t count, uint32_t total, uint8_t *turns);
static bool fill_rest(const struct pack_input *input, struct slot_table *table, const struct counts *counts,
	struct arena *arena);
static uint32_t golden_step(uint32_t size);

struct slot_table *
pack_sequence(const struct pack_input *input)
{
	struct slot_table *table = slot_table_new(input->slots, 0);
	struct arena *arena = arena_new();
	struct counts counts;

	bool done = table != NULL && arena != NULL && count_slots(input, &counts, arena)
		&& place_in_turn(input, table, &counts, arena) && fill_rest(input, table, &counts, arena);

	arena_free(arena);
	if (done)
		return table;
	slot_table_release(table);
	return NULL;
}

static bool
count_slots(const struct pack_input *input, struct counts *counts, struct arena *arena)
{
	double *shares = arena_alloc(arena, BINS * sizeof(*shares));

	counts->pairs = arena_alloc(arena, (input->pair_count + 1) * sizeof(*counts->pairs));
	if (shares == NULL || counts->pairs == NULL)
		return false;
	memset(counts->primary, 0, sizeof(counts->primary));
	pack_apportion_primaries(input, input->slots, counts->primary);
	for (size_t i = 0; i < input->pair_count;)
		i += pack_apportion_backups(input, i, counts->primary[input->pairs[i].primary], shares,
		    counts->pairs + i);
	return true;
}

static bool
place_in_turn(const struct pack_input *input, struct slot_table *table, const struct counts *counts,
	struct arena *arena)
{
	uint8_t *primaries = arena_alloc(arena, table->count), *backups = arena_alloc(arena, table->count);
	uint32_t next[BINS], used = 0;			/* in `backups`, which has a run for each primary */
	size_t first[BINS];				/* of its pairs */

	if (primaries == NULL || backups == NULL)
		return false;
	take_turns(counts->primary, BINS, table->count, primaries);
	for (size_t i = 0, n; i < input->pair_count; i += n) {
		region_id primary = input->pairs[i].primary;

		n = pack_same_primary(input, i);
		first[primary] = i;
		next[primary] = used;
		take_turns(counts->pairs + i, n, (uint32_t)counts->primary[primary], backups + used);
		used += (uint32_t)counts->primary[primary];
	}
	for (uint32_t i = 0; i < table->count; i++) {
		region_id r = primaries[i];

		table->slots[i].list[0] = r;
		table->slots[i].list[1] = input->pairs[first[r] + backups[next[r]++]].backup;
	}
	return true;
}

/* `counts` add up to `total`; which of them each turn goes to. At most 256 of them. */
static void
take_turns(const uint64_t *counts, size_t count, uint32_t total, uint8_t *turns)
{
	uint64_t due[BINS] = { 0 }, late[BINS], given[BINS] = { 0 };
	uint8_t open[BINS];		/* those that have turns at all */
	size_t open_count = 0;

	assert(count <= BINS);
	for (size_t i = 0; i < count; i++) {
		if (counts[i] == 0)
			continue;
		late[i] = (total + counts[i] - 1) / counts[i];
		open[open_count++] = (uint8_t)i;
	}
	for (uint32_t turn = 0; turn < total; turn++) {
		uint8_t best = open[0];
		uint64_t least = UINT64_MAX;

		for (size_t k = 0; k < open_count; k++)
			if (late[open[k]] < least && due[open[k]] <= turn) {
				best = open[k];
				least = late[best];
			}
		turns[turn] = best;
		given[best]++;
		due[best] = given[best] * total / counts[best];
		late[best] = ((given[best] + 1) * total + counts[best] - 1) / counts[best];
	}
}

/* Ranks, and the places after the backup in turn, so that a double loss doesn't fall on one. */
static bool
fill_rest(const struct pack_input *input, struct slot_table *table, const struct counts *counts, struct arena *arena)
{
	uint32_t *seen = arena_alloc(arena, (input->pair_count + 1) * sizeof(*seen));
	uint32_t *steps = arena_alloc(arena, (input->pair_count + 1) * sizeof(*steps));

	if (seen == NULL || steps == NULL)
		return false;
	for (size_t i = 0; i < input->pair_count; i++)
		steps[i] = counts->pairs[i] == 0 ? 1 : golden_step((uint32_t)counts->pairs[i]);
	for (uint32_t i = 0; i < table->count; i++) {
		struct slot *slot = &table->slots[i];
		size_t pair = pack_pair(input, slot->list[0], slot->list[1]);
		uint32_t nth = seen[pair]++, size = (uint32_t)counts->pairs[pair];
		uint64_t level = (uint64_t)nth * steps[pair] % size;

		slot->rank = (uint16_t)((level * 2 + 1) * 65535 / (2 * (uint64_t)size));
		if (slot->list[0] == NO_REGION)
			slot->list[1] = NO_REGION;
		if (slot->list[1] != NO_REGION)
			pack_others(input, slot, nth);
	}
	table->uniform = pack_is_uniform(table);
	return true;
}

/* The step nearest above size / 1.618 that visits all of 0 .. size - 1. */
static uint32_t
golden_step(uint32_t size)
{
	uint32_t step = (uint32_t)(size * 0.6180339887498949);

	for (;; step++) {
		uint32_t a = step, b = size;

		while (b != 0) {
			uint32_t rest = a % b;

			a = b;
			b = rest;
		}
		if (a == 1)
			return step;
	}
}
