/* control.c -- the control thread: its loop, the queue of what others ask it to do, time that passes.
 * In: tasks from the API's and the store's threads, timers, signals.  Out: live words, publications, outcomes.
 * Threads: its own; control_post() and control_stop() from any. */
#include "control/control.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "control/defence.h"
#include "control/publication.h"
#include "control/state.h"

#define TICK_MS 250		/* resolution of silence, drains' ends and probes: a part of any sensible interval */
#define MAINTAIN_MS 60000	/* rollups and retention */
#define REBUILD_AGAIN_MS 5000	/* after a failure: what lacked may be there again, and the log isn't flooded */

static bool start_loop(struct control *control, struct diags *diags);
static void start_pae(struct control *control);
static void on_wake(uv_async_t *handle);
static void on_signal(uv_signal_t *handle, int number);
static void stop_task(void *arg);
static void on_tick(uv_timer_t *timer);
static void end_overrides(struct control *control, struct mono now, struct wall wall);
static void describe_end(const struct control *control, const struct override *o, struct change *change);
static void probe_outside(struct control *control, struct mono now);
static void maintain(struct control *control, struct mono now);
static int maintain_job(struct store_txn *txn, void *arg);
static void maintain_next(void *arg, int status);
static void maintain_told(void *arg);
static void on_probed(void *arg, const char *region, const char *service, bool healthy, const char *detail);
static void close_handles(struct control *control);

struct control *
control_new(const struct control_options *options, struct diags *diags)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
		return NULL;
	}
	control->options = *options;
	control->settings = options->settings;
	control->tasks_end = &control->tasks;
	control->queue_end = &control->queue;
	control->status.started = wall_now();
	control->status.pae_external = options->settings->pae_external;
	control->publisher.worker_count = options->settings->workers != 0 ? options->settings->workers
		: (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	pthread_mutex_init(&control->lock, NULL);
	control->lock_fd = -1;
	control->stopping = true;	/* takes no tasks before its loop is there */
	control->round = round_new(event_keep, control);
	control->recorder = recorder_new(control);
	if (control->round != NULL && control->recorder != NULL && control_load(control, diags)
	    && start_loop(control, diags))
		return control;
	if (!diag_failed(diags))
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
	control_free(control);
	return NULL;
}

static bool
start_loop(struct control *control, struct diags *diags)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	int status = uv_loop_init(&control->loop);

	if (status != 0)
		goto fail;
	control->loop.data = control;
	status = uv_async_init(&control->loop, &control->wake, on_wake);
	if (status != 0) {
		uv_loop_close(&control->loop);
		goto fail;
	}
	uv_timer_init(&control->loop, &control->tick);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		uv_signal_init(&control->loop, &control->signals[i]);
	pthread_mutex_lock(&control->lock);
	control->stopping = false;	/* from here on close_handles() undoes it */
	pthread_mutex_unlock(&control->lock);
	uv_timer_start(&control->tick, on_tick, TICK_MS, TICK_MS);
	for (size_t i = 0; i < ARRAY_SIZE(signals) && status == 0; i++)
		status = uv_signal_start(&control->signals[i], on_signal, signals[i]);
	if (status != 0)
		goto fail;
	control->outside = outside_new(&control->loop, on_probed, control);
	return control->outside != NULL;
fail:
	diag_error(diags, (struct diag_place){ 0 }, NULL, "can't start the control thread's loop: %s",
	    uv_strerror(status));
	return false;
}

int
control_run(struct control *control)
{
	start_pae(control);
	uv_run(&control->loop, UV_RUN_DEFAULT);
	uv_loop_close(&control->loop);
	return 0;
}

static void
start_pae(struct control *control)
{
	const struct settings *settings = control->settings;
	char *api;
	size_t size = strlen(settings->api_socket) + sizeof("unix:");
	const char *arguments[] = { control->options.pae_program, "--store", settings->store, "--api", NULL, "--models",
	    settings->models, NULL };

	if (control->options.storeless || settings->pae_external || control->options.pae_program == NULL)
		return;
	api = malloc(size);
	if (api == NULL)
		return;
	snprintf(api, size, "unix:%s", settings->api_socket);
	arguments[4] = api;
	control->pae = pae_new(&control->loop, arguments);
	free(api);
}

