/* test_locate.c -- steer/locate and steer/geo: the tree against a linear search, the scope against all that it claims,
 * and residency as a client's groups together. */
#include "steer/locate.h"

#include <unistd.h>

#include "mmdb.h"
#include "steer/country.h"
#include "suite.h"

#define NETWORKS 300

static uint64_t state;

/* xorshift64*: the same numbers in every run. */
static uint64_t
next_number(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

static struct address
random_address(unsigned bits)
{
	struct address address = { .bits = (uint8_t)bits };

	for (unsigned i = 0; i < bits / 8; i++)
		address.bytes[i] = (uint8_t)(next_number() >> 32);
	return address;
}

/* Networks that nest: each begins like another one, and goes on for some bits. */
static void
random_networks(struct prefix *networks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned bits = i % 2 == 0 ? 32 : 128;
		struct prefix p = { .address = random_address(bits) };
		unsigned shared = (unsigned)(next_number() % (bits / 2));

		if (i >= 2) {
			const struct prefix *other = &networks[i % 2 + 2 * (next_number() % (i / 2))];

			for (unsigned b = 0; b < shared && b < other->length; b++) {
				uint8_t mask = (uint8_t)(0x80 >> b % 8);

				p.address.bytes[b / 8] = (uint8_t)((p.address.bytes[b / 8] & ~mask)
				    | (other->address.bytes[b / 8] & mask));
			}
		}
		p.length = (uint8_t)(shared + next_number() % (bits - shared + 1));
		address_mask(&p.address, p.length);
		networks[i] = p;
	}
}

static bool
same_place(const struct place *a, const struct place *b)
{
	return a->group == b->group && a->network == b->network && a->country == b->country;
}

/* An address near the networks: one of theirs, with what lies behind a random bit changed. */
static struct address
near_address(const struct prefix *networks, size_t count)
{
	const struct prefix *p = &networks[next_number() % count];
	struct address address = random_address(p->address.bits);
	unsigned keep = (unsigned)(next_number() % (p->address.bits + 1u));

	for (unsigned b = 0; b < keep && b < p->length; b++) {
		uint8_t mask = (uint8_t)(0x80 >> b % 8);

		address.bytes[b / 8] = (uint8_t)((address.bytes[b / 8] & ~mask) | (p->address.bytes[b / 8] & mask));
	}
	return address;
}

/* Of all addresses that share `scope` bits: some at random, and those that differ in one bit behind. */
static void
check_scope(const struct locator *locator, const struct address *address, const struct place *place)
{
	for (unsigned trial = 0; trial < 24; trial++) {
		struct address other = random_address(address->bits);
		struct place found;

		if (trial >= 8) {
			unsigned bit = place->scope + (trial - 8);

			other = *address;
			if (bit < address->bits)
				other.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		}
		for (unsigned b = 0; b < place->scope; b++) {
			uint8_t mask = (uint8_t)(0x80 >> b % 8);

			other.bytes[b / 8] = (uint8_t)((other.bytes[b / 8] & ~mask) | (address->bytes[b / 8] & mask));
		}
		locate(locator, &other, &found);
		if (!same_place(&found, place) || found.scope != place->scope)
			CU_FAIL("an address within the scope has another place");
	}
}

