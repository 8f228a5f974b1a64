/* load.h -- the load of a region some minutes ahead: Holt-Winters, an epsilon-SVR on what that misses, used only where
 * it was better on the newest days, and the band that holds 80 of 100.
 * Threads: any; load_train() as machine_train(). */
#ifndef ISOBAR_LOAD_LOAD_H
#define ISOBAR_LOAD_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "load/load_walk.h"

/* With less history nothing is trained: two days to learn from, two to judge by. */
#define LOAD_TRAIN_DAYS 4

struct load_model;		/* what was fitted to each region */

/* From requests/s per minute, beginning at `start_s`, NAN where unknown: those at each of load_horizons_s after the
 * last minute. `model` NULL, or without this region: Holt-Winters as it suits the last days. A middle that is NAN: no
 * forecast, with less than 30 known minutes, or when none of the last 10 is known. Bounds that are NAN: too little
 * history to tell how sure it is. */
void load_forecast(const double *minutes, size_t count, int64_t start_s, const struct load_model *model,
	const char *region, struct load_band bands[static LOAD_HORIZONS]) __attribute__((nonnull(1, 5, 6)));

/* The index of the shortest of load_horizons_s that isn't below this one, or of the longest. */
size_t load_horizon(int64_t horizon_s);

/* One region's part of a model's text, for load_write(): empty with less than LOAD_TRAIN_DAYS of history. 0 or -ENOMEM.
 * gains[h]: the error with the correction by that without, on the newest two days, by corrections that were trained
 * before them; from 0.98 up it isn't used. NAN: nothing was trained. */
int load_train(const double *minutes, size_t count, int64_t start_s, const char *region, struct text *part,
	double gains[static LOAD_HORIZONS]) NONNULL MUST_USE;

/* A model's text from the parts of its regions, one after the other. Caller frees; NULL: out of memory. */
char *load_write(const char *parts) NONNULL MUST_USE;

/* NULL with the reason in `error`. */
struct load_model *load_read(const char *bytes, size_t length, struct text *error) NONNULL MUST_USE;
void load_free(struct load_model *model);	/* NULL is allowed */
size_t load_regions(const struct load_model *model) NONNULL;
size_t load_corrections(const struct load_model *model) NONNULL;	/* regions times horizons that have one */

#endif
