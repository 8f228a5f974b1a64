/* test_planner.c -- plan/planner: worlds small enough to plan by hand. */
#include "planner/planner.h"

#include <assert.h>
#include <math.h>

#include "planner_world.h"
#include "suite.h"

enum { A, B, C, D, E };

static struct planner_world world;
static struct planner *planner;
static struct arena *arena;

static void
begin(size_t regions, size_t clients)
{
	world_init(&world, regions, clients);
	planner = planner_new();
	arena = arena_new();
	assert(planner != NULL && arena != NULL);
}

static void
end(void)
{
	planner_free(planner);
	arena_free(arena);
}

static const struct planner_result *
plan(void)
{
	const struct planner_result *result = planner_solve(planner, &world.problem, arena);

	assert(result != NULL);
	return result;
}

static void
set_latency(size_t client, double a, double b, double c, double d)
{
	world.latency[client][A] = a;
	world.latency[client][B] = b;
	world.latency[client][C] = c;
	world.latency[client][D] = d;
}

static double
share_of(const struct planner_result *result, size_t client, region_id primary, region_id backup)
{
	for (size_t i = 0; i < result->shares[client].pair_count; i++) {
		const struct plan_pair *pair = &result->shares[client].pairs[i];

		if (pair->primary == primary && pair->backup == backup)
			return pair->share;
	}
	return 0;
}

static double
primary_of(const struct planner_result *result, size_t client, region_id primary)
{
	double sum = 0;

	for (size_t i = 0; i < result->shares[client].pair_count; i++)
		sum += result->shares[client].pairs[i].primary == primary ? result->shares[client].pairs[i].share : 0;
	return sum;
}

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-6 * fmax(1, fabs(b));
}

static bool
same_shares(const struct planner_result *a, const struct planner_result *b)
{
	for (size_t c = 0; c < world.problem.client_count; c++) {
		const struct planner_share *p = &a->shares[c], *q = &b->shares[c];

		if (p->pair_count != q->pair_count || p->order_count != q->order_count
		    || memcmp(p->order, q->order, p->order_count) != 0)
			return false;
		for (size_t i = 0; i < p->pair_count; i++) {
			if (p->pairs[i].primary != q->pairs[i].primary || p->pairs[i].backup != q->pairs[i].backup
			    || memcmp(&p->pairs[i].share, &q->pairs[i].share, sizeof(double)) != 0)
				return false;
		}
	}
	return true;
}

/* ---- where clients go -------------------------------------------------------------------------------------------- */

static void
test_nearest(void)
{
	const struct planner_result *result;

	begin(3, 2);
	set_latency(0, 10, 20, 90, 0);
	set_latency(1, 90, 30, 10, 0);
	for (size_t r = 0; r < 3; r++)
		world.regions[r].failure = 0.01;
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL && near(result->step, 1));
	CU_ASSERT(near(share_of(result, 0, A, B), 1));
	CU_ASSERT(near(share_of(result, 1, C, B), 1));
	CU_ASSERT(near(result->latency, 10));
	CU_ASSERT(near(result->fill_now, 0.1) && near(result->fill_lost, 0.1));
	/* 10 ms, and with p = 0.01 the detour of 10 (20) ms and A = 100 ms. */
	CU_ASSERT(near(result->objective, 10 * (10 + 0.01 * 110) + 10 * (10 + 0.01 * 120)));
	CU_ASSERT(result->price_count == 0);
	end();
}

static void
test_full(void)
{
	const struct planner_result *result;

	/* 100 requests/s want A, which takes 60. */
	begin(2, 1);
	world.clients[0].demand = 100;
	set_latency(0, 10, 50, 0, 0);
	world.regions[A].capacity = 60;
	world.regions[B].capacity = 100;
	world.problem.loss_limit = 10;		/* losses don't matter here */
	result = plan();
	CU_ASSERT(near(primary_of(result, 0, A), 0.6));
	CU_ASSERT(result->price_count == 1 && result->prices[0].region == A && result->prices[0].lost == NO_REGION
	    && result->prices[0].risk_group == SIZE_MAX);
	CU_ASSERT(near(result->prices[0].price, 40));
	/* With h0 = 0.5, one more request/s of capacity is worth half. */
	world.problem.normal_limit = 0.5;
	world.regions[B].capacity = 1000;
	result = plan();
	CU_ASSERT(near(primary_of(result, 0, A), 0.3));
	CU_ASSERT(result->price_count == 1 && near(result->prices[0].price, 20));
	/* The forecasts' common error: room for demand x (1 + 2 x 0.25). */
	world.problem.common_error = 0.25;
	world.problem.quantile_z = 2;
	result = plan();
	CU_ASSERT(near(primary_of(result, 0, A), 0.2));
	end();
}

