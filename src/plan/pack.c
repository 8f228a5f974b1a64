/* pack.c -- from shares to slots.
 * In: pair shares, the last table.  Out: a new table.  Threads: any; pure.
 *
 * 1. Whole slots per primary, then per pair within it, by largest remainder (Hamilton): each within one slot of its
 *    share, the sum exact.
 * 2. Every slot keeps its last primary while that one's count isn't used up; so exactly the surplus of the regions whose
 *    share falls is freed, and moved = total variation, the least that any scheme can do (STEERING in the manual,
 *    isobar-steering(7)).
 * 3. Freed slots go to the regions with a deficit. A fresh table gives each region one run of neighbouring slots:
 *    neighbouring client prefixes step through the table in 256ths (slots.c), so runs, not stripes, are what they
 *    meet evenly.
 * 4. The same again for the backups among the slots of one primary.
 * 5. Ranks: inside each (primary, backup) class 0 .. 65534 in even steps, so a partial drain takes the same part of
 *    every class and spills in the planned proportions. */
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
static void place_primaries(const struct pack_input *input, struct slot_table *table, const struct counts *counts);
static void place_backups(const struct pack_input *input, struct slot_table *table, const struct counts *counts);
static region_id previous_at(const struct pack_input *input, uint32_t slot, unsigned position);
static size_t pair_find(const struct pack_input *input, region_id primary, region_id backup);
static void fill_rest(const struct pack_input *input, struct slot_table *table, const struct counts *counts);
static bool is_uniform(const struct slot_table *table);

struct slot_table *
pack_slots(const struct pack_input *input)
{
	struct slot_table *table = slot_table_new(input->slots);
	struct counts counts = { .pairs = calloc(input->pair_count + 1, sizeof(uint32_t)) };

	if (table == NULL || counts.pairs == NULL || !count_slots(input, &counts)) {
		free(counts.pairs);
		slot_table_release(table);
		return NULL;
	}
	place_primaries(input, table, &counts);
	place_backups(input, table, &counts);
	fill_rest(input, table, &counts);
	free(counts.pairs);
	return table;
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
		region_id primary = input->pairs[i].primary;

		for (n = 0; i + n < input->pair_count && input->pairs[i + n].primary == primary; n++)
			shares[n] = input->pairs[i + n].share;
		apportion(shares, n, counts->primary[primary], counts->pairs + i);
	}
	free(shares);
	return true;
}

/* Largest remainder; ties go to the lower index. Shares that are all zero get nothing but the total's first seat. */
static void
apportion(const double *shares, size_t count, uint32_t total, uint32_t *seats)
{
	double sum = 0;
	uint32_t given = 0;

	for (size_t i = 0; i < count; i++)
		sum += shares[i];
	for (size_t i = 0; i < count; i++) {
		/* Two floors of nearly whole numbers would lose a seat to rounding: 2^-20 of a seat doesn't matter. */
		seats[i] = sum > 0 ? (uint32_t)(shares[i] / sum * total + 1e-6) : 0;
		given += seats[i];
	}
	while (given < total) {
		size_t best = 0;
		double most = -1;

		for (size_t i = 0; i < count; i++) {
			double rest = sum > 0 ? shares[i] / sum * total - seats[i] : 0;

			if (rest > most && (shares[i] > 0 || sum <= 0)) {
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

static void
place_backups(const struct pack_input *input, struct slot_table *table, const struct counts *counts)
{
	uint32_t *left = malloc((input->pair_count + 1) * sizeof(*left));
	size_t next[REGIONS_MAX];

	if (left == NULL)
		return;		/* lists without a backup still answer: the pick goes beyond the list */
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
static void
fill_rest(const struct pack_input *input, struct slot_table *table, const struct counts *counts)
{
	uint32_t *seen = calloc(input->pair_count + 1, sizeof(*seen));

	for (uint32_t i = 0; i < table->count; i++) {
		struct slot *slot = &table->slots[i];
		size_t pair = pair_find(input, slot->list[0], slot->list[1]), at = 2;
		uint32_t nth = seen == NULL || pair == input->pair_count ? 0 : seen[pair]++;
		uint32_t size = pair == input->pair_count || counts->pairs[pair] == 0 ? 1 : counts->pairs[pair];

		slot->rank = (uint16_t)(((uint64_t)nth * 2 + 1) * 65535 / (2 * (uint64_t)size));
		if (slot->list[1] == NO_REGION)
			continue;
		for (size_t n = 0; n < input->other_count && at < SLOT_LIST; n++) {
			region_id r = input->others[(nth + n) % input->other_count];

			if (r != slot->list[0] && r != slot->list[1] && (at == 2 || r != slot->list[2]))
				slot->list[at++] = r;
		}
	}
	free(seen);
	table->uniform = is_uniform(table);
}

static bool
is_uniform(const struct slot_table *table)
{
	for (uint32_t i = 1; i < table->count; i++)
		if (memcmp(&table->slots[i], &table->slots[0], sizeof(struct slot)) != 0)
			return false;
	return true;
}

struct slot_table *
pack_sequence(const struct pack_input *input)
{
	struct slot_table *table = slot_table_new(input->slots);
	struct counts counts = { .pairs = calloc(input->pair_count + 1, sizeof(uint32_t)) };
	int64_t *credit = calloc(input->pair_count + 1, sizeof(*credit));

	if (table == NULL || counts.pairs == NULL || credit == NULL || !count_slots(input, &counts)) {
		slot_table_release(table);
		table = NULL;
		goto done;
	}
	/* Smooth weighted round robin: everybody earns its weight, the richest is served and pays the total. First among
	 * primaries, then among the pairs of the one chosen, which keeps both levels within one of their shares. */
	{
		int64_t primary_credit[REGIONS_MAX] = { 0 };

		for (uint32_t i = 0; i < table->count; i++) {
			size_t r = 0, best;

			for (size_t k = 0; k < REGIONS_MAX; k++) {
				primary_credit[k] += counts.primary[k];
				if (primary_credit[k] > primary_credit[r])
					r = k;
			}
			primary_credit[r] -= table->count;
			best = input->pair_count;
			for (size_t p = 0; p < input->pair_count; p++) {
				if (input->pairs[p].primary != r)
					continue;
				credit[p] += counts.pairs[p];
				if (best == input->pair_count || credit[p] > credit[best])
					best = p;
			}
			assert(best < input->pair_count);
			credit[best] -= counts.primary[r];
			table->slots[i].list[0] = (region_id)r;
			table->slots[i].list[1] = input->pairs[best].backup;
		}
	}
	fill_rest(input, table, &counts);
done:
	free(counts.pairs);
	free(credit);
	return table;
}

struct slot_table *
pack_list(const region_id *list, size_t count)
{
	struct slot_table *table = slot_table_new(1);

	if (table == NULL)
		return NULL;
	for (size_t i = 0; i < count && i < SLOT_LIST; i++)
		table->slots[0].list[i] = list[i];
	table->slots[0].rank = 65535 / 2;
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
