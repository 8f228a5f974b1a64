/* primary_link.h -- one conversation with a primary: a request by UDP, TCP or TLS, and what answers it, within time
 * limits. Threads: control; its sockets are on control's loop. */
#ifndef ISOBAR_CONTROL_PRIMARY_LINK_H
#define ISOBAR_CONTROL_PRIMARY_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/address.h"
#include "base/contract.h"
#include "serve/tls_client.h"
#include "transfer/incoming.h"

struct primary_link;

struct primary_link_wish {
	struct address address;
	uint16_t port;
	bool stream;			/* by TCP; by UDP it's sent three times at most */
	struct tls_client *tls;		/* by TLS; taken. Or NULL */
	struct incoming *incoming;	/* with its request yet to be made; taken */
	uint32_t longest_ms;		/* for all of it */
};

/* What came of it: a step that isn't MORE, and `trouble`, or "". The link is over then. `incoming` is for the receiver
 * to free. */
typedef void primary_link_fn(void *arg, enum incoming_step step, struct incoming *incoming, const char *trouble);

/* Calls `done` later, once, unless it's ended before. NULL: out of memory; what was to be taken is freed. */
struct primary_link *primary_link_new(uv_loop_t *loop, const struct primary_link_wish *wish, primary_link_fn *done,
	void *arg) __attribute__((nonnull(1, 2, 3))) MUST_USE;
void primary_link_end(struct primary_link *link);	/* the loop frees it; NULL is allowed */

#endif
