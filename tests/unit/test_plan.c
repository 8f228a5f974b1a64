/* test_plan.c -- plan/plan, plan/plan_write and plan_compare(): the JSON both ways, every error with its pointer, and how far plans
 * differ. */
#include "plan/plan.h"

#include <math.h>

#include "planner/propose.h"
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
	    .regions = members, .rule_count = 1, .rules = rules, .shed = true },
	{ .name = "zip.", .owner = (const uint8_t *)"\003zip", .policy = POLICY_PRIORITY, .region_count = 2,
	    .regions = members },
};
static const struct steering steering = {
	.region_count = 3, .regions = regions, .group_count = 3, .groups = groups, .service_count = 2,
	.services = services, .planning = { .normal_limit = 0.85, .loss_limit = 1 },
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
		{ "shed where nobody may be", HEAD "\"services\":[{\"service\":\"zip.\",\"groups\":[{\"group\":\"default\","
		    "\"pairs\":[{\"primary\":null,\"backup\":null,\"share\":1}]}]}]}", "/services/0/groups/0/pairs/0/primary",
		    "'zip.' sheds no clients: it has no 'shed: true'" },
		{ "shed with a backup", PAIRS("{\"primary\":null,\"backup\":\"us-east\",\"share\":1}"),
		    "/services/0/groups/0/pairs/0/backup", "clients that are shed have no backup" },
		{ "no such country", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\","
		    "\"country\":\"QQ\",\"pairs\":[" HALVES "]}]}]}", "/services/0/groups/0/country",
		    "'QQ' is no country: give its ISO 3166-1 two-letter code" },
		{ "a group twice", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\","
		    "\"country\":\"FR\",\"pairs\":[" HALVES "]},{\"group\":\"default\",\"country\":\"fr\",\"pairs\":["
		    HALVES "]}]}]}", "/services/0/groups", "group 'default/FR' is given twice" },
		{ "demand below nothing", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\","
		    "\"demand\":-1,\"pairs\":[" HALVES "]}]}]}", "/services/0/groups/0/demand", NULL },
		{ "an order of others", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\","
		    "\"pairs\":[" HALVES "],\"order\":[\"eu-west\",\"ap-south\"]}]}]}", "/services/0/groups/0/order/1",
		    "region 'ap-south' doesn't serve 'www.'" },
		{ "an order with a region twice", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":"
		    "\"default\",\"pairs\":[" HALVES "],\"order\":[\"eu-west\",\"eu-west\"]}]}]}",
		    "/services/0/groups/0/order/1", "region 'eu-west' is given twice" },
		{ "an order of numbers", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\","
		    "\"pairs\":[" HALVES "],\"order\":[1]}]}]}", "/services/0/groups/0/order/0", "must be the name of a region" },
		{ "an overload nowhere", HEAD "\"overloads\":[{\"lost\":\"\",\"region\":\"x\",\"fill\":2}],\"services\":[]}",
		    "/overloads/0/region", "no region 'x' in the steering" },
		{ "an unknown part of a relaxation", HEAD "\"relaxations\":[{\"step\":\"loss\",\"who\":\"x\"}],\"services\":[]}",
		    "/relaxations/0/who", NULL },
		{ "like nobody", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\",\"like\":\"zip.\"}"
		    "]}]}", "/services/0/groups/0/like", "no service 'zip.' before this one has this group" },
		{ "like another, and pairs", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\","
		    "\"like\":\"www.\",\"pairs\":[]}]}]}", "/services/0/groups/0/like", "either like, or pairs and order" },
		{ "like another that sheds", HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\","
		    "\"pairs\":[{\"primary\":null,\"backup\":null,\"share\":1}]}]},{\"service\":\"zip.\",\"groups\":[{\"group\":"
		    "\"default\",\"like\":\"www.\"}]}]}", "/services/1/groups/0/like",
		    "'zip.' can't be shared like 'www.': their regions or what they shed differ" },
		{ "a margin below one", HEAD "\"margin\":0.5,\"services\":[]}", "/margin", NULL },
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

/* All that a plan can say. */
static const char whole[] = "{\"made\":\"2026-11-22T16:20:52.000Z\",\"based_on\":7,\"model\":\"abc\","
    "\"method\":\"relaxed\",\"normal_limit\":1,\"loss_limit\":0.9,\"margin\":1.25,"
    "\"latency_ms\":31.5,\"step\":0.5,\"relaxations\":[{\"step\":\"margins\",\"what\":\"all rows\",\"why\":"
    "\"clients of germany need 41k, eu-west has 38k\"}],\"overloads\":[{\"lost\":\"us-east\",\"region\":\"eu-west\","
    "\"fill\":1.0625}],\"regions\":[{\"region\":\"us-east\",\"probability\":0.25,\"horizon_s\":600,\"load_forecast\":"
    "null,\"capacity\":500,\"price\":12.5,\"price_why\":\"is full if eu-west is lost\",\"reason\":\"\"}],\"services\":"
    "[{\"service\":\"www.\",\"groups\":[{\"group\":\"default\",\"demand\":120.5,\"error\":0.125,\"pairs\":["
    "{\"primary\":\"eu-west\",\"backup\":\"us-east\",\"share\":0.33333333333333331},{\"primary\":\"us-east\","
    "\"backup\":\"eu-west\",\"share\":0.56666666666666665},{\"primary\":null,\"backup\":null,\"share\":0.1}],"
    "\"order\":[\"us-east\",\"eu-west\"]},{\"group\":\"default\",\"country\":\"FR\",\"demand\":null,\"error\":null,"
    "\"pairs\":[{\"primary\":\"eu-west\",\"backup\":null,\"share\":1}],\"order\":[]}]}]}";

static void
test_round_trip(void)
{
	struct diags diags = { 0 };
	struct plan *plan = plan_read(whole, strlen(whole), &steering, &diags);
	const struct plan_group *planned;
	char *json;

	CU_ASSERT_FATAL(plan != NULL);
	SUITE_TEXT(plan->method, "relaxed");
	CU_ASSERT(plan->normal_limit == 1 && plan->loss_limit == 0.9 && plan->margin == 1.25);
	CU_ASSERT(plan->latency == 31.5 && plan->step == 0.5);
	CU_ASSERT_EQUAL_FATAL(plan->relaxation_count, 1);
	SUITE_TEXT(plan->relaxations[0].why, "clients of germany need 41k, eu-west has 38k");
	CU_ASSERT_EQUAL_FATAL(plan->overload_count, 1);
	SUITE_TEXT(plan->overloads[0].lost, "us-east");
	CU_ASSERT(plan->overloads[0].region == EU && plan->overloads[0].fill == 1.0625);
	CU_ASSERT(plan->regions[0].capacity == 500 && plan->regions[0].price == 12.5);
	SUITE_TEXT(plan->regions[0].price_why, "is full if eu-west is lost");
	planned = plan->services[0].groups;
	CU_ASSERT_EQUAL_FATAL(plan->services[0].group_count, 2);
	CU_ASSERT(planned[0].demand == 120.5 && planned[0].error == 0.125 && planned[0].country == COUNTRY_UNKNOWN);
	CU_ASSERT(planned[0].pair_count == 3 && planned[0].pairs[2].primary == NO_REGION);
	CU_ASSERT(planned[0].pairs[0].share == 1.0 / 3);	/* to the bit */
	CU_ASSERT(planned[0].order_count == 2 && planned[0].order[0] == US && planned[0].order[1] == EU);
	CU_ASSERT(planned[1].country == country_find("FR") && isnan(planned[1].demand) && planned[1].order_count == 0);
	json = plan_write(plan, &steering);
	SUITE_TEXT(json, whole);
	free(json);
	plan_free(plan);
	diag_fini(&diags);
}

/* What a daemon of before the planner has in its store. */
static void
test_old(void)
{
	static const char json[] = PAIRS(HALVES);
	struct diags diags = { 0 };
	struct plan *plan = plan_read(json, strlen(json), &steering, &diags);

	CU_ASSERT_FATAL(plan != NULL);
	SUITE_TEXT(plan->method, "by-weights");
	CU_ASSERT(plan->normal_limit == 0.85 && plan->loss_limit == 1 && plan->margin == 1 && plan->step == 1);
	CU_ASSERT(isnan(plan->latency) && plan->relaxation_count == 0 && plan->overload_count == 0);
	CU_ASSERT(isnan(plan->services[0].groups[0].demand) && plan->services[0].groups[0].order_count == 0);
	plan_free(plan);
	diag_fini(&diags);
}

static void
test_distance(void)
{
	static const struct { const char *name, *a, *b; double moved, paired; } rows[] = {
		{ "the same", PAIRS(HALVES), PAIRS(HALVES), 0, 0 },
		{ "two tenths move", PAIRS(HALVES), PAIRS("{\"primary\":\"us-east\",\"backup\":\"eu-west\",\"share\":0.3},"
		    "{\"primary\":\"eu-west\",\"backup\":\"us-east\",\"share\":0.7}"), 0.2, 0.2 },
		{ "only a backup", PAIRS(HALVES), PAIRS("{\"primary\":\"us-east\",\"backup\":null,\"share\":0.5},"
		    "{\"primary\":\"eu-west\",\"backup\":\"us-east\",\"share\":0.5}"), 0, 0.5 },
		{ "another group", PAIRS(HALVES), HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":"
		    "\"germany\",\"pairs\":[" HALVES "]}]}]}", 1, 1 },
		{ "another country", PAIRS(HALVES), HEAD "\"services\":[{\"service\":\"www.\",\"groups\":[{\"group\":"
		    "\"default\",\"country\":\"FR\",\"pairs\":[" HALVES "]}]}]}", 1, 1 },
		{ "no service", PAIRS(HALVES), HEAD "\"services\":[]}", 1, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diags diags = { 0 };
		struct plan *a = plan_read(rows[i].a, strlen(rows[i].a), &steering, &diags);
		struct plan *b = plan_read(rows[i].b, strlen(rows[i].b), &steering, &diags);
		struct plan_difference one, other;

		CU_ASSERT_FATAL(a != NULL && b != NULL);
		one = plan_compare(a, b);
		other = plan_compare(b, a);
		SUITE_ROW(rows[i].name, fabs(one.moved - rows[i].moved) < 1e-12 && fabs(one.paired - rows[i].paired) < 1e-12);
		SUITE_ROW(rows[i].name, fabs(other.moved - one.moved) < 1e-12 && fabs(other.paired - one.paired) < 1e-12);
		plan_free(a);
		plan_free(b);
		diag_fini(&diags);
	}
}

static const struct suite_case cases[] = {
	{ .name = "a plan is read", .run = test_read },
	{ .name = "errors have their pointers", .run = test_read_errors },
	{ .name = "all errors at once", .run = test_all_errors_at_once },
	{ .name = "a plan reads back the same", .run = test_round_trip },
	{ .name = "plans of before the planner", .run = test_old },
	{ .name = "how far plans differ", .run = test_distance },
};

int
main(void)
{
	return suite_run("plan", cases, ARRAY_SIZE(cases));
}
