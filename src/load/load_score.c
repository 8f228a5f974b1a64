/* load_score.c -- load forecasts and simple rules on the same moments.
 * In: a folder of data.  Out: their errors.
 * Threads: see load_score.h.
 *
 * The oldest share of each series is history; each later moment's forecast is made as live. Errors are told by that of
 * the simplest rule for what has days, "as yesterday at this time", over the history (MASE: Hyndman and Koehler 2006).
 * The rules' own settings are fitted again each day, as ours are, to the same past, by the squared error. Holt-Winters
 * is on logarithms of 1 + x where nothing is negative, on the values as they are elsewhere, and its forecasts are kept
 * within the same bounds as ours. */
#include "load/load_score.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "load/load_series.h"
#include "load/load_walk.h"

#define FORECASTS_LEAST 10	/* fewer say nothing */
#define SCALE_LEAST 10

const char *const load_method_names[LOAD_METHOD_COUNT] = { "Isobar", "persistence", "seasonal naive", "SES",
	"Holt-Winters" };

static const double ses_grid[] = { 0.1, 0.2, 0.4, 0.7, 0.9 };

/* One series, and what each rule says at each of its moments for one horizon. */
struct trial {
	const struct load_series *series;
	const struct load_walk *walk;
	size_t day, first, ahead;
	double *ses, *holt_winters;
	double *scaled, *work;		/* room */
};

static bool score_series(const struct load_series *series, double share, struct load_scores *scores);
static double seasonal_error(const struct load_series *series, size_t day, size_t first);
static bool trial_init(struct trial *trial, const struct load_series *series);
static void trial_fini(struct trial *trial);
static bool run_rules(struct trial *trial);
static void run_ses(struct trial *trial, size_t from, size_t to);
static bool run_holt_winters(struct trial *trial, size_t from, size_t to);
static void score(const struct trial *trial, size_t horizon, double scale, struct load_score *score);
static bool scores_add(struct load_scores *scores, const struct load_score *score);

int
load_folder_score(const char *folder, const char *metric, double share, struct load_scores *scores,
    struct diags *diags, load_progress_fn *progress, void *arg)
{
	struct diag_place place = { .file = folder };
	size_t count;
	struct load_series *list = load_folder_read(folder, metric, &count, diags);
	int status = list == NULL ? -EINVAL : 0;

	*scores = (struct load_scores){ 0 };
	for (size_t i = 0; status == 0 && i < count; i++) {
		if (progress != NULL)
			progress(arg, (double)i / (double)count);
		if (!score_series(&list[i], share, scores))
			status = -ENOMEM;
	}
	if (status == -ENOMEM)
		diag_error(diags, place, NULL, "out of memory");
	if (progress != NULL)
		progress(arg, 1);
	load_series_free(list, count);
	return status;
}

static bool
score_series(const struct load_series *series, double share, struct load_scores *scores)
{
	struct trial trial;
	struct load_walk *walk = load_walk_new(series->values, series->count, series->start_s, series->step_s,
	    load_walk_mean(series->step_s));
	double scale = 0;
	bool done = trial_init(&trial, series) && walk != NULL;

	trial.walk = walk;
	trial.first = (size_t)((double)series->count * fmin(fmax(share, 0), 1));
	if (done)
		scale = seasonal_error(series, trial.day, trial.first);
	if (!(scale > 0))
		goto out;
	done = load_walk_through(walk, trial.first);
	for (size_t h = 0; h < LOAD_HORIZONS && done; h++) {
		struct load_score result;

		trial.ahead = load_walk_rule(walk, h)->ahead;
		if (trial.ahead == 0)
			continue;
		done = run_rules(&trial);
		score(&trial, h, scale, &result);
		if (result.forecasts >= FORECASTS_LEAST)
			done = done && scores_add(scores, &result);
	}
out:
	load_walk_free(walk);
	trial_fini(&trial);
	return done;
}

