/* test_drill.c -- control/drain_effect and control/drill: what drains do to loads and budget, and what ends a drill.
 * Three regions of 100 requests/s. www is shared evenly, 150 requests/s; api goes to b, then to a, 20 requests/s: so a
 * bears 50, b 70, c 50. */
#include "control/drill.h"

#include <math.h>

#include "control/drain_effect.h"
#include "control/publish.h"
#include "suite.h"

#define NOW_MS INT64_C(1000000000)

static const char zone_text[] =
	"@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.53\n"
	"a._region.www 60 IN A 192.0.2.1\nb._region.www 60 IN A 192.0.2.2\nc._region.www 60 IN A 192.0.2.3\n"
	"a._region.api 60 IN A 192.0.2.1\nb._region.api 60 IN A 192.0.2.2\n";

static const char steering_text[] =
	"health-check-interval: 5s\n"
	"planning: {normal-limit: 0.8, loss-limit: 0.9}\n"
	"recovery: {hold-down: 0s, steps: [0.5], step-time: 1h}\n"
	"regions: {a: {capacity: 100}, b: {capacity: 100}, c: {capacity: 100}}\n"
	"services:\n"
	"  www.example.: {sharding-policy: weighted-random, regions: [a, b, c]}\n"
	"  api.example.: {sharding-policy: priority, regions: [b, a]}\n";

/* --- tools --------------------------------------------------------------------------------------------------- */

struct stage {
	struct world *world;
	struct round *round;
	struct publisher publisher;
	uint64_t sequence, answers;
	double seconds;
};

static void
no_event(void *arg UNUSED, const struct health_event *event UNUSED)
{
}

static struct mono
mono_of(double seconds)
{
	return (struct mono){ (int64_t)((1 + seconds) * 1e9) };
}

static struct wall
wall_of(double seconds)
{
	return (struct wall){ NOW_MS + (int64_t)(seconds * 1000) };
}

static struct world *
world_of(const struct world *base, const char *text)
{
	static const struct zone_text zone = { .file = "example", .name = "example.", .text = zone_text };
	struct diags diags = { 0 };
	struct world *world = world_edit(base, &(struct world_edit){ .zone_count = 1, .zones = &zone, .steering = text,
	    .steering_file = "steering.yaml" }, &diags);

	if (world == NULL)
		abort();
	diag_fini(&diags);
	return world;
}

static void
publish(struct stage *stage, const struct world *world)
{
	struct candidate candidate;
	struct text why = { 0 };

	if (!publish_build(&stage->publisher, world, stage->round, NULL, NULL, &candidate, &why)
	    || publish_commit(&stage->publisher, &candidate, stage->round, mono_of(stage->seconds),
	    wall_of(stage->seconds)) != 0)
		abort();
	text_fini(&why);
}

static void
stage_open(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	stage->publisher.worker_count = 1;
	stage->round = round_new(no_event, NULL);
	stage->world = world_of(NULL, steering_text);
	if (stage->round == NULL)
		abort();
	publish(stage, stage->world);
}

static void
stage_close(struct stage *stage)
{
	publisher_fini(&stage->publisher);
	round_free(stage->round);
	world_free(stage->world);
}

/* Of www: the healthy ones of four backends, the load, the backends' latency. */
static void
say(struct stage *stage, const char *region, unsigned healthy, double load, double latency)
{
	struct text json = { 0 };
	struct diags diags = { 0 };
	char time[CLOCK_TEXT_SIZE];
	struct report *report;

	stage->seconds++;
	text_printf(&json, "{\"agent\":\"r\",\"sequence\":%llu,\"time\":\"%s\",\"backends\":[",
	    (unsigned long long)++stage->sequence, wall_text(wall_of(stage->seconds), time));
	for (unsigned i = 0; i < 4; i++)
		text_printf(&json, "%s{\"name\":\"b%u\",\"service\":\"www.example\",\"address\":\"192.0.2.1:80\","
		    "\"healthy\":%s,\"latency_ms\":%g}", i == 0 ? "" : ",", i, i < healthy ? "true" : "false", latency);
	text_printf(&json, "],\"load\":{\"www.example\":%g}}", load);
	report = report_read(json.bytes, json.length, region, &diags);
	if (report == NULL || round_report(stage->round, report, mono_of(stage->seconds), wall_of(stage->seconds))
	    != ROUND_TAKEN)
		abort();
	text_fini(&json);
}

