/* pack.c -- from shares to slots.
 * In: pair shares, the last table.  Out: a new table.  Threads: any; pure.
 *
 * 1. Whole slots per primary, then per pair within it, by largest remainder (Hamilton): each within one slot of its
 *    share, the sum exact.
 * 2. Every slot keeps its last primary while that one's count isn't used up; so exactly the surplus of the regions
 *    whose share falls is freed, and moved = total variation, the least that any scheme can do (STEERING in the manual,
 *    isobar-steering(7)).
 * 3. Freed slots go to the regions with a deficit. A fresh table gives each region one run of neighbouring slots:
 *    neighbouring client prefixes step through the table in 256ths (slots.c), so runs, not stripes, are what they
 *    meet evenly.
 * 4. The same again for the backups among the slots of one primary.
 * 5. Ranks: inside each (primary, backup) class 0 .. 65534 in even steps, so a partial drain takes the same part of
 *    every class and spills in the planned proportions.
 *
 * A sequence is walked slot by slot, so what matters is every stretch of it. The k-th turn (from 0) of a region with c
 * of n slots is due from slot floor(k n / c) and late after slot ceil((k + 1) n / c) - 1. Serving, of those that are
 * due, the one that is late first meets all of these (earliest deadline first with unit jobs and full load), and then
 * each region is less than one answer away from its share, at every slot. Smooth weighted round robin was rejected: its
 * error grows with the number of regions. Within a primary its backups take turns by the same rule, and the ranks of a
 * class are permuted by steps of the golden section, so that a partial drain doesn't come in long stretches either. */
#include "plan/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct counts {
	uint32_t primary[REGIONS_MAX];		/* slots wanted */
	uint32_t *pairs;			/* slots wanted, per pair */
};

static bool count_slots(const struct pack_input *input, struct counts *counts);
static void apportion(const double *shares, size_t count, uint32_t total, uint32_t *seats);
static size_t same_primary(const struct pack_input *input, size_t from);
static void place_primaries(const struct pack_input *input, struct slot_table *table, const struct counts *counts);
static bool place_backups(const struct pack_input *input, struct slot_table *table, const struct counts *counts);
static region_id previous_at(const struct pack_input *input, uint32_t slot, unsigned position);
static size_t pair_find(const struct pack_input *input, region_id primary, region_id backup);
static bool fill_rest(const struct pack_input *input, struct slot_table *table, const struct counts *counts,
	bool in_turn);
static uint32_t golden_step(uint32_t size);
static void add_others(const struct pack_input *input, struct slot *slot, uint32_t nth);
static bool is_uniform(const struct slot_table *table);
static bool place_in_turn(const struct pack_input *input, struct slot_table *table, const struct counts *counts);
static void take_turns(const uint32_t *counts, size_t count, uint32_t total, uint8_t *turns);

struct slot_table *
pack_slots(const struct pack_input *input)
{
	struct slot_table *table = slot_table_new(input->slots, 0);
	struct counts counts = { .pairs = calloc(input->pair_count + 1, sizeof(uint32_t)) };

	bool done = table != NULL && counts.pairs != NULL && count_slots(input, &counts);

	if (done)
		place_primaries(input, table, &counts);
	done = done && place_backups(input, table, &counts) && fill_rest(input, table, &counts, false);
	free(counts.pairs);
	if (done)
		return table;
	slot_table_release(table);
	return NULL;
}

static bool
count_slots(const struct pack_input *input, struct counts *counts)
{
	double *shares = calloc(input->pair_count + REGIONS_MAX, sizeof(*shares));

	if (shares == NULL)
		return false;
	for (size_t i = 0; i < input->pair_count; i++)
		shares[input->pairs[i].primary] += input->pairs[i].share;
	apportion(shares, REGIONS_MAX, input->slots, counts->primary);
	for (size_t i = 0, n; i < input->pair_count; i += n) {
		n = same_primary(input, i);
		for (size_t k = 0; k < n; k++)
			shares[k] = input->pairs[i + k].share;
		apportion(shares, n, counts->primary[input->pairs[i].primary], counts->pairs + i);
	}
	free(shares);
	return true;
}

/* How many pairs from here on have this primary. */
static size_t
same_primary(const struct pack_input *input, size_t from)
{
	size_t n = 1;

	while (from + n < input->pair_count && input->pairs[from + n].primary == input->pairs[from].primary)
		n++;
	return n;
}

