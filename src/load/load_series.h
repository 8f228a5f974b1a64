/* load_series.h -- one metric of every series in a folder of data (dataset.h describes the files), on even steps.
 * Threads: any; a list has one owner. */
#ifndef ISOBAR_LOAD_LOAD_SERIES_H
#define ISOBAR_LOAD_LOAD_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"

struct load_series {
	char *name;
	int64_t start_s;	/* of values[0] */
	int64_t step_s;		/* the commonest distance of two rows */
	size_t count;
	double *values;		/* [count]; NAN: no row, an empty field, or none that is finite */
};

/* Each series of FOLDER/metrics.csv.gz (or metrics.csv), by name. NULL after errors, all of them in `diags` with file
 * and line; a column that isn't there is one, with the nearest name and a list of what is there. */
struct load_series *load_folder_read(const char *folder, const char *metric, size_t *count, struct diags *diags)
	NONNULL MUST_USE;
void load_series_free(struct load_series *list, size_t count);	/* NULL is allowed */

#endif
