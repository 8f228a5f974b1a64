/* program.c -- the planner's linear program: its columns and rows, and one solution of it.
 * In: a scene.  Out: values of columns, duals of rows.  Threads: one per struct program, which owns all but scene and
 * lp.
 *
 *	x_c(k,b)   demand of client c with primary k and backup b
 *	N_k        = sum over c, b of x_c(k,b): the load of k
 *	client     sum over k, b of x_c(k,b) = D_c
 *	fill       N_r + sum of x that land at r in scenario s <= limit(s, r) + margin(s, r) + over(s, r)
 *	allowance  sum over b of x_c(k,b) <= what is free of churn, or of the target + excess
 *	entry      sum of what is new at r + what r had <= limit(r)
 *
 * N_k makes the rows short: a pair stands in its client's row, in its primary's, and in those of the scenarios that
 * lose its primary, not in those of all others. Every fill row has an over column, so the program is always feasible;
 * whether over can be 0 is the question of PROGRAM_OVER. Margin columns are there only when not all margins can be
 * kept: bounded by what the margin is, at a cost at which the others keep theirs.
 * Staying is cheap: what a pair had last time is a column of its own, bounded by that; more of it is new. What a
 * primary had is free of kappa by its allowance. So the last solution stays optimal until something gains more than
 * kappa, without a rule beside the program. */
#include "planner/program.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "planner/matrix.h"

#define NONE UINT32_MAX

static bool allocate(struct program *program);
static void add_margin(struct program *program, size_t cell);
static void copy_back(struct program *program, const struct lp_program *solved);

struct program *
program_new(struct scene *scene, struct lp *lp, bool warm)
{
	struct program *program = calloc(1, sizeof(*program));

	if (program == NULL)
		return NULL;
	program->scene = scene;
	program->lp = lp;
	program->warm = warm;
	program->over_cost = 10 * (scene->dearest + 1);
	if (!allocate(program)) {
		program_free(program);
		return NULL;
	}
	for (size_t r = 0; r < scene->region_count; r++) {
		program_add_row(program, (struct program_row){ .kind = ROW_LOAD, .region = (region_id)r,
			.basis = LP_AT_LOWER });
		program_add_column(program, (struct program_column){ .kind = COLUMN_LOAD, .primary = (region_id)r,
			.backup = NO_REGION, .upper = INFINITY, .basis = LP_BASIC });
	}
	program_add_clients(program);
	for (size_t r = 0; r < scene->region_count; r++) {
		if (region_set_has(&scene->live, (region_id)r) && isfinite(scene_limit(scene, 0, (region_id)r)))
			program_add_fill(program, 0, (region_id)r);
	}
	return program;
}

static bool
allocate(struct program *program)
{
	size_t clients = program->scene->client_count, regions = program->scene->region_count;
	size_t cells = program->scene->scenario_count * regions;

	program->first_column = calloc(clients + 2, sizeof(uint32_t));
	program->client_row = malloc((clients + 1) * sizeof(uint32_t));
	program->fill_row = malloc((cells + 1) * sizeof(uint32_t));
	program->entry_row = malloc((regions + 1) * sizeof(uint32_t));
	program->class_row = malloc(10 * sizeof(uint32_t));
	program->first_allowance = calloc(clients + 1, sizeof(uint32_t));
	program->shed = calloc(clients + 1, sizeof(double));
	program->matrix = matrix_new();
	if (program->first_column == NULL || program->client_row == NULL || program->fill_row == NULL
	    || program->entry_row == NULL || program->class_row == NULL || program->first_allowance == NULL
	    || program->shed == NULL || program->matrix == NULL)
		return false;
	memset(program->client_row, 0xff, clients * sizeof(uint32_t));
	memset(program->fill_row, 0xff, cells * sizeof(uint32_t));
	memset(program->entry_row, 0xff, regions * sizeof(uint32_t));
	memset(program->class_row, 0xff, 10 * sizeof(uint32_t));
	return true;
}

