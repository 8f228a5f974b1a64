/* pace.h -- how many of something costly (TLS handshakes) each client may begin in a second, over all workers. A client
 * is a prefix. Threads: any; a lock, held for a table probe, is taken when one begins. */
#ifndef ISOBAR_SERVE_PACE_H
#define ISOBAR_SERVE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"

struct pace;

struct pace_limits {
	uint32_t rate;				/* in a second; 0: no limit */
	uint16_t ipv4_prefix, ipv6_prefix;	/* lengths */
};

/* NULL: out of memory, or the system has no random numbers. */
struct pace *pace_new(const struct pace_limits *limits) NONNULL MUST_USE;
void pace_free(struct pace *pace);	/* NULL is allowed */

/* False: this client has begun too many. An address of 0 bits, of a client who isn't known, has no limit. `now_ns`: a
 * clock that never goes back by more than it ticks. */
bool pace_take(struct pace *pace, const struct address *client, uint64_t now_ns) NONNULL MUST_USE;

#endif
