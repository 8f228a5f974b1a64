/* test_planner_relax.c -- what gives way when not everything can be had: the order, the least, and the words. */
#include <assert.h>
#include <math.h>

#include "planner/planner.h"
#include "planner_world.h"
#include "suite.h"

enum { A, B, C, D };

static struct planner_world world;
static struct planner *planner;
static struct arena *arena;

static void
begin(size_t regions, size_t clients)
{
	static const char *const regions_of[] = { "eu-west", "eu-central", "us-east", "us-west" };
	static const char *const clients_of[] = { "germany", "france", "america" };

	world_init(&world, regions, clients);
	for (size_t r = 0; r < regions; r++)
		world.regions[r].name = regions_of[r];
	for (size_t c = 0; c < clients; c++)
		world.clients[c].name = clients_of[c];
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

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-6 * fmax(1, fabs(b));
}

static void
check_step(const struct planner_result *result, size_t i, enum planner_relaxation kind, const char *what, const char *why)
{
	if (i >= result->step_count) {
		CU_FAIL("too few steps");
		return;
	}
	CU_ASSERT(result->steps[i].kind == kind);
	SUITE_TEXT(result->steps[i].what, what);
	SUITE_TEXT(result->steps[i].why, why);
}

static double
load_of(const struct planner_result *result, region_id region, int lost)
{
	struct region_set set = { 0 };
	double loads[WORLD_REGIONS], unserved = 0;

	if (lost >= 0)
		region_set_add(&set, (region_id)lost);
	planner_loads(&world.problem, result->shares, set, loads, &unserved);
	return loads[region];
}

static void
test_margins(void)
{
	const struct planner_result *result;

	begin(2, 1);
	world.clients[0].demand = 41000;
	world.regions[A].capacity = world.regions[B].capacity = 44000;
	world.problem.normal_limit = 0.8;
	world.problem.loss_limit = 0.9;
	world.latency[0][B] = 10;
	result = plan();
	CU_ASSERT(result->method == PLANNER_RELAXED && result->step_count == 2);
	check_step(result, 0, RELAX_MARGINS, "margin of eu-west: it may be filled to 0.932 of its capacity if eu-central is lost, "
	    "not 0.9",
	    "if eu-central is lost, clients of germany need 41k requests/s, their legal regions eu-west have room for 39.6k");
	check_step(result, 1, RELAX_MARGINS, "margin of eu-central: it may be filled to 0.932 of its capacity if eu-west is lost, "
	    "not 0.9",
	    "if eu-west is lost, clients of germany need 41k requests/s, their legal regions eu-central have room for 39.6k");
	CU_ASSERT(near(result->normal_limit, 1) && near(result->loss_limit, 1) && near(result->margin, 1));
	/* What a loss needs isn't taken of the margin of normal times. */
	CU_ASSERT(near(load_of(result, A, -1), 0.8 * 44000));
	end();
}

/* Germany can't be kept within the margins of its two regions; America's two have room, and keep theirs, although filling
 * the nearer one whole would be faster. */
static void
test_margins_of_others(void)
{
	const struct planner_result *result;

	begin(4, 3);
	for (size_t c = 0; c < 3; c++) {
		world.clients[c].legal = (struct region_set){ 0 };
		region_set_add(&world.clients[c].legal, c == 2 ? C : A);
		region_set_add(&world.clients[c].legal, c == 2 ? D : B);
		world.clients[c].demand = c == 2 ? 9.5 : 4.9;
		world.clients[c].error = 0.1;
	}
	for (size_t r = 0; r < 4; r++)
		world.regions[r].capacity = r < 2 ? 10 : 12;
	world.latency[2][C] = 10;
	world.latency[2][D] = 100;
	world.problem.normal_limit = 0.7;
	world.problem.loss_limit = 0.95;
	world.problem.quantile_z = 1.64;
	result = plan();
	CU_ASSERT(result->method == PLANNER_RELAXED && result->step_count == 2);
	for (size_t i = 0; i < result->step_count; i++) {
		CU_ASSERT(result->steps[i].kind == RELAX_MARGINS);
		CU_ASSERT(strstr(result->steps[i].what, i == 0 ? "margin of eu-west: " : "margin of eu-central: ") != NULL);
		CU_ASSERT(strstr(result->steps[i].why, "clients of germany, france need 9.8 requests/s") != NULL);
	}
	CU_ASSERT(load_of(result, A, B) <= 10 && load_of(result, B, A) <= 10);
	CU_ASSERT(load_of(result, C, -1) <= 0.7 * 12 + 1e-6);
	/* And the reserve for errors: z times 10 % of what there is of America. */
	CU_ASSERT(load_of(result, C, -1) * (1 + 0.95 * 0.164) <= 0.7 * 12 + 1e-6);
	CU_ASSERT(load_of(result, C, -1) >= 6);
	end();
}

