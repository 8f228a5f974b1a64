/* sketch.h -- which clients ask the most, in fixed memory: Metwally's space-saving.
 * Of every stream of N questions each key with more than N / size of them is in the sketch, and no count is too large
 * by more than its own `error`, which is at most N / size. Threads: one writes it and another reads it, never both at a
 * time; but for sketch_tell_time(). */
#ifndef ISOBAR_STEER_SKETCH_H
#define ISOBAR_STEER_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"

#define SKETCH_SIZE 8192u	/* keys: two services' heavy keys; 0.5 MB a sketch */
#define SKETCH_SIZE_MAX 65534u
#define SKETCH_EVERY_BUSY 8u	/* of a worker with many questions: 40 ns for one of them is 5 ns for each */

struct sketch_entry {
	uint64_t service;	/* its seed */
	uint64_t key;		/* slots_key() */
	uint64_t count;		/* questions: between count - error and count */
	uint64_t error;
	uint32_t first_ms, last_ms;	/* of the questions since it's in the sketch, by the sketch's clock */
};

struct sketch {
	uint32_t skip;		/* questions until one is looked at */
	uint32_t every;		/* one in so many is, at random; each counts for as many */
	uint32_t dice;
	uint32_t now_ms;	/* since sketch_clear(); atomic, relaxed */
	uint32_t size, used;
	uint32_t mask;		/* of `heads` */
	uint16_t least;		/* the bucket of the least count */
	uint16_t free_bucket;
	uint64_t seed;
	uint64_t seen;		/* that were looked at */
	struct sketch_cell *cells;
	struct sketch_bucket *buckets;
	uint16_t *heads;
};

/* `seed` is a secret: who knew it could make keys that collide. NULL: out of memory. */
struct sketch *sketch_new(uint32_t size, uint64_t seed) MUST_USE;
void sketch_free(struct sketch *sketch);	/* NULL is allowed */
void sketch_clear(struct sketch *sketch, uint32_t every) NONNULL;	/* `every`: a power of two */

void sketch_take(struct sketch *sketch, uint64_t service, const struct address *client, unsigned length) NONNULL;

/* A question of this client prefix. */
static inline void
sketch_see(struct sketch *sketch, uint64_t service, const struct address *client, unsigned length)
{
	if (--sketch->skip == 0)
		sketch_take(sketch, service, client, length);
}

static inline void
sketch_tell_time(struct sketch *sketch, uint32_t now_ms)
{
	__atomic_store_n(&sketch->now_ms, now_ms, __ATOMIC_RELAXED);
}

/* How many keys it has, and each of them; in no order. */
static inline size_t
sketch_count(const struct sketch *sketch)
{
	return sketch->used;
}

struct sketch_entry sketch_at(const struct sketch *sketch, size_t index) NONNULL;
uint64_t sketch_questions(const struct sketch *sketch) NONNULL;	/* all that it has seen, as well as sampling tells */

/* The best guess of how often the key asked in the window that is over now; 0 when it can't be told from chance. */
double sketch_guess(const struct sketch_entry *entry, uint32_t window_ms) NONNULL;

#endif
