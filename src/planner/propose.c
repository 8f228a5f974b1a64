/* propose.c -- the planner's problem from a proposal, and a plan from its solution.
 * In: steering, beliefs, forecasts, costs, the last plan.  Out: a plan that owns all that it says.
 * Threads: one for each planner.
 *
 * | of the problem      | comes from                                                                          |
 * | clients             | services x demand groups, those alike together (groups.c)                           |
 * | failure, capacity   | beliefs; without a prediction BASE_FAILURE, so that backups still cost something    |
 * | price, risk groups  | steering.yaml; a risk group is a tag that two regions have                          |
 * | margins             | the forecasts' common error at the quantile `safety`                                |
 *
 * A group's regions are what its residency rules leave, which are applied first; a plan can't name another region,
 * whatever is believed. */
#include "planner/propose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "planner/explore.h"
#include "planner/groups.h"
#include "planner/propose_words.h"

/* A region that nothing is predicted of fails within the horizon about once a year. */
#define BASE_FAILURE 2e-5
/* All regions of a risk group at once, when its members' own failures are that likely. */
#define TOGETHER 0.1
#define RISK_GROUPS_MAX 50
#define ORDER_MOST 8	/* of a list of four places, two of which are the pair */
#define TIME_LEAST_MS 5000
#define TIME_MOST_MS 30000

static bool make_problem(const struct proposal *proposal, const struct grouping *grouping,
	struct planner_problem *problem, struct arena *arena);
static bool make_risk_groups(const struct proposal *proposal, struct planner_problem *problem, struct arena *arena);
static struct region_set lost_everywhere(const struct proposal *proposal);
static double failure_of(const struct plan_region *belief);
static double normal_quantile(double p);
static int64_t time_limit(const struct steering *steering);
static bool take_result(struct plan *plan, const struct planner_problem *problem, const struct planner_result *result,
	const struct proposal *proposal);
static bool copy_regions(struct plan *plan, const struct planner_problem *problem, const struct planner_result *result,
	const struct proposal *proposal);
static bool add_services(struct plan *plan, const struct grouping *grouping, const struct planner_result *result,
	const struct proposal *proposal);
static bool add_service(struct plan *plan, const struct grouping *grouping, const struct planner_result *result,
	const struct steering_service *service, size_t s);
static struct plan_difference compare_group(const struct plan_group *group, const struct plan_service *others);

struct plan *
plan_propose(struct planner *planner, const struct proposal *proposal)
{
	struct arena *arena = arena_new();
	struct plan *plan = arena == NULL ? NULL : arena_alloc(arena, sizeof(*plan));
	struct planner_problem problem = { 0 };
	const struct planner_result *result;
	struct planner_result explored;
	const struct grouping *grouping;

	if (plan == NULL)
		goto fail;
	*plan = (struct plan){ .arena = arena, .made = proposal->now, .based_on = proposal->based_on,
		.model = arena_text(arena, proposal->model) };
	grouping = grouping_new(proposal, arena);
	if (plan->model == NULL || grouping == NULL || !make_problem(proposal, grouping, &problem, arena))
		goto fail;
	result = planner_solve(planner, &problem, arena);
	if (result == NULL)
		goto fail;
	explored = *result;
	explored.shares = explore(proposal, grouping, &problem, result, arena);
	if (explored.shares == NULL || !take_result(plan, &problem, &explored, proposal) ||
	    !add_services(plan, grouping, &explored, proposal))
		goto fail;
	return plan;
fail:
	arena_free(arena);
	return NULL;
}

/* --- the problem --------------------------------------------------------------------------------------------- */

static bool
make_problem(const struct proposal *proposal, const struct grouping *grouping, struct planner_problem *problem,
	struct arena *arena)
{
	const struct steering *steering = proposal->steering;
	struct planner_region *regions = arena_alloc(arena, (steering->region_count + 1) * sizeof(*regions));

	if (regions == NULL)
		return false;
	for (size_t r = 0; r < steering->region_count; r++)
		regions[r] = (struct planner_region){ .name = steering->regions[r].name,
			.capacity = proposal->regions[r].capacity, .failure = failure_of(&proposal->regions[r]),
			.price = steering->regions[r].price };
	*problem = (struct planner_problem){
		.region_count = steering->region_count, .regions = regions,
		.client_count = grouping->client_count, .clients = grouping->clients,
		.dead = lost_everywhere(proposal),
		.normal_limit = steering->planning.normal_limit, .loss_limit = steering->planning.loss_limit,
		.common_error = proposal->demand.common_error,
		.quantile_z = normal_quantile(steering->planning.safety),
		.failure_cost = steering->planning.failure_cost_ms, .churn_cost = steering->planning.churn_cost_ms,
		.nearest = steering->planning.nearest, .time_limit_ms = time_limit(steering),
	};
	return make_risk_groups(proposal, problem, arena);
}

