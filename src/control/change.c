/* change.c -- the queue of publications: operators' changes, and plans of the PAE.
 * In: changes and plans.  Out: a journal row, a published snapshot, an outcome.
 * Threads: control; the store's writer runs the jobs in between.
 *
 * One is under way at a time, because each is validated against what the one before made. The steps of a change:
 *  1. prepare  (the change reads the present state and fills itself in)
 *  2. validate (the next world is built whole, its zones are signed, here or by a thread if that takes long; then the
 *               snapshot, which is certified)
 *  3. commit   (one transaction: texts, keys, override, journal row)   <- a dry run ends before this
 *  4. publish  (one pointer exchange)
 *  5. outcome
 * What fails before 4 leaves everything in service as it was. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "control/state.h"
#include "plan/cut.h"

static void queue_run(struct control *control);
static void publication_begin(struct publication *p);
static void change_begin(struct publication *p);
static bool change_world(struct publication *p);
static void sign(struct publication *p);
static void on_signed(void *arg);
static void signed_by_thread(void *arg);
static void go_on(struct publication *p);
static void change_go_on(struct publication *p);
static bool change_build(struct publication *p);
static bool build(struct publication *p, const struct world *world, const struct plan *plan);
static struct plan *plan_reread(const struct plan *plan, const struct steering *from, const struct steering *to);
static char *journal_body(const struct publication *p);
static int change_store(struct store_txn *txn, void *arg);
static void rebuild(struct publication *p);
static void resign_begin(struct publication *p);
static void resign_go_on(struct publication *p);
static int resign_store(struct store_txn *txn, void *arg);
static void resign_publish(struct publication *p);
static void resign_failed(struct publication *p);
static void plan_replace(struct control *control, struct plan *plan);
static void plan_begin(struct publication *p);
static bool plan_build(struct publication *p);
static int plan_store(struct store_txn *txn, void *arg);
static void on_stored(void *arg, int status);
static void publication_stored(void *arg);
static void change_publish(struct publication *p);
static void plan_publish(struct publication *p);
static void finish(struct publication *p, enum outcome_status status, const char *message);
static void log_failure(const struct publication *p, const char *message);
static const char *store_trouble(int status);

void
control_change(struct control *control, struct change *change, outcome_fn *done, void *arg)
{
	struct publication *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		if (done != NULL)
			done(arg, &(struct outcome){ .status = OUTCOME_UNAVAILABLE, .message = "out of memory",
			    .diags = &(struct diags){ 0 } });
		arena_free(change->arena);
		return;
	}
	p->change = change;
	p->done = done;
	p->arg = arg;
	publication_submit(control, p);
}

void
control_plan(struct control *control, struct plan *plan, outcome_fn *done, void *arg)
{
	struct publication *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		done(arg, &(struct outcome){ .status = OUTCOME_UNAVAILABLE, .message = "out of memory",
		    .diags = &(struct diags){ 0 } });
		plan_free(plan);
		return;
	}
	p->plan = plan;
	p->planned_for = control->world->steering;
	steering_hold(control->world->steering);
	p->done = done;
	p->arg = arg;
	publication_submit(control, p);
}

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
	while (control->queue != NULL && !control->queue->begun) {
		control->queue->begun = true;
		publication_begin(control->queue);
	}
}

static void
publication_begin(struct publication *p)
{
	if (p->plan != NULL)
		plan_begin(p);
	else if (p->change != NULL)
		change_begin(p);
	else if (p->resign)
		resign_begin(p);
	else
		rebuild(p);
}

static void
change_begin(struct publication *p)
{
	struct change *change = p->change;

	if ((change->prepare != NULL && !change->prepare(change, p->control, &p->diags)) || !change_world(p))
		finish(p, OUTCOME_INVALID, "the change was refused; nothing has changed");
	else if (p->world != NULL && p->control->signer != NULL)
		sign(p);
	else
		go_on(p);
}

/* Gives p->world its signed zones, and goes on from there, at once or when the thread is done. */
static void
sign(struct publication *p)
{
	struct control *control = p->control;
	bool keeps_keys = control->store != NULL && (p->change == NULL || !p->change->dry_run);

	p->pass = signing_begin(control->signer, p->world, p->change == NULL ? NULL : p->change->key_wish, keeps_keys,
	    wall_now(), &p->diags);
	if (p->pass == NULL) {
		go_on(p);
		return;
	}
	if (signing_is_long(p->pass) && signing_start(control->signer, p->pass, on_signed, p))
		return;
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

	go_on(p);
	queue_run(control);
}

