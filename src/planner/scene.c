/* scene.c -- the planner's problem made ready for the program.
 * In: struct planner_problem.  Out: struct scene, in the arena.  Threads: one; who made the arena owns it all.
 *
 * Rates are scaled so that all demand is 10^4: costs and rates then span what doubles and the solver's absolute
 * tolerances carry. A client below 10^-9 of the whole is planned as if it had that much, so that its share isn't lost
 * in the tolerance.
 * Costs: with c = latency + operator's price, A the cost of a failure,
 *	c_k + p_k (A + c_b - c_k) + sum over risk groups q that hold k of P_q (A + c_landing(q) - c_k).
 * The order for places 3 and 4 is by c + p A. Its second entry is the best that shares no risk group with the first:
 * whatever pair stands before them, one of the two then lives through the loss of any one risk group. */
#include "planner/scene.h"

#include <math.h>
#include <string.h>

#define LEAST_DEMAND 1e-9		/* of all demand */
#define ALL_OF_IT (1 - 1e-9)

static bool make_scenarios(struct scene *scene);
static void add_scenario(struct scene *scene, struct scenario scenario);
static bool index_scenarios(struct scene *scene);
static bool make_client(struct scene *scene, size_t c, double floor);
static bool make_costs(struct scene *scene, struct scene_client *client, const struct planner_clients *in);
static void make_order(struct scene *scene, struct scene_client *client);
static bool share_a_group(const struct scene *scene, region_id a, region_id b);
static bool make_priors(struct scene *scene, size_t c);
static bool make_direct(struct scene *scene, struct scene_client *client, const struct planner_clients *in);
static bool make_fixed(struct scene *scene);
static region_id fixed_landing(const struct scene *scene, size_t c, const struct plan_pair *pair, size_t s);
static double usable(double value, double otherwise);
static double chance(double value);

struct scene *
scene_new(const struct planner_problem *problem, struct arena *arena)
{
	struct scene *scene = arena_alloc(arena, sizeof(*scene));
	double total = 0, floor;

	if (scene == NULL)
		return NULL;
	scene->problem = problem;
	scene->arena = arena;
	scene->region_count = problem->region_count;
	scene->client_count = problem->client_count;
	for (size_t r = 0; r < problem->region_count; r++) {
		if (!region_set_has(&problem->dead, (region_id)r))
			region_set_add(&scene->live, (region_id)r);
	}
	for (size_t c = 0; c < problem->client_count; c++)
		total += usable(problem->clients[c].demand, 0);
	scene->unit = total > 0 ? total / SCENE_TOTAL : 1;
	floor = total > 0 ? LEAST_DEMAND * SCENE_TOTAL : 1;
	scene->normal_limit = problem->normal_limit;
	scene->loss_limit = problem->loss_limit;
	scene->margin = 1 + usable(problem->quantile_z, 0) * usable(problem->common_error, 0);
	scene->churn = usable(problem->churn_cost, 0);
	scene->error_z = usable(problem->quantile_z, 0) / scene->margin;
	if (!make_scenarios(scene) || !index_scenarios(scene))
		return NULL;
	scene->clients = arena_alloc(arena, (scene->client_count + 1) * sizeof(*scene->clients));
	if (scene->clients == NULL)
		return NULL;
	for (size_t c = 0; c < scene->client_count; c++) {
		if (!make_client(scene, c, floor))
			return NULL;
	}
	return make_fixed(scene) ? scene : NULL;
}

/* ---- scenarios --------------------------------------------------------------------------------------------------- */

/* Nothing; each living region; each risk group that has more than one living region. */
static bool
make_scenarios(struct scene *scene)
{
	const struct planner_problem *problem = scene->problem;
	size_t most = 1 + problem->region_count + problem->risk_group_count;

	scene->scenarios = arena_alloc(scene->arena, most * sizeof(*scene->scenarios));
	if (scene->scenarios == NULL)
		return false;
	add_scenario(scene, (struct scenario){ .region = NO_REGION, .risk_group = SIZE_MAX, .failure = 1 });
	for (size_t r = 0; r < problem->region_count; r++) {
		struct scenario s = { .region = (region_id)r, .risk_group = SIZE_MAX,
			.failure = chance(problem->regions[r].failure) };

		if (!region_set_has(&scene->live, (region_id)r))
			continue;
		region_set_add(&s.lost, (region_id)r);
		add_scenario(scene, s);
	}
	for (size_t q = 0; q < problem->risk_group_count; q++) {
		struct scenario s = { .lost = region_set_and(problem->risk_groups[q].regions, scene->live),
			.region = NO_REGION, .risk_group = q, .failure = chance(problem->risk_groups[q].failure) };

		if (region_set_count(s.lost) > 1)
			add_scenario(scene, s);
	}
	return true;
}

