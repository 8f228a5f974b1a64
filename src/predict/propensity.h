/* propensity.h -- when a region was steered away from, as the store has it beside each prediction: what didn't happen
 * then says nothing about the region. Threads: as the store's reader. */
#ifndef ISOBAR_PREDICT_PROPENSITY_H
#define ISOBAR_PREDICT_PROPENSITY_H

#include <stdint.h>

#include "base/contract.h"
#include "predict/dataset.h"
#include "store/store.h"

/* A region has less than this part of its usual share, or lets in less of its clients: it's steered away from. */
#define PROPENSITY_STEERED 0.7

/* Sets `steered` of each series in [from, to): minutes in which a drain or a forecast kept clients away. A region's
 * usual share is the mean of the last day's, those minutes left out. 0 or -errno. */
int propensity_read(struct store_reader *reader, struct dataset *dataset, int64_t from_s, int64_t to_s)
	NONNULL MUST_USE;

#endif
