/* contest.h -- a model beside the simple rules that it must beat: each says its probability of the same rows.
 * Threads: any; a contest is immutable once it's made. */
#ifndef ISOBAR_BACKTEST_CONTEST_H
#define ISOBAR_BACKTEST_CONTEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"
#include "predict/model.h"
#include "predict/rows.h"

enum contestant {
	CONTESTANT_MODEL,
	CONTESTANT_BASE_RATE,	/* always the rate of the training span */
	CONTESTANT_THRESHOLD,	/* the largest of metric / limit; where no limit is known, the largest deviation */
	CONTESTANT_EWMA,	/* the largest deviation from a moving mean */
	CONTESTANT_HAZARD,	/* the time since the last incident, and the time of day */
	CONTESTANT_LOGISTIC,	/* a logistic regression on the same features */
	CONTESTANT_COUNT
};

extern const char *const contestant_names[CONTESTANT_COUNT];

struct contest;

/* The rules get their curves to probabilities, and the regression its weights, from the model's training span, as far
 * as the dataset has it. Model and dataset are not taken. NULL: out of memory. */
struct contest *contest_new(const struct dataset *train, const struct model *model) NONNULL MUST_USE;
void contest_free(struct contest *contest);	/* NULL is allowed */

/* Now and then with the share that is done, 0 .. 1. */
typedef void contest_progress_fn(void *arg, double done);

/* What each says of each row, at the row's time, as [contestant][row]; rows by series, then time. The base rate where
 * there's no prediction. Of another dataset than that of the training, too. 0 or -ENOMEM. */
int contest_score(const struct contest *contest, const struct dataset *dataset, const struct rows *rows,
	double *scores[CONTESTANT_COUNT], contest_progress_fn *progress /* or NULL */, void *arg)
	__attribute__((nonnull(1, 2, 3, 4))) MUST_USE;

#endif
