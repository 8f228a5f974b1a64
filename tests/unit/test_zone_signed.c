/* test_zone_signed.c -- zones with DNSSEC records: what freezing makes of them (zone_build.c, zone_denial.c) against a
 * plain search and ldns' hashes, their checks (signed_check.c), and that what is written reads back. */
#include "zone/zone.h"

#include <ldns/ldns.h>

#include "base/diag.h"
#include "base/text.h"
#include "dns/types.h"
#include "suite.h"
#include "zone/master.h"
#include "zone/signed_check.h"

static char *
load(const char *file)
{
	const char *source = getenv("ISOBAR_SOURCE");
	char path[2048];
	size_t length;
	int error;
	char *text;

	snprintf(path, sizeof(path), "%s/tests/fixtures/zones-signed/%s.zone", source == NULL ? "." : source, file);
	text = text_read_file(path, 1 << 20, &length, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	return text;
}

/* The zone, or NULL; and what was said of it, for the caller to free. */
static struct zone *
read_zone(const char *text, char **said)
{
	struct diags diags = { 0 };
	struct text out = { 0 };
	uint8_t origin[NAME_MAX];
	struct zone *zone = NULL;

	CU_ASSERT_FATAL(name_parse("example.com", origin) != 0);
	zone = master_read(text, "z", origin, &diags);
	text_puts(&out, "");
	diag_print(&diags, &out);
	diag_fini(&diags);
	*said = out.bytes;
	return zone;
}

/* One record a line, SOA first. */
static char *
written(const char *file)
{
	char *text = load(file), *said;
	struct text out = { 0 };
	struct zone *zone = read_zone(text, &said);

	CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
	master_write(zone, &out);
	CU_ASSERT_FATAL(!out.failed);
	zone_release(zone);
	free(said);
	free(text);
	return out.bytes;
}

static void
test_round_trip(void)
{
	static const char *const files[] = { "nsec", "nsec3", "optout" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char *text = load(files[i]), *once = written(files[i]), *said, *said_again;
		struct zone *zone = read_zone(text, &said), *again = read_zone(once, &said_again);
		struct text out = { 0 };

		CU_ASSERT_FATAL(zone != NULL && again != NULL);
		master_write(again, &out);
		SUITE_TEXT(out.bytes, once);
		CU_ASSERT_EQUAL(zone_records(zone), zone_records(again));
		CU_ASSERT_EQUAL(zone_nsec3_count(zone), zone_nsec3_count(again));
		CU_ASSERT(zone_is_signed(again));
		CU_ASSERT_EQUAL(zone_denial(again), i == 0 ? ZONE_NSEC : ZONE_NSEC3);
		text_fini(&out);
		zone_release(zone);
		zone_release(again);
		free(said);
		free(said_again);
		free(once);
		free(text);
	}
}

/* Signatures hang off what they cover, and NSEC3 owners are no names. */
static void
test_nodes(void)
{
	char *text = load("nsec3"), *said;
	struct zone *zone = read_zone(text, &said);
	const struct node *www = zone_find_name(zone, (const uint8_t *)"\3www\7example\3com\0");
	struct rrset signatures;

	CU_ASSERT_PTR_NOT_NULL_FATAL(www);
	CU_ASSERT_EQUAL(www->rrset_count, 2);
	CU_ASSERT_PTR_NULL(node_rrset(www, TYPE_RRSIG));
	CU_ASSERT_EQUAL(www->rrsets[0].signature_count, 1);
	CU_ASSERT(rrset_signatures(&www->rrsets[0], &signatures));
	CU_ASSERT(signatures.type == TYPE_RRSIG && signatures.ttl == 60 && signatures.count == 1);
	CU_ASSERT_EQUAL(signatures.wire[3], TYPE_A);
	for (size_t i = 0; i < zone_nsec3_count(zone); i++) {
		const struct node *node = zone_nsec3_at(zone, i);

		CU_ASSERT_PTR_NULL(zone_find_name(zone, node->name));
		CU_ASSERT(zone_nsec3_is_used(zone, i));
		CU_ASSERT(node->rrset_count == 1 && node->rrsets[0].type == TYPE_NSEC3);
		CU_ASSERT_EQUAL(node->rrsets[0].signature_count, 1);
	}
	zone_release(zone);
	free(said);
	free(text);
}

/* --- checks ------------------------------------------------------------------------------------------------- */

struct row {
	const char *name, *file;
	const char *without[4];		/* lines that begin so are left out */
	const char *from, *to;		/* replaced once */
	const char *added;
	const char *says;		/* somewhere in the messages */
	bool good;
};

static char *
changed(const struct row *row)
{
	char *text = written(row->file), *line = text;
	struct text out = { 0 };

	text_puts(&out, "");
	while (*line != '\0') {
		size_t length = strcspn(line, "\n") + 1;
		const char *at;
		bool left_out = false;

		for (size_t i = 0; i < ARRAY_SIZE(row->without) && row->without[i] != NULL; i++)
			left_out |= strncmp(line, row->without[i], strlen(row->without[i])) == 0;
		line[length - 1] = '\0';
		at = row->from == NULL ? NULL : strstr(line, row->from);
		if (at != NULL)
			text_printf(&out, "%.*s%s%s\n", (int)(at - line), line, row->to, at + strlen(row->from));
		else if (!left_out)
			text_printf(&out, "%s\n", line);
		line += length;
	}
	if (row->added != NULL)
		text_puts(&out, row->added);
	free(text);
	return out.bytes;
}

/* What is said of each of them. */
#define DANGLING "warning: CNAME: the target 'nothere.example.com.' does not exist"

#define RRSIG_OF(type, labels, tag) "\tIN\tRRSIG\t" type " 15 " labels " 60 20370101000000 20260101000000 " tag \
	" example.com. AAAA\n"

static void
test_checks(void)
{
	static const struct row rows[] = {
		{ .name = "good, NSEC", .file = "nsec", .says = DANGLING, .good = true },
		{ .name = "good, NSEC3", .file = "nsec3", .says = DANGLING, .good = true },
		{ .name = "iterations", .file = "optout", .good = true,
		    .says = "warning: NSEC3 with 2 iterations, where RFC 9276 section 3.1 wants none" },
		{ .name = "no signature", .file = "nsec", .without = { "www\t60\tIN\tRRSIG\tAAAA" },
		    .says = "the zone is signed, but these AAAA records aren't" },
		{ .name = "no such records", .file = "nsec", .without = { "www\t60\tIN\tAAAA" },
		    .says = "the RRSIG covers AAAA, of which there is no record here" },
		{ .name = "a type too many", .file = "nsec", .without = { "www\t60\tIN\tAAAA", "www\t60\tIN\tRRSIG\tAAAA" },
		    .says = "the NSEC of 'www.example.com.' lists a type that isn't there" },
		{ .name = "a type too few", .file = "nsec", .from = "NSEC\texample.com. A AAAA",
		    .to = "NSEC\texample.com. A",
		    .says = "the NSEC of 'www.example.com.' doesn't list AAAA, which is there" },
		{ .name = "a name without NSEC", .file = "nsec", .without = { "mx\t300" },
		    .says = "the name has no NSEC, as every name of this zone must" },
		{ .name = "a name too few", .file = "nsec", .without = { "mx\t" },
		    .says = "the NSEC leads to 'mx.example.com.', but the next name is 'ns.example.com.'" },
		{ .name = "a name too many", .file = "nsec", .added = "new\t60\tIN\tA\t192.0.2.1\nnew\t60" RRSIG_OF("A", "3",
		    "20862"), .says = "the name has no NSEC" },
		{ .name = "no chain", .file = "nsec", .without = { "@\t300\tIN\tNSEC", "@\t300\tIN\tRRSIG\tNSEC" },
		    .says = "it can't prove what isn't there" },
		{ .name = "no keys", .file = "nsec", .without = { "@\tIN\tDNSKEY", "@\tIN\tRRSIG\tDNSKEY" },
		    .says = "the zone is signed, but has no DNSKEY" },
		{ .name = "another key", .file = "nsec", .from = "www\t60\tIN\tRRSIG\tAAAA 15 3 60 20370101000000 "
		    "20260101000000 20862", .to = "www\t60\tIN\tRRSIG\tAAAA 15 3 60 20370101000000 20260101000000 1",
		    .says = "no RRSIG over AAAA is this zone's, for this name, and by a key of its DNSKEY" },
		{ .name = "another name's", .file = "nsec", .from = "www\t60\tIN\tRRSIG\tAAAA 15 3 ",
		    .to = "www\t60\tIN\tRRSIG\tAAAA 15 2 ", .says = "no RRSIG over AAAA is this zone's" },
		{ .name = "signed glue", .file = "nsec", .added = "ns.secure\t60" RRSIG_OF("A", "4", "20862"),
		    .says = "RRSIG over A at or below a delegation" },
		{ .name = "a signed delegation", .file = "nsec", .added = "secure\t60" RRSIG_OF("NS", "3", "20862"),
		    .says = "RRSIG over NS at or below a delegation" },
		{ .name = "too many iterations", .file = "nsec3", .from = "NSEC3PARAM\t1 0 0", .to = "NSEC3PARAM\t1 0 101",
		    .says = "NSEC3 with 101 iterations: validators don't follow more than 100" },
		{ .name = "an NSEC3 too few", .file = "nsec3", .without = { "prba91ldeqa4" }, .says = "no NSEC3" },
		{ .name = "opt-out", .file = "optout", .added = "further\tIN\tNS\tns.example.net.\n", .good = true,
		    .says = "wants none" },
		{ .name = "not in opt-out", .file = "optout", .added = "further\tIN\tTXT\tx\nfurther\t60" RRSIG_OF("TXT", "3",
		    "20862"), .says = "the name has no NSEC3" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = changed(&rows[i]), *said;
		struct zone *zone = read_zone(text, &said);

		if (strstr(said, rows[i].says) == NULL)
			SUITE_TEXT(said, rows[i].says);
		SUITE_ROW(rows[i].name, (zone != NULL) == rows[i].good);
		zone_release(zone);
		free(said);
		free(text);
	}
}

static void
test_validity(void)
{
	static const struct { const char *at; bool expired, early; } rows[] = {
		{ "2025-12-31T23:59:59Z", false, true },
		{ "2026-01-01T00:00:00Z", false, false },
		{ "2036-12-31T23:59:59Z", false, false },
		{ "2037-01-01T00:00:01Z", true, false },
	};
	char *text = load("nsec3"), *said;
	struct zone *zone = read_zone(text, &said);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wall now, end;
		struct zone_validity validity;

		CU_ASSERT_FATAL(wall_parse(rows[i].at, &now) == 0 && wall_parse("2037-01-01T00:00:00Z", &end) == 0);
		validity = zone_validity(zone, now);
		SUITE_ROW(rows[i].at, (validity.expired > 40) == rows[i].expired);
		SUITE_ROW(rows[i].at, (validity.early > 40) == rows[i].early);
		SUITE_ROW(rows[i].at, (validity.node != NULL) == (rows[i].expired || rows[i].early));
		SUITE_ROW(rows[i].at, validity.until.ms == (rows[i].expired ? 0 : end.ms));
	}
	zone_release(zone);
	free(said);
	free(text);
}

/* --- denial by chance --------------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

static unsigned
dice(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % below;
}

/* One to three labels of few letters under "example.". */
static void
random_name(uint8_t *name)
{
	static const char letters[] = "!*-19_abz";
	size_t at = 0;

	for (unsigned labels = 1 + dice(3); labels > 0; labels--) {
		unsigned length = 1 + dice(2);

		name[at++] = (uint8_t)length;
		for (unsigned i = 0; i < length; i++)
			name[at++] = (uint8_t)letters[dice(sizeof(letters) - 1)];
	}
	memcpy(name + at, "\7example\0", 9);
}

static const uint8_t apex[] = "\7example\0", soa[22] = { 0 };

/* With NSEC at all names or at some, which aren't right but for their owners. */
static struct zone *
random_nsec_zone(unsigned names, bool all)
{
	struct zone_builder *builder = zone_builder_new(apex);
	struct zone *zone = NULL;
	uint8_t name[NAME_MAX];
	bool good = zone_builder_add(builder, apex, TYPE_SOA, 60, soa, sizeof(soa)) == ZONE_ADDED
	    && zone_builder_add(builder, apex, TYPE_NSEC, 60, apex, 9) == ZONE_ADDED;

	for (unsigned i = 0; i < names && good; i++) {
		random_name(name);
		for (const uint8_t *p = name; *p != 0 && good; p += *p + 1)
			if (p == name || all)
				good = zone_builder_add(builder, p, TYPE_NSEC, 60, apex, 9) <= ZONE_DUPLICATE;
	}
	CU_ASSERT_FATAL(good && zone_builder_freeze(builder, &zone) == ZONE_OK);
	CU_ASSERT_EQUAL(zone_denial(zone), ZONE_NSEC);
	return zone;
}

static const struct node *
nsec_by_search(const struct zone *zone, const uint8_t *name)
{
	const struct node *found = NULL;

	for (size_t i = 0; i < zone_node_count(zone); i++) {
		const struct node *node = zone_node_at(zone, i);

		if (node_rrset(node, TYPE_NSEC) != NULL && name_compare(node->name, name) <= 0)
			found = node;
	}
	return found;
}

static const struct node *
encloser_of(const struct zone *zone, const uint8_t *name, const uint8_t **next_closer)
{
	const struct node *node = NULL;

	for (const uint8_t *p = name; node == NULL; p += *p + 1) {
		node = zone_find_name(zone, p);
		if (node == NULL)
			*next_closer = p;
	}
	return node;
}

static void
test_nsec_search(void)
{
	for (unsigned round = 0; round < 12; round++) {
		struct zone *zone = random_nsec_zone(1 + round * 9, round % 2 == 0);

		for (unsigned i = 0; i < 500; i++) {
			uint8_t name[NAME_MAX];
			const uint8_t *next_closer = NULL;
			const struct node *node;

			random_name(name);
			node = encloser_of(zone, name, &next_closer);
			if (next_closer == NULL)
				CU_ASSERT_PTR_EQUAL(zone_nsec_at(zone, node), nsec_by_search(zone, name));
			if (next_closer != NULL)
				CU_ASSERT_PTR_EQUAL(zone_nsec_before(zone, node, next_closer),
				    nsec_by_search(zone, name));
		}
		zone_release(zone);
	}
}

/* The owner of a name's NSEC3, by ldns. */
static void
hashed_name(const uint8_t *name, uint16_t iterations, const uint8_t *salt, uint8_t salt_length, uint8_t *to)
{
	ldns_rdf *plain = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_length(name, NAME_MAX), name);
	ldns_rdf *hashed = ldns_nsec3_hash_name(plain, 1, iterations, salt_length, salt);

	memcpy(to, ldns_rdf_data(hashed), 33);
	memcpy(to + 33, apex, 9);
	ldns_rdf_deep_free(hashed);
	ldns_rdf_deep_free(plain);
}

