/* load_rule.c -- fitting to a load, and forecasting by what was fitted.
 * In: a stretch of a load.  Out: forecasts in the scale that suits it.
 * Threads: see load_rule.h.
 *
 * Smoothing. Each pair of a scale and a smoothing forecasts the past; the least mean absolute error in the load's own
 * unit wins. Logarithms stand to choice only where nothing is negative; where zeros or values near them occur, a tenth
 * of the usual value is added first, so that the step from 0 to 1 isn't the largest of all. Smoothings without a
 * season, for what has none, and slow ones, for noise around a level, stand to choice as well.
 *
 * Correction. An SVR on lagged values alone loses to Holt-Winters on short series; on what Holt-Winters misses it wins
 * wherever something is left to learn. Its features are differences in the rule's scale, so that a level that shifts
 * leaves them as they are: the last misses, the last changes, the change that is expected, and how yesterday, the day
 * before and the same day of last week went on from this time. C, gamma and epsilon are fixed: with targets and
 * features of deviation one they suit, and there's nothing left to overfit. It's never larger than 98 of 100 past
 * misses.
 *
 * The text of a rule: a line of numbers, which ends in the length of what follows: the machine's text, with vectors
 * written as coefficient and hundredths, since that is what features are. A region takes a third of a megabyte. */
#include "load/load_rule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 1500		/* more cost seconds a series and gain nothing */
#define ROWS_LEAST 100
#define CLIP_QUANTILE 0.98
#define SVR_C 0.5
#define SVR_GAMMA 0.15		/* by the number of features */
#define SVR_EPSILON 0.15	/* in deviations of the targets */
#define LAGS 6			/* misses that the correction looks back on */
#define FEATURE_LIMIT 5.0
#define NEAR_ZERO 0.02		/* of the median of what is above zero */
#define DAY_MOST 86400		/* values: no more than one a second */

/* Beside Holt-Winters' own grid. */
static const struct smoothing others[] = {
	{ 0.05, 0.01, 0, false }, { 0.2, 0.02, 0, false }, { 0.4, 0.02, 0, false }, { 0.4, 0.1, 0, false },
	{ 0.7, 0.02, 0, false }, { 0.7, 0.1, 0, false }, { 0.9, 0.05, 0, false }, { 0.05, 0.01, 0.1, true },
};
static const struct smoothing cautious = { 0.7, 0.02, 0, false };	/* where nothing can be measured yet */

const int64_t load_horizons_s[LOAD_HORIZONS] = { 600, 1800, 3600 };

struct choice {
	const struct load_span *span;
	size_t from;			/* errors are measured on forecasts made from `from` on */
	double least[LOAD_HORIZONS];
	double *forecasts[LOAD_HORIZONS];
};

static size_t scales_of(const struct load_span *span, struct load_scale scales[static 2]);
static bool try_scale(struct choice *choice, struct load_rule *rules, size_t count, const struct load_scale *scale,
	double *y);
static bool try_smoothing(struct choice *choice, struct load_rule *rules, size_t count,
	const struct load_scale *scale, const struct smoothing *smoothing, const double *y);
static double mean_error(const struct choice *choice, size_t ahead, const struct load_scale *scale,
	const double *forecasts);
static double back(const struct load_view *view, size_t at, size_t by);
static void describe(const struct load_view *view, size_t ahead, size_t at, double *features);
static void scale_features(const struct load_rule *rule, double *features);
static size_t collect(const struct load_rule *rule, const struct load_view *view, double *rows, double *targets);
static void fit_features(struct load_rule *rule, const double *rows, size_t count);
static bool fit_targets(struct load_rule *rule, double *targets, size_t count);
static bool fit_machine(struct load_rule *rule, const double *rows, const double *targets, size_t count);
static void drop_machine(struct load_rule *rule);
static void pack(const char *body, struct text *out);
static void unpack(const char *packed, size_t length, struct text *out);
static bool read_number(const char **at, const char *end, double *value);
static int compare(const void *a, const void *b);