static void
go_on(struct publication *p)
{
	bool is_change = p->change != NULL;

	if (diag_failed(&p->diags) || (p->pass != NULL && !signing_finish(p->pass, p->world, &p->diags))) {
		if (is_change)
			finish(p, OUTCOME_INVALID, "the change was refused; nothing has changed");
		else
			resign_failed(p);
	} else if (is_change) {
		change_go_on(p);
	} else {
		resign_go_on(p);
	}
}

static void
change_go_on(struct publication *p)
{
	struct control *control = p->control;
	struct change *change = p->change;

	if (p->world != NULL && !change_build(p))
		finish(p, OUTCOME_INVALID, "the change was refused; nothing has changed");
	else if (!change_moves_list(p) || (p->body = journal_body(p)) == NULL)
		finish(p, OUTCOME_UNAVAILABLE, "out of memory");
	else if (change_moves_too_many(p))
		finish(p, OUTCOME_INVALID, "too many clients would move; nothing has changed");
	else if (change->dry_run)
		finish(p, OUTCOME_DONE, "a dry run: nothing was changed");
	else if (control->store == NULL)
		finish(p, OUTCOME_UNAVAILABLE, store_missing(control));
	else if (!store_submit(control->store, change_store, on_stored, p))
		finish(p, OUTCOME_UNAVAILABLE, "the store's queue is full; try again");
}

static bool
change_world(struct publication *p)
{
	const struct change *change = p->change;
	struct control *control = p->control;
	struct world_edit edit = {
		.whole = change->whole, .zone_count = change->zone_count, .zones = change->zones,
		.steering = change->steering, .steering_file = "steering.yaml",
		.keys = change->zone_count == 0 && change->steering == NULL ? NULL : &p->control->tsig_keys,
	};

	p->overrides_changed = change->override != NULL || change->override_delete != 0;
	if (edit.zone_count == 0 && !edit.whole && edit.steering == NULL && p->overrides_changed)
		return true;
	p->world = world_edit(control->world, &edit, &p->diags);
	return p->world != NULL;
}

static bool
change_build(struct publication *p)
{
	struct control *control = p->control;
	const struct plan *plan = control->plan;

	if (p->world->steering != control->world->steering && plan != NULL) {
		plan = p->replanned = plan_reread(plan, control->world->steering, p->world->steering);
		p->plan_dropped = plan == NULL;
	}
	if (build(p, p->world, plan)) {
		/* Better a plan that was made for less than none: it stays, and the next one is under way. */
		if (!p->candidate.certificate->good)
			diag_warning(&p->diags, (struct diag_place){ 0 }, NULL, "until the next plan: %s",
			    p->candidate.certificate->why.bytes);
		return true;
	}
	diag_error(&p->diags, (struct diag_place){ 0 }, NULL, "%s",
	    p->message.bytes == NULL ? "out of memory" : p->message.bytes);
	return false;
}

/* A plan made for what was may not fit what is: static weights stand until the next one. False with the reason in
 * p->message. */
static bool
build(struct publication *p, const struct world *world, const struct plan *plan)
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

/* A plan speaks of regions and groups by number, which mean something in its own steering only: by way of its JSON,
 * which has names. NULL when it doesn't fit the new one. */
static struct plan *
plan_reread(const struct plan *plan, const struct steering *from, const struct steering *to)
{
	struct diags ignored = { 0 };
	char *json = plan_write(plan, from);
	struct plan *read = json == NULL ? NULL : plan_read(json, strlen(json), to, &ignored);

	diag_fini(&ignored);
	free(json);
	return read;
}

