/* secondaries.c -- who gets zones from here, and how far each has come.
 * In: the zones that may be transferred, NOTIFY's targets, what clients fetched.  Out: JSON.  Threads: control. */
#include <stdlib.h>

#include "api/handlers.h"
#include "api/resources.h"
#include "api/secondary.h"
#include "api/view.h"

static void show_zone(struct request *request, struct view *view, cJSON *list, const struct zone *zone,
	const struct secondary_records *records);
static void show_secondary(struct view *view, cJSON *list, const struct secondary *secondary);
static void show_notify(struct view *view, cJSON *into, const struct secondary *secondary);
static void show_transfer(struct view *view, cJSON *into, const struct secondary *secondary);

void
secondaries_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	const char *wanted = request_query(request, "zone");
	uint8_t apex[NAME_MAX];
	size_t length = wanted == NULL ? 0 : name_parse(wanted, apex);
	struct secondary_records records;
	struct view view = { 0 };
	cJSON *list;

	if (wanted != NULL && length == 0) {
		answer_problem(request, 400, NULL, "'%s' is no name of a zone", wanted);
		request_answered(request);
		return;
	}
	if (!secondary_records_read(request->control, &records)) {
		answer_no_memory(request);
		request_answered(request);
		return;
	}
	list = view_array(&view, view_root(&view), "zones");
	for (size_t i = 0; i < scene.snapshot->zone_count; i++)
		if (wanted == NULL || name_compare(zone_apex(scene.snapshot->zones[i])->name, apex) == 0)
			show_zone(request, &view, list, scene.snapshot->zones[i], &records);
	secondary_records_free(&records);
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

/* Zones that nobody may have aren't there. */
static void
show_zone(struct request *request, struct view *view, cJSON *list, const struct zone *zone,
    const struct secondary_records *records)
{
	const uint8_t *apex = zone_apex(zone)->name;
	struct secondaries_view state;
	struct secondary *secondaries;
	char name[NAME_TEXT_SIZE];
	size_t count;
	cJSON *into, *history;

	if (!secondaries_view(control_secondaries(request->control), apex, &state))
		return;
	into = view_object(view, list, NULL);
	view_text(view, into, "zone", name_text(apex, name));
	view_count(view, into, "serial", state.serial);
	view_count(view, into, "text_serial", state.written);
	view_number(view, into, "age_s", (double)mono_ms_between(state.made, mono_now()) / 1000);
	view_bool(view, into, "frozen", state.frozen);
	history = view_object(view, into, "history");
	view_count(view, history, "octets", state.octets);
	view_count(view, history, "differences", state.differences);
	secondaries = secondaries_of_zone(request->control, records, apex, &count);
	view->failed |= secondaries == NULL;
	list = view_array(view, into, "secondaries");
	for (size_t i = 0; secondaries != NULL && i < count; i++)
		show_secondary(view, list, &secondaries[i]);
	free(secondaries);
}

static void
show_secondary(struct view *view, cJSON *list, const struct secondary *secondary)
{
	cJSON *into = view_object(view, list, NULL);
	char text[ADDRESS_TEXT_SIZE];

	view_text(view, into, "address", address_text(&secondary->address, text));
	view_text(view, into, "key", secondary->key == NULL ? NULL : secondary->key->text);
	view_known_count(view, into, "has", secondary->last != NULL,
	    secondary->last == NULL ? 0 : secondary->last->serial);
	view_known_count(view, into, "behind", secondary->behind != SIZE_MAX, secondary->behind);
	view_bool(view, into, "lags", secondary->lags);
	show_notify(view, into, secondary);
	show_transfer(view, into, secondary);
}

static void
show_notify(struct view *view, cJSON *into, const struct secondary *secondary)
{
	const struct notify_view *notify = &secondary->notify;
	bool answered = notify->answered_at.ms != 0;

	if (!secondary->is_told) {
		view_null(view, into, "notify");
		return;
	}
	into = view_object(view, into, "notify");
	view_count(view, into, "port", notify->port);
	view_count(view, into, "serial", notify->serial);
	view_bool(view, into, "waiting", notify->waiting);
	view_count(view, into, "tries", notify->tries);
	view_known_count(view, into, "answered", answered, notify->answered);
	view_time(view, into, "answered_at", notify->answered_at);
	view_known_count(view, into, "rcode", answered, notify->rcode);
}

static void
show_transfer(struct view *view, cJSON *into, const struct secondary *secondary)
{
	static const char *const kinds[OUTGOING_KINDS] = { [OUTGOING_FULL] = "full",
		[OUTGOING_DIFFERENCES] = "differences", [OUTGOING_CURRENT] = "current" };
	const struct transfer_record *last = secondary->last;

	if (last == NULL) {
		view_null(view, into, "transfer");
		return;
	}
	into = view_object(view, into, "transfer");
	view_count(view, into, "serial", last->serial);
	view_text(view, into, "kind", kinds[last->kind]);
	view_count(view, into, "octets", last->octets);
	view_text(view, into, "transport", last->encrypted ? "tls" : "tcp");
	view_time(view, into, "at", (struct wall){ (int64_t)last->at * 1000 });
}
