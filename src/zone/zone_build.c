/* zone_build.c -- the builder that collects records, and the freezing of what it has.
 * In: records, one by one.  Out: an immutable zone whose nodes carry what a lookup would else have to search for.
 * Threads: one builder, one thread.  Memory: what is collected lives in an arena of its own that ends with the builder;
 * the zone's arena gets only what stays.
 *
 * Records are first chained to a draft of their node. Freezing sorts the drafts into canonical order, in which a parent
 * always comes before its children, and lays the nodes out in that order, one beside the other (zone_layout.c): so cut
 * and DNAME are inherited from the parent, and which of two nodes comes first is told by their addresses.
 *
 * NSEC3 owners have no parents and stand in a list of their own; one may have the name of one of the others. */
#include "zone/zone.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "zone/zone_parts.h"

/* A name while the zone is built. */
struct building {
	struct draft draft;
	struct building *next;	/* all of them, newest first */
	uint64_t hash;
	bool nsec3;
};

struct drafts {
	struct building *newest;
	size_t count;
};

struct zone_builder {
	struct zone *zone;
	struct arena *scratch;	/* drafts and records */
	struct drafts names, nsec3;
	struct building **index;	/* open addressing, at most half full */
	size_t index_size;
	const struct building *apex;
};

static struct building *name_get(struct zone_builder *builder, const uint8_t *name, const struct name_parts *parts,
	unsigned from, bool nsec3);
static struct building *name_find(const struct zone_builder *builder, const uint8_t *name,
	const struct name_parts *parts, unsigned from, bool nsec3);
static bool index_grow(struct zone_builder *builder);
static void index_put(struct zone_builder *builder, struct building *building);
static enum zone_freeze freeze(struct zone_builder *builder);
static struct node *lay_out_nodes(struct zone_builder *builder, const struct drafts *drafts);
static int compare_names(const void *a, const void *b);

struct zone_builder *
zone_builder_new(const uint8_t *apex)
{
	struct zone_builder *builder = calloc(1, sizeof(*builder));
	uint8_t lower[NAME_MAX];
	struct name_parts parts;

	if (builder == NULL)
		return NULL;
	builder->zone = calloc(1, sizeof(*builder->zone));
	if (builder->zone != NULL)
		builder->zone->holds = 1;	/* first of all, so that zone_release() frees it */
	builder->scratch = arena_new();
	if (builder->zone == NULL || builder->scratch == NULL)
		goto fail;
	builder->zone->arena = arena_new();
	if (builder->zone->arena == NULL || !index_grow(builder))
		goto fail;
	name_lower(lower, apex, name_length(apex, NAME_MAX));
	name_take_apart(&parts, lower);
	builder->apex = name_get(builder, lower, &parts, 0, false);
	if (builder->apex != NULL)
		return builder;
fail:
	zone_builder_free(builder);
	return NULL;
}

void
zone_builder_free(struct zone_builder *builder)
{
	if (builder == NULL)
		return;
	free(builder->index);
	arena_free(builder->scratch);
	zone_release(builder->zone);
	free(builder);
}

enum zone_add
zone_builder_add(struct zone_builder *builder, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
	uint16_t rdlength)
{
	bool nsec3 = type == TYPE_NSEC3
	    || (type == TYPE_RRSIG && rdlength >= 2 && wire_get_u16(rdata) == TYPE_NSEC3);
	uint8_t name[NAME_MAX];
	struct name_parts parts;
	struct building *building;
	enum zone_add result;

	name_lower(name, owner, name_length(owner, NAME_MAX));
	name_take_apart(&parts, name);
	if (!name_is_under(name, builder->apex->draft.name))
		return ZONE_NOT_UNDER_APEX;
	building = name_get(builder, name, &parts, 0, nsec3);
	if (building == NULL)
		return ZONE_NO_MEMORY;
	result = draft_add(builder->scratch, &building->draft, type, ttl, rdata, rdlength);
	builder->zone->record_count += result == ZONE_ADDED || result == ZONE_TTL_DIFFERS;
	return result;
}

