/* test_incoming.c -- transfer/incoming, patch and message_reader: every kind of answer to SOA, IXFR and AXFR, cut into
 * messages in every way that servers do; everything that may be wrong with one, in words; signatures of each message or
 * of some; what our own outgoing.c sends comes in again. */
#include "transfer/incoming.h"

#include "base/text.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "suite.h"
#include "transfer/message_reader.h"
#include "transfer/outgoing.h"
#include "transfer/record_writer.h"
#include "zone/master_read.h"
#include "zone/master_write.h"

#define NOW 1700000000u
#define ID 0x1234
#define MESSAGES_MAX 300

static const uint8_t apex[] = "\7example";
static struct tsig_key key = { .text = "k.", .name = "\1k", .algorithm = TSIG_SHA256, .secret_length = 4,
	.secret = "abcd" };

/* --- messages from a script ------------------------------------------------------------------------------------- */

struct message { size_t length; uint8_t bytes[4096]; };
struct script { size_t count; struct message messages[MESSAGES_MAX]; };

static uint8_t *
soa(uint32_t serial)
{
	static uint8_t rdata[] = "\2ns\7example\0\4root\0" "\0\0\0\0" "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4";

	wire_put_u32(rdata + 18, serial);
	return rdata;
}

#define SOA_LENGTH 38

/* Words: "S7" the SOA with the serial 7; "n" the apex' NS; "a1" A 192.0.2.1 of a.example; "A1" the same with the TTL 9;
 * "g1" RRSIG over A of a.example, "m1" over the MX that it hasn't; "h1" NSEC3 of a hash; "o1" one outside; "c1" of the
 * class CH; "x1" RDATA that isn't of its type; "t1" a type that isn't data; "z1" an SOA away from the apex. */
static bool
put(struct record_writer *writer, const char *word)
{
	static uint8_t rdata[64];
	unsigned number = (unsigned)strtoul(word + 1, NULL, 10);
	struct resource_record r = { .owner = (const uint8_t *)"\1a\7example", .type = TYPE_A, .ttl = 60,
		.rdlength = 4, .rdata = rdata };
	bool done;

	memcpy(rdata, "\300\0\2", 3);
	rdata[3] = (uint8_t)number;
	switch (*word) {
	case 'S':
	case 'z':
		r = (struct resource_record){ *word == 'S' ? apex : r.owner, TYPE_SOA, SOA_LENGTH, 60, soa(number) };
		break;
	case 'n':
		r = (struct resource_record){ apex, TYPE_NS, 12, 60, (const uint8_t *)"\2ns\7example" };
		break;
	case 'A':
		r.ttl = 9;
		break;
	case 'b':
		r.owner = (const uint8_t *)"\1b\7example";
		break;
	case 'g':
	case 'm':
		memset(rdata, 0, sizeof(rdata));
		rdata[1] = *word == 'g' ? TYPE_A : TYPE_MX;
		rdata[2] = 13;
		rdata[3] = 2;
		rdata[17] = (uint8_t)number;
		memcpy(rdata + 18, "\7example", 9);
		r.type = TYPE_RRSIG;
		r.rdlength = 18 + 9 + 4;
		break;
	case 'h':
		memcpy(rdata, "\1\0\0\0\0\4abcd\0\1\100", 13);
		rdata[9] = (uint8_t)('a' + number);
		r = (struct resource_record){ (const uint8_t *)"\4c5h0\7example", TYPE_NSEC3, 13, 60, rdata };
		break;
	case 'o':
		r.owner = (const uint8_t *)"\5other";
		break;
	case 'x':
		r.rdlength = 3;
		break;
	case 't':
		r.type = TYPE_ANY;
		break;
	default:
		break;
	}
	done = record_writer_put(writer, &r);
	if (*word == 'c' && done)
		wire_put_u16(writer->bytes + writer->at - 12, CLASS_CH);
	return done;
}

/* Messages are divided by '|'; "-" leaves out the question. */
static void
compose(struct script *script, const char *text, uint16_t type)
{
	char *copy = strdup(text), *rest = copy, *part;

	script->count = 0;
	while ((part = strsep(&rest, "|")) != NULL) {
		struct message *m = &script->messages[script->count++];
		struct record_writer writer;
		char *word;
		bool asks = strchr(part, '-') == NULL;
		size_t at = HEADER_SIZE;

		memset(m->bytes, 0, HEADER_SIZE);
		wire_put_u16(m->bytes, ID);
		wire_put_u16(m->bytes + 2, FLAG_QR | FLAG_AA);
		wire_put_u16(m->bytes + 4, asks);
		if (asks) {
			memcpy(m->bytes + at, apex, sizeof(apex));
			wire_put_u16(m->bytes + at + sizeof(apex), type);
			wire_put_u16(m->bytes + at + sizeof(apex) + 2, CLASS_IN);
			at += sizeof(apex) + 4;
		}
		record_writer_begin(&writer, m->bytes, at, sizeof(m->bytes) - TSIG_ROOM_MAX);
		while ((word = strsep(&part, " ")) != NULL)
			if (*word != '\0' && *word != '-' && !put(&writer, word))
				abort();
		wire_put_u16(m->bytes + 6, writer.count);
		m->length = writer.at;
	}
	free(copy);
}

