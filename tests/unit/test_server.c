/* test_server.c -- serve/server with real sockets on loopback: UDP in batches, TCP by RFC 7766, limits, publications
 * under load, and a clean end. Whoever waits, waits for a packet or for the end of a connection. */
#include "serve/server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "certificate.h"
#include "dns_client.h"
#include "serve/tls_context.h"
#include "world.h"

static struct world *world;
static struct server *server;

static const char zone_text[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"www 60 A 192.0.2.1\n*.wild 60 A 192.0.2.2\nbig 60 TXT "
	"\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" "
	"\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" "
	"\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" "
	"\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"\n";

static const struct server_options usual = { .workers = 2, .udp_payload = 1232, .tcp_idle_ms = 30000,
	.tcp_query_ms = 30000, .tcp_answer_ms = 30000, .tls_handshake_ms = 30000,
	.connections = { 100, 50, 32, 128 }, .handshakes = { 100, 50, 32, 128 }, .tcp_in_flight = 100 };

/* Encrypted if the options bring a context. */
static void
start_at(struct server_options options, const char *address)
{
	struct server_listen listen = { .port = 0, .encrypted = options.tls != NULL };
	struct text error = { 0 };

	if (address_parse(address, &listen.address) != 0)
		abort();
	world = malloc(sizeof(*world));
	world_open(world, (struct world_parts){ .zones = { { "example.com.", zone_text } },
	    .workers = options.workers });
	options.listens = &listen;
	options.listen_count = 1;
	server = server_start(&options, world->snapshot, &error);
	if (server == NULL) {
		fprintf(stderr, "%s\n", error.bytes);
		abort();
	}
}

static void
start(struct server_options options)
{
	start_at(options, "127.0.0.1");
}

static void
stop(void)
{
	server_stop(server);
	world_close(world);
	free(world);
}

static int
client(int kind, const char *from, const char *to)
{
	return client_to(kind, from, to, server_port(server, 0));
}

static void
send_stream(int fd, const char *question, uint16_t id)
{
	uint8_t bytes[600];

	write_whole(fd, bytes, stream_request(bytes, question, id));
}

static void
send_datagram(int fd, const char *question, uint16_t id)
{
	uint8_t bytes[600];
	size_t length = world_request(bytes, question, (struct ask){ .edns = false });

	wire_put_u16(bytes, id);
	CU_ASSERT_EQUAL(send(fd, bytes, length, 0), (ssize_t)length);
}

/* Many clients with many queries each, all sent before an answer is read, as many as one socket surely holds. */
static void
test_udp(void)
{
	enum { CLIENTS = 8, QUERIES = 24 };
	int fds[CLIENTS];
	uint8_t bytes[2000];
	struct counters sum;

	start(usual);
	for (unsigned c = 0; c < CLIENTS; c++) {
		fds[c] = client(SOCK_DGRAM, NULL, "127.0.0.1");
		for (uint16_t q = 0; q < QUERIES; q++)
			send_datagram(fds[c], q % 3 == 0 ? "nothere.example.com. A" : "www.example.com. A", q);
	}
	for (unsigned c = 0; c < CLIENTS; c++) {
		bool seen[QUERIES] = { false };

		for (unsigned q = 0; q < QUERIES; q++) {
			size_t length = receive(fds[c], bytes, sizeof(bytes));
			uint16_t id = length < 2 ? QUERIES : wire_get_u16(bytes);

			CU_ASSERT_FATAL(id < QUERIES);
			CU_ASSERT(!seen[id] && is_answer(bytes, length, id, id % 3 == 0 ? RCODE_NXDOMAIN
			    : RCODE_NOERROR));
			seen[id] = true;
		}
		close(fds[c]);
	}
	server_counters(server, &sum);
	CU_ASSERT_EQUAL(sum.queries[TRANSPORT_UDP], CLIENTS * QUERIES);
	CU_ASSERT_EQUAL(sum.rcodes[RCODE_NXDOMAIN], CLIENTS * QUERIES / 3);
	CU_ASSERT_EQUAL(sum.send_failures, 0);
	stop();
}

/* Empty datagrams, responses and noise get no answer or an error, and cost nobody else theirs. */
static void
test_udp_noise(void)
{
	static const uint8_t response[HEADER_SIZE] = { 0, 1, 0x80 }, noise[5] = { 1, 2, 3, 4, 5 };
	static uint8_t huge[9000];
	uint8_t bytes[2000];
	int fd;

	start(usual);
	fd = client(SOCK_DGRAM, NULL, "127.0.0.1");
	CU_ASSERT_EQUAL(send(fd, noise, 0, 0), 0);
	CU_ASSERT_EQUAL(send(fd, noise, sizeof(noise), 0), (ssize_t)sizeof(noise));
	CU_ASSERT_EQUAL(send(fd, response, sizeof(response), 0), (ssize_t)sizeof(response));
	CU_ASSERT_EQUAL(send(fd, huge, sizeof(huge), 0), (ssize_t)sizeof(huge));
	CU_ASSERT(is_answer(bytes, receive(fd, bytes, sizeof(bytes)), 0, RCODE_FORMERR));
	send_datagram(fd, "www.example.com. A", 77);
	CU_ASSERT(is_answer(bytes, receive(fd, bytes, sizeof(bytes)), 77, RCODE_NOERROR));
	close(fd);
	stop();
}

/* An answer leaves from the address that was asked, also when we listen on all of them. */
static void
test_wildcard_address(void)
{
	static const struct { const char *listen, *ask; } rows[] = {
		{ "0.0.0.0", "127.0.0.5" }, { "0.0.0.0", "127.0.0.1" }, { "::", "::1" }, { "::1", "::1" },
	};
	uint8_t bytes[2000];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd;

		start_at(usual, rows[i].listen);
		fd = client(SOCK_DGRAM, NULL, rows[i].ask);	/* connected: hears this address only */
		send_datagram(fd, "www.example.com. A", 5);
		SUITE_ROW(rows[i].ask, is_answer(bytes, receive(fd, bytes, sizeof(bytes)), 5, RCODE_NOERROR));
		close(fd);
		fd = client(SOCK_STREAM, NULL, rows[i].ask);
		send_stream(fd, "www.example.com. A", 6);
		SUITE_ROW(rows[i].ask, is_answer(bytes, read_answer(fd, bytes), 6, RCODE_NOERROR));
		close(fd);
		stop();
	}
}

