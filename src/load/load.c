/* load.c -- load forecasts of regions, and the model that is trained for them.
 * In: requests/s by minute.  Out: requests/s at the horizons; a model's text.
 * Threads: see load.h. A model owns its rules.
 *
 * How a load is forecast stands in load_rule.c, and whom to trust in load_walk.c. Here a region's minutes become steps
 * of five minutes, and the walk takes the three strides that training needs: fitted two days ago, a day ago and now, of
 * which the first two are judged by what came. What was fitted now ships.
 *
 * The model's text: "isobar-load 2" and the SHA-256 of all that follows that line; for each region a line "region NAME"
 * and the text of a rule for each horizon. */
#include "load/load.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define KNOWN_LEAST 30		/* minutes */
#define FRESH_MIN 10
#define UNTRAINED_DAYS 3	/* that are fitted anew for each forecast without a model: some milliseconds */
#define NAME_SIZE 256
#define MODEL_SIZE ((size_t)64 << 20)

struct trained {
	char region[NAME_SIZE];
	struct load_rule rules[LOAD_HORIZONS];
};

struct load_model {
	size_t count;
	struct trained *list;
};

static bool usable(const double *minutes, size_t count);
static struct load_span span_of(const double *steps, size_t count, int64_t begin_s);
static void forecast_span(const struct load_rule *rules, const struct load_span *span, struct load_band *bands);
static void forecast_untrained(const struct load_span *span, struct load_band *bands);
static const struct trained *find(const struct load_model *model, const char *region);
static bool walk_now(struct load_walk *walk, size_t count);
static bool read_region(struct trained *trained, const char **at, const char *end, struct text *error);

void
load_forecast(const double *minutes, size_t count, int64_t start_s, const struct load_model *model, const char *region,
    struct load_band bands[static LOAD_HORIZONS])
{
	const struct trained *trained = find(model, region);
	size_t most = UNTRAINED_DAYS * (size_t)1440;
	struct load_span span;
	int64_t begin_s;
	size_t step_count;
	double *steps;

