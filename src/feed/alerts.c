/* alerts.c -- alerts as weather services publish them: features of GeoJSON with CAP's fields, or CAP 1.2.
 * In: the document, as JSON; cap_xml.c makes that of XML.  Out: a signal for each alert and region that it concerns.
 * The life of an alert (CAP 1.2 section 3.2.1): an Update takes the place of the messages that it refers to, a Cancel
 * takes them back. Only messages that are meant (status Actual) do either: an exercise must not end a real alert.
 * What isn't in the document any more has ended; the API sees to that. So one document is all that's needed, and no
 * state of our own: services list what is in force.
 * A region is concerned when its location lies in the area, or when the area goes by a code or name that the feed is
 * said to call the region.
 * Threads: one pull, one thread. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "feed/area.h"
#include "feed/pulled.h"

/* Identifiers that an Update or Cancel refers to; borrowed from the document, or copies in the arena. */
struct replaced {
	const char **ids;
	size_t count, size;
};

/* One alert, wherever its fields stand. */
struct alert {
	const cJSON *fields;		/* severity, onset, .. : a feature's properties, or CAP's info */
	const char *id, *sent;
	const cJSON *head;		/* status, message type, references */
	char pointer[200];
};

static void read_message(struct pulled *pulled, const struct replaced *replaced, const cJSON *head,
	const char *pointer, const cJSON *feature);
static const cJSON *message_head(const struct pulled *pulled, const cJSON *message);
static const cJSON *messages_of(struct pulled *pulled, const cJSON *document, const char **pointer);
static void read_messages(struct pulled *pulled, const cJSON *document);
static bool is_geojson(const struct pulled *pulled);
static void collect_replaced(struct pulled *pulled, const cJSON *head, struct replaced *replaced);
static void add_reference(struct pulled *pulled, struct replaced *replaced, const cJSON *reference);
static void add_replaced(struct pulled *pulled, struct replaced *replaced, const char *id, size_t length);
static bool is_replaced(const struct replaced *replaced, const char *id);
static int compare_ids(const void *a, const void *b);
static const char *message_type(const cJSON *head);
static bool is_meant(const cJSON *head);
static const char *message_id(const cJSON *head, const cJSON *feature);
static void read_alert(struct pulled *pulled, const struct alert *alert, const struct region_set *regions);
static double level_of(struct pulled *pulled, const struct alert *alert, const char *name,
	bool (*word_of)(const char *word, double *value));
static bool time_of(struct pulled *pulled, const struct alert *alert, const char *const *names, struct wall *at);
static bool places_of_feature(struct pulled *pulled, const cJSON *feature, const char *pointer,
	struct region_set *regions);
static bool places_of_info(struct pulled *pulled, const cJSON *info, const char *pointer, struct region_set *regions);
static bool places_of_area(struct pulled *pulled, const cJSON *area, const char *pointer, struct region_set *regions);
static bool each_text(struct pulled *pulled, const struct places *places, const cJSON *value, const char *pointer,
	struct region_set *regions, bool (*read)(const char *text, const struct places *places, const char *file,
	    const char *pointer, struct region_set *inside, struct diags *diags));
static void places_by_code(struct pulled *pulled, const cJSON *value, struct region_set *regions);
static void places_by_name(struct pulled *pulled, const char *names, struct region_set *regions);
static void add_called(struct pulled *pulled, const char *called, struct region_set *regions);
static struct places all_places(const struct pulled *pulled);
static const char *text_of(const cJSON *object, const char *name);
static void note(struct pulled *pulled, const char *pointer, const char *name, const char *what);

void
pulled_read_geojson(struct pulled *pulled, const cJSON *document)
{
	read_messages(pulled, document);
}

void
pulled_read_cap(struct pulled *pulled, const cJSON *document)
{
	read_messages(pulled, document);
}

/* Twice over all: who is replaced must be known before the first is taken. */
static void
read_messages(struct pulled *pulled, const cJSON *document)
{
	struct replaced replaced = { 0 };
	const char *pointer = "";
	const cJSON *list = messages_of(pulled, document, &pointer), *message;
	bool single = list != NULL && !cJSON_IsArray(list);
	size_t index = 0;

	if (list == NULL)
		return;
	for (message = single ? list : list->child; message != NULL; message = single ? NULL : message->next)
		collect_replaced(pulled, message_head(pulled, message), &replaced);
	if (replaced.count > 0)
		qsort(replaced.ids, replaced.count, sizeof(*replaced.ids), compare_ids);
	for (message = single ? list : list->child; message != NULL; message = single ? NULL : message->next) {
		char at[200];

		snprintf(at, sizeof(at), single ? "%.150s" : "%.150s/%zu", pointer, index++);
		read_message(pulled, &replaced, message_head(pulled, message), at, message);
	}
	free(replaced.ids);
	if (pulled->items > 0 && pulled->left_out == pulled->items)
		pulled_fail(pulled, "none of %zu alerts could be read: %s: %s", pulled->items,
		    pulled->notes.count > 0 ? pulled->notes.list[0].pointer : "",
		    pulled->notes.count > 0 ? pulled->notes.list[0].message : "");
}

