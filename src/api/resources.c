/* resources.c -- what there is to say of a region and of a service.
 * In: the control's views.  Out: JSON objects.  Threads: control.
 * A share is told twice. `share` is the plan: how many of a group's slots have the region first. `now` is what a client
 * of the group meets: each slot is picked with the live words of this moment, by the same function as for a query. */
#include "api/resources.h"

#include <math.h>
#include <string.h>

#include "zone/rrtype.h"

#define RANK_PARTS 1000u	/* a drain's effect is told to a thousandth */

static void region_place(struct view *view, cJSON *into, const struct steering_region *intent);
static void region_reports(struct view *view, cJSON *into, const struct scene *scene, const struct round_region *state);
static void region_agents(struct view *view, cJSON *into, const struct scene *scene, const struct round_region *state);
static void region_accepts(struct view *view, cJSON *into, const struct round_region *state);
static void region_backends(struct view *view, cJSON *into, const struct round_region *state);
static void region_services(struct view *view, cJSON *into, const struct scene *scene, region_id region);
static void region_drains(struct view *view, cJSON *into, const struct scene *scene, const char *name);
static void standing(struct view *view, cJSON *into, const struct scene *scene, const struct service *service,
	region_id region);
static void service_intent(struct view *view, cJSON *into, const struct scene *scene, const struct service *service);
static void service_probe(struct view *view, cJSON *into, const struct steering_service *intent);
static void service_residency(struct view *view, cJSON *into, const struct scene *scene,
	const struct steering_service *intent);
static void service_regions(struct view *view, cJSON *into, const struct scene *scene, const struct service *service);
static void service_shares(struct view *view, cJSON *into, const struct scene *scene, const struct service *service);
static void region_types(struct view *view, cJSON *into, const struct service *service, region_id region);
static struct pick_question group_question(const struct service *service, uint16_t group, const struct live *live);
static uint32_t part_count(const struct slot_table *table);
static double ask_part(struct pick_question *question, const struct slot_table *table, uint32_t part);
static double group_moved(const struct service *service, uint16_t group, const struct live *live);
static double rounded(double share);
static void text_list(struct view *view, cJSON *into, const char *name, const char *const *texts, size_t count);

struct scene
scene_now(const struct control *control)
{
	const struct snapshot *snapshot = control_snapshot(control);

	return (struct scene){ control, snapshot, snapshot->steering, control_round(control), mono_now(), wall_now() };
}

const struct service *
scene_service(const struct scene *scene, const char *name)
{
	const struct steering_service *intent = steering_service_find(scene->steering, name);

	for (size_t i = 0; intent != NULL && i < scene->snapshot->service_count; i++)
		if (scene->snapshot->services[i].intent == intent)
			return &scene->snapshot->services[i];
	return NULL;
}

const struct round_service *
scene_standing(const struct scene *scene, const struct service *service, region_id region)
{
	return &round_region(scene->round, region)->services[service->intent - scene->steering->services];
}

/* --- regions ------------------------------------------------------------------------------------------------- */

void
resource_region(struct view *view, cJSON *into, const struct scene *scene, region_id region, bool whole)
{
	const struct steering_region *intent = &scene->steering->regions[region];
	const struct round_region *state = round_region(scene->round, region);

	view_text(view, into, "region", intent->name);
	view_text(view, into, "state", region_state_text(state->state));
	region_place(view, into, intent);
	view_number(view, into, "capacity", state->capacity > 0 ? state->capacity : NAN);
	view_number(view, into, "load", region_load(scene, region));
	view_number(view, into, "drained_to", state->drained_to);
	region_drains(view, into, scene, intent->name);
	resource_forecast(view, into, state);
	region_reports(view, into, scene, state);
	region_accepts(view, into, state);
	region_services(view, into, scene, region);
	if (whole) {
		region_agents(view, into, scene, state);
		region_backends(view, into, state);
	}
}

static void
region_place(struct view *view, cJSON *into, const struct steering_region *intent)
{
	view_text(view, into, "country", intent->country[0] == '\0' ? NULL : intent->country);
	if (intent->location.known) {
		cJSON *location = view_object(view, into, "location");

		view_number(view, location, "latitude", intent->location.latitude);
		view_number(view, location, "longitude", intent->location.longitude);
	} else {
		view_null(view, into, "location");
	}
	text_list(view, into, "jurisdictions", intent->jurisdictions, intent->jurisdiction_count);
	text_list(view, into, "risk_groups", intent->risk_groups, intent->risk_group_count);
}

