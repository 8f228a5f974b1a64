/* outcome.c -- carries changes out, and says what came of them.
 * In: the request's struct change.  Out: 200 with the new revision, epoch and moved share; or a problem document.
 * Threads: change_begin() on the API's thread; the rest on the control thread. */
#include <stdlib.h>
#include <string.h>

#include "api/change.h"
#include "api/handlers.h"
#include "api/resources.h"
#include "api/view.h"

static double read_move_limit(struct request *request, struct diags *diags);
static void change_drop(void *work);
static void answer_done(struct request *request, const struct outcome *outcome);
static void answer_refused(struct request *request, unsigned status, const struct outcome *outcome,
	const char *otherwise);

struct change *
change_begin(struct request *request, const char *action, const char *subject)
{
	struct diags diags = { 0 };
	const char *reason = request_query(request, "reason");
	bool dry_run = request_query_bool(request, "dry_run", &diags);
	double move_limit = read_move_limit(request, &diags);
	struct arena *arena;
	struct change *change;

	if (diag_failed(&diags)) {
		answer_invalid(request, &diags);
		diag_fini(&diags);
		return NULL;
	}
	arena = arena_new();
	change = arena == NULL ? NULL : arena_alloc(arena, sizeof(*change));
	if (change != NULL)
		*change = (struct change){
			.arena = arena,
			.action = action,
			.author = arena_text(arena, request->who.author),
			.reason = arena_text(arena, reason == NULL ? "" : reason),
			.subject = arena_text(arena, subject),
			.dry_run = dry_run,
			.move_limit = move_limit,
		};
	if (change == NULL || change->author == NULL || change->reason == NULL || change->subject == NULL) {
		arena_free(arena);
		answer_no_memory(request);
		return NULL;
	}
	request->work = change;
	request->work_free = change_drop;
	return change;
}

/* A share; 0: not given. */
static double
read_move_limit(struct request *request, struct diags *diags)
{
	const char *text = request_query(request, "move_limit");
	bool force = request_query_bool(request, "force", diags);
	char *end;
	double percent = text == NULL ? 0 : strtod(text, &end);

	if (force)
		return 1;
	if (text != NULL && (end == text || *end != '\0' || !(percent > 0 && percent <= 100)))
		diag_error(diags, request_place(NULL), NULL,
		    "the parameter 'move_limit' is a part of the clients in percent, above 0 and up to 100, not '%s'",
		    text);
	return percent / 100;
}

static void
change_drop(void *work)
{
	struct change *change = work;

	arena_free(change->arena);
}

/* From here on the control owns the change. */
void
change_run(struct request *request)
{
	struct change *change = request->work;

	request->work = NULL;
	control_change(request->control, change, outcome_answer, request);
}

void
reload_run(struct request *request)
{
	control_reload(request->control, outcome_answer, request);
}

void
outcome_answer(void *arg, const struct outcome *outcome)
{
	struct request *request = arg;

	switch (outcome->status) {
	case OUTCOME_DONE:
	case OUTCOME_DUPLICATE:
		answer_done(request, outcome);
		break;
	case OUTCOME_INVALID:
		if (outcome->diags != NULL && diags_lack_memory(outcome->diags))
			answer_no_memory(request);
		answer_refused(request, request->missing ? 404 : 422, outcome, "what was sent can't be served");
		break;
	case OUTCOME_NOT_FOUND:
		answer_refused(request, 404, outcome, "there is no such thing");
		break;
	case OUTCOME_CONFLICT:
		answer_refused(request, 409, outcome, "this doesn't fit with what there is");
		break;
	case OUTCOME_UNAVAILABLE:
		answer_unavailable(request, "%s", outcome->message[0] != '\0' ? outcome->message
		    : "the store can't take this now");
		break;
	}
	request_answered(request);
}

static void
answer_done(struct request *request, const struct outcome *outcome)
{
	struct view view = { 0 };
	cJSON *root = view_root(&view), *list;

	view_bool(&view, root, "dry_run", request_query(request, "dry_run") != NULL &&
	    strcmp(request_query(request, "dry_run"), "false") != 0);
	view_text(&view, root, "message", outcome->message);
	view_count(&view, root, "revision", outcome->revision);
	view_count(&view, root, "epoch", outcome->epoch);
	list = view_array(&view, root, "zones");
	for (size_t i = 0; i < outcome->zone_count; i++) {
		cJSON *entry = view_object(&view, list, NULL);

		view_text(&view, entry, "zone", outcome->zones[i].name);
		view_text(&view, entry, "what", outcome->zones[i].what);
	}
	view_bool(&view, root, "steering_changed", outcome->steering_changed);
	list = view_array(&view, root, "moves");
	outcome_moves(&view, list, outcome->moves, outcome->moved_count);
	outcome_moves(&view, list, request->moves, request->move_count);
	if (request->detail_name != NULL && request->detail != NULL)
		view_json(&view, root, request->detail_name, request->detail);
	if (outcome->override_id != 0)
		view_number(&view, root, "override", (double)outcome->override_id);
	view_diags(&view, root, "warnings", outcome->diags, DIAG_WARNING);
	answer_json(request, 200, view_take(&view));
}

void
outcome_moves(struct view *view, cJSON *list, const struct outcome_move *moves, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cJSON *entry = view_object(view, list, NULL), *ways;

		view_text(view, entry, "service", moves[i].service);
		view_number(view, entry, "share", moves[i].share);
		ways = view_array(view, entry, "ways");
		for (size_t k = 0; k < moves[i].way_count; k++) {
			const struct move *move = &moves[i].ways[k];
			cJSON *way = view_object(view, ways, NULL);

			view_text(view, way, "from", move->from[0] == '\0' ? NULL : move->from);
			view_text(view, way, "to", move->to[0] == '\0' ? NULL : move->to);
			view_number(view, way, "share", move->share);
		}
	}
}

static void
answer_refused(struct request *request, unsigned status, const struct outcome *outcome, const char *otherwise)
{
	const char *first = NULL;

	for (size_t i = 0; outcome->diags != NULL && i < outcome->diags->count && first == NULL; i++)
		if (outcome->diags->list[i].level == DIAG_ERROR)
			first = outcome->diags->list[i].message;
	answer_problem(request, status, outcome->diags, "%s", outcome->message[0] != '\0' ? outcome->message
	    : first != NULL ? first : otherwise);
}
