/* demand.c -- see demand.h.
 * In: measured rates.  Out: the same, found and freed.  Threads: any; pure. */
#include "plan/demand.h"

#include <stdlib.h>
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

static int
compare_groups(const void *a, const void *b)
{
	const struct demand_rate *x = a, *y = b;

	return x->group != y->group ? x->group - y->group : x->country - y->country;
}

void
demand_sort(struct demand_rate *groups, size_t count)
{
	if (count > 0)
		qsort(groups, count, sizeof(*groups), compare_groups);
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

struct demand_sum
demand_sum(const struct demand_service *service)
{
	struct demand_sum sum = { 0, 0, 0 };

	for (size_t g = 0; g < service->count; g++) {
		const struct demand_rate *group = &service->groups[g];

		sum.rate += group->rate;
		sum.error += group->rate * group->error;
		sum.asked += group->asked;
	}
	sum.error = sum.rate > 0 ? sum.error / sum.rate : 0;
	return sum;
}
