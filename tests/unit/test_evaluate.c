/* test_evaluate.c -- predict/evaluate: scores against values worked out by hand, and alarms on a small timeline. */
#include "predict/evaluate.h"

#include <math.h>

#include "backtest/intervals.h"

#include "suite.h"

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-12;
}

static void
test_ranking(void)
{
	static const struct {
		const char *name;
		size_t count;
		double scores[8];
		bool positives[8];
		double ap, auc;
	} rows[] = {
		{ "perfect", 4, { 0.9, 0.8, 0.2, 0.1 }, { true, true, false, false }, 1, 1 },
		{ "worst", 4, { 0.9, 0.8, 0.2, 0.1 }, { false, false, true, true }, (1.0 / 3 + 2.0 / 4) / 2, 0 },
		{ "mixed", 5, { 5, 4, 3, 2, 1 }, { true, false, true, false, false }, (1 + 2.0 / 3) / 2, 5.0 / 6 },
		{ "all alike is the base rate", 4, { 1, 1, 1, 1 }, { true, false, false, false }, 0.25, 0.5 },
		{ "a tie between both kinds", 3, { 2, 2, 1 }, { true, false, false }, 0.5, 0.75 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!near(average_precision(rows[i].scores, rows[i].positives, NULL, rows[i].count), rows[i].ap) ||
		    !near(roc_auc(rows[i].scores, rows[i].positives, rows[i].count), rows[i].auc))
			SUITE_TEXT(rows[i].name, "scores as worked out by hand");
	}
	CU_ASSERT(isnan(roc_auc(rows[0].scores, (const bool[4]){ false }, 4)));
	CU_ASSERT(isnan(average_precision(rows[0].scores, (const bool[4]){ false }, NULL, 4)));
}

/* A weight of two is the same as the row twice. */
static void
test_weights(void)
{
	const double twice[] = { 0.9, 0.5, 0.5, 0.3 }, once[] = { 0.9, 0.5, 0.3 }, weights[] = { 1, 2, 1 };
	const bool positives_twice[] = { true, false, false, true }, positives_once[] = { true, false, true };

	CU_ASSERT(near(average_precision(twice, positives_twice, NULL, 4),
	    average_precision(once, positives_once, weights, 3)));
}

/* One series of 200 minutes with incidents that begin at minutes 100 and 150, horizon 10 minutes. */
#define MINUTES 200
static struct dataset *
timeline(struct scored_row *rows)
{
	struct dataset *dataset = dataset_new(1, NULL);

	dataset->series[0].window = window_new(dataset->metrics, 0, 60, MINUTES);
	dataset->series[0].name = strdup("r");
	CU_ASSERT_EQUAL(incidents_add(&dataset->series[0].incidents, (struct incident){ 6000, 6060 }), 0);
	CU_ASSERT_EQUAL(incidents_add(&dataset->series[0].incidents, (struct incident){ 9000, 9060 }), 0);
	for (int64_t i = 0; i < MINUTES; i++)
		rows[i] = (struct scored_row){ 0, (i >= 90 && i < 100) || (i >= 140 && i < 150), i * 60, 0.01 };
	return dataset;
}

static void
test_alarms(void)
{
	struct scored_row rows[MINUTES];
	struct dataset *dataset = timeline(rows);
	struct evaluation e;

	/* Found 4 minutes ahead; a false alarm at minute 20 is heard once, not ten times. */
	for (size_t i = 96; i < 100; i++)
		rows[i].score = 0.9;
	for (size_t i = 20; i < 30; i++)
		rows[i].score = 0.5;
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT_EQUAL(e.events, 2);
	CU_ASSERT_EQUAL(e.positives, 20);
	CU_ASSERT(near(e.best.recall, 0.5));		/* a day isn't 200 minutes: no false alarm is allowed */
	CU_ASSERT(near(e.best.lead_s, 240));
	CU_ASSERT(near(e.best.false_alarms_per_day, 0));
	CU_ASSERT(near(e.best.threshold, 0.9));
	/* The other one is found 10 minutes ahead: the median of 4 and 10. */
	rows[140].score = 0.9;
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT(near(e.best.recall, 1));
	CU_ASSERT(near(e.best.lead_s, 420));
	dataset_free(dataset);
}

