/* backtest.c -- backtest: what forecasts would have been worth.
 * In: folders of data, or the store's file, which is only read.  Out: files of forecasts; scores beside those of simple
 * rules, as text, JSON or a page of plots.
 * Threads: one. Neither way asks isobard: training here takes no time from it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backtest/backtest.h"
#include "backtest/backtest_report.h"
#include "base/clock.h"
#include "ctl/ctl.h"
#include "load/load_folder.h"
#include "predict/history.h"
#include "store/store.h"

#define HORIZON_DEFAULT_S 600
#define HORIZON_MOST_S 86400
#define TRAINED_DAYS 30		/* of the store, before the span: as isobar-pae trains */
#define REGIONS_LIST_MAX 4096
#define BAR_WIDTH 40

/* What comes of the options. */
struct backtesting {
	const struct ctl_backtest *options;
	const char *to;			/* the end of the span of the store; NULL: now */
	struct backtest_settings settings;
	struct dataset *train, *test;
	struct model *model;
	struct backtest result;
	bool done;			/* `result` holds */
	cJSON *load;			/* scores of the load forecasts; NULL: none were made */
	struct text load_table;
};

/* The regions of a store, in the order of their first series. */
struct region_names {
	char *names[REGIONS_LIST_MAX];
	size_t count;
};

/* What a model of the store is looked for by. */
struct wanted_model {
	const char *id;
	struct model *model;
	size_t matches;
	struct text error;
};

static enum ctl_status check_options(const struct ctl_backtest *o, const char *to);
static bool read_number(const char *text, const char *what, unsigned long long most, unsigned long long *number);
static enum ctl_status of_folders(struct backtesting *b);
static struct dataset *open_folder(const char *path);
static enum ctl_status of_loads(struct backtesting *b);
static cJSON *loads_json(const struct load_scores *scores, const char *metric);
static enum ctl_status of_store(struct backtesting *b);
static enum ctl_status read_store(struct backtesting *b, struct store_reader *reader, struct wall from,
	struct wall until);
static int replay(struct backtesting *b, struct store_reader *reader, const struct region_names *regions,
	struct wall from, struct wall until);
static bool add_region(void *arg, const struct series_row *row);
static bool take_model(void *arg, const struct model_row *row);
static enum ctl_status tell(const struct ctl *ctl, const struct backtesting *b);
static enum ctl_status print_diags(struct diags *diags);
static void show_progress(void *arg, double done);
static void end_progress(void);

enum ctl_status
ctl_backtest(struct ctl *ctl)
{
	struct backtesting b = { .options = &ctl->backtest, .to = ctl->to,
		.settings = { .horizon_s = HORIZON_DEFAULT_S, .seed = 1, .progress = show_progress } };
	const struct ctl_backtest *o = b.options;
	unsigned long long number;
	enum ctl_status status = check_options(o, ctl->to);

	if (status == CTL_DONE && o->horizon != NULL) {
		if (!read_number(o->horizon, "horizon", HORIZON_MOST_S, &number))
			return CTL_USAGE;
		b.settings.horizon_s = (int64_t)number;
	}
	if (status == CTL_DONE && o->seed != NULL) {
		if (!read_number(o->seed, "seed", UINT64_MAX, &number))
			return CTL_USAGE;
		b.settings.seed = number;
	}
	if (status == CTL_DONE)
		status = o->test == NULL ? of_store(&b) : of_folders(&b);
	if (status == CTL_DONE && o->load != NULL)
		status = of_loads(&b);
	if (status == CTL_DONE)
		status = tell(ctl, &b);
	backtest_fini(&b.result);
	dataset_free(b.train);
	dataset_free(b.test);
	model_free(b.model);
	text_fini(&b.load_table);
	cJSON_Delete(b.load);
	return status;
}

