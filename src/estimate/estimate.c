/* estimate.c -- the state of the estimate: counts that fade, and what becomes of them when the steering changes.
 * In: counts and seconds.  Out: state.  Threads: one.
 *
 * Three kinds of counts, since they need different times to be told from chance:
 *  units    a client group's clients by network, or a country's: few, followed fast (how much)
 *  shapes   the slots of each demand group: many, followed slowly (where in the group)
 *  keys     the client prefixes that ask the most (who)
 * What is made of them is in estimate_demand.c, what caches hide in estimate_tail.c, how regions' reports correct it
 * all in estimate_reports.c.
 * A window begins empty and its seconds fade with its counts, so a rate is unbiased from the first pass on. */
#include "estimate/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "estimate/state.h"
#include "steer/slots.h"

static bool make(struct estimate *fresh, const struct steering *steering, const struct locator *locator);
static bool make_service(struct estimate *fresh, struct service_estimate *service,
	const struct steering_service *intent);
static void take_over(struct estimate *fresh, struct estimate *old, const struct locator *locator);
static void take_over_service(struct estimate *fresh, struct service_estimate *to, const struct estimate *old,
	struct service_estimate *from, const struct locator *locator);
static size_t shape_place(const struct service_estimate *service, uint16_t group, uint8_t country);
static int compare_shapes(const void *a, const void *b);
static uint16_t name_find(char *const *names, size_t count, const char *name);
static void clear(struct estimate *estimate);

struct estimate *
estimate_new(void)
{
	return calloc(1, sizeof(struct estimate));
}

void
estimate_free(struct estimate *estimate)
{
	if (estimate == NULL)
		return;
	clear(estimate);
	free(estimate);
}

static void
clear(struct estimate *estimate)
{
	for (size_t g = 0; estimate->groups != NULL && g < estimate->group_count; g++)
		free(estimate->groups[g]);
	for (size_t r = 0; estimate->regions != NULL && r < estimate->region_count; r++)
		free(estimate->regions[r]);
	for (size_t s = 0; estimate->services != NULL && s < estimate->service_count; s++) {
		struct service_estimate *service = &estimate->services[s];

		for (size_t i = 0; i < service->shape_count; i++)
			shape_fini(&service->shapes[i]);
		free(service->shapes);
		free(service->units);
		free(service->trust);
		free(service->name);
		keys_fini(&service->keys);
	}
	free(estimate->groups);
	free(estimate->regions);
	free(estimate->services);
}

bool
estimate_adopt(struct estimate *estimate, const struct steering *steering, const struct locator *locator)
{
	struct estimate fresh = { 0 };

	if (!make(&fresh, steering, locator)) {
		clear(&fresh);
		return false;
	}
	take_over(&fresh, estimate, locator);
	clear(estimate);
	*estimate = fresh;
	return true;
}

static bool
make(struct estimate *fresh, const struct steering *steering, const struct locator *locator)
{
	bool made;

	fresh->group_count = steering->group_count;
	fresh->region_count = steering->region_count;
	fresh->service_count = steering->service_count;
	fresh->groups = calloc(steering->group_count + 1, sizeof(char *));
	fresh->regions = calloc(steering->region_count + 1, sizeof(char *));
	fresh->services = calloc(steering->service_count + 1, sizeof(*fresh->services));
	made = fresh->groups != NULL && fresh->regions != NULL && fresh->services != NULL;
	for (size_t g = 0; made && g < steering->group_count; g++)
		made = (fresh->groups[g] = strdup(steering->groups[g].name)) != NULL;
	for (size_t r = 0; made && r < steering->region_count; r++)
		made = (fresh->regions[r] = strdup(steering->regions[r].name)) != NULL;
	for (unsigned c = 0; c < COUNTRIES_MAX; c++)
		fresh->by_country[c] = c < country_count() ? locator_country_group(locator, (uint8_t)c)
		    : GROUP_DEFAULT;
	for (size_t s = 0; made && s < steering->service_count; s++)
		made = make_service(fresh, &fresh->services[s], &steering->services[s]);
	return made;
}

static bool
make_service(struct estimate *fresh, struct service_estimate *service, const struct steering_service *intent)
{
	service->name = strdup(intent->name);
	service->units = calloc(unit_count(fresh), sizeof(*service->units));
	service->trust = calloc(fresh->region_count + 1, sizeof(*service->trust));
	service->seed = hash64(intent->owner, name_length(intent->owner, NAME_MAX), 0);
	service->scale = 1;
	service->residual = NAN;
	for (size_t u = 0; service->units != NULL && u < unit_count(fresh); u++)
		service->units[u].factor = 1;
	return service->name != NULL && service->units != NULL && service->trust != NULL;
}

static void
take_over(struct estimate *fresh, struct estimate *old, const struct locator *locator)
{
	for (size_t s = 0; s < fresh->service_count; s++)
		for (size_t k = 0; k < old->service_count; k++)
			if (strcmp(fresh->services[s].name, old->services[k].name) == 0)
				take_over_service(fresh, &fresh->services[s], old, &old->services[k], locator);
}

