/* snapshot.h -- all that an answer depends on at one moment, but for the live words: zones, and the compiled steering.
 * The control thread builds it, publishes it by one pointer exchange and frees it when no worker can see it any more.
 * Workers see `const struct snapshot *`: what they may write (their own row) and what changes in place (live words)
 * hang off it by pointers. */
#ifndef ISOBAR_SERVE_SNAPSHOT_H
#define ISOBAR_SERVE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "dns/name.h"
#include "dnssec/signer.h"
#include "serve/lease.h"
#include "steer/country.h"
#include "steer/live.h"
#include "steer/locate.h"
#include "steer/partition.h"
#include "steer/slots.h"
#include "steer/steering.h"
#include "zone/zone.h"

struct type_regions {
	uint16_t type;
	struct region_set regions;	/* that have records of this type */
};

struct service {
	const struct steering_service *intent;
	const struct zone *zone;
	const struct node *node;		/* the owner */
	size_t order_count;
	const region_id *order;			/* its regions, by priority, then as written */
	const struct node *const *variants;	/* by region id: the node of its region records, or NULL */
	const struct signed_name *signed_name;	/* whose variants these are; NULL: the zone isn't signed by us */
	size_t type_count;
	const struct type_regions *types;
	const struct slot_table *const *tables;	/* by demand group */
	const struct slot_table *by_country;	/* geographic policy: one slot a country; else NULL */
	const struct region_set *legal_by_network;	/* [0]: any region */
	const struct region_set *legal_by_country;	/* for clients of no network; unknown ones and default too */
	const struct region_set *legal_by_country_in_network;	/* joined with that of the network */
	uint64_t seed;
	uint16_t counted_type;			/* the one whose questions are counted: a client asks for several */
	uint32_t check_mask;			/* answers whose number has none of these bits are checked by law.h */
	const uint32_t *slot_base;		/* by demand group: where its slots' counters begin, or SLOTS_UNCOUNTED;
						 * NULL: none */
	uint32_t index;				/* among the snapshot's services */
	struct live *live;
};

/* What one worker may write. Rows lie a cache line apart. Counts are relaxed atomic stores by the owner. */
#define TURNS_PER_TABLE 11	/* the least modulus that keeps A, AAAA, HTTPS, MX, TXT and SRV apart */
struct worker_row {
	_Alignas(64) uint32_t *turns;	/* [service][demand group][type mod TURNS_PER_TABLE]: how often a non-sticky
					 * table was asked */
	uint64_t *picks;	/* [service][region]: answers given */
	uint32_t *asked;	/* [service][cell]: questions by where they came from. A cell is a country of clients
				 * without network, or COUNTRIES_MAX + place.network */
	uint32_t **slots;	/* [service]: questions by slot of each table, one table after the other (offsets are
				 * service.slot_base); NULL where slots aren't counted: static policies, turns */
	uint64_t checked;	/* answers that were held against the law, a sample; */
	uint64_t violations;	/* those outside of it: must stay 0 */
};

#define SLOTS_UNCOUNTED UINT32_MAX

/* A zone and how it's answered, found by its apex. */
struct zone_slot {
	uint64_t hash;
	const uint8_t *apex;		/* NULL: nothing is here */
	const struct zone *zone;	/* NULL: it's yet to come */
	const struct lease *lease;	/* of a zone that comes from primaries; or NULL */
	uint8_t length;			/* of the apex */
	bool hides;			/* the names of region records don't exist for those who ask */
	bool closed;			/* only those may ask who may transfer it */
};

struct snapshot {
	uint64_t epoch;
	const struct steering *steering;
	const struct locator *locator;
	const struct partition *partition;
	const struct geo *geo;			/* or NULL */
	size_t cell_count;			/* of a service */
	size_t service_count;
	const struct service *services;
	size_t zone_count;
	struct zone *const *zones;
	struct signed_zone *const *signed_zones;	/* by zone; NULL: signed elsewhere, or not */
	unsigned worker_count;
	struct worker_row *rows;
	/* private to snapshot.c from here on */
	struct arena *arena;
	struct steering *owned_steering;
	struct locator *owned_locator;
	struct live *lives;
	struct zone_slot *zone_index;
	struct service_slot { const struct node *node; const struct service *service; } *service_index;
	size_t zone_index_size, service_index_size;
	size_t *names_taken;			/* by zone, of what is signed by us; while services are added */
	unsigned deepest_apex;
};

/* The compiled tables of one service, made by packing/compile.c. */
struct service_tables {
	struct slot_table **groups;	/* by demand group */
	struct slot_table *by_country;	/* or NULL */
};

struct snapshot_parts {
	uint64_t epoch;
	struct steering *steering;		/* held by the snapshot */
	const struct geo *geo;			/* or NULL; must outlive the snapshot */
	struct zone *const *zones;		/* held by the snapshot */
	size_t zone_count;
	/* By zone, or NULL: none. What is signed by us is served in place of the zone itself, and held by the snapshot;
	 * its names are those of steered_names(). */
	struct signed_zone *const *signed_zones;
	const bool *hidden;			/* by zone, or NULL: none. Names of its region records aren't found */
	const bool *closed;			/* by zone, or NULL: none. It's for those who may have it whole */
	const struct lease *const *leases;	/* by zone, or NULL: none. It's answered only while its lease lasts */
	size_t absent_count;
	const uint8_t *const *absent;		/* apexes of zones that are ours and have yet to come; copied */
	const uint8_t *countries;		/* that are demand groups of their own (partition.h) */
	size_t country_count;
	const struct service_tables *tables;	/* by service; held by the snapshot */
	unsigned worker_count;
};

/* Live words start as all alive, all admitted. NULL: out of memory. */
struct snapshot *snapshot_new(const struct snapshot_parts *parts) NONNULL MUST_USE;
void snapshot_free(struct snapshot *snapshot);	/* control thread, when no worker sees it any more */

/* Where the zone is that is the closest at or above the name from label `from` on, or NULL. Its zone is NULL where it
 * has yet to come. */
const struct zone_slot *snapshot_slot(const struct snapshot *snapshot, const uint8_t *name,
	const struct name_parts *parts, unsigned from) NONNULL;
/* That zone; NULL also where it has yet to come. */
const struct zone *snapshot_zone(const struct snapshot *snapshot, const uint8_t *name, const struct name_parts *parts,
	unsigned from) NONNULL;
const struct service *snapshot_service(const struct snapshot *snapshot, const struct node *node) NONNULL;

/* The names of zones[zone] that are steered, as zone_sign() wants them and in the order in which snapshot_new() expects
 * them: that of the steering's services. Variants are by region id. How many; SIZE_MAX: out of memory. */
size_t steered_names(const struct steering *steering, struct zone *const *zones, size_t count, size_t zone,
	struct arena *arena, const struct steered_name **names) NONNULL MUST_USE;

/* Where row.asked counts clients of this place. */
static inline size_t
snapshot_cell(const struct snapshot *snapshot, const struct service *service, const struct place *place)
{
	return service->index * snapshot->cell_count
	    + (place->network != 0 ? (size_t)COUNTRIES_MAX + place->network : place->country);
}

/* How many counters row.slots has for the service. */
uint32_t snapshot_slot_count(const struct snapshot *snapshot, const struct service *service) NONNULL;

/* Answers given for (service, region), summed over the workers. */
uint64_t snapshot_picks(const struct snapshot *snapshot, uint32_t service, region_id region) NONNULL;

/* Answers that were held against the law, and how many of them were outside of it. */
void snapshot_lawful(const struct snapshot *snapshot, uint64_t *checked, uint64_t *violations) NONNULL;

#endif
