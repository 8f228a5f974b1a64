/* test_catalog.c -- transfer/catalog: what a catalog zone says, which are broken and why, and the ones that we write. Each
 * row names the section of RFC 9432 that decides. */
#include "transfer/catalog.h"

#include "suite.h"
#include "zone/master.h"

#define MOST 5
#define HEAD "cat.example. 0 IN SOA invalid. invalid. 1 3600 600 86400 0\ncat.example. 0 IN NS invalid.\n"
#define VERSION_2 "version.cat.example. 0 IN TXT \"2\"\n"

static const struct reading_case {
	const char *name, *section, *records;
	const char *members;		/* "ZONE LABEL[ >OWNER][ =GROUP...];" for each; or NULL: it's broken */
	const char *why;
} reading_cases[] = {
	{ "no members", "4.1", VERSION_2, "", NULL },
	{ "members, by zone", "4.1", VERSION_2 "b.zones.cat.example. 0 IN PTR example.com.\n"
	    "a.zones.cat.example. 0 IN PTR www.example.com.\nc.zones.cat.example. 0 IN PTR a.example.\n",
	    "example.com. b;www.example.com. a;a.example. c;", NULL },
	{ "names of any case are one", "4.1", VERSION_2 "B.Zones.CAT.example. 7 IN PTR Example.COM.\n", "example.com. b;", NULL },
	{ "the root as a member", "4.1", VERSION_2 "b.zones.cat.example. 0 IN PTR .\n", ". b;", NULL },
	{ "two PTRs at a node", "4.1", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "b.zones.cat.example. 0 IN PTR b.example.\n", NULL,
	    "the member b.zones.cat.example. has 2 PTR records instead of one" },
	{ "one zone at two nodes", "4.1", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "c.zones.cat.example. 0 IN PTR x.example.\nd.zones.cat.example. 0 IN PTR A.example.\n", NULL,
	    "the zone a.example. is a member twice" },
	{ "other types at a member's node", "4.2", VERSION_2 "b.zones.cat.example. 0 IN TXT \"x\"\n"
	    "c.zones.cat.example. 0 IN PTR a.example.\nc.zones.cat.example. 0 IN A 192.0.2.1\n", "a.example. c;", NULL },
	{ "PTR elsewhere", "3", VERSION_2 "zones.cat.example. 0 IN PTR a.example.\nx.cat.example. 0 IN PTR b.example.\n"
	    "x.y.zonesx.cat.example. 0 IN PTR c.example.\n", "", NULL },
	{ "PTR below a member", "4.2", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "x.b.zones.cat.example. 0 IN PTR b.example.\nx.y.b.zones.cat.example. 0 IN PTR c.example.\n",
	    "a.example. b;", NULL },
	{ "no version", "4.2.1", "b.zones.cat.example. 0 IN PTR a.example.\n", NULL, "it has no TXT record 'version'" },
	{ "a version of another type", "4.2.1", "version.cat.example. 0 IN PTR a.example.\n", NULL,
	    "it has no TXT record 'version'" },
	{ "two versions", "4.2.1", VERSION_2 "version.cat.example. 0 IN TXT \"1\"\n", NULL,
	    "it has 2 TXT records 'version' instead of one" },
	{ "version 1, of BIND 9.11", "4.2.1", "version.cat.example. 0 IN TXT \"1\"\n", NULL, "its version isn't \"2\"" },
	{ "version 22", "4.2.1", "version.cat.example. 0 IN TXT \"22\"\n", NULL, "its version isn't \"2\"" },
	{ "a version of two strings", "4.2.1", "version.cat.example. 0 IN TXT \"2\" \"\"\n", NULL, "its version isn't \"2\"" },
	{ "another type beside the version", "4.2", VERSION_2 "version.cat.example. 0 IN A 192.0.2.1\n", "", NULL },
	{ "a change of ownership", "4.3.1", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "coo.b.zones.cat.example. 0 IN PTR New.example.\n", "a.example. b >new.example.;", NULL },
	{ "two changes of ownership", "4.3.1", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "coo.b.zones.cat.example. 0 IN PTR n.example.\ncoo.b.zones.cat.example. 0 IN PTR m.example.\n", NULL,
	    "coo.b.zones.cat.example. has 2 PTR records instead of one" },
	{ "a change of ownership of another type", "4.2", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "coo.b.zones.cat.example. 0 IN TXT \"n.example.\"\n", "a.example. b;", NULL },
	{ "a change of ownership of no member", "4.3", VERSION_2 "coo.b.zones.cat.example. 0 IN PTR n.example.\n"
	    "coo.b.zones.cat.example. 0 IN PTR m.example.\na.zones.cat.example. 0 IN PTR a.example.\n",
	    "a.example. a;", NULL },
	{ "a group", "4.3.2", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "group.b.zones.cat.example. 0 IN TXT \"gold\"\n", "a.example. b =gold;", NULL },
	{ "groups for several consumers", "4.3.2", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "group.b.zones.cat.example. 0 IN TXT \"x-gold\"\ngroup.b.zones.cat.example. 0 IN TXT \"y gold\"\n",
	    "a.example. b =x-gold =y gold;", NULL },
	{ "a group in several strings", "4.3.2", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "group.b.zones.cat.example. 0 IN TXT \"go\" \"\" \"ld\"\n", "a.example. b =gold;", NULL },
	{ "groups that nobody understands", "4.3.2", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "group.b.zones.cat.example. 0 IN TXT \"\"\ngroup.b.zones.cat.example. 0 IN TXT \"a\\000b\"\n", "a.example. b;", NULL },
	{ "a group of another type", "4.2", VERSION_2 "b.zones.cat.example. 0 IN PTR a.example.\n"
	    "group.b.zones.cat.example. 0 IN A 192.0.2.1\n", "a.example. b;", NULL },
	{ "a property after an empty node", "4.3", VERSION_2 "x.a.zones.cat.example. 0 IN TXT \"x\"\n"
	    "group.a.zones.cat.example. 0 IN TXT \"gold\"\nb.zones.cat.example. 0 IN PTR a.example.\n", "a.example. b;", NULL },
	{ "custom properties", "4.4", VERSION_2 "x.ext.cat.example. 0 IN TXT \"x\"\nb.zones.cat.example. 0 IN PTR a.example.\n"
	    "group.ext.b.zones.cat.example. 0 IN TXT \"gold\"\ncoo.ext.b.zones.cat.example. 0 IN PTR n.example.\n",
	    "a.example. b;", NULL },
	{ "properties of the future", "4.2", VERSION_2 "new.cat.example. 0 IN TXT \"x\"\n"
	    "b.zones.cat.example. 0 IN PTR a.example.\nnew.b.zones.cat.example. 0 IN PTR n.example.\n", "a.example. b;", NULL },
	{ "masters of BIND", "3", VERSION_2 "masters.cat.example. 0 IN A 192.0.2.1\nb.zones.cat.example. 0 IN PTR a.example.\n"
	    "masters.b.zones.cat.example. 0 IN A 192.0.2.2\n", "a.example. b;", NULL },
	{ "as many members as may be", "6", VERSION_2 "a.zones.cat.example. 0 IN PTR a.\nb.zones.cat.example. 0 IN PTR b.\n"
	    "c.zones.cat.example. 0 IN PTR c.\nd.zones.cat.example. 0 IN PTR d.\ne.zones.cat.example. 0 IN PTR e.\n",
	    "a. a;b. b;c. c;d. d;e. e;", NULL },
	{ "too many members", "6", VERSION_2 "a.zones.cat.example. 0 IN PTR a.\nb.zones.cat.example. 0 IN PTR b.\n"
	    "c.zones.cat.example. 0 IN PTR c.\nd.zones.cat.example. 0 IN PTR d.\ne.zones.cat.example. 0 IN PTR e.\n"
	    "f.zones.cat.example. 0 IN PTR f.\n", NULL, "it has more than 5 members" },
};

