/* overfull.c -- the least greatest load / capacity, part by part, and what is shed.
 * In: a scene.  Out: levels and amounts, in its arena.  Threads: one.
 *
 * Backups don't matter here: normal loads are a flow from clients to legal regions.
 *	1. With every region filled to t, the minimal cut names clients S and regions R(S); t rises to the ratio of
 *	   their demand and capacity until nothing is missing (Dinkelbach's method; a few steps). The last cut is the
 *	   densest part of the world, and no sharing can fill it less than t.
 *	2. That part is set aside with its level; again for the rest, until the limit suffices for it. So one country's
 *	   shortage doesn't let regions elsewhere be overfilled.
 *	3. Clients that may be shed then get what room is left, class 1 first; what is missing is shed. */
#include "planner/overfull.h"

#include <math.h>
#include <string.h>

#define LEAST (1e-9 * SCENE_TOTAL)
#define ROUNDS_MAX 64			/* per part; Dinkelbach needs a handful */

static bool densest(struct scene *scene, struct mincut_demand *demands, const double *levels,
	struct overfull_level *found);
static void set_rooms(const struct scene *scene, const double *levels, double floor, double *room);
static double ratio(const struct scene *scene, const struct mincut *cut);
static double room_of(const struct scene *scene, const struct mincut *cut);
static double capacity_of(const struct scene *scene, size_t region);
static bool find_shed(struct scene *scene, struct mincut_demand *demands, struct overfull *overfull);

bool
overfull_find(struct scene *scene, struct overfull *overfull)
{
	size_t most = scene->region_count + 1;
	struct mincut_demand *demands = arena_alloc(scene->arena, (scene->client_count + 1) * sizeof(*demands));

	*overfull = (struct overfull){ .levels = arena_alloc(scene->arena, most * sizeof(*overfull->levels)) };
	if (demands == NULL || overfull->levels == NULL)
		return false;
	for (size_t r = 0; r < scene->region_count; r++) {
		double capacity = capacity_of(scene, r);

		scene->overfull[r] = scene->fixed[r] > scene->normal_limit * capacity ? scene->fixed[r] / capacity : 0;
	}
	for (size_t c = 0; c < scene->client_count; c++) {
		const struct scene_client *client = &scene->clients[c];
		const struct planner_clients *in = &scene->problem->clients[c];

		demands[c] = (struct mincut_demand){ .amount = client->demand };
		if (client->planned && !in->sheddable)
			demands[c].reach = client->legal;
	}
	while (overfull->level_count < scene->region_count) {
		struct overfull_level *level = &overfull->levels[overfull->level_count];

		if (!densest(scene, demands, scene->overfull, level))
			return false;
		if (!(level->level > scene->normal_limit))
			break;
		for (size_t r = 0; r < scene->region_count; r++) {
			if (region_set_has(&level->cut.regions, (region_id)r))
				scene->overfull[r] = fmax(scene->overfull[r], level->level);
		}
		/* Whoever is in this part stays out of the rest, and the rest out of its regions. */
		for (size_t c = 0; c < scene->client_count; c++) {
			demands[c].reach = region_set_minus(demands[c].reach, level->cut.regions);
			if (level->cut.clients[c])
				demands[c].amount = 0;
		}
		overfull->level_count++;
	}
	return find_shed(scene, demands, overfull);
}

/* found->level the limit: all fits. */
static bool
densest(struct scene *scene, struct mincut_demand *demands, const double *levels, struct overfull_level *found)
{
	double room[REGIONS_MAX], floor = scene->normal_limit;

	found->level = floor;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct mincut cut = { .clients = arena_alloc(scene->arena, scene->client_count + 1) };
		double missing;

		set_rooms(scene, levels, floor, room);
		if (cut.clients == NULL || !mincut_find(demands, scene->client_count, room, scene->region_count,
		    LEAST, &cut, &missing))
			return false;
		if (!(missing > 0) || region_set_is_empty(cut.regions) || !(ratio(scene, &cut) > floor))
			return true;
		floor = ratio(scene, &cut);
		*found = (struct overfull_level){ floor, cut };
		found->cut.room = room_of(scene, &cut);
	}
	return true;
}

static void
set_rooms(const struct scene *scene, const double *levels, double floor, double *room)
{
	for (size_t r = 0; r < scene->region_count; r++) {
		double capacity = capacity_of(scene, r);

		room[r] = isfinite(capacity) ? fmax(fmax(levels[r], floor) * capacity - scene->fixed[r], 0) : INFINITY;
	}
}

static double
ratio(const struct scene *scene, const struct mincut *cut)
{
	double load = cut->demand, capacity = 0;

	for (size_t r = 0; r < scene->region_count; r++) {
		if (region_set_has(&cut->regions, (region_id)r)) {
			load += scene->fixed[r];
			capacity += capacity_of(scene, r);
		}
	}
	return capacity > 0 ? load / capacity : 0;
}

/* What there is within the limit, for words. */
static double
room_of(const struct scene *scene, const struct mincut *cut)
{
	double room = 0;

	for (size_t r = 0; r < scene->region_count; r++) {
		if (region_set_has(&cut->regions, (region_id)r))
			room += fmax(scene->normal_limit * capacity_of(scene, r) - scene->fixed[r], 0);
	}
	return room;
}

static double
capacity_of(const struct scene *scene, size_t region)
{
	double capacity = scene->problem->regions[region].capacity;

	return capacity > 0 && isfinite(capacity) ? capacity / scene->unit : INFINITY;
}

static bool
find_shed(struct scene *scene, struct mincut_demand *demands, struct overfull *overfull)
{
	double room[REGIONS_MAX], missing;

	set_rooms(scene, scene->overfull, scene->normal_limit, room);
	overfull->shed_cut.clients = arena_alloc(scene->arena, scene->client_count + 1);
	for (size_t c = 0; c < scene->client_count; c++) {
		const struct scene_client *client = &scene->clients[c];
		const struct planner_clients *in = &scene->problem->clients[c];

		demands[c].amount = client->planned ? client->demand : 0;
		demands[c].reach = client->legal;
		demands[c].tier = !in->sheddable ? 0 : in->class < 1 ? 1 : in->class > 9 ? 9 : in->class;
	}
	if (overfull->shed_cut.clients == NULL || !mincut_find(demands, scene->client_count, room,
	    scene->region_count, LEAST, &overfull->shed_cut, &missing))
		return false;
	for (unsigned class = 1; class < MINCUT_TIERS; class++)
		overfull->shed[class] = overfull->shed_cut.missing[class] > LEAST / 10
		    ? overfull->shed_cut.missing[class] : 0;
	return true;
}
