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

#define THRESHOLDS 400		/* tried for the operating point, by rank on a log scale */
#define DAY_S 86400
#define CERTAIN 1e-9		/* log loss: a certainty that fails would cost without end */

struct ranked {
	double score, weight;
	bool positive;
};

static struct ranked *rank(const double *scores, const bool *positives, const double *weights, size_t count);
static int compare_ranked(const void *a, const void *b);
static void calibrate(const struct scored_row *rows, size_t count, double base_rate, struct evaluation *out);
static int calibrate_masses(const struct scored_row *rows, size_t count, double base_rate, struct evaluation *out);
static double settle_bins(struct reliability *bins, size_t count);
static double series_days(const struct scored_row *rows, size_t count);
static int operating_points(const struct scored_row *rows, size_t count, const struct dataset *dataset,
	int64_t horizon_s, struct evaluation *out);
static void add_rates(struct alarms *alarms, const struct evaluation *evaluation);
static int compare_leads(const void *a, const void *b);
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
	result = calibrate_masses(rows, count, base_rate, out);
	out->events = evaluate_events(rows, count, dataset, horizon_s);
	out->series_days = series_days(rows, count);
	if (result == 0)
		result = operating_points(rows, count, dataset, horizon_s, out);
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

double
evaluate_probability(double score, double base_rate)
{
	return score >= 0 && score <= 1 ? score : base_rate;
}

static void
calibrate(const struct scored_row *rows, size_t count, double base_rate, struct evaluation *out)
{
	for (size_t i = 0; i < count; i++) {
		double p = evaluate_probability(rows[i].score, base_rate), y = rows[i].positive ? 1 : 0;
		struct reliability *bin = &out->widths[p >= 1 ? EVALUATE_BINS - 1 : (size_t)(p * EVALUATE_BINS)];

		out->brier += (p - y) * (p - y);
		out->brier_base += (base_rate - y) * (base_rate - y);
		out->log_loss -= log(fmax(rows[i].positive ? p : 1 - p, CERTAIN));
		out->mean += p;
		bin->rows++;
		bin->said += p;
		bin->came += y;
	}
	out->brier /= (double)count;
	out->brier_base /= (double)count;
	out->log_loss /= (double)count;
	out->mean /= (double)count;
	out->brier_skill = out->brier_base > 0 ? 1 - out->brier / out->brier_base : (double)NAN;
	out->calibration_error = settle_bins(out->widths, count);
}

/* Bins of equally many rows, by rank of what was said: where nearly all say next to nothing, as for rare events, the
 * first bin of equal width holds everything, and hides by how much they are off. */
static int
calibrate_masses(const struct scored_row *rows, size_t count, double base_rate, struct evaluation *out)
{
	double *said = malloc(count * sizeof(*said));
	bool *came = malloc(count * sizeof(*came));
	struct ranked *ranked = NULL;

	if (said != NULL && came != NULL) {
		for (size_t i = 0; i < count; i++) {
			said[i] = evaluate_probability(rows[i].score, base_rate);
			came[i] = rows[i].positive;
		}
		ranked = rank(said, came, NULL, count);
	}
	for (size_t i = 0; ranked != NULL && i < count; i++) {
		struct reliability *bin = &out->masses[EVALUATE_BINS - 1 - i * EVALUATE_BINS / count];

		bin->rows++;
		bin->said += ranked[i].score;
		bin->came += ranked[i].positive ? 1 : 0;
	}
	out->calibration_error_mass = settle_bins(out->masses, count);
	free(said);
	free(came);
	free(ranked);
	return ranked == NULL ? -ENOMEM : 0;
}

/* Sums to means; how far these are apart, by rows. */
static double
settle_bins(struct reliability *bins, size_t count)
{
	double error = 0;

	for (size_t b = 0; b < EVALUATE_BINS; b++) {
		if (bins[b].rows == 0)
			continue;
		error += fabs(bins[b].said - bins[b].came) / (double)count;
		bins[b].said /= (double)bins[b].rows;
		bins[b].came /= (double)bins[b].rows;
	}
	return error;
}

