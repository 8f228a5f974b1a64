/* holt_winters.c -- exponential smoothing.
 * In: a load in steps of five minutes, as logarithms.  Out: forecasts at each step.
 * Threads: any. Holt 1957, Winters 1960; the trend is damped (Gardner and McKenzie 1985), for an unlimited one runs
 * away over an hour. Logarithms, so that a quiet night and a busy day have errors of one size. The season begins as
 * the mean of each time of day over the history, and is used from a day and a half of history on: with less it would
 * repeat its only example. */
#include "predict/holt_winters.h"

#include <math.h>
#include <stdbool.h>

#define STEP_MIN (LOAD_STEP_S / 60)
#define DAMPING 0.9		/* of the trend per step */
#define SEASON_LEAST (LOAD_DAY * 3 / 2)

static const struct smoothing grid[] = {
	{ 0.2, 0.02, 0.1 }, { 0.2, 0.1, 0.1 }, { 0.4, 0.02, 0.1 }, { 0.4, 0.1, 0.1 }, { 0.4, 0.1, 0.3 },
	{ 0.7, 0.02, 0.1 }, { 0.7, 0.1, 0.1 }, { 0.7, 0.1, 0.3 }, { 0.9, 0.05, 0.1 },
};

struct state {
	double level, trend;
	double season[LOAD_DAY];
	bool seasonal, started;
};

static void season_start(struct state *state, const double *steps, size_t count, size_t phase);
static void take_step(struct state *state, const struct smoothing *smoothing, double y, size_t slot);
static double ahead_of(const struct state *state, size_t slot, size_t ahead);
static double squared_error(const double *steps, size_t count, size_t ahead, const double *forecasts);

size_t
load_steps(const double *minutes, size_t count, int64_t start_s, double *steps, size_t *phase)
{
	size_t offset = count % STEP_MIN, total = 0;
	int64_t begin_s = start_s + (int64_t)offset * 60;

	for (size_t i = offset; i < count; i += STEP_MIN) {
		double sum = 0, known = 0;

		for (size_t k = i; k < i + STEP_MIN; k++) {
			if (!isfinite(minutes[k]))
				continue;
			sum += minutes[k];
			known++;
		}
		if (total == 0 && known == 0) {
			begin_s += LOAD_STEP_S;
			continue;
		}
		steps[total++] = known > 0 ? log(1 + sum / known) : (double)NAN;
	}
	*phase = (size_t)(begin_s / LOAD_STEP_S % LOAD_DAY);
	return total;
}

void
holt_winters_run(const struct smoothing *smoothing, const double *steps, size_t count, size_t phase, size_t ahead,
    double *forecasts)
{
	struct state state = { .seasonal = count >= SEASON_LEAST };

	if (state.seasonal)
		season_start(&state, steps, count, phase);
	for (size_t i = 0; i < count; i++) {
		size_t slot = (phase + i) % LOAD_DAY;

		take_step(&state, smoothing, steps[i], slot);
		forecasts[i] = state.started ? ahead_of(&state, slot, ahead) : (double)NAN;
	}
}

/* The mean of each time of day, as far as it's known, less the mean of all. */
static void
season_start(struct state *state, const double *steps, size_t count, size_t phase)
{
	double sum = 0, known = 0, slots[LOAD_DAY] = { 0 };

	for (size_t i = 0; i < count; i++) {
		size_t slot = (phase + i) % LOAD_DAY;

		if (isnan(steps[i]))
			continue;
		state->season[slot] += steps[i];
		slots[slot]++;
		sum += steps[i];
		known++;
	}
	for (size_t i = 0; i < LOAD_DAY; i++)
		state->season[i] = slots[i] > 0 ? state->season[i] / slots[i] - sum / known : 0;
}

static void
take_step(struct state *state, const struct smoothing *smoothing, double y, size_t slot)
{
	double season = state->season[slot], before = state->level, flat = before + DAMPING * state->trend;

	if (isnan(y)) {		/* a gap: go on as expected */
		state->level = flat;
		state->trend *= DAMPING;
		return;
	}
	if (!state->started) {
		state->level = y - season;
		state->started = true;
		return;
	}
	state->level = smoothing->level * (y - season) + (1 - smoothing->level) * flat;
	state->trend = smoothing->trend * (state->level - before) + (1 - smoothing->trend) * DAMPING * state->trend;
	if (state->seasonal)
		state->season[slot] = smoothing->season * (y - state->level) + (1 - smoothing->season) * season;
}

/* From a state whose last value was in `slot` of the day. */
static double
ahead_of(const struct state *state, size_t slot, size_t ahead)
{
	double value = state->level, damp = DAMPING;

	for (size_t i = 0; i < ahead; i++, damp *= DAMPING)
		value += damp * state->trend;
	return value + state->season[(slot + ahead) % LOAD_DAY];
}

struct smoothing
holt_winters_fit(const double *steps, size_t count, size_t phase, size_t ahead, double *forecasts)
{
	double least = INFINITY;
	size_t best = 0;

	for (size_t i = 0; i < ARRAY_SIZE(grid); i++) {
		double error;

		holt_winters_run(&grid[i], steps, count, phase, ahead, forecasts);
		error = squared_error(steps, count, ahead, forecasts);
		if (error < least) {
			least = error;
			best = i;
		}
	}
	holt_winters_run(&grid[best], steps, count, phase, ahead, forecasts);
	return grid[best];
}

static double
squared_error(const double *steps, size_t count, size_t ahead, const double *forecasts)
{
	double squares = 0, n = 0;

	for (size_t i = count / 4 + ahead; i < count; i++) {
		double off = steps[i] - forecasts[i - ahead];

		if (isnan(off))
			continue;
		squares += off * off;
		n++;
	}
	return n > 0 ? squares / n : INFINITY;
}
