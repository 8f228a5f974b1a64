/* test_api_request.c -- problem documents, parameters, names as operators write them, and JSON that says null for what
 * isn't known. */
#include "api/request.h"

#include <errno.h>
#include <math.h>

#include "api/names.h"
#include "api/view.h"
#include "suite.h"

static struct request
request_new(void)
{
	return (struct request){ .arena = arena_new(), .method = "GET", .path = "/" };
}

static const char *
member_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static void
test_problem(void)
{
	struct request request = request_new();
	struct diags diags = { 0 };
	cJSON *problem, *errors, *entry;

	diag_warning(&diags, (struct diag_place){ .file = "a.zone", .line = 1 }, NULL, "a warning");
	diag_error(&diags, (struct diag_place){ .file = "a.zone", .line = 3, .column = 7 }, "AAAA", "no type '%s'",
	    "AAA");
	diag_error(&diags, (struct diag_place){ .file = "request", .pointer = "/a~1b/0" }, NULL, "is \"wrong\"");
	answer_invalid(&request, &diags);
	answer_problem(&request, 500, NULL, "the second answer doesn't count");
	CU_ASSERT_EQUAL(request.answer.status, 400);
	SUITE_TEXT(request.answer.type, "application/problem+json");
	CU_ASSERT_EQUAL(request.answer.length, strlen(request.answer.body));
	problem = cJSON_Parse(request.answer.body);
	CU_ASSERT_PTR_NOT_NULL_FATAL(problem);
	SUITE_TEXT(member_of(problem, "type"), "about:blank");
	SUITE_TEXT(member_of(problem, "title"), "Bad Request");
	SUITE_TEXT(member_of(problem, "detail"), "no type 'AAA'; and more, see the errors");
	errors = cJSON_GetObjectItem(problem, "errors");
	CU_ASSERT_EQUAL(cJSON_GetArraySize(errors), 2);
	entry = cJSON_GetArrayItem(errors, 0);
	SUITE_TEXT(member_of(entry, "file"), "a.zone");
	SUITE_TEXT(member_of(entry, "suggestion"), "AAAA");
	CU_ASSERT_EQUAL(cJSON_GetNumberValue(cJSON_GetObjectItem(entry, "line")), 3);
	CU_ASSERT_EQUAL(cJSON_GetNumberValue(cJSON_GetObjectItem(entry, "column")), 7);
	entry = cJSON_GetArrayItem(errors, 1);
	SUITE_TEXT(member_of(entry, "pointer"), "#/a~1b/0");
	SUITE_TEXT(member_of(entry, "message"), "is \"wrong\"");
	SUITE_TEXT(member_of(entry, "file"), NULL);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(cJSON_GetObjectItem(problem, "warnings")), 1);
	cJSON_Delete(problem);
	diag_fini(&diags);
	request_fini(&request);
}

static void
test_unavailable(void)
{
	struct request request = request_new();

	answer_store_trouble(&request, -EROFS);
	CU_ASSERT_EQUAL(request.answer.status, 503);
	CU_ASSERT(request.answer.retry_after_s > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(request.answer.body, "Read-only"));
	request_fini(&request);
	request = request_new();
	answer_store_trouble(&request, -ENOMEM);
	CU_ASSERT_EQUAL(request.answer.status, 503);
	CU_ASSERT_PTR_NULL(request.answer.body);
	CU_ASSERT_EQUAL(request.answer.length, strlen(request.answer.fixed));
	request_fini(&request);
	request = request_new();
	answer_json(&request, 200, NULL);
	CU_ASSERT_EQUAL(request.answer.status, 503);
	request_fini(&request);
}

