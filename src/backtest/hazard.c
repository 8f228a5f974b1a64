/* hazard.c -- rates of incidents by age and hour.
 * In: labelled rows.  Out: ratios; or a score.  Threads: any.
 * The two ratios are multiplied as if they had nothing to do with each other; each is drawn towards 1 by one incident's
 * worth of rows, so that an hour in which nothing happened isn't taken for safe. */
#include "backtest/hazard.h"

#include <math.h>

#define DAY_S 86400

struct bin { double rows, positives; };

static size_t age_of(const struct incidents *incidents, int64_t t);
static void take_logs(const struct bin *bins, double *logs, size_t count, double rate, double event_rows);

void
hazard_fit(const struct dataset *dataset, const struct rows *rows, double share, double event_rows,
    struct hazard *hazard)
{
	struct bin ages[HAZARD_AGES] = { 0 }, hours[HAZARD_HOURS] = { 0 };
	double all = 0, positives = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->list[i];
		const struct dataset_series *series = &dataset->series[row->series];
		int64_t t = window_time(series->window, row->step);
		double weight = row->positive ? 1 : 1 / share;
		struct bin *of[2] = { &ages[age_of(&series->incidents, t)], &hours[t % DAY_S / 3600] };

		for (size_t k = 0; k < 2; k++) {
			of[k]->rows += weight;
			of[k]->positives += row->positive ? 1 : 0;
		}
		all += weight;
		positives += row->positive ? 1 : 0;
	}
	take_logs(ages, hazard->ages, HAZARD_AGES, all > 0 ? positives / all : 0, event_rows);
	take_logs(hours, hazard->hours, HAZARD_HOURS, all > 0 ? positives / all : 0, event_rows);
}

static size_t
age_of(const struct incidents *incidents, int64_t t)
{
	static const int64_t minutes[HAZARD_AGES - 1] = { 30, 60, 120, 240, 480, 960, 1440, 2880, 10080 };
	size_t last = incidents_after(incidents, t), age = 0;

	while (last > 0 && incidents->list[last - 1].end_s > t)
		last--;
	while (age < HAZARD_AGES - 1 && (last == 0 || t - incidents->list[last - 1].end_s >= minutes[age] * 60))
		age++;
	return age;
}

static void
take_logs(const struct bin *bins, double *logs, size_t count, double rate, double event_rows)
{
	for (size_t b = 0; b < count; b++)
		logs[b] = log((bins[b].positives + event_rows) / (bins[b].rows * rate + event_rows));
}

double
hazard_score(const struct hazard *hazard, const struct incidents *incidents, int64_t t)
{
	return hazard->ages[age_of(incidents, t)] + hazard->hours[t % DAY_S / 3600];
}