/* --- effects ------------------------------------------------------------------------------------------------- */

static const double hundred[3] = { 100, 100, 100 };

static bool
near(double a, double b)
{
	return fabs(a - b) <= 0.5;
}

static void
find_effect(const struct stage *stage, struct drain_question *q, bool demanded, const double *capacities,
	struct drain_effect *effect)
{
	static const struct demand_rate www[] = { { .group = GROUP_DEFAULT, .rate = 150 } },
					api[] = { { .group = GROUP_DEFAULT, .rate = 20 } };
	static const struct demand_service services[] = {
		{ .name = "api.example.", .count = 1, .groups = api, .scale = 1 },
		{ .name = "www.example.", .count = 1, .groups = www, .scale = 1 },
	};
	static const struct demand demand = { .service_count = 2, .services = services };
	const struct certificate_terms terms = { .capacities = capacities, .demand = demanded ? &demand : NULL };

	q->snapshot = stage->publisher.current;
	q->terms = &terms;
	q->round = stage->round;
	q->at = wall_of(stage->seconds);
	CU_ASSERT_FATAL(drain_effect(q, effect));
}

#define DRAIN(id_, region_, service_, value_) \
	{ .id = id_, .kind = "drain", .region = region_, .service = service_, .begin = 1, .value = value_, .reason = "", \
		.author = "" }

static void
test_effects(void)
{
	static const struct {
		const char *name;
		struct override before[2];
		size_t count;
		struct override with;		/* region NULL: none */
		int64_t without;
		double loads_before[3], loads[3], drained[3], moved, budget;
		region_id worst;
	} rows[] = {
		{ .name = "one region", .with = DRAIN(0, "a", "", 0), .loads_before = { 50, 70, 50 },
			.loads = { 0, 95, 75 }, .drained = { 1, 0, 0 }, .moved = 50.0 / 170, .budget = 25 / 30.5,
			.worst = NO_REGION },
		{ .name = "a half of it", .with = DRAIN(0, "a", "", 0.5), .loads_before = { 50, 70, 50 },
			.loads = { 25, 82.5, 62.5 }, .drained = { 0.5, 0, 0 }, .moved = 25.0 / 170,
			.budget = 12.5 / 30.5, .worst = NO_REGION },
		{ .name = "all services of the region", .with = DRAIN(0, "b", "", 0), .loads_before = { 50, 70, 50 },
			.loads = { 95, 0, 75 }, .drained = { 0, 1, 0 }, .moved = 70.0 / 170, .budget = 45 / 50.5,
			.worst = NO_REGION },
		{ .name = "one service", .with = DRAIN(0, "b", "api.example.", 0), .loads_before = { 50, 70, 50 },
			.loads = { 70, 50, 50 }, .drained = { 0, 20.0 / 70, 0 }, .moved = 20.0 / 170,
			.budget = 20 / 50.5, .worst = NO_REGION },
		{ .name = "one more is too much", .before = { DRAIN(1, "a", "", 0) }, .count = 1,
			.with = DRAIN(0, "b", "", 0), .loads_before = { 0, 95, 75 }, .loads = { 0, 20, 150 },
			.drained = { 1, 1, 0 }, .moved = 75.0 / 170, .budget = 100 / 50.5, .worst = 2 },
		{ .name = "in parts they add up", .before = { DRAIN(1, "a", "", 0.8) }, .count = 1,
			.with = DRAIN(0, "b", "", 0.8), .loads_before = { 40, 75, 55 }, .loads = { 49, 61, 60 },
			.drained = { 0.2, 0.2, 0 }, .moved = 14.0 / 170, .budget = 10 / 50.5, .worst = NO_REGION },
		{ .name = "the end of one", .before = { DRAIN(1, "a", "", 0), DRAIN(2, "c", "", 0.5) }, .count = 2,
			.without = 1, .loads_before = { 0, 120, 50 }, .loads = { 62.5, 82.5, 25 },
			.drained = { 0, 0, 0.5 }, .moved = 62.5 / 170, .budget = 12.5 / 30.5, .worst = NO_REGION },
		{ .name = "one in the place of another", .before = { DRAIN(1, "a", "", 0) }, .count = 1,
			.with = DRAIN(1, "a", "", 0.5), .loads_before = { 0, 95, 75 }, .loads = { 25, 82.5, 62.5 },
			.drained = { 0.5, 0, 0 }, .moved = 25.0 / 170, .budget = 12.5 / 30.5, .worst = NO_REGION },
		{ .name = "of another service beside one of the region", .before = { DRAIN(1, "b", "api.example.", 0) },
			.count = 1, .with = DRAIN(0, "c", "", 0), .loads_before = { 70, 50, 50 },
			.loads = { 95, 75, 0 }, .drained = { 0, 20.0 / 70, 1 }, .moved = 50.0 / 170,
			.budget = 45 / 50.5, .worst = NO_REGION },
		{ .name = "its own ends before the others", .before = { DRAIN(1, "a", "", 0.3), DRAIN(2, "b", "", 0.5) },
			.count = 2, .with = DRAIN(0, "c", "", 0), .loads_before = { 37.5, 52.5, 80 }, .loads = { 75, 95, 0 },
			.drained = { 0.7, 0.5, 1 }, .moved = 80.0 / 170, .budget = 60 / 30.5, .worst = 1 },
	};
	struct stage stage;

	stage_open(&stage);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct drain_question q = { .overrides = rows[i].before, .override_count = rows[i].count,
			.with = rows[i].with.region == NULL ? NULL : &rows[i].with, .without = rows[i].without };
		struct drain_effect effect;

		find_effect(&stage, &q, true, hundred, &effect);
		SUITE_ROW(rows[i].name, effect.known);
		for (size_t r = 0; r < 3; r++) {
			SUITE_ROW(rows[i].name, near(effect.regions[r].before, rows[i].loads_before[r]));
			SUITE_ROW(rows[i].name, near(effect.regions[r].after, rows[i].loads[r]));
			SUITE_ROW(rows[i].name, fabs(effect.regions[r].drained - rows[i].drained[r]) < 0.01);
		}
		SUITE_ROW(rows[i].name, fabs(effect.moved - rows[i].moved) < 0.005);
		SUITE_ROW(rows[i].name, fabs(effect.budget - rows[i].budget) < 0.02);
		SUITE_ROW(rows[i].name, effect.worst == rows[i].worst);
	}
	stage_close(&stage);
}

