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
	for (size_t i = 0; service != NULL && i < service->count; i++)
		if (service->groups[i].group == group && service->groups[i].country == country)
			return &service->groups[i];
	return NULL;
}
