/* report.c -- a report as JSON, read strictly and written back (the format is in isobar-api(7)).
 * In: the body of a request and the region of its path. Out: a struct report in an arena of its own, or every error of
 * the body at once, each with its JSON pointer.
 * Threads: any; nothing is shared.
 * Reports come from agents of any version and from scripts of operators, so nothing is guessed: an unknown member is an
 * error with a suggestion, a number is finite and within its bounds, and a name that comes twice is refused, because
 * whichever of the two values won, somebody would steer by the other. */
#include "report/report.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "dns/name.h"

#define FILE_NAME "request"
#define TEXT_MAX 512			/* octets of a detail or an address: a line for people, not a document */
#define SEQUENCE_MAX 9007199254740991	/* 2^53 - 1: the largest integer that JSON numbers hold exactly */
#define RATE_MAX 1e12			/* requests/s; above every machine, and sums of thousands stay exact enough */
#define LATENCY_MAX 3.6e6		/* ms; an hour */
#define UNIX_SECONDS_MAX 253402300799.0	/* the end of the year 9999 */

struct reader {
	struct arena *arena;
	struct diags *diags;
	bool out_of_memory;
};

/* Two names and where they stood, for finding the pairs that come twice. */
struct key {
	const char *first, *second;
	size_t index;
};

static struct report *read_members(struct reader *reader, const cJSON *root, const char *region);
static struct wall read_time(const struct json_object *o);
static void read_backends(struct reader *reader, const struct json_object *o, struct report *report);
static void read_backend(struct reader *reader, const struct json_object *o, struct report_backend *backend);
static void read_loads(struct reader *reader, const struct json_object *o, struct report *report);
static void read_metrics(struct reader *reader, const struct json_object *o, struct report *report);
static size_t read_metric_list(struct reader *reader, const cJSON *list, struct report_metric *metrics);
static size_t read_metric_object(struct reader *reader, const cJSON *object, struct report_metric *metrics);
static void read_residency(struct reader *reader, const struct json_object *o, struct report *report);

static const char *read_name(struct reader *reader, const struct json_object *o, const char *member, bool required);
static const char *read_text(struct reader *reader, const struct json_object *o, const char *member);
static double read_number(const struct json_object *o, const cJSON *item, double least, double most);
static const char *read_service(struct reader *reader, const struct json_object *o, const char *member,
	const char *text);
static bool name_is_valid(const char *text);
static bool text_is_plain(const char *text);
static const char *keep(struct reader *reader, const char *text);
static void *take(struct reader *reader, size_t count, size_t size);
static size_t list_size(const cJSON *value);
static void pointer_make(char pointer[static 256], const char *member, size_t index);
static struct diag_place place_of(const char *pointer);
static void pointer_add(char pointer[static 256], const char *member);

static bool refuse_twice(struct key *keys, size_t count, const char *what, const char *member, bool by_index,
	struct diags *diags);
static int key_compare(const void *a, const void *b);
static struct key *keys_new(struct reader *reader, size_t count);

static cJSON *write_backends(const struct report *report);
static cJSON *write_loads(const struct report *report);
static cJSON *write_metrics(const struct report *report);
static cJSON *write_residency(const struct report *report);
static bool add(cJSON *object, const char *name, cJSON *value);

