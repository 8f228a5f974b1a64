/* test_zone.c -- zone/zone: the builder, the order of nodes, what nodes inherit, lookup, and memory that runs out. */
#include "zone/zone.h"

#include "dns/types.h"
#include "scarce.h"

#define SOA_RDATA "\2ns\0" "\4root\0" "\0\0\0\7" "\0\0\0\1\0\0\0\2\0\0\0\3" "\0\0\1\x2c"

static const uint8_t *
wire(const char *text)
{
	static uint8_t names[4][NAME_MAX];
	static unsigned turn;

	turn = (turn + 1) % 4;
	if (name_parse(text, names[turn]) == 0)
		abort();
	return names[turn];
}

static enum zone_add
add_bytes(struct zone_builder *builder, const char *owner, uint16_t type, uint32_t ttl, const char *rdata,
    size_t length)
{
	return zone_builder_add(builder, wire(owner), type, ttl, (const uint8_t *)rdata, (uint16_t)length);
}

#define ADD(builder, owner, type, ttl, rdata) add_bytes(builder, owner, type, ttl, rdata, sizeof(rdata) - 1)

static struct zone *
build(void (*records)(struct zone_builder *))
{
	struct zone_builder *builder = zone_builder_new(wire("Example."));
	struct zone *zone;

	CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
	CU_ASSERT_EQUAL(ADD(builder, "example.", TYPE_SOA, 600, SOA_RDATA), ZONE_ADDED);
	records(builder);
	CU_ASSERT_EQUAL_FATAL(zone_builder_freeze(builder, &zone), ZONE_OK);
	return zone;
}

static void
usual_records(struct zone_builder *b)
{
	CU_ASSERT_EQUAL(ADD(b, "WWW.example.", TYPE_AAAA, 60, "0123456789abcdef"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "www.example.", TYPE_A, 60, "abcd"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "www.example.", TYPE_A, 60, "efgh"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "www.example.", TYPE_A, 60, "abcd"), ZONE_DUPLICATE);
	CU_ASSERT_EQUAL(ADD(b, "www.example.", TYPE_A, 30, "ijkl"), ZONE_TTL_DIFFERS);
	CU_ASSERT_EQUAL(ADD(b, "www.example.", TYPE_TXT, UINT32_C(0x80000000), "\1x"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "example.org.", TYPE_A, 60, "abcd"), ZONE_NOT_UNDER_APEX);
	CU_ASSERT_EQUAL(ADD(b, "notexample.", TYPE_A, 60, "abcd"), ZONE_NOT_UNDER_APEX);
	CU_ASSERT_EQUAL(ADD(b, "a.b.c.example.", TYPE_A, 60, "abcd"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "*.wild.example.", TYPE_A, 60, "abcd"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "example.", TYPE_NS, 60, "\2ns\7example\0"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "cut.example.", TYPE_NS, 60, "\2ns\3cut\7example\0"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "ns.cut.example.", TYPE_A, 60, "abcd"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "below.ns.cut.example.", TYPE_NS, 60, "\1x\0"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "dname.example.", TYPE_DNAME, 60, "\1x\0"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "under.dname.example.", TYPE_A, 60, "abcd"), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(b, "eu._region.svc.example.", TYPE_A, 60, "abcd"), ZONE_ADDED);
}

static void
test_rrsets(void)
{
	struct zone *zone = build(usual_records);
	const struct node *www = zone_find_name(zone, wire("www.example."));

	CU_ASSERT_PTR_NOT_NULL_FATAL(www);
	CU_ASSERT_EQUAL(www->rrset_count, 3);
	CU_ASSERT(www->rrsets[0].type == TYPE_A && www->rrsets[1].type == TYPE_TXT && www->rrsets[2].type == TYPE_AAAA);
	CU_ASSERT_EQUAL(www->rrsets[0].count, 3);
	CU_ASSERT_EQUAL(www->rrsets[0].ttl, 60);	/* the first one's */
	CU_ASSERT_EQUAL(www->rrsets[0].length, 18);
	CU_ASSERT_EQUAL(memcmp(www->rrsets[0].wire, "\0\4abcd\0\4efgh\0\4ijkl", 18), 0);
	CU_ASSERT_EQUAL(www->rrsets[1].ttl, 0);		/* RFC 2181 section 8 */
	CU_ASSERT_PTR_EQUAL(node_rrset(www, TYPE_AAAA), &www->rrsets[2]);
	CU_ASSERT_PTR_NULL(node_rrset(www, TYPE_MX));
	CU_ASSERT_EQUAL(zone_serial(zone), 7);
	CU_ASSERT_EQUAL(zone_negative_ttl(zone), 300);
	CU_ASSERT_EQUAL(zone_soa(zone)->ttl, 600);
	CU_ASSERT_EQUAL(zone_names(zone), 10);
	CU_ASSERT_EQUAL(zone_records(zone), 15);
	CU_ASSERT(zone_memory(zone) > 1000);
	zone_hold(zone);
	zone_release(zone);
	CU_ASSERT_EQUAL(zone_serial(zone), 7);
	zone_release(zone);
	zone_release(NULL);
}

