/* updates.c -- see updates.h.
 * In: UPDATEs and NOTIFYs from the workers' desk.  Out: changes, journal rows, answers.
 * Threads: control; do_all() as a change's texts are read, by a thread of its own when that takes long.
 *
 * Updates that wait while a change is under way are done by one publication: who sends hundreds shares the store's
 * transaction, the signing and the snapshot. Each is looked at as if it were alone, against what those before it have
 * made of the zone, and has its own row in the journal. When what came of all of them is refused (the zones' checks,
 * the certificate), they're tried again one by one, so that nobody is refused for what another did.
 *
 * One that changes nothing has no row, and is still answered behind those before it that changed something: what it saw
 * must be durable when it says so. */
#include "control/updates.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "control/publication.h"
#include "control/update_rules.h"
#include "control/zone_settings.h"
#include "dns/types.h"
#include "serve/request_desk.h"
#include "serve/requests.h"
#include "zone/master_read.h"

#define TOGETHER_MAX 256	/* updates of one publication */

static const char stopping[] = "isobard stops";

/* One update. */
struct work {
	struct work *next;
	struct deferred *request;
	uint16_t rcode;			/* but for what comes of the change */
	const char *why;		/* or NULL */
	bool alone;			/* it's tried again by itself */
};

struct work_list { struct work *first, **end; };

/* A change of ours on its way to its turn; in its arena. */
struct turn {
	struct updates *updates;
	bool begun;
};

/* A zone as the updates of this publication have it so far. */
struct updated {
	const struct world_zone *was;
	struct zone *zone;
	char *text;			/* NULL: they're those of `was` still */
	bool given;			/* the change has the zone */
};

struct updates {
	struct control *control;
	struct request_desk *desk;
	struct requests *published;	/* or NULL */
	struct arena *arena;		/* of that */
	const struct steering *steering;	/* whose rules those are, and below: compared only */
	const struct members *members;
	struct work_list waiting;
	bool queued;			/* a change of ours waits for its turn */
	bool closed;
	/* of the change that is under way */
	struct work_list taken;		/* to be answered with its outcome */
	size_t updated_count;
	struct updated updated[TOGETHER_MAX];
	struct arena *change_arena;	/* the change's: not ours */
	struct change_row *rows;
	size_t row_count;
};

static void on_woken(void *arg);
static void on_arrived(void *arg);
static void publish_rules(struct updates *updates);
static void take_notices(struct updates *updates);
static void take_requests(struct updates *updates);
static void submit(struct updates *updates);
static bool prepare(struct change *change, struct control *control, struct diags *diags);
static bool do_all(struct change *change, struct diags *diags);
static void do_work(struct updates *updates, struct work *work);
static void refuse(struct work *work, uint16_t rcode, const char *why);
static void do_in_zone(struct updates *updates, struct work *work, struct updated *zone, struct arena *arena);
static struct updated *updated_zone(struct updates *updates, const uint8_t *apex);
static uint16_t edit(struct updates *updates, struct updated *zone, const struct deferred *request,
	const struct rrset_edit *edits, size_t count);
static bool add_row(struct updates *updates, const struct updated *zone, const struct deferred *request,
	const struct rrset_edit *edits, size_t count);
static char *row_body(const char *zone, const char *subject);
static bool fill_in(struct updates *updates, struct change *change, struct diags *diags);
static void on_outcome(void *arg, const struct outcome *outcome);
static void try_one_by_one(struct updates *updates);
static const char *reason_of(const struct outcome *outcome);
static void answer_all(struct work_list *list, uint16_t rcode, const char *why);
static void drop_updated(struct updates *updates);
static void list_init(struct work_list *list);
static void list_put(struct work_list *list, struct work *work);
static struct work *list_take(struct work_list *list);

struct updates *
updates_new(struct control *control)
{
	struct updates *updates = calloc(1, sizeof(*updates));

	if (updates == NULL)
		return NULL;
	updates->control = control;
	updates->desk = server_request_desk(control->publisher.server);
	list_init(&updates->waiting);
	list_init(&updates->taken);
	publish_rules(updates);
	request_desk_listen(updates->desk, on_woken, updates);
	return updates;
}

/* On a worker's thread. While the loop isn't there yet nothing is taken, and the first tick looks. */
static void
on_woken(void *arg)
{
	struct updates *updates = arg;

	(void)control_post(updates->control, on_arrived, updates);
}

static void
on_arrived(void *arg)
{
	struct updates *updates = arg;

	if (updates->closed)
		return;
	take_notices(updates);
	take_requests(updates);
}

