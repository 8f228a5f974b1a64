/* demand.c -- see demand.h.
 * In: measured rates.  Out: the same, found and freed.  Threads: any; pure. */
#include "plan/demand.h"

#include <string.h>

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

const struct demand_rate *
demand_find(const struct demand_service *service, uint16_t group, uint8_t country)
{
	for (size_t i = 0; service != NULL && i < service->count; i++)
		if (service->groups[i].group == group && service->groups[i].country == country)
			return &service->groups[i];
	return NULL;
}
