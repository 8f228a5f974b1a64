/* server.c -- binds sockets, starts workers, hands them snapshots.
 * In: listen addresses and a first snapshot.  Out: answers on the network.
 * Threads: started, published to and stopped by the control thread; what a worker does is in worker.c.
 * Every worker has its own sockets on the same addresses (SO_REUSEPORT), so the kernel spreads clients over workers and
 * no worker ever waits for another. All sockets are bound before any thread starts: a port that is taken is an error at
 * start, never a half-working daemon. SO_REUSEPORT would let a second daemon of the same user share the port, so each
 * address is first bound without it. */
#include "serve/server.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/rcu.h"
#include "serve/pace.h"
#include "serve/worker.h"

#define PORT_TRIES 20	/* for a port of the kernel's choice that UDP has, and TCP doesn't */

struct server {
	struct server_options options;
	struct server_listen *listens;
	const struct snapshot *published;
	const struct cookie_secrets *secrets;	/* or NULL; exchanged as the snapshot is */
	bool plan_stale;
	const struct tap *tap;			/* or NULL */
	const struct tls_context *tls;
	const struct transfers *transfers;	/* or NULL */
	struct transfer_desk *desk;
	const struct requests *requests;	/* or NULL */
	struct request_desk *request_desk;
	struct clients *connections, *handshakes;
	struct pace *pace;			/* of handshakes */
	struct worker *workers;
	unsigned started;
};

static bool make_sketches(struct server *server);
static bool make_guards(struct server *server);
static bool make_tsigs(struct server *server);
static bool make_desks(struct server *server);
static struct cookie_secrets *copy_secrets(const struct cookie_secrets *secrets);
static int bind_all(struct server *server, int *fds, struct text *error);
static void close_sockets(const int *fds, size_t count);
static int see_free(const struct server_listen *listen, struct text *error);
static int bind_pair(struct server_listen *listen, int fds[static 2], struct text *error);
static int bind_encrypted(struct server_listen *listen, int fds[static 2], struct text *error);
static int bind_one(const struct server_listen *listen, int kind, bool shared);
static int complain(const struct server_listen *listen, int kind, int status, struct text *error);
static uint16_t bound_port(int fd);

struct server *
server_start(const struct server_options *options, const struct snapshot *snapshot, struct text *error)
{
	size_t fd_count = options->workers * options->listen_count * 2;
	int *fds = calloc(fd_count + 1, sizeof(*fds));
	struct server *server = calloc(1, sizeof(*server));

	if (fds == NULL || server == NULL)
		goto no_memory;
	if (options->listen_count > SERVER_LISTENS_MAX) {
		text_printf(error, "at most %d addresses can be listened on", SERVER_LISTENS_MAX);
		goto fail;
	}
	server->options = *options;
	server->listens = calloc(options->listen_count + 1, sizeof(*server->listens));
	server->connections = clients_new(&options->connections);
	server->handshakes = clients_new(&options->handshakes);
	server->pace = pace_new(&(struct pace_limits){ options->handshake_rate, options->handshakes.ipv4_prefix,
	    options->handshakes.ipv6_prefix });
	server->workers = aligned_alloc(64, options->workers * sizeof(*server->workers));
	if (server->listens == NULL || server->connections == NULL || server->handshakes == NULL
	    || server->pace == NULL || server->workers == NULL)
		goto no_memory;
	memset(server->workers, 0, options->workers * sizeof(*server->workers));
	if (!make_sketches(server) || !make_guards(server) || !make_tsigs(server) || !make_desks(server))
		goto no_memory;
	memcpy(server->listens, options->listens, options->listen_count * sizeof(*server->listens));
	for (size_t i = 0; i < options->listen_count; i++)
		if (server->listens[i].udp_payload == 0)
			server->listens[i].udp_payload = options->udp_payload;
	server->options.listens = server->listens;
	server->published = snapshot;
	server->tls = options->tls;
	assert(snapshot->worker_count >= options->workers);
	if (bind_all(server, fds, error) != 0)
		goto fail;
	for (unsigned w = 0; w < options->workers; w++) {
		int status;

		server->workers[w].number = w;
		server->workers[w].options = &server->options;
		server->workers[w].published = &server->published;
		server->workers[w].secrets = &server->secrets;
		server->workers[w].plan_stale = &server->plan_stale;
		server->workers[w].tap = &server->tap;
		server->workers[w].connections = server->connections;
		server->workers[w].handshakes = server->handshakes;
		server->workers[w].pace = server->pace;
		server->workers[w].tls = &server->tls;
		server->workers[w].transfers = &server->transfers;
		server->workers[w].desk = server->desk;
		server->workers[w].requests = &server->requests;
		server->workers[w].request_desk = server->request_desk;
		status = worker_start(&server->workers[w], fds + w * options->listen_count * 2);
		if (status != 0) {
			text_printf(error, "can't start worker %u: %s", w, strerror(-status));
			/* The sockets of the workers that didn't start are still ours. */
			close_sockets(fds + (w + 1) * options->listen_count * 2, fd_count
			    - (w + 1) * options->listen_count * 2);
			goto fail;
		}
		server->started++;
	}
	free(fds);
	return server;
no_memory:
	text_puts(error, "out of memory");
fail:
	free(fds);
	server_stop(server);
	return NULL;
}

