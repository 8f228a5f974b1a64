/* sharing.c -- from the program's numbers to shares that can be published.
 * In: a solved program.  Out: shares, orders, prices, fills, in the scene's arena.  Threads: one.
 *
 * Shares below 10^-9 are rounding of the solver and go to the others. The rest is divided by its sum, and the largest
 * takes what is left to 1, so that a sum of the doubles is 1 to the last places.
 * Places 3 and 4 matter when two regions are lost that aren't in one risk group, for which there are no rows. So they
 * are sorted again with the prices of what is full. But for a client with a pair that lies within one risk group the
 * program counted on the first order; it keeps that. */
#include "planner/sharing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DUST 1e-9

static bool share_client(const struct program *program, const struct loads *loads, size_t c, const double *prices,
	struct planner_share *share);
static void sort_order(const struct program *program, size_t c, const double *prices, struct planner_share *share);
static bool relies_on_order(const struct scene *scene, const struct planner_share *share);
static int compare_pairs(const void *a, const void *b);
static int compare_prices(const void *a, const void *b);
static double latency_of(const struct scene *scene, const struct planner_share *shares);

struct planner_share *
sharing_of(const struct program *program, const struct loads *loads)
{
	const struct scene *scene = program->scene;
	struct planner_share *shares = arena_alloc(scene->arena, (scene->client_count + 1) * sizeof(*shares));
	double prices[REGIONS_MAX] = { 0 };

	if (shares == NULL)
		return NULL;
	for (size_t i = 0; i < program->row_count; i++) {
		if (program->rows[i].kind == ROW_FILL)
			prices[program->rows[i].region] -= program->rows[i].dual;
	}
	for (size_t c = 0; c < scene->client_count; c++) {
		if (!share_client(program, loads, c, prices, &shares[c]))
			return NULL;
	}
	return shares;
}

static bool
share_client(const struct program *program, const struct loads *loads, size_t c, const double *prices,
    struct planner_share *share)
{
	const struct scene *scene = program->scene;
	const struct planner_clients *in = &scene->problem->clients[c];
	const struct scene_client *client = &scene->clients[c];
	size_t count = loads->starts[c + 1] - loads->starts[c];
	struct plan_pair *pairs;

	share->order = client->order;
	share->order_count = client->order_count;
	share->pairs = in->before;
	share->pair_count = in->fixed ? in->before_count : 0;
	if (!client->planned)
		return true;
	pairs = arena_alloc(scene->arena, (count + 2) * sizeof(*pairs));
	if (pairs == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct program_column *column = &program->columns[loads->used[loads->starts[c] + i]];

		pairs[i] = (struct plan_pair){ column->primary, column->backup, column->value / client->demand };
	}
	if (program->shed[c] > 0)
		pairs[count++] = (struct plan_pair){ NO_REGION, NO_REGION, program->shed[c] / client->demand };
	if (count == 0)		/* all in the tolerance: its nearest */
		pairs[count++] = (struct plan_pair){ client->order[0],
			client->order_count > 1 ? client->order[1] : NO_REGION, 1 };
	share->pairs = pairs;
	share->pair_count = sharing_clean(pairs, count);
	if (!relies_on_order(scene, share))
		sort_order(program, c, prices, share);
	return true;
}

size_t
sharing_clean(struct plan_pair *pairs, size_t count)
{
	double sum = 0, left = 1;
	size_t kept = 0, largest = 0;

	qsort(pairs, count, sizeof(*pairs), compare_pairs);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && compare_pairs(&pairs[kept - 1], &pairs[i]) == 0)
			pairs[kept - 1].share += pairs[i].share;
		else
			pairs[kept++] = pairs[i];
	}
	count = kept;
	kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (!(pairs[i].share > DUST))
			continue;
		sum += pairs[i].share;
		pairs[kept++] = pairs[i];
	}
	for (size_t i = 0; i < kept; i++) {
		pairs[i].share /= sum;
		largest = pairs[i].share > pairs[largest].share ? i : largest;
	}
	for (size_t i = 0; i < kept; i++)
		left -= i == largest ? 0 : pairs[i].share;
	if (kept > 0)
		pairs[largest].share = left;
	return kept;
}

static int
compare_pairs(const void *a, const void *b)
{
	const struct plan_pair *p = a, *q = b;

	return p->primary != q->primary ? (int)p->primary - (int)q->primary : (int)p->backup - (int)q->backup;
}

