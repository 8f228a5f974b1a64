/* load_series.c -- one metric of a folder of data, series by series.
 * In: metrics.csv.gz, whose rows are sorted by series and time, or not.  Out: even steps with gaps.
 * Threads: any. The caller owns the list.
 *
 * The step of a series is the commonest distance between two of its rows; a row belongs to the step that it lies
 * nearest to, and of two rows in one step the later one counts. So clocks that jitter and rows that were sent twice do
 * no harm. What a folder may make this program allocate is bounded: by SERIES_MAX and, for each series, STEPS_MAX. */
#include "load/load_series.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/text.h"

#define SERIES_MAX 100000
#define STEPS_MAX ((size_t)1 << 22)	/* eight years of minutes; forecasts take 128 bytes of each */
#define ROWS_LEAST 2

struct point {
	int64_t time_s;
	size_t order;			/* in the file */
	double value;
};

struct points {
	char *name;
	struct point *list;
	size_t count, size;
};

struct points_list {
	struct points *list;
	size_t count, size, last;
};

static bool find_columns(struct csv *csv, const char *metric, size_t columns[static 3]);
static bool read_rows(struct csv *csv, const size_t columns[static 3], struct points_list *all);
static struct points *points_of(struct points_list *all, const char *name);
static bool points_add(struct points *points, struct point point);
static bool read_value(struct csv *csv, const char *text, double *value);
static bool spread(const struct points *points, struct load_series *series, const char *path, struct diags *diags);
static int64_t step_of(const struct points *points);
static int compare_points(const void *a, const void *b);
static int compare_steps(const void *a, const void *b);
static int compare_names(const void *a, const void *b);
static void points_free(struct points_list *all);

struct load_series *
load_folder_read(const char *folder, const char *metric, size_t *count, struct diags *diags)
{
	struct points_list all = { 0 };
	struct load_series *list = NULL;
	size_t columns[3], before = diags->errors;
	struct csv *csv = malloc(sizeof(*csv));
	struct text path = { 0 };

	*count = 0;
	if (csv == NULL || !csv_open(csv, folder, "metrics.csv.gz", diags)) {
		if (csv == NULL)
			diag_error(diags, (struct diag_place){ .file = folder }, NULL, "out of memory");
		free(csv);
		return NULL;
	}
	text_puts(&path, csv->path);
	if (find_columns(csv, metric, columns) && read_rows(csv, columns, &all) && diags->errors == before) {
		qsort(all.list, all.count, sizeof(*all.list), compare_names);
		list = calloc(all.count + 1, sizeof(*list));
	}
	for (size_t i = 0; list != NULL && i < all.count; i++)
		*count += spread(&all.list[i], &list[*count], path.bytes, diags) ? 1 : 0;
	if (list != NULL && *count == 0 && diags->errors == before)
		csv_error(csv, "no series has %d rows or more", ROWS_LEAST);
	csv_close(csv);
	free(csv);
	points_free(&all);
	text_fini(&path);
	if (diags->errors == before && list != NULL)
		return list;
	load_series_free(list, *count);
	*count = 0;
	return NULL;
}

void
load_series_free(struct load_series *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++) {
		free(list[i].name);
		free(list[i].values);
	}
	free(list);
}

/* Where time, series and the metric are. */
static bool
find_columns(struct csv *csv, const char *metric, size_t columns[static 3])
{
	static const char *const names[] = { "timestamp", "series" };
	const char *const *fields = (const char *const *)csv->fields;
	struct text list = { 0 };
	struct diag_place place = { .file = csv->path, .line = csv->line };

	if (!csv_columns(csv, names, 2, columns))
		return false;
	for (size_t i = 0; i < csv->field_count; i++) {
		if (i != columns[0] && i != columns[1])
			text_printf(&list, "%s%s", list.length == 0 ? "" : ", ", csv->fields[i]);
		if (strcmp(csv->fields[i], metric) == 0 && i != columns[0] && i != columns[1]) {
			columns[2] = i;
			text_fini(&list);
			return true;
		}
	}
	diag_error(csv->diags, place, text_suggest(metric, fields, csv->field_count),
	    "no metric '%s'; there are: %.400s", metric, list.length == 0 ? "none" : list.bytes);
	text_fini(&list);
	return false;
}

static bool
read_rows(struct csv *csv, const size_t columns[static 3], struct points_list *all)
{
	while (csv_row(csv)) {
		struct point point;
		struct points *points;

		if (!csv_time(csv, columns[0], &point.time_s) ||
		    !read_value(csv, csv->fields[columns[2]], &point.value))
			continue;
		if (csv->fields[columns[1]][0] == '\0') {
			csv_error(csv, "no name of a series");
			continue;
		}
		points = points_of(all, csv->fields[columns[1]]);
		if (points == NULL || !points_add(points, point)) {
			csv_error(csv, "out of memory, or more than %d series", SERIES_MAX);
			return false;
		}
	}
	return true;
}

