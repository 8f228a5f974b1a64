/* test_publish.c -- control/publish: what's refused leaves what is; counts outlive snapshots; what regions accept
 * narrows what is built; memory that runs out anywhere. */
#include "control/publish.h"

#include "dns/wire.h"
#include "scarce.h"

static const char zone_text[] =
	"@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.53\n"
	"eu._region.www 60 IN A 192.0.2.1\nus._region.www 60 IN A 192.0.2.2\n"
	"eu._region.api 60 IN A 192.0.2.1\nus._region.api 60 IN A 192.0.2.2\n";

static const char steering_one[] =
	"regions: {eu: {capacity: 1k}, us: {capacity: 1k}}\n"
	"client-groups: {a: {networks: [192.0.2.0/24]}}\n"
	"services:\n"
	"  www.example.: {sharding-policy: predictive, regions: {eu: {weight: 1}, us: {weight: 1}}}\n"
	"  api.example.: {sharding-policy: priority, regions: [eu, us]}\n";

/* Regions in another order, and a service less. */
static const char steering_two[] =
	"regions: {us: {capacity: 1k}, eu: {capacity: 1k}}\n"
	"client-groups: {a: {networks: [192.0.2.0/24]}}\n"
	"services:\n"
	"  www.example.: {sharding-policy: predictive, regions: {eu: {weight: 1}, us: {weight: 1}}}\n";

/* --- tools --------------------------------------------------------------------------------------------------- */

struct stage {
	struct world *world;
	struct round *round;
	struct publisher publisher;
};

static void
no_event(void *arg UNUSED, const struct health_event *event UNUSED)
{
}

static struct world *
world_of(const struct world *base, const char *steering)
{
	static const struct zone_text zone = { .file = "example", .name = "example.", .text = zone_text };
	struct diags diags = { 0 };
	struct world *world = world_edit(base, &(struct world_edit){ .zone_count = 1, .zones = &zone,
	    .steering = steering,
	    .steering_file = "steering.yaml" }, &diags);

	if (world == NULL)
		abort();
	diag_fini(&diags);
	return world;
}

static bool
publish(struct stage *stage, const struct world *world, const struct plan *plan, char *reason, size_t size)
{
	struct candidate candidate;
	struct text why = { 0 };
	bool built = publish_build(&stage->publisher, world, stage->round, plan, NULL, &candidate, &why);

	snprintf(reason, size, "%s", why.bytes == NULL ? "" : why.bytes);
	text_fini(&why);
	if (!built) {
		CU_ASSERT_PTR_NULL(candidate.snapshot);
		CU_ASSERT_PTR_NULL(candidate.moved);
		return false;
	}
	return publish_commit(&stage->publisher, &candidate, stage->round, (struct mono){ 1000000000 },
	    (struct wall){ 1000 }) == 0;
}

static void
stage_open(struct stage *stage)
{
	char reason[200];

	memset(stage, 0, sizeof(*stage));
	stage->publisher.worker_count = 2;
	stage->round = round_new(no_event, NULL);
	stage->world = world_of(NULL, steering_one);
	if (stage->round == NULL || !publish(stage, stage->world, NULL, reason, sizeof(reason)))
		abort();
}

static void
stage_close(struct stage *stage)
{
	publisher_fini(&stage->publisher);
	round_free(stage->round);
	world_free(stage->world);
}

static struct plan *
plan_of(const char *json, const struct steering *steering)
{
	struct diags diags = { 0 };
	struct plan *plan = plan_read(json, strlen(json), steering, &diags);

	if (plan == NULL)
		abort();
	diag_fini(&diags);
	return plan;
}

#define PLAN(eu, us) "{\"made\":\"2026-01-01T00:00:00Z\",\"services\":[{\"service\":\"www.example.\",\"groups\":" \
	"[{\"group\":\"default\",\"pairs\":[{\"primary\":\"eu\",\"backup\":\"us\",\"share\":" eu "}," \
	"{\"primary\":\"us\",\"backup\":\"eu\",\"share\":" us "}]}]}]}"

/* The share of a group's slots whose primary is the region. */
static double
share_of(const struct stage *stage, size_t service, size_t group, const char *region)
{
	const struct snapshot *snapshot = stage->publisher.current;
	const struct slot_table *table = snapshot->services[service].tables[group];
	region_id r = steering_region_find(snapshot->steering, region);
	uint32_t count = 0;

	for (uint32_t i = 0; i < table->count; i++)
		count += table->slots[i].list[0] == r;
	return (double)count / table->count;
}

static size_t
service_of(const struct stage *stage, const char *name)
{
	const struct steering *steering = stage->publisher.current->steering;

	return (size_t)(steering_service_find(steering, name) - steering->services);
}

