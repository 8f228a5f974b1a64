/* pack.c -- from shares to slots.
 * In: pair shares, demand, the last table.  Out: a new table.  Threads: any; pure.
 *
 * 1. Items (pack_items.c): the slots, what each weighs, and the list that its clients have now.
 * 2. Primaries: items are shared out to the regions by the shares of demand (pack_share.c). Where an item's region
 *    takes nobody any more, it counts as being where its clients go when that region is lost: the next of its list that
 *    takes any. So the death of a region moves nobody whose backup has room.
 * 3. Backups: the same again among the items of each primary.
 * 4. Ranks: inside each (primary, backup) class from 0 to 65534 by demand, in the order of the circle; so a partial
 *    drain takes the same part of every class, and spills in the planned proportions.
 * 5. Places 3 and 4: what the planner holds to be best, or the other regions in turn, so that a double loss doesn't
 *    fall on one. Whose turn it is depends on the place on the circle only, and doesn't change when slots do.
 *
 * Where demand isn't known each slot weighs 1, and shares become whole slots by largest remainder (Hamilton).
 * The whole is a function of its input: the same input gives the same octets, and packing a table once more by the
 * shares and the demand that it was packed by gives that table. */
#include "packing/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "packing/pack_parts.h"

#define TURN_BLOCKS 1024u	/* of the circle, each with a turn of its own: a table of more slots keeps them */

struct packing {
	const struct pack_input *input;
	struct pack_items items;
	struct arena *arena;
	int16_t *primaries, *backups;		/* by item: bins */
};

/* The items of each primary. */
struct classes {
	uint32_t starts[BINS + 1];
	uint32_t *heaviest, *along;
};

static bool pack(struct packing *p, struct slot_table **table);
static bool share_primaries(struct packing *p);
static void find_place(const struct packing *p, const uint64_t *targets, uint32_t item, int16_t *next, bool *guest);
static bool set_apart(const struct packing *p, struct pack_sharing *sharing, bool backups);
static uint16_t pin_of(const struct packing *p, uint32_t item);
static void take(uint64_t *targets, int from, uint64_t weight);
static bool share_backups(struct packing *p);
static bool classify(const struct packing *p, struct classes *classes);
static void sort_by_primary(const struct packing *p, const uint32_t *items, const uint32_t *starts, uint32_t *sorted);
static int16_t backup_before(const struct packing *p, uint32_t item);
static bool write_table(const struct packing *p, struct slot_table *table);
static uint32_t turn_at(const struct pack_items *items, uint32_t item);
static bool rank(const struct packing *p, struct slot_table *table);
static void apportion(const double *shares, size_t count, uint64_t total, size_t from, uint64_t *seats);

struct slot_table *
pack_slots(const struct pack_input *input)
{
	struct packing p = { .input = input, .arena = arena_new() };
	struct slot_table *table = NULL;

	if (p.arena != NULL && !pack(&p, &table)) {
		slot_table_release(table);
		table = NULL;
	}
	arena_free(p.arena);
	return table;
}

static bool
pack(struct packing *p, struct slot_table **table)
{
	if (!pack_items(&p->items, p->input, p->arena))
		return false;
	p->primaries = arena_alloc(p->arena, p->items.count * sizeof(*p->primaries));
	p->backups = arena_alloc(p->arena, p->items.count * sizeof(*p->backups));
	*table = slot_table_new(p->items.common, p->items.count - p->items.common);
	return p->primaries != NULL && p->backups != NULL && *table != NULL && share_primaries(p) && share_backups(p)
	    && write_table(p, *table) && rank(p, *table);
}

static bool
share_primaries(struct packing *p)
{
	const struct pack_items *items = &p->items;
	int16_t *next = arena_alloc(p->arena, items->count * sizeof(*next));
	bool *guests = arena_alloc(p->arena, items->count * sizeof(*guests));
	struct pack_sharing sharing = {
		.weights = items->weights, .count = items->count, .heaviest = items->heaviest, .along = items->along,
		.bins = p->primaries, .next = next, .guests = guests,
	};

	if (next == NULL || guests == NULL)
		return false;
	pack_apportion_primaries(p->input, items->total, sharing.targets);
	for (size_t i = 0; i < p->input->pair_count; i++) {
		const struct plan_pair *pair = &p->input->pairs[i];
		uint64_t seats = (uint64_t)(pair->share * (double)items->total);

		if (seats > sharing.largest[pair->primary])
			sharing.largest[pair->primary] = seats;
	}
	for (uint32_t i = 0; i < items->count; i++)
		find_place(p, sharing.targets, i, &next[i], &guests[i]);
	if (!set_apart(p, &sharing, false))
		return false;
	pack_share(&sharing);
	return true;
}

