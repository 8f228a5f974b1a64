/* test_dnstap.c -- tap/dnstap: what a frame says, read again; and a reader of our own at the other end of the socket:
 * one that reads, one that isn't there, one that never reads, and one that hangs up. */
#include "tap/dnstap.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "suite.h"
#include "tap/dnstap_message.h"

#define PATIENCE_MS 10000
#define CONTENT "protobuf:dnstap.Dnstap"

static const uint8_t request[] = "\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\3www\7example\3com\0\0\1\0\1";
static const uint8_t response[] = "\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x00\3www\7example\3com\0\0\1\0\1";
static const uint8_t zone[] = "\7example\3com";

static struct tap_seen
example(const char *client, const char *server)
{
	struct tap_seen seen = {
		.transport = TRANSPORT_UDP, .client_port = 5353, .server_port = 53, .asked_ns = 1795364452123456789u,
		.answered_ns = 1795364453000000001u, .request = request, .request_length = sizeof(request) - 1,
		.response = response, .response_length = sizeof(response) - 1, .note = { .zone = zone },
	};

	if (address_parse(client, &seen.client) != 0 || address_parse(server, &seen.server) != 0)
		abort();
	return seen;
}

static bool
same(ProtobufCBinaryData data, const void *bytes, size_t length)
{
	return data.len == length && memcmp(data.data, bytes, length) == 0;
}

/* As a reader gets it; the caller frees it. */
static Dnstap__Dnstap *
read_again(const struct tap_seen *seen, bool is_response, const char *identity, const char *version)
{
	struct dnstap_message m;
	size_t length = dnstap_message_make(&m, seen, is_response, identity, version);
	uint8_t *bytes = malloc(length);
	Dnstap__Dnstap *read;

	CU_ASSERT_FATAL(bytes != NULL);
	CU_ASSERT_EQUAL(dnstap__dnstap__pack(&m.outer, bytes), length);
	read = dnstap__dnstap__unpack(NULL, length, bytes);
	free(bytes);
	CU_ASSERT_FATAL(read != NULL && read->message != NULL);
	return read;
}

static void
test_query(void)
{
	struct tap_seen seen = example("192.0.2.1", "198.51.100.53");
	Dnstap__Dnstap *read = read_again(&seen, false, "ns1", "isobar 1");
	const Dnstap__Message *m = read->message;

	CU_ASSERT(same(read->identity, "ns1", 3));
	CU_ASSERT(same(read->version, "isobar 1", 8));
	CU_ASSERT_EQUAL(read->type, DNSTAP__DNSTAP__TYPE__MESSAGE);
	CU_ASSERT_EQUAL(m->type, DNSTAP__MESSAGE__TYPE__AUTH_QUERY);
	CU_ASSERT_EQUAL(m->socket_family, DNSTAP__SOCKET_FAMILY__INET);
	CU_ASSERT_EQUAL(m->socket_protocol, DNSTAP__SOCKET_PROTOCOL__UDP);
	CU_ASSERT(same(m->query_address, "\xc0\x00\x02\x01", 4));
	CU_ASSERT(same(m->response_address, "\xc6\x33\x64\x35", 4));
	CU_ASSERT_EQUAL(m->query_port, 5353);
	CU_ASSERT_EQUAL(m->response_port, 53);
	CU_ASSERT_EQUAL(m->query_time_sec, 1795364452);
	CU_ASSERT_EQUAL(m->query_time_nsec, 123456789);
	CU_ASSERT(same(m->query_message, request, sizeof(request) - 1));
	CU_ASSERT(same(m->query_zone, zone, sizeof(zone)));
	CU_ASSERT(!m->has_response_message && !m->has_response_time_sec && !m->has_response_time_nsec);
	dnstap__dnstap__free_unpacked(read, NULL);
}

static void
test_response(void)
{
	struct tap_seen seen = example("2001:db8::1", "2001:db8::53");
	Dnstap__Dnstap *read;
	const Dnstap__Message *m;

	seen.transport = TRANSPORT_TLS;
	seen.note.zone = NULL;
	read = read_again(&seen, true, "", "");
	m = read->message;
	CU_ASSERT(!read->has_identity && !read->has_version);
	CU_ASSERT_EQUAL(m->type, DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE);
	CU_ASSERT_EQUAL(m->socket_family, DNSTAP__SOCKET_FAMILY__INET6);
	CU_ASSERT_EQUAL(m->socket_protocol, DNSTAP__SOCKET_PROTOCOL__DOT);
	CU_ASSERT(same(m->query_address, seen.client.bytes, 16));
	CU_ASSERT(same(m->response_address, seen.server.bytes, 16));
	CU_ASSERT_EQUAL(m->query_time_sec, 1795364452);
	CU_ASSERT_EQUAL(m->response_time_sec, 1795364453);
	CU_ASSERT_EQUAL(m->response_time_nsec, 1);
	CU_ASSERT(same(m->response_message, response, sizeof(response) - 1));
	CU_ASSERT(!m->has_query_message && !m->has_query_zone);
	dnstap__dnstap__free_unpacked(read, NULL);
}

