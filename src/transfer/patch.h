/* patch.h -- records that go and come, one by one and over several versions, as edits of the zone that they begin with.
 * What IXFR tells becomes what zone_edit() takes. Threads: one at a time. */
#ifndef ISOBAR_TRANSFER_PATCH_H
#define ISOBAR_TRANSFER_PATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "transfer/record_writer.h"
#include "zone/zone.h"
#include "zone/zone_edit.h"

struct patch;

enum patched {
	PATCHED,
	PATCH_MISSING,		/* what is to go isn't there */
	PATCH_TOO_LARGE,	/* no message could hold the RRset */
	PATCH_NO_MEMORY,
};

/* `zone` must outlive it. NULL: out of memory. */
struct patch *patch_new(const struct zone *zone) NONNULL MUST_USE;
void patch_free(struct patch *patch);		/* NULL is allowed */

/* The record's octets are copied; its owner is in lower case and in the zone. An SOA that comes takes the place of the
 * one that is there; what is there already may come once more, as NSD 4.6 has it for the apex. */
enum patched patch_remove(struct patch *patch, const struct resource_record *record) NONNULL MUST_USE;
enum patched patch_add(struct patch *patch, const struct resource_record *record) NONNULL MUST_USE;

/* What all of it comes to: one edit for each owner and type that was touched. They live as long as the patch, which
 * takes nothing more. False: PATCH_TOO_LARGE for signatures, or out of memory. */
enum patched patch_edits(struct patch *patch, const struct rrset_edit **edits, size_t *count) NONNULL MUST_USE;

#endif
