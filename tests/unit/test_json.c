/* test_json.c -- base/json: strict syntax with places, members by type with pointers, and writing. */
#include "base/json.h"

#include <math.h>

#include "suite.h"

/* The printed errors of `text`, or "" when it is taken. */
static char *
errors_of(const char *text, size_t length)
{
	struct diags diags = { 0 };
	struct text out = { 0 };
	char *copy = malloc(length);	/* exact, so that the address sanitizer sees a byte too many */
	cJSON *value;

	memcpy(copy, text, length);
	value = json_parse(copy, length, "t", &diags);
	free(copy);
	CU_ASSERT_EQUAL(value == NULL, diag_failed(&diags));
	cJSON_Delete(value);
	diag_print(&diags, &out);
	diag_fini(&diags);
	return text_take(&out);
}

static void
test_syntax(void)
{
	static const struct {
		const char *name, *text, *errors;
	} rows[] = {
		{ "an object", "{\"a\": [1, -0.5, 1e3, 1E-2, 0, true, false, null, \"x\"]}", "" },
		{ "blanks around", " \r\n\t{} \n", "" },
		{ "a bare value", "7", "" },
		{ "escapes", "\"\\u00e9\\ud83d\\ude00\\n\\\\u0000\\\"\"", "" },
		{ "UTF-8 of each length", "\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80"
		    "\xf4\x8f\xbf\xbf\"", "" },
		{ "nothing", "", "t:1:1: JSON ends too early\n" },
		{ "cut off", "{\"a\":\n 1", "t:2:3: JSON ends too early\n" },
		{ "cut off in a string", "[\"abc", "t:1:2: a string without its closing quote\n" },
		{ "a missing comma", "{\n  \"a\": 1\n  \"b\": 2\n}", "t:3:3: not JSON from here on\n" },
		{ "a trailing comma", "[1,]", "t:1:4: not JSON from here on\n" },
		{ "single quotes", "{'a': 1}", "t:1:3: not JSON from here on\n" },
		{ "more after the end", "{}\n{}", "t:2:1: more follows after the end of the JSON value\n" },
		{ "a stray bracket", "[]]", "t:1:3: more follows after the end of the JSON value\n" },
		{ "NaN", "[NaN]", "t:1:2: not JSON from here on\n" },
		{ "infinity by size", "{\"a\": [1, 1e999]}", "t: /a/1: the number is too large\n" },
		{ "a leading zero", "[01]", "t:1:2: not a number as JSON writes it\n" },
		{ "no digit after the point", "[1.]", "t:1:2: not a number as JSON writes it\n" },
		{ "a bare minus", "[-]", "t:1:2: not a number as JSON writes it\n" },
		{ "two signs", "[1e+-3]", "t:1:2: not a number as JSON writes it\n" },
		{ "two points", "[1.2.3]", "t:1:2: not a number as JSON writes it\n" },
		{ "a number of 64 digits", "[1234567890123456789012345678901234567890123456789012345678901234]",
		    "t:1:2: not a number as JSON writes it\n" },
		{ "an escaped NUL", "[\"a\\u0000b\"]", "t:1:4: \\u0000 isn't allowed in a string\n" },
		{ "a raw line end in a string", "[\"a\nb\"]",
		    "t:1:4: a control character in a string must be escaped\n" },
		{ "a stray continuation byte", "\"\x80\"", "t:1:2: not UTF-8\n" },
		{ "an overlong slash", "\"\xc0\xaf\"", "t:1:2: not UTF-8\n" },
		{ "an overlong three bytes", "\"\xe0\x9f\xbf\"", "t:1:2: not UTF-8\n" },
		{ "a surrogate", "\"\xed\xa0\x80\"", "t:1:2: not UTF-8\n" },
		{ "past U+10FFFF", "\"\xf4\x90\x80\x80\"", "t:1:2: not UTF-8\n" },
		{ "cut off inside a character", "\"\xe2\x82", "t:1:2: not UTF-8\n" },
		{ "not UTF-8 outside strings", "[\xff]", "t:1:2: not UTF-8\n" },
		{ "a lone escaped surrogate", "[\"\\ud800\"]", "t:1:3: not JSON from here on\n" },
		{ "a member twice", "{\"a\": {\"b\": 1, \"c\": 2, \"b\": 3}}", "t: /a/b: 'b' is given twice\n" },
		{ "a member three times, told once", "{\"a\":1,\"a\":2,\"a\":3}", "t: /a: 'a' is given twice\n" },
		{ "a pointer is escaped", "[{\"x/y~\": 1, \"x/y~\": 1}]", "t: /0/x~1y~0: 'x/y~' is given twice\n" },
		{ "names differ by case", "{\"a\": 1, \"A\": 2}", "" },
		{ "all errors at once", "{\"a\":1,\"a\":2,\"b\":[1e999,{\"c\":1,\"c\":1}]} x",
		    "t: /a: 'a' is given twice\nt: /b/0: the number is too large\nt: /b/1/c: 'c' is given twice\n"
		    "t:1:41: more follows after the end of the JSON value\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *errors = errors_of(rows[i].text, strlen(rows[i].text));

		SUITE_ROW(rows[i].name, strcmp(errors, rows[i].errors) == 0);
		SUITE_TEXT(errors, rows[i].errors);
		free(errors);
	}
}

static void
test_nul(void)
{
	static const char inside[] = "[\"a\0b\"]", after[] = "[]\0";
	char *errors = errors_of(inside, sizeof(inside) - 1);

	SUITE_TEXT(errors, "t:1:4: a NUL byte\n");
	free(errors);
	errors = errors_of(after, sizeof(after) - 1);
	SUITE_TEXT(errors, "t:1:3: a NUL byte\n");
	free(errors);
}

static void
test_depth(void)
{
	char text[2 * JSON_DEPTH_MAX + 2];
	char *errors;

	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	errors = errors_of(text, 2 * JSON_DEPTH_MAX);
	SUITE_TEXT(errors, "");
	free(errors);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	errors = errors_of(text, sizeof(text));
	SUITE_TEXT(errors, "t:1:33: nested too deep (32 levels at most)\n");
	free(errors);
	errors = errors_of("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"", 42);
	SUITE_TEXT(errors, "");
	free(errors);
}

/* 10^5 members: a comparison pair by pair would take minutes. */
static void
test_many_members(void)
{
	struct text text = { 0 };
	char *errors;

	text_puts(&text, "{\"m7\":0");
	for (int i = 0; i < 100000; i++)
		text_printf(&text, ",\"m%d\":%d", i, i);
	text_puts(&text, "}");
	errors = errors_of(text.bytes, text.length);
	SUITE_TEXT(errors, "t: /m7: 'm7' is given twice\n");
	free(errors);
	text_fini(&text);
}

static void
test_members(void)
{
	static const char input[] = "{\"name\":\"eu\",\"rate\":2.5,\"count\":-3,\"up\":true,\"list\":[1],\"null\":null}";
	static const char *const words[] = { "us", "eu", NULL };
	struct diags diags = { 0 };
	cJSON *value = json_parse(input, sizeof(input) - 1, "t", &diags);
	struct json_object o = json_object(value, "t", NULL, &diags);

	SUITE_TEXT(json_string(&o, "name", true, "x"), "eu");
	SUITE_TEXT(json_string(&o, "absent", false, "x"), "x");
	CU_ASSERT_PTR_EQUAL(json_word(&o, "name", true, words, "x"), words[1]);
	SUITE_TEXT(json_word(&o, "absent", false, words, "x"), "x");
	CU_ASSERT_EQUAL(json_number(&o, "rate", true, 0, 10, -1), 2.5);
	CU_ASSERT_EQUAL(json_number(&o, "absent", false, 0, 10, -1), -1);
	CU_ASSERT_EQUAL(json_integer(&o, "count", true, -3, 0, 9), -3);
	CU_ASSERT_EQUAL(json_bool(&o, "up", true, false), true);
	CU_ASSERT_EQUAL(json_bool(&o, "absent", false, true), true);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_array(&o, "list", true)), 1);
	CU_ASSERT_PTR_NULL(json_array(&o, "absent", false));
	CU_ASSERT_TRUE(cJSON_IsNull(json_member(&o, "null", true)));
	CU_ASSERT_EQUAL(diags.count, 0);
	diag_fini(&diags);
	cJSON_Delete(value);
}

