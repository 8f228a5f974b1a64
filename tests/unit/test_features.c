/* test_features.c -- predict/features, window and labels: values worked out by hand, gaps, and nothing from the
 * future. */
#include "predict/features.h"

#include <math.h>

#include "suite.h"

#define START INT64_C(1600041600)	/* midnight, UTC */
#define HORIZON 600

#define LAST METRIC_KNOWN	/* the place of a metric of unknown meaning */

/* A dataset of one series with a window of all metrics that have a meaning, and of one that has none. */
static struct dataset *
one_series(size_t length)
{
	struct dataset *dataset = dataset_new(1, NULL);

	CU_ASSERT_EQUAL(metrics_add(dataset->metrics, "m00"), LAST);
	dataset->series[0].window = window_new(dataset->metrics, START, 60, length);
	return dataset;
}

static size_t
compute(const struct dataset *dataset, size_t at, double *values)
{
	struct feature_table *table = feature_table_new(dataset->metrics, dataset->metrics);
	size_t count = table->count;

	features_compute(table, dataset, 0, at, HORIZON, values);
	feature_table_free(table);
	return count;
}

static double
feature(const struct dataset *dataset, size_t at, const char *name)
{
	struct feature_table *table = feature_table_new(dataset->metrics, dataset->metrics);
	double values[FEATURES_MAX], value = 0;
	size_t i = 0;

	features_compute(table, dataset, 0, at, HORIZON, values);
	while (i < table->count && strcmp(table->list[i].name, name) != 0)
		i++;
	if (i < table->count)
		value = values[i];
	else
		SUITE_TEXT(name, "a feature of the table");
	feature_table_free(table);
	return value;
}

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

/* Numbers that look like a region's, from a generator with a fixed seed; a sibling with others. */
static struct dataset *
busy_dataset(size_t length, uint64_t seed)
{
	struct dataset *dataset = dataset_new(2, NULL);

	metrics_add(dataset->metrics, "m00");
	for (size_t s = 0; s < 2; s++) {
		struct window *window = window_new(dataset->metrics, START, 60, length);

		dataset->series[s].window = window;
		for (size_t i = 0; i < length; i++) {
			for (size_t m = 0; m < dataset->metrics->count; m++) {
				double x;

				seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
				x = (double)(seed >> 11) * 0x1p-53;
				if (x < 0.05)
					continue;	/* a gap */
				window_set(window, m, i, dataset->metrics->list[m].most > 10 ? 100 + 50 * x : x * 0.5);
			}
		}
	}
	return dataset;
}