void
updates_tick(struct updates *updates)
{
	updates_follow(updates);
	on_arrived(updates);
}

void
updates_follow(struct updates *updates)
{
	if (updates->steering != updates->control->world->steering
	    || updates->members != updates->control->world->members)
		publish_rules(updates);
}

static void
publish_rules(struct updates *updates)
{
	struct control *control = updates->control;
	struct arena *arena = arena_new();
	struct requests *fresh = arena == NULL ? NULL
	    : update_rules_make(control->world, &control->tsig_keys, control->options.storeless, arena);

	if (fresh == NULL) {	/* the next tick tries again */
		log_error("out of memory: the rules of updates and of NOTIFY are those of before");
		arena_free(arena);
		return;
	}
	server_requests(control->publisher.server, fresh);
	arena_free(updates->arena);
	updates->arena = arena;
	updates->published = fresh;
	updates->steering = control->world->steering;
	updates->members = control->world->members;
}

static void
take_notices(struct updates *updates)
{
	struct notice notice;

	while (request_desk_next_notice(updates->desk, &notice))
		if (updates->control->primaries != NULL)
			primaries_notified(updates->control->primaries, notice.apex, &notice.from);
}

static void
take_requests(struct updates *updates)
{
	struct deferred *request;

	while ((request = request_desk_next(updates->desk)) != NULL) {
		struct work *work = calloc(1, sizeof(*work));

		if (work == NULL) {
			deferred_answer(request, RCODE_SERVFAIL, EDE_NONE, "");
			continue;
		}
		work->request = request;
		list_put(&updates->waiting, work);
	}
	submit(updates);
}

/* --- a change ------------------------------------------------------------------------------------------------- */

/* One that waits for its turn takes all that has come by then. */
static void
submit(struct updates *updates)
{
	struct arena *arena;
	struct change *change;
	struct turn *turn;

	if (updates->queued || updates->waiting.first == NULL)
		return;
	arena = arena_new();
	change = arena == NULL ? NULL : arena_alloc(arena, sizeof(*change));
	turn = change == NULL ? NULL : arena_alloc(arena, sizeof(*turn));
	if (turn == NULL) {
		arena_free(arena);
		answer_all(&updates->waiting, RCODE_SERVFAIL, "");
		return;
	}
	turn->updates = updates;
	*change = (struct change){ .prepare = prepare, .prepare_arg = turn, .arena = arena, .action = "update",
	    .author = "", .reason = "", .subject = "" };
	updates->queued = true;
	control_change(updates->control, change, on_outcome, turn);
}

static bool
prepare(struct change *change, struct control *control, struct diags *diags)
{
	struct turn *turn = change->prepare_arg;
	struct updates *updates = turn->updates;
	size_t count = 0;
	bool alone;
	(void)diags;

	turn->begun = true;
	updates->queued = false;
	if (updates->closed)
		return false;
	updates->change_arena = change->arena;
	updates->rows = arena_alloc(change->arena, TOGETHER_MAX * sizeof(*updates->rows));
	do {
		struct work *work = list_take(&updates->waiting);
		char name[NAME_TEXT_SIZE];
		const char *text = control_zone_text(control, name_text(work->request->apex, name));

		alone = work->alone;
		change->read_length += text == NULL ? 0 : strlen(text);
		list_put(&updates->taken, work);
	} while (++count < TOGETHER_MAX && !alone && updates->waiting.first != NULL && !updates->waiting.first->alone);
	change->read = do_all;
	return updates->rows != NULL;
}

/* Maybe on another thread than control's, which waits for it: what is in service may be read, and nothing held. */
static bool
do_all(struct change *change, struct diags *diags)
{
	const struct turn *turn = change->prepare_arg;
	struct updates *updates = turn->updates;

	for (struct work *work = updates->taken.first; work != NULL; work = work->next)
		do_work(updates, work);
	return updates->row_count > 0 && fill_in(updates, change, diags);
}

/* Sets its rcode. */
static void
do_work(struct updates *updates, struct work *work)
{
	struct updated *zone = updated_zone(updates, work->request->apex);
	struct arena *arena = arena_new();

	if (arena == NULL)
		work->rcode = RCODE_SERVFAIL;
	else if (zone == NULL)
		work->rcode = RCODE_NOTAUTH;
	else if (zone_is_transferred(updates->control->world, work->request->apex))
		refuse(work, RCODE_NOTIMP, "updates are for the primary");
	else if (zone->was->made)
		refuse(work, RCODE_REFUSED, "isobard makes this zone of its catalog");
	else
		do_in_zone(updates, work, zone, arena);
	arena_free(arena);
}

