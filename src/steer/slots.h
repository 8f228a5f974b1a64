/* slots.h -- slot tables: the plan of one (service, client group) as a worker reads it.
 * A client's key is spread over the slots; a slot holds an ordered list of regions. Threads: a table is immutable once
 * it's published; hold and release by the control thread only. */
#ifndef ISOBAR_STEER_SLOTS_H
#define ISOBAR_STEER_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "steer/region_set.h"

#define SLOT_LIST 4			/* primary, backup, next, and one more */
#define SLOTS_PER_SERVICE 65536u	/* over all its groups: 512 KiB, which stays in a second-level cache */
#define SLOTS_LEAST 1024u		/* per group: shares are exact to 0.1 % */

struct slot {
	region_id list[SLOT_LIST];	/* NO_REGION ends it */
	uint16_t rank;			/* below the primary's admit word: it takes this slot */
	uint16_t flags;			/* none yet; zero */
};

struct slot_table {
	uint32_t count;			/* >= 1 */
	unsigned holds;
	bool uniform;			/* all slots are alike: the answer doesn't depend on the key */
	struct slot slots[];
};

struct slot_table *slot_table_new(uint32_t count) MUST_USE;	/* one hold; lists empty. NULL: out of memory */
void slot_table_hold(struct slot_table *table) NONNULL;
void slot_table_release(struct slot_table *table);		/* NULL is allowed */

/* The key's place: the client prefix (IPv4 at most /24, IPv6 at most /56), the same on every worker and node.
 * *length is the prefix length of the key. */
uint32_t slots_place(const struct slot_table *table, const struct address *client, unsigned length, uint64_t seed)
	NONNULL;
unsigned slots_key_length(const struct address *client, unsigned length) NONNULL;

#endif
