/* overrides.c -- drains and drills: an operator keeps clients away from a region, with a reason and an end.
 * In: the region, the share that it keeps, why and how long.  Out: a change for control_change(); who moves by it, and
 * what it does to those who take them.
 * Threads: the first steps run on the API's thread; the prepare functions on the control thread at the change's
 * turn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/change.h"
#include "api/drain_view.h"
#include "api/handlers.h"
#include "api/resources.h"

#define DRAIN_MAX_S ((int64_t)3650 * 86400)	/* what lasts longer than ten years is meant for ever */
#define OVER_MAX_S ((int64_t)86400)		/* a way there that takes longer is several drains */

static bool read_override(const struct json_object *o, struct change *change, struct diags *diags);
static void read_until(const struct json_object *o, struct override *override);
static bool prepare_override(struct change *change, struct control *control, struct diags *diags);
static void check_names(const struct override *override, const struct steering *steering, struct diags *diags);
static bool full_name(struct change *change, const struct steering *steering);
static void check_drill(const struct override *override, const struct control *control, struct diags *diags);
static void check_loads(struct override *override, struct request *request, struct diags *diags);
static void list_moves(struct request *request, const struct override *with, int64_t without);
static double let_in(const struct control *control, const struct override *with, int64_t without, const char *region,
	const char *service);
static bool read_over(const struct request *request, int64_t *over_ms, struct diags *diags);
static bool prepare_override_delete(struct change *change, struct control *control, struct diags *diags);
static void end_override(struct change *change, const struct control *control, const struct override *override);

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
	static const char *const known[] = { "kind", "region", "service", "share", "over_s", "reason", "until", "for_s",
		"force", NULL };
	struct arena *arena = change->arena;
	struct override *override = arena_alloc(arena, sizeof(*override));
	const char *kind = json_string(o, "kind", false, "drain");
	bool is_drill = strcmp(kind, "drill") == 0;

	if (override == NULL)
		return false;
	*override = (struct override){
		.kind = is_drill ? "drill" : "drain",
		.region = arena_text(arena, json_string(o, "region", true, "")),
		.service = arena_text(arena, json_string(o, "service", false, "")),
		.value = json_number(o, "share", is_drill, 0, 1, 0),
		.begin = 1,
		.over_ms = json_integer(o, "over_s", false, 0, OVER_MAX_S, 0) * 1000,
		.forced = json_bool(o, "force", false, false),
		.reason = arena_text(arena, json_string(o, "reason", true, "")),
		.author = change->author,
		.from = wall_now(),
	};
	if (strcmp(kind, "drain") != 0 && !is_drill)
		json_error(o, "kind", "drain", "'%s' is no kind of override", kind);
	if (is_drill && override->forced)
		json_error(o, "force", NULL, "a drill can't be forced: what overloads others is no practice");
	if (override->reason != NULL && override->reason[0] == '\0' && !diag_failed(diags))
		json_error(o, "reason", NULL, "is empty: say why");
	read_until(o, override);
	if (is_drill && override->until.ms == 0 && !diag_failed(diags))
		json_error(o, "until", NULL, "a drill has an end");
	json_refuse_unknown(o, known);
	if (is_drill)
		change->action = "drill.begin";
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
	check_names(change->override, round_steering(control_round(control)), diags);
	if (!diag_failed(diags) && !full_name(change, round_steering(control_round(control))))
		diag_error(diags, request_place(NULL), NULL, "out of memory");
	if (!diag_failed(diags) && strcmp(change->override->kind, "drill") == 0)
		check_drill(change->override, control, diags);
	if (!diag_failed(diags)) {
		list_moves(change->prepare_arg, change->override, 0);
		check_loads(change->override, change->prepare_arg, diags);
	}
	return !diag_failed(diags);
}

static void
check_names(const struct override *override, const struct steering *steering, struct diags *diags)
{
	const char *names[REGIONS_MAX];
	region_id region = steering_region_find(steering, override->region);
	const struct steering_service *service = steering_service_find(steering, override->service);
	bool serves = false;

	for (size_t i = 0; i < steering->region_count; i++)
		names[i] = steering->regions[i].name;
	if (region == NO_REGION)
		diag_error(diags, request_place("/region"),
		    text_suggest(override->region, names, steering->region_count),
		    "steering.yaml has no region '%s'", override->region);
	if (override->service[0] == '\0')
		return;
	if (service == NULL)
		diag_error(diags, request_place("/service"), NULL, "steering.yaml has no service '%s'",
		    override->service);
	for (size_t i = 0; service != NULL && i < service->region_count; i++)
		serves |= service->regions[i].region == region;
	if (service != NULL && region != NO_REGION && !serves)
		diag_error(diags, request_place("/service"), NULL, "'%s' isn't served by region '%s'",
		    override->service, override->region);
}

/* With its final dot, as the steering has it. */
static bool
full_name(struct change *change, const struct steering *steering)
{
	const struct steering_service *service = steering_service_find(steering, change->override->service);

	if (service != NULL)
		change->override->service = arena_text(change->arena, service->name);
	return change->override->service != NULL;
}

static void
check_drill(const struct override *override, const struct control *control, struct diags *diags)
{
	const struct override *overrides;
	size_t count = control_overrides(control, &overrides);
	char why[256];

	for (size_t i = 0; i < count; i++)
		if (strcmp(overrides[i].kind, "drill") == 0)
			diag_error(diags, request_place("/kind"), NULL,
			    "drill %lld of region %s isn't over: one at a time", (long long)overrides[i].id,
			    overrides[i].region);
	if (!diag_failed(diags) && !control_drill_possible(control, override->region, why, sizeof(why)))
		diag_error(diags, request_place("/region"), NULL, "now isn't the time to practise: %s", why);
}

