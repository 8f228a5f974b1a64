/* tcp.c -- DNS over TCP (RFC 7766): pipelined queries, idle timeout, limits.
 * In: connections.  Out: responses in the order of the queries.  Threads: the worker's own.
 * Memory: a connection with its two buffers is made at accept and freed at close; untouched pages cost nothing.
 *
 * Queries are answered as they are read and written at once. When the client doesn't read, what it leaves unsent is
 * kept in the out buffer, and nothing more is read from it until that has gone: a slow reader slows only itself. A
 * connection without progress in either direction is closed after the idle time; the sweep runs once a second.
 * Over a limit, new connections are closed at once and counted. */
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
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
	bool writing, closing;
	unsigned waiting;		/* answers in `out` */
	size_t in_used, out_used;
	uint8_t in[MESSAGE_SIZE];
	uint8_t out[2 * MESSAGE_SIZE];
};

struct tcp_pool {
	struct worker *worker;
	uv_tcp_t *listeners;
	size_t listener_count;
	uv_timer_t sweep;
	struct connection *connections;
	unsigned limit;
	_Atomic unsigned open;
};

static void on_connection(uv_stream_t *listener, int status);
static bool over_limit(const struct tcp_pool *pool, const struct address *client);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);
static void serve_waiting(struct connection *c);
static bool answer_next(struct connection *c, const struct snapshot *snapshot, size_t *at);
static void flush_out(struct connection *c);
static void on_written(uv_write_t *write, int status);
static void on_sweep(uv_timer_t *timer);
static void connection_close(struct connection *c);
static void on_closed(uv_handle_t *handle);

int
tcp_start(struct worker *worker, struct tcp_pool **pool, const int *fds, size_t count)
{
	struct tcp_pool *p = calloc(1, sizeof(*p));
	int status = 0;

	if (p == NULL)
		return -ENOMEM;
	p->worker = worker;
	p->limit = (worker->options->tcp_connections + worker->options->workers - 1) / worker->options->workers;
	p->listeners = calloc(count + 1, sizeof(*p->listeners));
	if (p->listeners == NULL) {
		free(p);
		return -ENOMEM;
	}
	*pool = p;
	for (size_t i = 0; i < count && status == 0; i++) {
		uv_tcp_t *listener = &p->listeners[p->listener_count++];

		uv_tcp_init(&worker->loop, listener);
		listener->data = p;
		status = uv_tcp_open(listener, fds[i]);
		if (status == 0)
			status = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
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
	c = malloc(sizeof(*c));
	if (c == NULL)
		return;		/* libuv tries this connection again */
	memset(c, 0, offsetof(struct connection, in));
	c->pool = pool;
	c->progress = uv_now(&pool->worker->loop);
	uv_tcp_init(&pool->worker->loop, &c->tcp);
	c->next = pool->connections;
	if (c->next != NULL)
		c->next->previous = c;
	pool->connections = c;
	atomic_fetch_add_explicit(&pool->open, 1, memory_order_relaxed);
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0
	    || uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&peer, &length) != 0) {
		connection_close(c);
		return;
	}
	address_of_sockaddr(&c->client, (struct sockaddr *)&peer);
	if (over_limit(pool, &c->client)) {
		counter_add(&pool->worker->counters.tcp_refused, 1);
		connection_close(c);
		return;
	}
	counter_add(&pool->worker->counters.tcp_connections, 1);
	uv_tcp_nodelay(&c->tcp, 1);
	uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* The new connection is in the list already. */
static bool
over_limit(const struct tcp_pool *pool, const struct address *client)
{
	unsigned open = 0, same = 0;

	for (const struct connection *c = pool->connections; c != NULL; c = c->next) {
		open++;
		same += memcmp(&c->client, client, sizeof(*client)) == 0;
	}
	return open > pool->limit || same > pool->worker->options->tcp_connections_per_client;
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
	c->in_used += (size_t)count;
	c->progress = uv_now(stream->loop);
	serve_waiting(c);
}

/* Answers whole queries in the in buffer until it has none or the out buffer is as full as it may get. */
static void
serve_waiting(struct connection *c)
{
	struct worker *worker = c->pool->worker;
	const struct snapshot *snapshot = worker_enter(worker);
	size_t at = 0;

	while (answer_next(c, snapshot, &at))
		;
	worker_leave();
	memmove(c->in, c->in + at, c->in_used - at);
	c->in_used -= at;
	flush_out(c);
}

static bool
answer_next(struct connection *c, const struct snapshot *snapshot, size_t *at)
{
	struct answer_env env = worker_env(c->pool->worker, snapshot);
	size_t length, size;

	if (c->in_used - *at < 2 || c->waiting >= c->pool->worker->options->tcp_in_flight
	    || sizeof(c->out) - c->out_used < MESSAGE_SIZE)
		return false;
	size = wire_get_u16(c->in + *at);
	if (c->in_used - *at - 2 < size)
		return false;
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

static void
flush_out(struct connection *c)
{
	uv_buf_t buffer = uv_buf_init((char *)c->out, (unsigned)c->out_used);
	int sent;

	if (c->out_used == 0 || c->writing || c->closing)
		return;
	sent = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
	if (sent < 0 && sent != UV_EAGAIN) {
		connection_close(c);
		return;
	}
	if (sent > 0)
		c->progress = uv_now(c->tcp.loop);
	if (sent > 0 && (size_t)sent == c->out_used) {
		c->out_used = 0;
		c->waiting = 0;
		/* What stopped for want of room goes on. Each round takes bytes from `in`, so this ends. */
		if (c->in_used >= 2 && c->in_used - 2 >= wire_get_u16(c->in))
			serve_waiting(c);
		return;
	}
	if (sent > 0) {
		memmove(c->out, c->out + sent, c->out_used - (size_t)sent);
		c->out_used -= (size_t)sent;
	}
	buffer = uv_buf_init((char *)c->out, (unsigned)c->out_used);
	c->writing = true;
	uv_read_stop((uv_stream_t *)&c->tcp);
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buffer, 1, on_written) != 0)
		connection_close(c);
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
	serve_waiting(c);
}

static void
on_sweep(uv_timer_t *timer)
{
	struct tcp_pool *pool = timer->data;
	uint64_t now = uv_now(timer->loop);

	for (struct connection *c = pool->connections, *next; c != NULL; c = next) {
		next = c->next;
		if (!c->closing && now - c->progress >= pool->worker->options->tcp_idle_ms) {
			counter_add(&pool->worker->counters.tcp_timeouts, 1);
			connection_close(c);
		}
	}
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
	atomic_fetch_sub_explicit(&pool->open, 1, memory_order_relaxed);
	free(c);
}

unsigned
tcp_open(const struct tcp_pool *pool)
{
	return atomic_load_explicit(&pool->open, memory_order_relaxed);
}

void
tcp_close(struct tcp_pool *pool)
{
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
