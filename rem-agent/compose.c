/* compose.c -- from states, tallies and values to the JSON of a report.
 * In: settings and numbers, called in the order of preference for names that come twice. Out: JSON that report_read()
 * takes: the controller refuses a report whole, so what it would refuse (a name twice, a number that isn't finite, too
 * many) never gets in here.
 * The agent's own metrics, so that a region without any endpoint has something to be judged by:
 *   rps                    sum of the loads, when all of them are known
 *   err_ratio              failed requests by all requests, of the loads that count both; else 1 - probe_ok
 *   probe_ok               share of the interval's probes that were good
 *   lat_p50_ms lat_p99_ms  of the good ones
 *   hb_missed              probes that told nothing by no fault of the backend, and sources that failed or were late
 * An endpoint's metric of the same name comes first and stands: what requesters see is better than what we see. */
#include "compose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define TABLE_SIZE ((size_t)32768)	/* a power of two, twice REPORT_METRICS_MAX: open addressing stays short */

struct composer {
	const struct agent_settings *settings;
	struct report report;
	struct arena *arena;
	struct report_backend *backends;
	struct report_load *loads;
	size_t load_size, load_unknown;
	double counted, failed_requests;	/* per second, of the loads that count errors */
	bool counts_errors, terse;
	struct report_metric *metrics;
	size_t metric_size;
	uint32_t *table;		/* index + 1 of a metric by the hash of its name and backend; 0: free */
	bool failed;
};

static void load_append(struct composer *composer, const char *service, double requests);
static bool shorten(struct composer *composer);
static const char *keep(struct composer *composer, const char *text);
static bool name_make(char *name, const char *prefix, const char *rest);
static uint32_t *table_place(struct composer *composer, const char *name, const char *backend);
static void add_own(struct composer *composer, const char *name, const char *unit, double value);

struct composer *
composer_new(const struct agent_settings *settings, uint64_t sequence, struct wall time)
{
	struct composer *composer = calloc(1, sizeof(*composer));

	if (composer == NULL)
		return NULL;
	composer->settings = settings;
	composer->arena = arena_new();
	composer->table = calloc(TABLE_SIZE, sizeof(*composer->table));
	if (composer->arena == NULL || composer->table == NULL) {
		composer_free(composer);
		return NULL;
	}
	composer->report = (struct report){
		.arena = composer->arena,
		.agent = settings->agent,
		.region = settings->region,
		.sequence = sequence,
		.time = time,
		.capacity = settings->capacity,
		.constrained = settings->constrained,
		.accept_count = settings->accept_count,
		.accepts = settings->accepts,
	};
	return composer;
}

void
composer_free(struct composer *composer)
{
	if (composer == NULL)
		return;
	arena_free(composer->arena);
	free(composer->loads);
	free(composer->metrics);
	free(composer->table);
	free(composer);
}

void
composer_backends(struct composer *composer, const struct backend_state *states, size_t count)
{
	struct report_backend *backends = arena_alloc(composer->arena, (count + 1) * sizeof(*backends));
	size_t known = 0;

	if (backends == NULL) {
		composer->failed = true;
		return;
	}
	for (size_t i = 0; i < count && known < REPORT_BACKENDS_MAX; i++) {
		const struct backend_state *state = &states[i];
		char address[ADDRESS_TEXT_SIZE], text[ADDRESS_TEXT_SIZE + 16];
		bool up = state->health.verdict == VERDICT_UP;

		if (state->health.verdict == VERDICT_NONE)
			continue;
		address_text(&state->backend->address, address);
		snprintf(text, sizeof(text), state->backend->address.bits == 128 ? "[%s]:%u" : "%s:%u", address,
		    (unsigned)state->backend->port);
		backends[known++] = (struct report_backend){
			.name = state->backend->name,
			.service = state->backend->service,
			.address = keep(composer, text),
			.healthy = up,
			.latency_ms = state->latency_ms,
			.detail = up ? "" : keep(composer, state->detail),
		};
	}
	composer->backends = backends;
	composer->report.backends = backends;
	composer->report.backend_count = known;
}

