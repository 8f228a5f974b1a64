/* dns_client.h -- for tests of servers: a client's sockets, DNS messages by UDP and TCP. Whoever waits, waits for a packet or
 * for the end of a connection. */
#ifndef ISOBAR_TESTS_DNS_CLIENT_H
#define ISOBAR_TESTS_DNS_CLIENT_H

#include <poll.h>
#include <sys/socket.h>

#include "dns/wire.h"
#include "world.h"

#define PATIENCE_MS 10000	/* far more than anything here takes; only a failure waits as long */

/* A client's socket, connected; `from` may be NULL. */
static inline int
client_to(int kind, const char *from, const char *to, uint16_t port)
{
	struct sockaddr_storage at;
	struct address address;
	socklen_t length;
	int fd;

	if (address_parse(to, &address) != 0)
		abort();
	length = address_to_sockaddr(&address, port, &at);
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

static inline bool
readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

/* One datagram, or 0 when none came. */
static inline size_t
receive(int fd, uint8_t *bytes, size_t size)
{
	ssize_t length = readable(fd) ? recv(fd, bytes, size, 0) : 0;

	return length > 0 ? (size_t)length : 0;
}

/* All of `size` octets. False at the end of the connection. */
static inline bool
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
static inline size_t
read_answer(int fd, uint8_t *bytes)
{
	uint8_t length[2];

	if (!read_whole(fd, length, 2) || !read_whole(fd, bytes, wire_get_u16(length)))
		return 0;
	return wire_get_u16(length);
}

static inline bool
ended(int fd)
{
	uint8_t byte;

	return readable(fd) && recv(fd, &byte, 1, 0) <= 0;
}

static inline void
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
static inline size_t
stream_request(uint8_t *bytes, const char *question, uint16_t id)
{
	size_t length = world_request(bytes + 2, question, (struct ask){ .edns = false });

	wire_put_u16(bytes, (unsigned)length);
	wire_put_u16(bytes + 2, id);
	return length + 2;
}

static inline bool
is_answer(const uint8_t *bytes, size_t length, uint16_t id, unsigned rcode)
{
	return length >= HEADER_SIZE && wire_get_u16(bytes) == id && (bytes[2] & 0x80) != 0
	    && (bytes[3] & 15u) == rcode;
}

#endif