/* The first RISK_GROUPS_MAX tags, in the order of the regions, that two regions or more have. */
static bool
make_risk_groups(const struct proposal *proposal, struct planner_problem *problem, struct arena *arena)
{
	const struct steering *steering = proposal->steering;
	struct planner_risk_group *groups;
	size_t tags = 0, count = 0, kept = 0;

	for (size_t r = 0; r < steering->region_count; r++)
		tags += steering->regions[r].risk_group_count;
	groups = arena_alloc(arena, (tags + 1) * sizeof(*groups));
	if (groups == NULL)
		return false;
	for (size_t r = 0; r < steering->region_count; r++) {
		for (size_t k = 0; k < steering->regions[r].risk_group_count; k++) {
			const char *tag = steering->regions[r].risk_groups[k];
			size_t at = 0;

			while (at < count && strcmp(groups[at].name, tag) != 0)
				at++;
			groups[at].name = tag;
			region_set_add(&groups[at].regions, (region_id)r);
			groups[at].failure = fmax(groups[at].failure, TOGETHER * failure_of(&proposal->regions[r]));
			count += at == count;
		}
	}
	for (size_t i = 0; i < count && kept < RISK_GROUPS_MAX; i++) {
		if (region_set_count(groups[i].regions) > 1)
			groups[kept++] = groups[i];
	}
	problem->risk_groups = groups;
	problem->risk_group_count = kept;
	return true;
}

/* By all services that use them. */
static struct region_set
lost_everywhere(const struct proposal *proposal)
{
	const struct steering *steering = proposal->steering;
	struct region_set lost = { { 0 } }, used = { { 0 } };

	for (size_t s = 0; proposal->dead != NULL && s < steering->service_count; s++) {
		struct region_set all = steering_legal(&steering->services[s], NULL, 0);

		lost = region_set_or(lost, region_set_and(all, proposal->dead[s]));
		used = region_set_or(used, region_set_minus(all, proposal->dead[s]));
	}
	return region_set_minus(lost, used);
}

static double
failure_of(const struct plan_region *belief)
{
	return belief->probability >= BASE_FAILURE && belief->probability <= 1 ? belief->probability : BASE_FAILURE;
}

