/* test_load.c -- predict/load: forecasts of shapes that are known, gaps, and series too short to say anything. */
#include "load/load.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define START INT64_C(1600041600)	/* midnight, UTC */
#define DAYS 3
#define MINUTES (DAYS * 1440)

static double
daily(size_t minute)
{
	return 1000 + 400 * sin(2 * M_PI * (double)minute / 1440);
}

/* The forecast for one of the horizons. */
static double
middle(const double *minutes, size_t count, int64_t horizon_s, const struct load_model *model, const char *region)
{
	struct load_band bands[LOAD_HORIZONS];

	load_forecast(minutes, count, START, model, region, bands);
	return bands[load_horizon(horizon_s)].middle;
}

static void
test_shapes(void)
{
	static const struct {
		const char *name;
		size_t minutes;
		double level, rise, wave;	/* rise per minute; wave: of daily() */
		int64_t horizon_s;
		double tolerance;
	} rows[] = {
		{ "flat, an hour of history", 60, 500, 0, 0, 600, 0.001 },
		{ "flat, days of history", MINUTES, 500, 0, 0, 3600, 0.001 },
		{ "nothing at all is zero", 60, 0, 0, 0, 600, 0.001 },
		{ "rising", 180, 500, 1, 0, 600, 0.02 },
		{ "a day's wave", MINUTES, 0, 0, 1, 600, 0.02 },
		{ "a day's wave, an hour ahead", MINUTES, 0, 0, 1, 3600, 0.05 },
	};
	double *minutes = malloc(MINUTES * sizeof(*minutes));

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t end = rows[i].minutes - 1 + (size_t)rows[i].horizon_s / 60;
		double expected, got;

		for (size_t k = 0; k < rows[i].minutes; k++)
			minutes[k] = rows[i].level + rows[i].rise * (double)k + rows[i].wave * daily(k);
		expected = rows[i].level + rows[i].rise * (double)end + rows[i].wave * daily(end);
		got = middle(minutes, rows[i].minutes, rows[i].horizon_s, NULL, "r");
		if (!(fabs(got - expected) <= rows[i].tolerance * (1 + expected))) {
			printf("%s: %g, expected %g\n", rows[i].name, got, expected);
			SUITE_TEXT(rows[i].name, "a forecast near the shape's value");
		}
	}
	free(minutes);
}

static void
test_unknown(void)
{
	double minutes[120];

	for (size_t i = 0; i < 120; i++)
		minutes[i] = 100;
	CU_ASSERT(isnan(middle(minutes, 0, 600, NULL, "r")));
	CU_ASSERT(isnan(middle(minutes, 29, 600, NULL, "r")));
	CU_ASSERT(fabs(middle(minutes, 30, 600, NULL, "r") - 100) < 1e-6);
	for (size_t i = 10; i < 60; i++)
		minutes[i] = (double)NAN;
	CU_ASSERT(fabs(middle(minutes, 120, 600, NULL, "r") - 100) < 1e-6);
	for (size_t i = 110; i < 120; i++)
		minutes[i] = (double)NAN;
	CU_ASSERT(isnan(middle(minutes, 120, 600, NULL, "r")));
	for (size_t i = 0; i < 120; i++)
		minutes[i] = (double)NAN;
	CU_ASSERT(isnan(middle(minutes, 120, 600, NULL, "r")));
}

/* On noise around a daily wave, over a day of forecasts: better than saying that it stays as it is. */
static void
test_beats_persistence(void)
{
	double *minutes = malloc(MINUTES * sizeof(*minutes)), ours = 0, theirs = 0;
	uint64_t state = 5;

	for (size_t i = 0; i < MINUTES; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		minutes[i] = daily(i) * (1 + 0.05 * ((double)(state >> 11) * 0x1p-53 - 0.5));
	}
	for (size_t at = MINUTES - 1440; at + 60 < MINUTES; at += 37) {
		double truth = minutes[at + 59];

		ours += fabs(middle(minutes, at, 3600, NULL, "r") - truth);
		theirs += fabs(minutes[at - 1] - truth);
	}
	CU_ASSERT(ours < theirs / 2);
	free(minutes);
}

#define LONG_MINUTES (8 * 1440)

/* A daily wave, and on it one of 70 minutes that no day's season can hold; `noise` is what nothing explains. */
static double *
rippled(double ripple, double noise)
{
	double *minutes = malloc(LONG_MINUTES * sizeof(*minutes));
	uint64_t state = 3;

	for (size_t i = 0; i < LONG_MINUTES; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		minutes[i] = daily(i) * (1 + ripple * sin(2 * M_PI * (double)i / 70) +
		    noise * ((double)(state >> 11) * 0x1p-53 - 0.5));
	}
	return minutes;
}

