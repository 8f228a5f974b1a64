/* test_steered.c -- steered names, from the request to the answer: types, law, dead and drained regions, what the
 * client is known by, scope, turns and TTLs. */
#include "serve/steered.h"

#include <math.h>
#include <unistd.h>

#include "base/hash.h"
#include "mmdb.h"
#include "world.h"

static const char zone[] =
	"@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"eu._region.www 60 A 192.0.2.1\neu._region.www 60 A 192.0.2.2\neu._region.www 60 AAAA 2001:db8::1\n"
	"us._region.www 60 A 198.51.100.1\nus._region.www 600 AAAA 2001:db8::2\nus._region.www 60 HTTPS 1 . alpn=h2\n"
	"ap._region.www 60 A 203.0.113.1\n"
	"www 60 TXT \"not steered\"\n"
	"eu._region.alias 60 CNAME eu.pool\nus._region.alias 60 CNAME us.example.net.\neu.pool 60 A 192.0.2.9\n"
	"eu._region.mail 60 MX 10 mx.eu\nmx.eu 60 A 192.0.2.25\nus._region.mail 60 MX 10 www\n"
	"www 60 A 192.0.2.250\n"
	"to-www 60 CNAME www\n"
	"eu._region.law 60 A 192.0.2.1\nus._region.law 60 A 198.51.100.1\nap._region.law 60 A 203.0.113.1\n"
	"eu._region.turn 60 A 192.0.2.1\nus._region.turn 60 A 198.51.100.1\nap._region.turn 60 A 203.0.113.1\n"
	"eu._region.turn 60 AAAA 2001:db8::1\nus._region.turn 60 AAAA 2001:db8::2\nap._region.turn 60 AAAA "
	    "2001:db8::3\n"
	"eu._region.near 60 A 192.0.2.1\nus._region.near 60 A 198.51.100.1\nap._region.near 60 A 203.0.113.1\n"
	"eu._region.nodata 60 A 192.0.2.1\neu._region.servfail 60 A 192.0.2.1\n";

#define REGIONS_YAML \
	"regions:\n" \
	"  eu: {location: {country: DE, latitude: 50.1, longitude: 8.7}}\n" \
	"  us: {location: {country: US, latitude: 38.9, longitude: -77.5}}\n" \
	"  ap: {location: {country: JP, latitude: 35.7, longitude: 139.7}}\n"

static const char steering[] = REGIONS_YAML
	"client-groups:\n"
	"  office: {networks: [10.1.0.0/16, '2001:db8:77::/48']}\n"
	"  lab: {networks: [10.1.2.0/24]}\n"
	"  germany: {countries: [DE]}\n"
	"  europe: {continents: [EU]}\n"
	"services:\n"
	"  www.example.com: {sharding-policy: priority, regions: {eu: {priority: 1}, us: {priority: 2}, ap: "
	    "{priority: 3}},"
	" ttl: {max: 300s, min: 5s}}\n"
	"  alias.example.com: {sharding-policy: priority, regions: {eu: {priority: 1}, us: {priority: 2}}}\n"
	"  mail.example.com: {sharding-policy: priority, regions: {eu: {priority: 1}, us: {priority: 2}}}\n"
	"  law.example.com: {sharding-policy: weighted-random, regions: {eu: {weight: 1}, us: {weight: 1}, ap: "
	    "{weight: 1}},"
	" residency: [{clients: [office], regions: [eu, us]}, {clients: [lab], regions: [us, ap]},"
	" {clients: [germany], regions: [eu]}]}\n"
	"  turn.example.com: {sharding-policy: weighted-random, sticky: false,"
	" regions: {eu: {weight: 3}, us: {weight: 2}, ap: {weight: 1}}}\n"
	"  near.example.com: {sharding-policy: geographic, regions: {eu: , us: , ap: }}\n"
	"  nodata.example.com: {sharding-policy: priority, regions: {eu: }, when-all-down: nodata}\n"
	"  servfail.example.com: {sharding-policy: priority, regions: {eu: }, when-all-down: servfail}\n";

#define NO "au example.com. 300 SOA ns.example.com. hostmaster.example.com. 1 7200 900 1209600 300\n"
#define EU "an www.example.com. 60 A 192.0.2.1\nan www.example.com. 60 A 192.0.2.2\n"

static struct world *world;
static struct geo *geo;

