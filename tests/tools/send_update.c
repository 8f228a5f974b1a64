/* send_update.c -- one UPDATE that adds an A record, in ways that nsupdate hasn't: by TLS, with a clock that's wrong, as
 * datagrams of which the second is the first again.
 * In: send_update udp|twice|tls ADDRESS PORT KEYFILE SECONDS ZONE OWNER IPV4; KEYFILE is what tsig-keygen writes, SECONDS
 * how much the clock is ahead.  Out: a line for each response: its rcode, "BADTIME" and the like, the text of its extended
 * error. Exit 1 when none came. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "transfer/tsig.h"
#include "transfer/tsig_secret.h"

#define PATIENCE_MS 10000
#define QUIET_MS 300		/* after the first response, until it's believed that there's no second */
#define MESSAGE_SIZE 4096

static void read_key(const char *path, struct tsig_key *key);
static size_t write_update(uint8_t *message, char **argv);
static size_t put_name(uint8_t *at, const char *text);
static size_t put_record(uint8_t *at, uint16_t type, uint16_t class, uint32_t ttl, const void *rdata, size_t length);
static bool by_datagrams(const char *address, const char *port, const uint8_t *message, size_t length, unsigned times);
static bool by_tls(const char *address, const char *port, const uint8_t *message, size_t length);
static int connect_to(int kind, const char *address, const char *port);
static bool tell(const uint8_t *response, size_t length);
static void die(const char *what);

int
main(int argc, char **argv)
{
	struct tsig_maker *maker = tsig_maker_new();
	uint8_t message[MESSAGE_SIZE];
	struct tsig_key key;
	struct tsig tsig;
	size_t length;
	bool answered;

	if (argc != 9 || maker == NULL)
		die("udp|twice|tls ADDRESS PORT KEYFILE SECONDS ZONE OWNER IPV4");
	read_key(argv[4], &key);
	length = write_update(message, argv + 6);
	length = tsig_sign_request(&tsig, maker, &key, message, length, (uint64_t)(time(NULL) + atol(argv[5])));
	answered = strcmp(argv[1], "tls") == 0 ? by_tls(argv[2], argv[3], message, length)
	    : by_datagrams(argv[2], argv[3], message, length, strcmp(argv[1], "twice") == 0 ? 2 : 1);
	tsig_maker_free(maker);
	return answered ? 0 : 1;
}

static void
read_key(const char *path, struct tsig_key *key)
{
	static char name[256];
	char algorithm[64];
	const char *why = "it isn't what tsig-keygen writes";
	size_t length;
	int error;
	char *text = text_read_file(path, 10000, &length, &error);

	memset(key, 0, sizeof(*key));
	if (text == NULL || sscanf(text, "key \"%255[^\"]\" { algorithm %63[^;]", name, algorithm) != 2
	    || name_parse(name, key->name) == 0 || !tsig_algorithm_parse(algorithm, &key->algorithm)
	    || !tsig_secret_read(key, text, &why))
		die(why);
	key->text = name;
	free(text);
}

/* ZONE OWNER IPV4 */
static size_t
write_update(uint8_t *message, char **argv)
{
	static const uint8_t header[HEADER_SIZE] = { 0x12, 0x34, 0x28, 0, 0, 1, 0, 0, 0, 1, 0, 1 };
	struct in_addr address;
	size_t at = sizeof(header);

	if (inet_pton(AF_INET, argv[2], &address) != 1)
		die("that's no IPv4 address");
	memcpy(message, header, sizeof(header));
	at += put_name(message + at, argv[0]);
	wire_put_u16(message + at, TYPE_SOA);
	wire_put_u16(message + at + 2, CLASS_IN);
	at += 4;
	at += put_name(message + at, argv[1]);
	at += put_record(message + at, TYPE_A, CLASS_IN, 60, &address, 4);
	message[at++] = 0;
	return at + put_record(message + at, TYPE_OPT, 1232, 0, NULL, 0);
}

static size_t
put_name(uint8_t *at, const char *text)
{
	size_t length = name_parse(text, at);

	if (length == 0)
		die("that's no name");
	return length;
}

