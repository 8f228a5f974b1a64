/* moves.c -- see moves.h.
 * In: two snapshots, demand.  Out: a matrix of shares from region to region, as a list.  Threads: any; pure.
 * Groups and regions are matched by name. Tables of other sizes are laid over each other on the circle that slots
 * divide; a key that is heavy now and wasn't then lay where its position says. */
#include "plan/moves.h"

#include <stdlib.h>
#include <string.h>

#define SIDE ((size_t)256)	/* regions, and NO_REGION */
#define SHARE_LEAST 1e-9	/* below, it's rounding */

struct walk {
	const struct slot_table *was, *is;
	const region_id *renumber;	/* of `was` into the new numbers; what is gone keeps one behind them */
	double weight;			/* of the whole group */
	double *matrix;			/* [SIDE][SIDE] */
};

static const struct service *same_service(const struct snapshot *snapshot, const char *name);
static bool fill(const struct snapshot *from, const struct service *was, const struct snapshot *to,
	const struct service *is, const struct demand *demand, double *matrix);
static const struct slot_table *same_group(const struct snapshot *from, const struct service *was,
	const struct snapshot *to, size_t group);
static double group_weight(const struct demand_service *demand, const struct demand_group *group);
static void walk_tables(const struct walk *walk);
static void weigh_shares(const struct walk *walk);
static void count(const struct walk *walk, const struct slot *was, const struct slot *is, double share);
static double weight_at(const struct slot_table *table, size_t slot);
static bool list_moves(const double *matrix, const struct snapshot *from, const struct snapshot *to,
	struct arena *arena, struct moves *moves);
static int compare_moves(const void *a, const void *b);

/* Regions that the new steering has no more get the old number, counted down from the end. */
static region_id
old_number(const struct snapshot *from, size_t region, const struct steering *to)
{
	region_id r = steering_region_find(to, from->steering->regions[region].name);

	return r != NO_REGION ? r : (region_id)(NO_REGION - 1 - region);
}

bool
moves_between(const struct snapshot *from, const struct snapshot *to, const struct service *service,
	const struct demand *demand, struct arena *arena, struct moves *moves)
{
	const struct service *was = same_service(from, service->intent->name);
	double *matrix;
	bool good;

	*moves = (struct moves){ 0 };
	if (was == NULL)
		return true;
	matrix = calloc(SIDE * SIDE, sizeof(*matrix));
	good = matrix != NULL && fill(from, was, to, service, demand, matrix)
	    && list_moves(matrix, from, to, arena, moves);
	free(matrix);
	return good;
}

static const struct service *
same_service(const struct snapshot *snapshot, const char *name)
{
	for (size_t s = 0; s < snapshot->service_count; s++)
		if (strcmp(snapshot->services[s].intent->name, name) == 0)
			return &snapshot->services[s];
	return NULL;
}

static bool
fill(const struct snapshot *from, const struct service *was, const struct snapshot *to, const struct service *is,
	const struct demand *demand, double *matrix)
{
	const struct demand_service *known = demand_service_find(demand, is->intent->name);
	region_id renumber[REGIONS_MAX + 1];
	double total = 0;

	memset(renumber, NO_REGION, sizeof(renumber));
	for (size_t r = 0; r < from->steering->region_count; r++)
		renumber[r] = old_number(from, r, to->steering);
	for (size_t g = 0; g < to->partition->count; g++)
		total += group_weight(known, &to->partition->groups[g]);
	for (size_t g = 0; g < to->partition->count; g++) {
		struct walk walk = { same_group(from, was, to, g), is->tables[g], renumber, 0, matrix };

		walk.weight = total > 0 ? group_weight(known, &to->partition->groups[g]) / total
		    : 1.0 / (double)to->partition->count;
		if (walk.was == walk.is && from->steering == to->steering)
			continue;	/* else the same numbers may be other regions */
		if (is->intent->sticky)
			walk_tables(&walk);
		else
			weigh_shares(&walk);
	}
	return true;
}

/* The table that the group's clients had: of the same demand group, else of the client group that it was cut out of, or
 * the default one. */
static const struct slot_table *
same_group(const struct snapshot *from, const struct service *was, const struct snapshot *to, size_t group)
{
	const struct demand_group *wanted = &to->partition->groups[group];
	const char *name = to->steering->groups[wanted->group].name;
	const struct slot_table *best = was->tables[GROUP_DEFAULT];

	for (size_t g = 0; g < from->partition->count; g++) {
		const struct demand_group *there = &from->partition->groups[g];

		if (strcmp(from->steering->groups[there->group].name, name) != 0)
			continue;
		if (there->country == wanted->country)
			return was->tables[g];
		if (there->country == COUNTRY_UNKNOWN)
			best = was->tables[g];
	}
	return best;
}

