/* test_master.c -- zone/master_read and master_write: what a master file may look like, what becomes of it, and what is
 * said of broken ones (tests/fixtures/zones-broken: each NAME.zone is read as example.com and gives NAME.expected). */
#include "zone/master.h"

#include <dirent.h>

#include "dns/types.h"
#include "suite.h"
#include "zone/rdata_write.h"

#define HEAD "$TTL 60\n@ SOA ns1 hostmaster 7 3600 900 604800 30\n@ NS ns1\nns1 A 192.0.2.53\n"

static const uint8_t apex[] = "\7example\3com";

static struct zone *
read_text(const char *text, struct diags *diags)
{
	return master_read(text, "example.com", apex, diags);
}

/* Warnings and errors as text, and the list emptied. */
static char *
taken(struct diags *diags)
{
	struct text out = { 0 };

	diag_print(diags, &out);
	diag_fini(diags);
	return text_take(&out);
}

/* The records of `owner` and `type`, "RDATA|RDATA", or NULL. */
static char *
values(const struct zone *zone, const char *owner, uint16_t type)
{
	uint8_t name[NAME_MAX];
	const struct node *node;
	const struct rrset *set;
	struct text out = { 0 };

	if (name_parse(owner, name) == 0)
		return NULL;
	node = zone_find_name(zone, name);
	set = node == NULL ? NULL : node_rrset(node, type);
	if (set == NULL)
		return NULL;
	text_printf(&out, "%u", set->ttl);
	for (const uint8_t *at = set->wire; at < set->wire + set->length; at += 2 + (at[0] << 8 | at[1])) {
		text_puts(&out, " | ");
		rdata_write(type, at + 2, (uint16_t)(at[0] << 8 | at[1]), &out);
	}
	return text_take(&out);
}

