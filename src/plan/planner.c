/* planner.c -- one plan, from the problem to the result. */
#include "plan/planner.h"

#include <stdlib.h>
#include <string.h>

#include "plan/generate.h"
#include "plan/loads.h"
#include "plan/sharing.h"

struct planner {
	struct lp *lp;
};

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
	lp_free(planner->lp);
	free(planner);
}

const struct planner_result *
planner_solve(struct planner *planner, const struct planner_problem *problem, struct arena *arena)
{
	struct mono begin = mono_now();
	struct planner_result *result = arena_alloc(arena, sizeof(*result));
	struct scene *scene = scene_new(problem, arena);
	struct program *program = NULL;
	struct loads *loads = NULL;
	enum program_result solved;

	if (scene == NULL || result == NULL)
		return NULL;
	program = program_new(scene, planner->lp);
	loads = loads_new(scene);
	if (program == NULL || loads == NULL)
		return NULL;
	program->deadline = mono_add_ms(begin, problem->time_limit_ms);
	solved = program_optimise(program);
	if (solved != PROGRAM_OPTIMAL || !loads_compute(loads, program))
		return NULL;
	result->method = PLANNER_OPTIMAL;
	result->step = 1;
	result->shares = sharing_of(program, loads);
	result->normal_limit = scene->normal_limit;
	result->loss_limit = scene->loss_limit;
	result->objective = program->objective * scene->unit;
	result->rows = program->row_count;
	result->columns = program->column_count;
	result->iterations = program->iterations;
	if (result->shares == NULL || !sharing_prices(program, result) || !sharing_measure(scene, result))
		return NULL;
	program_free(program);
	loads_free(loads);
	result->took_us = (mono_now().ns - begin.ns) / 1000;
	return result;
}
