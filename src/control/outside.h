/* outside.h -- outside-in probes: what isobard itself sees of a region that doesn't speak.
 * The addresses of the region's own records are probed, as a client would reach them. Threads: control. */
#ifndef ISOBAR_CONTROL_OUTSIDE_H
#define ISOBAR_CONTROL_OUTSIDE_H

#include <uv.h>

#include "base/contract.h"
#include "serve/snapshot.h"

struct outside;

/* Region and service by name: `snapshot` may be gone by then. */
typedef void outside_fn(void *arg, const char *region, const char *service, bool healthy, const char *detail);

struct outside *outside_new(uv_loop_t *loop, outside_fn *done, void *arg) __attribute__((nonnull(1, 2))) MUST_USE;
void outside_free(struct outside *outside);

/* Probes every address of (service, region) at once; healthy if one of them answers. Nothing is told when the region
 * has no address, or when the trouble was ours. `timeout_ms` bounds the whole. */
void outside_probe(struct outside *outside, const struct snapshot *snapshot, size_t service, region_id region,
	uint32_t timeout_ms) NONNULL;

#endif
