/* trainer.c -- a challenger from the store's history, and the judgement over it.
 * In: the store, the regions, the time.  Out: the model with its card and verdict, as the API takes it.
 * Threads: a process of its own.
 *
 * The newest quarter of the history is kept from the challenger: on it, and only as far as it's unseen by the model
 * in service too, both are scored beside the simple rules. The challenger serves if there were enough incidents to
 * tell, its Brier skill is better than nothing and than that of the model in service, and it ranks better than the
 * threshold rule. Otherwise it's kept as a candidate, with its numbers, and what serves goes on serving. */
#include "predict/trainer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "predict/card.h"
#include "predict/compare.h"
#include "predict/dataset.h"
#include "predict/history.h"
#include "predict/load.h"
#include "predict/model.h"
#include "predict/train.h"
#include "store/store.h"

#define DAY_S 86400
#define JUDGED_SHARE 0.25
#define HOUR_MS 3600000

static int train_load(const struct trainer_job *job, const struct dataset *dataset, struct text *output);
static void add_load_region(cJSON *regions, const char *name, const double gains[static LOAD_HORIZONS]);

struct incumbent {
	struct model *model;
};

static struct dataset *read_history(struct store_reader *reader, const struct trainer_job *job, int *status);
static int train_and_judge(const struct trainer_job *job, struct store_reader *reader, const struct dataset *dataset,
	struct text *output);
static struct model *incumbent_read(struct store_reader *reader, const struct trainer_job *job);
static bool take_incumbent(void *arg, const struct model_row *row);
static bool promoted(const struct comparison *challenger, const struct comparison *incumbent, struct text *verdict);
static int write_body(const struct trainer_job *job, const struct model *model, const char *bytes,
	const struct comparison *comparison, bool promote, const char *verdict, struct text *output);

int
trainer_run(struct text *output, void *arg)
{
	const struct trainer_job *job = arg;
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(job->store, &error);
	struct dataset *dataset;
	int status = -EIO;

	if (reader == NULL) {
		text_puts(output, error.bytes);
		text_fini(&error);
		return status;
	}
	dataset = read_history(reader, job, &status);
	if (dataset != NULL)
		status = train_and_judge(job, reader, dataset, output);
	dataset_free(dataset);
	store_reader_close(reader);
	return status;
}

static struct dataset *
read_history(struct store_reader *reader, const struct trainer_job *job, int *status)
{
	int64_t to_s = job->now.ms / 1000 - job->now.ms / 1000 % WINDOW_STEP_S;
	int64_t from_s = to_s - TRAINER_HISTORY_DAYS * DAY_S;
	struct metrics *metrics = metrics_new();
	struct dataset *dataset = NULL;

	*status = metrics == NULL ? -ENOMEM : history_metrics(reader, job->regions, job->region_count, metrics);
	if (*status == 0)
		dataset = history_new(job->regions, job->region_count, from_s, to_s, metrics);
	metrics_free(metrics);
	if (*status == 0)
		*status = dataset == NULL ? -ENOMEM : history_fill(reader, dataset, RESOLUTION_MINUTE, from_s, to_s);
	if (*status == 0)
		*status = history_incidents(reader, dataset, from_s, to_s);
	if (*status == 0) {
		history_set_labels(dataset, to_s);
		return dataset;
	}
	dataset_free(dataset);
	return NULL;
}

static int
train_and_judge(const struct trainer_job *job, struct store_reader *reader, const struct dataset *dataset,
    struct text *output)
{
	int64_t from_s = dataset_time_at(dataset, 0), to_s = dataset_time_at(dataset, 1), judged_from;
	struct train_settings settings = { .from_s = from_s, .to_s = dataset_time_at(dataset, 1 - JUDGED_SHARE),
		.horizon_s = job->horizon_s, .seed = job->seed };
	struct comparison challenger, incumbent;
	struct model *model = NULL, *serving = NULL;
	struct text verdict = { 0 };
	bool judged, rivalled = false, promote = false;
	size_t length, events = dataset_events(dataset, from_s, to_s);
	char *bytes;
	int status = -ENODATA;

