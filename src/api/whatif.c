/* whatif.c -- what would happen if. Nothing is changed by it.
 * In: {"lose": [REGION...], "drain": {REGION: share let in}, "demand": FACTOR}.  Out: loads, latency, who moves, who is
 * left without a region, before and after.
 * Threads: measured latencies are read on the API's thread; all else on the control thread, of what is in service. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "api/resources.h"
#include "api/view.h"
#include "control/whatif.h"

#define SCALE_MAX 1000.0
#define LATENCIES_MAX ((size_t)200000)	/* 2,000 groups and 100 regions */

struct supposed {
	struct request *request;
	cJSON *body;
	size_t latency_count, latency_size;
	struct latency_row *latencies;
	bool failed;
};

static void supposed_free(void *work);
static bool on_latency(void *arg, const struct latency_entry *entry);
static bool read_question(const struct supposed *supposed, const struct steering *steering,
	struct whatif_question *question, struct diags *diags);
static void read_drain(const struct json_object *o, const struct steering *steering, struct whatif_question *question);
static void tell(struct view *view, const struct scene *scene, const struct whatif_question *question,
	const struct whatif *whatif);
static void tell_regions(struct view *view, cJSON *root, const struct scene *scene, const struct whatif *whatif);
static void tell_unserved(struct view *view, cJSON *root, const struct scene *scene, const struct whatif *whatif);

void
whatif_read_body(struct request *request)
{
	struct supposed *supposed = arena_alloc(request->arena, sizeof(*supposed));
	struct diags diags = { 0 };
	struct json_object o;

	if (supposed == NULL) {
		answer_no_memory(request);
		return;
	}
	supposed->request = request;
	request->work = supposed;
	request->work_free = supposed_free;
	supposed->body = request_json(request, &o, &diags);
	if (supposed->body != NULL && request->reader != NULL
	    && (store_latencies(request->reader, on_latency, supposed) < 0 || supposed->failed))
		supposed->latency_count = 0;	/* by distance, then */
	diag_fini(&diags);
}

static void
supposed_free(void *work)
{
	cJSON_Delete(((struct supposed *)work)->body);
}

static bool
on_latency(void *arg, const struct latency_entry *entry)
{
	struct supposed *supposed = arg;
	struct arena *arena = supposed->request->arena;
	struct latency_row *row;

	if (supposed->latency_count == supposed->latency_size) {
		size_t size = supposed->latency_size == 0 ? 64 : supposed->latency_size * 2;
		struct latency_row *rows = arena_alloc(arena, size * sizeof(*rows));

		supposed->failed = rows == NULL || size > 2 * LATENCIES_MAX;
		if (supposed->failed)
			return false;
		if (supposed->latency_count > 0)
			memcpy(rows, supposed->latencies, supposed->latency_count * sizeof(*rows));
		supposed->latencies = rows;
		supposed->latency_size = size;
	}
	row = &supposed->latencies[supposed->latency_count++];
	*row = (struct latency_row){ arena_text(arena, entry->clients), arena_text(arena, entry->region), entry->ms,
		strcmp(entry->source, "agent") == 0, entry->at.ms };
	supposed->failed = row->clients == NULL || row->region == NULL;
	return !supposed->failed;
}

void
whatif_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	struct whatif_question *question = arena_alloc(request->arena, sizeof(*question));
	struct diags diags = { 0 };
	struct whatif whatif;
	struct view view = { 0 };

	if (question == NULL) {
		answer_no_memory(request);
	} else if (!read_question(request->work, scene.steering, question, &diags)) {
		answer_invalid(request, &diags);
	} else if (!control_whatif(request->control, question, request->arena, &whatif)) {
		answer_no_memory(request);
	} else {
		tell(&view, &scene, question, &whatif);
		answer_json(request, 200, view_take(&view));
	}
	diag_fini(&diags);
	request_answered(request);
}

static bool
read_question(const struct supposed *supposed, const struct steering *steering, struct whatif_question *question,
	struct diags *diags)
{
	static const char *const known[] = { "lose", "drain", "demand", NULL };
	struct json_object o = json_object(supposed->body, "request", "#", diags);
	const cJSON *name;

