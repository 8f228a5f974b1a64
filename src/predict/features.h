/* features.h -- what a model sees of a region at one moment: one table, computed by one function, in training and in
 * service alike. Threads: any; pure. */
#ifndef ISOBAR_PREDICT_FEATURES_H
#define ISOBAR_PREDICT_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/hash.h"
#include "predict/labels.h"
#include "predict/window.h"

#define FEATURES_MAX 80
#define FEATURES_HISTORY_MIN 390	/* minutes that the longest window looks back: 6 h that end 30 min ago */
#define FEATURES_WARM_MIN 30		/* with fewer minutes known there is no prediction */

enum feature_kind {
	FEATURE_MEAN,		/* mean over the window */
	FEATURE_Z,		/* the mean of 5 minutes against mean and deviation of 6 h that ended 30 min ago */
	FEATURE_SLOPE,		/* least-squares slope, per minute */
	FEATURE_MAX,		/* the largest value */
	FEATURE_LIMIT,		/* the 5-minute mean nearest to its limit, as part of it */
	FEATURE_LIMIT_SECOND,	/* the second nearest */
	FEATURE_TO_LIMIT,	/* exp(-time to limit / H), going on at this slope */
	FEATURE_PROJECTION,	/* how far beyond its limit the line through the window is after H */
	FEATURE_BURSTS,		/* minutes with an error burst */
	FEATURE_BURSTS_RISE,	/* error bursts of the last 10 minutes against those of the 30 before */
	FEATURE_RECURRENCE,	/* incidents that began at this time of day on the last 7 days, 0.8^day each */
	FEATURE_SINCE,		/* log of the minutes since the last incident ended, at most 7 days */
	FEATURE_DAY_SIN, FEATURE_DAY_COS,	/* time of day */
};

struct feature_info {
	const char *name;
	const char *unit;
	enum feature_kind kind;
	enum metric metric;	/* METRIC_COUNT: of no single metric */
	unsigned window_min;	/* how far it looks back */
};

size_t feature_count(void);
const struct feature_info *feature_info(size_t index);
/* SHA-256 of the names, units and windows in order: a model made for another list is refused. */
const char *feature_list_hash(char text[static SHA256_TEXT_SIZE]);

/* The features of minute `at`, from minutes <= at, and from incidents that had ended by then. What can't be known is
 * NAN. `out` has feature_count() places. */
void features_compute(const struct window *window, size_t at, const struct incidents *incidents, int64_t horizon_s,
	double *out) NONNULL;

/* NULL when a prediction may be made for minute `at`; else why not. Enough history, and the metrics without which the
 * others say nothing: requests and one of error ratio, latency or probes, or CPU and memory. */
const char *features_missing(const struct window *window, size_t at) NONNULL;

/* The largest of metric / limit in minute `at` (the threshold rule that models must beat); NAN when none is known. */
double features_threshold_rule(const struct window *window, size_t at) NONNULL;
/* The largest deviation of a metric from its exponentially weighted mean, in deviations: the other simple rule. */
double features_ewma_z(const struct window *window, size_t at) NONNULL;

#endif
