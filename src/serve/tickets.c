/* tickets.c -- see tickets.h.
 * In: the time.  Out: keys.  Threads: any.
 * Whoever learns a key can open the tickets that it sealed, and with them what was said in those sessions where TLS 1.2
 * is spoken. So keys are drawn at random, none is derived from another or written down, and each is wiped when it's
 * replaced. An hour a key and two more hours of opening are longer than a ticket lives (tls_context.c). */
#include "serve/tickets.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct tickets {
	uv_mutex_t lock;
	struct mono turned;
	unsigned count;
	struct ticket_key keys[TICKETS_KEYS];	/* the newest first */
};

static bool add_key(struct tickets *tickets);

struct tickets *
tickets_new(struct mono now)
{
	struct tickets *tickets = calloc(1, sizeof(*tickets));

	if (tickets == NULL)
		return NULL;
	tickets->turned = now;
	if (uv_mutex_init(&tickets->lock) != 0) {
		free(tickets);
		return NULL;
	}
	if (!add_key(tickets)) {
		tickets_free(tickets);
		return NULL;
	}
	return tickets;
}

void
tickets_free(struct tickets *tickets)
{
	if (tickets == NULL)
		return;
	uv_mutex_destroy(&tickets->lock);
	OPENSSL_cleanse(tickets, sizeof(*tickets));
	free(tickets);
}

void
tickets_turn(struct tickets *tickets, struct mono now)
{
	if (mono_ms_between(tickets->turned, now) < TICKETS_TURN_MS)
		return;
	uv_mutex_lock(&tickets->lock);
	if (add_key(tickets))
		tickets->turned = now;
	uv_mutex_unlock(&tickets->lock);
}

/* False: there are no dice; the keys stay. */
static bool
add_key(struct tickets *tickets)
{
	struct ticket_key key;

	if (RAND_bytes(key.name, sizeof(key.name)) != 1 || RAND_priv_bytes(key.cipher, sizeof(key.cipher)) != 1
	    || RAND_priv_bytes(key.mac, sizeof(key.mac)) != 1)
		return false;
	memmove(tickets->keys + 1, tickets->keys, (TICKETS_KEYS - 1) * sizeof(key));
	tickets->keys[0] = key;
	OPENSSL_cleanse(&key, sizeof(key));
	if (tickets->count < TICKETS_KEYS)
		tickets->count++;
	return true;
}

void
tickets_newest(struct tickets *tickets, struct ticket_key *key)
{
	uv_mutex_lock(&tickets->lock);
	*key = tickets->keys[0];
	uv_mutex_unlock(&tickets->lock);
}

bool
tickets_find(struct tickets *tickets, const uint8_t name[static TICKET_NAME_SIZE], struct ticket_key *key,
	bool *newest)
{
	bool found = false;

	uv_mutex_lock(&tickets->lock);
	for (unsigned i = 0; i < tickets->count && !found; i++) {
		found = memcmp(tickets->keys[i].name, name, TICKET_NAME_SIZE) == 0;
		if (found) {
			*key = tickets->keys[i];
			*newest = i == 0;
		}
	}
	uv_mutex_unlock(&tickets->lock);
	return found;
}
