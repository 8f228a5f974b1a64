/* load_walk.c -- fits, forecasts, and what became of the forecasts.
 * In: a load's values.  Out: forecasts of each, from nothing later.
 * Threads: see load_walk.h. A walk owns its rules and its memory of forecasts, not the values.
 *
 * The guard: a correction is used if on the last two days the forecasts that were made with corrections, each from
 * a fit to what was older, erred by 2 % less than those without, whether they were used or not. Until half a day of
 * such forecasts is over, smoothing alone speaks.
 *
 * Quantiles: of what forecasts missed before, in the rule's scale, as far as a week back. The n sorted misses cut what
 * is to come into n + 1 parts, equally likely as long as it's like what was (split conformal prediction: Vovk et al.
 * 2005). Before half a day of forecasts is over, those of the smoothing within its own past stand in. */
#include "load/load_walk.h"

#include <math.h>
#include <stdlib.h>

#define BETTER 0.98
#define BAND_DAYS 7
#define BAND_LEAST 30		/* misses that make a band */
#define TAIL 0.1

struct past { double *plain, *corrected; struct load_band *bands; };

struct load_walk {
	const double *values;
	double *means;			/* NULL: the values themselves */
	size_t count, phase, window;
	struct pace pace;
	struct load_rule rules[LOAD_HORIZONS];
	struct past past[LOAD_HORIZONS];	/* by the moment when it was forecast; NAN: it wasn't */
};

static bool past_init(struct past *past, size_t count);
static double *moving_means(const double *values, size_t count, size_t mean);
static bool fit_all(struct load_walk *walk, size_t from, size_t to, bool train);
static bool fit(struct load_walk *walk, size_t horizon, const struct load_span *span, size_t from, bool train);
static void fit_band(struct load_walk *walk, size_t horizon, const struct load_view *view, size_t begin, size_t from);
static struct load_band band_of(const struct load_rule *rule, double y, double now);
static double shift_of(const double *misses, size_t count);
static size_t misses_of_forecasts(const struct load_walk *walk, size_t horizon, size_t from, double *misses);
static size_t misses_of_smoothing(const struct load_walk *walk, size_t horizon, const struct load_view *view,
	size_t begin, size_t from, double *misses);
static double errors(const struct load_walk *walk, size_t horizon, size_t end, bool corrected, size_t *count);
static size_t next_fit(const struct load_walk *walk, size_t from);
static int compare(const void *a, const void *b);

size_t
load_walk_mean(int64_t step_s)
{
	return step_s < LOAD_STEP_S ? (size_t)(LOAD_STEP_S / step_s) : 1;
}

struct load_walk *
load_walk_new(const double *values, size_t count, int64_t start_s, int64_t step_s, size_t mean)
{
	struct load_walk *walk = calloc(1, sizeof(*walk));
	size_t day = (size_t)((86400 + step_s / 2) / step_s);
	bool done = walk != NULL;

	if (walk == NULL)
		return NULL;
	walk->values = values;
	walk->count = count;
	walk->pace = (struct pace){ .day = day < 1 ? 1 : day, .mean = mean };
	walk->phase = (size_t)(start_s % 86400 / step_s) % walk->pace.day;
	walk->window = LOAD_HISTORY_DAYS * walk->pace.day;
	walk->window = walk->window < LOAD_HISTORY_VALUES ? LOAD_HISTORY_VALUES : walk->window;
	if (mean > 1)
		done = (walk->means = moving_means(values, count, mean)) != NULL;
	for (size_t h = 0; h < LOAD_HORIZONS; h++) {
		if (load_horizons_s[h] % step_s == 0)
			walk->rules[h].ahead = (size_t)(load_horizons_s[h] / step_s);
		done = done && past_init(&walk->past[h], count);
	}
	if (done)
		return walk;
	load_walk_free(walk);
	return NULL;
}

static bool
past_init(struct past *past, size_t count)
{
	past->plain = malloc((count + 1) * sizeof(*past->plain));
	past->corrected = malloc((count + 1) * sizeof(*past->corrected));
	past->bands = malloc((count + 1) * sizeof(*past->bands));
	if (past->plain == NULL || past->corrected == NULL || past->bands == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		past->plain[i] = past->corrected[i] = (double)NAN;
		past->bands[i] = (struct load_band){ (double)NAN, (double)NAN, (double)NAN };
	}
	return true;
}

