/* signer_parts.h -- what the files of one signing share; known to this folder only. */
#ifndef ISOBAR_DNSSEC_SIGNER_PARTS_H
#define ISOBAR_DNSSEC_SIGNER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "dnssec/signature_cache.h"
#include "dnssec/signer.h"

#define NSEC3_LABEL 32		/* base32 digits of a hash */

enum item_place {
	ITEM_ZONE,	/* goes into the signed zone */
	ITEM_VARIANT,	/* a region's RRset under a steered name */
	ITEM_DENIAL,	/* a steered name's second denial */
};

enum item_signer {
	SIGNER_NONE,	/* glue, NS of delegations, hidden names: not ours to sign */
	SIGNER_KEYS,	/* by the keys that sign keys */
	SIGNER_OFFERS,	/* by those that sign what is offered to the parent */
	SIGNER_ZONE,
};

/* One RRset of the result. */
struct item {
	const uint8_t *owner;
	struct rrset set;
	enum item_place place;
	enum item_signer signer;
	size_t name, variant;		/* among signing->names, and of that name's variants */
	size_t first_task, task_count;	/* its signatures */
};

/* One signature to be had: from the cache, or made. */
struct task {
	const struct signature *signature;
	struct signature *made;		/* not in the cache yet */
	size_t item;
	uint16_t key;			/* among signing->keys */
};

struct work {
	const struct signing *signing;
	struct signature_cache *cache;
	struct arena *arena;		/* for new RRsets, until the end of the signing */
	struct steered_owner *steered;	/* by node, ascending */
	struct item *items;
	size_t item_count, item_size;
	struct task *tasks;
	size_t task_count;
	size_t made;
};

struct steered_owner {
	const struct node *node;
	size_t index;			/* among signing->names */
	const uint16_t *types;		/* the union of its regions' */
	size_t type_count;
	const uint8_t *denial_owner;
};

/* False when memory is out, here and below. */
bool work_add(struct work *work, const struct item *item) NONNULL MUST_USE;
struct steered_owner *work_steered(const struct work *work, const struct node *node) NONNULL;	/* or NULL */

/* Owners of the denial chain (chain.c). */
struct chain_owner {
	const struct node *node;
	struct steered_owner *steered;	/* or NULL */
};

bool chain_hidden(const struct signing *signing, const struct node *node) NONNULL;
bool chain_occluded(const struct node *node) NONNULL;		/* below a delegation or a DNAME */
/* The owners in canonical order; with empty non-terminals when the kind is NSEC3. */
struct chain_owner *chain_owners(const struct work *work, size_t *count) NONNULL MUST_USE;

/* Adds what an owner has in the chain: its NSEC or NSEC3, and of a steered name the second denials.
 * `head` is what comes before the type bit maps. */
bool chain_add(struct work *work, const struct chain_owner *owner, const uint8_t *name, uint16_t type,
	const uint8_t *head, size_t head_length) NONNULL MUST_USE;

bool nsec_add(struct work *work) NONNULL MUST_USE;
bool nsec3_add(struct work *work) NONNULL MUST_USE;

/* Gets every task its signature. False when memory is out or OpenSSL fails. */
bool tasks_run(struct work *work) NONNULL MUST_USE;
/* RDATA of the task's RRSIG; its length. */
#define RRSIG_MAX (18 + NAME_MAX + 512)
size_t task_rrsig(const struct work *work, const struct task *task, uint8_t rdata[static RRSIG_MAX]) NONNULL;

#endif
