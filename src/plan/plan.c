/* plan.c -- the plan's JSON in both directions (isobar-api(7)).
 * In: bytes from the PAE or from the store, and the steering whose names they use.  Out: a plan in one arena, or
 * every error with its JSON pointer; writing gives the same bytes for the same plan.
 * Threads: any.
 * Invariants of a plan that was read: services and groups occur once and exist, pairs name regions of
 * their service, are in order and unique, and their shares add up to 1. That each pair is legal and bearable is the
 * certificate's matter. Shares are written with 17 digits, so that what isobard certifies is what the PAE planned, to
 * the bit. */
#include "plan/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define SHARE_SUM_SLACK 1e-6	/* more than summing 65,025 rounded shares can lose, less than a client in a million */

struct reading {
	struct plan *plan;
	const struct steering *steering;
	struct diags *diags;
};

static bool read_regions(struct reading *r, const cJSON *list);
static void read_region(struct reading *r, const cJSON *value, size_t index, struct plan_region *region, bool *seen);
static bool read_services(struct reading *r, const cJSON *list);
static bool read_service(struct reading *r, const cJSON *value, size_t index, struct plan_service *service);
static bool read_group(struct reading *r, const cJSON *value, const char *pointer,
	const struct steering_service *service, struct plan_group *group);
static void read_pairs(struct reading *r, const cJSON *list, const struct json_object *o,
	const struct steering_service *service, struct plan_pair *pairs);
static double number_or_null(const struct json_object *o, const char *name, double most);
static region_id region_of(struct reading *r, const struct json_object *o, const char *name,
	const struct steering_service *service);
static bool service_has(const struct steering_service *service, region_id region);
static uint16_t group_of(struct reading *r, const struct json_object *o);
static const char *suggest_region(const struct steering *steering, const char *name);
static int compare_pairs(const void *a, const void *b);
static cJSON *write_regions(const struct plan *plan, const struct steering *steering);
static cJSON *write_services(const struct plan *plan, const struct steering *steering);
static cJSON *write_pairs(const struct plan_group *group, const struct steering *steering);
static void add_number(cJSON *object, const char *name, double value);

struct plan *
plan_read(const char *json, size_t length, const struct steering *steering, struct diags *diags)
{
	static const char *const known[] = { "made", "based_on", "model", "regions", "services", NULL };
	cJSON *root = json_parse(json, length, "plan", diags);
	struct arena *arena = root == NULL ? NULL : arena_new();
	struct plan *plan = arena == NULL ? NULL : arena_alloc(arena, sizeof(*plan));
	struct reading r = { plan, steering, diags };
	size_t errors = diags->errors;
	struct json_object o;
	const char *made, *model;

	if (plan == NULL)
		goto fail;
	plan->arena = arena;
	o = json_object(root, "plan", "", diags);
	json_refuse_unknown(&o, known);
	made = json_string(&o, "made", true, "1970-01-01T00:00:00Z");
	if (wall_parse(made, &plan->made) != 0)
		json_error(&o, "made", NULL, "'%s' is no time (RFC 3339)", made);
	plan->based_on = (uint64_t)json_integer(&o, "based_on", false, 0, INT64_MAX, 0);
	model = arena_text(arena, json_string(&o, "model", false, ""));
	plan->model = model;
	if (model == NULL || !read_regions(&r, json_array(&o, "regions", false)) ||
	    !read_services(&r, json_array(&o, "services", true)) || diags->errors > errors)
		goto fail;
	cJSON_Delete(root);
	return plan;
fail:
	if (root != NULL && diags->errors == errors)
		diag_error(diags, (struct diag_place){ .file = "plan" }, NULL, "out of memory");
	cJSON_Delete(root);
	arena_free(arena);
	return NULL;
}

static bool
read_regions(struct reading *r, const cJSON *list)
{
	size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
	struct plan_region *regions = arena_alloc(r->plan->arena, (count + 1) * sizeof(*regions));
	bool seen[REGIONS_MAX + 1] = { false };
	const cJSON *value;

	if (regions == NULL)
		return false;
	r->plan->regions = regions;
	r->plan->region_count = count;
	cJSON_ArrayForEach(value, list) {
		read_region(r, value, i, &regions[i], seen);
		if (regions[i++].reason == NULL)
			return false;
	}
	return true;
}

static void
read_region(struct reading *r, const cJSON *value, size_t index, struct plan_region *region, bool *seen)
{
	static const char *const known[] = { "region", "probability", "horizon_s", "load_forecast", "reason", NULL };
	char pointer[64];
	struct json_object o;

	snprintf(pointer, sizeof(pointer), "/regions/%zu", index);
	o = json_object(value, "plan", pointer, r->diags);
	json_refuse_unknown(&o, known);
	region->region = region_of(r, &o, "region", NULL);
	if (seen[region->region] && region->region != NO_REGION)
		json_error(&o, "region", NULL, "region '%s' is given twice", r->steering->regions[region->region].name);
	seen[region->region] = true;
	region->probability = number_or_null(&o, "probability", 1);
	region->horizon_s = (uint32_t)json_integer(&o, "horizon_s", true, 1, 7 * 86400, 600);
	region->load_forecast = number_or_null(&o, "load_forecast", 1e15);
	region->reason = arena_text(r->plan->arena, json_string(&o, "reason", false, ""));
}

