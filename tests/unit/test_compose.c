/* test_compose.c -- rem-agent/compose: what it composes is what report_read() takes, whatever came in. */
#include "rem-agent/compose.h"

#include <math.h>

#include "suite.h"

static struct agent_settings
settings_of(void)
{
	return (struct agent_settings){ .region = "eu-west", .agent = "rem-1", .capacity = 50000 };
}

static struct agent_backend
backend_of(const char *name, const char *address)
{
	struct agent_backend backend = { .name = name, .service = "www.gtm.example.com.", .port = 8080 };

	if (address_parse(address, &backend.address) != 0)
		abort();
	return backend;
}

/* Read as isobard reads it. */
static struct report *
finish(struct composer *composer)
{
	struct diags diags = { 0 };
	struct text messages = { 0 };
	char *json = composer_finish(composer);
	struct report *report;

	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	CU_ASSERT(strlen(json) <= REPORT_JSON_MAX);
	report = report_read(json, strlen(json), "eu-west", &diags);
	diag_print(&diags, &messages);
	if (report == NULL)
		SUITE_TEXT(messages.bytes, json);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	text_fini(&messages);
	diag_fini(&diags);
	free(json);
	composer_free(composer);
	return report;
}

static double
metric_of(const struct report *report, const char *name)
{
	for (size_t i = 0; i < report->metric_count; i++) {
		if (strcmp(report->metrics[i].name, name) == 0)
			return report->metrics[i].value;
	}
	return NAN;
}

static void
test_backends(void)
{
	struct agent_settings settings = settings_of();
	struct agent_backend backends[] = { backend_of("up", "192.0.2.1"), backend_of("down", "2001:db8::1"),
		backend_of("unknown", "192.0.2.3") };
	struct backend_state states[] = {
		{ .backend = &backends[0],
		    .health = { .verdict = VERDICT_UP },
		    .latency_ms = 2.5,
		    .detail = "status 503" },
		{ .backend = &backends[1],
		    .health = { .verdict = VERDICT_DOWN },
		    .latency_ms = NAN,
		    .detail = "refused" },
		{ .backend = &backends[2], .latency_ms = NAN },
	};
	struct composer *composer = composer_new(&settings, 7, (struct wall){ 1795364452000 });
	struct report *report;

	composer_backends(composer, states, ARRAY_SIZE(states));
	report = finish(composer);
	SUITE_TEXT(report->agent, "rem-1");
	CU_ASSERT_EQUAL(report->sequence, 7);
	CU_ASSERT_EQUAL(report->time.ms, 1795364452000);
	CU_ASSERT_EQUAL(report->capacity, 50000);
	CU_ASSERT_FALSE(report->constrained);
	CU_ASSERT_EQUAL_FATAL(report->backend_count, 2);
	SUITE_TEXT(report->backends[0].name, "up");
	SUITE_TEXT(report->backends[0].address, "192.0.2.1:8080");
	CU_ASSERT_TRUE(report->backends[0].healthy);
	CU_ASSERT_EQUAL(report->backends[0].latency_ms, 2.5);
	SUITE_TEXT(report->backends[0].detail, "");	/* one bad probe isn't a verdict */
	SUITE_TEXT(report->backends[1].address, "[2001:db8::1]:8080");
	CU_ASSERT_FALSE(report->backends[1].healthy);
	SUITE_TEXT(report->backends[1].detail, "refused");
	report_free(report);
}

static void
test_residency(void)
{
	static const char *const accepts[] = { "europe", "default" };
	struct agent_settings settings = settings_of();
	struct report *report;

	settings.constrained = true;
	settings.accepts = accepts;
	settings.accept_count = 2;
	report = finish(composer_new(&settings, 1, (struct wall){ 0 }));
	CU_ASSERT_TRUE(report->constrained);
	CU_ASSERT_EQUAL(report->accept_count, 2);
	report_free(report);
}

