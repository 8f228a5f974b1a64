/* window.c -- the metrics of one region, step by step.
 * In: values by time.  Out: the same on a regular grid, NAN where nothing is known.
 * Threads: one window, one thread at a time. The window owns its values, not its catalogue.
 *
 * From the store a step is a minute, since failures are to be foreseen minutes ahead: shorter steps cost rows without
 * telling more, longer ones leave no time to act. Files have the step that their metrics were measured at. */
#include "predict/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t columns_of(const struct metrics *metrics);
static void slide(double *values, size_t length, size_t kept);

struct window *
window_new(const struct metrics *metrics, int64_t start_s, int64_t step_s, size_t length)
{
	size_t columns = columns_of(metrics);
	struct window *window = calloc(1, sizeof(*window));
	double *next;

	if (window == NULL || columns > SIZE_MAX / sizeof(*next) / (length + 1))
		goto fail;
	window->values = calloc(metrics->count, sizeof(*window->values));
	window->levels = calloc(metrics->count, sizeof(*window->levels));
	window->memory = malloc((columns * length + 1) * sizeof(*window->memory));
	if (window->values == NULL || window->levels == NULL || window->memory == NULL)
		goto fail;
	window->metrics = metrics;
	window->start_s = start_s;
	window->step_s = step_s;
	window->length = length;
	next = window->memory;
	for (size_t m = 0; m < metrics->count; m++) {
		if (!metrics->list[m].used)
			continue;
		window->values[m] = next;
		next += metrics->list[m].logarithm ? length : 0;
		window->levels[m] = next;
		next += length;
	}
	for (size_t i = 0; i < columns * length; i++)
		window->memory[i] = (double)NAN;
	return window;
fail:
	window_free(window);
	return NULL;
}

/* What has a scale of its own needs two: values and levels. */
static size_t
columns_of(const struct metrics *metrics)
{
	size_t columns = 0;

	for (size_t m = 0; m < metrics->count; m++)
		columns += !metrics->list[m].used ? 0 : metrics->list[m].logarithm ? 2 : 1;
	return columns;
}

void
window_free(struct window *window)
{
	if (window == NULL)
		return;
	free(window->values);
	free(window->levels);
	free(window->memory);
	free(window);
}

bool
window_index(const struct window *window, int64_t time_s, size_t *index)
{
	if (time_s < window->start_s)
		return false;
	*index = (size_t)((time_s - window->start_s) / window->step_s);
	return *index < window->length;
}

int64_t
window_time(const struct window *window, size_t index)
{
	return window->start_s + (int64_t)index * window->step_s;
}

size_t
window_steps(const struct window *window, size_t minutes)
{
	size_t steps = minutes * 60 / (size_t)window->step_s;

	return steps > 0 ? steps : 1;
}

void
window_set(struct window *window, size_t metric, size_t index, double value)
{
	const struct metric_info *info = &window->metrics->list[metric];
	bool sound = isfinite(value) && value >= info->least && value <= info->most;

	if (window->values[metric] == NULL)
		return;
	window->values[metric][index] = sound ? value : (double)NAN;
	if (info->logarithm)
		window->levels[metric][index] = metric_level(info, window->values[metric][index]);
}

void
window_slide(struct window *window, size_t steps)
{
	size_t kept = steps < window->length ? window->length - steps : 0;

	window->start_s += (int64_t)steps * window->step_s;
	for (size_t m = 0; m < window->metrics->count; m++) {
		if (window->values[m] == NULL)
			continue;
		slide(window->values[m], window->length, kept);
		if (window->levels[m] != window->values[m])
			slide(window->levels[m], window->length, kept);
	}
}

static void
slide(double *values, size_t length, size_t kept)
{
	memmove(values, values + (length - kept), kept * sizeof(*values));
	for (size_t i = kept; i < length; i++)
		values[i] = (double)NAN;
}