void
composer_latencies(struct composer *composer, const struct report_latency *latencies, size_t count)
{
	struct report_latency *copies = arena_alloc(composer->arena, (count + 1) * sizeof(*copies));

	if (copies == NULL) {
		composer->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		copies[i] = (struct report_latency){ keep(composer, latencies[i].clients), latencies[i].ms };
	composer->report.measured = true;
	composer->report.latencies = copies;
	composer->report.latency_count = count;
}

void
composer_load(struct composer *composer, const char *service, double requests, double errors)
{
	if (!isfinite(requests) || requests < 0) {
		composer->load_unknown++;
		return;
	}
	if (isfinite(errors) && errors >= 0) {
		composer->counts_errors = true;
		composer->counted += requests;
		composer->failed_requests += fmin(errors, requests);
	}
	for (size_t i = 0; i < composer->report.load_count; i++) {
		if (strcmp(composer->loads[i].service, service) == 0) {
			composer->loads[i].requests_per_second += requests;
			return;
		}
	}
	load_append(composer, service, requests);
}

static void
load_append(struct composer *composer, const char *service, double requests)
{
	if (composer->report.load_count == composer->load_size) {
		size_t size = composer->load_size == 0 ? 16 : composer->load_size * 2;
		struct report_load *longer = reallocarray(composer->loads, size, sizeof(*longer));

		if (longer == NULL) {
			composer->failed = true;
			return;
		}
		composer->loads = longer;
		composer->load_size = size;
	}
	composer->loads[composer->report.load_count++] = (struct report_load){ service, requests };
}

void
composer_metric(struct composer *composer, const char *prefix, const char *name, const char *unit,
    const char *backend, double value)
{
	char full[REPORT_NAME_MAX + 1];
	uint32_t *place;

	if (!isfinite(value) || !name_make(full, prefix, name) || composer->report.metric_count == REPORT_METRICS_MAX)
		return;
	place = table_place(composer, full, backend);
	if (*place != 0)
		return;
	if (composer->report.metric_count == composer->metric_size) {
		size_t size = composer->metric_size == 0 ? 64 : composer->metric_size * 2;
		struct report_metric *longer = reallocarray(composer->metrics, size, sizeof(*longer));

		if (longer == NULL) {
			composer->failed = true;
			return;
		}
		composer->metrics = longer;
		composer->metric_size = size;
	}
	composer->metrics[composer->report.metric_count++] = (struct report_metric){
		.name = keep(composer, full), .unit = unit, .backend = keep(composer, backend), .value = value,
	};
	*place = (uint32_t)composer->report.metric_count;
}

void
composer_requests(struct composer *composer)
{
	double sum = 0;

	for (size_t i = 0; i < composer->report.load_count; i++)
		sum += composer->loads[i].requests_per_second;
	if (composer->report.load_count > 0 && composer->load_unknown == 0)
		add_own(composer, "rps", "requests/s", sum);
	if (composer->counts_errors)
		add_own(composer, "err_ratio", "ratio",
		    composer->counted > 0 ? composer->failed_requests / composer->counted : 0);
}

void
composer_probes(struct composer *composer, struct tally *tally, size_t failed_sources)
{
	double good = tally_good_share(tally);

	add_own(composer, "probe_ok", "ratio", good);
	add_own(composer, "err_ratio", "ratio", 1 - good);
	add_own(composer, "lat_p50_ms", "ms", tally_quantile(tally, 0.5));
	add_own(composer, "lat_p99_ms", "ms", tally_quantile(tally, 0.99));
	add_own(composer, "hb_missed", "", (double)(tally->missed + failed_sources));
}

char *
composer_finish(struct composer *composer)
{
	struct report *report = &composer->report;
	char *json;

	report->loads = composer->loads;
	report->metrics = composer->metrics;
	json = composer->failed ? NULL : report_write(report);
	while (json != NULL && strlen(json) > REPORT_JSON_MAX && shorten(composer)) {
		free(json);
		json = report_write(report);
	}
	return json;
}

/* The later half of the metrics stays: the agent's own are there. False when nothing is left to leave out. */
static bool
shorten(struct composer *composer)
{
	struct report *report = &composer->report;
	size_t half = (report->metric_count + 1) / 2;

	if (report->metric_count > 0) {
		report->metrics += half;
		report->metric_count -= half;
		return true;
	}
	if (composer->terse)
		return false;
	for (size_t i = 0; i < report->backend_count; i++)
		composer->backends[i].detail = "";
	composer->terse = true;
	return true;
}

static const char *
keep(struct composer *composer, const char *text)
{
	const char *copy = arena_text(composer->arena, text);

	if (copy == NULL)
		composer->failed = true;
	return copy == NULL ? "" : copy;
}

/* `name` has room for REPORT_NAME_MAX and a NUL. False when it doesn't fit. */
static bool
name_make(char *name, const char *prefix, const char *rest)
{
	static const char accepted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@-";
	int length = snprintf(name, REPORT_NAME_MAX + 1, "%s%s", prefix, rest);

	if (length <= 0 || length > REPORT_NAME_MAX)
		return false;
	for (char *c = name; *c != '\0'; c++) {
		if (strchr(accepted, *c) == NULL)
			*c = '_';
	}
	return true;
}

/* The place of this metric, or the free one where it belongs. */
static uint32_t *
table_place(struct composer *composer, const char *name, const char *backend)
{
	size_t at = hash64(name, strlen(name), hash64(backend, strlen(backend), 0)) % TABLE_SIZE;

	for (;; at = (at + 1) % TABLE_SIZE) {
		const struct report_metric *metric;

		if (composer->table[at] == 0)
			return &composer->table[at];
		metric = &composer->metrics[composer->table[at] - 1];
		if (strcmp(metric->name, name) == 0 && strcmp(metric->backend, backend) == 0)
			return &composer->table[at];
	}
}

static void
add_own(struct composer *composer, const char *name, const char *unit, double value)
{
	composer_metric(composer, "", name, unit, "", value);
}
