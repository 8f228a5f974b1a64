/* past.c -- statistics over the past of one metric.
 * In: a window's levels up to one step.  Out: a number, NAN for unknown.
 * Threads: any; pure.
 * Invariants: nothing after the step is read, and what is read is read in the same order whatever the window's length:
 * training on a month and serving from the last days give the same bits. So no running sums over a window. */
#include "predict/past.h"

#include <math.h>

#define BASELINE_SHARE 6	/* a sixth of the baseline must be known */
#define LINE_STEPS 3		/* a line through fewer points says nothing */
#define LEAST_OF_RANGE 1e-3	/* of a mean's size: a deviation that small is rounding, where no noise is known */
#define DAY_S 86400
#define SAME_HOUR_MIN 30	/* on either side */

struct line { double slope, mean, mean_ago; };	/* per step, through (mean_ago, mean) */

static double least_deviation(const struct past *past, double mean);
static bool fit_line(const struct past *past, size_t minutes, struct line *line);
static double step_min(const struct past *past);

struct past
past_of(const struct window *window, size_t metric, size_t at)
{
	if (metric == METRIC_NONE)
		return (struct past){ .window = window, .at = at, .info = &window->metrics->list[0] };
	return (struct past){ .window = window, .levels = window->levels[metric],
		.info = &window->metrics->list[metric], .at = at };
}

double
past_level(const struct past *past, size_t steps_ago)
{
	return past->levels == NULL || steps_ago > past->at ? (double)NAN : past->levels[past->at - steps_ago];
}

double
past_mean(const struct past *past, size_t from_min, size_t to_min, size_t least)
{
	size_t from = from_min == 0 ? 0 : window_steps(past->window, from_min);
	size_t to = from + window_steps(past->window, to_min - from_min), count = 0;
	double sum = 0;

	for (size_t ago = from; ago < to; ago++) {
		double value = past_level(past, ago);

		if (isnan(value))
			continue;
		sum += value;
		count++;
	}
	return count >= least && count > 0 ? sum / (double)count : (double)NAN;
}

struct baseline
past_baseline(const struct past *past)
{
	size_t from = window_steps(past->window, PAST_LAG_MIN), count = 0;
	size_t to = from + window_steps(past->window, PAST_BASELINE_MIN);
	double squares = 0, least, deviation, mean = past_mean(past, PAST_LAG_MIN, PAST_LAG_MIN + PAST_BASELINE_MIN,
	    window_steps(past->window, PAST_BASELINE_MIN / BASELINE_SHARE));

	if (isnan(mean))
		return (struct baseline){ mean, mean };
	for (size_t ago = from; ago < to; ago++) {
		double value = past_level(past, ago);

		if (isnan(value))
			continue;
		squares += (value - mean) * (value - mean);
		count++;
	}
	least = least_deviation(past, mean);
	deviation = sqrt(squares / (double)count);
	return (struct baseline){ mean, deviation > least ? deviation : least };
}

double
past_z(const struct past *past, const struct baseline *baseline)
{
	return (past_mean(past, 0, 5, 1) - baseline->mean) / baseline->deviation;
}

static double
least_deviation(const struct past *past, double mean)
{
	if (past->info->least_deviation > 0)
		return past->info->least_deviation;
	return LEAST_OF_RANGE * fabs(mean) + 1e-9;
}

double
past_farthest(const struct past *past, size_t minutes, const struct baseline *baseline)
{
	size_t steps = window_steps(past->window, minutes);
	double farthest = (double)NAN;

	for (size_t ago = 0; ago < steps; ago++) {
		double off = (past_level(past, ago) - baseline->mean) / baseline->deviation;

		if (!isnan(off) && !(fabs(off) <= fabs(farthest)))
			farthest = off;
	}
	return farthest;
}

