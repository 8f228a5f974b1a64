/* test_query.c -- dns/query: what each packet deserves, and what is read from the good ones. */
#include "dns/query.h"

#include "suite.h"

/* Header: id 0x1234, flags, counts; then the usual question. */
#define HEAD(flags, questions, answers, authority, additional) \
	"\x12\x34" flags "\0" questions "\0" answers "\0" authority "\0" additional
#define ONE(flags) HEAD(flags, "\1", "\0", "\0", "\0")
#define EDNS HEAD("\0\0", "\1", "\0", "\0", "\1")
#define WWW "\3www\7example\0" "\0\1" "\0\1"
/* Owner, type, payload 1232, extended rcode and version, flags; then RDLENGTH and options. */
#define OPT "\0" "\0\x29" "\4\xd0" "\0\0" "\0\0"
#define SUBNET(length) "\0\x08" "\0" length
#define COOKIE(length, octets) "\0\x0a" "\0" length octets
#define BYTES(text) .bytes = (const uint8_t *)(text), .size = sizeof(text) - 1

static const struct {
	const char *name;
	const uint8_t *bytes;
	size_t size;
	enum query_verdict verdict;
} verdicts[] = {
	{ .name = "plain", BYTES(ONE("\0\0") WWW), .verdict = QUERY_OK },
	{ .name = "recursion desired", BYTES(ONE("\1\0") WWW), .verdict = QUERY_OK },
	{ .name = "all flags but QR", BYTES(ONE("\7\xff") WWW), .verdict = QUERY_OK },
	{ .name = "root", BYTES(ONE("\0\0") "\0" "\0\2" "\0\1"), .verdict = QUERY_OK },
	{ .name = "class chaos", BYTES(ONE("\0\0") "\7version\4bind\0" "\0\x10" "\0\3"), .verdict = QUERY_OK },
	{ .name = "type 65535", BYTES(ONE("\0\0") "\1a\0" "\xff\xff" "\0\1"), .verdict = QUERY_OK },

	{ .name = "nothing", BYTES(""), .verdict = QUERY_DROP },
	{ .name = "one octet", BYTES("\0"), .verdict = QUERY_DROP },
	{ .name = "header cut", BYTES("\x12\x34\0\0\0\1\0\0\0\0\0"), .verdict = QUERY_DROP },
	{ .name = "a response", BYTES(ONE("\x80\0") WWW), .verdict = QUERY_DROP },
	{ .name = "a response of another opcode", BYTES(ONE("\xa8\0") WWW), .verdict = QUERY_DROP },
	{ .name = "a response without question", BYTES(HEAD("\x80\0", "\0", "\0", "\0", "\0")), .verdict = QUERY_DROP },

	{ .name = "header alone", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\0")), .verdict = QUERY_FORMERR },
	{ .name = "no question, but OPT", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\1") OPT "\0\0"),
	    .verdict = QUERY_FORMERR },
	{ .name = "two questions", BYTES(HEAD("\0\0", "\2", "\0", "\0", "\0") WWW WWW), .verdict = QUERY_FORMERR },
	{ .name = "question missing", BYTES(ONE("\0\0")), .verdict = QUERY_FORMERR },
	{ .name = "name cut", BYTES(ONE("\0\0") "\3ww"), .verdict = QUERY_FORMERR },
	{ .name = "name without end", BYTES(ONE("\0\0") "\3www"), .verdict = QUERY_FORMERR },
	{ .name = "type missing", BYTES(ONE("\0\0") "\3www\0"), .verdict = QUERY_FORMERR },
	{ .name = "class missing", BYTES(ONE("\0\0") "\3www\0\0\1"), .verdict = QUERY_FORMERR },
	{ .name = "class cut", BYTES(ONE("\0\0") "\3www\0\0\1\0"), .verdict = QUERY_FORMERR },
	{ .name = "question is a pointer to itself", BYTES(ONE("\0\0") "\xc0\x0c" "\0\1" "\0\1"),
	    .verdict = QUERY_FORMERR },
	{ .name = "question ends in a pointer", BYTES(ONE("\0\0") "\3www\xc0\x0c" "\0\1" "\0\1"),
	    .verdict = QUERY_FORMERR },
	{ .name = "label type 01", BYTES(ONE("\0\0") "\x41" "a\0" "\0\1" "\0\1"), .verdict = QUERY_FORMERR },
	{ .name = "label type 10", BYTES(ONE("\0\0") "\x81" "a\0" "\0\1" "\0\1"), .verdict = QUERY_FORMERR },
	{ .name = "bytes behind the question", BYTES(ONE("\0\0") WWW "x"), .verdict = QUERY_FORMERR },
	{ .name = "a record that isn't there", BYTES(EDNS WWW), .verdict = QUERY_FORMERR },

	{ .name = "opcode inverse query", BYTES(ONE("\x08\0") WWW), .verdict = QUERY_NOTIMP },
	{ .name = "opcode status", BYTES(ONE("\x10\0") WWW), .verdict = QUERY_NOTIMP },
	{ .name = "opcode notify", BYTES(ONE("\x20\0") WWW), .verdict = QUERY_NOTIFY },
	{ .name = "opcode notify, header alone", BYTES(HEAD("\x20\0", "\0", "\0", "\0", "\0")), .verdict = QUERY_FORMERR },
	{ .name = "opcode update, with records", BYTES(HEAD("\x28\0", "\1", "\0", "\1", "\0") WWW WWW "\0\0\0\0"
	    "\0\0"),
	    .verdict = QUERY_UPDATE },
	{ .name = "opcode update, header alone", BYTES(HEAD("\x28\0", "\0", "\0", "\0", "\0")), .verdict = QUERY_FORMERR },
	{ .name = "opcode 15, header alone", BYTES(HEAD("\x78\0", "\0", "\0", "\0", "\0")), .verdict = QUERY_NOTIMP },
	{ .name = "opcode notify, question broken", BYTES(ONE("\x20\0") "\x41"), .verdict = QUERY_FORMERR },

	{ .name = "OPT", BYTES(EDNS WWW OPT "\0\0"), .verdict = QUERY_OK },
	{ .name = "OPT, unknown option", BYTES(EDNS WWW OPT "\0\6" "\xfd\xe9" "\0\2" "ab"), .verdict = QUERY_OK },
	{ .name = "OPT, unknown flags", BYTES(EDNS WWW "\0" "\0\x29" "\4\xd0" "\0\0" "\x7f\xff" "\0\0"),
	    .verdict = QUERY_OK },
	{ .name = "OPT, cookie", BYTES(EDNS WWW OPT "\0\x0c" "\0\x0a" "\0\x08" "abcdefgh"), .verdict = QUERY_OK },
	{ .name = "OPT, whole cookie", BYTES(EDNS WWW OPT "\0\x1c" COOKIE("\x18", "abcdefgh0123456789abcdef")),
	    .verdict = QUERY_OK },
	{ .name = "OPT, longest cookie", BYTES(EDNS WWW OPT "\0\x2c" COOKIE("\x28", "abcdefgh" "0123456789abcdef"
	    "0123456789abcdef")), .verdict = QUERY_OK },
	/* RFC 7873 section 5.2.2. */
	{ .name = "OPT, cookie of 7 octets", BYTES(EDNS WWW OPT "\0\x0b" COOKIE("\7", "abcdefg")),
	    .verdict = QUERY_FORMERR },
	{ .name = "OPT, cookie of 9 octets", BYTES(EDNS WWW OPT "\0\x0d" COOKIE("\x09", "abcdefgh0")),
	    .verdict = QUERY_FORMERR },
	{ .name = "OPT, cookie of 15 octets", BYTES(EDNS WWW OPT "\0\x13" COOKIE("\x0f", "abcdefgh0123456")),
	    .verdict = QUERY_FORMERR },
	{ .name = "OPT, cookie of 41 octets", BYTES(EDNS WWW OPT "\0\x2d" COOKIE("\x29", "abcdefgh" "0123456789abcdef"
	    "0123456789abcdef" "0")), .verdict = QUERY_FORMERR },
	{ .name = "OPT, empty cookie", BYTES(EDNS WWW OPT "\0\4" COOKIE("\0", "")), .verdict = QUERY_FORMERR },
	{ .name = "OPT, two cookies, the first counts (RFC 7873 section 5.3)", BYTES(EDNS WWW OPT "\0\x10"
	    COOKIE("\x08", "abcdefgh") COOKIE("\0", "")), .verdict = QUERY_OK },
	/* RFC 7873 section 5.4, RFC 9619 section 4. */
	{ .name = "no question, but a cookie", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\1") OPT "\0\x0c"
	    COOKIE("\x08", "abcdefgh")), .verdict = QUERY_OK },
	{ .name = "no question, and a broken cookie", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\1") OPT "\0\5"
	    COOKIE("\1", "a")), .verdict = QUERY_FORMERR },
	{ .name = "no question, a cookie, and bytes behind", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\1") OPT "\0\x0c"
	    COOKIE("\x08", "abcdefgh") "x"), .verdict = QUERY_FORMERR },
	{ .name = "two questions and a cookie", BYTES(HEAD("\0\0", "\2", "\0", "\0", "\1") WWW WWW OPT "\0\x0c"
	    COOKIE("\x08", "abcdefgh")), .verdict = QUERY_FORMERR },
	{ .name = "no question, version 1 (RFC 6891 section 6.1.3)", BYTES(HEAD("\0\0", "\0", "\0", "\0", "\1")
	    "\0" "\0\x29" "\4\xd0" "\0\1" "\0\0" "\0\0"), .verdict = QUERY_BADVERS },
	{ .name = "OPT of version 1", BYTES(EDNS WWW "\0" "\0\x29" "\4\xd0" "\0\1" "\0\0" "\0\0"),
	    .verdict = QUERY_BADVERS },
	{ .name = "OPT of version 255 with broken options", BYTES(EDNS WWW "\0" "\0\x29" "\4\xd0" "\0\xff" "\0\0"
	    "\0\1" "x"),
	    .verdict = QUERY_BADVERS },
	{ .name = "OPT twice", BYTES(HEAD("\0\0", "\1", "\0", "\0", "\2") WWW OPT "\0\0" OPT "\0\0"),
	    .verdict = QUERY_FORMERR },
	{ .name = "OPT with an owner", BYTES(EDNS WWW "\1a" OPT "\0\0"), .verdict = QUERY_FORMERR },
	{ .name = "OPT owned by a pointer", BYTES(EDNS WWW "\xc0\x14" "\0\x29" "\4\xd0" "\0\0" "\0\0" "\0\0"),
	    .verdict = QUERY_FORMERR },
	{ .name = "OPT as an answer", BYTES(HEAD("\0\0", "\1", "\1", "\0", "\0") WWW OPT "\0\0"),
	    .verdict = QUERY_FORMERR },
	{ .name = "OPT as authority", BYTES(HEAD("\0\0", "\1", "\0", "\1", "\0") WWW OPT "\0\0"),
	    .verdict = QUERY_FORMERR },
	{ .name = "OPT cut before its length", BYTES(EDNS WWW OPT "\0"), .verdict = QUERY_FORMERR },
	{ .name = "OPT longer than the packet", BYTES(EDNS WWW OPT "\0\1"), .verdict = QUERY_FORMERR },
	{ .name = "OPT, option header cut", BYTES(EDNS WWW OPT "\0\3" "\0\x08" "\0"), .verdict = QUERY_FORMERR },
	{ .name = "OPT, option longer than OPT", BYTES(EDNS WWW OPT "\0\4" "\0\x0a" "\0\1"), .verdict = QUERY_FORMERR },
	{ .name = "bytes behind OPT", BYTES(EDNS WWW OPT "\0\0" "x"), .verdict = QUERY_FORMERR },
	{ .name = "a record behind OPT", BYTES(HEAD("\0\0", "\1", "\0", "\0", "\2") WWW OPT "\0\0"
	    "\xc0\x0c" "\0\1" "\0\1" "\0\0\0\0" "\0\4" "abcd"), .verdict = QUERY_OK },
	{ .name = "records in all sections", BYTES(HEAD("\0\0", "\1", "\1", "\1", "\1") WWW
	    "\0" "\0\1" "\0\1" "\0\0\0\0" "\0\4" "abcd" "\1a\xc0\x0c" "\0\1" "\0\1" "\0\0\0\0" "\0\0" OPT "\0\0"),
	    .verdict = QUERY_OK },
	{ .name = "a record with a broken owner", BYTES(HEAD("\0\0", "\1", "\1", "\0", "\0") WWW
	    "\x80" "\0\1" "\0\1" "\0\0\0\0" "\0\0"), .verdict = QUERY_FORMERR },
	{ .name = "65535 records that aren't there", BYTES("\x12\x34\0\0\0\1\xff\xff\xff\xff\xff\xff" WWW),
	    .verdict = QUERY_FORMERR },
};

