/* backtest.c -- forecasts of a past that the model hadn't seen.
 * In: datasets, or one and a span of time.  Out: what each contestant said, and how good that was.
 * Threads: see backtest.h.
 * Invariant: what is said of a moment comes from a model that was trained on rows whose outcome was known a horizon
 * before, and from samples and ended incidents of that moment's past. In backtest_apply() the model comes from another
 * folder, whose time doesn't matter. */
#include "backtest/backtest.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/csv.h"
#include "predict/features.h"
#include "predict/model.h"
#include "predict/train.h"

#define FOLDS 4
#define TIMED_ROWS 200		/* forecasts whose cost is measured */

static const double cuts[FOLDS + 1] = { 0.40, 0.55, 0.70, 0.85, 1.00 };

/* One part of a longer work, for progress. */
struct part {
	const struct backtest_settings *settings;
	double from, to;
};

static struct model *train_on(const struct dataset *dataset, int64_t from_s, int64_t to_s,
	const struct backtest_settings *settings, struct backtest *out, int *status);
static double natural_rate(const struct dataset *dataset, int64_t from_s, int64_t to_s, int64_t horizon_s);
static int score_span(const struct dataset *dataset, const struct dataset *train, const struct model *model,
	double base_rate, int64_t from_s, int64_t to_s, struct part part, struct backtest *out);
static int score_rows(const struct dataset *dataset, const struct dataset *train, const struct model *model,
	double base_rate, const struct rows *rows, struct part part, double *scores[CONTESTANT_COUNT]);
static bool append(struct backtest *out, const struct rows *rows, double *scores[CONTESTANT_COUNT]);
static int sort_rows(struct backtest *out);
static bool collect_all(const struct dataset *dataset, struct rows *rows);
static bool has_sample(const struct window *window, size_t step);
static bool keep_labelled(struct backtest *out, double *scores[CONTESTANT_COUNT]);
static int judge(struct backtest *out, uint64_t seed);
static void time_decisions(const struct dataset *dataset, const struct model *model, const struct rows *rows,
	struct backtest *out);
static void part_progress(void *arg, double done);
static double processor_s(void);
static void write_row(const struct backtest *backtest, struct csv *csv, size_t *series, FILE *to);
static double probability_at(const struct backtest *backtest, size_t series, int64_t time_s);
static int compare_places(const void *a, const void *b);

int
backtest_chain(const struct dataset *dataset, const struct backtest_settings *settings, struct backtest *out)
{
	int64_t begin_s = dataset_time_at(dataset, 0), horizon_s = settings->horizon_s;
	int status = 0;

	*out = (struct backtest){ .dataset = dataset, .horizon_s = horizon_s };
	for (size_t f = 0; f < FOLDS && status == 0; f++) {
		int64_t from_s = dataset_time_at(dataset, cuts[f]), to_s = dataset_time_at(dataset, cuts[f + 1]);
		/* What is known until a horizon before the fold; rows end a horizon earlier, for their outcomes. */
		struct model *model = train_on(dataset, begin_s, from_s - horizon_s, settings, out, &status);
		double rate = model != NULL ? model->prevalence :
		    natural_rate(dataset, begin_s, from_s - horizon_s, horizon_s);
		struct part part = { settings, (double)f / FOLDS, (double)(f + 1) / FOLDS };

		/* A fold's last rows look into the next one: there is no gap between folds. */
		if (status == 0)
			status = score_span(dataset, dataset, model, rate, from_s, f + 1 < FOLDS ? to_s + horizon_s :
			    to_s, part, out);
		model_free(model);
	}
	if (status == 0)
		status = sort_rows(out);
	if (status == 0)
		status = judge(out, settings->seed);
	return status;
}