static bool
read_services(struct reading *r, const cJSON *list)
{
	size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
	struct plan_service *services = arena_alloc(r->plan->arena, (count + 1) * sizeof(*services));
	const cJSON *value;

	if (services == NULL)
		return false;
	r->plan->services = services;
	r->plan->service_count = count;
	cJSON_ArrayForEach(value, list) {
		if (!read_service(r, value, i, &services[i]))
			return false;
		for (size_t k = 0; k < i; k++) {
			struct diag_place place = { .file = "plan", .pointer = "/services" };

			if (services[i].name[0] != '\0' && strcmp(services[k].name, services[i].name) == 0)
				diag_error(r->diags, place, NULL, "service '%s' is given twice", services[i].name);
		}
		i++;
	}
	return true;
}

static bool
read_service(struct reading *r, const cJSON *value, size_t index, struct plan_service *service)
{
	static const char *const known[] = { "service", "groups", NULL };
	const struct steering_service *steered;
	struct plan_group *groups;
	const cJSON *list, *entry;
	struct json_object o;
	char pointer[96];
	const char *name;
	size_t count, i = 0;

	snprintf(pointer, sizeof(pointer), "/services/%zu", index);
	o = json_object(value, "plan", pointer, r->diags);
	json_refuse_unknown(&o, known);
	name = json_string(&o, "service", true, "");
	steered = steering_service_find(r->steering, name);
	if (steered == NULL && name[0] != '\0')
		json_error(&o, "service", NULL, "no service '%s' in the steering", name);
	service->name = arena_text(r->plan->arena, steered == NULL ? "" : steered->name);
	list = json_array(&o, "groups", true);
	count = (size_t)cJSON_GetArraySize(list);
	groups = arena_alloc(r->plan->arena, (count + 1) * sizeof(*groups));
	if (service->name == NULL || groups == NULL)
		return false;
	service->groups = groups;
	service->group_count = count;
	cJSON_ArrayForEach(entry, list) {
		snprintf(pointer, sizeof(pointer), "/services/%zu/groups/%zu", index, i);
		if (!read_group(r, entry, pointer, steered, &groups[i]))
			return false;
		for (size_t k = 0; k < i; k++) {
			if (groups[k].group == groups[i].group)
				json_error(&o, "groups", NULL, "group '%s' is given twice",
				    r->steering->groups[groups[i].group].name);
		}
		i++;
	}
	return true;
}

static bool
read_group(struct reading *r, const cJSON *value, const char *pointer, const struct steering_service *service,
    struct plan_group *group)
{
	static const char *const known[] = { "group", "pairs", NULL };
	struct json_object o = json_object(value, "plan", pointer, r->diags);
	struct plan_pair *pairs;
	const cJSON *list;
	double sum = 0;

	json_refuse_unknown(&o, known);
	group->group = group_of(r, &o);
	list = json_array(&o, "pairs", true);
	group->pair_count = (size_t)cJSON_GetArraySize(list);
	pairs = arena_alloc(r->plan->arena, (group->pair_count + 1) * sizeof(*pairs));
	if (pairs == NULL)
		return false;
	group->pairs = pairs;
	read_pairs(r, list, &o, service, pairs);
	if (group->pair_count == 0)
		return true;	/* nobody is legal for this group */
	qsort(pairs, group->pair_count, sizeof(*pairs), compare_pairs);
	for (size_t i = 0; i < group->pair_count; i++) {
		sum += pairs[i].share;
		if (i > 0 && pairs[i].primary != NO_REGION && compare_pairs(&pairs[i - 1], &pairs[i]) == 0)
			json_error(&o, "pairs", NULL, "the pair with primary '%s' is given twice",
			    r->steering->regions[pairs[i].primary].name);
	}
	if (!(fabs(sum - 1) <= SHARE_SUM_SLACK))
		json_error(&o, "pairs", NULL, "the shares add up to %.9g instead of 1", sum);
	return true;
}

static void
read_pairs(struct reading *r, const cJSON *list, const struct json_object *group,
    const struct steering_service *service, struct plan_pair *pairs)
{
	static const char *const known[] = { "primary", "backup", "share", NULL };
	const cJSON *value;
	size_t i = 0;

	cJSON_ArrayForEach(value, list) {
		char pointer[sizeof(group->pointer) + 32];
		struct json_object o;
		const cJSON *backup;

		snprintf(pointer, sizeof(pointer), "%s/pairs/%zu", group->pointer, i);
		o = json_object(value, "plan", pointer, r->diags);
		json_refuse_unknown(&o, known);
		pairs[i].primary = region_of(r, &o, "primary", service);
		backup = json_member(&o, "backup", true);
		pairs[i].backup = backup == NULL || cJSON_IsNull(backup) ? NO_REGION
		    : region_of(r, &o, "backup", service);
		if (pairs[i].primary == pairs[i].backup && pairs[i].primary != NO_REGION)
			json_error(&o, "backup", NULL, "a region can't back up itself");
		pairs[i].share = json_number(&o, "share", true, 0, 1, 0);
		i++;
	}
}

