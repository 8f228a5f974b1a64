/* gate.h -- whether scores of later blocks of time tell anything: the curve to probabilities, and the proof that these
 * are better than always saying the base rate. Threads: any; pure but for memory of its own. */
#ifndef ISOBAR_PREDICT_GATE_H
#define ISOBAR_PREDICT_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/platt.h"

/* One row that the scorer hasn't seen. */
struct judged {
	uint32_t series;
	int64_t t;
	double score;
	double weight;		/* of nature's rows that it stands for */
	bool positive;
};

struct gate {
	struct platt platt;
	double skill;		/* Brier skill against always saying the base rate */
	double sure;		/* the chance that it's above 0, by bootstrap of series-days */
};

#define GATE_SKILL 0.01
#define GATE_SURE 0.9		/* below either there is no skill */

/* The curve through all rows, and the skill. `events`: incidents that the positives come from; `share`: of nature's
 * negatives that are there. 0, -EDOM when nothing can be told (too few positives, or the scores tell nothing),
 * -ENOMEM. */
int gate_judge(const struct judged *rows, size_t count, size_t events, double share, uint64_t seed, struct gate *gate)
	NONNULL MUST_USE;

#endif
