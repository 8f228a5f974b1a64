/* test_control.c -- control/ as a whole: a real control thread with its store, workers and sockets.
 * The test's thread speaks to it only by control_post(), and asks DNS questions by UDP. Each case has a folder of its
 * own; what is awaited is looked for again and again up to DEADLINE_MS. */
#include "control/control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "dns/name.h"
#include "store/txn.h"
#include "suite.h"

#define DEADLINE_MS 20000

static const char gtm[] = "$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
	"eu._region.www IN A 192.0.2.1\nus._region.www IN A 192.0.2.2\n"
	"eu._region.db IN A 192.0.2.1\nus._region.db IN A 192.0.2.2\n";
static const char plain[] =
	"$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n";

#define STEERING(regions, more) "health-check-interval: 1s\n" regions \
	"client-groups: {a: {networks: [127.0.0.0/8]}}\n" \
	"services:\n" \
	"  www.gtm.example.: {sharding-policy: predictive, regions: {eu: {weight: 1}, us: {weight: 1}}}\n" more
#define EU_US "regions: {eu: {capacity: 1k}, us: {capacity: 1k}}\n"
#define US_EU "regions: {us: {capacity: 1k}, eu: {capacity: 1k}}\n"
#define DB "  db.gtm.example.: {sharding-policy: priority, regions: [eu, us]}\n"

static const char steering[] = STEERING(EU_US, DB);
static const char steering_turned[] = STEERING(US_EU, DB);
static const char steering_without_www[] = "regions: {eu: {capacity: 1k}, us: {capacity: 1k}}\nservices:\n" DB;

/* --- the stage ----------------------------------------------------------------------------------------------- */

struct stage {
	char folder[64];
	struct settings *settings;
	struct control_options options;
	struct control *control;
	pthread_t thread;
	int exit_status;
};

