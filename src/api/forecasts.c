/* forecasts.c -- what isobar-pae sends, and the predictions that were kept of it.
 * In: JSON of a plan or of predictions.  Out: 200 when it's in service and durable; 422 when the certificate refuses
 * the plan, with the check that failed.
 * Threads: predictions are read on the API's thread; a plan is read on the control thread, by the names of the steering
 * that is in force there and then. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/change.h"
#include "api/handlers.h"
#include "api/view.h"
#include "plan/plan.h"

#define PREDICTIONS_MAX 4096
#define HORIZON_MAX_S (7 * 86400)
#define RATE_MAX 1e15
#define SINCE_DEFAULT_MS 3600000

struct predictions {
	struct prediction *list;
	size_t count;
};

struct listing {
	struct view view;
	cJSON *list;
};

static void read_prediction(const cJSON *value, size_t index, struct request *request, struct prediction *prediction,
	struct diags *diags);
static const char *why_of(const struct json_object *o, const char *name, struct arena *arena);
static double number_or_null(const struct json_object *o, const char *name, double most);
static bool add_prediction(void *arg, const struct prediction *prediction);

/* --- plan ---------------------------------------------------------------------------------------------------- */

void
plan_take(struct request *request)
{
	struct diags diags = { 0 };
	struct plan *plan = plan_read(request->body.bytes, request->body.length,
	    control_snapshot(request->control)->steering, &diags);

	if (plan == NULL) {
		answer_invalid(request, &diags);
		request_answered(request);
	} else {
		control_plan(request->control, plan, outcome_answer, request);
	}
	diag_fini(&diags);
}

/* --- predictions --------------------------------------------------------------------------------------------- */

void
predictions_read_body(struct request *request)
{
	static const char *const known[] = { "predictions", NULL };
	struct predictions *predictions = arena_alloc(request->arena, sizeof(*predictions));
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = request_json(request, &o, &diags);
	const cJSON *list, *item;

	if (body == NULL)
		goto done;
	list = json_array(&o, "predictions", true);
	json_refuse_unknown(&o, known);
	if (list != NULL && cJSON_GetArraySize(list) > PREDICTIONS_MAX)
		json_error(&o, "predictions", NULL, "holds more than %d entries", PREDICTIONS_MAX);
	if (predictions != NULL && !diag_failed(&diags)) {
		predictions->list = arena_alloc(request->arena,
		    ((size_t)cJSON_GetArraySize(list) + 1) * sizeof(*predictions->list));
		cJSON_ArrayForEach(item, list) {
			if (predictions->list == NULL)
				break;
			read_prediction(item, predictions->count, request, &predictions->list[predictions->count],
			    &diags);
			predictions->count++;
		}
	}
	if (diag_failed(&diags))
		answer_invalid(request, &diags);
	else if (predictions == NULL || predictions->list == NULL)
		answer_no_memory(request);
	request->work = predictions;	/* in the arena: nothing to free */
done:
	cJSON_Delete(body);
	diag_fini(&diags);
}

static void
read_prediction(const cJSON *value, size_t index, struct request *request, struct prediction *prediction,
    struct diags *diags)
{
	static const char *const known[] = { "at", "region", "service", "horizon_s", "role", "probability",
		"probability_low", "probability_high", "load_forecast", "load_low", "load_high", "model", "reason",
		"why", "anomaly_rank", "anomaly_reason", "anomaly_why", NULL };
	static const char *const roles[] = { "serving", "shadow", NULL };
	char pointer[64];
	struct json_object o;
	const char *at;

