/* feeds.h -- when feeds are pulled, and what becomes of it. Threads: one, the engine's. */
#ifndef ISOBAR_PAE_FEEDS_H
#define ISOBAR_PAE_FEEDS_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"

#define FEEDS_AT_ONCE 4

struct engine;
struct feeds;

struct feeds *feeds_new(void) MUST_USE;		/* NULL: out of memory */
void feeds_free(struct feeds *feeds);

/* Takes what pulls have brought, starts those that are due, and says once a minute which signals are in force. Waits
 * for nothing but isobard. */
void feeds_run(struct engine *engine, struct feeds *feeds) NONNULL;
/* Until there's something to do. */
int64_t feeds_ms_left(const struct feeds *feeds, struct mono now) NONNULL;
/* What to wait for besides; at most FEEDS_AT_ONCE, and how many. */
size_t feeds_poll(const struct feeds *feeds, struct pollfd *fds) NONNULL;

#endif