/* A proxy's client: its port isn't known, and the address that it asked has another family. */
static void
test_proxied(void)
{
	struct tap_seen seen = example("2001:db8::1", "127.0.0.1");
	Dnstap__Dnstap *read;

	seen.client_port = 0;
	seen.transport = TRANSPORT_TCP;
	read = read_again(&seen, false, "", "");
	CU_ASSERT(read->message->has_query_address && !read->message->has_query_port);
	CU_ASSERT(!read->message->has_response_address && read->message->has_response_port);
	CU_ASSERT_EQUAL(read->message->socket_protocol, DNSTAP__SOCKET_PROTOCOL__TCP);
	dnstap__dnstap__free_unpacked(read, NULL);
}

/* --- at the socket ------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/isobar-dnstap-XXXXXX";
static char path[sizeof(folder) + 8];

static int
listen_there(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1) != 0)
		abort();
	return fd;
}

static int
next_connection(int listener)
{
	struct pollfd socket = { .fd = listener, .events = POLLIN };

	CU_ASSERT_FATAL(poll(&socket, 1, PATIENCE_MS) == 1);
	return accept(listener, NULL, NULL);
}

static void
read_exactly(int fd, void *to, size_t count)
{
	uint8_t *at = to;

	while (count > 0) {
		struct pollfd socket = { .fd = fd, .events = POLLIN };
		ssize_t got;

		CU_ASSERT_FATAL(poll(&socket, 1, PATIENCE_MS) == 1);
		got = read(fd, at, count);
		CU_ASSERT_FATAL(got > 0);
		at += got;
		count -= (size_t)got;
	}
}

static uint32_t
read_number(int fd)
{
	uint8_t bytes[4];

	read_exactly(fd, bytes, 4);
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

enum control_frame { ACCEPT = 1, START = 2, STOP = 3, READY = 4, FINISH = 5 };

/* The type of a control frame, behind its escape; the content type of those that have one. */
static uint32_t
read_control(int fd)
{
	uint8_t body[512];
	uint32_t length = read_number(fd);

	CU_ASSERT_FATAL(length >= 4 && length <= sizeof(body));
	read_exactly(fd, body, length);
	if (length > 4) {
		CU_ASSERT_EQUAL(length, 12 + sizeof(CONTENT) - 1);
		CU_ASSERT(memcmp(body + 12, CONTENT, sizeof(CONTENT) - 1) == 0);
	}
	return body[3];
}

static void
send_control(int fd, uint8_t type, bool content)
{
	uint8_t frame[64] = { [7] = 4, [11] = type };
	size_t length = 12;

	if (content) {
		frame[7] = 12 + sizeof(CONTENT) - 1;
		frame[15] = 1;
		frame[19] = sizeof(CONTENT) - 1;
		memcpy(frame + 20, CONTENT, sizeof(CONTENT) - 1);
		length = 20 + sizeof(CONTENT) - 1;
	}
	CU_ASSERT_FATAL(write(fd, frame, length) == (ssize_t)length);
}

static void
shake_hands(int fd)
{
	CU_ASSERT_EQUAL(read_number(fd), 0);
	CU_ASSERT_EQUAL(read_control(fd), READY);
	send_control(fd, ACCEPT, true);
	CU_ASSERT_EQUAL(read_number(fd), 0);
	CU_ASSERT_EQUAL(read_control(fd), START);
}

static Dnstap__Message__Type
read_frame(int fd)
{
	uint8_t bytes[1024];
	uint32_t length = read_number(fd);
	Dnstap__Dnstap *read;
	Dnstap__Message__Type type;

	CU_ASSERT_FATAL(length > 0 && length <= sizeof(bytes));
	read_exactly(fd, bytes, length);
	read = dnstap__dnstap__unpack(NULL, length, bytes);
	CU_ASSERT_FATAL(read != NULL && read->message != NULL);
	type = read->message->type;
	dnstap__dnstap__free_unpacked(read, NULL);
	return type;
}

static struct dnstap *
begin(bool queries, bool responses)
{
	struct text error = { 0 };
	struct dnstap *dnstap = dnstap_new(&(struct dnstap_options){ .socket = path, .identity = "ns1", .version = "v",
	    .workers = 1, .sample = 1, .queries = queries, .responses = responses }, &error);

	CU_ASSERT_FATAL(dnstap != NULL);
	return dnstap;
}

