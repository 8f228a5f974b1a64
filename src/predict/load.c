/* load.c -- load forecasts, and the corrections that are trained for them.
 * In: requests/s by minute.  Out: requests/s at the horizon; a model's text.
 * Threads: see load.h. A model owns its machines.
 *
 * An SVR on lagged values alone loses to Holt-Winters on short series; on the residuals of Holt-Winters it wins
 * wherever there is something left to learn. So that it never harms, it's trained without the newest two days, and
 * kept only if it is 2 % better on them; a correction is never larger than 98 of 100 past residuals.
 *
 * The model's text: "isobar-load 1", the horizon, and for each region a line "region NAME ..." with its numbers, the
 * scaling of its features, and the machine's text; the first line has the SHA-256 of all that follows it. */
#include "predict/load.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "predict/machine.h"

#define KNOWN_LEAST 30		/* minutes */
#define FRESH_MIN 10
#define LAGS 6			/* residuals that the correction looks back on */
#define DIMENSION (LAGS + 6)
#define ROWS_MOST 1500		/* more cost seconds a region and gain nothing */
#define JUDGED_DAYS 2
#define BETTER 0.98
#define CLIP_QUANTILE 0.98
#define NAME_SIZE 256
#define MODEL_SIZE ((size_t)64 << 20)

struct correction {
	char region[NAME_SIZE];
	struct smoothing smoothing;
	double spread, clip;		/* of residuals: standard deviation, most that is corrected */
	double means[DIMENSION], deviations[DIMENSION];
	struct machine *machine;
};

struct load_model {
	int64_t horizon_s;
	size_t count;
	struct correction *list;
};

/* A load in steps with what Holt-Winters said of it. */
struct series {
	double *steps, *forecasts;
	size_t count, phase, ahead;
};

static bool usable(const double *minutes, size_t count);
static bool series_new(struct series *s, const double *minutes, size_t count, int64_t start_s, int64_t horizon_s);
static void series_free(struct series *s);
static void describe(const struct series *s, size_t at, double *features);
static double residual(const struct series *s, size_t at);
static void scale(const struct correction *c, double *features);
static double correct(const struct correction *c, const struct series *s, size_t at);
static const struct correction *find(const struct load_model *model, const char *region, int64_t horizon_s);
static int fit(struct correction *c, const struct series *s, size_t end, char **body, size_t *length);
static void fit_scaling(struct correction *c, const double *rows, size_t count);
static void fit_clip(struct correction *c, double *targets, size_t count);
static double judge(const struct correction *c, const struct series *s, size_t from);
static bool read_correction(struct correction *c, const char **at, const char *end, struct text *error);
static int compare(const void *a, const void *b);

