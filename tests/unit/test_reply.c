/* test_reply.c -- dns/reply: compression, sections, limits to the octet, OPT. ldns reads what we wrote. */
#include "dns/reply.h"

#include <ldns/ldns.h>

#include "dns/wire.h"
#include "suite.h"

#define PLAIN "\x12\x34\1\0\0\1\0\0\0\0\0\0" "\3WWW\7exAmple\0\0\1\0\1"
#define WITH_OPT "\x12\x34\1\0\0\1\0\0\0\0\0\1" "\3WWW\7exAmple\0\0\1\0\1" "\0" "\0\x29" "\4\xd0" "\0\0" "\x80\0"
#define A_RECORD "\0\4" "\xc0\0\2\1"

struct exchange {
	struct query query;
	struct reply reply;
	uint8_t bytes[65536];
};

static struct exchange x;

static void
begin(const char *request, size_t length, size_t limit)
{
	memset(x.bytes, 0xee, sizeof(x.bytes));
	CU_ASSERT_EQUAL(query_read(&x.query, (const uint8_t *)request, length), QUERY_OK);
	reply_begin(&x.reply, &x.query, (const uint8_t *)request, x.bytes, limit);
}

#define BEGIN(request, limit) begin(request, sizeof(request) - 1, limit)
#define ADD(section, owner, type, count, wire) reply_add(&x.reply, section, (const uint8_t *)(owner), type, 60, \
	count, (const uint8_t *)(wire), sizeof(wire) - 1)

/* The message as ldns prints it, without its last lines (time and size). Static. */
static const char *
finish(size_t *length)
{
	static char text[70000];
	ldns_pkt *packet;
	char *printed;

	*length = reply_finish(&x.reply);
	if (ldns_wire2pkt(&packet, x.bytes, *length) != LDNS_STATUS_OK)
		return "not a packet";
	printed = ldns_rr_list2str(ldns_pkt_answer(packet));
	snprintf(text, sizeof(text), "%s", printed);
	free(printed);
	printed = ldns_rr_list2str(ldns_pkt_authority(packet));
	strcat(text, "--\n");
	strcat(text, printed);
	free(printed);
	printed = ldns_rr_list2str(ldns_pkt_additional(packet));
	strcat(text, "--\n");
	strcat(text, printed);
	free(printed);
	ldns_pkt_free(packet);
	return text;
}

static void
test_compression(void)
{
	size_t length;

	BEGIN(PLAIN, 512);
	CU_ASSERT(ADD(SECTION_ANSWER, "\3www\7example\0", TYPE_CNAME, 1, "\0\x0f" "\5other\7example\0"));
	CU_ASSERT(ADD(SECTION_ANSWER, "\5other\7example\0", TYPE_MX, 2,
	    "\0\x11" "\0\5" "\5mail1\7example\0" "\0\x11" "\0\6" "\5MAIL1\7eXample\0"));
	CU_ASSERT(ADD(SECTION_AUTHORITY, "\7example\0", TYPE_SOA, 1,
	    "\0\x31" "\2ns\7example\0" "\4root\2ns\7example\0" "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"));
	CU_ASSERT(ADD(SECTION_AUTHORITY, "\0", TYPE_NS, 1, "\0\x0c" "\2ns\7example\0"));
	CU_ASSERT(ADD(SECTION_ADDITIONAL, "\2ns\7example\0", TYPE_A, 1, A_RECORD));
	SUITE_TEXT(finish(&length),
	    "WWW.exAmple.\t60\tIN\tCNAME\tother.exAmple.\n"
	    "other.exAmple.\t60\tIN\tMX\t5 mail1.exAmple.\nother.exAmple.\t60\tIN\tMX\t6 mail1.exAmple.\n"
	    "--\n"
	    "exAmple.\t60\tIN\tSOA\tns.exAmple. root.ns.exAmple. 1 2 3 4 5\n.\t60\tIN\tNS\tns.exAmple.\n"
	    "--\n"
	    "ns.exAmple.\t60\tIN\tA\t192.0.2.1\n");
	/* Header, question; then each name that was seen before is two octets. */
	CU_ASSERT_EQUAL(length, 12 + 17 + (2 + 10 + 8) + (2 + 10 + 2 + 8) + (2 + 10 + 2 + 2)
	    + (2 + 10 + 5 + 7 + 20) + (1 + 10 + 2) + (2 + 10 + 4));
	CU_ASSERT_EQUAL(wire_get_u16(x.bytes + 29), 0xc00c);
}

