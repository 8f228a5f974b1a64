/* relax.c -- what gives way when not everything can be had.
 * In: a program.  Out: its optimum under the rules that are left, and the steps that led there.  Threads: one.
 *
 * The order, each step only if the ones before weren't enough (STEERING in the manual, isobar-steering(7)):
 *	1. margins: h0, h1 and the reserves for forecast errors, to 1, of those rows only that need it: what else gives
 *	   way is found without any margins, and then they come back as far as they can (keep_margins()). So a shortage
 *	   of one country costs no region elsewhere its reserve;
 *	2. (K nearest is no limit here: generate.c looks at all legal pairs from the start;)
 *	3. latency caps, of those clients only that need more;
 *	4. loss rows, of the least probable loss, one after the other. A loss is passed over when its rows have no part
 *	   in the conflict: dropping them wouldn't help. Rows that gave way still cost SCENE_OVERLOAD_MS, so what is
 *	   beyond them is as little as it can be;
 *	5. normal loads: the least greatest load / capacity (overfull.c);
 *	6. classes are shed, as far as that saves others from 5.
 * 5 and 6 are computed before 4, since they don't depend on it: if normal loads can't fit, all loss rows together are
 * in conflict with them, and would all be dropped, when most of them have nothing to do with it.
 * Residency isn't among the steps: there are no columns that could break it. */
#include "planner/relax.h"

#include <math.h>
#include <string.h>

#include "planner/generate.h"
#include "planner/overfull.h"
#include "planner/words.h"

/* Scaled; 10^-9 of all demand is the solver's rounding. */
#define WITHIN (1e-9 * SCENE_TOTAL)
#define PRICED 1e-7

static enum program_result try_within(struct program *program, bool *within);
static bool lacks_in_all(const struct scene *scene);
static enum program_result relax_beyond_margins(struct program *program, struct relaxation *made);
static bool has_margins(const struct scene *scene);
static enum program_result keep_margins(struct program *program, const struct scene *before, struct relaxation *made);
static enum program_result relax_caps(struct program *program, struct relaxation *made, bool *within);
static enum program_result keep_other_caps(struct program *program, bool *lifted);
static bool lift_caps(struct scene *scene, bool *lifted);
static void set_caps(struct scene *scene, const bool *lifted);
static bool relax_levels(struct program *program, struct overfull *overfull);
static bool relax_short_losses(struct scene *scene, struct relaxation *made);
static size_t next_loss(const struct scene *scene, const bool *done);
static enum program_result relax_losses(struct program *program, struct relaxation *made);
static size_t least_probable(const struct program *program);
static bool relax_all_passed(struct program *program, struct relaxation *made);
static enum program_result optimise_in(struct program *program, enum program_mode mode);

enum program_result
relax_optimise(struct program *program, struct relaxation *made)
{
	struct scene before = *program->scene;
	size_t cells = before.scenario_count * before.region_count;
	bool within = false;
	enum program_result result;

	before.reserve = arena_alloc(before.arena, (cells + 1) * sizeof(*before.reserve));
	if (before.reserve == NULL)
		return PROGRAM_FAILED;
	memcpy(before.reserve, program->scene->reserve, cells * sizeof(*before.reserve));
	result = try_within(program, &within);
	if (result != PROGRAM_OPTIMAL || within)
		return result;
	if (!has_margins(&before))
		return relax_beyond_margins(program, made);
	made->margins = words_why(program);
	if (made->margins == NULL)
		return PROGRAM_FAILED;
	relax_drop_margins(program->scene);
	program_limits(program);
	result = try_within(program, &within);
	if (result == PROGRAM_OPTIMAL && !within)
		result = relax_beyond_margins(program, made);
	return result == PROGRAM_OPTIMAL ? keep_margins(program, &before, made) : result;
}