static void
test_metrics(void)
{
	struct agent_settings settings = settings_of();
	struct composer *composer = composer_new(&settings, 1, (struct wall){ 0 });
	char longest[200];
	struct report *report;

	memset(longest, 'x', sizeof(longest));
	longest[REPORT_NAME_MAX] = '\0';
	composer_metric(composer, "", "cpu", "ratio", "", 0.5);
	composer_metric(composer, "", "cpu", "ratio", "", 0.9);		/* the first stands */
	composer_metric(composer, "", "cpu", "ratio", "web-1", 0.7);
	composer_metric(composer, "app_", "up", "", "", 1);
	composer_metric(composer, "", "app_up", "", "", 2);
	composer_metric(composer, "", "disk:/var/my disk", "ratio", "", 0.1);
	composer_metric(composer, "", "not_finite", "", "", NAN);
	composer_metric(composer, "", "infinite", "", "", INFINITY);
	composer_metric(composer, "", "", "", "", 1);
	composer_metric(composer, "", longest, "", "", 3);
	composer_metric(composer, "y", longest, "", "", 3);
	report = finish(composer);
	CU_ASSERT_EQUAL(report->metric_count, 5);
	CU_ASSERT_EQUAL(report->metrics[0].value, 0.5);
	SUITE_TEXT(report->metrics[0].unit, "ratio");
	SUITE_TEXT(report->metrics[1].backend, "web-1");
	CU_ASSERT_EQUAL(metric_of(report, "app_up"), 1);
	CU_ASSERT_EQUAL(metric_of(report, "disk:/var/my_disk"), 0.1);
	CU_ASSERT_EQUAL(metric_of(report, longest), 3);
	report_free(report);
}

static void
test_own(void)
{
	struct agent_settings settings = settings_of();
	struct composer *composer = composer_new(&settings, 1, (struct wall){ 0 });
	struct tally tally = { .bad = 1, .missed = 2 };
	struct report *report;

	for (unsigned i = 1; i <= 3; i++)
		tally_good(&tally, i);
	composer_requests(composer);
	composer_probes(composer, &tally, 3);
	report = finish(composer);
	CU_ASSERT_TRUE(isnan(metric_of(report, "rps")));
	CU_ASSERT_EQUAL(metric_of(report, "probe_ok"), 0.75);
	CU_ASSERT_EQUAL(metric_of(report, "err_ratio"), 0.25);
	CU_ASSERT_EQUAL(metric_of(report, "lat_p50_ms"), 2);
	CU_ASSERT_EQUAL(metric_of(report, "lat_p99_ms"), 3);
	CU_ASSERT_EQUAL(metric_of(report, "hb_missed"), 5);
	report_free(report);

	/* No probe at all: no share and no latency, rather than a wrong one. */
	tally_clear(&tally);
	composer = composer_new(&settings, 1, (struct wall){ 0 });
	composer_probes(composer, &tally, 0);
	report = finish(composer);
	CU_ASSERT_EQUAL(report->metric_count, 1);
	report_free(report);
	tally_fini(&tally);
}