/* RFC 3597 section 4: names in the RDATA of newer types stay whole, and don't serve as targets either. */
static void
test_rdata_left_alone(void)
{
	static const char srv[] = "\0\x13" "\0\1\0\2\0\3" "\3www\7example\0";
	size_t length;

	BEGIN(PLAIN, 512);
	CU_ASSERT(ADD(SECTION_ANSWER, "\3www\7example\0", TYPE_SRV, 1, "\0\x13" "\0\1\0\2\0\3" "\3www\7example\0"));
	CU_ASSERT(ADD(SECTION_ANSWER, "\3www\7example\0", TYPE_DNAME, 1, "\0\x0d" "\3www\7example\0"));
	finish(&length);
	CU_ASSERT_EQUAL(length, 29 + 12 + 19 + 12 + 13);
	CU_ASSERT_EQUAL(memcmp(x.bytes + 29 + 12, srv + 2, 19), 0);
}

/* With every limit from the question on: never a half RRset, never past the limit, TC exactly when an answer is
 * missing. */
static void
test_limits(void)
{
	static const char opt[] = WITH_OPT "\0\0", plain[] = PLAIN;

	for (int edns = 0; edns < 2; edns++)
		for (size_t limit = 100; limit < 320; limit++) {
			/* 12 + 17; then 16 a record; OPT. */
			size_t room = limit - 29 - (edns ? OPT_SIZE : 0), length;
			unsigned sets = 0;

			begin(edns ? opt : plain, edns ? sizeof(opt) - 1 : sizeof(plain) - 1, limit);
			for (int i = 0; i < 6; i++)
				sets += ADD(SECTION_ANSWER, "\3www\7example\0", TYPE_A, 2, A_RECORD A_RECORD);
			finish(&length);
			CU_ASSERT_EQUAL(sets, room / 32 < 6 ? room / 32 : 6);
			CU_ASSERT_EQUAL(length, 29 + sets * 32 + (edns ? OPT_SIZE : 0));
			CU_ASSERT_EQUAL((x.bytes[2] & 2) != 0, sets < 6);
			CU_ASSERT_EQUAL(wire_get_u16(x.bytes + 6), sets * 2);
			CU_ASSERT_EQUAL(x.bytes[limit], 0xee);
		}
}

static void
test_additional_doesnt_truncate(void)
{
	size_t length;

	BEGIN(PLAIN, 29 + 16 + 15);
	CU_ASSERT(ADD(SECTION_ANSWER, "\3www\7example\0", TYPE_A, 1, A_RECORD));
	CU_ASSERT_FALSE(ADD(SECTION_ADDITIONAL, "\1b\3www\7example\0", TYPE_A, 1, A_RECORD));
	CU_ASSERT_FALSE(x.reply.truncated);
	/* What the one that didn't fit remembered of its name is forgotten. */
	CU_ASSERT_FALSE(ADD(SECTION_ADDITIONAL, "\1b\3www\7example\0", TYPE_A, 1, A_RECORD));
	SUITE_TEXT(finish(&length), "WWW.exAmple.\t60\tIN\tA\t192.0.2.1\n--\n--\n");
	CU_ASSERT_EQUAL(length, 29 + 16);
	BEGIN(PLAIN, 29 + 16 + 15);
	CU_ASSERT(ADD(SECTION_ANSWER, "\3www\7example\0", TYPE_A, 1, A_RECORD));
	CU_ASSERT_FALSE(ADD(SECTION_AUTHORITY, "\3www\7example\0", TYPE_A, 1, A_RECORD));
	CU_ASSERT(x.reply.truncated);
	CU_ASSERT_FALSE(ADD(SECTION_ADDITIONAL, "\0", TYPE_NS, 1, "\0\1\0"));	/* nothing more once it's cut */
	SUITE_TEXT(finish(&length), "WWW.exAmple.\t60\tIN\tA\t192.0.2.1\n--\n--\n");
}

