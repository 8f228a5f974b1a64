/* update_parts.h -- what the files of UPDATE share: the message's records, and the zone's while they change. Private to
 * transfer/update*.c. */
#ifndef ISOBAR_TRANSFER_UPDATE_PARTS_H
#define ISOBAR_TRANSFER_UPDATE_PARTS_H

#include "transfer/update.h"

/* A record of the message; names in lower case. */
struct update_line {
	const uint8_t *owner;
	uint16_t type, class;
	uint32_t ttl;
	uint16_t rdlength;
	const uint8_t *rdata;
};

struct update {
	const uint8_t *apex;
	struct update_line *wants;	/* prerequisites */
	size_t want_count;
	struct update_line *lines;
	size_t line_count;
};

/* A record that an owner had, or has now. */
struct held {
	struct held *next;
	bool was, is;
	uint16_t type;
	uint16_t covers;		/* of an RRSIG; else 0 */
	uint32_t ttl, old_ttl;
	uint16_t before, now;		/* types of the RRsets that it was in and is; 0: none; by edits_compare() */
	uint16_t rdlength;
	const uint8_t *rdata;
};

struct update_owner {
	const uint8_t *name;
	bool apex;
	struct held *records, **end;
};

/* What an update comes to. */
struct update_edits {
	struct arena *arena;
	struct rrset_edit *list;
	size_t count, size;
	bool no_memory, too_large;
};

/* update_owner.c: the records of one owner. False: out of memory. */
bool owner_take(struct update_owner *owner, const struct zone *zone, struct arena *arena) NONNULL MUST_USE;
bool owner_do(struct update_owner *owner, const struct update_line *line, struct arena *arena) NONNULL MUST_USE;
unsigned owner_count(const struct update_owner *owner, uint16_t type) NONNULL;	/* ANY: all */
/* All of these are there, and nothing else of their type. The TTL doesn't count (RFC 2136 section 2.4.2). */
bool owner_has(const struct update_owner *owner, const struct update_line *const *wants, size_t count) NONNULL;

/* update_edits.c: each RRset of an owner that is no longer what it was. */
void edits_compare(struct update_edits *edits, struct update_owner *owner) NONNULL;
void edits_add(struct update_edits *edits, const struct rrset_edit *edit) NONNULL;

#endif