bool
control_post(struct control *control, void (*run)(void *arg), void *arg)
{
	struct task *task = malloc(sizeof(*task));
	bool taken = false;

	if (task == NULL)
		return false;
	*task = (struct task){ NULL, run, arg };
	pthread_mutex_lock(&control->lock);
	if (!control->stopping) {
		*control->tasks_end = task;
		control->tasks_end = &task->next;
		taken = true;
		/* Under the lock: the handle isn't closed before `stopping` is set. */
		uv_async_send(&control->wake);
	}
	pthread_mutex_unlock(&control->lock);
	if (!taken)
		free(task);
	return taken;
}

static void
on_wake(uv_async_t *handle)
{
	struct control *control = handle->loop->data;
	struct task *task, *next;

	pthread_mutex_lock(&control->lock);
	task = control->tasks;
	control->tasks = NULL;
	control->tasks_end = &control->tasks;
	pthread_mutex_unlock(&control->lock);
	for (; task != NULL; task = next) {
		next = task->next;
		task->run(task->arg);
		free(task);
	}
}

static void
stop_task(void *arg)
{
	close_handles(arg);
}

void
control_stop(struct control *control)
{
	control_post(control, stop_task, control);
}

static void
on_signal(uv_signal_t *handle, int number)
{
	struct control *control = handle->loop->data;

	if (number == SIGHUP)
		control_reload(control, NULL, NULL);
	else
		close_handles(control);
}

static void
close_handles(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	if (control->stopping) {
		pthread_mutex_unlock(&control->lock);
		return;
	}
	control->stopping = true;
	pthread_mutex_unlock(&control->lock);
	on_wake(&control->wake);	/* what was taken is done */
	uv_close((uv_handle_t *)&control->wake, NULL);
	uv_close((uv_handle_t *)&control->tick, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(control->signals); i++)
		uv_close((uv_handle_t *)&control->signals[i], NULL);
	pae_stop(control->pae);
	outside_free(control->outside);
	control->outside = NULL;
	secondaries_close(control->secondaries);
	primaries_close(control->primaries);
	updates_close(control->updates);
}

void
control_free(struct control *control)
{
	if (control == NULL)
		return;
	if (!control->stopping) {	/* it never ran: its handles are still open, and tasks may wait */
		close_handles(control);
		uv_run(&control->loop, UV_RUN_DEFAULT);
		uv_loop_close(&control->loop);
	}
	updates_close(control->updates);
	server_stop(control->publisher.server);
	control->publisher.server = NULL;
	watch_end(control);
	secondaries_free(control->secondaries);
	updates_free(control->updates);
	tsig_keys_fini(&control->tsig_keys);
	encryption_end(control);
	demands_end(control);
	recorder_end(control->recorder);
	store_close(control->store);
	publication_wait(control);
	signing_wait(control->signer);	/* its publication is abandoned only then */
	if (control->signing != NULL)
		publication_abandon(control->signing);
	while (control->queue != NULL) {
		struct publication *p = control->queue;

		control->queue = p->next;
		publication_abandon(p);
	}
	pae_free(control->pae);
	publisher_fini(&control->publisher);
	primaries_free(control->primaries);	/* after the snapshot that leases are read by */
	drill_fini(&control->drill);
	recorder_free(control->recorder);	/* after the snapshot that may live on what it restored */
	round_free(control->round);
	plan_free(control->plan);
	world_free(control->world);
	signing_free(control->signer);
	arrived_free(control->arrived);
	arena_free(control->override_arena);
	free(control->overrides);
	free(control->confirmed);
	if (control->lock_fd >= 0)
		close(control->lock_fd);
	pthread_mutex_destroy(&control->lock);
	free(control);
}

/* --- time ---------------------------------------------------------------------------------------------------- */