struct report *
report_read(const char *json, size_t length, const char *region, struct diags *diags)
{
	struct reader reader = { .diags = diags };
	size_t errors = diags->errors;
	struct report *report;
	cJSON *root = json_parse(json, length, FILE_NAME, diags);

	if (root == NULL)
		return NULL;
	reader.arena = arena_new();
	reader.out_of_memory = reader.arena == NULL;
	report = reader.out_of_memory ? NULL : read_members(&reader, root, region);
	cJSON_Delete(root);
	if (reader.out_of_memory)
		diag_error(diags, place_of(""), NULL, "out of memory");
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

char *
report_write(const struct report *report)
{
	char time[CLOCK_TEXT_SIZE];
	cJSON *root = cJSON_CreateObject();
	char *json = NULL;
	bool good = root != NULL &&
	    add(root, "agent", cJSON_CreateString(report->agent)) &&
	    add(root, "sequence", cJSON_CreateNumber((double)report->sequence)) &&
	    add(root, "time", cJSON_CreateString(wall_text(report->time, time)));

	if (good && report->capacity > 0)
		good = add(root, "capacity", cJSON_CreateNumber(report->capacity));
	if (good && report->backend_count > 0)
		good = add(root, "backends", write_backends(report));
	if (good && report->load_count > 0)
		good = add(root, "load", write_loads(report));
	if (good && report->metric_count > 0)
		good = add(root, "metrics", write_metrics(report));
	if (good && report->constrained)
		good = add(root, "residency", write_residency(report));
	if (good)
		json = json_write(root);
	cJSON_Delete(root);
	return json;
}

static struct report *
read_members(struct reader *reader, const cJSON *root, const char *region)
{
	static const char *const known[] = { "agent", "sequence", "time", "capacity", "backends", "load", "metrics",
		"residency", NULL };
	struct json_object o = json_object(root, FILE_NAME, "", reader->diags);
	struct report *report = take(reader, 1, sizeof(*report));

	if (report == NULL || !cJSON_IsObject(root))
		return NULL;
	json_refuse_unknown(&o, known);
	report->arena = reader->arena;
	report->region = keep(reader, region);
	report->agent = read_name(reader, &o, "agent", true);
	report->sequence = (uint64_t)json_integer(&o, "sequence", true, 1, SEQUENCE_MAX, 1);
	report->time = read_time(&o);
	report->capacity = json_number(&o, "capacity", false, 0, RATE_MAX, 0);
	read_backends(reader, &o, report);
	read_loads(reader, &o, report);
	read_metrics(reader, &o, report);
	read_residency(reader, &o, report);
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
read_backends(struct reader *reader, const struct json_object *o, struct report *report)
{
	const cJSON *list = json_array(o, "backends", false), *item;
	size_t count = list_size(list), i = 0;
	struct report_backend *backends;
	struct key *keys;

	if (count > REPORT_BACKENDS_MAX) {
		json_error(o, "backends", NULL, "%zu entries, of %d at most", count, REPORT_BACKENDS_MAX);
		return;
	}
	backends = take(reader, count, sizeof(*backends));
	keys = keys_new(reader, count);
	if (backends == NULL || keys == NULL)
		goto done;
	cJSON_ArrayForEach(item, list) {
		char pointer[256];
		struct json_object entry;

		pointer_make(pointer, "backends", i);
		entry = json_object(item, FILE_NAME, pointer, reader->diags);
		if (cJSON_IsObject(item))
			read_backend(reader, &entry, &backends[i]);
		keys[i] = (struct key){ backends[i].name, backends[i].service, i };
		i++;
	}
	refuse_twice(keys, count, "backend", "backends", true, reader->diags);
	report->backends = backends;
	report->backend_count = count;
done:
	free(keys);
}

static void
read_backend(struct reader *reader, const struct json_object *o, struct report_backend *backend)
{
	static const char *const known[] = { "name", "service", "address", "healthy", "latency_ms", "detail", NULL };

	json_refuse_unknown(o, known);
	backend->name = read_name(reader, o, "name", true);
	backend->service = read_service(reader, o, "service", json_string(o, "service", true, NULL));
	backend->address = read_text(reader, o, "address");
	backend->healthy = json_bool(o, "healthy", true, false);
	backend->latency_ms = json_number(o, "latency_ms", false, 0, LATENCY_MAX, NAN);
	backend->detail = read_text(reader, o, "detail");
}

static void
read_loads(struct reader *reader, const struct json_object *o, struct report *report)
{
	const cJSON *value = json_member(o, "load", false), *item;
	struct json_object loads;
	struct report_load *list;
	struct key *keys;
	size_t count, i = 0;

	if (value == NULL)
		return;
	loads = json_object(value, FILE_NAME, "/load", reader->diags);
	if (!cJSON_IsObject(value))
		return;
	count = list_size(value);
	list = take(reader, count, sizeof(*list));
	keys = keys_new(reader, count);
	if (list == NULL || keys == NULL)
		goto done;
	cJSON_ArrayForEach(item, value) {
		list[i].service = read_service(reader, &loads, item->string, item->string);
		list[i].requests_per_second = read_number(&loads, item, 0, RATE_MAX);
		keys[i] = (struct key){ list[i].service, "", i };
		i++;
	}
	refuse_twice(keys, count, "service", "load", false, reader->diags);
	report->loads = list;
	report->load_count = count;
done:
	free(keys);
}

/* A list of objects, or in short an object of name: value. */
static void
read_metrics(struct reader *reader, const struct json_object *o, struct report *report)
{
	const cJSON *value = json_member(o, "metrics", false);
	struct report_metric *metrics;
	struct key *keys;
	size_t count = list_size(value);

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
	metrics = take(reader, count, sizeof(*metrics));
	keys = keys_new(reader, count);
	if (metrics == NULL || keys == NULL)
		goto done;
	count = cJSON_IsArray(value) ? read_metric_list(reader, value, metrics)
	    : read_metric_object(reader, value, metrics);
	for (size_t i = 0; i < count; i++)
		keys[i] = (struct key){ metrics[i].name, metrics[i].backend, i };
	refuse_twice(keys, count, "metric", "metrics", cJSON_IsArray(value), reader->diags);
	report->metrics = metrics;
	report->metric_count = count;
done:
	free(keys);
}

static size_t
read_metric_list(struct reader *reader, const cJSON *list, struct report_metric *metrics)
{
	static const char *const known[] = { "name", "unit", "value", "backend", NULL };
	const cJSON *item;
	size_t i = 0;

	cJSON_ArrayForEach(item, list) {
		struct report_metric *metric = &metrics[i];
		char pointer[256];
		struct json_object o;

		pointer_make(pointer, "metrics", i++);
		o = json_object(item, FILE_NAME, pointer, reader->diags);
		if (!cJSON_IsObject(item))
			continue;
		json_refuse_unknown(&o, known);
		metric->name = read_name(reader, &o, "name", true);
		metric->unit = read_name(reader, &o, "unit", false);
		metric->backend = read_name(reader, &o, "backend", false);
		metric->value = json_number(&o, "value", true, -DBL_MAX, DBL_MAX, 0);
	}
	return i;
}

static size_t
read_metric_object(struct reader *reader, const cJSON *object, struct report_metric *metrics)
{
	struct json_object o = json_object(object, FILE_NAME, "/metrics", reader->diags);
	const cJSON *item;
	size_t i = 0;

	cJSON_ArrayForEach(item, object) {
		if (!name_is_valid(item->string))
			json_error(&o, item->string, NULL, "not a name: 1 to %d letters, digits and _.:/@- make one",
			    REPORT_NAME_MAX);
		metrics[i].name = keep(reader, item->string);
		metrics[i].unit = "";
		metrics[i].backend = "";
		metrics[i].value = read_number(&o, item, -DBL_MAX, DBL_MAX);
		i++;
	}
	return i;
}

static void
read_residency(struct reader *reader, const struct json_object *o, struct report *report)
{
	static const char *const known[] = { "accepts", NULL };
	const cJSON *value = json_member(o, "residency", false), *list, *item;
	struct json_object residency;
	const char **accepts;
	struct key *keys;
	size_t count, i = 0;

	if (value == NULL)
		return;
	residency = json_object(value, FILE_NAME, "/residency", reader->diags);
	if (!cJSON_IsObject(value))
		return;
	json_refuse_unknown(&residency, known);
	list = json_array(&residency, "accepts", true);
	count = list_size(list);
	accepts = take(reader, count, sizeof(*accepts));
	keys = keys_new(reader, count);
	if (accepts == NULL || keys == NULL)
		goto done;
	cJSON_ArrayForEach(item, list) {
		char pointer[256];

		pointer_make(pointer, "residency/accepts", i);
		if (cJSON_IsString(item) && name_is_valid(item->valuestring))
			accepts[i] = keep(reader, item->valuestring);
		else
			diag_error(reader->diags, place_of(pointer), NULL, "not the name of a client group");
		keys[i] = (struct key){ accepts[i], "", i };
		i++;
	}
	refuse_twice(keys, count, "client group", "residency/accepts", true, reader->diags);
	report->constrained = true;
	report->accepts = accepts;
	report->accept_count = count;
done:
	free(keys);
}

/* --- members of one kind ------------------------------------------------------------------------------------- */

/* "" when the member is absent and not required. */
static const char *
read_name(struct reader *reader, const struct json_object *o, const char *member, bool required)
{
	const char *text = json_string(o, member, required, NULL);

	if (text == NULL || (text[0] == '\0' && !required))
		return "";
	if (!name_is_valid(text))
		json_error(o, member, NULL, "not a name: 1 to %d letters, digits and _.:/@- make one",
		    REPORT_NAME_MAX);
	return keep(reader, text);
}

static const char *
read_text(struct reader *reader, const struct json_object *o, const char *member)
{
	const char *text = json_string(o, member, false, "");

	if (text == NULL)
		return "";
	if (strlen(text) > TEXT_MAX)
		json_error(o, member, NULL, "longer than %d octets", TEXT_MAX);
	else if (!text_is_plain(text))
		json_error(o, member, NULL, "control characters are not allowed");
	return keep(reader, text);
}

/* The member itself, not its name: looking thousands of members up by name in one object costs the square. */
static double
read_number(const struct json_object *o, const cJSON *item, double least, double most)
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
static const char *
read_service(struct reader *reader, const struct json_object *o, const char *member, const char *text)
{
	uint8_t wire[NAME_MAX];
	char canonical[NAME_TEXT_SIZE];

	if (text == NULL)
		return "";
	if (text[0] == '\0' || name_parse(text, wire) == 0) {
		json_error(o, member, NULL, "'%s' is not a domain name", text);
		return "";
	}
	return keep(reader, name_text(wire, canonical));
}

static bool
name_is_valid(const char *text)
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

static const char *
keep(struct reader *reader, const char *text)
{
	const char *copy = arena_text(reader->arena, text);

	if (copy == NULL)
		reader->out_of_memory = true;
	return copy == NULL ? "" : copy;
}

static void *
take(struct reader *reader, size_t count, size_t size)
{
	void *p = arena_alloc(reader->arena, (count == 0 ? 1 : count) * size);

	if (p == NULL)
		reader->out_of_memory = true;
	return p;
}

static size_t
list_size(const cJSON *value)
{
	return value == NULL ? 0 : (size_t)cJSON_GetArraySize(value);
}

static void
pointer_make(char pointer[static 256], const char *member, size_t index)
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

static struct diag_place
place_of(const char *pointer)
{
	return (struct diag_place){ .file = FILE_NAME, .pointer = pointer };
}

/* --- what comes twice ---------------------------------------------------------------------------------------- */

/* Sorts `keys`; the later one of each equal pair is the error. Entries without a name had their error already. */
static bool
refuse_twice(struct key *keys, size_t count, const char *what, const char *member, bool by_index, struct diags *diags)
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
			pointer_make(pointer, member, keys[i].index);
		} else {
			pointer_add(pointer, member);
			pointer_add(pointer, keys[i].first);
		}
		diag_error(diags, place_of(pointer), NULL, "%s '%s'%s%s%s is given twice", what, keys[i].first,
		    keys[i].second[0] == '\0' ? "" : " of '", keys[i].second, keys[i].second[0] == '\0' ? "" : "'");
		twice = true;
	}
	return twice;
}

