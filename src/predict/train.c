/* train.c -- from labelled history to a model.
 * In: a dataset and a span of time.  Out: the model's text.
 * Threads: see train.h.
 *
 * The span is cut in two by time, with two horizons between: the machine learns from the older part, and the newer
 * part chooses its settings (by average precision) and fits the curve to probabilities, at the natural rate of
 * incidents. So nothing is judged on minutes that neighbour those it was learned from.
 *
 * A machine can take only some thousand rows, and incidents are rare, so which negatives it sees decides how good it
 * is: all positives up to a third, half of the rest at random and half hard ones, the tenth of the negatives that a
 * logistic regression takes most for positives. With random ones alone, average precision on unseen time is a quarter
 * lower. libsvm's cross-validation isn't used: it shuffles minutes over the folds.
 *
 * Ties of average precision (within a hundredth) go to the machine with fewer vectors, for it's faster. */
#include "predict/train.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "predict/evaluate.h"
#include "predict/features.h"
#include "predict/logistic.h"
#include "predict/machine.h"
#include "predict/model.h"
#include "predict/relevance.h"
#include "predict/rows.h"

#define CALIBRATION_SHARE 0.3	/* of the span: the newest part */
#define POOL_NEGATIVES 60000	/* of which hard ones are sought; more take memory, and the tenth stays alike */
#define CHOICE_NEGATIVES 10000	/* of the later block, for choosing settings: weighted back to the natural rate */
#define CALIBRATION_NEGATIVES 60000
#define HARD_SHARE 0.1

/* C, gamma x features, weight of positives. */
static const double grid[][3] = {
	{ 1, 0.1, 1 }, { 1, 0.1, 3 }, { 3, 0.1, 1 }, { 10, 0.03, 1 }, { 10, 0.1, 1 }, { 30, 0.03, 1 },
};

/* Scaled rows with their targets (1, -1). */
struct matrix {
	double *rows, *targets;
	bool *positives;
	size_t count, width;
};

struct training {
	const struct dataset *dataset;
	const struct train_settings *settings;
	struct model model;
	size_t d;			/* features */
	int64_t cut_s;			/* where the later block begins */
	struct rows pool, later;
	double later_share;		/* of the later negatives that are in `later` */
	struct matrix learn, check;
	char *body;
	size_t body_length;
	struct machine *machine;
};

static int collect(struct training *t);
static int fit_scalings(struct training *t, double *features);
static int sample(struct training *t, const double *scaled);
static int choose(struct training *t);
static double try_settings(struct training *t, const struct machine_settings *settings, const double *weights,
	const struct matrix *choice, char **body, size_t *length, struct machine **machine);
static bool choice_of(const struct training *t, struct matrix *choice, double **weights);
static int calibrate(struct training *t);
static bool matrix_new(struct matrix *matrix, size_t count, size_t width);
static void matrix_free(struct matrix *matrix);
static void matrix_put(struct matrix *matrix, size_t index, const double *row, bool positive);
static void scale_rows(const struct model *model, double *features, size_t count);
static int compare_doubles(const void *a, const void *b);

char *
train_failure(const struct dataset *dataset, const struct train_settings *settings, size_t *length,
    struct text *error)
{
	struct training t = { .dataset = dataset, .settings = settings };
	char *text = NULL;
	int status;

	t.model = (struct model){ .horizon_s = settings->horizon_s, .from_s = settings->from_s,
		.to_s = settings->to_s, .seed = settings->seed, .library = machine_library_version(),
		.step_s = dataset->step_s, .metrics = dataset->metrics,
		.table = feature_table_new(dataset->metrics, dataset->metrics) };
	t.d = t.model.table == NULL ? 0 : t.model.table->count;
	t.model.events = dataset_events(dataset, settings->from_s, settings->to_s);
	if (t.model.events < TRAIN_EVENTS_LEAST) {
		text_printf(error, "%zu incidents in the training span; at least %d are needed", t.model.events,
		    TRAIN_EVENTS_LEAST);
		feature_table_free(t.model.table);
		return NULL;
	}
	status = t.model.table == NULL ? -ENOMEM : collect(&t);
	if (status == 0)
		status = choose(&t);
	if (status == 0)
		status = calibrate(&t);
	if (status == -EDOM) {	/* nothing can be foreseen: the base rate is the honest model */
		t.model.skill = false;
		status = 0;
	}
	if (status == 0)
		text = model_write(&t.model, t.model.skill ? t.body : "", t.model.skill ? t.body_length : 0, length);
	if (text == NULL)
		text_puts(error, status == -ENODATA ? "too few rows before or in the calibration block" :
		    "out of memory");
	feature_table_free(t.model.table);
	rows_fini(&t.pool);
	rows_fini(&t.later);
	matrix_free(&t.learn);
	matrix_free(&t.check);
	machine_free(t.machine);
	free(t.body);
	return text;
}