/* What else gives way, from caps on. */
static enum program_result
relax_beyond_margins(struct program *program, struct relaxation *made)
{
	struct overfull overfull;
	bool within;
	enum program_result result = relax_caps(program, made, &within);

	if (result != PROGRAM_OPTIMAL || within)
		return result;
	if (!relax_levels(program, &overfull) || !relax_short_losses(program->scene, made))
		return PROGRAM_FAILED;
	result = relax_losses(program, made);
	if (result != PROGRAM_OPTIMAL)
		return result;
	return relax_note_levels(program->scene, &overfull, made) ? PROGRAM_OPTIMAL : PROGRAM_FAILED;
}

/* A world that lacks capacity in all needs no solver to see it; solvers take longest over what can't be. */
static enum program_result
try_within(struct program *program, bool *within)
{
	if (!lacks_in_all(program->scene))
		return relax_within(program, within);
	program_add_spread(program);
	return PROGRAM_OPTIMAL;
}

static bool
lacks_in_all(const struct scene *scene)
{
	for (size_t s = 0; s < scene->scenario_count; s++) {
		struct region_set left = region_set_minus(scene->live, scene->scenarios[s].lost);
		double room = 0, demand = 0;

		for (size_t r = 0; r < scene->region_count; r++)
			room += region_set_has(&left, (region_id)r) ? scene_limit(scene, s, (region_id)r) : 0;
		for (size_t c = 0; c < scene->client_count; c++) {
			const struct scene_client *client = &scene->clients[c];

			if (client->planned && !region_set_is_empty(region_set_and(client->legal, left)))
				demand += client->demand;
		}
		if (demand > room + WITHIN)
			return true;
	}
	return false;
}

/* By cost first, since nearly always that is within the limits. If not, the least over decides; if that is 0 after all,
 * a limit was dearer than over_cost, which is raised. */
enum program_result
relax_within(struct program *program, bool *within)
{
	enum program_result result = PROGRAM_OPTIMAL;

	*within = false;
	for (int raised = 0; raised < 4; raised++) {
		result = optimise_in(program, PROGRAM_COST);
		if (result != PROGRAM_OPTIMAL || program_over(program) <= WITHIN) {
			*within = result == PROGRAM_OPTIMAL;
			return result;
		}
		if (raised == 0) {
			result = optimise_in(program, PROGRAM_OVER);
			if (result != PROGRAM_OPTIMAL || program_over(program) > WITHIN)
				return result;
		}
		program->over_cost *= 30;
	}
	*within = true;		/* the least over was 0; what is left is rounding */
	return result;
}

static enum program_result
optimise_in(struct program *program, enum program_mode mode)
{
	program->method = program->mode == mode ? LP_DUAL : LP_PRIMAL;
	program->mode = mode;
	return program_optimise(program);
}

/* ---- margins ----------------------------------------------------------------------------------------------------- */

static bool
has_margins(const struct scene *scene)
{
	return scene->normal_limit < 1 || scene->loss_limit < 1 || scene->margin > 1 || scene->error_z > 0;
}

/* They come back where they can: a row takes of its margin only what it can't do without. `before`: the scene with
 * them. */
static enum program_result
keep_margins(struct program *program, const struct scene *before, struct relaxation *made)
{
	struct scene *scene = program->scene;
	bool within;

	if (mono_ms_between(program->hurry, mono_now()) > 0)
		return relax_note(scene, made, RELAX_MARGINS, arena_printf(scene->arena, "margins: regions may be "
		    "filled to 1 of their capacity, not %.3g and %.3g after a loss, with no reserve for errors of "
		    "forecasts",
		    before->normal_limit, before->loss_limit), made->margins) ? PROGRAM_OPTIMAL : PROGRAM_FAILED;
	scene->normal_limit = before->normal_limit;
	scene->loss_limit = before->loss_limit;
	scene->margin = before->margin;
	scene->error_z = before->error_z;
	scene->reserve = before->reserve;	/* and not what was needed for what can't be */
	program_yield_margins(program);
	program->over_cost = fmax(program->over_cost, 10 * SCENE_MARGIN_MS);
	return relax_within(program, &within);
}

void
relax_drop_margins(struct scene *scene)
{
	scene->normal_limit = fmax(scene->normal_limit, 1);
	scene->loss_limit = fmax(scene->loss_limit, 1);
	scene->margin = 1;
	scene->error_z = 0;
	for (size_t cell = 0; cell < scene->scenario_count * scene->region_count; cell++)
		scene->reserve[cell] = 0;
}

