/* compare.h -- a model beside the simple rules, judged on time that it hasn't seen. Threads: any. */
#ifndef ISOBAR_BACKTEST_COMPARE_H
#define ISOBAR_BACKTEST_COMPARE_H

#include <stdint.h>

#include "backtest/contest.h"
#include "backtest/intervals.h"
#include "base/contract.h"
#include "base/text.h"
#include "predict/dataset.h"
#include "predict/evaluate.h"
#include "predict/model.h"

struct comparison {
	int64_t from_s, to_s;			/* the rows' span */
	struct evaluation scores[CONTESTANT_COUNT];
	struct intervals intervals[CONTESTANT_COUNT];
};

/* Scores on rows in [from, to) of the dataset that the model was trained on; `from` must be a horizon behind its
 * training span. 0, -ENODATA when there is no row or no incident to foresee, or -ENOMEM. */
int compare(const struct dataset *dataset, const struct model *model, int64_t from_s, int64_t to_s,
	struct comparison *out) NONNULL MUST_USE;

/* Scores of what each contestant said of `rows`: comparison->scores and its intervals. Errors as above. */
int compare_rows(const struct dataset *dataset, const struct rows *rows, double *const scores[CONTESTANT_COUNT],
	int64_t horizon_s, double base_rate, uint64_t seed, struct comparison *out) NONNULL MUST_USE;

/* A table for people. */
void compare_print(const struct comparison *comparison, struct text *out) NONNULL;

#endif
