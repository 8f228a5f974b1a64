/* dataset.c -- labelled history from CSV files.
 * In: a folder.  Out: a window and the incidents of each series, or every error with its file and line.
 * Threads: one dataset, one thread at a time. The dataset owns all.
 * Plain files and compressed ones are read alike, so that the data can be kept either way.
 *
 * series.csv comes first, since it tells how long each window is, then the header of the metrics, since it tells what
 * a window has; the other files name only series that the first has. Names are looked up in a table of hashes: files
 * may name many, and a mistaken one a different one in each line. */
#include "predict/dataset.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/hash.h"

#define SERIES_MAX 100000	/* more is a mistake, not a fleet */
#define STEPS_MAX (3660 * 1440)	/* ten years of minutes: more is a broken time stamp */
#define STEP_MAX_S 86400
#define CELLS_MAX ((size_t)1 << 28)	/* values of all windows: 2 GiB */

/* What is needed while a folder is read. */
struct reading {
	struct dataset *dataset;
	struct span { int64_t first_s, step_s; size_t length; } *spans;	/* of the series' windows */
	uint32_t *places;		/* series by hash of their name, plus 1; 0 is empty */
	size_t size;			/* of `places`, a power of 2 */
	size_t columns[CSV_FIELDS_MAX];	/* metric of each column, METRIC_NONE: none */
	bool numbers[CSV_FIELDS_MAX];	/* the column has had a number */
	bool words[CSV_FIELDS_MAX];	/* it has had something else */
};

static bool read_series(struct reading *r, const char *folder, struct diags *diags);
static void read_one_series(struct csv *csv, const size_t *columns, struct reading *r);
static bool add_series(struct reading *r, const struct dataset_series *series, const struct span *span);
static int64_t commonest_step(const struct reading *r);
static void read_incidents(struct reading *r, const char *folder, struct diags *diags);
static void read_metrics(struct reading *r, const char *folder, struct diags *diags);
static bool make_windows(struct reading *r, struct csv *csv);
static void read_metrics_row(struct reading *r, struct csv *csv, struct dataset_series **series);
static void read_value(struct reading *r, struct csv *csv, size_t column, struct window *window, size_t index);
static struct dataset_series *find_series(struct reading *r, const char *name);
static uint32_t *place_of(struct reading *r, const char *name);
static bool grow_places(struct reading *r);

struct dataset *
dataset_read(const char *folder, struct diags *diags)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct metrics *none = metrics_new();
	struct dataset *dataset = none == NULL ? NULL : dataset_new(0, none);
	size_t errors = diags->errors;

	metrics_free(none);
	if (r == NULL || dataset == NULL) {
		dataset_free(dataset);
		free(r);
		return NULL;
	}
	r->dataset = dataset;
	if (read_series(r, folder, diags)) {
		read_incidents(r, folder, diags);
		read_metrics(r, folder, diags);
	}
	free(r->spans);
	free(r->places);
	free(r);
	for (size_t i = 0; i < dataset->count; i++)
		incidents_merge(&dataset->series[i].incidents);
	if (diags->errors > errors) {
		dataset_free(dataset);
		return NULL;
	}
	return dataset;
}

static bool
read_series(struct reading *r, const char *folder, struct diags *diags)
{
	static const char *const names[] = { "series", "first_ts", "last_ts", "label_from", "label_to", "step_s" };
	size_t columns[ARRAY_SIZE(names)];
	struct csv csv;

	if (!csv_open(&csv, folder, "series.csv", diags))
		return false;
	if (csv_columns(&csv, names, ARRAY_SIZE(names), columns)) {
		while (r->dataset->count < SERIES_MAX && csv_row(&csv))
			read_one_series(&csv, columns, r);
		if (r->dataset->count == SERIES_MAX)
			csv_error(&csv, "%d series or more are too many", SERIES_MAX);
	}
	csv_close(&csv);
	r->dataset->step_s = commonest_step(r);
	return r->dataset->count > 0;
}