bool
load_rules_smooth(struct load_rule *rules, size_t count, const struct load_span *span)
{
	struct load_scale scales[2];
	size_t scale_count = scales_of(span, scales), day = span->pace.day, end = span->known;
	struct choice choice = { .span = span, .from = end / 4 > 2 * day ? end / 4 : end > 3 * day ? 2 * day :
	    end > 2 * day ? day : end / 4 };
	double *y = malloc((span->count + 1) * sizeof(*y));
	bool done = y != NULL;

	for (size_t h = 0; h < count; h++) {
		choice.least[h] = INFINITY;
		choice.forecasts[h] = malloc((span->count + 1) * sizeof(double));
		done = done && choice.forecasts[h] != NULL;
		if (rules[h].ahead == 0)
			continue;
		drop_machine(&rules[h]);
		rules[h].scale = scales[0];
		rules[h].smoothing = cautious;
		rules[h].corrects = false;
		rules[h].lower = rules[h].upper = (double)NAN;
		rules[h].middle = 0;
	}
	for (size_t i = 0; i < scale_count && done; i++)
		done = try_scale(&choice, rules, count, &scales[i], y);
	for (size_t h = 0; h < count; h++)
		free(choice.forecasts[h]);
	free(y);
	return done;
}

/* The scales that stand to choice; their number. */
static size_t
scales_of(const struct load_span *span, struct load_scale scales[static 2])
{
	struct load_scale plain = { .least = INFINITY, .most = -INFINITY }, logs;
	double *positive = malloc((span->known + 1) * sizeof(*positive)), unit = 0;
	size_t count = 0;

	for (size_t i = 0; i < span->known; i++) {
		if (isnan(span->values[i]))
			continue;
		plain.least = fmin(plain.least, span->values[i]);
		plain.most = fmax(plain.most, span->values[i]);
		if (positive != NULL && span->values[i] > 0)
			positive[count++] = span->values[i];
	}
	if (count > 0) {
		qsort(positive, count, sizeof(*positive), compare);
		unit = positive[count / 2];
	}
	free(positive);
	scales[0] = plain;
	if (!(plain.least >= 0) || !(unit > 0))
		return 1;
	logs = plain;
	logs.logarithm = true;
	logs.offset = plain.least > NEAR_ZERO * unit ? 0 : unit / 10;
	logs.floor = logs.offset > 0 ? logs.offset / 2 : NEAR_ZERO * unit / 2;
	scales[0] = logs;
	scales[1] = plain;
	return 2;
}

static bool
try_scale(struct choice *choice, struct load_rule *rules, size_t count, const struct load_scale *scale, double *y)
{
	bool done = true;

	for (size_t i = 0; i < choice->span->count; i++)
		y[i] = load_scale_to(scale, choice->span->means[i]);
	for (size_t i = 0; i < HOLT_WINTERS_GRID && done; i++)
		done = try_smoothing(choice, rules, count, scale, &holt_winters_grid[i], y);
	for (size_t i = 0; i < ARRAY_SIZE(others) && done; i++)
		done = try_smoothing(choice, rules, count, scale, &others[i], y);
	return done;
}

static bool
try_smoothing(struct choice *choice, struct load_rule *rules, size_t count, const struct load_scale *scale,
    const struct smoothing *smoothing, const double *y)
{
	size_t ahead[LOAD_HORIZONS] = { 0 }, known = choice->span->known;

	for (size_t h = 0; h < count; h++)
		ahead[h] = rules[h].ahead;
	if (!holt_winters_run(smoothing, y, known, known, &choice->span->pace, count, ahead, choice->forecasts))
		return false;
	for (size_t h = 0; h < count; h++) {
		double error;

		if (ahead[h] == 0)
			continue;
		error = mean_error(choice, ahead[h], scale, choice->forecasts[h]);
		if (!(error < choice->least[h]))
			continue;
		choice->least[h] = error;
		rules[h].scale = *scale;
		rules[h].smoothing = *smoothing;
	}
	return true;
}

