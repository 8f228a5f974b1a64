/* window.c -- the metrics of one region, minute by minute, and the table of what they are.
 * In: values by minute.  Out: the same on a regular grid, NAN where nothing is known.
 * Threads: one window, one thread at a time. The window owns its values.
 *
 * A minute is the step, since failures are to be foreseen minutes ahead: shorter steps cost rows without telling more,
 * longer ones leave no time to act. */
#include "predict/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void slide(double *values, size_t length, size_t kept);

const struct metric_info metric_infos[METRIC_COUNT] = {
	[METRIC_RPS] = { .name = "rps", .unit = "requests/s", .aliases = { "requests_per_second" },
	    .additive = true, .most = 1e12, .logarithm = true, .floor = 1 },
	[METRIC_ERR_RATIO] = { .name = "err_ratio", .unit = "ratio", .aliases = { "error_ratio" },
	    .most = 1, .logarithm = true, .floor = 1e-3 },
	[METRIC_LAT_P50] = { .name = "lat_p50_ms", .unit = "ms", .aliases = { "latency_p50_ms", "latency_ms" },
	    .most = 1e9, .logarithm = true, .floor = 1 },
	[METRIC_LAT_P99] = { .name = "lat_p99_ms", .unit = "ms", .aliases = { "latency_p99_ms" },
	    .most = 1e9, .logarithm = true, .floor = 1 },
	[METRIC_CPU] = { .name = "cpu", .unit = "ratio", .aliases = { "cpu_used", "cpu_ratio" }, .most = 1.5 },
	[METRIC_MEM] = { .name = "mem", .unit = "ratio", .aliases = { "memory", "memory_used", "mem_used" },
	    .most = 1.5 },
	[METRIC_DISK] = { .name = "disk", .unit = "ratio", .aliases = { "disk_used", "disk_ratio" }, .most = 1.5 },
	[METRIC_RETRANS] = { .name = "retrans", .unit = "ratio", .aliases = { "retransmits", "tcp_retrans" },
	    .most = 1, .logarithm = true, .floor = 1e-4 },
	[METRIC_DEP] = { .name = "dep_ms", .unit = "ms", .aliases = { "dependency_ms" },
	    .most = 1e9, .logarithm = true, .floor = 1 },
	[METRIC_PROBE_OK] = { .name = "probe_ok", .unit = "ratio", .aliases = { "backends_healthy" }, .most = 1 },
	[METRIC_HB_MISSED] = { .name = "hb_missed", .unit = "ratio", .aliases = { "heartbeats_missed" },
	    .most = 1e6 },
};

enum metric
metric_find(const char *name)
{
	if (strncmp(name, "load:", 5) == 0)
		return METRIC_RPS;
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		if (strcmp(name, metric_infos[m].name) == 0)
			return (enum metric)m;
		for (size_t i = 0; i < ARRAY_SIZE(metric_infos[m].aliases); i++) {
			const char *alias = metric_infos[m].aliases[i];

			if (alias != NULL && strcmp(name, alias) == 0)
				return (enum metric)m;
		}
	}
	return METRIC_COUNT;
}

struct window *
window_new(int64_t start_s, size_t length)
{
	return window_new_only(start_s, length, METRIC_COUNT);
}

struct window *
window_new_only(int64_t start_s, size_t length, enum metric only)
{
	struct window *window = calloc(1, sizeof(*window));
	size_t metrics = only == METRIC_COUNT ? METRIC_COUNT : 1, next = 0;
	double *values;

	if (window == NULL)
		return NULL;
	values = malloc((2 * metrics * length + 1) * sizeof(*values));
	if (values == NULL) {
		free(window);
		return NULL;
	}
	window->start_s = start_s;
	window->length = length;
	window->memory = values;
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		if (only != METRIC_COUNT && m != only)
			continue;
		window->values[m] = values + next++ * length;
		window->levels[m] = values + next++ * length;
	}
	for (size_t i = 0; i < 2 * metrics * length; i++)
		values[i] = (double)NAN;
	return window;
}

void
window_free(struct window *window)
{
	if (window == NULL)
		return;
	free(window->memory);
	free(window);
}

bool
window_index(const struct window *window, int64_t time_s, size_t *index)
{
	if (time_s < window->start_s)
		return false;
	*index = (size_t)(time_s - window->start_s) / WINDOW_STEP_S;
	return *index < window->length;
}

void
window_set(struct window *window, enum metric metric, size_t index, double value)
{
	const struct metric_info *info = &metric_infos[metric];
	bool known = isfinite(value) && value >= info->least && value <= info->most;

	window->values[metric][index] = known ? value : (double)NAN;
	window->levels[metric][index] = metric_level(metric, window->values[metric][index]);
}

double
metric_level(enum metric metric, double value)
{
	const struct metric_info *info = &metric_infos[metric];

	return info->logarithm ? log(value + info->floor) : value;
}

void
window_slide(struct window *window, size_t minutes)
{
	size_t kept = minutes < window->length ? window->length - minutes : 0;

	window->start_s += (int64_t)minutes * WINDOW_STEP_S;
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		if (window->values[m] == NULL)
			continue;
		slide(window->values[m], window->length, kept);
		slide(window->levels[m], window->length, kept);
	}
}

static void
slide(double *values, size_t length, size_t kept)
{
	memmove(values, values + (length - kept), kept * sizeof(*values));
	for (size_t i = kept; i < length; i++)
		values[i] = (double)NAN;
}
