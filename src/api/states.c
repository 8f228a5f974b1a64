/* states.c -- how things stand: status, regions, services, weights, overrides, counters.
 * In: the control's views.  Out: JSON.  Threads: control.
 * `problems` of the status are sentences for people: what is wrong, and what isn't known. An empty list is a good
 * day. */
#include <math.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "api/counters.h"
#include "api/handlers.h"
#include "api/resources.h"
#include "api/view.h"
#include "dns/types.h"

static void add_counts(struct view *view, cJSON *root, const struct scene *scene);
static bool is_drained(const struct scene *scene, region_id region);
static void add_drains(struct view *view, cJSON *root, const struct drains_state *state);
static void add_pae(struct view *view, cJSON *root, const struct control_status *status);
static void add_reports(struct view *view, cJSON *root, const struct control_status *status);
static void add_certificate(struct view *view, cJSON *root, const struct scene *scene,
	const struct certificate *certificate);
static void add_predictions(struct view *view, cJSON *root, const struct scene *scene);
static void add_problems(struct view *view, cJSON *root, const struct scene *scene,
	const struct control_status *status);
static void add_overload(struct view *view, cJSON *list, const struct scene *scene,
	const struct certificate *certificate);
static void add_region_problems(struct view *view, cJSON *list, const struct scene *scene, region_id region);
static void add_problem(struct view *view, cJSON *list, const char *format, ...) PRINTF(3, 4);
static void add_queries(struct view *view, cJSON *root, const struct counters *sum);
static uint64_t total(const uint64_t *counts, size_t count);
static void add_connections(struct view *view, cJSON *root, const struct server *server, const struct counters *sum);
static void add_store(struct view *view, cJSON *root, struct store *store);
static void add_api(struct view *view, cJSON *root, const struct api_counters *counters);
static void answer_view(struct request *request, struct view *view);

void
status_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	struct control_status status;
	struct view view = { 0 };
	cJSON *root = view_root(&view), *store;

	control_status(request->control, &status);
	view_text(&view, root, "version", PACKAGE_VERSION);
	view_count(&view, root, "pid", (uint64_t)getpid());
	view_time(&view, root, "started", status.started);
	view_count(&view, root, "epoch", status.epoch);
	view_time(&view, root, "published", status.published);
	view_count(&view, root, "revision", status.revision);
	add_counts(&view, root, &scene);
	add_drains(&view, root, control_drains(request->control));
	add_pae(&view, root, &status);
	add_certificate(&view, root, &scene, control_certificate(request->control));
	add_predictions(&view, root, &scene);
	add_reports(&view, root, &status);
	store = view_object(&view, root, "store");
	view_bool(&view, store, "failing", status.store_failing);
	view_count(&view, store, "queue", request->store == NULL ? 0 : store_queue_length(request->store));
	add_problems(&view, root, &scene, &status);
	add_overload(&view, cJSON_GetObjectItem(root, "problems"), &scene, control_certificate(request->control));
	answer_view(request, &view);
}

static void
add_counts(struct view *view, cJSON *root, const struct scene *scene)
{
	static const enum region_state states[] = { REGION_UP, REGION_DOWN, REGION_SILENT, REGION_UNKNOWN };
	unsigned counts[4] = { 0 }, drained = 0;
	cJSON *regions;

	for (size_t r = 0; r < scene->steering->region_count; r++) {
		const struct round_region *state = round_region(scene->round, (region_id)r);

		counts[state->state]++;
		drained += is_drained(scene, (region_id)r);
	}
	view_text(view, root, "prediction", prediction_use_text(scene->steering->prediction));
	view_count(view, root, "zones", scene->snapshot->zone_count);
	view_count(view, root, "services", scene->snapshot->service_count);
	regions = view_object(view, root, "regions");
	view_count(view, regions, "all", scene->steering->region_count);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		view_count(view, regions, region_state_text(states[i]), counts[states[i]]);
	view_count(view, regions, "drained", drained);
}

/* Whole or in part, all services or one. */
static bool
is_drained(const struct scene *scene, region_id region)
{
	const struct round_region *state = round_region(scene->round, region);
	bool drained = state->drained_to < 1;

	for (size_t s = 0; s < scene->steering->service_count; s++)
		drained |= state->services[s].drained_to < 1;
	return drained;
}