/* The time that rows speak of, over all series, in days of a series. */
static double
series_days(const struct scored_row *rows, size_t count)
{
	double seconds = 0;

	for (size_t first = 0, end; first < count; first = end) {
		end = evaluate_series_end(rows, count, first);
		seconds += (double)(rows[end - 1].t - rows[first].t + WINDOW_STEP_S);
	}
	return seconds / DAY_S;
}

size_t
evaluate_series_end(const struct scored_row *rows, size_t count, size_t first)
{
	size_t end = first;

	while (end < count && rows[end].series == rows[first].series)
		end++;
	return end;
}

size_t
evaluate_events(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s)
{
	size_t events = 0;

	for (size_t first = 0, end; first < count; first = end) {
		const struct incidents *incidents = &dataset->series[rows[first].series].incidents;

		end = evaluate_series_end(rows, count, first);
		events += incidents_after(incidents, rows[end - 1].t + horizon_s) -
		    incidents_after(incidents, rows[first].t);
	}
	return events;
}

/* --- alarms -------------------------------------------------------------------------------------------------- */

static int
operating_points(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
    struct evaluation *out)
{
	double *sorted = malloc(count * sizeof(*sorted)), before = INFINITY;
	struct heard *heard = malloc((out->events + 1) * sizeof(*heard));

	if (sorted == NULL || heard == NULL) {
		free(sorted);
		free(heard);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = isnan(rows[i].score) ? -INFINITY : rows[i].score;
	qsort(sorted, count, sizeof(*sorted), compare_descending);
	out->best.threshold = INFINITY;	/* where even one alarm would be false */
	for (size_t i = 0; i < THRESHOLDS; i++) {
		double share = (double)i / (THRESHOLDS - 1);
		struct alarms tried = { .threshold = sorted[(size_t)(exp(share * log((double)count)) + 0.5) - 1] };

		if (!(tried.threshold < before) || tried.threshold == -INFINITY)
			continue;
		before = tried.threshold;
		evaluate_alarms(rows, count, dataset, horizon_s, &tried, heard);
		if ((double)tried.false_alarms <= out->series_days && tried.found > out->best.found)
			out->best = tried;
	}
	out->own.threshold = EVALUATE_OWN_THRESHOLD;
	evaluate_alarms(rows, count, dataset, horizon_s, &out->own, heard);
	add_rates(&out->best, out);
	add_rates(&out->own, out);
	free(sorted);
	free(heard);
	return 0;
}

static void
add_rates(struct alarms *alarms, const struct evaluation *evaluation)
{
	alarms->recall = evaluation->events > 0 ? (double)alarms->found / (double)evaluation->events : (double)NAN;
	alarms->false_alarms_per_day = (double)alarms->false_alarms / evaluation->series_days;
}

void
evaluate_alarms(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
    struct alarms *alarms, struct heard *heard)
{
	int64_t armed_from = INT64_MIN;
	const struct incident *last = NULL;

	*alarms = (struct alarms){ .threshold = alarms->threshold };
	for (size_t i = 0; i < count; i++) {
		const struct incidents *incidents = &dataset->series[rows[i].series].incidents;
		size_t place;

		if (i > 0 && rows[i].series != rows[i - 1].series)
			armed_from = INT64_MIN;
		if (!(rows[i].score >= alarms->threshold) || rows[i].t < armed_from)
			continue;
		armed_from = rows[i].t + horizon_s;
		place = incidents_after(incidents, rows[i].t);
		if (!rows[i].positive || place == incidents->count) {
			alarms->false_alarms++;
			continue;
		}
		if (&incidents->list[place] == last)
			continue;
		last = &incidents->list[place];
		heard[alarms->found++] = (struct heard){ rows[i].series, last->start_s,
			(double)(last->start_s - rows[i].t) };
	}
	qsort(heard, alarms->found, sizeof(*heard), compare_leads);
	if (alarms->found > 0)
		alarms->lead_s = (heard[(alarms->found - 1) / 2].lead_s + heard[alarms->found / 2].lead_s) / 2;
}

static int
compare_leads(const void *a, const void *b)
{
	const struct heard *x = a, *y = b;

	return (x->lead_s < y->lead_s) - (x->lead_s > y->lead_s);
}

static int
compare_descending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}
