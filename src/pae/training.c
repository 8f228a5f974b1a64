/* training.c -- when models are trained anew, and what becomes of them.
 * In: the engine.  Out: a child process that trains, and its model, posted to the API.
 * Threads: the engine's. Training runs in a forked child, so that a round is never late; one at a time. */
#include "pae/engine.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

#define TRAIN_CPU_S 300
#define TRAIN_WALL_MS 900000
#define TRAIN_MEMORY ((uint64_t)1 << 30)
#define TRAIN_OUTPUT ((uint64_t)64 << 20)

static const char *training_name(const struct engine *engine);

/* One at a time. A model of loads that is a day old is trained again, also if it was another process that trained
 * it. */
void
training_if_due(struct engine *engine, struct wall now)
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

void
training_start(struct engine *engine, int (*run)(struct text *output, void *arg), struct wall now)
{
	const struct child_limits limits = { .cpu_s = TRAIN_CPU_S, .wall_ms = TRAIN_WALL_MS, .memory = TRAIN_MEMORY,
		.output = TRAIN_OUTPUT };

	if (engine->child != NULL || engine->steering == NULL || engine->steering->region_count == 0)
		return;
	engine->training = (struct trainer_job){
		.store = engine->options->store, .models_dir = engine->options->models, .regions = engine->regions,
		.region_count = engine->steering->region_count, .horizon_s = PAE_HORIZON_S, .seed = 1, .now = now,
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

void
training_poll(struct engine *engine)
{
	struct text output = { 0 };
	int status;

	if (!child_poll(engine->child, mono_now(), &output, &status))
		return;
	if (status == 0 && engine_post(engine, "/v1/models", output.bytes))
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
