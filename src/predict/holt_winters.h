/* holt_winters.h -- exponential smoothing of a load: level, damped trend, daily season, on logarithms.
 * Threads: any; pure. */
#ifndef ISOBAR_PREDICT_HOLT_WINTERS_H
#define ISOBAR_PREDICT_HOLT_WINTERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define LOAD_STEP_S 300			/* shorter steps are noise to a forecast of ten minutes or more */
#define LOAD_DAY (86400 / LOAD_STEP_S)	/* steps of the season */

struct smoothing { double level, trend, season; };	/* how fast each follows: 0 .. 1 */

/* Means of five minutes as log(1 + x), from the first that is known; NAN where none of the five is. The last step
 * ends with the last minute. `steps` has room for count / 5 + 2; `phase` is the first step's place in the day. Their
 * number. */
size_t load_steps(const double *minutes, size_t count, int64_t start_s, double *steps, size_t *phase) NONNULL;

/* forecasts[i] is what was expected at step i for step i + ahead, from nothing after i; NAN before there was a level.
 * `ahead` is at least 1 and less than a day. */
void holt_winters_run(const struct smoothing *smoothing, const double *steps, size_t count, size_t phase, size_t ahead,
	double *forecasts) NONNULL;

/* The smoothing of a small grid whose forecasts have the least squared error after the first quarter. `forecasts` has
 * `count` places and ends up as those of the best. */
struct smoothing holt_winters_fit(const double *steps, size_t count, size_t phase, size_t ahead, double *forecasts)
	NONNULL;

#endif
