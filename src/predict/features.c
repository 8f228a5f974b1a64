/* features.c -- the table of features and the one function that computes them.
 * In: a catalogue of metrics; a window, a step, the incidents that had ended by then.  Out: numbers, NAN for unknown.
 * Threads: any; pure.
 * Invariants: nothing after the step is read, and what is read is read in the same order whatever the window's
 * length: training on a month and serving from the last days give the same bits.
 *
 * Why these. A mean says where a metric is, the z-score whether that is unusual here, the slope where it goes; models
 * of kernel type can't find by themselves what takes a quotient of two of them, so the time until a limit is reached
 * at the present slope, as exp(-time / H), is a feature of its own, and so is the distance to the limits. Error
 * bursts that come faster announce the long one. Incidents that recur at the same time of day are found by the
 * recurrence feature, never by the raw time of day. Metrics that span decades (rates, latencies) are taken as
 * logarithms. Of a metric of unknown meaning only its own past can be told: five features each. */
#include "predict/features.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define BURST_ERR_RATIO 0.02	/* an error ratio that no ordinary minute has */
#define RECURRENCE_DAYS 7
#define DAY_S 86400
#define WEEK_S (7 * DAY_S)
#define ODD_Z 3.0
#define ODD_Z_MOST 10.0
#define SIBLINGS_MOST 8		/* looked at: more cost time and change the mean little */
#define SIBLING_POINTS 12	/* of a sibling's baseline */
#define EWMA_MIN 360

/* A feature of metrics with a meaning, or of no single one (METRIC_KNOWN). */
struct template {
	const char *name, *unit;
	enum feature_kind kind;
	enum metric metric;
	unsigned window_min;
};

#define COMMON(m, text, unit) \
	{ text "_mean5", unit, FEATURE_MEAN, m, 5 }, \
	{ text "_z", "deviations", FEATURE_Z, m, PAST_LAG_MIN + PAST_BASELINE_MIN }, \
	{ text "_slope30", unit "/min", FEATURE_SLOPE, m, 30 }

