/* review.h -- how the models in service have done: their forecasts of the last days against what came. Threads: runs in
 * a child (child.h), with a store reader of its own. */
#ifndef ISOBAR_MODELS_REVIEW_H
#define ISOBAR_MODELS_REVIEW_H

#include "base/contract.h"
#include "base/text.h"

#define REVIEW_DAYS 7
#define REVIEW_EVERY_MS INT64_C(3600000)

/* For child_start(): `arg` is a struct trainer_job (trainer.h). The output is {"reviews": [{"model", "body"}]}, one for
 * each failure model in service that has spoken; "body" is that of POST /v1/models/{model}/review. A model that has
 * drifted is returned from, to the one that served before it. */
int review_run(struct text *output, void *arg) NONNULL;

#endif
