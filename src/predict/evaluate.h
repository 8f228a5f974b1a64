/* evaluate.h -- how good forecasts were: ranking, calibration, and what an operator would have been told in time.
 * Threads: any; pure apart from memory of its own. */
#ifndef ISOBAR_PREDICT_EVALUATE_H
#define ISOBAR_PREDICT_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"

#define EVALUATE_BINS 10
/* The probability from which isobard acts: a region's answers get the least TTL (control/round.h). */
#define EVALUATE_OWN_THRESHOLD 0.1

/* One forecast and what came of it. Rows are sorted by series, then time. */
struct scored_row {
	uint32_t series;
	bool positive;		/* an incident began in (t, t + H] */
	int64_t t;		/* seconds since 1970 */
	double score;		/* a probability, or any number that ranks; NAN counts as the lowest */
};

/* What alarms at one threshold would have done: one fires where the score reaches it, and re-arms after a horizon. */
struct alarms {
	double threshold;
	size_t found;			/* events announced */
	size_t false_alarms;
	double recall;			/* found of all events; NAN without any */
	double false_alarms_per_day;	/* per series */
	double lead_s;			/* median time from an event's first alarm to its begin */
};

/* An event that was announced. */
struct heard {
	uint32_t series;
	int64_t start_s;
	double lead_s;
};

/* Forecasts of about the same probability: what they said in the mean, and how often it came so. */
struct reliability {
	size_t rows;
	double said, came;
};

struct evaluation {
	size_t rows, positives;
	size_t events;			/* incidents that began within the rows' time */
	double prevalence;
	double series_days;
	double average_precision;
	double roc_auc;
	double brier, brier_base;	/* of the scores; of always saying `base_rate` */
	double brier_skill;		/* 1 - brier / brier_base */
	double log_loss;		/* nats a row */
	double mean;			/* of what was said */
	double calibration_error;	/* ECE over bins of equal width */
	double calibration_error_mass;	/* ECE over bins of equally many rows */
	struct reliability widths[EVALUATE_BINS], masses[EVALUATE_BINS];
	struct alarms best;		/* at the threshold of the highest recall with <= 1 false alarm a series-day */
	struct alarms own;		/* at EVALUATE_OWN_THRESHOLD */
};

/* `base_rate`: what one would have said all the time, known beforehand (from the training span). A score that is no
 * probability counts as the base rate for all but ranking and alarms. 0, -EINVAL without rows, or -ENOMEM. */
int evaluate(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
	double base_rate, struct evaluation *out) NONNULL MUST_USE;

/* Area under the precision-recall curve by steps (average precision); ties count as one step. `weights` NULL: 1. */
double average_precision(const double *scores, const bool *positives, const double *weights, size_t count)
	__attribute__((nonnull(1, 2)));
/* The chance that a positive scores higher than a negative, ties one half; NAN when there is only one class. */
double roc_auc(const double *scores, const bool *positives, size_t count) NONNULL;

/* The threshold stands in `alarms`, and the rest is filled in. `heard` has room for every event. */
void evaluate_alarms(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
	struct alarms *alarms, struct heard *heard) NONNULL;
/* Incidents that rows could have announced: those that began behind a series' first row, at most a horizon behind its
 * last. */
size_t evaluate_events(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s)
	NONNULL;
/* The end of the run of rows of one series that begins at `first`. */
size_t evaluate_series_end(const struct scored_row *rows, size_t count, size_t first) NONNULL;
/* The score as a probability. */
double evaluate_probability(double score, double base_rate);

#endif