/* The same with a loss that can't be borne at all: it gives way, and nobody else's margin with it. */
static void
test_margins_beside_losses(void)
{
	const struct planner_result *result;

	begin(4, 2);
	for (size_t c = 0; c < 2; c++) {
		world.clients[c].legal = (struct region_set){ 0 };
		region_set_add(&world.clients[c].legal, c == 1 ? C : A);
		region_set_add(&world.clients[c].legal, c == 1 ? D : B);
		world.clients[c].demand = c == 1 ? 9 : 15;
	}
	for (size_t r = 0; r < 4; r++)
		world.regions[r].capacity = r < 2 ? 10 : 12;
	world.latency[1][C] = 10;
	world.latency[1][D] = 100;
	world.problem.normal_limit = 0.7;
	world.problem.loss_limit = 0.95;
	result = plan();
	for (size_t i = 0; i < result->step_count; i++) {
		CU_ASSERT(strstr(result->steps[i].what, "us-") == NULL);
		CU_ASSERT(strstr(result->steps[i].why, "america") == NULL);
	}
	CU_ASSERT(result->step_count >= 3 && result->steps[result->step_count - 1].kind == RELAX_LOSS);
	CU_ASSERT(near(load_of(result, C, -1), 0.7 * 12));
	CU_ASSERT(load_of(result, A, -1) <= 10 + 1e-6 && load_of(result, B, -1) <= 10 + 1e-6);
	end();
}

static void
test_caps(void)
{
	const struct planner_result *result;

	/* Germany and France may use the first two, near, regions, which hold 15 of their 20; only one must look further. */
	begin(3, 2);
	for (size_t c = 0; c < 2; c++) {
		world.latency[c][A] = 10;
		world.latency[c][B] = 12;
		world.latency[c][C] = c == 0 ? 80 : 90;
		world.clients[c].latency_cap = 50;
	}
	world.regions[A].capacity = world.regions[B].capacity = 7.5;
	world.problem.loss_limit = 100;
	result = plan();
	CU_ASSERT(result->method == PLANNER_RELAXED && result->step_count == 1);
	CU_ASSERT(result->steps[0].kind == RELAX_LATENCY);
	SUITE_TEXT(result->steps[0].why, "clients of germany, france need 20 requests/s, their legal regions eu-west, eu-central "
	    "have room for 15");
	CU_ASSERT(strcmp(result->steps[0].what, "latency caps of germany") == 0
	    || strcmp(result->steps[0].what, "latency caps of france") == 0);
	CU_ASSERT(near(load_of(result, C, -1), 5));
	end();
	/* No region at all within the cap. */
	begin(2, 1);
	world.latency[0][A] = 40;
	world.latency[0][B] = 30;
	world.clients[0].latency_cap = 20;
	result = plan();
	CU_ASSERT(result->step_count == 1);
	check_step(result, 0, RELAX_LATENCY, "latency caps of germany", "no legal region is as near");
	CU_ASSERT(near(load_of(result, B, -1), 10));
	end();
}

