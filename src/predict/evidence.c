/* evidence.c -- weights of evidence by bins of rank.
 * In: values with outcomes.  Out: a curve from value to log odds; strengths.
 * Threads: any.
 *
 * A kernel compares rows by distance, and in units of their spread most features differ in ways that mean nothing: of
 * eighty, three or four announce one kind of failure, and those far out in their tails. Measured as evidence, ordinary
 * values of all features lie close together, and a row goes far off only where incidents were seen. On simulated
 * regions that a machine wasn't trained on, that nearly doubles average precision against features squashed to units of
 * their deviation; for linear regression it does so too.
 *
 * Incidents announce themselves in the tails, so the bins are narrow there. A bin's odds are drawn to the base rate by
 * pseudo-rows, without which one incident would make a bin sure of itself, and the curve is smoothed over neighbours.
 * Rounded to hundredths: models become smaller, and read back from text are the same to the bit. */
#include "predict/evidence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_LEAST 50

static const double edges[EVIDENCE_KNOTS_MAX] = { 0.003, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6, 0.75, 0.85,
	0.92, 0.96, 0.98, 0.99, 0.997, 1 };

struct observation {
	double value;
	bool positive;
};

static int compare(const void *a, const void *b);
static void add_knot(struct evidence *out, const struct observation *rows, size_t count, double base, double pseudo);
static void smooth(struct evidence *out);

bool
evidence_fit(const double *values, const bool *positives, size_t count, double pseudo, struct evidence *out)
{
	struct observation *rows = malloc((count + 1) * sizeof(*rows));
	size_t known = 0, begin = 0, found = 0;
	double base;

	*out = (struct evidence){ 0 };
	if (rows == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(values[i]))
			continue;
		rows[known++] = (struct observation){ values[i], positives[i] };
		found += positives[i];
	}
	base = known == 0 ? 0 : (double)found / (double)known;
	if (known >= ROWS_LEAST && found > 0 && found < known) {
		qsort(rows, known, sizeof(*rows), compare);
		for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
			size_t end = (size_t)(edges[i] * (double)known);

			while (end > begin && end < known && rows[end].value == rows[end - 1].value)
				end++;	/* equal values share a bin */
			if (end > begin)
				add_knot(out, rows + begin, end - begin, base, pseudo);
			begin = end > begin ? end : begin;
		}
		smooth(out);
	}
	free(rows);
	return true;
}

/* By value, and alike values by outcome, so that the order doesn't depend on the sort. */
static int
compare(const void *a, const void *b)
{
	const struct observation *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (int)x->positive - (int)y->positive;
}

static void
add_knot(struct evidence *out, const struct observation *rows, size_t count, double base, double pseudo)
{
	double positives = 0, rate;

	for (size_t i = 0; i < count; i++)
		positives += rows[i].positive ? 1 : 0;
	rate = (positives + base * pseudo) / ((double)count + pseudo);
	out->values[out->count] = rows[(count - 1) / 2].value;
	out->weights[out->count++] = log(rate / (1 - rate)) - log(base / (1 - base));
}

static void
smooth(struct evidence *out)
{
	double before[EVIDENCE_KNOTS_MAX];

	memcpy(before, out->weights, sizeof(before));
	for (size_t i = 0; i < out->count && out->count >= 3; i++) {
		double left = before[i > 0 ? i - 1 : i], right = before[i + 1 < out->count ? i + 1 : i];

		out->weights[i] = (left + 2 * before[i] + right) / 4;
	}
}

double
evidence_of(const struct evidence *evidence, double value)
{
	size_t above = 0;
	double weight, share;

	if (evidence->count == 0 || !isfinite(value))
		return 0;
	while (above < evidence->count && evidence->values[above] < value)
		above++;
	if (above == 0 || above == evidence->count) {
		weight = evidence->weights[above == 0 ? 0 : above - 1];
	} else {
		share = (value - evidence->values[above - 1]) /
		    (evidence->values[above] - evidence->values[above - 1]);
		weight = evidence->weights[above - 1] +
		    share * (evidence->weights[above] - evidence->weights[above - 1]);
	}
	return rint(weight / EVIDENCE_STEP) / (1 / EVIDENCE_STEP);
}

double
evidence_strength(const struct evidence *evidence, const double *values, size_t count)
{
	double squares = 0;

	for (size_t i = 0; i < count; i++) {
		double weight = evidence_of(evidence, values[i]);

		squares += weight * weight;
	}
	return count == 0 ? 0 : sqrt(squares / (double)count);
}

void
evidence_weigh(const double *strengths, double *weights, size_t count)
{
	double most = 0, squares = 0;

	for (size_t i = 0; i < count; i++)
		most = strengths[i] > most ? strengths[i] : most;
	for (size_t i = 0; i < count; i++) {
		double weight = most > 0 ? strengths[i] / most : 1;

		weights[i] = weight < EVIDENCE_LEAST ? EVIDENCE_LEAST : weight;
		squares += weights[i] * weights[i];
	}
	for (size_t i = 0; i < count; i++)
		weights[i] /= sqrt(squares / (double)count);
}
