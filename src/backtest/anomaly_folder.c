/* anomaly_folder.c -- anomaly scores of a dataset.
 * In: labelled series.  Out: scores of three methods.  Threads: see anomaly_folder.h.
 * The labelled time of a series is cut into blocks; each is scored by models of all that is older, once that is a day.
 * So a level that has shifted is learnt in time, as in service, where models are fitted daily. As there, what lay in an
 * incident isn't learnt, by none of the methods, and a rank is one among the machines of all series. */
#include "backtest/anomaly_folder.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backtest/forest.h"
#include "predict/anomalies.h"
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

struct history;

struct scoring {
	const struct dataset *dataset;
	uint64_t seed;
	struct history *histories;
	size_t history_count;
	struct scored *list;
	size_t count, size;
	double sums[ANOMALY_METHOD_COUNT];	/* of the series' average precisions */
	double train_s;
	size_t trainings;
	struct anomaly_scores *out;
};

/* One series: the steps that have a sample, what models see of them, and the models of one block. */
struct history {
	const struct dataset_series *series;
	uint32_t index;
	size_t *steps, count, width;
	double *rows, *scaled, *taught;
	size_t at, end;			/* the rows that are scored now; models are of those before `at` */
	struct anomaly *anomaly;	/* NULL: too little is older */
	struct forest *forest;
};

static int histories_open(struct scoring *s);
static void histories_close(struct scoring *s);
static bool history_of(struct history *h, const struct dataset *dataset, uint32_t index);
static void history_fini(struct history *h);
static int score_block(struct scoring *s, size_t block);
static void find_block(struct history *h, size_t block);
static int fit_block(struct scoring *s, struct history *h);
static size_t select_taught(struct history *h);
static void forget_block(struct history *h);
static int score_rows(struct scoring *s, const struct history *h, const struct anomaly *const *machines, size_t count);
static void sum_series(struct scoring *s);
static void scale(struct history *h, size_t learnt, size_t end);
static void moving_distances(const struct history *h, size_t end, double *out);
static int add_scores(struct scoring *s, const struct history *h, size_t step, const double *scores);
static double series_precision(const struct scoring *s, size_t first, size_t count, size_t method);
static int summarize(struct scoring *s);
static size_t events_of(const struct scoring *s);
static double best_recall(const struct scoring *s, size_t method, const double *sorted);
static void count_alarms(const struct scoring *s, size_t method, double threshold, size_t *found, size_t *wrong);
static int compare_rows_by_time(const void *a, const void *b);
static int compare_descending(const void *a, const void *b);

int
anomaly_score_dataset(const struct dataset *dataset, uint64_t seed, struct anomaly_scores *out,
    void (*progress)(void *arg, double done), void *arg)
{
	struct scoring s = { .dataset = dataset, .seed = seed, .out = out };
	int status;

	*out = (struct anomaly_scores){ 0 };
	status = histories_open(&s);
	for (size_t b = 0; b < BLOCKS && status == 0; b++) {
		status = score_block(&s, b);
		if (progress != NULL)
			progress(arg, (double)(b + 1) / BLOCKS);
	}
	histories_close(&s);
	if (status == 0) {
		sum_series(&s);
		status = s.count == 0 ? -ENODATA : summarize(&s);
	}
	free(s.list);
	return status;
}

static int
histories_open(struct scoring *s)
{
	s->histories = calloc(s->dataset->count + 1, sizeof(*s->histories));
	for (size_t i = 0; s->histories != NULL && i < s->dataset->count; i++) {
		if (s->dataset->series[i].incidents.count == 0)
			continue;
		if (!history_of(&s->histories[s->history_count], s->dataset, (uint32_t)i))
			return -ENOMEM;
		s->history_count++;
	}
	return s->histories == NULL ? -ENOMEM : 0;
}

static void
histories_close(struct scoring *s)
{
	for (size_t i = 0; i < s->history_count; i++)
		history_fini(&s->histories[i]);
	free(s->histories);
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
	h->taught = malloc((h->count * h->width + 1) * sizeof(double));
	if (h->steps == NULL || h->rows == NULL || h->scaled == NULL || h->taught == NULL) {
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
	free(h->taught);
}

/* All machines first, since a rank is one among all of them. */
static int
score_block(struct scoring *s, size_t block)
{
	const struct anomaly **machines = calloc(s->history_count + 1, sizeof(*machines));
	size_t count = 0;
	int status = machines == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < s->history_count && status == 0; i++) {
		struct history *h = &s->histories[i];

		find_block(h, block);
		if (h->end > h->at && h->at >= ANOMALY_ROWS_LEAST &&
		    window_time(h->series->window, h->steps[h->at]) -
		    window_time(h->series->window, h->steps[0]) >= DAY_S)
			status = fit_block(s, h);
		if (h->anomaly != NULL)
			machines[count++] = h->anomaly;
	}
	for (size_t i = 0; i < s->history_count && status == 0; i++) {
		if (s->histories[i].anomaly != NULL)
			status = score_rows(s, &s->histories[i], machines, count);
	}
	for (size_t i = 0; i < s->history_count; i++)
		forget_block(&s->histories[i]);
	free(machines);
	return status;
}

