/* test_zone_edit.c -- zone/zone_edit: what an edit makes of a zone is what reading the edited text makes of it. */
#include "zone/zone_edit.h"

#include "base/arena.h"
#include "base/text.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "suite.h"
#include "zone/record.h"

#define EDITS_MAX 6
#define RECORDS_MAX 3

static const uint8_t apex[] = "\7example\3com";

static uint64_t dice_state;

static unsigned
dice(unsigned sides)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice_state >> 33) % sides;
}

/* As master_read() does, but nothing is checked: edits may leave what would be an error. */
static struct zone *
read_zone(const char *text)
{
	struct zone_builder *builder = zone_builder_new(apex);
	struct record_reader reader;
	struct record record;
	struct zone *zone = NULL;
	enum record_result result;

	record_reader_init(&reader, text, "z", apex, NULL);
	while ((result = record_next(&reader, &record)) != RECORD_END)
		CU_ASSERT(result == RECORD_DIRECTIVE || zone_builder_add(builder, record.owner, record.type, record.ttl,
		    record.rdata, record.rdlength) != ZONE_NO_MEMORY);
	record_reader_fini(&reader);
	(void)!zone_builder_freeze(builder, &zone);
	return zone;
}

static bool
same_node(const struct node *a, const struct node *b)
{
	return a == NULL || b == NULL ? a == b : name_compare(a->name, b->name) == 0;
}

static bool
same_rrset(const struct rrset *a, const struct rrset *b)
{
	return a->type == b->type && a->count == b->count && a->length == b->length
	    && (a->ttl == b->ttl || a->type == TYPE_RRSIG)	/* of several that cover nothing, the first one's */
	    && memcmp(a->wire, b->wire, a->length) == 0 && a->signature_count == b->signature_count
	    && a->signature_length == b->signature_length
	    && memcmp(a->signatures, b->signatures, a->signature_length) == 0;
}

static bool
same_nodes(const struct node *a, const struct node *b)
{
	if (!same_node(a, b) || a->flags != b->flags || a->labels != b->labels || a->rrset_count != b->rrset_count
	    || !same_node(a->parent, b->parent) || !same_node(a->cut, b->cut) || !same_node(a->dname, b->dname)
	    || !same_node(a->wildcard, b->wildcard))
		return false;
	for (unsigned i = 0; i < a->rrset_count; i++)
		if (!same_rrset(&a->rrsets[i], &b->rrsets[i]))
			return false;
	return true;
}

static bool
same_zone(const struct zone *a, const struct zone *b)
{
	if (zone_node_count(a) != zone_node_count(b) || zone_nsec3_count(a) != zone_nsec3_count(b)
	    || zone_names(a) != zone_names(b) || zone_records(a) != zone_records(b)
	    || zone_serial(a) != zone_serial(b) || zone_negative_ttl(a) != zone_negative_ttl(b)
	    || zone_denial(a) != zone_denial(b) || zone_soa(a)->ttl != zone_soa(b)->ttl)
		return false;
	for (size_t i = 0; i < zone_node_count(a); i++) {
		const struct node *x = zone_node_at(a, i), *y = zone_node_at(b, i);

		if (!same_nodes(x, y) || zone_find_name(a, x->name) != x)
			return false;
		if (zone_denial(a) == ZONE_NSEC && !same_node(zone_nsec_at(a, x), zone_nsec_at(b, y)))
			return false;
		if (zone_denial(a) == ZONE_NSEC3 && (!same_node(zone_nsec3_of(a, x), zone_nsec3_of(b, y))
		    || !same_node(zone_nsec3_wildcard(a, x), zone_nsec3_wildcard(b, y))))
			return false;
	}
	for (size_t i = 0; i < zone_nsec3_count(a); i++)
		if (!same_nodes(zone_nsec3_at(a, i), zone_nsec3_at(b, i))
		    || zone_nsec3_is_used(a, i) != zone_nsec3_is_used(b, i))
			return false;
	return true;
}

/* --- random zones ----------------------------------------------------------------------------------------------- */

#define HASH(first) first "0000000000000000000000000000000"

static const char *const owners[] = {
	"@", "a", "b.a", "c.b.a", "*.a", "*", "d", "_region.d", "eu._region.d", "x.y.z", "y.z", "w.x.y.z", "A", "q.example.com.",
};
static const char *const hashes[] = { HASH("0"), HASH("5"), HASH("9"), HASH("a"), HASH("k"), HASH("v") };

