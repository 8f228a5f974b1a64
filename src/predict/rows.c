/* rows.c -- which moments of a dataset are trained or tested on.
 * In: a dataset and a span of time.  Out: rows, and their features.
 * Threads: any. */
#include "predict/rows.h"

#include <stdlib.h>

#include "base/hash.h"
#include "predict/labels.h"

static bool collect_series(const struct dataset_series *series, uint32_t index, int64_t from_s, int64_t to_s,
	int64_t horizon_s, struct rows *rows, size_t *size);
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