/* The name from label `from` on, made if need be together with the empty non-terminals above it. */
static struct building *
name_get(struct zone_builder *builder, const uint8_t *name, const struct name_parts *parts, unsigned from, bool nsec3)
{
	struct drafts *drafts = nsec3 ? &builder->nsec3 : &builder->names;
	struct building *building = name_find(builder, name, parts, from, nsec3);
	size_t all;

	if (building != NULL)
		return building;
	if (!nsec3 && builder->apex != NULL && name_get(builder, name, parts, from + 1, false) == NULL)
		return NULL;
	all = builder->names.count + builder->nsec3.count;	/* with those above */
	building = arena_alloc(builder->scratch, sizeof(*building));
	if (building == NULL || all >= UINT32_MAX / 2 || (all * 2 >= builder->index_size && !index_grow(builder)))
		return NULL;
	building->draft.name_length = (uint8_t)(parts->length - parts->offset[from]);
	building->draft.name = arena_copy(builder->scratch, name + parts->offset[from], building->draft.name_length);
	if (building->draft.name == NULL)
		return NULL;
	building->draft.labels = (uint8_t)(parts->labels - from);
	building->hash = parts->hash[from];
	building->nsec3 = nsec3;
	building->next = drafts->newest;
	drafts->newest = building;
	drafts->count++;
	index_put(builder, building);
	return building;
}

static struct building *
name_find(const struct zone_builder *builder, const uint8_t *name, const struct name_parts *parts, unsigned from,
	bool nsec3)
{
	size_t length = (size_t)parts->length - parts->offset[from];
	struct building *building;

	for (size_t i = parts->hash[from]; (building = builder->index[i & (builder->index_size - 1)]) != NULL; i++)
		if (building->hash == parts->hash[from] && building->nsec3 == nsec3
		    && building->draft.name_length == length
		    && memcmp(building->draft.name, name + parts->offset[from], length) == 0)
			return building;
	return NULL;
}

static bool
index_grow(struct zone_builder *builder)
{
	struct building **old = builder->index;
	size_t old_size = builder->index_size, size = old_size == 0 ? 64 : old_size * 2;
	struct building **index = calloc(size, sizeof(struct building *));

	if (index == NULL)
		return false;
	builder->index = index;
	builder->index_size = size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i] != NULL)
			index_put(builder, old[i]);
	free(old);
	return true;
}

static void
index_put(struct zone_builder *builder, struct building *building)
{
	size_t i = building->hash & (builder->index_size - 1);

	while (builder->index[i] != NULL)
		i = (i + 1) & (builder->index_size - 1);
	builder->index[i] = building;
}

/* --- freezing ----------------------------------------------------------------------------------------------- */

enum zone_freeze
zone_builder_freeze(struct zone_builder *builder, struct zone **zone)
{
	enum zone_freeze result = freeze(builder);

	*zone = NULL;
	if (result == ZONE_OK) {
		*zone = builder->zone;
		builder->zone = NULL;
	}
	zone_builder_free(builder);
	return result;
}

static enum zone_freeze
freeze(struct zone_builder *builder)
{
	struct zone *zone = builder->zone;

	free(builder->index);		/* it's large, and no more needed */
	builder->index = NULL;
	zone->nodes = lay_out_nodes(builder, &builder->names);
	zone->node_count = builder->names.count;
	zone->nsec3 = lay_out_nodes(builder, &builder->nsec3);
	zone->nsec3_count = builder->nsec3.count;
	return zone->nodes == NULL || zone->nsec3 == NULL ? ZONE_FREEZE_NO_MEMORY : zone_complete(zone);
}

static struct node *
lay_out_nodes(struct zone_builder *builder, const struct drafts *drafts)
{
	struct zone *zone = builder->zone;
	struct node *nodes = arena_alloc(zone->arena, drafts->count * sizeof(*nodes));
	const struct building **sorted = malloc((drafts->count + 1) * sizeof(const struct building *));
	size_t n = 0;

	if (nodes == NULL || sorted == NULL)
		goto fail;
	for (const struct building *b = drafts->newest; b != NULL; b = b->next)
		sorted[n++] = b;
	assert(n == drafts->count);
	qsort(sorted, n, sizeof(const struct building *), compare_names);
	for (size_t i = 0; i < n; i++)
		if (!draft_lay_out(zone, &nodes[i], &sorted[i]->draft))
			goto fail;
	free(sorted);
	return nodes;
fail:
	free(sorted);
	return NULL;
}

static int
compare_names(const void *a, const void *b)
{
	const struct building *const *x = a, *const *y = b;

	return name_compare((*x)->draft.name, (*y)->draft.name);
}
