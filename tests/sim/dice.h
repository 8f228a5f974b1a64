/* dice.h -- random numbers that are the same on every machine: one seed, one stream for each purpose.
 * SplitMix64: a counter through a mixer, so that streams of different seeds don't meet in practice. Threads: one die, one
 * thread. */
#ifndef ISOBAR_TESTS_SIM_DICE_H
#define ISOBAR_TESTS_SIM_DICE_H

#include <math.h>
#include <stdint.h>

struct dice { uint64_t state; };

static inline uint64_t
dice_roll(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline struct dice
dice_new(uint64_t seed, uint64_t purpose)
{
	struct dice dice = { seed };

	dice.state = dice_roll(&dice) ^ purpose * 0xd6e8feb86659fd93u;
	return dice;
}

static inline double	/* [0, 1) */
dice_uniform(struct dice *dice)
{
	return (double)(dice_roll(dice) >> 11) * 0x1p-53;
}

static inline uint32_t	/* below `n` */
dice_below(struct dice *dice, uint32_t n)
{
	return (uint32_t)((dice_roll(dice) >> 32) * n >> 32);
}

static inline double
dice_exponential(struct dice *dice, double mean)
{
	return -mean * log(1 - dice_uniform(dice));
}

static inline double
dice_normal(struct dice *dice)
{
	double u = 1 - dice_uniform(dice), v = dice_uniform(dice);

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

#endif