/* NAN for null or nothing. */
static double
number_or_null(const struct json_object *o, const char *name, double most)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(o->object, name);

	if (value == NULL || cJSON_IsNull(value))
		return (double)NAN;
	return json_number(o, name, true, 0, most, (double)NAN);
}

/* `service` NULL: any region of the steering. NO_REGION after an error. */
static region_id
region_of(struct reading *r, const struct json_object *o, const char *name, const struct steering_service *service)
{
	const char *text = json_string(o, name, true, "");
	region_id region;

	if (text[0] == '\0')
		return NO_REGION;
	region = steering_region_find(r->steering, text);
	if (region == NO_REGION)
		json_error(o, name, suggest_region(r->steering, text), "no region '%s' in the steering", text);
	else if (service != NULL && !service_has(service, region))
		json_error(o, name, NULL, "region '%s' doesn't serve '%s'", text, service->name);
	return region;
}

static bool
service_has(const struct steering_service *service, region_id region)
{
	for (size_t i = 0; i < service->region_count; i++) {
		if (service->regions[i].region == region)
			return true;
	}
	return false;
}

static uint16_t
group_of(struct reading *r, const struct json_object *o)
{
	const char *name = json_string(o, "group", true, "default");

	for (size_t i = 0; i < r->steering->group_count; i++) {
		if (strcmp(r->steering->groups[i].name, name) == 0)
			return (uint16_t)i;
	}
	json_error(o, "group", NULL, "no client group '%s' in the steering", name);
	return GROUP_DEFAULT;
}

static const char *
suggest_region(const struct steering *steering, const char *name)
{
	const char *names[REGIONS_MAX];

	for (size_t i = 0; i < steering->region_count; i++)
		names[i] = steering->regions[i].name;
	return text_suggest(name, names, steering->region_count);
}

static int
compare_pairs(const void *a, const void *b)
{
	const struct plan_pair *x = a, *y = b;

	return x->primary != y->primary ? x->primary - y->primary : x->backup - y->backup;
}

void
plan_free(struct plan *plan)
{
	if (plan != NULL)
		arena_free(plan->arena);
}

char *
plan_write(const struct plan *plan, const struct steering *steering)
{
	cJSON *root = cJSON_CreateObject();
	char made[CLOCK_TEXT_SIZE], *json;

	cJSON_AddStringToObject(root, "made", wall_text(plan->made, made));
	add_number(root, "based_on", (double)plan->based_on);
	cJSON_AddStringToObject(root, "model", plan->model);
	cJSON_AddItemToObject(root, "regions", write_regions(plan, steering));
	cJSON_AddItemToObject(root, "services", write_services(plan, steering));
	json = root == NULL ? NULL : json_write(root);
	cJSON_Delete(root);
	return json;
}

static cJSON *
write_regions(const struct plan *plan, const struct steering *steering)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < plan->region_count; i++) {
		const struct plan_region *region = &plan->regions[i];
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "region", steering->regions[region->region].name);
		add_number(entry, "probability", region->probability);
		add_number(entry, "horizon_s", region->horizon_s);
		add_number(entry, "load_forecast", region->load_forecast);
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
		for (size_t k = 0; k < service->group_count; k++) {
			const struct plan_group *group = &service->groups[k];
			cJSON *object = cJSON_CreateObject();

			cJSON_AddStringToObject(object, "group", steering->groups[group->group].name);
			cJSON_AddItemToObject(object, "pairs", write_pairs(group, steering));
			cJSON_AddItemToArray(groups, object);
		}
		cJSON_AddItemToObject(entry, "groups", groups);
		cJSON_AddItemToArray(list, entry);
	}
	return list;
}

static cJSON *
write_pairs(const struct plan_group *group, const struct steering *steering)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < group->pair_count; i++) {
		const struct plan_pair *pair = &group->pairs[i];
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "primary", steering->regions[pair->primary].name);
		if (pair->backup == NO_REGION)
			cJSON_AddNullToObject(entry, "backup");
		else
			cJSON_AddStringToObject(entry, "backup", steering->regions[pair->backup].name);
		add_number(entry, "share", pair->share);
		cJSON_AddItemToArray(list, entry);
	}
	return list;
}

/* cJSON writes 15 digits where they read back the same, else 17. No number is null. */
static void
add_number(cJSON *object, const char *name, double value)
{
	if (isfinite(value))
		cJSON_AddNumberToObject(object, name, value);
	else
		cJSON_AddNullToObject(object, name);
}
