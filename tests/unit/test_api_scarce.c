/* test_api_scarce.c -- the API's first steps when memory runs out at each request: always an answer, 503 and not "your
 * request is wrong", never half a change, and nothing leaks. (cJSON's own requests aren't refused here.) */
#include "api/handlers.h"

#include "api/change.h"
#include "api/routes.h"
#include "api/view.h"
#include "scarce.h"

#define ZONE "@ 60 SOA ns1 h 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n"

struct question {
	const char *method, *path, *type, *body;
};

/* As the server does it: route, parameters, body, the first step. True when the step went on to the second. */
static bool
ask(const struct question *question)
{
	struct arena *arena = arena_new();
	struct text allow = { 0 };
	struct request request = { .arena = arena, .method = question->method, .path = question->path,
		.content_type = question->type, .who = { .role = ROLE_ADMIN, .author = "root" } };
	bool went_on = false;
	enum route_match match;

	if (arena == NULL)
		return false;
	request.queries[request.query_count++] = (struct query_value){ "reason", "why" };
	text_puts(&request.body, question->body);
	match = route_find(&request, routes, route_count, &allow);
	CU_ASSERT(match == ROUTE_FOUND || match == ROUTE_NO_MEMORY);
	if (match == ROUTE_FOUND && !request.body.failed) {
		request.route->here(&request);
		went_on = request.answer.status == 0;
		CU_ASSERT(went_on ? request.work != NULL : request.answer.status == 503);
	}
	text_fini(&allow);
	request_fini(&request);
	return went_on;
}

static bool
put_zone(void)
{
	return ask(&(struct question){ "PUT", "/v1/zones/example%2Ecom", "text/plain", ZONE });
}

static bool
put_zone_json(void)
{
	return ask(&(struct question){ "PUT", "/v1/zones/example.com", "application/json", "{\"text\":\"@ SOA\"}" });
}

static bool
delete_zone(void)
{
	return ask(&(struct question){ "DELETE", "/v1/zones/example.com", "", "" });
}

static bool
put_record(void)
{
	return ask(&(struct question){ "PUT", "/v1/zones/example.com/records/www/A", "application/json",
	    "{\"ttl\":60,\"rdata\":[\"192.0.2.1\",\"192.0.2.2\"]}" });
}

static bool
apply(void)
{
	return ask(&(struct question){ "POST", "/v1/apply", "application/json",
	    "{\"files\":{\"a.example.zone\":\"x\",\"b.example\":\"y\",\"steering.yaml\":\"z\"}}" });
}

static bool
drain(void)
{
	return ask(&(struct question){ "POST", "/v1/overrides", "application/json",
	    "{\"region\":\"eu\",\"reason\":\"x\",\"for_s\":60}" });
}

static bool
undrain(void)
{
	return ask(&(struct question){ "DELETE", "/v1/overrides/7", "", "" });
}

static bool
report(void)
{
	return ask(&(struct question){ "POST", "/v1/regions/eu/reports", "application/json",
	    "{\"agent\":\"a\",\"sequence\":1,\"time\":\"2026-01-01T00:00:00Z\",\"load\":{\"www.example.com\":1},"
	    "\"backends\":[{\"name\":\"b\",\"service\":\"www.example.com\",\"address\":\"x\",\"healthy\":true}],"
	    "\"metrics\":[{\"name\":\"cpu\",\"value\":1}]}" });
}

static bool
predict(void)
{
	return ask(&(struct question){ "POST", "/v1/predictions", "application/json",
	    "{\"predictions\":[{\"at\":\"2026-01-01T00:00:00Z\",\"region\":\"eu\",\"horizon_s\":60,"
	    "\"probability\":null}]}" });
}

/* What is refused stays refused, with a problem document or 503. Places may be missing in it then. */
static bool
refuse(void)
{
	struct arena *arena = arena_new();
	struct request request = { .arena = arena, .method = "POST", .path = "/v1/overrides" };
	cJSON *problem;
	bool whole;

	if (arena == NULL)
		return false;
	text_puts(&request.body, "{\"region\":5,\"share\":2,\"x\":1}");
	if (request.body.failed) {
		request_fini(&request);
		return false;
	}
	override_read_body(&request);
	CU_ASSERT(request.answer.status == 400 || request.answer.status == 503);
	problem = cJSON_Parse(request.answer.body != NULL ? request.answer.body : request.answer.fixed);
	CU_ASSERT_PTR_NOT_NULL(problem);
	whole = request.answer.status == 400 && cJSON_GetArraySize(cJSON_GetObjectItem(problem, "errors")) == 5;
	CU_ASSERT_TRUE(whole || scarce.refused);
	cJSON_Delete(problem);
	request_fini(&request);
	return whole && !scarce.refused;
}

#define CASE(function) static void test_##function(void) { SCARCE_EACH(function); }

CASE(put_zone)
CASE(put_zone_json)
CASE(delete_zone)
CASE(put_record)
CASE(apply)
CASE(drain)
CASE(undrain)
CASE(report)
CASE(predict)
CASE(refuse)

static const struct suite_case cases[] = {
	{ .name = "a zone", .run = test_put_zone },
	{ .name = "a zone as JSON", .run = test_put_zone_json },
	{ .name = "a zone's end", .run = test_delete_zone },
	{ .name = "a record", .run = test_put_record },
	{ .name = "a folder", .run = test_apply },
	{ .name = "a drain", .run = test_drain },
	{ .name = "a drain's end", .run = test_undrain },
	{ .name = "a report", .run = test_report },
	{ .name = "predictions", .run = test_predict },
	{ .name = "what is refused anyway", .run = test_refuse },
};

int
main(void)
{
	return suite_run("api scarce", cases, ARRAY_SIZE(cases));
}
