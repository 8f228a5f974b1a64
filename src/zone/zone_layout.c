/* zone_layout.c -- from the records of a name to its node, and from nodes to a zone.
 * In: names with their records; nodes in canonical order.  Out: RRsets in wire form; parents, cuts, an index.
 * Threads: that of who builds or edits the zone.
 *
 * All that belongs to one name (RRsets, their wire form and signatures, the name itself) is one piece of memory, so
 * that it can be copied as one (zone_edit.c).
 *
 * An RRSIG goes to the RRset that it covers. One that covers nothing stays, as an RRset of type RRSIG, which
 * zone_check() calls an error.
 *
 * In canonical order a parent comes before its children, and what lies under it stands together: so the parent of a
 * node is the last one before it that has one label less. */
#include <limits.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "zone/zone_parts.h"

/* An RRset must fit into one answer with its signatures (RFC 2181 section 5). That also bounds `count`, the lengths and
 * the search for duplicates. */
#define ANSWER_LARGEST ((size_t)65535)	/* what TCP can carry, RFC 1035 section 4.2.2 */
#define ANSWER_OVERHEAD ((size_t)(12 + NAME_MAX + 4))	/* header and question */
#define RECORD_OVERHEAD 12		/* compressed owner, type, class, TTL, RDLENGTH */

static unsigned next_type(const struct draft *draft, unsigned after);
static uint16_t type_of(const struct draft *draft, const struct draft_record *record);
static uint8_t *lay_out_rrset(struct rrset *set, const struct draft *draft, uint8_t *to);
static uint8_t *lay_out_rdata(const struct draft_record *record, uint8_t *to);
static void place_all(struct zone *zone);
static void place(struct node *node, struct node *parent);
static bool index_nodes(struct zone *zone);
static bool has_label(const uint8_t *name, const char *label);

enum zone_add
draft_add(struct arena *arena, struct draft *draft, uint16_t type, uint32_t ttl, const uint8_t *rdata,
	uint16_t rdlength)
{
	uint16_t covers = type == TYPE_RRSIG && rdlength >= 2 ? wire_get_u16(rdata) : 0;
	uint16_t about = covers != 0 ? covers : type;
	enum zone_add result = ZONE_ADDED;
	size_t size = ANSWER_OVERHEAD + rdlength + RECORD_OVERHEAD;
	struct draft_record *record;

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
	record = arena_alloc(arena, sizeof(*record) + rdlength);
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
	return result;
}

bool
draft_lay_out(struct zone *zone, struct node *node, const struct draft *draft)
{
	size_t size = draft->name_length;
	struct rrset *set;
	uint8_t *to;

	node->name_length = draft->name_length;
	node->labels = draft->labels;
	for (const struct draft_record *r = draft->records; r != NULL; r = r->next)
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

	for (const struct draft_record *r = draft->records; r != NULL; r = r->next)
		if (r->type < lowest && r->type > after && (r->type != TYPE_RRSIG || type_of(draft, r) == TYPE_RRSIG))
			lowest = r->type;
	return lowest;
}

/* Of the RRset that the record belongs to, be it data or signature. */
static uint16_t
type_of(const struct draft *draft, const struct draft_record *record)
{
	if (record->covers != 0 && record->covers != TYPE_RRSIG)
		for (const struct draft_record *r = draft->records; r != NULL; r = r->next)
			if (r->type == record->covers)
				return record->covers;
	return record->type;
}

static uint8_t *
lay_out_rrset(struct rrset *set, const struct draft *draft, uint8_t *to)
{
	const uint8_t *begin = to;

	set->wire = to;
	for (const struct draft_record *r = draft->records; r != NULL; r = r->next) {
		if (r->type != set->type || type_of(draft, r) != set->type)
			continue;
		if (set->count++ == 0)
			set->ttl = r->ttl;
		to = lay_out_rdata(r, to);
	}
	set->length = (uint32_t)(to - begin);
	set->signatures = begin = to;
	for (const struct draft_record *r = draft->records; r != NULL; r = r->next)
		if (r->covers == set->type && set->type != TYPE_RRSIG) {
			set->signature_count++;
			to = lay_out_rdata(r, to);
		}
	set->signature_length = (uint16_t)(to - begin);
	return to;
}

static uint8_t *
lay_out_rdata(const struct draft_record *record, uint8_t *to)
{
	wire_put_u16(to, record->rdlength);
	memcpy(to + 2, record->rdata, record->rdlength);
	return to + 2 + record->rdlength;
}

/* --- the zone as a whole --------------------------------------------------------------------------------------- */

enum zone_freeze
zone_complete(struct zone *zone)
{
	place_all(zone);
	if (!index_nodes(zone))
		return ZONE_FREEZE_NO_MEMORY;
	for (size_t i = 0; i < zone->node_count; i++)
		zone->name_count += zone->nodes[i].rrset_count > 0;
	zone->soa = node_rrset(zone->nodes, TYPE_SOA);
	if (zone->soa == NULL)
		return ZONE_NO_SOA;
	if (zone->soa->count > 1)
		return ZONE_TWO_SOAS;
	zone->serial = wire_get_u32(zone->soa->wire + zone->soa->length - 20);
	zone->negative_ttl = wire_get_u32(zone->soa->wire + zone->soa->length - 4);
	if (zone->negative_ttl > zone->soa->ttl)
		zone->negative_ttl = zone->soa->ttl;
	return zone_deny(zone) ? ZONE_OK : ZONE_FREEZE_NO_MEMORY;
}

static void
place_all(struct zone *zone)
{
	struct node *last[NAME_LABELS_MAX + 1];		/* by labels */

	for (size_t i = 0; i < zone->node_count; i++) {
		struct node *node = &zone->nodes[i];

		last[node->labels] = node;
		if (i == 0)
			node->flags |= NODE_APEX;
		else
			place(node, last[node->labels - 1]);
	}
}

/* What the parent inherited is there to be passed on. */
static void
place(struct node *node, struct node *parent)
{
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
