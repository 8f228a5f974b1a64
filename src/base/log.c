/* log.c -- one line to standard error per event.
 * A line is formatted on the stack and leaves by one write(2), so that lines of several threads and processes don't mix
 * and no lock is held. Control characters become '?': what a client sent must not forge a line.
 * The "<N>" prefix is written only when standard error is the journal (JOURNAL_STREAM names its device and inode, see
 * systemd.exec(5)); elsewhere the program's name stands in its place. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_SIZE 2048	/* a longer line is cut; PIPE_BUF (4096) is where a write to a pipe stops being atomic */

static struct {
	const char *program;
	enum log_level most;
	bool journal;
} settings = { .program = "isobar", .most = LOG_LEVEL_INFO };

static bool stderr_is_journal(void);
static void write_line(enum log_level level, const char *format, va_list args) PRINTF(2, 0);
static const char *level_name(enum log_level level);

void
log_open(const char *program, enum log_level most)
{
	settings.program = program;
	settings.most = most;
	settings.journal = stderr_is_journal();
}

static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	    st.st_dev == device && st.st_ino == inode;
}

void
log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

void
log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

void
log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_INFO, format, args);
	va_end(args);
}

void
log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_DEBUG, format, args);
	va_end(args);
}

static void
write_line(enum log_level level, const char *format, va_list args)
{
	char line[LINE_SIZE];
	size_t start, length;
	int added, error = errno;

	if (level > settings.most)
		return;
	if (settings.journal)
		added = snprintf(line, sizeof(line), "<%d>%s: ", (int)level, level_name(level));
	else
		added = snprintf(line, sizeof(line), "%.64s: %s: ", settings.program, level_name(level));
	start = added < 0 ? 0 : (size_t)added;
	errno = error;	/* for %m */
	added = vsnprintf(line + start, sizeof(line) - start, format, args);
	length = added < 0 ? start : start + (size_t)added;
	if (length > sizeof(line) - 1)
		length = sizeof(line) - 1;	/* the NUL's place is taken by the line's end */
	for (size_t i = start; i < length; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[length] = '\n';
	if (write(STDERR_FILENO, line, length + 1) < 0) {
		/* There is nowhere left to say so. */
	}
	errno = error;
}

static const char *
level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "error";
}