static void
report(struct stage *stage, const char *region, unsigned long long sequence, const char *accepts)
{
	struct diags diags = { 0 };
	struct text json = { 0 };
	struct report *r;

	text_printf(&json,
	    "{\"agent\":\"r\",\"sequence\":%llu,\"time\":\"1970-01-01T00:00:01Z\",\"backends\":[]%s%s%s}", sequence,
	    accepts == NULL ? "" : ",\"residency\":{\"accepts\":[\"", accepts == NULL ? "" : accepts,
	    accepts == NULL ? "" : "\"]}");
	r = report_read(json.bytes, json.length, region, &diags);
	if (r == NULL
	    || round_report(stage->round, r, (struct mono){ 1000000000 }, (struct wall){ 1000 }) != ROUND_TAKEN)
		abort();
	text_fini(&json);
}

/* --- cases --------------------------------------------------------------------------------------------------- */

static void
test_plan(void)
{
	struct stage stage;
	char reason[200];
	struct plan *plan;

	stage_open(&stage);
	CU_ASSERT_EQUAL(stage.publisher.epoch, 1);
	CU_ASSERT_DOUBLE_EQUAL(share_of(&stage, service_of(&stage, "www.example."), 0, "eu"), 0.5, 0.001);
	plan = plan_of(PLAN("0.75", "0.25"), stage.world->steering);
	CU_ASSERT(publish(&stage, stage.world, plan, reason, sizeof(reason)));
	CU_ASSERT_EQUAL(stage.publisher.epoch, 2);
	CU_ASSERT_DOUBLE_EQUAL(share_of(&stage, service_of(&stage, "www.example."), 0, "eu"), 0.75, 0.001);
	plan_free(plan);
	stage_close(&stage);
}

/* A plan whose shares don't add up: what a fault in the planner would look like. */
static void
test_refusal(void)
{
	struct plan_pair pairs[] = { { 0, 1, 0.5 }, { 1, 0, 0.5 }, { 1, NO_REGION, 0.25 } };
	struct plan_group group = { .group = 0, .pair_count = 3, .pairs = pairs };
	struct plan_service service = { "www.example.", 1, &group };
	struct plan plan = { .model = "", .service_count = 1, .services = &service };
	struct stage stage;
	struct snapshot *before;
	char reason[200];

	stage_open(&stage);
	before = stage.publisher.current;
	CU_ASSERT_FALSE(publish(&stage, stage.world, &plan, reason, sizeof(reason)));
	CU_ASSERT_NOT_EQUAL(reason[0], '\0');
	CU_ASSERT_PTR_EQUAL(stage.publisher.current, before);
	CU_ASSERT_EQUAL(stage.publisher.epoch, 1);
	CU_ASSERT_DOUBLE_EQUAL(share_of(&stage, service_of(&stage, "www.example."), 0, "eu"), 0.5, 0.001);
	stage_close(&stage);
}

static void
test_accepted(void)
{
	struct stage stage;
	char reason[200];
	struct plan *plan;
	size_t www;

	stage_open(&stage);
	plan = plan_of(PLAN("0.75", "0.25"), stage.world->steering);
	report(&stage, "eu", 1, "default");
	CU_ASSERT_NOT_EQUAL(round_constraints(stage.round), stage.publisher.constraints);
	CU_ASSERT(publish(&stage, stage.world, plan, reason, sizeof(reason)));
	CU_ASSERT_EQUAL(round_constraints(stage.round), stage.publisher.constraints);
	www = service_of(&stage, "www.example.");
	CU_ASSERT_DOUBLE_EQUAL(share_of(&stage, www, 0, "eu"), 0.75, 0.001);
	CU_ASSERT_DOUBLE_EQUAL(share_of(&stage, www, 1, "eu"), 0, 0);	/* group a */
	CU_ASSERT_DOUBLE_EQUAL(share_of(&stage, www, 1, "us"), 1, 0);
	/* Another publication, and the constraint still holds. */
	CU_ASSERT(publish(&stage, stage.world, NULL, reason, sizeof(reason)));
	CU_ASSERT_DOUBLE_EQUAL(share_of(&stage, www, 1, "us"), 1, 0);
	CU_ASSERT_EQUAL(round_constraints(stage.round), stage.publisher.constraints);
	report(&stage, "eu", 2, NULL);
	CU_ASSERT(publish(&stage, stage.world, NULL, reason, sizeof(reason)));
	CU_ASSERT_DOUBLE_EQUAL(share_of(&stage, www, 1, "eu"), 0.5, 0.001);
	plan_free(plan);
	stage_close(&stage);
}