static struct zone *
zone_of(const char *text)
{
	struct zone_builder *builder = zone_builder_new(apex);
	struct script script;
	struct message_reader reader;
	struct resource_record record;
	struct zone *zone = NULL;

	compose(&script, text, TYPE_AXFR);
	message_reader_init(&reader, script.messages[0].bytes, script.messages[0].length);
	reader.wire.at += sizeof(apex) + 4;
	for (unsigned i = 0; i < wire_get_u16(script.messages[0].bytes + 6); i++) {
		CU_ASSERT_TRUE_FATAL(message_reader_next(&reader, &record));
		CU_ASSERT_EQUAL(zone_builder_add(builder, record.owner, record.type, record.ttl, record.rdata,
		    record.rdlength), ZONE_ADDED);
	}
	CU_ASSERT_EQUAL_FATAL(zone_builder_freeze(builder, &zone), ZONE_OK);
	return zone;
}

/* --- what came of it -------------------------------------------------------------------------------------------- */

/* "a A 60 1 2 (1) -> ..." by owner and type. */
static void
describe_set(struct text *out, const uint8_t *owner, const struct rrset *set)
{
	char name[NAME_TEXT_SIZE];
	const uint8_t *wire = set->wire;

	text_printf(out, "%s%s%u %u", out->length > 0 ? "; " : "", name_text(owner, name), set->type,
	    set->count == 0 ? 0 : (unsigned)set->ttl);
	for (unsigned i = 0; i < set->count; i++, wire += 2 + wire_get_u16(wire))
		text_printf(out, " %u", set->type == TYPE_SOA ? wire[2 + 18 + 3] : set->type == TYPE_RRSIG ? wire[2 + 17]
		    : set->type == TYPE_NSEC3 ? wire[2 + 9] - 'a' : wire[2 + wire_get_u16(wire) - 1]);
	wire = set->signatures;
	for (unsigned i = 0; i < set->signature_count; i++, wire += 2 + wire_get_u16(wire))
		text_printf(out, " (%u)", wire[2 + 17]);
}

static const char *const steps[] = {
	[INCOMING_MORE] = "more", [INCOMING_FOREIGN] = "foreign", [INCOMING_TRUNCATED] = "truncated",
	[INCOMING_ANSWERED] = "answered", [INCOMING_CURRENT] = "current", [INCOMING_ZONE] = "zone",
	[INCOMING_EDITS] = "edits", [INCOMING_AGAIN_PLAIN] = "plain", [INCOMING_AGAIN_WHOLE] = "whole",
	[INCOMING_FAILED] = "failed",
};

static char *
describe(struct incoming *in, enum incoming_step step)
{
	struct text out = { 0 };

	if (step == INCOMING_ZONE) {
		struct zone *zone = NULL;

		CU_ASSERT_EQUAL_FATAL(zone_builder_freeze(incoming_take(in), &zone), ZONE_OK);
		for (size_t i = 0; i < zone_node_count(zone); i++)
			for (unsigned k = 0; k < zone_node_at(zone, i)->rrset_count; k++)
				describe_set(&out, zone_node_at(zone, i)->name, &zone_node_at(zone, i)->rrsets[k]);
		zone_release(zone);
	} else if (step == INCOMING_EDITS) {
		const struct rrset_edit *edits;
		size_t count;

		incoming_edits(in, &edits, &count);
		for (size_t i = 0; i < count; i++)
			describe_set(&out, edits[i].owner, &edits[i].rrset);
	} else if (step == INCOMING_ANSWERED) {
		text_printf(&out, "%u", (unsigned)incoming_serial(in));
	} else {
		text_puts(&out, incoming_trouble(in));
	}
	return text_take(&out);
}

struct exchange {
	const char *name;
	enum incoming_kind kind;
	const char *base;		/* NULL: nothing is there */
	const char *sent;
	enum incoming_step step;
	const char *what;		/* NULL: any */
	/* Changed in the message `at`. */
	size_t at;
	uint16_t id, rcode, flags, type;
	size_t cut;			/* octets from the end */
	size_t octets_most;
	bool datagram, any_serial, plain;
};

#define BASE "S3 n a1 a2 g1"

