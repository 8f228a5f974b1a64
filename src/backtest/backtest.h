/* backtest.h -- what forecasts would have been worth: a model is trained on the past, and says what it would have said
 * live, beside the simple rules. Deterministic by seed.
 * Threads: one at a time (it trains, see machine.h). */
#ifndef ISOBAR_BACKTEST_BACKTEST_H
#define ISOBAR_BACKTEST_BACKTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backtest/compare.h"
#include "backtest/contest.h"
#include "base/contract.h"
#include "base/diag.h"
#include "base/text.h"
#include "predict/dataset.h"
#include "predict/rows.h"

struct backtest_settings {
	int64_t horizon_s;
	uint64_t seed;
	contest_progress_fn *progress;	/* or NULL */
	void *arg;
};

struct backtest {
	const struct dataset *dataset;	/* that was forecast; not its own */
	int64_t horizon_s;
	double base_rate;		/* of the training, the mean over what is scored */
	struct rows rows;		/* that are scored: those whose outcome is known */
	double *scores[CONTESTANT_COUNT];	/* [row] */
	struct rows all;		/* of backtest_apply(): each step with a sample, also inside incidents */
	double *probabilities;		/* [row of all] */
	bool judged;			/* there was an incident to foresee, so `comparison` is filled in */
	struct comparison comparison;
	/* Of the trainings. */
	size_t trainings, skilled;	/* how many, and in how many of them something could be foreseen */
	size_t vectors, learnt;		/* support vectors and rows, at most */
	double train_s, decide_s;	/* processor time: of the longest training; of one forecast, in the mean */
	struct text notes;		/* what one should know beside, a sentence each line; "" or NULL */
};

/* Forward chaining within one dataset: for each fold of the time (40 to 55, 55 to 70, 70 to 85, 85 to 100 %) a model
 * is trained on all that is older than the fold by a horizon. 0, or -errno. backtest_fini() frees in any case. */
int backtest_chain(const struct dataset *dataset, const struct backtest_settings *settings, struct backtest *out)
	NONNULL MUST_USE;

/* Trains on the whole of one dataset and forecasts every step of another that has a sample. */
int backtest_apply(const struct dataset *train, const struct dataset *test, const struct backtest_settings *settings,
	struct backtest *out) NONNULL MUST_USE;

/* Replays [from, to) of a dataset through a model, or, when it's NULL, through one that is trained on what is older
 * than `from` by a horizon. Rows within the model's training span are left out. */
int backtest_replay(const struct dataset *dataset, const struct model *model, int64_t from_s, int64_t to_s,
	const struct backtest_settings *settings, struct backtest *out) __attribute__((nonnull(1, 5, 6))) MUST_USE;

void backtest_fini(struct backtest *backtest) NONNULL;

/* After backtest_apply(): "timestamp,series,probability" for each row of the folder's metrics.csv, in its order; the
 * base rate where there is no forecast. 0, or -errno with the reason in `diags`. */
int backtest_write(const struct backtest *backtest, const char *folder, const char *path, struct diags *diags)
	NONNULL MUST_USE;

#endif
