/* history.h -- what the store knows of regions, as a dataset: minutes of their metrics, and their incidents.
 * Threads: as the store's reader. */
#ifndef ISOBAR_PREDICT_HISTORY_H
#define ISOBAR_PREDICT_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"
#include "store/store.h"

/* Adds the metrics that the store has of these regions to the catalogue. Names beyond METRICS_MAX are left out.
 * 0 or -errno. */
int history_metrics(struct store_reader *reader, const char *const *regions, size_t count, struct metrics *metrics)
	NONNULL MUST_USE;

/* A dataset with an empty window [from, to) for each region, whole minutes, of the metrics that are used in the
 * catalogue. NULL: out of memory. */
struct dataset *history_new(const char *const *regions, size_t count, int64_t from_s, int64_t to_s,
	const struct metrics *metrics) NONNULL MUST_USE;

/* Fills in the minutes in [from, to) from the rollups and what comes after the last of them, or from raw samples only
 * (the mean of a minute's samples, as the rollups have it). A metric comes from the series of its own name of the
 * region as a whole, else from an alias, else from the sum of loads or the mean over backends. 0 or -errno. */
int history_fill(struct store_reader *reader, struct dataset *dataset, enum resolution resolution, int64_t from_s,
	int64_t to_s) NONNULL MUST_USE;

/* Replaces all incidents by those that the health events in [from, to) tell: a region is in one while any service is
 * down in it; those that begin during an operator's drain are left out. One without an end goes on. 0 or -errno. */
int history_incidents(struct store_reader *reader, struct dataset *dataset, int64_t from_s, int64_t to_s)
	NONNULL MUST_USE;

/* Sets the labelled span of each series: from its first known minute to `to_s`. */
void history_set_labels(struct dataset *dataset, int64_t to_s) NONNULL;

#endif
