/* publication.c -- the queue of publications, and the steps that all kinds of them share.
 * In: publications: operators' changes (change.c), plans of the PAE (proposal.c), zones that are signed anew
 * (resign.c), what regions accept (rebuild.c).  Out: a published snapshot, an outcome.
 * Threads: control; a thread that reads texts, the signer's and the store's writer run jobs in between.
 *
 * One is under way at a time, because each is validated against what the one before made. The steps:
 *  1. begin    (what is given as text is read, by a thread if that takes long; the next world is built whole)
 *  2. sign     (its zones, here or by a thread if that takes long)
 *  3. build    (the snapshot, which is certified)
 *  4. store    (one transaction)
 *  5. publish  (one pointer exchange)
 *  6. finish   (the outcome)
 * What fails before 5 leaves everything in service as it was.
 *
 * While a thread signs large zones, publications that bring no zones and no steering go ahead: plans, what regions
 * accept, overrides. They replace nothing that the one being signed was made from, and it's built upon what they did.
 */
#include "control/publication.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void queue_run(struct control *control);
static bool queue_advance(struct control *control);
static void queue_put(struct control *control, struct publication **at, struct publication *p);
static struct publication *queue_take(struct control *control, struct publication **at);
static void *aside_main(void *arg);
static void aside_done(void *arg);
static void on_signed(void *arg);
static void signed_by_thread(void *arg);
static void go_on(struct publication *p);
static void on_stored(void *arg, int status);
static void publication_stored(void *arg);
static void log_failure(const struct publication *p, const char *message);

void
publication_submit(struct control *control, struct publication *p)
{
	p->control = control;
	*control->queue_end = p;
	control->queue_end = &p->next;
	queue_run(control);
}

/* Begins the first, and the next ones as long as each ends at once. A loop, since a thousand that wait may all be
 * refused; and no two at a time, also when an outcome's receiver submits the next one. */
static void
queue_run(struct control *control)
{
	while (queue_advance(control)) {
		struct publication *p = control->queue;

		p->begun = true;
		if (p->is_signed)
			go_on(p);
		else
			p->kind->begin(p);
	}
}

/* Brings the next one to the front. False: one is under way, or there's none that may be. */
static bool
queue_advance(struct control *control)
{
	struct publication **at = &control->queue;

	if (control->queue == NULL || control->queue->begun)
		return false;
	while (control->signing != NULL && *at != NULL
	    && ((*at)->kind->overtakes == NULL || !(*at)->kind->overtakes(*at)))
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	queue_put(control, &control->queue, queue_take(control, at));
	return true;
}

static void
queue_put(struct control *control, struct publication **at, struct publication *p)
{
	p->next = *at;
	*at = p;
	if (p->next == NULL)
		control->queue_end = &p->next;
}

static struct publication *
queue_take(struct control *control, struct publication **at)
{
	struct publication *p = *at;

	*at = p->next;
	if (*at == NULL)
		control->queue_end = at;
	return p;
}

void
publication_aside(struct publication *p, void (*work)(struct publication *publication),
	void (*then)(struct publication *publication))
{
	struct control *control = p->control;
	sigset_t all, before;

	publication_wait(control);	/* the last one has said that it's done */
	p->work = work;
	p->then = then;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	control->aside_running = pthread_create(&control->aside, NULL, aside_main, p) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (control->aside_running)
		return;
	work(p);
	then(p);
}

static void *
aside_main(void *arg)
{
	struct publication *p = arg;

	p->work(p);
	if (!control_post(p->control, aside_done, p))
		log_warning("stopping while a change was read; nothing has changed");
	return NULL;
}

static void
aside_done(void *arg)
{
	struct publication *p = arg;
	struct control *control = p->control;

	p->then(p);
	queue_run(control);
}

void
publication_wait(struct control *control)
{
	if (control->aside_running)
		pthread_join(control->aside, NULL);
	control->aside_running = false;
}

void
publication_sign(struct publication *p)
{
	struct control *control = p->control;
	bool keeps_keys = control->store != NULL && (p->change == NULL || !p->change->dry_run);

	p->pass = signing_begin(control->signer, p->world, p->change == NULL ? NULL : p->change->key_wish, keeps_keys,
	    wall_now(), &p->diags);
	if (p->pass == NULL) {
		go_on(p);
		return;
	}
	if (signing_is_long(p->pass) && signing_start(control->signer, p->pass, on_signed, p)) {
		control->signing = queue_take(control, &control->queue);	/* it's the first */
		return;
	}
	signing_work(p->pass);
	go_on(p);
}

static void
on_signed(void *arg)
{
	struct publication *p = arg;

	if (!control_post(p->control, signed_by_thread, p))
		log_warning("stopping while zones were signed; nothing has changed");
}

