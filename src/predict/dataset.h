/* dataset.h -- labelled history of several regions: from a folder of CSV files, or filled in from the store. A folder
 * holds metrics.csv.gz (or metrics.csv): "timestamp,series,METRIC..."; incidents.csv: "series,start,end,..."; and
 * series.csv: "series,step_s,first_ts,last_ts,label_from,label_to,...". Times are seconds since 1970, an empty field
 * is a missing value, a column without a single number is left out. See isobar-models(7).
 * Threads: one dataset, one thread at a time; immutable while it's trained on. */
#ifndef ISOBAR_PREDICT_DATASET_H
#define ISOBAR_PREDICT_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "predict/labels.h"
#include "predict/metrics.h"
#include "predict/window.h"

struct dataset_series {
	char *name;
	struct window *window;
	struct incidents incidents;
	/* When the region was steered away from because of a forecast: what didn't happen then says nothing. */
	struct incidents steered;
	/* [step]: the chance with which it was left as it was, from the log of decisions; NULL: 1 throughout. */
	double *left;
	int64_t label_from_s, label_to_s;	/* incidents are known in [from, to) */
};

struct dataset {
	struct metrics *metrics;		/* shared by all windows */
	int64_t step_s;				/* the commonest of the windows' steps */
	struct dataset_series *series;
	size_t count;
};

/* NULL after errors, all of them in `diags`. */
struct dataset *dataset_read(const char *folder, struct diags *diags) NONNULL MUST_USE;
/* Of empty series, to be filled in; with a copy of the catalogue. `metrics` NULL: all that have a meaning, in use. */
struct dataset *dataset_new(size_t count, const struct metrics *metrics) MUST_USE;
void dataset_free(struct dataset *dataset);

/* The series of this name; dataset->count when there is none. */
size_t dataset_find(const struct dataset *dataset, const char *name) NONNULL;
/* The time before which lies `share` of the labelled span; whole steps. */
int64_t dataset_time_at(const struct dataset *dataset, double share) NONNULL;
/* Incidents that begin there. */
size_t dataset_events(const struct dataset *dataset, int64_t from_s, int64_t to_s) NONNULL;

#endif
