/* anomaly_folder.c -- anomaly scores of a dataset.
 * In: labelled series.  Out: scores of three methods.  Threads: see anomaly_folder.h.
 * The labelled time of a series is cut into blocks; each is scored by models of all that is older, once that is a day.
 * So a level that has shifted is learnt in time, as in service, where models are fitted daily. */
#include "backtest/anomaly_folder.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backtest/forest.h"
#include "predict/anomaly.h"
#include "predict/evaluate.h"
#include "predict/scaling.h"

#define BLOCKS 6
#define DAY_S 86400
#define EWMA_ALPHA (2.0 / 121)
#define EWMA_NOISE 0.01		/* variance that a scaled level has at least */
#define THRESHOLDS 400

static const double cuts[BLOCKS + 1] = { 0, 0.2, 0.4, 0.55, 0.7, 0.85, 1 };

const char *const anomaly_method_names[ANOMALY_METHOD_COUNT] = {
	[ANOMALY_OURS] = "one-class SVM",
	[ANOMALY_FOREST] = "isolation forest",
	[ANOMALY_EWMA] = "EWMA z-score",
};

struct scored {
	uint32_t series;
	bool positive;
	int64_t t;
	double scores[ANOMALY_METHOD_COUNT];
};

struct scoring {
	const struct dataset *dataset;
	uint64_t seed;
	struct scored *list;
	size_t count, size;
	double sums[ANOMALY_METHOD_COUNT];	/* of the series' average precisions */
	double train_s;
	size_t trainings;
	struct anomaly_scores *out;
};

/* One series: the steps that have a sample, and what models see of them. */
struct history {
	const struct dataset_series *series;
	uint32_t index;
	size_t *steps, count, width;
	double *rows, *scaled;
};

static int score_series(struct scoring *s, uint32_t index);
static bool history_of(struct history *h, const struct dataset *dataset, uint32_t index);
static void history_fini(struct history *h);
static int score_block(struct scoring *s, struct history *h, size_t first, size_t end);
static void scale(struct history *h, size_t learnt, size_t end);
static void moving_distances(const struct history *h, size_t end, double *out);
static int add_scores(struct scoring *s, const struct history *h, size_t step, const double *scores);
static bool inside(const struct incidents *incidents, int64_t t);
static double series_precision(const struct scoring *s, size_t first, size_t method);
static int summarize(struct scoring *s);
static size_t events_of(const struct scoring *s);
static double best_recall(const struct scoring *s, size_t method, const double *sorted);
static void count_alarms(const struct scoring *s, size_t method, double threshold, size_t *found, size_t *wrong);
static int compare_descending(const void *a, const void *b);

int
anomaly_score_dataset(const struct dataset *dataset, uint64_t seed, struct anomaly_scores *out,
    void (*progress)(void *arg, double done), void *arg)
{
	struct scoring s = { .dataset = dataset, .seed = seed, .out = out };
	int status = 0;

	*out = (struct anomaly_scores){ 0 };
	for (size_t i = 0; i < dataset->count && status == 0; i++) {
		status = score_series(&s, (uint32_t)i);
		if (progress != NULL)
			progress(arg, (double)(i + 1) / (double)dataset->count);
	}
	if (status == 0)
		status = s.count == 0 ? -ENODATA : summarize(&s);
	free(s.list);
	return status;
}

static int
score_series(struct scoring *s, uint32_t index)
{
	struct history h;
	const struct dataset_series *series = &s->dataset->series[index];
	size_t first = s->count, positives = 0;
	int64_t from_s, span_s = series->label_to_s - series->label_from_s;
	int status = 0;

	if (series->incidents.count == 0)
		return 0;
	if (!history_of(&h, s->dataset, index))
		return -ENOMEM;
	from_s = h.count == 0 ? 0 : window_time(series->window, h.steps[0]);
	for (size_t b = 0, at = 0, end; b < BLOCKS && status == 0; b++, at = end) {
		int64_t begin_s = series->label_from_s + (int64_t)(cuts[b] * (double)span_s);
		int64_t end_s = series->label_from_s + (int64_t)(cuts[b + 1] * (double)span_s);

		while (at < h.count && window_time(series->window, h.steps[at]) < begin_s)
			at++;
		for (end = at; end < h.count && window_time(series->window, h.steps[end]) < end_s;)
			end++;
		if (end > at && at >= ANOMALY_ROWS_LEAST && begin_s - from_s >= DAY_S)
			status = score_block(s, &h, at, end);
	}
	for (size_t i = first; i < s->count; i++)
		positives += s->list[i].positive;
	if (positives == 0) {
		s->count = first;
	} else {
		for (size_t m = 0; m < ANOMALY_METHOD_COUNT; m++)
			s->sums[m] += series_precision(s, first, m);
		s->out->series++;
		s->out->series_days += (double)(s->list[s->count - 1].t - s->list[first].t) / DAY_S;
	}
	history_fini(&h);
	return status;
}

