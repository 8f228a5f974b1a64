/* test_api_routes.c -- which row answers which request, what is unescaped how, and isobar-api(7) against the table. */
#include "api/routes.h"

#include "suite.h"

#define SOME_PATH_MAX 128

static struct request
request_of(const char *method, const char *path)
{
	return (struct request){ .arena = arena_new(), .method = method, .path = path };
}

static void
test_find(void)
{
	static const struct {
		const char *name, *method, *path;
		enum route_match match;
		const char *pattern, *first, *second, *third, *allow;
	} rows[] = {
		{ "a literal path", "GET", "/v1/status", ROUTE_FOUND, "/v1/status", NULL, NULL, NULL, "" },
		{ "HEAD is GET", "HEAD", "/v1/status", ROUTE_FOUND, "/v1/status", NULL, NULL, NULL, "" },
		{ "HEAD isn't POST", "HEAD", "/v1/stop", ROUTE_NO_METHOD, NULL, NULL, NULL, NULL, "POST" },
		{ "methods are told apart by case", "get", "/v1/status", ROUTE_NO_METHOD, NULL, NULL, NULL, NULL,
		    "GET, HEAD" },
		{ "a parameter", "GET", "/v1/regions/eu-west", ROUTE_FOUND, "/v1/regions/{region}", "eu-west", NULL,
		    NULL, "" },
		{ "a parameter in the middle", "POST", "/v1/regions/eu/reports", ROUTE_FOUND,
		    "/v1/regions/{region}/reports", "eu", NULL, NULL, "" },
		{ "three parameters", "PUT", "/v1/zones/example.net/records/www/A", ROUTE_FOUND,
		    "/v1/zones/{zone}/records/{owner}/{type}", "example.net", "www", "A", "" },
		{ "two of them", "DELETE", "/v1/zones/example.net/records/www", ROUTE_FOUND,
		    "/v1/zones/{zone}/records/{owner}", "example.net", "www", NULL, "" },
		{ "a slash that is escaped parts nothing", "GET", "/v1/zones/0%2F25.2.0.192.in-addr.arpa", ROUTE_FOUND,
		    "/v1/zones/{zone}", "0/25.2.0.192.in-addr.arpa", NULL, NULL, "" },
		{ "escapes of any case", "GET", "/v1/zones/%c3%A9", ROUTE_FOUND, "/v1/zones/{zone}", "\xc3\xa9", NULL,
		    NULL, "" },
		{ "a literal beside a parameter", "POST", "/v1/models/train", ROUTE_FOUND, "/v1/models/train", NULL,
		    NULL, NULL, "" },
		{ "the parameter beside it", "GET", "/v1/models/train", ROUTE_FOUND, "/v1/models/{model}", "train",
		    NULL, NULL, "" },
		{ "every method is told", "PATCH", "/v1/zones/x", ROUTE_NO_METHOD, NULL, NULL, NULL, NULL,
		    "GET, HEAD, PUT, DELETE" },
		{ "an unknown path", "GET", "/v1/nowhere", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "no path", "GET", "", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "the root", "GET", "/", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "a slash too many", "GET", "/v1/status/", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "two slashes", "GET", "/v1//status", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "a beginning", "GET", "/v1", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "more behind it", "GET", "/v1/status/x", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "an empty parameter", "GET", "/v1/regions/", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "paths are told apart by case", "GET", "/V1/status", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "dots mean nothing", "GET", "/v1/../v1/status", ROUTE_NO_PATH, NULL, NULL, NULL, NULL, "" },
		{ "an escape cut short", "GET", "/v1/regions/a%2", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "an escape of no digits", "GET", "/v1/regions/%g0", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "an escape with a sign", "GET", "/v1/regions/%+1", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "a NUL", "GET", "/v1/regions/a%00b", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "a control character", "GET", "/v1/regions/%1b", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "a stray continuation", "GET", "/v1/regions/%80", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "an overlong form", "GET", "/v1/regions/%c0%af", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "a surrogate", "GET", "/v1/regions/%ed%a0%80", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "beyond Unicode", "GET", "/v1/regions/%f4%90%80%80", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "cut in a character", "GET", "/v1/regions/%e2%82", ROUTE_BAD_PATH, NULL, NULL, NULL, NULL, "" },
		{ "four octets", "GET", "/v1/regions/%f0%9f%98%80", ROUTE_FOUND, "/v1/regions/{region}",
		    "\xf0\x9f\x98\x80", NULL, NULL, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct request request = request_of(rows[i].method, rows[i].path);
		struct text allow = { 0 };
		enum route_match match = route_find(&request, routes, route_count, &allow);
		const char *expected[] = { rows[i].first, rows[i].second, rows[i].third };

		SUITE_ROW(rows[i].name, match == rows[i].match);
		if (match == ROUTE_NO_METHOD)
			SUITE_TEXT(allow.bytes, rows[i].allow);
		if (rows[i].pattern != NULL && request.route != NULL)
			SUITE_TEXT(request.route->pattern, rows[i].pattern);
		for (size_t k = 0; match == ROUTE_FOUND && k < ARRAY_SIZE(expected); k++)
			SUITE_TEXT(request.params[k], expected[k]);
		text_fini(&allow);
		request_fini(&request);
	}
}

/* No row may hide another, and each is whole. */
static void
test_table(void)
{
	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = &routes[i];

		SUITE_ROW(route->pattern, route->here != NULL || route->control != NULL);
		SUITE_ROW(route->pattern, route->pattern[0] == '/');
		SUITE_ROW(route->pattern, (strcmp(route->method, "GET") == 0) == (route->body == BODY_NONE &&
		    strcmp(route->method, "DELETE") != 0));
		/* Whoever may send 64 MiB is trusted with more. */
		SUITE_ROW(route->pattern, !route->large || route->scope >= SCOPE_PAE);
		/* What changes something isn't for readers. */
		SUITE_ROW(route->pattern, strcmp(route->method, "GET") == 0 || route->scope >= SCOPE_AGENT
		    || strcmp(route->pattern, "/v1/whatif") == 0);
		SUITE_ROW(route->pattern, (route->scope == SCOPE_AGENT || route->scope == SCOPE_REGION) ==
		    (strncmp(route->pattern, "/v1/regions/{region}", 20) == 0));
		for (size_t k = 0; k < i; k++)
			SUITE_ROW(route->pattern, strcmp(routes[k].method, route->method) != 0 ||
			    strcmp(routes[k].pattern, route->pattern) != 0);
	}
}

