/* load.c -- load forecasts.
 * In: requests/s by minute.  Out: requests/s at the horizon.
 * Threads: any.
 *
 * The series is taken in steps of five minutes (shorter ones are noise to a forecast of ten minutes or more), as
 * log(1 + x), so that a quiet night and a busy day have errors of one size. Level, damped trend and, with more than a
 * day and a half of history, a daily season, all by exponential smoothing (Holt 1957, Winters 1960, Gardner and
 * McKenzie 1985). The smoothing constants are the ones of a small grid with the least error at the horizon itself
 * over the history. */
#include "predict/load.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define STEP_MIN (LOAD_STEP_S / 60)
#define KNOWN_LEAST 30		/* minutes */
#define FRESH_MIN 10
#define DAMPING 0.9		/* of the trend per step: an unlimited trend runs away over an hour */
#define SEASON_LEAST (LOAD_DAY * 3 / 2)

struct smoothing { double level, trend, season; };	/* the constants: 0 .. 1 */

struct state {
	double level, trend;
	double season[LOAD_DAY];
	bool seasonal, started;
};

static const struct smoothing grid[] = {
	{ 0.2, 0.02, 0.1 }, { 0.2, 0.1, 0.1 }, { 0.4, 0.02, 0.1 }, { 0.4, 0.1, 0.1 }, { 0.4, 0.1, 0.3 },
	{ 0.7, 0.02, 0.1 }, { 0.7, 0.1, 0.1 }, { 0.7, 0.1, 0.3 }, { 0.9, 0.05, 0.1 },
};

static bool usable(const double *minutes, size_t count);
static size_t to_steps(const double *minutes, size_t count, int64_t start_s, double *steps, size_t *phase);
static void season_start(struct state *state, const double *steps, size_t count, size_t phase);
static double run(struct state *state, const struct smoothing *s, const double *steps, size_t count, size_t phase,
	size_t ahead);
static double ahead_of(const struct state *state, size_t slot, size_t ahead);

double
load_forecast(const double *minutes, size_t count, int64_t start_s, int64_t horizon_s)
{
	size_t steps_most = count / STEP_MIN + 2, phase, steps_count, best = 0;
	size_t ahead = (size_t)((horizon_s + LOAD_STEP_S / 2) / LOAD_STEP_S);
	double *steps, error, least = INFINITY, result = (double)NAN;
	struct state *state;

	if (!usable(minutes, count))
		return (double)NAN;
	steps = malloc(steps_most * sizeof(*steps));
	state = malloc(sizeof(*state));
	if (steps == NULL || state == NULL)
		goto out;
	steps_count = to_steps(minutes, count, start_s, steps, &phase);
	ahead = ahead == 0 ? 1 : ahead;
	for (size_t i = 0; i < sizeof(grid) / sizeof(grid[0]); i++) {
		error = run(state, &grid[i], steps, steps_count, phase, ahead);
		if (error < least) {
			least = error;
			best = i;
		}
	}
	run(state, &grid[best], steps, steps_count, phase, ahead);
	result = exp(ahead_of(state, (phase + steps_count - 1) % LOAD_DAY, ahead)) - 1;
	result = result > 0 ? result : 0;
out:
	free(steps);
	free(state);
	return isfinite(result) ? result : (double)NAN;
}

static bool
usable(const double *minutes, size_t count)
{
	size_t known = 0, fresh = 0;

	for (size_t i = 0; i < count; i++) {
		known += isfinite(minutes[i]) ? 1 : 0;
		fresh += isfinite(minutes[i]) && i + FRESH_MIN >= count ? 1 : 0;
	}
	return known >= KNOWN_LEAST && fresh > 0;
}

/* Means of five minutes as log(1 + x), from the first step that has a value; NAN where none of the five is known. The
 * last step ends with the last minute. `phase` is the first step's place in the day. */
static size_t
to_steps(const double *minutes, size_t count, int64_t start_s, double *steps, size_t *phase)
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

/* Runs through the history; the mean squared error of the forecasts `ahead` steps before, after the first quarter. */
static double
run(struct state *state, const struct smoothing *s, const double *steps, size_t count, size_t phase, size_t ahead)
{
	double pending[LOAD_DAY], squares = 0, n = 0;

	*state = (struct state){ .seasonal = count >= SEASON_LEAST };
	if (state->seasonal)
		season_start(state, steps, count, phase);
	ahead = ahead < LOAD_DAY ? ahead : LOAD_DAY - 1;
	for (size_t i = 0; i < LOAD_DAY; i++)
		pending[i] = (double)NAN;
	for (size_t i = 0; i < count; i++) {
		size_t slot = (phase + i) % LOAD_DAY;
		double y = steps[i], season = state->season[slot], before = state->level;
		double expected = pending[i % LOAD_DAY];

		if (isnan(y)) {		/* a gap: go on as expected */
			state->level += DAMPING * state->trend;
			state->trend *= DAMPING;
		} else if (!state->started) {
			state->level = y - season;
			state->started = true;
		} else {
			double flat = state->level + DAMPING * state->trend;

			state->level = s->level * (y - season) + (1 - s->level) * flat;
			state->trend = s->trend * (state->level - before) + (1 - s->trend) * DAMPING * state->trend;
			if (state->seasonal)
				state->season[slot] = s->season * (y - state->level) + (1 - s->season) * season;
		}
		if (!isnan(y) && !isnan(expected) && i >= count / 4) {
			squares += (y - expected) * (y - expected);
			n++;
		}
		pending[(i + ahead) % LOAD_DAY] = state->started ? ahead_of(state, slot, ahead) : (double)NAN;
	}
	return n > 0 ? squares / n : INFINITY;
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

/* From a state whose last value was in `slot` of the day. */
static double
ahead_of(const struct state *state, size_t slot, size_t ahead)
{
	double value = state->level, damp = DAMPING;

	for (size_t i = 0; i < ahead; i++, damp *= DAMPING)
		value += damp * state->trend;
	return value + state->season[(slot + ahead) % LOAD_DAY];
}