/* A line whose owner, TTL and class may be left out. */
static void
random_line(struct text *text)
{
	static const char *const ttls[] = { "", "", "", "300 ", "60 ", "1h " };
	static const char *const ends[] = { "\n", "\n", " ; a comment\n", "\t\n", "\n\n", "\n; between\n" };
	static const char *const covered[] = { "A", "TXT", "MX", "NSEC3", "SOA", "NSEC" };
	const char *ttl = ttls[dice(ARRAY_SIZE(ttls))];
	bool nsec3 = dice(8) == 0, class_first = dice(4) == 0;

	if (dice(14) == 0)
		text_printf(text, "$TTL %u\n", dice(2) == 0 ? 300 : 60);
	if (dice(14) == 0)
		text_printf(text, "$ORIGIN %s\n", dice(2) == 0 ? "example.com." : "a.example.com.");
	if (nsec3)
		text_puts(text, hashes[dice(ARRAY_SIZE(hashes))]);
	else if (dice(3) != 0)
		text_puts(text, owners[dice(ARRAY_SIZE(owners))]);
	text_printf(text, "%s%s%s%s", dice(2) == 0 ? " " : "\t    ", class_first ? "IN " : "", ttl,
	    !class_first && dice(2) == 0 ? "IN " : "");
	if (nsec3 && dice(3) != 0) {
		text_printf(text, "NSEC3 1 0 %u - %s A RRSIG%s", dice(2), hashes[dice(ARRAY_SIZE(hashes))],
		    ends[dice(ARRAY_SIZE(ends))]);
		return;
	}
	switch (dice(nsec3 ? 1 : 9)) {
	case 0:
		text_printf(text, "RRSIG %s 13 2 300 20300101000000 20200101000000 %u example.com. AAAA",
		    covered[nsec3 ? 3 : dice(ARRAY_SIZE(covered))], dice(3));
		break;
	case 1:
		text_printf(text, "MX ( %u ; preference\n mail )", dice(3));
		break;
	case 2:
		text_printf(text, "TXT \"x;%u\"", dice(4));
		break;
	case 3:
		text_printf(text, "NS ns%u", dice(3));
		break;
	case 4:
		text_printf(text, "NSEC a%s", " A NS SOA RRSIG");
		break;
	case 5:
		text_printf(text, dice(2) == 0 ? "NSEC3PARAM 1 0 %u -" : "DNAME x%u.example.net.", dice(2));
		break;
	default:
		text_printf(text, "A 192.0.2.%u", dice(4));
	}
	text_puts(text, ends[dice(ARRAY_SIZE(ends))]);
}

static void
random_text(struct text *text)
{
	unsigned lines = dice(30);

	text_puts(text, dice(3) == 0 ? "; head\n" : "");
	text_puts(text, dice(2) == 0 ? "$TTL 300\n" : "");
	text_printf(text, "@ %sIN SOA ( ns1 ; primary\n h 7 2 3 4 %u ) ; soa\n", dice(2) == 0 ? "60 " : "", dice(2) * 100);
	for (unsigned i = 0; i < lines; i++)
		random_line(text);
}

/* --- random edits ----------------------------------------------------------------------------------------------- */

struct edits {
	struct rrset_edit list[EDITS_MAX];
	size_t count;
	uint8_t owners[EDITS_MAX][NAME_MAX];
	struct text wires[EDITS_MAX][2];
};

/* Unless it's there: RRsets have no duplicates. */
static void
put_record(struct text *wire, const void *rdata, size_t length)
{
	uint8_t record[NAME_MAX];

	wire_put_u16(record, (unsigned)length);
	memcpy(record + 2, rdata, length);
	if (wire->length == 0 || memmem(wire->bytes, wire->length, record, length + 2) == NULL)
		text_add(wire, (const char *)record, length + 2);
}

static uint16_t
count_of(const struct text *wire)
{
	uint16_t count = 0;

	for (size_t at = 0; at < wire->length; at += 2u + wire_get_u16((const uint8_t *)wire->bytes + at))
		count++;
	return count;
}

static void
put_signature(struct text *wire, unsigned covers, unsigned tag)
{
	uint8_t rdata[18 + sizeof(apex) + 3] = { (uint8_t)(covers >> 8), (uint8_t)covers, 13, 2, 0, 0, 1, 44 };

	memcpy(rdata + 8, "\x70\xdb\xd8\x80\x5e\x0b\xe1\x00", 8);
	wire_put_u16(rdata + 16, tag);
	memcpy(rdata + 18, apex, sizeof(apex));
	put_record(wire, rdata, sizeof(rdata));
}

static void
random_rdata(struct text *wire, uint16_t type)
{
	uint8_t soa[24 + 20] = "\3ns1\0\1h";
	uint8_t rdata[NAME_MAX + 4] = { 192, 0, 2 };

	switch (type) {
	case TYPE_A:
		rdata[3] = (uint8_t)dice(4);
		put_record(wire, rdata, 4);
		break;
	case TYPE_TXT:
		put_record(wire, (uint8_t[]){ 3, 'x', ';', (uint8_t)('0' + dice(4)) }, 4);
		break;
	case TYPE_MX:
		wire_put_u16(rdata, dice(3));
		memcpy(rdata + 2, "\4mail\7example\3com", 18);
		put_record(wire, rdata, 20);
		break;
	case TYPE_NS:
		memcpy(rdata, "\3ns0\7example\3com", 17);
		rdata[3] = (uint8_t)('0' + dice(3));
		put_record(wire, rdata, 17);
		break;
	case TYPE_SOA:
		soa[8] = 0;
		wire_put_u32(soa + 8, dice(9));
		wire_put_u32(soa + 24, dice(2) * 100);
		put_record(wire, soa, 28);
		break;
	case TYPE_NSEC3:
		memcpy(rdata, "\1\0\0\0\0\24", 6);
		rdata[3] = (uint8_t)dice(2);
		memset(rdata + 6, (int)dice(200), 20);
		put_record(wire, rdata, 26);
		break;
	case TYPE_NSEC3PARAM:
		put_record(wire, (uint8_t[]){ 1, 0, 0, (uint8_t)dice(2), 0 }, 5);
		break;
	default:
		put_signature(wire, 99, dice(3));
	}
}