static const struct node *
nsec3_by_search(const struct zone *zone, const uint8_t *hashed)
{
	const struct node *found = NULL, *last = NULL;

	for (size_t i = 0; i < zone_nsec3_count(zone) && zone_nsec3_is_used(zone, i); i++) {
		const struct node *node = zone_nsec3_at(zone, i);

		if (last == NULL || name_compare(node->name, last->name) > 0)
			last = node;
		if (name_compare(node->name, hashed) <= 0 && (found == NULL || name_compare(node->name, found->name) > 0))
			found = node;
	}
	return found != NULL ? found : last;
}

static void
check_nsec3_zone(const struct zone *zone, uint16_t iterations, const uint8_t *salt, uint8_t salt_length)
{
	for (unsigned i = 0; i < 300; i++) {
		uint8_t name[NAME_MAX + 2], hashed[50], wildcard[NAME_MAX + 2] = { 1, '*' };
		const struct node *node, *found;

		random_name(name);
		hashed_name(name, iterations, salt, salt_length, hashed);
		found = nsec3_by_search(zone, hashed);
		CU_ASSERT_PTR_EQUAL(zone_nsec3_covering(zone, name), found);
		node = zone_find_name(zone, name);
		if (node == NULL)
			continue;
		CU_ASSERT_PTR_EQUAL(zone_nsec3_of(zone, node), name_compare(found->name, hashed) == 0 ? found : NULL);
		memcpy(wildcard + 2, name, name_length(name, NAME_MAX));
		hashed_name(wildcard, iterations, salt, salt_length, hashed);
		CU_ASSERT_PTR_EQUAL(zone_nsec3_wildcard(zone, node),
		    node->wildcard != NULL ? NULL : nsec3_by_search(zone, hashed));
	}
}