static void
test_longest_prefix(void)
{
	struct prefix networks[NETWORKS];
	struct client_group groups[31] = { { .name = "default" } };
	struct steering steering = { .group_count = ARRAY_SIZE(groups), .groups = groups };

	for (state = 1; state < 60;) {
		struct locator *locator;
		uint64_t seed = state;
		size_t count = 10 * (ARRAY_SIZE(groups) - 1);

		random_networks(networks, count);
		for (size_t g = 1; g < ARRAY_SIZE(groups); g++)
			groups[g] = (struct client_group){ .name = "g", .networks = networks + (g - 1) * 10,
			    .network_count = 10 };
		locator = locator_new(&steering, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(locator);
		for (unsigned trial = 0; trial < 400; trial++) {
			struct address address = near_address(networks, count);
			struct place place;
			int longest = -1;
			uint16_t group = GROUP_DEFAULT;

			/* The last of equal networks counts; conf refuses them anyhow. */
			for (size_t i = 0; i < count; i++)
				if (networks[i].address.bits == address.bits && prefix_covers(&networks[i], &address)
				    && networks[i].length >= longest) {
					longest = networks[i].length;
					group = (uint16_t)(1 + i / 10);
				}
			locate(locator, &address, &place);
			if (place.group != group || (place.network != 0) != (longest >= 0)
			    || place.country != COUNTRY_UNKNOWN)
				CU_FAIL("the linear search finds another group");
			if ((int)place.scope < longest || place.scope > address.bits)
				CU_FAIL("the scope is shorter than the network");
			check_scope(locator, &address, &place);
		}
		locator_free(locator);
		state = seed + 7;
	}
}

static struct prefix
prefix(const char *text)
{
	struct prefix p;

	if (prefix_parse(text, &p) != 0)
		abort();
	return p;
}

static struct place
place_of(const struct locator *locator, const char *text)
{
	struct address address;
	struct place place;

	if (address_parse(text, &address) != 0)
		abort();
	locate(locator, &address, &place);
	return place;
}

/* Scopes by hand: as short as the networks allow. */
static void
test_scopes(void)
{
	const struct prefix networks[] = { prefix("10.0.0.0/8"), prefix("10.1.0.0/16"), prefix("2001:db8::/32") };
	const struct client_group groups[] = { { .name = "default" }, { .name = "a", .networks = networks,
		.network_count = ARRAY_SIZE(networks) } };
	const struct steering steering = { .group_count = 2, .groups = groups }, empty = { .group_count = 1,
		.groups = groups };
	static const struct { const char *address; unsigned scope, group; } rows[] = {
		{ "10.1.2.3", 16, 1 }, { "10.0.0.1", 16, 1 }, { "10.128.0.1", 9, 1 }, { "11.0.0.1", 8, 0 },
		{ "128.0.0.1", 1, 0 }, { "2001:db8::1", 32, 1 }, { "2001:db9::1", 32, 0 }, { "fe80::1", 1, 0 },
		{ "::ffff:10.1.2.3", 16, 1 },
	};
	struct locator *locator = locator_new(&steering, NULL), *nothing = locator_new(&empty, NULL);
	struct place place;
	struct address none = { .bits = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		place = place_of(locator, rows[i].address);
		SUITE_ROW(rows[i].address, place.scope == rows[i].scope && place.group == rows[i].group);
	}
	place = place_of(nothing, "10.1.2.3");
	CU_ASSERT(place.scope == 0 && place.group == GROUP_DEFAULT && place.network == 0);
	locate(locator, &none, &place);
	CU_ASSERT(place.scope == 0 && place.group == GROUP_DEFAULT && place.network == 0);
	CU_ASSERT_EQUAL(locator_network_count(nothing), 1);
	CU_ASSERT_EQUAL(locator_network_count(locator), 4);
	locator_free(locator);
	locator_free(nothing);
}

static const struct mmdb_entry world[] = {
	{ "192.0.2.0/24", "DE" }, { "192.0.2.128/25", "FR" }, { "198.51.100.0/22", "US" }, { "203.0.113.7/32", "JP" },
	{ "2001:db8::/32", "DE" }, { "2001:db8:ffff::/48", "US" }, { "10.0.0.0/8", "ZZ" },
};

static struct geo *
open_world(const char *path, unsigned version, enum mmdb_layout layout, const struct mmdb_entry *entries, size_t count)
{
	struct text error = { 0 };
	struct geo *geo;

	mmdb_write(path, version, layout, entries, count);
	geo = geo_open(path, &error);
	if (geo == NULL)
		SUITE_TEXT(error.bytes, "");
	text_fini(&error);
	return geo;
}

static void
path_of(char path[static 100])
{
	snprintf(path, 100, "/tmp/isobar-test-%ld.mmdb", (long)getpid());
}

static void
test_geo(void)
{
	static const struct { const char *address, *country; unsigned v6, v4; } rows[] = {
		/* prefix length with a database for both, and with one for IPv4 only */
		{ "192.0.2.1", "DE", 25, 25 }, { "192.0.2.200", "FR", 25, 25 }, { "198.51.103.255", "US", 22, 22 },
		{ "203.0.113.7", "JP", 32, 32 }, { "203.0.113.6", "", 32, 32 }, { "8.8.8.8", "", 7, 7 },
		{ "10.1.2.3", "", 8, 8 }, { "2001:db8::1", "DE", 33, 0 }, { "2001:db8:ffff::1", "US", 48, 0 },
		{ "fe80::1", "", 1, 0 }, { "::ffff:192.0.2.1", "DE", 25, 25 },
	};
	char path[100];

	path_of(path);
	for (unsigned version = 4; version <= 6; version += 2)
		for (int layout = MMDB_NESTED; layout <= MMDB_FLAT; layout++) {
			struct mmdb_entry entries[ARRAY_SIZE(world)];
			size_t count = 0;
			struct geo *geo;

			for (size_t i = 0; i < ARRAY_SIZE(world); i++)
				if (version == 6 || strchr(world[i].prefix, ':') == NULL)
					entries[count++] = world[i];
			geo = open_world(path, version, (enum mmdb_layout)layout, entries, count);
			CU_ASSERT_PTR_NOT_NULL_FATAL(geo);
			CU_ASSERT_EQUAL(geo_built(geo).ms, INT64_C(1700000000000));
			for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
				struct address address;
				uint8_t length, country;
				bool hidden = version == 4 && strchr(rows[i].address, ':') != NULL
					&& strchr(rows[i].address, '.') == NULL;

				CU_ASSERT_EQUAL(address_parse(rows[i].address, &address), 0);
				country = geo_country(geo, &address, &length);
				SUITE_TEXT(country_at(country)->code, hidden ? "" : rows[i].country);
				SUITE_ROW(rows[i].address, length == (version == 4 ? rows[i].v4 : rows[i].v6));
			}
			geo_close(geo);
		}
	unlink(path);
}