/* Text of a file behind HEAD, and what it gives at one owner and type. */
static void
test_forms(void)
{
	static const struct {
		const char *name, *text, *owner;
		uint16_t type;
		const char *expected;
	} rows[] = {
		{ "a relative owner", "www A 192.0.2.1\n", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "a complete owner", "www.example.com. A 192.0.2.1\n", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "@", "@ TXT x\n", "example.com", TYPE_TXT, "60 | \"x\"" },
		{ "a blank owner", "www A 192.0.2.1\n\tA 192.0.2.2\n  \tTXT x\n", "www.example.com", TYPE_A,
		  "60 | 192.0.2.1 | 192.0.2.2" },
		{ "a blank owner behind comments", "www A 192.0.2.1\n; x\n\n   ; y\n A 192.0.2.2\n", "www.example.com",
		  TYPE_A, "60 | 192.0.2.1 | 192.0.2.2" },
		{ "a blank owner behind $ORIGIN", "www A 192.0.2.1\n$ORIGIN b.example.com.\n A 192.0.2.2\n",
		  "www.example.com", TYPE_A, "60 | 192.0.2.1 | 192.0.2.2" },
		{ "letters of either case", "WWW in a 192.0.2.1\n", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "TTL, class", "www 5 IN A 192.0.2.1\n", "www.example.com", TYPE_A, "5 | 192.0.2.1" },
		{ "class, TTL", "www IN 5 A 192.0.2.1\n", "www.example.com", TYPE_A, "5 | 192.0.2.1" },
		{ "CLASS1", "www CLASS1 A 192.0.2.1\n", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "TTL with units", "www 1w2d3h4M5s A 192.0.2.1\n", "www.example.com", TYPE_A, "788645 | 192.0.2.1" },
		{ "the largest TTL", "www 2147483647 A 192.0.2.1\n", "www.example.com", TYPE_A,
		  "2147483647 | 192.0.2.1" },
		{ "$TTL again", "$TTL 1h\nwww A 192.0.2.1\n", "www.example.com", TYPE_A, "3600 | 192.0.2.1" },
		{ "$TTL goes before a stated TTL", "a 5 A 192.0.2.1\nwww A 192.0.2.1\n", "www.example.com", TYPE_A,
		  "60 | 192.0.2.1" },
		{ "$ORIGIN", "$ORIGIN b.example.com.\nwww A 192.0.2.1\n", "www.b.example.com", TYPE_A,
		  "60 | 192.0.2.1" },
		{ "a relative $ORIGIN", "$ORIGIN b\nwww CNAME @\n", "www.b.example.com", TYPE_CNAME,
		  "60 | b.example.com." },
		{ "directives in lower case", "$origin b\n$ttl 7\n@ A 192.0.2.1\n", "b.example.com", TYPE_A,
		  "7 | 192.0.2.1" },
		{ "a comment", "www A 192.0.2.1;A 192.0.2.2\n", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "parentheses", "www ( A ; ( \n 192.0.2.1 )\n", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "parentheses in the first column", "www MX ( 10\nns1\n)\n", "www.example.com", TYPE_MX,
		  "60 | 10 ns1.example.com." },
		{ "parentheses without blanks", "www MX(10 ns1)\n", "www.example.com", TYPE_MX,
		  "60 | 10 ns1.example.com." },
		{ "quotes", "www TXT \"a;b (c\" d\\;e \"f\\\"\\\\\" \"\"\n", "www.example.com", TYPE_TXT,
		  "60 | \"a;b (c\" \"d;e\" \"f\\\"\\\\\" \"\"" },
		{ "quotes side by side", "www TXT \"a\"\"b\"\n", "www.example.com", TYPE_TXT, "60 | \"a\" \"b\"" },
		{ "\\DDD", "www TXT \\097\\000 \\200\n", "www.example.com", TYPE_TXT, "60 | \"a\\000\" \"\\200\"" },
		{ "an owner with \\DDD", "\\119\\119w A 192.0.2.1\n", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "an escaped dot", "a\\.b A 192.0.2.1\n", "a\\.b.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "an owner that ends in an escaped dot", "a\\. A 192.0.2.1\n", "a\\..example.com", TYPE_A,
		  "60 | 192.0.2.1" },
		{ "an owner that ends in a backslash", "a\\\\.example.com. A 192.0.2.1\n", "a\\\\.example.com", TYPE_A,
		  "60 | 192.0.2.1" },
		{ "an escaped @ is a label", "www CNAME \\@\n", "www.example.com", TYPE_CNAME, "60 | \\@.example.com." },
		{ "\\064 is a label", "www CNAME \\064.x.\n", "www.example.com", TYPE_CNAME, "60 | \\@.x." },
		{ "an escaped $ is an owner", "\\$ttl TXT x\n", "\\$ttl.example.com", TYPE_TXT, "60 | \"x\"" },
		{ "CRLF", "www A 192.0.2.1\r\n MX 10 (\r\n ns1 ) \r\n", "www.example.com", TYPE_MX,
		  "60 | 10 ns1.example.com." },
		{ "no final newline", "www A 192.0.2.1", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "a comment at the very end", "www A 192.0.2.1\n; end", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "an unknown type", "www TYPE65280 \\# 3 01 0 203\n", "www.example.com", 65280, "60 | \\# 3 010203" },
		{ "an unknown type without octets", "www TYPE65280 \\# 0\n", "www.example.com", 65280, "60 | \\# 0" },
		{ "a known type in RFC 3597's form", "www A \\# 4 c0000201\n", "www.example.com", TYPE_A,
		  "60 | 192.0.2.1" },
		{ "a known type by number", "www TYPE1 192.0.2.1\n", "www.example.com", TYPE_A, "60 | 192.0.2.1" },
		{ "MX", "www MX 65535 @\n", "www.example.com", TYPE_MX, "60 | 65535 example.com." },
		{ "a null MX", "www MX 0 .\n", "www.example.com", TYPE_MX, "60 | 0 ." },
		{ "SRV", "_a._tcp SRV 1 2 3 ns1\n", "_a._tcp.example.com", TYPE_SRV, "60 | 1 2 3 ns1.example.com." },
		{ "CAA without quotes", "www CAA 0 issue ca.example\n", "www.example.com", 257,
		  "60 | 0 issue \"ca.example\"" },
		{ "HTTPS", "www HTTPS 1 . alpn=\"h2,h3\" port=8443\n", "www.example.com", TYPE_HTTPS,
		  "60 | 1 . alpn=h2,h3 port=8443" },
		{ "HTTPS in alias form", "www HTTPS 0 svc\n", "www.example.com", TYPE_HTTPS, "60 | 0 svc.example.com." },
		{ "NAPTR", "www NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b.c!\" .\n", "www.example.com", 35,
		  "60 | 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b.c!\" ." },
		{ "IPSECKEY with a relative gateway", "www IPSECKEY 10 3 2 gw AQID\n", "www.example.com", 45,
		  "60 | 10 3 2 gw.example.com. AQID" },
		{ "a key in several words", "www IPSECKEY 10 1 2 192.0.2.38 ( AQ\n ID )\n", "www.example.com", 45,
		  "60 | 10 1 2 192.0.2.38 AQID" },
		{ "HIP with a relative server", "www HIP 2 200100107B1A74DF365639CC39F1D578 AQID rvs\n",
		  "www.example.com", 55, "60 | 2 200100107b1a74df365639cc39f1d578 AQID rvs.example.com." },
		{ "hexadecimal digits in several words", "www TLSA 3 1 1 ab cd e f\n", "www.example.com", 52,
		  "60 | 3 1 1 abcdef" },
		{ "a region record", "eu-west._region.www IN A 192.0.2.10\n", "eu-west._region.www.example.com", TYPE_A,
		  "60 | 192.0.2.10" },
		{ "a wildcard", "*.w A 192.0.2.1\n", "*.w.example.com", TYPE_A, "60 | 192.0.2.1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diags diags = { 0 };
		struct text text = { 0 };
		struct zone *zone;
		char *found = NULL, *messages;

		text_printf(&text, HEAD "%s", rows[i].text);
		zone = read_text(text.bytes, &diags);
		if (zone != NULL)
			found = values(zone, rows[i].owner, rows[i].type);
		messages = taken(&diags);
		if (found == NULL || strcmp(found, rows[i].expected) != 0) {
			SUITE_TEXT(found, rows[i].expected);
			SUITE_TEXT(messages, rows[i].name);
		}
		free(messages);
		free(found);
		zone_release(zone);
		text_fini(&text);
	}
}

/* A row is one whole file; "" stands for no messages. */
static void
test_whole_files(void)
{
	static const struct {
		const char *name, *text, *messages;
		bool good;
	} rows[] = {
		{ "a byte order mark", "\xef\xbb\xbf" HEAD, "", true },
		{ "SOA with parentheses, comments and units", "@ 60 SOA ns1 hostmaster ( 1 ; serial\n\t1h ; refresh\n"
		  "\t15m 1w\n\t60 )\n\tNS ns1\nns1 A 192.0.2.53\n", "", true },
		{ "without $TTL, the TTL stated last", "@ 60 SOA ns1 hostmaster 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.53\n", "",
		  true },
		{ "nothing", "", "example.com: no SOA record at the apex\nexample.com: no NS record at the apex\n", false },
		{ "blanks only", " \n\t\r\n", "example.com: no SOA record at the apex\n"
		  "example.com: no NS record at the apex\n", false },
		{ "a quote at the end", HEAD "x TXT \"", "example.com:5:7: a quoted text is not closed on its line\n", false },
		{ "a parenthesis at the end", HEAD "x TXT (", "example.com:5:7: '(' is never closed\n", false },
		{ "a backslash at the end", HEAD "x TXT a\\",
		  "example.com:5:7: TXT: 'a\\' is no text of at most 255 octets with right escapes\n", false },
		{ "a backslash before a newline", HEAD "x\\\n TXT a\n",
		  "example.com:5:1: the owner 'x\\' is no domain name: it ends in a lone backslash\n", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diags diags = { 0 };
		struct zone *zone = read_text(rows[i].text, &diags);
		char *messages = taken(&diags);

		if ((zone != NULL) != rows[i].good)
			SUITE_TEXT(rows[i].name, rows[i].good ? "a zone" : "no zone");
		SUITE_TEXT(messages, rows[i].messages);
		free(messages);
		zone_release(zone);
	}
}

static int
is_zone(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".zone") == 0;
}

static char *
load(const char *folder, const char *name, const char *ending)
{
	char path[4096];
	size_t length;
	int error;

	snprintf(path, sizeof(path), "%s/%.*s%s", folder, (int)(strrchr(name, '.') - name), name, ending);
	return text_read_file(path, 1 << 20, &length, &error);
}

/* Every fixture gives exactly its messages; a zone comes of it when they are all warnings. */
static void
test_broken(void)
{
	const char *source = getenv("ISOBAR_SOURCE");
	struct dirent **entries;
	char folder[2048];
	int count;

	snprintf(folder, sizeof(folder), "%s/tests/fixtures/zones-broken", source == NULL ? "." : source);
	count = scandir(folder, &entries, is_zone, alphasort);
	CU_ASSERT_FATAL(count >= 50);
	for (int i = 0; i < count; i++) {
		struct diags diags = { 0 };
		char *text = load(folder, entries[i]->d_name, ".zone");
		char *expected = load(folder, entries[i]->d_name, ".expected"), *messages;
		struct zone *zone;
		bool failed;

		CU_ASSERT_FATAL(text != NULL && expected != NULL);
		zone = read_text(text, &diags);
		failed = diag_failed(&diags);
		messages = taken(&diags);
		SUITE_TEXT(messages, expected);
		if (failed == (zone != NULL) || failed == (strncmp(entries[i]->d_name, "warn-", 5) == 0))
			SUITE_TEXT(entries[i]->d_name, failed ? "no zone" : "a zone");
		zone_release(zone);
		free(messages);
		free(expected);
		free(text);
		free(entries[i]);
	}
	free(entries);
}

/* Every good fixture gives exactly the zone that NAME.expected has, without a word. */
static void
test_good(void)
{
	static const char *const names[] = { "forms.zone", "plain.zone", "regions.zone", "types.zone" };
	const char *source = getenv("ISOBAR_SOURCE");
	char folder[2048];

	snprintf(folder, sizeof(folder), "%s/tests/fixtures/zones-good", source == NULL ? "." : source);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct diags diags = { 0 };
		char *text = load(folder, names[i], ".zone"), *expected = load(folder, names[i], ".expected"), *messages;
		struct text out = { 0 };
		struct zone *zone;

		CU_ASSERT_FATAL(text != NULL && expected != NULL);
		zone = read_text(text, &diags);
		messages = taken(&diags);
		SUITE_TEXT(messages, "");
		CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
		master_write(zone, &out);
		SUITE_TEXT(out.bytes, expected);
		text_fini(&out);
		zone_release(zone);
		free(messages);
		free(expected);
		free(text);
	}
}

