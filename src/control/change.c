/* change.c -- an operator's change: zones, steering, overrides, keys.
 * In: a change.  Out: a journal row, a published snapshot, an outcome.
 * Threads: control; change_store() is the writer's.
 *
 * Its steps are those of publication.c. It's prepared first (it reads the present state and fills itself in), then what
 * it brings is read (change_read.c), and a dry run ends before the transaction. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "control/publication.h"

static bool change_overtakes(const struct publication *p);
static void change_begin(struct publication *p);
static void change_read_on(struct publication *p);
static bool change_world(struct publication *p);
static void change_go_on(struct publication *p, bool good);
static bool change_build(struct publication *p);
static char *journal_body(const struct publication *p);
static int change_store(struct store_txn *txn, void *arg);
static void change_stored(struct publication *p);
static void change_publish(struct publication *p);

static const struct publication_kind change_kind = {
	.begin = change_begin, .overtakes = change_overtakes, .go_on = change_go_on, .stored = change_stored,
};

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
	p->kind = &change_kind;
	p->change = change;
	p->done = done;
	p->arg = arg;
	publication_submit(control, p);
}

/* A drain, its end, and whatever else is an override and nothing more. */
static bool
change_overtakes(const struct publication *p)
{
	const struct change *change = p->change;

	return (change->override != NULL || change->override_delete != 0) && change->zone_count == 0 && !change->whole
	    && change->steering == NULL && change->key_wish == NULL && change->read == NULL;
}

static void
change_begin(struct publication *p)
{
	struct change *change = p->change;

	if (change->prepare != NULL && !change->prepare(change, p->control, &p->diags))
		publication_finish(p, OUTCOME_INVALID, "the change was refused; nothing has changed");
	else
		change_read(p, change_read_on);
}

/* Errors of texts don't keep the rest from being checked: one run tells all. */
static void
change_read_on(struct publication *p)
{
	if (p->unread || !change_world(p))
		publication_finish(p, OUTCOME_INVALID, "the change was refused; nothing has changed");
	else if (p->world != NULL && p->control->signer != NULL)
		publication_sign(p);
	else
		change_go_on(p, !diag_failed(&p->diags));
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
		.transferred = change->transferred, .confirmed = catalog_is_confirmed(control, change),
	};

	for (size_t i = 0; i < edit.zone_count; i++)
		edit.incomplete = edit.incomplete || edit.zones[i].refused;
	p->overrides_changed = change->override != NULL || change->override_delete != 0;
	if (edit.zone_count == 0 && !edit.whole && edit.steering == NULL && p->overrides_changed)
		return true;
	p->world = world_edit(control->world, &edit, &p->diags);
	return p->world != NULL;
}

static void
change_go_on(struct publication *p, bool good)
{
	struct control *control = p->control;
	struct change *change = p->change;

	if (!good || (p->world != NULL && !change_build(p)))
		publication_finish(p, OUTCOME_INVALID, "the change was refused; nothing has changed");
	else if (!change_moves_list(p) || (p->body = journal_body(p)) == NULL)
		publication_finish(p, OUTCOME_UNAVAILABLE, "out of memory");
	else if (change_moves_too_many(p))
		publication_finish(p, OUTCOME_INVALID, "too many clients would move; nothing has changed");
	else if (change->dry_run)
		publication_finish(p, OUTCOME_DONE, "a dry run: nothing was changed");
	else if (control->store == NULL)
		publication_finish(p, OUTCOME_UNAVAILABLE, store_missing(control));
	else if (!publication_store(p, change_store))
		publication_finish(p, OUTCOME_UNAVAILABLE, "the store's queue is full; try again");
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
	if (publication_build(p, p->world, plan)) {
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

/* On the writer thread; the publication is ours alone until it is posted back. */
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
	if (status == 0 && p->world != NULL)
		status = members_store(txn, p->control->world->members, p->world->members);
	if (status == 0 && change->override != NULL)
		status = store_override_put(txn, change->override);
	if (status == 0 && change->override_delete != 0)
		status = store_override_delete(txn, change->override_delete);
	if (status == 0 && p->pass != NULL)
		status = signing_store(txn, p->pass);
	for (size_t i = 0; i < change->row_count && status == 0; i++)
		status = store_journal_add(txn, wall_now(), change->rows[i].author, change->action, change->reason,
		    change->rows[i].body, &p->revision);
	if (status == 0 && change->row_count == 0)
		status = store_journal_add(txn, wall_now(), change->author, change->action, change->reason, p->body,
		    &p->revision);
	return status;
}

static void
change_stored(struct publication *p)
{
	if (p->status == -ENOENT) {
		p->control->overrides_stale |= p->overrides_changed;
		publication_finish(p, OUTCOME_NOT_FOUND, "there is no such entry; nothing has changed");
	} else if (p->status != 0) {
		publication_finish(p, OUTCOME_UNAVAILABLE, publication_trouble(p->status));
	} else {
		change_publish(p);
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
			publication_finish(p, OUTCOME_UNAVAILABLE, "it's stored, but there was no memory to publish it:"
			    " it counts from the next start");
			return;
		}
		if (p->pass != NULL)
			signing_commit(p->pass);
		control->world = p->world;
		p->world = NULL;
		members_tell(old->members, control->world->members);
		catalog_changed(control, p->change);
		if (p->plan_dropped || old->steering != control->world->steering) {
			plan_replace(control, p->plan_dropped ? NULL : p->replanned);
			if (!p->plan_dropped)
				p->replanned = NULL;
		}
		recorder_epoch(control->recorder);
		updates_follow(control->updates);
	}
	control->status.published = wall_now();
	known = (!p->overrides_changed && !control->overrides_stale) || overrides_load(control);
	overrides_apply(control, wall_now());
	if (known)
		publication_finish(p, OUTCOME_DONE, "");
	else
		publication_finish(p, OUTCOME_UNAVAILABLE,
		    "it's stored, but the overrides couldn't be read back: reload");
	if (control->world != old)
		world_free(old);	/* after the outcome, whose names of deleted zones lie in it */
}
