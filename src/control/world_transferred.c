/* world_transferred.c -- zones of a world that come from primaries: nobody else brings them, changes them or takes them
 * away, and they go with their section.
 * In: a world with its zones and steering, the world before.  Out: the same world.  Threads: control, or isobarctl.
 *
 * A zone that was transferred and whose section has no primaries any more is one of our own from then on: that's how
 * the copy becomes the original when the primary is lost. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/world_parts.h"
#include "control/zone_settings.h"

static bool names(const struct world_edit *edit, const char *zone);
static bool put(struct world *world, struct world_zone *zone);
static bool check_edit(const struct world *world, const struct world *base, const struct world_edit *edit,
	struct diags *diags);
static void drop(struct world *world, const struct world *base, const struct world_edit *edit);
static bool goes(const struct world *world, const struct world *base, const struct world_edit *edit,
	const struct world_zone *zone);

/* A folder that is applied whole has no files of them. */
bool
world_keep_transferred(struct world *world, const struct world *base, const struct world_edit *edit,
	struct diags *diags)
{
	for (size_t i = 0; base != NULL && edit->whole && i < base->zone_count; i++) {
		struct world_zone *zone = base->zones[i];
		const uint8_t *apex = zone_apex(zone->zone)->name;

		if (!zone_is_transferred(world, apex) || !zone_is_transferred(base, apex) || names(edit, zone->name)
		    || world_find(world, zone->name) != NULL)
			continue;
		if (!put(world, zone)) {
			diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
			return false;
		}
		world_zones_sort(world);
	}
	return true;
}

static bool
names(const struct world_edit *edit, const char *zone)
{
	for (size_t i = 0; i < edit->zone_count; i++)
		if (strcasecmp(edit->zones[i].name, zone) == 0)
			return true;
	return false;
}

static bool
put(struct world *world, struct world_zone *zone)
{
	struct world_zone **zones = realloc(world->zones, (world->zone_count + 2) * sizeof(struct world_zone *));

	if (zones == NULL)
		return false;
	world->zones = zones;
	zones[world->zone_count++] = zone;
	zone->holds++;
	return true;
}

bool
world_settle_transferred(struct world *world, const struct world *base, const struct world_edit *edit,
	struct diags *diags)
{
	if (!world_keep_transferred(world, base, edit, diags) || !check_edit(world, base, edit, diags))
		return false;
	if (base != NULL)
		drop(world, base, edit);
	return true;
}

static bool
check_edit(const struct world *world, const struct world *base, const struct world_edit *edit, struct diags *diags)
{
	size_t errors = diags->errors;

	for (size_t i = 0; i < edit->zone_count && !edit->transferred; i++) {
		const struct zone_text *zone = &edit->zones[i];
		struct diag_place place = { .file = zone->file };
		char primary[ADDRESS_TEXT_SIZE];
		uint8_t apex[NAME_MAX];
		const struct steering_zone *settings = name_parse(zone->name, apex) == 0 ? NULL
		    : zone_settings(world, apex);

		if (settings == NULL || settings->primary_count == 0)
			continue;
		address_text(&settings->primaries[0].address, primary);
		if (base != NULL && zone_is_transferred(base, apex))
			diag_error(diags, place, NULL, "the zone %s comes from its primary %s: change it there",
			    zone->name, primary);
		else
			diag_error(diags, place, NULL, "the zone %s is given here, and steering.yaml has it "
			    "transferred from %s: leave out one of the two", zone->name, primary);
	}
	return diags->errors == errors;
}

static void
drop(struct world *world, const struct world *base, const struct world_edit *edit)
{
	size_t kept = 0;

	for (size_t i = 0; i < world->zone_count; i++) {
		struct world_zone *zone = world->zones[i];

		if (goes(world, base, edit, zone))
			world_zone_release(zone);
		else
			world->zones[kept++] = zone;
	}
	world->zone_count = kept;
}

static bool
goes(const struct world *world, const struct world *base, const struct world_edit *edit, const struct world_zone *zone)
{
	const uint8_t *apex = zone_apex(zone->zone)->name;

	return world->steering != base->steering && zone_settings(world, apex) == NULL
	    && zone_is_transferred(base, apex) && !names(edit, zone->name);
}
