/* control.c -- the control thread: its loop, the queue of what others ask it to do, time that passes.
 * In: tasks from the API's and the store's threads, timers, signals.  Out: live words, publications, outcomes.
 * Threads: its own; control_post() and control_stop() from any.
 *
 * Starting is a ladder whose order must not change:
 *  1. store     (what was acknowledged is the truth; without it nothing can be imported)
 *  2. world     (from the store, or the folder when the store is empty)
 *  3. plan      (the last certified one, so that a restart doesn't move clients)
 *  4. snapshot, round (the newest reports make the live words, so no dead region is answered at first)
 *  5. workers   (the first answer may go out only now)
 *  6. probes and the PAE (they need a running loop) */
#include "control/control.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "control/state.h"

#define TICK_MS 250		/* resolution of silence, drains' ends and probes; a fraction of any sensible interval */
#define MAINTAIN_MS 60000	/* rollups and retention */

static bool open_store(struct control *control, struct diags *diags);
static bool load_world(struct control *control, struct diags *diags);
static bool load_stored(struct control *control, struct store_reader *reader, struct diags *diags);
static bool import_folder(struct control *control, struct diags *diags);
static int import_job(struct store_txn *txn, void *arg);
static void load_plan(struct control *control);
static bool publish_first(struct control *control, struct diags *diags);
static bool publish_stored(struct control *control, struct diags *diags);
static void load_reports(struct control *control);
static bool start_server(struct control *control, struct diags *diags);
static bool start_loop(struct control *control, struct diags *diags);
static void start_pae(struct control *control);
static void on_wake(uv_async_t *handle);
static void on_signal(uv_signal_t *handle, int number);
static void on_tick(uv_timer_t *timer);
static void end_overrides(struct control *control, struct wall now);
static void probe_outside(struct control *control, struct mono now);
static void maintain(struct control *control, struct mono now);
static int maintain_job(struct store_txn *txn, void *arg);
static void on_probed(void *arg, region_id region, size_t service, bool healthy, const char *detail);
static void on_event(void *arg, const struct health_event *event);
static void close_handles(struct control *control);
static void fail(struct diags *diags, const char *what, const struct text *why);

struct control *
control_new(const struct control_options *options, struct diags *diags)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL) {
		fail(diags, "out of memory", NULL);
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
	uv_loop_init(&control->loop);
	control->loop.data = control;
	control->round = round_new(on_event, control);
	if (control->round != NULL && open_store(control, diags) && load_world(control, diags)
	    && publish_first(control, diags) && start_server(control, diags) && start_loop(control, diags))
		return control;
	if (!diag_failed(diags))
		fail(diags, "out of memory", NULL);
	control_free(control);
	return NULL;
}

static void
fail(struct diags *diags, const char *what, const struct text *why)
{
	if (why != NULL && why->bytes != NULL)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "%s: %s", what, why->bytes);
	else
		diag_error(diags, (struct diag_place){ 0 }, NULL, "%s", what);
}

static bool
open_store(struct control *control, struct diags *diags)
{
	const struct settings *settings = control->settings;
	struct store_options options = {
		.path = settings->store, .keep_samples_ms = settings->keep_samples_ms,
		.keep_minutes_ms = settings->keep_minutes_ms, .keep_hours_ms = settings->keep_hours_ms,
		.keep_reports_ms = settings->keep_reports_ms,
	};
	struct text error = { 0 };

	if (control->options.storeless)
		return true;
	control->store = store_open(&options, &error);
	if (control->store == NULL)
		fail(diags, "store", &error);
	text_fini(&error);
	return control->store != NULL;
}