/* 1,000 queries in one write; answers come in their order. With few in flight, too. */
static void
test_pipelining(void)
{
	static const unsigned in_flight[] = { 100, 1, 7 };
	static uint8_t requests[100000], bytes[65536];

	for (size_t i = 0; i < ARRAY_SIZE(in_flight); i++) {
		struct server_options options = usual;
		size_t at = 0;
		unsigned right = 0;
		int fd;

		options.tcp_in_flight = in_flight[i];
		start(options);
		fd = client(SOCK_STREAM, NULL, "127.0.0.1");
		for (uint16_t q = 0; q < 1000; q++)
			at += stream_request(requests + at, q % 2 == 0 ? "www.example.com. A" : "big.example.com. TXT",
			    q);
		write_whole(fd, requests, at);
		for (uint16_t q = 0; q < 1000; q++)
			right += is_answer(bytes, read_answer(fd, bytes), q, RCODE_NOERROR);
		CU_ASSERT_EQUAL(right, 1000);
		close(fd);
		stop();
	}
}

static void
test_byte_by_byte(void)
{
	uint8_t requests[1200], bytes[65536];
	size_t length;
	int fd;

	start(usual);
	fd = client(SOCK_STREAM, NULL, "127.0.0.1");
	length = stream_request(requests, "www.example.com. A", 1);
	length += stream_request(requests + length, "x.wild.example.com. A", 2);
	for (size_t i = 0; i < length; i++)
		write_whole(fd, requests + i, 1);
	CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), 1, RCODE_NOERROR));
	CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), 2, RCODE_NOERROR));
	close(fd);
	stop();
}

/* A client that closes its side after its queries gets all answers; noise and half queries do no harm. */
static void
test_ends_of_streams(void)
{
	static const uint8_t empty[2], response[14] = { 0, 12, 0, 9, 0x80 }, half[] = { 0, 40, 0, 1 };
	static uint8_t longest[2 + 65535];
	uint8_t bytes[65536];
	int fd;

	start(usual);
	fd = client(SOCK_STREAM, NULL, "127.0.0.1");
	for (uint16_t q = 0; q < 20; q++)
		send_stream(fd, "big.example.com. TXT", q);
	shutdown(fd, SHUT_WR);
	for (uint16_t q = 0; q < 20; q++)
		CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), q, RCODE_NOERROR));
	CU_ASSERT(ended(fd));
	close(fd);
	fd = client(SOCK_STREAM, NULL, "127.0.0.1");
	write_whole(fd, empty, sizeof(empty));
	write_whole(fd, response, sizeof(response));
	memset(longest, 0xff, sizeof(longest));
	longest[2] = longest[4] = 0;
	write_whole(fd, longest, sizeof(longest));
	CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), 0xff, RCODE_FORMERR)
	    || is_answer(bytes, HEADER_SIZE, 0xff, RCODE_NOTIMP));
	send_stream(fd, "www.example.com. A", 3);
	CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), 3, RCODE_NOERROR));
	write_whole(fd, half, sizeof(half));
	shutdown(fd, SHUT_WR);
	CU_ASSERT(ended(fd));
	close(fd);
	stop();
}

/* Queries go on until the server reads no more, since nobody takes its answers; then all of them are there, in order.
 * Meanwhile others are served. */
static void
test_slow_reader(void)
{
	uint8_t request[600], bytes[65536];
	unsigned sent = 0, right = 0;
	size_t rest = 0, length;
	int fd, other;

	start(usual);
	fd = client(SOCK_STREAM, NULL, "127.0.0.1");
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t n;

		if (rest == 0) {
			length = stream_request(request, "big.example.com. TXT", (uint16_t)sent);
			rest = length;
		}
		n = send(fd, request + length - rest, rest, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			rest -= (size_t)n;
			sent += rest == 0;
			continue;
		}
		/* The server works off what it has; when nothing moves for this long, it has stopped reading. */
		if (poll(&p, 1, 300) == 0)
			break;
		CU_ASSERT_FATAL(sent < 1000000);
	}
	other = client(SOCK_STREAM, NULL, "127.0.0.1");
	send_stream(other, "www.example.com. A", 4);
	CU_ASSERT(is_answer(bytes, read_answer(other, bytes), 4, RCODE_NOERROR));
	close(other);
	for (unsigned q = 0; q < sent; q++)
		right += is_answer(bytes, read_answer(fd, bytes), (uint16_t)q, RCODE_NOERROR);
	CU_ASSERT_EQUAL(right, sent);
	CU_ASSERT(sent > 1000);
	close(fd);
	stop();
}

static bool
is_served(int fd)
{
	uint8_t bytes[65536];

	send_stream(fd, "www.example.com. A", 1);
	return is_answer(bytes, read_answer(fd, bytes), 1, RCODE_NOERROR);
}

