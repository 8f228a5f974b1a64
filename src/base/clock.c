/* clock.c -- reads the clocks, and RFC 3339 in both directions.
 * The calendar is libc's (gmtime_r, timegm); only the punctuation is ours. strptime() isn't used for it: it takes
 * blanks, short numbers and dates that don't exist. */
#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool read_date(const char **p, struct tm *tm);
static bool read_fraction(const char **p, int64_t *ms);
static bool read_offset(const char **p, int64_t *offset);
static bool read_number(const char **p, int digits, int *number);
static bool read_one_of(const char **p, const char *allowed);

struct mono
mono_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct mono){ (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec };
}

struct wall
wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct wall){ (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 };
}

int64_t
mono_ms_between(struct mono from, struct mono to)
{
	return (to.ns - from.ns) / 1000000;
}

struct mono
mono_add_ms(struct mono at, int64_t ms)
{
	return (struct mono){ at.ns + ms * 1000000 };
}

const char *
wall_text(struct wall at, char text[static CLOCK_TEXT_SIZE])
{
	int64_t seconds = at.ms / 1000, ms = at.ms % 1000;
	time_t t;
	struct tm tm;
	size_t used;

	if (ms < 0) {
		ms += 1000;
		seconds--;
	}
	t = (time_t)seconds;
	gmtime_r(&t, &tm);
	used = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + used, CLOCK_TEXT_SIZE - used, ".%03dZ", (int)ms);
	return text;
}

int
wall_parse(const char *text, struct wall *at)
{
	struct tm tm = { 0 };
	int64_t ms = 0, offset = 0;
	const char *p = text;

	if (!read_date(&p, &tm) || !read_fraction(&p, &ms) || !read_offset(&p, &offset) || *p != '\0')
		return -EINVAL;
	at->ms = ((int64_t)timegm(&tm) - offset) * 1000 + ms;
	return 0;
}

static bool
read_date(const char **p, struct tm *tm)
{
	struct tm given;
	time_t t;

	if (!read_number(p, 4, &tm->tm_year) || !read_one_of(p, "-") ||
	    !read_number(p, 2, &tm->tm_mon) || !read_one_of(p, "-") ||
	    !read_number(p, 2, &tm->tm_mday) || !read_one_of(p, "Tt") ||
	    !read_number(p, 2, &tm->tm_hour) || !read_one_of(p, ":") ||
	    !read_number(p, 2, &tm->tm_min) || !read_one_of(p, ":") ||
	    !read_number(p, 2, &tm->tm_sec))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	if (tm->tm_sec == 60)	/* a leap second: POSIX time has none, so it counts as the one before */
		tm->tm_sec = 59;
	/* timegm() turns 30 February into 2 March: a date that comes back changed was never in the calendar. */
	given = *tm;
	t = timegm(tm);
	gmtime_r(&t, tm);
	return given.tm_mon == tm->tm_mon && given.tm_mday == tm->tm_mday && given.tm_hour == tm->tm_hour &&
	    given.tm_min == tm->tm_min && given.tm_sec == tm->tm_sec;
}

/* The optional fraction of a second; digits past the millisecond are read and dropped. */
static bool
read_fraction(const char **p, int64_t *ms)
{
	int64_t scale = 100;

	if (!read_one_of(p, "."))
		return true;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
		*ms += (**p - '0') * scale;
	return true;
}

static bool
read_offset(const char **p, int64_t *offset)
{
	int sign = **p == '-' ? -1 : 1, hours, minutes;

	if (read_one_of(p, "Zz"))
		return true;
	if (!read_one_of(p, "+-") || !read_number(p, 2, &hours) || !read_one_of(p, ":") ||
	    !read_number(p, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool
read_number(const char **p, int digits, int *number)
{
	*number = 0;
	for (; digits > 0; digits--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*number = *number * 10 + (**p - '0');
	}
	return true;
}

static bool
read_one_of(const char **p, const char *allowed)
{
	if (**p == '\0' || strchr(allowed, **p) == NULL)
		return false;
	(*p)++;
	return true;
}
