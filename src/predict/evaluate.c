/* evaluate.c -- scores of forecasts.
 * In: forecasts with what came of them, sorted by series and time.  Out: one struct of numbers.
 * Threads: any.
 * Rows count by the minute, incidents by the event: fifty minutes before one outage are one chance, not
 * fifty, so recall and false alarms are counted as alarms that fire and re-arm after a horizon. Average precision and
 * Brier skill are shown with the base rate, without which they say nothing about rare events (Davis and Goadrich,
 * ICML 2006; Brier 1950). */
#include "predict/evaluate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define BINS 10
#define THRESHOLDS 400		/* tried for the operating point, by rank on a log scale */
#define DAY_S 86400

struct ranked {
	double score, weight;
	bool positive;
};

/* What alarms at one threshold would have done. */
struct alarms {
	size_t found, false_alarms;
	double lead_s;
};

static struct ranked *rank(const double *scores, const bool *positives, const double *weights, size_t count);
static int compare_ranked(const void *a, const void *b);
static void calibrate(const struct scored_row *rows, size_t count, double base_rate, struct evaluation *out);
static double series_days(const struct scored_row *rows, size_t count);
static size_t count_events(const struct scored_row *rows, size_t count, const struct dataset *dataset,
	int64_t horizon_s);
static int operating_point(const struct scored_row *rows, size_t count, const struct dataset *dataset,
	int64_t horizon_s, struct evaluation *out);
static struct alarms raise_alarms(const struct scored_row *rows, size_t count, const struct dataset *dataset,
	int64_t horizon_s, double threshold, double *leads);
static int compare_descending(const void *a, const void *b);

int
evaluate(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
    double base_rate, struct evaluation *out)
{
	double *scores = malloc((count + 1) * sizeof(*scores));
	bool *positives = malloc((count + 1) * sizeof(*positives));
	int result = -ENOMEM;

	*out = (struct evaluation){ .rows = count };
	if (scores == NULL || positives == NULL)
		goto out;
	result = -EINVAL;
	if (count == 0)
		goto out;
	for (size_t i = 0; i < count; i++) {
		scores[i] = isnan(rows[i].score) ? -INFINITY : rows[i].score;
		positives[i] = rows[i].positive;
		out->positives += rows[i].positive;
	}
	out->prevalence = (double)out->positives / (double)count;
	out->average_precision = average_precision(scores, positives, NULL, count);
	out->roc_auc = roc_auc(scores, positives, count);
	calibrate(rows, count, base_rate, out);
	out->events = count_events(rows, count, dataset, horizon_s);
	result = operating_point(rows, count, dataset, horizon_s, out);
out:
	free(scores);
	free(positives);
	return result;
}

double
average_precision(const double *scores, const bool *positives, const double *weights, size_t count)
{
	struct ranked *ranked = rank(scores, positives, weights, count);
	double found = 0, seen = 0, all = 0, sum = 0;

	if (ranked == NULL)
		return (double)NAN;
	for (size_t i = 0; i < count; i++)
		all += ranked[i].positive ? ranked[i].weight : 0;
	for (size_t i = 0; i < count;) {
		double before = found;
		size_t tie = i;

		for (; i < count && ranked[i].score == ranked[tie].score; i++) {
			found += ranked[i].positive ? ranked[i].weight : 0;
			seen += ranked[i].weight;
		}
		sum += (found - before) * (found / seen);
	}
	free(ranked);
	return all > 0 ? sum / all : (double)NAN;
}

double
roc_auc(const double *scores, const bool *positives, size_t count)
{
	struct ranked *ranked = rank(scores, positives, NULL, count);
	double above = 0, pairs = 0, all = 0;

	if (ranked == NULL)
		return (double)NAN;
	for (size_t i = 0; i < count;) {
		double tied_positive = 0, tied_negative = 0;
		size_t tie = i;

		for (; i < count && ranked[i].score == ranked[tie].score; i++) {
			tied_positive += ranked[i].positive ? 1 : 0;
			tied_negative += ranked[i].positive ? 0 : 1;
		}
		pairs += tied_negative * (above + tied_positive / 2);
		above += tied_positive;
	}
	all = above * ((double)count - above);
	free(ranked);
	return all > 0 ? pairs / all : (double)NAN;
}

/* By score, highest first. */
static struct ranked *
rank(const double *scores, const bool *positives, const double *weights, size_t count)
{
	struct ranked *ranked = malloc((count + 1) * sizeof(*ranked));

	if (ranked == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){ scores[i], weights == NULL ? 1 : weights[i], positives[i] };
	qsort(ranked, count, sizeof(*ranked), compare_ranked);
	return ranked;
}

