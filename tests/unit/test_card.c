/* test_card.c -- backtest/card: what a card must have, of models that are written now and of those that are shipped. */
#include "backtest/card.h"

#include <math.h>

#include "base/json.h"
#include "models/speakers.h"
#include "suite.h"

static const char *
models_folder(void)
{
	static char folder[512];

	snprintf(folder, sizeof(folder), "%s/models", getenv("ISOBAR_SOURCE") == NULL ? "." : getenv("ISOBAR_SOURCE"));
	return folder;
}

/* An interval is null, or two numbers around the score. */
static bool
is_interval(const cJSON *entry, const char *score, const char *name)
{
	const cJSON *list = cJSON_GetObjectItem(entry, name);
	double value = cJSON_GetNumberValue(cJSON_GetObjectItem(entry, score));

	if (cJSON_IsNull(list))
		return true;
	return cJSON_GetArraySize(list) == 2 && cJSON_GetNumberValue(cJSON_GetArrayItem(list, 0)) <= value + 1e-3 &&
	    value <= cJSON_GetNumberValue(cJSON_GetArrayItem(list, 1)) + 1e-3;
}

static bool
is_calibration(const cJSON *bins, double rows)
{
	const cJSON *bin;
	double sum = 0;

	cJSON_ArrayForEach(bin, bins) {
		if (!cJSON_IsNumber(cJSON_GetObjectItem(bin, "said")) ||
		    !cJSON_IsNumber(cJSON_GetObjectItem(bin, "came")))
			return false;
		sum += cJSON_GetNumberValue(cJSON_GetObjectItem(bin, "rows"));
	}
	return cJSON_IsArray(bins) && sum == rows;
}

/* All that an operator is promised. */
static void
check(const char *name, const cJSON *card)
{
	static const char *const texts[] = { "model", "sha256", "kind", "question", "made" },
		*const spans[] = { "from", "to", "library", "seed" };
	const cJSON *training = cJSON_GetObjectItem(card, "training"), *evaluation, *calibration, *entry;
	size_t contestants = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		SUITE_ROW(name, cJSON_IsString(cJSON_GetObjectItem(card, texts[i])));
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		SUITE_ROW(name, cJSON_IsString(cJSON_GetObjectItem(training, spans[i])));
	SUITE_ROW(name, cJSON_GetArraySize(cJSON_GetObjectItem(card, "features")) > 0);
	evaluation = cJSON_GetObjectItem(card, "evaluation");
	SUITE_ROW(name, cJSON_IsString(cJSON_GetObjectItem(evaluation, "from")));
	cJSON_ArrayForEach(entry, cJSON_GetObjectItem(evaluation, "scores")) {
		SUITE_ROW(name, is_interval(entry, "average_precision", "average_precision_95"));
		SUITE_ROW(name, is_interval(entry, "brier_skill", "brier_skill_95"));
		SUITE_ROW(name, is_interval(entry, "recall", "recall_95"));
		contestants++;
	}
	SUITE_ROW(name, contestants == CONTESTANT_COUNT);
	calibration = cJSON_GetObjectItem(evaluation, "calibration");
	entry = cJSON_GetObjectItem(evaluation, "rows");
	SUITE_ROW(name, is_calibration(cJSON_GetObjectItem(calibration, "by_scale"), cJSON_GetNumberValue(entry)));
	SUITE_ROW(name, is_calibration(cJSON_GetObjectItem(calibration, "by_rows"), cJSON_GetNumberValue(entry)));
}

static cJSON *
read_json(const char *path)
{
	int error;
	size_t length;
	char *bytes = text_read_file(path, MODEL_SIZE_MAX, &length, &error);
	cJSON *root = bytes == NULL ? NULL : cJSON_Parse(bytes);

	free(bytes);
	return root;
}

static void
test_shipped(void)
{
	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		struct text error = { 0 };
		struct model *model = speakers_shipped(models_folder(), failure_horizons_s[h], &error);
		char path[600];
		cJSON *card;

		snprintf(path, sizeof(path), "%s/failure-%d.card.json", models_folder(), (int)failure_horizons_s[h]);
		card = read_json(path);
		SUITE_ROW(path, card != NULL && model != NULL);
		check(path, card);
		SUITE_ROW("a card is that of the model beside it", model != NULL &&
		    strcmp(model->id, cJSON_GetStringValue(cJSON_GetObjectItem(card, "sha256"))) == 0);
		cJSON_Delete(card);
		model_free(model);
		text_fini(&error);
	}
}

/* Of what couldn't be evaluated there are no scores; what isn't known is null, never 0. */
static void
test_written(void)
{
	struct text error = { 0 };
	struct model *model = speakers_shipped(models_folder(), 600, &error);
	const struct card_notes notes = { .data = "", .licence = "", .note = "", .made = { 1000 } };
	struct comparison comparison = { .from_s = 60, .to_s = 120 };
	struct evaluation *scores = comparison.scores;
	char *text;
	cJSON *card;

	for (size_t c = 0; c < CONTESTANT_COUNT; c++) {
		scores[c] = (struct evaluation){ .rows = 30, .events = 2, .average_precision = 0.4, .brier_skill = 0.1,
			.masses = { { 10, 0.1, 0.2 }, { 20, 0.3, 0.25 } }, .widths = { { 30, 0.2, 0.2 } },
			.best = { .recall = 0.5 } };
		comparison.intervals[c] = (struct intervals){ .average_precision = { 0.3, 0.52 },
			.brier_skill = { -0.05, 0.2 }, .recall = { (double)NAN, (double)NAN } };
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(model);
	text = card_write(model, &comparison, &notes);
	card = cJSON_Parse(text);
	check("a card that is written now", card);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"average_precision_95\":\t[0.3, 0.52]"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"recall_95\":\tnull"));
	free(text);
	cJSON_Delete(card);
	text = card_write(model, NULL, &notes);
	CU_ASSERT_PTR_NULL(strstr(text, "evaluation"));
	free(text);
	model_free(model);
	text_fini(&error);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "the shipped cards", .run = test_shipped },
		{ .name = "a card that is written now", .run = test_written },
	};

	return suite_run("card", cases, ARRAY_SIZE(cases));
}
