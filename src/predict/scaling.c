/* scaling.c -- robust squashing of features.
 * In: values of one feature.  Out: its scaling.
 * Threads: any. asinh keeps what is ordinary linear and takes the logarithm of what is far out, so that one minute of
 * a thousandfold latency doesn't press all others together. The quartiles measure the spread; a feature that is
 * nearly always the same (bursts, say) has none, then the deviation serves. Scaled values are rounded to hundredths:
 * models become a third as large, and read back from text are the same to the bit. */
#include "predict/scaling.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b);
static double quantile(const double *sorted, size_t count, double share);
static void moments(const double *values, size_t count, double *mean, double *deviation);

struct scaling
scaling_fit(double *values, size_t count)
{
	struct scaling scaling = { 0, 1, 0, 0, 1 };
	double mean, deviation;
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		if (isfinite(values[i]))
			values[known++] = values[i];
	}
	if (known == 0)
		return scaling;
	qsort(values, known, sizeof(*values), compare);
	moments(values, known, &mean, &deviation);
	scaling.median = quantile(values, known, 0.5);
	scaling.spread = (quantile(values, known, 0.75) - quantile(values, known, 0.25)) / 1.349;
	if (!(scaling.spread > 1e-3 * deviation))
		scaling.spread = deviation;
	if (!(scaling.spread > 0)) {
		scaling.spread = 1;
		return scaling;
	}
	for (size_t i = 0; i < known; i++)
		values[i] = asinh((values[i] - scaling.median) / scaling.spread);
	moments(values, known, &scaling.mean, &scaling.deviation);
	return scaling;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
quantile(const double *sorted, size_t count, double share)
{
	double place = share * (double)(count - 1);
	size_t below = (size_t)place, above = below + 1 < count ? below + 1 : below;

	return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

static void
moments(const double *values, size_t count, double *mean, double *deviation)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	*mean = sum / (double)count;
	for (size_t i = 0; i < count; i++)
		squares += (values[i] - *mean) * (values[i] - *mean);
	*deviation = sqrt(squares / (double)count);
}

double
scaling_apply(const struct scaling *scaling, double value)
{
	double scaled;

	if (!isfinite(value) || !(scaling->deviation > 1e-9))
		return 0;
	scaled = (asinh((value - scaling->median) / scaling->spread) - scaling->mean) / scaling->deviation;
	scaled = fmin(fmax(scaled, -SCALING_CLIP), SCALING_CLIP) * scaling->weight;
	return rint(scaled / SCALING_STEP) / (1 / SCALING_STEP);
}
