/* test_update.c -- transfer/update: RFC 2136 rule by rule, and random updates beside a plain list of records. */
#include "transfer/update.h"

#include "base/text.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "suite.h"
#include "zone/master.h"
#include "zone/rdata_list.h"
#include "zone/rdata_write.h"

#define LINES_MAX 8
#define TYPE_OF_WKS 11

static const uint8_t apex[] = "\7example\3com";

static const char zone_of_tests[] =
	"$TTL 60\n"
	"@ SOA ns1 h 9 2 3 4 5\n"
	"@ NS ns1\n"
	"@ MX 10 Mail\n"
	"ns1 A 192.0.2.53\n"
	"a A 192.0.2.1\n"
	"a A 192.0.2.2\n"
	"a TXT x\n"
	"two NS ns1\n"
	"alias CNAME a\n"
	"deep.er.name A 192.0.2.3\n"
	"d DNAME example.net.\n"
	"w WKS 192.0.2.1 tcp smtp\n";

/* --- a message ---------------------------------------------------------------------------------------------------- */

struct message {
	uint8_t bytes[4096];
	size_t length;
};

static void
message_begin(struct message *message)
{
	memset(message, 0, sizeof(*message));
	wire_put_u16(message->bytes + 2, OPCODE_UPDATE << 11);
	wire_put_u16(message->bytes + 4, 1);
	memcpy(message->bytes + HEADER_SIZE, apex, sizeof(apex));
	wire_put_u16(message->bytes + HEADER_SIZE + sizeof(apex), TYPE_SOA);
	wire_put_u16(message->bytes + HEADER_SIZE + sizeof(apex) + 2, CLASS_IN);
	message->length = HEADER_SIZE + sizeof(apex) + 4;
}

static void
message_add(struct message *message, unsigned section, const uint8_t *owner, uint16_t type, uint16_t class, uint32_t ttl,
	const uint8_t *rdata, uint16_t rdlength)
{
	uint8_t *to = message->bytes + message->length;
	size_t length = name_length(owner, NAME_MAX);

	memcpy(to, owner, length);
	wire_put_u16(to + length, type);
	wire_put_u16(to + length + 2, class);
	wire_put_u32(to + length + 4, ttl);
	wire_put_u16(to + length + 8, rdlength);
	if (rdlength > 0)
		memcpy(to + length + 10, rdata, rdlength);
	message->length += length + 10 + rdlength;
	wire_put_u16(message->bytes + 4 + section * 2, wire_get_u16(message->bytes + 4 + section * 2) + 1u);
}

/* A line of a test: "SECTION CLASS OWNER TTL TYPE [RDATA]", SECTION p or u, CLASS a number. Owners are relative but for
 * a final dot. */
static void
message_line(struct message *message, const char *line)
{
	char section, owner[64], type[32], full[128];
	unsigned class, ttl;
	int at = 0;
	uint8_t name[NAME_MAX];
	uint16_t number;
	struct diags diags = { 0 };
	struct rdata_list list = { 0 };

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "%c %u %63s %u %31s %n", &section, &class, owner, &ttl, type, &at), 5);
	if (strcmp(owner, "@") == 0)
		snprintf(full, sizeof(full), "example.com.");
	else
		snprintf(full, sizeof(full), "%s%s", owner, owner[strlen(owner) - 1] == '.' ? "" : ".example.com.");
	CU_ASSERT_FATAL(name_parse(full, name) > 0);
	number = rrtype_parse(type);
	if (line[at] != '\0') {
		CU_ASSERT_FATAL(rdata_list_read(&list, "test", number, apex, (const char *[]){ line + at }, 1, &diags));
		message_add(message, section == 'p' ? 1 : 2, name, number, (uint16_t)class, ttl, list.items[0].rdata,
		    list.items[0].length);
	} else {
		message_add(message, section == 'p' ? 1 : 2, name, number, (uint16_t)class, ttl, NULL, 0);
	}
	rdata_list_fini(&list);
}

static struct zone *
zone_of(const char *text)
{
	struct diags diags = { 0 };
	struct zone *zone = master_read(text, "z", apex, &diags);

	CU_ASSERT_FATAL(zone != NULL);
	diag_fini(&diags);
	return zone;
}

