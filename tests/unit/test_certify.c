/* test_certify.c -- control/certify: the certificate in service follows what agents report and who is dead. */
#include "control/certify.h"

#include <math.h>

#include "suite.h"

static const char zone_text[] =
	"@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.53\n"
	"eu._region.www 60 IN A 192.0.2.1\nus._region.www 60 IN A 192.0.2.2\nap._region.www 60 IN A 192.0.2.3\n";
static const char steering_text[] =
	"regions: {eu: {capacity: 1k}, us: {capacity: 1k}, ap: }\n"
	"services:\n  www.example.: {sharding-policy: predictive, regions: [eu, us, ap]}\n";
static const char plan_text[] = "{\"made\":\"1970-01-01T00:00:01Z\",\"services\":[{\"service\":\"www.example.\",\"groups\":"
	"[{\"group\":\"default\",\"demand\":1000,\"pairs\":[{\"primary\":\"eu\",\"backup\":\"us\",\"share\":0.5},"
	"{\"primary\":\"us\",\"backup\":\"eu\",\"share\":0.4},{\"primary\":\"ap\",\"backup\":\"us\",\"share\":0.1}]}]}]}";

enum { EU, US, AP };

struct stage {
	struct world *world;
	struct round *round;
	struct publisher publisher;
	struct plan *plan;
	struct mono now;
	struct wall wall;
	unsigned long long sequence;
};

static void
no_event(void *arg UNUSED, const struct health_event *event UNUSED)
{
}

static void
stage_open(struct stage *stage)
{
	static const struct zone_text zone = { .file = "example", .name = "example.", .text = zone_text };
	struct diags diags = { 0 };
	struct candidate candidate;
	struct text why = { 0 };

	memset(stage, 0, sizeof(*stage));
	stage->publisher.worker_count = 1;
	stage->now.ns = 1000000000;
	stage->wall.ms = 1000;
	stage->round = round_new(no_event, NULL);
	stage->world = world_edit(NULL, &(struct world_edit){ .zone_count = 1, .zones = &zone,
	    .steering = steering_text, .steering_file = "steering.yaml" }, &diags);
	if (stage->world == NULL || stage->round == NULL)
		abort();
	stage->plan = plan_read(plan_text, strlen(plan_text), stage->world->steering, &diags);
	if (stage->plan == NULL || !publish_build(&stage->publisher, stage->world, stage->round, stage->plan, NULL,
	    &candidate, &why) || publish_commit(&stage->publisher, &candidate, stage->round, stage->now,
	    stage->wall) != 0)
		abort();
	diag_fini(&diags);
	text_fini(&why);
}

static void
stage_close(struct stage *stage)
{
	publisher_fini(&stage->publisher);
	round_free(stage->round);
	plan_free(stage->plan);
	world_free(stage->world);
}

static void
report(struct stage *stage, const char *region, const char *capacity, const char *healthy)
{
	struct diags diags = { 0 };
	struct text json = { 0 };
	struct report *r;

	text_printf(&json, "{\"agent\":\"a\",\"sequence\":%llu,\"time\":\"1970-01-01T00:00:01Z\",\"capacity\":%s,"
	    "\"backends\":[{\"name\":\"b\",\"service\":\"www.example.\",\"address\":\"192.0.2.1:80\",\"healthy\":%s,"
	    "\"latency_ms\":1}]}", ++stage->sequence, capacity, healthy);
	r = report_read(json.bytes, json.length, region, &diags);
	if (r == NULL || round_report(stage->round, r, stage->now, stage->wall) != ROUND_TAKEN)
		abort();
	text_fini(&json);
	diag_fini(&diags);
}

static const struct certificate *
kept(struct stage *stage, const struct demand *measured)
{
	certify_keep(&stage->publisher, stage->round, stage->plan, measured, stage->now, stage->wall);
	return stage->publisher.certificate;
}