static struct zone *
read_zone(const char *text, const char *apex)
{
	struct diags diags = { 0 };
	uint8_t name[NAME_MAX];
	struct zone *zone = name_parse(apex, name) == 0 ? NULL : master_read(text, "catalog", name, &diags);

	if (zone == NULL && diags.errors > 0)
		printf("# %s\n", diags.list[0].message);
	diag_fini(&diags);
	return zone;
}

static char *
members_text(const struct catalog *catalog)
{
	struct text text = { 0 };
	char name[NAME_TEXT_SIZE];

	text_puts(&text, "");
	for (size_t i = 0; i < catalog->count; i++) {
		const struct catalog_member *member = &catalog->members[i];

		text_printf(&text, "%s %.*s", name_text(member->zone, name), member->label[0], (const char *)member->label + 1);
		if (member->owner != NULL)
			text_printf(&text, " >%s", name_text(member->owner, name));
		for (size_t g = 0; g < member->group_count; g++)
			text_printf(&text, " =%s", member->groups[g]);
		text_puts(&text, ";");
	}
	return text_take(&text);
}

static void
test_reading(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(reading_cases); i++) {
		const struct reading_case *c = &reading_cases[i];
		struct text why = { 0 }, text = { 0 };
		struct arena *arena = arena_new();
		struct catalog catalog;
		struct zone *zone;
		char *members;
		bool good;

		text_printf(&text, "%s%s", HEAD, c->records);
		zone = read_zone(text.bytes, "cat.example.");
		CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
		good = catalog_read(zone, MOST, arena, &catalog, &why);
		members = members_text(&catalog);
		SUITE_ROW(c->name, good == (c->members != NULL));
		SUITE_TEXT(members, c->members == NULL ? "" : c->members);
		SUITE_TEXT(why.bytes, c->why);
		free(members);
		text_fini(&why);
		text_fini(&text);
		arena_free(arena);
		zone_release(zone);
	}
}

