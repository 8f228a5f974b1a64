/* train.c -- from labelled history to a model.
 * In: a dataset and a span of time.  Out: the model's text.
 * Threads: see train.h.
 *
 * The newest part of the span is cut in two blocks by time. Each is scored by machines that learned only from what lies
 * two horizons before it, so nothing is judged on minutes that neighbour those it was learned from; libsvm's
 * cross-validation isn't used, since it shuffles minutes over the folds. Both blocks choose the settings (by average
 * precision, at the natural rate): one alone has too few incidents to choose by. Together they give the curve to
 * probabilities and the proof of skill (gate.h). The machine that ships then learns with these settings from the whole
 * span: its decisions lie on the same scale, since the sample is drawn in the same way, and it knows the newest
 * incidents, which on simulated regions is worth a twentieth of average precision.
 *
 * Ties of average precision go to the machine with fewer vectors, for it's faster. A linear one, of a single vector,
 * would win all of them; where the blocks can't tell, curved borders were better on later time, so that one must be as
 * good as the best. */
#include "predict/train.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "predict/evaluate.h"
#include "predict/features.h"
#include "predict/fit.h"
#include "predict/gate.h"
#include "predict/labels.h"
#include "predict/machine.h"
#include "predict/model.h"

#define BLOCK_SHARE 0.225	/* of the span, each of the two blocks: less has too few incidents to choose by */
#define POOL_NEGATIVES 25000	/* more take memory and time, and what hard ones are like stays the same */
#define ATTEMPTS 4
#define DESCRIBED_ROWS 8000	/* medians don't get better by more */
#define TIE 0.02		/* of average precision, summed over both blocks: they can't tell */
#define FAR_BEHIND 0.2		/* a part of average precision */
#define PSEUDO_EVENTS 2		/* evidence is drawn to the base rate by the rows of so many incidents */

/* Gamma as fit_gamma() takes it, and of a linear kernel C likewise: rows of any length then weigh alike. */
static const struct setting {
	enum machine_kernel kernel;
	double c, gamma, weight;	/* of positives */
} grid[] = {
	{ MACHINE_RBF, 1, 0.1, 1 }, { MACHINE_RBF, 3, 0.03, 1 }, { MACHINE_RBF, 0.3, 0.03, 3 },
	{ MACHINE_LINEAR, 1, 0, 1 },
};
#define SETTINGS ARRAY_SIZE(grid)

struct training {
	const struct dataset *dataset;
	const struct train_settings *settings;
	struct model model;
	struct pool pool;
	int64_t cuts[3];		/* the blocks begin at the first and the second, the last is the span's end */
	double *scores;			/* [row of the pool], of both blocks; NAN: in none */
	const struct setting *chosen;	/* of the grid */
	size_t rows_most;
	char *body;
	size_t body_length;
};

static char *train(struct training *t, size_t *length, struct text *error);
static int collect(struct training *t);
static int describe(struct training *t);
static int choose(struct training *t);
struct trial;
static int try_block(struct training *t, size_t block, struct trial *trials);
static void leave_out(struct trial *trials);
static size_t choose_trial(const struct trial *trials);
static int64_t learn_before(const struct training *t, size_t block);
static size_t rows_before(const struct training *t, int64_t before_s);
static bool in_block(const struct training *t, size_t block, size_t row);
static double try_settings(const struct training *t, const struct fit *fit, const struct setting *setting, size_t block,
	struct trial *trial);
static struct machine_settings settings_of(const struct fit *fit, const struct setting *setting);
static double precision(const struct training *t, size_t block, const double *scores);
static int judge(struct training *t);
static int finish(struct training *t);
static void weigh(struct training *t, const double *strengths);

char *
train_failure(const struct dataset *dataset, const struct train_settings *settings, size_t *length,
    struct text *error)
{
	struct training *t = calloc(1, sizeof(*t));
	char *text;

