/* key_pkey.c -- DNSKEY's public key field as OpenSSL's key and back, and new keys.
 * In: a struct key.  Out: an EVP_PKEY, owned by the caller.  Threads: any; nothing is shared.
 * RSA: RFC 3110; exponent length in one octet, or 0 and two.  P-256: RFC 6605; the point's x and y, 32 octets each.
 * Ed25519: RFC 8080; 32 octets. */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "dnssec/key.h"
#include "dnssec/key_private.h"

#define POINT_SIZE 64		/* x and y */
#define POINT_UNCOMPRESSED 4	/* SEC 1 section 2.3.3: x and y follow */
#define ED25519_SIZE 32

static EVP_PKEY *rsa_public(const struct key *key);
static EVP_PKEY *ecdsa_public(const struct key *key);

int
key_generate(struct key *key, const uint8_t *zone, enum key_role role, enum key_algorithm algorithm)
{
	EVP_PKEY *pkey;
	struct key_private *private_key;

	if (algorithm != KEY_ECDSAP256SHA256 && algorithm != KEY_ED25519)
		return -ENOTSUP;
	pkey = algorithm == KEY_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
	    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	private_key = key_private_take(pkey);
	if (private_key == NULL)
		return -ENOMEM;
	*key = (struct key){ .role = role, .algorithm = algorithm };
	name_lower(key->zone, zone, name_length(zone, NAME_MAX));
	if (!key_take_public(key, pkey)) {
		key_private_free(private_key);
		return -ENOMEM;
	}
	key->private_key = private_key;
	return 0;
}

struct key_private *
key_private_take(EVP_PKEY *pkey)
{
	struct key_private *private_key = pkey == NULL ? NULL : malloc(sizeof(*private_key));

	if (private_key == NULL) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	private_key->pkey = pkey;
	return private_key;
}

/* OpenSSL wipes what it frees of a key. */
void
key_private_free(struct key_private *private_key)
{
	if (private_key == NULL)
		return;
	EVP_PKEY_free(private_key->pkey);
	free(private_key);
}

/* Of keys that were made here; imported ones bring their public key field along. */
bool
key_take_public(struct key *key, EVP_PKEY *pkey)
{
	uint8_t point[1 + POINT_SIZE];
	size_t length = sizeof(point);

	if (key->algorithm == KEY_ED25519) {
		length = ED25519_SIZE;
		if (EVP_PKEY_get_raw_public_key(pkey, key->public_key, &length) != 1 || length != ED25519_SIZE)
			return false;
		key->public_length = ED25519_SIZE;
	} else {
		if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &length) != 1
		    || length != sizeof(point) || point[0] != POINT_UNCOMPRESSED)
			return false;
		memcpy(key->public_key, point + 1, POINT_SIZE);
		key->public_length = POINT_SIZE;
	}
	key->tag = key_tag(key);
	return true;
}

EVP_PKEY *
key_public_pkey(const struct key *key)
{
	if (key->algorithm == KEY_RSASHA256)
		return rsa_public(key);
	if (key->algorithm == KEY_ECDSAP256SHA256)
		return ecdsa_public(key);
	if (key->algorithm != KEY_ED25519 || key->public_length != ED25519_SIZE)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->public_key, ED25519_SIZE);
}

static EVP_PKEY *
rsa_public(const struct key *key)
{
	const uint8_t *field = key->public_key;
	size_t length = key->public_length, at = 1, exponent;
	OSSL_PARAM_BLD *builder;
	EVP_PKEY *pkey = NULL;
	BIGNUM *e, *n;

	if (length < 3)
		return NULL;
	exponent = field[0];
	if (exponent == 0) {
		exponent = (size_t)(field[1] << 8 | field[2]);
		at = 3;
	}
	if (exponent == 0 || length <= at + exponent)
		return NULL;
	e = BN_bin2bn(field + at, (int)exponent, NULL);
	n = BN_bin2bn(field + at + exponent, (int)(length - at - exponent), NULL);
	builder = OSSL_PARAM_BLD_new();
	if (e != NULL && n != NULL && builder != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n)
	    && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
		pkey = key_from_parameters("RSA", EVP_PKEY_PUBLIC_KEY, builder);
	OSSL_PARAM_BLD_free(builder);
	BN_free(e);
	BN_free(n);
	return pkey;
}

static EVP_PKEY *
ecdsa_public(const struct key *key)
{
	uint8_t point[1 + POINT_SIZE] = { POINT_UNCOMPRESSED };
	OSSL_PARAM_BLD *builder;
	EVP_PKEY *pkey = NULL;

	if (key->public_length != POINT_SIZE)
		return NULL;
	memcpy(point + 1, key->public_key, POINT_SIZE);
	builder = OSSL_PARAM_BLD_new();
	if (builder != NULL
	    && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0)
	    && OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)))
		pkey = key_from_parameters("EC", EVP_PKEY_PUBLIC_KEY, builder);
	OSSL_PARAM_BLD_free(builder);
	return pkey;
}

EVP_PKEY *
key_from_parameters(const char *type, int selection, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (parameters == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1
	    || EVP_PKEY_fromdata(context, &pkey, selection, parameters) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(parameters);
	return pkey;
}
