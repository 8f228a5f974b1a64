/* csv.c -- CSV files, line by line.
 * In: a file.  Out: its fields, and every error with file and line.
 * Threads: one csv, one thread. Fields point into the line, and live until the next one. */
#include "base/csv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
csv_open(struct csv *csv, const char *folder, const char *name, struct diags *diags)
{
	size_t length = strlen(folder) + strlen(name) + 2;

	*csv = (struct csv){ .path = malloc(length), .diags = diags };
	if (csv->path == NULL) {
		csv_error(csv, "out of memory");
		return false;
	}
	snprintf(csv->path, length, "%s/%s", folder, name);
	csv->file = deflate_open(csv->path);
	if (csv->file == NULL && strlen(name) > 3 && strcmp(name + strlen(name) - 3, ".gz") == 0) {
		csv->path[strlen(csv->path) - 3] = '\0';
		csv->file = deflate_open(csv->path);
	}
	if (csv->file == NULL) {
		csv_error(csv, "can't be opened: %s", strerror(errno));
		free(csv->path);
		return false;
	}
	if (!csv_row(csv)) {
		csv_error(csv, "no header line");
		csv_close(csv);
		return false;
	}
	return true;
}

void
csv_close(struct csv *csv)
{
	deflate_close(csv->file);
	free(csv->path);
}

bool
csv_row(struct csv *csv)
{
	int got;

	while ((got = deflate_line(csv->file, csv->text, sizeof(csv->text))) == 1) {
		size_t header = csv->field_count, count = 0;
		char *field = csv->text, *comma;
		bool first = csv->line++ == 0;

		csv->text[strcspn(csv->text, "\r\n")] = '\0';
		if (csv->text[0] == '\0')
			continue;
		do {
			comma = strchr(field, ',');
			if (comma != NULL)
				*comma = '\0';
			csv->fields[count++] = field;
			field = comma == NULL ? NULL : comma + 1;
		} while (field != NULL && count < CSV_FIELDS_MAX);
		if (!first && count != header) {
			csv_error(csv, "another number of fields than the header has");
			continue;
		}
		csv->field_count = count;
		return true;
	}
	if (got < 0)
		csv_error(csv, "broken compressed data");
	return false;
}

bool
csv_columns(struct csv *csv, const char *const *names, size_t count, size_t *columns)
{
	bool all = true;

	for (size_t i = 0; i < count; i++) {
		columns[i] = csv->field_count;
		for (size_t k = 0; k < csv->field_count; k++) {
			if (strcmp(csv->fields[k], names[i]) == 0)
				columns[i] = k;
		}
		if (columns[i] == csv->field_count) {
			csv_error(csv, "no column '%s'", names[i]);
			all = false;
		}
	}
	return all;
}

bool
csv_time(struct csv *csv, size_t column, int64_t *time_s)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(csv->fields[column], &end, 10);
	if (*end != '\0' || end == csv->fields[column] || errno != 0 || value < 0 || value > INT64_C(253402300800)) {
		csv_error(csv, "'%s' is no time in seconds since 1970", csv->fields[column]);
		return false;
	}
	*time_s = value;
	return true;
}

void
csv_error(struct csv *csv, const char *format, ...)
{
	struct diag_place place = { .file = csv->path == NULL ? "data" : csv->path, .line = csv->line };
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	diag_error(csv->diags, place, NULL, "%s", message);
}
