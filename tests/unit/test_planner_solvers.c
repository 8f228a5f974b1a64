/* test_planner_solvers.c -- the planner beside a second solver (GLPK) and beside exhaustive search.
 * The program here is written down whole, from isobar-steering(7): all legal pairs, all rows, shares in place of rates,
 * nothing shared with the planner but its interface. */
#include <assert.h>
#include <glpk.h>
#include <math.h>

#include "planner_world.h"
#include "suite.h"

#define BACKUP_CHURN 0.1
#define UNSERVED_MS 10000.0
#define MARGIN_MS 500.0			/* of what is taken of a margin, where not all can be kept */

struct terms { double normal, loss, margin; bool yields, entry; };

struct oracle {
	const struct planner_problem *problem;
	struct terms terms;
	glp_prob *lp;
	struct region_set live;
	region_id order[WORLD_CLIENTS][WORLD_REGIONS];
	size_t order_count[WORLD_CLIENTS];
	double prior[WORLD_CLIENTS][WORLD_REGIONS];
	bool had[WORLD_CLIENTS];
	/* Columns: the first of (client, primary, backup): kept, then new. 0: none. */
	int pair[WORLD_CLIENTS][WORLD_REGIONS][WORLD_REGIONS + 1];
	int arrived[WORLD_CLIENTS][WORLD_REGIONS];
};

static struct region_set
group_of(const struct oracle *oracle, size_t q)
{
	struct region_set lost = region_set_and(oracle->problem->risk_groups[q].regions, oracle->live);

	return region_set_count(lost) > 1 ? lost : (struct region_set){ 0 };
}

static double
base(const struct oracle *oracle, size_t c, size_t r)
{
	return oracle->problem->clients[c].latency[r] + oracle->problem->regions[r].price;
}

/* p A, risk groups included. */
static double
pressure(const struct oracle *oracle, size_t r)
{
	double p = oracle->problem->regions[r].failure;

	for (size_t q = 0; q < oracle->problem->risk_group_count; q++) {
		struct region_set lost = group_of(oracle, q);

		p += region_set_has(&lost, (region_id)r) ? oracle->problem->risk_groups[q].failure : 0;
	}
	return p * oracle->problem->failure_cost;
}

static bool
together(const struct oracle *oracle, size_t a, size_t b)
{
	for (size_t q = 0; q < oracle->problem->risk_group_count; q++) {
		struct region_set lost = group_of(oracle, q);

		if (region_set_has(&lost, (region_id)a) && region_set_has(&lost, (region_id)b))
			return true;
	}
	return false;
}

/* Legal regions by cost + p A; the second is the first of the rest that shares no risk group with the best. */
static void
make_order(struct oracle *oracle, size_t c)
{
	const struct planner_clients *clients = &oracle->problem->clients[c];
	struct region_set left = region_set_and(clients->legal, oracle->live);
	size_t count = 0;

	for (int pass = 0; !region_set_is_empty(left); pass++) {
		size_t best = SIZE_MAX;

		for (int strict = pass == 1; strict >= 0 && best == SIZE_MAX; strict--) {
			for (size_t r = 0; r < oracle->problem->region_count; r++) {
				if (!region_set_has(&left, (region_id)r) || (strict && together(oracle, oracle->order[c][0], r)))
					continue;
				if (best == SIZE_MAX
				    || base(oracle, c, r) + pressure(oracle, r) < base(oracle, c, best) + pressure(oracle, best))
					best = r;
			}
		}
		oracle->order[c][count++] = (region_id)best;
		region_set_remove(&left, (region_id)best);
	}
	oracle->order_count[c] = count;
}

static region_id
landing(const struct oracle *oracle, size_t c, region_id k, region_id b, struct region_set lost)
{
	if (!region_set_has(&lost, k))
		return k;
	if (b != NO_REGION && !region_set_has(&lost, b))
		return b;
	for (size_t i = 0; i < oracle->order_count[c]; i++) {
		if (!region_set_has(&lost, oracle->order[c][i]))
			return oracle->order[c][i];
	}
	return NO_REGION;
}

