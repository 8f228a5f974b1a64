/* request_desk.c -- see request_desk.h.
 * The way of a request: a worker makes it and puts it among those that arrived; control takes it, and gives it back
 * among those of its worker that are answered; the worker sends the response and frees it. One that nobody waits for
 * any more (its connection is closed) goes the same way and is freed at the end of it, since control may be at it.
 *
 * A client whose datagram's response is late sends it again. While the first is under way the second is dropped: done
 * twice it could fail on what the first had changed. They're told apart by the whole of them, signature and all, and
 * are few enough to be looked through.
 *
 * Control is woken when something comes to an empty desk only, and workers are by uv_async_send(), which joins calls:
 * who is woken takes all that is there. */
#include "serve/request_desk.h"

#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "serve/stream.h"

#define NOTICES_MAX 256		/* NOTIFYs that control hasn't seen; it looks at them in its next turn */

struct queue {
	struct deferred *first, **end;
};

struct desk_worker {
	struct queue answered;
	uv_async_t *wake;		/* NULL: it ends */
};

struct request_desk {
	struct clients *under_way;
	uv_mutex_t lock;		/* guards all that follows */
	struct deferred *newest;
	struct queue arrived;
	size_t notice_count;
	struct notice notices[NOTICES_MAX];
	void (*wake)(void *arg);
	void *wake_arg;
	unsigned worker_count;
	struct desk_worker workers[];
};

static struct deferred *deferred_new(const struct answer_env *env, const struct query *query, const uint8_t *message,
	size_t length, const struct tsig *tsig);
static enum desk_verdict put(struct request_desk *desk, struct deferred *request);
static bool is_under_way(const struct request_desk *desk, const struct deferred *request);
static bool is_empty(const struct request_desk *desk);
static void wake_control(const struct request_desk *desk);
static void queue_put(struct queue *queue, struct deferred *request);
static struct deferred *queue_take(struct queue *queue);

struct request_desk *
request_desk_new(const struct request_limits *limits, unsigned workers)
{
	const struct clients_limits of_clients = { limits->all, limits->per_client, 32, 64 };
	struct request_desk *desk = calloc(1, sizeof(*desk) + workers * sizeof(desk->workers[0]));

	if (desk == NULL)
		return NULL;
	desk->worker_count = workers;
	desk->arrived.end = &desk->arrived.first;
	for (unsigned w = 0; w < workers; w++)
		desk->workers[w].answered.end = &desk->workers[w].answered.first;
	desk->under_way = clients_new(&of_clients);
	if (desk->under_way != NULL && uv_mutex_init(&desk->lock) == 0)
		return desk;
	clients_free(desk->under_way);
	free(desk);
	return NULL;
}

/* Each request is in one of the queues now: no stream has one any more, and control has answered all of its. */
void
request_desk_free(struct request_desk *desk)
{
	struct deferred *request;

	if (desk == NULL)
		return;
	while ((request = queue_take(&desk->arrived)) != NULL)
		deferred_free(request);
	for (unsigned w = 0; w < desk->worker_count; w++)
		while ((request = queue_take(&desk->workers[w].answered)) != NULL)
			deferred_free(request);
	uv_mutex_destroy(&desk->lock);
	clients_free(desk->under_way);
	free(desk);
}

/* --- workers ------------------------------------------------------------------------------------------------- */

void
request_desk_worker(struct request_desk *desk, unsigned worker, uv_async_t *wake)
{
	uv_mutex_lock(&desk->lock);
	desk->workers[worker].wake = wake;
	uv_mutex_unlock(&desk->lock);
}

enum desk_verdict
request_desk_put(struct request_desk *desk, const struct answer_env *env, const struct query *query,
	const uint8_t *message, size_t length, const struct tsig *tsig, struct deferred **request)
{
	enum clients_verdict within = clients_enter(desk->under_way, &env->client);
	enum desk_verdict verdict;

	if (within != CLIENTS_WITHIN)
		return within == CLIENTS_FULL ? DESK_FULL : DESK_CLIENT_FULL;
	*request = deferred_new(env, query, message, length, tsig);
	if (*request == NULL) {
		clients_leave(desk->under_way, &env->client);
		return DESK_NO_MEMORY;
	}
	(*request)->desk = desk;
	uv_mutex_lock(&desk->lock);
	verdict = put(desk, *request);
	uv_mutex_unlock(&desk->lock);
	if (verdict == DESK_TAKEN)
		return verdict;
	clients_leave(desk->under_way, &env->client);
	free(*request);
	return verdict;
}

static struct deferred *
deferred_new(const struct answer_env *env, const struct query *query, const uint8_t *message, size_t length,
	const struct tsig *tsig)
{
	size_t unsigned_length = query->tsig != 0 ? query->tsig : length;
	struct deferred *request = calloc(1, sizeof(*request) + unsigned_length);
	uint8_t *copy;

	if (request == NULL)
		return NULL;
	copy = (uint8_t *)(request + 1);
	memcpy(copy, message, unsigned_length);
	if (query->tsig != 0)
		wire_put_u16(copy + 10, wire_get_u16(copy + 10) - 1u);
	memcpy(request->apex, query->name, name_length(query->name, NAME_MAX));
	request->client = env->client;
	request->encrypted = env->encrypted;
	request->stream = env->stream;
	request->message = copy;
	request->length = unsigned_length;
	request->later = *env->later;
	request->payload = env->udp_payload;
	if (tsig != NULL) {
		request->tsig = *tsig;
		request->key = tsig->key;
	}
	if (request->later.keep != NULL)
		request->later.keep(request->later.arg, request, message);
	return request;
}

