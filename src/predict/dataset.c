/* dataset.c -- labelled history from CSV files.
 * In: a folder.  Out: a window and the incidents of each series, or every error with its file and line.
 * Threads: one dataset, one thread at a time. The dataset owns all.
 * Plain files and compressed ones are read alike, so that the data can be kept either way.
 *
 * series.csv comes first, since it tells how long each window is; the other two name only series that it has. */
#include "predict/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"

#define SERIES_MAX 100000	/* more is a mistake, not a fleet */
#define MINUTES_MAX (3660 * 1440)	/* ten years: more is a broken time stamp */

static bool read_series(struct dataset *dataset, const char *folder, struct diags *diags);
static void read_one_series(struct csv *csv, const size_t *columns, struct dataset *dataset);
static void read_incidents(struct dataset *dataset, const char *folder, struct diags *diags);
static void read_metrics(struct dataset *dataset, const char *folder, struct diags *diags);
static void read_metrics_row(struct csv *csv, struct dataset *dataset, const enum metric *columns,
	struct dataset_series **series);
static struct dataset_series *find_series(struct dataset *dataset, const char *name);

struct dataset *
dataset_read(const char *folder, struct diags *diags)
{
	struct dataset *dataset = dataset_new(0);
	size_t errors = diags->errors;

	if (dataset == NULL)
		return NULL;
	if (read_series(dataset, folder, diags)) {
		read_incidents(dataset, folder, diags);
		read_metrics(dataset, folder, diags);
	}
	for (size_t i = 0; i < dataset->count; i++)
		incidents_merge(&dataset->series[i].incidents);
	if (diags->errors > errors) {
		dataset_free(dataset);
		return NULL;
	}
	return dataset;
}

static bool
read_series(struct dataset *dataset, const char *folder, struct diags *diags)
{
	static const char *const names[] = { "series", "first_ts", "last_ts", "label_from", "label_to" };
	size_t columns[ARRAY_SIZE(names)];
	struct csv csv;

	if (!csv_open(&csv, folder, "series.csv", diags))
		return false;
	if (csv_columns(&csv, names, ARRAY_SIZE(names), columns)) {
		while (csv_row(&csv))
			read_one_series(&csv, columns, dataset);
	}
	csv_close(&csv);
	return dataset->count > 0;
}

static void
read_one_series(struct csv *csv, const size_t *columns, struct dataset *dataset)
{
	struct dataset_series *list, series = { 0 };
	int64_t first, last;

	if (!csv_time(csv, columns[1], &first) || !csv_time(csv, columns[2], &last) ||
	    !csv_time(csv, columns[3], &series.label_from_s) || !csv_time(csv, columns[4], &series.label_to_s))
		return;
	first -= first % WINDOW_STEP_S;
	if (last < first || (last - first) / WINDOW_STEP_S >= MINUTES_MAX || dataset->count >= SERIES_MAX) {
		csv_error(csv, "the span of series '%s' makes no sense", csv->fields[columns[0]]);
		return;
	}
	if (find_series(dataset, csv->fields[columns[0]]) != NULL) {
		csv_error(csv, "series '%s' is given twice", csv->fields[columns[0]]);
		return;
	}
	list = realloc(dataset->series, (dataset->count + 1) * sizeof(*list));
	if (list != NULL)
		dataset->series = list;
	series.name = strdup(csv->fields[columns[0]]);
	series.window = window_new(first, (size_t)((last - first) / WINDOW_STEP_S) + 1);
	if (list == NULL || series.name == NULL || series.window == NULL) {
		csv_error(csv, "out of memory");
		free(series.name);
		window_free(series.window);
		return;
	}
	dataset->series[dataset->count++] = series;
}

static void
read_incidents(struct dataset *dataset, const char *folder, struct diags *diags)
{
	static const char *const names[] = { "series", "start", "end" };
	size_t columns[ARRAY_SIZE(names)];
	struct csv csv;

	if (!csv_open(&csv, folder, "incidents.csv", diags))
		return;
	if (!csv_columns(&csv, names, ARRAY_SIZE(names), columns))
		goto out;
	while (csv_row(&csv)) {
		struct dataset_series *series = find_series(dataset, csv.fields[columns[0]]);
		struct incident incident;

		if (series == NULL)
			csv_error(&csv, "series '%s' isn't in series.csv", csv.fields[columns[0]]);
		else if (!csv_time(&csv, columns[1], &incident.start_s) || !csv_time(&csv, columns[2], &incident.end_s))
			continue;
		else if (incident.end_s <= incident.start_s)
			csv_error(&csv, "an incident that ends at %s, not after its start", csv.fields[columns[2]]);
		else if (incidents_add(&series->incidents, incident) != 0)
			csv_error(&csv, "out of memory");
	}
out:
	csv_close(&csv);
}

