/* pulled.c -- what one pull brought, and its form for the API.
 * In: signals and series.  Out: the body of POST /v1/feeds/{feed}.
 * Threads: one pull, one thread.
 * Everything is bounded here, so that a feed that has gone mad ends in an error and nowhere else. */
#include "feed/pulled.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MOST 500		/* octets of a signal's text and id */

static const char *text_keep(struct pulled *pulled, const char *text);
static void add_signals(cJSON *root, const struct pulled *pulled);
static void add_series(cJSON *root, const struct pulled *pulled);
static void add_notes(cJSON *root, const struct pulled *pulled);
static void add_time(cJSON *object, const char *name, struct wall at);

struct pulled *
pulled_new(const struct steering *steering, const struct steering_feed *feed, struct wall now)
{
	struct pulled *pulled = calloc(1, sizeof(*pulled));

	if (pulled == NULL)
		return NULL;
	pulled->arena = arena_new();
	pulled->steering = steering;
	pulled->feed = feed;
	pulled->now = now;
	if (pulled->arena != NULL)
		return pulled;
	free(pulled);
	return NULL;
}

void
pulled_free(struct pulled *pulled)
{
	if (pulled == NULL)
		return;
	diag_fini(&pulled->notes);
	arena_free(pulled->arena);
	free(pulled->series);
	free(pulled);
}

