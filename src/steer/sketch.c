/* sketch.c -- space-saving (Metwally, Agrawal, El Abbadi: ICDT 2005) with a hash index.
 * In: keys, one after the other.  Out: the most frequent ones with bounds.
 * Threads: the owner's.  Memory: fixed at sketch_new().
 *
 * A key that is here counts up. One that isn't takes the place of the one with the least count, and inherits that
 * count as its possible error. Counts only ever grow by one, so cells of equal count hang together in a bucket, buckets
 * hang together in the order of their counts, and every step is O(1): a cell moves to the next bucket or to a new one
 * beside it. A heap would need log2(8192) = 13 cache lines where this touches four or five.
 *
 * Still, these lines lie far apart, some 40 ns. A worker that answers so much that this would show looks at one
 * question in `every` only, chosen at random: a count of n looked at is n * every asked, with a relative error of
 * 1 / sqrt(n). */
#include "steer/sketch.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "steer/slots.h"

#define NONE UINT16_MAX
#define GUESS_LEAST 4	/* questions that are surely its own, where the rest may be another key's */

struct sketch_cell {
	uint64_t service, key;
	uint32_t error;
	uint32_t first_ms, last_ms;
	uint16_t bucket;
	uint16_t next, previous;	/* of the bucket, in a circle */
	uint16_t chain;			/* of the hash index */
};

struct sketch_bucket {
	uint32_t count;
	uint16_t cells;			/* one of them; NONE: the bucket is free */
	uint16_t higher, lower;		/* by count; free buckets hang together by `higher` */
};

static uint16_t find(const struct sketch *sketch, uint64_t service, uint64_t key, uint32_t place);
static uint32_t place_of(const struct sketch *sketch, uint64_t service, uint64_t key);
static uint16_t admit_key(struct sketch *sketch, uint64_t service, uint64_t key, uint32_t place);
static void forget(struct sketch *sketch, uint16_t cell);
static void count_up(struct sketch *sketch, uint16_t cell);
static uint16_t bucket_above(struct sketch *sketch, uint16_t bucket, uint32_t count);
static void bucket_put(struct sketch *sketch, uint16_t bucket, uint16_t cell);
static void bucket_remove(struct sketch *sketch, uint16_t cell);

struct sketch *
sketch_new(uint32_t size, uint64_t seed)
{
	struct sketch *sketch = calloc(1, sizeof(*sketch));
	uint32_t heads = 16;

	if (sketch == NULL || size == 0 || size > SKETCH_SIZE_MAX) {
		free(sketch);
		return NULL;
	}
	while (heads < 2 * size)
		heads *= 2;
	sketch->size = size;
	sketch->seed = seed;
	sketch->mask = heads - 1;
	sketch->cells = calloc(size, sizeof(*sketch->cells));
	sketch->buckets = calloc(size + 1, sizeof(*sketch->buckets));
	sketch->heads = calloc(heads, sizeof(*sketch->heads));
	if (sketch->cells == NULL || sketch->buckets == NULL || sketch->heads == NULL) {
		sketch_free(sketch);
		return NULL;
	}
	sketch_clear(sketch, 1);
	return sketch;
}

void
sketch_free(struct sketch *sketch)
{
	if (sketch == NULL)
		return;
	free(sketch->cells);
	free(sketch->buckets);
	free(sketch->heads);
	free(sketch);
}

void
sketch_clear(struct sketch *sketch, uint32_t every)
{
	sketch->every = every;
	sketch->skip = 1;
	sketch->dice = (uint32_t)sketch->seed | 1;
	sketch->used = 0;
	sketch->seen = 0;
	sketch->least = NONE;
	sketch->free_bucket = 0;
	sketch_tell_time(sketch, 0);
	memset(sketch->heads, 0xff, (sketch->mask + 1) * sizeof(*sketch->heads));
	/* One more than cells: a cell's new bucket is there before its old one is free. */
	for (uint32_t b = 0; b <= sketch->size; b++)
		sketch->buckets[b] = (struct sketch_bucket){ .cells = NONE,
		    .higher = b < sketch->size ? (uint16_t)(b + 1) : NONE };
}

void
sketch_take(struct sketch *sketch, uint64_t service, const struct address *client, unsigned length)
{
	uint64_t key = slots_key(client, length);
	uint32_t place = place_of(sketch, service, key);
	uint16_t cell = find(sketch, service, key, place);

	/* Uniform in 1 .. 2 * every - 1, so that no rhythm of the clients' is met; xorshift (Marsaglia 2003). */
	sketch->dice ^= sketch->dice << 13;
	sketch->dice ^= sketch->dice >> 17;
	sketch->dice ^= sketch->dice << 5;
	sketch->skip = 1 + (uint32_t)((uint64_t)sketch->dice * (2 * sketch->every - 1) >> 32);
	sketch->seen++;
	if (cell == NONE)
		cell = admit_key(sketch, service, key, place);
	sketch->cells[cell].last_ms = __atomic_load_n(&sketch->now_ms, __ATOMIC_RELAXED);
	count_up(sketch, cell);
}

static uint32_t
place_of(const struct sketch *sketch, uint64_t service, uint64_t key)
{
	uint64_t both[2] = { service, key };

	return (uint32_t)hash64(both, sizeof(both), sketch->seed) & sketch->mask;
}

