/* test_backtest.c -- predict/backtest: folders with named and with anonymous metrics, forecast as they would have been
 * live; a folder in which nothing can be foreseen; errors with their places. */
#include "backtest/backtest.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backtest/backtest_report.h"
#include "base/csv.h"
#include "control/round.h"
#include "suite.h"

#define START INT64_C(1600041600)
#define DAYS 4
#define LENGTH (DAYS * 1440)
#define EVERY 360		/* minutes from incident to incident, more or less */
#define RAMP 40			/* minutes that announce one */

static uint64_t state;

static double
uniform(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(state >> 11) * 0x1p-53;
}

/* What a test folder is made with. */
struct folder {
	char path[64];
	const char *header;	/* names of the five metrics */
	bool announced;		/* memory and latency rise before incidents */
	int cut;		/* minutes of metrics that aren't there at the end */
	uint64_t seed;
};

static FILE *
open_file(const struct folder *folder, const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	file = fopen(path, "w");
	if (file == NULL)
		abort();
	return file;
}

static void
make_folder(struct folder *folder)
{
	FILE *metrics, *incidents, *series;

	strcpy(folder->path, "/tmp/backtest-XXXXXX");
	if (mkdtemp(folder->path) == NULL)
		abort();
	state = folder->seed;
	metrics = open_file(folder, "metrics.csv");
	incidents = open_file(folder, "incidents.csv");
	series = open_file(folder, "series.csv");
	fprintf(metrics, "timestamp,series,%s\n", folder->header);
	fputs("series,start,end,kind\n", incidents);
	fputs("series,step_s,first_ts,last_ts,label_from,label_to\n", series);
	for (int s = 0; s < 2; s++) {
		int next = 200 + (int)(uniform() * 200);

		fprintf(series, "r%d,60,%lld,%lld,%lld,%lld\n", s, (long long)START,
		    (long long)(START + (LENGTH - folder->cut - 1) * 60), (long long)START,
		    (long long)(START + (LENGTH - folder->cut) * 60));
		for (int i = 0; i < LENGTH; i++) {
			double rise = folder->announced && next - i > 0 && next - i < RAMP ?
			    1 - (double)(next - i) / RAMP : 0;
			bool down = i >= next && i < next + 10;
			double dice[5];

			if (i == next)
				fprintf(incidents, "r%d,%lld,%lld,x\n", s, (long long)(START + i * 60),
				    (long long)(START + (i + 10) * 60));
			for (size_t k = 0; k < ARRAY_SIZE(dice); k++)
				dice[k] = uniform();
			if (i < LENGTH - folder->cut)
				fprintf(metrics, "%lld,r%d,%.1f,%.4f,%.1f,%.3f,%.4f\n", (long long)(START + i * 60), s,
				    500 + 50 * dice[0], down ? 0.5 : 0.001 * dice[1],
				    100 + 20 * dice[2] + 1500 * rise, 0.3 + 0.1 * dice[3],
				    0.4 + 0.02 * dice[4] + 0.5 * rise);
			if (i == next + 10)
				next = i + EVERY / 2 + (int)(uniform() * EVERY);
		}
	}
	fclose(metrics);
	fclose(incidents);
	fclose(series);
}

static void
remove_folder(const struct folder *folder)
{
	static const char *const names[] = { "metrics.csv", "incidents.csv", "series.csv", "out.csv" };
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder->path, names[i]);
		unlink(path);
	}
	rmdir(folder->path);
}

static struct dataset *
read_folder(const struct folder *folder)
{
	struct diags diags = { 0 };
	struct dataset *dataset = dataset_read(folder->path, &diags);

	CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
	diag_fini(&diags);
	return dataset;
}

static const struct backtest_settings settings = { .horizon_s = 600, .seed = 1 };

/* Trains on `train`, forecasts `test`, and gives the lines of the written file; the caller frees. */
static double *
apply(const struct folder *train, const struct folder *test, struct backtest *out, size_t *count)
{
	struct dataset *from = read_folder(train), *to = read_folder(test);
	struct diags diags = { 0 };
	double *probabilities = calloc(2 * LENGTH + 1, sizeof(*probabilities));
	char path[128], name[16];
	long long time, expected = START;
	FILE *file;

	CU_ASSERT_EQUAL_FATAL(backtest_apply(from, to, &settings, out), 0);
	snprintf(path, sizeof(path), "%s/out.csv", test->path);
	CU_ASSERT_EQUAL(backtest_write(out, test->path, path, &diags), 0);
	file = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fscanf(file, "timestamp,series,probability "), 0);
	for (*count = 0; *count < 2 * LENGTH &&
	    fscanf(file, "%lld,%15[^,],%lf ", &time, name, &probabilities[*count]) == 3; ++*count, expected += 60) {
		if (strcmp(name, "r1") == 0 && *count == LENGTH - (size_t)test->cut)
			expected = START;
		CU_ASSERT_EQUAL(time, expected);
		CU_ASSERT(probabilities[*count] >= 0 && probabilities[*count] <= 1);
	}
	fclose(file);
	diag_fini(&diags);
	dataset_free(from);
	out->dataset = NULL;	/* it goes */
	dataset_free(to);
	return probabilities;
}

