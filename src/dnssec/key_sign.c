/* key_sign.c -- one signature after the other with one key.
 * In: octets.  Out: a signature in the form of an RRSIG.
 * Threads: a signer belongs to one. It has a copy of the key of its own, since threads that share an EVP_PKEY wait for
 * each other in OpenSSL 3.0, and a context that is set up once and then copied, which saves a fifth of a signature.
 * ECDSA takes a random number for each signature, so signing the same twice gives two signatures, both right. */
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "dnssec/key.h"
#include "dnssec/key_private.h"

#define COORDINATE 32	/* octets of r and of s */

struct key_signer {
	EVP_PKEY *pkey;
	EVP_MD_CTX *start, *work;
	bool ecdsa;
};

static size_t raw_ecdsa(const uint8_t *der, size_t length, uint8_t signature[static SIGNATURE_MAX]);
static bool verifies(const struct key *key, const uint8_t *bytes, size_t length, const uint8_t *signature,
	size_t signature_length);
static size_t der_ecdsa(const uint8_t *signature, uint8_t der[static SIGNATURE_MAX]);

struct key_signer *
key_signer_new(const struct key *key)
{
	struct key_signer *signer = calloc(1, sizeof(*signer));
	const EVP_MD *digest = key->algorithm == KEY_ED25519 ? NULL : EVP_sha256();

	if (signer == NULL)
		return NULL;
	signer->ecdsa = key->algorithm == KEY_ECDSAP256SHA256;
	signer->pkey = EVP_PKEY_dup(key->private_key->pkey);
	signer->start = EVP_MD_CTX_new();
	signer->work = EVP_MD_CTX_new();
	if (signer->pkey == NULL || signer->start == NULL || signer->work == NULL
	    || EVP_DigestSignInit(signer->start, NULL, digest, NULL, signer->pkey) != 1) {
		key_signer_free(signer);
		return NULL;
	}
	return signer;
}

void
key_signer_free(struct key_signer *signer)
{
	if (signer == NULL)
		return;
	EVP_MD_CTX_free(signer->work);
	EVP_MD_CTX_free(signer->start);
	EVP_PKEY_free(signer->pkey);
	free(signer);
}

size_t
key_sign(struct key_signer *signer, const uint8_t *bytes, size_t length, uint8_t signature[static SIGNATURE_MAX])
{
	uint8_t made[SIGNATURE_MAX];
	size_t made_length = sizeof(made);

	if (EVP_MD_CTX_copy_ex(signer->work, signer->start) != 1
	    || EVP_DigestSign(signer->work, made, &made_length, bytes, length) != 1)
		return 0;
	if (signer->ecdsa)
		return raw_ecdsa(made, made_length, signature);
	memcpy(signature, made, made_length);
	return made_length;
}

/* RFC 6605 section 4: r and s, 32 octets each, where OpenSSL writes DER. */
static size_t
raw_ecdsa(const uint8_t *der, size_t length, uint8_t signature[static SIGNATURE_MAX])
{
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
	size_t made = 0;

	if (pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, COORDINATE) == COORDINATE
	    && BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + COORDINATE, COORDINATE) == COORDINATE)
		made = 2 * (size_t)COORDINATE;
	ECDSA_SIG_free(pair);
	return made;
}

bool
key_fits(const struct key *key)
{
	static const uint8_t probe[] = "a private key fits its public one";
	struct key_signer *signer = key_signer_new(key);
	uint8_t signature[SIGNATURE_MAX];
	size_t length = signer == NULL ? 0 : key_sign(signer, probe, sizeof(probe), signature);

	key_signer_free(signer);
	return length > 0 && verifies(key, probe, sizeof(probe), signature, length);
}

static bool
verifies(const struct key *key, const uint8_t *bytes, size_t length, const uint8_t *signature,
    size_t signature_length)
{
	const EVP_MD *digest = key->algorithm == KEY_ED25519 ? NULL : EVP_sha256();
	EVP_PKEY *pkey = key_public_pkey(key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[SIGNATURE_MAX];
	bool good;

	if (key->algorithm == KEY_ECDSAP256SHA256) {
		signature_length = der_ecdsa(signature, der);
		signature = der;
	}
	good = pkey != NULL && context != NULL && EVP_DigestVerifyInit(context, NULL, digest, NULL, pkey) == 1
	    && EVP_DigestVerify(context, signature, signature_length, bytes, length) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	return good;
}

static size_t
der_ecdsa(const uint8_t *signature, uint8_t der[static SIGNATURE_MAX])
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, COORDINATE, NULL), *s = BN_bin2bn(signature + COORDINATE, COORDINATE, NULL);
	uint8_t *to = der;
	int length = 0;

	if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL;	/* the pair's now */
		length = i2d_ECDSA_SIG(pair, &to);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return length > 0 ? (size_t)length : 0;
}