static void
add_drains(struct view *view, cJSON *root, const struct drains_state *state)
{
	cJSON *drains = view_object(view, root, "drains");

	view_count(view, drains, "in_force", state->in_force);
	view_number(view, drains, "budget", state->in_force > 0 ? state->budget : NAN);
	view_bool(view, drains, "unsafe", state->unsafe);
}

static void
add_pae(struct view *view, cJSON *root, const struct control_status *status)
{
	cJSON *pae = view_object(view, root, "pae");

	view_text(view, pae, "mode", status->pae_external ? "external" : "internal");
	view_bool(view, pae, "running", status->pae_running);
	view_count(view, pae, "restarts", status->pae_restarts);
	view_time(view, pae, "planned", status->planned);
	view_text(view, pae, "plan_refused", status->plan_refused[0] == '\0' ? NULL : status->plan_refused);
}

/* What the tables in service do, now and in every loss, at most a minute ago. */
static void
add_certificate(struct view *view, cJSON *root, const struct scene *scene, const struct certificate *certificate)
{
	cJSON *object, *room;
	struct text binding = { 0 };

	if (certificate == NULL) {
		view_null(view, root, "certificate");
		return;
	}
	certificate_binding(certificate, scene->snapshot->steering, &binding);
	object = view_object(view, root, "certificate");
	view_bool(view, object, "good", certificate->good);
	view_text(view, object, "why", certificate->good ? NULL : certificate->why.bytes);
	view_text(view, object, "binds", binding.length == 0 ? NULL : binding.bytes);
	view_number(view, object, "worst_now", certificate->worst_now);
	view_number(view, object, "worst_lost", certificate->worst_lost);
	view_number(view, object, "demand", certificate->demand);
	view_number(view, object, "shed", certificate->shed);
	room = view_object(view, object, "room");
	for (size_t r = 0; r < scene->snapshot->steering->region_count; r++)
		view_number(view, room, scene->snapshot->steering->regions[r].name, certificate->room[r]);
	text_fini(&binding);
}

/* One entry a region: its probability, or why there is none. */
static void
add_predictions(struct view *view, cJSON *root, const struct scene *scene)
{
	cJSON *list = view_array(view, root, "predictions");

	for (size_t r = 0; r < scene->steering->region_count; r++) {
		const struct round_region *state = round_region(scene->round, (region_id)r);
		cJSON *entry = view_object(view, list, NULL);

		view_text(view, entry, "region", scene->steering->regions[r].name);
		resource_forecast(view, entry, state);
	}
}

static void
add_reports(struct view *view, cJSON *root, const struct control_status *status)
{
	cJSON *reports = view_object(view, root, "reports");

	view_count(view, reports, "taken", status->reports);
	view_count(view, reports, "duplicate", status->reports_duplicate);
	view_count(view, reports, "refused", status->reports_refused);
}

static void
add_problems(struct view *view, cJSON *root, const struct scene *scene, const struct control_status *status)
{
	cJSON *list = view_array(view, root, "problems"), *residency = view_object(view, root, "residency");
	uint64_t checked, violations;

	control_lawful(scene->control, &checked, &violations);
	view_count(view, residency, "checked", checked);
	view_count(view, residency, "violations", violations);
	if (status->store_failing)
		add_problem(view, list, "the store can't be written: reports and changes are refused, answers go on");
	if (!status->pae_external && !status->pae_running)
		add_problem(view, list, "isobar-pae isn't running: the last plan stands");
	if (status->plan_refused[0] != '\0')
		add_problem(view, list, "the last plan was refused: %s", status->plan_refused);
	if (violations > 0)
		add_problem(view, list, "RESIDENCY IS VIOLATED: %" PRIu64 " of %" PRIu64 " answers that were "
		    "checked sent clients where no rule lets them go; this is a fault of isobard: report it, and stop "
		    "serving the services that have such rules", violations, checked);
	if (scene->snapshot->zone_count == 0)
		add_problem(view, list, "there is no zone: every query is refused; see isobarctl apply");
	if (control_drains(scene->control)->unsafe)
		add_problem(view, list, "%s", control_drains(scene->control)->why);
	for (size_t r = 0; r < scene->steering->region_count; r++)
		add_region_problems(view, list, scene, (region_id)r);
}

