/* test_review.c -- predict/speakers, propensity and review on a real store: who speaks, what is kept from training, and
 * which model must go. */
#include "models/review.h"

#include <math.h>

#include "base/json.h"
#include "models/speakers.h"
#include "models/trainer.h"
#include "predict/history.h"
#include "predict/propensity.h"
#include "store_folder.h"
#include "suite.h"

#define START INT64_C(1800000000)	/* a whole minute, and a whole hour */
#define DAY_S 86400

struct writing {
	const struct model_row *models;
	const struct model_decision *decisions;
	const struct prediction *predictions;
	const struct health_event *events;
	size_t model_count, decision_count, prediction_count, event_count;
};

static char *blob;
static size_t blob_length;

static const char *
models_folder(void)
{
	static char folder[512];

	snprintf(folder, sizeof(folder), "%s/models", getenv("ISOBAR_SOURCE") == NULL ? "." : getenv("ISOBAR_SOURCE"));
	return folder;
}

static struct model_row
model(const char *id, int64_t trained_s, const char *status)
{
	return (struct model_row){ .id = id, .kind = "failure", .horizon_s = 600, .trained = { trained_s * 1000 },
		.status = status, .card = "{}", .blob = blob, .blob_length = blob_length };
}

static int
write_job(struct store_txn *txn, void *arg)
{
	const struct writing *w = arg;

	for (size_t i = 0; i < w->model_count; i++)
		CU_ASSERT_EQUAL(store_model_put(txn, &w->models[i]), 0);
	for (size_t i = 0; i < w->decision_count; i++)
		CU_ASSERT_EQUAL(store_model_decision_put(txn, &w->decisions[i]), 0);
	for (size_t i = 0; i < w->prediction_count; i++)
		CU_ASSERT_EQUAL(store_prediction_put(txn, &w->predictions[i]), 0);
	for (size_t i = 0; i < w->event_count; i++)
		CU_ASSERT_EQUAL(store_health_event_put(txn, &w->events[i]), 0);
	return 0;
}

/* --- who speaks --- */

static void
test_speakers(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct speakers speakers;
	const struct speaker *serving = &speakers.list[1][SPEAKER_SERVING], *shadow = &speakers.list[1][SPEAKER_SHADOW];
	struct model_row first[] = { model("old", 100, "candidate"), model("now", 200, "serving") };
	struct model_row second = model("new", 300, "candidate"), third = model("now", 200, "retired");
	struct model_decision gone = { .at = { 1 }, .kind = "failure", .horizon_s = 600, .action = "returned",
		.reason = "drifted", .numbers = "" };
	char shipped[SHA256_TEXT_SIZE];
	bool changed;

	CU_ASSERT(speakers_init(&speakers, models_folder()));
	CU_ASSERT_EQUAL(speakers_update(&speakers, reader, &changed), 0);
	CU_ASSERT(changed && serving->model != NULL && shadow->model == NULL);
	SUITE_TEXT(serving->id, serving->model->id);
	snprintf(shipped, sizeof(shipped), "%s", serving->id);
	CU_ASSERT_EQUAL(speakers_update(&speakers, reader, &changed), 0);
	CU_ASSERT(!changed);

	CU_ASSERT_EQUAL(store_call(store, write_job, &(struct writing){ .models = first, .model_count = 2 }), 0);
	CU_ASSERT_EQUAL(speakers_update(&speakers, reader, &changed), 0);
	CU_ASSERT(changed);
	SUITE_TEXT(serving->id, "now");
	SUITE_TEXT(shadow->id, "");	/* older than what serves: it has been judged */

	CU_ASSERT_EQUAL(store_call(store, write_job, &(struct writing){ .models = &second, .model_count = 1 }), 0);
	CU_ASSERT_EQUAL(speakers_update(&speakers, reader, &changed), 0);
	SUITE_TEXT(serving->id, "now");
	SUITE_TEXT(shadow->id, "new");

	gone.model = shipped;
	CU_ASSERT_EQUAL(store_call(store, write_job, &(struct writing){ .models = &third, .model_count = 1,
	    .decisions = &gone, .decision_count = 1 }), 0);
	CU_ASSERT_EQUAL(speakers_update(&speakers, reader, &changed), 0);
	CU_ASSERT_PTR_NULL(serving->model);
	SUITE_TEXT(serving->none, "no model: the shipped one proved wrong here");
	speakers_fini(&speakers);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* --- predictions of two days, one incident at noon of each --- */

#define DAYS 6

/* `said(minute of the day)`. */
static struct prediction *
predictions(const char *id, double before, double otherwise)
{
	struct prediction *list = calloc(DAYS * 1440, sizeof(*list));

	for (size_t i = 0; i < DAYS * 1440; i++) {
		size_t minute = i % 720;

		list[i] = (struct prediction){ .at = { (START + (int64_t)i * 60) * 1000 }, .region = "eu", .service = "",
			.horizon_s = 600, .role = "serving", .model = id, .reason = "", .why = "", .share = 0.5, .admit = 1,
			.probability = minute >= 710 && minute < 720 ? before : otherwise, .load_forecast = (double)NAN };
	}
	return list;
}

/* Every twelve hours. */
static size_t
outages(struct health_event *events)
{
	size_t count = 0;

	for (size_t i = 1; i <= 2 * DAYS; i++) {
		int64_t at = START + (int64_t)i * 43200;

		events[count++] = (struct health_event){ { at * 1000 }, "eu", "www.", "down", "" };
		events[count++] = (struct health_event){ { (at + 300) * 1000 }, "eu", "www.", "up", "" };
	}
	return count;
}

struct verdict { char action[16], to[16], reason[200]; };

static struct verdict
review(double before, double otherwise, double promoted_skill)
{
	static const char *const regions[] = { "eu" };
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct health_event events[4 * DAYS];
	struct prediction *list = predictions("now", before, otherwise);
	struct model_row models[] = { model("was", 100, "retired"), model("now", 200, "serving") };
	char numbers[64];
	struct model_decision promoted = { .at = { 1 }, .model = "now", .kind = "failure", .horizon_s = 600,
		.action = "promoted", .reason = "", .numbers = numbers };
	struct writing writing = { .models = models, .model_count = 2, .decisions = &promoted, .decision_count = 1,
		.predictions = list, .prediction_count = DAYS * 1440, .events = events, .event_count = outages(events) };
	struct trainer_job job = { .store = folder.path, .models_dir = models_folder(), .regions = regions,
		.region_count = 1, .now = { (START + DAYS * DAY_S + 3600) * 1000 } };
	struct text output = { 0 };
	struct verdict verdict = { "none", "", "" };
	const cJSON *body;
	cJSON *root;

	snprintf(numbers, sizeof(numbers), "{\"challenger\": {\"brier_skill\": %g}}", promoted_skill);
	CU_ASSERT_EQUAL(store_call(store, write_job, &writing), 0);
	CU_ASSERT_EQUAL(review_run(&output, &job), 0);
	root = cJSON_Parse(output.bytes);
	CU_ASSERT(cJSON_GetArraySize(cJSON_GetObjectItem(root, "reviews")) <= 1);
	body = cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(root, "reviews"), 0), "body");
	if (body != NULL) {
		snprintf(verdict.action, sizeof(verdict.action), "%s",
		    cJSON_GetStringValue(cJSON_GetObjectItem(body, "action")));
		snprintf(verdict.to, sizeof(verdict.to), "%s", cJSON_GetStringValue(cJSON_GetObjectItem(body, "to")));
		snprintf(verdict.reason, sizeof(verdict.reason), "%s",
		    cJSON_GetStringValue(cJSON_GetObjectItem(body, "reason")));
	}
	cJSON_Delete(root);
	text_fini(&output);
	free(list);
	store_close(store);
	folder_close(&folder);
	return verdict;
}