static void
random_edit(struct edits *edits)
{
	static const uint16_t types[] = { TYPE_A, TYPE_A, TYPE_TXT, TYPE_MX, TYPE_NS, TYPE_SOA, TYPE_NSEC3, TYPE_NSEC3,
		TYPE_NSEC3PARAM, TYPE_RRSIG };
	uint16_t type = types[dice(ARRAY_SIZE(types))];
	const char *owner = type == TYPE_NSEC3 ? hashes[dice(ARRAY_SIZE(hashes))] : owners[dice(ARRAY_SIZE(owners) - 1)];
	struct rrset_edit *edit = &edits->list[edits->count];
	struct text *wires = edits->wires[edits->count];
	unsigned count = dice(RECORDS_MAX + 1), signatures = dice(3) == 0 && count > 0 ? 1 + dice(2) : 0;
	char name[NAME_TEXT_SIZE];

	if (type == TYPE_SOA || type == TYPE_NSEC3PARAM || strcmp(owner, "@") == 0)
		snprintf(name, sizeof(name), "example.com.");
	else
		snprintf(name, sizeof(name), "%s.example.com.", owner);
	if (type == TYPE_SOA)
		count = dice(10) != 0;
	signatures = type == TYPE_RRSIG || count == 0 ? 0 : signatures;
	CU_ASSERT_FATAL(name_parse(name, edits->owners[edits->count]) > 0);
	for (size_t i = 0; i < edits->count; i++)
		if (edits->list[i].type == type && strcmp((const char *)edits->list[i].owner,
		    (const char *)edits->owners[edits->count]) == 0)
			return;
	for (unsigned i = 0; i < count; i++)
		random_rdata(&wires[0], type);
	for (unsigned i = 0; i < signatures; i++)
		put_signature(&wires[1], type, i);
	*edit = (struct rrset_edit){
		.owner = edits->owners[edits->count], .type = type,
		.rrset = { .type = type, .count = count_of(&wires[0]), .ttl = dice(2) == 0 ? 300 : 77,
			.length = (uint32_t)wires[0].length, .wire = (uint8_t *)wires[0].bytes,
			.signature_count = count_of(&wires[1]), .signature_length = (uint16_t)wires[1].length,
			.signatures = (uint8_t *)wires[1].bytes },
	};
	edits->count++;
}

static void
compare_round(unsigned round)
{
	struct text text = { 0 };
	struct edits edits = { 0 };
	struct zone *from, *edited = NULL, *read = NULL;
	unsigned wanted = dice(EDITS_MAX);
	enum zone_edited result;
	char *after;

	random_text(&text);
	from = read_zone(text.bytes);
	CU_ASSERT_FATAL(from != NULL);
	while (edits.count < wanted)
		random_edit(&edits);
	result = zone_edit(from, edits.list, edits.count, &edited);
	after = text_edit(text.bytes, from, edits.list, edits.count);
	if (after != NULL)
		read = read_zone(after);
	if (after == NULL || (result == ZONE_EDITED) != (read != NULL)
	    || (read != NULL && !same_zone(edited, read))) {
		printf("# round %u\n# --- before\n%s# --- after\n%s#---\n", round, text.bytes, after == NULL ? "none" : after);
		for (size_t i = 0; i < edits.count; i++)
			printf("# %s type %u: %u records, %u signatures, TTL %u\n", (const char *)edits.list[i].owner,
			    edits.list[i].type, edits.list[i].rrset.count, edits.list[i].rrset.signature_count,
			    edits.list[i].rrset.ttl);
		CU_FAIL_FATAL("the edited zone isn't that of the edited text");
	}
	if (edits.count == 0)
		SUITE_TEXT(after, text.bytes);
	zone_release(from);
	zone_release(edited);
	zone_release(read);
	free(after);
	text_fini(&text);
	for (size_t i = 0; i < EDITS_MAX; i++) {
		text_fini(&edits.wires[i][0]);
		text_fini(&edits.wires[i][1]);
	}
}

static void
test_random(void)
{
	unsigned rounds = suite_rounds(4000);

	for (unsigned i = 0; i < rounds; i++) {
		dice_state = i;
		dice(2);
		compare_round(i);
	}
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ "random zones and edits: the edited zone is that of the edited text", test_random },
	};

	return suite_run("zone_edit", cases, ARRAY_SIZE(cases));
}
