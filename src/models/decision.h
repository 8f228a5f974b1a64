/* decision.h -- the numbers behind a decision over a model, as they are kept with it. Threads: any. */
#ifndef ISOBAR_MODELS_DECISION_H
#define ISOBAR_MODELS_DECISION_H

#include "base/contract.h"
#include "base/json.h"
#include "predict/evaluate.h"

/* {incidents, average_precision, base_rate, brier_skill, calibration_error, recall, false_alarms_per_day,
 * median_lead_s}; what isn't known is null. The caller's; NULL: out of memory. */
cJSON *decision_scores(const struct evaluation *e) NONNULL MUST_USE;

#endif
