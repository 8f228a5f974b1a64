/* incoming.h -- a zone on its way in from a primary: a question about its SOA, AXFR (RFC 5936) or IXFR (RFC 1995),
 * message by message, without a socket. What comes grows record by record into a new zone, or into edits of the version
 * that is there. Whatever is wrong ends it with a sentence that says so.
 * Threads: one at a time. */
#ifndef ISOBAR_TRANSFER_INCOMING_H
#define ISOBAR_TRANSFER_INCOMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/name.h"
#include "transfer/tsig.h"
#include "zone/zone.h"
#include "zone/zone_edit.h"

enum incoming_kind {
	INCOMING_SOA,		/* which serial is there */
	INCOMING_DIFFERENCES,	/* IXFR */
	INCOMING_WHOLE,		/* AXFR */
};

struct incoming_wish {
	enum incoming_kind kind;
	const uint8_t *apex;		/* lower case; copied */
	const struct zone *base;	/* the version that is there, which must outlive it; or NULL. IXFR needs one */
	bool any_serial;		/* AXFR: also one that isn't newer */
	bool plain;			/* without EDNS, for those who don't know it */
	bool stream;			/* by TCP or TLS: TC is an error */
	bool padded;			/* by TLS: the request is padded (RFC 9103 section 6.1) */
	const struct tsig_key *key;	/* or NULL; must outlive it */
	size_t octets_most;		/* of all messages together */
	uint16_t id;
};

struct incoming;

struct incoming *incoming_new(const struct incoming_wish *wish) NONNULL MUST_USE;	/* NULL: out of memory */
void incoming_free(struct incoming *incoming);		/* NULL is allowed */

#define INCOMING_REQUEST_MAX 2048
/* The request, once; its length. `now`: Unix time, seconds. */
size_t incoming_request(struct incoming *incoming, uint8_t request[static INCOMING_REQUEST_MAX], uint64_t now) NONNULL;

enum incoming_step {
	INCOMING_MORE,		/* the next message is to come */
	INCOMING_FOREIGN,	/* by UDP: not the answer; wait on */
	INCOMING_TRUNCATED,	/* ask again by TCP */
	INCOMING_ANSWERED,	/* to INCOMING_SOA: see incoming_serial() */
	INCOMING_CURRENT,	/* there is nothing newer */
	INCOMING_ZONE,		/* all of a new version: incoming_take() */
	INCOMING_EDITS,		/* all of it as a difference: incoming_edits() */
	INCOMING_AGAIN_PLAIN,	/* the primary doesn't take EDNS */
	INCOMING_AGAIN_WHOLE,	/* the difference can't be had, or doesn't fit: ask by AXFR; incoming_trouble() */
	INCOMING_FAILED,	/* incoming_trouble() */
};

/* The next message, which it may write to. After anything but MORE and FOREIGN it's over. */
enum incoming_step incoming_message(struct incoming *incoming, uint8_t *message, size_t length, uint64_t now)
	NONNULL MUST_USE;

/* What is wrong, without the primary's address: "its answer has another ID"; "" for nothing. */
const char *incoming_trouble(const struct incoming *incoming) NONNULL;

/* From the first SOA on. */
uint32_t incoming_serial(const struct incoming *incoming) NONNULL;
/* What the primary said of the zone's EXPIRE (RFC 7314). False: nothing. */
bool incoming_expire(const struct incoming *incoming, uint32_t *seconds) NONNULL;
size_t incoming_octets(const struct incoming *incoming) NONNULL;
size_t incoming_records(const struct incoming *incoming) NONNULL;

/* After INCOMING_ZONE, once: for zone_builder_freeze(), on any thread. */
struct zone_builder *incoming_take(struct incoming *incoming) NONNULL MUST_USE;
/* After INCOMING_EDITS: they live as long as `incoming`. */
void incoming_edits(const struct incoming *incoming, const struct rrset_edit **edits, size_t *count) NONNULL;

#endif
