/* rows.h -- the labelled moments of a dataset: one row is a series and a minute. Threads: any. */
#ifndef ISOBAR_PREDICT_ROWS_H
#define ISOBAR_PREDICT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"

struct row {
	uint32_t series, minute;	/* indices into the dataset and into the series' window */
	bool positive;
};

struct rows {
	struct row *list;
	size_t count;
};

/* Every row with from <= t and t + H < to that may be predicted (features_missing()), isn't inside an incident, and
 * whose outcome is known; by series, then time. False: out of memory. rows_fini() frees. */
bool rows_collect(const struct dataset *dataset, int64_t from_s, int64_t to_s, int64_t horizon_s, struct rows *rows)
	NONNULL MUST_USE;
void rows_fini(struct rows *rows) NONNULL;

/* Keeps all positives and, of the negatives, the `negatives` with the least hash of (series, minute, seed): a random
 * sample that doesn't depend on the order. Returns the share of negatives kept. */
double rows_thin(struct rows *rows, size_t negatives, uint64_t seed) NONNULL;

/* Features of all rows, row after row, feature_count() each; caller frees. NULL: out of memory. */
double *rows_features(const struct dataset *dataset, const struct rows *rows, int64_t horizon_s) NONNULL MUST_USE;

size_t rows_positives(const struct rows *rows) NONNULL;

#endif
