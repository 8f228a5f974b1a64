/* test_members.c -- control/members and world_catalogs: whose members zones are, what a catalog brings and takes away, and
 * the catalogs that are made here. Sections are those of RFC 9432. */
#include "control/members.h"

#include "control/world.h"
#include "control/zone_settings.h"
#include "scarce.h"
#include "store_folder.h"

#define PLAIN "@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.53\n"
#define CATALOG(version, members) "@ 0 IN SOA invalid. invalid. 1 3600 600 86400 0\n@ 0 IN NS invalid.\n" \
	"version 0 IN TXT \"" version "\"\n" members
#define MEMBER(label, zone) label ".zones 0 IN PTR " zone "\n"
#define FOLLOWED "cat.example: {primaries: [192.0.2.1], catalog: consumer}"

static struct world *world;
static struct diags diags;

/* True: the world is the edited one from now on. */
static bool
edit(struct world_edit of)
{
	struct world *next;

	diag_fini(&diags);
	of.steering_file = "steering.yaml";
	next = world_edit(world, &of, &diags);
	if (next == NULL)
		return false;
	world_free(world);
	world = next;
	return true;
}

static bool
steer(const char *zones)
{
	char text[4096];

	snprintf(text, sizeof(text), "zones: {%s}\n", zones);
	return edit((struct world_edit){ .steering = text });
}

static bool
put(const char *zone, const char *text)
{
	return edit((struct world_edit){ .zone_count = 1, .zones = &(struct zone_text){ .file = "request", .name = zone, .text = text },
	    .transferred = true });
}

static void
finish(void)
{
	world_free(world);
	world = NULL;
	diag_fini(&diags);
}

static void
expect_told(const char *expected)
{
	struct text text = { 0 };

	text_puts(&text, "");
	for (size_t i = 0; i < diags.count; i++)
		text_printf(&text, "%s%s", i > 0 ? "|" : "", diags.list[i].message);
	SUITE_TEXT(text.bytes, expected);
	text_fini(&text);
}

/* "CATALOG:ZONE@LABEL[=GROUP]" of those that are followed, "CATALOG<ZONE*TIMES[=GROUP]" and "CATALOG<ZONE-TIMES" of those
 * that are made and that were. */
static void
expect_members(const char *expected)
{
	struct text text = { 0 };

	text_puts(&text, "");
	for (size_t i = 0; i < world->members->count; i++) {
		const struct membership *m = &world->members->list[i];

		text_printf(&text, "%s%s", i > 0 ? " " : "", m->catalog);
		if (m->role == CATALOG_CONSUMER)
			text_printf(&text, ":%s@%s", m->zone, m->label);
		else
			text_printf(&text, "<%s%c%u", m->zone, m->gone ? '-' : '*', (unsigned)m->time);
		text_printf(&text, "%s%s", *m->group == '\0' ? "" : "=", m->group);
	}
	SUITE_TEXT(text.bytes, expected);
	text_fini(&text);
}

static void
expect_zones(const char *expected)
{
	struct text names = { 0 };

	text_puts(&names, "");
	for (size_t i = 0; i < world->zone_count; i++)
		text_printf(&names, "%s%s", i > 0 ? " " : "", world->zones[i]->name);
	SUITE_TEXT(names.bytes, expected);
	text_fini(&names);
}

/* --- followed ------------------------------------------------------------------------------------------------- */

static void
test_followed(void)
{
	uint8_t apex[NAME_MAX];
	const struct steering_zone *settings;

	CU_ASSERT_TRUE(steer(FOLLOWED));
	expect_members("");
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example.") MEMBER("l2", "b.example."))));
	expect_members("cat.example.:a.example.@l1 cat.example.:b.example.@l2");
	expect_zones("cat.example.");
	CU_ASSERT_NOT_EQUAL(name_parse("a.example.", apex), 0);
	settings = zone_settings(world, apex);
	CU_ASSERT_PTR_NOT_NULL_FATAL(settings);
	CU_ASSERT_EQUAL(settings->primary_count, 1);
	CU_ASSERT_TRUE(zone_is_transferred(world, apex));
	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	expect_zones("a.example. cat.example.");
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l2", "b.example."))));	/* section 5.3 */
	expect_members("cat.example.:b.example.@l2");
	expect_zones("cat.example.");
	CU_ASSERT_EQUAL(world->dropped_count, 1);
	CU_ASSERT_TRUE(steer(""));
	expect_members("");
	finish();
}

