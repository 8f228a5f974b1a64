/* history.c -- datasets from the store.
 * In: series, samples and health events.  Out: windows and incidents by region.
 * Threads: as the store's reader.
 * Reports name a number in several ways (of the region, of each backend, a load per
 * service); the best kind that a region has is used for a metric, never two kinds at once, which would count double. */
#include "predict/history.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES_MAX 256		/* series of one metric in one region; backends beyond are left out of the mean */
#define MINUTE_MS INT64_C(60000)

/* How good a series is as a source of a metric; lower is better. */
enum source_kind { SOURCE_OWN, SOURCE_ALIAS, SOURCE_LOADS, SOURCE_BACKENDS, SOURCE_NONE };

struct sources {
	enum source_kind kind;
	size_t count;
	int64_t series[SOURCES_MAX];
};

struct region_sources {
	const struct metrics *metrics;
	struct sources list[METRICS_MAX];
};

/* Adds up the samples of one series by minute. */
struct minutes {
	int64_t from_ms;
	size_t count;
	double *sums;
	uint32_t *counts;
};

/* Who is down or drained, while events are read in order of time. */
struct events {
	struct dataset *dataset;
	struct outage { uint32_t series; bool drained; size_t down; int64_t since_s; bool counts; } *outages;
	struct down { uint32_t series; char *service; } *down;
	size_t down_count;
	int status;
};

static bool add_name(void *arg, const struct series_row *row);
static bool add_source(void *arg, const struct series_row *row);
static enum source_kind kind_of(const struct series_row *row, const struct metric_info *info);
static int fill_metric(struct store_reader *reader, struct dataset_series *series, const struct sources *sources,
	size_t metric, enum resolution resolution, int64_t from_s, int64_t to_s);
static int read_minutes(struct store_reader *reader, int64_t series, enum resolution resolution, int64_t from_s,
	int64_t to_s, struct minutes *minutes);
static bool add_sample(void *arg, const struct sample_row *sample);
static bool take_event(void *arg, const struct health_event *event);
static void change_down(struct events *events, struct outage *outage, const struct health_event *event, bool down);
static bool add_down(struct events *events, uint32_t series, const char *service);
static size_t find_down(const struct events *events, uint32_t series, const char *service);
static int end_incident(struct events *events, struct outage *outage, int64_t end_s);

int
history_metrics(struct store_reader *reader, const char *const *regions, size_t count, struct metrics *metrics)
{
	int status = 0;

	for (size_t i = 0; i < count && status == 0; i++)
		status = store_series(reader, regions[i], add_name, metrics);
	return status;
}

static bool
add_name(void *arg, const struct series_row *row)
{
	metrics_add(arg, row->name);
	return true;
}

struct dataset *
history_new(const char *const *regions, size_t count, int64_t from_s, int64_t to_s,
    const struct metrics *metrics)
{
	struct dataset *dataset = dataset_new(count, metrics);
	int64_t start = from_s - from_s % WINDOW_STEP_S;

	for (size_t i = 0; dataset != NULL && i < count; i++) {
		struct dataset_series *series = &dataset->series[i];

		series->name = strdup(regions[i]);
		series->window = window_new(dataset->metrics, start, WINDOW_STEP_S,
		    to_s > start ? (size_t)((to_s - start) / WINDOW_STEP_S) : 0);
		if (series->name == NULL || series->window == NULL) {
			dataset_free(dataset);
			return NULL;
		}
	}
	return dataset;
}

int
history_fill(struct store_reader *reader, struct dataset *dataset, enum resolution resolution, int64_t from_s,
    int64_t to_s)
{
	struct region_sources *sources = malloc(sizeof(*sources));
	int status = sources == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < dataset->count && status == 0; i++) {
		sources->metrics = dataset->metrics;
		for (size_t m = 0; m < METRICS_MAX; m++)
			sources->list[m] = (struct sources){ .kind = SOURCE_NONE };
		status = store_series(reader, dataset->series[i].name, add_source, sources);
		for (size_t m = 0; m < dataset->metrics->count && status == 0; m++) {
			if (dataset->series[i].window->values[m] == NULL)
				continue;
			status = fill_metric(reader, &dataset->series[i], &sources->list[m], m, resolution, from_s,
			    to_s);
		}
	}
	free(sources);
	return status;
}