double
past_day_z(const struct past *past)
{
	size_t day = (size_t)(DAY_S / past->window->step_s), side = window_steps(past->window, SAME_HOUR_MIN);
	size_t count = 0, every = side > 12 ? side / 6 : 1;	/* thirteen places of an hour tell as much as sixty */
	double now = past_mean(past, 0, 15, 1), sum = 0, squares = 0, mean, deviation, least;

	if (isnan(now) || day == 0)
		return (double)NAN;
	for (size_t d = 1; d <= PAST_DAYS; d++) {
		for (size_t ago = d * day - (side < day ? side : day - 1); ago <= d * day + side; ago += every) {
			double value = past_level(past, ago);

			if (isnan(value))
				continue;
			sum += value;
			squares += value * value;
			count++;
		}
	}
	if (count < 3)
		return (double)NAN;
	mean = sum / (double)count;
	deviation = sqrt(fmax(squares / (double)count - mean * mean, 0));
	least = least_deviation(past, mean);
	return (now - mean) / (deviation > least ? deviation : least);
}

/* Least squares over the known steps; a third of them must be. */
static bool
fit_line(const struct past *past, size_t minutes, struct line *line)
{
	size_t steps = window_steps(past->window, minutes);
	double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, spread;

	steps = steps < LINE_STEPS ? LINE_STEPS : steps;
	for (size_t ago = 0; ago < steps; ago++) {
		double x = -(double)ago, y = past_level(past, ago);

		if (isnan(y))
			continue;
		n += 1;
		sx += x;
		sy += y;
		sxx += x * x;
		sxy += x * y;
	}
	spread = n * sxx - sx * sx;
	if (n < (double)steps / 3 || !(spread > 0))
		return false;
	line->slope = (n * sxy - sx * sy) / spread;
	line->mean = sy / n;
	line->mean_ago = -sx / n;
	return true;
}

static double
step_min(const struct past *past)
{
	return (double)past->window->step_s / 60;
}

double
past_slope(const struct past *past, size_t minutes)
{
	struct line line;

	return fit_line(past, minutes, &line) ? line.slope / step_min(past) : (double)NAN;
}

double
past_line_at(const struct past *past, size_t minutes, double ahead_min)
{
	struct line line;

	if (!fit_line(past, minutes, &line))
		return (double)NAN;
	return line.mean + line.slope * (line.mean_ago + ahead_min / step_min(past));
}

double
past_most(const struct past *past, size_t minutes)
{
	size_t steps = window_steps(past->window, minutes);
	double most = (double)NAN;

	for (size_t ago = 0; ago < steps; ago++) {
		double value = past_level(past, ago);

		if (!isnan(value) && !(value <= most))
			most = value;
	}
	return most;
}

double
past_deviation(const struct past *past, size_t minutes)
{
	size_t steps = window_steps(past->window, minutes), count = 0;
	double mean = past_mean(past, 0, minutes, 3), squares = 0;

	if (isnan(mean))
		return (double)NAN;
	for (size_t ago = 0; ago < steps; ago++) {
		double value = past_level(past, ago);

		if (isnan(value))
			continue;
		squares += (value - mean) * (value - mean);
		count++;
	}
	return sqrt(squares / (double)count);
}

double
past_above(const struct past *past, size_t from_min, size_t to_min, double level)
{
	size_t from = from_min == 0 ? 0 : window_steps(past->window, from_min);
	size_t to = from + window_steps(past->window, to_min - from_min), known = 0;
	double count = 0;

	for (size_t ago = from; ago < to; ago++) {
		double value = past_level(past, ago);

		known += isnan(value) ? 0 : 1;
		count += value > level;
	}
	return known > 0 ? count : (double)NAN;
}

size_t
past_known(const struct past *past, size_t minutes)
{
	size_t steps = window_steps(past->window, minutes), known = 0;

	for (size_t ago = 0; ago < steps; ago++)
		known += isnan(past_level(past, ago)) ? 0 : 1;
	return known;
}