void
pulled_fail(struct pulled *pulled, const char *format, ...)
{
	va_list args;

	if (pulled->error[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(pulled->error, sizeof(pulled->error), format, args);
	va_end(args);
}

void
pulled_signal_add(struct pulled *pulled, const struct pulled_signal *signal)
{
	struct pulled_signal *place;
	double weight = signal->severity * signal->certainty;

	for (size_t i = 0; i < pulled->signal_count; i++) {
		place = &pulled->signals[i];
		if (place->region != signal->region || strcmp(place->id, signal->id) != 0)
			continue;
		/* One that couldn't be read stays unreadable: the other might be the lesser. */
		if (isnan(weight) || weight > place->severity * place->certainty) {
			place->severity = signal->severity;
			place->certainty = signal->certainty;
		}
		return;
	}
	if (pulled->signal_count == PULLED_SIGNALS_MAX) {
		pulled_fail(pulled, "more than %d signals at once", PULLED_SIGNALS_MAX);
		return;
	}
	place = &pulled->signals[pulled->signal_count];
	*place = *signal;
	place->id = text_keep(pulled, signal->id);
	place->text = text_keep(pulled, signal->text);
	if (place->id == NULL || place->text == NULL)
		pulled_fail(pulled, "out of memory");
	else
		pulled->signal_count++;
}

/* Cut before a character that would be cut in two. */
static const char *
text_keep(struct pulled *pulled, const char *text)
{
	size_t length = strlen(text);
	char *copy;

	if (length > TEXT_MOST)
		for (length = TEXT_MOST; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
			length--;
	copy = arena_alloc(pulled->arena, length + 1);
	if (copy != NULL)
		memcpy(copy, text, length);
	return copy;
}

void
pulled_signals_add(struct pulled *pulled, const struct region_set *regions, struct pulled_signal signal)
{
	for (size_t i = 0; i < pulled->steering->region_count; i++) {
		signal.region = (region_id)i;
		if (region_set_has(regions, signal.region))
			pulled_signal_add(pulled, &signal);
	}
}

struct pulled_series *
pulled_series_add(struct pulled *pulled, size_t samples)
{
	struct pulled_series *longer = pulled->series, *series;
	size_t size = pulled->series_size;

	if (pulled->series_count == size) {
		size = size == 0 ? 64 : 2 * size;
		longer = reallocarray(pulled->series, size, sizeof(*longer));
		if (longer == NULL)
			return NULL;
		pulled->series = longer;
		pulled->series_size = size;
	}
	series = &pulled->series[pulled->series_count];
	*series = (struct pulled_series){ .backend = "" };
	series->samples = arena_alloc(pulled->arena, (samples + 1) * sizeof(*series->samples));
	if (series->samples == NULL)
		return NULL;
	pulled->series_count++;
	return series;
}

region_id
pulled_region(const struct pulled *pulled, const char *called)
{
	for (size_t i = 0; i < pulled->feed->region_count; i++) {
		const struct feed_region *region = &pulled->feed->regions[i];

		for (size_t k = 0; k < region->called_count; k++)
			if (strcmp(region->called[k], called) == 0)
				return region->region;
		if (region->called_count == 0 &&
		    strcmp(pulled->steering->regions[region->region].name, called) == 0)
			return region->region;
	}
	return NO_REGION;
}

/* --- for the API ----------------------------------------------------------------------------------------------- */

char *
pulled_write(const struct pulled *pulled)
{
	cJSON *root = cJSON_CreateObject();
	char *text;

	add_time(root, "at", pulled->now);
	cJSON_AddNumberToObject(root, "bytes", (double)pulled->bytes);
	cJSON_AddNumberToObject(root, "took_ms", (double)pulled->took_ms);
	if (pulled->error[0] != '\0') {
		cJSON_AddStringToObject(root, "error", pulled->error);
	} else {
		cJSON_AddNumberToObject(root, "items", (double)pulled->items);
		cJSON_AddNumberToObject(root, "left_out", (double)pulled->left_out);
		if (pulled->until.ms != 0)
			add_time(root, "until", pulled->until);
		if (pulled->feed->kind == FEED_PROMETHEUS)
			add_series(root, pulled);
		else
			add_signals(root, pulled);
	}
	add_notes(root, pulled);
	text = root == NULL ? NULL : json_write(root);
	cJSON_Delete(root);
	return text;
}

static void
add_signals(cJSON *root, const struct pulled *pulled)
{
	cJSON *list = cJSON_AddArrayToObject(root, "signals");

	for (size_t i = 0; i < pulled->signal_count; i++) {
		const struct pulled_signal *signal = &pulled->signals[i];
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "id", signal->id);
		cJSON_AddStringToObject(entry, "region", pulled->steering->regions[signal->region].name);
		cJSON_AddStringToObject(entry, "name", pulled->feed->signal);
		cJSON_AddStringToObject(entry, "text", signal->text);
		json_add_number(entry, "severity", signal->severity);
		json_add_number(entry, "certainty", signal->certainty);
		if (signal->onset.ms != 0)
			add_time(entry, "onset", signal->onset);
		add_time(entry, "expires", signal->expires);
		cJSON_AddItemToArray(list, entry);
	}
}

static void
add_series(cJSON *root, const struct pulled *pulled)
{
	cJSON *list = cJSON_AddArrayToObject(root, "series");

	for (size_t i = 0; i < pulled->series_count; i++) {
		const struct pulled_series *series = &pulled->series[i];
		cJSON *entry = cJSON_CreateObject(), *values;

		cJSON_AddStringToObject(entry, "region", pulled->steering->regions[series->region].name);
		cJSON_AddStringToObject(entry, "backend", series->backend);
		cJSON_AddStringToObject(entry, "name", series->name);
		cJSON_AddStringToObject(entry, "unit", series->unit);
		values = cJSON_AddArrayToObject(entry, "values");
		for (size_t k = 0; k < series->count; k++) {
			const double pair[] = { (double)series->samples[k].at_ms, series->samples[k].value };

			cJSON_AddItemToArray(values, cJSON_CreateDoubleArray(pair, 2));
		}
		cJSON_AddItemToArray(list, entry);
	}
}

static void
add_notes(cJSON *root, const struct pulled *pulled)
{
	cJSON *list = cJSON_AddArrayToObject(root, "notes");

	for (size_t i = 0; i < pulled->notes.count && i < PULLED_NOTES_MAX; i++) {
		const struct diag *diag = &pulled->notes.list[i];
		cJSON *entry = cJSON_CreateObject();

		if (diag->pointer != NULL)
			cJSON_AddStringToObject(entry, "pointer", diag->pointer);
		cJSON_AddStringToObject(entry, "message", diag->message);
		cJSON_AddItemToArray(list, entry);
	}
}

static void
add_time(cJSON *object, const char *name, struct wall at)
{
	char text[CLOCK_TEXT_SIZE];

	cJSON_AddStringToObject(object, name, wall_text(at, text));
}
