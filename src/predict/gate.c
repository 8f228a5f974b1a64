/* gate.c -- calibration and the proof of skill.
 * In: scores with outcomes of two blocks of time.  Out: a curve, a skill, how sure it is.
 * Threads: any.
 *
 * A curve always looks good on the rows that it was fitted on, so each block is judged by the curve of the other. The
 * rows of one incident and of one day hang together: whole days of a series are drawn for the bootstrap, as often as
 * there are, and the skill of each draw is looked at. Where nothing can be foreseen, on servers whose incidents come
 * from nowhere, that keeps the product at the base rate. */
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

static bool fit_half(const struct judged *rows, size_t count, bool newer, size_t events, double share,
	struct platt *platt);
static double base_rate(const struct judged *rows, size_t count);
static size_t add_up(const struct judged *rows, size_t count, const struct platt *curves, const bool *curved,
	struct day *days);
static double bootstrap(const struct day *days, size_t count, uint64_t seed);

int
gate_judge(const struct judged *rows, size_t count, size_t events, double share, uint64_t seed, struct gate *gate)
{
	struct day *days = calloc(count + 1, sizeof(*days)), total = { 0 };
	double *scores = malloc((count + 1) * sizeof(*scores));
	bool *positives = malloc((count + 1) * sizeof(*positives)), curved[2];
	struct platt curves[2];
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
	for (int newer = 0; newer < 2; newer++)
		curved[newer] = fit_half(rows, count, newer == 1, (events + 1) / 2, share, &curves[newer]);
	n = add_up(rows, count, curves, curved, days);
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

static bool
fit_half(const struct judged *rows, size_t count, bool newer, size_t events, double share, struct platt *platt)
{
	double *scores = malloc((count + 1) * sizeof(*scores));
	bool *positives = malloc((count + 1) * sizeof(*positives)), fine = false;
	size_t n = 0;

	for (size_t i = 0; i < count && scores != NULL && positives != NULL; i++) {
		if (rows[i].newer != newer)
			continue;
		scores[n] = rows[i].score;
		positives[n++] = rows[i].positive;
	}
	if (scores != NULL && positives != NULL)
		fine = platt_fit(scores, positives, n, events, platt) == 0;
	platt->offset += fine ? log(share) : 0;
	free(scores);
	free(positives);
	return fine;
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

/* A block whose curve can't be fitted leaves the other at the base rate. Days in the rows' order. */
static size_t
add_up(const struct judged *rows, size_t count, const struct platt *curves, const bool *curved, struct day *days)
{
	double rate = base_rate(rows, count);
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		int other = rows[i].newer ? 0 : 1;
		double y = rows[i].positive ? 1 : 0, p = rate;

		if (i == 0 || rows[i].series != rows[i - 1].series || rows[i].t / DAY_S != rows[i - 1].t / DAY_S)
			n++;
		if (curved[other])
			p = platt_probability(&curves[other], rows[i].score);
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
