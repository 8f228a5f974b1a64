/* test_text.c -- base/text: growing, whole files in and out, and suggestions. */
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static char folder[] = "/tmp/isobar-text-XXXXXX";

static void
test_grows(void)
{
	struct text text = { 0 };
	char *taken;

	for (int i = 0; i < 1000; i++)
		text_printf(&text, "%03d,", i);
	text_puts(&text, "end");
	text_add(&text, "\0x", 2);
	CU_ASSERT_EQUAL(text.length, 4005);
	CU_ASSERT_FALSE(text.failed);
	CU_ASSERT_EQUAL(memcmp(text.bytes + 3996, "999,end\0x", 10), 0);
	taken = text_take(&text);
	CU_ASSERT_PTR_NOT_NULL(taken);
	CU_ASSERT_PTR_NULL(text.bytes);
	free(taken);
}

static void
test_take_empty(void)
{
	struct text text = { 0 };
	char *taken = text_take(&text);

	SUITE_TEXT(taken, "");
	free(taken);
}

static void
test_failure_sticks(void)
{
	struct text text = { 0 };

	text_puts(&text, "kept");
	text_add(&text, "", SIZE_MAX / 2);	/* refused before a byte is read */
	CU_ASSERT_TRUE(text.failed);
	text_puts(&text, "ignored");
	CU_ASSERT_EQUAL(text.length, 4);
	CU_ASSERT_PTR_NULL(text_take(&text));
	CU_ASSERT_FALSE(text.failed);
}

static const char *
path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void
test_file_round_trip(void)
{
	size_t length = 0, entries = 0;
	int error = 1;
	char *bytes;
	DIR *dir;

	CU_ASSERT_EQUAL(text_write_file(path_of("a"), "old", 3), 0);
	CU_ASSERT_EQUAL(text_write_file(path_of("a"), "new\0er", 6), 0);
	bytes = text_read_file(path_of("a"), 6, &length, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	CU_ASSERT_EQUAL(error, 0);
	CU_ASSERT_EQUAL(length, 6);
	CU_ASSERT_EQUAL(memcmp(bytes, "new\0er", 7), 0);
	free(bytes);
	dir = opendir(folder);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while (readdir(dir) != NULL)
		entries++;
	closedir(dir);
	CU_ASSERT_EQUAL(entries, 3);	/* ".", ".." and the file: no temporary is left */
	CU_ASSERT_EQUAL(unlink(path_of("a")), 0);
}

static void
test_empty_file(void)
{
	size_t length = 9;
	int error = 1;
	char *bytes;

	CU_ASSERT_EQUAL(text_write_file(path_of("empty"), "", 0), 0);
	bytes = text_read_file(path_of("empty"), 0, &length, &error);
	SUITE_TEXT(bytes, "");
	CU_ASSERT_EQUAL(length, 0);
	free(bytes);
	unlink(path_of("empty"));
}

static void
test_file_errors(void)
{
	size_t length = 0;
	int error = 0;

	CU_ASSERT_PTR_NULL(text_read_file(path_of("absent"), 10, &length, &error));
	CU_ASSERT_EQUAL(error, -ENOENT);
	CU_ASSERT_PTR_NULL(text_read_file(folder, 10, &length, &error));
	CU_ASSERT_EQUAL(error, -EISDIR);
	CU_ASSERT_EQUAL(text_write_file(path_of("no/such/folder"), "x", 1), -ENOENT);
	CU_ASSERT_EQUAL(text_write_file(path_of("long"), "1234567", 7), 0);
	CU_ASSERT_PTR_NULL(text_read_file(path_of("long"), 6, &length, &error));
	CU_ASSERT_EQUAL(error, -EFBIG);
	unlink(path_of("long"));
	CU_ASSERT_EQUAL(mkdir(path_of("d"), 0700), 0);
	CU_ASSERT_EQUAL(text_write_file(path_of("d"), "x", 1), -EISDIR);
	rmdir(path_of("d"));
}

static void
test_suggest(void)
{
	static const char *const settings[] = { "sharding-policy", "sticky", "regions", "residency", "ttl" };
	static const struct {
		const char *word, *expected;
	} rows[] = {
		{ "sharding-polcy", "sharding-policy" },
		{ "sharding_policy", "sharding-policy" },
		{ "region", "regions" },
		{ "residence", "residency" },
		{ "stikcy", "sticky" },
		{ "tll", "ttl" },
		{ "ttl", "ttl" },
		{ "t", NULL },
		{ "", NULL },
		{ "weights", NULL },
		{ "a-name-that-is-far-longer-than-any-setting-or-record-could-ever-be-in-practice", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_TEXT(text_suggest(rows[i].word, settings, ARRAY_SIZE(settings)), rows[i].expected);
	CU_ASSERT_PTR_NULL(text_suggest("ttl", settings, 0));
}

static const struct suite_case cases[] = {
	{ .name = "text grows and is taken", .run = test_grows },
	{ .name = "taking nothing gives an empty string", .run = test_take_empty },
	{ .name = "a failure sticks until the end", .run = test_failure_sticks },
	{ .name = "a file is replaced as a whole", .run = test_file_round_trip },
	{ .name = "an empty file", .run = test_empty_file },
	{ .name = "errors of files", .run = test_file_errors },
	{ .name = "the nearest word, or none", .run = test_suggest },
};

int
main(void)
{
	int rc;

	if (mkdtemp(folder) == NULL)
		return 1;
	rc = suite_run("text", cases, ARRAY_SIZE(cases));
	rmdir(folder);
	return rc;
}
