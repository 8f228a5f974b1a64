/* live.h -- the words that change between snapshots: which regions are dead now, and how much each one admits.
 * One writer (the control thread), any number of readers; each word is stored and loaded on its own, relaxed: an answer
 * needs one region's words, never two that agree. A store is seen by the next query. */
#ifndef ISOBAR_STEER_LIVE_H
#define ISOBAR_STEER_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "steer/region_set.h"

typedef uint16_t admit;		/* of its primary clients a region takes those whose rank is below this */

#define ADMIT_NONE 0		/* drained: takes nobody, whatever the position in the list */
#define ADMIT_ALL 65535

struct live {
	_Atomic uint64_t dead[4];		/* region_set words */
	_Atomic uint32_t ttl_cap;		/* seconds; 0: none. Set while something is about to change */
	_Atomic uint16_t admits[REGIONS_MAX];
};

static inline bool
live_is_dead(const struct live *live, region_id r)
{
	return (atomic_load_explicit(&live->dead[r >> 6], memory_order_relaxed) >> (r & 63)) & 1;
}

static inline void
live_set_dead(struct live *live, region_id r, bool dead)
{
	if (dead)
		atomic_fetch_or_explicit(&live->dead[r >> 6], (uint64_t)1 << (r & 63), memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&live->dead[r >> 6], ~((uint64_t)1 << (r & 63)), memory_order_relaxed);
}

static inline admit
live_admit(const struct live *live, region_id r)
{
	return atomic_load_explicit(&live->admits[r], memory_order_relaxed);
}

static inline void
live_set_admit(struct live *live, region_id r, admit value)
{
	atomic_store_explicit(&live->admits[r], value, memory_order_relaxed);
}

#endif
