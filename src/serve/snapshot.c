/* snapshot.c -- puts zones and steering together into what workers read.
 * In: zones, steering, slot tables.  Out: an immutable snapshot.  Threads: control builds and frees, workers read.
 * Memory: one arena, besides what is held (zones, steering, tables). */
#include "serve/snapshot.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/types.h"
#include "steer/law.h"

#define CACHE_LINE 64

static bool index_zones(struct snapshot *snapshot, const struct snapshot_parts *parts);
static void put_zone(struct snapshot *snapshot, const struct zone_slot *slot);
static bool add_services(struct snapshot *snapshot, const struct snapshot_parts *parts);
static bool service_init(struct snapshot *snapshot, struct service *service, const struct snapshot_parts *parts,
	size_t index);
static bool find_variants(struct snapshot *snapshot, struct service *service);
static void take_signed_name(struct snapshot *snapshot, struct service *service);
static bool is_closest(struct zone *const *zones, size_t count, size_t zone, const uint8_t *name);
static bool collect_types(struct snapshot *snapshot, struct service *service);
static bool order_regions(struct snapshot *snapshot, struct service *service);
static bool compile_residency(struct snapshot *snapshot, struct service *service);
static bool prepare_counts(struct snapshot *snapshot, struct service *service);
static uint16_t counted_type(const struct service *service);
static uint32_t check_mask(const struct snapshot *snapshot, const struct service *service);
static bool add_rows(struct snapshot *snapshot);
static bool add_slot_counters(struct snapshot *snapshot, struct worker_row *row);
static void free_slot_counters(struct snapshot *snapshot);
static void put_service(struct snapshot *snapshot, const struct service *service);
static const struct node *variant_find(const struct zone *zone, const uint8_t *owner, const char *region);
static size_t index_size_for(size_t count);
static inline const struct zone_slot *zone_slot(const struct snapshot *snapshot, const uint8_t *name,
	const struct name_parts *parts, unsigned i);

struct snapshot *
snapshot_new(const struct snapshot_parts *parts)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot == NULL)
		return NULL;
	snapshot->epoch = parts->epoch;
	snapshot->steering = snapshot->owned_steering = parts->steering;
	snapshot->geo = parts->geo;
	snapshot->worker_count = parts->worker_count;
	steering_hold(parts->steering);
	snapshot->arena = arena_new();
	snapshot->owned_locator = locator_new(parts->steering, parts->geo);
	snapshot->locator = snapshot->owned_locator;
	if (snapshot->locator != NULL)
		snapshot->cell_count = COUNTRIES_MAX + locator_network_count(snapshot->locator);
	if (snapshot->arena != NULL && snapshot->locator != NULL)
		snapshot->partition = partition_new(parts->steering, snapshot->locator, parts->countries,
		    parts->country_count, snapshot->arena);
	if (snapshot->partition == NULL || !index_zones(snapshot, parts) || !add_services(snapshot, parts)
	    || !add_rows(snapshot)) {
		snapshot_free(snapshot);
		return NULL;
	}
	return snapshot;
}

void
snapshot_free(struct snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	for (size_t i = 0; i < snapshot->zone_count; i++) {
		zone_release(snapshot->zones[i]);
		signed_zone_release(snapshot->signed_zones[i]);
	}
	for (size_t i = 0; i < snapshot->service_count; i++) {
		const struct service *service = &snapshot->services[i];

		for (size_t g = 0; service->tables != NULL && g < snapshot->partition->count; g++)
			slot_table_release((struct slot_table *)(uintptr_t)service->tables[g]);
		slot_table_release((struct slot_table *)(uintptr_t)service->by_country);
	}
	free_slot_counters(snapshot);
	locator_free(snapshot->owned_locator);
	steering_free(snapshot->owned_steering);
	arena_free(snapshot->arena);
	free(snapshot->lives);
	free(snapshot);
}