static const struct exchange exchanges[] = {
	{ .name = "SOA", .sent = "S7", .step = INCOMING_ANSWERED, .what = "7" },
	{ .name = "SOA, and something beside it", .sent = "S7 o1 g1", .step = INCOMING_ANSWERED, .what = "7" },
	{ .name = "SOA: none", .sent = "", .step = INCOMING_FAILED, .what = "its answer has no SOA" },
	{ .name = "SOA: another record", .sent = "n", .step = INCOMING_FAILED,
		.what = "its answer doesn't begin with the SOA" },
	{ .name = "SOA: truncated by UDP", .sent = "S7", .step = INCOMING_TRUNCATED, .what = "", .flags = FLAG_TC,
		.datagram = true },
	{ .name = "SOA: another's answer by UDP", .sent = "S7", .step = INCOMING_FOREIGN, .what = "", .id = 5,
		.datagram = true },
	{ .name = "SOA: another question by UDP", .sent = "S7", .step = INCOMING_FOREIGN, .what = "",
		.type = TYPE_NS, .datagram = true },
	{ .name = "SOA: refused", .sent = "", .step = INCOMING_FAILED, .what = "it answers for the SOA with REFUSED",
		.rcode = RCODE_REFUSED },
	{ .name = "SOA: no EDNS", .sent = "", .step = INCOMING_AGAIN_PLAIN, .rcode = RCODE_FORMERR },
	{ .name = "SOA: nor without it", .sent = "", .step = INCOMING_FAILED, .what = "it answers for the SOA with FORMERR",
		.rcode = RCODE_FORMERR, .plain = true },
	{ .name = "AXFR in one message", .kind = INCOMING_WHOLE, .sent = "S7 n a1 S7", .step = INCOMING_ZONE,
		.what = "example.2 60 0; example.6 60 7; a.example.1 60 1" },
	{ .name = "AXFR in many", .kind = INCOMING_WHOLE, .sent = "S7|n|- a1|- a2 b1|S7", .step = INCOMING_ZONE,
		.what = "example.2 60 0; example.6 60 7; a.example.1 60 1 2; b.example.1 60 1" },
	{ .name = "AXFR: an empty message between", .kind = INCOMING_WHOLE, .sent = "S7 n||S7", .step = INCOMING_ZONE },
	{ .name = "AXFR: the same record twice", .kind = INCOMING_WHOLE, .sent = "S7 n a1 a1 S7", .step = INCOMING_ZONE,
		.what = "example.2 60 0; example.6 60 7; a.example.1 60 1" },
	{ .name = "AXFR: TTLs that differ", .kind = INCOMING_WHOLE, .sent = "S7 n a1 A2 S7", .step = INCOMING_ZONE,
		.what = "example.2 60 0; example.6 60 7; a.example.1 60 1 2" },
	{ .name = "AXFR: signatures", .kind = INCOMING_WHOLE, .sent = "S7 n g1 a1 S7", .step = INCOMING_ZONE,
		.what = "example.2 60 0; example.6 60 7; a.example.1 60 1 (1)" },
	{ .name = "AXFR: newer than ours", .kind = INCOMING_WHOLE, .base = BASE, .sent = "S4 n S4", .step = INCOMING_ZONE },
	{ .name = "AXFR: ours", .kind = INCOMING_WHOLE, .base = BASE, .sent = "S3 n S3", .step = INCOMING_CURRENT,
		.what = "" },
	{ .name = "AXFR: ours, and it's wanted", .kind = INCOMING_WHOLE, .base = BASE, .sent = "S3 n S3",
		.step = INCOMING_ZONE, .any_serial = true },
	{ .name = "AXFR: older than ours", .kind = INCOMING_WHOLE, .base = BASE, .sent = "S2 n S2", .step = INCOMING_FAILED,
		.what = "its serial 2 is older than the one in service, 3" },
	{ .name = "AXFR: older, and it's wanted", .kind = INCOMING_WHOLE, .base = BASE, .sent = "S2 n S2",
		.step = INCOMING_ZONE, .any_serial = true },
	{ .name = "AXFR: not all yet", .kind = INCOMING_WHOLE, .sent = "S7 n a1", .step = INCOMING_MORE, .what = "" },
	{ .name = "AXFR: another SOA at the end", .kind = INCOMING_WHOLE, .sent = "S7 n|S8", .step = INCOMING_FAILED,
		.what = "the SOA at the end is another (serial 8, and 7 at the beginning): the zone has changed meanwhile" },
	{ .name = "AXFR: records behind the end", .kind = INCOMING_WHOLE, .sent = "S7 n S7 a1", .step = INCOMING_FAILED,
		.what = "there are records behind the SOA at the end" },
	{ .name = "AXFR: nothing", .kind = INCOMING_WHOLE, .sent = "", .step = INCOMING_FAILED,
		.what = "its answer has no records" },
	{ .name = "AXFR: no SOA first", .kind = INCOMING_WHOLE, .sent = "n S7", .step = INCOMING_FAILED,
		.what = "its answer doesn't begin with the SOA" },
	{ .name = "AXFR: outside the zone", .kind = INCOMING_WHOLE, .sent = "S7 o1 S7", .step = INCOMING_FAILED,
		.what = "'other.' A is outside the zone" },
	{ .name = "AXFR: another class", .kind = INCOMING_WHOLE, .sent = "S7 c1 S7", .step = INCOMING_FAILED,
		.what = "'a.example.' A isn't of the class IN" },
	{ .name = "AXFR: broken RDATA", .kind = INCOMING_WHOLE, .sent = "S7 x1 S7", .step = INCOMING_FAILED,
		.what = "'a.example.' A has RDATA that isn't of its type" },
	{ .name = "AXFR: no data", .kind = INCOMING_WHOLE, .sent = "S7 t1 S7", .step = INCOMING_FAILED,
		.what = "'a.example.' has a record of the type ANY, which no zone can hold" },
	{ .name = "AXFR: an SOA below", .kind = INCOMING_WHOLE, .sent = "S7 z7 S7", .step = INCOMING_FAILED,
		.what = "'a.example.' has an SOA, and isn't the apex" },
	{ .name = "AXFR: another ID", .kind = INCOMING_WHOLE, .sent = "S7|n|S7", .step = INCOMING_FAILED,
		.what = "its message 2 isn't an answer to this request", .at = 1, .id = 9 },
	{ .name = "AXFR: another question", .kind = INCOMING_WHOLE, .sent = "S7|n|S7", .step = INCOMING_FAILED,
		.what = "its message 2 has another question", .at = 1, .type = TYPE_IXFR },
	{ .name = "AXFR: no question at first", .kind = INCOMING_WHOLE, .sent = "- S7|n|S7", .step = INCOMING_FAILED,
		.what = "its message 1 has another question" },
	{ .name = "AXFR: refused", .kind = INCOMING_WHOLE, .sent = "", .step = INCOMING_FAILED,
		.what = "it answers AXFR with REFUSED", .rcode = RCODE_REFUSED },
	{ .name = "AXFR: given up in the middle", .kind = INCOMING_WHOLE, .sent = "S7 n|", .step = INCOMING_FAILED,
		.what = "it answers AXFR with SERVFAIL", .at = 1, .rcode = RCODE_SERVFAIL },
	{ .name = "AXFR: an rcode without a name", .kind = INCOMING_WHOLE, .sent = "", .step = INCOMING_FAILED,
		.what = "it answers with the rcode 12", .rcode = 12 },
	{ .name = "AXFR: truncated", .kind = INCOMING_WHOLE, .sent = "S7 n S7", .step = INCOMING_FAILED,
		.what = "it cut message 1 short", .flags = FLAG_TC },
	{ .name = "AXFR: an UPDATE", .kind = INCOMING_WHOLE, .sent = "S7 n S7", .step = INCOMING_FAILED,
		.what = "its answer has the opcode 5", .flags = OPCODE_UPDATE << 11 },
	{ .name = "AXFR: cut in a record", .kind = INCOMING_WHOLE, .sent = "S7 n a1", .step = INCOMING_FAILED,
		.what = "its message 1 is broken at record 3", .cut = 1 },
	{ .name = "AXFR: no header", .kind = INCOMING_WHOLE, .sent = "", .step = INCOMING_FAILED,
		.what = "it sent 3 octets, which is no message", .cut = 9 + sizeof(apex) + 4 },
	{ .name = "AXFR: too large", .kind = INCOMING_WHOLE, .sent = "S7 n a1|a2|b1|S7", .step = INCOMING_FAILED,
		.what = "it sends more than 100 octets, the most that this zone may have", .octets_most = 100 },
	{ .name = "IXFR: ours", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S3", .step = INCOMING_CURRENT,
		.what = "" },
	{ .name = "IXFR: older", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S1", .step = INCOMING_FAILED,
		.what = "its serial 1 is older than the one in service, 3" },
	{ .name = "IXFR: a difference", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 a1 S4 b7 S4",
		.step = INCOMING_EDITS, .what = "a.example.1 60 2 (1); example.6 60 4; b.example.1 60 7" },
	{ .name = "IXFR: cut anywhere", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4|S3|- a1|- S4|- b7|S4",
		.step = INCOMING_EDITS, .what = "a.example.1 60 2 (1); example.6 60 4; b.example.1 60 7" },
	{ .name = "IXFR: two differences", .kind = INCOMING_DIFFERENCES, .base = BASE,
		.sent = "S5 S3 a1 S4 b7 a3 S4 a3 b7 S5 b8 S5", .step = INCOMING_EDITS,
		.what = "a.example.1 60 2 (1); example.6 60 5; b.example.1 60 8" },
	{ .name = "IXFR: nothing but the serial", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 S4 S4",
		.step = INCOMING_EDITS, .what = "example.6 60 4" },
	{ .name = "IXFR: all of a name goes", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 a1 a2 g1 S4 S4",
		.step = INCOMING_EDITS, .what = "a.example.1 0; example.6 60 4" },
	{ .name = "IXFR: another TTL", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 a1 a2 S4 A1 A2 S4",
		.step = INCOMING_EDITS, .what = "a.example.1 9 1 2 (1); example.6 60 4" },
	{ .name = "IXFR: another signature", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 g1 S4 g2 S4",
		.step = INCOMING_EDITS, .what = "a.example.1 60 1 2 (2); example.6 60 4" },
	{ .name = "IXFR: a signature of nothing", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 S4 m5 S4",
		.step = INCOMING_EDITS, .what = "example.6 60 4; a.example.15 0; a.example.46 60 5" },
	{ .name = "IXFR: it goes again", .kind = INCOMING_DIFFERENCES, .base = "S3 n a1 m5", .sent = "S4 S3 m5 S4 S4",
		.step = INCOMING_EDITS, .what = "a.example.15 0; example.6 60 4; a.example.46 0" },
	{ .name = "IXFR: what a signature covers goes", .kind = INCOMING_DIFFERENCES, .base = BASE,
		.sent = "S4 S3 a1 a2 S4 S4", .step = INCOMING_EDITS,
		.what = "a.example.1 0; example.6 60 4; a.example.46 60 1" },
	{ .name = "IXFR: NSEC3", .kind = INCOMING_DIFFERENCES, .base = "S3 n h1", .sent = "S4 S3 h1 S4 h2 S4",
		.step = INCOMING_EDITS, .what = "c5h0.example.50 60 2; example.6 60 4" },
	{ .name = "IXFR: the zone", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S7 n a1 S7", .step = INCOMING_ZONE,
		.what = "example.2 60 0; example.6 60 7; a.example.1 60 1" },
	{ .name = "IXFR: the zone in many messages", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S7|n|a1 S7",
		.step = INCOMING_ZONE },
	{ .name = "IXFR: the zone is empty", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S7 S7",
		.step = INCOMING_ZONE, .what = "example.6 60 7" },
	{ .name = "IXFR: from another serial", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S7 S6 S7 S7",
		.step = INCOMING_AGAIN_WHOLE,
		.what = "its difference begins with the serial 6, and 3 is what it must fit" },
	{ .name = "IXFR: a gap", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S7 S3 S4 S5 S7 S7",
		.step = INCOMING_AGAIN_WHOLE,
		.what = "its difference begins with the serial 5, and 4 is what it must fit" },
	{ .name = "IXFR: what goes isn't there", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 a9 S4 S4",
		.step = INCOMING_AGAIN_WHOLE, .what = "its difference takes away 'a.example.' A, which isn't there" },
	{ .name = "IXFR: what comes is there", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 S4 a1 S4",
		.step = INCOMING_EDITS, .what = "example.6 60 4; a.example.1 60 1 2 (1)" },
	{ .name = "IXFR: another end", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 a1 S4 S9",
		.step = INCOMING_FAILED,
		.what = "the SOA at the end of the differences (serial 9) isn't that of their beginning, 4" },
	{ .name = "IXFR: not all yet", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 a1 S4 b1",
		.step = INCOMING_MORE, .what = "" },
	{ .name = "IXFR: not all yet, the SOA alone", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4",
		.step = INCOMING_MORE, .what = "" },
	{ .name = "IXFR: more behind it", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 a1 S4 S4|b1",
		.step = INCOMING_EDITS },
	{ .name = "IXFR: more behind it in the message", .kind = INCOMING_DIFFERENCES, .base = BASE,
		.sent = "S4 S3 a1 S4 S4 b1", .step = INCOMING_FAILED,
		.what = "there are records behind the SOA at the end" },
	{ .name = "IXFR: unknown to the server", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "",
		.step = INCOMING_AGAIN_WHOLE, .what = "it answers IXFR with NOTIMP", .rcode = RCODE_NOTIMP },
	{ .name = "IXFR: outside the zone", .kind = INCOMING_DIFFERENCES, .base = BASE, .sent = "S4 S3 o1 S4 S4",
		.step = INCOMING_FAILED, .what = "'other.' A is outside the zone" },
};static struct incoming *
begin(const struct exchange *x, const struct zone *base, const struct tsig_key *with)
{
	struct incoming *in = incoming_new(&(struct incoming_wish){ .kind = x->kind, .apex = apex, .base = base,
		.any_serial = x->any_serial, .plain = x->plain, .stream = !x->datagram, .key = with,
		.octets_most = x->octets_most > 0 ? x->octets_most : 1 << 20, .id = ID });

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	return in;
}

