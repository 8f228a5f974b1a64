/* load.h -- the load of a region some minutes ahead: Holt-Winters, and an epsilon-SVR on what that leaves, used only
 * where it was better on the newest days. Threads: any; load_train() as machine_train(). */
#ifndef ISOBAR_PREDICT_LOAD_H
#define ISOBAR_PREDICT_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "predict/holt_winters.h"

#define LOAD_HISTORY_DAYS 14	/* of which Holt-Winters and the correction are made */
/* With less history no correction is trained: two days to learn from, two to judge by. */
#define LOAD_TRAIN_DAYS 4

struct load_model;		/* corrections of the regions where they help */

/* From requests/s per minute, beginning at `start_s`, NAN where unknown: those at `horizon_s` after the last minute.
 * `model` NULL, for another horizon, or without this region: Holt-Winters alone. NAN with less than 30 known minutes,
 * or when none of the last 10 is known. */
double load_forecast(const double *minutes, size_t count, int64_t start_s, int64_t horizon_s,
	const struct load_model *model, const char *region) __attribute__((nonnull(1, 6)));

/* One region's part of a model's text, for load_write(): empty when Holt-Winters alone is as good, or when there is too
 * little history. 0 or -ENOMEM. `gain`: the error with the correction by that without, on the newest two days; NAN:
 * nothing was trained. */
int load_train(const double *minutes, size_t count, int64_t start_s, int64_t horizon_s, const char *region,
	struct text *part, double *gain) NONNULL MUST_USE;

/* A model's text from the parts of its regions, one after the other. Caller frees; NULL: out of memory. */
char *load_write(int64_t horizon_s, const char *parts) NONNULL MUST_USE;

/* NULL with the reason in `error`. */
struct load_model *load_read(const char *bytes, size_t length, struct text *error) NONNULL MUST_USE;
void load_free(struct load_model *model);	/* NULL is allowed */
size_t load_regions(const struct load_model *model) NONNULL;

#endif
