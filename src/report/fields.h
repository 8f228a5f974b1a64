/* fields.h -- what the parts of reading a report share: the reader, members of one kind, and pairs that come twice.
 * Threads: one reader, one thread. */
#ifndef ISOBAR_REPORT_FIELDS_H
#define ISOBAR_REPORT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"
#include "base/json.h"

#define REPORT_FILE_NAME "request"
#define REPORT_RATE_MAX 1e12		/* requests/s; above every machine, and sums of thousands stay exact enough */
#define REPORT_LATENCY_MAX_MS 3.6e6	/* of a backend; an hour */

struct report_reader {
	struct arena *arena;
	struct diags *diags;
	bool out_of_memory;
};

/* Each returns something that can be read, also after an error: "", 0. "" too when a name or text is absent and not
 * required. */
const char *field_name(struct report_reader *reader, const struct json_object *o, const char *member, bool required)
	NONNULL;
const char *field_text(struct report_reader *reader, const struct json_object *o, const char *member) NONNULL;
/* `item` is a member of `o`. */
double field_number(const struct json_object *o, const cJSON *item, double least, double most) NONNULL;
const char *field_service(struct report_reader *reader, const struct json_object *o, const char *member,
	const char *text) __attribute__((nonnull(1, 2, 3)));
bool field_is_name(const char *text) NONNULL;

const char *field_keep(struct report_reader *reader, const char *text) NONNULL;	/* a copy; never NULL */
void *field_room(struct report_reader *reader, size_t count, size_t size) NONNULL;	/* zeroed, or NULL */
size_t field_list_size(const cJSON *value);		/* 0 for NULL */
void field_pointer(char pointer[static 256], const char *member, size_t index) NONNULL;
struct diag_place field_place(const char *pointer) NONNULL;

/* Two names and where they stood, for finding the pairs that come twice. */
struct field_key {
	const char *first, *second;	/* NULL is "" */
	size_t index;
};

struct field_key *field_keys(struct report_reader *reader, size_t count) NONNULL MUST_USE;	/* to be freed */
/* Sorts `keys`; the later one of each equal pair is the error. Entries without a name had their error already. */
bool field_refuse_twice(struct field_key *keys, size_t count, const char *what, const char *member, bool by_index,
	struct diags *diags) NONNULL;

#endif