static void
test_inheritance(void)
{
	static const struct { const char *name, *cut, *dname, *wildcard, *parent; unsigned flags; } rows[] = {
		{ .name = "example.", .flags = NODE_APEX },
		{ .name = "www.example.", .parent = "example." },
		{ .name = "c.example.", .parent = "example." },
		{ .name = "a.b.c.example.", .parent = "b.c.example." },
		{ .name = "wild.example.", .parent = "example.", .wildcard = "*.wild.example." },
		{ .name = "cut.example.", .parent = "example.", .cut = "cut.example.", .flags = NODE_CUT },
		{ .name = "ns.cut.example.", .parent = "cut.example.", .cut = "cut.example." },
		{ .name = "below.ns.cut.example.", .parent = "ns.cut.example.", .cut = "cut.example.",
		    .flags = NODE_CUT },
		{ .name = "dname.example.", .parent = "example." },
		{ .name = "under.dname.example.", .parent = "dname.example.", .dname = "dname.example." },
		{ .name = "svc.example.", .parent = "example.", .flags = NODE_REGIONS },
		{ .name = "_region.svc.example.", .parent = "svc.example.", .flags = NODE_REGION_RECORD },
		{ .name = "eu._region.svc.example.", .parent = "_region.svc.example.", .flags = NODE_REGION_RECORD },
	};
	struct zone *zone = build(usual_records);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct node *node = zone_find_name(zone, wire(rows[i].name));
		const struct { const char *text; const struct node *node; } links[] = {
			{ rows[i].cut, node->cut }, { rows[i].dname, node->dname },
			{ rows[i].wildcard, node->wildcard }, { rows[i].parent, node->parent },
		};
		char text[NAME_TEXT_SIZE];

		for (size_t l = 0; l < ARRAY_SIZE(links); l++)
			SUITE_TEXT(links[l].node == NULL ? NULL : name_text(links[l].node->name, text), links[l].text);
		SUITE_ROW(rows[i].name, node->flags == rows[i].flags);
		SUITE_ROW(rows[i].name, node->labels == name_labels(node->name));
	}
	zone_release(zone);
}

static void
test_order(void)
{
	struct zone *zone = build(usual_records);
	size_t apexes = 0;

	for (size_t i = 0; i < zone_node_count(zone); i++) {
		const struct node *node = zone_node_at(zone, i);

		CU_ASSERT(i == 0 || name_compare(zone_node_at(zone, i - 1)->name, node->name) < 0);
		CU_ASSERT_PTR_EQUAL(zone_find_name(zone, node->name), node);
		apexes += node == zone_apex(zone);
	}
	CU_ASSERT_EQUAL(zone_node_count(zone), 15);
	CU_ASSERT_EQUAL(apexes, 1);
	CU_ASSERT_PTR_NULL(zone_find_name(zone, wire("nothere.example.")));
	CU_ASSERT_PTR_NULL(zone_find_name(zone, wire("www.example.org.")));
	CU_ASSERT_PTR_NULL(zone_find_name(zone, wire(".")));
	zone_release(zone);
}

/* Many names: the index grows, and each name is found by itself and by a label of a longer one. */
static void
many_records(struct zone_builder *b)
{
	for (unsigned i = 0; i < 20000; i++) {
		char owner[60];

		snprintf(owner, sizeof(owner), "n%u.s%u.example.", i, i % 100);
		CU_ASSERT_EQUAL(ADD(b, owner, TYPE_A, 60, "abcd"), ZONE_ADDED);
	}
}

static void
test_many(void)
{
	struct zone *zone = build(many_records);

	CU_ASSERT_EQUAL(zone_node_count(zone), 20101);
	CU_ASSERT_EQUAL(zone_names(zone), 20001);
	for (unsigned i = 0; i < 20000; i += 7) {
		char owner[60];
		uint8_t name[NAME_MAX];
		struct name_parts parts;
		const struct node *node;

		snprintf(owner, sizeof(owner), "x.n%u.s%u.example.", i, i % 100);
		if (name_parse(owner, name) == 0)
			abort();
		name_take_apart(&parts, name);
		CU_ASSERT_PTR_NULL(zone_find(zone, name, &parts, 0));
		node = zone_find(zone, name, &parts, 1);
		CU_ASSERT(node != NULL && node->rrset_count == 1 && node->labels == 3);
		CU_ASSERT_PTR_EQUAL(zone_find(zone, name, &parts, 3), zone_apex(zone));
	}
	zone_release(zone);
}