static char *
journal_body(const struct publication *p)
{
	const struct change *change = p->change;
	cJSON *body = cJSON_CreateObject(), *zones = cJSON_AddArrayToObject(body, "zones");
	char *text;

	cJSON_AddStringToObject(body, "subject", change->subject == NULL ? "" : change->subject);
	for (size_t i = 0; i < p->zone_count; i++) {
		cJSON *zone = cJSON_CreateObject();

		cJSON_AddStringToObject(zone, "name", p->zones[i].name);
		cJSON_AddStringToObject(zone, "what", p->zones[i].what);
		cJSON_AddItemToArray(zones, zone);
	}
	cJSON_AddBoolToObject(body, "steering", p->steering_changed);
	for (size_t i = 0; i < p->move_count; i++) {
		if (i == 0)
			cJSON_AddObjectToObject(body, "moved");
		cJSON_AddNumberToObject(cJSON_GetObjectItem(body, "moved"), p->moves[i].service, p->moves[i].share);
	}
	if (change->move_limit > 0 && p->move_count > 0)
		cJSON_AddNumberToObject(body, "move_limit", change->move_limit);
	if (change->override != NULL) {
		char until[CLOCK_TEXT_SIZE];
		cJSON *override = cJSON_AddObjectToObject(body, "override");

		cJSON_AddStringToObject(override, "kind", change->override->kind);
		cJSON_AddStringToObject(override, "region", change->override->region);
		if (change->override->service[0] != '\0')
			cJSON_AddStringToObject(override, "service", change->override->service);
		cJSON_AddNumberToObject(override, "value", change->override->value);
		cJSON_AddNumberToObject(override, "begin", change->override->begin);
		cJSON_AddNumberToObject(override, "over_s", (double)change->override->over_ms / 1000);
		cJSON_AddBoolToObject(override, "forced", change->override->forced);
		cJSON_AddStringToObject(override, "until",
		    change->override->until.ms == 0 ? "" : wall_text(change->override->until, until));
	}
	if (change->override_delete != 0)
		cJSON_AddNumberToObject(body, "override-deleted", (double)change->override_delete);
	if (p->pass != NULL && *signing_words(p->pass) != '\0')
		cJSON_AddStringToObject(body, "keys", signing_words(p->pass));
	if (change->note != NULL)
		cJSON_AddRawToObject(body, "drill", change->note);
	text = json_write(body);
	cJSON_Delete(body);
	return text;
}

/* On the writer thread; the publication is ours alone until on_stored() posts it back. */
static int
change_store(struct store_txn *txn, void *arg)
{
	struct publication *p = arg;
	const struct change *change = p->change;
	int status = 0;

	for (size_t i = 0; i < p->zone_count && status == 0; i++) {
		const struct world_zone *zone = world_find(p->world, p->zones[i].name);

		status = zone == NULL ? store_zone_delete(txn, p->zones[i].name)
			: store_zone_put(txn, zone->name, zone->text);
	}
	if (status == 0 && p->steering_changed)
		status = store_steering_put(txn, p->world->steering_text);
	if (status == 0 && change->override != NULL)
		status = store_override_put(txn, change->override);
	if (status == 0 && change->override_delete != 0)
		status = store_override_delete(txn, change->override_delete);
	if (status == 0 && p->pass != NULL)
		status = signing_store(txn, p->pass);
	if (status == 0)
		status = store_journal_add(txn, wall_now(), change->author, change->action, change->reason, p->body,
		    &p->revision);
	return status;
}

void
publication_rebuild(struct control *control)
{
	struct publication *p = calloc(1, sizeof(*p));

	if (p != NULL)
		publication_submit(control, p);
	else
		log_error("out of memory: what the regions accept isn't in force yet");
}

static void
rebuild(struct publication *p)
{
	struct control *control = p->control;

	control->rebuilt = mono_now();
	if (control->publisher.constraints == round_constraints(control->round)) {
		finish(p, OUTCOME_DONE, "");	/* what was published meanwhile has them */
		return;
	}
	if (build(p, control->world, control->plan) && publish_commit(&control->publisher, &p->candidate,
	    control->round, mono_now(), wall_now()) == 0) {
		if (p->plan_dropped)
			plan_replace(control, NULL);
		control->status.published = wall_now();
		recorder_epoch(control->recorder);
		finish(p, OUTCOME_DONE, "");
		return;
	}
	log_error("what the regions accept now can't be put in force, it's tried again: %s",
	    p->message.bytes == NULL ? "out of memory" : p->message.bytes);
	finish(p, OUTCOME_UNAVAILABLE, "");
}