static bool
load_world(struct control *control, struct diags *diags)
{
	struct text error = { 0 };
	struct store_reader *reader;
	bool loaded;

	if (control->options.storeless)
		return import_folder(control, diags);
	reader = store_reader_open(control->settings->store, &error);
	if (reader == NULL) {
		fail(diags, "store", &error);
		text_fini(&error);
		return false;
	}
	loaded = load_stored(control, reader, diags);
	control->status.revision = store_revision(reader);
	store_reader_close(reader);
	if (loaded && control->world->zone_count == 0 && *control->world->steering_text == '\0') {
		world_free(control->world);
		control->world = NULL;
		loaded = import_folder(control, diags);
	}
	if (loaded && overrides_load(control))
		load_plan(control);
	return loaded;
}

struct stored { struct zone_text *zones; size_t count; bool failed; };

static bool
on_stored_zone(void *arg, const char *name, const char *text)
{
	struct stored *stored = arg;
	struct zone_text *zones = realloc(stored->zones, (stored->count + 1) * sizeof(*zones));

	stored->failed |= zones == NULL;
	if (zones == NULL)
		return false;
	stored->zones = zones;
	zones[stored->count++] = (struct zone_text){ strdup(name), strdup(name), strdup(text) };
	return true;
}

static bool
load_stored(struct control *control, struct store_reader *reader, struct diags *diags)
{
	struct stored stored = { 0 };
	struct text steering = { 0 };
	struct world_edit edit = { .whole = true, .steering_file = "steering.yaml" };
	int status = store_zones(reader, on_stored_zone, &stored);

	if (status == 0)
		status = store_steering(reader, &steering);
	edit.zones = stored.zones;
	edit.zone_count = stored.count;
	edit.steering = steering.bytes == NULL ? "" : steering.bytes;
	if (status == 0 && !stored.failed)
		control->world = world_edit(NULL, &edit, diags);
	else
		fail(diags, "the store's zones can't be read", NULL);
	for (size_t i = 0; i < stored.count; i++) {
		free((char *)(uintptr_t)stored.zones[i].file);
		free((char *)(uintptr_t)stored.zones[i].name);
		free((char *)(uintptr_t)stored.zones[i].text);
	}
	free(stored.zones);
	text_fini(&steering);
	return control->world != NULL;
}

/* The zones folder: what is served without a store, and the first content of an empty one. */
static bool
import_folder(struct control *control, struct diags *diags)
{
	static const struct world_edit empty = { .whole = true, .steering_file = "steering.yaml" };
	struct world_folder folder;

	if (!control->options.storeless && access(control->settings->zones, F_OK) != 0) {
		log_warning("there is no folder %s to import; every query is refused until zones are applied",
		    control->settings->zones);
		control->world = world_edit(NULL, &empty, diags);
		return control->world != NULL;
	}
	if (world_folder_read(&folder, control->settings->zones, diags))
		control->world = world_edit(NULL, &folder.edit, diags);
	world_folder_fini(&folder);
	if (control->world == NULL)
		return false;
	if (control->store != NULL && store_call(control->store, import_job, control) != 0) {
		fail(diags, "the zones folder can't be imported: the store can't be written", NULL);
		return false;
	}
	return true;
}

static int
import_job(struct store_txn *txn, void *arg)
{
	struct control *control = arg;
	int status = 0;

	for (size_t i = 0; i < control->world->zone_count && status == 0; i++)
		status = store_zone_put(txn, control->world->zones[i]->name, control->world->zones[i]->text);
	if (status == 0)
		status = store_steering_put(txn, control->world->steering_text);
	if (status == 0)
		status = store_journal_add(txn, wall_now(), "isobard", "import", "the store was empty", "{}",
		    &control->status.revision);
	return status;
}

static void
load_plan(struct control *control)
{
	struct text error = { 0 }, body = { 0 };
	struct diags ignored = { 0 };
	struct store_reader *reader = store_reader_open(control->settings->store, &error);

	if (reader != NULL && store_latest_plan(reader, &control->publisher.epoch, &body) == 0 && body.bytes != NULL
	    && body.length > 0)
		control->plan = plan_read(body.bytes, body.length, control->world->steering, &ignored);
	if (control->plan != NULL)
		control->status.planned = control->plan->made;
	diag_fini(&ignored);
	text_fini(&body);
	text_fini(&error);
	store_reader_close(reader);
}