static void
add_overload(struct view *view, cJSON *list, const struct scene *scene, const struct certificate *certificate)
{
	struct text binding = { 0 };

	if (certificate == NULL || fmax(certificate->worst_now, certificate->worst_lost) <= 1 + CERTIFICATE_SLACK)
		return;
	certificate_binding(certificate, scene->snapshot->steering, &binding);
	if (binding.length > 0)
		add_problem(view, list, "there is too little capacity: %s", binding.bytes);
	text_fini(&binding);
}

static void
add_region_problems(struct view *view, cJSON *list, const struct scene *scene, region_id region)
{
	const struct round_region *state = round_region(scene->round, region);
	const char *name = scene->steering->regions[region].name;

	if (state->state == REGION_SILENT)
		add_problem(view, list, "region %s has been silent for %.0f s", name,
		    (double)mono_ms_between(state->heard, scene->now) / 1000);
	if (state->state == REGION_UNKNOWN)
		add_problem(view, list, "region %s has never reported: is isobar-rem running there?", name);
	for (size_t s = 0; s < scene->snapshot->service_count; s++) {
		const struct service *service = &scene->snapshot->services[s];
		const struct round_service *standing = scene_standing(scene, service, region);

		size_t index = (size_t)(service->intent - scene->steering->services);
		struct mono held_until = round_held_until(scene->round, region, index);

		if (standing->dead && held_until.ns != 0 && standing->good_in_a_row > 0)
			add_problem(view, list, "%s in %s is well again, but held down for %.0f s more since it flaps",
			    service->intent->name, name, (double)mono_ms_between(scene->now, held_until) / 1000);
		else if (standing->dead)
			add_problem(view, list, "%s is dead in %s: %s", service->intent->name, name, standing->cause);
		else if (standing->returning)
			add_problem(view, list, "%s comes back in %s: it takes %.0f %% of its clients now",
			    service->intent->name, name, 100 * round_admits(scene->round, region, index));
	}
}

static void
add_problem(struct view *view, cJSON *list, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	view_text(view, list, NULL, text);
}

/* --- resources ----------------------------------------------------------------------------------------------- */

void
regions_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	struct view view = { 0 };
	cJSON *list = view_array(&view, view_root(&view), "regions");

	for (size_t r = 0; r < scene.steering->region_count; r++)
		resource_region(&view, view_object(&view, list, NULL), &scene, (region_id)r, false);
	answer_view(request, &view);
}

void
region_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	region_id region = steering_region_find(scene.steering, request->params[0]);
	struct view view = { 0 };

	if (region == NO_REGION) {
		answer_problem(request, 404, NULL, "steering.yaml has no region '%s'", request->params[0]);
		request_answered(request);
		return;
	}
	resource_region(&view, view_root(&view), &scene, region, true);
	answer_view(request, &view);
}

void
services_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	struct view view = { 0 };
	cJSON *list = view_array(&view, view_root(&view), "services");

	for (size_t s = 0; s < scene.snapshot->service_count; s++)
		resource_service(&view, view_object(&view, list, NULL), &scene, &scene.snapshot->services[s], false);
	answer_view(request, &view);
}

void
service_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	const struct service *service = scene_service(&scene, request->params[0]);
	struct view view = { 0 };

	if (service == NULL) {
		answer_problem(request, 404, NULL, "steering.yaml has no service '%s'", request->params[0]);
		request_answered(request);
		return;
	}
	resource_service(&view, view_root(&view), &scene, service, true);
	answer_view(request, &view);
}

void
weights_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	struct view view = { 0 };
	cJSON *root = view_root(&view), *list;

	view_count(&view, root, "epoch", scene.snapshot->epoch);
	list = view_array(&view, root, "services");
	for (size_t s = 0; s < scene.snapshot->service_count; s++)
		resource_weights(&view, view_object(&view, list, NULL), &scene, &scene.snapshot->services[s]);
	answer_view(request, &view);
}

void
overrides_show(struct request *request)
{
	const struct override *overrides;
	size_t count = control_overrides(request->control, &overrides);
	struct view view = { 0 };
	cJSON *list = view_array(&view, view_root(&view), "overrides");

	for (size_t i = 0; i < count; i++)
		resource_override(&view, view_object(&view, list, NULL), &overrides[i], wall_now());
	answer_view(request, &view);
}

