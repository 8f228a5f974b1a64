/* test_ablation.c -- predict/ablation: a signal that announces incidents is worth something, one that doesn't isn't. */
#include "models/ablation.h"

#include <math.h>

#include "predict/train.h"
#include "suite.h"

#define START INT64_C(1600000020)	/* a whole minute */
#define MINUTES (8 * 1440)
#define PERIOD 170
#define HORIZON 600

/* An incident in each PERIOD minutes, nobody knows when; a storm is told 20 minutes before it. */
static struct dataset *
stormy(void)
{
	struct metrics *metrics = metrics_new();
	size_t cpu = metrics_add(metrics, "cpu"), rps = metrics_add(metrics, "rps"), storm, dull;
	struct dataset *dataset;
	struct dataset_series *series;

	storm = metrics_add(metrics, "signal:storm");
	dull = metrics_add(metrics, "signal:dull");
	dataset = dataset_new(1, metrics);
	series = &dataset->series[0];
	series->name = strdup("eu");
	series->window = window_new(dataset->metrics, START, 60, MINUTES);
	series->label_from_s = START;
	series->label_to_s = START + MINUTES * 60;
	for (size_t i = 0; i < MINUTES; i++) {
		size_t begins = 20 + i / PERIOD * 2654435761U % 1009 % (PERIOD - 30), place = i % PERIOD;

		window_set(series->window, cpu, i, 0.3 + 0.01 * (double)(i * 7 % 5));
		window_set(series->window, rps, i, 100 + (double)(i * 13 % 17));
		window_set(series->window, storm, i, place + 20 >= begins && place < begins ? 0.8 : 0);
		window_set(series->window, dull, i, i * 2654435761U % 97 < 10 ? 0.8 : 0);
		if (place == begins)
			CU_ASSERT_EQUAL(incidents_add(&series->incidents, (struct incident){
			    START + (int64_t)i * 60, START + (int64_t)i * 60 + 300 }), 0);
	}
	incidents_merge(&series->incidents);
	metrics_free(metrics);
	return dataset;
}

static double
number(const cJSON *list, const char *signal, const char *member)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, list) {
		if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "signal")), signal) == 0)
			return cJSON_GetNumberValue(cJSON_GetObjectItem(entry, member));
	}
	return (double)NAN;
}

static void
test_contribution(void)
{
	struct dataset *dataset = stormy();
	struct train_settings settings = { .from_s = START, .to_s = dataset_time_at(dataset, 0.75), .horizon_s = HORIZON,
		.seed = 1 };
	struct text error = { 0 };
	size_t length;
	char *text = train_failure(dataset, &settings, &length, &error);
	struct model *model;
	struct rows rows;
	cJSON *list;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	model = model_read(text, length, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(model);
	CU_ASSERT(model->skill);
	CU_ASSERT(rows_collect(dataset, settings.to_s + HORIZON, dataset_time_at(dataset, 1), HORIZON, &rows));
	list = ablation_of(model, dataset, &rows);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(list), 2);
	CU_ASSERT(number(list, "storm", "average_precision") > 0.4);
	CU_ASSERT(number(list, "storm", "without") < number(list, "storm", "average_precision") / 2);
	CU_ASSERT(fabs(number(list, "dull", "without") - number(list, "dull", "average_precision")) < 0.1);
	cJSON_Delete(list);
	rows_fini(&rows);
	model_free(model);
	free(text);
	text_fini(&error);
	dataset_free(dataset);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "what each signal is worth", .run = test_contribution },
	};

	return suite_run("ablation", cases, ARRAY_SIZE(cases));
}