static void
put_file(const struct stage *stage, const char *name, const char *text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", stage->folder, name);
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static void
stage_prepare(struct stage *stage)
{
	struct diags diags = { 0 };
	char yaml[1000], zones[100];

	memset(stage, 0, sizeof(*stage));
	strcpy(stage->folder, "/tmp/isobar-control-XXXXXX");
	if (mkdtemp(stage->folder) == NULL)
		abort();
	snprintf(zones, sizeof(zones), "%s/zones", stage->folder);
	if (mkdir(zones, 0755) != 0)
		abort();
	put_file(stage, "zones/gtm.example.zone", gtm);
	put_file(stage, "zones/steering.yaml", steering);
	snprintf(yaml, sizeof(yaml), "listen: [127.0.0.1@0]\nworkers: 2\nzones: %s\nstore: %s/isobar.db\nmodels: %s\n"
	    "api: {socket: %s/api.sock}\n", zones, stage->folder, stage->folder, stage->folder);
	stage->settings = settings_read(yaml, "isobar.yaml", &diags);
	if (stage->settings == NULL)
		abort();
	stage->options.settings = stage->settings;
}

static void *
thread_main(void *arg)
{
	struct stage *stage = arg;

	stage->exit_status = control_run(stage->control);
	return NULL;
}

/* The errors when it doesn't start, "" when it does; the caller frees. */
static char *
stage_new(struct stage *stage)
{
	struct diags diags = { 0 };
	struct text errors = { 0 };

	stage->control = control_new(&stage->options, &diags);
	diag_print(&diags, &errors);
	diag_fini(&diags);
	text_puts(&errors, "");
	return text_take(&errors);
}

static void
stage_start(struct stage *stage)
{
	char *errors = stage_new(stage);

	if (stage->control == NULL) {
		fprintf(stderr, "%s", errors);
		abort();
	}
	free(errors);
	stage->exit_status = -1;
	if (pthread_create(&stage->thread, NULL, thread_main, stage) != 0)
		abort();
}

static void
stage_stop(struct stage *stage)
{
	control_stop(stage->control);
	pthread_join(stage->thread, NULL);
	CU_ASSERT_EQUAL(stage->exit_status, 0);
	control_free(stage->control);
	stage->control = NULL;
}

static void
stage_remove(struct stage *stage)
{
	char command[100];

	settings_free(stage->settings);
	snprintf(command, sizeof(command), "rm -rf %s", stage->folder);
	if (system(command) != 0)
		abort();
}

static void
stage_open(struct stage *stage)
{
	stage_prepare(stage);
	stage_start(stage);
}

static void
stage_close(struct stage *stage)
{
	stage_stop(stage);
	stage_remove(stage);
}

/* --- on the control thread ----------------------------------------------------------------------------------- */

struct call {
	void (*run)(void *arg);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool finished;
};

static void
call_run(void *arg)
{
	struct call *call = arg;

	call->run(call->arg);
	pthread_mutex_lock(&call->lock);
	call->finished = true;
	pthread_cond_signal(&call->wake);
	pthread_mutex_unlock(&call->lock);
}

static void
on_control(struct stage *stage, void (*run)(void *arg), void *arg)
{
	struct call call = { .run = run, .arg = arg };

	pthread_mutex_init(&call.lock, NULL);
	pthread_cond_init(&call.wake, NULL);
	if (!control_post(stage->control, call_run, &call))
		abort();
	pthread_mutex_lock(&call.lock);
	while (!call.finished)
		pthread_cond_wait(&call.wake, &call.lock);
	pthread_mutex_unlock(&call.lock);
	pthread_cond_destroy(&call.wake);
	pthread_mutex_destroy(&call.lock);
}

static bool
await(struct stage *stage, bool (*reached)(struct stage *stage, void *arg), void *arg)
{
	struct mono began = mono_now();
	bool good;

	while (!(good = reached(stage, arg)) && mono_ms_between(began, mono_now()) < DEADLINE_MS)
		usleep(10000);
	return good;
}

/* What an outcome says, kept after it. `told` counts up; the order is that of all outcomes of the case. */
struct told {
	_Atomic bool told;
	unsigned order;
	enum outcome_status status;
	uint64_t revision, epoch;
	char message[160], error[400];
	size_t zone_count, moved_count;
	double moved;
	bool steering_changed;
	int64_t override_id;
};

static unsigned told_order;

static void
on_outcome(void *arg, const struct outcome *outcome)
{
	struct told *told = arg;

	told->order = told_order++;
	told->status = outcome->status;
	told->revision = outcome->revision;
	told->epoch = outcome->epoch;
	snprintf(told->message, sizeof(told->message), "%s", outcome->message);
	for (size_t i = 0; i < outcome->diags->count && told->error[0] == '\0'; i++)
		snprintf(told->error, sizeof(told->error), "%s", outcome->diags->list[i].message);
	told->zone_count = outcome->zone_count;
	told->moved_count = outcome->moved_count;
	told->moved = outcome->moved_count > 0 ? outcome->moves[0].share : 0;
	told->steering_changed = outcome->steering_changed;
	told->override_id = outcome->override_id;
	told->told = true;
}

static bool
is_told(struct stage *stage UNUSED, void *arg)
{
	struct told *told = arg;

	return told->told;
}

static void
await_told(struct stage *stage, struct told *told)
{
	if (!await(stage, is_told, told))
		CU_FAIL("no outcome");
}

/* --- what is submitted --------------------------------------------------------------------------------------- */

struct submission {
	struct stage *stage;
	const char *zone, *text;	/* text NULL: delete */
	const char *steering;
	const char *drain;		/* region */
	double share;
	int64_t for_ms;
	int64_t override_delete;
	bool dry_run, nobody_waits;
	const char *plan;
	const char *report, *region;
	struct told told;
};

static void
submit_change(struct submission *s)
{
	struct arena *arena = arena_new();
	struct change *change = arena == NULL ? NULL : arena_alloc(arena, sizeof(*change));
	struct zone_text zone = { .file = "request", .name = s->zone, .text = s->text };

	if (change == NULL)
		abort();
	*change = (struct change){ .arena = arena, .action = "test", .author = "tester", .reason = "because",
		.subject = "", .dry_run = s->dry_run, .steering = s->steering, .override_delete = s->override_delete };
	if (s->zone != NULL) {
		change->zone_count = 1;
		change->zones = arena_copy(arena, &zone, sizeof(zone));
	}
	if (s->drain != NULL) {
		struct override drain = { .kind = "drain", .region = s->drain, .service = "", .value = s->share,
			.reason = "because", .author = "tester", .from = wall_now() };

		drain.until.ms = s->for_ms == 0 ? 0 : drain.from.ms + s->for_ms;
		change->override = arena_copy(arena, &drain, sizeof(drain));
	}
	control_change(s->stage->control, change, s->nobody_waits ? NULL : on_outcome, &s->told);
}

static void
submit_plan(struct submission *s)
{
	struct diags diags = { 0 };
	struct plan *plan = plan_read(s->plan, strlen(s->plan), control_snapshot(s->stage->control)->steering, &diags);

	if (plan == NULL)
		abort();
	control_plan(s->stage->control, plan, on_outcome, &s->told);
}

static void
submit_report(struct submission *s)
{
	struct diags diags = { 0 };
	struct report *report = report_read(s->report, strlen(s->report), s->region, &diags);

	if (report == NULL)
		abort();
	control_report(s->stage->control, report, on_outcome, &s->told);
}

static void
submit(void *arg)
{
	struct submission *s = arg;

	if (s->plan != NULL)
		submit_plan(s);
	else if (s->report != NULL)
		submit_report(s);
	else
		submit_change(s);
}

/* Submits it, waits, and gives what came of it. */
static const struct told *
outcome_of(struct stage *stage, struct submission *s)
{
	s->stage = stage;
	memset(&s->told, 0, sizeof(s->told));
	on_control(stage, submit, s);
	await_told(stage, &s->told);
	return &s->told;
}

struct batch {
	struct stage *stage;
	struct submission *list;
	size_t count;
};

static void
submit_batch(void *arg)
{
	struct batch *batch = arg;

	for (size_t i = 0; i < batch->count; i++) {
		batch->list[i].stage = batch->stage;
		submit(&batch->list[i]);
	}
}

/* All of them in one task, so that they wait for each other. */
static void
outcomes_of(struct stage *stage, struct submission *list, size_t count)
{
	told_order = 0;
	on_control(stage, submit_batch, &(struct batch){ stage, list, count });
	for (size_t i = 0; i < count; i++)
		if (!list[i].nobody_waits)
			await_told(stage, &list[i].told);
}

/* --- what is seen -------------------------------------------------------------------------------------------- */

struct view {
	struct stage *stage;
	struct control_status status;
	size_t zones, overrides;
	double drained, share;		/* of eu: drain, and slots of www for group a */
	bool dead, accepts, planned;
	enum region_state state;
};

static void
look(void *arg)
{
	struct view *view = arg;
	const struct control *control = view->stage->control;
	const struct snapshot *snapshot = control_snapshot(control);
	const struct steering *now = snapshot->steering;
	const struct steering_service *www = steering_service_find(now, "www.gtm.example.");
	region_id eu = steering_region_find(now, "eu");
	const struct override *overrides;

	control_status(control, &view->status);
	view->zones = snapshot->zone_count;
	view->overrides = control_overrides(control, &overrides);
	view->planned = control_plan_now(control) != NULL;
	view->share = -1;
	if (eu == NO_REGION)
		return;
	view->drained = round_region(control_round(control), eu)->drained_to;
	view->state = round_region(control_round(control), eu)->state;
	if (www != NULL) {
		const struct service *service = &snapshot->services[www - now->services];
		const struct slot_table *table = service->tables[now->group_count - 1];
		uint32_t count = 0;

		for (uint32_t i = 0; i < table->count; i++)
			count += table->slots[i].list[0] == eu;
		view->share = (double)count / table->count;
		view->dead = live_is_dead(service->live, eu);
	}
}

static struct view
seen(struct stage *stage)
{
	struct view view = { .stage = stage };

	on_control(stage, look, &view);
	return view;
}

/* The rcode of an answer to NAME SOA, or -1. */
static int
ask(struct stage *stage, const char *name)
{
	uint8_t query[300] = { 0x12, 0x34, 0, 0, 0, 1 }, answer[1500];
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(server_port(control_server(stage->control), 0)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), rcode = -1;
	size_t length = 12 + name_parse(name, query + 12);

	query[length + 1] = 6;
	query[length + 3] = 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (sendto(fd, query, length + 4, 0, (struct sockaddr *)&to, sizeof(to)) > 0
	    && recv(fd, answer, sizeof(answer), 0) > 12)
		rcode = answer[3] & 15;
	close(fd);
	return rcode;
}

#define PLAN(eu, us) "{\"made\":\"2026-01-01T00:00:00Z\",\"services\":[{\"service\":\"www.gtm.example.\",\"groups\":" \
	"[{\"group\":\"default\",\"pairs\":[{\"primary\":\"eu\",\"backup\":\"us\",\"share\":" eu "}," \
	"{\"primary\":\"us\",\"backup\":\"eu\",\"share\":" us "}]}]}]}"

static char *
report_json(unsigned long long sequence, int64_t ahead_ms, unsigned healthy, const char *accepts)
{
	char time[CLOCK_TEXT_SIZE];
	struct text json = { 0 };

	text_printf(&json,
	    "{\"agent\":\"r\",\"sequence\":%llu,\"time\":\"%s\",\"backends\":[{\"name\":\"b\",\"service\":"
	    "\"www.gtm.example.\",\"address\":\"192.0.2.1:80\",\"healthy\":%s}]%s%s%s}", sequence,
	    wall_text((struct wall){ wall_now().ms + ahead_ms }, time), healthy > 0 ? "true" : "false",
	    accepts == NULL ? "" : ",\"residency\":{\"accepts\":[\"", accepts == NULL ? "" : accepts,
	    accepts == NULL ? "" : "\"]}");
	return text_take(&json);
}

static struct told
report(struct stage *stage, unsigned long long sequence, int64_t ahead_ms, const char *region, unsigned healthy,
	const char *accepts)
{
	char *json = report_json(sequence, ahead_ms, healthy, accepts);
	struct told told = *outcome_of(stage, &(struct submission){ .report = json, .region = region });

	free(json);
	return told;
}

/* --- changes ------------------------------------------------------------------------------------------------- */

static void
test_queue(void)
{
	struct stage stage;
	struct submission list[] = {
		{ .zone = "a.example.", .text = plain },
		{ .zone = "b.example.", .text = "nonsense" },
		{ .zone = "b.example.", .text = plain },
		{ .zone = "nowhere.example.", .text = NULL },
		{ .zone = "a.example.", .text = NULL },
		{ .steering = "regions: 7\n" },
		{ .drain = "eu", .share = 0.5 },
		{ .override_delete = 99 },
	};
	static const enum outcome_status expected[] = { OUTCOME_DONE, OUTCOME_INVALID, OUTCOME_DONE, OUTCOME_INVALID,
		OUTCOME_DONE, OUTCOME_INVALID, OUTCOME_DONE, OUTCOME_NOT_FOUND };
	uint64_t revision = 1;	/* the import */

	stage_open(&stage);
	CU_ASSERT_EQUAL(seen(&stage).zones, 1);
	CU_ASSERT_EQUAL(seen(&stage).status.revision, 1);
	CU_ASSERT_EQUAL(ask(&stage, "gtm.example."), 0);
	CU_ASSERT_EQUAL(ask(&stage, "b.example."), 5);
	outcomes_of(&stage, list, ARRAY_SIZE(list));
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		CU_ASSERT_EQUAL(list[i].told.order, i);
		CU_ASSERT_EQUAL(list[i].told.status, expected[i]);
		if (expected[i] == OUTCOME_DONE)
			CU_ASSERT_EQUAL(list[i].told.revision, ++revision);
		CU_ASSERT_EQUAL(list[i].told.error[0] != '\0', expected[i] == OUTCOME_INVALID);
	}
	CU_ASSERT_NOT_EQUAL(list[6].told.override_id, 0);
	CU_ASSERT_EQUAL(seen(&stage).zones, 2);
	CU_ASSERT_EQUAL(seen(&stage).drained, 0.5);
	CU_ASSERT_EQUAL(ask(&stage, "b.example."), 0);
	CU_ASSERT_EQUAL(ask(&stage, "a.example."), 5);
	/* And so it is after a restart, without another import. */
	stage_stop(&stage);
	stage_start(&stage);
	CU_ASSERT_EQUAL(seen(&stage).zones, 2);
	CU_ASSERT_EQUAL(seen(&stage).drained, 0.5);
	CU_ASSERT_EQUAL(seen(&stage).status.revision, revision);
	CU_ASSERT_EQUAL(ask(&stage, "b.example."), 0);
	stage_close(&stage);
}

