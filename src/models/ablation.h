/* ablation.h -- what a model owes to each feed: its scores with that feed's features taken away. Threads: any; pure but
 * for memory of its own. */
#ifndef ISOBAR_MODELS_ABLATION_H
#define ISOBAR_MODELS_ABLATION_H

#include "base/contract.h"
#include "base/json.h"
#include "predict/dataset.h"
#include "predict/model.h"
#include "predict/rows.h"

#define ABLATION_PREFIX "signal:"	/* of what feeds and posted signals become: "signal:NAME", "signal:NAME:age" */

/* An array of {signal, average_precision, without} over the rows, one for each signal that the model was made for, in
 * the order of their names. Empty without any. The caller's; NULL: out of memory. */
cJSON *ablation_of(const struct model *model, const struct dataset *dataset, const struct rows *rows) NONNULL MUST_USE;

#endif
