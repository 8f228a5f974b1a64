/* liar.c -- `liar PORT ZONE`: a primary on 127.0.0.1 that tells of a new serial, and ends each transfer in the middle of
 * the zone. Runs until it's killed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dns/wire.h"

#define SERIAL 99

static uint8_t zone[NAME_MAX];
static size_t zone_length;

static size_t
put_record(uint8_t *to, uint16_t type, const void *rdata, size_t length)
{
	wire_put_u16(to, 0xc000 | HEADER_SIZE);
	wire_put_u16(to + 2, type);
	wire_put_u16(to + 4, CLASS_IN);
	wire_put_u32(to + 6, 300);
	wire_put_u16(to + 10, (unsigned)length);
	memcpy(to + 12, rdata, length);
	return 12 + length;
}

/* The SOA and, for a transfer, two records behind it; the SOA doesn't come again. 0: not our zone. */
static size_t
answer(const uint8_t *query, size_t length, bool transfer, uint8_t *response)
{
	static const uint8_t ns[] = "\3ns1\300\14", host[] = "\4host\300\14", address[] = { 192, 0, 2, 7 };
	uint8_t soa[sizeof(ns) - 1 + sizeof(host) - 1 + 20];
	size_t at = HEADER_SIZE + zone_length + 4, names = sizeof(ns) - 1 + sizeof(host) - 1;
	static const uint32_t numbers[] = { SERIAL, 3600, 600, 86400, 60 };

	if (length < at || memcmp(query + HEADER_SIZE, zone, zone_length) != 0)
		return 0;
	memcpy(soa, ns, sizeof(ns) - 1);
	memcpy(soa + sizeof(ns) - 1, host, sizeof(host) - 1);
	for (size_t i = 0; i < 5; i++)
		wire_put_u32(soa + names + 4 * i, numbers[i]);
	memcpy(response, query, at);
	wire_put_u16(response + 2, 0x8400);	/* a response, authoritative */
	wire_put_u16(response + 4, 1);
	wire_put_u16(response + 6, transfer ? 3 : 1);
	wire_put_u32(response + 8, 0);
	at += put_record(response + at, TYPE_SOA, soa, sizeof(soa));
	if (!transfer)
		return at;
	at += put_record(response + at, TYPE_NS, ns, sizeof(ns) - 1);
	return at + put_record(response + at, TYPE_A, address, sizeof(address));
}

static void
talk(int connection)
{
	uint8_t query[2 + 65535], response[2 + 2048];
	size_t used = 0, length;
	ssize_t count;

	while ((used < 2 || used < 2u + wire_get_u16(query))
	    && (count = recv(connection, query + used, sizeof(query) - used, 0)) > 0)
		used += (size_t)count;
	length = used < 2 ? 0 : answer(query + 2, used - 2, true, response + 2);
	wire_put_u16(response, (unsigned)length);
	if (length > 0 && send(connection, response, 2 + length, MSG_NOSIGNAL) < 0)
		perror("liar: send");
	close(connection);
}

static int
bound(int type, const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, type, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0
	    || bind(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 || (type == SOCK_STREAM && listen(fd, 8) != 0)) {
		perror("liar");
		exit(1);
	}
	return fd;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

	if (argc != 3 || (zone_length = name_parse(argv[2], zone)) == 0) {
		fprintf(stderr, "usage: liar PORT ZONE\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	fds[0].fd = bound(SOCK_DGRAM, &at);
	fds[1].fd = bound(SOCK_STREAM, &at);
	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents != 0) {
			uint8_t query[4096], response[2048];
			struct sockaddr_in from;
			socklen_t size = sizeof(from);
			ssize_t count = recvfrom(fds[0].fd, query, sizeof(query), 0, (struct sockaddr *)&from, &size);
			size_t length = count <= 0 ? 0 : answer(query, (size_t)count, false, response);

			if (length > 0)
				sendto(fds[0].fd, response, length, 0, (struct sockaddr *)&from, size);
		}
		if (fds[1].revents != 0) {
			int connection = accept(fds[1].fd, NULL, NULL);

			if (connection >= 0)
				talk(connection);
		}
	}
	return 1;
}
