/* zone_parts.h -- what a zone is made of, for the files that build it and look into it: zone.c, zone_build.c,
 * zone_denial.c. */
#ifndef ISOBAR_ZONE_ZONE_PARTS_H
#define ISOBAR_ZONE_ZONE_PARTS_H

#include "base/arena.h"
#include "zone/zone.h"

#define NSEC3_LABEL 32		/* characters of a SHA-1 hash in base32hex (RFC 5155 section 3.3) */

struct zone_slot {
	uint32_t hash;		/* upper half */
	uint32_t node;		/* index of the node + 1; 0: free */
};

struct zone {
	struct arena *arena;
	struct node *nodes;		/* in canonical order, the apex first */
	size_t node_count, name_count, record_count;
	struct zone_slot *index;
	size_t index_size;		/* a power of two */
	const struct rrset *soa;
	uint32_t serial, negative_ttl;
	unsigned holds;
	enum zone_denial denial;
	const struct node **nsec;	/* nodes of the chain in canonical order; NULL: all nodes are */
	size_t nsec_count;
	struct node *nsec3;		/* the chain in use by hash; then others, for walks only */
	size_t nsec3_count, nsec3_chain;
	uint32_t *nsec3_own;		/* by node: index of what matches it + 1, or 0 */
	uint32_t *nsec3_wildcard;	/* by node: .. of what covers its "*." child + 1 */
	uint16_t iterations;
	uint8_t salt_length;
	const uint8_t *salt;
};

/* Finds the chains in the nodes of a zone that is complete but for that. False: out of memory. */
bool zone_deny(struct zone *zone) NONNULL MUST_USE;

#endif
