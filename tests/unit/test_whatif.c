/* test_whatif.c -- control/whatif: loads, latency, who moves and who is left, when regions are lost or drained, or more
 * is asked for. Three regions of 100 requests/s share www evenly; 120 requests/s come from anywhere, 30 from the office,
 * which only region a may serve: so a bears 70, b 40, c 40. */
#include "control/whatif.h"

#include <math.h>

#include "world.h"

static const struct world_parts parts = {
	.zones = { { "example.", "@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 60 IN NS ns1\n"
	    "ns1 60 IN A 192.0.2.53\na._region.www 60 IN A 192.0.2.1\nb._region.www 60 IN A 192.0.2.2\n"
	    "c._region.www 60 IN A 192.0.2.3\n" } },
	.steering = "regions: {a: {capacity: 100}, b: {capacity: 100}, c: {capacity: 100}}\n"
	    "client-groups: {office: {networks: [10.0.0.0/8]}}\n"
	    "services: {www.example.: {sharding-policy: weighted-random, regions: [a, b, c], "
	    "residency: [{clients: [office], regions: [a]}]}}\n",
};
static const double capacities[] = { 100, 100, 100 };

/* By the names of groups, whose numbers are the steering's. */
static uint16_t
group_of(const struct world *world, const char *name)
{
	for (uint16_t g = 0; g < world->steering->group_count; g++)
		if (strcmp(world->steering->groups[g].name, name) == 0)
			return g;
	abort();
}

static void
reckon(struct world *world, const struct whatif_question *question, bool demanded, const char *dead,
	struct arena *arena, struct whatif *out)
{
	const struct demand_rate rates[] = {
		{ .group = GROUP_DEFAULT, .rate = 120 }, { .group = group_of(world, "office"), .rate = 30 },
	};
	const struct demand_service service = { .name = "www.example.", .count = 2, .groups = rates, .scale = 1 };
	const struct demand demand = { .service_count = 1, .services = &service };
	struct certificate_terms terms = { .capacities = capacities, .demand = demanded ? &demand : NULL };

	if (dead[0] != '\0')
		region_set_add(&terms.lost, steering_region_find(world->steering, dead));
	CU_ASSERT_FATAL(whatif_reckon(world->snapshot, &terms, question, arena, out));
}

static struct whatif_question
question_of(unsigned lost, const double *let_in, double scale)
{
	struct whatif_question question = { .lost = { { lost } }, .scale = scale };

	for (size_t r = 0; r < REGIONS_MAX; r++)
		question.let_in[r] = r < 3 ? let_in[r] : 1;
	return question;
}

static bool
near(double a, double b)
{
	return fabs(a - b) <= 0.01 * (1 + fabs(b));
}

#define ALL_IN { 1, 1, 1 }
#define A_LOST 1u
#define B_LOST 2u
#define C_LOST 4u

static void
test_rows(void)
{
	static const struct {
		const char *name, *dead;
		unsigned lost;
		double let_in[3], scale, before[3], after[3], moved, unserved;
		const char *hit;	/* who isn't served any more, how many, which part of the group */
		bool overloaded;
	} rows[] = {
		{ .name = "nothing", .dead = "", .let_in = ALL_IN, .scale = 1, .before = { 70, 40, 40 },
			.after = { 70, 40, 40 } },
		{ .name = "a loss that leaves some without a region", .dead = "", .lost = A_LOST, .let_in = ALL_IN,
			.scale = 1, .before = { 70, 40, 40 }, .after = { 0, 60, 60 }, .moved = 70.0 / 150, .unserved = 30,
			.hit = "office 30 1.00 residency lets them go to nobody else" },
		{ .name = "two losses", .dead = "", .lost = B_LOST | C_LOST, .let_in = ALL_IN, .scale = 1,
			.before = { 70, 40, 40 }, .after = { 150, 0, 0 }, .moved = 80.0 / 150, .overloaded = true },
		{ .name = "all of them", .dead = "", .lost = A_LOST | B_LOST | C_LOST, .let_in = ALL_IN, .scale = 1,
			.before = { 70, 40, 40 }, .after = { 0, 0, 0 }, .moved = 1, .unserved = 150,
			.hit = "default 120 1.00 no region is left, office 30 1.00 residency lets them go to nobody else" },
		{ .name = "a drain in part", .dead = "", .let_in = { 1, 0.5, 1 }, .scale = 1, .before = { 70, 40, 40 },
			.after = { 80, 20, 50 }, .moved = 20.0 / 150 },
		{ .name = "a whole one of the only legal region", .dead = "", .let_in = { 0, 1, 1 }, .scale = 1,
			.before = { 70, 40, 40 }, .after = { 30, 60, 60 }, .moved = 40.0 / 150 },
		{ .name = "twice as many", .dead = "", .let_in = ALL_IN, .scale = 2, .before = { 70, 40, 40 },
			.after = { 140, 80, 80 }, .overloaded = true },
		{ .name = "twice as many, and a loss", .dead = "", .lost = A_LOST, .let_in = ALL_IN, .scale = 2,
			.before = { 70, 40, 40 }, .after = { 0, 120, 120 }, .moved = 70.0 / 150, .unserved = 60,
			.hit = "office 60 1.00 residency lets them go to nobody else", .overloaded = true },
		{ .name = "on top of what is dead", .dead = "a", .lost = B_LOST, .let_in = ALL_IN, .scale = 1,
			.before = { 0, 60, 60 }, .after = { 0, 0, 120 }, .moved = 60.0 / 150, .unserved = 30,
			.overloaded = true },
	};
	struct world world;

	world_open(&world, parts);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct whatif_question question = question_of(rows[i].lost, rows[i].let_in, rows[i].scale);
		struct arena *arena = arena_new();
		struct text hit = { 0 };
		struct whatif out;

		if (rows[i].dead[0] != '\0')
			world_kill(&world, rows[i].dead, true);
		reckon(&world, &question, true, rows[i].dead, arena, &out);
		for (size_t r = 0; r < 3; r++) {
			SUITE_ROW(rows[i].name, near(out.regions[r].before, rows[i].before[r]));
			SUITE_ROW(rows[i].name, near(out.regions[r].after, rows[i].after[r]));
			SUITE_ROW(rows[i].name, out.regions[r].lost == (rows[i].lost >> r & 1));
			SUITE_ROW(rows[i].name, near(out.regions[r].let_in, rows[i].let_in[r]));
		}
		SUITE_ROW(rows[i].name, out.known);
		SUITE_ROW(rows[i].name, near(out.moved, rows[i].moved));
		SUITE_ROW(rows[i].name, near(out.unserved, rows[i].unserved));
		SUITE_ROW(rows[i].name, out.overloaded == rows[i].overloaded);
		text_puts(&hit, "");
		for (size_t h = 0; h < out.hit_count; h++)
			text_printf(&hit, "%s%s %.0f %.2f %s", h == 0 ? "" : ", ",
			    world.steering->groups[out.hit[h].demand_group].name, out.hit[h].rate, out.hit[h].share,
			    out.hit[h].why);
		SUITE_TEXT(hit.bytes, rows[i].hit == NULL ? "" : rows[i].hit);
		text_fini(&hit);
		arena_free(arena);
		world_kill(&world, "a", false);
	}
	world_close(&world);
}