static void
free_slot_counters(struct snapshot *snapshot)
{
	for (unsigned w = 0; snapshot->rows != NULL && w < snapshot->worker_count; w++)
		for (size_t s = 0; snapshot->rows[w].slots != NULL && s < snapshot->service_count; s++)
			free(snapshot->rows[w].slots[s]);
}

static size_t
index_size_for(size_t count)
{
	size_t size = 8;

	while (size < count * 2)
		size *= 2;
	return size;
}

static bool
index_zones(struct snapshot *snapshot, const struct snapshot_parts *parts)
{
	struct zone **zones = arena_alloc(snapshot->arena, parts->zone_count * sizeof(struct zone *));
	struct signed_zone **signed_zones = arena_alloc(snapshot->arena,
	    parts->zone_count * sizeof(struct signed_zone *));

	snapshot->zone_index_size = index_size_for(parts->zone_count + parts->absent_count);
	snapshot->zone_index = arena_alloc(snapshot->arena,
	    snapshot->zone_index_size * sizeof(*snapshot->zone_index));
	snapshot->names_taken = arena_alloc(snapshot->arena, parts->zone_count * sizeof(size_t));
	if (zones == NULL || signed_zones == NULL || snapshot->names_taken == NULL || snapshot->zone_index == NULL)
		return false;
	snapshot->zones = zones;
	snapshot->signed_zones = signed_zones;
	for (size_t i = 0; i < parts->zone_count; i++) {
		struct signed_zone *by_us = parts->signed_zones == NULL ? NULL : parts->signed_zones[i];
		struct zone *zone = by_us == NULL ? parts->zones[i] : by_us->zone;

		zone_hold(zone);
		if (by_us != NULL)
			signed_zone_hold(by_us);
		signed_zones[i] = by_us;
		zones[snapshot->zone_count++] = zone;
		put_zone(snapshot, &(struct zone_slot){
			.apex = zone_apex(zone)->name, .zone = zone,
			.lease = parts->leases == NULL ? NULL : parts->leases[i],
			.hides = parts->hidden != NULL && parts->hidden[i],
			.closed = parts->closed != NULL && parts->closed[i],
		});
	}
	for (size_t i = 0; i < parts->absent_count; i++) {
		const uint8_t *apex = arena_copy(snapshot->arena, parts->absent[i],
		    name_length(parts->absent[i], NAME_MAX));

		if (apex == NULL)
			return false;
		put_zone(snapshot, &(struct zone_slot){ .apex = apex });
	}
	return true;
}

static void
put_zone(struct snapshot *snapshot, const struct zone_slot *slot)
{
	struct name_parts name;
	size_t at;

	name_take_apart(&name, slot->apex);
	if (name.labels > snapshot->deepest_apex)
		snapshot->deepest_apex = name.labels;
	for (at = name.hash[0]; snapshot->zone_index[at & (snapshot->zone_index_size - 1)].apex != NULL; at++)
		;
	at &= snapshot->zone_index_size - 1;
	snapshot->zone_index[at] = *slot;
	snapshot->zone_index[at].hash = name.hash[0];
	snapshot->zone_index[at].length = name.length;
}

static bool
add_services(struct snapshot *snapshot, const struct snapshot_parts *parts)
{
	size_t count = parts->steering->service_count;
	struct service *services = arena_alloc(snapshot->arena, count * sizeof(*services));

	snapshot->service_index_size = index_size_for(count);
	snapshot->service_index = arena_alloc(snapshot->arena,
	    snapshot->service_index_size * sizeof(*snapshot->service_index));
	snapshot->lives = calloc(count + 1, sizeof(*snapshot->lives));
	if (services == NULL || snapshot->service_index == NULL || snapshot->lives == NULL)
		return false;
	snapshot->services = services;
	for (size_t i = 0; i < count; i++) {
		snapshot->service_count++;
		if (!service_init(snapshot, &services[i], parts, i))
			return false;
		if (services[i].node != NULL)
			put_service(snapshot, &services[i]);
	}
	return true;
}

