/* arrived.c -- see arrived.h.
 * In: the world's zones, the clock.  Out: the log; what is shown of these zones.
 * Threads: control. A walk over a zone of a million names takes some 0.1 s, so there is one a tick at most, and no zone
 * is walked over again within the hour unless it's another one. The zones are held meanwhile, so that another zone
 * can't have the address of one that is gone. */
#include "control/arrived.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "zone/rrtype.h"

#define LOOKS 64		/* zones a tick: 10,000 are seen in some minutes */
#define AGAIN_MS 3600000
#define TELL_MS 86400000

struct entry {
	char *name;
	struct zone *zone;		/* held */
	struct zone_validity validity;
	struct wall looked, told;
};

struct arrived {
	struct entry *entries;
	size_t count;
	size_t cursor;			/* among the world's zones */
};

static bool look_at(struct arrived *arrived, const struct world_zone *zone, struct wall now);
static struct entry *entry_of(struct arrived *arrived, const char *name);
static struct entry *entry_new(struct arrived *arrived, const char *name);
static void forget(struct arrived *arrived, struct entry *entry);
static void tell(struct entry *entry, struct wall now);

struct arrived *
arrived_new(void)
{
	return calloc(1, sizeof(struct arrived));
}

void
arrived_free(struct arrived *arrived)
{
	while (arrived != NULL && arrived->count > 0)
		forget(arrived, &arrived->entries[arrived->count - 1]);
	if (arrived != NULL)
		free(arrived->entries);
	free(arrived);
}

void
arrived_tick(struct arrived *arrived, const struct world *world, struct wall now)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		if (arrived->cursor >= world->zone_count) {
			arrived->cursor = 0;
			for (size_t e = arrived->count; e-- > 0;)
				if (world_find(world, arrived->entries[e].name) == NULL)
					forget(arrived, &arrived->entries[e]);
			return;
		}
		if (look_at(arrived, world->zones[arrived->cursor++], now))
			return;
	}
}

/* True: that was work. */
static bool
look_at(struct arrived *arrived, const struct world_zone *zone, struct wall now)
{
	struct entry *entry = entry_of(arrived, zone->name);

	if (zone->zone == NULL || !zone_is_signed(zone->zone)) {
		if (entry != NULL)
			forget(arrived, entry);
		return false;
	}
	if (entry == NULL)
		entry = entry_new(arrived, zone->name);
	if (entry == NULL || (entry->zone == zone->zone && now.ms < entry->looked.ms + AGAIN_MS))
		return false;
	if (entry->zone != zone->zone) {
		zone_hold(zone->zone);
		zone_release(entry->zone);
		entry->zone = zone->zone;
		entry->told = (struct wall){ 0 };
	}
	entry->validity = zone_validity(entry->zone, now);
	entry->looked = now;
	tell(entry, now);
	return true;
}

static struct entry *
entry_of(struct arrived *arrived, const char *name)
{
	for (size_t i = 0; i < arrived->count; i++)
		if (strcmp(arrived->entries[i].name, name) == 0)
			return &arrived->entries[i];
	return NULL;
}

static struct entry *
entry_new(struct arrived *arrived, const char *name)
{
	struct entry *entries = realloc(arrived->entries, (arrived->count + 1) * sizeof(*entries));
	char *copy = strdup(name);

	if (entries != NULL)
		arrived->entries = entries;
	if (entries == NULL || copy == NULL) {
		free(copy);
		return NULL;
	}
	entries[arrived->count] = (struct entry){ .name = copy };
	return &entries[arrived->count++];
}

static void
forget(struct arrived *arrived, struct entry *entry)
{
	zone_release(entry->zone);
	free(entry->name);
	*entry = arrived->entries[--arrived->count];
}

static void
tell(struct entry *entry, struct wall now)
{
	const struct zone_validity *validity = &entry->validity;
	char owner[NAME_TEXT_SIZE] = "", type[16] = "", until[CLOCK_TEXT_SIZE];
	bool soon = validity->until.ms != 0 && validity->until.ms < now.ms + EXPIRES_SOON_MS;

	if ((validity->expired == 0 && validity->early == 0 && !soon)
	    || (entry->told.ms != 0 && now.ms < entry->told.ms + TELL_MS))
		return;
	entry->told = now;
	if (validity->node != NULL) {
		name_text(validity->node->name, owner);
		rrtype_text(validity->type, type);
	}
	if (validity->expired > 0)
		log_error("%zu signatures of %s have expired, the first is that of %s %s: validators refuse what they "
		    "are for, until the zone is signed anew", validity->expired, entry->name, owner, type);
	else if (validity->early > 0)
		log_error("%zu signatures of %s aren't valid yet, the first is that of %s %s: is a clock wrong?",
		    validity->early, entry->name, owner, type);
	else
		log_warning("a signature of %s expires at %s: whoever signs the zone should have renewed it",
		    entry->name, wall_text(validity->until, until));
}

bool
arrived_at(const struct arrived *arrived, size_t i, const char **name, struct zone_validity *validity)
{
	if (i >= arrived->count)
		return false;
	*name = arrived->entries[i].name;
	*validity = arrived->entries[i].validity;
	return true;
}

bool
arrived_find(const struct arrived *arrived, const char *name, struct zone_validity *validity)
{
	const char *other;

	for (size_t i = 0; arrived_at(arrived, i, &other, validity); i++)
		if (strcmp(other, name) == 0)
			return true;
	return false;
}
