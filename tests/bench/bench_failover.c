/* bench_failover.c -- how long it takes from the report of a dead region to the first right answer.
 * In: bench_failover SOCKET ADDRESS PORT NAME REGION DEAD [ROUNDS]: isobard's API socket, where it answers, a service,
 * a region of it, and the address of that region's A record.  Out: lines "NAME VALUE UNIT".
 * One round: two good reports, until the address is answered; then a report without a healthy backend is sent, and
 * while its acknowledgement is awaited, the name is asked again and again, for one client of that region. Taken are
 *	report_to_right: from the first octet of the report sent to the arrival of the first answer without the address;
 *	report_to_ack: from there to the acknowledgement, which needs the report on the disk;
 *	right_after_ack: answers with the address that were asked for after the acknowledgement. It must be 0.
 * A query takes some 20 to 50 us on loopback, and that's the resolution. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 10000
#define CLIENTS 4096		/* tried for one that is the region's */
#define PATIENCE_US 5e6		/* an answer or acknowledgement that takes longer has failed */

struct bench {
	const char *socket_path, *name, *region;
	uint8_t dead[4];
	int api, dns;
	unsigned client;	/* its network is 10.x.y.0/24 */
	unsigned rounds;
	uint64_t sequence;
	uint16_t id;
	char response[4096];	/* what has come of an answer of the API's */
	size_t received;
};

struct round_times { double right_us, ack_us; };

static void connect_dns(struct bench *b, const char *address, const char *port);
static void connect_api(struct bench *b);
static void find_client(struct bench *b);
static bool ask(struct bench *b, unsigned client);
static size_t write_query(struct bench *b, unsigned client, uint8_t query[static 512]);
static void revive(struct bench *b);
static unsigned measure(struct bench *b, struct round_times *times);
static void send_report(struct bench *b, bool healthy);
static bool acknowledged(struct bench *b);
static void await_acknowledgement(struct bench *b);
static void print_percentiles(const char *name, double *values, unsigned count);
static int compare(const void *a, const void *b);
static double now_us(void);
static void die(const char *what);

int
main(int argc, char **argv)
{
	struct bench b = { .api = -1, .dns = -1, .rounds = 200 };
	static struct round_times times[ROUNDS_MAX];
	static double right[ROUNDS_MAX], ack[ROUNDS_MAX];
	unsigned wrong = 0;

	if (argc < 7) {
		fprintf(stderr, "usage: bench_failover SOCKET ADDRESS PORT NAME REGION DEAD [ROUNDS]\n");
		return 2;
	}
	b.socket_path = argv[1];
	b.name = argv[4];
	b.region = argv[5];
	if (inet_pton(AF_INET, argv[6], b.dead) != 1)
		die("DEAD is no IPv4 address");
	if (argc > 7)
		b.rounds = (unsigned)strtoul(argv[7], NULL, 10);
	if (b.rounds == 0 || b.rounds > ROUNDS_MAX)
		die("1 to 10000 rounds");
	b.sequence = (uint64_t)time(NULL) * 1000;
	connect_dns(&b, argv[2], argv[3]);
	connect_api(&b);
	send_report(&b, true);
	await_acknowledgement(&b);
	find_client(&b);
	for (unsigned i = 0; i < b.rounds; i++) {
		revive(&b);
		wrong += measure(&b, &times[i]);
		right[i] = times[i].right_us;
		ack[i] = times[i].ack_us;
	}
	revive(&b);
	print_percentiles("report_to_right", right, b.rounds);
	print_percentiles("report_to_ack", ack, b.rounds);
	printf("right_after_ack %u wrong answers\n", wrong);
	return wrong == 0 ? 0 : 1;
}

