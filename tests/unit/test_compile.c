/* test_compile.c -- plan/compile: what each policy makes of the same world, with and without a plan, and what moves. */
#include "packing/compile.h"

#include <math.h>

#include "steer/country.h"
#include "world.h"

static const char zone[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"eu._region.www 60 A 192.0.2.1\nus._region.www 60 A 198.51.100.1\nap._region.www 60 A 203.0.113.1\n"
	"sa._region.www 60 A 203.0.113.2\n";

#define REGIONS_YAML "regions:\n  eu: {location: {latitude: 50.1, longitude: 8.7}}\n" \
	"  us: {location: {latitude: 38.9, longitude: -77.5}}\n  ap: {location: {latitude: 35.7, longitude: 139.7}}\n" \
	"  sa: {location: {latitude: -23.5, longitude: -46.6}}\n"
#define GROUPS_YAML "client-groups:\n  germany: {countries: [DE]}\n  oceania: {continents: [OC]}\n" \
	"  office: {networks: [10.0.0.0/8], location: {latitude: 35, longitude: 135}}\n  bound: {networks: " \
	"[172.16.0.0/12]}\n"
#define LAW "residency: [{clients: [germany], regions: [eu, us]}, {clients: [bound], regions: [eu]}]"

enum { DEFAULT, GERMANY, OCEANIA, OFFICE, BOUND };
enum { EU, US, AP, SA };

static struct world *
open_world(const char *steering, const struct plan *plan)
{
	struct world *world = malloc(sizeof(*world));

	world_open(world, (struct world_parts){ .zones = { { "example.com.", zone } }, .steering = steering,
	    .plan = plan });
	return world;
}

static void
close_world(struct world *world)
{
	world_close(world);
	free(world);
}

static const struct slot_table *
table_of(const struct world *world, unsigned group)
{
	return world->snapshot->services[0].tables[group];
}

static double
share(const struct slot_table *table, region_id r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < table->count; i++)
		n += table->slots[i].list[0] == r;
	return (double)n / table->count;
}

static bool
near(double a, double b)
{
	return fabs(a - b) < 1e-4;
}

static const char *
list_text(const struct slot_table *table)
{
	static const char *const names[] = { "eu", "us", "ap", "sa" };
	static char text[40];

	text[0] = '\0';
	for (unsigned i = 0; i < SLOT_LIST && table->slots[0].list[i] != NO_REGION; i++)
		sprintf(text + strlen(text), "%s ", names[table->slots[0].list[i]]);
	return text;
}

static void
test_weighted(void)
{
	struct world *world = open_world(REGIONS_YAML GROUPS_YAML "services:\n  www.example.com: {sharding-policy: "
	    "weighted-random, regions: {eu: {weight: 3}, us: {weight: 1}, ap: {weight: 0}}, " LAW "}\n", NULL);

	CU_ASSERT_EQUAL(table_of(world, DEFAULT)->count, 16384);	/* 65,536 over three laws */
	CU_ASSERT_PTR_EQUAL(table_of(world, DEFAULT), table_of(world, OFFICE));	/* the same law, the same table */
	CU_ASSERT(near(share(table_of(world, DEFAULT), EU), 0.75) && near(share(table_of(world, DEFAULT), US), 0.25));
	CU_ASSERT(near(share(table_of(world, GERMANY), EU), 0.75));
	SUITE_TEXT(list_text(table_of(world, DEFAULT)), "eu us ap ");
	SUITE_TEXT(list_text(table_of(world, GERMANY)), "eu us ");
	SUITE_TEXT(list_text(table_of(world, BOUND)), "eu ");
	CU_ASSERT(table_of(world, BOUND)->uniform && table_of(world, BOUND)->count == 1);
	CU_ASSERT_FALSE(table_of(world, DEFAULT)->uniform);
	CU_ASSERT_PTR_NULL(world->snapshot->services[0].by_country);
	close_world(world);
}

static void
test_round_robin(void)
{
	struct world *world = open_world(REGIONS_YAML "services:\n  www.example.com: {sharding-policy: round-robin, "
	    "regions: {eu: , us: , ap: , sa: }}\n", NULL);
	const struct slot_table *table = table_of(world, DEFAULT);

	CU_ASSERT_EQUAL(table->count, 65536);
	for (uint32_t i = 0; i < table->count; i++)
		CU_ASSERT_EQUAL_FATAL(table->slots[i].list[0], i % 4);
	close_world(world);
}

