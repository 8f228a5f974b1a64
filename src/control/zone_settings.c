/* zone_settings.c -- see zone_settings.h.
 * In: a world.  Out: settings of its steering, by zone.  Threads: control. */
#include "control/zone_settings.h"

const struct steering_zone *
zone_settings(const struct world *world, const uint8_t *apex)
{
	return steering_zone_find(world->steering, apex);
}

size_t
zones_transferred(const struct world *world, struct arena *arena, const struct transferred_zone **list)
{
	const struct steering *steering = world->steering;
	struct transferred_zone *zones = arena_alloc(arena, (steering->zone_count + 1) * sizeof(*zones));
	size_t count = 0;

	*list = zones;
	if (zones == NULL)
		return SIZE_MAX;
	for (size_t i = 0; i < steering->zone_count; i++)
		if (steering->zones[i].primary_count > 0)
			zones[count++] = (struct transferred_zone){ steering->zones[i].apex, &steering->zones[i] };
	return count;
}