static enum ctl_status
check_options(const struct ctl_backtest *o, const char *to)
{
	bool store = o->from != NULL || to != NULL || o->model != NULL || o->store != NULL;

	if (o->test == NULL && !store)
		return ctl_usage("backtest needs --test DIR, or --from TIME for the store");
	if (o->test != NULL && store)
		return ctl_usage("--test is for folders; --from, --to, --model and --store are for the store");
	if (o->test == NULL && o->from == NULL)
		return ctl_usage("a backtest on the store needs --from TIME");
	if (o->test == NULL && (o->train != NULL || o->predictions != NULL || o->load != NULL))
		return ctl_usage("--train, --predictions and --load are for folders: --test DIR");
	if ((o->load == NULL) != (o->forecasts == NULL) && o->forecasts != NULL)
		return ctl_usage("--forecasts needs --load METRIC");
	if (o->train == NULL && (o->predictions != NULL || o->forecasts != NULL))
		return ctl_usage("--predictions and --forecasts need --train DIR");
	return CTL_DONE;
}

static bool
read_number(const char *text, const char *what, unsigned long long most, unsigned long long *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	if (end != text && *end == 's' && strcmp(what, "horizon") == 0)
		end++;
	if (errno == 0 && end != text && *end == '\0' && text[0] != '-' && *number > 0 && *number <= most)
		return true;
	ctl_usage("the %s '%s' isn't a whole number from 1 to %llu", what, text, most);
	return false;
}

/* --- folders ------------------------------------------------------------------------------------------------- */

/* Only loads are asked for: failures aren't. */
static enum ctl_status
of_folders(struct backtesting *b)
{
	const struct ctl_backtest *o = b->options;
	struct diags diags = { 0 };
	int status;

	if (o->load != NULL && o->predictions == NULL && o->svg == NULL)
		return CTL_DONE;
	b->test = open_folder(o->test);
	if (o->train != NULL)
		b->train = open_folder(o->train);
	if (b->test == NULL || (o->train != NULL && b->train == NULL))
		return CTL_FAILED;
	status = o->train != NULL ? backtest_apply(b->train, b->test, &b->settings, &b->result) :
	    backtest_chain(b->test, &b->settings, &b->result);
	end_progress();
	if (status != 0)
		return ctl_fail("%s: %s", o->test, strerror(-status));
	b->done = true;
	if (o->predictions == NULL)
		return CTL_DONE;
	status = backtest_write(&b->result, o->test, o->predictions, &diags);
	return status == 0 ? CTL_DONE : print_diags(&diags);
}

/* NULL: all errors were printed. */
static struct dataset *
open_folder(const char *path)
{
	struct diags diags = { 0 };
	struct dataset *dataset = dataset_read(path, &diags);

	if (dataset == NULL)
		print_diags(&diags);
	else
		diag_fini(&diags);
	return dataset;
}

static enum ctl_status
of_loads(struct backtesting *b)
{
	const struct ctl_backtest *o = b->options;
	struct diags diags = { 0 };
	struct load_scores scores = { 0 };
	int status = 0;

	if (o->forecasts != NULL)
		status = load_folder_forecast(o->train, o->test, o->load, o->forecasts, &diags, show_progress, NULL);
	end_progress();
	if (status == 0)
		status = load_folder_score(o->test, o->load, 2.0 / 3, &scores, &diags, show_progress, NULL);
	end_progress();
	if (status != 0)
		return print_diags(&diags);
	b->load = loads_json(&scores, o->load);
	load_scores_print(&scores, &b->load_table);
	load_scores_free(&scores);
	diag_fini(&diags);
	return b->load == NULL || b->load_table.failed ? ctl_fail("out of memory") : CTL_DONE;
}