static bool
add_source(void *arg, const struct series_row *row)
{
	struct region_sources *region = arg;
	size_t metric = metrics_find(region->metrics, row->name);
	enum source_kind kind;
	struct sources *sources;

	if (metric == METRIC_NONE)
		return true;
	kind = kind_of(row, &region->metrics->list[metric]);
	sources = &region->list[metric];
	if (kind < sources->kind) {
		sources->kind = kind;
		sources->count = 0;
	}
	if (kind == sources->kind && sources->count < SOURCES_MAX)
		sources->series[sources->count++] = row->id;
	return true;
}

static enum source_kind
kind_of(const struct series_row *row, const struct metric_info *info)
{
	if (row->backend[0] != '\0')
		return SOURCE_BACKENDS;
	if (strcmp(row->name, info->name) == 0)
		return SOURCE_OWN;
	return strncmp(row->name, "load:", 5) == 0 ? SOURCE_LOADS : SOURCE_ALIAS;
}

static int
fill_metric(struct store_reader *reader, struct dataset_series *series, const struct sources *sources,
    size_t metric, enum resolution resolution, int64_t from_s, int64_t to_s)
{
	size_t first, count = to_s > from_s ? (size_t)((to_s - from_s) / WINDOW_STEP_S) : 0;
	struct minutes minutes = { .from_ms = from_s * 1000, .count = count };
	double *totals = calloc(count + 1, sizeof(*totals));
	uint32_t *known = calloc(count + 1, sizeof(*known));
	int status = 0;

	minutes.sums = calloc(count + 1, sizeof(*minutes.sums));
	minutes.counts = calloc(count + 1, sizeof(*minutes.counts));
	if (totals == NULL || known == NULL || minutes.sums == NULL || minutes.counts == NULL)
		status = -ENOMEM;
	for (size_t s = 0; s < sources->count && status == 0; s++) {
		memset(minutes.sums, 0, count * sizeof(*minutes.sums));
		memset(minutes.counts, 0, count * sizeof(*minutes.counts));
		status = read_minutes(reader, sources->series[s], resolution, from_s, to_s, &minutes);
		for (size_t i = 0; i < count; i++) {
			totals[i] += minutes.counts[i] > 0 ? minutes.sums[i] / minutes.counts[i] : 0;
			known[i] += minutes.counts[i] > 0;
		}
	}
	for (size_t i = 0; i < count && status == 0; i++) {
		double value = series->window->metrics->list[metric].additive ? totals[i] : totals[i] / known[i];

		if (known[i] == 0)
			value = (double)NAN;
		if (window_index(series->window, from_s + (int64_t)i * WINDOW_STEP_S, &first))
			window_set(series->window, metric, first, value);
	}
	free(minutes.sums);
	free(minutes.counts);
	free(totals);
	free(known);
	return status;
}

/* Rollups are made in the background and may be behind: what comes after the last of them is read from raw samples. */
static int
read_minutes(struct store_reader *reader, int64_t series, enum resolution resolution, int64_t from_s, int64_t to_s,
    struct minutes *minutes)
{
	const struct wall to = { to_s * 1000 };
	size_t rolled = minutes->count;
	int status = store_samples(reader, series, resolution, (struct wall){ from_s * 1000 }, to, add_sample, minutes);

	while (rolled > 0 && minutes->counts[rolled - 1] == 0)
		rolled--;
	if (status != 0 || resolution == RESOLUTION_RAW || rolled == minutes->count)
		return status;
	return store_samples(reader, series, RESOLUTION_RAW,
	    (struct wall){ minutes->from_ms + (int64_t)rolled * MINUTE_MS }, to, add_sample, minutes);
}

static bool
add_sample(void *arg, const struct sample_row *sample)
{
	struct minutes *minutes = arg;
	size_t index = (size_t)((sample->at.ms - minutes->from_ms) / MINUTE_MS);

	if (sample->at.ms < minutes->from_ms || index >= minutes->count || !isfinite(sample->value))
		return true;
	minutes->sums[index] += sample->value;
	minutes->counts[index]++;
	return true;
}