static int
compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->score < y->score) - (x->score > y->score);
}

static void
calibrate(const struct scored_row *rows, size_t count, double base_rate, struct evaluation *out)
{
	double said[BINS] = { 0 }, came[BINS] = { 0 };

	for (size_t i = 0; i < count; i++) {
		double p = rows[i].score >= 0 && rows[i].score <= 1 ? rows[i].score : base_rate;
		double y = rows[i].positive ? 1 : 0;
		size_t bin = p >= 1 ? BINS - 1 : (size_t)(p * BINS);

		out->brier += (p - y) * (p - y);
		out->brier_base += (base_rate - y) * (base_rate - y);
		said[bin] += p;
		came[bin] += y;
	}
	out->brier /= (double)count;
	out->brier_base /= (double)count;
	out->brier_skill = out->brier_base > 0 ? 1 - out->brier / out->brier_base : (double)NAN;
	for (size_t bin = 0; bin < BINS; bin++)
		out->calibration_error += fabs(said[bin] - came[bin]) / (double)count;
}

/* The time that rows speak of, over all series, in days of a series. */
static double
series_days(const struct scored_row *rows, size_t count)
{
	double seconds = 0;
	size_t first = 0;

	for (size_t i = 1; i <= count; i++) {
		if (i < count && rows[i].series == rows[first].series)
			continue;
		seconds += (double)(rows[i - 1].t - rows[first].t + WINDOW_STEP_S);
		first = i;
	}
	return seconds / DAY_S;
}

static size_t
count_events(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s)
{
	size_t events = 0, first = 0;

	for (size_t i = 1; i <= count; i++) {
		const struct incidents *incidents;

		if (i < count && rows[i].series == rows[first].series)
			continue;
		incidents = &dataset->series[rows[first].series].incidents;
		events += incidents_after(incidents, rows[i - 1].t + horizon_s) -
		    incidents_after(incidents, rows[first].t);
		first = i;
	}
	return events;
}

static int
operating_point(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
    struct evaluation *out)
{
	double *sorted = malloc(count * sizeof(*sorted)), *leads = malloc((out->events + 1) * sizeof(*leads));
	double days = series_days(rows, count), before = INFINITY;
	size_t best = 0;

	if (sorted == NULL || leads == NULL) {
		free(sorted);
		free(leads);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = isnan(rows[i].score) ? -INFINITY : rows[i].score;
	qsort(sorted, count, sizeof(*sorted), compare_descending);
	out->threshold = sorted[0];
	for (size_t i = 0; i < THRESHOLDS; i++) {
		double share = (double)i / (THRESHOLDS - 1);
		double threshold = sorted[(size_t)(exp(share * log((double)count)) + 0.5) - 1];
		struct alarms alarms;

		if (!(threshold < before) || threshold == -INFINITY)
			continue;
		before = threshold;
		alarms = raise_alarms(rows, count, dataset, horizon_s, threshold, leads);
		if ((double)alarms.false_alarms > days || alarms.found <= best)
			continue;
		best = alarms.found;
		out->threshold = threshold;
		out->false_alarms_per_day = (double)alarms.false_alarms / days;
		out->lead_s = alarms.lead_s;
	}
	out->recall = out->events > 0 ? (double)best / (double)out->events : (double)NAN;
	free(sorted);
	free(leads);
	return 0;
}

/* An alarm fires when the score reaches the threshold, and again at the earliest a horizon later. */
static struct alarms
raise_alarms(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
    double threshold, double *leads)
{
	struct alarms alarms = { 0 };
	int64_t armed_from = INT64_MIN;
	const struct incident *found = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct incidents *incidents = &dataset->series[rows[i].series].incidents;
		const struct incident *next;

		if (i > 0 && rows[i].series != rows[i - 1].series)
			armed_from = INT64_MIN;
		if (!(rows[i].score >= threshold) || rows[i].t < armed_from)
			continue;
		armed_from = rows[i].t + horizon_s;
		if (!rows[i].positive) {
			alarms.false_alarms++;
			continue;
		}
		next = &incidents->list[incidents_after(incidents, rows[i].t)];
		if (next == found)
			continue;
		found = next;
		leads[alarms.found++] = (double)(next->start_s - rows[i].t);
	}
	qsort(leads, alarms.found, sizeof(*leads), compare_descending);
	if (alarms.found > 0)
		alarms.lead_s = (leads[(alarms.found - 1) / 2] + leads[alarms.found / 2]) / 2;
	return alarms;
}

static int
compare_descending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}