static void
refuse(struct work *work, uint16_t rcode, const char *why)
{
	work->rcode = rcode;
	work->why = why;
}

static void
do_in_zone(struct updates *updates, struct work *work, struct updated *zone, struct arena *arena)
{
	const struct deferred *request = work->request;
	const struct requester who = { request->client, request->encrypted, request->key };
	const struct request_zone *rules = requests_zone(updates->published, request->apex);
	struct rrset_edit *edits;
	struct update *update;
	const char *why;
	size_t count;

	work->rcode = update_read(arena, request->message, request->length, &update);
	if (work->rcode != RCODE_NOERROR)
		return;
	why = rules == NULL ? "no rule allows it"
	    : update_rules_forbid(rules, &who, update, updates->control->world, zone->zone);
	if (why != NULL) {
		refuse(work, RCODE_REFUSED, why);
		return;
	}
	work->rcode = update_plan(update, zone->zone, arena, &edits, &count);
	if (work->rcode == RCODE_NOERROR && count > 0)
		work->rcode = edit(updates, zone, request, edits, count);
	if (work->rcode == RCODE_REFUSED)
		work->why = "the zone would be broken";
}

/* NULL: there's no such zone. */
static struct updated *
updated_zone(struct updates *updates, const uint8_t *apex)
{
	char name[NAME_TEXT_SIZE];
	const struct world_zone *zone = world_find(updates->control->world, name_text(apex, name));

	for (size_t i = 0; i < updates->updated_count; i++)
		if (updates->updated[i].was == zone)
			return &updates->updated[i];
	if (zone == NULL)
		return NULL;
	updates->updated[updates->updated_count] = (struct updated){ .was = zone, .zone = zone->zone };
	return &updates->updated[updates->updated_count++];
}

static uint16_t
edit(struct updates *updates, struct updated *zone, const struct deferred *request, const struct rrset_edit *edits,
	size_t count)
{
	struct zone *edited;
	char *text;

	switch (zone_edit(zone->zone, edits, count, &edited)) {
	case ZONE_EDITED:
		break;
	case ZONE_EDIT_NO_MEMORY:
		return RCODE_SERVFAIL;
	default:
		return RCODE_REFUSED;
	}
	text = text_edit(zone->text == NULL ? zone->was->text : zone->text, zone->zone, edits, count);
	if (text == NULL || !add_row(updates, zone, request, edits, count)) {
		free(text);
		zone_release(edited);
		return RCODE_SERVFAIL;
	}
	if (zone->text != NULL)
		zone_release(zone->zone);
	free(zone->text);
	zone->zone = edited;
	zone->text = text;
	return RCODE_NOERROR;
}

static bool
add_row(struct updates *updates, const struct updated *zone, const struct deferred *request,
	const struct rrset_edit *edits, size_t count)
{
	struct change_row *row = &updates->rows[updates->row_count];
	char address[ADDRESS_TEXT_SIZE];
	struct text words = { 0 };
	char *body = NULL;

	update_rules_words(edits, count, &words);
	if (!words.failed)
		body = row_body(zone->was->name, words.bytes == NULL ? "" : words.bytes);
	text_fini(&words);
	if (body != NULL) {
		address_text(&request->client, address);
		row->author = request->key == NULL ? arena_text(updates->change_arena, address)
		    : arena_printf(updates->change_arena, "tsig:%s@%s", request->key->text, address);
		row->body = arena_text(updates->change_arena, body);
	}
	free(body);
	if (row->author == NULL || row->body == NULL)
		return false;
	updates->row_count++;
	return true;
}

static char *
row_body(const char *zone, const char *subject)
{
	cJSON *body = cJSON_CreateObject(), *zones = cJSON_AddArrayToObject(body, "zones"), *one = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(body, "subject", subject);
	cJSON_AddStringToObject(one, "name", zone);
	cJSON_AddStringToObject(one, "what", "changed");
	cJSON_AddItemToArray(zones, one);
	cJSON_AddBoolToObject(body, "steering", false);
	text = json_write(body);
	cJSON_Delete(body);
	return text;
}

