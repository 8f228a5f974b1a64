/* loads.c -- loads and their variance in every scenario, from the pairs in use; and planner_loads().
 * In: a solved program, or a finished sharing.  Out: a table by scenario and region.  Threads: one.
 *
 * loads_compute() passes once over the pairs in use: a pair counts at its primary, and moves in the scenarios that lose
 * it; everything else is as in scenario 0. Errors of different clients are independent, so their variances add up; what
 * one client has in one region by several pairs errs as one.
 * planner_loads() is the plain definition that all of this must agree with. */
#include "planner/loads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct moved { size_t cell; region_id region; double amount; };

static bool group_by_client(struct loads *loads, const struct program *program);
static bool add_client(struct loads *loads, const struct program *program, size_t c);
static void add_normal(struct loads *loads, const struct program *program, size_t c, double *normal);
static size_t collect_moved(const struct loads *loads, const struct program *program, size_t c, struct moved *moved);
static double squared_error(const struct scene *scene, size_t c);
static bool in_use(const struct program_column *column);
static region_id walk(const struct planner_share *share, const struct plan_pair *pair, const struct region_set *lost);

struct loads *
loads_new(const struct scene *scene)
{
	size_t cells = scene->region_count * scene->scenario_count;
	struct loads *loads = calloc(1, sizeof(*loads));

	if (loads == NULL)
		return NULL;
	loads->load = calloc(2 * cells + scene->region_count + 1, sizeof(double));
	loads->starts = calloc(scene->client_count + 2, sizeof(uint32_t));
	if (loads->load == NULL || loads->starts == NULL) {
		loads_free(loads);
		return NULL;
	}
	loads->variance = loads->load + cells;
	loads->arriving = loads->variance + cells;
	return loads;
}

void
loads_free(struct loads *loads)
{
	if (loads == NULL)
		return;
	free(loads->load);
	free(loads->starts);
	free(loads->used);
	free(loads);
}

bool
loads_compute(struct loads *loads, const struct program *program)
{
	const struct scene *scene = program->scene;
	size_t regions = scene->region_count;

	memset(loads->load, 0, (2 * scene->scenario_count * regions + regions) * sizeof(double));
	if (!group_by_client(loads, program))
		return false;
	for (size_t c = 0; c < scene->client_count; c++) {
		if (loads->starts[c] < loads->starts[c + 1] && !add_client(loads, program, c))
			return false;
	}
	for (size_t s = 1; s < scene->scenario_count; s++) {
		for (size_t r = 0; r < regions; r++) {
			if (region_set_has(&scene->scenarios[s].lost, (region_id)r))
				continue;
			loads->load[s * regions + r] += loads->load[r];
			loads->variance[s * regions + r] += loads->variance[r];
		}
	}
	return true;
}

/* A counting sort. */
static bool
group_by_client(struct loads *loads, const struct program *program)
{
	size_t clients = program->scene->client_count;
	uint32_t *starts = loads->starts;

	if (loads->used_size < program->column_count) {
		uint32_t *used = realloc(loads->used, program->column_count * sizeof(*used));

		if (used == NULL)
			return false;
		loads->used = used;
		loads->used_size = program->column_count;
	}
	memset(starts, 0, (clients + 2) * sizeof(*starts));
	for (size_t i = 0; i < program->column_count; i++) {
		if (in_use(&program->columns[i]))
			starts[program->columns[i].client + 2]++;
	}
	for (size_t c = 2; c < clients + 2; c++)
		starts[c] += starts[c - 1];
	for (size_t i = 0; i < program->column_count; i++) {
		if (in_use(&program->columns[i]))
			loads->used[starts[program->columns[i].client + 1]++] = (uint32_t)i;
	}
	return true;
}

static bool
add_client(struct loads *loads, const struct program *program, size_t c)
{
	const struct scene *scene = program->scene;
	double normal[REGIONS_MAX] = { 0 }, error = squared_error(scene, c);
	size_t most = 0, count;
	struct moved few[64], *moved = few;

	for (uint32_t i = loads->starts[c]; i < loads->starts[c + 1]; i++)
		most += scene->of_region_count[program->columns[loads->used[i]].primary];
	if (most > 64 && (moved = malloc(most * sizeof(*moved))) == NULL)
		return false;
	add_normal(loads, program, c, normal);
	count = collect_moved(loads, program, c, moved);
	for (size_t i = 0; i < count; i++) {
		double amount = moved[i].amount;

		loads->load[moved[i].cell] += amount;
		loads->variance[moved[i].cell] += error * (2 * normal[moved[i].region] * amount + amount * amount);
	}
	if (moved != few)
		free(moved);
	return true;
}