	if (events < TRAINER_EVENTS_LEAST) {
		text_printf(output, "%zu incidents in the history; %d are needed", events, TRAINER_EVENTS_LEAST);
		return -ENODATA;
	}
	bytes = train_failure(dataset, &settings, &length, output);
	if (bytes == NULL || (model = model_read(bytes, length, output)) == NULL)
		goto out;
	serving = incumbent_read(reader, job);
	judged_from = settings.to_s + job->horizon_s;
	if (serving != NULL && serving->to_s + job->horizon_s > judged_from && serving->to_s < to_s)
		judged_from = serving->to_s + job->horizon_s;
	judged = compare(dataset, model, judged_from, to_s, &challenger) == 0;
	if (judged && serving != NULL)
		rivalled = compare(dataset, serving, judged_from, to_s, &incumbent) == 0;
	if (serving != NULL && strcmp(serving->id, model->id) == 0) {
		/* Training is deterministic. As a candidate, the same id would take the place of what serves. */
		promote = true;
		text_puts(&verdict, "the same history gave the very model that serves");
	} else if (judged)
		promote = promoted(&challenger, rivalled ? &incumbent : NULL, &verdict);
	else
		text_puts(&verdict, "no incident in the newest time to judge it by");
	status = write_body(job, model, bytes, judged ? &challenger : NULL, promote, verdict.bytes, output);
out:
	text_fini(&verdict);
	model_free(model);
	model_free(serving);
	free(bytes);
	return status;
}

/* The one that serves: the newest such in the store, else the shipped one. NULL: none that can be read. */
static struct model *
incumbent_read(struct store_reader *reader, const struct trainer_job *job)
{
	struct incumbent incumbent = { 0 };
	struct text path = { 0 }, error = { 0 };
	size_t length;
	char *bytes;
	int failed;

	if (store_models(reader, true, take_incumbent, &incumbent) == 0 && incumbent.model != NULL)
		return incumbent.model;
	text_printf(&path, "%s/failure-default.model", job->models_dir);
	bytes = path.failed ? NULL : text_read_file(path.bytes, MODEL_SIZE_MAX, &length, &failed);
	if (bytes != NULL)
		incumbent.model = model_read(bytes, length, &error);
	free(bytes);
	text_fini(&path);
	text_fini(&error);
	return incumbent.model;
}

static bool
take_incumbent(void *arg, const struct model_row *row)
{
	struct incumbent *incumbent = arg;
	struct text error = { 0 };

	if (strcmp(row->kind, "failure") != 0 || strcmp(row->status, "serving") != 0)
		return true;
	incumbent->model = model_read(row->blob, row->blob_length, &error);
	text_fini(&error);
	return false;
}

static bool
promoted(const struct comparison *challenger, const struct comparison *incumbent, struct text *verdict)
{
	const struct evaluation *ours = &challenger->scores[CONTESTANT_MODEL];
	const struct evaluation *rule = &challenger->scores[CONTESTANT_THRESHOLD];
	double skill = ours->brier_skill, theirs = 0;

	if (incumbent != NULL)
		theirs = fmax(0, incumbent->scores[CONTESTANT_MODEL].brier_skill);
	if (ours->events < TRAINER_JUDGED_LEAST) {
		text_printf(verdict, "%zu incidents in the newest time; %d are needed to judge it", ours->events,
		    TRAINER_JUDGED_LEAST);
		return false;
	}
	if (!(skill >= theirs + TRAINER_SKILL_LEAST)) {
		text_printf(verdict, "Brier skill %.3f on the newest time isn't better than %.3f", skill, theirs);
		return false;
	}
	if (!(ours->average_precision >= rule->average_precision)) {
		text_printf(verdict, "average precision %.3f is below the threshold rule's %.3f",
		    ours->average_precision, rule->average_precision);
		return false;
	}
	text_printf(verdict, "Brier skill %.3f on the newest time is better than %.3f", skill, theirs);
	return true;
}

static int
write_body(const struct trainer_job *job, const struct model *model, const char *bytes,
    const struct comparison *comparison, bool promote, const char *verdict, struct text *output)
{
	struct card_notes notes = { .data = "the history of this installation", .licence = "", .note = verdict,
		.made = job->now };
	char *card = card_write(model, comparison, &notes), *json = NULL, trained[CLOCK_TEXT_SIZE];
	cJSON *root = cJSON_CreateObject();

	if (card != NULL && root != NULL) {
		cJSON_AddStringToObject(root, "kind", "failure");
		cJSON_AddStringToObject(root, "trained", wall_text(job->now, trained));
		cJSON_AddStringToObject(root, "status", promote ? "serving" : "candidate");
		cJSON_AddItemToObject(root, "card", cJSON_Parse(card));
		cJSON_AddStringToObject(root, "text", bytes);
		json = json_write(root);
	}
	if (json != NULL)
		text_puts(output, json);
	cJSON_Delete(root);
	free(card);
	free(json);
	return json == NULL ? -ENOMEM : 0;
}

