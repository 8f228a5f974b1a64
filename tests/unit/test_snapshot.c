/* test_snapshot.c -- serve/snapshot: which zone and which service a name belongs to, what workers may write, what is
 * held, and memory that runs out while one is built. */
#include "serve/snapshot.h"

#include "scarce.h"
#include "world.h"

#define ZONE "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"

static const struct world_parts parts = {
	.zones = {
		{ "example.", ZONE "eu._region.www 60 A 192.0.2.1\nus._region.www 60 A 192.0.2.2\nus._region.www 60 "
		    "AAAA ::1\n"
		    "us._region.www 60 TXT x\n" },
		{ "deep.er.example.", ZONE "eu._region.www 60 A 192.0.2.1\nus._region.www 60 CNAME x\nx 60 A "
		    "192.0.2.1\n" },
		{ "example.net.", ZONE },
	},
	.steering = "regions: {eu: , other: , us: }\nclient-groups: {office: {networks: [10.0.0.0/8]}}\n"
		"services:\n  www.example: {sharding-policy: priority, regions: {us: {priority: 2}, eu: {priority: 1}},"
		" residency: [{clients: [office], regions: [us]}]}\n"
		"  www.deep.er.example: {regions: {us: , eu: }}\n",
	.workers = 3,
};

static const struct zone *
zone_of(const struct world *world, const char *text, unsigned from)
{
	uint8_t name[NAME_MAX];
	struct name_parts taken;

	if (name_parse(text, name) == 0)
		abort();
	name_take_apart(&taken, name);
	return snapshot_zone(world->snapshot, name, &taken, from);
}

static void
test_zones(void)
{
	static const struct { const char *name; unsigned from; int zone; } rows[] = {
		{ "example.", 0, 0 }, { "www.example.", 0, 0 }, { "er.example.", 0, 0 }, { "deep.er.example.", 0, 1 },
		{ "deep.er.example.", 1, 0 }, { "a.b.c.d.e.f.deep.er.example.", 0, 1 }, { "x.example.net.", 0, 2 },
		{ "net.", 0, -1 }, { ".", 0, -1 }, { "example.org.", 0, -1 }, { "example.", 1, -1 }, { "xexample.", 0,
		    -1 },
		{ "er.example.deep.", 0, -1 },
	};
	struct world *world = malloc(sizeof(*world));

	world_open(world, parts);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_ROW(rows[i].name, zone_of(world, rows[i].name, rows[i].from)
		    == (rows[i].zone < 0 ? NULL : world->zones[rows[i].zone]));
	world_close(world);
	free(world);
}

static void
test_services(void)
{
	struct world *world = malloc(sizeof(*world));
	const struct service *www, *deep;
	const struct node *node;

	world_open(world, parts);
	node = zone_find_name(world->zones[0], (const uint8_t *)"\3www\7example\0");
	www = snapshot_service(world->snapshot, node);
	CU_ASSERT_PTR_NOT_NULL_FATAL(www);
	SUITE_TEXT(www->intent->name, "www.example.");
	CU_ASSERT_PTR_EQUAL(www->node, node);
	CU_ASSERT_PTR_NULL(snapshot_service(world->snapshot, zone_apex(world->zones[0])));
	CU_ASSERT(www->order_count == 2 && www->order[0] == 0 && www->order[1] == 2);
	CU_ASSERT(www->variants[0] != NULL && www->variants[1] == NULL && www->variants[2] != NULL);
	CU_ASSERT_EQUAL(www->type_count, 3);
	for (size_t t = 0; t < www->type_count; t++)
		CU_ASSERT_EQUAL(www->types[t].regions.words[0], www->types[t].type == TYPE_A ? 5 : 4);
	CU_ASSERT_EQUAL(www->legal_by_network[1].words[0], 4);
	CU_ASSERT_EQUAL(www->legal_by_country[0].words[0], 5);
	node = zone_find_name(world->zones[1], (const uint8_t *)"\3www\4deep\2er\7example\0");
	deep = snapshot_service(world->snapshot, node);
	CU_ASSERT(deep != NULL && deep != www && deep->zone == world->zones[1]);
	CU_ASSERT(deep->seed != www->seed && deep->live != www->live);
	for (unsigned r = 0; r < REGIONS_MAX; r++)
		CU_ASSERT(live_admit(deep->live, (region_id)r) == ADMIT_ALL && !live_is_dead(deep->live, (region_id)r));
	world_close(world);
	free(world);
}

