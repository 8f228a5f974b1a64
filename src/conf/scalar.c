/* scalar.c -- numbers with units.
 * In: a word of a settings file.  Out: a double, which holds every whole number that a setting can have (2^53).
 * A unit has one spelling. The others that people try ("5 sec", "64MB", "50K") are known only so that the error can
 * name the right one: taking them would leave files that the next reader reads otherwise, and "m" is a minute here
 * and a million there.
 * strtod() gets only text that has been checked: by itself it takes blanks, "0x1p3", "inf" and "nan". */
#include "conf/scalar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *text;
	double factor;
	const char *meant;	/* NULL: a unit; else a misspelling of this one */
};

static const struct unit no_units[] = { { "", 1, NULL }, { NULL, 0, NULL } };

static const struct unit rate_units[] = {
	{ "", 1, NULL }, { "k", 1e3, NULL }, { "M", 1e6, NULL },
	{ "K", 0, "k" }, { "m", 0, "M" },
	{ "rps", 0, "" }, { "/s", 0, "" }, { "krps", 0, "k" }, { "k/s", 0, "k" }, { "Mrps", 0, "M" }, { "M/s", 0, "M" },
	{ NULL, 0, NULL },
};

static const struct unit duration_units[] = {
	{ "ms", 1, NULL }, { "s", 1e3, NULL }, { "m", 60e3, NULL }, { "h", 3600e3, NULL }, { "d", 86400e3, NULL },
	{ "", 0, "s" },
	{ "msec", 0, "ms" }, { "millis", 0, "ms" }, { "milliseconds", 0, "ms" },
	{ "sec", 0, "s" }, { "secs", 0, "s" }, { "second", 0, "s" }, { "seconds", 0, "s" }, { "S", 0, "s" },
	{ "min", 0, "m" }, { "mins", 0, "m" }, { "minute", 0, "m" }, { "minutes", 0, "m" }, { "M", 0, "m" },
	{ "hr", 0, "h" }, { "hrs", 0, "h" }, { "hour", 0, "h" }, { "hours", 0, "h" }, { "H", 0, "h" },
	{ "day", 0, "d" }, { "days", 0, "d" }, { "D", 0, "d" },
	{ NULL, 0, NULL },
};

static const struct unit size_units[] = {
	{ "", 1, NULL }, { "k", 1024, NULL }, { "M", 1048576, NULL }, { "G", 1073741824, NULL },
	{ "B", 0, "" }, { "K", 0, "k" }, { "kB", 0, "k" }, { "KB", 0, "k" }, { "KiB", 0, "k" }, { "kib", 0, "k" },
	{ "m", 0, "M" }, { "MB", 0, "M" }, { "mb", 0, "M" }, { "MiB", 0, "M" },
	{ "g", 0, "G" }, { "GB", 0, "G" }, { "gb", 0, "G" }, { "GiB", 0, "G" },
	{ NULL, 0, NULL },
};

static bool read_quantity(const char *text, const struct unit *units, bool whole, double *value, char *suggestion);
static size_t number_length(const char *text, bool whole);
static size_t skip_digits(const char *text);

bool
scalar_number(const char *text, double *number, char suggestion[static SCALAR_SUGGESTION_SIZE])
{
	return read_quantity(text, no_units, false, number, suggestion);
}

bool
scalar_integer(const char *text, double *number, char suggestion[static SCALAR_SUGGESTION_SIZE])
{
	return read_quantity(text, no_units, true, number, suggestion);
}

bool
scalar_rate(const char *text, double *rate, char suggestion[static SCALAR_SUGGESTION_SIZE])
{
	return read_quantity(text, rate_units, false, rate, suggestion);
}

bool
scalar_duration(const char *text, double *ms, char suggestion[static SCALAR_SUGGESTION_SIZE])
{
	return read_quantity(text, duration_units, true, ms, suggestion);
}

bool
scalar_size(const char *text, double *octets, char suggestion[static SCALAR_SUGGESTION_SIZE])
{
	return read_quantity(text, size_units, true, octets, suggestion);
}

bool
scalar_bool(const char *text, bool *value, char suggestion[static SCALAR_SUGGESTION_SIZE])
{
	static const char *const yes[] = { "yes", "on", "true", "y", "1" };
	static const char *const no[] = { "no", "off", "false", "n", "0" };

	suggestion[0] = '\0';
	*value = strcmp(text, "true") == 0;
	if (*value || strcmp(text, "false") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(text, yes[i]) == 0)
			snprintf(suggestion, SCALAR_SUGGESTION_SIZE, "true");
		else if (strcasecmp(text, no[i]) == 0)
			snprintf(suggestion, SCALAR_SUGGESTION_SIZE, "false");
	}
	return false;
}

/* A number, then one of `units`. Blanks between the two are a misspelling too. */
static bool
read_quantity(const char *text, const struct unit *units, bool whole, double *value, char *suggestion)
{
	size_t digits = number_length(text, whole);
	const char *rest = text + digits;

	suggestion[0] = '\0';
	if (digits == 0 || digits >= SCALAR_SUGGESTION_SIZE / 2)
		return false;
	rest += strspn(rest, " ");
	for (const struct unit *u = units; u->text != NULL; u++) {
		if (strcmp(u->text, rest) != 0)
			continue;
		if (u->meant == NULL && rest == text + digits) {
			*value = strtod(text, NULL) * u->factor;
			return isfinite(*value);
		}
		snprintf(suggestion, SCALAR_SUGGESTION_SIZE, "%.*s%s", (int)digits, text,
		    u->meant == NULL ? u->text : u->meant);
		return false;
	}
	return false;
}

/* Octets of the number at the front of `text`: sign, digits, and where it needn't be `whole`, fraction and exponent. */
static size_t
number_length(const char *text, bool whole)
{
	size_t length = text[0] == '-' || text[0] == '+', digits = skip_digits(text + length), more;

	if (digits == 0)
		return 0;
	length += digits;
	if (whole)
		return length;
	if (text[length] == '.') {
		digits = skip_digits(text + length + 1);
		if (digits == 0)
			return 0;
		length += 1 + digits;
	}
	if (text[length] == 'e' || text[length] == 'E') {
		more = length + 1;
		more += text[more] == '-' || text[more] == '+';
		digits = skip_digits(text + more);
		length = digits == 0 ? length : more + digits;
	}
	return length;
}

static size_t
skip_digits(const char *text)
{
	return strspn(text, "0123456789");
}
