/* test_law.c -- steer/law: residency read from the rules agrees with the compiled masks, and finds masks that are
 * wrong. */
#include "steer/law.h"

#include <unistd.h>

#include "mmdb.h"
#include "serve/steered.h"
#include "world.h"

#define ZONE "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"

static const struct world_parts parts = {
	.zones = { { "example.", ZONE
	    "eu._region.www 60 A 192.0.2.1\nus._region.www 60 A 192.0.2.2\nde._region.www 60 A 192.0.2.3\n"
	    "eu._region.free 60 A 192.0.2.1\nus._region.free 60 A 192.0.2.2\n" } },
	.steering = "regions: {eu: , us: , de: , spare: }\n"
	    "client-groups:\n"
	    "  office: {networks: [10.1.0.0/16, 2001:db8:1::/48]}\n"
	    "  lab: {networks: [10.1.2.0/24, 172.16.0.0/12]}\n"
	    "  germany: {countries: [DE]}\n"
	    "  europe: {continents: [EU]}\n"
	    "services:\n"
	    "  www.example:\n"
	    "    regions: {eu: , us: , de: }\n"
	    "    residency:\n"
	    "      - {clients: [office], regions: [eu, us]}\n"
	    "      - {clients: [lab], regions: [us, de]}\n"
	    "      - {clients: [germany], regions: [de]}\n"
	    "      - {clients: [europe], regions: [eu, de]}\n"
	    "      - {clients: [default], regions: [us]}\n"
	    "  free.example: {regions: {eu: , us: }}\n",
};

static const struct mmdb_entry networks[] = {
	{ "192.0.2.0/24", "DE" }, { "198.51.100.0/23", "US" }, { "203.0.113.0/24", "FR" }, { "10.1.0.0/17", "DE" },
};

static struct geo *
open_geo(void)
{
	char path[] = "/tmp/isobar-test-law-XXXXXX";
	struct text error = { 0 };
	int fd = mkstemp(path);
	struct geo *geo;

	if (fd < 0)
		abort();
	close(fd);
	mmdb_write(path, 6, MMDB_NESTED, networks, ARRAY_SIZE(networks));
	geo = geo_open(path, &error);
	if (geo == NULL)
		abort();
	unlink(path);
	return geo;
}

/* Each address against each region, by both. */
static void
test_agrees(void)
{
	static const struct { const char *address, *regions; } rows[] = {
		{ "192.0.2.7", "de" }, { "203.0.113.9", "eu de" }, { "198.51.100.1", "us" }, { "8.8.8.8", "us" },
		{ "10.1.200.1", "eu us" }, { "10.1.1.1", "" }, { "10.1.2.1", "" }, { "172.16.3.4", "us de" },
		{ "2001:db8:1:2::3", "eu us" }, { "2001:db8:2::", "us" },
	};
	struct world *world = malloc(sizeof(*world));
	struct geo *geo = open_geo();
	struct world_parts with_geo = parts;
	const struct service *service;

	with_geo.geo = geo;
	world_open(world, with_geo);
	service = &world->snapshot->services[1];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct steered_client client = { .length = 128 };
		struct steered chosen;
		char regions[64] = "";

		if (address_parse(rows[i].address, &client.address) != 0)
			abort();
		client.length = client.address.bits;
		steered_choose(&chosen, world->snapshot, service, &client, TYPE_A, NULL);
		for (size_t r = 0; r < world->steering->region_count; r++) {
			bool allowed = law_allows(world->steering, service->intent, geo, &client.address, (region_id)r);

			if (allowed)
				sprintf(regions + strlen(regions), "%s%s", *regions != '\0' ? " " : "",
				    world->steering->regions[r].name);
			if (r < 3)
				SUITE_ROW(rows[i].address, allowed == region_set_has(&chosen.legal, (region_id)r));
		}
		SUITE_TEXT(regions, rows[i].regions);
	}
	world_close(world);
	geo_close(geo);
	free(world);
}

static void
ask_many(struct world *world, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char subnet[32];

		snprintf(subnet, sizeof(subnet), "10.1.%u.0/24", i % 256);
		world_ask(world, "www.example. A", (struct ask){ .subnet = subnet });
	}
}

/* Masks, and lists, as a fault in the compiling of either would make them. */
static void
test_counts_broken_masks(void)
{
	struct world *world = malloc(sizeof(*world));
	struct region_set *legal;
	const struct service *service;
	uint64_t checked, violations;
	unsigned every;

	world_open(world, parts);
	service = &world->snapshot->services[1];
	every = service->check_mask + 1;
	CU_ASSERT_EQUAL(every, 64);
	ask_many(world, 2 * every);
	snapshot_lawful(world->snapshot, &checked, &violations);
	CU_ASSERT_EQUAL(checked, 2);
	CU_ASSERT_EQUAL(violations, 0);

	/* Everything is legal, says the mask; and the slots know only what the rules forbid. */
	for (size_t n = 1; n < locator_network_count(world->snapshot->locator); n++) {
		legal = (struct region_set *)(uintptr_t)&service->legal_by_network[n];
		*legal = region_set_all();
	}
	for (uint32_t i = 0; i < service->tables[1]->count; i++)
		*(struct slot *)(uintptr_t)&service->tables[1]->slots[i] = (struct slot){
		    .list = { 2, NO_REGION, NO_REGION, NO_REGION } };
	ask_many(world, 4 * every);
	snapshot_lawful(world->snapshot, &checked, &violations);
	CU_ASSERT_EQUAL(checked, 6);
	CU_ASSERT(violations > 0);
	world_close(world);
	free(world);
}

/* More networks to look at, fewer answers looked at. */
static void
test_cost(void)
{
	struct text steering = { 0 };
	struct world_parts many = parts;
	struct world *world = malloc(sizeof(*world));

	text_puts(&steering, "regions: {eu: , us: }\nclient-groups:\n  a:\n    networks:\n");
	for (unsigned i = 0; i < 1000; i++)
		text_printf(&steering, "      - 10.%u.%u.0/24\n", i / 256, i % 256);
	text_puts(&steering, "services:\n  www.example:\n    regions: {eu: , us: }\n"
	    "    residency: [{clients: [a], regions: [eu]}, {clients: [default], regions: [eu]}]\n"
	    "  free.example: {regions: {eu: , us: }}\n");
	many.steering = steering.bytes;
	world_open(world, many);
	CU_ASSERT_EQUAL(world->snapshot->services[0].check_mask, 63);
	CU_ASSERT_EQUAL(world->snapshot->services[1].check_mask, 64 * 32 - 1);
	world_close(world);
	text_fini(&steering);
	free(world);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "the rules and the masks agree", .run = test_agrees },
		{ .name = "broken masks are counted", .run = test_counts_broken_masks },
		{ .name = "a check that costs more is made rarer", .run = test_cost },
	};

	return suite_run("law", cases, ARRAY_SIZE(cases));
}
