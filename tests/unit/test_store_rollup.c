/* test_store_rollup.c -- store/rollup: minutes and hours equal what a plain computation over all samples ever stored
 * gives, whatever the order in which samples and upkeep come; and retention deletes what is past its time, and only
 * that. */
#include "store/store.h"

#include "store_folder.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define SAMPLES_MAX 40000
#define SERIES 3

/* Every sample stored, by which the store is judged. Values are multiples of 1/8, so that sums are exact in any
 * order. */
static struct known { int64_t at_ms; double value; } known[SERIES][SAMPLES_MAX];
static size_t known_count[SERIES];
static const char *const names[SERIES] = { "cpu", "disk", "load" };

struct world {
	struct folder folder;
	struct store *store;
	struct store_reader *reader;
	uint64_t sequence;
	uint32_t dice;
};

static void
world_open(struct world *world, const struct store_options *keep)
{
	struct store_options options = *keep;
	struct text error = { 0 };

	memset(known_count, 0, sizeof(known_count));
	*world = (struct world){ .folder = folder_open(), .dice = 12345 };
	options.path = world->folder.path;
	world->store = store_open(&options, &error);
	if (world->store == NULL)
		abort();
	world->reader = folder_reader(&world->folder);
}

static void
world_close(struct world *world)
{
	store_reader_close(world->reader);
	store_close(world->store);
	folder_close(&world->folder);
}

static uint32_t
dice(struct world *world, uint32_t sides)
{
	world->dice = world->dice * 1664525 + 1013904223;
	return (world->dice >> 8) % sides;
}

static void
known_put(size_t series, int64_t at_ms, double value)
{
	for (size_t i = 0; i < known_count[series]; i++) {
		if (known[series][i].at_ms == at_ms) {
			known[series][i].value = value;
			return;
		}
	}
	if (known_count[series] == SAMPLES_MAX)
		abort();
	known[series][known_count[series]++] = (struct known){ at_ms, value };
}

static int
put_report(struct store_txn *txn, void *arg)
{
	const struct report *report = arg;

	return store_report_put(txn, report, report->time);
}

/* One sample of each series at this time. */
static void
sample(struct world *world, int64_t at_ms)
{
	struct report_metric metrics[SERIES];
	struct report report = { .agent = "r", .region = "eu", .sequence = ++world->sequence, .time = { at_ms },
		.metric_count = SERIES, .metrics = metrics };

	for (size_t i = 0; i < SERIES; i++) {
		metrics[i] = (struct report_metric){ names[i], "", "", (double)dice(world, 8000) / 8 - 500 };
		known_put(i, at_ms, metrics[i].value);
	}
	CU_ASSERT_EQUAL(store_call(world->store, put_report, &report), 0);
}

struct upkeep {
	struct wall now;
	bool more;
};

static int
maintain_once(struct store_txn *txn, void *arg)
{
	struct upkeep *upkeep = arg;

	return store_maintain(txn, upkeep->now, &upkeep->more);
}

/* Until there is nothing left to do. How many calls it took. */
static unsigned
maintain(struct world *world, int64_t now_ms)
{
	struct upkeep upkeep = { .now = { now_ms }, .more = true };
	unsigned calls = 0;

	for (; upkeep.more; calls++) {
		CU_ASSERT_EQUAL_FATAL(store_call(world->store, maintain_once, &upkeep), 0);
		CU_ASSERT_FATAL(calls < 10000);
	}
	return calls;
}

/* --- the plain computation --------------------------------------------------------------------------------------- */

static struct sample_row
expected_row(size_t series, int64_t begin_ms, int64_t length_ms)
{
	struct sample_row row = { .at = { begin_ms } };
	double sum = 0;
	int64_t last_ms = -1;

	for (size_t i = 0; i < known_count[series]; i++) {
		const struct known *k = &known[series][i];

		if (k->at_ms < begin_ms || k->at_ms >= begin_ms + length_ms)
			continue;
		sum += k->value;
		row.least = row.count == 0 || k->value < row.least ? k->value : row.least;
		row.most = row.count == 0 || k->value > row.most ? k->value : row.most;
		row.last = k->at_ms > last_ms ? k->value : row.last;
		last_ms = k->at_ms > last_ms ? k->at_ms : last_ms;
		row.count++;
	}
	row.value = row.count == 0 ? 0 : sum / row.count;
	return row;
}