/* Trained on seven days, it's nearer on the eighth than Holt-Winters alone. */
static void
test_correction(void)
{
	double *minutes = rippled(0.1, 0.02), gains[LOAD_HORIZONS], with = 0, without = 0;
	struct text part = { 0 }, error = { 0 };
	struct load_model *model;
	char *text;

	CU_ASSERT_EQUAL(load_train(minutes, 7 * 1440, START, "eu", &part, gains), 0);
	CU_ASSERT(gains[0] < 0.9);
	text = load_write(part.bytes);
	model = load_read(text, strlen(text), &error);
	SUITE_TEXT(error.bytes, NULL);
	CU_ASSERT(model != NULL && load_regions(model) == 1);
	for (size_t at = 7 * 1440; at + 60 < LONG_MINUTES; at += 25) {
		double truth = (minutes[at + 7] + minutes[at + 8] + minutes[at + 9]) / 3;

		with += fabs(middle(minutes, at, 600, model, "eu") - truth);
		without += fabs(middle(minutes, at, 600, NULL, "eu") - truth);
	}
	CU_ASSERT(with < without * 0.9);
	/* It speaks for its region only. */
	CU_ASSERT(middle(minutes, 8000, 600, model, "us") == middle(minutes, 8000, 600, NULL, "us"));
	CU_ASSERT(middle(minutes, 8000, 600, model, "eu") != middle(minutes, 8000, 600, NULL, "eu"));
	load_free(model);
	text_fini(&part);
	free(text);
	free(minutes);
}

/* A random walk, about whose next step nothing can be known. */
static double *
walk(void)
{
	double *minutes = malloc(LONG_MINUTES * sizeof(*minutes)), level = 7;
	uint64_t state = 8;

	for (size_t i = 0; i < LONG_MINUTES; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		if (i % 5 == 0)
			level += 0.05 * ((double)(state >> 11) * 0x1p-53 - 0.5);
		minutes[i] = exp(level);
	}
	return minutes;
}

/* Nothing is left to learn: no correction. Too little history: none either. */
static void
test_guard(void)
{
	double *minutes = walk(), gains[LOAD_HORIZONS];
	struct text part = { 0 }, error = { 0 };
	struct load_model *model;
	char *text;

	CU_ASSERT_EQUAL(load_train(minutes, 7 * 1440, START, "eu", &part, gains), 0);
	text = load_write(part.bytes);
	model = load_read(text, strlen(text), &error);
	CU_ASSERT_FATAL(model != NULL);
	for (size_t h = 0; h < LOAD_HORIZONS; h++)
		CU_ASSERT(gains[h] >= 0.98 && gains[h] < 1.2);
	CU_ASSERT_EQUAL(load_corrections(model), 0);
	load_free(model);
	text_fini(&part);
	free(text);
	free(minutes);
	minutes = rippled(0.1, 0.02);
	CU_ASSERT_EQUAL(load_train(minutes, 3 * 1440, START, "eu", &part, gains), 0);
	CU_ASSERT(isnan(gains[0]) && isnan(gains[1]) && isnan(gains[2]));
	CU_ASSERT_EQUAL(part.length, 0);
	free(minutes);
}

/* Of truths that nothing was fitted to, 80 of 100 lie in the band, and the middle is between its bounds. */
static void
test_band(void)
{
	double *minutes = rippled(0, 0.4), gains[LOAD_HORIZONS];
	size_t within = 0, count = 0;
	struct text part = { 0 }, error = { 0 };
	struct load_model *model;
	char *text;

	CU_ASSERT_EQUAL(load_train(minutes, 6 * 1440, START, "eu", &part, gains), 0);
	text = load_write(part.bytes);
	model = load_read(text, strlen(text), &error);
	CU_ASSERT_FATAL(model != NULL);
	for (size_t at = 6 * 1440; at + 60 < LONG_MINUTES; at += 5) {
		struct load_band bands[LOAD_HORIZONS];

		load_forecast(minutes, at, START, model, "eu", bands);
		for (size_t h = 0; h < LOAD_HORIZONS; h++) {
			size_t end = at + (size_t)load_horizons_s[h] / 60;
			double truth = 0;

			for (size_t i = end - 5; i < end; i++)
				truth += minutes[i] / 5;
			within += truth >= bands[h].lower && truth <= bands[h].upper ? 1 : 0;
			count++;
			CU_ASSERT(bands[h].lower < bands[h].middle && bands[h].middle < bands[h].upper);
		}
	}
	printf("# the band held %.3f\n", (double)within / (double)count);
	CU_ASSERT((double)within >= 0.75 * (double)count && (double)within <= 0.85 * (double)count);
	load_free(model);
	text_fini(&part);
	free(text);
	free(minutes);
}

