/* demand_forecast.c -- exponential smoothing of every demand group's minutes, and what its errors were.
 * In: the demand rows of the store.  Out: rates at the horizon, each with the standard error of its own, and the error
 * that all of them share.
 * Threads: its owner's.
 *
 * Each (service, client group, country) is a series of minutes over HISTORY_DAYS, of which the last is the present
 * one: isobard writes its row again and again while it lasts. The series are summed up into steps of five minutes that
 * end now, and smoothed as loads are (holt_winters.c), all with the same setting: two thousand series take some 50 ms.
 * The forecast is for the step that holds the horizon, at least the next one.
 * What rises out of all proportion is believed at once: the present minute's rate stands in for a forecast that lies
 * below it by more than twice its error. What falls is believed as the steps fall: too much room for a few minutes
 * costs little, too little room costs an outage.
 *
 * Errors are measured, on forecasts that were made as far ahead from nothing later. e_i = log(actual / forecast) of
 * series i. What all series have in common is the mean e, weighed by demand: its variance, less what independent errors
 * alone would make of it, is the common error's. What is left, e_i - e, is the series' own. The two are apart because a
 * sum of many groups gets rid of their own errors and not of the common one.
 *
 * What a series' own forecasts missed gives its quantiles as well.
 *
 * A series without such a history gets its last known rate, with the error that was measured with it or
 * DEMAND_ERROR_UNKNOWN. Beyond SERIES_MAX the smallest series are treated so, too: the history of one is 17 KB. */
#include "load/demand_forecast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load/holt_winters.h"
#include "steer/country.h"

#define HISTORY_DAYS 3
#define HISTORY_MIN (HISTORY_DAYS * 1440)
#define MINUTE_S 60
#define SERIES_MAX 2500
#define ROWS_AT_START 4000000	/* read in some ten seconds; with more series, less of the past is read */
#define LATE_MIN 5		/* minutes that are read again: what regions report corrects them */
#define STALE_MIN 60		/* a last rate that is older says nothing */
#define SURPRISE 2.0		/* errors of a measured rate beyond which it is believed rather than the forecast */
#define JUDGED_LEAST 12		/* steps: an hour of errors makes an error */
#define JUDGED_MOST LOAD_DAY	/* and a day is enough: who erred last week may not err now */

static const struct smoothing smoothing = { 0.7, 0.02, 0.1, true };

struct series {
	char *service, *group, *country;
	float *minutes;			/* HISTORY_MIN, the last one ends at minute_s; NAN: none. NULL: none kept */
	int64_t last_s;			/* the newest minute that is known */
	double last, last_error;
	double rate, error, low, high;	/* the forecast */
	double residuals[JUDGED_MOST];	/* the newest last; NAN: none */
};

struct demand_forecaster {
	struct store_reader *reader;
	struct series **series;		/* by (service, group, country) */
	size_t count, size, kept;
	int64_t minute_s;		/* the end of the present minute; 0: nothing was read yet */
	bool failed;			/* memory was out while rows came */
	struct demand_forecast *list;
	size_t list_count;
	double common_error;
};

static int read_rows(struct demand_forecaster *f, int64_t minute_s);
static int64_t first_minute(struct demand_forecaster *f, int64_t minute_s);
static bool count_row(void *arg, const struct demand_row *row);
static bool take_row(void *arg, const struct demand_row *row);
static struct series *series_of(struct demand_forecaster *f, const struct demand_row *row);
static int compare_key(const struct series *series, const struct demand_row *row);
static struct series *series_add(struct demand_forecaster *f, size_t at, const struct demand_row *row);
static void series_free(struct series *series);
static void slide(struct demand_forecaster *f, size_t minutes);
static void forget_old(struct demand_forecaster *f);
static int forecast_all(struct demand_forecaster *f, size_t ahead);
static void forecast_one(struct demand_forecaster *f, struct series *series, size_t ahead, double *minutes,
	double *steps, double *forecasts);
static void set_band(struct series *series);
static int compare_misses(const void *a, const void *b);
static void share_out_errors(struct demand_forecaster *f);
static double variance(const double *values, size_t count);
static int list_known(struct demand_forecaster *f, const struct steering *steering);
static bool resolve(const struct steering *steering, const struct series *series, struct demand_forecast *forecast);

