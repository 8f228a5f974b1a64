/* scaling.h -- features of any unit and tail to numbers of about one: what the kernel of a model can compare.
 * Threads: any; pure. */
#ifndef ISOBAR_PREDICT_SCALING_H
#define ISOBAR_PREDICT_SCALING_H

#include <stddef.h>

#include "base/contract.h"

#define SCALING_CLIP 5.0
#define SCALING_STEP 0.01	/* scaled values are multiples of it */

/* x -> (asinh((x - median) / spread) - mean) / deviation, clipped, times weight, rounded; NAN -> 0, the middle. */
struct scaling { double median, spread, mean, deviation, weight; };

/* From the values of one feature; NANs are left out. Sorts `values`. All alike or none: everything becomes 0.
 * The weight is 1. */
struct scaling scaling_fit(double *values, size_t count) NONNULL;
double scaling_apply(const struct scaling *scaling, double value) NONNULL;

#endif
