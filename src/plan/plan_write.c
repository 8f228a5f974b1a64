/* plan_write.c -- a plan as JSON, as plan_read() takes it.
 * In: a plan and the steering of its numbers.  Out: the same bytes for the same plan.
 * Threads: any.
 * Shares are written with 15 digits at the least, so that what isobard certifies is what the PAE planned. */
#include "plan/plan.h"

#include <stdlib.h>

#include "base/json.h"
#include "steer/country.h"

static cJSON *write_relaxations(const struct plan *plan);
static cJSON *write_overloads(const struct plan *plan, const struct steering *steering);
static cJSON *write_regions(const struct plan *plan, const struct steering *steering);
static cJSON *write_services(const struct plan *plan, const struct steering *steering);
static const char *same_shares(const struct plan *plan, size_t before, const struct plan_group *group);
static cJSON *write_group(const struct plan_group *group, const char *like, const struct steering *steering);
static cJSON *write_pairs(const struct plan_group *group, const struct steering *steering);
static void add_region(cJSON *object, const char *name, region_id region, const struct steering *steering);

char *
plan_write(const struct plan *plan, const struct steering *steering)
{
	cJSON *root = cJSON_CreateObject();
	char made[CLOCK_TEXT_SIZE], *json;

	cJSON_AddStringToObject(root, "made", wall_text(plan->made, made));
	json_add_number(root, "based_on", (double)plan->based_on);
	cJSON_AddStringToObject(root, "model", plan->model);
	cJSON_AddStringToObject(root, "method", plan->method == NULL ? "" : plan->method);
	json_add_number(root, "normal_limit", plan->normal_limit);
	json_add_number(root, "loss_limit", plan->loss_limit);
	json_add_number(root, "margin", plan->margin);
	json_add_number(root, "latency_ms", plan->latency);
	json_add_number(root, "step", plan->step);
	cJSON_AddItemToObject(root, "relaxations", write_relaxations(plan));
	cJSON_AddItemToObject(root, "overloads", write_overloads(plan, steering));
	cJSON_AddItemToObject(root, "regions", write_regions(plan, steering));
	cJSON_AddItemToObject(root, "services", write_services(plan, steering));
	json = root == NULL ? NULL : json_write(root);
	cJSON_Delete(root);
	return json;
}

static cJSON *
write_relaxations(const struct plan *plan)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < plan->relaxation_count; i++) {
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "step", plan->relaxations[i].step);
		cJSON_AddStringToObject(entry, "what", plan->relaxations[i].what);
		cJSON_AddStringToObject(entry, "why", plan->relaxations[i].why);
		cJSON_AddItemToArray(list, entry);
	}
	return list;
}

static cJSON *
write_overloads(const struct plan *plan, const struct steering *steering)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < plan->overload_count; i++) {
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "lost", plan->overloads[i].lost);
		cJSON_AddStringToObject(entry, "region", steering->regions[plan->overloads[i].region].name);
		json_add_number(entry, "fill", plan->overloads[i].fill);
		cJSON_AddItemToArray(list, entry);
	}
	return list;
}

static cJSON *
write_regions(const struct plan *plan, const struct steering *steering)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < plan->region_count; i++) {
		const struct plan_region *region = &plan->regions[i];
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "region", steering->regions[region->region].name);
		json_add_number(entry, "probability", region->probability);
		json_add_number(entry, "horizon_s", region->horizon_s);
		json_add_number(entry, "load_forecast", region->load_forecast);
		json_add_number(entry, "capacity", region->capacity);
		json_add_number(entry, "price", region->price);
		cJSON_AddStringToObject(entry, "price_why", region->price_why);
		cJSON_AddStringToObject(entry, "reason", region->reason);
		cJSON_AddItemToArray(list, entry);
	}
	return list;
}

static cJSON *
write_services(const struct plan *plan, const struct steering *steering)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < plan->service_count; i++) {
		const struct plan_service *service = &plan->services[i];
		cJSON *entry = cJSON_CreateObject(), *groups = cJSON_CreateArray();

		cJSON_AddStringToObject(entry, "service", service->name);
		for (size_t k = 0; k < service->group_count; k++)
			cJSON_AddItemToArray(groups, write_group(&service->groups[k],
			    same_shares(plan, i, &service->groups[k]), steering));
		cJSON_AddItemToObject(entry, "groups", groups);
		cJSON_AddItemToArray(list, entry);
	}
	return list;
}

/* The first service before this one whose same group has this very list; services that are planned together share
 * theirs. NULL: none. Without it two hundred alike services would make a plan of a hundred megabytes. */
static const char *
same_shares(const struct plan *plan, size_t before, const struct plan_group *group)
{
	for (size_t i = 0; i < before && group->pair_count > 0; i++) {
		const struct plan_service *service = &plan->services[i];
		const struct plan_group *other = bsearch(group, service->groups, service->group_count,
		    sizeof(*service->groups), plan_group_compare);

		if (other != NULL && other->pairs == group->pairs && other->order == group->order &&
		    other->pair_count == group->pair_count && other->order_count == group->order_count)
			return service->name;
	}
	return NULL;
}

static cJSON *
write_group(const struct plan_group *group, const char *like, const struct steering *steering)
{
	cJSON *object = cJSON_CreateObject(), *order;

	cJSON_AddStringToObject(object, "group", steering->groups[group->group].name);
	if (group->country != COUNTRY_UNKNOWN)
		cJSON_AddStringToObject(object, "country", country_at(group->country)->code);
	json_add_number(object, "demand", group->demand);
	json_add_number(object, "error", group->error);
	if (like != NULL) {
		cJSON_AddStringToObject(object, "like", like);
		return object;
	}
	cJSON_AddItemToObject(object, "pairs", write_pairs(group, steering));
	order = cJSON_CreateArray();
	for (size_t i = 0; i < group->order_count; i++)
		cJSON_AddItemToArray(order, cJSON_CreateString(steering->regions[group->order[i]].name));
	cJSON_AddItemToObject(object, "order", order);
	return object;
}

static cJSON *
write_pairs(const struct plan_group *group, const struct steering *steering)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < group->pair_count; i++) {
		const struct plan_pair *pair = &group->pairs[i];
		cJSON *entry = cJSON_CreateObject();

		add_region(entry, "primary", pair->primary, steering);
		add_region(entry, "backup", pair->backup, steering);
		json_add_number(entry, "share", pair->share);
		cJSON_AddItemToArray(list, entry);
	}
	return list;
}

static void
add_region(cJSON *object, const char *name, region_id region, const struct steering *steering)
{
	if (region == NO_REGION)
		cJSON_AddNullToObject(object, name);
	else
		cJSON_AddStringToObject(object, name, steering->regions[region].name);
}
