/* connection.c -- one connection: octets between its socket, TLS, and the stream of messages.
 * In: accepted sockets.  Out: answers, in the order of the queries.  Threads: the worker's own.
 * Memory: made at accept with its buffers and freed at close; pages that aren't touched cost nothing.
 *
 * A connection has up to three stages: the PROXY header, if it comes from a listed sender; the handshake, if it's
 * TLS; queries. Queries are answered as they are read and written at once. When the client doesn't read, what it leaves
 * unsent is kept, and nothing more is read from it until that has gone: a slow reader slows only itself.
 *
 * At each moment a connection waits for one thing of its client (enum stream_wait), and each has its own time. It runs
 * from when the waiting began: single octets don't prolong it, or else a client could hold a connection for ever by
 * sending or taking one at a time.
 *
 * Whose share a connection counts for: that of its client's prefix. Of a listed sender the client is whom the header
 * names; until it came, and if it names none, the connection counts in all only. The handshakes under way have limits
 * of their own, as one costs more than a thousand queries.
 *
 * At a limit of connections the one that idles longest gives way to a new one: of all, or of its client where that has
 * its share. Clients are told to expect it (RFC 7766 section 6.2.4, RFC 9210 section 4.2), and else a thousand that are
 * open and silent keep out everybody who would ask. It's one of this worker: the kernel spreads connections evenly
 * enough for that. One that idles less than a second may be about to ask. */
#include "serve/connection.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/rcu.h"
#include "serve/pace.h"
#include "serve/proxy.h"
#include "serve/request_desk.h"
#include "serve/stream.h"
#include "serve/tls.h"

#define IDLE_LEAST_MS 1000	/* before it gives way */
#define IDLE_LOOKED_AT 256	/* of the oldest connections: what a refusal costs is bounded */

enum stage { STAGE_HEADER, STAGE_HANDSHAKE, STAGE_QUERIES };

struct connection {
	uv_tcp_t tcp;			/* must be first */
	uv_write_t write;
	struct connections *all;
	struct connection *next, *previous;
	struct address client, counted;	/* counted: for whose share; 0 bits: nobody's */
	struct address local;		/* that it came to */
	uint16_t client_port, local_port;	/* the first 0: a proxy doesn't tell it */
	enum stage stage;
	enum stream_wait waits_for;
	uint64_t since;			/* loop time, ms */
	struct tls *tls;		/* or NULL */
	const struct server_listen *listen;	/* TLS, now or after the header, if `encrypted` */
	bool entered, shaking;		/* it counts among connections, among handshakes */
	bool more;			/* TLS may have octets that `stream` had no room for */
	bool ended;			/* TLS: nothing comes any more */
	bool progressed;		/* since the time began to run */
	bool writing, closing;
	struct later later;		/* wakes it when a response is there */
	struct stream stream;		/* last, as its buffers aren't initialised */
};

static struct connection *connection_new(struct connections *all);
static bool let_in(struct connection *c);
static bool give_way(struct connection *c, bool same_prefix);
static bool may_give_way(const struct connection *c, uint64_t now);
static bool refuse(struct connection *c, enum refusal why);
static bool begin(struct connection *c);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);
static bool take(struct connection *c, const uint8_t *bytes, size_t count);
static bool take_header(struct connection *c);
static bool name_client(struct connection *c, const struct address *client);
static void serve(struct connection *c);
static void decrypt(struct connection *c);
static void see_handshake(struct connection *c);
static void answer_all(struct connection *c);
static bool begin_seen(const struct connection *c, struct tap_seen *seen);
static void on_ready(void *connection, struct deferred *request);
static void go_on_reading(struct connection *c);
static bool flush(struct connection *c);
static uv_buf_t unsent(struct connection *c);
static void sent(struct connection *c, size_t count);
static void on_written(uv_write_t *write, int status);
static void wait_on(struct connection *c);
static uint32_t patience(const struct server_options *options, enum stream_wait what);
static void connection_close(struct connection *c);
static void leave(struct connection *c);
static void say_goodbye(struct connection *c);
static void on_closed(uv_handle_t *handle);

/* --- beginning --- */

bool
connection_accept(struct connections *all, uv_stream_t *listener, const struct server_listen *listen)
{
	struct connection *c = connection_new(all);
	struct sockaddr_storage peer;
	int length = sizeof(peer);

	if (c == NULL)
		return false;
	c->listen = listen;
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0
	    || uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&peer, &length) != 0) {
		connection_close(c);
		return true;
	}
	address_of_sockaddr(&c->client, (struct sockaddr *)&peer);
	c->client_port = address_port((struct sockaddr *)&peer);
	length = sizeof(peer);
	if (uv_tcp_getsockname(&c->tcp, (struct sockaddr *)&peer, &length) == 0) {
		address_of_sockaddr(&c->local, (struct sockaddr *)&peer);
		c->local_port = address_port((struct sockaddr *)&peer);
	}
	if (!let_in(c))
		return true;
	uv_tcp_nodelay(&c->tcp, 1);
	wait_on(c);
	uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
	return true;
}

