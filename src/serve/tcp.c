/* tcp.c -- the listeners for connections of one worker (RFC 7766; with TLS RFC 7858).
 * In: bound sockets.  Out: accepted connections, for connection.c.  Threads: the worker's own.
 * Once a second those whose time is over are closed: a clock for each would cost more than it's exact. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "serve/connection.h"

#define BACKLOG 511
#define SWEEP_MS 1000

struct listener {
	uv_tcp_t tcp;			/* must be first */
	struct tcp_pool *pool;
	const struct server_listen *listen;
};

struct tcp_pool {
	struct listener *listeners;
	size_t listener_count;
	uv_timer_t sweep;
	bool starved;			/* a connection waits for memory */
	struct connections connections;
};

static int listen_on(struct tcp_pool *pool, int fd, const struct server_listen *listen);
static void on_connection(uv_stream_t *stream, int status);
static void on_sweep(uv_timer_t *timer);

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
	p->connections.worker = worker;
	*pool = p;
	for (size_t i = 0; i < count; i++) {
		if (status == 0)
			status = listen_on(p, fds[i], &worker->options->listens[i]);
		else
			close(fds[i]);
	}
	uv_timer_init(&worker->loop, &p->sweep);
	p->sweep.data = p;
	uv_timer_start(&p->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	return status;
}

static int
listen_on(struct tcp_pool *pool, int fd, const struct server_listen *listen)
{
	struct listener *listener = &pool->listeners[pool->listener_count++];
	int status;

	uv_tcp_init(&pool->connections.worker->loop, &listener->tcp);
	listener->pool = pool;
	listener->listen = listen;
	status = uv_tcp_open(&listener->tcp, fd);
	if (status != 0) {
		close(fd);
		return status;
	}
	return uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
}

static void
on_connection(uv_stream_t *stream, int status)
{
	struct listener *listener = (struct listener *)stream;

	if (status >= 0 && !connection_accept(&listener->pool->connections, stream, listener->listen))
		listener->pool->starved = true;
}

static void
on_sweep(uv_timer_t *timer)
{
	struct tcp_pool *pool = timer->data;

	connections_sweep(&pool->connections);
	if (!pool->starved)
		return;
	pool->starved = false;
	for (size_t i = 0; i < pool->listener_count && !pool->starved; i++)
		on_connection((uv_stream_t *)&pool->listeners[i].tcp, 0);
}

void
tcp_close(struct tcp_pool *pool)
{
	if (pool == NULL)
		return;
	for (size_t i = 0; i < pool->listener_count; i++)
		uv_close((uv_handle_t *)&pool->listeners[i].tcp, NULL);
	connections_close(&pool->connections);
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
