/* latency_csv.c -- measured latencies from comma-separated values (RFC 4180 without quotes: no name needs any).
 * In: the text.  Out: lines, or every error with line and column.
 * Threads: any; pure but for the arena.
 * The same clients and region twice are an error at the later line: which of two numbers counts would be chance. */
#include "conf/latency_csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/scalar.h"
#include "report/report.h"
#include "steer/country.h"

#define FIELDS_MAX 3

struct field { const char *text; size_t length; unsigned column; };

struct reading {
	const char *file;
	bool one_region;
	struct arena *arena;
	struct diags *diags;
	unsigned line;
	struct latency_line *lines;
	size_t count, size;
	bool header;			/* it was there */
	bool failed;			/* memory is out */
};

static void read_line(struct reading *r, const char *text, size_t length);
static size_t split(const char *text, size_t length, struct field *fields);
static void read_header(struct reading *r, const char *text, size_t length, const struct field *fields, size_t count);
static void read_row(struct reading *r, const struct field *fields, size_t count);
static const char *take_name(struct reading *r, const struct field *field, const char *what);
static bool take_ms(struct reading *r, const struct field *field, double *ms);
static struct latency_line *room(struct reading *r);
static void refuse_twice(struct reading *r);
static int compare_lines(const void *a, const void *b);
static struct diag_place place(const struct reading *r, unsigned column);

bool
latency_csv_read(const char *text, const char *file, bool one_region, struct arena *arena,
	struct latency_table *table, struct diags *diags)
{
	struct reading r = { .file = file, .one_region = one_region, .arena = arena, .diags = diags };
	size_t errors = diags->errors;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)	/* a byte order mark, as spreadsheets write it */
		text += 3;
	while (*text != '\0' && !r.failed) {
		size_t length = strcspn(text, "\n");

		r.line++;
		read_line(&r, text, length > 0 && text[length - 1] == '\r' ? length - 1 : length);
		text += length + (text[length] == '\n');
	}
	if (!r.header && diags->errors == errors)
		diag_error(diags, (struct diag_place){ .file = file, .line = 1 }, NULL, "the first line must be %s",
		    one_region ? "clients,milliseconds" : "clients,region,milliseconds");
	if (!r.failed)
		refuse_twice(&r);
	if (r.failed)
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "out of memory");
	*table = (struct latency_table){ r.count, arena_copy(arena, r.lines, r.count * sizeof(*r.lines)) };
	free(r.lines);
	return diags->errors == errors && table->lines != NULL;
}

static void
read_line(struct reading *r, const char *text, size_t length)
{
	struct field fields[FIELDS_MAX + 1];
	size_t count;

	if (strspn(text, " \t") >= length || text[0] == '#')
		return;
	count = split(text, length, fields);
	if (!r->header)
		read_header(r, text, length, fields, count);
	else
		read_row(r, fields, count);
}

/* Blanks around a field are no part of it. At most FIELDS_MAX + 1: one too many is as wrong as ten. */
static size_t
split(const char *text, size_t length, struct field *fields)
{
	size_t count = 0, at = 0;

	while (count <= FIELDS_MAX) {
		const char *comma = memchr(text + at, ',', length - at);
		size_t end = comma == NULL ? length : (size_t)(comma - text), first = at, last = end;

		while (first < last && (text[first] == ' ' || text[first] == '\t'))
			first++;
		while (last > first && (text[last - 1] == ' ' || text[last - 1] == '\t'))
			last--;
		fields[count++] = (struct field){ text + first, last - first, (unsigned)first + 1 };
		if (comma == NULL)
			break;
		at = end + 1;
	}
	return count;
}

static void
read_header(struct reading *r, const char *text, size_t length, const struct field *fields, size_t count)
{
	static const char *const wide[] = { "clients", "region", "milliseconds" };
	static const char *const narrow[] = { "clients", "milliseconds" };
	const char *const *names = r->one_region ? narrow : wide;
	size_t expected = r->one_region ? ARRAY_SIZE(narrow) : ARRAY_SIZE(wide);
	bool good = count == expected;

	r->header = true;
	for (size_t i = 0; i < count && good; i++)
		good = fields[i].length == strlen(names[i]) && memcmp(fields[i].text, names[i], fields[i].length) == 0;
	if (!good)
		diag_error(r->diags, place(r, 1), NULL, "the first line must be %s, not '%.*s'",
		    r->one_region ? "clients,milliseconds" : "clients,region,milliseconds",
		    length > 60 ? 60 : (int)length, text);
}

static void
read_row(struct reading *r, const struct field *fields, size_t count)
{
	size_t expected = r->one_region ? 2 : 3;
	struct latency_line *line;

	if (count != expected) {
		diag_error(r->diags, place(r, 1), NULL, "the line has %zu field%s, not %zu", count,
		    count == 1 ? "" : "s", expected);
		return;
	}
	if (r->count == LATENCY_ROWS_MAX) {
		diag_error(r->diags, place(r, 1), NULL, "more than %d rows", LATENCY_ROWS_MAX);
		r->count++;
	}
	if (r->count > LATENCY_ROWS_MAX || (line = room(r)) == NULL)
		return;
	*line = (struct latency_line){ .line = r->line, .clients_column = fields[0].column,
		.region_column = r->one_region ? 0 : fields[1].column, .region = "" };
	line->clients = take_name(r, &fields[0], "a client group, a country or GROUP/COUNTRY");
	if (!r->one_region)
		line->region = take_name(r, &fields[1], "a region");
	/* A line with an error isn't kept, so that nothing else is said of it. */
	if (take_ms(r, &fields[count - 1], &line->ms) && line->clients != NULL && line->region != NULL)
		r->count++;
}

