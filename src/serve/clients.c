/* clients.c -- connections by a client's prefix, in an open-addressing table.
 * In: addresses that come and go.  Out: whether one more is within the limits.
 * Threads: any, by one lock. Limits a worker would be cheaper and wrong: the kernel spreads connections by a hash, so
 * one worker may get most of them.
 * The table has at least twice as many places as there may be connections, so it's never more than half full. An entry
 * whose last connection went is taken out by moving those behind it forward (no tombstones), so it doesn't wear out. */
#include "serve/clients.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/hash.h"

struct entry {
	struct address address;
	unsigned connections;	/* 0: a free place */
};

struct clients {
	uv_mutex_t lock;
	struct clients_limits limits;
	unsigned total;
	size_t mask;		/* places - 1 */
	struct entry *entries;
};

static enum clients_verdict enter_prefix(struct clients *clients, const struct address *address);
static struct address prefix_of(const struct clients *clients, const struct address *address);
static size_t home_of(const struct clients *clients, const struct address *address);
static size_t place_of(const struct clients *clients, const struct address *address);
static void take_out(struct clients *clients, size_t hole);

struct clients *
clients_new(const struct clients_limits *limits)
{
	struct clients *clients = calloc(1, sizeof(*clients));
	size_t places = 8;

	if (clients == NULL)
		return NULL;
	while (places < (size_t)limits->all * 2)
		places *= 2;
	clients->entries = calloc(places, sizeof(*clients->entries));
	if (clients->entries == NULL || uv_mutex_init(&clients->lock) != 0) {
		free(clients->entries);
		free(clients);
		return NULL;
	}
	clients->mask = places - 1;
	clients->limits = *limits;
	return clients;
}

void
clients_free(struct clients *clients)
{
	if (clients == NULL)
		return;
	uv_mutex_destroy(&clients->lock);
	free(clients->entries);
	free(clients);
}

enum clients_verdict
clients_enter(struct clients *clients, const struct address *address)
{
	enum clients_verdict verdict = CLIENTS_FULL;

	uv_mutex_lock(&clients->lock);
	if (clients->total < clients->limits.all) {
		verdict = enter_prefix(clients, address);
		clients->total += verdict == CLIENTS_WITHIN;
	}
	uv_mutex_unlock(&clients->lock);
	return verdict;
}

enum clients_verdict
clients_name(struct clients *clients, const struct address *address)
{
	enum clients_verdict verdict;

	uv_mutex_lock(&clients->lock);
	verdict = enter_prefix(clients, address);
	uv_mutex_unlock(&clients->lock);
	return verdict;
}

/* Under the lock. */
static enum clients_verdict
enter_prefix(struct clients *clients, const struct address *address)
{
	struct address prefix = prefix_of(clients, address);
	struct entry *entry;

	if (address->bits == 0)
		return CLIENTS_WITHIN;
	entry = &clients->entries[place_of(clients, &prefix)];
	if (entry->connections >= clients->limits.per_prefix)
		return CLIENTS_PREFIX_FULL;
	entry->address = prefix;
	entry->connections++;
	return CLIENTS_WITHIN;
}

static struct address
prefix_of(const struct clients *clients, const struct address *address)
{
	struct address prefix = *address;

	address_mask(&prefix, prefix.bits == 32 ? clients->limits.ipv4_prefix : clients->limits.ipv6_prefix);
	return prefix;
}

void
clients_leave(struct clients *clients, const struct address *address)
{
	struct address prefix = prefix_of(clients, address);

	uv_mutex_lock(&clients->lock);
	clients->total--;
	if (address->bits != 0) {
		size_t at = place_of(clients, &prefix);

		assert(clients->entries[at].connections > 0);
		if (--clients->entries[at].connections == 0)
			take_out(clients, at);
	}
	uv_mutex_unlock(&clients->lock);
}

bool
clients_are_one(const struct clients *clients, const struct address *a, const struct address *b)
{
	struct address x = prefix_of(clients, a), y = prefix_of(clients, b);

	return memcmp(&x, &y, sizeof(x)) == 0;
}

static size_t
home_of(const struct clients *clients, const struct address *address)
{
	return hash64(address, sizeof(*address), 0) & clients->mask;
}

/* Where the address is, or the free place where it would be put. */
static size_t
place_of(const struct clients *clients, const struct address *address)
{
	size_t at = home_of(clients, address);

	while (clients->entries[at].connections > 0
	    && memcmp(&clients->entries[at].address, address, sizeof(*address)) != 0)
		at = (at + 1) & clients->mask;
	return at;
}

/* An entry behind the hole may move into it unless its home lies between the two. */
static void
take_out(struct clients *clients, size_t hole)
{
	for (size_t at = (hole + 1) & clients->mask; clients->entries[at].connections > 0;
	    at = (at + 1) & clients->mask) {
		size_t home = home_of(clients, &clients->entries[at].address);

		if (((at - home) & clients->mask) < ((at - hole) & clients->mask))
			continue;
		clients->entries[hole] = clients->entries[at];
		clients->entries[at].connections = 0;
		hole = at;
	}
}

unsigned
clients_count(struct clients *clients)
{
	unsigned total;

	uv_mutex_lock(&clients->lock);
	total = clients->total;
	uv_mutex_unlock(&clients->lock);
	return total;
}
