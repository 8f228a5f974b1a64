/* member.c -- one value of a settings file into the member of a struct.
 * In: the text and its row of the table.  Out: the member, or an error that says what the key takes, and, where that
 * can be guessed, what was meant.
 * Invariant: what is stored lies within the bounds of the table, which keep it within the member (test_settings). */
#include "conf/member.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/scalar.h"

static bool read_text(const struct member *m);
static bool read_quantity(const struct member *m);
static const char *bound_text(const struct setting *s, double bound, char text[static 32]);
static void store_integer(const struct member *m, uint64_t number);
static bool read_bool(const struct member *m);
static bool read_enum(const struct member *m);
static bool read_address(const struct member *m);
static bool read_listen(const struct member *m);
static const char *suggest_listen(const char *text, char suggestion[static SCALAR_SUGGESTION_SIZE]);
static bool read_prefix(const struct member *m);
static bool expected(const struct member *m, const char *what, const char *suggestion);

bool
member_is_item(const struct setting *setting)
{
	return setting->key != NULL && setting->key[0] == '\0';
}

bool
member_read(const struct member *m)
{
	switch (m->setting->type) {
	case SETTING_TEXT:
	case SETTING_WORD:
		return read_text(m);
	case SETTING_BOOL:
		return read_bool(m);
	case SETTING_ENUM:
		return read_enum(m);
	case SETTING_ADDRESS:
		return read_address(m);
	case SETTING_LISTEN:
		return read_listen(m);
	case SETTING_PREFIX:
		return read_prefix(m);
	default:
		return read_quantity(m);
	}
}

static bool
read_text(const struct member *m)
{
	struct schema_why why = { "", "" };
	const void *member = m->setting->type == SETTING_WORD ? (const void *)m->node : (const void *)m->node->text;

	/* Nothing is a value only where it's the default, too. */
	if (m->node->text[0] == '\0' && (m->setting->otherwise == NULL || m->setting->otherwise[0] != '"')) {
		diag_error(m->diags, yaml_place(m->file, m->node), NULL, "%s'%s' is empty",
		    member_is_item(m->setting) ? "an entry of " : "", m->name);
		return false;
	}
	if (m->setting->check != NULL && !m->setting->check(m->node->text, &why)) {
		diag_error(m->diags, yaml_place(m->file, m->node), why.suggestion[0] == '\0' ? NULL : why.suggestion,
		    "%s: '%s' %s", m->name, yaml_shown(m->node->text).text, why.text);
		return false;
	}
	memcpy(m->record + m->setting->offset, &member, sizeof(member));
	return true;
}

static bool
read_quantity(const struct member *m)
{
	const struct setting *s = m->setting;
	char suggestion[SCALAR_SUGGESTION_SIZE];
	const char *text = m->node->text;
	char bounds[MEMBER_BOUNDS_SIZE];
	double number;

	if (s->type == SETTING_INTEGER && !scalar_integer(text, &number, suggestion))
		return expected(m, "a whole number", suggestion);
	if (s->type == SETTING_NUMBER && !scalar_number(text, &number, suggestion))
		return expected(m, "a number", suggestion);
	if (s->type == SETTING_RATE && !scalar_rate(text, &number, suggestion))
		return expected(m, "requests per second such as 800 or 50k", suggestion);
	if (s->type == SETTING_DURATION && !scalar_duration(text, &number, suggestion))
		return expected(m, "a time with its unit, such as 500ms, 5s, 10m, 1h or 7d", suggestion);
	if (s->type == SETTING_SIZE && !scalar_size(text, &number, suggestion))
		return expected(m, "a size such as 4096, 64k or 64M", suggestion);
	if (member_bounds(s, bounds) && (number < s->least || number > s->most)) {
		diag_error(m->diags, yaml_place(m->file, m->node), NULL, "'%s' must be %s, not '%s'", m->name, bounds,
		    yaml_shown(text).text);
		return false;
	}
	if (s->type == SETTING_NUMBER || s->type == SETTING_RATE) {
		memcpy(m->record + s->offset, &number, sizeof(number));
		return true;
	}
	if (s->divisor > 0 && fmod(number, s->divisor) != 0)
		return expected(m, "whole seconds", "");
	store_integer(m, (uint64_t)(s->divisor > 0 ? number / s->divisor : number));
	return true;
}

bool
member_bounds(const struct setting *s, char text[static MEMBER_BOUNDS_SIZE])
{
	char least[32], most[32];

	if (s->type != SETTING_INTEGER && s->type != SETTING_NUMBER && s->type != SETTING_RATE &&
	    s->type != SETTING_DURATION && s->type != SETTING_SIZE)
		return false;
	if (s->least == 0 && s->most == 0)
		return false;
	snprintf(text, MEMBER_BOUNDS_SIZE, "from %s to %s", bound_text(s, s->least, least),
	    bound_text(s, s->most, most));
	return true;
}

/* A bound as a file would write it, in the largest unit that keeps it whole. */
static const char *
bound_text(const struct setting *s, double bound, char text[static 32])
{
	static const struct { enum setting_type type; double factor; const char *unit; } units[] = {
		{ SETTING_DURATION, 86400e3, "d" }, { SETTING_DURATION, 3600e3, "h" }, { SETTING_DURATION, 60e3, "m" },
		{ SETTING_DURATION, 1e3, "s" }, { SETTING_DURATION, 1, "ms" },
		{ SETTING_SIZE, 1073741824, "G" }, { SETTING_SIZE, 1048576, "M" }, { SETTING_SIZE, 1024, "k" },
		{ SETTING_RATE, 1e6, "M" }, { SETTING_RATE, 1e3, "k" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].type == s->type && bound >= units[i].factor && fmod(bound, units[i].factor) == 0) {
			snprintf(text, 32, "%.0f%s", bound / units[i].factor, units[i].unit);
			return text;
		}
	}
	snprintf(text, 32, "%.15g", bound);
	return text;
}

