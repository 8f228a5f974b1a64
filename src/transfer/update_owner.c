/* update_owner.c -- the records of one owner while an update is done to them (RFC 2136 section 3.4.2).
 * In: a zone, and the updates one after the other.  Out: which records were there, and which are.
 * Threads: any; pure.  Memory: the caller's arena.
 *
 * RDATA is the same if its names differ in case only. What is added has the TTL for its whole RRset (RFC 2181 section
 * 5.2). Signatures are records like others here, of who signs himself. */
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "transfer/message_reader.h"
#include "transfer/update_parts.h"
#include "zone/rrtype.h"
#include "zone/soa.h"

#define TYPE_WKS 11
#define WKS_KEY 5		/* octets of its RDATA that tell one WKS from another: address and protocol */

static bool take_node(struct update_owner *owner, const struct node *node, struct arena *arena);
static bool take_wire(struct update_owner *owner, uint16_t type, uint32_t ttl, unsigned count, const uint8_t *wire,
	struct arena *arena);
static struct held *hold(struct update_owner *owner, const struct update_line *line, struct arena *arena);
static bool add(struct update_owner *owner, const struct update_line *line, struct arena *arena);
static bool may_be_added(const struct update_owner *owner, const struct update_line *line);
static bool lives_beside_cname(uint16_t type);
static bool replaces(const struct held *held, const struct update_line *line);
static void delete_name(struct update_owner *owner);
static void delete_rrset(struct update_owner *owner, uint16_t type);
static void delete_record(struct update_owner *owner, const struct update_line *line);
static bool is_same(const struct held *held, const struct update_line *line);
static bool is_again(const struct held *held, const struct update_line *line);

bool
owner_take(struct update_owner *owner, const struct zone *zone, struct arena *arena)
{
	owner->end = &owner->records;
	return take_node(owner, zone_find_name(zone, owner->name), arena)
	    && take_node(owner, zone_nsec3_find(zone, owner->name), arena);
}

static bool
take_node(struct update_owner *owner, const struct node *node, struct arena *arena)
{
	for (unsigned i = 0; node != NULL && i < node->rrset_count; i++) {
		const struct rrset *set = &node->rrsets[i];

		if (!take_wire(owner, set->type, set->ttl, set->count, set->wire, arena)
		    || !take_wire(owner, TYPE_RRSIG, set->ttl, set->signature_count, set->signatures, arena))
			return false;
	}
	return true;
}

static bool
take_wire(struct update_owner *owner, uint16_t type, uint32_t ttl, unsigned count, const uint8_t *wire,
	struct arena *arena)
{
	for (unsigned i = 0; i < count; i++, wire += 2 + wire_get_u16(wire)) {
		struct held *held = hold(owner, &(struct update_line){
			.type = type, .ttl = ttl, .rdlength = wire_get_u16(wire), .rdata = wire + 2 }, arena);

		if (held == NULL)
			return false;
		held->was = true;
		held->old_ttl = ttl;
	}
	return true;
}

static struct held *
hold(struct update_owner *owner, const struct update_line *line, struct arena *arena)
{
	struct held *held = arena_alloc(arena, sizeof(*held));

	if (held == NULL)
		return NULL;
	*held = (struct held){
		.is = true, .type = line->type, .ttl = line->ttl, .rdlength = line->rdlength, .rdata = line->rdata,
		.covers = line->type == TYPE_RRSIG ? wire_get_u16(line->rdata) : 0,
	};
	*owner->end = held;
	owner->end = &held->next;
	return held;
}

unsigned
owner_count(const struct update_owner *owner, uint16_t type)
{
	unsigned count = 0;

	for (const struct held *held = owner->records; held != NULL; held = held->next)
		count += held->is && (held->type == type || type == TYPE_ANY);
	return count;
}

bool
owner_has(const struct update_owner *owner, const struct update_line *const *wants, size_t count)
{
	for (const struct held *held = owner->records; held != NULL; held = held->next) {
		bool is_wanted = !held->is || held->type != wants[0]->type;

		for (size_t i = 0; i < count && !is_wanted; i++)
			is_wanted = is_same(held, wants[i]);
		if (!is_wanted)
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct held *held = owner->records;

		while (held != NULL && !(held->is && is_same(held, wants[i])))
			held = held->next;
		if (held == NULL)
			return false;
	}
	return true;
}

