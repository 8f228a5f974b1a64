/* zone.c -- the frozen zone: lookups of names and RRsets.
 * In: names.  Out: nodes of the zone.  Threads: any; see zone.h.
 * Memory: everything lives in the zone's arena, so a zone is freed at once.
 *
 * The index is an open-addressing table of node numbers at most half full, with half of the hash beside each: one cache
 * miss for the slot and one for the node. Equality of hashes is never trusted: names are compared. */
#include "zone/zone.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "zone/zone_parts.h"

const struct node *
zone_find(const struct zone *zone, const uint8_t *name, const struct name_parts *parts, unsigned from)
{
	const uint8_t *suffix = name + parts->offset[from];
	size_t length = (size_t)parts->length - parts->offset[from];
	uint32_t upper = (uint32_t)(parts->hash[from] >> 32);

	for (size_t i = parts->hash[from];; i++) {
		const struct zone_slot *slot = &zone->index[i & (zone->index_size - 1)];
		const struct node *node = &zone->nodes[slot->node - 1];

		if (slot->node == 0)
			return NULL;
		if (slot->hash == upper && node->name_length == length && memcmp(node->name, suffix, length) == 0)
			return node;
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

bool
rrset_signatures(const struct rrset *set, struct rrset *signatures)
{
	*signatures = (struct rrset){
		.type = TYPE_RRSIG, .count = set->signature_count, .ttl = set->ttl, .length = set->signature_length,
		.wire = set->signatures,
	};
	return set->signature_count > 0;
}

const struct node *
zone_apex(const struct zone *zone)
{
	return &zone->nodes[0];
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
	return sizeof(*zone) + arena_size(zone->arena);
}

size_t
zone_node_count(const struct zone *zone)
{
	return zone->node_count;
}

const struct node *
zone_node_at(const struct zone *zone, size_t i)
{
	return &zone->nodes[i];
}

size_t
zone_nsec3_count(const struct zone *zone)
{
	return zone->nsec3_count;
}

const struct node *
zone_nsec3_at(const struct zone *zone, size_t i)
{
	return &zone->nsec3[i];
}

bool
zone_nsec3_is_used(const struct zone *zone, size_t i)
{
	return i < zone->nsec3_chain;
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
	arena_free(zone->arena);
	free(zone);
}