static void
open_world(void)
{
	static const struct mmdb_entry countries[] = { { "192.0.2.0/24", "DE" }, { "198.51.100.0/24", "US" },
		{ "203.0.113.0/24", "JP" }, { "192.88.0.0/16", "FR" }, { "2001:db8::/32", "DE" } };
	char path[100];
	struct text error = { 0 };

	snprintf(path, sizeof(path), "/tmp/isobar-test-%ld.mmdb", (long)getpid());
	mmdb_write(path, 6, MMDB_NESTED, countries, ARRAY_SIZE(countries));
	geo = geo_open(path, &error);
	if (geo == NULL)
		abort();
	unlink(path);
	world = malloc(sizeof(*world));
	world_open(world, (struct world_parts){ .zones = { { "example.com.", zone } }, .steering = steering,
	    .geo = geo, .workers = 2 });
}

static void
close_world(void)
{
	world_close(world);
	free(world);
	geo_close(geo);
}

static const char *
ask(const char *question, const char *subnet)
{
	return world_ask(world, question, (struct ask){ .subnet = subnet });
}

static void
test_types(void)
{
	open_world();
	SUITE_TEXT(ask("www.example.com. A", NULL), "NOERROR aa\n" EU);
	SUITE_TEXT(world_ask(world, "www.example.com. AAAA", (struct ask){ .letters = "WWW.example.coM" }),
	    "NOERROR aa\nan WWW.example.coM. 60 AAAA 2001:db8::1\n");
	/* A type that the first region lacks comes from the next that has it. */
	SUITE_TEXT(ask("www.example.com. HTTPS", NULL), "NOERROR aa\nan www.example.com. 60 HTTPS 1 . alpn=h2\n");
	/* What no region has is the owner's own, or isn't there. */
	SUITE_TEXT(ask("www.example.com. TXT", NULL), "NOERROR aa\nan www.example.com. 60 TXT \"not steered\"\n");
	SUITE_TEXT(ask("www.example.com. MX", "192.0.2.0/24"), "NOERROR aa scope 0\n" NO);
	SUITE_TEXT(ask("www.example.com. ANY", NULL), "NOERROR aa\n" EU);
	SUITE_TEXT(ask("to-www.example.com. A", NULL), "NOERROR aa\nan to-www.example.com. 60 CNAME "
	    "www.example.com.\n" EU);
	SUITE_TEXT(ask("x.www.example.com. A", NULL), "NXDOMAIN aa\n" NO);
	/* Region records are ordinary records, too. */
	SUITE_TEXT(ask("us._region.www.example.com. A", NULL),
	    "NOERROR aa\nan us._region.www.example.com. 60 A 198.51.100.1\n");
	SUITE_TEXT(ask("_region.www.example.com. A", NULL), "NOERROR aa\n" NO);
	SUITE_TEXT(ask("alias.example.com. A", NULL), "NOERROR aa\nan alias.example.com. 60 CNAME "
	    "eu.pool.example.com.\n"
	    "an eu.pool.example.com. 60 A 192.0.2.9\n");
	SUITE_TEXT(ask("alias.example.com. CNAME", NULL),
	    "NOERROR aa\nan alias.example.com. 60 CNAME eu.pool.example.com.\n");
	SUITE_TEXT(ask("mail.example.com. MX", NULL), "NOERROR aa\nan mail.example.com. 60 MX 10 mx.eu.example.com.\n"
	    "ad mx.eu.example.com. 60 A 192.0.2.25\n");
	world_kill(world, "eu", true);
	SUITE_TEXT(ask("alias.example.com. A", NULL), "NOERROR aa\nan alias.example.com. 60 CNAME us.example.net.\n");
	/* The addresses of a steered name depend on who asks: never additional. */
	SUITE_TEXT(ask("mail.example.com. MX", NULL), "NOERROR aa\nan mail.example.com. 60 MX 10 www.example.com.\n");
	close_world();
}

