/* keys.h -- the client prefixes of one service that ask the most, as counts that fade.
 * Threads: one. */
#ifndef ISOBAR_ESTIMATE_KEYS_H
#define ISOBAR_ESTIMATE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "plan/demand.h"

#define KEYS_MAX (2 * DEMAND_HEAVY_MAX)	/* twice what is used, so that one at the edge isn't forgotten and found anew */

struct known_key {
	uint64_t key;		/* slots_key() */
	double count;		/* questions, fading; */
	double spread;		/* those of them that lie in a slot with others' */
	double fresh, fresh_spread;	/* since keys_pass() */
	float factor;		/* what regions' reports say, 1: nothing */
	uint16_t group;		/* of the client */
	uint8_t country;	/* where it's located by country */
};

struct keys {
	size_t count;
	struct known_key *list;	/* the heaviest first, after keys_pass() */
	size_t size;		/* of `list` */
	uint32_t *index;	/* by hash: place in the list + 1 */
	uint32_t mask;
};

void keys_fini(struct keys *keys) NONNULL;

/* The key's entry, a new one with zero counts and factor 1 if need be; valid until the next call. NULL: out of
 * memory. */
struct known_key *keys_find(struct keys *keys, uint64_t key) NONNULL;

/* What is there is kept to the part `keep`, then what is fresh is added. The lightest are forgotten. */
void keys_pass(struct keys *keys, double keep) NONNULL;

#endif