static bool
service_init(struct snapshot *snapshot, struct service *service, const struct snapshot_parts *parts, size_t index)
{
	const struct steering_service *intent = &parts->steering->services[index];
	struct name_parts name;

	service->intent = intent;
	service->index = (uint32_t)index;
	service->seed = hash64(intent->owner, name_length(intent->owner, NAME_MAX), 0);
	service->live = &snapshot->lives[index];
	for (unsigned r = 0; r < REGIONS_MAX; r++)
		atomic_init(&service->live->admits[r], ADMIT_ALL);
	service->tables = arena_copy(snapshot->arena, parts->tables[index].groups,
	    snapshot->partition->count * sizeof(struct slot_table *));
	if (service->tables == NULL)
		return false;
	for (size_t g = 0; g < snapshot->partition->count; g++)
		slot_table_hold(parts->tables[index].groups[g]);
	service->by_country = parts->tables[index].by_country;
	if (service->by_country != NULL)
		slot_table_hold(parts->tables[index].by_country);
	name_take_apart(&name, intent->owner);
	service->zone = snapshot_zone(snapshot, intent->owner, &name, 0);
	if (service->zone != NULL)
		service->node = zone_find(service->zone, intent->owner, &name, 0);
	if (!find_variants(snapshot, service))
		return false;
	take_signed_name(snapshot, service);
	return collect_types(snapshot, service)
	    && order_regions(snapshot, service) && compile_residency(snapshot, service)
	    && prepare_counts(snapshot, service);
}

static bool
find_variants(struct snapshot *snapshot, struct service *service)
{
	const struct node **variants = arena_alloc(snapshot->arena,
	    (snapshot->steering->region_count + 1) * sizeof(struct node *));

	if (variants == NULL)
		return false;
	service->variants = variants;
	for (size_t i = 0; i < service->intent->region_count && service->zone != NULL; i++) {
		region_id r = service->intent->regions[i].region;

		variants[r] = variant_find(service->zone, service->intent->owner, snapshot->steering->regions[r].name);
	}
	return true;
}

/* Where the zone was signed by us, variants are those that are signed for the service's name. Services come in the
 * order in which steered_names() has them. */
static void
take_signed_name(struct snapshot *snapshot, struct service *service)
{
	const struct signed_zone *by_us;
	size_t zone = 0;

	while (zone < snapshot->zone_count && snapshot->zones[zone] != service->zone)
		zone++;
	by_us = service->node == NULL || zone == snapshot->zone_count ? NULL : snapshot->signed_zones[zone];
	if (by_us == NULL || snapshot->names_taken[zone] == by_us->name_count)
		return;
	service->signed_name = &by_us->names[snapshot->names_taken[zone]++];
	service->variants = service->signed_name->variants;
}

size_t
steered_names(const struct steering *steering, struct zone *const *zones, size_t count, size_t zone,
	struct arena *arena, const struct steered_name **names)
{
	struct steered_name *list = arena_alloc(arena, (steering->service_count + 1) * sizeof(*list));
	size_t found = 0;

	*names = list;
	for (size_t s = 0; s < steering->service_count; s++) {
		const struct steering_service *service = &steering->services[s];
		const struct node *owner, **variants;

		if (list == NULL)
			return SIZE_MAX;
		if (!is_closest(zones, count, zone, service->owner)
		    || (owner = zone_find_name(zones[zone], service->owner)) == NULL)
			continue;
		variants = arena_alloc(arena, (steering->region_count + 1) * sizeof(struct node *));
		if (variants == NULL)
			return SIZE_MAX;
		for (size_t i = 0; i < service->region_count; i++) {
			region_id r = service->regions[i].region;

			variants[r] = variant_find(zones[zone], service->owner, steering->regions[r].name);
		}
		list[found++] = (struct steered_name){ owner, steering->region_count, variants };
	}
	return found;
}