double
region_load(const struct scene *scene, region_id region)
{
	const struct round_region *state = round_region(scene->round, region);
	double sum = NAN;

	for (size_t s = 0; s < scene->steering->service_count; s++)
		if (isfinite(state->services[s].load))
			sum = (isfinite(sum) ? sum : 0) + state->services[s].load;
	return sum;
}

static void
region_drains(struct view *view, cJSON *into, const struct scene *scene, const char *name)
{
	const struct override *overrides;
	size_t count = control_overrides(scene->control, &overrides);
	cJSON *list = view_array(view, into, "drains");

	for (size_t i = 0; i < count; i++)
		if (strcmp(overrides[i].region, name) == 0 && !drain_is_over(&overrides[i], scene->wall))
			resource_override(view, view_object(view, list, NULL), &overrides[i], scene->wall);
}

void
resource_forecast(struct view *view, cJSON *into, const struct round_region *state)
{
	bool known = isfinite(state->probability);
	cJSON *outlooks;

	view_number(view, into, "probability", state->probability);
	view_number(view, into, "load_forecast", state->load_forecast);
	view_known_count(view, into, "horizon_s", state->horizon_s != 0, state->horizon_s);
	view_time(view, into, "predicted", state->predicted);
	view_number(view, into, "anomaly_rank", state->anomaly_rank);
	if (isfinite(state->anomaly_rank))
		view_null(view, into, "no_rank");
	else
		view_text(view, into, "no_rank", state->no_rank[0] != '\0' ? state->no_rank :
		    "isobar-pae has said nothing of this region lately");
	outlooks = view_array(view, into, "outlooks");
	for (size_t i = 0; i < state->outlook_count; i++) {
		const struct round_outlook *outlook = &state->outlooks[i];
		cJSON *entry = view_object(view, outlooks, NULL);

		view_count(view, entry, "horizon_s", outlook->horizon_s);
		view_number(view, entry, "probability", outlook->probability);
		view_number(view, entry, "probability_low", outlook->probability_low);
		view_number(view, entry, "probability_high", outlook->probability_high);
		view_number(view, entry, "load_forecast", outlook->load);
		view_number(view, entry, "load_low", outlook->load_low);
		view_number(view, entry, "load_high", outlook->load_high);
		view_text(view, entry, "reason", outlook->reason[0] == '\0' ? NULL : outlook->reason);
	}
	if (known)
		view_null(view, into, "no_prediction");
	else
		view_text(view, into, "no_prediction", state->no_prediction[0] != '\0' ? state->no_prediction
		    : "isobar-pae has said nothing of this region yet");
}

static void
region_reports(struct view *view, cJSON *into, const struct scene *scene, const struct round_region *state)
{
	view_time(view, into, "reported", state->reported);
	view_number(view, into, "seconds_since_report", state->reported.ms == 0 ? NAN
	    : (double)mono_ms_between(state->heard, scene->now) / 1000);
	view_count(view, into, "agents_known", state->agent_count);
}

/* null: the region takes every group. */
static void
region_accepts(struct view *view, cJSON *into, const struct round_region *state)
{
	cJSON *list;

	if (!state->constrained) {
		view_null(view, into, "accepts");
		return;
	}
	list = view_array(view, into, "accepts");
	for (unsigned i = 0; i < state->agent_count; i++) {
		const struct report *report = state->agents[i].report;

		for (size_t k = 0; report != NULL && k < report->accept_count; k++)
			view_text(view, list, NULL, report->accepts[k]);
	}
}

static void
region_services(struct view *view, cJSON *into, const struct scene *scene, region_id region)
{
	cJSON *list = view_array(view, into, "services");

	for (size_t s = 0; s < scene->snapshot->service_count; s++) {
		const struct service *service = &scene->snapshot->services[s];
		cJSON *entry;

		for (size_t r = 0; r < service->intent->region_count; r++) {
			if (service->intent->regions[r].region != region)
				continue;
			entry = view_object(view, list, NULL);
			view_text(view, entry, "service", service->intent->name);
			standing(view, entry, scene, service, region);
		}
	}
}