/* More of a kind than is kept: the rest is counted, and errors don't drown in warnings. */
static void
test_many_findings(void)
{
	struct text text = { 0 };
	struct diags diags = { 0 };
	char *messages;

	text_puts(&text, HEAD);
	for (unsigned i = 0; i < 500; i++)
		text_printf(&text, "m%u MX 10 nowhere%u\n", i, i);
	text_puts(&text, "www CNAME ns1\nwww A 192.0.2.1\n");
	CU_ASSERT_PTR_NULL(read_text(text.bytes, &diags));
	CU_ASSERT_EQUAL(diags.errors, 1);
	messages = taken(&diags);
	CU_ASSERT_PTR_NOT_NULL(strstr(messages, "example.com:505:5: CNAME beside other data (A)"));
	CU_ASSERT_PTR_NOT_NULL(strstr(messages, "example.com: warning: 400 more warnings of these kinds"));
	free(messages);
	text_fini(&text);
}

/* An RRset that no answer could hold is refused, with one error. */
static void
test_large_rrset(void)
{
	struct text text = { 0 };
	struct diags diags = { 0 };
	char *messages;

	text_puts(&text, HEAD);
	for (unsigned i = 0; i < 5000; i++)
		text_printf(&text, "www A 10.0.%u.%u\n", i / 256, i % 256);
	CU_ASSERT_PTR_NULL(read_text(text.bytes, &diags));
	messages = taken(&diags);
	SUITE_TEXT(messages, "example.com:4084:5: with this record the RRset is too large for any DNS message "
	    "(65535 octets)\n");
	free(messages);
	text_fini(&text);
}

