/* test_history.c -- predict/history, forecaster and trainer on a real store: which series make up a metric, incidents
 * from health events, reasons for no prediction, and a model from the store's own history. */
#include "predict/history.h"

#include <math.h>

#include "base/json.h"
#include "models/forecaster.h"
#include "models/trainer.h"
#include "predict/features.h"
#include "store_folder.h"

#define START INT64_C(1600041600)	/* midnight, UTC */

/* What a job shall write. */
struct writing {
	const struct report *reports;
	size_t report_count;
	const struct health_event *events;
	size_t event_count;
};

static int
write_job(struct store_txn *txn, void *arg)
{
	const struct writing *writing = arg;
	int status = 0;

	for (size_t i = 0; i < writing->report_count && status == 0; i++)
		status = store_report_put(txn, &writing->reports[i], writing->reports[i].time);
	for (size_t i = 0; i < writing->event_count && status == 0; i++)
		status = store_health_event_put(txn, &writing->events[i]);
	return status;
}

static int
maintain_job(struct store_txn *txn, void *arg)
{
	const struct wall *now = arg;
	bool more = true;
	int status = 0;

	while (more && status == 0)
		status = store_maintain(txn, *now, &more);
	return status;
}

static struct report
report_at(const char *region, int64_t time_s, uint64_t sequence, const struct report_metric *metrics, size_t count)
{
	return (struct report){ .agent = "a", .region = region, .sequence = sequence, .time = { time_s * 1000 },
		.metric_count = count, .metrics = metrics };
}

static void
test_sources(void)
{
	static const struct report_load loads[] = { { "www.", 30 }, { "api.", 12 } };
	static const struct report_metric first[] = {
		{ "cpu", "ratio", "", 0.2 }, { "cpu", "ratio", "b1", 0.9 },	/* the region's own counts */
		{ "memory", "ratio", "", 0.5 },					/* an alias */
		{ "lat_p99_ms", "ms", "b1", 100 }, { "lat_p99_ms", "ms", "b2", 300 },
		{ "unknown", "", "", 7 },
	};
	static const struct report_metric second[] = { { "cpu", "ratio", "", 0.4 } };
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct report reports[] = {
		report_at("eu", START + 10, 1, first, ARRAY_SIZE(first)),
		report_at("eu", START + 40, 2, second, 1),
		report_at("eu", START + 130, 3, second, 1),
		report_at("us", START + 10, 1, second, 1),
	};
	struct writing writing = { .reports = reports, .report_count = ARRAY_SIZE(reports) };
	struct wall now = { (START + 600) * 1000 };

	reports[0].loads = loads;
	reports[0].load_count = ARRAY_SIZE(loads);
	CU_ASSERT_EQUAL(store_call(store, write_job, &writing), 0);
	CU_ASSERT_EQUAL(store_call(store, maintain_job, &now), 0);
	for (int pass = 0; pass < 2; pass++) {
		static const char *const regions[] = { "eu", "nowhere" };
		struct store_reader *reader = folder_reader(&folder);
		struct metrics *metrics = metrics_new();
		struct dataset *dataset;
		double *const *values;
		size_t unknown;

		CU_ASSERT_EQUAL(history_metrics(reader, regions, 2, metrics), 0);
		CU_ASSERT_EQUAL(metrics_used(metrics), 5);
		unknown = metrics_find(metrics, "unknown");
		CU_ASSERT(unknown != METRIC_NONE);
		dataset = history_new(regions, 2, START, START + 300, metrics);
		metrics_free(metrics);
		values = dataset->series[0].window->values;

		CU_ASSERT_EQUAL(dataset->series[0].window->length, 5);
		CU_ASSERT_EQUAL(history_fill(reader, dataset, pass == 0 ? RESOLUTION_RAW : RESOLUTION_MINUTE, START,
		    START + 300), 0);
		CU_ASSERT(values[METRIC_CPU][0] == (0.2 + 0.4) / 2);
		CU_ASSERT(isnan(values[METRIC_CPU][1]));
		CU_ASSERT(values[METRIC_CPU][2] == 0.4);
		CU_ASSERT(values[METRIC_MEM][0] == 0.5);
		CU_ASSERT(values[METRIC_LAT_P99][0] == 200);
		CU_ASSERT(values[METRIC_RPS][0] == 42);
		CU_ASSERT(values[unknown][0] == 7 && isnan(values[unknown][1]));
		CU_ASSERT(values[METRIC_DISK] == NULL);
		CU_ASSERT(isnan(dataset->series[1].window->values[METRIC_CPU][0]));
		history_set_labels(dataset, START + 300);
		CU_ASSERT_EQUAL(dataset->series[0].label_from_s, START);
		CU_ASSERT_EQUAL(dataset->series[1].label_from_s, START + 300);
		dataset_free(dataset);
		store_reader_close(reader);
	}
	store_close(store);
	folder_close(&folder);
}

