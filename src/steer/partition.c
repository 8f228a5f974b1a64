/* partition.c -- which demand group a client is in, and where its clients may be sent.
 * In: the steering, the countries to be cut out.  Out: plain data.  Threads: any. */
#include "steer/partition.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct partition *
partition_new(const struct steering *steering, const struct locator *locator, const uint8_t *countries, size_t count,
	struct arena *arena)
{
	struct partition *partition = arena_alloc(arena, sizeof(*partition));
	struct demand_group *groups = arena_alloc(arena, (steering->group_count + COUNTRIES_MAX) * sizeof(*groups));
	bool cut[COUNTRIES_MAX] = { false };

	if (partition == NULL || groups == NULL)
		return NULL;
	*partition = (struct partition){ .count = steering->group_count, .groups = groups };
	for (size_t g = 0; g < steering->group_count; g++)
		groups[g] = (struct demand_group){ (uint16_t)g, COUNTRY_UNKNOWN };
	for (size_t i = 0; i < count; i++)
		cut[countries[i]] = true;
	for (unsigned c = 0; c < country_count(); c++) {
		uint16_t group = locator_country_group(locator, (uint8_t)c);

		partition->by_country[c] = group;
		if (c == COUNTRY_UNKNOWN || !cut[c])
			continue;
		groups[partition->count] = (struct demand_group){ group, (uint8_t)c };
		partition->by_country[c] = (uint16_t)partition->count++;
	}
	return partition;
}

struct region_set
partition_legal(const struct partition *partition, const struct locator *locator,
	const struct steering_service *service, uint16_t demand_group)
{
	const struct demand_group *group = &partition->groups[demand_group];

	if (group->country != COUNTRY_UNKNOWN)
		return locator_legal(locator, service, 0, group->country);
	return steering_legal(service, &group->group, 1);
}

char *
partition_name(const struct partition *partition, const struct steering *steering, uint16_t demand_group,
	char text[static 128])
{
	const struct demand_group *group = &partition->groups[demand_group];
	const char *name = steering->groups[group->group].name;

	if (group->country == COUNTRY_UNKNOWN)
		snprintf(text, 128, "%s", name);
	else
		snprintf(text, 128, "%.120s/%s", name, country_at(group->country)->code);
	return text;
}
