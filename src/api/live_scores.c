/* live_scores.c -- what models were worth in service.
 * In: the newest review of each model, and who serves, from the store.  Out: numbers; JSON.
 * Threads: the API's, with its reader.
 * What isn't known is absent or null, never 0: a recall of 0 is a verdict, and with few incidents there is none. Their
 * numbers are told, but beside them stands "unproven". */
#include "api/live_scores.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "models/drift.h"

const char *const live_number_names[LIVE_NUMBERS] = {
	[LIVE_INCIDENTS] = "incidents", [LIVE_PRECISION] = "average_precision", [LIVE_BASE_RATE] = "base_rate",
	[LIVE_SKILL] = "brier_skill", [LIVE_CALIBRATION] = "calibration_error", [LIVE_RECALL] = "recall",
	[LIVE_FALSE_ALARMS] = "false_alarms_per_day", [LIVE_LEAD] = "median_lead_s",
};

struct reading {
	struct request *request;
	struct live_scores *scores;
	bool failed;
};

static bool add_review(void *arg, const struct model_decision *decision);
static void read_numbers(struct live_score *score, const char *json);
static bool see_model(void *arg, const struct model_row *model);

int
live_scores_read(struct request *request, struct live_scores *scores)
{
	struct reading reading = { .request = request, .scores = scores };
	int error;

	scores->count = 0;
	error = store_model_reviews(request->reader, add_review, &reading);
	if (error == 0)
		error = store_models(request->reader, false, see_model, &reading);
	if (error == 0 && reading.failed)
		error = -ENOMEM;
	if (error != 0)
		scores->count = 0;
	return error;
}

/* The newest of a kind and horizon is of the one that serves, unless the models say something else. */
static bool
add_review(void *arg, const struct model_decision *decision)
{
	struct reading *reading = arg;
	struct live_scores *scores = reading->scores;
	struct arena *arena = reading->request->arena;
	bool returned = strcmp(decision->action, "returned") == 0;
	struct live_score *score = &scores->list[scores->count];

	*score = (struct live_score){
		.model = arena_text(arena, decision->model), .kind = arena_text(arena, decision->kind),
		.horizon_s = decision->horizon_s, .at = decision->at, .reason = arena_text(arena, decision->reason),
		.current = !returned,
	};
	read_numbers(score, decision->numbers);
	score->proven = !returned && score->numbers[LIVE_INCIDENTS] >= DRIFT_EVENTS_LEAST;
	reading->failed |= score->model == NULL || score->kind == NULL || score->reason == NULL;
	for (size_t i = 0; i < scores->count && !reading->failed; i++) {
		if (scores->list[i].horizon_s == score->horizon_s && strcmp(scores->list[i].kind, score->kind) == 0)
			score->current = false;
	}
	scores->count++;
	return scores->count < LIVE_SCORES_MAX && !reading->failed;
}

static void
read_numbers(struct live_score *score, const char *json)
{
	cJSON *numbers = cJSON_Parse(json);

	for (size_t i = 0; i < LIVE_NUMBERS; i++) {
		const cJSON *number = cJSON_GetObjectItem(numbers, live_number_names[i]);

		score->numbers[i] = cJSON_IsNumber(number) ? number->valuedouble : (double)NAN;
	}
	cJSON_Delete(numbers);
}

static bool
see_model(void *arg, const struct model_row *model)
{
	struct reading *reading = arg;
	bool serving = strcmp(model->status, "serving") == 0;

	for (size_t i = 0; i < reading->scores->count && !reading->failed; i++) {
		struct live_score *score = &reading->scores->list[i];

		if (strcmp(score->model, model->id) == 0)
			score->current = score->current && serving;
		else if (serving && score->horizon_s == model->horizon_s && strcmp(score->kind, model->kind) == 0)
			score->current = false;
	}
	return !reading->failed;
}

const struct live_score *
live_scores_find(const struct live_scores *scores, const char *model)
{
	for (size_t i = 0; i < scores->count; i++) {
		if (strcmp(scores->list[i].model, model) == 0)
			return &scores->list[i];
	}
	return NULL;
}

void
live_score_view(struct view *view, cJSON *entry, const struct live_score *score)
{
	cJSON *live;

	view_text(view, entry, "live_state", score != NULL && score->proven ? "proven" : "unproven");
	if (score == NULL) {
		view_null(view, entry, "live");
		return;
	}
	live = view_object(view, entry, "live");
	view_time(view, live, "at", score->at);
	view_bool(view, live, "serving", score->current);
	for (size_t i = 0; i < LIVE_NUMBERS; i++)
		view_number(view, live, live_number_names[i], score->numbers[i]);
	view_text(view, live, "reason", score->reason);
}
