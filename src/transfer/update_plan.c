/* update_plan.c -- what comes of an update: prerequisites are held against the zone, updates done one after the other.
 * In: an update; a zone.  Out: an rcode; the RRsets that the zone is to have instead.
 * Threads: any; pure.  Memory: the caller's arena.
 *
 * The owners that the message names are taken out of the zone as plain lists of records (update_owner.c), these are
 * changed as each update says, and then compared with what they were (update_edits.c): an RRset that is what it was is
 * no edit. So whatever an update's records undo among each other costs nothing. */
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "transfer/update_parts.h"
#include "zone/soa.h"

struct planning {
	const struct update *update;
	const struct zone *zone;
	struct arena *arena;
	struct update_owner *owners;	/* by name; the apex is the first */
	size_t owner_count;
	struct update_edits edits;
};

static bool take_owners(struct planning *planning);
static int compare_owners(const void *a, const void *b);
static struct update_owner *find_owner(const struct planning *planning, const uint8_t *name);
static uint16_t hold_wants(const struct planning *planning);
static uint16_t hold_want(const struct update_owner *owner, const struct update_line *want);
static int compare_wants(const void *a, const void *b);
static uint16_t edit(struct planning *planning);
static void raise_serial(struct planning *planning);

uint16_t
update_plan(const struct update *update, const struct zone *zone, struct arena *arena, struct rrset_edit **edits,
	size_t *count)
{
	struct planning planning = {
		.update = update, .zone = zone, .arena = arena,
		.edits = { .arena = arena, .size = 1, .list = arena_alloc(arena, sizeof(struct rrset_edit)) },
	};
	uint16_t rcode = RCODE_SERVFAIL;

	if (planning.edits.list != NULL && take_owners(&planning))
		rcode = hold_wants(&planning);
	if (rcode == RCODE_NOERROR)
		rcode = edit(&planning);
	*edits = planning.edits.list;
	*count = rcode == RCODE_NOERROR ? planning.edits.count : 0;
	return rcode;
}

/* --- the owners that the message names --------------------------------------------------------------------------- */

static bool
take_owners(struct planning *planning)
{
	const struct update *update = planning->update;
	size_t most = update->want_count + update->line_count + 1, count = 0, kept = 0;
	struct update_owner *owners = arena_alloc(planning->arena, most * sizeof(*owners));

	if (owners == NULL)
		return false;
	owners[count++].name = update->apex;
	for (size_t i = 0; i < update->want_count; i++)
		owners[count++].name = update->wants[i].owner;
	for (size_t i = 0; i < update->line_count; i++)
		owners[count++].name = update->lines[i].owner;
	qsort(owners, count, sizeof(*owners), compare_owners);
	for (size_t i = 1; i < count; i++)
		if (compare_owners(&owners[kept], &owners[i]) != 0)
			owners[++kept] = owners[i];
	owners[0].apex = true;		/* nothing comes before it in canonical order */
	planning->owners = owners;
	planning->owner_count = kept + 1;
	for (size_t i = 0; i < planning->owner_count; i++)
		if (!owner_take(&owners[i], planning->zone, planning->arena))
			return false;
	return true;
}

static int
compare_owners(const void *a, const void *b)
{
	const struct update_owner *x = a, *y = b;

	return name_compare(x->name, y->name);
}

static struct update_owner *
find_owner(const struct planning *planning, const uint8_t *name)
{
	return bsearch(&(struct update_owner){ .name = name }, planning->owners, planning->owner_count,
		sizeof(*planning->owners), compare_owners);
}

/* --- prerequisites, section 3.2 ---------------------------------------------------------------------------------- */

/* Those about an RRset's value are held together when all others have been. */
static uint16_t
hold_wants(const struct planning *planning)
{
	const struct update *update = planning->update;
	const struct update_line **values = arena_alloc(planning->arena,
		(update->want_count + 1) * sizeof(const struct update_line *));
	size_t count = 0, end;
	uint16_t rcode = values == NULL ? RCODE_SERVFAIL : RCODE_NOERROR;

	for (size_t i = 0; i < update->want_count && rcode == RCODE_NOERROR; i++) {
		const struct update_line *want = &update->wants[i];

		if (want->class == CLASS_IN)
			values[count++] = want;
		else
			rcode = hold_want(find_owner(planning, want->owner), want);
	}
	if (count > 0)
		qsort(values, count, sizeof(const struct update_line *), compare_wants);
	for (size_t i = 0; i < count && rcode == RCODE_NOERROR; i = end) {
		for (end = i + 1; end < count && compare_wants(&values[i], &values[end]) == 0;)
			end++;
		if (!owner_has(find_owner(planning, values[i]->owner), values + i, end - i))
			rcode = RCODE_NXRRSET;
	}
	return rcode;
}

static uint16_t
hold_want(const struct update_owner *owner, const struct update_line *want)
{
	bool any = want->type == TYPE_ANY, is_there = owner_count(owner, want->type) > 0;

	if (want->class == CLASS_ANY && !is_there)
		return any ? RCODE_NXDOMAIN : RCODE_NXRRSET;
	if (want->class == CLASS_NONE && is_there)
		return any ? RCODE_YXDOMAIN : RCODE_YXRRSET;
	return RCODE_NOERROR;
}

static int
compare_wants(const void *a, const void *b)
{
	const struct update_line *const *x = a, *const *y = b;
	int order = name_compare((*x)->owner, (*y)->owner);

	return order != 0 ? order : ((*x)->type > (*y)->type) - ((*x)->type < (*y)->type);
}

/* --- updates, section 3.4.2 -------------------------------------------------------------------------------------- */

static uint16_t
edit(struct planning *planning)
{
	const struct update *update = planning->update;
	struct update_edits *edits = &planning->edits;

	for (size_t i = 0; i < update->line_count; i++)
		if (!owner_do(find_owner(planning, update->lines[i].owner), &update->lines[i], planning->arena))
			return RCODE_SERVFAIL;
	for (size_t i = 0; i < planning->owner_count; i++)
		edits_compare(edits, &planning->owners[i]);
	if (edits->count > 0)
		raise_serial(planning);
	if (edits->no_memory)
		return RCODE_SERVFAIL;
	return edits->too_large ? RCODE_REFUSED : RCODE_NOERROR;
}

/* Section 3.6, unless the message brought a newer one. */
static void
raise_serial(struct planning *planning)
{
	const struct rrset *soa = zone_soa(planning->zone);
	struct rrset_edit edit = { .owner = planning->update->apex, .type = TYPE_SOA, .rrset = *soa };
	uint8_t *wire;

	for (size_t i = 0; i < planning->edits.count; i++)
		if (planning->edits.list[i].type == TYPE_SOA
		    && name_compare(planning->edits.list[i].owner, edit.owner) == 0)
			return;
	wire = arena_copy(planning->arena, soa->wire, soa->length);
	if (wire == NULL) {
		planning->edits.no_memory = true;
		return;
	}
	soa_raise(wire + 2, zone_serial(planning->zone));
	edit.rrset.wire = wire;
	edits_add(&planning->edits, &edit);
}
