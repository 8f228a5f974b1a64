/* test_steered_signed.c -- steered names of a zone that isobard signs: every region's records come with signatures that
 * ldns verifies, whatever is dead and whoever asks; where nothing may be answered, a denial of that one type; names of
 * region records can be hidden; and answering never signs. */
#include "serve/steered.h"

#include "base/clock.h"
#include "dnssec/key.h"
#include "dnssec/signer.h"
#include "world.h"

static const char zone[] =
	"@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"eu._region.www 60 A 192.0.2.1\neu._region.www 60 A 192.0.2.2\neu._region.www 60 AAAA 2001:db8::1\n"
	"us._region.www 600 A 198.51.100.1\nwww 60 TXT \"not steered\"\n"
	"eu._region.alias 60 CNAME www\nus._region.alias 60 CNAME us.example.net.\n"
	"eu._region.law 60 A 192.0.2.4\nus._region.law 60 A 198.51.100.4\n"
	"to-www 60 CNAME www\nlast 60 A 192.0.2.9\n";

#define SERVICE(name) "  " name ".example.com: {sharding-policy: priority, regions: {eu: {priority: 1}, us: {priority: 2}}, " \
	"ttl: {max: 300s}, when-all-down: nodata"
static const char steering[] =
	"regions:\n"
	"  eu: {location: {country: DE, latitude: 50.1, longitude: 8.7}}\n"
	"  us: {location: {country: US, latitude: 38.9, longitude: -77.5}}\n"
	"client-groups:\n  office: {networks: [10.1.0.0/16]}\n"
	"services:\n" SERVICE("www") "}\n" SERVICE("alias") "}\n"
	SERVICE("law") ", residency: [{clients: [office], regions: [us]}]}\n";

struct fixture {
	struct world world;
	struct key key;
	struct signature_cache *cache;
	struct signed_zone *by_us;
	ldns_rr_list *keys;
};

static struct fixture f;

static void
set_up(enum denial_kind denial, bool hidden)
{
	struct arena *arena = arena_new();
	struct text why = { 0 };
	struct signing signing = { .policy = SIGNING_POLICY_DEFAULT, .keys = &f.key, .key_count = 1, .now = wall_now() };
	uint8_t rdata[4 + KEY_PUBLIC_MAX], apex[NAME_MAX];
	struct compiled compiled = { 0 };
	size_t length;
	ldns_rr *key = ldns_rr_new_frm_type(LDNS_RR_TYPE_DNSKEY);

	world_open(&f.world, (struct world_parts){ .zones = { { "example.com.", zone } }, .steering = steering });
	CU_ASSERT_FATAL(name_parse("example.com", apex) != 0 && key_generate(&f.key, apex, KEY_CSK, KEY_ED25519) == 0);
	f.key.times.published = f.key.times.active = (struct wall){ signing.now.ms - 1000 };
	f.cache = signature_cache_new();
	signing.zone = f.world.zones[0];
	signing.policy.denial = denial;
	signing.policy.hide_region_records = hidden;
	signing.name_count = steered_names(f.world.steering, f.world.zones, 1, 0, arena, &signing.names);
	CU_ASSERT_EQUAL_FATAL(signing.name_count, 3);
	f.by_us = zone_sign(&signing, f.cache, &why);
	SUITE_TEXT(why.bytes, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f.by_us);
	snapshot_free(f.world.snapshot);
	f.world.snapshot = NULL;
	CU_ASSERT_EQUAL_FATAL(compile_tables(&compiled, f.world.steering, NULL, NULL, NULL), 0);
	f.world.snapshot = snapshot_new(&(struct snapshot_parts){ .epoch = 1, .steering = f.world.steering,
	    .zones = f.world.zones, .zone_count = 1, .signed_zones = &f.by_us, .hidden = &hidden,
	    .tables = compiled.services, .worker_count = 1 });
	CU_ASSERT_PTR_NOT_NULL_FATAL(f.world.snapshot);
	compiled_fini(&compiled);
	arena_free(arena);
	text_fini(&why);

	length = key_dnskey(&f.key, rdata);
	ldns_rr_set_owner(key, ldns_dname_new_frm_str("example.com."));
	ldns_rr_set_rdf(key, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, (uint16_t)(rdata[0] << 8 | rdata[1])), 0);
	ldns_rr_set_rdf(key, ldns_native2rdf_int8(LDNS_RDF_TYPE_INT8, rdata[2]), 1);
	ldns_rr_set_rdf(key, ldns_native2rdf_int8(LDNS_RDF_TYPE_ALG, rdata[3]), 2);
	ldns_rr_set_rdf(key, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_B64, length - 4, rdata + 4), 3);
	f.keys = ldns_rr_list_new();
	ldns_rr_list_push_rr(f.keys, key);
}