/* Keys whose pair is told are there, and the others share what these leave. */
static bool
set_apart(const struct packing *p, struct pack_sharing *sharing, bool backups)
{
	uint32_t *heaviest, *along, kept = 0, kept_along = 0;

	if (p->input->pins == NULL)
		return true;
	heaviest = arena_alloc(p->arena, (sharing->count + 1) * sizeof(*heaviest));
	along = arena_alloc(p->arena, (sharing->count + 1) * sizeof(*along));
	if (heaviest == NULL || along == NULL)
		return false;
	for (uint32_t i = 0; i < sharing->count; i++) {
		uint32_t item = sharing->heaviest[i], next = sharing->along[i], weight = sharing->weights[item];
		uint16_t pin = pin_of(p, item);

		if (pin_of(p, next) == PACK_FREE)
			along[kept_along++] = next;
		if (pin == PACK_FREE) {
			heaviest[kept++] = item;
			continue;
		}
		sharing->bins[item] = backups ? p->input->pairs[pin].backup : p->input->pairs[pin].primary;
		take(sharing->targets, sharing->bins[item], weight);
	}
	sharing->heaviest = heaviest;
	sharing->along = along;
	sharing->count = kept;
	return true;
}

static uint16_t
pin_of(const struct packing *p, uint32_t item)
{
	return item < p->items.common ? PACK_FREE : p->input->pins[item - p->items.common];
}

/* By rounding a place may have less than its keys weigh: then the largest has to do without. */
static void
take(uint64_t *targets, int from, uint64_t weight)
{
	unsigned most = (unsigned)from;

	while (weight > 0 && targets[most] < weight) {
		weight -= targets[most];
		targets[most] = 0;
		for (unsigned b = 0; b < BINS; b++)
			most = targets[b] > targets[most] ? b : most;
		if (targets[most] == 0)
			return;
	}
	targets[most] -= weight;
}

/* The first of its list that takes clients, and the next such one. Clients that were shed are with nobody. */
static void
find_place(const struct packing *p, const uint64_t *targets, uint32_t item, int16_t *next, bool *guest)
{
	const region_id *list = p->items.before == NULL ? NULL : p->items.before[item];
	int16_t *at = &p->primaries[item];

	*at = *next = BIN_NONE;
	*guest = false;
	for (unsigned i = 0; list != NULL && i < SLOT_LIST && *next == BIN_NONE; i++) {
		if (list[i] == NO_REGION && i > 0)
			break;
		if (targets[list[i]] == 0)
			continue;
		if (*at == BIN_NONE) {
			*at = list[i];
			*guest = i > 0;
		} else {
			*next = list[i];
		}
		if (list[i] == NO_REGION)
			break;
	}
}

static bool
share_backups(struct packing *p)
{
	const struct pack_items *items = &p->items;
	const struct pack_input *input = p->input;
	double *shares = arena_alloc(p->arena, BINS * sizeof(*shares));
	uint64_t *seats = arena_alloc(p->arena, BINS * sizeof(*seats));
	bool *guests = arena_alloc(p->arena, items->count * sizeof(*guests));
	struct classes classes;

	if (shares == NULL || seats == NULL || guests == NULL || !classify(p, &classes))
		return false;
	for (uint32_t i = 0; i < items->count; i++) {
		p->backups[i] = backup_before(p, i);
		guests[i] = items->before == NULL || items->before[i][0] != p->primaries[i];
	}
	for (size_t i = 0, n; i < input->pair_count; i += n) {
		region_id primary = input->pairs[i].primary;
		uint32_t start = classes.starts[primary];
		struct pack_sharing sharing = {
			.weights = items->weights, .count = classes.starts[primary + 1] - start,
			.heaviest = classes.heaviest + start, .along = classes.along + start,
			.bins = p->backups, .guests = guests, .moving_is_cheap = true,
		};
		uint64_t total = 0;

		for (uint32_t k = 0; k < sharing.count; k++)
			total += items->weights[sharing.heaviest[k]];
		n = pack_apportion_backups(input, i, total, shares, seats);
		for (size_t k = 0; k < n; k++)
			sharing.targets[input->pairs[i + k].backup] += seats[k];
		if (!set_apart(p, &sharing, true))
			return false;
		pack_share(&sharing);
	}
	return true;
}