/* No other zone is closer to the name. */
static bool
is_closest(struct zone *const *zones, size_t count, size_t zone, const uint8_t *name)
{
	const struct node *apex = zone_apex(zones[zone]);

	if (!name_is_under(name, apex->name))
		return false;
	for (size_t i = 0; i < count; i++)
		if (zone_apex(zones[i])->labels > apex->labels && name_is_under(name, zone_apex(zones[i])->name))
			return false;
	return true;
}

/* The node of <region>._region.<owner>. */
static const struct node *
variant_find(const struct zone *zone, const uint8_t *owner, const char *region)
{
	static const uint8_t label[8] = { 7, '_', 'r', 'e', 'g', 'i', 'o', 'n' };
	uint8_t name[NAME_MAX], text[NAME_MAX];
	size_t owner_length = name_length(owner, NAME_MAX), region_length = strlen(region);

	if (region_length == 0 || region_length > 63 || 1 + region_length + sizeof(label) + owner_length > NAME_MAX)
		return NULL;
	name[0] = (uint8_t)region_length;
	memcpy(name + 1, region, region_length);
	memcpy(name + 1 + region_length, label, sizeof(label));
	memcpy(name + 1 + region_length + sizeof(label), owner, owner_length);
	name_lower(text, name, 1 + region_length + sizeof(label) + owner_length);
	return zone_find_name(zone, text);
}

static bool
collect_types(struct snapshot *snapshot, struct service *service)
{
	size_t most = 0;
	struct type_regions *types;

	for (size_t r = 0; r < snapshot->steering->region_count; r++)
		if (service->variants[r] != NULL)
			most += service->variants[r]->rrset_count;
	types = arena_alloc(snapshot->arena, most * sizeof(*types));
	if (types == NULL)
		return false;
	service->types = types;
	for (size_t r = 0; r < snapshot->steering->region_count; r++)
		for (unsigned i = 0; service->variants[r] != NULL && i < service->variants[r]->rrset_count; i++) {
			uint16_t type = service->variants[r]->rrsets[i].type;
			size_t t = 0;

			if (type == TYPE_NSEC)		/* it denies the region's own name */
				continue;
			while (t < service->type_count && types[t].type != type)
				t++;
			types[t].type = type;
			service->type_count += t == service->type_count;
			region_set_add(&types[t].regions, (region_id)r);
		}
	return true;
}

/* By priority, else as written: an insertion sort keeps equals in order, and lists are short. */
static bool
order_regions(struct snapshot *snapshot, struct service *service)
{
	const struct steering_service *intent = service->intent;
	region_id *order = arena_alloc(snapshot->arena, intent->region_count);
	unsigned priorities[REGIONS_MAX];

	if (order == NULL)
		return false;
	for (size_t i = 0; i < intent->region_count; i++) {
		size_t at = service->order_count++;

		for (; at > 0 && priorities[at - 1] > intent->regions[i].priority; at--) {
			priorities[at] = priorities[at - 1];
			order[at] = order[at - 1];
		}
		priorities[at] = intent->regions[i].priority;
		order[at] = intent->regions[i].region;
	}
	service->order = order;
	return true;
}

static bool
compile_residency(struct snapshot *snapshot, struct service *service)
{
	size_t networks = locator_network_count(snapshot->locator);
	struct region_set *by_network = arena_alloc(snapshot->arena, networks * sizeof(*by_network));
	struct region_set *by_country = arena_alloc(snapshot->arena, COUNTRIES_MAX * sizeof(*by_country));
	struct region_set *joined = arena_alloc(snapshot->arena, COUNTRIES_MAX * sizeof(*joined));

	if (by_network == NULL || by_country == NULL || joined == NULL)
		return false;
	by_network[0] = region_set_all();
	for (size_t n = 1; n < networks; n++)
		by_network[n] = locator_legal(snapshot->locator, service->intent, (uint16_t)n, COUNTRY_UNKNOWN);
	for (unsigned c = 0; c < COUNTRIES_MAX; c++) {
		by_country[c] = locator_legal(snapshot->locator, service->intent, 0, (uint8_t)c);
		joined[c] = locator_country_group(snapshot->locator, (uint8_t)c) != GROUP_DEFAULT
			? by_country[c] : region_set_all();
	}
	service->legal_by_network = by_network;
	service->legal_by_country = by_country;
	service->legal_by_country_in_network = joined;
	return true;
}