static const struct template templates[] = {
	COMMON(METRIC_RPS, "rps", "log requests/s"),
	COMMON(METRIC_ERR_RATIO, "err_ratio", "log ratio"),
	COMMON(METRIC_LAT_P50, "lat_p50", "log ms"),
	COMMON(METRIC_LAT_P99, "lat_p99", "log ms"),
	COMMON(METRIC_CPU, "cpu", "ratio"),
	COMMON(METRIC_MEM, "mem", "ratio"),
	COMMON(METRIC_DISK, "disk", "ratio"),
	COMMON(METRIC_CONNS, "conns", "log connections"),
	COMMON(METRIC_RETRANS, "retrans", "log ratio"),
	COMMON(METRIC_DEP, "dep", "log ms"),
	COMMON(METRIC_QUEUE, "queue", "log requests"),
	COMMON(METRIC_PROBE_OK, "probe_ok", "ratio"),
	{ "rps_day_z", "deviations", FEATURE_DAY_Z, METRIC_RPS, FEATURES_HISTORY_MIN },
	{ "lat_p99_day_z", "deviations", FEATURE_DAY_Z, METRIC_LAT_P99, FEATURES_HISTORY_MIN },
	{ "cpu_day_z", "deviations", FEATURE_DAY_Z, METRIC_CPU, FEATURES_HISTORY_MIN },
	{ "mem_day_z", "deviations", FEATURE_DAY_Z, METRIC_MEM, FEATURES_HISTORY_MIN },
	{ "err_ratio_max15", "log ratio", FEATURE_MAX, METRIC_ERR_RATIO, 15 },
	{ "lat_p99_max15", "log ms", FEATURE_MAX, METRIC_LAT_P99, 15 },
	{ "cpu_max15", "ratio", FEATURE_MAX, METRIC_CPU, 15 },
	{ "retrans_max15", "log ratio", FEATURE_MAX, METRIC_RETRANS, 15 },
	{ "dep_max15", "log ms", FEATURE_MAX, METRIC_DEP, 15 },
	{ "hb_missed_mean15", "ratio", FEATURE_MEAN, METRIC_HB_MISSED, 15 },
	{ "probe_ok_mean15", "ratio", FEATURE_MEAN, METRIC_PROBE_OK, 15 },
	{ "rps_slope10", "log requests/s/min", FEATURE_SLOPE, METRIC_RPS, 10 },
	{ "lat_p50_slope10", "log ms/min", FEATURE_SLOPE, METRIC_LAT_P50, 10 },
	{ "lat_p99_slope10", "log ms/min", FEATURE_SLOPE, METRIC_LAT_P99, 10 },
	{ "cpu_slope10", "ratio/min", FEATURE_SLOPE, METRIC_CPU, 10 },
	{ "mem_slope15", "ratio/min", FEATURE_SLOPE, METRIC_MEM, 15 },
	{ "disk_slope10", "ratio/min", FEATURE_SLOPE, METRIC_DISK, 10 },
	{ "dep_slope10", "log ms/min", FEATURE_SLOPE, METRIC_DEP, 10 },
	{ "limit_nearest", "ratio", FEATURE_LIMIT, METRIC_KNOWN, 5 },
	{ "limit_second", "ratio", FEATURE_LIMIT_SECOND, METRIC_KNOWN, 5 },
	{ "mem_to_limit30", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_MEM, 30 },
	{ "mem_to_limit90", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_MEM, 90 },
	{ "disk_to_limit30", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_DISK, 30 },
	{ "disk_to_limit90", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_DISK, 90 },
	{ "cpu_to_limit10", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_CPU, 10 },
	{ "cpu_to_limit30", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_CPU, 30 },
	{ "lat_p99_to_limit30", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_LAT_P99, 30 },
	{ "lat_p99_to_limit10", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_LAT_P99, 10 },
	{ "dep_to_limit10", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_DEP, 10 },
	{ "dep_to_limit30", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_DEP, 30 },
	{ "mem_projection15", "ratio", FEATURE_PROJECTION, METRIC_MEM, 15 },
	{ "mem_projection30", "ratio", FEATURE_PROJECTION, METRIC_MEM, 30 },
	{ "mem_projection90", "ratio", FEATURE_PROJECTION, METRIC_MEM, 90 },
	{ "disk_projection10", "ratio", FEATURE_PROJECTION, METRIC_DISK, 10 },
	{ "disk_projection30", "ratio", FEATURE_PROJECTION, METRIC_DISK, 30 },
	{ "disk_projection90", "ratio", FEATURE_PROJECTION, METRIC_DISK, 90 },
	{ "cpu_projection10", "ratio", FEATURE_PROJECTION, METRIC_CPU, 10 },
	{ "lat_p99_projection10", "log ms", FEATURE_PROJECTION, METRIC_LAT_P99, 10 },
	{ "lat_p99_projection30", "log ms", FEATURE_PROJECTION, METRIC_LAT_P99, 30 },
	{ "dep_projection10", "log ms", FEATURE_PROJECTION, METRIC_DEP, 10 },
	{ "err_bursts60", "minutes", FEATURE_BURSTS, METRIC_ERR_RATIO, 60 },
	{ "err_bursts10", "minutes", FEATURE_BURSTS, METRIC_ERR_RATIO, 10 },
	{ "err_bursts_rise", "minutes", FEATURE_BURSTS_RISE, METRIC_ERR_RATIO, 40 },
	{ "missing15", "ratio", FEATURE_MISSING, METRIC_KNOWN, 15 },
	{ "odd", "ratio", FEATURE_ODD, METRIC_KNOWN, PAST_LAG_MIN + PAST_BASELINE_MIN },
	{ "odd_mean", "deviations", FEATURE_ODD_MEAN, METRIC_KNOWN, PAST_LAG_MIN + PAST_BASELINE_MIN },
	{ "siblings_odd", "ratio", FEATURE_SIBLINGS, METRIC_KNOWN, PAST_LAG_MIN + PAST_BASELINE_MIN },
	{ "recurrence", "weight", FEATURE_RECURRENCE, METRIC_KNOWN, RECURRENCE_DAYS * 1440 },
	{ "since_incident", "log min", FEATURE_SINCE, METRIC_KNOWN, RECURRENCE_DAYS * 1440 },
	{ "incidents_day", "log incidents", FEATURE_RATE, METRIC_KNOWN, 1440 },
	{ "incidents_week", "log incidents", FEATURE_RATE, METRIC_KNOWN, RECURRENCE_DAYS * 1440 },
	{ "day_sin", "", FEATURE_DAY_SIN, METRIC_KNOWN, 0 },
	{ "day_cos", "", FEATURE_DAY_COS, METRIC_KNOWN, 0 },
	{ "week_sin", "", FEATURE_WEEK_SIN, METRIC_KNOWN, 0 },
	{ "week_cos", "", FEATURE_WEEK_COS, METRIC_KNOWN, 0 },
};

