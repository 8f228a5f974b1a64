/* world_catalogs.c -- catalog zones in a world: the members of those that are followed go with them, and those that are
 * made here are written.
 * In: a world's zones, its steering, the world before.  Out: the same world with its members.
 * Threads: control, or isobarctl.
 * A catalog that is made here is a zone like any other from then on: it's stored, signed if it's to be, transferred.
 * Its text is always the one that is made, whatever a folder has of it. */
#include <stdlib.h>
#include <string.h>

#include "control/world_parts.h"
#include "transfer/catalog.h"
#include "zone/signed_check.h"

static void drop_unmade(struct world *world);
static bool check_edit(const struct world *world, const struct world_edit *edit, struct diags *diags);
static bool drop_members(struct world *world, const struct world *base, const struct world_edit *edit);
static bool make_catalogs(struct world *world, const struct world *base, struct diags *diags);
static bool make_catalog(struct world *world, const struct world *base, const struct steering_zone *section,
	struct diags *diags);
static char *catalog_text(const struct world *world, const struct steering_zone *section);
static bool put_made(struct world *world, struct world_zone *zone, struct diags *diags);
static void check_signed(const struct world *world, const struct world *base, struct diags *diags);
static void remove_at(struct world *world, size_t index);

bool
world_follow_catalogs(struct world *world, const struct world *base, const struct world_edit *edit,
	struct diags *diags)
{
	size_t errors = diags->errors;

	if (!check_edit(world, edit, diags))
		return false;
	drop_unmade(world);
	world->members = members_make(world, base, edit->members, edit->confirmed, diags);
	if (world->members == NULL)
		return false;
	if (base != NULL && base->members != world->members && !drop_members(world, base, edit)) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
		return false;
	}
	if (!make_catalogs(world, base, diags))
		return false;
	check_signed(world, base, diags);
	return diags->errors == errors;
}

/* A catalog that is made here is nobody's to delete or to edit. Of a folder, which may be an export, its file is left
 * out. */
static bool
check_edit(const struct world *world, const struct world_edit *edit, struct diags *diags)
{
	size_t errors = diags->errors;

	for (size_t i = 0; i < edit->zone_count; i++) {
		uint8_t apex[NAME_MAX];
		const struct steering_zone *section = edit->whole || name_parse(edit->zones[i].name, apex) == 0 ? NULL
		    : steering_zone_find(world->steering, apex);

		if (section != NULL && section->catalog_role == CATALOG_PRODUCER)
			diag_error(diags, (struct diag_place){ .file = edit->zones[i].file }, NULL,
			    "the catalog %s is made by isobard, as long as steering.yaml says so: nothing else can "
			    "change it", section->name);
	}
	return diags->errors == errors;
}

/* Those of the world before whose role is another now. */
static void
drop_unmade(struct world *world)
{
	for (size_t i = world->zone_count; i-- > 0;) {
		const struct steering_zone *section = steering_zone_find(world->steering,
		    zone_apex(world->zones[i]->zone)->name);

		if (world->zones[i]->made && (section == NULL || section->catalog_role != CATALOG_PRODUCER))
			remove_at(world, i);
	}
}

/* --- followed ------------------------------------------------------------------------------------------------- */

/* Sections 5.3, 5.4 and 4.3.1 of RFC 9432: what no catalog has any more goes, and what comes anew begins anew, also
 * when a version of it came together with the catalog's. What an operator gives in its place stays. */
static bool
drop_members(struct world *world, const struct world *base, const struct world_edit *edit)
{
	for (size_t i = 0; base->members != NULL && i < base->members->count; i++) {
		const struct membership *was = &base->members->list[i];
		const struct world_zone *before;
		size_t index;
		char **list;

		if (was->role != CATALOG_CONSUMER || members_stays(world->members, world->steering, was))
			continue;
		list = realloc(world->dropped, (world->dropped_count + 1) * sizeof(char *));
		if (list == NULL)
			return false;
		world->dropped = list;
		list[world->dropped_count] = strdup(was->zone);
		if (list[world->dropped_count++] == NULL)
			return false;
		before = world_find(base, was->zone);
		index = world_index(world, was->zone);
		if (index < world->zone_count
		    && (edit->transferred || (before != NULL && world->zones[index]->zone == before->zone)))
			remove_at(world, index);
	}
	return true;
}

