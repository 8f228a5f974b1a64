/* text_edit.c -- RRsets are changed in the text of a zone, and not a byte more than that needs.
 * In: a text, the zone that it is, and edits.  Out: the new text.
 * Threads: any.  Memory: an arena that ends with the call, and the text.
 *
 * Two passes over the text. The first finds where new records belong: behind the last record of the RRset, else behind
 * the last one of the owner, else behind the last one whose owner shares most labels (so that region records of one
 * service stay together), else at the end. The second copies the text and changes what must be changed. A record that
 * stays keeps its line, its place and its comment. Signatures stand behind what they cover, and are treated as if they
 * were an RRset.
 *
 * Records inherit owner and TTL from the lines before them, so taking a line out may change another's meaning. The
 * second pass therefore keeps what is inherited twice, in the old text (the reader's) and in the new one (`now`), and
 * writes owner or TTL out wherever a record would no longer inherit its own. That one rule covers blank owners, TTLs
 * stated once for all, and records put in between.
 *
 * The first pass leaves what is inherited at the beginning of each block of entries. A block in which nothing is edited
 * is copied as it is, unless something else would be inherited now: so of a large text, little is read twice.
 *
 * New RDATA is written in canonical form, never as given: so it can't depend on the $ORIGIN in force, and can't smuggle
 * in a line of its own. */
#include "zone/zone_edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "zone/master_write.h"
#include "zone/rdata_write.h"
#include "zone/record.h"
#include "zone/rrtype.h"
#include "zone/ttl.h"

#define NOWHERE SIZE_MAX
#define BLOCK ((size_t)256)	/* entries: a fraction of the text that isn't worth to be told apart */
#define SOA_WORDS 7

/* The text before the RDATA of a record of this RRset, for new ones to look the same. */
struct pattern {
	const char *text;	/* NULL: none */
	size_t length;
	bool owner_given, ttl_given;
	uint32_t ttl;
};

/* The lines of an RRset, or those of the signatures over it. */
struct lines {
	const uint8_t *owner;
	uint16_t type;			/* as it's written: of signatures RRSIG */
	uint16_t covers;		/* of signatures; 0: of those that cover nothing */
	uint32_t ttl;
	unsigned count;
	const uint8_t *wire;		/* as they are to be */
	bool *written;			/* by record */
	bool was;			/* the zone has some */
	size_t anchor;			/* new records follow this entry, or NOWHERE: the end */
	size_t order;			/* among those of one anchor */
	struct pattern pattern;
};

/* A name that edits are about, or an ancestor of one below the apex. */
struct place {
	const uint8_t *name;
	size_t length;
	uint64_t hash;
	size_t under, exact;		/* last entry with such an owner, + 1 */
	size_t first, count;		/* its lines */
};

/* Where some entries begin, and what they inherit. */
struct block {
	const char *at;
	uint32_t line;
	bool touched;
	struct inherited inherited;
};

struct edit {
	const char *text;
	const struct zone *from;
	struct arena *arena;
	const char *eol;
	struct lines *lines;		/* by owner; the signatures behind what they cover */
	size_t line_count;
	struct place *places;		/* open addressing, at most half full */
	size_t place_size;
	struct lines **anchored;	/* by anchor and order */
	struct block *blocks;
	size_t block_count, block_size;
	struct inherited end;		/* by who stood at the end of the text */
	/* Second pass. */
	struct record_reader *reader;
	struct inherited now;
	struct text out;
};