static void
test_failover(void)
{
	static const char us[] = "NOERROR aa\nan www.example.com. 60 A 198.51.100.1\n";
	static const char ap[] = "NOERROR aa\nan www.example.com. 60 A 203.0.113.1\n";

	open_world();
	world_kill(world, "eu", true);
	SUITE_TEXT(ask("www.example.com. A", NULL), us);
	SUITE_TEXT(ask("www.example.com. AAAA", NULL), "NOERROR aa\nan www.example.com. 300 AAAA 2001:db8::2\n");
	world_kill(world, "us", true);
	SUITE_TEXT(ask("www.example.com. A", NULL), ap);
	world_kill(world, "us", false);
	world_admit(world, "us", ADMIT_NONE);
	SUITE_TEXT(ask("www.example.com. A", NULL), ap);
	world_kill(world, "ap", true);		/* a drained region serves better than a dead one */
	SUITE_TEXT(ask("www.example.com. A", NULL), us);
	world_kill(world, "us", true);
	SUITE_TEXT(world_ask(world, "www.example.com. A", (struct ask){ .edns = true }), "NOERROR aa ede 3 (all regions are down)\n" EU);
	SUITE_TEXT(world_ask(world, "nodata.example.com. A", (struct ask){ .edns = true }),
	    "NOERROR aa ede 22 (all regions are down)\n" NO);
	SUITE_TEXT(world_ask(world, "servfail.example.com. A", (struct ask){ .edns = true }), "SERVFAIL ede 22 (all regions are down)\n");
	world_kill(world, "eu", false);
	SUITE_TEXT(ask("www.example.com. A", NULL), "NOERROR aa\n" EU);
	SUITE_TEXT(ask("nodata.example.com. A", NULL), "NOERROR aa\nan nodata.example.com. 60 A 192.0.2.1\n");
	CU_ASSERT_EQUAL(world->counters.picks[PICK_NODATA], 1);
	CU_ASSERT_EQUAL(world->counters.picks[PICK_SERVFAIL], 1);
	CU_ASSERT_EQUAL(world->counters.picks[PICK_ALL_DOWN], 1);
	CU_ASSERT_EQUAL(world->counters.picks[PICK_DRAINED], 1);
	CU_ASSERT_EQUAL(snapshot_picks(world->snapshot, (uint32_t)(steering_service_find(world->steering,
	    "www.example.com.")
	    - world->steering->services), steering_region_find(world->steering, "ap")), 2);
	close_world();
}

/* 1 eu, 2 us, 4 ap; 0: none, by the first octet of the address. */
static unsigned
region_of(const char *text)
{
	const char *a = strstr(text, " A ");

	return a == NULL ? 0 : a[3] == '2' ? 4 : strncmp(a + 3, "198", 3) == 0 ? 2 : 1;
}

/* Every state of life and admission of three regions, for every kind of client: never a forbidden region. */
static void
test_residency(void)
{
	static const struct { const char *name, *subnet; unsigned legal; } clients[] = {
		{ .name = "nobody's", .subnet = "198.51.100.0/24", .legal = 7 },
		{ .name = "office", .subnet = "10.1.1.0/24", .legal = 3 },
		{ .name = "office, IPv6", .subnet = "2001:db8:77:100::/56", .legal = 1 },	/* in Germany, too */
		{ .name = "lab in the office", .subnet = "10.1.2.0/24", .legal = 2 },
		{ .name = "germany", .subnet = "192.0.2.0/24", .legal = 1 },
		{ .name = "europe", .subnet = "192.88.99.0/24", .legal = 7 },
	};
	static const char *const names[] = { "eu", "us", "ap" };

	open_world();
	for (unsigned state = 0; state < 4 * 4 * 4; state++) {
		for (unsigned r = 0, rest = state; r < 3; r++, rest /= 4) {
			world_kill(world, names[r], rest % 4 == 0);
			world_admit(world, names[r], rest % 4 == 1 ? ADMIT_NONE : rest % 4 == 2 ? 30000 : ADMIT_ALL);
		}
		for (size_t c = 0; c < ARRAY_SIZE(clients); c++) {
			unsigned region = region_of(ask("law.example.com. A", clients[c].subnet));

			SUITE_ROW(clients[c].name, region != 0 && (region & clients[c].legal) == region);
		}
	}
	close_world();
}

/* The client is the subnet when there is one, else the resolver; a subnet of length 0 asks not to be used. */
static void
test_client(void)
{
	open_world();
	CU_ASSERT_EQUAL(region_of(world_ask(world, "near.example.com. A", (struct ask){ .client = "203.0.113.9" })), 4);
	CU_ASSERT_EQUAL(region_of(world_ask(world, "near.example.com. A", (struct ask){ .client = "203.0.113.9",
	    .subnet = "198.51.100.0/24" })), 2);
	CU_ASSERT_EQUAL(region_of(world_ask(world, "near.example.com. A", (struct ask){ .client = "198.51.100.9",
	    .subnet = "2001:db8::/56" })), 1);
	SUITE_TEXT(world_ask(world, "near.example.com. A", (struct ask){ .client = "203.0.113.9", .subnet =
	    "0.0.0.0/0" }),
	    "NOERROR aa scope 0\nan near.example.com. 60 A 203.0.113.1\n");
	SUITE_TEXT(world_ask(world, "near.example.com. A", (struct ask){ .client = "203.0.113.9", .subnet = "::/0" }),
	    "NOERROR aa scope 0\nan near.example.com. 60 A 203.0.113.1\n");
	CU_ASSERT_EQUAL(world->counters.client_subnet, 4);
	close_world();
}

