/* key_file.c -- private keys as text, in the format of BIND: "Private-key-format: v1.3", a line for each number.
 * In: a key, or the RDATA of its DNSKEY and the text.  Out: the other.
 * Threads: any; nothing is shared.  Memory: every buffer that held a private number is wiped.
 *
 * The times that BIND's files have are written for its tools, to the second, and not read: what a key is for in this
 * daemon says the store. Sealed text (seal.h) is bound to the DNSKEY and the zone: sealed keys can't be exchanged. */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/wire.h"
#include "dnssec/base64.h"
#include "dnssec/key.h"
#include "dnssec/key_private.h"
#include "dnssec/seal.h"

#define SECRET_SIZE 32		/* of a P-256 or Ed25519 key */
#define NUMBER_MAX 512		/* octets of a number of RSA-4096 */
#define TEXT_SIZE 8192		/* above any key's text, so that it never moves and leaves a copy behind */
#define BOUND_MAX (NAME_MAX + 4 + KEY_PUBLIC_MAX)

static const struct { const char *name, *parameter; } rsa_numbers[] = {
	{ "Modulus", OSSL_PKEY_PARAM_RSA_N },
	{ "PublicExponent", OSSL_PKEY_PARAM_RSA_E },
	{ "PrivateExponent", OSSL_PKEY_PARAM_RSA_D },
	{ "Prime1", OSSL_PKEY_PARAM_RSA_FACTOR1 },
	{ "Prime2", OSSL_PKEY_PARAM_RSA_FACTOR2 },
	{ "Exponent1", OSSL_PKEY_PARAM_RSA_EXPONENT1 },
	{ "Exponent2", OSSL_PKEY_PARAM_RSA_EXPONENT2 },
	{ "Coefficient", OSSL_PKEY_PARAM_RSA_COEFFICIENT1 },
};

static bool room_for_secrets(struct text *text);
static bool write_plain(const struct key *key, struct text *out);
static void write_number(struct text *out, const char *name, const uint8_t *bytes, size_t length);
static bool write_rsa(EVP_PKEY *pkey, struct text *out);
static void write_times(const struct key_times *times, struct text *out);
static size_t bound_to(const struct key *key, uint8_t bound[static BOUND_MAX]);
static bool read_public(struct key *key, const uint8_t *rdata, size_t length, struct text *why);
static bool read_sealed(struct key *key, const char *text, struct passphrase *passphrase, struct text *why);
static bool read_plain(struct key *key, const char *text, struct text *why);
static EVP_PKEY *read_pkey(const struct key *key, const char *text);
static size_t read_number(const char *text, const char *name, uint8_t *bytes, size_t size);
static EVP_PKEY *read_ecdsa(const struct key *key, const uint8_t *secret);
static EVP_PKEY *read_rsa(const char *text);

int
key_write_private(const struct key *key, struct passphrase *passphrase, struct text *out)
{
	uint8_t bound[BOUND_MAX];
	struct text plain = { 0 };
	int error = -ENOMEM;

	if (key->private_key == NULL)
		return -ENOENT;
	if (passphrase == NULL)
		return room_for_secrets(out) && write_plain(key, out) ? 0 : -ENOMEM;
	if (room_for_secrets(&plain) && write_plain(key, &plain))
		error = seal(plain.bytes, plain.length, passphrase, bound, bound_to(key, bound), out);
	text_wipe(&plain);
	return error;
}

static bool
room_for_secrets(struct text *text)
{
	text_reserve(text, TEXT_SIZE);
	return !text->failed;
}

static bool
write_plain(const struct key *key, struct text *out)
{
	static const char *const names[] = {
		[KEY_RSASHA256] = "RSASHA256", [KEY_ECDSAP256SHA256] = "ECDSAP256SHA256", [KEY_ED25519] = "ED25519",
	};
	EVP_PKEY *pkey = key->private_key->pkey;
	uint8_t secret[SECRET_SIZE];
	size_t length = sizeof(secret);
	BIGNUM *number = NULL;
	bool good;

	text_printf(out, "Private-key-format: v1.3\nAlgorithm: %u (%s)\n", (unsigned)key->algorithm,
	    names[key->algorithm]);
	if (key->algorithm == KEY_RSASHA256) {
		good = write_rsa(pkey, out);
	} else {
		if (key->algorithm == KEY_ED25519)
			good = EVP_PKEY_get_raw_private_key(pkey, secret, &length) == 1;
		else
			good = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1
			    && BN_bn2binpad(number, secret, SECRET_SIZE) == SECRET_SIZE;
		if (good)
			write_number(out, "PrivateKey", secret, length);
		BN_clear_free(number);
		OPENSSL_cleanse(secret, sizeof(secret));
	}
	write_times(&key->times, out);
	return good && !out->failed;
}

