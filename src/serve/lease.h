/* lease.h -- until when a zone that comes from primaries is answered. Single words, as live words are: control stores
 * them, workers load them, so that neither word of a primary nor the lack of it needs a new snapshot.
 * Threads: a lease may be read by any while control has its leases; all else by control. */
#ifndef ISOBAR_SERVE_LEASE_H
#define ISOBAR_SERVE_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"

struct lease {
	_Atomic uint32_t until;		/* Unix time, seconds modulo 2^32; 0: there's no version yet */
};

/* Seconds that are left, at most 68 years; 0: it's over. `now`: as `until`. */
static inline uint32_t
lease_left(const struct lease *lease, uint32_t now)
{
	uint32_t until = atomic_load_explicit(&lease->until, memory_order_relaxed);

	return until == 0 || until - now > INT32_MAX ? 0 : until - now;
}

static inline void
lease_set(struct lease *lease, uint32_t until)
{
	atomic_store_explicit(&lease->until, until == 0 ? 1 : until, memory_order_relaxed);
}

static inline void
lease_end(struct lease *lease)
{
	atomic_store_explicit(&lease->until, 0, memory_order_relaxed);
}

struct leases;

struct leases *leases_new(void) MUST_USE;	/* NULL: out of memory */
void leases_free(struct leases *leases);	/* when nobody can read one any more; NULL is allowed */
/* That of the zone, which stays where it is; a new one is over. `apex`: lower case. NULL: out of memory. */
struct lease *leases_of(struct leases *leases, const uint8_t *apex) NONNULL MUST_USE;

#endif
