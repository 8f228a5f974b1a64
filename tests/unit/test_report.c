/* test_report.c -- report/report: the whole format read, every way to be wrong with its pointer, and the round trip. */
#include "report/report.h"

#include <math.h>

#include "suite.h"

static const char whole[] =
    "{\"agent\": \"rem-1\", \"sequence\": 42, \"time\": \"2026-11-22T16:20:52.000Z\", \"capacity\": 50000,"
    " \"backends\": ["
    "  {\"name\": \"web-1\", \"service\": \"WWW.gtm.example.com\", \"address\": \"192.0.2.10:8080\","
    "   \"healthy\": true, \"latency_ms\": 3.25},"
    "  {\"name\": \"web-1\", \"service\": \"api.gtm.example.com.\", \"address\": \"[2001:db8::1]:8080\","
    "   \"healthy\": false, \"detail\": \"connection refused\"}],"
    " \"load\": {\"www.gtm.example.com.\": 120.5, \"api.gtm.example.com\": 0},"
    " \"metrics\": [{\"name\": \"cpu\", \"unit\": \"ratio\", \"value\": 0.25},"
    "  {\"name\": \"cpu\", \"unit\": \"ratio\", \"value\": 0.75, \"backend\": \"web-1\"},"
    "  {\"name\": \"temperature\", \"value\": -4}],"
    " \"residency\": {\"accepts\": [\"europe\", \"default\"]},"
    " \"latency\": [{\"clients\": \"germany\", \"ms\": 12.5}, {\"clients\": \"default/FR\", \"ms\": 0}]}";

static struct report *
read_text(const char *json, struct diags *diags)
{
	return report_read(json, strlen(json), "eu-west", diags);
}

static void
check_whole(const struct report *report)
{
	SUITE_TEXT(report->agent, "rem-1");
	SUITE_TEXT(report->region, "eu-west");
	CU_ASSERT_EQUAL(report->sequence, 42);
	CU_ASSERT_EQUAL(report->time.ms, 1795364452000);
	CU_ASSERT_EQUAL(report->capacity, 50000);
	CU_ASSERT_EQUAL_FATAL(report->backend_count, 2);
	SUITE_TEXT(report->backends[0].name, "web-1");
	SUITE_TEXT(report->backends[0].service, "www.gtm.example.com.");
	SUITE_TEXT(report->backends[0].address, "192.0.2.10:8080");
	CU_ASSERT_TRUE(report->backends[0].healthy);
	CU_ASSERT_EQUAL(report->backends[0].latency_ms, 3.25);
	SUITE_TEXT(report->backends[0].detail, "");
	SUITE_TEXT(report->backends[1].service, "api.gtm.example.com.");
	CU_ASSERT_FALSE(report->backends[1].healthy);
	CU_ASSERT_TRUE(isnan(report->backends[1].latency_ms));
	SUITE_TEXT(report->backends[1].detail, "connection refused");
	CU_ASSERT_EQUAL_FATAL(report->load_count, 2);
	SUITE_TEXT(report->loads[0].service, "www.gtm.example.com.");
	CU_ASSERT_EQUAL(report->loads[0].requests_per_second, 120.5);
	SUITE_TEXT(report->loads[1].service, "api.gtm.example.com.");
	CU_ASSERT_EQUAL_FATAL(report->metric_count, 3);
	SUITE_TEXT(report->metrics[1].name, "cpu");
	SUITE_TEXT(report->metrics[1].unit, "ratio");
	SUITE_TEXT(report->metrics[1].backend, "web-1");
	CU_ASSERT_EQUAL(report->metrics[1].value, 0.75);
	SUITE_TEXT(report->metrics[2].unit, "");
	SUITE_TEXT(report->metrics[2].backend, "");
	CU_ASSERT_EQUAL(report->metrics[2].value, -4);
	CU_ASSERT_TRUE(report->constrained);
	CU_ASSERT_EQUAL_FATAL(report->accept_count, 2);
	SUITE_TEXT(report->accepts[0], "europe");
	SUITE_TEXT(report->accepts[1], "default");
	CU_ASSERT_TRUE(report->measured);
	CU_ASSERT_EQUAL_FATAL(report->latency_count, 2);
	SUITE_TEXT(report->latencies[0].clients, "germany");
	CU_ASSERT_EQUAL(report->latencies[0].ms, 12.5);
	SUITE_TEXT(report->latencies[1].clients, "default/FR");
}

