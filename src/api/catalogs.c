/* catalogs.c -- catalog zones: their members, and what isn't followed; an operator's word that one may delete.
 * In: the world in service.  Out: JSON, or a change that carries the word.
 * Threads: views on the control thread; the first step of a change on the API's. */
#include <string.h>

#include "api/change.h"
#include "api/handlers.h"
#include "api/names.h"
#include "api/view.h"
#include "control/secondaries.h"

static void show_catalog(struct request *request, struct view *view, cJSON *list, const struct steering_zone *section);
static void show_member(struct view *view, cJSON *list, const struct world *world, const struct membership *member);
static bool prepare_confirmed(struct change *change, struct control *control, struct diags *diags);

void
catalogs_show(struct request *request)
{
	const struct world *world = control_world(request->control);
	const char *wanted = request_query(request, "zone");
	struct view view = { 0 };
	uint8_t apex[NAME_MAX];
	cJSON *list;

	if (wanted != NULL && name_parse(wanted, apex) == 0) {
		answer_problem(request, 400, NULL, "'%s' is no name of a zone", wanted);
		request_answered(request);
		return;
	}
	list = view_array(&view, view_root(&view), "catalogs");
	for (size_t i = 0; i < world->steering->zone_count; i++) {
		const struct steering_zone *section = &world->steering->zones[i];

		if (section->catalog_role != CATALOG_NONE
		    && (wanted == NULL || name_compare(section->apex, apex) == 0))
			show_catalog(request, &view, list, section);
	}
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

static void
show_catalog(struct request *request, struct view *view, cJSON *list, const struct steering_zone *section)
{
	const struct world *world = control_world(request->control);
	const struct world_zone *zone = world_find(world, section->name);
	const struct members *members = world->members;
	bool follows = section->catalog_role == CATALOG_CONSUMER;
	struct secondaries_view told;
	cJSON *into = view_object(view, list, NULL), *inner;
	uint32_t serial = zone == NULL ? 0 : zone_serial(zone->zone);

	if (!follows && secondaries_view(control_secondaries(request->control), section->apex, &told))
		serial = told.serial;
	view_text(view, into, "catalog", section->name);
	view_text(view, into, "role", follows ? "consumer" : "producer");
	view_known_count(view, into, "serial", zone != NULL, serial);
	inner = view_array(view, into, "members");
	for (size_t i = 0; i < members->count; i++)
		if (!members->list[i].gone && strcmp(members->list[i].catalog, section->name) == 0)
			show_member(view, inner, world, &members->list[i]);
	inner = view_array(view, into, "clashes");
	for (size_t i = 0; i < members->clash_count; i++) {
		cJSON *clash;

		if (strcmp(members->clashes[i].catalog, section->name) != 0)
			continue;
		clash = view_object(view, inner, NULL);
		view_text(view, clash, "zone", members->clashes[i].zone);
		view_text(view, clash, "holder", *members->clashes[i].holder == '\0' ? NULL
		    : members->clashes[i].holder);
	}
}

static void
show_member(struct view *view, cJSON *list, const struct world *world, const struct membership *member)
{
	const struct world_zone *zone = world_find(world, member->zone);
	cJSON *into = view_object(view, list, NULL);

	view_text(view, into, "zone", member->zone);
	view_text(view, into, "label", member->label);
	view_text(view, into, "group", *member->group == '\0' ? NULL : member->group);
	view_known_count(view, into, "serial", zone != NULL, zone == NULL ? 0 : zone_serial(zone->zone));
}

/* --- an operator's word ----------------------------------------------------------------------------------------- */

void
catalog_confirm(struct request *request)
{
	uint8_t apex[NAME_MAX];
	char name[NAME_TEXT_SIZE];
	struct change *change;

	if (name_parse(request->params[0], apex) == 0) {
		answer_problem(request, 400, NULL, "'%s' is no name of a zone", request->params[0]);
		return;
	}
	change = change_begin(request, "catalog.confirm", name_text(apex, name));
	if (change == NULL)
		return;
	change->confirms = change->subject;
	change->prepare = prepare_confirmed;
}

static bool
prepare_confirmed(struct change *change, struct control *control, struct diags *diags)
{
	uint8_t apex[NAME_MAX];
	const struct steering_zone *section = name_parse(change->confirms, apex) == 0 ? NULL
	    : steering_zone_find(control_world(control)->steering, apex);

	if (section != NULL && section->catalog_role == CATALOG_CONSUMER)
		return true;
	diag_error(diags, (struct diag_place){ 0 }, NULL, "%s is no catalog that is followed here", change->confirms);
	return false;
}
