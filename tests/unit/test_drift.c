/* test_drift.c -- predict/drift: models that still fit, and those that don't any more. */
#include "models/drift.h"

#include <math.h>

#include "forecasts.h"

static struct drift
judge(size_t days, struct forecasts_skill skill, double promoted, double strange)
{
	struct dataset *dataset = forecasts_dataset(2, days);
	struct scored_row *rows = forecasts_rows(2, days, skill);
	struct drift out;

	CU_ASSERT_EQUAL(drift_judge(rows, forecasts_count(2, days), dataset, FORECASTS_HORIZON_S, FORECASTS_BASE,
	    promoted, strange, &out), 0);
	free(rows);
	dataset_free(dataset);
	return out;
}

static void
test_verdicts(void)
{
	static const struct {
		const char *name;
		size_t days;
		struct forecasts_skill skill;
		double promoted, strange;
		bool proven, drifted;
		const char *reason;
	} rows[] = {
		{ "still right", 7, { 0.6, 0.003, 2 }, 0.3, 0, true, false, "" },
		{ "nothing to compare with", 7, { 0.6, 0.003, 2 }, (double)NAN, 0, true, false, "" },
		{ "too few incidents", 3, { 0.6, 0.003, 2 }, 0.3, 0, false, false, "unproven: 6 incidents" },
		{ "worse than the base rate", 7, { 0.01, 0.05, 1 }, 0.3, 0, true, true, "the base rate is better" },
		{ "worse than when it was promoted", 7, { 0.2, 0.004, 2 }, 0.4, 0, true, true, "when it was promoted" },
		{ "expects far too many", 7, { 0.95, 0.013, 1 }, 0.3, 0, true, true, "times the incidents" },
		{ "what it sees has moved", 3, { 0.6, 0.003, 2 }, 0.3, 0.3, false, true, "unlike those of its training" },
		{ "cries wolf all the time", 3, { 0.6, 0.6, 1 }, 0.3, 0, false, false, "unproven" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct drift out = judge(rows[i].days, rows[i].skill, rows[i].promoted, rows[i].strange);

		SUITE_ROW(rows[i].name, out.proven == rows[i].proven);
		SUITE_ROW(rows[i].name, out.drifted == rows[i].drifted);
		if (strstr(out.reason, rows[i].reason) == NULL)
			SUITE_TEXT(out.reason, rows[i].reason);
	}
}

/* Two quiet days, then hours of alarms without an incident: no score of few incidents shows that, the loss does. */
static void
test_loss_rises(void)
{
	struct dataset *dataset = forecasts_dataset(1, 3);
	struct scored_row *rows = forecasts_rows(1, 3, (struct forecasts_skill){ 0.5, 0.003, 1 });
	struct drift calm, upset;

	CU_ASSERT_EQUAL(drift_judge(rows, forecasts_count(1, 3), dataset, FORECASTS_HORIZON_S, FORECASTS_BASE, 0.3,
	    0, &calm), 0);
	for (size_t m = 0; m < 300; m++)
		rows[2 * FORECASTS_DAY_MIN + m].score = 0.8;
	CU_ASSERT_EQUAL(drift_judge(rows, forecasts_count(1, 3), dataset, FORECASTS_HORIZON_S, FORECASTS_BASE, 0.3,
	    0, &upset), 0);
	CU_ASSERT(!calm.drifted);
	CU_ASSERT(upset.drifted);
	CU_ASSERT(strstr(upset.reason, "Brier loss rose") != NULL);
	free(rows);
	dataset_free(dataset);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "what is right and what isn't", .run = test_verdicts },
		{ .name = "a loss that rises", .run = test_loss_rises },
	};

	return suite_run("drift", cases, ARRAY_SIZE(cases));
}
