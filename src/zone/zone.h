/* zone.h -- one zone as answers need it: immutable, every RRset in wire form, every name one hash probe away.
 *
 * A zone is made by a builder, record by record (so that a reader can stream), then frozen. The builder computes what
 * a lookup would have to search for: the zone cut, the DNAME and the wildcard that govern each name, and what a signed
 * zone denies names with. RRSIGs belong to the RRset that they cover and are no RRset of their own; NSEC3 owners are no
 * names of the zone (RFC 5155 section 7.2.8) and stand apart.
 * Threads: a builder belongs to one thread; a frozen zone may be read by any. zone_hold()/zone_release() by the
 * control thread only. */
#ifndef ISOBAR_ZONE_ZONE_H
#define ISOBAR_ZONE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/name.h"

/* The records of one owner and type. `wire` holds `count` times: RDLENGTH (2 octets, network order), RDATA with
 * uncompressed names. In the order of the master file; duplicates removed. */
struct rrset {
	uint16_t type;
	uint16_t count;
	uint32_t ttl;
	uint32_t length;	/* of `wire`, octets */
	uint16_t signature_length;	/* of `signatures`, octets */
	uint16_t signature_count;	/* 0: unsigned */
	const uint8_t *wire;
	const uint8_t *signatures;	/* RRSIGs over it (RFC 4034 section 3), laid out as `wire` is; TTL as its own */
};

enum node_flag {
	NODE_APEX = 1,
	NODE_CUT = 2,		/* a delegation: NS here and not the apex */
	NODE_REGIONS = 4,	/* has a child "_region", so the name may be steered */
	NODE_REGION_RECORD = 8,	/* "_region", or below it */
};

struct node {
	const uint8_t *name;		/* lower case, wire form */
	uint8_t name_length;
	uint8_t labels;
	uint8_t flags;
	uint16_t rrset_count;		/* 0: empty non-terminal */
	const struct rrset *rrsets;	/* by ascending type */
	const struct node *parent;	/* NULL at the apex */
	const struct node *cut;		/* topmost delegation at or above this name, below the apex; or NULL */
	const struct node *dname;	/* topmost DNAME owner strictly above this name; or NULL */
	const struct node *wildcard;	/* the child "*", or NULL */
};

struct zone;

const struct node *zone_apex(const struct zone *zone) NONNULL;
const struct rrset *zone_soa(const struct zone *zone) NONNULL;
uint32_t zone_serial(const struct zone *zone) NONNULL;
uint32_t zone_negative_ttl(const struct zone *zone) NONNULL;	/* min(SOA TTL, MINIMUM), RFC 2308 section 5 */
size_t zone_names(const struct zone *zone) NONNULL;		/* nodes that own records */
size_t zone_records(const struct zone *zone) NONNULL;
size_t zone_memory(const struct zone *zone) NONNULL;		/* bytes */

/* The node of `name` (lower case; parts of the same name) from its label `from` on; NULL when it doesn't exist. */
const struct node *zone_find(const struct zone *zone, const uint8_t *name, const struct name_parts *parts,
	unsigned from) NONNULL;
const struct node *zone_find_name(const struct zone *zone, const uint8_t *name) NONNULL;	/* takes apart itself */

/* Of type RRSIG: only those that cover no RRset of the node. */
const struct rrset *node_rrset(const struct node *node, uint16_t type) NONNULL;
/* The RRSIGs over `set` as an RRset, for who walks over all records. False: it has none. */
bool rrset_signatures(const struct rrset *set, struct rrset *signatures) NONNULL;

/* All nodes in canonical order (RFC 4034 section 6.1), empty non-terminals too. */
size_t zone_node_count(const struct zone *zone) NONNULL;
const struct node *zone_node_at(const struct zone *zone, size_t i) NONNULL;

/* The owners of NSEC3 records, each with that one RRset. */
size_t zone_nsec3_count(const struct zone *zone) NONNULL;
const struct node *zone_nsec3_at(const struct zone *zone, size_t i) NONNULL;
/* The one of this name, in lower case; or NULL. */
const struct node *zone_nsec3_find(const struct zone *zone, const uint8_t *owner) NONNULL;
/* Of the chain that answers are given from; those come first, by hash. */
bool zone_nsec3_is_used(const struct zone *zone, size_t i) NONNULL;

/* --- denial of existence, of signed zones ------------------------------------------------------------------ */

enum zone_denial {
	ZONE_UNSIGNED,		/* or signed without a chain that could be used */
	ZONE_NSEC,
	ZONE_NSEC3,		/* of the first NSEC3PARAM whose chain is there */
};

/* More are an error of zone_check(): hashing costs who answers as much as who asks (RFC 9276 section 2.3). Validators
 * in use give up at 50 to 150. */
#define ZONE_ITERATIONS_MAX 100

enum zone_denial zone_denial(const struct zone *zone) NONNULL;

/* NSEC: the last node of the chain at or before a name in canonical order, the end being before the beginning.
 * zone_nsec_at(): of a node. zone_nsec_before(): of LABEL.ENCLOSER, which doesn't exist. */
const struct node *zone_nsec_at(const struct zone *zone, const struct node *node) NONNULL;
const struct node *zone_nsec_before(const struct zone *zone, const struct node *encloser, const uint8_t *label) NONNULL;

/* NSEC3: the one that matches the node, or NULL (opt-out); the one that covers "*.NODE", which doesn't exist; the one
 * that matches or covers `name`, in lower case. Only the last one hashes. */
const struct node *zone_nsec3_of(const struct zone *zone, const struct node *node) NONNULL;
const struct node *zone_nsec3_wildcard(const struct zone *zone, const struct node *node) NONNULL;
const struct node *zone_nsec3_covering(const struct zone *zone, const uint8_t *name) NONNULL;

void zone_hold(struct zone *zone) NONNULL;
void zone_release(struct zone *zone);		/* the last one frees; NULL is allowed */

/* --- building ---------------------------------------------------------------------------------------------- */

struct zone_builder;

enum zone_add {
	ZONE_ADDED,
	ZONE_DUPLICATE,		/* the same record again; ignored (RFC 2181 section 5) */
	ZONE_TTL_DIFFERS,	/* added; the RRset keeps its first TTL (RFC 2181 section 5.2) */
	ZONE_NOT_UNDER_APEX,
	ZONE_RRSET_TOO_LARGE,	/* not added: with it no DNS message could hold the RRset */
	ZONE_NO_MEMORY,
};

struct zone_builder *zone_builder_new(const uint8_t *apex) NONNULL MUST_USE;
void zone_builder_free(struct zone_builder *builder);

/* Names of any case; `rdata` uncompressed. TTL above 2^31-1 counts as 0 (RFC 2181 section 8). */
enum zone_add zone_builder_add(struct zone_builder *builder, const uint8_t *owner, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t rdlength) NONNULL MUST_USE;

enum zone_freeze {
	ZONE_OK,
	ZONE_NO_SOA,
	ZONE_TWO_SOAS,
	ZONE_FREEZE_NO_MEMORY,
};

/* The builder is consumed either way. The zone comes with one hold. */
enum zone_freeze zone_builder_freeze(struct zone_builder *builder, struct zone **zone) NONNULL MUST_USE;

#endif
