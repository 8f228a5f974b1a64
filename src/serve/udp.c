/* udp.c -- datagrams in batches.
 * In: readable sockets.  Out: responses.  Threads: the worker's own.
 * Memory: the buffers of one batch, made at start; nothing is allocated per query.
 *
 * One recvmmsg() takes up to BATCH requests, each is answered in place, one sendmmsg() sends what is to be sent. The
 * snapshot is loaded once a batch. After some batches the loop gets its turn, so that a flood on one socket doesn't
 * starve TCP. On a wildcard address the kernel's packet information goes back with the answer, so that it leaves from
 * the address that was asked.
 *
 * Who watches gets to know of a batch after it was sent, from the buffers that still hold it; until then the snapshot
 * is kept, since the notes point into it. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rcu.h"
#include "serve/request_desk.h"
#include "serve/worker.h"

#define BATCH 32		/* more doesn't lower the cost per query further; buffers stay within a 256 KiB cache */
#define BATCHES_A_TURN 8
#define REQUEST_SIZE 4096	/* longer requests are cut, and then answered FORMERR */
#define RESPONSE_SIZE 4096	/* the most that udp_payload may be */
#define CONTROL_SIZE REQUEST_CONTROL_MAX

struct udp_socket {
	uv_poll_t poll;			/* must be first */
	struct worker *worker;
	int fd;
	bool wildcard;
	uint16_t payload;
	struct later later;		/* how a response is sent that comes later */
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_vectors[BATCH], out_vectors[BATCH];
	struct sockaddr_storage peers[BATCH];
	_Alignas(struct cmsghdr) uint8_t controls[BATCH][CONTROL_SIZE];
	struct address local;		/* that it's bound to */
	uint16_t local_port;
	struct tap_seen seen[BATCH];	/* only while somebody watches */
	uint8_t requests[BATCH][REQUEST_SIZE], responses[BATCH][RESPONSE_SIZE];
};

static void on_readable(uv_poll_t *handle, int status, int events);
static int receive(struct udp_socket *s);
static void serve_batch(struct udp_socket *s, unsigned count);
static unsigned answer_batch(struct udp_socket *s, unsigned count, struct answer_env *env, const struct tap *tap);
static bool take_header(struct udp_socket *s, unsigned i, struct address *client, size_t *header);
static void aim(struct msghdr *message);
static void send_batch(struct udp_socket *s, unsigned count);
static void keep_sender(void *socket, struct deferred *request, const uint8_t *message);
static void send_later(void *socket, struct deferred *request);
static void begin_seen(struct udp_socket *s, unsigned i, const struct answer_env *env, size_t skipped);
static void show_batch(struct udp_socket *s, unsigned count, const struct tap *tap, uint64_t asked_ns);
static void see_where(const struct udp_socket *s, unsigned i, struct tap_seen *seen);