/* Under the lock, here and below. */
static enum desk_verdict
put(struct request_desk *desk, struct deferred *request)
{
	if (!request->stream && is_under_way(desk, request))
		return DESK_REPEATED;
	if (is_empty(desk))
		wake_control(desk);
	request->older = desk->newest;
	if (request->older != NULL)
		request->older->newer = request;
	desk->newest = request;
	queue_put(&desk->arrived, request);
	return DESK_TAKEN;
}

static bool
is_under_way(const struct request_desk *desk, const struct deferred *request)
{
	for (const struct deferred *r = desk->newest; r != NULL; r = r->older)
		if (!r->stream && r->length == request->length && r->peer_length == request->peer_length
		    && memcmp(&r->peer, &request->peer, r->peer_length) == 0
		    && r->tsig.mac_length == request->tsig.mac_length
		    && memcmp(r->tsig.mac, request->tsig.mac, r->tsig.mac_length) == 0
		    && memcmp(r->message, request->message, r->length) == 0)
			return true;
	return false;
}

static bool
is_empty(const struct request_desk *desk)
{
	return desk->arrived.first == NULL && desk->notice_count == 0;
}

static void
wake_control(const struct request_desk *desk)
{
	if (desk->wake != NULL)
		desk->wake(desk->wake_arg);
}

static void
queue_put(struct queue *queue, struct deferred *request)
{
	request->next = NULL;
	*queue->end = request;
	queue->end = &request->next;
}

static struct deferred *
queue_take(struct queue *queue)
{
	struct deferred *request = queue->first;

	if (request == NULL)
		return NULL;
	queue->first = request->next;
	if (queue->first == NULL)
		queue->end = &queue->first;
	return request;
}

bool
request_desk_notice(struct request_desk *desk, const struct notice *notice)
{
	size_t length = name_length(notice->apex, NAME_MAX), at = 0;
	bool room;

	uv_mutex_lock(&desk->lock);
	while (at < desk->notice_count && (memcmp(desk->notices[at].apex, notice->apex, length) != 0
	    || memcmp(&desk->notices[at].from, &notice->from, sizeof(notice->from)) != 0))
		at++;
	room = at < NOTICES_MAX;
	if (room) {
		if (is_empty(desk))
			wake_control(desk);
		desk->notices[at] = *notice;
		desk->notice_count += at == desk->notice_count;
	}
	uv_mutex_unlock(&desk->lock);
	return room;
}

struct deferred *
request_desk_answered(struct request_desk *desk, unsigned worker)
{
	struct deferred *request;

	uv_mutex_lock(&desk->lock);
	request = queue_take(&desk->workers[worker].answered);
	uv_mutex_unlock(&desk->lock);
	return request;
}

void
deferred_free(struct deferred *request)
{
	struct request_desk *desk = request->desk;

	uv_mutex_lock(&desk->lock);
	if (request->newer != NULL)
		request->newer->older = request->older;
	else
		desk->newest = request->older;
	if (request->older != NULL)
		request->older->newer = request->newer;
	uv_mutex_unlock(&desk->lock);
	clients_leave(desk->under_way, &request->client);
	free(request);
}

size_t
deferred_next(void *arg, uint8_t *message, size_t size)
{
	struct deferred *request = arg;

	if (!request->answered)
		return STREAM_LATER;
	if (request->sent || request->response_length > size)
		return 0;
	request->sent = true;
	memcpy(message, request->response, request->response_length);
	return request->response_length;
}

void
deferred_end(void *arg)
{
	struct deferred *request = arg;

	if (request->answered)
		deferred_free(request);
	else
		request->orphaned = true;
}

/* --- control ------------------------------------------------------------------------------------------------- */

void
request_desk_listen(struct request_desk *desk, void (*wake)(void *arg), void *arg)
{
	uv_mutex_lock(&desk->lock);
	desk->wake = wake;
	desk->wake_arg = arg;
	uv_mutex_unlock(&desk->lock);
}

struct deferred *
request_desk_next(struct request_desk *desk)
{
	struct deferred *request;

	uv_mutex_lock(&desk->lock);
	request = queue_take(&desk->arrived);
	uv_mutex_unlock(&desk->lock);
	return request;
}

bool
request_desk_next_notice(struct request_desk *desk, struct notice *notice)
{
	bool any;

	uv_mutex_lock(&desk->lock);
	any = desk->notice_count > 0;
	if (any)
		*notice = desk->notices[--desk->notice_count];
	uv_mutex_unlock(&desk->lock);
	return any;
}

void
deferred_answer(struct deferred *request, uint16_t rcode, int ede, const char *text)
{
	struct request_desk *desk = request->desk;
	struct desk_worker *worker = &desk->workers[request->later.worker];
	size_t length = strlen(text);

	if (length > EDE_TEXT_MAX)
		length = EDE_TEXT_MAX;
	memcpy(request->text, text, length);
	request->ruling = (struct ruling){ .rcode = rcode, .ede = ede, .ede_text = request->text };
	uv_mutex_lock(&desk->lock);
	queue_put(&worker->answered, request);
	if (worker->wake != NULL)
		uv_async_send(worker->wake);
	uv_mutex_unlock(&desk->lock);
}

unsigned
request_desk_waiting(struct request_desk *desk)
{
	return clients_count(desk->under_way);
}
