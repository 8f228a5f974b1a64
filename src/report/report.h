/* report.h -- what an agent says about its region: plain data, and its JSON form (isobar-api(7)).
 * Everything lives in the report's arena. Threads: one report, one thread at a time. */
#ifndef ISOBAR_REPORT_REPORT_H
#define ISOBAR_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/contract.h"
#include "base/diag.h"

#define REPORT_BACKENDS_MAX 4096
#define REPORT_METRICS_MAX 16384
#define REPORT_LATENCIES_MAX 4096
#define REPORT_LATENCY_MS_MAX 60000.0	/* between clients and a region: more is no measurement */
#define REPORT_JSON_MAX ((size_t)1 << 20)	/* octets; isobard takes no longer body */
#define REPORT_NAME_MAX 128		/* octets of an agent, backend or metric name: [A-Za-z0-9_.:/@-] */

struct report_backend {
	const char *name;
	const char *service;	/* presentation form with final dot */
	const char *address;	/* "192.0.2.10:8080", for people */
	bool healthy;
	double latency_ms;	/* of the last good probe; NAN: none yet */
	const char *detail;	/* why it isn't healthy, or "" */
};

struct report_load {
	const char *service;
	double requests_per_second;	/* finite, >= 0 */
};

struct report_metric {
	const char *name;
	const char *unit;	/* "ratio", "ms", "bytes/s", ... or "" */
	const char *backend;	/* "" for the region as a whole */
	double value;		/* finite */
};

struct report_latency {
	const char *clients;	/* client group, country code, or "group/CC" */
	double ms;		/* there and back */
};

struct report {
	struct arena *arena;
	const char *agent;	/* name of the agent process; sequences count per (region, agent) */
	const char *region;
	uint64_t sequence;	/* > 0, rising; the same one again is the same report */
	struct wall time;	/* when it was measured */
	double capacity;	/* requests/s that the region can bear now; 0: as steering.yaml says */
	size_t backend_count;
	const struct report_backend *backends;
	size_t load_count;
	const struct report_load *loads;
	size_t metric_count;
	const struct report_metric *metrics;
	bool constrained;	/* residency: true when the region accepts only `accepts` */
	size_t accept_count;
	const char *const *accepts;	/* client groups, by name */
	bool measured;		/* the latencies are all that are known; false: those of before stand */
	size_t latency_count;
	const struct report_latency *latencies;
};

/* NULL after errors, all of them in `diags` with JSON pointers. `region` comes from the request's path. */
struct report *report_read(const char *json, size_t length, const char *region, struct diags *diags) NONNULL MUST_USE;
char *report_write(const struct report *report) NONNULL MUST_USE;	/* caller frees; NULL: out of memory */
void report_free(struct report *report);

#endif
