/* holt_winters.h -- exponential smoothing of a load: level, damped trend, daily season.
 * Threads: any; pure. */
#ifndef ISOBAR_LOAD_HOLT_WINTERS_H
#define ISOBAR_LOAD_HOLT_WINTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define LOAD_STEP_S 300			/* shorter steps are noise to a forecast of ten minutes or more */
#define LOAD_DAY (86400 / LOAD_STEP_S)	/* steps of the season */

struct smoothing {
	double level, trend, season;	/* how fast each follows: 0 .. 1 */
	bool seasonal;			/* false: there is no season */
};

/* How values follow on each other. A value may be a moving mean of several: then `mean` smoothings run side by side,
 * each over values that share nothing, and a forecast is for the one value at its time and not for the mean. */
struct pace {
	size_t day;		/* values in a day, at least 1 */
	size_t mean;		/* 1 .. PACE_MEAN_MAX */
};
#define PACE_MEAN_MAX LOAD_STEP_S	/* of values a second apart */

/* Means of five minutes from the first that is known; NAN where none of the five is. The last step ends with the last
 * minute. `steps` has room for count / 5 + 2; *begin_s is when the first step begins. Their number. */
size_t load_steps(const double *minutes, size_t count, int64_t start_s, double *steps, int64_t *begin_s) NONNULL;

/* forecasts[h][i] is what was expected at value i for value i + ahead[h], from nothing after i but what the season
 * began with: the first two days, as far as they're among the first `known` values. NAN before there was a level.
 * False: out of memory. */
bool holt_winters_run(const struct smoothing *smoothing, const double *values, size_t count, size_t known,
	const struct pace *pace, size_t horizons, const size_t *ahead, double *const *forecasts) NONNULL MUST_USE;

#define HOLT_WINTERS_GRID 9
extern const struct smoothing holt_winters_grid[HOLT_WINTERS_GRID];

/* That of the grid whose forecasts among the first `known` values have the least squared error after the first quarter.
 * `forecasts` has `count` places and ends up as those of the best. False: out of memory. */
bool holt_winters_fit(const double *values, size_t count, size_t known, const struct pace *pace, size_t ahead,
	double *forecasts, struct smoothing *best) NONNULL MUST_USE;

#endif