static struct connection *
connection_new(struct connections *all)
{
	struct connection *c = malloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	memset(c, 0, offsetof(struct connection, stream));
	stream_init(&c->stream);
	c->all = all;
	c->since = uv_now(&all->worker->loop);
	c->later = (struct later){ all->worker->number, NULL, on_ready, c };
	uv_tcp_init(&all->worker->loop, &c->tcp);
	c->next = all->first;
	if (c->next != NULL)
		c->next->previous = c;
	else
		all->last = c;
	all->first = c;
	return c;
}

/* False: a limit forbids it, and it's being closed. */
static bool
let_in(struct connection *c)
{
	struct worker *worker = c->all->worker;
	bool proxied = prefixes_cover(worker->options->proxies, worker->options->proxy_count, &c->client);
	enum clients_verdict verdict;

	c->stage = proxied ? STAGE_HEADER : c->listen->encrypted ? STAGE_HANDSHAKE : STAGE_QUERIES;
	if (!proxied)
		c->counted = c->client;
	verdict = clients_enter(worker->connections, &c->counted);
	if (verdict != CLIENTS_WITHIN && give_way(c, verdict == CLIENTS_PREFIX_FULL))
		verdict = clients_enter(worker->connections, &c->counted);
	if (verdict != CLIENTS_WITHIN)
		return refuse(c, verdict == CLIENTS_FULL ? REFUSED_FULL : REFUSED_PREFIX);
	c->entered = true;
	counter_add(&worker->counters.connections[c->listen->encrypted ? TRANSPORT_TLS : TRANSPORT_TCP], 1);
	return proxied || begin(c);
}

/* True: one has gone. */
static bool
give_way(struct connection *c, bool same_prefix)
{
	struct worker *worker = c->all->worker;
	uint64_t now = uv_now(&worker->loop);
	struct connection *longest = NULL, *other = c->all->last;

	for (unsigned i = 0; other != NULL && i < IDLE_LOOKED_AT; i++, other = other->previous)
		if (may_give_way(other, now) && (longest == NULL || other->since < longest->since)
		    && (!same_prefix || clients_are_one(worker->connections, &other->counted, &c->counted)))
			longest = other;
	if (longest == NULL)
		return false;
	counter_add(&worker->counters.gave_way, 1);
	connection_close(longest);
	return true;
}

static bool
may_give_way(const struct connection *c, uint64_t now)
{
	return c->stage == STAGE_QUERIES && c->waits_for == WAIT_QUERY && c->entered && !c->closing && !c->writing
	    && !c->stream.later && c->stream.source.next == NULL && now - c->since >= IDLE_LEAST_MS;
}

static bool
refuse(struct connection *c, enum refusal why)
{
	counter_add(&c->all->worker->counters.refused[why], 1);
	connection_close(c);
	return false;
}

/* The client is known: what follows is a handshake, or queries. False: a limit forbids it. */
static bool
begin(struct connection *c)
{
	struct worker *worker = c->all->worker;
	enum clients_verdict verdict;

	c->stage = c->listen->encrypted ? STAGE_HANDSHAKE : STAGE_QUERIES;
	if (!c->listen->encrypted)
		return true;
	if (!pace_take(worker->pace, &c->counted, uv_now(&worker->loop) * 1000000))
		return refuse(c, REFUSED_HANDSHAKE_RATE);
	verdict = clients_enter(worker->handshakes, &c->counted);
	if (verdict != CLIENTS_WITHIN)
		return refuse(c, verdict == CLIENTS_FULL ? REFUSED_HANDSHAKES_FULL : REFUSED_HANDSHAKES_PREFIX);
	c->shaking = true;
	(void)worker_enter(worker);	/* so that the context stays alive until the connection has a reference */
	c->tls = tls_new(rcu_load(*worker->tls));
	worker_leave();
	if (c->tls == NULL)
		connection_close(c);
	return c->tls != NULL;
}

/* --- reading --- */

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct connection *c = (struct connection *)handle;
	size_t size;
	(void)suggested;

	if (c->tls != NULL) {
		*buffer = uv_buf_init((char *)c->all->received, sizeof(c->all->received));
	} else {
		char *room = (char *)stream_room(&c->stream, &size);

		*buffer = uv_buf_init(room, (unsigned)size);
	}
}

static void
on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct connection *c = (struct connection *)stream;

	if (count < 0)
		connection_close(c);
	else if (take(c, (const uint8_t *)buffer->base, (size_t)count))
		serve(c);
}