struct check {
	size_t series;
	int64_t length_ms;	/* of a row */
	int64_t next_ms;	/* where the next row can begin; all before was checked */
	unsigned wrong, rows;
};

static bool
check_row(void *arg, const struct sample_row *row)
{
	struct check *check = arg;
	struct sample_row expected = expected_row(check->series, row->at.ms, check->length_ms);

	for (; check->next_ms < row->at.ms; check->next_ms += check->length_ms)
		check->wrong += expected_row(check->series, check->next_ms, check->length_ms).count != 0;
	check->next_ms = row->at.ms + check->length_ms;
	check->rows++;
	check->wrong += row->count != expected.count || row->value != expected.value || row->least != expected.least ||
	    row->most != expected.most || row->last != expected.last;
	return true;
}

/* Compares all rollups that begin in [from_ms, to_ms): none wrong, none missing, none too many. */
static void
check_rollups(struct world *world, enum resolution resolution, int64_t from_ms, int64_t to_ms)
{
	int64_t length_ms = resolution == RESOLUTION_HOUR ? HOUR : MINUTE;

	for (size_t i = 0; i < SERIES; i++) {
		struct check check = { .series = i, .length_ms = length_ms, .next_ms = from_ms };

		CU_ASSERT_EQUAL(store_samples(world->reader, (int64_t)i + 1, resolution, (struct wall){ from_ms },
		    (struct wall){ to_ms }, check_row, &check), 0);
		for (; check.next_ms < to_ms; check.next_ms += length_ms)
			check.wrong += expected_row(i, check.next_ms, length_ms).count != 0;
		CU_ASSERT_EQUAL(check.wrong, 0);
		CU_ASSERT(check.rows > 0);
	}
}

static bool
count_row(void *arg, const struct sample_row *row UNUSED)
{
	++*(unsigned *)arg;
	return true;
}

static unsigned
count_rows(struct world *world, enum resolution resolution, int64_t from_ms, int64_t to_ms)
{
	unsigned count = 0;

	CU_ASSERT_EQUAL(store_samples(world->reader, 1, resolution, (struct wall){ from_ms }, (struct wall){ to_ms },
	    count_row, &count), 0);
	return count;
}

/* --- cases ------------------------------------------------------------------------------------------------------- */

#define BEGIN (20000 * DAY)

static void
test_equals_plain_computation(void)
{
	struct world world;

	world_open(&world, &(struct store_options){ 0 });
	for (int64_t at_ms = BEGIN; at_ms < BEGIN + 3 * HOUR; at_ms += 1 + dice(&world, 20000))
		sample(&world, at_ms);
	maintain(&world, BEGIN + 3 * HOUR + MINUTE);
	check_rollups(&world, RESOLUTION_MINUTE, BEGIN, BEGIN + 3 * HOUR);
	check_rollups(&world, RESOLUTION_HOUR, BEGIN, BEGIN + 3 * HOUR);
	world_close(&world);
}

/* Upkeep runs in between at any moment, and one sample in eight is up to two hours late. */
static void
test_late_samples(void)
{
	struct world world;
	int64_t now_ms = BEGIN;

	world_open(&world, &(struct store_options){ 0 });
	for (; now_ms < BEGIN + 4 * HOUR; now_ms += 1 + dice(&world, 20000)) {
		sample(&world, dice(&world, 8) == 0 ? now_ms - dice(&world, 2 * HOUR) : now_ms);
		if (dice(&world, 16) == 0)
			maintain(&world, now_ms);
	}
	maintain(&world, now_ms + HOUR);
	check_rollups(&world, RESOLUTION_MINUTE, BEGIN - 2 * HOUR, BEGIN + 4 * HOUR);
	check_rollups(&world, RESOLUTION_HOUR, BEGIN - 2 * HOUR, BEGIN + 4 * HOUR);
	world_close(&world);
}