double
load_forecast(const double *minutes, size_t count, int64_t start_s, int64_t horizon_s, const struct load_model *model,
    const char *region)
{
	const struct correction *correction = find(model, region, horizon_s);
	double result = (double)NAN;
	struct series s;

	if (!usable(minutes, count) || !series_new(&s, minutes, count, start_s, horizon_s))
		return (double)NAN;
	if (correction == NULL)
		holt_winters_fit(s.steps, s.count, s.phase, s.ahead, s.forecasts);
	else
		holt_winters_run(&correction->smoothing, s.steps, s.count, s.phase, s.ahead, s.forecasts);
	result = s.forecasts[s.count - 1];
	if (correction != NULL)
		result += correct(correction, &s, s.count - 1);
	result = exp(result) - 1;
	series_free(&s);
	if (!isfinite(result))
		return (double)NAN;
	return result > 0 ? result : 0;
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

static bool
series_new(struct series *s, const double *minutes, size_t count, int64_t start_s, int64_t horizon_s)
{
	size_t room = count / (LOAD_STEP_S / 60) + 2;

	*s = (struct series){ .steps = calloc(room, sizeof(double)), .forecasts = calloc(room, sizeof(double)),
		.ahead = (size_t)((horizon_s + LOAD_STEP_S / 2) / LOAD_STEP_S) };
	s->ahead = s->ahead == 0 ? 1 : s->ahead < LOAD_DAY ? s->ahead : LOAD_DAY - 1;
	if (s->steps != NULL && s->forecasts != NULL)
		s->count = load_steps(minutes, count, start_s, s->steps, &s->phase);
	if (s->count > 0)
		return true;
	series_free(s);
	return false;
}

static void
series_free(struct series *s)
{
	free(s->steps);
	free(s->forecasts);
}

/* What was known at a step: the last errors, the last changes, the change that is expected, the time of day. */
static void
describe(const struct series *s, size_t at, double *features)
{
	double turn = 2 * M_PI * (double)((s->phase + at) % LOAD_DAY) / LOAD_DAY;
	size_t n = 0;

	for (size_t lag = 0; lag < LAGS; lag++)
		features[n++] = at >= lag ? residual(s, at - lag) : (double)NAN;
	features[n++] = at >= 1 ? s->steps[at] - s->steps[at - 1] : (double)NAN;
	features[n++] = at >= 2 ? s->steps[at - 1] - s->steps[at - 2] : (double)NAN;
	features[n++] = at >= 6 ? s->steps[at] - s->steps[at - 6] : (double)NAN;
	features[n++] = s->forecasts[at] - s->steps[at];
	features[n++] = sin(turn);
	features[n++] = cos(turn);
}

/* What Holt-Winters had missed of a step, `ahead` steps before it. */
static double
residual(const struct series *s, size_t at)
{
	return at >= s->ahead ? s->steps[at] - s->forecasts[at - s->ahead] : (double)NAN;
}

static void
scale(const struct correction *c, double *features)
{
	for (size_t i = 0; i < DIMENSION; i++) {
		double scaled = (features[i] - c->means[i]) / c->deviations[i];

		features[i] = isfinite(scaled) ? fmin(fmax(rint(scaled * 100) / 100, -5), 5) : 0;
	}
}

static double
correct(const struct correction *c, const struct series *s, size_t at)
{
	double features[DIMENSION];

	describe(s, at, features);
	scale(c, features);
	return fmin(fmax(machine_decide(c->machine, features) * c->spread, -c->clip), c->clip);
}

static const struct correction *
find(const struct load_model *model, const char *region, int64_t horizon_s)
{
	for (size_t i = 0; model != NULL && model->horizon_s == horizon_s && i < model->count; i++) {
		if (strcmp(model->list[i].region, region) == 0)
			return &model->list[i];
	}
	return NULL;
}

int
load_train(const double *minutes, size_t count, int64_t start_s, int64_t horizon_s, const char *region,
    struct text *part, double *gain)
{
	struct correction c = { .machine = NULL };
	char *body = NULL;
	size_t length;
	struct series s;
	int status = 0;

	*gain = (double)NAN;
	if (!usable(minutes, count) || !series_new(&s, minutes, count, start_s, horizon_s))
		return 0;
	if (s.count < LOAD_TRAIN_DAYS * LOAD_DAY || strlen(region) >= NAME_SIZE)
		goto out;
	c.smoothing = holt_winters_fit(s.steps, s.count, s.phase, s.ahead, s.forecasts);
	status = fit(&c, &s, s.count - JUDGED_DAYS * LOAD_DAY, &body, &length);
	if (status != 0 || c.machine == NULL)
		goto out;
	*gain = judge(&c, &s, s.count - JUDGED_DAYS * LOAD_DAY + s.ahead);
	if (!(*gain < BETTER))
		goto out;
	text_printf(part, "region %s %zu %.17g %.17g %.17g %.17g %.17g", region, length, c.smoothing.level,
	    c.smoothing.trend, c.smoothing.season, c.spread, c.clip);
	for (size_t i = 0; i < DIMENSION; i++)
		text_printf(part, " %.17g %.17g", c.means[i], c.deviations[i]);
	text_puts(part, "\n");
	text_add(part, body, length);
	status = part->failed ? -ENOMEM : 0;
out:
	series_free(&s);
	machine_free(c.machine);
	free(body);
	return status;
}

/* The machine from steps before `end`; none when nothing is left to learn. */
static int
fit(struct correction *c, const struct series *s, size_t end, char **body, size_t *length)
{
	size_t begin = LAGS + s->ahead + LOAD_DAY / 4, stride, n = 0;
	double *rows = malloc((end + 1) * DIMENSION * sizeof(*rows)), *targets = malloc((end + 1) * sizeof(*targets));
	struct machine_settings settings = { .kind = MACHINE_REGRESS, .c = 0.5, .gamma = 0.15 / DIMENSION,
		.epsilon = 0.15 };
	struct text error = { 0 };
	int status = rows == NULL || targets == NULL ? -ENOMEM : 0;

	stride = end > begin ? (end - begin) / ROWS_MOST + 1 : 1;
	for (size_t i = begin; status == 0 && i + s->ahead < end; i += stride) {
		targets[n] = residual(s, i + s->ahead);
		describe(s, i, rows + n * DIMENSION);
		n += isfinite(targets[n]) ? 1 : 0;
	}
	if (status == 0 && n >= LOAD_DAY) {
		fit_scaling(c, rows, n);
		for (size_t i = 0; i < n; i++)
			scale(c, rows + i * DIMENSION);
		fit_clip(c, targets, n);
	}
	if (status == 0 && n >= LOAD_DAY && c->spread > 0) {
		*body = machine_train(rows, targets, n, DIMENSION, &settings, length);
		if (*body != NULL)
			c->machine = machine_read(*body, *length, DIMENSION, &error);
	}
	text_fini(&error);
	free(rows);
	free(targets);
	return status;
}

static void
fit_scaling(struct correction *c, const double *rows, size_t count)
{
	for (size_t f = 0; f < DIMENSION; f++) {
		double sum = 0, squares = 0, known = 0;

		for (size_t i = 0; i < count; i++) {
			double value = rows[i * DIMENSION + f];

			if (!isfinite(value))
				continue;
			sum += value;
			squares += value * value;
			known++;
		}
		c->means[f] = known > 0 ? sum / known : 0;
		c->deviations[f] = known > 0 ? sqrt(fmax(squares / known - c->means[f] * c->means[f], 1e-18)) : 1;
	}
}

/* Targets become residuals in spreads. */
static void
fit_clip(struct correction *c, double *targets, size_t count)
{
	double *sorted = malloc(count * sizeof(*sorted)), squares = 0;

	c->spread = 0;
	if (sorted == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		sorted[i] = fabs(targets[i]);
		squares += targets[i] * targets[i];
	}
	qsort(sorted, count, sizeof(*sorted), compare);
	c->clip = sorted[(size_t)((double)(count - 1) * CLIP_QUANTILE)];
	c->spread = sqrt(squares / (double)count);
	c->spread = c->spread > 1e-9 ? c->spread : 0;
	for (size_t i = 0; i < count && c->spread > 0; i++)
		targets[i] /= c->spread;
	free(sorted);
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Mean absolute error with the correction by that without, over the steps from `from` on. */
static double
judge(const struct correction *c, const struct series *s, size_t from)
{
	double with = 0, without = 0;

	for (size_t i = from; i < s->count; i++) {
		double off = residual(s, i);

		if (isnan(off))
			continue;
		without += fabs(off);
		with += fabs(off - correct(c, s, i - s->ahead));
	}
	return without > 0 ? with / without : (double)NAN;
}

char *
load_write(int64_t horizon_s, const char *parts)
{
	struct text rest = { 0 }, text = { 0 };
	char hash[SHA256_TEXT_SIZE];

	text_printf(&rest, "horizon-s %" PRId64 "\n", horizon_s);
	text_puts(&rest, parts);
	if (rest.failed) {
		text_fini(&rest);
		return NULL;
	}
	text_printf(&text, "isobar-load 1 %s\n", sha256_text(rest.bytes, rest.length, hash));
	text_add(&text, rest.bytes, rest.length);
	text_fini(&rest);
	return text_take(&text);
}

struct load_model *
load_read(const char *bytes, size_t length, struct text *error)
{
	struct load_model *model = calloc(1, sizeof(*model));
	const char *newline = memchr(bytes, '\n', length), *at, *end = bytes + length;
	char hash[SHA256_TEXT_SIZE], theirs[SHA256_TEXT_SIZE];
	int format, used = 0;

	if (model == NULL || newline == NULL || length > MODEL_SIZE ||
	    sscanf(bytes, "isobar-load %d %64s", &format, theirs) != 2 || format != 1) {
		text_puts(error, "this is no load model that this program reads");
		goto fail;
	}
	at = newline + 1;
	if (strcmp(theirs, sha256_text(at, (size_t)(end - at), hash)) != 0) {
		text_puts(error, "the checksum doesn't match: cut short or changed");
		goto fail;
	}
	if (sscanf(at, "horizon-s %" SCNd64 "%n", &model->horizon_s, &used) != 1 || at[used] != '\n') {
		text_puts(error, "no horizon");
		goto fail;
	}
	at += used + 1;
	while (at < end) {
		struct correction *longer = reallocarray(model->list, model->count + 1, sizeof(*longer));

		if (longer == NULL) {
			text_puts(error, "out of memory");
			goto fail;
		}
		model->list = longer;
		model->list[model->count] = (struct correction){ .machine = NULL };
		if (!read_correction(&model->list[model->count], &at, end, error))
			goto fail;
		model->count++;
	}
	return model;
fail:
	load_free(model);
	return NULL;
}

static bool
read_correction(struct correction *c, const char **at, const char *end, struct text *error)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at)), *p = *at;
	size_t length;
	int used = 0;

	if (newline == NULL || sscanf(p, "region %255s %zu %lf %lf %lf %lf %lf%n", c->region, &length,
	    &c->smoothing.level, &c->smoothing.trend, &c->smoothing.season, &c->spread, &c->clip, &used) != 7) {
		text_puts(error, "a region's line can't be read");
		return false;
	}
	p += used;
	for (size_t i = 0; i < DIMENSION; i++, p += used) {
		if (sscanf(p, " %lf %lf%n", &c->means[i], &c->deviations[i], &used) != 2 || p + used > newline ||
		    !isfinite(c->means[i]) || !(c->deviations[i] > 0)) {
			text_printf(error, "the scaling of region '%s' can't be read", c->region);
			return false;
		}
	}
	if (!(c->spread > 0) || !(c->clip >= 0) || !isfinite(c->spread) || !isfinite(c->clip) ||
	    length > (size_t)(end - newline - 1)) {
		text_printf(error, "the numbers of region '%s' make no sense", c->region);
		return false;
	}
	c->machine = machine_read(newline + 1, length, DIMENSION, error);
	*at = newline + 1 + length;
	return c->machine != NULL;
}

void
load_free(struct load_model *model)
{
	if (model == NULL)
		return;
	for (size_t i = 0; i < model->count; i++)
		machine_free(model->list[i].machine);
	free(model->list);
	free(model);
}

size_t
load_regions(const struct load_model *model)
{
	return model->count;
}
