/* history.h -- slot tables as octets, and back: what the store keeps of each epoch, so that a restart moves nobody and
 * `explain --at` walks the very table that answered then. A table is written as its difference from the one before,
 * deflated: what didn't change costs nothing. Pure; threads: any. */
#ifndef ISOBAR_PLAN_HISTORY_H
#define ISOBAR_PLAN_HISTORY_H

#include <stddef.h>

#include "base/contract.h"
#include "serve/snapshot.h"

#define HISTORY_WHOLE_EVERY 32	/* differences in a row before a whole one, so that reading stays short */

/* All tables of one service, by demand group, as they are before they're deflated: what `base` below stands for. The
 * same tables give the same octets. *length octets to be freed; NULL: out of memory. */
void *history_whole(const struct snapshot *snapshot, const struct service *service, size_t *length) NONNULL MUST_USE;

/* All tables of one service: regions and groups by name, lists, ranks, heavy keys, weights. `base`: the octets of an
 * earlier one, not deflated, as history_inflate() gives them, or NULL. Returns octets to be freed; NULL: out of
 * memory. */
void *history_write(const struct snapshot *snapshot, const struct service *service, const void *base,
	size_t base_length, size_t *length) __attribute__((nonnull(1, 2, 5))) MUST_USE;
/* What history_write() wrote, whole again; NULL: out of memory, or they aren't such octets. */
void *history_inflate(const void *octets, size_t length, const void *base, size_t base_length, size_t *whole_length)
	__attribute__((nonnull(1, 5))) MUST_USE;

/* The tables in whole octets, for the regions and demand groups of `steering` and `countries`; a region that it doesn't
 * know is NO_REGION in its lists. Each with one hold, NULL for a group that the octets don't speak of; `tables` has
 * room for the demand groups. false: out of memory, or not such octets. */
bool history_read(const void *whole, size_t length, const struct steering *steering,
	const struct partition *partition, struct slot_table **tables) NONNULL MUST_USE;

#endif
