/* words.c -- CAP's words as numbers, and times as others write them.
 * In: a word, a JSON value.  Out: a number, a time.
 * The certainties follow CAP 1.2 section 3.2.2, which gives probabilities: Likely is above one half, Possible at most
 * that, Unlikely near 0. What a service doesn't know (Unknown) is still a warning that it gave: it counts as the
 * middle. Severities are ranks there; they are spaced evenly.
 * Threads: any; pure. */
#include <math.h>
#include <strings.h>

#include "feed/pulled.h"

#define MILLISECONDS_FROM 1e11	/* seconds reach this in the year 5138, milliseconds did in 1973 */
#define TIME_MOST_MS 4e12

struct word { const char *word; double value; };

static bool find(const struct word *words, size_t count, const char *word, double *value);

bool
words_severity(const char *word, double *value)
{
	static const struct word words[] = {
		{ "Extreme", 1 }, { "Severe", 0.75 }, { "Moderate", 0.5 }, { "Minor", 0.25 }, { "Unknown", 0.5 },
	};

	return find(words, ARRAY_SIZE(words), word, value);
}

bool
words_certainty(const char *word, double *value)
{
	static const struct word words[] = {
		{ "Observed", 1 }, { "Likely", 0.75 }, { "Possible", 0.35 }, { "Unlikely", 0.05 }, { "Unknown", 0.5 },
		{ "Very Likely", 0.75 },	/* of CAP 1.0, which says to read it so */
	};

	return find(words, ARRAY_SIZE(words), word, value);
}

static bool
find(const struct word *words, size_t count, const char *word, double *value)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(words[i].word, word) == 0) {
			*value = words[i].value;
			return true;
		}
	}
	return false;
}

bool
words_time(const cJSON *value, struct wall *at)
{
	double number;

	if (cJSON_IsString(value))
		return wall_parse(value->valuestring, at) == 0;
	if (!cJSON_IsNumber(value))
		return false;
	number = value->valuedouble < MILLISECONDS_FROM ? value->valuedouble * 1000 : value->valuedouble;
	if (!(number > 0 && number < TIME_MOST_MS))
		return false;
	*at = (struct wall){ llround(number) };
	return true;
}
