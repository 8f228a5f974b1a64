/* ring.c -- see ring.h.
 * In: strings of any length.  Out: the same, in their order.  Threads: one on each side.
 * Each string stands behind 8 octets with its length, and none goes over the end of the memory: what is too short there
 * is left out, behind a mark. Both ends only grow, and their difference is what is in use.
 * The release of `head` behind a string, and the acquire before it's read, are all the order that is needed; `tail` is
 * the same for memory that is used again. */
#include "tap/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define UNIT 8			/* of lengths, and the space before each string */
#define LEFT_OUT UINT64_MAX	/* in place of a length: the rest up to the end of the memory */

static uint64_t space_of(size_t length);
static void mark(const struct ring *ring, uint64_t at, uint64_t length);

bool
ring_init(struct ring *ring, size_t size)
{
	assert(size >= 2 * UNIT && (size & (size - 1)) == 0);
	*ring = (struct ring){ .bytes = malloc(size), .size = size };
	return ring->bytes != NULL;
}

void
ring_fini(struct ring *ring)
{
	free(ring->bytes);
	ring->bytes = NULL;
}

void *
ring_room(struct ring *ring, size_t length)
{
	uint64_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	uint64_t space = space_of(length), at = ring->head & (ring->size - 1), rest = ring->size - at;

	if (space > ring->size / 2)	/* so that an empty ring takes it wherever it stands */
		return NULL;
	if (rest < space) {
		if (ring->size - (ring->head - tail) < rest + space)
			return NULL;
		mark(ring, at, LEFT_OUT);
		__atomic_store_n(&ring->head, ring->head + rest, __ATOMIC_RELEASE);
		at = 0;
	} else if (ring->size - (ring->head - tail) < space) {
		return NULL;
	}
	mark(ring, at, length);
	return ring->bytes + at + UNIT;
}

static uint64_t
space_of(size_t length)
{
	return (UNIT + (uint64_t)length + UNIT - 1) & ~(uint64_t)(UNIT - 1);
}

static void
mark(const struct ring *ring, uint64_t at, uint64_t length)
{
	memcpy(ring->bytes + at, &length, sizeof(length));
}

void
ring_put(struct ring *ring, size_t length)
{
	__atomic_store_n(&ring->head, ring->head + space_of(length), __ATOMIC_RELEASE);
}

size_t
ring_take(const struct ring *ring, struct iovec *strings, size_t most)
{
	uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE), at = ring->tail;
	size_t count = 0;

	while (at != head && count < most) {
		uint8_t *bytes = ring->bytes + (at & (ring->size - 1));
		uint64_t length;

		memcpy(&length, bytes, sizeof(length));
		if (length == LEFT_OUT) {
			at += ring->size - (at & (ring->size - 1));
			continue;
		}
		strings[count++] = (struct iovec){ bytes + UNIT, (size_t)length };
		at += space_of((size_t)length);
	}
	return count;
}

void
ring_give(struct ring *ring, const struct iovec *strings, size_t count)
{
	uint64_t at = ring->tail;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		uint64_t place = (uint64_t)((const uint8_t *)strings[i].iov_base - UNIT - ring->bytes);

		/* At the beginning, though the last one wasn't there: what was left out is over too. */
		if (place != (at & (ring->size - 1)))
			at += ring->size - (at & (ring->size - 1));
		at += space_of(strings[i].iov_len);
	}
	__atomic_store_n(&ring->tail, at, __ATOMIC_RELEASE);
}