static void
test_write(void)
{
	static const char expected[] =
	    "$ORIGIN example.com.\n"
	    "$TTL 60\n"
	    "@\tIN\tSOA\tns1.example.com. hostmaster.example.com. 7 3600 900 604800 30\n"
	    "@\tIN\tNS\tns1.example.com.\n"
	    "*\tIN\tA\t192.0.2.1\n"
	    "\\@\tIN\tTXT\t\"at\"\n"
	    "a\\.b\tIN\tA\t192.0.2.2\n"
	    "ns1\tIN\tA\t192.0.2.53\n"
	    "eu._region.www\t5\tIN\tA\t192.0.2.3\n"
	    "x\tIN\tTYPE65280\t\\# 2 0102\n";
	struct diags diags = { 0 };
	struct zone *zone = read_text(HEAD "x TYPE65280 \\# 2 0102\n* A 192.0.2.1\n\\@ TXT at\na\\.b A 192.0.2.2\n"
	    "eu._region.WWW 5 A 192.0.2.3\n", &diags);
	struct text out = { 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
	master_write(zone, &out);
	SUITE_TEXT(out.bytes, expected);
	text_fini(&out);
	master_write_rr((const uint8_t *)"\3www\7example\3com", TYPE_MX, 60, (const uint8_t *)"\0\12\2ns", 6, &out);
	SUITE_TEXT(out.bytes, "www.example.com. 60 IN MX 10 ns.");
	text_fini(&out);
	zone_release(zone);
	diag_fini(&diags);
}

/* RDATA that has no presentation form which reads back is written as RFC 3597 has it. */
static void
test_write_generic(void)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *rdata;
		uint16_t length;
		const char *expected;
	} rows[] = {
		{ "too short", TYPE_A, "\1\2\3", 3, "\\# 3 010203" },
		{ "octets behind", TYPE_A, "\1\2\3\4\5", 5, "\\# 5 0102030405" },
		{ "a compression pointer", TYPE_NS, "\300\0", 2, "\\# 2 c000" },
		{ "no text at all", TYPE_TXT, "", 0, "\\# 0" },
		{ "a text cut short", TYPE_TXT, "\5ab", 3, "\\# 3 056162" },
		{ "an empty digest", TYPE_DS, "\0\1\2\3", 4, "\\# 4 00010203" },
		{ "an unknown type", 65280, "\1", 1, "\\# 1 01" },
		{ "well-formed", TYPE_A, "\1\2\3\4", 4, "1.2.3.4" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text out = { 0 };

		rdata_write(rows[i].type, (const uint8_t *)rows[i].rdata, rows[i].length, &out);
		SUITE_TEXT(out.bytes, rows[i].expected);
		text_fini(&out);
	}
}