static void
test_nothing_before_its_time(void)
{
	struct world world;

	world_open(&world, &(struct store_options){ 0 });
	sample(&world, BEGIN + 10 * SECOND);
	maintain(&world, BEGIN + MINUTE + 14 * SECOND);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_MINUTE, 0, INT64_MAX), 0);
	maintain(&world, BEGIN + MINUTE + 15 * SECOND);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_MINUTE, 0, INT64_MAX), 1);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_HOUR, 0, INT64_MAX), 0);
	maintain(&world, BEGIN + HOUR + 15 * SECOND);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_HOUR, 0, INT64_MAX), 1);
	world_close(&world);
}

static void
test_twice_is_once(void)
{
	struct world world;

	world_open(&world, &(struct store_options){ 0 });
	for (int64_t at_ms = BEGIN; at_ms < BEGIN + 90 * MINUTE; at_ms += 7 * SECOND)
		sample(&world, at_ms);
	maintain(&world, BEGIN + 2 * HOUR + MINUTE);
	CU_ASSERT_EQUAL(maintain(&world, BEGIN + 2 * HOUR + MINUTE), 1);
	CU_ASSERT_EQUAL(maintain(&world, BEGIN + HOUR), 1);	/* the clock went back */
	check_rollups(&world, RESOLUTION_MINUTE, BEGIN, BEGIN + 90 * MINUTE);
	check_rollups(&world, RESOLUTION_HOUR, BEGIN, BEGIN + 90 * MINUTE);
	world_close(&world);
}

/* Two days at once take many calls, each of which does a bounded piece, and end with the same rows. */
static void
test_bounded_pieces(void)
{
	struct world world;

	world_open(&world, &(struct store_options){ 0 });
	for (int64_t at_ms = BEGIN; at_ms < BEGIN + 2 * HOUR; at_ms += 2 * SECOND)
		sample(&world, at_ms);
	CU_ASSERT(maintain(&world, BEGIN + 3 * HOUR) >= 3600 / 542);
	check_rollups(&world, RESOLUTION_MINUTE, BEGIN, BEGIN + 2 * HOUR);
	check_rollups(&world, RESOLUTION_HOUR, BEGIN, BEGIN + 2 * HOUR);
	world_close(&world);
}

/* Whatever is deleted, the rollups that remain are those of all samples, late ones included. */
static void
test_retention(void)
{
	struct world world;
	struct store_options keep = { .keep_samples_ms = 2 * HOUR, .keep_minutes_ms = 5 * HOUR,
		.keep_hours_ms = 9 * HOUR };
	int64_t now_ms = BEGIN;

	world_open(&world, &keep);
	for (; now_ms < BEGIN + 12 * HOUR; now_ms += 1 + dice(&world, 60000)) {
		sample(&world, dice(&world, 8) == 0 ? now_ms - dice(&world, HOUR) : now_ms);
		if (dice(&world, 16) == 0)
			maintain(&world, now_ms);
	}
	now_ms = BEGIN + 12 * HOUR + MINUTE;
	maintain(&world, now_ms);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_RAW, 0, BEGIN + 10 * HOUR), 0);
	CU_ASSERT(count_rows(&world, RESOLUTION_RAW, BEGIN + 10 * HOUR, BEGIN + 10 * HOUR + 10 * MINUTE) > 0);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_MINUTE, 0, BEGIN + 7 * HOUR), 0);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_HOUR, 0, BEGIN + 3 * HOUR), 0);
	check_rollups(&world, RESOLUTION_MINUTE, BEGIN + 7 * HOUR, BEGIN + 12 * HOUR);
	check_rollups(&world, RESOLUTION_HOUR, BEGIN + 3 * HOUR, BEGIN + 12 * HOUR);
	world_close(&world);
}

