/* signed_check.h -- is a zone that has DNSSEC records one that validators accept? The parts of zone_check() that are
 * about signatures and denial; signatures themselves aren't verified, since that takes longer than all the rest.
 * Threads: any; reads a frozen zone. */
#ifndef ISOBAR_ZONE_SIGNED_CHECK_H
#define ISOBAR_ZONE_SIGNED_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "zone/zone.h"
#include "zone/zone_check.h"

/* The apex has a signed SOA. */
bool zone_is_signed(const struct zone *zone) NONNULL;

/* Called by zone_check(). */
void signed_check(const struct zone *zone, bool complete, struct findings *findings) NONNULL;

/* Which signatures count at a given moment (RFC 4034 section 3.1.5: times wrap, and are within 68 years of `now`). */
struct zone_validity {
	size_t expired, early;		/* signatures that count no more, or not yet */
	const struct node *node;	/* of the first of those, and what it covers; NULL: all count */
	uint16_t type;
	struct wall until;		/* the first expiry that is still to come; .ms 0: none */
};

struct zone_validity zone_validity(const struct zone *zone, struct wall now) NONNULL;

#endif
