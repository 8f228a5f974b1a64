/* platt.h -- from a score to a probability by a logistic curve (Platt 1999, with the targets and the Newton steps of
 * Lin, Lin and Weng 2007). Threads: any; pure. */
#ifndef ISOBAR_PREDICT_PLATT_H
#define ISOBAR_PREDICT_PLATT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"

#define PLATT_POSITIVES_LEAST 3

struct platt {
	double slope, offset;		/* p = 1 / (1 + exp(-(slope x + offset))) */
	double slope_variance, covariance, offset_variance;	/* how sure they are, see platt_band() */
};

/* Fits on scores of a time block that the scorer hasn't seen, at the natural rate of positives. -EDOM when there are
 * less than PLATT_POSITIVES_LEAST positives, or when a higher score doesn't mean a higher risk. `events`: how many
 * independent incidents the positives come from, at most their number. */
int platt_fit(const double *scores, const bool *positives, size_t count, size_t events, struct platt *platt)
	NONNULL MUST_USE;
double platt_probability(const struct platt *platt, double score) NONNULL;

/* Between which the probability lies in 80 of 100 cases, as far as the curve's own uncertainty goes: by the inverse of
 * its information matrix, for as many independent observations as there were incidents. */
void platt_band(const struct platt *platt, double score, double *low, double *high) NONNULL;

#endif
