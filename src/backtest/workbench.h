/* workbench.h -- training and evaluating on folders of data, without a daemon: how the shipped model is made and shown.
 * Threads: the main thread of a program that does nothing else. */
#ifndef ISOBAR_BACKTEST_WORKBENCH_H
#define ISOBAR_BACKTEST_WORKBENCH_H

#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"

struct workbench_job {
	const char *folder;		/* of data, see dataset.h */
	const char *model_path;		/* written by training, read by evaluating */
	const char *card_path;		/* written by training; NULL: none */
	int64_t horizon_s;
	double share;			/* of the time, the oldest: what is trained on */
	uint64_t seed;
	struct wall made;		/* for the card */
	const char *data, *licence, *note;	/* for the card */
};

/* Trains on the oldest share of the time, scores on the rest, writes model and card, prints the scores. */
int workbench_train(const struct workbench_job *job) NONNULL;	/* the process's exit status */

/* Scores a model on what of the folder lies behind its training span, beside the simple rules, and prints the table. */
int workbench_evaluate(const struct workbench_job *job) NONNULL;

#endif
