/* relax_notes.c -- what gave way, told: levels, shed classes, loads of fixed clients, and what time left undone.
 * In: a scene and what was found.  Out: steps in its arena.  Threads: one. */
#include "planner/relax.h"

#include <math.h>

#include "planner/words.h"

#define WITHIN (1e-9 * SCENE_TOTAL)
#define PASSED 1e-6			/* of a limit */
#define GIVEN_UP 1e-6			/* the same of a margin */

static bool note_margin(const struct scene *scene, struct relaxation *made, size_t s, region_id region, double by);
static bool note_fixed_region(const struct scene *scene, struct relaxation *made, region_id region);
static bool note_passed(const struct scene *scene, struct relaxation *made, size_t s, size_t region, double by);

bool
relax_note_margins(const struct scene *scene, const struct loads *loads, struct relaxation *made)
{
	for (size_t r = 0; scene->yields && r < scene->region_count; r++) {
		size_t worst = SIZE_MAX;
		double most = 0;

		/* What is past its bound as well is told as that. */
		for (size_t s = 0; s < scene->scenario_count; s++) {
			double load = loads->load[s * scene->region_count + r];
			double limit = scene_limit(scene, s, (region_id)r), bound = scene_bound(scene, s, (region_id)r);

			if (region_set_has(&scene->scenarios[s].lost, (region_id)r)
			    || load <= limit + GIVEN_UP * fmax(limit, 1) || fmin(load, bound) - limit <= most)
				continue;
			most = fmin(load, bound) - limit;
			worst = s;
		}
		if (worst != SIZE_MAX && !note_margin(scene, made, worst, (region_id)r, most))
			return false;
	}
	return true;
}

/* The least room that the region has where it lacks most. */
static bool
note_margin(const struct scene *scene, struct relaxation *made, size_t s, region_id region, double by)
{
	struct mincut cut = { .clients = arena_alloc(scene->arena, scene->client_count + 1) };
	double capacity = scene->problem->regions[region].capacity / scene->unit;
	double kept = scene_limit(scene, s, region) + scene->fixed[s * scene->region_count + region], missing;
	const char *lost = s == 0 ? "" : arena_printf(scene->arena, " if %s is lost", scene_name(scene, s));

	if (cut.clients == NULL || lost == NULL || !words_shortage(scene, s, &cut, &missing))
		return false;
	return relax_note(scene, made, RELAX_MARGINS, arena_printf(scene->arena,
	    "margin of %s: it may be filled to %.3g of its capacity%s, not %.3g",
	    scene->problem->regions[region].name, (kept + by) / capacity, lost, kept / capacity),
	    missing > 0 && region_set_has(&cut.regions, region) ? words_cut(scene, s, &cut) : made->margins);
}

bool
relax_note_levels(const struct scene *scene, const struct overfull *overfull, struct relaxation *made)
{
	for (size_t i = 0; i < overfull->level_count; i++) {
		const struct overfull_level *level = &overfull->levels[i];
		const char *regions = words_regions(scene, level->cut.regions);

		if (regions == NULL || !relax_note(scene, made, RELAX_OVERLOAD, arena_printf(scene->arena,
		    "load of %s: %.3g of capacity", regions, level->level), words_cut(scene, 0, &level->cut)))
			return false;
	}
	for (unsigned class = MINCUT_TIERS - 1; class > 0; class--) {
		char amount[WORDS_RATE_SIZE];

		if (!(overfull->shed[class] > 0))
			continue;
		words_rate(overfull->shed[class] * scene->unit, amount);
		if (!relax_note(scene, made, RELAX_SHED, arena_printf(scene->arena,
		    "class %u: %s requests/s get the static answer", class, amount),
		    words_cut(scene, 0, &overfull->shed_cut)))
			return false;
	}
	return true;
}

bool
relax_note_passed(const struct scene *scene, const struct loads *loads, struct relaxation *made, bool *overload)
{
	for (size_t s = 0; s < scene->scenario_count; s++) {
		size_t worst = SIZE_MAX;
		double most = 0;

		for (size_t r = 0; r < scene->region_count && !scene->scenarios[s].relaxed; r++) {
			double limit = scene_most(scene, s, (region_id)r);
			double by = loads->load[s * scene->region_count + r] - limit;

			if (region_set_has(&scene->scenarios[s].lost, (region_id)r) || by <= PASSED * fmax(limit, 1)
			    || by <= most)
				continue;
			most = by;
			worst = r;
		}
		if (worst == SIZE_MAX)
			continue;
		*overload = *overload || s == 0;
		if (!note_passed(scene, made, s, worst, most))
			return false;
	}
	return true;
}

static bool
note_passed(const struct scene *scene, struct relaxation *made, size_t s, size_t region, double by)
{
	char excess[WORDS_RATE_SIZE];

	return relax_note(scene, made, s == 0 ? RELAX_OVERLOAD : RELAX_LOSS,
	    arena_printf(scene->arena, "%s of %s", s == 0 ? "load" : "loss", s == 0
	    ? scene->problem->regions[region].name : scene_name(scene, s)), arena_printf(scene->arena,
	    "no better plan was found in time: %s would get %s requests/s more than it may",
	    scene->problem->regions[region].name, words_rate(by * scene->unit, excess)));
}

bool
relax_note_fixed(const struct scene *scene, struct relaxation *made)
{
	for (size_t r = 0; r < scene->region_count; r++) {
		if (isfinite(scene_limit(scene, 0, (region_id)r)) && !note_fixed_region(scene, made, (region_id)r))
			return false;
	}
	return true;
}

/* The scenario in which it's worst. */
static bool
note_fixed_region(const struct scene *scene, struct relaxation *made, region_id region)
{
	double margin = scene->yields ? 1 : scene->margin, least = scene->yields ? 1 : 0, most = 0;
	double capacity = scene->problem->regions[region].capacity / scene->unit / margin;
	char load[WORDS_RATE_SIZE], room[WORDS_RATE_SIZE];
	size_t worst = 0;

	for (size_t s = 0; s < scene->scenario_count; s++) {
		double excess = scene->fixed[s * scene->region_count + region]
		    - capacity * fmax(s == 0 ? scene->normal_limit : scene->loss_limit, least);

		if (excess > WITHIN && excess > most) {
			most = excess;
			worst = s;
		}
	}
	if (!(most > 0))
		return true;
	words_rate(scene->fixed[worst * scene->region_count + region] * scene->unit, load);
	words_rate(scene->problem->regions[region].capacity, room);
	return relax_note(scene, made, worst == 0 ? RELAX_OVERLOAD : RELAX_LOSS,
	    worst == 0 ? arena_printf(scene->arena, "load of %s", scene->problem->regions[region].name)
	    : arena_printf(scene->arena, "loss of %s, at %s", scene_name(scene, worst),
	    scene->problem->regions[region].name), arena_printf(scene->arena,
	    "clients that aren't planned bring it %s requests/s, it has a capacity of %s", load, room));
}

bool
relax_note(const struct scene *scene, struct relaxation *made, enum planner_relaxation kind, const char *what,
    const char *why)
{
	if (made->count == made->size) {
		size_t larger = made->size == 0 ? 8 : made->size * 2;
		struct planner_step *steps = arena_alloc(scene->arena, larger * sizeof(*steps));

		if (steps == NULL)
			return false;
		for (size_t i = 0; i < made->count; i++)
			steps[i] = made->steps[i];
		made->steps = steps;
		made->size = larger;
	}
	made->steps[made->count++] = (struct planner_step){ kind, what, why };
	return what != NULL && why != NULL;
}
