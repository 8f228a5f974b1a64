/* load_walk.h -- a load gone over as it is live: fitted again and again to what is known, each forecast remembered, and
 * what the next fit trusts decided by how those went.
 * Threads: load_walk_on() as machine_train(); a walk has one owner. */
#ifndef ISOBAR_LOAD_LOAD_WALK_H
#define ISOBAR_LOAD_LOAD_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "load/load_rule.h"

#define LOAD_HISTORY_DAYS 14	/* of which all is fitted; or LOAD_HISTORY_VALUES, when those are more */
#define LOAD_HISTORY_VALUES 1500
#define LOAD_JUDGED_DAYS 2	/* on which the correction must have been better to be used */

/* Quantiles of what will be: 10 %, 50 %, 90 %. NAN: no forecast, or no band. */
struct load_band { double lower, middle, upper; };

struct load_walk;

/* How many values a step of Holt-Winters is the mean of: shorter steps than five minutes are noise. */
size_t load_walk_mean(int64_t step_s);

/* `values` are borrowed; the first is at start_s. With `mean` above 1 moving means of so many are smoothed. NULL: out
 * of memory. */
struct load_walk *load_walk_new(const double *values, size_t count, int64_t start_s, int64_t step_s, size_t mean)
	NONNULL MUST_USE;
void load_walk_free(struct load_walk *walk);	/* NULL is allowed */

/* Fits to what is before `from`, then forecasts at each of from .. to - 1 from nothing later. False: out of memory. */
bool load_walk_on(struct load_walk *walk, size_t from, size_t to) NONNULL MUST_USE;
/* The same with smoothing alone: some milliseconds. Threads: any. */
bool load_walk_smooth(struct load_walk *walk, size_t from, size_t to) NONNULL MUST_USE;
/* The same from `first` to the end, with a fit for each day, more often while there's little history; and for two days
 * before `first`, so that it's known by then what to trust. False: out of memory. */
bool load_walk_through(struct load_walk *walk, size_t first) NONNULL MUST_USE;

/* What a fit at `from` for the values up to `to` looks at. */
struct load_span load_walk_span(const struct load_walk *walk, size_t from, size_t to) NONNULL;
struct load_band load_walk_band(const struct load_walk *walk, size_t horizon, size_t at) NONNULL;
/* The newest fit. */
const struct load_rule *load_walk_rule(const struct load_walk *walk, size_t horizon) NONNULL;
/* The correction's mean absolute error by that without, before `end`, over the judged days. NAN: none was made. */
double load_walk_gain(const struct load_walk *walk, size_t horizon, size_t end) NONNULL;

/* What a rule says at a value of a view of it. */
struct load_band load_band_of(const struct load_rule *rule, const struct load_view *view, size_t at) NONNULL;

#endif
