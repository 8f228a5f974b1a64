/* test_exposition.c -- rem-agent/exposition and series: the text format, selectors, sums, rates and resets. */
#include "rem-agent/exposition.h"
#include "rem-agent/series.h"

#include <errno.h>
#include <math.h>

#include "base/text.h"
#include "suite.h"

/* What each sample reads as: "NAME{LABELS}=VALUE" with "!" behind counters, one a line; then the bad lines' number. */
static const struct {
	const char *name, *page, *samples;
	size_t bad;
} pages[] = {
	{ "nothing", "", "", 0 },
	{ "blank lines and comments", "\n  \n# HELP x words\n#\n# TYPE\n# EOF\n", "", 0 },
	{ "plain", "up 1\nload 0.5\n", "up{}=1 load{}=0.5 ", 0 },
	{ "no line end at the end", "up 1", "up{}=1 ", 0 },
	{ "carriage returns", "up 1\r\nload 2\r\n", "up{}=1 load{}=2 ", 0 },
	{ "labels", "a{x=\"1\",y=\"two\"} 3\nb{} 4\nc{x=\"1\",} 5\n", "a{x=\"1\",y=\"two\"}=3 b{}=4 c{x=\"1\",}=5 ",
	    0 },
	{ "blanks", " a\t{x=\"1\"}\t 3 \n  b   4\t\n", "a{x=\"1\"}=3 b{}=4 ", 0 },
	{ "braces and quotes in values", "a{x=\"}\\\"{\",y=\"\\\\\"} 3\n", "a{x=\"}\\\"{\",y=\"\\\\\"}=3 ", 0 },
	{ "timestamps", "a 1 1395066363000\nb 2 -5\n", "a{}=1 b{}=2 ", 0 },
	{ "numbers as Go writes them", "a 1.5e+06\nb -0\nc +Inf\nd NaN\ne 1e-3\n",
	    "a{}=1.5e+06 b{}=-0 c{}=inf d{}=nan e{}=0.001 ", 0 },
	{ "types",
	    "# TYPE a counter\na 1\n# TYPE b gauge\nb_total 2\nb 3\n# TYPE c_total untyped\nc_total 4\nd_total 5\n",
	    "a{}=1! b_total{}=2! b{}=3 c_total{}=4! d_total{}=5! ", 0 },
	{ "a gauge may be called total", "# TYPE a_total gauge\na_total 1\n", "a_total{}=1 ", 0 },
	{ "histograms", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 3\n",
	    "h_bucket{le=\"1\"}=1! h_sum{}=2! h_count{}=3! ", 0 },
	{ "summaries", "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\nsx 4\n",
	    "s{quantile=\"0.5\"}=1 s_sum{}=2! s_count{}=3! sx{}=4 ", 0 },
	{ "bad lines are skipped", "1a 2\na\na{ 3\na{x=\"1\" 3\na x\na 1 x\na 1 2 3\n{x=\"1\"} 2\na1\ngood 7\n<html>\n",
	    "good{}=7 ", 10 },
};

static void
test_pages(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		struct exposition exposition;
		struct text samples = { 0 };
		struct sample sample;

		text_puts(&samples, "");
		exposition_begin(&exposition, pages[i].page);
		while (exposition_next(&exposition, &sample))
			text_printf(&samples, "%.*s{%.*s}=%g%s ", (int)sample.name_length, sample.name,
			    (int)sample.labels_length, sample.labels, sample.value, sample.counter ? "!" : "");
		if (strcmp(samples.bytes, pages[i].samples) != 0 || exposition.bad_lines != pages[i].bad)
			printf("# %s: %zu bad lines\n", pages[i].name, exposition.bad_lines);
		SUITE_TEXT(samples.bytes, pages[i].samples);
		CU_ASSERT_EQUAL(exposition.bad_lines, pages[i].bad);
		text_fini(&samples);
	}
}