static void
tear_down(void)
{
	world_close(&f.world);
	signed_zone_release(f.by_us);
	signature_cache_free(f.cache);
	key_fini(&f.key);
	ldns_rr_list_deep_free(f.keys);
}

/* The signature over an RRset, or NULL. */
static ldns_rr *
signature_over(const ldns_rr *rr, const ldns_rr_list *section)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
		ldns_rr *other = ldns_rr_list_rr(section, i);

		if (ldns_rr_get_type(other) == LDNS_RR_TYPE_RRSIG
		    && ldns_rdf2native_int16(ldns_rr_rrsig_typecovered(other)) == ldns_rr_get_type(rr)
		    && ldns_dname_compare(ldns_rr_owner(rr), ldns_rr_owner(other)) == 0)
			return other;
	}
	return NULL;
}

/* Every RRset of the section has a signature that verifies, with the RRset's TTL. */
static void
verify_section(const char *question, const ldns_rr_list *section)
{
	ldns_rr_list *rest = ldns_rr_list_new(), *set;

	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(section, i)) != LDNS_RR_TYPE_RRSIG)
			ldns_rr_list_push_rr(rest, ldns_rr_clone(ldns_rr_list_rr(section, i)));
	while ((set = ldns_rr_list_pop_rrset(rest)) != NULL) {
		ldns_rr *signature = signature_over(ldns_rr_list_rr(set, 0), section);

		SUITE_ROW(question, signature != NULL
		    && ldns_rr_ttl(signature) == ldns_rr_ttl(ldns_rr_list_rr(set, 0)));
		SUITE_ROW(question, signature != NULL && ldns_verify_rrsig_keylist(set, signature, f.keys, NULL)
		    == LDNS_STATUS_OK);
		ldns_rr_list_deep_free(set);
	}
	ldns_rr_list_free(rest);
}

/* Is there an NSEC, or NSEC3, of `owner` (or its hash) without `type` and CNAME? */
static bool
denies(const ldns_rr_list *section, const char *owner, ldns_rr_type type)
{
	ldns_rdf *name = ldns_dname_new_frm_str(owner), *hashed = ldns_nsec3_hash_name(name, 1, 0, 0, NULL), *apex;
	bool found = false;

	apex = ldns_dname_new_frm_str("example.com.");
	ldns_dname_cat(hashed, apex);
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
		ldns_rr *rr = ldns_rr_list_rr(section, i);
		bool nsec = ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC, nsec3 = ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC3;

		if ((nsec && ldns_dname_compare(ldns_rr_owner(rr), name) == 0)
		    || (nsec3 && ldns_dname_compare(ldns_rr_owner(rr), hashed) == 0))
			found = !ldns_nsec_bitmap_covers_type(ldns_nsec_get_bitmap(rr), type)
			    && !ldns_nsec_bitmap_covers_type(ldns_nsec_get_bitmap(rr), LDNS_RR_TYPE_CNAME);
	}
	ldns_rdf_deep_free(name);
	ldns_rdf_deep_free(hashed);
	ldns_rdf_deep_free(apex);
	return found;
}

struct row {
	const char *question, *client;
	const char *dead[2];
	const char *expected;		/* header and answer without signatures */
	const char *denied;		/* the owner of the denial */
	unsigned proofs;		/* NSEC or NSEC3 in the authority section */
	unsigned proofs_nsec3;
};

