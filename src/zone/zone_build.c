/* zone_build.c -- the builder that collects records, and the freezing of what it has.
 * In: records, one by one.  Out: an immutable zone whose nodes carry what a lookup would else have to search for.
 * Threads: one builder, one thread.  Memory: what is collected lives in an arena of its own that ends with the builder;
 * the zone's arena gets only what stays.
 *
 * Records are first chained to a draft of their node. Freezing sorts the drafts into canonical order, in which a parent
 * always comes before its children, and lays the nodes out in that order, one beside the other: so cut and DNAME are
 * inherited from the parent, and which of two nodes comes first is told by their addresses. All that belongs to one
 * name (RRsets, their wire form and signatures, the name itself) is one piece of memory.
 *
 * An RRSIG goes to the RRset that it covers. One that covers nothing stays, as an RRset of type RRSIG, which
 * zone_check() calls an error. Drafts of NSEC3 owners have no parents and stand in a list of their own; one may have
 * the name of a draft of the others. */
#include "zone/zone.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "zone/zone_parts.h"

/* An RRset must fit into one answer with its signatures (RFC 2181 section 5). That also bounds `count`, the lengths and
 * the search for duplicates. */
#define ANSWER_LARGEST ((size_t)65535)	/* what TCP can carry, RFC 1035 section 4.2.2 */
#define ANSWER_OVERHEAD ((size_t)(12 + NAME_MAX + 4))	/* header and question */
#define RECORD_OVERHEAD 12		/* compressed owner, type, class, TTL, RDLENGTH */

struct record {
	struct record *next;
	uint32_t ttl;
	uint16_t type;
	uint16_t covers;	/* of an RRSIG: its RRset's type; else 0 */
	uint16_t rdlength;
	uint8_t rdata[];
};

/* A node while it's built. */
struct draft {
	struct draft *next;	/* all of them, newest first */
	struct draft *parent;	/* NULL: the apex, or of NSEC3 */
	struct record *records, *last;
	const uint8_t *name;
	uint64_t hash;
	uint32_t order;		/* among the nodes, when they are sorted */
	uint8_t name_length, labels;
	bool nsec3;
};

struct drafts {
	struct draft *newest;
	size_t count;
};

struct zone_builder {
	struct zone *zone;
	struct arena *scratch;	/* drafts and records */
	struct drafts names, nsec3;
	struct draft **index;	/* open addressing, at most half full */
	size_t index_size;
	const struct draft *apex;
};

static struct draft *draft_get(struct zone_builder *builder, const uint8_t *name, const struct name_parts *parts,
	unsigned from, bool nsec3);
static struct draft *draft_find(const struct zone_builder *builder, const uint8_t *name,
	const struct name_parts *parts, unsigned from, bool nsec3);
static bool index_grow(struct zone_builder *builder);
static void index_put(struct zone_builder *builder, struct draft *draft);
static enum zone_freeze freeze(struct zone_builder *builder);
static struct node *lay_out_nodes(struct zone_builder *builder, const struct drafts *drafts);
static bool lay_out_node(struct zone *zone, struct node *node, const struct draft *draft);
static unsigned next_type(const struct draft *draft, unsigned after);
static uint16_t type_of(const struct draft *draft, const struct record *record);
static uint8_t *lay_out_rrset(struct rrset *set, const struct draft *draft, uint8_t *to);
static uint8_t *lay_out_rdata(const struct record *record, uint8_t *to);
static int compare_drafts(const void *a, const void *b);
static void place(struct node *nodes, const struct draft *draft);
static bool index_nodes(struct zone *zone);
static bool has_label(const uint8_t *name, const char *label);
static uint32_t read_u32(const uint8_t *from);

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
	builder->apex = draft_get(builder, lower, &parts, 0, false);
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
	uint16_t covers = type == TYPE_RRSIG && rdlength >= 2 ? wire_get_u16(rdata) : 0;
	uint16_t about = covers != 0 ? covers : type;
	uint8_t name[NAME_MAX];
	struct name_parts parts;
	enum zone_add result = ZONE_ADDED;
	size_t size = ANSWER_OVERHEAD + rdlength + RECORD_OVERHEAD;
	struct draft *draft;
	struct record *record;

	name_lower(name, owner, name_length(owner, NAME_MAX));
	name_take_apart(&parts, name);
	if (!name_is_under(name, builder->apex->name))
		return ZONE_NOT_UNDER_APEX;
	draft = draft_get(builder, name, &parts, 0, about == TYPE_NSEC3);
	if (draft == NULL)
		return ZONE_NO_MEMORY;
	if (ttl > INT32_MAX)
		ttl = 0;
	for (record = draft->records; record != NULL; record = record->next) {
		if ((record->covers != 0 ? record->covers : record->type) != about)
			continue;
		size += record->rdlength + (size_t)RECORD_OVERHEAD;
		if (record->type != type)
			continue;
		if (record->rdlength == rdlength && memcmp(record->rdata, rdata, rdlength) == 0)
			return ZONE_DUPLICATE;
		if (record->ttl != ttl) {
			ttl = record->ttl;
			result = ZONE_TTL_DIFFERS;
		}
	}
	if (size > ANSWER_LARGEST)
		return ZONE_RRSET_TOO_LARGE;
	record = arena_alloc(builder->scratch, sizeof(*record) + rdlength);
	if (record == NULL)
		return ZONE_NO_MEMORY;
	record->type = type;
	record->covers = covers;
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