static void
change(struct message *m, const struct exchange *x)
{
	if (x->id != 0)
		wire_put_u16(m->bytes, x->id);
	wire_put_u16(m->bytes + 2, wire_get_u16(m->bytes + 2) | x->flags | x->rcode);
	if (x->type != 0)
		wire_put_u16(m->bytes + HEADER_SIZE + sizeof(apex), x->type);
	m->length -= x->cut;
}

static void
test_exchanges(void)
{
	static const uint16_t types[] = { TYPE_SOA, TYPE_IXFR, TYPE_AXFR };
	static struct script script;

	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++) {
		const struct exchange *x = &exchanges[i];
		struct zone *base = x->base == NULL ? NULL : zone_of(x->base);
		struct incoming *in = begin(x, base, NULL);
		uint8_t request[INCOMING_REQUEST_MAX];
		enum incoming_step step = INCOMING_MORE;
		char *what, row[400];

		compose(&script, x->sent, types[x->kind]);
		change(&script.messages[x->at], x);
		(void)incoming_request(in, request, NOW);
		for (size_t k = 0; k < script.count && step == INCOMING_MORE; k++) {
			/* An exact copy: the address sanitizer sees what is read too far. */
			uint8_t *copy = malloc(script.messages[k].length);

			memcpy(copy, script.messages[k].bytes, script.messages[k].length);
			step = incoming_message(in, copy, script.messages[k].length, NOW);
			free(copy);
		}
		what = describe(in, step);
		snprintf(row, sizeof(row), "%s: %s '%.200s'", x->name, steps[step], what == NULL ? "" : what);
		SUITE_ROW(row, step == x->step);
		SUITE_ROW(row, x->what == NULL || strcmp(what == NULL ? "" : what, x->what) == 0);
		free(what);
		incoming_free(in);
		zone_release(base);
	}
}