/* One line an edit: "OWNER TYPE TTL RDATA, RDATA", or "OWNER TYPE gone"; of an SOA its serial. */
static void
write_edits(const struct rrset_edit *edits, size_t count, struct text *out)
{
	char name[NAME_TEXT_SIZE], type[16];

	for (size_t i = 0; i < count; i++) {
		const uint8_t *wire = edits[i].rrset.wire;

		text_printf(out, "%s %s", name_text(edits[i].owner, name), rrtype_text(edits[i].type, type));
		if (edits[i].rrset.count == 0)
			text_puts(out, " gone");
		else if (edits[i].type == TYPE_SOA)
			text_printf(out, " %u", wire_get_u32(wire + wire_get_u16(wire) + 2 - 20));
		else
			text_printf(out, " %u", edits[i].rrset.ttl);
		for (unsigned r = 0; r < edits[i].rrset.count && edits[i].type != TYPE_SOA; r++) {
			text_puts(out, r == 0 ? " " : ", ");
			rdata_write(edits[i].type, wire + 2, wire_get_u16(wire), out);
			wire += 2 + wire_get_u16(wire);
		}
		text_puts(out, "\n");
	}
}

static uint16_t
plan(const struct message *message, const struct zone *zone, struct arena *arena, struct text *out)
{
	struct update *update = NULL;
	struct rrset_edit *edits = NULL;
	size_t count = 0;
	uint16_t rcode = update_read(arena, message->bytes, message->length, &update);

	if (rcode == RCODE_NOERROR)
		rcode = update_plan(update, zone, arena, &edits, &count);
	text_add(out, "", 0);
	write_edits(edits, rcode == RCODE_NOERROR ? count : 0, out);
	return rcode;
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

static void
test_rules(void)
{
	static const struct {
		const char *name, *lines[LINES_MAX];
		uint16_t rcode;
		const char *edits;	/* the serial's isn't written here when it's the first one: 10 */
	} rows[] = {
		{ "nothing is asked for", { NULL }, 0, "" },

		{ "2.4.1 the RRset exists", { "p 255 a 0 A" }, 0, "" },
		{ "2.4.1 and doesn't", { "p 255 a 0 MX" }, RCODE_NXRRSET, "" },
		{ "2.4.1 nor does its owner", { "p 255 b 0 MX" }, RCODE_NXRRSET, "" },
		{ "2.4.2 the RRset is this", { "p 1 a 0 A 192.0.2.2", "p 1 a 0 A 192.0.2.1" }, 0, "" },
		{ "2.4.2 names in RDATA in another case", { "p 1 @ 0 MX 10 mAIL" }, 0, "" },
		{ "2.4.2 but strings in theirs", { "p 1 a 0 TXT X" }, RCODE_NXRRSET, "" },
		{ "2.4.2 the RRset has more", { "p 1 a 0 A 192.0.2.2" }, RCODE_NXRRSET, "" },
		{ "2.4.2 the RRset has fewer", { "p 1 a 0 A 192.0.2.2", "p 1 a 0 A 192.0.2.1", "p 1 a 0 A 192.0.2.3" },
		  RCODE_NXRRSET, "" },
		{ "2.4.2 the same twice is once", { "p 1 a 0 TXT x", "p 1 a 0 TXT x" }, 0, "" },
		{ "2.4.2 two RRsets, one of them wrong", { "p 1 a 0 TXT x", "p 1 ns1 0 A 192.0.2.1" }, RCODE_NXRRSET, "" },
		{ "2.4.2 none is there", { "p 1 b 0 A 192.0.2.1" }, RCODE_NXRRSET, "" },
		{ "2.4.3 the RRset doesn't exist", { "p 254 a 0 MX" }, 0, "" },
		{ "2.4.3 and does", { "p 254 a 0 A" }, RCODE_YXRRSET, "" },
		{ "2.4.4 the name is in use", { "p 255 a 0 ANY" }, 0, "" },
		{ "2.4.4 and isn't", { "p 255 b 0 ANY" }, RCODE_NXDOMAIN, "" },
		{ "2.4.4 an empty non-terminal isn't", { "p 255 er.name 0 ANY" }, RCODE_NXDOMAIN, "" },
		{ "2.4.4 nor what a wildcard or DNAME would answer", { "p 255 x.d 0 ANY" }, RCODE_NXDOMAIN, "" },
		{ "2.4.5 the name isn't in use", { "p 254 b 0 ANY" }, 0, "" },
		{ "2.4.5 and is", { "p 254 a 0 ANY" }, RCODE_YXDOMAIN, "" },
		{ "3.2.5 others before values", { "p 1 b 0 A 192.0.2.1", "p 254 a 0 A" }, RCODE_YXRRSET, "" },
		{ "3.2.1 a TTL in a prerequisite", { "p 255 a 1 A" }, RCODE_FORMERR, "" },
		{ "3.2.1 RDATA where none may be", { "p 255 a 0 A 192.0.2.1" }, RCODE_FORMERR, "" },
		{ "3.2.2 and here", { "p 254 a 0 A 192.0.2.1" }, RCODE_FORMERR, "" },
		{ "3.2.3 a value without RDATA", { "p 1 a 0 A" }, RCODE_FORMERR, "" },
		{ "3.2.3 a value of all types", { "p 1 a 0 ANY" }, RCODE_FORMERR, "" },
		{ "3.2.5 another class", { "p 3 a 0 A 192.0.2.1" }, RCODE_FORMERR, "" },
		{ "3.2.5 outside of the zone", { "p 255 a.example.net. 0 A" }, RCODE_NOTZONE, "" },

		{ "3.4.1.1 outside of the zone", { "u 1 example.net. 0 A 192.0.2.1" }, RCODE_NOTZONE, "" },
		{ "3.4.1.3 the zone before the form", { "u 3 example.net. 0 A 192.0.2.1" }, RCODE_NOTZONE, "" },
		{ "3.4.1.3 the first error counts", { "u 3 a 0 A 192.0.2.1", "u 1 example.net. 0 A 192.0.2.1" },
		  RCODE_FORMERR, "" },
		{ "3.4.1.2 another class", { "u 3 a 0 A 192.0.2.1" }, RCODE_FORMERR, "" },
		{ "3.4.1.2 a meta type added", { "u 1 a 0 ANY" }, RCODE_FORMERR, "" },
		{ "3.4.1.2 another one", { "u 1 a 0 AXFR" }, RCODE_FORMERR, "" },
		{ "3.4.1.2 and deleted", { "u 255 a 0 MAILA" }, RCODE_FORMERR, "" },
		{ "3.4.1.2 or one record of it", { "u 254 a 0 ANY" }, RCODE_FORMERR, "" },
		{ "3.4.1.2 OPT is no type of records", { "u 1 a 0 OPT" }, RCODE_FORMERR, "" },
		{ "3.4.1.2 a TTL in a deletion", { "u 255 a 1 A" }, RCODE_FORMERR, "" },
		{ "3.4.1.2 RDATA where none may be", { "u 255 a 0 A 192.0.2.1" }, RCODE_FORMERR, "" },
		{ "3.4.1.2 a TTL in a deletion of one record", { "u 254 a 1 A 192.0.2.1" }, RCODE_FORMERR, "" },
		{ "3.4.1.2 an addition without RDATA", { "u 1 a 0 A" }, RCODE_FORMERR, "" },
		{ "3.4.1 nothing is done if one is wrong", { "u 1 b 0 A 192.0.2.1", "u 3 b 0 A 192.0.2.1" }, RCODE_FORMERR, "" },
		{ "3.2 nothing is done if a prerequisite fails", { "p 254 a 0 A", "u 1 b 0 A 192.0.2.1" }, RCODE_YXRRSET, "" },

		{ "2.5.1 an addition", { "u 1 B 61 A 192.0.2.1" }, 0, "b.example.com. A 61 192.0.2.1\n" },
		{ "2.5.1 to what is there", { "u 1 a 60 A 192.0.2.3" }, 0,
		  "a.example.com. A 60 192.0.2.1, 192.0.2.2, 192.0.2.3\n" },
		{ "2.5.1 the whole RRset gets the TTL", { "u 1 a 61 A 192.0.2.3" }, 0,
		  "a.example.com. A 61 192.0.2.1, 192.0.2.2, 192.0.2.3\n" },
		{ "3.4.2.2 a duplicate is ignored", { "u 1 a 60 A 192.0.2.1" }, 0, "" },
		{ "3.4.2.2 with a name in another case", { "u 1 @ 60 MX 10 MAIL" }, 0, "" },
		{ "3.4.2.2 but for its TTL", { "u 1 a 61 A 192.0.2.1" }, 0, "a.example.com. A 61 192.0.2.1, 192.0.2.2\n" },
		{ "2.5.2 a deleted RRset", { "u 255 a 0 A" }, 0, "a.example.com. A gone\n" },
		{ "2.5.2 that isn't there", { "u 255 a 0 MX" }, 0, "" },
		{ "2.5.3 a deleted name", { "u 255 a 0 ANY" }, 0, "a.example.com. A gone\na.example.com. TXT gone\n" },
		{ "2.5.3 that isn't there", { "u 255 er.name 0 ANY" }, 0, "" },
		{ "2.5.4 a deleted record", { "u 254 a 0 A 192.0.2.1" }, 0, "a.example.com. A 60 192.0.2.2\n" },
		{ "2.5.4 with a name in another case", { "u 254 @ 0 MX 10 MAIL" }, 0, "example.com. MX gone\n" },
		{ "2.5.4 that isn't there", { "u 254 a 0 A 192.0.2.3" }, 0, "" },
		{ "3.4.2 in their order", { "u 255 a 0 A", "u 1 a 5 A 192.0.2.9" }, 0, "a.example.com. A 5 192.0.2.9\n" },
		{ "3.4.2 and in the other", { "u 1 a 5 A 192.0.2.9", "u 255 a 0 A" }, 0, "a.example.com. A gone\n" },
		{ "3.4.2 what is undone is no change", { "u 255 a 0 A", "u 1 a 60 A 192.0.2.1", "u 1 a 60 A 192.0.2.2" }, 0, "" },
		{ "3.4.2 nor is this", { "u 1 b 60 A 192.0.2.1", "u 255 b 0 ANY" }, 0, "" },
		{ "RFC 2181 8 a TTL too large is none", { "u 1 b 2147483648 A 192.0.2.1" }, 0, "b.example.com. A 0 192.0.2.1\n" },
		{ "RFC 3597 an unknown type", { "u 1 b 60 TYPE65280 \\# 2 0102" }, 0, "b.example.com. TYPE65280 60 \\# 2 0102\n" },

		{ "3.4.2.2 CNAME beside others is ignored", { "u 1 a 60 CNAME b" }, 0, "" },
		{ "3.4.2.2 others beside CNAME too", { "u 1 alias 60 A 192.0.2.1" }, 0, "" },
		{ "3.4.2.2 one CNAME replaces the other", { "u 1 alias 60 CNAME b" }, 0,
		  "alias.example.com. CNAME 60 b.example.com.\n" },
		{ "3.4.2.2 in place of what is deleted", { "u 255 a 0 ANY", "u 1 a 60 CNAME b" }, 0,
		  "a.example.com. A gone\na.example.com. TXT gone\na.example.com. CNAME 60 b.example.com.\n" },
		{ "3.4.2.2 the other way", { "u 255 alias 0 CNAME", "u 1 alias 60 A 192.0.2.1" }, 0,
		  "alias.example.com. CNAME gone\nalias.example.com. A 60 192.0.2.1\n" },
		{ "RFC 6672 one DNAME replaces the other", { "u 1 d 60 DNAME example.org." }, 0,
		  "d.example.com. DNAME 60 example.org.\n" },
		{ "3.4.2.2 WKS by address and protocol", { "u 1 w 60 WKS 192.0.2.1 tcp domain", "u 1 w 60 WKS 192.0.2.1 udp domain" },
		  0, "w.example.com. WKS 60 \\# 12 c00002010600000000000004, \\# 12 c00002011100000000000004\n" },

		{ "3.4.2.2 a newer SOA", { "u 1 @ 60 SOA ns1 h 20 2 3 4 5" }, 0, "example.com. SOA 20\n" },
		{ "3.4.2.2 an older SOA is ignored", { "u 1 @ 60 SOA ns1 h 8 2 3 4 6" }, 0, "" },
		{ "3.4.2.2 so is one of the same serial", { "u 1 @ 60 SOA ns1 h 9 2 3 4 6" }, 0, "" },
		{ "3.4.2.2 by RFC 1982", { "u 1 @ 60 SOA ns1 h 2147483657 2 3 4 6" }, 0, "" },
		{ "3.4.2.2 away from the apex", { "u 1 a 60 SOA ns1 h 20 2 3 4 6" }, 0, "" },
		{ "3.6 a newer serial counts for all", { "u 1 @ 60 SOA ns1 h 20 2 3 4 5", "u 1 b 60 A 192.0.2.1" }, 0,
		  "example.com. SOA 20\nb.example.com. A 60 192.0.2.1\n" },
		{ "3.4.2.3 SOA and NS of the apex stay", { "u 255 @ 0 ANY" }, 0, "example.com. MX gone\n" },
		{ "3.4.2.3 by type too", { "u 255 @ 0 NS", "u 255 @ 0 SOA" }, 0, "" },
		{ "3.4.2.4 the last NS of the apex stays", { "u 254 @ 0 NS ns1" }, 0, "" },
		{ "3.4.2.4 but not if another was added", { "u 1 @ 60 NS ns2", "u 254 @ 0 NS ns1" }, 0,
		  "example.com. NS 60 ns2.example.com.\n" },
		{ "3.4.2.4 NS elsewhere goes", { "u 254 two 0 NS ns1" }, 0, "two.example.com. NS gone\n" },
		{ "3.4.2.4 the SOA stays", { "u 254 @ 0 SOA ns1 h 9 2 3 4 5" }, 0, "" },
	};
	struct zone *zone = zone_of(zone_of_tests);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena *arena = arena_new();
		struct message message;
		struct text edits = { 0 }, expected = { 0 };
		uint16_t rcode;

		message_begin(&message);
		for (unsigned l = 0; l < LINES_MAX && rows[i].lines[l] != NULL; l++)
			message_line(&message, rows[i].lines[l]);
		rcode = plan(&message, zone, arena, &edits);
		text_puts(&expected, rows[i].edits);
		if (expected.length > 0 && strstr(expected.bytes, "SOA") == NULL)
			text_puts(&expected, "example.com. SOA 10\n");
		SUITE_ROW(rows[i].name, rcode == rows[i].rcode);
		SUITE_ROW(rows[i].name, strcmp(edits.bytes, expected.bytes) == 0);
		SUITE_TEXT(edits.bytes, expected.bytes);
		text_fini(&edits);
		text_fini(&expected);
		arena_free(arena);
	}
	zone_release(zone);
}

