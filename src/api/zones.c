/* zones.c -- zones and records as they're served, and the whole folder for an export.
 * In: the published snapshot and the texts it was made from.  Out: JSON.  Threads: control. */
#include <string.h>

#include "api/handlers.h"
#include "api/names.h"
#include "api/resources.h"
#include "api/view.h"
#include "control/zone_settings.h"
#include "dns/types.h"
#include "zone/rdata_write.h"
#include "zone/rrtype.h"
#include "zone/signed_check.h"

static void add_zone(struct request *request, struct view *view, cJSON *into, const struct scene *scene,
	const struct zone *zone);
static void add_signing(struct request *request, struct view *view, cJSON *into, const char *name);
static void add_catalogs(struct view *view, cJSON *into, const struct world *world, const uint8_t *apex);
static const struct zone *find_zone(struct request *request, const struct scene *scene, const char **name);
static bool owner_wanted(struct request *request, const struct zone *zone, uint8_t owner[static NAME_MAX], bool *any);
static void add_node(struct view *view, cJSON *list, const struct node *node, uint16_t type);
static void add_rrset(struct view *view, cJSON *list, const struct node *node, const struct rrset *rrset);
static void finish(struct request *request, struct view *view);

void
zones_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	struct view view = { 0 };
	cJSON *list = view_array(&view, view_root(&view), "zones");

	for (size_t i = 0; i < scene.snapshot->zone_count; i++)
		add_zone(request, &view, view_object(&view, list, NULL), &scene, scene.snapshot->zones[i]);
	finish(request, &view);
}

static void
add_zone(struct request *request, struct view *view, cJSON *into, const struct scene *scene, const struct zone *zone)
{
	char name[NAME_TEXT_SIZE];
	size_t services = 0;

	for (size_t s = 0; s < scene->snapshot->service_count; s++)
		services += scene->snapshot->services[s].zone == zone;
	view_text(view, into, "zone", name_text(zone_apex(zone)->name, name));
	view_count(view, into, "serial", zone_serial(zone));
	view_count(view, into, "names", zone_names(zone));
	view_count(view, into, "records", zone_records(zone));
	view_count(view, into, "services", services);
	add_catalogs(view, into, control_world(request->control), zone_apex(zone)->name);
	view_count(view, into, "memory", zone_memory(zone));
	add_signing(request, view, into, name);
}

/* Who signs it, or null; and when the first signature expires, or has. */
static void
add_signing(struct request *request, struct view *view, cJSON *into, const char *name)
{
	const struct signer *signer = control_signer(request->control);
	struct zone_validity validity = { 0 };
	struct signing_view here = { 0 };
	bool is_ours = signer != NULL && signing_view(signer, name, &here) && here.signed_zone != NULL;
	bool arrives = !is_ours && control_arrived_find(request->control, name, &validity);

	view_text(view, into, "signed", is_ours ? "here" : arrives ? "elsewhere" : NULL);
	view_time(view, into, "expires", is_ours ? here.signed_zone->expires : validity.until);
	view_known_count(view, into, "expired", arrives, validity.expired);
}

/* What the zone is as a catalog, or null; and the catalog that brought it, or null. */
static void
add_catalogs(struct view *view, cJSON *into, const struct world *world, const uint8_t *apex)
{
	static const char *const roles[] = { [CATALOG_NONE] = NULL, [CATALOG_PRODUCER] = "producer",
		[CATALOG_CONSUMER] = "consumer" };
	const struct steering_zone *section = steering_zone_find(world->steering, apex);
	const struct membership *member = members_followed(world->members, apex);

	view_text(view, into, "catalog", section == NULL ? NULL : roles[section->catalog_role]);
	view_text(view, into, "member_of", member == NULL ? NULL : member->catalog);
}

void
zone_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	const char *name;
	const struct zone *zone = find_zone(request, &scene, &name);
	struct view view = { 0 };
	cJSON *root;

	if (zone == NULL) {
		request_answered(request);
		return;
	}
	root = view_root(&view);
	add_zone(request, &view, root, &scene, zone);
	view_text(&view, root, "text", control_zone_text(request->control, name));
	finish(request, &view);
}

/* NULL: answered. *name is the zone's own spelling. */
static const struct zone *
find_zone(struct request *request, const struct scene *scene, const char **name)
{
	uint8_t apex[NAME_MAX];
	size_t length = name_parse(request->params[0], apex);

	for (size_t i = 0; length > 0 && i < scene->snapshot->zone_count; i++) {
		const struct node *node = zone_apex(scene->snapshot->zones[i]);
		char text[NAME_TEXT_SIZE];

		if (node->name_length != length || memcmp(node->name, apex, length) != 0)
			continue;
		*name = arena_text(request->arena, name_text(node->name, text));
		if (*name != NULL)
			return scene->snapshot->zones[i];
		answer_no_memory(request);
		return NULL;
	}
	answer_problem(request, 404, NULL, "there is no zone '%s'", request->params[0]);
	return NULL;
}