static void
add_normal(struct loads *loads, const struct program *program, size_t c, double *normal)
{
	const struct scene_client *client = &program->scene->clients[c];
	double error = squared_error(program->scene, c);

	for (uint32_t i = loads->starts[c]; i < loads->starts[c + 1]; i++) {
		const struct program_column *pair = &program->columns[loads->used[i]];

		/* Variance and arrivals grow by the difference that this pair makes to its primary. */
		double before = normal[pair->primary], after = before + pair->value, prior = 0;

		for (size_t p = 0; p < client->prior_count; p++) {
			if (client->priors[p].region == pair->primary)
				prior = client->priors[p].amount;
		}
		loads->load[pair->primary] += pair->value;
		loads->variance[pair->primary] += error * (after * after - before * before);
		loads->arriving[pair->primary] += fmax(after - prior, 0) - fmax(before - prior, 0);
		normal[pair->primary] = after;
	}
}

/* What moves where, one entry for each cell. */
static size_t
collect_moved(const struct loads *loads, const struct program *program, size_t c, struct moved *moved)
{
	const struct scene *scene = program->scene;
	size_t count = 0;

	for (uint32_t i = loads->starts[c]; i < loads->starts[c + 1]; i++) {
		const struct program_column *pair = &program->columns[loads->used[i]];

		for (size_t j = 0; j < scene->of_region_count[pair->primary]; j++) {
			size_t s = scene->of_region[pair->primary][j], m = 0;
			region_id at = scene_landing(scene, c, pair->primary, pair->backup, s);

			if (at == NO_REGION)
				continue;
			while (m < count && moved[m].cell != s * scene->region_count + at)
				m++;
			if (m == count)
				moved[count++] = (struct moved){ s * scene->region_count + at, at, 0 };
			moved[m].amount += pair->value;
		}
	}
	return count;
}

double
loads_reserve(const struct loads *loads, const struct scene *scene, size_t s, region_id region)
{
	double variance = loads->variance[s * scene->region_count + region];

	return variance > 0 ? scene->error_z * sqrt(variance) : 0;
}

static double
squared_error(const struct scene *scene, size_t c)
{
	double error = scene->problem->clients[c].error;

	return error > 0 && isfinite(error) ? error * error : 0;
}

static bool
in_use(const struct program_column *column)
{
	return (column->kind == COLUMN_PAIR || column->kind == COLUMN_KEPT) && column->value > 0;
}

/* ---- the definition ---------------------------------------------------------------------------------------------- */

void
planner_loads(const struct planner_problem *problem, const struct planner_share *shares, struct region_set lost,
    double *loads, double *unserved)
{
	lost = region_set_or(lost, problem->dead);
	memset(loads, 0, problem->region_count * sizeof(*loads));
	for (size_t c = 0; c < problem->client_count; c++) {
		double demand = problem->clients[c].demand;

		if (shares[c].pair_count == 0)
			*unserved += demand;
		for (size_t i = 0; i < shares[c].pair_count; i++) {
			const struct plan_pair *pair = &shares[c].pairs[i];
			region_id at = walk(&shares[c], pair, &lost);

			if (pair->primary == NO_REGION)
				continue;	/* shed: a static answer is an answer */
			if (at == NO_REGION)
				*unserved += demand * pair->share;
			else
				loads[at] += demand * pair->share;
		}
	}
}

static region_id
walk(const struct planner_share *share, const struct plan_pair *pair, const struct region_set *lost)
{
	if (!region_set_has(lost, pair->primary))
		return pair->primary;
	if (pair->backup != NO_REGION && !region_set_has(lost, pair->backup))
		return pair->backup;
	for (size_t i = 0; i < share->order_count; i++) {
		if (!region_set_has(lost, share->order[i]))
			return share->order[i];
	}
	return NO_REGION;
}