static void
on_tick(uv_timer_t *timer)
{
	struct control *control = timer->loop->data;
	struct mono now = mono_now();
	struct wall wall = wall_now();

	round_tick(control->round, now, wall);
	if (control->overrides_stale)
		overrides_load(control);
	overrides_apply(control, wall);
	drains_watch(control, now, wall);
	drills_watch(control, wall);
	if (round_constraints(control->round) != control->publisher.constraints
	    && (control->queue == NULL || control->signing != NULL)
	    && mono_ms_between(control->rebuilt, now) >= REBUILD_AGAIN_MS)
		publication_rebuild(control);
	if (control->signer != NULL && control->queue == NULL && control->signing == NULL
	    && signing_is_due(control->signer, wall))
		publication_resign(control);
	if (certify_is_due(&control->publisher, control->round, now))
		certify_keep(&control->publisher, control->round, control->plan, control_demand(control), now, wall);
	end_overrides(control, now, wall);
	probe_outside(control, now);
	demands_tick(control, now, wall);
	defence_tick(control, now, wall);
	encryption_tick(control, now, wall);
	watch_tick(control, now);
	if (control->arrived == NULL)
		control->arrived = arrived_new();
	if (control->arrived != NULL)
		arrived_tick(control->arrived, control->world, wall);
	secondaries_tick(control->secondaries, &control->loop, now, wall);
	primaries_tick(control->primaries, &control->loop, now, wall);
	updates_tick(control->updates);
	maintain(control, now);
}

/* A drain that has run out is taken from the store, with its row in the journal: one at a time, when nothing else is
 * under way; a store that fails is left alone for a minute. Until that is written, its end counts by the clock alone
 * (round_overrides). */
static void
end_overrides(struct control *control, struct mono now, struct wall wall)
{
	if (control->store == NULL || control->queue != NULL
	    || (control->status.store_failing && mono_ms_between(control->ended, now) < MAINTAIN_MS))
		return;
	for (size_t i = 0; i < control->override_count; i++) {
		const struct override *o = &control->overrides[i];
		struct arena *arena;
		struct change *change;

		if (!drain_is_over(o, wall))
			continue;
		control->ended = now;
		arena = arena_new();
		change = arena == NULL ? NULL : arena_alloc(arena, sizeof(*change));
		if (change == NULL) {
			arena_free(arena);
			return;
		}
		change->arena = arena;
		change->author = "isobard";
		change->subject = arena_text(arena, o->region);
		change->override_delete = o->id;
		describe_end(control, o, change);
		control_change(control, change, NULL, NULL);
		return;
	}
}

static void
describe_end(const struct control *control, const struct override *o, struct change *change)
{
	bool is_drill = strcmp(o->kind, "drill") == 0;
	const char *why = is_drill ? drills_ended_why(control, o) : NULL;
	cJSON *verdict = is_drill ? control_drill(control, o->id, why) : NULL;
	char *text = verdict == NULL ? NULL : json_write(verdict);

	change->action = is_drill ? "drill.end" : "override.expire";
	change->reason = why == NULL ? "its time has run out" : arena_text(change->arena, why);
	if (change->reason == NULL)
		change->reason = "";
	change->note = text == NULL ? NULL : arena_text(change->arena, text);
	free(text);
	cJSON_Delete(verdict);
}

static void
probe_outside(struct control *control, struct mono now)
{
	const struct snapshot *snapshot = control->publisher.current;
	uint32_t interval = snapshot->steering->health_check_interval_ms;

	if (control->outside == NULL || mono_ms_between(control->probed, now) < interval)
		return;
	control->probed = now;
	for (size_t s = 0; s < snapshot->service_count; s++)
		for (size_t i = 0; i < snapshot->services[s].order_count; i++) {
			region_id r = snapshot->services[s].order[i];

			if (round_wants_probe(control->round, r, s))
				outside_probe(control->outside, snapshot, s, r, interval);
		}
}

/* By name: the steering may have changed since the probe began, and its numbers with it. */
static void
on_probed(void *arg, const char *region, const char *service, bool healthy, const char *detail)
{
	struct control *control = arg;
	const struct steering *steering = round_steering(control->round);
	const struct steering_service *s = steering_service_find(steering, service);
	region_id r = steering_region_find(steering, region);

	if (s == NULL || r == NO_REGION)
		return;
	round_probe(control->round, r, (size_t)(s - steering->services), healthy, detail, wall_now());
	round_write(control->round, control->publisher.current);
	recorder_words(control->recorder, wall_now());
}

static void
maintain(struct control *control, struct mono now)
{
	if (control->store == NULL || mono_ms_between(control->maintained, now) < MAINTAIN_MS)
		return;
	control->maintained = now;
	if (!store_submit(control->store, maintain_job, maintain_next, control))
		log_debug("the store is busy: maintenance waits for the next minute");
}