/* 20 requests/s and three regions of 9: any two hold 18. The two least probable losses give way, the third is kept. */
static void
test_losses(void)
{
	const struct planner_result *result;

	begin(3, 2);
	for (size_t r = 0; r < 3; r++) {
		world.regions[r].capacity = 9;
		world.regions[r].failure = 0.1 * (double)(3 - r);
	}
	world.regions[C].capacity = 12;		/* A or B lost: 21; C lost: 18 */
	result = plan();
	CU_ASSERT(result->step_count == 1);
	check_step(result, 0, RELAX_LOSS, "loss of us-east",
	    "if us-east is lost, clients of germany, france need 20 requests/s, their legal regions eu-west, eu-central have "
	    "room for 18");
	CU_ASSERT(load_of(result, B, A) <= 9 + 1e-6 && load_of(result, C, A) <= 12 + 1e-6);
	CU_ASSERT(load_of(result, A, B) <= 9 + 1e-6 && load_of(result, C, B) <= 12 + 1e-6);
	/* What is too much in the loss that gave way is as little as can be. */
	CU_ASSERT(near(fmax(load_of(result, A, C) - 9, 0) + fmax(load_of(result, B, C) - 9, 0), 2));
	/* With 9 each all three are short: from the least probable on. */
	world.regions[C].capacity = 9;
	result = plan();
	CU_ASSERT(result->step_count == 3);
	SUITE_TEXT(result->steps[0].what, "loss of us-east");
	SUITE_TEXT(result->steps[1].what, "loss of eu-central");
	SUITE_TEXT(result->steps[2].what, "loss of eu-west");
	CU_ASSERT(result->fill_now <= 1 + 1e-6);
	end();
}

/* A loss that has no part in the conflict is kept, however improbable it is. */
static void
test_only_what_helps(void)
{
	const struct planner_result *result;

	begin(4, 2);
	world.clients[0].legal = world.clients[1].legal = (struct region_set){ 0 };
	region_set_add(&world.clients[0].legal, A);
	region_set_add(&world.clients[0].legal, B);
	region_set_add(&world.clients[1].legal, C);
	region_set_add(&world.clients[1].legal, D);
	for (size_t r = 0; r < 4; r++)
		world.regions[r] = (struct planner_region){ .name = world.regions[r].name, .capacity = r < 2 ? 9 : 10,
			.failure = r < 2 ? 0.1 : 0 };
	result = plan();
	CU_ASSERT(result->step_count == 2);
	SUITE_TEXT(result->steps[0].what, "loss of eu-central");
	SUITE_TEXT(result->steps[1].what, "loss of eu-west");
	CU_ASSERT(near(load_of(result, D, C), 10));
	end();
}

static void
test_levels(void)
{
	const struct planner_result *result;

	/* Germany: 30 for 20; France: 22 for 20; America has room, and is kept as it is. */
	begin(4, 3);
	world.clients[0].legal = world.clients[1].legal = (struct region_set){ 0 };
	region_set_add(&world.clients[0].legal, A);
	region_set_add(&world.clients[1].legal, B);
	region_set_remove(&world.clients[2].legal, A);
	region_set_remove(&world.clients[2].legal, B);
	world.clients[0].demand = 30;
	world.clients[1].demand = 22;
	world.regions[A].capacity = world.regions[B].capacity = 20;
	world.regions[C].capacity = world.regions[D].capacity = 10;
	result = plan();
	CU_ASSERT(result->method == PLANNER_RELAXED && result->step_count == 2);
	check_step(result, 0, RELAX_OVERLOAD, "load of eu-west: 1.5 of capacity",
	    "clients of germany need 30 requests/s, their legal regions eu-west have room for 20");
	check_step(result, 1, RELAX_OVERLOAD, "load of eu-central: 1.1 of capacity",
	    "clients of france need 22 requests/s, their legal regions eu-central have room for 20");
	CU_ASSERT(near(result->fill_now, 1.5));
	CU_ASSERT(load_of(result, C, D) <= 10 + 1e-6 && load_of(result, D, C) <= 10 + 1e-6);
	end();
	/* The least greatest, although all in A would be nearest. */
	begin(2, 1);
	world.clients[0].demand = 300;
	world.latency[0][B] = 100;
	result = plan();
	CU_ASSERT(near(load_of(result, A, -1), 150) && near(load_of(result, B, -1), 150));
	end();
}

