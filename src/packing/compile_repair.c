/* compile_repair.c -- tables that are each as planned, and together are too much for a region: a part of them is packed
 * anew.
 * In: tables, the plan.  Out: tables.  Threads: control; pure.
 *
 * A key can't be cut, and one of some percent of its group may be larger than every share that the plan has for it.
 * Then a pair of regions has more than was meant, and in the loss of the first the second may be overloaded, though
 * all others have room left. No single table can know that, so all are looked at when they are there (losses.c).
 *
 * Where a region gets more than it may in some case, what is served by it there is shifted to other pairs of the plan:
 *  1. backups, of light slots or of a heavy key against light slots: that moves nobody now;
 *  2. if none of these helps, a heavy key to another primary, and as much of light slots back.
 * Each time the shift is made that makes the sum of squared excesses (as parts of the capacities) least, so what has no
 * room where it goes may go on from there, in another group. That sum becomes less with each step, so this ends; the
 * number of steps is limited besides. No pair gets farther from its share than the certificate lets pass.
 *
 * What was found is shares and places of heavy keys, and the packing makes tables of that. A table that is the same the
 * next time is kept as it was repaired, since it has the hash of what it was asked for (compile.c). */
#include <math.h>
#include <string.h>

#include "packing/losses.h"

#define STEPS_MOST 300		/* some ten are usual */
#define GAIN_LEAST 1e-3		/* of the worst squared excess: less isn't worth a table */
#define HEAVY 0.1		/* of what packing may add to the smallest capacity: what is lighter flows */
#define PAIR_APART 1.9		/* largest slots; the certificate lets 2 pass, and what is packed is a little off */
#define PRIMARY_APART 0.9

struct candidate {		/* a table as it can be changed */
	struct planned_table *at;
	size_t pair_count;
	const struct plan_pair *pairs;
	double *has, *light;		/* requests/s by pair: all, and what flows */
	double largest;			/* requests/s of a slot */
	uint32_t heavy_count;
	uint16_t *pins;			/* by heavy key: its pair, or PACK_FREE for those that flow */
	double *heavy;			/* requests/s of it */
	bool changed;
};

struct repair {
	struct losses *losses;
	size_t count;
	struct candidate *tables;
	bool *stuck;			/* [case][region]: nothing helps */
};

/* From one pair of a table to another: so much of what flows; or a heavy key, and so much of what flows back. */
struct shift {
	struct candidate *table;
	size_t from, to;
	uint32_t key;			/* UINT32_MAX: none */
	double light;
	double gain;
};

static bool is_over(const struct losses *losses);
static double excess(const struct losses *losses, size_t cell);
static bool open_tables(struct repair *repair, struct arena *arena);
static bool open_table(struct candidate *table, double heavy, struct arena *arena);
static void search(struct repair *repair);
static size_t worst_cell(const struct repair *repair);
static struct shift best_shift(struct repair *repair, size_t cell, bool primaries);
static void try_pairs(struct repair *repair, size_t cell, struct candidate *table, size_t from, size_t to,
	struct shift *best);
static double amount_wanted(const struct losses *losses, size_t from, size_t to);
static double slack(const struct candidate *table, size_t from, size_t to);
static bool primaries_hold(const struct candidate *table);
static void try_shift(struct repair *repair, struct shift shift, struct shift *best);
static double make(struct repair *repair, const struct shift *shift, double sign);
static double flow(struct repair *repair, struct candidate *table, size_t from, size_t to, double amount);
static double add(struct losses *losses, size_t at, region_id region, double amount);
static bool pack_changed(struct repair *repair, struct arena *arena);

bool
compile_repair(const struct job *jobs, size_t count, const struct plan *plan, struct compiled *compiled)
{
	struct losses losses;
	struct repair repair = { .losses = &losses };
	struct arena *arena = count == 0 ? NULL : arena_new();
	bool done = arena != NULL && losses_find(&losses, jobs, count, plan, compiled, arena);

	if (done && is_over(&losses)) {
		done = open_tables(&repair, arena);
		if (done)
			search(&repair);
		done = done && pack_changed(&repair, arena);
	}
	arena_free(arena);
	return done || count == 0;
}

static bool
is_over(const struct losses *losses)
{
	for (size_t cell = 0; cell < losses->case_count * losses->region_count; cell++)
		if (excess(losses, cell) > 0)
			return true;
	return false;
}

/* As a part of the capacity; of what is lost there is none. */
static double
excess(const struct losses *losses, size_t cell)
{
	double over = losses->loads[cell] - losses->limits[cell];

	return over > 0 ? over / losses->capacities[cell % losses->region_count] : 0;
}

/* ---- what can be changed ----------------------------------------------------------------------------------------- */

