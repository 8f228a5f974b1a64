/* demand_forecast.h -- what clients will ask for while the next plan is in force, and how sure that is.
 * Threads: one forecaster, one thread, which also owns its store reader. */
#ifndef ISOBAR_LOAD_DEMAND_FORECAST_H
#define ISOBAR_LOAD_DEMAND_FORECAST_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "steer/steering.h"
#include "store/store.h"

/* Relative standard errors where there is no history to measure them on. */
#define DEMAND_ERROR_UNKNOWN 0.3	/* of one group */
#define DEMAND_ERROR_COMMON 0.1		/* of all demand together */

struct demand_forecast {
	uint16_t service;		/* indices into the steering */
	uint16_t group;
	uint8_t country;		/* COUNTRY_UNKNOWN: what isn't told by country */
	double rate;			/* requests/s, >= 0, finite */
	double error;			/* relative standard error of its own, beside the one that all share */
	/* Quantiles of 10 and 90 %, by what forecasts as far ahead missed. NAN: no forecast; then `rate` is the last
	 * that is known, and the error a guess or what was measured with it. */
	double low, high;
};

struct demand_forecasts {
	size_t count;
	const struct demand_forecast *list;	/* each once; lives until the next update */
	double common_error;		/* relative standard error that all demand shares */
};

struct demand_forecaster;

struct demand_forecaster *demand_forecaster_new(struct store_reader *reader) NONNULL MUST_USE;	/* NULL: no memory */
void demand_forecaster_free(struct demand_forecaster *forecaster);

/* Reads what is new in the store, and forecasts for `now` plus `ahead_s` what this steering knows of. 0 or -errno. */
int demand_forecaster_update(struct demand_forecaster *forecaster, const struct steering *steering, struct wall now,
	int64_t ahead_s) NONNULL MUST_USE;
struct demand_forecasts demand_forecaster_ask(const struct demand_forecaster *forecaster) NONNULL;

#endif
