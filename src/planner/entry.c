/* entry.c -- from the last plan to the next.
 * In: a solved program.  Out: the same with transition rows, or shares on the way.  Threads: one.
 *
 * Caches turn over at different times, so for one TTL region r may have to carry the sum over clients of D max(w, w'),
 * w and w' being its shares in the next and the last plan: what it had, and what is new there. Rows hold what is new to
 * the room beside what it had. If the last plan is within all limits, such a program has a solution, and it's the best
 * part of the way; the next plan goes on from there. If it has none, the last plan is past its limits and must be left,
 * though not at once: w' + step (w - w') brings `step` times what is new. On the way loads are between those of both
 * plans. Where they need the margins, that is told; where they would overload a region, leaving quickly is worth more
 * than one TTL in which the sum of both is too much. */
#include "planner/entry.h"

#include <math.h>
#include <stdlib.h>

#include "planner/fallback.h"
#include "planner/generate.h"
#include "planner/sharing.h"
#include "planner/words.h"

#define WITHIN (1e-9 * SCENE_TOTAL)
#define PASSED 1e-6			/* of a limit */
#define PRICED 1e-7
/* Smaller steps would take longer than the caches of the last plan. */
#define STEP_LEAST 0.1
/* What is held back is a part of the way, however much else moves. */
#define STEP_MOST 0.99
#define STEP_HELD 0.01			/* nothing can move yet */

static bool find_tightest(const struct program *program, const struct loads *loads, struct entry *entry);
static double arriving_in_all(const struct program *program, const struct loads *loads);
static bool is_held_back(const struct program *program);
static bool mix_client(const struct scene *scene, size_t c, double step, struct planner_share *mixed);
static bool within_limits(const struct scene *scene, const struct planner_share *shares, bool *within);

enum program_result
entry_optimise(struct program *program, struct loads *loads, struct entry *entry)
{
	enum program_result result;
	double all;

	*entry = (struct entry){ .step = 1 };
	if (!loads_compute(loads, program))
		return PROGRAM_FAILED;
	if (!program->scene->any_before || !find_tightest(program, loads, entry))
		return PROGRAM_OPTIMAL;
	all = arriving_in_all(program, loads);
	program->entry = true;
	program->method = LP_DUAL;
	result = program_optimise(program);
	if (result != PROGRAM_OPTIMAL)
		return result;
	if (program_over(program) + program_over_entry(program) <= WITHIN) {
		if (!loads_compute(loads, program))
			return PROGRAM_FAILED;
		if (is_held_back(program))
			entry->step = fmin(fmax(arriving_in_all(program, loads) / all, STEP_HELD), STEP_MOST);
		return PROGRAM_OPTIMAL;
	}
	program_drop_entries(program);
	result = program_optimise(program);
	if (result != PROGRAM_OPTIMAL)
		return result;
	if (!loads_compute(loads, program))
		return PROGRAM_FAILED;
	entry->mix = find_tightest(program, loads, entry);
	entry->step = entry->mix ? fmax(entry->room / entry->arriving, STEP_LEAST) : 1;
	return PROGRAM_OPTIMAL;
}

/* The region with the least room for what is new there. false: there's room everywhere. */
static bool
find_tightest(const struct program *program, const struct loads *loads, struct entry *entry)
{
	double least = 1;

	for (size_t r = 0; r < program->scene->region_count; r++) {
		double room = program_entry_limit(program, (region_id)r), arriving = loads->arriving[r];

		if (!(arriving > room + PASSED * fmax(room, 1)) || room / arriving >= least)
			continue;
		least = room / arriving;
		entry->tightest = (region_id)r;
		entry->room = room;
		entry->arriving = arriving;
	}
	return least < 1;
}

static double
arriving_in_all(const struct program *program, const struct loads *loads)
{
	double sum = 0;

	for (size_t r = 0; r < program->scene->region_count; r++)
		sum += loads->arriving[r];
	return sum;
}

static bool
is_held_back(const struct program *program)
{
	for (size_t i = 0; i < program->row_count; i++) {
		if (program->rows[i].kind == ROW_ENTRY && program->rows[i].dual < -PRICED)
			return true;
	}
	return false;
}

/* ---- a part of the way ------------------------------------------------------------------------------------------- */

struct planner_share *
entry_mix(struct scene *scene, struct planner_share *shares, struct entry *entry, struct relaxation *made)
{
	struct planner_share *mixed = arena_alloc(scene->arena, (scene->client_count + 1) * sizeof(*mixed));
	char room[WORDS_RATE_SIZE], arriving[WORDS_RATE_SIZE];
	bool within;

	if (mixed == NULL)
		return NULL;
	for (size_t c = 0; c < scene->client_count; c++) {
		const struct scene_client *client = &scene->clients[c];

		mixed[c] = shares[c];
		if (client->planned && client->had_before && !mix_client(scene, c, entry->step, &mixed[c]))
			return NULL;
	}
	if (!within_limits(scene, mixed, &within))
		return NULL;
	if (within)
		return mixed;
	words_rate(entry->room * scene->unit, room);
	words_rate(entry->arriving * scene->unit, arriving);
	relax_drop_margins(scene);
	if (!within_limits(scene, mixed, &within))
		return NULL;
	if (!within) {
		entry->step = 1;
		return shares;
	}
	return relax_note(scene, made, RELAX_MARGINS, "margins, on the way from the last plan",
	    arena_printf(scene->arena, "%s would get %s requests/s at once, and beside those of the last plan, "
	    "whom caches lead there, it has room for %s", scene->problem->regions[entry->tightest].name, arriving,
	    room))
	    ? mixed : NULL;
}

static bool
mix_client(const struct scene *scene, size_t c, double step, struct planner_share *mixed)
{
	const struct planner_clients *in = &scene->problem->clients[c];
	size_t count = 0;
	struct plan_pair *pairs = arena_alloc(scene->arena,
	    (in->before_count + mixed->pair_count + 1) * sizeof(*pairs));

	if (pairs == NULL)
		return false;
	for (size_t i = 0; i < in->before_count; i++) {
		pairs[count] = fallback_clip(scene, c, in->before[i]);
		pairs[count++].share *= 1 - step;
	}
	for (size_t i = 0; i < mixed->pair_count; i++) {
		pairs[count] = mixed->pairs[i];
		pairs[count++].share *= step;
	}
	mixed->pairs = pairs;
	mixed->pair_count = sharing_clean(pairs, count);
	return true;
}

static bool
within_limits(const struct scene *scene, const struct planner_share *shares, bool *within)
{
	double *load = malloc((scene->region_count + 1) * sizeof(*load)), unserved = 0;

	if (load == NULL)
		return false;
	*within = true;
	for (size_t s = 0; s < scene->scenario_count; s++) {
		planner_loads(scene->problem, shares, scene->scenarios[s].lost, load, &unserved);
		for (size_t r = 0; r < scene->region_count; r++) {
			size_t cell = s * scene->region_count + r;
			double limit = scene->yields ? scene_bound(scene, s, (region_id)r)
			    : scene_limit(scene, s, (region_id)r);

			if (load[r] / scene->unit - scene->fixed[cell] > limit + PASSED * fmax(limit, 1))
				*within = false;
		}
	}
	free(load);
	return true;
}
