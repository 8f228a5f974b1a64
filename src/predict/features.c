/* features.c -- the table of features and the one function that computes them.
 * In: a window, a minute, the incidents that had ended by then.  Out: feature_count() numbers, NAN for unknown.
 * Threads: any; pure.
 * Invariants: nothing after minute `at` is read, and what is read is read in the same order whatever the window's
 * length: training on a month and serving from the last hours give the same bits.
 *
 * Why these. A mean says where a metric is, the z-score whether that is unusual here, the slope where it goes; models
 * of kernel type can't find by themselves what takes a quotient of two of them, so the time until a limit is reached
 * at the present slope, as exp(-time / H), is a feature of its own, and so is the distance to the limits. Error
 * bursts that come faster announce the long one. Incidents that recur at the same time of day are found by the
 * recurrence feature, never by the raw time of day. Metrics that span decades (rates, latencies) are taken as
 * logarithms. */
#include "predict/features.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Shorter: the z-score follows a slow leak; longer: yesterday's deployment counts as odd. */
#define BASELINE_MIN 360
#define BASELINE_LAG_MIN 30	/* what is going wrong now must not be in what it is compared with */
#define BASELINE_KNOWN 60	/* minutes that a deviation needs */
#define BURST_ERR_RATIO 0.02	/* an error ratio that no ordinary minute has */
#define RECURRENCE_DAYS 7
#define DAY_S 86400

/* Per metric that has the common features: which deviation of its level is the least that a z-score divides by (the
 * measuring noise), and the value at which a region is as good as lost (0: none). */
struct shape {
	double least_deviation;
	double limit;
};

static const struct shape shapes[METRIC_COUNT] = {
	[METRIC_RPS] = { 0.05, 0 },
	[METRIC_ERR_RATIO] = { 0.2, 0.2 },
	[METRIC_LAT_P50] = { 0.05, 0 },
	[METRIC_LAT_P99] = { 0.1, 2000 },
	[METRIC_CPU] = { 0.01, 0.95 },
	[METRIC_MEM] = { 0.01, 0.98 },
	[METRIC_DISK] = { 0.005, 0.99 },
	[METRIC_RETRANS] = { 0.2, 0 },
	[METRIC_DEP] = { 0.1, 250 },
	[METRIC_PROBE_OK] = { 0.05, 0 },
};

#define COMMON(m, text, unit) \
	{ text "_mean5", unit, FEATURE_MEAN, m, 5 }, \
	{ text "_z", "deviations", FEATURE_Z, m, FEATURES_HISTORY_MIN }, \
	{ text "_slope30", unit "/min", FEATURE_SLOPE, m, 30 }

static const struct feature_info infos[] = {
	COMMON(METRIC_RPS, "rps", "log requests/s"),
	COMMON(METRIC_ERR_RATIO, "err_ratio", "log ratio"),
	COMMON(METRIC_LAT_P50, "lat_p50", "log ms"),
	COMMON(METRIC_LAT_P99, "lat_p99", "log ms"),
	COMMON(METRIC_CPU, "cpu", "ratio"),
	COMMON(METRIC_MEM, "mem", "ratio"),
	COMMON(METRIC_DISK, "disk", "ratio"),
	COMMON(METRIC_RETRANS, "retrans", "log ratio"),
	COMMON(METRIC_DEP, "dep", "log ms"),
	COMMON(METRIC_PROBE_OK, "probe_ok", "ratio"),
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
	{ "limit_nearest", "ratio", FEATURE_LIMIT, METRIC_COUNT, 5 },
	{ "limit_second", "ratio", FEATURE_LIMIT_SECOND, METRIC_COUNT, 5 },
	{ "mem_to_limit30", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_MEM, 30 },
	{ "mem_to_limit90", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_MEM, 90 },
	{ "disk_to_limit30", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_DISK, 30 },
	{ "disk_to_limit90", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_DISK, 90 },
	{ "cpu_to_limit30", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_CPU, 30 },
	{ "lat_p99_to_limit30", "exp(-t/H)", FEATURE_TO_LIMIT, METRIC_LAT_P99, 30 },
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
	{ "recurrence", "weight", FEATURE_RECURRENCE, METRIC_COUNT, RECURRENCE_DAYS * 1440 },
	{ "since_incident", "log min", FEATURE_SINCE, METRIC_COUNT, RECURRENCE_DAYS * 1440 },
	{ "day_sin", "", FEATURE_DAY_SIN, METRIC_COUNT, 0 },
	{ "day_cos", "", FEATURE_DAY_COS, METRIC_COUNT, 0 },
};