/* Groups and regions by name; a country's clients stay with it, whatever group it's in now. */
static void
take_over_service(struct estimate *fresh, struct service_estimate *to, const struct estimate *old,
	struct service_estimate *from, const struct locator *locator)
{
	for (size_t g = 0; g < old->group_count; g++) {
		uint16_t group = name_find(fresh->groups, fresh->group_count, old->groups[g]);

		if (group != UINT16_MAX)
			to->units[group] = from->units[g];
	}
	for (unsigned c = COUNTRY_UNKNOWN + 1; c < COUNTRIES_MAX && old->group_count > 0; c++)
		to->units[fresh->group_count + c] = from->units[old->group_count + c];
	for (size_t r = 0; r < old->region_count; r++) {
		uint16_t region = name_find(fresh->regions, fresh->region_count, old->regions[r]);

		if (region != UINT16_MAX)
			to->trust[region] = from->trust[r];
	}
	to->shapes = from->shapes;
	for (size_t i = 0; i < from->shape_count; i++) {
		struct shape shape = from->shapes[i];

		shape.group = name_find(fresh->groups, fresh->group_count, old->groups[shape.group]);
		if (shape.group == UINT16_MAX)
			shape_fini(&shape);
		else
			to->shapes[to->shape_count++] = shape;
	}
	if (to->shape_count > 0)
		qsort(to->shapes, to->shape_count, sizeof(*to->shapes), compare_shapes);
	to->keys = from->keys;
	for (size_t i = 0; i < to->keys.count; i++) {
		struct prefix prefix;
		struct place place;

		slots_key_read(to->keys.list[i].key, &prefix);
		locate(locator, &prefix.address, &place);
		to->keys.list[i].group = place.group;
		to->keys.list[i].country = place.network != 0 ? COUNTRY_UNKNOWN : place.country;
	}
	from->shapes = NULL;
	from->shape_count = 0;
	from->keys = (struct keys){ 0 };
	to->fast_s = from->fast_s;
	to->slow_s = from->slow_s;
	to->keys_s = from->keys_s;
	to->ttl_s = from->ttl_s;
	to->scale = from->scale;
	to->residual = from->residual;
}

static uint16_t
name_find(char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (uint16_t)i;
	return UINT16_MAX;
}

/* --- counts -------------------------------------------------------------------------------------------------- */

void
estimate_set_ttl(struct estimate *estimate, size_t service, double ttl_s)
{
	estimate->services[service].ttl_s = ttl_s;
}

void
estimate_count(struct estimate *estimate, size_t service, uint16_t group, uint8_t country, double questions)
{
	estimate->services[service].units[unit_of(estimate, group, country)].fresh += questions;
}

void
estimate_pass(struct estimate *estimate, double seconds)
{
	double fast = exp(-seconds / ESTIMATE_RATE_S), slow = exp(-seconds / ESTIMATE_SHAPE_S);

	for (size_t s = 0; s < estimate->service_count; s++) {
		struct service_estimate *service = &estimate->services[s];

		for (size_t u = 0; u < unit_count(estimate); u++) {
			struct unit *unit = &service->units[u];

			unit->fast = unit->fast * fast + unit->fresh;
			unit->slow = unit->slow * slow + unit->fresh;
			unit->fresh = 0;
		}
		service->fast_s = service->fast_s * fast + seconds;
		service->slow_s = service->slow_s * slow + seconds;
	}
}

bool
estimate_slots(struct estimate *estimate, size_t s, const struct demand_group *group, uint32_t count,
	const uint32_t *questions, double seconds)
{
	struct service_estimate *service = &estimate->services[s];
	struct shape *shape = shape_find(service, group->group, group->country);

	if (shape == NULL && (shape = shape_new(service, group->group, group->country, count)) == NULL)
		return false;
	if (shape->count != count && !shape_resize(shape, count))
		return false;
	shape_add(shape, questions, exp(-seconds / ESTIMATE_SHAPE_S));
	return true;
}

struct shape *
shape_find(const struct service_estimate *service, uint16_t group, uint8_t country)
{
	size_t at = shape_place(service, group, country);
	struct shape *shape = at == service->shape_count ? NULL : &service->shapes[at];

	return shape != NULL && shape->group == group && shape->country == country ? shape : NULL;
}

struct shape *
shape_new(struct service_estimate *service, uint16_t group, uint8_t country, uint32_t count)
{
	struct shape *shapes = realloc(service->shapes, (service->shape_count + 1) * sizeof(*shapes)), fresh;
	size_t at;

	if (shapes == NULL)
		return NULL;
	service->shapes = shapes;
	if (!shape_init(&fresh, group, country, count))
		return NULL;
	at = shape_place(service, group, country);
	memmove(&shapes[at + 1], &shapes[at], (service->shape_count - at) * sizeof(*shapes));
	shapes[at] = fresh;
	service->shape_count++;
	return &shapes[at];
}

/* Where it is, or would be. */
static size_t
shape_place(const struct service_estimate *service, uint16_t group, uint8_t country)
{
	size_t low = 0, high = service->shape_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct shape *at = &service->shapes[middle];

		if (at->group < group || (at->group == group && at->country < country))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
compare_shapes(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;

	return x->group != y->group ? (x->group > y->group) - (x->group < y->group)
		: (x->country > y->country) - (x->country < y->country);
}

bool
estimate_key(struct estimate *estimate, size_t service, uint64_t key, const struct place *place, double questions,
	bool spread)
{
	struct known_key *known = keys_find(&estimate->services[service].keys, key);

	if (known == NULL)
		return false;
	known->group = place->group;
	known->country = place->network != 0 ? COUNTRY_UNKNOWN : place->country;
	known->fresh += questions;
	known->fresh_spread += spread ? questions : 0;
	return true;
}

void
estimate_pass_keys(struct estimate *estimate, size_t s, double seconds)
{
	struct service_estimate *service = &estimate->services[s];
	double keep = exp(-seconds / ESTIMATE_SHAPE_S);

	keys_pass(&service->keys, keep);
	service->keys_s = service->keys_s * keep + seconds;
}
