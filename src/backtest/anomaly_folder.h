/* anomaly_folder.h -- how well unusual moments of a dataset are told from usual ones, beside simpler ways. Each series
 * has a model of its own, fitted anew for each block of time on what is older. Threads: one at a time, see
 * machine.h. */
#ifndef ISOBAR_BACKTEST_ANOMALY_FOLDER_H
#define ISOBAR_BACKTEST_ANOMALY_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "predict/dataset.h"

enum anomaly_method {
	ANOMALY_OURS,		/* the rank of a one-class machine */
	ANOMALY_FOREST,		/* an isolation forest on the same rows */
	ANOMALY_EWMA,		/* the largest deviation from a moving mean */
	ANOMALY_METHOD_COUNT
};
extern const char *const anomaly_method_names[ANOMALY_METHOD_COUNT];

#define ANOMALY_REARM_S 3600	/* an alarm that goes on is counted again each hour */

struct anomaly_scores {
	size_t series, rows, events;
	double series_days, prevalence;
	double average_precision[ANOMALY_METHOD_COUNT];	/* mean over the series */
	double pooled[ANOMALY_METHOD_COUNT];		/* of all rows together */
	double roc_auc[ANOMALY_METHOD_COUNT];		/* of all rows together */
	double recall[ANOMALY_METHOD_COUNT];	/* incidents with an alarm, at <= 1 false one a series-day */
	double train_s;				/* processor time of one training, in the mean */
};

/* A row is positive inside an incident. Series without one aren't scored. 0, -ENODATA, or -ENOMEM. */
int anomaly_score_dataset(const struct dataset *dataset, uint64_t seed, struct anomaly_scores *out,
	void (*progress)(void *arg, double done) /* or NULL */, void *arg)
	__attribute__((nonnull(1, 3))) MUST_USE;
void anomaly_scores_print(const struct anomaly_scores *scores, struct text *out) NONNULL;

#endif
