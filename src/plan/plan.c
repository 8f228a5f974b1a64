/* plan.c -- a plan from its JSON (isobar-api(7)), read strictly.
 * In: bytes from the PAE or from the store, and the steering whose names they use.  Out: a plan in one arena, or
 * every error with its JSON pointer.
 * Threads: any.
 * Invariants of a plan that was read: services and groups occur once and exist, pairs name regions of
 * their service, are in order and unique, and their shares add up to 1. That each pair is legal and bearable is the
 * certificate's matter. What older plans don't have gets the value that says nothing. */
#include "plan/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "steer/country.h"

#define SHARE_SUM_SLACK 1e-6	/* more than summing 65,025 rounded shares can lose, less than a client in a million */

struct reading {
	struct plan *plan;
	const struct steering *steering;
	struct diags *diags;
};

static bool read_method(struct reading *r, const struct json_object *o);
static bool read_relaxations(struct reading *r, const cJSON *list);
static bool read_overloads(struct reading *r, const cJSON *list);
static bool read_regions(struct reading *r, const cJSON *list);
static void read_region(struct reading *r, const cJSON *value, size_t index, struct plan_region *region, bool *seen);
static bool read_services(struct reading *r, const cJSON *list);
static bool read_service(struct reading *r, const cJSON *value, size_t index, struct plan_service *service);
static bool read_group(struct reading *r, const cJSON *value, const char *pointer, size_t services_before,
	const struct steering_service *service, struct plan_group *group);
static void read_like(struct reading *r, const struct json_object *o, size_t services_before,
	const struct steering_service *service, struct plan_group *group);
static void read_pairs(struct reading *r, const cJSON *list, const struct json_object *o,
	const struct steering_service *service, struct plan_pair *pairs);
static void check_shed(const struct json_object *o, const struct steering_service *service, region_id backup);
static bool read_order(struct reading *r, const struct json_object *group, const struct steering_service *service,
	struct plan_group *planned);
static double number_or_null(const struct json_object *o, const char *name, double most);
static region_id region_of(struct reading *r, const struct json_object *o, const char *name,
	const struct steering_service *service);
static bool service_has(const struct steering_service *service, region_id region);
static uint16_t group_of(struct reading *r, const struct json_object *o);
static uint8_t country_of(const struct json_object *o);
static const char *suggest_region(const struct steering *steering, const char *name);

