/* features.h -- what a model sees of a region at one moment: one table, made from the catalogue of metrics, computed by
 * one function, in training and in service alike. Threads: any; pure. */
#ifndef ISOBAR_PREDICT_FEATURES_H
#define ISOBAR_PREDICT_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/hash.h"
#include "predict/dataset.h"
#include "predict/past.h"

#define FEATURES_MAX 1024
#define FEATURE_NAME_SIZE (METRIC_NAME_SIZE + 32)
#define FEATURES_HISTORY_MIN (PAST_DAYS * 1440 + 31)	/* minutes that the longest window looks back */
#define FEATURES_WARM_MIN 30		/* with fewer minutes known there is no prediction */

enum feature_kind {
	FEATURE_MEAN,		/* mean over the window */
	FEATURE_Z,		/* the mean of 5 minutes against mean and deviation of 6 h that ended 30 min ago */
	FEATURE_FARTHEST,	/* the farthest of the window, in the same deviations */
	FEATURE_DAY_Z,		/* the mean of 15 minutes against the same hour of the last days */
	FEATURE_SLOPE,		/* least-squares slope, per minute */
	FEATURE_MAX,		/* the largest value */
	FEATURE_LIMIT,		/* the 5-minute mean nearest to its limit, as part of it */
	FEATURE_LIMIT_SECOND,	/* the second nearest */
	FEATURE_TO_LIMIT,	/* exp(-time to limit / H), going on at this slope */
	FEATURE_PROJECTION,	/* how far beyond its limit the line through the window is after H */
	FEATURE_BURSTS,		/* minutes with an error burst */
	FEATURE_BURSTS_RISE,	/* error bursts of the last 10 minutes against those of the 30 before */
	FEATURE_MISSING,	/* share of the window's reports that are missing, over all metrics */
	FEATURE_ODD,		/* share of the metrics that are more than 3 deviations from their baseline */
	FEATURE_ODD_MEAN,	/* mean of the metrics' distances from their baselines, each at most 10 deviations */
	FEATURE_SIBLINGS,	/* the same share, as a mean over the other regions */
	FEATURE_RECURRENCE,	/* incidents that began at this time of day on the last 7 days, 0.8^day each */
	FEATURE_SINCE,		/* log of the minutes since the last incident ended, at most 7 days */
	FEATURE_RATE,		/* log of 1 + incidents that began within the window */
	FEATURE_DAY_SIN, FEATURE_DAY_COS,	/* time of day */
	FEATURE_WEEK_SIN, FEATURE_WEEK_COS,	/* time of week */
};

struct feature {
	char name[FEATURE_NAME_SIZE];
	const char *unit;
	enum feature_kind kind;
	size_t metric;		/* place in the windows' catalogue, METRIC_NONE: of no single metric, or not there */
	unsigned window_min;	/* how far it looks back */
};

struct feature_table {
	struct feature *list;
	size_t count;
	size_t metrics[METRICS_MAX];	/* places of the metrics that it's made from, METRIC_NONE: not there */
	size_t metric_count;
};

/* The features of the metrics that are used in `named`, to be computed on windows whose catalogue is `placed` (it may
 * be the same, another one of the same names, or lack some: they count as missing). NULL: out of memory, or more than
 * FEATURES_MAX. */
struct feature_table *feature_table_new(const struct metrics *named, const struct metrics *placed) NONNULL MUST_USE;
void feature_table_free(struct feature_table *table);	/* NULL is allowed */
/* SHA-256 of the names, units, kinds and windows in order: a model made for another list is refused. */
const char *feature_table_hash(const struct feature_table *table, char text[static SHA256_TEXT_SIZE]) NONNULL;

/* The features of one series at step `at`, from steps <= at of it and its siblings, and from incidents that had ended
 * by then. `out` has table->count places; what can't be known is NAN. */
void features_compute(const struct feature_table *table, const struct dataset *dataset, size_t series, size_t at,
	int64_t horizon_s, double *out) NONNULL;

/* NULL when a prediction may be made for step `at`; else why not: too little history, most metrics are missing, or
 * nothing came lately. */
const char *features_missing(const struct window *window, size_t at) NONNULL;

/* The largest of metric / limit at step `at` (the threshold rule that models must beat); NAN when none is known. */
double features_threshold_rule(const struct window *window, size_t at) NONNULL;
/* The largest deviation of a metric from its exponentially weighted mean, in deviations: the other simple rule. */
double features_ewma_z(const struct window *window, size_t at) NONNULL;

#endif