static double
loss_cost(const struct oracle *oracle, size_t c, region_id k, region_id b, struct region_set lost, double p)
{
	region_id at = landing(oracle, c, k, b, lost);

	if (!region_set_has(&lost, k))
		return 0;
	return p * (oracle->problem->failure_cost + (at == NO_REGION ? UNSERVED_MS : base(oracle, c, at) - base(oracle, c, k)));
}

static struct region_set
only(region_id r)
{
	struct region_set set = { 0 };

	region_set_add(&set, r);
	return set;
}

static double
pair_cost(const struct oracle *oracle, size_t c, region_id k, region_id b)
{
	const struct planner_clients *clients = &oracle->problem->clients[c];
	double cost = base(oracle, c, k) + loss_cost(oracle, c, k, b, only(k), oracle->problem->regions[k].failure);

	for (size_t q = 0; q < oracle->problem->risk_group_count; q++)
		cost += loss_cost(oracle, c, k, b, group_of(oracle, q), oracle->problem->risk_groups[q].failure);
	if (clients->target != NULL && clients->target[k] <= 0)
		cost += clients->target_cost;
	if (oracle->had[c] && oracle->prior[c][k] <= 0)
		cost += oracle->problem->churn_cost;
	return cost;
}

static int
add_column(struct oracle *oracle, double upper, double cost)
{
	int j = glp_add_cols(oracle->lp, 1);

	glp_set_col_bnds(oracle->lp, j, upper > 1e30 ? GLP_LO : upper > 0 ? GLP_DB : GLP_FX, 0, upper);
	glp_set_obj_coef(oracle->lp, j, cost);
	return j;
}

struct row { int count, index[1 + WORLD_CLIENTS * WORLD_PAIRS * 4]; double value[1 + WORLD_CLIENTS * WORLD_PAIRS * 4]; };

static void
row_put(struct row *row, int column, double value)
{
	row->count++;
	row->index[row->count] = column;
	row->value[row->count] = value;
}

static void
row_add(struct oracle *oracle, const struct row *row, int kind, double bound)
{
	int i = glp_add_rows(oracle->lp, 1);

	glp_set_row_bnds(oracle->lp, i, kind, bound, bound);
	glp_set_mat_row(oracle->lp, i, row->count, row->index, row->value);
}

/* Both columns of a pair: what was there, and what is new. */
static void
put_pair(const struct oracle *oracle, struct row *row, size_t c, region_id k, size_t b, double value)
{
	row_put(row, oracle->pair[c][k][b], value);
	row_put(row, oracle->pair[c][k][b] + 1, value);
}

static bool
within_cap(const struct oracle *oracle, size_t c, size_t r)
{
	return oracle->problem->clients[c].latency[r] <= oracle->problem->clients[c].latency_cap;
}

static void
add_pairs(struct oracle *oracle, size_t c)
{
	const struct planner_clients *clients = &oracle->problem->clients[c];
	struct region_set legal = region_set_and(clients->legal, oracle->live);
	unsigned near = 0;

	for (size_t i = 0; i < clients->before_count; i++) {
		const struct plan_pair *pair = &clients->before[i];
		region_id at = region_set_has(&legal, pair->primary) ? pair->primary
		    : region_set_has(&legal, pair->backup) ? pair->backup : oracle->order[c][0];

		oracle->prior[c][at] += pair->share;
		oracle->had[c] = true;
	}
	for (size_t r = 0; r < oracle->problem->region_count; r++)
		near += region_set_has(&legal, (region_id)r) && within_cap(oracle, c, r);
	for (size_t k = 0; k < oracle->problem->region_count; k++) {
		for (size_t b = 0; b <= WORLD_REGIONS; b++) {
			region_id backup = b == WORLD_REGIONS ? NO_REGION : (region_id)b;
			bool possible = region_set_has(&legal, (region_id)k) && within_cap(oracle, c, k) && b != k
			    && (b == WORLD_REGIONS ? region_set_count(legal) == 1
			    : region_set_has(&legal, backup) && (near < 2 || within_cap(oracle, c, b)));
			double kept = 0, cost;

			if (!possible)
				continue;
			for (size_t i = 0; i < clients->before_count; i++) {
				if (clients->before[i].primary == k && clients->before[i].backup == backup)
					kept += clients->before[i].share;
			}
			cost = pair_cost(oracle, c, (region_id)k, backup) * clients->demand;
			oracle->pair[c][k][b] = add_column(oracle, kept, cost);
			add_column(oracle, INFINITY, cost
			    + (oracle->had[c] ? BACKUP_CHURN * oracle->problem->churn_cost * clients->demand : 0));
		}
	}
}

