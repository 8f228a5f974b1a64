/* test_signer.c -- dnssec/signer: every signature of a signed zone is verified by ldns, the chains of NSEC and NSEC3 are
 * held against what they must be, steered names have their variants and second denials, and the cache spares work. */
#include "dnssec/signer.h"

#include <ldns/ldns.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "scarce.h"
#include "zone/master.h"

#define NOW 1800000000	/* 2027-01-15 */

/* Names in RDATA have capitals wherever the canonical form has none. */
static const char zone_text[] =
    "$TTL 300\n"
    "@ IN SOA Ns1.Example. Root.example. 7 1 2 3 120\n"
    " NS NS1.Example.\n NS ns2.example.\n"
    " MX 20 B.Mail.example.\n MX 10 a.MAIL.example.\n"
    " TXT \"Upper\" \"case stays\"\n"
    "ns1 A 192.0.2.1\nns1 AAAA 2001:db8::1\nns2 A 192.0.2.2\n"
    "many 60 A 192.0.2.9\nmany 60 A 192.0.2.10\nmany 60 A 192.0.2.100\n"
    "old NAPTR 100 10 \"U\" \"E2U+sip\" \"!^.*$!sip:I@Example.com!\" Repl.Example.\n"
    "old SRV 0 5 5060 SIP.example.\nold AFSDB 1 AFS.example.\nold RP Me.Example. Txt.Example.\nold KX 1 KX.example.\n"
    "old PTR Pointer.example.\nold MINFO R.example. E.Example.\nold CAA 0 issue \"CA.Example\"\n"
    "old HTTPS 1 Svc.example. alpn=h2\nold TYPE65500 \\# 3 414243\n"
    "a.b.ent A 192.0.2.3\n"
    "*.wild A 192.0.2.4\n"
    "alias CNAME Target.example.\n"
    "dname DNAME Other.example.\n"
    "cut NS ns.cut\ncut NS ns.elsewhere.test.\ncut DS 1 13 2 "
    "0000000000000000000000000000000000000000000000000000000000000000\nns.cut A 192.0.2.5\n"
    "insecure NS ns.insecure\nns.insecure A 192.0.2.6\n"
    "www TXT \"own\"\n"
    "eu._region.www A 192.0.2.10\neu._region.www A 192.0.2.11\neu._region.www AAAA 2001:db8::10\n"
    "us._region.www A 192.0.2.20\n"
    "eu._region.mixed A 192.0.2.12\nus._region.mixed CNAME Cdn.Example.\n"
    "eu._region.*.pool A 192.0.2.13\nus._region.*.pool A 192.0.2.13\n";

static const uint8_t apex[] = "\7example";

struct fixture {
	struct zone *zone;
	struct key keys[2];
	struct steered_name names[3];
	const struct node *variants[3][3];
	struct signing signing;
	struct signature_cache *cache;
	struct signed_zone *result;
};

static struct wall
at(int64_t seconds)
{
	return (struct wall){ seconds * 1000 };
}

static const struct node *
find(const struct zone *zone, const char *text)
{
	uint8_t name[NAME_MAX];

	if (name_parse(text, name) == 0)
		abort();
	return zone_find_name(zone, name);
}

static struct zone *
read_zone(const char *text)
{
	struct diags diags = { 0 };
	struct text said = { 0 };
	struct zone *zone = master_read(text, "test", apex, &diags);

	if (zone == NULL) {
		diag_print(&diags, &said);
		SUITE_TEXT(said.bytes, NULL);
		text_fini(&said);
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
	diag_fini(&diags);
	return zone;
}

static void
set_up(struct fixture *f, const char *text, enum key_algorithm algorithm, bool split, enum denial_kind denial)
{
	static const char *const owners[] = { "www.example.", "mixed.example.", "*.pool.example." };
	char name[200];

	*f = (struct fixture){ .zone = read_zone(text), .cache = signature_cache_new() };
	for (size_t i = 0; i < (split ? 2 : 1); i++) {
		CU_ASSERT_EQUAL_FATAL(key_generate(&f->keys[i], apex, !split ? KEY_CSK : i == 0 ? KEY_KSK : KEY_ZSK,
		    algorithm), 0);
		f->keys[i].times.published = f->keys[i].times.active = at(NOW - 100);
	}
	f->signing = (struct signing){
		.zone = f->zone, .keys = f->keys, .key_count = split ? 2 : 1, .policy = SIGNING_POLICY_DEFAULT,
		.names = f->names, .now = at(NOW), .serial = 100, .threads = 1,
	};
	f->signing.policy.denial = denial;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		if (find(f->zone, owners[i]) == NULL)
			continue;
		snprintf(name, sizeof(name), "eu._region.%s", owners[i]);
		f->variants[i][0] = find(f->zone, name);
		snprintf(name, sizeof(name), "us._region.%s", owners[i]);
		f->variants[i][2] = find(f->zone, name);	/* [1] has no records */
		f->names[f->signing.name_count++] = (struct steered_name){ find(f->zone, owners[i]), 3, f->variants[i] };
	}
}