/* ---- latency caps ------------------------------------------------------------------------------------------------ */

bool
relax_impossible_caps(struct scene *scene, struct relaxation *made)
{
	bool *lifted = arena_alloc(scene->arena, scene->client_count + 1), any = false;
	const char *names;

	if (lifted == NULL)
		return false;
	for (size_t c = 0; c < scene->client_count; c++) {
		lifted[c] = scene->clients[c].planned && region_set_is_empty(scene->clients[c].primaries);
		any = any || lifted[c];
	}
	if (!any)
		return true;
	names = words_clients(scene, lifted);
	set_caps(scene, lifted);
	return names != NULL && relax_note(scene, made, RELAX_LATENCY,
	    arena_printf(scene->arena, "latency caps of %s", names), "no legal region is as near");
}

static enum program_result
relax_caps(struct program *program, struct relaxation *made, bool *within)
{
	struct scene *scene = program->scene;
	bool *lifted = arena_alloc(scene->arena, scene->client_count + 1);
	const char *why = words_why(program), *names;
	enum program_result result;

	*within = false;
	if (lifted == NULL || why == NULL)
		return PROGRAM_FAILED;
	if (!lift_caps(scene, lifted))
		return PROGRAM_OPTIMAL;
	result = optimise_in(program, PROGRAM_OVER);
	if (result != PROGRAM_OPTIMAL)
		return result;
	if (program_over(program) <= WITHIN)
		result = keep_other_caps(program, lifted);
	names = words_clients(scene, lifted);
	if (result == PROGRAM_OPTIMAL && (names == NULL || !relax_note(scene, made, RELAX_LATENCY,
	    arena_printf(scene->arena, "latency caps of %s", names), why)))
		return PROGRAM_FAILED;
	return result == PROGRAM_OPTIMAL ? relax_within(program, within) : result;
}

/* All that are in force. false: there are none. */
static bool
lift_caps(struct scene *scene, bool *lifted)
{
	bool any = false;

	for (size_t c = 0; c < scene->client_count; c++) {
		const struct scene_client *client = &scene->clients[c];

		for (size_t i = 0; client->planned && !client->cap_lifted && i < client->order_count; i++)
			lifted[c] = lifted[c] || scene_beyond_cap(scene, c, client->order[i]);
		any = any || lifted[c];
	}
	set_caps(scene, lifted);
	return any;
}

/* The least demand beyond caps that is within the limits: only whoever has a part in it needs its cap lifted. */
static enum program_result
keep_other_caps(struct program *program, bool *lifted)
{
	struct scene *scene = program->scene;
	enum program_result result = optimise_in(program, PROGRAM_CAPS);
	bool *kept = arena_alloc(scene->arena, scene->client_count + 1);

	if (result != PROGRAM_OPTIMAL || kept == NULL)
		return kept == NULL ? PROGRAM_FAILED : result;
	for (size_t c = 0; c < scene->client_count; c++) {
		kept[c] = lifted[c];
		lifted[c] = false;
	}
	for (size_t i = 0; i < program->column_count; i++) {
		const struct program_column *column = &program->columns[i];

		if ((column->kind == COLUMN_PAIR || column->kind == COLUMN_KEPT) && column->value > WITHIN / 10
		    && kept[column->client]
		    && program_beyond(program, column->client, column->primary, column->backup) > 0)
			lifted[column->client] = true;
	}
	for (size_t c = 0; c < scene->client_count; c++) {
		if (!kept[c] || lifted[c])
			continue;
		scene->clients[c].cap_lifted = false;
		scene_allow(scene, c);
	}
	return PROGRAM_OPTIMAL;
}

