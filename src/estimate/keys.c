/* keys.c -- see keys.h.
 * In: keys with counts.  Out: the heaviest, sorted.  Threads: one.
 * An open-addressed index over a list: the list is sorted and cut once a minute, and the index is made anew then. */
#include "estimate/keys.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_COUNT 0.05	/* fading questions: a key that was seen once is forgotten after three time constants */

static bool make_room(struct keys *keys);
static void make_index(struct keys *keys);
static uint32_t place_of(const struct keys *keys, uint64_t key);
static int heavier(const void *a, const void *b);

void
keys_fini(struct keys *keys)
{
	free(keys->list);
	free(keys->index);
	*keys = (struct keys){ 0 };
}

struct known_key *
keys_find(struct keys *keys, uint64_t key)
{
	uint32_t place;

	if (keys->count == keys->size && !make_room(keys))
		return NULL;
	place = place_of(keys, key);
	if (keys->index[place] != 0)
		return &keys->list[keys->index[place] - 1];
	keys->list[keys->count] = (struct known_key){ .key = key, .factor = 1 };
	keys->index[place] = (uint32_t)++keys->count;
	return &keys->list[keys->count - 1];
}

static bool
make_room(struct keys *keys)
{
	size_t size = keys->size == 0 ? 256 : keys->size * 2;
	struct known_key *list = realloc(keys->list, size * sizeof(*list));
	uint32_t *index = malloc(2 * size * sizeof(*index));

	if (list != NULL)
		keys->list = list;
	if (list == NULL || index == NULL) {
		free(index);
		return false;
	}
	free(keys->index);
	keys->index = index;
	keys->size = size;
	keys->mask = (uint32_t)(2 * size - 1);
	make_index(keys);
	return true;
}

static void
make_index(struct keys *keys)
{
	memset(keys->index, 0, (keys->mask + 1) * sizeof(*keys->index));
	for (size_t i = 0; i < keys->count; i++)
		keys->index[place_of(keys, keys->list[i].key)] = (uint32_t)i + 1;
}

/* The key's place in the index, or the free one where it would be. Fibonacci hashing: prefixes differ in their low
 * bits. */
static uint32_t
place_of(const struct keys *keys, uint64_t key)
{
	uint32_t place = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & keys->mask;

	while (keys->index[place] != 0 && keys->list[keys->index[place] - 1].key != key)
		place = (place + 1) & keys->mask;
	return place;
}

void
keys_pass(struct keys *keys, double keep)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct known_key *k = &keys->list[i];

		k->count = k->count * keep + k->fresh;
		k->spread = k->spread * keep + k->fresh_spread;
		k->fresh = k->fresh_spread = 0;
	}
	if (keys->count == 0)
		return;
	qsort(keys->list, keys->count, sizeof(*keys->list), heavier);
	if (keys->count > KEYS_MAX)
		keys->count = KEYS_MAX;
	while (keys->count > 0 && keys->list[keys->count - 1].count < LEAST_COUNT)
		keys->count--;
	make_index(keys);
}

/* Equal ones by key, so that the order doesn't depend on qsort(). */
static int
heavier(const void *a, const void *b)
{
	const struct known_key *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->key < y->key ? -1 : x->key > y->key;
}
