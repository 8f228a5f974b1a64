/* record.c -- from entries to records.
 * In: the entries of the lexer. Out: owner, type, TTL and RDATA of each, or an error at the word that is wrong.
 * TTL and class may stand in either order, or be missing (RFC 1035 section 5.1); the class is IN.
 *
 * A missing TTL is that of $TTL; without $TTL the one stated last, and without both the SOA's MINIMUM (BIND does the
 * same; RFC 2308 section 4 has no rule for it), with a warning.
 * After a record whose owner can't be read, records that would inherit it are passed over: one error, one message. */
#include "zone/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "dns/types.h"
#include "zone/master_name.h"
#include "zone/rrtype.h"
#include "zone/ttl.h"

#define SHOWN 60	/* octets of a wrong word that a message shows */
#define SHIFTED "'%s' is no record type; the line begins with one: is the blank in front of it missing?"

static enum record_result read_directive(struct record_reader *reader);
static enum record_result read_origin(struct record_reader *reader);
static enum record_result read_default_ttl(struct record_reader *reader);
static bool has_one_value(struct record_reader *reader);
static void inherit_broken_owner(struct record_reader *reader);
static enum record_result read_record(struct record_reader *reader, struct record *record);
static bool read_owner(struct record_reader *reader, struct record *record);
static bool read_head(struct record_reader *reader, struct record *record);
static bool read_class(struct record_reader *reader, const struct token *token, bool *is_class);
static bool looks_like_ttl(const struct token *token);
static bool read_type(struct record_reader *reader, struct record *record);
static bool is_shifted(const struct record *record);
static bool settle_ttl(struct record_reader *reader, struct record *record);
static uint32_t soa_minimum(const struct record *record);
static bool fail(struct record_reader *reader, const struct token *token, const char *suggestion, const char *format,
	...) __attribute__((nonnull(1, 2, 4))) PRINTF(4, 5);
static const char *show(const struct token *token, char shown[static SHOWN + 1]);

void
record_reader_init(struct record_reader *reader, const char *text, const char *file, const uint8_t *origin,
    struct diags *diags)
{
	memset(reader, 0, sizeof(*reader));
	lexer_init(&reader->lexer, text, file);
	reader->diags = diags;
	reader->rdata.file = file;
	reader->rdata.diags = diags;
	name_lower(reader->inherited.origin, origin, name_length(origin, NAME_MAX));
}

void
record_reader_fini(struct record_reader *reader)
{
	lexer_fini(&reader->lexer);
	rdata_reader_fini(&reader->rdata);
}

enum record_result
record_next(struct record_reader *reader, struct record *record)
{
	switch (lexer_next(&reader->lexer, &reader->entry, reader->diags)) {
	case LEXER_END:
		return RECORD_END;
	case LEXER_NO_MEMORY:
		return RECORD_NO_MEMORY;
	case LEXER_BROKEN:
		inherit_broken_owner(reader);
		return RECORD_BROKEN;
	case LEXER_ENTRY:
		break;
	}
	if (!reader->entry.blank_owner && reader->entry.tokens[0].text[0] == '$')
		return read_directive(reader);
	return read_record(reader, record);
}

/* --- directives --------------------------------------------------------------------------------------------- */

static enum record_result
read_directive(struct record_reader *reader)
{
	static const char *const directives[] = { "$ORIGIN", "$TTL" };
	const struct token *word = &reader->entry.tokens[0];
	char shown[SHOWN + 1];

	if (token_is(word, "$ORIGIN"))
		return read_origin(reader);
	if (token_is(word, "$TTL"))
		return read_default_ttl(reader);
	if (token_is(word, "$INCLUDE"))
		fail(reader, word, NULL, "$INCLUDE is not supported: a zone is one file; put the records here");
	else if (token_is(word, "$GENERATE"))
		fail(reader, word, NULL, "$GENERATE is not supported: write the records out");
	else
		fail(reader, word, text_suggest(show(word, shown), directives, ARRAY_SIZE(directives)),
		    "unknown directive '%s'", show(word, shown));
	return RECORD_BROKEN;
}

static enum record_result
read_origin(struct record_reader *reader)
{
	const struct token *value = &reader->entry.tokens[1];
	uint8_t name[NAME_MAX];
	const char *why;
	char shown[SHOWN + 1];
	size_t length;

	if (!has_one_value(reader))
		return RECORD_BROKEN;
	length = master_name_read(value, reader->inherited.origin, name, &why);
	if (length == 0) {
		fail(reader, value, NULL, "$ORIGIN: '%s' is no domain name: %s", show(value, shown), why);
		return RECORD_BROKEN;
	}
	memcpy(reader->inherited.origin, name, length);
	return RECORD_DIRECTIVE;
}