/* Section 5.1. */
static void
test_broken(void)
{
	CU_ASSERT_TRUE(steer(FOLLOWED));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example."))));
	CU_ASSERT_FALSE(put("cat.example.", CATALOG("1", MEMBER("l1", "a.example."))));
	expect_told("the catalog is broken: its version isn't \"2\"");
	CU_ASSERT_FALSE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example.") MEMBER("l2", "a.example."))));
	expect_told("the catalog is broken: the zone a.example. is a member twice");
	expect_members("cat.example.:a.example.@l1");
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example.") MEMBER("l2", "b.example."))));
	CU_ASSERT_FALSE(steer("cat.example: {primaries: [192.0.2.1], catalog: {role: consumer}}, "
	    "other.example: {catalog: consumer}"));
	CU_ASSERT_TRUE(steer("cat.example: {primaries: [192.0.2.1], catalog: {role: consumer, member-limit: 1}}"));
	expect_told("the catalog is broken, its members stay as they are: it has more than 1 members");
	expect_members("cat.example.:a.example.@l1 cat.example.:b.example.@l2");
	CU_ASSERT_TRUE(put("x.example.", PLAIN));	/* other changes go on */
	expect_members("cat.example.:a.example.@l1 cat.example.:b.example.@l2");
	finish();
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("1", "")));
	CU_ASSERT_FALSE(steer(FOLLOWED));
	finish();
}

/* Section 5.2. */
static void
test_clashes(void)
{
	CU_ASSERT_TRUE(put("own.example.", PLAIN));
	CU_ASSERT_TRUE(steer(FOLLOWED ", two.example: {primaries: [192.0.2.1], catalog: consumer}, "
	    "named.example: {primaries: [192.0.2.2]}"));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example.") MEMBER("l2", "own.example.")
	    MEMBER("l3", "named.example.") MEMBER("l4", "two.example.") MEMBER("l5", "cat.example."))));
	expect_members("cat.example.:a.example.@l1");
	expect_told("the member cat.example. isn't followed: this server has a zone of that name|"
	    "the member named.example. isn't followed: this server has a zone of that name|"
	    "the member own.example. isn't followed: this server has a zone of that name|"
	    "the member two.example. isn't followed: this server has a zone of that name");
	CU_ASSERT_EQUAL(world->members->clash_count, 4);
	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	CU_ASSERT_TRUE(put("two.example.", CATALOG("2", MEMBER("m1", "a.example.") MEMBER("m2", "b.example."))));
	expect_members("cat.example.:a.example.@l1 two.example.:b.example.@m2");
	CU_ASSERT_EQUAL(world->members->clash_count, 5);
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", "")));	/* now it's free */
	expect_members("two.example.:a.example.@m1 two.example.:b.example.@m2");
	expect_zones("cat.example. own.example. two.example.");
	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	CU_ASSERT_TRUE(steer(FOLLOWED ", two.example: {primaries: [192.0.2.1], catalog: consumer}, "
	    "a.example: {primaries: [192.0.2.2]}"));	/* a section of its own takes it over */
	expect_members("two.example.:b.example.@m2");
	expect_zones("a.example. cat.example. own.example. two.example.");
	finish();
}

/* Section 5.4. */
static void
test_reset(void)
{
	CU_ASSERT_TRUE(steer(FOLLOWED));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example."))));
	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l2", "a.example."))));
	expect_members("cat.example.:a.example.@l2");
	expect_zones("cat.example.");
	CU_ASSERT_EQUAL(world->dropped_count, 1);
	finish();
}

