/* test_agent_scarce.c -- reports, series and the composer when memory runs out: each request is refused once. */
#include <math.h>

#include "rem-agent/compose.h"
#include "rem-agent/health.h"
#include "rem-agent/series.h"
#include "report/report.h"

#include "scarce.h"

static const char body[] =
    "{\"agent\": \"a\", \"sequence\": 1, \"time\": 1, \"backends\": [{\"name\": \"b\", \"service\": \"x.\", \"healthy\": true}],"
    " \"load\": {\"x.\": 1}, \"metrics\": {\"cpu\": 0.5}, \"residency\": {\"accepts\": [\"eu\"]}}";

static bool
build_report(void)
{
	struct diags diags = { 0 };
	struct report *report = report_read(body, sizeof(body) - 1, "eu-west", &diags);
	bool good = report != NULL;

	CU_ASSERT_EQUAL(diag_failed(&diags), !good);
	report_free(report);
	diag_fini(&diags);
	return good;
}

/* A digest without memory is none; the next one is right again. */
static bool
build_series(void)
{
	struct series_set *set = series_set_new();
	bool good = set != NULL && series_set_want(set, "r") == 0;
	const struct series_value *values;
	size_t count;

	for (int64_t second = 0; good && second < 2; second++) {
		values = series_set_digest(set, second == 0 ? "r_total 1\nr 1\n" : "r_total 2\nr 2\n",
		    (struct mono){ second * 1000000000 }, &count);
		good = values != NULL && count == 1 && values[0].value == (double)(second + 1);
	}
	series_set_free(set);
	return good;
}

static bool
build_composed(void)
{
	static const struct agent_settings settings = { .region = "eu-west", .agent = "rem-1" };
	struct composer *composer = composer_new(&settings, 1, (struct wall){ 0 });
	char *json = NULL;

	if (composer != NULL) {
		composer_load(composer, "a.", 1, NAN);
		composer_metric(composer, "", "cpu", "ratio", "", 0.5);
		composer_requests(composer);
		json = composer_finish(composer);
	}
	composer_free(composer);
	free(json);
	return json != NULL;
}

static void
test_report(void)
{
	SCARCE_EACH(build_report);
}

static void
test_series(void)
{
	SCARCE_EACH(build_series);
}

static void
test_composed(void)
{
	SCARCE_EACH(build_composed);
}

/* Latencies that find no room are left out; the counts are right all the same. */
static void
test_tally(void)
{
	struct tally tally = { 0 };

	scarce.on = true;
	scarce.left = 0;
	tally_good(&tally, 1);
	scarce.on = false;
	CU_ASSERT_EQUAL(tally.good, 1);
	CU_ASSERT_TRUE(isnan(tally_quantile(&tally, 0.5)));
	tally_good(&tally, 2);
	CU_ASSERT_EQUAL(tally_quantile(&tally, 0.5), 2);
	tally_fini(&tally);
}

static const struct suite_case cases[] = {
	{ .name = "reading a report", .run = test_report },
	{ .name = "series", .run = test_series },
	{ .name = "composing a report", .run = test_composed },
	{ .name = "latencies", .run = test_tally },
};

int
main(void)
{
	return suite_run("agent_scarce", cases, ARRAY_SIZE(cases));
}
