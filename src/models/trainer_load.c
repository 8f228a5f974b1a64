/* trainer_load.c -- corrections of load forecasts, trained on the store's history.
 * In: the store, the regions, the time.  Out: the model with its card, as the API takes it.
 * Threads: a process of its own.
 * Nothing is judged here: each correction was kept only where it was better than smoothing on the newest two days. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "load/load.h"
#include "models/trainer.h"
#include "predict/history.h"
#include "store/store.h"

#define DAY_S 86400

static int read_loads(struct store_reader *reader, const struct trainer_job *job, struct dataset **dataset);
static int train(const struct trainer_job *job, const struct dataset *dataset, struct text *output);
static bool any_trained(const double gains[static LOAD_HORIZONS]);
static void add_region(cJSON *regions, const char *name, const double gains[static LOAD_HORIZONS]);
static char *body_of(const struct trainer_job *job, const char *parts, cJSON *card);

int
trainer_run_load(struct text *output, void *arg)
{
	const struct trainer_job *job = arg;
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(job->store, &error);
	struct dataset *dataset = NULL;
	int status = -EIO;

	if (reader == NULL)
		text_puts(output, error.bytes);
	else
		status = read_loads(reader, job, &dataset);
	if (reader != NULL && status == 0)
		status = train(job, dataset, output);
	dataset_free(dataset);
	if (reader != NULL)
		store_reader_close(reader);
	text_fini(&error);
	return status;
}

static int
read_loads(struct store_reader *reader, const struct trainer_job *job, struct dataset **dataset)
{
	int64_t to_s = job->now.ms / 1000 - job->now.ms / 1000 % WINDOW_STEP_S;
	int64_t from_s = to_s - LOAD_HISTORY_DAYS * DAY_S;
	struct metrics *metrics = metrics_new();

	if (metrics == NULL || metrics_add(metrics, "rps") == METRIC_NONE) {
		metrics_free(metrics);
		return -ENOMEM;
	}
	*dataset = history_new(job->regions, job->region_count, from_s, to_s, metrics);
	metrics_free(metrics);
	return *dataset == NULL ? -ENOMEM : history_fill(reader, *dataset, RESOLUTION_MINUTE, from_s, to_s);
}

static int
train(const struct trainer_job *job, const struct dataset *dataset, struct text *output)
{
	cJSON *card = cJSON_CreateObject(), *regions = cJSON_AddArrayToObject(card, "regions");
	struct text parts = { 0 };
	double gains[LOAD_HORIZONS];
	char *json = NULL;
	size_t tried = 0;
	int status = 0;

	for (size_t i = 0; i < dataset->count && status == 0; i++) {
		const struct dataset_series *series = &dataset->series[i];
		const struct window *window = series->window;

		status = load_train(window->values[METRIC_RPS], window->length, window->start_s, series->name, &parts,
		    gains);
		if (status != 0 || !any_trained(gains))
			continue;
		tried++;
		add_region(regions, series->name, gains);
	}
	text_puts(&parts, "");
	if (status == 0 && tried == 0) {
		text_printf(output, "no region has %d days of requests/s", LOAD_TRAIN_DAYS);
		status = -ENODATA;
	} else if (status == 0) {
		json = parts.failed ? NULL : body_of(job, parts.bytes, card);
		status = json == NULL ? -ENOMEM : 0;
	}
	if (json != NULL)
		text_puts(output, json);
	cJSON_Delete(card);
	text_fini(&parts);
	free(json);
	return status;
}

static bool
any_trained(const double gains[static LOAD_HORIZONS])
{
	bool any = false;

	for (size_t h = 0; h < LOAD_HORIZONS; h++)
		any |= !isnan(gains[h]);
	return any;
}

/* By horizon: the error with the correction by that of smoothing alone, on days that it wasn't trained on. */
static void
add_region(cJSON *regions, const char *name, const double gains[static LOAD_HORIZONS])
{
	cJSON *entry = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(entry, "region", name);
	list = cJSON_AddArrayToObject(entry, "error_by_holt_winters");
	for (size_t h = 0; h < LOAD_HORIZONS; h++)
		cJSON_AddItemToArray(list, isnan(gains[h]) ? cJSON_CreateNull() :
		    cJSON_CreateNumber(rint(gains[h] * 1000) / 1000));
	cJSON_AddItemToArray(regions, entry);
}

static char *
body_of(const struct trainer_job *job, const char *parts, cJSON *card)
{
	cJSON *root = cJSON_CreateObject(), *horizons;
	char *text = load_write(parts), *json = NULL, trained[CLOCK_TEXT_SIZE];

	if (text != NULL && root != NULL) {
		cJSON_AddStringToObject(card, "kind", "load");
		cJSON_AddStringToObject(card, "question", "How many requests/s does this region bear at the horizon?");
		horizons = cJSON_AddArrayToObject(card, "horizons_s");
		for (size_t h = 0; h < LOAD_HORIZONS; h++)
			cJSON_AddItemToArray(horizons, cJSON_CreateNumber((double)load_horizons_s[h]));
		cJSON_AddStringToObject(root, "kind", "load");
		cJSON_AddNumberToObject(root, "horizon_s", 0);
		cJSON_AddStringToObject(root, "trained", wall_text(job->now, trained));
		cJSON_AddStringToObject(root, "status", "serving");
		cJSON_AddItemToObject(root, "card", cJSON_Duplicate(card, true));
		cJSON_AddStringToObject(root, "text", text);
		json = json_write(root);
	}
	cJSON_Delete(root);
	free(text);
	return json;
}
