/* text_edit_parts.h -- what the two passes over an edited text share. Private to text_edit.c and text_rewrite.c. */
#ifndef ISOBAR_ZONE_TEXT_EDIT_PARTS_H
#define ISOBAR_ZONE_TEXT_EDIT_PARTS_H

#include "base/arena.h"
#include "base/text.h"
#include "zone/record.h"
#include "zone/zone_edit.h"

#define NOWHERE SIZE_MAX
#define BLOCK ((size_t)256)	/* entries: a fraction of the text that isn't worth to be told apart */

/* The text before the RDATA of a record of this RRset, for new ones to look the same. */
struct pattern {
	const char *text;	/* NULL: none */
	size_t length;
	bool owner_given, ttl_given;
	uint32_t ttl;
};

/* The lines of an RRset, or those of the signatures over it. */
struct lines {
	const uint8_t *owner;
	uint16_t type;			/* as it's written: of signatures RRSIG */
	uint16_t covers;		/* of signatures; 0: of those that cover nothing */
	uint32_t ttl;
	unsigned count;
	const uint8_t *wire;		/* as they are to be */
	bool *written;			/* by record */
	bool was;			/* the zone has some */
	size_t anchor;			/* new records follow this entry, or NOWHERE: the end */
	size_t order;			/* among those of one anchor */
	struct pattern pattern;
};

/* A name that edits are about, or an ancestor of one below the apex. */
struct place {
	const uint8_t *name;
	size_t length;
	uint64_t hash;
	size_t under, exact;		/* last entry with such an owner, + 1 */
	size_t first, count;		/* its lines */
};

/* Where some entries begin, and what they inherit. */
struct block {
	const char *at;
	uint32_t line;
	bool touched;
	struct inherited inherited;
};

struct text_editing {
	const char *text;
	const struct zone *from;
	struct arena *arena;
	const char *eol;
	struct lines *lines;		/* by owner; the signatures behind what they cover */
	size_t line_count;
	struct place *places;		/* open addressing, at most half full */
	size_t place_size;
	struct lines **anchored;	/* by anchor and order */
	struct block *blocks;
	size_t block_count, block_size;
	struct inherited end;		/* by who stood at the end of the text */
	/* Second pass. */
	struct record_reader *reader;
	struct inherited now;
	struct text out;
};

/* text_edit.c */
struct place *place_find(const struct text_editing *edit, const uint8_t *name, size_t length, uint64_t hash) NONNULL;
/* What a record at this place is one of, or NULL. An RRSIG's RDATA has been read. */
struct lines *lines_find(const struct text_editing *edit, const struct place *place, const struct record *record)
	NONNULL;

/* text_rewrite.c: the second pass, into `out`. False: out of memory. */
bool text_rewrite(struct text_editing *edit) NONNULL MUST_USE;

#endif
