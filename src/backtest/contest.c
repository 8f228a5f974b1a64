/* contest.c -- model and baselines on the same rows.
 * In: a dataset with a model that was trained on it; rows of it or of another.  Out: what each contestant says.
 * Threads: any.
 * A number about rare events says something only beside a simpler one: the base rate (Brier skill 0 by definition), the
 * threshold rule that operators have today, a moving z-score, the calendar, and a linear model on the same features.
 * Features are computed row by row, and shared: hundreds of them for 10^5 rows would be a gigabyte. */
#include "backtest/contest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "backtest/hazard.h"
#include "predict/features.h"
#include "predict/logistic.h"
#include "predict/platt.h"

#define FIT_NEGATIVES 20000	/* of the training span, for the rules' curves and the regression */
#define EWMA_ALPHA (2.0 / 121)	/* of two hours of minutes */
#define PROGRESS_ROWS 500

const char *const contestant_names[CONTESTANT_COUNT] = {
	[CONTESTANT_MODEL] = "model",
	[CONTESTANT_BASE_RATE] = "base rate",
	[CONTESTANT_THRESHOLD] = "threshold rule",
	[CONTESTANT_EWMA] = "EWMA z-score",
	[CONTESTANT_HAZARD] = "hazard rate",
	[CONTESTANT_LOGISTIC] = "logistic regression",
};

struct contest {
	const struct model *model;
	struct hazard hazard;
	struct logistic logistic;
	size_t selected[LOGISTIC_DIMENSION_MAX], selected_count;	/* features of the regression */
	struct platt curves[CONTESTANT_COUNT];
	bool curved[CONTESTANT_COUNT];
};

/* Goes over rows by series and time; the moving means are brought up to each. */
struct walk {
	const struct contest *contest;
	const struct dataset *dataset;
	struct feature_table *table;	/* the model's, on this dataset's catalogue */
	double *features, *scaled;
	size_t series, step;		/* up to where the means reach; series: SIZE_MAX at first */
	double means[METRICS_MAX], variances[METRICS_MAX], distances[METRICS_MAX];
};

static void select_features(struct contest *contest);
static int fit(struct contest *contest, const struct dataset *train, const struct rows *rows, double share);
static int fit_logistic(struct contest *contest, struct walk *walk, const struct rows *rows);
static int fit_curves(struct contest *contest, struct walk *walk, const struct rows *rows, double share);
static bool walk_init(struct walk *walk, const struct contest *contest, const struct dataset *dataset);
static void walk_fini(struct walk *walk);
static void walk_to(struct walk *walk, const struct row *row);
static void walk_means(struct walk *walk, size_t series, size_t step);
static void move_means(struct walk *walk, const struct window *window, size_t step);
static void select_scaled(const struct walk *walk, double *out);
static double raw_score(const struct walk *walk, enum contestant contestant, const struct row *row);
static double largest_deviation(const struct walk *walk);
static double probability_of(const struct walk *walk, enum contestant contestant, const struct row *row, bool known);

struct contest *
contest_new(const struct dataset *train, const struct model *model)
{
	struct contest *contest = calloc(1, sizeof(*contest));
	struct rows rows = { 0 };
	int status = contest == NULL ? -ENOMEM : 0;

	if (status == 0 && !rows_collect(train, model->from_s, model->to_s, model->horizon_s, &rows))
		status = -ENOMEM;
	if (status == 0) {
		double share = rows_thin(&rows, FIT_NEGATIVES, model->seed);

		contest->model = model;
		select_features(contest);
		if (rows_positives(&rows) > 0)
			status = fit(contest, train, &rows, share);
	}
	rows_fini(&rows);
	if (status == 0)
		return contest;
	contest_free(contest);
	return NULL;
}

void
contest_free(struct contest *contest)
{
	free(contest);
}

/* The regression takes so many as it can; the model's weights say which tell most. */
static void
select_features(struct contest *contest)
{
	const struct model *model = contest->model;
	double least = 0;

	for (;;) {
		double next = INFINITY;

		contest->selected_count = 0;
		for (size_t f = 0; f < model->table->count; f++) {
			double weight = model->scalings[f].weight;

			if (weight < least)
				continue;
			if (contest->selected_count < LOGISTIC_DIMENSION_MAX)
				contest->selected[contest->selected_count] = f;
			contest->selected_count++;
			next = weight > least && weight < next ? weight : next;
		}
		if (contest->selected_count <= LOGISTIC_DIMENSION_MAX)
			return;
		if (next == INFINITY)
			break;
		least = next;
	}
	contest->selected_count = LOGISTIC_DIMENSION_MAX;	/* all alike: the first */
}