static void
signed_by_thread(void *arg)
{
	struct publication *p = arg;
	struct control *control = p->control;

	control->signing = NULL;
	p->is_signed = true;
	p->begun = false;
	queue_put(control, control->queue != NULL && control->queue->begun ? &control->queue->next : &control->queue,
	    p);
	queue_run(control);
}

static void
go_on(struct publication *p)
{
	p->kind->go_on(p, !diag_failed(&p->diags)
	    && (p->pass == NULL || signing_finish(p->pass, p->world, &p->diags)));
}

bool
publication_build(struct publication *p, const struct world *world, const struct plan *plan)
{
	struct control *control = p->control;

	if (demands_build(control, world, plan, world->steering != control->world->steering, &p->candidate,
	    &p->message))
		return true;
	if (plan == NULL)
		return false;
	text_fini(&p->message);
	p->plan_dropped = true;
	return demands_build(control, world, NULL, true, &p->candidate, &p->message);
}

bool
publication_store(struct publication *p, store_job_fn *job)
{
	return store_submit(p->control->store, job, on_stored, p);
}

static void
on_stored(void *arg, int status)
{
	struct publication *p = arg;

	p->status = status;
	if (!control_post(p->control, publication_stored, p))
		log_warning("stopping while a change was written; it's in the store and counts from the next start");
}

static void
publication_stored(void *arg)
{
	struct publication *p = arg;
	struct control *control = p->control;

	control_store_told(control, p->status);
	p->kind->stored(p);
	queue_run(control);
}

const char *
publication_trouble(int status)
{
	switch (status) {
	case -ENOSPC:
		return "the store's disk is full; nothing has changed, answers go on";
	case -EROFS:
		return "the store is read-only; nothing has changed, answers go on";
	case -EBUSY:
		return "the store is locked by another process; nothing has changed, answers go on";
	default:
		return "the store can't be written; nothing has changed, answers go on";
	}
}

/* The next one is begun by queue_run(). */
void
publication_finish(struct publication *p, enum outcome_status status, const char *message)
{
	struct control *control = p->control;
	struct outcome outcome = {
		.status = status, .diags = &p->diags, .message = message, .revision = p->revision,
		.epoch = control->publisher.epoch, .zone_count = p->zone_count, .zones = p->zones,
		.steering_changed = p->steering_changed, .moved_count = p->move_count, .moves = p->moves,
		.override_id = p->change != NULL && p->change->override != NULL ? p->change->override->id : 0,
	};

	if (p->done != NULL)
		p->done(p->arg, &outcome);
	else if (p->change != NULL && status != OUTCOME_DONE)
		log_failure(p, message);
	(void)queue_take(control, &control->queue);
	publication_abandon(p);
}

/* Of a change that nobody waits for: SIGHUP, a drain's end. */
static void
log_failure(const struct publication *p, const char *message)
{
	struct text errors = { 0 };

	diag_print(&p->diags, &errors);
	log_error("%s: %s%s%s", p->change->action, message, errors.length > 0 ? "\n" : "",
	    errors.bytes == NULL ? "" : errors.bytes);
	text_fini(&errors);
}

void
publication_abandon(struct publication *p)
{
	candidate_fini(&p->candidate);
	signing_pass_free(p->pass);
	world_free(p->world);
	plan_free(p->plan);
	plan_free(p->replanned);
	steering_free((struct steering *)(uintptr_t)p->planned_for);
	diag_fini(&p->diags);
	text_fini(&p->message);
	free(p->body);
	free(p->zones);
	free(p->moves);
	arena_free(p->move_arena);
	for (size_t i = 0; p->change != NULL && i < p->change->zone_count; i++)
		zone_release(p->change->zones[i].zone);
	if (p->change != NULL)
		arena_free(p->change->arena);
	free(p);
}

/* A plan speaks of regions and groups by number, which mean something in its own steering only: by way of its JSON,
 * which has names. */
struct plan *
plan_reread(const struct plan *plan, const struct steering *from, const struct steering *to)
{
	struct diags ignored = { 0 };
	char *json = plan_write(plan, from);
	struct plan *read = json == NULL ? NULL : plan_read(json, strlen(json), to, &ignored);

	diag_fini(&ignored);
	free(json);
	return read;
}

void
plan_replace(struct control *control, struct plan *plan)
{
	if (plan == NULL && control->plan != NULL)
		log_warning("the plan in service doesn't fit any more; static weights stand until the next");
	plan_free(control->plan);
	control->plan = plan;
	control->status.planned.ms = plan == NULL ? 0 : plan->made.ms;
}