static cJSON *
loads_json(const struct load_scores *scores, const char *metric)
{
	cJSON *root = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(root, "metric", metric);
	list = cJSON_AddArrayToObject(root, "scores");
	for (size_t i = 0; i < scores->count; i++) {
		const struct load_score *score = &scores->list[i];
		cJSON *entry = cJSON_CreateObject(), *mase;

		cJSON_AddStringToObject(entry, "series", score->series);
		cJSON_AddNumberToObject(entry, "horizon_s", (double)score->horizon_s);
		cJSON_AddNumberToObject(entry, "forecasts", (double)score->forecasts);
		mase = cJSON_AddObjectToObject(entry, "mase");
		for (size_t m = 0; m < LOAD_METHOD_COUNT; m++)
			cJSON_AddNumberToObject(mase, load_method_names[m], score->mase[m]);
		cJSON_AddItemToArray(list, entry);
	}
	return root;
}

/* --- the store ----------------------------------------------------------------------------------------------- */

static enum ctl_status
of_store(struct backtesting *b)
{
	const struct ctl_backtest *o = b->options;
	struct settings *settings = o->store != NULL ? NULL : ctl_settings();
	const char *path = o->store != NULL ? o->store : settings == NULL ? NULL : settings->store;
	struct wall from, until = wall_now();
	struct store_reader *reader;
	struct text error = { 0 };
	enum ctl_status status;

	if (wall_parse(o->from, &from) != 0 || (b->to != NULL && wall_parse(b->to, &until) != 0)) {
		settings_free(settings);
		return ctl_usage("'%s' isn't a time like 2026-11-22T16:20:52Z", wall_parse(o->from, &from) != 0 ?
		    o->from : b->to);
	}
	if (path == NULL)
		return ctl_fail("the settings can't be read: name the store with --store");
	if (from.ms >= until.ms) {
		settings_free(settings);
		return ctl_usage("the span ends before it begins");
	}
	reader = store_reader_open(path, &error);
	status = reader == NULL ? ctl_fail("%s: %s", path, error.bytes) : read_store(b, reader, from, until);
	store_reader_close(reader);
	settings_free(settings);
	text_fini(&error);
	return status;
}

static enum ctl_status
read_store(struct backtesting *b, struct store_reader *reader, struct wall from, struct wall until)
{
	struct region_names *regions = calloc(1, sizeof(*regions));
	struct wanted_model wanted = { .id = b->options->model };
	enum ctl_status result = CTL_DONE;
	int status = regions == NULL ? -ENOMEM : store_series(reader, NULL, add_region, regions);

	if (status == 0 && wanted.id != NULL)
		status = store_models(reader, true, take_model, &wanted);
	b->model = wanted.model;
	if (status == 0 && wanted.id != NULL && wanted.model == NULL)
		result = ctl_fail(wanted.matches > 1 ? "'%s' is the beginning of several models" :
		    wanted.matches == 1 ? "the model '%s' isn't one of failures, or can't be read" :
		    "the store has no model '%s'", wanted.id);
	else if (status == 0 && regions->count == 0)
		result = ctl_fail("the store has no samples");
	else if (status == 0)
		status = replay(b, reader, regions, from, until);
	b->done = result == CTL_DONE && status == 0;
	if (status != 0)
		result = ctl_fail("the store can't be replayed: %s", strerror(-status));
	for (size_t i = 0; regions != NULL && i < regions->count; i++)
		free(regions->names[i]);
	free(regions);
	text_fini(&wanted.error);
	return result;
}

static int
replay(struct backtesting *b, struct store_reader *reader, const struct region_names *regions, struct wall from,
    struct wall until)
{
	const char *const *names = (const char *const *)regions->names;
	int64_t from_s = from.ms / 1000, to_s = until.ms / 1000 - until.ms / 1000 % WINDOW_STEP_S;
	int64_t first_s = from_s - TRAINED_DAYS * INT64_C(86400);
	struct metrics *metrics = metrics_new();
	int status = metrics == NULL ? -ENOMEM : history_metrics(reader, names, regions->count, metrics);