static void
test_values(void)
{
	struct dataset *dataset = one_series(500);
	struct window *window = dataset->series[0].window;
	size_t at = 450;

	for (size_t i = 0; i < 500; i++) {
		window_set(window, METRIC_MEM, i, 0.5 + 0.001 * (double)i);
		window_set(window, METRIC_CPU, i, 0.3);
		window_set(window, METRIC_ERR_RATIO, i, i % 10 == 0 && i > 440 ? 0.05 : 0.001);
		window_set(window, METRIC_LAT_P99, i, 100);
		if (i < 449)
			window_set(window, LAST, i, i == 445 ? 9 : i % 2 == 0 ? 4 : 6);
	}
	CU_ASSERT(near(feature(dataset, at, "mem_mean5"), 0.948));
	CU_ASSERT(near(feature(dataset, at, "mem_slope30"), 0.001));
	/* The middle of the 360 minutes that end 30 minutes ago lies 207.5 minutes before that of the last five. */
	CU_ASSERT(near(feature(dataset, at, "mem_z"), 207.5 / sqrt((360.0 * 360 - 1) / 12)));
	CU_ASSERT(near(feature(dataset, at, "cpu_z"), 0));
	CU_ASSERT(near(feature(dataset, at, "limit_nearest"), 0.948 / 0.98));
	CU_ASSERT(near(feature(dataset, at, "limit_second"), 0.3 / 0.95));
	/* 0.98 is reached 32 minutes after the mean of the last five. */
	CU_ASSERT(near(feature(dataset, at, "mem_to_limit30"), exp(-32.0 / 10)));
	CU_ASSERT(near(feature(dataset, at, "mem_projection30"), 0.95 + 0.01 - 0.98));
	CU_ASSERT(near(feature(dataset, at, "cpu_to_limit30"), 0));
	CU_ASSERT(near(feature(dataset, at, "err_bursts10"), 1));
	CU_ASSERT(near(feature(dataset, at, "err_bursts_rise"), 1));
	CU_ASSERT(near(feature(dataset, at, "lat_p99_mean5"), log(101)));
	CU_ASSERT(near(feature(dataset, at, "since_incident"), log(1 + 7 * 1440)));
	CU_ASSERT(near(feature(dataset, 360, "day_sin"), 1));
	CU_ASSERT(isnan(feature(dataset, at, "rps_mean5")));
	CU_ASSERT(isnan(feature(dataset, at, "disk_to_limit90")));
	/* Of unknown meaning: 4, 6, 4 of the last five minutes, against 4 and 6 by turns, and a 9 before; two are missing. */
	CU_ASSERT(near(feature(dataset, at, "m00_mean5"), 14.0 / 3));
	CU_ASSERT(near(feature(dataset, at, "m00_z"), -1.0 / 3));
	CU_ASSERT(near(feature(dataset, at, "m00_far15"), 4));
	CU_ASSERT(near(feature(dataset, at, "missing15"), 1 - (4 * 15 + 13) / (14.0 * 15)));
	CU_ASSERT(near(feature(dataset, at, "week_sin"), sin(2 * M_PI * (double)((START + 450 * 60) % 604800) / 604800)));
	dataset_free(dataset);
}

/* The z-score against a plain computation over the same minutes. */
static void
test_z_score(void)
{
	struct dataset *dataset = busy_dataset(600, 3);
	const struct window *window = dataset->series[0].window;
	double sum = 0, squares = 0, n = 0, now = 0, known = 0, mean, deviation;
	size_t at = 500;

	for (size_t i = at - 389; i <= at - 30; i++) {
		if (isnan(window->values[METRIC_CPU][i]))
			continue;
		sum += window->values[METRIC_CPU][i];
		n++;
	}
	mean = sum / n;
	for (size_t i = at - 389; i <= at - 30; i++) {
		if (!isnan(window->values[METRIC_CPU][i]))
			squares += pow(window->values[METRIC_CPU][i] - mean, 2);
	}
	deviation = sqrt(squares / n);
	for (size_t i = at - 4; i <= at; i++) {
		if (isnan(window->values[METRIC_CPU][i]))
			continue;
		now += window->values[METRIC_CPU][i];
		known++;
	}
	CU_ASSERT(near(feature(dataset, at, "cpu_z"), (now / known - mean) / deviation));
	dataset_free(dataset);
}

static void
test_incident_features(void)
{
	struct dataset *dataset = busy_dataset(60, 1);
	struct incidents *incidents = &dataset->series[0].incidents;
	int64_t t = START + 50 * 60, day = 86400;

	/* Began in the same ten minutes one and three days ago; two days ago it was an hour earlier. */
	CU_ASSERT_EQUAL(incidents_add(incidents, (struct incident){ t - day + 300, t - day + 900 }), 0);
	CU_ASSERT_EQUAL(incidents_add(incidents, (struct incident){ t - 3 * day + 600, t - 3 * day + 900 }), 0);
	CU_ASSERT_EQUAL(incidents_add(incidents, (struct incident){ t - 2 * day - 3600, t - 2 * day - 3000 }), 0);
	incidents_merge(incidents);
	CU_ASSERT(near(feature(dataset, 50, "recurrence"), 0.8 + 0.512));
	CU_ASSERT(near(feature(dataset, 50, "since_incident"), log(1 + (86400 - 900) / 60.0)));
	CU_ASSERT(near(feature(dataset, 50, "incidents_day"), log(2)));
	CU_ASSERT(near(feature(dataset, 50, "incidents_week"), log(4)));
	dataset_free(dataset);
}

