/* train.h -- trains a failure model on labelled history, with settings chosen and probabilities fitted on a later block
 * of time. Deterministic: the same dataset, span and seed give the same bytes.
 * Threads: none may run beside it in the process (libsvm); takes seconds: see child.h. */
#ifndef ISOBAR_PREDICT_TRAIN_H
#define ISOBAR_PREDICT_TRAIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "predict/dataset.h"

struct train_settings {
	int64_t from_s, to_s;		/* nothing outside is looked at */
	int64_t horizon_s;
	uint64_t seed;
	size_t rows_most;		/* of the machine; 0: TRAIN_ROWS_MOST */
};

#define TRAIN_ROWS_MOST 4000		/* twice as many take four times the time and memory */
#define TRAIN_EVENTS_LEAST 5		/* incidents in the span: with fewer there is nothing to learn from */

/* The model's text (model.h); caller frees. NULL with the reason in `error`: too few incidents, out of memory. */
char *train_failure(const struct dataset *dataset, const struct train_settings *settings, size_t *length,
	struct text *error) NONNULL MUST_USE;

#endif
