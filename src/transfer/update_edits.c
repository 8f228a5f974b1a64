/* update_edits.c -- what is different after an update.
 * In: the records that an owner had and has.  Out: edits of RRsets, each laid out with its signatures.
 * Threads: any; pure.  Memory: the caller's arena.
 *
 * A signature is in the RRset that it covers, if that is there. So one whose RRset has gone or has come changes two. */
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "transfer/update_parts.h"

static uint16_t set_of(const struct update_owner *owner, const struct held *held, bool before);
static void edit_type(struct update_edits *edits, const struct update_owner *owner, uint16_t type, size_t first);
static uint32_t lay_out(const struct update_owner *owner, uint16_t type, bool signatures, uint8_t *to,
	struct rrset *set);

void
edits_compare(struct update_edits *edits, struct update_owner *owner)
{
	size_t first = edits->count;

	for (struct held *held = owner->records; held != NULL; held = held->next) {
		held->before = held->was ? set_of(owner, held, true) : 0;
		held->now = held->is ? set_of(owner, held, false) : 0;
	}
	for (const struct held *held = owner->records; held != NULL; held = held->next) {
		bool same_ttl = held->ttl == held->old_ttl || held->before == held->covers;

		if (held->before == held->now && (held->before == 0 || same_ttl))
			continue;
		if (held->before != 0)
			edit_type(edits, owner, held->before, first);
		if (held->now != 0)
			edit_type(edits, owner, held->now, first);
	}
}

/* The type of the RRset that the record is in, or was. */
static uint16_t
set_of(const struct update_owner *owner, const struct held *held, bool before)
{
	for (const struct held *h = owner->records; held->covers != 0 && h != NULL; h = h->next)
		if (h->type == held->covers && (before ? h->was : h->is))
			return held->covers;
	return held->type;
}

/* Once. */
static void
edit_type(struct update_edits *edits, const struct update_owner *owner, uint16_t type, size_t first)
{
	struct rrset set = { .type = type };
	uint32_t length, signatures;
	uint8_t *wire;

	for (size_t i = first; i < edits->count; i++)
		if (edits->list[i].type == type)
			return;
	length = lay_out(owner, type, false, NULL, &set);
	signatures = lay_out(owner, type, true, NULL, &set);
	if (length > UINT16_MAX || signatures > UINT16_MAX) {
		edits->too_large = true;
		return;
	}
	wire = arena_alloc(edits->arena, (size_t)length + signatures);
	if (wire == NULL) {
		edits->no_memory = true;
		return;
	}
	set = (struct rrset){ .type = type, .wire = wire, .signatures = wire + length };
	set.length = lay_out(owner, type, false, wire, &set);
	set.signature_length = (uint16_t)lay_out(owner, type, true, wire + length, &set);
	edits_add(edits, &(struct rrset_edit){ .owner = owner->name, .type = type, .rrset = set });
}

/* Data or signatures, counted; written if there is where to. The octets. */
static uint32_t
lay_out(const struct update_owner *owner, uint16_t type, bool signatures, uint8_t *to,
	struct rrset *set)
{
	uint32_t length = 0;

	for (const struct held *held = owner->records; held != NULL; held = held->next) {
		if (held->now != type || (held->type != type) != signatures)
			continue;
		if (to != NULL) {
			wire_put_u16(to + length, held->rdlength);
			memcpy(to + length + 2, held->rdata, held->rdlength);
		}
		length += 2u + held->rdlength;
		if (signatures) {
			set->signature_count++;
		} else {
			set->count++;
			set->ttl = held->ttl;
		}
	}
	return length;
}

void
edits_add(struct update_edits *edits, const struct rrset_edit *edit)
{
	if (edits->count == edits->size) {
		size_t size = edits->size * 8;
		struct rrset_edit *list = arena_alloc(edits->arena, size * sizeof(*list));

		if (list == NULL) {
			edits->no_memory = true;
			return;
		}
		memcpy(list, edits->list, edits->count * sizeof(*list));
		edits->list = list;
		edits->size = size;
	}
	edits->list[edits->count++] = *edit;
}
