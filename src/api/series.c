/* series.c -- samples that no agent reported: of feeds, of the signals in force, or from records kept elsewhere.
 * In: [{region, backend, name, unit, values: [[milliseconds, value], ...]}, ...].  Out: samples in the store.
 * Threads: bodies are read on the API's thread, regions are checked on the control thread, rows are written on the
 * store's writer.
 * Nothing here touches a region's health: that is what agents and probes tell. */
#include "api/series.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "api/view.h"
#include "report/report.h"

#define TIME_MOST_MS 4e12	/* in the year 2096 */
#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/@-"

static void read_entry(struct request *request, const struct json_object *o, struct series_entry *entry,
	size_t *samples);
static const char *read_name(struct request *request, const struct json_object *o, const char *member, bool required);
static void read_points(struct request *request, const struct json_object *o, struct series_entry *entry,
	size_t *samples);
static void read_incidents(struct request *request, const struct json_object *o, struct series_list *list);
static int put_incidents(struct store_txn *txn, const struct series_list *list);
static int samples_job(struct store_txn *txn, void *arg);
static void samples_done(void *arg, int status);

struct series_list
series_read(struct request *request, const struct json_object *o, bool required)
{
	const cJSON *list = json_array(o, "series", required), *value;
	size_t most = (size_t)cJSON_GetArraySize(list);
	struct series_entry *entries = arena_alloc(request->arena, (most + 1) * sizeof(*entries));
	struct series_list read = { .entries = entries };

	if (entries == NULL)
		diag_error(o->diags, request_place(NULL), NULL, "out of memory");
	cJSON_ArrayForEach(value, list) {
		struct json_object entry;
		char pointer[64];

		if (entries == NULL || read.samples > SERIES_SAMPLES_MAX)
			break;
		snprintf(pointer, sizeof(pointer), "/series/%zu", read.count);
		entry = json_object(value, "request", pointer, o->diags);
		read_entry(request, &entry, &entries[read.count++], &read.samples);
	}
	if (read.samples > SERIES_SAMPLES_MAX)
		json_error(o, "series", NULL, "more than %d samples", SERIES_SAMPLES_MAX);
	return read;
}

static void
read_entry(struct request *request, const struct json_object *o, struct series_entry *entry, size_t *samples)
{
	static const char *const known[] = { "region", "backend", "name", "unit", "values", NULL };

	json_refuse_unknown(o, known);
	entry->region = read_name(request, o, "region", true);
	entry->backend = read_name(request, o, "backend", false);
	entry->name = read_name(request, o, "name", true);
	entry->unit = read_name(request, o, "unit", false);
	read_points(request, o, entry, samples);
}

static const char *
read_name(struct request *request, const struct json_object *o, const char *member, bool required)
{
	const char *text = json_string(o, member, required, ""), *copy;
	size_t length = strlen(text);

	if (length > REPORT_NAME_MAX || strspn(text, NAME_LETTERS) != length || (required && length == 0 &&
	    json_member(o, member, false) != NULL))
		json_error(o, member, NULL, "must be 1 to %d letters, digits and _.:/@-", REPORT_NAME_MAX);
	copy = arena_text(request->arena, text);
	if (copy == NULL)
		diag_error(o->diags, request_place(NULL), NULL, "out of memory");
	return copy == NULL ? "" : copy;
}

static void
read_points(struct request *request, const struct json_object *o, struct series_entry *entry, size_t *samples)
{
	const cJSON *list = json_array(o, "values", true), *pair;
	size_t count = (size_t)cJSON_GetArraySize(list);
	struct series_point *points;

	*samples += count;
	if (*samples > SERIES_SAMPLES_MAX)
		return;
	points = arena_alloc(request->arena, (count + 1) * sizeof(*points));
	if (points == NULL)
		diag_error(o->diags, request_place(NULL), NULL, "out of memory");
	cJSON_ArrayForEach(pair, list) {
		const cJSON *at = cJSON_GetArrayItem(pair, 0), *value = cJSON_GetArrayItem(pair, 1);

		if (points == NULL)
			return;
		if (!cJSON_IsNumber(at) || !cJSON_IsNumber(value) || !isfinite(value->valuedouble) ||
		    !(at->valuedouble > 0 && at->valuedouble < TIME_MOST_MS)) {
			json_error(o, "values", NULL, "each is [milliseconds since 1970, number]");
			return;
		}
		points[entry->count++] = (struct series_point){ { llround(at->valuedouble) }, value->valuedouble };
	}
	entry->points = points;
}

void
series_check(const struct series_list *list, const struct steering *steering, struct diags *diags)
{
	for (size_t i = 0; i < list->count; i++) {
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/series/%zu/region", i);
		if (steering_region_find(steering, list->entries[i].region) == NO_REGION)
			diag_error(diags, request_place(pointer), NULL, "there is no region '%s'",
			    list->entries[i].region);
	}
	for (size_t i = 0; i < list->incident_count; i++) {
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/incidents/%zu/region", i);
		if (steering_region_find(steering, list->incidents[i].region) == NO_REGION)
			diag_error(diags, request_place(pointer), NULL, "there is no region '%s'",
			    list->incidents[i].region);
	}
}

