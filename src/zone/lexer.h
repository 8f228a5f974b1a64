/* lexer.h -- a master file taken apart: entries (one record or directive each), and these into tokens.
 * RFC 1035 section 5.1: blanks, comments, parentheses, quotes, escapes; nothing of names, types or values.
 * Both the reader and the editor stand on it, so they can't disagree about where a record begins and ends.
 * Threads: any, one call at a time per lexer. */
#ifndef ISOBAR_ZONE_LEXER_H
#define ISOBAR_ZONE_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"

/* A word, or a quoted string with its quotes; a view into the text. */
struct token {
	const char *text;
	uint32_t length;
	uint32_t line, column;	/* from 1 */
	bool quoted;
};

struct entry {
	const char *start, *end;	/* whole lines: `end` is behind the newline or at the NUL */
	uint32_t line;
	bool blank_owner;		/* begins with a blank, so its owner is that of the record before */
	const struct token *tokens;	/* valid until the next call; never empty in a LEXER_ENTRY */
	size_t count;
};

struct lexer {
	const char *at;
	const char *file;
	uint32_t line;
	struct token *tokens;
	size_t count, size;
};

enum lexed {
	LEXER_ENTRY,
	LEXER_BROKEN,	/* reported; `entry` has the lines that were skipped and the tokens up to the error */
	LEXER_END,
	LEXER_NO_MEMORY,
};

/* `text` (NUL-terminated; a byte order mark is skipped) and `file` must outlive the lexer. */
void lexer_init(struct lexer *lexer, const char *text, const char *file) NONNULL;
void lexer_fini(struct lexer *lexer) NONNULL;

enum lexed lexer_next(struct lexer *lexer, struct entry *entry, struct diags *diags /* or NULL: quiet */)
	__attribute__((nonnull(1, 2))) MUST_USE;

bool token_is(const struct token *token, const char *word) NONNULL;	/* ignoring ASCII case */

/* Copies at most `size` - 1 bytes and a NUL, e.g. to show it in a message. True when all fitted. */
bool token_copy(const struct token *token, char *to, size_t size) NONNULL;

#endif
