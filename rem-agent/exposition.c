/* exposition.c -- a reader of the Prometheus text format, as strict as is useful.
 * In: the body of a /metrics page, NUL-terminated. Out: its samples, in order, without a copy or an allocation.
 * Pages come from many libraries, some careless; a line that isn't in the format is skipped and counted, and the rest
 * still counts. Of the comments only "# TYPE" is read. A timestamp is checked and ignored: what matters here is when we
 * asked.
 * Reference: prometheus.io, "Exposition formats", text-based format. */
#include "exposition.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A label's value at most this long is compared; no selector can hold a longer one. */
#define LABEL_VALUE_MAX SELECTOR_TEXT_MAX

static bool read_sample(struct exposition *exposition, const char *line, const char *end, struct sample *sample);
static void read_type(struct exposition *exposition, const char *line, const char *end);
static const char *skip_labels(const char *at, const char *end);
static const char *skip_name(const char *at, const char *end, bool colon);
static const char *skip_blanks(const char *at, const char *end);
static bool read_value(const char *at, const char *end, double *value);
static bool is_counter(const struct exposition *exposition, const struct sample *sample);
static bool ends_with(const char *text, size_t length, const char *ending);
static const char *next_label(const char *at, const char *end, const char **name, size_t *name_length, char *value);
static char *selector_label(struct selector *selector, char *at);

void
exposition_begin(struct exposition *exposition, const char *text)
{
	*exposition = (struct exposition){ .at = text };
}

bool
exposition_next(struct exposition *exposition, struct sample *sample)
{
	while (*exposition->at != '\0') {
		const char *line = exposition->at, *end = line + strcspn(line, "\n");

		exposition->at = *end == '\n' ? end + 1 : end;
		if (end > line && end[-1] == '\r')
			end--;
		line = skip_blanks(line, end);
		if (line == end)
			continue;
		if (*line == '#') {
			read_type(exposition, line + 1, end);
			continue;
		}
		if (read_sample(exposition, line, end, sample))
			return true;
		exposition->bad_lines++;
	}
	return false;
}

static bool
read_sample(struct exposition *exposition, const char *line, const char *end, struct sample *sample)
{
	const char *at = skip_name(line, end, true);

	*sample = (struct sample){ .name = line, .name_length = (size_t)(at - line), .labels = at };
	if (sample->name_length == 0)
		return false;
	at = skip_blanks(at, end);
	if (at < end && *at == '{') {
		sample->labels = at + 1;
		at = skip_labels(at + 1, end);
		if (at == NULL)
			return false;
		sample->labels_length = (size_t)(at - 1 - sample->labels);
	} else if (at == sample->name + sample->name_length) {
		return false;		/* neither blank nor brace behind the name */
	}
	sample->counter = is_counter(exposition, sample);
	return read_value(skip_blanks(at, end), end, &sample->value);
}

/* "# TYPE name counter"; every other comment is of no concern. */
static void
read_type(struct exposition *exposition, const char *line, const char *end)
{
	const char *name, *name_end, *type, *type_end;

	line = skip_blanks(line, end);
	if (end - line < 5 || strncmp(line, "TYPE", 4) != 0 || (line[4] != ' ' && line[4] != '\t'))
		return;
	name = skip_blanks(line + 4, end);
	name_end = skip_name(name, end, true);
	type = skip_blanks(name_end, end);
	type_end = skip_name(type, end, false);
	if ((size_t)(name_end - name) >= sizeof(exposition->typed) ||
	    (size_t)(type_end - type) >= sizeof(exposition->type))
		return;
	memcpy(exposition->typed, name, (size_t)(name_end - name));
	exposition->typed[name_end - name] = '\0';
	memcpy(exposition->type, type, (size_t)(type_end - type));
	exposition->type[type_end - type] = '\0';
}

/* Behind the closing brace, or NULL when there is none outside of quotes. */
static const char *
skip_labels(const char *at, const char *end)
{
	bool quoted = false;

	for (; at < end; at++) {
		if (quoted && *at == '\\' && at + 1 < end)
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (*at == '}' && !quoted)
			return at + 1;
	}
	return NULL;
}

static const char *
skip_name(const char *at, const char *end, bool colon)
{
	const char *start = at;

	while (at < end && (isalpha((unsigned char)*at) || *at == '_' || (colon && *at == ':') ||
	    (at > start && isdigit((unsigned char)*at))))
		at++;
	return at;
}

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

/* A number as Go writes it, then perhaps a timestamp in milliseconds. */
static bool
read_value(const char *at, const char *end, double *value)
{
	char *behind;

	if (at == end || isspace((unsigned char)*at))
		return false;
	*value = strtod(at, &behind);
	if (behind == at || behind > end)
		return false;
	at = behind;
	if (at < end && *at != ' ' && *at != '\t')
		return false;
	at = skip_blanks(at, end);
	if (at < end && *at == '-')
		at++;
	while (at < end && isdigit((unsigned char)*at))
		at++;
	return skip_blanks(at, end) == end;
}

