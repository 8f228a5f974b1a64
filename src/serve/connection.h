/* connection.h -- the TCP connections of one worker, with TLS or without. Private to serve/.
 * Threads: the worker's own. */
#ifndef ISOBAR_SERVE_CONNECTION_H
#define ISOBAR_SERVE_CONNECTION_H

#include <uv.h>

#include "base/contract.h"
#include "serve/worker.h"

struct connection;

struct connections {
	struct worker *worker;
	struct connection *first, *last;	/* the newest, the oldest */
	uint8_t received[65536];	/* what a TLS connection just received, until it's decrypted */
};

/* Takes what the listener has. False: there's no memory for it, and libuv listens no more until it's taken. */
bool connection_accept(struct connections *all, uv_stream_t *listener, const struct server_listen *listen)
	NONNULL MUST_USE;
void connections_sweep(struct connections *all) NONNULL;	/* closes those whose time is over */
void connections_close(struct connections *all) NONNULL;	/* they are gone when the loop has run out */

#endif
