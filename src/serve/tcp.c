/* tcp.c -- DNS over TCP (RFC 7766): pipelined queries, idle timeout, limits.
 * In: connections.  Out: responses in the order of the queries.  Threads: the worker's own.
 * Memory: a connection with its two buffers is made at accept and freed at close; untouched pages cost nothing.
 *
 * Queries are answered as they are read and written at once. When the client doesn't read, what it leaves unsent is
 * kept in the out buffer, and nothing more is read from it until that has gone: a slow reader slows only itself.
 * A connection is closed when it made no progress for the idle time, by a sweep once a second. Progress is a whole
 * query, the first octet of one, or octets of an answer that the client took; the other octets of a query aren't, or
 * else a client could hold a connection for ever by sending one at a time.
 * Over a limit, new connections are closed at once and counted. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/wire.h"
#include "serve/worker.h"

#define MESSAGE_SIZE (2 + 65535)
#define BACKLOG 511
#define SWEEP_MS 1000

struct connection {
	uv_tcp_t tcp;			/* must be first */
	uv_write_t write;
	struct tcp_pool *pool;
	struct connection *next, *previous;
	struct address client;
	uint64_t progress;		/* loop time, ms */
	bool counted, writing, closing;
	unsigned waiting;		/* answers in `out` */
	size_t in_used, out_used;
	size_t unsent;			/* of `out`, when the sweep last looked */
	uint8_t in[MESSAGE_SIZE];
	uint8_t out[2 * MESSAGE_SIZE];
};

struct tcp_pool {
	struct worker *worker;
	uv_tcp_t *listeners;
	size_t listener_count;
	uv_timer_t sweep;
	struct connection *connections;
	bool starved;			/* a connection waits for memory; libuv listens no more until it's taken */
};

static void on_connection(uv_stream_t *listener, int status);
static struct connection *connection_new(struct tcp_pool *pool);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);
static void serve(struct connection *c);
static void answer_waiting(struct connection *c);
static bool answer_next(struct connection *c, const struct snapshot *snapshot, size_t *at);
static bool has_query(const struct connection *c, size_t at);
static bool flush_out(struct connection *c);
static void on_written(uv_write_t *write, int status);
static void on_sweep(uv_timer_t *timer);
static bool is_idle(struct connection *c, uint64_t now);
static void connection_close(struct connection *c);
static void on_closed(uv_handle_t *handle);

int
tcp_start(struct worker *worker, struct tcp_pool **pool, const int *fds, size_t count)
{
	struct tcp_pool *p = calloc(1, sizeof(*p));
	int status = 0;

	if (p != NULL)
		p->listeners = calloc(count + 1, sizeof(*p->listeners));
	if (p == NULL || p->listeners == NULL) {
		free(p);
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
		return -ENOMEM;
	}
	p->worker = worker;
	*pool = p;
	for (size_t i = 0; i < count; i++) {
		uv_tcp_t *listener = &p->listeners[p->listener_count++];

		uv_tcp_init(&worker->loop, listener);
		listener->data = p;
		if (status == 0) {
			status = uv_tcp_open(listener, fds[i]);
			if (status == 0)
				status = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
			else
				close(fds[i]);
		} else {
			close(fds[i]);
		}
	}
	uv_timer_init(&worker->loop, &p->sweep);
	p->sweep.data = p;
	uv_timer_start(&p->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	return status;
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct tcp_pool *pool = listener->data;
	struct connection *c;
	struct sockaddr_storage peer;
	int length = sizeof(peer);

	if (status < 0)
		return;
	c = connection_new(pool);
	if (c == NULL) {
		pool->starved = true;
		return;
	}
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0
	    || uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&peer, &length) != 0) {
		connection_close(c);
		return;
	}
	address_of_sockaddr(&c->client, (struct sockaddr *)&peer);
	c->counted = clients_enter(pool->worker->clients, &c->client);
	if (!c->counted) {
		counter_add(&pool->worker->counters.tcp_refused, 1);
		connection_close(c);
		return;
	}
	counter_add(&pool->worker->counters.tcp_connections, 1);
	uv_tcp_nodelay(&c->tcp, 1);
	uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static struct connection *
connection_new(struct tcp_pool *pool)
{
	struct connection *c = malloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	memset(c, 0, offsetof(struct connection, in));
	c->pool = pool;
	c->progress = uv_now(&pool->worker->loop);
	uv_tcp_init(&pool->worker->loop, &c->tcp);
	c->next = pool->connections;
	if (c->next != NULL)
		c->next->previous = c;
	pool->connections = c;
	return c;
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct connection *c = (struct connection *)handle;
	(void)suggested;

	*buffer = uv_buf_init((char *)c->in + c->in_used, (unsigned)(sizeof(c->in) - c->in_used));
}

static void
on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct connection *c = (struct connection *)stream;
	(void)buffer;

	if (count < 0) {
		connection_close(c);
		return;
	}
	if (c->in_used == 0 && count > 0)
		c->progress = uv_now(stream->loop);
	c->in_used += (size_t)count;
	serve(c);
}