static bool
open_tables(struct repair *repair, struct arena *arena)
{
	const struct losses *losses = repair->losses;
	double least = INFINITY;

	repair->tables = arena_alloc(arena, (losses->table_count + 1) * sizeof(*repair->tables));
	repair->stuck = arena_alloc(arena, losses->case_count * losses->region_count + 1);
	if (repair->tables == NULL || repair->stuck == NULL)
		return false;
	for (size_t r = 0; r < losses->region_count; r++)
		if (losses->capacities[r] > 0)
			least = fmin(least, losses->capacities[r]);
	for (size_t i = 0; i < losses->table_count; i++) {
		struct planned_table *at = &losses->tables[i];

		if (!at->job->service->sticky || (*at->table)->count == 1)
			continue;
		repair->tables[repair->count].at = at;
		if (!open_table(&repair->tables[repair->count++], HEAVY * PLAN_PACKING * least, arena))
			return false;
	}
	return true;
}

static bool
open_table(struct candidate *table, double heavy, struct arena *arena)
{
	const struct planned_table *at = table->at;
	const struct slot_table *slots = *at->table;

	table->pair_count = at->planned->pair_count;
	table->pairs = at->planned->pairs;
	table->has = at->has;
	table->light = arena_copy(arena, at->has, table->pair_count * sizeof(double));
	table->heavy_count = slots->heavy_count;
	table->pins = arena_alloc(arena, (slots->heavy_count + 1) * sizeof(*table->pins));
	table->heavy = arena_alloc(arena, (slots->heavy_count + 1) * sizeof(*table->heavy));
	if (table->light == NULL || table->pins == NULL || table->heavy == NULL)
		return false;
	table->largest = slots->weights == NULL ? at->rate / slots->count : 0;
	for (uint32_t i = 0; slots->weights != NULL && i < slots->count + slots->heavy_count; i++)
		table->largest = fmax(table->largest, (double)slots->weights[i] * at->rate);
	for (uint32_t i = 0; i < slots->heavy_count; i++) {
		const region_id *list = slots->slots[slots->count + i].list;
		size_t p = 0;

		table->pins[i] = PACK_FREE;
		table->heavy[i] = slots->weights == NULL ? 0 : (double)slots->weights[slots->count + i] * at->rate;
		while (p < table->pair_count &&
		    (table->pairs[p].primary != list[0] || table->pairs[p].backup != list[1]))
			p++;
		if (p == table->pair_count || table->heavy[i] < heavy)
			continue;
		table->pins[i] = (uint16_t)p;
		table->light[p] -= table->heavy[i];
	}
	return true;
}

/* ---- the search -------------------------------------------------------------------------------------------------- */

static void
search(struct repair *repair)
{
	for (unsigned step = 0; step < STEPS_MOST; step++) {
		size_t cell = worst_cell(repair);
		struct shift shift;

		if (cell == SIZE_MAX)
			return;
		shift = best_shift(repair, cell, false);
		if (shift.table == NULL)
			shift = best_shift(repair, cell, true);
		if (shift.table == NULL) {
			repair->stuck[cell] = true;
			continue;
		}
		make(repair, &shift, 1);
		shift.table->changed = true;
		if (shift.key != UINT32_MAX)
			shift.table->pins[shift.key] = (uint16_t)shift.to;
	}
}

static size_t
worst_cell(const struct repair *repair)
{
	const struct losses *losses = repair->losses;
	size_t worst = SIZE_MAX;
	double most = 0;

	for (size_t cell = 0; cell < losses->case_count * losses->region_count; cell++)
		if (!repair->stuck[cell] && excess(losses, cell) > most) {
			most = excess(losses, cell);
			worst = cell;
		}
	return worst;
}

static struct shift
best_shift(struct repair *repair, size_t cell, bool primaries)
{
	struct losses *losses = repair->losses;
	const struct region_set *lost = &losses->lost[cell / losses->region_count];
	region_id region = (region_id)(cell % losses->region_count);
	double over = excess(losses, cell);
	struct shift best = { .gain = GAIN_LEAST * over * over };

	for (size_t i = 0; i < repair->count; i++) {
		struct candidate *table = &repair->tables[i];

		for (size_t from = 0; from < table->pair_count; from++) {
			if (!(table->has[from] > 0) || losses_server(table->at, from, lost) != region)
				continue;
			for (size_t to = 0; to < table->pair_count; to++)
				if ((table->pairs[to].primary != table->pairs[from].primary) == primaries
				    && losses_server(table->at, to, lost) != region
				    && losses_server(table->at, to, lost) != NO_REGION)
					try_pairs(repair, cell, table, from, to, &best);
		}
	}
	return best;
}

