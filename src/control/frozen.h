/* frozen.h -- the copy of a zone with steered names that a secondary gets: valid without anybody who steers.
 * Threads: control. */
#ifndef ISOBAR_CONTROL_FROZEN_H
#define ISOBAR_CONTROL_FROZEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/contract.h"
#include "control/signing.h"
#include "control/world.h"
#include "dnssec/signer.h"
#include "serve/snapshot.h"

/* Which regions each steered name of a zone is to have in its copy. In an arena; borrows the world and the snapshot. */
struct frozen {
	const struct snapshot *snapshot;
	const struct steered_name *names;
	size_t name_count;		/* 0: nothing is steered, and the zone needs no copy */
	struct region_set *chosen;	/* by name; empty: no region may serve every client */
	uint64_t hash;			/* of the choice */
};

/* For zone `index` of the world, by the live words of now. False: out of memory. */
bool frozen_choose(const struct world *world, size_t index, const struct snapshot *snapshot, struct arena *arena,
	struct frozen *frozen) NONNULL MUST_USE;
/* Logs the names that have no records in the copy, unless `warned` is the hash of just these. Returns that hash. */
uint64_t frozen_warn(const struct frozen *frozen, const char *zone, uint64_t warned) NONNULL;

/* The copy of `source`, held. NULL: out of memory. */
struct zone *frozen_build(const struct frozen *frozen, const struct zone *source) NONNULL MUST_USE;
/* Signed as `wanted` says, with the zone's keys. NULL: it can't be, and the log says why. */
struct signed_zone *frozen_sign(const struct zone *copy, const struct signing_view *view,
	const struct steering_zone *wanted, struct signature_cache *cache, uint32_t serial, struct wall wall)
	NONNULL MUST_USE;
/* A hash of the keys by what each of them does at this time. */
uint64_t frozen_keys(const struct signing_view *view, struct wall wall) NONNULL;
/* A hash of all that a zone holds, signatures too, but for the SOA's serial. */
uint64_t zone_content(const struct zone *zone) NONNULL;

#endif