/* --- requests --------------------------------------------------------------------------------------------------- */

static void
test_requests(void)
{
	struct zone *base = zone_of(BASE);
	uint8_t request[INCOMING_REQUEST_MAX];
	struct incoming *in = begin(&(struct exchange){ .kind = INCOMING_DIFFERENCES }, base, NULL);
	struct message_reader reader;
	struct resource_record record;
	const uint8_t *name;
	uint16_t type, class;
	size_t length = incoming_request(in, request, NOW);

	message_reader_init(&reader, request, length);
	CU_ASSERT_TRUE(message_reader_question(&reader, &name, &type, &class));
	CU_ASSERT_EQUAL(type, TYPE_IXFR);
	CU_ASSERT_TRUE(message_reader_next(&reader, &record));
	CU_ASSERT_EQUAL(record.type, TYPE_SOA);
	CU_ASSERT_TRUE(record.rdlength == SOA_LENGTH && memcmp(record.rdata, soa(3), SOA_LENGTH) == 0);
	CU_ASSERT_TRUE(message_reader_next(&reader, &record));
	CU_ASSERT_EQUAL(record.type, TYPE_OPT);
	CU_ASSERT_TRUE(record.rdlength == 4 && memcmp(record.rdata, "\0\11\0\0", 4) == 0);
	CU_ASSERT_EQUAL(reader.wire.at, length);
	incoming_free(in);
	in = incoming_new(&(struct incoming_wish){ .kind = INCOMING_WHOLE, .apex = apex, .stream = true, .padded = true,
		.octets_most = 1, .id = ID });
	CU_ASSERT_EQUAL(incoming_request(in, request, NOW) % 128, 0);
	incoming_free(in);
	in = begin(&(struct exchange){ .kind = INCOMING_SOA, .plain = true }, NULL, NULL);
	CU_ASSERT_EQUAL(incoming_request(in, request, NOW), HEADER_SIZE + sizeof(apex) + 4);
	incoming_free(in);
	zone_release(base);
}