/* All that may be shifted between two pairs. */
static void
try_pairs(struct repair *repair, size_t cell, struct candidate *table, size_t from, size_t to, struct shift *best)
{
	struct losses *losses = repair->losses;
	size_t at = cell - cell % losses->region_count;
	region_id there = losses_server(table->at, to, &losses->lost[cell / losses->region_count]);
	double wanted = amount_wanted(losses, cell, at + there), may = slack(table, from, to);
	double light = fmin(fmin(wanted, may), table->light[from]);

	if (light > 0)
		try_shift(repair, (struct shift){ table, from, to, UINT32_MAX, light, 0 }, best);
	for (uint32_t k = 0; k < table->heavy_count; k++) {
		double back = table->heavy[k];

		if (table->pins[k] != from)
			continue;
		/* Of one primary only what is too much goes; between two, as much comes back as goes. */
		if (table->pairs[from].primary == table->pairs[to].primary)
			back = fmax(table->heavy[k] - fmin(wanted, may), 0);
		back = fmin(back, table->light[to]);
		if (table->heavy[k] - back <= may)
			try_shift(repair, (struct shift){ table, from, to, k, back, 0 }, best);
	}
}

/* All of the excess, or as much as makes both ends' alike. */
static double
amount_wanted(const struct losses *losses, size_t from, size_t to)
{
	double over = losses->loads[from] - losses->limits[from], room = losses->limits[to] - losses->loads[to];

	return room >= over ? over : fmax((over + room) / 2, 0);
}

/* How much may go from pair to pair until the certificate would say that the shares aren't met. */
static double
slack(const struct candidate *table, size_t from, size_t to)
{
	double apart = PAIR_APART * table->largest;
	double less = table->has[from] - table->pairs[from].share * table->at->rate + apart;
	double more = table->pairs[to].share * table->at->rate - table->has[to] + apart;

	return fmax(fmin(less, more), 0);
}

static bool
primaries_hold(const struct candidate *table)
{
	for (size_t p = 0, next; p < table->pair_count; p = next) {
		double has = 0, wanted = 0;

		for (next = p; next < table->pair_count && table->pairs[next].primary == table->pairs[p].primary;
		    next++) {
			has += table->has[next];
			wanted += table->pairs[next].share * table->at->rate;
		}
		if (fabs(has - wanted) > PRIMARY_APART * table->largest)
			return false;
	}
	return true;
}

static void
try_shift(struct repair *repair, struct shift shift, struct shift *best)
{
	bool holds;

	shift.gain = -make(repair, &shift, 1);
	holds = shift.gain > best->gain && (shift.table->pairs[shift.from].primary
	    == shift.table->pairs[shift.to].primary || primaries_hold(shift.table));
	make(repair, &shift, -1);
	if (holds)
		*best = shift;
}

/* Or takes it back. What the sum of squared excesses changes by. */
static double
make(struct repair *repair, const struct shift *shift, double sign)
{
	struct candidate *table = shift->table;
	bool heavy = shift->key != UINT32_MAX;
	double light = sign * (heavy ? -shift->light : shift->light);
	double net = light + (heavy ? sign * table->heavy[shift->key] : 0);

	table->light[shift->from] -= light;
	table->light[shift->to] += light;
	return flow(repair, table, shift->from, shift->to, net);
}

static double
flow(struct repair *repair, struct candidate *table, size_t from, size_t to, double amount)
{
	struct losses *losses = repair->losses;
	region_id primary = table->pairs[from].primary;
	bool now = primary != table->pairs[to].primary;
	size_t count = now ? losses->case_count : losses->cases_count[primary];
	double change = 0;

	table->has[from] -= amount;
	table->has[to] += amount;
	for (size_t i = 0; i < count; i++) {
		size_t at = now ? i : losses->cases_of[primary][i];
		region_id a = losses_server(table->at, from, &losses->lost[at]);
		region_id b = losses_server(table->at, to, &losses->lost[at]);

		if (a != b)
			change += add(losses, at, a, -amount) + add(losses, at, b, amount);
	}
	return change;
}

static double
add(struct losses *losses, size_t at, region_id region, double amount)
{
	size_t cell = at * losses->region_count + region;
	double before, after;

	if (region == NO_REGION)
		return 0;
	before = excess(losses, cell);
	losses->loads[cell] += amount;
	after = excess(losses, cell);
	return after * after - before * before;
}

/* ---- what was found ---------------------------------------------------------------------------------------------- */

static bool
pack_changed(struct repair *repair, struct arena *arena)
{
	for (size_t i = 0; i < repair->count; i++) {
		struct candidate *table = &repair->tables[i];
		struct slot_table **old = table->at->table, *packed;
		struct plan_pair *pairs;

		if (!table->changed)
			continue;
		pairs = arena_copy(arena, table->pairs, table->pair_count * sizeof(*pairs));
		for (size_t p = 0; pairs != NULL && p < table->pair_count; p++)
			pairs[p].share = fmax(table->has[p], 0) / table->at->rate;
		packed = pairs == NULL ? NULL : compile_pack(table->at->job, table->at->group, pairs,
		    table->heavy_count == 0 ? NULL : table->pins);
		if (packed == NULL)
			return false;
		packed->inputs = (*old)->inputs;
		slot_table_release(*old);
		*old = packed;
	}
	return true;
}
