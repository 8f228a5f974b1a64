/* test_evaluate.c -- predict/evaluate: scores against values worked out by hand, and alarms on a small timeline. */
#include "predict/evaluate.h"

#include <math.h>

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
	struct dataset *dataset = dataset_new(1);

	dataset->series[0].window = window_new(0, MINUTES);
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
	CU_ASSERT(near(e.recall, 0.5));		/* a day isn't 200 minutes: no false alarm is allowed */
	CU_ASSERT(near(e.lead_s, 240));
	CU_ASSERT(near(e.false_alarms_per_day, 0));
	CU_ASSERT(near(e.threshold, 0.9));
	/* The other one is found 10 minutes ahead: the median of 4 and 10. */
	rows[140].score = 0.9;
	CU_ASSERT_EQUAL(evaluate(rows, MINUTES, dataset, 600, 0.1, &e), 0);
	CU_ASSERT(near(e.recall, 1));
	CU_ASSERT(near(e.lead_s, 420));
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
	CU_ASSERT(near(e.recall, 0));
	CU_ASSERT(near(e.brier_skill, 0));
	dataset_free(dataset);
}

static const struct suite_case cases[] = {
	{ .name = "average precision and ROC AUC", .run = test_ranking },
	{ .name = "weighted rows", .run = test_weights },
	{ .name = "alarms fire once a horizon", .run = test_alarms },
	{ .name = "Brier skill and calibration", .run = test_brier },
	{ .name = "scores that aren't known", .run = test_unknown_scores },
};

int
main(void)
{
	return suite_run("evaluate", cases, ARRAY_SIZE(cases));
}