/* The same history gives the same model, bit by bit; what isn't a number is a gap. */
static void
test_same(void)
{
	double *minutes = rippled(0.1, 0.02), gains[LOAD_HORIZONS];
	struct text parts[3] = { { 0 } };

	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 1000; k < 1500 && i > 0; k++)
			minutes[k] = i == 1 ? (double)NAN : k % 2 == 0 ? (double)INFINITY : -(double)INFINITY;
		CU_ASSERT_EQUAL(load_train(minutes, 7 * 1440, START, "eu", &parts[i], gains), 0);
	}
	CU_ASSERT(strcmp(parts[0].bytes, parts[1].bytes) != 0);
	CU_ASSERT_EQUAL(strcmp(parts[1].bytes, parts[2].bytes), 0);
	for (size_t i = 0; i < 3; i++)
		text_fini(&parts[i]);
	free(minutes);
}

/* What never changes has a model that says so, and a sudden doubling is followed. */
static void
test_constant(void)
{
	double *minutes = malloc(LONG_MINUTES * sizeof(*minutes)), gains[LOAD_HORIZONS];
	struct text part = { 0 }, error = { 0 };
	struct load_model *model;
	char *text;

	for (size_t i = 0; i < LONG_MINUTES; i++)
		minutes[i] = i < 8 * 1440 - 120 ? 250 : 500;
	CU_ASSERT_EQUAL(load_train(minutes, 7 * 1440, START, "eu", &part, gains), 0);
	text = load_write(part.bytes);
	model = load_read(text, strlen(text), &error);
	CU_ASSERT_FATAL(model != NULL);
	CU_ASSERT_EQUAL(load_corrections(model), 0);
	for (size_t h = 0; h < LOAD_HORIZONS; h++) {
		CU_ASSERT(fabs(middle(minutes, 7 * 1440, load_horizons_s[h], model, "eu") - 250) < 1e-6);
		CU_ASSERT(fabs(middle(minutes, LONG_MINUTES, load_horizons_s[h], model, "eu") - 500) < 25);
	}
	load_free(model);
	text_fini(&part);
	free(text);
	free(minutes);
}

static void
test_model_errors(void)
{
	double *minutes = rippled(0.1, 0.02), gains[LOAD_HORIZONS];
	struct text part = { 0 }, why = { 0 };
	char *text;
	size_t length;

	CU_ASSERT_EQUAL(load_train(minutes, 7 * 1440, START, "eu", &part, gains), 0);
	text = load_write(part.bytes);
	length = strlen(text);
	for (size_t cut = 0; cut < length; cut += 4999) {
		struct text error = { 0 };

		CU_ASSERT(load_read(text, cut, &error) == NULL && error.length > 0);
		text_fini(&error);
	}
	text[length / 2] = (char)(text[length / 2] == '1' ? '2' : '1');
	CU_ASSERT(load_read(text, length, &why) == NULL);
	SUITE_TEXT(why.bytes, "the checksum doesn't match: cut short or changed");
	text_fini(&why);
	free(text);
	/* Whole, but wrong. */
	for (size_t i = 0; i < 3; i++) {
		static const char *const parts[] = { "region\n", "region eu 1 1 1 1 1 1 1 2\n", "nonsense\n" };
		struct text error = { 0 };

		text = load_write(parts[i]);
		CU_ASSERT(load_read(text, strlen(text), &error) == NULL && error.length > 0);
		text_fini(&error);
		free(text);
	}
	/* A part cut short, under a checksum that is right. */
	for (size_t cut = part.length - 1; cut > 0; cut -= cut > 4999 ? 4999 : cut) {
		struct text error = { 0 };

		part.bytes[cut] = '\0';
		text = load_write(part.bytes);
		CU_ASSERT(load_read(text, strlen(text), &error) == NULL && error.length > 0);
		text_fini(&error);
		free(text);
	}
	text_fini(&part);
	free(minutes);
}

static const struct suite_case cases[] = {
	{ .name = "known shapes", .run = test_shapes },
	{ .name = "too little to say anything", .run = test_unknown },
	{ .name = "better than persistence", .run = test_beats_persistence },
	{ .name = "a correction where there is something to learn", .run = test_correction },
	{ .name = "no correction where there isn't", .run = test_guard },
	{ .name = "the band holds 80 of 100", .run = test_band },
	{ .name = "trained twice, the same bits", .run = test_same },
	{ .name = "what never changes", .run = test_constant },
	{ .name = "a damaged model is refused", .run = test_model_errors },
};

int
main(void)
{
	return suite_run("load", cases, ARRAY_SIZE(cases));
}
