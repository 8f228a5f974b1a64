/* api.c -- HTTP by libmicrohttpd: connections in, requests out to their handlers, answers back.
 * In: bytes on two listening sockets.  Out: calls of the routes table's functions, and their answers.
 * Threads: one of libmicrohttpd's a listener, which runs everything here but api_start(), api_stop() and resume().
 *
 * The life of a request (struct exchange):
 *  1. Its headers are complete: route, token, media type and Content-Length are looked at before any of the body is
 *     kept, so that nobody fills memory with what will be refused.
 *  2. The body is taken, and counted again, since a chunked one has no Content-Length.
 *  3. The row's `here` runs. It answers, or parks the request with the store's writer, or leaves it to `control`: then
 *     the connection is suspended and the request posted to the control thread.
 *  4. Whoever has the answer calls request_answered(): the connection is resumed and its thread sends it.
 *
 * A parked request can't go away by itself: libmicrohttpd doesn't look at a suspended connection. Only api_stop() takes
 * it away from the one who has it: it's `abandoned`, its client gets 503, and what the store's writer puts into it
 * later is read by nobody. Hence the count of holders: one is the connection, the other the one who has it.
 *
 * Limits: BODY_MAX; 64 KiB of headers; IDLE_TIMEOUT_S without an octet closes, and so does a request, headers and body,
 * that isn't whole within REQUEST_DEADLINE_MS (patience.c), so that nobody holds a connection by an octet now and
 * then. */
#include "api/api.h"

#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/counters.h"
#include "api/listen.h"
#include "api/patience.h"
#include "api/request.h"
#include "api/routes.h"
#include "base/log.h"

#define CONNECTIONS_MAX 512		/* a listener; agents keep one each */
#define CONNECTIONS_PER_CLIENT 128	/* many agents may sit behind one address */
#define CONNECTION_MEMORY (64 << 10)
#define IDLE_TIMEOUT_S 10
#define REQUEST_DEADLINE_MS 30000	/* 64 MiB at 18 Mbit/s; an idle connection that is kept is closed before */
#define STOP_PATIENCE_S 5	/* a store that is busy longer is stuck; a client that reads slower is gone */
#define EXCESS_MAX ((size_t)8 << 20)	/* read and thrown away of a refused body, so that its client can read why */

struct front {
	struct api *api;
	struct MHD_Daemon *daemon;
	struct store_reader *reader;
	bool local;
	int fd;
};

struct exchange {
	struct request request;		/* first: handlers give it back by this address */
	struct front *front;
	struct MHD_Connection *connection;
	struct exchange *next, *previous;
	struct wait *wait;
	size_t excess;			/* octets of the body past the limit */
	bool has_body, ran, handed_over;
	bool parked, abandoned, with_control;	/* under api->lock */
	atomic_uint holders;
};

struct api {
	struct control *control;
	struct store *store;
	struct api_counters counters;
	struct front fronts[2];
	struct patience *patience;
	char *socket_path;
	uint16_t port;
	pthread_mutex_t lock;
	pthread_cond_t ended;		/* a request ended */
	struct exchange *under_way;
	bool stopping;
	atomic_uint holders;		/* the caller, and each exchange */
};

static struct api *api_new(struct control *control, struct text *error);
static bool front_open(struct api *api, struct front *front, const struct settings *settings, struct text *error);
static bool front_start(struct front *front, struct text *error);
static void front_close(struct front *front);
static void on_running(void *arg);
static void api_release(struct api *api);
static size_t keep_escapes(void *arg, struct MHD_Connection *connection, char *text);
static void log_trouble(void *arg, const char *format, va_list args) PRINTF(2, 0);
static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code);
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
	const char *version, const char *bytes, size_t *length, void **state);
static bool refuse_at_once(const struct exchange *exchange);
static struct exchange *exchange_new(struct front *front, struct MHD_Connection *connection, const char *path,
	const char *method);
