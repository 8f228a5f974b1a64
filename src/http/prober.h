/* prober.h -- many health probes at once on a libuv loop: TCP connect, or HTTP(S) GET pinned to an address.
 * Used by the agent inside a region and by isobard from outside. Threads: all calls on the loop's thread. */
#ifndef ISOBAR_HTTP_PROBER_H
#define ISOBAR_HTTP_PROBER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/address.h"
#include "base/contract.h"

enum probe_scheme { PROBE_SCHEME_TCP, PROBE_SCHEME_HTTP, PROBE_SCHEME_HTTPS };

struct probe_target {
	enum probe_scheme scheme;
	struct address address;
	uint16_t port;
	const char *host;		/* Host header and SNI; NULL: the address. Borrowed during the probe. With it a
					 * certificate must be valid for it; without it no certificate is checked */
	const char *path;		/* HTTP(S); NULL: "/". Borrowed */
	unsigned status_least, status_most;	/* accepted HTTP status; 0, 0: 200 .. 399 */
	uint32_t timeout_ms;		/* of the whole probe */
};

struct probe_result {
	bool healthy;
	bool unknown;			/* our own trouble (memory, descriptors, held up): says nothing of the target */
	double latency_ms;		/* from start to connect (TCP) or to the end of the answer (HTTP) */
	char detail[128];		/* "" when healthy, else why in words */
};

typedef void probe_done_fn(void *arg, const struct probe_result *result);

struct prober;

struct prober *prober_new(uv_loop_t *loop) NONNULL MUST_USE;
/* Starts one probe; `done` is called exactly once on the loop, also for a failure to start, but not before the
 * return from here, and not after prober_free(). */
void prober_start(struct prober *prober, const struct probe_target *target, probe_done_fn *done, void *arg)
	__attribute__((nonnull(1, 2, 3)));
void prober_free(struct prober *prober);	/* abandons what is under way; the loop must run once more */

#endif
