/* test_load.c -- predict/load: forecasts of shapes that are known, gaps, and series too short to say anything. */
#include "predict/load.h"

#include <math.h>
#include <stdbool.h>

#include "suite.h"

#define START INT64_C(1600041600)	/* midnight, UTC */
#define DAYS 3
#define MINUTES (DAYS * 1440)

static double
daily(size_t minute)
{
	return 1000 + 400 * sin(2 * M_PI * (double)minute / 1440);
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
		got = load_forecast(minutes, rows[i].minutes, START, rows[i].horizon_s);
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
	CU_ASSERT(isnan(load_forecast(minutes, 0, START, 600)));
	CU_ASSERT(isnan(load_forecast(minutes, 29, START, 600)));
	CU_ASSERT(fabs(load_forecast(minutes, 30, START, 600) - 100) < 1e-6);
	for (size_t i = 10; i < 60; i++)
		minutes[i] = (double)NAN;
	CU_ASSERT(fabs(load_forecast(minutes, 120, START, 600) - 100) < 1e-6);
	for (size_t i = 110; i < 120; i++)
		minutes[i] = (double)NAN;
	CU_ASSERT(isnan(load_forecast(minutes, 120, START, 600)));
	for (size_t i = 0; i < 120; i++)
		minutes[i] = (double)NAN;
	CU_ASSERT(isnan(load_forecast(minutes, 120, START, 600)));
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

		ours += fabs(load_forecast(minutes, at, START, 3600) - truth);
		theirs += fabs(minutes[at - 1] - truth);
	}
	CU_ASSERT(ours < theirs / 2);
	free(minutes);
}

static const struct suite_case cases[] = {
	{ .name = "known shapes", .run = test_shapes },
	{ .name = "too little to say anything", .run = test_unknown },
	{ .name = "better than persistence", .run = test_beats_persistence },
};

int
main(void)
{
	return suite_run("load", cases, ARRAY_SIZE(cases));
}