static bool
publish_first(struct control *control, struct diags *diags)
{
	if (!publish_stored(control, diags))
		return false;
	if (control->store != NULL) {
		load_reports(control);
		/* The reports may narrow what was just built. Nobody has seen that yet. */
		if (round_constraints(control->round) > 0 && !publish_stored(control, diags))
			return false;
	}
	overrides_apply(control);
	return true;
}

static bool
publish_stored(struct control *control, struct diags *diags)
{
	struct candidate candidate;
	struct text why = { 0 };
	bool built = publish_build(&control->publisher, control->world, control->round, control->plan, &candidate, &why);

	if (!built && control->plan != NULL) {
		log_warning("the stored plan doesn't fit any more (%s); static weights stand", why.bytes);
		text_fini(&why);
		plan_free(control->plan);
		control->plan = NULL;
		built = publish_build(&control->publisher, control->world, control->round, NULL, &candidate, &why);
	}
	if (!built)
		fail(diags, "the first snapshot can't be built", &why);
	text_fini(&why);
	if (!built || publish_commit(&control->publisher, &candidate, control->round, mono_now(), wall_now()) != 0)
		return false;
	control->status.published = wall_now();
	return true;
}

static bool
on_latest_report(void *arg, const char *region, const char *agent, struct wall received, const char *json)
{
	struct control *control = arg;
	struct diags ignored = { 0 };
	struct report *report = report_read(json, strlen(json), region, &ignored);
	struct mono heard = mono_add_ms(mono_now(), received.ms - wall_now().ms);

	(void)agent;
	if (report != NULL && round_report(control->round, report, heard, received) != ROUND_TAKEN)
		report_free(report);
	diag_fini(&ignored);
	return true;
}

static void
load_reports(struct control *control)
{
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(control->settings->store, &error);

	if (reader != NULL && store_latest_reports(reader, on_latest_report, control) != 0)
		log_warning("the newest reports can't be read; regions are unknown until they report");
	store_reader_close(reader);
	text_fini(&error);
}

static bool
start_server(struct control *control, struct diags *diags)
{
	const struct settings *settings = control->settings;
	struct server_listen *listens = calloc(settings->listener_count + 1, sizeof(*listens));
	struct server_options options = {
		.listen_count = settings->listener_count, .listens = listens,
		.workers = control->publisher.worker_count, .udp_payload = settings->udp_payload,
		.tcp_idle_ms = settings->tcp_idle_timeout_ms, .tcp_connections = settings->tcp_connections,
		.tcp_connections_per_client = settings->tcp_connections_per_client,
		.tcp_in_flight = settings->tcp_queries_in_flight,
	};
	struct text error = { 0 };

	if (listens == NULL)
		return false;
	for (size_t i = 0; i < settings->listener_count; i++)
		listens[i] = (struct server_listen){ settings->listeners[i].address, settings->listeners[i].port };
	control->publisher.server = server_start(&options, control->publisher.current, &error);
	if (control->publisher.server == NULL)
		fail(diags, "listen", &error);
	text_fini(&error);
	free(listens);
	return control->publisher.server != NULL;
}

static bool
start_loop(struct control *control, struct diags *diags)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	(void)diags;
	uv_async_init(&control->loop, &control->wake, on_wake);
	uv_timer_init(&control->loop, &control->tick);
	uv_timer_start(&control->tick, on_tick, TICK_MS, TICK_MS);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		uv_signal_init(&control->loop, &control->signals[i]);
		uv_signal_start(&control->signals[i], on_signal, signals[i]);
	}
	control->outside = outside_new(&control->loop, on_probed, control);
	return control->outside != NULL;
}

int
control_run(struct control *control)
{
	start_pae(control);
	uv_run(&control->loop, UV_RUN_DEFAULT);
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
}

