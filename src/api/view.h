/* view.h -- building JSON with one check at the end: `failed` sticks when memory is out, and every call bears a NULL
 * parent. Threads: one view, one thread. */
#ifndef ISOBAR_API_VIEW_H
#define ISOBAR_API_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/contract.h"
#include "base/diag.h"
#include "base/json.h"

/* Start with { 0 }. `root` is made by view_root(); view_take() gives it away. */
struct view {
	cJSON *root;
	bool failed;
};

cJSON *view_root(struct view *view) NONNULL;
cJSON *view_take(struct view *view) NONNULL;	/* NULL: memory was out */

/* `name` NULL: `parent` is an array. The new object or array, or NULL. */
cJSON *view_object(struct view *view, cJSON *parent, const char *name) __attribute__((nonnull(1)));
cJSON *view_array(struct view *view, cJSON *parent, const char *name) __attribute__((nonnull(1)));

void view_text(struct view *view, cJSON *parent, const char *name, const char *value /* or NULL: null */)
	__attribute__((nonnull(1)));
void view_number(struct view *view, cJSON *parent, const char *name, double value /* not finite: null */)
	__attribute__((nonnull(1)));
void view_count(struct view *view, cJSON *parent, const char *name, uint64_t value) __attribute__((nonnull(1)));
void view_known_count(struct view *view, cJSON *parent, const char *name, bool known /* else null */, uint64_t value)
	__attribute__((nonnull(1)));
void view_bool(struct view *view, cJSON *parent, const char *name, bool value) __attribute__((nonnull(1)));
void view_time(struct view *view, cJSON *parent, const char *name, struct wall at /* .ms 0: null */)
	__attribute__((nonnull(1)));
void view_null(struct view *view, cJSON *parent, const char *name) __attribute__((nonnull(1)));
/* Text that is JSON already goes in as a value; null when it isn't. */
void view_json(struct view *view, cJSON *parent, const char *name, const char *json) __attribute__((nonnull(1, 4)));

/* Writes the view, which ends, as text into `arena`. NULL: memory was out. */
const char *view_keep(struct view *view, struct arena *arena) NONNULL;

/* The entries of this level as an array of {message, pointer | file, line, column, suggestion}; no member without
 * one. */
void view_diags(struct view *view, cJSON *parent, const char *name, const struct diags *diags /* or NULL */,
	enum diag_level level) __attribute__((nonnull(1)));

#endif