static const char *
take_name(struct reading *r, const struct field *field, const char *what)
{
	static const char accepted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@-";
	char *name;

	for (size_t i = 0; i < field->length; i++) {
		if (memchr(accepted, field->text[i], sizeof(accepted) - 1) != NULL)
			continue;
		diag_error(r->diags, place(r, field->column + (unsigned)i), NULL, "a character that no name has");
		return NULL;
	}
	if (field->length == 0 || field->length > REPORT_NAME_MAX) {
		diag_error(r->diags, place(r, field->column), NULL, "must be the name of %s", what);
		return NULL;
	}
	name = arena_alloc(r->arena, field->length + 1);
	r->failed |= name == NULL;
	if (name != NULL)
		memcpy(name, field->text, field->length);
	return name;
}

static bool
take_ms(struct reading *r, const struct field *field, double *ms)
{
	char text[32], suggestion[SCALAR_SUGGESTION_SIZE];

	if (field->length < sizeof(text)) {
		memcpy(text, field->text, field->length);
		text[field->length] = '\0';
		if (scalar_number(text, ms, suggestion) && *ms >= 0 && *ms <= LATENCY_MS_MOST)
			return true;
	}
	diag_error(r->diags, place(r, field->column), NULL, "'%.*s' is no number of milliseconds from 0 to %.0f",
	    field->length > 40 ? 40 : (int)field->length, field->text, LATENCY_MS_MOST);
	return false;
}

static struct latency_line *
room(struct reading *r)
{
	if (r->count == r->size) {
		size_t size = r->size * 2 + 256;
		struct latency_line *longer = reallocarray(r->lines, size, sizeof(*longer));

		r->failed = longer == NULL;
		if (r->failed)
			/* cppcheck-suppress memleak ; it is NULL then */
			return NULL;
		r->lines = longer;
		r->size = size;
	}
	return &r->lines[r->count];
}

static void
refuse_twice(struct reading *r)
{
	size_t count = r->count > LATENCY_ROWS_MAX ? LATENCY_ROWS_MAX : r->count;
	struct latency_line *sorted = malloc((count + 1) * sizeof(*sorted));

	r->count = count;
	r->failed |= sorted == NULL;
	if (sorted == NULL)
		return;
	if (count > 0)
		memcpy(sorted, r->lines, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_lines);
	for (size_t i = 1; i < count; i++) {
		const struct latency_line *first = &sorted[i - 1], *second = &sorted[i];

		if (strcmp(first->clients, second->clients) == 0 && strcmp(first->region, second->region) == 0)
			diag_error(r->diags, (struct diag_place){ .file = r->file, .line = second->line,
			    .column = second->clients_column }, NULL, "'%s'%s%s%s is in line %u already",
			    second->clients, second->region[0] == '\0' ? "" : " to '", second->region,
			    second->region[0] == '\0' ? "" : "'", first->line);
	}
	free(sorted);
}

static int
compare_lines(const void *a, const void *b)
{
	const struct latency_line *x = a, *y = b;
	int order = strcmp(x->clients, y->clients);

	if (order == 0)
		order = strcmp(x->region, y->region);
	return order != 0 ? order : x->line < y->line ? -1 : x->line > y->line;
}

static struct diag_place
place(const struct reading *r, unsigned column)
{
	return (struct diag_place){ .file = r->file, .line = r->line, .column = column };
}

/* --- against a steering -------------------------------------------------------------------------------------- */

bool
latency_clients_known(const struct steering *steering, const char *clients)
{
	const char *slash = strchr(clients, '/'), *country = slash == NULL ? clients : slash + 1;
	size_t length = slash == NULL ? strlen(clients) : (size_t)(slash - clients);
	bool known_country = strlen(country) == 2 && country[0] >= 'A' && country[0] <= 'Z' &&
	    country[1] >= 'A' && country[1] <= 'Z' && country_find(country) != COUNTRY_UNKNOWN;

	if (slash == NULL && known_country)
		return true;
	for (size_t g = 0; g < steering->group_count; g++) {
		if (strncmp(steering->groups[g].name, clients, length) == 0 && steering->groups[g].name[length] == '\0')
			return slash == NULL || known_country;
	}
	return false;
}

void
latency_check_names(const struct latency_table *table, const struct steering *steering, const char *file,
	struct diags *diags)
{
	const char *regions[REGIONS_MAX], *groups[CLIENT_GROUPS_MAX];

	for (size_t i = 0; i < steering->region_count; i++)
		regions[i] = steering->regions[i].name;
	for (size_t i = 0; i < steering->group_count; i++)
		groups[i] = steering->groups[i].name;
	for (size_t i = 0; i < table->count; i++) {
		const struct latency_line *line = &table->lines[i];
		struct diag_place at = { .file = file, .line = line->line, .column = line->clients_column };

		if (!latency_clients_known(steering, line->clients))
			diag_error(diags, at, text_suggest(line->clients, groups, steering->group_count),
			    "'%s' is no client group, no country (such as DE) and no GROUP/COUNTRY", line->clients);
		at.column = line->region_column;
		if (line->region[0] != '\0' && steering_region_find(steering, line->region) == NO_REGION)
			diag_error(diags, at, text_suggest(line->region, regions, steering->region_count),
			    "there is no region '%s'", line->region);
	}
}