static void
test_loads(void)
{
	static const struct {
		const char *name;
		double requests[3], errors[3];	/* of a. twice, of b. once */
		double a, b, rps, ratio;	/* NAN: absent */
	} rows[] = {
		{ "all known", { 10, 20, 30 }, { NAN, NAN, NAN }, 30, 30, 60, NAN },
		{ "errors of all", { 10, 20, 30 }, { 1, 2, 3 }, 30, 30, 60, 0.1 },
		{ "errors of some", { 10, 20, 30 }, { 1, NAN, NAN }, 30, 30, 60, 0.1 },
		{ "more errors than requests", { 10, 0, 0 }, { 50, NAN, NAN }, 10, 0, 10, 1 },
		{ "no requests", { 0, 0, 0 }, { 0, 0, 0 }, 0, 0, 0, 0 },
		{ "one unknown", { 10, 20, NAN }, { NAN, NAN, NAN }, 30, NAN, NAN, NAN },
		{ "a reset that went wrong", { 10, 20, -5 }, { NAN, NAN, NAN }, 30, NAN, NAN, NAN },
		{ "all unknown", { NAN, NAN, NAN }, { NAN, NAN, NAN }, NAN, NAN, NAN, NAN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static const char *const services[] = { "a.", "a.", "b." };
		struct agent_settings settings = settings_of();
		struct composer *composer = composer_new(&settings, 1, (struct wall){ 0 });
		double found[2] = { NAN, NAN }, rps, ratio;
		struct report *report;

		for (size_t n = 0; n < 3; n++)
			composer_load(composer, services[n], rows[i].requests[n], rows[i].errors[n]);
		composer_requests(composer);
		report = finish(composer);
		for (size_t n = 0; n < report->load_count; n++)
			found[report->loads[n].service[0] - 'a'] = report->loads[n].requests_per_second;
		rps = metric_of(report, "rps");
		ratio = metric_of(report, "err_ratio");
		if (!(found[0] == rows[i].a || (isnan(found[0]) && isnan(rows[i].a))) ||
		    !(found[1] == rows[i].b || (isnan(found[1]) && isnan(rows[i].b))) ||
		    !(rps == rows[i].rps || (isnan(rps) && isnan(rows[i].rps))) ||
		    !(fabs(ratio - rows[i].ratio) < 1e-12 || (isnan(ratio) && isnan(rows[i].ratio)))) {
			printf("# %g %g %g %g\n", found[0], found[1], rps, ratio);
			SUITE_TEXT(rows[i].name, "loads as expected");
		}
		report_free(report);
	}
}

/* More than a report may hold: the first ones go in, and it is still taken. */
static void
test_full(void)
{
	struct agent_settings settings = settings_of();
	struct composer *composer = composer_new(&settings, 1, (struct wall){ 0 });
	struct report *report;

	for (unsigned i = 0; i < REPORT_METRICS_MAX + 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "m%u", i);
		composer_metric(composer, "", name, "", "", i);
	}
	report = finish(composer);
	CU_ASSERT_EQUAL(report->metric_count, REPORT_METRICS_MAX);
	report_free(report);
}

/* Longer than isobard takes: metrics go, the agent's own last; then details; health stays. */
static void
test_long(void)
{
	static struct backend_state states[REPORT_BACKENDS_MAX];
	static struct agent_backend backends[REPORT_BACKENDS_MAX];
	static char names[REPORT_BACKENDS_MAX][64];
	struct agent_settings settings = settings_of();

	for (size_t i = 0; i < REPORT_BACKENDS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "a-backend-with-quite-a-long-name-%zu", i);
		backends[i] = backend_of(names[i], "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
		states[i] = (struct backend_state){ .backend = &backends[i], .health = { .verdict = VERDICT_DOWN },
			.latency_ms = NAN };
		memset(states[i].detail, 'x', sizeof(states[i].detail) - 1);
	}
	for (unsigned details = 0; details < 2; details++) {
		size_t count = details == 1 ? REPORT_BACKENDS_MAX : 10;
		struct composer *composer = composer_new(&settings, 1, (struct wall){ 0 });
		struct report *report;

		composer_backends(composer, states, count);
		for (unsigned i = 0; i < REPORT_METRICS_MAX - 1; i++) {
			char name[128];

			snprintf(name, sizeof(name), "a_metric_with_a_name_that_is_neither_short_nor_rare_%u", i);
			composer_metric(composer, "", name, "bytes/s", "", 1.0 / 3);
		}
		composer_metric(composer, "", "hb_missed", "", "", 1);
		report = finish(composer);
		CU_ASSERT_EQUAL(report->backend_count, count);
		CU_ASSERT_EQUAL(report->metric_count == 0, details == 1);
		CU_ASSERT_EQUAL(isnan(metric_of(report, "hb_missed")) != 0, details == 1);
		CU_ASSERT_EQUAL(report->backends[0].detail[0] == '\0', details == 1);
		report_free(report);
	}
}

static const struct suite_case cases[] = {
	{ .name = "backends with a verdict", .run = test_backends },
	{ .name = "residency", .run = test_residency },
	{ .name = "metrics that a report can hold", .run = test_metrics },
	{ .name = "the agent's own metrics", .run = test_own },
	{ .name = "loads, their sum, and errors", .run = test_loads },
	{ .name = "more metrics than room", .run = test_full },
	{ .name = "longer than isobard takes", .run = test_long },
};

int
main(void)
{
	return suite_run("compose", cases, ARRAY_SIZE(cases));
}
