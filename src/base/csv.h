/* csv.h -- CSV files with a header, plain or packed by gzip, line by line. Fields are split at commas; there are no
 * quotes. Threads: one csv, one thread. */
#ifndef ISOBAR_BASE_CSV_H
#define ISOBAR_BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/deflate.h"
#include "base/diag.h"

#define CSV_LINE_SIZE 8192	/* a line of a hundred numbers with room to spare */
#define CSV_FIELDS_MAX 512

struct csv {
	char *fields[CSV_FIELDS_MAX];	/* of the present line, at first of the header */
	size_t field_count;
	unsigned line;			/* its number, from 1 */
	char *path;
	struct deflate_file *file;
	struct diags *diags;		/* where errors go, with file and line */
	char text[CSV_LINE_SIZE];
};

/* Opens FOLDER/NAME, where NAME.gz is tried as NAME too, and reads its header into the fields. False after an error. */
bool csv_open(struct csv *csv, const char *folder, const char *name, struct diags *diags) NONNULL MUST_USE;
void csv_close(struct csv *csv) NONNULL;	/* only after csv_open() was true */
/* The next line that isn't empty; one with another number of fields than the header is an error and skipped. */
bool csv_row(struct csv *csv) NONNULL;
/* Where the named columns of the header are; an error for each that is missing. */
bool csv_columns(struct csv *csv, const char *const *names, size_t count, size_t *columns) NONNULL;
/* Seconds since 1970; false after an error. */
bool csv_time(struct csv *csv, size_t column, int64_t *time_s) NONNULL;
void csv_error(struct csv *csv, const char *format, ...) PRINTF(2, 3);	/* at this line */

#endif
