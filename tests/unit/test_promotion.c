/* test_promotion.c -- predict/promotion: who takes whose place, and why not. */
#include "models/promotion.h"

#include <math.h>

#include "forecasts.h"

static struct promotion
decide(size_t days, struct forecasts_skill ours, const struct forecasts_skill *theirs,
    const struct forecasts_skill *rule)
{
	struct dataset *dataset = forecasts_dataset(2, days);
	struct scored_row *a = forecasts_rows(2, days, ours);
	struct scored_row *b = theirs == NULL ? NULL : forecasts_rows(2, days, *theirs);
	struct scored_row *c = rule == NULL ? NULL : forecasts_rows(2, days, *rule);
	const struct contender challenger = { "the challenger", a }, incumbent = { "the incumbent", b },
		rules[] = { { "the threshold rule", c } };
	struct promotion out;

	CU_ASSERT_EQUAL(promotion_decide(&challenger, &incumbent, rules, rule == NULL ? 0 : 1,
	    forecasts_count(2, days), dataset, FORECASTS_HORIZON_S, FORECASTS_BASE, 1, &out), 0);
	free(a);
	free(b);
	free(c);
	dataset_free(dataset);
	return out;
}

static void
test_decisions(void)
{
	static const struct {
		const char *name;
		size_t days;
		struct forecasts_skill ours, theirs, rule;
		bool with_incumbent, with_rule, promoted;
		const char *verdict;
	} rows[] = {
		{ .name = "better than the base rate, nobody serves", .days = 10, .ours = { 0.6, 0.003, 2 },
		    .promoted = true, .verdict = "of the base rate" },
		{ .name = "better than the incumbent", .days = 10, .ours = { 0.6, 0.003, 1 },
		    .theirs = { 0.6, 0.003, 2 }, .with_incumbent = true, .promoted = true,
		    .verdict = "of the incumbent" },
		{ .name = "too few incidents", .days = 4, .ours = { 0.6, 0.003, 1 }, .verdict = "8 incidents" },
		{ .name = "no better than the base rate", .days = 10, .ours = { 0, FORECASTS_BASE, 0 }, .verdict = "no better" },
		{ .name = "worse than the base rate", .days = 10, .ours = { 0.6, 0.2, 1 }, .verdict = "no better" },
		{ .name = "the same as the incumbent", .days = 10, .ours = { 0.6, 0.003, 2 },
		    .theirs = { 0.6, 0.003, 2 }, .with_incumbent = true, .verdict = "with a chance of 0.00 only" },
		{ .name = "better by one lucky day", .days = 10, .ours = { 0.9, FORECASTS_BASE, 20 },
		    .verdict = "with a chance of" },
		{ .name = "worse calibrated than the incumbent", .days = 10, .ours = { 0.5, 0.02, 1 },
		    .theirs = { 0.3, 0.0065, 1 }, .with_incumbent = true, .verdict = "calibration error" },
		{ .name = "a simple rule ranks better", .days = 10, .ours = { 0.6, 0.003, 2 },
		    .rule = { 0.6, 0.003, 1 }, .with_rule = true, .verdict = "of the threshold rule" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct promotion out = decide(rows[i].days, rows[i].ours,
		    rows[i].with_incumbent ? &rows[i].theirs : NULL, rows[i].with_rule ? &rows[i].rule : NULL);

		SUITE_ROW(rows[i].name, out.promote == rows[i].promoted);
		if (strstr(out.verdict, rows[i].verdict) == NULL)
			SUITE_TEXT(out.verdict, rows[i].verdict);
	}
}

static void
test_chance(void)
{
	const double sure[] = { 1, 2, 1, 3 }, never[] = { -1, -2, 0 }, even[] = { 1, -1, 1, -1, 1, -1 };
	double half = promotion_chance(even, 6, 4000, 7);

	CU_ASSERT(promotion_chance(sure, 4, 500, 1) >= 1);
	CU_ASSERT(promotion_chance(never, 3, 500, 1) <= 0);
	/* Ties count as not better: of six fair coins, 20 of 64 are even. */
	CU_ASSERT(fabs(half - 22.0 / 64) < 0.03);
	CU_ASSERT(fabs(half - promotion_chance(even, 6, 4000, 7)) <= 0);
	CU_ASSERT(isnan(promotion_chance(sure, 0, 500, 1)));
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "who is promoted, and why not", .run = test_decisions },
		{ .name = "the chance of being better", .run = test_chance },
	};

	return suite_run("promotion", cases, ARRAY_SIZE(cases));
}