static_assert(ARRAY_SIZE(infos) <= FEATURES_MAX, "FEATURES_MAX holds the table");

/* The levels of one metric up to and including minute `at`; minutes before the window are unknown. */
struct past {
	const double *levels;
	size_t at;
	enum metric metric;
};

static double compute_one(const struct feature_info *info, const struct window *window, size_t at,
	const struct incidents *incidents, int64_t t, int64_t horizon_s);
static struct past past_of(const struct window *window, enum metric metric, size_t at);
static double level_at(const struct past *past, size_t ago);
static double mean_of(const struct past *past, size_t from, size_t to, size_t least);
static double z_score(const struct past *past);
static bool fit_line(const struct past *past, size_t minutes, double *slope, double *mean, double *mean_ago);
static double slope_of(const struct past *past, size_t minutes);
static double projection(const struct past *past, size_t minutes, int64_t horizon_s);
static double most_of(const struct past *past, size_t minutes);
static double limit_ratio(const struct window *window, size_t at, unsigned place);
static double to_limit(const struct past *past, size_t minutes, int64_t horizon_s);
static double bursts_of(const struct past *past, size_t from, size_t to);
static double recurrence(const struct incidents *incidents, int64_t t, int64_t horizon_s);
static double since_incident(const struct incidents *incidents, int64_t t);
static size_t known_minutes(const struct window *window, enum metric metric, size_t at);

size_t
feature_count(void)
{
	return ARRAY_SIZE(infos);
}

const struct feature_info *
feature_info(size_t index)
{
	return &infos[index];
}

const char *
feature_list_hash(char text[static SHA256_TEXT_SIZE])
{
	struct text list = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(infos); i++)
		text_printf(&list, "%s|%s|%d|%u\n", infos[i].name, infos[i].unit, (int)infos[i].kind,
		    infos[i].window_min);
	sha256_text(list.failed ? "" : list.bytes, list.failed ? 0 : list.length, text);
	text_fini(&list);
	return text;
}

void
features_compute(const struct window *window, size_t at, const struct incidents *incidents, int64_t horizon_s,
    double *out)
{
	int64_t t = window->start_s + (int64_t)at * WINDOW_STEP_S;

	for (size_t i = 0; i < ARRAY_SIZE(infos); i++)
		out[i] = compute_one(&infos[i], window, at, incidents, t, horizon_s);
}

static double
compute_one(const struct feature_info *info, const struct window *window, size_t at,
    const struct incidents *incidents, int64_t t, int64_t horizon_s)
{
	struct past past = past_of(window, info->metric == METRIC_COUNT ? METRIC_RPS : info->metric, at);
	double turn = 2 * M_PI * (double)(t % DAY_S) / DAY_S;

	switch (info->kind) {
	case FEATURE_MEAN:
		return mean_of(&past, 0, info->window_min, 1);
	case FEATURE_Z:
		return z_score(&past);
	case FEATURE_SLOPE:
		return slope_of(&past, info->window_min);
	case FEATURE_MAX:
		return most_of(&past, info->window_min);
	case FEATURE_LIMIT:
		return limit_ratio(window, at, 1);
	case FEATURE_LIMIT_SECOND:
		return limit_ratio(window, at, 2);
	case FEATURE_TO_LIMIT:
		return to_limit(&past, info->window_min, horizon_s);
	case FEATURE_PROJECTION:
		return projection(&past, info->window_min, horizon_s);
	case FEATURE_BURSTS:
		return bursts_of(&past, 0, info->window_min);
	case FEATURE_BURSTS_RISE:
		return bursts_of(&past, 0, 10) - bursts_of(&past, 10, 40) / 3;
	case FEATURE_RECURRENCE:
		return recurrence(incidents, t, horizon_s);
	case FEATURE_SINCE:
		return since_incident(incidents, t);
	case FEATURE_DAY_SIN:
		return sin(turn);
	case FEATURE_DAY_COS:
		return cos(turn);
	}
	return (double)NAN;
}