/* False: it waits for more, or is being closed. */
static bool
take(struct connection *c, const uint8_t *bytes, size_t count)
{
	if (c->tls == NULL) {
		stream_took(&c->stream, count);
		return c->stage != STAGE_HEADER || take_header(c);
	}
	if (tls_put(c->tls, bytes, count))
		return true;
	connection_close(c);
	return false;
}

/* The header lies in `stream`, and what came behind it. */
static bool
take_header(struct connection *c)
{
	struct worker *worker = c->all->worker;
	struct address client;
	size_t header;
	enum proxy_verdict verdict = proxy_read(c->stream.in, c->stream.in_used, &header, &client);

	if (verdict == PROXY_MORE)
		return false;
	counter_add(&worker->counters.proxied[verdict], 1);
	if (verdict == PROXY_MISSING || verdict == PROXY_BAD) {
		connection_close(c);
		return false;
	}
	if (verdict == PROXY_CLIENT && !name_client(c, &client))
		return false;
	stream_skip(&c->stream, header);
	if (!begin(c))
		return false;
	if (c->tls == NULL)
		return true;
	if (!tls_put(c->tls, c->stream.in, c->stream.in_used)) {
		connection_close(c);
		return false;
	}
	stream_skip(&c->stream, c->stream.in_used);
	return true;
}

static bool
name_client(struct connection *c, const struct address *client)
{
	c->client = *client;
	c->client_port = 0;
	if (clients_name(c->all->worker->connections, client) != CLIENTS_WITHIN)
		return refuse(c, REFUSED_PREFIX);
	c->counted = *client;
	return true;
}

/* --- serving --- */

/* Each round takes at least one query or what the stream has no room for, so this ends. */
static void
serve(struct connection *c)
{
	do {
		if (c->tls != NULL)
			decrypt(c);
		answer_all(c);
	} while (flush(c) && (stream_asks(&c->stream) || (c->more && !c->stream.later)));
	if (c->closing)
		return;
	if (c->ended && !c->writing && !c->stream.later)
		connection_close(c);
	else
		wait_on(c);
}

static void
decrypt(struct connection *c)
{
	size_t room;

	for (;;) {
		uint8_t *to = stream_room(&c->stream, &room);
		ssize_t count;

		c->more = room == 0;
		if (c->more || c->ended)
			return;
		count = tls_read(c->tls, to, room);
		if (c->stage == STAGE_HANDSHAKE)
			see_handshake(c);
		c->ended = count < 0;
		if (count <= 0)
			break;
		stream_took(&c->stream, (size_t)count);
	}
	if (c->ended && c->stage == STAGE_HANDSHAKE)
		counter_add(&c->all->worker->counters.handshakes[HANDSHAKE_FAILED], 1);
}

static void
see_handshake(struct connection *c)
{
	struct worker *worker = c->all->worker;

	if (!tls_is_open(c->tls))
		return;
	c->stage = STAGE_QUERIES;
	c->shaking = false;
	clients_leave(worker->handshakes, &c->counted);
	counter_add(&worker->counters.handshakes[tls_is_resumed(c->tls) ? HANDSHAKE_RESUMED : HANDSHAKE_FULL], 1);
}

static void
answer_all(struct connection *c)
{
	struct worker *worker = c->all->worker;
	struct answer_env env;
	struct tap_seen seen;

	if (!stream_asks(&c->stream))
		return;
	env = worker_env(worker, worker_enter(worker));
	env.client = c->client;
	env.udp_payload = c->listen->udp_payload;
	env.encrypted = c->tls != NULL;
	env.carries_zones = c->tls == NULL || tls_carries_zones(c->tls);
	env.later = &c->later;
	if (begin_seen(c, &seen))
		env.seen = &seen;
	if (stream_answer(&c->stream, &env, worker->options->tcp_in_flight) > 0)
		c->progressed = true;
	worker_leave();
	if (c->stream.later)	/* what else it sends may wait in the socket */
		uv_read_stop((uv_stream_t *)&c->tcp);
}

/* The response that everything behind it has waited for. */
static void
on_ready(void *connection, struct deferred *request)
{
	struct connection *c = connection;
	(void)request;

	stream_wake(&c->stream);
	c->progressed = true;
	if (c->closing || c->writing)
		return;
	serve(c);
	go_on_reading(c);
}

