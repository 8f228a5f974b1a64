/* report.c -- a report as JSON, read strictly (the format is in isobar-api(7)).
 * In: the body of a request and the region of its path. Out: a struct report in an arena of its own, or every error of
 * the body at once, each with its JSON pointer.
 * Threads: any; nothing is shared.
 * Reports come from agents of any version and from scripts of operators, so nothing is guessed: an unknown member is an
 * error with a suggestion, a number is finite and within its bounds, and a name that comes twice is refused, because
 * whichever of the two values won, somebody would steer by the other. */
#include "report/report.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "report/fields.h"

#define SEQUENCE_MAX 9007199254740991	/* 2^53 - 1: the largest integer that JSON numbers hold exactly */
#define UNIX_SECONDS_MAX 253402300799.0	/* the end of the year 9999 */

static struct report *read_members(struct report_reader *reader, const cJSON *root, const char *region);
static struct wall read_time(const struct json_object *o);
static void read_backends(struct report_reader *reader, const struct json_object *o, struct report *report);
static void read_backend(struct report_reader *reader, const struct json_object *o, struct report_backend *backend);
static void read_loads(struct report_reader *reader, const struct json_object *o, struct report *report);
static void read_metrics(struct report_reader *reader, const struct json_object *o, struct report *report);
static size_t read_metric_list(struct report_reader *reader, const cJSON *list, struct report_metric *metrics);
static size_t read_metric_object(struct report_reader *reader, const cJSON *object, struct report_metric *metrics);
static void read_residency(struct report_reader *reader, const struct json_object *o, struct report *report);
static void read_latencies(struct report_reader *reader, const struct json_object *o, struct report *report);

struct report *
report_read(const char *json, size_t length, const char *region, struct diags *diags)
{
	struct report_reader reader = { .diags = diags };
	size_t errors = diags->errors;
	struct report *report;
	cJSON *root = json_parse(json, length, REPORT_FILE_NAME, diags);

	if (root == NULL)
		return NULL;
	reader.arena = arena_new();
	reader.out_of_memory = reader.arena == NULL;
	report = reader.out_of_memory ? NULL : read_members(&reader, root, region);
	cJSON_Delete(root);
	if (reader.out_of_memory)
		diag_error(diags, field_place(""), NULL, "out of memory");
	if (diags->errors == errors && report != NULL)
		return report;
	arena_free(reader.arena);
	return NULL;
}

void
report_free(struct report *report)
{
	if (report != NULL)
		arena_free(report->arena);
}

static struct report *
read_members(struct report_reader *reader, const cJSON *root, const char *region)
{
	static const char *const known[] = { "agent", "sequence", "time", "capacity", "backends", "load", "metrics",
		"residency", "latency", NULL };
	struct json_object o = json_object(root, REPORT_FILE_NAME, "", reader->diags);
	struct report *report = field_room(reader, 1, sizeof(*report));

	if (report == NULL || !cJSON_IsObject(root))
		return NULL;
	json_refuse_unknown(&o, known);
	report->arena = reader->arena;
	report->region = field_keep(reader, region);
	report->agent = field_name(reader, &o, "agent", true);
	report->sequence = (uint64_t)json_integer(&o, "sequence", true, 1, SEQUENCE_MAX, 1);
	report->time = read_time(&o);
	report->capacity = json_number(&o, "capacity", false, 0, REPORT_RATE_MAX, 0);
	read_backends(reader, &o, report);
	read_loads(reader, &o, report);
	read_metrics(reader, &o, report);
	read_residency(reader, &o, report);
	read_latencies(reader, &o, report);
	return reader->out_of_memory ? NULL : report;
}

/* RFC 3339, or seconds since 1970 as a number: shells and many agents have only the latter at hand. */
static struct wall
read_time(const struct json_object *o)
{
	const cJSON *value = json_member(o, "time", true);
	struct wall at = { 0 };

	if (value == NULL)
		return at;
	if (cJSON_IsNumber(value)) {
		at.ms = (int64_t)llround(1000 * json_number(o, "time", true, 0, UNIX_SECONDS_MAX, 0));
		return at;
	}
	if (!cJSON_IsString(value) || wall_parse(value->valuestring, &at) != 0)
		json_error(o, "time", NULL, "not a time: give 2026-11-22T16:20:52Z or Unix seconds");
	else if (at.ms < 0 || (double)at.ms > UNIX_SECONDS_MAX * 1000)
		json_error(o, "time", NULL, "%s is not within the years 1970 to 9999", value->valuestring);
	return at;
}

