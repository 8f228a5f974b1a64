/* edits.c -- the operator's changes, from request to struct change.
 * In: parameters and body.  Out: a change for control_change(), whose texts lie in its own arena.
 * Threads: the first steps run on the API's thread and read what was sent; the prepare functions run on the control
 * thread at the change's turn and see what the changes before it have made. So two edits of one zone that arrive
 * together both count. What takes long of that, read_edit(), may run on a thread of the change's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/change.h"
#include "api/handlers.h"
#include "api/names.h"
#include "zone/master.h"

#define TTL_MAX 2147483647	/* RFC 2181 section 8 */

/* One record edit, waiting for its turn. */
struct record_edit {
	struct request *request;
	const char *zone;		/* as asked for */
	const char *owner, *type;	/* type NULL: all */
	uint32_t ttl;
	const char *const *rdata;
	size_t count;
	bool deletes;
	const char *text;		/* of the zone in service, when its turn has come */
	const struct zone *from;	/* what that is */
};

static struct change *zone_change(struct request *request, const char *action, const char *text);
static const char *zone_text_of(struct request *request, struct arena *arena);
static const char *json_zone_text(struct request *request, struct arena *arena);
static bool prepare_known_zone(struct change *change, struct control *control, struct diags *diags);
static struct record_edit *edit_begin(struct request *request, const char *action);
static bool read_record(struct request *request, struct record_edit *edit, struct arena *arena);
static bool prepare_record(struct change *change, struct control *control, struct diags *diags);
static bool read_edit(struct change *change, struct diags *diags);
static bool take_edited(struct change *change, struct zone_text *zone, const char *file, const char *name,
	struct edited *edited);
static bool read_files(const cJSON *files, struct change *change, struct diags *diags);
static bool read_file(const cJSON *file, struct zone_text *zone, struct change *change, struct diags *diags);

/* --- zones --------------------------------------------------------------------------------------------------- */

void
zone_put(struct request *request)
{
	(void)zone_change(request, "zone.import", "");
}

void
zone_check_body(struct request *request)
{
	struct change *change = zone_change(request, "zone.check", "");

	if (change != NULL)
		change->dry_run = true;
}

void
zone_delete(struct request *request)
{
	struct change *change = zone_change(request, "zone.delete", NULL);

	if (change == NULL)
		return;
	change->prepare = prepare_known_zone;
	change->prepare_arg = request;
}

/* `text` NULL: delete; else the body is the text. NULL: answered. */
static struct change *
zone_change(struct request *request, const char *action, const char *text)
{
	uint8_t apex[NAME_MAX];
	char name[NAME_TEXT_SIZE], file[ZONE_FILE_SIZE];
	struct change *change;
	struct zone_text *zone;

	if (name_parse(request->params[0], apex) == 0 || apex[0] == 0) {
		answer_problem(request, 400, NULL, "'%s' is no name of a zone that can be served", request->params[0]);
		return NULL;
	}
	name_text(apex, name);
	change = change_begin(request, action, name);
	if (change == NULL)
		return NULL;
	zone = arena_alloc(change->arena, sizeof(*zone));
	if (zone == NULL) {
		answer_no_memory(request);
		return NULL;
	}
	zone->file = arena_text(change->arena, zone_file_name(name, file));
	zone->name = arena_text(change->arena, name);
	zone->text = text == NULL ? NULL : zone_text_of(request, change->arena);
	if (zone->file == NULL || zone->name == NULL || (text != NULL && zone->text == NULL)) {
		answer_no_memory(request);	/* unless it was answered */
		return NULL;
	}
	change->zones = zone;
	change->zone_count = 1;
	return change;
}

/* NULL: answered, or out of memory. */
static const char *
zone_text_of(struct request *request, struct arena *arena)
{
	if (strcmp(request->content_type, "application/json") == 0)
		return json_zone_text(request, arena);
	if (strlen(request->body.bytes) == request->body.length)
		return arena_text(arena, request->body.bytes);
	answer_problem(request, 400, NULL, "the master file holds a NUL octet");
	return NULL;
}

