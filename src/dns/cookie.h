/* cookie.h -- server cookies (RFC 7873) in the form that all servers of an anycast set agree on (RFC 9018).
 * A cookie shows that the client has received at its address what we sent there: it isn't forged.
 * Threads: a struct cookie_maker belongs to one thread; secrets are immutable. */
#ifndef ISOBAR_DNS_COOKIE_H
#define ISOBAR_DNS_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "base/text.h"
#include "dns/query.h"

#define COOKIE_SIZE 24			/* the client's 8 octets and our 16 */
#define COOKIE_SECRET_SIZE 16
#define COOKIE_SECRETS_MAX 3		/* current, and the previous and the next one while they are rolled over */

/* secrets[0] makes cookies; those made with any of them are taken. */
struct cookie_secrets {
	size_t count;			/* >= 1 */
	uint8_t secrets[COOKIE_SECRETS_MAX][COOKIE_SECRET_SIZE];
};

enum cookie_state {
	COOKIE_NONE,		/* the client doesn't know cookies */
	COOKIE_CLIENT,		/* it has none of ours yet */
	COOKIE_INVALID,		/* not ours, of another address, or too old */
	COOKIE_VALID,
};

struct cookie_maker;

struct cookie_maker *cookie_maker_new(void) MUST_USE;	/* NULL: libcrypto can't do it */
void cookie_maker_free(struct cookie_maker *maker);	/* NULL is allowed */

/* What the query's cookie is worth at `now` (Unix time, seconds, modulo 2^32), and, unless there was none, the one to
 * send back. Nothing is allocated. */
enum cookie_state cookie_check(struct cookie_maker *maker, const struct cookie_secrets *secrets,
	const struct query *query, const struct address *client, uint32_t now, uint8_t cookie[static COOKIE_SIZE])
	NONNULL;

/* The text of a secrets file: lines "current HEX", "previous HEX" and "next HEX", each at most once, the first of them
 * required; empty lines and those that begin with '#' are skipped. 0, or the number of the line that is wrong, with the
 * reason in `why` (-1: of the whole file). */
int cookie_secrets_parse(struct cookie_secrets *secrets, const char *text, const char **why) NONNULL MUST_USE;

/* A secret is rolled over in three steps, each of which is brought to all servers before the next: so none ever gets a
 * cookie that it can't check. */
enum cookie_roll {
	COOKIE_ROLL_BEGUN,	/* there was no file: it has a current secret */
	COOKIE_ROLL_NEXT,	/* the next secret stands beside the current one */
	COOKIE_ROLL_TAKEN,	/* the next one is current, the current one previous */
	COOKIE_ROLL_DONE,	/* the previous one is gone */
};

/* The text of a secrets file ("": there's none) after its next step, in `out`, which fails when memory is out; `fresh`
 * becomes a secret where the step needs one. 0, or as cookie_secrets_parse() has it. */
int cookie_secrets_roll(const char *text, const uint8_t fresh[static COOKIE_SECRET_SIZE], struct text *out,
	enum cookie_roll *step, const char **why) NONNULL MUST_USE;

/* Of the system's random numbers; false when it has none. */
bool cookie_secret_random(uint8_t secret[static COOKIE_SECRET_SIZE]) NONNULL MUST_USE;

#endif
