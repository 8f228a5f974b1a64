/* zone_check.h -- what must hold for a zone as a whole, and what is allowed but surely not meant.
 * Threads: any; reads a frozen zone. */
#ifndef ISOBAR_ZONE_ZONE_CHECK_H
#define ISOBAR_ZONE_ZONE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "zone/zone.h"

/* A zone doesn't know the lines of its records: the caller finds them by owner and type. */
struct finding {
	enum diag_level level;
	const struct node *node;	/* of the zone that was checked */
	uint16_t type;			/* of the record that it's about */
	uint16_t rdlength;
	const uint8_t *rdata;		/* of that record, in the zone; or NULL: any of this owner and type */
	char *message;			/* NULL when memory was out */
	char *suggestion;		/* or NULL */
	unsigned line, column;		/* for the caller to fill in; 0 */
};

/* Start with { 0 }. */
struct findings {
	struct finding *list;
	size_t count, size;
	size_t errors, warnings;	/* all, also those that weren't kept */
	bool no_memory;			/* some check or message fell to that */
};

/* `complete` is false when some records could not be read: then nothing that is missing is reported. */
void zone_check(const struct zone *zone, bool complete, struct findings *findings) NONNULL;
void findings_add(struct findings *findings, enum diag_level level, const struct node *node, uint16_t type,
	const char *format, ...) NONNULL PRINTF(5, 6);
void findings_fini(struct findings *findings) NONNULL;

#endif
