/* entry.c -- from the last plan to the next.
 * In: a solved program.  Out: the same with transition rows, or a step.  Threads: one.
 *
 * Caches turn over at different times, so for one TTL region r may have to carry sum over clients of D max(w, w'), w and w'
 * being its shares in the next and the last plan. That is what it had, and what is new there. Rows hold what is new to the
 * room beside what it had; mostly there's a plan almost as good that keeps them.
 * If there's none, a part of the way is gone: w' + step (w - w') brings `step` times what is new. It is only done when the
 * mixture is itself within all limits: where the last plan is past them, leaving it quickly is worth more than one TTL in
 * which the sum of both is. */
#include "plan/entry.h"

#include <math.h>
#include <stdlib.h>

#include "plan/fallback.h"
#include "plan/generate.h"
#include "plan/sharing.h"

#define WITHIN (1e-9 * SCENE_TOTAL)
#define PASSED 1e-6			/* of a limit */
/* Smaller steps would take longer than the caches of the last plan. */
#define STEP_LEAST 0.1

static double longest_step(const struct program *program, const struct loads *loads);
static bool mix_client(const struct scene *scene, size_t c, double step, struct planner_share *mixed);
static bool within_limits(const struct scene *scene, const struct planner_share *shares, bool *within);

enum program_result
entry_optimise(struct program *program, struct loads *loads, double *step)
{
	enum program_result result;

	*step = 1;
	if (!loads_compute(loads, program))
		return PROGRAM_FAILED;
	if (!(longest_step(program, loads) < 1))
		return PROGRAM_OPTIMAL;
	program->entry = true;
	program->method = LP_DUAL;
	result = program_optimise(program);
	if (result == PROGRAM_OPTIMAL && program_over(program) + program_over_entry(program) <= WITHIN)
		return PROGRAM_OPTIMAL;
	program_drop_entries(program);
	result = program_optimise(program);
	if (result != PROGRAM_OPTIMAL)
		return result;
	if (!loads_compute(loads, program))
		return PROGRAM_FAILED;
	*step = fmax(longest_step(program, loads), STEP_LEAST);
	return PROGRAM_OPTIMAL;
}

static double
longest_step(const struct program *program, const struct loads *loads)
{
	double step = 1;

	for (size_t r = 0; r < program->scene->region_count; r++) {
		double room = program_entry_limit(program, (region_id)r);

		if (program->scene->any_before && loads->arriving[r] > room + PASSED * fmax(room, 1))
			step = fmin(step, room / loads->arriving[r]);
	}
	return step;
}

struct planner_share *
entry_mix(const struct scene *scene, struct planner_share *shares, double *step)
{
	struct planner_share *mixed = arena_alloc(scene->arena, (scene->client_count + 1) * sizeof(*mixed));
	bool within;

	if (mixed == NULL)
		return NULL;
	for (size_t c = 0; c < scene->client_count; c++) {
		mixed[c] = shares[c];
		if (scene->clients[c].planned && scene->clients[c].had_before && !mix_client(scene, c, *step, &mixed[c]))
			return NULL;
	}
	if (!within_limits(scene, mixed, &within))
		return NULL;
	if (within)
		return mixed;
	*step = 1;
	return shares;
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
			double limit = scene_limit(scene, s, (region_id)r);

			if (load[r] / scene->unit - scene->fixed[cell] > limit + PASSED * fmax(limit, 1))
				*within = false;
		}
	}
	free(load);
	return true;
}