static void
standing(struct view *view, cJSON *into, const struct scene *scene, const struct service *service, region_id region)
{
	const struct round_service *state = scene_standing(scene, service, region);
	size_t index = (size_t)(service->intent - scene->steering->services);
	struct mono held_until = round_held_until(scene->round, region, index);

	view_bool(view, into, "dead", state->dead);
	view_text(view, into, "cause", state->dead ? state->cause : NULL);
	view_known_count(view, into, "healthy_backends", state->reported, state->healthy);
	view_known_count(view, into, "backends", state->reported, state->backends);
	view_number(view, into, "load", state->load);
	view_number(view, into, "admits", round_admits(scene->round, region, index));
	view_bool(view, into, "returning", state->returning);
	view_number(view, into, "held_for_s", held_until.ns == 0 ? NAN
	    : (double)mono_ms_between(scene->now, held_until) / 1000);
}

static void
region_agents(struct view *view, cJSON *into, const struct scene *scene, const struct round_region *state)
{
	cJSON *list = view_array(view, into, "agents");

	for (unsigned i = 0; i < state->agent_count; i++) {
		const struct round_agent *agent = &state->agents[i];
		cJSON *entry = view_object(view, list, NULL);

		view_text(view, entry, "agent", agent->report->agent);
		view_count(view, entry, "sequence", agent->report->sequence);
		view_time(view, entry, "measured", agent->report->time);
		view_number(view, entry, "seconds_since_report", (double)mono_ms_between(agent->heard,
		    scene->now) / 1000);
		view_number(view, entry, "capacity", agent->report->capacity > 0 ? agent->report->capacity : NAN);
		view_count(view, entry, "metrics", agent->report->metric_count);
	}
}

static void
region_backends(struct view *view, cJSON *into, const struct round_region *state)
{
	cJSON *list = view_array(view, into, "backends");

	for (unsigned i = 0; i < state->agent_count; i++) {
		const struct report *report = state->agents[i].report;

		for (size_t b = 0; b < report->backend_count; b++) {
			const struct report_backend *backend = &report->backends[b];
			cJSON *entry = view_object(view, list, NULL);

			view_text(view, entry, "backend", backend->name);
			view_text(view, entry, "agent", report->agent);
			view_text(view, entry, "service", backend->service);
			view_text(view, entry, "address", backend->address);
			view_bool(view, entry, "healthy", backend->healthy);
			view_number(view, entry, "latency_ms", backend->latency_ms);
			view_text(view, entry, "detail", backend->detail[0] == '\0' ? NULL : backend->detail);
		}
	}
}

/* --- services ------------------------------------------------------------------------------------------------ */

void
resource_service(struct view *view, cJSON *into, const struct scene *scene, const struct service *service, bool whole)
{
	service_intent(view, into, scene, service);
	service_regions(view, into, scene, service);
	if (whole)
		service_shares(view, into, scene, service);
}

void
resource_weights(struct view *view, cJSON *into, const struct scene *scene, const struct service *service)
{
	view_text(view, into, "service", service->intent->name);
	view_text(view, into, "sharding_policy", sharding_policy_text(service->intent->policy));
	service_regions(view, into, scene, service);
	service_shares(view, into, scene, service);
}

static void
service_intent(struct view *view, cJSON *into, const struct scene *scene, const struct service *service)
{
	static const char *const all_down[] = {
		[ALL_DOWN_SERVE_LEGAL] = "serve-legal", [ALL_DOWN_NODATA] = "nodata", [ALL_DOWN_SERVFAIL] = "servfail",
	};
	const struct steering_service *intent = service->intent;
	char zone[NAME_TEXT_SIZE], type[16];
	cJSON *list;

	view_text(view, into, "service", intent->name);
	view_text(view, into, "zone", name_text(zone_apex(service->zone)->name, zone));
	view_text(view, into, "sharding_policy", sharding_policy_text(intent->policy));
	view_bool(view, into, "sticky", intent->sticky);
	view_known_count(view, into, "ttl_max", intent->ttl_max != 0, intent->ttl_max);
	view_known_count(view, into, "ttl_min", intent->ttl_min != 0, intent->ttl_min);
	view_text(view, into, "when_all_down", all_down[intent->when_all_down]);
	service_probe(view, into, intent);
	list = view_array(view, into, "types");
	for (size_t t = 0; t < service->type_count; t++)
		view_text(view, list, NULL, rrtype_text(service->types[t].type, type));
	service_residency(view, into, scene, intent);
}

