/* demand.c -- see demand.h.
 * In: measured rates.  Out: the same, found and freed.  Threads: any; pure. */
#include "plan/demand.h"

#include <string.h>

#define BEHIND_CACHE_LEAST 0.02	/* of the window is free time: with less, one question more or less is everything */

void
demand_free(struct demand *demand)
{
	if (demand != NULL)
		arena_free(demand->arena);
}

const struct demand_service *
demand_service_find(const struct demand *demand, const char *name)
{
	for (size_t i = 0; demand != NULL && i < demand->service_count; i++)
		if (strcmp(demand->services[i].name, name) == 0)
			return &demand->services[i];
	return NULL;
}

double
demand_behind_cache(double count, double window_s, double ttl_s)
{
	double hidden = count * ttl_s, least = BEHIND_CACHE_LEAST * window_s;

	if (count <= 0 || window_s <= 0)
		return 0;
	return count / (window_s - hidden > least ? window_s - hidden : least);
}

const struct demand_rate *
demand_find(const struct demand_service *service, uint16_t group, uint8_t country)
{
	size_t low = 0, high = service == NULL ? 0 : service->count;
	uint32_t wanted = (uint32_t)group << 8 | country;

	while (low < high) {
		size_t middle = (low + high) / 2;
		uint32_t at = (uint32_t)service->groups[middle].group << 8 | service->groups[middle].country;

		if (at == wanted)
			return &service->groups[middle];
		if (at < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
