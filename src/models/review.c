/* review.c -- models in service, judged by what came of what they said.
 * In: predictions, health events and models in the store.  Out: a verdict per model and horizon, as the API takes it.
 * Threads: a process of its own.
 * Only what was said in service counts, never what would have been said: a backtest forgives much that a late report
 * doesn't. Minutes in which the region was steered away from are left out, as in training. */
#include "models/review.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "models/decision.h"
#include "models/drift.h"
#include "models/speakers.h"
#include "models/trainer.h"
#include "predict/history.h"
#include "predict/propensity.h"
#include "predict/rows.h"
#include "store/store.h"

#define DAY_S 86400
#define STRANGE_WORDS "unlike those that the model was trained on"	/* as the forecaster says it */

/* Of one horizon. */
struct hearing {
	int64_t horizon_s;
	char model[SHA256_TEXT_SIZE];		/* that has spoken last */
	struct scored_row *rows;
	size_t count, size;
	size_t minutes, strange;		/* of the last day */
	double base_rate, promoted_skill;
	char before[SHA256_TEXT_SIZE];		/* that served before it; "": none */
};

struct review {
	const struct trainer_job *job;
	struct store_reader *reader;
	struct dataset *dataset;
	int64_t from_s, to_s;
	struct hearing hearings[FAILURE_HORIZONS];
	int status;
};

static int read_all(struct review *review);
static bool find_newest(void *arg, const struct prediction *prediction);
static bool take(void *arg, const struct prediction *prediction);
static bool take_row(struct review *review, struct hearing *hearing, const struct prediction *prediction);
static struct hearing *hearing_of(struct review *review, const struct prediction *prediction);
static bool take_model(void *arg, const struct model_row *row);
static bool take_decision(void *arg, const struct model_decision *decision);
static int judge(struct review *review, struct hearing *hearing, cJSON *list);
static int compare_rows_by_series(const void *a, const void *b);

int
review_run(struct text *output, void *arg)
{
	struct review review = { .job = arg };
	cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "reviews");
	struct text error = { 0 };
	char *json = NULL;

	review.reader = store_reader_open(review.job->store, &error);
	review.status = review.reader == NULL ? -EIO : read_all(&review);
	for (size_t h = 0; h < FAILURE_HORIZONS && review.status == 0; h++)
		review.status = judge(&review, &review.hearings[h], list);
	if (review.status == 0)
		json = json_write(root);
	text_puts(output, json != NULL ? json : error.bytes);
	for (size_t h = 0; h < FAILURE_HORIZONS; h++)
		free(review.hearings[h].rows);
	dataset_free(review.dataset);
	if (review.reader != NULL)
		store_reader_close(review.reader);
	cJSON_Delete(root);
	text_fini(&error);
	free(json);
	return review.status;
}

static int
read_all(struct review *review)
{
	const struct trainer_job *job = review->job;
	struct metrics *none = metrics_new();
	struct wall since;
	int status = none == NULL ? -ENOMEM : 0;

	review->to_s = job->now.ms / 1000 - job->now.ms / 1000 % WINDOW_STEP_S;
	review->from_s = review->to_s - REVIEW_DAYS * DAY_S;
	since = (struct wall){ review->from_s * 1000 };
	for (size_t h = 0; h < FAILURE_HORIZONS; h++)
		review->hearings[h] = (struct hearing){ .horizon_s = failure_horizons_s[h], .base_rate = (double)NAN,
			.promoted_skill = (double)NAN };
	if (status == 0) {
		review->dataset = history_new(job->regions, job->region_count, review->from_s, review->to_s, none);
		status = review->dataset == NULL ? -ENOMEM : 0;
	}
	metrics_free(none);
	if (status == 0)
		status = history_incidents(review->reader, review->dataset, review->from_s, review->to_s);
	if (status == 0)
		status = propensity_read(review->reader, review->dataset, review->from_s, review->to_s);
	if (status == 0)
		status = store_predictions(review->reader, since, find_newest, review);
	if (status == 0)
		status = store_models(review->reader, true, take_model, review);
	if (status == 0)
		status = store_model_decisions(review->reader, SIZE_MAX >> 1, take_decision, review);
	if (status == 0)
		status = store_predictions(review->reader, since, take, review);
	return status != 0 ? status : review->status;
}

/* The newest speaker of each horizon: its rows are taken in a second reading. */
static bool
find_newest(void *arg, const struct prediction *prediction)
{
	struct hearing *hearing = hearing_of(arg, prediction);

	if (hearing != NULL && prediction->model[0] != '\0')
		snprintf(hearing->model, sizeof(hearing->model), "%s", prediction->model);
	return true;
}

static struct hearing *
hearing_of(struct review *review, const struct prediction *prediction)
{
	if (strcmp(prediction->role, "serving") != 0 || prediction->service[0] != '\0')
		return NULL;
	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		if (review->hearings[h].horizon_s == prediction->horizon_s)
			return &review->hearings[h];
	}
	return NULL;
}

