/* isobar-pae.c -- the predictive analytics engine: reads the store, forecasts, proposes plans, trains.
 * In: the command line; the store, read-only.  Out: predictions, plans and models, posted to isobard's API.
 * Threads: one. Training runs in a forked child, so that a round is never late.
 *
 * A round, each pae-update-interval:
 *  1. steering and its revision, so that the plan says what it is based on;
 *  2. samples, incidents and the serving model, brought up to date;
 *  3. a forecast per region, or the reason why there is none;
 *  4. predictions are posted, then the plan, if it differs from the last one enough to move clients for it.
 * It holds nothing that isn't in the store: it may be killed at any moment. It ends when its standard input, a pipe
 * that isobard holds the other end of, closes.
 * Exit status: 0 done, 1 failed, 2 wrong usage. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/steering_yaml.h"
#include "http/client.h"
#include "plan/propose.h"
#include "predict/child.h"
#include "predict/forecaster.h"
#include "predict/trainer.h"
#include "predict/workbench.h"
#include "store/store.h"

#define SHIPPED_MODEL "failure-default.model"
#define HORIZON_S 600
#define API_TIMEOUT_MS 10000
#define BACKOFF_MOST_MS 60000
#define TOKEN_MAX 4096
#define PLAN_MOVE_LEAST 0.01	/* of a group's clients: smaller changes of share aren't worth moving anybody */
#define PLAN_AGAIN_MS 60000	/* an unchanged plan is posted again after so long: it tells that forecasts are fresh */
#define TRAIN_CPU_S 300
#define TRAIN_WALL_MS 900000
#define TRAIN_MEMORY ((uint64_t)1 << 30)
#define TRAIN_OUTPUT ((uint64_t)64 << 20)

enum mode { MODE_SERVE, MODE_TRAIN, MODE_EVALUATE };

struct options {
	enum mode mode;
	const char *store, *api, *token_file, *models;
	bool once;
	enum log_level level;
	struct workbench_job job;
};

struct engine {
	const struct options *options;
	char *token;
	struct http_client *client;
	struct store_reader *reader;
	struct forecaster *forecaster;
	struct steering *steering;
	uint64_t revision;		/* of `steering` */
	const char *regions[REGIONS_MAX];
	struct plan *posted;		/* the last plan that the API took */
	struct mono posted_at, next_round;
	int64_t backoff_ms;
	struct child *child;		/* training, or NULL */
	struct trainer_job training;
	int (*training_of)(struct text *output, void *arg);	/* failures or loads */
	struct wall trained;		/* when the last training began; .ms 0: none yet */
	struct wall load_trained;	/* the same for loads */
	size_t trained_events;
	bool train_now, stop;
	int signals;			/* a signalfd */
	bool lifeline;			/* standard input is a pipe whose end is ours */
};

static int options_read(struct options *options, int argc, char **argv);
static bool option_take(struct options *options, int option, const char *value);
static void usage(FILE *to);
static int serve(const struct options *options);
static bool engine_open(struct engine *engine);
static void engine_close(struct engine *engine);
static char *token_read(const char *path);
static int signals_open(void);
static void wait_for_work(struct engine *engine);
static void take_signals(struct engine *engine);
static bool round_run(struct engine *engine, struct wall now);
static bool steering_refresh(struct engine *engine);
static void believe(const struct engine *engine, struct plan_region *beliefs, struct forecast *forecasts);
static bool post_predictions(struct engine *engine, const struct plan_region *beliefs,
	const struct forecast *forecasts, struct wall now);
static bool post_plan(struct engine *engine, const struct plan_region *beliefs, const char *model, struct wall now);
static bool worth_posting(const struct engine *engine, const struct plan *plan);
static bool post(struct engine *engine, const char *path, const char *body);
static void add_number(cJSON *object, const char *name, double value);
static void train_if_due(struct engine *engine, struct wall now);
static void training_start(struct engine *engine, int (*run)(struct text *output, void *arg), struct wall now);
static const char *training_name(const struct engine *engine);
static void training_poll(struct engine *engine);

int
main(int argc, char **argv)
{
	struct options options = { .models = ISOBAR_MODELS_DIR, .level = LOG_LEVEL_INFO };
	int rc;

	options.job = (struct workbench_job){ .horizon_s = HORIZON_S, .share = 0.7, .seed = 1, .data = "",
		.licence = "", .note = "" };
	rc = options_read(&options, argc, argv);
	if (rc >= 0)
		return rc;
	log_open("isobar-pae", options.level);
	switch (options.mode) {
	case MODE_TRAIN:
		return workbench_train(&options.job);
	case MODE_EVALUATE:
		return workbench_evaluate(&options.job);
	case MODE_SERVE:
		break;
	}
	return serve(&options);
}