static void
read_backends(struct report_reader *reader, const struct json_object *o, struct report *report)
{
	const cJSON *list = json_array(o, "backends", false), *item;
	size_t count = field_list_size(list), i = 0;
	struct report_backend *backends;
	struct field_key *keys;

	if (count > REPORT_BACKENDS_MAX) {
		json_error(o, "backends", NULL, "%zu entries, of %d at most", count, REPORT_BACKENDS_MAX);
		return;
	}
	backends = field_room(reader, count, sizeof(*backends));
	keys = field_keys(reader, count);
	if (backends == NULL || keys == NULL)
		goto done;
	cJSON_ArrayForEach(item, list) {
		char pointer[256];
		struct json_object entry;

		field_pointer(pointer, "backends", i);
		entry = json_object(item, REPORT_FILE_NAME, pointer, reader->diags);
		if (cJSON_IsObject(item))
			read_backend(reader, &entry, &backends[i]);
		keys[i] = (struct field_key){ backends[i].name, backends[i].service, i };
		i++;
	}
	field_refuse_twice(keys, count, "backend", "backends", true, reader->diags);
	report->backends = backends;
	report->backend_count = count;
done:
	free(keys);
}

static void
read_backend(struct report_reader *reader, const struct json_object *o, struct report_backend *backend)
{
	static const char *const known[] = { "name", "service", "address", "healthy", "latency_ms", "detail", NULL };

	json_refuse_unknown(o, known);
	backend->name = field_name(reader, o, "name", true);
	backend->service = field_service(reader, o, "service", json_string(o, "service", true, NULL));
	backend->address = field_text(reader, o, "address");
	backend->healthy = json_bool(o, "healthy", true, false);
	backend->latency_ms = json_number(o, "latency_ms", false, 0, REPORT_LATENCY_MAX_MS, NAN);
	backend->detail = field_text(reader, o, "detail");
}

static void
read_loads(struct report_reader *reader, const struct json_object *o, struct report *report)
{
	const cJSON *value = json_member(o, "load", false), *item;
	struct json_object loads;
	struct report_load *list;
	struct field_key *keys;
	size_t count, i = 0;

	if (value == NULL)
		return;
	loads = json_object(value, REPORT_FILE_NAME, "/load", reader->diags);
	if (!cJSON_IsObject(value))
		return;
	count = field_list_size(value);
	list = field_room(reader, count, sizeof(*list));
	keys = field_keys(reader, count);
	if (list == NULL || keys == NULL)
		goto done;
	cJSON_ArrayForEach(item, value) {
		list[i].service = field_service(reader, &loads, item->string, item->string);
		list[i].requests_per_second = field_number(&loads, item, 0, REPORT_RATE_MAX);
		keys[i] = (struct field_key){ list[i].service, "", i };
		i++;
	}
	field_refuse_twice(keys, count, "service", "load", false, reader->diags);
	report->loads = list;
	report->load_count = count;
done:
	free(keys);
}

/* A list of objects, or in short an object of name: value. */
static void
read_metrics(struct report_reader *reader, const struct json_object *o, struct report *report)
{
	const cJSON *value = json_member(o, "metrics", false);
	struct report_metric *metrics;
	struct field_key *keys;
	size_t count = field_list_size(value);

	if (value == NULL)
		return;
	if (!cJSON_IsArray(value) && !cJSON_IsObject(value)) {
		json_error(o, "metrics", NULL, "must be an array of metrics or an object of name: value");
		return;
	}
	if (count > REPORT_METRICS_MAX) {
		json_error(o, "metrics", NULL, "%zu entries, of %d at most", count, REPORT_METRICS_MAX);
		return;
	}
	metrics = field_room(reader, count, sizeof(*metrics));
	keys = field_keys(reader, count);
	if (metrics == NULL || keys == NULL)
		goto done;
	count = cJSON_IsArray(value) ? read_metric_list(reader, value, metrics)
	    : read_metric_object(reader, value, metrics);
	for (size_t i = 0; i < count; i++)
		keys[i] = (struct field_key){ metrics[i].name, metrics[i].backend, i };
	field_refuse_twice(keys, count, "metric", "metrics", cJSON_IsArray(value), reader->diags);
	report->metrics = metrics;
	report->metric_count = count;
done:
	free(keys);
}