/* Two for each worker: one that it writes, one that the control thread reads. */
static bool
make_sketches(struct server *server)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return false;
	for (unsigned w = 0; w < server->options.workers; w++) {
		server->workers[w].sketch = sketch_new(SKETCH_SIZE, seed + 2 * w);
		server->workers[w].spare = sketch_new(SKETCH_SIZE, seed + 2 * w + 1);
		if (server->workers[w].sketch == NULL || server->workers[w].spare == NULL)
			return false;
	}
	return true;
}

/* The kernel spreads a network's clients over the workers by address and port, so each worker takes its part of a rate.
 * A client that asks from one port only is held to that part. */
static bool
make_guards(struct server *server)
{
	const struct server_options *options = &server->options;
	unsigned workers = options->workers;
	struct guard_options of_one;
	uint64_t seed;

	if (options->guard == NULL)
		return true;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return false;
	of_one = *options->guard;
	of_one.attack_rate = (of_one.attack_rate + workers - 1) / workers;
	for (size_t k = 0; k < RATE_KINDS; k++)
		of_one.rates.rates[k] = (of_one.rates.rates[k] + workers - 1) / workers;
	for (unsigned w = 0; w < workers; w++) {
		server->workers[w].guard = guard_new(&of_one, seed + w);
		if (server->workers[w].guard == NULL)
			return false;
	}
	server->secrets = options->secrets == NULL ? NULL : copy_secrets(options->secrets);
	return server->secrets != NULL || options->secrets == NULL;
}

static bool
make_tsigs(struct server *server)
{
	bool made = true;

	for (unsigned w = 0; server->options.keys != NULL && w < server->options.workers && made; w++) {
		server->workers[w].tsig = tsig_maker_new();
		made = server->workers[w].tsig != NULL;
	}
	return made;
}

static bool
make_desks(struct server *server)
{
	server->desk = transfer_desk_new(&server->options.transfers);
	server->request_desk = request_desk_new(&server->options.requests, server->options.workers);
	return server->desk != NULL && server->request_desk != NULL;
}

static struct cookie_secrets *
copy_secrets(const struct cookie_secrets *secrets)
{
	struct cookie_secrets *copy = malloc(sizeof(*copy));

	if (copy != NULL)
		*copy = *secrets;
	return copy;
}

/* For each worker, for each address: the UDP socket, or -1 where it's encrypted, then the TCP socket. */
static int
bind_all(struct server *server, int *fds, struct text *error)
{
	const struct server_options *options = &server->options;
	size_t bound = 0;
	int status = 0;

	for (size_t i = 0; i < options->listen_count && status == 0; i++)
		status = see_free(&server->listens[i], error);
	for (; bound < options->workers * options->listen_count && status == 0; bound += status == 0)
		status = bind_pair(&server->listens[bound % options->listen_count], fds + 2 * bound, error);
	if (status != 0)
		close_sockets(fds, 2 * bound);
	return status;
}

static void
close_sockets(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int
see_free(const struct server_listen *listen, struct text *error)
{
	static const int kinds[] = { SOCK_DGRAM, SOCK_STREAM };

	for (size_t i = listen->encrypted; i < ARRAY_SIZE(kinds) && listen->port != 0; i++) {
		int fd = bind_one(listen, kinds[i], false);

		if (fd < 0)
			return complain(listen, kinds[i], fd, error);
		close(fd);
	}
	return 0;
}

/* With port 0 the kernel chooses one, and later pairs of this address take the same. */
static int
bind_pair(struct server_listen *listen, int fds[static 2], struct text *error)
{
	bool any_port = listen->port == 0;

	if (listen->encrypted)
		return bind_encrypted(listen, fds, error);
	for (int tries = 1;; tries++) {
		fds[0] = bind_one(listen, SOCK_DGRAM, true);
		if (fds[0] < 0)
			return complain(listen, SOCK_DGRAM, fds[0], error);
		if (any_port)
			listen->port = bound_port(fds[0]);
		fds[1] = bind_one(listen, SOCK_STREAM, true);
		if (fds[1] >= 0)
			return 0;
		close(fds[0]);
		if (!any_port || fds[1] != -EADDRINUSE || tries == PORT_TRIES)
			return complain(listen, SOCK_STREAM, fds[1], error);
		listen->port = 0;
	}
}

static int
bind_encrypted(struct server_listen *listen, int fds[static 2], struct text *error)
{
	fds[0] = -1;
	fds[1] = bind_one(listen, SOCK_STREAM, true);
	if (fds[1] < 0)
		return complain(listen, SOCK_STREAM, fds[1], error);
	if (listen->port == 0)
		listen->port = bound_port(fds[1]);
	return 0;
}

/* The socket, or -errno. */
static int
bind_one(const struct server_listen *listen, int kind, bool shared)
{
	struct sockaddr_storage to;
	socklen_t length = address_to_sockaddr(&listen->address, listen->port, &to);
	int one = 1, fd, status;

	fd = socket(to.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (kind == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (to.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&to, length) == 0)
		return fd;
	status = -errno;
	close(fd);
	return status;
}

static int
complain(const struct server_listen *listen, int kind, int status, struct text *error)
{
	char name[ADDRESS_TEXT_SIZE];

	text_printf(error, "can't listen on %s@%u (%s): %s", address_text(&listen->address, name), listen->port,
	    kind == SOCK_DGRAM ? "UDP" : "TCP", strerror(-status));
	return status;
}

static uint16_t
bound_port(int fd)
{
	struct sockaddr_storage at;
	socklen_t length = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &length) != 0)
		return 0;
	return address_port((struct sockaddr *)&at);
}

