/* primaries.c -- zones that come from primaries: how each is, and the wish that it be asked for now.
 * In: what control knows of them.  Out: JSON.  Threads: control. */
#include <strings.h>

#include "api/handlers.h"
#include "api/view.h"
#include "control/primaries.h"

static void show_zone(struct view *view, cJSON *list, const struct primaries_view *zone);

void
primaries_show(struct request *request)
{
	const struct primaries *primaries = control_primaries(request->control);
	const char *wanted = request_query(request, "zone");
	struct primaries_view zone;
	struct view view = { 0 };
	uint8_t apex[NAME_MAX];
	char name[NAME_TEXT_SIZE];
	cJSON *list;

	if (wanted != NULL && name_parse(wanted, apex) == 0) {
		answer_problem(request, 400, NULL, "'%s' is no name of a zone", wanted);
		request_answered(request);
		return;
	}
	list = view_array(&view, view_root(&view), "zones");
	for (size_t i = 0; primaries_view(primaries, i, &zone); i++)
		if (wanted == NULL || strcasecmp(name_text(apex, name), zone.zone) == 0)
			show_zone(&view, list, &zone);
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

static void
show_zone(struct view *view, cJSON *list, const struct primaries_view *zone)
{
	static const char *const states[] = { [PRIMARY_WAITING] = "waiting", [PRIMARY_ASKING] = "asking",
		[PRIMARY_TRANSFERRING] = "transferring", [PRIMARY_EXPIRED] = "expired" };
	cJSON *into = view_object(view, list, NULL), *inner;
	char address[ADDRESS_TEXT_SIZE];

	view_text(view, into, "zone", zone->zone);
	view_text(view, into, "state", states[zone->state]);
	view_bool(view, into, "loaded", zone->loaded);
	view_known_count(view, into, "serial", zone->loaded, zone->serial);
	view_time(view, into, "refreshed", zone->refreshed);
	view_time(view, into, "expires", zone->expires);
	view_time(view, into, "next", zone->next);
	view_text(view, into, "primary", zone->primary.bits == 0 ? NULL : address_text(&zone->primary, address));
	view_known_count(view, into, "port", zone->primary.bits != 0, zone->port);
	if (zone->octets == 0) {
		view_null(view, into, "transfer");	/* none since the start */
	} else {
		inner = view_object(view, into, "transfer");
		view_text(view, inner, "kind", zone->by_difference ? "differences" : "full");
		view_text(view, inner, "transport", zone->encrypted ? "tls" : "tcp");
		view_count(view, inner, "octets", zone->octets);
	}
	view_text(view, into, "trouble", *zone->trouble == '\0' ? NULL : zone->trouble);
}

void
zone_refresh(struct request *request)
{
	struct diags diags = { 0 };
	bool whole = request_query_bool(request, "whole", &diags);
	struct view view = { 0 };

	if (diag_failed(&diags)) {
		answer_problem(request, 400, &diags, "the request is wrong");
	} else if (primaries_refresh(control_primaries(request->control), request->params[0], whole)) {
		view_text(&view, view_root(&view), "message", "its primary is asked now");
		answer_json(request, 202, view_take(&view));
	} else {
		answer_problem(request, 404, NULL, "there is no zone '%s' that comes from a primary",
		    request->params[0]);
	}
	diag_fini(&diags);
	request_answered(request);
}