static void
test_unknown(void)
{
	static const struct override whole = DRAIN(0, "a", "", 0);
	struct drain_question q = { .with = &whole };
	struct drain_effect effect;
	struct stage stage;

	stage_open(&stage);
	find_effect(&stage, &q, false, hundred, &effect);
	CU_ASSERT(!effect.known);
	CU_ASSERT_DOUBLE_EQUAL(effect.moved, 1.0 / 6, 0.005);	/* a third of one of two services */
	CU_ASSERT_DOUBLE_EQUAL(effect.regions[1].gained, 0.5, 0.01);
	CU_ASSERT_EQUAL(effect.worst, NO_REGION);
	CU_ASSERT(isnan(effect.budget));
	find_effect(&stage, &q, true, (double[]){ 100, 60, 100 }, &effect);
	CU_ASSERT(isinf(effect.budget));	/* b bears too much already */
	CU_ASSERT_EQUAL(effect.worst, 1);
	find_effect(&stage, &q, true, (double[]){ 0, 0, 0 }, &effect);
	CU_ASSERT_EQUAL(effect.budget, 0);
	stage_close(&stage);
}

/* What is dead is lost, what returns takes its step: both before and after. */
static void
test_deaths(void)
{
	static const struct override half = DRAIN(0, "a", "", 0.5);
	struct drain_question q = { .with = &half };
	struct drain_effect effect;
	struct stage stage;

	stage_open(&stage);
	say(&stage, "c", 0, 0, 1);
	find_effect(&stage, &q, true, hundred, &effect);
	CU_ASSERT(near(effect.regions[0].before, 75) && near(effect.regions[1].before, 95));
	CU_ASSERT(near(effect.regions[2].before, 0));
	CU_ASSERT_EQUAL(effect.worst, 1);
	say(&stage, "c", 4, 10, 1);
	say(&stage, "c", 4, 10, 1);
	q.with = NULL;
	find_effect(&stage, &q, true, hundred, &effect);
	CU_ASSERT(near(effect.regions[2].after, 25));
	CU_ASSERT(near(effect.regions[0].after, 62.5));
	stage_close(&stage);
}