static void
sign(struct fixture *f)
{
	struct text why = { 0 };

	signed_zone_release(f->result);
	f->result = zone_sign(&f->signing, f->cache, &why);
	SUITE_TEXT(why.bytes, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->result);
	text_fini(&why);
}

static void
tear_down(struct fixture *f)
{
	signed_zone_release(f->result);
	signature_cache_free(f->cache);
	for (size_t i = 0; i < f->signing.key_count; i++)
		key_fini(&f->keys[i]);
	zone_release(f->zone);
}

/* --- verification by ldns --------------------------------------------------------------------------------------- */

static ldns_rr_list *
to_ldns(const uint8_t *owner, uint16_t type, uint32_t ttl, unsigned count, const uint8_t *wire)
{
	ldns_rr_list *list = ldns_rr_list_new();
	size_t name = name_length(owner, NAME_MAX);

	for (unsigned i = 0; i < count; i++) {
		size_t length = wire_get_u16(wire), at_octet = 0;
		uint8_t *bytes = calloc(1, name + 10 + length);
		ldns_rr *rr = NULL;

		memcpy(bytes, owner, name);
		wire_put_u16(bytes + name, type);
		wire_put_u16(bytes + name + 2, CLASS_IN);
		wire_put_u32(bytes + name + 4, ttl);
		memcpy(bytes + name + 8, wire, 2 + length);
		CU_ASSERT_EQUAL_FATAL(ldns_wire2rr(&rr, bytes, name + 10 + length, &at_octet, LDNS_SECTION_ANSWER),
		    LDNS_STATUS_OK);
		ldns_rr_list_push_rr(list, rr);
		free(bytes);
		wire += 2 + length;
	}
	return list;
}

/* Tags of the keys that made its signatures, which all verify; 0 without any. Two tags are added up. */
static unsigned
verified(const struct fixture *f, const uint8_t *owner, const struct rrset *set)
{
	const struct rrset *dnskey = node_rrset(zone_apex(f->result->zone), TYPE_DNSKEY);
	ldns_rr_list *records, *signatures, *keys;
	char name[NAME_TEXT_SIZE], why[NAME_TEXT_SIZE + 100];
	unsigned tags = 0;

	if (set->signature_count == 0)
		return 0;
	records = to_ldns(owner, set->type, set->ttl, set->count, set->wire);
	signatures = to_ldns(owner, TYPE_RRSIG, set->ttl, set->signature_count, set->signatures);
	keys = to_ldns(apex, TYPE_DNSKEY, dnskey->ttl, dnskey->count, dnskey->wire);
	for (size_t i = 0; i < ldns_rr_list_rr_count(signatures); i++) {
		ldns_rr *signature = ldns_rr_list_rr(signatures, i);
		ldns_rr_list *good = ldns_rr_list_new();
		ldns_status status = ldns_verify_rrsig_keylist_time(records, signature, keys, f->signing.now.ms / 1000, good);

		snprintf(why, sizeof(why), "%s type %u: %s", name_text(owner, name), set->type,
		    ldns_get_errorstr_by_id(status));
		SUITE_ROW(why, status == LDNS_STATUS_OK && ldns_rr_list_rr_count(good) == 1);
		tags += ldns_rdf2native_int16(ldns_rr_rrsig_keytag(signature));
		ldns_rr_list_free(good);
	}
	ldns_rr_list_deep_free(records);
	ldns_rr_list_deep_free(signatures);
	ldns_rr_list_deep_free(keys);
	return tags;
}