/* Clients of A back up to C, although B is nearer: B must take those of C. */
static void
test_losses(void)
{
	const struct planner_result *result;

	begin(3, 3);
	set_latency(0, 10, 20, 60, 0);
	set_latency(1, 30, 10, 30, 0);
	set_latency(2, 90, 20, 10, 0);
	for (size_t r = 0; r < 3; r++)
		world.regions[r] = (struct planner_region){ .name = world_names[r], .capacity = 15, .failure = 0.1 };
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL);
	CU_ASSERT(near(result->fill_now, 10.0 / 15) && near(result->fill_lost, 1));
	for (region_id f = 0; f < 3; f++) {
		struct region_set lost = { 0 };
		double loads[3], unserved = 0;

		region_set_add(&lost, f);
		planner_loads(&world.problem, result->shares, lost, loads, &unserved);
		CU_ASSERT(unserved == 0 && loads[f] == 0);
		for (size_t r = 0; r < 3; r++)
			CU_ASSERT(loads[r] <= 15 + 1e-6);
	}
	CU_ASSERT(result->price_count > 0 && result->prices[0].lost != NO_REGION);
	end();
}

/* A and B are lost together: no pair may lie in both, when neither C nor D could take a third place's load. */
static void
test_risk_group(void)
{
	const struct planner_result *result;

	begin(4, 2);
	set_latency(0, 10, 12, 50, 60);
	set_latency(1, 12, 10, 50, 60);
	for (size_t r = 0; r < 4; r++)
		world.regions[r].failure = 0.01;
	result = plan();
	CU_ASSERT(near(share_of(result, 0, A, B), 1) && near(share_of(result, 1, B, A), 1));
	region_set_add(&world.groups[0].regions, A);
	region_set_add(&world.groups[0].regions, B);
	world.groups[0].name = "coast";
	world.problem.risk_group_count = 1;
	/* The group itself never fails: third places serve. They begin with the best of the other group. */
	result = plan();
	CU_ASSERT(near(share_of(result, 0, A, B), 1));
	CU_ASSERT(result->shares[0].order[0] == A && result->shares[0].order[1] == C);
	/* All of C and D is needed when both are lost. */
	world.regions[C].capacity = world.regions[D].capacity = 10;
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL);
	for (size_t c = 0; c < 2; c++)
		CU_ASSERT(near(share_of(result, c, c == 0 ? A : B, C) + share_of(result, c, c == 0 ? A : B, D)
		    + share_of(result, c, c == 0 ? A : B, c == 0 ? B : A), 1));
	struct region_set lost = world.groups[0].regions;
	double loads[4], unserved = 0;
	planner_loads(&world.problem, result->shares, lost, loads, &unserved);
	CU_ASSERT(near(loads[C], 10) && near(loads[D], 10) && unserved == 0);
	bool found = false;
	for (size_t i = 0; i < result->price_count; i++)
		found = found || (result->prices[i].region == C && result->prices[i].risk_group == 0);
	CU_ASSERT(found);
	end();
}

static void
test_residency(void)
{
	const struct planner_result *result;

	begin(3, 3);
	set_latency(0, 10, 20, 30, 0);
	set_latency(1, 10, 20, 30, 0);
	set_latency(2, 10, 20, 30, 0);
	region_set_remove(&world.clients[0].legal, A);
	world.clients[1].legal = (struct region_set){ 0 };
	world.clients[2].legal = (struct region_set){ 0 };
	region_set_add(&world.clients[2].legal, C);
	result = plan();
	CU_ASSERT(near(share_of(result, 0, B, C), 1));
	CU_ASSERT(result->shares[0].order_count == 2 && result->shares[0].order[0] == B && result->shares[0].order[1] == C);
	CU_ASSERT(result->shares[1].pair_count == 0 && result->shares[1].order_count == 0);
	CU_ASSERT(near(share_of(result, 2, C, NO_REGION), 1));
	/* With B dead, the first client has C only. */
	region_set_add(&world.problem.dead, B);
	result = plan();
	CU_ASSERT(near(share_of(result, 0, C, NO_REGION), 1));
	double loads[3], unserved = 0;
	planner_loads(&world.problem, result->shares, (struct region_set){ 0 }, loads, &unserved);
	CU_ASSERT(near(loads[C], 20) && near(unserved, 10));
	end();
}

