/* test_weights.c -- plan/weights: the rule on worlds small enough to work out by hand, and what must hold on all. */
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
world_init(struct world *world, const double *weights, const double *capacities)
{
	*world = (struct world){ 0 };
	for (size_t i = 0; i < REGIONS; i++) {
		world->regions[i] = (struct steering_region){ .name = "r", .capacity = capacities[i] };
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
test_rule(void)
{
	static const struct {
		const char *name;
		double weights[REGIONS], capacity[REGIONS], p[REGIONS], load[REGIONS], expected[REGIONS];
	} rows[] = {
		{ .name = "no belief: static weights", .weights = { 3, 1, 0 }, .p = { NAN, NAN, NAN },
		    .load = { NAN, NAN, NAN }, .expected = { 3, 1, 0 } },
		{ .name = "half a failure takes three quarters of the weight", .weights = { 1, 1, 0 },
		    .p = { 0.5, 0, NAN }, .load = { NAN, NAN, NAN }, .expected = { 0.4, 1.6, 0 } },
		{ .name = "a certain failure leaves a trickle", .weights = { 1, 1, 0 }, .p = { 1, NAN, NAN },
		    .load = { NAN, NAN, NAN }, .expected = { 2 * 0.05 / 1.05, 2 / 1.05, 0 } },
		{ .name = "the same danger everywhere changes nothing", .weights = { 2, 1, 1 },
		    .p = { 0.9, 0.9, 0.9 }, .load = { NAN, NAN, NAN }, .expected = { 2, 1, 1 } },
		{ .name = "room enough: load changes nothing", .weights = { 1, 1, 2 }, .capacity = { 100, 100, 100 },
		    .p = { NAN, NAN, NAN }, .load = { 40, 40, 80 }, .expected = { 1, 1, 2 } },
		{ .name = "overflow goes to the others by weight", .weights = { 1, 1, 2 }, .capacity = { 100, 0, 50 },
		    .p = { NAN, NAN, NAN }, .load = { 25, 25, 50 }, .expected = { 1.2, 1.2, 1.6 } },
		{ .name = "overflow fills the next, too", .weights = { 1, 1, 2 }, .capacity = { 37.5, 0, 50 },
		    .p = { NAN, NAN, NAN }, .load = { 0, 100, 0 }, .expected = { 1.2, 1.2, 1.6 } },
		{ .name = "only the sum of the loads counts", .weights = { 1, 1, 2 }, .capacity = { 37.5, 0, 50 },
		    .p = { NAN, NAN, NAN }, .load = { NAN, 0, 100 }, .expected = { 1.2, 1.2, 1.6 } },
		{ .name = "nobody has room: by capacity", .weights = { 1, 1, 2 }, .capacity = { 10, 20, 10 },
		    .p = { NAN, NAN, NAN }, .load = { 100, 100, 100 }, .expected = { 1, 2, 1 } },
		{ .name = "last resort stays so", .weights = { 1, 0, 0 }, .capacity = { 10, 20, 10 },
		    .p = { 0.99, 0, 0 }, .load = { 100, 100, 100 }, .expected = { 1, 0, 0 } },
		{ .name = "all weights zero: static weights", .weights = { 0, 0, 0 }, .p = { 0.5, 0, 0 },
		    .expected = { 0, 0, 0 } },
		{ .name = "nonsense counts as unknown", .weights = { 1, 1, 1 }, .p = { -1, 2, INFINITY },
		    .capacity = { 1, 1, 1 }, .load = { INFINITY, -5, NAN }, .expected = { 1, 1, 1 } },
		{ .name = "a weight far below the others is kept apart from rounding", .weights = { 1, 1e-15, 0 },
		    .capacity = { 50, 0, 0 }, .p = { NAN, NAN, NAN }, .load = { 100, 0, 0 },
		    .expected = { 0.4, 0.6, 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world world;
		struct plan_region beliefs[REGIONS];
		const struct plan_region *by_id[REGIONS_MAX] = { 0 };
		double weights[REGIONS];

		world_init(&world, rows[i].weights, rows[i].capacity);
		for (size_t r = 0; r < REGIONS; r++) {
			beliefs[r] = (struct plan_region){ .region = (region_id)r, .probability = rows[i].p[r],
				.load_forecast = rows[i].load[r], .reason = "" };
			by_id[r] = &beliefs[r];
		}
		weights_rule(&world.steering, &world.service, by_id, weights);
		for (size_t k = 0; k < REGIONS; k++) {
			if (!near(weights[k], rows[i].expected[world.members[k].region]))
				SUITE_TEXT(rows[i].name, "weights as worked out by hand");
		}
	}
}

static void
test_rule_without_beliefs(void)
{
	struct world world;
	const struct plan_region *nobody[REGIONS_MAX] = { 0 };
	double weights[REGIONS];

	world_init(&world, (const double[]){ 3, 1, 0.1 }, (const double[]){ 1, 1, 1 });
	weights_rule(&world.steering, &world.service, NULL, weights);
	CU_ASSERT(near(weights[2], 3) && near(weights[1], 1) && near(weights[0], 0.1));
	weights_rule(&world.steering, &world.service, nobody, weights);
	CU_ASSERT(near(weights[2], 3) && near(weights[1], 1) && near(weights[0], 0.1));
}

/* The rule is fed with the loads that its own weights lead to: it must come to rest at once, not swing. */
static void
test_rule_doesnt_chase_itself(void)
{
	struct world world;
	struct plan_region beliefs[REGIONS];
	const struct plan_region *by_id[REGIONS_MAX] = { 0 };
	double weights[REGIONS], before[REGIONS], load[REGIONS] = { 70, 70, 70 };

	world_init(&world, (const double[]){ 5, 2, 1 }, (const double[]){ 100, 100, 100 });
	for (int round = 0; round < 5; round++) {
		for (size_t r = 0; r < REGIONS; r++) {
			beliefs[r] = (struct plan_region){ .region = (region_id)r, .probability = NAN,
				.load_forecast = load[r] };
			by_id[r] = &beliefs[r];
		}
		memcpy(before, weights, sizeof(before));
		weights_rule(&world.steering, &world.service, by_id, weights);
		for (size_t k = 0; k < REGIONS; k++) {
			CU_ASSERT(round == 0 || near(weights[k], before[k]));
			load[world.members[k].region] = 210 * weights[k] / 8;
			CU_ASSERT(load[world.members[k].region] <= 80 + 1e-9);
		}
	}
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

		world_init(&world, rows[i].weights, (const double[]){ 0, 0, 0 });
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
	{ .name = "the rule", .run = test_rule },
	{ .name = "without beliefs the static weights stand", .run = test_rule_without_beliefs },
	{ .name = "the rule doesn't chase its own effect", .run = test_rule_doesnt_chase_itself },
	{ .name = "weights to pairs", .run = test_pairs },
};

int
main(void)
{
	return suite_run("weights", cases, ARRAY_SIZE(cases));
}
