/* seal.h -- a secret text under a passphrase: AES-256-GCM with a key by scrypt (RFC 7914).
 * Threads: one at a time for a passphrase; else any. */
#ifndef ISOBAR_DNSSEC_SEAL_H
#define ISOBAR_DNSSEC_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"

/* A passphrase, and the keys that were derived from it: scrypt takes long, and is run once for each salt. */
struct passphrase;
struct passphrase *passphrase_new(const char *text) NONNULL MUST_USE;	/* NULL: out of memory */
void passphrase_free(struct passphrase *passphrase);	/* wipes; NULL is allowed */
bool passphrase_is(const struct passphrase *passphrase, const char *text) NONNULL;

bool seal_is(const char *text) NONNULL;		/* text that seal() wrote */

/* Whether seal() would use the same key for it: opening many such texts takes no longer than opening one. */
bool seal_is_usual(const char *text, const struct passphrase *passphrase) NONNULL;

/* Adds the sealed `secret` to `out`. `bound` is what it belongs to: it opens with the same octets only.
 * 0; -ENOMEM; -EIO: OpenSSL can't. */
int seal(const char *secret, size_t length, struct passphrase *passphrase, const uint8_t *bound, size_t bound_length,
	struct text *out) NONNULL MUST_USE;

/* Adds the secret to `out`, which the caller wipes. 0; -EBADMSG: not in this form; -EACCES: another passphrase, or it
 * was changed, or belongs to something else; -ENOMEM. */
int unseal(const char *text, struct passphrase *passphrase, const uint8_t *bound, size_t bound_length, struct text *out)
	NONNULL MUST_USE;

#endif
