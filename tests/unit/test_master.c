/* test_master.c -- zone/master_read and master_write: what a master file may look like, and what becomes of it. */
#include "zone/master.h"

#include "dns/types.h"
#include "suite.h"
#include "zone/rdata_write.h"

#define HEAD "$TTL 60\n@ SOA ns1 hostmaster 7 3600 900 604800 30\n@ NS ns1\nns1 A 192.0.2.53\n"
#define PLAIN "@\t60\tIN\tSOA\tns1.example.com. hostmaster.example.com. 7 3600 900 604800 30\n"

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

static const struct suite_case cases[] = {
	{ .name = "forms of records", .run = test_forms },
};

int
main(void)
{
	return suite_run("master", cases, ARRAY_SIZE(cases));
}