int
udp_start(struct worker *worker, struct udp_socket **socket, int fd, bool wildcard, uint16_t payload)
{
	struct udp_socket *s = malloc(sizeof(*s));
	struct sockaddr_storage at;
	socklen_t length = sizeof(at);
	int one = 1, status;

	if (s == NULL) {
		close(fd);
		return -ENOMEM;
	}
	memset(s, 0, offsetof(struct udp_socket, requests));
	s->worker = worker;
	s->fd = fd;
	s->wildcard = wildcard;
	s->payload = payload;
	s->later = (struct later){ worker->number, keep_sender, send_later, s };
	if (getsockname(fd, (struct sockaddr *)&at, &length) == 0) {
		address_of_sockaddr(&s->local, (struct sockaddr *)&at);
		s->local_port = address_port((struct sockaddr *)&at);
		if (wildcard && at.ss_family == AF_INET)
			setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
		else if (wildcard)
			setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	}
	for (unsigned i = 0; i < BATCH; i++) {
		s->in_vectors[i] = (struct iovec){ s->requests[i], REQUEST_SIZE };
		s->in[i].msg_hdr.msg_iov = &s->in_vectors[i];
		s->in[i].msg_hdr.msg_iovlen = 1;
		s->in[i].msg_hdr.msg_name = &s->peers[i];
	}
	status = uv_poll_init_socket(&worker->loop, &s->poll, fd);
	if (status != 0) {
		udp_free(s);
		return status;
	}
	*socket = s;	/* from here on the loop knows it: udp_close() comes before udp_free() */
	return uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

static void
on_readable(uv_poll_t *handle, int status, int events)
{
	struct udp_socket *s = (struct udp_socket *)handle;
	(void)events;

	if (status < 0) {
		int error;
		socklen_t size = sizeof(error);

		/* libuv stops watching a socket with a pending error; reading the error takes it off. */
		getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		uv_poll_start(&s->poll, UV_READABLE, on_readable);
		return;
	}
	for (int turn = 0; turn < BATCHES_A_TURN; turn++) {
		int received = receive(s);

		if (received <= 0)
			return;
		serve_batch(s, (unsigned)received);
		if (received < BATCH)
			return;
	}
}

static int
receive(struct udp_socket *s)
{
	for (unsigned i = 0; i < BATCH; i++) {
		s->in[i].msg_hdr.msg_namelen = sizeof(s->peers[i]);
		s->in[i].msg_hdr.msg_control = s->wildcard ? s->controls[i] : NULL;
		s->in[i].msg_hdr.msg_controllen = s->wildcard ? CONTROL_SIZE : 0;
	}
	return recvmmsg(s->fd, s->in, BATCH, MSG_DONTWAIT, NULL);
}

static void
serve_batch(struct udp_socket *s, unsigned count)
{
	struct answer_env env = worker_env(s->worker, worker_enter(s->worker));
	const struct tap *tap = rcu_load(*s->worker->tap);
	uint64_t asked_ns = 0;

	if (tap != NULL) {
		asked_ns = tap_now_ns();
		for (unsigned i = 0; i < count; i++)
			s->seen[i].request_length = 0;
	}
	env.udp_payload = s->payload;
	env.later = &s->later;
	send_batch(s, answer_batch(s, count, &env, tap));
	if (tap != NULL)
		show_batch(s, count, tap, asked_ns);
	worker_leave();
}

static unsigned
answer_batch(struct udp_socket *s, unsigned count, struct answer_env *env, const struct tap *tap)
{
	bool proxied = s->worker->options->proxy_count > 0;
	unsigned out = 0;

	for (unsigned i = 0; i < count; i++) {
		size_t skipped = 0, length;

		address_of_sockaddr(&env->client, (struct sockaddr *)&s->peers[i]);
		if (proxied && !take_header(s, i, &env->client, &skipped))
			continue;
		if (tap != NULL)
			begin_seen(s, i, env, skipped);
		env->note = tap != NULL ? &s->seen[i].note : NULL;
		length = answer(env, s->requests[i] + skipped, s->in[i].msg_len - skipped, s->responses[i],
		    RESPONSE_SIZE);
		if (tap != NULL)
			s->seen[i].response_length = length;
		if (length == 0)
			continue;
		s->out_vectors[out] = (struct iovec){ s->responses[i], length };
		s->out[out].msg_hdr = s->in[i].msg_hdr;
		s->out[out].msg_hdr.msg_iov = &s->out_vectors[out];
		s->out[out].msg_hdr.msg_flags = 0;
		aim(&s->out[out].msg_hdr);
		out++;
	}
	return out;
}

/* A listed sender's datagram begins with a PROXY header that says who the client is. False: it doesn't, and there's no
 * telling whom it is for. */
static bool
take_header(struct udp_socket *s, unsigned i, struct address *client, size_t *header)
{
	const struct server_options *options = s->worker->options;
	enum proxy_verdict verdict;

	if (!prefixes_cover(options->proxies, options->proxy_count, client))
		return true;
	verdict = proxy_read(s->requests[i], s->in[i].msg_len, header, client);
	if (verdict == PROXY_MORE)
		verdict = PROXY_BAD;
	counter_add(&s->worker->counters.proxied[verdict], 1);
	return verdict == PROXY_CLIENT || verdict == PROXY_LOCAL;
}

/* The kernel told to which address and on which interface the query came. The answer leaves from the first; its way is
 * the routing table's matter, which may be another interface. */
static void
aim(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_ifindex = 0;
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_ifindex = 0;
	}
}