static void
service_probe(struct view *view, cJSON *into, const struct steering_service *intent)
{
	static const char *const kinds[] = {
		[PROBE_NONE] = "none", [PROBE_TCP] = "tcp", [PROBE_HTTP] = "http", [PROBE_HTTPS] = "https",
	};
	cJSON *probe;

	if (intent->probe == PROBE_NONE) {
		view_null(view, into, "probe");
		return;
	}
	probe = view_object(view, into, "probe");
	view_text(view, probe, "kind", kinds[intent->probe]);
	view_count(view, probe, "port", intent->probe_port);
	view_text(view, probe, "path", intent->probe_path);
}

static void
service_residency(struct view *view, cJSON *into, const struct scene *scene, const struct steering_service *intent)
{
	cJSON *list = view_array(view, into, "residency");

	for (size_t i = 0; i < intent->rule_count; i++) {
		const struct residency_rule *rule = &intent->rules[i];
		cJSON *entry = view_object(view, list, NULL), *names = view_array(view, entry, "clients");

		for (size_t g = 0; g < rule->group_count; g++)
			view_text(view, names, NULL, scene->steering->groups[rule->groups[g]].name);
		names = view_array(view, entry, "regions");
		for (size_t r = 0; r < scene->steering->region_count; r++)
			if (region_set_has(&rule->regions, (region_id)r))
				view_text(view, names, NULL, scene->steering->regions[r].name);
	}
}

static void
service_regions(struct view *view, cJSON *into, const struct scene *scene, const struct service *service)
{
	double planned[REGIONS_MAX], now[REGIONS_MAX];
	cJSON *list = view_array(view, into, "regions");

	scene_shares(service, GROUP_DEFAULT, planned, now);
	for (size_t i = 0; i < service->intent->region_count; i++) {
		const struct service_region *intent = &service->intent->regions[i];
		const struct round_region *state = round_region(scene->round, intent->region);
		const char *name = scene->steering->regions[intent->region].name;
		cJSON *entry = view_object(view, list, NULL);

		view_text(view, entry, "region", name);
		view_text(view, entry, "state", region_state_text(state->state));
		view_number(view, entry, "weight", intent->weight);
		view_count(view, entry, "priority", intent->priority);
		view_number(view, entry, "share", planned[intent->region]);
		view_number(view, entry, "now", now[intent->region]);
		view_number(view, entry, "drained_to", fmin(state->drained_to,
		    scene_standing(scene, service, intent->region)->drained_to));
		standing(view, entry, scene, service, intent->region);
		view_number(view, entry, "capacity", state->capacity > 0 ? state->capacity : NAN);
		view_number(view, entry, "region_load", region_load(scene, intent->region));
		view_number(view, entry, "probability", state->probability);
		view_count(view, entry, "answers", control_answers(scene->control, service->intent->name, name));
		region_types(view, entry, service, intent->region);
	}
}

static void
region_types(struct view *view, cJSON *into, const struct service *service, region_id region)
{
	cJSON *list = view_array(view, into, "types");
	char text[16];

	for (size_t t = 0; t < service->type_count; t++)
		if (region_set_has(&service->types[t].regions, region))
			view_text(view, list, NULL, rrtype_text(service->types[t].type, text));
}

/* --- shares -------------------------------------------------------------------------------------------------- */

static void
service_shares(struct view *view, cJSON *into, const struct scene *scene, const struct service *service)
{
	cJSON *groups = view_array(view, into, "groups");

	for (size_t g = 0; g < scene->steering->group_count; g++) {
		double planned[REGIONS_MAX], now[REGIONS_MAX];
		cJSON *entry = view_object(view, groups, NULL), *list;

		view_text(view, entry, "group", scene->steering->groups[g].name);
		list = view_array(view, entry, "shares");
		scene_shares(service, (uint16_t)g, planned, now);
		for (size_t i = 0; i < service->intent->region_count; i++) {
			region_id region = service->intent->regions[i].region;
			cJSON *share;

			if (planned[region] == 0 && now[region] == 0)
				continue;
			share = view_object(view, list, NULL);
			view_text(view, share, "region", scene->steering->regions[region].name);
			view_number(view, share, "share", rounded(planned[region]));
			view_number(view, share, "now", rounded(now[region]));
		}
	}
}

/* A sum of 65,536 parts: all is 1, and not a bit more. */
static double
rounded(double share)
{
	return round(share * 1e9) / 1e9;
}