/* A drain that there is stays where it is when the question lets in more. */
static void
test_drained_already(void)
{
	struct whatif_question question = question_of(0, (double[]){ 1, 0.75, 1 }, 1);
	struct arena *arena = arena_new();
	struct world world;
	struct whatif out;

	world_open(&world, parts);
	world_admit(&world, "b", ADMIT_ALL / 2);
	reckon(&world, &question, true, "", arena, &out);
	CU_ASSERT_DOUBLE_EQUAL(out.regions[1].let_in_before, 0.5, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(out.regions[1].let_in, 0.5, 0.001);
	CU_ASSERT_EQUAL(out.moved, 0);
	world_close(&world);
	arena_free(arena);
}

/* Groups count alike then; there are no loads to speak of. */
static void
test_unknown(void)
{
	struct whatif_question question = question_of(A_LOST, (double[])ALL_IN, 1);
	struct arena *arena = arena_new();
	struct world world;
	struct whatif out;

	world_open(&world, parts);
	reckon(&world, &question, false, "", arena, &out);
	CU_ASSERT(!out.known);
	CU_ASSERT(near(out.moved, (1.0 / 3 + 1) / 2));
	CU_ASSERT(isnan(out.latency_before) && isnan(out.latency));
	CU_ASSERT_EQUAL_FATAL(out.hit_count, 1);
	CU_ASSERT(isnan(out.hit[0].rate));
	world_close(&world);
	arena_free(arena);
}

/* Of those who are served: the office is at 5 ms from a; the others at 10, 20 and 40 from a, b and c. */
static void
test_latency(void)
{
	static const struct latency_row latencies[] = {
		{ .clients = "default", .region = "a", .ms = 10 }, { .clients = "default", .region = "b", .ms = 20 },
		{ .clients = "default", .region = "c", .ms = 40 }, { .clients = "office", .region = "a", .ms = 5 },
	};
	static const struct { const char *name; unsigned lost; double after; } rows[] = {
		{ "nothing", 0, (40 * 10 + 40 * 20 + 40 * 40 + 30 * 5) / 150.0 },
		{ "the near one", A_LOST, (60 * 20 + 60 * 40) / 120.0 },
		{ "the far one", C_LOST, (60 * 10 + 60 * 20 + 30 * 5) / 150.0 },
		{ "all", A_LOST | B_LOST | C_LOST, NAN },
	};
	struct world world;

	world_open(&world, parts);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct whatif_question question = question_of(rows[i].lost, (double[])ALL_IN, 1);
		struct arena *arena = arena_new();
		struct whatif out;

		question.latencies = latencies;
		question.latency_count = ARRAY_SIZE(latencies);
		reckon(&world, &question, true, "", arena, &out);
		SUITE_ROW(rows[i].name, near(out.latency_before, rows[0].after));
		SUITE_ROW(rows[i].name, isnan(rows[i].after) ? isnan(out.latency) : near(out.latency, rows[i].after));
		arena_free(arena);
	}
	world_close(&world);
}

static const struct suite_case cases[] = {
	{ .name = "losses, drains and more demand", .run = test_rows },
	{ .name = "a drain that there is", .run = test_drained_already },
	{ .name = "without demand", .run = test_unknown },
	{ .name = "latency of those who are served", .run = test_latency },
};

int
main(void)
{
	return suite_run("whatif", cases, ARRAY_SIZE(cases));
}