static int
fit(struct contest *contest, const struct dataset *train, const struct rows *rows, double share)
{
	const struct model *model = contest->model;
	struct walk walk;
	int status;

	hazard_fit(train, rows, share, (double)model->horizon_s / (double)model->step_s, &contest->hazard);
	if (!walk_init(&walk, contest, train))
		return -ENOMEM;
	status = fit_logistic(contest, &walk, rows);
	if (status == 0)
		status = fit_curves(contest, &walk, rows, share);
	walk_fini(&walk);
	return status;
}

static int
fit_logistic(struct contest *contest, struct walk *walk, const struct rows *rows)
{
	size_t d = contest->selected_count;
	double *scaled = malloc((rows->count * d + 1) * sizeof(*scaled));
	double *targets = malloc((rows->count + 1) * sizeof(*targets));
	int status = -ENOMEM;

	for (size_t i = 0; scaled != NULL && targets != NULL && i < rows->count; i++) {
		walk_to(walk, &rows->list[i]);
		select_scaled(walk, scaled + i * d);
		targets[i] = rows->list[i].positive ? 1 : -1;
	}
	if (scaled != NULL && targets != NULL)
		status = logistic_fit(scaled, targets, rows->count, d, &contest->logistic);
	free(scaled);
	free(targets);
	return status;
}

/* A rule without skill on the training span has no curve: it says the base rate. */
static int
fit_curves(struct contest *contest, struct walk *walk, const struct rows *rows, double share)
{
	double *values[CONTESTANT_COUNT] = { 0 };
	bool *positives = malloc((rows->count + 1) * sizeof(*positives));
	int status = positives == NULL ? -ENOMEM : 0;

	for (size_t c = CONTESTANT_THRESHOLD; c < CONTESTANT_COUNT; c++) {
		values[c] = malloc((rows->count + 1) * sizeof(double));
		status = values[c] == NULL ? -ENOMEM : status;
	}
	walk->series = SIZE_MAX;
	for (size_t i = 0; status == 0 && i < rows->count; i++) {
		positives[i] = rows->list[i].positive;
		walk_to(walk, &rows->list[i]);
		for (size_t c = CONTESTANT_THRESHOLD; c < CONTESTANT_COUNT; c++)
			values[c][i] = raw_score(walk, (enum contestant)c, &rows->list[i]);
	}
	for (size_t c = CONTESTANT_THRESHOLD; status == 0 && c < CONTESTANT_COUNT; c++) {
		struct platt *curve = &contest->curves[c];

		contest->curved[c] = platt_fit(values[c], positives, rows->count, contest->model->events, curve) == 0;
		curve->offset += contest->curved[c] ? log(share) : 0;	/* fewer negatives than nature has */
	}
	for (size_t c = 0; c < CONTESTANT_COUNT; c++)
		free(values[c]);
	free(positives);
	return status;
}

int
contest_score(const struct contest *contest, const struct dataset *dataset, const struct rows *rows,
    double *scores[CONTESTANT_COUNT], contest_progress_fn *progress, void *arg)
{
	struct walk walk;

	if (!walk_init(&walk, contest, dataset))
		return -ENOMEM;
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->list[i];
		bool known = features_missing(dataset->series[row->series].window, row->step) == NULL;

		if (known)
			walk_to(&walk, row);
		for (size_t c = 0; c < CONTESTANT_COUNT; c++)
			scores[c][i] = probability_of(&walk, (enum contestant)c, row, known);
		if (progress != NULL && i % PROGRESS_ROWS == 0)
			progress(arg, (double)i / (double)rows->count);
	}
	walk_fini(&walk);
	return 0;
}

/* --- a walk -------------------------------------------------------------------------------------------------- */

static bool
walk_init(struct walk *walk, const struct contest *contest, const struct dataset *dataset)
{
	size_t count = contest->model->table->count;

	*walk = (struct walk){ .contest = contest, .dataset = dataset, .series = SIZE_MAX };
	walk->table = feature_table_new(contest->model->metrics, dataset->metrics);
	walk->features = calloc(count + 1, sizeof(double));
	walk->scaled = calloc(LOGISTIC_DIMENSION_MAX, sizeof(double));
	if (walk->table != NULL && walk->features != NULL && walk->scaled != NULL)
		return true;
	walk_fini(walk);
	return false;
}

