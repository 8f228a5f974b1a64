/* master_edit.c -- one RRset is changed in the text of a zone, and not a byte more than that needs.
 * In: a text, and the RRset as it shall be. Out: the new text, proved to be a zone.
 *
 * Two passes over the text. The first finds where new records belong: behind the last record of the RRset, else behind
 * the last one of the owner, else behind the last one whose owner shares most labels (so that region records of one
 * service stay together), else at the end. The second copies the text and changes what must be changed. A record that
 * stays keeps its line, its place and its comment.
 *
 * Records inherit owner and TTL from the lines before them, so taking a line out may change another's meaning. The
 * second pass therefore keeps what is inherited twice, in the old text (the reader's) and in the new one (`now`), and
 * writes owner or TTL out wherever a record would no longer inherit its own. That one rule covers blank owners, TTLs
 * stated once for all, and records put in between.
 *
 * New RDATA is written in canonical form, never as given: so it can't depend on the $ORIGIN in force, and can't smuggle
 * in a line of its own. */
#include "zone/master_edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/types.h"
#include "zone/master_read.h"
#include "zone/master_write.h"
#include "zone/rdata_list.h"
#include "zone/rdata_write.h"
#include "zone/record.h"
#include "zone/rrtype.h"
#include "zone/ttl.h"

#define NOWHERE SIZE_MAX
#define SOA_WORDS 7
#define SOA_SERIAL 2	/* index among these */
#define SOA_LARGEST (2 * NAME_MAX + 20)

enum { RANK_OWNER = NAME_LABELS_MAX + 1, RANK_RRSET };

/* The text before the RDATA of a record of this RRset, for new ones to look the same. */
struct pattern {
	const char *text;	/* NULL: none */
	size_t length;
	bool owner_given, ttl_given;
	uint32_t ttl;
};

struct edit {
	const char *text, *file;
	uint8_t apex[NAME_MAX], owner[NAME_MAX];
	size_t owner_length;
	uint16_t type;			/* 0: all */
	uint32_t ttl;
	struct rdata_list wanted;
	struct diags *diags;
	const char *eol;
	/* First pass. */
	size_t anchor;			/* new records follow this entry, or NOWHERE: the end */
	size_t found;			/* old records of the RRset */
	bool owner_exists;
	/* Second pass. */
	struct record_reader *reader;
	struct inherited now;
	struct pattern pattern;
	struct text out;
};

static char *edit_run(struct edit *edit);
static bool edit_init(struct edit *edit, const uint8_t *origin, const char *owner, const char *type);
static void edit_fini(struct edit *edit);
static bool find_anchor(struct edit *edit);
static unsigned rank(const struct edit *edit, const struct record *record);
static bool matches(const struct edit *edit, const struct record *record);
static bool rewrite(struct edit *edit);
static bool edit_record(struct edit *edit, struct record *record);
static void remember_pattern(struct edit *edit, const struct record *record);
static void inherit_directive(struct edit *edit);
static void copy_record(struct edit *edit, const struct record *record, uint32_t ttl);
static const char *copy_head(struct edit *edit, const struct record *record, uint32_t ttl);
static const char *copy_owner(struct edit *edit, const struct record *record);
static bool owner_is(const struct inherited *inherited, const uint8_t *owner);
static void inherit_owner(struct edit *edit, const uint8_t *owner);
static bool copy_soa(struct edit *edit, const struct record *record);
static void raise_serial(uint8_t *rdata, const uint8_t *old);
static size_t soa_serial_at(const uint8_t *rdata);
static uint32_t read_u32(const uint8_t *p);
static void insert_records(struct edit *edit);
static void insert_record(struct edit *edit, const struct rdata_item *item);
static bool pattern_fits(const struct edit *edit);
static char *prove(struct edit *edit);
static bool refuse(struct edit *edit, const char *suggestion, const char *format, ...)
	__attribute__((nonnull(1, 3))) PRINTF(3, 4);