/* Days of gaps and, where wanted, of noise behind minute `at`, in every series and metric. */
static void
spoil(struct dataset *dataset, size_t at)
{
	for (size_t s = 0; s < dataset->count; s++) {
		struct dataset_series *series = &dataset->series[s];

		for (size_t i = at + 1; i < series->window->length; i++) {
			for (size_t m = 0; m < dataset->metrics->count; m++)
				window_set(series->window, m, i, i % 3 == 0 ? (double)NAN : 0.99);
		}
		incidents_fini(&series->incidents);
		CU_ASSERT_EQUAL(incidents_add(&series->incidents, (struct incident){ START + 6000, START + 7000 }), 0);
		CU_ASSERT_EQUAL(incidents_add(&series->incidents,
		    (struct incident){ window_time(series->window, at) + 60, INT64_MAX }), 0);
		incidents_merge(&series->incidents);
	}
}

/* Whatever comes after a minute, be it metrics or incidents, of this region or of others, changes none of its
 * features. */
static void
test_no_future(void)
{
	struct dataset *dataset = busy_dataset(5000, 7);
	double before[FEATURES_MAX], after[FEATURES_MAX];
	size_t count = 0;

	for (size_t s = 0; s < 2; s++)
		CU_ASSERT_EQUAL(incidents_add(&dataset->series[s].incidents,
		    (struct incident){ START + 6000, START + 7000 }), 0);
	for (size_t at = 400; at < 5000; at += 731) {
		struct dataset *changed = busy_dataset(5000, 7);

		count = compute(dataset, at, before);
		spoil(changed, at);
		compute(changed, at, after);
		CU_ASSERT(memcmp(before, after, count * sizeof(double)) == 0);
		dataset_free(changed);
	}
	/* The test can fail: a window that is late by a minute is noticed. */
	compute(dataset, 501, after);
	CU_ASSERT(memcmp(before, after, count * sizeof(double)) != 0);
	dataset_free(dataset);
}

/* Weeks for training and the few days that a service keeps give the same bits, also after sliding minute by minute. */
static void
test_same_bits(void)
{
	static const size_t kept = FEATURES_HISTORY_MIN;
	struct dataset *weeks = busy_dataset(9000, 11), *live = dataset_new(2, weeks->metrics);
	double trained[FEATURES_MAX], served[FEATURES_MAX];

	for (size_t s = 0; s < 2; s++) {
		live->series[s].window = window_new(live->metrics, START, 60, kept);
		CU_ASSERT_EQUAL(incidents_add(&weeks->series[s].incidents,
		    (struct incident){ START + 60000, START + 61000 }), 0);
		CU_ASSERT_EQUAL(incidents_add(&live->series[s].incidents,
		    (struct incident){ START + 60000, START + 61000 }), 0);
	}
	for (size_t i = 0; i < 9000; i++) {
		size_t place = 0, count;

		for (size_t s = 0; s < 2; s++) {
			struct window *window = live->series[s].window;

			if (i >= kept)
				window_slide(window, 1);
			CU_ASSERT(window_index(window, START + (int64_t)i * 60, &place));
			for (size_t m = 0; m < live->metrics->count; m++)
				window_set(window, m, place, weeks->series[s].window->values[m][i]);
		}
		if (i % 61 != 0 || i < kept)
			continue;
		count = compute(weeks, i, trained);
		compute(live, place, served);
		CU_ASSERT(memcmp(trained, served, count * sizeof(double)) == 0);
	}
	dataset_free(weeks);
	dataset_free(live);
}