static void
walk_fini(struct walk *walk)
{
	feature_table_free(walk->table);
	free(walk->features);
	free(walk->scaled);
}

static void
walk_to(struct walk *walk, const struct row *row)
{
	features_compute(walk->table, walk->dataset, row->series, row->step, walk->contest->model->horizon_s,
	    walk->features);
	walk_means(walk, row->series, row->step);
}

static void
walk_means(struct walk *walk, size_t series, size_t step)
{
	const struct window *window = walk->dataset->series[series].window;

	if (walk->series != series) {
		for (size_t m = 0; m < METRICS_MAX; m++)
			walk->means[m] = (double)NAN;
		walk->series = series;
		walk->step = 0;
	}
	for (; walk->step <= step; walk->step++)
		move_means(walk, window, walk->step);
}

static void
move_means(struct walk *walk, const struct window *window, size_t step)
{
	for (size_t m = 0; m < walk->table->metric_count; m++) {
		size_t metric = walk->table->metrics[m];
		const double *levels = metric == METRIC_NONE ? NULL : window->levels[metric];
		double value = levels == NULL ? (double)NAN : levels[step], off, least;

		if (isnan(value)) {
			walk->distances[m] = 0;
			continue;
		}
		if (isnan(walk->means[m])) {
			walk->means[m] = value;
			walk->variances[m] = walk->distances[m] = 0;
			continue;
		}
		least = walk->dataset->metrics->list[metric].least_deviation;
		off = value - walk->means[m];
		walk->distances[m] = fabs(off) / sqrt(walk->variances[m] + least * least + 1e-9);
		walk->means[m] += EWMA_ALPHA * off;
		walk->variances[m] = (1 - EWMA_ALPHA) * (walk->variances[m] + EWMA_ALPHA * off * off);
	}
}

static void
select_scaled(const struct walk *walk, double *out)
{
	const struct contest *contest = walk->contest;

	for (size_t i = 0; i < contest->selected_count; i++) {
		size_t f = contest->selected[i];

		out[i] = scaling_apply(&contest->model->scalings[f], walk->features[f]);
	}
}

static double
raw_score(const struct walk *walk, enum contestant contestant, const struct row *row)
{
	const struct dataset_series *series = &walk->dataset->series[row->series];
	double score = 0;

	switch (contestant) {
	case CONTESTANT_THRESHOLD:
		score = features_threshold_rule(series->window, row->step);
		score = isnan(score) ? largest_deviation(walk) : score;
		break;
	case CONTESTANT_EWMA:
		for (size_t m = 0; m < walk->table->metric_count; m++)
			score = walk->distances[m] > score ? walk->distances[m] : score;
		score = log(1 + score);
		break;
	case CONTESTANT_HAZARD:
		score = hazard_score(&walk->contest->hazard, &series->incidents,
		    window_time(series->window, row->step));
		break;
	case CONTESTANT_LOGISTIC:
		select_scaled(walk, walk->scaled);
		score = logistic_score(&walk->contest->logistic, walk->scaled);
		break;
	case CONTESTANT_MODEL:
	case CONTESTANT_BASE_RATE:
	case CONTESTANT_COUNT:
		break;
	}
	return isfinite(score) ? score : 0;
}

/* Metrics whose meaning nobody knows have no limits: how far the farthest is from its median, squashed. */
static double
largest_deviation(const struct walk *walk)
{
	double most = 0;

	for (size_t f = 0; f < walk->table->count; f++) {
		struct scaling plain = walk->contest->model->scalings[f];

		plain.weight = 1;
		if (walk->table->list[f].kind == FEATURE_MEAN)
			most = fmax(most, fabs(scaling_apply(&plain, walk->features[f])));
	}
	return most;
}

static double
probability_of(const struct walk *walk, enum contestant contestant, const struct row *row, bool known)
{
	const struct contest *contest = walk->contest;

	if (contestant == CONTESTANT_MODEL && known)
		return model_probability(contest->model, walk->features);
	if (!contest->curved[contestant] || (!known && contestant != CONTESTANT_HAZARD))
		return contest->model->prevalence;
	return platt_probability(&contest->curves[contestant], raw_score(walk, contestant, row));
}
