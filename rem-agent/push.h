/* push.h -- reports on their way to the controller: first to the spool, then over HTTP, in order, until they are taken.
 * Threads: push_start(), push_submit() and push_stop() on one thread; two threads of its own do what may block. */
#ifndef ISOBAR_REM_PUSH_H
#define ISOBAR_REM_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"

struct push_settings {
	const char *controller;		/* as http_client_new() takes it */
	const char *token_file;		/* or NULL */
	const char *region;
	const char *spool_path;		/* the region's folder is made inside */
	uint64_t spool_limit;
};

struct push;

/* NULL with the reason in `error`. The settings are copied. */
struct push *push_start(const struct push_settings *settings, struct text *error) NONNULL MUST_USE;
/* What was submitted is on disk when this returns; what wasn't sent is sent by the next run. */
void push_stop(struct push *push);

/* The next sequence for a report; each call gives another, higher one. */
uint64_t push_sequence(struct push *push) NONNULL;
void push_submit(struct push *push, uint64_t sequence, char *json) NONNULL;	/* takes `json`; never waits for I/O */

struct push_counters { uint64_t delivered, refused, dropped, waiting; };
struct push_counters push_counters(struct push *push) NONNULL;

/* --- what an answer means; pure, for tests ------------------------------------------------------------------- */

enum push_outcome {
	PUSH_DELIVERED,		/* taken, or the controller had it before */
	PUSH_REFUSED,		/* this report will never be taken: it's set aside */
	PUSH_FORBIDDEN,		/* no report will be taken before somebody changes a token or the regions */
	PUSH_BUSY,		/* the controller can't just now, and says so */
	PUSH_UNREACHABLE,	/* nothing came back, or no sense */
};

enum push_outcome push_judge(int error, long status);
/* How long to wait before the next try, after `failures` in a row. `dice` is any number: it spreads agents that lost
 * the same controller at the same moment. 0 after PUSH_DELIVERED and PUSH_REFUSED. */
uint32_t push_delay_ms(enum push_outcome outcome, unsigned failures, uint32_t retry_after_s, uint32_t dice);

#endif
