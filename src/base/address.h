/* address.h -- IP addresses and prefixes as bytes and as text. Threads: any; pure. */
#ifndef ISOBAR_BASE_ADDRESS_H
#define ISOBAR_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/contract.h"

/* An IPv4 address is 4 bytes at the front of `bytes`, the rest is zero. IPv4-mapped IPv6 is turned into IPv4. */
struct address {
	uint8_t bytes[16];
	uint8_t bits;		/* 32 or 128; 0: none */
};

struct prefix {
	struct address address;	/* bits behind `length` are zero */
	uint8_t length;
};

#define ADDRESS_TEXT_SIZE 64	/* holds a prefix too, and ADDRESS@PORT */

int address_parse(const char *text, struct address *address) NONNULL MUST_USE;	/* 0 or -EINVAL */
const char *address_text(const struct address *address, char text[static ADDRESS_TEXT_SIZE]) NONNULL;
void address_of_sockaddr(struct address *address, const struct sockaddr *from) NONNULL;
void address_of_bytes(struct address *address, const uint8_t *bytes, unsigned bits) NONNULL;	/* 32 or 128 */
uint16_t address_port(const struct sockaddr *from) NONNULL;
socklen_t address_to_sockaddr(const struct address *address, uint16_t port, struct sockaddr_storage *to) NONNULL;

/* "ADDRESS@PORT"; the port defaults to `port` when it's left out. 0 or -EINVAL. */
int address_parse_listen(const char *text, uint16_t port, struct address *address, uint16_t *chosen) NONNULL MUST_USE;

/* "192.0.2.0/24". -EINVAL for no prefix at all, -ERANGE for a bad length, -EDOM when bits behind the length are set;
 * with -EDOM, *prefix is the one without those bits, which a message can suggest. */
int prefix_parse(const char *text, struct prefix *prefix) NONNULL MUST_USE;
const char *prefix_text(const struct prefix *prefix, char text[static ADDRESS_TEXT_SIZE]) NONNULL;
void address_mask(struct address *address, unsigned length) NONNULL;	/* zeroes the bits behind `length` */
bool prefix_covers(const struct prefix *prefix, const struct address *address) NONNULL;
/* One of them does; with none `prefixes` may be NULL. */
bool prefixes_cover(const struct prefix *prefixes, size_t count, const struct address *address)
	__attribute__((nonnull(3)));

#endif
