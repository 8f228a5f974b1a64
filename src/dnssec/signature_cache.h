/* signature_cache.h -- signatures by the digest of what they sign; known to this folder only.
 * Threads: while a signing's threads work, they only look; what they made is put in afterwards. */
#ifndef ISOBAR_DNSSEC_SIGNATURE_CACHE_H
#define ISOBAR_DNSSEC_SIGNATURE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dnssec/signer.h"

#define SIGNED_DIGEST 16	/* octets of SHA-256 that tell what is signed from everything else */

struct signature {
	struct signature *next;
	uint8_t digest[SIGNED_DIGEST];
	uint32_t inception, expiry;	/* seconds, as in RRSIG */
	uint32_t round;			/* of the signing that used it last */
	uint16_t length;
	uint8_t octets[];
};

const struct signature *signature_cache_find(const struct signature_cache *cache,
	const uint8_t digest[static SIGNED_DIGEST]) NONNULL;

/* Takes `made` in, in place of one that expires sooner, or begins later (the clock was set back). What is in the cache
 * then, which is to be used; if it isn't `made`, that was freed. NULL: out of memory, and `made` was freed. */
const struct signature *signature_cache_put(struct signature_cache *cache, struct signature *made) NONNULL MUST_USE;

void signature_cache_use(struct signature_cache *cache, const struct signature *signature) NONNULL;

/* Ends a round: what neither it nor the round before used is dropped. */
void signature_cache_sweep(struct signature_cache *cache) NONNULL;

#endif
