/* memory.c -- the end of one solve as the beginning of the next.
 * In: a solved program; later a new one.  Out: basis, rows and reserves of the old one in the new.  Threads: one; it
 * owns its arena.
 *
 * Regions, clients and risk groups may have come and gone, so all is kept by name. What has no counterpart is left out;
 * the solver mends a basis that lacks something. Nothing here changes the optimum, only the way there -- but for
 * reserves, which are right within a few percent only (generate.c): with those of the last solve, an unchanged problem
 * is the very same program, and its plan stays the same. */
#include "planner/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
/* A reserve is taken over when what the last plan needs of it today differs by less than this part from what it needed
 * then. A few percent are noise in the forecasts of errors. */
#define NEED_CLOSE 0.1
/* A reserve may exceed what is needed, since it was evaluated before the last moves of its solve. Were it taken back at
 * once, the next plan would move into the room; but it mustn't grow stale. */
#define RESERVE_MOST 2.5

struct pair { uint32_t client; region_id primary, backup; };

/* A scenario by what it loses: a region, a risk group, or NONE for both: nothing. */
struct cell { uint32_t lost, risk_group; region_id region; bool binds; double reserve, needed; };

struct memory {
	struct arena *arena;
	size_t client_count, region_count, group_count, pair_count, cell_count;
	const char **clients, **regions, **groups;
	struct pair *pairs;		/* basic ones */
	struct cell *cells;		/* that bind, or have a reserve; in requests/s */
};

struct name { const char *text; uint32_t index; };

static bool keep_names(struct memory *memory, const struct planner_problem *problem);
static bool keep_pairs(struct memory *memory, const struct program *program);
static bool keep_cells(struct memory *memory, const struct program *program, const struct loads *loads);
static uint32_t *match(const char **old, size_t old_count, struct name *names, size_t count);
static void recall_pairs(const struct memory *memory, struct program *program, const uint32_t *clients,
	const uint32_t *regions);
static void recall_cells(const struct memory *memory, struct program *program, const uint32_t *regions,
	const uint32_t *groups);
static void take_reserve(struct scene *scene, size_t i, const struct cell *cell, double needed);
static double *needed_today(struct program *program);
static size_t find_scenario(const struct scene *scene, uint32_t lost, uint32_t risk_group);
static int compare_names(const void *a, const void *b);

struct memory *
memory_new(const struct program *program, const struct loads *loads)
{
	struct arena *arena = arena_new();
	struct memory *memory = arena == NULL ? NULL : arena_alloc(arena, sizeof(*memory));

	if (memory == NULL) {
		arena_free(arena);
		return NULL;
	}
	memory->arena = arena;
	if (!keep_names(memory, program->scene->problem) || !keep_pairs(memory, program)
	    || !keep_cells(memory, program, loads)) {
		arena_free(arena);
		return NULL;
	}
	return memory;
}

void
memory_free(struct memory *memory)
{
	if (memory != NULL)
		arena_free(memory->arena);
}

static bool
keep_names(struct memory *memory, const struct planner_problem *problem)
{
	bool good = true;

	memory->client_count = problem->client_count;
	memory->region_count = problem->region_count;
	memory->group_count = problem->risk_group_count;
	memory->clients = arena_alloc(memory->arena, (problem->client_count + 1) * sizeof(*memory->clients));
	memory->regions = arena_alloc(memory->arena, (problem->region_count + 1) * sizeof(*memory->regions));
	memory->groups = arena_alloc(memory->arena, (problem->risk_group_count + 1) * sizeof(*memory->groups));
	if (memory->clients == NULL || memory->regions == NULL || memory->groups == NULL)
		return false;
	for (size_t i = 0; i < problem->client_count; i++)
		good = good && (memory->clients[i] = arena_text(memory->arena, problem->clients[i].name)) != NULL;
	for (size_t i = 0; i < problem->region_count; i++)
		good = good && (memory->regions[i] = arena_text(memory->arena, problem->regions[i].name)) != NULL;
	for (size_t i = 0; i < problem->risk_group_count; i++)
		good = good && (memory->groups[i] = arena_text(memory->arena, problem->risk_groups[i].name)) != NULL;
	return good;
}

