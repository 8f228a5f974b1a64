/* json.c -- reading JSON strictly, with every error in one go.
 * cJSON builds the tree; what it lets pass is refused around it. In order:
 *  1. scan(): one pass over the bytes for what cJSON can't be trusted with: depth (it recurses), UTF-8 (RFC 3629), NUL
 *     and other control characters, \u0000 (its strings end there), and numbers such as 01 or 1. that strtod() takes.
 *  2. cJSON_ParseWithLengthOpts(): syntax. Where it stopped is the place of the error, at times a byte late.
 *  3. check_members(): no name twice in an object (a reader would see the first or the last, depending on the reader),
 *     and no number past the range of a double. These are found by pointer, not by line: cJSON keeps no places.
 * Members are compared by sorting and not pair by pair, since a body of 1 MiB holds 10^5 of them.
 * Threads: any; cJSON's global error pointer is never read. */
#include "base/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_INTEGER 9007199254740992.0	/* 2^53: past it a double skips whole numbers */

struct scan {
	const unsigned char *at, *end;
	const char *fault;	/* what is wrong at `at`, or NULL */
	unsigned depth;		/* brackets open */
};

static void scan(struct scan *s);
static void scan_string(struct scan *s);
static void scan_escape(struct scan *s);
static void scan_utf8(struct scan *s);
static void scan_number(struct scan *s);
static size_t skip_digits(struct scan *s);
static struct diag_place place_of(const char *bytes, const void *at, const char *file);
static void check_members(const cJSON *value, const char *file, const char *pointer, struct diags *diags);
static void check_names(const cJSON *value, const char *file, const char *pointer, struct diags *diags);
static int compare_names(const void *a, const void *b);
static void pointer_add(char pointer[static 256], const char *parent, const char *name);
static const cJSON *find(const struct json_object *o, const char *name, bool required);
static bool token_read(const char *pointer, size_t length, char token[static 256]);
static bool token_is_index(const char *token);
static void wrong_type(const struct json_object *o, const char *name, const char *expected, const cJSON *found);
static const char *type_name(const cJSON *value);

cJSON *
json_parse(const char *bytes, size_t length, const char *file, struct diags *diags)
{
	struct scan s = { .at = (const unsigned char *)bytes, .end = (const unsigned char *)bytes + length };
	size_t errors = diags->errors;
	const char *stopped = bytes;
	cJSON *value;

	scan(&s);
	if (s.fault != NULL) {
		diag_error(diags, place_of(bytes, s.at, file), NULL, "%s", s.fault);
		return NULL;
	}
	value = cJSON_ParseWithLengthOpts(bytes, length, &stopped, 0);
	if (value == NULL) {
		if (stopped + 1 >= bytes + length && (s.depth > 0 || length == 0))
			diag_error(diags, place_of(bytes, bytes + length, file), NULL, "JSON ends too early");
		else
			diag_error(diags, place_of(bytes, stopped, file), NULL, "not JSON from here on");
		return NULL;
	}
	while (stopped < bytes + length && strchr(" \t\r\n", *stopped) != NULL)
		stopped++;
	if (stopped < bytes + length)
		diag_error(diags, place_of(bytes, stopped, file), NULL, "more follows after the end of the JSON value");
	check_members(value, file, "", diags);
	if (diags->errors > errors) {
		cJSON_Delete(value);
		return NULL;
	}
	return value;
}

/* Goes through tokens without minding their order, which is cJSON's part. */
static void
scan(struct scan *s)
{
	while (s->at < s->end && s->fault == NULL) {
		unsigned char c = *s->at;

		if (c == '"') {
			scan_string(s);
		} else if (c == '-' || (c >= '0' && c <= '9')) {
			scan_number(s);
		} else if (c == '[' || c == '{') {
			if (++s->depth > JSON_DEPTH_MAX)
				s->fault = "nested too deep (32 levels at most)";
			else
				s->at++;
		} else if (c == '\0') {
			s->fault = "a NUL byte";
		} else if (c >= 0x80) {
			scan_utf8(s);
		} else {
			if ((c == ']' || c == '}') && s->depth > 0)
				s->depth--;
			s->at++;
		}
	}
}

