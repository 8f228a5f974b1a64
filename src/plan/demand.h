/* demand.h -- how much clients ask for: by demand group, by slot within it, and by the heaviest keys.
 * Measured by isobard from its answers, corrected by the load that regions report; the planner, the packing and the
 * certificate weigh by it. Plain data in `arena`; immutable once made; threads: any. */
#ifndef ISOBAR_PLAN_DEMAND_H
#define ISOBAR_PLAN_DEMAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/contract.h"
#include "steer/partition.h"
#include "steer/steering.h"

#define DEMAND_HEAVY_MAX 4096u		/* per service: keys with a slot of their own */

struct demand_key {
	struct address address;
	uint8_t length;			/* of the prefix */
	double rate;			/* requests/s */
};

struct demand_rate {			/* of one demand group */
	uint16_t group;
	uint8_t country;		/* as in struct demand_group */
	double rate;			/* requests/s of its clients, whoever serves them; >= 0 */
	double error;			/* relative standard error of `rate` */
	double asked;			/* DNS questions/s of theirs that were counted */
	uint32_t slot_count;		/* a power of two; 0: not known by slot, all alike */
	const float *slots;		/* requests/s of the keys that aren't heavy, by slot of a table of that count */
	size_t heavy_count;
	const struct demand_key *heavy;	/* the heaviest first; at equal rates by address */
};

struct demand_service {
	const char *name;
	size_t count;
	const struct demand_rate *groups;	/* by (group, country); groups of no demand may be missing */
	double scale;			/* requests for each resolution, as regions report them; 1: none did */
	double ttl_s;			/* that caches were taken to keep answers for */
};

struct demand {
	struct arena *arena;
	struct wall at;
	size_t service_count;
	const struct demand_service *services;
};

void demand_free(struct demand *demand);
const struct demand_service *demand_service_find(const struct demand *demand, const char *name)
	__attribute__((nonnull(2)));	/* NULL for a NULL demand or an unknown service */
/* Puts the groups into their order, which demand_find() relies on. */
void demand_sort(struct demand_rate *groups, size_t count);
/* NULL when nothing is known of it. */
const struct demand_rate *demand_find(const struct demand_service *service, uint16_t group, uint8_t country);

/* All groups of a service; the error as if those of groups went together, which is on the safe side. */
struct demand_sum { double rate, error, asked; };
struct demand_sum demand_sum(const struct demand_service *service) NONNULL;

/* Little-endian, versioned octets with names in place of numbers, deflated: what the store keeps. *length octets to be
 * freed; NULL: out of memory. Reading skips groups that `steering` doesn't know any more; NULL: not such octets. */
void *demand_write(const struct demand *demand, const struct steering *steering, size_t *length) NONNULL MUST_USE;
struct demand *demand_read(const void *octets, size_t length, const struct steering *steering) NONNULL MUST_USE;

/* What a resolver that caches for `ttl_s` hides: clients' requests/s behind one key that was seen to ask `count` times
 * in `window_s`, for one type. A renewal process with dead time: rate = n / (W - n T), with the free time held to at
 * least 2 % of W. 0 for no question. */
double demand_behind_cache(double count, double window_s, double ttl_s);

#endif
