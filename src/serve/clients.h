/* clients.h -- how many TCP connections each client has, over all workers. Threads: any; a lock, held for a table
 * probe, is taken when a connection comes and when it goes, never for a query. */
#ifndef ISOBAR_SERVE_CLIENTS_H
#define ISOBAR_SERVE_CLIENTS_H

#include <stdbool.h>

#include "base/address.h"
#include "base/contract.h"

struct clients;

/* At most `limit` connections, at most `per_client` of one address. NULL: out of memory. */
struct clients *clients_new(unsigned limit, unsigned per_client) MUST_USE;
void clients_free(struct clients *clients);	/* NULL is allowed */

/* Counts a connection of this address, unless a limit forbids it. */
bool clients_enter(struct clients *clients, const struct address *address) NONNULL MUST_USE;
void clients_leave(struct clients *clients, const struct address *address) NONNULL;	/* for one that entered */
unsigned clients_count(struct clients *clients) NONNULL;

#endif