void
program_free(struct program *program)
{
	if (program == NULL)
		return;
	matrix_free(program->matrix);
	free(program->columns);
	free(program->rows);
	free(program->allowances);
	free(program->first_column);
	free(program->client_row);
	free(program->fill_row);
	free(program->entry_row);
	free(program->class_row);
	free(program->first_allowance);
	free(program->shed);
	free(program->known.slots);
	free(program);
}

/* ---- rows that come later ---------------------------------------------------------------------------------------- */

void
program_add_fill(struct program *program, size_t scenario, region_id region)
{
	size_t cell = scenario * program->scene->region_count + region, row;

	row = program_add_row(program, (struct program_row){ .kind = ROW_FILL, .region = region,
		.scenario = (uint32_t)scenario, .lower = -INFINITY,
		.upper = scene_limit(program->scene, scenario, region), .basis = LP_BASIC });
	program_add_column(program, (struct program_column){ .kind = COLUMN_OVER, .primary = region,
		.backup = NO_REGION, .of = (uint32_t)cell, .upper = INFINITY, .basis = LP_AT_LOWER });
	if (!program->failed)
		program->fill_row[cell] = (uint32_t)row;
	if (program->scene->yields)
		add_margin(program, cell);
}

void
program_yield_margins(struct program *program)
{
	size_t cells = program->scene->scenario_count * program->scene->region_count;

	program->scene->yields = true;
	for (size_t cell = 0; cell < cells; cell++) {
		if (program->fill_row[cell] != NONE)
			add_margin(program, cell);
	}
	program_limits(program);
}

static void
add_margin(struct program *program, size_t cell)
{
	program_add_column(program, (struct program_column){ .kind = COLUMN_MARGIN, .of = (uint32_t)cell,
		.primary = (region_id)(cell % program->scene->region_count), .backup = NO_REGION,
		.cost = SCENE_MARGIN_MS, .basis = LP_AT_LOWER });
}

void
program_add_entry(struct program *program, region_id region)
{
	program->entry_row[region] = (uint32_t)program_add_row(program, (struct program_row){ .kind = ROW_ENTRY,
		.region = region, .lower = -INFINITY, .upper = program_entry_limit(program, region),
		.basis = LP_BASIC });
	program_add_column(program, (struct program_column){ .kind = COLUMN_OVER, .primary = region,
		.backup = NO_REGION, .of = NONE, .upper = INFINITY, .basis = LP_AT_LOWER });
}

void
program_add_class(struct program *program, unsigned class, double most)
{
	const struct scene *scene = program->scene;

	program->class_row[class] = (uint32_t)program_add_row(program, (struct program_row){ .kind = ROW_CLASS,
		.scenario = class, .lower = -INFINITY, .upper = most, .basis = LP_BASIC });
	for (size_t c = 0; c < scene->client_count; c++) {
		const struct planner_clients *in = &scene->problem->clients[c];

		if (scene->clients[c].planned && in->sheddable && in->class == class)
			program_add_column(program, (struct program_column){ .kind = COLUMN_SHED, .client = (uint32_t)c,
				.primary = NO_REGION, .backup = NO_REGION, .cost = SCENE_OVERLOAD_MS,
				.upper = INFINITY, .basis = LP_AT_LOWER });
	}
}

double
program_entry_limit(const struct program *program, region_id region)
{
	const struct scene *scene = program->scene;
	double margin = scene->yields ? 1 : scene->margin;
	double room = scene->problem->regions[region].capacity / scene->unit / margin - scene->fixed[region];

	if (!isfinite(scene_limit(scene, 0, region)))
		return INFINITY;
	for (size_t c = 0; c < scene->client_count; c++) {
		for (size_t i = 0; scene->clients[c].planned && i < scene->clients[c].prior_count; i++) {
			if (scene->clients[c].priors[i].region == region)
				room -= scene->clients[c].priors[i].amount;
		}
	}
	return room > 0 ? room : 0;
}