#define MANY 20000

static void
test_many_refused(void)
{
	struct stage stage;
	struct submission *list = calloc(MANY, sizeof(*list));

	if (list == NULL)
		abort();
	list[0] = (struct submission){ .zone = "a.example.", .text = plain };
	for (size_t i = 1; i < MANY; i++)
		list[i] = (struct submission){ .zone = "nowhere.example.", .text = NULL };
	stage_open(&stage);
	outcomes_of(&stage, list, MANY);
	for (size_t i = 0; i < MANY; i++)
		if (list[i].told.order != i || list[i].told.status != (i == 0 ? OUTCOME_DONE : OUTCOME_INVALID)) {
			CU_FAIL("an outcome is lost or wrong");
			break;
		}
	stage_close(&stage);
	free(list);
}

static void
test_dry_run(void)
{
	struct stage stage;
	const struct told *told;
	struct submission change = { .steering = STEERING(EU_US, ""), .dry_run = true };
	struct submission weights = { .dry_run = true, .steering = "regions: {eu: {capacity: 1k}, us: {capacity: 1k}}\n"
	    "services:\n"
	    "  www.gtm.example.: {sharding-policy: predictive, regions: {eu: {weight: 3}, us: {weight: 1}}}\n" };

	stage_open(&stage);
	told = outcome_of(&stage, &change);
	CU_ASSERT_EQUAL(told->status, OUTCOME_DONE);
	CU_ASSERT(told->steering_changed);
	CU_ASSERT_EQUAL(told->moved_count, 0);
	told = outcome_of(&stage, &weights);
	CU_ASSERT_EQUAL(told->moved_count, 1);
	CU_ASSERT_DOUBLE_EQUAL(told->moved, 0.25, 0.01);
	CU_ASSERT_EQUAL(told->revision, 0);
	CU_ASSERT_EQUAL(seen(&stage).status.revision, 1);
	CU_ASSERT_EQUAL(seen(&stage).status.epoch, 1);
	weights.dry_run = false;
	told = outcome_of(&stage, &weights);
	CU_ASSERT_DOUBLE_EQUAL(told->moved, 0.25, 0.01);
	CU_ASSERT_EQUAL(seen(&stage).status.epoch, 2);
	CU_ASSERT_DOUBLE_EQUAL(seen(&stage).share, 0.75, 0.01);
	stage_close(&stage);
}

