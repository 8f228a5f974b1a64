/* ablation.c -- a feed's contribution, measured.
 * In: a model, and rows that it hasn't seen.  Out: average precision with and without each signal.
 * Threads: any.
 * Without means unknown, as when the feed is stale: that is what a broken feed would cost. A signal whose absence
 * changes nothing can go. All positives count, and of the negatives a sample with their weight. */
#include "models/ablation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "predict/evaluate.h"

/* Rows are decided upon once more for every signal: a second for each, however many regions. Those that are left out
 * are stood for by weights. */
#define NEGATIVES_MOST 10000

struct study {
	const struct model *model;
	const struct dataset *dataset;
	struct rows rows;		/* thinned */
	struct feature_table *table;
	double *features, *scores, *weights;
	bool *positives;
};

static bool open_study(struct study *study, const struct rows *rows);
static void close_study(struct study *study);
static bool signal_name(const char *metric, char name[static METRIC_NAME_SIZE]);
static bool is_new(cJSON *list, const char *name);
static double precision_without(struct study *study, const char *name);
static bool belongs(const struct model *model, size_t feature, const char *name);

cJSON *
ablation_of(const struct model *model, const struct dataset *dataset, const struct rows *rows)
{
	struct study study = { .model = model, .dataset = dataset };
	cJSON *list = cJSON_CreateArray();
	char name[METRIC_NAME_SIZE];
	double with = (double)NAN;

	for (size_t m = 0; list != NULL && model->skill && m < model->metrics->count; m++) {
		const struct metric_info *info = &model->metrics->list[m];
		cJSON *entry;

		if (!info->used || !signal_name(info->name, name) || !is_new(list, name))
			continue;
		if (study.features == NULL) {
			if (!open_study(&study, rows)) {
				cJSON_Delete(list);
				list = NULL;
				break;
			}
			with = precision_without(&study, NULL);
		}
		entry = cJSON_CreateObject();
		cJSON_AddStringToObject(entry, "signal", name);
		cJSON_AddNumberToObject(entry, "average_precision", rint(with * 1e4) / 1e4);
		cJSON_AddNumberToObject(entry, "without", rint(precision_without(&study, name) * 1e4) / 1e4);
		cJSON_AddItemToArray(list, entry);
	}
	close_study(&study);
	return list;
}

static bool
open_study(struct study *study, const struct rows *rows)
{
	size_t count = rows->count;
	double share;

	study->table = feature_table_new(study->model->metrics, study->dataset->metrics);
	study->features = malloc((study->model->table->count + 1) * sizeof(double));
	study->scores = malloc((count + 1) * sizeof(double));
	study->positives = malloc((count + 1) * sizeof(bool));
	study->weights = malloc((count + 1) * sizeof(double));
	study->rows.list = malloc((count + 1) * sizeof(*rows->list));
	if (study->table == NULL || study->features == NULL || study->scores == NULL || study->positives == NULL ||
	    study->weights == NULL || study->rows.list == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		study->rows.list[i] = rows->list[i];
	study->rows.count = count;
	share = rows_thin(&study->rows, NEGATIVES_MOST, study->model->seed);
	for (size_t i = 0; i < study->rows.count; i++)
		study->weights[i] = study->rows.list[i].positive ? 1 : 1 / share;
	return true;
}

static void
close_study(struct study *study)
{
	feature_table_free(study->table);
	free(study->features);
	free(study->scores);
	free(study->positives);
	free(study->weights);
	rows_fini(&study->rows);
}

/* "NAME" of "signal:NAME" and "signal:NAME:age". */
static bool
signal_name(const char *metric, char name[static METRIC_NAME_SIZE])
{
	size_t length;

	if (strncmp(metric, ABLATION_PREFIX, sizeof(ABLATION_PREFIX) - 1) != 0)
		return false;
	metric += sizeof(ABLATION_PREFIX) - 1;
	length = strcspn(metric, ":");
	memcpy(name, metric, length);
	name[length] = '\0';
	return true;
}

static bool
is_new(cJSON *list, const char *name)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, list) {
		if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "signal")), name) == 0)
			return false;
	}
	return true;
}

/* `name` NULL: with all. */
static double
precision_without(struct study *study, const char *name)
{
	for (size_t i = 0; i < study->rows.count; i++) {
		const struct row *row = &study->rows.list[i];

		features_compute(study->table, study->dataset, row->series, row->step, study->model->horizon_s,
		    study->features);
		for (size_t f = 0; name != NULL && f < study->table->count; f++) {
			if (belongs(study->model, f, name))
				study->features[f] = (double)NAN;
		}
		study->scores[i] = model_score(study->model, study->features);
		study->positives[i] = row->positive;
	}
	return average_precision(study->scores, study->positives, study->weights, study->rows.count);
}

static bool
belongs(const struct model *model, size_t feature, const char *name)
{
	size_t metric = model->table->list[feature].metric;
	char whose[METRIC_NAME_SIZE];

	return metric != METRIC_NONE && signal_name(model->metrics->list[metric].name, whose) &&
	    strcmp(whose, name) == 0;
}
