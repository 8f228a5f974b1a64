/* decision.h -- what an answer is to hold, before anything is written: decide.c decides, denial.c adds the proofs of
 * signed zones, answer.c writes it. Threads: one decision, one thread, on its stack. */
#ifndef ISOBAR_SERVE_DECISION_H
#define ISOBAR_SERVE_DECISION_H

#include "dns/query.h"
#include "dns/reply.h"
#include "serve/answer.h"

/* CHAIN_MAX links are 13 names with two RRsets and one proof each at most, and the last one's SOA and three proofs: 43.
 * The rest is for additional records; more are left out. */
#define PIECES_MAX 64
#define CHAIN_MAX 12		/* CNAME and DNAME links followed in one answer */

struct piece {
	enum section section;
	bool required;		/* additional, but without it the message must say TC */
	const uint8_t *owner;
	struct reply_rrset set;
};

struct decision {
	const struct answer_env *env;
	const struct query *query;
	const struct tsig *tsig;	/* that the request has, and that is good; or NULL */
	const struct zone *zone;
	const struct zone_slot *slot;	/* of the zone; or NULL, as it is */
	struct piece pieces[PIECES_MAX];
	unsigned count;
	uint16_t rcode;
	bool authoritative;
	int ede;
	const char *ede_text;	/* for the operator who looks at the answer: nothing that is a secret */
	const struct service *service;	/* whose regions were chosen from, at last; or NULL */
	const char *region;	/* that was chosen, or NULL */
	const void *about;	/* what a limit counts it by: the node or zone that was decisive, or NULL */
	uint8_t scope;
	unsigned links;
	uint8_t synthesized[CHAIN_MAX][2 + NAME_MAX];	/* RDLENGTH and target of CNAMEs made from DNAMEs */
};

/* Where a name that doesn't exist would be. .encloser NULL: the name exists. */
struct gap {
	const struct node *encloser;	/* the longest existing name above it */
	const uint8_t *next_closer;	/* the name one label longer, in lower case; only while it's decided */
};

/* False: it's a zone that comes from primaries, and there's no word of them, not yet or too long ago; `ruling` says
 * which. */
bool slot_is_served(const struct zone_slot *slot, uint32_t now, struct ruling *ruling) NONNULL;

/* Of a decision that holds nothing yet. */
void decide(struct decision *d) NONNULL;

/* The piece, or NULL when there is no room. What is there already isn't added again: an address in any section, and a
 * DNAME that a chain passes twice. One wildcard RRset may stand under several owners. Signatures come along for who
 * wants them. */
struct piece *decision_add(struct decision *d, enum section section, const uint8_t *owner, const struct rrset *set,
	uint32_t ttl) NONNULL;

#endif