static bool
drain_is_gone(struct stage *stage, void *arg UNUSED)
{
	struct view view = seen(stage);

	return view.drained == 1 && view.overrides == 0;
}

static void
test_drain_ends(void)
{
	struct stage stage;
	struct view view;

	stage_open(&stage);
	CU_ASSERT_EQUAL(outcome_of(&stage, &(struct submission){ .drain = "eu", .share = 0, .for_ms = 700 })->status,
	    OUTCOME_DONE);
	CU_ASSERT_EQUAL(outcome_of(&stage, &(struct submission){ .drain = "us", .share = 0.25 })->status, OUTCOME_DONE);
	view = seen(&stage);
	CU_ASSERT_EQUAL(view.drained, 0);
	CU_ASSERT_EQUAL(view.overrides, 2);
	CU_ASSERT_EQUAL(view.status.revision, 3);
	CU_ASSERT_EQUAL(outcome_of(&stage, &(struct submission){ .override_delete = 2 })->status, OUTCOME_DONE);
	CU_ASSERT(await(&stage, drain_is_gone, NULL));
	CU_ASSERT_EQUAL(seen(&stage).status.revision, 5);
	stage_close(&stage);
}

/* Nothing comes back that an operator has deleted. */
static void
test_emptied(void)
{
	struct stage stage;
	struct submission list[] = { { .steering = "" }, { .zone = "gtm.example.", .text = NULL } };

	stage_open(&stage);
	outcomes_of(&stage, list, 2);
	CU_ASSERT_EQUAL(list[1].told.status, OUTCOME_DONE);
	stage_stop(&stage);
	stage_start(&stage);
	CU_ASSERT_EQUAL(seen(&stage).zones, 0);
	CU_ASSERT_EQUAL(ask(&stage, "gtm.example."), 5);
	stage_close(&stage);
}

/* --- plans --------------------------------------------------------------------------------------------------- */

static void
test_plans(void)
{
	struct stage stage;
	struct submission list[] = {
		{ .plan = PLAN("0.75", "0.25") },
		{ .steering = steering_turned },
		{ .plan = PLAN("0.9", "0.1") },		/* read for the steering before */
		{ .steering = steering_without_www },
		{ .plan = PLAN("0.5", "0.5") },
	};

	stage_open(&stage);
	CU_ASSERT_FALSE(seen(&stage).planned);
	outcomes_of(&stage, list, 3);
	CU_ASSERT_EQUAL(list[0].told.status, OUTCOME_DONE);
	CU_ASSERT_EQUAL(list[1].told.status, OUTCOME_DONE);
	CU_ASSERT_EQUAL(list[1].told.moved_count, 0);	/* the plan goes on with the regions' new numbers */
	CU_ASSERT_EQUAL(list[2].told.status, OUTCOME_DONE);
	CU_ASSERT_DOUBLE_EQUAL(seen(&stage).share, 0.9, 0.01);
	/* It's the same after a restart. */
	stage_stop(&stage);
	stage_start(&stage);
	CU_ASSERT(seen(&stage).planned);
	CU_ASSERT_DOUBLE_EQUAL(seen(&stage).share, 0.9, 0.01);
	outcomes_of(&stage, list + 3, 2);
	CU_ASSERT_EQUAL(list[3].told.status, OUTCOME_DONE);
	CU_ASSERT_EQUAL(list[4].told.status, OUTCOME_CONFLICT);
	CU_ASSERT_FALSE(seen(&stage).planned);
	CU_ASSERT_EQUAL(seen(&stage).status.planned.ms, 0);
	stage_close(&stage);
}

static void
submit_bad_plan(void *arg)
{
	struct submission *s = arg;
	struct arena *arena = arena_new();
	struct plan_pair *pairs = arena_alloc(arena, 2 * sizeof(*pairs));
	struct plan_group *group = arena_alloc(arena, sizeof(*group));
	struct plan_service *service = arena_alloc(arena, sizeof(*service));
	struct plan *plan = arena_alloc(arena, sizeof(*plan));

	pairs[0] = (struct plan_pair){ 0, 1, 0.9 };
	pairs[1] = (struct plan_pair){ 1, 0, 0.9 };
	*group = (struct plan_group){ .pair_count = 2, .pairs = pairs };
	*service = (struct plan_service){ "www.gtm.example.", 1, group };
	*plan = (struct plan){ .arena = arena, .model = "", .service_count = 1, .services = service };
	control_plan(s->stage->control, plan, on_outcome, &s->told);
}

