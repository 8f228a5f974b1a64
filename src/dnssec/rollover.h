/* rollover.h -- when keys are made, published, used, retired and removed (RFC 7583).
 * A function of keys, policy and clock: it sets times, and asks for new keys; nothing else moves a key.
 * ZSKs: pre-publication (section 3.2.1), by themselves. KSKs and CSKs: double-KSK (section 3.3.2), prepared here and
 * waiting for the parent: a new one signs keys from its publication on, and the old one stays until `ds_seen` of the
 * new one and the parent's DS TTL have passed.
 * Another algorithm: the conservative way (RFC 6781 section 4.1.4), with all keys at once. The new ones sign before
 * they are published, and the old ones until after they were removed, so that whoever has a DNSKEY RRset finds
 * signatures of each of its algorithms (RFC 4035 section 2.2). Threads: any. */
#ifndef ISOBAR_DNSSEC_ROLLOVER_H
#define ISOBAR_DNSSEC_ROLLOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "dnssec/key.h"

struct rollover_policy {
	enum key_algorithm algorithm;
	bool split;			/* KSK and ZSK; else one CSK */
	uint32_t zsk_lifetime_s;	/* 0: no rollover by itself; default 90 days */
	uint32_t key_ttl;		/* of DNSKEY */
	uint32_t zone_ttl;		/* the longest TTL in the zone */
	uint32_t propagation_s;		/* until every server and secondary has a change; default 1 hour */
	uint32_t parent_ttl;		/* of DS; default 1 day */
	uint32_t parent_propagation_s;	/* default 1 hour */
	bool leaving;			/* the zone is to be unsigned: no new keys */
};

struct rollover_need {
	bool key;			/* else nothing */
	enum key_role role;
	enum key_algorithm algorithm;
};

/* Sets the times that follow from what there is. What it returns is to be made (key_generate()) and the call repeated
 * with it. `next` is when to call again; .ms 0: when something else changes. */
struct rollover_need rollover_step(struct key *keys, size_t count, const struct rollover_policy *policy,
	struct wall now, struct wall *next) NONNULL;

/* Of a zone that is leaving: when it may be unsigned, since no cache has a DS of it any more. .ms INT64_MAX: when the
 * parent has dropped it; at most `now`: now. */
struct wall rollover_leaves(const struct key *keys, size_t count, const struct rollover_policy *policy, struct wall now)
	NONNULL;

/* An operator's wish: roll this role now. The next rollover_step() asks for the key. -EALREADY: one is under way.
 * -ENOENT: no such key. */
int rollover_start(struct key *keys, size_t count, enum key_role role, struct wall now) NONNULL MUST_USE;

/* What a key does now, in a word for people: "signs ahead", "published", "waiting for DS", "active", "retired",
 * "withdrawing", "removed", .. */
const char *key_state_text(const struct key *key, struct wall now) NONNULL;

#endif
