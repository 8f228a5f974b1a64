/* pack_parts.h -- what the files of the packing share; for them alone. Items are a table's slots: the common ones, then
 * those of heavy keys. Bins are what items are shared out to: regions, and NO_REGION for nobody. */
#ifndef ISOBAR_PACKING_PACK_PARTS_H
#define ISOBAR_PACKING_PACK_PARTS_H

#include "base/arena.h"
#include "base/contract.h"
#include "packing/pack.h"

#define BINS (REGIONS_MAX + 1)		/* NO_REGION is one */
#define BIN_NONE (-1)

/* Where slot `i` of `from` slots lies among `to`: without a division where they're powers of two, as mostly. */
static inline uint32_t
pack_scale(uint32_t i, uint32_t from, uint32_t to)
{
	if ((from & (from - 1)) != 0 || (to & (to - 1)) != 0)
		return (uint32_t)((uint64_t)i * to / from);
	return (uint32_t)((uint64_t)i << __builtin_ctz(to) >> __builtin_ctz(from));
}

struct pack_heavy {
	uint64_t key;
	uint32_t position, item;
	double rate;
};

/* All of it in one arena. Weights are whole numbers, so that sums are exact and the same everywhere. */
struct pack_items {
	uint32_t count, common;			/* all; those that aren't heavy */
	const struct pack_heavy *heavy;		/* [count - common], by key */
	const uint32_t *weights;		/* >= 1; 1 each where demand isn't known */
	uint64_t total;				/* of them */
	bool alike;				/* demand isn't known */
	const uint32_t *heaviest;		/* all items, the heaviest first, of equals the last first */
	const uint32_t *along;			/* all items along the circle */
	const region_id (*before)[SLOT_LIST];	/* the list that its clients had, in present numbers; NULL: none */
};

/* False: out of memory. */
bool pack_items(struct pack_items *items, const struct pack_input *input, struct arena *arena) NONNULL MUST_USE;
/* Its own number, or where the heavy key would be. */
uint32_t pack_common_slot(const struct pack_items *items, uint32_t item) NONNULL;

struct pack_sharing {
	const uint32_t *weights;
	uint32_t count;
	const uint32_t *heaviest, *along;	/* the items to share out, in these two orders */
	uint64_t targets[BINS];			/* their sum is that of the weights; 0: nobody may be there */
	uint64_t largest[BINS];			/* that a bin takes of one item, where others take more; 0: any */
	int16_t *bins;				/* by item; in: where it is, or BIN_NONE; out: where it shall be */
	const int16_t *next;			/* by item: where it goes best if it leaves, or BIN_NONE */
	const bool *guests;			/* by item: is it there for want of its own place? These leave first */
	bool moving_is_cheap;			/* more may move than must, if targets are met better */
};

/* Shares items out to meet the targets within one of the lightest items, moving as little weight as that takes. */
void pack_share(struct pack_sharing *sharing) NONNULL;

/* Seats by largest remainder, for each region by its share as a primary: seats[BINS], zero before. */
void pack_apportion_primaries(const struct pack_input *input, uint64_t total, uint64_t *seats) NONNULL;
/* The seats of a primary's backups, from `pairs[at]` on: equal ones are preferred from the primary on, or the same
 * backup would get what is left over of all primaries. Returns how many pairs they are. */
size_t pack_apportion_backups(const struct pack_input *input, size_t at, uint64_t total, double *shares,
	uint64_t *seats) NONNULL;

size_t pack_same_primary(const struct pack_input *input, size_t from) NONNULL;	/* pairs from here on */
size_t pack_pair(const struct pack_input *input, region_id primary, region_id backup) NONNULL;	/* or pair_count */

/* Places 3 and 4: the other regions, from the `turn`-th on for those that take turns. */
void pack_others(const struct pack_input *input, struct slot *slot, uint32_t turn) NONNULL;
bool pack_is_uniform(const struct slot_table *table) NONNULL;

#endif
