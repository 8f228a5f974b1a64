/* secondaries.c -- see secondaries.h.
 * In: what is in service, the live words, the clock.  Out: editions, for workers to transfer; new serials, for NOTIFY.
 * Threads: control. Ownership: editions are this file's; workers hold them while they're sent (transfer/edition.h), and
 * one that was replaced is freed when the last transfer of it is over.
 *
 * Of ten thousand zones hardly one changes at a time, so a tick looks only at those with steered names, unless
 * something was published: survey() finds then who is to have what. */
#include "control/secondaries.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/secondaries_parts.h"
#include "control/zone_settings.h"
#include "transfer/edition.h"

#define NEVER UINT64_MAX	/* no snapshot's epoch */

static bool on_stored(void *arg, const char *zone, uint32_t serial, uint64_t content);
static struct served *served_find(const struct secondaries *s, const uint8_t *apex, size_t *place);
static struct served *served_get(struct secondaries *s, const char *name);
static bool survey(struct secondaries *s);
static void drop(struct secondaries *s, struct served *served);
static void tell(struct secondaries *s, struct served *served, struct mono now);
static void free_retired(struct secondaries *s, bool all);
static void served_free(struct served *served);

struct secondaries *
secondaries_new(struct control *control)
{
	struct secondaries *s = calloc(1, sizeof(*s));
	struct text error = { 0 };
	struct store_reader *reader;

	if (s == NULL)
		return NULL;
	s->control = control;
	s->surveyed = NEVER;
	if (control->options.storeless)
		return s;
	reader = store_reader_open(control->settings->store, &error);
	if (reader == NULL || store_editions(reader, on_stored, s) != 0)
		log_warning("the serials that secondaries were told can't be read; those of the zones count");
	store_reader_close(reader);
	text_fini(&error);
	return s;
}

static bool
on_stored(void *arg, const char *zone, uint32_t serial, uint64_t content)
{
	struct served *served = served_get(arg, zone);

	if (served != NULL) {
		served->known = true;
		served->stored = true;
		served->serial = serial;
		served->content = content;
	}
	return true;
}

/* NULL: there's none, and it belongs at `place`. */
static struct served *
served_find(const struct secondaries *s, const uint8_t *apex, size_t *place)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(apex, s->zones[middle]->apex);

		if (order == 0)
			return s->zones[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	*place = low;
	return NULL;
}

/* Made if need be; NULL: out of memory. */
static struct served *
served_get(struct secondaries *s, const char *name)
{
	uint8_t apex[NAME_MAX];
	struct served *served;
	size_t place;

	if (name_parse(name, apex) == 0)
		return NULL;
	served = served_find(s, apex, &place);
	if (served != NULL)
		return served;
	if (s->count == s->room) {
		size_t room = s->room == 0 ? 16 : 2 * s->room;
		struct served **zones = realloc(s->zones, room * sizeof(struct served *));

		if (zones == NULL)
			return NULL;
		s->zones = zones;
		s->room = room;
	}
	served = calloc(1, sizeof(*served));
	if (served == NULL || (served->name = strdup(name)) == NULL) {
		free(served);
		return NULL;
	}
	memcpy(served->apex, apex, sizeof(apex));
	memmove(&s->zones[place + 1], &s->zones[place], (s->count - place) * sizeof(struct served *));
	s->zones[place] = served;
	s->count++;
	return served;
}

void
secondaries_tick(struct secondaries *s, uv_loop_t *loop, struct mono now, struct wall wall)
{
	bool changed = survey(s) || s->stale;

	if (s->notifier == NULL && loop != NULL)
		s->notifier = notifier_new(loop);
	if (s->count == 0)
		return;
	if (!s->stale)
		free_retired(s, false);
	for (size_t i = 0; i < s->count; i++)
		if (s->zones[i]->wanted != NULL)
			changed = served_refresh(s, s->zones[i], now, wall) || changed;
	if (changed) {
		s->stale = !secondaries_publish(s);
		secondaries_store(s);
	}
	for (size_t i = 0; i < s->count && s->notifier != NULL; i++)
		if (s->zones[i]->edition != NULL && s->zones[i]->wanted != NULL && !s->zones[i]->told)
			tell(s, s->zones[i], now);
	if (s->notifier != NULL)
		notifier_tick(s->notifier, now);
}

