/* fields.c -- the members of a report, kind by kind: names, texts, numbers, services, and what comes twice.
 * In: a JSON object and the name of a member.  Out: its value, or an error with its pointer in the reader's list.
 * Threads: any; nothing is shared. */
#include "report/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "report/report.h"

#define TEXT_MAX 512		/* octets of a detail or an address: a line for people, not a document */

static bool text_is_plain(const char *text);
static void pointer_add(char pointer[static 256], const char *member);
static int key_compare(const void *a, const void *b);

const char *
field_name(struct report_reader *reader, const struct json_object *o, const char *member, bool required)
{
	const char *text = json_string(o, member, required, NULL);

	if (text == NULL || (text[0] == '\0' && !required))
		return "";
	if (!field_is_name(text))
		json_error(o, member, NULL, "not a name: 1 to %d letters, digits and _.:/@- make one",
		    REPORT_NAME_MAX);
	return field_keep(reader, text);
}

const char *
field_text(struct report_reader *reader, const struct json_object *o, const char *member)
{
	const char *text = json_string(o, member, false, "");

	if (text == NULL)
		return "";
	if (strlen(text) > TEXT_MAX)
		json_error(o, member, NULL, "longer than %d octets", TEXT_MAX);
	else if (!text_is_plain(text))
		json_error(o, member, NULL, "control characters are not allowed");
	return field_keep(reader, text);
}

/* The member itself, not its name: looking thousands of members up by name in one object costs the square. */
double
field_number(const struct json_object *o, const cJSON *item, double least, double most)
{
	if (cJSON_IsNumber(item) && item->valuedouble >= least && item->valuedouble <= most)
		return item->valuedouble;
	if (cJSON_IsNumber(item))
		json_error(o, item->string, NULL, "%.15g is outside %.15g to %.15g", item->valuedouble, least, most);
	else
		json_error(o, item->string, NULL, "must be a number");
	return 0;
}

/* Lower case and with the final dot, whichever way it was written: the same service compares equal everywhere. */
const char *
field_service(struct report_reader *reader, const struct json_object *o, const char *member, const char *text)
{
	uint8_t wire[NAME_MAX];
	char canonical[NAME_TEXT_SIZE];

	if (text == NULL)
		return "";
	if (text[0] == '\0' || name_parse(text, wire) == 0) {
		json_error(o, member, NULL, "'%s' is not a domain name", text);
		return "";
	}
	return field_keep(reader, name_text(wire, canonical));
}

bool
field_is_name(const char *text)
{
	static const char accepted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@-";
	size_t length = strlen(text);

	return length > 0 && length <= REPORT_NAME_MAX && strspn(text, accepted) == length;
}

/* Such text goes to terminals and logs as it is; they obey C0 and C1 controls. json_parse() saw to its being UTF-8. */
static bool
text_is_plain(const char *text)
{
	for (const unsigned char *s = (const unsigned char *)text; *s != '\0'; s++) {
		if (*s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0))
			return false;
	}
	return true;
}

const char *
field_keep(struct report_reader *reader, const char *text)
{
	const char *copy = arena_text(reader->arena, text);

	if (copy == NULL)
		reader->out_of_memory = true;
	return copy == NULL ? "" : copy;
}

void *
field_room(struct report_reader *reader, size_t count, size_t size)
{
	void *p = arena_alloc(reader->arena, (count == 0 ? 1 : count) * size);

	if (p == NULL)
		reader->out_of_memory = true;
	return p;
}

size_t
field_list_size(const cJSON *value)
{
	return value == NULL ? 0 : (size_t)cJSON_GetArraySize(value);
}

void
field_pointer(char pointer[static 256], const char *member, size_t index)
{
	snprintf(pointer, 256, "/%s/%zu", member, index);
}

/* "/MEMBER" after what is there, with the escapes of RFC 6901; cut when the room is out. */
static void
pointer_add(char pointer[static 256], const char *member)
{
	size_t used = strlen(pointer);

	if (used + 3 < 256)
		pointer[used++] = '/';
	for (; *member != '\0' && used + 3 < 256; member++) {
		if (*member == '~' || *member == '/') {
			pointer[used++] = '~';
			pointer[used++] = *member == '~' ? '0' : '1';
		} else {
			pointer[used++] = *member;
		}
	}
	pointer[used] = '\0';
}

struct diag_place
field_place(const char *pointer)
{
	return (struct diag_place){ .file = REPORT_FILE_NAME, .pointer = pointer };
}

bool
field_refuse_twice(struct field_key *keys, size_t count, const char *what, const char *member, bool by_index,
	struct diags *diags)
{
	bool twice = false;

	for (size_t i = 0; i < count; i++) {
		keys[i].first = keys[i].first == NULL ? "" : keys[i].first;
		keys[i].second = keys[i].second == NULL ? "" : keys[i].second;
	}
	if (count > 1)
		qsort(keys, count, sizeof(*keys), key_compare);
	for (size_t i = 1; i < count; i++) {
		char pointer[256] = "";
		bool same = strcmp(keys[i - 1].first, keys[i].first) == 0 &&
		    strcmp(keys[i - 1].second, keys[i].second) == 0;

		if (!same || keys[i].first[0] == '\0')
			continue;
		if (by_index) {
			field_pointer(pointer, member, keys[i].index);
		} else {
			pointer_add(pointer, member);
			pointer_add(pointer, keys[i].first);
		}
		diag_error(diags, field_place(pointer), NULL, "%s '%s'%s%s%s is given twice", what, keys[i].first,
		    keys[i].second[0] == '\0' ? "" : " of '", keys[i].second, keys[i].second[0] == '\0' ? "" : "'");
		twice = true;
	}
	return twice;
}

static int
key_compare(const void *a, const void *b)
{
	const struct field_key *x = a, *y = b;
	int order = strcmp(x->first, y->first);

	if (order == 0)
		order = strcmp(x->second, y->second);
	return order != 0 ? order : x->index < y->index ? -1 : x->index > y->index;
}

struct field_key *
field_keys(struct report_reader *reader, size_t count)
{
	struct field_key *keys = calloc(count == 0 ? 1 : count, sizeof(*keys));

	if (keys == NULL)
		reader->out_of_memory = true;
	return keys;
}
