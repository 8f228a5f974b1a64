/* rdata_list.c -- RDATA from the command line or the API.
 * In: texts, one a record. Out: octets. A text comes from no file, so what a file may hold is refused here: a second
 * line could smuggle in a record, and a comment is surely a text string that lacks its quotes. */
#include "zone/rdata_list.h"

#include <stdlib.h>
#include <string.h>

#include "zone/lexer.h"
#include "zone/rdata.h"

static bool read_text(struct rdata_reader *reader, uint16_t type, const uint8_t *origin, const char *text);
static bool lex(struct lexer *lexer, const char *text, struct entry *entry, struct diags *diags);
static bool add(struct rdata_list *list, const struct rdata_reader *reader);
static bool refuse(struct diags *diags, const char *file, const char *why);
static void report(const struct diags *found, size_t number, const char *file, struct diags *diags);

bool
rdata_list_read(struct rdata_list *list, const char *file, uint16_t type, const uint8_t *origin,
    const char *const *texts, size_t count, struct diags *diags)
{
	struct rdata_reader *reader = calloc(1, sizeof(*reader));
	bool good = true;

	list->items = calloc(count > 0 ? count : 1, sizeof(*list->items));
	if (reader == NULL || list->items == NULL) {
		free(reader);
		return refuse(diags, file, "out of memory");
	}
	reader->file = file;
	for (size_t i = 0; i < count; i++) {
		struct diags found = { 0 };

		reader->diags = &found;
		if (!read_text(reader, type, origin, texts[i]))
			good = false;
		else if (!add(list, reader))
			good = refuse(&found, file, "out of memory");
		report(&found, i + 1, file, diags);
		diag_fini(&found);
	}
	rdata_reader_fini(reader);
	free(reader);
	return good;
}

static bool
read_text(struct rdata_reader *reader, uint16_t type, const uint8_t *origin, const char *text)
{
	struct token here = { .text = text, .line = 1, .column = 1 };
	struct lexer lexer;
	struct entry entry;
	bool good;

	lexer_init(&lexer, text, reader->file);
	good = lex(&lexer, text, &entry, reader->diags)
	    && rdata_read(reader, type, &here, entry.tokens, entry.count, origin);
	lexer_fini(&lexer);
	return good;
}

static bool
lex(struct lexer *lexer, const char *text, struct entry *entry, struct diags *diags)
{
	const char *rest = text;

	if (strchr(text, '\n') != NULL)
		return refuse(diags, lexer->file, "the value has more than one line");
	switch (lexer_next(lexer, entry, diags)) {
	case LEXER_BROKEN:
		return false;
	case LEXER_NO_MEMORY:
		return refuse(diags, lexer->file, "out of memory");
	case LEXER_END:
		entry->count = 0;	/* no value: rdata_read() says what is missing */
		break;
	case LEXER_ENTRY:
		rest = entry->tokens[entry->count - 1].text + entry->tokens[entry->count - 1].length;
		break;
	}
	return rest[strspn(rest, " \t\r)")] == '\0'
	    || refuse(diags, lexer->file, "';' begins a comment: put the text in quotes");
}

static bool
add(struct rdata_list *list, const struct rdata_reader *reader)
{
	struct rdata_item *item = &list->items[list->count];

	if (rdata_list_find(list, reader->bytes, reader->length) != NULL)
		return true;
	item->rdata = malloc(reader->length > 0 ? reader->length : 1u);
	if (item->rdata == NULL)
		return false;
	memcpy(item->rdata, reader->bytes, reader->length);
	item->length = reader->length;
	list->count++;
	return true;
}

struct rdata_item *
rdata_list_find(const struct rdata_list *list, const uint8_t *rdata, uint16_t length)
{
	for (size_t i = 0; i < list->count; i++)
		if (!list->items[i].written && list->items[i].length == length
		    && memcmp(list->items[i].rdata, rdata, length) == 0)
			return &list->items[i];
	return NULL;
}

void
rdata_list_fini(struct rdata_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].rdata);
	free(list->items);
	*list = (struct rdata_list){ 0 };
}

static bool
refuse(struct diags *diags, const char *file, const char *why)
{
	diag_error(diags, (struct diag_place){ .file = file }, NULL, "%s", why);
	return false;
}

static void
report(const struct diags *found, size_t number, const char *file, struct diags *diags)
{
	for (size_t i = 0; i < found->count; i++)
		diag_error(diags, (struct diag_place){ .file = file }, found->list[i].suggestion,
		    "record %zu: %s", number,
		    found->list[i].message != NULL ? found->list[i].message : "out of memory");
	if (found->errors > 0 && found->count == 0)
		refuse(diags, file, "out of memory");
}
