/* shape.c -- see shape.h.
 * In: counts by slot.  Out: shares by slot.  Threads: one.
 *
 * A count n of a slot has the variance n by chance alone, and with 65,536 slots it's often below ten. Taken as they
 * are, counts would make noise into demand. If slots' true rates have the mean m and the variance v, then the best
 * linear guess of one is m + v / (v + m) * (n - m), with v = (variance of the counts) - m (empirical Bayes for Poisson
 * counts; Robbins 1956). Counts that differ by chance only give v = 0: all alike. */
#include "estimate/shape.h"

#include <stdlib.h>
#include <string.h>

bool
shape_init(struct shape *shape, uint16_t group, uint8_t country, uint32_t count)
{
	*shape = (struct shape){ group, country, count, calloc(count, sizeof(float)), malloc(count * sizeof(float)) };
	if (shape->counts == NULL || shape->factors == NULL) {
		shape_fini(shape);
		return false;
	}
	for (uint32_t i = 0; i < count; i++)
		shape->factors[i] = 1;
	return true;
}

void
shape_fini(struct shape *shape)
{
	free(shape->counts);
	free(shape->factors);
	shape->counts = shape->factors = NULL;
}

bool
shape_resize(struct shape *shape, uint32_t count)
{
	struct shape fresh;
	double part = (double)shape->count / count;

	if (!shape_init(&fresh, shape->group, shape->country, count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t from = (uint32_t)((uint64_t)i * shape->count / count);
		uint32_t to = (uint32_t)((uint64_t)(i + 1) * shape->count / count);
		double sum = 0, weighed = 0;

		for (uint32_t k = from; k < to || k == from; k++) {
			sum += (double)shape->counts[k];
			weighed += (double)shape->counts[k] * (double)shape->factors[k];
		}
		fresh.counts[i] = (float)(part < 1 ? sum * part : sum);
		fresh.factors[i] = sum > 0 ? (float)(weighed / sum) : shape->factors[from];
	}
	shape_fini(shape);
	*shape = fresh;
	return true;
}

void
shape_add(struct shape *shape, const uint32_t *questions, double keep)
{
	for (uint32_t i = 0; i < shape->count; i++)
		shape->counts[i] = (float)((double)shape->counts[i] * keep + questions[i]);
}

void
shape_shares(const struct shape *shape, const float *apart, float *shares)
{
	double n = shape->count, sum = 0, squares = 0, mean, variance, trust, all = 0;

	for (uint32_t i = 0; i < shape->count; i++) {
		double left = (double)shape->counts[i] - (apart == NULL ? 0 : (double)apart[i]);

		shares[i] = left > 0 ? (float)left : 0;
		sum += (double)shares[i];
		squares += (double)shares[i] * (double)shares[i];
	}
	mean = sum / n;
	variance = squares / n - mean * mean;
	trust = variance > mean ? 1 - mean / variance : 0;
	for (uint32_t i = 0; i < shape->count; i++)
		all += (double)(shares[i] = mean <= 0 ? 1 : (float)(mean + trust * ((double)shares[i] - mean)));
	for (uint32_t i = 0; i < shape->count; i++)
		shares[i] = (float)((double)shares[i] / all);
}
