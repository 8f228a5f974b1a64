/* health.c -- rise and fall, and the latencies of an interval.
 * In: results of probes. Out: verdicts and quantiles. Pure; no clock, no I/O.
 * A verdict changes after `fall` bad or `rise` good results in a row; one result of the other kind starts the count
 * anew, so a backend that fails every other probe keeps its verdict, and its share of good probes tells the rest.
 * The first verdict is another matter: one good probe is proof enough that a backend serves (nothing was ever against
 * it), while a bad one is not proof that it doesn't, so `fall` of them are asked for as ever. */
#include "health.h"

#include <math.h>
#include <stdlib.h>

static int double_compare(const void *a, const void *b);

bool
health_note(struct health *health, bool good, unsigned rise, unsigned fall)
{
	enum verdict spoken = good ? VERDICT_UP : VERDICT_DOWN;
	unsigned needed = good ? (health->verdict == VERDICT_NONE ? 1 : rise) : fall;

	if (spoken == health->verdict) {
		health->streak = 0;
		return false;
	}
	if (++health->streak < needed)
		return false;
	*health = (struct health){ .verdict = spoken };
	return true;
}

bool
health_undecided(const struct health *health)
{
	return health->verdict == VERDICT_NONE;
}

/* When the room is out, a new one takes the place of an old one. 40503 is odd and the size a power of two, hence every
 * place is visited in turn and no part of the interval is favoured. */
void
tally_good(struct tally *tally, double latency_ms)
{
	tally->good++;
	if (tally->count == tally->size && tally->size < TALLY_MAX) {
		size_t size = tally->size == 0 ? 64 : tally->size * 2;
		double *longer = realloc(tally->latencies, size * sizeof(*longer));

		if (longer != NULL) {
			tally->latencies = longer;
			tally->size = size;
		}
	}
	if (tally->count < tally->size)
		tally->latencies[tally->count++] = latency_ms;
	else if (tally->size > 0)
		tally->latencies[tally->good * 40503 % tally->size] = latency_ms;
}

/* The nearest rank: the smallest latency that at least `share` of the probes didn't exceed. */
double
tally_quantile(struct tally *tally, double share)
{
	double rank = ceil(share * (double)tally->count);

	if (tally->count == 0)
		return NAN;
	qsort(tally->latencies, tally->count, sizeof(*tally->latencies), double_compare);
	return tally->latencies[rank < 1 ? 0 : (size_t)rank - 1];
}

double
tally_good_share(const struct tally *tally)
{
	uint64_t all = tally->good + tally->bad;

	return all == 0 ? NAN : (double)tally->good / (double)all;
}

void
tally_clear(struct tally *tally)
{
	tally->good = tally->bad = tally->missed = 0;
	tally->count = 0;
}

void
tally_fini(struct tally *tally)
{
	free(tally->latencies);
	*tally = (struct tally){ 0 };
}

static int
double_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}
