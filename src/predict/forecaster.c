/* forecaster.c -- windows of all regions kept up to date from the store, and what the model in service says of them.
 * In: the store, the time.  Out: a probability and a load per region, or the reason why there is none.
 * Threads: its owner's.
 *
 * Only minutes that are over count, since the model was trained on whole ones. The last ten are read from raw samples
 * again and again, as reports come late; the rest comes from the rollups, once a minute. No model, a model for other
 * features, a region inside an incident, too little history: no prediction, with the reason; the static weights stand
 * then. */
#include "predict/forecaster.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "predict/features.h"
#include "predict/history.h"
#include "predict/load.h"
#include "predict/model.h"

#define WINDOW_MIN (FEATURES_HISTORY_MIN + 90)
#define LOAD_MIN (LOAD_HISTORY_DAYS * 1440)
#define RAW_MIN 10			/* minutes read again from raw samples each time */
#define INCIDENT_DAYS 8			/* as far back as the recurrence feature looks, and a day */
#define DAY_S 86400
#define SHIPPED_MODEL "failure-default.model"

struct forecaster {
	struct store_reader *reader;
	char *shipped_path;
	struct dataset *regions;	/* all metrics, as far back as features look */
	struct dataset *loads;		/* requests only, as far back as load forecasts look */
	int64_t minute_s;		/* the first minute that isn't over */
	struct model *model;
	struct feature_table *table;	/* the model's, for the windows of `regions`; NULL without a model */
	char serving[SHA256_TEXT_SIZE];	/* id in the store of the model in service; "": the shipped one */
	bool tried;			/* that one was tried; don't read a bad model again every round */
	char no_model[128];		/* why there is no model */
	struct load_model *load_model;
	char load_serving[SHA256_TEXT_SIZE];	/* id in the store of the load model in service, or "" */
	struct wall load_trained;
};

/* The newest model in the store that serves. */
struct serving {
	const char *kind;
	char id[SHA256_TEXT_SIZE];
	struct wall trained;
	struct text *blob;
};

static bool same_regions(const struct forecaster *f, const char *const *regions, size_t count);
static int update_windows(struct forecaster *f, const char *const *regions, size_t count, int64_t minute_s);
static int new_windows(struct forecaster *f, const char *const *regions, size_t count, int64_t minute_s);
static int update_dataset(struct forecaster *f, struct dataset *dataset, bool anew, size_t gone, int64_t minute_s);
static int update_model(struct forecaster *f);
static int update_load_model(struct forecaster *f);
static bool find_serving(void *arg, const struct model_row *row);
static bool take_serving(void *arg, const struct model_row *row);
static void adopt(struct forecaster *f, const char *bytes, size_t length, const char *name);
static void adopt_shipped(struct forecaster *f);
static bool in_incident(const struct dataset_series *series, int64_t t);

struct forecaster *
forecaster_new(struct store_reader *reader, const char *models_dir)
{
	struct forecaster *f = calloc(1, sizeof(*f));
	size_t length = strlen(models_dir) + sizeof("/" SHIPPED_MODEL);

	if (f == NULL)
		return NULL;
	f->reader = reader;
	f->shipped_path = malloc(length);
	if (f->shipped_path == NULL) {
		free(f);
		return NULL;
	}
	snprintf(f->shipped_path, length, "%s/%s", models_dir, SHIPPED_MODEL);
	return f;
}

void
forecaster_free(struct forecaster *f)
{
	if (f == NULL)
		return;
	dataset_free(f->regions);
	dataset_free(f->loads);
	model_free(f->model);
	feature_table_free(f->table);
	load_free(f->load_model);
	free(f->shipped_path);
	free(f);
}

int
forecaster_update(struct forecaster *f, const char *const *regions, size_t count, struct wall now)
{
	int64_t minute_s = now.ms / 1000 - now.ms / 1000 % WINDOW_STEP_S;
	int status = update_windows(f, regions, count, minute_s);

	if (status == 0)
		status = update_model(f);
	feature_table_free(f->table);
	f->table = f->model == NULL || f->regions == NULL ? NULL :
	    feature_table_new(f->model->metrics, f->regions->metrics);
	return status == 0 ? update_load_model(f) : status;
}

