/* publication.h -- what changes in service takes one way: a queue, and the steps that all kinds of it share.
 * Private to control/. Threads: control, but for what publication_store() is given. */
#ifndef ISOBAR_CONTROL_PUBLICATION_H
#define ISOBAR_CONTROL_PUBLICATION_H

#include "control/state.h"

/* What kinds differ in. Each step begins the next one, or ends with publication_finish(). */
struct publication_kind {
	void (*begin)(struct publication *publication);		/* its turn has come */
	/* It may go ahead of one whose zones are being signed. NULL: never. */
	bool (*overtakes)(const struct publication *publication);
	/* After publication_sign(). Not `good`: errors are in the diags. NULL: never signs. */
	void (*go_on)(struct publication *publication, bool good);
	void (*stored)(struct publication *publication);	/* after publication_store(), which gave `status` */
};

struct publication {
	struct publication *next;
	struct control *control;
	const struct publication_kind *kind;
	struct change *change;		/* of an operator; or NULL */
	struct plan *plan;		/* that is proposed; or NULL */
	outcome_fn *done;
	void *arg;
	/* from its turn on */
	bool begun;
	bool is_signed;			/* by a thread, and so is to go on */
	void (*work)(struct publication *publication), (*then)(struct publication *publication);
	bool unread;			/* change->read() refused it */
	struct world *world;
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

/* It waits for its turn: publications happen one after the other. */
void publication_submit(struct control *control, struct publication *publication) NONNULL;
/* `work` by a thread of its own, if there can be one, then `then` here. Until then the thread alone has it; what's in
 * service may be read, since only publications replace it. */
void publication_aside(struct publication *publication, void (*work)(struct publication *publication),
	void (*then)(struct publication *publication)) NONNULL;
void publication_wait(struct control *control) NONNULL;	/* for that thread, at the end */
/* Gives its world signed zones, and goes on with kind->go_on(), at once or when a thread is done. */
void publication_sign(struct publication *publication) NONNULL;
/* Its candidate, of a world and a plan. A plan that doesn't fit is dropped: static weights stand until the next one.
 * False with the reason in its message. */
bool publication_build(struct publication *publication, const struct world *world, const struct plan *plan)
	__attribute__((nonnull(1, 2))) MUST_USE;
/* `job` on the store's writer, then kind->stored(). False: the queue is full. */
bool publication_store(struct publication *publication, store_job_fn *job) NONNULL MUST_USE;
const char *publication_trouble(int status);	/* of the store, in words */
/* Delivers the outcome and frees it. */
void publication_finish(struct publication *publication, enum outcome_status status, const char *message) NONNULL;
void publication_abandon(struct publication *publication) NONNULL;	/* at the end: frees, tells nobody */

/* change_read.c */
/* What the change brings as text becomes zones, aside if that takes long; then `then`. */
void change_read(struct publication *publication, void (*then)(struct publication *publication)) NONNULL;

/* change_moves.c */
/* Lists the zones that the change changes, and the clients that it moves. False: out of memory. */
bool change_moves_list(struct publication *publication) NONNULL MUST_USE;
/* Beyond the limit of the change, or of the steering; says so in its diags. */
bool change_moves_too_many(struct publication *publication) NONNULL;

/* A plan in the numbers of another steering. NULL when it doesn't fit. */
struct plan *plan_reread(const struct plan *plan, const struct steering *from, const struct steering *to)
	NONNULL MUST_USE;
/* What is in service from now on; `plan` is taken, and NULL when the one before doesn't fit any more. */
void plan_replace(struct control *control, struct plan *plan) __attribute__((nonnull(1)));

#endif
