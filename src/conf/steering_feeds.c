/* steering_feeds.c -- the feeds of steering.yaml.
 * In: the feeds as written, regions by name.  Out: those of the steering.
 * Each kind has keys that the others have no use for; to write one of those is an error, since whoever did so believes
 * that it does something. */
#include "conf/steering_reading.h"

#include <stdlib.h>
#include <string.h>

#define STALE_INTERVALS 3	/* one pull may fail without anything becoming unknown */

#define KIND(kind) (1u << (kind))
#define ALERTS (KIND(FEED_GEOJSON) | KIND(FEED_CAP) | KIND(FEED_CAP_XML))

static void take_feed(struct steering_reading *r, const struct written_feed *written, struct steering_feed *feed);
static const char *maybe_text(struct steering_reading *r, const char *text);
static void take_feed_regions(struct steering_reading *r, const struct written_feed *written,
	struct steering_feed *feed);
static void take_all_regions(struct steering_reading *r, struct steering_feed *feed);
static void take_map(struct steering_reading *r, const struct written_map *written, struct feed_map *map);
static void take_words(struct steering_reading *r, const struct written_feed *written, struct steering_feed *feed);
static void take_series(struct steering_reading *r, const struct written_feed *written, struct steering_feed *feed);
static void check_keys(struct steering_reading *r, const struct written_feed *written);
static void check_called(struct steering_reading *r, const struct written_feed *written);
static void check_token(struct steering_reading *r, const struct written_feed *written);
static bool is_loopback(const char *url);

