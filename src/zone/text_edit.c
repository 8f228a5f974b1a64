/* text_edit.c -- RRsets are changed in the text of a zone: what is to be changed, and where that is.
 * In: a text, the zone that it is, and edits.  Out: the new text.
 * Threads: any.  Memory: an arena that ends with the call, and the text.
 *
 * Two passes over the text. The first, here, finds where new records belong: behind the last record of the RRset, else
 * behind the last one of the owner, else behind the last one whose owner shares most labels (so that region records of
 * one service stay together), else at the end. The second, in text_rewrite.c, copies the text and changes what must be
 * changed. Signatures stand behind what they cover, and are treated as if they were an RRset.
 *
 * The first pass leaves what is inherited at the beginning of each block of entries. A block in which nothing is edited
 * is copied as it is, unless something else would be inherited now: so of a large text, little is read twice. */
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "zone/text_edit_parts.h"

static bool edit_init(struct text_editing *edit, const struct rrset_edit *edits, size_t count);
static int compare_edits(const void *a, const void *b);
static bool add_lines(struct text_editing *edit, const struct rrset_edit *wanted);
static const struct node *old_node(const struct text_editing *edit, const uint8_t *owner, uint16_t type);
static bool add_places(struct text_editing *edit);
static bool find_anchors(struct text_editing *edit);
static bool add_block(struct text_editing *edit);
static bool visit(struct text_editing *edit, struct record *record, size_t entry);
static bool settle_anchors(struct text_editing *edit);
static size_t kin(const struct text_editing *edit, const uint8_t *owner, unsigned apex_labels);
static int compare_anchors(const void *a, const void *b);

char *
text_edit(const char *text, const struct zone *from, const struct rrset_edit *edits, size_t count)
{
	struct text_editing edit = {
		.text = text, .from = from, .arena = arena_new(), .reader = malloc(sizeof(*edit.reader)),
	};
	char *result = NULL;

	if (edit.arena != NULL && edit.reader != NULL && edit_init(&edit, edits, count) && find_anchors(&edit)
	    && settle_anchors(&edit) && text_rewrite(&edit))
		result = text_take(&edit.out);
	text_fini(&edit.out);
	free(edit.blocks);
	free(edit.reader);
	arena_free(edit.arena);
	return result;
}

/* --- what is asked for -------------------------------------------------------------------------------------- */

static bool
edit_init(struct text_editing *edit, const struct rrset_edit *edits, size_t count)
{
	const char *newline = strchr(edit->text, '\n');
	const struct rrset_edit **sorted;

	edit->eol = newline != NULL && newline > edit->text && newline[-1] == '\r' ? "\r\n" : "\n";
	edit->lines = arena_alloc(edit->arena, (count * 2 + 1) * sizeof(*edit->lines));
	if (edit->lines == NULL)
		return false;
	sorted = arena_alloc(edit->arena, (count + 1) * sizeof(const struct rrset_edit *));
	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &edits[i];
	if (count > 0)
		qsort(sorted, count, sizeof(const struct rrset_edit *), compare_edits);
	for (size_t i = 0; i < count; i++)
		if (!add_lines(edit, sorted[i]))
			return false;
	return add_places(edit);
}

static int
compare_edits(const void *a, const void *b)
{
	const struct rrset_edit *const *x = a, *const *y = b;
	int order = name_compare((*x)->owner, (*y)->owner);

	return order != 0 ? order : ((*x)->type > (*y)->type) - ((*x)->type < (*y)->type);
}

