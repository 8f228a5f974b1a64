/* browsers.c -- clients with DNS caches that make HTTP requests: what backends really get when isobard shares clients.
 * In: browsers [-t SECONDS] [-s SEED] [-l MS] ADDRESS PORT NAME HTTP-PORT GROUP...; a GROUP is "10.1:40:95": the 40 networks
 * 10.1.0.0/24, 10.1.1.0/24, ... ask by EDNS Client Subnet, and make 95 requests/s in all.
 * Out: each second, for each address that was asked: "SECOND ADDRESS SENT FAILED SLOW", SECOND being the wall clock's. At
 * the end "total SENT FAILED SLOW". Ends after SECONDS, or on SIGTERM. Slow are those that were answered well, but
 * after more than MS.
 * Requests are a Poisson process over all groups. Which network makes one is drawn in proportion to 1 / (k + 14), k its
 * place in the group: resolvers differ in size. A network keeps its answer for the TTL, its first one for a part of it
 * drawn at random, as if it had been cached before. Requests are made one after the other: each takes well under a
 * millisecond on loopback, and a dead backend refuses at once. One that takes longer than TIMEOUT_MS has failed. */
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define TIMEOUT_MS 500
#define TARGETS_MAX 16

struct network {
	uint32_t prefix;		/* the first 24 bits */
	double rate, until;		/* requests/s; the sum of all up to this one */
	int64_t expires_us;		/* of the answer that it has */
	bool asked;
	struct in_addr address;		/* 0: no answer */
};

struct target {
	struct in_addr address;
	unsigned sent, failed, slow;	/* in this second */
};

struct browsers {
	const char *server, *port;
	uint8_t name[256];
	size_t name_length;
	uint16_t http_port;
	unsigned seconds;
	int64_t slow_us;
	uint64_t random;
	int socket;
	struct network *networks;
	size_t count;
	double rate;			/* of all */
	struct target targets[TARGETS_MAX];
	uint64_t sent, failed, slow;
};

static volatile sig_atomic_t ended;

static void read_arguments(struct browsers *b, int argc, char **argv);
static void add_group(struct browsers *b, const char *text);
static void run(struct browsers *b);
static struct network *draw_network(struct browsers *b);
static void refresh(struct browsers *b, struct network *network, int64_t now);
static bool ask(struct browsers *b, const struct network *network, struct wire_answer *answer);
static bool get(const struct browsers *b, struct in_addr address);
static bool wait_for(int fd, short events);
static struct target *target_of(struct browsers *b, struct in_addr address);
static void print_second(struct browsers *b);
static double uniform(struct browsers *b);
static int64_t now_us(clockid_t clock);
static void die(const char *what);
static void on_signal(int signal) { (void)signal; ended = 1; }

int
main(int argc, char **argv)
{
	struct browsers b = { .seconds = 10, .slow_us = INT64_MAX, .random = 1 };

	read_arguments(&b, argc, argv);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGPIPE, SIG_IGN);
	run(&b);
	printf("total %llu %llu %llu\n", (unsigned long long)b.sent, (unsigned long long)b.failed,
	    (unsigned long long)b.slow);
	free(b.networks);
	return 0;
}