static struct past
past_of(const struct window *window, enum metric metric, size_t at)
{
	return (struct past){ .levels = window->levels[metric], .at = at, .metric = metric };
}

static double
level_at(const struct past *past, size_t ago)
{
	return ago > past->at ? (double)NAN : past->levels[past->at - ago];
}

/* Mean of the minutes `from` <= ago < `to`, when at least `least` are known. */
static double
mean_of(const struct past *past, size_t from, size_t to, size_t least)
{
	double sum = 0;
	size_t count = 0;

	for (size_t ago = from; ago < to; ago++) {
		double value = level_at(past, ago);

		if (isnan(value))
			continue;
		sum += value;
		count++;
	}
	return count >= least ? sum / (double)count : (double)NAN;
}

static double
z_score(const struct past *past)
{
	double now = mean_of(past, 0, 5, 1), least = shapes[past->metric].least_deviation, mean, squares = 0, deviation;
	size_t count = 0;

	mean = mean_of(past, BASELINE_LAG_MIN, BASELINE_LAG_MIN + BASELINE_MIN, BASELINE_KNOWN);
	if (isnan(now) || isnan(mean))
		return (double)NAN;
	for (size_t ago = BASELINE_LAG_MIN; ago < BASELINE_LAG_MIN + BASELINE_MIN; ago++) {
		double value = level_at(past, ago);

		if (isnan(value))
			continue;
		squares += (value - mean) * (value - mean);
		count++;
	}
	deviation = sqrt(squares / (double)count);
	return (now - mean) / (deviation > least ? deviation : least);
}

/* Least squares over the known minutes; a third of them must be. `mean_ago` and `mean` are where the line passes. */
static bool
fit_line(const struct past *past, size_t minutes, double *slope, double *mean, double *mean_ago)
{
	double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, spread;

	for (size_t ago = 0; ago < minutes; ago++) {
		double x = -(double)ago, y = level_at(past, ago);

		if (isnan(y))
			continue;
		n += 1;
		sx += x;
		sy += y;
		sxx += x * x;
		sxy += x * y;
	}
	spread = n * sxx - sx * sx;
	if (n < (double)minutes / 3 || !(spread > 0))
		return false;
	*slope = (n * sxy - sx * sy) / spread;
	*mean = sy / n;
	*mean_ago = -sx / n;
	return true;
}

static double
slope_of(const struct past *past, size_t minutes)
{
	double slope, mean, mean_ago;

	return fit_line(past, minutes, &slope, &mean, &mean_ago) ? slope : (double)NAN;
}

static double
projection(const struct past *past, size_t minutes, int64_t horizon_s)
{
	double slope, mean, mean_ago, limit = metric_level(past->metric, shapes[past->metric].limit);

	if (!fit_line(past, minutes, &slope, &mean, &mean_ago))
		return (double)NAN;
	return mean + slope * (mean_ago + (double)horizon_s / 60) - limit;
}

static double
most_of(const struct past *past, size_t minutes)
{
	double most = (double)NAN;

	for (size_t ago = 0; ago < minutes; ago++) {
		double value = level_at(past, ago);

		if (!isnan(value) && !(value <= most))
			most = value;
	}
	return most;
}