static void
test_unknown_capacity(void)
{
	const struct planner_result *result;

	begin(2, 1);
	set_latency(0, 10, 20, 0, 0);
	world.clients[0].demand = 1e6;
	world.regions[A].capacity = world.regions[B].capacity = 0;
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL && near(share_of(result, 0, A, B), 1));
	CU_ASSERT(result->fill_now == 0 && result->fill_lost == 0);
	end();
}

static void
test_fixed(void)
{
	const struct planner_result *result;

	/* 30 of A's 35 are taken by a static policy. */
	begin(2, 2);
	set_latency(0, 10, 20, 0, 0);
	set_latency(1, 10, 20, 0, 0);
	world.regions[A].capacity = 35;
	world.problem.loss_limit = 10;
	world.clients[0].fixed = true;
	world.clients[0].demand = 30;
	world.clients[0].before_count = 1;
	world.before[0][0] = (struct plan_pair){ A, B, 1 };
	result = plan();
	CU_ASSERT(result->shares[0].pairs == world.before[0]);
	CU_ASSERT(near(primary_of(result, 1, A), 0.5) && near(primary_of(result, 1, B), 0.5));
	/* It goes on to its backup when its primary is dead. */
	region_set_add(&world.problem.dead, A);
	result = plan();
	CU_ASSERT(near(result->fill_now, 0.4));
	end();
}

/* ---- costs ------------------------------------------------------------------------------------------------------- */

static void
test_price_and_failure(void)
{
	const struct planner_result *result;

	begin(2, 1);
	set_latency(0, 10, 20, 0, 0);
	world.regions[A].price = 9;
	CU_ASSERT(near(primary_of(plan(), 0, A), 1));
	world.regions[A].price = 11;
	CU_ASSERT(near(primary_of(plan(), 0, B), 1));
	world.regions[A].price = 0;
	world.regions[A].failure = 0.2;		/* 20 ms by A, and 2 ms by the detour */
	result = plan();
	CU_ASSERT(near(primary_of(result, 0, B), 1) && result->shares[0].order[0] == B);
	end();
}

static void
test_target(void)
{
	const struct planner_result *result;

	begin(2, 1);
	set_latency(0, 10, 10, 0, 0);
	world.clients[0].target = world.target[0];
	world.clients[0].target_cost = 50;
	world.target[0][A] = 0.3;
	world.target[0][B] = 0.7;
	result = plan();
	CU_ASSERT(near(primary_of(result, 0, A), 0.3));		/* breaks the tie */
	set_latency(0, 10, 55, 0, 0);
	CU_ASSERT(near(primary_of(plan(), 0, A), 0.3));		/* and leads against 45 ms */
	set_latency(0, 10, 65, 0, 0);
	CU_ASSERT(near(primary_of(plan(), 0, A), 1));		/* but not against 55 */
	set_latency(0, 10, 10, 0, 0);
	world.target[0][A] = 1;
	world.target[0][B] = 0;
	CU_ASSERT(near(primary_of(plan(), 0, A), 1));
	region_set_add(&world.problem.dead, A);
	CU_ASSERT(near(primary_of(plan(), 0, B), 1));
	end();
}

static void
test_cap(void)
{
	const struct planner_result *result;

	begin(3, 1);
	set_latency(0, 10, 20, 30, 0);
	world.clients[0].latency_cap = 25;
	world.regions[A].price = world.regions[B].price = 100;
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL && near(share_of(result, 0, A, B), 1));
	/* One region within the cap: its backup lies beyond it. */
	world.clients[0].latency_cap = 15;
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL && near(primary_of(result, 0, A), 1));
	CU_ASSERT(share_of(result, 0, A, NO_REGION) == 0);
	end();
}

