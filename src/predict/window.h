/* window.h -- the metrics of one region on a regular step of time: what features are computed from. A step without a
 * value is NAN. Threads: one window, one thread at a time. */
#ifndef ISOBAR_PREDICT_WINDOW_H
#define ISOBAR_PREDICT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/metrics.h"

#define WINDOW_STEP_S 60	/* of what is read from the store; files may have longer ones */

struct window {
	const struct metrics *metrics;	/* not its own */
	int64_t start_s;		/* of step 0, in seconds since 1970 */
	int64_t step_s;			/* seconds of a step */
	size_t length;			/* steps */
	double **values;		/* [metric][step], as reported; [metric] is NULL for those that aren't used */
	double **levels;		/* [metric][step], on the scale of features; may be the values themselves */
	double *memory;			/* of all of them */
};

/* All NAN, for the metrics that are used now. The catalogue must outlive it. NULL: out of memory. */
struct window *window_new(const struct metrics *metrics, int64_t start_s, int64_t step_s, size_t length)
	NONNULL MUST_USE;
void window_free(struct window *window);				/* NULL is allowed */

/* The step that holds `time_s`; false when it lies outside the window. */
bool window_index(const struct window *window, int64_t time_s, size_t *index) NONNULL;
int64_t window_time(const struct window *window, size_t index) NONNULL;	/* when that step begins */
/* So many steps are `minutes`: at least 1. */
size_t window_steps(const struct window *window, size_t minutes) NONNULL;
/* Sets a step's value; what isn't finite or is out of the metric's bounds counts as missing, and a metric that isn't
 * used has no values. */
void window_set(struct window *window, size_t metric, size_t index, double value) NONNULL;
/* Moves the window forward by dropping its first `steps`; the new end is NAN. */
void window_slide(struct window *window, size_t steps) NONNULL;

#endif
