/* requests.h -- what workers hand to the control thread: UPDATE (RFC 2136), and NOTIFY of a primary (RFC 1996).
 * In: such a message, the rules that control published.  Out: what it's answered at once, or later by way of the desk.
 * Threads: requests_take() in workers; rules are immutable. Who isn't named in them is refused without a lock or an
 * allocation. */
#ifndef ISOBAR_SERVE_REQUESTS_H
#define ISOBAR_SERVE_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "dns/query.h"
#include "serve/answer.h"
#include "serve/request_desk.h"
#include "transfer/tsig.h"

/* One of them must fit for each record of an UPDATE. */
struct update_rule {
	size_t from_count;
	const struct prefix *from;	/* none: anybody */
	const struct tsig_key *key;	/* NULL: without one, too */
	bool encrypted;			/* by TLS only */
	size_t name_count, type_count;
	const uint8_t *const *names;	/* patterns of name_matches(); none: all of the zone */
	const uint16_t *types;		/* none: all but those that make the zone: SOA, NS and what DNSSEC is made of */
};

struct notify_source {
	struct address address;
	const struct tsig_key *key;	/* NULL: without one, too */
};

struct request_zone {
	const uint8_t *apex;		/* lower case */
	bool secondary;			/* others have the say of it */
	size_t rule_count, source_count;
	const struct update_rule *rules;
	const struct notify_source *sources;	/* its primaries */
};

/* What workers see. */
struct requests {
	size_t zone_count;
	const struct request_zone *zones;	/* in canonical order */
	bool storeless;				/* nothing could be kept: UPDATE is refused */
};

const struct request_zone *requests_zone(const struct requests *requests /* or NULL */, const uint8_t *apex)
	__attribute__((nonnull(2)));

/* Who asks, by its address, its transport, and the key that the message was signed with, or NULL. */
struct requester {
	struct address address;
	bool encrypted;
	const struct tsig_key *key;
};

bool update_rule_fits(const struct update_rule *rule, const struct requester *who) NONNULL;
/* Whether it lets records of this name, in lower case, and type be changed. TYPE_ANY: of some type. */
bool update_rule_allows(const struct update_rule *rule, const uint8_t *owner, uint16_t type) NONNULL;

/* A label "*" of the pattern stands for any label, and for one or more where it's the first. Lower case. */
bool name_matches(const uint8_t *pattern, const uint8_t *name) NONNULL;

/* Answers UPDATE or NOTIFY whose TSIG (or NULL) is good. True: it's on the desk, and the response comes later by
 * env->later, or for a stream by *env->source. False: `ruling` is the response. */
bool requests_take(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	const struct tsig *tsig, struct ruling *ruling) __attribute__((nonnull(1, 2, 3, 6))) MUST_USE;

#endif