static void
go_on_reading(struct connection *c)
{
	if (!c->closing && !c->writing && !c->stream.later)
		uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* False: nobody watches. */
static bool
begin_seen(const struct connection *c, struct tap_seen *seen)
{
	const struct worker *worker = c->all->worker;
	const struct tap *tap = rcu_load(*worker->tap);

	if (tap == NULL)
		return false;
	*seen = (struct tap_seen){
		.tap = tap, .worker = worker->number, .transport = c->tls != NULL ? TRANSPORT_TLS : TRANSPORT_TCP,
		.client = c->client, .server = c->local, .client_port = c->client_port, .server_port = c->local_port,
		.asked_ns = tap_now_ns(),
	};
	return true;
}

/* --- writing --- */

/* True when all has gone; else nothing more is read until it has. */
static bool
flush(struct connection *c)
{
	uv_buf_t buffer;
	int count;

	if (c->tls != NULL && c->stream.out_used > 0) {
		if (!tls_write(c->tls, c->stream.out, c->stream.out_used)) {
			connection_close(c);
			return false;
		}
		stream_sent(&c->stream, c->stream.out_used);
	}
	buffer = unsent(c);
	if (buffer.len == 0)
		return true;
	/* Of a long answer each piece goes by the loop, so that others have their turn in between. */
	count = c->stream.source.next != NULL ? 0 : uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
	if (count < 0 && count != UV_EAGAIN) {
		connection_close(c);
		return false;
	}
	if (count > 0)
		sent(c, (size_t)count);
	buffer = unsent(c);
	if (buffer.len == 0)
		return true;
	c->writing = true;
	counter_add(&c->all->worker->counters.paused, 1);
	uv_read_stop((uv_stream_t *)&c->tcp);
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buffer, 1, on_written) != 0)
		connection_close(c);
	return false;
}

static uv_buf_t
unsent(struct connection *c)
{
	const uint8_t *bytes = c->stream.out;
	size_t length = c->stream.out_used;

	if (c->tls != NULL)
		bytes = tls_unsent(c->tls, &length);
	return (uv_buf_t){ .base = (char *)(uintptr_t)bytes, .len = length };
}

static void
sent(struct connection *c, size_t count)
{
	if (c->tls != NULL)
		tls_sent(c->tls, count);
	else
		stream_sent(&c->stream, count);
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
	sent(c, unsent(c).len);
	c->progressed = true;
	go_on_reading(c);
	serve(c);
}

/* --- time --- */

/* What it waits for from here on; the time begins anew with another thing, with an answer, and when all was taken. */
static void
wait_on(struct connection *c)
{
	enum stream_wait what = c->writing ? WAIT_READER : c->stage == STAGE_HEADER ? WAIT_HEADER
		: c->stage == STAGE_HANDSHAKE ? WAIT_HANDSHAKE : c->stream.in_used > 0 ? WAIT_REST : WAIT_QUERY;

	if (what == c->waits_for && !c->progressed)
		return;
	c->waits_for = what;
	c->progressed = false;
	c->since = uv_now(c->tcp.loop);
}

void
connections_sweep(struct connections *all)
{
	uint64_t now = uv_now(&all->worker->loop);

	for (struct connection *c = all->first, *next; c != NULL; c = next) {
		next = c->next;
		if (c->closing || (c->stream.later && !c->writing)	/* it's our turn */
		    || now - c->since < patience(all->worker->options, c->waits_for))
			continue;
		counter_add(&all->worker->counters.timeouts[c->waits_for], 1);
		connection_close(c);
	}
}

static uint32_t
patience(const struct server_options *options, enum stream_wait what)
{
	switch (what) {
	case WAIT_QUERY:
		return options->tcp_idle_ms;
	case WAIT_READER:
		return options->tcp_answer_ms;
	case WAIT_HANDSHAKE:
		return options->tls_handshake_ms;
	default:
		return options->tcp_query_ms;
	}
}

/* --- end --- */

static void
connection_close(struct connection *c)
{
	if (c->closing)
		return;
	c->closing = true;
	leave(c);
	if (c->tls != NULL && !c->writing)
		say_goodbye(c);
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void
leave(struct connection *c)
{
	if (c->shaking)
		clients_leave(c->all->worker->handshakes, &c->counted);
	if (c->entered)
		clients_leave(c->all->worker->connections, &c->counted);
	c->shaking = c->entered = false;
}

/* An alert, if the socket takes it at once: without it a client can't tell an end from a cut. */
static void
say_goodbye(struct connection *c)
{
	uv_buf_t buffer;

	tls_end(c->tls);
	buffer = unsent(c);
	if (buffer.len > 0)
		(void)uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
}

static void
on_closed(uv_handle_t *handle)
{
	struct connection *c = (struct connection *)handle;

	if (c->next != NULL)
		c->next->previous = c->previous;
	else
		c->all->last = c->previous;
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		c->all->first = c->next;
	stream_fini(&c->stream);
	tls_free(c->tls);
	free(c);
}

void
connections_close(struct connections *all)
{
	for (struct connection *c = all->first; c != NULL; c = c->next)
		connection_close(c);
}
