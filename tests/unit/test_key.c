/* test_key.c -- dnssec/key and what it's made of: new keys, tags and DS against ldns', key files of BIND and ldns
 * (tests/fixtures/keys, made by dnssec-keygen and ldns-keygen; nobody's keys), sealing, and the times of a key. */
#include "dnssec/key.h"

#include <errno.h>
#include <ldns/ldns.h>

#include "dnssec/base64.h"
#include "dnssec/key_private.h"
#include "dnssec/seal.h"
#include "suite.h"

static const uint8_t zone[] = "\7example\3org";

/* The DNSKEY of the file NAME.key, and its private text. */
static ldns_rr *
read_files(const char *name, char **private_text)
{
	const char *source = getenv("ISOBAR_SOURCE");
	char path[1000], *text, *line;
	ldns_rr *rr = NULL;
	size_t length;
	int error;

	snprintf(path, sizeof(path), "%s/tests/fixtures/keys/%s.private", source == NULL ? "." : source, name);
	*private_text = text_read_file(path, 10000, &length, &error);
	snprintf(path, sizeof(path), "%s/tests/fixtures/keys/%s.key", source == NULL ? "." : source, name);
	text = text_read_file(path, 10000, &length, &error);
	CU_ASSERT_FATAL(text != NULL && *private_text != NULL);
	for (line = text; line != NULL && *line == ';'; line = strchr(line, '\n') == NULL ? NULL : strchr(line, '\n') + 1)
		;
	CU_ASSERT_EQUAL_FATAL(ldns_rr_new_frm_str(&rr, line, 3600, NULL, NULL), LDNS_STATUS_OK);
	free(text);
	return rr;
}

static size_t
rdata_of(const ldns_rr *rr, uint8_t rdata[static 4 + KEY_PUBLIC_MAX])
{
	size_t length = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		memcpy(rdata + length, ldns_rdf_data(ldns_rr_rdf(rr, i)), ldns_rdf_size(ldns_rr_rdf(rr, i)));
		length += ldns_rdf_size(ldns_rr_rdf(rr, i));
	}
	return length;
}

static ldns_rr *
to_ldns(const struct key *key)
{
	uint8_t rdata[4 + KEY_PUBLIC_MAX];
	size_t length = key_dnskey(key, rdata), at = 0;
	uint8_t wire[NAME_MAX + 10 + sizeof(rdata)] = { 0 };
	size_t name = name_length(key->zone, NAME_MAX);
	ldns_rr *rr = NULL;

	memcpy(wire, key->zone, name);
	wire[name + 1] = 48;
	wire[name + 3] = 1;
	wire[name + 8] = (uint8_t)(length >> 8);
	wire[name + 9] = (uint8_t)length;
	memcpy(wire + name + 10, rdata, length);
	CU_ASSERT_EQUAL_FATAL(ldns_wire2rr(&rr, wire, name + 10 + length, &at, LDNS_SECTION_ANSWER), LDNS_STATUS_OK);
	return rr;
}

static void
check_against_ldns(const char *row, const struct key *key)
{
	static const struct { uint8_t type; ldns_hash hash; } digests[] = { { 2, LDNS_SHA256 }, { 4, LDNS_SHA384 } };
	ldns_rr *dnskey = to_ldns(key);
	uint8_t ds[KEY_DS_MAX], theirs[4 + KEY_PUBLIC_MAX];

	SUITE_ROW(row, ldns_calc_keytag(dnskey) == key->tag);
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
		ldns_rr *rr = ldns_key_rr2ds(dnskey, digests[i].hash);
		size_t length = key_ds(key, digests[i].type, ds);

		SUITE_ROW(row, length == rdata_of(rr, theirs) && memcmp(ds, theirs, length) == 0);
		ldns_rr_free(rr);
	}
	ldns_rr_free(dnskey);
}

/* --- new keys ------------------------------------------------------------------------------------------------------- */

static void
test_generate(void)
{
	static const struct { const char *name; enum key_algorithm algorithm; enum key_role role; unsigned flags, length; }
	    rows[] = {
		{ .name = "P-256 CSK", KEY_ECDSAP256SHA256, KEY_CSK, 257, 64 },
		{ .name = "P-256 ZSK", KEY_ECDSAP256SHA256, KEY_ZSK, 256, 64 },
		{ .name = "Ed25519 KSK", KEY_ED25519, KEY_KSK, 257, 32 },
	};
	struct key key;

	CU_ASSERT_EQUAL(key_generate(&key, zone, KEY_ZSK, KEY_RSASHA256), -ENOTSUP);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct key other;

		SUITE_ROW(rows[i].name, key_generate(&key, (const uint8_t *)"\7eXample\3org", rows[i].role,
		    rows[i].algorithm) == 0);
		SUITE_ROW(rows[i].name, key_flags(&key) == rows[i].flags && key.public_length == rows[i].length);
		SUITE_ROW(rows[i].name, memcmp(key.zone, zone, sizeof(zone)) == 0);
		SUITE_ROW(rows[i].name, key_fits(&key));
		check_against_ldns(rows[i].name, &key);
		SUITE_ROW(rows[i].name, key_generate(&other, zone, rows[i].role, rows[i].algorithm) == 0);
		SUITE_ROW(rows[i].name, memcmp(key.public_key, other.public_key, key.public_length) != 0);
		key_fini(&other);
		key_fini(&key);
		SUITE_ROW(rows[i].name, key.private_key == NULL && key.public_length == 0);
	}
}