void
program_limits(struct program *program)
{
	for (size_t i = 0; i < program->row_count; i++) {
		struct program_row *row = &program->rows[i];

		if (row->kind == ROW_FILL)
			row->upper = scene_limit(program->scene, row->scenario, row->region);
	}
}

size_t
program_add_column(struct program *program, struct program_column column)
{
	if (!program_grow(program, (void **)&program->columns, &program->column_size, program->column_count,
	    sizeof(column)))
		return 0;
	program->columns[program->column_count] = column;
	return program->column_count++;
}

size_t
program_add_row(struct program *program, struct program_row row)
{
	if (!program_grow(program, (void **)&program->rows, &program->row_size, program->row_count, sizeof(row)))
		return 0;
	program->rows[program->row_count] = row;
	return program->row_count++;
}

bool
program_grow(struct program *program, void **array, size_t *size, size_t count, size_t item)
{
	size_t larger = *size == 0 ? 64 : *size * 2;
	void *moved;

	if (program->failed)
		return false;
	if (count < *size)
		return true;
	moved = realloc(*array, larger * item);
	if (moved == NULL) {
		program->failed = true;
		return false;
	}
	*array = moved;
	*size = larger;
	return true;
}

/* ---- one solution ------------------------------------------------------------------------------------------------ */

enum program_result
program_solve(struct program *program, enum lp_method method)
{
	struct lp_program solved;
	double seconds = (double)mono_ms_between(mono_now(), program->deadline) / 1000;
	enum lp_result result;

	if (seconds <= 0)
		return PROGRAM_TIME;
	if (program->failed || !matrix_fill(program->matrix, program, &solved))
		return PROGRAM_FAILED;
	result = lp_solve(program->lp, &solved, method, seconds);
	program->iterations += solved.iterations;
	if (result == LP_TIME)
		return PROGRAM_TIME;
	if (result != LP_OPTIMAL)
		return PROGRAM_FAILED;
	copy_back(program, &solved);
	program->solved = program->solved || program->mode == PROGRAM_COST;
	return PROGRAM_OPTIMAL;
}

static void
copy_back(struct program *program, const struct lp_program *solved)
{
	for (size_t i = 0; i < program->column_count; i++) {
		program->columns[i].value = solved->values[i] > 0 ? solved->values[i] : 0;
		program->columns[i].basis = solved->basis[i];
		program->columns[i].reduced = solved->reduced[i];
		if (program->columns[i].kind == COLUMN_SHED)
			program->shed[program->columns[i].client] = program->columns[i].value;
	}
	for (size_t i = 0; i < program->row_count; i++) {
		program->rows[i].dual = solved->duals[i];
		program->rows[i].basis = solved->basis[program->column_count + i];
	}
	program->objective = solved->objective;
}

double
program_beyond(const struct program *program, size_t c, region_id primary, region_id backup)
{
	return (scene_beyond_cap(program->scene, c, primary) ? 1 : 0)
	    + (backup != NO_REGION && scene_beyond_cap(program->scene, c, backup) ? 1 : 0);
}

double
program_over(const struct program *program)
{
	const struct scene *scene = program->scene;
	double sum = 0;

	for (size_t i = 0; i < program->column_count; i++) {
		const struct program_column *column = &program->columns[i];

		if (column->kind == COLUMN_OVER && column->of != NONE
		    && !scene->scenarios[column->of / scene->region_count].relaxed)
			sum += column->value;
	}
	return sum;
}

double
program_over_entry(const struct program *program)
{
	double sum = 0;

	for (size_t i = 0; i < program->column_count; i++) {
		if (program->columns[i].kind == COLUMN_OVER && program->columns[i].of == NONE)
			sum += program->columns[i].value;
	}
	return sum;
}

void
program_drop_entries(struct program *program)
{
	program->entry = false;
	for (size_t i = 0; i < program->row_count; i++) {
		if (program->rows[i].kind == ROW_ENTRY)
			program->rows[i].upper = INFINITY;
	}
}