/* --- records ------------------------------------------------------------------------------------------------- */

void
records_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	const char *name, *type_text = request_query(request, "type");
	const struct zone *zone = find_zone(request, &scene, &name);
	uint16_t type = type_text == NULL ? 0 : rrtype_parse(type_text);
	uint8_t owner[NAME_MAX];
	struct view view = { 0 };
	bool any = false;
	cJSON *list;

	if (zone != NULL && type_text != NULL && type == 0)
		answer_problem(request, 400, NULL, "'%s' is no record type", type_text);
	if (zone == NULL || request->answer.status != 0 || !owner_wanted(request, zone, owner, &any)) {
		request_answered(request);
		return;
	}
	list = view_array(&view, view_root(&view), "records");
	for (size_t i = 0; i < zone_node_count(zone) + zone_nsec3_count(zone); i++) {
		const struct node *node = i < zone_node_count(zone) ? zone_node_at(zone, i)
			: zone_nsec3_at(zone, i - zone_node_count(zone));

		if (any || name_compare(node->name, owner) == 0)
			add_node(&view, list, node, type);
	}
	finish(request, &view);
}

static bool
owner_wanted(struct request *request, const struct zone *zone, uint8_t owner[static NAME_MAX], bool *any)
{
	const char *text = request_query(request, "owner");

	*any = text == NULL;
	if (text == NULL || owner_parse(text, zone_apex(zone)->name, owner))
		return true;
	answer_problem(request, 400, NULL, "'%s' is no name", text);
	return false;
}

/* The records of one owner, signatures beside what they cover. `type` 0: all. */
static void
add_node(struct view *view, cJSON *list, const struct node *node, uint16_t type)
{
	struct rrset signatures;

	for (size_t k = 0; k < node->rrset_count; k++) {
		const struct rrset *set = &node->rrsets[k];

		if (type == 0 || set->type == type)
			add_rrset(view, list, node, set);
		if ((type == 0 || type == TYPE_RRSIG) && rrset_signatures(set, &signatures))
			add_rrset(view, list, node, &signatures);
	}
}

static void
add_rrset(struct view *view, cJSON *list, const struct node *node, const struct rrset *rrset)
{
	char owner[NAME_TEXT_SIZE], type[16];
	cJSON *entry = view_object(view, list, NULL), *values;
	const uint8_t *at = rrset->wire;

	view_text(view, entry, "owner", name_text(node->name, owner));
	view_text(view, entry, "type", rrtype_text(rrset->type, type));
	view_count(view, entry, "ttl", rrset->ttl);
	values = view_array(view, entry, "rdata");
	for (unsigned i = 0; i < rrset->count; i++) {
		uint16_t length = (uint16_t)(at[0] << 8 | at[1]);
		struct text rdata = { 0 };

		rdata_write(rrset->type, at + 2, length, &rdata);
		view_text(view, values, NULL, rdata.failed || rdata.bytes == NULL ? "" : rdata.bytes);
		view->failed |= rdata.failed;
		text_fini(&rdata);
		at += 2 + length;
	}
}

/* --- export -------------------------------------------------------------------------------------------------- */

void
export_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	const struct world *world = control_world(request->control);
	const char *steering = control_steering_text(request->control);
	struct view view = { 0 };
	cJSON *files = view_object(&view, view_root(&view), "files");

	for (size_t i = 0; i < scene.snapshot->zone_count; i++) {
		const uint8_t *apex = zone_apex(scene.snapshot->zones[i])->name;
		char name[NAME_TEXT_SIZE], file[NAME_TEXT_SIZE + 8];
		const struct world_zone *zone = world_find(world, name_text(apex, name));

		if (zone_is_transferred(world, apex))
			continue;	/* it's its primary's, and a folder with it couldn't be applied */
		if (zone != NULL && zone->made)
			continue;	/* a catalog, that the others make */
		zone_file_name(name, file);
		view_text(&view, files, file, control_zone_text(request->control, name));
	}
	if (steering[0] != '\0')
		view_text(&view, files, "steering.yaml", steering);
	finish(request, &view);
}

static void
finish(struct request *request, struct view *view)
{
	answer_json(request, 200, view_take(view));
	request_answered(request);
}
