/* intervals.h -- how sure scores are: 95 % intervals by drawing days of series again and again. Threads: any. */
#ifndef ISOBAR_BACKTEST_INTERVALS_H
#define ISOBAR_BACKTEST_INTERVALS_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"
#include "predict/evaluate.h"

#define INTERVALS_DRAWS 300

struct interval { double low, high; };	/* NAN: not known, too few events */

struct intervals {
	struct interval average_precision, lift;	/* lift: over the prevalence of the same draw */
	struct interval brier_skill;
	struct interval recall;				/* of the alarms at evaluation->best.threshold */
};

/* Of the rows that `evaluation` was made from. Minutes of one day hang together, so whole days of a series are drawn,
 * with replacement, as many as there are. The same seed gives the same intervals. 0 or -ENOMEM. */
int intervals_draw(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
	double base_rate, const struct evaluation *evaluation, uint64_t seed, struct intervals *out) NONNULL MUST_USE;

#endif