static bool edit_init(struct edit *edit, const struct rrset_edit *edits, size_t count);
static int compare_edits(const void *a, const void *b);
static bool add_lines(struct edit *edit, const struct rrset_edit *wanted);
static const struct node *old_node(const struct edit *edit, const uint8_t *owner, uint16_t type);
static bool add_places(struct edit *edit);
static struct place *place_find(const struct edit *edit, const uint8_t *name, size_t length, uint64_t hash);
static bool find_anchors(struct edit *edit);
static bool add_block(struct edit *edit);
static bool visit(struct edit *edit, struct record *record, size_t entry);
static struct lines *find_lines(const struct edit *edit, const struct place *place, const struct record *record);
static bool settle_anchors(struct edit *edit);
static size_t kin(const struct edit *edit, const uint8_t *owner, unsigned apex_labels);
static int compare_anchors(const void *a, const void *b);
static bool rewrite(struct edit *edit);
static bool inherits_same(const struct inherited *a, const struct inherited *b);
static bool rewrite_block(struct edit *edit, size_t block, struct lines ***next, const char **done);
static bool edit_record(struct edit *edit, struct record *record);
static bool stays(struct lines *lines, const struct record *record);
static void remember_pattern(struct lines *lines, const struct record *record);
static void inherit_directive(struct edit *edit);
static void copy_record(struct edit *edit, const struct record *record, uint32_t ttl);
static const char *copy_head(struct edit *edit, const struct record *record, uint32_t ttl);
static const char *copy_owner(struct edit *edit, const struct record *record);
static bool owner_is(const struct inherited *inherited, const uint8_t *owner);
static void inherit_owner(struct edit *edit, const uint8_t *owner);
static void copy_soa(struct edit *edit, const struct record *record, struct lines *lines);
static void inherit_soa(struct edit *edit, const uint8_t *rdata, uint16_t length);
static void insert_records(struct edit *edit, struct lines *lines);
static void insert_record(struct edit *edit, const struct lines *lines, const uint8_t *rdata, uint16_t length);
static bool pattern_fits(const struct edit *edit, const struct lines *lines);

char *
text_edit(const char *text, const struct zone *from, const struct rrset_edit *edits, size_t count)
{
	struct edit edit = { .text = text, .from = from, .arena = arena_new(), .reader = malloc(sizeof(*edit.reader)) };
	char *result = NULL;

	if (edit.arena != NULL && edit.reader != NULL && edit_init(&edit, edits, count) && find_anchors(&edit)
	    && settle_anchors(&edit) && rewrite(&edit))
		result = text_take(&edit.out);
	text_fini(&edit.out);
	free(edit.blocks);
	free(edit.reader);
	arena_free(edit.arena);
	return result;
}

/* --- what is asked for -------------------------------------------------------------------------------------- */

static bool
edit_init(struct edit *edit, const struct rrset_edit *edits, size_t count)
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
add_lines(struct edit *edit, const struct rrset_edit *wanted)
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
old_node(const struct edit *edit, const uint8_t *owner, uint16_t type)
{
	return type == TYPE_NSEC3 ? zone_nsec3_find(edit->from, owner) : zone_find_name(edit->from, owner);
}

static bool
add_places(struct edit *edit)
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
static struct place *
place_find(const struct edit *edit, const uint8_t *name, size_t length, uint64_t hash)
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
find_anchors(struct edit *edit)
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
add_block(struct edit *edit)
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
visit(struct edit *edit, struct record *record, size_t entry)
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
		lines = find_lines(edit, place, record);
		if (lines != NULL) {
			lines->anchor = entry;
			edit->blocks[entry / BLOCK].touched = true;
		}
	} while (++label + apex_labels < parts.labels);
	return true;
}

/* What the record is one of, or NULL. An RRSIG's RDATA has been read. */
static struct lines *
find_lines(const struct edit *edit, const struct place *place, const struct record *record)
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
settle_anchors(struct edit *edit)
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
kin(const struct edit *edit, const uint8_t *owner, unsigned apex_labels)
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

/* --- second pass -------------------------------------------------------------------------------------------- */

