/* edition.h -- a zone as secondaries get it under one serial, and how it came from those before.
 * An edition is immutable but for the count of its readers. Transfers go on for minutes while publications come and go,
 * so each holds its edition; the control thread, which made it, frees it when nobody can see it any more and nobody
 * reads it.
 * Threads: edition_new() and edition_free() by the control thread. edition_read() by any thread that is certain to see
 * an edition that isn't freed (it found it under RCU); edition_done() by any. */
#ifndef ISOBAR_TRANSFER_EDITION_H
#define ISOBAR_TRANSFER_EDITION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "transfer/difference.h"
#include "zone/zone.h"

struct edition {
	struct zone *zone;		/* held */
	struct rrset soa;		/* with this serial, in place of the zone's; signed if the zone is */
	uint32_t serial;
	size_t difference_count;
	struct difference **differences;	/* held; each begins where the one before ends, the last ends here */
	size_t difference_octets;
	atomic_uint *readers;
	uint8_t *soa_wire;		/* that `soa` may stand on */
};

/* Holds the zone. Its SOA gets `serial`; with another serial than its own it must be unsigned. NULL: out of memory. */
struct edition *edition_new(struct zone *zone, uint32_t serial) NONNULL MUST_USE;
/* The history of `before`, and a difference from it, as far as `most` octets hold it. Without memory there's less
 * history. */
void edition_follow(struct edition *edition, const struct edition *before, size_t most) NONNULL;
void edition_free(struct edition *edition);	/* NULL is allowed */

static inline void
edition_read(const struct edition *edition)
{
	atomic_fetch_add_explicit(edition->readers, 1, memory_order_relaxed);
}

static inline void
edition_done(const struct edition *edition)
{
	atomic_fetch_sub_explicit(edition->readers, 1, memory_order_release);
}

static inline bool
edition_is_read(const struct edition *edition)
{
	return atomic_load_explicit(edition->readers, memory_order_acquire) > 0;
}

/* Which difference begins with the serial; edition->difference_count: none. */
size_t edition_find(const struct edition *edition, uint32_t serial) NONNULL;

/* The serial of an SOA's RDATA, and where it stands. */
size_t soa_serial_at(const uint8_t *rdata) NONNULL;
bool serial_is_newer(uint32_t serial, uint32_t than);	/* RFC 1982 section 3.2 */

#endif