/* Of the RRset, and of its signatures. */
static bool
add_lines(struct text_editing *edit, const struct rrset_edit *wanted)
{
	const struct rrset *set = &wanted->rrset;
	const struct node *node = old_node(edit, wanted->owner, wanted->type);
	const struct rrset *old = node == NULL ? NULL : node_rrset(node, wanted->type);
	struct lines *lines = &edit->lines[edit->line_count++];
	unsigned signatures = set->count == 0 ? 0 : set->signature_count;

	*lines = (struct lines){
		.owner = wanted->owner, .type = wanted->type, .ttl = set->ttl, .count = set->count, .wire = set->wire,
		.written = arena_alloc(edit->arena, set->count), .was = old != NULL && wanted->type != TYPE_RRSIG,
		.anchor = NOWHERE,
	};
	if (lines->written == NULL || wanted->type == TYPE_RRSIG)
		return lines->written != NULL;
	lines[1] = (struct lines){
		.owner = wanted->owner, .type = TYPE_RRSIG, .covers = wanted->type, .ttl = set->ttl,
		.count = signatures, .wire = set->signatures, .written = arena_alloc(edit->arena, signatures),
		.was = old != NULL && old->signature_count > 0, .anchor = NOWHERE,
	};
	edit->line_count++;
	return lines[1].written != NULL;
}

static const struct node *
old_node(const struct text_editing *edit, const uint8_t *owner, uint16_t type)
{
	return type == TYPE_NSEC3 ? zone_nsec3_find(edit->from, owner) : zone_find_name(edit->from, owner);
}

static bool
add_places(struct text_editing *edit)
{
	unsigned apex_labels = zone_apex(edit->from)->labels;
	struct name_parts parts;
	size_t most = 1;

	for (size_t i = 0; i < edit->line_count; i++)
		most += name_labels(edit->lines[i].owner) - apex_labels + 1u;
	for (edit->place_size = 16; edit->place_size < most * 2;)
		edit->place_size *= 2;
	edit->places = arena_alloc(edit->arena, edit->place_size * sizeof(*edit->places));
	if (edit->places == NULL)
		return false;
	for (size_t i = 0; i < edit->line_count; i++) {
		const uint8_t *owner = edit->lines[i].owner;
		unsigned label = 0;

		name_take_apart(&parts, owner);
		do {
			size_t length = (size_t)parts.length - parts.offset[label];
			struct place *place = place_find(edit, owner + parts.offset[label], length, parts.hash[label]);

			place->name = owner + parts.offset[label];
			place->length = length;
			place->hash = parts.hash[label];
			if (label == 0 && place->count++ == 0)
				place->first = i;
		} while (++label + apex_labels < parts.labels);
	}
	return true;
}

/* The place of the name, or a free one. */
struct place *
place_find(const struct text_editing *edit, const uint8_t *name, size_t length, uint64_t hash)
{
	for (size_t i = hash;; i++) {
		struct place *place = &edit->places[i & (edit->place_size - 1)];

		if (place->name == NULL || (place->hash == hash && place->length == length
		    && memcmp(place->name, name, length) == 0))
			return place;
	}
}

/* --- first pass --------------------------------------------------------------------------------------------- */

static bool
find_anchors(struct text_editing *edit)
{
	struct record record;
	enum record_result result;
	bool good = true;

	record_reader_init(edit->reader, edit->text, "", zone_apex(edit->from)->name, NULL);
	edit->reader->heads_only = true;
	for (size_t i = 0; good; i++) {
		if (i % BLOCK == 0 && !add_block(edit)) {
			good = false;
			break;
		}
		result = record_next(edit->reader, &record);
		if (result == RECORD_END)
			break;
		good = result == RECORD_DIRECTIVE || (result == RECORD_READ && visit(edit, &record, i));
	}
	edit->end = edit->reader->inherited;
	record_reader_fini(edit->reader);
	return good;
}

static bool
add_block(struct text_editing *edit)
{
	struct block *blocks = edit->blocks;

	if (edit->block_count == edit->block_size) {
		edit->block_size = edit->block_size == 0 ? 64 : edit->block_size * 2;
		blocks = realloc(blocks, edit->block_size * sizeof(*blocks));
		if (blocks == NULL)
			return false;
		edit->blocks = blocks;
	}
	blocks[edit->block_count++] = (struct block){
		.at = edit->reader->lexer.at, .line = edit->reader->lexer.line, .inherited = edit->reader->inherited,
	};
	return true;
}