/* Of the part of `free` that one primary may have, what is beyond costs `cost`. The column of the excess. */
static int
add_allowance(struct oracle *oracle, size_t c, size_t k, double free_part, double cost)
{
	static struct row row;
	int excess = add_column(oracle, INFINITY, cost * oracle->problem->clients[c].demand);

	row.count = 0;
	for (size_t b = 0; b <= WORLD_REGIONS; b++) {
		if (oracle->pair[c][k][b] > 0)
			put_pair(oracle, &row, c, (region_id)k, b, 1);
	}
	row_put(&row, excess, -1);
	row_add(oracle, &row, GLP_UP, free_part);
	return excess;
}

static void
add_client_rows(struct oracle *oracle, size_t c)
{
	const struct planner_clients *clients = &oracle->problem->clients[c];
	static struct row row;
	double all = 0, legal = 0;

	row.count = 0;
	for (size_t k = 0; k < oracle->problem->region_count; k++) {
		for (size_t b = 0; b <= WORLD_REGIONS; b++) {
			if (oracle->pair[c][k][b] > 0)
				put_pair(oracle, &row, c, (region_id)k, b, 1);
		}
	}
	row_add(oracle, &row, GLP_FX, 1);
	for (size_t k = 0; clients->target != NULL && k < oracle->problem->region_count; k++) {
		all += clients->target[k];
		for (size_t i = 0; i < oracle->order_count[c]; i++)
			legal += oracle->order[c][i] == k ? clients->target[k] : 0;
	}
	for (size_t i = 0; i < oracle->order_count[c]; i++) {
		region_id k = oracle->order[c][i];

		/* With a part of 0 the pair costs that by itself; transitions count it, too. */
		oracle->arrived[c][k] = add_allowance(oracle, c, k, oracle->prior[c][k],
		    oracle->prior[c][k] > 0 ? oracle->problem->churn_cost : 0);
		if (clients->target != NULL && clients->target[k] > 0)
			add_allowance(oracle, c, k, clients->target[k] * all / legal, clients->target_cost);
	}
}

static void
add_loads(struct oracle *oracle, struct region_set lost, double part)
{
	static struct row row;

	for (size_t r = 0; r < oracle->problem->region_count; r++) {
		double capacity = oracle->problem->regions[r].capacity;

		if (region_set_has(&lost, (region_id)r) || !(capacity > 0))
			continue;
		row.count = 0;
		for (size_t c = 0; c < oracle->problem->client_count; c++) {
			for (size_t k = 0; k < oracle->problem->region_count; k++) {
				for (size_t b = 0; b <= WORLD_REGIONS; b++) {
					region_id backup = b == WORLD_REGIONS ? NO_REGION : (region_id)b;

					if (oracle->pair[c][k][b] > 0 && landing(oracle, c, (region_id)k, backup, lost) == r)
						put_pair(oracle, &row, c, (region_id)k, b, oracle->problem->clients[c].demand);
				}
			}
		}
		if (oracle->terms.yields) {
			double taken = capacity * fmax(part, 1) - capacity * part / oracle->terms.margin;

			row_put(&row, add_column(oracle, taken, MARGIN_MS), -1);
		}
		row_add(oracle, &row, GLP_UP, part * capacity / oracle->terms.margin);
	}
}