static void
test_whole(void)
{
	struct diags diags = { 0 };
	struct report *report = read_text(whole, &diags), *again;
	char *json;

	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(diags.count, 0);
	check_whole(report);

	json = report_write(report);
	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	again = read_text(json, &diags);
	CU_ASSERT_PTR_NOT_NULL_FATAL(again);
	check_whole(again);
	free(json);
	report_free(again);
	report_free(report);
	diag_fini(&diags);
}

static void
test_least(void)
{
	struct diags diags = { 0 };
	struct report *report = read_text("{\"agent\": \"a\", \"sequence\": 1, \"time\": 1795364452.5}", &diags);
	char *json;

	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->time.ms, 1795364452500);
	CU_ASSERT_EQUAL(report->capacity, 0);
	CU_ASSERT_EQUAL(report->backend_count + report->load_count + report->metric_count, 0);
	CU_ASSERT_FALSE(report->constrained);
	CU_ASSERT_FALSE(report->measured);
	json = report_write(report);
	SUITE_TEXT(json, "{\"agent\":\"a\",\"sequence\":1,\"time\":\"2026-11-22T16:20:52.500Z\"}");
	free(json);
	report_free(report);
	diag_fini(&diags);
}

static void
test_short_metrics(void)
{
	struct diags diags = { 0 };
	struct report *report = read_text("{\"agent\": \"a\", \"sequence\": 9007199254740991, \"time\": 0,"
	    " \"metrics\": {\"cpu\": 0.4, \"mem\": 0.5}, \"residency\": {\"accepts\": []}}", &diags);

	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->sequence, 9007199254740991u);
	CU_ASSERT_EQUAL_FATAL(report->metric_count, 2);
	SUITE_TEXT(report->metrics[1].name, "mem");
	SUITE_TEXT(report->metrics[1].unit, "");
	SUITE_TEXT(report->metrics[1].backend, "");
	CU_ASSERT_EQUAL(report->metrics[1].value, 0.5);
	/* To accept nobody is a constraint too. */
	CU_ASSERT_TRUE(report->constrained);
	CU_ASSERT_EQUAL(report->accept_count, 0);
	report_free(report);
	diag_fini(&diags);
}

#define HEAD "\"agent\": \"a\", \"sequence\": 1, \"time\": 1"
#define BACKEND(name, service) "{\"name\": \"" name "\", \"service\": \"" service "\", \"healthy\": true}"

