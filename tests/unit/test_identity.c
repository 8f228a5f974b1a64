/* test_identity.c -- serve/identity, and how answer() uses it: who may know what. */
#include "serve/identity.h"

#include "dns/types.h"
#include "suite.h"

static struct query
chaos(const char *name)
{
	struct query query = { .class = CLASS_CH, .type = TYPE_TXT };

	CU_ASSERT_FATAL(name_parse(name, query.name) != 0);
	name_take_apart(&query.parts, query.name);
	return query;
}

static void
test_texts(void)
{
	const struct identity named = { .name = "ns1.lab" }, unnamed = { .name = "" };
	char text[IDENTITY_SIZE];
	size_t length = identity_text(&named, 1234567, text);

	CU_ASSERT_EQUAL(length, strlen("ns1.lab epoch 1234567"));
	CU_ASSERT_EQUAL(memcmp(text, "ns1.lab epoch 1234567", length), 0);
	length = identity_text(&unnamed, 0, text);
	CU_ASSERT_EQUAL(length, strlen("epoch 0"));
	CU_ASSERT_EQUAL(memcmp(text, "epoch 0", length), 0);
}

static void
test_txt(void)
{
	static const struct { const char *name, *expected; } rows[] = {
		{ "version.bind.", "isobar " PACKAGE_VERSION }, { "version.server.", "isobar " PACKAGE_VERSION },
		{ "id.server.", "ns1" }, { "hostname.bind.", "ns1" }, { "epoch.isobar.", "18446744073709551615" },
		{ "authors.bind.", NULL }, { "epoch.isobar.example.", NULL }, { "bind.", NULL }, { ".", NULL },
	};
	const struct identity named = { .name = "ns1" }, unnamed = { .name = "" };
	uint8_t wire[IDENTITY_SIZE + 3];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct query query = chaos(rows[i].name);
		bool found = identity_txt(&named, &query, UINT64_MAX, wire);

		SUITE_ROW(rows[i].name, found == (rows[i].expected != NULL));
		if (found && rows[i].expected != NULL) {
			SUITE_ROW(rows[i].name, wire[0] == 0 && wire[1] == wire[2] + 1);
			SUITE_ROW(rows[i].name, wire[2] == strlen(rows[i].expected));
			SUITE_ROW(rows[i].name, memcmp(wire + 3, rows[i].expected, wire[2]) == 0);
		}
	}
	for (size_t i = 2; i < 4; i++) {
		struct query query = chaos(rows[i].name);

		SUITE_ROW(rows[i].name, !identity_txt(&unnamed, &query, 1, wire));
	}
}

static void
test_allowed(void)
{
	static const char *const allowed[] = { "127.0.0.1", "127.9.9.9", "::1" };
	static const char *const others[] = { "128.0.0.1", "192.0.2.1", "::2", "2001:db8::1" };
	struct prefix allow[2];
	struct identity identity = { .name = "", .allow_count = 2, .allow = allow };
	struct address address;

	CU_ASSERT_EQUAL(prefix_parse("127.0.0.0/8", &allow[0]), 0);
	CU_ASSERT_EQUAL(prefix_parse("::1/128", &allow[1]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		CU_ASSERT_EQUAL(address_parse(allowed[i], &address), 0);
		SUITE_ROW(allowed[i], identity_allows(&identity, &address));
		SUITE_ROW(allowed[i], !identity_allows(NULL, &address));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		CU_ASSERT_EQUAL(address_parse(others[i], &address), 0);
		SUITE_ROW(others[i], !identity_allows(&identity, &address));
	}
}

static const struct suite_case cases[] = {
	{ .name = "name and epoch", .run = test_texts },
	{ .name = "names of the class CHAOS", .run = test_txt },
	{ .name = "only those who are allowed", .run = test_allowed },
};

int
main(void)
{
	return suite_run("identity", cases, ARRAY_SIZE(cases));
}
