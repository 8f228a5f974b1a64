/* mapped.c -- JSON of any form, by a mapping of pointers: states of providers, events of one's own monitoring.
 * In: the document, the feed's pointers and words.  Out: signals.
 * An item that names a region of ours is about it; one that names another place is none of our business. What can't be
 * read of an item that is about a region makes the region's signal unknown, not absent: something is there.
 * Threads: one pull, one thread. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/pulled.h"

static void read_item(struct pulled *pulled, const cJSON *item, const char *pointer);
static bool read_regions(struct pulled *pulled, const cJSON *item, const char *pointer, struct region_set *regions);
static double read_level(struct pulled *pulled, const cJSON *item, const char *pointer, const char *where,
	double otherwise, bool (*word_of)(const char *word, double *value));
static bool read_word(const struct pulled *pulled, const char *word, double *value,
	bool (*word_of)(const char *word, double *value));
static bool read_when(struct pulled *pulled, const cJSON *item, const char *pointer, const char *where,
	struct wall *at);
static const char *read_text(const cJSON *item, const char *where, char number[static 32], const char *otherwise);
static void note(struct pulled *pulled, const char *pointer, const char *where, const char *what);

void
pulled_read_json(struct pulled *pulled, const cJSON *document)
{
	const char *items = pulled->feed->items;
	const cJSON *list = json_at(document, items), *item;
	size_t index = 0;

	if (list == NULL) {
		pulled_fail(pulled, "%s: there is nothing", items);
	} else if (cJSON_IsArray(list)) {
		cJSON_ArrayForEach(item, list) {
			char pointer[256];

			snprintf(pointer, sizeof(pointer), "%.200s/%zu", items, index++);
			read_item(pulled, item, pointer);
		}
	} else if (cJSON_IsObject(list)) {
		read_item(pulled, list, items);
	} else {
		pulled_fail(pulled, "%s: neither a list of items nor one item", items[0] == '\0' ? "/" : items);
	}
	if (pulled->items > 0 && pulled->left_out == pulled->items)
		pulled_fail(pulled, "none of %zu items could be read: %s: %s", pulled->items,
		    pulled->notes.count > 0 ? pulled->notes.list[0].pointer : "",
		    pulled->notes.count > 0 ? pulled->notes.list[0].message : "");
}

static void
read_item(struct pulled *pulled, const cJSON *item, const char *pointer)
{
	const struct feed_map *map = &pulled->feed->map;
	struct region_set regions = { { 0 } };
	struct pulled_signal signal = { .expires = { pulled->now.ms + pulled->feed->lasts_ms } };
	size_t errors = pulled->notes.errors;
	char number[32], more[32];

	pulled->items++;
	if (!read_regions(pulled, item, pointer, &regions)) {
		pulled->left_out++;
		return;
	}
	signal.severity = read_level(pulled, item, pointer, map->severity, (double)NAN, words_severity);
	signal.certainty = read_level(pulled, item, pointer, map->certainty, 1, words_certainty);
	signal.id = read_text(item, map->id, number, "");
	signal.text = read_text(item, map->text, more, "");
	if (!read_when(pulled, item, pointer, map->onset, &signal.onset) ||
	    !read_when(pulled, item, pointer, map->expires, &signal.expires))
		signal.severity = (double)NAN;
	pulled->left_out += pulled->notes.errors > errors;
	if (signal.severity != 0 && signal.certainty != 0 && signal.expires.ms > pulled->now.ms)
		pulled_signals_add(pulled, &regions, signal);
}

/* Without a pointer to it, all regions of the feed. False: it can't be told. */
static bool
read_regions(struct pulled *pulled, const cJSON *item, const char *pointer, struct region_set *regions)
{
	const struct steering_feed *feed = pulled->feed;
	const cJSON *value = feed->map.region == NULL ? NULL : json_at(item, feed->map.region);
	const cJSON *list = cJSON_IsArray(value) ? value : NULL, *one;
	region_id region;

	for (size_t i = 0; feed->map.region == NULL && i < feed->region_count; i++)
		region_set_add(regions, feed->regions[i].region);
	if (feed->map.region == NULL)
		return true;
	if (cJSON_IsString(value) && (region = pulled_region(pulled, value->valuestring)) != NO_REGION)
		region_set_add(regions, region);
	cJSON_ArrayForEach(one, list) {
		if (cJSON_IsString(one) && (region = pulled_region(pulled, one->valuestring)) != NO_REGION)
			region_set_add(regions, region);
	}
	if (cJSON_IsString(value) || cJSON_IsArray(value))
		return true;
	note(pulled, pointer, feed->map.region, value == NULL ? "there is no region" : "isn't the name of a region");
	return false;
}

static double
read_level(struct pulled *pulled, const cJSON *item, const char *pointer, const char *where, double otherwise,
	bool (*word_of)(const char *word, double *value))
{
	const cJSON *value = where == NULL ? NULL : json_at(item, where);
	double level;

	if ((value == NULL || cJSON_IsNull(value)) && !isnan(otherwise))
		return otherwise;
	if (cJSON_IsBool(value))
		return cJSON_IsTrue(value) ? 1 : 0;
	if (cJSON_IsNumber(value))
		level = value->valuedouble;
	else if (!cJSON_IsString(value) || !read_word(pulled, value->valuestring, &level, word_of))
		level = (double)NAN;
	if (level >= 0 && level <= 1)
		return level;
	note(pulled, pointer, where, value == NULL ? "is missing" : "is neither a number from 0 to 1 nor a known word");
	return (double)NAN;
}

static bool
read_word(const struct pulled *pulled, const char *word, double *value,
	bool (*word_of)(const char *word, double *value))
{
	char *end;

	for (size_t i = 0; i < pulled->feed->word_count; i++)
		if (strcmp(pulled->feed->words[i].word, word) == 0) {
			*value = pulled->feed->words[i].means;
			return true;
		}
	if (word_of(word, value))
		return true;
	*value = isdigit((unsigned char)word[0]) ? strtod(word, &end) : (double)NAN;
	return !isnan(*value) && *end == '\0';
}

/* What isn't there stays as it is; false when it's there and no time. */
static bool
read_when(struct pulled *pulled, const cJSON *item, const char *pointer, const char *where, struct wall *at)
{
	const cJSON *value = where == NULL ? NULL : json_at(item, where);

	if (value == NULL || cJSON_IsNull(value) || words_time(value, at))
		return true;
	note(pulled, pointer, where, "is no time: RFC 3339, or seconds since 1970");
	return false;
}

static const char *
read_text(const cJSON *item, const char *where, char number[static 32], const char *otherwise)
{
	const cJSON *value = where == NULL ? NULL : json_at(item, where);

	if (cJSON_IsString(value))
		return value->valuestring;
	if (!cJSON_IsNumber(value))
		return otherwise;
	snprintf(number, 32, "%.15g", value->valuedouble);
	return number;
}

static void
note(struct pulled *pulled, const char *pointer, const char *where, const char *what)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s%s", pointer, where);
	diag_error(&pulled->notes, (struct diag_place){ .file = pulled->feed->name, .pointer = whole }, NULL, "%s",
	    what);
}