/* All behind the owner. */
static size_t
put_record(uint8_t *at, uint16_t type, uint16_t class, uint32_t ttl, const void *rdata, size_t length)
{
	wire_put_u16(at, type);
	wire_put_u16(at + 2, class);
	wire_put_u16(at + 4, ttl >> 16);
	wire_put_u16(at + 6, ttl & 0xffff);
	wire_put_u16(at + 8, (unsigned)length);
	if (length > 0)
		memcpy(at + 10, rdata, length);
	return 10 + length;
}

static bool
by_datagrams(const char *address, const char *port, const uint8_t *message, size_t length, unsigned times)
{
	struct pollfd p = { .fd = connect_to(SOCK_DGRAM, address, port), .events = POLLIN };
	uint8_t response[MESSAGE_SIZE];
	bool answered = false;

	for (unsigned i = 0; i < times; i++)
		if (send(p.fd, message, length, 0) != (ssize_t)length)
			die("it can't be sent");
	while (poll(&p, 1, answered ? QUIET_MS : PATIENCE_MS) == 1) {
		ssize_t count = recv(p.fd, response, sizeof(response), 0);

		answered = count > 0 && tell(response, (size_t)count);
		if (!answered)
			break;
	}
	close(p.fd);
	return answered;
}

static bool
by_tls(const char *address, const char *port, const uint8_t *message, size_t length)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *tls = SSL_new(context);
	int fd = connect_to(SOCK_STREAM, address, port), got = 0;
	uint8_t octets[2 + MESSAGE_SIZE];

	wire_put_u16(octets, (unsigned)length);
	memcpy(octets + 2, message, length);
	if (SSL_set_fd(tls, fd) != 1 || SSL_connect(tls) != 1 || SSL_write(tls, octets, (int)length + 2) <= 0)
		die("no TLS");
	while (got < 2 || got < 2 + wire_get_u16(octets)) {
		int count = SSL_read(tls, octets + got, (int)sizeof(octets) - got);

		if (count <= 0)
			return false;
		got += count;
	}
	SSL_free(tls);
	SSL_CTX_free(context);
	close(fd);
	return tell(octets + 2, wire_get_u16(octets));
}

static int
connect_to(int kind, const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, kind, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1
	    || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("can't connect");
	return fd;
}

/* Its records are OPT and TSIG, and both, as far as they matter here, are found by what they're made of. */
static bool
tell(const uint8_t *response, size_t length)
{
	static const char *const rcodes[16] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN",
		"YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE" };
	struct wire_reader r = { .bytes = response, .size = length, .at = HEADER_SIZE };
	unsigned additional = length < HEADER_SIZE ? 0 : wire_get_u16(response + 10);

	if (length < HEADER_SIZE)
		return false;
	printf("%s", rcodes[response[3] & 15] == NULL ? "?" : rcodes[response[3] & 15]);
	if (wire_get_u16(response + 4) == 1) {
		wire_bytes(&r, name_length(response + r.at, length - r.at));
		wire_bytes(&r, 4);
	}
	for (; additional > 0 && !r.failed; additional--) {
		const uint8_t *rdata;
		uint16_t type, size;

		wire_bytes(&r, name_length(response + r.at, length - r.at));
		type = wire_u16(&r);
		wire_bytes(&r, 6);
		size = wire_u16(&r);
		rdata = wire_bytes(&r, size);
		if (r.failed)
			break;
		for (size_t at = 0; type == TYPE_OPT && at + 4 <= size; at += 4u + wire_get_u16(rdata + at + 2))
			if (wire_get_u16(rdata + at) == EDNS_ERROR && wire_get_u16(rdata + at + 2) > 2)
				printf(" %.*s", wire_get_u16(rdata + at + 2) - 2, (const char *)rdata + at + 6);
		/* The field Error stands before the last one, which is empty or, with BADTIME, a time of 6 octets. */
		if (type == TYPE_TSIG && size > 10 && wire_get_u16(rdata + size - 10) == TSIG_BADTIME)
			printf(" BADTIME");
	}
	printf("\n");
	return !r.failed;
}

static void
die(const char *what)
{
	fprintf(stderr, "send_update: %s\n", what);
	exit(2);
}
