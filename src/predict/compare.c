/* compare.c -- model and baselines on the same rows.
 * In: a dataset, a model, a span behind its training.  Out: the scores of each contestant.
 * Threads: any.
 * A number about rare events says something only beside a simpler one: the base rate (Brier skill 0 by definition), the
 * threshold rule that operators have today, a moving z-score, and a linear model on the same features. */
#include "predict/compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "predict/features.h"
#include "predict/logistic.h"
#include "predict/platt.h"
#include "predict/rows.h"

#define FIT_NEGATIVES 30000	/* of the training span, for the rules' curves and the regression */

const char *const contestant_names[CONTESTANT_COUNT] = {
	[CONTESTANT_MODEL] = "model",
	[CONTESTANT_BASE_RATE] = "base rate",
	[CONTESTANT_THRESHOLD] = "threshold rule",
	[CONTESTANT_EWMA] = "EWMA z-score",
	[CONTESTANT_LOGISTIC] = "logistic regression",
};

/* Rows with what each contestant says of them. */
struct contest {
	const struct dataset *dataset;
	const struct model *model;
	struct feature_table *table;	/* the model's, for this dataset */
	struct rows rows;
	double *features;
	double share;		/* of the negatives that are in `rows` */
	struct logistic logistic;
	bool fitted;
	struct platt curves[CONTESTANT_COUNT];
	bool curved[CONTESTANT_COUNT];
};

static int open_rows(struct contest *contest, int64_t from_s, int64_t to_s, size_t negatives);
static void close_rows(struct contest *contest);
static int fit_baselines(struct contest *contest);
static void scale_all(const struct contest *contest, double *scaled);
static double raw_score(const struct contest *contest, enum contestant contestant, size_t row);
static int score_all(const struct contest *contest, enum contestant contestant, struct evaluation *out);

int
compare(const struct dataset *dataset, const struct model *model, int64_t from_s, int64_t to_s,
    struct comparison *out)
{
	struct contest contest = { .dataset = dataset, .model = model };
	int status;

	*out = (struct comparison){ .from_s = from_s, .to_s = to_s };
	contest.table = feature_table_new(model->metrics, dataset->metrics);
	status = contest.table == NULL ? -ENOMEM : open_rows(&contest, model->from_s, model->to_s, FIT_NEGATIVES);
	if (status == 0 && rows_positives(&contest.rows) > 0)
		status = fit_baselines(&contest);
	close_rows(&contest);
	if (status == 0)
		status = open_rows(&contest, from_s, to_s, SIZE_MAX);
	if (status == 0 && rows_positives(&contest.rows) == 0)
		status = -ENODATA;
	for (size_t i = 0; i < CONTESTANT_COUNT && status == 0; i++)
		status = score_all(&contest, (enum contestant)i, &out->scores[i]);
	close_rows(&contest);
	feature_table_free(contest.table);
	return status;
}

static int
open_rows(struct contest *contest, int64_t from_s, int64_t to_s, size_t negatives)
{
	if (!rows_collect(contest->dataset, from_s, to_s, contest->model->horizon_s, &contest->rows))
		return -ENOMEM;
	contest->share = rows_thin(&contest->rows, negatives, contest->model->seed);
	contest->features = rows_features(contest->table, contest->dataset, &contest->rows, contest->model->horizon_s);
	return contest->features == NULL ? -ENOMEM : 0;
}

static void
close_rows(struct contest *contest)
{
	free(contest->features);
	rows_fini(&contest->rows);
	contest->features = NULL;
}

