/* hash.h -- the one door to xxHash, to SHA-256 and to SHA-1 (OpenSSL). XXH3 spreads, it doesn't authenticate: tokens
 * and the audit chain use SHA-256. SHA-1 only places names in a chain of NSEC3 (RFC 5155 section 11). Threads: any. */
#ifndef ISOBAR_BASE_HASH_H
#define ISOBAR_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t
hash64(const void *bytes, size_t length, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, length, seed);
}

#define SHA256_SIZE 32
#define SHA256_TEXT_SIZE 65	/* hexadecimal with its NUL */

void sha256(const void *bytes, size_t length, uint8_t digest[static SHA256_SIZE]) NONNULL;
const char *sha256_text(const void *bytes, size_t length, char text[static SHA256_TEXT_SIZE]) NONNULL;
bool sha256_text_same(const char *a, const char *b) NONNULL;	/* in constant time for two such texts */

#define SHA1_SIZE 20

/* Allocates nothing and takes no lock: it's for the query path, too. */
void sha1(const void *bytes, size_t length, uint8_t digest[static SHA1_SIZE]) NONNULL;

#endif
