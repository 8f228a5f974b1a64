/* control.h -- the control thread: the one place where what queries see can change.
 *
 * Everything that changes something comes here by control_post() and runs on this thread, one after the other. A change
 * of the operator's goes: prepare -> validate (the whole next snapshot is built) -> one store transaction with its
 * journal row -> publish -> outcome. A failed build leaves the old snapshot in service and says why.
 * Threads: control_post() and control_stop() from any; all else on the control thread (in a posted function). */
#ifndef ISOBAR_CONTROL_CONTROL_H
#define ISOBAR_CONTROL_CONTROL_H

#include <stdbool.h>
#include <uv.h>

#include "base/contract.h"
#include "base/diag.h"
#include "base/json.h"
#include "conf/settings.h"
#include "control/certify.h"
#include "control/drains.h"
#include "control/round.h"
#include "control/signing.h"
#include "control/world.h"
#include "plan/moves.h"
#include "plan/plan.h"
#include "serve/server.h"
#include "store/store.h"

struct control;

struct control_options {
	const struct settings *settings;
	bool storeless;			/* --zones: serve the folder as it is; no store, no API, no PAE */
	const char *pae_program;	/* path of isobar-pae, or NULL: don't start one */
};

/* Opens the store (imports the zones folder when it's empty), builds the first snapshot and starts the workers.
 * NULL with every problem in `diags`. */
struct control *control_new(const struct control_options *options, struct diags *diags) NONNULL MUST_USE;
/* Reads the files that the settings name, as a start would. False with every problem in `diags`. */
bool control_check(const struct settings *settings, struct diags *diags) NONNULL;
int control_run(struct control *control) NONNULL;	/* until control_stop(); the process's exit status */
void control_free(struct control *control);

bool control_post(struct control *control, void (*run)(void *arg), void *arg) __attribute__((nonnull(1, 2)));
void control_stop(struct control *control) NONNULL;

/* --- changes ------------------------------------------------------------------------------------------------- */

struct change {
	/* Fills in the rest from the present state when the change's turn has come, or NULL when it's filled in
	 * already. False: refused, with the reasons in `diags`. Memory that it adds belongs in `arena`. */
	bool (*prepare)(struct change *change, struct control *control, struct diags *diags);
	void *prepare_arg;
	/* The rest of it that takes long, or NULL: it makes `zones` of what was prepared, maybe on a thread of its own,
	 * that may touch nothing but the change and what's in service. */
	bool (*read)(struct change *change, struct diags *diags);
	size_t read_length;		/* octets of text that this goes over */
	struct arena *arena;		/* the change lives here; freed after the outcome was delivered */
	const char *action;		/* "apply", "zone.import", "record.set", "drain", ...: for the journal */
	const char *author, *reason;	/* reason may be "" */
	const char *subject;		/* what it's about, for the journal: a name, a region */
	bool dry_run;
	double move_limit;		/* share of a service's clients that may move; 0: as the steering in service
					 * says */
	bool whole;			/* zones that aren't named are deleted (apply of a folder) */
	bool transferred;		/* its zones came from their primaries */
	const char *confirms;		/* a catalog, whose next version may delete as many zones as it does; or NULL */
	size_t zone_count;
	const struct zone_text *zones;	/* their `zone` is released with the change */
	const char *steering;		/* the new text of steering.yaml, or NULL: unchanged */
	struct override *override;	/* to add or, with an id, to replace; or NULL */
	const struct key_wish *key_wish;	/* what is to be done about a zone's keys; or NULL */
	const char *note;		/* JSON for the journal: what came of a drill; or NULL */
	size_t row_count;		/* of the journal, in place of the one that is made of what is above; 0: none */
	const struct change_row { const char *author, *body; } *rows;	/* body: JSON */
	int64_t override_delete;	/* id, or 0 */
};

enum outcome_status {
	OUTCOME_DONE,		/* live (or, for a dry run, would be) */
	OUTCOME_DUPLICATE,	/* a report that was counted already: as good as done */
	OUTCOME_INVALID,	/* the input is wrong: see diags */
	OUTCOME_NOT_FOUND,
	OUTCOME_CONFLICT,
	OUTCOME_UNAVAILABLE,	/* the store can't take it now: try again later */
};

struct outcome_zone { const char *name; const char *what; /* "added", "changed", "deleted" */ };

struct outcome {
	enum outcome_status status;
	const struct diags *diags;	/* errors, and warnings also when done */
	const char *message;		/* one sentence for people, or "" */
	uint64_t revision;		/* of the journal */
	uint64_t epoch;			/* of the snapshot that has it */
	size_t zone_count;
	const struct outcome_zone *zones;
	bool steering_changed;
	size_t moved_count;		/* services whose clients move */
	const struct outcome_move {
		const char *service;
		double share;
		size_t way_count;	/* 0: it isn't known from where to where */
		const struct move *ways;
	} *moves;
	int64_t override_id;
};

