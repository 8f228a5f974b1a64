/* test_requests.c -- serve/requests and serve/request_desk: who may hand in what, what it's told at once, and what is told
 * later, by datagrams and streams, with clients and servers that go away meanwhile. The test is the control thread. */
#include "serve/requests.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dns_client.h"
#include "serve/server.h"
#include "serve/stream.h"

static const char zone_text[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"www 60 A 192.0.2.1\n";

static struct tsig_key keys[2] = {
	{ .text = "good.key", .name = "\4good\3key", .algorithm = TSIG_SHA256, .secret_length = 4, .secret = "abcd" },
	{ .text = "other.key", .name = "\5other\3key", .algorithm = TSIG_SHA256, .secret_length = 4, .secret = "efgh" },
};
static const struct tsig_keys all_keys = { 2, keys };

static const uint8_t ours[] = "\7example\3com", second[] = "\3sec\7example\3org", *const below_dyn[] = {
	(const uint8_t *)"\1*\3dyn\7example\3com" };
static const uint16_t only_txt[] = { TYPE_TXT };

/* By key from anywhere; by an address; by TLS. */
static struct prefix friends[1];
static const struct update_rule rules[] = {
	{ .key = &keys[0] },
	{ .from_count = 1, .from = friends, .name_count = 1, .names = below_dyn, .type_count = 1, .types = only_txt },
	{ .key = &keys[1], .encrypted = true },
};
static struct notify_source sources[2] = { { .key = NULL }, { .key = &keys[0] } };
static const struct request_zone zones[] = {
	{ .apex = ours, .rule_count = ARRAY_SIZE(rules), .rules = rules },
	{ .apex = second, .secondary = true, .source_count = ARRAY_SIZE(sources), .sources = sources },
};
static const struct requests published = { .zone_count = ARRAY_SIZE(zones), .zones = zones };

static void
set_addresses(void)
{
	if (prefix_parse("192.0.2.0/24", &friends[0]) != 0 || address_parse("192.0.2.1", &sources[0].address) != 0
	    || address_parse("192.0.2.2", &sources[1].address) != 0)
		abort();
}

/* --- patterns ------------------------------------------------------------------------------------------------ */

static void
test_patterns(void)
{
	static const struct { const char *name, *pattern, *owner; bool matches; } rows[] = {
		{ "itself", "www.example.com", "www.example.com", true },
		{ "another", "www.example.com", "ww.example.com", false },
		{ "one below", "www.example.com", "a.www.example.com", false },
		{ "below", "*.example.com", "a.example.com", true },
		{ "far below", "*.example.com", "a.b.example.com", true },
		{ "not itself", "*.example.com", "example.com", false },
		{ "not beside", "*.example.com", "a.example.org", false },
		{ "a wildcard is a name below", "*.example.com", "*.example.com", true },
		{ "any label inside", "_acme-challenge.*.example.com", "_acme-challenge.www.example.com", true },
		{ "just one inside", "_acme-challenge.*.example.com", "_acme-challenge.a.b.example.com", false },
		{ "and not none", "_acme-challenge.*.example.com", "_acme-challenge.example.com", false },
		{ "both", "*.a.*.example.com", "x.y.a.b.example.com", true },
		{ "a star in a label is a star", "a*.example.com", "ab.example.com", false },
		{ "the root's names", "*", "example", true },
		{ "not the root", "*", ".", false },
	};
	uint8_t pattern[NAME_MAX], owner[NAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT(name_parse(rows[i].pattern, pattern) > 0 && name_parse(rows[i].owner, owner) > 0);
		SUITE_ROW(rows[i].name, name_matches(pattern, owner) == rows[i].matches);
	}
}

static void
test_types(void)
{
	static const struct update_rule any = { .key = &keys[0] };
	static const uint16_t zone_types[] = { TYPE_SOA, TYPE_NS, TYPE_DS, TYPE_DNSKEY, TYPE_RRSIG, TYPE_NSEC, TYPE_NSEC3,
		TYPE_NSEC3PARAM, TYPE_CDS, TYPE_CDNSKEY };
	const uint8_t *name = (const uint8_t *)"\1a\3dyn\7example\3com";

	for (size_t i = 0; i < ARRAY_SIZE(zone_types); i++)
		CU_ASSERT_FALSE(update_rule_allows(&any, name, zone_types[i]));
	CU_ASSERT(update_rule_allows(&any, name, TYPE_A) && update_rule_allows(&any, name, 65280));
	CU_ASSERT(update_rule_allows(&rules[1], name, TYPE_TXT));
	CU_ASSERT_FALSE(update_rule_allows(&rules[1], name, TYPE_A));
	CU_ASSERT(update_rule_allows(&rules[1], name, TYPE_ANY));
	CU_ASSERT_FALSE(update_rule_allows(&rules[1], ours, TYPE_ANY));
}

/* --- what is told at once ------------------------------------------------------------------------------------ */

struct sent {
	uint8_t opcode;
	const char *zone;		/* "NAME TYPE" */
	const char *from;
	const struct tsig_key *key;
	uint16_t class;			/* 0: IN */
	bool stream, encrypted, serial, wrong;	/* serial: there's an SOA; wrong: the signature is of another message */
	uint16_t id;
};

static size_t
write_request(uint8_t *message, const struct sent *sent)
{
	static struct tsig_maker *maker;
	size_t length = world_request(message, sent->zone, (struct ask){ .edns = true });
	struct tsig tsig;

	message[2] = (uint8_t)(sent->opcode << 3);
	wire_put_u16(message, sent->id != 0 ? sent->id : 0x1234);
	if (sent->class != 0)
		wire_put_u16(message + length - OPT_SIZE - 2, sent->class);
	if (sent->serial) {
		static const uint8_t soa[] = "\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
		uint8_t opt[OPT_SIZE];

		memcpy(opt, message + length - OPT_SIZE, OPT_SIZE);
		memcpy(message + length - OPT_SIZE, soa, sizeof(soa) - 1);
		memcpy(message + length - OPT_SIZE + sizeof(soa) - 1, opt, OPT_SIZE);
		length += sizeof(soa) - 1;
		message[7] = 1;
	}
	if (sent->key == NULL)
		return length;
	if (maker == NULL)
		maker = tsig_maker_new();
	length = tsig_sign_request(&tsig, maker, sent->key, message, length, 1000000);
	if (sent->wrong)
		message[HEADER_SIZE + 1] ^= 1;
	return length;
}

static struct world *world;
static struct request_desk *desk;
static struct tsig_maker *maker;

static void
open_desk(struct request_limits limits)
{
	set_addresses();
	world = malloc(sizeof(*world));
	desk = request_desk_new(&limits, 1);
	maker = tsig_maker_new();
	if (world == NULL || desk == NULL || maker == NULL)
		abort();
	world_open(world, (struct world_parts){ .zones = { { "example.com.", zone_text } } });
}

static void
close_desk(void)
{
	request_desk_free(desk);
	world_close(world);
	tsig_maker_free(maker);
	free(world);
}

static void
on_ready(void *arg, struct deferred *request)
{
	(void)arg;
	deferred_free(request);
}

static struct answer_env
env_for(const struct sent *sent)
{
	static const struct later later = { .ready = on_ready };
	struct answer_env env = world_env(world, (struct ask){ .stream = sent->stream, .client = sent->from });

	env.encrypted = sent->encrypted;
	env.tsig = maker;
	env.keys = &all_keys;
	env.now = 1000000;
	env.requests = &published;
	env.request_desk = desk;
	env.later = &later;
	return env;
}

/* The response's rcode, 1000 more with AA; -1: it comes later. */
static int
hand_in(const struct sent *sent)
{
	struct answer_env env = env_for(sent);
	struct stream_source source = { .next = NULL };
	uint8_t message[1000];
	size_t length = write_request(message, sent);

	env.source = sent->stream ? &source : NULL;
	world->length = answer(&env, message, length, world->response, sent->stream ? ANSWER_SIZE_MAX : 1232);
	if (world->length == 0) {
		CU_ASSERT_EQUAL(source.next != NULL, sent->stream);
		return -1;
	}
	CU_ASSERT_EQUAL(source.next, NULL);
	CU_ASSERT_EQUAL(world->response[2] & 0x78, sent->opcode << 3);
	CU_ASSERT_EQUAL(wire_get_u16(world->response), wire_get_u16(message));
	return (world->response[3] & 15) + ((world->response[2] & 4) != 0 ? 1000 : 0);
}

static void
test_updates(void)
{
	static const struct { const char *name; struct sent sent; int told; } rows[] = {
		{ "signed",
		    { .opcode = 5, .zone = "example.com. SOA", .from = "198.51.100.1", .key = &keys[0] }, -1 },
		{ "in capitals",
		    { .opcode = 5, .zone = "EXAMPLE.com. SOA", .from = "198.51.100.2", .key = &keys[0], .id = 2 }, -1 },
		{ "by TCP",
		    { .opcode = 5, .zone = "example.com. SOA", .from = "198.51.100.3", .key = &keys[0], .stream = true }, -1 },
		{ "from an address that's enough",
		    { .opcode = 5, .zone = "example.com. SOA", .from = "192.0.2.7" }, -1 },
		{ "from another",
		    { .opcode = 5, .zone = "example.com. SOA", .from = "198.51.100.1" }, RCODE_REFUSED },
		{ "by TLS",
		    { .opcode = 5, .zone = "example.com. SOA", .from = "198.51.100.1", .key = &keys[1], .stream = true,
			.encrypted = true }, -1 },
		{ "the same by TCP",
		    { .opcode = 5, .zone = "example.com. SOA", .from = "198.51.100.1", .key = &keys[1], .stream = true }, RCODE_REFUSED },
		{ "a broken signature",
		    { .opcode = 5, .zone = "example.com. SOA", .from = "192.0.2.7", .key = &keys[0], .wrong = true }, RCODE_NOTAUTH },
		{ "no apex",
		    { .opcode = 5, .zone = "www.example.com. SOA", .from = "192.0.2.7", .key = &keys[0] }, RCODE_NOTAUTH },
		{ "no zone",
		    { .opcode = 5, .zone = "example.net. SOA", .from = "192.0.2.7", .key = &keys[0] }, RCODE_NOTAUTH },
		{ "another type",
		    { .opcode = 5, .zone = "example.com. A", .from = "192.0.2.7", .key = &keys[0] }, RCODE_FORMERR },
		{ "another class",
		    { .opcode = 5, .zone = "example.com. SOA", .from = "192.0.2.7", .class = CLASS_CH }, RCODE_NOTAUTH },
	};
	struct answer_env env;
	struct deferred *request;
	unsigned waiting = 0;

	open_desk((struct request_limits){ 10, 10 });
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int told = hand_in(&rows[i].sent);

		SUITE_ROW(rows[i].name, told == rows[i].told);
		waiting += told < 0;
	}
	CU_ASSERT_EQUAL(request_desk_waiting(desk), waiting);
	CU_ASSERT_EQUAL(world->counters.updates[RCODE_REFUSED], 2);
	CU_ASSERT_EQUAL(world->counters.updates[RCODE_NOTAUTH], 3);	/* a broken signature isn't an UPDATE of anybody's */
	request = request_desk_next(desk);
	CU_ASSERT_FATAL(request != NULL);
	CU_ASSERT_EQUAL(request->key, &keys[0]);
	CU_ASSERT_EQUAL(memcmp(request->apex, ours, sizeof(ours)), 0);
	CU_ASSERT_EQUAL(wire_get_u16(request->message + 10), 1);	/* OPT, and TSIG no more */
	deferred_answer(request, RCODE_YXDOMAIN, EDE_OTHER, "it's there");
	env = env_for(&rows[0].sent);
	request = request_desk_answered(desk, 0);
	answer_later(&env, request);
	CU_ASSERT_EQUAL(request->response[3] & 15, RCODE_YXDOMAIN);
	CU_ASSERT_EQUAL(wire_get_u16(request->response + 10), 2);	/* OPT and TSIG */
	CU_ASSERT_EQUAL(world->counters.updates[RCODE_YXDOMAIN], 1);
	deferred_free(request);
	CU_ASSERT_EQUAL(request_desk_waiting(desk), waiting - 1);
	close_desk();
}