/* --- key files ------------------------------------------------------------------------------------------------------ */

static void
test_import(void)
{
	static const char *const names[] = {
		"Kexample.org.+008+61821", "Kexample.org.+013+19215", "Kexample.org.+015+59781",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint8_t rdata[4 + KEY_PUBLIC_MAX];
		struct text why = { 0 }, written = { 0 };
		struct key key, again;
		char *text;
		ldns_rr *rr = read_files(names[i], &text);
		size_t length = rdata_of(rr, rdata);

		SUITE_ROW(names[i], key_read(&key, zone, rdata, length, text, NULL, &why));
		SUITE_ROW(names[i], key.tag == strtoul(names[i] + 18, NULL, 10));
		SUITE_ROW(names[i], key.role == (key.algorithm == KEY_RSASHA256 ? KEY_ZSK : KEY_KSK));
		check_against_ldns(names[i], &key);
		SUITE_ROW(names[i], key_write_private(&key, NULL, &written) == 0);
		/* Their lines are ours, but for the version of ldns and times. */
		SUITE_ROW(names[i], strncmp(strchr(written.bytes, '\n'), strchr(text, '\n'), written.length - 30) == 0
		    || strncmp(strchr(written.bytes, '\n'), strchr(text, '\n'), 100) == 0);
		SUITE_ROW(names[i], key_read(&again, zone, rdata, length, written.bytes, NULL, &why));
		key_fini(&again);
		SUITE_ROW(names[i], key_read(&again, zone, rdata, length, NULL, NULL, &why) && again.private_key == NULL);
		SUITE_ROW(names[i], key_write_private(&again, NULL, &written) == -ENOENT);
		key_fini(&again);
		key_fini(&key);
		text_wipe(&written);
		SUITE_TEXT(why.bytes, NULL);
		ldns_rr_free(rr);
		free(text);
	}
}

static void
test_broken(void)
{
	static const struct { const char *name, *edit, *with, *why; int rdata_at; uint8_t octet; } rows[] = {
		{ .name = "another's private part", "PrivateKey: p", "PrivateKey: q",
		    "the private key doesn't belong to the DNSKEY", -1, 0 },
		{ .name = "another algorithm", "Algorithm: 13", "Algorithm: 15",
		    "the private key is malformed, or of another algorithm", -1, 0 },
		{ .name = "no base64", "PrivateKey: p", "PrivateKey: *",
		    "the private key is malformed, or of another algorithm", -1, 0 },
		{ .name = "too short", "ava84FQ=", "", "the private key is malformed, or of another algorithm", -1, 0 },
		{ .name = "no number", "PrivateKey", "Private", "the private key is malformed, or of another algorithm", -1, 0 },
		{ .name = "hardware", "Created:", "Engine:",
		    "the private key is in a hardware module, which isn't supported", -1, 0 },
		{ .name = "another format", "Private-key-format: v1", "Private-key-format: v2",
		    "the private key doesn't begin with \"Private-key-format: v1.\", as BIND and ldns write it", -1, 0 },
		{ .name = "revoked", "x", "x", "a DNSKEY with flags 385 can't sign a zone: 256 or 257 is expected", 1, 0x81 },
		{ .name = "an old algorithm", "x", "x", "algorithm 5 isn't supported: 13 (ECDSAP256SHA256), 15 (ED25519) and, "
		    "for import, 8 (RSASHA256) are", 3, 5 },
		{ .name = "no point of the curve", "x", "x", "the public key in the DNSKEY is malformed", 20, 0x11 },
		{ .name = "protocol", "x", "x", "the DNSKEY is malformed or too long", 2, 4 },
	};
	uint8_t rdata[4 + KEY_PUBLIC_MAX];
	char *text;
	ldns_rr *rr = read_files("Kexample.org.+013+19215", &text);
	size_t length = rdata_of(rr, rdata);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text changed = { 0 }, why = { 0 };
		const char *at = strstr(text, rows[i].edit);
		uint8_t octet = 0;
		struct key key;

		if (at != NULL && rows[i].rdata_at < 0) {
			text_add(&changed, text, (size_t)(at - text));
			text_printf(&changed, "%s%s", rows[i].with, at + strlen(rows[i].edit));
		} else {
			text_puts(&changed, text);
		}
		if (rows[i].rdata_at >= 0) {
			octet = rdata[rows[i].rdata_at];
			rdata[rows[i].rdata_at] = rows[i].octet;
		}
		SUITE_ROW(rows[i].name, !key_read(&key, zone, rdata, length, changed.bytes, NULL, &why));
		SUITE_TEXT(why.bytes, rows[i].why);
		SUITE_ROW(rows[i].name, key.private_key == NULL);
		if (rows[i].rdata_at >= 0)
			rdata[rows[i].rdata_at] = octet;
		text_fini(&why);
		text_fini(&changed);
	}
	ldns_rr_free(rr);
	free(text);
}

