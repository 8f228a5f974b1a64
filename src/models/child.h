/* child.h -- work in a forked process with limits: training must not delay a forecast, eat the machine, or hang.
 * Threads: one child, one thread; fork only from a process with a single thread. */
#ifndef ISOBAR_MODELS_CHILD_H
#define ISOBAR_MODELS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/text.h"

struct child;

struct child_limits {
	uint32_t cpu_s;		/* of processor time */
	uint32_t wall_ms;	/* from the start; then it's killed */
	uint64_t memory;	/* bytes of address space */
	uint64_t output;	/* bytes that are taken from it */
};

/* Forks; the child runs at low priority, and `run` fills in what the parent shall get, then returns 0, or -errno.
 * NULL when it can't be started. */
struct child *child_start(int (*run)(struct text *output, void *arg), void *arg, const struct child_limits *limits,
	struct mono now) __attribute__((nonnull(1, 3))) MUST_USE;

int child_fd(const struct child *child) NONNULL;	/* readable when child_poll() has something to do */

/* Takes what has come, without waiting. True when it's over: then `output` is whole if *status is 0; else *status is
 * -errno of `run`, -EDQUOT when a limit ended it (processor time, memory, wall clock, output), or -ECHILD when it
 * crashed. */
bool child_poll(struct child *child, struct mono now, struct text *output, int *status) NONNULL;
int64_t child_ms_left(const struct child *child, struct mono now) NONNULL;	/* until it's killed */
void child_free(struct child *child);	/* kills it when it still runs; NULL is allowed */

#endif