static size_t
read_metric_list(struct report_reader *reader, const cJSON *list, struct report_metric *metrics)
{
	static const char *const known[] = { "name", "unit", "value", "backend", NULL };
	const cJSON *item;
	size_t i = 0;

	cJSON_ArrayForEach(item, list) {
		struct report_metric *metric = &metrics[i];
		char pointer[256];
		struct json_object o;

		field_pointer(pointer, "metrics", i++);
		o = json_object(item, REPORT_FILE_NAME, pointer, reader->diags);
		if (!cJSON_IsObject(item))
			continue;
		json_refuse_unknown(&o, known);
		metric->name = field_name(reader, &o, "name", true);
		metric->unit = field_name(reader, &o, "unit", false);
		metric->backend = field_name(reader, &o, "backend", false);
		metric->value = json_number(&o, "value", true, -DBL_MAX, DBL_MAX, 0);
	}
	return i;
}

static size_t
read_metric_object(struct report_reader *reader, const cJSON *object, struct report_metric *metrics)
{
	struct json_object o = json_object(object, REPORT_FILE_NAME, "/metrics", reader->diags);
	const cJSON *item;
	size_t i = 0;

	cJSON_ArrayForEach(item, object) {
		if (!field_is_name(item->string))
			json_error(&o, item->string, NULL, "not a name: 1 to %d letters, digits and _.:/@- make one",
			    REPORT_NAME_MAX);
		metrics[i].name = field_keep(reader, item->string);
		metrics[i].unit = "";
		metrics[i].backend = "";
		metrics[i].value = field_number(&o, item, -DBL_MAX, DBL_MAX);
		i++;
	}
	return i;
}

static void
read_residency(struct report_reader *reader, const struct json_object *o, struct report *report)
{
	static const char *const known[] = { "accepts", NULL };
	const cJSON *value = json_member(o, "residency", false), *list, *item;
	struct json_object residency;
	const char **accepts;
	struct field_key *keys;
	size_t count, i = 0;

	if (value == NULL)
		return;
	residency = json_object(value, REPORT_FILE_NAME, "/residency", reader->diags);
	if (!cJSON_IsObject(value))
		return;
	json_refuse_unknown(&residency, known);
	list = json_array(&residency, "accepts", true);
	count = field_list_size(list);
	accepts = field_room(reader, count, sizeof(*accepts));
	keys = field_keys(reader, count);
	if (accepts == NULL || keys == NULL)
		goto done;
	cJSON_ArrayForEach(item, list) {
		char pointer[256];

		field_pointer(pointer, "residency/accepts", i);
		if (cJSON_IsString(item) && field_is_name(item->valuestring))
			accepts[i] = field_keep(reader, item->valuestring);
		else
			diag_error(reader->diags, field_place(pointer), NULL, "not the name of a client group");
		keys[i] = (struct field_key){ accepts[i], "", i };
		i++;
	}
	field_refuse_twice(keys, count, "client group", "residency/accepts", true, reader->diags);
	report->constrained = true;
	report->accepts = accepts;
	report->accept_count = count;
done:
	free(keys);
}

/* What an agent measured of its clients. Names are checked against the steering when they are used: a group may be made
 * after the agent's file was. */
static void
read_latencies(struct report_reader *reader, const struct json_object *o, struct report *report)
{
	static const char *const known[] = { "clients", "ms", NULL };
	const cJSON *list = json_array(o, "latency", false), *item;
	size_t count = field_list_size(list), i = 0;
	struct report_latency *latencies;
	struct field_key *keys;

	if (count > REPORT_LATENCIES_MAX) {
		json_error(o, "latency", NULL, "%zu entries, of %d at most", count, REPORT_LATENCIES_MAX);
		return;
	}
	latencies = field_room(reader, count, sizeof(*latencies));
	keys = field_keys(reader, count);
	if (latencies == NULL || keys == NULL)
		goto done;
	cJSON_ArrayForEach(item, list) {
		char pointer[256];
		struct json_object entry;

		field_pointer(pointer, "latency", i);
		entry = json_object(item, REPORT_FILE_NAME, pointer, reader->diags);
		latencies[i].clients = "";
		if (cJSON_IsObject(item)) {
			json_refuse_unknown(&entry, known);
			latencies[i].clients = field_name(reader, &entry, "clients", true);
			latencies[i].ms = json_number(&entry, "ms", true, 0, REPORT_LATENCY_MS_MAX, 0);
		}
		keys[i] = (struct field_key){ latencies[i].clients, "", i };
		i++;
	}
	field_refuse_twice(keys, count, "the latency of", "latency", true, reader->diags);
	report->measured = list != NULL;
	report->latencies = latencies;
	report->latency_count = count;
done:
	free(keys);
}
