/* test_load_folder.c -- predict/load_series, load_folder, load_score: what is read, forecast and scored offline. */
#include "load/load_folder.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load/load.h"
#include "suite.h"

#define START INT64_C(1600041600)	/* midnight, UTC */

struct data { char folder[64], file[96], out[96]; };

static struct data
data_open(void)
{
	struct data data = { .folder = "/tmp/isobar-load-XXXXXX" };

	if (mkdtemp(data.folder) == NULL)
		abort();
	snprintf(data.file, sizeof(data.file), "%s/metrics.csv", data.folder);
	snprintf(data.out, sizeof(data.out), "%s/out.csv", data.folder);
	return data;
}

static void
data_close(struct data *data)
{
	unlink(data->file);
	unlink(data->out);
	CU_ASSERT_EQUAL(rmdir(data->folder), 0);
}

static void
data_write(const struct data *data, const char *bytes)
{
	CU_ASSERT_EQUAL_FATAL(text_write_file(data->file, bytes, strlen(bytes)), 0);
}

static void
test_read(void)
{
	static const struct {
		const char *name, *file, *metric;
		const char *errors;	/* "" for none; %s stands for the file */
		size_t series, count;	/* of the first */
		int64_t step_s;
		double values[4];
	} rows[] = {
		{ "a column among several", "timestamp,series,a,b\n100,x,1,2\n160,x,1,3\n220,x,1,4\n", "b", "", 1, 3, 60, { 2, 3, 4 } },
		{ "gaps, missing and infinite values", "timestamp,series,a\n100,x,1\n160,x,\n220,x,inf\n340,x,7\n", "a", "", 1, 5, 60,
			{ 1, NAN, NAN, NAN } },
		{ "out of order and twice: the later line counts", "timestamp,series,a\n160,x,5\n100,x,1\n160,x,6\n220,x,-2\n", "a", "",
			1, 3, 60, { 1, 6, -2 } },
		{ "clocks that jitter", "timestamp,series,a\n100,x,1\n160,x,2\n221,x,3\n280,x,4\n340,x,5\n", "a", "", 1, 5, 60,
			{ 1, 2, 3, 4 } },
		{ "by name, rows of a moment together", "timestamp,series,a\n100,z,1\n100,b,2\n400,z,3\n400,b,4\n", "a", "", 2, 2, 300,
			{ 2, 4 } },
		{ "no such metric", "timestamp,series,load,errors\n100,x,1,2\n", "loads",
			"%s:1: no metric 'loads'; there are: load, errors (did you mean 'load'?)\n", 0, 0, 0, { 0 } },
		{ "every bad line", "timestamp,series,a\nx,x,1\n100,x,one\n160,,1\n220,x,1,2\n", "a",
			"%s:2: 'x' is no time in seconds since 1970\n%s:3: 'one' is no number\n%s:4: no name of a series\n"
			"%s:5: another number of fields than the header has\n", 0, 0, 0, { 0 } },
		{ "a single row", "timestamp,series,a\n100,x,1\n", "a", "%s:2: no series has 2 rows or more\n", 0, 0, 0, { 0 } },
	};
	struct data data = data_open();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diags diags = { 0 };
		struct text errors = { 0 }, expected = { 0 };
		size_t count;
		struct load_series *list;

		data_write(&data, rows[i].file);
		list = load_folder_read(data.folder, rows[i].metric, &count, &diags);
		diag_print(&diags, &errors);
		for (const char *p = rows[i].errors; *p != '\0'; p++) {
			if (p[0] == '%' && p[1] == 's')
				text_puts(&expected, (p++, data.file));
			else
				text_add(&expected, p, 1);
		}
		SUITE_TEXT(errors.length == 0 ? "" : errors.bytes, expected.length == 0 ? "" : expected.bytes);
		SUITE_ROW(rows[i].name, count == rows[i].series && (list != NULL) == (count > 0));
		if (list != NULL) {
			SUITE_ROW(rows[i].name, list[0].count == rows[i].count && list[0].step_s == rows[i].step_s);
			for (size_t k = 0; k < rows[i].count && k < 4; k++)
				SUITE_ROW(rows[i].name, list[0].values[k] == rows[i].values[k] ||
				    (isnan(list[0].values[k]) && isnan(rows[i].values[k])));
		}
		load_series_free(list, count);
		text_fini(&errors);
		text_fini(&expected);
		diag_fini(&diags);
	}
	data_close(&data);
}