/* --- signatures and keys whose time has come ---------------------------------------------------------------------- */

void
publication_resign(struct control *control)
{
	struct publication *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		log_error("out of memory: signatures can't be made anew now");
		signing_failed(control->signer, wall_now());
		return;
	}
	p->resign = true;
	publication_submit(control, p);
}

/* The same intention as a world of its own, which gets the new signed zones. */
static void
resign_begin(struct publication *p)
{
	static const struct world_edit same = { .steering_file = "steering.yaml" };

	p->world = world_edit(p->control->world, &same, &p->diags);
	if (p->world == NULL)
		resign_failed(p);
	else
		sign(p);
}

static void
resign_go_on(struct publication *p)
{
	struct control *control = p->control;

	if (!build(p, p->world, control->plan))
		resign_failed(p);
	else if (control->store == NULL)
		resign_publish(p);	/* it can't be written: what is signed counts all the same */
	else if (!store_submit(control->store, resign_store, on_stored, p))
		resign_failed(p);
}

static int
resign_store(struct store_txn *txn, void *arg)
{
	struct publication *p = arg;
	const char *words = signing_words(p->pass);
	int status = signing_store(txn, p->pass);

	if (status == 0 && *words != '\0')
		status = store_journal_add(txn, wall_now(), "isobard", "key.roll", words, "{}", &p->revision);
	return status;
}

static void
resign_publish(struct publication *p)
{
	struct control *control = p->control;
	struct world *old = control->world;

	if (p->revision != 0)
		control->status.revision = p->revision;
	if (publish_commit(&control->publisher, &p->candidate, control->round, mono_now(), wall_now()) != 0) {
		resign_failed(p);
		return;
	}
	signing_commit(p->pass);
	if (*signing_words(p->pass) != '\0')
		log_info("keys: %s", signing_words(p->pass));
	control->world = p->world;
	p->world = old;		/* freed with the publication */
	if (p->plan_dropped)
		plan_replace(control, NULL);
	recorder_epoch(control->recorder);
	control->status.published = wall_now();
	finish(p, OUTCOME_DONE, "");
}

static void
resign_failed(struct publication *p)
{
	struct text errors = { 0 };

	diag_print(&p->diags, &errors);
	log_error("zones can't be signed anew, it's tried again: %s", errors.bytes != NULL ? errors.bytes
	    : p->message.bytes != NULL ? p->message.bytes : store_trouble(p->status));
	text_fini(&errors);
	signing_failed(p->control->signer, wall_now());
	finish(p, OUTCOME_UNAVAILABLE, "");
}

/* `plan` is taken; NULL: what was in service doesn't fit any more. */
static void
plan_replace(struct control *control, struct plan *plan)
{
	if (plan == NULL && control->plan != NULL)
		log_warning("the plan in service doesn't fit any more; static weights stand until the next");
	plan_free(control->plan);
	control->plan = plan;
	control->status.planned.ms = plan == NULL ? 0 : plan->made.ms;
}

static void
plan_begin(struct publication *p)
{
	struct control *control = p->control;

	if (p->planned_for != control->world->steering) {	/* changed while the plan waited for its turn */
		struct plan *read = plan_reread(p->plan, p->planned_for, control->world->steering);

		if (read == NULL) {
			finish(p, OUTCOME_CONFLICT, "the steering has changed since the plan was made: make it anew");
			return;
		}
		plan_free(p->plan);
		p->plan = read;
		p->law_changed = true;
	}
	if (!plan_build(p)) {
		const char *why = p->message.bytes == NULL ? "out of memory" : p->message.bytes;

		control->status.refused++;
		snprintf(control->status.plan_refused, sizeof(control->status.plan_refused), "%s", why);
		log_warning("a plan was refused, the last one stays: %s", why);
		diag_error(&p->diags, (struct diag_place){ .file = "plan" }, NULL, "%s", why);
		finish(p, OUTCOME_INVALID, "the certificate refused the plan; the last one stays");
		return;
	}
	p->body = plan_write(p->plan, control->world->steering);
	if (p->body == NULL)
		finish(p, OUTCOME_UNAVAILABLE, "out of memory");
	else if (control->store == NULL || !store_submit(control->store, plan_store, on_stored, p))
		finish(p, OUTCOME_UNAVAILABLE, "the store can't take the plan now");
}