static bool
is_unsigned(const char *name, uint16_t type)
{
	return (strcmp(name, "cut.example.") == 0 && type == TYPE_NS) || strcmp(name, "ns.cut.example.") == 0
	    || strcmp(name, "insecure.example.") == 0 || strcmp(name, "ns.insecure.example.") == 0;
}

static void
verify_all(const struct fixture *f)
{
	const struct zone *zone = f->result->zone;
	bool split = f->signing.key_count == 2;

	for (size_t i = 0; i < zone_node_count(zone) + zone_nsec3_count(zone); i++) {
		const struct node *node = i < zone_node_count(zone) ? zone_node_at(zone, i)
		    : zone_nsec3_at(zone, i - zone_node_count(zone));
		char name[NAME_TEXT_SIZE], why[NAME_TEXT_SIZE + 50];

		name_text(node->name, name);
		for (unsigned s = 0; s < node->rrset_count; s++) {
			uint16_t type = node->rrsets[s].type;
			bool key_type = type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
			unsigned by = split && !key_type ? f->keys[1].tag : f->keys[0].tag;

			snprintf(why, sizeof(why), "%s type %u", name, type);
			if (type != TYPE_NSEC && is_unsigned(name, type))
				by = 0;
			if (f->signing.policy.hide_region_records && (node->flags & NODE_REGION_RECORD))
				by = 0;
			SUITE_ROW(why, verified(f, node->name, &node->rrsets[s]) == by);
		}
	}
}

static void
test_verified(void)
{
	static const struct { const char *name; enum key_algorithm algorithm; bool split; enum denial_kind denial;
		unsigned threads; } rows[] = {
		{ .name = "P-256 CSK, NSEC", KEY_ECDSAP256SHA256, false, DENIAL_NSEC, 1 },
		{ .name = "P-256 split, NSEC3, threads", KEY_ECDSAP256SHA256, true, DENIAL_NSEC3, 3 },
		{ .name = "Ed25519 split, NSEC, threads", KEY_ED25519, true, DENIAL_NSEC, 2 },
		{ .name = "Ed25519 CSK, NSEC3", KEY_ED25519, false, DENIAL_NSEC3, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture f;

		set_up(&f, zone_text, rows[i].algorithm, rows[i].split, rows[i].denial);
		f.signing.threads = rows[i].threads;
		sign(&f);
		verify_all(&f);
		SUITE_ROW(rows[i].name, zone_serial(f.result->zone) == 100 && zone_serial(f.zone) == 7);
		SUITE_ROW(rows[i].name, zone_denial(f.result->zone)
		    == (rows[i].denial == DENIAL_NSEC ? ZONE_NSEC : ZONE_NSEC3));
		/* The regions of *.pool have the same records: one signature stands for both. */
		SUITE_ROW(rows[i].name, f.result->made == f.result->signatures - 1 && f.result->made > 50);
		tear_down(&f);
	}
}

/* --- the chains ------------------------------------------------------------------------------------------------- */

/* "TTL TYPE RDATA" of the only record. */
static const char *
text_of(const uint8_t *owner, const struct rrset *set)
{
	static char text[2000];
	struct text line = { 0 };
	char *from, *to = text;

	master_write_rr(owner, set->type, set->ttl, set->wire + 2, wire_get_u16(set->wire), &line);
	from = strpbrk(line.bytes, " \t");
	for (from += strspn(from, " \t"); *from != '\0' && *from != '\n'; from++)
		if (strncmp(from, "IN", 2) != 0 || (from[2] != ' ' && from[2] != '\t'))
			*to++ = *from == '\t' ? ' ' : *from;
		else
			from += 2;
	*to = '\0';
	text_fini(&line);
	return text;
}

struct link { const char *owner, *record; };

static void
test_nsec(void)
{
	static const struct link links[] = {
		{ "example.", "120 NSEC alias.example. NS SOA MX TXT RRSIG NSEC DNSKEY CDS CDNSKEY" },
		{ "alias.example.", "120 NSEC cut.example. CNAME RRSIG NSEC" },
		{ "cut.example.", "120 NSEC dname.example. NS DS RRSIG NSEC" },
		{ "dname.example.", "120 NSEC a.b.ent.example. DNAME RRSIG NSEC" },
		{ "a.b.ent.example.", "120 NSEC insecure.example. A RRSIG NSEC" },
		{ "insecure.example.", "120 NSEC many.example. NS RRSIG NSEC" },
		{ "many.example.", "120 NSEC mixed.example. A RRSIG NSEC" },
		{ "mixed.example.", "120 NSEC ns1.example. A CNAME RRSIG NSEC" },
		{ "ns1.example.", "120 NSEC ns2.example. A AAAA RRSIG NSEC" },
		{ "ns2.example.", "120 NSEC old.example. A RRSIG NSEC" },
		{ "old.example.", "120 NSEC *.pool.example. PTR MINFO RP AFSDB SRV NAPTR KX RRSIG NSEC HTTPS CAA TYPE65500" },
		{ "*.pool.example.", "120 NSEC *.wild.example. A RRSIG NSEC" },
		{ "*.wild.example.", "120 NSEC www.example. A RRSIG NSEC" },
		{ "www.example.", "120 NSEC example. A TXT AAAA RRSIG NSEC" },
	};
	struct fixture f;
	size_t count = 0;

	set_up(&f, zone_text, KEY_ED25519, false, DENIAL_NSEC);
	f.keys[0].times.offered = at(NOW);
	f.signing.policy.hide_region_records = true;
	sign(&f);
	verify_all(&f);
	for (size_t i = 0; i < zone_node_count(f.result->zone); i++)
		count += node_rrset(zone_node_at(f.result->zone, i), TYPE_NSEC) != NULL;
	CU_ASSERT_EQUAL(count, ARRAY_SIZE(links));
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		const struct node *node = find(f.result->zone, links[i].owner);
		const struct rrset *set = node == NULL ? NULL : node_rrset(node, TYPE_NSEC);

		SUITE_ROW(links[i].owner, set != NULL && set->count == 1);
		SUITE_TEXT(set == NULL ? "none" : text_of(node->name, set), links[i].record);
	}
	f.signing.policy.hide_region_records = false;
	sign(&f);
	count = 0;
	for (size_t i = 0; i < zone_node_count(f.result->zone); i++)
		count += node_rrset(zone_node_at(f.result->zone, i), TYPE_NSEC) != NULL;
	CU_ASSERT_EQUAL(count, ARRAY_SIZE(links) + 6);	/* the region records, not the names between */
	tear_down(&f);
}