int
backtest_replay(const struct dataset *dataset, const struct model *model, int64_t from_s, int64_t to_s,
    const struct backtest_settings *settings, struct backtest *out)
{
	int64_t begin_s = dataset_time_at(dataset, 0), horizon_s = settings->horizon_s;
	struct part part = { settings, 0, 1 };
	struct model *trained = NULL;
	double rate;
	int status = 0;

	*out = (struct backtest){ .dataset = dataset, .horizon_s = horizon_s };
	if (model == NULL)
		model = trained = train_on(dataset, begin_s, from_s - horizon_s, settings, out, &status);
	else if (model->from_s < to_s && from_s < model->to_s + horizon_s) {
		from_s = model->to_s + horizon_s;
		text_puts(&out->notes, "the model was trained on a part of the span: it's scored on what is behind\n");
	}
	rate = model != NULL ? model->prevalence : natural_rate(dataset, begin_s, from_s - horizon_s, horizon_s);
	if (status == 0)
		status = score_span(dataset, dataset, model, rate, from_s, to_s, part, out);
	if (status == 0)
		status = judge(out, settings->seed);
	model_free(trained);
	return status;
}

int
backtest_apply(const struct dataset *train, const struct dataset *test, const struct backtest_settings *settings,
    struct backtest *out)
{
	int64_t from_s = dataset_time_at(train, 0), to_s = dataset_time_at(train, 1);
	struct part part = { settings, 0.05, 1 };
	double *scores[CONTESTANT_COUNT] = { 0 };
	struct model *model;
	int status = 0;

	*out = (struct backtest){ .dataset = test, .horizon_s = settings->horizon_s };
	model = train_on(train, from_s, to_s, settings, out, &status);
	out->base_rate = model != NULL ? model->prevalence : natural_rate(train, from_s, to_s, settings->horizon_s);
	if (status == 0 && !collect_all(test, &out->all))
		status = -ENOMEM;
	for (size_t c = 0; c < CONTESTANT_COUNT && status == 0; c++) {
		scores[c] = malloc((out->all.count + 1) * sizeof(double));
		status = scores[c] == NULL ? -ENOMEM : 0;
	}
	if (status == 0)
		status = score_rows(test, train, model, out->base_rate, &out->all, part, scores);
	if (status == 0 && model != NULL)
		time_decisions(test, model, &out->all, out);
	if (status == 0 && !keep_labelled(out, scores))
		status = -ENOMEM;
	if (status == 0)
		status = judge(out, settings->seed);
	if (status == 0) {
		out->probabilities = scores[CONTESTANT_MODEL];
		scores[CONTESTANT_MODEL] = NULL;
	}
	for (size_t c = 0; c < CONTESTANT_COUNT; c++)
		free(scores[c]);
	model_free(model);
	return status;
}

/* NULL with *status 0: there was too little to learn from, which is noted. */
static struct model *
train_on(const struct dataset *dataset, int64_t from_s, int64_t to_s, const struct backtest_settings *settings,
    struct backtest *out, int *status)
{
	struct train_settings s = { .from_s = from_s, .to_s = to_s, .horizon_s = settings->horizon_s,
		.seed = settings->seed };
	struct model *model = NULL;
	struct text error = { 0 };
	double begin = processor_s();
	size_t length;
	char *bytes = train_failure(dataset, &s, &length, &error);

	if (bytes != NULL)
		model = model_read(bytes, length, &error);
	out->trainings++;
	out->train_s = fmax(out->train_s, processor_s() - begin);
	if (bytes != NULL && model == NULL)
		*status = -EIO;
	if (model == NULL)
		text_printf(&out->notes, "no model: %s\n", error.bytes == NULL ? "" : error.bytes);
	else if (!model->skill)
		text_puts(&out->notes, "nothing could be foreseen: the model says the base rate\n");
	if (model != NULL && model->skill) {
		size_t vectors = machine_vectors(model->machine);

		out->skilled++;
		out->vectors = vectors > out->vectors ? vectors : out->vectors;
	}
	text_fini(&error);
	free(bytes);
	return model;
}

