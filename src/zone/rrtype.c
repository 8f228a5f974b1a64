/* rrtype.c -- record types by name and by number; the names are those of ldns.
 * Threads: any; pure, on ldns' constant tables. */
#include "zone/rrtype.h"

#include <ctype.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "dns/types.h"

#define NAMED_MAX 300	/* no type that people write by name has a higher number (CAA is 257) */
#define NAME_LONGEST 15

static uint16_t parse_number(const char *digits);
static const char *ldns_name(uint16_t type);

uint16_t
rrtype_parse(const char *text)
{
	/* ldns reads "TYPE1x" as 1, and so would take typing errors for types. */
	if (strncasecmp(text, "TYPE", 4) == 0)
		return parse_number(text + 4);
	return *text == '\0' ? 0 : (uint16_t)ldns_get_rr_type_by_name(text);
}

static uint16_t
parse_number(const char *digits)
{
	unsigned value = 0;

	if (*digits == '\0' || strlen(digits) > 5)
		return 0;
	for (; *digits != '\0'; digits++) {
		if (!isdigit((unsigned char)*digits))
			return 0;
		value = value * 10 + (unsigned)(*digits - '0');
	}
	return value <= UINT16_MAX ? (uint16_t)value : 0;
}

const char *
rrtype_text(uint16_t type, char text[static 16])
{
	const char *name = ldns_name(type);

	if (name != NULL)
		snprintf(text, 16, "%s", name);
	else
		snprintf(text, 16, "TYPE%u", type);
	return text;
}

static const char *
ldns_name(uint16_t type)
{
	const ldns_rr_descriptor *descriptor;

	switch (type) {
	case 251: return "IXFR";
	case 252: return "AXFR";
	case 253: return "MAILB";
	case 254: return "MAILA";
	case 255: return "ANY";
	default: break;
	}
	descriptor = ldns_rr_descript(type);
	if (descriptor == NULL || descriptor->_type != type || descriptor->_name == NULL)
		return NULL;
	return strncmp(descriptor->_name, "TYPE", 4) == 0 ? NULL : descriptor->_name;
}

const char *
rrtype_suggest(const char *text)
{
	const char *names[NAMED_MAX];
	char upper[NAME_LONGEST + 1];
	size_t count = 0, length = strlen(text);

	if (length > NAME_LONGEST)
		return NULL;
	for (size_t i = 0; i <= length; i++)
		upper[i] = (char)toupper((unsigned char)text[i]);
	for (uint16_t type = 1; type < NAMED_MAX; type++) {
		const char *name = rrtype_is_data(type) ? ldns_name(type) : NULL;

		if (name != NULL)
			names[count++] = name;
	}
	return text_suggest(upper, names, count);
}

bool
rrtype_is_data(uint16_t type)
{
	return type != 0 && type != TYPE_OPT && !(type >= 128 && type <= 255);
}

bool
rrtype_has_form(uint16_t type)
{
	return type != RRTYPE_NULL && rrtype_is_data(type) && ldns_name(type) != NULL;
}