static void
test_expire(void)
{
	static struct script script;
	struct incoming *in = begin(&(struct exchange){ .kind = INCOMING_SOA }, NULL, NULL);
	struct message *m = &script.messages[0];
	uint32_t seconds;

	compose(&script, "S7", TYPE_SOA);
	memcpy(m->bytes + m->length, "\0\0\51\4\320\0\0\0\0\0\14\0\12\0\0\0\11\0\4\0\1\2\3", 23);
	m->length += 23;
	wire_put_u16(m->bytes + 10, 1);
	CU_ASSERT_EQUAL(incoming_message(in, m->bytes, m->length, NOW), INCOMING_ANSWERED);
	CU_ASSERT_TRUE(incoming_expire(in, &seconds) && seconds == 0x010203);
	incoming_free(in);
}

/* --- signatures ------------------------------------------------------------------------------------------------- */

/* As a server signs: every `every`-th message, the first and the last; those that aren't are digested with the next. */
static void
sign_some(struct script *script, struct tsig *tsig, struct tsig_maker *maker, unsigned every)
{
	for (size_t i = 0; i < script->count; i++) {
		struct message *m = &script->messages[i];

		if (i > 0 && i + 1 < script->count && i % every != 0) {
			if (!tsig_follow(tsig, maker, m->bytes, m->length))
				return;		/* too many */
			continue;
		}
		m->length = tsig_sign(tsig, maker, m->bytes, m->length, NOW);
		tsig->unsigned_count = 0;
	}
}

struct signed_exchange {
	const char *name;
	size_t messages;
	unsigned every;
	bool last_unsigned, changed;
	enum incoming_step step;
	const char *what;
};