static enum record_result
read_default_ttl(struct record_reader *reader)
{
	const struct token *value = &reader->entry.tokens[1];
	char shown[SHOWN + 1];

	if (!has_one_value(reader))
		return RECORD_BROKEN;
	/* Set even when it's wrong: records that rely on it shall not all complain. */
	reader->inherited.has_default_ttl = true;
	if (ttl_parse(value, &reader->inherited.default_ttl))
		return RECORD_DIRECTIVE;
	fail(reader, value, NULL, "$TTL: '%s' is no TTL from 0 to 2147483647 (units are s m h d w)",
	    show(value, shown));
	return RECORD_BROKEN;
}

static bool
has_one_value(struct record_reader *reader)
{
	const struct entry *entry = &reader->entry;
	char shown[SHOWN + 1];

	if (entry->count < 2)
		return fail(reader, &entry->tokens[0], NULL, "%s needs a value", show(&entry->tokens[0], shown));
	if (entry->count > 2)
		return fail(reader, &entry->tokens[2], NULL, "'%s' is one value too many",
		    show(&entry->tokens[2], shown));
	return true;
}

/* --- records ------------------------------------------------------------------------------------------------ */

/* The owner of a record whose end is broken still counts for the records after it. */
static void
inherit_broken_owner(struct record_reader *reader)
{
	const char *why;

	if (reader->entry.blank_owner)
		return;
	reader->inherited.owner_state = reader->entry.count > 0
	    && master_name_read(&reader->entry.tokens[0], reader->inherited.origin, reader->inherited.owner, &why) > 0
	    ? OWNER_KNOWN : OWNER_BROKEN;
}

static enum record_result
read_record(struct record_reader *reader, struct record *record)
{
	record->entry = reader->entry;
	record->ttl_token = NULL;
	record->rdata = NULL;
	record->rdlength = 0;
	if (!read_owner(reader, record) || !read_head(reader, record) || !read_type(reader, record))
		return RECORD_BROKEN;
	/* An SOA's RDATA is always read, for the TTL that others may inherit from it. */
	if ((!reader->heads_only || record->type == TYPE_SOA) && !record_read_rdata(reader, record))
		return reader->rdata.no_memory ? RECORD_NO_MEMORY : RECORD_BROKEN;
	return settle_ttl(reader, record) ? RECORD_READ : RECORD_BROKEN;
}

static bool
read_owner(struct record_reader *reader, struct record *record)
{
	const struct token *token = &record->entry.tokens[0];
	struct inherited *inherited = &reader->inherited;
	char shown[SHOWN + 1];
	const char *why;
	size_t length;

	record->owner_given = !record->entry.blank_owner;
	record->head = record->owner_given ? 1 : 0;
	if (record->owner_given) {
		length = master_name_read(token, inherited->origin, record->owner, &why);
		inherited->owner_state = length > 0 ? OWNER_KNOWN : OWNER_BROKEN;
		if (length == 0)
			return fail(reader, token, NULL, "the owner '%s' is no domain name: %s", show(token, shown),
			    why);
		memcpy(inherited->owner, record->owner, length);
		return true;
	}
	if (inherited->owner_state == OWNER_NONE) {
		inherited->owner_state = OWNER_BROKEN;
		return fail(reader, token, "@", "the first record has no owner to inherit");
	}
	memcpy(record->owner, inherited->owner, name_length(inherited->owner, NAME_MAX));
	return inherited->owner_state == OWNER_KNOWN;
}

/* TTL and class, in either order, each at most once; type_at is then the word behind them. */
static bool
read_head(struct record_reader *reader, struct record *record)
{
	const struct entry *entry = &record->entry;
	bool has_class = false;
	char shown[SHOWN + 1];

	for (record->type_at = record->head; record->type_at < entry->count; record->type_at++) {
		const struct token *token = &entry->tokens[record->type_at];
		bool is_class = false;

		if (!has_class && !read_class(reader, token, &is_class))
			return false;
		has_class = has_class || is_class;
		if (is_class)
			continue;
		if (record->ttl_token != NULL || !looks_like_ttl(token))
			break;
		if (!ttl_parse(token, &record->ttl))
			return fail(reader, token, NULL, is_shifted(record) ? SHIFTED
			    : "'%s' is no TTL from 0 to 2147483647 (units are s m h d w)", show(token, shown));
		record->ttl_token = token;
	}
	if (record->type_at < entry->count)
		return true;
	return fail(reader, &entry->tokens[entry->count - 1], NULL, "the record ends before its type");
}