static void
test_reviews(void)
{
	static const struct {
		const char *name;
		double before, otherwise, promoted;
		const char *action, *to, *reason;
	} rows[] = {
		{ "still right", 0.6, 0.004, 0.3, "reviewed", "", "" },
		{ "worse than saying always the same", 0.01, 0.06, 0.3, "returned", "was", "the base rate is better" },
		{ "much worse than when it was promoted", 0.1, 0.006, 0.6, "returned", "was", "when it was promoted" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct verdict verdict = review(rows[i].before, rows[i].otherwise, rows[i].promoted);

		SUITE_ROW(rows[i].name, strcmp(verdict.action, rows[i].action) == 0);
		SUITE_ROW(rows[i].name, strcmp(verdict.to, rows[i].to) == 0);
		if (strstr(verdict.reason, rows[i].reason) == NULL)
			SUITE_TEXT(verdict.reason, rows[i].reason);
	}
}

/* --- what is kept from training --- */

static void
test_propensity(void)
{
	static const char *const regions[] = { "eu" };
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader;
	struct prediction *list = predictions("now", 0.1, 0.1);
	struct writing writing = { .predictions = list, .prediction_count = DAYS * 1440 };
	struct metrics *none = metrics_new();
	struct dataset *dataset = history_new(regions, 1, START, START + DAYS * DAY_S, none);
	const struct incidents *steered = &dataset->series[0].steered;

	for (size_t i = 2000; i < 2060; i++)	/* a forecast takes most of its clients away */
		list[i].share = 0.2;
	for (size_t i = 3000; i < 3030; i++)	/* a drain */
		list[i].admit = 0.5;
	for (size_t i = 4000; i < 4100; i++)	/* a little less is no steering */
		list[i].share = 0.4;
	CU_ASSERT_EQUAL(store_call(store, write_job, &writing), 0);
	reader = folder_reader(&folder);
	CU_ASSERT_EQUAL(propensity_read(reader, dataset, START, START + DAYS * DAY_S), 0);
	CU_ASSERT_EQUAL_FATAL(steered->count, 2);
	CU_ASSERT_EQUAL(steered->list[0].start_s, START + 2000 * 60);
	CU_ASSERT_EQUAL(steered->list[0].end_s, START + 2060 * 60);
	CU_ASSERT_EQUAL(steered->list[1].start_s, START + 3000 * 60);
	CU_ASSERT_EQUAL(steered->list[1].end_s, START + 3030 * 60);
	dataset_free(dataset);
	metrics_free(none);
	free(list);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "who speaks, and in the shadow", .run = test_speakers },
		{ .name = "which model must go", .run = test_reviews },
		{ .name = "regions that are steered away from", .run = test_propensity },
	};
	char path[600];
	int error, status;

	snprintf(path, sizeof(path), "%s/failure-600.model", models_folder());
	blob = text_read_file(path, MODEL_SIZE_MAX, &blob_length, &error);
	if (blob == NULL) {
		fprintf(stderr, "%s isn't there\n", path);
		return 1;
	}
	status = suite_run("review", cases, ARRAY_SIZE(cases));
	free(blob);
	return status;
}