static bool
rewrite(struct edit *edit)
{
	struct lines **next = edit->anchored, **end = next + edit->line_count;
	const char *done = edit->text;
	bool good = true;

	text_reserve(&edit->out, strlen(edit->text) + 1024);
	record_reader_init(edit->reader, edit->text, "", zone_apex(edit->from)->name, NULL);
	edit->reader->heads_only = true;
	edit->now = edit->reader->inherited;
	for (size_t i = 0; good && i < edit->block_count; i++) {
		const struct block *block = &edit->blocks[i];

		if (!block->touched && inherits_same(&edit->now, &block->inherited)) {
			edit->now = i + 1 < edit->block_count ? edit->blocks[i + 1].inherited : edit->end;
			continue;
		}
		text_add(&edit->out, done, (size_t)(block->at - done));
		done = block->at;
		edit->reader->lexer.at = block->at;
		edit->reader->lexer.line = block->line;
		edit->reader->inherited = block->inherited;
		good = rewrite_block(edit, i, &next, &done);
	}
	record_reader_fini(edit->reader);
	if (!good)
		return false;
	text_puts(&edit->out, done);
	while (next < end)
		insert_records(edit, *next++);
	return !edit->out.failed;
}

static bool
inherits_same(const struct inherited *a, const struct inherited *b)
{
	return a->owner_state == b->owner_state && a->has_default_ttl == b->has_default_ttl
	    && a->has_last_ttl == b->has_last_ttl && a->has_soa_ttl == b->has_soa_ttl
	    && a->default_ttl == b->default_ttl && a->last_ttl == b->last_ttl && a->soa_ttl == b->soa_ttl
	    && (a->owner_state != OWNER_KNOWN || owner_is(a, b->owner))
	    && memcmp(a->origin, b->origin, name_length(a->origin, NAME_MAX)) == 0;
}

static bool
rewrite_block(struct edit *edit, size_t block, struct lines ***next, const char **done)
{
	const struct entry *entry = &edit->reader->entry;
	struct lines **end = edit->anchored + edit->line_count;
	struct record record;

	for (size_t i = block * BLOCK; i < (block + 1) * BLOCK; i++) {
		enum record_result result = record_next(edit->reader, &record);

		if (result == RECORD_END)
			break;
		if (result == RECORD_NO_MEMORY)
			return false;
		text_add(&edit->out, *done, (size_t)(entry->start - *done));
		*done = entry->end;
		if (result == RECORD_READ) {
			if (!edit_record(edit, &record))
				return false;
		} else {
			text_add(&edit->out, entry->start, (size_t)(entry->end - entry->start));
			inherit_directive(edit);
		}
		while (*next < end && (**next)->anchor == i)
			insert_records(edit, *(*next)++);
	}
	return true;
}

/* False: out of memory. */
static bool
edit_record(struct edit *edit, struct record *record)
{
	struct name_parts parts;
	const struct place *place;
	struct lines *lines = NULL;

	name_take_apart(&parts, record->owner);
	place = place_find(edit, record->owner, parts.length, parts.hash[0]);
	if (place->count > 0) {
		if (record->rdata == NULL && !record_read_rdata(edit->reader, record))
			return false;
		lines = find_lines(edit, place, record);
	}
	if (record->type == TYPE_SOA && (lines == NULL || lines->count > 0)) {
		copy_soa(edit, record, lines);
		return true;
	}
	if (lines != NULL)
		remember_pattern(lines, record);
	if (lines == NULL)
		copy_record(edit, record, record->ttl);
	else if (stays(lines, record))
		copy_record(edit, record, lines->ttl);
	return true;
}

/* Is it one of those that are wanted, and the first of them? */
static bool
stays(struct lines *lines, const struct record *record)
{
	const uint8_t *wire = lines->wire;

	for (unsigned i = 0; i < lines->count; i++, wire += 2 + wire_get_u16(wire))
		if (!lines->written[i] && wire_get_u16(wire) == record->rdlength
		    && memcmp(wire + 2, record->rdata, record->rdlength) == 0) {
			lines->written[i] = true;
			return true;
		}
	return false;
}