/* In the load's unit. */
static double
mean_error(const struct choice *choice, size_t ahead, const struct load_scale *scale, const double *forecasts)
{
	const double *values = choice->span->values;
	double sum = 0, n = 0;

	for (size_t i = choice->from; i + ahead < choice->span->known; i++) {
		double off = values[i + ahead] - load_scale_from(scale, forecasts[i], values[i]);

		if (isnan(off))
			continue;
		sum += fabs(off);
		n++;
	}
	return n > 0 ? sum / n : INFINITY;
}

bool
load_view_init(struct load_view *view, const struct load_rule *rule, const struct load_span *span)
{
	bool done;

	*view = (struct load_view){ .span = span, .y = malloc((span->count + 1) * sizeof(double)),
		.forecasts = malloc((span->count + 1) * sizeof(double)) };
	done = view->y != NULL && view->forecasts != NULL;
	for (size_t i = 0; done && i < span->count; i++)
		view->y[i] = load_scale_to(&rule->scale, span->means[i]);
	done = done && holt_winters_run(&rule->smoothing, view->y, span->count, span->known, &span->pace, 1,
	    &rule->ahead, &view->forecasts);
	if (!done)
		load_view_fini(view);
	return done;
}

void
load_view_fini(struct load_view *view)
{
	free(view->y);
	free(view->forecasts);
	*view = (struct load_view){ 0 };
}

double
load_rule_smoothed(const struct load_view *view, size_t at)
{
	return view->forecasts[at];
}

double
load_rule_correction(const struct load_rule *rule, const struct load_view *view, size_t at)
{
	double features[LOAD_FEATURES];

	if (rule->machine == NULL)
		return 0;
	describe(view, rule->ahead, at, features);
	scale_features(rule, features);
	return fmin(fmax(machine_decide(rule->machine, features) * rule->spread, -rule->clip), rule->clip);
}

/* What was known at a value; what wasn't is NAN. */
static void
describe(const struct load_view *view, size_t ahead, size_t at, double *features)
{
	static const size_t changes[] = { 1, 2, 3, 6, 12 }, days[] = { 1, 2, 7 };
	const struct pace *pace = &view->span->pace;
	double now = view->y[at], soon = view->forecasts[at], sum = 0, known = 0;
	double turn = 2 * M_PI * (double)((view->span->phase + at) % pace->day) / (double)pace->day;
	size_t n = 0;

	for (size_t lag = 0; lag < LAGS; lag++) {
		size_t by = lag * pace->mean + ahead;

		features[n++] = at >= by ? view->y[at - lag * pace->mean] - view->forecasts[at - by] : (double)NAN;
	}
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		features[n++] = now - back(view, at, changes[i] * pace->mean);
	features[n++] = soon - now;
	for (size_t i = 0; i < ARRAY_SIZE(days); i++) {
		size_t by = days[i] * pace->day;
		double then = at >= by ? back(view, at, by - ahead) : (double)NAN;

		features[n++] = then - soon;
		features[n++] = (then - back(view, at, by)) - (soon - now);
	}
	/* Yesterday about that time: from two means before it to two behind. */
	for (size_t i = 0; i < 5; i++) {
		double value = back(view, at, pace->day - ahead + 2 * pace->mean - i * pace->mean);

		sum += isnan(value) ? 0 : value;
		known += isnan(value) ? 0 : 1;
	}
	features[n++] = known > 0 ? sum / known - soon : (double)NAN;
	features[n++] = sin(turn);
	features[n++] = cos(turn);
}

static double
back(const struct load_view *view, size_t at, size_t by)
{
	return at >= by ? view->y[at - by] : (double)NAN;
}