/* Who is to have what, of what was published last. False: that was seen before. */
static bool
survey(struct secondaries *s)
{
	const struct world *world = s->control->world;
	uint64_t epoch = s->control->publisher.current->epoch;

	if (s->surveyed == epoch)
		return false;
	s->surveyed = epoch;
	for (size_t i = 0; i < s->count; i++)
		s->zones[i]->wanted = NULL;
	for (size_t i = 0; i < world->zone_count; i++) {
		const struct steering_zone *wanted = zone_settings(world, zone_apex(world->zones[i]->zone)->name);
		struct served *served;

		if (wanted == NULL || (wanted->transfer_count == 0 && wanted->notify_count == 0))
			continue;
		served = served_get(s, world->zones[i]->name);
		if (served == NULL) {
			s->surveyed = NEVER;	/* out of memory: again with the next tick */
			continue;
		}
		served->wanted = wanted;
		served->index = i;
		served->written = zone_serial(world->zones[i]->zone);
		served->settled = false;
		served->told = false;		/* who is to be told may be others; nobody is told twice */
		served->failed = (struct mono){ 0 };
	}
	for (size_t i = 0; i < s->count; i++)
		if (s->zones[i]->wanted == NULL && s->zones[i]->edition != NULL)
			drop(s, s->zones[i]);
	return true;
}

/* Nobody is to have it any more. What was told last stays known. */
static void
drop(struct secondaries *s, struct served *served)
{
	secondaries_retire(s, served->edition, served->copy);
	served->edition = NULL;
	served->copy = NULL;
	zone_release(served->source);
	served->source = NULL;
	if (s->notifier != NULL)
		notifier_forget(s->notifier, served->apex);
}

static void
tell(struct secondaries *s, struct served *served, struct mono now)
{
	const struct steering_zone *wanted = served->wanted;
	struct notify_target *targets = calloc(wanted->notify_count + 1, sizeof(*targets));
	size_t count = 0;

	if (targets == NULL)
		return;
	for (size_t i = 0; i < wanted->notify_count; i++) {
		const struct zone_notify *written = &wanted->notifies[i];
		const struct tsig_key *key = written->key == NULL ? NULL : secondaries_key(s, written->key);

		if (written->key == NULL || key != NULL)
			targets[count++] = (struct notify_target){ written->to, written->port, key };
	}
	notifier_tell(s->notifier, served->apex, &served->edition->soa, served->edition->serial, targets, count, now);
	served->told = true;
	free(targets);
}

/* Behind the next publication no worker begins a transfer of it. */
void
secondaries_retire(struct secondaries *s, struct edition *edition, struct signed_zone *copy)
{
	struct retired *retired = malloc(sizeof(*retired));

	if (retired == NULL)	/* it's lost: better than to free what is read */
		return;
	*retired = (struct retired){ s->retired, edition, copy };
	s->retired = retired;
}

static void
free_retired(struct secondaries *s, bool all)
{
	for (struct retired **at = &s->retired, *retired; (retired = *at) != NULL;) {
		if (!all && edition_is_read(retired->edition)) {
			at = &retired->next;
			continue;
		}
		*at = retired->next;
		edition_free(retired->edition);
		signed_zone_release(retired->copy);
		free(retired);
	}
}

void
secondaries_close(struct secondaries *s)
{
	if (s == NULL)
		return;
	notifier_close(s->notifier);
	s->notifier = NULL;
}

void
secondaries_free(struct secondaries *s)
{
	if (s == NULL)
		return;
	free_retired(s, true);
	for (size_t i = 0; i < s->count; i++)
		served_free(s->zones[i]);
	free(s->zones);
	arena_free(s->arena);
	free(s);
}

static void
served_free(struct served *served)
{
	edition_free(served->edition);
	signed_zone_release(served->copy);
	signature_cache_free(served->cache);
	zone_release(served->source);
	free(served->name);
	free(served);
}

bool
secondaries_view(const struct secondaries *s, const uint8_t *apex, struct secondaries_view *view)
{
	size_t place;
	const struct served *served = served_find(s, apex, &place);

	if (served == NULL || served->wanted == NULL || served->edition == NULL)
		return false;
	*view = (struct secondaries_view){
		.serial = served->serial, .written = served->written, .made = served->made, .frozen = served->steered,
		.octets = served->edition->difference_octets, .differences = served->edition->difference_count,
	};
	return true;
}

size_t
secondaries_behind(const struct secondaries *s, const uint8_t *apex, uint32_t serial)
{
	size_t place, first;
	const struct served *served = served_find(s, apex, &place);

	if (served == NULL || served->edition == NULL)
		return SIZE_MAX;
	if (serial == served->serial)
		return 0;
	first = edition_find(served->edition, serial);
	return first == served->edition->difference_count ? SIZE_MAX : served->edition->difference_count - first;
}

const struct notifier *
secondaries_notifier(const struct secondaries *s)
{
	return s->notifier;
}
