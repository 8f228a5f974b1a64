/* primary_link.c -- see primary_link.h.
 * In: a request, octets from a primary.  Out: what incoming.c makes of them.  Threads: control.
 * Ownership: the link frees itself when the loop has closed its handles, after `done` or primary_link_end().
 *
 * Time: a datagram is sent again after 2 and 4 seconds, and given up after 8 more. A connection must come about within
 * 10 seconds, and 30 may pass between two octets of it; the whole has a limit of its own. */
#include "control/primary_link.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "dns/wire.h"
#include "serve/tls.h"

#define DATAGRAM_TRIES 3
#define DATAGRAM_MS 2000
#define CONNECT_MS 10000
#define SILENCE_MS 30000
#define MESSAGE_MAX 65535
#define READ_SIZE 65536

struct primary_link {
	union { uv_handle_t handle; uv_udp_t udp; uv_tcp_t tcp; } socket;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	unsigned open;			/* handles */
	bool over, stream, connected, asked;
	struct sockaddr_storage to;
	struct incoming *incoming;
	struct tls_client *tls_client;
	struct tls *tls;
	primary_link_fn *done;
	void *arg;
	uint64_t begun, last;		/* uv_now() */
	uint32_t longest_ms;
	unsigned tries;
	uint8_t request[2 + INCOMING_REQUEST_MAX];
	size_t request_length;		/* with the two octets of its length */
	uint8_t *sending;		/* under way, by TLS; or NULL */
	uint8_t received[READ_SIZE];
	uint8_t plain[READ_SIZE];
	uint8_t message[2 + MESSAGE_MAX];
	size_t filled;
};

static bool begin(struct primary_link *link, uv_loop_t *loop);
static bool begin_datagrams(struct primary_link *link, uv_loop_t *loop);
static void send_datagram(struct primary_link *link);
static void on_timer(uv_timer_t *timer);
static void on_datagram(uv_udp_t *udp, ssize_t count, const uv_buf_t *buffer, const struct sockaddr *from,
	unsigned flags);
static bool is_from(const struct primary_link *link, const struct sockaddr *from);
static void on_connected(uv_connect_t *connect, int status);
static void ask(struct primary_link *link);
static bool push(struct primary_link *link);
static void on_written(uv_write_t *write, int status);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);
static void read_encrypted(struct primary_link *link, const uint8_t *bytes, size_t length);
static void take(struct primary_link *link, const uint8_t *bytes, size_t length);
static void take_message(struct primary_link *link, uint8_t *message, size_t length);
static void finish(struct primary_link *link, enum incoming_step step, const char *trouble);
static void on_closed(uv_handle_t *handle);
static void link_free(struct primary_link *link);

struct primary_link *
primary_link_new(uv_loop_t *loop, const struct primary_link_wish *wish, primary_link_fn *done, void *arg)
{
	struct primary_link *link = calloc(1, sizeof(*link));

	if (link == NULL) {
		incoming_free(wish->incoming);
		tls_client_free(wish->tls);
		return NULL;
	}
	link->stream = wish->stream || wish->tls != NULL;
	link->incoming = wish->incoming;
	link->tls_client = wish->tls;
	link->done = done;
	link->arg = arg;
	link->longest_ms = wish->longest_ms;
	address_to_sockaddr(&wish->address, wish->port, &link->to);
	link->request_length = 2 + incoming_request(link->incoming, link->request + 2,
	    (uint64_t)(wall_now().ms / 1000));
	wire_put_u16(link->request, (unsigned)link->request_length - 2);
	if (begin(link, loop))
		return link;
	primary_link_end(link);
	return NULL;
}

static bool
begin(struct primary_link *link, uv_loop_t *loop)
{
	link->begun = link->last = uv_now(loop);
	link->connect.data = link->write.data = link;
	if (uv_timer_init(loop, &link->timer) != 0)
		return false;
	link->timer.data = link;
	link->open++;
	if (!link->stream)
		return begin_datagrams(link, loop);
	if (link->tls_client != NULL && (link->tls = tls_new_client(link->tls_client)) == NULL)
		return false;
	if (uv_tcp_init(loop, &link->socket.tcp) != 0)
		return false;
	link->socket.handle.data = link;
	link->open++;
	if (uv_timer_start(&link->timer, on_timer, CONNECT_MS, 1000) != 0)
		return false;
	return uv_tcp_connect(&link->connect, &link->socket.tcp, (struct sockaddr *)&link->to, on_connected) == 0;
}