static void
scale_features(const struct load_rule *rule, double *features)
{
	for (size_t i = 0; i < LOAD_FEATURES; i++) {
		double scaled = (features[i] - rule->means[i]) / rule->deviations[i];

		features[i] = rule->deviations[i] > 0 && isfinite(scaled) ?
		    fmin(fmax(rint(scaled * 100) / 100, -FEATURE_LIMIT), FEATURE_LIMIT) : 0;
	}
}

bool
load_rule_train(struct load_rule *rule, const struct load_view *view)
{
	double *rows = malloc((ROWS_MOST + 2) * LOAD_FEATURES * sizeof(*rows));
	double *targets = malloc((ROWS_MOST + 2) * sizeof(*targets));
	bool done = rows != NULL && targets != NULL;
	size_t count;

	drop_machine(rule);
	count = done ? collect(rule, view, rows, targets) : 0;
	if (count >= ROWS_LEAST) {
		fit_features(rule, rows, count);
		for (size_t i = 0; i < count; i++)
			scale_features(rule, rows + i * LOAD_FEATURES);
		done = fit_targets(rule, targets, count);
		if (done && rule->spread > 0)
			done = fit_machine(rule, rows, targets, count);
	}
	free(rows);
	free(targets);
	return done;
}

/* What smoothing missed, from the third day on (the season began with the first two), or with less than three from the
 * second. Less than a day's worth is none. One row of each of so many equal stretches, somewhere in it: every third,
 * say, would only ever show the same minutes of an hour, and loads know the hour. */
static size_t
collect(const struct load_rule *rule, const struct load_view *view, double *rows, double *targets)
{
	size_t day = view->span->pace.day, end = view->span->known, from = end >= 3 * day ? 2 * day : day;
	size_t span, strata, n = 0;
	uint64_t state = 1;

	if (rule->ahead == 0 || end < from + day)
		return 0;
	span = end - from - rule->ahead;
	strata = span < ROWS_MOST ? span : ROWS_MOST;
	for (size_t k = 0; k < strata; k++) {
		size_t begin = from + k * span / strata, width = from + (k + 1) * span / strata - begin, i;
		double truth;

		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		i = begin + (size_t)(state >> 33) % width;
		truth = load_scale_to(&rule->scale, view->span->values[i + rule->ahead]);

		targets[n] = truth - view->forecasts[i];
		if (isnan(targets[n]) || isnan(view->y[i]))
			continue;
		describe(view, rule->ahead, i, rows + n++ * LOAD_FEATURES);
	}
	return n;
}

static void
fit_features(struct load_rule *rule, const double *rows, size_t count)
{
	for (size_t f = 0; f < LOAD_FEATURES; f++) {
		double sum = 0, squares = 0, known = 0, mean, deviation;

		for (size_t i = 0; i < count; i++) {
			double value = rows[i * LOAD_FEATURES + f];

			sum += isfinite(value) ? value : 0;
			known += isfinite(value) ? 1 : 0;
		}
		mean = known > 0 ? sum / known : 0;
		for (size_t i = 0; i < count; i++) {
			double off = rows[i * LOAD_FEATURES + f] - mean;

			squares += isfinite(off) ? off * off : 0;
		}
		deviation = known > 0 ? sqrt(squares / known) : 0;
		rule->means[f] = mean;
		rule->deviations[f] = isfinite(deviation) && deviation > 1e-9 * fabs(mean) ? deviation : 0;
	}
}

/* Targets become misses in spreads. */
static bool
fit_targets(struct load_rule *rule, double *targets, size_t count)
{
	double *sorted = malloc(count * sizeof(*sorted)), squares = 0;

	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		sorted[i] = fabs(targets[i]);
		squares += targets[i] * targets[i];
	}
	qsort(sorted, count, sizeof(*sorted), compare);
	rule->clip = sorted[(size_t)((double)(count - 1) * CLIP_QUANTILE)];
	rule->spread = sqrt(squares / (double)count);
	free(sorted);
	if (!(rule->clip > 0) || !(rule->spread > 0) || !isfinite(rule->spread))
		rule->spread = 0;
	for (size_t i = 0; i < count && rule->spread > 0; i++)
		targets[i] /= rule->spread;
	return true;
}

