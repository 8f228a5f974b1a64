/* clients.c -- connections by client, in an open-addressing table.
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
	unsigned limit, per_client, total;
	size_t mask;		/* places - 1 */
	struct entry *entries;
};

static size_t home_of(const struct clients *clients, const struct address *address);
static size_t place_of(const struct clients *clients, const struct address *address);
static void take_out(struct clients *clients, size_t hole);

struct clients *
clients_new(unsigned limit, unsigned per_client)
{
	struct clients *clients = calloc(1, sizeof(*clients));
	size_t places = 8;

	if (clients == NULL)
		return NULL;
	while (places < (size_t)limit * 2)
		places *= 2;
	clients->entries = calloc(places, sizeof(*clients->entries));
	if (clients->entries == NULL || uv_mutex_init(&clients->lock) != 0) {
		free(clients->entries);
		free(clients);
		return NULL;
	}
	clients->mask = places - 1;
	clients->limit = limit;
	clients->per_client = per_client;
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

bool
clients_enter(struct clients *clients, const struct address *address)
{
	struct entry *entry;
	bool within;

	uv_mutex_lock(&clients->lock);
	entry = &clients->entries[place_of(clients, address)];
	within = clients->total < clients->limit && entry->connections < clients->per_client;
	if (within) {
		entry->address = *address;
		entry->connections++;
		clients->total++;
	}
	uv_mutex_unlock(&clients->lock);
	return within;
}

void
clients_leave(struct clients *clients, const struct address *address)
{
	size_t at;

	uv_mutex_lock(&clients->lock);
	at = place_of(clients, address);
	assert(clients->entries[at].connections > 0);
	clients->total--;
	if (--clients->entries[at].connections == 0)
		take_out(clients, at);
	uv_mutex_unlock(&clients->lock);
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
