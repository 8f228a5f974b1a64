/* platt.c -- a logistic curve through scores and outcomes.
 * In: scores with outcomes.  Out: slope and offset.
 * Threads: any. libsvm's own probabilities are not used: they come from shuffled folds, where neighbouring minutes
 * sit on both sides, so the curve is fitted on scores that are too good, and they depend on rand(). The targets are
 * smoothed, (n + 1) / (n + 2) instead of 1, so that a block whose classes part cleanly doesn't lead to certainty; n
 * counts incidents, not minutes, for ten minutes before one incident are one observation. */
#include "predict/platt.h"

#include <errno.h>
#include <math.h>

#define STEPS_MAX 100
#define Z_80 1.2815515655446004	/* standard deviations to either side that hold 80 % */
#define STEP_LEAST 1e-10
#define RIDGE 1e-12		/* keeps the Hessian regular when all scores are alike */

static double loss_of(const double *scores, const bool *positives, size_t count, const double targets[2],
	struct platt platt);
static void measure_variance(const double *scores, size_t count, double alike, struct platt *platt);
static bool newton_step(const double *scores, const bool *positives, size_t count, const double targets[2],
	struct platt *platt);

int
platt_fit(const double *scores, const bool *positives, size_t count, size_t events, struct platt *platt)
{
	double positive = 0, negative = 0, targets[2];

	for (size_t i = 0; i < count; i++) {
		if (!isfinite(scores[i]))
			return -EDOM;
		positive += positives[i] ? 1 : 0;
		negative += positives[i] ? 0 : 1;
	}
	if (positive < PLATT_POSITIVES_LEAST || negative < 1)
		return -EDOM;
	targets[0] = 1 / (negative + 2);
	targets[1] = ((double)events + 1) / ((double)events + 2);
	*platt = (struct platt){ .offset = log((positive + 1) / (negative + 1)) };
	for (int step = 0; step < STEPS_MAX; step++) {
		if (!newton_step(scores, positives, count, targets, platt))
			break;
	}
	if (!(platt->slope > 0) || !isfinite(platt->slope) || !isfinite(platt->offset))
		return -EDOM;
	measure_variance(scores, count, positive / (events > 0 ? (double)events : 1), platt);
	return 0;
}

/* The inverse of the information matrix. Minutes before one incident say the same thing: `alike` of them count as
 * one. */
static void
measure_variance(const double *scores, size_t count, double alike, struct platt *platt)
{
	double h11 = RIDGE, h22 = RIDGE, h21 = 0, determinant;

	for (size_t i = 0; i < count; i++) {
		double p = platt_probability(platt, scores[i]), curve = p * (1 - p);

		h11 += scores[i] * scores[i] * curve;
		h22 += curve;
		h21 += scores[i] * curve;
	}
	determinant = h11 * h22 - h21 * h21;
	platt->slope_variance = alike * h22 / determinant;
	platt->offset_variance = alike * h11 / determinant;
	platt->covariance = -alike * h21 / determinant;
}

/* False when there is nothing left to gain. */
static bool
newton_step(const double *scores, const bool *positives, size_t count, const double targets[2], struct platt *platt)
{
	double g1 = 0, g2 = 0, h11 = RIDGE, h22 = RIDGE, h21 = 0, determinant, d1, d2, before, scale = 1;

	for (size_t i = 0; i < count; i++) {
		double p = platt_probability(platt, scores[i]), off = p - targets[positives[i]], curve = p * (1 - p);

		g1 += scores[i] * off;
		g2 += off;
		h11 += scores[i] * scores[i] * curve;
		h22 += curve;
		h21 += scores[i] * curve;
	}
	determinant = h11 * h22 - h21 * h21;
	if (fabs(g1) < 1e-7 && fabs(g2) < 1e-7)
		return false;
	d1 = -(h22 * g1 - h21 * g2) / determinant;
	d2 = -(h11 * g2 - h21 * g1) / determinant;
	before = loss_of(scores, positives, count, targets, *platt);
	for (; scale > STEP_LEAST; scale /= 2) {
		struct platt next = { .slope = platt->slope + scale * d1, .offset = platt->offset + scale * d2 };
		double after = loss_of(scores, positives, count, targets, next);

		if (after < before + 1e-4 * scale * (g1 * d1 + g2 * d2)) {
			*platt = next;
			return before - after > 1e-9 * before;
		}
	}
	return false;
}

/* The log loss, in the form that doesn't overflow. */
static double
loss_of(const double *scores, const bool *positives, size_t count, const double targets[2], struct platt platt)
{
	double loss = 0;

	for (size_t i = 0; i < count; i++) {
		double x = platt.slope * scores[i] + platt.offset, target = targets[positives[i]];

		loss += x >= 0 ? (1 - target) * x + log1p(exp(-x)) : -target * x + log1p(exp(x));
	}
	return loss;
}

double
platt_probability(const struct platt *platt, double score)
{
	double x = platt->slope * score + platt->offset;

	return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

void
platt_band(const struct platt *platt, double score, double *low, double *high)
{
	double variance = platt->slope_variance * score * score + 2 * platt->covariance * score +
	    platt->offset_variance;
	double reach = Z_80 * sqrt(variance > 0 ? variance : 0);
	struct platt below = { .slope = platt->slope, .offset = platt->offset - reach };
	struct platt above = { .slope = platt->slope, .offset = platt->offset + reach };

	*low = platt_probability(&below, score);
	*high = platt_probability(&above, score);
}