	if (t == NULL) {
		text_puts(error, "out of memory");
		return NULL;
	}
	t->dataset = dataset;
	t->settings = settings;
	t->rows_most = settings->rows_most == 0 ? TRAIN_ROWS_MOST : settings->rows_most;
	t->model = (struct model){ .horizon_s = settings->horizon_s, .from_s = settings->from_s,
		.to_s = settings->to_s, .seed = settings->seed, .library = machine_library_version(),
		.step_s = dataset->step_s, .metrics = dataset->metrics };
	text = train(t, length, error);
	feature_table_free(t->model.table);
	free(t->model.evidences);
	rows_fini(&t->pool.rows);
	free(t->pool.features);
	free(t->pool.times);
	free(t->scores);
	free(t->body);
	free(t);
	return text;
}

static char *
train(struct training *t, size_t *length, struct text *error)
{
	const struct train_settings *s = t->settings;
	char *text = NULL;
	int status;

	t->model.events = dataset_events(t->dataset, s->from_s, s->to_s);
	if (t->model.events < TRAIN_EVENTS_LEAST) {
		text_printf(error, "%zu incidents in the training span; at least %d are needed", t->model.events,
		    TRAIN_EVENTS_LEAST);
		return NULL;
	}
	status = collect(t);
	if (status == 0)
		status = describe(t);
	if (status == 0)
		status = choose(t);
	if (status == 0)
		status = judge(t);
	if (status == 0)
		status = finish(t);
	if (status == -EDOM) {	/* nothing can be foreseen: the base rate is the honest model */
		t->model.skill = false;
		status = 0;
	}
	if (status == 0)
		text = model_write(&t->model, t->model.skill ? t->body : "", t->model.skill ? t->body_length : 0,
		    length);
	if (text == NULL)
		text_puts(error, status == -ENODATA ? "too few rows before or in the calibration block" :
		    "out of memory");
	return text;
}

/* All positives of the span, and some of the negatives, with their features. */
static int
collect(struct training *t)
{
	const struct train_settings *s = t->settings;
	struct pool *pool = &t->pool;
	double span = (double)(s->to_s - s->from_s);

	for (int i = 0; i < 3; i++)
		t->cuts[i] = s->to_s - (int64_t)(span * BLOCK_SHARE * (2 - i));
	t->model.table = feature_table_new(t->dataset->metrics, t->dataset->metrics);
	if (t->model.table == NULL || !rows_collect(t->dataset, s->from_s, s->to_s, s->horizon_s, &pool->rows))
		return -ENOMEM;
	t->model.rows = pool->rows.count;
	t->model.positives = rows_positives(&pool->rows);
	if (t->model.positives == 0 || t->model.positives == t->model.rows)
		return -ENODATA;
	t->model.prevalence = (double)t->model.positives / (double)t->model.rows;
	pool->share = rows_thin(&pool->rows, POOL_NEGATIVES, s->seed);
	pool->width = t->model.table->count;
	pool->pseudo = PSEUDO_EVENTS * (double)t->model.positives / (double)t->model.events;
	pool->features = rows_features(t->model.table, t->dataset, &pool->rows, s->horizon_s);
	pool->times = calloc(pool->rows.count + 1, sizeof(*pool->times));
	t->scores = calloc(pool->rows.count + 1, sizeof(*t->scores));
	t->model.evidences = calloc(pool->width + 1, sizeof(*t->model.evidences));
	if (pool->features == NULL || pool->times == NULL || t->scores == NULL || t->model.evidences == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < pool->rows.count; i++) {
		const struct row *row = &pool->rows.list[i];

		t->scores[i] = (double)NAN;
		pool->times[i] = window_time(t->dataset->series[row->series].window, row->step);
	}
	return 0;
}

/* What is usual for each feature: the scalings say what is strange, and what a feature's median is. */
static int
describe(struct training *t)
{
	const struct pool *pool = &t->pool;
	size_t stride = 1 + pool->rows.count / DESCRIBED_ROWS;
	double *column = malloc((pool->rows.count + 1) * sizeof(*column));

	if (column == NULL)
		return -ENOMEM;
	for (size_t f = 0; f < pool->width; f++) {
		size_t n = 0;

		for (size_t i = 0; i < pool->rows.count; i += stride)
			column[n++] = pool_row(pool, i)[f];
		t->model.scalings[f] = scaling_fit(column, n);
	}
	free(column);
	return 0;
}

/* A setting tried on both blocks. */
struct trial {
	double *scores;		/* [row of the pool], NAN: in no block */
	double sum;		/* of average precision over the blocks; below 0: left out */
	size_t vectors;
};