static void
scan_string(struct scan *s)
{
	const unsigned char *start = s->at++;

	while (s->at < s->end && s->fault == NULL && *s->at != '"') {
		if (*s->at == '\\')
			scan_escape(s);
		else if (*s->at < ' ')
			s->fault = *s->at == '\0' ? "a NUL byte" : "a control character in a string must be escaped";
		else if (*s->at >= 0x80)
			scan_utf8(s);
		else
			s->at++;
	}
	if (s->fault != NULL)
		return;
	if (s->at < s->end) {
		s->at++;
	} else {
		s->at = start;
		s->fault = "a string without its closing quote";
	}
}

static void
scan_escape(struct scan *s)
{
	if (s->end - s->at >= 6 && memcmp(s->at, "\\u0000", 6) == 0)
		s->fault = "\\u0000 isn't allowed in a string";
	else if (s->end - s->at >= 2 && s->at[1] != '\0')
		s->at += s->at[1] < 0x80 ? 2 : 1;
	else
		s->at++;
}

/* One character of two to four bytes: no stray or missing continuation, no overlong form, no surrogate, no more than
 * U+10FFFF. */
static void
scan_utf8(struct scan *s)
{
	const unsigned char *p = s->at;
	size_t left = (size_t)(s->end - p), more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : 1;
	bool good = p[0] >= 0xc2 && p[0] <= 0xf4 && left > more;

	for (size_t i = 1; good && i <= more; i++)
		good = (p[i] & 0xc0) == 0x80;
	if (good) {
		good = !(p[0] == 0xe0 && p[1] < 0xa0) && !(p[0] == 0xed && p[1] > 0x9f) &&
		    !(p[0] == 0xf0 && p[1] < 0x90) && !(p[0] == 0xf4 && p[1] > 0x8f);
	}
	if (good)
		s->at += more + 1;
	else
		s->fault = "not UTF-8";
}

/* RFC 8259 section 6. */
static void
scan_number(struct scan *s)
{
	const unsigned char *start = s->at, *first;
	bool good;

	if (*s->at == '-')
		s->at++;
	first = s->at;
	good = skip_digits(s) > 0 && !(*first == '0' && s->at - first > 1);
	if (good && s->at < s->end && *s->at == '.') {
		s->at++;
		good = skip_digits(s) > 0;
	}
	if (good && s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		good = skip_digits(s) > 0;
	}
	/* cJSON copies at most 63 characters of a number and would read a longer one as two. */
	if (!good || s->at - start > 63 || (s->at < s->end && strchr("+-.eE", *s->at) != NULL && *s->at != '\0')) {
		s->at = start;
		s->fault = "not a number as JSON writes it";
	}
}

static size_t
skip_digits(struct scan *s)
{
	const unsigned char *start = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return (size_t)(s->at - start);
}