/* As many labels as a name can have, the apex's two among them; the names above it all come with it. */
static void
deep_records(struct zone_builder *b)
{
	uint8_t deep[NAME_MAX];
	size_t at = 0;

	while (at + 2 + 9 <= NAME_MAX) {
		deep[at++] = 1;
		deep[at++] = 'a';
	}
	memcpy(deep + at, "\7example", 9);
	CU_ASSERT_EQUAL(zone_builder_add(b, deep, TYPE_A, 60, (const uint8_t *)"abcd", 4), ZONE_ADDED);
}

static void
test_deep(void)
{
	struct zone *zone = build(deep_records);

	CU_ASSERT_EQUAL(zone_node_count(zone), 1 + (NAME_MAX - 9) / 2);
	CU_ASSERT_EQUAL(zone_names(zone), 2);
	zone_release(zone);
}

static void
test_soa(void)
{
	struct zone_builder *builder = zone_builder_new(wire("example."));
	struct zone *zone;

	CU_ASSERT_EQUAL(ADD(builder, "www.example.", TYPE_A, 60, "abcd"), ZONE_ADDED);
	CU_ASSERT_EQUAL(zone_builder_freeze(builder, &zone), ZONE_NO_SOA);
	CU_ASSERT_PTR_NULL(zone);
	builder = zone_builder_new(wire("example."));
	CU_ASSERT_EQUAL(ADD(builder, "example.", TYPE_SOA, 60, SOA_RDATA), ZONE_ADDED);
	CU_ASSERT_EQUAL(ADD(builder, "example.", TYPE_SOA, 60, "\1n\0" "\1r\0"
	    "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
	    ZONE_ADDED);
	CU_ASSERT_EQUAL(zone_builder_freeze(builder, &zone), ZONE_TWO_SOAS);
	/* The SOA's own TTL bounds negative answers, too; a builder that is thrown away takes all with it. */
	builder = zone_builder_new(wire("."));
	CU_ASSERT_EQUAL(ADD(builder, ".", TYPE_SOA, 60, SOA_RDATA), ZONE_ADDED);
	CU_ASSERT_EQUAL(zone_builder_freeze(builder, &zone), ZONE_OK);
	CU_ASSERT_EQUAL(zone_negative_ttl(zone), 60);
	CU_ASSERT_PTR_NOT_NULL(zone_find_name(zone, wire(".")));
	zone_release(zone);
	builder = zone_builder_new(wire("example."));
	CU_ASSERT_EQUAL(ADD(builder, "www.example.", TYPE_A, 60, "abcd"), ZONE_ADDED);
	zone_builder_free(builder);
	zone_builder_free(NULL);
}

static bool
build_scarcely(void)
{
	struct zone_builder *builder = zone_builder_new((const uint8_t *)"\7example\0");
	struct zone *zone = NULL;
	uint8_t owner[] = "\4n000\7example\0";

	if (builder == NULL)
		return false;
	if (ADD(builder, "example.", TYPE_SOA, 600, SOA_RDATA) != ZONE_ADDED) {
		zone_builder_free(builder);
		return false;
	}
	for (unsigned i = 0; i < 300; i++) {
		snprintf((char *)owner + 1, 5, "n%03u", i);
		owner[5] = 7;
		if (zone_builder_add(builder, owner, TYPE_A, 60, (const uint8_t *)"abcd", 4) != ZONE_ADDED) {
			zone_builder_free(builder);
			return false;
		}
	}
	if (zone_builder_freeze(builder, &zone) != ZONE_OK) {
		CU_ASSERT_PTR_NULL(zone);
		return false;
	}
	CU_ASSERT_EQUAL(zone_names(zone), 301);
	zone_release(zone);
	return true;
}

static void
test_scarce(void)
{
	SCARCE_EACH(build_scarcely);
}

static const struct suite_case cases[] = {
	{ .name = "RRsets", .run = test_rrsets },
	{ .name = "what nodes inherit", .run = test_inheritance },
	{ .name = "canonical order", .run = test_order },
	{ .name = "20,000 names", .run = test_many },
	{ .name = "a first name with 124 labels", .run = test_deep },
	{ .name = "SOA", .run = test_soa },
	{ .name = "memory runs out", .run = test_scarce },
};

int
main(void)
{
	return suite_run("zone", cases, ARRAY_SIZE(cases));
}
