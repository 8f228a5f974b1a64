/* test_compile_demand.c -- plan/compile as demand, plans and worlds change: what stays is the very table, sizes go by demand,
 * countries that are cut out keep their clients, and two daemons make the same octets. */
#include "packing/compile.h"

#include <math.h>

#include "scarce.h"
#include "steer/country.h"
#include "world.h"

#define SLOTS_KNOWN 4096u

static const char zone[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"r0._region.www 60 A 192.0.2.1\nr1._region.www 60 A 198.51.100.1\nr2._region.www 60 A 203.0.113.1\n";

#define GROUPS "client-groups:\n  europe: {continents: [EU]}\n  asia: {continents: [AS]}\n"
#define THREE "regions:\n  r0: {capacity: 4k}\n  r1: {capacity: 2k}\n  r2: {capacity: 2k}\n" GROUPS
#define SERVICE "services:\n  www.example.com: {sharding-policy: predictive, regions: {r0: , r1: , r2: }}\n"

enum { DEFAULT, EUROPE, ASIA };

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

/* --- demand and plans of one service ---------------------------------------------------------------------------- */

struct wish {
	struct demand_rate rates[8];
	struct demand_service service;
	struct demand demand;
	float slots[8][SLOTS_KNOWN];
	struct demand_key heavy[8][64];
	struct plan_group groups[8];
	struct plan_service planned;
	struct plan plan;
};

static void
wish_open(struct wish *wish)
{
	memset(wish, 0, sizeof(*wish));
	wish->service = (struct demand_service){ .name = "www.example.com.", .groups = wish->rates };
	wish->demand = (struct demand){ .service_count = 1, .services = &wish->service };
	wish->planned = (struct plan_service){ .name = "www.example.com.", .groups = wish->groups };
	wish->plan = (struct plan){ .service_count = 1, .services = &wish->planned };
}

static void
wish_demand(struct wish *wish, uint16_t group, uint8_t country, double total, unsigned heavy, unsigned seed)
{
	size_t n = wish->service.count++;
	double sum = 0;

	for (unsigned i = 0; i < SLOTS_KNOWN; i++) {
		wish->slots[n][i] = (float)(1.0 / ((i * 2654435761u + seed * 97) % 500 + 14));
		sum += (double)wish->slots[n][i];
	}
	for (unsigned i = 0; i < SLOTS_KNOWN; i++)
		wish->slots[n][i] *= (float)(total / 2 / sum);
	for (unsigned i = 0; i < heavy; i++)
		wish->heavy[n][i] = (struct demand_key){ { .bits = 32, .bytes = { (uint8_t)(seed + 1), (uint8_t)i, 7 } }, 24,
			total / 2 / heavy };
	wish->rates[n] = (struct demand_rate){ .group = group, .country = country, .rate = total,
		.slot_count = SLOTS_KNOWN, .slots = wish->slots[n], .heavy_count = heavy, .heavy = wish->heavy[n] };
}

static void
wish_plan(struct wish *wish, uint16_t group, uint8_t country, const struct plan_pair *pairs, size_t count)
{
	wish->groups[wish->planned.group_count++] = (struct plan_group){ .group = group, .country = country,
		.demand = NAN, .error = NAN, .pairs = pairs, .pair_count = count };
}

/* The world's next snapshot. */
static void
publish(struct world *world, const struct wish *wish, struct compiled *compiled)
{
	struct snapshot *next;

	memset(compiled, 0, sizeof(*compiled));
	CU_ASSERT_EQUAL_FATAL(compile_tables(compiled, world->steering,
	    wish == NULL || wish->planned.group_count == 0 ? NULL : &wish->plan, wish == NULL ? NULL : &wish->demand,
	    world->snapshot), 0);
	next = snapshot_new(&(struct snapshot_parts){ .epoch = world->snapshot->epoch + 1, .steering = world->steering,
	    .zones = world->zones, .zone_count = world->zone_count, .tables = compiled->services,
	    .countries = compiled->countries, .country_count = compiled->country_count, .worker_count = 1 });
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	snapshot_free(world->snapshot);
	world->snapshot = next;
}

static const struct slot_table *
table_of(const struct world *world, unsigned group)
{
	return world->snapshot->services[0].tables[group];
}

static double
load_of(const struct slot_table *table, region_id r)
{
	double sum = 0;

	for (size_t i = 0; i < (size_t)table->count + table->heavy_count; i++)
		if (table->slots[i].list[0] == r)
			sum += table->weights == NULL ? 1.0 / table->count : (double)table->weights[i];
	return sum;
}

static bool
same_octets(const struct slot_table *a, const struct slot_table *b)
{
	size_t size = (size_t)a->count + a->heavy_count;

	return a->count == b->count && a->heavy_count == b->heavy_count && a->uniform == b->uniform
	    && a->inputs == b->inputs && memcmp(a->slots, b->slots, size * sizeof(struct slot)) == 0
	    && (a->weights == NULL) == (b->weights == NULL)
	    && (a->weights == NULL || memcmp(a->weights, b->weights, size * sizeof(float)) == 0)
	    && (a->heavy_count == 0
		|| memcmp(a->heavy, b->heavy, (a->heavy_mask + 1) * sizeof(struct heavy_key)) == 0);
}

static const struct plan_pair halves[] = { { 0, 1, 0.5 }, { 1, 2, 0.5 } };
static const struct plan_pair thirds[] = { { 0, 1, 1.0 / 3 }, { 1, 2, 1.0 / 3 }, { 2, 0, 1.0 / 3 } };
static const struct plan_pair all_r2[] = { { 2, 0, 1 } };

/* --- cases ------------------------------------------------------------------------------------------------------ */

/* One group's plan changes, one group's demand: the other tables are those in service, not only alike. */
static void
test_what_stays(void)
{
	static struct wish wish, other;
	struct world *world = open_world(THREE SERVICE, NULL);
	const struct slot_table *was[3];
	struct compiled compiled;

	wish_open(&wish);
	for (uint16_t g = 0; g < 3; g++) {
		wish_demand(&wish, g, 0, 1000, 20, g);
		wish_plan(&wish, g, 0, thirds, 3);
	}
	publish(world, &wish, &compiled);
	compiled_fini(&compiled);
	for (unsigned g = 0; g < 3; g++)
		was[g] = table_of(world, g);
	publish(world, &wish, &compiled);
	for (unsigned g = 0; g < 3; g++)
		CU_ASSERT_PTR_EQUAL(table_of(world, g), was[g]);
	CU_ASSERT_EQUAL(compiled.moved[0], 0);
	compiled_fini(&compiled);
	wish.groups[EUROPE].pairs = halves;
	wish.groups[EUROPE].pair_count = 2;
	publish(world, &wish, &compiled);
	CU_ASSERT_PTR_EQUAL(table_of(world, DEFAULT), was[DEFAULT]);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(world, EUROPE), was[EUROPE]);
	CU_ASSERT_PTR_EQUAL(table_of(world, ASIA), was[ASIA]);
	CU_ASSERT(fabs(compiled.moved[0] - 1.0 / 9) < 1e-3);	/* a third of a third of the demand */
	compiled_fini(&compiled);
	other = wish;
	other.service.groups = other.rates;
	other.demand.services = &other.service;
	other.planned.groups = other.groups;
	other.plan.services = &other.planned;
	memcpy(other.slots[3], wish.slots[2], sizeof(other.slots[3]));
	other.slots[3][7] *= 3;
	other.rates[ASIA].slots = other.slots[3];
	publish(world, &other, &compiled);
	CU_ASSERT_PTR_EQUAL(table_of(world, DEFAULT), was[DEFAULT]);
	CU_ASSERT_PTR_NOT_EQUAL(table_of(world, ASIA), was[ASIA]);
	CU_ASSERT(compiled.moved[0] < 1e-3);
	compiled_fini(&compiled);
	close_world(world);
}