static void
test_member_errors(void)
{
	static const char input[] = "{\"name\":7,\"rate\":11,\"count\":2.5,\"big\":9007199254740994,\"up\":1,\"list\":{},"
	    "\"nul\":null,\"stiky\":1,\"role\":\"shaddow\"}";
	static const char *const words[] = { "serving", "shadow", NULL };
	static const char *const known[] = { "name", "rate", "count", "big", "up", "list", "nul", "sticky", "role", NULL };
	struct diags diags = { 0 };
	struct text out = { 0 };
	cJSON *value = json_parse(input, sizeof(input) - 1, "t", &diags);
	struct json_object o = json_object(value, "t", "/a", &diags);

	SUITE_TEXT(json_string(&o, "name", true, "x"), "x");
	CU_ASSERT_EQUAL(json_number(&o, "rate", true, 0, 10, -1), -1);
	CU_ASSERT_EQUAL(json_integer(&o, "count", true, 0, 10, -1), -1);
	CU_ASSERT_EQUAL(json_integer(&o, "big", true, INT64_MIN, INT64_MAX, -1), -1);
	CU_ASSERT_EQUAL(json_integer(&o, "rate", true, 0, 10, -1), -1);
	CU_ASSERT_EQUAL(json_bool(&o, "up", false, false), false);
	CU_ASSERT_PTR_NULL(json_array(&o, "list", false));
	SUITE_TEXT(json_string(&o, "nul", false, "x"), "x");
	CU_ASSERT_PTR_NULL(json_member(&o, "absent", true));
	SUITE_TEXT(json_word(&o, "role", true, words, "x"), "x");
	SUITE_TEXT(json_word(&o, "up", true, words, "x"), "x");
	json_refuse_unknown(&o, known);
	json_error(&o, NULL, NULL, "all of it");
	CU_ASSERT_EQUAL(diags.errors, 13);
	diag_print(&diags, &out);
	SUITE_TEXT(out.bytes, "t: /a/name: must be a string, is a number\n"
	    "t: /a/rate: 11 is outside 0 to 10\n"
	    "t: /a/count: 2.5 is not a whole number\n"
	    "t: /a/big: 9007199254740994 is outside -9223372036854775808 to 9223372036854775807\n"
	    "t: /a/rate: 11 is outside 0 to 10\n"
	    "t: /a/up: must be true or false, is a number\n"
	    "t: /a/list: must be an array, is an object\n"
	    "t: /a/nul: must be a string, is null\n"
	    "t: /a/absent: 'absent' is missing\n"
	    "t: /a/role: 'shaddow' is none of serving, shadow (did you mean 'shadow'?)\n"
	    "t: /a/up: must be a string, is a number\n"
	    "t: /a/stiky: unknown member 'stiky' (did you mean 'sticky'?)\n"
	    "t: /a: all of it\n");
	text_fini(&out);
	diag_fini(&diags);
	cJSON_Delete(value);
}

