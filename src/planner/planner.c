/* planner.c -- one plan, from the problem to the result.
 * In: struct planner_problem, and the memory of the last solve.  Out: struct planner_result in the caller's arena.
 * Threads: one per planner, which owns the solver's model and that memory.
 *
 * The stages, each in a file of its own:
 *	scene.c      the problem made ready: scenarios, costs, where each list leads
 *	memory.c     where the last solve ended, and this one begins
 *	program.c    rows and columns; matrix.c: as numbers; lp.c: the solver
 *	generate.c   rows and pairs (pricing.c) that matter, added until there are none; loads.c finds the rows
 *	relax.c      what gives way if there's no such plan; mincut.c, overfull.c: who is short; words.c: in words
 *	entry.c      from the last plan to this one while caches lead clients by both
 *	sharing.c    clean shares, places 3 and 4, prices, fills
 *	fallback.c   when the solver gives up or runs out of time */
#include "planner/planner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "planner/entry.h"
#include "planner/fallback.h"
#include "planner/memory.h"
#include "planner/relax.h"
#include "planner/sharing.h"

/* From this part of the time limit on no more pairs are looked for, and losses are relaxed all at once. */
#define HURRY 0.5

struct planner {
	struct lp *lp;
	struct memory *memory;		/* of the last solve, or NULL */
};

static bool solve(struct planner *planner, struct scene *scene, struct mono begin, struct planner_result *result);
static enum program_result find_plan(struct program *program, struct loads *loads, struct relaxation *made,
	struct entry *entry);
static bool fill_result(struct program *program, struct loads *loads, struct relaxation *made, struct entry *entry,
	struct planner_result *result);
static bool fall_back(struct scene *scene, struct planner_result *result);
static void sort_steps(struct planner_step *steps, size_t count);

struct planner *
planner_new(void)
{
	struct planner *planner = calloc(1, sizeof(*planner));

	if (planner == NULL)
		return NULL;
	planner->lp = lp_new();
	if (planner->lp == NULL) {
		free(planner);
		return NULL;
	}
	return planner;
}

void
planner_free(struct planner *planner)
{
	if (planner == NULL)
		return;
	memory_free(planner->memory);
	lp_free(planner->lp);
	free(planner);
}

const struct planner_result *
planner_solve(struct planner *planner, const struct planner_problem *problem, struct arena *arena)
{
	struct mono begin = mono_now();
	struct planner_result *result = arena_alloc(arena, sizeof(*result));
	struct scene *scene = scene_new(problem, arena);

	if (scene == NULL || result == NULL)
		return NULL;
	if (!solve(planner, scene, begin, result))
		return NULL;
	result->normal_limit = scene->yields ? fmax(scene->normal_limit, 1) : scene->normal_limit;
	result->loss_limit = scene->yields ? fmax(scene->loss_limit, 1) : scene->loss_limit;
	result->margin = scene->yields ? 1 : scene->margin;
	if (!sharing_measure(scene, result))
		return NULL;
	result->took_us = (mono_now().ns - begin.ns) / 1000;
	return result;
}

/* false: out of memory. */
static bool
solve(struct planner *planner, struct scene *scene, struct mono begin, struct planner_result *result)
{
	struct relaxation made = { 0 };
	struct entry entry = { .step = 1 };
	struct program *program = NULL;
	struct loads *loads = loads_new(scene);
	enum program_result found = PROGRAM_FAILED;
	bool good = false;

	if (loads == NULL || !relax_impossible_caps(scene, &made))
		goto done;
	program = program_new(scene, planner->lp, planner->memory != NULL);
	if (program == NULL)
		goto done;
	program->deadline = mono_add_ms(begin, scene->problem->time_limit_ms);
	program->hurry = mono_add_ms(begin, (int64_t)(HURRY * (double)scene->problem->time_limit_ms));
	if (planner->memory != NULL)
		memory_recall(planner->memory, program);
	found = find_plan(program, loads, &made, &entry);
	if (program->failed)
		goto done;
	if (found == PROGRAM_OPTIMAL) {
		memory_free(planner->memory);
		planner->memory = memory_new(program, loads);	/* NULL: the next begins anew */
	}
	good = found == PROGRAM_OPTIMAL ? fill_result(program, loads, &made, &entry, result) : fall_back(scene, result);
done:
	program_free(program);
	loads_free(loads);
	return good;
}

static enum program_result
find_plan(struct program *program, struct loads *loads, struct relaxation *made, struct entry *entry)
{
	enum program_result result = relax_optimise(program, made);
	bool losses_hold = true, overload = false;

	for (size_t i = 0; i < made->count; i++)
		losses_hold = losses_hold && made->steps[i].kind < RELAX_LOSS;
	/* Where not even the plan itself fits, the way to it can't. */
	if (result == PROGRAM_OPTIMAL && losses_hold)
		result = entry_optimise(program, loads, entry);
	if (result == PROGRAM_FAILED || (result == PROGRAM_TIME && !program->solved))
		return result;
	if (!loads_compute(loads, program) || !relax_note_margins(program->scene, loads, made)
	    || !relax_note_fixed(program->scene, made)
	    || !relax_note_passed(program->scene, loads, made, &overload)) {
		program->failed = true;
		return PROGRAM_FAILED;
	}
	/* A plan that isn't finished is still one, unless it overloads what a simple rule may spare. */
	if (result == PROGRAM_TIME && !overload)
		return PROGRAM_OPTIMAL;
	return result;
}

static bool
fill_result(struct program *program, struct loads *loads, struct relaxation *made, struct entry *entry,
    struct planner_result *result)
{
	struct scene *scene = program->scene;
	struct planner_share *shares = sharing_of(program, loads);

	/* Prices by the limits that made them: the way there may drop margins. */
	if (shares == NULL || !sharing_prices(program, result))
		return false;
	if (entry->mix)
		shares = entry_mix(scene, shares, entry, made);
	if (shares == NULL)
		return false;
	result->step = entry->step;
	sort_steps(made->steps, made->count);
	result->method = made->count > 0 ? PLANNER_RELAXED : PLANNER_OPTIMAL;
	result->objective = program->objective * scene->unit;
	result->steps = made->steps;
	result->step_count = made->count;
	result->shares = shares;
	result->rows = program->row_count;
	result->columns = program->column_count;
	result->iterations = program->iterations;
	return true;
}

static bool
fall_back(struct scene *scene, struct planner_result *result)
{
	result->step = 1;
	result->shares = fallback_shares(scene, &result->method);
	return result->shares != NULL;
}

/* By kind; of one kind as they were made. */
static void
sort_steps(struct planner_step *steps, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct planner_step step = steps[i];
		size_t at = i;

		for (; at > 0 && steps[at - 1].kind > step.kind; at--)
			steps[at] = steps[at - 1];
		steps[at] = step;
	}
}
