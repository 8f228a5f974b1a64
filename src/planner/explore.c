/* explore.c -- keeping a region measurable.
 * In: a solved problem.  Out: its shares, changed where a predicted failure would leave a region nobody.
 * Threads: one.
 *
 * A model that takes all clients off a region takes away what it's judged by: nobody would ever learn that it was
 * wrong. So a region that something is predicted of keeps EXPLORE of what it would have without the prediction: of its
 * weight where weights are written, else of the clients that are nearest to it. What it costs is bounded by the same
 * number.
 * Clients of a pair (k, b) become clients of (r, k). That takes load off k and b in some cases and adds it in none:
 * when r is lost they are back at k. Only r itself has more, in each case at most by what was moved, and only as far as
 * it has room. */
#include "planner/explore.h"

#include <math.h>
#include <string.h>

#include "planner/sharing.h"

/* A hundred requests tell 5 % of errors from 0.1 %: of a thousand a minute, two minutes. */
#define EXPLORE 0.05
#define DANGER_LEAST 0.01	/* of a prediction that could have taken clients away */

static bool find_room(const struct planner_problem *problem, const struct planner_result *result, double *room,
	struct arena *arena);
static void take_room(const struct planner_problem *problem, const struct planner_result *result,
	struct region_set lost, double limit, double *loads, double *room);
static double natural(const struct proposal *proposal, const struct steering_service *service,
	const struct planner_clients *client, region_id region);
static bool keep(const struct planner_clients *client, struct planner_share *share, region_id region, double least,
	double *room, struct arena *arena);

const struct planner_share *
explore(const struct proposal *proposal, const struct grouping *grouping, const struct planner_problem *problem,
	const struct planner_result *result, struct arena *arena)
{
	struct planner_share *shares = arena_copy(arena, result->shares,
	    (problem->client_count + 1) * sizeof(*shares));
	double *room = arena_alloc(arena, (problem->region_count + 1) * sizeof(*room));

	if (shares == NULL || room == NULL || !find_room(problem, result, room, arena))
		return NULL;
	for (size_t c = 0; c < problem->client_count; c++) {
		const struct planner_clients *client = &problem->clients[c];
		const struct cell *cell = &grouping->cells[grouping->leaders[c]];

		for (size_t r = 0; r < problem->region_count && !client->fixed; r++) {
			region_id region = (region_id)r;

			if (!(proposal->regions[r].probability >= DANGER_LEAST) ||
			    !region_set_has(&client->legal, region) || region_set_has(&problem->dead, region))
				continue;
			if (!keep(client, &shares[c], region, EXPLORE * natural(proposal,
			    &proposal->steering->services[cell->service], client, region), room, arena))
				return NULL;
		}
	}
	return shares;
}

/* By region, requests/s that may be added in every case. */
static bool
find_room(const struct planner_problem *problem, const struct planner_result *result, double *room,
	struct arena *arena)
{
	double *loads = arena_alloc(arena, (problem->region_count + 1) * sizeof(*loads));

	if (loads == NULL)
		return false;
	for (size_t r = 0; r < problem->region_count; r++)
		room[r] = INFINITY;
	take_room(problem, result, problem->dead, result->normal_limit, loads, room);
	for (size_t r = 0; r < problem->region_count; r++) {
		struct region_set lost = problem->dead;

		region_set_add(&lost, (region_id)r);
		take_room(problem, result, lost, result->loss_limit, loads, room);
	}
	for (size_t i = 0; i < problem->risk_group_count; i++)
		take_room(problem, result, region_set_or(problem->dead, problem->risk_groups[i].regions),
		    result->loss_limit, loads, room);
	return true;
}

static void
take_room(const struct planner_problem *problem, const struct planner_result *result, struct region_set lost,
	double limit, double *loads, double *room)
{
	double margin = 1 + problem->quantile_z * problem->common_error, unserved = 0;

	memset(loads, 0, problem->region_count * sizeof(*loads));
	planner_loads(problem, result->shares, lost, loads, &unserved);
	for (size_t r = 0; r < problem->region_count; r++) {
		double capacity = problem->regions[r].capacity;

		if (capacity > 0 && limit * capacity / margin - loads[r] < room[r])
			room[r] = fmax(limit * capacity / margin - loads[r], 0);
	}
}

/* The share that the region would have if nothing were predicted. */
static double
natural(const struct proposal *proposal, const struct steering_service *service, const struct planner_clients *client,
	region_id region)
{
	double sum = 0, own = 0, least = INFINITY;

	for (size_t i = 0; i < service->region_count; i++) {
		const struct service_region *member = &service->regions[i];

		if (!region_set_has(&client->legal, member->region) || !(member->weight > 0))
			continue;
		sum += member->weight;
		least = fmin(least, client->latency[member->region] +
		    proposal->steering->regions[member->region].price);
		own = member->region == region ? member->weight : own;
	}
	if (!(own > 0))
		return 0;
	if (service->weighted)
		return own / sum;
	return client->latency[region] + proposal->steering->regions[region].price <= least ? 1 : 0;
}

static bool
keep(const struct planner_clients *client, struct planner_share *share, region_id region, double least, double *room,
	struct arena *arena)
{
	struct plan_pair *pairs = arena_alloc(arena, (2 * share->pair_count + 1) * sizeof(*pairs));
	double have = 0, open = 0, part;
	size_t count = 0;

	if (pairs == NULL)
		return false;
	for (size_t i = 0; i < share->pair_count; i++) {
		have += share->pairs[i].primary == region ? share->pairs[i].share : 0;
		open += share->pairs[i].primary != region && share->pairs[i].primary != NO_REGION ?
		    share->pairs[i].share : 0;
	}
	if (have >= least || !(open > 0))
		return true;
	part = fmin((least - have) / open, room[region] / (client->demand * open));
	if (!(part > 0))
		return true;
	part = fmin(part, 1);
	for (size_t i = 0; i < share->pair_count; i++) {
		struct plan_pair pair = share->pairs[i];

		if (pair.primary != region && pair.primary != NO_REGION) {
			pairs[count++] = (struct plan_pair){ region, pair.primary, pair.share * part };
			pair.share *= 1 - part;
		}
		pairs[count++] = pair;
	}
	room[region] -= part * open * client->demand;
	share->pairs = pairs;
	share->pair_count = sharing_clean(pairs, count);
	return true;
}