/* Largest remainder; ties go to the lower index. Where there are seats to give, a share is above zero. */
static void
apportion(const double *shares, size_t count, uint32_t total, uint32_t *seats)
{
	double sum = 0;
	uint32_t given = 0;

	for (size_t i = 0; i < count; i++)
		sum += shares[i];
	assert(sum > 0 || total == 0);
	for (size_t i = 0; i < count; i++) {
		/* Two floors of nearly whole numbers would lose a seat to rounding: 2^-20 of a seat doesn't matter. */
		seats[i] = total > 0 ? (uint32_t)(shares[i] / sum * total + 1e-6) : 0;
		given += seats[i];
	}
	while (given < total) {
		size_t best = 0;
		double most = -2;

		for (size_t i = 0; i < count; i++) {
			double rest = shares[i] / sum * total - seats[i];

			if (rest > most && shares[i] > 0) {
				most = rest;
				best = i;
			}
		}
		seats[best]++;
		given++;
	}
}

static void
place_primaries(const struct pack_input *input, struct slot_table *table, const struct counts *counts)
{
	uint32_t left[REGIONS_MAX];
	unsigned next = 0;

	memcpy(left, counts->primary, sizeof(left));
	for (uint32_t i = 0; i < table->count; i++) {
		region_id kept = previous_at(input, i, 0);

		if (kept != NO_REGION && left[kept] > 0) {
			table->slots[i].list[0] = kept;
			left[kept]--;
		}
	}
	for (uint32_t i = 0; i < table->count; i++) {
		if (table->slots[i].list[0] != NO_REGION)
			continue;
		while (left[next] == 0)
			next++;
		table->slots[i].list[0] = (region_id)next;
		left[next]--;
	}
}

static bool
place_backups(const struct pack_input *input, struct slot_table *table, const struct counts *counts)
{
	uint32_t *left = malloc((input->pair_count + 1) * sizeof(*left));
	size_t next[REGIONS_MAX];

	if (left == NULL)
		return false;
	memcpy(left, counts->pairs, input->pair_count * sizeof(*left));
	for (uint32_t i = 0; i < table->count; i++) {
		struct slot *slot = &table->slots[i];
		size_t pair = pair_find(input, slot->list[0], previous_at(input, i, 1));

		if (pair < input->pair_count && left[pair] > 0 && previous_at(input, i, 0) == slot->list[0]) {
			slot->list[1] = input->pairs[pair].backup;
			slot->flags = 1;	/* placed; taken off again below */
			left[pair]--;
		}
	}
	for (size_t i = input->pair_count; i-- > 0;)
		next[input->pairs[i].primary] = i;
	for (uint32_t i = 0; i < table->count; i++) {
		struct slot *slot = &table->slots[i];
		size_t *pair = &next[slot->list[0]];

		if (slot->flags == 0) {
			while (left[*pair] == 0)
				++*pair;
			slot->list[1] = input->pairs[*pair].backup;
			left[*pair]--;
		}
		slot->flags = 0;
	}
	free(left);
	return true;
}

static region_id
previous_at(const struct pack_input *input, uint32_t slot, unsigned position)
{
	const struct slot_table *previous = input->previous;
	region_id r;

	if (previous == NULL)
		return NO_REGION;
	r = previous->slots[(uint64_t)slot * previous->count / input->slots].list[position];
	return r == NO_REGION || input->renumber == NULL ? r : input->renumber[r];
}