static int
fit_baselines(struct contest *contest)
{
	size_t count = contest->rows.count, d = contest->table->count;
	double *scaled = malloc((count * d + 1) * sizeof(*scaled)), *values = malloc((count + 1) * sizeof(*values));
	bool *positives = malloc((count + 1) * sizeof(*positives));
	int status = -ENOMEM;

	if (scaled == NULL || values == NULL || positives == NULL)
		goto out;
	scale_all(contest, scaled);
	for (size_t i = 0; i < count; i++) {
		positives[i] = contest->rows.list[i].positive;
		values[i] = positives[i] ? 1 : -1;
	}
	status = logistic_fit(scaled, values, count, d, &contest->logistic);
	contest->fitted = status == 0;
	for (size_t c = CONTESTANT_THRESHOLD; c < CONTESTANT_COUNT && status == 0; c++) {
		struct platt *curve = &contest->curves[c];

		for (size_t i = 0; i < count; i++)
			values[i] = raw_score(contest, (enum contestant)c, i);
		contest->curved[c] = platt_fit(values, positives, count, contest->model->events, curve) == 0;
		curve->offset += contest->curved[c] ? log(contest->share) : 0;
	}
out:
	free(scaled);
	free(values);
	free(positives);
	return status;
}

static void
scale_all(const struct contest *contest, double *scaled)
{
	for (size_t i = 0; i < contest->rows.count * contest->table->count; i++)
		scaled[i] = scaling_apply(&contest->model->scalings[i % contest->table->count], contest->features[i]);
}

static double
raw_score(const struct contest *contest, enum contestant contestant, size_t row)
{
	const struct row *r = &contest->rows.list[row];
	const struct window *window = contest->dataset->series[r->series].window;
	double scaled[FEATURES_MAX], score = 0;

	switch (contestant) {
	case CONTESTANT_THRESHOLD:
		score = features_threshold_rule(window, r->step);
		break;
	case CONTESTANT_EWMA:
		score = log(1 + features_ewma_z(window, r->step));
		break;
	case CONTESTANT_LOGISTIC:
		for (size_t f = 0; f < contest->table->count; f++)
			scaled[f] = scaling_apply(&contest->model->scalings[f],
			    contest->features[row * contest->table->count + f]);
		score = logistic_score(&contest->logistic, scaled);
		break;
	case CONTESTANT_MODEL:
	case CONTESTANT_BASE_RATE:
	case CONTESTANT_COUNT:
		break;
	}
	return isfinite(score) ? score : 0;
}

static int
score_all(const struct contest *contest, enum contestant contestant, struct evaluation *out)
{
	const struct model *model = contest->model;
	struct scored_row *rows = malloc((contest->rows.count + 1) * sizeof(*rows));
	int status;

	if (rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < contest->rows.count; i++) {
		const struct row *r = &contest->rows.list[i];
		double p = model->prevalence;

		if (contestant == CONTESTANT_MODEL)
			p = model_probability(model, contest->features + i * contest->table->count);
		else if (contest->curved[contestant])
			p = platt_probability(&contest->curves[contestant], raw_score(contest, contestant, i));
		rows[i] = (struct scored_row){ .series = r->series, .positive = r->positive, .score = p,
			.t = window_time(contest->dataset->series[r->series].window, r->step) };
	}
	status = evaluate(rows, contest->rows.count, contest->dataset, model->horizon_s, model->prevalence, out);
	free(rows);
	return status == -EINVAL ? -ENODATA : status;
}

void
compare_print(const struct comparison *comparison, struct text *out)
{
	const struct evaluation *model = &comparison->scores[CONTESTANT_MODEL];

	text_printf(out, "%zu rows, %zu positive (base rate %.4f), %zu incidents\n", model->rows, model->positives,
	    model->prevalence, model->events);
	text_printf(out, "%-20s %8s %8s %9s %9s %8s %8s %9s %7s\n", "", "AP", "ROC AUC", "Brier", "B. skill", "ECE",
	    "recall", "false/day", "lead");
	for (size_t i = 0; i < CONTESTANT_COUNT; i++) {
		const struct evaluation *e = &comparison->scores[i];

		text_printf(out, "%-20s %8.4f %8.4f %9.6f %+9.4f %8.4f %8.3f %9.2f %5.0f s\n", contestant_names[i],
		    e->average_precision, e->roc_auc, e->brier, e->brier_skill, e->calibration_error, e->best.recall,
		    e->best.false_alarms_per_day, e->best.lead_s);
	}
}