/* A sample whose minute's other samples are deleted must not make a new rollup of itself alone. */
static void
test_past_retention(void)
{
	struct world world;
	struct store_options keep = { .keep_samples_ms = 2 * HOUR };

	world_open(&world, &keep);
	for (int64_t at_ms = BEGIN; at_ms < BEGIN + 10 * MINUTE; at_ms += 10 * SECOND)
		sample(&world, at_ms);
	sample(&world, BEGIN + 5 * HOUR);
	maintain(&world, BEGIN + 5 * HOUR);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_RAW, 0, INT64_MAX), 1);
	sample(&world, BEGIN + 5 * MINUTE + 1);
	for (size_t i = 0; i < SERIES; i++)
		known_count[i]--;
	maintain(&world, BEGIN + 6 * HOUR);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_RAW, 0, INT64_MAX), 1);
	check_rollups(&world, RESOLUTION_MINUTE, BEGIN, BEGIN + 10 * MINUTE);
	check_rollups(&world, RESOLUTION_HOUR, BEGIN, BEGIN + HOUR);
	world_close(&world);
}

static bool
count_series(void *arg, const struct series_row *series UNUSED)
{
	++*(unsigned *)arg;
	return true;
}

static void
test_series_forgotten(void)
{
	struct world world;
	struct store_options keep = { .keep_samples_ms = HOUR, .keep_minutes_ms = 3 * HOUR, .keep_hours_ms = 5 * HOUR };
	unsigned count = 0;

	world_open(&world, &keep);
	sample(&world, BEGIN);
	maintain(&world, BEGIN + 4 * HOUR);
	CU_ASSERT_EQUAL(store_series(world.reader, NULL, count_series, &count), 0);
	CU_ASSERT_EQUAL(count, SERIES);
	maintain(&world, BEGIN + 7 * HOUR);
	count = 0;
	CU_ASSERT_EQUAL(store_series(world.reader, NULL, count_series, &count), 0);
	CU_ASSERT_EQUAL(count, 0);
	sample(&world, BEGIN + 8 * HOUR);
	CU_ASSERT_EQUAL(count_rows(&world, RESOLUTION_RAW, 0, INT64_MAX), 0);	/* the old id is not given again */
	world_close(&world);
}

/* --- the other tables -------------------------------------------------------------------------------------------- */

static int
put_history(struct store_txn *txn, void *arg)
{
	const int64_t *at_ms = arg;
	struct wall at = { *at_ms };
	struct health_event event = { at, "eu", "", "down", "" };
	struct prediction prediction = { .at = at, .region = "eu", .service = "", .horizon_s = 60, .role = "serving",
		.probability = 0.5, .load_forecast = 1, .model = "", .reason = "", .why = "" };
	struct demand_row demand = { at, "www.", "default", "", 10, 0.1, 2 };
	int error = store_health_event_put(txn, &event);

	if (error == 0)
		error = store_prediction_put(txn, &prediction);
	if (error == 0)
		error = store_demand_put(txn, &demand);
	if (error == 0)
		error = store_plan_put(txn, at, (uint64_t)*at_ms, "published", "{}");
	if (error == 0)
		error = store_plan_put(txn, at, (uint64_t)*at_ms + 1, "refused: test", "{}");
	return error;
}

static bool
count_event(void *arg, const struct health_event *event UNUSED)
{
	++*(unsigned *)arg;
	return true;
}

static bool
count_prediction(void *arg, const struct prediction *prediction UNUSED)
{
	++*(unsigned *)arg;
	return true;
}

static bool
count_demand(void *arg, const struct demand_row *demand UNUSED)
{
	++*(unsigned *)arg;
	return true;
}

static bool
count_report(void *arg, const char *region UNUSED, const char *agent UNUSED, struct wall received UNUSED,
	const char *json UNUSED)
{
	++*(unsigned *)arg;
	return true;
}

