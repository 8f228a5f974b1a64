/* state.h -- what the files of control/ share: the control thread's whole state. Private to control/. */
#ifndef ISOBAR_CONTROL_STATE_H
#define ISOBAR_CONTROL_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "control/control.h"
#include "control/drains.h"
#include "control/outside.h"
#include "control/pae.h"
#include "control/publish.h"
#include "control/recorder.h"
#include "control/secondaries.h"
#include "control/tsig_keys.h"
#include "control/watch.h"
#include "serve/tickets.h"
#include "serve/tls_context.h"

struct task {
	struct task *next;
	void (*run)(void *arg);
	void *arg;
};

/* A change or a plan that waits for its turn, or, with neither, a rebuild for what regions accept now: publications
 * happen one after the other. */
struct publication {
	struct publication *next;
	struct control *control;
	struct change *change;		/* or */
	struct plan *plan;
	outcome_fn *done;
	void *arg;
	/* from its turn on */
	bool begun;
	struct world *world;
	bool resign;			/* with neither change nor plan: something is to be signed anew */
	struct signing_pass *pass;	/* of `world`; or NULL */
	struct plan *replanned;		/* the plan in service, read again for a new steering; or NULL */
	bool law_changed;		/* since the proposed plan was made */
	bool plan_dropped;		/* it fits no more: static weights until the next */
	const struct steering *planned_for;	/* what the proposed plan's numbers mean */
	struct candidate candidate;
	struct diags diags;
	struct text message;
	char *body;			/* journal's JSON, or the plan's */
	uint64_t revision;
	int status;			/* of the store */
	struct outcome_zone *zones;
	size_t zone_count;
	bool steering_changed, overrides_changed;
	struct arena *move_arena;
	struct outcome_move *moves;
	size_t move_count;
};

struct control {
	struct control_options options;
	const struct settings *settings;
	uv_loop_t loop;
	uv_async_t wake;
	uv_timer_t tick;
	uv_signal_t signals[3];
	pthread_mutex_t lock;		/* guards tasks, and stopping while the loop runs */
	struct task *tasks, **tasks_end;
	bool stopping;
	struct store *store;
	struct world *world;
	struct plan *plan;		/* in service, or NULL */
	struct round *round;
	struct publisher publisher;
	struct identity identity;		/* that workers tell */
	struct guard_options guard;		/* that they go by */
	struct cookie_secrets secrets;		/* as published to them */
	struct mono secret_made;
	uint8_t report_agent[NAME_MAX];
	struct tls_context *tls;		/* of encrypted listeners, or NULL */
	struct tickets *tickets;
	struct mono tls_warned;			/* of its certificate's end */
	struct tsig_keys tsig_keys;
	struct secondaries *secondaries;
	struct signer *signer;		/* NULL: storeless */
	struct watch *watch;
	struct recorder *recorder;
	struct demands *demands;
	struct outside *outside;
	struct pae *pae;
	struct publication *queue, **queue_end;	/* the first is under way */
	struct override *overrides;		/* all in the store; strings in `override_arena` */
	size_t override_count;
	struct arena *override_arena;
	struct drains_state drains;
	struct drill drill;			/* the one that runs */
	bool overrides_stale;			/* the store has others, which couldn't be read */
	struct mono probed, maintained, rebuilt, ended;	/* when last; ended: an override */
	bool maintain_more;			/* the store's writer thread alone uses it */
	atomic_int maintain_status;		/* how the last piece of it ended */
	uint64_t steering_revision;		/* of the last change of the steering; 0: before the start */
	int lock_fd;				/* keeps a second daemon off the store; or -1 */
	struct control_status status;
};

/* start.c */
bool control_load(struct control *control, struct diags *diags) NONNULL;

/* encryption.c */
bool encryption_start(struct control *control, struct diags *diags) NONNULL;	/* before the server */
bool encryption_renew(struct control *control, struct diags *diags) NONNULL;	/* false: the old one stays */
void encryption_tick(struct control *control, struct mono now, struct wall wall) NONNULL;
void encryption_end(struct control *control) NONNULL;	/* after the server */

/* telemetry.c; a round_event_fn */
void event_keep(void *control, const struct health_event *event) NONNULL;

/* change.c */
void publication_submit(struct control *control, struct publication *publication) NONNULL;
void publication_rebuild(struct control *control) NONNULL;
void publication_resign(struct control *control) NONNULL;
void publication_abandon(struct publication *publication) NONNULL;	/* at the end: frees, tells nobody */

/* change_moves.c */
/* Lists the zones that the change changes, and the clients that it moves. False: out of memory. */
bool change_moves_list(struct publication *publication) NONNULL MUST_USE;
/* Beyond the limit of the change, or of the steering; says so in its diags. */
bool change_moves_too_many(struct publication *publication) NONNULL;

/* override.c */
bool overrides_load(struct control *control) NONNULL;
void overrides_apply(struct control *control, struct wall now) NONNULL;	/* into the round and the live words */

/* demands.c: what clients ask for */
bool demands_start(struct control *control) NONNULL;	/* before the first publication. False: out of memory */
void demands_tick(struct control *control, struct mono now, struct wall wall) NONNULL;
void demands_end(struct control *control) NONNULL;	/* before the store is closed */
/* What tables for this steering and plan are to be packed by. NULL: out of memory. */
struct demand *demands_for(const struct control *control, const struct steering *steering, const struct plan *plan)
	__attribute__((nonnull(1, 2))) MUST_USE;
/* publish_build() by the demand of this moment, or (not `fresh`) by that of what is in service, which moves nobody. */
bool demands_build(const struct control *control, const struct world *world, const struct plan *plan, bool fresh,
	struct candidate *candidate, struct text *why) __attribute__((nonnull(1, 2, 5, 6))) MUST_USE;

/* control.c */
const char *store_missing(const struct control *control) NONNULL;	/* why there is no store to write to */
void control_store_told(struct control *control, int status) NONNULL;	/* remembers whether the last write failed */

#endif