/* A table made for metrics that the windows lack, or have in another order. */
static void
test_other_catalogue(void)
{
	struct dataset *dataset = busy_dataset(600, 5);
	struct metrics *named = metrics_new();
	struct feature_table *table;
	double values[FEATURES_MAX];

	metrics_add(named, "absent");
	metrics_add(named, "m00");
	table = feature_table_new(named, dataset->metrics);
	features_compute(table, dataset, 0, 550, HORIZON, values);
	for (size_t i = 0; i < table->count; i++) {
		const char *name = table->list[i].name;

		if (strncmp(name, "absent", 6) == 0)
			CU_ASSERT(isnan(values[i]));
		if (strcmp(name, "m00_z") == 0)
			CU_ASSERT(values[i] == feature(dataset, 550, "m00_z"));
	}
	feature_table_free(table);
	metrics_free(named);
	dataset_free(dataset);
}

/* Slower series keep their step: windows in minutes become steps. */
static void
test_steps(void)
{
	struct dataset *dataset = dataset_new(1, NULL);
	struct window *window = window_new(dataset->metrics, START, 300, 2000);

	dataset->series[0].window = window;
	for (size_t i = 0; i < 2000; i++) {
		window_set(window, METRIC_CPU, i, 0.0002 * (double)i);
		window_set(window, METRIC_MEM, i, 0.5);
	}
	CU_ASSERT(near(feature(dataset, 1500, "cpu_mean5"), 0.3));
	CU_ASSERT(near(feature(dataset, 1500, "cpu_slope30"), 0.0002 / 5));
	CU_ASSERT(near(feature(dataset, 1500, "cpu_projection10"), 0.3004 - 0.95));
	/* The middle of 72 steps that end 6 steps ago is 41.5 steps back. */
	CU_ASSERT(near(feature(dataset, 1500, "cpu_z"), 0.0002 * 41.5 / 0.01));
	CU_ASSERT(features_missing(window, 1500) == NULL);
	dataset_free(dataset);
}

/* The mean of a quarter of an hour against the same hour of three days. */
static void
test_day_z(void)
{
	struct dataset *dataset = one_series(5 * 1440);
	struct window *window = dataset->series[0].window;

	for (size_t i = 0; i < 5 * 1440; i++)
		window_set(window, LAST, i, sin(2 * M_PI * (double)(i % 1440) / 1440) + (i % 2 == 0 ? 0.1 : -0.1));
	CU_ASSERT(fabs(feature(dataset, 4 * 1440 + 100, "m00_day_z")) < 1);
	for (size_t i = 4 * 1440 + 80; i <= 4 * 1440 + 100; i++)
		window_set(window, LAST, i, 9);
	CU_ASSERT(feature(dataset, 4 * 1440 + 100, "m00_day_z") > 20);
	CU_ASSERT(isnan(feature(dataset, 1000, "m00_day_z")));
	dataset_free(dataset);
}

