/* exchange.c -- the life of a request, from its headers to the answer.
 * In: what libmicrohttpd reads.  Out: calls of the routes table's functions, and their answers.
 * Threads: the listener's, but for resume(), which whoever has the answer calls, and the end, which is api_stop()'s.
 *
 *  1. Its headers are complete: admission.c lets it in or answers.
 *  2. The body is taken, and counted again, since a chunked one has no Content-Length.
 *  3. The row's `here` runs. It answers, or parks the request with the store's writer, or leaves it to `control`: then
 *     the connection is suspended and the request posted to the control thread.
 *  4. Whoever has the answer calls request_answered(): the connection is resumed and its thread sends it.
 *
 * A parked request can't go away by itself: libmicrohttpd doesn't look at a suspended connection. Only api_stop() takes
 * it away from the one who has it: it's `abandoned`, its client gets 503, and what the store's writer puts into it
 * later is read by nobody. Hence the count of holders: one is the connection, the other the one who has it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/routes.h"
#include "api/server.h"

static bool refuse_at_once(const struct exchange *exchange);
static struct exchange *exchange_new(struct front *front, struct MHD_Connection *connection, const char *path,
	const char *method);
static bool take_body(struct exchange *exchange, const char *bytes, size_t length);
static bool run(struct exchange *exchange);
static void run_on_control(void *arg);
static bool park(struct request *request);
static void resume(struct request *request);
static enum MHD_Result send_answer(struct exchange *exchange);
static bool is_abandoned(struct exchange *exchange);
static struct MHD_Response *response_make(struct answer_text *answer);
static void exchange_release(struct exchange *exchange);

enum MHD_Result
exchange_on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
    const char *version, const char *bytes, size_t *length, void **state)
{
	struct exchange *exchange = *state;

	(void)version;
	if (exchange == NULL) {
		exchange = *state = exchange_new(arg, connection, path, method);
		if (exchange == NULL)
			return MHD_NO;
		admission_check(exchange);
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

/* False: the connection is closed. libmicrohttpd lets nobody answer in the middle of a body, so what is refused or too
 * much is thrown away up to EXCESS_MAX, and answered at its end. */
static bool
take_body(struct exchange *exchange, const char *bytes, size_t length)
{
	struct request *request = &exchange->request;

	atomic_fetch_add(&exchange->front->api->counters.body_bytes, length);
	if (request->answer.status != 0 || exchange->excess > 0 ||
	    length > admission_body_limit(request) - request->body.length) {
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
		answer_problem(request, 413, NULL, "the body is longer than %zu octets", admission_body_limit(request));
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

void
exchange_on_completed(void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
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

/* --- the end of all ---------------------------------------------------------------------------------------------- */

void
exchange_abandon_all(struct api *api, bool store_too)
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

void
exchange_await_all(struct api *api, unsigned seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&api->lock);
	while (api->under_way != NULL && pthread_cond_timedwait(&api->ended, &api->lock, &until) == 0)
		;
	pthread_mutex_unlock(&api->lock);
}
