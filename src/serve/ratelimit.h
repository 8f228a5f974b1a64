/* ratelimit.h -- how many responses of one kind a network of clients gets in a second (response rate limiting, RRL).
 * What a flood with forged addresses asks for isn't sent to those whose addresses they are.
 * Threads: a table belongs to one worker; nothing is shared, locked or allocated after its start. */
#ifndef ISOBAR_SERVE_RATELIMIT_H
#define ISOBAR_SERVE_RATELIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"

enum rate_kind {
	RATE_ANSWER,		/* counted by name, of a wildcard by the wildcard */
	RATE_REFERRAL,		/* by delegation */
	RATE_NODATA,		/* by zone, as are */
	RATE_NXDOMAIN,		/* names that aren't there: there's no end of them */
	RATE_ERROR,		/* all together, as are */
	RATE_ALL,		/* responses of all kinds */
	RATE_KINDS
};

struct ratelimit_options {
	uint32_t rates[RATE_KINDS];	/* responses/s of one worker to one network; 0: no limit */
	uint32_t burst_ms;		/* so much time's worth may come at once; at least one response */
	unsigned slip;			/* each n-th beyond the rate is sent truncated, others aren't; 0: none is */
	uint8_t ipv4_prefix, ipv6_prefix;	/* what makes a network */
	uint32_t entries;		/* of the table; 64 octets hold four */
	size_t exempt_count;
	const struct prefix *exempt;	/* never limited; must outlive the table */
};

enum rate_verdict { RATE_SEND, RATE_TRUNCATE, RATE_DROP };

struct ratelimit;

/* NULL: out of memory. */
struct ratelimit *ratelimit_new(const struct ratelimit_options *options, uint64_t seed) NONNULL MUST_USE;
void ratelimit_free(struct ratelimit *limit);	/* NULL is allowed */

/* Counts a response to `client`; `about` is what it's counted by, `now_ns` a clock that never goes back. When it's
 * beyond a rate, `which` is the kind of it. */
enum rate_verdict ratelimit_take(struct ratelimit *limit, const struct address *client, enum rate_kind kind,
	uint64_t about, uint64_t now_ns, enum rate_kind *which) NONNULL;

#endif