/* A zone that comes signed can't be signed once more. Zones with a section of their own are checked with that. */
static void
check_signed(const struct world *world, const struct world *base, struct diags *diags)
{
	for (size_t i = 0; i < world->members->count; i++) {
		const struct membership *member = &world->members->list[i];
		const struct world_zone *zone = member->role != CATALOG_CONSUMER || !member->settings->is_signed
		    ? NULL : world_find(world, member->zone);

		if (zone != NULL && zone_is_signed(zone->zone) && (base == NULL || world->steering != base->steering
		    || world_find(base, member->zone) != zone))
			diag_error(diags, (struct diag_place){ .file = zone->file }, NULL,
			    "the zone '%s' comes signed, and the template of its catalog '%s' has isobard sign it",
			    member->zone, member->catalog);
	}
}

/* --- made here ------------------------------------------------------------------------------------------------ */

static bool
make_catalogs(struct world *world, const struct world *base, struct diags *diags)
{
	for (size_t i = 0; i < world->steering->zone_count; i++)
		if (world->steering->zones[i].catalog_role == CATALOG_PRODUCER
		    && !make_catalog(world, base, &world->steering->zones[i], diags))
			return false;
	return true;
}

static bool
make_catalog(struct world *world, const struct world *base, const struct steering_zone *section,
	struct diags *diags)
{
	size_t index = world_index(world, section->name);
	struct zone_text text = { .file = section->name, .name = section->name };
	struct world_zone *zone;
	char *made;

	if (index < world->zone_count && world->zones[index]->made && base != NULL && base->members == world->members)
		return true;
	made = catalog_text(world, section);
	if (made == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
		return false;
	}
	if (index < world->zone_count) {
		if (!world->zones[index]->made && strcmp(world->zones[index]->text, made) != 0)
			diag_warning(diags, (struct diag_place){ .file = world->zones[index]->file }, NULL,
			    "the records of the catalog %s are made by isobard: these are left out", section->name);
		remove_at(world, index);
	}
	text.text = made;
	zone = world_zone_make(&text, base, diags);
	free(made);
	if (zone == NULL)
		return false;
	zone->made = true;
	return put_made(world, zone, diags);
}

static char *
catalog_text(const struct world *world, const struct steering_zone *section)
{
	struct catalog_entry *entries = calloc(world->members->count + 1, sizeof(*entries));
	size_t count = 0;
	char *text;

	for (size_t i = 0; entries != NULL && i < world->members->count; i++) {
		const struct membership *member = &world->members->list[i];

		if (member->role == CATALOG_PRODUCER && !member->gone && strcmp(member->catalog, section->name) == 0)
			entries[count++] = (struct catalog_entry){ member->zone, member->label,
			    *member->group == '\0' ? NULL : member->group };
	}
	text = entries == NULL ? NULL : catalog_write(section->name, entries, count);
	free(entries);
	return text;
}

static bool
put_made(struct world *world, struct world_zone *zone, struct diags *diags)
{
	struct world_zone **zones = realloc(world->zones, (world->zone_count + 2) * sizeof(struct world_zone *));

	if (zones == NULL) {
		world_zone_release(zone);
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
		return false;
	}
	world->zones = zones;
	zones[world->zone_count++] = zone;
	world_zones_sort(world);
	return true;
}

/* --- the world's zones ---------------------------------------------------------------------------------------- */

static void
remove_at(struct world *world, size_t index)
{
	world_zone_release(world->zones[index]);
	world->zone_count--;
	memmove(&world->zones[index], &world->zones[index + 1],
	    (world->zone_count - index) * sizeof(struct world_zone *));
}