static void
test_incidents(void)
{
	static const struct health_event events[] = {
		{ { (START + 100) * 1000 }, "eu", "www.", "down", "" },
		{ { (START + 150) * 1000 }, "eu", "api.", "down", "" },
		{ { (START + 200) * 1000 }, "eu", "www.", "up", "" },
		{ { (START + 260) * 1000 }, "eu", "api.", "up", "" },
		{ { (START + 400) * 1000 }, "eu", "", "silent", "" },
		{ { (START + 450) * 1000 }, "eu", "", "heard", "" },
		{ { (START + 1000) * 1000 }, "eu", "", "drained", "" },
		{ { (START + 1010) * 1000 }, "eu", "www.", "down", "" },
		{ { (START + 1100) * 1000 }, "eu", "www.", "up", "" },
		{ { (START + 1200) * 1000 }, "eu", "", "undrained", "" },
		{ { (START + 2000) * 1000 }, "eu", "www.", "down", "" },
		{ { (START + 2001) * 1000 }, "eu", "www.", "down", "" },
		{ { (START + 2100) * 1000 }, "eu", "", "up", "" },
		{ { (START + 2300) * 1000 }, "us", "www.", "down", "" },
		{ { (START + 3000) * 1000 }, "eu", "www.", "down", "" },
	};
	static const char *const regions[] = { "eu" };
	static const struct incident expected[] = {
		{ START + 100, START + 260 }, { START + 2000, START + 2100 }, { START + 3000, INT64_MAX },
	};
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct writing writing = { .events = events, .event_count = ARRAY_SIZE(events) };
	struct store_reader *reader;
	struct metrics *none;
	struct dataset *dataset;

	CU_ASSERT_EQUAL(store_call(store, write_job, &writing), 0);
	reader = folder_reader(&folder);
	none = metrics_new();
	dataset = history_new(regions, 1, START, START + 4000, none);
	metrics_free(none);
	for (int pass = 0; pass < 2; pass++) {	/* again: they are replaced, not added */
		const struct incidents *incidents = &dataset->series[0].incidents;

		CU_ASSERT_EQUAL(history_incidents(reader, dataset, START, START + 4000), 0);
		CU_ASSERT_EQUAL(incidents->count, ARRAY_SIZE(expected));
		for (size_t i = 0; i < incidents->count && i < ARRAY_SIZE(expected); i++) {
			CU_ASSERT_EQUAL(incidents->list[i].start_s, expected[i].start_s);
			CU_ASSERT_EQUAL(incidents->list[i].end_s, expected[i].end_s);
		}
	}
	dataset_free(dataset);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* Reports of a region each minute until `to_s`: CPU, memory that rises by `leak` a minute, and requests. */
static void
report_minutes(struct store *store, const char *region, int64_t to_s, size_t minutes, double leak)
{
	struct report_metric (*metrics)[3] = calloc(minutes, sizeof(*metrics));
	struct report *reports = calloc(minutes, sizeof(*reports));
	struct writing writing = { .reports = reports, .report_count = minutes };

	for (size_t i = 0; i < minutes; i++) {
		metrics[i][0] = (struct report_metric){ "cpu", "ratio", "", 0.3 + 0.01 * (double)(i % 5) };
		metrics[i][1] = (struct report_metric){ "mem", "ratio", "", 0.4 + leak * (double)i };
		metrics[i][2] = (struct report_metric){ "rps", "requests/s", "", 100 };
		reports[i] = report_at(region, to_s - (int64_t)(minutes - i) * 60, i + 1, metrics[i], 3);
	}
	CU_ASSERT_EQUAL(store_call(store, write_job, &writing), 0);
	free(metrics);
	free(reports);
}

/* Ten minutes ahead, by the model in service. */
static struct forecast
ask(const struct forecaster *forecaster, size_t region)
{
	struct forecast list[FORECASTS_MAX];
	size_t count = forecaster_ask(forecaster, region, list);

	CU_ASSERT(count >= 4);
	CU_ASSERT_EQUAL(list[FORECAST_USUAL].horizon_s, 600);
	CU_ASSERT_EQUAL(list[FORECAST_USUAL].role, SPEAKER_SERVING);
	return list[FORECAST_USUAL];
}

static void
test_forecasts(void)
{
	static const char *const regions[] = { "calm", "leaking", "new", "down" };
	const struct health_event event = { { (START + 86000) * 1000 }, "down", "www.", "down", "killed" };
	struct writing writing = { .events = &event, .event_count = 1 };
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct wall now = { (START + 86400) * 1000 + 5000 };
	struct store_reader *reader;
	struct forecaster *forecaster;
	struct forecast forecasts[ARRAY_SIZE(regions)];
	char models[256];

	snprintf(models, sizeof(models), "%s/models", getenv("ISOBAR_SOURCE") == NULL ? "." : getenv("ISOBAR_SOURCE"));
	report_minutes(store, "calm", START + 86400, 400, 0);
	report_minutes(store, "leaking", START + 86400, 400, 0.57 / 400);
	report_minutes(store, "new", START + 86400, 10, 0);
	report_minutes(store, "down", START + 86400, 400, 0);
	CU_ASSERT_EQUAL(store_call(store, write_job, &writing), 0);
	CU_ASSERT_EQUAL(store_call(store, maintain_job, &now), 0);
	reader = folder_reader(&folder);
	forecaster = forecaster_new(reader, models);
	for (int pass = 0; pass < 2; pass++) {
		CU_ASSERT_EQUAL(forecaster_update(forecaster, regions, ARRAY_SIZE(regions), now), 0);
		for (size_t i = 0; i < ARRAY_SIZE(regions); i++)
			forecasts[i] = ask(forecaster, i);
		CU_ASSERT(forecasts[0].probability < 0.05);
		CU_ASSERT(forecasts[1].probability > 3 * forecasts[0].probability);
		CU_ASSERT_EQUAL(strlen(forecasts[0].model), 64);
		SUITE_TEXT(forecasts[0].reason, "");
		CU_ASSERT(fabs(forecasts[0].load - 100) < 1);
		CU_ASSERT(isnan(forecasts[2].probability));
		SUITE_TEXT(forecasts[2].reason, "too little history: 30 minutes of samples are needed");
		CU_ASSERT(isnan(forecasts[3].probability));
		SUITE_TEXT(forecasts[3].reason, "the region is in an incident");
		CU_ASSERT_EQUAL(forecaster_events(forecaster), 1);
	}
	/* Time goes on without reports. */
	now.ms += 6 * 60000;
	CU_ASSERT_EQUAL(forecaster_update(forecaster, regions, ARRAY_SIZE(regions), now), 0);
	forecasts[0] = ask(forecaster, 0);
	SUITE_TEXT(forecasts[0].reason, "no samples in the last 5 minutes");
	forecaster_free(forecaster);
	forecaster = forecaster_new(reader, folder.name);	/* no model there */
	CU_ASSERT_EQUAL(forecaster_update(forecaster, regions, 1, now), 0);
	forecasts[0] = ask(forecaster, 0);
	CU_ASSERT(isnan(forecasts[0].probability));
	SUITE_TEXT(forecasts[0].reason, "no model: none in the store, and none was shipped");
	forecaster_free(forecaster);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
model_job(struct store_txn *txn, void *arg)
{
	return store_model_put(txn, arg);
}

/* A model in the store that can't be read: it's said, and the shipped one goes on. */
static void
test_bad_model(void)
{
	static const char *const regions[] = { "calm" };
	struct model_row row = { .id = "x", .kind = "failure", .horizon_s = 600, .trained = { 1000 }, .status = "serving", .card = "{}",
		.blob = "isobar-model 9\n", .blob_length = 15 };
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader;
	struct forecaster *forecaster;
	struct forecast forecast;
	struct wall now = { (START + 86400) * 1000 };

	report_minutes(store, "calm", START + 86400, 100, 0);
	CU_ASSERT_EQUAL(store_call(store, model_job, &row), 0);
	reader = folder_reader(&folder);
	forecaster = forecaster_new(reader, folder.name);
	CU_ASSERT_EQUAL(forecaster_update(forecaster, regions, 1, now), 0);
	forecast = ask(forecaster, 0);
	CU_ASSERT(isnan(forecast.probability));
	SUITE_TEXT(forecast.reason, "no model: line 1: format 9; this program reads formats 2 to 3");
	forecaster_free(forecaster);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* Days of memory ramps that end in outages, written as reports and health events. */
static void
ramps(struct store *store, size_t minutes, size_t period)
{
	struct report_metric (*metrics)[3] = calloc(minutes, sizeof(*metrics));
	struct report *reports = calloc(minutes, sizeof(*reports));
	struct health_event *events = calloc(minutes / period * 2 + 2, sizeof(*events));
	struct writing writing = { .reports = reports, .report_count = minutes, .events = events };

	for (size_t i = 0; i < minutes; i++) {
		/* Not at the same time each day, and the load goes its own way. */
		size_t place = (i + i / period * 37 % 11) % period;
		double ramp = place >= period - 30 ? (double)(place + 31 - period) / 30 : 0;
		int64_t at = START + (int64_t)i * 60;

		metrics[i][0] = (struct report_metric){ "cpu", "ratio", "", 0.3 + 0.01 * (double)(i * 7 % 5) };
		metrics[i][1] = (struct report_metric){ "mem", "ratio", "",
		    0.5 + 0.4 * ramp + 0.003 * (double)(i % 3) };
		metrics[i][2] = (struct report_metric){ "rps", "requests/s", "", 100 + (double)(i * 13 % 17) };
		reports[i] = report_at("eu", at, i + 1, metrics[i], 3);
		if (place == period - 1) {
			events[writing.event_count++] = (struct health_event){ { (at + 60) * 1000 }, "eu", "www.",
			    "down", "" };
			events[writing.event_count++] = (struct health_event){ { (at + 360) * 1000 }, "eu", "www.",
			    "up", "" };
		}
	}
	CU_ASSERT_EQUAL(store_call(store, write_job, &writing), 0);
	free(metrics);
	free(reports);
	free(events);
}

static void
test_training(void)
{
	static const char *const regions[] = { "eu" };
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct trainer_job job = { .store = folder.path, .models_dir = folder.name, .regions = regions,
	    .region_count = 1,
		.horizon_s = 600, .seed = 1, .now = { (START + 5 * 86400) * 1000 } };
	struct text output = { 0 };
	cJSON *body;
	const char *status, *text, *note;

	CU_ASSERT_EQUAL(trainer_run(&output, &job), -ENODATA);
	SUITE_TEXT(output.bytes, "0 incidents in the history; 10 are needed");
	text_fini(&output);
	ramps(store, 5 * 1440, 150);
	CU_ASSERT_EQUAL(store_call(store, maintain_job, &job.now), 0);
	CU_ASSERT_EQUAL(trainer_run(&output, &job), 0);
	body = cJSON_Parse(output.bytes);
	status = cJSON_GetStringValue(cJSON_GetObjectItem(body, "status"));
	text = cJSON_GetStringValue(cJSON_GetObjectItem(body, "text"));
	note = cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(body, "card"), "note"));
	SUITE_TEXT(status, "serving");
	CU_ASSERT(text != NULL && strncmp(text, "isobar-model 3\n", 15) == 0);
	CU_ASSERT(note != NULL && strncmp(note, "Brier skill ", 12) == 0);
	cJSON_Delete(body);
	text_fini(&output);
	store_close(store);
	folder_close(&folder);
}

/* Requests each minute for six days: a daily wave with a ripple of 70 minutes on it. */
static double
rippled(size_t minute)
{
	return (1000 + 400 * sin(2 * M_PI * (double)minute / 1440)) * (1 + 0.1 * sin(2 * M_PI * (double)minute / 70));
}

static void
test_load_training(void)
{
	enum { MINUTES = 6 * 1440 };
	static const char *const regions[] = { "eu", "us" };
	struct report_metric *metrics = calloc(MINUTES, sizeof(*metrics));
	struct report *reports = calloc(MINUTES, sizeof(*reports));
	struct writing writing = { .reports = reports, .report_count = MINUTES };
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct trainer_job job = { .store = folder.path, .models_dir = folder.name, .regions = regions,
		.region_count = 2, .horizon_s = 600, .now = { (START + MINUTES * 60) * 1000 } };
	struct store_reader *reader = folder_reader(&folder);
	struct forecaster *forecaster = forecaster_new(reader, folder.name);
	struct forecast plain, corrected;
	struct text output = { 0 };
	struct model_row row = { .id = "load-1", .kind = "load", .trained = job.now, .status = "serving", .card =
	    "{}" };
	double truth = rippled(MINUTES + 7);
	cJSON *body;

	CU_ASSERT_EQUAL(trainer_run_load(&output, &job), -ENODATA);
	SUITE_TEXT(output.bytes, "no region has 4 days of requests/s");
	text_fini(&output);
	for (size_t i = 0; i < MINUTES; i++) {
		metrics[i] = (struct report_metric){ "rps", "requests/s", "", rippled(i) };
		reports[i] = report_at("eu", START + (int64_t)i * 60, i + 1, &metrics[i], 1);
	}
	CU_ASSERT_EQUAL(store_call(store, write_job, &writing), 0);
	CU_ASSERT_EQUAL(store_call(store, maintain_job, &job.now), 0);
	CU_ASSERT_EQUAL(forecaster_update(forecaster, regions, 2, job.now), 0);
	plain = ask(forecaster, 0);
	CU_ASSERT_EQUAL(forecaster_load_trained(forecaster).ms, 0);
	CU_ASSERT_EQUAL(trainer_run_load(&output, &job), 0);
	body = cJSON_Parse(output.bytes);
	SUITE_TEXT(cJSON_GetStringValue(cJSON_GetObjectItem(body, "kind")), "load");
	SUITE_TEXT(cJSON_GetStringValue(cJSON_GetObjectItem(body, "status")), "serving");
	row.blob = cJSON_GetStringValue(cJSON_GetObjectItem(body, "text"));
	row.blob_length = strlen(row.blob);
	CU_ASSERT_EQUAL(store_call(store, model_job, &row), 0);
	CU_ASSERT_EQUAL(forecaster_update(forecaster, regions, 2, job.now), 0);
	corrected = ask(forecaster, 0);
	CU_ASSERT_EQUAL(forecaster_load_trained(forecaster).ms, job.now.ms);
	CU_ASSERT(fabs(corrected.load - truth) < fabs(plain.load - truth));
	corrected = ask(forecaster, 1);
	CU_ASSERT(isnan(corrected.load));
	cJSON_Delete(body);
	text_fini(&output);
	forecaster_free(forecaster);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
	free(metrics);
	free(reports);
}

static void
test_due(void)
{
	static const struct {
		const char *name;
		int64_t last_ms, now_ms;
		size_t then, now;
		bool due;
	} rows[] = {
		{ "never trained, enough incidents", 0, 1000, 0, 10, true },
		{ "never trained, too few", 0, 1000, 0, 9, false },
		{ "an hour ago, a new one", 1000, 3601000, 10, 11, true },
		{ "an hour ago, none new", 1000, 3601000, 10, 10, false },
		{ "just now", 1000, 3600999, 10, 20, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (trainer_due((struct wall){ rows[i].last_ms }, rows[i].then, rows[i].now,
			(struct wall){ rows[i].now_ms }) != rows[i].due)
			SUITE_TEXT(rows[i].name, "due as expected");
	}
}

static const struct suite_case cases[] = {
	{ .name = "which series make up a metric", .run = test_sources },
	{ .name = "incidents from health events", .run = test_incidents },
	{ .name = "forecasts, and why there are none", .run = test_forecasts },
	{ .name = "a model that can't be read", .run = test_bad_model },
	{ .name = "a model from the store's own history", .run = test_training },
	{ .name = "corrections of the load from the store's own history", .run = test_load_training },
	{ .name = "when training is due", .run = test_due },
};

int
main(void)
{
	return suite_run("history", cases, ARRAY_SIZE(cases));
}