static int
choose(struct training *t)
{
	struct trial trials[SETTINGS] = { 0 };
	size_t chosen = SETTINGS;
	int status = 0;

	for (size_t i = 0; i < SETTINGS; i++) {
		trials[i].scores = malloc((t->pool.rows.count + 1) * sizeof(double));
		if (trials[i].scores == NULL)
			status = -ENOMEM;
		for (size_t r = 0; status == 0 && r < t->pool.rows.count; r++)
			trials[i].scores[r] = (double)NAN;
	}
	if (status == 0)
		status = try_block(t, 1, trials);
	leave_out(trials);
	if (status == 0)
		status = try_block(t, 0, trials);
	if (status == -ENODATA && trials[0].vectors > 0)
		status = 0;	/* the older block has nothing to learn from before it; the newer one stands alone */
	if (status == 0)
		chosen = choose_trial(trials);
	if (chosen < SETTINGS) {
		t->chosen = &grid[chosen];
		memcpy(t->scores, trials[chosen].scores, t->pool.rows.count * sizeof(double));
	}
	for (size_t i = 0; i < SETTINGS; i++)
		free(trials[i].scores);
	/* No machine at all can't tell anything. */
	return status == 0 && chosen == SETTINGS ? -EDOM : status;
}

static int
try_block(struct training *t, size_t block, struct trial *trials)
{
	struct fit fit = { 0 };
	int status = fit_prepare(&fit, &t->pool, learn_before(t, block), rows_before(t, learn_before(t, block)),
	    t->settings->seed);

	for (size_t i = 0; i < SETTINGS && status == 0; i++) {
		if (trials[i].sum >= 0)
			trials[i].sum += try_settings(t, &fit, &grid[i], block, &trials[i]);
	}
	fit_fini(&fit);
	return status;
}

/* What is far behind on one block won't be ahead on both. */
static void
leave_out(struct trial *trials)
{
	double best = 0;

	for (size_t i = 0; i < SETTINGS; i++)
		best = fmax(best, trials[i].sum);
	for (size_t i = 0; i < SETTINGS; i++)
		if (trials[i].sum < best * (1 - FAR_BEHIND))
			trials[i].sum = -1;
}

/* SETTINGS: none. */
static size_t
choose_trial(const struct trial *trials)
{
	size_t chosen = SETTINGS;
	double best = -1, most = -1;	/* of the chosen one; of all */

	for (size_t i = 0; i < SETTINGS; i++) {
		double sum = trials[i].sum;

		if (trials[i].vectors == 0 || sum < 0)
			continue;
		if (grid[i].kernel == MACHINE_LINEAR ? sum >= most : sum > best + TIE
		    || (sum > best - TIE && trials[i].vectors < trials[chosen].vectors)) {
			best = fmax(best, sum);
			chosen = i;
		}
		most = fmax(most, sum);
	}
	return chosen;
}

/* Labels of rows before it are known a horizon before the block. */
static int64_t
learn_before(const struct training *t, size_t block)
{
	return t->cuts[block] - 2 * t->settings->horizon_s;
}

/* So many rows that positives are the part of them that they are in the sample of the whole span: decisions shift with
 * that part, and the curve is for those of the machine that ships. */
static size_t
rows_before(const struct training *t, int64_t before_s)
{
	double part = fmin((double)t->model.positives / (double)t->rows_most, 1.0 / 3), known = 0;

	for (size_t i = 0; i < t->pool.rows.count; i++)
		known += t->pool.rows.list[i].positive && t->pool.times[i] < before_s ? 1 : 0;
	return (size_t)fmin((double)t->rows_most, known / part);
}

static bool
in_block(const struct training *t, size_t block, size_t row)
{
	return t->pool.times[row] >= t->cuts[block] && t->pool.times[row] < t->cuts[block + 1];
}

/* Average precision on a block of a machine with these settings, 0 without any machine; scores of the block's rows. */
static double
try_settings(const struct training *t, const struct fit *fit, const struct setting *setting, size_t block,
    struct trial *trial)
{
	struct machine_settings settings = settings_of(fit, setting);
	double *scratch = malloc((fit->width + 1) * sizeof(*scratch)), result = 0;
	size_t length;
	char *body = NULL;
	struct machine *machine = fit_machine(fit, &settings, &body, &length);

