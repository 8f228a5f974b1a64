/* test_plan.c -- plan/plan and plan/propose: the JSON both ways, every error with its pointer, and plans from
 * beliefs. */
#include "plan/plan.h"

#include <math.h>

#include "plan/propose.h"
#include "suite.h"

enum { EU, US, AP };

static const struct steering_region regions[] = {
	[EU] = { .name = "eu-west", .capacity = 100 }, [US] = { .name = "us-east", .capacity = 100 },
	[AP] = { .name = "ap-south" },
};
static const struct client_group groups[] = { { .name = "default" }, { .name = "germany" }, { .name = "office" } };
static const uint16_t germans[] = { 1 };
static const struct service_region members[] = { { .region = EU, .weight = 1 }, { .region = US, .weight = 1 } };
static const struct residency_rule rules[] = { { .group_count = 1, .groups = germans, .regions = { { 1u << EU } } } };
/* "\003www\000" and "\003zip\000": in canonical order. */
static const struct steering_service services[] = {
	{ .name = "www.", .owner = (const uint8_t *)"\003www", .policy = POLICY_PREDICTIVE, .region_count = 2,
	    .regions = members, .rule_count = 1, .rules = rules },
	{ .name = "zip.", .owner = (const uint8_t *)"\003zip", .policy = POLICY_PRIORITY, .region_count = 2,
	    .regions = members },
};
static const struct steering steering = {
	.region_count = 3, .regions = regions, .group_count = 3, .groups = groups, .service_count = 2,
	.services = services,
};

#define HEAD "{\"made\":\"2026-11-22T16:20:52Z\",\"based_on\":7,\"model\":\"abc\","
#define PAIRS(text) HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\",\"pairs\":[" text \
	"]}]}]}"
#define HALVES "{\"primary\":\"us-east\",\"backup\":\"eu-west\",\"share\":0.5},{\"primary\":\"eu-west\"," \
	"\"backup\":\"us-east\",\"share\":0.5}"

static void
test_read(void)
{
	static const char json[] = HEAD "\"regions\":[{\"region\":\"us-east\",\"probability\":0.25,\"horizon_s\":600,"
	    "\"load_forecast\":null,\"reason\":\"\"},{\"region\":\"eu-west\",\"probability\":null,\"horizon_s\":600,"
	    "\"load_forecast\":12.5,\"reason\":\"no samples\"}],\"services\":[{\"service\":\"www.\",\"groups\":["
	    "{\"group\":\"default\",\"pairs\":[" HALVES "]},"
	    "{\"group\":\"germany\",\"pairs\":[{\"primary\":\"eu-west\",\"backup\":null,\"share\":1}]}]}]}";
	struct diags diags = { 0 };
	struct plan *plan = plan_read(json, strlen(json), &steering, &diags);

	CU_ASSERT(plan != NULL);
	CU_ASSERT_EQUAL(diags.count, 0);
	CU_ASSERT_EQUAL(plan->based_on, 7);
	SUITE_TEXT(plan->model, "abc");
	CU_ASSERT_EQUAL(plan->region_count, 2);
	CU_ASSERT(plan->regions[0].region == US && plan->regions[0].probability == 0.25);
	CU_ASSERT(isnan(plan->regions[0].load_forecast));
	CU_ASSERT(isnan(plan->regions[1].probability) && plan->regions[1].load_forecast == 12.5);
	SUITE_TEXT(plan->regions[1].reason, "no samples");
	CU_ASSERT_EQUAL(plan->services[0].group_count, 2);
	CU_ASSERT(plan->services[0].groups[0].pairs[0].primary == EU);	/* sorted */
	CU_ASSERT(plan->services[0].groups[1].pairs[0].backup == NO_REGION);
	plan_free(plan);
	diag_fini(&diags);
}