void
scene_shares(const struct service *service, uint16_t group, double *planned, double *now)
{
	const struct slot_table *table = service->tables[group];
	struct pick_question question = group_question(service, group, service->live);

	memset(planned, 0, REGIONS_MAX * sizeof(*planned));
	memset(now, 0, REGIONS_MAX * sizeof(*now));
	for (uint32_t i = 0; table != NULL && i < part_count(table); i++) {
		double share = ask_part(&question, table, i);
		struct pick pick = slots_pick(&question);

		if (question.slot->list[0] != NO_REGION)
			planned[question.slot->list[0]] += share;
		if (pick.region != NO_REGION)
			now[pick.region] += share;
	}
}

/* The law is that of a client who belongs to this group alone. */
static struct pick_question
group_question(const struct service *service, uint16_t group, const struct live *live)
{
	return (struct pick_question){
		.live = live,
		.legal = steering_legal(service->intent, &group, 1),
		.able = region_set_all(),
		.order = service->order,
		.order_count = service->order_count,
		.when_all_down = service->intent->when_all_down,
	};
}

/* A table's clients in parts: by slot, or by rank where all slots are alike. */
static uint32_t
part_count(const struct slot_table *table)
{
	return table->uniform ? RANK_PARTS : table->count + table->heavy_count;
}

/* Returns the part's share of demand. */
static double
ask_part(struct pick_question *question, const struct slot_table *table, uint32_t part)
{
	question->slot = &table->slots[table->uniform ? 0 : part];
	question->rank = question->slot->rank;
	if (table->uniform)
		question->rank = (uint16_t)((2 * part + 1) * ADMIT_ALL / (2 * RANK_PARTS));
	return table->uniform || table->weights == NULL ? 1.0 / part_count(table) : table->weights[part];
}

double
scene_moved(const struct scene *scene, const struct service *service, region_id region, double admitted)
{
	struct live live = { 0 };
	double moved = 0;

	for (size_t i = 0; i < ARRAY_SIZE(live.dead); i++)
		atomic_store_explicit(&live.dead[i],
		    atomic_load_explicit(&service->live->dead[i], memory_order_relaxed), memory_order_relaxed);
	for (size_t r = 0; r < REGIONS_MAX; r++)
		live_set_admit(&live, (region_id)r, live_admit(service->live, (region_id)r));
	live_set_admit(&live, region, (admit)lround(admitted * ADMIT_ALL));
	for (size_t g = 0; g < scene->steering->group_count; g++)
		moved += group_moved(service, (uint16_t)g, &live) / (double)scene->steering->group_count;
	return moved;
}

static double
group_moved(const struct service *service, uint16_t group, const struct live *live)
{
	const struct slot_table *table = service->tables[group];
	struct pick_question now = group_question(service, group, service->live),
			     then = group_question(service, group, live);
	double moved = 0;

	for (uint32_t i = 0; table != NULL && i < part_count(table); i++) {
		double share = ask_part(&now, table, i);

		ask_part(&then, table, i);
		moved += slots_pick(&now).region != slots_pick(&then).region ? share : 0;
	}
	return moved;
}

/* --- others -------------------------------------------------------------------------------------------------- */

void
resource_override(struct view *view, cJSON *into, const struct override *override, struct wall now)
{
	view_number(view, into, "id", (double)override->id);
	view_text(view, into, "kind", override->kind);
	view_text(view, into, "region", override->region);
	view_text(view, into, "service", override->service[0] == '\0' ? NULL : override->service);
	view_number(view, into, "share", override->value);
	view_number(view, into, "now", drain_share(override, now));
	view_bool(view, into, "ending", drain_is_ending(override, now));
	view_number(view, into, "over_s", (double)override->over_ms / 1000);
	view_bool(view, into, "forced", override->forced);
	view_text(view, into, "reason", override->reason);
	view_text(view, into, "author", override->author);
	view_time(view, into, "from", override->from);
	view_time(view, into, "until", override->until);
}

const char *
pick_outcome_text(enum pick_outcome outcome)
{
	static const char *const texts[PICK_OUTCOMES] = {
		[PICK_LISTED] = "listed", [PICK_BEYOND_LIST] = "beyond_list", [PICK_DRAINED] = "drained",
		[PICK_ALL_DOWN] = "all_down", [PICK_NONE_LEGAL] = "none_legal", [PICK_NODATA] = "nodata",
		[PICK_SERVFAIL] = "servfail", [PICK_SHED] = "shed",
	};

	return texts[outcome];
}

static void
text_list(struct view *view, cJSON *into, const char *name, const char *const *texts, size_t count)
{
	cJSON *list = view_array(view, into, name);

	for (size_t i = 0; i < count; i++)
		view_text(view, list, NULL, texts[i]);
}
