/* words.c -- why a plan can't have all that it should.
 * In: a program that can't be kept within its limits.  Out: a sentence in the scene's arena.  Threads: one.
 *
 * If one scenario alone is short, its minimal cut says all there is to say: who needs how much, and where there's room
 * for how much less. If each could be served alone, but no one choice of pairs serves all, the prices of PROGRAM_OVER
 * are the proof (Farkas): the rows with a price exclude each other for the clients with one. */
#include "planner/words.h"

#include <math.h>
#include <stdio.h>

#define NAMED_MOST 3
#define LEAST (1e-9 * SCENE_TOTAL)
#define PRICED 1e-7

static const char *conflict(const struct program *program);
static const char *join(const struct scene *scene, const char *list, const char *name, size_t count);
static const char *and_more(const struct scene *scene, const char *list, size_t count);

const char *
words_why(const struct program *program)
{
	const struct scene *scene = program->scene;
	struct mincut worst = { 0 }, cut = { 0 };
	size_t at = SIZE_MAX;
	double most = 0;

	for (size_t s = 0; s < scene->scenario_count; s++) {
		double missing;

		cut.clients = arena_alloc(scene->arena, scene->client_count + 1);
		if (cut.clients == NULL || !words_shortage(scene, s, &cut, &missing))
			return NULL;
		if (missing > most) {
			most = missing;
			worst = cut;
			at = s;
		}
	}
	return at == SIZE_MAX ? conflict(program) : words_cut(scene, at, &worst);
}

const char *
words_why_lost(const struct program *program, size_t s)
{
	const struct scene *scene = program->scene;
	struct mincut cut = { .clients = arena_alloc(scene->arena, scene->client_count + 1) };
	double missing;

	if (cut.clients == NULL || !words_shortage(scene, s, &cut, &missing))
		return NULL;
	return missing > 0 ? words_cut(scene, s, &cut) : conflict(program);
}

bool
words_shortage(const struct scene *scene, size_t s, struct mincut *cut, double *missing)
{
	struct mincut_demand *demands = arena_alloc(scene->arena, (scene->client_count + 1) * sizeof(*demands));
	double room[REGIONS_MAX];

	if (demands == NULL)
		return false;
	for (size_t r = 0; r < scene->region_count; r++)
		room[r] = fmax(scene_limit(scene, s, (region_id)r), 0);
	for (size_t c = 0; c < scene->client_count; c++) {
		const struct scene_client *client = &scene->clients[c];
		struct region_set reach = client->primaries;

		if (s > 0)
			reach = region_set_or(reach, client->backups);
		if (client->planned)
			demands[c] = (struct mincut_demand){ .amount = client->demand,
				.reach = region_set_minus(reach, scene->scenarios[s].lost) };
	}
	return mincut_find(demands, scene->client_count, room, scene->region_count, LEAST, cut, missing);
}

const char *
words_cut(const struct scene *scene, size_t s, const struct mincut *cut)
{
	char need[WORDS_RATE_SIZE], have[WORDS_RATE_SIZE];
	const char *clients = words_clients(scene, cut->clients), *regions = words_regions(scene, cut->regions);

	if (clients == NULL || regions == NULL)
		return NULL;
	words_rate(cut->demand * scene->unit, need);
	words_rate(cut->room * scene->unit, have);
	return arena_printf(scene->arena,
	    "%s%s%sclients of %s need %s requests/s, their legal regions %s have room for %s", s == 0 ? "" : "if ",
	    s == 0 ? "" : scene_name(scene, s), s == 0 ? "" : " is lost, ", clients, need, regions, have);
}

static const char *
conflict(const struct program *program)
{
	const struct scene *scene = program->scene;
	bool *clients = arena_alloc(scene->arena, scene->client_count + 1);
	const char *list = "", *names;
	char over[WORDS_RATE_SIZE];
	size_t count = 0;

	if (clients == NULL)
		return NULL;
	for (size_t i = 0; i < program->row_count && list != NULL; i++) {
		const struct program_row *row = &program->rows[i];
		const char *region = row->kind == ROW_FILL ? scene->problem->regions[row->region].name : "";

		if (row->kind == ROW_CLIENT && row->dual > PRICED)
			clients[row->client] = true;
		if (row->kind != ROW_FILL || !(row->dual < -PRICED))
			continue;
		if (count < NAMED_MOST && row->scenario > 0)
			region = arena_printf(scene->arena, "%s (if %s is lost)", region,
			    scene_name(scene, row->scenario));
		list = region == NULL ? NULL : join(scene, list, region, count++);
	}
	list = list == NULL ? NULL : and_more(scene, list, count);
	names = words_clients(scene, clients);
	if (list == NULL || names == NULL)
		return NULL;
	return arena_printf(scene->arena, "for clients of %s no choice of backups keeps all of %s within their limits: "
	    "%s requests/s are too many", names, list, words_rate(program_over(program) * scene->unit, over));
}

/* ---- lists and numbers ------------------------------------------------------------------------------------------- */

const char *
words_clients(const struct scene *scene, const bool *clients)
{
	const char *list = "";
	size_t count = 0;

	for (size_t c = 0; c < scene->client_count && list != NULL; c++) {
		if (clients[c])
			list = join(scene, list, scene->problem->clients[c].name, count++);
	}
	return list == NULL ? NULL : and_more(scene, list, count);
}

const char *
words_regions(const struct scene *scene, struct region_set regions)
{
	const char *list = "";
	size_t count = 0;

	for (size_t r = 0; r < scene->region_count && list != NULL; r++) {
		if (region_set_has(&regions, (region_id)r))
			list = join(scene, list, scene->problem->regions[r].name, count++);
	}
	return list == NULL ? NULL : and_more(scene, list, count);
}

static const char *
join(const struct scene *scene, const char *list, const char *name, size_t count)
{
	if (count >= NAMED_MOST)
		return list;
	return arena_printf(scene->arena, "%s%s%s", list, count == 0 ? "" : ", ", name);
}

static const char *
and_more(const struct scene *scene, const char *list, size_t count)
{
	if (count == 0)
		return "none";
	return count <= NAMED_MOST ? list : arena_printf(scene->arena, "%s and %zu more", list, count - NAMED_MOST);
}

const char *
words_rate(double amount, char text[static WORDS_RATE_SIZE])
{
	static const struct { double unit; const char *suffix; } units[] = {
		{ 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" }, { 1, "" } };
	size_t i = 0;

	while (i < 3 && amount < 0.9995 * units[i].unit)
		i++;
	snprintf(text, WORDS_RATE_SIZE, "%.3g%s", amount / units[i].unit, units[i].suffix);
	return text;
}
