/* lease.c -- see lease.h.
 * In: apexes.  Out: their leases.  Threads: control.
 * None is ever taken away: an old snapshot may still lead to it, and it's as large as the zone's name. */
#include "serve/lease.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"

struct entry {
	struct lease lease;		/* must be first */
	size_t length;
	uint8_t apex[];
};

struct leases {
	struct entry **index;		/* by hash; its size is a power of 2, at least twice the count */
	size_t count, size;
};

static struct entry **place_of(const struct leases *leases, const uint8_t *apex, size_t length);
static bool make_room(struct leases *leases);

struct leases *
leases_new(void)
{
	return calloc(1, sizeof(struct leases));
}

void
leases_free(struct leases *leases)
{
	if (leases == NULL)
		return;
	for (size_t i = 0; i < leases->size; i++)
		free(leases->index[i]);
	free(leases->index);
	free(leases);
}

struct lease *
leases_of(struct leases *leases, const uint8_t *apex)
{
	size_t length = name_length(apex, NAME_MAX);
	struct entry **place, *entry;

	if (!make_room(leases))
		return NULL;
	place = place_of(leases, apex, length);
	if (*place == NULL) {
		entry = calloc(1, sizeof(*entry) + length);
		if (entry == NULL)
			return NULL;
		entry->length = length;
		memcpy(entry->apex, apex, length);
		*place = entry;
		leases->count++;
	}
	return &(*place)->lease;
}

static struct entry **
place_of(const struct leases *leases, const uint8_t *apex, size_t length)
{
	for (size_t at = hash64(apex, length, 0);; at++) {
		struct entry **place = &leases->index[at & (leases->size - 1)];

		if (*place == NULL || ((*place)->length == length && memcmp((*place)->apex, apex, length) == 0))
			return place;
	}
}

/* For one more. */
static bool
make_room(struct leases *leases)
{
	struct leases larger = { .size = leases->size == 0 ? 16 : leases->size * 2, .count = leases->count };

	if ((leases->count + 1) * 2 <= leases->size)
		return true;
	larger.index = calloc(larger.size, sizeof(struct entry *));
	if (larger.index == NULL)
		return false;
	for (size_t i = 0; i < leases->size; i++)
		if (leases->index[i] != NULL)
			*place_of(&larger, leases->index[i]->apex, leases->index[i]->length) = leases->index[i];
	free(leases->index);
	*leases = larger;
	return true;
}