static void
test_plan_refused(void)
{
	struct stage stage;
	struct submission bad = { .stage = &stage };
	struct view view;

	stage_open(&stage);
	CU_ASSERT_EQUAL(outcome_of(&stage, &(struct submission){ .plan = PLAN("0.75", "0.25") })->status, OUTCOME_DONE);
	on_control(&stage, submit_bad_plan, &bad);
	CU_ASSERT_EQUAL(bad.told.status, OUTCOME_INVALID);
	CU_ASSERT_NOT_EQUAL(bad.told.error[0], '\0');
	view = seen(&stage);
	CU_ASSERT_NOT_EQUAL(view.status.plan_refused[0], '\0');
	CU_ASSERT_DOUBLE_EQUAL(view.share, 0.75, 0.01);
	CU_ASSERT_EQUAL(view.status.epoch, 2);
	CU_ASSERT_EQUAL(outcome_of(&stage, &(struct submission){ .plan = PLAN("0.5", "0.5") })->status, OUTCOME_DONE);
	CU_ASSERT_EQUAL(seen(&stage).status.plan_refused[0], '\0');
	stage_close(&stage);
}

#define STEERING_OF_LAW "health-check-interval: 1s\n" EU_US "client-groups: {a: {networks: [127.0.0.0/8]}}\n" \
	"services:\n  www.gtm.example.: {sharding-policy: predictive, regions: {eu: {weight: 1}, us: {weight: 1}}," \
	" residency: [{clients: [a], regions: [us]}]}\n" DB
#define PLAN_OF_A(more, region, backup, demand) "{\"made\":\"2026-01-01T00:00:00Z\"," more "\"services\":" \
	"[{\"service\":\"www.gtm.example.\",\"groups\":[{\"group\":\"a\",\"demand\":" demand ",\"pairs\":" \
	"[{\"primary\":\"" region "\",\"backup\":" backup ",\"share\":1}]}]}]}"

/* What the law forbade when the plan was made is refused; what it forbids only since then is cut. */
static void
test_plan_forbidden(void)
{
	struct stage stage;
	struct submission list[] = {
		{ .plan = PLAN_OF_A("", "us", "\"eu\"", "10") },
		{ .steering = STEERING_OF_LAW },
		{ .plan = PLAN_OF_A("", "us", "\"eu\"", "10") },	/* waits while the law changes: cut */
		{ .plan = PLAN_OF_A("", "us", "\"eu\"", "10") },
	};

	stage_open(&stage);
	outcomes_of(&stage, list, 3);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(list[i].told.status, OUTCOME_DONE);
	outcomes_of(&stage, list + 3, 1);
	CU_ASSERT_EQUAL(list[3].told.status, OUTCOME_INVALID);
	SUITE_TEXT(seen(&stage).status.plan_refused, "www.gtm.example.: clients of a: the plan backs up 1.0000 of them by "
	    "eu, which residency forbids");
	CU_ASSERT_EQUAL(outcome_of(&stage, &(struct submission){ .plan = PLAN_OF_A("", "eu", "null", "10") })->status,
	    OUTCOME_INVALID);
	SUITE_TEXT(seen(&stage).status.plan_refused, "www.gtm.example.: clients of a: the plan sends 1.0000 of them to eu, "
	    "which residency forbids");
	/* It says itself that it was made before the law was. */
	CU_ASSERT_EQUAL(outcome_of(&stage, &(struct submission){
	    .plan = PLAN_OF_A("\"based_on\":1,", "us", "\"eu\"", "10") })->status, OUTCOME_DONE);
	CU_ASSERT_EQUAL(seen(&stage).status.refused, 2);
	CU_ASSERT_EQUAL(seen(&stage).status.certified, 3);
	stage_close(&stage);
}

/* Overload refuses a plan, in words; an operator's change it doesn't. */
static void
test_plan_overloads(void)
{
	struct stage stage;
	struct submission small = { .plan = PLAN_OF_A("", "eu", "\"us\"", "900") };
	struct submission large = { .plan = PLAN_OF_A("", "us", "\"eu\"", "1100") };
	struct submission less = { .steering = STEERING("regions: {eu: {capacity: 500}, us: {capacity: 500}}\n", DB) };

	stage_open(&stage);
	outcomes_of(&stage, &small, 1);
	CU_ASSERT_EQUAL(small.told.status, OUTCOME_DONE);
	outcomes_of(&stage, &large, 1);
	CU_ASSERT_EQUAL(large.told.status, OUTCOME_INVALID);
	SUITE_TEXT(seen(&stage).status.plan_refused, "us gets 1100 requests/s now and can bear 1000 (1.10)");
	outcomes_of(&stage, &less, 1);
	CU_ASSERT_EQUAL(less.told.status, OUTCOME_DONE);
	CU_ASSERT(seen(&stage).planned);
	stage_close(&stage);
}

/* --- reports ------------------------------------------------------------------------------------------------- */

