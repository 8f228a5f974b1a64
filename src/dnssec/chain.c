/* chain.c -- who has a place in the denial chain, and which types its record lists.
 * In: the zone's nodes and the steered names.  Out: owners in canonical order, type bit maps.
 * Threads: any; reads only.
 *
 * In the chain: names that own records and aren't below a delegation or a DNAME, and steered names, whose records lie
 * under other names. NSEC3 has empty non-terminals too (RFC 5155 section 7.1), NSEC hasn't (RFC 4035 section 2.3). With
 * region records hidden, their names are left out; a name that has nothing else keeps its place with an empty list, so
 * that its NODATA can be proven.
 *
 * A steered name lists the union of what its regions have, so that its record is the same whoever asks. A second denial
 * for type T leaves out T, and CNAME too: an alias answers every type, so a validator takes no denial of T that lists
 * CNAME (RFC 6840 section 4.3). The denial for CNAME proves the absence of any type that isn't in the union. */
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "dnssec/signer_parts.h"

#define WINDOWS 256
#define WINDOW_OCTETS 32
#define TYPES_MAX 1024	/* of one owner; zone_sign() refuses half as many */

static bool has_place(const struct work *work, const struct node *node, const struct steered_owner *steered);
static bool make_record(struct work *work, struct rrset *set, const uint8_t *head, size_t head_length,
	const uint16_t *types, size_t count, uint16_t without);
static size_t list_types(const struct work *work, const struct chain_owner *owner, uint16_t *types);
static void put(uint16_t *types, size_t *count, uint16_t type);

bool
chain_hidden(const struct signing *signing, const struct node *node)
{
	return signing->policy.hide_region_records && (node->flags & NODE_REGION_RECORD);
}

bool
chain_occluded(const struct node *node)
{
	return (node->cut != NULL && node->cut != node) || node->dname != NULL;
}

struct chain_owner *
chain_owners(const struct work *work, size_t *count)
{
	const struct zone *zone = work->signing->zone;
	struct chain_owner *owners = calloc(zone_node_count(zone), sizeof(*owners));

	*count = 0;
	for (size_t i = 0; owners != NULL && i < zone_node_count(zone); i++) {
		const struct node *node = zone_node_at(zone, i);
		struct steered_owner *steered = work_steered(work, node);

		if (has_place(work, node, steered))
			owners[(*count)++] = (struct chain_owner){ node, steered };
	}
	return owners;
}

static bool
has_place(const struct work *work, const struct node *node, const struct steered_owner *steered)
{
	const struct signing *signing = work->signing;

	if (chain_occluded(node) || chain_hidden(signing, node))
		return false;
	return node->rrset_count > 0 || signing->policy.denial == DENIAL_NSEC3
	    || (steered != NULL && steered->type_count > 0)
	    || (signing->policy.hide_region_records && (node->flags & NODE_REGIONS));
}

bool
chain_add(struct work *work, const struct chain_owner *owner, const uint8_t *name, uint16_t type, const uint8_t *head,
    size_t head_length)
{
	const struct signing *signing = work->signing;
	struct steered_owner *steered = owner->steered;
	struct item item = { .owner = name, .signer = SIGNER_ZONE, .set = { .type = type, .count = 1 } };
	uint16_t types[TYPES_MAX];
	size_t count;

	item.set.ttl = zone_negative_ttl(signing->zone);
	count = list_types(work, owner, types);
	if (!make_record(work, &item.set, head, head_length, types, count, 0) || !work_add(work, &item))
		return false;
	if (steered == NULL)
		return true;
	steered->denial_owner = name;
	item.place = ITEM_DENIAL;
	item.name = steered->index;
	if (item.set.ttl > signing->policy.denial_ttl_steered)
		item.set.ttl = signing->policy.denial_ttl_steered;
	for (size_t i = 0; i < steered->type_count; i++)
		if (!make_record(work, &item.set, head, head_length, types, count, steered->types[i])
		    || !work_add(work, &item))
			return false;
	return true;
}

/* The bit map is of RFC 4034 section 4.1.2: a window for each 256 types that has any. */
static bool
make_record(struct work *work, struct rrset *set, const uint8_t *head, size_t head_length, const uint16_t *types,
    size_t count, uint16_t without)
{
	uint8_t bits[WINDOWS][WINDOW_OCTETS] = { { 0 } };
	size_t used[WINDOWS] = { 0 }, length = head_length;
	uint8_t *to;

	for (size_t i = 0; i < count; i++) {
		unsigned window = types[i] >> 8, low = types[i] & 0xff;

		if (types[i] == without || (without != 0 && types[i] == TYPE_CNAME))
			continue;
		bits[window][low / 8] = (uint8_t)(bits[window][low / 8] | 0x80 >> low % 8);
		if (used[window] < low / 8 + 1)
			used[window] = low / 8 + 1;
	}
	for (unsigned w = 0; w < WINDOWS; w++)
		length += used[w] > 0 ? 2 + used[w] : 0;
	to = arena_alloc(work->arena, 2 + length);
	if (to == NULL)
		return false;
	set->wire = to;
	set->length = (uint32_t)(2 + length);
	wire_put_u16(to, (unsigned)length);
	memcpy(to + 2, head, head_length);
	to += 2 + head_length;
	for (unsigned w = 0; w < WINDOWS; w++) {
		if (used[w] == 0)
			continue;
		*to++ = (uint8_t)w;
		*to++ = (uint8_t)used[w];
		memcpy(to, bits[w], used[w]);
		to += used[w];
	}
	return true;
}

/* At a delegation only what the parent's side has: NS and DS. */
static size_t
list_types(const struct work *work, const struct chain_owner *owner, uint16_t *types)
{
	const struct node *node = owner->node;
	bool cut = node->cut == node, nsec3 = work->signing->policy.denial == DENIAL_NSEC3;
	size_t count = 0;

	for (unsigned i = 0; i < node->rrset_count; i++)
		if (!cut || node->rrsets[i].type == TYPE_NS || node->rrsets[i].type == TYPE_DS)
			put(types, &count, node->rrsets[i].type);
	for (size_t i = 0; owner->steered != NULL && i < owner->steered->type_count; i++)
		put(types, &count, owner->steered->types[i]);
	if (node->flags & NODE_APEX) {
		put(types, &count, TYPE_DNSKEY);
		if (nsec3)
			put(types, &count, TYPE_NSEC3PARAM);
		for (size_t i = 0; i < work->signing->key_count; i++)
			if (work->signing->policy.withdraw_ds
			    || key_is_offered(&work->signing->keys[i], work->signing->now)) {
				put(types, &count, TYPE_CDS);
				put(types, &count, TYPE_CDNSKEY);
			}
	}
	/* The record itself is signed where it stands, which for NSEC3 isn't at the name. */
	if (!nsec3 || (cut ? node_rrset(node, TYPE_DS) != NULL : count > 0))
		put(types, &count, TYPE_RRSIG);
	if (!nsec3)
		put(types, &count, TYPE_NSEC);
	return count;
}

static void
put(uint16_t *types, size_t *count, uint16_t type)
{
	for (size_t i = 0; i < *count; i++)
		if (types[i] == type)
			return;
	if (*count < TYPES_MAX)
		types[(*count)++] = type;
}