/* The draft of the name from label `from` on, made if need be together with the empty non-terminals above it. */
static struct draft *
draft_get(struct zone_builder *builder, const uint8_t *name, const struct name_parts *parts, unsigned from, bool nsec3)
{
	struct drafts *drafts = nsec3 ? &builder->nsec3 : &builder->names;
	struct draft *draft = draft_find(builder, name, parts, from, nsec3), *parent = NULL;
	size_t all = builder->names.count + builder->nsec3.count;

	if (draft != NULL)
		return draft;
	if (!nsec3 && builder->apex != NULL) {
		parent = draft_get(builder, name, parts, from + 1, false);
		if (parent == NULL)
			return NULL;
	}
	draft = arena_alloc(builder->scratch, sizeof(*draft));
	if (draft == NULL || all >= UINT32_MAX / 2 || (all * 2 >= builder->index_size && !index_grow(builder)))
		return NULL;
	draft->name_length = (uint8_t)(parts->length - parts->offset[from]);
	draft->name = arena_copy(builder->scratch, name + parts->offset[from], draft->name_length);
	if (draft->name == NULL)
		return NULL;
	draft->labels = (uint8_t)(parts->labels - from);
	draft->hash = parts->hash[from];
	draft->nsec3 = nsec3;
	draft->parent = parent;
	draft->next = drafts->newest;
	drafts->newest = draft;
	drafts->count++;
	index_put(builder, draft);
	return draft;
}

static struct draft *
draft_find(const struct zone_builder *builder, const uint8_t *name, const struct name_parts *parts, unsigned from,
	bool nsec3)
{
	size_t length = (size_t)parts->length - parts->offset[from];
	struct draft *draft;

	for (size_t i = parts->hash[from]; (draft = builder->index[i & (builder->index_size - 1)]) != NULL; i++)
		if (draft->hash == parts->hash[from] && draft->nsec3 == nsec3 && draft->name_length == length
		    && memcmp(draft->name, name + parts->offset[from], length) == 0)
			return draft;
	return NULL;
}

