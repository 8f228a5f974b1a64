/* pricing.c -- which pairs would pay: reduced costs of all legal pairs, most of them never looked at.
 * In: a solved program.  Out: new columns in it.  Threads: one per program.
 *
 * Reduced cost of (c, k, b) = its cost - the price of the client's demand + the price of k's load + the prices of the
 * regions where it lands when k is lost. All prices of limits are >= 0, and the cost is at least that with the cheapest
 * backup there could be: what is >= 0 without looking at the backup is skipped for all of them. */
#include "planner/pricing.h"

#include <math.h>
#include <stdlib.h>

#define NONE UINT32_MAX
/* ms. Twenty times the solver's tolerance on prices: a pair that is in isn't found again for its rounding. */
#define PAYS -2e-8
/* Pairs of one client that are added at once: several primaries may change places before the next pricing. */
#define EACH 3

struct candidate { double reduced; region_id primary, backup; };

static double *collect_prices(const struct program *program);
static size_t price_client(struct program *program, const double *prices, size_t c);
static double price_primary(const struct program *program, size_t c, region_id k);
static double price_landings(const struct program *program, const double *prices, size_t c, region_id k,
	region_id b);
static double cost_least(const struct program *program, size_t c, region_id k, double cheapest);
static double cost_pair(const struct program *program, size_t c, region_id k, region_id b);
static void keep_best(struct candidate *best, size_t *count, struct candidate candidate);

size_t
pricing_add(struct program *program)
{
	double *prices = collect_prices(program);
	size_t added = 0;

	if (prices == NULL) {
		program->failed = true;
		return 0;
	}
	for (size_t c = 0; c < program->scene->client_count; c++) {
		if (program->scene->clients[c].planned)
			added += price_client(program, prices, c);
	}
	free(prices);
	return added;
}

/* By cell, scenario * region_count + region; <= 0. */
static double *
collect_prices(const struct program *program)
{
	const struct scene *scene = program->scene;
	double *prices = calloc(scene->scenario_count * scene->region_count + 1, sizeof(*prices));

	for (size_t i = 0; prices != NULL && i < program->row_count; i++) {
		const struct program_row *row = &program->rows[i];

		if (row->kind == ROW_FILL && row->dual < 0)
			prices[row->scenario * scene->region_count + row->region] = row->dual;
	}
	return prices;
}

static size_t
price_client(struct program *program, const double *prices, size_t c)
{
	const struct scene_client *client = &program->scene->clients[c];
	struct candidate best[EACH];
	double demand_price = program->rows[program->client_row[c]].dual, cheapest = INFINITY;
	size_t count = 0;

	for (size_t i = 0; i < client->order_count; i++)
		cheapest = fmin(cheapest, client->base[client->order[i]]);
	for (size_t i = 0; i < client->order_count && client->order_count > 1; i++) {
		region_id k = client->order[i];
		double primary = -demand_price - price_primary(program, c, k);

		if (!region_set_has(&client->primaries, k) || cost_least(program, c, k, cheapest) + primary >= PAYS)
			continue;
		for (size_t j = 0; j < client->order_count; j++) {
			region_id b = client->order[j];
			double reduced;

			if (j == i || !region_set_has(&client->backups, b))
				continue;
			reduced = cost_pair(program, c, k, b) + primary - price_landings(program, prices, c, k, b);
			if (reduced < PAYS && !program_has_pair(program, c, k, b))
				keep_best(best, &count, (struct candidate){ reduced, k, b });
		}
	}
	for (size_t i = 0; i < count; i++)
		program_add_pair(program, c, best[i].primary, best[i].backup);
	return count;
}

/* Duals of the rows that every pair with this primary stands in, but for its client's. */
static double
price_primary(const struct program *program, size_t c, region_id k)
{
	const struct scene_client *client = &program->scene->clients[c];
	double price = program->rows[k].dual;
	bool is_new = true;

	for (uint32_t i = program->first_allowance[c]; i < program->first_allowance[c + 1]; i++) {
		if (program->allowances[i].region == k)
			price += program->rows[program->allowances[i].row].dual;
	}
	for (size_t i = 0; i < client->prior_count; i++)
		is_new = is_new && client->priors[i].region != k;
	if (is_new && program->entry_row[k] != NONE)
		price += program->rows[program->entry_row[k]].dual;
	return price;
}

static double
price_landings(const struct program *program, const double *prices, size_t c, region_id k, region_id b)
{
	const struct scene *scene = program->scene;
	double price = 0;

	for (size_t i = 0; i < scene->of_region_count[k]; i++) {
		size_t s = scene->of_region[k][i];
		region_id at = scene_landing(scene, c, k, b, s);

		if (at != NO_REGION)
			price += prices[s * scene->region_count + at];
	}
	return price;
}

static double
cost_least(const struct program *program, size_t c, region_id k, double cheapest)
{
	const struct scene *scene = program->scene;
	const struct scene_client *client = &scene->clients[c];
	double failure = 0;

	if (program->mode != PROGRAM_COST)
		return 0;
	for (size_t i = 0; i < scene->of_region_count[k]; i++)
		failure += scene->scenarios[scene->of_region[k][i]].failure;
	return client->base[k] + client->direct[k] + scene->pressure[k] + failure * (cheapest - client->base[k]);
}

static double
cost_pair(const struct program *program, size_t c, region_id k, region_id b)
{
	switch (program->mode) {
	case PROGRAM_OVER:
		return 0;
	case PROGRAM_CAPS:
		return program_beyond(program, c, k, b);
	case PROGRAM_COST:
		break;
	}
	return scene_cost(program->scene, c, k, b) + program_sticky(program, c);
}

static void
keep_best(struct candidate *best, size_t *count, struct candidate candidate)
{
	size_t at = *count < EACH ? (*count)++ : EACH;

	for (; at > 0 && best[at - 1].reduced > candidate.reduced; at--) {
		if (at < EACH)
			best[at] = best[at - 1];
	}
	if (at < EACH)
		best[at] = candidate;
}
