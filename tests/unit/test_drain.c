/* test_drain.c -- control/drain: what an override lets in at each moment. */
#include "control/drain.h"

#include <math.h>

#include "suite.h"

#define NOW_MS INT64_C(1000000000)

/* Seconds from NOW_MS; until 0: for ever. */
static struct override
drain(double begin, double value, double from, double over, double until)
{
	return (struct override){ .kind = "drain", .region = "a", .service = "", .reason = "", .author = "",
		.begin = begin, .value = value, .over_ms = (int64_t)(over * 1000),
		.from = { NOW_MS + (int64_t)(from * 1000) },
		.until = { until > 0 ? NOW_MS + (int64_t)(until * 1000) : 0 } };
}

static struct wall
at(double seconds)
{
	return (struct wall){ NOW_MS + (int64_t)(seconds * 1000) };
}

static void
test_share(void)
{
	static const struct {
		const char *name;
		double begin, value, from, over, until, at, share;
		bool over_by_then, ending;
	} rows[] = {
		{ "at once", 1, 0.25, 0, 0, 0, 0, 0.25, false, false },
		{ "not before it begins", 1, 0.25, 10, 0, 0, 9.999, 1, false, false },
		{ "until it ends", 1, 0.25, 0, 0, 60, 59.999, 0.25, false, false },
		{ "then all", 1, 0.25, 0, 0, 60, 60, 1, true, true },
		{ "a way there", 1, 0, 0, 100, 0, 25, 0.75, false, false },
		{ "that ends", 1, 0, 0, 100, 0, 100, 0, false, false },
		{ "and stays", 1, 0, 0, 100, 0, 1e6, 0, false, false },
		{ "from a part", 0.5, 0.1, 0, 100, 0, 50, 0.3, false, false },
		{ "a way back as long", 1, 0, 0, 100, 1000, 1050, 0.5, false, true },
		{ "at its end", 1, 0, 0, 100, 1000, 1099.999, 0.99999, false, true },
		{ "all", 1, 0, 0, 100, 1000, 1100, 1, true, true },
		{ "cut short on its way there", 1, 0, 0, 100, 40, 40, 0.6, false, true },
		{ "and back from where it was", 1, 0, 0, 100, 40, 90, 0.8, false, true },
		{ "a way back of its own", 0.25, 1, 0, 10, 10, 5, 0.625, false, true },
		{ "is over when it's there", 0.25, 1, 0, 10, 10, 10, 1, true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct override o = drain(rows[i].begin, rows[i].value, rows[i].from, rows[i].over, rows[i].until);

		SUITE_ROW(rows[i].name, fabs(drain_share(&o, at(rows[i].at)) - rows[i].share) < 1e-9);
		SUITE_ROW(rows[i].name, drain_is_over(&o, at(rows[i].at)) == rows[i].over_by_then);
		SUITE_ROW(rows[i].name, drain_is_ending(&o, at(rows[i].at)) == rows[i].ending);
	}
}

/* Down all the way, then up all the way: whoever has left stays away until he comes back for good. */
static void
test_monotone(void)
{
	static const struct override ways[] = {
		{ .begin = 1, .value = 0.1, .over_ms = 7000, .from = { NOW_MS }, .until = { NOW_MS + 30000 } },
		{ .begin = 1, .value = 0, .over_ms = 20000, .from = { NOW_MS }, .until = { NOW_MS + 9000 } },
		{ .begin = 1, .value = 0.5, .over_ms = 0, .from = { NOW_MS }, .until = { NOW_MS + 5000 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		double last = 1;
		bool good = true;

		for (int64_t ms = 0; ms <= 60000; ms += 250) {
			double share = drain_share(&ways[i], (struct wall){ NOW_MS + ms });

			if (NOW_MS + ms < ways[i].until.ms)
				good = good && share <= last;
			else if (NOW_MS + ms - 250 >= ways[i].until.ms)
				good = good && share >= last;
			last = share;
		}
		CU_ASSERT(good);
		CU_ASSERT_EQUAL(last, 1);
	}
}

/* Ended at any moment: no jump, and back within the time. */
static void
test_end(void)
{
	for (double t = 0; t < 150; t += 7) {
		struct override o = drain(1, 0.2, 0, 100, 0);
		double share = drain_share(&o, at(t));

		drain_end(&o, 30000, at(t));
		CU_ASSERT_DOUBLE_EQUAL(drain_share(&o, at(t)), share, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(drain_share(&o, at(t + 15)), (1 + share) / 2, 1e-9);
		CU_ASSERT(drain_is_over(&o, at(t + 30)));
		CU_ASSERT(t < 1 || !drain_is_over(&o, at(t + 29)));
	}
}

/* What it leads to from now on: that is what safety is judged by. */
static void
test_goal(void)
{
	static const struct { const char *name; double at, goal; } rows[] = {
		{ "before it begins", -1, 0.2 }, { "at first", 0, 0.2 }, { "on its way", 50, 0.2 }, { "there", 500, 0.2 },
		{ "on its way back", 1050, 0.6 }, { "back", 1100, 1 },
	};
	struct override o = drain(1, 0.2, 0, 100, 1000);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_ROW(rows[i].name, fabs(drain_goal(&o, at(rows[i].at)) - rows[i].goal) < 1e-9);
}

static const struct suite_case cases[] = {
	{ .name = "the share at each moment", .run = test_share },
	{ .name = "one way and the other", .run = test_monotone },
	{ .name = "an end at any moment", .run = test_end },
	{ .name = "the goal", .run = test_goal },
};

int
main(void)
{
	return suite_run("drain", cases, ARRAY_SIZE(cases));
}
