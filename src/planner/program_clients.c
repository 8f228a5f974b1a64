/* program_clients.c -- the columns of each client in the planner's program: pairs, allowances, and where to begin.
 * In: a scene.  Out: columns and rows.  Threads: one per struct program. */
#include "planner/program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define WHOLE (1 - 1e-9)		/* of a client's demand */

static void add_client(struct program *program, size_t c);
static void add_kept(struct program *program, size_t c);
static void add_nearest(struct program *program, size_t c);
static void begin_at_cheapest(struct program *program, size_t c, size_t from);
static uint64_t pair_key(size_t c, region_id primary, region_id backup);
static bool make_room(struct program *program);
static void remember_pair(struct program_pairs *known, uint64_t key);
static void add_allowances(struct program *program, size_t c);
static void add_allowance(struct program *program, struct allowance allowance);
static int compare_numbers(const void *a, const void *b);
static double target_scale(const struct scene_client *client, const double *target, size_t regions);

/* Allowances first, since pairs stand in their rows. */
void
program_add_clients(struct program *program)
{
	const struct scene *scene = program->scene;

	for (size_t c = 0; c < scene->client_count; c++) {
		program->first_allowance[c] = (uint32_t)program->allowance_count;
		if (scene->clients[c].planned)
			add_allowances(program, c);
		program->first_allowance[c + 1] = (uint32_t)program->allowance_count;
	}
	for (size_t c = 0; c < scene->client_count; c++) {
		program->first_column[c] = (uint32_t)program->column_count;
		if (scene->clients[c].planned)
			add_client(program, c);
		program->first_column[c + 1] = (uint32_t)program->column_count;
	}
}