static void check_headers(struct exchange *exchange);
static bool find_route(struct request *request);
static void identify(struct exchange *exchange);
static void authenticate(struct exchange *exchange, const char *authorization);
static bool permitted(struct request *request);
static size_t body_limit(const struct request *request);
static void expect_body(struct exchange *exchange, const char *length);
static const char *media_type(struct request *request, const char *header);
static bool media_type_fits(const struct request *request);
static enum MHD_Result keep_query(void *arg, enum MHD_ValueKind kind, const char *name, const char *value);
static bool take_body(struct exchange *exchange, const char *bytes, size_t length);
static bool run(struct exchange *exchange);
static void run_on_control(void *arg);
static bool park(struct request *request);
static void resume(struct request *request);
static enum MHD_Result send_answer(struct exchange *exchange);
static bool is_abandoned(struct exchange *exchange);
static struct MHD_Response *response_make(struct answer_text *answer);
static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code);
static void exchange_release(struct exchange *exchange);
static void abandon_parked(struct api *api, bool store_too);
static void await_end(struct api *api);

/* --- start and stop ------------------------------------------------------------------------------------------ */

struct api *
api_start(struct control *control, const struct settings *settings, struct text *error)
{
	struct api *api = api_new(control, error);
	sigset_t all, before;
	bool good;

	if (api == NULL)
		return NULL;
	/* Signals are for the control thread: libmicrohttpd's threads inherit this mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	good = front_open(api, &api->fronts[0], settings, error) && front_open(api, &api->fronts[1], settings, error);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (good) {
		atomic_fetch_add(&api->holders, 1);
		if (control_post(control, on_running, api))
			return api;
		atomic_fetch_sub(&api->holders, 1);
		text_puts(error, "the control thread takes no work");
	}
	api_stop(api);
	return NULL;
}

static struct api *
api_new(struct control *control, struct text *error)
{
	struct api *api = calloc(1, sizeof(*api));

	if (api == NULL) {
		text_puts(error, "out of memory");
		return NULL;
	}
	api->control = control;
	api->store = control_store(control);
	api->patience = patience_start(REQUEST_DEADLINE_MS);
	if (api->patience == NULL) {
		text_puts(error, "no memory or no thread for the API");
		free(api);
		return NULL;
	}
	api->fronts[0] = (struct front){ .api = api, .local = true, .fd = -1 };
	api->fronts[1] = (struct front){ .api = api, .fd = -1 };
	pthread_mutex_init(&api->lock, NULL);
	pthread_cond_init(&api->ended, NULL);
	atomic_store(&api->holders, 1);
	return api;
}

static bool
front_open(struct api *api, struct front *front, const struct settings *settings, struct text *error)
{
	if (!front->local && settings->api_listener.address.bits == 0)
		return true;
	front->reader = store_reader_open(settings->store, error);
	if (front->reader == NULL)
		return false;
	if (front->local) {
		front->fd = listen_local(settings->api_socket, error);
		api->socket_path = front->fd < 0 ? NULL : strdup(settings->api_socket);
	} else {
		front->fd = listen_tcp(&settings->api_listener, &api->port, error);
	}
	return front->fd >= 0 && front_start(front, error);
}

static bool
front_start(struct front *front, struct text *error)
{
	struct MHD_OptionItem limits[] = {
		{ MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ front->local ? MHD_OPTION_END : MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_CLIENT, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	/* The logger comes first, so that it has the messages of all others. */
	front->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, on_request, front,
	    MHD_OPTION_EXTERNAL_LOGGER, log_trouble, front,
	    MHD_OPTION_LISTEN_SOCKET, front->fd,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, front,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, front,
	    MHD_OPTION_ARRAY, limits,
	    MHD_OPTION_END);
	if (front->daemon == NULL)
		text_puts(error, "libmicrohttpd can't start its thread");
	return front->daemon != NULL;
}

static void
on_running(void *arg)
{
	struct api *api = arg;

	atomic_store(&api->counters.ready, true);
	api_release(api);
}

