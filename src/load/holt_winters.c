/* holt_winters.c -- exponential smoothing.
 * In: a load, as it is or as logarithms.  Out: forecasts at each value.
 * Threads: any. Holt 1957, Winters 1960; the trend is damped (Gardner and McKenzie 1985), for an unlimited one runs
 * away over an hour. The season begins as the mean of each time of day over the first two days, not over all: else what
 * came later would be in the forecasts of the earlier, and whoever learns from their errors would find them too small.
 * It's used from a day and a half of history on: with less it would repeat its only example. */
#include "load/holt_winters.h"

#include <math.h>
#include <stdlib.h>

#define STEP_MIN (LOAD_STEP_S / 60)
#define DAMPING 0.9		/* of the trend per step */

const struct smoothing holt_winters_grid[HOLT_WINTERS_GRID] = {
	{ 0.2, 0.02, 0.1, true }, { 0.2, 0.1, 0.1, true }, { 0.4, 0.02, 0.1, true }, { 0.4, 0.1, 0.1, true },
	{ 0.4, 0.1, 0.3, true }, { 0.7, 0.02, 0.1, true }, { 0.7, 0.1, 0.1, true }, { 0.7, 0.1, 0.3, true },
	{ 0.9, 0.05, 0.1, true },
};

/* One of the smoothings that run side by side. */
struct state {
	double level, trend;
	bool started;
};

struct season {
	bool used;
	size_t day;
	double *slots;		/* by place in the day, counted from the first value */
};

static bool season_start(struct season *season, const double *values, size_t known);
static void take_value(struct state *state, struct season *season, const struct smoothing *smoothing, double y,
	size_t at);
static double ahead_of(const struct state *state, const struct season *season, const struct pace *pace, size_t at,
	size_t ahead);
static double squared_error(const double *values, size_t count, size_t ahead, const double *forecasts);

size_t
load_steps(const double *minutes, size_t count, int64_t start_s, double *steps, int64_t *begin_s)
{
	size_t offset = count % STEP_MIN, total = 0;

	*begin_s = start_s + (int64_t)offset * 60;
	for (size_t i = offset; i < count; i += STEP_MIN) {
		double sum = 0, known = 0;

		for (size_t k = i; k < i + STEP_MIN; k++) {
			if (!isfinite(minutes[k]))
				continue;
			sum += minutes[k];
			known++;
		}
		if (total == 0 && known == 0) {
			*begin_s += LOAD_STEP_S;
			continue;
		}
		steps[total++] = known > 0 ? sum / known : (double)NAN;
	}
	return total;
}

bool
holt_winters_run(const struct smoothing *smoothing, const double *values, size_t count, size_t known,
    const struct pace *pace, size_t horizons, const size_t *ahead, double *const *forecasts)
{
	struct state states[PACE_MEAN_MAX] = { { 0 } };
	struct season season = { .used = smoothing->seasonal && known >= pace->day + pace->day / 2, .day = pace->day };

	if (!season_start(&season, values, known))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct state *state = &states[i % pace->mean];

		take_value(state, &season, smoothing, values[i], i);
		for (size_t h = 0; h < horizons; h++)
			forecasts[h][i] = state->started ? ahead_of(state, &season, pace, i, ahead[h]) : (double)NAN;
	}
	free(season.slots);
	return true;
}

/* The mean of each time of day of the first two days, as far as it's known, less the mean of all. */
static bool
season_start(struct season *season, const double *values, size_t known)
{
	size_t first = known < 2 * season->day ? known : 2 * season->day;
	double sum = 0, n = 0;

	season->slots = calloc(season->day, sizeof(double));
	if (season->slots == NULL)
		return false;
	for (size_t i = 0; i < first; i++) {
		sum += isnan(values[i]) ? 0 : values[i];
		n += isnan(values[i]) ? 0 : 1;
	}
	for (size_t i = 0; season->used && i < season->day && i < first; i++) {
		size_t next = i + season->day;
		double a = values[i], b = next < first ? values[next] : (double)NAN;
		double mean = isnan(a) ? b : isnan(b) ? a : (a + b) / 2;

		season->slots[i] = isnan(mean) ? 0 : mean - sum / n;
	}
	return true;
}

static void
take_value(struct state *state, struct season *season, const struct smoothing *smoothing, double y, size_t at)
{
	double *slot = &season->slots[at % season->day], before = state->level;
	double flat = before + DAMPING * state->trend;

	if (isnan(y)) {		/* a gap: go on as expected */
		state->level = flat;
		state->trend *= DAMPING;
		return;
	}
	if (!state->started) {
		*state = (struct state){ .level = y - *slot, .started = true };
		return;
	}
	state->level = smoothing->level * (y - *slot) + (1 - smoothing->level) * flat;
	state->trend = smoothing->trend * (state->level - before) + (1 - smoothing->trend) * DAMPING * state->trend;
	if (season->used)
		*slot = smoothing->season * (y - state->level) + (1 - smoothing->season) * *slot;
}

/* A mean of several values stands for the time of the middle one: the value at a horizon is further ahead of it than
 * the horizon, by (mean - 1) / 2 values. */
static double
ahead_of(const struct state *state, const struct season *season, const struct pace *pace, size_t at, size_t ahead)
{
	size_t distance = ahead + (pace->mean - 1) / 2;
	double steps = (double)distance / (double)pace->mean, value = state->level, damp = DAMPING;

	for (; steps >= 1; steps--, damp *= DAMPING)
		value += damp * state->trend;
	return value + steps * damp * state->trend + season->slots[(at + distance) % season->day];
}

bool
holt_winters_fit(const double *values, size_t count, size_t known, const struct pace *pace, size_t ahead,
    double *forecasts, struct smoothing *best)
{
	double least = INFINITY;

	*best = holt_winters_grid[0];
	for (size_t i = 0; i < HOLT_WINTERS_GRID; i++) {
		double error;

		if (!holt_winters_run(&holt_winters_grid[i], values, count, known, pace, 1, &ahead, &forecasts))
			return false;
		error = squared_error(values, known, ahead, forecasts);
		if (error < least) {
			least = error;
			*best = holt_winters_grid[i];
		}
	}
	return holt_winters_run(best, values, count, known, pace, 1, &ahead, &forecasts);
}

static double
squared_error(const double *values, size_t count, size_t ahead, const double *forecasts)
{
	double squares = 0, n = 0;

	for (size_t i = count / 4 + ahead; i < count; i++) {
		double off = values[i] - forecasts[i - ahead];

		if (isnan(off))
			continue;
		squares += off * off;
		n++;
	}
	return n > 0 ? squares / n : INFINITY;
}
