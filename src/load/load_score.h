/* load_score.h -- how good load forecasts are on a folder of data, beside simple rules.
 * Threads: one at a time (libsvm has process-wide state); it takes seconds to minutes. */
#ifndef ISOBAR_LOAD_LOAD_SCORE_H
#define ISOBAR_LOAD_LOAD_SCORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "base/text.h"

/* Called now and then with the share that is done, 0 .. 1. */
typedef void load_progress_fn(void *arg, double done);

enum load_method {
	LOAD_METHOD_OURS,
	LOAD_METHOD_PERSISTENCE,	/* the last value */
	LOAD_METHOD_SEASONAL,		/* the value of the same time on the day before */
	LOAD_METHOD_SES,		/* simple exponential smoothing */
	LOAD_METHOD_HOLT_WINTERS,	/* damped trend, daily season, on logarithms */
	LOAD_METHOD_COUNT
};
extern const char *const load_method_names[LOAD_METHOD_COUNT];

/* One series at one horizon, over the moments for which every method has a forecast and the truth is known. */
struct load_score {
	char *series;
	int64_t step_s, horizon_s;
	size_t forecasts;
	double mase[LOAD_METHOD_COUNT];		/* scale: that of the day before, over the rows before these */
	double smape[LOAD_METHOD_COUNT];	/* 0 .. 200 %; both zero: 0 */
	double coverage;			/* share of truths within the band that is to hold 80 of 100 */
};

struct load_scores {
	struct load_score *list;	/* by series, then horizon; none with scale 0 or too few rows */
	size_t count;
};

struct load_mean {
	size_t series, forecasts;
	double mase[LOAD_METHOD_COUNT], smape[LOAD_METHOD_COUNT], coverage;
};

/* Scores the rows of each series behind `share` (0 .. 1) of its time. 0, or -errno with the reason in `diags`.
 * load_scores_free() frees what is in it. */
int load_folder_score(const char *folder, const char *metric, double share, struct load_scores *scores,
	struct diags *diags, load_progress_fn *progress, void *arg) __attribute__((nonnull(1, 2, 4, 5))) MUST_USE;
void load_scores_free(struct load_scores *scores) NONNULL;

/* Means over the series (each counts once); `series` is 0 and the rest NAN when none has this horizon. */
struct load_mean load_scores_mean(const struct load_scores *scores, int64_t horizon_s) NONNULL;
/* A table for people: a line per horizon and method. */
void load_scores_print(const struct load_scores *scores, struct text *out) NONNULL;

#endif