/* --- sealed --------------------------------------------------------------------------------------------------------- */

static void
test_sealed(void)
{
	uint8_t rdata[4 + KEY_PUBLIC_MAX];
	struct text sealed = { 0 }, plain = { 0 }, why = { 0 };
	struct key key, again;
	size_t length;
	char *octet;
	struct passphrase *horse = passphrase_new("correct horse"), *again_horse = passphrase_new("correct horse"),
	    *wrong = passphrase_new("wrong horse");

	CU_ASSERT_EQUAL_FATAL(key_generate(&key, zone, KEY_CSK, KEY_ED25519), 0);
	length = key_dnskey(&key, rdata);
	CU_ASSERT_EQUAL(key_write_private(&key, NULL, &plain), 0);
	CU_ASSERT_EQUAL(key_write_private(&key, horse, &sealed), 0);
	CU_ASSERT_PTR_NULL(strstr(sealed.bytes, "Private-key-format"));
	CU_ASSERT_PTR_NULL(strstr(sealed.bytes, strstr(plain.bytes, "PrivateKey: ") + 12));
	CU_ASSERT(key_read(&again, zone, rdata, length, sealed.bytes, horse, &why));
	CU_ASSERT(again.private_key != NULL);
	key_fini(&again);
	CU_ASSERT(passphrase_is(horse, "correct horse") && !passphrase_is(wrong, "correct horse"));
	CU_ASSERT(seal_is_usual(sealed.bytes, horse) && !seal_is_usual(sealed.bytes, again_horse));
	CU_ASSERT(key_read(&again, zone, rdata, length, sealed.bytes, again_horse, &why));
	CU_ASSERT(seal_is_usual(sealed.bytes, again_horse));	/* from now on it's sealed with that salt */
	key_fini(&again);

	CU_ASSERT(!key_read(&again, zone, rdata, length, sealed.bytes, wrong, &why));
	SUITE_TEXT(why.bytes, "the passphrase is another one, or the sealed key was changed or isn't this key's");
	text_fini(&why);
	CU_ASSERT(!key_read(&again, (const uint8_t *)"\7example\3net", rdata, length, sealed.bytes, horse, &why));
	SUITE_TEXT(why.bytes, "the passphrase is another one, or the sealed key was changed or isn't this key's");
	text_fini(&why);
	CU_ASSERT(!key_read(&again, zone, rdata, length, sealed.bytes, NULL, &why));
	SUITE_TEXT(why.bytes, "the private key is sealed, and there is no passphrase");
	text_fini(&why);
	octet = sealed.bytes + sealed.length - 30;
	*octet = *octet == 'A' ? 'B' : 'A';
	CU_ASSERT(!key_read(&again, zone, rdata, length, sealed.bytes, horse, &why));
	SUITE_TEXT(why.bytes, "the passphrase is another one, or the sealed key was changed or isn't this key's");
	text_fini(&why);
	sealed.bytes[40] = '\0';
	CU_ASSERT(!key_read(&again, zone, rdata, length, sealed.bytes, horse, &why));
	SUITE_TEXT(why.bytes, "the sealed private key is malformed");
	text_fini(&why);
	CU_ASSERT(!key_read(&again, zone, rdata, length, "Isobar-sealed-key: v1\nScrypt: 1073741824 8 1 "
	    "AAAAAAAAAAAAAAAAAAAAAA==\nAES-256-GCM: AAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", wrong, &why));
	SUITE_TEXT(why.bytes, "the sealed private key is malformed");	/* it would take a terabyte */
	text_fini(&why);
	text_wipe(&plain);
	text_wipe(&sealed);
	key_fini(&key);
	passphrase_free(horse);
	passphrase_free(again_horse);
	passphrase_free(wrong);
}