/* `forced` stays only where it was needed. */
static void
check_loads(struct override *override, struct request *request, struct diags *diags)
{
	const struct control *control = request->control;
	struct drain_effect *effect = arena_alloc(request->arena, sizeof(*effect));
	bool force = override->forced;

	if (effect == NULL || !drains_effect(control, override, 0, effect)) {
		diag_error(diags, request_place(NULL), NULL, "out of memory");
		return;
	}
	override->forced = force && effect->worst != NO_REGION;
	request->detail_name = "drain";
	request->detail = drain_view(request->arena, control, override, effect);
	drain_judge(control, override, effect, force, diags);
}

/* Who moves by the change, told with the outcome. Without memory nobody is told. */
static void
list_moves(struct request *request, const struct override *with, int64_t without)
{
	struct scene scene = scene_now(request->control);
	region_id region = steering_region_find(scene.steering, with->region);

	request->moves = arena_alloc(request->arena, (scene.snapshot->service_count + 1) * sizeof(*request->moves));
	for (size_t s = 0; s < scene.snapshot->service_count && request->moves != NULL && region != NO_REGION; s++) {
		const struct service *service = &scene.snapshot->services[s];
		size_t index = (size_t)(service->intent - scene.steering->services);
		double admitted = fmin(let_in(request->control, with, without, with->region, service->intent->name),
		    round_return_admits(scene.round, region, index));
		double share = scene_moved(&scene, service, region, admitted);

		if (share > 0)
			request->moves[request->move_count++] = (struct outcome_move){ .service = service->intent->name,
				.share = share };
	}
}

/* What the drains let in for the service as far as they go, with the change: `with` counts but where it's the one that
 * ends, `without`. */
static double
let_in(const struct control *control, const struct override *with, int64_t without, const char *region,
	const char *service)
{
	const struct override *overrides;
	size_t count = control_overrides(control, &overrides);
	bool counts = with->service[0] == '\0' || strcmp(with->service, service) == 0;
	double least = with->id != without || without == 0 ? (counts ? with->value : 1) : 1;

	for (size_t i = 0; i < count; i++)
		if (overrides[i].id != with->id && strcmp(overrides[i].region, region) == 0
		    && (overrides[i].service[0] == '\0' || strcmp(overrides[i].service, service) == 0))
			least = fmin(least, drain_goal(&overrides[i], wall_now()));
	return least;
}

/* --- the end ------------------------------------------------------------------------------------------------- */

void
override_delete(struct request *request)
{
	char *end;
	long long id = strtoll(request->params[0], &end, 10);
	struct diags diags = { 0 };
	int64_t *over_ms = arena_alloc(request->arena, sizeof(*over_ms));
	struct change *change;

	if (*end != '\0' || id <= 0) {
		answer_problem(request, 404, NULL, "there is no override '%s'", request->params[0]);
		return;
	}
	if (over_ms == NULL) {
		answer_no_memory(request);
		return;
	}
	if (!read_over(request, over_ms, &diags)) {
		answer_invalid(request, &diags);
		diag_fini(&diags);
		return;
	}
	change = change_begin(request, "undrain", request->params[0]);
	if (change == NULL)
		return;
	change->override_delete = id;
	request->over_ms = over_ms;
	change->prepare = prepare_override_delete;
	change->prepare_arg = request;
}

/* *over_ms -1: not given. */
static bool
read_over(const struct request *request, int64_t *over_ms, struct diags *diags)
{
	const char *text = request_query(request, "over_s");
	char *end = NULL;
	long long seconds = text == NULL ? 0 : strtoll(text, &end, 10);

	if (text != NULL && (end == text || *end != '\0' || seconds < 0 || seconds > OVER_MAX_S))
		diag_error(diags, request_place(NULL), NULL,
		    "the parameter 'over_s' is a number of seconds from 0 to %lld, not '%s'", (long long)OVER_MAX_S,
		    text);
	*over_ms = text == NULL ? -1 : seconds * 1000;
	return !diag_failed(diags);
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
		list_moves(request, &overrides[i], overrides[i].id);
		end_override(change, control, &overrides[i]);
		return true;
	}
	request->missing = true;
	diag_error(diags, request_place(NULL), NULL, "there is no override %lld", (long long)change->override_delete);
	return false;
}

/* A drill, and a drain that has no way back, are deleted; any other becomes its own way back. */
static void
end_override(struct change *change, const struct control *control, const struct override *override)
{
	const struct request *request = change->prepare_arg;
	int64_t over_ms = *request->over_ms >= 0 ? *request->over_ms : override->over_ms;
	struct wall now = wall_now();
	struct override *back;

	change->subject = arena_text(change->arena, override->region);
	if (strcmp(override->kind, "drill") == 0) {
		change->action = "drill.end";
		change->note = drill_note(change->arena, control, override->id, change->author);
		return;
	}
	back = over_ms == 0 || drain_share(override, now) >= 1 ? NULL : arena_alloc(change->arena, sizeof(*back));
	if (back == NULL)
		return;
	*back = *override;
	back->kind = "drain";
	back->region = change->subject;
	back->service = arena_text(change->arena, override->service);
	back->reason = arena_text(change->arena, override->reason);
	back->author = arena_text(change->arena, override->author);
	if (back->region == NULL || back->service == NULL || back->reason == NULL || back->author == NULL)
		return;		/* then at once */
	drain_end(back, over_ms, now);
	change->override = back;
	change->override_delete = 0;
}