static bool
fit_machine(struct load_rule *rule, const double *rows, const double *targets, size_t count)
{
	struct machine_settings settings = { .kind = MACHINE_REGRESS, .c = SVR_C, .gamma = SVR_GAMMA / LOAD_FEATURES,
		.epsilon = SVR_EPSILON };
	struct text error = { 0 };

	rule->body = machine_train(rows, targets, count, LOAD_FEATURES, &settings, &rule->body_length);
	if (rule->body == NULL)
		return false;
	/* One without a vector can't be read: nothing was left to learn. */
	rule->machine = machine_read(rule->body, rule->body_length, LOAD_FEATURES, &error);
	if (rule->machine == NULL)
		drop_machine(rule);
	text_fini(&error);
	return true;
}

static void
drop_machine(struct load_rule *rule)
{
	machine_free(rule->machine);
	free(rule->body);
	rule->machine = NULL;
	rule->body = NULL;
	rule->body_length = 0;
}

double
load_scale_to(const struct load_scale *scale, double value)
{
	return !scale->logarithm || isnan(value) ? value : log(fmax(value + scale->offset, scale->floor));
}

double
load_scale_from(const struct load_scale *scale, double y, double now)
{
	double value = scale->logarithm ? exp(y) - scale->offset : y;
	double least = fmin(scale->least, now), most = fmax(scale->most, now), room = (most - least) / 2;

	if (isnan(value) || !isfinite(room))
		return value;
	least = least >= 0 ? fmax(least - room, 0) : least - room;
	most = most <= 0 ? fmin(most + room, 0) : most + room;
	return fmin(fmax(value, least), most);
}

/* --- text ---------------------------------------------------------------------------------------------------- */

void
load_rule_write(const struct load_rule *rule, struct text *out)
{
	const double numbers[] = { rule->scale.logarithm, rule->scale.offset, rule->scale.floor, rule->scale.least,
		rule->scale.most, rule->smoothing.level, rule->smoothing.trend, rule->smoothing.season,
		rule->smoothing.seasonal, rule->spread, rule->clip, rule->lower, rule->upper, rule->middle };
	struct text packed = { 0 };

	text_printf(out, "%zu %d", rule->ahead, rule->corrects);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		text_printf(out, " %.17g", numbers[i]);
	for (size_t i = 0; i < LOAD_FEATURES; i++)
		text_printf(out, " %.17g %.17g", rule->means[i], rule->deviations[i]);
	if (rule->corrects)
		pack(rule->body, &packed);
	text_printf(out, " %zu\n", packed.length);
	text_add(out, packed.length == 0 ? "" : packed.bytes, packed.length);
	out->failed = out->failed || packed.failed;
	text_fini(&packed);
}

/* libsvm's "COEFFICIENT INDEX:VALUE ..." becomes "COEFFICIENT HUNDREDTHS ...", one for each feature. */
static void
pack(const char *body, struct text *out)
{
	const char *vectors = strstr(body, "\nSV\n"), *line, *end;

	if (vectors == NULL)
		return;
	vectors += 4;
	text_add(out, body, (size_t)(vectors - body));
	for (line = vectors; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		int hundredths[LOAD_FEATURES] = { 0 };
		const char *p = line + strcspn(line, " \n");

		text_add(out, line, (size_t)(p - line));
		while (p < end) {
			char *next;
			long index = strtol(p, &next, 10);

			if (next == p || *next != ':' || index < 1 || index > LOAD_FEATURES)
				break;
			hundredths[index - 1] = (int)lrint(strtod(next + 1, &next) * 100);
			p = next + strspn(next, " ");
		}
		for (size_t i = 0; i < LOAD_FEATURES; i++)
			text_printf(out, " %d", hundredths[i]);
		text_puts(out, "\n");
	}
}

