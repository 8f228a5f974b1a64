/* metrics.h -- which metrics there are, and what is known about each: a catalogue that a dataset owns and its windows
 * share. A few names have a meaning (CPU, error ratio ...) with units, bounds and limits; any other name is a metric of
 * unknown meaning, of which only its own past can be told. Threads: any once it's filled. */
#ifndef ISOBAR_PREDICT_METRICS_H
#define ISOBAR_PREDICT_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define METRICS_MAX 160		/* a region's; more would make features, not forecasts */
#define METRIC_NAME_SIZE 64
#define METRIC_NONE SIZE_MAX

/* The metrics with a meaning; in each catalogue they are at these places, those of unknown meaning come behind them. */
enum metric {
	METRIC_RPS, METRIC_ERR_RATIO, METRIC_LAT_P50, METRIC_LAT_P99, METRIC_CPU, METRIC_MEM, METRIC_DISK,
	METRIC_CONNS, METRIC_RETRANS, METRIC_DEP, METRIC_QUEUE, METRIC_PROBE_OK, METRIC_HB_MISSED,
	METRIC_KNOWN		/* how many */
};

struct metric_info {
	char name[METRIC_NAME_SIZE];	/* as in reports and in the columns of training data */
	const char *unit;		/* "" when unknown */
	const char *aliases[4];		/* other names for it in reports */
	bool additive;			/* series of one name over backends add up (else: their mean) */
	double least, most;		/* values outside are measuring errors and count as missing */
	bool logarithm;			/* spans decades: its level is log(value + floor) */
	double floor;			/* so small that less is all the same */
	double least_deviation;		/* of its level: the measuring noise, the least that a z-score divides by */
	double limit;			/* the value at which a region is as good as lost; 0: none is known */
	bool used;			/* the data has it; windows have values of such metrics only */
};

struct metrics {
	struct metric_info *list;
	size_t count;
};

/* With all that have a meaning, none of them used. NULL: out of memory. */
struct metrics *metrics_new(void) MUST_USE;
struct metrics *metrics_copy(const struct metrics *metrics) NONNULL MUST_USE;
void metrics_free(struct metrics *metrics);	/* NULL is allowed */

/* The place of the metric that a name means, METRIC_NONE when it has none; "load:SERVICE" is part of METRIC_RPS. */
size_t metrics_find(const struct metrics *metrics, const char *name) NONNULL;
/* The same, but adds what isn't there, and marks it as used. METRIC_NONE: no name (empty, too long, control
 * characters), METRICS_MAX are used, or out of memory. */
size_t metrics_add(struct metrics *metrics, const char *name) NONNULL;
size_t metrics_used(const struct metrics *metrics) NONNULL;	/* how many */

/* A value on the scale that features use; NAN stays NAN. */
double metric_level(const struct metric_info *info, double value) NONNULL;

#endif
