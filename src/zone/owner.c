/* owner.c -- see owner.h. */
#include "zone/owner.h"

#include <stdio.h>
#include <string.h>

static bool is_complete(const char *text);

bool
owner_parse(const char *text, const uint8_t *apex, uint8_t owner[static NAME_MAX])
{
	char apex_text[NAME_TEXT_SIZE], whole[2 * NAME_TEXT_SIZE];

	if (strcmp(text, "@") == 0) {
		memcpy(owner, apex, name_length(apex, NAME_MAX));
		return true;
	}
	if (text[0] == '\0' || name_parse(text, owner) == 0)
		return false;
	if (name_is_under(owner, apex))
		return true;
	if (is_complete(text) || strlen(text) >= NAME_TEXT_SIZE)
		return false;
	snprintf(whole, sizeof(whole), "%s.%s", text, apex[0] == 0 ? "" : name_text(apex, apex_text));
	return name_parse(whole, owner) != 0;
}

/* Ends in a dot that no backslash escapes. */
static bool
is_complete(const char *text)
{
	size_t length = strlen(text), slashes = 0;

	if (length == 0 || text[length - 1] != '.')
		return false;
	while (slashes + 1 < length && text[length - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}