static void
set_caps(struct scene *scene, const bool *lifted)
{
	for (size_t c = 0; c < scene->client_count; c++) {
		if (!lifted[c])
			continue;
		scene->clients[c].cap_lifted = true;
		scene_allow(scene, c);
	}
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* Losses that can't be borne even alone have to give way in any case: their minimal cuts show it without a program.
 * From the least probable on. */
static bool
relax_short_losses(struct scene *scene, struct relaxation *made)
{
	bool *done = arena_alloc(scene->arena, scene->scenario_count);
	struct mincut cut = { .clients = arena_alloc(scene->arena, scene->client_count + 1) };
	size_t s;

	if (done == NULL || cut.clients == NULL)
		return false;
	while ((s = next_loss(scene, done)) != SIZE_MAX) {
		double missing;

		done[s] = true;
		if (!words_shortage(scene, s, &cut, &missing))
			return false;
		if (!(missing > 0))
			continue;
		scene->scenarios[s].relaxed = true;
		if (!relax_note(scene, made, RELAX_LOSS, arena_printf(scene->arena, "loss of %s", scene_name(scene, s)),
		    words_cut(scene, s, &cut)))
			return false;
	}
	return true;
}

/* The least probable that isn't done; of equals the later one, so that risk groups go before single regions. */
static size_t
next_loss(const struct scene *scene, const bool *done)
{
	size_t least = SIZE_MAX;

	for (size_t s = 1; s < scene->scenario_count; s++) {
		if (!done[s] && (least == SIZE_MAX
		    || !(scene->scenarios[s].failure > scene->scenarios[least].failure)))
			least = s;
	}
	return least;
}

/* Losses that exclude each other. Solved by cost in the end. */
static enum program_result
relax_losses(struct program *program, struct relaxation *made)
{
	struct scene *scene = program->scene;

	for (;;) {
		bool within;
		enum program_result result = relax_within(program, &within);
		size_t s;

		if (result != PROGRAM_OPTIMAL || within)
			return result;
		if (mono_ms_between(program->hurry, mono_now()) > 0) {
			if (!relax_all_passed(program, made))
				return optimise_in(program, PROGRAM_COST);
			continue;
		}
		s = least_probable(program);
		if (s == SIZE_MAX)
			return optimise_in(program, PROGRAM_COST);
		if (!relax_note(scene, made, RELAX_LOSS, arena_printf(scene->arena, "loss of %s", scene_name(scene, s)),
		    words_why_lost(program, s)))
			return PROGRAM_FAILED;
		scene->scenarios[s].relaxed = true;
	}
}

/* Of the losses with a part in the conflict; of equals the later one, so that risk groups go before single regions. */
static size_t
least_probable(const struct program *program)
{
	const struct scene *scene = program->scene;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < program->row_count; i++) {
		const struct program_row *row = &program->rows[i];
		size_t s = row->scenario;

		if (row->kind != ROW_FILL || s == 0 || !(row->dual < -PRICED) || scene->scenarios[s].relaxed)
			continue;
		if (least == SIZE_MAX || scene->scenarios[s].failure < scene->scenarios[least].failure
		    || (!(scene->scenarios[s].failure > scene->scenarios[least].failure) && s > least))
			least = s;
	}
	return least;
}

/* No time to look for the fewest. */
static bool
relax_all_passed(struct program *program, struct relaxation *made)
{
	struct scene *scene = program->scene;
	bool any = false;

	for (size_t i = 0; i < program->row_count; i++) {
		const struct program_row *row = &program->rows[i];
		struct scenario *s = &scene->scenarios[row->scenario];

		if (row->kind != ROW_FILL || row->scenario == 0 || s->relaxed || !(row->dual < -PRICED))
			continue;
		s->relaxed = any = true;
		if (!relax_note(scene, made, RELAX_LOSS, arena_printf(scene->arena, "loss of %s",
		    scene_name(scene, row->scenario)), words_why_lost(program, row->scenario)))
			return false;
	}
	return any;
}

/* ---- levels and shed classes ------------------------------------------------------------------------------------- */

static bool
relax_levels(struct program *program, struct overfull *overfull)
{
	if (!overfull_find(program->scene, overfull))
		return false;
	for (unsigned class = 1; class < MINCUT_TIERS; class++) {
		if (overfull->shed[class] > 0)
			program_add_class(program, class, overfull->shed[class]);
	}
	program_limits(program);
	return !program->failed;
}