static const char *
json_zone_text(struct request *request, struct arena *arena)
{
	static const char *const known[] = { "text", NULL };
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = request_json(request, &o, &diags);
	const char *text = NULL;

	if (body != NULL) {
		text = arena_text(arena, json_string(&o, "text", true, ""));
		json_refuse_unknown(&o, known);
		if (diag_failed(&diags)) {
			answer_invalid(request, &diags);
			text = NULL;
		}
	}
	cJSON_Delete(body);
	diag_fini(&diags);
	return text;
}

static bool
prepare_known_zone(struct change *change, struct control *control, struct diags *diags)
{
	struct request *request = change->prepare_arg;

	if (control_zone_text(control, change->zones[0].name) != NULL)
		return true;
	request->missing = true;
	diag_error(diags, request_place(NULL), NULL, "there is no zone %s", change->zones[0].name);
	return false;
}

/* --- records ------------------------------------------------------------------------------------------------- */

void
record_put(struct request *request)
{
	struct record_edit *edit = edit_begin(request, "record.set");

	if (edit != NULL && !read_record(request, edit, request->arena))
		answer_no_memory(request);	/* unless it was answered */
}

void
record_delete(struct request *request)
{
	struct record_edit *edit = edit_begin(request, "record.delete");

	if (edit != NULL)
		edit->deletes = true;
}

/* The edit lives in the request's arena, which outlives the change. NULL: answered. */
static struct record_edit *
edit_begin(struct request *request, const char *action)
{
	struct record_edit *edit = arena_alloc(request->arena, sizeof(*edit));
	const char *subject = arena_printf(request->arena, "%s %s%s%s", request->params[0], request->params[1],
	    request->params[2] == NULL ? "" : " ", request->params[2] == NULL ? "" : request->params[2]);
	struct change *change;

	if (edit == NULL || subject == NULL) {
		answer_no_memory(request);
		return NULL;
	}
	change = change_begin(request, action, subject);
	if (change == NULL)
		return NULL;
	*edit = (struct record_edit){ .request = request, .zone = request->params[0], .owner = request->params[1],
		.type = request->params[2] };
	change->prepare = prepare_record;
	change->prepare_arg = edit;
	return edit;
}

static bool
read_record(struct request *request, struct record_edit *edit, struct arena *arena)
{
	static const char *const known[] = { "ttl", "rdata", NULL };
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = request_json(request, &o, &diags);
	const cJSON *list, *item;
	const char **values;
	bool good = false;

	if (body == NULL)
		goto done;
	edit->ttl = (uint32_t)json_integer(&o, "ttl", true, 0, TTL_MAX, 0);
	list = json_array(&o, "rdata", true);
	json_refuse_unknown(&o, known);
	if (list != NULL && cJSON_GetArraySize(list) == 0)
		json_error(&o, "rdata", NULL, "is empty: use DELETE to delete records");
	values = arena_alloc(arena, (list == NULL ? 1 : (size_t)cJSON_GetArraySize(list)) * sizeof(*values));
	cJSON_ArrayForEach(item, list) {
		if (!cJSON_IsString(item))
			json_error(&o, "rdata", NULL, "holds texts, such as \"192.0.2.1\", and nothing else");
		else if (values != NULL && (values[edit->count++] = arena_text(arena, item->valuestring)) == NULL)
			values = NULL;
	}
	edit->rdata = values;
	good = values != NULL && !diag_failed(&diags);
	if (diag_failed(&diags))
		answer_invalid(request, &diags);
done:
	cJSON_Delete(body);
	diag_fini(&diags);
	return good;
}

/* Finds what is to be edited; that takes long if the zone is large, and is left to read_edit(). */
static bool
prepare_record(struct change *change, struct control *control, struct diags *diags)
{
	struct record_edit *edit = change->prepare_arg;
	uint8_t apex[NAME_MAX];
	char name[NAME_TEXT_SIZE];

	if (name_parse(edit->zone, apex) > 0) {
		edit->text = control_zone_text(control, name_text(apex, name));
		edit->from = control_zone_read(control, name);
	}
	if (edit->text == NULL) {
		edit->request->missing = true;
		diag_error(diags, request_place(NULL), NULL, "there is no zone '%s'", edit->zone);
		return false;
	}
	change->read = read_edit;
	change->read_length = strlen(edit->text);
	return true;
}

