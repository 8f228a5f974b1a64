/* evaluate.h -- how good forecasts were: ranking, calibration, and what an operator would have been told in time.
 * Threads: any; pure apart from memory of its own. */
#ifndef ISOBAR_PREDICT_EVALUATE_H
#define ISOBAR_PREDICT_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"

/* One forecast and what came of it. Rows are sorted by series, then time. */
struct scored_row {
	uint32_t series;
	bool positive;		/* an incident began in (t, t + H] */
	int64_t t;		/* seconds since 1970 */
	double score;		/* a probability, or any number that ranks; NAN counts as the lowest */
};

struct evaluation {
	size_t rows, positives;
	size_t events;			/* incidents that began within the rows' time */
	double prevalence;
	double average_precision;
	double roc_auc;
	double brier, brier_base;	/* of the scores; of always saying `base_rate` */
	double brier_skill;		/* 1 - brier / brier_base */
	double calibration_error;	/* ECE over 10 bins of equal width */
	double recall;			/* of events, at the best threshold with <= 1 false alarm per series and day */
	double false_alarms_per_day;	/* there, per series */
	double lead_s;			/* there: median time from the first true alarm to the incident */
	double threshold;
};

/* `base_rate`: what one would have said all the time, known beforehand (from the training span). Brier and calibration
 * say nothing when the scores are no probabilities. 0, -EINVAL without rows, or -ENOMEM. */
int evaluate(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
	double base_rate, struct evaluation *out) NONNULL MUST_USE;

/* Area under the precision-recall curve by steps (average precision); ties count as one step. `weights` NULL: 1. */
double average_precision(const double *scores, const bool *positives, const double *weights, size_t count)
	__attribute__((nonnull(1, 2)));
/* The chance that a positive scores higher than a negative, ties one half; NAN when there is only one class. */
double roc_auc(const double *scores, const bool *positives, size_t count) NONNULL;

#endif
