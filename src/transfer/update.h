/* update.h -- DNS UPDATE (RFC 2136): from a message to what it does to a zone. No sockets, no rules of who may: the
 * caller looks at each update with update_at() first.
 * Threads: any; pure. */
#ifndef ISOBAR_TRANSFER_UPDATE_H
#define ISOBAR_TRANSFER_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "dns/name.h"
#include "zone/zone_edit.h"

/* The zone that an UPDATE is for: its apex in lower case, from the zone section. An rcode: FORMERR when there isn't
 * exactly one SOA question there (section 3.1.1). */
uint16_t update_zone(const uint8_t *message, size_t length, uint8_t apex[static NAME_MAX]) NONNULL MUST_USE;

struct update;

enum update_act { UPDATE_ADD, UPDATE_DELETE_RRSET, UPDATE_DELETE_NAME, UPDATE_DELETE_RECORD };

struct update_record {
	const uint8_t *owner;	/* lower case */
	uint16_t type;		/* of UPDATE_DELETE_NAME: ANY */
	enum update_act act;
};

/* Reads all sections (sections 3.2 and 3.4.1), names in RDATA uncompressed; `length` without TSIG. An rcode: NOERROR
 * and `*update`, in the arena; FORMERR; NOTZONE; NOTIMP for what can't be in a zone; SERVFAIL without memory. */
uint16_t update_read(struct arena *arena, const uint8_t *message, size_t length, struct update **update)
	NONNULL MUST_USE;
size_t update_count(const struct update *update) NONNULL;
struct update_record update_at(const struct update *update, size_t i) NONNULL;

/* Holds the prerequisites against the zone, then does the updates in their order (section 3.4.2), all or nothing. An
 * rcode: NOERROR and the edits, in the arena, which are none when nothing changes; NXDOMAIN, YXDOMAIN, NXRRSET, YXRRSET
 * by the prerequisites; REFUSED for an RRset that no message could hold; SERVFAIL without memory. What would break the
 * zone (CNAME beside others, no NS at the apex) is passed over, as sections 3.4.2.2 to 3.4.2.4 have it. With edits the
 * SOA's serial rises by one, unless the message brought a newer one (section 3.7). */
uint16_t update_plan(const struct update *update, const struct zone *zone, struct arena *arena,
	struct rrset_edit **edits, size_t *count) NONNULL MUST_USE;

#endif
