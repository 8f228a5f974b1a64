/* meter.h -- reads what workers count, and gives it to the estimate: differences of counters, over all workers, across
 * publications.
 * Threads: control. Workers go on counting meanwhile. */
#ifndef ISOBAR_CONTROL_METER_H
#define ISOBAR_CONTROL_METER_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/contract.h"
#include "estimate/estimate.h"
#include "serve/snapshot.h"
#include "steer/sketch.h"

struct meter;

struct meter *meter_new(struct estimate *estimate) NONNULL MUST_USE;	/* borrowed. NULL: out of memory */
void meter_free(struct meter *meter);					/* NULL is allowed */

/* The snapshot is in service from now on, and its counters are zero; the estimate adopts its steering. False: out of
 * memory, and it isn't counted. */
bool meter_begin(struct meter *meter, const struct snapshot *snapshot, struct mono now) NONNULL;
/* It's out of service: its counters are read for the last time. Before the next meter_begin(). */
void meter_end(struct meter *meter, struct mono now) NONNULL;

void meter_read(struct meter *meter, struct mono now) NONNULL;		/* how much was asked, all services */
/* Where in its groups a service was asked, and by whom. */
void meter_read_slots(struct meter *meter, size_t service, struct mono now) NONNULL;
/* A worker's sketch of the last `window_ms`; all of them between hold and release (estimate_keep_total()). */
void meter_hold(struct meter *meter) NONNULL;
void meter_release(struct meter *meter) NONNULL;
void meter_take(struct meter *meter, const struct sketch *sketch, uint32_t window_ms) NONNULL;

/* Seconds that caches keep the service's answers for: the mean over its regions. */
double meter_ttl(const struct service *service) NONNULL;

/* Questions that were counted since meter_new(). */
uint64_t meter_questions(const struct meter *meter) NONNULL;

#endif
