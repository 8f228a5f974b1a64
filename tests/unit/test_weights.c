/* test_weights.c -- plan/weights: pairs of worlds small enough to work out by hand. */
#include "plan/weights.h"

#include <math.h>

#include "suite.h"

enum { EU, US, AP, REGIONS };

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-9;
}

/* A world of three regions with one service. */
struct world {
	struct steering_region regions[REGIONS];
	struct service_region members[REGIONS];
	struct steering_service service;
	struct steering steering;
};

static void
world_init(struct world *world, const double *weights)
{
	*world = (struct world){ 0 };
	for (size_t i = 0; i < REGIONS; i++) {
		world->regions[i] = (struct steering_region){ .name = "r" };
		/* The operator's order isn't that of the ids. */
		world->members[i] = (struct service_region){ .region = (region_id)(REGIONS - 1 - i),
			.weight = weights[REGIONS - 1 - i] };
	}
	world->service = (struct steering_service){ .name = "www.", .region_count = REGIONS,
		.regions = world->members };
	world->steering = (struct steering){ .region_count = REGIONS, .regions = world->regions,
		.service_count = 1, .services = &world->service };
}

static void
test_survival(void)
{
	static const struct { double probability, survival; } rows[] = {
		{ 0, 1 }, { 0.5, 0.25 }, { 0.1, 0.81 }, { 1, 0.05 }, { 0.9, 0.05 },
		{ NAN, 1 }, { -1, 1 }, { 2, 1 }, { INFINITY, 1 },	/* nonsense counts as unknown */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT(near(weights_survival(rows[i].probability), rows[i].survival));
}

static void
test_static(void)
{
	struct world world;
	double weights[REGIONS];

	world_init(&world, (const double[]){ 3, 1, 0.1 });
	weights_static(&world.service, weights);
	CU_ASSERT(near(weights[2], 3) && near(weights[1], 1) && near(weights[0], 0.1));
}

static const struct plan_pair *
find_pair(const struct plan_pair *pairs, size_t count, region_id primary, region_id backup)
{
	for (size_t i = 0; i < count; i++) {
		if (pairs[i].primary == primary && pairs[i].backup == backup)
			return &pairs[i];
	}
	return NULL;
}

static void
test_pairs(void)
{
	static const struct {
		const char *name;
		double weights[REGIONS];
		bool legal[REGIONS];
		size_t count;
		struct plan_pair pairs[6];
	} rows[] = {
		{ .name = "three by weight", .weights = { 2, 1, 1 }, .legal = { true, true, true }, .count = 6,
		    .pairs = { { EU, US, 0.25 }, { EU, AP, 0.25 }, { US, EU, 0.25 * 2 / 3 }, { US, AP, 0.25 / 3 },
			{ AP, EU, 0.25 * 2 / 3 }, { AP, US, 0.25 / 3 } } },
		{ .name = "two by weight", .weights = { 3, 1, 1 }, .legal = { true, true, false }, .count = 2,
		    .pairs = { { EU, US, 0.75 }, { US, EU, 0.25 } } },
		{ .name = "one legal region has no backup", .weights = { 0, 1, 1 }, .legal = { false, true, false },
		    .count = 1, .pairs = { { US, NO_REGION, 1 } } },
		{ .name = "last resorts back up in equal parts", .weights = { 0, 1, 0 },
		    .legal = { true, true, true }, .count = 2, .pairs = { { US, EU, 0.5 }, { US, AP, 0.5 } } },
		{ .name = "last resort is no backup while another has weight", .weights = { 1, 1, 0 },
		    .legal = { true, true, true }, .count = 2, .pairs = { { EU, US, 0.5 }, { US, EU, 0.5 } } },
		{ .name = "only zero weights are legal: equal shares", .weights = { 0, 1, 0 },
		    .legal = { true, false, true }, .count = 2, .pairs = { { EU, AP, 0.5 }, { AP, EU, 0.5 } } },
		{ .name = "nobody is legal", .weights = { 1, 1, 1 }, .count = 0 },
		{ .name = "nonsense weighs nothing", .weights = { NAN, 1, -1 }, .legal = { true, true, true },
		    .count = 2, .pairs = { { US, EU, 0.5 }, { US, AP, 0.5 } } },
		{ .name = "weights whose sum overflows", .weights = { 1e308, 1e308, 1e308 },
		    .legal = { true, true, false }, .count = 2, .pairs = { { EU, US, 0.5 }, { US, EU, 0.5 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world world;
		struct arena *arena = arena_new();
		struct region_set legal = { 0 };
		const struct plan_pair *pairs;
		double weights[REGIONS], sum = 0;
		size_t count = 99;

		world_init(&world, rows[i].weights);
		for (size_t k = 0; k < REGIONS; k++) {
			weights[k] = rows[i].weights[world.members[k].region];
			if (rows[i].legal[k])
				region_set_add(&legal, (region_id)k);
		}
		pairs = weights_pairs(&world.service, weights, legal, arena, &count);
		CU_ASSERT(pairs != NULL);
		CU_ASSERT_EQUAL(count, rows[i].count);
		for (size_t k = 0; k < count && k < rows[i].count; k++) {
			const struct plan_pair *want = &rows[i].pairs[k];
			const struct plan_pair *got = find_pair(pairs, count, want->primary, want->backup);

			if (got == NULL || !near(got->share, want->share))
				SUITE_TEXT(rows[i].name, "pairs as worked out by hand");
			sum += pairs[k].share;
			CU_ASSERT(k == 0 || pairs[k - 1].primary < pairs[k].primary ||
			    (pairs[k - 1].primary == pairs[k].primary && pairs[k - 1].backup < pairs[k].backup));
		}
		CU_ASSERT(count == 0 || near(sum, 1));
		arena_free(arena);
	}
}

static const struct suite_case cases[] = {
	{ .name = "what a danger leaves of a weight", .run = test_survival },
	{ .name = "static weights", .run = test_static },
	{ .name = "weights to pairs", .run = test_pairs },
};

int
main(void)
{
	return suite_run("weights", cases, ARRAY_SIZE(cases));
}