/* The order matters:
 *  1. no new connections, and the socket file gone, so that clients see "not running";
 *  2. nothing is parked any more, and what waits for the control thread, which has ended, is answered;
 *  3. answers under way are sent (that to "stop" is among them), for which the threads must run, and what waits for the
 *     store is waited for;
 *  4. what the store still has is taken away too, since a daemon with suspended connections can't be stopped;
 *  5. the threads end. */
void
api_stop(struct api *api)
{
	if (api == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(api->fronts); i++)
		if (api->fronts[i].daemon != NULL)
			MHD_quiesce_daemon(api->fronts[i].daemon);
	if (api->socket_path != NULL)
		unlink(api->socket_path);
	abandon_parked(api, false);
	await_end(api);
	abandon_parked(api, true);
	for (size_t i = 0; i < ARRAY_SIZE(api->fronts); i++)
		front_close(&api->fronts[i]);
	patience_stop(api->patience);
	api_release(api);
}

/* The control thread is this one, and calls nobody any more: its hold of the request ends here. */
static void
abandon_parked(struct api *api, bool store_too)
{
	struct exchange *next;

	pthread_mutex_lock(&api->lock);
	api->stopping = true;
	for (struct exchange *e = api->under_way; e != NULL; e = next) {
		next = e->next;
		if (!e->parked || (!e->with_control && !store_too))
			continue;
		e->parked = false;
		e->abandoned = true;
		if (e->with_control)
			atomic_fetch_sub(&e->holders, 1);	/* the connection holds it too */
		MHD_resume_connection(e->connection);
	}
	pthread_mutex_unlock(&api->lock);
}

static void
await_end(struct api *api)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_PATIENCE_S;
	pthread_mutex_lock(&api->lock);
	while (api->under_way != NULL && pthread_cond_timedwait(&api->ended, &api->lock, &until) == 0)
		;
	pthread_mutex_unlock(&api->lock);
}

static void
front_close(struct front *front)
{
	if (front->daemon != NULL)
		MHD_stop_daemon(front->daemon);
	if (front->fd >= 0)
		close(front->fd);
	store_reader_close(front->reader);
}

static void
api_release(struct api *api)
{
	if (atomic_fetch_sub(&api->holders, 1) != 1)
		return;
	pthread_cond_destroy(&api->ended);
	pthread_mutex_destroy(&api->lock);
	free(api->socket_path);
	free(api);
}

uint16_t
api_port(const struct api *api)
{
	return api->port;
}

/* Paths and parameters are unescaped by route_unescape(), after they were split. */
static size_t
keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg, (void)connection;
	return strlen(text);
}

/* Clients that break off and the like: of no use to an operator who doesn't look for it. */
static void
log_trouble(void *arg, const char *format, va_list args)
{
	char line[512];

	(void)arg;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("api: %s", line);
}

static void
on_connection(void *arg, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct front *front = arg;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		patience_end(front->api->patience, *context);
		*context = NULL;
	} else {
		*context = info == NULL ? NULL : patience_wait(front->api->patience, info->connect_fd);
	}
}

/* --- a request comes in -------------------------------------------------------------------------------------- */

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
    const char *bytes, size_t *length, void **state)
{
	struct exchange *exchange = *state;

	(void)version;
	if (exchange == NULL) {
		exchange = *state = exchange_new(arg, connection, path, method);
		if (exchange == NULL)
			return MHD_NO;
		check_headers(exchange);
		return refuse_at_once(exchange) ? send_answer(exchange) : MHD_YES;
	}
	if (*length > 0) {
		if (!take_body(exchange, bytes, *length))
			return MHD_NO;
		*length = 0;
		return MHD_YES;
	}
	if (!exchange->ran) {
		exchange->ran = true;
		patience_pause(exchange->front->api->patience, exchange->wait);
		if (!run(exchange))
			return MHD_YES;
	}
	return send_answer(exchange);
}

/* Before the body was taken: the connection ends then. A client that is still sending would often see that end and not
 * the answer, so a refused body is read and thrown away, unless its client waits for our word or it's too much. */
