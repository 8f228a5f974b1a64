/* table.c -- aligned columns for people.  In: cells, row by row.  Out: lines on standard output.  Threads: one.
 * Widths count characters, not octets (UTF-8's continuation octets take no room). No colours, no lines: the output can
 * be cut and sorted by other tools, and --json is there for programs. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static size_t column_count(const struct table *table);
static void add(struct table *table, char *cell);
static const char *heading(const struct table *table, size_t column);
static size_t width(const char *text);
static void print_row(const struct table *table, const char *const *cells, const size_t *widths);

void
table_text(struct table *table, const char *text)
{
	add(table, strdup(text == NULL || text[0] == '\0' ? "-" : text));
}

void
table_format(struct table *table, const char *format, ...)
{
	char *cell = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&cell, format, args) < 0)
		cell = NULL;
	va_end(args);
	add(table, cell);
}

void
table_number(struct table *table, double value, int decimals)
{
	if (isfinite(value))
		table_format(table, "%.*f", decimals, value);
	else
		table_text(table, NULL);
}

void
table_percent(struct table *table, double share)
{
	if (isfinite(share))
		table_format(table, "%.1f %%", 100 * share);
	else
		table_text(table, NULL);
}

void
table_ago(struct table *table, double seconds)
{
	if (!isfinite(seconds))
		table_text(table, "never");
	else if (seconds < 120)
		table_format(table, "%.0f s", seconds);
	else if (seconds < 7200)
		table_format(table, "%.0f min", seconds / 60);
	else if (seconds < 172800)
		table_format(table, "%.0f h", seconds / 3600);
	else
		table_format(table, "%.0f d", seconds / 86400);
}

/* Takes `cell`; NULL: memory is out, and there is nothing to print any more. */
static void
add(struct table *table, char *cell)
{
	if (table->count == table->size) {
		size_t size = table->size == 0 ? 64 : 2 * table->size;
		char **cells = realloc(table->cells, size * sizeof(*cells));

		if (cells == NULL) {
			free(cell);
			cell = NULL;
		} else {
			table->cells = cells;
			table->size = size;
		}
	}
	if (cell == NULL) {
		ctl_fail("out of memory");
		exit(CTL_FAILED);
	}
	table->cells[table->count++] = cell;
}

void
table_print(struct table *table)
{
	size_t columns = column_count(table), widths[TABLE_COLUMNS_MAX];
	const char *headings[TABLE_COLUMNS_MAX];

	for (size_t c = 0; c < columns; c++) {
		headings[c] = heading(table, c);
		widths[c] = width(headings[c]);
		for (size_t i = c; i < table->count; i += columns)
			if (width(table->cells[i]) > widths[c])
				widths[c] = width(table->cells[i]);
	}
	print_row(table, headings, widths);
	for (size_t i = 0; i < table->count; i += columns)
		print_row(table, (const char *const *)table->cells + i, widths);
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->count = table->size = 0;
}

static size_t
column_count(const struct table *table)
{
	size_t count = 0;

	while (count < TABLE_COLUMNS_MAX && table->columns[count] != NULL)
		count++;
	return count;
}

static const char *
heading(const struct table *table, size_t column)
{
	return table->columns[column] + (table->columns[column][0] == '<');
}

static size_t
width(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

/* No blanks at the end of a line. */
static void
print_row(const struct table *table, const char *const *cells, const size_t *widths)
{
	size_t columns = column_count(table);

	for (size_t c = 0; c < columns; c++) {
		int fill = (int)(widths[c] - width(cells[c]));
		bool right = table->columns[c][0] == '<', last = c + 1 == columns;

		printf("%*s%s%*s%s", right ? fill : 0, "", cells[c], right || last ? 0 : fill, "", last ? "\n" : "  ");
	}
}
