/* canonical.h -- an RRset as it's signed (RFC 4034 sections 3.1.8.1 and 6). Threads: any, one at a time per scratch. */
#ifndef ISOBAR_DNSSEC_CANONICAL_H
#define ISOBAR_DNSSEC_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "zone/zone.h"

/* Reused from RRset to RRset. Start with { 0 }. */
struct canonical_scratch {
	struct text lowered;	/* RDATA with its names in lower case */
	struct canonical_rdata { const uint8_t *bytes; size_t length; } *rdatas;
	size_t size;
};

/* Adds the records of `set` under `owner` (lower case) to `out`, which sticks as failed without memory. */
void canonical_add(struct text *out, const uint8_t *owner, const struct rrset *set, struct canonical_scratch *scratch)
	NONNULL;
void canonical_fini(struct canonical_scratch *scratch) NONNULL;

#endif