static bool
refuse_at_once(const struct exchange *exchange)
{
	const char *length = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Content-Length");

	if (exchange->request.answer.status == 0 || !exchange->has_body)
		return false;
	return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Expect") != NULL ||
	    (length != NULL && strtoull(length, NULL, 10) > EXCESS_MAX);
}

static struct exchange *
exchange_new(struct front *front, struct MHD_Connection *connection, const char *path, const char *method)
{
	struct api *api = front->api;
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	struct arena *arena = exchange == NULL ? NULL : arena_new();
	const union MHD_ConnectionInfo *info;

	if (arena == NULL) {
		free(exchange);
		return NULL;
	}
	exchange->request = (struct request){
		.arena = arena,
		.method = method,
		.path = path,
		.content_type = "",
		.control = api->control,
		.store = api->store,
		.reader = front->reader,
		.counters = &api->counters,
		.park = park,
		.resume = resume,
	};
	exchange->front = front;
	exchange->connection = connection;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	exchange->wait = info == NULL ? NULL : info->socket_context;
	atomic_store(&exchange->holders, 1);
	atomic_fetch_add(&api->holders, 1);
	pthread_mutex_lock(&api->lock);
	exchange->next = api->under_way;
	if (exchange->next != NULL)
		exchange->next->previous = exchange;
	api->under_way = exchange;
	pthread_mutex_unlock(&api->lock);
	return exchange;
}

/* By the headers alone: answered when the request is refused. First what there is, then who may, then what came
 * along. */
static void
check_headers(struct exchange *exchange)
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

static size_t
body_limit(const struct request *request)
{
	return request->route->large ? BODY_LARGE_MAX : BODY_MAX;
}