int
history_incidents(struct store_reader *reader, struct dataset *dataset, int64_t from_s, int64_t to_s)
{
	struct events events = { .dataset = dataset };
	int status;

	events.outages = calloc(dataset->count + 1, sizeof(*events.outages));
	if (events.outages == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < dataset->count; i++) {
		incidents_fini(&dataset->series[i].incidents);
		events.outages[i].series = (uint32_t)i;
	}
	status = store_health_events(reader, (struct wall){ from_s * 1000 }, (struct wall){ to_s * 1000 }, take_event,
	    &events);
	for (size_t i = 0; i < dataset->count; i++) {
		if (status == 0 && events.status == 0 && events.outages[i].down > 0)
			events.status = end_incident(&events, &events.outages[i], INT64_MAX);
		incidents_merge(&dataset->series[i].incidents);
	}
	for (size_t i = 0; i < events.down_count; i++)
		free(events.down[i].service);
	free(events.down);
	free(events.outages);
	return status != 0 ? status : events.status;
}

static bool
take_event(void *arg, const struct health_event *event)
{
	struct events *events = arg;

	for (size_t i = 0; i < events->dataset->count; i++) {
		struct outage *outage = &events->outages[i];

		if (strcmp(events->dataset->series[i].name, event->region) != 0)
			continue;
		/* A drain of one service leaves the region's others where they are. */
		if (strcmp(event->state, "drained") == 0 && event->service[0] == '\0')
			outage->drained = true;
		else if (strcmp(event->state, "undrained") == 0 && event->service[0] == '\0')
			outage->drained = false;
		else if (strcmp(event->state, "down") == 0)
			change_down(events, outage, event, true);
		else if (strcmp(event->state, "up") == 0)
			change_down(events, outage, event, false);
	}
	return events->status == 0;
}

/* "up" of the whole region ends the outage of every service in it. */
static void
change_down(struct events *events, struct outage *outage, const struct health_event *event, bool down)
{
	int64_t at_s = event->at.ms / 1000;
	size_t place = find_down(events, outage->series, event->service);
	bool known = place < events->down_count, was_down = outage->down > 0;

	if (down && !known) {
		if (!add_down(events, outage->series, event->service)) {
			events->status = -ENOMEM;
			return;
		}
		outage->down++;
	}
	for (size_t i = events->down_count; !down && i-- > 0;) {
		struct down *entry = &events->down[i];

		if (entry->series != outage->series || (event->service[0] != '\0' && i != place))
			continue;
		free(entry->service);
		*entry = events->down[--events->down_count];
		outage->down--;
	}
	if (!was_down && outage->down > 0) {
		outage->since_s = at_s;
		outage->counts = !outage->drained;
	} else if (was_down && outage->down == 0) {
		events->status = end_incident(events, outage, at_s);
	}
}

static bool
add_down(struct events *events, uint32_t series, const char *service)
{
	struct down *longer = reallocarray(events->down, events->down_count + 1, sizeof(*longer)), *entry;

	if (longer == NULL)
		return false;
	events->down = longer;
	entry = &events->down[events->down_count];
	entry->series = series;
	entry->service = strdup(service);
	events->down_count += entry->service != NULL;
	return entry->service != NULL;
}

static size_t
find_down(const struct events *events, uint32_t series, const char *service)
{
	size_t i = 0;

	while (i < events->down_count &&
	    (events->down[i].series != series || strcmp(events->down[i].service, service) != 0))
		i++;
	return i;
}

static int
end_incident(struct events *events, struct outage *outage, int64_t end_s)
{
	struct incident incident = { outage->since_s, end_s > outage->since_s ? end_s : outage->since_s + 1 };

	if (!outage->counts)
		return 0;
	return incidents_add(&events->dataset->series[outage->series].incidents, incident);
}

void
history_set_labels(struct dataset *dataset, int64_t to_s)
{
	for (size_t i = 0; i < dataset->count; i++) {
		struct dataset_series *series = &dataset->series[i];
		size_t first = series->window->length;

		for (size_t m = 0; m < dataset->metrics->count; m++) {
			for (size_t k = 0; k < first && series->window->values[m] != NULL; k++) {
				if (!isnan(series->window->values[m][k]))
					first = k;
			}
		}
		series->label_from_s = series->window->start_s + (int64_t)first * WINDOW_STEP_S;
		series->label_to_s = to_s;
	}
}
