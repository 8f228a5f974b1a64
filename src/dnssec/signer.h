/* signer.h -- a signed zone from a zone, its keys, and the names that are steered in it.
 *
 * Everything that an answer may need is signed here, before anybody asks: the zone's RRsets, its denial chain, and for
 * each steered name the RRset of each region under the name's own owner, and its denials. The chain is as fixed as that
 * of any zone: a steered name's NSEC lists the union of its regions' types. Where a type of that union can't be
 * answered to somebody (no legal region, all down, a region without it), a second NSEC or NSEC3 of the same owner that
 * leaves out that one type proves it; its TTL is short, since others do get the type (RFC 8198 would deny it to them).
 *
 * Signatures are kept in a cache by what they sign: what hasn't changed isn't signed again, and what nears its expiry
 * is, some at a time. The same inputs, cache and clock give the same zone but for new signatures: those of ECDSA have a
 * random number in them.
 * Threads: a signing works on threads of its own and returns when it's done; one signing per cache at a time. */
#ifndef ISOBAR_DNSSEC_SIGNER_H
#define ISOBAR_DNSSEC_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/text.h"
#include "dnssec/key.h"
#include "zone/zone.h"

enum denial_kind { DENIAL_NSEC, DENIAL_NSEC3 };

struct signing_policy {
	enum denial_kind denial;	/* NSEC3 as RFC 9276 has it: SHA-1, no salt, no extra iterations, no opt-out */
	uint32_t validity_s;		/* of a signature; default 14 days. It begins an hour before it's made */
	uint32_t refresh_s;		/* made anew when less than this is left; default 5 days */
	uint32_t jitter_s;		/* an expiry is up to this earlier, by a hash of what's signed; default 1 day */
	uint32_t key_ttl;		/* of DNSKEY, CDS and CDNSKEY; default 3600 */
	uint32_t denial_ttl_steered;	/* of a steered name's second denials; default 5 */
	bool hide_region_records;	/* names under _region have no place in the chain, and no answer */
	bool withdraw_ds;		/* CDS and CDNSKEY ask the parent to drop the DS (RFC 8078 section 4) */
};
#define SIGNING_POLICY_DEFAULT { DENIAL_NSEC, 14 * 86400, 5 * 86400, 86400, 3600, 5, false, false }

/* A name that is steered. */
struct steered_name {
	const struct node *owner;		/* of the zone; may be a wildcard */
	size_t variant_count;
	const struct node *const *variants;	/* nodes of region records; NULL for a region without */
};

/* What answers need of a steered name; in the order that was given. */
struct signed_name {
	const struct node *const *variants;	/* the same RRsets as those given, signed for the owner's name */
	size_t type_count;
	const struct rrset *denials;		/* for each of `types`: NSEC, or NSEC3, of the owner without that type
						 * and without CNAME. Where the union has a CNAME that the client's
						 * region hasn't, the one for CNAME denies all that isn't in it */
	const uint16_t *types;			/* the union of the regions' types, ascending */
	const uint8_t *denial_owner;		/* the owner's name, or with NSEC3 its hashed one */
};

struct signed_zone {
	struct zone *zone;	/* with one hold */
	size_t name_count;
	const struct signed_name *names;
	struct wall next;	/* when something of it must be signed again or a key's time comes */
	struct wall expires;	/* the first signature of it */
	size_t signatures, made;	/* all of them; .. of these, made now and not found in the cache */
	/* private from here on */
	struct arena *arena;
	unsigned holds;
};

/* Signatures by what they sign: the RRset's canonical form, its owner, TTL, and the key. Each zone has its own. */
struct signature_cache;
struct signature_cache *signature_cache_new(void) MUST_USE;	/* NULL: out of memory */
void signature_cache_free(struct signature_cache *cache);

struct signing {
	const struct zone *zone;	/* without DNSSEC records of its own but DS */
	const struct key *keys;
	size_t key_count;
	struct signing_policy policy;
	const struct steered_name *names;
	size_t name_count;
	struct wall now;
	uint32_t serial;		/* that the zone is to have; 0: its own */
	unsigned threads;		/* to sign with; 0: one */
	void (*progress)(void *arg, size_t done, size_t all);	/* or NULL; from one of the threads at a time */
	void *progress_arg;
};

/* NULL with why, for people: no key signs at this time, a key lacks its private part, the zone has signatures already,
 * out of memory. The cache keeps what the last two calls used. */
struct signed_zone *zone_sign(const struct signing *signing, struct signature_cache *cache, struct text *why)
	NONNULL MUST_USE;
void signed_zone_hold(struct signed_zone *zone) NONNULL;
void signed_zone_release(struct signed_zone *zone);	/* the last one frees; NULL is allowed */

/* How often this process has signed: tests show that answering doesn't. Any thread. */
uint64_t signatures_made(void);

#endif