static void
add_scenario(struct scene *scene, struct scenario scenario)
{
	scene->scenarios[scene->scenario_count++] = scenario;
}

static bool
index_scenarios(struct scene *scene)
{
	size_t regions = scene->region_count;

	scene->of_region = arena_alloc(scene->arena, (regions + 1) * sizeof(*scene->of_region));
	scene->of_region_count = arena_alloc(scene->arena, (regions + 1) * sizeof(*scene->of_region_count));
	scene->pressure = arena_alloc(scene->arena, (regions + 1) * sizeof(*scene->pressure));
	scene->overfull = arena_alloc(scene->arena, (regions + 1) * sizeof(*scene->overfull));
	if (scene->of_region == NULL || scene->of_region_count == NULL || scene->pressure == NULL
	    || scene->overfull == NULL)
		return false;
	for (size_t r = 0; r < regions; r++) {
		size_t count = 0;

		scene->of_region[r] = arena_alloc(scene->arena, scene->scenario_count * sizeof(**scene->of_region));
		if (scene->of_region[r] == NULL)
			return false;
		for (size_t s = 1; s < scene->scenario_count; s++) {
			if (!region_set_has(&scene->scenarios[s].lost, (region_id)r))
				continue;
			scene->of_region[r][count++] = s;
			scene->pressure[r] += scene->scenarios[s].failure
			    * usable(scene->problem->failure_cost, 0);
		}
		scene->of_region_count[r] = count;
	}
	return true;
}