static unsigned
scope_of(const char *text)
{
	const char *scope = strstr(text, " scope ");

	return scope == NULL ? 999 : (unsigned)atoi(scope + 7);
}

static void
test_scope(void)
{
	static const struct { const char *name, *question, *subnet; unsigned scope; } rows[] = {
		{ "the country's prefix", "near.example.com. A", "192.0.2.0/24", 24 },
		{ "a large country", "near.example.com. A", "192.88.99.0/24", 16 },
		{ "a network of ours is longer", "near.example.com. A", "10.1.2.0/24", 24 },
		{ "a key of its own", "law.example.com. A", "192.88.99.0/24", 24 },
		{ "a longer prefix than the key", "law.example.com. A", "192.88.99.1/32", 24 },
		{ "a shorter prefix", "law.example.com. A", "192.88.0.0/17", 17 },
		{ "IPv6 key", "law.example.com. A", "2001:db9:1:200::/64", 56 },
		{ "one legal region needs no key", "law.example.com. A", "2001:db8:1:200::/64", 42 },
		{ "no such name", "nothere.example.com. A", "192.88.99.0/24", 0 },
		{ "not a steered type", "www.example.com. TXT", "192.88.99.0/24", 0 },
	};

	open_world();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text = ask(rows[i].question, rows[i].subnet);

		SUITE_ROW(rows[i].name, scope_of(text) == rows[i].scope);
	}
	/* All that the scope claims: every /24 of the scope's prefix gets the same answer. */
	for (unsigned first = 0; first < 256; first += 5) {
		char subnet[40], text[4000];
		unsigned scope, region;

		snprintf(subnet, sizeof(subnet), "%u.88.99.0/24", first);
		snprintf(text, sizeof(text), "%s", ask("near.example.com. A", subnet));
		scope = scope_of(text);
		region = region_of(text);
		CU_ASSERT_FATAL(scope <= 24);
		for (unsigned other = 0; other < 64; other++) {
			uint32_t address = (first << 24 | 88u << 16 | 99u << 8);
			uint32_t changed = (other * 0x9e3779b1u) & (scope == 0 ? UINT32_MAX
			    : (uint32_t)((UINT64_C(1) << (32 - scope)) - 1));

			address = (address ^ changed) & 0xffffff00u;
			snprintf(subnet, sizeof(subnet), "%u.%u.%u.0/24", address >> 24, address >> 16 & 255,
			    address >> 8 & 255);
			CU_ASSERT_EQUAL(region_of(ask("near.example.com. A", subnet)), region);
		}
	}
	close_world();
}

static void
test_nearest(void)
{
	static const struct { const char *subnet; unsigned region; } rows[] = {
		{ "192.0.2.0/24", 1 }, { "192.88.99.0/24", 1 }, { "198.51.100.0/24", 2 }, { "203.0.113.0/24", 4 },
		{ "10.1.1.0/24", 1 },	/* of nowhere: in the operator's order */
	};

	open_world();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(region_of(ask("near.example.com. A", rows[i].subnet)), rows[i].region);
	world_kill(world, "ap", true);
	/* Japan: 9,400 km, America 10,900 */
	CU_ASSERT_EQUAL(region_of(ask("near.example.com. A", "203.0.113.0/24")), 1);
	close_world();
}

/* A client keeps its region: for all types, from query to query, and while another region dies. */
static void
test_sticky(void)
{
	unsigned moved = 0, counts[8] = { 0 };

	open_world();
	for (unsigned i = 0; i < 3000; i++) {
		char subnet[40];
		unsigned region;

		/* In no country, so bound by nothing. */
		snprintf(subnet, sizeof(subnet), "100.%u.%u.0/24", i / 256, i % 256);
		region = region_of(ask("law.example.com. A", subnet));
		counts[region]++;
		CU_ASSERT_EQUAL(region_of(ask("law.example.com. A", subnet)), region);
		world_kill(world, "us", true);
		moved += region_of(ask("law.example.com. A", subnet)) != region;
		world_kill(world, "us", false);
	}
	CU_ASSERT_EQUAL(moved, counts[2]);
	for (unsigned r = 1; r <= 4; r *= 2)
		CU_ASSERT(fabs(counts[r] - 1000.0) < 30);
	close_world();
}