static bool
write_rsa(EVP_PKEY *pkey, struct text *out)
{
	uint8_t bytes[NUMBER_MAX];
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(rsa_numbers) && good; i++) {
		BIGNUM *number = NULL;

		good = EVP_PKEY_get_bn_param(pkey, rsa_numbers[i].parameter, &number) == 1
		    && BN_num_bytes(number) <= NUMBER_MAX;
		if (good)
			write_number(out, rsa_numbers[i].name, bytes, (size_t)BN_bn2bin(number, bytes));
		BN_clear_free(number);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return good;
}

static void
write_number(struct text *out, const char *name, const uint8_t *bytes, size_t length)
{
	text_puts(out, name);
	text_puts(out, ": ");
	base64_add(out, bytes, length);
	text_puts(out, "\n");
}

static void
write_times(const struct key_times *times, struct text *out)
{
	const struct { const char *name; struct wall at; } rows[] = {
		{ "Created", times->created }, { "Publish", times->published }, { "Activate", times->active },
		{ "Inactive", times->retired }, { "Delete", times->removed }, { "SyncPublish", times->offered },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		time_t seconds = (time_t)(rows[i].at.ms / 1000);
		struct tm tm;

		if (rows[i].at.ms == 0 || rows[i].at.ms == KEY_SOME_DAY.ms || gmtime_r(&seconds, &tm) == NULL)
			continue;
		text_printf(out, "%s: %04d%02d%02d%02d%02d%02d\n", rows[i].name, tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	}
}

static size_t
bound_to(const struct key *key, uint8_t bound[static BOUND_MAX])
{
	size_t name = name_length(key->zone, NAME_MAX);

	memcpy(bound, key->zone, name);
	return name + key_dnskey(key, bound + name);
}

bool
key_read(struct key *key, const uint8_t *zone, const uint8_t *public_rdata, size_t public_length,
    const char *private_text, struct passphrase *passphrase, struct text *why)
{
	*key = (struct key){ 0 };
	name_lower(key->zone, zone, name_length(zone, NAME_MAX));
	if (!read_public(key, public_rdata, public_length, why))
		return false;
	if (private_text == NULL)
		return true;
	if (seal_is(private_text))
		return read_sealed(key, private_text, passphrase, why);
	return read_plain(key, private_text, why);
}

static bool
read_public(struct key *key, const uint8_t *rdata, size_t length, struct text *why)
{
	EVP_PKEY *pkey;
	unsigned flags;

	if (length < 5 || length > 4 + KEY_PUBLIC_MAX || rdata[2] != 3) {
		text_puts(why, "the DNSKEY is malformed or too long");
		return false;
	}
	flags = wire_get_u16(rdata);
	if (flags != 256 && flags != 257) {
		text_printf(why, "a DNSKEY with flags %u can't sign a zone: 256 or 257 is expected", flags);
		return false;
	}
	if (rdata[3] != KEY_RSASHA256 && rdata[3] != KEY_ECDSAP256SHA256 && rdata[3] != KEY_ED25519) {
		text_printf(why, "algorithm %u isn't supported: 13 (ECDSAP256SHA256), 15 (ED25519) and, for import, "
		    "8 (RSASHA256) are", rdata[3]);
		return false;
	}
	key->role = flags == 256 ? KEY_ZSK : KEY_KSK;
	key->algorithm = (enum key_algorithm)rdata[3];
	key->public_length = (uint16_t)(length - 4);
	memcpy(key->public_key, rdata + 4, length - 4);
	key->tag = key_tag(key);
	pkey = key_public_pkey(key);
	EVP_PKEY_free(pkey);
	if (pkey == NULL)
		text_puts(why, "the public key in the DNSKEY is malformed");
	return pkey != NULL;
}

static bool
read_sealed(struct key *key, const char *text, struct passphrase *passphrase, struct text *why)
{
	uint8_t bound[BOUND_MAX];
	struct text plain = { 0 };
	bool good = false;
	int error;

	if (passphrase == NULL) {
		text_puts(why, "the private key is sealed, and there is no passphrase");
		return false;
	}
	if (!room_for_secrets(&plain)) {
		text_puts(why, "out of memory");
		return false;
	}
	error = unseal(text, passphrase, bound, bound_to(key, bound), &plain);
	if (error == 0)
		good = read_plain(key, plain.bytes, why);
	else if (error == -EACCES)
		text_puts(why, "the passphrase is another one, or the sealed key was changed or isn't this key's");
	else
		text_puts(why, error == -ENOMEM ? "out of memory" : "the sealed private key is malformed");
	text_wipe(&plain);
	return good;
}

static bool
read_plain(struct key *key, const char *text, struct text *why)
{
	EVP_PKEY *pkey;

	if (strncmp(text, "Private-key-format: v1.", 23) != 0) {
		text_puts(why, "the private key doesn't begin with \"Private-key-format: v1.\", as BIND and ldns "
		    "write it");
		return false;
	}
	if (strstr(text, "\nEngine:") != NULL) {
		text_puts(why, "the private key is in a hardware module, which isn't supported");
		return false;
	}
	pkey = read_pkey(key, text);
	key->private_key = key_private_take(pkey);
	if (key->private_key != NULL && key_fits(key))
		return true;
	text_puts(why, key->private_key == NULL ? "the private key is malformed, or of another algorithm"
	    : "the private key doesn't belong to the DNSKEY");
	key_private_free(key->private_key);
	key->private_key = NULL;
	return false;
}

static EVP_PKEY *
read_pkey(const struct key *key, const char *text)
{
	uint8_t secret[SECRET_SIZE];
	const char *algorithm = strstr(text, "\nAlgorithm: ");
	EVP_PKEY *pkey = NULL;

	if (algorithm == NULL || strtol(algorithm + strlen("\nAlgorithm: "), NULL, 10) != (long)key->algorithm)
		return NULL;
	if (key->algorithm == KEY_RSASHA256)
		return read_rsa(text);
	if (read_number(text, "PrivateKey", secret, sizeof(secret)) == SECRET_SIZE)
		pkey = key->algorithm == KEY_ED25519
		    ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SECRET_SIZE)
		    : read_ecdsa(key, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	return pkey;
}

/* The octets of the line NAME: BASE64; 0 without one. */
static size_t
read_number(const char *text, const char *name, uint8_t *bytes, size_t size)
{
	size_t length = strlen(name);

	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		return base64_decode(line, strcspn(line, "\n"), bytes, size);
	}
	return 0;
}