static bool
classify(const struct packing *p, struct classes *classes)
{
	const struct pack_items *items = &p->items;

	memset(classes->starts, 0, sizeof(classes->starts));
	classes->heaviest = arena_alloc(p->arena, items->count * sizeof(*classes->heaviest));
	classes->along = arena_alloc(p->arena, items->count * sizeof(*classes->along));
	if (classes->heaviest == NULL || classes->along == NULL)
		return false;
	for (uint32_t i = 0; i < items->count; i++)
		classes->starts[p->primaries[i] + 1]++;
	for (unsigned b = 0; b < BINS; b++)
		classes->starts[b + 1] += classes->starts[b];
	sort_by_primary(p, items->heaviest, classes->starts, classes->heaviest);
	sort_by_primary(p, items->along, classes->starts, classes->along);
	return true;
}

static void
sort_by_primary(const struct packing *p, const uint32_t *items, const uint32_t *starts, uint32_t *sorted)
{
	uint32_t at[BINS];

	memcpy(at, starts, sizeof(at));
	for (uint32_t i = 0; i < p->items.count; i++)
		sorted[at[p->primaries[items[i]]]++] = items[i];
}

/* What followed its primary in the list before; the end of a list is nobody. */
static int16_t
backup_before(const struct packing *p, uint32_t item)
{
	const region_id *list = p->items.before == NULL ? NULL : p->items.before[item];

	for (unsigned i = 0; list != NULL && i + 1 < SLOT_LIST && list[i] != NO_REGION; i++)
		if (list[i] == p->primaries[item])
			return list[i + 1];
	return BIN_NONE;
}

static bool
write_table(const struct packing *p, struct slot_table *table)
{
	const struct pack_items *items = &p->items;
	float *weights = items->alike ? NULL : slot_table_weigh(table);

	if (!items->alike && weights == NULL)
		return false;
	for (uint32_t i = items->common; i < items->count; i++)
		slot_table_place(table, items->heavy[i - items->common].key, i - items->common,
		    items->heavy[i - items->common].position);
	for (uint32_t i = 0; i < items->count; i++) {
		struct slot *slot = &table->slots[i];

		if (weights != NULL)
			weights[i] = (float)((double)items->weights[i] / (double)items->total);
		if (p->primaries[i] == NO_REGION)
			continue;
		slot->list[0] = (region_id)p->primaries[i];
		slot->list[1] = (region_id)p->backups[i];
		if (slot->list[1] != NO_REGION)
			pack_others(p->input, slot, turn_at(items, i));
	}
	table->uniform = pack_is_uniform(table);
	return true;
}

/* Fibonacci hashing: neighbouring blocks get turns that aren't neighbours. */
static uint32_t
turn_at(const struct pack_items *items, uint32_t item)
{
	uint32_t block = pack_scale(pack_common_slot(items, item), items->common, TURN_BLOCKS);

	return block * 2654435769u >> 16;
}

static bool
rank(const struct packing *p, struct slot_table *table)
{
	const struct pack_items *items = &p->items;
	const struct pack_input *input = p->input;
	uint64_t *sizes = arena_alloc(p->arena, (input->pair_count + 1) * sizeof(*sizes));
	uint64_t *seen = arena_alloc(p->arena, (input->pair_count + 1) * sizeof(*seen));
	uint32_t *pairs = arena_alloc(p->arena, items->count * sizeof(*pairs));
	double *levels = arena_alloc(p->arena, (input->pair_count + 1) * sizeof(*levels));

	if (sizes == NULL || seen == NULL || pairs == NULL || levels == NULL)
		return false;
	for (uint32_t i = 0; i < items->count; i++) {
		pairs[i] = (uint32_t)pack_pair(input, (region_id)p->primaries[i], (region_id)p->backups[i]);
		sizes[pairs[i]] += items->weights[i];
	}
	for (size_t i = 0; i < input->pair_count; i++)
		levels[i] = sizes[i] == 0 ? 0 : 65535 / (2 * (double)sizes[i]);
	for (uint32_t i = 0; i < items->count; i++) {
		uint32_t item = items->along[i], pair = pairs[item];
		uint64_t middle = 2 * seen[pair] + items->weights[item];

		table->slots[item].rank = (uint16_t)((double)middle * levels[pair]);
		seen[pair] += items->weights[item];
	}
	return true;
}