/* Of the values that are known. */
static double *
moving_means(const double *values, size_t count, size_t mean)
{
	double *means = malloc((count + 1) * sizeof(*means));

	for (size_t i = 0; means != NULL && i < count; i++) {
		double sum = 0, known = 0;

		for (size_t k = i + 1 > mean ? i + 1 - mean : 0; k <= i; k++) {
			sum += isnan(values[k]) ? 0 : values[k];
			known += isnan(values[k]) ? 0 : 1;
		}
		means[i] = known > 0 ? sum / known : (double)NAN;
	}
	return means;
}

void
load_walk_free(struct load_walk *walk)
{
	if (walk == NULL)
		return;
	for (size_t h = 0; h < LOAD_HORIZONS; h++) {
		load_rule_fini(&walk->rules[h]);
		free(walk->past[h].plain);
		free(walk->past[h].corrected);
		free(walk->past[h].bands);
	}
	free(walk->means);
	free(walk);
}

bool
load_walk_on(struct load_walk *walk, size_t from, size_t to)
{
	return fit_all(walk, from, to, true);
}

bool
load_walk_smooth(struct load_walk *walk, size_t from, size_t to)
{
	return fit_all(walk, from, to, false);
}

static bool
fit_all(struct load_walk *walk, size_t from, size_t to, bool train)
{
	struct load_span span = load_walk_span(walk, from, to);
	bool done = load_rules_smooth(walk->rules, LOAD_HORIZONS, &span);

	for (size_t h = 0; h < LOAD_HORIZONS && done; h++)
		done = walk->rules[h].ahead == 0 || fit(walk, h, &span, from, train);
	return done;
}

struct load_span
load_walk_span(const struct load_walk *walk, size_t from, size_t to)
{
	size_t begin = from > walk->window ? from - walk->window : 0;

	return (struct load_span){ .values = walk->values + begin, .count = to - begin, .known = from - begin,
		.means = (walk->means == NULL ? walk->values : walk->means) + begin, .pace = walk->pace,
		.phase = (walk->phase + begin) % walk->pace.day };
}

static bool
fit(struct load_walk *walk, size_t horizon, const struct load_span *span, size_t from, bool train)
{
	size_t begin = from - span->known;
	struct load_rule *rule = &walk->rules[horizon];
	struct past *past = &walk->past[horizon];
	struct load_view view;
	bool done;

	if (!load_view_init(&view, rule, span))
		return false;
	done = !train || load_rule_train(rule, &view);
	rule->corrects = rule->machine != NULL && load_walk_gain(walk, horizon, from) < BETTER;
	fit_band(walk, horizon, &view, begin, from);
	for (size_t i = from; done && i < begin + span->count; i++) {
		double y = load_rule_smoothed(&view, i - begin), now = walk->values[i];
		double correction = load_rule_correction(rule, &view, i - begin);

		past->plain[i] = load_scale_from(&rule->scale, y, now);
		past->corrected[i] = rule->machine == NULL ? (double)NAN :
		    load_scale_from(&rule->scale, y + correction, now);
		past->bands[i] = band_of(rule, rule->corrects ? y + correction : y, now);
	}
	load_view_fini(&view);
	return done;
}

struct load_band
load_band_of(const struct load_rule *rule, const struct load_view *view, size_t at)
{
	double y = load_rule_smoothed(view, at);

	return band_of(rule, rule->corrects ? y + load_rule_correction(rule, view, at) : y, view->span->values[at]);
}

static struct load_band
band_of(const struct load_rule *rule, double y, double now)
{
	return (struct load_band){ .lower = load_scale_from(&rule->scale, y + rule->lower, now),
		.middle = load_scale_from(&rule->scale, y + rule->middle, now),
		.upper = load_scale_from(&rule->scale, y + rule->upper, now) };
}

static void
fit_band(struct load_walk *walk, size_t horizon, const struct load_view *view, size_t begin, size_t from)
{
	struct load_rule *rule = &walk->rules[horizon];
	double *misses = malloc((from + 1) * sizeof(*misses));
	size_t count = 0, low, high;

	if (misses != NULL)
		count = misses_of_forecasts(walk, horizon, from, misses);
	if (misses != NULL && (count < BAND_LEAST || count < walk->pace.day / 2))
		count = misses_of_smoothing(walk, horizon, view, begin, from, misses);
	rule->lower = rule->upper = (double)NAN;
	rule->middle = 0;
	if (count >= BAND_LEAST) {
		qsort(misses, count, sizeof(*misses), compare);
		low = (size_t)floor((double)(count + 1) * TAIL);
		high = (size_t)ceil((double)(count + 1) * (1 - TAIL));
		rule->lower = misses[low == 0 ? 0 : low - 1];
		rule->upper = misses[high > count ? count - 1 : high - 1];
		rule->middle = count >= LOAD_JUDGED_DAYS * walk->pace.day ? shift_of(misses, count) : 0;
	}
	free(misses);
}