struct demand_forecaster *
demand_forecaster_new(struct store_reader *reader)
{
	struct demand_forecaster *f = calloc(1, sizeof(*f));

	if (f != NULL)
		*f = (struct demand_forecaster){ .reader = reader, .common_error = DEMAND_ERROR_COMMON };
	return f;
}

void
demand_forecaster_free(struct demand_forecaster *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++)
		series_free(f->series[i]);
	free(f->series);
	free(f->list);
	free(f);
}

int
demand_forecaster_update(struct demand_forecaster *f, const struct steering *steering, struct wall now,
	int64_t ahead_s)
{
	int64_t minute_s = now.ms / 1000 - now.ms / 1000 % MINUTE_S + MINUTE_S;
	int64_t ahead = (ahead_s + LOAD_STEP_S - 1) / LOAD_STEP_S;
	int status = read_rows(f, minute_s);

	if (status == 0)
		status = forecast_all(f, ahead < 1 ? 1 : ahead >= LOAD_DAY ? LOAD_DAY - 1 : (size_t)ahead);
	return status == 0 ? list_known(f, steering) : status;
}

struct demand_forecasts
demand_forecaster_ask(const struct demand_forecaster *f)
{
	return (struct demand_forecasts){ .count = f->list_count, .list = f->list, .common_error = f->common_error };
}

/* --- what was ------------------------------------------------------------------------------------------------ */

static int
read_rows(struct demand_forecaster *f, int64_t minute_s)
{
	int64_t gone = (minute_s - f->minute_s) / MINUTE_S, from_s;
	int status;

	if (f->minute_s == 0 || gone < 0 || gone > HISTORY_MIN) {
		for (size_t i = 0; i < f->count; i++)
			series_free(f->series[i]);
		f->count = f->kept = 0;
		f->minute_s = minute_s;
		from_s = first_minute(f, minute_s);
	} else {
		slide(f, (size_t)gone);
		from_s = minute_s - (gone + LATE_MIN) * MINUTE_S;
	}
	f->minute_s = minute_s;
	f->failed = false;
	status = store_demand(f->reader, (struct wall){ from_s * 1000 }, (struct wall){ minute_s * 1000 }, take_row, f);
	if (status == 0 && f->failed)
		status = -ENOMEM;
	if (status != 0)
		f->minute_s = 0;	/* all anew next time */
	forget_old(f);
	return status;
}

/* As much of the past as ROWS_AT_START are, going by what there is in the newest minutes. */
static int64_t
first_minute(struct demand_forecaster *f, int64_t minute_s)
{
	size_t rows = 0;
	int64_t minutes = HISTORY_MIN;

	if (store_demand(f->reader, (struct wall){ (minute_s - LATE_MIN * MINUTE_S) * 1000 },
	    (struct wall){ minute_s * 1000 }, count_row, &rows) == 0 && rows > 0 &&
	    ROWS_AT_START * LATE_MIN / (int64_t)rows < minutes)
		minutes = ROWS_AT_START * LATE_MIN / (int64_t)rows;
	return minute_s - minutes * MINUTE_S;
}

static bool
count_row(void *arg, const struct demand_row *row UNUSED)
{
	++*(size_t *)arg;
	return true;
}

static bool
take_row(void *arg, const struct demand_row *row)
{
	struct demand_forecaster *f = arg;
	int64_t at_s = row->at.ms / 1000, minute = HISTORY_MIN - (f->minute_s - at_s) / MINUTE_S;
	struct series *series;

	if (!(row->rate >= 0) || !isfinite(row->rate) || minute < 0 || minute >= HISTORY_MIN)
		return true;
	series = series_of(f, row);
	if (series == NULL) {
		f->failed = true;
		return false;
	}
	if (series->minutes != NULL)
		series->minutes[minute] = (float)row->rate;
	if (at_s >= series->last_s) {
		series->last_s = at_s;
		series->last = row->rate;
		series->last_error = row->error;
	}
	return true;
}

/* Rows of one minute come in the order of the series, nearly: a search by halving is quick enough. */
static struct series *
series_of(struct demand_forecaster *f, const struct demand_row *row)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_key(f->series[middle], row);

		if (order == 0)
			return f->series[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return series_add(f, low, row);
}

static int
compare_key(const struct series *series, const struct demand_row *row)
{
	int order = strcmp(series->service, row->service);

	if (order == 0)
		order = strcmp(series->group, row->group);
	return order != 0 ? order : strcmp(series->country, row->country);
}