static void
check(const struct row *row, enum denial_kind denial)
{
	ldns_pkt *packet;
	char text[4000] = "";
	unsigned proofs = 0;

	for (size_t i = 0; i < 2 && row->dead[i] != NULL; i++)
		world_kill(&f.world, row->dead[i], true);
	world_ask(&f.world, row->question, (struct ask){ .dnssec_ok = true, .payload = 4096, .client = row->client });
	for (char *line = strtok(f.world.text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		if ((text[0] == '\0' || strncmp(line, "an ", 3) == 0) && strstr(line, " RRSIG ") == NULL)
			sprintf(text + strlen(text), "%s\n", line);
	SUITE_TEXT(text, row->expected);
	CU_ASSERT_EQUAL_FATAL(ldns_wire2pkt(&packet, f.world.response, f.world.length), LDNS_STATUS_OK);
	verify_section(row->question, ldns_pkt_answer(packet));
	verify_section(row->question, ldns_pkt_authority(packet));
	for (size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_authority(packet)); i++) {
		ldns_rr_type type = ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_authority(packet), i));

		proofs += type == LDNS_RR_TYPE_NSEC || type == LDNS_RR_TYPE_NSEC3;
	}
	SUITE_ROW(row->question, proofs == (denial == DENIAL_NSEC ? row->proofs : row->proofs_nsec3));
	if (row->denied != NULL)
		SUITE_ROW(row->question, denies(ldns_pkt_authority(packet), row->denied,
		    ldns_get_rr_type_by_name(strchr(row->question, ' ') + 1)));
	ldns_pkt_free(packet);
	for (size_t i = 0; i < 2 && row->dead[i] != NULL; i++)
		world_kill(&f.world, row->dead[i], false);
}

static const struct row rows[] = {
	{ .question = "www.example.com. A", .expected = "NOERROR aa\nan www.example.com. 60 A 192.0.2.1\n"
	    "an www.example.com. 60 A 192.0.2.2\n" },
	{ .question = "www.example.com. A", .dead = { "eu" },
	    .expected = "NOERROR aa\nan www.example.com. 300 A 198.51.100.1\n" },
	{ .question = "www.example.com. A", .dead = { "eu", "us" },
	    .expected = "NOERROR aa ede 22 (all regions are down)\n", .denied = "www.example.com.", .proofs = 1,
	    .proofs_nsec3 = 1 },
	{ .question = "www.example.com. AAAA",
	    .expected = "NOERROR aa\nan www.example.com. 60 AAAA 2001:db8::1\n" },
	{ .question = "www.example.com. AAAA", .dead = { "eu" }, .expected = "NOERROR aa ede 22 (all regions are down)\n",
	    .denied = "www.example.com.", .proofs = 1, .proofs_nsec3 = 1 },
	{ .question = "www.example.com. TXT",
	    .expected = "NOERROR aa\nan www.example.com. 60 TXT \"not steered\"\n" },
	{ .question = "www.example.com. MX", .expected = "NOERROR aa\n", .denied = "www.example.com.", .proofs = 1,
	    .proofs_nsec3 = 1 },
	{ .question = "www.example.com. ANY", .expected = "NOERROR aa\nan www.example.com. 60 A 192.0.2.1\n"
	    "an www.example.com. 60 A 192.0.2.2\n" },
	{ .question = "to-www.example.com. A", .dead = { "eu" }, .expected = "NOERROR aa\n"
	    "an to-www.example.com. 60 CNAME www.example.com.\nan www.example.com. 300 A 198.51.100.1\n" },
	{ .question = "alias.example.com. A", .expected = "NOERROR aa\nan alias.example.com. 60 CNAME www.example.com.\n"
	    "an www.example.com. 60 A 192.0.2.1\nan www.example.com. 60 A 192.0.2.2\n" },
	{ .question = "alias.example.com. MX", .dead = { "eu" },
	    .expected = "NOERROR aa\nan alias.example.com. 60 CNAME us.example.net.\n" },
	{ .question = "alias.example.com. MX", .dead = { "eu", "us" },
	    .expected = "NOERROR aa ede 22 (all regions are down)\n", .denied = "alias.example.com.", .proofs = 1,
	    .proofs_nsec3 = 1 },
	{ .question = "law.example.com. A", .expected = "NOERROR aa\nan law.example.com. 60 A 192.0.2.4\n" },
	{ .question = "law.example.com. A", .client = "10.1.0.1",
	    .expected = "NOERROR aa\nan law.example.com. 60 A 198.51.100.4\n" },
	{ .question = "law.example.com. A", .client = "10.1.0.1", .dead = { "us" },
	    .expected = "NOERROR aa ede 22 (all regions are down)\n", .denied = "law.example.com.", .proofs = 1,
	    .proofs_nsec3 = 1 },
};