/* Newest first: the base rate that it was trained at, and who served before it. */
static bool
take_model(void *arg, const struct model_row *row)
{
	struct review *review = arg;

	for (size_t h = 0; h < FAILURE_HORIZONS && strcmp(row->kind, "failure") == 0; h++) {
		struct hearing *hearing = &review->hearings[h];
		struct text ignored = { 0 };
		struct model *model;

		if (row->horizon_s != hearing->horizon_s)
			continue;
		if (strcmp(row->id, hearing->model) == 0 && (model = model_read(row->blob, row->blob_length,
		    &ignored)) != NULL) {
			hearing->base_rate = model->prevalence;
			model_free(model);
		} else if (strcmp(row->status, "retired") == 0 && hearing->before[0] == '\0') {
			snprintf(hearing->before, sizeof(hearing->before), "%s", row->id);
		}
		text_fini(&ignored);
	}
	return true;
}

/* What it was promoted with; and one that was returned from isn't returned to. */
static bool
take_decision(void *arg, const struct model_decision *decision)
{
	struct review *review = arg;

	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		struct hearing *hearing = &review->hearings[h];
		cJSON *numbers;

		if (strcmp(decision->action, "returned") == 0 && strcmp(decision->model, hearing->before) == 0)
			hearing->before[0] = '\0';
		if (strcmp(decision->action, "promoted") != 0 || strcmp(decision->model, hearing->model) != 0)
			continue;
		numbers = cJSON_Parse(decision->numbers);
		hearing->promoted_skill = cJSON_GetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(numbers,
		    "challenger"), "brier_skill"));
		cJSON_Delete(numbers);
	}
	return true;
}

static bool
take(void *arg, const struct prediction *prediction)
{
	struct review *review = arg;
	struct hearing *hearing = hearing_of(review, prediction);

	if (hearing == NULL)
		return true;
	if (prediction->at.ms / 1000 >= review->to_s - DAY_S) {
		hearing->minutes++;
		hearing->strange += strstr(prediction->reason, STRANGE_WORDS) != NULL;
	}
	if (isnan(prediction->probability) || strcmp(prediction->model, hearing->model) != 0)
		return true;
	if (!take_row(review, hearing, prediction))
		review->status = -ENOMEM;
	return review->status == 0;
}

/* False: out of memory. */
static bool
take_row(struct review *review, struct hearing *hearing, const struct prediction *prediction)
{
	size_t series = dataset_find(review->dataset, prediction->region);
	int64_t t = prediction->at.ms / 1000;
	enum label label;

	if (series == review->dataset->count)
		return true;
	label = label_at(&review->dataset->series[series].incidents, t, hearing->horizon_s, review->to_s);
	if (label == LABEL_NONE || rows_censored(&review->dataset->series[series].steered, t, hearing->horizon_s))
		return true;
	if (hearing->count == hearing->size) {
		size_t size = hearing->size == 0 ? 4096 : 2 * hearing->size;
		struct scored_row *more = reallocarray(hearing->rows, size, sizeof(*more));

		if (more == NULL)
			return false;
		hearing->rows = more;
		hearing->size = size;
	}
	hearing->rows[hearing->count++] = (struct scored_row){ .series = (uint32_t)series,
		.positive = label == LABEL_POSITIVE, .t = t, .score = prediction->probability };
	return true;
}

static int
judge(struct review *review, struct hearing *hearing, cJSON *list)
{
	double strange = hearing->minutes > 0 ? (double)hearing->strange / (double)hearing->minutes : 0;
	struct drift drift;
	cJSON *entry, *body;
	int status;

	if (hearing->model[0] == '\0' || hearing->count == 0)
		return 0;
	if (isnan(hearing->base_rate)) {
		struct text ignored = { 0 };
		struct model *shipped = speakers_shipped(review->job->models_dir, hearing->horizon_s, &ignored);

		hearing->base_rate = shipped == NULL ? 0 : shipped->prevalence;
		model_free(shipped);
		text_fini(&ignored);
	}
	qsort(hearing->rows, hearing->count, sizeof(*hearing->rows), compare_rows_by_series);
	status = drift_judge(hearing->rows, hearing->count, review->dataset, hearing->horizon_s, hearing->base_rate,
	    hearing->promoted_skill, strange, &drift);
	if (status != 0)
		return status;
	entry = cJSON_CreateObject();
	cJSON_AddStringToObject(entry, "model", hearing->model);
	body = cJSON_AddObjectToObject(entry, "body");
	cJSON_AddStringToObject(body, "action", drift.drifted ? "returned" : "reviewed");
	cJSON_AddStringToObject(body, "to", drift.drifted ? hearing->before : "");
	cJSON_AddNumberToObject(body, "horizon_s", (double)hearing->horizon_s);
	cJSON_AddStringToObject(body, "reason", drift.reason);
	cJSON_AddItemToObject(body, "numbers", decision_scores(&drift.live));
	cJSON_AddItemToArray(list, entry);
	return 0;
}

static int
compare_rows_by_series(const void *a, const void *b)
{
	const struct scored_row *x = a, *y = b;

	if (x->series != y->series)
		return (x->series > y->series) - (x->series < y->series);
	return (x->t > y->t) - (x->t < y->t);
}