/* Of each name's NSEC3, found by ldns' hash, the types. */
static void
test_nsec3(void)
{
	static const struct link links[] = {
		{ "example.", " NS SOA MX TXT RRSIG DNSKEY NSEC3PARAM" }, { "alias.example.", " CNAME RRSIG" },
		{ "cut.example.", " NS DS RRSIG" }, { "dname.example.", " DNAME RRSIG" }, { "ent.example.", "" },
		{ "b.ent.example.", "" }, { "a.b.ent.example.", " A RRSIG" }, { "insecure.example.", " NS" },
		{ "many.example.", " A RRSIG" }, { "mixed.example.", " A CNAME RRSIG" }, { "ns1.example.", " A AAAA RRSIG" },
		{ "ns2.example.", " A RRSIG" },
		{ "old.example.", " PTR MINFO RP AFSDB SRV NAPTR KX RRSIG HTTPS CAA TYPE65500" },
		{ "pool.example.", "" }, { "*.pool.example.", " A RRSIG" }, { "wild.example.", "" },
		{ "*.wild.example.", " A RRSIG" }, { "www.example.", " A TXT AAAA RRSIG" },
	};
	struct fixture f;

	set_up(&f, zone_text, KEY_ED25519, false, DENIAL_NSEC3);
	f.signing.policy.hide_region_records = true;
	sign(&f);
	verify_all(&f);
	CU_ASSERT_EQUAL(zone_nsec3_count(f.result->zone), ARRAY_SIZE(links));
	SUITE_TEXT(text_of(apex, node_rrset(zone_apex(f.result->zone), TYPE_NSEC3PARAM)), "120 NSEC3PARAM 1 0 0 -");
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		ldns_rdf *name = ldns_dname_new_frm_str(links[i].owner);
		ldns_rdf *hashed = ldns_nsec3_hash_name(name, 1, 0, 0, NULL);
		char *label = ldns_rdf2str(hashed);
		bool found = false;

		for (size_t n = 0; n < zone_nsec3_count(f.result->zone); n++) {
			const struct node *node = zone_nsec3_at(f.result->zone, n);
			const char *text;

			if (memcmp(node->name + 1, label, 32) != 0)
				continue;
			found = true;
			text = text_of(node->name, &node->rrsets[0]);
			SUITE_ROW(links[i].owner, strncmp(text, "120 NSEC3 1 0 0 - ", 18) == 0);
			SUITE_TEXT(text + 18 + 32, links[i].record);
		}
		SUITE_ROW(links[i].owner, found);
		free(label);
		ldns_rdf_deep_free(hashed);
		ldns_rdf_deep_free(name);
	}
	f.signing.policy.hide_region_records = false;
	sign(&f);
	CU_ASSERT_EQUAL(zone_nsec3_count(f.result->zone), ARRAY_SIZE(links) + 9);	/* .. and the names between */
	tear_down(&f);
}

