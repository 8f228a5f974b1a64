/* compare.h -- a model beside the simple rules that it must beat, on the same unseen rows. Threads: any. */
#ifndef ISOBAR_PREDICT_COMPARE_H
#define ISOBAR_PREDICT_COMPARE_H

#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "predict/dataset.h"
#include "predict/evaluate.h"
#include "predict/model.h"

enum contestant {
	CONTESTANT_MODEL,
	CONTESTANT_BASE_RATE,	/* always the rate of the training span */
	CONTESTANT_THRESHOLD,	/* the largest of metric / limit */
	CONTESTANT_EWMA,	/* the largest deviation from a moving mean */
	CONTESTANT_LOGISTIC,	/* a logistic regression on the same features */
	CONTESTANT_COUNT
};

struct comparison {
	int64_t from_s, to_s;			/* the rows' span */
	struct evaluation scores[CONTESTANT_COUNT];
};

extern const char *const contestant_names[CONTESTANT_COUNT];

/* Scores on rows in [from, to); the rules get their curves to probabilities, and the regression its weights, from the
 * model's training span, as far as the dataset has it. `from` must be a horizon behind that span.
 * 0, -ENODATA when there is no row or no incident to foresee, or -ENOMEM. */
int compare(const struct dataset *dataset, const struct model *model, int64_t from_s, int64_t to_s,
	struct comparison *out) NONNULL MUST_USE;

/* A table for people. */
void compare_print(const struct comparison *comparison, struct text *out) NONNULL;

#endif