/* False: a class, but not IN. */
static bool
read_class(struct record_reader *reader, const struct token *token, bool *is_class)
{
	static const char *const others[] = { "CH", "HS", "CS", "NONE", "CLASS3", "CLASS4", "CLASS254", "CLASS255" };
	char shown[SHOWN + 1];

	*is_class = token_is(token, "IN") || token_is(token, "CLASS1");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (token_is(token, others[i]))
			return fail(reader, token, "IN", "the class '%s' is not served, only IN", show(token, shown));
	return true;
}

/* Begins like a number; no type does. */
static bool
looks_like_ttl(const struct token *token)
{
	return token->text[0] >= '0' && token->text[0] <= '9';
}

static bool
read_type(struct record_reader *reader, struct record *record)
{
	const struct token *token = &record->entry.tokens[record->type_at];
	char shown[SHOWN + 1];

	record->type = rrtype_parse(show(token, shown));
	if (record->type == 0)
		return is_shifted(record) ? fail(reader, token, NULL, SHIFTED, shown)
		    : fail(reader, token, rrtype_suggest(shown), "unknown record type '%s'", shown);
	if (!rrtype_is_data(record->type))
		return fail(reader, token, NULL, "%s is no type of records, only of messages", shown);
	return true;
}

/* "A 192.0.2.1" at the beginning of a line: the type was taken for the owner, and no other type follows. */
static bool
is_shifted(const struct record *record)
{
	const struct entry *entry = &record->entry;
	char shown[SHOWN + 1];

	for (size_t i = record->type_at; i < entry->count && i < record->type_at + 3; i++)
		if (rrtype_parse(show(&entry->tokens[i], shown)) != 0 || rrtype_suggest(shown) != NULL)
			return false;
	return record->owner_given && rrtype_parse(show(&entry->tokens[0], shown)) != 0;
}

bool
record_read_rdata(struct record_reader *reader, struct record *record)
{
	const struct entry *entry = &record->entry;

	if (!rdata_read(&reader->rdata, record->type, &entry->tokens[record->type_at],
	    &entry->tokens[record->type_at + 1], entry->count - record->type_at - 1, reader->inherited.origin))
		return false;
	record->rdata = reader->rdata.bytes;
	record->rdlength = reader->rdata.length;
	return true;
}

static bool
settle_ttl(struct record_reader *reader, struct record *record)
{
	struct inherited *inherited = &reader->inherited;
	const struct token *type = &record->entry.tokens[record->type_at];

	if (record->type == TYPE_SOA && record->rdata != NULL) {
		inherited->soa_ttl = soa_minimum(record);
		inherited->has_soa_ttl = true;
	}
	record->ttl_known = true;
	if (record->ttl_token != NULL) {
		inherited->last_ttl = record->ttl;
		inherited->has_last_ttl = true;
		return true;
	}
	if (!inherited_ttl(inherited, &record->ttl)) {
		record->ttl = 0;
		record->ttl_known = false;
		return reader->heads_only || fail(reader, type, "$TTL 3600",
		    "the record has no TTL, and no $TTL stands before it");
	}
	if (!inherited->has_default_ttl && !inherited->has_last_ttl && !reader->soa_ttl_told && reader->diags != NULL) {
		reader->soa_ttl_told = true;
		diag_warning(reader->diags, record_place(reader, type), NULL,
		    "neither $TTL nor a TTL: the SOA's MINIMUM of %u s is taken", record->ttl);
	}
	return true;
}

bool
inherited_ttl(const struct inherited *inherited, uint32_t *ttl)
{
	if (inherited->has_default_ttl)
		*ttl = inherited->default_ttl;
	else if (inherited->has_last_ttl)
		*ttl = inherited->last_ttl;
	else if (inherited->has_soa_ttl)
		*ttl = inherited->soa_ttl;
	else
		return false;
	return true;
}

/* The last four octets; RDATA written as RFC 3597 has it may be larger than a TTL can be. */
static uint32_t
soa_minimum(const struct record *record)
{
	const uint8_t *p = record->rdata + record->rdlength - 4;
	uint32_t minimum = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];

	return minimum > TTL_LARGEST ? 0 : minimum;
}

/* --- errors ------------------------------------------------------------------------------------------------- */

static bool
fail(struct record_reader *reader, const struct token *token, const char *suggestion, const char *format, ...)
{
	va_list args;
	char message[400];

	if (reader->diags == NULL)
		return false;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	diag_error(reader->diags, record_place(reader, token), suggestion, "%s", message);
	return false;
}

struct diag_place
record_place(const struct record_reader *reader, const struct token *token)
{
	return (struct diag_place){
		.file = reader->lexer.file, .line = token->line, .column = token->column,
	};
}

/* The word as a message shows it, cut where it is too long. */
static const char *
show(const struct token *token, char shown[static SHOWN + 1])
{
	token_copy(token, shown, SHOWN + 1);
	return shown;
}