static void
read_arguments(struct browsers *b, int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int option;

	while ((option = getopt(argc, argv, "t:s:l:")) != -1) {
		if (option == 't')
			b->seconds = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 's')
			b->random = strtoull(optarg, NULL, 10);
		else if (option == 'l')
			b->slow_us = (int64_t)strtoul(optarg, NULL, 10) * 1000;
		else
			exit(2);
	}
	if (argc - optind < 5) {
		fputs("usage: browsers [-t SECONDS] [-s SEED] [-l MS] ADDRESS PORT NAME HTTP-PORT GROUP...\n", stderr);
		exit(2);
	}
	to.sin_port = htons((uint16_t)strtoul(argv[optind + 1], NULL, 10));
	b->name_length = wire_name(argv[optind + 2], b->name);
	b->http_port = (uint16_t)strtoul(argv[optind + 3], NULL, 10);
	if (inet_pton(AF_INET, argv[optind], &to.sin_addr) != 1 || b->name_length == 0)
		die("no IPv4 address, or no name");
	for (int i = optind + 4; i < argc; i++)
		add_group(b, argv[i]);
	b->socket = socket(AF_INET, SOCK_DGRAM, 0);
	if (b->socket < 0 || connect(b->socket, (const struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect");
}

static void
add_group(struct browsers *b, const char *text)
{
	unsigned first, second, count;
	double rate, sum = 0;

	if (sscanf(text, "%u.%u:%u:%lf", &first, &second, &count, &rate) != 4 || first > 255 || second > 255 || count < 1
	    || count > 256 || !(rate > 0))
		die("a group is like 10.1:40:95");
	b->networks = realloc(b->networks, (b->count + count) * sizeof(*b->networks));
	if (b->networks == NULL)
		die("out of memory");
	for (unsigned k = 0; k < count; k++)
		sum += 1.0 / (k + 14);
	for (unsigned k = 0; k < count; k++) {
		struct network *network = &b->networks[b->count++];

		*network = (struct network){ .prefix = first << 16 | second << 8 | k, .rate = rate / (k + 14) / sum };
		b->rate += network->rate;
		network->until = b->rate;
	}
}

static void
run(struct browsers *b)
{
	int64_t now = now_us(CLOCK_MONOTONIC), end = now + (int64_t)b->seconds * 1000000, next = now;
	int64_t second = now_us(CLOCK_REALTIME) / 1000000;

	while (!ended && now < end) {
		struct network *network = draw_network(b);
		struct target *target;
		bool failed, slow;

		next += (int64_t)(-log(uniform(b)) / b->rate * 1e6);
		while ((now = now_us(CLOCK_MONOTONIC)) < next && !ended) {
			int64_t left = next - now;

			usleep((useconds_t)(left < 100000 ? left : 100000));
		}
		if (now_us(CLOCK_REALTIME) / 1000000 != second) {
			print_second(b);
			second = now_us(CLOCK_REALTIME) / 1000000;
		}
		refresh(b, network, now);
		target = target_of(b, network->address);
		failed = network->address.s_addr == 0 || !get(b, network->address);
		slow = !failed && now_us(CLOCK_MONOTONIC) - now > b->slow_us;
		target->sent++;
		target->failed += failed;
		target->slow += slow;
		b->sent++;
		b->failed += failed;
		b->slow += slow;
	}
	print_second(b);
}

static struct network *
draw_network(struct browsers *b)
{
	double at = uniform(b) * b->rate;
	size_t low = 0, high = b->count - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (b->networks[middle].until < at)
			low = middle + 1;
		else
			high = middle;
	}
	return &b->networks[low];
}

static void
refresh(struct browsers *b, struct network *network, int64_t now)
{
	struct wire_answer answer;

	if (network->asked && now < network->expires_us)
		return;
	if (!ask(b, network, &answer))
		return;		/* what it has is used on, as resolvers that serve stale answers do */
	if (inet_pton(AF_INET, answer.text, &network->address) != 1)
		network->address.s_addr = 0;
	network->expires_us = now + (int64_t)(answer.ttl * 1e6 * (network->asked ? 1 : uniform(b)));
	network->asked = true;
}

static bool
ask(struct browsers *b, const struct network *network, struct wire_answer *answer)
{
	uint8_t query[WIRE_QUERY_SIZE], message[WIRE_RESPONSE_SIZE];
	uint16_t id = (uint16_t)(uniform(b) * 65536);
	size_t length = wire_query(query, id, b->name, b->name_length, TYPE_A, network->prefix);
	ssize_t got;

	for (int attempt = 0; attempt < 2; attempt++) {
		if (send(b->socket, query, length, 0) < 0)
			continue;
		while (wait_for(b->socket, POLLIN) && (got = recv(b->socket, message, sizeof(message), 0)) >= 12)
			if (wire_u16(message) == id) {
				*answer = wire_answer(message, (size_t)got, TYPE_A);
				return true;
			}
	}
	return false;
}

static bool
get(const struct browsers *b, struct in_addr address)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: browsers\r\nConnection: close\r\n\r\n";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(b->http_port), .sin_addr = address };
	struct linger reset = { 1, 0 };		/* no TIME_WAIT: thousands of them would use up the ports */
	char response[512];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
	bool good;

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	good = (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS)
	    && wait_for(fd, POLLOUT) && send(fd, request, sizeof(request) - 1, 0) == (ssize_t)sizeof(request) - 1
	    && wait_for(fd, POLLIN) && recv(fd, response, sizeof(response), 0) > 12
	    && memcmp(response + 8, " 200", 4) == 0;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	return good;
}

static bool
wait_for(int fd, short events)
{
	struct pollfd poller = { .fd = fd, .events = events };

	return poll(&poller, 1, TIMEOUT_MS) == 1 && (poller.revents & events) != 0;
}

static struct target *
target_of(struct browsers *b, struct in_addr address)
{
	for (size_t i = 0; i < TARGETS_MAX - 1; i++)
		if (b->targets[i].address.s_addr == address.s_addr
		    || (b->targets[i].sent == 0 && b->targets[i].address.s_addr == 0)) {
			b->targets[i].address = address;
			return &b->targets[i];
		}
	return &b->targets[TARGETS_MAX - 1];
}

static void
print_second(struct browsers *b)
{
	int64_t second = now_us(CLOCK_REALTIME) / 1000000 - 1;

	for (size_t i = 0; i < TARGETS_MAX; i++) {
		struct target *target = &b->targets[i];

		if (target->sent > 0)
			printf("%lld %s %u %u %u\n", (long long)second, inet_ntoa(target->address), target->sent,
			    target->failed, target->slow);
		target->sent = target->failed = target->slow = 0;
	}
	fflush(stdout);
}

/* xorshift64*; above 0, at most 1. */
static double
uniform(struct browsers *b)
{
	b->random = b->random == 0 ? 1 : b->random;
	b->random ^= b->random >> 12;
	b->random ^= b->random << 25;
	b->random ^= b->random >> 27;
	return ((double)(b->random * 0x2545f4914f6cdd1dULL >> 11) + 1) / 9007199254740992.0;
}

static int64_t
now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
die(const char *what)
{
	fprintf(stderr, "browsers: %s: %s\n", what, strerror(errno));
	exit(1);
}