/* --- form --------------------------------------------------------------------------------------------------------- */

static void
test_zone_section(void)
{
	static const struct { const char *name; uint16_t count, type, class, rcode; } rows[] = {
		{ "as it should be", 1, TYPE_SOA, CLASS_IN, RCODE_NOERROR },
		{ "another type", 1, TYPE_A, CLASS_IN, RCODE_FORMERR },
		{ "another class", 1, TYPE_SOA, CLASS_CH, RCODE_NOTAUTH },
		{ "no zone", 0, TYPE_SOA, CLASS_IN, RCODE_FORMERR },
		{ "two zones", 2, TYPE_SOA, CLASS_IN, RCODE_FORMERR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message message;
		uint8_t name[NAME_MAX];

		message_begin(&message);
		message.bytes[HEADER_SIZE + 1] = 'E';
		wire_put_u16(message.bytes + 4, rows[i].count);
		wire_put_u16(message.bytes + HEADER_SIZE + sizeof(apex), rows[i].type);
		wire_put_u16(message.bytes + HEADER_SIZE + sizeof(apex) + 2, rows[i].class);
		SUITE_ROW(rows[i].name, update_zone(message.bytes, message.length, name) == rows[i].rcode);
		SUITE_ROW(rows[i].name, rows[i].rcode != RCODE_NOERROR || memcmp(name, apex, sizeof(apex)) == 0);
	}
}

/* Every shorter message is an error, and no more than its octets are read. */
static void
test_truncated(void)
{
	struct message message;

	message_begin(&message);
	message_line(&message, "p 1 a 0 A 192.0.2.1");
	message_line(&message, "u 1 b 60 MX 10 mail.example.net.");
	message_line(&message, "u 255 a 0 A");
	for (size_t length = 0; length < message.length; length++) {
		struct arena *arena = arena_new();
		uint8_t *bytes = malloc(length + 1), name[NAME_MAX];
		struct update *update;

		memcpy(bytes, message.bytes, length);
		CU_ASSERT_EQUAL(update_read(arena, bytes, length, &update), RCODE_FORMERR);
		(void)!update_zone(bytes, length, name);
		free(bytes);
		arena_free(arena);
	}
}

static void
test_compressed(void)
{
	static const uint8_t mail[] = { 0, 10, 4, 'm', 'a', 'i', 'l', 0xc0, HEADER_SIZE };
	static const uint8_t svcb[] = { 0, 1, 0xc0, HEADER_SIZE };
	static const uint8_t owner[] = "\1b\7example\3com";
	struct zone *zone = zone_of(zone_of_tests);
	struct arena *arena = arena_new();
	struct message message;
	struct text edits = { 0 };

	message_begin(&message);
	message_add(&message, 2, owner, TYPE_MX, CLASS_IN, 60, mail, sizeof(mail));
	CU_ASSERT_EQUAL(plan(&message, zone, arena, &edits), RCODE_NOERROR);
	SUITE_TEXT(edits.bytes, "b.example.com. MX 60 10 mail.example.com.\nexample.com. SOA 10\n");
	text_fini(&edits);
	message_begin(&message);
	message_add(&message, 2, owner, TYPE_SVCB, CLASS_IN, 60, svcb, sizeof(svcb));
	CU_ASSERT_EQUAL(plan(&message, zone, arena, &edits), RCODE_FORMERR);
	text_fini(&edits);
	arena_free(arena);
	zone_release(zone);
}

static void
test_what_is_asked(void)
{
	static const struct { const char *line, *owner; uint16_t type; enum update_act act; } rows[] = {
		{ "u 1 A 60 A 192.0.2.1", "a.example.com.", TYPE_A, UPDATE_ADD },
		{ "u 255 a 0 A", "a.example.com.", TYPE_A, UPDATE_DELETE_RRSET },
		{ "u 255 a 0 ANY", "a.example.com.", TYPE_ANY, UPDATE_DELETE_NAME },
		{ "u 254 a 0 TXT x", "a.example.com.", TYPE_TXT, UPDATE_DELETE_RECORD },
	};
	struct arena *arena = arena_new();
	struct message message;
	struct update *update;
	char name[NAME_TEXT_SIZE];

	message_begin(&message);
	message_line(&message, "p 255 a 0 A");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		message_line(&message, rows[i].line);
	CU_ASSERT_EQUAL_FATAL(update_read(arena, message.bytes, message.length, &update), RCODE_NOERROR);
	CU_ASSERT_EQUAL_FATAL(update_count(update), ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct update_record record = update_at(update, i);

		SUITE_TEXT(name_text(record.owner, name), rows[i].owner);
		SUITE_ROW(rows[i].line, record.type == rows[i].type && record.act == rows[i].act);
	}
	arena_free(arena);
}

/* Signatures are records too, and stay with what they cover while that stays. */
static void
test_signatures(void)
{
	struct zone *zone = NULL;
	struct zone_builder *builder = zone_builder_new(apex);
	static const uint8_t soa[22 + 2], address[] = { 192, 0, 2, 1 }, signature[30] = { 0, TYPE_A, 13 };
	struct arena *arena = arena_new();
	struct message message;
	struct update *update;
	struct rrset_edit *edits;
	size_t count;

	CU_ASSERT_EQUAL(zone_builder_add(builder, apex, TYPE_SOA, 60, soa, 22), ZONE_ADDED);
	CU_ASSERT_EQUAL(zone_builder_add(builder, apex, TYPE_A, 60, address, 4), ZONE_ADDED);
	CU_ASSERT_EQUAL(zone_builder_add(builder, apex, TYPE_RRSIG, 60, signature, 30), ZONE_ADDED);
	CU_ASSERT_EQUAL_FATAL(zone_builder_freeze(builder, &zone), ZONE_OK);
	message_begin(&message);
	message_line(&message, "u 1 @ 60 A 192.0.2.2");
	CU_ASSERT_EQUAL(update_read(arena, message.bytes, message.length, &update), RCODE_NOERROR);
	CU_ASSERT_EQUAL(update_plan(update, zone, arena, &edits, &count), RCODE_NOERROR);
	CU_ASSERT_EQUAL_FATAL(count, 2);
	CU_ASSERT(edits[0].type == TYPE_A && edits[0].rrset.count == 2 && edits[0].rrset.signature_count == 1);
	message_begin(&message);
	message_line(&message, "u 255 @ 0 A");
	CU_ASSERT_EQUAL(update_read(arena, message.bytes, message.length, &update), RCODE_NOERROR);
	CU_ASSERT_EQUAL(update_plan(update, zone, arena, &edits, &count), RCODE_NOERROR);
	CU_ASSERT_EQUAL_FATAL(count, 3);
	CU_ASSERT(edits[0].type == TYPE_A && edits[0].rrset.count == 0);
	CU_ASSERT(edits[1].type == TYPE_RRSIG && edits[1].rrset.count == 1);	/* that covers nothing now */
	message_begin(&message);
	message_line(&message, "u 255 @ 0 A");
	message_line(&message, "u 255 @ 0 RRSIG");
	CU_ASSERT_EQUAL(update_read(arena, message.bytes, message.length, &update), RCODE_NOERROR);
	CU_ASSERT_EQUAL(update_plan(update, zone, arena, &edits, &count), RCODE_NOERROR);
	CU_ASSERT(count == 2 && edits[0].type == TYPE_A && edits[0].rrset.count == 0);
	message_begin(&message);
	message_line(&message, "p 255 @ 0 RRSIG");
	message_line(&message, "u 255 @ 0 RRSIG");
	CU_ASSERT_EQUAL(update_read(arena, message.bytes, message.length, &update), RCODE_NOERROR);
	CU_ASSERT_EQUAL(update_plan(update, zone, arena, &edits, &count), RCODE_NOERROR);
	CU_ASSERT(count == 2 && edits[0].type == TYPE_A && edits[0].rrset.count == 1
	    && edits[0].rrset.signature_count == 0);
	arena_free(arena);
	zone_release(zone);
}

/* --- beside a list of records ------------------------------------------------------------------------------------- */

/* A record as the RFC's pseudo code has it: text in canonical form. */
struct plain { char owner[32], type[12], rdata[64]; unsigned ttl; };
struct plain_zone { struct plain list[200]; size_t count; };

static uint64_t dice_state;

static unsigned
dice(unsigned sides)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice_state >> 33) % sides;
}

