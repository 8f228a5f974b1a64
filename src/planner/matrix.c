/* matrix.c -- the numbers of the planner's program, column by column.
 * In: the rows and columns as struct program describes them.  Out: struct lp_program.  Threads: one per matrix; it owns
 * the arrays and reuses them.
 * The one place that knows which column stands in which row with what coefficient; generate.c prices by the same rules,
 * and the tests hold both against a program that is written down independently. */
#include "planner/matrix.h"

#include <math.h>
#include <stdlib.h>

#define NONE UINT32_MAX
#define BEYOND_LIMIT 1000.0	/* beside 1 and 2 for what lies beyond a latency cap */

struct program_matrix {
	int *starts, *rows;
	double *coefficients, *numbers;	/* numbers: of columns, then of rows, see matrix_fill() */
	unsigned char *basis;
	size_t size, used;		/* of rows and coefficients */
	bool failed;
};

static bool make_room(struct program_matrix *matrix, size_t columns, size_t rows);
static bool resize(void **array, size_t size);
static void fill_column(struct program_matrix *matrix, const struct program *program, size_t i);
static void fill_load(struct program_matrix *matrix, const struct program *program, region_id region);
static void fill_pair(struct program_matrix *matrix, const struct program *program,
	const struct program_column *column);
static double cost_of(const struct program *program, const struct program_column *column);
static double upper_of(const struct program *program, const struct program_column *column);
static void emit(struct program_matrix *matrix, uint32_t row, double coefficient);

struct program_matrix *
matrix_new(void)
{
	return calloc(1, sizeof(struct program_matrix));
}

void
matrix_free(struct program_matrix *matrix)
{
	if (matrix == NULL)
		return;
	free(matrix->starts);
	free(matrix->rows);
	free(matrix->coefficients);
	free(matrix->numbers);
	free(matrix->basis);
	free(matrix);
}

bool
matrix_fill(struct program_matrix *matrix, const struct program *program, struct lp_program *filled)
{
	size_t n = program->column_count, m = program->row_count;
	double *lower, *upper, *cost, *row_lower, *row_upper;

	if (!make_room(matrix, n, m))
		return false;
	lower = matrix->numbers;
	upper = lower + n;
	cost = upper + n;
	row_lower = cost + 3 * n;
	row_upper = row_lower + m;
	matrix->used = 0;
	for (size_t i = 0; i < n; i++) {
		const struct program_column *column = &program->columns[i];

		matrix->starts[i] = (int)matrix->used;
		fill_column(matrix, program, i);
		lower[i] = 0;
		upper[i] = upper_of(program, column);
		cost[i] = cost_of(program, column);
		matrix->basis[i] = column->basis;
	}
	matrix->starts[n] = (int)matrix->used;
	for (size_t i = 0; i < m; i++) {
		row_lower[i] = program->rows[i].lower;
		row_upper[i] = program->rows[i].upper;
		matrix->basis[n + i] = program->rows[i].basis;
	}
	*filled = (struct lp_program){ .column_count = n, .row_count = m, .starts = matrix->starts,
		.rows = matrix->rows, .coefficients = matrix->coefficients, .lower = lower, .upper = upper,
		.cost = cost, .values = cost + n, .reduced = cost + 2 * n, .row_lower = row_lower,
		    .row_upper = row_upper,
		.duals = row_upper + m, .basis = matrix->basis };
	return !matrix->failed;
}

static bool
make_room(struct program_matrix *matrix, size_t columns, size_t rows)
{
	return resize((void **)&matrix->starts, (columns + 1) * sizeof(*matrix->starts))
	    && resize((void **)&matrix->numbers, (5 * columns + 3 * rows + 1) * sizeof(*matrix->numbers))
	    && resize((void **)&matrix->basis, columns + rows + 1);
}

static bool
resize(void **array, size_t size)
{
	void *moved = realloc(*array, size);

	if (moved != NULL)
		*array = moved;
	return moved != NULL;
}

