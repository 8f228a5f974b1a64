/* ecsflood.c -- asks one name for many clients, by EDNS Client Subnet, and prints what each of them was answered.
 * In: ecsflood [-n CLIENTS] [-f FIRST] [-t A|AAAA|TXT] [-w WINDOW] ADDRESS PORT NAME.  Out: a line for each client, in
 * their order: "10.0.7.0/24 127.0.0.11 24", its network, the answer and ECS scope ("-" without one). The answer is the
 * first address, "NODATA", "TC", or the rcode; "NONE" when nothing came after TRIES queries. Exit 1 if so for any.
 * Client number i is the network 10.0.0.0 + 256 i, /24. WINDOW queries are under way at a time on one connected UDP
 * socket; the message ID tells whose answer came. Shares, comparisons and sums are for awk, diff and uniq.
 * It's written without the code under test: its own few lines of wire format (RFC 1035, RFC 7871). */
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

#define CLIENTS_MAX 60000	/* one message ID each */
#define QUERY_SIZE 512
#define RESPONSE_SIZE 4096
#define RETRY_MS 1000		/* an answer of a resolver that asks others first comes in some milliseconds */
#define TRIES 8
#define TYPE_A 1
#define TYPE_TXT 16
#define TYPE_AAAA 28
#define TYPE_OPT 41
#define OPTION_CLIENT_SUBNET 8

struct client {
	int64_t asked_ms;	/* 0: not yet */
	unsigned tries;
	bool done;
	int scope;		/* -1: no ECS in the answer */
	char answer[INET6_ADDRSTRLEN];
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
static size_t parse_name(const char *text, uint8_t *wire);
static void ask_due(struct flood *f);
static void ask(struct flood *f, unsigned i);
static size_t write_query(const struct flood *f, unsigned i, uint8_t *query);
static void take_responses(struct flood *f);
static void read_response(const struct flood *f, const uint8_t *message, size_t length, struct client *client);
static unsigned get_u16(const uint8_t *at);
static size_t skip_name(const uint8_t *message, size_t length, size_t at);
static void read_options(const uint8_t *rdata, size_t length, struct client *client);
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
	f->name_length = parse_name(argv[optind + 2], f->name);
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

static size_t
parse_name(const char *text, uint8_t *wire)
{
	size_t length = 0;

	while (*text != '\0') {
		size_t label = strcspn(text, ".");

		if (label == 0 || label > 63 || length + label + 2 > 255)
			die("the name isn't one");
		wire[length++] = (uint8_t)label;
		memcpy(wire + length, text, label);
		length += label;
		text += label + (text[label] == '.');
	}
	wire[length++] = 0;
	return length;
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
			snprintf(client->answer, sizeof(client->answer), "NONE");
			client->scope = -1;
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
	uint8_t query[QUERY_SIZE];
	size_t length = write_query(f, i, query);

	/* What can't be sent now counts as lost, and is sent again. */
	if (send(f->socket, query, length, 0) < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
		die("send");
}

static size_t
write_query(const struct flood *f, unsigned i, uint8_t *query)
{
	unsigned network = f->first + i;
	const uint8_t header[12] = { (uint8_t)(i >> 8), (uint8_t)i, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 1 };
	const uint8_t opt[] = {
		0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0, 0,	/* the root, OPT, 1232 octets */
		0, 11, 0, OPTION_CLIENT_SUBNET, 0, 7,
		0, 1, 24, 0, 10, (uint8_t)(network >> 8), (uint8_t)network,
	};
	size_t length = sizeof(header);

	memcpy(query, header, sizeof(header));
	memcpy(query + length, f->name, f->name_length);
	length += f->name_length;
	query[length++] = (uint8_t)(f->type >> 8);
	query[length++] = (uint8_t)f->type;
	query[length++] = 0;
	query[length++] = 1;
	memcpy(query + length, opt, sizeof(opt));
	return length + sizeof(opt);
}

static void
take_responses(struct flood *f)
{
	uint8_t message[RESPONSE_SIZE];
	ssize_t length;

	while ((length = recv(f->socket, message, sizeof(message), MSG_DONTWAIT)) >= 12) {
		unsigned i = get_u16(message);

		if ((message[2] & 0x80) == 0 || i >= f->count || f->clients[i].asked_ms == 0 || f->clients[i].done)
			continue;
		read_response(f, message, (size_t)length, &f->clients[i]);
		f->clients[i].done = true;
		f->done++;
		f->under_way--;
	}
}

static void
read_response(const struct flood *f, const uint8_t *message, size_t length, struct client *client)
{
	static const char *const rcodes[16] = { "NODATA", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	unsigned answers = get_u16(message + 6), rcode = message[3] & 15;
	unsigned records = answers + get_u16(message + 8) + get_u16(message + 10);
	size_t at = skip_name(message, length, 12) + 4;
	bool found = false;

	client->scope = -1;
	snprintf(client->answer, sizeof(client->answer), "%s",
	    message[2] & 2 ? "TC" : rcodes[rcode] != NULL ? rcodes[rcode] : "RCODE");
	for (unsigned i = 0; i < records; i++) {
		unsigned type, rdlength;

		at = skip_name(message, length, at);
		if (at + 10 > length)
			return;
		type = get_u16(message + at);
		rdlength = get_u16(message + at + 8);
		at += 10;
		if (at + rdlength > length)
			return;
		if (type == TYPE_OPT) {
			read_options(message + at, rdlength, client);
		} else if (i < answers && type == f->type && !found) {
			found = true;
			if (type == TYPE_A && rdlength == 4)
				inet_ntop(AF_INET, message + at, client->answer, sizeof(client->answer));
			else if (type == TYPE_AAAA && rdlength == 16)
				inet_ntop(AF_INET6, message + at, client->answer, sizeof(client->answer));
			else if (type == TYPE_TXT && rdlength > 1 && message[at] < rdlength)
				snprintf(client->answer, sizeof(client->answer), "%.*s", (int)message[at],
				    (const char *)message + at + 1);
		}
		at += rdlength;
	}
}

static unsigned
get_u16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* Past `length` when the name doesn't end. */
static size_t
skip_name(const uint8_t *message, size_t length, size_t at)
{
	while (at < length && message[at] != 0) {
		if (message[at] >= 0xc0)
			return at + 2;
		at += 1u + message[at];
	}
	return at + 1;
}

static void
read_options(const uint8_t *rdata, size_t length, struct client *client)
{
	for (size_t at = 0; at + 4 <= length;) {
		unsigned code = get_u16(rdata + at), size = get_u16(rdata + at + 2);

		if (code == OPTION_CLIENT_SUBNET && size >= 4 && at + 8 <= length)
			client->scope = rdata[at + 7];
		at += 4 + size;
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

		printf("10.%u.%u.0/24 %s ", network >> 8, network & 255, client->answer);
		if (client->scope < 0)
			printf("-\n");
		else
			printf("%d\n", client->scope);
		all = all && strcmp(client->answer, "NONE") != 0;
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
