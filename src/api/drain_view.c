/* drain_view.c -- tells what a drain does to clients and to those who take them.
 * In: a drain's effect.  Out: JSON, and errors and warnings in words with their numbers.  Threads: control. */
#include "api/drain_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/request.h"

static void add_regions(struct view *view, cJSON *root, const struct steering *steering,
	const struct drain_effect *effect);
static void tell_forced(const char *name, const struct drain_region *region, struct diags *diags);
static void tell_overloads(const struct control *control, const struct override *override,
	const struct drain_effect *effect, struct diags *diags);
static void warn(const struct steering *steering, const struct drain_effect *effect, struct diags *diags);

const char *
drain_view(struct arena *arena, const struct control *control, const struct override *override,
	const struct drain_effect *effect)
{
	const struct steering *steering = control_snapshot(control)->steering;
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	view_text(&view, root, "kind", override->kind);
	view_text(&view, root, "region", override->region);
	view_text(&view, root, "service", override->service[0] == '\0' ? NULL : override->service);
	view_number(&view, root, "share", override->value);
	view_number(&view, root, "over_s", (double)override->over_ms / 1000);
	view_bool(&view, root, "forced", override->forced);
	view_bool(&view, root, "safe", effect->known ? effect->worst == NO_REGION : false);
	view_bool(&view, root, "demand_known", effect->known);
	view_number(&view, root, "moved", effect->moved);
	view_number(&view, root, "budget_before", effect->budget_before);
	view_number(&view, root, "budget", effect->budget);
	view_number(&view, root, "unserved", effect->known ? effect->unserved : NAN);
	add_regions(&view, root, steering, effect);
	return view_keep(&view, arena);
}

static void
add_regions(struct view *view, cJSON *root, const struct steering *steering, const struct drain_effect *effect)
{
	cJSON *list = view_array(view, root, "regions");

	for (size_t r = 0; r < effect->region_count; r++) {
		const struct drain_region *region = &effect->regions[r];
		cJSON *entry = view_object(view, list, NULL);

		view_text(view, entry, "region", steering->regions[r].name);
		view_number(view, entry, "gets", region->gained);
		view_number(view, entry, "load_before", effect->known ? region->before : NAN);
		view_number(view, entry, "load_after", effect->known ? region->after : NAN);
		view_number(view, entry, "load_most", effect->known ? region->most : NAN);
		view_number(view, entry, "capacity", region->capacity > 0 ? region->capacity : NAN);
		view_number(view, entry, "drained", region->drained);
	}
}

void
drain_judge(const struct control *control, const struct override *override, const struct drain_effect *effect,
	bool force, struct diags *diags)
{
	const struct steering *steering = control_snapshot(control)->steering;

	if (effect->worst != NO_REGION && !force)
		tell_overloads(control, override, effect, diags);
	else if (effect->worst != NO_REGION)
		tell_forced(steering->regions[effect->worst].name, &effect->regions[effect->worst], diags);
	else
		warn(steering, effect, diags);
}

static void
tell_forced(const char *name, const struct drain_region *region, struct diags *diags)
{
	if (drain_overloads(region))
		diag_warning(diags, request_place(NULL), NULL,
		    "forced: region %s gets %.0f requests/s of the %.0f that it bears", name, region->after,
		    region->capacity);
	else
		diag_warning(diags, request_place(NULL), NULL,
		    "forced: if its own drain ends before the others, region %s gets %.0f requests/s of the %.0f "
		    "that it bears", name, region->most, region->capacity);
}

static void
tell_overloads(const struct control *control, const struct override *override, const struct drain_effect *effect,
	struct diags *diags)
{
	const struct steering *steering = control_snapshot(control)->steering;
	double safe = drains_safe_share(control, override);

	for (size_t r = 0; r < effect->region_count; r++) {
		const struct drain_region *region = &effect->regions[r];
		const char *name = steering->regions[r].name;

		if (drain_overloads(region))
			diag_error(diags, request_place("/share"), NULL,
			    "region %s would get %.0f requests/s of the %.0f that it bears (%.0f %%); now it's %.0f",
			    name, region->after, region->capacity, 100 * region->after / region->capacity,
			    region->before);
		else if (drain_overbooks(region))
			diag_error(diags, request_place("/share"), NULL,
			    "it's beyond the budget of drains (%.0f %%): if its own drain ended before the others, "
			    "region %s would get %.0f requests/s of the %.0f that it bears", 100 * effect->budget,
			    name, region->most, region->capacity);
	}
	if (safe < 1)
		diag_error(diags, request_place("/share"), NULL,
		    "region %s can be drained to %.0f %% without that", override->region, 100 * safe);
	else
		diag_error(diags, request_place("/share"), NULL, "no part of region %s can be drained without that",
		    override->region);
}

static void
warn(const struct steering *steering, const struct drain_effect *effect, struct diags *diags)
{
	if (!effect->known)
		diag_warning(diags, request_place(NULL), NULL,
		    "nothing is known of demand yet: whether the others bear it wasn't checked");
	for (size_t r = 0; r < effect->region_count && effect->known; r++)
		if (effect->regions[r].gained > 0 && effect->regions[r].capacity <= 0)
			diag_warning(diags, request_place(NULL), NULL,
			    "the capacity of region %s isn't known: whether it bears %.0f requests/s wasn't checked",
			    steering->regions[r].name, effect->regions[r].after);
	if (effect->known && effect->unserved > 0)
		diag_warning(diags, request_place(NULL), NULL, "for %.0f requests/s nobody is left", effect->unserved);
}

const char *
drill_note(struct arena *arena, const struct control *control, int64_t id, const char *who)
{
	struct text why = { 0 };
	cJSON *verdict = NULL;
	char *text = NULL;
	const char *kept;

	text_printf(&why, "%s has ended it", who);
	if (!why.failed)
		verdict = control_drill(control, id, why.bytes);
	if (verdict != NULL)
		text = json_write(verdict);
	kept = text == NULL ? NULL : arena_text(arena, text);
	free(text);
	cJSON_Delete(verdict);
	text_fini(&why);
	return kept;
}