bool
owner_do(struct update_owner *owner, const struct update_line *line, struct arena *arena)
{
	if (line->class == CLASS_IN)
		return add(owner, line, arena);
	if (line->class == CLASS_NONE)
		delete_record(owner, line);
	else if (line->type == TYPE_ANY)
		delete_name(owner);
	else
		delete_rrset(owner, line->type);
	return true;
}

/* Section 3.4.2.2. What was deleted before by the same message comes back to its place. */
static bool
add(struct update_owner *owner, const struct update_line *line, struct arena *arena)
{
	uint32_t ttl = line->ttl > INT32_MAX ? 0 : line->ttl;	/* RFC 2181 section 8 */
	struct held *same = NULL;

	if (!may_be_added(owner, line))
		return true;
	for (struct held *held = owner->records; held != NULL; held = held->next) {
		if (held->is ? is_same(held, line) : same == NULL && is_again(held, line))
			same = held;
		if (held->is && replaces(held, line))
			held->is = false;
	}
	if (same == NULL)
		same = hold(owner, line, arena);
	if (same == NULL)
		return false;
	same->is = true;
	for (struct held *held = owner->records; held != NULL; held = held->next)
		if (held->is && held->type == same->type && held->covers == same->covers)
			held->ttl = ttl;
	return true;
}

static bool
may_be_added(const struct update_owner *owner, const struct update_line *line)
{
	for (const struct held *held = owner->records; held != NULL; held = held->next) {
		if (!held->is)
			continue;
		if (line->type == TYPE_SOA && held->type == TYPE_SOA)
			return soa_is_newer(soa_serial(line->rdata), soa_serial(held->rdata));
		if (line->type == TYPE_CNAME && !lives_beside_cname(held->type))
			return false;
		if (held->type == TYPE_CNAME && !lives_beside_cname(line->type))
			return false;
	}
	return line->type != TYPE_SOA;
}

/* CNAME itself, and what signs it or speaks of it (RFC 4034 section 3, RFC 2181 section 10.1). */
static bool
lives_beside_cname(uint16_t type)
{
	return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3
	    || type == RRTYPE_KEY;
}

/* Of which an owner has one only: SOA, CNAME; DNAME (RFC 6672 section 2.4); WKS by address and protocol. */
static bool
replaces(const struct held *held, const struct update_line *line)
{
	if (held->type != line->type)
		return false;
	if (line->type == TYPE_WKS)
		return held->rdlength >= WKS_KEY && line->rdlength >= WKS_KEY
		    && memcmp(held->rdata, line->rdata, WKS_KEY) == 0;
	return line->type == TYPE_SOA || line->type == TYPE_CNAME || line->type == TYPE_DNAME;
}

/* Section 3.4.2.3: of the apex, SOA and NS stay. */
static void
delete_name(struct update_owner *owner)
{
	for (struct held *held = owner->records; held != NULL; held = held->next)
		if (!owner->apex || (held->type != TYPE_SOA && held->type != TYPE_NS))
			held->is = false;
}

/* Section 3.4.2.3. */
static void
delete_rrset(struct update_owner *owner, uint16_t type)
{
	if (owner->apex && (type == TYPE_SOA || type == TYPE_NS))
		return;
	for (struct held *held = owner->records; held != NULL; held = held->next)
		if (held->type == type)
			held->is = false;
}

/* Section 3.4.2.4: not the SOA, and not the last NS of the apex. */
static void
delete_record(struct update_owner *owner, const struct update_line *line)
{
	if (owner->apex && (line->type == TYPE_SOA || (line->type == TYPE_NS && owner_count(owner, TYPE_NS) == 1)))
		return;
	for (struct held *held = owner->records; held != NULL; held = held->next)
		if (is_same(held, line))
			held->is = false;
}

static bool
is_same(const struct held *held, const struct update_line *line)
{
	return held->type == line->type
	    && rdata_same(line->type, held->rdata, held->rdlength, line->rdata, line->rdlength);
}

/* To the octet. */
static bool
is_again(const struct held *held, const struct update_line *line)
{
	return held->type == line->type && held->rdlength == line->rdlength
	    && memcmp(held->rdata, line->rdata, line->rdlength) == 0;
}
