/* propensity.c -- what a region had of the traffic, and when that was kept from it.
 * In: predictions with the share and the admission of their minute.  Out: spans in which nothing can be learnt.
 * Threads: as the store's reader.
 * A region that a forecast emptied doesn't fail by load: the forecast turns into a false alarm, and the next model
 * unlearns what was right. So these minutes count in neither class. */
#include "predict/propensity.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MIN 1440.0
#define MINUTE_MS 60000

struct reading {
	struct dataset *dataset;
	int64_t to_ms;
	double *usual;		/* by series: an exponential mean over a day; NAN: none yet */
	int64_t *seen_ms;	/* by series: one horizon of each minute is enough */
	int status;
};

static bool take(void *arg, const struct prediction *prediction);
static bool is_steered(const struct prediction *prediction, double usual);

int
propensity_read(struct store_reader *reader, struct dataset *dataset, int64_t from_s, int64_t to_s)
{
	struct reading reading = { .dataset = dataset, .to_ms = to_s * 1000 };
	int status = -ENOMEM;

	reading.usual = malloc((dataset->count + 1) * sizeof(*reading.usual));
	reading.seen_ms = calloc(dataset->count + 1, sizeof(*reading.seen_ms));
	if (reading.usual != NULL && reading.seen_ms != NULL) {
		for (size_t i = 0; i < dataset->count; i++) {
			reading.usual[i] = (double)NAN;
			incidents_fini(&dataset->series[i].steered);
		}
		status = store_predictions(reader, (struct wall){ from_s * 1000 }, take, &reading);
	}
	for (size_t i = 0; i < dataset->count; i++)
		incidents_merge(&dataset->series[i].steered);
	free(reading.usual);
	free(reading.seen_ms);
	return status != 0 ? status : reading.status;
}

static bool
take(void *arg, const struct prediction *prediction)
{
	struct reading *reading = arg;
	size_t i = dataset_find(reading->dataset, prediction->region);
	int64_t at_s = prediction->at.ms / 1000;

	if (prediction->at.ms >= reading->to_ms)
		return false;
	if (i == reading->dataset->count || prediction->at.ms < reading->seen_ms[i] + MINUTE_MS)
		return true;
	reading->seen_ms[i] = prediction->at.ms;
	if (is_steered(prediction, reading->usual[i])) {
		reading->status = incidents_add(&reading->dataset->series[i].steered,
		    (struct incident){ at_s, at_s + WINDOW_STEP_S });
		return reading->status == 0;
	}
	if (isnan(reading->usual[i]))
		reading->usual[i] = prediction->share;
	else if (isfinite(prediction->share))
		reading->usual[i] += (prediction->share - reading->usual[i]) / DAY_MIN;
	return true;
}

static bool
is_steered(const struct prediction *prediction, double usual)
{
	return prediction->admit < PROPENSITY_STEERED || prediction->share < PROPENSITY_STEERED * usual;
}