static void
plain_remove(struct plain_zone *zone, size_t i)
{
	memmove(&zone->list[i], &zone->list[i + 1], (--zone->count - i) * sizeof(zone->list[0]));
}

static size_t
plain_count(const struct plain_zone *zone, const char *owner, const char *type)
{
	size_t count = 0;

	for (size_t i = 0; i < zone->count; i++)
		count += strcmp(zone->list[i].owner, owner) == 0 && (type == NULL || strcmp(zone->list[i].type, type) == 0);
	return count;
}

static unsigned
serial_in(const char *rdata)
{
	unsigned serial = 0;

	(void)sscanf(rdata, "%*s %*s %u", &serial);
	return serial;
}

static void
plain_add(struct plain_zone *zone, const struct plain *wanted)
{
	bool cname = strcmp(wanted->type, "CNAME") == 0, soa = strcmp(wanted->type, "SOA") == 0, replaced = false;
	size_t cnames = plain_count(zone, wanted->owner, "CNAME");

	if (cname ? plain_count(zone, wanted->owner, NULL) > cnames : cnames > 0)
		return;
	if (soa && plain_count(zone, wanted->owner, "SOA") == 0)
		return;
	for (size_t i = 0; i < zone->count; i++) {
		struct plain *record = &zone->list[i];

		if (strcmp(record->owner, wanted->owner) != 0 || strcmp(record->type, wanted->type) != 0)
			continue;
		if (soa && serial_in(wanted->rdata) <= serial_in(record->rdata))
			return;
		record->ttl = wanted->ttl;
		if (cname || soa || strcasecmp(record->rdata, wanted->rdata) == 0) {
			if (strcasecmp(record->rdata, wanted->rdata) != 0)
				*record = *wanted;
			replaced = true;
		}
	}
	if (!replaced)
		zone->list[zone->count++] = *wanted;
}