static void
remember_pattern(struct lines *lines, const struct record *record)
{
	const struct token *tokens = record->entry.tokens;
	const char *start = record->entry.start, *rdata;

	lines->pattern.text = NULL;
	if (record->type_at + 1 >= record->entry.count)
		return;
	rdata = tokens[record->type_at + 1].text;
	if (memchr(start, '\n', (size_t)(rdata - start)) != NULL || memchr(start, '(', (size_t)(rdata - start)) != NULL)
		return;
	lines->pattern = (struct pattern){
		.text = start, .length = (size_t)(rdata - start), .owner_given = record->owner_given,
		.ttl_given = record->ttl_token != NULL, .ttl = record->ttl,
	};
}

/* After a directive, or a record that can't be read, the new text inherits what the old one does. */
static void
inherit_directive(struct edit *edit)
{
	const struct inherited *old = &edit->reader->inherited;

	memcpy(edit->now.origin, old->origin, sizeof(edit->now.origin));
	edit->now.has_default_ttl = old->has_default_ttl;
	edit->now.default_ttl = old->default_ttl;
	if (edit->reader->entry.blank_owner || (edit->reader->entry.count > 0
	    && edit->reader->entry.tokens[0].text[0] == '$'))
		return;
	memcpy(edit->now.owner, old->owner, sizeof(edit->now.owner));
	edit->now.owner_state = old->owner_state;
}

static void
copy_record(struct edit *edit, const struct record *record, uint32_t ttl)
{
	const char *rest = copy_head(edit, record, ttl);

	text_add(&edit->out, rest, (size_t)(record->entry.end - rest));
}

/* Owner and TTL, written out where they would no longer be inherited. Returns what is left to copy. */
static const char *
copy_head(struct edit *edit, const struct record *record, uint32_t ttl)
{
	const char *rest = copy_owner(edit, record), *behind_owner = record->entry.tokens[record->head].text;
	uint32_t inherited = 0;

	if (record->ttl_token == NULL && (!record->ttl_known || (inherited_ttl(&edit->now, &inherited)
	    && inherited == ttl)))
		return rest;
	edit->now.has_last_ttl = true;
	edit->now.last_ttl = ttl;
	if (record->ttl_token != NULL && record->ttl == ttl)
		return rest;
	if (record->ttl_token == NULL) {
		text_add(&edit->out, rest, (size_t)(behind_owner - rest));
		text_printf(&edit->out, "%u ", ttl);
		return behind_owner;
	}
	text_add(&edit->out, rest, (size_t)(record->ttl_token->text - rest));
	text_printf(&edit->out, "%u", ttl);
	return record->ttl_token->text + record->ttl_token->length;
}

/* An owner that has to be written takes the place of blanks if there are enough, so that columns stay in line. */
static const char *
copy_owner(struct edit *edit, const struct record *record)
{
	const char *start = record->entry.start;
	char owner[NAME_TEXT_SIZE];
	size_t length;

	if (record->owner_given || owner_is(&edit->now, record->owner)) {
		inherit_owner(edit, record->owner);
		return start;
	}
	inherit_owner(edit, record->owner);
	master_write_name(record->owner, edit->now.origin, owner);
	length = strlen(owner);
	text_add(&edit->out, owner, length);
	return strspn(start, " ") > length ? start + length : start;
}

static bool
owner_is(const struct inherited *inherited, const uint8_t *owner)
{
	size_t length = name_length(owner, NAME_MAX);

	return inherited->owner_state == OWNER_KNOWN && memcmp(inherited->owner, owner, length) == 0;
}

static void
inherit_owner(struct edit *edit, const uint8_t *owner)
{
	memcpy(edit->now.owner, owner, name_length(owner, NAME_MAX));
	edit->now.owner_state = OWNER_KNOWN;
}

