/* evaluate.c -- what the models are worth on a folder of data sets, by the protocol of isobar-models(7), against the
 * goals that were set beforehand.
 * In: a folder with gtmsim, smd, asd, jumpstarter, ms-cloud-monitoring and nab in it; a set that isn't there is left
 * out, and its goals aren't met.  Out: tables on standard output, results.json (goals), figures.json (all numbers).
 * Threads: one. A goal that isn't met is a row that says so; the exit status is 0 all the same: it's a measurement. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backtest/anomaly_folder.h"
#include "backtest/backtest.h"
#include "backtest/backtest_report.h"
#include "base/json.h"
#include "load/load_score.h"
#include "predict/train.h"
#include "tests/sim/results.h"

#define SEED 1
#define LOAD_SHARE (2.0 / 3)	/* the last third is scored */
#define BAR_WIDTH 40
#define JOBS 11

struct evaluation_run {
	const char *folder, *results_path, *figures_path;
	struct results results;
	cJSON *figures;
	unsigned job;			/* of JOBS, for the bar */
	double train_s, decide_s;	/* the most of all */
	size_t vectors;
};

static struct dataset *open_set(struct evaluation_run *run, const char *set);
static bool chain(struct evaluation_run *run, const char *set, int64_t horizon_s, struct backtest *out);
static void simulated(struct evaluation_run *run);
static void simulated_goals(struct evaluation_run *run, int64_t horizon_s, const struct backtest *b, bool judged);
static void machines(struct evaluation_run *run);
static void servers(struct evaluation_run *run);
static void loads(struct evaluation_run *run, const char *set, const char *metric, const char *const last[3]);
static void anomalies(struct evaluation_run *run, const char *set, double least_recall);
static void costs(struct evaluation_run *run);
static void show(void *arg, double done);
static void keep(const struct evaluation_run *run);

int
main(int argc, char **argv)
{
	static const char *const jumpstarter[3] = { "<= 0.39", "<= 0.63", "<= 0.74" };
	struct evaluation_run *run = calloc(1, sizeof(*run));

	if (argc != 4 || run == NULL) {
		fputs("usage: evaluate DIR RESULTS.json FIGURES.json\n", stderr);
		return 2;
	}
	run->folder = argv[1];
	run->results_path = argv[2];
	run->figures_path = argv[3];
	run->figures = cJSON_CreateObject();
	simulated(run);
	machines(run);
	servers(run);
	loads(run, "jumpstarter", "m11", jumpstarter);
	loads(run, "ms-cloud-monitoring", "value", NULL);
	loads(run, "nab", "value", NULL);
	anomalies(run, "asd", 0.50);
	anomalies(run, "smd", 0.70);
	anomalies(run, "ms-cloud-monitoring", NAN);
	costs(run);
	for (size_t i = 0; i < run->results.count; i++) {
		const struct result *row = &run->results.rows[i];

		printf("%-8s %s: %.4g, must be %s\n", row->met ? "met" : "NOT MET", row->name, row->value, row->must);
	}
	keep(run);
	cJSON_Delete(run->figures);
	free(run);
	return 0;
}

/* NULL: it isn't there, or is wrong, which was told. */
static struct dataset *
open_set(struct evaluation_run *run, const char *set)
{
	struct diags diags = { 0 };
	struct text said = { 0 };
	struct dataset *dataset;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", run->folder, set);
	dataset = dataset_read(path, &diags);
	if (dataset == NULL) {
		diag_print(&diags, &said);
		fputs(said.failed || said.length == 0 ? "out of memory\n" : said.bytes, stderr);
	}
	text_fini(&said);
	diag_fini(&diags);
	return dataset;
}

/* Forward chaining; the table goes out, the numbers to the figures. Without the set all scores are NAN. */
static bool
chain(struct evaluation_run *run, const char *set, int64_t horizon_s, struct backtest *out)
{
	struct backtest_settings settings = { .horizon_s = horizon_s, .seed = SEED, .progress = show, .arg = run };
	struct dataset *dataset = open_set(run, set);
	struct text table = { 0 };
	char name[64];
	bool judged;

	*out = (struct backtest){ 0 };
	if (dataset != NULL && backtest_chain(dataset, &settings, out) == 0) {
		printf("== %s, failures\n", set);
		backtest_print(out, &table);
		puts(table.failed ? "" : table.bytes);
		fflush(stdout);
		snprintf(name, sizeof(name), "%s failures %lld s", set, (long long)horizon_s);
		cJSON_AddItemToObject(run->figures, name, backtest_json(out));
		run->train_s = fmax(run->train_s, out->train_s);
		run->decide_s = fmax(run->decide_s, out->decide_s);
		run->vectors = out->vectors > run->vectors ? out->vectors : run->vectors;
	}
	keep(run);
	run->job++;
	judged = out->judged;
	text_fini(&table);
	out->dataset = NULL;	/* scores outlive it */
	dataset_free(dataset);
	return judged;
}

