/* rows.h -- the labelled moments of a dataset: one row is a series and a step. Threads: any. */
#ifndef ISOBAR_PREDICT_ROWS_H
#define ISOBAR_PREDICT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"
#include "predict/features.h"

struct row {
	uint32_t series, step;	/* indices into the dataset and into the series' window */
	float weight;		/* 1 / the chance with which this moment was left as it was: 1 where nothing is done */
	bool positive;
};

struct rows {
	struct row *list;
	size_t count;
};

#define ROW_WEIGHT_MOST 10.0f	/* moments left alone by a rare chance must not outweigh all others */

/* Every row with from <= t and t + H < to that may be predicted (features_missing()), isn't inside an incident, and
 * whose outcome is known and was left to itself: a region that is steered away from between t and t + H is censored;
 * by series, then time. False: out of memory. rows_fini() frees. */
bool rows_collect(const struct dataset *dataset, int64_t from_s, int64_t to_s, int64_t horizon_s, struct rows *rows)
	NONNULL MUST_USE;
void rows_fini(struct rows *rows) NONNULL;
/* Whether (t, t + H] meets a time when the region was steered away from. */
bool rows_censored(const struct incidents *steered, int64_t t, int64_t horizon_s) NONNULL;

/* Keeps all positives and, of the negatives, the `negatives` with the least hash of (series, step, seed): a random
 * sample that doesn't depend on the order. Returns the share of negatives kept. */
double rows_thin(struct rows *rows, size_t negatives, uint64_t seed) NONNULL;

/* Keeps the rows of some series whole: series by the least hash of (name, seed), until they have `most` rows and
 * `events` incidents that positives announce, or until there's none left. Which they are depends on no outcome, and
 * within a series nothing is missing: every score is of the same kind as over all. Returns how many are kept. */
size_t rows_keep_series(struct rows *rows, const struct dataset *dataset, size_t most, size_t events, uint64_t seed)
	NONNULL;

/* Features of all rows, row after row, table->count each; caller frees. NULL: out of memory. */
double *rows_features(const struct feature_table *table, const struct dataset *dataset, const struct rows *rows,
	int64_t horizon_s) NONNULL MUST_USE;

size_t rows_positives(const struct rows *rows) NONNULL;

#endif