static void
test_brier(void)
{
	struct scored_row rows[MINUTES];
	struct dataset *dataset = timeline(rows);
	struct evaluation e;

	for (size_t i = 0; i < MINUTES; i++)
		rows[i].score = 0.1;
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT(near(e.brier, 0.1 * 0.9));
	CU_ASSERT(near(e.brier_skill, 0));
	CU_ASSERT(e.calibration_error < 1e-12);
	CU_ASSERT(near(e.average_precision, 0.1));
	for (size_t i = 0; i < MINUTES; i++)
		rows[i].score = rows[i].positive ? 1 : 0;
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT(near(e.brier, 0));
	CU_ASSERT(near(e.brier_skill, 1));
	for (size_t i = 0; i < MINUTES; i++)
		rows[i].score = 0.4;
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT(near(e.calibration_error, 0.3));
	CU_ASSERT(e.brier_skill < 0);
	CU_ASSERT_EQUAL(evaluate(rows, 0, dataset, 600, 0.1, &e), -22);
	dataset_free(dataset);
}

/* What is said, and what comes, row by row: the scores that are sums of it. */
static void
test_losses(void)
{
	struct scored_row rows[MINUTES];
	struct dataset *dataset = timeline(rows);
	struct evaluation e;

	/* The 20 positives are said to come by 0.55, the others by 0.05. */
	for (size_t i = 0; i < MINUTES; i++)
		rows[i].score = rows[i].positive ? 0.55 : 0.05;
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT(near(e.log_loss, -(0.1 * log(0.55) + 0.9 * log(0.95))));
	CU_ASSERT(near(e.mean, 0.1 * 0.55 + 0.9 * 0.05));
	CU_ASSERT(near(e.calibration_error, 0.1 * 0.45 + 0.9 * 0.05));
	CU_ASSERT(near(e.calibration_error_mass, 0.1 * 0.45 + 0.9 * 0.05));
	CU_ASSERT_EQUAL(e.widths[0].rows, 180);
	CU_ASSERT_EQUAL(e.widths[5].rows, 20);
	CU_ASSERT(near(e.widths[5].said, 0.55));
	CU_ASSERT(near(e.widths[5].came, 1));
	for (size_t b = 0; b < EVALUATE_BINS; b++)
		CU_ASSERT_EQUAL(e.masses[b].rows, 20);
	CU_ASSERT(near(e.masses[9].came, 1));
	CU_ASSERT(near(e.masses[8].came, 0));
	/* Errors that cancel out in one bin of equal width don't where bins hold equally many: 0.01 and 0.09 in turn. */
	for (size_t i = 0; i < MINUTES; i++) {
		rows[i].positive = i % 20 == 0;
		rows[i].score = i % 2 == 0 ? 0.01 : 0.09;
	}
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.05, &e), 0);
	CU_ASSERT(near(e.calibration_error, 0));
	CU_ASSERT(near(e.calibration_error_mass, 0.09));
	/* Certain, and wrong: bounded. */
	for (size_t i = 0; i < MINUTES; i++) {
		rows[i].positive = true;
		rows[i].score = 0;
	}
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT(near(e.log_loss, -log(1e-9)));
	dataset_free(dataset);
}

/* Alarms where isobard would act, whatever threshold would be best. */
static void
test_own_threshold(void)
{
	struct scored_row rows[MINUTES];
	struct dataset *dataset = timeline(rows);
	struct evaluation e;

	for (size_t i = 145; i < 150; i++)
		rows[i].score = 0.1;
	for (size_t i = 0; i < 60; i += 20)
		rows[i].score = 0.15;
	rows[95].score = 0.099;
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT_EQUAL(e.own.found, 1);
	CU_ASSERT_EQUAL(e.own.false_alarms, 3);
	CU_ASSERT(near(e.own.recall, 0.5));
	CU_ASSERT(near(e.own.lead_s, 300));
	CU_ASSERT(near(e.own.false_alarms_per_day, 3 / (MINUTES / 1440.0)));
	CU_ASSERT(near(e.series_days, MINUTES / 1440.0));
	dataset_free(dataset);
}