static void
simulated(struct evaluation_run *run)
{
	static const int64_t horizons[] = { 600, 1800, 300 };

	for (size_t i = 0; i < ARRAY_SIZE(horizons); i++) {
		struct backtest b;
		bool judged = chain(run, "gtmsim", horizons[i], &b);

		simulated_goals(run, horizons[i], &b, judged);
		backtest_fini(&b);
	}
}

static void
simulated_goals(struct evaluation_run *run, int64_t horizon_s, const struct backtest *b, bool judged)
{
	static const struct {
		int64_t horizon_s;
		const char *precision, *skill, *calibration, *recall, *lead, *linear;
	} goals[] = {
		{ 300, ">= 0.36", ">= 0.22", NULL, ">= 0.55", ">= 120", NULL },
		{ 600, ">= 0.40", ">= 0.25", "<= 0.005", ">= 0.60", ">= 300", ">= 1.7" },
		{ 1800, ">= 0.42", ">= 0.27", "<= 0.006", ">= 0.60", ">= 720", NULL },
	};
	const struct evaluation *model = &b->comparison.scores[CONTESTANT_MODEL];
	double linear = b->comparison.scores[CONTESTANT_LOGISTIC].average_precision;
	double unknown = judged ? 0 : NAN;
	char name[64];
	size_t g = 0;

	while (goals[g].horizon_s != horizon_s)
		g++;
	snprintf(name, sizeof(name), "gtmsim H=%lld min", (long long)(horizon_s / 60));
	results_add(&run->results, model->average_precision + unknown, goals[g].precision, "%s: average precision",
	    name);
	results_add(&run->results, model->brier_skill + unknown, goals[g].skill, "%s: Brier skill", name);
	if (goals[g].calibration != NULL)
		results_add(&run->results, model->calibration_error + unknown, goals[g].calibration,
		    "%s: calibration error", name);
	results_add(&run->results, model->best.recall + unknown, goals[g].recall,
	    "%s: recall at one false alarm a region-day", name);
	results_add(&run->results, model->best.lead_s + unknown, goals[g].lead, "%s: median lead, s", name);
	if (goals[g].linear != NULL)
		results_add(&run->results, model->average_precision / linear + unknown, goals[g].linear,
		    "%s: average precision over that of the logistic regression", name);
}

/* Real incidents, some of which recur. */
static void
machines(struct evaluation_run *run)
{
	struct backtest b;
	double unknown = chain(run, "smd", 600, &b) ? 0 : NAN;
	const struct evaluation *model = &b.comparison.scores[CONTESTANT_MODEL];

	results_add(&run->results, model->average_precision / model->prevalence + unknown, ">= 18",
	    "smd H=10 min: average precision over prevalence");
	results_add(&run->results, model->brier_skill + unknown, ">= 0.08", "smd H=10 min: Brier skill");
	backtest_fini(&b);
}

/* Real incidents that nothing announces: the model must know that it knows nothing. */
static void
servers(struct evaluation_run *run)
{
	struct backtest b;
	double unknown = chain(run, "asd", 1800, &b) ? 0 : NAN;
	const struct evaluation *model = &b.comparison.scores[CONTESTANT_MODEL];

	results_add(&run->results, model->brier_skill + unknown, ">= -0.005", "asd H=30 min: Brier skill");
	results_add(&run->results, model->mean / model->prevalence + unknown, ">= 0.5",
	    "asd H=30 min: mean probability over prevalence, at least");
	results_add(&run->results, model->mean / model->prevalence + unknown, "<= 2",
	    "asd H=30 min: mean probability over prevalence, at most");
	results_add(&run->results, model->own.false_alarms_per_day + unknown, "<= 0.2",
	    "asd H=30 min: false alarms a series-day at the product's threshold");
	backtest_fini(&b);
}

