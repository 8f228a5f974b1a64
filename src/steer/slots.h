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

/* A key that is so heavy that it has a slot of its own: slots[count + index]. */
struct heavy_key {
	uint64_t key;			/* slots_key(); 0: this place is free */
	uint32_t index;			/* < heavy_count */
	uint32_t position;		/* slots_position() in 2^-32 of the circle: where it is when it isn't heavy */
};

struct slot_table {
	uint32_t count;			/* >= 1: slots that keys are spread over */
	uint32_t heavy_count;		/* slots behind them, one for each heavy key */
	uint32_t heavy_mask;		/* heavy[] is an open-addressed hash table of this + 1 places */
	unsigned holds;
	bool uniform;			/* all lists are alike: the answer depends on the key by its rank only */
	uint64_t inputs;		/* what the table was compiled from, as a hash, so that it needn't be compiled
					 * again; 0: not known */
	struct heavy_key *heavy;	/* NULL when heavy_count is 0 */
	float *weights;			/* the part of the group's demand that was assumed for each slot when it was
					 * packed; sum 1. [count + heavy_count]; NULL: all alike. Not for workers */
	struct slot slots[];		/* [count + heavy_count] */
};

/* One hold; lists empty, no heavy key placed, weights NULL. NULL: out of memory */
struct slot_table *slot_table_new(uint32_t count, uint32_t heavy_count) MUST_USE;
float *slot_table_weigh(struct slot_table *table) NONNULL MUST_USE;	/* all 0 at first; NULL: no memory */
/* Each key and each index once. Two tables are the same octets when their keys were placed in the same order. */
void slot_table_place(struct slot_table *table, uint64_t key, uint32_t index, uint32_t position) NONNULL;
void slot_table_hold(struct slot_table *table) NONNULL;
void slot_table_release(struct slot_table *table);		/* NULL is allowed */

/* The client prefix as a number: unlike for unlike prefixes, never 0. */
uint64_t slots_key(const struct address *client, unsigned length) NONNULL;
void slots_key_read(uint64_t key, struct prefix *prefix) NONNULL;	/* and back */
unsigned slots_key_length(const struct address *client, unsigned length) NONNULL;	/* at most /24 or /56 */

/* Where a key lies on the circle that the common slots divide evenly, in 2^-64 of it: the same on every worker and
 * node. */
uint64_t slots_position(uint64_t key, uint64_t seed);

static inline uint32_t
slots_common(uint64_t position, uint32_t count)
{
	return (uint32_t)((position >> 32) * count >> 32);
}

/* The key's slot: that of a heavy key, or a common one. */
uint32_t slots_place(const struct slot_table *table, const struct address *client, unsigned length, uint64_t seed)
	NONNULL;

/* The slot of a key that the table holds as heavy, or UINT32_MAX. */
uint32_t slots_heavy(const struct slot_table *table, uint64_t key) NONNULL;

/* Its rank for tables that are uniform: 0 .. 65534, the same on every worker and node. */
uint16_t slots_rank(const struct address *client, unsigned length, uint64_t seed) NONNULL;

#endif