void
server_publish(struct server *server, const struct snapshot *snapshot)
{
	assert(snapshot->worker_count >= server->options.workers);
	rcu_publish(server->published, snapshot);
	rcu_wait_readers();
}

bool
server_secrets(struct server *server, const struct cookie_secrets *secrets)
{
	const struct cookie_secrets *copy = server->secrets == NULL ? NULL : copy_secrets(secrets);

	if (copy == NULL)
		return false;
	copy = rcu_exchange(server->secrets, copy);
	rcu_wait_readers();
	free((void *)(uintptr_t)copy);
	return true;
}

void
server_plan_stale(struct server *server, bool stale)
{
	__atomic_store_n(&server->plan_stale, stale, __ATOMIC_RELAXED);
}

void
server_encrypt(struct server *server, const struct tls_context *tls)
{
	rcu_publish(server->tls, tls);
	rcu_wait_readers();
}

void
server_tap(struct server *server, const struct tap *tap)
{
	rcu_publish(server->tap, tap);
	rcu_wait_readers();
}

void
server_transfers(struct server *server, const struct transfers *transfers)
{
	rcu_publish(server->transfers, transfers);
	rcu_wait_readers();
}

void
server_requests(struct server *server, const struct requests *requests)
{
	rcu_publish(server->requests, requests);
	rcu_wait_readers();
}

struct request_desk *
server_request_desk(const struct server *server)
{
	return server->request_desk;
}

struct transfer_desk *
server_desk(const struct server *server)
{
	return server->desk;
}

void
server_counters(const struct server *server, struct counters *sum)
{
	uint64_t *to = (uint64_t *)sum;

	memset(sum, 0, sizeof(*sum));
	for (unsigned w = 0; w < server->started; w++) {
		const uint64_t *from = (const uint64_t *)&server->workers[w].counters;

		for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
			to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	}
}

void
server_sketches(struct server *server, uint32_t every, void (*each)(void *arg, const struct sketch *sketch), void *arg)
{
	for (unsigned w = 0; w < server->started; w++) {
		struct worker *worker = &server->workers[w];

		sketch_clear(worker->spare, every);
		worker->spare = rcu_exchange(worker->sketch, worker->spare);
	}
	/* A worker may have loaded the old one for its present batch. */
	rcu_wait_readers();
	for (unsigned w = 0; w < server->started; w++)
		each(arg, server->workers[w].spare);
}

void
server_tell_time(struct server *server, uint32_t now_ms)
{
	for (unsigned w = 0; w < server->started; w++)
		sketch_tell_time(server->workers[w].sketch, now_ms);
}

uint16_t
server_port(const struct server *server, size_t listen)
{
	return server->listens[listen].port;
}

unsigned
server_connections(const struct server *server)
{
	return clients_count(server->connections);
}

unsigned
server_handshakes(const struct server *server)
{
	return clients_count(server->handshakes);
}

void
server_stop(struct server *server)
{
	if (server == NULL)
		return;
	for (unsigned w = 0; w < server->started; w++)
		worker_end(&server->workers[w]);
	for (unsigned w = 0; server->workers != NULL && w < server->options.workers; w++) {
		sketch_free(server->workers[w].sketch);
		sketch_free(server->workers[w].spare);
		guard_free(server->workers[w].guard);
		tsig_maker_free(server->workers[w].tsig);
	}
	free((void *)(uintptr_t)server->secrets);
	free(server->workers);
	clients_free(server->connections);
	clients_free(server->handshakes);
	pace_free(server->pace);
	transfer_desk_free(server->desk);
	request_desk_free(server->request_desk);
	free(server->listens);
	free(server);
}