static void
expect_body(struct exchange *exchange, const char *length)
{
	struct request *request = &exchange->request;
	const char *type = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Content-Type");
	enum body_kind kind = request->route->body;

	if (length != NULL && strtoull(length, NULL, 10) > body_limit(request))
		answer_problem(request, 413, NULL, "the body is longer than %zu octets", body_limit(request));
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

/* False: the connection is closed. libmicrohttpd lets nobody answer in the middle of a body, so what is refused or too
 * much is thrown away up to EXCESS_MAX, and answered at its end. */
static bool
take_body(struct exchange *exchange, const char *bytes, size_t length)
{
	struct request *request = &exchange->request;

	atomic_fetch_add(&exchange->front->api->counters.body_bytes, length);
	if (request->answer.status != 0 || exchange->excess > 0 ||
	    length > body_limit(request) - request->body.length) {
		exchange->excess += length;
		text_fini(&request->body);
		return exchange->excess <= EXCESS_MAX;
	}
	text_add(&request->body, bytes, length);
	return !request->body.failed;
}

/* --- it runs ------------------------------------------------------------------------------------------------- */

/* False: it's parked, the answer comes later. */
static bool
run(struct exchange *exchange)
{
	struct request *request = &exchange->request;

	text_add(&request->body, "", 0);	/* a text, also when it's empty */
	if (request->answer.status == 0 && exchange->excess > 0)
		answer_problem(request, 413, NULL, "the body is longer than %zu octets", body_limit(request));
	if (request->answer.status == 0 && request->route->here != NULL)
		request->route->here(request);
	if (exchange->handed_over)
		return false;
	if (request->answer.status != 0 || request->route->control == NULL)
		return true;
	exchange->with_control = true;
	if (!park(request)) {
		answer_unavailable(request, "isobard is stopping");
		return true;
	}
	if (!control_post(request->control, run_on_control, exchange)) {
		answer_unavailable(request, "isobard is stopping");
		request_answered(request);
	}
	return false;
}

static void
run_on_control(void *arg)
{
	struct exchange *exchange = arg;

	exchange->request.route->control(&exchange->request);
}

/* API thread. The connection is suspended before another thread can know of the request, else it might be resumed too
 * early. False while the API stops. */
static bool
park(struct request *request)
{
	struct exchange *exchange = (struct exchange *)request;
	struct api *api = exchange->front->api;

	pthread_mutex_lock(&api->lock);
	if (!api->stopping) {
		exchange->handed_over = exchange->parked = true;
		atomic_fetch_add(&exchange->holders, 1);
		MHD_suspend_connection(exchange->connection);
	}
	pthread_mutex_unlock(&api->lock);
	return exchange->handed_over;
}

/* Any thread. */
static void
resume(struct request *request)
{
	struct exchange *exchange = (struct exchange *)request;
	struct api *api = exchange->front->api;

	pthread_mutex_lock(&api->lock);
	if (exchange->parked) {
		exchange->parked = false;
		MHD_resume_connection(exchange->connection);
	}
	pthread_mutex_unlock(&api->lock);
	exchange_release(exchange);
}

/* --- its answer ---------------------------------------------------------------------------------------------- */

static enum MHD_Result
send_answer(struct exchange *exchange)
{
	static const char stopping[] = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
	    "\"detail\":\"isobard is stopping\"}";
	struct answer_text abandoned = { .status = 503, .type = "application/problem+json", .fixed = stopping,
		.length = sizeof(stopping) - 1, .retry_after_s = 1 };
	struct api *api = exchange->front->api;
	struct answer_text *answer = is_abandoned(exchange) ? &abandoned : &exchange->request.answer;
	struct MHD_Response *response = response_make(answer);
	enum MHD_Result queued;

	if (response == NULL)
		return MHD_NO;
	if (answer->status < API_STATUS_MAX)
		atomic_fetch_add(&api->counters.answers[answer->status], 1);
	if (answer->status == 403)
		atomic_fetch_add(&api->counters.forbidden, 1);
	queued = MHD_queue_response(exchange->connection, answer->status, response);
	MHD_destroy_response(response);
	return queued;
}

static bool
is_abandoned(struct exchange *exchange)
{
	bool abandoned;

	pthread_mutex_lock(&exchange->front->api->lock);
	abandoned = exchange->abandoned;
	pthread_mutex_unlock(&exchange->front->api->lock);
	return abandoned;
}

static struct MHD_Response *
response_make(struct answer_text *answer)
{
	struct MHD_Response *response;
	char seconds[16];
	bool good;

	if (answer->body != NULL)
		response = MHD_create_response_from_buffer(answer->length, answer->body, MHD_RESPMEM_MUST_FREE);
	else
		response = MHD_create_response_from_buffer(answer->length, (void *)(uintptr_t)answer->fixed,
		    MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return NULL;
	answer->body = NULL;
	snprintf(seconds, sizeof(seconds), "%u", answer->retry_after_s);
	good = MHD_add_response_header(response, "Content-Type", answer->type) == MHD_YES &&
	    MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
	    (answer->allow == NULL || MHD_add_response_header(response, "Allow", answer->allow) == MHD_YES) &&
	    (!answer->challenge || MHD_add_response_header(response, "WWW-Authenticate", "Bearer") == MHD_YES) &&
	    (answer->retry_after_s == 0 || MHD_add_response_header(response, "Retry-After", seconds) == MHD_YES);
	if (good)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;
	struct api *api;

	(void)arg, (void)connection, (void)code;
	if (exchange == NULL)
		return;
	*state = NULL;
	api = exchange->front->api;
	patience_resume(api->patience, exchange->wait);
	pthread_mutex_lock(&api->lock);
	if (exchange->previous != NULL)
		exchange->previous->next = exchange->next;
	else
		api->under_way = exchange->next;
	if (exchange->next != NULL)
		exchange->next->previous = exchange->previous;
	pthread_cond_signal(&api->ended);
	pthread_mutex_unlock(&api->lock);
	exchange_release(exchange);
}

static void
exchange_release(struct exchange *exchange)
{
	struct api *api = exchange->front->api;

	if (atomic_fetch_sub(&exchange->holders, 1) != 1)
		return;
	request_fini(&exchange->request);
	free(exchange);
	api_release(api);
}