static void
test_opt(void)
{
	static const char subnet[] = WITH_OPT "\0\x0a" "\0\x08\0\6" "\0\1\x14\0\xc0\0\xf0" /* /20 */;
	static const char good[] = WITH_OPT "\0\x0b" "\0\x08\0\7" "\0\1\x14\0\xc0\0\xf0";
	static const uint8_t expected[] = "\0\0\x29\x04\xd0\x01\0\x80\0\0\x11" "\0\x08\0\7\0\1\x14\x18\xc0\0\xf0"
		"\0\x0f\0\2\0\x16";
	size_t length;

	CU_ASSERT_EQUAL(query_read(&x.query, (const uint8_t *)subnet, sizeof(subnet) - 1), QUERY_FORMERR);
	BEGIN(good, 512);
	x.reply.rcode = RCODE_BADVERS;
	CU_ASSERT(reply_subnet(&x.reply, 24));
	CU_ASSERT(reply_error(&x.reply, EDE_NO_REACHABLE_AUTHORITY, ""));
	length = reply_finish(&x.reply);
	CU_ASSERT_EQUAL(length, 29 + sizeof(expected) - 1);
	CU_ASSERT_EQUAL(memcmp(x.bytes + 29, expected, sizeof(expected) - 1), 0);
	CU_ASSERT_EQUAL(x.bytes[3] & 15, 0);	/* the low bits of BADVERS */
	CU_ASSERT_EQUAL(wire_get_u16(x.bytes + 10), 1);
	/* The fullest message still holds it all, and not an octet more. */
	BEGIN(good, 29 + sizeof(expected) - 1 + 16);
	CU_ASSERT(reply_subnet(&x.reply, 24));
	CU_ASSERT(ADD(SECTION_ANSWER, "\3www\7example\0", TYPE_A, 1, A_RECORD));
	CU_ASSERT_FALSE(reply_error(&x.reply, EDE_STALE_ANSWER, "x"));
	CU_ASSERT(reply_error(&x.reply, EDE_STALE_ANSWER, ""));
	CU_ASSERT_FALSE(reply_option(&x.reply, EDNS_KEEPALIVE, NULL, 0));
	length = reply_finish(&x.reply);
	CU_ASSERT_EQUAL(length, 29 + sizeof(expected) - 1 + 16);
}

/* RFC 8467 section 4.1: to a multiple of 468 octets; where there's no room, not at all. */
static void
test_padding(void)
{
	static const struct { const char *name; size_t limit; unsigned before; size_t length; } rows[] = {
		{ .name = "short", .limit = 65535, .before = 0, .length = 468 },
		{ .name = "one octet less", .limit = 65535, .before = 468 - 29 - 11 - 4 - 4 - 1, .length = 468 },
		{ .name = "just as long", .limit = 65535, .before = 468 - 29 - 11 - 4 - 4, .length = 468 },
		{ .name = "one octet more", .limit = 65535, .before = 468 - 29 - 11 - 4 - 4 + 1, .length = 936 },
		{ .name = "no room", .limit = 467, .before = 0, .length = 29 + 11 + 4 },
	};
	static const uint8_t zeros[500];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		BEGIN(WITH_OPT "\0\0", rows[i].limit);
		x.reply.padded = true;
		CU_ASSERT(reply_option(&x.reply, 65001, zeros, rows[i].before));
		SUITE_ROW(rows[i].name, reply_finish(&x.reply) == rows[i].length);
	}
}

/* Truncated on purpose: no records, but the options. */
static void
test_truncate(void)
{
	size_t length;

	BEGIN(WITH_OPT "\0\0", 512);
	CU_ASSERT(ADD(SECTION_ANSWER, "\3www\7example\0", TYPE_A, 1, A_RECORD));
	CU_ASSERT(reply_option(&x.reply, 65001, "ab", 2));
	reply_truncate(&x.reply);
	CU_ASSERT_FALSE(ADD(SECTION_ANSWER, "\3www\7example\0", TYPE_A, 1, A_RECORD));
	length = reply_finish(&x.reply);
	CU_ASSERT_EQUAL(length, 29 + 11 + 6);
	CU_ASSERT_EQUAL(x.bytes[2] & 2, 2);
	CU_ASSERT_EQUAL(wire_get_u16(x.bytes + 6), 0);
}