static void
test_reports(void)
{
	struct stage stage;
	struct told told;

	stage_open(&stage);
	told = report(&stage, 1, 0, "eu", 0, NULL);
	CU_ASSERT_EQUAL(told.status, OUTCOME_DONE);
	CU_ASSERT(seen(&stage).dead);	/* when the outcome is told, it's in force */
	CU_ASSERT_EQUAL(report(&stage, 1, 0, "eu", 1, NULL).status, OUTCOME_DUPLICATE);
	CU_ASSERT_EQUAL(report(&stage, 2, 0, "nowhere", 1, NULL).status, OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(report(&stage, 3, 400000, "eu", 1, NULL).status, OUTCOME_INVALID);
	CU_ASSERT(seen(&stage).dead);
	CU_ASSERT_EQUAL(seen(&stage).status.reports, 1);
	CU_ASSERT_EQUAL(seen(&stage).status.reports_duplicate, 1);
	CU_ASSERT_EQUAL(seen(&stage).status.reports_refused, 2);
	/* A restart knows it before the first answer. */
	stage_stop(&stage);
	stage_start(&stage);
	CU_ASSERT(seen(&stage).dead);
	CU_ASSERT_EQUAL(report(&stage, 1, 0, "eu", 1, NULL).status, OUTCOME_DUPLICATE);
	CU_ASSERT_EQUAL(report(&stage, 5, 0, "eu", 1, NULL).status, OUTCOME_DONE);
	CU_ASSERT(seen(&stage).dead);
	CU_ASSERT_EQUAL(report(&stage, 6, 0, "eu", 1, NULL).status, OUTCOME_DONE);
	CU_ASSERT_FALSE(seen(&stage).dead);
	stage_close(&stage);
}

static bool
share_is(struct stage *stage, void *arg)
{
	double difference = seen(stage).share - *(double *)arg;

	return difference < 0.01 && difference > -0.01;
}

static void
test_constrained(void)
{
	struct stage stage;
	double none = 0, half = 0.5;

	stage_open(&stage);
	CU_ASSERT(share_is(&stage, &half));
	CU_ASSERT_EQUAL(report(&stage, 1, 0, "eu", 1, "default").status, OUTCOME_DONE);
	CU_ASSERT(share_is(&stage, &none));	/* at once: group a isn't accepted any more */
	CU_ASSERT_EQUAL(outcome_of(&stage, &(struct submission){ .steering = steering_turned })->status, OUTCOME_DONE);
	CU_ASSERT(share_is(&stage, &none));
	stage_stop(&stage);
	stage_start(&stage);
	CU_ASSERT(share_is(&stage, &none));
	CU_ASSERT_EQUAL(report(&stage, 2, 0, "eu", 1, NULL).status, OUTCOME_DONE);
	CU_ASSERT(share_is(&stage, &half));
	stage_close(&stage);
}

static bool
is_silent(struct stage *stage, void *arg UNUSED)
{
	return seen(stage).state == REGION_SILENT;
}

static void
test_silence(void)
{
	struct stage stage;

	stage_open(&stage);
	CU_ASSERT_EQUAL(report(&stage, 1, 0, "eu", 1, NULL).status, OUTCOME_DONE);
	CU_ASSERT_EQUAL(seen(&stage).state, REGION_UP);
	CU_ASSERT(await(&stage, is_silent, NULL));
	CU_ASSERT_FALSE(seen(&stage).dead);
	stage_stop(&stage);
	stage_start(&stage);
	CU_ASSERT_EQUAL(seen(&stage).state, REGION_SILENT);	/* not up for a moment */
	stage_close(&stage);
}

/* --- reload -------------------------------------------------------------------------------------------------- */

static void
reload(void *arg)
{
	struct submission *s = arg;

	control_reload(s->stage->control, s->nobody_waits ? NULL : on_outcome, &s->told);
}

static void
test_reload(void)
{
	struct stage stage;
	struct submission s = { .stage = &stage };

	stage_open(&stage);
	on_control(&stage, reload, &s);
	await_told(&stage, &s.told);
	CU_ASSERT_EQUAL(s.told.status, OUTCOME_DONE);
	CU_ASSERT_EQUAL(s.told.moved_count, 0);
	CU_ASSERT_EQUAL(seen(&stage).status.epoch, 2);
	s.nobody_waits = true;
	on_control(&stage, reload, &s);
	stage_close(&stage);
}

static void
test_reload_storeless(void)
{
	struct stage stage;
	struct submission s = { .stage = &stage };

	stage_prepare(&stage);
	stage.options.storeless = true;
	stage_start(&stage);
	CU_ASSERT_EQUAL(ask(&stage, "gtm.example."), 0);
	put_file(&stage, "zones/a.example", plain);
	on_control(&stage, reload, &s);
	CU_ASSERT_EQUAL(s.told.status, OUTCOME_DONE);
	CU_ASSERT_EQUAL(ask(&stage, "a.example."), 0);
	put_file(&stage, "zones/a.example", "nonsense");
	memset(&s.told, 0, sizeof(s.told));
	on_control(&stage, reload, &s);
	CU_ASSERT_EQUAL(s.told.status, OUTCOME_INVALID);
	CU_ASSERT_NOT_EQUAL(s.told.error[0], '\0');
	CU_ASSERT_EQUAL(ask(&stage, "a.example."), 0);
	CU_ASSERT_EQUAL(outcome_of(&stage, &(struct submission){ .zone = "b.example.", .text = plain })->status,
	    OUTCOME_UNAVAILABLE);
	CU_ASSERT_EQUAL(report(&stage, 1, 0, "eu", 1, NULL).status, OUTCOME_UNAVAILABLE);
	stage_close(&stage);
}

/* --- the store ----------------------------------------------------------------------------------------------- */

static int
pragma(struct store_txn *txn, void *arg)
{
	return db_script(txn->db, arg);
}

static bool
is_recorded(struct stage *stage, void *arg UNUSED)
{
	struct text error = { 0 };
	struct arena *arena = arena_new();
	struct store_reader *reader = store_reader_open(stage->settings->store, &error);
	struct epoch_row row;
	bool recorded = reader != NULL && store_epoch_edge(reader, true, arena, &row) == 0;

	store_reader_close(reader);
	arena_free(arena);
	text_fini(&error);
	return recorded;
}

/* What is in service is written behind everything else: not while the store is made to fail. */
static void
stage_open_recorded(struct stage *stage)
{
	stage_open(stage);
	CU_ASSERT(await(stage, is_recorded, NULL));
}

static void
test_full(void)
{
	struct stage stage;
	char full[] = "PRAGMA max_page_count = 1", roomy[] = "PRAGMA max_page_count = 1000000";
	struct text big = { 0 };
	struct submission change = { .zone = "a.example.", .text = NULL };
	struct view view;

	text_puts(&big, plain);
	for (unsigned i = 0; i < 20000; i++)
		text_printf(&big, "n%u IN A 192.0.2.1\n", i);
	change.text = big.bytes;
	stage_open_recorded(&stage);
	CU_ASSERT_EQUAL(store_call(control_store(stage.control), pragma, full), 0);
	CU_ASSERT_EQUAL(outcome_of(&stage, &change)->status, OUTCOME_UNAVAILABLE);
	SUITE_TEXT(change.told.message, "the store's disk is full; nothing has changed, answers go on");
	view = seen(&stage);
	CU_ASSERT(view.status.store_failing);
	CU_ASSERT_EQUAL(view.zones, 1);
	CU_ASSERT_EQUAL(view.status.revision, 1);
	CU_ASSERT_EQUAL(ask(&stage, "gtm.example."), 0);
	CU_ASSERT_EQUAL(ask(&stage, "a.example."), 5);
	CU_ASSERT_EQUAL(store_call(control_store(stage.control), pragma, roomy), 0);
	CU_ASSERT_EQUAL(outcome_of(&stage, &change)->status, OUTCOME_DONE);
	CU_ASSERT_FALSE(seen(&stage).status.store_failing);
	CU_ASSERT_EQUAL(ask(&stage, "a.example."), 0);
	stage_close(&stage);
	text_fini(&big);
}

static void
test_read_only(void)
{
	struct stage stage;
	char only[] = "PRAGMA query_only = 1", writable[] = "PRAGMA query_only = 0";
	struct told told;

	stage_open_recorded(&stage);
	CU_ASSERT_EQUAL(report(&stage, 1, 0, "eu", 1, NULL).status, OUTCOME_DONE);
	(void)store_call(control_store(stage.control), pragma, only);
	told = report(&stage, 2, 0, "eu", 0, NULL);
	CU_ASSERT_EQUAL(told.status, OUTCOME_UNAVAILABLE);
	CU_ASSERT_FALSE(seen(&stage).dead);	/* what isn't durable isn't in force */
	CU_ASSERT_EQUAL(ask(&stage, "gtm.example."), 0);
	(void)store_call(control_store(stage.control), pragma, writable);
	CU_ASSERT_EQUAL(report(&stage, 2, 0, "eu", 0, NULL).status, OUTCOME_DONE);
	CU_ASSERT(seen(&stage).dead);
	CU_ASSERT_FALSE(seen(&stage).status.store_failing);
	stage_close(&stage);
}

static void
test_second(void)
{
	struct stage stage, second;
	char *errors;

	stage_open(&stage);
	second = stage;
	errors = stage_new(&second);
	CU_ASSERT_PTR_NULL(second.control);
	CU_ASSERT_PTR_NOT_NULL(strstr(errors, "another isobard has it in use"));
	free(errors);
	CU_ASSERT_EQUAL(ask(&stage, "gtm.example."), 0);
	stage_stop(&stage);
	stage_start(&stage);	/* the lock has gone with it */
	stage_close(&stage);
}

static void
test_broken_folder(void)
{
	static const char *const expected[] = { "gtm.example.zone:1", "lab.example:2", "steering.yaml:1" };
	struct stage stage;
	char *errors;

	stage_prepare(&stage);
	put_file(&stage, "zones/gtm.example.zone", "nonsense\n");
	put_file(&stage, "zones/lab.example", "@ 60 IN SOA a b 1 2 3 4 5\n@ 60 IN A 1.2.3\n");
	put_file(&stage, "zones/steering.yaml", "region: {}\n");
	errors = stage_new(&stage);
	CU_ASSERT_PTR_NULL(stage.control);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		SUITE_ROW(expected[i], strstr(errors, expected[i]) != NULL);
	free(errors);
	put_file(&stage, "zones/gtm.example.zone", gtm);
	put_file(&stage, "zones/lab.example", plain);
	put_file(&stage, "zones/steering.yaml", steering);
	stage_start(&stage);	/* nothing of the first try was kept */
	CU_ASSERT_EQUAL(seen(&stage).zones, 2);
	stage_close(&stage);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

static void
submit_and_stop(void *arg)
{
	struct batch *batch = arg;

	submit_batch(batch);
	control_stop(batch->stage->control);
}

/* Stopped with changes and reports under way: the first change may be in the store, none is there in part. */
static void
test_stop_in_flight(void)
{
	struct stage stage;
	struct submission list[30] = { { 0 } };
	char names[30][32], *reports[30];
	size_t told = 0;

	stage_open(&stage);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		snprintf(names[i], sizeof(names[i]), "z%02zu.example.", i);
		reports[i] = report_json(i + 1, 0, 1, NULL);
		if (i % 3 == 2)
			list[i] = (struct submission){ .report = reports[i], .region = "eu" };
		else
			list[i] = (struct submission){ .zone = names[i], .text = plain };
	}
	on_control(&stage, submit_and_stop, &(struct batch){ &stage, list, ARRAY_SIZE(list) });
	pthread_join(stage.thread, NULL);
	CU_ASSERT_EQUAL(stage.exit_status, 0);
	CU_ASSERT_FALSE(control_post(stage.control, submit, &list[0]));
	control_free(stage.control);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		told += list[i].told.told;
	stage_start(&stage);
	CU_ASSERT(seen(&stage).zones >= 1 + (told > 0));
	CU_ASSERT(seen(&stage).zones <= 21);
	CU_ASSERT_EQUAL(seen(&stage).status.revision, seen(&stage).zones);
	CU_ASSERT_EQUAL(seen(&stage).state, REGION_UP);	/* reports don't wait for changes */
	stage_close(&stage);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		free(reports[i]);
}

static void
count_task(void *arg)
{
	++*(unsigned *)arg;
}

static void
test_never_run(void)
{
	struct stage stage;
	char *errors;
	unsigned tasks = 0;

	stage_prepare(&stage);
	errors = stage_new(&stage);
	SUITE_TEXT(errors, "");
	CU_ASSERT(control_post(stage.control, count_task, &tasks));
	control_free(stage.control);
	CU_ASSERT_EQUAL(tasks, 1);	/* what was taken is done */
	free(errors);
	stage_remove(&stage);
}

/* A text that a thread reads: some hundred kilobytes, with an error in its last line or not. */
static char *
large_text(unsigned serial, bool broken)
{
	struct text text = { 0 };

	text_printf(&text, "$TTL 60\n@ SOA ns1 h %u 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.53\n", serial);
	for (unsigned i = 0; i < 12000; i++)
		text_printf(&text, "name-%u A 192.0.2.%u\n", i, i % 256);
	text_puts(&text, broken ? "end A 192.0.2.256\n" : "end A 192.0.2.255\n");
	return text_take(&text);
}

/* Large texts are read aside, and still one after the other; what is refused leaves what was. */
static void
test_large(void)
{
	char *first = large_text(1, false), *broken = large_text(2, true), *second = large_text(3, false);
	struct submission list[] = {
		{ .zone = "a.example.", .text = first },
		{ .zone = "a.example.", .text = broken },
		{ .zone = "b.example.", .text = plain },
		{ .zone = "a.example.", .text = first },
		{ .zone = "a.example.", .text = second },
	};
	struct stage stage;

	if (first == NULL || broken == NULL || second == NULL)
		abort();
	stage_open(&stage);
	outcomes_of(&stage, list, ARRAY_SIZE(list));
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		CU_ASSERT_EQUAL(list[i].told.order, i);
		CU_ASSERT_EQUAL(list[i].told.status, i == 1 ? OUTCOME_INVALID : OUTCOME_DONE);
	}
	SUITE_TEXT(list[1].told.error, "A: '192.0.2.256' is no IPv4 address");
	CU_ASSERT_EQUAL(list[0].told.zone_count, 1);
	CU_ASSERT_EQUAL(list[3].told.zone_count, 0);
	CU_ASSERT_EQUAL(list[4].told.zone_count, 1);
	stage_close(&stage);
	free(first);
	free(broken);
	free(second);
}