/* Two daemons with the same history have the same octets, and one that read its tables back goes on with them. */
static void
test_two_daemons(void)
{
	static struct wish wish;
	struct world *a = open_world(THREE SERVICE, NULL), *b = open_world(THREE SERVICE, NULL);
	struct compiled compiled;

	for (unsigned step = 0; step < 4; step++) {
		wish_open(&wish);
		for (uint16_t g = 0; g < 3; g++) {
			wish_demand(&wish, g, 0, 1000 * (step + g + 1), 10 * step, step * g);
			wish_plan(&wish, g, 0, (step + g) % 2 == 0 ? thirds : halves, (step + g) % 2 == 0 ? 3 : 2);
		}
		publish(a, &wish, &compiled);
		compiled_fini(&compiled);
		publish(b, &wish, &compiled);
		compiled_fini(&compiled);
		for (unsigned g = 0; g < 3; g++) {
			CU_ASSERT(same_octets(table_of(a, g), table_of(b, g)));
			/* Not known any more what they were made from: they're made again, as they are. */
			((struct slot_table *)(uintptr_t)table_of(b, g))->inputs = 0;
		}
		publish(b, &wish, &compiled);
		CU_ASSERT_EQUAL(compiled.moved[0], 0);
		compiled_fini(&compiled);
		for (unsigned g = 0; g < 3; g++) {
			CU_ASSERT_PTR_NOT_EQUAL(table_of(a, g), table_of(b, g));
			CU_ASSERT(same_octets(table_of(a, g), table_of(b, g)));
		}
	}
	close_world(a);
	close_world(b);
}