/* Where the answer depends on the key, its slots are counted: of sticky services that are planned. */
static bool
prepare_counts(struct snapshot *snapshot, struct service *service)
{
	size_t groups = snapshot->partition->count;
	uint32_t *base, next = 0;

	service->counted_type = counted_type(service);
	service->check_mask = check_mask(snapshot, service);
	if (service->intent->policy != POLICY_PREDICTIVE || !service->intent->sticky)
		return true;
	base = arena_alloc(snapshot->arena, groups * sizeof(*base));
	if (base == NULL)
		return false;
	for (size_t g = 0; g < groups; g++) {
		const struct slot_table *table = service->tables[g];

		base[g] = table->uniform ? SLOTS_UNCOUNTED : next;
		next += table->uniform ? 0 : table->count + table->heavy_count;
	}
	service->slot_base = base;
	return true;
}

/* Nearly every client asks for A, whatever else it asks for. An alias stands for all types. */
static uint16_t
counted_type(const struct service *service)
{
	static const uint16_t preferred[] = { TYPE_A, TYPE_CNAME, TYPE_AAAA };

	for (size_t i = 0; i < ARRAY_SIZE(preferred); i++)
		for (size_t t = 0; t < service->type_count; t++)
			if (service->types[t].type == preferred[i])
				return preferred[i] == TYPE_CNAME ? TYPE_A : preferred[i];
	return service->type_count > 0 ? service->types[0].type : TYPE_A;
}

#define CHECK_ONE_IN 64u	/* answers; some 20 ns a check with few rules: below 0.5 ns an answer */
#define CHECK_WORK 64u		/* networks that a check may look at before it's made rarer */

static uint32_t
check_mask(const struct snapshot *snapshot, const struct service *service)
{
	uint64_t every = CHECK_ONE_IN, work = law_work(snapshot->steering, service->intent);

	for (; work > CHECK_WORK && every < 1u << 20; work /= 2)
		every *= 2;
	return (uint32_t)every - 1;
}

static void
put_service(struct snapshot *snapshot, const struct service *service)
{
	size_t at = hash64(&service->node, sizeof(service->node), 0);

	while (snapshot->service_index[at & (snapshot->service_index_size - 1)].node != NULL)
		at++;
	snapshot->service_index[at & (snapshot->service_index_size - 1)] =
	    (struct service_slot){ service->node, service };
}