/* Dead regions are dead in the new snapshot before anybody sees it. */
static void
test_live_words(void)
{
	struct stage stage;
	char reason[200];
	struct world *next;
	const struct service *www;

	stage_open(&stage);
	round_probe(stage.round, 0, 0, false, "", (struct wall){ 0 });
	CU_ASSERT(publish(&stage, stage.world, NULL, reason, sizeof(reason)));
	round_overrides(stage.round, &(struct override){ .kind = "drain", .region = "us", .service = "", .value = 0.5,
	    .reason = "", .author = "" }, 1, (struct wall){ 1000 });
	next = world_of(stage.world, steering_two);
	CU_ASSERT(publish(&stage, next, NULL, reason, sizeof(reason)));
	www = &stage.publisher.current->services[0];
	CU_ASSERT_EQUAL(live_admit(www->live, steering_region_find(next->steering, "us")), 32768);
	CU_ASSERT_EQUAL(live_admit(www->live, steering_region_find(next->steering, "eu")), ADMIT_ALL);
	world_free(next);
	stage_close(&stage);
}

static void
count_picks(struct stage *stage, const char *service, const char *region, unsigned worker, uint64_t count)
{
	const struct snapshot *snapshot = stage->publisher.current;
	size_t s = service_of(stage, service);

	counter_add(&snapshot->rows[worker].picks[s * snapshot->steering->region_count
	    + steering_region_find(snapshot->steering, region)], count);
}

static void
test_counts(void)
{
	struct stage stage;
	char reason[200];
	struct world *next;

	stage_open(&stage);
	count_picks(&stage, "www.example.", "eu", 0, 5);
	count_picks(&stage, "www.example.", "eu", 1, 2);
	count_picks(&stage, "api.example.", "us", 0, 11);
	CU_ASSERT_EQUAL(publish_answers(&stage.publisher, "www.example.", "eu"), 7);
	next = world_of(stage.world, steering_two);
	CU_ASSERT(publish(&stage, next, NULL, reason, sizeof(reason)));
	CU_ASSERT_EQUAL(publish_answers(&stage.publisher, "www.example.", "eu"), 7);
	CU_ASSERT_EQUAL(publish_answers(&stage.publisher, "www.example.", "us"), 0);
	CU_ASSERT_EQUAL(publish_answers(&stage.publisher, "api.example.", "us"), 11);	/* though it's gone */
	count_picks(&stage, "www.example.", "eu", 0, 100);
	count_picks(&stage, "www.example.", "us", 1, 1000);
	CU_ASSERT_EQUAL(publish_answers(&stage.publisher, "www.example.", "eu"), 107);
	CU_ASSERT(publish(&stage, stage.world, NULL, reason, sizeof(reason)));
	CU_ASSERT_EQUAL(publish_answers(&stage.publisher, "www.example.", "eu"), 107);
	CU_ASSERT_EQUAL(publish_answers(&stage.publisher, "www.example.", "us"), 1000);
	CU_ASSERT_EQUAL(publish_answers(&stage.publisher, "api.example.", "us"), 11);
	CU_ASSERT_EQUAL(publish_answers(&stage.publisher, "api.example.", "nowhere"), 0);
	CU_ASSERT_EQUAL(stage.publisher.answered_count, 3);
	world_free(next);
	stage_close(&stage);
}

/* --- memory -------------------------------------------------------------------------------------------------- */

static struct stage scarce_stage;
static struct plan *scarce_plan;

static bool
build_scarcely(void)
{
	struct candidate candidate;
	struct text why = { 0 };
	bool built = publish_build(&scarce_stage.publisher, scarce_stage.world, scarce_stage.round, scarce_plan, NULL,
	    &candidate, &why);

	text_fini(&why);
	if (built)
		candidate_fini(&candidate);
	return built;
}

static bool
adopt_scarcely(void)
{
	struct steering *steering = scarce_stage.world->steering;
	const struct round_region *eu = round_region(scarce_stage.round, 0);
	int status = round_adopt(scarce_stage.round, steering, (struct mono){ 1 }, (struct wall){ 1 });

	SUITE_ROW("-ENOMEM leaves the round as it was", status == 0 || round_region(scarce_stage.round, 0) == eu);
	SUITE_ROW("what is known is kept", round_region(scarce_stage.round, 0)->agent_count == 1
	    && round_steering(scarce_stage.round)->region_count == 2);
	return status == 0;
}

static void
test_scarce(void)
{
	stage_open(&scarce_stage);
	scarce_plan = plan_of(PLAN("0.75", "0.25"), scarce_stage.world->steering);
	report(&scarce_stage, "eu", 1, "default");
	SCARCE_EACH(build_scarcely);
	SCARCE_EACH(adopt_scarcely);
	plan_free(scarce_plan);
	stage_close(&scarce_stage);
}

static const struct suite_case cases[] = {
	{ .name = "a plan is in the tables", .run = test_plan },
	{ .name = "the certificate refuses: what is stays", .run = test_refusal },
	{ .name = "what regions accept narrows, with a plan and without", .run = test_accepted },
	{ .name = "live words are there before the snapshot is seen", .run = test_live_words },
	{ .name = "counts outlive snapshots, services and the order of regions", .run = test_counts },
	{ .name = "memory runs out anywhere", .run = test_scarce },
};

int
main(void)
{
	return suite_run("publish", cases, ARRAY_SIZE(cases));
}