static void
await_state(const struct dnstap *dnstap, bool connected, uint64_t told)
{
	struct mono since = mono_now();
	struct dnstap_state state;

	for (;;) {
		dnstap_state(dnstap, &state);
		if (state.connected == connected && state.frames + state.dropped >= told)
			return;
		CU_ASSERT_FATAL(mono_ms_between(since, mono_now()) < PATIENCE_MS);
		poll(NULL, 0, 5);
	}
}

/* The reader's part in the end, while the main thread is in dnstap_free(). */
static void *
see_end(void *arg)
{
	int fd = *(const int *)arg;

	CU_ASSERT_EQUAL(read_number(fd), 0);
	CU_ASSERT_EQUAL(read_control(fd), STOP);
	send_control(fd, FINISH, false);
	return NULL;
}

static void
test_reader(void)
{
	struct tap_seen seen = example("192.0.2.1", "198.51.100.53");
	int listener = listen_there(), fd;
	struct dnstap *dnstap = begin(true, true);
	struct dnstap_state state;
	pthread_t thread;

	fd = next_connection(listener);
	shake_hands(fd);
	await_state(dnstap, true, 0);
	dnstap_take(dnstap, &seen);
	CU_ASSERT_EQUAL(read_frame(fd), DNSTAP__MESSAGE__TYPE__AUTH_QUERY);
	CU_ASSERT_EQUAL(read_frame(fd), DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE);
	seen.response_length = 0;
	dnstap_take(dnstap, &seen);
	CU_ASSERT_EQUAL(read_frame(fd), DNSTAP__MESSAGE__TYPE__AUTH_QUERY);
	await_state(dnstap, true, 3);
	dnstap_state(dnstap, &state);
	CU_ASSERT_EQUAL(state.frames, 3);
	CU_ASSERT_EQUAL(state.dropped, 0);

	/* It hangs up, and another comes. */
	close(fd);
	await_state(dnstap, false, 3);
	fd = next_connection(listener);
	shake_hands(fd);
	await_state(dnstap, true, 3);
	dnstap_take(dnstap, &seen);
	CU_ASSERT_EQUAL(read_frame(fd), DNSTAP__MESSAGE__TYPE__AUTH_QUERY);
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, see_end, &fd) == 0);
	dnstap_free(dnstap);
	pthread_join(thread, NULL);
	close(fd);
	close(listener);
}

static void
test_nobody(void)
{
	struct tap_seen seen = example("192.0.2.1", "198.51.100.53");
	struct dnstap *dnstap;
	struct dnstap_state state;

	unlink(path);
	dnstap = begin(false, true);
	for (unsigned i = 0; i < 100; i++)
		dnstap_take(dnstap, &seen);
	await_state(dnstap, false, 100);
	dnstap_state(dnstap, &state);
	CU_ASSERT_EQUAL(state.frames, 0);
	CU_ASSERT_EQUAL(state.dropped, 100);
	dnstap_free(dnstap);
}

/* More than the socket and the ring hold: the rest is dropped, at once; and the end isn't held up. */
static void
test_never_reads(void)
{
	struct tap_seen seen = example("192.0.2.1", "198.51.100.53");
	int listener = listen_there(), fd;
	struct dnstap *dnstap = begin(true, true);
	struct dnstap_state state;
	struct mono since;

	fd = next_connection(listener);
	shake_hands(fd);
	await_state(dnstap, true, 0);
	for (unsigned i = 0; i < 100000; i++)
		dnstap_take(dnstap, &seen);
	dnstap_state(dnstap, &state);
	CU_ASSERT(state.dropped > 0);
	CU_ASSERT(state.frames < 200000 - state.dropped);
	since = mono_now();
	dnstap_free(dnstap);
	CU_ASSERT(mono_ms_between(since, mono_now()) < 5000);
	close(fd);
	close(listener);
}

static const struct suite_case cases[] = {
	{ .name = "a query, read again", .run = test_query },
	{ .name = "a response, read again", .run = test_response },
	{ .name = "what isn't known isn't said", .run = test_proxied },
	{ .name = "a reader gets frames, and another one after it", .run = test_reader },
	{ .name = "without a reader all is dropped and counted", .run = test_nobody },
	{ .name = "a reader that never reads holds nobody up", .run = test_never_reads },
};

int
main(void)
{
	int status;

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/tap", folder);
	status = suite_run("dnstap", cases, ARRAY_SIZE(cases));
	unlink(path);
	rmdir(folder);
	return status;
}
