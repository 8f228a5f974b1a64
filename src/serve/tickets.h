/* tickets.h -- the keys of TLS session tickets (RFC 5077, RFC 8446 section 4.6.1), shared by all workers and kept over
 * a reload of the certificate, so that a client may come back to any worker.
 * Threads: any; a lock is held for a copy. */
#ifndef ISOBAR_SERVE_TICKETS_H
#define ISOBAR_SERVE_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"

#define TICKETS_TURN_MS (3600 * INT64_C(1000))	/* a key seals tickets for this time */
#define TICKETS_KEYS 3				/* the newest seals; a ticket can be opened for two turns more */
#define TICKET_NAME_SIZE 16

struct ticket_key {
	uint8_t name[TICKET_NAME_SIZE];	/* stands in the ticket, in the clear */
	uint8_t cipher[32], mac[32];	/* AES-256-CBC, HMAC-SHA256 */
};

struct tickets;

struct tickets *tickets_new(struct mono now) MUST_USE;	/* NULL: neither memory nor dice */
void tickets_free(struct tickets *tickets);	/* NULL is allowed */

/* A new key when the newest has done its time; the oldest is forgotten. Called now and then. */
void tickets_turn(struct tickets *tickets, struct mono now) NONNULL;

void tickets_newest(struct tickets *tickets, struct ticket_key *key) NONNULL;

/* The key that sealed the ticket; *newest: it still seals. False: it's forgotten, or was never ours. */
bool tickets_find(struct tickets *tickets, const uint8_t name[static TICKET_NAME_SIZE], struct ticket_key *key,
	bool *newest) NONNULL MUST_USE;

#endif