static bool
keep_pairs(struct memory *memory, const struct program *program)
{
	memory->pairs = arena_alloc(memory->arena, (program->column_count + 1) * sizeof(*memory->pairs));
	if (memory->pairs == NULL)
		return false;
	for (size_t i = 0; i < program->column_count; i++) {
		const struct program_column *column = &program->columns[i];

		if (column->basis == LP_BASIC && (column->kind == COLUMN_PAIR || column->kind == COLUMN_KEPT))
			memory->pairs[memory->pair_count++] = (struct pair){ column->client, column->primary,
				column->backup };
	}
	return true;
}

static bool
keep_cells(struct memory *memory, const struct program *program, const struct loads *loads)
{
	const struct scene *scene = program->scene;

	memory->cells = arena_alloc(memory->arena,
	    (scene->scenario_count * scene->region_count + 1) * sizeof(*memory->cells));
	if (memory->cells == NULL)
		return false;
	for (size_t i = 0; i < scene->scenario_count * scene->region_count; i++) {
		const struct scenario *s = &scene->scenarios[i / scene->region_count];
		bool binds = program->fill_row[i] != NONE && program->rows[program->fill_row[i]].basis != LP_BASIC;

		if (binds || scene->reserve[i] > 0)
			memory->cells[memory->cell_count++] = (struct cell){ .binds = binds,
				.region = (region_id)(i % scene->region_count),
				.lost = s->region == NO_REGION ? NONE : s->region,
				.risk_group = s->risk_group == SIZE_MAX ? NONE : (uint32_t)s->risk_group,
				.reserve = scene->reserve[i] * scene->unit,
				.needed = scene->unit * loads_reserve(loads, scene, i / scene->region_count,
				    (region_id)(i % scene->region_count)) };
	}
	return true;
}

/* ---- into a new program ------------------------------------------------------------------------------------------ */

void
memory_recall(const struct memory *memory, struct program *program)
{
	const struct planner_problem *problem = program->scene->problem;
	size_t most = problem->client_count + problem->region_count + problem->risk_group_count;
	struct name *names = malloc((most + 1) * sizeof(*names));
	uint32_t *clients = NULL, *regions = NULL, *groups = NULL;

	if (names == NULL)
		return;		/* slower, not worse */
	for (size_t i = 0; i < problem->client_count; i++)
		names[i] = (struct name){ problem->clients[i].name, (uint32_t)i };
	clients = match(memory->clients, memory->client_count, names, problem->client_count);
	for (size_t i = 0; i < problem->region_count; i++)
		names[i] = (struct name){ problem->regions[i].name, (uint32_t)i };
	regions = match(memory->regions, memory->region_count, names, problem->region_count);
	for (size_t i = 0; i < problem->risk_group_count; i++)
		names[i] = (struct name){ problem->risk_groups[i].name, (uint32_t)i };
	groups = match(memory->groups, memory->group_count, names, problem->risk_group_count);
	if (clients != NULL && regions != NULL && groups != NULL) {
		recall_pairs(memory, program, clients, regions);
		recall_cells(memory, program, regions, groups);
	}
	free(names);
	free(clients);
	free(regions);
	free(groups);
}

