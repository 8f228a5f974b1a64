/* logistic.h -- logistic regression with a ridge: finds the rows that a linear look would take for positives (hard
 * negatives), and is a baseline that the support vector machine must beat. Threads: any. */
#ifndef ISOBAR_PREDICT_LOGISTIC_H
#define ISOBAR_PREDICT_LOGISTIC_H

#include <stddef.h>

#include "base/contract.h"

#define LOGISTIC_DIMENSION_MAX 128

struct logistic {
	size_t dimension;
	double weights[LOGISTIC_DIMENSION_MAX + 1];	/* the last is the constant */
};

/* Newton's method on `count` rows of `dimension` finite numbers; targets > 0 are positives. -EINVAL when `dimension` is
 * too large, -ENOMEM. */
int logistic_fit(const double *rows, const double *targets, size_t count, size_t dimension, struct logistic *logistic)
	NONNULL MUST_USE;
double logistic_score(const struct logistic *logistic, const double *row) NONNULL;	/* log odds */

#endif
