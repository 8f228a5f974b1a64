/* window.h -- the metrics of one region on a regular step of a minute: what features are computed from.
 * A missing minute is NAN. The table of metrics is the contract between what agents report and what models see.
 * Threads: one window, one thread at a time. */
#ifndef ISOBAR_PREDICT_WINDOW_H
#define ISOBAR_PREDICT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define WINDOW_STEP_S 60

enum metric {
	METRIC_RPS, METRIC_ERR_RATIO, METRIC_LAT_P50, METRIC_LAT_P99, METRIC_CPU, METRIC_MEM, METRIC_DISK,
	METRIC_RETRANS, METRIC_DEP, METRIC_PROBE_OK, METRIC_HB_MISSED,
	METRIC_COUNT
};

struct metric_info {
	const char *name;		/* as in reports and in the columns of training data */
	const char *unit;
	const char *aliases[4];		/* other names for it in reports */
	bool additive;			/* series of one name over backends add up (else: their mean) */
	double least, most;		/* values outside are measuring errors and count as missing */
	bool logarithm;			/* spans decades: its level is log(value + floor) */
	double floor;			/* so small that less is all the same */
};

extern const struct metric_info metric_infos[METRIC_COUNT];

/* The metric that a reported name means, METRIC_COUNT when none; "load:SERVICE" is part of METRIC_RPS. */
enum metric metric_find(const char *name) NONNULL;

struct window {
	int64_t start_s;		/* of minute 0, a multiple of 60, in seconds since 1970 */
	size_t length;			/* minutes */
	double *values[METRIC_COUNT];	/* [minute], as reported */
	double *levels[METRIC_COUNT];	/* [minute], on the scale that features use; set by window_set() */
	double *memory;			/* of all of them */
};

/* All NAN. `only` METRIC_COUNT: every metric; else that one, and the others have no values at all. NULL: out of
 * memory. */
struct window *window_new(int64_t start_s, size_t length) MUST_USE;
struct window *window_new_only(int64_t start_s, size_t length, enum metric only) MUST_USE;
void window_free(struct window *window);				/* NULL is allowed */

/* The minute that holds `time_s`; false when it lies outside the window. */
bool window_index(const struct window *window, int64_t time_s, size_t *index) NONNULL;
/* Sets a minute's value; what isn't finite or is out of the metric's bounds counts as missing. */
void window_set(struct window *window, enum metric metric, size_t index, double value) NONNULL;
double metric_level(enum metric metric, double value);
/* Moves the window forward by dropping its first `minutes`; the new end is NAN. */
void window_slide(struct window *window, size_t minutes) NONNULL;

#endif