static void
test_nsec3_search(void)
{
	static const uint8_t salt[] = { 0xaa, 0xbb, 0xcc };

	for (unsigned round = 0; round < 12; round++) {
		uint8_t salt_length = round % 3 == 0 ? 3 : 0, rdata[40] = { 1, 0, 0, 0, 0 }, name[NAME_MAX], hashed[50];
		uint16_t iterations = round % 4 == 0 ? 5 : 0;
		struct zone_builder *builder = zone_builder_new(apex);
		size_t length = 5u + salt_length;
		struct zone *zone = NULL;
		bool good;

		rdata[3] = (uint8_t)iterations;
		rdata[4] = salt_length;
		memcpy(rdata + 5, salt, salt_length);
		good = zone_builder_add(builder, apex, TYPE_SOA, 60, soa, sizeof(soa)) == ZONE_ADDED
		    && zone_builder_add(builder, apex, TYPE_NSEC3PARAM, 60, rdata, (uint16_t)length) == ZONE_ADDED;
		rdata[length] = 20;
		for (unsigned i = 0; i < 1 + round * 20 && good; i++) {
			random_name(name);
			hashed_name(name, iterations, salt, salt_length, hashed);
			good = zone_builder_add(builder, name, TYPE_A, 60, soa, 4) <= ZONE_DUPLICATE;
			if (good && (i == 0 || dice(8) > 0))		/* else opt-out */
				good = zone_builder_add(builder, hashed, TYPE_NSEC3, 60, rdata, (uint16_t)(length + 21))
				    <= ZONE_DUPLICATE;
			rdata[3]++;		/* of another chain: not used */
			hashed[1] ^= 1;
			if (good && dice(4) == 0)
				good = zone_builder_add(builder, hashed, TYPE_NSEC3, 60, rdata, (uint16_t)(length + 21))
				    <= ZONE_DUPLICATE;
			rdata[3]--;
		}
		CU_ASSERT_FATAL(good && zone_builder_freeze(builder, &zone) == ZONE_OK);
		CU_ASSERT_EQUAL_FATAL(zone_denial(zone), ZONE_NSEC3);
		check_nsec3_zone(zone, iterations, salt, salt_length);
		zone_release(zone);
	}
}

