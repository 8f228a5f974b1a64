/* renewal.h -- when a zone's primary is asked again, and until when the zone is answered without word of it (RFC 1034
 * section 4.3.5). Threads: any; pure. */
#ifndef ISOBAR_CONTROL_RENEWAL_H
#define ISOBAR_CONTROL_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "steer/steering.h"

struct renewal {
	bool loaded;			/* a version is there, and these are of its SOA, seconds: */
	uint32_t refresh, retry, expire;
	struct wall refreshed;		/* the last success; .ms 0: none */
	struct wall tried;		/* the last try that ended, good or not; .ms 0: none */
	struct wall expires;		/* as renewal_expiry() gave it */
	unsigned failures;		/* since the last success */
	struct wall notified;		/* the last NOTIFY or wish, if it came after the last try began; else .ms 0 */
};

/* The next try, by jitter up to a tenth before its time, so that zones that were loaded together aren't asked for
 * together for ever. `dice`: any number, the same for the same try. */
struct wall renewal_next(const struct renewal *renewal, const struct zone_bounds *bounds, uint32_t dice) NONNULL;

/* When a version ends to be answered whose primary gave word of it `now`, with its own EXPIRE option or without
 * (RFC 7314). `before`: as it was for the same version; .ms 0: it's a new one. */
struct wall renewal_expiry(uint32_t soa_expire, const struct zone_bounds *bounds, const uint32_t *option,
	struct wall before, struct wall now) __attribute__((nonnull(2)));

#endif
