/* patience.h -- connections that keep us waiting: whoever hasn't sent a whole request in time is cut off. libmicrohttpd
 * alone counts the time since the last octet, so that one octet now and then would hold a connection for ever.
 * Threads: waits and ends by any; the cutting by a thread of its own. */
#ifndef ISOBAR_API_PATIENCE_H
#define ISOBAR_API_PATIENCE_H

#include <stdint.h>

#include "base/contract.h"

struct patience;
struct wait;		/* of one connection */

struct patience *patience_start(uint32_t limit_ms) MUST_USE;	/* NULL: no memory, no thread */
void patience_stop(struct patience *patience);		/* all waits have ended; NULL is allowed */

/* A connection was made; it has `limit_ms` for its first request. NULL: out of memory, it's not watched. */
struct wait *patience_wait(struct patience *patience, int fd) NONNULL;
void patience_pause(struct patience *patience, struct wait *wait) __attribute__((nonnull(1)));	/* a request is here */
void patience_resume(struct patience *patience, struct wait *wait) __attribute__((nonnull(1)));	/* it has ended */
void patience_end(struct patience *patience, struct wait *wait) __attribute__((nonnull(1)));	/* before the close */

#endif