struct plan *
plan_read(const char *json, size_t length, const struct steering *steering, struct diags *diags)
{
	static const char *const known[] = { "made", "based_on", "model", "method", "normal_limit", "loss_limit",
		"margin", "latency_ms", "step", "relaxations", "overloads", "regions", "services", NULL };
	cJSON *root = json_parse(json, length, "plan", diags);
	struct arena *arena = root == NULL ? NULL : arena_new();
	struct plan *plan = arena == NULL ? NULL : arena_alloc(arena, sizeof(*plan));
	struct reading r = { plan, steering, diags };
	size_t errors = diags->errors;
	struct json_object o;
	const char *made;

	if (plan == NULL)
		goto fail;
	plan->arena = arena;
	o = json_object(root, "plan", "", diags);
	json_refuse_unknown(&o, known);
	made = json_string(&o, "made", true, "1970-01-01T00:00:00Z");
	if (wall_parse(made, &plan->made) != 0)
		json_error(&o, "made", NULL, "'%s' is no time (RFC 3339)", made);
	plan->based_on = (uint64_t)json_integer(&o, "based_on", false, 0, INT64_MAX, 0);
	if (!read_method(&r, &o) || !read_relaxations(&r, json_array(&o, "relaxations", false)) ||
	    !read_overloads(&r, json_array(&o, "overloads", false)) ||
	    !read_regions(&r, json_array(&o, "regions", false)) ||
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

/* A plan of before there were limits is held to those of the steering. */
static bool
read_method(struct reading *r, const struct json_object *o)
{
	struct plan *plan = r->plan;

	plan->model = arena_text(plan->arena, json_string(o, "model", false, ""));
	plan->method = arena_text(plan->arena, json_string(o, "method", false, "by-weights"));
	plan->normal_limit = json_number(o, "normal_limit", false, 0, 1, r->steering->planning.normal_limit);
	plan->loss_limit = json_number(o, "loss_limit", false, 0, 1, r->steering->planning.loss_limit);
	plan->margin = json_number(o, "margin", false, 1, 1e6, 1);
	plan->latency = number_or_null(o, "latency_ms", 1e9);
	plan->step = json_number(o, "step", false, 0, 1, 1);
	return plan->model != NULL && plan->method != NULL;
}

static bool
read_relaxations(struct reading *r, const cJSON *list)
{
	static const char *const known[] = { "step", "what", "why", NULL };
	size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
	struct plan_relaxation *relaxations = arena_alloc(r->plan->arena, (count + 1) * sizeof(*relaxations));
	const cJSON *value;

	if (relaxations == NULL)
		return false;
	r->plan->relaxations = relaxations;
	r->plan->relaxation_count = count;
	cJSON_ArrayForEach(value, list) {
		struct plan_relaxation *relaxation = &relaxations[i];
		struct json_object o;
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/relaxations/%zu", i++);
		o = json_object(value, "plan", pointer, r->diags);
		json_refuse_unknown(&o, known);
		relaxation->step = arena_text(r->plan->arena, json_string(&o, "step", true, ""));
		relaxation->what = arena_text(r->plan->arena, json_string(&o, "what", false, ""));
		relaxation->why = arena_text(r->plan->arena, json_string(&o, "why", false, ""));
		if (relaxation->step == NULL || relaxation->what == NULL || relaxation->why == NULL)
			return false;
	}
	return true;
}

static bool
read_overloads(struct reading *r, const cJSON *list)
{
	static const char *const known[] = { "lost", "region", "fill", NULL };
	size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
	struct plan_overload *overloads = arena_alloc(r->plan->arena, (count + 1) * sizeof(*overloads));
	const cJSON *value;

	if (overloads == NULL)
		return false;
	r->plan->overloads = overloads;
	r->plan->overload_count = count;
	cJSON_ArrayForEach(value, list) {
		struct plan_overload *overload = &overloads[i];
		struct json_object o;
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/overloads/%zu", i++);
		o = json_object(value, "plan", pointer, r->diags);
		json_refuse_unknown(&o, known);
		overload->lost = arena_text(r->plan->arena, json_string(&o, "lost", false, ""));
		overload->region = region_of(r, &o, "region", NULL);
		overload->fill = json_number(&o, "fill", true, 0, 1e9, 1);
		if (overload->lost == NULL)
			return false;
	}
	return true;
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
		if (regions[i].reason == NULL || regions[i].price_why == NULL)
			return false;
		i++;
	}
	return true;
}

static void
read_region(struct reading *r, const cJSON *value, size_t index, struct plan_region *region, bool *seen)
{
	static const char *const known[] = { "region", "probability", "horizon_s", "load_forecast", "capacity",
		"price", "price_why", "reason", NULL };
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
	region->capacity = json_number(&o, "capacity", false, 0, 1e15, 0);
	region->price = json_number(&o, "price", false, 0, 1e15, 0);
	region->price_why = arena_text(r->plan->arena, json_string(&o, "price_why", false, ""));
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
		if (!read_group(r, entry, pointer, index, steered, &groups[i]))
			return false;
		i++;
	}
	qsort(groups, count, sizeof(*groups), plan_group_compare);
	for (i = 1; i < count; i++) {
		if (plan_group_compare(&groups[i - 1], &groups[i]) == 0)
			json_error(&o, "groups", NULL, "group '%s%s%s' is given twice",
			    r->steering->groups[groups[i].group].name, groups[i].country == COUNTRY_UNKNOWN ? "" : "/",
			    country_at(groups[i].country)->code);
	}
	return true;
}