void
steering_take_feeds(struct steering_reading *r)
{
	size_t count = r->written->feed_count;
	struct steering_feed *feeds = steering_room(r, r->arena, count, sizeof(*feeds));

	if (feeds == NULL || r->region_names == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		take_feed(r, &r->written->feeds[i], &feeds[i]);
	r->steering->feeds = feeds;
	r->steering->feed_count = count;
}

static void
take_feed(struct steering_reading *r, const struct written_feed *written, struct steering_feed *feed)
{
	const char *name = steering_text(r, written->at.key->text);

	*feed = (struct steering_feed){
		.name = name, .kind = (enum feed_kind)written->kind, .url = maybe_text(r, written->url),
		.interval_ms = written->interval_ms, .timeout_ms = written->timeout_ms,
		.stale_ms = written->stale_ms != 0 ? written->stale_ms : STALE_INTERVALS * written->interval_ms,
		.size_most = written->size_most, .token_file = maybe_text(r, written->token_file),
		.ca_file = maybe_text(r, written->ca_file),
		.signal = written->signal == NULL ? name : steering_text(r, written->signal),
		.lasts_ms = written->lasts_ms,
		.items = written->items == NULL ? "" : steering_text(r, written->items),
		.region_label = maybe_text(r, written->region_label),
		.backend_label = maybe_text(r, written->backend_label),
		.step_ms = written->step_ms, .delay_ms = written->delay_ms, .history_ms = written->history_ms,
		.series_most = written->series_most,
	};
	take_feed_regions(r, written, feed);
	take_map(r, &written->map, &feed->map);
	take_words(r, written, feed);
	take_series(r, written, feed);
	check_keys(r, written);
	check_called(r, written);
	check_token(r, written);
	if (written->stale_ms != 0 && written->stale_ms < written->interval_ms)
		diag_error(r->diags, steering_place(r, yaml_member(written->at.node, "stale-after")), NULL,
		    "'stale-after' is below 'interval': the feed would be stale between any two pulls");
}

static const char *
maybe_text(struct steering_reading *r, const char *text)
{
	return text == NULL ? NULL : steering_text(r, text);
}

static void
take_feed_regions(struct steering_reading *r, const struct written_feed *written, struct steering_feed *feed)
{
	struct feed_region *regions = steering_room(r, r->arena, written->region_count, sizeof(*regions));
	size_t count = 0;

	if (yaml_member(written->at.node, "regions") == NULL) {
		take_all_regions(r, feed);
		return;
	}
	for (size_t i = 0; regions != NULL && i < written->region_count; i++) {
		const struct written_feed_region *region = &written->regions[i];
		const char *name = region->at.key->text;
		region_id id = steering_region_find(r->steering, name);

		if (id != NO_REGION)
			regions[count++] = (struct feed_region){ id, region->called_count,
				steering_texts(r, region->called, region->called_count) };
		else if (!r->regions_broken)
			diag_error(r->diags, steering_place(r, region->at.key),
			    text_suggest(name, r->region_names, r->steering->region_count), "there is no region '%s'",
			    yaml_shown(name).text);
	}
	feed->regions = regions;
	feed->region_count = count;
}

static void
take_all_regions(struct steering_reading *r, struct steering_feed *feed)
{
	size_t count = r->steering->region_count;
	struct feed_region *regions = steering_room(r, r->arena, count, sizeof(*regions));

	for (size_t i = 0; regions != NULL && i < count; i++)
		regions[i].region = (region_id)i;
	feed->regions = regions;
	feed->region_count = regions == NULL ? 0 : count;
}

static void
take_map(struct steering_reading *r, const struct written_map *written, struct feed_map *map)
{
	*map = (struct feed_map){
		.region = maybe_text(r, written->region), .id = maybe_text(r, written->id),
		.severity = maybe_text(r, written->severity), .certainty = maybe_text(r, written->certainty),
		.onset = maybe_text(r, written->onset), .expires = maybe_text(r, written->expires),
		.text = maybe_text(r, written->text),
	};
}

static void
take_words(struct steering_reading *r, const struct written_feed *written, struct steering_feed *feed)
{
	struct feed_word *words = steering_room(r, r->arena, written->word_count, sizeof(*words));

	for (size_t i = 0; words != NULL && i < written->word_count; i++)
		words[i] = (struct feed_word){ steering_text(r, written->words[i].at.key->text),
			written->words[i].means };
	feed->words = words;
	feed->word_count = words == NULL ? 0 : written->word_count;
}

static void
take_series(struct steering_reading *r, const struct written_feed *written, struct steering_feed *feed)
{
	struct feed_series *series = steering_room(r, r->arena, written->series_count, sizeof(*series));

	for (size_t i = 0; series != NULL && i < written->series_count; i++) {
		const struct written_series *one = &written->series[i];

		series[i] = (struct feed_series){ steering_text(r, one->at.key->text),
			one->query == NULL ? "" : steering_text(r, one->query),
			one->unit == NULL ? "" : steering_text(r, one->unit) };
	}
	feed->series = series;
	feed->series_count = series == NULL ? 0 : written->series_count;
}

static void
check_keys(struct steering_reading *r, const struct written_feed *written)
{
	static const struct { const char *key; unsigned kinds; bool required; } keys[] = {
		{ "signal", KIND(FEED_JSON) | ALERTS, false }, { "lasts", KIND(FEED_JSON) | ALERTS, false },
		{ "stale-after", KIND(FEED_JSON) | ALERTS, false },
		{ "items", KIND(FEED_JSON) | KIND(FEED_CAP), false },
		{ "map", KIND(FEED_JSON), true }, { "words", KIND(FEED_JSON), false },
		{ "series", KIND(FEED_PROMETHEUS), true }, { "series-max", KIND(FEED_PROMETHEUS), false },
		{ "region-label", KIND(FEED_PROMETHEUS), false }, { "backend-label", KIND(FEED_PROMETHEUS), false },
		{ "step", KIND(FEED_PROMETHEUS), false }, { "delay", KIND(FEED_PROMETHEUS), false },
		{ "history", KIND(FEED_PROMETHEUS), false },
	};
	const char *kind = feed_kind_text((enum feed_kind)written->kind);

	if (yaml_member(written->at.node, "kind") == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *node = yaml_member(written->at.node, keys[i].key);
		bool fits = (keys[i].kinds & KIND(written->kind)) != 0;

		if (node != NULL && !fits)
			diag_error(r->diags, steering_place(r, node), NULL, "a feed of the kind %s has no '%s'", kind,
			    keys[i].key);
		else if (node == NULL && fits && keys[i].required)
			diag_error(r->diags, steering_place(r, written->at.key), NULL,
			    "a feed of the kind %s needs '%s'", kind, keys[i].key);
	}
}

/* A name that two regions share would tell of one of them only. For alerts that's right: a county holds many. */
static void
check_called(struct steering_reading *r, const struct written_feed *written)
{
	if ((KIND(written->kind) & ALERTS) != 0)
		return;
	for (size_t i = 0; i < written->region_count; i++) {
		const struct written_feed_region *region = &written->regions[i];

		for (size_t k = 0; k < region->called_count; k++)
			for (size_t j = 0; j < i; j++)
				for (size_t m = 0; m < written->regions[j].called_count; m++)
					if (strcmp(region->called[k], written->regions[j].called[m]) == 0)
						diag_error(r->diags, steering_place(r, region->at.key), NULL,
						    "'%s' is what '%s' is called already",
						    yaml_shown(region->called[k]).text,
						    written->regions[j].at.key->text);
	}
}

static void
check_token(struct steering_reading *r, const struct written_feed *written)
{
	if (written->token_file == NULL || written->url == NULL || strncmp(written->url, "https://", 8) == 0 ||
	    is_loopback(written->url))
		return;
	diag_error(r->diags, steering_place(r, yaml_member(written->at.node, "token-file")), NULL,
	    "a token may only go to an https URL, or to this machine");
}

static bool
is_loopback(const char *url)
{
	static const char *const hosts[] = { "127.0.0.1", "[::1]", "localhost" };
	const char *host = strstr(url, "://") + 3;
	size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?");

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		if (strlen(hosts[i]) == length && memcmp(hosts[i], host, length) == 0)
			return true;
	return false;
}
