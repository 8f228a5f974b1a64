/* zone_edit.c -- a zone with some of its RRsets replaced.
 * In: a frozen zone and edits.  Out: another frozen zone; the old one stays as it is.
 * Threads: any.  Memory: the new zone has all that's its own, so that each dies alone; what is needed in between is in
 * an arena of its own.
 *
 * Names that no edit touches are copied with their RRsets as one piece each, in the order that they have. Only those
 * that edits touch are taken apart into records and laid out again, by the code that the builder uses: so they come out
 * as if they had been read. For a million names that is a walk over memory, without hashing or sorting names (but for
 * the index), where a parse reads and judges each octet.
 *
 * Which names there are: an edited name that has records; and any that has one of those below it (an empty non-terminal
 * else). So the ancestors of an edited name are looked at too: they may come or go. From the last to the first, the
 * next name that stays tells whether there is one below, since in canonical order a subtree stands together. */
#include "zone/zone_edit.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "zone/zone_parts.h"

/* A name that an edit touches, or an ancestor of one. */
struct touched {
	struct draft draft;
	const struct node *old;		/* or NULL */
	size_t at;			/* the first of the old nodes that isn't before the name */
	size_t first, count;		/* its edits, among the sorted; of an ancestor none */
	bool stays;
};

/* Names, or owners of NSEC3. */
struct side {
	bool nsec3;
	const struct node *old;		/* in canonical order */
	size_t old_count;
	struct touched *list;
	size_t count;
	const struct rrset_edit **edits;	/* by owner, then type */
	size_t edit_count;
	struct node *nodes;
	size_t node_count;
};

struct editing {
	const struct zone *from;
	struct zone *to;
	struct arena *scratch;
	struct side names, nsec3;
};

static enum zone_edited edit(struct editing *e, const struct rrset_edit *edits, size_t count);
static bool sort_edits(struct editing *e, struct side *side, const struct rrset_edit *edits, size_t count);
static bool is_of_side(const struct side *side, const struct rrset_edit *edit);
static int compare_edits(const void *a, const void *b);
static bool list_touched(struct editing *e, struct side *side);
static void merge_touched(struct side *side);
static int compare_touched(const void *a, const void *b);
static bool set_old(struct editing *e, struct side *side);
static int compare_nodes(const void *a, const void *b);
static size_t lower_bound(const struct side *side, const uint8_t *name);
static enum zone_edited draft_touched(struct editing *e, const struct side *side, struct touched *t);
static enum zone_edited draft_old(struct editing *e, const struct side *side, struct touched *t);
static enum zone_edited draft_edit(struct editing *e, const struct side *side, struct touched *t,
	const struct rrset_edit *edit);
static enum zone_edited draft_set(struct editing *e, const struct side *side, struct touched *t,
	const struct rrset *set);
static enum zone_edited draft_merged(struct editing *e, const struct side *side, struct touched *t,
	const struct rrset *old, const struct rrset *now);
static enum zone_edited draft_wire(struct editing *e, const struct side *side, struct touched *t, uint16_t type,
	uint32_t ttl, unsigned count, const uint8_t *wire);
static bool is_edited(const struct side *side, const struct touched *t, uint16_t type);
static bool holds(const struct rrset *set, const uint8_t *record);
static void decide(struct side *side);
static bool lay_out(struct editing *e, struct side *side);
static bool copy_node(struct zone *zone, struct node *to, const struct node *from);
static size_t count_records(const struct node *node);

enum zone_edited
zone_edit(const struct zone *from, const struct rrset_edit *edits, size_t count, struct zone **to)
{
	struct editing e = { .from = from, .scratch = arena_new(), .to = calloc(1, sizeof(*e.to)) };
	enum zone_edited result = ZONE_EDIT_NO_MEMORY;

	e.nsec3.nsec3 = true;
	if (e.to != NULL) {
		e.to->holds = 1;
		e.to->arena = arena_new();
	}
	if (e.scratch != NULL && e.to != NULL && e.to->arena != NULL)
		result = edit(&e, edits, count);
	arena_free(e.scratch);
	if (result != ZONE_EDITED) {
		zone_release(e.to);
		e.to = NULL;
	}
	*to = e.to;
	return result;
}