/* By old index, the new one or NONE. Sorts `names`. */
static uint32_t *
match(const char **old, size_t old_count, struct name *names, size_t count)
{
	uint32_t *indices = malloc((old_count + 1) * sizeof(*indices));

	if (indices == NULL)
		return NULL;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < old_count; i++) {
		size_t low = 0, high = count;

		while (low < high) {
			size_t middle = (low + high) / 2;

			if (strcmp(names[middle].text, old[i]) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		indices[i] = low < count && strcmp(names[low].text, old[i]) == 0 ? names[low].index : NONE;
	}
	return indices;
}

static int
compare_names(const void *a, const void *b)
{
	const struct name *p = a, *q = b;
	int order = strcmp(p->text, q->text);

	return order != 0 ? order : (p->index > q->index) - (p->index < q->index);
}

static void
recall_pairs(const struct memory *memory, struct program *program, const uint32_t *clients, const uint32_t *regions)
{
	uint32_t last = NONE;

	for (size_t i = 0; i < memory->pair_count; i++) {
		const struct pair *pair = &memory->pairs[i];
		uint32_t c = clients[pair->client], k = regions[pair->primary];
		uint32_t b = pair->backup == NO_REGION ? NO_REGION : regions[pair->backup];

		if (c == NONE || k == NONE || b == NONE)
			continue;
		program_make_basic(program, c, (region_id)k, (region_id)b, c != last);
		last = c;
	}
}

static void
recall_cells(const struct memory *memory, struct program *program, const uint32_t *regions, const uint32_t *groups)
{
	struct scene *scene = program->scene;
	double *needed = scene->error_z > 0 ? needed_today(program) : NULL;

	for (size_t i = 0; i < memory->cell_count; i++) {
		const struct cell *cell = &memory->cells[i];
		uint32_t r = regions[cell->region];
		uint32_t lost = cell->lost == NONE ? NONE : regions[cell->lost];
		uint32_t group = cell->risk_group == NONE ? NONE : groups[cell->risk_group];
		size_t s = find_scenario(scene, lost, group);
		bool gone = (cell->lost != NONE && lost == NONE) || (cell->risk_group != NONE && group == NONE);

		if (r == NONE || gone || s == SIZE_MAX || region_set_has(&scene->scenarios[s].lost, (region_id)r)
		    || !isfinite(scene_limit(scene, s, (region_id)r)))
			continue;
		if (needed != NULL)
			take_reserve(scene, s * scene->region_count + r, cell, needed[s * scene->region_count + r]);
		if (!cell->binds)
			continue;
		if (program->fill_row[s * scene->region_count + r] == NONE)
			program_add_fill(program, s, (region_id)r);
		if (!program->failed)
			program->rows[program->fill_row[s * scene->region_count + r]].basis = LP_AT_UPPER;
	}
	free(needed);
	program_limits(program);
}

static void
take_reserve(struct scene *scene, size_t i, const struct cell *cell, double needed)
{
	double then = cell->needed / scene->unit, reserve = cell->reserve / scene->unit;

	if (fabs(needed - then) <= NEED_CLOSE * then && reserve <= RESERVE_MOST * needed)
		scene->reserve[i] = reserve;
}

/* By cell, what the last plan needs by today's demand and errors. NULL: out of memory. */
static double *
needed_today(struct program *program)
{
	const struct scene *scene = program->scene;
	size_t cells = scene->scenario_count * scene->region_count;
	struct loads *loads = loads_new(scene);
	double *needed = malloc((cells + 1) * sizeof(*needed));

	program_value_last_plan(program);
	if (loads == NULL || needed == NULL || !loads_compute(loads, program)) {
		loads_free(loads);
		free(needed);
		return NULL;
	}
	for (size_t i = 0; i < cells; i++)
		needed[i] = loads_reserve(loads, scene, i / scene->region_count, (region_id)(i % scene->region_count));
	loads_free(loads);
	return needed;
}

static size_t
find_scenario(const struct scene *scene, uint32_t lost, uint32_t risk_group)
{
	for (size_t s = 0; s < scene->scenario_count; s++) {
		const struct scenario *scenario = &scene->scenarios[s];

		if ((scenario->region == NO_REGION ? NONE : scenario->region) == lost
		    && (scenario->risk_group == SIZE_MAX ? NONE : (uint32_t)scenario->risk_group) == risk_group)
			return s;
	}
	return SIZE_MAX;
}
