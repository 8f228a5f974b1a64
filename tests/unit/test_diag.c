/* test_diag.c -- base/diag: the printed form of places and suggestions, order, and the limit. */
#include "base/diag.h"

#include "suite.h"

static void
test_lines(void)
{
	struct diags diags = { 0 };
	struct text out = { 0 };

	CU_ASSERT_FALSE(diag_failed(&diags));
	diag_warning(&diags, (struct diag_place){ .file = "b.yaml", .line = 3 }, NULL, "no %s", "column");
	CU_ASSERT_FALSE(diag_failed(&diags));
	diag_error(&diags, (struct diag_place){ .file = "b.yaml", .line = 2, .column = 7 }, "ttl", "unknown setting '%s'",
	    "tll");
	diag_error(&diags, (struct diag_place){ .file = "request", .pointer = "/load/1" }, NULL, "too large");
	diag_error(&diags, (struct diag_place){ .file = "request", .pointer = "" }, NULL, "must be an object");
	diag_error(&diags, (struct diag_place){ .file = "a.zone", .line = 10, .column = 1 }, NULL, "second");
	diag_error(&diags, (struct diag_place){ .file = "a.zone", .line = 9, .column = 30 }, NULL, "first");
	diag_error(&diags, (struct diag_place){ 0 }, NULL, "nowhere");
	CU_ASSERT_TRUE(diag_failed(&diags));
	CU_ASSERT_EQUAL(diags.errors, 6);
	diag_print(&diags, &out);
	SUITE_TEXT(out.bytes, "input: nowhere\n"
	    "a.zone:9:30: first\n"
	    "a.zone:10:1: second\n"
	    "b.yaml:2:7: unknown setting 'tll' (did you mean 'ttl'?)\n"
	    "b.yaml:3: warning: no column\n"
	    "request: /load/1: too large\n"
	    "request: must be an object\n");
	text_fini(&out);
	diag_fini(&diags);
	CU_ASSERT_EQUAL(diags.count, 0);
}

static void
test_sort(void)
{
	struct diags diags = { 0 };

	diag_error(&diags, (struct diag_place){ .file = "f", .line = 2, .column = 1 }, NULL, "d");
	diag_error(&diags, (struct diag_place){ .file = "f", .line = 1, .column = 9 }, NULL, "b");
	diag_error(&diags, (struct diag_place){ .file = "f", .line = 1, .column = 9 }, NULL, "c");
	diag_error(&diags, (struct diag_place){ .file = "f", .line = 1, .column = 2 }, NULL, "a");
	diag_sort(&diags);
	for (size_t i = 0; i < diags.count; i++)
		CU_ASSERT_EQUAL(diags.list[i].message[0], 'a' + (int)i);
	diag_fini(&diags);
}

static void
test_limit(void)
{
	struct diags diags = { 0 };
	struct text out = { 0 };
	size_t lines = 0;

	for (unsigned i = 0; i < DIAG_MAX + 5; i++)
		diag_error(&diags, (struct diag_place){ .file = "f", .line = i + 1 }, NULL, "wrong");
	CU_ASSERT_EQUAL(diags.count, DIAG_MAX);
	CU_ASSERT_EQUAL(diags.dropped, 5);
	CU_ASSERT_EQUAL(diags.errors, DIAG_MAX + 5);
	diag_print(&diags, &out);
	for (size_t i = 0; i < out.length; i++)
		lines += out.bytes[i] == '\n';
	CU_ASSERT_EQUAL(lines, DIAG_MAX + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.bytes, "and 5 more\n"));
	text_fini(&out);
	diag_fini(&diags);
}

static const struct suite_case cases[] = {
	{ .name = "lines with places and suggestions, in order", .run = test_lines },
	{ .name = "sorting is by place and stable", .run = test_sort },
	{ .name = "past the limit errors are counted", .run = test_limit },
};

int
main(void)
{
	return suite_run("diag", cases, ARRAY_SIZE(cases));
}