static int
maintain_job(struct store_txn *txn, void *arg)
{
	struct control *control = arg;

	return store_maintain(txn, wall_now(), &control->maintain_more);
}

/* On the writer thread. One bounded piece a transaction, so that reports get in between. */
static void
maintain_next(void *arg, int status)
{
	struct control *control = arg;

	if (status == 0 && control->maintain_more
	    && !store_submit(control->store, maintain_job, maintain_next, control))
		log_debug("the store is busy: the rest of the maintenance waits for the next minute");
	atomic_store(&control->maintain_status, status);
	(void)control_post(control, maintain_told, control);
}

/* Where no report comes, this alone tells of a store that fails. Not of one that's well again: maintenance that finds
 * nothing to write succeeds on a full disk too. */
static void
maintain_told(void *arg)
{
	struct control *control = arg;
	int status = atomic_load(&control->maintain_status);

	if (status != 0)
		control_store_told(control, status);
}

void
control_store_told(struct control *control, int status)
{
	bool failing = status == -ENOSPC || status == -EROFS || status == -EBUSY || status == -EIO;

	if (failing != control->status.store_failing)
		log_warning(failing ? "the store can't be written: reports and changes are refused, answers go on"
			: "the store can be written again");
	control->status.store_failing = failing;
}

const char *
store_missing(const struct control *control)
{
	return control->options.storeless ? "this daemon serves a folder and has no store: edit the files and reload"
		: "the store can't be written since the start (see the log); nothing has changed, answers go on";
}

/* --- views --------------------------------------------------------------------------------------------------- */

const struct settings *
control_settings(const struct control *control)
{
	return control->settings;
}

const struct snapshot *
control_snapshot(const struct control *control)
{
	return control->publisher.current;
}

const struct round *
control_round(const struct control *control)
{
	return control->round;
}

const struct plan *
control_plan_now(const struct control *control)
{
	return control->plan;
}

const struct certificate *
control_certificate(const struct control *control)
{
	return control->publisher.certificate;
}

void
control_lawful(const struct control *control, uint64_t *checked, uint64_t *violations)
{
	publish_lawful(&control->publisher, checked, violations);
}

const struct server *
control_server(const struct control *control)
{
	return control->publisher.server;
}

struct store *
control_store(const struct control *control)
{
	return control->store;
}

const char *
control_zone_text(const struct control *control, const char *name)
{
	const struct world_zone *zone = world_find(control->world, name);

	return zone == NULL ? NULL : zone->text;
}

const struct world *
control_world(const struct control *control)
{
	return control->world;
}

const struct zone *
control_zone_read(const struct control *control, const char *name)
{
	const struct world_zone *zone = world_find(control->world, name);

	return zone == NULL ? NULL : zone->zone;
}

const char *
control_steering_text(const struct control *control)
{
	return control->world->steering_text;
}

const struct drains_state *
control_drains(const struct control *control)
{
	return &control->drains;
}

bool
control_arrived(const struct control *control, size_t i, const char **name, struct zone_validity *validity)
{
	return control->arrived != NULL && arrived_at(control->arrived, i, name, validity);
}

bool
control_arrived_find(const struct control *control, const char *name, struct zone_validity *validity)
{
	return control->arrived != NULL && arrived_find(control->arrived, name, validity);
}

const struct signer *
control_signer(const struct control *control)
{
	return control->signer;
}

struct primaries *
control_primaries(const struct control *control)
{
	return control->primaries;
}

const struct secondaries *
control_secondaries(const struct control *control)
{
	return control->secondaries;
}

size_t
control_overrides(const struct control *control, const struct override **overrides)
{
	*overrides = control->overrides;
	return control->override_count;
}

void
control_status(const struct control *control, struct control_status *status)
{
	*status = control->status;
	status->epoch = control->publisher.epoch;
	status->pae_running = pae_running(control->pae);
	status->pae_restarts = pae_restarts(control->pae);
}

uint64_t
control_answers(const struct control *control, const char *service, const char *region)
{
	return publish_answers(&control->publisher, service, region);
}

void
control_train(struct control *control)
{
	if (control->pae != NULL)
		pae_train(control->pae);
}
