/* text_rewrite.c -- the text of a zone with some of its RRsets changed, and not a byte more than that needs.
 * In: a text, and which of its lines are to be what (text_edit.c).  Out: the new text.
 * Threads: any.  Memory: the text.
 *
 * A record that stays keeps its line, its place and its comment. Records inherit owner and TTL from the lines before
 * them, so taking a line out may change another's meaning. What is inherited is therefore kept twice, in the old text
 * (the reader's) and in the new one (`now`), and owner or TTL is written out wherever a record would no longer inherit
 * its own. That one rule covers blank owners, TTLs stated once for all, and records put in between.
 *
 * New RDATA is written in canonical form, never as given: so it can't depend on the $ORIGIN in force, and can't smuggle
 * in a line of its own. */
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "zone/master_write.h"
#include "zone/rdata_write.h"
#include "zone/rrtype.h"
#include "zone/text_edit_parts.h"
#include "zone/ttl.h"

#define SOA_WORDS 7

static bool inherits_same(const struct inherited *a, const struct inherited *b);
static bool rewrite_block(struct text_editing *edit, size_t block, struct lines ***next, const char **done);
static bool edit_record(struct text_editing *edit, struct record *record);
static bool stays(struct lines *lines, const struct record *record);
static void remember_pattern(struct lines *lines, const struct record *record);
static void inherit_directive(struct text_editing *edit);
static void copy_record(struct text_editing *edit, const struct record *record, uint32_t ttl);
static const char *copy_head(struct text_editing *edit, const struct record *record, uint32_t ttl);
static const char *copy_owner(struct text_editing *edit, const struct record *record);
static bool owner_is(const struct inherited *inherited, const uint8_t *owner);
static void inherit_owner(struct text_editing *edit, const uint8_t *owner);
static void copy_soa(struct text_editing *edit, const struct record *record, struct lines *lines);
static void inherit_soa(struct text_editing *edit, const uint8_t *rdata, uint16_t length);
static void insert_records(struct text_editing *edit, struct lines *lines);
static void insert_record(struct text_editing *edit, const struct lines *lines, const uint8_t *rdata, uint16_t length);
static bool pattern_fits(const struct text_editing *edit, const struct lines *lines);

bool
text_rewrite(struct text_editing *edit)
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
rewrite_block(struct text_editing *edit, size_t block, struct lines ***next, const char **done)
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
edit_record(struct text_editing *edit, struct record *record)
{
	struct name_parts parts;
	const struct place *place;
	struct lines *lines = NULL;

	name_take_apart(&parts, record->owner);
	place = place_find(edit, record->owner, parts.length, parts.hash[0]);
	if (place->count > 0) {
		if (record->rdata == NULL && !record_read_rdata(edit->reader, record))
			return false;
		lines = lines_find(edit, place, record);
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
inherit_directive(struct text_editing *edit)
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
copy_record(struct text_editing *edit, const struct record *record, uint32_t ttl)
{
	const char *rest = copy_head(edit, record, ttl);

	text_add(&edit->out, rest, (size_t)(record->entry.end - rest));
}

/* Owner and TTL, written out where they would no longer be inherited. Returns what is left to copy. */
static const char *
copy_head(struct text_editing *edit, const struct record *record, uint32_t ttl)
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
copy_owner(struct text_editing *edit, const struct record *record)
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
inherit_owner(struct text_editing *edit, const uint8_t *owner)
{
	memcpy(edit->now.owner, owner, name_length(owner, NAME_MAX));
	edit->now.owner_state = OWNER_KNOWN;
}

/* Word by word, so that its comments stay, and words that mean what they meant. */
static void
copy_soa(struct text_editing *edit, const struct record *record, struct lines *lines)
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
inherit_soa(struct text_editing *edit, const uint8_t *rdata, uint16_t length)
{
	uint32_t minimum = wire_get_u32(rdata + length - 4);

	edit->now.has_soa_ttl = true;
	edit->now.soa_ttl = minimum > TTL_LARGEST ? 0 : minimum;
}

/* --- new records -------------------------------------------------------------------------------------------- */

static void
insert_records(struct text_editing *edit, struct lines *lines)
{
	const uint8_t *wire = lines->wire;

	for (unsigned i = 0; i < lines->count; i++, wire += 2 + wire_get_u16(wire))
		if (!lines->written[i])
			insert_record(edit, lines, wire + 2, wire_get_u16(wire));
}

static void
insert_record(struct text_editing *edit, const struct lines *lines, const uint8_t *rdata, uint16_t length)
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
pattern_fits(const struct text_editing *edit, const struct lines *lines)
{
	const struct pattern *pattern = &lines->pattern;
	uint32_t ttl = pattern->ttl;

	if (pattern->text == NULL || !(pattern->owner_given || owner_is(&edit->now, lines->owner)))
		return false;
	return (pattern->ttl_given || inherited_ttl(&edit->now, &ttl)) && ttl == lines->ttl;
}