static struct certificate files;
static struct tickets *tickets;
static struct tls_context *context;

/* A blocking client of TLS over a connection; NULL: the handshake failed. */
static SSL *
tls_client(int fd, const char *alpn)
{
	SSL_CTX *client_context = certificate_client(alpn);
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	SSL *ssl = SSL_new(client_context);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		abort();
	SSL_CTX_free(client_context);
	if (SSL_connect(ssl) == 1)
		return ssl;
	ERR_clear_error();
	SSL_free(ssl);
	return NULL;
}

static bool
read_tls(SSL *ssl, uint8_t *bytes, size_t size)
{
	while (size > 0) {
		int n = SSL_read(ssl, bytes, (int)size);

		if (n <= 0)
			return false;
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}

static size_t
read_tls_answer(SSL *ssl, uint8_t *bytes)
{
	uint8_t length[2];

	if (!read_tls(ssl, length, 2) || !read_tls(ssl, bytes, wire_get_u16(length)))
		return 0;
	return wire_get_u16(length);
}

static bool
is_served_by_tls(SSL *ssl)
{
	uint8_t bytes[65536];
	size_t length = stream_request(bytes, "www.example.com. A", 1);

	return SSL_write(ssl, bytes, (int)length) == (int)length
	    && is_answer(bytes, read_tls_answer(ssl, bytes), 1, RCODE_NOERROR);
}

/* The server's last word, and the end of the connection behind it. */
static bool
ended_tls(SSL *ssl, int fd)
{
	uint8_t bytes[65536];

	while (SSL_read(ssl, bytes, sizeof(bytes)) > 0)
		;
	return (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0 && ended(fd);
}

/* Limits hold over all workers, to the connection: of one client, and of all. */
static void
test_limits(void)
{
	struct server_options options = usual;
	int fds[10], refused;
	struct counters sum;
	bool again = false;

	options.connections = (struct clients_limits){ 8, 5, 32, 128 };
	options.workers = 3;
	start(options);
	for (unsigned i = 0; i < 5; i++) {
		fds[i] = client(SOCK_STREAM, "127.0.0.2", "127.0.0.1");
		CU_ASSERT(is_served(fds[i]));
	}
	refused = client(SOCK_STREAM, "127.0.0.2", "127.0.0.1");
	CU_ASSERT(ended(refused));
	close(refused);
	for (unsigned i = 5; i < 8; i++) {
		fds[i] = client(SOCK_STREAM, "127.0.0.3", "127.0.0.1");
		CU_ASSERT(is_served(fds[i]));
	}
	refused = client(SOCK_STREAM, "127.0.0.4", "127.0.0.1");
	CU_ASSERT(ended(refused));
	close(refused);
	CU_ASSERT_EQUAL(server_connections(server), 8);
	server_counters(server, &sum);
	CU_ASSERT_EQUAL(sum.connections[TRANSPORT_TCP], 8);
	CU_ASSERT_EQUAL(sum.refused[REFUSED_PREFIX], 1);
	CU_ASSERT_EQUAL(sum.refused[REFUSED_FULL], 1);
	close(fds[0]);
	/* The place is free as soon as a worker has seen the end. */
	for (unsigned tries = 0; tries < 10000 && !again; tries++) {
		fds[0] = client(SOCK_STREAM, "127.0.0.4", "127.0.0.1");
		again = is_served(fds[0]);
		if (!again)
			close(fds[0]);
	}
	CU_ASSERT(again);
	for (unsigned i = 0; i < 8; i++)
		close(fds[i]);
	stop();
}

/* At a limit the connection that idles longest gives way, but to its own client where that has its share. */
static void
test_giving_way(void)
{
	static const struct { const char *name, *third; unsigned gone; } rows[] = {
		{ "of all, the longest", "127.0.0.4", 0 },
		{ "of a client that has its share, its own", "127.0.0.3", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static const char *const from[] = { "127.0.0.2", "127.0.0.3", "127.0.0.3" };
		struct server_options options = usual;
		struct counters sum;
		int fds[ARRAY_SIZE(from)], fresh = -1;
		bool taken = false;

		options.workers = 1;
		options.connections = (struct clients_limits){ rows[i].gone == 0 ? 3 : 10, 2, 32, 128 };
		start(options);
		for (size_t k = 0; k < ARRAY_SIZE(fds); k++) {
			fds[k] = client(SOCK_STREAM, from[k], "127.0.0.1");
			SUITE_ROW(rows[i].name, is_served(fds[k]));
		}
		/* Who asks meanwhile doesn't idle; who has just asked may be about to do it again, and is left alone. */
		for (struct mono end = mono_add_ms(mono_now(), 10000); !taken && mono_now().ns < end.ns;) {
			SUITE_ROW(rows[i].name, is_served(fds[2]));
			fresh = client(SOCK_STREAM, rows[i].third, "127.0.0.1");
			taken = is_served(fresh);
			if (!taken)
				close(fresh);
		}
		SUITE_ROW(rows[i].name, taken);
		SUITE_ROW(rows[i].name, ended(fds[rows[i].gone]));
		SUITE_ROW(rows[i].name, is_served(fds[1 - rows[i].gone]));
		server_counters(server, &sum);
		SUITE_ROW(rows[i].name, sum.gave_way == 1);
		for (size_t k = 0; k < ARRAY_SIZE(fds); k++)
			close(fds[k]);
		close(fresh);
		stop();
	}
}

/* Of handshakes: two seconds' worth at once, and no more; others have their own. */
static void
test_handshake_rate(void)
{
	struct server_options options = usual;
	struct counters sum = { 0 };
	int fds[4];
	SSL *ssl;

	options.tls = context;
	options.handshake_rate = 1;
	start(options);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = client(SOCK_STREAM, i < 3 ? "127.0.0.2" : "127.0.0.3", "127.0.0.1");
	ssl = tls_client(fds[3], NULL);
	CU_ASSERT(ssl != NULL && is_served_by_tls(ssl));
	/* Which of the three is one too many is the workers' to say. */
	for (int waited = 0; sum.connections[TRANSPORT_TLS] < ARRAY_SIZE(fds) && waited < PATIENCE_MS; waited++) {
		poll(NULL, 0, 1);
		server_counters(server, &sum);
	}
	CU_ASSERT_EQUAL(sum.refused[REFUSED_HANDSHAKE_RATE], 1);
	SSL_free(ssl);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	stop();
}

/* Closed when idle: one that said nothing, one that had an answer, one that stopped in the middle, and one that sends
 * an octet now and then without ever ending its query. One that asks now and then stays. */
static void
test_idle(void)
{
	enum { SILENT, SERVED, HALF, TRICKLING, ASKING, CLIENTS };
	struct server_options options = usual;
	struct counters sum;
	int fds[CLIENTS];
	unsigned open = 4;
	uint8_t byte = 0;

	options.tcp_idle_ms = 1500;
	options.tcp_query_ms = 1000;
	start(options);
	for (unsigned i = 0; i < CLIENTS; i++)
		fds[i] = client(SOCK_STREAM, NULL, "127.0.0.1");
	CU_ASSERT(is_served(fds[SERVED]));
	write_whole(fds[HALF], (const uint8_t *)"\0\x30" "ab", 4);
	write_whole(fds[TRICKLING], (const uint8_t *)"\1\0", 2);
	for (unsigned turn = 0; turn < 100 && open > 0; turn++) {
		struct pollfd p[4];

		for (unsigned i = 0; i < 4; i++)
			p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
		if (poll(p, 4, 100) > 0)
			for (unsigned i = 0; i < 4; i++)
				if (p[i].revents != 0) {
					CU_ASSERT(ended(fds[i]));
					close(fds[i]);
					fds[i] = -1;
					open--;
				}
		if (fds[TRICKLING] >= 0)
			send(fds[TRICKLING], &byte, 1, MSG_NOSIGNAL);
		CU_ASSERT(is_served(fds[ASKING]));
	}
	CU_ASSERT_EQUAL(open, 0);
	server_counters(server, &sum);
	CU_ASSERT_EQUAL(sum.timeouts[WAIT_QUERY], 2);
	CU_ASSERT_EQUAL(sum.timeouts[WAIT_REST], 2);
	CU_ASSERT(is_served(fds[ASKING]));
	close(fds[ASKING]);
	stop();
}

/* A client that takes nothing, or one octet now and then, of answers that fill every buffer: it has its time. */
static void
test_slow_takers(void)
{
	struct server_options options = usual;
	static uint8_t requests[200000];
	struct counters sum;
	size_t length = 0;
	int fds[2];

	options.tcp_answer_ms = 300;
	start(options);
	while (length < sizeof(requests) - 600)
		length += stream_request(requests + length, "big.example.com. TXT", 1);
	for (unsigned i = 0; i < 2; i++) {
		int small = 4096;

		fds[i] = client(SOCK_STREAM, NULL, "127.0.0.1");
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	}
	for (unsigned turn = 0; turn < 1000; turn++) {
		uint8_t byte;

		for (unsigned i = 0; i < 2; i++)
			while (send(fds[i], requests, length, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
				;
		recv(fds[1], &byte, 1, MSG_DONTWAIT);
		server_counters(server, &sum);
		if (sum.timeouts[WAIT_READER] == 2)
			break;
		poll(NULL, 0, 20);
	}
	CU_ASSERT_EQUAL(sum.timeouts[WAIT_READER], 2);
	CU_ASSERT(sum.paused >= 2);
	for (unsigned i = 0; i < 2; i++)
		close(fds[i]);
	stop();
}

/* A prefix that takes all it may get, without ever ending a query or a handshake, costs another one nothing. */
static void
test_shares(void)
{
	static const bool encrypted[] = { false, true };

	for (size_t k = 0; k < ARRAY_SIZE(encrypted); k++) {
		struct server_options options = usual;
		struct counters sum;
		int fds[40];
		int other;

		options.connections = (struct clients_limits){ 40, 20, 24, 56 };
		options.handshakes = (struct clients_limits){ 16, 8, 24, 56 };
		if (encrypted[k])
			options.tls = context;
		start(options);
		for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
			char from[20];

			snprintf(from, sizeof(from), "127.0.7.%u", i + 1);
			fds[i] = client(SOCK_STREAM, from, "127.0.0.1");
			send(fds[i], encrypted[k] ? "\x16\3\1" : "\0\x30x", 3, MSG_NOSIGNAL);
		}
		other = client(SOCK_STREAM, "127.0.8.1", "127.0.0.1");
		if (encrypted[k]) {
			SSL *ssl = tls_client(other, NULL);

			CU_ASSERT(ssl != NULL && is_served_by_tls(ssl));
			SSL_free(ssl);
		} else {
			CU_ASSERT(is_served(other));
		}
		/* Who is refused has it at the end of its connection: all but those within the limit. */
		for (unsigned i = 0; i < ARRAY_SIZE(fds) - (encrypted[k] ? 8 : 20); i++) {
			struct pollfd p[ARRAY_SIZE(fds)];
			unsigned at = 0;

			for (unsigned n = 0; n < ARRAY_SIZE(fds); n++)
				p[n] = (struct pollfd){ .fd = fds[n], .events = POLLIN };
			CU_ASSERT_FATAL(poll(p, ARRAY_SIZE(fds), PATIENCE_MS) > 0);
			while (p[at].revents == 0)
				at++;
			CU_ASSERT(ended(fds[at]));
			close(fds[at]);
			fds[at] = -1;
		}
		server_counters(server, &sum);
		CU_ASSERT_EQUAL(sum.refused[REFUSED_PREFIX] + sum.refused[REFUSED_HANDSHAKES_PREFIX],
		    ARRAY_SIZE(fds) - (encrypted[k] ? 8 : 20));
		CU_ASSERT_EQUAL(sum.refused[REFUSED_FULL] + sum.refused[REFUSED_HANDSHAKES_FULL], 0);
		for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
			if (fds[i] >= 0)
				close(fds[i]);
		close(other);
		stop();
	}
}

/* --- TLS --- */

static void
test_tls(void)
{
	struct server_options options = usual;
	static uint8_t requests[100000], bytes[65536];
	struct counters sum;
	unsigned right = 0;
	size_t at = 0;
	SSL *ssl;
	int fd;

	options.tls = context;
	start(options);
	fd = client(SOCK_STREAM, NULL, "127.0.0.1");
	ssl = tls_client(fd, "\3dot");
	CU_ASSERT_FATAL(ssl != NULL);
	for (uint16_t q = 0; q < 1000; q++)
		at += stream_request(requests + at, q % 2 == 0 ? "www.example.com. A" : "big.example.com. TXT", q);
	CU_ASSERT_EQUAL(SSL_write(ssl, requests, (int)at), (int)at);
	for (uint16_t q = 0; q < 1000; q++)
		right += is_answer(bytes, read_tls_answer(ssl, bytes), q, RCODE_NOERROR);
	CU_ASSERT_EQUAL(right, 1000);
	/* Its last word comes with its last query. */
	CU_ASSERT(SSL_write(ssl, requests, 33) > 0);
	SSL_shutdown(ssl);
	CU_ASSERT(ended_tls(ssl, fd));
	SSL_free(ssl);
	close(fd);
	/* No UDP at this address, and no TCP without TLS. */
	fd = client(SOCK_STREAM, NULL, "127.0.0.1");
	send_stream(fd, "www.example.com. A", 1);
	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
	close(fd);
	server_counters(server, &sum);
	CU_ASSERT(sum.queries[TRANSPORT_TLS] >= 1000 && sum.queries[TRANSPORT_TCP] == 0);
	CU_ASSERT(sum.connections[TRANSPORT_TLS] == 2 && sum.connections[TRANSPORT_TCP] == 0);
	CU_ASSERT(sum.handshakes[HANDSHAKE_FULL] == 1 && sum.handshakes[HANDSHAKE_FAILED] == 1);
	stop();
}

/* Handshakes that never end, and a connection that goes on with its certificate while new ones get another. */
static void
test_tls_times(void)
{
	struct server_options options = usual;
	struct diags diags = { 0 };
	struct tls_context *fresh;
	struct counters sum;
	SSL *first, *second;
	X509 *before, *after;
	int fds[4];

	options.tls = context;
	options.tls_handshake_ms = 300;
	start(options);
	for (unsigned i = 0; i < 4; i++)
		fds[i] = client(SOCK_STREAM, NULL, "127.0.0.1");
	CU_ASSERT_EQUAL(send(fds[0], "\x16\3\1\1\0", 5, MSG_NOSIGNAL), 5);
	first = tls_client(fds[2], NULL);
	CU_ASSERT(first != NULL && is_served_by_tls(first));
	certificate_write(&files, "ns2.example.com", 0, 86400);
	fresh = tls_context_new(files.certificate, files.key, tickets, &diags);
	CU_ASSERT_FATAL(fresh != NULL);
	server_encrypt(server, fresh);
	tls_context_free(context);
	context = fresh;
	/* One that had begun has the old one; it was accepted by then or not. */
	second = tls_client(fds[3], NULL);
	SSL_free(second);
	close(fds[3]);
	fds[3] = client(SOCK_STREAM, NULL, "127.0.0.1");
	second = tls_client(fds[3], NULL);
	CU_ASSERT(second != NULL && is_served_by_tls(second));
	CU_ASSERT(first != NULL && is_served_by_tls(first));
	before = SSL_get1_peer_certificate(first);
	after = SSL_get1_peer_certificate(second);
	CU_ASSERT(before != NULL && after != NULL && X509_cmp(before, after) != 0);
	X509_free(before);
	X509_free(after);
	CU_ASSERT(ended(fds[0]) && ended(fds[1]));
	for (unsigned turn = 0; turn < 1000 && server_handshakes(server) > 0; turn++)
		poll(NULL, 0, 10);	/* the client sees the end before it's counted */
	CU_ASSERT_EQUAL(server_handshakes(server), 0);
	server_counters(server, &sum);
	CU_ASSERT_EQUAL(sum.timeouts[WAIT_HANDSHAKE], 2);
	SSL_free(first);
	SSL_free(second);
	for (unsigned i = 0; i < 4; i++)
		close(fds[i]);
	stop();
}

/* --- the PROXY protocol --- */

#define PROXY_SIGNED "\r\n\r\n\0\r\nQUIT\n"
#define PROXY_HEADER PROXY_SIGNED "\x21\x11\0\x0c" "\xc6\x33\x64\7" "\x7f\0\0\1" "\x30\x39\0\x35"
#define PROXY_LOCAL_HEADER PROXY_SIGNED "\x20\0\0\0"
#define PROXY_BAD_HEADER PROXY_SIGNED "\x22\0\0\0"

/* A steered name tells whose address counted. */
static const char steered_text[] = "regions: {eu: {}, us: {}}\nclient-groups: {real: {networks: [198.51.100.0/24]}}\n"
	"services:\n  who.example.com:\n    sharding-policy: priority\n    regions: {us: {priority: 1}, eu: {priority: 2}}\n"
	"    residency: [{clients: [real], regions: [eu]}]\n";
static const char steered_zone[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"eu._region.who 60 A 192.0.2.1\nus._region.who 60 A 192.0.2.2\n";

static void
start_proxied(struct server_options options)
{
	static struct prefix proxies[1];
	struct server_listen listen = { .port = 0, .encrypted = options.tls != NULL };
	struct text error = { 0 };

	if (prefix_parse("127.0.0.9/32", &proxies[0]) != 0 || address_parse("127.0.0.1", &listen.address) != 0)
		abort();
	world = malloc(sizeof(*world));
	world_open(world, (struct world_parts){ .zones = { { "example.com.", steered_zone } },
	    .steering = steered_text, .workers = options.workers });
	options.proxies = proxies;
	options.proxy_count = 1;
	options.listens = &listen;
	options.listen_count = 1;
	server = server_start(&options, world->snapshot, &error);
	if (server == NULL)
		abort();
}

/* What follows the header, and which region is answered: 1 eu, whose client the header named; 2 us; 0 nothing; 3 an
 * error, for what isn't parsed isn't a query. */
static const struct proxied {
	const char *name, *from, *header;
	size_t length;
	unsigned datagram, stream;
} proxied_rows[] = {
	{ "a client", "127.0.0.9", PROXY_HEADER, sizeof(PROXY_HEADER) - 1, 1, 1 },
	{ "the proxy itself", "127.0.0.9", PROXY_LOCAL_HEADER, sizeof(PROXY_LOCAL_HEADER) - 1, 2, 2 },
	{ "a bad header", "127.0.0.9", PROXY_BAD_HEADER, sizeof(PROXY_BAD_HEADER) - 1, 0, 0 },
	{ "no header", "127.0.0.9", "", 0, 0, 0 },
	{ "not a listed sender", "127.0.0.8", "", 0, 2, 2 },
	{ "a header of one that isn't listed", "127.0.0.8", PROXY_HEADER, sizeof(PROXY_HEADER) - 1, 3, 0 },
};

static unsigned
region_in(const uint8_t *bytes, size_t length)
{
	if (length == 0)
		return 0;
	return is_answer(bytes, length, 7, RCODE_NOERROR) && length > 16 ? bytes[length - 1] : 3;
}

static void
test_proxied_datagrams(void)
{
	struct counters sum;

	start_proxied(usual);
	for (size_t i = 0; i < ARRAY_SIZE(proxied_rows); i++) {
		const struct proxied *row = &proxied_rows[i];
		int fd = client(SOCK_DGRAM, row->from, "127.0.0.1");
		uint8_t bytes[2000];
		size_t length;

		memcpy(bytes, row->header, row->length);
		length = row->length + world_request(bytes + row->length, "who.example.com. A", (struct ask){ .edns = false });
		wire_put_u16(bytes + row->length, 7);
		CU_ASSERT_EQUAL(send(fd, bytes, length, 0), (ssize_t)length);
		/* What gets no answer is followed by something that does, from the same socket, so in order. */
		if (row->datagram == 0) {
			memcpy(bytes, PROXY_HEADER, sizeof(PROXY_HEADER) - 1);
			length = sizeof(PROXY_HEADER) - 1;
			length += world_request(bytes + length, "who.example.com. A", (struct ask){ .edns = false });
			wire_put_u16(bytes + sizeof(PROXY_HEADER) - 1, 8);
			CU_ASSERT_EQUAL(send(fd, bytes, length, 0), (ssize_t)length);
			length = receive(fd, bytes, sizeof(bytes));
			SUITE_ROW(row->name, is_answer(bytes, length, 8, RCODE_NOERROR));
		} else {
			SUITE_ROW(row->name, region_in(bytes, receive(fd, bytes, sizeof(bytes))) == row->datagram);
		}
		close(fd);
	}
	server_counters(server, &sum);
	CU_ASSERT_EQUAL(sum.proxied[PROXY_CLIENT], 3);
	CU_ASSERT(sum.proxied[PROXY_LOCAL] == 1 && sum.proxied[PROXY_BAD] == 1 && sum.proxied[PROXY_MISSING] == 1);
	stop();
}

/* Header and query octet by octet, and in one piece. */
static void
test_proxied_streams(void)
{
	struct counters sum;

	start_proxied(usual);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(proxied_rows); i++) {
		const struct proxied *row = &proxied_rows[i / 2];
		int fd = client(SOCK_STREAM, row->from, "127.0.0.1");
		static uint8_t bytes[65536];
		size_t length = row->length;

		memcpy(bytes, row->header, row->length);
		length += stream_request(bytes + length, "who.example.com. A", 7);
		if (strstr(row->name, "that isn't listed") != NULL)
			shutdown(fd, SHUT_RD);	/* the rest of a message is waited for */
		else if (i % 2 == 0)
			write_whole(fd, bytes, length);
		else
			for (size_t k = 0; k < length; k++)
				write_whole(fd, bytes + k, 1);
		SUITE_ROW(row->name, region_in(bytes, read_answer(fd, bytes)) == row->stream);
		close(fd);
	}
	server_counters(server, &sum);
	CU_ASSERT_EQUAL(sum.proxied[PROXY_CLIENT], 2);
	CU_ASSERT(sum.proxied[PROXY_LOCAL] == 2 && sum.proxied[PROXY_BAD] == 2 && sum.proxied[PROXY_MISSING] == 2);
	stop();
}

/* The header goes before the handshake. */
static void
test_proxied_tls(void)
{
	struct server_options options = usual;
	static uint8_t bytes[65536];

	options.tls = context;
	start_proxied(options);
	for (unsigned i = 0; i < 2; i++) {
		static const char *const headers[] = { PROXY_HEADER, PROXY_LOCAL_HEADER };
		int fd = client(SOCK_STREAM, "127.0.0.9", "127.0.0.1");
		size_t length;
		SSL *ssl;

		write_whole(fd, (const uint8_t *)headers[i], i == 0 ? sizeof(PROXY_HEADER) - 1
		    : sizeof(PROXY_LOCAL_HEADER) - 1);
		ssl = tls_client(fd, "\3dot");
		CU_ASSERT_FATAL(ssl != NULL);
		length = stream_request(bytes, "who.example.com. A", 7);
		CU_ASSERT_EQUAL(SSL_write(ssl, bytes, (int)length), (int)length);
		CU_ASSERT_EQUAL(region_in(bytes, read_tls_answer(ssl, bytes)), i + 1);
		SSL_free(ssl);
		close(fd);
	}
	stop();
}

/* Limits are those of the clients that headers name; the proxy's own connections are bounded in all only. */
static void
test_proxied_shares(void)
{
	struct server_options options = usual;
	static uint8_t bytes[65536];
	int fds[6];

	options.connections = (struct clients_limits){ 6, 2, 24, 56 };
	options.tcp_query_ms = 300;
	start_proxied(options);
	for (unsigned i = 0; i < 3; i++) {	/* one client's, of which two are taken */
		fds[i] = client(SOCK_STREAM, "127.0.0.9", "127.0.0.1");
		write_whole(fds[i], (const uint8_t *)PROXY_HEADER, sizeof(PROXY_HEADER) - 1);
		send_stream(fds[i], "who.example.com. A", 7);
		CU_ASSERT_EQUAL(region_in(bytes, read_answer(fds[i], bytes)), i < 2);
	}
	for (unsigned i = 3; i < 6; i++) {
		fds[i] = client(SOCK_STREAM, "127.0.0.9", "127.0.0.1");
		if (i == 5)	/* nothing: it has its time for a header */
			break;
		write_whole(fds[i], (const uint8_t *)PROXY_LOCAL_HEADER, sizeof(PROXY_LOCAL_HEADER) - 1);
		send_stream(fds[i], "who.example.com. A", 7);
		CU_ASSERT_EQUAL(region_in(bytes, read_answer(fds[i], bytes)), 2);
	}
	CU_ASSERT(ended(fds[5]));
	for (unsigned i = 0; i < 6; i++)
		close(fds[i]);
	stop();
}

/* --- publications under load --- */

static atomic_bool loading;
static atomic_uint answers, wrong;

static void *
load(void *arg)
{
	bool stream = arg != NULL;
	int fd = client(stream ? SOCK_STREAM : SOCK_DGRAM, NULL, "127.0.0.1");
	uint8_t bytes[65536];

	for (uint16_t q = 0; atomic_load(&loading); q++) {
		size_t length;

		if (stream)
			send_stream(fd, "version.example.com. A", q);
		else
			send_datagram(fd, "version.example.com. A", q);
		length = stream ? read_answer(fd, bytes) : receive(fd, bytes, sizeof(bytes));
		/* The address tells the version, twice. */
		if (!is_answer(bytes, length, q, RCODE_NOERROR) || length < 8 || bytes[length - 1] != bytes[length - 2])
			atomic_fetch_add(&wrong, 1);
		atomic_fetch_add(&answers, 1);
	}
	close(fd);
	return NULL;
}

static struct world *
version_world(unsigned version)
{
	char text[500];
	struct world *w = malloc(sizeof(*w));

	snprintf(text, sizeof(text), "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A "
	    "192.0.2.53\n"
	    "version 60 A 192.0.%u.%u\n", version % 256, version % 256);
	world_open(w, (struct world_parts){ .zones = { { "example.com.", text } }, .workers = 2 });
	return w;
}

static void
test_publications(void)
{
	enum { VERSIONS = 150 };
	struct server_listen listen = { .port = 0 };
	struct server_options options = usual;
	struct text error = { 0 };
	pthread_t threads[4];
	uint8_t bytes[2000];
	int fd;

	CU_ASSERT_EQUAL(address_parse("127.0.0.1", &listen.address), 0);
	options.listens = &listen;
	options.listen_count = 1;
	world = version_world(0);
	server = server_start(&options, world->snapshot, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(server);
	atomic_store(&loading, true);
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++)
		pthread_create(&threads[t], NULL, load, t % 2 == 0 ? NULL : &loading);
	fd = client(SOCK_DGRAM, NULL, "127.0.0.1");
	for (uint16_t version = 1; version < VERSIONS; version++) {
		struct world *fresh = version_world(version);
		size_t length;

		server_publish(server, fresh->snapshot);
		world_close(world);	/* nobody sees it any more */
		free(world);
		world = fresh;
		send_datagram(fd, "version.example.com. A", version);
		length = receive(fd, bytes, sizeof(bytes));
		CU_ASSERT(is_answer(bytes, length, version, RCODE_NOERROR));
		CU_ASSERT_EQUAL(length == 0 ? 0 : bytes[length - 1], version);
	}
	while (atomic_load(&answers) < 1000)
		poll(NULL, 0, 1);
	atomic_store(&loading, false);
	for (size_t t = 0; t < ARRAY_SIZE(threads); t++)
		pthread_join(threads[t], NULL);
	CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
	close(fd);
	stop();
}

/* --- beginning and end --- */

static unsigned
open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	if (folder == NULL)
		abort();
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static void
test_end(void)
{
	unsigned before = open_files();
	int fds[3];

	for (unsigned round = 0; round < 5; round++) {
		start(usual);
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
			fds[i] = client(SOCK_STREAM, NULL, "127.0.0.1");
		CU_ASSERT(is_served(fds[0]));
		write_whole(fds[1], (const uint8_t *)"\0\x20xyz", 5);
		stop();
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
			CU_ASSERT(ended(fds[i]));
			close(fds[i]);
		}
	}
	CU_ASSERT_EQUAL(open_files(), before);
}

static void
test_port_taken(void)
{
	unsigned before = open_files();
	struct server_listen listens[2] = { { .port = 0 } };
	struct server_options options = usual;
	struct text error = { 0 };
	char expected[100];
	int fd = -1;
	struct sockaddr_storage at;
	socklen_t length;

	start(usual);
	CU_ASSERT_EQUAL(address_parse("127.0.0.1", &listens[0].address), 0);
	listens[1] = listens[0];
	listens[1].port = server_port(server, 0);
	options.listens = listens;
	options.listen_count = 2;
	/* By one of us: SO_REUSEPORT alone would let it pass. */
	CU_ASSERT_PTR_NULL(server_start(&options, world->snapshot, &error));
	snprintf(expected, sizeof(expected), "can't listen on 127.0.0.1@%u (UDP): Address already in use",
	    listens[1].port);
	SUITE_TEXT(error.bytes, expected);
	text_fini(&error);
	CU_ASSERT(is_served(fd = client(SOCK_STREAM, NULL, "127.0.0.1")));
	close(fd);
	stop();
	/* By another program, on TCP only. */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	length = address_to_sockaddr(&listens[0].address, 0, &at);
	CU_ASSERT(bind(fd, (struct sockaddr *)&at, length) == 0 && listen(fd, 1) == 0);
	getsockname(fd, (struct sockaddr *)&at, &length);
	listens[1].port = ntohs(((struct sockaddr_in *)(void *)&at)->sin_port);
	world = malloc(sizeof(*world));
	world_open(world, (struct world_parts){ .workers = 2 });
	CU_ASSERT_PTR_NULL(server_start(&options, world->snapshot, &error));
	snprintf(expected, sizeof(expected), "can't listen on 127.0.0.1@%u (TCP): Address already in use",
	    listens[1].port);
	SUITE_TEXT(error.bytes, expected);
	text_fini(&error);
	close(fd);
	/* An address that isn't ours. */
	CU_ASSERT_EQUAL(address_parse("192.0.2.1", &listens[1].address), 0);
	listens[1].port = 0;
	CU_ASSERT_PTR_NULL(server_start(&options, world->snapshot, &error));
	SUITE_TEXT(error.bytes, "can't listen on 192.0.2.1@0 (UDP): Cannot assign requested address");
	text_fini(&error);
	world_close(world);
	free(world);
	CU_ASSERT_EQUAL(open_files(), before);
}

static const struct suite_case cases[] = {
	{ .name = "UDP in batches", .run = test_udp },
	{ .name = "noise by UDP", .run = test_udp_noise },
	{ .name = "answers leave from the address asked", .run = test_wildcard_address },
	{ .name = "1,000 pipelined queries", .run = test_pipelining },
	{ .name = "byte by byte", .run = test_byte_by_byte },
	{ .name = "ends of streams, and noise in them", .run = test_ends_of_streams },
	{ .name = "a slow reader slows only itself", .run = test_slow_reader },
	{ .name = "limits of connections", .run = test_limits },
	{ .name = "idle connections give way", .run = test_giving_way },
	{ .name = "handshakes in a second", .run = test_handshake_rate },
	{ .name = "idle connections", .run = test_idle },
	{ .name = "clients that don't take their answers", .run = test_slow_takers },
	{ .name = "one prefix doesn't take the others' share", .run = test_shares },
	{ .name = "TLS", .run = test_tls },
	{ .name = "handshakes in time, and another certificate", .run = test_tls_times },
	{ .name = "PROXY headers by UDP", .run = test_proxied_datagrams },
	{ .name = "PROXY headers by TCP", .run = test_proxied_streams },
	{ .name = "PROXY headers by TLS", .run = test_proxied_tls },
	{ .name = "shares of clients behind a proxy", .run = test_proxied_shares },
	{ .name = "publications under load", .run = test_publications },
	{ .name = "a clean end", .run = test_end },
	{ .name = "a port that is taken", .run = test_port_taken },
};

int
main(void)
{
	struct diags diags = { 0 };
	int status;

	signal(SIGPIPE, SIG_IGN);	/* OpenSSL writes without MSG_NOSIGNAL */
	certificate_open(&files);
	tickets = tickets_new(mono_now());
	context = tickets == NULL ? NULL : tls_context_new(files.certificate, files.key, tickets, &diags);
	if (context == NULL)
		abort();
	status = suite_run("server", cases, ARRAY_SIZE(cases));
	tls_context_free(context);
	tickets_free(tickets);
	certificate_close(&files);
	return status;
}