static void
test_finding(void)
{
	struct text why = { 0 };
	struct arena *arena = arena_new();
	struct catalog catalog;
	struct zone *zone = read_zone(HEAD VERSION_2 "b.zones.cat.example. 0 IN PTR example.com.\n"
	    "a.zones.cat.example. 0 IN PTR www.example.com.\nc.zones.cat.example. 0 IN PTR a.example.\n", "cat.example.");

	CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
	CU_ASSERT_TRUE_FATAL(catalog_read(zone, MOST, arena, &catalog, &why));
	CU_ASSERT_PTR_EQUAL(catalog_find(&catalog, (const uint8_t *)"\7example\3com"), &catalog.members[0]);
	CU_ASSERT_PTR_EQUAL(catalog_find(&catalog, (const uint8_t *)"\1a\7example"), &catalog.members[2]);
	CU_ASSERT_PTR_NULL(catalog_find(&catalog, (const uint8_t *)"\1b\7example"));
	CU_ASSERT_PTR_NULL(catalog_find(&(struct catalog){ 0 }, (const uint8_t *)"\1b\7example"));
	arena_free(arena);
	zone_release(zone);
}

/* Sections 5.4 and 5.6. */
static void
test_labels(void)
{
	char a[CATALOG_LABEL_SIZE], b[CATALOG_LABEL_SIZE];

	SUITE_TEXT(catalog_label((const uint8_t *)"\1a\7example", 0, a), catalog_label((const uint8_t *)"\1a\7example", 0, b));
	CU_ASSERT_EQUAL(strlen(a), 32);
	CU_ASSERT_STRING_NOT_EQUAL(a, catalog_label((const uint8_t *)"\1a\7example", 1, b));
	CU_ASSERT_STRING_NOT_EQUAL(a, catalog_label((const uint8_t *)"\1b\7example", 0, b));
}

static const struct writing_case {
	const char *name, *apex;
	struct catalog_entry entries[3];
	size_t count;
	const char *members;
} writing_cases[] = {
	{ .name = "no member", .apex = "cat.example.", .members = "" },
	{ .name = "two members", .apex = "cat.example.", .count = 2, .entries = { { "b.example.", "l2", NULL },
	    { "a.example.", "l1", "gold" } }, .members = "a.example. l1 =gold;b.example. l2;" },
	{ .name = "a group of any octets", .apex = "cat.example.", .count = 1,
	    .entries = { { "a.example.", "l1", "a \"b\" \\c; \xc3\xa9 (" } }, .members = "a.example. l1 =a \"b\" \\c; \xc3\xa9 (;" },
	{ .name = "a member with dots in a label", .apex = "cat.example.", .count = 1,
	    .entries = { { "a\\.b.example.", "l1", NULL } }, .members = "a\\.b.example. l1;" },
	{ .name = "below the root", .apex = ".", .count = 1, .entries = { { "a.example.", "l1", "x" } },
	    .members = "a.example. l1 =x;" },
};

static void
test_writing(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(writing_cases); i++) {
		const struct writing_case *c = &writing_cases[i];
		char *text = catalog_write(c->apex, c->entries, c->count), *members;
		struct arena *arena = arena_new();
		struct catalog catalog;
		struct text why = { 0 };
		struct zone *zone;

		CU_ASSERT_PTR_NOT_NULL_FATAL(text);
		zone = read_zone(text, c->apex);
		CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
		SUITE_ROW(c->name, catalog_read(zone, MOST, arena, &catalog, &why));
		members = members_text(&catalog);
		SUITE_TEXT(members, c->members);
		free(members);
		free(text);
		text_fini(&why);
		arena_free(arena);
		zone_release(zone);
	}
}

/* The longest apex, label and group make names that are legal. */
static void
test_longest(void)
{
	char apex[CATALOG_APEX_MAX + 1] = "", label[CATALOG_LABEL_SIZE], group[CATALOG_GROUP_MAX + 1];
	uint8_t name[NAME_MAX];
	char *text;
	struct zone *zone;

	for (size_t left = CATALOG_APEX_MAX - 1; left > 0;) {	/* without the root label */
		size_t octets = left > 64 ? 64 : left;

		memset(apex + strlen(apex), 'x', octets - 1);
		strcat(apex, ".");
		left -= octets;
	}
	memset(group, 'g', sizeof(group) - 1);
	group[sizeof(group) - 1] = '\0';
	CU_ASSERT_EQUAL(name_parse(apex, name), CATALOG_APEX_MAX);
	catalog_label(name, 1, label);
	text = catalog_write(apex, &(struct catalog_entry){ "a.example.", label, group }, 1);
	zone = read_zone(text, apex);
	CU_ASSERT_PTR_NOT_NULL(zone);
	zone_release(zone);
	free(text);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ "what catalogs say", test_reading },
		{ "a member is found", test_finding },
		{ "labels", test_labels },
		{ "what is written is read", test_writing },
		{ "the longest names", test_longest },
	};

	return suite_run("catalog", cases, ARRAY_SIZE(cases));
}