/* Of positive rows. Where nothing ever happened: as if it were about to once. */
static double
natural_rate(const struct dataset *dataset, int64_t from_s, int64_t to_s, int64_t horizon_s)
{
	struct rows rows;
	double rate;

	if (!rows_collect(dataset, from_s, to_s, horizon_s, &rows))
		return 0;
	rate = ((double)rows_positives(&rows) + 1) / ((double)rows.count + 2);
	rows_fini(&rows);
	return rate;
}

static int
score_span(const struct dataset *dataset, const struct dataset *train, const struct model *model, double base_rate,
    int64_t from_s, int64_t to_s, struct part part, struct backtest *out)
{
	struct rows rows = { 0 };
	double *scores[CONTESTANT_COUNT] = { 0 };
	int status = rows_collect(dataset, from_s, to_s, out->horizon_s, &rows) ? 0 : -ENOMEM;

	for (size_t c = 0; c < CONTESTANT_COUNT && status == 0; c++) {
		scores[c] = malloc((rows.count + 1) * sizeof(double));
		status = scores[c] == NULL ? -ENOMEM : 0;
	}
	if (status == 0)
		status = score_rows(dataset, train, model, base_rate, &rows, part, scores);
	if (status == 0 && model != NULL)
		time_decisions(dataset, model, &rows, out);
	if (status == 0 && !append(out, &rows, scores))
		status = -ENOMEM;
	for (size_t c = 0; c < CONTESTANT_COUNT; c++)
		free(scores[c]);
	rows_fini(&rows);
	return status;
}

/* Without a model all say the base rate. */
static int
score_rows(const struct dataset *dataset, const struct dataset *train, const struct model *model, double base_rate,
    const struct rows *rows, struct part part, double *scores[CONTESTANT_COUNT])
{
	struct contest *contest = model == NULL ? NULL : contest_new(train, model);
	int status;

	if (model != NULL && contest == NULL)
		return -ENOMEM;
	if (contest == NULL) {
		for (size_t i = 0; i < rows->count * CONTESTANT_COUNT; i++)
			scores[i % CONTESTANT_COUNT][i / CONTESTANT_COUNT] = base_rate;
		return 0;
	}
	status = contest_score(contest, dataset, rows, scores, part_progress, &part);
	contest_free(contest);
	return status;
}

static void
part_progress(void *arg, double done)
{
	const struct part *part = arg;

	if (part->settings->progress != NULL)
		part->settings->progress(part->settings->arg, part->from + done * (part->to - part->from));
}

static bool
append(struct backtest *out, const struct rows *rows, double *scores[CONTESTANT_COUNT])
{
	size_t count = out->rows.count + rows->count;
	struct row *list = realloc(out->rows.list, (count + 1) * sizeof(*list));

	if (list == NULL)
		return false;
	out->rows.list = list;
	for (size_t c = 0; c < CONTESTANT_COUNT; c++) {
		double *longer = realloc(out->scores[c], (count + 1) * sizeof(*longer));

		if (longer == NULL)
			return false;
		out->scores[c] = longer;
		memcpy(longer + out->rows.count, scores[c], rows->count * sizeof(*longer));
	}
	if (rows->count > 0)
		memcpy(list + out->rows.count, rows->list, rows->count * sizeof(*list));
	out->rows.count = count;
	return true;
}

struct place {
	struct row row;
	size_t from;
};