/* Rows of a series stand together, or each moment's rows do: the last series is tried first, then the next. */
static struct points *
points_of(struct points_list *all, const char *name)
{
	struct points *points;

	if (all->count > 0 && strcmp(all->list[all->last].name, name) == 0)
		return &all->list[all->last];
	for (size_t i = 1; i < all->count; i++) {
		size_t at = (all->last + i) % all->count;

		if (strcmp(all->list[at].name, name) != 0)
			continue;
		all->last = at;
		return &all->list[at];
	}
	if (all->count == SERIES_MAX)
		return NULL;
	if (all->count == all->size) {
		points = reallocarray(all->list, all->size * 2 + 16, sizeof(*points));
		if (points == NULL)
			return NULL;
		all->list = points;
		all->size = all->size * 2 + 16;
	}
	points = &all->list[all->count];
	*points = (struct points){ .name = strdup(name) };
	if (points->name == NULL)
		return NULL;
	all->last = all->count++;
	return points;
}

static bool
points_add(struct points *points, struct point point)
{
	if (points->count == points->size) {
		size_t size = points->size * 2 + 256;
		struct point *longer = reallocarray(points->list, size, sizeof(*longer));

		if (longer == NULL)
			return false;
		points->list = longer;
		points->size = size;
	}
	point.order = points->count;
	points->list[points->count++] = point;
	return true;
}

/* An empty field, "nan" and infinities are missing values; text is an error. */
static bool
read_value(struct csv *csv, const char *text, double *value)
{
	char *end;

	*value = (double)NAN;
	if (text[0] == '\0')
		return true;
	*value = strtod(text, &end);
	if (end == text || *end != '\0') {
		csv_error(csv, "'%s' is no number", text);
		return false;
	}
	if (!isfinite(*value))
		*value = (double)NAN;
	return true;
}

/* A series on even steps; false for one too short to have any. */
static bool
spread(const struct points *points, struct load_series *series, const char *path, struct diags *diags)
{
	struct diag_place place = { .file = path };
	int64_t step, start, last;

	qsort(points->list, points->count, sizeof(*points->list), compare_points);
	step = step_of(points);
	if (step <= 0)
		return false;
	start = points->list[0].time_s;
	last = points->list[points->count - 1].time_s;
	if ((last - start) / step >= (int64_t)STEPS_MAX) {
		diag_error(diags, place, NULL, "series '%s' spans more than %zu steps of %" PRId64 " s", points->name,
		    STEPS_MAX, step);
		return false;
	}
	*series = (struct load_series){ .name = strdup(points->name), .start_s = start, .step_s = step,
		.count = (size_t)((last - start + step / 2) / step) + 1 };
	series->values = malloc(series->count * sizeof(double));
	if (series->name == NULL || series->values == NULL) {
		diag_error(diags, place, NULL, "out of memory");
		free(series->name);
		free(series->values);
		return false;
	}
	for (size_t i = 0; i < series->count; i++)
		series->values[i] = (double)NAN;
	for (size_t i = 0; i < points->count; i++)
		series->values[(points->list[i].time_s - start + step / 2) / step] = points->list[i].value;
	return true;
}

/* The commonest distance of two rows; of several the shortest. 0: there is none. */
static int64_t
step_of(const struct points *points)
{
	int64_t *steps = malloc((points->count + 1) * sizeof(*steps)), best = 0;
	size_t count = 0, most = 0, run = 0;

	for (size_t i = 1; steps != NULL && i < points->count; i++) {
		if (points->list[i].time_s > points->list[i - 1].time_s)
			steps[count++] = points->list[i].time_s - points->list[i - 1].time_s;
	}
	if (count > 0)
		qsort(steps, count, sizeof(*steps), compare_steps);
	for (size_t i = 0; i < count; i++) {
		run = i > 0 && steps[i] == steps[i - 1] ? run + 1 : 1;
		if (run > most) {
			most = run;
			best = steps[i];
		}
	}
	free(steps);
	return best;
}

static int
compare_points(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->time_s != y->time_s)
		return x->time_s < y->time_s ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int
compare_steps(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
compare_names(const void *a, const void *b)
{
	const struct points *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
points_free(struct points_list *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->list[i].name);
		free(all->list[i].list);
	}
	free(all->list);
}
