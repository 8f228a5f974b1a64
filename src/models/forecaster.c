/* forecaster.c -- windows of all regions kept up to date from the store, and what the models in service say of them.
 * In: the store, the time.  Out: probabilities and loads per region and horizon, or the reason why there are none.
 * Threads: its owner's.
 *
 * Only minutes that are over count, since the models were trained on whole ones. The last ten are read from raw samples
 * again and again, as reports come late; the rest comes from the rollups, once a minute. Windows hold the metrics that
 * some model was made for. No model, a region inside an incident, too little history: no prediction, with the reason;
 * the static weights stand then. */
#include "models/forecaster.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "predict/history.h"
#include "predict/why.h"

#define WINDOW_MIN (FEATURES_HISTORY_MIN + 90)
#define LOAD_MIN (LOAD_HISTORY_DAYS * 1440)
#define RAW_MIN 10			/* minutes read again from raw samples each time */
#define INCIDENT_DAYS 8			/* as far back as the recurrence feature looks, and a day */
#define DAY_S 86400
#define ALARMING 3			/* times the base rate */

struct forecaster {
	struct store_reader *reader;
	struct speakers speakers;
	struct dataset *regions;	/* as far back as features look */
	struct dataset *loads;		/* requests only, as far back as load forecasts look */
	int64_t minute_s;		/* the first minute that isn't over */
};

static bool same_regions(const struct forecaster *f, const char *const *regions, size_t count);
static int update_windows(struct forecaster *f, const char *const *regions, size_t count, int64_t minute_s);
static int new_windows(struct forecaster *f, const char *const *regions, size_t count, int64_t minute_s);
static int update_dataset(struct forecaster *f, struct dataset *dataset, bool anew, size_t gone, int64_t minute_s);
static void ask_failure(const struct forecaster *f, size_t region, size_t horizon, struct forecast *forecast);
static void ask_loads(const struct forecaster *f, size_t region, struct forecast *list, size_t count);
static const char *unranked(const struct forecaster *f, size_t region);
static const char *not_now(const struct forecaster *f, size_t region);
static bool in_incident(const struct dataset_series *series, int64_t t);

struct forecaster *
forecaster_new(struct store_reader *reader, const char *models_dir)
{
	struct forecaster *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->reader = reader;
	if (!speakers_init(&f->speakers, models_dir)) {
		free(f);
		return NULL;
	}
	return f;
}

void
forecaster_free(struct forecaster *f)
{
	if (f == NULL)
		return;
	dataset_free(f->regions);
	dataset_free(f->loads);
	speakers_fini(&f->speakers);
	free(f);
}

int
forecaster_update(struct forecaster *f, const char *const *regions, size_t count, struct wall now)
{
	int64_t minute_s = now.ms / 1000 - now.ms / 1000 % WINDOW_STEP_S;
	bool changed;
	int status = speakers_update(&f->speakers, f->reader, &changed);

	if (status != 0)
		return status;
	if (changed) {
		dataset_free(f->regions);
		f->regions = NULL;
	}
	return update_windows(f, regions, count, minute_s);
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
		f->regions = f->loads = NULL;
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

static int
new_windows(struct forecaster *f, const char *const *regions, size_t count, int64_t minute_s)
{
	struct metrics *metrics = metrics_new(), *rps = metrics_new();
	int status = metrics == NULL || rps == NULL ? -ENOMEM : 0;

	if (status == 0) {
		speakers_metrics(&f->speakers, metrics);
		metrics_add(metrics, "rps");
		metrics_add(rps, "rps");
		f->regions = history_new(regions, count, minute_s - WINDOW_MIN * WINDOW_STEP_S, minute_s, metrics);
		f->loads = history_new(regions, count, minute_s - LOAD_MIN * WINDOW_STEP_S, minute_s, rps);
		status = f->regions == NULL || f->loads == NULL ? -ENOMEM : 0;
	}
	if (status == 0)
		status = speakers_place(&f->speakers, f->regions->metrics);
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

size_t
forecaster_ask(const struct forecaster *f, size_t region, struct forecast list[static FORECASTS_MAX])
{
	size_t count = 0;

	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		list[count] = (struct forecast){ .horizon_s = (uint32_t)failure_horizons_s[h],
			.role = SPEAKER_SERVING };
		ask_failure(f, region, h, &list[count++]);
	}
	list[count] = (struct forecast){ .horizon_s = (uint32_t)load_horizons_s[LOAD_HORIZONS - 1],
		.role = SPEAKER_SERVING, .probability = (double)NAN, .probability_low = (double)NAN,
		.probability_high = (double)NAN, .reason = "no model looks so far ahead: it's for the load" };
	count++;
	ask_loads(f, region, list, count);
	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		if (f->speakers.list[h][SPEAKER_SHADOW].model == NULL)
			continue;
		list[count] = (struct forecast){ .horizon_s = (uint32_t)failure_horizons_s[h], .role = SPEAKER_SHADOW,
			.load = (double)NAN, .load_low = (double)NAN, .load_high = (double)NAN };
		ask_failure(f, region, h, &list[count++]);
	}
	return count;
}