/* An array, or one message. NULL: failed. */
static const cJSON *
messages_of(struct pulled *pulled, const cJSON *document, const char **pointer)
{
	const char *type = text_of(document, "type");
	const cJSON *list;

	if (!is_geojson(pulled)) {
		list = json_at(document, pulled->feed->items);
		*pointer = pulled->feed->items;
		if (!cJSON_IsArray(list) && !cJSON_IsObject(list))
			pulled_fail(pulled, "%s: neither an alert nor a list of alerts", *pointer);
		return cJSON_IsArray(list) || cJSON_IsObject(list) ? list : NULL;
	}
	if (strcmp(type, "Feature") == 0)
		return document;
	*pointer = "/features";
	list = cJSON_GetObjectItemCaseSensitive(document, "features");
	if (strcmp(type, "FeatureCollection") == 0 && cJSON_IsArray(list))
		return list;
	pulled_fail(pulled, "/type: not a FeatureCollection with features");
	return NULL;
}

/* Otherwise CAP. */
static bool
is_geojson(const struct pulled *pulled)
{
	return pulled->feed->kind == FEED_GEOJSON;
}

static const cJSON *
message_head(const struct pulled *pulled, const cJSON *message)
{
	const cJSON *inner = cJSON_GetObjectItemCaseSensitive(message, is_geojson(pulled) ? "properties" : "alert");

	return inner == NULL && !is_geojson(pulled) ? message : inner;
}

/* --- who replaces whom ----------------------------------------------------------------------------------------- */

static void
collect_replaced(struct pulled *pulled, const cJSON *head, struct replaced *replaced)
{
	const char *type = message_type(head);
	const cJSON *references = cJSON_GetObjectItemCaseSensitive(head, "references"), *reference;

	if (!is_meant(head) || (strcasecmp(type, "Update") != 0 && strcasecmp(type, "Cancel") != 0))
		return;
	if (!cJSON_IsArray(references)) {
		add_reference(pulled, replaced, references);
		return;
	}
	cJSON_ArrayForEach(reference, references) {
		add_reference(pulled, replaced, reference);
	}
}

/* An object with the identifier, or CAP's text: "sender,identifier,sent sender,identifier,sent". */
static void
add_reference(struct pulled *pulled, struct replaced *replaced, const cJSON *reference)
{
	const char *id = text_of(reference, "identifier"), *at;

	if (id[0] != '\0')
		add_replaced(pulled, replaced, id, strlen(id));
	if (!cJSON_IsString(reference))
		return;
	for (at = reference->valuestring; *(at += strspn(at, " \t\r\n")) != '\0'; at += strcspn(at, " \t\r\n")) {
		size_t length = strcspn(at, " \t\r\n"), sender = strcspn(at, ", \t\r\n");
		const char *second = at[sender] == ',' ? at + sender + 1 : at;

		if (second == at)
			add_replaced(pulled, replaced, at, length);
		else
			add_replaced(pulled, replaced, second, strcspn(second, ", \t\r\n"));
	}
}

static void
add_replaced(struct pulled *pulled, struct replaced *replaced, const char *id, size_t length)
{
	char *copy = arena_alloc(pulled->arena, length + 1);

	if (copy != NULL && replaced->count == replaced->size) {
		size_t size = replaced->size == 0 ? 64 : 2 * replaced->size;
		const char **longer = reallocarray(replaced->ids, size, sizeof(*longer));

		if (longer != NULL) {
			replaced->ids = longer;
			replaced->size = size;
		} else {
			copy = NULL;
		}
	}
	if (copy == NULL) {
		pulled_fail(pulled, "out of memory");
		return;
	}
	memcpy(copy, id, length);
	replaced->ids[replaced->count++] = copy;
}