static void
test_queries(void)
{
	static const struct { const char *name, *value; bool result, error; } rows[] = {
		{ "absent", NULL, false, false }, { "alone", "", true, false }, { "true", "true", true, false },
		{ "false", "false", false, false }, { "a number", "1", true, true }, { "a word", "yes", true, true },
		{ "another case", "True", true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct request request = request_new();
		struct diags diags = { 0 };

		if (rows[i].value != NULL)
			request.queries[request.query_count++] = (struct query_value){ "x", rows[i].value };
		SUITE_ROW(rows[i].name, request_query_bool(&request, "x", &diags) == rows[i].result);
		SUITE_ROW(rows[i].name, diag_failed(&diags) == rows[i].error);
		diag_fini(&diags);
		request_fini(&request);
	}
}

static void
test_view(void)
{
	struct view view = { 0 };
	cJSON *root = view_root(&view), *list = view_array(&view, root, "list");
	char *text;

	view_number(&view, root, "nan", NAN);
	view_number(&view, root, "infinite", INFINITY);
	view_number(&view, root, "half", 0.5);
	view_count(&view, root, "count", 1u << 30);
	view_known_count(&view, root, "unknown", false, 7);
	view_text(&view, root, "none", NULL);
	view_text(&view, root, "text", "a\"b");
	view_time(&view, root, "never", (struct wall){ 0 });
	view_time(&view, root, "then", (struct wall){ 1000 });
	view_json(&view, root, "json", "{\"a\":[1]}");
	view_json(&view, root, "broken", "{");
	view_bool(&view, list, NULL, true);
	view_text(&view, view_object(&view, list, NULL), "deep", "x");
	root = view_take(&view);
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	text = json_write(root);
	SUITE_TEXT(text, "{\"list\":[true,{\"deep\":\"x\"}],\"nan\":null,\"infinite\":null,\"half\":0.5,"
	    "\"count\":1073741824,\"unknown\":null,\"none\":null,\"text\":\"a\\\"b\",\"never\":null,"
	    "\"then\":\"1970-01-01T00:00:01.000Z\",\"json\":{\"a\":[1]},\"broken\":null}");
	free(text);
	cJSON_Delete(root);
}

static void
test_view_failed(void)
{
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	view_text(&view, NULL, "orphan", "of an object that there was no memory for");
	CU_ASSERT_TRUE(view.failed);
	CU_ASSERT_PTR_NULL(view_object(&view, root, "later"));
	view_number(&view, root, "later", 1);
	CU_ASSERT_PTR_NULL(view_take(&view));
}

/* --- names --------------------------------------------------------------------------------------------------- */

static void
test_owners(void)
{
	static const struct { const char *text, *zone, *owner; } rows[] = {
		{ "@", "example.net", "example.net." },
		{ "www", "example.net", "www.example.net." },
		{ "WWW", "example.net", "www.example.net." },
		{ "a.b", "example.net", "a.b.example.net." },
		{ "*", "example.net", "*.example.net." },
		{ "www.example.net.", "example.net", "www.example.net." },
		{ "www.example.net", "example.net", "www.example.net." },
		{ "example.net", "example.net", "example.net." },
		{ "notexample.net", "example.net", "notexample.net.example.net." },
		{ "www.example.org.", "example.net", NULL },
		{ "a\\.", "example.net", "a\\..example.net." },
		{ "a\\\\.", "example.net", NULL },
		{ "", "example.net", NULL },
		{ ".", "example.net", NULL },
		{ "a..b", "example.net", NULL },
		{ "www", ".", "www." },
		{ "a23456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789."
		  "123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789.123456789."
		  "123456789.123456789.123456789.123456789.123456789", "example.net", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t apex[NAME_MAX], owner[NAME_MAX];
		char text[NAME_TEXT_SIZE];
		bool good;

		CU_ASSERT_NOT_EQUAL(name_parse(rows[i].zone, apex), 0);
		good = owner_parse(rows[i].text, apex, owner);
		SUITE_ROW(rows[i].text, good == (rows[i].owner != NULL));
		if (good && rows[i].owner != NULL)
			SUITE_TEXT(name_text(owner, text), rows[i].owner);
	}
}

static void
test_files(void)
{
	char file[ZONE_FILE_SIZE], longest[NAME_TEXT_SIZE];

	SUITE_TEXT(zone_file_name("gtm.example.com.", file), "gtm.example.com.zone");
	SUITE_TEXT(zone_file_name("0/25.2.0.192.in-addr.arpa.", file), "0\\04725.2.0.192.in-addr.arpa.zone");
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CU_ASSERT(strlen(zone_file_name(longest, file)) < ZONE_FILE_SIZE);
}

static const struct suite_case cases[] = {
	{ .name = "a problem document has each place", .run = test_problem },
	{ .name = "trouble with store and memory is 503", .run = test_unavailable },
	{ .name = "parameters that are true or false", .run = test_queries },
	{ .name = "JSON says null for what isn't known", .run = test_view },
	{ .name = "a view that lacks a part isn't given out", .run = test_view_failed },
	{ .name = "owners as operators write them", .run = test_owners },
	{ .name = "files of zones", .run = test_files },
};

int
main(void)
{
	return suite_run("api request", cases, ARRAY_SIZE(cases));
}