/* Notes where the record stands, for the places that it's at or under, and for the lines that it's one of. False: it
 * can't be of this zone. */
static bool
visit(struct text_editing *edit, struct record *record, size_t entry)
{
	unsigned apex_labels = zone_apex(edit->from)->labels, label = 0;
	struct name_parts parts;

	name_take_apart(&parts, record->owner);
	if (parts.labels < apex_labels)
		return false;
	do {
		struct place *place = place_find(edit, record->owner + parts.offset[label],
			(size_t)parts.length - parts.offset[label], parts.hash[label]);
		struct lines *lines;

		if (place->name == NULL)
			continue;
		place->under = entry + 1;
		if (label > 0 || place->count == 0)
			continue;
		place->exact = entry + 1;
		if (record->type == TYPE_RRSIG && !record_read_rdata(edit->reader, record))
			return false;
		lines = lines_find(edit, place, record);
		if (lines != NULL) {
			lines->anchor = entry;
			edit->blocks[entry / BLOCK].touched = true;
		}
	} while (++label + apex_labels < parts.labels);
	return true;
}

struct lines *
lines_find(const struct text_editing *edit, const struct place *place, const struct record *record)
{
	uint16_t covers = record->type == TYPE_RRSIG ? wire_get_u16(record->rdata) : 0;
	struct lines *others = NULL;
	const struct node *node;

	for (size_t i = 0; i < place->count; i++) {
		struct lines *lines = &edit->lines[place->first + i];

		if (lines->type != record->type)
			continue;
		if (lines->covers == covers)
			return lines;
		if (lines->covers == 0)
			others = lines;
	}
	if (others == NULL)
		return NULL;
	node = old_node(edit, record->owner, covers);
	return node == NULL || node_rrset(node, covers) == NULL ? others : NULL;
}

/* Where there are no lines yet, new ones stand behind their kin. Sharing only the apex is no kinship. */
static bool
settle_anchors(struct text_editing *edit)
{
	unsigned apex_labels = zone_apex(edit->from)->labels;

	edit->anchored = arena_alloc(edit->arena, (edit->line_count + 1) * sizeof(struct lines *));
	if (edit->anchored == NULL)
		return false;
	for (size_t i = 0; i < edit->line_count; i++) {
		struct lines *lines = &edit->lines[i];

		if (lines->was && lines->anchor == NOWHERE)
			return false;	/* the text isn't that of the zone */
		if (lines->anchor == NOWHERE && lines->covers != 0)
			lines->anchor = lines[-1].anchor;
		if (lines->anchor == NOWHERE)
			lines->anchor = kin(edit, lines->owner, apex_labels);
		if (lines->anchor != NOWHERE)
			edit->blocks[lines->anchor / BLOCK].touched = true;
		lines->order = i;
		edit->anchored[i] = lines;
	}
	if (edit->line_count > 0)
		qsort(edit->anchored, edit->line_count, sizeof(struct lines *), compare_anchors);
	return true;
}

/* The entry behind the owner's last one, or the last one of those that share most labels with it. */
static size_t
kin(const struct text_editing *edit, const uint8_t *owner, unsigned apex_labels)
{
	struct name_parts parts;
	unsigned label = 0;

	name_take_apart(&parts, owner);
	do {
		const struct place *place = place_find(edit, owner + parts.offset[label],
			(size_t)parts.length - parts.offset[label], parts.hash[label]);

		if (label == 0 && place->exact > 0)
			return place->exact - 1;
		if (parts.labels - label > apex_labels && place->under > 0)
			return place->under - 1;
	} while (++label + apex_labels < parts.labels);
	return NOWHERE;
}

static int
compare_anchors(const void *a, const void *b)
{
	const struct lines *const *x = a, *const *y = b;

	if ((*x)->anchor != (*y)->anchor)
		return (*x)->anchor < (*y)->anchor ? -1 : 1;
	return ((*x)->order > (*y)->order) - ((*x)->order < (*y)->order);
}