/* Each round takes at least one query from `in`, so this ends. */
static void
serve(struct connection *c)
{
	do
		answer_waiting(c);
	while (flush_out(c) && has_query(c, 0));
}

/* Answers whole queries in the in buffer until it has none or the out buffer is as full as it may get. */
static void
answer_waiting(struct connection *c)
{
	const struct snapshot *snapshot = worker_enter(c->pool->worker);
	size_t at = 0;

	while (answer_next(c, snapshot, &at))
		;
	worker_leave();
	if (at == 0)
		return;
	memmove(c->in, c->in + at, c->in_used - at);
	c->in_used -= at;
	c->progress = uv_now(c->tcp.loop);
}

static bool
answer_next(struct connection *c, const struct snapshot *snapshot, size_t *at)
{
	struct answer_env env = worker_env(c->pool->worker, snapshot);
	size_t length, size;

	if (!has_query(c, *at) || (c->waiting > 0 && c->waiting >= c->pool->worker->options->tcp_in_flight)
	    || sizeof(c->out) - c->out_used < MESSAGE_SIZE)
		return false;
	size = wire_get_u16(c->in + *at);
	env.client = c->client;
	env.stream = true;
	length = answer(&env, c->in + *at + 2, size, c->out + c->out_used + 2, ANSWER_SIZE_MAX);
	*at += 2 + size;
	if (length == 0)
		return true;
	wire_put_u16(c->out + c->out_used, (unsigned)length);
	c->out_used += 2 + length;
	c->waiting++;
	return true;
}

static bool
has_query(const struct connection *c, size_t at)
{
	return c->in_used - at >= 2 && c->in_used - at - 2 >= wire_get_u16(c->in + at);
}

/* True when all has gone; else nothing more is read until it has. */
static bool
flush_out(struct connection *c)
{
	uv_buf_t buffer = uv_buf_init((char *)c->out, (unsigned)c->out_used);
	int sent;

	if (c->out_used == 0)
		return true;
	sent = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
	if (sent < 0 && sent != UV_EAGAIN) {
		connection_close(c);
		return false;
	}
	if (sent > 0) {
		c->progress = uv_now(c->tcp.loop);
		c->out_used -= (size_t)sent;
		memmove(c->out, c->out + sent, c->out_used);
	}
	if (c->out_used == 0) {
		c->waiting = 0;
		return true;
	}
	buffer = uv_buf_init((char *)c->out, (unsigned)c->out_used);
	c->writing = true;
	c->unsent = c->out_used;
	uv_read_stop((uv_stream_t *)&c->tcp);
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buffer, 1, on_written) != 0)
		connection_close(c);
	return false;
}

static void
on_written(uv_write_t *write, int status)
{
	struct connection *c = (struct connection *)write->handle;

	c->writing = false;
	if (c->closing)
		return;
	if (status != 0) {
		connection_close(c);
		return;
	}
	c->out_used = 0;
	c->waiting = 0;
	c->progress = uv_now(c->tcp.loop);
	uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
	serve(c);
}

static void
on_sweep(uv_timer_t *timer)
{
	struct tcp_pool *pool = timer->data;
	uint64_t now = uv_now(timer->loop);

	for (struct connection *c = pool->connections, *next; c != NULL; c = next) {
		next = c->next;
		if (!c->closing && is_idle(c, now)) {
			counter_add(&pool->worker->counters.tcp_timeouts, 1);
			connection_close(c);
		}
	}
	if (!pool->starved)
		return;
	pool->starved = false;
	for (size_t i = 0; i < pool->listener_count && !pool->starved; i++)
		on_connection((uv_stream_t *)&pool->listeners[i], 0);
}

static bool
is_idle(struct connection *c, uint64_t now)
{
	size_t unsent = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);

	if (c->writing && unsent < c->unsent) {
		c->unsent = unsent;
		c->progress = now;
	}
	return now - c->progress >= c->pool->worker->options->tcp_idle_ms;
}

static void
connection_close(struct connection *c)
{
	if (c->closing)
		return;
	c->closing = true;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void
on_closed(uv_handle_t *handle)
{
	struct connection *c = (struct connection *)handle;
	struct tcp_pool *pool = c->pool;

	if (c->next != NULL)
		c->next->previous = c->previous;
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		pool->connections = c->next;
	if (c->counted)
		clients_leave(pool->worker->clients, &c->client);
	free(c);
}

void
tcp_close(struct tcp_pool *pool)
{
	if (pool == NULL)
		return;
	for (size_t i = 0; i < pool->listener_count; i++)
		uv_close((uv_handle_t *)&pool->listeners[i], NULL);
	for (struct connection *c = pool->connections; c != NULL; c = c->next)
		connection_close(c);
	uv_close((uv_handle_t *)&pool->sweep, NULL);
}

void
tcp_free(struct tcp_pool *pool)
{
	if (pool == NULL)
		return;
	free(pool->listeners);
	free(pool);
}
