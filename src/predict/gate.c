/* gate.c -- calibration and the proof of skill.
 * In: scores with outcomes.  Out: a curve, a skill, how sure it is.
 * Threads: any.
 *
 * The rows of one incident and of one day hang together: whole days of a series are drawn for the bootstrap, as often
 * as there are, and the skill of each draw is looked at. Where nothing can be foreseen, on servers whose incidents come
 * from nowhere, that keeps the product at the base rate. The curve is judged on the rows that it was fitted on; it has
 * two numbers only, and what these gain on scores that tell nothing lies below GATE_SKILL. Curves of one block judged
 * on the other were tried: two blocks differ so much in how far their incidents are announced that models of skill 0.2
 * were refused. */
#include "predict/gate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"

#define DRAWS 400
#define DAY_S 86400

/* Squared errors of one series' day: of the forecasts, and of the base rate. */
struct day {
	double ours, base;
};

static double base_rate(const struct judged *rows, size_t count);
static size_t add_up(const struct judged *rows, size_t count, const struct platt *platt, struct day *days);
static double bootstrap(const struct day *days, size_t count, uint64_t seed);

int
gate_judge(const struct judged *rows, size_t count, size_t events, double share, uint64_t seed, struct gate *gate)
{
	struct day *days = calloc(count + 1, sizeof(*days)), total = { 0 };
	double *scores = calloc(count + 1, sizeof(*scores));
	bool *positives = calloc(count + 1, sizeof(*positives));
	size_t n;
	int status = -ENOMEM;

	*gate = (struct gate){ 0 };
	if (days == NULL || scores == NULL || positives == NULL)
		goto out;
	for (size_t i = 0; i < count; i++) {
		scores[i] = rows[i].score;
		positives[i] = rows[i].positive;
	}
	status = platt_fit(scores, positives, count, events, &gate->platt);
	if (status != 0)
		goto out;
	gate->platt.offset += log(share);	/* fewer negatives than nature has: the odds are that much too high */
	n = add_up(rows, count, &gate->platt, days);
	for (size_t i = 0; i < n; i++) {
		total.ours += days[i].ours;
		total.base += days[i].base;
	}
	gate->skill = 1 - total.ours / total.base;
	gate->sure = bootstrap(days, n, seed);
out:
	free(days);
	free(scores);
	free(positives);
	return status;
}

static double
base_rate(const struct judged *rows, size_t count)
{
	double positives = 0, all = 0;

	for (size_t i = 0; i < count; i++) {
		positives += rows[i].positive ? rows[i].weight : 0;
		all += rows[i].weight;
	}
	return positives / all;
}

/* Days in the rows' order. */
static size_t
add_up(const struct judged *rows, size_t count, const struct platt *platt, struct day *days)
{
	double rate = base_rate(rows, count);
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		double y = rows[i].positive ? 1 : 0, p = platt_probability(platt, rows[i].score);

		if (i == 0 || rows[i].series != rows[i - 1].series || rows[i].t / DAY_S != rows[i - 1].t / DAY_S)
			n++;
		days[n - 1].ours += rows[i].weight * (p - y) * (p - y);
		days[n - 1].base += rows[i].weight * (rate - y) * (rate - y);
	}
	return n;
}

static double
bootstrap(const struct day *days, size_t count, uint64_t seed)
{
	size_t above = 0;

	for (uint64_t draw = 0; draw < DRAWS; draw++) {
		double ours = 0, base = 0;

		for (uint64_t i = 0; i < count; i++) {
			const uint64_t key[2] = { draw, i };
			const struct day *day = &days[hash64(key, sizeof(key), seed) % count];

			ours += day->ours;
			base += day->base;
		}
		above += ours < base;
	}
	return (double)above / DRAWS;
}