/* Each worker's row begins on a cache line of its own, so that counting never slows a neighbour. */
static bool
add_rows(struct snapshot *snapshot)
{
	size_t turns = snapshot->service_count * snapshot->partition->count * TURNS_PER_TABLE;
	size_t picks = snapshot->service_count * snapshot->steering->region_count;
	size_t asked = snapshot->service_count * snapshot->cell_count;
	size_t bytes = picks * sizeof(uint64_t) + (turns + asked) * sizeof(uint32_t) + 2 * CACHE_LINE;

	void *rows = arena_alloc(snapshot->arena, snapshot->worker_count * sizeof(*snapshot->rows) + CACHE_LINE);

	if (rows == NULL)
		return false;
	snapshot->rows = (void *)(((uintptr_t)rows + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
	for (unsigned w = 0; w < snapshot->worker_count; w++) {
		uintptr_t at = (uintptr_t)arena_alloc(snapshot->arena, bytes);

		if (at == 0)
			return false;
		at = (at + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1);
		snapshot->rows[w].picks = (uint64_t *)at;
		snapshot->rows[w].turns = (uint32_t *)(at + picks * sizeof(uint64_t));
		snapshot->rows[w].asked = snapshot->rows[w].turns + turns;
		/* Workers and epochs start at different places of the sequence, so that few queries over many workers,
		 * or between many publications, spread too. */
		for (size_t t = 0; t < turns; t++)
			snapshot->rows[w].turns[t] = (uint32_t)hash64(&t, sizeof(t), snapshot->epoch << 16 ^ w);
		if (!add_slot_counters(snapshot, &snapshot->rows[w]))
			return false;
	}
	return true;
}

/* By calloc() and not in the arena, which would touch every page: some 280 KB for a service and worker, that come into
 * being when they are counted in. */
static bool
add_slot_counters(struct snapshot *snapshot, struct worker_row *row)
{
	row->slots = arena_alloc(snapshot->arena, snapshot->service_count * sizeof(*row->slots));
	if (row->slots == NULL)
		return false;
	for (size_t s = 0; s < snapshot->service_count; s++) {
		uint32_t count = snapshot_slot_count(snapshot, &snapshot->services[s]);

		if (count == 0)
			continue;
		row->slots[s] = calloc(count + CACHE_LINE / sizeof(uint32_t), sizeof(uint32_t));
		if (row->slots[s] == NULL)
			return false;
	}
	return true;
}

uint32_t
snapshot_slot_count(const struct snapshot *snapshot, const struct service *service)
{
	uint32_t count = 0;

	for (size_t g = 0; service->slot_base != NULL && g < snapshot->partition->count; g++)
		if (service->slot_base[g] != SLOTS_UNCOUNTED)
			count += service->tables[g]->count + service->tables[g]->heavy_count;
	return count;
}

const struct zone_slot *
snapshot_slot(const struct snapshot *snapshot, const uint8_t *name, const struct name_parts *parts, unsigned from)
{
	unsigned i = from;

	if (parts->labels - from > snapshot->deepest_apex)
		i = parts->labels - snapshot->deepest_apex;
	for (; i <= parts->labels; i++) {
		const struct zone_slot *slot = zone_slot(snapshot, name, parts, i);

		if (slot != NULL)
			return slot;
	}
	return NULL;
}

const struct zone *
snapshot_zone(const struct snapshot *snapshot, const uint8_t *name, const struct name_parts *parts, unsigned from)
{
	const struct zone_slot *slot = snapshot_slot(snapshot, name, parts, from);

	return slot == NULL ? NULL : slot->zone;
}

/* The zone whose apex is the name from label `i` on, or NULL. */
static inline const struct zone_slot *
zone_slot(const struct snapshot *snapshot, const uint8_t *name, const struct name_parts *parts, unsigned i)
{
	const uint8_t *suffix = name + parts->offset[i];
	size_t length = (size_t)parts->length - parts->offset[i];

	for (size_t at = parts->hash[i];; at++) {
		const struct zone_slot *slot = &snapshot->zone_index[at & (snapshot->zone_index_size - 1)];

		if (slot->apex == NULL)
			return NULL;
		if (slot->hash == parts->hash[i] && slot->length == length && memcmp(slot->apex, suffix, length) == 0)
			return slot;
	}
}

const struct service *
snapshot_service(const struct snapshot *snapshot, const struct node *node)
{
	for (size_t at = hash64(&node, sizeof(node), 0);; at++) {
		const struct service_slot *slot = &snapshot->service_index[at & (snapshot->service_index_size - 1)];

		if (slot->node == node)
			return slot->service;
		if (slot->node == NULL)
			return NULL;
	}
}

uint64_t
snapshot_picks(const struct snapshot *snapshot, uint32_t service, region_id region)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < snapshot->worker_count; w++)
		sum += __atomic_load_n(&snapshot->rows[w].picks[service * snapshot->steering->region_count + region],
		    __ATOMIC_RELAXED);
	return sum;
}

void
snapshot_lawful(const struct snapshot *snapshot, uint64_t *checked, uint64_t *violations)
{
	*checked = *violations = 0;
	for (unsigned w = 0; w < snapshot->worker_count; w++) {
		*checked += __atomic_load_n(&snapshot->rows[w].checked, __ATOMIC_RELAXED);
		*violations += __atomic_load_n(&snapshot->rows[w].violations, __ATOMIC_RELAXED);
	}
}
