/* overrides.c -- drains: an operator keeps clients away from a region, with a reason and an end.
 * In: the region, the share that it keeps, why and how long.  Out: a change for control_change(), and who moves by it.
 * Threads: the first steps run on the API's thread; the prepare functions on the control thread at the change's
 * turn. */
#include <stdlib.h>
#include <string.h>

#include "api/change.h"
#include "api/handlers.h"
#include "api/resources.h"

#define DRAIN_MAX_S ((int64_t)3650 * 86400)	/* what lasts longer than ten years is meant for ever */

static bool read_override(const struct json_object *o, struct change *change, struct diags *diags);
static void read_until(const struct json_object *o, struct override *override);
static bool prepare_override(struct change *change, struct control *control, struct diags *diags);
static double least_drain(const struct control *control, const char *region, int64_t but, double otherwise);
static void list_moves(struct request *request, const char *region_name, double admitted);
static bool prepare_override_delete(struct change *change, struct control *control, struct diags *diags);

void
override_read_body(struct request *request)
{
	struct change *change = change_begin(request, "drain", "");
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = change == NULL ? NULL : request_json(request, &o, &diags);

	if (body != NULL) {
		bool good = read_override(&o, change, &diags);

		if (diag_failed(&diags))
			answer_invalid(request, &diags);
		else if (!good)
			answer_no_memory(request);
		change->prepare = prepare_override;
		change->prepare_arg = request;
	}
	cJSON_Delete(body);
	diag_fini(&diags);
}

/* A reason and an end are asked for, since a drain that nobody remembers is an outage in waiting. */
static bool
read_override(const struct json_object *o, struct change *change, struct diags *diags)
{
	static const char *const known[] = { "kind", "region", "service", "share", "reason", "until", "for_s", NULL };
	struct arena *arena = change->arena;
	struct override *override = arena_alloc(arena, sizeof(*override));
	const char *kind = json_string(o, "kind", false, "drain");

	if (override == NULL)
		return false;
	*override = (struct override){
		.kind = "drain",
		.region = arena_text(arena, json_string(o, "region", true, "")),
		.service = arena_text(arena, json_string(o, "service", false, "")),
		.value = json_number(o, "share", false, 0, 1, 0),
		.reason = arena_text(arena, json_string(o, "reason", true, "")),
		.author = change->author,
		.from = wall_now(),
	};
	if (strcmp(kind, "drain") != 0)
		json_error(o, "kind", "drain", "'%s' is no kind of override", kind);
	if (override->reason != NULL && override->reason[0] == '\0' && !diag_failed(diags))
		json_error(o, "reason", NULL, "is empty: say why");
	read_until(o, override);
	json_refuse_unknown(o, known);
	change->override = override;
	change->reason = override->reason;
	change->subject = override->region;
	return override->region != NULL && override->service != NULL && override->reason != NULL;
}

/* Either `until`, or `for_s`; null as until is for ever. */
static void
read_until(const struct json_object *o, struct override *override)
{
	const cJSON *until = json_member(o, "until", false), *period = json_member(o, "for_s", false);
	int64_t seconds = json_integer(o, "for_s", false, 1, DRAIN_MAX_S, 0);

	if ((until != NULL) == (period != NULL)) {
		json_error(o, "until", NULL, "give either for_s, or until as a time, or until as null for ever");
	} else if (period != NULL) {
		override->until.ms = override->from.ms + seconds * 1000;
	} else if (!cJSON_IsNull(until)) {
		const char *text = json_string(o, "until", true, "");

		if (wall_parse(text, &override->until) < 0)
			json_error(o, "until", NULL, "'%s' is no time such as 2026-11-22T16:20:52Z", text);
		else if (override->until.ms <= override->from.ms)
			json_error(o, "until", NULL, "'%s' has passed", text);
	}
}

static bool
prepare_override(struct change *change, struct control *control, struct diags *diags)
{
	const struct steering *steering = round_steering(control_round(control));
	const struct override *override = change->override;
	const char *names[REGIONS_MAX];

	for (size_t i = 0; i < steering->region_count; i++)
		names[i] = steering->regions[i].name;
	if (steering_region_find(steering, override->region) == NO_REGION)
		diag_error(diags, request_place("/region"),
		    text_suggest(override->region, names, steering->region_count),
		    "steering.yaml has no region '%s'", override->region);
	if (override->service[0] != '\0')
		diag_error(diags, request_place("/service"), NULL,
		    "a drain is of the whole region: leave `service` out");
	if (!diag_failed(diags))
		list_moves(change->prepare_arg, override->region, least_drain(control, override->region, 0,
		    override->value));
	return !diag_failed(diags);
}

/* The least of what the region's drains let in, but for one that ends, and of `otherwise`. */
static double
least_drain(const struct control *control, const char *region, int64_t but, double otherwise)
{
	const struct override *overrides;
	size_t count = control_overrides(control, &overrides);
	int64_t now = wall_now().ms;

	for (size_t i = 0; i < count; i++)
		if (overrides[i].id != but && strcmp(overrides[i].kind, "drain") == 0 &&
		    strcmp(overrides[i].region, region) == 0 &&
		    (overrides[i].until.ms == 0 || overrides[i].until.ms > now) && overrides[i].value < otherwise)
			otherwise = overrides[i].value;
	return otherwise;
}

/* Who moves when the region lets in this share, told with the outcome. Without memory nobody is told. */
static void
list_moves(struct request *request, const char *region_name, double admitted)
{
	struct scene scene = scene_now(request->control);
	region_id region = steering_region_find(scene.steering, region_name);

	request->moves = arena_alloc(request->arena, (scene.snapshot->service_count + 1) * sizeof(*request->moves));
	for (size_t s = 0; s < scene.snapshot->service_count && request->moves != NULL && region != NO_REGION; s++) {
		const struct service *service = &scene.snapshot->services[s];
		double share = scene_moved(&scene, service, region, admitted);

		if (share > 0)
			request->moves[request->move_count++] = (struct outcome_move){ service->intent->name, share };
	}
}

void
override_delete(struct request *request)
{
	char *end;
	long long id = strtoll(request->params[0], &end, 10);
	struct change *change;

	if (*end != '\0' || id <= 0) {
		answer_problem(request, 404, NULL, "there is no override '%s'", request->params[0]);
		return;
	}
	change = change_begin(request, "undrain", request->params[0]);
	if (change == NULL)
		return;
	change->override_delete = id;
	change->prepare = prepare_override_delete;
	change->prepare_arg = request;
}

/* Also for a dry run, which never asks the store. */
static bool
prepare_override_delete(struct change *change, struct control *control, struct diags *diags)
{
	struct request *request = change->prepare_arg;
	const struct override *overrides;
	size_t count = control_overrides(control, &overrides);

	for (size_t i = 0; i < count; i++) {
		if (overrides[i].id != change->override_delete)
			continue;
		change->subject = arena_text(change->arena, overrides[i].region);
		list_moves(request, overrides[i].region, least_drain(control, overrides[i].region, overrides[i].id, 1));
		return true;
	}
	request->missing = true;
	diag_error(diags, request_place(NULL), NULL, "there is no override %lld", (long long)change->override_delete);
	return false;
}