/* ---- places 3 and 4 ---------------------------------------------------------------------------------------------- */

static bool
relies_on_order(const struct scene *scene, const struct planner_share *share)
{
	for (size_t i = 0; i < share->pair_count; i++) {
		region_id k = share->pairs[i].primary, b = share->pairs[i].backup;

		if (k == NO_REGION || b == NO_REGION)
			continue;
		for (size_t j = 0; j < scene->of_region_count[k]; j++) {
			if (region_set_has(&scene->scenarios[scene->of_region[k][j]].lost, b))
				return true;
		}
	}
	return false;
}

/* As in scene.c, with prices: by cost, but the second shares no risk group with the first. */
static void
sort_order(const struct program *program, size_t c, const double *prices, struct planner_share *share)
{
	const struct scene *scene = program->scene;
	const struct scene_client *client = &scene->clients[c];
	double costs[REGIONS_MAX];

	for (size_t r = 0; r < scene->region_count; r++)
		costs[r] = client->base[r] + scene->pressure[r] + prices[r];
	scene_sort_order(scene, client->order, client->order_count, costs);
	share->order = client->order;
}

/* ---- prices, fills ----------------------------------------------------------------------------------------------- */

bool
sharing_prices(const struct program *program, struct planner_result *result)
{
	const struct scene *scene = program->scene;
	size_t cells = scene->scenario_count * scene->region_count, count = 0;
	double *duals = calloc(cells + 1, sizeof(*duals));
	struct planner_price *prices;

	if (duals == NULL)
		return false;
	for (size_t i = 0; i < program->row_count; i++) {
		const struct program_row *row = &program->rows[i];
		size_t cell = row->scenario * scene->region_count + row->region;

		if (row->kind != ROW_FILL)
			continue;
		count += duals[cell] == 0 && row->dual < 0;
		duals[cell] += row->dual < 0 ? row->dual : 0;
	}
	prices = arena_alloc(scene->arena, (count + 1) * sizeof(*prices));
	count = 0;
	for (size_t cell = 0; prices != NULL && cell < cells; cell++) {
		const struct scenario *s = &scene->scenarios[cell / scene->region_count];
		double part = cell < scene->region_count ? scene->normal_limit : scene->loss_limit;
		double price = -duals[cell] * part / scene->margin;

		if (price > 1e-9)
			prices[count++] = (struct planner_price){ (region_id)(cell % scene->region_count), s->region,
				s->risk_group, price };
	}
	free(duals);
	if (prices == NULL)
		return false;
	qsort(prices, count, sizeof(*prices), compare_prices);
	result->prices = prices;
	result->price_count = count;
	return true;
}

static int
compare_prices(const void *a, const void *b)
{
	const struct planner_price *p = a, *q = b;

	if (p->price != q->price)
		return p->price > q->price ? -1 : 1;
	if (p->region != q->region)
		return (int)p->region - (int)q->region;
	if (p->lost != q->lost)
		return (int)p->lost - (int)q->lost;
	return (p->risk_group > q->risk_group) - (p->risk_group < q->risk_group);
}

bool
sharing_measure(const struct scene *scene, struct planner_result *result)
{
	double *load = malloc((scene->region_count + 1) * sizeof(*load)), unserved;

	if (load == NULL)
		return false;
	result->fill_now = result->fill_lost = 0;
	for (size_t s = 0; s < scene->scenario_count; s++) {
		double *fill = s == 0 ? &result->fill_now : &result->fill_lost;

		planner_loads(scene->problem, result->shares, scene->scenarios[s].lost, load, &unserved);
		for (size_t r = 0; r < scene->region_count; r++) {
			double capacity = scene->problem->regions[r].capacity;

			if (capacity > 0 && load[r] / capacity > *fill)
				*fill = load[r] / capacity;
		}
	}
	free(load);
	result->latency = latency_of(scene, result->shares);
	return true;
}

static double
latency_of(const struct scene *scene, const struct planner_share *shares)
{
	double sum = 0, demand = 0;

	for (size_t c = 0; c < scene->client_count; c++) {
		const struct planner_clients *in = &scene->problem->clients[c];

		for (size_t i = 0; i < shares[c].pair_count; i++) {
			const struct plan_pair *pair = &shares[c].pairs[i];

			if (pair->primary == NO_REGION)
				continue;
			sum += in->demand * pair->share * in->latency[pair->primary];
			demand += in->demand * pair->share;
		}
	}
	return demand > 0 ? sum / demand : 0;
}