char *
master_set(const char *text, const char *file, const uint8_t *origin, const char *owner, const char *type, uint32_t ttl,
    const char *const *rdata, size_t count, struct diags *diags)
{
	struct edit edit = { .text = text, .file = file, .ttl = ttl, .diags = diags };
	char *result = NULL;
	bool good = edit_init(&edit, origin, owner, type);

	if (ttl > TTL_LARGEST)
		good = refuse(&edit, NULL, "the TTL %u is above %u", ttl, TTL_LARGEST);
	if (edit.type != 0)
		good = rdata_list_read(&edit.wanted, file, edit.type, edit.apex, rdata, count, diags) && good;
	if (good)
		result = edit_run(&edit);
	edit_fini(&edit);
	return result;
}

char *
master_delete(const char *text, const char *file, const uint8_t *origin, const char *owner, const char *type,
    struct diags *diags)
{
	struct edit edit = { .text = text, .file = file, .diags = diags };
	char *result = NULL;

	if (edit_init(&edit, origin, owner, type))
		result = edit_run(&edit);
	edit_fini(&edit);
	return result;
}

static char *
edit_run(struct edit *edit)
{
	return find_anchor(edit) && rewrite(edit) ? prove(edit) : NULL;
}

/* --- what is asked for -------------------------------------------------------------------------------------- */

static bool
edit_init(struct edit *edit, const uint8_t *origin, const char *owner, const char *type)
{
	const char *newline = strchr(edit->text, '\n');
	bool good = true;

	edit->eol = newline != NULL && newline > edit->text && newline[-1] == '\r' ? "\r\n" : "\n";
	name_lower(edit->apex, origin, name_length(origin, NAME_MAX));
	edit->owner_length = name_parse(owner, edit->owner);
	if (edit->owner_length == 0)
		good = refuse(edit, NULL, "the owner '%s' is no domain name", owner);
	else if (!name_is_under(edit->owner, edit->apex))
		good = refuse(edit, NULL, "the owner '%s' is outside the zone", owner);
	if (type != NULL && rrtype_is_data(rrtype_parse(type)))
		edit->type = rrtype_parse(type);
	else if (type != NULL)
		good = rrtype_parse(type) == 0 ? refuse(edit, rrtype_suggest(type), "unknown record type '%s'", type)
		    : refuse(edit, NULL, "%s is no type of records, only of messages", type);
	edit->reader = malloc(sizeof(*edit->reader));
	return edit->reader != NULL ? good : refuse(edit, NULL, "out of memory");
}

static void
edit_fini(struct edit *edit)
{
	rdata_list_fini(&edit->wanted);
	free(edit->reader);
	text_fini(&edit->out);
}

/* --- first pass --------------------------------------------------------------------------------------------- */

static bool
find_anchor(struct edit *edit)
{
	struct record record;
	enum record_result result;
	unsigned best = name_labels(edit->apex), type_rank;
	char owner[NAME_TEXT_SIZE], type[16];

	edit->anchor = NOWHERE;
	record_reader_init(edit->reader, edit->text, edit->file, edit->apex, NULL);
	edit->reader->heads_only = true;
	for (size_t i = 0; (result = record_next(edit->reader, &record)) != RECORD_END; i++) {
		if (result == RECORD_NO_MEMORY)
			break;
		type_rank = result == RECORD_READ ? rank(edit, &record) : 0;
		edit->found += type_rank == RANK_RRSET;
		edit->owner_exists = edit->owner_exists || type_rank >= RANK_OWNER;
		/* Sharing only the apex is no kinship. */
		if (type_rank > best || (type_rank == best && edit->anchor != NOWHERE)) {
			best = type_rank;
			edit->anchor = i;
		}
	}
	record_reader_fini(edit->reader);
	if (result == RECORD_NO_MEMORY)
		return refuse(edit, NULL, "out of memory");
	if (edit->found > 0 || edit->wanted.count > 0)
		return true;
	name_text(edit->owner, owner);
	return edit->owner_exists
	    ? refuse(edit, NULL, "'%s' has no %s record", owner, rrtype_text(edit->type, type))
	    : refuse(edit, NULL, "no records at '%s'", owner);
}

/* How near a record is to the one that is edited: the labels that their owners share, or more. */
static unsigned
rank(const struct edit *edit, const struct record *record)
{
	const uint8_t *name = edit->owner;
	unsigned labels = name_labels(name);

	if (matches(edit, record))
		return RANK_RRSET;
	if (name_length(record->owner, NAME_MAX) == edit->owner_length
	    && memcmp(record->owner, edit->owner, edit->owner_length) == 0)
		return RANK_OWNER;
	for (; !name_is_under(record->owner, name); labels--)
		name += *name + 1;
	return labels;
}

