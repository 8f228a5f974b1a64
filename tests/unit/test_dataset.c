/* test_dataset.c -- predict/dataset and rows: folders of CSV files, what is wrong with them, and which minutes
 * count. */
#include "predict/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/text.h"
#include "predict/rows.h"
#include "suite.h"

#define SERIES "series,step_s,first_ts,last_ts,label_from,label_to\n"
#define ONE_SERIES SERIES "a,60,600000,605940,600000,606000\n"
#define NO_INCIDENTS "series,start,end,kind\n"
#define METRICS "timestamp,series,cpu,unknown,mem\n"

struct folder { char path[64]; };

static void
put(const struct folder *folder, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	if (text == NULL)
		return;
	CU_ASSERT_EQUAL(text_write_file(path, text, strlen(text)), 0);
}

static struct folder
folder_new(const char *series, const char *incidents, const char *metrics)
{
	struct folder folder = { "/tmp/test_dataset.XXXXXX" };

	CU_ASSERT(mkdtemp(folder.path) != NULL);
	put(&folder, "series.csv", series);
	put(&folder, "incidents.csv", incidents);
	put(&folder, "metrics.csv", metrics);
	return folder;
}

static void
folder_remove(const struct folder *folder)
{
	static const char *const names[] = { "series.csv", "incidents.csv", "metrics.csv", "metrics.csv.gz" };
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder->path, names[i]);
		unlink(path);
	}
	rmdir(folder->path);
}

static void
test_read(void)
{
	static const char metrics[] = METRICS "600000,a,0.25,9,0.5\n600060,a,,9,0.5\n600120,a,0.75,9,\n";
	struct folder folder = folder_new(ONE_SERIES, NO_INCIDENTS "a,601000,601600,x\na,603000,603600,y\n", metrics);
	struct diags diags = { 0 };
	struct dataset *dataset = dataset_read(folder.path, &diags);
	const struct dataset_series *series;

	CU_ASSERT(dataset != NULL);
	CU_ASSERT_EQUAL(dataset->count, 1);
	series = &dataset->series[0];
	SUITE_TEXT(series->name, "a");
	CU_ASSERT_EQUAL(series->window->length, 100);
	CU_ASSERT(series->window->values[METRIC_CPU][0] == 0.25);
	CU_ASSERT(isnan(series->window->values[METRIC_CPU][1]));
	CU_ASSERT(series->window->values[METRIC_MEM][1] == 0.5);
	CU_ASSERT(isnan(series->window->values[METRIC_MEM][2]));
	CU_ASSERT_EQUAL(series->incidents.count, 2);
	CU_ASSERT_EQUAL(dataset_time_at(dataset, 0.5), 603000);
	CU_ASSERT_EQUAL(dataset_events(dataset, 600000, 603000), 1);
	dataset_free(dataset);
	diag_fini(&diags);
	folder_remove(&folder);
}

static void
test_compressed(void)
{
	static const char metrics[] = METRICS "600000,a,0.25,9,0.5\n";
	struct folder folder = folder_new(ONE_SERIES, NO_INCIDENTS, NULL);
	struct diags diags = { 0 };
	struct dataset *dataset;
	char path[128];
	gzFile file;

	snprintf(path, sizeof(path), "%s/metrics.csv.gz", folder.path);
	file = gzopen(path, "wb");
	gzputs(file, metrics);
	gzclose(file);
	dataset = dataset_read(folder.path, &diags);
	CU_ASSERT(dataset != NULL && dataset->series[0].window->values[METRIC_CPU][0] == 0.25);
	dataset_free(dataset);
	CU_ASSERT_EQUAL(truncate(path, 30), 0);
	dataset = dataset_read(folder.path, &diags);
	CU_ASSERT(dataset == NULL && diags.errors > 0);
	diag_fini(&diags);
	folder_remove(&folder);
}

