/* test_health.c -- rem-agent/health: rise and fall as a table of results and verdicts; shares and quantiles. */
#include "rem-agent/health.h"

#include <math.h>

#include "suite.h"

/* Results: '+' good, '-' bad. Verdicts after each: '?' none, 'U' up, 'D' down. */
static const struct {
	const char *name;
	unsigned rise, fall;
	const char *results, *verdicts;
} rows[] = {
	{ "the first good one decides", 2, 3, "+", "U" },
	{ "the first bad ones are counted", 2, 3, "---", "??D" },
	{ "a good one among the first bad ones decides", 2, 3, "--+", "??U" },
	{ "fall in a row take it down", 2, 3, "+---", "UUUD" },
	{ "a good one in between starts the count anew", 2, 3, "+--+--+---", "UUUUUUUUUD" },
	{ "rise in a row bring it back", 2, 3, "+---++", "UUUDDU" },
	{ "a bad one in between starts that count anew", 3, 1, "-++-+++", "DDDDDDU" },
	{ "rise and fall of one follow each result", 1, 1, "+-+--+", "UDUDDU" },
	{ "every other probe bad: the verdict stays", 2, 2, "+-+-+-+-", "UUUUUUUU" },
	{ "down and every other probe good: stays down", 2, 1, "-+-+-+-", "DDDDDDD" },
	{ "long counts", 1, 5, "+-----", "UUUUUD" },
};

static void
test_verdicts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct health health = { 0 };
		char verdicts[32] = "";

		for (size_t n = 0; rows[i].results[n] != '\0'; n++) {
			enum verdict before = health.verdict;
			bool changed = health_note(&health, rows[i].results[n] == '+', rows[i].rise, rows[i].fall);

			CU_ASSERT_EQUAL(changed, before != health.verdict);
			CU_ASSERT_EQUAL(health_undecided(&health), health.verdict == VERDICT_NONE);
			verdicts[n] = "?UD"[health.verdict];
		}
		if (strcmp(verdicts, rows[i].verdicts) != 0)
			printf("# %s\n", rows[i].name);
		SUITE_TEXT(verdicts, rows[i].verdicts);
	}
}

static void
test_tally(void)
{
	struct tally tally = { 0 };

	CU_ASSERT_TRUE(isnan(tally_quantile(&tally, 0.5)));
	CU_ASSERT_TRUE(isnan(tally_good_share(&tally)));
	for (unsigned i = 100; i >= 1; i--)
		tally_good(&tally, i);
	tally.bad = 25;
	CU_ASSERT_EQUAL(tally_quantile(&tally, 0.5), 50);
	CU_ASSERT_EQUAL(tally_quantile(&tally, 0.99), 99);
	CU_ASSERT_EQUAL(tally_quantile(&tally, 1), 100);
	CU_ASSERT_EQUAL(tally_quantile(&tally, 0), 1);
	CU_ASSERT_EQUAL(tally_good_share(&tally), 0.8);
	tally_clear(&tally);
	CU_ASSERT_TRUE(isnan(tally_quantile(&tally, 0.5)));
	tally_good(&tally, 7);
	CU_ASSERT_EQUAL(tally_quantile(&tally, 0.99), 7);
	CU_ASSERT_EQUAL(tally_good_share(&tally), 1);
	tally_fini(&tally);
}

/* Past the room, late latencies take the places of early ones: of twice as many, the median is near the middle. */
static void
test_tally_full(void)
{
	struct tally tally = { 0 };

	for (unsigned i = 0; i < 3 * TALLY_MAX; i++)
		tally_good(&tally, i);
	CU_ASSERT_EQUAL(tally.count, TALLY_MAX);
	CU_ASSERT_EQUAL(tally.good, 3 * TALLY_MAX);
	CU_ASSERT(tally_quantile(&tally, 0.5) > TALLY_MAX);
	tally_fini(&tally);
}

static const struct suite_case cases[] = {
	{ .name = "rise and fall", .run = test_verdicts },
	{ .name = "shares and quantiles of an interval", .run = test_tally },
	{ .name = "more probes than room", .run = test_tally_full },
};

int
main(void)
{
	return suite_run("health", cases, ARRAY_SIZE(cases));
}