static void
fill_column(struct program_matrix *matrix, const struct program *program, size_t i)
{
	const struct program_column *column = &program->columns[i];

	switch (column->kind) {
	case COLUMN_LOAD:
		fill_load(matrix, program, column->primary);
		break;
	case COLUMN_PAIR:
	case COLUMN_KEPT:
		fill_pair(matrix, program, column);
		break;
	case COLUMN_SHED:
		emit(matrix, program->client_row[column->client], 1);
		emit(matrix, program->class_row[program->scene->problem->clients[column->client].class], 1);
		break;
	case COLUMN_OVER:
		emit(matrix, column->of == NONE ? program->entry_row[column->primary]
		    : program->fill_row[column->of], -1);
		break;
	case COLUMN_MARGIN:
		emit(matrix, program->fill_row[column->of], -1);
		break;
	case COLUMN_EXCESS:
		emit(matrix, program->allowances[column->of].row, -1);
		if (program->allowances[column->of].churn)
			emit(matrix, program->entry_row[column->primary], 1);
		break;
	}
}

static void
fill_load(struct program_matrix *matrix, const struct program *program, region_id region)
{
	const struct scene *scene = program->scene;

	emit(matrix, region, -1);
	for (size_t s = 0; s < scene->scenario_count; s++)
		emit(matrix, program->fill_row[s * scene->region_count + region], 1);
}

static void
fill_pair(struct program_matrix *matrix, const struct program *program, const struct program_column *column)
{
	const struct scene *scene = program->scene;
	region_id k = column->primary;
	size_t c = column->client;
	bool is_new = true;

	emit(matrix, program->client_row[c], 1);
	emit(matrix, k, 1);
	for (size_t i = 0; i < scene->of_region_count[k]; i++) {
		size_t s = scene->of_region[k][i];
		region_id at = scene_landing(scene, c, k, column->backup, s);

		if (at != NO_REGION)
			emit(matrix, program->fill_row[s * scene->region_count + at], 1);
	}
	for (uint32_t i = program->first_allowance[c]; i < program->first_allowance[c + 1]; i++) {
		if (program->allowances[i].region == k)
			emit(matrix, program->allowances[i].row, 1);
	}
	for (size_t i = 0; i < scene->clients[c].prior_count; i++)
		is_new = is_new && scene->clients[c].priors[i].region != k;
	if (is_new)
		emit(matrix, program->entry_row[k], 1);
}

static double
cost_of(const struct program *program, const struct program_column *column)
{
	bool over = column->kind == COLUMN_OVER, pair = column->kind == COLUMN_PAIR || column->kind == COLUMN_KEPT;
	bool relaxed = over && column->of != NONE
	    && program->scene->scenarios[column->of / program->scene->region_count].relaxed;

	switch (program->mode) {
	case PROGRAM_OVER:
		return over && !relaxed ? 1 : 0;
	case PROGRAM_CAPS:
		return pair ? program_beyond(program, column->client, column->primary, column->backup)
		    : over && !relaxed ? BEYOND_LIMIT : 0;
	case PROGRAM_COST:
		break;
	}
	return !over ? column->cost : relaxed ? SCENE_OVERLOAD_MS : program->over_cost;
}

static double
upper_of(const struct program *program, const struct program_column *column)
{
	const struct scene *scene = program->scene;
	const struct scene_client *client = &scene->clients[column->client];
	size_t s = column->of / scene->region_count;

	if (column->kind == COLUMN_MARGIN)
		return scene_bound(scene, s, column->primary) - scene_limit(scene, s, column->primary);
	if (column->kind != COLUMN_PAIR && column->kind != COLUMN_KEPT)
		return column->upper;
	if (!region_set_has(&client->primaries, column->primary)
	    || (column->backup != NO_REGION && !region_set_has(&client->backups, column->backup)))
		return 0;
	return column->upper;
}

static void
emit(struct program_matrix *matrix, uint32_t row, double coefficient)
{
	if (row == NONE || matrix->failed)
		return;
	if (matrix->used == matrix->size) {
		size_t larger = matrix->size == 0 ? 4096 : matrix->size * 2;

		matrix->failed = !resize((void **)&matrix->rows, larger * sizeof(*matrix->rows))
		    || !resize((void **)&matrix->coefficients, larger * sizeof(*matrix->coefficients));
		if (matrix->failed)
			return;
		matrix->size = larger;
	}
	matrix->rows[matrix->used] = (int)row;
	matrix->coefficients[matrix->used++] = coefficient;
}