static void
add_entries(struct oracle *oracle)
{
	static struct row row;

	for (size_t r = 0; r < oracle->problem->region_count; r++) {
		double room = oracle->problem->regions[r].capacity / (oracle->terms.yields ? 1 : oracle->terms.margin);

		if (!(room > 0))
			continue;
		row.count = 0;
		for (size_t c = 0; c < oracle->problem->client_count; c++) {
			room -= oracle->prior[c][r] * oracle->problem->clients[c].demand;
			if (oracle->arrived[c][r] > 0)
				row_put(&row, oracle->arrived[c][r], oracle->problem->clients[c].demand);
		}
		row_add(oracle, &row, GLP_UP, room > 0 ? room : 0);
	}
}

/* The least cost by these terms, or NAN: impossible. */
static double
second_opinion(const struct planner_problem *problem, struct terms terms)
{
	static struct oracle oracle;
	glp_smcp how;
	double cost = NAN;

	memset(&oracle, 0, sizeof(oracle));
	oracle.problem = problem;
	oracle.terms = terms;
	oracle.lp = glp_create_prob();
	for (size_t r = 0; r < problem->region_count; r++) {
		if (!region_set_has(&problem->dead, (region_id)r))
			region_set_add(&oracle.live, (region_id)r);
	}
	for (size_t c = 0; c < problem->client_count; c++) {
		make_order(&oracle, c);
		if (oracle.order_count[c] == 0)
			continue;
		add_pairs(&oracle, c);
		add_client_rows(&oracle, c);
	}
	add_loads(&oracle, (struct region_set){ 0 }, terms.normal);
	for (size_t r = 0; r < problem->region_count; r++) {
		if (region_set_has(&oracle.live, (region_id)r))
			add_loads(&oracle, only((region_id)r), terms.loss);
	}
	for (size_t q = 0; q < problem->risk_group_count; q++) {
		if (!region_set_is_empty(group_of(&oracle, q)))
			add_loads(&oracle, group_of(&oracle, q), terms.loss);
	}
	if (terms.entry)
		add_entries(&oracle);
	glp_init_smcp(&how);
	how.msg_lev = GLP_MSG_OFF;
	how.presolve = GLP_ON;
	how.tol_bnd = 1e-9;
	how.tol_dj = 1e-9;
	if (glp_get_num_cols(oracle.lp) == 0)
		cost = 0;
	else if (glp_simplex(oracle.lp, &how) == 0 && glp_get_status(oracle.lp) == GLP_OPT)
		cost = glp_get_obj_val(oracle.lp);
	glp_delete_prob(oracle.lp);
	return cost;
}

static bool
same(double a, double b)
{
	return fabs(a - b) <= 1e-6 * fmax(1, fabs(b));
}

/* The planner says what the other solver does: how much it costs, or that it can't be. */
static void
compare(const char *name, const struct planner_problem *problem, size_t *optimal, size_t *relaxed)
{
	struct planner *planner = planner_new();
	struct arena *arena = arena_new();
	struct terms terms = { problem->normal_limit, problem->loss_limit,
		1 + problem->quantile_z * problem->common_error, false, false };
	const struct planner_result *result;
	double cost, entry;
	bool on_the_way;

	assert(planner != NULL && arena != NULL);
	result = planner_solve(planner, problem, arena);
	assert(result != NULL);
	cost = second_opinion(problem, terms);
	on_the_way = result->step_count == 1 && strstr(result->steps[0].what, "on the way") != NULL;
	SUITE_ROW(name, (result->method == PLANNER_OPTIMAL || on_the_way) == !isnan(cost));
	if (result->method == PLANNER_OPTIMAL || on_the_way) {
		++*optimal;
	} else if (result->steps[result->step_count - 1].kind == RELAX_MARGINS) {
		terms.yields = true;
		cost = second_opinion(problem, terms);
		SUITE_ROW(name, !isnan(cost));
		++*relaxed;
	} else {
		goto done;
	}
	terms.entry = true;
	entry = second_opinion(problem, terms);
	SUITE_ROW(name, same(result->objective, isnan(entry) ? cost : entry));
	if (!same(result->objective, isnan(entry) ? cost : entry))
		printf("# %s: planner %.9g, second solver %.9g, with transitions %.9g\n", name, result->objective, cost, entry);
done:
	arena_free(arena);
	planner_free(planner);
}