	snprintf(pointer, sizeof(pointer), "/predictions/%zu", index);
	o = json_object(value, "request", pointer, diags);
	at = json_string(&o, "at", true, "1970-01-01T00:00:00Z");
	*prediction = (struct prediction){
		.region = arena_text(request->arena, json_string(&o, "region", true, "")),
		.service = arena_text(request->arena, json_string(&o, "service", false, "")),
		.horizon_s = (uint32_t)json_integer(&o, "horizon_s", true, 1, HORIZON_MAX_S, 600),
		.role = json_word(&o, "role", false, roles, roles[0]),
		.probability = number_or_null(&o, "probability", 1),
		.probability_low = number_or_null(&o, "probability_low", 1),
		.probability_high = number_or_null(&o, "probability_high", 1),
		.load_forecast = number_or_null(&o, "load_forecast", RATE_MAX),
		.load_low = number_or_null(&o, "load_low", RATE_MAX),
		.load_high = number_or_null(&o, "load_high", RATE_MAX),
		.share = (double)NAN,
		.admit = (double)NAN,
		.model = arena_text(request->arena, json_string(&o, "model", false, "")),
		.reason = arena_text(request->arena, json_string(&o, "reason", false, "")),
		.why = why_of(&o, "why", request->arena),
		.anomaly_rank = number_or_null(&o, "anomaly_rank", 1),
		.anomaly_reason = arena_text(request->arena, json_string(&o, "anomaly_reason", false, "")),
		.anomaly_why = why_of(&o, "anomaly_why", request->arena),
	};
	if (wall_parse(at, &prediction->at) < 0)
		json_error(&o, "at", NULL, "'%s' is no time (RFC 3339)", at);
	json_refuse_unknown(&o, known);
	if (prediction->region == NULL || prediction->service == NULL || prediction->model == NULL ||
	    prediction->reason == NULL || prediction->why == NULL || prediction->anomaly_reason == NULL ||
	    prediction->anomaly_why == NULL)
		json_error(&o, "region", NULL, "out of memory");
}

/* An array, kept as it is. */
static const char *
why_of(const struct json_object *o, const char *name, struct arena *arena)
{
	const cJSON *why = json_member(o, name, false) == NULL ? NULL : json_array(o, name, false);
	char *text = why == NULL ? NULL : json_write(why);
	const char *kept = arena_text(arena, text == NULL ? "" : text);

	free(text);
	return kept;
}

/* Absent or null: NAN. */
static double
number_or_null(const struct json_object *o, const char *name, double most)
{
	const cJSON *value = json_member(o, name, false);

	return value == NULL || cJSON_IsNull(value) ? NAN : json_number(o, name, false, 0, most, NAN);
}

void
predictions_take(struct request *request)
{
	struct predictions *predictions = request->work;

	request->work = NULL;
	control_predictions(request->control, predictions->list, predictions->count, outcome_answer, request);
}

/* API thread: from the store. */
void
predictions_show(struct request *request)
{
	const char *since_text = request_query(request, "since");
	struct wall since = { wall_now().ms - SINCE_DEFAULT_MS };
	struct listing listing = { 0 };
	int error;

	if (since_text != NULL && wall_parse(since_text, &since) < 0) {
		answer_problem(request, 400, NULL,
		    "the parameter 'since' is a time such as 2026-11-22T16:20:52Z, not '%s'", since_text);
		return;
	}
	listing.list = view_array(&listing.view, view_root(&listing.view), "predictions");
	error = store_predictions(request->reader, since, add_prediction, &listing);
	answer_stored(request, 200, &listing.view, error);
}

static bool
add_prediction(void *arg, const struct prediction *prediction)
{
	struct listing *listing = arg;
	struct view *view = &listing->view;
	cJSON *entry = view_object(view, listing->list, NULL);

	view_time(view, entry, "at", prediction->at);
	view_text(view, entry, "region", prediction->region);
	view_text(view, entry, "service", prediction->service[0] == '\0' ? NULL : prediction->service);
	view_count(view, entry, "horizon_s", prediction->horizon_s);
	view_text(view, entry, "role", prediction->role);
	view_number(view, entry, "probability", prediction->probability);
	view_number(view, entry, "probability_low", prediction->probability_low);
	view_number(view, entry, "probability_high", prediction->probability_high);
	view_number(view, entry, "load_forecast", prediction->load_forecast);
	view_number(view, entry, "load_low", prediction->load_low);
	view_number(view, entry, "load_high", prediction->load_high);
	view_number(view, entry, "share", prediction->share);
	view_number(view, entry, "admit", prediction->admit);
	view_text(view, entry, "model", prediction->model[0] == '\0' ? NULL : prediction->model);
	view_text(view, entry, "reason", prediction->reason[0] == '\0' ? NULL : prediction->reason);
	if (prediction->why[0] != '\0')
		view_json(view, entry, "why", prediction->why);
	view_number(view, entry, "anomaly_rank", prediction->anomaly_rank);
	view_text(view, entry, "anomaly_reason", prediction->anomaly_reason[0] == '\0' ? NULL :
	    prediction->anomaly_reason);
	if (prediction->anomaly_why[0] != '\0')
		view_json(view, entry, "anomaly_why", prediction->anomaly_why);
	return !view->failed;
}
