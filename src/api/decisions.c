/* decisions.c -- decisions over which model serves: the list of them, and the return to an earlier one.
 * In: a review of a model in service, with its numbers.  Out: 200 once what changed is durable.
 * Threads: the API's, with its own reader of the store; rows are written on the store's writer.
 * A decision is kept with its numbers in the transaction that changes who serves. */
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/view.h"

#define DECISIONS_MOST 200
#define HORIZON_MAX_S (7 * 86400)

struct listing {
	struct view view;
	cJSON *list;
};

/* A model that was looked at, and the one that serves in its place if it must go: "" is the shipped one, or none. */
struct review {
	struct model_decision decision;
	const char *to, *author, *body;
	bool found, to_found;
};

static bool add_decision(void *arg, const struct model_decision *decision);
static bool find_pair(void *arg, const struct model_row *model);
static int review_job(struct store_txn *txn, void *arg);
static void review_done(void *arg, int status);

void
decisions_show(struct request *request)
{
	struct listing listing = { 0 };
	int error;

	listing.list = view_array(&listing.view, view_root(&listing.view), "decisions");
	error = store_model_decisions(request->reader, DECISIONS_MOST, add_decision, &listing);
	answer_stored(request, 200, &listing.view, error);
}

static bool
add_decision(void *arg, const struct model_decision *decision)
{
	struct listing *listing = arg;
	struct view *view = &listing->view;
	cJSON *entry = view_object(view, listing->list, NULL);

	view_time(view, entry, "at", decision->at);
	view_text(view, entry, "model", decision->model);
	view_text(view, entry, "kind", decision->kind);
	view_count(view, entry, "horizon_s", decision->horizon_s);
	view_text(view, entry, "action", decision->action);
	view_text(view, entry, "reason", decision->reason);
	if (decision->numbers[0] != '\0')
		view_json(view, entry, "numbers", decision->numbers);
	return !view->failed;
}

/* {"action", "to", "horizon_s", "reason", "numbers"}: a model that is "returned" from is retired, and "to" serves. The
 * shipped model isn't in the store: of it the decision alone is kept. */
void
model_review(struct request *request)
{
	static const char *const known[] = { "action", "to", "horizon_s", "reason", "numbers", NULL };
	static const char *const actions[] = { "returned", "reviewed", NULL };
	struct review *r = arena_alloc(request->arena, sizeof(*r));
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = request_json(request, &o, &diags);
	const cJSON *numbers;
	char *text;
	int error = 0;

	if (body == NULL)
		goto done;
	numbers = json_member(&o, "numbers", true);
	text = numbers == NULL ? NULL : json_write(numbers);
	if (r != NULL)
		*r = (struct review){ .to = arena_text(request->arena, json_string(&o, "to", true, "")),
			.author = request->who.author,
			.decision = { .at = wall_now(), .model = request->params[0], .kind = "failure",
				.horizon_s = (uint32_t)json_integer(&o, "horizon_s", true, 1, HORIZON_MAX_S, 600),
				.action = json_word(&o, "action", true, actions, "reviewed"),
				.reason = arena_text(request->arena, json_string(&o, "reason", true, "")),
				.numbers = arena_text(request->arena, text == NULL ? "" : text) } };
	free(text);
	json_refuse_unknown(&o, known);
	if (r != NULL && !diag_failed(&diags) && r->to != NULL) {
		r->body = arena_printf(request->arena, "{\"subject\":\"%s\",\"to\":\"%s\"}", request->params[0], r->to);
		error = store_models(request->reader, false, find_pair, r);
	}
	if (diag_failed(&diags))
		answer_invalid(request, &diags);
	else if (r == NULL || r->to == NULL || r->body == NULL || r->decision.reason == NULL ||
	    r->decision.numbers == NULL)
		answer_no_memory(request);
	else if (error < 0)
		answer_store_trouble(request, error);
	else if (r->to[0] != '\0' && !r->to_found)
		answer_problem(request, 404, NULL, "there is no model '%s'", r->to);
done:
	cJSON_Delete(body);
	diag_fini(&diags);
	if (request->answer.status != 0)
		return;
	request->work = r;
	request_submit(request, review_job, review_done);
}

static bool
find_pair(void *arg, const struct model_row *model)
{
	struct review *r = arg;

	r->found |= strcmp(model->id, r->decision.model) == 0;
	r->to_found |= strcmp(model->id, r->to) == 0;
	return true;
}

/* Store's writer. */
static int
review_job(struct store_txn *txn, void *arg)
{
	const struct request *request = arg;
	const struct review *r = request->work;
	uint64_t revision;
	bool returned = strcmp(r->decision.action, "returned") == 0;
	int status = store_model_decision_put(txn, &r->decision);

	if (status == 0 && returned && r->found)
		status = store_model_status(txn, r->decision.model, "retired");
	if (status == 0 && returned && r->to[0] != '\0')
		status = store_model_status(txn, r->to, "serving");
	if (status == 0 && returned)
		status = store_journal_add(txn, wall_now(), r->author, "model.return", r->decision.reason, r->body,
		    &revision);
	return status;
}

static void
review_done(void *arg, int status)
{
	struct request *request = arg;
	const struct review *r = request->work;
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	view_text(&view, root, "model", r->decision.model);
	view_text(&view, root, "to", r->to);
	answer_stored(request, 200, &view, status);
	request_answered(request);
}
