/* zone.c -- the builder that collects records, and the frozen zone that answers look up.
 * In: records, one by one.  Out: an immutable zone whose nodes carry what a lookup would else have to search for.
 * Threads: see zone.h.  Memory: everything lives in the zone's arena, so a zone is freed at once.
 *
 * Records are first chained to their node; freezing then lays each RRset out in wire form, sorts the nodes into
 * canonical order (a parent always comes before its children) and, in that order, inherits cut and DNAME from the
 * parent. The index is an open-addressing table of node pointers at most half full: one probe, one cache miss for the
 * pointer and one for the node.  Names in a table are few against 2^64, but equality of hashes is never trusted: names
 * are compared. */
#include "zone/zone.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { TYPE_NS = 2, TYPE_SOA = 6, TYPE_DNAME = 39 };

/* An RRset must fit into one answer (RFC 2181 section 5). That also bounds `count` and the search for duplicates. */
#define ANSWER_LARGEST ((size_t)65535)	/* what TCP can carry, RFC 1035 section 4.2.2 */
#define ANSWER_OVERHEAD ((size_t)(12 + NAME_MAX + 4))	/* header and question */
#define RECORD_OVERHEAD 12		/* compressed owner, type, class, TTL, RDLENGTH */

struct record {
	struct record *next;
	uint32_t ttl;
	uint16_t type, rdlength;
	uint8_t rdata[];
};

/* A node while it's built; the frozen zone reads only `node`. */
struct draft {
	struct node node;	/* must be first: the index holds both */
	struct draft *next;	/* all of them, newest first */
	struct record *records, *last;
};

struct slot {
	uint64_t hash;
	const struct node *node;
};

struct zone {
	struct arena *arena;
	struct slot *index;
	size_t index_size;	/* a power of two */
	const struct node **nodes;
	size_t node_count, name_count, record_count;
	const struct node *apex;
	const struct rrset *soa;
	uint32_t serial, negative_ttl;
	unsigned holds;
};

struct zone_builder {
	struct zone *zone;
	struct arena *scratch;	/* records before they are laid out */
	struct draft *drafts;
	unsigned apex_labels;
};

static struct draft *draft_get(struct zone_builder *builder, const uint8_t *name, const struct name_parts *parts,
	unsigned from);
static bool index_grow(struct zone *zone);
static void index_put(struct zone *zone, uint64_t hash, const struct node *node);
static enum zone_freeze freeze(struct zone_builder *builder);
static bool lay_out_rrsets(struct zone_builder *builder, struct draft *draft);
static bool lay_out_rrset(struct zone *zone, struct rrset *set, const struct record *first);
static int compare_nodes(const void *a, const void *b);
static void inherit(struct zone *zone, struct node *node);
static uint32_t read_u32(const uint8_t *p);

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
	if (builder->zone->arena == NULL || !index_grow(builder->zone))
		goto fail;
	name_lower(lower, apex, name_length(apex, NAME_MAX));
	name_take_apart(&parts, lower);
	builder->apex_labels = parts.labels;
	builder->zone->apex = (struct node *)draft_get(builder, lower, &parts, 0);
	if (builder->zone->apex != NULL)
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
	arena_free(builder->scratch);
	zone_release(builder->zone);
	free(builder);
}

enum zone_add
zone_builder_add(struct zone_builder *builder, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
	uint16_t rdlength)
{
	uint8_t name[NAME_MAX];
	struct name_parts parts;
	enum zone_add result = ZONE_ADDED;
	size_t size = ANSWER_OVERHEAD + rdlength + RECORD_OVERHEAD;
	struct draft *draft;
	struct record *record;

	name_lower(name, owner, name_length(owner, NAME_MAX));
	name_take_apart(&parts, name);
	if (!name_is_under(name, builder->zone->apex->name))
		return ZONE_NOT_UNDER_APEX;
	draft = draft_get(builder, name, &parts, 0);
	if (draft == NULL)
		return ZONE_NO_MEMORY;
	if (ttl > INT32_MAX)
		ttl = 0;
	for (record = draft->records; record != NULL; record = record->next) {
		if (record->type != type)
			continue;
		if (record->rdlength == rdlength && memcmp(record->rdata, rdata, rdlength) == 0)
			return ZONE_DUPLICATE;
		if (record->ttl != ttl) {
			ttl = record->ttl;
			result = ZONE_TTL_DIFFERS;
		}
		size += record->rdlength + (size_t)RECORD_OVERHEAD;
	}
	if (size > ANSWER_LARGEST)
		return ZONE_RRSET_TOO_LARGE;
	record = arena_alloc(builder->scratch, sizeof(*record) + rdlength);
	if (record == NULL)
		return ZONE_NO_MEMORY;
	record->type = type;
	record->ttl = ttl;
	record->rdlength = rdlength;
	memcpy(record->rdata, rdata, rdlength);
	if (draft->last == NULL)
		draft->records = record;
	else
		draft->last->next = record;
	draft->last = record;
	builder->zone->record_count++;
	return result;
}