static void
test_header(void)
{
	static const char odd[] = "\x55\x66\x7f\xff\0\1\0\0\0\0\0\0" "\1a\0\0\1\0\1";
	size_t length;

	CU_ASSERT_EQUAL(query_read(&x.query, (const uint8_t *)odd, sizeof(odd) - 1), QUERY_NOTIMP);
	reply_begin(&x.reply, &x.query, (const uint8_t *)odd, x.bytes, 512);
	x.reply.rcode = RCODE_NOTIMP;
	length = reply_finish(&x.reply);
	CU_ASSERT_EQUAL(length, 12 + 7);
	/* Opcode and RD come back; AA, TC, RA, Z, AD and CD don't (RFC 4035 section 3.1.6 wants CD clear). */
	CU_ASSERT_EQUAL(memcmp(x.bytes, "\x55\x66\xf9\x04\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", 19), 0);
}

/* Offsets past 0x3fff can't be pointed to, and remembered names are few: names are then written in full. */
static void
test_large(void)
{
	uint8_t owner[] = "\4n000\7example\0";
	size_t length, count = 0;
	ldns_pkt *packet;

	BEGIN(PLAIN, 65535);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf((char *)owner + 1, 5, "n%03x", i & 0xfff);
		owner[5] = 7;
		if (!ADD(SECTION_ANSWER, owner, TYPE_CNAME, 1, "\0\x13" "\3one\5other\7example\0"))
			break;
		count++;
	}
	length = reply_finish(&x.reply);
	CU_ASSERT(length > 50000 && length <= 65535);
	CU_ASSERT_EQUAL_FATAL(ldns_wire2pkt(&packet, x.bytes, length), LDNS_STATUS_OK);
	CU_ASSERT_EQUAL(ldns_pkt_ancount(packet), count);
	for (size_t i = 0; i < count; i++) {
		char *text = ldns_rr2str(ldns_rr_list_rr(ldns_pkt_answer(packet), i)), expected[100];

		snprintf(expected, sizeof(expected), "n%03x.exAmple.\t60\tIN\tCNAME\tone.other.exAmple.\n",
		    (unsigned)i);
		if (strcasecmp(text, expected) != 0)
			SUITE_TEXT(text, expected);
		free(text);
	}
	ldns_pkt_free(packet);
}

/* A question of 127 labels fills the table of names. */
static void
test_deep(void)
{
	char request[12 + 255 + 4] = "\x12\x34\0\0\0\1\0\0\0\0\0\0";
	uint8_t *name = (uint8_t *)request + 12;
	size_t length;
	ldns_pkt *packet;

	for (unsigned i = 0; i < 254; i += 2) {
		name[i] = 1;
		name[i + 1] = (uint8_t)('a' + i / 2 % 26);
	}
	memcpy(name + 254, "\0\0\1\0\1", 5);
	begin(request, sizeof(request), 512);
	CU_ASSERT(reply_add(&x.reply, SECTION_ANSWER, name, TYPE_A, 60, 1, (const uint8_t *)A_RECORD, 6));
	CU_ASSERT(reply_add(&x.reply, SECTION_AUTHORITY, name + 2, TYPE_A, 60, 1, (const uint8_t *)A_RECORD, 6));
	length = reply_finish(&x.reply);
	CU_ASSERT_EQUAL(length, sizeof(request) + 16 + 16);
	CU_ASSERT_EQUAL_FATAL(ldns_wire2pkt(&packet, x.bytes, length), LDNS_STATUS_OK);
	ldns_pkt_free(packet);
}

static const struct suite_case cases[] = {
	{ .name = "names are compressed", .run = test_compression },
	{ .name = "RDATA of newer types is left alone", .run = test_rdata_left_alone },
	{ .name = "limits to the octet", .run = test_limits },
	{ .name = "additional records don't truncate", .run = test_additional_doesnt_truncate },
	{ .name = "OPT with subnet, error and extended rcode", .run = test_opt },
	{ .name = "padding (RFC 7830, RFC 8467)", .run = test_padding },
	{ .name = "truncated on purpose", .run = test_truncate },
	{ .name = "header flags", .run = test_header },
	{ .name = "64 KiB, past the reach of pointers", .run = test_large },
	{ .name = "a question of 127 labels", .run = test_deep },
};

int
main(void)
{
	return suite_run("reply", cases, ARRAY_SIZE(cases));
}
