/* generate.c -- the optimum over all rows and all legal pairs, by adding only those that matter.
 * In: a program with its first rows and columns.  Out: the same, optimal.  Threads: one per struct program.
 *
 * A world of 100 regions has 15,000 rows and, with 2,000 clients, 20 million pairs; a few hundred rows bind, and few
 * more columns than rows are used. So:
 *	1. solve what is there;
 *	2. rows that the solution passes are added: the loads of all scenarios follow from the pairs in use (loads.c);
 *	3. pairs that would pay at the present prices (negative reduced cost) are added. A primary that doesn't pay
 *	   with the cheapest backup that there could be is skipped with all its backups, so that 20 million cost what
 *	   200,000 do;
 *	4. again, until there are none. What is optimal for such a part is optimal for the whole.
 * So K nearest is where the search begins, and not a limit: where a price is high, more pairs come in.
 *
 * The clients' own errors are independent, so what a row keeps in reserve for them is z sqrt(sum of (e_c a_c)^2), a_c
 * being what c has there: the quantile of the row's sum, never a sum of quantiles (Bertsimas and Sim's budget is a
 * polyhedral form of the same). It is evaluated at the optimum, taken off the limit, and the program solved again,
 * warm, until no row lacks more than a part of its reserve. A reserve only grows within a solve, so that this ends. The
 * exact optimum by tangents (Kelley) was tried: thirty seconds where this takes a third of one, for a margin that is an
 * estimate. It begins with the reserves of the last solve where those are about what the last plan needs, so that an
 * unchanged problem is the same program again. */
#include "planner/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "planner/loads.h"
#include "planner/pricing.h"

#define NONE UINT32_MAX
/* A row is passed when it is by so much of its limit; a tenth of what the tests look at. */
#define PASSED 1e-7
/* A reserve may be short by this part of it: less than its estimates are sure of, and ten solves fewer. */
#define RESERVE_SHORT 0.05
/* Rows of one region that are added at once. The worst few cover most of the others: with all of them the programs grow
 * three times as large and slower; with one there are more rounds. */
#define ROWS_EACH 3

struct passed { double by; size_t scenario; };

static size_t add_pairs(struct program *program);
static size_t separate(struct program *program, struct loads *loads);
static size_t separate_region(struct program *program, const struct loads *loads, region_id region);
static void keep_worst(struct passed *worst, size_t *count, struct passed candidate);
static size_t raise_reserves(struct program *program, const struct loads *loads);
static size_t separate_entries(struct program *program, const struct loads *loads);

enum program_result
program_optimise(struct program *program)
{
	struct loads *loads = loads_new(program->scene);
	enum lp_method method = program->method;
	enum program_result result = loads == NULL ? PROGRAM_FAILED : PROGRAM_OPTIMAL;

	while (result == PROGRAM_OPTIMAL) {
		size_t rows, columns;

		result = program_solve(program, method);
		if (result != PROGRAM_OPTIMAL)
			break;
		if (!loads_compute(loads, program)) {
			result = PROGRAM_FAILED;
			break;
		}
		rows = separate(program, loads);
		columns = rows > 0 ? 0 : add_pairs(program);
		if (program->failed)
			result = PROGRAM_FAILED;
		if (rows == 0 && columns == 0 && raise_reserves(program, loads) == 0)
			break;
		method = columns > 0 ? LP_PRIMAL : LP_DUAL;
	}
	loads_free(loads);
	return result;
}

/* When time runs short, the best of the pairs that are there is good enough. */
static size_t
add_pairs(struct program *program)
{
	if (mono_ms_between(program->hurry, mono_now()) > 0)
		return 0;
	if (program->mode == PROGRAM_COST)	/* the other modes' prices say nothing of what will be needed */
		program_prune(program);
	return pricing_add(program);
}

/* Rows that the present loads pass. Their number. */
static size_t
separate(struct program *program, struct loads *loads)
{
	size_t added = 0;

	for (size_t r = 0; r < program->scene->region_count; r++) {
		if (region_set_has(&program->scene->live, (region_id)r))
			added += separate_region(program, loads, (region_id)r);
	}
	return added + (program->entry ? separate_entries(program, loads) : 0);
}

static size_t
separate_region(struct program *program, const struct loads *loads, region_id region)
{
	const struct scene *scene = program->scene;
	struct passed worst[ROWS_EACH];
	size_t count = 0;

	for (size_t s = 0; s < scene->scenario_count; s++) {
		size_t cell = s * scene->region_count + region;
		double limit = scene_limit(scene, s, region), by = loads->load[cell] - limit;

		if (program->fill_row[cell] == NONE && !region_set_has(&scene->scenarios[s].lost, region)
		    && by > PASSED * fmax(fabs(limit), 1))
			keep_worst(worst, &count, (struct passed){ by, s });
	}
	for (size_t i = 0; i < count; i++)
		program_add_fill(program, worst[i].scenario, region);
	return count;
}

static void
keep_worst(struct passed *worst, size_t *count, struct passed candidate)
{
	size_t at = *count < ROWS_EACH ? (*count)++ : ROWS_EACH;

	for (; at > 0 && worst[at - 1].by < candidate.by; at--) {
		if (at < ROWS_EACH)
			worst[at] = worst[at - 1];
	}
	if (at < ROWS_EACH)
		worst[at] = candidate;
}

/* Larger reserves for rows that lack them: as much as is right when load and reserve shrink alike. Their number. */
static size_t
raise_reserves(struct program *program, const struct loads *loads)
{
	struct scene *scene = program->scene;
	size_t raised = 0;

	for (size_t cell = 0; scene->error_z > 0 && cell < scene->scenario_count * scene->region_count; cell++) {
		size_t s = cell / scene->region_count, r = cell % scene->region_count;
		double reserve = loads_reserve(loads, scene, s, (region_id)r);
		double load = loads->load[cell], limit = scene_limit(scene, s, (region_id)r) + scene->reserve[cell];
		double right = limit * reserve / (load + reserve);

		/* A load that is past its limit anyway has no reserve that helps. */
		if (region_set_has(&scene->scenarios[s].lost, (region_id)r) || !(reserve > 0) || !isfinite(limit)
		    || limit - load >= (1 - RESERVE_SHORT) * reserve
		    || right - scene->reserve[cell] < RESERVE_SHORT / 10 * reserve)
			continue;
		scene->reserve[cell] = right;
		raised++;
	}
	if (raised > 0)
		program_limits(program);
	return raised;
}

static size_t
separate_entries(struct program *program, const struct loads *loads)
{
	size_t added = 0;

	for (size_t r = 0; r < program->scene->region_count; r++) {
		double room = program_entry_limit(program, (region_id)r);

		if (program->entry_row[r] != NONE || !(loads->arriving[r] > room + PASSED * fmax(room, 1)))
			continue;
		program_add_entry(program, (region_id)r);
		added++;
	}
	return added;
}
