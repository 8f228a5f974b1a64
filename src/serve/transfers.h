/* transfers.h -- who may have which zone whole: the way of AXFR and IXFR through a worker.
 * In: requests for transfers, the editions that control published.  Out: the first message, and the source of the rest.
 * Threads: transfers_answer() in workers; the rules and editions are immutable; the desk has a lock, taken when a
 * transfer begins and when it ends. Only these requests allocate. */
#ifndef ISOBAR_SERVE_TRANSFERS_H
#define ISOBAR_SERVE_TRANSFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "dns/query.h"
#include "serve/answer.h"
#include "transfer/edition.h"
#include "transfer/outgoing.h"
#include "transfer/tsig.h"

/* One of them must fit. */
struct transfer_rule {
	size_t from_count;
	const struct prefix *from;		/* none: anybody */
	const struct tsig_key *key;		/* NULL: without one, too */
	bool encrypted;				/* by TLS only (RFC 9103) */
	bool region_records;			/* also where the zone hides their names */
};

struct transfer_zone {
	const uint8_t *apex;			/* lower case */
	const struct edition *edition;
	size_t rule_count;
	const struct transfer_rule *rules;
	bool hide_regions;
};

/* What workers see. */
struct transfers {
	size_t zone_count;
	const struct transfer_zone *zones;	/* in canonical order */
};

const struct transfer_zone *transfers_zone(const struct transfers *transfers /* or NULL */, const uint8_t *apex)
	__attribute__((nonnull(2)));

/* The serial of the SOA that is the first record behind the question, which IXFR and NOTIFY tell. False: there's
 * something else, or nothing. */
bool transfers_serial(const struct query *query, const uint8_t *request, size_t length, uint32_t *serial)
	NONNULL MUST_USE;

/* May this client, with this TSIG (or NULL), have the zone whole? */
bool transfers_allow(const struct answer_env *env, const uint8_t *apex, const struct tsig *tsig)
	__attribute__((nonnull(1, 2)));

/* Which transfers run, and what each secondary got last. */
struct transfer_desk;

struct transfer_limits {
	unsigned all, per_client;		/* at once */
	uint32_t longest_ms;			/* one that takes more is ended */
};

/* The last transfer that a client got whole. */
struct transfer_record {
	uint8_t apex[NAME_MAX];
	struct address client;
	const struct tsig_key *key;	/* that it came with, or NULL */
	uint32_t serial;
	enum outgoing_kind kind;
	bool encrypted;
	uint64_t octets, at;			/* Unix time, seconds */
};

#define TRANSFER_RECORDS_MAX 65536	/* secondaries of all zones; beyond it the oldest is forgotten */

struct transfer_desk *transfer_desk_new(const struct transfer_limits *limits) NONNULL MUST_USE;	/* NULL: no memory */
void transfer_desk_free(struct transfer_desk *desk);	/* when no transfer runs; NULL is allowed */
unsigned transfer_desk_running(struct transfer_desk *desk) NONNULL;
/* Copies of all records, in no order: to be freed; *count 0: there's none. NULL: out of memory. */
struct transfer_record *transfer_desk_records(struct transfer_desk *desk, size_t *count) NONNULL MUST_USE;

/* Answers the request, which is AXFR or IXFR of class IN, and whose TSIG (or NULL) is good. The length of the first
 * message, TSIG included; where others follow, *env->source is set. 0: it's refused, as `ruling` says. `limit`: the
 * most octets of it. */
size_t transfers_answer(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	const struct tsig *tsig, uint8_t *response, size_t limit, struct ruling *ruling)
	__attribute__((nonnull(1, 2, 3, 6, 8)));

#endif
