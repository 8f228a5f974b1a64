/* models.c -- models: what is there, a new one, and training on request.
 * In: a model with its card as JSON.  Out: 201 with its id (the SHA-256 of its text) once it's durable.
 * Threads: the API's, with its own reader of the store; rows are written on the store's writer.
 * One model of a kind and horizon serves. A new one with the status "serving" retires the one before in the same
 * transaction, and isobar-pae takes it at its next round. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/live_scores.h"
#include "api/view.h"
#include "base/hash.h"

#define HORIZON_MAX_S (7 * 86400)

struct model_add {
	struct model_row row;
	bool decided;			/* with the reason and the numbers: */
	struct model_decision decision;
	char id[SHA256_TEXT_SIZE];
	const char *author;
	const char *body;		/* of the journal's row */
	size_t retired_count;
	const char *retired[16];	/* ids that serve now */
};

struct listing {
	struct view view;
	cJSON *list;
	const char *id;			/* one, whole; or NULL: all, without text */
	bool found;
	struct request *request;
	struct model_add *add;
	struct live_scores *scores;
};

static bool read_model(struct request *request, const struct json_object *o, struct model_add *add,
	struct diags *diags);
static void read_decision(struct request *request, const cJSON *value, struct model_add *add, struct diags *diags);
static bool collect_serving(void *arg, const struct model_row *model);
static int model_job(struct store_txn *txn, void *arg);
static void model_done(void *arg, int status);
static bool add_model(void *arg, const struct model_row *model);

void
model_take(struct request *request)
{
	struct model_add *add = arena_alloc(request->arena, sizeof(*add));
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = request_json(request, &o, &diags);
	struct listing listing = { .request = request, .add = add };
	int error = 0;

	if (body != NULL && add != NULL && read_model(request, &o, add, &diags) &&
	    strcmp(add->row.status, "serving") == 0)
		error = store_models(request->reader, false, collect_serving, &listing);
	if (body != NULL && diag_failed(&diags))
		answer_invalid(request, &diags);
	else if (error < 0)
		answer_store_trouble(request, error);
	else if (body != NULL && (add == NULL || add->body == NULL))
		answer_no_memory(request);
	cJSON_Delete(body);
	diag_fini(&diags);
	if (request->answer.status != 0)
		return;
	request->work = add;
	request_submit(request, model_job, model_done);
}

static bool
read_model(struct request *request, const struct json_object *o, struct model_add *add, struct diags *diags)
{
	static const char *const known[] = { "kind", "horizon_s", "trained", "status", "card", "text", "decision",
		NULL };
	static const char *const kinds[] = { "failure", "load", "anomaly", NULL },
				 *const states[] = { "serving", "candidate", "retired", NULL };
	const char *trained = json_string(o, "trained", true, "1970-01-01T00:00:00Z");
	const char *text = json_string(o, "text", true, "");
	const cJSON *card = json_member(o, "card", true);
	char *card_text = card == NULL ? NULL : json_write(card);

	add->row = (struct model_row){
		.id = add->id,
		.kind = json_word(o, "kind", true, kinds, "failure"),
		.horizon_s = (uint32_t)json_integer(o, "horizon_s", false, 0, HORIZON_MAX_S, 0),
		.status = json_word(o, "status", true, states, "candidate"),
		.card = arena_text(request->arena, card_text == NULL ? "" : card_text),
		.blob = arena_text(request->arena, text),
		.blob_length = strlen(text),
	};
	free(card_text);
	add->author = request->who.author;
	sha256_text(text, strlen(text), add->id);
	if (wall_parse(trained, &add->row.trained) < 0)
		json_error(o, "trained", NULL, "'%s' is no time (RFC 3339)", trained);
	if (card != NULL && !cJSON_IsObject(card))
		json_error(o, "card", NULL, "must be an object");
	json_refuse_unknown(o, known);
	if (json_member(o, "decision", false) != NULL)
		read_decision(request, json_member(o, "decision", false), add, diags);
	if (diag_failed(diags) || add->row.card == NULL || add->row.blob == NULL)
		return false;
	add->body = arena_printf(request->arena, "{\"subject\":\"%s\",\"kind\":\"%s\",\"status\":\"%s\"}", add->id,
	    add->row.kind, add->row.status);
	return add->body != NULL;
}

static void
read_decision(struct request *request, const cJSON *value, struct model_add *add, struct diags *diags)
{
	static const char *const known[] = { "action", "reason", "numbers", NULL };
	static const char *const actions[] = { "promoted", "kept", NULL };
	struct json_object o = json_object(value, "request", "/decision", diags);
	const cJSON *numbers = json_member(&o, "numbers", true);
	char *text = numbers == NULL ? NULL : json_write(numbers);

	add->decided = true;
	add->decision = (struct model_decision){
		.at = wall_now(), .model = add->id, .kind = add->row.kind, .horizon_s = add->row.horizon_s,
		.action = json_word(&o, "action", true, actions, "kept"),
		.reason = arena_text(request->arena, json_string(&o, "reason", true, "")),
		.numbers = arena_text(request->arena, text == NULL ? "" : text),
	};
	free(text);
	json_refuse_unknown(&o, known);
	if (add->decision.reason == NULL || add->decision.numbers == NULL)
		json_error(&o, "reason", NULL, "out of memory");
}