static struct series *
series_add(struct demand_forecaster *f, size_t at, const struct demand_row *row)
{
	struct series *series, **longer;

	if (f->count == f->size) {
		size_t size = f->size * 2 + 64;

		longer = reallocarray(f->series, size, sizeof(*longer));
		if (longer == NULL)
			return NULL;
		f->series = longer;
		f->size = size;
	}
	series = calloc(1, sizeof(*series));
	if (series == NULL)
		return NULL;
	series->service = strdup(row->service);
	series->group = strdup(row->group);
	series->country = strdup(row->country);
	if (f->kept < SERIES_MAX) {
		series->minutes = malloc(HISTORY_MIN * sizeof(*series->minutes));
		f->kept++;
	}
	for (size_t i = 0; series->minutes != NULL && i < HISTORY_MIN; i++)
		series->minutes[i] = NAN;
	if (series->service == NULL || series->group == NULL || series->country == NULL) {
		series_free(series);
		return NULL;
	}
	memmove(&f->series[at + 1], &f->series[at], (f->count - at) * sizeof(*f->series));
	f->series[at] = series;
	f->count++;
	return series;
}

static void
series_free(struct series *series)
{
	free(series->service);
	free(series->group);
	free(series->country);
	free(series->minutes);
	free(series);
}

static void
slide(struct demand_forecaster *f, size_t minutes)
{
	for (size_t i = 0; i < f->count; i++) {
		float *values = f->series[i]->minutes;

		if (values == NULL)
			continue;
		memmove(values, values + minutes, (HISTORY_MIN - minutes) * sizeof(*values));
		for (size_t k = HISTORY_MIN - minutes; k < HISTORY_MIN; k++)
			values[k] = NAN;
	}
}

/* Groups and countries come and go with the steering. */
static void
forget_old(struct demand_forecaster *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (f->minute_s > 0 && f->minute_s - f->series[i]->last_s > HISTORY_MIN * MINUTE_S) {
			f->kept -= f->series[i]->minutes != NULL;
			series_free(f->series[i]);
		} else {
			f->series[kept++] = f->series[i];
		}
	}
	f->count = kept;
}

/* --- what will be -------------------------------------------------------------------------------------------- */

static int
forecast_all(struct demand_forecaster *f, size_t ahead)
{
	double *minutes = malloc(HISTORY_MIN * sizeof(*minutes));
	double *steps = malloc((HISTORY_MIN / 5 + 2) * sizeof(*steps));
	double *forecasts = malloc((HISTORY_MIN / 5 + 2) * sizeof(*forecasts));
	int status = minutes == NULL || steps == NULL || forecasts == NULL ? -ENOMEM : 0;

	for (size_t i = 0; status == 0 && i < f->count; i++)
		forecast_one(f, f->series[i], ahead, minutes, steps, forecasts);
	if (status == 0)
		share_out_errors(f);
	free(minutes);
	free(steps);
	free(forecasts);
	return status;
}

static void
forecast_one(struct demand_forecaster *f, struct series *series, size_t ahead, double *minutes, double *steps,
	double *forecasts)
{
	bool fresh = f->minute_s - series->last_s <= STALE_MIN * MINUTE_S;
	const struct pace pace = { .day = LOAD_DAY, .mean = 1 };
	size_t count;
	int64_t begin_s;

	series->rate = fresh ? series->last : 0;
	series->low = series->high = (double)NAN;
	series->error = series->last_error >= 0 && isfinite(series->last_error) ? series->last_error :
	    DEMAND_ERROR_UNKNOWN;
	for (size_t i = 0; i < JUDGED_MOST; i++)
		series->residuals[i] = (double)NAN;
	if (series->minutes == NULL || !fresh)
		return;
	for (size_t i = 0; i < HISTORY_MIN; i++)
		minutes[i] = series->minutes[i];
	count = load_steps(minutes, HISTORY_MIN, f->minute_s - HISTORY_MIN * MINUTE_S, steps, &begin_s);
	for (size_t i = 0; i < count; i++)
		steps[i] = log(1 + steps[i]);
	if (count < JUDGED_LEAST + ahead)
		return;
	if (!holt_winters_run(&smoothing, steps, count, count, &pace, 1, &ahead, &forecasts))
		return;
	for (size_t i = 0; i < JUDGED_MOST && i + ahead < count; i++) {
		size_t at = count - 1 - i;

		series->residuals[JUDGED_MOST - 1 - i] = steps[at] - forecasts[at - ahead];
	}
	if (isfinite(forecasts[count - 1]) &&
	    exp(forecasts[count - 1]) - 1 >= series->last * (1 - fmin(SURPRISE * series->error, 0.5)))
		series->rate = fmax(exp(forecasts[count - 1]) - 1, 0);
	set_band(series);
}