	*question = (struct whatif_question){ .latency_count = supposed->latency_count,
		.latencies = supposed->latencies };
	question->scale = json_number(&o, "demand", false, 0, SCALE_MAX, 1);
	for (size_t r = 0; r < REGIONS_MAX; r++)
		question->let_in[r] = 1;
	cJSON_ArrayForEach(name, json_array(&o, "lose", false)) {
		region_id r = steering_region_find(steering, cJSON_IsString(name) ? name->valuestring : "");

		if (r == NO_REGION)
			json_error(&o, "lose", NULL, "there is no region '%s'",
			    cJSON_IsString(name) ? name->valuestring : "");
		else
			region_set_add(&question->lost, r);
	}
	if (json_member(&o, "drain", false) != NULL)
		read_drain(&o, steering, question);
	json_refuse_unknown(&o, known);
	return !diag_failed(diags);
}

static void
read_drain(const struct json_object *o, const struct steering *steering, struct whatif_question *question)
{
	struct json_object drains = json_object(json_member(o, "drain", false), "request", "#/drain", o->diags);
	const cJSON *drain;

	if (!cJSON_IsObject(drains.object))
		return;
	cJSON_ArrayForEach(drain, drains.object) {
		region_id r = steering_region_find(steering, drain->string);
		double let_in = json_number(&drains, drain->string, true, 0, 1, 1);

		if (r == NO_REGION)
			json_error(&drains, drain->string, NULL, "there is no region '%s'", drain->string);
		else
			question->let_in[r] = let_in;
	}
}

static void
tell(struct view *view, const struct scene *scene, const struct whatif_question *question, const struct whatif *whatif)
{
	cJSON *root = view_root(view), *latency;

	view_count(view, root, "epoch", scene->snapshot->epoch);
	view_number(view, root, "demand", question->scale);
	view_bool(view, root, "demand_known", whatif->known);
	tell_regions(view, root, scene, whatif);
	latency = view_object(view, root, "latency_ms");
	view_number(view, latency, "before", whatif->latency_before);
	view_number(view, latency, "after", whatif->latency);
	view_number(view, root, "moved", whatif->moved);
	tell_unserved(view, root, scene, whatif);
	view_bool(view, root, "safe", !whatif->overloaded && whatif->hit_count == 0);
}

static void
tell_regions(struct view *view, cJSON *root, const struct scene *scene, const struct whatif *whatif)
{
	cJSON *list = view_array(view, root, "regions");

	for (size_t r = 0; r < whatif->region_count; r++) {
		const struct whatif_region *region = &whatif->regions[r];
		cJSON *entry = view_object(view, list, NULL);
		bool bounded = region->capacity > 0 && whatif->known;

		view_text(view, entry, "region", scene->steering->regions[r].name);
		view_text(view, entry, "state", region->dead ? "dead" : region->lost ? "lost" : NULL);
		view_number(view, entry, "let_in_before", region->let_in_before);
		view_number(view, entry, "let_in", region->let_in);
		view_number(view, entry, "before", whatif->known ? region->before : NAN);
		view_number(view, entry, "after", whatif->known ? region->after : NAN);
		view_number(view, entry, "capacity", region->capacity > 0 ? region->capacity : NAN);
		view_number(view, entry, "fill_before", bounded ? region->before / region->capacity : NAN);
		view_number(view, entry, "fill", bounded ? region->after / region->capacity : NAN);
		view_bool(view, entry, "overloaded", bounded
		    && region->after > region->capacity * (1 + CERTIFICATE_SLACK));
	}
}

static void
tell_unserved(struct view *view, cJSON *root, const struct scene *scene, const struct whatif *whatif)
{
	cJSON *object = view_object(view, root, "unserved"), *list;

	view_number(view, object, "before", whatif->known ? whatif->unserved_before : NAN);
	view_number(view, object, "after", whatif->known ? whatif->unserved : NAN);
	list = view_array(view, object, "clients");
	for (size_t i = 0; i < whatif->hit_count; i++) {
		const struct whatif_unserved *hit = &whatif->hit[i];
		cJSON *entry = view_object(view, list, NULL);
		char name[128];

		view_text(view, entry, "service", hit->service);
		view_text(view, entry, "clients",
		    partition_name(scene->snapshot->partition, scene->steering, hit->demand_group, name));
		view_number(view, entry, "share", hit->share);
		view_number(view, entry, "rate", hit->rate);
		view_text(view, entry, "why", hit->why);
	}
}