/* A service whose zone, or whose name, isn't there has no node, and does nobody harm. */
static void
test_missing_zone(void)
{
	struct world_parts less = parts;
	struct world *world = malloc(sizeof(*world));

	less.zones[0].apex = "example.net.";
	less.zones[1].apex = NULL;
	less.zones[0].text = ZONE;
	world_open(world, less);
	CU_ASSERT_EQUAL(world->snapshot->service_count, 2);
	for (size_t s = 0; s < 2; s++)
		CU_ASSERT(world->snapshot->services[s].node == NULL && world->snapshot->services[s].type_count == 0);
	SUITE_TEXT(world_ask(world, "www.example. A", (struct ask){ .edns = false }), "REFUSED\n");
	world_close(world);
	free(world);
}

static void
test_rows(void)
{
	struct world *world = malloc(sizeof(*world));
	struct snapshot *next;
	size_t turns;

	world_open(world, parts);
	turns = 2 * 2 * TURNS_PER_TABLE;
	for (unsigned w = 0; w < 3; w++) {
		const struct worker_row *row = &world->snapshot->rows[w];

		CU_ASSERT_EQUAL((uintptr_t)row->picks % 64, 0);
		row->picks[5] = w + 1;		/* service 1, region 2 */
		CU_ASSERT_NOT_EQUAL(row->turns[0], world->snapshot->rows[(w + 1) % 3].turns[0]);
	}
	CU_ASSERT_EQUAL(snapshot_picks(world->snapshot, 1, 2), 6);
	CU_ASSERT_EQUAL(snapshot_picks(world->snapshot, 0, 2), 0);
	next = world_snapshot(world, 2, NULL, NULL, 3);
	CU_ASSERT_NOT_EQUAL(memcmp(next->rows[0].turns, world->snapshot->rows[0].turns, turns * sizeof(uint32_t)), 0);
	snapshot_free(next);
	world_close(world);
	free(world);
}

static struct world *scarce_world;

static bool
build(void)
{
	struct world *world = scarce_world;
	struct compiled compiled = { 0 };
	struct snapshot *snapshot;

	if (compile_tables(&compiled, world->steering, NULL, NULL, world->snapshot) != 0)
		return false;
	snapshot = snapshot_new(&(struct snapshot_parts){ .epoch = 2, .steering = world->steering,
	    .zones = world->zones,
	    .zone_count = world->zone_count, .tables = compiled.services, .worker_count = 3 });
	compiled_fini(&compiled);
	snapshot_free(snapshot);
	return snapshot != NULL;
}

/* What was held is let go: the world is taken down after it, and the leak check looks. */
static void
test_scarce(void)
{
	scarce_world = malloc(sizeof(*scarce_world));
	world_open(scarce_world, parts);
	SCARCE_EACH(build);
	CU_ASSERT_EQUAL(scarce_world->steering->holds, 1);
	SUITE_TEXT(world_ask(scarce_world, "www.example. A", (struct ask){ .edns = false }),
	    "NOERROR aa\nan www.example. 60 A 192.0.2.1\n");
	world_close(scarce_world);
	free(scarce_world);
}

static const struct suite_case cases[] = {
	{ .name = "zones", .run = test_zones },
	{ .name = "services", .run = test_services },
	{ .name = "services without a zone", .run = test_missing_zone },
	{ .name = "rows of workers", .run = test_rows },
	{ .name = "memory runs out", .run = test_scarce },
};

int
main(void)
{
	return suite_run("snapshot", cases, ARRAY_SIZE(cases));
}
