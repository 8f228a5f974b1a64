/* results.c -- rows of goals: judged here and nowhere else, printed, and written as JSON.
 * In: values.  Out: standard output and results.json.  Invariant: `met` follows from value and must. */
#include "results.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static bool is_met(double value, const char *must);

void
results_add(struct results *results, double value, const char *must, const char *name, ...)
{
	struct result *row = &results->rows[results->count++];
	va_list arguments;

	if (results->count > RESULTS_MAX)
		abort();
	va_start(arguments, name);
	vsnprintf(row->name, sizeof(row->name), name, arguments);
	va_end(arguments);
	snprintf(row->must, sizeof(row->must), "%s", must);
	row->value = value;
	row->met = is_met(value, must);
	row->judged = true;
}

static bool
is_met(double value, const char *must)
{
	double bound = strtod(must + strspn(must, "<>= "), NULL);

	if (isnan(value))
		return false;
	if (strncmp(must, "<=", 2) == 0)
		return value <= bound;
	if (strncmp(must, ">=", 2) == 0)
		return value >= bound;
	if (must[0] == '<')
		return value < bound;
	if (must[0] == '>')
		return value > bound;
	return value == bound;
}

void
results_leave(struct results *results)
{
	results->rows[results->count - 1].judged = false;
}

bool
results_print(const struct results *results)
{
	bool good = true;

	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->rows[i];
		const char *word = row->met || !row->judged ? "ok" : "not ok";

		printf("%s sim: %s: %.6g, must be %s%s\n", word, row->name, row->value, row->must,
			row->judged ? "" : " (not judged in the short form)");
		good = good && (row->met || !row->judged);
	}
	return good;
}

void
results_write(const struct results *results, const char *path)
{
	struct text text = { 0 };

	text_puts(&text, "{\"rows\": [\n");
	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->rows[i];

		text_printf(&text, "  {\"name\": \"%s\", \"value\": ", row->name);
		text_printf(&text, isfinite(row->value) ? "%.6g" : "null", row->value);	/* what has no value isn't met */
		text_printf(&text, ", \"must\": \"%s\", \"met\": %s}%s\n", row->must, row->met ? "true" : "false",
			i + 1 < results->count ? "," : "");
	}
	text_puts(&text, "]}\n");
	if (text.failed || text_write_file(path, text.bytes, text.length) != 0) {
		fprintf(stderr, "sim: can't write %s\n", path);
		exit(1);
	}
	text_fini(&text);
}