/* --- drills -------------------------------------------------------------------------------------------------- */

static uint64_t
answers(void *arg, const char *service, const char *region)
{
	const struct stage *stage = arg;

	return stage->answers + strlen(service) + (uint64_t)region[0];
}

static struct drill_world
look(struct stage *stage)
{
	return (struct drill_world){ .round = stage->round, .snapshot = stage->publisher.current, .violations = 3,
		.answers = answers, .arg = stage };
}

static void
all_well(struct stage *stage)
{
	say(stage, "a", 4, 50, 10);
	say(stage, "b", 4, 60, 10);
	say(stage, "c", 4, 50, 10);
}

enum event { LOAD, HEALTH, SLOW_ONCE, SLOW, DEATH, OWN_DEATH, SILENCE, VIOLATION, UNSAFE, STEERING, NOTHING };

static void
happen(struct stage *stage, enum event event, struct drill_world *world, struct drill *drill)
{
	switch (event) {
	case LOAD:
		say(stage, "b", 4, 91, 10);
		break;
	case HEALTH:
		say(stage, "b", 3, 60, 10);
		break;
	case SLOW_ONCE:
		say(stage, "b", 4, 60, 90);
		CU_ASSERT(!drill_check(drill, world));
		say(stage, "b", 4, 60, 12);
		break;
	case SLOW:
		say(stage, "b", 4, 60, 90);
		CU_ASSERT(!drill_check(drill, world));
		CU_ASSERT(!drill_check(drill, world));		/* the same report counts once */
		say(stage, "b", 4, 60, 95);
		break;
	case DEATH:
		say(stage, "b", 0, 0, 10);
		break;
	case OWN_DEATH:
		say(stage, "a", 0, 0, 10);
		break;
	case SILENCE:
		stage->seconds += 60;
		round_tick(stage->round, mono_of(stage->seconds), wall_of(stage->seconds));
		break;
	case VIOLATION:
		world->violations++;
		break;
	case UNSAFE:
		world->unsafe = "another drain is too much";
		break;
	case STEERING: {
		struct world *next = world_of(stage->world, "regions: {a: {capacity: 100}, b: {capacity: 100}, c: {capacity: 90}}\n"
		    "services:\n  www.example.: {sharding-policy: weighted-random, regions: [a, b, c]}\n"
		    "  api.example.: {sharding-policy: priority, regions: [b, a]}\n");

		publish(stage, next);
		world_free(stage->world);
		stage->world = next;
		world->snapshot = stage->publisher.current;
		break;
	}
	case NOTHING:
		all_well(stage);
		publish(stage, stage->world);
		world->snapshot = stage->publisher.current;
		break;
	}
}