/* --- steered names ------------------------------------------------------------------------------------------------ */

static void
test_steered(void)
{
	static const struct { size_t name, denial; uint16_t type; const char *nsec, *nsec3; } rows[] = {
		{ 0, 0, TYPE_A, "TXT AAAA RRSIG", "TXT AAAA RRSIG" }, { 0, 1, TYPE_AAAA, "A TXT RRSIG", "A TXT RRSIG" },
		{ 1, 0, TYPE_A, "RRSIG", "RRSIG" }, { 1, 1, TYPE_CNAME, "A RRSIG", "A RRSIG" }, { 2, 0, TYPE_A, "RRSIG", "RRSIG" },
	};

	for (enum denial_kind denial = DENIAL_NSEC; denial <= DENIAL_NSEC3; denial++) {
		struct fixture f;

		set_up(&f, zone_text, KEY_ED25519, false, denial);
		sign(&f);
		CU_ASSERT_EQUAL_FATAL(f.result->name_count, 3);
		for (size_t n = 0; n < 3; n++)
			for (size_t v = 0; v < 3; v++) {
				const struct node *given = f.variants[n][v], *node = f.result->names[n].variants[v];

				CU_ASSERT_EQUAL((given == NULL), (node == NULL));
				for (unsigned s = 0; node != NULL && s < node->rrset_count; s++) {
					CU_ASSERT_EQUAL(node->rrset_count, given->rrset_count);
					CU_ASSERT_EQUAL(verified(&f, f.names[n].owner->name, &node->rrsets[s]), f.keys[0].tag);
					CU_ASSERT_EQUAL(node->rrsets[s].length, given->rrsets[s].length);
					CU_ASSERT_EQUAL(memcmp(node->rrsets[s].wire, given->rrsets[s].wire,
					    given->rrsets[s].length), 0);
					CU_ASSERT_EQUAL(node->rrsets[s].signatures[2 + 3], 2);	/* labels; "*" is none */
				}
			}
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			const struct signed_name *name = &f.result->names[rows[i].name];
			const struct rrset *set = &name->denials[rows[i].denial];
			const struct node *owner = find(f.result->zone, i < 2 ? "www.example." : i < 4 ? "mixed.example."
			    : "*.pool.example.");
			const struct node *first = denial == DENIAL_NSEC ? owner : zone_nsec3_of(f.result->zone, owner);
			char expected[300];
			const char *text = text_of(name->denial_owner, set);

			CU_ASSERT_EQUAL(name->type_count, rows[i].name == 2 ? 1 : 2);
			CU_ASSERT_EQUAL(name->types[rows[i].denial], rows[i].type);
			CU_ASSERT_EQUAL(verified(&f, name->denial_owner, set), f.keys[0].tag);
			CU_ASSERT_PTR_NOT_NULL_FATAL(first);
			CU_ASSERT_EQUAL(memcmp(name->denial_owner, first->name, first->name_length), 0);
			CU_ASSERT_EQUAL(set->ttl, 5);
			snprintf(expected, sizeof(expected), " %s%s", rows[i].nsec, denial == DENIAL_NSEC ? " NSEC" : "");
			CU_ASSERT(strlen(text) > strlen(expected));
			SUITE_TEXT(text + strlen(text) - strlen(expected), expected);
			/* It leads to the same next name as the first one. */
			CU_ASSERT_EQUAL(memcmp(set->wire + 2, node_rrset(first, set->type)->wire + 2,
			    denial == DENIAL_NSEC ? name_length(set->wire + 2, NAME_MAX) : 26), 0);
		}
		tear_down(&f);
	}
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static void
test_offered(void)
{
	struct fixture f;
	const struct rrset *set;
	uint8_t ds[KEY_DS_MAX];

	set_up(&f, zone_text, KEY_ED25519, true, DENIAL_NSEC);
	f.keys[0].times.offered = at(NOW + 50);
	sign(&f);
	CU_ASSERT_PTR_NULL(node_rrset(zone_apex(f.result->zone), TYPE_CDS));
	CU_ASSERT_EQUAL(f.result->next.ms, at(NOW + 50).ms);
	f.signing.now = at(NOW + 50);
	sign(&f);
	verify_all(&f);
	CU_ASSERT_EQUAL(f.result->made, 3);	/* CDS, CDNSKEY, and the apex' NSEC */
	set = node_rrset(zone_apex(f.result->zone), TYPE_CDS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	CU_ASSERT_EQUAL(set->count, 1);
	CU_ASSERT_EQUAL(set->length, 2 + key_ds(&f.keys[0], 2, ds));
	CU_ASSERT_EQUAL(memcmp(set->wire + 2, ds, 36), 0);
	set = node_rrset(zone_apex(f.result->zone), TYPE_CDNSKEY);
	CU_ASSERT(set != NULL && set->count == 1 && set->wire[3] == 1);
	CU_ASSERT_EQUAL(node_rrset(zone_apex(f.result->zone), TYPE_DNSKEY)->count, 2);
	tear_down(&f);
}

/* RFC 8078 section 4: "0 0 0 00" and "0 3 0 AA==", whatever the keys. */
static void
test_withdrawn(void)
{
	static const uint8_t cds[] = { 0, 5, 0, 0, 0, 0, 0 }, cdnskey[] = { 0, 5, 0, 0, 3, 0, 0 };
	struct fixture f;
	const struct rrset *set;

	for (enum denial_kind denial = DENIAL_NSEC; denial <= DENIAL_NSEC3; denial++) {
		set_up(&f, zone_text, KEY_ED25519, false, denial);
		f.signing.policy.withdraw_ds = true;
		sign(&f);
		verify_all(&f);
		set = node_rrset(zone_apex(f.result->zone), TYPE_CDS);
		CU_ASSERT(set != NULL && set->length == sizeof(cds) && memcmp(set->wire, cds, sizeof(cds)) == 0);
		set = node_rrset(zone_apex(f.result->zone), TYPE_CDNSKEY);
		CU_ASSERT(set != NULL && set->length == sizeof(cdnskey) && memcmp(set->wire, cdnskey, sizeof(cdnskey)) == 0);
		tear_down(&f);
	}
}

/* Keys of a new algorithm sign everything but DNSKEY before they are published, the old ones after they were. */
static void
test_algorithms(void)
{
	static const struct { const char *name; int64_t published, removed; unsigned keys, key_signatures; } rows[] = {
		{ "ahead", NOW + 50, 0, 1, 1 },
		{ "both published", NOW, 0, 2, 2 },
		{ "withdrawing", NOW - 50, NOW, 1, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture f;
		const struct node *top;

		set_up(&f, zone_text, KEY_ED25519, false, DENIAL_NSEC);
		CU_ASSERT_EQUAL_FATAL(key_generate(&f.keys[1], f.keys[0].zone, KEY_CSK, KEY_ECDSAP256SHA256), 0);
		f.signing.key_count = 2;
		f.keys[0].times.offered = at(NOW - 10);
		f.keys[0].times.withdrawn = rows[i].removed == 0 ? KEY_SOME_DAY : at(NOW + 60);
		if (rows[i].removed != 0)
			f.keys[0].times.removed = at(rows[i].removed);
		f.keys[1].times = (struct key_times){ .published = at(rows[i].published), .active = at(NOW - 50) };
		sign(&f);
		top = zone_apex(f.result->zone);
		SUITE_ROW(rows[i].name, node_rrset(top, TYPE_DNSKEY)->count == rows[i].keys);
		SUITE_ROW(rows[i].name, node_rrset(top, TYPE_DNSKEY)->signature_count == rows[i].key_signatures);
		SUITE_ROW(rows[i].name, node_rrset(top, TYPE_SOA)->signature_count == 2);
		SUITE_ROW(rows[i].name, node_rrset(top, TYPE_NSEC)->signature_count == 2);
		SUITE_ROW(rows[i].name, rows[i].removed != 0 || node_rrset(top, TYPE_CDS)->signature_count == 2);
		SUITE_ROW(rows[i].name, rows[i].published <= NOW || f.result->next.ms == at(NOW + 50).ms);
		SUITE_ROW(rows[i].name, rows[i].removed == 0 || f.result->next.ms == at(NOW + 60).ms);
		tear_down(&f);
	}
}

static void
test_refused(void)
{
	static const struct { const char *name, *text, *why; int what; } rows[] = {
		{ "no key yet", zone_text, "no key signs the zone at this time", 1 },
		{ "only a ZSK", zone_text, "no key signs the zone's keys at this time", 2 },
		{ "signed", "@ 300 IN SOA a. b. 1 1 1 1 1\n@ 300 NS a.\nx 300 NSEC example. A\n",
		    "the zone has DNSSEC records of its own at x.example.", 0 },
		{ "times", zone_text,
		    "signatures would be due for refresh at once: validity is to be above refresh", 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text why = { 0 };
		struct fixture f;

		set_up(&f, rows[i].text, KEY_ED25519, false, DENIAL_NSEC);
		if (rows[i].what == 1)
			f.keys[0].times.published = f.keys[0].times.active = at(NOW + 1);
		if (rows[i].what == 2)
			f.keys[0].role = KEY_ZSK;
		if (rows[i].what == 3)
			f.signing.policy.refresh_s = f.signing.policy.validity_s;
		CU_ASSERT_PTR_NULL(zone_sign(&f.signing, f.cache, &why));
		SUITE_TEXT(why.bytes, rows[i].why);
		text_fini(&why);
		tear_down(&f);
	}
}

/* --- the cache ---------------------------------------------------------------------------------------------------- */

static void
test_cache(void)
{
	struct fixture f;
	struct zone *before;
	uint64_t made;
	size_t all;
	char *changed;

	set_up(&f, zone_text, KEY_ECDSAP256SHA256, false, DENIAL_NSEC);
	sign(&f);
	all = f.result->signatures;
	made = signatures_made();
	sign(&f);
	CU_ASSERT_EQUAL(f.result->made, 0);
	CU_ASSERT_EQUAL(f.result->signatures, all);
	CU_ASSERT_EQUAL(signatures_made(), made);
	verify_all(&f);

	/* One address changes: its own signature and nothing else. */
	changed = strdup(zone_text);
	memcpy(strstr(changed, "192.0.2.3"), "192.0.2.7", 9);
	before = f.zone;
	f.signing.zone = f.zone = read_zone(changed);
	f.signing.name_count = 0;	/* of the old zone's nodes */
	zone_release(before);
	sign(&f);
	CU_ASSERT(f.result->made >= 1 && f.result->made <= 4);	/* .. and the NSECs of what isn't steered now */
	verify_all(&f);
	free(changed);

	/* A new serial: the SOA. */
	f.signing.serial++;
	sign(&f);
	CU_ASSERT_EQUAL(f.result->made, 1);
	tear_down(&f);
}

static uint32_t
expiry_of(const struct rrset *set)
{
	return (uint32_t)set->signatures[2 + 8] << 24 | (uint32_t)set->signatures[2 + 9] << 16
	    | (uint32_t)set->signatures[2 + 10] << 8 | set->signatures[2 + 11];
}

static void
test_refresh(void)
{
	const struct signing_policy policy = SIGNING_POLICY_DEFAULT;
	uint32_t first = UINT32_MAX, last = 0;
	struct fixture f;
	size_t rounds = 0, made = 0;

	set_up(&f, zone_text, KEY_ED25519, false, DENIAL_NSEC);
	sign(&f);
	for (size_t i = 0; i < zone_node_count(f.result->zone); i++) {
		const struct node *node = zone_node_at(f.result->zone, i);

		for (unsigned s = 0; s < node->rrset_count; s++) {
			uint32_t expiry = node->rrsets[s].signature_count == 0 ? 0 : expiry_of(&node->rrsets[s]);

			if (expiry == 0)
				continue;
			first = expiry < first ? expiry : first;
			last = expiry > last ? expiry : last;
		}
	}
	CU_ASSERT(last <= NOW + policy.validity_s && last > NOW + policy.validity_s - policy.jitter_s / 4);
	CU_ASSERT(first >= NOW + policy.validity_s - policy.jitter_s && first < NOW + policy.validity_s - policy.jitter_s * 3 / 4);
	f.signing.now = at(NOW + policy.validity_s - policy.refresh_s - policy.jitter_s - 1);
	sign(&f);
	CU_ASSERT_EQUAL(f.result->made, 0);
	/* Within a day from then all are made anew, by the hour, each long before it expires. */
	while (f.result->next.ms <= at(NOW + policy.validity_s - policy.refresh_s + 3600).ms && rounds < 100) {
		CU_ASSERT(f.result->next.ms > f.signing.now.ms);
		f.signing.now = f.result->next;
		sign(&f);
		verify_all(&f);
		CU_ASSERT(f.result->made > 0 && f.result->made < f.result->signatures / 2);
		made += f.result->made;
		rounds++;
	}
	CU_ASSERT(rounds > 10 && rounds <= 26);
	CU_ASSERT_EQUAL(made, f.result->signatures - 1);

	/* The clock is set back: signatures of what is now the future are made anew. */
	f.signing.now = at(NOW - 10 * 86400);
	f.keys[0].times.published = f.keys[0].times.active = at(NOW - 20 * 86400);
	sign(&f);
	CU_ASSERT_EQUAL(f.result->made, f.result->signatures - 1);
	verify_all(&f);
	tear_down(&f);
}

static size_t told;

static void
tell(void *arg, size_t done, size_t all)
{
	told = done;
	*(size_t *)arg = all;
}

static void
test_threads(void)
{
	struct fixture f;
	struct text one = { 0 }, two = { 0 };
	size_t all = 0;

	set_up(&f, zone_text, KEY_ED25519, false, DENIAL_NSEC3);	/* deterministic */
	sign(&f);
	master_write(f.result->zone, &one);
	signature_cache_free(f.cache);
	f.cache = signature_cache_new();
	f.signing.threads = 4;
	f.signing.progress = tell;
	f.signing.progress_arg = &all;
	sign(&f);
	master_write(f.result->zone, &two);
	SUITE_ROW("threads make no difference", strcmp(one.bytes, two.bytes) == 0);
	CU_ASSERT(told == all && all == f.result->signatures);
	text_fini(&one);
	text_fini(&two);
	tear_down(&f);
}

/* --- memory that runs out ----------------------------------------------------------------------------------------- */

static struct fixture scarce_fixture;

static bool
sign_scarcely(void)
{
	struct text why = { 0 };
	struct signature_cache *cache = signature_cache_new();
	struct signed_zone *zone = cache == NULL ? NULL : zone_sign(&scarce_fixture.signing, cache, &why);
	bool good = zone != NULL;

	signed_zone_release(zone);
	signature_cache_free(cache);
	text_fini(&why);
	return good;
}

static void
test_scarce(void)
{
	set_up(&scarce_fixture, "@ 300 IN SOA a. b. 1 1 1 1 1\n@ 300 NS a.\neu._region.www 60 A 192.0.2.1\n", KEY_ED25519, false,
	    DENIAL_NSEC3);
	SCARCE_EACH(sign_scarcely);
	tear_down(&scarce_fixture);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "every signature verifies", .run = test_verified },
		{ .name = "the chain of NSEC", .run = test_nsec },
		{ .name = "the chain of NSEC3", .run = test_nsec3 },
		{ .name = "variants and second denials of steered names", .run = test_steered },
		{ .name = "CDS and CDNSKEY when a key is offered", .run = test_offered },
		{ .name = "CDS and CDNSKEY when the DS is to go", .run = test_withdrawn },
		{ .name = "one algorithm gives way to another", .run = test_algorithms },
		{ .name = "what can't be signed", .run = test_refused },
		{ .name = "what hasn't changed isn't signed again", .run = test_cache },
		{ .name = "signatures are made anew, some at a time", .run = test_refresh },
		{ .name = "by several threads", .run = test_threads },
		{ .name = "memory runs out", .run = test_scarce },
	};

	return suite_run("signer", cases, ARRAY_SIZE(cases));
}