/* The bounds of the table keep `number` within the member. */
static void
store_integer(const struct member *m, uint64_t number)
{
	char *member = m->record + m->setting->offset;

	switch (m->setting->size) {
	case 2:
		memcpy(member, &(uint16_t){ (uint16_t)number }, 2);
		break;
	case 4:
		memcpy(member, &(uint32_t){ (uint32_t)number }, 4);
		break;
	default:
		memcpy(member, &number, 8);
		break;
	}
}

static bool
read_bool(const struct member *m)
{
	char suggestion[SCALAR_SUGGESTION_SIZE];
	bool value;

	if (!scalar_bool(m->node->text, &value, suggestion))
		return expected(m, "true or false", suggestion);
	memcpy(m->record + m->setting->offset, &value, sizeof(value));
	return true;
}

static bool
read_enum(const struct member *m)
{
	struct text all = { 0 };
	const char *suggestion;
	int count = 0;

	for (; m->setting->words[count] != NULL; count++) {
		if (strcmp(m->setting->words[count], m->node->text) == 0) {
			int value = count + (int)m->setting->least;

			memcpy(m->record + m->setting->offset, &value, sizeof(value));
			text_fini(&all);
			return true;
		}
		text_printf(&all, "%s%s", count == 0 ? "one of " : ", ", m->setting->words[count]);
	}
	suggestion = text_suggest(m->node->text, m->setting->words, (size_t)count);
	expected(m, all.failed ? "another word" : all.bytes, suggestion == NULL ? "" : suggestion);
	text_fini(&all);
	return false;
}

static bool
read_address(const struct member *m)
{
	struct address address;

	if (address_parse(m->node->text, &address) != 0)
		return expected(m, "an IP address such as 192.0.2.1 or 2001:db8::1", "");
	memcpy(m->record + m->setting->offset, &address, sizeof(address));
	return true;
}

static bool
read_listen(const struct member *m)
{
	char suggestion[SCALAR_SUGGESTION_SIZE];
	struct address address = { .bits = 0 };
	uint16_t port = 0;
	bool none = m->setting->or_none && strcmp(m->node->text, "none") == 0;

	if (!none && (address_parse_listen(m->node->text, m->setting->port, &address, &port) != 0 ||
	    (port == 0 && m->setting->port == 0)))
		return expected(m, m->setting->or_none ? "ADDRESS@PORT such as 127.0.0.1@8053, or none" :
		    "ADDRESS@PORT such as 127.0.0.1@53 or \"::1@53\"", suggest_listen(m->node->text, suggestion));
	memcpy(m->record + m->setting->offset, &address, sizeof(address));
	memcpy(m->record + m->setting->other, &port, sizeof(port));
	return true;
}

/* "127.0.0.1:53" and "[::1]:53" are what most other software wants. */
static const char *
suggest_listen(const char *text, char suggestion[static SCALAR_SUGGESTION_SIZE])
{
	const char *colon = strrchr(text, ':');
	bool brackets = text[0] == '[' && colon != NULL && colon > text + 1 && colon[-1] == ']';
	struct address address;
	uint16_t port;

	suggestion[0] = '\0';
	if (colon == NULL || strlen(text) >= SCALAR_SUGGESTION_SIZE)
		return suggestion;
	snprintf(suggestion, SCALAR_SUGGESTION_SIZE, "%.*s@%s", (int)(colon - text) - 2 * brackets, text + brackets,
	    colon + 1);
	if (address_parse_listen(suggestion, 0, &address, &port) != 0 || (address.bits == 128 && !brackets))
		suggestion[0] = '\0';
	return suggestion;
}

static bool
read_prefix(const struct member *m)
{
	char suggestion[ADDRESS_TEXT_SIZE] = "";
	struct address address;
	struct prefix prefix;
	int rc = prefix_parse(m->node->text, &prefix);

	if (rc == 0) {
		memcpy(m->record + m->setting->offset, &prefix, sizeof(prefix));
		if (m->setting->other != 0)
			memcpy(m->record + m->setting->other, &m->node, sizeof(m->node));
		return true;
	}
	if (rc == -EDOM) {
		diag_error(m->diags, yaml_place(m->file, m->node), prefix_text(&prefix, suggestion),
		    "%s: '%s' has bits behind its prefix length", m->name, yaml_shown(m->node->text).text);
		return false;
	}
	if (rc == -EINVAL && address_parse(m->node->text, &address) == 0) {
		prefix = (struct prefix){ address, address.bits };
		prefix_text(&prefix, suggestion);
	}
	return expected(m, rc == -ERANGE ? "a prefix length of at most 32 (IPv4) or 128 (IPv6)" :
	    "a network such as 192.0.2.0/24 or 2001:db8::/32", suggestion);
}

/* Reports that the value isn't what the key takes; always false. */
static bool
expected(const struct member *m, const char *what, const char *suggestion)
{
	diag_error(m->diags, yaml_place(m->file, m->node), suggestion[0] == '\0' ? NULL : suggestion,
	    "'%s' takes %s, not '%s'", m->name, what, yaml_shown(m->node->text).text);
	return false;
}