static void
test_follows(void)
{
	struct stage stage;
	const struct certificate *certificate;

	stage_open(&stage);
	certificate = stage.publisher.certificate;
	CU_ASSERT_FATAL(certificate != NULL);
	CU_ASSERT(certificate->good);
	CU_ASSERT_EQUAL(certificate->capacities[EU], 1000);
	CU_ASSERT_EQUAL(certificate->capacities[AP], 0);
	CU_ASSERT_FALSE(certify_is_due(&stage.publisher, stage.round, stage.now));
	/* An agent's word goes before the steering's: us can't bear eu's clients any more. */
	report(&stage, "us", "500", "true");
	CU_ASSERT(certify_is_due(&stage.publisher, stage.round, stage.now));
	certificate = kept(&stage, NULL);
	CU_ASSERT_EQUAL(certificate->capacities[US], 500);
	CU_ASSERT_EQUAL(certificate->fault, CERTIFICATE_LOADS);
	SUITE_TEXT(certificate->why.bytes, "if eu is lost, us gets 900 requests/s and can bear 500 (1.80)");
	CU_ASSERT_DOUBLE_EQUAL(certificate->room[EU], 102.5 / 500, 1e-3);
	CU_ASSERT_FALSE(certify_is_due(&stage.publisher, stage.round, stage.now));
	/* Jitter is no news; a minute is. */
	report(&stage, "us", "501", "true");
	CU_ASSERT_FALSE(certify_is_due(&stage.publisher, stage.round, stage.now));
	stage.now.ns += 60 * (int64_t)1000000000;
	CU_ASSERT(certify_is_due(&stage.publisher, stage.round, stage.now));
	stage_close(&stage);
}

static void
test_dead(void)
{
	struct stage stage;
	const struct certificate *certificate;
	struct region_set lost;

	stage_open(&stage);
	report(&stage, "ap", "1000", "false");
	lost = certify_lost(stage.round, stage.publisher.current->steering);
	CU_ASSERT(region_set_has(&lost, AP));
	CU_ASSERT_EQUAL(region_set_count(lost), 1);
	CU_ASSERT(certify_is_due(&stage.publisher, stage.round, stage.now));
	certificate = kept(&stage, NULL);
	CU_ASSERT_DOUBLE_EQUAL(certificate->cases[0].loads[US], 500, 1);
	CU_ASSERT_EQUAL(certificate->cases[0].loads[AP], 0);
	CU_ASSERT_EQUAL(certificate->case_count, 3);	/* what is lost already can't be lost */
	CU_ASSERT_FALSE(certify_is_due(&stage.publisher, stage.round, stage.now));
	stage_close(&stage);
}

/* A plan that nobody followed up on loses its say to what is measured. */
static void
test_stale(void)
{
	struct demand_rate measure = { .rate = 300 };
	struct demand_service service = { .name = "www.example.", .count = 1, .groups = &measure };
	struct demand demand = { .service_count = 1, .services = &service };
	struct stage stage;

	stage_open(&stage);
	CU_ASSERT_DOUBLE_EQUAL(kept(&stage, &demand)->demand, 1000, 1e-9);
	stage.wall.ms += CERTIFY_PLAN_MS;
	CU_ASSERT_DOUBLE_EQUAL(kept(&stage, &demand)->demand, 300, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(kept(&stage, NULL)->demand, 1000, 1e-9);
	plan_free(stage.plan);
	stage.plan = NULL;
	CU_ASSERT_DOUBLE_EQUAL(kept(&stage, &demand)->demand, 300, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(kept(&stage, NULL)->demand, 0, 1e-9);
	stage_close(&stage);
}

static const struct suite_case cases[] = {
	{ .name = "capacities that agents report", .run = test_follows },
	{ .name = "a region is dead", .run = test_dead },
	{ .name = "demand as planned, then as measured", .run = test_stale },
};

int
main(void)
{
	return suite_run("certify", cases, ARRAY_SIZE(cases));
}
