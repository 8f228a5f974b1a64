/* trainer.h -- training on the store's history: a challenger, judged on the newest time against the model in service
 * and the simple rules. Threads: runs in a child (child.h), with a store reader of its own. */
#ifndef ISOBAR_MODELS_TRAINER_H
#define ISOBAR_MODELS_TRAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/text.h"

#define TRAINER_HISTORY_DAYS 30
#define TRAINER_EVENTS_LEAST 10		/* incidents in the history: with fewer nothing is trained */

struct trainer_job {
	const char *store;		/* path */
	const char *models_dir;
	const char *const *regions;
	size_t region_count;
	int64_t horizon_s;		/* of failures; not used for loads */
	uint64_t seed;
	struct wall now;
};

/* For child_start(): `arg` is a struct trainer_job. The output is the body of POST /v1/models, or, when there was
 * nothing to train on, a sentence that says so, with -ENODATA. */
int trainer_run(struct text *output, void *arg);

/* As trainer_run(), for the corrections of load forecasts: one model for all regions and horizons, always serving, for
 * where they don't help it says nothing. */
int trainer_run_load(struct text *output, void *arg);

/* As trainer_run(), for how odd a moment is: a machine for each region, all in one model, always serving, for it's only
 * advice. */
int trainer_run_anomaly(struct text *output, void *arg);

#define TRAINER_LOAD_EVERY_MS INT64_C(86400000)
#define TRAINER_ANOMALY_EVERY_MS INT64_C(86400000)
#define TRAINER_ANOMALY_RETRY_MS INT64_C(3600000)	/* while there is none: regions aren't old enough */
#define TRAINER_ANOMALY_DAYS 14
#define TRAINER_ANOMALY_MINUTES_LEAST 1440	/* known, outside of incidents: with fewer no machine */

/* Whether the history has grown enough since the last training: at least as many incidents as are needed, one of them
 * new, and an hour gone. */
bool trainer_due(struct wall last, size_t events_then, size_t events_now, struct wall now);

#endif