/* NAN where there is no day before. */
static double
seasonal_error(const struct load_series *series, size_t day, size_t first)
{
	double sum = 0, n = 0;

	for (size_t i = day; i < first; i++) {
		double off = series->values[i] - series->values[i - day];

		sum += isnan(off) ? 0 : fabs(off);
		n += isnan(off) ? 0 : 1;
	}
	return n >= SCALE_LEAST ? sum / n : (double)NAN;
}

static bool
trial_init(struct trial *trial, const struct load_series *series)
{
	size_t size = (series->count + 1) * sizeof(double);
	size_t day = (size_t)((86400 + series->step_s / 2) / series->step_s);

	*trial = (struct trial){ .series = series, .day = day < 1 ? 1 : day,
		.ses = malloc(size), .holt_winters = malloc(size), .scaled = malloc(size), .work = malloc(size) };
	return trial->ses != NULL && trial->holt_winters != NULL && trial->scaled != NULL && trial->work != NULL;
}

static void
trial_fini(struct trial *trial)
{
	free(trial->ses);
	free(trial->holt_winters);
	free(trial->scaled);
	free(trial->work);
}

static bool
run_rules(struct trial *trial)
{
	size_t count = trial->series->count;

	for (size_t at = trial->first, next; at < count; at = next) {
		next = at + trial->day < count ? at + trial->day : count;
		run_ses(trial, at, next);
		if (!run_holt_winters(trial, at, next))
			return false;
	}
	return true;
}

static void
run_ses(struct trial *trial, size_t from, size_t to)
{
	const double *values = trial->series->values;
	double least = INFINITY;

	for (size_t g = 0; g < ARRAY_SIZE(ses_grid); g++) {
		double level = (double)NAN, squares = 0;

		for (size_t i = 0; i < to; i++) {
			if (!isnan(values[i]))
				level = isnan(level) ? values[i] : ses_grid[g] * values[i] + (1 - ses_grid[g]) * level;
			trial->work[i] = level;
			if (i >= trial->ahead && i < from && !isnan(values[i]) && !isnan(trial->work[i - trial->ahead]))
				squares += pow(values[i] - trial->work[i - trial->ahead], 2);
		}
		if (!(squares < least))
			continue;
		least = squares;
		memcpy(trial->ses + from, trial->work + from, (to - from) * sizeof(double));
	}
}

static bool
run_holt_winters(struct trial *trial, size_t from, size_t to)
{
	struct load_span span = load_walk_span(trial->walk, from, to);
	struct load_scale scale = { .logarithm = true, .offset = 1, .floor = 1, .least = INFINITY, .most = -INFINITY };
	size_t begin = from - span.known;
	struct smoothing best;

	for (size_t i = 0; i < span.known; i++) {
		scale.least = fmin(scale.least, span.values[i]);
		scale.most = fmax(scale.most, span.values[i]);
	}
	scale.logarithm = scale.least >= 0;
	for (size_t i = 0; i < span.count; i++)
		trial->scaled[i] = load_scale_to(&scale, span.means[i]);
	if (!holt_winters_fit(trial->scaled, span.count, span.known, &span.pace, trial->ahead, trial->work, &best))
		return false;
	for (size_t i = from; i < to; i++)
		trial->holt_winters[i] = load_scale_from(&scale, trial->work[i - begin], span.values[i - begin]);
	return true;
}

