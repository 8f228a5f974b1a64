/* anomaly.h -- how unusual a moment of one region or server is, as a rank among its own past: a one-class machine. It
 * detects, it doesn't foresee.
 * Threads: anomaly_train() one at a time, see machine.h; the rest: any. A model is immutable. */
#ifndef ISOBAR_PREDICT_ANOMALY_H
#define ISOBAR_PREDICT_ANOMALY_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "predict/window.h"

#define ANOMALY_FORMAT 2
#define ANOMALY_ROWS_MOST 2000	/* that the machine learns from: more cost time and find no more */
#define ANOMALY_ROWS_LEAST 100
#define ANOMALY_DIMENSION_MAX (ANOMALY_PARTS * METRICS_MAX)
#define ANOMALY_SIZE_MAX (8 << 20)	/* bytes of its text */

/* What a model sees of step `at`: for each metric in use its level, and that against the mean of the time before. `row`
 * has anomaly_width() places. */
void anomaly_row(const struct window *window, size_t at, double *row) NONNULL;
size_t anomaly_width(const struct metrics *metrics) NONNULL;
/* The part of one metric of the window, METRIC_NONE for one that it hasn't: ANOMALY_PARTS places. */
#define ANOMALY_PARTS 2
void anomaly_parts(const struct window *window, size_t metric, size_t at, double *row) NONNULL;

struct anomaly;

/* From `count` rows of `dimension` numbers, by time, NAN where unknown; any units. Seven of ten stretches teach, the
 * others tell how usual each distance is, so that the ranks hold for rows that weren't learnt. Deterministic by seed.
 * The model's text, to be freed; NULL with the reason in `error`. */
char *anomaly_train(const double *rows, size_t count, size_t dimension, uint64_t seed, size_t *length,
	struct text *error) NONNULL MUST_USE;

/* NULL with the reason in `error`: another format, cut short, changed. */
struct anomaly *anomaly_read(const char *bytes, size_t length, struct text *error) NONNULL MUST_USE;
void anomaly_free(struct anomaly *anomaly);	/* NULL is allowed */
size_t anomaly_dimension(const struct anomaly *anomaly) NONNULL;

/* The share of the ranked rows that was more usual than this row, 0 .. 1, below 1. Beyond the most unusual of them
 * it goes on towards 1 by the distance, so that worse is told from bad. */
double anomaly_rank(const struct anomaly *anomaly, const double *row) NONNULL;

/* How far a row lies outside of what is usual, in a unit that all machines share: 0 on the border, negative inside, at
 * most 1. And the rank that a distance has here, also one of another machine. */
double anomaly_distance(const struct anomaly *anomaly, const double *row) NONNULL;
double anomaly_rank_of(const struct anomaly *anomaly, double distance) NONNULL;

#endif