static void
loads(struct evaluation_run *run, const char *set, const char *metric, const char *const last[3])
{
	static const int64_t horizons[3] = { 600, 1800, 3600 };
	struct load_scores scores = { 0 };
	struct diags diags = { 0 };
	struct text table = { 0 };
	char path[4096], name[64];
	cJSON *figures = cJSON_CreateArray();
	double worst = -INFINITY;
	int status;

	snprintf(path, sizeof(path), "%s/%s", run->folder, set);
	status = load_folder_score(path, metric, LOAD_SHARE, &scores, &diags, show, run);
	run->job++;
	printf("== %s, load %s\n", set, metric);
	if (status == 0)
		load_scores_print(&scores, &table);
	else
		diag_print(&diags, &table);
	puts(table.length == 0 ? "" : table.bytes);
	fflush(stdout);
	for (size_t h = 0; h < 3; h++) {
		struct load_mean mean = load_scores_mean(&scores, horizons[h]);
		double ours = mean.series == 0 ? NAN : mean.mase[LOAD_METHOD_OURS];
		double ratio = ours / mean.mase[LOAD_METHOD_HOLT_WINTERS];
		cJSON *entry = cJSON_CreateObject();

		worst = isnan(ratio) || ratio > worst ? ratio : worst;
		results_add(&run->results, ratio, "<= 0.93", "%s %s H=%lld min: MASE over that of Holt-Winters", set,
		    metric, (long long)(horizons[h] / 60));
		if (last != NULL)
			results_add(&run->results, ours, last[h], "%s %s H=%lld min: MASE of the last third", set,
			    metric, (long long)(horizons[h] / 60));
		cJSON_AddNumberToObject(entry, "horizon_s", (double)horizons[h]);
		cJSON_AddNumberToObject(entry, "series", (double)mean.series);
		for (size_t m = 0; m < LOAD_METHOD_COUNT && mean.series > 0; m++)
			cJSON_AddNumberToObject(entry, load_method_names[m], mean.mase[m]);
		cJSON_AddItemToArray(figures, entry);
	}
	results_add(&run->results, worst, "<= 1", "%s %s: the worst of these ratios", set, metric);
	snprintf(name, sizeof(name), "%s load %s", set, metric);
	cJSON_AddItemToObject(run->figures, name, figures);
	keep(run);
	load_scores_free(&scores);
	diag_fini(&diags);
	text_fini(&table);
}

/* `least_recall` NAN: no goal was set. */
static void
anomalies(struct evaluation_run *run, const char *set, double least_recall)
{
	struct dataset *dataset = open_set(run, set);
	struct anomaly_scores scores;
	struct text table = { 0 };
	char name[64], must[32];
	int status = dataset == NULL ? -ENOENT : anomaly_score_dataset(dataset, SEED, &scores, show, run);
	double unknown = status == 0 ? 0 : NAN;
	cJSON *figures = cJSON_CreateObject();

	run->job++;
	if (status != 0)
		scores = (struct anomaly_scores){ 0 };
	printf("== %s, anomalies\n", set);
	anomaly_scores_print(&scores, &table);
	puts(table.failed ? "" : table.bytes);
	fflush(stdout);
	for (size_t m = 0; m < ANOMALY_METHOD_COUNT && status == 0; m++) {
		cJSON *entry = cJSON_AddObjectToObject(figures, anomaly_method_names[m]);

		cJSON_AddNumberToObject(entry, "average_precision", scores.average_precision[m]);
		cJSON_AddNumberToObject(entry, "average_precision_pooled", scores.pooled[m]);
		cJSON_AddNumberToObject(entry, "roc_auc", scores.roc_auc[m]);
		cJSON_AddNumberToObject(entry, "recall", scores.recall[m]);
	}
	snprintf(name, sizeof(name), "%s anomalies", set);
	cJSON_AddItemToObject(run->figures, name, figures);
	if (!isnan(least_recall)) {
		results_add(&run->results, scores.average_precision[ANOMALY_OURS] /
		    scores.average_precision[ANOMALY_FOREST] + unknown, ">= 1",
		    "%s anomalies: average precision over that of the isolation forest", set);
		snprintf(must, sizeof(must), ">= %.2f", least_recall);
		results_add(&run->results, scores.recall[ANOMALY_OURS] + unknown, must,
		    "%s anomalies: recall at one false alarm a series-day", set);
	}
	text_fini(&table);
	dataset_free(dataset);
}

static void
costs(struct evaluation_run *run)
{
	results_add(&run->results, TRAIN_ROWS_MOST, "<= 8000", "cost: rows that a machine learns from, at most");
	results_add(&run->results, run->train_s, "<= 10", "cost: processor time of the longest training, s");
	results_add(&run->results, (double)run->vectors, "<= 2500", "cost: support vectors, at most");
	results_add(&run->results, run->decide_s * 1000, "<= 0.5", "cost: a forecast with its features, ms");
}

static void
show(void *arg, double done)
{
	const struct evaluation_run *run = arg;
	int filled = (int)((run->job + done) / JOBS * BAR_WIDTH);

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r[%.*s%*s] %u of %d, %3.0f %% ", filled, "########################################",
		    BAR_WIDTH - filled, "", run->job + 1, JOBS, done * 100);
}

/* Also between the jobs: half an hour's work isn't lost with its last minute. */
static void
keep(const struct evaluation_run *run)
{
	char *json = cJSON_Print(run->figures);
	struct text text = { 0 };

	results_write(&run->results, run->results_path);
	text_printf(&text, "%s\n", json == NULL ? "" : json);
	if (json == NULL || text.failed || text_write_file(run->figures_path, text.bytes, text.length) != 0)
		fprintf(stderr, "%s can't be written\n", run->figures_path);
	text_fini(&text);
	free(json);
}