/* A plan that breaks the law as it was when the plan was made is refused: whoever made it is wrong about more than
 * that. Where the law has changed since (the operator's steering, or what a region accepts), the plan is cut to it. */
static bool
plan_build(struct publication *p)
{
	struct control *control = p->control;
	bool law_changed = p->law_changed
	    || (p->plan->based_on != 0 && p->plan->based_on < control->steering_revision);

	if (!law_changed && !plan_is_lawful(p->plan, control->world->steering, &p->message))
		return false;
	if (!demands_build(control, control->world, p->plan, true, &p->candidate, &p->message))
		return false;
	if (!p->candidate.certificate->good)
		text_puts(&p->message, p->candidate.certificate->why.bytes);
	return p->candidate.certificate->good;
}

static int
plan_store(struct store_txn *txn, void *arg)
{
	const struct publication *p = arg;

	return store_plan_put(txn, p->plan->made, p->candidate.snapshot->epoch, "published", p->body);
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
	if (p->resign && p->status != 0 && signing_makes_keys(p->pass)) {
		resign_failed(p);
	} else if (p->resign) {	/* signatures don't wait for a disk that is full */
		resign_publish(p);
	} else if (p->status == -ENOENT) {
		control->overrides_stale |= p->overrides_changed;
		finish(p, OUTCOME_NOT_FOUND, "there is no such entry; nothing has changed");
	} else if (p->status != 0) {
		finish(p, OUTCOME_UNAVAILABLE, store_trouble(p->status));
	} else if (p->plan != NULL) {
		plan_publish(p);
	} else {
		change_publish(p);
	}
	queue_run(control);
}

static const char *
store_trouble(int status)
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

static void
change_publish(struct publication *p)
{
	struct control *control = p->control;
	struct world *old = control->world;
	bool known;

	control->status.revision = p->revision;
	if (p->steering_changed)
		control->steering_revision = p->revision;
	if (p->world != NULL) {
		if (publish_commit(&control->publisher, &p->candidate, control->round, mono_now(), wall_now()) != 0) {
			finish(p, OUTCOME_UNAVAILABLE, "it's stored, but there was no memory to publish it:"
			    " it counts from the next start");
			return;
		}
		if (p->pass != NULL)
			signing_commit(p->pass);
		control->world = p->world;
		p->world = NULL;
		if (p->plan_dropped || old->steering != control->world->steering) {
			plan_replace(control, p->plan_dropped ? NULL : p->replanned);
			if (!p->plan_dropped)
				p->replanned = NULL;
		}
		recorder_epoch(control->recorder);
	}
	control->status.published = wall_now();
	known = (!p->overrides_changed && !control->overrides_stale) || overrides_load(control);
	overrides_apply(control, wall_now());
	if (known)
		finish(p, OUTCOME_DONE, "");
	else
		finish(p, OUTCOME_UNAVAILABLE, "it's stored, but the overrides couldn't be read back: reload");
	if (control->world != old)
		world_free(old);	/* after the outcome, whose names of deleted zones lie in it */
}

static void
plan_publish(struct publication *p)
{
	struct control *control = p->control;

	if (publish_commit(&control->publisher, &p->candidate, control->round, mono_now(), wall_now()) != 0) {
		finish(p, OUTCOME_UNAVAILABLE, "no memory to publish the plan; the last one stays");
		return;
	}
	plan_replace(control, p->plan);
	p->plan = NULL;
	recorder_epoch(control->recorder);
	control->status.certified++;
	control->status.published = wall_now();
	control->status.plan_refused[0] = '\0';
	finish(p, OUTCOME_DONE, "");
}

/* Delivers the outcome and frees the publication. The next one is begun by queue_run(). */
static void
finish(struct publication *p, enum outcome_status status, const char *message)
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
	control->queue = p->next;
	if (control->queue == NULL)
		control->queue_end = &control->queue;
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
	if (p->change != NULL)
		arena_free(p->change->arena);
	free(p);
}