/* A value in -1 .. 1 that nobody could foresee, the same each time. */
static double
dice(uint64_t n)
{
	uint64_t x = (n + 1) * 0x9e3779b97f4a7c15u;

	x ^= x >> 31;
	x *= 0x94d049bb133111ebu;
	x ^= x >> 29;
	return (double)(x >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

/* A day's wave that rises from day to day, with noise; negative when `level` is. */
static double
busy(double level, double days, uint64_t n)
{
	return level + 400 * sin(2 * M_PI * days) + 20 * days + 40 * dice(n);
}

static void
data_busy(const struct data *data, const char *name, double level, int64_t step_s, double from_day, double to_day)
{
	struct text text = { 0 };

	text_puts(&text, "timestamp,series,load\n");
	for (int64_t t = (int64_t)(from_day * 86400); t < (int64_t)(to_day * 86400); t += step_s)
		text_printf(&text, "%" PRId64 ",%s,%.6g\n", START + t, name,
		    busy(level, (double)t / 86400, (uint64_t)(t / step_s)));
	data_write(data, text.bytes);
	text_fini(&text);
}

struct outcome { size_t lines[LOAD_HORIZONS]; double error[LOAD_HORIZONS]; };

/* Counts a file of forecasts, and how far they are off on the mean. */
static struct outcome
outcome_of(const struct data *data, double level, int64_t step_s)
{
	struct outcome outcome = { { 0 }, { 0 } };
	size_t length;
	int error;
	char *bytes = text_read_file(data->out, (size_t)64 << 20, &length, &error), *line = bytes, *next;

	CU_ASSERT_FATAL(bytes != NULL);
	CU_ASSERT(strncmp(bytes, "timestamp,series,horizon_s,forecast\n", 36) == 0);
	for (line = strchr(line, '\n') + 1; *line != '\0'; line = next + 1) {
		long long at, horizon;
		double forecast, truth;
		size_t h;

		next = strchr(line, '\n');
		CU_ASSERT_EQUAL_FATAL(sscanf(line, "%lld,s,%lld,%lf\n", &at, &horizon, &forecast), 3);
		h = load_horizon(horizon);
		truth = busy(level, (double)(at + horizon - START) / 86400, (uint64_t)((at + horizon - START) / step_s));
		outcome.lines[h]++;
		outcome.error[h] += fabs(forecast - truth);
	}
	for (size_t h = 0; h < LOAD_HORIZONS; h++)
		outcome.error[h] /= (double)outcome.lines[h];
	free(bytes);
	return outcome;
}

static void
test_forecast(void)
{
	static const struct {
		const char *name;
		double level;
		int64_t step_s;
		double train_days, from_day, to_day;
		size_t lines[LOAD_HORIZONS];
		double off;		/* mean error at most; noise alone is 20 */
	} rows[] = {
		{ "every five minutes, going on", 2000, 300, 5, 5, 6, { 288, 288, 288 }, 32 },
		{ "negative values, every half hour", -3000, 1800, 6, 6, 8, { 0, 96, 96 }, 45 },
		{ "every hour", 2000, 3600, 8, 8, 12, { 0, 0, 96 }, 60 },
		{ "every minute", 2000, 60, 3, 3, 3.5, { 720, 720, 720 }, 32 },
		{ "before the train folder's time: a cold start", 2000, 300, 5, -1, 0, { 283, 283, 283 }, 60 },
	};
	struct data train = data_open(), test = data_open();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diags diags = { 0 };
		struct outcome outcome;

		data_busy(&train, "s", rows[i].level, rows[i].step_s, 0, rows[i].train_days);
		data_busy(&test, "s", rows[i].level, rows[i].step_s, rows[i].from_day, rows[i].to_day);
		CU_ASSERT_EQUAL(load_folder_forecast(train.folder, test.folder, "load", test.out, &diags, NULL, NULL), 0);
		outcome = outcome_of(&test, rows[i].level, rows[i].step_s);
		for (size_t h = 0; h < LOAD_HORIZONS; h++) {
			SUITE_ROW(rows[i].name, outcome.lines[h] == rows[i].lines[h]);
			SUITE_ROW(rows[i].name, outcome.lines[h] == 0 || outcome.error[h] < rows[i].off);
			if (outcome.lines[h] != rows[i].lines[h] || outcome.error[h] > rows[i].off)
				printf("%s: %zu lines, off by %g\n", rows[i].name, outcome.lines[h], outcome.error[h]);
		}
		diag_fini(&diags);
	}
	data_close(&train);
	data_close(&test);
}

/* What comes later changes nothing of what was forecast before, nor does a second run. */
static void
test_nothing_later(void)
{
	struct data train = data_open(), test = data_open(), longer = data_open();
	struct diags diags = { 0 };
	size_t short_length, long_length;
	char *a, *b;
	int error;

	data_busy(&train, "s", 2000, 300, 0, 4);
	data_busy(&test, "s", 2000, 300, 4, 5.25);
	data_busy(&longer, "s", 2000, 300, 4, 6);
	CU_ASSERT_EQUAL(load_folder_forecast(train.folder, test.folder, "load", test.out, &diags, NULL, NULL), 0);
	CU_ASSERT_EQUAL(load_folder_forecast(train.folder, longer.folder, "load", longer.out, &diags, NULL, NULL), 0);
	a = text_read_file(test.out, (size_t)64 << 20, &short_length, &error);
	b = text_read_file(longer.out, (size_t)64 << 20, &long_length, &error);
	CU_ASSERT_FATAL(a != NULL && b != NULL);
	CU_ASSERT(short_length < long_length && memcmp(a, b, short_length) == 0);
	free(a);
	free(b);
	/* A cold start sees no more of the future. */
	data_busy(&test, "t", 2000, 300, 4, 5.25);
	data_busy(&longer, "t", 2000, 300, 4, 6);
	CU_ASSERT_EQUAL(load_folder_forecast(train.folder, test.folder, "load", test.out, &diags, NULL, NULL), 0);
	CU_ASSERT_EQUAL(load_folder_forecast(train.folder, longer.folder, "load", longer.out, &diags, NULL, NULL), 0);
	a = text_read_file(test.out, (size_t)64 << 20, &short_length, &error);
	b = text_read_file(longer.out, (size_t)64 << 20, &long_length, &error);
	CU_ASSERT_FATAL(a != NULL && b != NULL);
	CU_ASSERT(short_length > 1000 && short_length < long_length && memcmp(a, b, short_length) == 0);
	free(a);
	free(b);
	diag_fini(&diags);
	data_close(&train);
	data_close(&test);
	data_close(&longer);
}

static void
test_errors(void)
{
	struct data data = data_open();
	struct diags diags = { 0 };
	struct text errors = { 0 };

	data_busy(&data, "s", 2000, 3600, 0, 3);
	CU_ASSERT(load_folder_forecast("/nowhere", data.folder, "lod", data.out, &diags, NULL, NULL) < 0);
	diag_print(&diags, &errors);
	CU_ASSERT(strstr(errors.bytes, "/nowhere/metrics.csv") != NULL);
	CU_ASSERT(strstr(errors.bytes, "did you mean 'load'?") != NULL);
	text_fini(&errors);
	diag_fini(&diags);
	diags = (struct diags){ 0 };
	CU_ASSERT(load_folder_forecast(data.folder, data.folder, "load", "/nowhere/out", &diags, NULL, NULL) < 0);
	diag_print(&diags, &errors);
	SUITE_TEXT(errors.bytes, "/nowhere/out: No such file or directory\n");
	text_fini(&errors);
	diag_fini(&diags);
	data_close(&data);
}

static void
test_score(void)
{
	struct data data = data_open();
	struct diags diags = { 0 };
	struct load_scores scores;
	struct text table = { 0 };

	data_busy(&data, "s", 2000, 300, 0, 9);
	CU_ASSERT_EQUAL_FATAL(load_folder_score(data.folder, "load", 2.0 / 3, &scores, &diags, NULL, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(scores.count, 3);
	for (size_t h = 0; h < LOAD_HORIZONS; h++) {
		struct load_mean mean = load_scores_mean(&scores, load_horizons_s[h]);

		CU_ASSERT_EQUAL(mean.series, 1);
		CU_ASSERT_EQUAL(mean.forecasts, 3 * 288 - (size_t)(load_horizons_s[h] / 300));
		CU_ASSERT(mean.mase[LOAD_METHOD_OURS] < mean.mase[LOAD_METHOD_PERSISTENCE] * (h == 0 ? 1.0 : 0.7));
		CU_ASSERT(mean.mase[LOAD_METHOD_OURS] <= mean.mase[LOAD_METHOD_HOLT_WINTERS] * 1.02);
		/* As yesterday: the very scale, but for what chance does. */
		CU_ASSERT(fabs(mean.mase[LOAD_METHOD_SEASONAL] - 1) < 0.1);
		CU_ASSERT(mean.coverage > 0.75 && mean.coverage < 0.85);
	}
	CU_ASSERT_EQUAL(load_scores_mean(&scores, 86400).series, 0);
	load_scores_print(&scores, &table);
	CU_ASSERT(strstr(table.bytes, "  60 min  Isobar") != NULL);
	text_fini(&table);
	load_scores_free(&scores);
	data_write(&data, "timestamp,series,load\n0,flat,1\n3600,flat,1\n7200,flat,1\n");
	CU_ASSERT_EQUAL(load_folder_score(data.folder, "load", 0.5, &scores, &diags, NULL, NULL), 0);
	CU_ASSERT_EQUAL(scores.count, 0);
	load_scores_free(&scores);
	diag_fini(&diags);
	data_close(&data);
}

static const struct suite_case cases[] = {
	{ .name = "what is read, and every error in it", .run = test_read },
	{ .name = "forecasts of each row, at any step and sign", .run = test_forecast },
	{ .name = "nothing later is known", .run = test_nothing_later },
	{ .name = "errors are told", .run = test_errors },
	{ .name = "scores beside simple rules", .run = test_score },
};

int
main(void)
{
	return suite_run("load_folder", cases, ARRAY_SIZE(cases));
}