/* Versions that came together: of a member, and of the catalog that has it no more. */
static void
test_together(void)
{
	const struct zone_text both[] = {
		{ .file = "request", .name = "a.example.", .text = PLAIN "x 60 IN A 192.0.2.1\n" },
		{ .file = "request", .name = "cat.example.", .text = CATALOG("2", MEMBER("l2", "b.example.")) } };

	CU_ASSERT_TRUE(steer(FOLLOWED));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example."))));
	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	CU_ASSERT_TRUE(edit((struct world_edit){ .zone_count = 2, .zones = both, .transferred = true }));
	expect_members("cat.example.:b.example.@l2");
	expect_zones("cat.example.");
	CU_ASSERT_TRUE(put("b.example.", PLAIN));
	CU_ASSERT_TRUE(edit((struct world_edit){ .whole = true, .zone_count = 1, .steering = "",
	    .zones = &(struct zone_text){ .file = "b", .name = "b.example.", .text = PLAIN "x 60 IN A 192.0.2.1\n" } }));
	expect_members("");
	expect_zones("b.example.");	/* it's ours now */
	finish();
}

/* Section 4.3.1. */
static void
test_ownership(void)
{
	static const char two[] = FOLLOWED ", new.example: {primaries: [192.0.2.3], catalog: consumer}";

	CU_ASSERT_TRUE(steer(two));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example.") MEMBER("l2", "b.example."))));
	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	CU_ASSERT_TRUE(put("b.example.", PLAIN));
	CU_ASSERT_TRUE(put("new.example.", CATALOG("2", MEMBER("l1", "a.example."))));
	expect_told("the member a.example. isn't followed: the catalog cat.example. has it");
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example.") "coo.l1.zones 0 IN PTR new.example.\n"
	    MEMBER("l2", "b.example.") "coo.l2.zones 0 IN PTR new.example.\n")));
	expect_members("cat.example.:a.example.@l1 cat.example.:b.example.@l2");	/* not before the new one's next version */
	CU_ASSERT_TRUE(put("new.example.", CATALOG("2", MEMBER("l1", "a.example.") MEMBER("n2", "b.example."))));
	expect_told("");
	expect_members("new.example.:a.example.@l1 new.example.:b.example.@n2");
	expect_zones("a.example. cat.example. new.example.");	/* the same label: it stays; another: it begins anew */
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", "")));
	expect_members("new.example.:a.example.@l1 new.example.:b.example.@n2");
	expect_zones("a.example. cat.example. new.example.");
	finish();
}

/* Section 4.3.2. */
static void
test_groups(void)
{
	uint8_t apex[NAME_MAX];

	CU_ASSERT_TRUE(steer("cat.example: {primaries: [192.0.2.1], catalog: {role: consumer, templates: {"
	    "default: {notify: [192.0.2.9]}, gold: {dnssec: on, primaries: [192.0.2.2, 192.0.2.3]}, silver: {dnssec: on}}}}"));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example.") "group.l1.zones 0 IN TXT \"gold\"\n"
	    MEMBER("l2", "b.example.") "group.l2.zones 0 IN TXT \"lead\"\ngroup.l2.zones 0 IN TXT \"silver\"\n"
	    MEMBER("l3", "c.example.") "group.l3.zones 0 IN TXT \"lead\"\n")));
	expect_members("cat.example.:a.example.@l1=gold cat.example.:b.example.@l2=silver cat.example.:c.example.@l3");
	CU_ASSERT_NOT_EQUAL(name_parse("a.example.", apex), 0);
	CU_ASSERT_TRUE(zone_settings(world, apex)->is_signed);
	CU_ASSERT_EQUAL(zone_settings(world, apex)->primary_count, 2);
	CU_ASSERT_NOT_EQUAL(name_parse("b.example.", apex), 0);
	CU_ASSERT_EQUAL(zone_settings(world, apex)->primary_count, 1);
	CU_ASSERT_NOT_EQUAL(name_parse("c.example.", apex), 0);
	CU_ASSERT_FALSE(zone_settings(world, apex)->is_signed);
	CU_ASSERT_EQUAL(zone_settings(world, apex)->notify_count, 1);
	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "a.example."))));	/* another group is no other zone */
	expect_zones("a.example. cat.example.");
	finish();
}