static void
test_selectors(void)
{
	static const struct { const char *selector, *line; bool matches; } rows[] = {
		{ "a", "a 1", true },
		{ "a", "a{x=\"1\"} 1", true },
		{ "a", "ab 1", false },
		{ "ab", "a 1", false },
		{ "a{}", "a 1", true },
		{ "a{x=\"1\"}", "a{x=\"1\"} 1", true },
		{ "a{x=\"1\"}", "a{y=\"2\", x = \"1\"} 1", true },
		{ "a{x=\"1\"}", "a{x=\"2\"} 1", false },
		{ "a{x=\"1\"}", "a 1", false },
		{ "a{x=\"1\",y=\"2\"}", "a{x=\"1\"} 1", false },
		{ "a{x=\"1\",y=\"2\"}", "a{z=\"3\",y=\"2\",x=\"1\"} 1", true },
		{ "a{x=\"}\\\"\\\\\\n\"}", "a{x=\"}\\\"\\\\\\n\"} 1", true },
		{ "a{x=\"n\"}", "a{x=\"\\n\"} 1", false },
		{ "rps=a:b{x=\"=\"}", "a:b{x=\"=\"} 1", true },
	};
	static const char *const bad[] = { "", "1a", "a b", "a{", "a{x}", "a{x=1}", "a{x=\"1\"", "a{x=\"1}",
		"a{x=\"1\"}b", "=a", "a=", "a=1b", "a{x=\"1\"y=\"2\"}", "a{=\"1\"}", "a}", "a{x=\"1\"}}" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct exposition exposition;
		struct selector selector;
		struct sample sample;

		exposition_begin(&exposition, rows[i].line);
		CU_ASSERT_TRUE_FATAL(exposition_next(&exposition, &sample));
		if (!selector_parse(&selector, rows[i].selector) ||
		    selector_matches(&selector, &sample) != rows[i].matches)
			SUITE_TEXT(rows[i].selector, rows[i].line);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct selector selector;

		if (selector_parse(&selector, bad[i]))
			SUITE_TEXT(bad[i], "a selector that is refused");
	}
}

static void
test_alias(void)
{
	struct selector selector;

	CU_ASSERT_TRUE(selector_parse(&selector, "rps=requests_total{code=\"200\"}"));
	SUITE_TEXT(selector.alias, "rps");
	SUITE_TEXT(selector.name, "requests_total");
	CU_ASSERT_EQUAL(selector.label_count, 1);
	SUITE_TEXT(selector.labels[0], "code");
	SUITE_TEXT(selector.values[0], "200");
	CU_ASSERT_TRUE(selector_parse(&selector, "up"));
	CU_ASSERT_PTR_NULL(selector.alias);
}

/* One digest per row: the page, the seconds since the last, and the values expected of the wants. */
static const struct {
	const char *name, *page;
	double seconds, requests, errors, gauge, missing;
} digests[] = {
	{ "the first page has no rates", "r{c=\"2\"} 100\nr{c=\"5\"} 10\ng 3\n", 0, NAN, NAN, 3, NAN },
	{ "rates are added up", "r{c=\"2\"} 150\nr{c=\"5\"} 20\ng{x=\"1\"} 3\ng{x=\"2\"} 4\n", 10, 6, 1, 7, NAN },
	{ "nothing happened", "r{c=\"2\"} 150\nr{c=\"5\"} 20\ng 3\n", 5, 0, 0, 3, NAN },
	{ "a new series adds nothing yet", "r{c=\"2\"} 160\nr{c=\"5\"} 20\nr{c=\"3\"} 999\n", 10, 1, 0, NAN, NAN },
	{ "one series was reset", "r{c=\"2\"} 30\nr{c=\"5\"} 40\nr{c=\"3\"} 1000\n", 10, 5.1, 2, NAN, NAN },
	{ "a series went", "r{c=\"2\"} 40\n", 10, 1, NAN, NAN, NAN },
	{ "and came again", "r{c=\"2\"} 40\nr{c=\"5\"} 50\n", 10, 0, NAN, NAN, NAN },
	{ "the clock stood still", "r{c=\"2\"} 50\nr{c=\"5\"} 60\n", 0, NAN, NAN, NAN, NAN },
	{ "numbers that aren't", "r{c=\"2\"} NaN\nr{c=\"5\"} 70\ng +Inf\n", 10, 1, 1, NAN, NAN },
	{ "an empty page", "", 10, NAN, NAN, NAN, NAN },
	{ "no rates after it", "r{c=\"2\"} 50\nr{c=\"5\"} 60\n", 10, NAN, NAN, NAN, NAN },
};