static void
test_simple_worlds(void)
{
	size_t optimal = 0, relaxed = 0;
	unsigned worlds = suite_rounds(200);

	for (uint64_t seed = 1; seed <= worlds; seed++) {
		static struct planner_world world;
		char name[32];

		snprintf(name, sizeof(name), "world %u", (unsigned)seed);
		world_random(&world, seed, 0.2 + 0.4 * (double)(seed % 10) / 10);
		compare(name, &world.problem, &optimal, &relaxed);
	}
	CU_ASSERT(optimal >= worlds * 2 / 5);
	CU_ASSERT(relaxed >= worlds / 60);
	printf("# %zu optimal, %zu with margins relaxed\n", optimal, relaxed);
}

static void
test_complicated_worlds(void)
{
	size_t optimal = 0, relaxed = 0;
	unsigned worlds = suite_rounds(200);

	for (uint64_t seed = 1; seed <= worlds; seed++) {
		static struct planner_world world;
		char name[32];

		snprintf(name, sizeof(name), "world %u", (unsigned)seed);
		world_random(&world, seed, 0.1 + 0.35 * (double)(seed % 10) / 10);
		world_complicate(&world);
		for (size_t c = 0; c < world.problem.client_count; c++)
			world.clients[c].fixed = false;
		compare(name, &world.problem, &optimal, &relaxed);
	}
	CU_ASSERT(optimal >= worlds * 3 / 10);
	printf("# %zu optimal, %zu with margins relaxed\n", optimal, relaxed);
}

/* ---- exhaustive search ------------------------------------------------------------------------------------------- */

#define PARTS 8				/* shares are multiples of 1 / PARTS */
#define TINY_REGIONS 3
#define TINY_PAIRS 6

struct grid {
	struct oracle oracle;
	size_t clients;
	region_id primary[TINY_PAIRS], backup[TINY_PAIRS];
	int parts[2][TINY_PAIRS];
	double best;
};

static bool
fits(const struct grid *grid, struct region_set lost, double part)
{
	const struct planner_problem *problem = grid->oracle.problem;
	double load[TINY_REGIONS] = { 0 };

	for (size_t c = 0; c < grid->clients; c++) {
		for (size_t i = 0; i < TINY_PAIRS; i++) {
			region_id at = landing(&grid->oracle, c, grid->primary[i], grid->backup[i], lost);

			load[at] += problem->clients[c].demand * grid->parts[c][i] / PARTS;
		}
	}
	for (size_t r = 0; r < TINY_REGIONS; r++) {
		if (load[r] > part * problem->regions[r].capacity + 1e-9)
			return false;
	}
	return true;
}

static void
judge(struct grid *grid)
{
	const struct planner_problem *problem = grid->oracle.problem;
	double cost = 0;

	for (size_t c = 0; c < grid->clients; c++) {
		for (size_t i = 0; i < TINY_PAIRS; i++)
			cost += grid->parts[c][i] == 0 ? 0 : problem->clients[c].demand * grid->parts[c][i] / PARTS
			    * pair_cost(&grid->oracle, c, grid->primary[i], grid->backup[i]);
	}
	if (cost >= grid->best || !fits(grid, (struct region_set){ 0 }, problem->normal_limit))
		return;
	for (region_id r = 0; r < TINY_REGIONS; r++) {
		if (!fits(grid, only(r), problem->loss_limit))
			return;
	}
	grid->best = cost;
}

