/* pump.h -- strings from the workers to a thread that writes them where that may take its time.
 * What a worker does here never waits: when its ring is full, the string is dropped and counted. It doesn't wake the
 * thread either, which would be a system call: the thread looks by itself.
 * Threads: made and freed by control; pump_wants(), pump_room() and pump_put() by the worker of that number. */
#ifndef ISOBAR_TAP_PUMP_H
#define ISOBAR_TAP_PUMP_H

#include "tap/ring.h"

struct pump;

/* Both are called on the pump's thread. */
struct pump_sink {
	void (*take)(void *arg, const struct iovec *strings, size_t count);	/* count >= 1, at most PUMP_BATCH */
	void (*idle)(void *arg);	/* nothing is there, for now; also each time before it ends */
	void *arg;
};

#define PUMP_BATCH 64

struct pump_options {
	unsigned workers;
	size_t ring_size;		/* of each worker; a power of 2 */
	uint32_t sample;		/* one query of so many; >= 1 */
	struct pump_sink sink;
};

/* NULL: out of memory, or of threads. */
struct pump *pump_new(const struct pump_options *options) NONNULL MUST_USE;
/* No worker puts anything any more. What is there still goes to the sink; then its thread has ended. */
void pump_free(struct pump *pump);	/* NULL is allowed */

/* This query is one that counts: the first of each worker, and each `sample`-th from there. */
bool pump_wants(struct pump *pump, unsigned worker) NONNULL;
void *pump_room(struct pump *pump, unsigned worker, size_t length) NONNULL MUST_USE;	/* NULL: dropped, and counted */
void pump_put(struct pump *pump, unsigned worker, size_t length) NONNULL;	/* as given to pump_room() */

uint32_t pump_sample(const struct pump *pump) NONNULL;
uint64_t pump_dropped(const struct pump *pump) NONNULL;	/* of all workers; any thread */

#endif