/* --- counters ------------------------------------------------------------------------------------------------ */

void
stats_show(struct request *request)
{
	const struct server *server = control_server(request->control);
	struct control_status status;
	struct counters sum = { 0 };
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	server_counters(server, &sum);
	control_status(request->control, &status);
	view_time(&view, root, "started", status.started);
	add_queries(&view, root, &sum);
	add_connections(&view, root, server, &sum);
	add_reports(&view, root, &status);
	add_store(&view, root, request->store);
	add_api(&view, root, request->counters);
	answer_view(request, &view);
}

static void
add_queries(struct view *view, cJSON *root, const struct counters *sum)
{
	static const char *const rcodes[16] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE" };
	cJSON *queries = view_object(view, root, "queries"), *object;

	view_count(view, queries, "udp", sum->queries[TRANSPORT_UDP]);
	view_count(view, queries, "tcp", sum->queries[TRANSPORT_TCP]);
	view_count(view, queries, "tls", sum->queries[TRANSPORT_TLS]);
	view_count(view, queries, "dropped", sum->dropped);
	view_count(view, queries, "client_subnet", sum->client_subnet);
	object = view_object(view, root, "answers");
	for (size_t i = 0; i < ARRAY_SIZE(rcodes); i++)
		if (rcodes[i] != NULL && (i <= RCODE_REFUSED || sum->rcodes[i] > 0))
			view_count(view, object, rcodes[i], sum->rcodes[i]);
	view_count(view, object, "truncated", sum->truncated);
	view_count(view, object, "send_failures", sum->send_failures);
	view_count(view, object, "steered", sum->steered);
	object = view_object(view, root, "picks");
	for (size_t i = 0; i < PICK_OUTCOMES; i++)
		view_count(view, object, pick_outcome_text((enum pick_outcome)i), sum->picks[i]);
}

static void
add_connections(struct view *view, cJSON *root, const struct server *server, const struct counters *sum)
{
	cJSON *tcp = view_object(view, root, "tcp");

	view_count(view, tcp, "open", server_connections(server));
	view_count(view, tcp, "accepted", sum->connections[TRANSPORT_TCP]);
	view_count(view, tcp, "accepted_tls", sum->connections[TRANSPORT_TLS]);
	view_count(view, tcp, "refused", total(sum->refused, REFUSALS));
	view_count(view, tcp, "timeouts", total(sum->timeouts, WAITS));
	view_count(view, tcp, "handshakes", total(sum->handshakes, HANDSHAKES));
}

static uint64_t
total(const uint64_t *counts, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += counts[i];
	return sum;
}

static void
add_store(struct view *view, cJSON *root, struct store *store)
{
	struct store_counters counters;
	cJSON *object;

	if (store == NULL)
		return;
	counters = store_counters(store);
	object = view_object(view, root, "store");
	view_count(view, object, "jobs", counters.jobs);
	view_count(view, object, "batches", counters.batches);
	view_count(view, object, "failures", counters.failures);
	view_count(view, object, "samples", counters.samples);
	view_count(view, object, "queue", store_queue_length(store));
}

static void
add_api(struct view *view, cJSON *root, const struct api_counters *counters)
{
	cJSON *object = view_object(view, root, "api"), *answers = view_object(view, object, "answers");

	for (unsigned i = 0; i < API_STATUS_MAX; i++) {
		uint64_t count = atomic_load_explicit(&counters->answers[i], memory_order_relaxed);
		char name[16];

		snprintf(name, sizeof(name), "%u", i);
		if (count > 0)
			view_count(view, answers, name, count);
	}
	view_count(view, object, "unauthenticated",
	    atomic_load_explicit(&counters->unauthenticated, memory_order_relaxed));
	view_count(view, object, "forbidden", atomic_load_explicit(&counters->forbidden, memory_order_relaxed));
	view_count(view, object, "body_bytes", atomic_load_explicit(&counters->body_bytes, memory_order_relaxed));
}

static void
answer_view(struct request *request, struct view *view)
{
	answer_json(request, 200, view_take(view));
	request_answered(request);
}
