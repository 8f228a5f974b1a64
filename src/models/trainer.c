/* trainer.c -- a challenger from the store's history, and the judgement over it.
 * In: the store, the regions, the time.  Out: the model with its card and the decision, as the API takes it.
 * Threads: a process of its own.
 *
 * The newest quarter of the history is kept from the challenger: on it, and only as far as it's unseen by the model
 * in service too, both are scored beside the simple rules, and promotion.h decides. Otherwise it's kept as a candidate,
 * with its numbers: it speaks in the shadow, and what serves goes on serving. */
#include "models/trainer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backtest/card.h"
#include "backtest/compare.h"
#include "backtest/contest.h"
#include "base/json.h"
#include "models/ablation.h"
#include "models/decision.h"
#include "models/promotion.h"
#include "models/speakers.h"
#include "predict/history.h"
#include "predict/propensity.h"
#include "predict/rows.h"
#include "predict/train.h"
#include "store/store.h"

#define DAY_S 86400
#define JUDGED_SHARE 0.25
#define HOUR_MS 3600000

/* Each row is a decision of two machines and six rules, 0.15 ms in all: a minute for these, a week of forty regions.
 * With fewer incidents among them a verdict would be chance, so then more regions are judged. */
#define JUDGED_ROWS_MOST 400000
#define JUDGED_EVENTS_LEAST (4 * PROMOTION_EVENTS_LEAST)

/* A challenger before its judges. */
struct trial {
	const struct trainer_job *job;
	struct store_reader *reader;
	struct dataset *dataset;
	struct model *model, *incumbent;
	struct rows rows;
	double *scores[CONTESTANT_COUNT], *incumbent_scores;
	struct comparison comparison;
	bool judged;
	size_t judged_regions;
	struct promotion promotion;
};

struct incumbent {
	uint32_t horizon_s;
	struct model *model;
};

static int read_history(struct trial *trial);
static int fill_history(struct trial *trial, int64_t from_s, int64_t to_s);
static int train_and_judge(struct trial *trial, struct text *output);
static struct model *incumbent_read(const struct trial *trial);
static bool take_incumbent(void *arg, const struct model_row *row);
static int judge(struct trial *trial, int64_t from_s, int64_t to_s);
static int score(struct trial *trial, int64_t from_s, int64_t to_s);
static int score_incumbent(struct trial *trial);
static int decide(struct trial *trial);
static struct scored_row *scored(const struct trial *trial, const double *scores);
static int write_body(const struct trial *trial, const char *bytes, struct text *output);
static cJSON *whole_card(const struct trial *trial, const char *card);
static cJSON *numbers_of(const struct trial *trial);
static void trial_fini(struct trial *trial);

int
trainer_run(struct text *output, void *arg)
{
	struct trial trial = { .job = arg };
	struct text error = { 0 };
	int status = -EIO;

	trial.reader = store_reader_open(trial.job->store, &error);
	if (trial.reader == NULL)
		text_puts(output, error.bytes);
	else
		status = read_history(&trial);
	if (trial.reader != NULL && status == 0)
		status = train_and_judge(&trial, output);
	text_fini(&error);
	trial_fini(&trial);
	return status;
}

static int
read_history(struct trial *trial)
{
	const struct trainer_job *job = trial->job;
	int64_t to_s = job->now.ms / 1000 - job->now.ms / 1000 % WINDOW_STEP_S;
	int64_t from_s = to_s - TRAINER_HISTORY_DAYS * DAY_S;
	struct metrics *metrics = metrics_new();
	int status = metrics == NULL ? -ENOMEM :
	    history_metrics(trial->reader, job->regions, job->region_count, metrics);

	if (status == 0) {
		trial->dataset = history_new(job->regions, job->region_count, from_s, to_s, metrics);
		status = trial->dataset == NULL ? -ENOMEM : fill_history(trial, from_s, to_s);
	}
	metrics_free(metrics);
	return status;
}

static int
fill_history(struct trial *trial, int64_t from_s, int64_t to_s)
{
	int status = history_fill(trial->reader, trial->dataset, RESOLUTION_MINUTE, from_s, to_s);

	if (status == 0)
		status = history_incidents(trial->reader, trial->dataset, from_s, to_s);
	if (status == 0)
		status = propensity_read(trial->reader, trial->dataset, from_s, to_s);
	history_set_labels(trial->dataset, to_s);
	return status;
}