/* Trees that end above the IPv4 part, deep or shallow: what holds for ::/64 holds for all of IPv4. */
static void
test_geo_shallow(void)
{
	static const char *const prefixes[] = { "::/1", "::/16", "::/40", "::/64", "::/95", "::/96" };
	char path[100];

	path_of(path);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		struct mmdb_entry entry = { prefixes[i], "DE" };
		struct geo *geo = open_world(path, 6, MMDB_NESTED, &entry, 1);
		struct address address;
		uint8_t length;

		CU_ASSERT_EQUAL(address_parse("192.0.2.1", &address), 0);
		SUITE_TEXT(country_at(geo_country(geo, &address, &length))->code, "DE");
		SUITE_ROW(prefixes[i], length == 0);
		geo_close(geo);
	}
	unlink(path);
}

static void
test_geo_broken(void)
{
	struct text error = { 0 };
	char path[100];
	FILE *file;

	path_of(path);
	CU_ASSERT_PTR_NULL(geo_open("/nonexistent/x.mmdb", &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.bytes, "/nonexistent/x.mmdb: "));
	text_fini(&error);
	file = fopen(path, "w");
	fputs("not a database", file);
	fclose(file);
	CU_ASSERT_PTR_NULL(geo_open(path, &error));
	CU_ASSERT(error.length > 0);
	text_fini(&error);
	unlink(path);
}

