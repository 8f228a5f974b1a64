/* test_anomaly.c -- predict/anomaly, anomalies, forest, anomaly_folder: ranks that hold on unseen rows, what is refused, and scores
 * on series with disturbances that are known. */
#include "predict/anomaly.h"

#include <errno.h>
#include <math.h>

#include "backtest/anomaly_folder.h"
#include "backtest/forest.h"
#include "predict/anomalies.h"
#include "suite.h"

#define ROWS 3000
#define WIDTH 4

static uint64_t state = 1;

static double
uniform(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(state >> 11) * 0x1p-53;
}

/* A bell of four numbers that hang together, in units that are far apart; the last is always 7. */
static void
usual_row(double *row)
{
	double common = uniform() + uniform() + uniform() - 1.5;

	row[0] = 1e6 * (common + 0.2 * uniform());
	row[1] = 1e-3 * (common + 0.2 * uniform());
	row[2] = uniform() + uniform();
	row[3] = 7;
}

static char *
train(size_t *length)
{
	double *rows = malloc(ROWS * WIDTH * sizeof(*rows));
	struct text error = { 0 };
	char *text;

	state = 1;
	for (size_t i = 0; i < ROWS; i++)
		usual_row(rows + i * WIDTH);
	text = anomaly_train(rows, ROWS, WIDTH, 1, length, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	text_fini(&error);
	free(rows);
	return text;
}

/* Of rows that it hasn't seen, a tenth has a rank above 0.9, a hundredth above 0.99. */
static void
test_ranks(void)
{
	struct text error = { 0 };
	size_t length, again_length, above90 = 0, above99 = 0;
	char *text = train(&length), *again = train(&again_length);
	struct anomaly *anomaly = anomaly_read(text, length, &error);
	double row[WIDTH], bad, worse, broken[WIDTH] = { 1e6, -1e-3, 1, 7 }, changed[WIDTH] = { 0, 0, 1, 8 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(anomaly);
	CU_ASSERT_EQUAL(anomaly_dimension(anomaly), WIDTH);
	CU_ASSERT(length == again_length && memcmp(text, again, length) == 0);
	for (size_t i = 0; i < 10000; i++) {
		double rank;

		usual_row(row);
		rank = anomaly_rank(anomaly, row);
		CU_ASSERT(rank >= 0 && rank < 1);
		above90 += rank > 0.9;
		above99 += rank > 0.99;
	}
	CU_ASSERT(above90 > 700 && above90 < 1300);
	CU_ASSERT(above99 > 40 && above99 < 220);
	/* Each number by itself is usual, both together aren't. */
	CU_ASSERT(anomaly_rank(anomaly, broken) > 0.99);
	/* What never changed, did. */
	CU_ASSERT(anomaly_rank(anomaly, changed) > 0.99);
	/* Beyond all that was seen, worse is still told from bad. */
	bad = anomaly_rank(anomaly, (const double[WIDTH]){ 2e6, 2e-3, 3, 7 });
	worse = anomaly_rank(anomaly, (const double[WIDTH]){ 5e6, 5e-3, 6, 7 });
	CU_ASSERT(bad > 0.99 && worse > bad && worse < 1);
	/* An unknown number says nothing; neither do four. */
	CU_ASSERT(anomaly_rank(anomaly, (const double[WIDTH]){ NAN, NAN, NAN, NAN }) < 0.9);
	anomaly_free(anomaly);
	free(text);
	free(again);
}

static void
test_refused(void)
{
	struct text error = { 0 };
	double rows[WIDTH * 200] = { 0 };
	size_t length, unused;
	char *text = train(&length);

	CU_ASSERT_PTR_NULL(anomaly_train(rows, 50, WIDTH, 1, &unused, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.bytes, "50 rows"));
	text_fini(&error);
	/* Cut short anywhere, or with any part changed. */
	for (size_t cut = 0; cut < length; cut += length / 40) {
		CU_ASSERT_PTR_NULL(anomaly_read(text, cut, &error));
		CU_ASSERT(error.length > 0);
		text_fini(&error);
	}
	for (size_t at = 0; at < length; at += length / 40) {
		char was = text[at];

		text[at] = was == '1' ? '2' : '1';
		CU_ASSERT_PTR_NULL(anomaly_read(text, length, &error));
		text[at] = was;
		text_fini(&error);
	}
	free(text);
}

/* Two regions of two metrics; in the second, one of them swings ten times as much in no time. */
static struct dataset *
two_regions(void)
{
	struct metrics *metrics = metrics_new();
	size_t a = metrics_add(metrics, "a"), cpu = metrics_add(metrics, "cpu");
	struct dataset *dataset = dataset_new(2, metrics);

	metrics_free(metrics);
	state = 1;
	for (size_t s = 0; s < 2; s++) {
		struct dataset_series *series = &dataset->series[s];

		series->name = strdup(s == 0 ? "eu-west" : "us-east");
		series->window = window_new(dataset->metrics, 0, 60, ROWS);
		for (size_t i = 0; i < ROWS; i++) {
			window_set(series->window, a, i, (s == 0 ? 1 : 10) * uniform());
			window_set(series->window, cpu, i, 0.3 + 0.1 * uniform());
		}
	}
	return dataset;
}

static char *
train_regions(const struct dataset *dataset, size_t *length)
{
	size_t width = anomaly_width(dataset->metrics), part_length;
	double *rows = malloc(ROWS * width * sizeof(*rows));
	struct text parts = { 0 }, error = { 0 };
	char *text;

	for (size_t s = 0; s < dataset->count; s++) {
		for (size_t i = 0; i < ROWS; i++)
			anomaly_row(dataset->series[s].window, i, rows + i * width);
		text = anomaly_train(rows, ROWS, width, 1, &part_length, &error);
		CU_ASSERT_PTR_NOT_NULL_FATAL(text);
		anomalies_add(&parts, dataset->series[s].name, dataset->metrics, text, part_length);
		free(text);
	}
	text = anomalies_write(&parts, length);
	text_fini(&parts);
	free(rows);
	return text;
}

static void
test_regions(void)
{
	struct dataset *dataset = two_regions();
	struct window *eu = dataset->series[0].window, *us = dataset->series[1].window;
	size_t length, last = ROWS - 1, a = metrics_find(dataset->metrics, "a");
	size_t cpu = metrics_find(dataset->metrics, "cpu"), above90 = 0;
	char *text = train_regions(dataset, &length);
	struct text error = { 0 };
	struct anomalies *anomalies = anomalies_read(text, length, &error);
	struct metrics *metrics = metrics_new();
	struct odd found[ODD_MOST];
	const char *none;
	double calm, odd;

	CU_ASSERT_PTR_NOT_NULL_FATAL(anomalies);
	CU_ASSERT_EQUAL(anomalies_regions(anomalies), 2);
	anomalies_metrics(anomalies, metrics);
	CU_ASSERT_EQUAL(metrics_used(metrics), 2);
	/* Of both regions' minutes together, a tenth ranks above 0.9. */
	for (size_t s = 0; s < 2; s++) {
		for (size_t i = 0; i < ROWS; i++)
			above90 += anomalies_rank(anomalies, dataset->series[s].name, dataset->series[s].window, i, &none) > 0.9;
	}
	CU_ASSERT(above90 > ROWS / 10 && above90 < 2 * ROWS / 7);
	/* The same value is odd where it never came, and usual where it often does. */
	window_set(eu, a, last, 5);
	window_set(eu, cpu, last, 0.35);
	window_set(us, a, last, 5);
	window_set(us, cpu, last, 0.35);
	odd = anomalies_rank(anomalies, "eu-west", eu, last, &none);
	CU_ASSERT(odd > 0.99 && odd < 1 && none == NULL);
	calm = anomalies_rank(anomalies, "us-east", us, last, &none);
	CU_ASSERT(calm < 0.9 && none == NULL);
	/* What makes it odd comes first, and without it the minute is as usual. */
	CU_ASSERT_EQUAL(anomalies_why(anomalies, "eu-west", eu, last, found), 2);
	SUITE_TEXT(found[0].metric, "a");
	CU_ASSERT(found[0].value == 5 && found[0].without < 0.95 && found[1].without > 0.99);
	/* No rank: no machine, or too little known. */
	CU_ASSERT(isnan(anomalies_rank(anomalies, "ap-south", eu, last, &none)));
	SUITE_TEXT(none, "the model of anomalies doesn't know the region");
	CU_ASSERT_EQUAL(anomalies_why(anomalies, "ap-south", eu, last, found), 0);
	window_slide(eu, 1);
	CU_ASSERT(isnan(anomalies_rank(anomalies, "eu-west", eu, last, &none)));
	SUITE_TEXT(none, "most of its metrics are missing now");
	CU_ASSERT_EQUAL(anomalies_why(anomalies, "eu-west", eu, last, found), 0);
	window_set(eu, a, last, 0.5);
	CU_ASSERT(anomalies_rank(anomalies, "eu-west", eu, last, &none) < 0.99);
	anomalies_free(anomalies);
	metrics_free(metrics);
	dataset_free(dataset);
	free(text);
}

/* With a checksum that is right, for what lies behind it. */
static void
expect_regions_refused(const char *name, const char *parts, const char *words)
{
	struct text body = { 0 }, error = { 0 };
	size_t length;
	char *text;

	text_puts(&body, parts);
	text = anomalies_write(&body, &length);
	if (anomalies_read(text, length, &error) != NULL || strstr(error.bytes, words) == NULL) {
		fprintf(stderr, "%s: '%s', not '%s'\n", name, error.bytes, words);
		CU_FAIL(name);
	}
	text_fini(&error);
	text_fini(&body);
	free(text);
}

static void
test_regions_refused(void)
{
	static const struct { const char *name, *parts, *words; } cases[] = {
		{ "no region", "metrics 1\na\nmodel 0\n", "region 1: its name" },
		{ "no metrics", "region eu\nmodel 0\n", "region 1: its name" },
		{ "none of them", "region eu\nmetrics 0\nmodel 0\n", "region 1: its name" },
		{ "too many", "region eu\nmetrics 161\nmodel 0\n", "region 1: its name" },
		{ "a metric without a name", "region eu\nmetrics 1\n\nmodel 0\n", "region 1: its name" },
		{ "longer than there is", "region eu\nmetrics 1\na\nmodel 100\n", "region 1: its name" },
		{ "no model", "region eu\nmetrics 1\na\nmodel 3\nabc", "this is no anomaly model" },
		{ "ends in a line", "region eu", "region 1: its name" },
	};
	struct dataset *dataset = two_regions();
	struct text error = { 0 }, parts = { 0 };
	size_t length;
	char *text = train_regions(dataset, &length), *model, *wrong;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_regions_refused(cases[i].name, cases[i].parts, cases[i].words);
	for (size_t cut = 0; cut < length; cut += length / 40) {
		CU_ASSERT_PTR_NULL(anomalies_read(text, cut, &error));
		text_fini(&error);
	}
	for (size_t at = 0; at < length; at += length / 40) {
		char was = text[at];

		text[at] = was == '1' ? '2' : '1';
		CU_ASSERT_PTR_NULL(anomalies_read(text, length, &error));
		text[at] = was;
		text_fini(&error);
	}
	/* A model of another number of metrics. */
	model = train(&length);
	text_printf(&parts, "region eu\nmetrics 1\na\nmodel %zu\n", length);
	text_add(&parts, model, length);
	wrong = text_take(&parts);
	expect_regions_refused("another number of metrics", wrong, "isn't of its 1 metrics");
	free(wrong);
	free(model);
	free(text);
	dataset_free(dataset);
}

static void
test_forest(void)
{
	double *rows = malloc(ROWS * WIDTH * sizeof(*rows)), usual = 0;
	struct forest *forest;

	state = 1;
	for (size_t i = 0; i < ROWS; i++)
		usual_row(rows + i * WIDTH);
	forest = forest_new(rows, ROWS, WIDTH, 1);
	for (size_t i = 0; i < 100; i++)
		usual += forest_score(forest, rows + i * WIDTH) / 100;
	CU_ASSERT(usual > 0.35 && usual < 0.55);
	CU_ASSERT(forest_score(forest, (const double[WIDTH]){ 3e6, 3e-3, 5, 7 }) > 0.65);
	forest_free(forest);
	/* All alike: nothing can be set apart. */
	memset(rows, 0, ROWS * WIDTH * sizeof(*rows));
	forest = forest_new(rows, ROWS, WIDTH, 1);
	CU_ASSERT(fabs(forest_score(forest, rows) - 0.5) < 0.01);
	forest_free(forest);
	free(rows);
}

/* Two series of eight days; three incidents each, in which two metrics part that else go together. */
static struct dataset *
disturbed(void)
{
	struct metrics *metrics = metrics_new();
	struct dataset *dataset;
	size_t a = metrics_add(metrics, "a"), b = metrics_add(metrics, "b"), length = 8 * 288;

	dataset = dataset_new(2, metrics);
	metrics_free(metrics);
	state = 1;
	for (size_t s = 0; s < 2; s++) {
		struct dataset_series *series = &dataset->series[s];

		series->name = strdup("s");
		series->window = window_new(dataset->metrics, 0, 300, length);
		series->label_to_s = (int64_t)length * 300;
		for (size_t i = 0; i < length; i++) {
			bool bad = i % 700 > 660 && i > 1000;
			double x = sin((double)i / 288 * 2 * M_PI) + 0.1 * uniform();

			window_set(series->window, a, i, x);
			window_set(series->window, b, i, (bad ? -x - 1.5 : x) + 0.1 * uniform());
		}
		for (int64_t i = 1361; i < (int64_t)length; i += 700)
			CU_ASSERT_EQUAL(incidents_add(&series->incidents, (struct incident){ i * 300, (i + 39) * 300 }), 0);
	}
	return dataset;
}

static void
test_folder(void)
{
	struct dataset *dataset = disturbed();
	struct anomaly_scores scores, again;
	struct text table = { 0 };

	CU_ASSERT_EQUAL(anomaly_score_dataset(dataset, 1, &scores, NULL, NULL), 0);
	CU_ASSERT_EQUAL(anomaly_score_dataset(dataset, 1, &again, NULL, NULL), 0);
	CU_ASSERT_EQUAL(memcmp(scores.recall, again.recall, sizeof(scores.recall)), 0);
	CU_ASSERT_EQUAL(scores.series, 2);
	CU_ASSERT_EQUAL(scores.events, 4);
	CU_ASSERT(scores.average_precision[ANOMALY_OURS] > 0.5);
	CU_ASSERT(scores.recall[ANOMALY_OURS] > 0.99);
	CU_ASSERT(scores.average_precision[ANOMALY_OURS] > 5 * scores.prevalence);
	anomaly_scores_print(&scores, &table);
	CU_ASSERT_PTR_NOT_NULL(strstr(table.bytes, "one-class SVM"));
	text_fini(&table);
	/* Without an incident there is nothing to score. */
	for (size_t s = 0; s < 2; s++)
		incidents_fini(&dataset->series[s].incidents);
	CU_ASSERT_EQUAL(anomaly_score_dataset(dataset, 1, &scores, NULL, NULL), -ENODATA);
	dataset_free(dataset);
}

static const struct suite_case cases[] = {
	{ .name = "ranks hold on unseen rows", .run = test_ranks },
	{ .name = "what is refused", .run = test_refused },
	{ .name = "regions and one scale for them", .run = test_regions },
	{ .name = "regions that are refused", .run = test_regions_refused },
	{ .name = "an isolation forest", .run = test_forest },
	{ .name = "scores of a dataset", .run = test_folder },
};

int
main(void)
{
	return suite_run("anomaly", cases, ARRAY_SIZE(cases));
}