static void
test_not_an_object(void)
{
	static const char *const known[] = { NULL };
	struct diags diags = { 0 };
	struct text out = { 0 };
	cJSON *value = json_parse("[{}]", 4, "t", &diags);
	struct json_object o = json_object(value, "t", "/x", &diags), none = json_object(NULL, "t", "/y", &diags);

	CU_ASSERT_EQUAL(json_integer(&o, "a", true, 0, 1, 7), 7);
	CU_ASSERT_EQUAL(json_bool(&none, "a", true, true), true);
	json_refuse_unknown(&o, known);
	diag_print(&diags, &out);
	SUITE_TEXT(out.bytes, "t: /x: must be an object, is an array\nt: /y: must be an object, is missing\n");
	text_fini(&out);
	diag_fini(&diags);
	cJSON_Delete(value);
}

static void
test_long_pointer(void)
{
	char name[600];
	struct diags diags = { 0 };
	struct json_object o;

	memset(name, '/', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	o = json_object(NULL, "t", name, &diags);
	json_error(&o, name, NULL, "%s", name);
	CU_ASSERT_EQUAL(diags.errors, 2);
	diag_fini(&diags);
}

static void
test_write(void)
{
	static const char input[] = "{ \"a\": [1, 2.5, \"x\\n\"], \"b\": 12345678901 }";
	struct diags diags = { 0 };
	cJSON *value = json_parse(input, sizeof(input) - 1, "t", &diags);
	char *written;

	CU_ASSERT_PTR_NOT_NULL_FATAL(value);
	written = json_write(value);
	SUITE_TEXT(written, "{\"a\":[1,2.5,\"x\\n\"],\"b\":12345678901}");
	free(written);
	cJSON_Delete(value);
	diag_fini(&diags);
}

/* RFC 6901 section 5, and what it doesn't mean. */
static void
test_pointers(void)
{
	static const char text[] = "{\"foo\":[\"bar\",{\"x\":7}],\"\":0,\"a/b\":1,\"m~n\":8,\"01\":3,\"~1\":4}";
	static const struct { const char *pointer, *expected; } rows[] = {
		{ "", text }, { "/foo", "[\"bar\",{\"x\":7}]" }, { "/foo/0", "\"bar\"" }, { "/foo/1/x", "7" }, { "/", "0" },
		{ "/a~1b", "1" }, { "/m~0n", "8" }, { "/01", "3" }, { "/~01", "4" }, { "/foo/2", NULL }, { "/foo/01", NULL },
		{ "/foo/-", NULL }, { "/foo/x", NULL }, { "/foo/0/x", NULL }, { "/FOO", NULL }, { "foo", NULL },
	};
	struct diags diags = { 0 };
	cJSON *value = json_parse(text, strlen(text), "f", &diags);

	CU_ASSERT_FATAL(value != NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const cJSON *found = json_at(value, rows[i].pointer);
		char *written = found == NULL ? NULL : json_write(found);

		SUITE_TEXT(written, rows[i].expected);
		free(written);
	}
	cJSON_Delete(value);
	diag_fini(&diags);
}

static const struct suite_case cases[] = {
	{ .name = "pointers: RFC 6901", .run = test_pointers },
	{ .name = "syntax, and where it breaks", .run = test_syntax },
	{ .name = "NUL bytes are refused", .run = test_nul },
	{ .name = "depth is bounded", .run = test_depth },
	{ .name = "many members are checked fast", .run = test_many_members },
	{ .name = "members by type", .run = test_members },
	{ .name = "all errors of members, with pointers", .run = test_member_errors },
	{ .name = "what should be an object and isn't", .run = test_not_an_object },
	{ .name = "a pointer too long is cut", .run = test_long_pointer },
	{ .name = "writing", .run = test_write },
};

int
main(void)
{
	return suite_run("json", cases, ARRAY_SIZE(cases));
}
