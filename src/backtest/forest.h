/* forest.h -- an isolation forest (Liu, Ting and Zhou, ICDM 2008): the baseline that anomaly detection must beat; it
 * serves nothing. Threads: any; a forest is immutable. */
#ifndef ISOBAR_BACKTEST_FOREST_H
#define ISOBAR_BACKTEST_FOREST_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

struct forest;

/* Of `count` rows of `dimension` finite numbers. Deterministic by seed. NULL: out of memory. */
struct forest *forest_new(const double *rows, size_t count, size_t dimension, uint64_t seed) NONNULL MUST_USE;
void forest_free(struct forest *forest);	/* NULL is allowed */
/* 0 .. 1, the higher the easier a row is set apart: 2^(-mean depth / expected depth). */
double forest_score(const struct forest *forest, const double *row) NONNULL;

#endif