static void
test_read_errors(void)
{
	static const struct {
		const char *name, *json, *pointer, *message;
	} rows[] = {
		{ "no JSON", "nonsense", NULL, NULL },
		{ "cut short", "{\"made\":", NULL, NULL },
		{ "no time", "{\"made\":\"now\",\"services\":[]}", "/made", "'now' is no time (RFC 3339)" },
		{ "unknown member", HEAD "\"services\":[],\"extra\":1}", "/extra", NULL },
		{ "no services", "{\"made\":\"2026-11-22T16:20:52Z\"}", NULL, NULL },
		{ "unknown service", HEAD "\"services\":[{\"service\":\"nope.\",\"groups\":[]}]}",
		    "/services/0/service",
		    "no service 'nope.' in the steering" },
		{ "service twice", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[]},{\"service\":\"www.\","
		    "\"groups\":[]}]}",
		    "/services", "service 'www.' is given twice" },
		{ "unknown group", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"x\",\"pairs\":[]}"
		    "]}]}",
		    "/services/0/groups/0/group", "no client group 'x' in the steering" },
		{ "unknown region", PAIRS("{\"primary\":\"eu-wst\",\"backup\":null,\"share\":1}"),
		    "/services/0/groups/0/pairs/0/primary", "no region 'eu-wst' in the steering" },
		{ "a region of another service", PAIRS("{\"primary\":\"ap-south\",\"backup\":null,\"share\":1}"),
		    "/services/0/groups/0/pairs/0/primary", "region 'ap-south' doesn't serve 'www.'" },
		{ "its own backup", PAIRS("{\"primary\":\"eu-west\",\"backup\":\"eu-west\",\"share\":1}"),
		    "/services/0/groups/0/pairs/0/backup", "a region can't back up itself" },
		{ "shares below one", PAIRS("{\"primary\":\"eu-west\",\"backup\":null,\"share\":0.9}"),
		    "/services/0/groups/0/pairs", "the shares add up to 0.9 instead of 1" },
		{ "a share above one", PAIRS("{\"primary\":\"eu-west\",\"backup\":null,\"share\":1.5}"),
		    "/services/0/groups/0/pairs/0/share", NULL },
		{ "a share that is no number", PAIRS("{\"primary\":\"eu-west\",\"backup\":null,\"share\":\"1\"}"),
		    "/services/0/groups/0/pairs/0/share", NULL },
		{ "a pair twice", PAIRS("{\"primary\":\"eu-west\",\"backup\":null,\"share\":0.5},"
		    "{\"primary\":\"eu-west\",\"backup\":null,\"share\":0.5}"),
		    "/services/0/groups/0/pairs", "the pair with primary 'eu-west' is given twice" },
		{ "a probability above one", HEAD "\"regions\":[{\"region\":\"eu-west\",\"probability\":2,"
		    "\"horizon_s\":600}],"
		    "\"services\":[]}", "/regions/0/probability", NULL },
		{ "no horizon", HEAD "\"regions\":[{\"region\":\"eu-west\",\"probability\":1}],\"services\":[]}",
		    "/regions/0/horizon_s", NULL },
		{ "a region twice", HEAD "\"regions\":[{\"region\":\"eu-west\",\"horizon_s\":1},"
		    "{\"region\":\"eu-west\",\"horizon_s\":1}],"
		    "\"services\":[]}", "/regions/1/region", "region 'eu-west' is given twice" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diags diags = { 0 };
		struct plan *plan = plan_read(rows[i].json, strlen(rows[i].json), &steering, &diags);
		bool found = rows[i].pointer == NULL;

		if (plan != NULL || diags.errors == 0)
			SUITE_TEXT(rows[i].name, "a plan that is refused");
		for (size_t k = 0; k < diags.count; k++) {
			const struct diag *d = &diags.list[k];

			found = found || (d->pointer != NULL && strcmp(d->pointer, rows[i].pointer) == 0 &&
			    (rows[i].message == NULL || strcmp(d->message, rows[i].message) == 0));
		}
		if (!found) {
			for (size_t k = 0; k < diags.count; k++)
				printf("%s: %s %s\n", rows[i].name, diags.list[k].pointer, diags.list[k].message);
			SUITE_TEXT(rows[i].name, "the error at its place");
		}
		plan_free(plan);
		diag_fini(&diags);
	}
}

static void
test_all_errors_at_once(void)
{
	static const char json[] = PAIRS("{\"primary\":\"a\",\"backup\":\"b\",\"share\":7},{\"backup\":\"eu-west\","
	    "\"share\":0.1}");
	struct diags diags = { 0 };

	CU_ASSERT(plan_read(json, strlen(json), &steering, &diags) == NULL);
	CU_ASSERT(diags.errors >= 5);
	diag_fini(&diags);
}

static void
believe(struct plan_region *beliefs, double eu, double us, double load)
{
	for (size_t i = 0; i < 3; i++)
		beliefs[i] = (struct plan_region){ .region = (region_id)i,
			.probability = i == EU ? eu : i == US ? us : (double)NAN,
			.horizon_s = 600, .load_forecast = load, .reason = i == AP ? "no samples" : "" };
}

static void
test_propose(void)
{
	struct plan_region beliefs[3];
	struct plan *plan;
	const struct plan_group *everyone, *german;

	believe(beliefs, 0.5, 0, (double)NAN);
	plan = plan_propose(&steering, beliefs, "abc", 7, (struct wall){ 1000 });
	CU_ASSERT_EQUAL(plan->service_count, 1);		/* the other one isn't predictive */
	CU_ASSERT_EQUAL(plan->services[0].group_count, 2);	/* the office follows the default group */
	everyone = &plan->services[0].groups[0];
	german = &plan->services[0].groups[1];
	CU_ASSERT_EQUAL(everyone->group, 0);
	CU_ASSERT(everyone->pair_count == 2 && fabs(everyone->pairs[0].share - 0.2) < 1e-12);
	CU_ASSERT_EQUAL(german->group, 1);
	CU_ASSERT(german->pair_count == 1 && german->pairs[0].primary == EU && german->pairs[0].backup == NO_REGION);
	SUITE_TEXT(plan->regions[AP].reason, "no samples");
	plan_free(plan);
}

static void
test_round_trip(void)
{
	struct plan_region beliefs[3];
	struct plan *plan, *again;
	struct diags diags = { 0 };
	char *json, *json_again;

	believe(beliefs, 1.0 / 3, 0.1, 77);
	plan = plan_propose(&steering, beliefs, "abc", 7, (struct wall){ 1000 });
	json = plan_write(plan, &steering);
	again = plan_read(json, strlen(json), &steering, &diags);
	CU_ASSERT(again != NULL);
	json_again = plan_write(again, &steering);
	SUITE_TEXT(json_again, json);
	for (size_t i = 0; i < plan->services[0].groups[0].pair_count; i++)	/* to the bit */
		CU_ASSERT(plan->services[0].groups[0].pairs[i].share == again->services[0].groups[0].pairs[i].share);
	CU_ASSERT(plan_distance(plan, again) == 0);
	plan_free(plan);
	plan_free(again);
	diag_fini(&diags);
	free(json);
	free(json_again);
}

static void
test_distance(void)
{
	struct plan_region beliefs[3];
	struct plan *even, *uneven, other;

	believe(beliefs, (double)NAN, (double)NAN, (double)NAN);
	even = plan_propose(&steering, beliefs, "", 1, (struct wall){ 0 });
	believe(beliefs, 0.5, 0, (double)NAN);
	uneven = plan_propose(&steering, beliefs, "", 1, (struct wall){ 0 });
	CU_ASSERT(fabs(plan_distance(even, uneven) - 0.3) < 1e-12);
	other = *even;
	other.service_count = 0;
	CU_ASSERT(plan_distance(even, &other) == 1);
	plan_free(even);
	plan_free(uneven);
}

static const struct suite_case cases[] = {
	{ .name = "a plan is read", .run = test_read },
	{ .name = "errors have their pointers", .run = test_read_errors },
	{ .name = "all errors at once", .run = test_all_errors_at_once },
	{ .name = "plans from beliefs", .run = test_propose },
	{ .name = "a plan reads back the same", .run = test_round_trip },
	{ .name = "how far plans differ", .run = test_distance },
};

int
main(void)
{
	return suite_run("plan", cases, ARRAY_SIZE(cases));
}