static bool
index_grow(struct zone_builder *builder)
{
	struct draft **old = builder->index;
	size_t old_size = builder->index_size, size = old_size == 0 ? 64 : old_size * 2;
	struct draft **index = calloc(size, sizeof(struct draft *));

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
index_put(struct zone_builder *builder, struct draft *draft)
{
	size_t i = draft->hash & (builder->index_size - 1);

	while (builder->index[i] != NULL)
		i = (i + 1) & (builder->index_size - 1);
	builder->index[i] = draft;
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
	if (zone->nodes == NULL || zone->nsec3 == NULL || !index_nodes(zone))
		return ZONE_FREEZE_NO_MEMORY;
	for (size_t i = 0; i < zone->node_count; i++)
		zone->name_count += zone->nodes[i].rrset_count > 0;
	zone->soa = node_rrset(zone->nodes, TYPE_SOA);
	if (zone->soa == NULL)
		return ZONE_NO_SOA;
	if (zone->soa->count > 1)
		return ZONE_TWO_SOAS;
	zone->serial = read_u32(zone->soa->wire + zone->soa->length - 20);
	zone->negative_ttl = read_u32(zone->soa->wire + zone->soa->length - 4);
	if (zone->negative_ttl > zone->soa->ttl)
		zone->negative_ttl = zone->soa->ttl;
	return zone_deny(zone) ? ZONE_OK : ZONE_FREEZE_NO_MEMORY;
}

static struct node *
lay_out_nodes(struct zone_builder *builder, const struct drafts *drafts)
{
	struct zone *zone = builder->zone;
	struct node *nodes = arena_alloc(zone->arena, drafts->count * sizeof(*nodes));
	struct draft **sorted = malloc((drafts->count + 1) * sizeof(struct draft *));
	size_t n = 0;

	if (nodes == NULL || sorted == NULL)
		goto fail;
	for (struct draft *draft = drafts->newest; draft != NULL; draft = draft->next)
		sorted[n++] = draft;
	assert(n == drafts->count);
	qsort(sorted, n, sizeof(struct draft *), compare_drafts);
	for (size_t i = 0; i < n; i++) {
		sorted[i]->order = (uint32_t)i;
		if (!lay_out_node(zone, &nodes[i], sorted[i]))
			goto fail;
		if (!sorted[i]->nsec3)
			place(nodes, sorted[i]);
	}
	free(sorted);
	return nodes;
fail:
	free(sorted);
	return NULL;
}

static int
compare_drafts(const void *a, const void *b)
{
	const struct draft *const *x = a, *const *y = b;

	return name_compare((*x)->name, (*y)->name);
}

/* RRsets, what they point to, and the name, in one piece. */
static bool
lay_out_node(struct zone *zone, struct node *node, const struct draft *draft)
{
	size_t size = draft->name_length;
	struct rrset *set;
	uint8_t *to;

	node->name_length = draft->name_length;
	node->labels = draft->labels;
	for (const struct record *r = draft->records; r != NULL; r = r->next)
		size += 2u + r->rdlength;
	for (unsigned type = 0; (type = next_type(draft, type)) <= UINT16_MAX;)
		node->rrset_count++;
	set = arena_alloc(zone->arena, node->rrset_count * sizeof(*set) + size);
	if (set == NULL)
		return false;
	node->rrsets = set;
	to = (uint8_t *)(set + node->rrset_count);
	for (unsigned type = 0; (type = next_type(draft, type)) <= UINT16_MAX; set++) {
		set->type = (uint16_t)type;
		to = lay_out_rrset(set, draft, to);
	}
	memcpy(to, draft->name, draft->name_length);
	node->name = to;
	return true;
}

/* The lowest type above `after`; types are few, so each is found by a walk over the records. */
static unsigned
next_type(const struct draft *draft, unsigned after)
{
	unsigned lowest = UINT_MAX;

	for (const struct record *r = draft->records; r != NULL; r = r->next)
		if (r->type < lowest && r->type > after && (r->type != TYPE_RRSIG || type_of(draft, r) == TYPE_RRSIG))
			lowest = r->type;
	return lowest;
}

/* Of the RRset that the record belongs to, be it data or signature. */
static uint16_t
type_of(const struct draft *draft, const struct record *record)
{
	if (record->covers != 0 && record->covers != TYPE_RRSIG)
		for (const struct record *r = draft->records; r != NULL; r = r->next)
			if (r->type == record->covers)
				return record->covers;
	return record->type;
}

static uint8_t *
lay_out_rrset(struct rrset *set, const struct draft *draft, uint8_t *to)
{
	const uint8_t *begin = to;

	set->wire = to;
	for (const struct record *r = draft->records; r != NULL; r = r->next) {
		if (r->type != set->type || type_of(draft, r) != set->type)
			continue;
		if (set->count++ == 0)
			set->ttl = r->ttl;
		to = lay_out_rdata(r, to);
	}
	set->length = (uint32_t)(to - begin);
	set->signatures = begin = to;
	for (const struct record *r = draft->records; r != NULL; r = r->next)
		if (r->covers == set->type && set->type != TYPE_RRSIG) {
			set->signature_count++;
			to = lay_out_rdata(r, to);
		}
	set->signature_length = (uint16_t)(to - begin);
	return to;
}

static uint8_t *
lay_out_rdata(const struct record *record, uint8_t *to)
{
	wire_put_u16(to, record->rdlength);
	memcpy(to + 2, record->rdata, record->rdlength);
	return to + 2 + record->rdlength;
}

/* Canonical order visits the parent first, so what it inherited is there to be passed on. */
static void
place(struct node *nodes, const struct draft *draft)
{
	struct node *node = &nodes[draft->order], *parent;

	if (draft->parent == NULL) {
		node->flags |= NODE_APEX;
		return;
	}
	parent = &nodes[draft->parent->order];
	node->parent = parent;
	if (has_label(node->name, "*"))
		parent->wildcard = node;
	if (has_label(node->name, "_region")) {
		parent->flags |= NODE_REGIONS;
		node->flags |= NODE_REGION_RECORD;
	}
	node->flags |= parent->flags & NODE_REGION_RECORD;
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

static bool
has_label(const uint8_t *name, const char *label)
{
	return *name == strlen(label) && memcmp(name + 1, label, *name) == 0;
}

static bool
index_nodes(struct zone *zone)
{
	struct name_parts parts;

	zone->index_size = 16;
	while (zone->index_size < zone->node_count * 2)
		zone->index_size *= 2;
	zone->index = arena_alloc(zone->arena, zone->index_size * sizeof(*zone->index));
	if (zone->index == NULL)
		return false;
	for (size_t n = 0; n < zone->node_count; n++) {
		size_t i;

		name_take_apart(&parts, zone->nodes[n].name);
		for (i = parts.hash[0]; zone->index[i & (zone->index_size - 1)].node != 0; i++)
			;
		zone->index[i & (zone->index_size - 1)] = (struct zone_slot){
			.hash = (uint32_t)(parts.hash[0] >> 32), .node = (uint32_t)n + 1,
		};
	}
	return true;
}

static uint32_t
read_u32(const uint8_t *from)
{
	return (uint32_t)wire_get_u16(from) << 16 | wire_get_u16(from + 2);
}
