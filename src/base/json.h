/* json.h -- the one door to cJSON: reading with errors that name the JSON pointer, all of them in one go.
 * Threads: any; a tree belongs to one thread. */
#ifndef ISOBAR_BASE_JSON_H
#define ISOBAR_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"

#define JSON_DEPTH_MAX 32	/* deeper input is refused: cJSON recurses, and its own limit of 1000 is much stack */

/* NULL after an error in `diags` with line and column. Trailing bytes are an error. cJSON_Delete() it. */
cJSON *json_parse(const char *bytes, size_t length, const char *file, struct diags *diags) NONNULL MUST_USE;

/* A reader of one object: knows its pointer, and which members were asked for. */
struct json_object {
	const cJSON *object;
	const char *file;
	char pointer[256];	/* of `object` */
	struct diags *diags;
};

/* `value` must be an object, else an error is added and every later get yields its default. */
struct json_object json_object(const cJSON *value, const char *file, const char *pointer, struct diags *diags);

/* The member as this type, or `otherwise` with an error when it's there in another type or out of range.
 * A missing required member is an error; numbers must be finite. */
const char *json_string(const struct json_object *o, const char *name, bool required, const char *otherwise);
/* One of `words` (a NULL-terminated list), as it stands there; any other is an error that names them. */
const char *json_word(const struct json_object *o, const char *name, bool required, const char *const *words,
	const char *otherwise);
double json_number(const struct json_object *o, const char *name, bool required, double least, double most,
	double otherwise);
int64_t json_integer(const struct json_object *o, const char *name, bool required, int64_t least, int64_t most,
	int64_t otherwise);
bool json_bool(const struct json_object *o, const char *name, bool required, bool otherwise);
const cJSON *json_array(const struct json_object *o, const char *name, bool required);	/* NULL: absent or wrong */
const cJSON *json_member(const struct json_object *o, const char *name, bool required);	/* any type */

/* What a JSON pointer (RFC 6901) means from `value` on; "" is `value` itself. NULL: there is nothing. */
const cJSON *json_at(const cJSON *value, const char *pointer) __attribute__((nonnull(2)));

/* An error for each member whose name isn't among `known` (a NULL-terminated list), with a suggestion. */
void json_refuse_unknown(const struct json_object *o, const char *const *known);

void json_error(const struct json_object *o, const char *name, const char *suggestion, const char *format, ...)
	PRINTF(4, 5);

/* A number that reads back the same (cJSON writes 15 digits, or 17), or null when it is none. */
void json_add_number(cJSON *object, const char *name, double value) __attribute__((nonnull(2)));

/* Writing: compact text; caller frees. NULL when memory is out. */
char *json_write(const cJSON *value) NONNULL MUST_USE;

#endif