/* The change gets the zones. */
static bool
fill_in(struct updates *updates, struct change *change, struct diags *diags)
{
	struct zone_text *zones = arena_alloc(change->arena, updates->updated_count * sizeof(*zones));
	size_t errors = diags->errors;

	if (zones == NULL)
		return false;
	change->zones = zones;
	change->rows = updates->rows;
	change->row_count = updates->row_count;
	for (size_t i = 0; i < updates->updated_count; i++) {
		struct updated *updated = &updates->updated[i];

		if (updated->text == NULL)
			continue;
		zones[change->zone_count++] = (struct zone_text){ .file = updated->was->file,
		    .name = updated->was->name, .text = updated->text, .zone = updated->zone, .checked = true };
		updated->given = true;
		(void)master_check(updated->text, updated->was->file, updated->zone, diags);
	}
	return diags->errors == errors;
}

/* --- its outcome ---------------------------------------------------------------------------------------------- */

static void
on_outcome(void *arg, const struct outcome *outcome)
{
	const struct turn *turn = arg;
	struct updates *updates = turn->updates;
	bool changed = updates->row_count > 0, refused = outcome->status == OUTCOME_INVALID;
	const char *why = reason_of(outcome);

	if (!turn->begun) {	/* there was no memory for it */
		updates->queued = false;
		answer_all(&updates->waiting, RCODE_SERVFAIL, why);
		return;
	}
	drop_updated(updates);
	if (updates->closed)
		return;
	if (outcome->status == OUTCOME_DONE || (!changed && updates->rows != NULL))
		answer_all(&updates->taken, RCODE_NOERROR, "");
	else if (refused && changed && updates->taken.first->next != NULL)
		try_one_by_one(updates);
	else
		answer_all(&updates->taken, refused && changed ? RCODE_REFUSED : RCODE_SERVFAIL, why);
	submit(updates);
}

/* Before all that came behind them. */
static void
try_one_by_one(struct updates *updates)
{
	for (struct work *work = updates->taken.first; work != NULL; work = work->next)
		work->alone = true;
	*updates->taken.end = updates->waiting.first;
	if (updates->waiting.first == NULL)
		updates->waiting.end = updates->taken.end;
	updates->waiting.first = updates->taken.first;
	list_init(&updates->taken);
}

/* The first error, in as many octets as there's room for. */
static const char *
reason_of(const struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->diags->count; i++)
		if (outcome->diags->list[i].level == DIAG_ERROR && outcome->diags->list[i].message != NULL)
			return outcome->diags->list[i].message;
	return outcome->message;
}

/* Those that were refused by themselves get what they were refused with. */
static void
answer_all(struct work_list *list, uint16_t rcode, const char *why)
{
	struct work *work;

	while ((work = list_take(list)) != NULL) {
		if (work->rcode == RCODE_NOERROR)
			refuse(work, rcode, why);
		deferred_answer(work->request, work->rcode, work->why == NULL || *work->why == '\0' ? EDE_NONE
		    : work->rcode == RCODE_REFUSED ? EDE_PROHIBITED : EDE_OTHER, work->why == NULL ? "" : work->why);
		free(work);
	}
}

static void
drop_updated(struct updates *updates)
{
	for (size_t i = 0; i < updates->updated_count; i++) {
		struct updated *updated = &updates->updated[i];

		if (updated->text != NULL && !updated->given)
			zone_release(updated->zone);
		free(updated->text);
	}
	updates->updated_count = 0;
	updates->row_count = 0;
}

static void
list_init(struct work_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void
list_put(struct work_list *list, struct work *work)
{
	work->next = NULL;
	*list->end = work;
	list->end = &work->next;
}

static struct work *
list_take(struct work_list *list)
{
	struct work *work = list->first;

	if (work == NULL)
		return NULL;
	list->first = work->next;
	if (list->first == NULL)
		list->end = &list->first;
	return work;
}

/* --- end ------------------------------------------------------------------------------------------------------ */

/* What the store commits all the same counts from the next start, and was acknowledged to nobody. */
void
updates_close(struct updates *updates)
{
	struct deferred *request;

	if (updates == NULL || updates->closed)
		return;
	publication_wait(updates->control);	/* it may be at what is taken */
	updates->closed = true;
	request_desk_listen(updates->desk, NULL, NULL);
	answer_all(&updates->taken, RCODE_SERVFAIL, stopping);
	answer_all(&updates->waiting, RCODE_SERVFAIL, stopping);
	while ((request = request_desk_next(updates->desk)) != NULL)
		deferred_answer(request, RCODE_SERVFAIL, EDE_OTHER, stopping);
}

void
updates_free(struct updates *updates)
{
	if (updates == NULL)
		return;
	updates_close(updates);
	drop_updated(updates);
	arena_free(updates->arena);
	free(updates);
}
