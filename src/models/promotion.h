/* promotion.h -- whether a challenger takes the place of the model in service, judged on rows that neither has seen.
 * Threads: any; pure but for memory of its own. Deterministic by seed. */
#ifndef ISOBAR_MODELS_PROMOTION_H
#define ISOBAR_MODELS_PROMOTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"
#include "predict/evaluate.h"

#define PROMOTION_EVENTS_LEAST 10	/* incidents among the rows: with fewer nobody can tell */
#define PROMOTION_CHANCE_LEAST 0.9	/* that the challenger's Brier score is the better one */
#define PROMOTION_ECE_WORSE 0.005	/* the most that its calibration may be worse */
#define PROMOTION_RESAMPLES 1000

/* One contestant's forecasts: rows sorted by series and time, the same ones in each. */
struct contender {
	const char *name;		/* as the verdict calls it */
	const struct scored_row *rows;	/* NULL: there is none */
};

struct promotion {
	bool promote;
	struct evaluation challenger, incumbent;	/* the incumbent's are 0 without one */
	double chance;			/* that its Brier score is below the incumbent's and the base rate's */
	const char *worst_rival;	/* the one with the least chance to be beaten, of those that ranked */
	char verdict[256];		/* why, with the numbers */
};

/* The challenger must have Brier skill above 0 and above the incumbent's, with PROMOTION_CHANCE_LEAST by a bootstrap of
 * days of a series; its calibration must not be worse, nor its recall at the budget of false alarms lower; and its
 * average precision must be at least that of each of the `rules`. 0, -ENODATA without rows, or -ENOMEM. */
int promotion_decide(const struct contender *challenger, const struct contender *incumbent,
	const struct contender *rules, size_t rule_count, size_t count, const struct dataset *dataset,
	int64_t horizon_s, double base_rate, uint64_t seed, struct promotion *out)
	__attribute__((nonnull(1, 2, 6, 10))) MUST_USE;

/* The share of resamples, drawn with replacement from the blocks, whose sum of `gains` is above 0. NAN without any. */
double promotion_chance(const double *gains, size_t blocks, size_t resamples, uint64_t seed);

#endif
