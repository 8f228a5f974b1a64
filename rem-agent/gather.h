/* gather.h -- what a report needs besides probes: this machine's own values and the pages of metrics endpoints, fetched
 * once a round on worker threads. Threads: all calls on the loop's thread. */
#ifndef ISOBAR_REM_GATHER_H
#define ISOBAR_REM_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/contract.h"
#include "conf/agent_settings.h"

struct gather;

typedef void gather_done_fn(void *arg);		/* on the loop: every source of the round has answered, or failed */

/* The settings are borrowed until gather_free(). NULL: out of memory. */
struct gather *gather_new(uv_loop_t *loop, const struct agent_settings *settings, gather_done_fn *done, void *arg)
	__attribute__((nonnull(1, 2, 3))) MUST_USE;
/* No call of `done` afterwards. Work under way ends by itself; a hanging disk may take its time. */
void gather_free(struct gather *gather);

/* Starts a round; sources that still work on the last one are left alone. False: there is nothing to wait for. */
bool gather_begin(struct gather *gather) NONNULL MUST_USE;

struct gathered {
	const char *prefix, *name;	/* the metric's name is both, joined */
	const char *unit;
	const char *backend;		/* "" for the region */
	double value;			/* finite */
};

/* Calls `take` for each value of the last round, until it returns false. Strings live until the next round. */
void gather_values(const struct gather *gather, bool (*take)(void *arg, const struct gathered *value), void *arg)
	__attribute__((nonnull(1, 2)));

/* The rate of settings->loads[index] in its last page, requests/s, and of those that failed; NAN: unknown. */
double gather_load(const struct gather *gather, size_t index) NONNULL;
double gather_errors(const struct gather *gather, size_t index) NONNULL;
size_t gather_failed(const struct gather *gather) NONNULL;	/* sources that failed or were late in the last round */

#endif