static void
score(const struct trial *trial, size_t horizon, double scale, struct load_score *score)
{
	const double *values = trial->series->values;
	size_t banded = 0, within = 0;

	*score = (struct load_score){ .series = trial->series->name, .step_s = trial->series->step_s,
		.horizon_s = load_horizons_s[horizon] };
	for (size_t i = trial->first; i + trial->ahead < trial->series->count; i++) {
		struct load_band band = load_walk_band(trial->walk, horizon, i);
		double truth = values[i + trial->ahead], said[LOAD_METHOD_COUNT] = {
			[LOAD_METHOD_OURS] = band.middle, [LOAD_METHOD_PERSISTENCE] = values[i],
			[LOAD_METHOD_SEASONAL] = i + trial->ahead >= trial->day ?
			    values[i + trial->ahead - trial->day] : (double)NAN,
			[LOAD_METHOD_SES] = trial->ses[i], [LOAD_METHOD_HOLT_WINTERS] = trial->holt_winters[i] };
		bool all = !isnan(truth);

		for (size_t m = 0; m < LOAD_METHOD_COUNT; m++)
			all = all && !isnan(said[m]);
		if (!all)
			continue;
		score->forecasts++;
		for (size_t m = 0; m < LOAD_METHOD_COUNT; m++) {
			double off = fabs(said[m] - truth), size = fabs(said[m]) + fabs(truth);

			score->mase[m] += off / scale;
			score->smape[m] += size > 0 ? 200 * off / size : 0;
		}
		banded += isnan(band.lower) || isnan(band.upper) ? 0 : 1;
		within += truth >= band.lower && truth <= band.upper ? 1 : 0;
	}
	for (size_t m = 0; m < LOAD_METHOD_COUNT; m++) {
		score->mase[m] /= (double)score->forecasts;
		score->smape[m] /= (double)score->forecasts;
	}
	score->coverage = banded > 0 ? (double)within / (double)banded : (double)NAN;
}

static bool
scores_add(struct load_scores *scores, const struct load_score *score)
{
	struct load_score *longer = reallocarray(scores->list, scores->count + 1, sizeof(*longer));

	if (longer == NULL)
		return false;
	scores->list = longer;
	longer[scores->count] = *score;
	longer[scores->count].series = strdup(score->series);
	return longer[scores->count++].series != NULL;
}

void
load_scores_free(struct load_scores *scores)
{
	for (size_t i = 0; i < scores->count; i++)
		free(scores->list[i].series);
	free(scores->list);
	*scores = (struct load_scores){ 0 };
}

struct load_mean
load_scores_mean(const struct load_scores *scores, int64_t horizon_s)
{
	struct load_mean mean = { 0 };
	size_t banded = 0;

	for (size_t i = 0; i < scores->count; i++) {
		const struct load_score *score = &scores->list[i];

		if (score->horizon_s != horizon_s)
			continue;
		mean.series++;
		mean.forecasts += score->forecasts;
		for (size_t m = 0; m < LOAD_METHOD_COUNT; m++) {
			mean.mase[m] += score->mase[m];
			mean.smape[m] += score->smape[m];
		}
		mean.coverage += isnan(score->coverage) ? 0 : score->coverage;
		banded += isnan(score->coverage) ? 0 : 1;
	}
	for (size_t m = 0; m < LOAD_METHOD_COUNT; m++) {
		mean.mase[m] /= (double)mean.series;
		mean.smape[m] /= (double)mean.series;
	}
	mean.coverage = banded > 0 ? mean.coverage / (double)banded : (double)NAN;
	return mean;
}

void
load_scores_print(const struct load_scores *scores, struct text *out)
{
	text_puts(out, "horizon  method           MASE   by Holt-Winters  sMAPE  within the 80 % band\n");
	for (size_t h = 0; h < LOAD_HORIZONS; h++) {
		struct load_mean mean = load_scores_mean(scores, load_horizons_s[h]);

		for (size_t m = 0; m < LOAD_METHOD_COUNT && mean.series > 0; m++) {
			text_printf(out, "%4d min  %-14s  %6.3f  %15.3f  %4.1f %%", (int)(load_horizons_s[h] / 60),
			    load_method_names[m], mean.mase[m], mean.mase[m] / mean.mase[LOAD_METHOD_HOLT_WINTERS],
			    mean.smape[m]);
			if (m == LOAD_METHOD_OURS)
				text_printf(out, "  %.1f %%, %zu series", mean.coverage * 100, mean.series);
			text_puts(out, "\n");
		}
	}
}