static double
group_weight(const struct demand_service *demand, const struct demand_group *group)
{
	const struct demand_rate *known = demand == NULL ? NULL : demand_find(demand, group->group, group->country);

	return demand == NULL ? 1 : known == NULL ? 0 : known->rate;
}

static void
walk_tables(const struct walk *walk)
{
	const struct slot_table *was = walk->was, *is = walk->is;
	size_t steps = was->count > is->count ? was->count : is->count;

	for (size_t i = 0; i < steps; i++) {
		size_t old = i * was->count / steps, new = i * is->count / steps;

		count(walk, &was->slots[old], &is->slots[new],
		    weight_at(is, new) * (double)is->count / (double)steps);
	}
	for (size_t i = 0; is->heavy_count > 0 && i <= is->heavy_mask; i++) {
		const struct heavy_key *key = &is->heavy[i];
		uint32_t old;

		if (key->key == 0)
			continue;
		old = was->heavy_count > 0 ? slots_heavy(was, key->key) : UINT32_MAX;
		if (old == UINT32_MAX)
			old = slots_common((uint64_t)key->position << 32, was->count);
		count(walk, &was->slots[old], &is->slots[is->count + key->index],
		    weight_at(is, is->count + key->index));
	}
}

/* Without stickiness nobody has a region of its own, and places in a sequence say nothing: what regions lose in all
 * goes to those that gain, in proportion. */
static void
weigh_shares(const struct walk *walk)
{
	double change[SIDE] = { 0 }, gained = 0;

	for (size_t i = 0; i < walk->was->count; i++) {
		region_id first = walk->was->slots[i].list[0];

		change[first == NO_REGION ? NO_REGION : walk->renumber[first]] -= 1.0 / (double)walk->was->count;
	}
	for (size_t i = 0; i < walk->is->count; i++)
		change[walk->is->slots[i].list[0]] += 1.0 / (double)walk->is->count;
	for (size_t r = 0; r < SIDE; r++)
		gained += change[r] > SHARE_LEAST ? change[r] : 0;
	for (size_t from = 0; from < SIDE; from++)
		for (size_t to = 0; change[from] < -SHARE_LEAST && to < SIDE; to++)
			if (change[to] > SHARE_LEAST)
				walk->matrix[from * SIDE + to] += -change[from] * change[to] / gained * walk->weight;
}

static double
weight_at(const struct slot_table *table, size_t slot)
{
	return table->weights != NULL ? (double)table->weights[slot] : 1.0
	    / ((double)table->count + table->heavy_count);
}

static void
count(const struct walk *walk, const struct slot *was, const struct slot *is, double share)
{
	region_id from = was->list[0] == NO_REGION ? NO_REGION : walk->renumber[was->list[0]], to = is->list[0];

	walk->matrix[from * SIDE + to] += share * walk->weight;
}

static bool
list_moves(const double *matrix, const struct snapshot *from, const struct snapshot *to, struct arena *arena,
	struct moves *moves)
{
	const char *old[SIDE], *new[SIDE];
	struct move *list;
	size_t found = 0;

	for (size_t r = 0; r < SIDE; r++)
		old[r] = new[r] = "";
	for (size_t r = 0; r < from->steering->region_count; r++)
		old[old_number(from, r, to->steering)] = from->steering->regions[r].name;
	for (size_t r = 0; r < to->steering->region_count; r++)
		new[r] = to->steering->regions[r].name;
	for (size_t i = 0; i < SIDE * SIDE; i++)
		found += i / SIDE != i % SIDE && matrix[i] > 0;
	list = arena_alloc(arena, (found + 1) * sizeof(*list));
	if (list == NULL)
		return false;
	for (size_t i = 0; i < SIDE * SIDE; i++) {
		struct move *move = &list[moves->count];

		if (i / SIDE == i % SIDE || !(matrix[i] > 0))
			continue;
		*move = (struct move){ arena_text(arena, old[i / SIDE]), arena_text(arena, new[i % SIDE]), matrix[i] };
		if (move->from == NULL || move->to == NULL)
			return false;
		moves->count++;
		moves->share += matrix[i];
	}
	qsort(list, moves->count, sizeof(*list), compare_moves);
	moves->list = list;
	return true;
}

static int
compare_moves(const void *a, const void *b)
{
	const struct move *x = a, *y = b;
	int order = strcmp(x->from, y->from);

	if (x->share != y->share)
		return x->share > y->share ? -1 : 1;
	return order != 0 ? order : strcmp(x->to, y->to);
}
