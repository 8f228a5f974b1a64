/* load_folder.h -- load forecasts offline: learnt from one folder of data, made for each row of another as they would
 * have been made live. Deterministic. For how good they are see load_score.h.
 * Threads: one at a time (libsvm has process-wide state); it takes seconds to minutes. */
#ifndef ISOBAR_LOAD_LOAD_FOLDER_H
#define ISOBAR_LOAD_LOAD_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "load/load_score.h"
#include "load/load_series.h"

/* Goes over each series of `test` by time. What is known at a row is that row, those before it, and the series of the
 * same name in `train` as far as it's older. Writes "timestamp,series,horizon_s,forecast" to the file `forecasts`: made
 * at `timestamp` for `timestamp` + `horizon_s`. A row for which there is no forecast isn't there; nor is a horizon
 * that isn't a whole number of the series' steps. 0, or -errno with the reason in `diags`. */
int load_folder_forecast(const char *train, const char *test, const char *metric, const char *forecasts,
	struct diags *diags, load_progress_fn *progress, void *arg) __attribute__((nonnull(1, 2, 3, 4, 5))) MUST_USE;

#endif