const char *
scene_name(const struct scene *scene, size_t s)
{
	const struct scenario *scenario = &scene->scenarios[s];
	const char *text;

	if (scenario->region != NO_REGION)
		return scene->problem->regions[scenario->region].name;
	if (scenario->risk_group == SIZE_MAX)
		return "nothing";
	text = arena_printf(scene->arena, "risk group %s", scene->problem->risk_groups[scenario->risk_group].name);
	return text == NULL ? "a risk group" : text;
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

static bool
make_client(struct scene *scene, size_t c, double floor)
{
	const struct planner_clients *in = &scene->problem->clients[c];
	struct scene_client *client = &scene->clients[c];
	double demand = usable(in->demand, 0) / scene->unit;

	client->demand = demand > floor ? demand : floor;
	client->legal = region_set_and(in->legal, scene->live);
	client->planned = !in->fixed && !region_set_is_empty(client->legal);
	client->order = arena_alloc(scene->arena, scene->region_count + 1);
	if (client->order == NULL || !make_costs(scene, client, in))
		return false;
	make_order(scene, client);
	if (!make_priors(scene, c) || !make_direct(scene, client, in))
		return false;
	scene_allow(scene, c);
	return true;
}

static bool
make_costs(struct scene *scene, struct scene_client *client, const struct planner_clients *in)
{
	double *base = arena_alloc(scene->arena, (scene->region_count + 1) * sizeof(*base));

	if (base == NULL)
		return false;
	for (size_t r = 0; r < scene->region_count; r++) {
		double price = scene->problem->regions[r].price;

		base[r] = usable(in->latency[r], SCENE_UNSERVED_MS) + (isfinite(price) ? price : 0);
		if (client->planned && region_set_has(&client->legal, (region_id)r)
		    && base[r] + scene->pressure[r] > scene->dearest)
			scene->dearest = base[r] + scene->pressure[r];
	}
	client->base = base;
	return true;
}

static void
make_order(struct scene *scene, struct scene_client *client)
{
	double costs[REGIONS_MAX];

	for (size_t r = 0; r < scene->region_count; r++) {
		costs[r] = client->base[r] + scene->pressure[r];
		if (region_set_has(&client->legal, (region_id)r))
			client->order[client->order_count++] = (region_id)r;
	}
	scene_sort_order(scene, client->order, client->order_count, costs);
}

void
scene_sort_order(const struct scene *scene, region_id *order, size_t count, const double *costs)
{
	for (size_t i = 1; i < count; i++) {
		region_id r = order[i];
		size_t at = i;

		for (; at > 0 && (costs[order[at - 1]] > costs[r]
		    || (!(costs[order[at - 1]] < costs[r]) && order[at - 1] > r)); at--)
			order[at] = order[at - 1];
		order[at] = r;
	}
	for (size_t i = 1; i < count; i++) {
		region_id apart = order[i];

		if (share_a_group(scene, order[0], apart))
			continue;
		memmove(order + 2, order + 1, i - 1);
		order[1] = apart;
		return;
	}
}

static bool
share_a_group(const struct scene *scene, region_id a, region_id b)
{
	for (size_t i = 0; i < scene->of_region_count[a]; i++) {
		if (region_set_has(&scene->scenarios[scene->of_region[a][i]].lost, b))
			return true;
	}
	return false;
}

/* Where the last plan's lists lead now. What was shed, or went to nobody, isn't anywhere. */
static bool
make_priors(struct scene *scene, size_t c)
{
	const struct planner_clients *in = &scene->problem->clients[c];
	struct scene_client *client = &scene->clients[c];
	double amounts[REGIONS_MAX + 1] = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < in->before_count; i++) {
		const struct plan_pair *pair = &in->before[i];
		region_id at = NO_REGION;

		if (pair->primary == NO_REGION || !(pair->share > 0))
			continue;
		if (region_set_has(&client->legal, pair->primary))
			at = pair->primary;
		else if (pair->backup != NO_REGION && region_set_has(&client->legal, pair->backup))
			at = pair->backup;
		else if (client->order_count > 0)
			at = client->order[0];
		amounts[at] += pair->share * client->demand;
	}
	client->priors = arena_alloc(scene->arena, (in->before_count + 1) * sizeof(*client->priors));
	if (client->priors == NULL)
		return false;
	for (size_t r = 0; r < scene->region_count; r++) {
		if (amounts[r] > 0)
			client->priors[count++] = (struct scene_prior){ (region_id)r, amounts[r] };
	}
	client->prior_count = count;
	client->had_before = count > 0;
	scene->any_before = scene->any_before || (count > 0 && client->planned);
	return true;
}

/* Churn of a primary that had nothing of this client, and what a region without a target share costs. Regions that had
 * a part have an allowance row instead (program.c). */
static bool
make_direct(struct scene *scene, struct scene_client *client, const struct planner_clients *in)
{
	double *direct = arena_alloc(scene->arena, (scene->region_count + 1) * sizeof(*direct));

	if (direct == NULL)
		return false;
	for (size_t r = 0; r < scene->region_count; r++) {
		if (client->had_before)
			direct[r] += scene->churn;
		if (in->target != NULL && !(in->target[r] > 0))
			direct[r] += usable(in->target_cost, 0);
	}
	for (size_t i = 0; i < client->prior_count; i++)
		direct[client->priors[i].region] -= scene->churn;
	client->direct = direct;
	return true;
}

void
scene_allow(struct scene *scene, size_t c)
{
	struct scene_client *client = &scene->clients[c];
	struct region_set within = { 0 };

	for (size_t i = 0; i < client->order_count; i++) {
		if (!scene_beyond_cap(scene, c, client->order[i]))
			region_set_add(&within, client->order[i]);
	}
	client->primaries = client->cap_lifted ? client->legal : within;
	/* A backup that is far away is better than none. */
	client->backups = client->cap_lifted || region_set_count(within) < 2 ? client->legal : within;
}

bool
scene_beyond_cap(const struct scene *scene, size_t c, region_id region)
{
	const struct planner_clients *in = &scene->problem->clients[c];

	return in->latency_cap > 0 && in->latency[region] > in->latency_cap;
}

/* ---- where lists lead, and what that costs ----------------------------------------------------------------------- */