/* What is here, and not up to date by somebody else's word; a server without a store; one without rules. */
static void
test_other_worlds(void)
{
	static const struct sent update = { .opcode = 5, .zone = "example.com. SOA", .from = "192.0.2.7", .key = &keys[0] };
	static const struct request_zone secondary = { .apex = ours, .secondary = true, .rule_count = 1, .rules = rules };
	const struct requests worlds[] = { { 0 }, { .zone_count = 1, .zones = &secondary },
		{ .zone_count = ARRAY_SIZE(zones), .zones = zones, .storeless = true } };
	static const unsigned told[] = { RCODE_REFUSED, RCODE_NOTIMP, RCODE_REFUSED };
	uint8_t message[1000];
	size_t length = write_request(message, &update);

	open_desk((struct request_limits){ 10, 10 });
	for (size_t i = 0; i <= ARRAY_SIZE(worlds); i++) {
		struct answer_env env = env_for(&update);

		env.requests = i < ARRAY_SIZE(worlds) ? &worlds[i] : NULL;
		CU_ASSERT(answer(&env, message, length, world->response, 1232) > 0);
		CU_ASSERT_EQUAL(world->response[3] & 15, i < ARRAY_SIZE(worlds) ? told[i] : RCODE_REFUSED);
	}
	CU_ASSERT_EQUAL(request_desk_waiting(desk), 0);
	close_desk();
}