/* Of a histogram and a summary all parts are counters but the quantiles, which bear the plain name. */
static bool
is_counter(const struct exposition *exposition, const struct sample *sample)
{
	size_t length = strlen(exposition->typed);
	bool same = length == sample->name_length && memcmp(exposition->typed, sample->name, length) == 0;
	bool part = length > 0 && length < sample->name_length &&
	    memcmp(exposition->typed, sample->name, length) == 0 && sample->name[length] == '_';

	if (same)
		return strcmp(exposition->type, "counter") == 0 ||
		    (strcmp(exposition->type, "untyped") == 0 &&
			ends_with(sample->name, sample->name_length, "_total"));
	if (part && (strcmp(exposition->type, "histogram") == 0 || strcmp(exposition->type, "summary") == 0))
		return ends_with(sample->name, sample->name_length, "_sum") ||
		    ends_with(sample->name, sample->name_length, "_count") ||
		    ends_with(sample->name, sample->name_length, "_bucket");
	return ends_with(sample->name, sample->name_length, "_total");
}

static bool
ends_with(const char *text, size_t length, const char *ending)
{
	size_t ending_length = strlen(ending);

	return length > ending_length && memcmp(text + length - ending_length, ending, ending_length) == 0;
}

/* --- selectors ----------------------------------------------------------------------------------------------- */

bool
selector_parse(struct selector *selector, const char *text)
{
	size_t length = strlen(text);
	char *at, *end;

	if (length >= sizeof(selector->text))
		return false;
	*selector = (struct selector){ 0 };
	memcpy(selector->text, text, length + 1);
	end = selector->text + length;
	selector->name = selector->text;
	at = selector->text + strcspn(selector->text, "={");
	if (*at == '=') {
		*at++ = '\0';
		selector->alias = selector->text;
		selector->name = at;
		at += strcspn(at, "={");
	}
	if (selector->name == at || skip_name(selector->name, at, true) != at ||
	    (selector->alias != NULL && selector->alias[0] == '\0'))
		return false;
	if (*at == '\0')
		return true;
	if (*at != '{' || end[-1] != '}')
		return false;
	*at++ = '\0';
	while (at != NULL && *at != '}')
		at = selector_label(selector, at);
	return at == end - 1;
}

/* LABEL="VALUE" and the comma behind it. Behind that, or NULL. Values lose their escapes in place. */
static char *
selector_label(struct selector *selector, char *at)
{
	char *name = at, *value, *to;

	at += skip_name(at, at + strlen(at), false) - at;
	if (at == name || at[0] != '=' || at[1] != '"' || selector->label_count == SELECTOR_LABELS_MAX)
		return NULL;
	*at = '\0';
	at += 2;
	value = to = at;
	for (; *at != '"'; at++) {
		if (*at == '\0')
			return NULL;
		if (*at == '\\' && at[1] != '\0')
			at++;
		*to++ = *at == 'n' && at[-1] == '\\' ? '\n' : *at;
	}
	at++;
	*to = '\0';
	selector->labels[selector->label_count] = name;
	selector->values[selector->label_count++] = value;
	if (*at == ',')
		return at + 1;
	return *at == '}' ? at : NULL;
}

bool
selector_matches(const struct selector *selector, const struct sample *sample)
{
	const char *at = sample->labels, *end = sample->labels + sample->labels_length, *name;
	char value[LABEL_VALUE_MAX];
	size_t name_length, found = 0;

	if (strlen(selector->name) != sample->name_length ||
	    memcmp(selector->name, sample->name, sample->name_length) != 0)
		return false;
	if (selector->label_count == 0)
		return true;
	while ((at = next_label(at, end, &name, &name_length, value)) != NULL) {
		for (size_t i = 0; i < selector->label_count; i++) {
			if (strlen(selector->labels[i]) != name_length ||
			    memcmp(selector->labels[i], name, name_length) != 0)
				continue;
			if (strcmp(selector->values[i], value) != 0)
				return false;
			found++;
		}
	}
	return found == selector->label_count;
}

/* One LABEL="VALUE" of a sample with the value's escapes undone. Behind it, or NULL at the end or at something else. */
static const char *
next_label(const char *at, const char *end, const char **name, size_t *name_length, char *value)
{
	size_t length = 0;

	while (at < end && (*at == ',' || *at == ' ' || *at == '\t'))
		at++;
	*name = at;
	at = skip_name(at, end, false);
	*name_length = (size_t)(at - *name);
	at = skip_blanks(at, end);
	if (*name_length == 0 || at == end || *at != '=')
		return NULL;
	at = skip_blanks(at + 1, end);
	if (at == end || *at != '"')
		return NULL;
	for (at++; at < end && *at != '"'; at++) {
		char c = *at;

		if (c == '\\' && at + 1 < end)
			c = *++at == 'n' ? '\n' : *at;
		if (length + 1 < LABEL_VALUE_MAX)
			value[length++] = c;
	}
	value[length] = '\0';
	return at == end ? NULL : at + 1;
}
