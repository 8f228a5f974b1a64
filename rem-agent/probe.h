/* probe.h -- the health of each backend, probed at its interval. Threads: all calls on the loop's thread. */
#ifndef ISOBAR_REM_PROBE_H
#define ISOBAR_REM_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/contract.h"
#include "conf/agent_settings.h"
#include "health.h"

/* What is known of one backend. */
struct backend_state {
	const struct agent_backend *backend;
	struct health health;
	double latency_ms;	/* of the last good probe; NAN: none yet */
	char detail[128];	/* why the last bad probe was bad; "" after a good one */
};

struct probes;

/* Called on the loop when a verdict changed, the first ones included. */
typedef void probes_changed_fn(void *arg);

/* Starts to probe. `backends` outlive the probes. Backends that `former` (or NULL) probed in the same way keep their
 * verdicts. NULL: out of memory. */
struct probes *probes_new(uv_loop_t *loop, const struct agent_backend *backends, size_t count,
	const struct probes *former, probes_changed_fn *changed, void *arg) __attribute__((nonnull(1, 5))) MUST_USE;
void probes_free(struct probes *probes);	/* no calls afterwards; the loop must run once more to close handles */

const struct backend_state *probes_states(const struct probes *probes, size_t *count) NONNULL;
bool probes_decided(const struct probes *probes) NONNULL;	/* every backend has a verdict */
struct tally *probes_tally(struct probes *probes) NONNULL;	/* since it was cleared */

/* When to probe next, in ms from the last start: the interval, give or take a tenth; pure. */
uint32_t probe_gap_ms(const struct agent_probe *probe, bool undecided, uint64_t dice) NONNULL;

#endif
