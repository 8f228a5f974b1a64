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
#include <stdatomic.h>
#include <unistd.h>

#include "world.h"

#define PATIENCE_MS 10000	/* far more than anything here takes; only a failure waits as long */

static struct world *world;
static struct server *server;

static const char zone_text[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"www 60 A 192.0.2.1\n*.wild 60 A 192.0.2.2\nbig 60 TXT "
	"\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" "
	"\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" "
	"\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" "
	"\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"\n";

static const struct server_options usual = { .workers = 2, .udp_payload = 1232, .tcp_idle_ms = 30000,
	.tcp_connections = 100, .tcp_connections_per_client = 50, .tcp_in_flight = 100 };

static void
start_at(struct server_options options, const char *address)
{
	struct server_listen listen = { .port = 0 };
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

/* A client's socket, connected; `from` may be NULL. */
static int
client(int kind, const char *from, const char *to)
{
	struct sockaddr_storage at;
	struct address address;
	socklen_t length;
	int fd;

	if (address_parse(to, &address) != 0)
		abort();
	length = address_to_sockaddr(&address, server_port(server, 0), &at);
	fd = socket(at.ss_family, kind, 0);
	if (from != NULL) {
		struct sockaddr_storage own;
		struct address source;

		if (address_parse(from, &source) != 0)
			abort();
		if (bind(fd, (struct sockaddr *)&own, address_to_sockaddr(&source, 0, &own)) != 0)
			abort();
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, length) != 0) {
		perror("connect");
		abort();
	}
	return fd;
}

static bool
readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

/* One datagram, or 0 when none came. */
static size_t
receive(int fd, uint8_t *bytes, size_t size)
{
	ssize_t length = readable(fd) ? recv(fd, bytes, size, 0) : 0;

	return length > 0 ? (size_t)length : 0;
}

/* All of `size` octets. False at the end of the connection. */
static bool
read_whole(int fd, uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = readable(fd) ? recv(fd, bytes, size, 0) : -1;

		if (n <= 0)
			return false;
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}

/* One answer over TCP; 0 at the end of the connection. */
static size_t
read_answer(int fd, uint8_t *bytes)
{
	uint8_t length[2];

	if (!read_whole(fd, length, 2) || !read_whole(fd, bytes, wire_get_u16(length)))
		return 0;
	return wire_get_u16(length);
}

static bool
ended(int fd)
{
	uint8_t byte;

	return readable(fd) && recv(fd, &byte, 1, 0) <= 0;
}

static void
write_whole(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes += n;
		size -= (size_t)n;
	}
}

/* A query with its length in front; the whole length. */
static size_t
stream_request(uint8_t *bytes, const char *question, uint16_t id)
{
	size_t length = world_request(bytes + 2, question, (struct ask){ .edns = false });

	wire_put_u16(bytes, (unsigned)length);
	wire_put_u16(bytes + 2, id);
	return length + 2;
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

static bool
is_answer(const uint8_t *bytes, size_t length, uint16_t id, unsigned rcode)
{
	return length >= HEADER_SIZE && wire_get_u16(bytes) == id && (bytes[2] & 0x80) != 0
	    && (bytes[3] & 15u) == rcode;
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
	CU_ASSERT_EQUAL(sum.udp_queries, CLIENTS * QUERIES);
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

/* Limits hold over all workers, to the connection: of one client, and of all. */
static void
test_limits(void)
{
	struct server_options options = usual;
	int fds[10], refused;
	struct counters sum;
	bool again = false;

	options.tcp_connections = 8;
	options.tcp_connections_per_client = 5;
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
	CU_ASSERT_EQUAL(server_tcp_open(server), 8);
	server_counters(server, &sum);
	CU_ASSERT_EQUAL(sum.tcp_connections, 8);
	CU_ASSERT_EQUAL(sum.tcp_refused, 2);
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
	CU_ASSERT_EQUAL(sum.tcp_timeouts, 4);
	CU_ASSERT(is_served(fds[ASKING]));
	close(fds[ASKING]);
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
	{ .name = "idle connections", .run = test_idle },
	{ .name = "publications under load", .run = test_publications },
	{ .name = "a clean end", .run = test_end },
	{ .name = "a port that is taken", .run = test_port_taken },
};

int
main(void)
{
	return suite_run("server", cases, ARRAY_SIZE(cases));
}