/* Which rules bind a client: those of every network around it, of its country and of its continent. */
static void
test_residency(void)
{
	enum { ANY, OFFICE, CAMPUS, GERMANY, EUROPE, GROUPS };
	const struct prefix campus[] = { prefix("192.0.2.0/24") }, office[] = { prefix("192.0.2.64/26") },
		abroad[] = { prefix("10.0.0.0/8") };
	static const char de[][3] = { "DE" }, eu[][3] = { "EU" };
	const struct client_group groups[GROUPS + 1] = {
		[ANY] = { .name = "default" },
		[OFFICE] = { .name = "office", .networks = office, .network_count = 1 },
		[CAMPUS] = { .name = "campus", .networks = campus, .network_count = 1 },
		[GERMANY] = { .name = "germany", .countries = de, .country_count = 1 },
		[EUROPE] = { .name = "europe", .continents = eu, .continent_count = 1 },
		[GROUPS] = { .name = "abroad", .networks = abroad, .network_count = 1 },
	};
	static const struct service_region regions[] = { { .region = 0 }, { .region = 1 }, { .region = 2 },
	    { .region = 3 },
		{ .region = 4 }, { .region = 5 } };
	static const uint16_t any[] = { ANY }, in_office[] = { OFFICE }, in_campus[] = { CAMPUS },
		in_germany[] = { GERMANY }, in_europe[] = { EUROPE };
	/* Each rule forbids one region: region n is legal to clients that rule n doesn't bind; 5 is legal to all. */
	const struct residency_rule rules[] = {
		{ .group_count = 1, .groups = any, .regions = { { 0x3e } } },
		{ .group_count = 1, .groups = in_office, .regions = { { 0x3d } } },
		{ .group_count = 1, .groups = in_campus, .regions = { { 0x3b } } },
		{ .group_count = 1, .groups = in_germany, .regions = { { 0x37 } } },
		{ .group_count = 1, .groups = in_europe, .regions = { { 0x2f } } },
	};
	const struct steering_service service = { .name = "www.", .regions = regions,
	    .region_count = ARRAY_SIZE(regions),
		.rules = rules, .rule_count = ARRAY_SIZE(rules) };
	const struct steering steering = { .group_count = ARRAY_SIZE(groups), .groups = groups,
		.service_count = 1, .services = &service };
	static const struct { const char *name, *address; uint64_t legal; unsigned group; } rows[] = {
		{ "in no group", "203.0.113.7", 0x3e, ANY },
		{ "country and continent", "192.0.3.1", 0x27, GERMANY },
		{ "continent alone", "192.0.4.1", 0x2f, EUROPE },
		{ "network in a country", "192.0.2.1", 0x23, CAMPUS },
		{ "network in a network in a country", "192.0.2.65", 0x21, OFFICE },
		{ "a network without rules", "10.1.2.3", 0x3f, GROUPS },
		{ "unknown country", "8.8.8.8", 0x3e, ANY },
	};
	static const struct mmdb_entry countries[] = { { "192.0.2.0/23", "DE" }, { "192.0.4.0/24", "FR" },
		{ "203.0.113.0/24", "JP" } };
	char path[100];
	struct geo *geo;
	struct locator *locator;

	path_of(path);
	geo = open_world(path, 6, MMDB_NESTED, countries, ARRAY_SIZE(countries));
	locator = locator_new(&steering, geo);
	CU_ASSERT_PTR_NOT_NULL_FATAL(locator);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct place place = place_of(locator, rows[i].address);
		struct region_set legal = locator_legal(locator, &service, place.network, place.country);

		SUITE_ROW(rows[i].name, place.group == rows[i].group);
		SUITE_ROW(rows[i].name, legal.words[0] == rows[i].legal);
	}
	for (unsigned trial = 0; trial < 2000; trial++) {
		struct address address = random_address(32);
		struct place place;

		memcpy(address.bytes, "\xc0\0", 2);
		address.bytes[2] &= 7;
		locate(locator, &address, &place);
		check_scope(locator, &address, &place);
	}
	locator_free(locator);
	geo_close(geo);
	unlink(path);
}

static const struct suite_case cases[] = {
	{ .name = "longest prefix and scope, against a linear search", .run = test_longest_prefix },
	{ .name = "scopes by hand", .run = test_scopes },
	{ .name = "countries", .run = test_geo },
	{ .name = "countries, trees that end early", .run = test_geo_shallow },
	{ .name = "no database", .run = test_geo_broken },
	{ .name = "residency joins all groups of a client", .run = test_residency },
};

int
main(void)
{
	return suite_run("locate", cases, ARRAY_SIZE(cases));
}