/* --- what sequences share with it ---------------------------------------------------------------------------- */

size_t
pack_same_primary(const struct pack_input *input, size_t from)
{
	size_t n = 1;

	while (from + n < input->pair_count && input->pairs[from + n].primary == input->pairs[from].primary)
		n++;
	return n;
}

void
pack_apportion_primaries(const struct pack_input *input, uint64_t total, uint64_t *seats)
{
	double shares[BINS] = { 0 };
	uint64_t given[BINS];
	region_id primaries[BINS];
	size_t count = 0;

	for (size_t i = 0, n; i < input->pair_count; i += n, count++) {
		n = pack_same_primary(input, i);
		primaries[count] = input->pairs[i].primary;
		for (size_t k = 0; k < n; k++)
			shares[count] += input->pairs[i + k].share;
	}
	apportion(shares, count, total, 0, given);
	for (size_t k = 0; k < count; k++)
		seats[primaries[k]] = given[k];
}

size_t
pack_apportion_backups(const struct pack_input *input, size_t at, uint64_t total, double *shares,
	uint64_t *seats)
{
	size_t count = pack_same_primary(input, at), from = 0;

	for (size_t k = 0; k < count; k++) {
		shares[k] = input->pairs[at + k].share;
		from += input->pairs[at + k].backup < input->pairs[at].primary;
	}
	apportion(shares, count, total, from, seats);
	return count;
}

/* `total` seats by largest remainder; of equal ones the first from index `from` on, around. Where there are seats, a
 * share is above zero. */
static void
apportion(const double *shares, size_t count, uint64_t total, size_t from, uint64_t *seats)
{
	double sum = 0;
	uint64_t given = 0;

	for (size_t i = 0; i < count; i++)
		sum += shares[i];
	assert(sum > 0 || total == 0);
	for (size_t i = 0; i < count; i++) {
		/* Two floors of nearly whole numbers would lose a seat to rounding: 2^-20 of a seat doesn't matter. */
		seats[i] = total > 0 ? (uint64_t)(shares[i] / sum * (double)total + 1e-6) : 0;
		given += seats[i];
	}
	while (given < total) {
		size_t best = 0;
		double most = -2;

		for (size_t k = 0; k < count; k++) {
			size_t i = from + k < count ? from + k : from + k - count;
			double rest;

			if (!(shares[i] > 0))
				continue;
			rest = shares[i] / sum * (double)total - (double)seats[i];
			if (rest > most) {
				most = rest;
				best = i;
			}
		}
		seats[best]++;
		given++;
	}
}

size_t
pack_pair(const struct pack_input *input, region_id primary, region_id backup)
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

void
pack_others(const struct pack_input *input, struct slot *slot, uint32_t turn)
{
	size_t at = 2, first = input->turning_count == 0 ? 0 : turn % input->turning_count;

	for (size_t n = 0; n < input->other_count && at < SLOT_LIST; n++) {
		size_t turned = first + n < input->turning_count ? first + n : first + n - input->turning_count;
		region_id r = input->others[n < input->turning_count ? turned : n];

		if (r != slot->list[0] && r != slot->list[1] && (at == 2 || r != slot->list[2]))
			slot->list[at++] = r;
	}
}

bool
pack_is_uniform(const struct slot_table *table)
{
	size_t count = (size_t)table->count + table->heavy_count;

	for (size_t i = 1; i < count; i++)
		if (memcmp(table->slots[i].list, table->slots[0].list, SLOT_LIST) != 0)
			return false;
	return true;
}

/* --- lists --------------------------------------------------------------------------------------------------- */

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
