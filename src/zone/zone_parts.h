/* zone_parts.h -- what a zone is made of, for the files that build it and look into it: zone.c, zone_build.c,
 * zone_layout.c, zone_edit.c, zone_denial.c. */
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

/* A record of a name that isn't laid out yet. */
struct draft_record {
	struct draft_record *next;
	uint32_t ttl;
	uint16_t type;
	uint16_t covers;	/* of an RRSIG: its RRset's type; else 0 */
	uint16_t rdlength;
	uint8_t rdata[];
};

/* A name and its records in the order that they came. Start with { .name = .., .name_length = .., .labels = .. }. */
struct draft {
	const uint8_t *name;	/* lower case */
	struct draft_record *records, *last;
	uint8_t name_length, labels;
};

/* zone_layout.c */
/* ZONE_ADDED, ZONE_DUPLICATE, ZONE_TTL_DIFFERS, ZONE_RRSET_TOO_LARGE or ZONE_NO_MEMORY; as zone_builder_add(). */
enum zone_add draft_add(struct arena *arena, struct draft *draft, uint16_t type, uint32_t ttl, const uint8_t *rdata,
	uint16_t rdlength) NONNULL MUST_USE;
/* The node's name and RRsets, in the zone's arena. False: out of memory. */
bool draft_lay_out(struct zone *zone, struct node *node, const struct draft *draft) NONNULL MUST_USE;
/* All that follows from nodes in canonical order, NSEC3 owners, and `record_count`. */
enum zone_freeze zone_complete(struct zone *zone) NONNULL MUST_USE;

/* Finds the chains in the nodes of a zone that is complete but for that. False: out of memory. */
bool zone_deny(struct zone *zone) NONNULL MUST_USE;

#endif