int
trainer_run_load(struct text *output, void *arg)
{
	const struct trainer_job *job = arg;
	int64_t to_s = job->now.ms / 1000 - job->now.ms / 1000 % WINDOW_STEP_S;
	int64_t from_s = to_s - LOAD_HISTORY_DAYS * DAY_S;
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(job->store, &error);
	struct metrics *metrics;
	struct dataset *dataset;
	int status = -EIO;

	if (reader == NULL) {
		text_puts(output, error.bytes);
		text_fini(&error);
		return status;
	}
	metrics = metrics_new();
	if (metrics != NULL)
		metrics_add(metrics, "rps");
	dataset = metrics == NULL ? NULL : history_new(job->regions, job->region_count, from_s, to_s, metrics);
	metrics_free(metrics);
	status = dataset == NULL ? -ENOMEM : history_fill(reader, dataset, RESOLUTION_MINUTE, from_s, to_s);
	if (status == 0)
		status = train_load(job, dataset, output);
	dataset_free(dataset);
	store_reader_close(reader);
	return status;
}

static int
train_load(const struct trainer_job *job, const struct dataset *dataset, struct text *output)
{
	cJSON *root = cJSON_CreateObject(), *card = cJSON_AddObjectToObject(root, "card");
	cJSON *regions = cJSON_AddArrayToObject(card, "regions");
	struct text parts = { 0 };
	char *text, *json = NULL, trained[CLOCK_TEXT_SIZE];
	size_t tried = 0;
	int status = 0;

	for (size_t i = 0; i < dataset->count && status == 0; i++) {
		const struct dataset_series *series = &dataset->series[i];
		const struct window *window = series->window;
		double gains[LOAD_HORIZONS];
		size_t before = parts.length;

		status = load_train(window->values[METRIC_RPS], window->length, window->start_s, series->name, &parts,
		    gains);
		if (parts.length == before)
			continue;
		tried++;
		add_load_region(regions, series->name, gains);
	}
	text_puts(&parts, "");
	text = status == 0 && tried > 0 && !parts.failed ? load_write(parts.bytes) : NULL;
	if (text != NULL && root != NULL) {
		cJSON_AddStringToObject(card, "kind", "load");
		cJSON_AddStringToObject(card, "question", "How many requests/s does this region bear in 10, 30 and 60 minutes?");
		cJSON_AddNumberToObject(card, "horizon_s", (double)job->horizon_s);
		cJSON_AddStringToObject(root, "kind", "load");
		cJSON_AddStringToObject(root, "trained", wall_text(job->now, trained));
		cJSON_AddStringToObject(root, "status", "serving");
		cJSON_AddStringToObject(root, "text", text);
		json = json_write(root);
	}
	if (json != NULL)
		text_puts(output, json);
	else if (status == 0 && tried == 0)
		text_printf(output, "no region has %d days of requests/s", LOAD_TRAIN_DAYS);
	status = json != NULL ? 0 : status == 0 && tried == 0 ? -ENODATA : -ENOMEM;
	cJSON_Delete(root);
	text_fini(&parts);
	free(text);
	free(json);
	return status;
}

/* `gains`: the errors with the corrections by those of Holt-Winters alone, on days that they weren't trained on. */
static void
add_load_region(cJSON *regions, const char *name, const double gains[static LOAD_HORIZONS])
{
	cJSON *entry = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(entry, "region", name);
	list = cJSON_AddArrayToObject(entry, "horizons");
	for (size_t h = 0; h < LOAD_HORIZONS; h++) {
		cJSON *horizon = cJSON_CreateObject();

		cJSON_AddNumberToObject(horizon, "horizon_s", (double)load_horizons_s[h]);
		if (isnan(gains[h]))
			cJSON_AddNullToObject(horizon, "error_by_holt_winters");
		else
			cJSON_AddNumberToObject(horizon, "error_by_holt_winters", rint(gains[h] * 1000) / 1000);
		cJSON_AddItemToArray(list, horizon);
	}
	cJSON_AddItemToArray(regions, entry);
}

bool
trainer_due(struct wall last, size_t events_then, size_t events_now, struct wall now)
{
	if (last.ms > 0 && now.ms - last.ms < HOUR_MS)
		return false;
	return events_now >= TRAINER_EVENTS_LEAST && (last.ms == 0 || events_now > events_then);
}
