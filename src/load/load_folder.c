/* load_folder.c -- load forecasts offline.
 * In: two folders of data.  Out: a file of forecasts.
 * Threads: see load_folder.h.
 *
 * A series of the test folder goes on from that of the same name in the train folder, as far as that one is older and
 * has the same step; else it begins with nothing but itself. Where a row or its value is missing there's no forecast:
 * a region that doesn't report is asked for nothing. */
#include "load/load_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "load/load_walk.h"

#define KNOWN_LEAST_S 1800	/* of rows before the first forecast, and never less than two rows */
#define GAP_MOST_DAYS 30	/* between train and test: what is older says nothing of now */

/* A series of the test folder behind what came before it. */
struct joined {
	double *values;
	size_t count, first;	/* first: where the test folder's begins */
	int64_t start_s;
};

static bool forecast_series(const struct load_series *train, const struct load_series *test, struct text *out);
static const struct load_series *find_series(const struct load_series *list, size_t count, const char *name);
static bool join(const struct load_series *train, const struct load_series *test, struct joined *joined);
static void write_forecasts(const struct load_walk *walk, const struct load_series *test, const struct joined *joined,
	struct text *out);

int
load_folder_forecast(const char *train, const char *test, const char *metric, const char *forecasts,
    struct diags *diags, load_progress_fn *progress, void *arg)
{
	struct diag_place place = { .file = forecasts };
	struct text out = { 0 };
	size_t train_count = 0, test_count = 0;
	struct load_series *learnt = load_folder_read(train, metric, &train_count, diags);
	struct load_series *asked = load_folder_read(test, metric, &test_count, diags);
	int status = learnt == NULL || asked == NULL ? -EINVAL : 0;

	text_puts(&out, "timestamp,series,horizon_s,forecast\n");
	for (size_t i = 0; status == 0 && i < test_count; i++) {
		if (progress != NULL)
			progress(arg, (double)i / (double)test_count);
		if (!forecast_series(find_series(learnt, train_count, asked[i].name), &asked[i], &out))
			status = -ENOMEM;
	}
	if (status == 0)
		status = out.failed ? -ENOMEM : text_write_file(forecasts, out.bytes, out.length);
	if (status != 0 && status != -EINVAL)
		diag_error(diags, place, NULL, "%s", strerror(-status));
	if (progress != NULL)
		progress(arg, 1);
	load_series_free(learnt, train_count);
	load_series_free(asked, test_count);
	text_fini(&out);
	return status;
}

static const struct load_series *
find_series(const struct load_series *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

static bool
forecast_series(const struct load_series *train, const struct load_series *test, struct text *out)
{
	struct joined joined;
	struct load_walk *walk;
	bool done;

	if (!join(train, test, &joined))
		return false;
	walk = load_walk_new(joined.values, joined.count, joined.start_s, test->step_s, load_walk_mean(test->step_s));
	done = walk != NULL && load_walk_through(walk, joined.first);
	if (done)
		write_forecasts(walk, test, &joined, out);
	load_walk_free(walk);
	free(joined.values);
	return done;
}

static bool
join(const struct load_series *train, const struct load_series *test, struct joined *joined)
{
	int64_t step = test->step_s, before = 0;

	/* In the test's own steps, should the two be shifted by a part of one. */
	if (train != NULL && train->step_s == step && train->start_s < test->start_s &&
	    test->start_s - (train->start_s + (int64_t)train->count * step) <= GAP_MOST_DAYS * INT64_C(86400))
		before = (test->start_s - train->start_s) / step;
	*joined = (struct joined){ .first = (size_t)before, .count = (size_t)before + test->count,
		.start_s = test->start_s - before * step };
	joined->values = malloc((joined->count + 1) * sizeof(double));
	if (joined->values == NULL)
		return false;
	for (size_t i = 0; i < joined->first; i++)
		joined->values[i] = i < train->count ? train->values[i] : (double)NAN;
	memcpy(joined->values + joined->first, test->values, test->count * sizeof(double));
	return true;
}

static void
write_forecasts(const struct load_walk *walk, const struct load_series *test, const struct joined *joined,
    struct text *out)
{
	size_t least = (size_t)(KNOWN_LEAST_S / test->step_s), known = 0;

	least = least < 2 ? 2 : least;
	for (size_t i = 0; i < joined->count; i++) {
		int64_t at_s = joined->start_s + (int64_t)i * test->step_s;

		known += isnan(joined->values[i]) ? 0 : 1;
		if (i < joined->first || isnan(joined->values[i]) || known < least)
			continue;
		for (size_t h = 0; h < LOAD_HORIZONS; h++) {
			double forecast = load_walk_band(walk, h, i).middle;

			if (isfinite(forecast))
				text_printf(out, "%" PRId64 ",%s,%" PRId64 ",%.9g\n", at_s, test->name,
				    load_horizons_s[h], forecast);
		}
	}
}