static bool
read_group(struct reading *r, const cJSON *value, const char *pointer, size_t services_before,
    const struct steering_service *service, struct plan_group *group)
{
	static const char *const known[] = { "group", "country", "demand", "error", "pairs", "order",
		"like", NULL };
	struct json_object o = json_object(value, "plan", pointer, r->diags);
	struct plan_pair *pairs;
	size_t errors = r->diags->errors;
	const cJSON *list;
	double sum = 0;

	json_refuse_unknown(&o, known);
	group->group = group_of(r, &o);
	group->country = country_of(&o);
	group->demand = number_or_null(&o, "demand", 1e15);
	group->error = number_or_null(&o, "error", 1e6);
	if (json_member(&o, "like", false) != NULL) {
		read_like(r, &o, services_before, service, group);
		return true;
	}
	if (!read_order(r, &o, service, group))
		return false;
	list = json_array(&o, "pairs", true);
	group->pair_count = (size_t)cJSON_GetArraySize(list);
	pairs = arena_alloc(r->plan->arena, (group->pair_count + 1) * sizeof(*pairs));
	if (pairs == NULL)
		return false;
	group->pairs = pairs;
	read_pairs(r, list, &o, service, pairs);
	if (group->pair_count == 0)
		return true;	/* nobody is legal for this group */
	qsort(pairs, group->pair_count, sizeof(*pairs), plan_pair_compare);
	for (size_t i = 0; i < group->pair_count; i++) {
		sum += pairs[i].share;
		if (i > 0 && r->diags->errors == errors && plan_pair_compare(&pairs[i - 1], &pairs[i]) == 0)
			json_error(&o, "pairs", NULL, "the pair with primary '%s' is given twice",
			    pairs[i].primary == NO_REGION ? "none" : r->steering->regions[pairs[i].primary].name);
	}
	if (!(fabs(sum - 1) <= SHARE_SUM_SLACK))
		json_error(&o, "pairs", NULL, "the shares add up to %.9g instead of 1", sum);
	return true;
}

/* The shares of the same group in a service before this one, of the same regions. */
static void
read_like(struct reading *r, const struct json_object *o, size_t services_before,
    const struct steering_service *service, struct plan_group *group)
{
	const char *name = json_string(o, "like", true, "");
	const struct plan_group *found = NULL;

	if (json_member(o, "pairs", false) != NULL || json_member(o, "order", false) != NULL)
		json_error(o, "like", NULL, "either like, or pairs and order");
	for (size_t i = 0; i < services_before && found == NULL; i++) {
		const struct plan_service *other = &r->plan->services[i];

		if (strcmp(other->name, name) == 0)
			found = bsearch(group, other->groups, other->group_count, sizeof(*other->groups),
			    plan_group_compare);
	}
	if (found == NULL) {
		json_error(o, "like", NULL, "no service '%s' before this one has this group", name);
		return;
	}
	for (size_t i = 0; i < found->pair_count && service != NULL; i++) {
		region_id primary = found->pairs[i].primary, backup = found->pairs[i].backup;

		if (primary == NO_REGION ? !service->shed : !service_has(service, primary) ||
		    (backup != NO_REGION && !service_has(service, backup))) {
			json_error(o, "like", NULL, "'%s' can't be shared like '%s': their regions or what they shed "
			    "differ", service->name, name);
			return;
		}
	}
	group->pair_count = found->pair_count;
	group->pairs = found->pairs;
	group->order_count = found->order_count;
	group->order = found->order;
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
		const cJSON *primary, *backup;

		snprintf(pointer, sizeof(pointer), "%s/pairs/%zu", group->pointer, i);
		o = json_object(value, "plan", pointer, r->diags);
		json_refuse_unknown(&o, known);
		primary = json_member(&o, "primary", true);
		pairs[i].primary = primary == NULL || cJSON_IsNull(primary) ? NO_REGION
		    : region_of(r, &o, "primary", service);
		backup = json_member(&o, "backup", true);
		pairs[i].backup = backup == NULL || cJSON_IsNull(backup) ? NO_REGION
		    : region_of(r, &o, "backup", service);
		if (pairs[i].primary == pairs[i].backup && pairs[i].primary != NO_REGION)
			json_error(&o, "backup", NULL, "a region can't back up itself");
		if (primary != NULL && cJSON_IsNull(primary))
			check_shed(&o, service, pairs[i].backup);
		pairs[i].share = json_number(&o, "share", true, 0, 1, 0);
		i++;
	}
}

