/* population.h -- the resolvers of the world, and the keys by which an authority sees them: one for each resolver, or one
 * for each client network behind a resolver that sends ECS. Plain data; threads: immutable once made. */
#ifndef ISOBAR_TESTS_SIM_POPULATION_H
#define ISOBAR_TESTS_SIM_POPULATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "globe.h"

#define POPULATION_ECS 0.30		/* of the resolvers send client networks */
#define POPULATION_STRETCHING 0.0874	/* of them hold an answer for longer than its TTL */

struct population {
	size_t resolver_count, count;	/* count: of keys */
	uint32_t *network;		/* the key: an IPv4 /24, without its last octet; all are different */
	uint16_t *group;
	float *part;			/* of its group's demand; sum 1 in each group */
	float *stretch;			/* factor on a TTL: 1 for most */
	uint32_t *heaviest;		/* keys by share of all demand, falling */
	struct prefix *blocks;		/* by group: all its keys lie in it, and no other's */
};

struct population *population_new(const struct globe *globe, size_t resolvers, uint64_t seed) NONNULL MUST_USE;
void population_free(struct population *population);
struct address population_address(const struct population *population, size_t key) NONNULL;

#endif
