/* load.h -- the load of a region some minutes ahead: Holt-Winters (damped, daily, on logarithms) and an epsilon-SVR on
 * what it leaves, used only where it was better lately. Threads: any; pure but for memory of its own. */
#ifndef ISOBAR_PREDICT_LOAD_H
#define ISOBAR_PREDICT_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define LOAD_STEP_S 300
#define LOAD_DAY (86400 / LOAD_STEP_S)	/* steps of the season */

/* From requests/s per minute, beginning at `start_s`, NAN where unknown: those at `horizon_s` after the last minute.
 * NAN with less than 30 known minutes, or none of the last 10 known. */
double load_forecast(const double *minutes, size_t count, int64_t start_s, int64_t horizon_s) NONNULL;

#endif