/* With K = 2 the two nearest are full: the third, the fourth, the fifth come in, and the result is the best of all. */
static void
test_nearest_raised(void)
{
	const struct planner_result *result;

	begin(5, 1);
	for (size_t r = 0; r < 5; r++) {
		world.latency[0][r] = 10 * (double)(r + 1);
		world.regions[r].capacity = 20;
	}
	world.clients[0].demand = 80;
	world.problem.nearest = 2;
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL);
	for (region_id r = 0; r < 5; r++)
		CU_ASSERT(near(share_of(result, 0, r, E), r < 4 ? 0.25 : 0));
	world.problem.loss_limit = 2;
	result = plan();
	for (region_id r = 0; r < 5; r++)
		CU_ASSERT(near(primary_of(result, 0, r), r < 4 ? 0.25 : 0));
	end();
}

/* Errors of the clients' own: the reserve is the quantile of the sum, so many small ones need less than a large one. */
static void
test_own_errors(void)
{
	double kept[2];

	for (int many = 0; many < 2; many++) {
		size_t count = many ? 9 : 1;
		const struct planner_result *result;

		begin(2, count);
		world.problem.loss_limit = 100;
		world.problem.quantile_z = 2;
		world.regions[A].capacity = 60;
		for (size_t c = 0; c < count; c++) {
			set_latency(c, 10, 20, 0, 0);
			world.clients[c].demand = 90.0 / (double)count;
			world.clients[c].error = 0.2;
		}
		result = plan();
		CU_ASSERT(result->method == PLANNER_OPTIMAL);
		kept[many] = 60 - 60 * result->fill_now;
		double loads[2], unserved = 0;
		planner_loads(&world.problem, result->shares, (struct region_set){ 0 }, loads, &unserved);
		kept[many] = 60 - loads[A];
		end();
	}
	CU_ASSERT(near(kept[0], 60 - 60 / 1.4));	/* L + 2 x 0.2 L = 60 */
	CU_ASSERT(kept[1] > 6 && kept[1] < 9);		/* about 2 x 0.2 x 10 x sqrt(5.2), of which 5 % may lack */
}

/* ---- from plan to plan ------------------------------------------------------------------------------------------- */

static void
test_hysteresis(void)
{
	const struct planner_result *first, *again;

	begin(2, 2);
	set_latency(0, 10, 10.5, 0, 0);
	set_latency(1, 10, 10.5, 0, 0);
	world.problem.churn_cost = 2;
	first = plan();
	CU_ASSERT(near(primary_of(first, 0, A), 1));
	world_adopt(&world, first);
	set_latency(0, 10, 8.1, 0, 0);
	again = plan();
	CU_ASSERT(near(primary_of(again, 0, A), 1));		/* 1.9 ms isn't worth it */
	set_latency(0, 10, 7.7, 0, 0);		/* 2 ms, and a tenth of that for the new list */
	again = plan();
	CU_ASSERT(near(primary_of(again, 0, B), 1) && near(primary_of(again, 1, A), 1));
	end();
}

/* What a dead region's clients went to is where they are: they stay there, and others with them. */
static void
test_after_a_death(void)
{
	const struct planner_result *result;

	begin(4, 2);
	set_latency(0, 10, 20, 21, 90);
	set_latency(1, 90, 90, 10, 20);
	world.problem.churn_cost = 5;
	world_adopt(&world, plan());
	world.before[0][0] = (struct plan_pair){ A, C, 1 };
	region_set_add(&world.problem.dead, A);
	result = plan();
	CU_ASSERT(near(primary_of(result, 0, C), 1));		/* B would be 1 ms nearer */
	CU_ASSERT(near(primary_of(result, 1, C), 1));
	end();
}

