/* relevance.h -- how much one feature by itself tells about the outcome: the kernel of a machine weighs all features
 * alike unless it's told. Threads: any; pure but for memory of its own. */
#ifndef ISOBAR_PREDICT_RELEVANCE_H
#define ISOBAR_PREDICT_RELEVANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"

/* The mutual information (nats) between a feature, cut into bins by rank, and the outcome; rows whose value is NAN are
 * left out. 0 when nothing is known; NAN: out of memory. */
double relevance(const double *values, const bool *positives, size_t count) NONNULL;

/* Weights from relevances: in proportion to them, at least RELEVANCE_LEAST of the largest, scaled so that the mean of
 * their squares is 1. All alike when no feature tells anything. */
#define RELEVANCE_LEAST 0.05
void relevance_weights(const double *relevances, double *weights, size_t count) NONNULL;

#endif
