/* lexer.c -- where the records of a master file begin and end, and of which words they consist.
 * In: a text. Out: entries one by one, views into the text; only the token list is allocated, and used again.
 *
 * After an error the lexer goes on behind it, so that one run finds all errors. In a plain line that is the next line.
 * A parenthesis that is never closed would swallow the rest of the file: then it goes on at the first later line that
 * begins with an owner, since the lines of a record in parentheses are indented by nearly everyone.
 * Parentheses don't nest here (RFC 1035 doesn't speak of it, nobody writes it): a second "(" is the first sign that
 * the one before was left open, and so is a quote that isn't closed in a line behind such an owner. It also bounds the
 * work: only the last open parenthesis of a text is read to its end in vain, so the whole stays linear in the length
 * of the text. */
#include "zone/lexer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The most words that RDATA of 65,535 octets can have: hexadecimal digits, each a word of its own, and the head. */
#define TOKENS_MAX ((size_t)140000)

/* The entry being read. */
struct cursor {
	struct lexer *lexer;
	struct diags *diags;
	const char *at, *line_start;
	uint32_t line;
	bool in_parentheses, ended;
	struct token open;	/* the last "(" */
};

enum step { STEP_ON, STEP_BROKEN, STEP_NO_MEMORY };

static bool read_entry(struct lexer *lexer, struct entry *entry, struct diags *diags, enum lexed *result);
static enum step read_piece(struct cursor *c);
static enum step read_parenthesis(struct cursor *c);
static enum step read_token(struct cursor *c);
static const char *quoted_end(const char *at);
static const char *word_end(const char *at);
static enum step token_add(struct cursor *c, const struct token *token);
static void skip_broken(struct cursor *c);
static const char *resume_after(const char *at);
static void complain(const struct cursor *c, const struct token *at, const char *message);
static struct token token_here(const struct cursor *c, size_t length);
static void newline(struct cursor *c);

void
lexer_init(struct lexer *lexer, const char *text, const char *file)
{
	*lexer = (struct lexer){ .at = text, .file = file, .line = 1 };
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		lexer->at += 3;
}

void
lexer_fini(struct lexer *lexer)
{
	free(lexer->tokens);
	*lexer = (struct lexer){ 0 };
}

enum lexed
lexer_next(struct lexer *lexer, struct entry *entry, struct diags *diags)
{
	enum lexed result;

	while (*lexer->at != '\0')
		if (read_entry(lexer, entry, diags, &result))
			return result;
	return LEXER_END;
}

/* Reads up to the end of a line outside parentheses. False when nothing stood there but blanks and a comment. */
static bool
read_entry(struct lexer *lexer, struct entry *entry, struct diags *diags, enum lexed *result)
{
	struct cursor c = {
		.lexer = lexer, .diags = diags, .at = lexer->at, .line_start = lexer->at, .line = lexer->line,
	};
	enum step step = STEP_ON;

	*entry = (struct entry){ .start = c.at, .line = c.line, .blank_owner = *c.at == ' ' || *c.at == '\t' };
	lexer->count = 0;
	while (step == STEP_ON && !c.ended)
		step = read_piece(&c);
	if (step == STEP_BROKEN)
		skip_broken(&c);
	lexer->at = c.at;
	lexer->line = c.line;
	entry->end = c.at;
	entry->tokens = lexer->tokens;
	entry->count = lexer->count;
	*result = step == STEP_ON ? LEXER_ENTRY : step == STEP_BROKEN ? LEXER_BROKEN : LEXER_NO_MEMORY;
	return step != STEP_ON || lexer->count > 0;
}

static enum step
read_piece(struct cursor *c)
{
	switch (*c->at) {
	case ' ':
	case '\t':
	case '\r':
		c->at++;
		return STEP_ON;
	case ';':
		c->at += strcspn(c->at, "\n");
		return STEP_ON;
	case '\n':
		newline(c);
		c->ended = !c->in_parentheses;
		return STEP_ON;
	case '\0':
		c->ended = true;
		if (!c->in_parentheses)
			return STEP_ON;
		complain(c, &c->open, "'(' is never closed");
		return STEP_BROKEN;
	case '(':
	case ')':
		return read_parenthesis(c);
	default:
		return read_token(c);
	}
}