static void
test_unchanged_worlds(void)
{
	size_t split = 0;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		const struct planner_result *first, *second;
		char name[32];

		snprintf(name, sizeof(name), "world %u", (unsigned)seed);
		planner = planner_new();
		arena = arena_new();
		assert(planner != NULL && arena != NULL);
		world_random(&world, seed, 0.2 + 0.4 * (double)(seed % 10) / 10);
		world.problem.churn_cost += 0.1;
		for (size_t c = 0; c < world.problem.client_count; c++)
			world.clients[c].error = seed % 2 ? 0 : 0.2;
		first = plan();
		world_adopt(&world, first);
		second = plan();
		for (size_t c = 0; c < world.problem.client_count; c++) {
			SUITE_ROW(name, first->shares[c].pair_count == second->shares[c].pair_count);
			split += first->shares[c].pair_count > 1;
			for (size_t i = 0; i < first->shares[c].pair_count; i++) {
				const struct plan_pair *pair = &first->shares[c].pairs[i];

				SUITE_ROW(name, fabs(pair->share - share_of(second, c, pair->primary, pair->backup)) < 1e-6);
			}
		}
		end();
	}
	printf("# %zu clients with more than one pair\n", split);
	CU_ASSERT(split > 30);
}

static void
test_deterministic(void)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct planner *other = planner_new();
		const struct planner_result *a, *b;

		world_random(&world, seed, 0.3);
		world_complicate(&world);
		planner = planner_new();
		arena = arena_new();
		assert(planner != NULL && other != NULL && arena != NULL);
		for (int round = 0; round < 3; round++) {
			a = plan();
			b = planner_solve(other, &world.problem, arena);
			assert(b != NULL);
			CU_ASSERT(same_shares(a, b) && memcmp(&a->objective, &b->objective, sizeof(double)) == 0);
			world_adopt(&world, a);
			world.clients[0].demand *= 1.1;
		}
		planner_free(other);
		end();
	}
}

/* Both swap regions: for one TTL each would hold both. They do it in part, or not at once. */
static void
test_transition(void)
{
	const struct planner_result *result;
	double most = 0;

	begin(2, 2);
	world.problem.loss_limit = 10;
	world.regions[A].capacity = world.regions[B].capacity = 12;
	world.clients[0].before_count = world.clients[1].before_count = 1;
	world.before[0][0] = (struct plan_pair){ A, B, 1 };
	world.before[1][0] = (struct plan_pair){ B, A, 1 };
	set_latency(0, 50, 10, 0, 0);
	set_latency(1, 10, 50, 0, 0);
	for (int round = 0; round < 8; round++) {
		double moved[2];

		result = plan();
		CU_ASSERT(round > 0 || result->step < 0.5);	/* 2 of 10 */
		moved[0] = primary_of(result, 0, B);
		moved[1] = primary_of(result, 1, A);
		for (size_t c = 0; c < 2; c++) {
			double had = 0;

			for (size_t i = 0; i < world.clients[c].before_count; i++)
				had += world.before[c][i].primary == (c == 0 ? B : A) ? world.before[c][i].share : 0;
			CU_ASSERT(10 * (moved[c] - had) <= 2 + 1e-6);	/* the room beside what is there */
		}
		most = fmax(most, moved[0]);
		world_adopt(&world, result);
	}
	CU_ASSERT(near(most, 1) && near(result->step, 1));	/* they arrive */
	end();
}

/* A and D have 99 of 80 that they may have: 19 of each must go to B, which for one TTL still has 80 of its own. */
static void
test_step(void)
{
	static const unsigned legal[] = { 1 << A | 1 << B, 1 << D | 1 << B, 1 << B | 1 << C };
	const struct planner_result *result;
	double step = 20.0 / 38;

	begin(4, 3);
	world.problem.loss_limit = 10;
	world.problem.normal_limit = 0.8;
	for (size_t c = 0; c < 3; c++) {
		world.clients[c].legal = (struct region_set){ { legal[c] } };
		world.clients[c].demand = c < 2 ? 99 : 80;
		world.clients[c].before_count = 1;
	}
	world.before[0][0] = (struct plan_pair){ A, B, 1 };
	world.before[1][0] = (struct plan_pair){ D, B, 1 };
	world.before[2][0] = (struct plan_pair){ B, C, 1 };
	result = plan();
	CU_ASSERT(near(result->step, step));
	CU_ASSERT(near(99 * primary_of(result, 0, B), 19 * step) && near(99 * primary_of(result, 1, B), 19 * step));
	CU_ASSERT(near(80 * primary_of(result, 2, C), 38 * step));
	CU_ASSERT(result->method == PLANNER_RELAXED && result->step_count == 1 && near(result->normal_limit, 1));
	SUITE_TEXT(result->steps[0].what, "margins, on the way from the last plan");
	SUITE_TEXT(result->steps[0].why, "b would get 38 requests/s at once, and beside those of the last plan, whom caches lead "
	    "there, it has room for 20");
	/* The rest of the way. */
	for (int round = 0; round < 6 && result->step < 1; round++) {
		world_adopt(&world, result);
		result = plan();
	}
	CU_ASSERT(result->method == PLANNER_OPTIMAL && near(result->step, 1) && near(result->fill_now, 0.8));
	/* Where the last plan overloads a region, it's left at once. */
	world.clients[0].demand = 140;
	for (size_t c = 0; c < 3; c++)
		world.clients[c].before_count = 1;
	world.before[0][0] = (struct plan_pair){ A, B, 1 };
	world.before[1][0] = (struct plan_pair){ D, B, 1 };
	world.before[2][0] = (struct plan_pair){ B, C, 1 };
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL && near(result->step, 1) && near(result->fill_now, 0.8));
	end();
}