/* Rows of both blocks; the scalings and the sample to learn from; the check rows, scaled. */
static int
collect(struct training *t)
{
	const struct train_settings *s = t->settings;
	double *pool = NULL, *later = NULL;
	int status = -ENOMEM;

	t->cut_s = s->to_s - (int64_t)((double)(s->to_s - s->from_s) * CALIBRATION_SHARE);
	if (!rows_collect(t->dataset, s->from_s, t->cut_s - s->horizon_s, s->horizon_s, &t->pool) ||
	    !rows_collect(t->dataset, t->cut_s, s->to_s, s->horizon_s, &t->later))
		return -ENOMEM;
	t->model.rows = t->pool.count + t->later.count;
	t->model.positives = rows_positives(&t->pool) + rows_positives(&t->later);
	if (rows_positives(&t->pool) == 0 || rows_positives(&t->pool) == t->pool.count || t->later.count == 0)
		return -ENODATA;
	t->model.prevalence = (double)t->model.positives / (double)t->model.rows;
	rows_thin(&t->pool, POOL_NEGATIVES, s->seed);
	t->later_share = rows_thin(&t->later, CALIBRATION_NEGATIVES, s->seed + 1);
	pool = rows_features(t->model.table, t->dataset, &t->pool, s->horizon_s);
	later = rows_features(t->model.table, t->dataset, &t->later, s->horizon_s);
	if (pool == NULL || later == NULL || !matrix_new(&t->check, t->later.count, t->d))
		goto out;
	status = fit_scalings(t, pool);
	if (status != 0)
		goto out;
	scale_rows(&t->model, pool, t->pool.count);
	scale_rows(&t->model, later, t->later.count);
	for (size_t i = 0; i < t->later.count; i++)
		matrix_put(&t->check, i, later + i * t->d, t->later.list[i].positive);
	status = sample(t, pool);
out:
	free(pool);
	free(later);
	return status;
}

/* The scaling of each feature, weighted by what it tells. */
static int
fit_scalings(struct training *t, double *features)
{
	double *column = malloc((t->pool.count + 1) * sizeof(*column)), relevances[FEATURES_MAX], weights[FEATURES_MAX];
	bool *positives = malloc((t->pool.count + 1) * sizeof(*positives));

	if (column == NULL || positives == NULL) {
		free(column);
		free(positives);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->pool.count; i++)
		positives[i] = t->pool.list[i].positive;
	for (size_t f = 0; f < t->d; f++) {
		for (size_t i = 0; i < t->pool.count; i++)
			column[i] = features[i * t->d + f];
		relevances[f] = relevance(column, positives, t->pool.count);
		t->model.scalings[f] = scaling_fit(column, t->pool.count);
	}
	relevance_weights(relevances, weights, t->d);
	for (size_t f = 0; f < t->d; f++)
		t->model.scalings[f].weight = weights[f];
	free(column);
	free(positives);
	return 0;
}

static void
scale_rows(const struct model *model, double *features, size_t count)
{
	size_t d = model->table->count;

	for (size_t i = 0; i < count; i++) {
		for (size_t f = 0; f < d; f++) {
			double *value = &features[i * d + f];

			*value = scaling_apply(&model->scalings[f], *value);
		}
	}
}

/* Positives, hard negatives and random ones; each chosen by the hash of its row. */
static int
sample(struct training *t, const double *scaled)
{
	size_t d = t->d, most = t->settings->rows_most == 0 ? TRAIN_ROWS_MOST : t->settings->rows_most;
	size_t negatives = 0, kept = 0, positives = rows_positives(&t->pool), wanted;
	double *scores = malloc((t->pool.count + 1) * sizeof(*scores));
	double *sorted = malloc((t->pool.count + 1) * sizeof(*sorted)), *targets = sorted, hard;
	struct logistic *logistic = malloc(sizeof(*logistic));
	double positive_share, hard_share, random_share;
	int status = -ENOMEM;

	if (scores == NULL || sorted == NULL || logistic == NULL)
		goto out;
	for (size_t i = 0; i < t->pool.count; i++)
		targets[i] = t->pool.list[i].positive ? 1 : -1;
	if (logistic_fit(scaled, targets, t->pool.count, d, logistic) != 0)
		goto out;
	for (size_t i = 0; i < t->pool.count; i++) {
		scores[i] = logistic_score(logistic, scaled + i * d);
		if (!t->pool.list[i].positive)
			sorted[negatives++] = scores[i];
	}
	qsort(sorted, negatives, sizeof(*sorted), compare_doubles);
	hard = sorted[(size_t)((double)negatives * (1 - HARD_SHARE))];
	positive_share = (double)most / 3 / (double)positives;
	wanted = most - (positives < most / 3 ? positives : most / 3);
	hard_share = (double)wanted / 2 / ((double)negatives * HARD_SHARE);
	random_share = (double)wanted / 2 / ((double)negatives * (1 - HARD_SHARE));
	if (!matrix_new(&t->learn, t->pool.count, t->d))
		goto out;
	for (size_t i = 0; i < t->pool.count; i++) {
		const struct row *row = &t->pool.list[i];
		const uint32_t key[2] = { row->series, row->step };
		double dice = (double)(hash64(key, sizeof(key), t->settings->seed + 2) >> 11) * 0x1p-53;
		double share = row->positive ? positive_share : scores[i] >= hard ? hard_share : random_share;

		if (dice < share)
			matrix_put(&t->learn, kept++, scaled + i * d, row->positive);
	}
	t->learn.count = kept;
	status = 0;
out:
	free(scores);
	free(sorted);
	free(logistic);
	return status;
}