/* Of each metric of unknown meaning: the name comes behind the metric's. */
static const struct template generic[] = {
	{ "_mean5", "", FEATURE_MEAN, METRIC_KNOWN, 5 },
	{ "_z", "deviations", FEATURE_Z, METRIC_KNOWN, PAST_LAG_MIN + PAST_BASELINE_MIN },
	{ "_slope30", "/min", FEATURE_SLOPE, METRIC_KNOWN, 30 },
	{ "_far15", "deviations", FEATURE_FARTHEST, METRIC_KNOWN, 15 },
	{ "_day_z", "deviations", FEATURE_DAY_Z, METRIC_KNOWN, FEATURES_HISTORY_MIN },
};

static_assert(ARRAY_SIZE(templates) + ARRAY_SIZE(generic) * METRICS_MAX <= FEATURES_MAX, "FEATURES_MAX holds them all");

/* One moment of one series. */
struct moment {
	const struct feature_table *table;
	const struct dataset *dataset;
	size_t series, at;
	const struct window *window;
	const struct incidents *incidents;
	int64_t t, horizon_s;
	struct baseline baselines[METRICS_MAX];	/* [metric], of those in the table */
};

static void add_feature(struct feature_table *table, const struct template *template, const char *prefix,
	size_t metric);
static double compute_one(const struct feature *feature, const struct moment *moment);
static double z_of(const struct moment *moment, size_t metric);
static double projection(const struct past *past, size_t minutes, int64_t horizon_s);
static double limit_ratio(const struct window *window, size_t at, unsigned place);
static double to_limit(const struct past *past, size_t minutes, int64_t horizon_s);
static double bursts(const struct past *past, size_t from_min, size_t to_min);
static double missing_share(const struct moment *moment, size_t minutes);
static double odd_share(const struct moment *moment, bool mean);
static double siblings_odd(const struct moment *moment);
static double sibling_odd(const struct moment *moment, const struct window *window);
static double quick_z(const struct past *past);
static double recurrence(const struct incidents *incidents, int64_t t, int64_t horizon_s);
static double since_incident(const struct incidents *incidents, int64_t t);
static double incident_rate(const struct incidents *incidents, int64_t t, int64_t span_s);