static bool
matches(const struct edit *edit, const struct record *record)
{
	return (edit->type == 0 || edit->type == record->type)
	    && name_length(record->owner, NAME_MAX) == edit->owner_length
	    && memcmp(record->owner, edit->owner, edit->owner_length) == 0;
}

/* --- second pass -------------------------------------------------------------------------------------------- */

static bool
rewrite(struct edit *edit)
{
	const char *done = edit->text;
	const struct entry *entry = &edit->reader->entry;
	struct record record;
	enum record_result result;
	bool good = true;

	record_reader_init(edit->reader, edit->text, edit->file, edit->apex, NULL);
	edit->reader->heads_only = true;
	edit->now = edit->reader->inherited;
	for (size_t i = 0; good && (result = record_next(edit->reader, &record)) != RECORD_END; i++) {
		if (result == RECORD_NO_MEMORY) {
			good = refuse(edit, NULL, "out of memory");
			break;
		}
		text_add(&edit->out, done, (size_t)(entry->start - done));
		done = entry->end;
		if (result == RECORD_READ) {
			good = edit_record(edit, &record);
		} else {
			text_add(&edit->out, entry->start, (size_t)(entry->end - entry->start));
			inherit_directive(edit);
		}
		if (i == edit->anchor)
			insert_records(edit);
	}
	if (good)
		text_puts(&edit->out, done);
	if (good && edit->anchor == NOWHERE)
		insert_records(edit);
	record_reader_fini(edit->reader);
	return good;
}

static bool
edit_record(struct edit *edit, struct record *record)
{
	struct rdata_item *item = NULL;

	if (record->type == TYPE_SOA && (edit->type == TYPE_SOA || !matches(edit, record)))
		return copy_soa(edit, record);
	if (!matches(edit, record)) {
		copy_record(edit, record, record->ttl);
		return true;
	}
	remember_pattern(edit, record);
	if (record_read_rdata(edit->reader, record))
		item = rdata_list_find(&edit->wanted, record->rdata, record->rdlength);
	else if (edit->reader->rdata.no_memory)
		return refuse(edit, NULL, "out of memory");
	if (item != NULL) {
		item->written = true;
		copy_record(edit, record, edit->ttl);
	}
	return true;
}