static const struct {
	const char *name;
	const char *json;
	const char *lines;	/* all that diag_print() gives */
} wrong[] = {
	{ "not JSON", "{", "request:1:2: JSON ends too early\n" },
	{ "no object", "[]", "request: must be an object, is an array\n" },
	{ "nothing", "{}",
	    "request: /agent: 'agent' is missing\n"
	    "request: /sequence: 'sequence' is missing\n"
	    "request: /time: 'time' is missing\n" },
	{ "an unknown member", "{" HEAD ", \"capcity\": 3}",
	    "request: /capcity: unknown member 'capcity' (did you mean 'capacity'?)\n" },
	{ "a member twice", "{" HEAD ", \"agent\": \"b\"}", "request: /agent: 'agent' is given twice\n" },
	{ "sequence zero", "{\"agent\": \"a\", \"sequence\": 0, \"time\": 1}",
	    "request: /sequence: 0 is outside 1 to 9007199254740991\n" },
	{ "sequence past 2^53", "{\"agent\": \"a\", \"sequence\": 9007199254740992, \"time\": 1}",
	    "request: /sequence: 9007199254740992 is outside 1 to 9007199254740991\n" },
	{ "sequence as text", "{\"agent\": \"a\", \"sequence\": \"1\", \"time\": 1}",
	    "request: /sequence: must be a whole number, is a string\n" },
	{ "time in words", "{\"agent\": \"a\", \"sequence\": 1, \"time\": \"now\"}",
	    "request: /time: not a time: give 2026-11-22T16:20:52Z or Unix seconds\n" },
	{ "time before 1970", "{\"agent\": \"a\", \"sequence\": 1, \"time\": \"0026-11-23T16:20:52Z\"}",
	    "request: /time: 0026-11-23T16:20:52Z is not within the years 1970 to 9999\n" },
	{ "time in milliseconds", "{\"agent\": \"a\", \"sequence\": 1, \"time\": 1795364452000}",
	    "request: /time: 1795364452000 is outside 0 to 253402300799\n" },
	{ "agent with a space", "{\"agent\": \"a b\", \"sequence\": 1, \"time\": 1}",
	    "request: /agent: not a name: 1 to 128 letters, digits and _.:/@- make one\n" },
	{ "agent empty", "{\"agent\": \"\", \"sequence\": 1, \"time\": 1}",
	    "request: /agent: not a name: 1 to 128 letters, digits and _.:/@- make one\n" },
	{ "negative capacity", "{" HEAD ", \"capacity\": -1}",
	    "request: /capacity: -1 is outside 0 to 1000000000000\n" },
	{ "a number past a double", "{" HEAD ", \"capacity\": 1e999}",
	    "request: /capacity: the number is too large\n" },
	{ "backends as an object", "{" HEAD ", \"backends\": {}}",
	    "request: /backends: must be an array, is an object\n" },
	{ "a backend that is no object", "{" HEAD ", \"backends\": [" BACKEND("b", "x.") ", 7, 8]}",
	    "request: /backends/1: must be an object, is a number\n"
	    "request: /backends/2: must be an object, is a number\n" },
	{ "a backend without anything", "{" HEAD ", \"backends\": [{}]}",
	    "request: /backends/0/healthy: 'healthy' is missing\n"
	    "request: /backends/0/name: 'name' is missing\n"
	    "request: /backends/0/service: 'service' is missing\n" },
	{ "a backend's unknown member",
	    "{" HEAD ", \"backends\": [{\"name\": \"b\", \"service\": \"x.\","
	    " \"healthy\": true, \"latency\": 3}]}",
	    "request: /backends/0/latency: unknown member 'latency'\n" },
	{ "healthy as a number", "{" HEAD ", \"backends\": [{\"name\": \"b\", \"service\": \"x.\", \"healthy\": 1}]}",
	    "request: /backends/0/healthy: must be true or false, is a number\n" },
	{ "service that is no name", "{" HEAD ", \"backends\": [" BACKEND("b", "a..b") "]}",
	    "request: /backends/0/service: 'a..b' is not a domain name\n" },
	{ "service empty", "{" HEAD ", \"backends\": [" BACKEND("b", "") "]}",
	    "request: /backends/0/service: '' is not a domain name\n" },
	{ "control characters in a detail",
	    "{" HEAD ", \"backends\": [{\"name\": \"b\", \"service\": \"x.\","
	    " \"healthy\": true, \"detail\": \"\\u001b[31m\"}, {\"name\": \"c\", \"service\": \"x.\","
	    " \"healthy\": true, \"detail\": \"\\u009b31m\"}]}",
	    "request: /backends/0/detail: control characters are not allowed\n"
	    "request: /backends/1/detail: control characters are not allowed\n" },
	{ "negative latency",
	    "{" HEAD ", \"backends\": [{\"name\": \"b\", \"service\": \"x.\", \"healthy\": true,"
	    " \"latency_ms\": -0.1}]}",
	    "request: /backends/0/latency_ms: -0.1 is outside 0 to 3600000\n" },
	{ "a backend twice",
	    "{" HEAD ", \"backends\": [" BACKEND("b", "x.example.") ", " BACKEND("c", "x.example.") ", " BACKEND(
		"b", "X.example") "]}",
	    "request: /backends/2: backend 'b' of 'x.example.' is given twice\n" },
	{ "load as an array", "{" HEAD ", \"load\": []}", "request: /load: must be an object, is an array\n" },
	{ "load of a service twice", "{" HEAD ", \"load\": {\"x.example\": 1, \"X.EXAMPLE.\": 2}}",
	    "request: /load/x.example.: service 'x.example.' is given twice\n" },
	{ "load negative, and as text", "{" HEAD ", \"load\": {\"x.example\": -1, \"y.example\": \"2\"}}",
	    "request: /load/x.example: -1 is outside 0 to 1000000000000\n"
	    "request: /load/y.example: must be a number\n" },
	{ "metrics as a number", "{" HEAD ", \"metrics\": 1}",
	    "request: /metrics: must be an array of metrics or an object of name: value\n" },
	{ "a metric without value", "{" HEAD ", \"metrics\": [{\"name\": \"cpu\"}]}",
	    "request: /metrics/0/value: 'value' is missing\n" },
	{ "a metric's unknown member", "{" HEAD ", \"metrics\": [{\"nmae\": \"cpu\", \"value\": 1}]}",
	    "request: /metrics/0/name: 'name' is missing\n"
	    "request: /metrics/0/nmae: unknown member 'nmae'\n" },
	{ "a metric twice",
	    "{" HEAD ", \"metrics\": [{\"name\": \"cpu\", \"value\": 1}, {\"name\": \"cpu\", \"value\": 2,"
	    " \"backend\": \"b\"}, {\"name\": \"cpu\", \"value\": 3}]}",
	    "request: /metrics/2: metric 'cpu' is given twice\n" },
	{ "short metrics with bad names and values", "{" HEAD ", \"metrics\": {\"c pu\": 1, \"mem\": null}}",
	    "request: /metrics/c pu: not a name: 1 to 128 letters, digits and _.:/@- make one\n"
	    "request: /metrics/mem: must be a number\n" },
	{ "latencies", "{" HEAD ", \"latency\": [{\"clients\": \"a b\", \"ms\": -1}, {\"clients\": \"DE\", \"ms\": 60001},"
	    " {\"clients\": \"DE\", \"ms\": 5, \"region\": \"eu\"}, 7, {\"ms\": \"5\"}]}",
	    "request: /latency/0/clients: not a name: 1 to 128 letters, digits and _.:/@- make one\n"
	    "request: /latency/0/ms: -1 is outside 0 to 60000\n"
	    "request: /latency/1/ms: 60001 is outside 0 to 60000\n"
	    "request: /latency/2/region: unknown member 'region'\n"
	    "request: /latency/2: the latency of 'DE' is given twice\n"
	    "request: /latency/3: must be an object, is a number\n"
	    "request: /latency/4/clients: 'clients' is missing\n"
	    "request: /latency/4/ms: must be a number, is a string\n" },
	{ "latencies that are no list", "{" HEAD ", \"latency\": {\"DE\": 5}}",
	    "request: /latency: must be an array, is an object\n" },
	{ "residency without accepts", "{" HEAD ", \"residency\": {\"accept\": []}}",
	    "request: /residency/accept: unknown member 'accept' (did you mean 'accepts'?)\n"
	    "request: /residency/accepts: 'accepts' is missing\n" },
	{ "residency with a number", "{" HEAD ", \"residency\": {\"accepts\": [\"eu\", 3]}}",
	    "request: /residency/accepts/1: not the name of a client group\n" },
	{ "residency with a group twice", "{" HEAD ", \"residency\": {\"accepts\": [\"eu\", \"us\", \"eu\"]}}",
	    "request: /residency/accepts/2: client group 'eu' is given twice\n" },
	{ "everything at once",
	    "{\"agent\": 1, \"sequence\": 1.5, \"time\": true, \"capacity\": \"50k\", \"metrics\": [3]}",
	    "request: /agent: must be a string, is a number\n"
	    "request: /capacity: must be a number, is a string\n"
	    "request: /metrics/0: must be an object, is a number\n"
	    "request: /sequence: 1.5 is not a whole number\n"
	    "request: /time: not a time: give 2026-11-22T16:20:52Z or Unix seconds\n" },
};