static void
test_notifies(void)
{
	static const struct { const char *name; struct sent sent; int told; bool noticed; uint32_t serial; } rows[] = {
		{ "of a primary",
		    { .opcode = 4, .zone = "sec.example.org. SOA", .from = "192.0.2.1" }, 1000, true, 0 },
		{ "with a serial",
		    { .opcode = 4, .zone = "sec.example.org. SOA", .from = "192.0.2.1", .serial = true }, 1000, true, 7 },
		{ "signed, though it needn't",
		    { .opcode = 4, .zone = "sec.example.org. SOA", .from = "192.0.2.1", .key = &keys[1] }, 1000, true, 0 },
		{ "by TCP",
		    { .opcode = 4, .zone = "sec.example.org. SOA", .from = "192.0.2.1", .stream = true }, 1000, true, 0 },
		{ "with its key",
		    { .opcode = 4, .zone = "sec.example.org. SOA", .from = "192.0.2.2", .key = &keys[0] }, 1000, true, 0 },
		{ "without",
		    { .opcode = 4, .zone = "sec.example.org. SOA", .from = "192.0.2.2" }, RCODE_REFUSED, false, 0 },
		{ "with another key",
		    { .opcode = 4, .zone = "sec.example.org. SOA", .from = "192.0.2.2", .key = &keys[1] }, RCODE_REFUSED, false, 0 },
		{ "with a broken signature",
		    { .opcode = 4, .zone = "sec.example.org. SOA", .from = "192.0.2.2", .key = &keys[0], .wrong = true },
		    RCODE_NOTAUTH, false, 0 },
		{ "of somebody else",
		    { .opcode = 4, .zone = "sec.example.org. SOA", .from = "192.0.2.3" }, RCODE_REFUSED, false, 0 },
		{ "of a zone that's our own",
		    { .opcode = 4, .zone = "example.com. SOA", .from = "192.0.2.1" }, RCODE_NOTAUTH, false, 0 },
		{ "of a zone that isn't here",
		    { .opcode = 4, .zone = "example.net. SOA", .from = "192.0.2.1" }, RCODE_NOTAUTH, false, 0 },
		{ "of another type",
		    { .opcode = 4, .zone = "sec.example.org. A", .from = "192.0.2.1" }, RCODE_FORMERR, false, 0 },
	};
	struct notice notice;

	open_desk((struct request_limits){ 10, 10 });
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		SUITE_ROW(rows[i].name, hand_in(&rows[i].sent) == rows[i].told);
		SUITE_ROW(rows[i].name, request_desk_next_notice(desk, &notice) == rows[i].noticed);
		if (rows[i].noticed)
			SUITE_ROW(rows[i].name, memcmp(notice.apex, second, sizeof(second)) == 0
			    && notice.has_serial == rows[i].sent.serial && notice.serial == rows[i].serial);
	}
	/* Control needs to know of each once. */
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(hand_in(&rows[0].sent), 1000);
	CU_ASSERT_EQUAL(hand_in(&rows[4].sent), 1000);
	CU_ASSERT(request_desk_next_notice(desk, &notice) && request_desk_next_notice(desk, &notice));
	CU_ASSERT_FALSE(request_desk_next_notice(desk, &notice));
	CU_ASSERT_EQUAL(world->counters.notifies[0], 9);
	close_desk();
}

