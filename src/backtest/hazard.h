/* hazard.h -- the risk that one can tell from a calendar and a list of incidents alone: a baseline that a model which
 * looks at metrics must beat. Threads: any; pure. */
#ifndef ISOBAR_BACKTEST_HAZARD_H
#define ISOBAR_BACKTEST_HAZARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"
#include "predict/rows.h"

#define HAZARD_AGES 10
#define HAZARD_HOURS 24

/* How much more often than on average an incident began: by the time since the last one ended, and by hour of day. */
struct hazard {
	double ages[HAZARD_AGES], hours[HAZARD_HOURS];	/* logarithms of ratios */
};

/* `share`: of the negatives that are in `rows`; `event_rows`: positives that one incident makes. */
void hazard_fit(const struct dataset *dataset, const struct rows *rows, double share, double event_rows,
	struct hazard *hazard) NONNULL;
/* Ranks moments; incidents that hadn't ended by `t` aren't known. */
double hazard_score(const struct hazard *hazard, const struct incidents *incidents, int64_t t) NONNULL;

#endif