static void
read_metrics(struct dataset *dataset, const char *folder, struct diags *diags)
{
	static const char *const names[] = { "timestamp", "series" };
	enum metric metrics[CSV_FIELDS_MAX];
	size_t columns[ARRAY_SIZE(names)], known = 0;
	struct dataset_series *series = NULL;
	struct csv csv;

	if (!csv_open(&csv, folder, "metrics.csv.gz", diags))
		return;
	if (!csv_columns(&csv, names, ARRAY_SIZE(names), columns))
		goto out;
	if (columns[0] != 0 || columns[1] != 1) {
		csv_error(&csv, "the first two columns must be timestamp,series");
		goto out;
	}
	for (size_t i = 0; i < csv.field_count; i++) {
		metrics[i] = metric_find(csv.fields[i]);
		known += metrics[i] != METRIC_COUNT;
	}
	if (known == 0)
		csv_error(&csv, "no column is a known metric, see isobar-models(7)");
	while (csv_row(&csv))
		read_metrics_row(&csv, dataset, metrics, &series);
out:
	csv_close(&csv);
}

/* `series` is that of the row before: files are sorted by it. */
static void
read_metrics_row(struct csv *csv, struct dataset *dataset, const enum metric *columns,
    struct dataset_series **series)
{
	int64_t time_s;
	size_t index;

	if (*series == NULL || strcmp((*series)->name, csv->fields[1]) != 0)
		*series = find_series(dataset, csv->fields[1]);
	if (*series == NULL) {
		csv_error(csv, "series '%s' isn't in series.csv", csv->fields[1]);
		return;
	}
	if (!csv_time(csv, 0, &time_s))
		return;
	if (!window_index((*series)->window, time_s, &index)) {
		csv_error(csv, "time %s lies outside the span that series.csv gives", csv->fields[0]);
		return;
	}
	for (size_t i = 2; i < csv->field_count; i++) {
		char *end;
		double value;

		if (columns[i] == METRIC_COUNT || csv->fields[i][0] == '\0')
			continue;
		value = strtod(csv->fields[i], &end);
		if (*end != '\0')
			csv_error(csv, "'%s' is no number", csv->fields[i]);
		else
			window_set((*series)->window, columns[i], index, value);
	}
}

static struct dataset_series *
find_series(struct dataset *dataset, const char *name)
{
	for (size_t i = 0; i < dataset->count; i++) {
		if (strcmp(dataset->series[i].name, name) == 0)
			return &dataset->series[i];
	}
	return NULL;
}

struct dataset *
dataset_new(size_t count)
{
	struct dataset *dataset = calloc(1, sizeof(*dataset));

	if (dataset == NULL)
		return NULL;
	dataset->series = calloc(count + 1, sizeof(*dataset->series));
	if (dataset->series == NULL) {
		free(dataset);
		return NULL;
	}
	dataset->count = count;
	return dataset;
}

void
dataset_free(struct dataset *dataset)
{
	if (dataset == NULL)
		return;
	for (size_t i = 0; i < dataset->count; i++) {
		free(dataset->series[i].name);
		window_free(dataset->series[i].window);
		incidents_fini(&dataset->series[i].incidents);
	}
	free(dataset->series);
	free(dataset);
}

int64_t
dataset_time_at(const struct dataset *dataset, double share)
{
	int64_t from = INT64_MAX, to = INT64_MIN, at;

	for (size_t i = 0; i < dataset->count; i++) {
		const struct dataset_series *series = &dataset->series[i];

		from = series->label_from_s < from ? series->label_from_s : from;
		to = series->label_to_s > to ? series->label_to_s : to;
	}
	if (from >= to)
		return from == INT64_MAX ? 0 : from;
	at = from + (int64_t)((double)(to - from) * share);
	return at - at % WINDOW_STEP_S;
}

size_t
dataset_events(const struct dataset *dataset, int64_t from_s, int64_t to_s)
{
	size_t events = 0;

	for (size_t i = 0; i < dataset->count; i++) {
		const struct incidents *incidents = &dataset->series[i].incidents;

		for (size_t k = 0; k < incidents->count; k++)
			events += incidents->list[k].start_s >= from_s && incidents->list[k].start_s < to_s;
	}
	return events;
}