/* Each type takes its turns by itself, each worker too; after n answers nobody is a whole answer from its share. */
static void
test_turns(void)
{
	static const double shares[] = { 0, 3 / 6.0, 2 / 6.0, 0, 1 / 6.0 };
	unsigned counts[2][5] = { { 0 } };

	open_world();
	for (unsigned i = 0; i < 6000; i++) {
		unsigned worker = i / 2 % 2;
		const char *question = i % 2 == 0 ? "turn.example.com. A" : "turn.example.com. AAAA";
		const char *text = world_ask(world, question, (struct ask){ .worker = worker });

		if (i % 2 == 0)
			counts[worker][region_of(text)]++;
		else
			CU_ASSERT_PTR_NOT_NULL(strstr(text, " AAAA "));
	}
	for (unsigned w = 0; w < 2; w++)
		for (unsigned r = 1; r <= 4; r *= 2)
			CU_ASSERT(fabs(counts[w][r] - 1500 * shares[r]) <= 2);
	CU_ASSERT_EQUAL(scope_of(ask("turn.example.com. A", "198.51.100.0/24")), 24);	/* that of the country */
	close_world();
}

static void
test_ttl(void)
{
	struct live *live;
	const struct steering_service *www;

	open_world();
	www = steering_service_find(world->steering, "www.example.com.");
	live = world_live(world, (size_t)(www - world->steering->services));
	world_kill(world, "eu", true);
	SUITE_TEXT(ask("www.example.com. AAAA", NULL), "NOERROR aa\nan www.example.com. 300 AAAA 2001:db8::2\n");
	atomic_store(&live->ttl_cap, 5);
	SUITE_TEXT(ask("www.example.com. AAAA", NULL), "NOERROR aa\nan www.example.com. 5 AAAA 2001:db8::2\n");
	SUITE_TEXT(ask("www.example.com. A", NULL), "NOERROR aa\nan www.example.com. 5 A 198.51.100.1\n");
	SUITE_TEXT(ask("www.example.com. TXT", NULL), "NOERROR aa\nan www.example.com. 60 TXT \"not steered\"\n");
	atomic_store(&live->ttl_cap, 0);
	SUITE_TEXT(ask("www.example.com. A", NULL), "NOERROR aa\nan www.example.com. 60 A 198.51.100.1\n");
	close_world();
}

/* `isobarctl explain` asks the same function, and takes nobody's turn. */
static void
test_looking(void)
{
	const struct service *turn;
	struct steered chosen;
	uint32_t before;

	open_world();
	turn = &world->snapshot->services[steering_service_find(world->steering, "turn.example.com.")
		- world->steering->services];
	before = hash64(world->snapshot->rows[0].turns, 100, 0) & UINT32_MAX;
	for (unsigned i = 0; i < 3; i++) {
		steered_choose(&chosen, world->snapshot, turn, &(struct steered_client){ .address = { .bits = 32 },
		    .length = 32 },
		    TYPE_A, NULL);
		CU_ASSERT(chosen.applies && chosen.slot == 0 && chosen.rrset != NULL
		    && chosen.pick.outcome == PICK_LISTED);
	}
	CU_ASSERT_EQUAL(hash64(world->snapshot->rows[0].turns, 100, 0) & UINT32_MAX, before);
	steered_choose(&chosen, world->snapshot, turn, &(struct steered_client){ .address = { .bits = 32 },
	    .length = 32 },
	    TYPE_MX, NULL);
	CU_ASSERT_FALSE(chosen.applies);
	close_world();
}

static const struct suite_case cases[] = {
	{ .name = "types and names", .run = test_types },
	{ .name = "dead and drained regions", .run = test_failover },
	{ .name = "residency in every state", .run = test_residency },
	{ .name = "who the client is", .run = test_client },
	{ .name = "scope", .run = test_scope },
	{ .name = "the nearest region", .run = test_nearest },
	{ .name = "clients stay", .run = test_sticky },
	{ .name = "turns", .run = test_turns },
	{ .name = "TTL", .run = test_ttl },
	{ .name = "looking without a turn", .run = test_looking },
};

int
main(void)
{
	return suite_run("steered", cases, ARRAY_SIZE(cases));
}