	for (size_t h = 0; h < LOAD_HORIZONS; h++)
		bands[h] = (struct load_band){ (double)NAN, (double)NAN, (double)NAN };
	if (trained == NULL && count > most) {
		minutes += count - most;
		start_s += (int64_t)(count - most) * 60;
		count = most;
	}
	if (!usable(minutes, count))
		return;
	steps = calloc(count / (LOAD_STEP_S / 60) + 2, sizeof(*steps));
	if (steps == NULL)
		return;
	step_count = load_steps(minutes, count, start_s, steps, &begin_s);
	span = span_of(steps, step_count, begin_s);
	if (trained == NULL)
		forecast_untrained(&span, bands);
	else
		forecast_span(trained->rules, &span, bands);
	free(steps);
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

static struct load_span
span_of(const double *steps, size_t count, int64_t begin_s)
{
	return (struct load_span){ .values = steps, .means = steps, .count = count, .known = count,
		.pace = { .day = LOAD_DAY, .mean = 1 }, .phase = (size_t)(begin_s / LOAD_STEP_S % LOAD_DAY) };
}

static void
forecast_span(const struct load_rule *rules, const struct load_span *span, struct load_band *bands)
{
	for (size_t h = 0; h < LOAD_HORIZONS; h++) {
		struct load_view view;

		if (!load_view_init(&view, &rules[h], span))
			continue;
		bands[h] = load_band_of(&rules[h], &view, span->count - 1);
		if (!isfinite(bands[h].middle))
			bands[h] = (struct load_band){ (double)NAN, (double)NAN, (double)NAN };
		load_view_fini(&view);
	}
}

/* A walk of one stride, at whose end stands the newest step. */
static void
forecast_untrained(const struct load_span *span, struct load_band *bands)
{
	struct load_walk *walk = load_walk_new(span->values, span->count, (int64_t)span->phase * LOAD_STEP_S,
	    LOAD_STEP_S, 1);

	if (walk != NULL && load_walk_smooth(walk, span->count - 1, span->count)) {
		for (size_t h = 0; h < LOAD_HORIZONS; h++)
			bands[h] = load_walk_band(walk, h, span->count - 1);
	}
	load_walk_free(walk);
}

static const struct trained *
find(const struct load_model *model, const char *region)
{
	for (size_t i = 0; model != NULL && i < model->count; i++) {
		if (strcmp(model->list[i].region, region) == 0)
			return &model->list[i];
	}
	return NULL;
}

size_t
load_horizon(int64_t horizon_s)
{
	size_t h = 0;

	while (h + 1 < LOAD_HORIZONS && load_horizons_s[h] < horizon_s)
		h++;
	return h;
}

int
load_train(const double *minutes, size_t count, int64_t start_s, const char *region, struct text *part,
    double gains[static LOAD_HORIZONS])
{
	double *steps = calloc(count / (LOAD_STEP_S / 60) + 2, sizeof(*steps));
	struct load_walk *walk = NULL;
	size_t step_count;
	int64_t begin_s;
	int status = 0;

	for (size_t h = 0; h < LOAD_HORIZONS; h++)
		gains[h] = (double)NAN;
	if (steps == NULL)
		return -ENOMEM;
	step_count = load_steps(minutes, count, start_s, steps, &begin_s);
	if (!usable(minutes, count) || step_count < LOAD_TRAIN_DAYS * LOAD_DAY || strlen(region) >= NAME_SIZE)
		goto out;
	walk = load_walk_new(steps, step_count, begin_s, LOAD_STEP_S, 1);
	if (walk == NULL || !walk_now(walk, step_count)) {
		status = -ENOMEM;
		goto out;
	}
	text_printf(part, "region %s\n", region);
	for (size_t h = 0; h < LOAD_HORIZONS; h++) {
		gains[h] = load_walk_gain(walk, h, step_count);
		load_rule_write(load_walk_rule(walk, h), part);
	}
	status = part->failed ? -ENOMEM : 0;
out:
	load_walk_free(walk);
	free(steps);
	return status;
}

static bool
walk_now(struct load_walk *walk, size_t count)
{
	for (size_t day = LOAD_JUDGED_DAYS; day > 0; day--) {
		if (!load_walk_on(walk, count - day * LOAD_DAY, count - (day - 1) * LOAD_DAY))
			return false;
	}
	return load_walk_on(walk, count, count);
}

char *
load_write(const char *parts)
{
	struct text text = { 0 };
	char hash[SHA256_TEXT_SIZE];

	text_printf(&text, "isobar-load 2 %s\n", sha256_text(parts, strlen(parts), hash));
	text_puts(&text, parts);
	return text_take(&text);
}

struct load_model *
load_read(const char *bytes, size_t length, struct text *error)
{
	struct load_model *model = calloc(1, sizeof(*model));
	const char *newline = memchr(bytes, '\n', length), *at, *end = bytes + length;
	char hash[SHA256_TEXT_SIZE], theirs[SHA256_TEXT_SIZE];
	int format;

	if (model == NULL || newline == NULL || length > MODEL_SIZE ||
	    sscanf(bytes, "isobar-load %d %64s", &format, theirs) != 2 || format != 2) {
		text_puts(error, "this is no load model that this program reads");
		goto fail;
	}
	at = newline + 1;
	if (strcmp(theirs, sha256_text(at, (size_t)(end - at), hash)) != 0) {
		text_puts(error, "the checksum doesn't match: cut short or changed");
		goto fail;
	}
	while (at < end) {
		struct trained *longer = reallocarray(model->list, model->count + 1, sizeof(*longer));

		if (longer == NULL) {
			text_puts(error, "out of memory");
			goto fail;
		}
		model->list = longer;
		model->list[model->count] = (struct trained){ .region = "" };
		if (!read_region(&model->list[model->count++], &at, end, error))
			goto fail;
	}
	return model;
fail:
	load_free(model);
	return NULL;
}

static bool
read_region(struct trained *trained, const char **at, const char *end, struct text *error)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	int used = 0;

	if (newline == NULL || sscanf(*at, "region %255s%n", trained->region, &used) != 1 || *at + used != newline) {
		text_puts(error, "a region's line can't be read");
		return false;
	}
	*at = newline + 1;
	for (size_t h = 0; h < LOAD_HORIZONS; h++) {
		if (!load_rule_read(&trained->rules[h], at, end, error))
			return false;
		if (trained->rules[h].ahead != (size_t)(load_horizons_s[h] / LOAD_STEP_S)) {
			text_puts(error, "a rule for another horizon");
			return false;
		}
	}
	return true;
}

void
load_free(struct load_model *model)
{
	if (model == NULL)
		return;
	for (size_t i = 0; i < model->count; i++) {
		for (size_t h = 0; h < LOAD_HORIZONS; h++)
			load_rule_fini(&model->list[i].rules[h]);
	}
	free(model->list);
	free(model);
}

size_t
load_regions(const struct load_model *model)
{
	return model->count;
}

size_t
load_corrections(const struct load_model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++) {
		for (size_t h = 0; h < LOAD_HORIZONS; h++)
			count += model->list[i].rules[h].corrects ? 1 : 0;
	}
	return count;
}
