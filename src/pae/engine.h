/* engine.h -- the state of isobar-pae, which its parts hand on. Threads: one. */
#ifndef ISOBAR_PAE_ENGINE_H
#define ISOBAR_PAE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "http/client.h"
#include "load/demand_forecast.h"
#include "models/child.h"
#include "models/forecaster.h"
#include "models/trainer.h"
#include "pae/feeds.h"
#include "pae/intake.h"
#include "pae/options.h"
#include "planner/planner.h"
#include "planner/propose.h"
#include "steer/steering.h"
#include "store/store.h"

struct outlook {			/* of one region */
	struct oddity odd;
	size_t count;
	struct forecast list[FORECASTS_MAX];
};

struct engine {
	const struct pae_options *options;
	char *token;
	struct http_client *client;
	struct store_reader *reader;
	struct forecaster *forecaster;
	struct demand_forecaster *demand;
	struct planner *planner;
	struct feeds *feeds;
	struct intake intake;		/* what else the store says, brought up to date each round */
	struct steering *steering;	/* as the operator has it */
	struct steering *lawful;	/* narrowed to what the regions accept: what is planned for */
	uint64_t revision;		/* of `steering` */
	const char *regions[REGIONS_MAX];
	struct outlook *outlooks;	/* by region, of the last round */
	struct wall told;		/* when predictions were posted last */
	int64_t why_minute;		/* since 1970: in it, the reasons of all of them are told */
	struct plan *posted;		/* the last plan that the API took, also of the one before us; or NULL */
	struct steering *posted_for;	/* whose numbers it uses */
	bool remembered;		/* the store was asked for that of the one before us */
	struct mono posted_at, hold_until;	/* .. no plan before that: caches are on the way */
	struct child *child;		/* training or reviewing, or NULL */
	struct trainer_job training;	/* what it works on */
	size_t task;			/* which of training.c's tasks */
	uint32_t tasks_due;		/* bits of those that wait */
	struct wall trained;		/* when the last training began; .ms 0: none yet */
	struct wall load_trained;	/* the same for loads */
	struct wall anomalies_trained;	/* and for anomalies */
	struct wall reviewed;		/* when the models in service were, last */
	size_t trained_events;
	bool train_now;
};

/* False after saying what is wrong; engine_close() is then still due. */
bool engine_open(struct engine *engine) NONNULL MUST_USE;
void engine_close(struct engine *engine) NONNULL;
/* False when it wasn't taken: by a daemon that isn't there, or one that refuses it. */
bool engine_post(struct engine *engine, const char *path, const char *body) NONNULL;

/* One round. False: something failed that may be right later. */
bool round_run(struct engine *engine, struct wall now) NONNULL;

void training_if_due(struct engine *engine, struct wall now) NONNULL;
void training_next(struct engine *engine, struct wall now) NONNULL;	/* what waits begins, if nothing runs */
void training_poll(struct engine *engine) NONNULL;	/* while there is a child */

#endif
