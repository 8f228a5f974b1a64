/* program.c -- the planner's linear program: its columns and rows, and one solution of it.
 * In: a scene.  Out: values of columns, duals of rows.  Threads: one per struct program, which owns all but scene and lp.
 *
 *	x_c(k,b)   demand of client c with primary k and backup b
 *	N_k        = sum over c, b of x_c(k,b): the load of k
 *	client     sum over k, b of x_c(k,b) = D_c
 *	fill       N_r + sum of x that land at r in scenario s <= limit(s, r) + over(s, r)
 *	allowance  sum over b of x_c(k,b) <= what is free of churn, or of the target + excess
 *	entry      sum of what is new at r + what r had <= limit(r)
 *
 * N_k makes the rows short: a pair stands in its client's row, in its primary's, and in those of the scenarios that
 * lose its primary, not in those of all others. Every fill row has an over column, so the program is always feasible;
 * whether over can be 0 is the question of PROGRAM_OVER.
 * Staying is cheap: what a pair had last time is a column of its own, bounded by that; more of it is new. What a
 * primary had is free of kappa by its allowance. So the last solution stays optimal until something gains more than
 * kappa, without a rule beside the program. */
#include "plan/program.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/matrix.h"

#define NONE UINT32_MAX
#define WHOLE (1 - 1e-9)		/* of a client's demand */

static bool allocate(struct program *program);
static void add_client(struct program *program, size_t c);
static void add_kept(struct program *program, size_t c);
static void add_nearest(struct program *program, size_t c);
static void begin_at_cheapest(struct program *program, size_t c, size_t from);
static void collect_allowances(struct program *program);
static void add_allowance(struct program *program, struct allowance allowance);
static double target_scale(const struct scene_client *client, const double *target, size_t regions);
static size_t add_column(struct program *program, struct program_column column);
static size_t add_row(struct program *program, struct program_row row);
static bool grow(struct program *program, void **array, size_t *size, size_t count, size_t item);
static void copy_back(struct program *program, const struct lp_program *solved);

