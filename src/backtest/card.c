/* card.c -- a model's card as JSON.
 * In: the model, its scores beside those of the baselines, and words about its data.  Out: text.
 * Threads: any.
 * Scores have four digits: more would be noise, and the file stays the same where the last bit differs.
 */
#include "backtest/card.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

static cJSON *features_of(const struct model *model);
static cJSON *training_of(const struct model *model);
static cJSON *scores_of(const struct comparison *comparison);
static cJSON *score_of(const struct comparison *comparison, size_t contestant);
static cJSON *calibration_of(const struct reliability bins[static EVALUATE_BINS]);
static void add_interval(cJSON *object, const char *name, struct interval interval, int digits);
static void add_number(cJSON *object, const char *name, double value, int digits);
static cJSON *number_of(double value, int digits);
static void add_time(cJSON *object, const char *name, int64_t time_s);

char *
card_write(const struct model *model, const struct comparison *comparison, const struct card_notes *notes)
{
	cJSON *root = cJSON_CreateObject();
	char made[CLOCK_TEXT_SIZE], *text;

	cJSON_AddStringToObject(root, "model", model->id);
	cJSON_AddStringToObject(root, "sha256", model->id);	/* of its text: an id is nothing else */
	cJSON_AddStringToObject(root, "kind", "failure");
	cJSON_AddStringToObject(root, "question", "Does an incident begin in this region within the horizon?");
	cJSON_AddNumberToObject(root, "horizon_s", (double)model->horizon_s);
	cJSON_AddStringToObject(root, "made", wall_text(notes->made, made));
	if (notes->data[0] != '\0')
		cJSON_AddStringToObject(root, "data", notes->data);
	if (notes->licence[0] != '\0')
		cJSON_AddStringToObject(root, "licence", notes->licence);
	if (notes->note[0] != '\0')
		cJSON_AddStringToObject(root, "note", notes->note);
	cJSON_AddItemToObject(root, "training", training_of(model));
	if (comparison != NULL)
		cJSON_AddItemToObject(root, "evaluation", scores_of(comparison));
	cJSON_AddItemToObject(root, "features", features_of(model));
	text = root == NULL ? NULL : cJSON_Print(root);
	cJSON_Delete(root);
	return text;
}

static cJSON *
features_of(const struct model *model)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < model->table->count; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(model->table->list[i].name));
	return list;
}

static cJSON *
training_of(const struct model *model)
{
	cJSON *training = cJSON_CreateObject();
	char library[32], seed[32];

	snprintf(library, sizeof(library), "libsvm %d.%02d", model->library / 100, model->library % 100);
	snprintf(seed, sizeof(seed), "%" PRIu64, model->seed);
	add_time(training, "from", model->from_s);
	add_time(training, "to", model->to_s);
	cJSON_AddNumberToObject(training, "rows", (double)model->rows);
	cJSON_AddNumberToObject(training, "positives", (double)model->positives);
	cJSON_AddNumberToObject(training, "incidents", (double)model->events);
	add_number(training, "base_rate", model->prevalence, 6);
	cJSON_AddStringToObject(training, "library", library);
	cJSON_AddStringToObject(training, "seed", seed);
	cJSON_AddBoolToObject(training, "skill", model->skill);
	if (!model->skill)
		return training;
	cJSON_AddStringToObject(training, "kernel", machine_kernel_names[model->settings.kernel]);
	add_number(training, "c", model->settings.c, 6);
	add_number(training, "gamma", model->settings.gamma, 6);
	add_number(training, "positive_weight", model->settings.weight, 6);
	cJSON_AddNumberToObject(training, "support_vectors", (double)machine_vectors(model->machine));
	add_number(training, "platt_slope", model->platt.slope, 4);
	add_number(training, "platt_offset", model->platt.offset, 4);
	return training;
}