int
series_put(struct store_txn *txn, const struct series_list *list)
{
	int status = 0;

	for (size_t i = 0; i < list->count && status == 0; i++) {
		const struct series_entry *entry = &list->entries[i];

		for (size_t k = 0; k < entry->count && status == 0; k++)
			status = store_sample_put(txn, entry->region, entry->backend, entry->name, entry->unit,
			    entry->points[k].at, entry->points[k].value);
	}
	return status;
}

/* --- POST /v1/samples ------------------------------------------------------------------------------------------ */

void
samples_read_body(struct request *request)
{
	static const char *const known[] = { "series", "incidents", NULL };
	struct series_list *list = arena_alloc(request->arena, sizeof(*list));
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = request_json(request, &o, &diags);

	if (body != NULL && list != NULL) {
		*list = series_read(request, &o, true);
		read_incidents(request, &o, list);
		json_refuse_unknown(&o, known);
	}
	if (body != NULL && list == NULL)
		answer_no_memory(request);
	else if (body != NULL && diag_failed(&diags))
		answer_invalid(request, &diags);
	request->work = list;
	cJSON_Delete(body);
	diag_fini(&diags);
}

/* [{region, from, to}, ...], milliseconds; they become health events, which models are trained on. */
static void
read_incidents(struct request *request, const struct json_object *o, struct series_list *list)
{
	static const char *const known[] = { "region", "from", "to", NULL };
	const cJSON *array = json_array(o, "incidents", false), *value;
	size_t count = array == NULL ? 0 : (size_t)cJSON_GetArraySize(array);
	struct series_incident *incidents = arena_alloc(request->arena, (count + 1) * sizeof(*incidents));

	if (count > SERIES_INCIDENTS_MAX)
		json_error(o, "incidents", NULL, "more than %d", SERIES_INCIDENTS_MAX);
	if (incidents == NULL)
		diag_error(o->diags, request_place(NULL), NULL, "out of memory");
	if (incidents == NULL || count > SERIES_INCIDENTS_MAX)
		return;
	cJSON_ArrayForEach(value, array) {
		struct series_incident *incident = &incidents[list->incident_count];
		struct json_object entry;
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/incidents/%zu", list->incident_count++);
		entry = json_object(value, "request", pointer, o->diags);
		json_refuse_unknown(&entry, known);
		incident->region = read_name(request, &entry, "region", true);
		incident->from.ms = json_integer(&entry, "from", true, 1, (int64_t)TIME_MOST_MS, 1);
		incident->to.ms = json_integer(&entry, "to", true, incident->from.ms + 1, (int64_t)TIME_MOST_MS,
		    incident->from.ms + 1);
	}
	list->incidents = incidents;
}

/* Once it's submitted the request is the writer's. */
void
samples_take(struct request *request)
{
	struct diags diags = { 0 };
	bool submitted = false;

	series_check(request->work, control_snapshot(request->control)->steering, &diags);
	if (diag_failed(&diags))
		answer_invalid(request, &diags);
	else if (request->store == NULL)
		answer_unavailable(request, "isobard serves without a store");
	else if (!(submitted = store_submit(request->store, samples_job, samples_done, request)))
		answer_unavailable(request, "the store's queue is full");
	diag_fini(&diags);
	if (!submitted)
		request_answered(request);
}

static int
samples_job(struct store_txn *txn, void *arg)
{
	const struct request *request = arg;

	int status = series_put(txn, request->work);

	return status == 0 ? put_incidents(txn, request->work) : status;
}

/* Said again, they change nothing: who is down can't go down. */
static int
put_incidents(struct store_txn *txn, const struct series_list *list)
{
	int status = 0;

	for (size_t i = 0; i < list->incident_count && status == 0; i++) {
		const struct series_incident *incident = &list->incidents[i];
		struct health_event event = { .at = incident->from, .region = incident->region, .service = "",
			.state = "down", .cause = "imported" };

		status = store_health_event_put(txn, &event);
		event.at = incident->to;
		event.state = "up";
		if (status == 0)
			status = store_health_event_put(txn, &event);
	}
	return status;
}

static void
samples_done(void *arg, int status)
{
	struct request *request = arg;
	const struct series_list *list = request->work;
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	view_count(&view, root, "samples", list->samples);
	view_count(&view, root, "incidents", list->incident_count);
	if (status < 0) {
		cJSON_Delete(view_take(&view));
		answer_store_trouble(request, status);
	} else {
		answer_json(request, 201, view_take(&view));
	}
	request_answered(request);
}