/* The n sorted misses cut what is to come into n + 1 parts that are equally likely: none with less than ten. */
static void
set_band(struct series *series)
{
	double sorted[JUDGED_MOST], y = log(1 + series->rate);
	size_t n = 0;

	for (size_t i = 0; i < JUDGED_MOST; i++) {
		if (!isnan(series->residuals[i]))
			sorted[n++] = series->residuals[i];
	}
	if (n < JUDGED_LEAST)
		return;
	qsort(sorted, n, sizeof(*sorted), compare_misses);
	series->low = fmax(exp(y + sorted[(n + 1) / 10 - 1]) - 1, 0);
	series->high = exp(y + sorted[n - (n + 1) / 10]) - 1;
}

static int
compare_misses(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
share_out_errors(struct demand_forecaster *f)
{
	double sums[JUDGED_MOST] = { 0 }, weights[JUDGED_MOST] = { 0 }, own[JUDGED_MOST], total = 0, alone = 0, common;

	for (size_t i = 0; i < f->count; i++) {
		const struct series *series = f->series[i];

		for (size_t k = 0; k < JUDGED_MOST; k++) {
			if (isnan(series->residuals[k]) || !(series->rate > 0))
				continue;
			sums[k] += series->rate * series->residuals[k];
			weights[k] += series->rate;
		}
	}
	for (size_t k = 0; k < JUDGED_MOST; k++)
		sums[k] = weights[k] > 0 ? sums[k] / weights[k] : (double)NAN;
	common = variance(sums, JUDGED_MOST);
	f->common_error = DEMAND_ERROR_COMMON;
	if (isnan(common))
		return;
	for (size_t i = 0; i < f->count; i++) {
		struct series *series = f->series[i];
		double v;

		for (size_t k = 0; k < JUDGED_MOST; k++)
			own[k] = series->residuals[k] - sums[k];
		v = variance(own, JUDGED_MOST);
		total += series->rate;
		if (isnan(v))
			continue;
		series->error = sqrt(v);
		alone += series->rate * series->rate * v;
	}
	/* One series is all in common with itself. */
	common = total > 0 ? fmax(common - alone / (total * total), 0) : 0;
	f->common_error = sqrt(common);
}

/* About zero: a forecast that is always off errs. NAN with less than JUDGED_LEAST values. */
static double
variance(const double *values, size_t count)
{
	double squares = 0, n = 0;

	for (size_t i = 0; i < count; i++) {
		if (isnan(values[i]))
			continue;
		squares += values[i] * values[i];
		n++;
	}
	return n >= JUDGED_LEAST ? squares / n : (double)NAN;
}

/* --- for this steering --------------------------------------------------------------------------------------- */

static int
list_known(struct demand_forecaster *f, const struct steering *steering)
{
	struct demand_forecast *list = reallocarray(f->list, f->count + 1, sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	f->list = list;
	f->list_count = 0;
	for (size_t i = 0; i < f->count; i++)
		f->list_count += resolve(steering, f->series[i], &list[f->list_count]);
	return 0;
}

/* False for what this steering doesn't have (any more). Texts are few and known: by their order in the steering. */
static bool
resolve(const struct steering *steering, const struct series *series, struct demand_forecast *forecast)
{
	const struct steering_service *service = steering_service_find(steering, series->service);
	uint8_t country = strlen(series->country) == 2 ? country_find(series->country) : COUNTRY_UNKNOWN;

	if (service == NULL || (series->country[0] != '\0' && country == COUNTRY_UNKNOWN))
		return false;
	for (size_t g = 0; g < steering->group_count; g++) {
		if (strcmp(steering->groups[g].name, series->group) != 0)
			continue;
		*forecast = (struct demand_forecast){ .service = (uint16_t)(service - steering->services),
			.group = (uint16_t)g, .country = country, .rate = series->rate, .error = series->error,
			.low = series->low, .high = series->high };
		return true;
	}
	return false;
}