struct program *
program_new(struct scene *scene, struct lp *lp)
{
	struct program *program = calloc(1, sizeof(*program));

	if (program == NULL)
		return NULL;
	program->scene = scene;
	program->lp = lp;
	program->over_cost = 10 * (scene->dearest + 1);
	if (!allocate(program)) {
		program_free(program);
		return NULL;
	}
	for (size_t r = 0; r < scene->region_count; r++) {
		add_row(program, (struct program_row){ .kind = ROW_LOAD, .region = (region_id)r,
			.basis = LP_AT_LOWER });
		add_column(program, (struct program_column){ .kind = COLUMN_LOAD, .primary = (region_id)r,
			.backup = NO_REGION, .upper = INFINITY, .basis = LP_BASIC });
	}
	collect_allowances(program);
	for (size_t c = 0; c < scene->client_count; c++) {
		program->first_column[c] = (uint32_t)program->column_count;
		if (scene->clients[c].planned)
			add_client(program, c);
		program->first_column[c + 1] = (uint32_t)program->column_count;
	}
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
	if (program->first_column == NULL || program->client_row == NULL || program->fill_row == NULL || program->entry_row == NULL
	    || program->class_row == NULL || program->first_allowance == NULL || program->shed == NULL || program->matrix == NULL)
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

/* ---- a client's first columns ------------------------------------------------------------------------------------ */

static void
add_client(struct program *program, size_t c)
{
	double demand = program->scene->clients[c].demand;
	size_t from = program->column_count;

	program->client_row[c] = (uint32_t)add_row(program, (struct program_row){ .kind = ROW_CLIENT,
		.client = (uint32_t)c, .lower = demand, .upper = demand, .basis = LP_AT_LOWER });
	add_kept(program, c);
	add_nearest(program, c);
	begin_at_cheapest(program, c, from);
}

static void
add_kept(struct program *program, size_t c)
{
	const struct planner_clients *in = &program->scene->problem->clients[c];
	const struct scene_client *client = &program->scene->clients[c];

	for (size_t i = 0; i < in->before_count; i++) {
		const struct plan_pair *pair = &in->before[i];
		bool possible = pair->primary != NO_REGION && region_set_has(&client->primaries, pair->primary)
		    && (pair->backup == NO_REGION ? client->order_count == 1
		    : region_set_has(&client->backups, pair->backup));

		if (!possible || !(pair->share > 0))
			continue;
		add_column(program, (struct program_column){ .kind = COLUMN_KEPT, .primary = pair->primary,
			.backup = pair->backup, .client = (uint32_t)c, .basis = LP_AT_LOWER,
			.upper = pair->share < WHOLE ? pair->share * client->demand : INFINITY,
			.cost = scene_cost(program->scene, c, pair->primary, pair->backup) });
	}
}

/* Each of the nearest regions with the best backup: where clients will most likely be. The rest is found by price. */
static void
add_nearest(struct program *program, size_t c)
{
	const struct scene_client *client = &program->scene->clients[c];
	unsigned left = program->scene->problem->nearest > 0 ? program->scene->problem->nearest : 1;

	if (client->order_count == 1)
		program_add_pair(program, c, client->order[0], NO_REGION);
	for (size_t i = 0; i < client->order_count && left > 0 && client->order_count > 1; i++) {
		region_id primary = client->order[i];
		size_t j = 0;

		if (!region_set_has(&client->primaries, primary))
			continue;
		left--;
		while (j == i || !region_set_has(&client->backups, client->order[j]))
			j++;
		program_add_pair(program, c, primary, client->order[j]);
	}
}

/* The basis of a program without limits: each client on its cheapest pair. It's dual feasible, so that the dual simplex
 * needs steps for those clients only whom limits move. */
static void
begin_at_cheapest(struct program *program, size_t c, size_t from)
{
	struct program_column *best = NULL;

	for (size_t i = from; i < program->column_count; i++) {
		struct program_column *column = &program->columns[i];

		if (best == NULL || column->cost < best->cost)
			best = column;
	}
	if (best != NULL)
		best->basis = LP_BASIC;
	else if (program->client_row[c] != NONE && !program->failed)
		program->rows[program->client_row[c]].basis = LP_BASIC;
}

void
program_make_basic(struct program *program, size_t c, region_id primary, region_id backup, bool first)
{
	const struct scene_client *client = &program->scene->clients[c];

	if (!client->planned || program->failed || !region_set_has(&client->primaries, primary)
	    || (backup == NO_REGION ? client->order_count > 1 : !region_set_has(&client->backups, backup)))
		return;
	/* Parts that stay are at their bounds: the last plan is where the solver begins. */
	for (uint32_t i = program->first_column[c]; first && i < program->first_column[c + 1]; i++)
		program->columns[i].basis = isfinite(program->columns[i].upper) ? LP_AT_UPPER : LP_AT_LOWER;
	for (uint32_t i = program->first_column[c]; i < program->first_column[c + 1]; i++) {
		struct program_column *column = &program->columns[i];

		if (column->primary == primary && column->backup == backup && column->basis != LP_BASIC) {
			column->basis = LP_BASIC;
			return;
		}
	}
	if (program_has_pair(program, c, primary, backup))
		return;
	program_add_pair(program, c, primary, backup);
	if (!program->failed)
		program->columns[program->column_count - 1].basis = LP_BASIC;
}

void
program_value_last_plan(struct program *program)
{
	for (size_t i = 0; i < program->column_count; i++) {
		struct program_column *column = &program->columns[i];
		double demand = program->scene->clients[column->client].demand;

		column->value = column->kind != COLUMN_KEPT ? 0 : column->upper < demand ? column->upper : demand;
	}
}

bool
program_has_pair(const struct program *program, size_t c, region_id primary, region_id backup)
{
	uint64_t key = ((uint64_t)c << 16 | (uint64_t)primary << 8 | backup) + 1;
	size_t mask = program->known.size - 1;

	if (program->known.size == 0)
		return false;
	for (size_t i = (key * 0x9e3779b97f4a7c15u >> 20) & mask;; i = (i + 1) & mask) {
		if (program->known.slots[i] == key)
			return true;
		if (program->known.slots[i] == 0)
			return false;
	}
}

static void
remember_pair(struct program_pairs *known, uint64_t key)
{
	size_t mask = known->size - 1, i = (key * 0x9e3779b97f4a7c15u >> 20) & mask;

	while (known->slots[i] != 0)
		i = (i + 1) & mask;
	known->slots[i] = key;
	known->used++;
}

static bool
make_room(struct program *program)
{
	struct program_pairs *known = &program->known, larger = { .size = known->size == 0 ? 1024 : known->size * 2 };

	if (known->used * 2 < known->size)
		return true;
	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (larger.slots == NULL) {
		program->failed = true;
		return false;
	}
	for (size_t i = 0; i < known->size; i++) {
		if (known->slots[i] != 0)
			remember_pair(&larger, known->slots[i]);
	}
	free(known->slots);
	*known = larger;
	return true;
}

void
program_add_pair(struct program *program, size_t c, region_id primary, region_id backup)
{
	const struct scene *scene = program->scene;

	if (program_has_pair(program, c, primary, backup) || !make_room(program))
		return;
	remember_pair(&program->known, ((uint64_t)c << 16 | (uint64_t)primary << 8 | backup) + 1);
	add_column(program, (struct program_column){ .kind = COLUMN_PAIR, .primary = primary, .backup = backup,
		.client = (uint32_t)c, .basis = LP_AT_LOWER, .upper = INFINITY,
		.cost = scene_cost(scene, c, primary, backup) + program_sticky(program, c) });
}

double
program_sticky(const struct program *program, size_t c)
{
	return program->scene->clients[c].had_before ? SCENE_BACKUP_CHURN * program->scene->churn : 0;
}

/* ---- allowances -------------------------------------------------------------------------------------------------- */

static void
collect_allowances(struct program *program)
{
	const struct scene *scene = program->scene;

	for (size_t c = 0; c < scene->client_count; c++) {
		const struct planner_clients *in = &scene->problem->clients[c];
		const struct scene_client *client = &scene->clients[c];
		double scale = in->target == NULL ? 0 : target_scale(client, in->target, scene->region_count);

		program->first_allowance[c] = (uint32_t)program->allowance_count;
		for (size_t i = 0; client->planned && i < client->prior_count; i++) {
			const struct scene_prior *prior = &client->priors[i];

			if (prior->amount < WHOLE * client->demand)
				add_allowance(program, (struct allowance){ .client = (uint32_t)c, .churn = true,
					.region = prior->region, .amount = prior->amount,
					.cost = scene->churn });
		}
		for (size_t i = 0; client->planned && scale > 0 && i < client->order_count; i++) {
			double free_of_cost = in->target[client->order[i]] * scale;

			if (free_of_cost > 0 && free_of_cost < WHOLE)
				add_allowance(program, (struct allowance){ .client = (uint32_t)c,
					.region = client->order[i], .amount = free_of_cost * client->demand,
					.cost = in->target_cost });
		}
		program->first_allowance[c + 1] = (uint32_t)program->allowance_count;
	}
}

static void
add_allowance(struct program *program, struct allowance allowance)
{
	if (!grow(program, (void **)&program->allowances, &program->allowance_size, program->allowance_count,
	    sizeof(allowance)))
		return;
	allowance.row = (uint32_t)add_row(program, (struct program_row){ .kind = ROW_ALLOWANCE, .client = allowance.client,
		.region = allowance.region, .scenario = (uint32_t)program->allowance_count, .lower = -INFINITY,
		.upper = allowance.amount, .basis = LP_BASIC });
	add_column(program, (struct program_column){ .kind = COLUMN_EXCESS, .of = (uint32_t)program->allowance_count,
		.primary = allowance.region, .backup = NO_REGION, .client = allowance.client, .cost = allowance.cost,
		.upper = INFINITY, .basis = LP_AT_LOWER });
	program->allowances[program->allowance_count++] = allowance;
}

/* What dead or illegal regions should have had goes to the others in proportion. */
static double
target_scale(const struct scene_client *client, const double *target, size_t regions)
{
	double all = 0, legal = 0;

	for (size_t r = 0; r < regions; r++) {
		if (!(target[r] > 0))
			continue;
		all += target[r];
		legal += region_set_has(&client->legal, (region_id)r) ? target[r] : 0;
	}
	return legal > 0 ? all / legal : 0;
}

/* ---- rows that come later ---------------------------------------------------------------------------------------- */

void
program_add_fill(struct program *program, size_t scenario, region_id region)
{
	size_t cell = scenario * program->scene->region_count + region, row, over;

	row = add_row(program, (struct program_row){ .kind = ROW_FILL, .region = region,
		.scenario = (uint32_t)scenario, .lower = -INFINITY,
		.upper = scene_limit(program->scene, scenario, region), .basis = LP_BASIC });
	over = add_column(program, (struct program_column){ .kind = COLUMN_OVER, .primary = region,
		.backup = NO_REGION, .of = (uint32_t)cell, .upper = INFINITY, .basis = LP_AT_LOWER });
	if (program->failed)
		return;
	program->fill_row[cell] = (uint32_t)row;
	program->rows[row].over = (uint32_t)over;
}

void
program_add_entry(struct program *program, region_id region)
{
	program->entry_row[region] = (uint32_t)add_row(program, (struct program_row){ .kind = ROW_ENTRY,
		.region = region, .lower = -INFINITY, .upper = program_entry_limit(program, region), .basis = LP_BASIC });
	add_column(program, (struct program_column){ .kind = COLUMN_OVER, .primary = region, .backup = NO_REGION,
		.of = NONE, .upper = INFINITY, .basis = LP_AT_LOWER });
}

void
program_add_class(struct program *program, unsigned class, double most)
{
	const struct scene *scene = program->scene;

	program->class_row[class] = (uint32_t)add_row(program, (struct program_row){ .kind = ROW_CLASS,
		.scenario = class, .lower = -INFINITY, .upper = most, .basis = LP_BASIC });
	for (size_t c = 0; c < scene->client_count; c++) {
		const struct planner_clients *in = &scene->problem->clients[c];

		if (scene->clients[c].planned && in->sheddable && in->class == class)
			add_column(program, (struct program_column){ .kind = COLUMN_SHED, .client = (uint32_t)c,
				.primary = NO_REGION, .backup = NO_REGION, .cost = SCENE_OVERLOAD_MS,
				.upper = INFINITY, .basis = LP_AT_LOWER });
	}
}

double
program_entry_limit(const struct program *program, region_id region)
{
	const struct scene *scene = program->scene;
	double room = scene->problem->regions[region].capacity / scene->unit / scene->margin
	    - scene->fixed[region];

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

static size_t
add_column(struct program *program, struct program_column column)
{
	if (!grow(program, (void **)&program->columns, &program->column_size, program->column_count, sizeof(column)))
		return 0;
	program->columns[program->column_count] = column;
	return program->column_count++;
}

static size_t
add_row(struct program *program, struct program_row row)
{
	if (!grow(program, (void **)&program->rows, &program->row_size, program->row_count, sizeof(row)))
		return 0;
	program->rows[program->row_count] = row;
	return program->row_count++;
}

static bool
grow(struct program *program, void **array, size_t *size, size_t count, size_t item)
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
	return PROGRAM_OPTIMAL;
}

static void
copy_back(struct program *program, const struct lp_program *solved)
{
	for (size_t i = 0; i < program->column_count; i++) {
		program->columns[i].value = solved->values[i] > 0 ? solved->values[i] : 0;
		program->columns[i].basis = solved->basis[i];
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
