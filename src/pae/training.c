/* training.c -- when models are trained and reviewed, and what becomes of it.
 * In: the engine.  Out: a child process at a time, and what it found, posted to the API.
 * Threads: the engine's. The work runs in a forked child, so that a round is never late.
 *
 * A model of failures for each horizon when there are new incidents, ten minutes first; one of loads and one of
 * anomalies once a day; a review of the models in service each hour. Training on request makes all horizons and the
 * anomalies anew. */
#include "pae/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "models/review.h"

#define TRAIN_CPU_S 300
#define TRAIN_WALL_MS 900000
#define TRAIN_MEMORY ((uint64_t)1 << 30)
#define TRAIN_OUTPUT ((uint64_t)64 << 20)

enum task_kind { TASK_FAILURES, TASK_LOADS, TASK_ANOMALIES, TASK_REVIEW };

struct task {
	enum task_kind kind;
	const char *name;
	int64_t horizon_s;	/* of failures */
	int (*run)(struct text *output, void *arg);
};

static const struct task tasks[] = {
	{ TASK_FAILURES, "failures within 10 minutes", 600, trainer_run },
	{ TASK_ANOMALIES, "anomalies", 0, trainer_run_anomaly },
	{ TASK_FAILURES, "failures within 5 minutes", 300, trainer_run },
	{ TASK_FAILURES, "failures within 30 minutes", 1800, trainer_run },
	{ TASK_LOADS, "loads", 0, trainer_run_load },
	{ TASK_REVIEW, "the models in service", 0, review_run },
};
static_assert(ARRAY_SIZE(tasks) <= 8 * sizeof(((struct engine *)NULL)->tasks_due), "a bit for each");

static void order(struct engine *engine, enum task_kind kind);
static void start(struct engine *engine, size_t task, struct wall now);
static bool post(struct engine *engine, const struct task *task, const struct text *output);
static bool post_reviews(struct engine *engine, const char *json);

void
training_if_due(struct engine *engine, struct wall now)
{
	struct wall load_trained = forecaster_load_trained(engine->forecaster);
	struct wall anomalies_trained = forecaster_anomalies_trained(engine->forecaster);
	int64_t anomalies_every_ms = anomalies_trained.ms > 0 ? TRAINER_ANOMALY_EVERY_MS : TRAINER_ANOMALY_RETRY_MS;
	size_t events = forecaster_events(engine->forecaster);

	if (engine->load_trained.ms > load_trained.ms)
		load_trained = engine->load_trained;
	if (engine->anomalies_trained.ms > anomalies_trained.ms)
		anomalies_trained = engine->anomalies_trained;
	if (engine->train_now || now.ms - anomalies_trained.ms >= anomalies_every_ms) {
		order(engine, TASK_ANOMALIES);
		engine->anomalies_trained = now;
	}
	if (engine->train_now || trainer_due(engine->trained, engine->trained_events, events, now)) {
		order(engine, TASK_FAILURES);
		engine->train_now = false;
		engine->trained = now;
		engine->trained_events = events;
	}
	/* A model of loads that is a day old is trained again, also if it was another process that trained it. */
	if (now.ms - load_trained.ms >= TRAINER_LOAD_EVERY_MS) {
		order(engine, TASK_LOADS);
		engine->load_trained = now;
	}
	if (engine->reviewed.ms == 0)
		engine->reviewed = now;	/* not in the first hour */
	if (now.ms - engine->reviewed.ms >= REVIEW_EVERY_MS) {
		order(engine, TASK_REVIEW);
		engine->reviewed = now;
	}
	training_next(engine, now);
}

static void
order(struct engine *engine, enum task_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		engine->tasks_due |= tasks[i].kind == kind ? 1U << i : 0;
}

void
training_next(struct engine *engine, struct wall now)
{
	for (size_t i = 0; i < ARRAY_SIZE(tasks) && engine->child == NULL; i++) {
		if (engine->tasks_due & 1U << i)
			start(engine, i, now);
	}
}

static void
start(struct engine *engine, size_t task, struct wall now)
{
	const struct child_limits limits = { .cpu_s = TRAIN_CPU_S, .wall_ms = TRAIN_WALL_MS, .memory = TRAIN_MEMORY,
		.output = TRAIN_OUTPUT };

	engine->tasks_due &= ~(1U << task);
	if (engine->steering == NULL || engine->steering->region_count == 0)
		return;
	engine->task = task;
	engine->training = (struct trainer_job){
		.store = engine->options->store, .models_dir = engine->options->models, .regions = engine->regions,
		.region_count = engine->steering->region_count, .horizon_s = tasks[task].horizon_s, .seed = 1,
		.now = now,
	};
	engine->child = child_start(tasks[task].run, &engine->training, &limits, mono_now());
	if (engine->child == NULL)
		log_warning("can't start the work on %s: %s", tasks[task].name, strerror(errno));
	else if (tasks[task].kind != TASK_REVIEW)
		log_info("training of %s began", tasks[task].name);
}

void
training_poll(struct engine *engine)
{
	const struct task *task = &tasks[engine->task];
	struct text output = { 0 };
	int status;

	if (!child_poll(engine->child, mono_now(), &output, &status))
		return;
	if (status == 0 && post(engine, task, &output) && task->kind != TASK_REVIEW)
		log_info("training of %s is done; the model is in the store", task->name);
	else if (status == -ENODATA)
		log_info("nothing was trained for %s: %s", task->name, output.bytes);
	else if (status != 0)
		log_warning("the work on %s failed: %s", task->name,
		    output.length > 0 ? output.bytes : strerror(-status));
	child_free(engine->child);
	engine->child = NULL;
	text_fini(&output);
}

static bool
post(struct engine *engine, const struct task *task, const struct text *output)
{
	if (task->kind == TASK_REVIEW)
		return post_reviews(engine, output->bytes);
	return engine_post(engine, "/v1/models", output->bytes);
}

/* Each to the model that it is about. */
static bool
post_reviews(struct engine *engine, const char *json)
{
	cJSON *root = cJSON_Parse(json);
	const cJSON *review;
	bool done = root != NULL;

	cJSON_ArrayForEach(review, cJSON_GetObjectItem(root, "reviews")) {
		const char *model = cJSON_GetStringValue(cJSON_GetObjectItem(review, "model"));
		char *body = json_write(cJSON_GetObjectItem(review, "body"));
		struct text path = { 0 };

		text_printf(&path, "/v1/models/%s/review", model == NULL ? "" : model);
		done = body != NULL && !path.failed && engine_post(engine, path.bytes, body) && done;
		text_fini(&path);
		free(body);
	}
	cJSON_Delete(root);
	return done;
}