/* Slots go by demand, and a table keeps its size while demand goes up and down. */
static void
test_sizes(void)
{
	static struct wish wish;
	struct world *world = open_world(THREE SERVICE, NULL);
	struct compiled compiled;
	uint32_t sizes[3];

	wish_open(&wish);
	wish_demand(&wish, DEFAULT, 0, 9000, 0, 1);
	wish_demand(&wish, EUROPE, 0, 900, 0, 2);
	wish_demand(&wish, ASIA, 0, 100, 0, 3);
	for (uint16_t g = 0; g < 3; g++)
		wish_plan(&wish, g, 0, thirds, 3);
	/* From nothing: what demand says. Tables without demand had 21,845 each. */
	snapshot_free(world->snapshot);
	world->snapshot = NULL;
	CU_ASSERT_EQUAL(compile_tables(&compiled, world->steering, &wish.plan, &wish.demand, NULL), 0);
	CU_ASSERT_EQUAL(compiled.services[0].groups[DEFAULT]->count, 65536);
	CU_ASSERT_EQUAL(compiled.services[0].groups[EUROPE]->count, 8192);
	CU_ASSERT_EQUAL(compiled.services[0].groups[ASIA]->count, 2048);
	compiled_fini(&compiled);
	world->snapshot = world_snapshot(world, 1, NULL, NULL, 1);
	publish(world, &wish, &compiled);
	compiled_fini(&compiled);
	for (unsigned g = 0; g < 3; g++)
		sizes[g] = table_of(world, g)->count;
	CU_ASSERT_EQUAL(sizes[DEFAULT], 65536);
	CU_ASSERT(sizes[EUROPE] <= 16384 && sizes[ASIA] <= 16384);
	CU_ASSERT(sizes[DEFAULT] + sizes[EUROPE] + sizes[ASIA] <= 2 * SLOTS_PER_SERVICE);
	wish.rates[ASIA].rate *= 1.9;
	wish.rates[EUROPE].rate /= 3;
	publish(world, &wish, &compiled);
	compiled_fini(&compiled);
	for (unsigned g = 0; g < 3; g++)
		CU_ASSERT_EQUAL(table_of(world, g)->count, sizes[g]);
	close_world(world);
}

/* A country's clients keep their regions when it's cut out, and when it isn't any more. */
static void
test_country_cut_out(void)
{
	static struct wish wish;
	struct world *world = open_world(THREE SERVICE, NULL);
	struct compiled compiled;
	uint8_t fr = country_find("FR");
	const struct slot_table *europe, *france;

	wish_open(&wish);
	for (uint16_t g = 0; g < 3; g++)
		wish_plan(&wish, g, 0, thirds, 3);
	publish(world, &wish, &compiled);
	compiled_fini(&compiled);
	europe = table_of(world, EUROPE);
	wish_open(&wish);
	wish_plan(&wish, DEFAULT, 0, thirds, 3);
	wish_plan(&wish, EUROPE, 0, thirds, 3);
	wish_plan(&wish, EUROPE, fr, thirds, 3);
	wish_plan(&wish, ASIA, 0, thirds, 3);
	publish(world, &wish, &compiled);
	CU_ASSERT_EQUAL_FATAL(compiled.group_count, 4);
	CU_ASSERT(compiled.moved[0] < 1e-3);
	compiled_fini(&compiled);
	CU_ASSERT_PTR_EQUAL(table_of(world, EUROPE), europe);
	/* France goes its own way. */
	wish.groups[2].pairs = all_r2;
	wish.groups[2].pair_count = 1;
	publish(world, &wish, &compiled);
	compiled_fini(&compiled);
	france = table_of(world, 3);
	CU_ASSERT(load_of(france, 2) > 0.999 && load_of(table_of(world, EUROPE), 2) < 0.34);
	CU_ASSERT(france->uniform);
	close_world(world);
}