enum { OPTION_STORE = 1000, OPTION_API, OPTION_TOKEN_FILE, OPTION_MODELS, OPTION_ONCE, OPTION_TRAIN_FROM, OPTION_OUT,
	OPTION_CARD, OPTION_EVALUATE, OPTION_MODEL, OPTION_HORIZON, OPTION_SHARE, OPTION_SEED, OPTION_DATE, OPTION_DATA,
	OPTION_LICENCE, OPTION_NOTE };

static const struct option long_options[] = {
	{ "api", required_argument, NULL, OPTION_API },
	{ "card", required_argument, NULL, OPTION_CARD },
	{ "data", required_argument, NULL, OPTION_DATA },
	{ "date", required_argument, NULL, OPTION_DATE },
	{ "evaluate", required_argument, NULL, OPTION_EVALUATE },
	{ "help", no_argument, NULL, 'h' },
	{ "horizon", required_argument, NULL, OPTION_HORIZON },
	{ "licence", required_argument, NULL, OPTION_LICENCE },
	{ "model", required_argument, NULL, OPTION_MODEL },
	{ "models", required_argument, NULL, OPTION_MODELS },
	{ "note", required_argument, NULL, OPTION_NOTE },
	{ "once", no_argument, NULL, OPTION_ONCE },
	{ "out", required_argument, NULL, OPTION_OUT },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "share", required_argument, NULL, OPTION_SHARE },
	{ "store", required_argument, NULL, OPTION_STORE },
	{ "token-file", required_argument, NULL, OPTION_TOKEN_FILE },
	{ "train-from", required_argument, NULL, OPTION_TRAIN_FROM },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* An exit status, or -1 to go on. */