static void
plain_delete(struct plain_zone *zone, unsigned class, const struct plain *wanted)
{
	bool apex_owner = strcmp(wanted->owner, "example.com.") == 0, all = strcmp(wanted->type, "ANY") == 0;

	for (size_t i = zone->count; i-- > 0;) {
		struct plain *record = &zone->list[i];

		if (strcmp(record->owner, wanted->owner) != 0 || (!all && strcmp(record->type, wanted->type) != 0))
			continue;
		if (class == CLASS_NONE && strcasecmp(record->rdata, wanted->rdata) != 0)
			continue;
		if (apex_owner && strcmp(record->type, "SOA") == 0)
			continue;
		if (apex_owner && strcmp(record->type, "NS") == 0
		    && (class == CLASS_ANY || plain_count(zone, "example.com.", "NS") == 1))
			continue;
		plain_remove(zone, i);
	}
}

/* All records of a zone, sorted, the serial left out. */
static void
plain_text(struct plain_zone *zone, struct text *out)
{
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 1; i < zone->count; i++) {
			struct plain *a = &zone->list[i - 1], *b = &zone->list[i], other;
			int order = strcmp(a->owner, b->owner);

			order = order != 0 ? order : strcmp(a->type, b->type);
			if ((order != 0 ? order : strcmp(a->rdata, b->rdata)) <= 0)
				continue;
			other = *a;
			*a = *b;
			*b = other;
			again = true;
		}
	}
	text_add(out, "", 0);
	for (size_t i = 0; i < zone->count; i++)
		text_printf(out, "%s %s %u %s\n", zone->list[i].owner, zone->list[i].type, zone->list[i].ttl,
		    strcmp(zone->list[i].type, "SOA") == 0 ? "" : zone->list[i].rdata);
}

