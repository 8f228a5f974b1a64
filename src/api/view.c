/* view.c -- cJSON's calls with a sticky failure, and what JSON can't say (NaN, no time) as null.
 * In: values.  Out: a tree, whole or not at all.  Threads: one view, one thread. */
#include "api/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void view_add(struct view *view, cJSON *parent, const char *name, cJSON *value);
static void view_diag(struct view *view, cJSON *list, const struct diag *diag);

cJSON *
view_root(struct view *view)
{
	view->root = cJSON_CreateObject();
	view->failed = view->root == NULL;
	return view->root;
}

cJSON *
view_take(struct view *view)
{
	cJSON *root = view->root;

	view->root = NULL;
	if (!view->failed)
		return root;
	cJSON_Delete(root);
	return NULL;
}

const char *
view_keep(struct view *view, struct arena *arena)
{
	cJSON *root = view_take(view);
	char *written = root == NULL ? NULL : json_write(root), *kept = NULL;

	if (written != NULL)
		kept = arena_text(arena, written);
	free(written);
	cJSON_Delete(root);
	return kept;
}

cJSON *
view_object(struct view *view, cJSON *parent, const char *name)
{
	cJSON *object = view->failed ? NULL : cJSON_CreateObject();

	view_add(view, parent, name, object);
	return view->failed ? NULL : object;
}

cJSON *
view_array(struct view *view, cJSON *parent, const char *name)
{
	cJSON *array = view->failed ? NULL : cJSON_CreateArray();

	view_add(view, parent, name, array);
	return view->failed ? NULL : array;
}

void
view_text(struct view *view, cJSON *parent, const char *name, const char *value)
{
	view_add(view, parent, name, value == NULL ? cJSON_CreateNull() : cJSON_CreateString(value));
}

void
view_number(struct view *view, cJSON *parent, const char *name, double value)
{
	view_add(view, parent, name, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

void
view_count(struct view *view, cJSON *parent, const char *name, uint64_t value)
{
	view_add(view, parent, name, cJSON_CreateNumber((double)value));
}

void
view_known_count(struct view *view, cJSON *parent, const char *name, bool known, uint64_t value)
{
	view_add(view, parent, name, known ? cJSON_CreateNumber((double)value) : cJSON_CreateNull());
}

void
view_bool(struct view *view, cJSON *parent, const char *name, bool value)
{
	view_add(view, parent, name, cJSON_CreateBool(value));
}

void
view_time(struct view *view, cJSON *parent, const char *name, struct wall at)
{
	char text[CLOCK_TEXT_SIZE];

	view_text(view, parent, name, at.ms == 0 ? NULL : wall_text(at, text));
}

void
view_null(struct view *view, cJSON *parent, const char *name)
{
	view_add(view, parent, name, cJSON_CreateNull());
}

void
view_json(struct view *view, cJSON *parent, const char *name, const char *json)
{
	struct diags diags = { 0 };
	cJSON *value = json_parse(json, strlen(json), "value", &diags);

	view_add(view, parent, name, value == NULL ? cJSON_CreateNull() : value);
	diag_fini(&diags);
}

void
view_diags(struct view *view, cJSON *parent, const char *name, const struct diags *diags, enum diag_level level)
{
	cJSON *list = NULL;

	for (size_t i = 0; diags != NULL && i < diags->count; i++) {
		if (diags->list[i].level != level)
			continue;
		if (list == NULL)
			list = view_array(view, parent, name);
		view_diag(view, list, &diags->list[i]);
	}
}

static void
view_diag(struct view *view, cJSON *list, const struct diag *diag)
{
	cJSON *entry = view_object(view, list, NULL);

	view_text(view, entry, "message", diag->message == NULL ? "out of memory" : diag->message);
	if (diag->pointer != NULL) {
		char pointer[300];

		snprintf(pointer, sizeof(pointer), "#%s", diag->pointer);	/* as in RFC 9457's examples */
		view_text(view, entry, "pointer", pointer);
	} else if (diag->file != NULL) {
		view_text(view, entry, "file", diag->file);
	}
	if (diag->line > 0) {
		view_count(view, entry, "line", diag->line);
		view_count(view, entry, "column", diag->column);
	}
	if (diag->suggestion != NULL)
		view_text(view, entry, "suggestion", diag->suggestion);
}

/* Takes `value`. */
static void
view_add(struct view *view, cJSON *parent, const char *name, cJSON *value)
{
	bool good = !view->failed && parent != NULL && value != NULL &&
	    (name == NULL ? cJSON_AddItemToArray(parent, value) : cJSON_AddItemToObject(parent, name, value));

	if (good)
		return;
	cJSON_Delete(value);
	view->failed = true;
}