/* The end comes while a text is read. */
static void
test_stop_reading(void)
{
	char *text = large_text(1, false);
	struct stage stage;
	struct submission large = { .stage = &stage, .zone = "a.example.", .text = text, .nobody_waits = true };

	if (text == NULL)
		abort();
	stage_open(&stage);
	on_control(&stage, submit, &large);
	stage_close(&stage);
	free(text);
}

static void
test_signals(void)
{
	struct stage stage;
	struct mono began;
	uint64_t epoch;
	struct view view;

	stage_open(&stage);
	epoch = seen(&stage).status.epoch;
	kill(getpid(), SIGHUP);
	began = mono_now();
	while ((view = seen(&stage)).status.epoch == epoch && mono_ms_between(began, mono_now()) < DEADLINE_MS)
		usleep(10000);
	CU_ASSERT_EQUAL(view.status.epoch, epoch + 1);
	began = mono_now();
	kill(getpid(), SIGTERM);
	pthread_join(stage.thread, NULL);
	CU_ASSERT_EQUAL(stage.exit_status, 0);
	CU_ASSERT(mono_ms_between(began, mono_now()) < 5000);
	control_free(stage.control);
	stage_remove(&stage);
}

static const struct suite_case cases[] = {
	{ .name = "changes are made one after the other, and kept", .run = test_queue },
	{ .name = "twenty thousand changes wait, all but one refused", .run = test_many_refused },
	{ .name = "a dry run changes nothing", .run = test_dry_run },
	{ .name = "a drain ends by itself, with its row in the journal", .run = test_drain_ends },
	{ .name = "what was deleted isn't imported again", .run = test_emptied },
	{ .name = "plans, also after a change of the steering", .run = test_plans },
	{ .name = "a refused plan leaves the last one", .run = test_plan_refused },
	{ .name = "a plan against the law is refused; one of an older law is cut", .run = test_plan_forbidden },
	{ .name = "a plan that overloads is refused, a change isn't", .run = test_plan_overloads },
	{ .name = "reports: durable, then in force; again after a restart", .run = test_reports },
	{ .name = "what a region accepts is in force with its report's outcome", .run = test_constrained },
	{ .name = "a region that goes silent, also over a restart", .run = test_silence },
	{ .name = "reload", .run = test_reload },
	{ .name = "a folder is read again; a broken one changes nothing", .run = test_reload_storeless },
	{ .name = "the store is full, then not", .run = test_full },
	{ .name = "the store is read-only, then not", .run = test_read_only },
	{ .name = "a second control on the same store", .run = test_second },
	{ .name = "a broken folder: every error, and nothing is kept", .run = test_broken_folder },
	{ .name = "stopped with changes and reports under way", .run = test_stop_in_flight },
	{ .name = "large texts are read aside", .run = test_large },
	{ .name = "stopped while a text is read", .run = test_stop_reading },
	{ .name = "freed without having run", .run = test_never_run },
	{ .name = "SIGHUP and SIGTERM", .run = test_signals },
};

int
main(void)
{
	log_open("test", LOG_LEVEL_ERROR);
	return suite_run("control", cases, ARRAY_SIZE(cases));
}