static void
plain_from(const struct zone *zone, struct plain_zone *plain)
{
	for (size_t n = 0; n < zone_node_count(zone); n++) {
		const struct node *node = zone_node_at(zone, n);

		for (unsigned i = 0; i < node->rrset_count; i++) {
			const uint8_t *wire = node->rrsets[i].wire;

			for (unsigned r = 0; r < node->rrsets[i].count; r++) {
				struct plain *record = &plain->list[plain->count++];
				struct text rdata = { 0 };
				char name[NAME_TEXT_SIZE], type[16];

				rdata_write(node->rrsets[i].type, wire + 2, wire_get_u16(wire), &rdata);
				snprintf(record->owner, sizeof(record->owner), "%s", name_text(node->name, name));
				snprintf(record->type, sizeof(record->type), "%s", rrtype_text(node->rrsets[i].type, type));
				snprintf(record->rdata, sizeof(record->rdata), "%s", rdata.bytes);
				record->ttl = node->rrsets[i].ttl;
				text_fini(&rdata);
				wire += 2 + wire_get_u16(wire);
			}
		}
	}
}

static void
random_line(struct message *message, struct plain_zone *plain, struct text *log)
{
	static const char *const names[] = { "example.com.", "a.example.com.", "b.a.example.com.", "alias.example.com." };
	static const char *const types[] = { "A", "A", "TXT", "CNAME", "NS", "MX", "SOA", "ANY" };
	struct plain wanted = { .ttl = 60 + dice(2) };
	const char *type = types[dice(ARRAY_SIZE(types))];
	unsigned class = dice(2) == 0 ? CLASS_IN : dice(2) == 0 ? CLASS_ANY : CLASS_NONE, which = dice(3);
	char line[256];

	if (strcmp(type, "ANY") == 0)
		class = CLASS_ANY;
	snprintf(wanted.owner, sizeof(wanted.owner), "%s", names[dice(ARRAY_SIZE(names))]);
	snprintf(wanted.type, sizeof(wanted.type), "%s", type);
	if (strcmp(type, "A") == 0)
		snprintf(wanted.rdata, sizeof(wanted.rdata), "192.0.2.%u", which);
	else if (strcmp(type, "TXT") == 0)
		snprintf(wanted.rdata, sizeof(wanted.rdata), "\"%u\"", which);
	else if (strcmp(type, "MX") == 0)
		snprintf(wanted.rdata, sizeof(wanted.rdata), "10 %cail.example.com.", "mMn"[which]);
	else if (strcmp(type, "SOA") == 0)
		snprintf(wanted.rdata, sizeof(wanted.rdata), "ns1.example.com. h.example.com. %u 2 3 4 5", 8 + dice(6));
	else
		snprintf(wanted.rdata, sizeof(wanted.rdata), "ns%u.example.com.", which);
	snprintf(line, sizeof(line), "u %u %s %u %s %s", class, wanted.owner, class == CLASS_IN ? wanted.ttl : 0, type,
	    class == CLASS_ANY ? "" : wanted.rdata);
	message_line(message, line);
	if (strcmp(type, "MX") == 0)
		snprintf(wanted.rdata, sizeof(wanted.rdata), "10 %cail.example.com.", "mmn"[which]);
	text_printf(log, "%s\n", line);
	if (class == CLASS_IN)
		plain_add(plain, &wanted);
	else
		plain_delete(plain, class, &wanted);
}

