/* admission.c -- may this request come in? By its headers alone, before any of its body is kept, so that nobody fills
 * memory with what will be refused.
 * In: method, path, parameters, Authorization, the body's announced length and type.  Out: the request with its row of
 * the routes table and its principal; or answered, with the first of these that is wrong.
 * Threads: the listener's. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/routes.h"
#include "api/server.h"

static bool find_route(struct request *request);
static void identify(struct exchange *exchange);
static void authenticate(struct exchange *exchange, const char *authorization);
static bool permitted(struct request *request);
static enum MHD_Result keep_query(void *arg, enum MHD_ValueKind kind, const char *name, const char *value);
static void expect_body(struct exchange *exchange, const char *length);
static const char *media_type(struct request *request, const char *header);
static bool media_type_fits(const struct request *request);

/* By the headers alone: answered when the request is refused. First what there is, then who may, then what came
 * along. */
void
admission_check(struct exchange *exchange)
{
	struct request *request = &exchange->request;
	const char *length = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Content-Length");

	exchange->has_body = (length != NULL && strspn(length, "0") != strlen(length)) ||
	    MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Transfer-Encoding") != NULL;
	if (!find_route(request))
		return;
	identify(exchange);
	if (request->answer.status != 0 || !permitted(request))
		return;
	if (MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, keep_query, request) >
	    REQUEST_QUERIES_MAX)
		answer_problem(request, 400, NULL, "more than %d parameters", REQUEST_QUERIES_MAX);
	if (request->answer.status == 0 && route_check_queries(request))
		expect_body(exchange, length);
}

static bool
find_route(struct request *request)
{
	struct text allow = { 0 };

	switch (route_find(request, routes, route_count, &allow)) {
	case ROUTE_FOUND:
		break;
	case ROUTE_NO_PATH:
		answer_problem(request, 404, NULL, "there is nothing at this path");
		break;
	case ROUTE_NO_METHOD:
		answer_problem(request, 405, NULL, "%s isn't possible here, but %s", request->method,
		    allow.bytes == NULL ? "" : allow.bytes);
		request->answer.allow = arena_text(request->arena, allow.bytes == NULL ? "" : allow.bytes);
		break;
	case ROUTE_NO_MEMORY:
		answer_no_memory(request);
		break;
	case ROUTE_BAD_PATH:
		answer_problem(request, 400, NULL, "the path has a broken percent-escape, or one of no character");
		break;
	}
	text_fini(&allow);
	return request->answer.status == 0;
}

static void
identify(struct exchange *exchange)
{
	const union MHD_ConnectionInfo *info;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(peer);

	if (!exchange->front->local) {
		authenticate(exchange, MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND,
		    "Authorization"));
		return;
	}
	info = MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info == NULL || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		peer.uid = (uid_t)-1;
	auth_local(&exchange->request.who, peer.uid);
}

static void
authenticate(struct exchange *exchange, const char *authorization)
{
	struct request *request = &exchange->request;
	const char *why = NULL;

	if (request->route->scope == SCOPE_PUBLIC)
		return;
	switch (auth_bearer(&request->who, authorization, request->reader, wall_now())) {
	case AUTH_OK:
		return;
	case AUTH_NONE:
		why = "this needs a bearer token: 'Authorization: Bearer TOKEN'";
		break;
	case AUTH_UNKNOWN:
		why = "no such token; it may have been revoked";
		break;
	case AUTH_EXPIRED:
		why = "the token has expired";
		break;
	case AUTH_TROUBLE:
		answer_unavailable(request, "the store's tokens can't be read");
		return;
	}
	atomic_fetch_add(&exchange->front->api->counters.unauthenticated, 1);
	answer_problem(request, 401, NULL, "%s", why);
	request->answer.challenge = true;
}

static bool
permitted(struct request *request)
{
	enum scope scope = request->route->scope;
	bool of_region = scope == SCOPE_AGENT || scope == SCOPE_REGION;

	if (auth_allows(&request->who, scope, of_region ? request->params[0] : NULL))
		return true;
	if (of_region && request->who.role == ROLE_AGENT)
		answer_problem(request, 403, NULL, "this token is for the agent of '%s': it can't speak for '%s'",
		    request->who.region, request->params[0]);
	else
		answer_problem(request, 403, NULL, "this needs %s", scope_text(scope));
	return false;
}

static enum MHD_Result
keep_query(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct request *request = arg;
	const char *plain_name, *plain_value = "";
	int error = route_unescape(request->arena, name, strlen(name), &plain_name);

	(void)kind;
	if (error == 0 && value != NULL)
		error = route_unescape(request->arena, value, strlen(value), &plain_value);
	if (error == -ENOMEM) {
		answer_no_memory(request);
		return MHD_NO;
	}
	if (error != 0) {
		answer_problem(request, 400, NULL, "a parameter has a broken percent-escape, or one of no character");
		return MHD_NO;
	}
	if (request->query_count < REQUEST_QUERIES_MAX)
		request->queries[request->query_count++] = (struct query_value){ plain_name, plain_value };
	return MHD_YES;
}

/* --- its body ------------------------------------------------------------------------------------------------ */

size_t
admission_body_limit(const struct request *request)
{
	return request->route->large ? BODY_LARGE_MAX : BODY_MAX;
}

static void
expect_body(struct exchange *exchange, const char *length)
{
	struct request *request = &exchange->request;
	const char *type = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Content-Type");
	enum body_kind kind = request->route->body;

	if (length != NULL && strtoull(length, NULL, 10) > admission_body_limit(request))
		answer_problem(request, 413, NULL, "the body is longer than %zu octets", admission_body_limit(request));
	else if (exchange->has_body && kind == BODY_NONE)
		answer_problem(request, 400, NULL, "%s %s takes no body", request->method, request->path);
	else if (!exchange->has_body && kind != BODY_NONE && kind != BODY_EMPTY_OR_JSON)
		answer_problem(request, 400, NULL, "%s %s needs a body", request->method, request->path);
	if (request->answer.status != 0 || !exchange->has_body)
		return;
	request->content_type = media_type(request, type == NULL ? "" : type);
	if (!media_type_fits(request))
		answer_problem(request, 415, NULL, "the body must be application/json%s, not '%s'",
		    kind == BODY_ZONE ? " or text/plain" : "", request->content_type);
}

/* Without parameters, in lower case. */
static const char *
media_type(struct request *request, const char *header)
{
	char *type = arena_text(request->arena, header);

	if (type == NULL)
		return "";
	type[strcspn(type, "; \t")] = '\0';
	for (char *c = type; *c != '\0'; c++)
		*c = isprint((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '?';
	return type;
}

static bool
media_type_fits(const struct request *request)
{
	const char *type = request->content_type;

	if (strcmp(type, "application/json") == 0)
		return true;
	return request->route->body == BODY_ZONE && (strcmp(type, "text/plain") == 0 || strcmp(type, "text/dns") == 0);
}