static int
options_read(struct options *options, int argc, char **argv)
{
	static char shipped[4096];
	int option;

	while ((option = getopt_long(argc, argv, "hvV", long_options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (option == 'V') {
			printf("isobar-pae %s\n", PACKAGE_VERSION);
			return 0;
		}
		if (!option_take(options, option, optarg))
			return 2;
	}
	if (optind < argc) {
		fprintf(stderr, "isobar-pae: unexpected argument '%s'\n", argv[optind]);
		return 2;
	}
	if (options->mode == MODE_SERVE && (options->store == NULL || options->api == NULL)) {
		fprintf(stderr, "isobar-pae: --store and --api are needed\n");
		usage(stderr);
		return 2;
	}
	if (options->mode == MODE_TRAIN && options->job.model_path == NULL) {
		fprintf(stderr, "isobar-pae: --train-from needs --out\n");
		return 2;
	}
	snprintf(shipped, sizeof(shipped), "%s/" SHIPPED_MODEL, options->models);
	if (options->job.model_path == NULL)
		options->job.model_path = shipped;
	return -1;
}

/* False after saying what is wrong. */
static bool
option_take(struct options *options, int option, const char *value)
{
	struct workbench_job *job = &options->job;
	char *end = NULL;

	switch (option) {
	case OPTION_STORE:
		options->store = value;
		return true;
	case OPTION_API:
		options->api = value;
		return true;
	case OPTION_TOKEN_FILE:
		options->token_file = value;
		return true;
	case OPTION_MODELS:
		options->models = value;
		return true;
	case OPTION_ONCE:
		options->once = true;
		return true;
	case OPTION_TRAIN_FROM:
		options->mode = MODE_TRAIN;
		job->folder = value;
		return true;
	case OPTION_EVALUATE:
		options->mode = MODE_EVALUATE;
		job->folder = value;
		return true;
	case OPTION_OUT:
	case OPTION_MODEL:
		job->model_path = value;
		return true;
	case OPTION_CARD:
		job->card_path = value;
		return true;
	case OPTION_DATA:
		job->data = value;
		return true;
	case OPTION_LICENCE:
		job->licence = value;
		return true;
	case OPTION_NOTE:
		job->note = value;
		return true;
	case OPTION_HORIZON:
		job->horizon_s = strtoll(value, &end, 10);
		if (*end == '\0' && job->horizon_s >= 60 && job->horizon_s <= 86400)
			return true;
		fprintf(stderr, "isobar-pae: --horizon is in seconds, 60 to 86400\n");
		return false;
	case OPTION_SHARE:
		job->share = strtod(value, &end);
		if (*end == '\0' && job->share > 0 && job->share <= 1)
			return true;
		fprintf(stderr, "isobar-pae: --share is above 0 and at most 1\n");
		return false;
	case OPTION_SEED:
		job->seed = strtoull(value, &end, 10);
		if (*end == '\0' && end != value)
			return true;
		fprintf(stderr, "isobar-pae: --seed is a number\n");
		return false;
	case OPTION_DATE:
		if (wall_parse(value, &job->made) == 0)
			return true;
		fprintf(stderr, "isobar-pae: --date is a time like 2026-11-22T00:00:00Z\n");
		return false;
	case 'v':
		options->level = LOG_LEVEL_DEBUG;
		return true;
	default:
		usage(stderr);
		return false;
	}
}

static void
usage(FILE *to)
{
	fputs("usage: isobar-pae --store PATH --api URL [--token-file FILE] [--models DIR] [--once] [-v]\n"
	    "       isobar-pae --train-from DIR --out FILE [--card FILE] [--horizon SECONDS] [--share SHARE]\n"
	    "                  [--seed NUMBER] [--date TIME] [--data TEXT] [--licence TEXT] [--note TEXT]\n"
	    "       isobar-pae --evaluate DIR [--model FILE | --models DIR]\n"
	    "See isobar-pae(8).\n", to);
}

static int
serve(const struct options *options)
{
	struct engine engine = { .options = options, .signals = -1 };
	bool done = false;

	if (!engine_open(&engine)) {
		engine_close(&engine);
		return 1;
	}
	while (!engine.stop) {
		done = round_run(&engine, wall_now());
		if (options->once)
			break;
		engine.backoff_ms = done ? 0 : engine.backoff_ms == 0 ? 1000 : engine.backoff_ms * 2;
		if (engine.backoff_ms > BACKOFF_MOST_MS)
			engine.backoff_ms = BACKOFF_MOST_MS;
		engine.next_round = mono_add_ms(mono_now(), done ? engine.steering->pae_update_interval_ms :
		    engine.backoff_ms);
		wait_for_work(&engine);
	}
	engine_close(&engine);
	return options->once && !done ? 1 : 0;
}

static bool
engine_open(struct engine *engine)
{
	const struct options *options = engine->options;
	struct text error = { 0 };
	struct stat input;

	engine->lifeline = fstat(STDIN_FILENO, &input) == 0 && (S_ISFIFO(input.st_mode) || S_ISSOCK(input.st_mode));
	engine->signals = signals_open();
	if (engine->signals < 0) {
		log_error("can't take signals: %s", strerror(errno));
		return false;
	}
	if (options->token_file != NULL && (engine->token = token_read(options->token_file)) == NULL)
		return false;
	engine->client = http_client_new(options->api, engine->token, API_TIMEOUT_MS);
	if (engine->client == NULL) {
		log_error("--api: '%s' is neither unix:PATH nor http(s)://HOST:PORT", options->api);
		return false;
	}
	engine->reader = store_reader_open(options->store, &error);
	if (engine->reader == NULL)
		log_error("%s", error.bytes);
	text_fini(&error);
	if (engine->reader == NULL)
		return false;
	engine->forecaster = forecaster_new(engine->reader, options->models);
	return engine->forecaster != NULL;
}

static void
engine_close(struct engine *engine)
{
	child_free(engine->child);
	plan_free(engine->posted);
	steering_free(engine->steering);
	forecaster_free(engine->forecaster);
	if (engine->reader != NULL)
		store_reader_close(engine->reader);
	if (engine->client != NULL)
		http_client_free(engine->client);
	free(engine->token);
	if (engine->signals >= 0)
		close(engine->signals);
}

/* The first line of the file. */
static char *
token_read(const char *path)
{
	size_t length;
	int error;
	char *token = text_read_file(path, TOKEN_MAX, &length, &error);

	if (token == NULL)
		log_error("%s: %s", path, strerror(-error));
	else
		token[strcspn(token, "\r\n")] = '\0';
	return token;
}

static int
signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Until the next round is due. */
static void
wait_for_work(struct engine *engine)
{
	while (!engine->stop) {
		int64_t left = mono_ms_between(mono_now(), engine->next_round), killed;
		struct pollfd fds[3] = {
			{ .fd = engine->signals, .events = POLLIN },
			{ .fd = engine->lifeline ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = engine->child == NULL ? -1 : child_fd(engine->child), .events = POLLIN },
		};
		char byte;

		if (left <= 0)
			return;
		if (engine->child != NULL && (killed = child_ms_left(engine->child, mono_now())) < left)
			left = killed > 0 ? killed : 0;
		if (poll(fds, 3, (int)left + 1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents != 0)
			take_signals(engine);
		if (fds[1].revents != 0 && read(STDIN_FILENO, &byte, 1) <= 0)
			engine->stop = true;
		if (engine->child != NULL)
			training_poll(engine);
		if (engine->train_now)
			training_start(engine, trainer_run, wall_now());
	}
}

static void
take_signals(struct engine *engine)
{
	struct signalfd_siginfo signal;

	while (read(engine->signals, &signal, sizeof(signal)) == sizeof(signal)) {
		if (signal.ssi_signo == SIGUSR1)
			engine->train_now = true;
		else
			engine->stop = true;
	}
}

/* False: something failed that may be right later. */
static bool
round_run(struct engine *engine, struct wall now)
{
	struct plan_region beliefs[REGIONS_MAX];
	struct forecast forecasts[REGIONS_MAX];
	const char *model = "";
	int status;

	if (!steering_refresh(engine))
		return false;
	status = forecaster_update(engine->forecaster, engine->regions, engine->steering->region_count, now);
	if (status != 0) {
		log_warning("can't read the store: %s", strerror(-status));
		return false;
	}
	believe(engine, beliefs, forecasts);
	for (size_t i = 0; i < engine->steering->region_count; i++)
		model = forecasts[i].model[0] != '\0' ? forecasts[i].model : model;
	train_if_due(engine, now);
	return post_predictions(engine, beliefs, forecasts, now) && post_plan(engine, beliefs, model, now);
}

/* Reads steering.yaml's text anew when the journal has moved on. */
static bool
steering_refresh(struct engine *engine)
{
	uint64_t revision = store_revision(engine->reader);
	struct text text = { 0 };
	struct diags diags = { 0 };
	struct steering *steering = NULL;

	if (engine->steering != NULL && revision == engine->revision)
		return true;
	if (store_steering(engine->reader, &text) == 0 && !text.failed)
		steering = text.length == 0 ? steering_empty() : steering_read(text.bytes, "steering.yaml", &diags);
	if (steering == NULL)
		log_warning("the store's steering can't be read; the last one stays");
	diag_fini(&diags);
	text_fini(&text);
	if (steering == NULL)
		return engine->steering != NULL;
	steering_free(engine->steering);
	engine->steering = steering;
	engine->revision = revision;
	for (size_t i = 0; i < steering->region_count; i++)
		engine->regions[i] = steering->regions[i].name;
	plan_free(engine->posted);
	engine->posted = NULL;
	return true;
}

static void
believe(const struct engine *engine, struct plan_region *beliefs, struct forecast *forecasts)
{
	for (size_t i = 0; i < engine->steering->region_count; i++) {
		forecaster_ask(engine->forecaster, i, &forecasts[i]);
		beliefs[i] = (struct plan_region){
			.region = (region_id)i, .probability = forecasts[i].probability,
			.horizon_s = forecasts[i].horizon_s, .load_forecast = forecasts[i].load,
			.reason = forecasts[i].reason,
		};
	}
}

static bool
post_predictions(struct engine *engine, const struct plan_region *beliefs, const struct forecast *forecasts,
    struct wall now)
{
	cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "predictions");
	char time[CLOCK_TEXT_SIZE], *body;
	bool done;

	wall_text(now, time);
	for (size_t i = 0; i < engine->steering->region_count; i++) {
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "at", time);
		cJSON_AddStringToObject(entry, "region", engine->regions[i]);
		cJSON_AddNumberToObject(entry, "horizon_s", beliefs[i].horizon_s);
		add_number(entry, "probability", beliefs[i].probability);
		add_number(entry, "load_forecast", beliefs[i].load_forecast);
		cJSON_AddStringToObject(entry, "model", forecasts[i].model);
		cJSON_AddStringToObject(entry, "reason", beliefs[i].reason);
		cJSON_AddItemToArray(list, entry);
	}
	body = root == NULL ? NULL : json_write(root);
	cJSON_Delete(root);
	done = body != NULL && post(engine, "/v1/predictions", body);
	free(body);
	return done;
}

/* null for what isn't known. */
static void
add_number(cJSON *object, const char *name, double value)
{
	if (isfinite(value))
		cJSON_AddNumberToObject(object, name, value);
	else
		cJSON_AddNullToObject(object, name);
}

static bool
post_plan(struct engine *engine, const struct plan_region *beliefs, const char *model, struct wall now)
{
	struct plan *plan = plan_propose(engine->steering, beliefs, model, engine->revision, now);
	char *body;
	bool done;

	if (plan == NULL)
		return false;
	if (!worth_posting(engine, plan)) {
		plan_free(plan);
		return true;
	}
	body = plan_write(plan, engine->steering);
	done = body != NULL && post(engine, "/v1/plan", body);
	free(body);
	if (!done) {
		plan_free(plan);
		return false;
	}
	plan_free(engine->posted);
	engine->posted = plan;
	engine->posted_at = mono_now();
	return true;
}

/* Not when it moves next to nobody, unless the last one has become old. */
static bool
worth_posting(const struct engine *engine, const struct plan *plan)
{
	if (plan->service_count == 0)
		return false;
	return engine->posted == NULL || plan_distance(plan, engine->posted) >= PLAN_MOVE_LEAST ||
	    mono_ms_between(engine->posted_at, mono_now()) >= PLAN_AGAIN_MS;
}

/* False when it wasn't taken: by a daemon that isn't there, or one that refuses it. */
static bool
post(struct engine *engine, const char *path, const char *body)
{
	struct http_response response = { 0 };
	int status = http_call(engine->client, "POST", path, body, &response);
	bool done = status == 0 && response.status >= 200 && response.status < 300;

	if (status != 0)
		log_warning("POST %s: %s", path, response.error[0] != '\0' ? response.error : strerror(-status));
	else if (!done)
		log_warning("POST %s: status %ld: %.500s", path, response.status, response.body);
	http_response_fini(&response);
	return done;
}

/* One at a time. A model of loads that is a day old is trained again, also if it was another process that trained
 * it. */
static void
train_if_due(struct engine *engine, struct wall now)
{
	struct wall load_trained = forecaster_load_trained(engine->forecaster);

	if (engine->load_trained.ms > load_trained.ms)
		load_trained = engine->load_trained;
	if (engine->train_now || trainer_due(engine->trained, engine->trained_events,
	    forecaster_events(engine->forecaster), now))
		training_start(engine, trainer_run, now);
	else if (now.ms - load_trained.ms >= TRAINER_LOAD_EVERY_MS)
		training_start(engine, trainer_run_load, now);
}

static void
training_start(struct engine *engine, int (*run)(struct text *output, void *arg), struct wall now)
{
	const struct child_limits limits = { .cpu_s = TRAIN_CPU_S, .wall_ms = TRAIN_WALL_MS, .memory = TRAIN_MEMORY,
		.output = TRAIN_OUTPUT };

	if (engine->child != NULL || engine->steering == NULL || engine->steering->region_count == 0)
		return;
	engine->training = (struct trainer_job){
		.store = engine->options->store, .models_dir = engine->options->models, .regions = engine->regions,
		.region_count = engine->steering->region_count, .horizon_s = HORIZON_S, .seed = 1, .now = now,
	};
	engine->training_of = run;
	if (run == trainer_run_load) {
		engine->load_trained = now;
	} else {
		engine->train_now = false;
		engine->trained = now;
		engine->trained_events = forecaster_events(engine->forecaster);
	}
	engine->child = child_start(run, &engine->training, &limits, mono_now());
	if (engine->child == NULL)
		log_warning("can't start training: %s", strerror(errno));
	else
		log_info("training of %s began", training_name(engine));
}

static const char *
training_name(const struct engine *engine)
{
	return engine->training_of == trainer_run_load ? "loads" : "failures";
}

static void
training_poll(struct engine *engine)
{
	struct text output = { 0 };
	int status;

	if (!child_poll(engine->child, mono_now(), &output, &status))
		return;
	if (status == 0 && post(engine, "/v1/models", output.bytes))
		log_info("training of %s is done; the model is in the store", training_name(engine));
	else if (status == -ENODATA)
		log_info("nothing was trained for %s: %s", training_name(engine), output.bytes);
	else if (status != 0)
		log_warning("training of %s failed: %s", training_name(engine),
		    output.length > 0 ? output.bytes : strerror(-status));
	child_free(engine->child);
	engine->child = NULL;
	text_fini(&output);
}
