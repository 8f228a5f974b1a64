/* pack.h -- shares of (primary, backup) pairs into slots: exact to one slot, deterministic, with as little movement
 * from the last table as the change of shares allows. Pure; threads: any. */
#ifndef ISOBAR_PACKING_PACK_H
#define ISOBAR_PACKING_PACK_H

#include "base/contract.h"
#include "plan/demand.h"
#include "plan/plan.h"
#include "steer/slots.h"

struct pack_input {
	const struct plan_pair *pairs;	/* by (primary, backup); shares add up to 1 */
	size_t pair_count;
	const region_id *others;	/* legal regions in the order that fills places 3 and 4 */
	size_t other_count;
	size_t turning_count;		/* that many of them take turns; the rest are the last resort, in order */
	uint32_t slots;			/* common ones; a power of two where demand has heavy keys */
	const struct slot_table *previous;	/* or NULL */
	const region_id *renumber;	/* previous region id -> present one, or NO_REGION; NULL: unchanged */
	const struct demand_rate *demand;	/* of the group, or NULL: all slots weigh alike. Sticky tables only */
	size_t heavy_count;		/* so many of its heavy keys, from the first on, get slots of their own */
	const uint16_t *pins;		/* by heavy key in the order of slots_key(): the pair that it shall have, or
					 * PACK_FREE; NULL: all are free */
	uint64_t seed;			/* of the service: where keys lie */
};

#define PACK_FREE UINT16_MAX

/* For sticky services: shares are of demand, not of slots. A slot keeps its primary while the share of that allows, and
 * its backup likewise: slots move only from regions whose share falls, the largest that fit first, so that the demand
 * moved is the least that any scheme can do. The heaviest keys have slots of their own; what a key had before as a
 * member of a common slot counts as where it was. The table remembers the weights that it was packed by. */
struct slot_table *pack_slots(const struct pack_input *input) NONNULL MUST_USE;

/* For services without stickiness: the slots, walked in turn from wherever, give every region its share: after n slots
 * from the first one no region is a whole answer away from it. */
struct slot_table *pack_sequence(const struct pack_input *input) NONNULL MUST_USE;

/* One slot with this list, cut to its length: the answer depends on the live words, and on the rank of the client's key
 * (slots_rank()) while the first region is partly drained. */
struct slot_table *pack_list(const region_id *list, size_t count) MUST_USE;

/* The share of demand (by the weights of `b`) whose primary differs. Counts may differ when one divides the other. 1
 * when `a` is NULL. */
double pack_moved(const struct slot_table *a, const region_id *renumber, const struct slot_table *b)
	__attribute__((nonnull(3)));

#endif
