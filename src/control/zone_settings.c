/* zone_settings.c -- see zone_settings.h.
 * In: a world.  Out: settings of its steering, by zone.  Threads: control.
 * A zone has those of its own section; else, when a catalog brings it, those of the catalog's template. */
#include "control/zone_settings.h"

const struct steering_zone *
zone_settings(const struct world *world, const uint8_t *apex)
{
	const struct steering_zone *own = steering_zone_find(world->steering, apex);
	const struct membership *member = own != NULL ? NULL : members_followed(world->members, apex);

	return own != NULL ? own : member == NULL ? NULL : member->settings;
}

size_t
zones_transferred(const struct world *world, struct arena *arena, const struct transferred_zone **list)
{
	const struct steering *steering = world->steering;
	const struct members *members = world->members;
	size_t most = steering->zone_count + (members == NULL ? 0 : members->count), count = 0;
	struct transferred_zone *zones = arena_alloc(arena, (most + 1) * sizeof(*zones));

	*list = zones;
	if (zones == NULL)
		return SIZE_MAX;
	for (size_t i = 0; i < steering->zone_count; i++)
		if (steering->zones[i].primary_count > 0)
			zones[count++] = (struct transferred_zone){ steering->zones[i].apex, &steering->zones[i] };
	for (size_t i = 0; members != NULL && i < members->count; i++)
		if (members->list[i].role == CATALOG_CONSUMER)
			zones[count++] = (struct transferred_zone){ members->list[i].apex, members->list[i].settings };
	return count;
}