static void
connect_dns(struct bench *b, const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	struct timeval patience = { .tv_sec = 2 };

	b->dns = socket(AF_INET, SOCK_DGRAM, 0);
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || b->dns < 0 ||
	    connect(b->dns, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
	    setsockopt(b->dns, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0)
		die("the DNS address");
}

static void
connect_api(struct bench *b)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (b->api >= 0)
		close(b->api);
	if (strlen(b->socket_path) >= sizeof(to.sun_path))
		die("the socket's path is too long");
	memcpy(to.sun_path, b->socket_path, strlen(b->socket_path) + 1);
	b->api = socket(AF_UNIX, SOCK_STREAM, 0);
	if (b->api < 0 || connect(b->api, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
	    fcntl(b->api, F_SETFL, O_NONBLOCK) != 0)
		die("the API's socket");
}

static void
find_client(struct bench *b)
{
	double end = now_us() + PATIENCE_US;

	/* The region may be dead from what came before: two good reports bring it back. */
	send_report(b, true);
	await_acknowledgement(b);
	do {
		for (b->client = 0; b->client < CLIENTS; b->client++)
			if (ask(b, b->client))
				return;
	} while (now_us() < end);
	die("no client gets the region's address");
}

/* True when the answer has the region's address. */
static bool
ask(struct bench *b, unsigned client)
{
	uint8_t query[512], response[4096];
	size_t length = write_query(b, client, query);
	ssize_t got;

	if (send(b->dns, query, length, 0) != (ssize_t)length)
		die("send");
	do {
		got = recv(b->dns, response, sizeof(response), 0);
		if (got < 0)
			die("no answer");
	} while (got < 12 || response[0] != query[0] || response[1] != query[1]);
	return memmem(response, (size_t)got, b->dead, sizeof(b->dead)) != NULL;
}

static size_t
write_query(struct bench *b, unsigned client, uint8_t query[static 512])
{
	const uint8_t tail[] = {
		0, 0, 1, 0, 1,					/* the root label; A, IN */
		0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 11,		/* OPT, 1232 octets */
		0, 8, 0, 7, 0, 1, 24, 0, 10, (uint8_t)(client >> 8), (uint8_t)client,	/* client subnet */
	};
	size_t length = 12;

	b->id++;
	memcpy(query, (const uint8_t[12]){ (uint8_t)(b->id >> 8), (uint8_t)b->id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1 }, 12);
	for (const char *label = b->name; *label != '\0';) {
		size_t size = strcspn(label, ".");

		if (size == 0 || size > 63 || length + size > 256)
			die("the name isn't one");
		query[length++] = (uint8_t)size;
		memcpy(query + length, label, size);
		length += size;
		label += size + (label[size] == '.');
	}
	memcpy(query + length, tail, sizeof(tail));
	return length + sizeof(tail);
}

static void
revive(struct bench *b)
{
	double end = now_us() + PATIENCE_US;

	for (unsigned i = 0; i < 2; i++) {
		send_report(b, true);
		await_acknowledgement(b);
	}
	while (!ask(b, b->client))
		if (now_us() > end)
			die("the region doesn't come back");
}

/* The number of wrong answers after the acknowledgement. */
static unsigned
measure(struct bench *b, struct round_times *times)
{
	double begin = now_us();
	bool right = false, acked = false;
	unsigned wrong = 0;

	send_report(b, false);
	while (!right || !acked) {
		bool asked_after = acked, dead = ask(b, b->client);
		double now = now_us();

		if (!dead && !right) {
			right = true;
			times->right_us = now - begin;
		}
		wrong += dead && asked_after;
		if (!acked && acknowledged(b)) {
			acked = true;
			times->ack_us = now_us() - begin;
		}
		if (now - begin > PATIENCE_US)
			die("the report isn't acknowledged, or the answer doesn't change");
	}
	return wrong;
}

static void
send_report(struct bench *b, bool healthy)
{
	char body[512], request[1024];
	int length, size;

	b->sequence++;
	length = snprintf(body, sizeof(body), "{\"agent\": \"bench\", \"sequence\": %llu, \"time\": %llu, "
	    "\"backends\": [{\"name\": \"web\", \"service\": \"%s.\", \"address\": \"bench\", \"healthy\": %s}]}",
	    (unsigned long long)b->sequence, (unsigned long long)time(NULL), b->name, healthy ? "true" : "false");
	size = snprintf(request, sizeof(request), "POST /v1/regions/%s/reports HTTP/1.1\r\nHost: isobard\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", b->region, length, body);
	if (length >= (int)sizeof(body) || size >= (int)sizeof(request))
		die("names are too long");
	b->received = 0;
	if (send(b->api, request, (size_t)size, MSG_NOSIGNAL) != size)
		die("the API's connection");
}

/* True when the whole answer is there: its headers, and the body that Content-Length tells of. */
static bool
acknowledged(struct bench *b)
{
	const char *body, *length;
	ssize_t got = recv(b->api, b->response + b->received, sizeof(b->response) - 1 - b->received, 0);

	if (got == 0 || (got < 0 && errno != EAGAIN))
		die("the API's connection");
	if (got < 0)
		return false;
	b->received += (size_t)got;
	b->response[b->received] = '\0';
	body = strstr(b->response, "\r\n\r\n");
	length = strcasestr(b->response, "\r\ncontent-length:");
	if (body == NULL || length == NULL)
		return false;
	if (b->received - (size_t)(body + 4 - b->response) < strtoul(length + 17, NULL, 10))
		return false;
	if (strncmp(b->response, "HTTP/1.1 20", 11) != 0) {
		fprintf(stderr, "%s\n", b->response);
		die("the report was refused");
	}
	return true;
}

static void
await_acknowledgement(struct bench *b)
{
	double end = now_us() + PATIENCE_US;

	while (!acknowledged(b))
		if (now_us() > end)
			die("the report isn't acknowledged");
}

static void
print_percentiles(const char *name, double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	printf("%s_median %.0f us\n", name, values[count / 2]);
	printf("%s_p99 %.0f us\n", name, values[count * 99 / 100]);
	printf("%s_most %.0f us\n", name, values[count - 1]);
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
die(const char *what)
{
	fprintf(stderr, "bench_failover: %s\n", what);
	exit(1);
}
