/* signature_cache.c -- a chained hash table of signatures, swept by rounds.
 * In: signatures by digest.  Out: them, until two rounds didn't use them.
 * Threads: see the header.  Memory: each signature is a piece of its own, since they come and go one by one.
 *
 * Two rounds and not one, because a change is often taken back: a record that is set and reset costs no signature, and
 * a dry run between two publications doesn't empty the cache. */
#include "dnssec/signature_cache.h"

#include <stdlib.h>
#include <string.h>

struct signature_cache {
	struct signature **chains;
	size_t size;		/* a power of two */
	size_t count;
	uint32_t round;
};

static bool grow(struct signature_cache *cache);
static struct signature **chain_of(const struct signature_cache *cache, const uint8_t *digest);

struct signature_cache *
signature_cache_new(void)
{
	struct signature_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL || !grow(cache)) {
		free(cache);
		return NULL;
	}
	return cache;
}

void
signature_cache_free(struct signature_cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < cache->size; i++)
		for (struct signature *s = cache->chains[i], *next; s != NULL; s = next) {
			next = s->next;
			free(s);
		}
	free(cache->chains);
	free(cache);
}

const struct signature *
signature_cache_find(const struct signature_cache *cache, const uint8_t digest[static SIGNED_DIGEST])
{
	const struct signature *signature = *chain_of(cache, digest);

	while (signature != NULL && memcmp(signature->digest, digest, SIGNED_DIGEST) != 0)
		signature = signature->next;
	return signature;
}

const struct signature *
signature_cache_put(struct signature_cache *cache, struct signature *made)
{
	struct signature **at;

	if (cache->count >= cache->size && !grow(cache)) {
		free(made);
		return NULL;
	}
	for (at = chain_of(cache, made->digest); *at != NULL; at = &(*at)->next) {
		struct signature *old = *at;

		if (memcmp(old->digest, made->digest, SIGNED_DIGEST) != 0)
			continue;
		if ((int32_t)(old->expiry - made->expiry) >= 0 && (int32_t)(old->inception - made->inception) <= 0) {
			free(made);
			return old;
		}
		*at = old->next;
		free(old);
		cache->count--;
		break;
	}
	made->next = *at;
	*at = made;
	cache->count++;
	return made;
}

static bool
grow(struct signature_cache *cache)
{
	struct signature **old = cache->chains;
	size_t old_size = cache->size, size = old_size == 0 ? 64 : old_size * 2;
	struct signature **chains = calloc(size, sizeof(*chains));

	if (chains == NULL)
		return false;
	cache->chains = chains;
	cache->size = size;
	for (size_t i = 0; i < old_size; i++)
		for (struct signature *s = old[i], *next; s != NULL; s = next) {
			struct signature **chain = chain_of(cache, s->digest);

			next = s->next;
			s->next = *chain;
			*chain = s;
		}
	free(old);
	return true;
}

static struct signature **
chain_of(const struct signature_cache *cache, const uint8_t *digest)
{
	uint64_t hash;

	memcpy(&hash, digest, sizeof(hash));
	return &cache->chains[hash & (cache->size - 1)];
}

void
signature_cache_use(struct signature_cache *cache, const struct signature *signature)
{
	((struct signature *)(uintptr_t)signature)->round = cache->round;	/* ours, lent as const */
}

void
signature_cache_sweep(struct signature_cache *cache)
{
	for (size_t i = 0; i < cache->size; i++)
		for (struct signature **at = &cache->chains[i], *s = *at; s != NULL; s = *at) {
			if (cache->round - s->round < 2) {
				at = &s->next;
				continue;
			}
			*at = s->next;
			free(s);
			cache->count--;
		}
	cache->round++;
}