static bool
history_of(struct history *h, const struct dataset *dataset, uint32_t index)
{
	const struct window *window = dataset->series[index].window;

	*h = (struct history){ .series = &dataset->series[index], .index = index,
		.width = anomaly_width(window->metrics) };
	h->steps = malloc((window->length + 1) * sizeof(*h->steps));
	for (size_t step = 0; h->steps != NULL && step < window->length; step++) {
		bool known = false;

		for (size_t m = 0; m < window->metrics->count && !known; m++)
			known = window->values[m] != NULL && !isnan(window->values[m][step]);
		if (known)
			h->steps[h->count++] = step;
	}
	h->rows = malloc((h->count * h->width + 1) * sizeof(double));
	h->scaled = malloc((h->count * h->width + 1) * sizeof(double));
	if (h->steps == NULL || h->rows == NULL || h->scaled == NULL) {
		history_fini(h);
		return false;
	}
	for (size_t i = 0; i < h->count; i++)
		anomaly_row(window, h->steps[i], h->rows + i * h->width);
	return true;
}

static void
history_fini(struct history *h)
{
	free(h->steps);
	free(h->rows);
	free(h->scaled);
}

/* Rows [first, end) by models of rows [0, first). */
static int
score_block(struct scoring *s, struct history *h, size_t first, size_t end)
{
	struct text error = { 0 };
	size_t length;
	clock_t begin = clock();
	char *text = anomaly_train(h->rows, first, h->width, s->seed, &length, &error);
	struct anomaly *anomaly = text == NULL ? NULL : anomaly_read(text, length, &error);
	struct forest *forest = NULL;
	double *distances = malloc((end + 1) * sizeof(*distances));
	int status = 0;

	s->train_s += (double)(clock() - begin) / CLOCKS_PER_SEC;
	s->trainings++;
	scale(h, first, end);
	forest = forest_new(h->scaled, first, h->width, s->seed);
	if (anomaly == NULL || forest == NULL || distances == NULL)
		status = -ENOMEM;
	else
		moving_distances(h, end, distances);
	for (size_t i = first; i < end && status == 0; i++) {
		const double scores[ANOMALY_METHOD_COUNT] = {
			[ANOMALY_OURS] = anomaly_rank(anomaly, h->rows + i * h->width),
			[ANOMALY_FOREST] = forest_score(forest, h->scaled + i * h->width),
			[ANOMALY_EWMA] = distances[i],
		};

		status = add_scores(s, h, h->steps[i], scores);
	}
	text_fini(&error);
	anomaly_free(anomaly);
	forest_free(forest);
	free(distances);
	free(text);
	return status;
}

/* What the forest sees: the same rows, squashed by the scalings of those that are learnt from. */
static void
scale(struct history *h, size_t learnt, size_t end)
{
	double *column = malloc((learnt + 1) * sizeof(*column));

	for (size_t k = 0; column != NULL && k < h->width; k++) {
		struct scaling scaling;

		for (size_t i = 0; i < learnt; i++)
			column[i] = h->rows[i * h->width + k];
		scaling = scaling_fit(column, learnt);
		for (size_t i = 0; i < end; i++)
			h->scaled[i * h->width + k] = scaling_apply(&scaling, h->rows[i * h->width + k]);
	}
	free(column);
}

static void
moving_distances(const struct history *h, size_t end, double *out)
{
	memset(out, 0, end * sizeof(*out));
	for (size_t k = 0; k < h->width; k += 2) {	/* levels; between them is what they are against the mean */
		double mean = h->scaled[k], variance = 0;

		for (size_t i = 1; i < end; i++) {
			double off = h->scaled[i * h->width + k] - mean;

			out[i] = fmax(out[i], fabs(off) / sqrt(variance + EWMA_NOISE));
			mean += EWMA_ALPHA * off;
			variance = (1 - EWMA_ALPHA) * (variance + EWMA_ALPHA * off * off);
		}
	}
}

