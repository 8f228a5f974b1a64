/* cut.c -- see cut.h. A region may start to refuse a client group between two plans of the PAE; until the next one,
 * what is left of the present plan serves better than static weights. */
#include "plan/cut.h"

#include "steer/country.h"
#include "steer/locate.h"

static bool group_is_lawful(const char *service, const struct plan_group *group, struct region_set legal,
	const struct steering *steering, struct text *why);
static bool copy_words(struct plan *cut, const struct plan *plan);
static bool cut_service(struct plan_service *service, const struct steering *steering, const struct locator *locator,
	struct arena *arena);
static struct region_set legal_of(const struct steering_service *service, const struct plan_group *group,
	const struct locator *locator);
static bool cut_order(struct plan_group *group, struct region_set legal, struct arena *arena);
static bool cut_group(struct plan_group *group, struct region_set legal, struct arena *arena);

bool
plan_is_lawful(const struct plan *plan, const struct steering *steering, struct text *why)
{
	struct locator *locator = locator_new(steering, NULL);
	bool lawful = locator != NULL;

	if (!lawful)
		text_puts(why, "out of memory");
	for (size_t s = 0; lawful && s < plan->service_count; s++) {
		const struct plan_service *service = &plan->services[s];
		const struct steering_service *intent = steering_service_find(steering, service->name);

		for (size_t g = 0; intent != NULL && lawful && g < service->group_count; g++)
			lawful = group_is_lawful(service->name, &service->groups[g],
				legal_of(intent, &service->groups[g], locator), steering, why);
	}
	locator_free(locator);
	return lawful;
}

static bool
group_is_lawful(const char *service, const struct plan_group *group, struct region_set legal,
	const struct steering *steering, struct text *why)
{
	const char *clients = steering->groups[group->group].name;
	const char *country = group->country == COUNTRY_UNKNOWN ? "" : country_at(group->country)->code;

	for (size_t p = 0; p < group->pair_count; p++) {
		const region_id regions[] = { group->pairs[p].primary, group->pairs[p].backup };

		for (unsigned k = 0; k < ARRAY_SIZE(regions); k++) {
			if (regions[k] == NO_REGION || region_set_has(&legal, regions[k]))
				continue;
			text_printf(why, "%s: clients of %s%s%s: the plan %s %.4f of them %s %s, which residency "
			    "forbids", service, clients, *country == '\0' ? "" : "/", country,
			    k == 0 ? "sends" : "backs up", group->pairs[p].share, k == 0 ? "to" : "by",
			    steering->regions[regions[k]].name);
			return false;
		}
	}
	for (size_t i = 0; i < group->order_count; i++)
		if (!region_set_has(&legal, group->order[i])) {
			text_printf(why, "%s: clients of %s%s%s: the plan's order has %s, which residency forbids",
			    service, clients, *country == '\0' ? "" : "/", country,
			    steering->regions[group->order[i]].name);
			return false;
		}
	return true;
}

struct plan *
plan_cut(const struct plan *plan, const struct steering *steering)
{
	struct arena *arena = arena_new();
	struct locator *locator = locator_new(steering, NULL);	/* of the countries */
	struct plan *cut = arena == NULL ? NULL : arena_copy(arena, plan, sizeof(*plan));
	struct plan_service *services = cut == NULL ? NULL
		: arena_copy(arena, plan->services, plan->service_count * sizeof(*services));

	if (services == NULL || locator == NULL)
		goto fail;
	cut->arena = arena;
	cut->services = services;
	if (!copy_words(cut, plan))
		goto fail;
	for (size_t i = 0; i < plan->service_count; i++) {
		services[i].name = arena_text(arena, plan->services[i].name);
		if (services[i].name == NULL || !cut_service(&services[i], steering, locator, arena))
			goto fail;
	}
	locator_free(locator);
	return cut;
fail:
	locator_free(locator);
	arena_free(arena);
	return NULL;
}

/* Beliefs and reasons are the whole plan's; what is compiled and certified needs none of them. */
static bool
copy_words(struct plan *cut, const struct plan *plan)
{
	struct plan_overload *overloads = arena_copy(cut->arena, plan->overloads,
	    plan->overload_count * sizeof(*overloads));

	cut->model = arena_text(cut->arena, plan->model);
	cut->method = arena_text(cut->arena, plan->method == NULL ? "" : plan->method);
	cut->overloads = overloads;
	cut->relaxation_count = cut->region_count = 0;
	cut->relaxations = NULL;
	cut->regions = NULL;
	for (size_t i = 0; overloads != NULL && i < plan->overload_count; i++) {
		overloads[i].lost = arena_text(cut->arena, plan->overloads[i].lost);
		if (overloads[i].lost == NULL)
			return false;
	}
	return cut->model != NULL && cut->method != NULL && overloads != NULL;
}

static bool
cut_service(struct plan_service *service, const struct steering *steering, const struct locator *locator,
	struct arena *arena)
{
	const struct steering_service *intent = steering_service_find(steering, service->name);
	struct plan_group *groups = arena_copy(arena, service->groups, service->group_count * sizeof(*groups));

	if (groups == NULL)
		return false;
	service->groups = groups;
	for (size_t g = 0; intent != NULL && g < service->group_count; g++) {
		struct region_set legal = legal_of(intent, &groups[g], locator);

		if (!cut_group(&groups[g], legal, arena) || !cut_order(&groups[g], legal, arena))
			return false;
	}
	return true;
}

static struct region_set
legal_of(const struct steering_service *service, const struct plan_group *group, const struct locator *locator)
{
	struct region_set legal = steering_legal(service, &group->group, 1);

	if (group->country != COUNTRY_UNKNOWN)
		legal = region_set_and(legal, locator_legal(locator, service, 0, group->country));
	return legal;
}

static bool
cut_order(struct plan_group *group, struct region_set legal, struct arena *arena)
{
	region_id *order = arena_alloc(arena, group->order_count + 1);
	size_t count = 0;

	if (order == NULL)
		return false;
	for (size_t i = 0; i < group->order_count; i++)
		if (region_set_has(&legal, group->order[i]))
			order[count++] = group->order[i];
	group->order = order;
	group->order_count = count;
	return true;
}

static bool
cut_group(struct plan_group *group, struct region_set legal, struct arena *arena)
{
	struct plan_pair *pairs = arena_alloc(arena, group->pair_count * sizeof(*pairs));
	double sum = 0, total = 0, served = 0;
	size_t count = 0;

	if (pairs == NULL)
		return false;
	for (size_t p = 0; p < group->pair_count; p++) {
		struct plan_pair pair = group->pairs[p];

		total += pair.share;
		if (pair.primary != NO_REGION && !region_set_has(&legal, pair.primary))
			continue;	/* those that are shed are nobody's */
		if (pair.backup != NO_REGION && !region_set_has(&legal, pair.backup))
			pair.backup = NO_REGION;
		sum += pair.share;
		served += pair.primary != NO_REGION ? pair.share : 0;
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
	/* Nobody is shed because the law took the region away. */
	group->pair_count = sum > 0 && (served > 0 || sum >= total) ? count : 0;
	return true;
}