/* The node of the name from label `from` on, made if need be together with the empty non-terminals above it. */
static struct draft *
draft_get(struct zone_builder *builder, const uint8_t *name, const struct name_parts *parts, unsigned from)
{
	struct zone *zone = builder->zone;
	const uint8_t *suffix = name + parts->offset[from];
	/* The builder owns every node that it put into the index, so it may write to them. */
	struct draft *draft = (struct draft *)(uintptr_t)zone_find(zone, name, parts, from);
	struct draft *parent = NULL;

	if (draft != NULL)
		return draft;
	if (parts->labels - from > builder->apex_labels) {
		parent = draft_get(builder, name, parts, from + 1);
		if (parent == NULL)
			return NULL;
	}
	draft = arena_alloc(zone->arena, sizeof(*draft));
	if (draft == NULL || (zone->node_count * 2 >= zone->index_size && !index_grow(zone)))
		return NULL;
	draft->node.name_length = (uint8_t)(parts->length - parts->offset[from]);
	draft->node.labels = (uint8_t)(parts->labels - from);
	draft->node.name = arena_copy(zone->arena, suffix, draft->node.name_length);
	if (draft->node.name == NULL)
		return NULL;
	draft->node.parent = parent == NULL ? NULL : &parent->node;
	if (parent != NULL && suffix[0] == 1 && suffix[1] == '*')
		parent->node.wildcard = &draft->node;
	if (parent != NULL && suffix[0] == 7 && memcmp(suffix + 1, "_region", 7) == 0)
		parent->node.flags |= NODE_REGIONS;
	draft->next = builder->drafts;
	builder->drafts = draft;
	index_put(zone, parts->hash[from], &draft->node);
	zone->node_count++;
	return draft;
}

static bool
index_grow(struct zone *zone)
{
	struct slot *old = zone->index;
	size_t old_size = zone->index_size, size = old_size == 0 ? 64 : old_size * 2;
	struct slot *index = calloc(size, sizeof(*index));

	if (index == NULL)
		return false;
	zone->index = index;
	zone->index_size = size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i].node != NULL)
			index_put(zone, old[i].hash, old[i].node);
	free(old);
	return true;
}

static void
index_put(struct zone *zone, uint64_t hash, const struct node *node)
{
	size_t i = hash & (zone->index_size - 1);

	while (zone->index[i].node != NULL)
		i = (i + 1) & (zone->index_size - 1);
	zone->index[i] = (struct slot){ hash, node };
}

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
	size_t n = 0;

	zone->nodes = arena_alloc(zone->arena, zone->node_count * sizeof(struct node *));
	if (zone->nodes == NULL)
		return ZONE_FREEZE_NO_MEMORY;
	for (struct draft *draft = builder->drafts; draft != NULL; draft = draft->next) {
		if (!lay_out_rrsets(builder, draft))
			return ZONE_FREEZE_NO_MEMORY;
		zone->nodes[n++] = &draft->node;
		zone->name_count += draft->node.rrset_count > 0;
	}
	assert(n == zone->node_count);
	qsort(zone->nodes, n, sizeof(struct node *), compare_nodes);
	for (size_t i = 0; i < n; i++)
		inherit(zone, (struct node *)(uintptr_t)zone->nodes[i]);
	zone->soa = node_rrset(zone->apex, TYPE_SOA);
	if (zone->soa == NULL)
		return ZONE_NO_SOA;
	if (zone->soa->count > 1)
		return ZONE_TWO_SOAS;
	zone->serial = read_u32(zone->soa->wire + zone->soa->length - 20);
	zone->negative_ttl = read_u32(zone->soa->wire + zone->soa->length - 4);
	if (zone->negative_ttl > zone->soa->ttl)
		zone->negative_ttl = zone->soa->ttl;
	return ZONE_OK;
}