static void
remember_pattern(struct edit *edit, const struct record *record)
{
	const struct token *tokens = record->entry.tokens;
	const char *start = record->entry.start, *rdata;

	edit->pattern.text = NULL;
	if (record->type_at + 1 >= record->entry.count)
		return;
	rdata = tokens[record->type_at + 1].text;
	if (strcspn(start, "\n") < (size_t)(rdata - start) || memchr(start, '(', (size_t)(rdata - start)) != NULL)
		return;
	edit->pattern = (struct pattern){
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

/* The serial is raised; an SOA that is set is written anew, word by word, so that its comments stay. */
static bool
copy_soa(struct edit *edit, const struct record *record)
{
	const struct token *words = &record->entry.tokens[record->type_at + 1];
	struct rdata_item *wanted = edit->wanted.items;
	bool is_set = matches(edit, record);
	struct text values = { 0 };
	uint8_t rdata[SOA_LARGEST];
	const char *rest, *value;

	if (is_set && edit->wanted.count == 0)
		return true;
	if (record->entry.count - record->type_at - 1 != SOA_WORDS)
		return refuse(edit, NULL,
		    "the SOA is written in the form of RFC 3597; its serial can't be raised in it");
	memcpy(rdata, record->rdata, record->rdlength);
	raise_serial(rdata, rdata);
	if (is_set) {
		raise_serial(wanted->rdata, record->rdata);
		memcpy(rdata, wanted->rdata, wanted->length);
		wanted->written = true;
	}
	edit->now.has_soa_ttl = true;
	edit->now.soa_ttl = read_u32(rdata + soa_serial_at(rdata) + 16);
	rest = copy_head(edit, record, is_set ? edit->ttl : record->ttl);
	rdata_write(TYPE_SOA, rdata, (uint16_t)(soa_serial_at(rdata) + 20), &values);
	value = values.failed ? "" : values.bytes;
	for (unsigned i = 0; i < SOA_WORDS; i++, value += strspn(value, " ")) {
		size_t length = strcspn(value, " ");

		if (is_set || i == SOA_SERIAL) {
			text_add(&edit->out, rest, (size_t)(words[i].text - rest));
			text_add(&edit->out, value, length);
			rest = words[i].text + words[i].length;
		}
		value += length;
	}
	text_add(&edit->out, rest, (size_t)(record->entry.end - rest));
	edit->out.failed = edit->out.failed || values.failed;
	text_fini(&values);
	return true;
}

/* The serial in `rdata` becomes one more than that in `old`, unless it's newer already (RFC 1982 section 3.2). */
static void
raise_serial(uint8_t *rdata, const uint8_t *old)
{
	uint8_t *serial = rdata + soa_serial_at(rdata);
	uint32_t before = read_u32(old + soa_serial_at(old));
	uint32_t ahead = read_u32(serial) - before;
	uint32_t raised = before + 1;

	if (ahead != 0 && ahead < UINT32_C(1) << 31)
		return;
	serial[0] = (uint8_t)(raised >> 24);
	serial[1] = (uint8_t)(raised >> 16);
	serial[2] = (uint8_t)(raised >> 8);
	serial[3] = (uint8_t)raised;
}

/* Where the serial stands in the RDATA of an SOA: behind two names. */
static size_t
soa_serial_at(const uint8_t *rdata)
{
	size_t at = name_length(rdata, NAME_MAX);

	return at + name_length(rdata + at, NAME_MAX);
}

static uint32_t
read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* --- new records -------------------------------------------------------------------------------------------- */

static void
insert_records(struct edit *edit)
{
	for (size_t i = 0; i < edit->wanted.count; i++) {
		struct rdata_item *item = &edit->wanted.items[i];

		if (!item->written)
			insert_record(edit, item);
		item->written = true;
	}
}

static void
insert_record(struct edit *edit, const struct rdata_item *item)
{
	bool like_others = pattern_fits(edit);
	bool needs_ttl = !edit->now.has_default_ttl || edit->now.default_ttl != edit->ttl;
	char owner[NAME_TEXT_SIZE], type[16];

	if (edit->out.length > 0 && edit->out.bytes[edit->out.length - 1] != '\n')
		text_puts(&edit->out, edit->eol);
	if (like_others) {
		text_add(&edit->out, edit->pattern.text, edit->pattern.length);
	} else {
		text_printf(&edit->out, "%s\t", master_write_name(edit->owner, edit->now.origin, owner));
		if (needs_ttl)
			text_printf(&edit->out, "%u\t", edit->ttl);
		text_printf(&edit->out, "IN\t%s\t", rrtype_text(edit->type, type));
	}
	if (like_others ? edit->pattern.ttl_given : needs_ttl) {
		edit->now.has_last_ttl = true;
		edit->now.last_ttl = edit->ttl;
	}
	rdata_write(edit->type, item->rdata, item->length, &edit->out);
	text_puts(&edit->out, edit->eol);
	inherit_owner(edit, edit->owner);
}

/* A copy of the pattern must mean the same where it's put. */
static bool
pattern_fits(const struct edit *edit)
{
	const struct pattern *pattern = &edit->pattern;
	uint32_t ttl = pattern->ttl;

	if (pattern->text == NULL || !(pattern->owner_given || owner_is(&edit->now, edit->owner)))
		return false;
	return (pattern->ttl_given || inherited_ttl(&edit->now, &ttl)) && ttl == edit->ttl;
}

static char *
prove(struct edit *edit)
{
	char *result = text_take(&edit->out);
	struct zone *zone;

	if (result == NULL) {
		refuse(edit, NULL, "out of memory");
		return NULL;
	}
	zone = master_read(result, edit->file, edit->apex, edit->diags);
	if (zone == NULL) {
		free(result);
		return NULL;
	}
	zone_release(zone);
	return result;
}

static bool
refuse(struct edit *edit, const char *suggestion, const char *format, ...)
{
	va_list args;
	char *message = NULL;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	diag_error(edit->diags, (struct diag_place){ .file = edit->file }, suggestion, "%s",
	    message != NULL ? message : "out of memory");
	free(message);
	return false;
}