void
forecaster_why(const struct forecaster *f, size_t region, size_t horizon, struct text *json)
{
	const struct speaker *speaker = &f->speakers.list[horizon][SPEAKER_SERVING];
	struct why found[WHY_MOST];
	double features[FEATURES_MAX];

	if (speaker->model == NULL || not_now(f, region) != NULL)
		return;
	features_compute(speaker->table, f->regions, region, f->regions->series[region].window->length - 1,
	    failure_horizons_s[horizon], features);
	if (!why_write(speaker->model, found, why_find(speaker->model, features, found), json))
		text_fini(json);
}

bool
forecaster_alarming(const struct forecaster *f, size_t horizon, double probability)
{
	const struct model *model = f->speakers.list[horizon][SPEAKER_SERVING].model;

	return model != NULL && probability >= ALARMING * model->prevalence;
}

static void
ask_failure(const struct forecaster *f, size_t region, size_t horizon, struct forecast *forecast)
{
	const struct speaker *speaker = &f->speakers.list[horizon][forecast->role];
	const char *missing = speaker->model == NULL ? speaker->none : not_now(f, region);
	double features[FEATURES_MAX];

	forecast->probability = forecast->probability_low = forecast->probability_high = (double)NAN;
	if (missing == NULL) {
		features_compute(speaker->table, f->regions, region, f->regions->series[region].window->length - 1,
		    failure_horizons_s[horizon], features);
		if (model_strangeness(speaker->model, features) > MODEL_STRANGE)
			missing = "its metrics are unlike those that the model was trained on";
	}
	if (missing != NULL) {
		snprintf(forecast->reason, sizeof(forecast->reason), "%s", missing);
		return;
	}
	forecast->probability = model_probability(speaker->model, features);
	model_band(speaker->model, features, &forecast->probability_low, &forecast->probability_high);
	memcpy(forecast->model, speaker->id, sizeof(forecast->model));
	if (!isfinite(forecast->probability)) {
		forecast->probability = forecast->probability_low = forecast->probability_high = (double)NAN;
		snprintf(forecast->reason, sizeof(forecast->reason), "the model's answer isn't finite");
	}
}

/* Why nothing can be said of a region now, whatever the model; NULL: it can. */
static const char *
not_now(const struct forecaster *f, size_t region)
{
	const struct dataset_series *series = &f->regions->series[region];

	if (in_incident(series, f->minute_s + WINDOW_STEP_S))
		return "the region is in an incident";
	return features_missing(series->window, series->window->length - 1);
}

/* `list` is by horizon; those that loads aren't forecast for have none. */
static void
ask_loads(const struct forecaster *f, size_t region, struct forecast *list, size_t count)
{
	const struct window *window = f->loads->series[region].window;
	struct load_band bands[LOAD_HORIZONS];

	load_forecast(window->values[METRIC_RPS], window->length, window->start_s, f->speakers.load,
	    f->loads->series[region].name, bands);
	for (size_t i = 0; i < count; i++) {
		list[i].load = list[i].load_low = list[i].load_high = (double)NAN;
		for (size_t h = 0; h < LOAD_HORIZONS; h++) {
			if (load_horizons_s[h] != list[i].horizon_s)
				continue;
			list[i].load = bands[h].middle;
			list[i].load_low = bands[h].lower;
			list[i].load_high = bands[h].upper;
		}
	}
}

static bool
in_incident(const struct dataset_series *series, int64_t t)
{
	size_t next = incidents_after(&series->incidents, t);

	return next > 0 && series->incidents.list[next - 1].end_s > t;
}

/* Inside an incident too: that a region is odd then is what people expect to see. */
struct oddity
forecaster_odd(const struct forecaster *f, size_t region)
{
	struct oddity oddity = { .rank = (double)NAN };
	const char *none = unranked(f, region);

	if (none == NULL)
		oddity.rank = anomalies_rank(f->speakers.anomalies, f->regions->series[region].name,
		    f->regions->series[region].window, f->regions->series[region].window->length - 1, &none);
	if (none != NULL)
		snprintf(oddity.reason, sizeof(oddity.reason), "%s", none);
	return oddity;
}

static const char *
unranked(const struct forecaster *f, size_t region)
{
	const struct window *window = f->regions->series[region].window;

	if (f->speakers.anomalies == NULL)
		return "no model of anomalies has been trained here yet";
	return features_missing(window, window->length - 1);
}

void
forecaster_odd_why(const struct forecaster *f, size_t region, struct text *json)
{
	const struct dataset_series *series = &f->regions->series[region];
	struct odd found[ODD_MOST];
	size_t count = unranked(f, region) != NULL ? 0 :
	    anomalies_why(f->speakers.anomalies, series->name, series->window, series->window->length - 1, found);
	cJSON *list = cJSON_CreateArray();
	char *text;

	for (size_t i = 0; i < count; i++) {
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "metric", found[i].metric);
		cJSON_AddNumberToObject(entry, "value", found[i].value);
		cJSON_AddNumberToObject(entry, "without", found[i].without);
		cJSON_AddItemToArray(list, entry);
	}
	text = count == 0 || list == NULL ? NULL : json_write(list);
	if (text != NULL)
		text_puts(json, text);
	cJSON_Delete(list);
	free(text);
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
	return f->speakers.load_trained;
}

struct wall
forecaster_anomalies_trained(const struct forecaster *f)
{
	return f->speakers.anomalies_trained;
}