/* Clients that no region gets. */
static void
check_shed(const struct json_object *o, const struct steering_service *service, region_id backup)
{
	if (service != NULL && !service->shed)
		json_error(o, "primary", NULL, "'%s' sheds no clients: it has no 'shed: true'", service->name);
	if (backup != NO_REGION)
		json_error(o, "backup", NULL, "clients that are shed have no backup");
}

static bool
read_order(struct reading *r, const struct json_object *group, const struct steering_service *service,
    struct plan_group *planned)
{
	const cJSON *list = json_array(group, "order", false), *value;
	region_id *order = arena_alloc(r->plan->arena, (size_t)cJSON_GetArraySize(list) + 1);
	struct region_set seen = { { 0 } };
	size_t i = 0;

	if (order == NULL)
		return false;
	planned->order = order;
	cJSON_ArrayForEach(value, list) {
		char pointer[sizeof(group->pointer) + 32];
		struct diag_place place = { .file = "plan", .pointer = pointer };
		region_id region;

		snprintf(pointer, sizeof(pointer), "%s/order/%zu", group->pointer, i++);
		if (!cJSON_IsString(value)) {
			diag_error(r->diags, place, NULL, "must be the name of a region");
			continue;
		}
		region = steering_region_find(r->steering, value->valuestring);
		if (region == NO_REGION)
			diag_error(r->diags, place, suggest_region(r->steering, value->valuestring),
			    "no region '%s' in the steering", value->valuestring);
		else if (service != NULL && !service_has(service, region))
			diag_error(r->diags, place, NULL, "region '%s' doesn't serve '%s'", value->valuestring,
			    service->name);
		else if (region_set_has(&seen, region))
			diag_error(r->diags, place, NULL, "region '%s' is given twice", value->valuestring);
		else
			order[planned->order_count++] = region;
		if (region != NO_REGION)
			region_set_add(&seen, region);
	}
	return true;
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

/* Nothing and null are the group without what is cut out of it. */
static uint8_t
country_of(const struct json_object *o)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(o->object, "country");
	const char *code;
	uint8_t country = COUNTRY_UNKNOWN;

	if (value == NULL || cJSON_IsNull(value))
		return COUNTRY_UNKNOWN;
	code = json_string(o, "country", true, "");
	if (strlen(code) == 2)
		country = country_find(code);
	if (country == COUNTRY_UNKNOWN && code[0] != '\0')
		json_error(o, "country", NULL, "'%s' is no country: give its ISO 3166-1 two-letter code", code);
	return country;
}

static const char *
suggest_region(const struct steering *steering, const char *name)
{
	const char *names[REGIONS_MAX];

	for (size_t i = 0; i < steering->region_count; i++)
		names[i] = steering->regions[i].name;
	return text_suggest(name, names, steering->region_count);
}

int
plan_pair_compare(const void *a, const void *b)
{
	const struct plan_pair *x = a, *y = b;

	return x->primary != y->primary ? x->primary - y->primary : x->backup - y->backup;
}

int
plan_group_compare(const void *a, const void *b)
{
	const struct plan_group *x = a, *y = b;

	return x->group != y->group ? x->group - y->group : x->country - y->country;
}

size_t
plan_countries(const struct plan *plan, uint8_t *countries)
{
	bool cut[COUNTRIES_MAX] = { false };
	size_t count = 0;

	for (size_t s = 0; plan != NULL && s < plan->service_count; s++)
		for (size_t g = 0; g < plan->services[s].group_count; g++)
			cut[plan->services[s].groups[g].country] = true;
	for (unsigned c = COUNTRY_UNKNOWN + 1; c < COUNTRIES_MAX; c++)
		if (cut[c])
			countries[count++] = (uint8_t)c;
	return count;
}

void
plan_free(struct plan *plan)
{
	if (plan != NULL)
		arena_free(plan->arena);
}