static int
key_compare(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int order = strcmp(x->first, y->first);

	if (order == 0)
		order = strcmp(x->second, y->second);
	return order != 0 ? order : x->index < y->index ? -1 : x->index > y->index;
}

static struct key *
keys_new(struct reader *reader, size_t count)
{
	struct key *keys = calloc(count == 0 ? 1 : count, sizeof(*keys));

	if (keys == NULL)
		reader->out_of_memory = true;
	return keys;
}

/* --- writing ------------------------------------------------------------------------------------------------- */

static cJSON *
write_backends(const struct report *report)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < report->backend_count && list != NULL; i++) {
		const struct report_backend *backend = &report->backends[i];
		cJSON *entry = cJSON_CreateObject();
		bool good = entry != NULL && cJSON_AddItemToArray(list, entry) &&
		    add(entry, "name", cJSON_CreateString(backend->name)) &&
		    add(entry, "service", cJSON_CreateString(backend->service)) &&
		    add(entry, "address", cJSON_CreateString(backend->address)) &&
		    add(entry, "healthy", cJSON_CreateBool(backend->healthy));

		if (good && isfinite(backend->latency_ms))
			good = add(entry, "latency_ms", cJSON_CreateNumber(backend->latency_ms));
		if (good && backend->detail[0] != '\0')
			good = add(entry, "detail", cJSON_CreateString(backend->detail));
		if (!good) {
			cJSON_Delete(list);
			list = NULL;
		}
	}
	return list;
}