static void
check_all(enum denial_kind denial)
{
	uint64_t made;

	set_up(denial, false);
	made = signatures_made();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i], denial);
	CU_ASSERT_EQUAL(signatures_made(), made);
	check(&(struct row){ .question = "eu._region.www.example.com. A",
	    .expected = "NOERROR aa\nan eu._region.www.example.com. 60 A 192.0.2.1\n"
	    "an eu._region.www.example.com. 60 A 192.0.2.2\n" }, denial);
	tear_down();
}

static void
test_nsec(void)
{
	check_all(DENIAL_NSEC);
}

static void
test_nsec3(void)
{
	check_all(DENIAL_NSEC3);
}

/* As if they weren't there, also for the chain. */
static void
test_hidden(void)
{
	static const struct row hidden[] = {
		{ .question = "www.example.com. A", .dead = { "eu" },
		    .expected = "NOERROR aa\nan www.example.com. 300 A 198.51.100.1\n" },
		{ .question = "eu._region.www.example.com. A", .expected = "NXDOMAIN aa\n", .proofs = 1, .proofs_nsec3 = 3 },
		{ .question = "_region.www.example.com. A", .expected = "NXDOMAIN aa\n", .proofs = 1, .proofs_nsec3 = 3 },
		{ .question = "none._region.www.example.com. TXT", .expected = "NXDOMAIN aa\n", .proofs = 1,
		    .proofs_nsec3 = 3 },
		{ .question = "eu._region.law.example.com. A", .expected = "NXDOMAIN aa\n", .proofs = 1, .proofs_nsec3 = 2 },
	};

	for (enum denial_kind denial = DENIAL_NSEC; denial <= DENIAL_NSEC3; denial++) {
		set_up(denial, true);
		for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
			check(&hidden[i], denial);
		tear_down();
	}
}

/* Random names, types and clients: nothing is signed for them. */
static void
test_no_signing(void)
{
	static const char *const types[] = { "A", "AAAA", "MX", "ANY", "DS", "NSEC", "RRSIG", "DNSKEY" };
	uint64_t state = 88172645463325252u, made;

	set_up(DENIAL_NSEC3, false);
	made = signatures_made();
	for (unsigned i = 0; i < (suite_rounds(100000)); i++) {
		struct answer_env env = world_env(&f.world, (struct ask){ 0 });
		char question[100];
		uint8_t request[600];

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		snprintf(question, sizeof(question), "%s%x.%sexample.com. %s", state & 1 ? "x" : "", (unsigned)(state >> 40) % 999,
		    state & 2 ? "pool." : state & 4 ? "www." : "", types[state >> 8 & 7]);
		env.client.bytes[2] = (uint8_t)(state >> 20);
		if (answer(&env, request, world_request(request, question, (struct ask){ .dnssec_ok = true }),
		    f.world.response, ANSWER_SIZE_MAX) == 0)
			SUITE_TEXT(question, "answered");
	}
	CU_ASSERT_EQUAL(signatures_made(), made);
	tear_down();
}

static const struct suite_case cases[] = {
	{ .name = "NSEC", .run = test_nsec },
	{ .name = "NSEC3", .run = test_nsec3 },
	{ .name = "region records are hidden", .run = test_hidden },
	{ .name = "nothing is signed for a query", .run = test_no_signing },
};

int
main(void)
{
	return suite_run("steered_signed", cases, ARRAY_SIZE(cases));
}
