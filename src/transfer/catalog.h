/* catalog.h -- catalog zones (RFC 9432): what one says, and one written.
 * A catalog lists zones as PTR records at <label>.zones.<apex>; properties of a member stand below its node. Here is
 * the grammar; who consumes or produces one, and what comes of it, is control's.
 * Threads: any; pure. */
#ifndef ISOBAR_TRANSFER_CATALOG_H
#define ISOBAR_TRANSFER_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/text.h"
#include "zone/zone.h"

struct catalog_member {
	const uint8_t *zone;		/* its apex, lower case, wire form */
	const uint8_t *label;		/* of its node: length and octets, lower case */
	const uint8_t *owner;		/* the catalog that it may go over to (`coo`); or NULL */
	size_t group_count;
	const char *const *groups;	/* those that could be written in steering.yaml */
};

struct catalog {
	size_t count;
	const struct catalog_member *members;	/* by zone in canonical order */
};

/* False: it's broken (section 5.1), or has more than `most` members, and `why` says so in words without the catalog's
 * name; or memory is out, and `why` is that. Nothing of it is to be used then. */
bool catalog_read(const struct zone *zone, size_t most, struct arena *arena, struct catalog *catalog, struct text *why)
	NONNULL MUST_USE;
/* NULL: it isn't a member. */
const struct catalog_member *catalog_find(const struct catalog *catalog, const uint8_t *zone) NONNULL;

#define CATALOG_LABEL_SIZE 33		/* 32 hexadecimal digits and NUL */
/* A catalog's apex may be this long, so that the names below it fit. */
#define CATALOG_APEX_MAX (NAME_MAX - (1 + 5) - CATALOG_LABEL_SIZE - (1 + 5))

/* The label of a member's node. It's the same in every catalog, so that one hands its members on to another with their
 * state; and it's another one each time that the zone comes anew (sections 5.4 and 5.6), which is what `time` counts:
 * who missed that it was gone in between must not go on with the old zone. */
const char *catalog_label(const uint8_t *zone, uint32_t time, char label[static CATALOG_LABEL_SIZE]) NONNULL;

struct catalog_entry {
	const char *zone;		/* presentation form, final dot */
	const char *label;
	const char *group;		/* or NULL */
};

#define CATALOG_GROUP_MAX 255		/* octets: one string of a TXT record */

/* The catalog's master file, under the serial 1. Caller frees; NULL: out of memory. */
char *catalog_write(const char *apex, const struct catalog_entry *entries, size_t count)
	__attribute__((nonnull(1))) MUST_USE;

#endif
