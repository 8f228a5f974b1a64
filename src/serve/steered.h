/* steered.h -- the decision for a steered name: which region's records does this client get, and why.
 * The same function decides for queries and for `isobarctl explain`. Threads: any. */
#ifndef ISOBAR_SERVE_STEERED_H
#define ISOBAR_SERVE_STEERED_H

#include "base/address.h"
#include "base/contract.h"
#include "serve/snapshot.h"
#include "steer/pick.h"

struct steered_client {
	struct address address;		/* ECS prefix, or the resolver's address */
	uint8_t length;			/* of the prefix that is known; all bits for a resolver */
};

struct steered {
	bool applies;			/* false: no region has such records, the owner's own ones count */
	struct place place;
	uint16_t demand_group;		/* partition.h */
	struct region_set legal, able;
	const struct slot_table *table;
	uint32_t slot;
	uint16_t rank;			/* of the client: a partly drained primary takes those below its admit word.
					 * Where all slots are alike it's 0 while that doesn't matter */
	struct pick pick;
	const struct rrset *rrset;	/* of the picked region, or the owner's when shed; or NULL */
	uint32_t ttl;			/* of the answer, also for NODATA's upper bound */
	uint8_t scope;			/* ECS scope prefix length */
};

/* `turn`: the worker's counters of this snapshot (worker_row.turns), or NULL to look without taking a turn. */
void steered_choose(struct steered *out, const struct snapshot *snapshot, const struct service *service,
	const struct steered_client *client, uint16_t type, uint32_t *turns) __attribute__((nonnull(1, 2, 3, 4)));

/* The same without records and TTL, for a moment whose zones aren't known any more: region and outcome only. */
void steered_place(struct steered *out, const struct snapshot *snapshot, const struct service *service,
	const struct steered_client *client, uint16_t type, bool may_shed, uint32_t *turns)
	__attribute__((nonnull(1, 2, 3, 4)));

/* steered_place() from where the client is: out->place is given. */
void steered_at(struct steered *out, const struct snapshot *snapshot, const struct service *service,
	const struct steered_client *client, uint16_t type, bool may_shed, uint32_t *turns)
	__attribute__((nonnull(1, 2, 3, 4)));

#endif