static int
update_windows(struct forecaster *f, const char *const *regions, size_t count, int64_t minute_s)
{
	int64_t gone = (minute_s - f->minute_s) / WINDOW_STEP_S;
	bool anew = f->regions == NULL || !same_regions(f, regions, count) || gone < 0 || gone > WINDOW_MIN;
	int status;

	if (anew) {
		dataset_free(f->regions);
		dataset_free(f->loads);
		f->regions = NULL;
		f->loads = NULL;
		status = new_windows(f, regions, count, minute_s);
		if (status != 0)
			return status;
		gone = 0;
	}
	status = update_dataset(f, f->regions, anew, (size_t)gone, minute_s);
	if (status == 0)
		status = update_dataset(f, f->loads, anew, (size_t)gone, minute_s);
	if (status == 0)
		status = history_incidents(f->reader, f->regions, minute_s - INCIDENT_DAYS * DAY_S,
		    minute_s + 2 * WINDOW_STEP_S);
	f->minute_s = status == 0 ? minute_s : 0;
	return status;
}

/* Of all metrics that the store has of the regions by now. */
static int
new_windows(struct forecaster *f, const char *const *regions, size_t count, int64_t minute_s)
{
	struct metrics *metrics = metrics_new(), *rps = metrics_new();
	int status = metrics == NULL || rps == NULL ? -ENOMEM : 0;

	if (status == 0)
		status = history_metrics(f->reader, regions, count, metrics);
	if (status == 0) {
		metrics_add(rps, "rps");
		f->regions = history_new(regions, count, minute_s - WINDOW_MIN * WINDOW_STEP_S, minute_s, metrics);
		f->loads = history_new(regions, count, minute_s - LOAD_MIN * WINDOW_STEP_S, minute_s, rps);
		status = f->regions == NULL || f->loads == NULL ? -ENOMEM : 0;
	}
	metrics_free(metrics);
	metrics_free(rps);
	return status;
}

/* Once a minute, what has been rolled up since, with the reports of the last hours that came late; and each time the
 * last minutes' raw samples. */
static int
update_dataset(struct forecaster *f, struct dataset *dataset, bool anew, size_t gone, int64_t minute_s)
{
	int64_t raw_s = minute_s - RAW_MIN * WINDOW_STEP_S, from_s = minute_s - FEATURES_HISTORY_MIN * WINDOW_STEP_S;
	int status = 0;

	for (size_t i = 0; i < dataset->count && gone > 0; i++)
		window_slide(dataset->series[i].window, gone);
	if (anew && dataset->count > 0)
		from_s = dataset->series[0].window->start_s;
	if (anew || gone > 0)
		status = history_fill(f->reader, dataset, RESOLUTION_MINUTE, from_s, raw_s);
	return status == 0 ? history_fill(f->reader, dataset, RESOLUTION_RAW, raw_s, minute_s) : status;
}

static bool
same_regions(const struct forecaster *f, const char *const *regions, size_t count)
{
	if (f->regions->count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(f->regions->series[i].name, regions[i]) != 0)
			return false;
	}
	return true;
}

static int
update_model(struct forecaster *f)
{
	struct text blob = { 0 };
	struct serving serving = { .kind = "failure", .blob = &blob };
	int status = store_models(f->reader, false, find_serving, &serving);

	if (status != 0)
		return status;
	if (f->tried && strcmp(serving.id, f->serving) == 0)
		return 0;
	f->tried = true;
	snprintf(f->serving, sizeof(f->serving), "%s", serving.id);
	model_free(f->model);
	f->model = NULL;
	f->no_model[0] = '\0';
	if (serving.id[0] != '\0')
		status = store_models(f->reader, true, take_serving, &serving);
	if (status == 0 && blob.length > 0)
		adopt(f, blob.bytes, blob.length, "the model in the store");
	if (f->model == NULL)
		adopt_shipped(f);
	text_fini(&blob);
	return status;
}

static int
update_load_model(struct forecaster *f)
{
	struct text blob = { 0 }, error = { 0 };
	struct serving serving = { .kind = "load", .blob = &blob };
	int status = store_models(f->reader, false, find_serving, &serving);

	if (status != 0 || strcmp(serving.id, f->load_serving) == 0)
		return status;
	status = store_models(f->reader, true, take_serving, &serving);
	snprintf(f->load_serving, sizeof(f->load_serving), "%s", serving.id);
	f->load_trained = serving.trained;
	load_free(f->load_model);
	f->load_model = blob.length == 0 ? NULL : load_read(blob.bytes, blob.length, &error);
	if (f->load_model != NULL)
		log_info("a load model serves: %.12s, %zu regions, %zu corrections", serving.id,
		    load_regions(f->load_model), load_corrections(f->load_model));
	else if (error.length > 0)
		log_warning("the load model in the store is refused: %s", error.bytes);
	text_fini(&blob);
	text_fini(&error);
	return status;
}

