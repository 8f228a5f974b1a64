/* tap.h -- what those who watch get to know of an exchange: a query, and the response if there was one.
 * Workers call tap_take() when the answers of a batch have been sent (by TCP: when they're made, as their buffers don't
 * last). It copies, and neither waits, allocates nor calls the system.
 * Threads: a tap is published by control and constant; tap_take() by the worker whose number is in it. */
#ifndef ISOBAR_TAP_TAP_H
#define ISOBAR_TAP_TAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"

enum transport { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORTS };

struct dnstap;
struct query_log;

struct tap {
	struct dnstap *dnstap;		/* or NULL */
	struct query_log *query_log;	/* or NULL */
};

/* What answer() leaves of its decision; NULL where there is nothing to tell. It lives as long as the snapshot. */
struct tap_note {
	const uint8_t *zone;		/* its apex */
	const char *region;		/* that the client was sent to */
	const char *policy;		/* of the service; a text that lasts */
	uint16_t rcode;			/* extended */
};

struct tap_seen {
	const struct tap *tap;
	unsigned worker;
	enum transport transport;
	struct address client, server;	/* .bits 0: not known */
	uint16_t client_port, server_port;	/* 0: not known */
	uint64_t asked_ns, answered_ns;	/* Unix time */
	const uint8_t *request, *response;
	size_t request_length, response_length;	/* the second 0: none was sent */
	struct tap_note note;
};

uint64_t tap_now_ns(void);	/* Unix time, read without a call of the kernel */
void tap_take(const struct tap_seen *seen) NONNULL;

#endif
