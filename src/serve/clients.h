/* clients.h -- how many of something (connections, handshakes) each client has, over all workers. A client is a prefix:
 * whoever has one address of a network tends to have them all. Threads: any; a lock, held for a table probe, is taken
 * when a connection comes and when it goes, never for a query. */
#ifndef ISOBAR_SERVE_CLIENTS_H
#define ISOBAR_SERVE_CLIENTS_H

#include <stdbool.h>

#include "base/address.h"
#include "base/contract.h"

struct clients;

struct clients_limits {
	unsigned all, per_prefix;
	uint16_t ipv4_prefix, ipv6_prefix;	/* lengths */
};

enum clients_verdict { CLIENTS_WITHIN, CLIENTS_FULL, CLIENTS_PREFIX_FULL };

/* NULL: out of memory. */
struct clients *clients_new(const struct clients_limits *limits) NONNULL MUST_USE;
void clients_free(struct clients *clients);	/* NULL is allowed */

/* Counts one of this address, unless a limit forbids it. An address of 0 bits, which is that of a client who isn't
 * known yet, has no prefix and counts in all only. */
enum clients_verdict clients_enter(struct clients *clients, const struct address *address) NONNULL MUST_USE;
/* One that entered unknown has got an address. Unless it's within the limit it stays unknown. */
enum clients_verdict clients_name(struct clients *clients, const struct address *address) NONNULL MUST_USE;
void clients_leave(struct clients *clients, const struct address *address) NONNULL;	/* for one that entered */
/* Both have the same share. */
bool clients_are_one(const struct clients *clients, const struct address *a, const struct address *b) NONNULL;
unsigned clients_count(struct clients *clients) NONNULL;

#endif
