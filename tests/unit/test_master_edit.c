/* test_master_edit.c -- zone/master_edit: what an edit changes in a text, and that it changes nothing else. */
#include "zone/master_edit.h"

#include "base/text.h"
#include "suite.h"
#include "zone/master_read.h"

#define SOA(serial) "@ 60 IN SOA ns1 h " serial " 2 3 4 5\n"
#define HEAD(serial) "$TTL 60\n" SOA(serial) "@ NS ns1\nns1 A 192.0.2.53\n"
#define VALUES_MAX 4

static const uint8_t apex[] = "\7example\3com";

/* The new text, or the messages; the caller frees. */
static char *
edited(const char *text, const char *owner, const char *type, uint32_t ttl, const char *const *rdata)
{
	struct diags diags = { 0 };
	struct text messages = { 0 };
	struct zone *zone = master_read(text, "z", apex, &diags);
	struct edited edited = { NULL, NULL };
	size_t count = 0;
	bool good;

	CU_ASSERT_FATAL(zone != NULL);
	diag_fini(&diags);
	while (count < VALUES_MAX && rdata[count] != NULL)
		count++;
	good = count == 0 ? master_delete(text, zone, "z", owner, type, &edited, &diags)
	    : master_set(text, zone, "z", owner, type, ttl, rdata, count, &edited, &diags);
	good = good && master_check(edited.text, "z", edited.zone, &diags);
	if (good == diag_failed(&diags))
		SUITE_TEXT("a result or errors", "not both or neither");
	diag_print(&diags, &messages);
	diag_fini(&diags);
	zone_release(zone);
	zone_release(edited.zone);
	if (good) {
		text_fini(&messages);
		return edited.text;
	}
	free(edited.text);
	return text_take(&messages);
}

/* Without RDATA the records are deleted. `file` and `expected` stand between a head that is the same but for the
 * serial; an `expected` that begins with "z:" is an error. */