/* --- limits -------------------------------------------------------------------------------------------------- */

static void
test_limits(void)
{
	static const struct sent twice = { .opcode = 5, .zone = "example.com. SOA", .from = "192.0.2.9" };
	struct sent sent = { .opcode = 5, .zone = "example.com. SOA", .from = "192.0.2.7", .key = &keys[0], .stream = true };
	struct deferred *request;

	open_desk((struct request_limits){ 5, 3 });
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(hand_in(&sent), -1);
	CU_ASSERT_EQUAL(hand_in(&sent), RCODE_REFUSED);
	sent.from = "192.0.2.8";
	CU_ASSERT_EQUAL(hand_in(&sent), -1);
	CU_ASSERT_EQUAL(hand_in(&twice), -1);
	CU_ASSERT_EQUAL(hand_in(&sent), RCODE_SERVFAIL);
	/* One that has gone makes room. */
	request = request_desk_next(desk);
	CU_ASSERT_FATAL(request != NULL);
	deferred_answer(request, RCODE_NOERROR, EDE_NONE, "");
	deferred_free(request_desk_answered(desk, 0));
	/* A datagram that comes again has no answer of its own. */
	CU_ASSERT_EQUAL(hand_in(&twice), -1);
	CU_ASSERT_EQUAL(world->counters.updates_repeated, 1);
	CU_ASSERT_EQUAL(request_desk_waiting(desk), 4);
	CU_ASSERT_EQUAL(hand_in(&(struct sent){ .opcode = 5, .zone = "example.com. SOA", .from = "192.0.2.9", .id = 9 }), -1);
	CU_ASSERT_EQUAL(request_desk_waiting(desk), 5);
	close_desk();		/* with four of them on it */
}