/* By name a metric has limits and meaning; without, only its own past. Both are forecast, and better than by chance. */
static void
test_announced(void)
{
	static const char *const headers[] = { "rps,err_ratio,lat_p99_ms,cpu,mem", "m0,m1,m2,m3,m4" };

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		struct folder train = { .header = headers[i], .announced = true, .seed = 1 };
		struct folder test = { .header = headers[i], .announced = true, .seed = 2 };
		struct backtest backtest;
		const struct comparison *c = &backtest.comparison;
		double *probabilities;
		size_t count;

		make_folder(&train);
		make_folder(&test);
		probabilities = apply(&train, &test, &backtest, &count);
		SUITE_ROW(headers[i], count == 2 * LENGTH);
		SUITE_ROW(headers[i], backtest.judged);
		SUITE_ROW(headers[i], backtest.skilled == 1);
		SUITE_ROW(headers[i], c->scores[CONTESTANT_MODEL].average_precision > 0.5);
		SUITE_ROW(headers[i], c->scores[CONTESTANT_MODEL].brier_skill > 0.3);
		SUITE_ROW(headers[i], c->scores[CONTESTANT_MODEL].best.recall > 0.8);
		SUITE_ROW(headers[i], fabs(c->scores[CONTESTANT_BASE_RATE].brier_skill) < 1e-9);
		SUITE_ROW(headers[i], c->scores[CONTESTANT_BASE_RATE].best.found == 0);
		SUITE_ROW(headers[i], c->scores[CONTESTANT_LOGISTIC].average_precision > 0.3);
		/* Nothing is known of the first minutes. */
		SUITE_ROW(headers[i], fabs(probabilities[0] - backtest.base_rate) < 1e-5 * backtest.base_rate);
		free(probabilities);
		backtest_fini(&backtest);
		remove_folder(&train);
		remove_folder(&test);
	}
}

/* The same forecasts of the same minutes, whether what comes after them is in the folder or not. */
static void
test_no_future(void)
{
	struct folder train = { .header = "rps,err_ratio,lat_p99_ms,cpu,mem", .announced = true, .seed = 1 };
	struct folder whole = { .header = train.header, .announced = true, .seed = 2 };
	struct folder part = { .header = train.header, .announced = true, .seed = 2, .cut = 700 };
	struct backtest a, b;
	double *of_whole, *of_part;
	size_t count, part_count, differ = 0;

	make_folder(&train);
	make_folder(&whole);
	make_folder(&part);
	of_whole = apply(&train, &whole, &a, &count);
	of_part = apply(&train, &part, &b, &part_count);
	CU_ASSERT_EQUAL(part_count, count - 2 * 700);
	for (size_t i = 0; i < part_count; i++)
		differ += of_part[i] != of_whole[i < LENGTH - 700 ? i : i + 700];
	CU_ASSERT_EQUAL(differ, 0);
	free(of_whole);
	free(of_part);
	backtest_fini(&a);
	backtest_fini(&b);
	remove_folder(&train);
	remove_folder(&whole);
	remove_folder(&part);
}

/* Incidents that nothing announces: nothing is lost against the base rate. */
static void
test_unannounced(void)
{
	struct folder train = { .header = "m0,m1,m2,m3,m4", .seed = 1 }, test = { .header = "m0,m1,m2,m3,m4", .seed = 2 };
	struct backtest backtest;
	const struct evaluation *model = &backtest.comparison.scores[CONTESTANT_MODEL];
	size_t count;

	make_folder(&train);
	make_folder(&test);
	free(apply(&train, &test, &backtest, &count));
	CU_ASSERT(backtest.judged);
	CU_ASSERT(model->brier_skill > -0.02);
	CU_ASSERT(model->mean > model->prevalence / 2 && model->mean < model->prevalence * 2);
	CU_ASSERT(model->own.false_alarms_per_day <= 0.5);
	backtest_fini(&backtest);
	remove_folder(&train);
	remove_folder(&test);
}

