/* backtest_report.c -- a backtest as text and as JSON; the plots are in backtest_svg.c.
 * In: a backtest.  Out: words, or a tree.  Threads: any. */
#include "backtest/backtest_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static void print_reliability(const struct backtest *backtest, struct text *out);
static void print_notes(const struct text *notes, struct text *out);
static cJSON *scores_of(const struct backtest *backtest, size_t contestant);
static cJSON *alarms_of(const struct alarms *alarms);
static cJSON *bins_of(const struct reliability bins[static EVALUATE_BINS]);
static cJSON *notes_of(const struct text *notes);
static void add_number(cJSON *object, const char *name, double value);
static void add_interval(cJSON *object, const char *name, struct interval interval);
static void add_time(cJSON *object, const char *name, int64_t time_s);

void
backtest_print(const struct backtest *backtest, struct text *out)
{
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];

	if (backtest->rows.count > 0) {
		wall_text((struct wall){ backtest->comparison.from_s * 1000 }, from);
		wall_text((struct wall){ backtest->comparison.to_s * 1000 }, to);
		text_printf(out, "horizon %lld s, %s to %s, %zu series\n", (long long)backtest->horizon_s, from, to,
		    backtest->dataset->count);
	}
	if (backtest->judged) {
		compare_print(&backtest->comparison, out);
		print_reliability(backtest, out);
	}
	if (backtest->trainings > 0)
		text_printf(out, "trainings: %zu, of which %zu foresee something; at most %.1f s, %zu support "
		    "vectors\n", backtest->trainings, backtest->skilled, backtest->train_s, backtest->vectors);
	if (backtest->decide_s > 0)
		text_printf(out, "a forecast takes %.2f ms\n", backtest->decide_s * 1000);
	print_notes(&backtest->notes, out);
}

static void
print_reliability(const struct backtest *backtest, struct text *out)
{
	const struct evaluation *model = &backtest->comparison.scores[CONTESTANT_MODEL];

	text_puts(out, "reliability: said, came, rows\n");
	for (size_t b = 0; b < EVALUATE_BINS; b++) {
		const struct reliability *bin = &model->widths[b];

		if (bin->rows > 0)
			text_printf(out, "  %.1f-%.1f  %.4f  %.4f  %zu\n", (double)b / EVALUATE_BINS,
			    (double)(b + 1) / EVALUATE_BINS, bin->said, bin->came, bin->rows);
	}
}

static void
print_notes(const struct text *notes, struct text *out)
{
	if (notes->length > 0)
		text_printf(out, "note: %s", notes->bytes);
}

cJSON *
backtest_json(const struct backtest *backtest)
{
	cJSON *root = cJSON_CreateObject(), *list, *training;

	cJSON_AddNumberToObject(root, "horizon_s", (double)backtest->horizon_s);
	if (backtest->rows.count > 0) {
		add_time(root, "from", backtest->comparison.from_s);
		add_time(root, "to", backtest->comparison.to_s);
	}
	cJSON_AddNumberToObject(root, "series", (double)backtest->dataset->count);
	cJSON_AddNumberToObject(root, "rows", (double)backtest->rows.count);
	add_number(root, "base_rate", backtest->base_rate);
	if (backtest->judged) {
		const struct evaluation *model = &backtest->comparison.scores[CONTESTANT_MODEL];

		cJSON_AddNumberToObject(root, "positives", (double)model->positives);
		cJSON_AddNumberToObject(root, "incidents", (double)model->events);
		add_number(root, "prevalence", model->prevalence);
		add_number(root, "series_days", model->series_days);
	}
	training = cJSON_AddObjectToObject(root, "training");
	cJSON_AddNumberToObject(training, "trainings", (double)backtest->trainings);
	cJSON_AddNumberToObject(training, "with_skill", (double)backtest->skilled);
	cJSON_AddNumberToObject(training, "support_vectors", (double)backtest->vectors);
	add_number(training, "processor_s", backtest->train_s);
	add_number(training, "forecast_ms", backtest->decide_s * 1000);
	list = cJSON_AddArrayToObject(root, "scores");
	for (size_t c = 0; backtest->judged && c < CONTESTANT_COUNT; c++)
		cJSON_AddItemToArray(list, scores_of(backtest, c));
	cJSON_AddItemToObject(root, "notes", notes_of(&backtest->notes));
	return root;
}