static void
test_shed(void)
{
	const struct planner_result *result;

	/* 50 for 20: class 9 is shed whole, class 4 in part, whoever has no static answer never. */
	begin(2, 3);
	world.regions[A].capacity = world.regions[B].capacity = 10;
	world.clients[0].demand = 15;
	world.clients[1].demand = 20;
	world.clients[2].demand = 15;
	world.clients[1].sheddable = world.clients[2].sheddable = true;
	world.clients[1].class = 4;
	world.clients[2].class = 9;
	result = plan();
	CU_ASSERT(result->shares[2].pair_count == 1 && result->shares[2].pairs[0].primary == NO_REGION);
	double kept = 0, shed = 0;
	for (size_t i = 0; i < result->shares[1].pair_count; i++)
		*(result->shares[1].pairs[i].primary == NO_REGION ? &shed : &kept) += result->shares[1].pairs[i].share;
	CU_ASSERT(near(kept, 0.25) && near(shed, 0.75));
	CU_ASSERT(near(result->fill_now, 1));
	size_t last = result->step_count - 1;
	CU_ASSERT(result->step_count >= 3);
	SUITE_TEXT(result->steps[last - 1].what, "class 9: 15 requests/s get the static answer");
	check_step(result, last, RELAX_SHED, "class 4: 15 requests/s get the static answer",
	    "clients of germany, france, america need 50 requests/s, their legal regions eu-west, eu-central have room for 20");
	end();
}

static void
test_fixed(void)
{
	const struct planner_result *result;

	begin(2, 2);
	world.clients[0].fixed = true;
	world.clients[0].demand = 130;
	world.clients[0].before_count = 1;
	world.before[0][0] = (struct plan_pair){ A, B, 1 };
	result = plan();
	CU_ASSERT(result->method == PLANNER_RELAXED);
	CU_ASSERT(near(load_of(result, A, -1), 130) && near(load_of(result, B, -1), 10));
	bool found = false;
	for (size_t i = 0; i < result->step_count; i++)
		found = found || (strcmp(result->steps[i].what, "load of eu-west") == 0 && strcmp(result->steps[i].why,
		    "clients that aren't planned bring it 130 requests/s, it has a capacity of 100") == 0);
	CU_ASSERT(found);
	end();
}

/* If us-east is lost, eu-central must be free for France; if us-west is lost, eu-west for America. Germany is in one of the
 * two. Each loss could be borne alone: the words name the rows that exclude each other. */
static void
test_conflict(void)
{
	static const unsigned legal[] = { 1 << A | 1 << B, 1 << C | 1 << B, 1 << D | 1 << A };
	const struct planner_result *result;

	begin(4, 3);
	for (size_t c = 0; c < 3; c++)
		world.clients[c].legal = (struct region_set){ { legal[c] } };
	for (size_t r = 0; r < 4; r++) {
		world.regions[r].capacity = 10;
		world.regions[r].failure = r == C ? 0.001 : 0.01;
	}
	result = plan();
	CU_ASSERT(result->step_count == 1);
	check_step(result, 0, RELAX_LOSS, "loss of us-east", "for clients of germany, france, america no choice of backups keeps "
	    "all of eu-central (if us-east is lost), eu-west (if us-west is lost) within their limits: 10 requests/s are too many");
	CU_ASSERT(load_of(result, A, D) <= 10 + 1e-6);
	end();
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "margins first", .run = test_margins },
		{ .name = "and only of those who need it", .run = test_margins_of_others },
		{ .name = "also where losses give way", .run = test_margins_beside_losses },
		{ .name = "then latency caps, of those who need it", .run = test_caps },
		{ .name = "then losses, from the least probable", .run = test_losses },
		{ .name = "but only losses that help", .run = test_only_what_helps },
		{ .name = "then the least greatest load", .run = test_levels },
		{ .name = "and classes are shed", .run = test_shed },
		{ .name = "what static policies bring is told", .run = test_fixed },
		{ .name = "losses that exclude each other are named", .run = test_conflict },
	};

	return suite_run("planner_relax", cases, ARRAY_SIZE(cases));
}
