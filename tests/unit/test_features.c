/* test_features.c -- predict/features, window and labels: values worked out by hand, gaps, and nothing from the
 * future. */
#include "predict/features.h"

#include <math.h>

#include "suite.h"

#define START INT64_C(1600041600)	/* midnight, UTC */
#define HORIZON 600

static double
feature(const struct window *window, size_t at, const struct incidents *incidents, const char *name)
{
	double values[FEATURES_MAX];

	features_compute(window, at, incidents, HORIZON, values);
	for (size_t i = 0; i < feature_count(); i++) {
		if (strcmp(feature_info(i)->name, name) == 0)
			return values[i];
	}
	SUITE_TEXT(name, "a feature of the table");
	return 0;
}

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

/* Numbers that look like a region's, from a generator with a fixed seed. */
static struct window *
busy_window(size_t length, uint64_t seed)
{
	struct window *window = window_new(START, length);

	for (size_t i = 0; i < length; i++) {
		for (size_t m = 0; m < METRIC_COUNT; m++) {
			double x;

			seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			x = (double)(seed >> 11) * 0x1p-53;
			if (x < 0.05)
				continue;	/* a gap */
			window_set(window, (enum metric)m, i, metric_infos[m].most > 10 ? 100 + 50 * x : x * 0.5);
		}
	}
	return window;
}

static void
test_values(void)
{
	struct window *window = window_new(START, 500);
	struct incidents none = { 0 };
	size_t at = 450;

	for (size_t i = 0; i < 500; i++) {
		window_set(window, METRIC_MEM, i, 0.5 + 0.001 * (double)i);
		window_set(window, METRIC_CPU, i, 0.3);
		window_set(window, METRIC_ERR_RATIO, i, i % 10 == 0 && i > 440 ? 0.05 : 0.001);
		window_set(window, METRIC_LAT_P99, i, 100);
	}
	CU_ASSERT(near(feature(window, at, &none, "mem_mean5"), 0.948));
	CU_ASSERT(near(feature(window, at, &none, "mem_slope30"), 0.001));
	/* The middle of the 360 minutes that end 30 minutes ago lies 207.5 minutes before that of the last five. */
	CU_ASSERT(near(feature(window, at, &none, "mem_z"), 207.5 / sqrt((360.0 * 360 - 1) / 12)));
	CU_ASSERT(near(feature(window, at, &none, "cpu_z"), 0));
	CU_ASSERT(near(feature(window, at, &none, "limit_nearest"), 0.948 / 0.98));
	CU_ASSERT(near(feature(window, at, &none, "limit_second"), 0.3 / 0.95));
	/* 0.98 is reached 32 minutes after the mean of the last five. */
	CU_ASSERT(near(feature(window, at, &none, "mem_to_limit30"), exp(-32.0 / 10)));
	CU_ASSERT(near(feature(window, at, &none, "mem_projection30"), 0.95 + 0.01 - 0.98));
	CU_ASSERT(near(feature(window, at, &none, "cpu_to_limit30"), 0));
	CU_ASSERT(near(feature(window, at, &none, "err_bursts10"), 1));
	CU_ASSERT(near(feature(window, at, &none, "err_bursts_rise"), 1));
	CU_ASSERT(near(feature(window, at, &none, "lat_p99_mean5"), log(101)));
	CU_ASSERT(near(feature(window, at, &none, "since_incident"), log(1 + 7 * 1440)));
	CU_ASSERT(near(feature(window, 360, &none, "day_sin"), 1));
	CU_ASSERT(isnan(feature(window, at, &none, "rps_mean5")));
	CU_ASSERT(isnan(feature(window, at, &none, "disk_to_limit90")));
	window_free(window);
}

/* The z-score against a plain computation over the same minutes. */
static void
test_z_score(void)
{
	struct window *window = busy_window(600, 3);
	struct incidents none = { 0 };
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
	CU_ASSERT(near(feature(window, at, &none, "cpu_z"), (now / known - mean) / deviation));
	window_free(window);
}

static void
test_incident_features(void)
{
	struct window *window = busy_window(60, 1);
	struct incidents incidents = { 0 };
	int64_t t = START + 50 * 60, day = 86400;

	/* Began in the same ten minutes one and three days ago; two days ago it was an hour earlier. */
	CU_ASSERT_EQUAL(incidents_add(&incidents, (struct incident){ t - day + 300, t - day + 900 }), 0);
	CU_ASSERT_EQUAL(incidents_add(&incidents, (struct incident){ t - 3 * day + 600, t - 3 * day + 900 }), 0);
	CU_ASSERT_EQUAL(incidents_add(&incidents, (struct incident){ t - 2 * day - 3600, t - 2 * day - 3000 }), 0);
	incidents_merge(&incidents);
	CU_ASSERT(near(feature(window, 50, &incidents, "recurrence"), 0.8 + 0.512));
	CU_ASSERT(near(feature(window, 50, &incidents, "since_incident"), log(1 + (86400 - 900) / 60.0)));
	incidents_fini(&incidents);
	window_free(window);
}