static void
send_batch(struct udp_socket *s, unsigned count)
{
	unsigned sent = 0;

	while (sent < count) {
		int n = sendmmsg(s->fd, s->out + sent, count - sent, MSG_DONTWAIT);

		if (n > 0) {
			sent += (unsigned)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* This one can't be sent (full buffer, no route): drop it and go on; the client asks again. */
		counter_add(&s->worker->counters.send_failures, 1);
		sent++;
	}
}

/* `message` lies in the buffer of its datagram, behind the PROXY header. */
static void
keep_sender(void *socket, struct deferred *request, const uint8_t *message)
{
	const struct udp_socket *s = socket;
	size_t i = (size_t)(message - s->requests[0]) / REQUEST_SIZE;
	struct msghdr from = s->in[i].msg_hdr;

	aim(&from);
	memcpy(&request->peer, &s->peers[i], from.msg_namelen);
	request->peer_length = from.msg_namelen;
	request->control_length = from.msg_control == NULL ? 0 : from.msg_controllen;
	if (request->control_length > 0)
		memcpy(request->control, from.msg_control, request->control_length);
}

static void
send_later(void *socket, struct deferred *request)
{
	struct udp_socket *s = socket;
	struct iovec octets = { request->response, request->response_length };
	const struct msghdr message = {
		.msg_name = &request->peer, .msg_namelen = request->peer_length, .msg_iov = &octets, .msg_iovlen = 1,
		.msg_control = request->control_length > 0 ? request->control : NULL,
		.msg_controllen = request->control_length,
	};

	if (octets.iov_len > 0 && sendmsg(s->fd, &message, MSG_DONTWAIT) < 0)
		counter_add(&s->worker->counters.send_failures, 1);
	deferred_free(request);
}

/* What is kept of a query until its batch was sent. A proxy doesn't tell its client's port. */
static void
begin_seen(struct udp_socket *s, unsigned i, const struct answer_env *env, size_t skipped)
{
	struct tap_seen *seen = &s->seen[i];

	seen->client = env->client;
	seen->client_port = skipped > 0 ? 0 : address_port((struct sockaddr *)&s->peers[i]);
	seen->request = s->requests[i] + skipped;
	seen->request_length = s->in[i].msg_len - skipped;
	seen->note = (struct tap_note){ .zone = NULL };
}

static void
show_batch(struct udp_socket *s, unsigned count, const struct tap *tap, uint64_t asked_ns)
{
	uint64_t answered_ns = tap_now_ns();

	for (unsigned i = 0; i < count; i++) {
		struct tap_seen *seen = &s->seen[i];

		if (seen->request_length == 0)
			continue;
		seen->tap = tap;
		seen->worker = s->worker->number;
		seen->transport = TRANSPORT_UDP;
		seen->asked_ns = asked_ns;
		seen->answered_ns = answered_ns;
		seen->response = s->responses[i];
		see_where(s, i, seen);
		tap_take(seen);
	}
}

/* The address that was asked. */
static void
see_where(const struct udp_socket *s, unsigned i, struct tap_seen *seen)
{
	struct msghdr message = s->in[i].msg_hdr;

	seen->server = s->local;
	seen->server_port = s->local_port;
	if (!s->wildcard)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			address_of_bytes(&seen->server,
			    (const uint8_t *)&((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_addr, 32);
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			address_of_bytes(&seen->server,
			    (const uint8_t *)&((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_addr, 128);
	}
}

void
udp_close(struct udp_socket *s)
{
	if (s != NULL)
		uv_close((uv_handle_t *)&s->poll, NULL);
}

void
udp_free(struct udp_socket *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	free(s);
}