/* Called once, on the control thread; everything in `outcome` is borrowed. */
typedef void outcome_fn(void *arg, const struct outcome *outcome);

void control_change(struct control *control, struct change *change, outcome_fn *done, void *arg)
	__attribute__((nonnull(1, 2)));	/* `done` may be NULL */

/* SIGHUP and `isobarctl reload`: read the certificate again; then storeless, read the folder again; else reopen the geo
 * database and build anew. A bad certificate ends it before anything has changed. */
void control_reload(struct control *control, outcome_fn *done, void *arg) __attribute__((nonnull(1)));

/* Takes the report. The outcome comes when it's durable and the live words tell it. */
void control_report(struct control *control, struct report *report, outcome_fn *done, void *arg)
	__attribute__((nonnull(1, 2, 3)));

/* Predictions are borrowed, the plan is taken; the plan's outcome says INVALID when the certificate refused it. */
void control_predictions(struct control *control, const struct prediction *predictions, size_t count,
	outcome_fn *done, void *arg) __attribute__((nonnull(1, 4)));
void control_plan(struct control *control, struct plan *plan, outcome_fn *done, void *arg)
	__attribute__((nonnull(1, 2, 3)));
void control_train(struct control *control);	/* asks the PAE to train now */

/* --- views --------------------------------------------------------------------------------------------------- */

const struct settings *control_settings(const struct control *control) NONNULL;
const struct snapshot *control_snapshot(const struct control *control) NONNULL;
const struct round *control_round(const struct control *control) NONNULL;
const struct plan *control_plan_now(const struct control *control) NONNULL;	/* the published one, or NULL */
/* Of what is in service, at most a minute old; NULL: not even the first was made. */
const struct certificate *control_certificate(const struct control *control) NONNULL;
/* What clients ask for, as it's estimated now; NULL: nothing was asked yet. Valid until the control thread's next
 * turn. */
const struct demand *control_demand(const struct control *control) NONNULL;
/* The region's reported load of the service didn't follow what was changed: it isn't believed. */
bool control_distrusts(const struct control *control, size_t service, region_id region) NONNULL;
/* What each region should be getting of the service, by tables and live words; `loads` by region. False: not known. */
bool control_expected(const struct control *control, size_t service, double *loads) NONNULL;
/* Answers that were held against the rules of residency, and those outside of them. */
void control_lawful(const struct control *control, uint64_t *checked, uint64_t *violations) NONNULL;
/* When the certificate of TLS does. False: there is none. */
bool control_tls_ends(const struct control *control, struct wall *ends) NONNULL;
const struct server *control_server(const struct control *control) NONNULL;
struct store *control_store(const struct control *control) NONNULL;	/* NULL: storeless, or it could only be read */
const char *control_zone_text(const struct control *control, const char *name) NONNULL;	/* NULL: no such zone */
const struct world *control_world(const struct control *control) NONNULL;	/* in service */
const struct zone *control_zone_read(const struct control *control, const char *name) NONNULL;	/* what that text is */
const char *control_steering_text(const struct control *control) NONNULL;	/* "" when there is none */
/* Zones that arrive signed, and how long their signatures count; arrived.h. */
struct zone_validity;
bool control_arrived(const struct control *control, size_t i, const char **name, struct zone_validity *validity)
	NONNULL;
bool control_arrived_find(const struct control *control, const char *name, struct zone_validity *validity) NONNULL;
const struct signer *control_signer(const struct control *control) NONNULL;	/* NULL: storeless */
struct primaries *control_primaries(const struct control *control) NONNULL;
const struct secondaries *control_secondaries(const struct control *control) NONNULL;	/* NULL: nothing is served */
size_t control_overrides(const struct control *control, const struct override **overrides) NONNULL;
const struct drains_state *control_drains(const struct control *control) NONNULL;
/* Why there can be no drill of this region now, in `why`; true: there can. */
bool control_drill_possible(const struct control *control, const char *region, char *why, size_t size) NONNULL;
/* The drill that runs, as its verdict if it ended now for this reason (NULL: its time is over); `id` 0: any. NULL:
 * there is none, or memory is out. */
cJSON *control_drill(const struct control *control, int64_t id, const char *ended)
	__attribute__((nonnull(1))) MUST_USE;

struct control_status {
	struct wall started, published;
	uint64_t epoch, revision;
	bool pae_running, pae_external;
	unsigned pae_restarts;
	char plan_refused[256];		/* why the last proposed plan was refused, "" when it wasn't */
	uint64_t certified, refused;	/* plans since the start */
	struct wall planned;		/* when the plan in service was made; .ms 0: none */
	bool store_failing;		/* the last write failed */
	uint64_t reports, reports_duplicate, reports_refused;
};
void control_status(const struct control *control, struct control_status *status) NONNULL;

/* Answers given for (service, region) since the start, over all snapshots. By name, since indices change. */
uint64_t control_answers(const struct control *control, const char *service, const char *region) NONNULL;

#endif