static int
line_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Errors without line numbers come in the order of the reading; the table has them sorted. */
static char *
sorted_lines(const struct diags *diags)
{
	struct text all = { 0 }, sorted = { 0 };
	char *lines[64], *save = NULL;
	size_t count = 0;

	diag_print(diags, &all);
	text_puts(&all, "");
	for (char *line = strtok_r(all.bytes, "\n", &save); line != NULL && count < ARRAY_SIZE(lines);
	    line = strtok_r(NULL, "\n", &save))
		lines[count++] = line;
	qsort(lines, count, sizeof(lines[0]), line_compare);
	for (size_t i = 0; i < count; i++)
		text_printf(&sorted, "%s\n", lines[i]);
	text_fini(&all);
	return text_take(&sorted);
}

static void
test_wrong(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct diags diags = { 0 };
		struct report *report = read_text(wrong[i].json, &diags);
		char *lines = sorted_lines(&diags);

		if (report != NULL || strcmp(lines, wrong[i].lines) != 0)
			printf("# %s\n", wrong[i].name);
		CU_ASSERT_PTR_NULL(report);
		SUITE_TEXT(lines, wrong[i].lines);
		report_free(report);
		free(lines);
		diag_fini(&diags);
	}
}

/* One more than each limit is refused as a whole, with one error and not with thousands. */
static void
test_limits(void)
{
	static const struct {
		const char *name, *open, *entry, *close;
		size_t count;
		bool good;
	} rows[] = {
		{ "4096 backends", "\"backends\": [", "{\"name\": \"b%zu\", \"service\": \"x.\", \"healthy\": true}",
		    "]", 4096, true },
		{ "4097 backends", "\"backends\": [", "{\"name\": \"b%zu\", \"service\": \"x.\", \"healthy\": true}",
		    "]", 4097, false },
		{ "16384 metrics", "\"metrics\": {", "\"m%zu\": 1", "}", 16384, true },
		{ "16385 metrics", "\"metrics\": {", "\"m%zu\": 1", "}", 16385, false },
		{ "40000 loads", "\"load\": {", "\"s%zu.example\": 1", "}", 40000, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text json = { 0 };
		struct diags diags = { 0 };
		struct report *report;

		text_printf(&json, "{" HEAD ", %s", rows[i].open);
		for (size_t n = 0; n < rows[i].count; n++) {
			if (n > 0)
				text_puts(&json, ", ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			text_printf(&json, rows[i].entry, n);
#pragma GCC diagnostic pop
		}
		text_printf(&json, "%s}", rows[i].close);
		report = report_read(json.bytes, json.length, "eu-west", &diags);
		if ((report != NULL) != rows[i].good)
			SUITE_TEXT(rows[i].name, "judged rightly");
		CU_ASSERT_EQUAL(diags.errors, rows[i].good ? 0 : 1);
		report_free(report);
		diag_fini(&diags);
		text_fini(&json);
	}
}

static const struct suite_case cases[] = {
	{ .name = "every member is read, and survives the round trip", .run = test_whole },
	{ .name = "the least report, with Unix seconds", .run = test_least },
	{ .name = "metrics in short form, the largest sequence, accepting nobody", .run = test_short_metrics },
	{ .name = "each kind of wrong report has its errors", .run = test_wrong },
	{ .name = "limits of the lists", .run = test_limits },
};

int
main(void)
{
	return suite_run("report", cases, ARRAY_SIZE(cases));
}
