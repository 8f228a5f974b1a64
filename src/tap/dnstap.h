/* dnstap.h -- queries and responses to a reader of dnstap, by Frame Streams over a socket.
 * Threads: dnstap_new(), dnstap_free() and the views by control; dnstap_take() by workers. Built without dnstap, there
 * is none: dnstap_new() says so. */
#ifndef ISOBAR_TAP_DNSTAP_H
#define ISOBAR_TAP_DNSTAP_H

#include <stdbool.h>

#include "base/address.h"
#include "base/contract.h"
#include "base/text.h"
#include "tap/tap.h"

struct dnstap;

struct dnstap_options {
	const char *socket;		/* path of a UNIX socket, or "" */
	struct address server;		/* or, by TCP; .bits 0: none */
	uint16_t port;
	const char *identity, *version;	/* "": nothing is said */
	unsigned workers;
	uint32_t sample;		/* one query of so many */
	bool queries, responses;	/* what is told of it */
};

struct dnstap_state {
	bool connected;			/* a reader takes frames */
	uint64_t frames;		/* that were sent */
	uint64_t dropped;		/* as the reader is slow, or there was none */
};

bool dnstap_is_built(void);

/* Its thread connects, and does again when the reader went away. NULL with a message in `error`. */
struct dnstap *dnstap_new(const struct dnstap_options *options, struct text *error) NONNULL MUST_USE;
void dnstap_free(struct dnstap *dnstap);	/* no worker uses it any more; within a second. NULL is allowed */

void dnstap_take(struct dnstap *dnstap, const struct tap_seen *seen) NONNULL;
void dnstap_state(const struct dnstap *dnstap, struct dnstap_state *state) NONNULL;

#endif