/* The nearest (place 1) or second nearest (place 2) of the metrics to its limit, on the plain scale. */
static double
limit_ratio(const struct window *window, size_t at, unsigned place)
{
	double first = (double)NAN, second = (double)NAN;

	for (size_t m = 0; m < METRIC_COUNT; m++) {
		struct past past = { .levels = window->values[m], .at = at };
		double ratio = shapes[m].limit > 0 ? mean_of(&past, 0, 5, 1) / shapes[m].limit : (double)NAN;

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
	double now = mean_of(past, 0, 5, 1), slope = slope_of(past, minutes);
	double limit = metric_level(past->metric, shapes[past->metric].limit);

	if (isnan(now) || isnan(slope))
		return (double)NAN;
	if (now >= limit)
		return 1;
	return slope > 0 ? exp(-((limit - now) / slope) * 60 / (double)horizon_s) : 0;
}

/* Minutes of an error burst with `from` <= ago < `to`; NAN when none of these minutes is known. */
static double
bursts_of(const struct past *past, size_t from, size_t to)
{
	double burst = metric_level(past->metric, BURST_ERR_RATIO), count = 0, known = 0;

	for (size_t ago = from; ago < to; ago++) {
		double value = level_at(past, ago);

		known += !isnan(value);
		count += value > burst;
	}
	return known > 0 ? count : (double)NAN;
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

const char *
features_missing(const struct window *window, size_t at)
{
	static const enum metric wanted[] = { METRIC_RPS, METRIC_ERR_RATIO, METRIC_LAT_P99, METRIC_CPU, METRIC_MEM };
	size_t seen = 0, longest = 0;

	for (size_t i = 0; i < METRIC_COUNT; i++) {
		size_t known = known_minutes(window, (enum metric)i, at);

		longest = known > longest ? known : longest;
	}
	if (longest < FEATURES_WARM_MIN * 2 / 3)
		return "too little history: 30 minutes of samples are needed";
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		seen += known_minutes(window, wanted[i], at) >= FEATURES_WARM_MIN / 2;
	if (seen < 2)
		return "too few metrics: two of rps, err_ratio, lat_p99_ms, cpu and mem are needed";
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		struct past past = past_of(window, (enum metric)i, at);

		if (!isnan(mean_of(&past, 0, 5, 1)))
			return NULL;
	}
	return "no samples in the last 5 minutes";
}

/* Of the last FEATURES_WARM_MIN minutes. */
static size_t
known_minutes(const struct window *window, enum metric metric, size_t at)
{
	struct past past = past_of(window, metric, at);
	size_t known = 0;

	for (size_t ago = 0; ago < FEATURES_WARM_MIN; ago++)
		known += isnan(level_at(&past, ago)) ? 0 : 1;
	return known;
}

double
features_threshold_rule(const struct window *window, size_t at)
{
	return limit_ratio(window, at, 1);
}

double
features_ewma_z(const struct window *window, size_t at)
{
	double worst = (double)NAN;

	for (size_t m = 0; m < METRIC_COUNT; m++) {
		struct past past = past_of(window, (enum metric)m, at);
		double mean = (double)NAN, variance = 0, z = (double)NAN, alpha = 2.0 / 121;

		/* From far to near, so that minute `at` is compared with what came before it. */
		for (size_t ago = BASELINE_MIN; ago-- > 0;) {
			double value = level_at(&past, ago), off;

			if (isnan(value))
				continue;
			if (isnan(mean)) {
				mean = value;
				continue;
			}
			off = value - mean;
			z = fabs(off) / sqrt(variance + shapes[m].least_deviation * shapes[m].least_deviation + 1e-9);
			mean += alpha * off;
			variance = (1 - alpha) * (variance + alpha * off * off);
		}
		if (!isnan(z) && !(z <= worst))
			worst = z;
	}
	return worst;
}
