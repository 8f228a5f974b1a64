/* region_set.h -- regions are numbered by their place in steering.yaml; a set of them is four words.
 * Threads: any; pure. */
#ifndef ISOBAR_STEER_REGION_SET_H
#define ISOBAR_STEER_REGION_SET_H

#include <stdbool.h>
#include <stdint.h>

typedef uint8_t region_id;		/* 0 .. REGIONS_MAX-1 */

#define REGIONS_MAX 255
#define NO_REGION ((region_id)255)

struct region_set { uint64_t words[4]; };

static inline bool
region_set_has(const struct region_set *set, region_id r)
{
	return (set->words[r >> 6] >> (r & 63)) & 1;
}

static inline void
region_set_add(struct region_set *set, region_id r)
{
	set->words[r >> 6] |= (uint64_t)1 << (r & 63);
}

static inline void
region_set_remove(struct region_set *set, region_id r)
{
	set->words[r >> 6] &= ~((uint64_t)1 << (r & 63));
}

static inline struct region_set
region_set_and(struct region_set a, struct region_set b)
{
	for (int i = 0; i < 4; i++)
		a.words[i] &= b.words[i];
	return a;
}

static inline struct region_set
region_set_or(struct region_set a, struct region_set b)
{
	for (int i = 0; i < 4; i++)
		a.words[i] |= b.words[i];
	return a;
}

static inline struct region_set
region_set_minus(struct region_set a, struct region_set b)
{
	for (int i = 0; i < 4; i++)
		a.words[i] &= ~b.words[i];
	return a;
}

static inline bool
region_set_is_empty(struct region_set a)
{
	return (a.words[0] | a.words[1] | a.words[2] | a.words[3]) == 0;
}

static inline unsigned
region_set_count(struct region_set a)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++)
		n += (unsigned)__builtin_popcountll(a.words[i]);
	return n;
}

static inline struct region_set
region_set_all(void)
{
	return (struct region_set){ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
}

#endif
