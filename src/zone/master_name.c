/* master_name.c -- one token to one name.
 * ldns isn't asked: it takes an escaped "@" for the origin, and says only that RDATA is wrong, not why. */
#include "zone/master_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool is_complete(const char *text, size_t length);
static const char *reason(const char *text);

size_t
master_name_read(const struct token *token, const uint8_t *origin, uint8_t name[static NAME_MAX], const char **why)
{
	size_t length = master_name_read_as_is(token, origin, name, why);

	name_lower(name, name, length);
	return length;
}

size_t
master_name_read_as_is(const struct token *token, const uint8_t *origin, uint8_t name[static NAME_MAX],
	const char **why)
{
	size_t origin_length = name_length(origin, NAME_MAX), length;
	char text[NAME_TEXT_SIZE];

	if (token->quoted || !token_copy(token, text, sizeof(text))) {
		*why = token->quoted ? "it stands in quotes" : "it is longer than 255 octets";
		return 0;
	}
	if (strcmp(text, "@") == 0) {
		memcpy(name, origin, origin_length);
		return origin_length;
	}
	length = name_parse_as_is(text, name);
	if (length == 0) {
		*why = reason(text);
		return 0;
	}
	if (is_complete(text, token->length))
		return length;
	if (length - 1 + origin_length > NAME_MAX) {
		*why = "with the origin it is longer than 255 octets";
		return 0;
	}
	memcpy(name + length - 1, origin, origin_length);
	return length - 1 + origin_length;
}

/* Ends in a dot that no backslash escapes. */
static bool
is_complete(const char *text, size_t length)
{
	size_t backslashes = 0;

	if (length == 0 || text[length - 1] != '.')
		return false;
	while (backslashes + 1 < length && text[length - 2 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 0;
}

/* Why name_parse() refused it, found by walking over the labels. */
static const char *
reason(const char *text)
{
	size_t label = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '.' && label == 0)
			return p == text ? "it begins with a dot" : "it has two dots in a row";
		if (*p == '.') {
			label = 0;
			continue;
		}
		if (*p == '\\' && isdigit((unsigned char)p[1])) {
			if (!isdigit((unsigned char)p[2]) || !isdigit((unsigned char)p[3])
			    || strncmp(p + 1, "255", 3) > 0)
				return "\\ and digits must be three digits, at most 255";
			p += 3;
		} else if (*p == '\\' && *++p == '\0') {
			return "it ends in a lone backslash";
		}
		if (++label > 63)
			return "a label is longer than 63 octets";
	}
	return "it is longer than 255 octets";
}
