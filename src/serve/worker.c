/* worker.c -- one answering thread: its sockets, its loop, its view of the snapshot.
 * In: bound sockets.  Out: answers.  Threads: started and ended by the control thread, which joins it.
 * A worker is offline for RCU except while it holds a snapshot, so that one that waits for packets never holds up a
 * publication. */
#include "serve/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/rcu.h"
#include "serve/request_desk.h"

static int open_sockets(struct worker *worker, const int *fds);
static void run(void *arg);
static void on_stop(uv_async_t *handle);
static void on_answered(uv_async_t *handle);
static void release(struct worker *worker);

int
worker_start(struct worker *worker, const int *fds)
{
	size_t count = worker->options->listen_count;
	int status;

	worker->udp = calloc(count + 1, sizeof(*worker->udp));
	status = worker->udp == NULL ? -ENOMEM : uv_loop_init(&worker->loop);
	if (status != 0)
		goto close_sockets;
	worker->loop.data = worker;
	status = uv_async_init(&worker->loop, &worker->stop, on_stop);
	if (status != 0) {
		uv_loop_close(&worker->loop);
		goto close_sockets;
	}
	uv_async_init(&worker->loop, &worker->answered, on_answered);	/* the second one can't fail */
	request_desk_worker(worker->request_desk, worker->number, &worker->answered);
	status = open_sockets(worker, fds);
	if (status == 0)
		status = uv_thread_create(&worker->thread, run, worker);
	if (status == 0)
		return 0;
	on_stop(&worker->stop);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	release(worker);
	return status;
close_sockets:
	for (size_t i = 0; i < 2 * count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(worker->udp);
	return status;
}

static int
open_sockets(struct worker *worker, const int *fds)
{
	static const struct address none;
	size_t count = worker->options->listen_count;
	int tcp_fds[SERVER_LISTENS_MAX], status = 0;

	for (size_t i = 0; i < count; i++) {
		const struct address *address = &worker->options->listens[i].address;
		bool wildcard = memcmp(address->bytes, none.bytes, sizeof(none.bytes)) == 0;

		tcp_fds[i] = fds[2 * i + 1];
		if (fds[2 * i] < 0)
			continue;
		if (status == 0)
			status = udp_start(worker, &worker->udp[i], fds[2 * i], wildcard,
			    worker->options->listens[i].udp_payload);
		else
			close(fds[2 * i]);
	}
	if (status == 0)
		return tcp_start(worker, &worker->pool, tcp_fds, count);
	for (size_t i = 0; i < count; i++)
		close(tcp_fds[i]);
	return status;
}

static void
run(void *arg)
{
	struct worker *worker = arg;

	rcu_reader_register();
	rcu_reader_offline();
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	rcu_reader_online();
	rcu_reader_unregister();
}

static void
on_stop(uv_async_t *handle)
{
	struct worker *worker = handle->loop->data;

	for (size_t i = 0; i < worker->options->listen_count; i++)
		udp_close(worker->udp[i]);
	tcp_close(worker->pool);
	request_desk_worker(worker->request_desk, worker->number, NULL);
	uv_close((uv_handle_t *)&worker->answered, NULL);
	uv_close((uv_handle_t *)&worker->stop, NULL);
}

/* Responses are made and sent by the worker that got the requests: it has the sockets, and signs by its own means. */
static void
on_answered(uv_async_t *handle)
{
	struct worker *worker = handle->loop->data;
	struct deferred *request;

	while ((request = request_desk_answered(worker->request_desk, worker->number)) != NULL) {
		struct answer_env env;

		if (request->orphaned) {
			deferred_free(request);
			continue;
		}
		env = worker_env(worker, worker_enter(worker));
		env.client = request->client;
		env.stream = request->stream;
		env.encrypted = request->encrypted;
		env.udp_payload = request->payload;
		answer_later(&env, request);
		worker_leave();
		request->answered = true;
		request->later.ready(request->later.arg, request);
	}
}

const struct snapshot *
worker_enter(struct worker *worker)
{
	rcu_reader_online();
	return rcu_load(*worker->published);
}

void
worker_leave(void)
{
	rcu_reader_offline();
}

struct answer_env
worker_env(struct worker *worker, const struct snapshot *snapshot)
{
	struct timespec wall, mono;

	/* The kernel's ticks, read without a call of it: nothing here needs a finer time. */
	clock_gettime(CLOCK_REALTIME_COARSE, &wall);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &mono);
	return (struct answer_env){
		.snapshot = snapshot,
		.row = &snapshot->rows[worker->number],
		.sketch = rcu_load(worker->sketch),
		.counters = &worker->counters,
		.udp_payload = worker->options->udp_payload,
		.identity = worker->options->identity,
		.plan_stale = __atomic_load_n(worker->plan_stale, __ATOMIC_RELAXED),
		.idle_ms = worker->options->tcp_idle_ms,
		.report_agent = worker->options->report_agent,
		.guard = worker->guard,
		.secrets = rcu_load(*worker->secrets),
		.tsig = worker->tsig,
		.keys = worker->options->keys,
		.transfers = rcu_load(*worker->transfers),
		.desk = worker->desk,
		.requests = rcu_load(*worker->requests),
		.request_desk = worker->request_desk,
		.now = (uint32_t)wall.tv_sec,
		.now_ns = (uint64_t)mono.tv_sec * 1000000000 + (uint64_t)mono.tv_nsec,
	};
}

void
worker_end(struct worker *worker)
{
	uv_async_send(&worker->stop);
	uv_thread_join(&worker->thread);
	release(worker);
}

static void
release(struct worker *worker)
{
	uv_loop_close(&worker->loop);
	for (size_t i = 0; i < worker->options->listen_count; i++)
		udp_free(worker->udp[i]);
	tcp_free(worker->pool);
	free(worker->udp);
}
