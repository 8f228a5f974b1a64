/* seal.h -- a secret text under a passphrase: AES-256-GCM with a key by scrypt (RFC 7914).
 * Threads: any; nothing is shared. */
#ifndef ISOBAR_DNSSEC_SEAL_H
#define ISOBAR_DNSSEC_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"

bool seal_is(const char *text) NONNULL;		/* text that seal() wrote */

/* Adds the sealed `secret` to `out`. `bound` is what it belongs to: it opens with the same octets only.
 * 0; -ENOMEM; -EIO: OpenSSL can't. */
int seal(const char *secret, size_t length, const char *passphrase, const uint8_t *bound, size_t bound_length,
	struct text *out) NONNULL MUST_USE;

/* Adds the secret to `out`, which the caller wipes. 0; -EBADMSG: not in this form; -EACCES: another passphrase, or it
 * was changed, or belongs to something else; -ENOMEM. */
int unseal(const char *text, const char *passphrase, const uint8_t *bound, size_t bound_length, struct text *out)
	NONNULL MUST_USE;

#endif
