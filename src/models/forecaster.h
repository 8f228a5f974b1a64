/* forecaster.h -- the live side: what is known of each region now, the models in service, and what they say.
 * Threads: one forecaster, one thread, which also owns its store reader. */
#ifndef ISOBAR_MODELS_FORECASTER_H
#define ISOBAR_MODELS_FORECASTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/hash.h"
#include "base/text.h"
#include "models/speakers.h"
#include "store/store.h"

struct forecaster;

/* What is expected of one region at one horizon, by one speaker. */
struct forecast {
	uint32_t horizon_s;
	enum speaker_role role;
	double probability;	/* that an incident begins within the horizon; NAN: no prediction */
	double probability_low, probability_high;	/* of 80 %; NAN: none */
	double load;		/* requests/s at the horizon; NAN: none. Shadows have none */
	double load_low, load_high;			/* of 80 %; NAN: none */
	char model[SHA256_TEXT_SIZE];	/* id of the model that spoke, "" when none did */
	char reason[160];	/* why there is no probability, or "" */
};

/* How odd the last minute of one region was. */
struct oddity {
	double rank;		/* the share of the time before that was less odd; NAN: no rank */
	char reason[160];	/* why there is none, or "" */
};

/* Horizons of failures and of loads, 5 minutes to an hour, with a shadow for those of failures. */
#define FORECASTS_MAX (4 + FAILURE_HORIZONS)
#define FORECAST_USUAL 1	/* the place in the list of ten minutes: what plans are made for */

/* `models_dir` has the shipped models, used while the store has none that serves. NULL: out of memory. */
struct forecaster *forecaster_new(struct store_reader *reader, const char *models_dir) NONNULL MUST_USE;
void forecaster_free(struct forecaster *forecaster);

/* Brings models, samples and incidents up to date for these regions. 0 or -errno of the store. */
int forecaster_update(struct forecaster *forecaster, const char *const *regions, size_t count, struct wall now)
	__attribute__((nonnull(1, 2))) MUST_USE;

/* `region` is an index into the regions of the last update. First those that serve, by horizon, then the shadows; how
 * many. */
size_t forecaster_ask(const struct forecaster *forecaster, size_t region, struct forecast list[static FORECASTS_MAX])
	NONNULL;

/* Adds a JSON array of the features that moved the probability of the model in service most; nothing when there is no
 * prediction. It costs a decision of the machine for each feature. */
void forecaster_why(const struct forecaster *forecaster, size_t region, size_t horizon, struct text *json) NONNULL;
/* True when the probability is so much above the base rate that people will want to know why. */
bool forecaster_alarming(const struct forecaster *forecaster, size_t horizon, double probability) NONNULL;

/* Costs one decision of a machine. */
struct oddity forecaster_odd(const struct forecaster *forecaster, size_t region) NONNULL;
/* Adds a JSON array of the metrics that make it odd; nothing when there is no rank. */
void forecaster_odd_why(const struct forecaster *forecaster, size_t region, struct text *json) NONNULL;

/* Incidents of all regions that began in the last days, as far back as features look. */
size_t forecaster_events(const struct forecaster *forecaster) NONNULL;
/* When the load model in service was trained; .ms 0: there is none. */
struct wall forecaster_load_trained(const struct forecaster *forecaster) NONNULL;
struct wall forecaster_anomalies_trained(const struct forecaster *forecaster) NONNULL;	/* the same */

#endif