static void
test_base64(void)
{
	static const struct { const char *name, *text, *octets; size_t length; } rows[] = {
		{ .name = "RFC 4648: f", "Zg==", "f", 1 },
		{ .name = "RFC 4648: fo", "Zm8=", "fo", 2 },
		{ .name = "RFC 4648: foo", "Zm9v", "foo", 3 },
		{ .name = "spaces", "Zm9v Zm\n9v", "foofoo", 6 },
		{ .name = "cut", "Zm9vZ", "", 0 },
		{ .name = "padding inside", "Zg==Zm9v", "", 0 },
		{ .name = "only padding", "====", "", 0 },
		{ .name = "another alphabet", "Zm9-", "", 0 },
		{ .name = "too long", "Zm9vZm9vZm9v", "", 0 },
	};
	uint8_t octets[8];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t length = base64_decode(rows[i].text, strlen(rows[i].text), octets, sizeof(octets));

		SUITE_ROW(rows[i].name, length == rows[i].length && memcmp(octets, rows[i].octets, length) == 0);
	}
}

/* --- times ---------------------------------------------------------------------------------------------------------- */

static void
test_times(void)
{
	static const struct { const char *name; struct key_times times; enum key_role role;
		bool published, keys, zone, offered, offers; }
	    rows[] = {
		{ .name = "nothing set", .times = { .created = { 1 } } },
		{ .name = "to come", .times = { .published = { 101 }, .active = { 101 }, .offered = { 101 } } },
		{ .name = "CSK, published", .times = { .published = { 100 }, .active = { 101 }, .offered = { 101 } },
		    .published = true, .keys = true },
		{ .name = "CSK, active", .times = { .published = { 1 }, .active = { 100 }, .offered = { 100 } },
		    .published = true, .keys = true, .zone = true, .offered = true },
		{ .name = "KSK", .times = { .published = { 1 }, .active = { 1 }, .offered = { 100 } }, .role = KEY_KSK,
		    .published = true, .keys = true, .offered = true },
		{ .name = "ZSK", .times = { .published = { 1 }, .active = { 1 } }, .role = KEY_ZSK, .published = true,
		    .zone = true },
		{ .name = "CSK, some day", .times = { .published = { 1 }, .active = { 1 }, .offered = { 1 },
		    .retired = { INT64_MAX } }, .published = true, .keys = true, .zone = true, .offered = true },
		{ .name = "CSK, retired", .times = { .published = { 1 }, .active = { 1 }, .offered = { 1 },
		    .retired = { 100 } }, .published = true, .keys = true },
		{ .name = "CSK, removed", .times = { .published = { 1 }, .active = { 1 }, .offered = { 1 },
		    .retired = { 99 }, .removed = { 100 } } },
		{ .name = "CSK of a new algorithm, ahead", .times = { .published = { 101 }, .active = { 100 }, .offered = { 102 } },
		    .zone = true, .offers = true },
		{ .name = "KSK of a new algorithm, ahead", .times = { .published = { 101 }, .active = { 1 }, .offered = { 102 } },
		    .role = KEY_KSK, .offers = true },
		{ .name = "CSK of the old algorithm, retired", .times = { .published = { 1 }, .active = { 1 }, .offered = { 1 },
		    .retired = { 100 }, .withdrawn = { INT64_MAX } }, .published = true, .keys = true, .zone = true },
		{ .name = "CSK of the old algorithm, removed", .times = { .published = { 1 }, .active = { 1 }, .offered = { 1 },
		    .retired = { 99 }, .removed = { 100 }, .withdrawn = { 101 } }, .zone = true, .offers = true },
		{ .name = "CSK of the old algorithm, withdrawn", .times = { .published = { 1 }, .active = { 1 },
		    .offered = { 1 }, .retired = { 98 }, .removed = { 99 }, .withdrawn = { 100 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct key key = { .role = rows[i].role, .times = rows[i].times };
		struct wall now = { 100 };

		SUITE_ROW(rows[i].name, key_is_published(&key, now) == rows[i].published);
		SUITE_ROW(rows[i].name, key_signs_keys(&key, now) == rows[i].keys);
		SUITE_ROW(rows[i].name, key_signs_zone(&key, now) == rows[i].zone);
		SUITE_ROW(rows[i].name, key_is_offered(&key, now) == rows[i].offered);
		SUITE_ROW(rows[i].name, key_signs_offers(&key, now) == (rows[i].keys || rows[i].offers));
	}
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "new keys are right by ldns", .run = test_generate },
		{ .name = "key files of BIND and ldns", .run = test_import },
		{ .name = "broken ones say why", .run = test_broken },
		{ .name = "sealed keys open with their passphrase only", .run = test_sealed },
		{ .name = "base64", .run = test_base64 },
		{ .name = "what times say", .run = test_times },
	};

	return suite_run("key", cases, ARRAY_SIZE(cases));
}