static uint16_t
find(const struct sketch *sketch, uint64_t service, uint64_t key, uint32_t place)
{
	uint16_t cell = sketch->heads[place];

	while (cell != NONE && (sketch->cells[cell].key != key || sketch->cells[cell].service != service))
		cell = sketch->cells[cell].chain;
	return cell;
}

/* A free cell with count 0, or that of a key with the least count. */
static uint16_t
admit_key(struct sketch *sketch, uint64_t service, uint64_t key, uint32_t place)
{
	uint16_t cell;
	struct sketch_cell *c;

	if (sketch->used < sketch->size) {
		cell = (uint16_t)sketch->used++;
		sketch->cells[cell] = (struct sketch_cell){ .bucket = NONE };
	} else {
		cell = sketch->buckets[sketch->least].cells;
		forget(sketch, cell);
		sketch->cells[cell].error = sketch->buckets[sketch->least].count;
	}
	c = &sketch->cells[cell];
	c->service = service;
	c->key = key;
	c->first_ms = __atomic_load_n(&sketch->now_ms, __ATOMIC_RELAXED);
	c->chain = sketch->heads[place];
	sketch->heads[place] = cell;
	return cell;
}

static void
forget(struct sketch *sketch, uint16_t cell)
{
	uint16_t *at = &sketch->heads[place_of(sketch, sketch->cells[cell].service, sketch->cells[cell].key)];

	while (*at != cell)
		at = &sketch->cells[*at].chain;
	*at = sketch->cells[cell].chain;
}

static void
count_up(struct sketch *sketch, uint16_t cell)
{
	uint16_t old = sketch->cells[cell].bucket, above;

	above = bucket_above(sketch, old, old == NONE ? 1 : sketch->buckets[old].count + 1);
	if (old != NONE)
		bucket_remove(sketch, cell);
	bucket_put(sketch, above, cell);
}

/* The bucket of `count`, which is the next above `bucket` (NONE: below all). */
static uint16_t
bucket_above(struct sketch *sketch, uint16_t bucket, uint32_t count)
{
	uint16_t above = bucket == NONE ? sketch->least : sketch->buckets[bucket].higher;
	uint16_t fresh = sketch->free_bucket;

	if (above != NONE && sketch->buckets[above].count == count)
		return above;
	sketch->free_bucket = sketch->buckets[fresh].higher;
	sketch->buckets[fresh] = (struct sketch_bucket){ .count = count, .cells = NONE, .higher = above,
	    .lower = bucket };
	if (above != NONE)
		sketch->buckets[above].lower = fresh;
	if (bucket != NONE)
		sketch->buckets[bucket].higher = fresh;
	else
		sketch->least = fresh;
	return fresh;
}

static void
bucket_put(struct sketch *sketch, uint16_t bucket, uint16_t cell)
{
	struct sketch_bucket *b = &sketch->buckets[bucket];
	struct sketch_cell *cells = sketch->cells;

	cells[cell].bucket = bucket;
	if (b->cells == NONE) {
		cells[cell].next = cells[cell].previous = b->cells = cell;
		return;
	}
	cells[cell].next = b->cells;
	cells[cell].previous = cells[b->cells].previous;
	cells[cells[cell].previous].next = cell;
	cells[b->cells].previous = cell;
}

/* A bucket without cells is free. */
static void
bucket_remove(struct sketch *sketch, uint16_t cell)
{
	struct sketch_cell *c = &sketch->cells[cell];
	struct sketch_bucket *b = &sketch->buckets[c->bucket];

	if (c->next != cell) {
		sketch->cells[c->next].previous = c->previous;
		sketch->cells[c->previous].next = c->next;
		b->cells = c->next;
		return;
	}
	if (b->lower != NONE)
		sketch->buckets[b->lower].higher = b->higher;
	else
		sketch->least = b->higher;
	if (b->higher != NONE)
		sketch->buckets[b->higher].lower = b->lower;
	b->cells = NONE;
	b->higher = sketch->free_bucket;
	sketch->free_bucket = c->bucket;
}

struct sketch_entry
sketch_at(const struct sketch *sketch, size_t index)
{
	const struct sketch_cell *c = &sketch->cells[index];

	return (struct sketch_entry){
		.service = c->service, .key = c->key,
		.count = (uint64_t)sketch->buckets[c->bucket].count * sketch->every,
		.error = (uint64_t)c->error * sketch->every,
		.first_ms = c->first_ms, .last_ms = c->last_ms,
	};
}

uint64_t
sketch_questions(const struct sketch *sketch)
{
	return sketch->seen * sketch->every;
}

/* What it asked since it's here tells what it asked before, but no more than the count allows. */
double
sketch_guess(const struct sketch_entry *entry, uint32_t window_ms)
{
	uint64_t own = entry->count - entry->error;
	double guess;

	if (entry->error == 0)
		return (double)entry->count;
	if (own < GUESS_LEAST || entry->first_ms >= window_ms)
		return 0;
	guess = 1 + ((double)own - 1) * window_ms / (window_ms - entry->first_ms);
	return guess < (double)entry->count ? guess : (double)entry->count;
}