static cJSON *
scores_of(const struct comparison *comparison)
{
	const struct evaluation *first = &comparison->scores[CONTESTANT_MODEL];
	cJSON *object = cJSON_CreateObject(), *list = cJSON_CreateArray(), *calibration;

	add_time(object, "from", comparison->from_s);
	add_time(object, "to", comparison->to_s);
	cJSON_AddNumberToObject(object, "rows", (double)first->rows);
	cJSON_AddNumberToObject(object, "incidents", (double)first->events);
	add_number(object, "base_rate", first->prevalence, 6);
	for (size_t i = 0; i < CONTESTANT_COUNT; i++)
		cJSON_AddItemToArray(list, score_of(comparison, i));
	cJSON_AddItemToObject(object, "scores", list);
	calibration = cJSON_AddObjectToObject(object, "calibration");
	cJSON_AddItemToObject(calibration, "by_scale", calibration_of(first->widths));
	cJSON_AddItemToObject(calibration, "by_rows", calibration_of(first->masses));
	return object;
}

static cJSON *
score_of(const struct comparison *comparison, size_t contestant)
{
	const struct evaluation *e = &comparison->scores[contestant];
	const struct intervals *intervals = &comparison->intervals[contestant];
	cJSON *entry = cJSON_CreateObject();

	cJSON_AddStringToObject(entry, "name", contestant_names[contestant]);
	add_number(entry, "average_precision", e->average_precision, 4);
	add_interval(entry, "average_precision_95", intervals->average_precision, 4);
	add_number(entry, "roc_auc", e->roc_auc, 4);
	add_number(entry, "brier", e->brier, 6);
	add_number(entry, "brier_skill", e->brier_skill, 4);
	add_interval(entry, "brier_skill_95", intervals->brier_skill, 4);
	add_number(entry, "calibration_error", e->calibration_error, 4);
	add_number(entry, "recall", e->best.recall, 3);
	add_interval(entry, "recall_95", intervals->recall, 3);
	add_number(entry, "false_alarms_per_day", e->best.false_alarms_per_day, 3);
	add_number(entry, "median_lead_s", e->best.lead_s, 0);
	return entry;
}

/* What the model said and what came. Of rare events nearly all rows are in the lowest tenth of the scale, so the card
 * has tenths of the rows, too. */
static cJSON *
calibration_of(const struct reliability bins[static EVALUATE_BINS])
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < EVALUATE_BINS; i++) {
		cJSON *bin;

		if (bins[i].rows == 0)
			continue;
		bin = cJSON_CreateObject();
		cJSON_AddNumberToObject(bin, "rows", (double)bins[i].rows);
		add_number(bin, "said", bins[i].said, 5);
		add_number(bin, "came", bins[i].came, 5);
		cJSON_AddItemToArray(list, bin);
	}
	return list;
}

/* [low, high]; null where there are too few incidents to tell. */
static void
add_interval(cJSON *object, const char *name, struct interval interval, int digits)
{
	cJSON *list;

	if (!isfinite(interval.low) || !isfinite(interval.high)) {
		cJSON_AddNullToObject(object, name);
		return;
	}
	list = cJSON_AddArrayToObject(object, name);
	cJSON_AddItemToArray(list, number_of(interval.low, digits));
	cJSON_AddItemToArray(list, number_of(interval.high, digits));
}

static void
add_number(cJSON *object, const char *name, double value, int digits)
{
	cJSON_AddItemToObject(object, name, number_of(value, digits));
}

/* Rounded to so many digits behind the point; null when it isn't finite. */
static cJSON *
number_of(double value, int digits)
{
	char text[512];

	snprintf(text, sizeof(text), "%.*f", digits, value);
	return isfinite(value) ? cJSON_CreateNumber(strtod(text, NULL)) : cJSON_CreateNull();
}

static void
add_time(cJSON *object, const char *name, int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];

	cJSON_AddStringToObject(object, name, wall_text((struct wall){ time_s * 1000 }, text));
}