static void
test_verdicts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		/* On the heap, so that the address sanitizer sees a byte read too far. */
		uint8_t *bytes = malloc(verdicts[i].size + (verdicts[i].size == 0));
		struct query query;

		memcpy(bytes, verdicts[i].bytes, verdicts[i].size);
		SUITE_ROW(verdicts[i].name, query_read(&query, bytes, verdicts[i].size) == verdicts[i].verdict);
		if (verdicts[i].verdict != QUERY_DROP)
			SUITE_ROW(verdicts[i].name, query.id == 0x1234);
		SUITE_ROW(verdicts[i].name, (size_t)12 + query.question_length <= verdicts[i].size
		    || verdicts[i].verdict == QUERY_DROP);
		free(bytes);
	}
}

static void
test_subnet(void)
{
	static const struct {
		const char *name;
		const uint8_t *bytes;
		size_t size;
		bool good;
		const char *address;
		unsigned length;
	} rows[] = {
#define ECS(length, total, option) BYTES(EDNS WWW OPT "\0" total SUBNET(length) option)
		{ .name = "IPv4 /24", ECS("\7", "\x0b", "\0\1\x18\0\xc0\0\2"), .good = true,
		    .address = "192.0.2.0", .length = 24 },
		{ .name = "IPv4 /32", ECS("\x08", "\x0c", "\0\1\x20\0\xc0\0\2\1"), .good = true,
		    .address = "192.0.2.1", .length = 32 },
		{ .name = "IPv4 /20", ECS("\7", "\x0b", "\0\1\x14\0\xc0\0\xf0"), .good = true,
		    .address = "192.0.240.0", .length = 20 },
		{ .name = "IPv4 /0", ECS("\4", "\x08", "\0\1\0\0"), .good = true, .address = "0.0.0.0", .length = 0 },
		{ .name = "IPv6 /56", ECS("\x0b", "\x0f", "\0\2\x38\0\x20\1\x0d\xb8\0\1\2"), .good = true,
		    .address = "2001:db8:1:200::", .length = 56 },
		{ .name = "IPv6 /128", ECS("\x14", "\x18", "\0\2\x80\0\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
		    .good = true, .address = "2001:db8::1", .length = 128 },
		{ .name = "no family /0", ECS("\4", "\x08", "\0\0\0\0"), .good = true, .address = "none", .length = 0 },
		{ .name = "no family /8", ECS("\5", "\x09", "\0\0\x08\0\x0a") },
		{ .name = "unknown family", ECS("\5", "\x09", "\0\3\x08\0\x0a") },
		{ .name = "unknown family /0", ECS("\4", "\x08", "\0\3\0\0") },
		{ .name = "bits behind the prefix", ECS("\7", "\x0b", "\0\1\x14\0\xc0\0\xf1") },
		{ .name = "IPv4 /33", ECS("\x09", "\x0d", "\0\1\x21\0\xc0\0\2\0\0") },
		{ .name = "IPv6 /129", ECS("\x15", "\x19", "\0\2\x81\0\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0") },
		{ .name = "IPv6 /255", ECS("\x24", "\x28",
		    "\0\2\xff\0" "0123456789abcdef0123456789abcdef") },
		{ .name = "address too short", ECS("\6", "\x0a", "\0\1\x18\0\xc0\0") },
		{ .name = "address too long", ECS("\x08", "\x0c", "\0\1\x18\0\xc0\0\2\0") },
		{ .name = "scope not zero", ECS("\7", "\x0b", "\0\1\x18\x18\xc0\0\2") },
		{ .name = "empty option", ECS("\0", "\4", "") },
		{ .name = "option cut", ECS("\3", "\7", "\0\1\x18") },
		{ .name = "twice", BYTES(EDNS WWW OPT "\0\x16" SUBNET("\7") "\0\1\x18\0\xc0\0\2"
		    SUBNET("\7") "\0\1\x18\0\xc0\0\2") },
		/* The echo of the error answer once wrote 32 octets of address for this one. */
		{ .name = "twice, the second /255", BYTES(EDNS WWW OPT "\0\x33" SUBNET("\7") "\0\1\x18\0\xc0\0\2"
		    SUBNET("\x24") "\0\1\xff\0" "0123456789abcdef0123456789abcdef") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t *bytes = malloc(rows[i].size);
		struct query query;
		char text[ADDRESS_TEXT_SIZE];
		enum query_verdict verdict;

		memcpy(bytes, rows[i].bytes, rows[i].size);
		verdict = query_read(&query, bytes, rows[i].size);
		SUITE_ROW(rows[i].name, verdict == (rows[i].good ? QUERY_OK : QUERY_FORMERR));
		SUITE_ROW(rows[i].name, query.edns);
		SUITE_ROW(rows[i].name, !query.subnet || query.subnet_length <= 128);
		if (rows[i].good) {
			SUITE_ROW(rows[i].name, query.subnet && query.subnet_length == rows[i].length);
			SUITE_TEXT(address_text(&query.subnet_address, text), rows[i].address);
		}
		free(bytes);
	}
}

static void
test_fields(void)
{
	static const uint8_t bytes[] = "\xab\xcd\1\x10\0\1\0\0\0\0\0\1" "\3WwW\7eXample\0\0\x1c\0\1"
		"\0" "\0\x29" "\x10\0" "\0\0" "\x80\0" "\0\0";
	static const uint8_t small[] = EDNS WWW "\0" "\0\x29" "\0\x10" "\0\0" "\0\0" "\0\0";
	static const uint8_t no_question[] = HEAD("\0\0", "\0", "\0", "\0", "\1") OPT "\0\0";
	static const uint8_t status[] = HEAD("\x10\0", "\1", "\0", "\0", "\1") WWW OPT "\0\0";
	struct query query;
	char text[NAME_TEXT_SIZE];

	CU_ASSERT_EQUAL(query_read(&query, bytes, sizeof(bytes) - 1), QUERY_OK);
	CU_ASSERT_EQUAL(query.id, 0xabcd);
	CU_ASSERT_EQUAL(query.flags, FLAG_RD | FLAG_CD);
	CU_ASSERT_EQUAL(query.type, TYPE_AAAA);
	CU_ASSERT_EQUAL(query.class, CLASS_IN);
	CU_ASSERT_EQUAL(query.question_length, 17);
	SUITE_TEXT(name_text(query.name, text), "www.example.");
	CU_ASSERT(query.parts.labels == 2 && query.parts.length == 13);
	CU_ASSERT(query.edns && query.dnssec_ok && !query.subnet);
	CU_ASSERT_EQUAL(query.payload, 4096);
	CU_ASSERT_EQUAL(query_read(&query, bytes, sizeof(bytes) - 1 - 11), QUERY_FORMERR);
	CU_ASSERT_EQUAL(query.question_length, 17);
	CU_ASSERT_EQUAL(query_read(&query, small, sizeof(small) - 1), QUERY_OK);
	CU_ASSERT_EQUAL(query.payload, 512);	/* less than 512 means 512 (RFC 6891 section 6.2.3) */
	CU_ASSERT_FALSE(query.dnssec_ok);
	/* Errors keep what their answer needs: OPT without a question, and with another opcode. */
	CU_ASSERT_EQUAL(query_read(&query, no_question, sizeof(no_question) - 1), QUERY_FORMERR);
	CU_ASSERT(query.edns && query.question_length == 0);
	CU_ASSERT_EQUAL(query_read(&query, status, sizeof(status) - 1), QUERY_NOTIMP);
	CU_ASSERT(query.edns && query.question_length == 17);
}

static void
test_options(void)
{
	static const uint8_t bytes[] = EDNS WWW OPT "\0\x19" "\0\x09\0\0" "\0\x0b\0\0" "\0\x0c\0\1\0" COOKIE("\x08",
	    "abcdefgh");
	static const uint8_t none[] = EDNS WWW OPT "\0\0";
	struct query query;

	CU_ASSERT_EQUAL(query_read(&query, bytes, sizeof(bytes) - 1), QUERY_OK);
	CU_ASSERT(query.expire && query.keepalive && query.padding && !query.nsid && !query.subnet);
	CU_ASSERT_FATAL(query.cookie != NULL);
	CU_ASSERT(query.cookie_length == 8 && memcmp(query.cookie, "abcdefgh", 8) == 0);
	/* Nothing stays of the query before. */
	CU_ASSERT_EQUAL(query_read(&query, none, sizeof(none) - 1), QUERY_OK);
	CU_ASSERT(!query.expire && !query.keepalive && !query.padding && query.cookie == NULL);
}

static const struct suite_case cases[] = {
	{ .name = "verdicts", .run = test_verdicts },
	{ .name = "client subnet", .run = test_subnet },
	{ .name = "fields", .run = test_fields },
	{ .name = "options", .run = test_options },
};

int
main(void)
{
	return suite_run("query", cases, ARRAY_SIZE(cases));
}