static int
add_scores(struct scoring *s, const struct history *h, size_t step, const double *scores)
{
	struct scored *entry;

	if (s->count == s->size) {
		size_t size = s->size == 0 ? 4096 : 2 * s->size;
		struct scored *list = realloc(s->list, size * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		s->list = list;
		s->size = size;
	}
	entry = &s->list[s->count++];
	*entry = (struct scored){ .series = h->index, .t = window_time(h->series->window, step) };
	entry->positive = inside(&h->series->incidents, entry->t);
	memcpy(entry->scores, scores, sizeof(entry->scores));
	return 0;
}

static bool
inside(const struct incidents *incidents, int64_t t)
{
	size_t next = incidents_after(incidents, t);

	return next > 0 && t < incidents->list[next - 1].end_s;
}

static double
series_precision(const struct scoring *s, size_t first, size_t method)
{
	size_t count = s->count - first;
	double *scores = malloc((count + 1) * sizeof(*scores)), result = (double)NAN;
	bool *positives = malloc((count + 1) * sizeof(*positives));

	for (size_t i = 0; scores != NULL && positives != NULL && i < count; i++) {
		scores[i] = s->list[first + i].scores[method];
		positives[i] = s->list[first + i].positive;
	}
	if (scores != NULL && positives != NULL)
		result = average_precision(scores, positives, NULL, count);
	free(scores);
	free(positives);
	return result;
}

static int
summarize(struct scoring *s)
{
	struct anomaly_scores *out = s->out;
	double *scores = malloc(s->count * sizeof(*scores));
	bool *positives = malloc(s->count * sizeof(*positives));

	if (scores == NULL || positives == NULL) {
		free(scores);
		free(positives);
		return -ENOMEM;
	}
	out->rows = s->count;
	out->events = events_of(s);
	out->train_s = s->train_s / (double)s->trainings;
	for (size_t m = 0; m < ANOMALY_METHOD_COUNT; m++) {
		size_t count = 0;

		for (size_t i = 0; i < s->count; i++) {
			scores[i] = s->list[i].scores[m];
			positives[i] = s->list[i].positive;
			count += positives[i];
		}
		out->prevalence = (double)count / (double)s->count;
		out->average_precision[m] = s->sums[m] / (double)out->series;
		out->pooled[m] = average_precision(scores, positives, NULL, s->count);
		out->roc_auc[m] = roc_auc(scores, positives, s->count);
		qsort(scores, s->count, sizeof(*scores), compare_descending);
		out->recall[m] = best_recall(s, m, scores);
	}
	free(scores);
	free(positives);
	return 0;
}

/* Incidents that have a scored row: runs of positives, which incidents never share. */
static size_t
events_of(const struct scoring *s)
{
	size_t found, wrong;

	count_alarms(s, 0, -INFINITY, &found, &wrong);
	return found;
}

static double
best_recall(const struct scoring *s, size_t method, const double *sorted)
{
	double before = INFINITY;
	size_t best = 0;

	for (size_t k = 0; k < THRESHOLDS; k++) {
		double share = (double)k / (THRESHOLDS - 1);
		double threshold = sorted[(size_t)(exp(share * log((double)s->count)) + 0.5) - 1];
		size_t found, wrong;

		if (!(threshold < before))
			continue;
		before = threshold;
		count_alarms(s, method, threshold, &found, &wrong);
		if ((double)wrong <= s->out->series_days && found > best)
			best = found;
	}
	return s->out->events > 0 ? (double)best / (double)s->out->events : (double)NAN;
}

/* False alarms re-arm after an hour; an incident is found by the first row in it that reaches the threshold. */
static void
count_alarms(const struct scoring *s, size_t method, double threshold, size_t *found, size_t *wrong)
{
	const struct incident *last = NULL;
	int64_t armed_from = INT64_MIN;

	*found = *wrong = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct scored *row = &s->list[i];
		const struct incidents *incidents = &s->dataset->series[row->series].incidents;

		if (i > 0 && row->series != s->list[i - 1].series)
			armed_from = INT64_MIN;
		if (!(row->scores[method] >= threshold))
			continue;
		if (row->positive) {
			const struct incident *here = &incidents->list[incidents_after(incidents, row->t) - 1];

			*found += here != last;
			last = here;
		} else if (row->t >= armed_from) {
			++*wrong;
			armed_from = row->t + ANOMALY_REARM_S;
		}
	}
}

static int
compare_descending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

void
anomaly_scores_print(const struct anomaly_scores *scores, struct text *out)
{
	text_printf(out, "%zu series, %zu rows, %.1f %% of them in %zu incidents\n", scores->series, scores->rows,
	    100 * scores->prevalence, scores->events);
	text_printf(out, "%-20s %8s %9s %8s %8s\n", "", "AP", "AP pooled", "ROC AUC", "recall");
	for (size_t m = 0; m < ANOMALY_METHOD_COUNT; m++)
		text_printf(out, "%-20s %8.4f %9.4f %8.4f %8.3f\n", anomaly_method_names[m],
		    scores->average_precision[m], scores->pooled[m], scores->roc_auc[m], scores->recall[m]);
}