void
control_free(struct control *control)
{
	if (control == NULL)
		return;
	server_stop(control->publisher.server);
	store_close(control->store);
	while (control->queue != NULL) {
		struct publication *p = control->queue;

		control->queue = p->next;
		publication_abandon(p);
	}
	pae_free(control->pae);
	uv_loop_close(&control->loop);
	publisher_fini(&control->publisher);
	round_free(control->round);
	plan_free(control->plan);
	world_free(control->world);
	arena_free(control->override_arena);
	free(control->overrides);
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
	overrides_apply(control);
	end_overrides(control, wall);
	probe_outside(control, now);
	maintain(control, now);
}

/* A drain that has run out is taken from the store, with its row in the journal. Until that is written, its end counts
 * by the clock alone (overrides_apply). */
static void
end_overrides(struct control *control, struct wall now)
{
	for (size_t i = 0; i < control->override_count; i++) {
		const struct override *o = &control->overrides[i];
		struct arena *arena;
		struct change *change;

		if (o->until.ms == 0 || o->until.ms > now.ms || control->queue != NULL || control->status.store_failing)
			continue;
		arena = arena_new();
		change = arena == NULL ? NULL : arena_alloc(arena, sizeof(*change));
		if (change == NULL) {
			arena_free(arena);
			return;
		}
		change->arena = arena;
		change->action = "override.expire";
		change->author = "isobard";
		change->reason = "its time has run out";
		change->subject = arena_text(arena, o->region);
		change->override_delete = o->id;
		control_change(control, change, NULL, NULL);
		return;
	}
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

static void
on_probed(void *arg, region_id region, size_t service, bool healthy, const char *detail)
{
	struct control *control = arg;

	round_probe(control->round, region, service, healthy, detail, wall_now());
	round_write(control->round, control->publisher.current);
}

static void
maintain(struct control *control, struct mono now)
{
	if (control->store == NULL || mono_ms_between(control->maintained, now) < MAINTAIN_MS)
		return;
	control->maintained = now;
	if (!store_submit(control->store, maintain_job, NULL, NULL))
		log_debug("the store is busy: maintenance waits for the next minute");
}

static int
maintain_job(struct store_txn *txn, void *arg)
{
	bool more = true;
	int status = 0;

	(void)arg;
	for (int i = 0; i < 8 && more && status == 0; i++)
		status = store_maintain(txn, wall_now(), &more);
	return status;
}

/* --- health events ------------------------------------------------------------------------------------------- */

struct event_job {
	struct health_event event;
	char text[];
};

static int
event_store(struct store_txn *txn, void *arg)
{
	const struct event_job *job = arg;

	return store_health_event_put(txn, &job->event);
}

static void
event_stored(void *arg, int status)
{
	if (status != 0)
		log_warning("a health event couldn't be stored: %s", strerror(-status));
	free(arg);
}

static void
on_event(void *arg, const struct health_event *event)
{
	struct control *control = arg;
	size_t region = strlen(event->region) + 1, service = strlen(event->service) + 1, state = strlen(event->state) + 1;
	size_t cause = strlen(event->cause) + 1;
	struct event_job *job;

	log_info("region %s%s%s: %s: %s", event->region, *event->service != '\0' ? ", " : "", event->service,
	    event->state, event->cause);
	if (control->store == NULL)
		return;
	job = malloc(sizeof(*job) + region + service + state + cause);
	if (job == NULL)
		return;
	job->event.at = event->at;
	job->event.region = memcpy(job->text, event->region, region);
	job->event.service = memcpy(job->text + region, event->service, service);
	job->event.state = memcpy(job->text + region + service, event->state, state);
	job->event.cause = memcpy(job->text + region + service + state, event->cause, cause);
	if (!store_submit(control->store, event_store, event_stored, job))
		free(job);
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

const char *
control_steering_text(const struct control *control)
{
	return control->world->steering_text;
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
