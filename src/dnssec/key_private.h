/* key_private.h -- the private part of a key, and signing with it; known to this folder only.
 * Threads: a private part is read only and may be shared; a key_signer belongs to one thread. */
#ifndef ISOBAR_DNSSEC_KEY_PRIVATE_H
#define ISOBAR_DNSSEC_KEY_PRIVATE_H

#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dnssec/key.h"

struct key_private {
	EVP_PKEY *pkey;
};

#define SIGNATURE_MAX 512	/* octets: RSA-4096 */

uint16_t key_tag(const struct key *key) NONNULL;	/* reckoned from its DNSKEY */

struct key_private *key_private_take(EVP_PKEY *pkey);	/* frees `pkey` when memory is out, then NULL; NULL to NULL */
void key_private_free(struct key_private *private_key);	/* NULL is allowed */

/* One algorithm's own matters. */
EVP_PKEY *key_public_pkey(const struct key *key) NONNULL MUST_USE;	/* NULL: no such key, or no memory */
bool key_take_public(struct key *key, EVP_PKEY *pkey) NONNULL MUST_USE;	/* its public key field and tag from `pkey` */

EVP_PKEY *key_from_parameters(const char *type, int selection, OSSL_PARAM_BLD *builder) NONNULL MUST_USE;

struct key_signer;
struct key_signer *key_signer_new(const struct key *key) NONNULL MUST_USE;	/* NULL: no memory */
void key_signer_free(struct key_signer *signer);	/* NULL is allowed */

/* The signature as an RRSIG has it (RFC 8080, 6605, 5702); its length, 0 when OpenSSL can't. */
size_t key_sign(struct key_signer *signer, const uint8_t *bytes, size_t length,
	uint8_t signature[static SIGNATURE_MAX]) NONNULL MUST_USE;

/* That the private part of `key` belongs to its public one. */
bool key_fits(const struct key *key) NONNULL MUST_USE;

#endif
