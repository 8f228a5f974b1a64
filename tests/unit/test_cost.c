/* test_cost.c -- plan/cost: distances, where groups are, and which of several measurements counts. */
#include "plan/cost.h"

#include <math.h>

#include "conf/steering_yaml.h"
#include "suite.h"

static const char text[] =
    "geo-database: g\n"
    "regions: {eu: {location: {country: IE}}, us: {location: {country: US}}, x: {}}\n"
    "client-groups:\n"
    "  lab: {networks: [192.0.2.0/24], location: {latitude: 0, longitude: 0}}\n"
    "  nordic: {countries: [NO, SE, FI]}\n"
    "  asia: {continents: [AS]}\n"
    "  lan: {networks: [10.0.0.0/8]}\n"
    "services: {www.: {regions: [eu, us, x]}}\n";

enum { EU, US, X, REGIONS };
enum { DEFAULT, LAB, NORDIC, ASIA, LAN, SE };	/* demand groups; Sweden is cut out */

struct world {
	struct steering *steering;
	struct arena *arena;
	struct locator *locator;
	const struct partition *partition;
};

static void
world_open(struct world *world)
{
	struct diags diags = { 0 };
	uint8_t sweden = country_find("SE");

	world->steering = steering_read(text, "f", &diags);
	world->arena = arena_new();
	if (world->steering == NULL || world->arena == NULL)
		abort();
	world->locator = locator_new(world->steering, NULL);
	world->partition = partition_new(world->steering, world->locator, &sweden, 1, world->arena);
	if (world->partition == NULL || world->partition->count != 6)
		abort();
	diag_fini(&diags);
}

static void
world_close(struct world *world)
{
	locator_free(world->locator);
	arena_free(world->arena);
	steering_free(world->steering);
}

static void
test_distance(void)
{
	CU_ASSERT(cost_of_distance(0) == 4);
	/* Frankfurt to Virginia, 6,600 km, is some 90 ms in the world. */
	CU_ASSERT(cost_of_distance(6600) > 85 && cost_of_distance(6600) < 100);
}

static void
test_places(void)
{
	struct world world;
	struct location place;

	world_open(&world);
	place = demand_location(world.steering, &world.partition->groups[LAB]);
	CU_ASSERT(place.known && place.latitude == 0 && place.longitude == 0);
	place = demand_location(world.steering, &world.partition->groups[SE]);
	CU_ASSERT(place.known && fabs(place.latitude - 62) < 3 && fabs(place.longitude - 15) < 3);
	place = demand_location(world.steering, &world.partition->groups[NORDIC]);
	CU_ASSERT(place.known && place.latitude > 58 && place.latitude < 68 && place.longitude > 8 && place.longitude < 27);
	place = demand_location(world.steering, &world.partition->groups[ASIA]);
	CU_ASSERT(place.known && place.longitude > 50 && place.longitude < 130);
	CU_ASSERT(!demand_location(world.steering, &world.partition->groups[LAN]).known);
	world_close(&world);
}

static const struct {
	const char *name;
	struct latency_row rows[4];
	size_t count;
	size_t group;
	region_id region;
	double ms;		/* NAN: that of the distance */
} rows[] = {
	{ "by distance", .group = LAB, .region = EU, .ms = NAN },
	{ "a region without a place", .group = LAB, .region = X, .ms = COST_UNKNOWN_MS },
	{ "a group without a place", .group = LAN, .region = EU, .ms = COST_UNKNOWN_MS },
	{ "a group", { { "lan", "eu", 7, false, 1 } }, 1, LAN, EU, 7 },
	{ "a group counts for its countries", { { "nordic", "eu", 7, false, 1 } }, 1, SE, EU, 7 },
	{ "a country counts for itself only", { { "SE", "eu", 7, false, 1 } }, 1, NORDIC, EU, NAN },
	{ "a country that isn't cut out counts for nobody", { { "NO", "eu", 7, false, 1 } }, 1, NORDIC, EU, NAN },
	{ "a country before its group", { { "SE", "eu", 7, false, 1 }, { "nordic", "eu", 9, true, 5 } }, 2, SE, EU, 7 },
	{ "both before the country", { { "nordic/SE", "eu", 6, false, 1 }, { "SE", "eu", 7, true, 5 } }, 2, SE, EU, 6 },
	{ "a country of another group", { { "asia/SE", "eu", 6, false, 1 } }, 1, SE, EU, NAN },
	{ "an agent before an import", { { "lan", "us", 8, true, 1 }, { "lan", "us", 9, false, 5 } }, 2, LAN, US, 8 },
	{ "the newer", { { "lan", "us", 8, true, 6 }, { "lan", "us", 9, true, 5 } }, 2, LAN, US, 8 },
	{ "another region", { { "lan", "us", 8, true, 6 } }, 1, LAN, EU, COST_UNKNOWN_MS },
	{ "names of nobody", { { "lan", "nowhere", 8, true, 6 }, { "nobody", "eu", 8, true, 6 }, { "lan/QQ", "eu", 8, true, 6 },
	    { "lan", "eu", NAN, true, 6 } }, 4, LAN, EU, COST_UNKNOWN_MS },
	{ "the default group has no place but a measurement", { { "default", "x", 8, true, 6 } }, 1, DEFAULT, X, 8 },
};

static void
test_table(void)
{
	struct world world;

	world_open(&world);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double ms[6 * REGIONS], expected = rows[i].ms;
		struct location from = demand_location(world.steering, &world.partition->groups[rows[i].group]);
		const struct location *to = &world.steering->regions[rows[i].region].location;
		bool known[6];

		if (isnan(expected))
			expected = cost_of_distance(great_circle_km(from.latitude, from.longitude, to->latitude,
			    to->longitude));
		cost_table(world.steering, world.partition, rows[i].rows, rows[i].count, ms, known);
		SUITE_ROW(rows[i].name, fabs(ms[rows[i].group * REGIONS + rows[i].region] - expected) < 1e-9);
		SUITE_ROW(rows[i].name, known[LAB] && known[LAN] == (strcmp(rows[i].rows[0].clients == NULL ? "" :
		    rows[i].rows[0].clients, "lan") == 0 && strcmp(rows[i].rows[0].region, "nowhere") != 0));
		cost_table(world.steering, world.partition, rows[i].rows, rows[i].count, ms, NULL);
	}
	world_close(&world);
}

static const struct suite_case cases[] = {
	{ .name = "distances", .run = test_distance },
	{ .name = "where groups are", .run = test_places },
	{ .name = "what was measured", .run = test_table },
};

int
main(void)
{
	return suite_run("cost", cases, ARRAY_SIZE(cases));
}
