/* trainer_anomaly.c -- machines that tell how odd a moment is, trained on the store's history.
 * In: the store, the regions, the time.  Out: the model with its card, as the API takes it.
 * Threads: a process of its own.
 *
 * Each region has a machine of its own, of all metrics that it reports, and is read by itself: so the memory is that of
 * one region. Minutes inside incidents aren't learnt, or what recurs would become usual. Nothing is judged here: labels
 * of what is odd don't exist in service, and a rank moves no traffic. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "models/trainer.h"
#include "predict/anomalies.h"
#include "predict/history.h"
#include "predict/machine.h"
#include "store/store.h"

#define DAY_S 86400

/* What is made of one region after the other. */
struct making {
	const struct trainer_job *job;
	struct store_reader *reader;
	struct text parts;
	cJSON *regions;			/* of the card */
	size_t made;
};

static int add_region(struct making *making, const char *region, struct text *error);
static struct dataset *read_region(const struct making *making, const char *region, int *status);
static double *rows_of(const struct dataset *dataset, size_t width, size_t *count);
static int train_region(struct making *making, const struct dataset *dataset, struct text *error);
static int finish(struct making *making, struct text *output);
static char *body_of(struct making *making, const char *text);

int
trainer_run_anomaly(struct text *output, void *arg)
{
	struct making making = { .job = arg, .regions = cJSON_CreateArray() };
	struct text error = { 0 };
	int status = making.regions == NULL ? -ENOMEM : 0;

	making.reader = store_reader_open(making.job->store, &error);
	if (making.reader == NULL)
		status = -EIO;
	for (size_t i = 0; i < making.job->region_count && status == 0; i++)
		status = add_region(&making, making.job->regions[i], &error);
	if (status == 0)
		status = finish(&making, output);
	else if (error.length > 0)
		text_puts(output, error.bytes);
	if (making.reader != NULL)
		store_reader_close(making.reader);
	cJSON_Delete(making.regions);
	text_fini(&making.parts);
	text_fini(&error);
	return status;
}

/* A region with too little history is left out. */
static int
add_region(struct making *making, const char *region, struct text *error)
{
	int status = 0;
	struct dataset *dataset = read_region(making, region, &status);

	if (status == 0 && metrics_used(dataset->metrics) > 0)
		status = train_region(making, dataset, error);
	dataset_free(dataset);
	return status;
}

static struct dataset *
read_region(const struct making *making, const char *region, int *status)
{
	int64_t to_s = making->job->now.ms / 1000 - making->job->now.ms / 1000 % WINDOW_STEP_S;
	int64_t from_s = to_s - TRAINER_ANOMALY_DAYS * DAY_S;
	struct metrics *metrics = metrics_new();
	struct dataset *dataset = NULL;

	*status = metrics == NULL ? -ENOMEM : history_metrics(making->reader, &region, 1, metrics);
	if (*status == 0) {
		dataset = history_new(&region, 1, from_s, to_s, metrics);
		*status = dataset == NULL ? -ENOMEM :
		    history_fill(making->reader, dataset, RESOLUTION_MINUTE, from_s, to_s);
	}
	if (*status == 0)
		*status = history_incidents(making->reader, dataset, from_s, to_s);
	metrics_free(metrics);
	return dataset;
}

static int
train_region(struct making *making, const struct dataset *dataset, struct text *error)
{
	const char *region = dataset->series[0].name;
	size_t count, length, width = anomaly_width(dataset->metrics);
	double *rows = rows_of(dataset, width, &count);
	char *text = NULL;
	cJSON *entry;

	if (rows != NULL && count >= TRAINER_ANOMALY_MINUTES_LEAST) {
		text = anomaly_train(rows, count, width, making->job->seed, &length, error);
		if (text != NULL)
			anomalies_add(&making->parts, region, dataset->metrics, text, length);
		making->made += text != NULL;
		entry = cJSON_CreateObject();
		cJSON_AddStringToObject(entry, "region", region);
		cJSON_AddNumberToObject(entry, "minutes", (double)count);
		cJSON_AddNumberToObject(entry, "metrics", (double)metrics_used(dataset->metrics));
		cJSON_AddItemToArray(making->regions, entry);
		if (text == NULL) {
			free(rows);
			return -EINVAL;
		}
	}
	free(text);
	free(rows);
	return rows == NULL ? -ENOMEM : 0;
}

/* Of the minutes that have a sample and lie in no incident. */
static double *
rows_of(const struct dataset *dataset, size_t width, size_t *count)
{
	const struct dataset_series *series = &dataset->series[0];
	const struct window *window = series->window;
	double *rows = malloc((window->length * width + 1) * sizeof(*rows));

	*count = 0;
	for (size_t step = 0; rows != NULL && step < window->length; step++) {
		bool known = false;

		for (size_t m = 0; m < window->metrics->count && !known; m++)
			known = window->values[m] != NULL && !isnan(window->values[m][step]);
		if (known && !incidents_inside(&series->incidents, window_time(window, step)))
			anomaly_row(window, step, rows + (*count)++ * width);
	}
	return rows;
}

static int
finish(struct making *making, struct text *output)
{
	size_t length;
	char *text, *json;

	if (making->made == 0) {
		text_printf(output, "no region has %d minutes of samples", TRAINER_ANOMALY_MINUTES_LEAST);
		return -ENODATA;
	}
	text = anomalies_write(&making->parts, &length);
	json = text == NULL ? NULL : body_of(making, text);
	if (json != NULL)
		text_puts(output, json);
	free(text);
	free(json);
	return json == NULL ? -ENOMEM : 0;
}

static char *
body_of(struct making *making, const char *text)
{
	cJSON *root = cJSON_CreateObject(), *card = cJSON_AddObjectToObject(root, "card");
	char *json, trained[CLOCK_TEXT_SIZE];

	cJSON_AddStringToObject(card, "kind", "anomaly");
	cJSON_AddStringToObject(card, "question", "What share of the time before was less odd than this minute?");
	cJSON_AddNumberToObject(card, "days", TRAINER_ANOMALY_DAYS);
	cJSON_AddNumberToObject(card, "seed", (double)making->job->seed);
	cJSON_AddNumberToObject(card, "libsvm", machine_library_version());
	cJSON_AddItemToObject(card, "regions", making->regions);
	making->regions = NULL;
	cJSON_AddStringToObject(root, "kind", "anomaly");
	cJSON_AddNumberToObject(root, "horizon_s", 0);
	cJSON_AddStringToObject(root, "trained", wall_text(making->job->now, trained));
	cJSON_AddStringToObject(root, "status", "serving");
	cJSON_AddStringToObject(root, "text", text);
	json = root == NULL ? NULL : json_write(root);
	cJSON_Delete(root);
	return json;
}