/* Rows come newest first. */
static bool
find_serving(void *arg, const struct model_row *row)
{
	struct serving *serving = arg;

	if (strcmp(row->kind, serving->kind) != 0 || strcmp(row->status, "serving") != 0)
		return true;
	snprintf(serving->id, sizeof(serving->id), "%s", row->id);
	serving->trained = row->trained;
	return false;
}

static bool
take_serving(void *arg, const struct model_row *row)
{
	struct serving *serving = arg;

	if (strcmp(row->id, serving->id) != 0)
		return true;
	text_add(serving->blob, row->blob, row->blob_length);
	return false;
}

static void
adopt(struct forecaster *f, const char *bytes, size_t length, const char *name)
{
	struct text error = { 0 };

	f->model = model_read(bytes, length, &error);
	if (f->model == NULL) {
		log_warning("%s is refused: %s", name, error.bytes);
		snprintf(f->no_model, sizeof(f->no_model), "no model: %s", error.bytes);
	} else {
		log_info("%s serves: %.12s, horizon %lld s", name, f->model->id, (long long)f->model->horizon_s);
	}
	text_fini(&error);
}

static void
adopt_shipped(struct forecaster *f)
{
	size_t length;
	int error;
	char *bytes = text_read_file(f->shipped_path, MODEL_SIZE_MAX, &length, &error);

	if (bytes == NULL) {
		log_warning("%s: %s", f->shipped_path, strerror(-error));
		if (f->no_model[0] == '\0')
			snprintf(f->no_model, sizeof(f->no_model), "no model: none in the store, and none was shipped");
		return;
	}
	adopt(f, bytes, length, "the shipped model");
	free(bytes);
}

void
forecaster_ask(const struct forecaster *f, size_t region, struct forecast *forecast)
{
	const struct dataset_series *series = &f->regions->series[region];
	const struct window *window = series->window, *load = f->loads->series[region].window;
	size_t at = window->length - 1;
	int64_t horizon_s = f->model == NULL ? 600 : f->model->horizon_s;
	const char *missing = features_missing(window, at);
	double features[FEATURES_MAX];

	*forecast = (struct forecast){ .probability = (double)NAN, .horizon_s = (uint32_t)horizon_s };
	load_forecast(load->values[METRIC_RPS], load->length, load->start_s, f->load_model, series->name, forecast->loads);
	forecast->load = forecast->loads[load_horizon(horizon_s)].middle;
	if (f->table == NULL) {
		snprintf(forecast->reason, sizeof(forecast->reason), "%s", f->no_model);
		return;
	}
	if (in_incident(series, f->minute_s + WINDOW_STEP_S))
		missing = "the region is in an incident";
	if (missing != NULL) {
		snprintf(forecast->reason, sizeof(forecast->reason), "%s", missing);
		return;
	}
	features_compute(f->table, f->regions, region, at, horizon_s, features);
	if (model_strangeness(f->model, features) > MODEL_STRANGE) {
		snprintf(forecast->reason, sizeof(forecast->reason), "%s",
		    "its metrics are unlike those that the model was trained on");
		return;
	}
	forecast->probability = model_probability(f->model, features);
	memcpy(forecast->model, f->model->id, sizeof(forecast->model));
	if (!isfinite(forecast->probability)) {
		forecast->probability = (double)NAN;
		snprintf(forecast->reason, sizeof(forecast->reason), "the model's answer isn't finite");
	}
}

static bool
in_incident(const struct dataset_series *series, int64_t t)
{
	size_t next = incidents_after(&series->incidents, t);

	return next > 0 && series->incidents.list[next - 1].end_s > t;
}

size_t
forecaster_events(const struct forecaster *f)
{
	size_t events = 0;

	for (size_t i = 0; f->regions != NULL && i < f->regions->count; i++)
		events += f->regions->series[i].incidents.count;
	return events;
}

struct wall
forecaster_load_trained(const struct forecaster *f)
{
	return f->load_trained;
}
