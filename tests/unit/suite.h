/* suite.h -- runs a table of CUnit tests as one suite, and prints "ok SUITE: CASE" or "not ok SUITE: CASE: why" for
 * each, the lines that tests/summary.sh counts. In: a table whose entries have a name and a function.
 * Out: the value that main() returns.
 *
 *	static const struct suite_case cases[] = {
 *		{ .name = "an empty list has no errors", .run = test_empty },
 *	};
 *	int main(void) { return suite_run("diag", cases, ARRAY_SIZE(cases)); }
 */
#ifndef ISOBAR_TESTS_SUITE_H
#define ISOBAR_TESTS_SUITE_H

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/contract.h"

struct suite_case {
	const char *name;
	void (*run)(void);
};

/* Fails with both texts in the report; CU_ASSERT_STRING_EQUAL would show only the expressions. NULL is a text too. */
#define SUITE_TEXT(actual, expected) suite_text(actual, expected, #actual, __FILE__, __LINE__)

/* For tables: fails with the row's name before the condition. */
#define SUITE_ROW(row, condition) suite_row(row, condition, #condition, __FILE__, __LINE__)

static inline void
suite_text(const char *actual, const char *expected, const char *expression, const char *file, unsigned line)
{
	char why[4096];
	int same = actual == NULL || expected == NULL ? actual == expected : strcmp(actual, expected) == 0;

	snprintf(why, sizeof(why), "%.200s is '%.1900s', expected '%.1900s'", expression, actual == NULL ? "(null)" : actual,
	    expected == NULL ? "(null)" : expected);
	CU_assertImplementation(same ? CU_TRUE : CU_FALSE, line, why, file, "", CU_FALSE);
}

static inline void
suite_row(const char *row, int good, const char *condition, const char *file, unsigned line)
{
	char why[2000];

	snprintf(why, sizeof(why), "[%s] %s", row, condition);
	CU_assertImplementation(good ? CU_TRUE : CU_FALSE, line, why, file, "", CU_FALSE);
}

static inline void
suite_print_case(struct CU_Test *const test, struct CU_Suite *const suite, struct CU_FailureRecord *const failures)
{
	const char *separator = ": ";

	printf("%s %s: %s", failures == NULL ? "ok" : "not ok", suite->pName, test->pName);
	for (const struct CU_FailureRecord *f = failures; f != NULL; f = f->pNext) {
		printf("%s%s:%u %s", separator, f->strFileName, f->uiLineNumber, f->strCondition);
		separator = "; ";
	}
	printf("\n");
	fflush(stdout);
}

/* How many random cases to run of these: a tenth where ISOBAR_TEST_BRIEF is set, as it's under valgrind, which is 40 times
 * slower and sees no more of them than the address sanitizer, which runs all. */
static inline unsigned
suite_rounds(unsigned all)
{
	return getenv("ISOBAR_TEST_BRIEF") != NULL ? all / 10 : all;
}

/* Runs every case. 0 when all passed, else 1. */
static inline int
suite_run(const char *name, const struct suite_case *cases, size_t count)
{
	struct CU_Suite *suite;
	unsigned failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		abort();
	suite = CU_add_suite(name, NULL, NULL);
	if (suite == NULL)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (CU_add_test(suite, cases[i].name, cases[i].run) == NULL)
			abort();
	}
	CU_set_error_action(CUEA_FAIL);
	CU_basic_set_mode(CU_BRM_SILENT);
	CU_set_test_complete_handler(suite_print_case);
	CU_run_all_tests();
	failures = CU_get_number_of_tests_failed() + CU_get_number_of_suites_failed();
	if (CU_get_number_of_tests_run() != count)
		failures++;
	CU_cleanup_registry();
	return failures == 0 ? 0 : 1;
}

#endif