static enum zone_edited
edit(struct editing *e, const struct rrset_edit *edits, size_t count)
{
	struct side *sides[] = { &e->names, &e->nsec3 };

	e->to->record_count = e->from->record_count;
	for (unsigned s = 0; s < ARRAY_SIZE(sides); s++) {
		struct side *side = sides[s];

		if (!set_old(e, side) || !sort_edits(e, side, edits, count) || !list_touched(e, side))
			return ZONE_EDIT_NO_MEMORY;
		for (size_t i = 0; i < side->count; i++) {
			enum zone_edited result = draft_touched(e, side, &side->list[i]);

			if (result != ZONE_EDITED)
				return result;
		}
		decide(side);
		if (!lay_out(e, side))
			return ZONE_EDIT_NO_MEMORY;
	}
	e->to->nodes = e->names.nodes;
	e->to->node_count = e->names.node_count;
	e->to->nsec3 = e->nsec3.nodes;
	e->to->nsec3_count = e->nsec3.node_count;
	switch (zone_complete(e->to)) {
	case ZONE_OK:
		return ZONE_EDITED;
	case ZONE_NO_SOA:
	case ZONE_TWO_SOAS:
		return ZONE_EDIT_NO_SOA;
	case ZONE_FREEZE_NO_MEMORY:
		break;
	}
	return ZONE_EDIT_NO_MEMORY;
}

/* NSEC3 owners out of use stand behind the others: those are sorted first. */
static bool
set_old(struct editing *e, struct side *side)
{
	const struct zone *from = e->from;
	struct node *sorted;

	side->old = side->nsec3 ? from->nsec3 : from->nodes;
	side->old_count = side->nsec3 ? from->nsec3_count : from->node_count;
	if (!side->nsec3 || from->nsec3_chain == from->nsec3_count)
		return true;
	sorted = arena_copy(e->scratch, side->old, side->old_count * sizeof(*sorted));
	if (sorted == NULL)
		return false;
	qsort(sorted, side->old_count, sizeof(*sorted), compare_nodes);
	side->old = sorted;
	return true;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return name_compare(x->name, y->name);
}

/* --- what is touched ------------------------------------------------------------------------------------------- */