/* Section 6: a script that fails must not take all away. */
static void
test_deletions(void)
{
	struct text many = { 0 }, few = { 0 };
	struct zone_text zone = { .file = "request", .name = "cat.example.", .text = NULL };

	text_puts(&many, CATALOG("2", ""));
	text_puts(&few, CATALOG("2", ""));
	for (unsigned i = 0; i < 24; i++) {
		text_printf(&many, "l%u.zones 0 IN PTR z%u.example.\n", i, i);
		if (i < 11)
			text_printf(&few, "l%u.zones 0 IN PTR z%u.example.\n", i, i);
	}
	CU_ASSERT_TRUE(steer(FOLLOWED));
	CU_ASSERT_TRUE(put("cat.example.", many.bytes));
	CU_ASSERT_FALSE(put("cat.example.", few.bytes));
	expect_told("the catalog would delete 13 of its 24 members, more than 50 %: all of them stay until "
	    "'isobarctl catalog confirm cat.example.'");
	CU_ASSERT_EQUAL(members_count(world->members, "cat.example."), 24);
	zone.text = few.bytes;
	CU_ASSERT_TRUE(edit((struct world_edit){ .zone_count = 1, .zones = &zone, .transferred = true, .confirmed = true }));
	CU_ASSERT_EQUAL(members_count(world->members, "cat.example."), 11);
	CU_ASSERT_FALSE(put("cat.example.", CATALOG("2", "")));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l0", "z0.example."))));	/* ten are free */
	CU_ASSERT_TRUE(put("cat.example.", many.bytes));
	CU_ASSERT_TRUE(steer("cat.example: {primaries: [192.0.2.1], catalog: {role: consumer, deletion-limit: 1}}"));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", "")));
	text_fini(&many);
	text_fini(&few);
	finish();
}

/* What the store has kept. */
static void
test_restart(void)
{
	static const char two[] = "zones: {" FOLLOWED ", two.example: {primaries: [192.0.2.1], catalog: consumer}, "
	    "out.example: {catalog: producer}, x.example: {catalog-zone: out.example}}\n";
	struct zone_text zones[] = { { .file = "cat.example.", .name = "cat.example.", .text = CATALOG("1", MEMBER("l1", "a.example.")) },
		{ .file = "two.example.", .name = "two.example.",
		    .text = CATALOG("2", MEMBER("m1", "a.example.") MEMBER("m2", "b.example.")) },
		{ .file = "a.example.", .name = "a.example.", .text = PLAIN },
		{ .file = "b.example.", .name = "b.example.", .text = PLAIN },
		{ .file = "x.example.", .name = "x.example.", .text = PLAIN } };
	struct membership list[] = {
		{ .zone = "a.example.", .catalog = "cat.example.", .apex = (const uint8_t *)"\1a\7example", .label = "l1", .group = "",
		    .role = CATALOG_CONSUMER },
		{ .zone = "b.example.", .catalog = "two.example.", .apex = (const uint8_t *)"\1b\7example", .label = "m2", .group = "",
		    .role = CATALOG_CONSUMER },
		{ .zone = "x.example.", .catalog = "out.example.", .apex = (const uint8_t *)"\1x\7example", .label = "", .group = "",
		    .role = CATALOG_PRODUCER, .time = 3, .gone = true },
	};
	struct members stored = { .count = 3, .list = list };

	CU_ASSERT_TRUE(edit((struct world_edit){ .whole = true, .zone_count = 5, .zones = zones, .steering = two,
	    .members = &stored, .transferred = true }));
	expect_told("the catalog is broken, its members stay as they are: its version isn't \"2\"|"
	    "the member a.example. isn't followed: the catalog cat.example. has it");
	expect_members("cat.example.:a.example.@l1 two.example.:b.example.@m2 out.example.<x.example.*4");
	expect_zones("a.example. b.example. cat.example. out.example. two.example. x.example.");
	finish();
}

struct change_of_members { const struct members *from, *to; };

static int
store_job(struct store_txn *txn, void *arg)
{
	const struct change_of_members *change = arg;

	return members_store(txn, change->from, change->to);
}