/* By series, then time: folds were appended one after the other. */
static int
sort_rows(struct backtest *out)
{
	struct place *places = malloc((out->rows.count + 1) * sizeof(*places));
	double *sorted = malloc((out->rows.count + 1) * sizeof(*sorted));

	for (size_t i = 0; places != NULL && i < out->rows.count; i++)
		places[i] = (struct place){ out->rows.list[i], i };
	if (places != NULL && sorted != NULL)
		qsort(places, out->rows.count, sizeof(*places), compare_places);
	for (size_t c = 0; places != NULL && sorted != NULL && c < CONTESTANT_COUNT; c++) {
		for (size_t i = 0; i < out->rows.count; i++)
			sorted[i] = out->scores[c][places[i].from];
		memcpy(out->scores[c], sorted, out->rows.count * sizeof(*sorted));
	}
	for (size_t i = 0; places != NULL && i < out->rows.count; i++)
		out->rows.list[i] = places[i].row;
	free(sorted);
	free(places);
	return sorted != NULL && places != NULL ? 0 : -ENOMEM;
}

static int
compare_places(const void *a, const void *b)
{
	const struct row *x = &((const struct place *)a)->row, *y = &((const struct place *)b)->row;

	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	return (x->step > y->step) - (x->step < y->step);
}

static bool
collect_all(const struct dataset *dataset, struct rows *rows)
{
	size_t size = 0;

	for (size_t s = 0; s < dataset->count; s++)
		size += dataset->series[s].window->length;
	rows->list = malloc((size + 1) * sizeof(*rows->list));
	if (rows->list == NULL)
		return false;
	for (size_t s = 0; s < dataset->count; s++) {
		const struct window *window = dataset->series[s].window;

		for (size_t step = 0; step < window->length; step++) {
			if (has_sample(window, step))
				rows->list[rows->count++] = (struct row){ .series = (uint32_t)s,
					.step = (uint32_t)step, .weight = 1 };
		}
	}
	return true;
}

static bool
has_sample(const struct window *window, size_t step)
{
	for (size_t m = 0; m < window->metrics->count; m++) {
		if (window->values[m] != NULL && !isnan(window->values[m][step]))
			return true;
	}
	return false;
}

/* Of all rows, those whose outcome is known go to be scored. Both lists have one order. */
static bool
keep_labelled(struct backtest *out, double *scores[CONTESTANT_COUNT])
{
	size_t kept = 0, at = 0;

	if (!rows_collect(out->dataset, INT64_MIN / 2, INT64_MAX / 2, out->horizon_s, &out->rows))
		return false;
	for (size_t c = 0; c < CONTESTANT_COUNT; c++) {
		out->scores[c] = malloc((out->rows.count + 1) * sizeof(double));
		if (out->scores[c] == NULL)
			return false;
	}
	for (size_t i = 0; i < out->rows.count; i++) {
		const struct row row = out->rows.list[i];

		while (at < out->all.count && (out->all.list[at].series < row.series ||
		    (out->all.list[at].series == row.series && out->all.list[at].step < row.step)))
			at++;
		if (at == out->all.count)
			break;
		if (out->all.list[at].series != row.series || out->all.list[at].step != row.step)
			continue;
		for (size_t c = 0; c < CONTESTANT_COUNT; c++)
			out->scores[c][kept] = scores[c][at];
		out->rows.list[kept++] = row;
	}
	out->rows.count = kept;
	return true;
}

static int
judge(struct backtest *out, uint64_t seed)
{
	double sum = 0;
	int status;

	for (size_t i = 0; i < out->rows.count; i++)
		sum += out->scores[CONTESTANT_BASE_RATE][i];
	if (out->rows.count > 0)
		out->base_rate = sum / (double)out->rows.count;
	status = compare_rows(out->dataset, &out->rows, out->scores, out->horizon_s, out->base_rate, seed,
	    &out->comparison);
	out->judged = status == 0;
	if (status == -ENODATA)
		text_puts(&out->notes, out->rows.count == 0 ? "no row whose outcome is known\n" :
		    "no incident to foresee in what was scored\n");
	for (size_t i = 0; i < out->rows.count; i++) {
		const struct row *row = &out->rows.list[i];
		int64_t t = window_time(out->dataset->series[row->series].window, row->step);

		if (i == 0 || t < out->comparison.from_s)
			out->comparison.from_s = t;
		if (i == 0 || t > out->comparison.to_s)
			out->comparison.to_s = t;
	}
	return status == -ENODATA ? 0 : status;
}

