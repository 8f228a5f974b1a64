/* drift.h -- whether a model in service still fits: by what came of its forecasts, and by how far what it sees has
 * moved away from what it was trained on. Threads: any; pure but for memory of its own. */
#ifndef ISOBAR_MODELS_DRIFT_H
#define ISOBAR_MODELS_DRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"
#include "predict/evaluate.h"

#define DRIFT_EVENTS_LEAST 10		/* incidents: with fewer the live scores are unproven, whatever they say */
#define DRIFT_RATIO_MOST 2.0		/* expected by observed, or the other way round */
#define DRIFT_SKILL_LOST 0.05		/* Brier skill below that of its promotion */
#define DRIFT_STRANGE_MOST 0.2		/* of the minutes, features unlike those of the training (MODEL_STRANGE) */

/* The cumulative sum of Page (1954) and Hinkley (1971) over Brier losses: how much they rose above their mean. */
#define DRIFT_LOSS_SLACK 0.005		/* a rise of the mean by less is nothing */
#define DRIFT_LOSS_MOST 50.0

struct drift {
	bool proven;			/* at least DRIFT_EVENTS_LEAST incidents, so that the scores mean something */
	bool drifted;			/* it should be taken out of service: */
	char reason[200];		/* .. why; or what is unproven; or "" */
	struct evaluation live;
	double expected, observed;	/* rows before an incident, by the forecasts and in truth */
	double loss_rise;		/* Page-Hinkley's statistic, the largest */
};

/* Rows are forecasts that were made in service, of one model and horizon. `promoted_skill` NAN: unknown. `strange`: the
 * share of minutes in which the model didn't speak since what it saw was unlike its training.
 * 0, -ENODATA without rows, or -ENOMEM. */
int drift_judge(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
	double base_rate, double promoted_skill, double strange, struct drift *out) NONNULL MUST_USE;

#endif