static void
test_edits(void)
{
	static const struct {
		const char *name, *file, *owner, *type;
		uint32_t ttl;
		const char *rdata[VALUES_MAX], *expected;
	} rows[] = {
		{ "a new name goes to the end", "a A 192.0.2.1\n", "b.example.com", "A", 60, { "192.0.2.2" },
		  "a A 192.0.2.1\nb\tIN\tA\t192.0.2.2\n" },
		{ "another TTL than $TTL is written", "", "b.example.com", "A", 61, { "192.0.2.2" },
		  "b\t61\tIN\tA\t192.0.2.2\n" },
		{ "a second record stands behind the first and looks like it",
		  "a   IN  A  192.0.2.1 ; one\nc A 192.0.2.3\n", "a.example.com", "A", 60, { "192.0.2.1", "192.0.2.2" },
		  "a   IN  A  192.0.2.1 ; one\na   IN  A  192.0.2.2\nc A 192.0.2.3\n" },
		{ "one record is replaced", "a A 192.0.2.1 ; gone\n; stays\nb A 192.0.2.9\n", "a.example.com", "A", 60,
		  { "192.0.2.2" }, "a A 192.0.2.2\n; stays\nb A 192.0.2.9\n" },
		{ "one of three goes, the others keep their lines",
		  "a A 192.0.2.1 ; 1\na A 192.0.2.2 ; 2\na A 192.0.2.3 ; 3\n", "A.EXAMPLE.com.", "a", 60,
		  { "192.0.2.3", "192.0.2.1" }, "a A 192.0.2.1 ; 1\na A 192.0.2.3 ; 3\n" },
		{ "a TTL is changed in its place", "a 5 IN A 192.0.2.1 ; c\na IN 5 A 192.0.2.2\n", "a.example.com", "A", 7,
		  { "192.0.2.1", "192.0.2.2" }, "a 7 IN A 192.0.2.1 ; c\na IN 7 A 192.0.2.2\n" },
		{ "a TTL is put in", "a IN A 192.0.2.1 ; c\n", "a.example.com", "A", 7, { "192.0.2.1" },
		  "a 7 IN A 192.0.2.1 ; c\n" },
		{ "a TTL with units stays as it is", "a 1m A 192.0.2.1\n", "a.example.com", "A", 60, { "192.0.2.1" },
		  "a 1m A 192.0.2.1\n" },
		{ "the same RDATA in other words", "a AAAA 2001:DB8:0::1 ; c\n", "a.example.com", "AAAA", 60,
		  { "2001:db8::1" }, "a AAAA 2001:DB8:0::1 ; c\n" },
		{ "the same record given twice", "", "a.example.com", "A", 60, { "192.0.2.1", "192.0.2.1" },
		  "a\tIN\tA\t192.0.2.1\n" },
		{ "relative names in RDATA", "", "a.example.com", "MX", 60, { "10 ns1" },
		  "a\tIN\tMX\t10 ns1.example.com.\n" },
		{ "a new type of an owner", "a A 192.0.2.1\nb A 192.0.2.2\n", "a.example.com", "TXT", 60, { "\"x y\"" },
		  "a A 192.0.2.1\na\tIN\tTXT\t\"x y\"\nb A 192.0.2.2\n" },
		{ "region records of a service stand together",
		  "eu._region.www A 192.0.2.1\nus._region.www A 192.0.2.2\n_region TXT x\nz A 192.0.2.3\n",
		  "asia._region.www.example.com", "A", 60, { "192.0.2.4" }, "eu._region.www A 192.0.2.1\n"
		  "us._region.www A 192.0.2.2\nasia._region.www\tIN\tA\t192.0.2.4\n_region TXT x\nz A 192.0.2.3\n" },
		{ "without a final newline", "a A 192.0.2.1", "b.example.com", "A", 60, { "192.0.2.2" },
		  "a A 192.0.2.1\nb\tIN\tA\t192.0.2.2\n" },
		{ "without a final newline, replaced", "a A 192.0.2.1", "a.example.com", "A", 60, { "192.0.2.2" },
		  "a A 192.0.2.2\n" },
		{ "behind $ORIGIN", "$ORIGIN b.example.com.\nx A 192.0.2.1\n", "y.b.example.com", "CNAME", 60, { "x" },
		  "$ORIGIN b.example.com.\nx A 192.0.2.1\ny\tIN\tCNAME\tx.example.com.\n" },
		{ "outside of $ORIGIN", "x A 192.0.2.1\n$ORIGIN b.example.com.\nx A 192.0.2.1\n", "c.example.com", "A", 60,
		  { "192.0.2.2" }, "x A 192.0.2.1\n$ORIGIN b.example.com.\nx A 192.0.2.1\n"
		  "c.example.com.\tIN\tA\t192.0.2.2\n" },
		{ "deleted by type", "a A 192.0.2.1\na A 192.0.2.2\na TXT x\n", "a.example.com", "A", 0, { NULL },
		  "a TXT x\n" },
		{ "deleted with all types", "; c\na A 192.0.2.1\n  TXT ( x ; (\n ; d\n y )\nb A 192.0.2.2\n",
		  "a.example.com", NULL, 0, { NULL }, "; c\nb A 192.0.2.2\n" },
		{ "who inherited the owner gets it written, in the blanks", "name  A 192.0.2.1\n      TXT x\n      TXT y\n",
		  "name.example.com", "A", 0, { NULL }, "name  TXT x\n      TXT y\n" },
		{ "and in front of too few blanks", "name A 192.0.2.1\n TXT x\n", "name.example.com", "A", 0, { NULL },
		  "name TXT x\n" },
		{ "and in front of a tab", "name\tA\t192.0.2.1\n\tTXT\tx\n", "name.example.com", "A", 0, { NULL },
		  "name\tTXT\tx\n" },
		{ "and behind another $ORIGIN", "a A 192.0.2.1\n$ORIGIN b.example.com.\n TXT x\n", "a.example.com", "A", 0,
		  { NULL }, "$ORIGIN b.example.com.\na.example.com. TXT x\n" },
		{ "a record with a blank owner is replaced", "a TXT x\n  A 192.0.2.1\n  TXT y\n", "a.example.com", "A", 60,
		  { "192.0.2.2" }, "a TXT x\n  A 192.0.2.2\n  TXT y\n" },
		{ "a new owner between does not change who inherits", "a._x A 192.0.2.1\n  TXT y\nb A 192.0.2.2\n  TXT z\n",
		  "c._x.example.com", "A", 60, { "192.0.2.3" },
		  "a._x A 192.0.2.1\n  TXT y\nc._x\tIN\tA\t192.0.2.3\nb A 192.0.2.2\n  TXT z\n" },
		{ "multi-line records are one", "a MX ( ; c\n 10\n ns1 ) ; d\nb A 192.0.2.2\n", "a.example.com", "MX", 60,
		  { "20 ns1" }, "a\tIN\tMX\t20 ns1.example.com.\nb A 192.0.2.2\n" },
		{ "CRLF stays", "a A 192.0.2.1\r\nb A 192.0.2.2\r\n", "a.example.com", "A", 60,
		  { "192.0.2.1", "192.0.2.3" }, "a A 192.0.2.1\r\na A 192.0.2.3\nb A 192.0.2.2\r\n" },
		{ "an unknown type", "", "a.example.com", "TYPE65280", 60, { "\\# 2 0102" },
		  "a\tIN\tTYPE65280\t\\# 2 0102\n" },

		{ "no such owner", "", "b.example.com", NULL, 0, { NULL }, "z: no records at 'b.example.com.'\n" },
		{ "no such type", "a TXT x\n", "a.example.com", "A", 0, { NULL },
		  "z: 'a.example.com.' has no A record\n" },
		{ "arguments that are wrong", "", "b.example.net", "AAA", 4294967295u, { "x" },
		  "z: the owner 'b.example.net' is outside the zone\n"
		  "z: unknown record type 'AAA' (did you mean 'AAAA'?)\nz: the TTL 4294967295 is above 2147483647\n" },
		{ "an owner that is no name", "", "b..c", "A", 60, { "192.0.2.1" },
		  "z: the owner 'b..c' is no domain name\n" },
		{ "a type of messages", "", "b.example.com", "ANY", 60, { "x" },
		  "z: ANY is no type of records, only of messages\n" },
		{ "RDATA that is wrong", "", "b.example.com", "A", 60, { "192.0.2.1", "192.0.2.300", "::1", "" },
		  "z: record 2: A: '192.0.2.300' is no IPv4 address\n"
		  "z: record 3: A: '::1' is no IPv4 address (did you mean 'AAAA'?)\nz: record 4: A: 0 of 1 value\n" },
		{ "a second line in RDATA", "", "b.example.com", "TXT", 60, { "x\nwww A 192.0.2.66" },
		  "z: record 1: the value has more than one line\n" },
		{ "a comment in RDATA", "", "b.example.com", "TXT", 60, { "v=DKIM1; p=x", "; x", "(a;b)", "\"a" },
		  "z: record 1: ';' begins a comment: put the text in quotes\n"
		  "z: record 2: ';' begins a comment: put the text in quotes\nz: record 3: '(' is never closed\n"
		  "z: record 4: a quoted text is not closed on its line\n" },
		{ "what would be no zone: CNAME beside data", "a A 192.0.2.1\n", "a.example.com", "CNAME", 60, { "ns1" },
		  "z:6:6: CNAME beside other data (A) at the same name\n" },
		{ "what would be no zone: no NS", "", "example.com", "NS", 0, { NULL },
		  "z:2:9: no NS record at the apex\n" },
		{ "what would be no zone: no SOA", "", "example.com", "SOA", 0, { NULL },
		  "z: no SOA record at the apex\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool refused = strncmp(rows[i].expected, "z:", 2) == 0;
		struct text file = { 0 }, expected = { 0 };
		char *result;

		text_printf(&file, HEAD("9") "%s", rows[i].file);
		text_printf(&expected, refused ? "%s" : HEAD("10") "%s", rows[i].expected);
		result = edited(file.bytes, rows[i].owner, rows[i].type, rows[i].ttl, rows[i].rdata);
		if (result == NULL || strcmp(result, expected.bytes) != 0) {
			SUITE_TEXT(result, expected.bytes);
			SUITE_TEXT(rows[i].name, "a row that passes");
		}
		free(result);
		text_fini(&file);
		text_fini(&expected);
	}
}

/* Whole files: serials, and TTLs that are inherited from record to record. */
static void
test_whole_files(void)
{
	static const struct {
		const char *name, *file, *owner, *type;
		uint32_t ttl;
		const char *rdata[VALUES_MAX], *expected;
	} rows[] = {
		{ "the serial goes round", HEAD("4294967295") "a A 192.0.2.1\n", "a.example.com", "A", 0, { NULL }, HEAD("0") },
		{ "the serial of an SOA over many lines", "$TTL 60\n@ SOA ns1 h ( ; c\n  99 ; serial\n  2 3 4 5 )\n"
		  "  NS ns1\nns1 A 192.0.2.1\n", "ns1.example.com", "A", 60, { "192.0.2.2" },
		  "$TTL 60\n@ SOA ns1 h ( ; c\n  100 ; serial\n  2 3 4 5 )\n  NS ns1\nns1 A 192.0.2.2\n" },
		{ "an SOA is set: its serial is older", HEAD("9"), "example.com", "SOA", 60, { "ns1 h 3 20 30 40 50" },
		  "$TTL 60\n@ 60 IN SOA ns1 h 10 20 30 40 50\n@ NS ns1\nns1 A 192.0.2.53\n" },
		{ "an SOA is set: its serial is newer", HEAD("9"), "example.com", "SOA", 70, { "ns1 h 12 20 30 40 50" },
		  "$TTL 60\n@ 70 IN SOA ns1 h 12 20 30 40 50\n@ NS ns1\nns1 A 192.0.2.53\n" },
		{ "an SOA is set: its comments stay", "@ 60 SOA ns1 h ( 9 ; serial\n 2 ; refresh\n 3 4 5 )\n NS ns1.\n",
		  "example.com", "SOA", 60, { "ns1. h. 9 20 30 40 50" },
		  "@ 60 SOA ns1. h. ( 10 ; serial\n 20 ; refresh\n 30 40 50 )\n NS ns1.\n" },
		{ "an SOA in RFC 3597's form", "$TTL 60\n@ SOA \\# 22 0000 00000001 00000002 00000003 00000004 00000005\n"
		  "@ NS ns1.\n", "a.example.com", "A", 60, { "192.0.2.1" },
		  "$TTL 60\n@ SOA . . 2 2 3 4 5       \n@ NS ns1.\na\tIN\tA\t192.0.2.1\n" },
		{ "a TTL stated once stays with those that inherit it", SOA("9") "@ NS ns1.\na 5 A 192.0.2.1\nb A 192.0.2.2\n"
		  "c A 192.0.2.3\n", "a.example.com", "A", 0, { NULL },
		  SOA("10") "@ NS ns1.\nb 5 A 192.0.2.2\nc A 192.0.2.3\n" },
		{ "a new TTL between isn't inherited", SOA("9") "@ NS ns1.\na._x A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n",
		  "b._x.example.com", "A", 5, { "192.0.2.4" }, SOA("10") "@ NS ns1.\na._x A 192.0.2.1\n"
		  "b._x\t5\tIN\tA\t192.0.2.4\nb 60 A 192.0.2.2\nc A 192.0.2.3\n" },
		{ "a TTL that is changed isn't inherited", SOA("9") "@ NS ns1.\na A 192.0.2.1\nb A 192.0.2.2\n",
		  "a.example.com", "A", 5, { "192.0.2.1" },
		  SOA("10") "@ NS ns1.\na 5 A 192.0.2.1\nb 60 A 192.0.2.2\n" },
		{ "a TTL from the SOA's MINIMUM stays when that changes",
		  "@ SOA ns1. h. 9 2 3 4 60\n@ NS ns1.\na A 192.0.2.1\n", "example.com", "SOA", 60, { "ns1. h. 9 2 3 4 61" },
		  "@ 60 SOA ns1. h. 10 2 3 4 61\n@ NS ns1.\na A 192.0.2.1\n" },
		{ "a byte order mark stays", "\xef\xbb\xbf" HEAD("9") "a A 192.0.2.1\n", "a.example.com", "A", 0, { NULL },
		  "\xef\xbb\xbf" HEAD("10") },
		{ "new lines end as the others", "$TTL 60\r\n@ SOA ns1 h 9 2 3 4 5\r\n@ NS ns1.\r\n", "a.example.com", "A", 60,
		  { "192.0.2.1" }, "$TTL 60\r\n@ SOA ns1 h 10 2 3 4 5\r\n@ NS ns1.\r\na\tIN\tA\t192.0.2.1\r\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *result = edited(rows[i].file, rows[i].owner, rows[i].type, rows[i].ttl, rows[i].rdata);

		if (result == NULL || strcmp(result, rows[i].expected) != 0) {
			SUITE_TEXT(result, rows[i].expected);
			SUITE_TEXT(rows[i].name, "a row that passes");
		}
		free(result);
	}
}

/* No records given: as a deletion, but through master_set(). */
static void
test_set_to_nothing(void)
{
	static const char text[] = HEAD("9") "a A 192.0.2.1\n";
	struct diags diags = { 0 };
	struct zone *zone = master_read(text, "z", apex, &diags);
	struct edited edited = { NULL, NULL };

	CU_ASSERT(master_set(text, zone, "z", "a.example.com", "A", 60, NULL, 0, &edited, &diags));
	SUITE_TEXT(edited.text, HEAD("10"));
	CU_ASSERT_EQUAL(diags.count, 0);
	free(edited.text);
	zone_release(edited.zone);
	zone_release(zone);
	diag_fini(&diags);
}

static const struct suite_case cases[] = {
	{ .name = "records are set and deleted", .run = test_edits },
	{ .name = "serials, inherited TTLs, ends of lines", .run = test_whole_files },
	{ .name = "an RRset is set to nothing", .run = test_set_to_nothing },
};

int
main(void)
{
	return suite_run("master_edit", cases, ARRAY_SIZE(cases));
}