/* --- UDP ------------------------------------------------------------------------------------------------------ */

/* Each request has a socket of its own, so its port is as hard to guess as its ID. */
static bool
begin_datagrams(struct primary_link *link, uv_loop_t *loop)
{
	if (uv_udp_init(loop, &link->socket.udp) != 0)
		return false;
	link->socket.handle.data = link;
	link->open++;
	if (uv_udp_connect(&link->socket.udp, (struct sockaddr *)&link->to) != 0
	    || uv_udp_recv_start(&link->socket.udp, on_alloc, on_datagram) != 0)
		return false;
	send_datagram(link);
	return true;
}

static void
send_datagram(struct primary_link *link)
{
	uv_buf_t buffer = uv_buf_init((char *)link->request + 2, (unsigned)link->request_length - 2);

	(void)uv_udp_try_send(&link->socket.udp, &buffer, 1, NULL);
	uv_timer_start(&link->timer, on_timer, (uint64_t)DATAGRAM_MS << link->tries, 0);
	link->tries++;
}

static void
on_datagram(uv_udp_t *udp, ssize_t count, const uv_buf_t *buffer, const struct sockaddr *from, unsigned flags)
{
	struct primary_link *link = udp->data;

	if (count < 0) {
		finish(link, INCOMING_FAILED, uv_strerror((int)count));
	} else if (count > 0 && from != NULL && (flags & UV_UDP_PARTIAL) == 0 && is_from(link, from)) {
		take_message(link, (uint8_t *)buffer->base, (size_t)count);
	}
}

static bool
is_from(const struct primary_link *link, const struct sockaddr *from)
{
	struct address a, b;

	address_of_sockaddr(&a, from);
	address_of_sockaddr(&b, (const struct sockaddr *)&link->to);
	return memcmp(&a, &b, sizeof(a)) == 0 && address_port(from) == address_port((const struct sockaddr *)&link->to);
}

static void
on_timer(uv_timer_t *timer)
{
	struct primary_link *link = timer->data;
	uint64_t now = uv_now(timer->loop);

	if (!link->stream && link->tries < DATAGRAM_TRIES)
		send_datagram(link);
	else if (!link->stream)
		finish(link, INCOMING_FAILED, "it doesn't answer");
	else if (!link->connected)
		finish(link, INCOMING_FAILED, "it can't be connected to: no answer");
	else if (now - link->last > SILENCE_MS)
		finish(link, INCOMING_FAILED, "nothing has come from it for 30 s");
	else if (now - link->begun > link->longest_ms)
		finish(link, INCOMING_FAILED, "the transfer takes longer than it may");
}

/* --- TCP and TLS ---------------------------------------------------------------------------------------------- */

static void
on_connected(uv_connect_t *connect, int status)
{
	struct primary_link *link = connect->data;
	struct text why = { 0 };

	if (link->over)
		return;
	link->connected = true;
	link->last = uv_now(link->timer.loop);
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&link->socket.tcp, on_alloc, on_read);
	if (status != 0) {
		text_printf(&why, "it can't be connected to: %s", uv_strerror(status));
		finish(link, INCOMING_FAILED, why.bytes == NULL ? "out of memory" : why.bytes);
	} else if (link->tls != NULL) {
		read_encrypted(link, NULL, 0);
	} else {
		ask(link);
	}
	text_fini(&why);
}

static void
ask(struct primary_link *link)
{
	uv_buf_t buffer = uv_buf_init((char *)link->request, (unsigned)link->request_length);

	link->asked = true;
	if (link->tls != NULL ? !tls_write(link->tls, link->request, link->request_length) || !push(link)
	    : uv_write(&link->write, (uv_stream_t *)&link->socket.tcp, &buffer, 1, on_written) != 0)
		finish(link, INCOMING_FAILED, "out of memory");
}

/* What TLS has to say. One write at a time; what comes meanwhile goes with the next. */
static bool
push(struct primary_link *link)
{
	size_t length;
	const uint8_t *bytes = tls_unsent(link->tls, &length);
	uv_buf_t buffer;

	if (length == 0 || link->sending != NULL)
		return true;
	link->sending = malloc(length);
	if (link->sending == NULL)
		return false;
	memcpy(link->sending, bytes, length);
	tls_sent(link->tls, length);
	buffer = uv_buf_init((char *)link->sending, (unsigned)length);
	return uv_write(&link->write, (uv_stream_t *)&link->socket.tcp, &buffer, 1, on_written) == 0;
}