static int
compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The best of the grid on the later block. */
static int
choose(struct training *t)
{
	struct matrix choice = { 0 };
	double *weights = NULL, best = -1;

	if (!choice_of(t, &choice, &weights))
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(grid); i++) {
		struct machine_settings settings = { .kind = MACHINE_CLASSIFY, .c = grid[i][0],
			.gamma = grid[i][1] / (double)t->d, .weight = grid[i][2] };
		struct machine *machine = NULL;
		char *body = NULL;
		size_t length = 0;
		double score = try_settings(t, &settings, weights, &choice, &body, &length, &machine);
		bool better = score > best + 0.01 || (score > best - 0.01 && t->machine != NULL && machine != NULL &&
		    machine_vectors(machine) < machine_vectors(t->machine));

		if (machine == NULL || !better) {
			free(body);
			machine_free(machine);
			continue;
		}
		free(t->body);
		machine_free(t->machine);
		t->body = body;
		t->body_length = length;
		t->machine = machine;
		t->model.settings = settings;
		best = score > best ? score : best;
	}
	matrix_free(&choice);
	free(weights);
	return t->machine == NULL ? -EDOM : 0;
}

/* Average precision of a machine with these settings; no machine when it has too many vectors. */
static double
try_settings(struct training *t, const struct machine_settings *settings, const double *weights,
    const struct matrix *choice, char **body, size_t *length, struct machine **machine)
{
	struct text error = { 0 };
	double *scores = malloc((choice->count + 1) * sizeof(*scores)), score = -1;

	*body = machine_train(t->learn.rows, t->learn.targets, t->learn.count, t->d, settings, length);
	if (*body != NULL)
		*machine = machine_read(*body, *length, t->d, &error);
	if (*machine != NULL && scores != NULL) {
		for (size_t i = 0; i < choice->count; i++)
			scores[i] = machine_decide(*machine, choice->rows + i * t->d);
		score = average_precision(scores, choice->positives, weights, choice->count);
	}
	text_fini(&error);
	free(scores);
	return score;
}

/* Part of the check rows, with weights that bring the negatives back to their natural rate. */
static bool
choice_of(const struct training *t, struct matrix *choice, double **weights)
{
	size_t d = t->d, negatives = 0, kept = 0;
	double share;

	for (size_t i = 0; i < t->check.count; i++)
		negatives += !t->check.positives[i];
	share = negatives > CHOICE_NEGATIVES ? (double)CHOICE_NEGATIVES / (double)negatives : 1;
	*weights = malloc((t->check.count + 1) * sizeof(**weights));
	if (*weights == NULL || !matrix_new(choice, t->check.count, t->d)) {
		free(*weights);
		return false;
	}
	for (size_t i = 0; i < t->check.count; i++) {
		const struct row *row = &t->later.list[i];
		const uint32_t key[2] = { row->series, row->step };
		double dice = (double)(hash64(key, sizeof(key), t->settings->seed + 3) >> 11) * 0x1p-53;

		if (!row->positive && dice >= share)
			continue;
		(*weights)[kept] = row->positive ? 1 : 1 / (share * t->later_share);
		matrix_put(choice, kept++, t->check.rows + i * d, row->positive);
	}
	choice->count = kept;
	return true;
}

static int
calibrate(struct training *t)
{
	double *scores = malloc((t->check.count + 1) * sizeof(*scores));
	int status;

	if (scores == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->check.count; i++)
		scores[i] = machine_decide(t->machine, t->check.rows + i * t->d);
	status = platt_fit(scores, t->check.positives, t->check.count,
	    dataset_events(t->dataset, t->cut_s, t->settings->to_s), &t->model.platt);
	free(scores);
	t->model.skill = status == 0;
	/* Fewer negatives than nature has: the odds are that much too high. */
	t->model.platt.offset += status == 0 ? log(t->later_share) : 0;
	return status;
}

static bool
matrix_new(struct matrix *matrix, size_t count, size_t width)
{
	*matrix = (struct matrix){ .count = count, .width = width };
	matrix->rows = malloc((count * width + 1) * sizeof(double));
	matrix->targets = malloc((count + 1) * sizeof(double));
	matrix->positives = malloc((count + 1) * sizeof(bool));
	return matrix->rows != NULL && matrix->targets != NULL && matrix->positives != NULL;
}

static void
matrix_free(struct matrix *matrix)
{
	free(matrix->rows);
	free(matrix->targets);
	free(matrix->positives);
}

static void
matrix_put(struct matrix *matrix, size_t index, const double *row, bool positive)
{
	memcpy(matrix->rows + index * matrix->width, row, matrix->width * sizeof(*row));
	matrix->targets[index] = positive ? 1 : -1;
	matrix->positives[index] = positive;
}