/* One RRset for each type, by ascending type; types are few, so each is found by a walk over the records. */
static bool
lay_out_rrsets(struct zone_builder *builder, struct draft *draft)
{
	struct rrset *sets;
	uint16_t count = 0;
	unsigned type = 0;

	for (const struct record *r = draft->records; r != NULL; r = r->next) {
		const struct record *same = draft->records;

		while (same->type != r->type)
			same = same->next;
		count = (uint16_t)(count + (same == r));
	}
	if (count == 0)
		return true;
	sets = arena_alloc(builder->zone->arena, count * sizeof(*sets));
	if (sets == NULL)
		return false;
	for (unsigned i = 0; i < count; i++) {
		const struct record *lowest = NULL;

		for (const struct record *r = draft->records; r != NULL; r = r->next)
			if (r->type > type && (lowest == NULL || r->type < lowest->type))
				lowest = r;
		if (lowest == NULL || !lay_out_rrset(builder->zone, &sets[i], lowest))
			return false;
		type = lowest->type;
	}
	draft->node.rrsets = sets;
	draft->node.rrset_count = count;
	return true;
}

static bool
lay_out_rrset(struct zone *zone, struct rrset *set, const struct record *first)
{
	uint8_t *to;

	set->type = first->type;
	set->ttl = first->ttl;
	for (const struct record *r = first; r != NULL; r = r->next)
		if (r->type == set->type) {
			set->count++;
			set->length += 2u + r->rdlength;
		}
	to = arena_alloc(zone->arena, set->length);
	if (to == NULL)
		return false;
	set->wire = to;
	for (const struct record *r = first; r != NULL; r = r->next)
		if (r->type == set->type) {
			*to++ = (uint8_t)(r->rdlength >> 8);
			*to++ = (uint8_t)r->rdlength;
			memcpy(to, r->rdata, r->rdlength);
			to += r->rdlength;
		}
	return true;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return name_compare((*x)->name, (*y)->name);
}

/* Canonical order visits the parent first, so what it inherited is there to be passed on. */
static void
inherit(struct zone *zone, struct node *node)
{
	const struct node *parent = node->parent;

	if (node == zone->apex) {
		node->flags |= NODE_APEX;
		return;
	}
	node->cut = parent->cut;
	node->dname = parent->dname;
	if (node->dname == NULL && node_rrset(parent, TYPE_DNAME) != NULL)
		node->dname = parent;
	if (node_rrset(node, TYPE_NS) != NULL) {
		node->flags |= NODE_CUT;
		if (node->cut == NULL)
			node->cut = node;
	}
}

static uint32_t
read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

const struct node *
zone_find(const struct zone *zone, const uint8_t *name, const struct name_parts *parts, unsigned from)
{
	const uint8_t *suffix = name + parts->offset[from];
	size_t length = (size_t)parts->length - parts->offset[from];
	uint64_t hash = parts->hash[from];
	const struct slot *slot;

	for (size_t i = hash;; i++) {
		slot = &zone->index[i & (zone->index_size - 1)];
		if (slot->node == NULL)
			return NULL;
		if (slot->hash == hash && slot->node->name_length == length
		    && memcmp(slot->node->name, suffix, length) == 0)
			return slot->node;
	}
}

const struct node *
zone_find_name(const struct zone *zone, const uint8_t *name)
{
	struct name_parts parts;

	name_take_apart(&parts, name);
	return zone_find(zone, name, &parts, 0);
}

const struct rrset *
node_rrset(const struct node *node, uint16_t type)
{
	for (unsigned i = 0; i < node->rrset_count; i++)
		if (node->rrsets[i].type == type)
			return &node->rrsets[i];
	return NULL;
}

const struct node *
zone_apex(const struct zone *zone)
{
	return zone->apex;
}

const struct rrset *
zone_soa(const struct zone *zone)
{
	return zone->soa;
}

uint32_t
zone_serial(const struct zone *zone)
{
	return zone->serial;
}

uint32_t
zone_negative_ttl(const struct zone *zone)
{
	return zone->negative_ttl;
}

size_t
zone_names(const struct zone *zone)
{
	return zone->name_count;
}

size_t
zone_records(const struct zone *zone)
{
	return zone->record_count;
}

size_t
zone_memory(const struct zone *zone)
{
	return arena_size(zone->arena) + zone->index_size * sizeof(struct slot);
}

size_t
zone_node_count(const struct zone *zone)
{
	return zone->node_count;
}

const struct node *
zone_node_at(const struct zone *zone, size_t i)
{
	return zone->nodes[i];
}

void
zone_hold(struct zone *zone)
{
	zone->holds++;
}

void
zone_release(struct zone *zone)
{
	if (zone == NULL || --zone->holds > 0)
		return;
	free(zone->index);
	arena_free(zone->arena);
	free(zone);
}