static cJSON *
write_loads(const struct report *report)
{
	cJSON *object = cJSON_CreateObject();

	for (size_t i = 0; i < report->load_count && object != NULL; i++) {
		if (!add(object, report->loads[i].service, cJSON_CreateNumber(report->loads[i].requests_per_second))) {
			cJSON_Delete(object);
			object = NULL;
		}
	}
	return object;
}

static cJSON *
write_metrics(const struct report *report)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < report->metric_count && list != NULL; i++) {
		const struct report_metric *metric = &report->metrics[i];
		cJSON *entry = cJSON_CreateObject();
		bool good = entry != NULL && cJSON_AddItemToArray(list, entry) &&
		    add(entry, "name", cJSON_CreateString(metric->name)) &&
		    add(entry, "value", cJSON_CreateNumber(metric->value));

		if (good && metric->unit[0] != '\0')
			good = add(entry, "unit", cJSON_CreateString(metric->unit));
		if (good && metric->backend[0] != '\0')
			good = add(entry, "backend", cJSON_CreateString(metric->backend));
		if (!good) {
			cJSON_Delete(list);
			list = NULL;
		}
	}
	return list;
}

static cJSON *
write_residency(const struct report *report)
{
	cJSON *object = cJSON_CreateObject(), *list = cJSON_CreateArray();

	if (object == NULL || !add(object, "accepts", list)) {
		cJSON_Delete(object);
		return NULL;
	}
	for (size_t i = 0; i < report->accept_count; i++) {
		cJSON *name = cJSON_CreateString(report->accepts[i]);

		if (name == NULL || !cJSON_AddItemToArray(list, name)) {
			cJSON_Delete(name);
			cJSON_Delete(object);
			return NULL;
		}
	}
	return object;
}

/* Takes `value`; it is freed when it couldn't be added. Names are looked up by cJSON only on reading, so adding many
 * costs no search. */
static bool
add(cJSON *object, const char *name, cJSON *value)
{
	if (value != NULL && cJSON_AddItemToObject(object, name, value))
		return true;
	cJSON_Delete(value);
	return false;
}