/* By halving: 60 steps of a function that rises are exact enough, and plain. */
static double
normal_quantile(double p)
{
	double low = 0, high = 10;

	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (0.5 * erfc(-middle / sqrt(2)) < p)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* A round. Predictions were posted before it; a plan that is a little late is better than a worse one. */
static int64_t
time_limit(const struct steering *steering)
{
	int64_t round = steering->pae_update_interval_ms;

	return round < TIME_LEAST_MS ? TIME_LEAST_MS : round > TIME_MOST_MS ? TIME_MOST_MS : round;
}

/* --- the plan ------------------------------------------------------------------------------------------------ */

static bool
take_result(struct plan *plan, const struct planner_problem *problem, const struct planner_result *result,
	const struct proposal *proposal)
{
	plan->method = propose_method(result->method);
	plan->normal_limit = result->normal_limit;
	plan->loss_limit = result->loss_limit;
	plan->margin = result->margin;
	plan->latency = result->latency;
	plan->step = result->step;
	return propose_relaxations(plan, result) && propose_overloads(plan, problem, result) &&
	    copy_regions(plan, problem, result, proposal);
}

static bool
copy_regions(struct plan *plan, const struct planner_problem *problem, const struct planner_result *result,
	const struct proposal *proposal)
{
	size_t count = proposal->steering->region_count;
	struct plan_region *copies = arena_alloc(plan->arena, (count + 1) * sizeof(*copies));

	if (copies == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		copies[i] = proposal->regions[i];
		copies[i].reason = arena_text(plan->arena, proposal->regions[i].reason);
		if (copies[i].reason == NULL || !propose_price(&copies[i], problem, result, plan->arena))
			return false;
	}
	plan->regions = copies;
	plan->region_count = count;
	return true;
}

static bool
add_services(struct plan *plan, const struct grouping *grouping, const struct planner_result *result,
	const struct proposal *proposal)
{
	const struct steering *steering = proposal->steering;
	struct plan_service *services = arena_alloc(plan->arena, (steering->service_count + 1) * sizeof(*services));

	if (services == NULL)
		return false;
	plan->services = services;
	for (size_t s = 0; s < steering->service_count; s++) {
		if (grouping_plans(&steering->services[s]) &&
		    !add_service(plan, grouping, result, &steering->services[s], s))
			return false;
	}
	return true;
}

/* Cells of one client share its pairs: the same list, not a copy. */
static bool
add_service(struct plan *plan, const struct grouping *grouping, const struct planner_result *result,
	const struct steering_service *service, size_t s)
{
	size_t groups = grouping->partition->count, count = 0;
	struct plan_group *list = arena_alloc(plan->arena, (groups + 1) * sizeof(*list));
	struct plan_service *planned = (struct plan_service *)(uintptr_t)&plan->services[plan->service_count++];

	planned->name = arena_text(plan->arena, service->name);
	if (list == NULL || planned->name == NULL)
		return false;
	for (size_t g = 0; g < groups; g++) {
		const struct cell *cell = &grouping->cells[s * groups + g];
		const struct planner_share *share;

		if (cell->client == CELL_LEFT_OUT || result->shares[cell->client].pair_count == 0)
			continue;
		share = &result->shares[cell->client];
		list[count++] = (struct plan_group){
			.group = grouping->partition->groups[g].group,
			.country = grouping->partition->groups[g].country,
			.demand = cell->demand, .error = cell->error,
			.pair_count = share->pair_count, .pairs = share->pairs,
			.order_count = share->order_count < ORDER_MOST ? share->order_count : ORDER_MOST,
			.order = share->order,
		};
	}
	qsort(list, count, sizeof(*list), plan_group_compare);
	planned->groups = list;
	planned->group_count = count;
	return true;
}

/* --- how far plans differ ------------------------------------------------------------------------------------ */

struct plan_difference
plan_compare(const struct plan *a, const struct plan *b)
{
	struct plan_difference all = { 0, 0 };
	double total = 0;
	bool differ = false;

	for (size_t i = 0; i < a->service_count; i++) {
		const struct plan_service *other = NULL;

		for (size_t k = 0; k < b->service_count && other == NULL; k++) {
			if (strcmp(a->services[i].name, b->services[k].name) == 0)
				other = &b->services[k];
		}
		for (size_t g = 0; g < a->services[i].group_count; g++) {
			const struct plan_group *group = &a->services[i].groups[g];
			double demand = isfinite(group->demand) ? group->demand : 1;
			struct plan_difference one = compare_group(group, other);

			all.moved += demand * one.moved;
			all.paired += demand * one.paired;
			total += demand;
		}
		differ = differ || other == NULL || other->group_count != a->services[i].group_count;
	}
	if (differ || a->service_count != b->service_count)
		return (struct plan_difference){ 1, 1 };
	if (total > 0)
		all = (struct plan_difference){ fmin(all.moved / total, 1), fmin(all.paired / total, 1) };
	return all;
}

/* Both lists are sorted by pair. Half of the differences: who leaves one pair comes to another. */
static struct plan_difference
compare_group(const struct plan_group *group, const struct plan_service *others)
{
	const struct plan_group *other = others == NULL ? NULL : bsearch(group, others->groups, others->group_count,
	    sizeof(*others->groups), plan_group_compare);
	double primaries[REGIONS_MAX + 1] = { 0 }, moved = 0, paired = 0;
	size_t i = 0, k = 0;

	if (other == NULL)
		return (struct plan_difference){ 1, 1 };
	while (i < group->pair_count || k < other->pair_count) {
		int order = i == group->pair_count ? 1 : k == other->pair_count ? -1 :
		    plan_pair_compare(&group->pairs[i], &other->pairs[k]);
		double difference = (order <= 0 ? group->pairs[i].share : 0) - (order >= 0 ? other->pairs[k].share : 0);

		primaries[order <= 0 ? group->pairs[i].primary : other->pairs[k].primary] += difference;
		paired += fabs(difference);
		i += order <= 0;
		k += order >= 0;
	}
	for (size_t r = 0; r <= REGIONS_MAX; r++)
		moved += fabs(primaries[r]);
	return (struct plan_difference){ moved / 2, paired / 2 };
}
