/* test_log.c -- base/log: standard error is a pipe here, and what comes out of it is compared. */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

/* What `run` writes to standard error. `journal`: as if systemd had connected it. */
static const char *
captured(void (*run)(void), bool journal, enum log_level most)
{
	static char text[8192];
	int ends[2], saved = dup(STDERR_FILENO);
	struct stat st;
	ssize_t length;

	if (saved < 0 || pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0 || fstat(ends[1], &st) != 0)
		abort();
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino + (journal ? 0 : 1));
	setenv("JOURNAL_STREAM", text, 1);
	log_open("isobard", most);
	run();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);
	length = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	text[length < 0 ? 0 : length] = '\0';
	return text;
}

static void
log_each(void)
{
	log_error("cannot open %s: %m", "/x");
	log_warning("two");
	log_info("three");
	log_debug("four");
}

static void
test_levels(void)
{
	errno = ENOENT;
	SUITE_TEXT(captured(log_each, false, LOG_LEVEL_INFO), "isobard: error: cannot open /x: No such file or directory\n"
	    "isobard: warning: two\nisobard: info: three\n");
	errno = ENOENT;
	SUITE_TEXT(captured(log_each, false, LOG_LEVEL_ERROR),
	    "isobard: error: cannot open /x: No such file or directory\n");
}

static void
test_journal(void)
{
	errno = EIO;
	SUITE_TEXT(captured(log_each, true, LOG_LEVEL_DEBUG), "<3>error: cannot open /x: Input/output error\n"
	    "<4>warning: two\n<6>info: three\n<7>debug: four\n");
}

static void
log_hostile(void)
{
	log_info("a\nisobard: error: forged\x1b[0m\x7f");
}

static void
test_one_line(void)
{
	SUITE_TEXT(captured(log_hostile, false, LOG_LEVEL_INFO), "isobard: info: a?isobard: error: forged?[0m?\n");
}

static void
log_long(void)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	errno = EPERM;
	log_info("%s", text);
	CU_ASSERT_EQUAL(errno, EPERM);
}

static void
test_cut(void)
{
	const char *text = captured(log_long, false, LOG_LEVEL_INFO);

	CU_ASSERT_EQUAL(strlen(text), 2048);
	CU_ASSERT_EQUAL(text[2047], '\n');
	CU_ASSERT_EQUAL(text[2046], 'x');
}

static const struct suite_case cases[] = {
	{ .name = "levels that are written, and errno's text", .run = test_levels },
	{ .name = "prefixes for the journal", .run = test_journal },
	{ .name = "an event is one line", .run = test_one_line },
	{ .name = "a long line is cut, errno kept", .run = test_cut },
};

int
main(void)
{
	return suite_run("log", cases, ARRAY_SIZE(cases));
}