static bool
is_replaced(const struct replaced *replaced, const char *id)
{
	return replaced->count > 0 &&
	    bsearch(&id, replaced->ids, replaced->count, sizeof(*replaced->ids), compare_ids) != NULL;
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *
message_type(const cJSON *head)
{
	const char *type = text_of(head, "msgType");

	return type[0] != '\0' ? type : text_of(head, "messageType");
}

/* A service that publishes no status means what it says. */
static bool
is_meant(const cJSON *head)
{
	const char *status = text_of(head, "status");

	return status[0] == '\0' || strcasecmp(status, "Actual") == 0;
}

/* --- one message ----------------------------------------------------------------------------------------------- */

static void
read_message(struct pulled *pulled, const struct replaced *replaced, const cJSON *head, const char *pointer,
	const cJSON *feature)
{
	const char *type = message_type(head);
	struct alert alert = { .fields = head, .head = head, .id = message_id(head, feature) };
	const cJSON *infos = cJSON_GetObjectItemCaseSensitive(head, "info"), *info;
	size_t errors = pulled->notes.errors, index = 0;

	pulled->items++;
	if (!cJSON_IsObject(head))
		note(pulled, pointer, "", "isn't an alert");
	else if (alert.id[0] == '\0')
		note(pulled, pointer, is_geojson(pulled) ? "/properties/id" : "/identifier", "is missing");
	else if (is_meant(head) && (type[0] == '\0' || strcasecmp(type, "Alert") == 0 ||
	    strcasecmp(type, "Update") == 0) && !is_replaced(replaced, alert.id)) {
		struct region_set regions = { { 0 } };

		if (is_geojson(pulled)) {
			snprintf(alert.pointer, sizeof(alert.pointer), "%.150s/properties", pointer);
			places_of_feature(pulled, feature, pointer, &regions);
			read_alert(pulled, &alert, &regions);
		} else {
			for (info = cJSON_IsArray(infos) ? infos->child : infos; info != NULL; info = info->next) {
				snprintf(alert.pointer, sizeof(alert.pointer),
				    cJSON_IsArray(infos) ? "%.150s/info/%zu" : "%.150s/info", pointer, index++);
				alert.fields = info;
				regions = (struct region_set){ { 0 } };
				places_of_info(pulled, info, alert.pointer, &regions);
				read_alert(pulled, &alert, &regions);
				if (!cJSON_IsArray(infos))
					break;
			}
		}
	}
	pulled->left_out += pulled->notes.errors > errors;
}

static const char *
message_id(const cJSON *head, const cJSON *feature)
{
	static const char *const names[] = { "identifier", "id" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_of(head, names[i])[0] != '\0')
			return text_of(head, names[i]);
	return text_of(feature, "id");
}

/* Urgency Past: "responsive action is no longer required". */
static void
read_alert(struct pulled *pulled, const struct alert *alert, const struct region_set *regions)
{
	static const char *const onsets[] = { "onset", "effective", "sent", NULL };
	static const char *const ends[] = { "ends", "expires", NULL };
	struct pulled_signal signal = { .id = alert->id, .text = text_of(alert->fields, "headline") };

	if (region_set_is_empty(*regions) || strcasecmp(text_of(alert->fields, "urgency"), "Past") == 0)
		return;
	if (signal.text[0] == '\0')
		signal.text = text_of(alert->fields, "event");
	signal.severity = level_of(pulled, alert, "severity", words_severity);
	signal.certainty = level_of(pulled, alert, "certainty", words_certainty);
	signal.expires = (struct wall){ pulled->now.ms + pulled->feed->lasts_ms };
	if (!time_of(pulled, alert, onsets, &signal.onset) || !time_of(pulled, alert, ends, &signal.expires))
		signal.severity = (double)NAN;
	if (signal.expires.ms > pulled->now.ms)
		pulled_signals_add(pulled, regions, signal);
}

static double
level_of(struct pulled *pulled, const struct alert *alert, const char *name,
	bool (*word_of)(const char *word, double *value))
{
	const char *word = text_of(alert->fields, name);
	double value;

	if (word_of(word[0] == '\0' ? "Unknown" : word, &value))
		return value;
	note(pulled, alert->pointer, name, "isn't a word of CAP");
	return (double)NAN;
}

/* The first that is there; an alert without any of them keeps what it had. */
static bool
time_of(struct pulled *pulled, const struct alert *alert, const char *const *names, struct wall *at)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		const cJSON *value = cJSON_GetObjectItemCaseSensitive(alert->fields, names[i]);

		if (value == NULL)
			value = cJSON_GetObjectItemCaseSensitive(alert->head, names[i]);
		if (value == NULL || cJSON_IsNull(value))
			continue;
		if (words_time(value, at))
			return true;
		note(pulled, alert->pointer, names[i], "is no time (RFC 3339)");
		return false;
	}
	return true;
}

/* --- where ----------------------------------------------------------------------------------------------------- */