static bool
read_edit(struct change *change, struct diags *diags)
{
	const struct record_edit *edit = change->prepare_arg;
	struct zone_text *zone = arena_alloc(change->arena, sizeof(*zone));
	uint8_t owner[NAME_MAX];
	char name[NAME_TEXT_SIZE], owner_text[NAME_TEXT_SIZE], file[ZONE_FILE_SIZE];
	struct edited edited;

	if (!owner_parse(edit->owner, zone_apex(edit->from)->name, owner)) {
		diag_error(diags, request_place(NULL), NULL, "'%s' is no name in the zone %s", edit->owner, edit->zone);
		return false;
	}
	name_text(zone_apex(edit->from)->name, name);
	name_text(owner, owner_text);
	zone_file_name(name, file);
	if (edit->deletes ? !master_delete(edit->text, edit->from, file, owner_text, edit->type, &edited, diags)
	    : !master_set(edit->text, edit->from, file, owner_text, edit->type, edit->ttl, edit->rdata, edit->count,
	    &edited, diags))
		return false;
	if (zone == NULL || !take_edited(change, zone, file, name, &edited)) {
		zone_release(edited.zone);
		free(edited.text);
		diag_error(diags, request_place(NULL), NULL, "out of memory");
		return false;
	}
	return master_check(zone->text, zone->file, zone->zone, diags);
}

/* The change gets them. */
static bool
take_edited(struct change *change, struct zone_text *zone, const char *file, const char *name, struct edited *edited)
{
	*zone = (struct zone_text){
		.file = arena_text(change->arena, file), .name = arena_text(change->arena, name),
		.text = arena_text(change->arena, edited->text), .zone = edited->zone, .checked = true,
	};
	if (zone->file == NULL || zone->name == NULL || zone->text == NULL)
		return false;
	free(edited->text);
	change->zones = zone;
	change->zone_count = 1;
	return true;
}

/* --- a whole folder ------------------------------------------------------------------------------------------ */

void
apply_read_body(struct request *request)
{
	static const char *const known[] = { "files", NULL };
	struct change *change = change_begin(request, "apply", "");
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = change == NULL ? NULL : request_json(request, &o, &diags);

	if (body != NULL) {
		bool good = read_files(json_member(&o, "files", true), change, &diags);

		json_refuse_unknown(&o, known);
		if (diag_failed(&diags))
			answer_invalid(request, &diags);
		else if (!good)
			answer_no_memory(request);
	}
	cJSON_Delete(body);
	diag_fini(&diags);
}

/* What the folder doesn't have is gone: its zones, and its steering too. */
static bool
read_files(const cJSON *files, struct change *change, struct diags *diags)
{
	struct json_object o = json_object(files, "request", "/files", diags);
	struct zone_text *zones = arena_alloc(change->arena, ((size_t)cJSON_GetArraySize(files) + 1) * sizeof(*zones));
	const cJSON *file;

	change->zones = zones;
	change->whole = true;
	change->steering = "";
	if (zones == NULL || diag_failed(diags))
		return false;
	cJSON_ArrayForEach(file, files) {
		if (!cJSON_IsString(file))
			json_error(&o, file->string, NULL, "is no text");
		else if (!read_file(file, &zones[change->zone_count], change, diags))
			return false;
	}
	return true;
}

static bool
read_file(const cJSON *file, struct zone_text *zone, struct change *change, struct diags *diags)
{
	uint8_t apex[NAME_MAX];
	char name[NAME_TEXT_SIZE];
	const char *text = arena_text(change->arena, file->valuestring);

	if (strcmp(file->string, "steering.yaml") == 0) {
		change->steering = text;
		return text != NULL;
	}
	if (master_file_apex(file->string, apex) == 0) {
		char pointer[256];

		snprintf(pointer, sizeof(pointer), "/files/%.200s", file->string);
		diag_error(diags, request_place(pointer), NULL,
		    "'%s' is neither steering.yaml nor named as a zone", file->string);
		return true;
	}
	*zone = (struct zone_text){ .file = arena_text(change->arena, file->string),
		.name = arena_text(change->arena, name_text(apex, name)), .text = text };
	for (size_t i = 0; i < change->zone_count; i++)
		if (zone->name != NULL && strcmp(change->zones[i].name, zone->name) == 0)
			diag_error(diags, (struct diag_place){ .file = file->string }, NULL, "%s is the zone %s too",
			    change->zones[i].file, zone->name);
	change->zone_count++;
	return zone->file != NULL && zone->name != NULL && text != NULL;
}
