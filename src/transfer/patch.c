/* patch.c -- see patch.h.
 * In: a zone, and records that go and come.  Out: edits.  Threads: one at a time.  Memory: an arena, and two lists that
 * grow; nothing of it is the zone's.
 *
 * Each owner and type that a record touches becomes an entry, which begins with the zone's records and then goes along
 * with each change: so several differences one after the other come to what stands at the end, and a record that isn't
 * where it should be is seen. Entries are found by a hash of owner and type. Signatures are kept with what they cover,
 * as in a zone; those that cover nothing are an RRset of their own there (zone.h), which is put together at the end.
 * NSEC3 owners are no names of the zone: they are sorted once, when the first is asked for. */
#include "transfer/patch.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "transfer/message_reader.h"

#define RRSET_MAX 65535		/* octets: what a message holds */

struct piece {
	const uint8_t *rdata;
	uint16_t length;
};

struct pieces {
	struct piece *list;
	size_t count, size, octets;
};

struct entry {
	const uint8_t *owner;
	uint16_t type;
	uint32_t ttl;
	struct pieces records, signatures;
	const struct node *node;	/* of the zone, or NULL */
	bool strays;			/* the zone had signatures of it without it */
};

struct patch {
	const struct zone *zone;
	struct arena *arena;
	struct entry **entries;		/* in the order of their first touch */
	size_t count, size;
	struct entry **index;		/* by hash; its size is a power of 2 */
	size_t index_size;
	const struct node **nsec3;	/* by name; NULL: not asked for yet */
};

static struct entry *entry_of(struct patch *patch, const uint8_t *owner, uint16_t type);
static struct entry **place_of(const struct patch *patch, const uint8_t *owner, uint16_t type);
static bool make_room(struct patch *patch);
static bool load(struct patch *patch, struct entry *entry);
static const struct node *node_of(struct patch *patch, const uint8_t *owner, uint16_t type);
static const struct node *nsec3_of(struct patch *patch, const uint8_t *owner);
static int compare_nodes(const void *a, const void *b);
static int compare_name(const void *name, const void *node);
static bool load_pieces(struct pieces *pieces, const uint8_t *wire, unsigned count, uint16_t covered);
static bool add_piece(struct pieces *pieces, const uint8_t *rdata, uint16_t length);
static size_t find_piece(const struct pieces *pieces, uint16_t type, const uint8_t *rdata, size_t length);
static struct pieces *pieces_of(struct entry *entry, uint16_t type);
static enum patched add_edit(struct patch *patch, const struct entry *entry, struct rrset_edit *edit);
static int compare_owners(const void *a, const void *b);
static enum patched add_strays(struct patch *patch, struct entry *const *entries, size_t count,
	struct rrset_edit *edit);
static const uint8_t *lay_out(struct patch *patch, const struct pieces *pieces);

struct patch *
patch_new(const struct zone *zone)
{
	struct patch *patch = calloc(1, sizeof(*patch));

	if (patch == NULL)
		return NULL;
	patch->zone = zone;
	patch->arena = arena_new();
	if (patch->arena != NULL)
		return patch;
	free(patch);
	return NULL;
}

void
patch_free(struct patch *patch)
{
	if (patch == NULL)
		return;
	for (size_t i = 0; i < patch->count; i++) {
		free(patch->entries[i]->records.list);
		free(patch->entries[i]->signatures.list);
	}
	free(patch->entries);
	free(patch->index);
	free(patch->nsec3);
	arena_free(patch->arena);
	free(patch);
}

/* --- records -------------------------------------------------------------------------------------------------- */

static uint16_t
type_of(const struct resource_record *record)
{
	return record->type == TYPE_RRSIG && record->rdlength >= 2 ? wire_get_u16(record->rdata) : record->type;
}

