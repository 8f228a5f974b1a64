/* zone_edit.h -- a zone with some of its RRsets replaced, and the same done to the text that it came from.
 * Every change of records ends here: an operator's, UPDATE, a difference from a primary. The text isn't read again, so
 * a change of one record of a million costs a walk over the zone, and not a parse.
 * Threads: any; nothing is shared but immutable zones. */
#ifndef ISOBAR_ZONE_ZONE_EDIT_H
#define ISOBAR_ZONE_ZONE_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "zone/zone.h"

/* An RRset as it's to be from now on. No two of one edit have the same owner and type. */
struct rrset_edit {
	const uint8_t *owner;	/* lower case, wire form, in the zone */
	uint16_t type;		/* RRSIG: those that cover nothing of the owner; others go with what they cover */
	struct rrset rrset;	/* .count 0: there are none; laid out as in zone.h, with its signatures */
};

enum zone_edited {
	ZONE_EDITED,
	ZONE_EDIT_NO_SOA,	/* or two of them, or none that is left */
	ZONE_EDIT_TOO_LARGE,	/* an RRset that no message could hold */
	ZONE_EDIT_NO_MEMORY,
};

/* `*to` comes with one hold. It's the zone that reading the edited text would give, node for node. Nothing is checked:
 * see zone_check(). */
enum zone_edited zone_edit(const struct zone *from, const struct rrset_edit *edits, size_t count, struct zone **to)
	NONNULL MUST_USE;

/* The master file of `from`, edited: every line of other RRsets stays as it is, comments too. The new text (caller
 * frees). NULL: out of memory, or `text` isn't that of `from`. */
char *text_edit(const char *text, const struct zone *from, const struct rrset_edit *edits, size_t count)
	NONNULL MUST_USE;

#endif