/* 65,000 octets of text strings: too long for any reader as \DDD, so they become hexadecimal, and come back. */
static void
test_write_long(void)
{
	static uint8_t rdata[65000];
	struct text out = { 0 }, file = { 0 };
	struct diags diags = { 0 };
	struct zone *zone;
	char *found;

	for (size_t i = 0; i < sizeof(rdata); i += 256)
		rdata[i] = sizeof(rdata) - i > 256 ? 255 : (uint8_t)(sizeof(rdata) - i - 1);
	rdata_write(TYPE_TXT, rdata, sizeof(rdata), &out);
	CU_ASSERT_EQUAL(strncmp(out.bytes, "\\# 65000 ff00", 13), 0);
	text_printf(&file, HEAD "x TXT %s\n", out.bytes);
	zone = read_text(file.bytes, &diags);
	CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
	found = values(zone, "x.example.com", TYPE_TXT);
	SUITE_TEXT(found + 5, out.bytes);
	free(found);
	zone_release(zone);
	diag_fini(&diags);
	text_fini(&file);
	text_fini(&out);
}

static void
test_file_names(void)
{
	static const struct {
		const char *name, *apex;
	} rows[] = {
		{ "www.example.com.zone", "www.example.com." },
		{ "www.example.com", "www.example.com." },
		{ "Example.COM.zone", "example.com." },
		{ "example.zone", "example." },
		{ "2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa." },
		{ ".example.com", NULL },
		{ ".zone", NULL },
		{ "example.com~", NULL },
		{ "example.com.zone.bak", NULL },
		{ "steering.yaml", NULL },
		{ "README.md", NULL },
		{ "a..b.zone", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t name[NAME_MAX];
		char text[NAME_TEXT_SIZE];
		size_t length = master_file_apex(rows[i].name, name);

		SUITE_TEXT(length == 0 ? NULL : name_text(name, text), rows[i].apex);
	}
}

static void
test_types(void)
{
	static const struct {
		const char *text;
		uint16_t type;
		const char *back;
	} rows[] = {
		{ "A", 1, "A" }, { "aaaa", 28, "AAAA" }, { "TYPE65", 65, "HTTPS" }, { "type65280", 65280, "TYPE65280" },
		{ "ANY", 255, "ANY" }, { "AXFR", 252, "AXFR" }, { "TYPE65535", 65535, "TYPE65535" },
		{ "NSEC3PARAM", 51, "NSEC3PARAM" }, { "TYPE56", 56, "TYPE56" },
		{ "", 0, NULL }, { "TYPE", 0, NULL }, { "TYPE0", 0, NULL }, { "TYPE65536", 0, NULL }, { "TYPE1x", 0, NULL },
		{ "TYPE-1", 0, NULL }, { "TYPE000001", 0, NULL }, { "AAA", 0, NULL }, { "A ", 0, NULL },
	};
	char text[16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT_EQUAL(rrtype_parse(rows[i].text), rows[i].type);
		if (rows[i].back != NULL)
			SUITE_TEXT(rrtype_text(rows[i].type, text), rows[i].back);
	}
	for (unsigned type = 1; type <= UINT16_MAX; type++)
		if (rrtype_parse(rrtype_text((uint16_t)type, text)) != type)
			SUITE_TEXT(text, "a type that reads back");
}

static const struct suite_case cases[] = {
	{ .name = "forms of records", .run = test_forms },
	{ .name = "whole files", .run = test_whole_files },
	{ .name = "broken and doubtful zones", .run = test_broken },
	{ .name = "good zones", .run = test_good },
	{ .name = "more findings than are kept", .run = test_many_findings },
	{ .name = "an RRset that no answer can hold", .run = test_large_rrset },
	{ .name = "a zone is written", .run = test_write },
	{ .name = "RDATA without a form of its own is written", .run = test_write_generic },
	{ .name = "RDATA that is too long for its form is written", .run = test_write_long },
	{ .name = "file names and zones", .run = test_file_names },
	{ .name = "types by name and number", .run = test_types },
};

int
main(void)
{
	return suite_run("master", cases, ARRAY_SIZE(cases));
}
