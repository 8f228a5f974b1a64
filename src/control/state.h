/* state.h -- what the files of control/ share: the control thread's whole state. Private to control/. */
#ifndef ISOBAR_CONTROL_STATE_H
#define ISOBAR_CONTROL_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "control/arrived.h"
#include "control/control.h"
#include "control/drains.h"
#include "control/outside.h"
#include "control/pae.h"
#include "control/primaries.h"
#include "control/publish.h"
#include "control/recorder.h"
#include "control/secondaries.h"
#include "control/tsig_keys.h"
#include "control/updates.h"
#include "control/watch.h"
#include "serve/tickets.h"
#include "serve/tls_context.h"

struct task {
	struct task *next;
	void (*run)(void *arg);
	void *arg;
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
	struct primaries *primaries;
	struct updates *updates;
	struct signer *signer;		/* NULL: storeless */
	struct arrived *arrived;	/* NULL: out of memory, so nobody looks */
	char *confirmed;		/* a catalog; or NULL */
	struct mono confirmed_at;
	struct watch *watch;
	struct recorder *recorder;
	struct demands *demands;
	struct outside *outside;
	struct pae *pae;
	struct publication *queue, **queue_end;	/* the first is under way */
	struct publication *signing;		/* whose zones a thread signs; not in the queue; or NULL */
	pthread_t aside;		/* works for it */
	bool aside_running;		/* or is to be joined */
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

/* rebuild.c, resign.c; how they and all others take their turn: publication.h */
void publication_rebuild(struct control *control) NONNULL;
void publication_resign(struct control *control) NONNULL;

/* catalogs.c */
bool catalog_is_confirmed(const struct control *control, const struct change *change) NONNULL;
void catalog_changed(struct control *control, const struct change *change) NONNULL;	/* it's in service */

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