/* Heavy keys of all groups together get DEMAND_HEAVY_MAX slots, the heaviest of all. */
static void
test_heavy_over_groups(void)
{
	static struct demand_key keys[2][DEMAND_HEAVY_MAX];
	struct demand_rate rates[2] = { { .group = DEFAULT, .heavy = keys[0], .heavy_count = DEMAND_HEAVY_MAX, .rate = 1e6 },
		{ .group = EUROPE, .heavy = keys[1], .heavy_count = DEMAND_HEAVY_MAX, .rate = 1e6 } };
	struct demand_service service = { .name = "www.example.com.", .count = 2, .groups = rates };
	struct demand demand = { .service_count = 1, .services = &service };
	struct world *world = open_world(THREE SERVICE, NULL);
	struct compiled compiled = { 0 };

	for (unsigned g = 0; g < 2; g++)
		for (unsigned i = 0; i < DEMAND_HEAVY_MAX; i++)
			keys[g][i] = (struct demand_key){ { .bits = 32, .bytes = { (uint8_t)(g + 1), (uint8_t)(i >> 8), (uint8_t)i } },
				24, (g == 0 ? 100.0 : 33.0) - i * 0.02 };
	CU_ASSERT_EQUAL(compile_tables(&compiled, world->steering, NULL, &demand, NULL), 0);
	CU_ASSERT_EQUAL(compiled.services[0].groups[0]->heavy_count + compiled.services[0].groups[1]->heavy_count,
	    DEMAND_HEAVY_MAX);
	/* 100 - 0.02 i against 33 - 0.02 k: so many above where both are cut. */
	CU_ASSERT(abs((int)compiled.services[0].groups[0]->heavy_count - 3723) <= 1);
	compiled_fini(&compiled);
	close_world(world);
}

