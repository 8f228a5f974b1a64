/* ecsflood.c -- asks one name for many clients, by EDNS Client Subnet, and prints what each of them was answered.
 * In: ecsflood [-n CLIENTS] [-f FIRST] [-t A|AAAA|TXT] [-w WINDOW] ADDRESS PORT NAME.  Out: a line for each client, in
 * their order: "10.0.7.0/24 127.0.0.11 24", its network, the answer and ECS scope ("-" without one). The answer is the
 * first address, "NODATA", "TC", or the rcode; "NONE" when nothing came after TRIES queries. Exit 1 if so for any.
 * Client number i is the network 10.0.0.0 + 256 i, /24. WINDOW queries are under way at a time on one connected UDP
 * socket; the message ID tells whose answer came. Shares, comparisons and sums are for awk, diff and uniq.
 * It's written without the code under test: wire.h has the few lines of wire format. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define CLIENTS_MAX 60000	/* one message ID each */
#define RETRY_MS 1000		/* an answer of a resolver that asks others first comes in some milliseconds */
#define TRIES 8

struct client {
	int64_t asked_ms;	/* 0: not yet */
	unsigned tries;
	bool done;
	struct wire_answer answer;
};

struct flood {
	int socket;
	unsigned count, first, window, under_way, done;
	uint16_t type;
	uint8_t name[256];
	size_t name_length;
	struct client *clients;
};

static void read_arguments(struct flood *f, int argc, char **argv);
static void connect_to(struct flood *f, const char *address, const char *port);
static void ask_due(struct flood *f);
static void ask(struct flood *f, unsigned i);
static void take_responses(struct flood *f);
static bool print_answers(const struct flood *f);
static int64_t now_ms(void);
static void die(const char *what);

int
main(int argc, char **argv)
{
	struct flood f = { .count = 10000, .window = 64, .type = TYPE_A };
	struct pollfd readable;
	bool all;

	read_arguments(&f, argc, argv);
	f.clients = calloc(f.count, sizeof(*f.clients));
	if (f.clients == NULL)
		die("out of memory");
	readable = (struct pollfd){ .fd = f.socket, .events = POLLIN };
	while (f.done < f.count) {
		ask_due(&f);
		if (poll(&readable, 1, 20) < 0 && errno != EINTR)
			die("poll");
		take_responses(&f);
	}
	all = print_answers(&f);
	free(f.clients);
	return all ? 0 : 1;
}

static void
read_arguments(struct flood *f, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:f:t:w:")) != -1) {
		switch (option) {
		case 'n':
			f->count = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'f':
			f->first = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 't':
			f->type = strcmp(optarg, "AAAA") == 0 ? TYPE_AAAA
				: strcmp(optarg, "TXT") == 0 ? TYPE_TXT : TYPE_A;
			break;
		case 'w':
			f->window = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			exit(2);
		}
	}
	if (argc - optind != 3 || f->count == 0 || f->count > CLIENTS_MAX || f->window == 0 || f->first > CLIENTS_MAX) {
		fputs("usage: ecsflood [-n CLIENTS] [-f FIRST] [-t A|AAAA|TXT] [-w WINDOW] ADDRESS PORT NAME\n",
		    stderr);
		exit(2);
	}
	f->name_length = wire_name(argv[optind + 2], f->name);
	if (f->name_length == 0)
		die("the name isn't one");
	connect_to(f, argv[optind], argv[optind + 1]);
}

static void
connect_to(struct flood *f, const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		die("no IPv4 address");
	f->socket = socket(AF_INET, SOCK_DGRAM, 0);
	if (f->socket < 0 || connect(f->socket, (const struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect");
}

/* New clients while the window has room; those whose answer is overdue once more. */
static void
ask_due(struct flood *f)
{
	int64_t now = now_ms();

	for (unsigned i = 0; i < f->count; i++) {
		struct client *client = &f->clients[i];

		if (client->done)
			continue;
		if (client->asked_ms == 0 && f->under_way >= f->window)
			break;		/* those behind weren't asked either */
		if (client->asked_ms != 0 && now - client->asked_ms < RETRY_MS)
			continue;
		if (client->tries == TRIES) {
			client->answer = (struct wire_answer){ .text = "NONE", .scope = -1 };
			client->done = true;
			f->done++;
			f->under_way--;
			continue;
		}
		f->under_way += client->asked_ms == 0;
		ask(f, i);
		client->asked_ms = now;
		client->tries++;
	}
}

static void
ask(struct flood *f, unsigned i)
{
	uint8_t query[WIRE_QUERY_SIZE];
	size_t length = wire_query(query, (uint16_t)i, f->name, f->name_length, f->type, 10 << 16 | (f->first + i));

	/* What can't be sent now counts as lost, and is sent again. */
	if (send(f->socket, query, length, 0) < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
		die("send");
}

static void
take_responses(struct flood *f)
{
	uint8_t message[WIRE_RESPONSE_SIZE];
	ssize_t length;

	while ((length = recv(f->socket, message, sizeof(message), MSG_DONTWAIT)) >= 12) {
		unsigned i = wire_u16(message);

		if ((message[2] & 0x80) == 0 || i >= f->count || f->clients[i].asked_ms == 0 || f->clients[i].done)
			continue;
		f->clients[i].answer = wire_answer(message, (size_t)length, f->type);
		f->clients[i].done = true;
		f->done++;
		f->under_way--;
	}
}

/* False when a client got no answer. */
static bool
print_answers(const struct flood *f)
{
	bool all = true;

	for (unsigned i = 0; i < f->count; i++) {
		const struct client *client = &f->clients[i];
		unsigned network = f->first + i;

		printf("10.%u.%u.0/24 %s ", network >> 8, network & 255, client->answer.text);
		if (client->answer.scope < 0)
			printf("-\n");
		else
			printf("%d\n", client->answer.scope);
		all = all && strcmp(client->answer.text, "NONE") != 0;
	}
	return all;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
die(const char *what)
{
	fprintf(stderr, "ecsflood: %s: %s\n", what, strerror(errno));
	exit(1);
}
