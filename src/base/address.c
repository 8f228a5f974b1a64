/* address.c -- IP addresses and prefixes as bytes and as text.
 * The text forms are libc's (inet_pton, inet_ntop), which refuses octal and shortened IPv4. An IPv4-mapped IPv6 address
 * (RFC 4291 section 2.5.5.2) is IPv4 here, so that a dual-stack socket and a client group agree on who a client is.
 * Invariant: bytes that an address doesn't use, and a prefix's bits behind its length, are zero; memcmp compares. */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static void take_ipv6(struct address *address, const uint8_t bytes[static 16]);
static int read_number(const char *text, unsigned most, unsigned *number);

int
address_parse(const char *text, struct address *address)
{
	struct address read = { .bits = 32 };
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, read.bytes) == 1) {
		*address = read;
		return 0;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return -EINVAL;
	take_ipv6(address, bytes);
	return 0;
}

static void
take_ipv6(struct address *address, const uint8_t bytes[static 16])
{
	*address = (struct address){ .bits = 128 };
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		address->bits = 32;
		memcpy(address->bytes, bytes + sizeof(mapped), 4);
	} else {
		memcpy(address->bytes, bytes, 16);
	}
}

const char *
address_text(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
	int family = address->bits == 32 ? AF_INET : AF_INET6;

	if (address->bits == 0 || inet_ntop(family, address->bytes, text, ADDRESS_TEXT_SIZE) == NULL)
		snprintf(text, ADDRESS_TEXT_SIZE, "none");
	return text;
}

void
address_of_sockaddr(struct address *address, const struct sockaddr *from)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	*address = (struct address){ 0 };
	if (from->sa_family == AF_INET) {
		memcpy(&in4, from, sizeof(in4));
		address->bits = 32;
		memcpy(address->bytes, &in4.sin_addr, 4);
	} else if (from->sa_family == AF_INET6) {
		memcpy(&in6, from, sizeof(in6));
		take_ipv6(address, in6.sin6_addr.s6_addr);
	}
}

void
address_of_bytes(struct address *address, const uint8_t *bytes, unsigned bits)
{
	if (bits == 128) {
		take_ipv6(address, bytes);
		return;
	}
	*address = (struct address){ .bits = 32 };
	memcpy(address->bytes, bytes, 4);
}

uint16_t
address_port(const struct sockaddr *from)
{
	return ntohs(from->sa_family == AF_INET ? ((const struct sockaddr_in *)(const void *)from)->sin_port
		: ((const struct sockaddr_in6 *)(const void *)from)->sin6_port);
}

socklen_t
address_to_sockaddr(const struct address *address, uint16_t port, struct sockaddr_storage *to)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memset(to, 0, sizeof(*to));
	if (address->bits == 32) {
		memcpy(&in4.sin_addr, address->bytes, 4);
		memcpy(to, &in4, sizeof(in4));
		return sizeof(in4);
	}
	memcpy(&in6.sin6_addr, address->bytes, 16);
	memcpy(to, &in6, sizeof(in6));
	return sizeof(in6);
}

int
address_parse_listen(const char *text, uint16_t port, struct address *address, uint16_t *chosen)
{
	const char *at = strchr(text, '@');
	size_t length = at == NULL ? strlen(text) : (size_t)(at - text);
	char host[ADDRESS_TEXT_SIZE];
	unsigned number = port;

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (at != NULL && read_number(at + 1, UINT16_MAX, &number) != 0)
		return -EINVAL;
	if (address_parse(host, address) != 0)
		return -EINVAL;
	*chosen = (uint16_t)number;
	return 0;
}

/* Digits only: strtoul() would take blanks and signs. */
static int
read_number(const char *text, unsigned most, unsigned *number)
{
	*number = 0;
	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		*number = *number * 10 + (unsigned)(*text - '0');
		if (*number > most)
			return -ERANGE;
	}
	return 0;
}

int
prefix_parse(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char host[ADDRESS_TEXT_SIZE];
	struct address address;
	unsigned length, most;
	int rc;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (address_parse(host, &address) != 0)
		return -EINVAL;
	most = strchr(host, ':') == NULL ? 32 : 128;
	rc = read_number(slash + 1, most, &length);
	if (rc != 0)
		return rc;
	if (most != address.bits) {	/* an IPv4-mapped one, whose first 96 bits are fixed */
		if (length < 96)
			return -ERANGE;
		length -= 96;
	}
	prefix->address = address;
	prefix->length = (uint8_t)length;
	address_mask(&prefix->address, length);
	return memcmp(prefix->address.bytes, address.bytes, sizeof(address.bytes)) == 0 ? 0 : -EDOM;
}

const char *
prefix_text(const struct prefix *prefix, char text[static ADDRESS_TEXT_SIZE])
{
	size_t used;

	address_text(&prefix->address, text);
	used = strlen(text);
	snprintf(text + used, ADDRESS_TEXT_SIZE - used, "/%u", prefix->length);
	return text;
}

void
address_mask(struct address *address, unsigned length)
{
	size_t whole = length / 8;

	if (whole >= sizeof(address->bytes))
		return;
	address->bytes[whole] &= (uint8_t)(0xff00u >> (length % 8));
	memset(address->bytes + whole + 1, 0, sizeof(address->bytes) - whole - 1);
}

bool
prefix_covers(const struct prefix *prefix, const struct address *address)
{
	struct address masked = *address;

	if (address->bits != prefix->address.bits)
		return false;
	address_mask(&masked, prefix->length);
	return memcmp(masked.bytes, prefix->address.bytes, sizeof(masked.bytes)) == 0;
}

bool
prefixes_cover(const struct prefix *prefixes, size_t count, const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_covers(&prefixes[i], address))
			return true;
	return false;
}