/* --- by sockets ---------------------------------------------------------------------------------------------- */

static const struct server_options usual = { .workers = 2, .udp_payload = 1232, .tcp_idle_ms = 30000,
	.tcp_query_ms = 30000, .tcp_answer_ms = 30000, .tls_handshake_ms = 30000,
	.connections = { 100, 50, 32, 128 }, .handshakes = { 100, 50, 32, 128 }, .tcp_in_flight = 100,
	.requests = { 50, 50 } };

static struct server *server;
static int woken;			/* an eventfd */

static void
on_woken(void *arg)
{
	uint64_t one = 1;
	(void)arg;

	if (write(woken, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void
start(const char *address)
{
	static struct prefix proxy;
	struct server_options options = usual;
	struct server_listen listen = { .port = 0 };
	struct text error = { 0 };

	set_addresses();
	if (prefix_parse("127.0.0.0/8", &friends[0]) != 0 || prefix_parse("127.0.0.9/32", &proxy) != 0
	    || address_parse(address, &listen.address) != 0)
		abort();
	world = malloc(sizeof(*world));
	world_open(world, (struct world_parts){ .zones = { { "example.com.", zone_text } }, .workers = 2 });
	options.listens = &listen;
	options.listen_count = 1;
	options.proxies = &proxy;
	options.proxy_count = 1;
	options.keys = &all_keys;
	server = server_start(&options, world->snapshot, &error);
	if (server == NULL) {
		fprintf(stderr, "%s\n", error.bytes);
		abort();
	}
	woken = eventfd(0, 0);
	desk = server_request_desk(server);
	request_desk_listen(desk, on_woken, NULL);
	server_requests(server, &published);
}

static void
stop(void)
{
	server_stop(server);
	world_close(world);
	free(world);
	close(woken);
}

/* As the control thread takes it. */
static struct deferred *
next_request(void)
{
	struct deferred *request;
	uint64_t count;

	while ((request = request_desk_next(desk)) == NULL && readable(woken))
		if (read(woken, &count, sizeof(count)) != sizeof(count))
			abort();
	return request;
}

static void
send_update(int fd, uint16_t id, bool stream)
{
	const struct sent sent = { .opcode = 5, .zone = "example.com. SOA", .id = id };
	uint8_t bytes[1000];
	size_t length = write_request(bytes + 2, &sent);

	wire_put_u16(bytes, (unsigned)length);
	write_whole(fd, bytes + (stream ? 0 : 2), length + (stream ? 2 : 0));
}

static void
send_stream_query(int fd, uint16_t id)
{
	uint8_t bytes[600];

	write_whole(fd, bytes, stream_request(bytes, "www.example.com. A", id));
}

static void
send_datagram_query(int fd, uint16_t id)
{
	uint8_t bytes[600];
	size_t length = stream_request(bytes, "www.example.com. A", id);

	write_whole(fd, bytes + 2, length - 2);
}

/* Also by sockets that are bound to every address, whose answers must come from the one that was asked. */
static void
test_datagrams(void)
{
	static const char *const bound[] = { "127.0.0.1", "0.0.0.0" }, *const asked[] = { "127.0.0.1", "127.0.0.5" };

	for (size_t i = 0; i < ARRAY_SIZE(bound); i++) {
		struct deferred *request;
		uint8_t bytes[2000];
		size_t length;
		int fd;

		start(bound[i]);
		fd = client_to(SOCK_DGRAM, NULL, asked[i], server_port(server, 0));
		send_update(fd, 77, false);
		request = next_request();
		CU_ASSERT_FATAL(request != NULL);
		send_update(fd, 77, false);
		send_datagram_query(fd, 78);
		length = receive(fd, bytes, sizeof(bytes));
		CU_ASSERT(is_answer(bytes, length, 78, RCODE_NOERROR));	/* which doesn't wait */
		deferred_answer(request, RCODE_NXRRSET, EDE_NONE, "");
		length = receive(fd, bytes, sizeof(bytes));
		CU_ASSERT(is_answer(bytes, length, 77, RCODE_NXRRSET));
		CU_ASSERT_EQUAL(bytes[2] & 0x78, OPCODE_UPDATE << 3);
		CU_ASSERT_EQUAL(request_desk_next(desk), NULL);
		close(fd);
		stop();
	}
}

/* The proxy gets the answer for the client that it told of, whose address counts. */
static void
test_proxied(void)
{
	static const char header[] = "\r\n\r\n\0\r\nQUIT\n" "\x21\x11\0\x0c" "\x7f\0\0\7" "\x7f\0\0\1" "\x30\x39\0\x35";
	struct deferred *request;
	struct address named;
	uint8_t bytes[2000];
	size_t length;
	int fd;

	start("127.0.0.1");
	fd = client_to(SOCK_DGRAM, "127.0.0.9", "127.0.0.1", server_port(server, 0));
	memcpy(bytes, header, sizeof(header) - 1);
	length = write_request(bytes + sizeof(header) - 1, &(struct sent){ .opcode = 5, .zone = "example.com. SOA", .id = 5 });
	CU_ASSERT_EQUAL(send(fd, bytes, sizeof(header) - 1 + length, 0), (ssize_t)(sizeof(header) - 1 + length));
	request = next_request();
	CU_ASSERT_FATAL(request != NULL);
	CU_ASSERT(address_parse("127.0.0.7", &named) == 0 && memcmp(&named, &request->client, sizeof(named)) == 0);
	deferred_answer(request, RCODE_NOERROR, EDE_NONE, "");
	CU_ASSERT(is_answer(bytes, receive(fd, bytes, sizeof(bytes)), 5, RCODE_NOERROR));
	close(fd);
	stop();
}

/* What stands behind it in the stream waits, and is answered in its order. */
static void
test_streams(void)
{
	struct deferred *request;
	uint8_t bytes[ANSWER_SIZE_MAX];
	int fd, other;

	start("127.0.0.1");
	fd = client_to(SOCK_STREAM, NULL, "127.0.0.1", server_port(server, 0));
	other = client_to(SOCK_STREAM, NULL, "127.0.0.1", server_port(server, 0));
	send_stream_query(fd, 1);
	send_update(fd, 2, true);
	for (uint16_t id = 3; id < 10; id++)
		send_stream_query(fd, id);
	send_update(fd, 10, true);
	request = next_request();
	CU_ASSERT_FATAL(request != NULL);
	CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), 1, RCODE_NOERROR));
	send_stream_query(other, 20);	/* nobody else waits */
	CU_ASSERT(is_answer(bytes, read_answer(other, bytes), 20, RCODE_NOERROR));
	CU_ASSERT_EQUAL(request_desk_next(desk), NULL);
	deferred_answer(request, RCODE_YXRRSET, EDE_NONE, "");
	CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), 2, RCODE_YXRRSET));
	for (uint16_t id = 3; id < 10; id++)
		CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), id, RCODE_NOERROR));
	request = next_request();
	CU_ASSERT_FATAL(request != NULL);
	deferred_answer(request, RCODE_NOERROR, EDE_NONE, "");
	CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), 10, RCODE_NOERROR));
	send_stream_query(fd, 11);	/* and it's read again */
	CU_ASSERT(is_answer(bytes, read_answer(fd, bytes), 11, RCODE_NOERROR));
	close(fd);
	close(other);
	stop();
}