/* Word by word, so that its comments stay, and words that mean what they meant. */
static void
copy_soa(struct edit *edit, const struct record *record, struct lines *lines)
{
	const struct token *words = &record->entry.tokens[record->type_at + 1];
	size_t count = record->entry.count - record->type_at - 1;
	struct text old = { 0 }, values = { 0 };
	const char *rest, *value, *before;

	if (lines == NULL || stays(lines, record)) {
		inherit_soa(edit, record->rdata, record->rdlength);
		copy_record(edit, record, lines == NULL ? record->ttl : lines->ttl);
		return;
	}
	inherit_soa(edit, lines->wire + 2, wire_get_u16(lines->wire));
	rest = copy_head(edit, record, lines->ttl);
	rdata_write(TYPE_SOA, record->rdata, record->rdlength, &old);
	rdata_write(TYPE_SOA, lines->wire + 2, wire_get_u16(lines->wire), &values);
	edit->out.failed = edit->out.failed || old.failed || values.failed;
	value = values.failed ? "" : values.bytes;
	before = old.failed ? "" : old.bytes;
	for (size_t i = 0; i < count; i++) {
		/* In the form of RFC 3597 there are other words: then all stand in place of the first one. */
		size_t length = count == SOA_WORDS ? strcspn(value, " ") : strlen(value);

		if (count != SOA_WORDS || length != strcspn(before, " ") || memcmp(value, before, length) != 0) {
			text_add(&edit->out, rest, (size_t)(words[i].text - rest));
			text_add(&edit->out, value, length);
			rest = words[i].text + words[i].length;
		}
		value += length + strspn(value + length, " ");
		before += strcspn(before, " ");
		before += strspn(before, " ");
	}
	text_add(&edit->out, rest, (size_t)(record->entry.end - rest));
	text_fini(&old);
	text_fini(&values);
	lines->written[0] = true;
}

static void
inherit_soa(struct edit *edit, const uint8_t *rdata, uint16_t length)
{
	uint32_t minimum = wire_get_u32(rdata + length - 4);

	edit->now.has_soa_ttl = true;
	edit->now.soa_ttl = minimum > TTL_LARGEST ? 0 : minimum;
}

/* --- new records -------------------------------------------------------------------------------------------- */

static void
insert_records(struct edit *edit, struct lines *lines)
{
	const uint8_t *wire = lines->wire;

	for (unsigned i = 0; i < lines->count; i++, wire += 2 + wire_get_u16(wire))
		if (!lines->written[i])
			insert_record(edit, lines, wire + 2, wire_get_u16(wire));
}

static void
insert_record(struct edit *edit, const struct lines *lines, const uint8_t *rdata, uint16_t length)
{
	bool like_others = pattern_fits(edit, lines);
	bool needs_ttl = !edit->now.has_default_ttl || edit->now.default_ttl != lines->ttl;
	char owner[NAME_TEXT_SIZE], type[16];

	if (edit->out.length > 0 && edit->out.bytes[edit->out.length - 1] != '\n')
		text_puts(&edit->out, edit->eol);
	if (like_others) {
		text_add(&edit->out, lines->pattern.text, lines->pattern.length);
	} else {
		text_printf(&edit->out, "%s\t", master_write_name(lines->owner, edit->now.origin, owner));
		if (needs_ttl)
			text_printf(&edit->out, "%u\t", lines->ttl);
		text_printf(&edit->out, "IN\t%s\t", rrtype_text(lines->type, type));
	}
	if (like_others ? lines->pattern.ttl_given : needs_ttl) {
		edit->now.has_last_ttl = true;
		edit->now.last_ttl = lines->ttl;
	}
	if (lines->type == TYPE_SOA)
		inherit_soa(edit, rdata, length);
	rdata_write(lines->type, rdata, length, &edit->out);
	text_puts(&edit->out, edit->eol);
	inherit_owner(edit, lines->owner);
}

/* A copy of the pattern must mean the same where it's put. */
static bool
pattern_fits(const struct edit *edit, const struct lines *lines)
{
	const struct pattern *pattern = &lines->pattern;
	uint32_t ttl = pattern->ttl;

	if (pattern->text == NULL || !(pattern->owner_given || owner_is(&edit->now, lines->owner)))
		return false;
	return (pattern->ttl_given || inherited_ttl(&edit->now, &ttl)) && ttl == lines->ttl;
}