	if (b->model != NULL)
		b->settings.horizon_s = b->model->horizon_s;
	if (status == 0)
		b->test = history_new(names, regions->count, first_s, to_s, metrics);
	metrics_free(metrics);
	if (status == 0)
		status = b->test == NULL ? -ENOMEM :
		    history_fill(reader, b->test, RESOLUTION_MINUTE, first_s, to_s);
	if (status == 0)
		status = history_incidents(reader, b->test, first_s, to_s);
	if (status != 0)
		return status;
	history_set_labels(b->test, to_s);
	status = backtest_replay(b->test, b->model, from_s, to_s, &b->settings, &b->result);
	end_progress();
	return status;
}

static bool
add_region(void *arg, const struct series_row *row)
{
	struct region_names *regions = arg;

	for (size_t i = regions->count; i-- > 0;) {
		if (strcmp(regions->names[i], row->region) == 0)
			return true;
	}
	if (regions->count == REGIONS_LIST_MAX)
		return false;
	regions->names[regions->count] = strdup(row->region);
	regions->count += regions->names[regions->count] != NULL;
	return true;
}

/* By its id, or the beginning of it. */
static bool
take_model(void *arg, const struct model_row *row)
{
	struct wanted_model *wanted = arg;

	if (strncmp(row->id, wanted->id, strlen(wanted->id)) != 0)
		return true;
	wanted->matches++;
	model_free(wanted->model);
	wanted->model = NULL;
	if (wanted->matches == 1 && strcmp(row->kind, "failure") == 0)
		wanted->model = model_read(row->blob, row->blob_length, &wanted->error);
	return true;
}

/* --- telling ------------------------------------------------------------------------------------------------- */

static enum ctl_status
tell(const struct ctl *ctl, const struct backtesting *b)
{
	const char *svg = b->options->svg;
	struct text out = { 0 };
	enum ctl_status result = CTL_DONE;
	int status = 0;

	if (svg != NULL && b->done) {
		backtest_svg(&b->result, b->options->test != NULL ? b->options->test : "the store", &out);
		status = out.failed ? -ENOMEM : text_write_file(svg, out.bytes, out.length);
		text_fini(&out);
		if (status != 0)
			return ctl_fail("%s: %s", svg, strerror(-status));
	}
	if (ctl->json) {
		cJSON *root = cJSON_CreateObject();
		char *text;

		if (b->done)
			cJSON_AddItemToObject(root, "failures", backtest_json(&b->result));
		if (b->load != NULL)
			cJSON_AddItemReferenceToObject(root, "load", b->load);
		text = root == NULL ? NULL : json_write(root);
		if (text != NULL)
			puts(text);
		else
			result = ctl_fail("out of memory");
		free(text);
		cJSON_Delete(root);
		return result;
	}
	if (b->done)
		backtest_print(&b->result, &out);
	if (b->load_table.length > 0)
		text_add(&out, b->load_table.bytes, b->load_table.length);
	if (out.failed)
		result = ctl_fail("out of memory");
	else if (out.length > 0)
		fputs(out.bytes, stdout);
	text_fini(&out);
	return result;
}

static enum ctl_status
print_diags(struct diags *diags)
{
	struct text said = { 0 };

	diag_sort(diags);
	diag_print(diags, &said);
	fputs(said.failed || said.length == 0 ? "isobarctl: out of memory\n" : said.bytes, stderr);
	text_fini(&said);
	diag_fini(diags);
	return CTL_FAILED;
}

/* A bar, for somebody who watches. */
static void
show_progress(void *arg, double done)
{
	static int shown = -1;
	int now = (int)(done * 100), filled = (int)(done * BAR_WIDTH);

	(void)arg;
	if (now == shown || !isatty(STDERR_FILENO))
		return;
	shown = now;
	fprintf(stderr, "\r[%.*s%*s] %3d %%", filled, "########################################", BAR_WIDTH - filled,
	    "", now);
}

static void
end_progress(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%*s\r", BAR_WIDTH + 10, "");
}