static void
test_priority(void)
{
	struct world *world = open_world(REGIONS_YAML GROUPS_YAML "services:\n  www.example.com: {sharding-policy: "
	    "priority, "
	    "regions: {ap: {priority: 3}, us: {priority: 2}, sa: {priority: 4}, eu: {priority: 1}}, " LAW "}\n", NULL);

	SUITE_TEXT(list_text(table_of(world, DEFAULT)), "eu us ap sa ");
	SUITE_TEXT(list_text(table_of(world, GERMANY)), "eu us ");
	CU_ASSERT(table_of(world, DEFAULT)->uniform && table_of(world, DEFAULT)->count == 1);
	close_world(world);
}

static void
test_geographic(void)
{
	struct world *world = open_world(REGIONS_YAML GROUPS_YAML "services:\n  www.example.com: {sharding-policy: "
	    "geographic, "
	    "regions: {us: , eu: , ap: , sa: }, " LAW "}\n", NULL);
	const struct slot_table *countries = world->snapshot->services[0].by_country;
	static const struct { const char *country; unsigned first; } rows[] = {
		{ "FR", EU }, { "CA", US }, { "JP", AP }, { "AR", SA }, { "BR", SA }, { "NZ", AP }, { "EG", EU }, {
		    "DE", EU },
	};

	SUITE_TEXT(list_text(table_of(world, DEFAULT)), "us eu ap sa ");	/* nowhere: as written */
	SUITE_TEXT(list_text(table_of(world, GERMANY)), "eu us ");
	SUITE_TEXT(list_text(table_of(world, OFFICE)), "ap eu us sa ");
	CU_ASSERT_EQUAL(table_of(world, OCEANIA)->slots[0].list[0], AP);
	CU_ASSERT_PTR_NOT_NULL_FATAL(countries);
	CU_ASSERT_EQUAL(countries->count, COUNTRIES_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_ROW(rows[i].country, countries->slots[country_find(rows[i].country)].list[0] == rows[i].first);
	CU_ASSERT_EQUAL(countries->slots[country_find("DE")].list[2], NO_REGION);
	CU_ASSERT_EQUAL(countries->slots[country_find("FR")].rank, table_of(world, DEFAULT)->slots[0].rank);
	close_world(world);
}

static const char predictive[] = REGIONS_YAML GROUPS_YAML "services:\n  www.example.com: {sharding-policy: predictive, "
	"regions: {eu: {weight: 1}, us: {weight: 1}, ap: {weight: 2}}, " LAW "}\n";

static void
test_predictive(void)
{
	static const struct plan_pair pairs[] = { { EU, US, 0.5 }, { EU, AP, 0.1 }, { US, EU, 0.1 }, { AP, EU, 0.3 } };
	static const struct plan_pair office[] = { { AP, US, 1 } };
	static const struct plan_group groups[] = { { .group = DEFAULT, .pair_count = ARRAY_SIZE(pairs), .pairs = pairs },
		{ .group = OFFICE, .pair_count = 1, .pairs = office } };
	static const struct plan_service service = { "www.example.com.", ARRAY_SIZE(groups), groups };
	static const struct plan plan = { .model = "", .service_count = 1, .services = &service };
	struct world *without = open_world(predictive, NULL), *with = open_world(predictive, &plan);
	uint32_t backed_by_us = 0;

	CU_ASSERT(near(share(table_of(without, DEFAULT), AP), 0.5) && near(share(table_of(without, DEFAULT), EU),
	    0.25));
	CU_ASSERT(near(share(table_of(with, DEFAULT), EU), 0.6) && near(share(table_of(with, DEFAULT), AP), 0.3));
	CU_ASSERT(near(share(table_of(with, OFFICE), AP), 1));
	CU_ASSERT_EQUAL(table_of(with, OFFICE)->slots[5].list[1], US);
	/* What the plan leaves out follows its default group, cut to what is legal: 0.6 to 0.1. */
	CU_ASSERT(near(share(table_of(with, OCEANIA), EU), 0.6));
	CU_ASSERT(fabs(share(table_of(with, GERMANY), EU) - 6.0 / 7) < 2e-4);
	CU_ASSERT(near(share(table_of(with, BOUND), EU), 1));
	for (uint32_t i = 0; i < table_of(with, DEFAULT)->count; i++)
		backed_by_us += table_of(with, DEFAULT)->slots[i].list[0] == EU && table_of(with,
		    DEFAULT)->slots[i].list[1] == US;
	CU_ASSERT(near((double)backed_by_us / table_of(with, DEFAULT)->count, 0.5));
	close_world(with);
	/* A plan is for predictive services only. */
	close_world(without);
	with = open_world(REGIONS_YAML GROUPS_YAML "services:\n  www.example.com: {sharding-policy: weighted-random, "
	    "regions: {eu: {weight: 1}, us: {weight: 1}, ap: {weight: 2}}, " LAW "}\n", &plan);
	CU_ASSERT(near(share(table_of(with, DEFAULT), AP), 0.5));
	close_world(with);
}

/* The next snapshot: shares change, a region comes first in the file, a group goes. Only what must moves. */
static void
test_moves(void)
{
	struct world *world = open_world(predictive, NULL), *next;
	struct compiled compiled = { 0 };
	struct diags diags = { 0 };
	struct steering *changed;

	CU_ASSERT_EQUAL(compile_tables(&compiled, world->steering, NULL, NULL, world->snapshot), 0);
	CU_ASSERT(compiled.moved[0] < 1e-9);
	compiled_fini(&compiled);
	changed = steering_read("regions: {sa: , us: , eu: , ap: }\n"
	    "client-groups: {office: {networks: [10.0.0.0/8]}}\n"
	    "services:\n  www.example.com: {sharding-policy: predictive, regions: {ap: {weight: 1}, us: {weight: 2},"
	    " eu: {weight: 1}}}\n", "steering.yaml", &diags);
	CU_ASSERT_PTR_NOT_NULL_FATAL(changed);
	diag_fini(&diags);
	CU_ASSERT_EQUAL(compile_tables(&compiled, changed, NULL, NULL, world->snapshot), 0);
	/* ap from a half to a quarter, us from a quarter to a half, in both groups. */
	CU_ASSERT(fabs(compiled.moved[0] - 0.25) < 0.001);
	next = open_world(NULL, NULL);
	CU_ASSERT_EQUAL(next->snapshot->service_count, 0);
	compiled_fini(&compiled);
	CU_ASSERT_EQUAL(compile_tables(&compiled, changed, NULL, NULL, next->snapshot), 0);
	CU_ASSERT(near(compiled.moved[0], 1));		/* a new service */
	compiled_fini(&compiled);
	steering_free(changed);
	close_world(next);
	close_world(world);
}

/* A policy that changes keeps clients where their region still serves them. */
static void
test_policy_changes(void)
{
	struct world *world = open_world(REGIONS_YAML "services:\n  www.example.com: {sharding-policy: priority, "
	    "regions: {eu: {priority: 1}, us: {priority: 2}}}\n", NULL);
	struct compiled compiled = { 0 };
	struct diags diags = { 0 };
	struct steering *changed = steering_read(REGIONS_YAML "services:\n  www.example.com: {sharding-policy: "
	    "weighted-random, regions: {eu: {weight: 3}, us: {weight: 1}}}\n", "steering.yaml", &diags);

	CU_ASSERT_PTR_NOT_NULL_FATAL(changed);
	CU_ASSERT_EQUAL(compile_tables(&compiled, changed, NULL, NULL, world->snapshot), 0);
	CU_ASSERT(fabs(compiled.moved[0] - 0.25) < 0.001);
	compiled_fini(&compiled);
	steering_free(changed);
	diag_fini(&diags);
	close_world(world);
}

static const struct suite_case cases[] = {
	{ .name = "weighted-random", .run = test_weighted },
	{ .name = "round-robin", .run = test_round_robin },
	{ .name = "priority", .run = test_priority },
	{ .name = "geographic", .run = test_geographic },
	{ .name = "predictive, with a plan and without", .run = test_predictive },
	{ .name = "what moves", .run = test_moves },
	{ .name = "another policy", .run = test_policy_changes },
};

int
main(void)
{
	return suite_run("compile", cases, ARRAY_SIZE(cases));
}