static bool
sort_edits(struct editing *e, struct side *side, const struct rrset_edit *edits, size_t count)
{
	side->edits = arena_alloc(e->scratch, (count + 1) * sizeof(const struct rrset_edit *));
	if (side->edits == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		if (is_of_side(side, &edits[i]))
			side->edits[side->edit_count++] = &edits[i];
	if (side->edit_count > 0)
		qsort(side->edits, side->edit_count, sizeof(const struct rrset_edit *), compare_edits);
	return true;
}

/* RRSIGs that cover nothing may be of either side: they go to both, and draft_wire() takes each's. */
static bool
is_of_side(const struct side *side, const struct rrset_edit *edit)
{
	if (edit->type == TYPE_RRSIG)
		return true;
	return side->nsec3 == (edit->type == TYPE_NSEC3);
}

static int
compare_edits(const void *a, const void *b)
{
	const struct rrset_edit *const *x = a, *const *y = b;
	int order = name_compare((*x)->owner, (*y)->owner);

	return order != 0 ? order : ((*x)->type > (*y)->type) - ((*x)->type < (*y)->type);
}

/* The owners of edits, and (not of NSEC3) their ancestors below the apex; each once, in canonical order. */
static bool
list_touched(struct editing *e, struct side *side)
{
	unsigned apex_labels = e->from->nodes[0].labels;
	size_t most = 0;

	for (size_t i = 0; i < side->edit_count; i++)
		most += side->nsec3 ? 1 : name_labels(side->edits[i]->owner) - apex_labels + 1u;
	side->list = arena_alloc(e->scratch, (most + 1) * sizeof(*side->list));
	if (side->list == NULL)
		return false;
	for (size_t i = 0; i < side->edit_count; i++) {
		const uint8_t *name = side->edits[i]->owner;
		unsigned labels = name_labels(name);
		size_t length = name_length(name, NAME_MAX);

		for (size_t count = 1; count == 1 || (labels > apex_labels && !side->nsec3); count = 0) {
			side->list[side->count++] = (struct touched){
				.draft = { .name = name, .name_length = (uint8_t)length, .labels = (uint8_t)labels },
				.first = i, .count = count,
			};
			length -= *name + 1u;
			name += *name + 1;
			labels--;
		}
	}
	merge_touched(side);
	for (size_t i = 0; i < side->count; i++) {
		struct touched *t = &side->list[i];

		t->at = lower_bound(side, t->draft.name);
		if (t->at < side->old_count && name_compare(side->old[t->at].name, t->draft.name) == 0)
			t->old = &side->old[t->at];
	}
	return true;
}

static void
merge_touched(struct side *side)
{
	size_t kept = 0;

	if (side->count == 0)
		return;
	qsort(side->list, side->count, sizeof(*side->list), compare_touched);
	for (size_t i = 1; i < side->count; i++) {
		struct touched *last = &side->list[kept];

		if (name_compare(last->draft.name, side->list[i].draft.name) != 0)
			side->list[++kept] = side->list[i];
		else if (last->count == 0)
			*last = side->list[i];
		else
			last->count += side->list[i].count;
	}
	side->count = kept + 1;
}

/* The edits of a name stand together: `first` is that of the first of them. */
static int
compare_touched(const void *a, const void *b)
{
	const struct touched *x = a, *y = b;
	int order = name_compare(x->draft.name, y->draft.name);

	return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

static size_t
lower_bound(const struct side *side, const uint8_t *name)
{
	size_t low = 0, high = side->old_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(side->old[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* --- their records --------------------------------------------------------------------------------------------- */

static enum zone_edited
draft_touched(struct editing *e, const struct side *side, struct touched *t)
{
	enum zone_edited result = ZONE_EDITED;

	if (t->count == 0)
		return ZONE_EDITED;
	if (t->old != NULL)
		result = draft_old(e, side, t);
	for (size_t i = 0; i < t->count && result == ZONE_EDITED; i++)
		result = draft_edit(e, side, t, side->edits[t->first + i]);
	return result;
}

static enum zone_edited
draft_old(struct editing *e, const struct side *side, struct touched *t)
{
	enum zone_edited result = ZONE_EDITED;

	e->to->record_count -= count_records(t->old);
	for (unsigned i = 0; i < t->old->rrset_count && result == ZONE_EDITED; i++) {
		const struct rrset *set = &t->old->rrsets[i];

		if (is_edited(side, t, set->type))
			continue;
		result = draft_set(e, side, t, set);
	}
	return result;
}

/* An RRSIG that covered nothing goes when what it covers is edited. */
static enum zone_edited
draft_set(struct editing *e, const struct side *side, struct touched *t, const struct rrset *set)
{
	enum zone_edited result = ZONE_EDITED;
	const uint8_t *wire = set->wire;

	if (set->type != TYPE_RRSIG)
		result = draft_wire(e, side, t, set->type, set->ttl, set->count, wire);
	for (unsigned i = 0; set->type == TYPE_RRSIG && i < set->count && result == ZONE_EDITED; i++) {
		if (wire_get_u16(wire) < 2 || !is_edited(side, t, wire_get_u16(wire + 2)))
			result = draft_wire(e, side, t, TYPE_RRSIG, set->ttl, 1, wire);
		wire += 2 + wire_get_u16(wire);
	}
	if (result == ZONE_EDITED)
		result = draft_wire(e, side, t, TYPE_RRSIG, set->ttl, set->signature_count, set->signatures);
	return result;
}

static enum zone_edited
draft_edit(struct editing *e, const struct side *side, struct touched *t, const struct rrset_edit *edit)
{
	static const struct rrset none;
	const struct rrset *old = t->old == NULL ? NULL : node_rrset(t->old, edit->type);
	struct rrset now = edit->rrset, signatures = none, old_signatures = none;
	enum zone_edited result;

	if (now.count == 0)
		return ZONE_EDITED;
	if (old != NULL)
		rrset_signatures(old, &old_signatures);
	else if (t->old != NULL && node_rrset(t->old, TYPE_RRSIG) != NULL)
		old_signatures = *node_rrset(t->old, TYPE_RRSIG);	/* that covered nothing until now */
	rrset_signatures(&now, &signatures);
	now.type = edit->type;
	result = draft_merged(e, side, t, old == NULL ? &none : old, &now);
	return result == ZONE_EDITED ? draft_merged(e, side, t, &old_signatures, &signatures) : result;
}

/* Records that were there before keep their places among each other, as their lines do. */
static enum zone_edited
draft_merged(struct editing *e, const struct side *side, struct touched *t, const struct rrset *old,
	const struct rrset *now)
{
	enum zone_edited result = ZONE_EDITED;
	const uint8_t *wire = old->wire;

	for (unsigned i = 0; i < old->count && result == ZONE_EDITED; i++, wire += 2 + wire_get_u16(wire))
		if (holds(now, wire))
			result = draft_wire(e, side, t, now->type, now->ttl, 1, wire);
	return result == ZONE_EDITED ? draft_wire(e, side, t, now->type, now->ttl, now->count, now->wire) : result;
}

/* Duplicates are passed over. */
static enum zone_edited
draft_wire(struct editing *e, const struct side *side, struct touched *t, uint16_t type, uint32_t ttl, unsigned count,
	const uint8_t *wire)
{
	for (unsigned i = 0; i < count; i++, wire += 2 + wire_get_u16(wire)) {
		uint16_t length = wire_get_u16(wire);

		if (type == TYPE_RRSIG && (length < 2 || side->nsec3 != (wire_get_u16(wire + 2) == TYPE_NSEC3)))
			continue;
		switch (draft_add(e->scratch, &t->draft, type, ttl, wire + 2, length)) {
		case ZONE_ADDED:
		case ZONE_TTL_DIFFERS:
			e->to->record_count++;
			break;
		case ZONE_RRSET_TOO_LARGE:
			return ZONE_EDIT_TOO_LARGE;
		case ZONE_NO_MEMORY:
			return ZONE_EDIT_NO_MEMORY;
		case ZONE_DUPLICATE:
		case ZONE_NOT_UNDER_APEX:
			break;
		}
	}
	return ZONE_EDITED;
}

static bool
is_edited(const struct side *side, const struct touched *t, uint16_t type)
{
	for (size_t i = 0; i < t->count; i++)
		if (side->edits[t->first + i]->type == type)
			return true;
	return false;
}

static bool
holds(const struct rrset *set, const uint8_t *record)
{
	size_t size = 2u + wire_get_u16(record);
	const uint8_t *wire = set->wire;

	for (unsigned i = 0; i < set->count; i++, wire += 2 + wire_get_u16(wire))
		if (2u + wire_get_u16(wire) == size && memcmp(wire, record, size) == 0)
			return true;
	return false;
}

/* --- the new nodes --------------------------------------------------------------------------------------------- */

/* Which of the touched names stay, and how many nodes there are. */
static void
decide(struct side *side)
{
	size_t end = side->old_count;		/* of the untouched ones behind */
	const uint8_t *next = NULL;		/* the next name that stays */

	side->node_count = side->old_count;
	for (size_t i = side->count; i-- > 0;) {
		struct touched *t = &side->list[i];
		size_t begin = t->at + (t->old != NULL);
		bool has_records = t->count > 0 ? t->draft.records != NULL : t->old != NULL && t->old->rrset_count > 0;

		if (begin < end)
			next = side->old[begin].name;
		end = t->at;
		t->stays = has_records || (!side->nsec3 && next != NULL && name_is_under(next, t->draft.name))
		    || (!side->nsec3 && t->old != NULL && t->at == 0);
		side->node_count -= t->old != NULL;
		side->node_count += t->stays;
		if (t->stays)
			next = t->draft.name;
	}
}

static bool
lay_out(struct editing *e, struct side *side)
{
	struct node *node = arena_alloc(e->to->arena, side->node_count * sizeof(*node));
	size_t from = 0;

	side->nodes = node;
	if (node == NULL)
		return false;
	for (size_t i = 0; i <= side->count; i++) {
		const struct touched *t = i < side->count ? &side->list[i] : NULL;
		size_t end = t != NULL ? t->at : side->old_count;

		for (; from < end; from++)
			if (!copy_node(e->to, node++, &side->old[from]))
				return false;
		if (t == NULL)
			break;
		from += t->old != NULL;
		if (!t->stays)
			continue;
		if (t->count == 0 && t->old != NULL ? !copy_node(e->to, node++, t->old)
		    : !draft_lay_out(e->to, node++, &t->draft))
			return false;
	}
	return true;
}

/* RRsets, what they point to and the name are one piece (zone_layout.c). */
static bool
copy_node(struct zone *zone, struct node *to, const struct node *from)
{
	const uint8_t *begin = (const uint8_t *)from->rrsets, *end = from->name + from->name_length;
	uint8_t *piece = arena_copy(zone->arena, begin, (size_t)(end - begin));
	struct rrset *sets = (struct rrset *)(void *)piece;

	if (piece == NULL)
		return false;
	for (unsigned i = 0; i < from->rrset_count; i++) {
		sets[i].wire = piece + (from->rrsets[i].wire - begin);
		sets[i].signatures = piece + (from->rrsets[i].signatures - begin);
	}
	to->name = piece + (from->name - begin);
	to->name_length = from->name_length;
	to->labels = from->labels;
	to->rrset_count = from->rrset_count;
	to->rrsets = sets;
	return true;
}

static size_t
count_records(const struct node *node)
{
	size_t count = 0;

	for (unsigned i = 0; i < node->rrset_count; i++)
		count += (size_t)node->rrsets[i].count + node->rrsets[i].signature_count;
	return count;
}
