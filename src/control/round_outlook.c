/* round_outlook.c -- what was predicted of each region, by horizon, for as long as it means anything.
 * In: predictions, time.  Out: the outlooks, and the one that stands for them all.  Threads: control.
 *
 * A prediction spoke of a failure within its horizon. When that is over and no other has come, nothing is known any
 * more. The outlook nearest to ten minutes stands for all: long enough to act on, short enough to be right. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/round_state.h"

#define USUAL_HORIZON_S 600

static struct round_outlook *outlook_for(struct round_region *region, uint32_t horizon_s);
static void choose(struct round_region *region);
static uint32_t unusual(const struct round_outlook *outlook);

void
round_predict(struct round *round, const struct prediction *prediction)
{
	region_id id = steering_region_find(round->steering, prediction->region);
	struct round_outlook *outlook;

	/* One that was under way when they were turned off. */
	if (round->steering->prediction == PREDICTION_OFF)
		return;
	if (id == NO_REGION || *prediction->service != '\0' || strcmp(prediction->role, "serving") != 0)
		return;
	outlook = outlook_for(&round->regions[id], prediction->horizon_s);
	if (outlook == NULL)
		return;
	*outlook = (struct round_outlook){
		.horizon_s = prediction->horizon_s, .at = prediction->at, .probability = prediction->probability,
		.probability_low = prediction->probability_low, .probability_high = prediction->probability_high,
		.load = prediction->load_forecast, .load_low = prediction->load_low, .load_high = prediction->load_high,
		.anomaly_rank = prediction->anomaly_rank,
	};
	snprintf(outlook->no_rank, sizeof(outlook->no_rank), "%s",
	    prediction->anomaly_reason == NULL ? "" : prediction->anomaly_reason);
	snprintf(outlook->reason, sizeof(outlook->reason), "%s", prediction->reason);
	choose(&round->regions[id]);
}

/* A place for it, the shortest horizon first; NULL: all are taken. */
static struct round_outlook *
outlook_for(struct round_region *region, uint32_t horizon_s)
{
	size_t at = 0;

	while (at < region->outlook_count && region->outlooks[at].horizon_s < horizon_s)
		at++;
	if (at < region->outlook_count && region->outlooks[at].horizon_s == horizon_s)
		return &region->outlooks[at];
	if (region->outlook_count == ROUND_HORIZONS_MAX)
		return NULL;
	memmove(&region->outlooks[at + 1], &region->outlooks[at],
	    (region->outlook_count - at) * sizeof(*region->outlooks));
	region->outlook_count++;
	return &region->outlooks[at];
}

static void
choose(struct round_region *region)
{
	const struct round_outlook *best = &region->outlooks[0];

	for (size_t i = 1; i < region->outlook_count; i++) {
		if (unusual(&region->outlooks[i]) < unusual(best))
			best = &region->outlooks[i];
	}
	region->probability = best->probability;
	region->load_forecast = best->load;
	region->horizon_s = best->horizon_s;
	region->predicted = best->at;
	region->anomaly_rank = best->anomaly_rank;
	snprintf(region->no_rank, sizeof(region->no_rank), "%s", best->no_rank);
	snprintf(region->no_prediction, sizeof(region->no_prediction), "%s", best->reason);
}

static uint32_t
unusual(const struct round_outlook *outlook)
{
	return outlook->horizon_s > USUAL_HORIZON_S ? outlook->horizon_s - USUAL_HORIZON_S :
	    USUAL_HORIZON_S - outlook->horizon_s;
}

void
round_expire(struct round_region *region, struct wall wall)
{
	size_t kept = 0;

	for (size_t i = 0; i < region->outlook_count; i++) {
		const struct round_outlook *outlook = &region->outlooks[i];

		if (wall.ms - outlook->at.ms <= (int64_t)outlook->horizon_s * 1000)
			region->outlooks[kept++] = *outlook;
	}
	if (kept == region->outlook_count)
		return;
	region->outlook_count = kept;
	if (kept > 0) {
		choose(region);
		return;
	}
	region->probability = region->load_forecast = region->anomaly_rank = (double)NAN;
	region->no_rank[0] = '\0';
	snprintf(region->no_prediction, sizeof(region->no_prediction),
	    "the last prediction is older than its horizon of %u s", region->horizon_s);
}