static void
read_one_series(struct csv *csv, const size_t *columns, struct reading *r)
{
	struct dataset_series series = { .name = csv->fields[columns[0]] };
	struct span span;
	int64_t last;

	if (!csv_time(csv, columns[1], &span.first_s) || !csv_time(csv, columns[2], &last) ||
	    !csv_time(csv, columns[3], &series.label_from_s) || !csv_time(csv, columns[4], &series.label_to_s))
		return;
	if (!csv_time(csv, columns[5], &span.step_s) || span.step_s < 1 || span.step_s > STEP_MAX_S) {
		csv_error(csv, "a step of '%s' s isn't between a second and a day", csv->fields[columns[5]]);
		return;
	}
	if (last < span.first_s || (last - span.first_s) / span.step_s >= STEPS_MAX) {
		csv_error(csv, "the span of series '%s' makes no sense", series.name);
		return;
	}
	span.length = (size_t)((last - span.first_s) / span.step_s) + 1;
	if (find_series(r, series.name) != NULL)
		csv_error(csv, "series '%s' is given twice", series.name);
	else if (!add_series(r, &series, &span))
		csv_error(csv, "out of memory");
}

static bool
add_series(struct reading *r, const struct dataset_series *series, const struct span *span)
{
	struct dataset *dataset = r->dataset;
	size_t count = dataset->count;

	if ((count & (count + 1)) == 0) {	/* room for twice as many each time */
		struct dataset_series *list = reallocarray(dataset->series, 2 * (count + 1), sizeof(*list));
		struct span *spans = reallocarray(r->spans, 2 * (count + 1), sizeof(*spans));

		if (list != NULL)
			dataset->series = list;
		if (spans != NULL)
			r->spans = spans;
		if (list == NULL || spans == NULL || !grow_places(r))
			return false;
	}
	dataset->series[count] = *series;
	dataset->series[count].name = strdup(series->name);
	if (dataset->series[count].name == NULL)
		return false;
	r->spans[count] = *span;
	*place_of(r, series->name) = (uint32_t)count + 1;
	dataset->count++;
	return true;
}

static int64_t
commonest_step(const struct reading *r)
{
	int64_t best = WINDOW_STEP_S;
	size_t most = 0;

	for (size_t i = 0; i < r->dataset->count; i++) {
		size_t alike = 0;

		if (i > 0 && r->spans[i].step_s == r->spans[i - 1].step_s)
			continue;
		for (size_t k = i; k < r->dataset->count; k++)
			alike += r->spans[k].step_s == r->spans[i].step_s;
		if (alike > most) {
			most = alike;
			best = r->spans[i].step_s;
		}
	}
	return best;
}