static void
try_all(struct grid *grid, size_t c, size_t i, int left)
{
	if (c == grid->clients) {
		judge(grid);
		return;
	}
	if (i == TINY_PAIRS - 1) {
		grid->parts[c][i] = left;
		try_all(grid, c + 1, 0, PARTS);
		return;
	}
	for (int n = 0; n <= left; n++) {
		grid->parts[c][i] = n;
		try_all(grid, c, i + 1, left - n);
	}
}

/* Is this sharing one of those that were tried? */
static bool
on_grid(const struct planner_result *result, size_t clients)
{
	for (size_t c = 0; c < clients; c++) {
		for (size_t i = 0; i < result->shares[c].pair_count; i++) {
			double parts = result->shares[c].pairs[i].share * PARTS;

			if (fabs(parts - round(parts)) > 1e-6)
				return false;
		}
	}
	return true;
}

static void
test_exhaustive(void)
{
	size_t exact = 0, feasible = 0;
	unsigned worlds = suite_rounds(40);

	for (uint64_t seed = 1; seed <= worlds; seed++) {
		static struct planner_world world;
		static struct grid grid;
		struct planner *planner = planner_new();
		struct arena *arena = arena_new();
		const struct planner_result *result;
		size_t pair = 0;

		memset(&grid, 0, sizeof(grid));
		world_init(&world, TINY_REGIONS, 1 + seed % 2);
		world.state = seed;
		for (size_t r = 0; r < TINY_REGIONS; r++) {
			world.regions[r].capacity = (double)(4 + world_below(&world, 12));
			world.regions[r].failure = 0.1 * world_dice(&world);
			for (size_t c = 0; c < world.problem.client_count; c++)
				world.latency[c][r] = (double)world_below(&world, 100);
		}
		for (size_t c = 0; c < world.problem.client_count; c++)
			world.clients[c].demand = PARTS;
		grid.oracle.problem = &world.problem;
		grid.clients = world.problem.client_count;
		grid.best = INFINITY;
		for (region_id r = 0; r < TINY_REGIONS; r++)
			region_set_add(&grid.oracle.live, r);
		for (size_t c = 0; c < grid.clients; c++)
			make_order(&grid.oracle, c);
		for (region_id k = 0; k < TINY_REGIONS; k++) {
			for (region_id b = 0; b < TINY_REGIONS; b++) {
				if (b != k) {
					grid.primary[pair] = k;
					grid.backup[pair++] = b;
				}
			}
		}
		try_all(&grid, 0, 0, PARTS);
		assert(planner != NULL && arena != NULL);
		result = planner_solve(planner, &world.problem, arena);
		assert(result != NULL);
		if (isfinite(grid.best)) {
			feasible++;
			CU_ASSERT(result->method == PLANNER_OPTIMAL);
			CU_ASSERT(result->objective <= grid.best + 1e-6);
		}
		if (result->method == PLANNER_OPTIMAL && on_grid(result, grid.clients)) {
			exact++;
			CU_ASSERT(same(result->objective, grid.best));
		}
		arena_free(arena);
		planner_free(planner);
	}
	printf("# %zu worlds with a plan, %zu with one on the grid\n", feasible, exact);
	CU_ASSERT(feasible >= worlds * 3 / 8);
	CU_ASSERT(exact >= worlds * 3 / 10);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "the optimum of 200 worlds is that of a second solver", .run = test_simple_worlds },
		{ .name = "and with caps, targets, last plans, dead regions and transitions", .run = test_complicated_worlds },
		{ .name = "tiny worlds: no sharing on a grid is better", .run = test_exhaustive },
	};

	return suite_run("planner_solvers", cases, ARRAY_SIZE(cases));
}