/* The other way round. What isn't as it should be, machine_read() finds. */
static void
unpack(const char *packed, size_t length, struct text *out)
{
	const char *end = packed + length, *line = packed, *newline;
	bool vectors = false;

	for (; line < end && (newline = memchr(line, '\n', (size_t)(end - line))) != NULL; line = newline + 1) {
		const char *p = line + strcspn(line, " \n");
		char *next;

		if (!vectors) {
			text_add(out, line, (size_t)(newline + 1 - line));
			vectors = newline - line == 2 && memcmp(line, "SV", 2) == 0;
			continue;
		}
		text_add(out, line, (size_t)(p - line));
		for (int i = 1; p < newline; i++, p = next) {
			long hundredths = strtol(p, &next, 10);

			if (next == p || next > newline)
				break;
			if (hundredths != 0)
				text_printf(out, " %d:%.2f", i, (double)hundredths / 100);
		}
		text_puts(out, "\n");
	}
	text_add(out, line, (size_t)(end - line));
}

bool
load_rule_read(struct load_rule *rule, const char **at, const char *end, struct text *error)
{
	double logarithm = 0, seasonal = 0, corrects = 0, ahead = 0, length;
	double *const numbers[] = { &ahead, &corrects, &logarithm,
		&rule->scale.offset, &rule->scale.floor, &rule->scale.least, &rule->scale.most, &rule->smoothing.level,
		&rule->smoothing.trend, &rule->smoothing.season, &seasonal, &rule->spread, &rule->clip, &rule->lower,
		&rule->upper, &rule->middle };
	bool good = true;

	*rule = (struct load_rule){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(numbers) && good; i++)
		good = read_number(at, end, numbers[i]);
	for (size_t i = 0; i < LOAD_FEATURES && good; i++)
		good = read_number(at, end, &rule->means[i]) && read_number(at, end, &rule->deviations[i]);
	good = good && read_number(at, end, &length) && *at < end && **at == '\n' && ahead >= 1 && ahead <= DAY_MOST &&
	    ahead == floor(ahead) && length >= 0 && length <= (double)(end - *at - 1) && length == floor(length) &&
	    (corrects != 0) == (length > 0) && rule->smoothing.level >= 0 && rule->smoothing.level <= 1 &&
	    rule->smoothing.trend >= 0 && rule->smoothing.trend <= 1 && rule->smoothing.season >= 0 &&
	    rule->smoothing.season <= 1 && !isnan(rule->scale.offset);
	if (!good) {
		text_puts(error, "a rule's line can't be read");
		return false;
	}
	rule->ahead = (size_t)ahead;
	rule->scale.logarithm = logarithm != 0;
	rule->smoothing.seasonal = seasonal != 0;
	rule->corrects = corrects != 0;
	++*at;
	if (rule->corrects) {
		struct text body = { 0 };

		unpack(*at, (size_t)length, &body);
		if (body.failed)
			text_puts(error, "out of memory");
		else
			rule->machine = machine_read(body.bytes, body.length, LOAD_FEATURES, error);
		text_fini(&body);
		if (rule->machine == NULL)
			return false;
	}
	*at += (size_t)length;
	return true;
}

/* One with a space before it, or none; the text ends in a NUL. */
static bool
read_number(const char **at, const char *end, double *value)
{
	char *next;

	if (*at >= end || **at == '\n')
		return false;
	*value = strtod(*at, &next);
	if (next == *at || next > end)
		return false;
	*at = next;
	return true;
}

void
load_rule_fini(struct load_rule *rule)
{
	drop_machine(rule);
	*rule = (struct load_rule){ 0 };
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}