static enum step
read_parenthesis(struct cursor *c)
{
	struct token here = token_here(c, 1);

	if (*c->at == '(' && c->in_parentheses) {
		complain(c, &c->open, "'(' is not closed before the next one");
		return STEP_BROKEN;
	}
	if (*c->at == ')' && !c->in_parentheses) {
		complain(c, &here, "')' without '(' before it");
		return STEP_BROKEN;
	}
	c->in_parentheses = *c->at == '(';
	if (c->in_parentheses)
		c->open = here;
	c->at++;
	return STEP_ON;
}

static enum step
read_token(struct cursor *c)
{
	bool quoted = *c->at == '"';
	const char *end = quoted ? quoted_end(c->at) : word_end(c->at);
	struct token token = token_here(c, 0);

	if (end == NULL) {
		if (c->in_parentheses && resume_after(c->open.text) < c->at)
			complain(c, &c->open, "'(' is never closed");
		else
			complain(c, &token, "a quoted text is not closed on its line");
		return STEP_BROKEN;
	}
	if ((size_t)(end - c->at) > UINT32_MAX)
		return STEP_NO_MEMORY;
	token.length = (uint32_t)(end - c->at);
	token.quoted = quoted;
	c->at = end;
	return token_add(c, &token);
}

/* Behind the closing quote, or NULL when the line ends first. */
static const char *
quoted_end(const char *at)
{
	for (at++; *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		if (*at == '\0' || *at == '\n')
			return NULL;
	}
	return at + 1;
}

/* A word may hold a quoted part, as in alpn="h2,h3". */
static const char *
word_end(const char *at)
{
	while (*at != '\0' && strchr(" \t\r\n;()", *at) == NULL) {
		if (*at == '"') {
			at = quoted_end(at);
			if (at == NULL)
				return NULL;
			continue;
		}
		if (*at == '\\' && at[1] != '\0' && at[1] != '\n' && at[1] != '\r')
			at++;
		at++;
	}
	return at;
}

static enum step
token_add(struct cursor *c, const struct token *token)
{
	struct lexer *lexer = c->lexer;

	if (lexer->count >= TOKENS_MAX) {
		complain(c, token, "the record has more words than any RDATA can hold");
		return STEP_BROKEN;
	}
	if (lexer->count == lexer->size) {
		size_t size = lexer->size == 0 ? 64 : lexer->size * 2;
		struct token *tokens = realloc(lexer->tokens, size * sizeof(*tokens));

		if (tokens == NULL)
			return STEP_NO_MEMORY;
		lexer->tokens = tokens;
		lexer->size = size;
	}
	lexer->tokens[lexer->count++] = *token;
	return STEP_ON;
}

static void
skip_broken(struct cursor *c)
{
	const char *to = c->at;

	if (c->in_parentheses) {
		c->at = c->open.text;
		c->line = c->open.line;
		to = resume_after(c->open.text);
	}
	do {
		c->at += strcspn(c->at, "\n");
		newline(c);
	} while (c->at < to);
}

/* The first line below that begins with an owner. */
static const char *
resume_after(const char *at)
{
	do {
		at += strcspn(at, "\n");
		if (*at != '\0')
			at++;
	} while (*at != '\0' && strchr(" \t\r\n;)", *at) != NULL);
	return at;
}

static void
complain(const struct cursor *c, const struct token *at, const char *message)
{
	if (c->diags != NULL)
		diag_error(c->diags,
		    (struct diag_place){ .file = c->lexer->file, .line = at->line, .column = at->column },
		    NULL, "%s", message);
}

static struct token
token_here(const struct cursor *c, size_t length)
{
	size_t column = (size_t)(c->at - c->line_start) + 1;

	return (struct token){
		.text = c->at,
		.length = (uint32_t)length,
		.line = c->line,
		.column = column > UINT32_MAX ? UINT32_MAX : (uint32_t)column,
	};
}

/* At a newline or at the NUL that ends the text. */
static void
newline(struct cursor *c)
{
	if (*c->at == '\0')
		return;
	c->at++;
	c->line++;
	c->line_start = c->at;
}

bool
token_is(const struct token *token, const char *word)
{
	return !token->quoted && strlen(word) == token->length && strncasecmp(token->text, word, token->length) == 0;
}

bool
token_copy(const struct token *token, char *to, size_t size)
{
	size_t length = token->length < size ? token->length : size - 1;

	memcpy(to, token->text, length);
	to[length] = '\0';
	return length == token->length;
}