	if (machine != NULL)
		trial->vectors = machine_vectors(machine);
	if (machine != NULL && scratch != NULL) {
		for (size_t i = 0; i < t->pool.rows.count; i++) {
			if (in_block(t, block, i))
				trial->scores[i] = fit_score(fit, machine, pool_row(&t->pool, i), scratch);
		}
		result = precision(t, block, trial->scores);
	}
	machine_free(machine);
	free(scratch);
	free(body);
	return result;
}

static struct machine_settings
settings_of(const struct fit *fit, const struct setting *setting)
{
	bool linear = setting->kernel == MACHINE_LINEAR;

	return (struct machine_settings){ .kind = MACHINE_CLASSIFY, .kernel = setting->kernel,
		.c = linear ? fit_gamma(fit, setting->c) : setting->c,
		.gamma = linear ? 0 : fit_gamma(fit, setting->gamma), .weight = setting->weight };
}

/* At the natural rate: the negatives stand for those that were left out. */
static double
precision(const struct training *t, size_t block, const double *scores)
{
	size_t count = t->pool.rows.count, n = 0;
	double *list = malloc((count + 1) * sizeof(*list)), *weights = malloc((count + 1) * sizeof(*weights));
	double result = -1;
	bool *positives = malloc((count + 1) * sizeof(*positives));

	for (size_t i = 0; i < count && list != NULL && weights != NULL && positives != NULL; i++) {
		const struct row *row = &t->pool.rows.list[i];

		if (!in_block(t, block, i))
			continue;
		list[n] = scores[i];
		weights[n] = (double)row->weight / (row->positive ? 1 : t->pool.share);
		positives[n++] = row->positive;
	}
	if (n > 0)
		result = average_precision(list, positives, weights, n);
	free(list);
	free(weights);
	free(positives);
	return isnan(result) ? 0 : result;
}

/* The curve, and whether there is any skill. */
static int
judge(struct training *t)
{
	struct judged *rows = malloc((t->pool.rows.count + 1) * sizeof(*rows));
	struct gate gate;
	size_t count = 0;
	int status;

	if (rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->pool.rows.count; i++) {
		const struct row *row = &t->pool.rows.list[i];

		if (isnan(t->scores[i]))
			continue;
		rows[count++] = (struct judged){ .series = row->series, .t = t->pool.times[i], .score = t->scores[i],
			.weight = (double)row->weight / (row->positive ? 1 : t->pool.share),
			.positive = row->positive };
	}
	status = gate_judge(rows, count, dataset_events(t->dataset, t->cuts[0], t->settings->to_s), t->pool.share,
	    t->settings->seed, &gate);
	free(rows);
	if (status != 0)
		return status;
	t->model.platt = gate.platt;
	t->model.skill = gate.skill >= GATE_SKILL && gate.sure >= GATE_SURE;
	return t->model.skill ? 0 : -EDOM;
}

/* The machine that ships, from the whole span. Too many vectors: from fewer rows. */
static int
finish(struct training *t)
{
	size_t most = t->rows_most;
	struct machine *machine = NULL;
	int status = 0;

	for (int attempt = 0; attempt < ATTEMPTS && status == 0 && machine == NULL; attempt++, most = most * 2 / 3) {
		struct fit fit;

		free(t->body);
		t->body = NULL;
		status = fit_prepare(&fit, &t->pool, INT64_MAX, most, t->settings->seed);
		if (status == 0) {
			t->model.settings = settings_of(&fit, t->chosen);
			machine = fit_machine(&fit, &t->model.settings, &t->body, &t->body_length);
			memcpy(t->model.evidences, fit.evidences, fit.width * sizeof(*fit.evidences));
			weigh(t, fit.strengths);
		}
		fit_fini(&fit);
	}
	if (status == 0 && machine == NULL)
		status = -EDOM;
	machine_free(machine);
	return status;
}

static void
weigh(struct training *t, const double *strengths)
{
	double weights[FEATURES_MAX];

	evidence_weigh(strengths, weights, t->pool.width);
	for (size_t f = 0; f < t->pool.width; f++)
		t->model.scalings[f].weight = weights[f];
}
