/* evidence.h -- what one feature by itself tells about the outcome: its weight of evidence (Good 1950), the log odds of
 * a positive at each value against those of all rows, as a curve. What machines see are these numbers: near in evidence
 * is near in risk, and what tells nothing is 0 everywhere. Threads: any; pure but for memory of its own. */
#ifndef ISOBAR_PREDICT_EVIDENCE_H
#define ISOBAR_PREDICT_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"

#define EVIDENCE_KNOTS_MAX 17
#define EVIDENCE_STEP 0.01	/* weights of evidence are multiples of it */

struct evidence {
	size_t count;				/* of knots; 0: it tells nothing */
	double values[EVIDENCE_KNOTS_MAX];	/* rising */
	double weights[EVIDENCE_KNOTS_MAX];	/* nats */
};

/* From the values of one feature with the outcomes; rows whose value is NAN are left out. `pseudo`: each bin's odds are
 * drawn towards those of all rows by so many rows. False: out of memory. */
bool evidence_fit(const double *values, const bool *positives, size_t count, double pseudo, struct evidence *out)
	NONNULL MUST_USE;
/* Lines between the knots, level beyond the first and the last; NAN: 0. */
double evidence_of(const struct evidence *evidence, double value) NONNULL;
/* The root of its mean square over some values: how much the feature tells. */
double evidence_strength(const struct evidence *evidence, const double *values, size_t count) NONNULL;

/* From strengths to weights whose squares have the mean 1; no weight is below EVIDENCE_LEAST of the largest. All alike
 * when no feature tells anything. */
#define EVIDENCE_LEAST 0.05
void evidence_weigh(const double *strengths, double *weights, size_t count) NONNULL;

#endif