/* The median miss, where forecasts would have been as much better by it as a correction must be: counts that are zero
 * as a rule have a mean that never comes. It takes whole days, in which what rises also falls. */
static double
shift_of(const double *misses, size_t count)
{
	double median = misses[count / 2], with = 0, without = 0;

	for (size_t i = 0; i < count; i++) {
		with += fabs(misses[i] - median);
		without += fabs(misses[i]);
	}
	return with < without * BETTER ? median : 0;
}

static size_t
misses_of_forecasts(const struct load_walk *walk, size_t horizon, size_t from, double *misses)
{
	const struct load_rule *rule = &walk->rules[horizon];
	const double *said = rule->corrects ? walk->past[horizon].corrected : walk->past[horizon].plain;
	size_t back = BAND_DAYS * walk->pace.day, count = 0;

	for (size_t i = from > back ? from - back : 0; i + rule->ahead < from; i++) {
		double miss = load_scale_to(&rule->scale, walk->values[i + rule->ahead]) -
		    load_scale_to(&rule->scale, said[i]);

		if (!isnan(miss))
			misses[count++] = miss;
	}
	return count;
}

static size_t
misses_of_smoothing(const struct load_walk *walk, size_t horizon, const struct load_view *view, size_t begin,
    size_t from, double *misses)
{
	const struct load_rule *rule = &walk->rules[horizon];
	size_t back = BAND_DAYS * walk->pace.day, known = from - begin, count = 0;

	for (size_t i = known > back ? known - back : 0; i + rule->ahead < known; i++) {
		double miss = load_scale_to(&rule->scale, walk->values[begin + i + rule->ahead]) -
		    load_rule_smoothed(view, i);

		if (!isnan(miss))
			misses[count++] = miss;
	}
	return count;
}

double
load_walk_gain(const struct load_walk *walk, size_t horizon, size_t end)
{
	size_t count;
	double with = errors(walk, horizon, end, true, &count), without = errors(walk, horizon, end, false, &count);

	if (count < walk->pace.day / 2)
		return (double)NAN;
	return without > 0 ? with / without : 1;
}

/* The sum of absolute errors over the judged days before `end`. */
static double
errors(const struct load_walk *walk, size_t horizon, size_t end, bool corrected, size_t *count)
{
	const struct past *past = &walk->past[horizon];
	size_t ahead = walk->rules[horizon].ahead, back = LOAD_JUDGED_DAYS * walk->pace.day + ahead;
	double sum = 0;

	*count = 0;
	for (size_t i = end > back ? end - back : 0; i + ahead < end; i++) {
		double off = walk->values[i + ahead] - (corrected ? past->corrected[i] : past->plain[i]);

		if (isnan(off) || isnan(past->corrected[i]))
			continue;
		sum += fabs(off);
		++*count;
	}
	return sum;
}

bool
load_walk_through(struct load_walk *walk, size_t first)
{
	size_t back = LOAD_JUDGED_DAYS * walk->pace.day;

	for (size_t at = first > back ? first - back : 0, next; at < walk->count; at = next) {
		next = next_fit(walk, at);
		if (!load_walk_on(walk, at, next))
			return false;
	}
	return true;
}

/* A fit serves a day, or less when it rests on less than two. */
static size_t
next_fit(const struct load_walk *walk, size_t from)
{
	size_t day = walk->pace.day, hour = day / 24 + 1, step = from >= 2 * day ? day : from / 4;

	step = step < hour ? hour : step;
	return from + step < walk->count ? from + step : walk->count;
}

struct load_band
load_walk_band(const struct load_walk *walk, size_t horizon, size_t at)
{
	return walk->past[horizon].bands[at];
}

const struct load_rule *
load_walk_rule(const struct load_walk *walk, size_t horizon)
{
	return &walk->rules[horizon];
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}