/* ---- when it can't be solved ------------------------------------------------------------------------------------- */

static void
test_no_time(void)
{
	const struct planner_result *result;

	begin(3, 3);
	world.problem.time_limit_ms = 0;
	world.regions[A].capacity = 100;
	world.regions[B].capacity = 300;
	world.regions[C].capacity = 0;
	region_set_remove(&world.clients[1].legal, B);
	result = plan();
	CU_ASSERT(result->method == PLANNER_BY_CAPACITY);
	CU_ASSERT(near(primary_of(result, 0, A), 100.0 / 600) && near(primary_of(result, 0, B), 300.0 / 600));
	CU_ASSERT(primary_of(result, 1, B) == 0 && near(primary_of(result, 1, A), 0.5));
	/* The last plan, without the dead region. */
	world.clients[0].before_count = 2;
	world.before[0][0] = (struct plan_pair){ A, B, 0.25 };
	world.before[0][1] = (struct plan_pair){ B, A, 0.75 };
	region_set_add(&world.problem.dead, A);
	result = plan();
	CU_ASSERT(result->method == PLANNER_CLIPPED);
	CU_ASSERT(near(primary_of(result, 0, B), 1) && near(share_of(result, 0, B, C), 1));
	end();
}

static void
test_nothing(void)
{
	const struct planner_result *result;

	begin(0, 0);
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL && result->objective == 0);
	end();
	begin(2, 0);
	result = plan();
	CU_ASSERT(result->method == PLANNER_OPTIMAL && result->price_count == 0);
	end();
	begin(2, 1);
	world.clients[0].demand = 0;
	set_latency(0, 20, 10, 0, 0);
	result = plan();
	CU_ASSERT(near(share_of(result, 0, B, A), 1));
	end();
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "clients go to the nearest, with the next as backup", .run = test_nearest },
		{ .name = "a full region has a price", .run = test_full },
		{ .name = "no loss overloads", .run = test_losses },
		{ .name = "a risk group is a loss", .run = test_risk_group },
		{ .name = "residency, dead regions, and nobody legal", .run = test_residency },
		{ .name = "a region of unknown capacity has no limit", .run = test_unknown_capacity },
		{ .name = "fixed clients are part of every load", .run = test_fixed },
		{ .name = "operator's price and failure probability", .run = test_price_and_failure },
		{ .name = "target shares", .run = test_target },
		{ .name = "latency caps", .run = test_cap },
		{ .name = "K is raised where a price is high", .run = test_nearest_raised },
		{ .name = "the clients' own errors", .run = test_own_errors },
		{ .name = "nobody moves for less than kappa", .run = test_hysteresis },
		{ .name = "after a death clients stay where they went", .run = test_after_a_death },
		{ .name = "an unchanged world has an unchanged plan", .run = test_unchanged_worlds },
		{ .name = "the same worlds, the same bytes", .run = test_deterministic },
		{ .name = "no region carries the old and the new beyond its capacity", .run = test_transition },
		{ .name = "a last plan past its limits is left in steps", .run = test_step },
		{ .name = "no time: the last plan, or by capacity", .run = test_no_time },
		{ .name = "nothing to plan", .run = test_nothing },
	};

	return suite_run("planner", cases, ARRAY_SIZE(cases));
}