static void
find_block(struct history *h, size_t block)
{
	const struct dataset_series *series = h->series;
	int64_t span_s = series->label_to_s - series->label_from_s;
	int64_t begin_s = series->label_from_s + (int64_t)(cuts[block] * (double)span_s);
	int64_t end_s = series->label_from_s + (int64_t)(cuts[block + 1] * (double)span_s);

	h->at = h->end;
	while (h->at < h->count && window_time(series->window, h->steps[h->at]) < begin_s)
		h->at++;
	for (h->end = h->at; h->end < h->count && window_time(series->window, h->steps[h->end]) < end_s;)
		h->end++;
}

/* With too few rows outside of incidents there are no models. */
static int
fit_block(struct scoring *s, struct history *h)
{
	struct text error = { 0 };
	size_t length, taught = select_taught(h);
	clock_t begin = clock();
	char *text;

	if (taught < ANOMALY_ROWS_LEAST)
		return 0;
	text = anomaly_train(h->taught, taught, h->width, s->seed, &length, &error);
	h->anomaly = text == NULL ? NULL : anomaly_read(text, length, &error);
	s->train_s += (double)(clock() - begin) / CLOCKS_PER_SEC;
	s->trainings++;
	scale(h, taught, h->end);
	h->forest = forest_new(h->taught, taught, h->width, s->seed);
	text_fini(&error);
	free(text);
	return h->anomaly == NULL || h->forest == NULL ? -ENOMEM : 0;
}

/* What is older than the block and lies in no incident: as in service, those of the past are known. */
static size_t
select_taught(struct history *h)
{
	size_t count = 0;

	for (size_t i = 0; i < h->at; i++) {
		if (!incidents_inside(&h->series->incidents, window_time(h->series->window, h->steps[i])))
			memcpy(h->taught + count++ * h->width, h->rows + i * h->width, h->width * sizeof(double));
	}
	return count;
}

static void
forget_block(struct history *h)
{
	anomaly_free(h->anomaly);
	forest_free(h->forest);
	h->anomaly = NULL;
	h->forest = NULL;
}

static int
score_rows(struct scoring *s, const struct history *h, const struct anomaly *const *machines, size_t count)
{
	double *distances = malloc((h->end + 1) * sizeof(*distances));
	int status = distances == NULL ? -ENOMEM : 0;

	if (status == 0)
		moving_distances(h, h->end, distances);
	for (size_t i = h->at; i < h->end && status == 0; i++) {
		const double *row = h->rows + i * h->width;
		const double scores[ANOMALY_METHOD_COUNT] = {
			[ANOMALY_OURS] = anomalies_rank_of(machines, count, anomaly_distance(h->anomaly, row)),
			[ANOMALY_FOREST] = forest_score(h->forest, h->scaled + i * h->width),
			[ANOMALY_EWMA] = distances[i],
		};

		status = add_scores(s, h, h->steps[i], scores);
	}
	free(distances);
	return status;
}

/* What the forest sees: the same rows, squashed by the scalings of those that are learnt from; these too, in place. */
static void
scale(struct history *h, size_t taught, size_t end)
{
	double *column = malloc((taught + 1) * sizeof(*column));

	for (size_t k = 0; column != NULL && k < h->width; k++) {
		struct scaling scaling;

		for (size_t i = 0; i < taught; i++)
			column[i] = h->taught[i * h->width + k];
		scaling = scaling_fit(column, taught);
		for (size_t i = 0; i < taught; i++)
			h->taught[i * h->width + k] = scaling_apply(&scaling, h->taught[i * h->width + k]);
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
	entry->positive = incidents_inside(&h->series->incidents, entry->t);
	memcpy(entry->scores, scores, sizeof(entry->scores));
	return 0;
}

/* By series, then time; a series without an incident in its scored time isn't one that can be found in, and goes. */
static void
sum_series(struct scoring *s)
{
	size_t kept = 0;

	if (s->count > 0)
		qsort(s->list, s->count, sizeof(*s->list), compare_rows_by_time);
	for (size_t first = 0, end; first < s->count; first = end) {
		size_t positives = 0;

		for (end = first; end < s->count && s->list[end].series == s->list[first].series; end++)
			positives += s->list[end].positive;
		if (positives == 0)
			continue;
		memmove(&s->list[kept], &s->list[first], (end - first) * sizeof(*s->list));
		for (size_t m = 0; m < ANOMALY_METHOD_COUNT; m++)
			s->sums[m] += series_precision(s, kept, end - first, m);
		s->out->series++;
		s->out->series_days += (double)(s->list[kept + end - first - 1].t - s->list[kept].t) / DAY_S;
		kept += end - first;
	}
	s->count = kept;
}

static int
compare_rows_by_time(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	return (x->t > y->t) - (x->t < y->t);
}

static double
series_precision(const struct scoring *s, size_t first, size_t count, size_t method)
{
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