static void
test_errors(void)
{
	static const struct {
		const char *name, *series, *incidents, *metrics, *message;
		unsigned line;
	} rows[] = {
		{ "no files", NULL, NULL, NULL, "can't be opened: No such file or directory", 0 },
		{ "no incidents file", ONE_SERIES, NULL, METRICS, "can't be opened: No such file or directory", 0 },
		{ "empty", "", NO_INCIDENTS, METRICS, "no header line", 0 },
		{ "a column is missing", "series,first_ts,last_ts,label_from\n", NO_INCIDENTS, METRICS,
		    "no column 'label_to'", 1 },
		{ "a series twice", ONE_SERIES "a,60,600000,605940,600000,606000\n", NO_INCIDENTS, METRICS,
		    "series 'a' is given twice", 3 },
		{ "a span that makes no sense", SERIES "a,60,605940,600000,600000,606000\n", NO_INCIDENTS, METRICS,
		    "the span of series 'a' makes no sense", 2 },
		{ "a span of centuries", SERIES "a,60,0,9999999999,600000,606000\n", NO_INCIDENTS, METRICS,
		    "the span of series 'a' makes no sense", 2 },
		{ "a time that is none", SERIES "a,60,x,605940,600000,606000\n", NO_INCIDENTS, METRICS,
		    "'x' is no time in seconds since 1970", 2 },
		{ "an incident of nobody", ONE_SERIES, NO_INCIDENTS "b,1,2,x\n", METRICS,
		    "series 'b' isn't in series.csv", 2 },
		{ "an incident that ends first", ONE_SERIES, NO_INCIDENTS "a,601000,601000,x\n", METRICS,
		    "an incident that ends at 601000, not after its start", 2 },
		{ "no number at all", ONE_SERIES, NO_INCIDENTS, "timestamp,series,x\n600000,a,word\n",
		    "no column has numbers", 2 },
		{ "a step of nothing", SERIES "a,0,600000,605940,600000,606000\n", NO_INCIDENTS, METRICS,
		    "a step of '0' s isn't between a second and a day", 2 },
		{ "no column for the step", "series,first_ts,last_ts,label_from,label_to\n", NO_INCIDENTS, METRICS,
		    "no column 'step_s'", 1 },
		{ "columns in another order", ONE_SERIES, NO_INCIDENTS, "series,timestamp,cpu\n",
		    "the first two columns must be timestamp,series", 1 },
		{ "a field too few", ONE_SERIES, NO_INCIDENTS, METRICS "600000,a,1,2\n",
		    "another number of fields than the header has", 2 },
		{ "no number", ONE_SERIES, NO_INCIDENTS, METRICS "600000,a,1,2,3\n600060,a,high,2,3\n",
		    "'high' is no number", 3 },
		{ "a time outside", ONE_SERIES, NO_INCIDENTS, METRICS "700000,a,1,2,3\n",
		    "time 700000 lies outside the span that series.csv gives", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct folder folder = folder_new(rows[i].series, rows[i].incidents, rows[i].metrics);
		struct diags diags = { 0 };
		struct dataset *dataset = dataset_read(folder.path, &diags);
		bool found = false;

		for (size_t k = 0; k < diags.count; k++)
			found = found || (strcmp(diags.list[k].message, rows[i].message) == 0 &&
			    diags.list[k].line == rows[i].line);
		if (dataset != NULL || !found) {
			for (size_t k = 0; k < diags.count; k++)
				printf("%s: line %u: %s\n", rows[i].name, diags.list[k].line, diags.list[k].message);
			SUITE_TEXT(rows[i].name, "refused with its message");
		}
		dataset_free(dataset);
		diag_fini(&diags);
		folder_remove(&folder);
	}
}

/* What sensors and clocks make of numbers: infinities, NANs, steps back in time, the same minute twice, columns of
 * words, names that mean the same, slower series beside faster ones. */
static void
test_odd_input(void)
{
	static const char metrics[] = "timestamp,series,cpu,family,any,cpu_used\n"
	    "600120,a,inf,web,-1e308,0.9\n600060,a,nan,web,inf,0.9\n600000,a,0.5,db,3,0.9\n600000,a,0.25,db,4,0.9\n"
	    "600300,b,0.75,db,5,0.9\n";
	struct folder folder = folder_new(SERIES "a,60,600000,605940,600000,606000\nb,300,600000,605700,600000,606000\n"
	    "c,300,600000,605700,600000,606000\n", NO_INCIDENTS, metrics);
	struct diags diags = { 0 };
	struct dataset *dataset = dataset_read(folder.path, &diags);
	size_t any, family;

	CU_ASSERT(dataset != NULL);
	any = metrics_find(dataset->metrics, "any");
	family = metrics_find(dataset->metrics, "family");
	CU_ASSERT_EQUAL(dataset->step_s, 300);
	CU_ASSERT(dataset->series[0].window->step_s == 60 && dataset->series[1].window->step_s == 300);
	CU_ASSERT_EQUAL(metrics_used(dataset->metrics), 2);
	CU_ASSERT(dataset->metrics->list[any].used && !dataset->metrics->list[family].used);
	CU_ASSERT(dataset->series[0].window->values[METRIC_CPU][0] == 0.25);
	CU_ASSERT(isnan(dataset->series[0].window->values[METRIC_CPU][1]));
	CU_ASSERT(isnan(dataset->series[0].window->values[METRIC_CPU][2]));
	CU_ASSERT(isnan(dataset->series[0].window->values[any][1]));
	CU_ASSERT(isnan(dataset->series[0].window->values[any][2]));
	CU_ASSERT(dataset->series[1].window->values[METRIC_CPU][1] == 0.75);
	CU_ASSERT_EQUAL(dataset_find(dataset, "b"), 1);
	CU_ASSERT_EQUAL(dataset_find(dataset, "d"), 3);
	dataset_free(dataset);
	diag_fini(&diags);
	folder_remove(&folder);
}

/* A million names: refused at once, with one error. */
static void
test_million_series(void)
{
	struct text text = { 0 };
	struct folder folder;
	struct diags diags = { 0 };

	text_puts(&text, SERIES);
	for (int i = 0; i < 1000000; i++)
		text_printf(&text, "s%d,60,600000,605940,600000,606000\n", i);
	folder = folder_new(text.bytes, NO_INCIDENTS, METRICS);
	CU_ASSERT(dataset_read(folder.path, &diags) == NULL);
	CU_ASSERT(diags.errors >= 1);
	SUITE_TEXT(diags.list[0].message, "100000 series or more are too many");
	diag_fini(&diags);
	text_fini(&text);
	folder_remove(&folder);
}

/* Rows near a time when the region was steered away from count in no class; those left alone by chance count more. */
static void
test_censored(void)
{
	struct dataset *dataset = dataset_new(1, NULL);
	struct dataset_series *series = &dataset->series[0];
	struct rows rows;

	series->window = window_new(dataset->metrics, 600000, 60, 300);
	series->label_from_s = 600000;
	series->label_to_s = 618000;
	series->left = calloc(300, sizeof(*series->left));
	for (size_t i = 0; i < 300; i++) {
		window_set(series->window, METRIC_CPU, i, 0.5);
		window_set(series->window, METRIC_MEM, i, 0.5);
		series->left[i] = i == 50 ? 0.25 : i == 51 ? 0.001 : 1;
	}
	CU_ASSERT_EQUAL(incidents_add(&series->steered, (struct incident){ 606000, 607200 }), 0);
	CU_ASSERT(rows_collect(dataset, 600000, 618000, 600, &rows));
	for (size_t i = 0; i < rows.count; i++) {
		const struct row *row = &rows.list[i];

		CU_ASSERT(row->step < 90 || row->step >= 120);
		CU_ASSERT(row->weight == (row->step == 50 ? 4 : row->step == 51 ? ROW_WEIGHT_MOST : 1));
	}
	CU_ASSERT_EQUAL(rows.count, 289 - 19 + 1 - 30);
	rows_fini(&rows);
	dataset_free(dataset);
}

/* Minutes that may be predicted, outside incidents, whose outcome is known. */
static void
test_rows(void)
{
	struct dataset *dataset = dataset_new(1, NULL);
	struct feature_table *table;
	struct rows rows;
	double *features;

	dataset->series[0].name = strdup("a");
	dataset->series[0].window = window_new(dataset->metrics, 600000, 60, 300);
	dataset->series[0].label_from_s = 600000;
	dataset->series[0].label_to_s = 618000;
	for (size_t i = 0; i < 300; i++) {
		window_set(dataset->series[0].window, METRIC_CPU, i, 0.5);
		window_set(dataset->series[0].window, METRIC_MEM, i, 0.5);
	}
	CU_ASSERT_EQUAL(incidents_add(&dataset->series[0].incidents, (struct incident){ 606000, 606600 }), 0);
	CU_ASSERT(rows_collect(dataset, 600000, 618000, 600, &rows));
	/* From minute 19 (20 are known) to 289 (10 more are known), but for the 10 inside the incident. */
	CU_ASSERT_EQUAL(rows.count, 289 - 19 + 1 - 10);
	CU_ASSERT_EQUAL(rows_positives(&rows), 10);
	CU_ASSERT(rows.list[0].step == 19 && !rows.list[0].positive);
	table = feature_table_new(dataset->metrics, dataset->metrics);
	features = rows_features(table, dataset, &rows, 600);
	CU_ASSERT(features != NULL);
	free(features);
	feature_table_free(table);
	/* A block of time knows nothing of what comes after it. */
	rows_fini(&rows);
	CU_ASSERT(rows_collect(dataset, 600000, 606000, 600, &rows));
	CU_ASSERT_EQUAL(rows_positives(&rows), 0);
	CU_ASSERT_EQUAL(rows.list[rows.count - 1].step, 89);
	rows_fini(&rows);
	CU_ASSERT(rows_collect(dataset, 600000, 618000, 600, &rows));
	CU_ASSERT(fabs(rows_thin(&rows, 50, 1) - 50.0 / 251) < 1e-12);
	CU_ASSERT_EQUAL(rows.count, 60);
	CU_ASSERT_EQUAL(rows_positives(&rows), 10);
	CU_ASSERT(rows_thin(&rows, 1000, 1) == 1);
	rows_fini(&rows);
	dataset_free(dataset);
}

/* Every second one with an incident. */
static struct dataset *
eight_regions(void)
{
	struct dataset *dataset = dataset_new(8, NULL);

	for (size_t s = 0; s < dataset->count; s++) {
		struct dataset_series *series = &dataset->series[s];
		char name[24];

		snprintf(name, sizeof(name), "r%zu", s);
		series->name = strdup(name);
		series->window = window_new(dataset->metrics, 600000, 60, 300);
		series->label_from_s = 600000;
		series->label_to_s = 618000;
		for (size_t i = 0; i < 300; i++) {
			window_set(series->window, METRIC_CPU, i, 0.5);
			window_set(series->window, METRIC_MEM, i, 0.5);
		}
		if (s % 2 == 0)
			CU_ASSERT_EQUAL(incidents_add(&series->incidents, (struct incident){ 606000, 606600 }), 0);
	}
	return dataset;
}

static void
test_whole_series(void)
{
	static const struct { const char *name; size_t most, events, rows_least; bool all; } rows[] = {
		{ "room for all", 100000, 0, 0, true },
		{ "some are enough", 600, 0, 600, false },
		{ "too few incidents: more", 1, 3, 261 * 3, false },
		{ "never enough incidents: all", 1, 99, 0, true },
	};
	struct dataset *dataset = eight_regions();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rows kept, again, all;
		size_t series = 0, count;

		CU_ASSERT(rows_collect(dataset, 600000, 618000, 600, &kept));
		CU_ASSERT(rows_collect(dataset, 600000, 618000, 600, &again));
		CU_ASSERT(rows_collect(dataset, 600000, 618000, 600, &all));
		count = rows_keep_series(&kept, dataset, rows[i].most, rows[i].events, 1);
		CU_ASSERT_EQUAL(rows_keep_series(&again, dataset, rows[i].most, rows[i].events, 1), count);
		SUITE_ROW(rows[i].name, (kept.count == all.count) == rows[i].all && (count == 8) == rows[i].all);
		SUITE_ROW(rows[i].name, kept.count >= rows[i].rows_least && kept.count == again.count);
		SUITE_ROW(rows[i].name, rows_positives(&kept) >= rows[i].events % 99 * 10);
		/* Each series whole or not at all, in the order as before. */
		for (size_t k = 0, a = 0; k < kept.count; k++, a++) {
			series += k == 0 || kept.list[k].series != kept.list[k - 1].series;
			while (all.list[a].series != kept.list[k].series)
				a++;
			SUITE_ROW(rows[i].name, all.list[a].step == kept.list[k].step);
		}
		SUITE_ROW(rows[i].name, series == count);
		rows_fini(&kept);
		rows_fini(&again);
		rows_fini(&all);
	}
	dataset_free(dataset);
}

static const struct suite_case cases[] = {
	{ .name = "a folder is read", .run = test_read },
	{ .name = "compressed, and broken so", .run = test_compressed },
	{ .name = "what is wrong, and where", .run = test_errors },
	{ .name = "odd input", .run = test_odd_input },
	{ .name = "a million series", .run = test_million_series },
	{ .name = "steered away from", .run = test_censored },
	{ .name = "which minutes count", .run = test_rows },
	{ .name = "a sample of whole series", .run = test_whole_series },
};

int
main(void)
{
	return suite_run("dataset", cases, ARRAY_SIZE(cases));
}
