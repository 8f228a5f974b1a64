/* metrics.c -- the catalogue of metrics, and the table of those with a meaning.
 * In: names from reports or from the columns of a file.  Out: places in the catalogue, with what is known of each.
 * Threads: any once it's filled.
 *
 * A name of unknown meaning has no bounds, no limit and a linear scale: whether it may be a ratio or a count isn't
 * guessed, since features compare it with its own past only, in its own deviations, and are squashed afterwards. */
#include "predict/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool name_is(const struct metric_info *info, const char *name);
static bool name_usable(const char *name);

static const struct metric_info known[METRIC_KNOWN] = {
	[METRIC_RPS] = { .name = "rps", .unit = "requests/s", .aliases = { "requests_per_second" },
	    .additive = true, .most = 1e12, .logarithm = true, .floor = 1, .least_deviation = 0.05 },
	[METRIC_ERR_RATIO] = { .name = "err_ratio", .unit = "ratio", .aliases = { "error_ratio" },
	    .most = 1, .logarithm = true, .floor = 1e-3, .least_deviation = 0.2, .limit = 0.2 },
	[METRIC_LAT_P50] = { .name = "lat_p50_ms", .unit = "ms", .aliases = { "latency_p50_ms", "latency_ms" },
	    .most = 1e9, .logarithm = true, .floor = 1, .least_deviation = 0.05 },
	[METRIC_LAT_P99] = { .name = "lat_p99_ms", .unit = "ms", .aliases = { "latency_p99_ms" },
	    .most = 1e9, .logarithm = true, .floor = 1, .least_deviation = 0.1, .limit = 2000 },
	[METRIC_CPU] = { .name = "cpu", .unit = "ratio", .aliases = { "cpu_used", "cpu_ratio" }, .most = 1.5,
	    .least_deviation = 0.01, .limit = 0.95 },
	[METRIC_MEM] = { .name = "mem", .unit = "ratio", .aliases = { "memory", "memory_used", "mem_used" },
	    .most = 1.5, .least_deviation = 0.01, .limit = 0.98 },
	[METRIC_DISK] = { .name = "disk", .unit = "ratio", .aliases = { "disk_used", "disk_ratio" }, .most = 1.5,
	    .least_deviation = 0.005, .limit = 0.99 },
	[METRIC_CONNS] = { .name = "conns", .unit = "connections", .aliases = { "connections" },
	    .additive = true, .most = 1e12, .logarithm = true, .floor = 1, .least_deviation = 0.05 },
	[METRIC_RETRANS] = { .name = "retrans", .unit = "ratio", .aliases = { "retransmits", "tcp_retrans" },
	    .most = 1, .logarithm = true, .floor = 1e-4, .least_deviation = 0.2 },
	[METRIC_DEP] = { .name = "dep_ms", .unit = "ms", .aliases = { "dependency_ms" },
	    .most = 1e9, .logarithm = true, .floor = 1, .least_deviation = 0.1, .limit = 250 },
	[METRIC_QUEUE] = { .name = "queue", .unit = "requests", .aliases = { "queue_length" },
	    .additive = true, .most = 1e12, .logarithm = true, .floor = 1, .least_deviation = 0.1 },
	[METRIC_PROBE_OK] = { .name = "probe_ok", .unit = "ratio", .aliases = { "backends_healthy" }, .most = 1,
	    .least_deviation = 0.05 },
	[METRIC_HB_MISSED] = { .name = "hb_missed", .unit = "ratio", .aliases = { "heartbeats_missed" },
	    .most = 1e6, .least_deviation = 0.1 },
};

struct metrics *
metrics_new(void)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics == NULL)
		return NULL;
	metrics->list = calloc(METRIC_KNOWN, sizeof(*metrics->list));
	if (metrics->list == NULL) {
		free(metrics);
		return NULL;
	}
	memcpy(metrics->list, known, sizeof(known));
	metrics->count = METRIC_KNOWN;
	return metrics;
}

struct metrics *
metrics_copy(const struct metrics *metrics)
{
	struct metrics *copy = calloc(1, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	copy->list = calloc(metrics->count, sizeof(*copy->list));
	if (copy->list == NULL) {
		free(copy);
		return NULL;
	}
	memcpy(copy->list, metrics->list, metrics->count * sizeof(*copy->list));
	copy->count = metrics->count;
	return copy;
}

void
metrics_free(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	free(metrics->list);
	free(metrics);
}

size_t
metrics_find(const struct metrics *metrics, const char *name)
{
	if (strncmp(name, "load:", 5) == 0)
		return METRIC_RPS;
	for (size_t m = 0; m < metrics->count; m++) {
		if (name_is(&metrics->list[m], name))
			return m;
	}
	return METRIC_NONE;
}

static bool
name_is(const struct metric_info *info, const char *name)
{
	if (strcmp(name, info->name) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(info->aliases); i++) {
		if (info->aliases[i] != NULL && strcmp(name, info->aliases[i]) == 0)
			return true;
	}
	return false;
}

size_t
metrics_add(struct metrics *metrics, const char *name)
{
	size_t place = metrics_find(metrics, name);
	struct metric_info *list;

	if (place != METRIC_NONE) {
		metrics->list[place].used = true;
		return place;
	}
	if (!name_usable(name) || metrics->count == METRICS_MAX)
		return METRIC_NONE;
	list = reallocarray(metrics->list, metrics->count + 1, sizeof(*list));
	if (list == NULL)
		return METRIC_NONE;
	metrics->list = list;
	list[metrics->count] = (struct metric_info){ .unit = "", .least = -1e300, .most = 1e300, .used = true };
	memcpy(list[metrics->count].name, name, strlen(name) + 1);
	return metrics->count++;
}

static bool
name_usable(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return false;
	}
	return length > 0 && length < METRIC_NAME_SIZE && name[0] != ' ' && name[length - 1] != ' ';
}

size_t
metrics_used(const struct metrics *metrics)
{
	size_t used = 0;

	for (size_t m = 0; m < metrics->count; m++)
		used += metrics->list[m].used;
	return used;
}

double
metric_level(const struct metric_info *info, double value)
{
	return info->logarithm ? log(value + info->floor) : value;
}