static bool
places_of_feature(struct pulled *pulled, const cJSON *feature, const char *pointer, struct region_set *regions)
{
	const cJSON *geometry = cJSON_GetObjectItemCaseSensitive(feature, "geometry");
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(feature, "properties");
	struct places places = all_places(pulled);
	char inner[256];

	places_by_code(pulled, cJSON_GetObjectItemCaseSensitive(properties, "geocode"), regions);
	places_by_name(pulled, text_of(properties, "areaDesc"), regions);
	if (geometry == NULL || cJSON_IsNull(geometry))
		return true;
	snprintf(inner, sizeof(inner), "%.200s/geometry", pointer);
	return area_geojson(geometry, &places, pulled->feed->name, inner, regions, &pulled->notes);
}

static bool
places_of_info(struct pulled *pulled, const cJSON *info, const char *pointer, struct region_set *regions)
{
	const cJSON *areas = cJSON_GetObjectItemCaseSensitive(info, "area"), *area;
	size_t index = 0;
	bool good = true;
	char inner[256];

	if (cJSON_IsObject(areas)) {
		snprintf(inner, sizeof(inner), "%.200s/area", pointer);
		return places_of_area(pulled, areas, inner, regions);
	}
	cJSON_ArrayForEach(area, areas) {
		snprintf(inner, sizeof(inner), "%.200s/area/%zu", pointer, index++);
		good = places_of_area(pulled, area, inner, regions) && good;
	}
	return good;
}

static bool
places_of_area(struct pulled *pulled, const cJSON *area, const char *pointer, struct region_set *regions)
{
	struct places places = all_places(pulled);
	char inner[256];
	bool good;

	places_by_code(pulled, cJSON_GetObjectItemCaseSensitive(area, "geocode"), regions);
	places_by_name(pulled, text_of(area, "areaDesc"), regions);
	snprintf(inner, sizeof(inner), "%.200s/polygon", pointer);
	good = each_text(pulled, &places, cJSON_GetObjectItemCaseSensitive(area, "polygon"), inner, regions,
	    area_cap_polygon);
	snprintf(inner, sizeof(inner), "%.200s/circle", pointer);
	return each_text(pulled, &places, cJSON_GetObjectItemCaseSensitive(area, "circle"), inner, regions,
	    area_cap_circle) && good;
}

/* One text, or an array of them. */
static bool
each_text(struct pulled *pulled, const struct places *places, const cJSON *value, const char *pointer,
	struct region_set *regions, bool (*read)(const char *text, const struct places *places, const char *file,
	    const char *pointer, struct region_set *inside, struct diags *diags))
{
	const cJSON *item, *list = cJSON_IsArray(value) ? value : NULL;
	bool good = true;

	if (cJSON_IsString(value))
		return read(value->valuestring, places, pulled->feed->name, pointer, regions, &pulled->notes);
	cJSON_ArrayForEach(item, list) {
		if (cJSON_IsString(item))
			good = read(item->valuestring, places, pulled->feed->name, pointer, regions,
			    &pulled->notes) && good;
	}
	return good;
}

/* {"UGC": ["CAZ006"], "SAME": [...]}, {"valueName": "UGC", "value": "CAZ006"}, or a list of these. */
static void
places_by_code(struct pulled *pulled, const cJSON *value, struct region_set *regions)
{
	const cJSON *item;

	if (cJSON_IsString(value))
		add_called(pulled, value->valuestring, regions);
	cJSON_ArrayForEach(item, value) {	/* as deep as the JSON, which is bounded */
		places_by_code(pulled, item, regions);
	}
}

/* "Alameda; Contra Costa" */
static void
places_by_name(struct pulled *pulled, const char *names, struct region_set *regions)
{
	for (const char *at = names; *at != '\0'; at += strcspn(at, ";")) {
		char name[256];

		at += strspn(at, "; ");
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ";"), at);
		add_called(pulled, name, regions);
	}
}

static void
add_called(struct pulled *pulled, const char *called, struct region_set *regions)
{
	for (size_t i = 0; i < pulled->feed->region_count; i++)
		for (size_t k = 0; k < pulled->feed->regions[i].called_count; k++)
			if (strcmp(pulled->feed->regions[i].called[k], called) == 0)
				region_set_add(regions, pulled->feed->regions[i].region);
}

static struct places
all_places(const struct pulled *pulled)
{
	struct places places = { .steering = pulled->steering };

	for (size_t i = 0; i < pulled->feed->region_count; i++)
		region_set_add(&places.regions, pulled->feed->regions[i].region);
	return places;
}

/* "" when it isn't there or no text. */
static const char *
text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text == NULL ? "" : text;
}

static void
note(struct pulled *pulled, const char *pointer, const char *name, const char *what)
{
	char whole[300];

	snprintf(whole, sizeof(whole), "%.200s%s%.60s", pointer, name[0] == '\0' || name[0] == '/' ? "" : "/", name);
	diag_error(&pulled->notes, (struct diag_place){ .file = pulled->feed->name, .pointer = whole }, NULL, "%s",
	    what);
}
