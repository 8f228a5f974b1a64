/* live_scores.h -- how models did in service, by their last reviews: for the list of models and for Prometheus.
 * Threads: a request's. */
#ifndef ISOBAR_API_LIVE_SCORES_H
#define ISOBAR_API_LIVE_SCORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/request.h"
#include "api/view.h"
#include "base/contract.h"
#include "store/store.h"

/* Numbers of a review, in the order of live_score_names. */
enum live_number {
	LIVE_INCIDENTS, LIVE_PRECISION, LIVE_BASE_RATE, LIVE_SKILL, LIVE_CALIBRATION, LIVE_RECALL, LIVE_FALSE_ALARMS,
	LIVE_LEAD, LIVE_NUMBERS
};
extern const char *const live_number_names[LIVE_NUMBERS];

struct live_score {
	const char *model, *kind;
	uint32_t horizon_s;
	struct wall at;
	const char *reason;		/* the review's words, or "" */
	bool current;			/* it's of the model that serves now */
	bool proven;			/* of enough incidents to mean something, and it wasn't returned from */
	double numbers[LIVE_NUMBERS];	/* NAN: not known */
};

#define LIVE_SCORES_MAX 64

/* The newest review of each model, the newest first; in the request's arena. */
struct live_scores {
	size_t count;
	struct live_score list[LIVE_SCORES_MAX];
};

/* API thread. 0 or -errno. */
int live_scores_read(struct request *request, struct live_scores *scores) NONNULL;
const struct live_score *live_scores_find(const struct live_scores *scores, const char *model) NONNULL;	/* or NULL */

/* Adds "live", which is null for NULL, and "live_state": "proven" or "unproven". */
void live_score_view(struct view *view, cJSON *entry, const struct live_score *score)
	__attribute__((nonnull(1)));

#endif
