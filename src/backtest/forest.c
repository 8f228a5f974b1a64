/* forest.c -- isolation trees: random cuts, each between the least and the largest value of a random column.
 * In: rows.  Out: scores.  Threads: any.
 * 100 trees of 256 rows, the authors' numbers; a tree is an array in which the children of node n are 2n + 1 and 2n +
 * 2, cut off at depth 8, the mean depth of a tree of 256. */
#include "backtest/forest.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/hash.h"

#define TREES 100
#define SAMPLE 256
#define DEPTH 8
#define NODES ((2 << DEPTH) - 1)

struct node {
	int32_t column;		/* -1: a leaf */
	uint32_t rows;		/* that ended here */
	double cut;		/* below: the left child */
};

struct forest {
	size_t sample, dimension;
	struct node trees[TREES][NODES];
};

struct growing {
	const double *rows;
	size_t dimension;
	struct node *nodes;
	uint64_t seed, dice;	/* number of the next throw */
};

static void grow(struct growing *g, size_t *members, size_t count, size_t node, unsigned depth);
static bool choose_cut(struct growing *g, const size_t *members, size_t count, int32_t *column, double *cut);
static double throw_dice(struct growing *g);
static double expected_depth(double rows);

struct forest *
forest_new(const double *rows, size_t count, size_t dimension, uint64_t seed)
{
	struct forest *forest = calloc(1, sizeof(*forest));
	size_t members[SAMPLE];

	if (forest == NULL)
		return NULL;
	forest->sample = count < SAMPLE ? count : SAMPLE;
	forest->dimension = dimension;
	for (size_t t = 0; t < TREES; t++) {
		struct growing g = { .rows = rows, .dimension = dimension, .nodes = forest->trees[t],
			.seed = seed + t };

		for (size_t i = 0; i < forest->sample; i++)
			members[i] = (size_t)(throw_dice(&g) * (double)count);
		grow(&g, members, forest->sample, 0, 0);
	}
	return forest;
}

void
forest_free(struct forest *forest)
{
	free(forest);
}

/* Sorts `members` by the cut, and goes on with each side. */
static void
grow(struct growing *g, size_t *members, size_t count, size_t node, unsigned depth)
{
	struct node *here = &g->nodes[node];
	size_t left = 0;

	*here = (struct node){ .column = -1, .rows = (uint32_t)count };
	if (depth == DEPTH || count < 2 || !choose_cut(g, members, count, &here->column, &here->cut))
		return;
	for (size_t i = 0; i < count; i++) {
		size_t member = members[i];

		if (g->rows[member * g->dimension + (size_t)here->column] >= here->cut)
			continue;
		members[i] = members[left];
		members[left++] = member;
	}
	grow(g, members, left, 2 * node + 1, depth + 1);
	grow(g, members + left, count - left, 2 * node + 2, depth + 1);
}

/* A column in which they differ, out of as many tries as there are columns; false: they are all alike, as it seems. */
static bool
choose_cut(struct growing *g, const size_t *members, size_t count, int32_t *column, double *cut)
{
	for (size_t tries = 0; tries < g->dimension; tries++) {
		size_t c = (size_t)(throw_dice(g) * (double)g->dimension);
		double least = INFINITY, most = -INFINITY;

		for (size_t i = 0; i < count; i++) {
			double value = g->rows[members[i] * g->dimension + c];

			least = value < least ? value : least;
			most = value > most ? value : most;
		}
		if (!(most > least))
			continue;
		*column = (int32_t)c;
		*cut = least + throw_dice(g) * (most - least);
		return *cut > least;
	}
	return false;
}

static double
throw_dice(struct growing *g)
{
	uint64_t key = g->dice++;

	return (double)(hash64(&key, sizeof(key), g->seed) >> 11) * 0x1p-53;
}

/* Of an unsuccessful search in a binary tree of so many rows. */
static double
expected_depth(double rows)
{
	return rows < 2 ? 0 : 2 * (log(rows - 1) + 0.5772156649) - 2 * (rows - 1) / rows;
}

double
forest_score(const struct forest *forest, const double *row)
{
	double sum = 0;

	for (size_t t = 0; t < TREES; t++) {
		size_t node = 0, depth = 0;

		while (forest->trees[t][node].column >= 0) {
			const struct node *here = &forest->trees[t][node];

			node = 2 * node + (row[here->column] < here->cut ? 1 : 2);
			depth++;
		}
		sum += (double)depth + expected_depth(forest->trees[t][node].rows);
	}
	return exp2(-(sum / TREES) / expected_depth((double)forest->sample));
}