static void
test_history_expires(void)
{
	static const struct {
		const char *name;
		int64_t age_ms;
		unsigned events, predictions, agents;
	} moments[] = {
		{ "all there", HOUR, 1, 1, 1 },
		{ "past reports", 2 * DAY + HOUR, 1, 1, 0 },
		{ "past minutes", 40 * DAY + HOUR, 1, 0, 0 },
		{ "past hours", 400 * DAY + HOUR, 0, 0, 0 },
	};
	struct world world;
	int64_t at_ms = BEGIN;

	world_open(&world, &(struct store_options){ 0 });
	sample(&world, BEGIN);
	CU_ASSERT_EQUAL(store_call(world.store, put_history, &at_ms), 0);
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		unsigned events = 0, predictions = 0, demands = 0, agents = 0;
		uint64_t epoch = 0;
		struct text body = { 0 };

		maintain(&world, BEGIN + moments[i].age_ms);
		store_health_events(world.reader, (struct wall){ 0 }, (struct wall){ INT64_MAX }, count_event, &events);
		store_predictions(world.reader, (struct wall){ 0 }, count_prediction, &predictions);
		store_demand(world.reader, (struct wall){ 0 }, (struct wall){ INT64_MAX }, count_demand, &demands);
		store_latest_reports(world.reader, count_report, &agents);
		CU_ASSERT_EQUAL(demands, predictions);	/* kept alike */
		if (events != moments[i].events || predictions != moments[i].predictions || agents != moments[i].agents)
			CU_FAIL(moments[i].name);
		CU_ASSERT_EQUAL(store_latest_plan(world.reader, &epoch, &body), 0);	/* never too old */
		CU_ASSERT_EQUAL(epoch, (uint64_t)BEGIN);
		text_fini(&body);
	}
	world_close(&world);
}

static int
put_decisions(struct store_txn *txn, void *arg UNUSED)
{
	static const struct { const char *action; uint32_t horizon_s; int64_t age_ms; } list[] = {
		{ "promoted", 600, 0 }, { "kept", 600, 0 }, { "returned", 600, 0 }, { "reviewed", 600, 0 },
		{ "reviewed", 300, 0 }, { "reviewed", 600, HOUR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		const struct model_decision decision = { { BEGIN + list[i].age_ms }, "m", "failure", list[i].horizon_s,
			list[i].action, "", "" };

		CU_ASSERT_EQUAL(store_model_decision_put(txn, &decision), 0);
	}
	return 0;
}

static bool
see_decision(void *arg, const struct model_decision *decision)
{
	text_printf(arg, "%s %u; ", decision->action, decision->horizon_s);
	return true;
}

static void
test_decisions_expire(void)
{
	static const struct { const char *name; int64_t age_ms; const char *left; } moments[] = {
		{ "all there", HOUR,
		    "reviewed 600; reviewed 300; reviewed 600; returned 600; kept 600; promoted 600; " },
		{ "past minutes: of reviews the newest of each horizon", 40 * DAY + 2 * HOUR,
		    "reviewed 600; reviewed 300; returned 600; kept 600; promoted 600; " },
		{ "past hours: who served is never forgotten", 400 * DAY + HOUR,
		    "reviewed 600; reviewed 300; returned 600; promoted 600; " },
	};
	struct world world;

	world_open(&world, &(struct store_options){ 0 });
	CU_ASSERT_EQUAL(store_call(world.store, put_decisions, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		struct text left = { 0 };

		maintain(&world, BEGIN + moments[i].age_ms);
		CU_ASSERT_EQUAL(store_model_decisions(world.reader, 100, see_decision, &left), 0);
		SUITE_TEXT(left.bytes, moments[i].left);
		text_fini(&left);
	}
	world_close(&world);
}

static const struct suite_case cases[] = {
	{ .name = "minutes and hours equal a plain computation", .run = test_equals_plain_computation },
	{ .name = "late samples roll their minute and hour up again", .run = test_late_samples },
	{ .name = "a minute waits until it is over and its grace too", .run = test_nothing_before_its_time },
	{ .name = "doing it again changes nothing", .run = test_twice_is_once },
	{ .name = "a backlog is worked off in bounded pieces", .run = test_bounded_pieces },
	{ .name = "retention keeps the rollups that remain exact", .run = test_retention },
	{ .name = "a sample past retention spoils no rollup", .run = test_past_retention },
	{ .name = "a series of which nothing is left is forgotten", .run = test_series_forgotten },
	{ .name = "reports, predictions, demand, events and plans expire, the last plan never", .run = test_history_expires },
	{ .name = "reviews expire, who served and who was returned from doesn't", .run = test_decisions_expire },
};

int
main(void)
{
	return suite_run("store_rollup", cases, ARRAY_SIZE(cases));
}