static const struct signed_exchange signed_exchanges[] = {
	{ "each message", 5, 1, false, false, INCOMING_ZONE, NULL },
	{ "every third", 20, 3, false, false, INCOMING_ZONE, NULL },
	{ "first and last", 90, 1000, false, false, INCOMING_ZONE, NULL },
	{ "99 unsigned ones", 101, 1000, false, false, INCOMING_ZONE, NULL },
	{ "one in a hundred", 299, 100, false, false, INCOMING_ZONE, NULL },
	{ "100 unsigned ones", 102, 1000, false, false, INCOMING_FAILED,
		"TSIG with the key 'k.': message 101 isn't signed (its rcode is 0)" },
	{ "the last isn't", 5, 1, true, false, INCOMING_FAILED, "TSIG with the key 'k.': the last message isn't signed" },
	{ "an unsigned one was changed", 20, 5, false, true, INCOMING_FAILED,
		"TSIG with the key 'k.': the signature of message 6 isn't good" },
};

static void
test_signed(void)
{
	static struct script script;

	for (size_t i = 0; i < ARRAY_SIZE(signed_exchanges); i++) {
		const struct signed_exchange *x = &signed_exchanges[i];
		struct tsig_maker *maker = tsig_maker_new();
		struct incoming *in = begin(&(struct exchange){ .kind = INCOMING_WHOLE }, NULL, &key);
		const struct tsig_keys keys = { 1, &key };
		struct tsig tsig;
		struct text text = { 0 };
		uint8_t request[INCOMING_REQUEST_MAX];
		size_t length = incoming_request(in, request, NOW);
		enum incoming_step step = INCOMING_MORE;
		char row[400];

		for (size_t k = 0; k + 1 < x->messages; k++)
			text_printf(&text, "%s|", k == 0 ? "S7 n" : k == 1 ? "a1" : "");
		text_puts(&text, "S7");
		compose(&script, text.bytes, TYPE_AXFR);
		text_fini(&text);
		SUITE_ROW(x->name, tsig_verify(&tsig, maker, &keys, request, length,
		    HEADER_SIZE + sizeof(apex) + 4 + OPT_SIZE + 4, NOW) == TSIG_GOOD);
		if (x->last_unsigned)
			script.count--;
		sign_some(&script, &tsig, maker, x->every);
		script.count += x->last_unsigned;
		if (x->changed)
			script.messages[1].bytes[script.messages[1].length - 1] ^= 1;
		for (size_t k = 0; k < script.count && step == INCOMING_MORE; k++)
			step = incoming_message(in, script.messages[k].bytes, script.messages[k].length, NOW);
		snprintf(row, sizeof(row), "%s: %s '%s'", x->name, steps[step], incoming_trouble(in));
		SUITE_ROW(row, step == x->step);
		SUITE_ROW(row, x->what == NULL || strcmp(incoming_trouble(in), x->what) == 0);
		incoming_free(in);
		tsig_maker_free(maker);
	}
}

static void
test_unsigned(void)
{
	static struct script script;
	struct incoming *in = begin(&(struct exchange){ .kind = INCOMING_WHOLE }, NULL, &key);
	uint8_t request[INCOMING_REQUEST_MAX];

	(void)incoming_request(in, request, NOW);
	compose(&script, "S7 n S7", TYPE_AXFR);
	CU_ASSERT_EQUAL(incoming_message(in, script.messages[0].bytes, script.messages[0].length, NOW), INCOMING_FAILED);
	SUITE_TEXT(incoming_trouble(in), "TSIG with the key 'k.': message 1 isn't signed (its rcode is 0)");
	incoming_free(in);
	in = begin(&(struct exchange){ .kind = INCOMING_WHOLE }, NULL, &key);
	(void)incoming_request(in, request, NOW);
	compose(&script, "", TYPE_AXFR);
	wire_put_u16(script.messages[0].bytes + 2, FLAG_QR | RCODE_NOTAUTH);
	{
		struct tsig refusal = { .error = TSIG_BADKEY, .name_length = 3, .name = "\1k", .algorithm_length = 13,
			.algorithm = "\13hmac-sha256" };
		struct tsig_maker *maker = tsig_maker_new();

		script.messages[0].length = tsig_sign(&refusal, maker, script.messages[0].bytes,
		    script.messages[0].length, NOW);
		tsig_maker_free(maker);
	}
	CU_ASSERT_EQUAL(incoming_message(in, script.messages[0].bytes, script.messages[0].length, NOW), INCOMING_FAILED);
	SUITE_TEXT(incoming_trouble(in), "TSIG with the key 'k.': it says BADKEY: it doesn't know the key");
	incoming_free(in);
}

/* --- what we send ourselves ------------------------------------------------------------------------------------- */

