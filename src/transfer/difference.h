/* difference.h -- what must be taken out of one version of a zone and put in for the next, in the order of IXFR
 * (RFC 1995 section 4): the old SOA, what goes, the new SOA, what comes; signatures and NSEC3 records too.
 * It stands by itself: neither zone is needed any more. Threads: immutable; hold and release by the control thread. */
#ifndef ISOBAR_TRANSFER_DIFFERENCE_H
#define ISOBAR_TRANSFER_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "transfer/record_writer.h"
#include "zone/zone.h"

struct difference {
	uint32_t from, to;	/* serials */
	size_t length, added;	/* octets of `records`; where those that come begin, with the new SOA */
	size_t record_count;
	bool is_empty;		/* nothing but the SOA, and what is signed with it, differs */
	unsigned holds;
	uint8_t *records;	/* owner, type, TTL, RDLENGTH, RDATA; numbers in network order */
};

/* Either zone with the SOA that it's told with. NULL: out of memory. Linear in the size of the zones. */
struct difference *difference_new(const struct zone *from, const struct rrset *from_soa, const struct zone *to,
	const struct rrset *to_soa) NONNULL MUST_USE;
void difference_hold(struct difference *difference) NONNULL;
void difference_release(struct difference *difference);		/* the last one frees; NULL is allowed */

/* The record at `at`, which is moved behind it. False: there are no more. */
bool difference_next(const struct difference *difference, size_t *at, struct resource_record *record) NONNULL;

#endif
