/* cut.c -- see cut.h. A region may start to refuse a client group between two plans of the PAE; until the next one,
 * what is left of the present plan serves better than static weights. */
#include "plan/cut.h"

#include <string.h>

static bool cut_service(struct plan_service *service, const struct steering *steering, struct arena *arena);
static bool cut_group(struct plan_group *group, struct region_set legal, struct arena *arena);

struct plan *
plan_cut(const struct plan *plan, const struct steering *steering)
{
	struct arena *arena = arena_new();
	struct plan *cut = arena == NULL ? NULL : arena_copy(arena, plan, sizeof(*plan));
	struct plan_service *services = cut == NULL ? NULL
		: arena_copy(arena, plan->services, plan->service_count * sizeof(*services));

	if (services == NULL)
		goto fail;
	cut->arena = arena;
	cut->services = services;
	cut->model = arena_text(arena, plan->model);
	cut->regions = NULL;	/* beliefs are the whole plan's; what is compiled needs none */
	cut->region_count = 0;
	for (size_t i = 0; i < plan->service_count; i++) {
		services[i].name = arena_text(arena, plan->services[i].name);
		if (services[i].name == NULL || !cut_service(&services[i], steering, arena))
			goto fail;
	}
	return cut;
fail:
	arena_free(arena);
	return NULL;
}

static bool
cut_service(struct plan_service *service, const struct steering *steering, struct arena *arena)
{
	const struct steering_service *intent = steering_service_find(steering, service->name);
	struct plan_group *groups = arena_copy(arena, service->groups, service->group_count * sizeof(*groups));

	if (groups == NULL)
		return false;
	service->groups = groups;
	for (size_t g = 0; intent != NULL && g < service->group_count; g++)
		if (!cut_group(&groups[g], steering_legal(intent, &groups[g].group, 1), arena))
			return false;
	return true;
}

static bool
cut_group(struct plan_group *group, struct region_set legal, struct arena *arena)
{
	struct plan_pair *pairs = arena_alloc(arena, group->pair_count * sizeof(*pairs));
	double sum = 0, total = 0;
	size_t count = 0;

	if (pairs == NULL)
		return false;
	for (size_t p = 0; p < group->pair_count; p++) {
		struct plan_pair pair = group->pairs[p];

		total += pair.share;
		if (!region_set_has(&legal, pair.primary))
			continue;
		if (pair.backup != NO_REGION && !region_set_has(&legal, pair.backup))
			pair.backup = NO_REGION;
		sum += pair.share;
		/* Pairs are in order and NO_REGION is the highest backup, but a cut one may come before others. */
		if (count > 0 && pairs[count - 1].primary == pair.primary && pairs[count - 1].backup == NO_REGION) {
			if (pair.backup == NO_REGION) {
				pairs[count - 1].share += pair.share;
				continue;
			}
			pairs[count] = pairs[count - 1];
			pairs[count - 1] = pair;
			count++;
			continue;
		}
		pairs[count++] = pair;
	}
	/* To what it was before: a plan whose shares don't add up to 1 is for the certificate to refuse. */
	for (size_t p = 0; p < count && sum > 0; p++)
		pairs[p].share *= total / sum;
	group->pairs = pairs;
	group->pair_count = sum > 0 ? count : 0;
	return true;
}