/* Whatever comes after a minute, be it metrics or incidents, changes none of its features. */
static void
test_no_future(void)
{
	struct window *window = busy_window(900, 7), *changed = busy_window(900, 7);
	struct incidents known = { 0 }, more = { 0 };
	double before[FEATURES_MAX], after[FEATURES_MAX];

	CU_ASSERT_EQUAL(incidents_add(&known, (struct incident){ START + 6000, START + 7000 }), 0);
	for (size_t at = 400; at < 900; at += 37) {
		int64_t t = START + (int64_t)at * 60;

		features_compute(window, at, &known, HORIZON, before);
		for (size_t i = at + 1; i < 900; i++) {
			for (size_t m = 0; m < METRIC_COUNT; m++)
				window_set(changed, (enum metric)m, i, 0.99);
		}
		incidents_fini(&more);
		CU_ASSERT_EQUAL(incidents_add(&more, (struct incident){ START + 6000, START + 7000 }), 0);
		CU_ASSERT_EQUAL(incidents_add(&more, (struct incident){ t + 60, t + 600 }), 0);
		incidents_merge(&more);
		features_compute(changed, at, &more, HORIZON, after);
		CU_ASSERT(memcmp(before, after, feature_count() * sizeof(double)) == 0);
		window_free(changed);
		changed = busy_window(900, 7);
	}
	/* The test can fail: a window that is late by a minute is noticed. */
	features_compute(window, 501, &known, HORIZON, after);
	CU_ASSERT(memcmp(before, after, feature_count() * sizeof(double)) != 0);
	incidents_fini(&known);
	incidents_fini(&more);
	window_free(window);
	window_free(changed);
}

/* A month for training and the few hours that a service keeps give the same bits, also after sliding minute by
 * minute. */
static void
test_same_bits(void)
{
	struct window *month = busy_window(4000, 11), *live = window_new(START, 480);
	struct incidents incidents = { 0 };
	double trained[FEATURES_MAX], served[FEATURES_MAX];

	CU_ASSERT_EQUAL(incidents_add(&incidents, (struct incident){ START + 60000, START + 61000 }), 0);
	for (size_t i = 0; i < 4000; i++) {
		size_t place;

		if (i >= 480)
			window_slide(live, 1);
		CU_ASSERT(window_index(live, START + (int64_t)i * 60, &place));
		for (size_t m = 0; m < METRIC_COUNT; m++)
			window_set(live, (enum metric)m, place, month->values[m][i]);
		if (i % 61 != 0 || i < 480)
			continue;
		features_compute(month, i, &incidents, HORIZON, trained);
		features_compute(live, place, &incidents, HORIZON, served);
		CU_ASSERT(memcmp(trained, served, feature_count() * sizeof(double)) == 0);
	}
	incidents_fini(&incidents);
	window_free(month);
	window_free(live);
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
		{ "the wrong metrics", 0, 60, true,
		    "too few metrics: two of rps, err_ratio, lat_p99_ms, cpu and mem are needed" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct window *window = window_new(START, 60);

		for (size_t k = rows[i].known_from; k < rows[i].known_to; k++) {
			window_set(window, rows[i].only_disk ? METRIC_DISK : METRIC_RPS, k, 0.5);
			window_set(window, rows[i].only_disk ? METRIC_DISK : METRIC_CPU, k, 0.5);
		}
		SUITE_TEXT(features_missing(window, 59), rows[i].why);
		window_free(window);
	}
}

static void
test_window(void)
{
	struct window *window = window_new(START, 10);
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
	window_free(window);
}

static void
test_metric_names(void)
{
	CU_ASSERT_EQUAL(metric_find("cpu"), METRIC_CPU);
	CU_ASSERT_EQUAL(metric_find("load:www.example.com."), METRIC_RPS);
	CU_ASSERT_EQUAL(metric_find("backends_healthy"), METRIC_PROBE_OK);
	CU_ASSERT_EQUAL(metric_find("cpus"), METRIC_COUNT);
	CU_ASSERT_EQUAL(metric_find(""), METRIC_COUNT);
}

static void
test_feature_table(void)
{
	char hash[SHA256_TEXT_SIZE];

	CU_ASSERT(feature_count() <= FEATURES_MAX);
	CU_ASSERT_EQUAL(strlen(feature_list_hash(hash)), 64);
	for (size_t i = 0; i < feature_count(); i++) {
		for (size_t k = 0; k < i; k++)
			CU_ASSERT(strcmp(feature_info(i)->name, feature_info(k)->name) != 0);
		CU_ASSERT(feature_info(i)->kind == FEATURE_RECURRENCE || feature_info(i)->kind == FEATURE_SINCE ||
		    feature_info(i)->window_min <= FEATURES_HISTORY_MIN);
	}
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
	struct window *window = window_new(START, 400);

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
	window_free(window);
}

static const struct suite_case cases[] = {
	{ .name = "values worked out by hand", .run = test_values },
	{ .name = "the z-score", .run = test_z_score },
	{ .name = "recurrence and time since an incident", .run = test_incident_features },
	{ .name = "nothing from the future", .run = test_no_future },
	{ .name = "training and service see the same bits", .run = test_same_bits },
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