enum patched
patch_remove(struct patch *patch, const struct resource_record *record)
{
	struct entry *entry = entry_of(patch, record->owner, type_of(record));
	struct pieces *pieces;
	size_t at;

	if (entry == NULL)
		return PATCH_NO_MEMORY;
	pieces = pieces_of(entry, record->type);
	at = find_piece(pieces, record->type, record->rdata, record->rdlength);
	if (at == pieces->count)
		return PATCH_MISSING;
	pieces->octets -= 2u + pieces->list[at].length;
	memmove(&pieces->list[at], &pieces->list[at + 1], (pieces->count - at - 1) * sizeof(*pieces->list));
	pieces->count--;
	return PATCHED;
}

/* The TTL of an RRset is that of the record that came last (RFC 2181 section 5.2 wants them equal). */
enum patched
patch_add(struct patch *patch, const struct resource_record *record)
{
	struct entry *entry = entry_of(patch, record->owner, type_of(record));
	struct pieces *pieces;
	const uint8_t *rdata;

	if (entry == NULL)
		return PATCH_NO_MEMORY;
	pieces = pieces_of(entry, record->type);
	if (record->type == TYPE_SOA)
		pieces->count = pieces->octets = 0;
	if (find_piece(pieces, record->type, record->rdata, record->rdlength) < pieces->count)
		return PATCHED;
	if (pieces->octets + 2u + record->rdlength > RRSET_MAX || pieces->count == UINT16_MAX)
		return PATCH_TOO_LARGE;
	rdata = arena_copy(patch->arena, record->rdata, record->rdlength);
	if (rdata == NULL || !add_piece(pieces, rdata, record->rdlength))
		return PATCH_NO_MEMORY;
	if (record->type != TYPE_RRSIG || entry->records.count == 0)
		entry->ttl = record->ttl > INT32_MAX ? 0 : record->ttl;	/* RFC 2181 section 8 */
	return PATCHED;
}

static struct pieces *
pieces_of(struct entry *entry, uint16_t type)
{
	return type == TYPE_RRSIG ? &entry->signatures : &entry->records;
}

static size_t
find_piece(const struct pieces *pieces, uint16_t type, const uint8_t *rdata, size_t length)
{
	size_t at = 0;

	while (at < pieces->count && !rdata_same(type, pieces->list[at].rdata, pieces->list[at].length, rdata, length))
		at++;
	return at;
}

static bool
add_piece(struct pieces *pieces, const uint8_t *rdata, uint16_t length)
{
	if (pieces->count == pieces->size) {
		size_t size = pieces->size == 0 ? 4 : pieces->size * 2;
		struct piece *list = realloc(pieces->list, size * sizeof(*list));

		if (list == NULL)
			return false;
		pieces->list = list;
		pieces->size = size;
	}
	pieces->list[pieces->count++] = (struct piece){ rdata, length };
	pieces->octets += 2u + length;
	return true;
}

/* --- entries -------------------------------------------------------------------------------------------------- */