static void
test_missing(void)
{
	static const struct {
		const char *name;
		size_t known_from, known_to;	/* minutes with rps, cpu and latency */
		bool only_disk;
		const char *why;
	} rows[] = {
		{ "enough", 0, 60, false, NULL },
		{ "nothing at all", 0, 0, false, "too little history: 30 minutes of samples are needed" },
		{ "a quarter of an hour", 45, 60, false, "too little history: 30 minutes of samples are needed" },
		{ "fell silent", 20, 52, false, "no samples in the last 5 minutes" },
		{ "one metric of many", 0, 60, true,
		    "too few metrics: samples of two or more are needed" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dataset *dataset = one_series(60);
		struct window *window = dataset->series[0].window;

		for (size_t k = rows[i].known_from; k < rows[i].known_to; k++) {
			window_set(window, rows[i].only_disk ? METRIC_DISK : METRIC_RPS, k, 0.5);
			window_set(window, rows[i].only_disk ? METRIC_DISK : METRIC_CPU, k, 0.5);
		}
		SUITE_TEXT(features_missing(window, 59), rows[i].why);
		dataset_free(dataset);
	}
}

static void
test_window(void)
{
	struct dataset *dataset = one_series(10);
	struct window *window = dataset->series[0].window;
	size_t index;

	CU_ASSERT(window_index(window, START + 9 * 60 + 59, &index) && index == 9);
	CU_ASSERT(!window_index(window, START + 600, &index));
	CU_ASSERT(!window_index(window, START - 1, &index));
	window_set(window, METRIC_CPU, 3, (double)NAN);
	window_set(window, METRIC_MEM, 3, 7);		/* no ratio of memory */
	window_set(window, METRIC_RPS, 3, (double)INFINITY);
	window_set(window, METRIC_DISK, 3, 0.25);
	CU_ASSERT(isnan(window->values[METRIC_CPU][3]));
	CU_ASSERT(isnan(window->values[METRIC_MEM][3]));
	CU_ASSERT(isnan(window->values[METRIC_RPS][3]));
	window_slide(window, 2);
	CU_ASSERT(window->values[METRIC_DISK][1] == 0.25);
	CU_ASSERT(isnan(window->values[METRIC_DISK][9]));
	CU_ASSERT_EQUAL(window->start_s, START + 120);
	window_slide(window, 1000000);
	CU_ASSERT(isnan(window->values[METRIC_DISK][1]));
	dataset_free(dataset);
}

static void
test_metric_names(void)
{
	struct metrics *metrics = metrics_new(), *copy;
	char name[METRIC_NAME_SIZE + 1];

	CU_ASSERT_EQUAL(metrics_find(metrics, "cpu"), METRIC_CPU);
	CU_ASSERT_EQUAL(metrics_find(metrics, "load:www.example.com."), METRIC_RPS);
	CU_ASSERT_EQUAL(metrics_find(metrics, "backends_healthy"), METRIC_PROBE_OK);
	CU_ASSERT_EQUAL(metrics_find(metrics, "cpus"), METRIC_NONE);
	CU_ASSERT_EQUAL(metrics_find(metrics, ""), METRIC_NONE);
	CU_ASSERT_EQUAL(metrics_used(metrics), 0);
	CU_ASSERT_EQUAL(metrics_add(metrics, "cpus"), METRIC_KNOWN);
	CU_ASSERT_EQUAL(metrics_add(metrics, "cpus"), METRIC_KNOWN);
	CU_ASSERT_EQUAL(metrics_add(metrics, "mem_used"), METRIC_MEM);
	CU_ASSERT_EQUAL(metrics_used(metrics), 2);
	CU_ASSERT_EQUAL(metrics_add(metrics, ""), METRIC_NONE);
	CU_ASSERT_EQUAL(metrics_add(metrics, "a\nb"), METRIC_NONE);
	memset(name, 'x', METRIC_NAME_SIZE);
	name[METRIC_NAME_SIZE] = '\0';
	CU_ASSERT_EQUAL(metrics_add(metrics, name), METRIC_NONE);
	copy = metrics_copy(metrics);
	CU_ASSERT_EQUAL(metrics_find(copy, "cpus"), METRIC_KNOWN);
	for (size_t i = metrics->count; i < METRICS_MAX; i++) {
		snprintf(name, sizeof(name), "m%zu", i);
		CU_ASSERT_EQUAL(metrics_add(metrics, name), i);
	}
	CU_ASSERT_EQUAL(metrics->count, METRICS_MAX);
	CU_ASSERT_EQUAL(metrics_add(metrics, "one more"), METRIC_NONE);
	metrics_free(metrics);
	metrics_free(copy);
}

static void
test_feature_table(void)
{
	struct dataset *dataset = one_series(1);
	struct feature_table *table = feature_table_new(dataset->metrics, dataset->metrics);
	struct metrics *none = metrics_new();
	struct feature_table *other = feature_table_new(none, none);
	char hash[SHA256_TEXT_SIZE], again[SHA256_TEXT_SIZE];

	CU_ASSERT(table->count <= FEATURES_MAX);
	CU_ASSERT_EQUAL(strlen(feature_table_hash(table, hash)), 64);
	CU_ASSERT(strcmp(hash, feature_table_hash(other, again)) != 0);
	for (size_t i = 0; i < table->count; i++) {
		const struct feature *feature = &table->list[i];

		for (size_t k = 0; k < i; k++)
			CU_ASSERT(strcmp(feature->name, table->list[k].name) != 0);
		CU_ASSERT(feature->kind == FEATURE_RECURRENCE || feature->kind == FEATURE_SINCE ||
		    feature->kind == FEATURE_RATE || feature->window_min <= FEATURES_HISTORY_MIN);
	}
	feature_table_free(table);
	feature_table_free(other);
	metrics_free(none);
	dataset_free(dataset);
}

static void
test_labels(void)
{
	static const struct {
		const char *name;
		int64_t t;
		enum label label;
	} rows[] = {
		{ "long before", 1000, LABEL_NEGATIVE },
		{ "a second too early", 9399, LABEL_NEGATIVE },
		{ "the horizon before", 9400, LABEL_POSITIVE },
		{ "a second before", 9999, LABEL_POSITIVE },
		{ "at the start", 10000, LABEL_NONE },
		{ "in the gap that is part of it", 10700, LABEL_NONE },
		{ "the last second", 11999, LABEL_NONE },
		{ "after the end", 12000, LABEL_NEGATIVE },
		{ "before one that isn't known yet", 49900, LABEL_NONE },
		{ "the end of what is known", 49399, LABEL_NEGATIVE },
		{ "beyond", 49400, LABEL_NONE },
	};
	struct incidents incidents = { 0 };

	/* The first two are 299 s apart, so they are one. */
	CU_ASSERT_EQUAL(incidents_add(&incidents, (struct incident){ 10899, 12000 }), 0);
	CU_ASSERT_EQUAL(incidents_add(&incidents, (struct incident){ 10000, 10600 }), 0);
	CU_ASSERT_EQUAL(incidents_add(&incidents, (struct incident){ 50100, 50200 }), 0);
	incidents_merge(&incidents);
	CU_ASSERT_EQUAL(incidents.count, 2);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (label_at(&incidents, rows[i].t, HORIZON, 50000) != rows[i].label)
			SUITE_TEXT(rows[i].name, "the label as expected");
	}
	incidents_fini(&incidents);
	CU_ASSERT_EQUAL(label_at(&incidents, 100, HORIZON, 50000), LABEL_NEGATIVE);
}