static int
train_and_judge(struct trial *trial, struct text *output)
{
	const struct trainer_job *job = trial->job;
	int64_t from_s = dataset_time_at(trial->dataset, 0), to_s = dataset_time_at(trial->dataset, 1), judged_from;
	struct train_settings settings = { .from_s = from_s, .to_s = dataset_time_at(trial->dataset, 1 - JUDGED_SHARE),
		.horizon_s = job->horizon_s, .seed = job->seed };
	size_t length, events = dataset_events(trial->dataset, from_s, to_s);
	char *bytes;
	int status = -ENODATA;

	if (events < TRAINER_EVENTS_LEAST) {
		text_printf(output, "%zu incidents in the history; %d are needed", events, TRAINER_EVENTS_LEAST);
		return -ENODATA;
	}
	bytes = train_failure(trial->dataset, &settings, &length, output);
	trial->model = bytes == NULL ? NULL : model_read(bytes, length, output);
	if (trial->model != NULL) {
		trial->incumbent = incumbent_read(trial);
		judged_from = settings.to_s + job->horizon_s;
		if (trial->incumbent != NULL && trial->incumbent->to_s + job->horizon_s > judged_from &&
		    trial->incumbent->to_s < to_s)
			judged_from = trial->incumbent->to_s + job->horizon_s;
		status = judge(trial, judged_from, to_s);
	}
	if (status == 0)
		status = write_body(trial, bytes, output);
	free(bytes);
	return status;
}

/* The one that serves: the newest such in the store, else the shipped one. NULL: none that can be read. */
static struct model *
incumbent_read(const struct trial *trial)
{
	struct incumbent incumbent = { .horizon_s = (uint32_t)trial->job->horizon_s };
	struct text error = { 0 };

	if (store_models(trial->reader, true, take_incumbent, &incumbent) == 0 && incumbent.model == NULL)
		incumbent.model = speakers_shipped(trial->job->models_dir, trial->job->horizon_s, &error);
	text_fini(&error);
	return incumbent.model;
}

static bool
take_incumbent(void *arg, const struct model_row *row)
{
	struct incumbent *incumbent = arg;
	struct text error = { 0 };

	if (strcmp(row->kind, "failure") != 0 || strcmp(row->status, "serving") != 0 ||
	    row->horizon_s != incumbent->horizon_s)
		return true;
	incumbent->model = model_read(row->blob, row->blob_length, &error);
	text_fini(&error);
	return false;
}

static int
judge(struct trial *trial, int64_t from_s, int64_t to_s)
{
	struct promotion *promotion = &trial->promotion;
	int status;

	if (trial->incumbent != NULL && strcmp(trial->incumbent->id, trial->model->id) == 0) {
		/* Training is deterministic. As a candidate, the same id would take the place of what serves. */
		promotion->promote = true;
		snprintf(promotion->verdict, sizeof(promotion->verdict),
		    "the same history gave the very model that serves");
		return 0;
	}
	status = score(trial, from_s, to_s);
	if (status == 0)
		status = decide(trial);
	trial->judged = status == 0;
	if (status == -ENODATA)
		snprintf(promotion->verdict, sizeof(promotion->verdict), "no incident in the newest time to judge it "
		    "by");
	return status == -ENODATA ? 0 : status;
}

static int
score(struct trial *trial, int64_t from_s, int64_t to_s)
{
	struct contest *contest;
	int status;

	if (!rows_collect(trial->dataset, from_s, to_s, trial->job->horizon_s, &trial->rows))
		return -ENOMEM;
	if (rows_positives(&trial->rows) == 0)
		return -ENODATA;
	trial->judged_regions = rows_keep_series(&trial->rows, trial->dataset, JUDGED_ROWS_MOST, JUDGED_EVENTS_LEAST,
	    trial->job->seed);
	contest = contest_new(trial->dataset, trial->model);
	status = contest == NULL ? -ENOMEM : 0;
	for (size_t c = 0; c < CONTESTANT_COUNT && status == 0; c++) {
		trial->scores[c] = malloc(trial->rows.count * sizeof(double));
		status = trial->scores[c] == NULL ? -ENOMEM : 0;
	}
	if (status == 0)
		status = contest_score(contest, trial->dataset, &trial->rows, trial->scores, NULL, NULL);
	if (status == 0)
		status = compare_rows(trial->dataset, &trial->rows, trial->scores, trial->job->horizon_s,
		    trial->model->prevalence, trial->job->seed, &trial->comparison);
	if (status == 0 && trial->incumbent != NULL)
		status = score_incumbent(trial);
	contest_free(contest);
	return status;
}

/* The base rate where it has nothing to say, as in service. */
static int
score_incumbent(struct trial *trial)
{
	const struct model *model = trial->incumbent;
	struct feature_table *table = feature_table_new(model->metrics, trial->dataset->metrics);
	double features[FEATURES_MAX];

	trial->incumbent_scores = malloc(trial->rows.count * sizeof(double));
	for (size_t i = 0; table != NULL && trial->incumbent_scores != NULL && i < trial->rows.count; i++) {
		const struct row *row = &trial->rows.list[i];

		features_compute(table, trial->dataset, row->series, row->step, model->horizon_s, features);
		trial->incumbent_scores[i] = model_strangeness(model, features) > MODEL_STRANGE ?
		    trial->model->prevalence : model_probability(model, features);
	}
	feature_table_free(table);
	return table == NULL || trial->incumbent_scores == NULL ? -ENOMEM : 0;
}

