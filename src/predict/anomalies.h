/* anomalies.h -- the anomaly models of several regions as one text, and ranks that can be compared between them.
 * Threads: any. What was read is immutable. */
#ifndef ISOBAR_PREDICT_ANOMALIES_H
#define ISOBAR_PREDICT_ANOMALIES_H

#include <stddef.h>

#include "base/contract.h"
#include "base/text.h"
#include "predict/anomaly.h"
#include "predict/metrics.h"
#include "predict/window.h"

#define ANOMALIES_SIZE_MAX (64 << 20)	/* bytes of the text */

struct anomalies;

/* Adds one region's part: a model as anomaly_train() made it from rows of the metrics in use. */
void anomalies_add(struct text *parts, const char *region, const struct metrics *metrics, const char *model,
	size_t length) NONNULL;
/* The whole text, to be freed; NULL: out of memory. */
char *anomalies_write(const struct text *parts, size_t *length) NONNULL MUST_USE;

/* NULL with the reason in `error`: another format, cut short, changed, or a part that can't be right. */
struct anomalies *anomalies_read(const char *bytes, size_t length, struct text *error) NONNULL MUST_USE;
void anomalies_free(struct anomalies *anomalies);	/* NULL is allowed */
size_t anomalies_regions(const struct anomalies *anomalies) NONNULL;

/* Adds the metrics that the models were made for. */
void anomalies_metrics(const struct anomalies *anomalies, struct metrics *metrics) NONNULL;

/* How odd step `at` of a region is: the share of the time before, of all regions, each as its own machine saw it, that
 * was less odd; 0 .. 1, below 1. NAN with the reason in *none: no rank. */
double anomalies_rank(const struct anomalies *anomalies, const char *region, const struct window *window, size_t at,
	const char **none) NONNULL;

/* The same for a distance of any machine of theirs, see anomaly_distance(). */
double anomalies_rank_of(const struct anomaly *const *list, size_t count, double distance) NONNULL;

#define ODD_MOST 3	/* metrics are told */
struct odd {
	char metric[METRIC_NAME_SIZE];
	double value;		/* now, as reported */
	double without;		/* the rank if it were as usual */
};

/* The metrics that make it odd, the strongest first; how many. 0 too when there is no rank. */
size_t anomalies_why(const struct anomalies *anomalies, const char *region, const struct window *window, size_t at,
	struct odd found[static ODD_MOST]) NONNULL;

#endif