/* NULL: out of memory. */
static struct entry *
entry_of(struct patch *patch, const uint8_t *owner, uint16_t type)
{
	struct entry **place, *entry;

	if (!make_room(patch))
		return NULL;
	place = place_of(patch, owner, type);
	if (*place != NULL)
		return *place;
	entry = arena_alloc(patch->arena, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	entry->owner = arena_copy(patch->arena, owner, name_length(owner, NAME_MAX));
	entry->type = type;
	if (entry->owner == NULL || !load(patch, entry)) {
		free(entry->records.list);
		free(entry->signatures.list);
		return NULL;
	}
	patch->entries[patch->count++] = entry;
	*place = entry;
	return entry;
}

static struct entry **
place_of(const struct patch *patch, const uint8_t *owner, uint16_t type)
{
	size_t length = name_length(owner, NAME_MAX);

	for (size_t at = hash64(owner, length, type);; at++) {
		struct entry **place = &patch->index[at & (patch->index_size - 1)];

		if (*place == NULL || ((*place)->type == type && name_length((*place)->owner, NAME_MAX) == length
		    && memcmp((*place)->owner, owner, length) == 0))
			return place;
	}
}

/* For one more. */
static bool
make_room(struct patch *patch)
{
	size_t size = patch->size == 0 ? 64 : patch->size * 2;
	struct entry **entries, **index;

	if (patch->count < patch->size)
		return true;
	entries = realloc(patch->entries, size * sizeof(*entries));
	if (entries == NULL)
		return false;
	patch->entries = entries;
	index = calloc(size * 2, sizeof(*index));
	if (index == NULL)
		return false;
	free(patch->index);
	patch->index = index;
	patch->index_size = size * 2;
	patch->size = size;
	for (size_t i = 0; i < patch->count; i++)
		*place_of(patch, entries[i]->owner, entries[i]->type) = entries[i];
	return true;
}

static bool
load(struct patch *patch, struct entry *entry)
{
	const struct rrset *set, *strays;

	entry->node = node_of(patch, entry->owner, entry->type);
	if (entry->node == NULL)
		return entry->type != TYPE_NSEC3 || patch->nsec3 != NULL;
	set = node_rrset(entry->node, entry->type);
	strays = node_rrset(entry->node, TYPE_RRSIG);
	entry->ttl = set == NULL ? 0 : set->ttl;
	if (set != NULL && (!load_pieces(&entry->records, set->wire, set->count, 0)
	    || !load_pieces(&entry->signatures, set->signatures, set->signature_count, 0)))
		return false;
	if (set != NULL || strays == NULL)
		return true;
	if (!load_pieces(&entry->signatures, strays->wire, strays->count, entry->type))
		return false;
	entry->strays = entry->signatures.count > 0;
	if (entry->strays)
		entry->ttl = strays->ttl;
	return true;
}

/* Of signatures only those that cover `covered`, unless it's 0. */
static bool
load_pieces(struct pieces *pieces, const uint8_t *wire, unsigned count, uint16_t covered)
{
	for (unsigned i = 0; i < count; i++, wire += 2 + wire_get_u16(wire))
		if ((covered == 0 || wire_get_u16(wire + 2) == covered)
		    && !add_piece(pieces, wire + 2, wire_get_u16(wire)))
			return false;
	return true;
}

static const struct node *
node_of(struct patch *patch, const uint8_t *owner, uint16_t type)
{
	return type == TYPE_NSEC3 ? nsec3_of(patch, owner) : zone_find_name(patch->zone, owner);
}

/* NULL too without memory, and then patch->nsec3 is. */
static const struct node *
nsec3_of(struct patch *patch, const uint8_t *owner)
{
	size_t count = zone_nsec3_count(patch->zone);
	const struct node *const *found;

	if (patch->nsec3 == NULL) {
		patch->nsec3 = malloc((count + 1) * sizeof(struct node *));
		if (patch->nsec3 == NULL)
			return NULL;
		for (size_t i = 0; i < count; i++)
			patch->nsec3[i] = zone_nsec3_at(patch->zone, i);
		if (count > 1)
			qsort(patch->nsec3, count, sizeof(struct node *), compare_nodes);
	}
	found = bsearch(owner, patch->nsec3, count, sizeof(struct node *), compare_name);
	return found == NULL ? NULL : *found;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return name_compare((*x)->name, (*y)->name);
}

static int
compare_name(const void *name, const void *node)
{
	return name_compare(name, (*(const struct node *const *)node)->name);
}

/* --- edits ---------------------------------------------------------------------------------------------------- */

enum patched
patch_edits(struct patch *patch, const struct rrset_edit **edits, size_t *count)
{
	struct rrset_edit *list = arena_alloc(patch->arena, (2 * patch->count + 1) * sizeof(*list));
	struct entry **strays = arena_alloc(patch->arena, (patch->count + 1) * sizeof(*strays));
	size_t stray_count = 0;

	*edits = list;
	*count = 0;
	if (list == NULL || strays == NULL)
		return PATCH_NO_MEMORY;
	for (size_t i = 0; i < patch->count; i++) {
		struct entry *entry = patch->entries[i];
		enum patched made = add_edit(patch, entry, &list[(*count)++]);

		if (made != PATCHED)
			return made;
		if (entry->strays || (entry->records.count == 0 && entry->signatures.count > 0))
			strays[stray_count++] = entry;
	}
	if (stray_count > 1)
		qsort(strays, stray_count, sizeof(struct entry *), compare_owners);
	for (size_t i = 0, end; i < stray_count; i = end) {
		enum patched made;

		for (end = i + 1; end < stray_count && name_compare(strays[end]->owner, strays[i]->owner) == 0; end++)
			;
		made = add_strays(patch, &strays[i], end - i, &list[(*count)++]);
		if (made != PATCHED)
			return made;
	}
	return PATCHED;
}

static enum patched
add_edit(struct patch *patch, const struct entry *entry, struct rrset_edit *edit)
{
	bool there = entry->records.count > 0;

	if (entry->signatures.octets > UINT16_MAX)
		return PATCH_TOO_LARGE;
	*edit = (struct rrset_edit){ .owner = entry->owner, .type = entry->type, .rrset = {
		.type = entry->type, .count = (uint16_t)entry->records.count, .ttl = entry->ttl,
		.length = (uint32_t)entry->records.octets, .wire = lay_out(patch, &entry->records),
		.signature_count = there ? (uint16_t)entry->signatures.count : 0,
		.signature_length = there ? (uint16_t)entry->signatures.octets : 0,
		.signatures = lay_out(patch, &entry->signatures),
	} };
	return edit->rrset.wire == NULL || edit->rrset.signatures == NULL ? PATCH_NO_MEMORY : PATCHED;
}

static int
compare_owners(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return name_compare((*x)->owner, (*y)->owner);
}

/* The signatures of one owner that cover nothing: those of the zone for types that nothing touched, and those of these
 * entries. */
static enum patched
add_strays(struct patch *patch, struct entry *const *entries, size_t count, struct rrset_edit *edit)
{
	const struct entry *first = entries[0];
	const struct rrset *before = first->node == NULL ? NULL : node_rrset(first->node, TYPE_RRSIG);
	const uint8_t *wire = before == NULL ? NULL : before->wire;
	struct pieces all = { 0 };
	bool added = true;

	for (unsigned i = 0; before != NULL && added && i < before->count; i++, wire += 2 + wire_get_u16(wire))
		if (*place_of(patch, first->owner, wire_get_u16(wire + 2)) == NULL)
			added = add_piece(&all, wire + 2, wire_get_u16(wire));
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; entries[i]->records.count == 0 && added && k < entries[i]->signatures.count; k++)
			added = add_piece(&all, entries[i]->signatures.list[k].rdata,
			    entries[i]->signatures.list[k].length);
	*edit = (struct rrset_edit){ .owner = first->owner, .type = TYPE_RRSIG, .rrset = { .type = TYPE_RRSIG,
		.count = (uint16_t)all.count, .ttl = before == NULL ? first->ttl : before->ttl,
		.length = (uint32_t)all.octets, .wire = lay_out(patch, &all), .signatures = first->owner } };
	free(all.list);
	if (!added || edit->rrset.wire == NULL)
		return PATCH_NO_MEMORY;
	return all.octets > RRSET_MAX ? PATCH_TOO_LARGE : PATCHED;
}

/* NULL: out of memory. */
static const uint8_t *
lay_out(struct patch *patch, const struct pieces *pieces)
{
	uint8_t *wire = arena_alloc(patch->arena, pieces->octets + 1), *p = wire;

	for (size_t i = 0; wire != NULL && i < pieces->count; i++) {
		wire_put_u16(p, pieces->list[i].length);
		memcpy(p + 2, pieces->list[i].rdata, pieces->list[i].length);
		p += 2 + pieces->list[i].length;
	}
	return wire;
}