static struct zone *
large_zone(uint32_t serial, unsigned hosts, unsigned step)
{
	struct zone_builder *builder = zone_builder_new(apex);
	struct zone *zone = NULL;

	CU_ASSERT_EQUAL(zone_builder_add(builder, apex, TYPE_SOA, 60, soa(serial), SOA_LENGTH), ZONE_ADDED);
	CU_ASSERT_EQUAL(zone_builder_add(builder, apex, TYPE_NS, 60, (const uint8_t *)"\2NS\7example", 12), ZONE_ADDED);
	for (unsigned i = 0; i < hosts; i++) {
		char text[64];
		uint8_t name[NAME_MAX], mx[40] = { 0, (uint8_t)(i % step == 0 ? serial : 1) };

		snprintf(text, sizeof(text), "h%u.example.", i);
		CU_ASSERT_TRUE(name_parse(text, name) > 0);
		memcpy(mx + 2, name, name_length(name, NAME_MAX));
		if (i % step != 1 || serial % 2 == 0)
			CU_ASSERT_EQUAL(zone_builder_add(builder, name, TYPE_MX, 60, mx,
			    (uint16_t)(2 + name_length(name, NAME_MAX))), ZONE_ADDED);
	}
	CU_ASSERT_EQUAL_FATAL(zone_builder_freeze(builder, &zone), ZONE_OK);
	return zone;
}

static enum incoming_step
transfer(struct incoming *in, const struct edition *edition, enum outgoing_kind kind, size_t first)
{
	static uint8_t message[65535];
	uint8_t request[INCOMING_REQUEST_MAX];
	const struct tsig_keys keys = { 1, &key };
	struct tsig_maker *maker = tsig_maker_new();
	struct tsig tsig;
	struct query query;
	size_t length = incoming_request(in, request, NOW);
	enum incoming_step step = INCOMING_MORE;
	struct outgoing *out;

	CU_ASSERT_EQUAL(query_read(&query, request, length), QUERY_OK);
	CU_ASSERT_EQUAL(tsig_verify(&tsig, maker, &keys, request, length, query.tsig, NOW), TSIG_GOOD);
	out = outgoing_new(&(struct outgoing_wish){ .edition = edition, .query = &query, .request = request, .kind = kind,
		.first = first, .tsig = &tsig, .maker = maker, .payload = 1232 });
	while (step == INCOMING_MORE && (length = outgoing_next(out, message, 2000, NOW)) > 0)
		step = incoming_message(in, message, length, NOW);
	outgoing_free(out);
	tsig_maker_free(maker);
	return step;
}

static void
same_zones(const struct zone *a, const struct zone *b)
{
	struct text x = { 0 }, y = { 0 };

	master_write(a, &x);
	master_write(b, &y);
	CU_ASSERT_TRUE(x.length == y.length && memcmp(x.bytes, y.bytes, x.length) == 0);
	text_fini(&x);
	text_fini(&y);
}

static void
test_ours(void)
{
	struct zone *zones[3], *came = NULL;
	struct edition *editions[3];
	struct incoming *in;
	const struct rrset_edit *edits;
	size_t count, first;

	for (uint32_t i = 0; i < 3; i++) {
		zones[i] = large_zone(i + 1, 3000, 7);
		editions[i] = edition_new(zones[i], i + 1);
		if (i > 0)
			edition_follow(editions[i], editions[i - 1], 1 << 20);
	}
	in = begin(&(struct exchange){ .kind = INCOMING_WHOLE }, NULL, &key);
	CU_ASSERT_EQUAL(transfer(in, editions[2], OUTGOING_FULL, 0), INCOMING_ZONE);
	CU_ASSERT_EQUAL(incoming_serial(in), 3);
	CU_ASSERT_EQUAL_FATAL(zone_builder_freeze(incoming_take(in), &came), ZONE_OK);
	same_zones(came, zones[2]);
	zone_release(came);
	incoming_free(in);
	in = begin(&(struct exchange){ .kind = INCOMING_DIFFERENCES }, zones[0], &key);
	CU_ASSERT_EQUAL(outgoing_choose(editions[2], true, 1, &first), OUTGOING_DIFFERENCES);
	CU_ASSERT_EQUAL(transfer(in, editions[2], OUTGOING_DIFFERENCES, first), INCOMING_EDITS);
	incoming_edits(in, &edits, &count);
	CU_ASSERT_EQUAL_FATAL(zone_edit(zones[0], edits, count, &came), ZONE_EDITED);
	same_zones(came, zones[2]);
	zone_release(came);
	incoming_free(in);
	for (size_t i = 0; i < 3; i++) {
		edition_free(editions[i]);
		zone_release(zones[i]);
	}
}

static const struct suite_case cases[] = {
	{ .name = "every kind of answer, and every fault", .run = test_exchanges },
	{ .name = "requests are as the RFCs have them", .run = test_requests },
	{ .name = "EXPIRE is heard", .run = test_expire },
	{ .name = "sequences of which some messages are signed", .run = test_signed },
	{ .name = "what isn't signed isn't believed", .run = test_unsigned },
	{ .name = "what outgoing.c sends comes in", .run = test_ours },
};

int
main(void)
{
	return suite_run("incoming", cases, ARRAY_SIZE(cases));
}
