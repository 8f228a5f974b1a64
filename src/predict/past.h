/* past.h -- numbers that sum up the past of one metric at one step: means, lines, deviations. Gaps are left out; what
 * can't be known is NAN. Threads: any; pure. */
#ifndef ISOBAR_PREDICT_PAST_H
#define ISOBAR_PREDICT_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/window.h"

/* The levels of one metric up to and including step `at`; steps before the window are unknown. */
struct past {
	const double *levels;			/* NULL: nothing is known of it */
	const struct metric_info *info;
	const struct window *window;
	size_t at;
};

/* Windows and ages are given in minutes, ages up to but without `to`; at least one step of each is looked at. */

struct past past_of(const struct window *window, size_t metric, size_t at) NONNULL;
double past_level(const struct past *past, size_t steps_ago) NONNULL;
/* Mean of the levels, when at least `least` steps are known. */
double past_mean(const struct past *past, size_t from_min, size_t to_min, size_t least) NONNULL;
/* Mean and deviation of the 6 hours that ended 30 minutes ago; NAN when too little of them is known. */
struct baseline { double mean, deviation; };
struct baseline past_baseline(const struct past *past) NONNULL;
/* The mean of 5 minutes against the baseline, in its deviations. */
double past_z(const struct past *past, const struct baseline *baseline) NONNULL;
/* The farthest level of the last minutes from the baseline, in its deviations. */
double past_farthest(const struct past *past, size_t minutes, const struct baseline *baseline) NONNULL;
/* The mean of 15 minutes against the same hour of the last PAST_DAYS days, in their deviations. */
#define PAST_DAYS 3
double past_day_z(const struct past *past) NONNULL;
double past_slope(const struct past *past, size_t minutes) NONNULL;	/* least squares, per minute */
/* Where the line through the last minutes is so many minutes from now. */
double past_line_at(const struct past *past, size_t minutes, double ahead_min) NONNULL;
double past_most(const struct past *past, size_t minutes) NONNULL;
double past_deviation(const struct past *past, size_t minutes) NONNULL;	/* around the mean of that time */
/* Steps above a level; NAN when none is known. */
double past_above(const struct past *past, size_t from_min, size_t to_min, double level) NONNULL;
size_t past_known(const struct past *past, size_t minutes) NONNULL;	/* steps that have a value */

#define PAST_BASELINE_MIN 360	/* shorter: z follows a slow leak; longer: yesterday's deployment counts as odd */
#define PAST_LAG_MIN 30		/* what is going wrong now must not be in what it is compared with */

#endif