static size_t
pair_find(const struct pack_input *input, region_id primary, region_id backup)
{
	size_t low = 0, high = input->pair_count;
	unsigned wanted = (unsigned)primary << 8 | backup;

	while (low < high) {
		size_t middle = (low + high) / 2;
		unsigned at = (unsigned)input->pairs[middle].primary << 8 | input->pairs[middle].backup;

		if (at == wanted)
			return middle;
		if (at < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return input->pair_count;
}

/* Ranks, and the places after the backup: the other regions in turn, so that a double loss doesn't fall on one. */
static bool
fill_rest(const struct pack_input *input, struct slot_table *table, const struct counts *counts, bool in_turn)
{
	uint32_t *seen = calloc(input->pair_count + 1, sizeof(*seen));

	if (seen == NULL)
		return false;
	for (uint32_t i = 0; i < table->count; i++) {
		struct slot *slot = &table->slots[i];
		size_t pair = pair_find(input, slot->list[0], slot->list[1]);
		uint32_t nth = seen[pair]++, size = counts->pairs[pair];
		uint64_t level = in_turn ? (uint64_t)nth * golden_step(size) % size : nth;

		slot->rank = (uint16_t)((level * 2 + 1) * 65535 / (2 * (uint64_t)size));
		if (slot->list[1] != NO_REGION)
			add_others(input, slot, nth);
	}
	free(seen);
	table->uniform = is_uniform(table);
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

static void
add_others(const struct pack_input *input, struct slot *slot, uint32_t nth)
{
	size_t at = 2;

	for (size_t n = 0; n < input->other_count && at < SLOT_LIST; n++) {
		size_t from = n < input->turning_count ? (nth + n) % input->turning_count : n;
		region_id r = input->others[from];

		if (r != slot->list[0] && r != slot->list[1] && (at == 2 || r != slot->list[2]))
			slot->list[at++] = r;
	}
}

static bool
is_uniform(const struct slot_table *table)
{
	for (uint32_t i = 1; i < table->count; i++)
		if (memcmp(table->slots[i].list, table->slots[0].list, SLOT_LIST) != 0)
			return false;
	return true;
}

struct slot_table *
pack_sequence(const struct pack_input *input)
{
	struct slot_table *table = slot_table_new(input->slots, 0);
	struct counts counts = { .pairs = calloc(input->pair_count + 1, sizeof(uint32_t)) };

	bool done = table != NULL && counts.pairs != NULL && count_slots(input, &counts)
		&& place_in_turn(input, table, &counts) && fill_rest(input, table, &counts, true);

	free(counts.pairs);
	if (done)
		return table;
	slot_table_release(table);
	return NULL;
}

static bool
place_in_turn(const struct pack_input *input, struct slot_table *table, const struct counts *counts)
{
	uint8_t *primaries = malloc(table->count), *backups = malloc(table->count);
	uint32_t next[REGIONS_MAX], used = 0;		/* in `backups`, which has a run for each primary */
	size_t first[REGIONS_MAX];			/* of its pairs */

	if (primaries == NULL || backups == NULL) {
		free(primaries);
		free(backups);
		return false;
	}
	take_turns(counts->primary, REGIONS_MAX, table->count, primaries);
	for (size_t i = 0, n; i < input->pair_count; i += n) {
		region_id primary = input->pairs[i].primary;

		n = same_primary(input, i);
		first[primary] = i;
		next[primary] = used;
		take_turns(counts->pairs + i, n, counts->primary[primary], backups + used);
		used += counts->primary[primary];
	}
	for (uint32_t i = 0; i < table->count; i++) {
		region_id r = primaries[i];

		table->slots[i].list[0] = r;
		table->slots[i].list[1] = input->pairs[first[r] + backups[next[r]++]].backup;
	}
	free(primaries);
	free(backups);
	return true;
}

/* `counts` add up to `total`; which of them each turn goes to. At most 256 of them. */
static void
take_turns(const uint32_t *counts, size_t count, uint32_t total, uint8_t *turns)
{
	uint32_t given[256] = { 0 };
	uint64_t due[256] = { 0 }, late[256];

	assert(count <= ARRAY_SIZE(given));
	for (size_t i = 0; i < count; i++)
		late[i] = counts[i] == 0 ? UINT64_MAX : ((uint64_t)total + counts[i] - 1) / counts[i];
	for (uint32_t turn = 0; turn < total; turn++) {
		size_t best = 0;
		uint64_t least = UINT64_MAX;

		for (size_t i = 0; i < count; i++)
			if (late[i] < least && due[i] <= turn) {
				least = late[i];
				best = i;
			}
		turns[turn] = (uint8_t)best;
		given[best]++;
		due[best] = (uint64_t)given[best] * total / counts[best];
		late[best] = ((uint64_t)(given[best] + 1) * total + counts[best] - 1) / counts[best];
	}
}

struct slot_table *
pack_list(const region_id *list, size_t count)
{
	struct slot_table *table = slot_table_new(1, 0);

	if (table == NULL)
		return NULL;
	for (size_t i = 0; i < count && i < SLOT_LIST; i++)
		table->slots[0].list[i] = list[i];
	table->uniform = true;
	return table;
}

double
pack_moved(const struct slot_table *a, const region_id *renumber, const struct slot_table *b)
{
	uint32_t most, moved = 0;

	if (a == NULL)
		return 1;
	most = a->count > b->count ? a->count : b->count;
	for (uint32_t i = 0; i < most; i++) {
		region_id from = a->slots[(uint64_t)i * a->count / most].list[0];
		region_id to = b->slots[(uint64_t)i * b->count / most].list[0];

		if (from != NO_REGION && renumber != NULL)
			from = renumber[from];
		moved += from != to;
	}
	return (double)moved / most;
}