/* What no signer makes may still arrive: it must do no harm. */
static void
test_odd(void)
{
	static const struct { const char *name; uint16_t type, length; const char *rdata; } records[] = {
		{ "\1a\7example\0", TYPE_RRSIG, 0, "" },
		{ "\1a\7example\0", TYPE_RRSIG, 1, "\0" },
		{ "\1a\7example\0", TYPE_RRSIG, 2, "\0\1" },
		{ "\1b\7example\0", TYPE_RRSIG, 4, "\0\56\0\0" },
		{ "\1c\7example\0", TYPE_NSEC3, 0, "" },
		{ "\1d\7example\0", TYPE_NSEC3, 5, "\1\0\0\0\377" },
		{ "\1e\7example\0", TYPE_RRSIG, 4, "\0\62\0\0" },
		{ "\7example\0", TYPE_NSEC3PARAM, 2, "\1\0" },
		{ "\7example\0", TYPE_NSEC3PARAM, 5, "\1\0\377\377\0" },
		{ "\7example\0", TYPE_NSEC3PARAM, 5, "\1\0\0\0\0" },
	};
	struct zone_builder *builder = zone_builder_new(apex);
	struct zone *zone = NULL;
	struct findings findings = { 0 };

	CU_ASSERT_EQUAL_FATAL(zone_builder_add(builder, apex, TYPE_SOA, 60, soa, sizeof(soa)), ZONE_ADDED);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		CU_ASSERT_EQUAL(zone_builder_add(builder, (const uint8_t *)records[i].name, records[i].type, 60,
		    (const uint8_t *)records[i].rdata, records[i].length), ZONE_ADDED);
	CU_ASSERT_EQUAL_FATAL(zone_builder_freeze(builder, &zone), ZONE_OK);
	CU_ASSERT_EQUAL(zone_denial(zone), ZONE_UNSIGNED);
	CU_ASSERT_EQUAL(zone_nsec3_count(zone), 3);
	CU_ASSERT_PTR_NULL(zone_find_name(zone, (const uint8_t *)"\1c\7example\0"));
	CU_ASSERT_EQUAL(node_rrset(zone_find_name(zone, (const uint8_t *)"\1a\7example\0"), TYPE_RRSIG)->count, 3);
	zone_check(zone, true, &findings);
	CU_ASSERT(findings.errors >= 3);
	findings_fini(&findings);
	CU_ASSERT_EQUAL(zone_validity(zone, (struct wall){ 0 }).expired, 0);
	zone_release(zone);
}

static const struct suite_case cases[] = {
	{ .name = "what is written reads back", .run = test_round_trip },
	{ .name = "signatures and NSEC3 owners", .run = test_nodes },
	{ .name = "checks", .run = test_checks },
	{ .name = "signatures that count", .run = test_validity },
	{ .name = "NSEC by chance", .run = test_nsec_search },
	{ .name = "NSEC3 by chance", .run = test_nsec3_search },
	{ .name = "odd records", .run = test_odd },
};

int
main(void)
{
	return suite_run("zone_signed", cases, ARRAY_SIZE(cases));
}