static void
test_queries(void)
{
	static const struct route route = { "GET", "/x", SCOPE_READ, BODY_NONE, false, "from limit", NULL, NULL };
	static const struct route none = { "GET", "/x", SCOPE_READ, BODY_NONE, false, NULL, NULL, NULL };
	static const struct {
		const char *name;
		const struct route *route;
		struct query_value queries[3];
		size_t count;
		bool good;
	} rows[] = {
		{ "none", &route, { { 0 } }, 0, true },
		{ "known ones", &route, { { "limit", "5" }, { "from", "" } }, 2, true },
		{ "an unknown one", &route, { { "form", "5" } }, 1, false },
		{ "the beginning of one", &route, { { "lim", "5" } }, 1, false },
		{ "two in one", &route, { { "from limit", "5" } }, 1, false },
		{ "one without a name", &route, { { "", "5" } }, 1, false },
		{ "twice", &route, { { "from", "1" }, { "from", "1" } }, 2, false },
		{ "where there are none", &none, { { "from", "1" } }, 1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct request request = request_of("GET", "/x");

		request.route = rows[i].route;
		request.query_count = rows[i].count;
		memcpy(request.queries, rows[i].queries, sizeof(rows[i].queries));
		SUITE_ROW(rows[i].name, route_check_queries(&request) == rows[i].good);
		SUITE_ROW(rows[i].name, request.answer.status == (rows[i].good ? 0 : 400));
		request_fini(&request);
	}
}

/* --- the manual ---------------------------------------------------------------------------------------------- */

static const char *
scope_word(enum scope scope)
{
	static const char *const words[] = {
		[SCOPE_PUBLIC] = "public", [SCOPE_READ] = "read", [SCOPE_REGION] = "region", [SCOPE_AGENT] = "agent",
		[SCOPE_PAE] = "pae", [SCOPE_ADMIN] = "admin", [SCOPE_LOCAL] = "local",
	};

	return words[scope];
}

/* Each row has its line in isobar-api(7), with its scope, and each such line has its row. */
static void
test_manual(void)
{
	char path[1024], line[SOME_PATH_MAX + 64];
	size_t length, lines = 0;
	int error;
	char *page;

	snprintf(path, sizeof(path), "%s/man/isobar-api.7",
	    getenv("ISOBAR_SOURCE") == NULL ? "." : getenv("ISOBAR_SOURCE"));
	page = text_read_file(path, 1 << 20, &length, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(page);
	for (size_t i = 0; i < route_count; i++) {
		snprintf(line, sizeof(line), "\n.It Ic %s Pa %s Pq Cm %s\n", routes[i].method, routes[i].pattern,
		    scope_word(routes[i].scope));
		SUITE_ROW(line + 1, strstr(page, line) != NULL);
	}
	for (const char *at = page; (at = strstr(at, "\n.It Ic ")) != NULL; at++)
		lines++;
	CU_ASSERT_EQUAL(lines, route_count);
	free(page);
}

static const struct suite_case cases[] = {
	{ .name = "a request finds its row", .run = test_find },
	{ .name = "each row is whole", .run = test_table },
	{ .name = "only known parameters pass, once", .run = test_queries },
	{ .name = "isobar-api(7) tells every row, and no other", .run = test_manual },
};

int
main(void)
{
	return suite_run("api routes", cases, ARRAY_SIZE(cases));
}