/* More than the stream holds stands behind it: it's read when its turn has come. */
static void
test_much_behind(void)
{
	enum { QUERIES = 6000 };
	struct deferred *request;
	uint8_t bytes[ANSWER_SIZE_MAX];
	unsigned good = 0;
	int fd;

	start("127.0.0.1");
	fd = client_to(SOCK_STREAM, NULL, "127.0.0.1", server_port(server, 0));
	send_update(fd, 1, true);
	request = next_request();
	CU_ASSERT_FATAL(request != NULL);
	for (unsigned i = 0; i < QUERIES; i++)
		send_stream_query(fd, (uint16_t)(2 + i));
	deferred_answer(request, RCODE_NOERROR, EDE_NONE, "");
	for (unsigned i = 0; i <= QUERIES; i++)
		good += is_answer(bytes, read_answer(fd, bytes), (uint16_t)(1 + i), RCODE_NOERROR);
	CU_ASSERT_EQUAL(good, QUERIES + 1);
	close(fd);
	stop();
}

static void
wait_until_gone(unsigned connections)
{
	for (unsigned i = 0; i < PATIENCE_MS && server_connections(server) != connections; i++)
		poll(NULL, 0, 1);
	CU_ASSERT_EQUAL(server_connections(server), connections);
}

/* The client is gone when the answer comes; and so is the worker. */
static void
test_gone(void)
{
	struct linger at_once = { 1, 0 };
	struct deferred *requests[3];
	int fds[3];

	start("127.0.0.1");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = client_to(SOCK_STREAM, NULL, "127.0.0.1", server_port(server, 0));
		send_update(fds[i], 1, true);
		requests[i] = next_request();
		CU_ASSERT_FATAL(requests[i] != NULL);
	}
	setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fds[0]);
	deferred_answer(requests[0], RCODE_NOERROR, EDE_NONE, "");
	wait_until_gone(2);
	for (unsigned i = 0; i < PATIENCE_MS && request_desk_waiting(desk) != 2; i++)
		poll(NULL, 0, 1);
	CU_ASSERT_EQUAL(request_desk_waiting(desk), 2);
	send_update(fds[1], 2, true);	/* it's never read */
	deferred_answer(requests[1], RCODE_SERVFAIL, EDE_NONE, "");
	deferred_answer(requests[2], RCODE_SERVFAIL, EDE_NONE, "");
	stop();		/* with answers that may or may not be sent, and a request that may or may not have come */
	close(fds[1]);
	close(fds[2]);
}

static const struct suite_case cases[] = {
	{ .name = "patterns of names", .run = test_patterns },
	{ .name = "types", .run = test_types },
	{ .name = "UPDATE", .run = test_updates },
	{ .name = "UPDATE where none can be done", .run = test_other_worlds },
	{ .name = "NOTIFY", .run = test_notifies },
	{ .name = "limits, and what comes again", .run = test_limits },
	{ .name = "datagrams", .run = test_datagrams },
	{ .name = "behind a proxy", .run = test_proxied },
	{ .name = "streams", .run = test_streams },
	{ .name = "much behind it in a stream", .run = test_much_behind },
	{ .name = "clients and workers that go away", .run = test_gone },
};

int
main(void)
{
	return suite_run("requests", cases, ARRAY_SIZE(cases));
}