region_id
scene_landing(const struct scene *scene, size_t c, region_id primary, region_id backup, size_t s)
{
	const struct region_set *lost = &scene->scenarios[s].lost;
	const struct scene_client *client = &scene->clients[c];

	if (!region_set_has(lost, primary))
		return primary;
	if (backup != NO_REGION && !region_set_has(lost, backup))
		return backup;
	for (size_t i = 0; i < client->order_count; i++) {
		if (!region_set_has(lost, client->order[i]))
			return client->order[i];
	}
	return NO_REGION;
}

double
scene_cost(const struct scene *scene, size_t c, region_id primary, region_id backup)
{
	const struct scene_client *client = &scene->clients[c];
	double here = client->base[primary], cost = here + client->direct[primary] + scene->pressure[primary];

	for (size_t i = 0; i < scene->of_region_count[primary]; i++) {
		size_t s = scene->of_region[primary][i];
		region_id at = scene_landing(scene, c, primary, backup, s);

		if (scene->scenarios[s].failure > 0)
			cost += scene->scenarios[s].failure
			    * (at == NO_REGION ? SCENE_UNSERVED_MS : client->base[at] - here);
	}
	return cost;
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static bool
make_fixed(struct scene *scene)
{
	scene->fixed = arena_alloc(scene->arena,
	    (scene->scenario_count * scene->region_count + 1) * sizeof(*scene->fixed));
	scene->reserve = arena_alloc(scene->arena,
	    (scene->scenario_count * scene->region_count + 1) * sizeof(*scene->reserve));
	if (scene->fixed == NULL || scene->reserve == NULL)
		return false;
	for (size_t c = 0; c < scene->client_count; c++) {
		const struct planner_clients *in = &scene->problem->clients[c];
		const struct scene_client *client = &scene->clients[c];

		if (!in->fixed)
			continue;
		for (size_t s = 0; s < scene->scenario_count; s++) {
			for (size_t i = 0; i < in->before_count; i++) {
				const struct plan_pair *pair = &in->before[i];
				region_id at = fixed_landing(scene, c, pair, s);

				if (pair->primary != NO_REGION && at != NO_REGION)
					scene->fixed[s * scene->region_count + at] += pair->share * client->demand;
			}
		}
	}
	return true;
}

/* Lists that aren't ours may name dead regions. */
static region_id
fixed_landing(const struct scene *scene, size_t c, const struct plan_pair *pair, size_t s)
{
	struct region_set live = region_set_minus(scene->live, scene->scenarios[s].lost);

	if (region_set_has(&live, pair->primary))
		return pair->primary;
	if (region_set_has(&live, pair->backup))
		return pair->backup;
	for (size_t i = 0; i < scene->clients[c].order_count; i++) {
		if (region_set_has(&live, scene->clients[c].order[i]))
			return scene->clients[c].order[i];
	}
	return NO_REGION;
}

double
scene_limit(const struct scene *scene, size_t s, region_id region)
{
	double capacity = scene->problem->regions[region].capacity;
	double part = s == 0 ? scene->normal_limit : scene->loss_limit;
	size_t cell = s * scene->region_count + region;

	if (!(capacity > 0) || !isfinite(capacity))
		return INFINITY;
	if (scene->yields && scene->overfull[region] > 0)
		return scene_bound(scene, s, region);	/* there is no margin left to keep */
	part = fmax(part, scene->overfull[region]);
	return fmax(part * capacity / scene->unit / scene->margin - scene->fixed[cell] - scene->reserve[cell], 0);
}

double
scene_bound(const struct scene *scene, size_t s, region_id region)
{
	double capacity = scene->problem->regions[region].capacity;
	double part = fmax(s == 0 ? scene->normal_limit : scene->loss_limit, 1);

	if (!(capacity > 0) || !isfinite(capacity))
		return INFINITY;
	part = fmax(part, scene->overfull[region]);
	return fmax(part * capacity / scene->unit - scene->fixed[s * scene->region_count + region], 0);
}

double
scene_most(const struct scene *scene, size_t s, region_id region)
{
	return scene->yields ? scene_bound(scene, s, region)
	    : scene_limit(scene, s, region) + scene->reserve[s * scene->region_count + region];
}

static double
usable(double value, double otherwise)
{
	return isfinite(value) && value >= 0 ? value : otherwise;
}

static double
chance(double value)
{
	return value > 0 ? value < 1 ? value : 1 : 0;
}