static void
on_written(uv_write_t *write, int status)
{
	struct primary_link *link = write->data;

	free(link->sending);
	link->sending = NULL;
	if (link->over)
		return;
	if (status != 0)
		finish(link, INCOMING_FAILED, uv_strerror(status));
	else if (link->tls != NULL && !push(link))
		finish(link, INCOMING_FAILED, "out of memory");
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct primary_link *link = handle->data;
	(void)suggested;

	*buffer = uv_buf_init((char *)link->received, sizeof(link->received));
}

static void
on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct primary_link *link = stream->data;

	link->last = uv_now(stream->loop);
	if (count < 0)
		finish(link, INCOMING_FAILED, count == UV_EOF ? "it ended the connection before the end"
		    : uv_strerror((int)count));
	else if (link->tls != NULL)
		read_encrypted(link, (const uint8_t *)buffer->base, (size_t)count);
	else
		take(link, (const uint8_t *)buffer->base, (size_t)count);
}

static void
read_encrypted(struct primary_link *link, const uint8_t *bytes, size_t length)
{
	struct text why = { 0 };
	ssize_t count = 0;

	if (length > 0 && !tls_put(link->tls, bytes, length)) {
		finish(link, INCOMING_FAILED, "out of memory");
		return;
	}
	while (!link->over && (count = tls_read(link->tls, link->plain, sizeof(link->plain))) > 0)
		take(link, link->plain, (size_t)count);
	if (link->over)
		return;
	if (count < 0) {
		text_puts(&why, "TLS: ");
		tls_trouble(link->tls, &why);
		finish(link, INCOMING_FAILED, why.bytes == NULL ? "out of memory" : why.bytes);
	} else if (!push(link)) {
		finish(link, INCOMING_FAILED, "out of memory");
	} else if (!link->asked && tls_is_open(link->tls)) {
		ask(link);
	}
	text_fini(&why);
}

/* Octets of a stream into messages (RFC 1035 section 4.2.2). */
static void
take(struct primary_link *link, const uint8_t *bytes, size_t length)
{
	while (length > 0 && !link->over) {
		size_t wanted = link->filled < 2 ? 2 : 2u + wire_get_u16(link->message);
		size_t part = wanted - link->filled < length ? wanted - link->filled : length;

		memcpy(link->message + link->filled, bytes, part);
		link->filled += part;
		bytes += part;
		length -= part;
		if (link->filled < 2 || link->filled < 2u + wire_get_u16(link->message))
			continue;
		wanted = link->filled - 2;
		link->filled = 0;
		take_message(link, link->message + 2, wanted);
	}
}

static void
take_message(struct primary_link *link, uint8_t *message, size_t length)
{
	enum incoming_step step = incoming_message(link->incoming, message, length, (uint64_t)(wall_now().ms / 1000));

	if (step != INCOMING_MORE && step != INCOMING_FOREIGN)
		finish(link, step, incoming_trouble(link->incoming));
}

/* --- the end -------------------------------------------------------------------------------------------------- */

static void
finish(struct primary_link *link, enum incoming_step step, const char *trouble)
{
	struct incoming *incoming = link->incoming;
	primary_link_fn *done = link->done;
	void *arg = link->arg;

	if (link->over)
		return;
	link->incoming = NULL;
	done(arg, step, incoming, trouble);
	primary_link_end(link);
}

void
primary_link_end(struct primary_link *link)
{
	if (link == NULL || link->over)
		return;
	link->over = true;
	if (link->open == 0) {
		link_free(link);
		return;
	}
	if (link->open > 1)
		uv_close(&link->socket.handle, on_closed);
	uv_close((uv_handle_t *)&link->timer, on_closed);
}

static void
on_closed(uv_handle_t *handle)
{
	struct primary_link *link = handle->data;

	if (--link->open == 0)
		link_free(link);
}

/* A write that was under way has been called back by then. */
static void
link_free(struct primary_link *link)
{
	incoming_free(link->incoming);
	tls_free(link->tls);
	tls_client_free(link->tls_client);
	free(link->sending);
	free(link);
}