static EVP_PKEY *
read_ecdsa(const struct key *key, const uint8_t *secret)
{
	uint8_t point[1 + 2 * SECRET_SIZE] = { 4 };	/* uncompressed */
	BIGNUM *number = BN_secure_new();
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;

	memcpy(point + 1, key->public_key, sizeof(point) - 1);
	if (number != NULL && builder != NULL && BN_bin2bn(secret, SECRET_SIZE, number) != NULL
	    && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0)
	    && OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point))
	    && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number))
		pkey = key_from_parameters("EC", EVP_PKEY_KEYPAIR, builder);
	OSSL_PARAM_BLD_free(builder);
	BN_clear_free(number);
	return pkey;
}

static EVP_PKEY *
read_rsa(const char *text)
{
	BIGNUM *numbers[ARRAY_SIZE(rsa_numbers)] = { NULL };
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	uint8_t bytes[NUMBER_MAX];
	EVP_PKEY *pkey = NULL;
	bool good = builder != NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rsa_numbers) && good; i++) {
		size_t length = read_number(text, rsa_numbers[i].name, bytes, sizeof(bytes));

		numbers[i] = BN_secure_new();
		good = length > 0 && numbers[i] != NULL && BN_bin2bn(bytes, (int)length, numbers[i]) != NULL
		    && OSSL_PARAM_BLD_push_BN(builder, rsa_numbers[i].parameter, numbers[i]);
	}
	if (good)
		pkey = key_from_parameters("RSA", EVP_PKEY_KEYPAIR, builder);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OSSL_PARAM_BLD_free(builder);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		BN_clear_free(numbers[i]);
	return pkey;
}