static bool
same_value(double a, double b)
{
	return isnan(a) || isnan(b) ? isnan(a) && isnan(b) : fabs(a - b) < 1e-9;
}

static void
test_rates(void)
{
	struct series_set *set = series_set_new();
	struct mono now = { 1000000000 };

	CU_ASSERT_EQUAL(series_set_want(set, "requests=r"), 0);
	CU_ASSERT_EQUAL(series_set_want(set, "r{c=\"5\"}"), 1);
	CU_ASSERT_EQUAL(series_set_want(set, "g"), 2);
	CU_ASSERT_EQUAL(series_set_want(set, "missing"), 3);
	CU_ASSERT_EQUAL(series_set_want(set, "not a selector"), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
		const struct series_value *values;
		char page[512];
		size_t count;

		now = mono_add_ms(now, (int64_t)(digests[i].seconds * 1000));
		snprintf(page, sizeof(page), "# TYPE r counter\n%s", digests[i].page);
		values = series_set_digest(set, page, now, &count);
		CU_ASSERT_PTR_NOT_NULL_FATAL(values);
		CU_ASSERT_EQUAL(count, 4);
		if (!same_value(values[0].value, digests[i].requests) ||
		    !same_value(values[1].value, digests[i].errors) || !same_value(values[2].value, digests[i].gauge) ||
		    !same_value(values[3].value, digests[i].missing)) {
			printf("# %g %g %g %g\n", values[0].value, values[1].value, values[2].value, values[3].value);
			SUITE_TEXT(digests[i].name, "values as expected");
		}
		SUITE_TEXT(values[0].name, "requests");
		SUITE_TEXT(values[1].name, "r");
	}
	series_set_free(set);
}

static void
test_all(void)
{
	static const char first[] =
	    "# TYPE r counter\nr{c=\"2\"} 100\nr{c=\"5\"} 10\ng 3\nh_bucket{le=\"1\"} 5\nq_total 1\n";
	static const char second[] =
	    "q_total 11\n# TYPE r counter\nr{c=\"2\"} 110\nr{c=\"5\"} 20\ng{x=\"1\"} 4\ng 1\nnew 9\n";
	struct series_set *set = series_set_new();
	const struct series_value *values;
	size_t count;

	series_set_want_all(set);
	CU_ASSERT_EQUAL(series_set_want(set, "r{c=\"2\"}"), 0);
	values = series_set_digest(set, first, (struct mono){ 0 }, &count);
	CU_ASSERT_PTR_NOT_NULL_FATAL(values);
	CU_ASSERT_EQUAL_FATAL(count, 4);
	SUITE_TEXT(values[2].name, "g");
	CU_ASSERT_EQUAL(values[2].value, 3);
	CU_ASSERT_FALSE(values[2].rate);
	CU_ASSERT_TRUE(isnan(values[1].value));
	values = series_set_digest(set, second, (struct mono){ 5000000000 }, &count);
	CU_ASSERT_PTR_NOT_NULL_FATAL(values);
	CU_ASSERT_EQUAL_FATAL(count, 5);
	CU_ASSERT_EQUAL(values[0].value, 2);
	SUITE_TEXT(values[1].name, "r");
	CU_ASSERT_EQUAL(values[1].value, 4);
	CU_ASSERT_TRUE(values[1].rate);
	CU_ASSERT_EQUAL(values[2].value, 5);
	SUITE_TEXT(values[3].name, "q_total");
	CU_ASSERT_EQUAL(values[3].value, 2);
	SUITE_TEXT(values[4].name, "new");
	CU_ASSERT_EQUAL(values[4].value, 9);
	series_set_free(set);
}

static const struct suite_case cases[] = {
	{ .name = "pages are read sample by sample", .run = test_pages },
	{ .name = "selectors", .run = test_selectors },
	{ .name = "a selector's alias", .run = test_alias },
	{ .name = "rates, sums and resets", .run = test_rates },
	{ .name = "everything on a page", .run = test_all },
};

int
main(void)
{
	return suite_run("exposition", cases, ARRAY_SIZE(cases));
}
