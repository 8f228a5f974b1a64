/* compose.h -- one report from what the agent knows at this moment. Pure. Threads: any. */
#ifndef ISOBAR_REM_COMPOSE_H
#define ISOBAR_REM_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "conf/agent_settings.h"
#include "health.h"
#include "probe.h"
#include "report/report.h"

/* A report under way. Nothing in it is borrowed once composed: all texts are copied into the report's arena. */
struct composer;

struct composer *composer_new(
    const struct agent_settings *settings, uint64_t sequence, struct wall time) NONNULL MUST_USE;
void composer_free(struct composer *composer);

/* Backends without a verdict are left out: nothing is known of them. */
void composer_backends(struct composer *composer, const struct backend_state *states, size_t count) NONNULL;
/* All that are known: the controller forgets those of before. */
void composer_latencies(struct composer *composer, const struct report_latency *latencies, size_t count) NONNULL;
/* Rates per second; NAN: unknown. The rates of one service are added up. */
void composer_load(struct composer *composer, const char *service, double requests, double errors) NONNULL;

/* The first one of a name and backend stands; later ones, infinite ones and those past the report's room are left out.
 * Characters that a report's names can't hold become '_'. */
void composer_metric(struct composer *composer, const char *prefix, const char *name, const char *unit,
	const char *backend, double value) NONNULL;

/* The metrics that the agent makes itself, in this order, after all others. */
void composer_requests(struct composer *composer) NONNULL;	/* from the loads: rps, err_ratio */
void composer_probes(struct composer *composer, struct tally *tally, size_t failed_sources) NONNULL;

/* The report as JSON; caller frees. NULL: out of memory. What would make it longer than REPORT_JSON_MAX is left out:
 * metrics, those that were added first before the others, then why backends are unhealthy. */
char *composer_finish(struct composer *composer) NONNULL MUST_USE;

#endif