/* Each fold by a model of what is older; a table, JSON and plots of it. */
static void
test_chain(void)
{
	struct folder folder = { .header = "rps,err_ratio,lat_p99_ms,cpu,mem", .announced = true, .seed = 3 };
	struct backtest backtest;
	struct dataset *dataset;
	struct text text = { 0 };
	cJSON *json;

	make_folder(&folder);
	dataset = read_folder(&folder);
	CU_ASSERT_EQUAL(backtest_chain(dataset, &settings, &backtest), 0);
	CU_ASSERT_EQUAL(backtest.trainings, 4);
	CU_ASSERT(backtest.judged);
	/* No row is scored twice, and none that is older than the first cut. */
	for (size_t i = 0; i < backtest.rows.count; i++) {
		const struct row *row = &backtest.rows.list[i];

		CU_ASSERT(window_time(dataset->series[row->series].window, row->step) >= dataset_time_at(dataset, 0.4));
		CU_ASSERT(i == 0 || row->series != row[-1].series || row->step > row[-1].step);
	}
	CU_ASSERT(backtest.comparison.scores[CONTESTANT_MODEL].average_precision > 0.3);
	backtest_print(&backtest, &text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text.bytes, "\nmodel "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.bytes, "\nhazard rate "));
	text_fini(&text);
	json = backtest_json(&backtest);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(cJSON_GetObjectItem(json, "scores")), CONTESTANT_COUNT);
	cJSON_Delete(json);
	free(dataset->series[0].name);
	dataset->series[0].name = strdup("a<b&c");
	backtest_svg(&backtest, "<title>", &text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text.bytes, "a&lt;b&amp;c"));
	CU_ASSERT_PTR_NULL(strstr(text.bytes, "<title>\""));
	CU_ASSERT_PTR_NULL(strstr(text.bytes, "nan"));
	text_fini(&text);
	backtest_fini(&backtest);
	dataset_free(dataset);
	remove_folder(&folder);
}

static void
write_file(const struct folder *folder, const char *name, const char *text)
{
	FILE *file = open_file(folder, name);

	fputs(text, file);
	fclose(file);
}

/* What is wrong with a folder is told with file and line; all of it in one run. */
static void
test_wrong_folders(void)
{
	static const struct {
		const char *name, *file, *text, *why;
	} rows[] = {
		{ "a missing file", "metrics.csv", NULL, "metrics.csv" },
		{ "text in a number", "metrics.csv", "timestamp,series,cpu\n1600041600,r0,0.5\n1600041660,r0,half\n",
		    "metrics.csv:3" },
		{ "a time that is none", "metrics.csv", "timestamp,series,cpu\nnoon,r0,0.5\n", "metrics.csv:2" },
		{ "an unknown column first", "metrics.csv", "when,series,cpu\n", "metrics.csv:1" },
		{ "an unknown series", "incidents.csv", "series,start,end\nr9,1600041600,1600041660\n",
		    "incidents.csv:2" },
		{ "an end before the start", "incidents.csv", "series,start,end\nr0,1600041660,1600041600\n",
		    "incidents.csv:2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct folder folder = { .path = "/tmp/backtest-XXXXXX" };
		struct diags diags = { 0 };
		struct text said = { 0 };
		struct dataset *dataset;

		if (mkdtemp(folder.path) == NULL)
			abort();
		write_file(&folder, "series.csv",
		    "series,step_s,first_ts,last_ts,label_from,label_to\nr0,60,1600041600,1600045200,1600041600,1600045200\n");
		write_file(&folder, "metrics.csv", "timestamp,series,cpu\n1600041600,r0,0.5\n");
		write_file(&folder, "incidents.csv", "series,start,end\n");
		if (rows[i].text != NULL) {
			write_file(&folder, rows[i].file, rows[i].text);
		} else {
			char path[128];

			snprintf(path, sizeof(path), "%s/%s", folder.path, rows[i].file);
			unlink(path);
		}
		dataset = dataset_read(folder.path, &diags);
		diag_print(&diags, &said);
		SUITE_ROW(rows[i].name, dataset == NULL);
		SUITE_ROW(rows[i].name, said.bytes != NULL && strstr(said.bytes, rows[i].why) != NULL);
		text_fini(&said);
		diag_fini(&diags);
		dataset_free(dataset);
		remove_folder(&folder);
	}
}

/* Too few incidents: there is no model, and it's said why. */
static void
test_without_incidents(void)
{
	struct folder folder = { .header = "cpu,err_ratio,mem,x,y", .seed = 1 };
	struct backtest backtest;
	double *probabilities;
	size_t count;

	make_folder(&folder);
	write_file(&folder, "incidents.csv", "series,start,end\n");
	probabilities = apply(&folder, &folder, &backtest, &count);
	CU_ASSERT(!backtest.judged);
	CU_ASSERT_EQUAL(count, 2 * LENGTH);
	CU_ASSERT(probabilities[0] > 0 && probabilities[0] < 0.001);
	CU_ASSERT(probabilities[count - 1] == probabilities[0]);
	CU_ASSERT_PTR_NOT_NULL(strstr(backtest.notes.bytes, "0 incidents"));
	free(probabilities);
	backtest_fini(&backtest);
	remove_folder(&folder);
}

static void
test_own_threshold(void)
{
	CU_ASSERT(EVALUATE_OWN_THRESHOLD == ROUND_UNSETTLED_PROBABILITY);
}

static const struct suite_case cases[] = {
	{ .name = "announced incidents, named and anonymous metrics", .run = test_announced },
	{ .name = "nothing of the future", .run = test_no_future },
	{ .name = "unannounced incidents", .run = test_unannounced },
	{ .name = "fold after fold", .run = test_chain },
	{ .name = "folders that are wrong", .run = test_wrong_folders },
	{ .name = "without incidents", .run = test_without_incidents },
	{ .name = "the threshold is that of the round", .run = test_own_threshold },
};

int
main(void)
{
	return suite_run("backtest", cases, ARRAY_SIZE(cases));
}