static void
read_incidents(struct reading *r, const char *folder, struct diags *diags)
{
	static const char *const names[] = { "series", "start", "end" };
	size_t columns[ARRAY_SIZE(names)];
	struct csv csv;

	if (!csv_open(&csv, folder, "incidents.csv", diags))
		return;
	if (!csv_columns(&csv, names, ARRAY_SIZE(names), columns))
		goto out;
	while (csv_row(&csv)) {
		struct dataset_series *series = find_series(r, csv.fields[columns[0]]);
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
read_metrics(struct reading *r, const char *folder, struct diags *diags)
{
	static const char *const names[] = { "timestamp", "series" };
	struct metrics *metrics = r->dataset->metrics;
	size_t columns[ARRAY_SIZE(names)], numbers = 0;
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
	if (!make_windows(r, &csv))
		goto out;
	while (csv_row(&csv))
		read_metrics_row(r, &csv, &series);
	for (size_t i = 2; i < csv.field_count; i++) {
		if (r->columns[i] != METRIC_NONE)
			metrics->list[r->columns[i]].used = r->numbers[i];
		numbers += r->numbers[i];
	}
	if (numbers == 0)
		csv_error(&csv, "no column has numbers");
out:
	csv_close(&csv);
}

/* A second column of the same meaning is left out. */
static bool
make_windows(struct reading *r, struct csv *csv)
{
	struct dataset *dataset = r->dataset;
	size_t steps = 0;

	for (size_t i = 2; i < csv->field_count; i++) {
		r->columns[i] = metrics_add(dataset->metrics, csv->fields[i]);
		if (r->columns[i] == METRIC_NONE) {
			csv_error(csv, "'%s' can't be a metric's name, or there are more than %d", csv->fields[i],
			    METRICS_MAX);
			return false;
		}
		for (size_t k = 2; k < i; k++) {
			if (r->columns[k] == r->columns[i])
				r->columns[i] = METRIC_NONE;
		}
	}
	for (size_t i = 0; i < dataset->count; i++)
		steps += r->spans[i].length;
	if (steps * (2 * metrics_used(dataset->metrics) + 1) > CELLS_MAX) {
		csv_error(csv, "%zu steps of %zu metrics are too many", steps, metrics_used(dataset->metrics));
		return false;
	}
	for (size_t i = 0; i < dataset->count; i++) {
		const struct span *span = &r->spans[i];

		dataset->series[i].window = window_new(dataset->metrics, span->first_s, span->step_s, span->length);
		if (dataset->series[i].window == NULL) {
			csv_error(csv, "out of memory");
			return false;
		}
	}
	return true;
}

/* `series` is that of the row before: files are sorted by it. */
static void
read_metrics_row(struct reading *r, struct csv *csv, struct dataset_series **series)
{
	int64_t time_s;
	size_t index;

	if (*series == NULL || strcmp((*series)->name, csv->fields[1]) != 0)
		*series = find_series(r, csv->fields[1]);
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
	for (size_t i = 2; i < csv->field_count; i++)
		read_value(r, csv, i, (*series)->window, index);
}

/* A column of words is no metric; but words among numbers are a mistake. */
static void
read_value(struct reading *r, struct csv *csv, size_t column, struct window *window, size_t index)
{
	const char *field = csv->fields[column];
	char *end;
	double value;

	if (r->columns[column] == METRIC_NONE || field[0] == '\0')
		return;
	value = strtod(field, &end);
	if (*end == '\0' && !r->words[column]) {
		r->numbers[column] = true;
		window_set(window, r->columns[column], index, value);
	} else if (*end != '\0' && r->numbers[column]) {
		csv_error(csv, "'%s' is no number", field);
	} else {
		r->words[column] = true;
	}
}

static struct dataset_series *
find_series(struct reading *r, const char *name)
{
	uint32_t *place = r->size == 0 ? NULL : place_of(r, name);

	return place == NULL || *place == 0 ? NULL : &r->dataset->series[*place - 1];
}

/* Where the name is in the table, or the empty place for it. */
static uint32_t *
place_of(struct reading *r, const char *name)
{
	size_t i = hash64(name, strlen(name), 0) & (r->size - 1);

	while (r->places[i] != 0 && strcmp(r->dataset->series[r->places[i] - 1].name, name) != 0)
		i = (i + 1) & (r->size - 1);
	return &r->places[i];
}

/* Four places for each series that there is room for. */
static bool
grow_places(struct reading *r)
{
	uint32_t *before = r->places;

	r->size = r->size == 0 ? 8 : 2 * r->size;
	r->places = calloc(r->size, sizeof(*r->places));
	free(before);
	if (r->places == NULL)
		return false;
	for (size_t i = 0; i < r->dataset->count; i++)
		*place_of(r, r->dataset->series[i].name) = (uint32_t)i + 1;
	return true;
}

struct dataset *
dataset_new(size_t count, const struct metrics *metrics)
{
	struct dataset *dataset = calloc(1, sizeof(*dataset));

	if (dataset == NULL)
		return NULL;
	dataset->step_s = WINDOW_STEP_S;
	dataset->metrics = metrics == NULL ? metrics_new() : metrics_copy(metrics);
	dataset->series = calloc(count + 1, sizeof(*dataset->series));
	if (dataset->series == NULL || dataset->metrics == NULL) {
		dataset_free(dataset);
		return NULL;
	}
	for (size_t m = 0; metrics == NULL && m < METRIC_KNOWN; m++)
		dataset->metrics->list[m].used = true;
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
		free(dataset->series[i].left);
		window_free(dataset->series[i].window);
		incidents_fini(&dataset->series[i].incidents);
		incidents_fini(&dataset->series[i].steered);
	}
	metrics_free(dataset->metrics);
	free(dataset->series);
	free(dataset);
}

size_t
dataset_find(const struct dataset *dataset, const char *name)
{
	size_t i = 0;

	while (i < dataset->count && strcmp(dataset->series[i].name, name) != 0)
		i++;
	return i;
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
	at = (int64_t)((double)(to - from) * share);
	return from + at - at % dataset->step_s;
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