/* Features and decision, as in service; rows all over the list. */
static void
time_decisions(const struct dataset *dataset, const struct model *model, const struct rows *rows,
    struct backtest *out)
{
	struct feature_table *table = feature_table_new(model->metrics, dataset->metrics);
	double *features = malloc((model->table->count + 1) * sizeof(*features)), begin = processor_s(), sum = 0;
	size_t timed = rows->count < TIMED_ROWS ? rows->count : TIMED_ROWS;

	for (size_t i = 0; table != NULL && features != NULL && i < timed; i++) {
		const struct row *row = &rows->list[i * rows->count / timed];

		features_compute(table, dataset, row->series, row->step, model->horizon_s, features);
		sum += model_probability(model, features);
	}
	if (timed > 0 && sum >= 0)
		out->decide_s = fmax(out->decide_s, (processor_s() - begin) / (double)timed);
	feature_table_free(table);
	free(features);
}

static double
processor_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void
backtest_fini(struct backtest *backtest)
{
	for (size_t c = 0; c < CONTESTANT_COUNT; c++)
		free(backtest->scores[c]);
	rows_fini(&backtest->rows);
	rows_fini(&backtest->all);
	free(backtest->probabilities);
	text_fini(&backtest->notes);
	*backtest = (struct backtest){ 0 };
}

int
backtest_write(const struct backtest *backtest, const char *folder, const char *path, struct diags *diags)
{
	static const char *const names[] = { "timestamp", "series" };
	size_t columns[ARRAY_SIZE(names)], series = 0;
	struct csv *csv = malloc(sizeof(*csv));
	FILE *to = fopen(path, "w");
	int status = to == NULL ? -errno : csv == NULL ? -ENOMEM : 0;
	bool opened = status == 0 && csv_open(csv, folder, "metrics.csv.gz", diags);

	if (opened && csv_columns(csv, names, ARRAY_SIZE(names), columns)) {
		fputs("timestamp,series,probability\n", to);
		while (csv_row(csv))
			write_row(backtest, csv, &series, to);
	}
	if (opened)
		csv_close(csv);
	if (to != NULL && (ferror(to) | fclose(to)) != 0 && status == 0)
		status = -EIO;
	if (status != 0)
		diag_error(diags, (struct diag_place){ .file = path }, NULL, "can't be written: %s", strerror(-status));
	free(csv);
	return status == 0 && diag_failed(diags) ? -EINVAL : status;
}

/* dataset_read() has checked the first two columns. */
static void
write_row(const struct backtest *backtest, struct csv *csv, size_t *series, FILE *to)
{
	const struct dataset *dataset = backtest->dataset;
	int64_t time_s;

	if (!csv_time(csv, 0, &time_s))
		return;
	if (*series >= dataset->count || strcmp(dataset->series[*series].name, csv->fields[1]) != 0)
		*series = dataset_find(dataset, csv->fields[1]);
	fprintf(to, "%s,%s,%.6g\n", csv->fields[0], csv->fields[1],
	    *series < dataset->count ? probability_at(backtest, *series, time_s) : backtest->base_rate);
}

static double
probability_at(const struct backtest *backtest, size_t series, int64_t time_s)
{
	size_t step, low = 0, high = backtest->all.count;
	struct place wanted;

	if (!window_index(backtest->dataset->series[series].window, time_s, &step))
		return backtest->base_rate;
	wanted.row = (struct row){ .series = (uint32_t)series, .step = (uint32_t)step };
	while (low < high) {
		size_t middle = (low + high) / 2;
		struct place here = { .row = backtest->all.list[middle] };
		int order = compare_places(&here, &wanted);

		if (order == 0)
			return backtest->probabilities[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return backtest->base_rate;
}
