/* population.c -- 10^6 resolvers with the skew of real ones.
 * In: the globe, how many.  Out: keys with shares of demand.
 *
 * The k-th resolver stands for a share of users p_k in proportion to 1 / (k + 14): a few public resolvers with half a
 * percent each, and a long tail. It belongs to one country, drawn among those whose users aren't all accounted for yet,
 * so that a country's resolvers add up to its users; nobody gets a resolver larger than a third of the country.
 * 30 % send ECS: the authority sees the client networks behind them, sqrt(p_k / p_last) of them and at most 256.
 * 8.74 % stretch TTLs, by a factor between 1.5 and 30 that is uniform in its logarithm.
 * Each country has one block of /24s, a power of two, so that a prefix tells the country; keys are spread over it. */
#include "population.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"

#define SKEW 14.0

static void share_out(struct population *p, const struct globe *globe, struct dice *dice);
static size_t draw_group(const double *open, size_t count, double total, double least, struct dice *dice);
static void add_keys(struct population *p, size_t group, double weight, unsigned networks, struct dice *dice);
static void give_addresses(struct population *p, const struct globe *globe);
static void rank_keys(struct population *p, const struct globe *globe);
static void *many(size_t count, size_t size);

struct population *
population_new(const struct globe *globe, size_t resolvers, uint64_t seed)
{
	struct population *p = many(1, sizeof(*p));
	struct dice dice = dice_new(seed, 3);
	size_t most = resolvers * 2 + 256 * 256;

	p->resolver_count = resolvers;
	p->network = many(most, sizeof(*p->network));
	p->group = many(most, sizeof(*p->group));
	p->part = many(most, sizeof(*p->part));
	p->stretch = many(most, sizeof(*p->stretch));
	p->blocks = many(globe->group_count, sizeof(*p->blocks));
	share_out(p, globe, &dice);
	assert(p->count <= most);
	give_addresses(p, globe);
	rank_keys(p, globe);
	return p;
}

void
population_free(struct population *p)
{
	if (p == NULL)
		return;
	free(p->network);
	free(p->group);
	free(p->part);
	free(p->stretch);
	free(p->heaviest);
	free(p->blocks);
	free(p);
}

struct address
population_address(const struct population *p, size_t key)
{
	uint32_t n = p->network[key];

	return (struct address){ { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 0 }, 32 };
}

static void
share_out(struct population *p, const struct globe *globe, struct dice *dice)
{
	double *open = many(globe->group_count, sizeof(*open)), *sums = many(globe->group_count, sizeof(*sums));
	double sum = 0, left = 1, last;

	for (size_t k = 0; k < p->resolver_count; k++)
		sum += 1 / ((double)k + SKEW);
	last = 1 / ((double)p->resolver_count + SKEW) / sum;
	for (size_t g = 0; g < globe->group_count; g++)
		open[g] = globe->groups[g].share;
	for (size_t k = 0; k < p->resolver_count; k++) {
		double weight = 1 / ((double)k + SKEW) / sum;
		size_t g = draw_group(open, globe->group_count, left, weight, dice);
		unsigned networks = dice_uniform(dice) < POPULATION_ECS ? (unsigned)sqrt(weight / last) : 1;

		add_keys(p, g, weight, networks > 256 ? 256 : networks, dice);
		sums[g] += weight;
		open[g] -= weight;
		left -= weight;
	}
	for (size_t i = 0; i < p->count; i++)
		p->part[i] = (float)((double)p->part[i] / sums[p->group[i]]);
	free(open);
	free(sums);
}

/* In proportion to what is open, among those that have three times `least` open; when the draw fails, which it does
 * when only crumbs are left, the one with the most. */
static size_t
draw_group(const double *open, size_t count, double total, double least, struct dice *dice)
{
	size_t most = 0;

	for (int attempt = 0; attempt < 8; attempt++) {
		double at = dice_uniform(dice) * total;

		for (size_t g = 0; g < count; g++) {
			at -= open[g] > 0 ? open[g] : 0;
			if (at < 0 && open[g] >= 3 * least)
				return g;
			if (at < 0)
				break;
		}
	}
	for (size_t g = 1; g < count; g++)
		if (open[g] > open[most])
			most = g;
	return most;
}

static void
add_keys(struct population *p, size_t group, double weight, unsigned networks, struct dice *dice)
{
	float stretch = 1;

	if (dice_uniform(dice) < POPULATION_STRETCHING)
		stretch = (float)(1.5 * pow(20, dice_uniform(dice)));
	for (unsigned n = 0; n < networks || n == 0; n++) {
		p->group[p->count] = (uint16_t)group;
		p->part[p->count] = (float)(weight / (networks == 0 ? 1 : networks));
		p->stretch[p->count++] = stretch;
	}
}

/* Blocks are laid out by size, the largest first, so that each is aligned. Within a block the j-th key lies at
 * j x odd + c: all over it, and no two at one place. */
static void
give_addresses(struct population *p, const struct globe *globe)
{
	uint32_t *counts = many(globe->group_count, sizeof(*counts)), at = 1u << 20;	/* 16.0.0.0 on */

	for (size_t i = 0; i < p->count; i++)
		counts[p->group[i]]++;
	for (unsigned bits = 20; bits <= 20; bits--)
		for (size_t g = 0; g < globe->group_count; g++) {
			struct prefix *block = &p->blocks[g];

			if (counts[g] > 1u << bits || (bits > 0 && counts[g] <= 1u << (bits - 1)))
				continue;
			*block = (struct prefix){ { { (uint8_t)(at >> 16), (uint8_t)(at >> 8), (uint8_t)at }, 32 },
				(uint8_t)(24 - bits) };
			at += 1u << bits;
			assert(at < 1u << 24);
		}
	memset(counts, 0, globe->group_count * sizeof(*counts));
	for (size_t i = 0; i < p->count; i++) {
		const struct prefix *block = &p->blocks[p->group[i]];
		uint32_t base = (uint32_t)block->address.bytes[0] << 16 | (uint32_t)block->address.bytes[1] << 8
			| block->address.bytes[2];
		uint32_t mask = (1u << (24 - block->length)) - 1;

		p->network[i] = base | ((counts[p->group[i]]++ * 0x9e3779b1u + 12345) & mask);
	}
	free(counts);
}

static const struct population *ranked;		/* qsort() hands nothing through */
static const struct globe *ranked_in;

static double
key_weight(uint32_t key)
{
	return (double)ranked->part[key] * ranked_in->groups[ranked->group[key]].share;
}

static int
compare_keys(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	double wx = key_weight(x), wy = key_weight(y);

	return wx != wy ? (wx < wy ? 1 : -1) : (x > y) - (x < y);
}

static void
rank_keys(struct population *p, const struct globe *globe)
{
	p->heaviest = many(p->count, sizeof(*p->heaviest));
	for (size_t i = 0; i < p->count; i++)
		p->heaviest[i] = (uint32_t)i;
	ranked = p;
	ranked_in = globe;
	qsort(p->heaviest, p->count, sizeof(*p->heaviest), compare_keys);
}

static void *
many(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (memory == NULL)
		abort();
	return memory;
}