/* Ten days of two series, an incident each day at noon; the score knows it beforehand on `knows` of ten days. */
#define DAYS 10
#define SPAN (DAYS * 1440)
static struct scored_row *
days(struct dataset **dataset, int64_t knows)
{
	struct scored_row *rows = calloc(2 * SPAN, sizeof(*rows));

	*dataset = dataset_new(2, NULL);
	for (uint32_t s = 0; s < 2; s++) {
		(*dataset)->series[s].name = strdup("r");
		for (int64_t day = 0; day < DAYS; day++) {
			struct incident incident = { (day * 1440 + 720) * 60, (day * 1440 + 730) * 60 };

			CU_ASSERT_EQUAL(incidents_add(&(*dataset)->series[s].incidents, incident), 0);
		}
		for (int64_t i = 0; i < SPAN; i++) {
			bool positive = i % 1440 >= 710 && i % 1440 < 720;

			rows[s * SPAN + i] = (struct scored_row){ s, positive, i * 60,
				positive && i / 1440 < knows ? 0.9 : 0.001 };
		}
	}
	return rows;
}

static void
test_intervals(void)
{
	struct dataset *dataset;
	struct scored_row *rows = days(&dataset, 5);
	struct evaluation e;
	struct intervals a, b;

	CU_ASSERT_EQUAL(evaluate(rows, 2 * SPAN, dataset, 600, 0.007, &e), 0);
	CU_ASSERT(near(e.best.recall, 0.5));
	CU_ASSERT_EQUAL(intervals_draw(rows, 2 * SPAN, dataset, 600, 0.007, &e, 1, &a), 0);
	CU_ASSERT_EQUAL(intervals_draw(rows, 2 * SPAN, dataset, 600, 0.007, &e, 1, &b), 0);
	CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
	/* 20 days of which each is found or not: the binomial interval of a half is 0.5 +- 0.22. */
	CU_ASSERT(a.recall.low >= 0.2 && a.recall.low <= 0.35);
	CU_ASSERT(a.recall.high >= 0.65 && a.recall.high <= 0.8);
	CU_ASSERT(a.average_precision.low < e.average_precision && e.average_precision < a.average_precision.high);
	CU_ASSERT(a.brier_skill.low < e.brier_skill && e.brier_skill < a.brier_skill.high);
	CU_ASSERT(a.lift.low < e.average_precision / e.prevalence);
	free(rows);
	dataset_free(dataset);

	/* Who is always right is so on every draw. */
	rows = days(&dataset, DAYS);
	CU_ASSERT_EQUAL(evaluate(rows, 2 * SPAN, dataset, 600, 0.007, &e), 0);
	CU_ASSERT_EQUAL(intervals_draw(rows, 2 * SPAN, dataset, 600, 0.007, &e, 1, &a), 0);
	CU_ASSERT(near(a.average_precision.low, 1) && near(a.average_precision.high, 1));
	CU_ASSERT(near(a.recall.low, 1) && near(a.recall.high, 1));
	free(rows);
	dataset_free(dataset);
}

/* No incident: what has no value has no interval. */
static void
test_intervals_without_events(void)
{
	struct scored_row rows[MINUTES];
	struct dataset *dataset = timeline(rows);
	struct evaluation e;
	struct intervals a;

	CU_ASSERT_EQUAL(evaluate(rows, 50, dataset, 600, 0.1, &e), 0);
	CU_ASSERT(isnan(e.best.recall));
	CU_ASSERT_EQUAL(intervals_draw(rows, 50, dataset, 600, 0.1, &e, 1, &a), 0);
	CU_ASSERT(isnan(a.average_precision.low) && isnan(a.recall.high));
	CU_ASSERT(a.brier_skill.low > 0);
	dataset_free(dataset);
}

static void
test_unknown_scores(void)
{
	struct scored_row rows[MINUTES];
	struct dataset *dataset = timeline(rows);
	struct evaluation e;

	for (size_t i = 0; i < MINUTES; i++)
		rows[i].score = (double)NAN;
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT(near(e.average_precision, 0.1));
	CU_ASSERT(near(e.best.recall, 0));
	CU_ASSERT(near(e.brier_skill, 0));
	dataset_free(dataset);
}

static const struct suite_case cases[] = {
	{ .name = "average precision and ROC AUC", .run = test_ranking },
	{ .name = "weighted rows", .run = test_weights },
	{ .name = "alarms fire once a horizon", .run = test_alarms },
	{ .name = "Brier skill and calibration", .run = test_brier },
	{ .name = "log loss, bins of equal width and of equal mass", .run = test_losses },
	{ .name = "alarms where isobard acts", .run = test_own_threshold },
	{ .name = "intervals by drawing days", .run = test_intervals },
	{ .name = "intervals where nothing happened", .run = test_intervals_without_events },
	{ .name = "scores that aren't known", .run = test_unknown_scores },
};

int
main(void)
{
	return suite_run("evaluate", cases, ARRAY_SIZE(cases));
}
