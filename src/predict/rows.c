/* rows.c -- which moments of a dataset are trained or tested on.
 * In: a dataset and a span of time.  Out: rows, and their features.
 * Threads: any. */
#include "predict/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "predict/labels.h"

static bool collect_series(const struct dataset_series *series, uint32_t index, int64_t from_s, int64_t to_s,
	int64_t horizon_s, struct rows *rows, size_t *size);
/* One series' part of the rows. */
struct part {
	uint64_t dice;
	uint32_t series;
	size_t rows, events;
	bool kept;
};

static struct part *parts_of(const struct rows *rows, const struct dataset *dataset, uint64_t seed, size_t *count);
static int compare_parts(const void *a, const void *b);
static int compare_series(const void *a, const void *b);
static uint64_t dice(const struct row *row, uint64_t seed);
static int compare_dice(const void *a, const void *b);

bool
rows_collect(const struct dataset *dataset, int64_t from_s, int64_t to_s, int64_t horizon_s, struct rows *rows)
{
	size_t size = 0;

	*rows = (struct rows){ 0 };
	for (size_t i = 0; i < dataset->count; i++) {
		if (!collect_series(&dataset->series[i], (uint32_t)i, from_s, to_s, horizon_s, rows, &size)) {
			rows_fini(rows);
			return false;
		}
	}
	return true;
}

static bool
collect_series(const struct dataset_series *series, uint32_t index, int64_t from_s, int64_t to_s, int64_t horizon_s,
    struct rows *rows, size_t *size)
{
	int64_t known_to = series->label_to_s < to_s ? series->label_to_s : to_s;

	for (size_t step = 0; step < series->window->length; step++) {
		int64_t t = window_time(series->window, step);
		double left = series->left == NULL ? 1 : series->left[step];
		enum label label;

		if (t < from_s || t < series->label_from_s || t >= to_s)
			continue;
		label = label_at(&series->incidents, t, horizon_s, known_to);
		if (label == LABEL_NONE || rows_censored(&series->steered, t, horizon_s) ||
		    features_missing(series->window, step) != NULL)
			continue;
		if (rows->count == *size) {
			struct row *list;

			*size = *size == 0 ? 4096 : *size * 2;
			list = realloc(rows->list, *size * sizeof(*list));
			if (list == NULL)
				return false;
			rows->list = list;
		}
		rows->list[rows->count++] = (struct row){ .series = index, .step = (uint32_t)step,
			.positive = label == LABEL_POSITIVE,
			.weight = left * ROW_WEIGHT_MOST > 1 && left < 1 ? (float)(1 / left) :
			    left < 1 ? ROW_WEIGHT_MOST : 1 };
	}
	return true;
}

bool
rows_censored(const struct incidents *steered, int64_t t, int64_t horizon_s)
{
	size_t next = incidents_after(steered, t + horizon_s);

	return next > 0 && steered->list[next - 1].end_s > t;
}

void
rows_fini(struct rows *rows)
{
	free(rows->list);
	*rows = (struct rows){ 0 };
}

double
rows_thin(struct rows *rows, size_t negatives, uint64_t seed)
{
	size_t before = rows->count - rows_positives(rows), kept = 0;
	uint64_t *all = malloc((before + 1) * sizeof(*all)), most;

	if (before <= negatives || all == NULL) {
		free(all);
		return 1;
	}
	for (size_t i = 0, n = 0; i < rows->count; i++) {
		if (!rows->list[i].positive)
			all[n++] = dice(&rows->list[i], seed);
	}
	qsort(all, before, sizeof(*all), compare_dice);
	most = negatives == 0 ? 0 : all[negatives - 1];
	free(all);
	for (size_t i = 0; i < rows->count; i++) {
		struct row row = rows->list[i];

		if (row.positive || (negatives > 0 && dice(&row, seed) <= most))
			rows->list[kept++] = row;
	}
	rows->count = kept;
	return (double)negatives / (double)before;
}

static uint64_t
dice(const struct row *row, uint64_t seed)
{
	const uint32_t key[2] = { row->series, row->step };

	return hash64(key, sizeof(key), seed);
}

static int
compare_dice(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

size_t
rows_keep_series(struct rows *rows, const struct dataset *dataset, size_t most, size_t events, uint64_t seed)
{
	size_t count, taken = 0, kept_rows = 0, kept_events = 0, kept = 0;
	struct part *parts = parts_of(rows, dataset, seed, &count);

	/* Without memory all are kept: it costs time only. */
	if (parts == NULL)
		return dataset->count;
	qsort(parts, count, sizeof(*parts), compare_parts);
	for (; taken < count && (kept_rows < most || kept_events < events); taken++) {
		parts[taken].kept = true;
		kept_rows += parts[taken].rows;
		kept_events += parts[taken].events;
	}
	qsort(parts, count, sizeof(*parts), compare_series);
	for (size_t i = 0, p = 0; i < rows->count; i++) {
		while (parts[p].series != rows->list[i].series)
			p++;
		if (parts[p].kept)
			rows->list[kept++] = rows->list[i];
	}
	rows->count = kept;
	free(parts);
	return taken;
}

/* In the order of the rows. */
static struct part *
parts_of(const struct rows *rows, const struct dataset *dataset, uint64_t seed, size_t *count)
{
	struct part *parts = calloc(dataset->count + 1, sizeof(*parts)), *part = NULL;
	size_t announced = SIZE_MAX;	/* an incident of the part */

	*count = 0;
	for (size_t i = 0; parts != NULL && i < rows->count; i++) {
		const struct row *row = &rows->list[i];
		const struct dataset_series *series = &dataset->series[row->series];
		size_t next;

		if (part == NULL || part->series != row->series) {
			part = &parts[(*count)++];
			*part = (struct part){ .series = row->series,
				.dice = hash64(series->name, strlen(series->name), seed) };
			announced = SIZE_MAX;
		}
		part->rows++;
		if (!row->positive)
			continue;
		next = incidents_after(&series->incidents, window_time(series->window, row->step));
		part->events += next != announced;
		announced = next;
	}
	return parts;
}

static int
compare_parts(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->dice != y->dice ? (x->dice > y->dice) - (x->dice < y->dice) : compare_series(a, b);
}

static int
compare_series(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return (x->series > y->series) - (x->series < y->series);
}

double *
rows_features(const struct feature_table *table, const struct dataset *dataset, const struct rows *rows,
    int64_t horizon_s)
{
	size_t count = table->count;
	double *features = malloc((rows->count * count + 1) * sizeof(*features));

	for (size_t i = 0; features != NULL && i < rows->count; i++) {
		const struct row *row = &rows->list[i];

		features_compute(table, dataset, row->series, row->step, horizon_s, features + i * count);
	}
	return features;
}

size_t
rows_positives(const struct rows *rows)
{
	size_t positives = 0;

	for (size_t i = 0; i < rows->count; i++)
		positives += rows->list[i].positive;
	return positives;
}