static void
add_client(struct program *program, size_t c)
{
	double demand = program->scene->clients[c].demand;
	size_t from = program->column_count;

	program->client_row[c] = (uint32_t)program_add_row(program, (struct program_row){ .kind = ROW_CLIENT,
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
		program_add_column(program, (struct program_column){ .kind = COLUMN_KEPT, .primary = pair->primary,
			.backup = pair->backup, .client = (uint32_t)c, .basis = LP_AT_LOWER,
			.upper = pair->share < WHOLE ? pair->share * client->demand : INFINITY,
			.cost = scene_cost(program->scene, c, pair->primary, pair->backup) });
	}
}

/* Pairs among the nearest regions: where clients will most likely be. The rest is found by price. */
static void
add_nearest(struct program *program, size_t c)
{
	const struct scene_client *client = &program->scene->clients[c];
	unsigned nearest = program->scene->problem->nearest > 1 ? program->scene->problem->nearest : 2;

	if (client->order_count == 1)
		program_add_pair(program, c, client->order[0], NO_REGION);
	for (size_t i = 0, k = 0; i < client->order_count && k < nearest && client->order_count > 1; i++) {
		unsigned backups = program->warm ? 1 : nearest - 1;

		if (!region_set_has(&client->primaries, client->order[i]))
			continue;
		k++;
		for (size_t j = 0; j < client->order_count && backups > 0; j++) {
			if (j == i || !region_set_has(&client->backups, client->order[j]))
				continue;
			program_add_pair(program, c, client->order[i], client->order[j]);
			backups--;
		}
	}
}

void
program_add_spread(struct program *program)
{
	const struct scene *scene = program->scene;
	double room[REGIONS_MAX];

	for (size_t r = 0; r < scene->region_count; r++)
		room[r] = scene_limit(scene, 0, (region_id)r);
	for (size_t c = 0; c < scene->client_count; c++) {
		const struct scene_client *client = &scene->clients[c];
		double left = client->planned && client->order_count > 1 ? client->demand : 0;

		for (size_t i = 0; i < client->order_count && left > 0; i++) {
			region_id k = client->order[i];
			double amount = fmin(left, room[k]);

			if (!(amount > 0) || !region_set_has(&client->primaries, k))
				continue;
			room[k] -= amount;
			left -= amount;
			for (size_t j = 0; j < client->order_count; j++) {
				if (j != i && region_set_has(&client->backups, client->order[j])
				    && (j < 2 || j == i + 1))
					program_add_pair(program, c, k, client->order[j]);
			}
		}
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
	uint64_t key = pair_key(c, primary, backup);
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

/* Never 0, which is a free slot. */
static uint64_t
pair_key(size_t c, region_id primary, region_id backup)
{
	return ((uint64_t)c << 16 | (uint64_t)primary << 8 | backup) + 1;
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
	remember_pair(&program->known, pair_key(c, primary, backup));
	program_add_column(program, (struct program_column){ .kind = COLUMN_PAIR, .primary = primary, .backup = backup,
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
add_allowances(struct program *program, size_t c)
{
	const struct scene *scene = program->scene;
	const struct planner_clients *in = &scene->problem->clients[c];
	const struct scene_client *client = &scene->clients[c];
	double scale = in->target == NULL ? 0 : target_scale(client, in->target, scene->region_count);

	for (size_t i = 0; i < client->prior_count; i++) {
		const struct scene_prior *prior = &client->priors[i];

		if (prior->amount < WHOLE * client->demand)
			add_allowance(program, (struct allowance){ .client = (uint32_t)c, .churn = true,
				.region = prior->region, .amount = prior->amount, .cost = scene->churn });
	}
	for (size_t i = 0; scale > 0 && i < client->order_count; i++) {
		double free_of_cost = in->target[client->order[i]] * scale;

		if (free_of_cost > 0 && free_of_cost < WHOLE)
			add_allowance(program, (struct allowance){ .client = (uint32_t)c, .region = client->order[i],
				.amount = free_of_cost * client->demand, .cost = fmax(in->target_cost, 0) });
	}
}

static void
add_allowance(struct program *program, struct allowance allowance)
{
	if (!program_grow(program, (void **)&program->allowances, &program->allowance_size, program->allowance_count,
	    sizeof(allowance)))
		return;
	allowance.row = (uint32_t)program_add_row(program, (struct program_row){ .kind = ROW_ALLOWANCE,
		.client = allowance.client, .region = allowance.region, .scenario = (uint32_t)program->allowance_count,
		.lower = -INFINITY, .upper = allowance.amount, .basis = LP_BASIC });
	program_add_column(program, (struct program_column){ .kind = COLUMN_EXCESS, .client = allowance.client,
		.primary = allowance.region, .backup = NO_REGION, .of = (uint32_t)program->allowance_count,
		.cost = allowance.cost, .upper = INFINITY, .basis = LP_AT_LOWER });
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

/* ---- the pool ---------------------------------------------------------------------------------------------------- */

void
program_prune(struct program *program)
{
	size_t most = PROGRAM_POOL * program->scene->client_count, pairs = 0, kept = 0;
	double *reduced = malloc((program->column_count + 1) * sizeof(*reduced)), dearest;

	if (program->pruned || reduced == NULL) {
		free(reduced);
		return;		/* slower, not worse */
	}
	program->pruned = true;
	for (size_t i = 0; i < program->column_count; i++) {
		if (program->columns[i].kind == COLUMN_PAIR)
			reduced[pairs++] = program->columns[i].reduced;
	}
	qsort(reduced, pairs, sizeof(*reduced), compare_numbers);
	dearest = pairs > most ? reduced[most] : INFINITY;
	free(reduced);
	if (program->known.size > 0)
		memset(program->known.slots, 0, program->known.size * sizeof(*program->known.slots));
	program->known.used = 0;
	for (size_t i = 0; i < program->column_count; i++) {
		const struct program_column column = program->columns[i];

		if (column.kind == COLUMN_PAIR && column.basis != LP_BASIC && !(column.value > 0)
		    && column.reduced > dearest)
			continue;
		if (column.kind == COLUMN_PAIR)
			remember_pair(&program->known, pair_key(column.client, column.primary, column.backup));
		program->columns[kept++] = column;
	}
	program->column_count = kept;
}

static int
compare_numbers(const void *a, const void *b)
{
	const double *p = a, *q = b;

	return (*p > *q) - (*p < *q);
}
