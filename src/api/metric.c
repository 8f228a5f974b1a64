/* metric.c -- see metric.h.
 * In: names, labels, numbers.  Out: text.  Threads: any. */
#include "api/metric.h"

#include <inttypes.h>
#include <math.h>

static void label_write(struct text *out, const char *label, const char *value);
static void number_write(struct text *out, double value);

void
metric_family(struct text *out, const char *name, const char *type, const char *help)
{
	text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
metric_single(struct text *out, const char *name, const char *type, const char *help, double value)
{
	metric_family(out, name, type, help);
	metric_sample(out, name, value, NULL, NULL, NULL, NULL);
}

void
metric_sample(struct text *out, const char *name, double value, const char *label, const char *label_value,
    const char *label2, const char *label2_value)
{
	text_puts(out, name);
	if (label != NULL) {
		text_puts(out, "{");
		label_write(out, label, label_value);
		if (label2 != NULL) {
			text_puts(out, ",");
			label_write(out, label2, label2_value);
		}
		text_puts(out, "}");
	}
	text_puts(out, " ");
	number_write(out, value);
	text_puts(out, "\n");
}

static void
label_write(struct text *out, const char *label, const char *value)
{
	text_printf(out, "%s=\"", label);
	for (const char *c = value; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			text_puts(out, "\\");
		text_add(out, *c == '\n' ? "\\n" : c, *c == '\n' ? 2 : 1);
	}
	text_puts(out, "\"");
}

/* Whole numbers as such: a counter isn't to be read as 1.23e+06. */
static void
number_write(struct text *out, double value)
{
	if (value == floor(value) && fabs(value) < 1e15)
		text_printf(out, "%" PRId64, (int64_t)value);
	else
		text_printf(out, "%.17g", value);
}
