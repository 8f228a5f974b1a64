/* master_edit.h -- an operator's changes of records: words become edits. Threads: any; nothing is shared. */
#ifndef ISOBAR_ZONE_MASTER_EDIT_H
#define ISOBAR_ZONE_MASTER_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "zone/zone_edit.h"

/* A master file and the zone that it is. */
struct edited {
	char *text;		/* caller frees */
	struct zone *zone;	/* with one hold; not checked: see master_check() */
};

/* Edits of a zone and its text that leave every other line as it was, comments too. `owner` is complete and in
 * presentation form. False with errors in `diags`: those of the arguments, and what is no zone at all.
 * master_set replaces the RRset (owner, type) by `count` records given as RDATA in presentation form, whose relative
 * names are completed by the apex; a `count` of 0 deletes it.
 * Both raise the SOA serial by one (RFC 1982). An SOA that is set keeps its own serial if that is the newer one. */
bool master_set(const char *text, const struct zone *from, const char *file, const char *owner, const char *type,
	uint32_t ttl, const char *const *rdata, size_t count, struct edited *to, struct diags *diags)
	__attribute__((nonnull(1, 2, 3, 4, 5, 9, 10))) MUST_USE;
bool master_delete(const char *text, const struct zone *from, const char *file, const char *owner,
	const char *type /* or NULL: all types of the owner */, struct edited *to, struct diags *diags)
	__attribute__((nonnull(1, 2, 3, 4, 6, 7))) MUST_USE;

#endif