static int
decide(struct trial *trial)
{
	struct scored_row *model = scored(trial, trial->scores[CONTESTANT_MODEL]);
	struct scored_row *served = scored(trial, trial->incumbent_scores);
	struct scored_row *threshold = scored(trial, trial->scores[CONTESTANT_THRESHOLD]);
	struct scored_row *ewma = scored(trial, trial->scores[CONTESTANT_EWMA]);
	struct scored_row *hazard = scored(trial, trial->scores[CONTESTANT_HAZARD]);
	const struct contender challenger = { "the challenger", model }, incumbent = { "the model in service", served };
	const struct contender rules[] = { { contestant_names[CONTESTANT_THRESHOLD], threshold },
		{ contestant_names[CONTESTANT_EWMA], ewma }, { contestant_names[CONTESTANT_HAZARD], hazard } };
	int status = -ENOMEM;

	if (model != NULL && threshold != NULL && ewma != NULL && hazard != NULL &&
	    (served != NULL || trial->incumbent == NULL))
		status = promotion_decide(&challenger, &incumbent, rules, ARRAY_SIZE(rules), trial->rows.count,
		    trial->dataset, trial->job->horizon_s, trial->model->prevalence, trial->job->seed,
		    &trial->promotion);
	free(model);
	free(served);
	free(threshold);
	free(ewma);
	free(hazard);
	return status;
}

/* NULL: out of memory, or no scores. */
static struct scored_row *
scored(const struct trial *trial, const double *scores)
{
	struct scored_row *rows = scores == NULL ? NULL : malloc((trial->rows.count + 1) * sizeof(*rows));

	for (size_t i = 0; rows != NULL && i < trial->rows.count; i++) {
		const struct row *row = &trial->rows.list[i];

		rows[i] = (struct scored_row){ .series = row->series, .positive = row->positive, .score = scores[i],
			.t = window_time(trial->dataset->series[row->series].window, row->step) };
	}
	return rows;
}

static int
write_body(const struct trial *trial, const char *bytes, struct text *output)
{
	struct card_notes notes = { .data = "the history of this installation", .licence = "",
		.note = trial->promotion.verdict, .made = trial->job->now };
	char *card = card_write(trial->model, trial->judged ? &trial->comparison : NULL, &notes), *json = NULL;
	char trained[CLOCK_TEXT_SIZE];
	cJSON *root = cJSON_CreateObject(), *decision;

	if (card != NULL && root != NULL) {
		cJSON_AddStringToObject(root, "kind", "failure");
		cJSON_AddNumberToObject(root, "horizon_s", (double)trial->job->horizon_s);
		cJSON_AddStringToObject(root, "trained", wall_text(trial->job->now, trained));
		cJSON_AddStringToObject(root, "status", trial->promotion.promote ? "serving" : "candidate");
		cJSON_AddItemToObject(root, "card", whole_card(trial, card));
		cJSON_AddStringToObject(root, "text", bytes);
		decision = cJSON_AddObjectToObject(root, "decision");
		cJSON_AddStringToObject(decision, "action", trial->promotion.promote ? "promoted" : "kept");
		cJSON_AddStringToObject(decision, "reason", trial->promotion.verdict);
		cJSON_AddItemToObject(decision, "numbers", numbers_of(trial));
		json = json_write(root);
	}
	if (json != NULL)
		text_puts(output, json);
	cJSON_Delete(root);
	free(card);
	free(json);
	return json == NULL ? -ENOMEM : 0;
}

/* With what each feed is worth, where the model was judged. */
static cJSON *
whole_card(const struct trial *trial, const char *card)
{
	cJSON *whole = cJSON_Parse(card);

	if (trial->judged)
		cJSON_AddItemToObject(whole, "feeds", ablation_of(trial->model, trial->dataset, &trial->rows));
	return whole;
}

static cJSON *
numbers_of(const struct trial *trial)
{
	cJSON *numbers = cJSON_CreateObject();

	if (!trial->judged)
		return numbers;
	cJSON_AddNumberToObject(numbers, "regions_judged", (double)trial->judged_regions);
	cJSON_AddItemToObject(numbers, "challenger", decision_scores(&trial->promotion.challenger));
	if (trial->incumbent != NULL) {
		cJSON_AddStringToObject(numbers, "incumbent_model", trial->incumbent->id);
		cJSON_AddItemToObject(numbers, "incumbent", decision_scores(&trial->promotion.incumbent));
	}
	if (isfinite(trial->promotion.chance))
		cJSON_AddNumberToObject(numbers, "chance", trial->promotion.chance);
	return numbers;
}

static void
trial_fini(struct trial *trial)
{
	for (size_t c = 0; c < CONTESTANT_COUNT; c++)
		free(trial->scores[c]);
	free(trial->incumbent_scores);
	rows_fini(&trial->rows);
	model_free(trial->model);
	model_free(trial->incumbent);
	dataset_free(trial->dataset);
	if (trial->reader != NULL)
		store_reader_close(trial->reader);
}

bool
trainer_due(struct wall last, size_t events_then, size_t events_now, struct wall now)
{
	if (last.ms > 0 && now.ms - last.ms < HOUR_MS)
		return false;
	return events_now >= TRAINER_EVENTS_LEAST && (last.ms == 0 || events_now > events_then);
}
