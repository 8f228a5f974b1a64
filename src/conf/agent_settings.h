/* agent_settings.h -- isobar-rem.yaml as plain data: what one agent is, whom it reports to, and what it watches.
 * Everything in it lives in `arena`; isobar-rem.yaml(5) has units and defaults. Threads: immutable once it's read. */
#ifndef ISOBAR_CONF_AGENT_SETTINGS_H
#define ISOBAR_CONF_AGENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"
#include "conf/schema.h"
#include "steer/steering.h"

struct agent_probe {
	enum probe_kind kind;		/* PROBE_TCP, PROBE_HTTP or PROBE_HTTPS; never PROBE_NONE */
	const char *path;		/* HTTP(S): begins with "/"; TCP: NULL */
	const char *host;		/* Host header and SNI; NULL: the address */
	unsigned status_least, status_most;	/* accepted HTTP status, 100 .. 599; default 200 .. 399 */
	uint32_t interval_ms;		/* default 5000 */
	uint32_t timeout_ms;		/* of the whole probe, at most the interval; default 2000 */
	unsigned rise, fall;		/* results in a row that change the verdict, 1 .. 100; default 2 and 3 */
};

struct agent_backend {
	const char *name;		/* unique; fit for a report (report.h) */
	const char *service;		/* presentation form, lower case, complete, final dot */
	struct address address;
	uint16_t port;
	struct agent_probe probe;
};

/* An endpoint in the Prometheus text format; each chosen series becomes a metric called PREFIX ALIAS or PREFIX NAME. */
struct agent_metrics_endpoint {
	const char *url;		/* "http://..." or "https://..." */
	const char *prefix;		/* before each name; "" when not given */
	const char *backend;		/* the name of one of `backends`, or "" for the region as a whole */
	size_t series_count;		/* 0: every gauge and counter, as far as a report can hold them */
	const char *const *series;	/* [ALIAS=]NAME or [ALIAS=]NAME{label="value",...} */
};

/* Requests/s of a service, from the rise of a counter. */
struct agent_load {
	const char *service;		/* presentation form, lower case, complete, final dot */
	const char *url;		/* of an endpoint in the Prometheus text format */
	const char *metric;		/* as a series above; all series that match are added up */
	const char *errors;		/* likewise, of the requests that failed; NULL: not counted */
};

struct agent_settings {
	struct arena *arena;
	const char *region;
	const char *agent;		/* fit for a report; default: the host's name */
	const char *controller;		/* "http(s)://HOST:PORT" or "unix:/PATH", as http_client_new takes it */
	const char *token_file;		/* or NULL */
	uint32_t interval_ms;		/* of reports; default 5000 */
	const char *spool_path;		/* a folder for reports that couldn't be sent yet */
	uint64_t spool_limit;		/* bytes; past it the oldest reports are dropped; default 64 MiB */
	rate capacity;			/* requests/s that the region can bear; 0: as steering.yaml says */
	bool constrained;		/* true: only `accepts` may be sent here */
	size_t accept_count;
	const char *const *accepts;	/* client groups, by name */
	size_t backend_count;
	const struct agent_backend *backends;
	size_t endpoint_count;
	const struct agent_metrics_endpoint *endpoints;
	size_t load_count;
	const struct agent_load *loads;
	const char *latency_file;	/* table of latencies to this region, or NULL */
	bool system_metrics;		/* CPU, memory, disk, network and load of this machine; default true */
	size_t disk_count;		/* at least 1 with system metrics */
	const char *const *disks;	/* a path on each file system that is watched; default "/" */
	size_t interface_count;		/* 0: all but loopback */
	const char *const *interfaces;	/* network interfaces by name */
};

extern const struct schema agent_settings_schema;	/* what isobar-rem.yaml(5) is tested against */

/* NULL after errors, all of them in `diags`. `text` is NUL-terminated. */
struct agent_settings *agent_settings_read(const char *text, const char *file, struct diags *diags) NONNULL MUST_USE;
void agent_settings_free(struct agent_settings *settings);

#endif