static void
expect_stored(const struct folder *folder, const char *expected)
{
	struct store_reader *reader = folder_reader(folder);
	struct members *loaded = members_load(reader), *saved = world->members;

	CU_ASSERT_PTR_NOT_NULL_FATAL(loaded);
	world->members = loaded;
	expect_members(expected);
	world->members = saved;
	members_release(loaded);
	store_reader_close(reader);
}

/* What is stored with each change is what a start begins with. */
static void
test_stored(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct members *first;

	CU_ASSERT_TRUE(put("b.example.", PLAIN));
	CU_ASSERT_TRUE(steer(FOLLOWED ", out.example: {catalog: producer}, b.example: {catalog-zone: out.example, "
	    "catalog-group: gold}"));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "c.example.") MEMBER("l2", "A.example."))));
	CU_ASSERT_EQUAL(store_call(store, store_job, &(struct change_of_members){ NULL, world->members }), 0);
	expect_stored(&folder, "cat.example.:a.example.@l2 out.example.<b.example.*0=gold cat.example.:c.example.@l1");
	first = world->members;
	members_hold(first);
	CU_ASSERT_TRUE(steer(FOLLOWED ", out.example: {catalog: producer}"));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l3", "c.example.") MEMBER("l4", "d.example."))));
	CU_ASSERT_EQUAL(store_call(store, store_job, &(struct change_of_members){ first, world->members }), 0);
	members_tell(first, world->members);
	expect_stored(&folder, "out.example.<b.example.-0 cat.example.:c.example.@l3 cat.example.:d.example.@l4");
	members_release(first);
	store_close(store);
	folder_close(&folder);
	finish();
}

/* --- made here ------------------------------------------------------------------------------------------------ */

static bool
text_has(const char *part)
{
	const struct world_zone *zone = world_find(world, "out.example.");

	return zone != NULL && strstr(zone->text, part) != NULL;
}

static void
test_made(void)
{
	char first[400], label[40];
	const struct zone *made;

	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	CU_ASSERT_TRUE(put("b.example.", PLAIN));
	CU_ASSERT_TRUE(steer("out.example: {catalog: producer}, a.example: {catalog-zone: OUT.example, catalog-group: gold}"));
	expect_members("out.example.<a.example.*0=gold");
	expect_zones("a.example. b.example. out.example.");
	CU_ASSERT_TRUE(text_has(" IN PTR a.example.\n"));
	CU_ASSERT_TRUE(text_has(" IN TXT \"gold\"\n"));
	snprintf(first, sizeof(first), "%s", world_find(world, "out.example.")->text);
	made = world_find(world, "out.example.")->zone;
	CU_ASSERT_TRUE(put("b.example.", PLAIN "x 60 IN A 192.0.2.1\n"));
	CU_ASSERT_PTR_EQUAL(world_find(world, "out.example.")->zone, made);	/* nothing of it has changed */
	CU_ASSERT_TRUE(steer("out.example: {catalog: producer}"));
	expect_members("out.example.<a.example.-0");
	CU_ASSERT_FALSE(text_has("PTR"));
	CU_ASSERT_TRUE(steer("out.example: {catalog: producer}, a.example: {catalog-zone: out.example}"));
	expect_members("out.example.<a.example.*1");	/* sections 5.4 and 5.6: it comes anew */
	snprintf(label, sizeof(label), "%s.zones", world->members->list[0].label);
	CU_ASSERT_TRUE(text_has(label));
	CU_ASSERT_PTR_NULL(strstr(first, label));
	CU_ASSERT_TRUE(steer(""));
	expect_zones("a.example. b.example.");
	expect_members("out.example.<a.example.-1");
	finish();
}