static void
test_rules(void)
{
	struct dataset *dataset = one_series(400);
	struct window *window = dataset->series[0].window;

	CU_ASSERT(isnan(features_threshold_rule(window, 399)));
	CU_ASSERT(isnan(features_ewma_z(window, 399)));
	for (size_t i = 0; i < 400; i++) {
		window_set(window, METRIC_CPU, i, i % 2 == 0 ? 0.4 : 0.5);
		window_set(window, METRIC_MEM, i, 0.5);
	}
	CU_ASSERT(near(features_threshold_rule(window, 399), 0.5 / 0.98));
	CU_ASSERT(features_ewma_z(window, 398) < 2);
	window_set(window, METRIC_CPU, 399, 1);
	CU_ASSERT(features_ewma_z(window, 399) > 5);
	dataset_free(dataset);
}

static const struct suite_case cases[] = {
	{ .name = "values worked out by hand", .run = test_values },
	{ .name = "the z-score", .run = test_z_score },
	{ .name = "recurrence and time since an incident", .run = test_incident_features },
	{ .name = "nothing from the future", .run = test_no_future },
	{ .name = "training and service see the same bits", .run = test_same_bits },
	{ .name = "a table for other windows", .run = test_other_catalogue },
	{ .name = "longer steps", .run = test_steps },
	{ .name = "the same hour of earlier days", .run = test_day_z },
	{ .name = "when no prediction may be made", .run = test_missing },
	{ .name = "windows", .run = test_window },
	{ .name = "names of metrics", .run = test_metric_names },
	{ .name = "the table of features", .run = test_feature_table },
	{ .name = "labels", .run = test_labels },
	{ .name = "the simple rules", .run = test_rules },
};

int
main(void)
{
	return suite_run("features", cases, ARRAY_SIZE(cases));
}