/* Line and column of `at`, both from 1; a column is a byte, as compilers count. */
static struct diag_place
place_of(const char *bytes, const void *at, const char *file)
{
	struct diag_place place = { .file = file, .line = 1, .column = 1 };

	for (const char *p = bytes; p < (const char *)at; p++) {
		place.column++;
		if (*p == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return place;
}

/* Recursion ends at JSON_DEPTH_MAX, which scan() has seen to. */
static void
check_members(const cJSON *value, const char *file, const char *pointer, struct diags *diags)
{
	const cJSON *child;
	size_t index = 0;

	if (cJSON_IsNumber(value) && !isfinite(value->valuedouble)) {
		diag_error(diags, (struct diag_place){ .file = file, .pointer = pointer }, NULL,
		    "the number is too large");
	}
	if (cJSON_IsObject(value))
		check_names(value, file, pointer, diags);
	if (value->child == NULL)
		return;
	cJSON_ArrayForEach(child, value) {
		char inner[256], number[24];

		snprintf(number, sizeof(number), "%zu", index++);
		pointer_add(inner, pointer, cJSON_IsObject(value) ? child->string : number);
		check_members(child, file, inner, diags);
	}
}

static void
check_names(const cJSON *value, const char *file, const char *pointer, struct diags *diags)
{
	size_t count = (size_t)cJSON_GetArraySize(value), i = 0;
	const char **names = calloc(count + 1, sizeof(*names));
	const cJSON *child;
	char twice[256];

	if (names == NULL) {
		diag_error(diags, (struct diag_place){ .file = file, .pointer = pointer }, NULL, "out of memory");
		return;
	}
	cJSON_ArrayForEach(child, value)
		names[i++] = child->string;
	qsort(names, count, sizeof(*names), compare_names);
	for (i = 1; i < count; i++) {
		if (strcmp(names[i - 1], names[i]) != 0 || (i > 1 && strcmp(names[i - 2], names[i]) == 0))
			continue;
		pointer_add(twice, pointer, names[i]);
		diag_error(diags, (struct diag_place){ .file = file, .pointer = twice }, NULL,
		    "'%s' is given twice", names[i]);
	}
	free(names);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `parent` and one more token, escaped by RFC 6901; what doesn't fit is cut. */
static void
pointer_add(char pointer[static 256], const char *parent, const char *name)
{
	size_t used = (size_t)snprintf(pointer, 256, "%s/", parent);

	for (; *name != '\0' && used < 253; name++) {
		if (*name == '~' || *name == '/') {
			pointer[used++] = '~';
			pointer[used++] = *name == '~' ? '0' : '1';
		} else {
			pointer[used++] = *name;
		}
	}
	if (used < 256)
		pointer[used] = '\0';
}

struct json_object
json_object(const cJSON *value, const char *file, const char *pointer, struct diags *diags)
{
	struct json_object o = { .file = file, .diags = diags };

	snprintf(o.pointer, sizeof(o.pointer), "%s", pointer == NULL ? "" : pointer);
	if (cJSON_IsObject(value))
		o.object = value;
	else
		wrong_type(&o, NULL, "an object", value);
	return o;
}

const char *
json_string(const struct json_object *o, const char *name, bool required, const char *otherwise)
{
	const cJSON *value = find(o, name, required);

	if (value == NULL)
		return otherwise;
	if (!cJSON_IsString(value)) {
		wrong_type(o, name, "a string", value);
		return otherwise;
	}
	return value->valuestring;
}

const char *
json_word(const struct json_object *o, const char *name, bool required, const char *const *words,
	const char *otherwise)
{
	const char *word = json_string(o, name, required, NULL);
	struct text known = { 0 };
	size_t count = 0;

	if (word == NULL)
		return otherwise;
	for (; words[count] != NULL; count++)
		if (strcmp(word, words[count]) == 0)
			return words[count];
	for (size_t i = 0; i < count; i++)
		text_printf(&known, "%s%s", i == 0 ? "" : ", ", words[i]);
	json_error(o, name, text_suggest(word, words, count), "'%.40s' is none of %s", word,
	    known.bytes == NULL ? "those that it may be" : known.bytes);
	text_fini(&known);
	return otherwise;
}

double
json_number(const struct json_object *o, const char *name, bool required, double least, double most, double otherwise)
{
	const cJSON *value = find(o, name, required);

	if (value == NULL)
		return otherwise;
	if (!cJSON_IsNumber(value)) {
		wrong_type(o, name, "a number", value);
		return otherwise;
	}
	if (!(value->valuedouble >= least && value->valuedouble <= most)) {
		json_error(o, name, NULL, "%.15g is outside %.15g to %.15g", value->valuedouble, least, most);
		return otherwise;
	}
	return value->valuedouble;
}

int64_t
json_integer(const struct json_object *o, const char *name, bool required, int64_t least, int64_t most,
    int64_t otherwise)
{
	const cJSON *value = find(o, name, required);
	double number;

	if (value == NULL)
		return otherwise;
	if (!cJSON_IsNumber(value)) {
		wrong_type(o, name, "a whole number", value);
		return otherwise;
	}
	number = value->valuedouble;
	if (trunc(number) != number) {
		json_error(o, name, NULL, "%.15g is not a whole number", number);
		return otherwise;
	}
	if (fabs(number) > LARGEST_INTEGER || (int64_t)number < least || (int64_t)number > most) {
		json_error(o, name, NULL, "%.17g is outside %lld to %lld", number, (long long)least, (long long)most);
		return otherwise;
	}
	return (int64_t)number;
}

bool
json_bool(const struct json_object *o, const char *name, bool required, bool otherwise)
{
	const cJSON *value = find(o, name, required);

	if (value == NULL)
		return otherwise;
	if (!cJSON_IsBool(value)) {
		wrong_type(o, name, "true or false", value);
		return otherwise;
	}
	return cJSON_IsTrue(value);
}

const cJSON *
json_array(const struct json_object *o, const char *name, bool required)
{
	const cJSON *value = find(o, name, required);

	if (value != NULL && !cJSON_IsArray(value)) {
		wrong_type(o, name, "an array", value);
		return NULL;
	}
	return value;
}

const cJSON *
json_member(const struct json_object *o, const char *name, bool required)
{
	return find(o, name, required);
}

/* An object that wasn't one has had its error already. */
static const cJSON *
find(const struct json_object *o, const char *name, bool required)
{
	const cJSON *value;

	if (o->object == NULL)
		return NULL;
	value = cJSON_GetObjectItemCaseSensitive(o->object, name);
	if (value == NULL && required)
		json_error(o, name, NULL, "'%s' is missing", name);
	return value;
}

static void
wrong_type(const struct json_object *o, const char *name, const char *expected, const cJSON *found)
{
	json_error(o, name, NULL, "must be %s, is %s", expected, type_name(found));
}

static const char *
type_name(const cJSON *value)
{
	if (value == NULL)
		return "missing";
	if (cJSON_IsString(value))
		return "a string";
	if (cJSON_IsNumber(value))
		return "a number";
	if (cJSON_IsBool(value))
		return cJSON_IsTrue(value) ? "true" : "false";
	if (cJSON_IsArray(value))
		return "an array";
	return cJSON_IsObject(value) ? "an object" : "null";
}

const cJSON *
json_at(const cJSON *value, const char *pointer)
{
	while (value != NULL && *pointer == '/') {
		char token[256];
		size_t length = strcspn(++pointer, "/");

		if (!token_read(pointer, length, token))
			return NULL;
		pointer += length;
		if (cJSON_IsArray(value))
			value = token_is_index(token) ? cJSON_GetArrayItem(value, atoi(token)) : NULL;
		else
			value = cJSON_IsObject(value) ? cJSON_GetObjectItemCaseSensitive(value, token) : NULL;
	}
	return *pointer == '\0' ? value : NULL;
}

/* One token, unescaped: ~1 is a slash, ~0 a tilde. False when it's too long to be found. */
static bool
token_read(const char *pointer, size_t length, char token[static 256])
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		bool escaped = pointer[i] == '~' && i + 1 < length && (pointer[i + 1] == '0' || pointer[i + 1] == '1');

		if (used == 255)
			return false;
		token[used++] = !escaped ? pointer[i] : pointer[i + 1] == '1' ? '/' : '~';
		i += escaped;
	}
	token[used] = '\0';
	return true;
}

static bool
token_is_index(const char *token)
{
	size_t digits = strspn(token, "0123456789");

	return digits > 0 && digits < 9 && token[digits] == '\0' && (token[0] != '0' || digits == 1);
}

void
json_refuse_unknown(const struct json_object *o, const char *const *known)
{
	const cJSON *child;
	size_t count = 0, i;

	if (o->object == NULL)
		return;
	while (known[count] != NULL)
		count++;
	cJSON_ArrayForEach(child, o->object) {
		for (i = 0; i < count && strcmp(child->string, known[i]) != 0; i++)
			;
		if (i == count) {
			json_error(o, child->string, text_suggest(child->string, known, count), "unknown member '%s'",
			    child->string);
		}
	}
}

void
json_error(const struct json_object *o, const char *name, const char *suggestion, const char *format, ...)
{
	struct diag_place place = { .file = o->file, .pointer = o->pointer };
	char pointer[256], message[512];
	va_list args;

	if (name != NULL) {
		pointer_add(pointer, o->pointer, name);
		place.pointer = pointer;
	}
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	diag_error(o->diags, place, suggestion, "%s", message);
}

void
json_add_number(cJSON *object, const char *name, double value)
{
	if (isfinite(value))
		cJSON_AddNumberToObject(object, name, value);
	else
		cJSON_AddNullToObject(object, name);
}

char *
json_write(const cJSON *value)
{
	return cJSON_PrintUnformatted(value);
}
