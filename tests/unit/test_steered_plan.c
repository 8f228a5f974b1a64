/* test_steered_plan.c -- planned tables as clients see them: who is shed gets the owner's own records, heavy keys get what
 * their slot says, and in every state of every region each slot of each table stays within the law. */
#include "serve/steered.h"

#include <math.h>

#include "dns/types.h"
#include "packing/pack.h"
#include "steer/country.h"
#include "world.h"

static const char zone[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"r0._region.www 60 A 192.0.2.1\nr1._region.www 60 A 198.51.100.1\nr2._region.www 60 A 203.0.113.1\n"
	"r3._region.www 60 A 203.0.113.9\nr0._region.www 60 AAAA 2001:db8::1\nwww 60 A 192.0.2.250\n"
	"r0._region.list 60 A 192.0.2.1\nr1._region.list 60 A 198.51.100.1\nr2._region.list 60 A 203.0.113.1\n"
	"r3._region.list 60 A 203.0.113.9\n"
	"r0._region.near 60 A 192.0.2.1\nr1._region.near 60 A 198.51.100.1\nr2._region.near 60 A 203.0.113.1\n"
	"r3._region.near 60 A 203.0.113.9\n";

#define REGIONS 4
#define WORLD(shed) \
	"regions:\n  r0: {location: {latitude: 50, longitude: 8}}\n  r1: {location: {latitude: 38, longitude: -77}}\n" \
	"  r2: {location: {latitude: 35, longitude: 139}}\n  r3: {location: {latitude: -23, longitude: -46}}\n" \
	"client-groups:\n  office: {networks: [10.1.0.0/16]}\n  lab: {networks: [10.2.0.0/16]}\n" \
	"services:\n" \
	"  www.example.com: {sharding-policy: predictive, regions: {r0: , r1: , r2: , r3: }" shed "," LAW "}\n" \
	"  list.example.com: {sharding-policy: priority, regions: {r3: , r2: , r1: , r0: }," LAW "}\n" \
	"  near.example.com: {sharding-policy: geographic, regions: {r0: , r1: , r2: , r3: }," LAW "}\n"
#define LAW "residency: [{clients: [office], regions: [r0, r1]}, {clients: [lab], regions: [r2]}]"

enum { DEFAULT, OFFICE, LAB };

static const struct plan_pair general[] = { { 0, 1, 0.2 }, { 1, 2, 0.3 }, { 2, 3, 0.2 }, { 3, 0, 0.05 },
	{ NO_REGION, NO_REGION, 0.25 } };
static const struct plan_pair office[] = { { 0, 1, 0.5 }, { 1, 0, 0.3 }, { NO_REGION, NO_REGION, 0.2 } };
static const struct plan_pair lab[] = { { 2, NO_REGION, 0.6 }, { NO_REGION, NO_REGION, 0.4 } };
static const region_id others[] = { 3, 2, 1, 0 };
static const struct plan_group groups[] = {
	{ .group = DEFAULT, .pairs = general, .pair_count = ARRAY_SIZE(general), .order = others, .order_count = 4 },
	{ .group = OFFICE, .pairs = office, .pair_count = ARRAY_SIZE(office) },
	{ .group = LAB, .pairs = lab, .pair_count = ARRAY_SIZE(lab) },
};
static const struct plan_service planned = { "www.example.com.", ARRAY_SIZE(groups), groups };
static const struct plan plan = { .service_count = 1, .services = &planned };

static struct world *world;

static void
open_world(const char *steering)
{
	world = malloc(sizeof(*world));
	world_open(world, (struct world_parts){ .zones = { { "example.com.", zone } }, .steering = steering,
	    .plan = &plan });
}

static void
close_world(void)
{
	world_close(world);
	free(world);
}

static const struct service *
service_named(const char *name)
{
	return &world->snapshot->services[steering_service_find(world->steering, name) - world->steering->services];
}

/* Answers to 4,096 clients: how many get the owner's own address. */
static double
shed_share(const char *question, unsigned network, const char *own)
{
	unsigned shed = 0;

	for (unsigned i = 0; i < 4096; i++) {
		char subnet[40];

		snprintf(subnet, sizeof(subnet), "%u.%u.%u.0/24", network >> 8, network != 11 << 8 ? network & 255 : i / 256,
		    i % 256);
		shed += strstr(world_ask(world, question, (struct ask){ .subnet = subnet }), own) != NULL;
	}
	return shed / 4096.0;
}

static void
test_shed(void)
{
	struct steered steered;
	struct steered_client client = { { .bits = 32, .bytes = { 11, 0, 0 } }, 24 };
	uint64_t picks = 0;

	open_world(WORLD(", shed: true"));
	CU_ASSERT(fabs(shed_share("www.example.com. A", 11 << 8, "192.0.2.250") - 0.25) < 0.01);
	CU_ASSERT(fabs((double)world->counters.picks[PICK_SHED] - 1024) < 41);
	CU_ASSERT(fabs(shed_share("www.example.com. A", 10 << 8 | 1, "192.0.2.250") - 0.2) < 0.01);
	for (uint32_t r = 0; r < REGIONS; r++)
		picks += snapshot_picks(world->snapshot, service_named("www.example.com.")->index, (region_id)r);
	CU_ASSERT_EQUAL(picks, world->counters.picks[PICK_LISTED]);
	/* A type that the owner lacks is nobody's to shed: the region that has it serves. */
	CU_ASSERT_EQUAL(shed_share("www.example.com. AAAA", 11 << 8, "2001:db8::1"), 1);
	/* Shed clients stay shed when regions die, and their answers have the key's scope. */
	for (unsigned i = 0; i < 256; i++) {
		client.address.bytes[2] = (uint8_t)i;
		steered_choose(&steered, world->snapshot, service_named("www.example.com."), &client, TYPE_A, NULL);
		if (steered.pick.outcome == PICK_SHED)
			break;
	}
	CU_ASSERT_EQUAL_FATAL(steered.pick.outcome, PICK_SHED);
	CU_ASSERT(steered.pick.region == NO_REGION && steered.rrset != NULL && steered.scope == 24
	    && steered.ttl == 60);
	world_kill(world, "r0", true);
	world_kill(world, "r1", true);
	steered_choose(&steered, world->snapshot, service_named("www.example.com."), &client, TYPE_A, NULL);
	CU_ASSERT_EQUAL(steered.pick.outcome, PICK_SHED);
	close_world();
	/* A service that may not: an empty list is no answer, whoever is legal serves. */
	open_world(WORLD(""));
	CU_ASSERT_EQUAL(shed_share("www.example.com. A", 11 << 8, "192.0.2.250"), 0);
	CU_ASSERT_EQUAL(world->counters.picks[PICK_SHED], 0);
	CU_ASSERT(world->counters.picks[PICK_BEYOND_LIST] > 900);
	close_world();
}

/* The table is asked without the law's second opinion: what its lists have must be legal by itself. */
static void
check_slots(const struct service *service, const struct slot_table *table, struct region_set legal,
	unsigned long *picks, unsigned long *wrong)
{
	for (uint32_t i = 0; i < table->count + table->heavy_count; i++) {
		struct pick_question q = { .slot = &table->slots[i], .rank = table->slots[i].rank, .live = service->live,
			.legal = region_set_all(), .able = region_set_all(), .order = service->order,
			.order_count = service->order_count, .may_shed = service->intent->shed };
		struct pick listed = slots_pick(&q), lawful;

		q.legal = legal;
		lawful = slots_pick(&q);
		*picks += 2;
		*wrong += listed.outcome == PICK_LISTED && !region_set_has(&legal, listed.region);
		*wrong += lawful.region == NO_REGION ? lawful.outcome != PICK_SHED : !region_set_has(&legal, lawful.region);
	}
}

static void
test_residency(void)
{
	static const char *const names[] = { "r0", "r1", "r2", "r3" };
	unsigned long picks = 0, wrong = 0;
	struct locator *locator;

	open_world(WORLD(", shed: true"));
	locator = locator_new(world->steering, NULL);
	for (unsigned state = 0; state < 1u << REGIONS * 2; state++) {
		for (unsigned r = 0; r < REGIONS; r++) {
			unsigned degree = state >> 2 * r & 3;

			world_kill(world, names[r], degree == 0);
			world_admit(world, names[r], degree == 1 ? ADMIT_NONE : degree == 2 ? 20000 : ADMIT_ALL);
		}
		for (size_t s = 0; s < world->snapshot->service_count; s++) {
			const struct service *service = &world->snapshot->services[s];

			for (uint16_t g = 0; g < world->snapshot->partition->count; g++)
				check_slots(service, service->tables[g], partition_legal(world->snapshot->partition,
				    locator, service->intent, g), &picks, &wrong);
			for (unsigned c = 1; service->by_country != NULL && c < country_count(); c++) {
				struct slot_table *one = pack_list(service->by_country->slots[c].list, SLOT_LIST);

				check_slots(service, one, locator_legal(locator, service->intent, 0, (uint8_t)c), &picks,
				    &wrong);
				slot_table_release(one);
			}
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	printf("# %lu picks over all slots and states\n", picks);
	CU_ASSERT(picks > 10000000);
	locator_free(locator);
	close_world();
}

/* A heavy key's own slot decides for it, in answers too. */
static void
test_heavy_keys(void)
{
	static struct demand_key keys[64];
	struct demand_rate rate_of_all = { .group = DEFAULT, .rate = 1000, .heavy = keys, .heavy_count = ARRAY_SIZE(keys) };
	struct demand_service service = { .name = "www.example.com.", .count = 1, .groups = &rate_of_all };
	struct demand demand = { .service_count = 1, .services = &service };
	const struct slot_table *table;
	struct compiled compiled;
	struct snapshot *next;
	unsigned common = 0;

	open_world(WORLD(""));
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i] = (struct demand_key){ { .bits = 32, .bytes = { 11, 9, (uint8_t)i } }, 24, 10 };
	CU_ASSERT_EQUAL_FATAL(compile_tables(&compiled, world->steering, &plan, &demand, world->snapshot), 0);
	next = snapshot_new(&(struct snapshot_parts){ .epoch = 2, .steering = world->steering, .zones = world->zones,
	    .zone_count = world->zone_count, .tables = compiled.services, .worker_count = 1 });
	compiled_fini(&compiled);
	snapshot_free(world->snapshot);
	world->snapshot = next;
	table = service_named("www.example.com.")->tables[DEFAULT];
	CU_ASSERT_EQUAL(table->heavy_count, 64);
	for (unsigned i = 0; i < 256; i++) {
		struct steered_client client = { { .bits = 32, .bytes = { 11, 9, (uint8_t)i, 77 } }, 32 };
		struct steered steered;

		steered_choose(&steered, world->snapshot, service_named("www.example.com."), &client, TYPE_A, NULL);
		CU_ASSERT_EQUAL(steered.slot >= table->count, i < 64);
		CU_ASSERT(steered.pick.outcome != PICK_LISTED || steered.pick.region == table->slots[steered.slot].list[0]);
		common += steered.slot < table->count;
	}
	CU_ASSERT_EQUAL(common, 192);
	close_world();
}

static const struct suite_case cases[] = {
	{ .name = "shed clients get the owner's own records", .run = test_shed },
	{ .name = "residency over all slots and states", .run = test_residency },
	{ .name = "heavy keys", .run = test_heavy_keys },
};

int
main(void)
{
	return suite_run("steered_plan", cases, ARRAY_SIZE(cases));
}