static cJSON *
scores_of(const struct backtest *backtest, size_t contestant)
{
	const struct evaluation *e = &backtest->comparison.scores[contestant];
	const struct intervals *intervals = &backtest->comparison.intervals[contestant];
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "name", contestant_names[contestant]);
	add_number(object, "average_precision", e->average_precision);
	add_interval(object, "average_precision_95", intervals->average_precision);
	add_number(object, "lift", e->average_precision / e->prevalence);
	add_interval(object, "lift_95", intervals->lift);
	add_number(object, "roc_auc", e->roc_auc);
	add_number(object, "brier", e->brier);
	add_number(object, "brier_skill", e->brier_skill);
	add_interval(object, "brier_skill_95", intervals->brier_skill);
	add_number(object, "log_loss", e->log_loss);
	add_number(object, "mean_probability", e->mean);
	add_number(object, "calibration_error", e->calibration_error);
	add_number(object, "calibration_error_mass", e->calibration_error_mass);
	cJSON_AddItemToObject(object, "one_false_alarm_a_day", alarms_of(&e->best));
	add_interval(object, "recall_95", intervals->recall);
	cJSON_AddItemToObject(object, "own_threshold", alarms_of(&e->own));
	cJSON_AddItemToObject(object, "reliability", bins_of(e->widths));
	cJSON_AddItemToObject(object, "reliability_mass", bins_of(e->masses));
	return object;
}

static cJSON *
alarms_of(const struct alarms *alarms)
{
	cJSON *object = cJSON_CreateObject();

	add_number(object, "threshold", alarms->threshold);
	cJSON_AddNumberToObject(object, "found", (double)alarms->found);
	add_number(object, "recall", alarms->recall);
	add_number(object, "false_alarms_per_day", alarms->false_alarms_per_day);
	add_number(object, "median_lead_s", alarms->found > 0 ? alarms->lead_s : (double)NAN);
	return object;
}

static cJSON *
bins_of(const struct reliability bins[static EVALUATE_BINS])
{
	cJSON *list = cJSON_CreateArray();

	for (size_t b = 0; b < EVALUATE_BINS; b++) {
		cJSON *entry;

		if (bins[b].rows == 0)
			continue;
		entry = cJSON_CreateObject();
		cJSON_AddNumberToObject(entry, "rows", (double)bins[b].rows);
		add_number(entry, "said", bins[b].said);
		add_number(entry, "came", bins[b].came);
		cJSON_AddItemToArray(list, entry);
	}
	return list;
}

static cJSON *
notes_of(const struct text *notes)
{
	cJSON *list = cJSON_CreateArray();

	for (const char *at = notes->length > 0 ? notes->bytes : ""; *at != '\0';) {
		char line[256];
		size_t length = strcspn(at, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)length, at);
		cJSON_AddItemToArray(list, cJSON_CreateString(line));
		at += length + (at[length] == '\n');
	}
	return list;
}

/* Six digits: more would be noise. */
static void
add_number(cJSON *object, const char *name, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.6g", value);
	if (isfinite(value))
		cJSON_AddNumberToObject(object, name, strtod(text, NULL));
	else
		cJSON_AddNullToObject(object, name);
}

static void
add_interval(cJSON *object, const char *name, struct interval interval)
{
	cJSON *list = cJSON_AddArrayToObject(object, name);

	if (!isfinite(interval.low))
		return;
	cJSON_AddItemToArray(list, cJSON_CreateNumber(interval.low));
	cJSON_AddItemToArray(list, cJSON_CreateNumber(interval.high));
}

static void
add_time(cJSON *object, const char *name, int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];

	cJSON_AddStringToObject(object, name, wall_text((struct wall){ time_s * 1000 }, text));
}
