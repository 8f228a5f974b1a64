/* forecaster.h -- the live side: what is known of each region now, the model in service, and what it says.
 * Threads: one forecaster, one thread, which also owns its store reader. */
#ifndef ISOBAR_PREDICT_FORECASTER_H
#define ISOBAR_PREDICT_FORECASTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/hash.h"
#include "predict/load.h"
#include "store/store.h"

struct forecaster;

struct forecast {
	double probability;	/* that an incident begins within the horizon; NAN: no prediction */
	uint32_t horizon_s;
	double load;		/* requests/s at the horizon; NAN: none */
	struct load_band loads[LOAD_HORIZONS];	/* requests/s at each of load_horizons_s; NAN: none */
	char model[SHA256_TEXT_SIZE];	/* id of the model that spoke, "" when none did */
	char reason[160];	/* why there is no probability, or "" */
};

/* `models_dir` has the shipped model, used while the store has none that serves. NULL: out of memory. */
struct forecaster *forecaster_new(struct store_reader *reader, const char *models_dir) NONNULL MUST_USE;
void forecaster_free(struct forecaster *forecaster);

/* Brings samples, incidents and the model up to date for these regions. 0 or -errno of the store. */
int forecaster_update(struct forecaster *forecaster, const char *const *regions, size_t count, struct wall now)
	__attribute__((nonnull(1, 2))) MUST_USE;

/* `region` is an index into the regions of the last update. */
void forecaster_ask(const struct forecaster *forecaster, size_t region, struct forecast *forecast) NONNULL;

/* Incidents of all regions that began in the last days, as far back as features look. */
size_t forecaster_events(const struct forecaster *forecaster) NONNULL;
/* When the load model in service was trained; .ms 0: there is none. */
struct wall forecaster_load_trained(const struct forecaster *forecaster) NONNULL;

#endif