static void
random_round(const struct zone *zone)
{
	struct message message;
	struct plain_zone plain = { .count = 0 }, updated = { .count = 0 };
	struct text expected = { 0 }, actual = { 0 }, log = { 0 };
	struct arena *arena = arena_new();
	struct update *update;
	struct rrset_edit *edits;
	struct zone *edited;
	size_t count;
	unsigned lines = 1 + dice(12);

	message_begin(&message);
	plain_from(zone, &plain);
	for (unsigned i = 0; i < lines; i++)
		random_line(&message, &plain, &log);
	CU_ASSERT_EQUAL_FATAL(update_read(arena, message.bytes, message.length, &update), RCODE_NOERROR);
	CU_ASSERT_EQUAL_FATAL(update_plan(update, zone, arena, &edits, &count), RCODE_NOERROR);
	CU_ASSERT_EQUAL_FATAL(zone_edit(zone, edits, count, &edited), ZONE_EDITED);
	plain_from(edited, &updated);
	plain_text(&plain, &expected);
	plain_text(&updated, &actual);
	CU_ASSERT_EQUAL(zone_serial(edited) != zone_serial(zone), count > 0);
	if (strcmp(expected.bytes, actual.bytes) != 0) {
		printf("# %s", log.bytes);
		SUITE_TEXT(actual.bytes, expected.bytes);
	}
	zone_release(edited);
	arena_free(arena);
	text_fini(&expected);
	text_fini(&actual);
	text_fini(&log);
}

static void
test_random(void)
{
	struct zone *zone = zone_of(zone_of_tests);
	unsigned rounds = suite_rounds(3000);

	for (unsigned i = 0; i < rounds; i++) {
		dice_state = i;
		dice(2);
		random_round(zone);
	}
	zone_release(zone);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ "RFC 2136, rule by rule", test_rules },
		{ "the zone section names one zone", test_zone_section },
		{ "a message that ends early is a form error", test_truncated },
		{ "names in RDATA may be compressed, of old types", test_compressed },
		{ "what is asked for can be looked at", test_what_is_asked },
		{ "signatures are records as others", test_signatures },
		{ "random updates do what they do to a list of records", test_random },
	};

	return suite_run("update", cases, ARRAY_SIZE(cases));
}