static void
test_made_of_all(void)
{
	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	CU_ASSERT_TRUE(steer("out.example: {catalog: {role: producer, members: all}}, two.example: {catalog: producer}, "
	    "b.example: {catalog-zone: two.example}, a.example: {catalog-group: gold}, c.example: {primaries: [192.0.2.1]}, "
	    FOLLOWED) == false);
	expect_told("there is no zone 'b.example.'");
	CU_ASSERT_TRUE(put("b.example.", PLAIN));
	CU_ASSERT_TRUE(steer("out.example: {catalog: {role: producer, members: all}}, two.example: {catalog: producer}, "
	    "b.example: {catalog-zone: two.example}, a.example: {catalog-group: gold}, c.example: {primaries: [192.0.2.1]}, "
	    FOLLOWED));
	expect_members("out.example.<a.example.*0=gold two.example.<b.example.*0");
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "d.example."))));
	CU_ASSERT_TRUE(put("d.example.", PLAIN));	/* one that is followed goes on to others */
	CU_ASSERT_TRUE(put("c.example.", PLAIN));
	expect_members("out.example.<a.example.*0=gold two.example.<b.example.*0 out.example.<c.example.*0 "
	    "cat.example.:d.example.@l1 out.example.<d.example.*0");
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l2", "d.example."))));
	expect_members("out.example.<a.example.*0=gold two.example.<b.example.*0 out.example.<c.example.*0 "
	    "cat.example.:d.example.@l2 out.example.<d.example.-0");
	CU_ASSERT_TRUE(put("a.example.", NULL) == false);	/* steering.yaml names it */
	CU_ASSERT_TRUE(put("c.example.", NULL));
	expect_members("out.example.<a.example.*0=gold two.example.<b.example.*0 out.example.<c.example.-0 "
	    "cat.example.:d.example.@l2 out.example.<d.example.-0");
	finish();
}

static void
test_made_alone(void)
{
	static const struct zone_text folder[] = {
		{ .file = "out.example.zone", .name = "out.example.", .text = PLAIN },
		{ .file = "a", .name = "a.example.", .text = PLAIN } };

	CU_ASSERT_TRUE(edit((struct world_edit){ .whole = true, .zone_count = 2, .zones = folder,
	    .steering = "zones: {out.example: {catalog: producer}, a.example: {catalog-zone: out.example}}\n" }));
	expect_told("the records of the catalog out.example. are made by isobard: these are left out");
	CU_ASSERT_TRUE(text_has(" IN PTR a.example.\n"));
	CU_ASSERT_FALSE(put("out.example.", NULL));
	expect_told("the catalog out.example. is made by isobard, as long as steering.yaml says so: nothing else can change it");
	CU_ASSERT_FALSE(put("out.example.", PLAIN));
	CU_ASSERT_TRUE(edit((struct world_edit){ .whole = true, .zone_count = 1, .zones = &folder[1],
	    .steering = "zones: {out.example: {catalog: producer}, a.example: {catalog-zone: out.example}}\n" }));
	expect_told("");
	expect_zones("a.example. out.example.");
	finish();
}

static bool
change_catalog(void)
{
	return put("cat.example.", CATALOG("2", MEMBER("l1", "c.example.") MEMBER("l3", "a.example.")));
}

static void
test_scarce(void)
{
	CU_ASSERT_TRUE(put("a.example.", PLAIN));
	CU_ASSERT_TRUE(steer(FOLLOWED ", out.example: {catalog: {role: producer, members: all}}"));
	CU_ASSERT_TRUE(put("cat.example.", CATALOG("2", MEMBER("l1", "b.example.") MEMBER("l2", "c.example."))));
	CU_ASSERT_TRUE(put("b.example.", PLAIN));
	SCARCE_EACH(change_catalog);
	expect_zones("a.example. cat.example. out.example.");
	finish();
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ "members come and go", test_followed },
		{ "broken catalogs change nothing", test_broken },
		{ "names that are somebody's", test_clashes },
		{ "another label begins anew", test_reset },
		{ "a member and its catalog at once", test_together },
		{ "a change of ownership", test_ownership },
		{ "groups choose templates", test_groups },
		{ "many deletions are held", test_deletions },
		{ "a restart", test_restart },
		{ "members are stored", test_stored },
		{ "a catalog that is made", test_made },
		{ "one of all zones", test_made_of_all },
		{ "a catalog is what is made", test_made_alone },
		{ "memory runs out", test_scarce },
	};

	return suite_run("members", cases, ARRAY_SIZE(cases));
}