static bool
collect_serving(void *arg, const struct model_row *model)
{
	struct listing *listing = arg;
	struct model_add *add = listing->add;

	if (strcmp(model->kind, add->row.kind) == 0 && model->horizon_s == add->row.horizon_s &&
	    strcmp(model->status, "serving") == 0 &&
	    strcmp(model->id, add->id) != 0)
		add->retired[add->retired_count++] = arena_text(listing->request->arena, model->id);
	return add->retired_count < ARRAY_SIZE(add->retired);
}

/* Store's writer. */
static int
model_job(struct store_txn *txn, void *arg)
{
	const struct request *request = arg;
	const struct model_add *add = request->work;
	uint64_t revision;
	int status = 0;

	for (size_t i = 0; i < add->retired_count && status == 0; i++)
		status = add->retired[i] == NULL ? -ENOMEM : store_model_status(txn, add->retired[i], "retired");
	if (status == 0)
		status = store_model_put(txn, &add->row);
	if (status == 0 && add->decided)
		status = store_model_decision_put(txn, &add->decision);
	if (status == 0)
		status = store_journal_add(txn, wall_now(), add->author, "model.add", "", add->body, &revision);
	return status;
}

static void
model_done(void *arg, int status)
{
	struct request *request = arg;
	const struct model_add *add = request->work;
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	view_text(&view, root, "model", add->id);
	view_text(&view, root, "status", add->row.status);
	answer_stored(request, 201, &view, status);
	request_answered(request);
}

/* --- what is there ------------------------------------------------------------------------------------------- */

/* The shipped models aren't in the list; how they did stands beside it. */
void
models_show(struct request *request)
{
	struct listing listing = { .scores = arena_alloc(request->arena, sizeof(*listing.scores)) };
	int error = listing.scores == NULL ? -ENOMEM : live_scores_read(request, listing.scores);
	cJSON *live;

	listing.list = view_array(&listing.view, view_root(&listing.view), "models");
	if (error == 0)
		error = store_models(request->reader, false, add_model, &listing);
	if (error < 0) {
		cJSON_Delete(view_take(&listing.view));
		answer_store_trouble(request, error);
		return;
	}
	live = view_array(&listing.view, listing.view.root, "live");
	for (size_t i = 0; i < listing.scores->count; i++) {
		const struct live_score *score = &listing.scores->list[i];
		cJSON *entry = score->current ? view_object(&listing.view, live, NULL) : NULL;

		if (entry == NULL)
			continue;
		view_text(&listing.view, entry, "model", score->model);
		view_text(&listing.view, entry, "kind", score->kind);
		view_count(&listing.view, entry, "horizon_s", score->horizon_s);
		live_score_view(&listing.view, entry, score);
	}
	answer_json(request, 200, view_take(&listing.view));
}

void
model_show(struct request *request)
{
	struct listing listing = { .id = request->params[0],
		.scores = arena_alloc(request->arena, sizeof(*listing.scores)) };
	int error = listing.scores == NULL ? -ENOMEM : live_scores_read(request, listing.scores);

	listing.list = view_root(&listing.view);
	if (error == 0)
		error = store_models(request->reader, true, add_model, &listing);
	if (error == 0 && listing.found) {
		answer_json(request, 200, view_take(&listing.view));
		return;
	}
	cJSON_Delete(view_take(&listing.view));
	if (error < 0)
		answer_store_trouble(request, error);
	else
		answer_problem(request, 404, NULL, "there is no model '%s'", request->params[0]);
}

static bool
add_model(void *arg, const struct model_row *model)
{
	struct listing *listing = arg;
	struct view *view = &listing->view;
	cJSON *entry;

	if (listing->id != NULL && strcmp(listing->id, model->id) != 0)
		return true;
	entry = listing->id == NULL ? view_object(view, listing->list, NULL) : listing->list;
	view_text(view, entry, "model", model->id);
	view_text(view, entry, "kind", model->kind);
	view_count(view, entry, "horizon_s", model->horizon_s);
	view_time(view, entry, "trained", model->trained);
	view_text(view, entry, "status", model->status);
	live_score_view(view, entry, live_scores_find(listing->scores, model->id));
	view_json(view, entry, "card", model->card);
	if (listing->id != NULL && model->blob != NULL) {
		char *text = strndup(model->blob, model->blob_length);

		view->failed |= text == NULL;
		view_text(view, entry, "text", text);
		free(text);
	}
	listing->found = true;
	return listing->id == NULL && !view->failed;
}

/* --- training ------------------------------------------------------------------------------------------------ */

/* Control thread. Training takes minutes: what comes of it is a new model in the list. */
void
train_start(struct request *request)
{
	struct control_status status;
	struct view view = { 0 };
	cJSON *root;

	control_status(request->control, &status);
	if (status.pae_external || !status.pae_running) {
		answer_problem(request, 409, NULL, "%s",
		    status.pae_external ? "isobar-pae is started by something else: send it SIGUSR1 to train now"
					: "isobar-pae isn't running");
	} else {
		control_train(request->control);
		root = view_root(&view);
		view_text(&view, root, "message", "isobar-pae trains; a new model shows up in the list of models");
		answer_json(request, 202, view_take(&view));
	}
	request_answered(request);
}