struct feature_table *
feature_table_new(const struct metrics *named, const struct metrics *placed)
{
	struct feature_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->list = calloc(FEATURES_MAX, sizeof(*table->list));
	if (table->list == NULL) {
		free(table);
		return NULL;
	}
	for (size_t m = 0; m < named->count; m++) {
		if (named->list[m].used)
			table->metrics[table->metric_count++] = metrics_find(placed, named->list[m].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		enum metric metric = templates[i].metric;

		if (metric == METRIC_KNOWN)
			add_feature(table, &templates[i], "", METRIC_NONE);
		else if (named->list[metric].used)
			add_feature(table, &templates[i], "", metric);
	}
	for (size_t m = METRIC_KNOWN; m < named->count; m++) {
		const struct metric_info *info = &named->list[m];

		for (size_t i = 0; i < ARRAY_SIZE(generic) && info->used; i++)
			add_feature(table, &generic[i], info->name, metrics_find(placed, info->name));
	}
	return table;
}

static void
add_feature(struct feature_table *table, const struct template *template, const char *prefix, size_t metric)
{
	struct feature *feature = &table->list[table->count++];

	snprintf(feature->name, sizeof(feature->name), "%s%s", prefix, template->name);
	feature->unit = template->unit;
	feature->kind = template->kind;
	feature->metric = metric;
	feature->window_min = template->window_min;
}

void
feature_table_free(struct feature_table *table)
{
	if (table == NULL)
		return;
	free(table->list);
	free(table);
}

const char *
feature_table_hash(const struct feature_table *table, char text[static SHA256_TEXT_SIZE])
{
	struct text list = { 0 };

	for (size_t i = 0; i < table->count; i++) {
		const struct feature *feature = &table->list[i];

		text_printf(&list, "%s|%s|%d|%u\n", feature->name, feature->unit, (int)feature->kind,
		    feature->window_min);
	}
	sha256_text(list.failed ? "" : list.bytes, list.failed ? 0 : list.length, text);
	text_fini(&list);
	return text;
}

void
features_compute(const struct feature_table *table, const struct dataset *dataset, size_t series, size_t at,
    int64_t horizon_s, double *out)
{
	const struct dataset_series *of = &dataset->series[series];
	struct moment moment = { .table = table, .dataset = dataset, .series = series, .at = at, .window = of->window,
		.incidents = &of->incidents, .t = window_time(of->window, at), .horizon_s = horizon_s };

	for (size_t i = 0; i < table->metric_count; i++) {
		struct past past = past_of(of->window, table->metrics[i], at);

		if (table->metrics[i] != METRIC_NONE)
			moment.baselines[table->metrics[i]] = past_baseline(&past);
	}
	for (size_t i = 0; i < table->count; i++) {
		out[i] = compute_one(&table->list[i], &moment);
		if (!isfinite(out[i]))
			out[i] = (double)NAN;
	}
}

static double
compute_one(const struct feature *feature, const struct moment *moment)
{
	struct past past = past_of(moment->window, feature->metric, moment->at);
	double day = 2 * M_PI * (double)(moment->t % DAY_S) / DAY_S;
	double week = 2 * M_PI * (double)(moment->t % WEEK_S) / WEEK_S;

	switch (feature->kind) {
	case FEATURE_MEAN:
		return past_mean(&past, 0, feature->window_min, 1);
	case FEATURE_Z:
		return z_of(moment, feature->metric);
	case FEATURE_FARTHEST:
		return feature->metric == METRIC_NONE ? (double)NAN :
		    past_farthest(&past, feature->window_min, &moment->baselines[feature->metric]);
	case FEATURE_DAY_Z:
		return past_day_z(&past);
	case FEATURE_SLOPE:
		return past_slope(&past, feature->window_min);
	case FEATURE_MAX:
		return past_most(&past, feature->window_min);
	case FEATURE_LIMIT:
		return limit_ratio(moment->window, moment->at, 1);
	case FEATURE_LIMIT_SECOND:
		return limit_ratio(moment->window, moment->at, 2);
	case FEATURE_TO_LIMIT:
		return to_limit(&past, feature->window_min, moment->horizon_s);
	case FEATURE_PROJECTION:
		return projection(&past, feature->window_min, moment->horizon_s);
	case FEATURE_BURSTS:
		return bursts(&past, 0, feature->window_min);
	case FEATURE_BURSTS_RISE:
		return bursts(&past, 0, 10) - bursts(&past, 10, 40) / 3;
	case FEATURE_MISSING:
		return missing_share(moment, feature->window_min);
	case FEATURE_ODD:
		return odd_share(moment, false);
	case FEATURE_ODD_MEAN:
		return odd_share(moment, true);
	case FEATURE_SIBLINGS:
		return siblings_odd(moment);
	case FEATURE_RECURRENCE:
		return recurrence(moment->incidents, moment->t, moment->horizon_s);
	case FEATURE_SINCE:
		return since_incident(moment->incidents, moment->t);
	case FEATURE_RATE:
		return incident_rate(moment->incidents, moment->t, (int64_t)feature->window_min * 60);
	case FEATURE_DAY_SIN:
		return sin(day);
	case FEATURE_DAY_COS:
		return cos(day);
	case FEATURE_WEEK_SIN:
		return sin(week);
	case FEATURE_WEEK_COS:
		return cos(week);
	}
	return (double)NAN;
}

static double
z_of(const struct moment *moment, size_t metric)
{
	struct past past = past_of(moment->window, metric, moment->at);

	return metric == METRIC_NONE ? (double)NAN : past_z(&past, &moment->baselines[metric]);
}

static double
projection(const struct past *past, size_t minutes, int64_t horizon_s)
{
	return past_line_at(past, minutes, (double)horizon_s / 60) - metric_level(past->info, past->info->limit);
}

/* The nearest (place 1) or second nearest (place 2) of the metrics to its limit, on the plain scale. */
static double
limit_ratio(const struct window *window, size_t at, unsigned place)
{
	double first = (double)NAN, second = (double)NAN;

	for (size_t m = 0; m < METRIC_KNOWN; m++) {
		const struct metric_info *info = &window->metrics->list[m];
		struct past past = { .levels = window->values[m], .info = info, .window = window, .at = at };
		double ratio = info->limit > 0 ? past_mean(&past, 0, 5, 1) / info->limit : (double)NAN;

		if (isnan(ratio))
			continue;
		if (!(ratio <= first)) {
			second = first;
			first = ratio;
		} else if (!(ratio <= second)) {
			second = ratio;
		}
	}
	return place == 1 ? first : second;
}

static double
to_limit(const struct past *past, size_t minutes, int64_t horizon_s)
{
	double now = past_mean(past, 0, 5, 1), slope = past_slope(past, minutes);
	double limit = metric_level(past->info, past->info->limit);

	if (isnan(now) || isnan(slope))
		return (double)NAN;
	if (now >= limit)
		return 1;
	return slope > 0 ? exp(-((limit - now) / slope) * 60 / (double)horizon_s) : 0;
}

static double
bursts(const struct past *past, size_t from_min, size_t to_min)
{
	return past_above(past, from_min, to_min, metric_level(past->info, BURST_ERR_RATIO));
}

static double
missing_share(const struct moment *moment, size_t minutes)
{
	size_t steps = window_steps(moment->window, minutes), known = 0;

	for (size_t i = 0; i < moment->table->metric_count; i++) {
		struct past past = past_of(moment->window, moment->table->metrics[i], moment->at);

		known += past_known(&past, minutes);
	}
	return 1 - (double)known / (double)(steps * moment->table->metric_count);
}

/* Over all metrics: the share of those far from their baseline, or the mean of how far they are. */
static double
odd_share(const struct moment *moment, bool mean)
{
	double sum = 0, known = 0;

	for (size_t i = 0; i < moment->table->metric_count; i++) {
		double z = fabs(z_of(moment, moment->table->metrics[i]));

		if (isnan(z))
			continue;
		known++;
		sum += mean ? fmin(z, ODD_Z_MOST) : z > ODD_Z ? 1 : 0;
	}
	return known > 0 ? sum / known : (double)NAN;
}

/* Of the regions that come next in the list, all of them if there are few. */
static double
siblings_odd(const struct moment *moment)
{
	double sum = 0, known = 0;

	for (size_t i = 1; i < moment->dataset->count && i <= SIBLINGS_MOST; i++) {
		size_t sibling = (moment->series + i) % moment->dataset->count;
		double share = sibling_odd(moment, moment->dataset->series[sibling].window);

		if (isnan(share))
			continue;
		known++;
		sum += share;
	}
	return known > 0 ? sum / known : (double)NAN;
}

static double
sibling_odd(const struct moment *moment, const struct window *window)
{
	double odd = 0, known = 0;
	size_t at;

	if (!window_index(window, moment->t, &at))
		return (double)NAN;
	for (size_t i = 0; i < moment->table->metric_count; i++) {
		struct past past = past_of(window, moment->table->metrics[i], at);
		double z = quick_z(&past);

		known += !isnan(z);
		odd += fabs(z) > ODD_Z;
	}
	return known > 0 ? odd / known : (double)NAN;
}

/* As past_z(), but against some points of the baseline only: there are many siblings. */
static double
quick_z(const struct past *past)
{
	size_t every = window_steps(past->window, PAST_BASELINE_MIN / SIBLING_POINTS);
	double now = past_mean(past, 0, 5, 1), sum = 0, squares = 0, known = 0, mean, deviation, least;

	for (size_t i = 1; i <= SIBLING_POINTS && !isnan(now); i++) {
		double value = past_level(past, i * every);

		if (isnan(value))
			continue;
		known++;
		sum += value;
		squares += value * value;
	}
	if (known < SIBLING_POINTS / 2)
		return (double)NAN;
	mean = sum / known;
	least = past->info->least_deviation > 0 ? past->info->least_deviation : 1e-3 * fabs(mean) + 1e-9;
	deviation = sqrt(fmax(squares / known - mean * mean, 0));
	return (now - mean) / (deviation > least ? deviation : least);
}

/* Incidents that began in the same (t, t + H] of the last days. */
static double
recurrence(const struct incidents *incidents, int64_t t, int64_t horizon_s)
{
	double sum = 0, weight = 1;

	for (int64_t day = 1; day <= RECURRENCE_DAYS; day++) {
		int64_t from = t - day * DAY_S;
		size_t next = incidents_after(incidents, from);

		weight *= 0.8;
		if (next < incidents->count && incidents->list[next].start_s <= from + horizon_s)
			sum += weight;
	}
	return sum;
}

static double
since_incident(const struct incidents *incidents, int64_t t)
{
	size_t next = incidents_after(incidents, t);
	int64_t most = RECURRENCE_DAYS * DAY_S, since = most;

	/* Only what had ended by then: the end of one that goes on is not known yet. */
	if (next > 0 && incidents->list[next - 1].end_s <= t)
		since = t - incidents->list[next - 1].end_s;
	return log(1 + (double)(since < most ? since : most) / 60);
}

static double
incident_rate(const struct incidents *incidents, int64_t t, int64_t span_s)
{
	return log(1 + (double)(incidents_after(incidents, t) - incidents_after(incidents, t - span_s)));
}

const char *
features_missing(const struct window *window, size_t at)
{
	size_t warm = window_steps(window, FEATURES_WARM_MIN), used = 0, seen = 0, longest = 0;
	bool lately = false;

	for (size_t m = 0; m < window->metrics->count; m++) {
		struct past past = past_of(window, m, at);
		size_t known = past_known(&past, FEATURES_WARM_MIN);

		used += window->metrics->list[m].used;
		seen += window->metrics->list[m].used && known >= (warm + 1) / 2;
		longest = known > longest ? known : longest;
		lately = lately || past_known(&past, 5) > 0;
	}
	if (longest < (warm * 2 + 2) / 3)
		return "too little history: 30 minutes of samples are needed";
	if (seen < 2 && used > 1)
		return "too few metrics: samples of two or more are needed";
	return lately ? NULL : "no samples in the last 5 minutes";
}

double
features_threshold_rule(const struct window *window, size_t at)
{
	return limit_ratio(window, at, 1);
}

double
features_ewma_z(const struct window *window, size_t at)
{
	size_t steps = window_steps(window, EWMA_MIN);
	double worst = (double)NAN, alpha = 2 / ((double)steps / 3 + 1);

	for (size_t m = 0; m < window->metrics->count; m++) {
		struct past past = past_of(window, m, at);
		double mean = (double)NAN, variance = 0, z = (double)NAN, least = past.info->least_deviation;

		/* From far to near, so that the step is compared with what came before it. */
		for (size_t ago = steps; ago-- > 0 && past.levels != NULL;) {
			double value = past_level(&past, ago), off;

			if (isnan(value))
				continue;
			if (isnan(mean)) {
				mean = value;
				continue;
			}
			off = value - mean;
			z = fabs(off) / sqrt(variance + least * least + 1e-9);
			mean += alpha * off;
			variance = (1 - alpha) * (variance + alpha * off * off);
		}
		if (!isnan(z) && !(z <= worst))
			worst = z;
	}
	return worst;
}