/* Without a plan: by capacities, unless a weight was written or a capacity isn't known. */
static void
test_without_plan(void)
{
	static const struct { const char *name, *steering; double first; } cases[] = {
		{ "capacities", THREE SERVICE, 0.5 },
		{ "a weight is written", THREE "services:\n  www.example.com: {sharding-policy: predictive, regions: "
		    "{r0: {weight: 1}, r1: , r2: }}\n", 1.0 / 3 },
		{ "a capacity isn't known", "regions:\n  r0: {capacity: 4k}\n  r1: {capacity: 2k}\n  r2: \n" GROUPS SERVICE,
		    1.0 / 3 },
		{ "another policy", THREE "services:\n  www.example.com: {sharding-policy: weighted-random, regions: "
		    "{r0: , r1: , r2: }}\n", 1.0 / 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *world = open_world(cases[i].steering, NULL);

		SUITE_ROW(cases[i].name, fabs(load_of(table_of(world, 0), 0) - cases[i].first) < 1e-3);
		close_world(world);
	}
}

/* 255 regions and 2,000 groups: in all a few megabytes, and every region is somebody's backup. */
static void
test_many(void)
{
	char *steering = malloc(200000), *at = steering;
	struct world *world;
	size_t octets = 0, distinct = 0;
	double primaries[REGIONS_MAX] = { 0 }, backups[REGIONS_MAX] = { 0 };

	at += sprintf(at, "regions:\n");
	for (unsigned r = 0; r < REGIONS_MAX; r++)
		at += sprintf(at, "  r%u: \n", r);
	at += sprintf(at, "client-groups:\n");
	for (unsigned g = 0; g < CLIENT_GROUPS_MAX - 1; g++)
		at += sprintf(at, "  g%u: {networks: [10.%u.%u.0/24]}\n", g, g / 256, g % 256);
	at += sprintf(at, "services:\n  www.example.com:\n    sharding-policy: weighted-random\n    regions:\n");
	for (unsigned r = 0; r < REGIONS_MAX; r++)
		at += sprintf(at, "      r%u: \n", r);
	at += sprintf(at, "    residency: [{clients: [g7], regions: [r1, r2]}]\n");
	world = open_world(steering, NULL);
	for (size_t g = 0; g < world->snapshot->partition->count; g++) {
		const struct slot_table *table = table_of(world, (unsigned)g);

		if (g > 0 && table == table_of(world, 0))
			continue;
		distinct++;
		octets += table->count * sizeof(struct slot);
	}
	CU_ASSERT_EQUAL(world->snapshot->partition->count, CLIENT_GROUPS_MAX);
	CU_ASSERT_EQUAL(distinct, 2);
	CU_ASSERT(octets < 2000000);
	for (uint32_t i = 0; i < table_of(world, 0)->count; i++) {
		primaries[table_of(world, 0)->slots[i].list[0]] += 255.0 / table_of(world, 0)->count;
		backups[table_of(world, 0)->slots[i].list[1]] += 255.0 / table_of(world, 0)->count;
	}
	for (unsigned r = 0; r < REGIONS_MAX; r++)
		CU_ASSERT(fabs(primaries[r] - 1) < 0.01 && fabs(backups[r] - 1) < 0.1);
	close_world(world);
	free(steering);
}

/* What region `r` gets of Europe's 2,000 requests/s and of Asia's 1,000 when r0 is lost. */
static double
load_without_r0(const struct world *world, region_id r)
{
	const double rates[] = { [EUROPE] = 2000, [ASIA] = 1000 };
	double sum = 0;

	for (unsigned g = EUROPE; g <= ASIA; g++) {
		const struct slot_table *table = table_of(world, g);

		for (size_t i = 0; i < (size_t)table->count + table->heavy_count; i++)
			if (table->slots[i].list[table->slots[i].list[0] == 0] == r)
				sum += rates[g] * (double)table->weights[i];
	}
	return sum;
}

/* One key is half of Europe, and no pair has more than four tenths: what is too much goes elsewhere in Asia. */
static void
test_heavy_key_repaired(void)
{
	static const struct plan_pair europe[] = { { 0, 1, 0.4 }, { 0, 2, 0.4 }, { 1, 2, 0.1 }, { 2, 1, 0.1 } };
	static const struct plan_pair asia[] = { { 0, 1, 0.5 }, { 0, 2, 0.5 } };
	static const struct limit { const char *name; double limit; bool repaired; } limits[] = {
		{ .name = "there is room", .limit = 1, .repaired = false },
		{ .name = "each survivor is full", .limit = 0.75, .repaired = true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct world *world = open_world(THREE SERVICE, NULL);
		const struct slot_table *first;
		struct compiled compiled;
		struct wish wish;
		double most;

		wish_open(&wish);
		wish.plan.normal_limit = wish.plan.loss_limit = limits[i].limit;
		wish_demand(&wish, EUROPE, 0, 2000, 1, 1);
		wish_demand(&wish, ASIA, 0, 1000, 4, 2);
		wish_plan(&wish, EUROPE, 0, europe, ARRAY_SIZE(europe));
		wish_plan(&wish, ASIA, 0, asia, ARRAY_SIZE(asia));
		publish(world, &wish, &compiled);
		compiled_fini(&compiled);
		most = fmax(load_without_r0(world, 1), load_without_r0(world, 2));
		CU_ASSERT(limits[i].repaired ? most < 1515 : most > 1690);
		CU_ASSERT(fabs(load_of(table_of(world, EUROPE), 0) - 0.8) < 0.001
		    && load_of(table_of(world, ASIA), 0) > 0.999);
		first = table_of(world, ASIA);
		publish(world, &wish, &compiled);	/* and so it stays */
		CU_ASSERT(table_of(world, ASIA) == first && compiled.moved[0] == 0);
		compiled_fini(&compiled);
		close_world(world);
	}
}

static struct world *scarce_world;
static struct wish scarce_wish;

/* The plan's group, a group without one, and what is made anew from tables that aren't known any more. */
static bool
build(void)
{
	struct compiled compiled = { 0 };
	int failed;

	for (unsigned g = 0; g < 3; g++)
		((struct slot_table *)(uintptr_t)table_of(scarce_world, g))->inputs = 0;
	failed = compile_tables(&compiled, scarce_world->steering, &scarce_wish.plan, &scarce_wish.demand,
	    scarce_world->snapshot);
	if (failed != 0)
		return false;
	compiled_fini(&compiled);
	return true;
}

static void
test_scarce(void)
{
	scarce_world = open_world(THREE SERVICE "  near.example.com: {sharding-policy: round-robin, regions: {r0: , r1: }}\n"
	    "  first.example.com: {sharding-policy: priority, regions: {r0: , r1: }}\n", NULL);
	wish_open(&scarce_wish);
	wish_plan(&scarce_wish, DEFAULT, 0, thirds, 3);
	wish_demand(&scarce_wish, DEFAULT, 0, 1000, 20, 1);
	SCARCE_EACH(build);
	close_world(scarce_world);
}

static const struct suite_case cases[] = {
	{ .name = "what stays is the very table", .run = test_what_stays },
	{ .name = "two daemons, one of them restarted", .run = test_two_daemons },
	{ .name = "sizes by demand", .run = test_sizes },
	{ .name = "a country is cut out", .run = test_country_cut_out },
	{ .name = "heavy keys over all groups", .run = test_heavy_over_groups },
	{ .name = "a key that no pair can hold", .run = test_heavy_key_repaired },
	{ .name = "a predictive service without a plan", .run = test_without_plan },
	{ .name = "2,000 groups and 255 regions", .run = test_many },
	{ .name = "memory runs out", .run = test_scarce },
};

int
main(void)
{
	return suite_run("compile_demand", cases, ARRAY_SIZE(cases));
}