static void
test_ends(void)
{
	static const struct { const char *name; enum event event; const char *why; } rows[] = {
		{ "a survivor beyond its capacity", LOAD, "region b bears 91 requests/s, which is beyond 90 % of its capacity of 100" },
		{ "backends that fail", HEALTH, "75 % of the backends of region b are healthy, 100 % were when it began" },
		{ "one slow report", SLOW_ONCE, NULL },
		{ "two slow reports", SLOW, "the backends of region b answer within 95 ms, 10 ms it was when it began" },
		{ "a death", DEATH, "www.example. is dead in region b" },
		{ "its own region's death", OWN_DEATH, "www.example. is dead in region a" },
		{ "silence", SILENCE, "region a is silent" },
		{ "an answer against the law", VIOLATION, "an answer was outside of the residency rules" },
		{ "drains that aren't safe any more", UNSAFE, "another drain is too much" },
		{ "another steering", STEERING, "the steering has changed" },
		{ "a publication of the same, and all is well", NOTHING, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct override override = DRAIN(7, "a", "", 0.75);
		struct drill_world world;
		struct drill drill;
		struct stage stage;
		bool ended;

		stage_open(&stage);
		all_well(&stage);
		world = look(&stage);
		CU_ASSERT_FATAL(drill_begin(&drill, &override, &world, 0.1));
		CU_ASSERT(!drill_check(&drill, &world));
		happen(&stage, rows[i].event, &world, &drill);
		ended = drill_check(&drill, &world);
		SUITE_ROW(rows[i].name, ended == (rows[i].why != NULL));
		SUITE_TEXT(drill.ended, rows[i].why == NULL ? "" : rows[i].why);
		SUITE_ROW(rows[i].name, !drill_check(&drill, &world) || !ended);	/* it ends once */
		drill_fini(&drill);
		stage_close(&stage);
	}
}

static void
test_begins(void)
{
	struct drill_world world;
	struct stage stage;
	char why[256];

	stage_open(&stage);
	all_well(&stage);
	world = look(&stage);
	CU_ASSERT(drill_may_begin(&world, 0, why, sizeof(why)));
	say(&stage, "c", 0, 0, 10);
	CU_ASSERT(!drill_may_begin(&world, 0, why, sizeof(why)));
	SUITE_TEXT(why, "www.example. is dead in region c");
	say(&stage, "c", 4, 0, 10);
	say(&stage, "c", 4, 0, 10);
	round_overrides(stage.round, &(struct override)DRAIN(1, "a", "", 0.5), 1, wall_of(0));
	CU_ASSERT(!drill_may_begin(&world, 0, why, sizeof(why)));
	SUITE_TEXT(why, "region a is drained already");
	CU_ASSERT(drill_may_begin(&world, 1, why, sizeof(why)));
	stage_close(&stage);
}

static void
test_verdict(void)
{
	struct override override = DRAIN(7, "a", "", 0.75);
	struct drill_world world;
	struct drill drill;
	struct stage stage;
	cJSON *verdict;
	char *text;

	stage_open(&stage);
	all_well(&stage);
	world = look(&stage);
	override.from = wall_of(0);
	CU_ASSERT_FATAL(drill_begin(&drill, &override, &world, 0.1));
	say(&stage, "b", 4, 80, 10);
	CU_ASSERT(!drill_check(&drill, &world));
	say(&stage, "b", 4, 65, 10);
	CU_ASSERT(!drill_check(&drill, &world));
	stage.answers = 5;
	verdict = drill_verdict(&drill, &world, NULL, wall_of(10));
	CU_ASSERT_PTR_NOT_NULL_FATAL(verdict);
	text = json_write(verdict);
	SUITE_TEXT(text, "{\"drill\":7,\"region\":\"a\",\"fraction\":0.25,\"began\":\"1970-01-12T13:46:40.000Z\","
	    "\"until\":\"1970-01-12T13:46:50.000Z\",\"moved\":0.1,\"completed\":true,"
	    "\"verdict\":\"nobody was overloaded: region b bore the most, 80 % of its capacity\",\"regions\":["
	    "{\"region\":\"a\",\"survivor\":false,\"load_before\":50,\"load_peak\":50,\"capacity\":100},"
	    "{\"region\":\"b\",\"survivor\":true,\"load_before\":60,\"load_peak\":80,\"capacity\":100},"
	    "{\"region\":\"c\",\"survivor\":true,\"load_before\":50,\"load_peak\":50,\"capacity\":100}],\"answers\":["
	    "{\"service\":\"api.example.\",\"region\":\"b\",\"count\":5},{\"service\":\"api.example.\",\"region\":\"a\",\"count\":5},"
	    "{\"service\":\"www.example.\",\"region\":\"a\",\"count\":5},{\"service\":\"www.example.\",\"region\":\"b\",\"count\":5},"
	    "{\"service\":\"www.example.\",\"region\":\"c\",\"count\":5}]}");
	free(text);
	cJSON_Delete(verdict);
	drill_fini(&drill);
	stage_close(&stage);
}

static const struct suite_case cases[] = {
	{ .name = "what a drain does to loads and budget", .run = test_effects },
	{ .name = "without demand, without room", .run = test_unknown },
	{ .name = "beside what is dead or comes back", .run = test_deaths },
	{ .name = "what ends a drill, and what doesn't", .run = test_ends },
	{ .name = "when none begins", .run = test_begins },
	{ .name = "the verdict", .run = test_verdict },
};

int
main(void)
{
	return suite_run("drill", cases, ARRAY_SIZE(cases));
}
