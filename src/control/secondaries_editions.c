/* secondaries_editions.c -- see secondaries_parts.h: from what is served to an edition with its serial.
 * In: a zone as it's written and as it's signed, the live words.  Out: its edition, in place of the one before.
 * Threads: control.
 *
 * A zone without steered names is told as it's served, and no copy of it is made. Of one with steered names, it's a
 * frozen copy (control/frozen.c).
 *
 * Serials: that of the zone's text (or of its signing) when it's ahead of what was told last, else, if anything has
 * changed, the one after that. They're stored with a hash of the content, so that a restart neither repeats nor raises
 * one. Health may raise a serial once in an interval; what changed meanwhile is in the next. */
#include "base/log.h"
#include "control/frozen.h"
#include "control/secondaries_parts.h"
#include "control/signing.h"

#define TRY_AGAIN_MS 10000	/* behind what failed: memory, or a key, may be there then */

/* One zone on its way to an edition. */
struct making {
	struct served *served;
	struct zone *source;		/* as it's written */
	struct signed_zone *signed_zone;	/* as it's served; or NULL */
	struct signing_view signing;	/* of a copy that is to be signed */
	struct frozen frozen;
};

static bool remake(struct secondaries *s, struct making *m, struct mono now, struct wall wall);
static uint64_t keys_of(const struct secondaries *s, struct making *m, struct wall wall, bool *due);
static struct edition *make_edition(struct secondaries *s, struct making *m, struct wall wall, bool *same);
static struct signed_zone *sign(struct making *m, struct zone *built, uint32_t serial, struct wall wall);
static uint32_t written_serial(const struct secondaries *s, const struct making *m, struct wall wall);
static uint32_t next_serial(const struct served *served, uint32_t written, bool same);

bool
served_refresh(struct secondaries *s, struct served *served, struct mono now, struct wall wall)
{
	const struct world *world = s->control->world;
	struct making m = { .served = served, .source = world->zones[served->index]->zone };
	struct arena *arena;
	bool changed = false;

	if (served->settled || (served->failed.ns != 0 && mono_ms_between(served->failed, now) < TRY_AGAIN_MS))
		return false;
	m.signed_zone = world->signed_zones == NULL ? NULL : world->signed_zones[served->index];
	arena = arena_new();
	if (arena == NULL)
		return false;
	if (frozen_choose(world, served->index, s->control->publisher.current, arena, &m.frozen)) {
		served->steered = m.frozen.name_count > 0;
		changed = remake(s, &m, now, wall);
		served->settled = !served->steered && served->failed.ns == 0;
	}
	arena_free(arena);
	return changed;
}

static bool
remake(struct secondaries *s, struct making *m, struct mono now, struct wall wall)
{
	struct served *served = m->served;
	struct zone *source = m->signed_zone != NULL ? m->signed_zone->zone : m->source;
	bool same = false, due = false;
	uint64_t keys = keys_of(s, m, wall, &due);

	if (served->edition != NULL && served->source == source && served->keys == keys && !due
	    && (m->frozen.hash == served->choice
	    || mono_ms_between(served->made, now) < served->wanted->health_serial_ms))
		return false;
	if (make_edition(s, m, wall, &same) == NULL) {
		log_error("secondaries of %s get no new edition: out of memory, or it can't be signed", served->name);
		served->failed = now;
		return false;
	}
	served->warned = frozen_warn(&m->frozen, served->name, served->warned);
	served->made = now;
	served->failed = (struct mono){ 0 };
	served->choice = m->frozen.hash;
	served->keys = keys;
	zone_hold(source);
	zone_release(served->source);
	served->source = source;
	if (!same)
		served->told = served->stored = false;
	return !same;
}

/* Of the keys that a copy is signed with now; `due`: some of its signatures are to be made anew. */
static uint64_t
keys_of(const struct secondaries *s, struct making *m, struct wall wall, bool *due)
{
	if (m->signed_zone == NULL || m->frozen.name_count == 0
	    || !signing_view(s->control->signer, m->served->name, &m->signing))
		return 0;
	*due = m->served->copy != NULL && wall.ms >= m->served->copy->next.ms;
	return frozen_keys(&m->signing, wall);
}

/* In service then, with the one before put aside. `same`: nothing has changed, and the old one stays. NULL: out of
 * memory. */
static struct edition *
make_edition(struct secondaries *s, struct making *m, struct wall wall, bool *same)
{
	struct served *served = m->served;
	struct zone *zone = m->signed_zone != NULL ? m->signed_zone->zone : m->source;
	bool is_signed = zone_soa(zone)->signature_count > 0;
	struct zone *built = m->frozen.name_count > 0 ? frozen_build(&m->frozen, m->source) : NULL;
	struct signed_zone *copy = NULL;
	struct edition *edition = NULL;
	uint32_t serial;
	uint64_t content;

	if (m->frozen.name_count > 0 && built == NULL)
		return NULL;
	if (built != NULL && m->signed_zone != NULL) {
		serial = next_serial(served, zone_serial(zone), false);
		copy = sign(m, built, serial, wall);
		zone_release(built);
		if (copy == NULL)
			return NULL;
		zone = copy->zone;
		content = zone_content(zone);
	} else {
		zone = built != NULL ? built : zone;
		content = zone_content(zone);
		serial = is_signed ? zone_serial(zone)
		    : next_serial(served, written_serial(s, m, wall), served->known && content == served->content);
	}
	*same = served->edition != NULL && content == served->content && serial == served->serial;
	if (!*same)
		edition = edition_new(zone, serial);
	if (copy == NULL)
		zone_release(built);
	if (*same || edition == NULL) {
		signed_zone_release(copy);
		return served->edition;
	}
	if (served->edition != NULL)
		edition_follow(edition, served->edition, served->wanted->ixfr_history);
	if (served->edition != NULL)
		secondaries_retire(s, served->edition, served->copy);
	served->edition = edition;
	served->copy = copy;
	served->known = true;
	served->serial = serial;
	served->content = content;
	return edition;
}

/* NULL: it can't be. */
static struct signed_zone *
sign(struct making *m, struct zone *built, uint32_t serial, struct wall wall)
{
	struct served *served = m->served;

	if (served->cache == NULL)
		served->cache = signature_cache_new();
	return served->cache == NULL || m->signing.zone == NULL ? NULL
	    : frozen_sign(built, &m->signing, served->wanted, served->cache, serial, wall);
}

/* A catalog that is made here has none of its own. It begins with the clock's, so that a store that was lost doesn't
 * give a serial that was told long ago. */
static uint32_t
written_serial(const struct secondaries *s, const struct making *m, struct wall wall)
{
	bool made = s->control->world->zones[m->served->index]->made;

	return made && !m->served->known ? (uint32_t)(wall.ms / 1000) : zone_serial(m->source);
}

static uint32_t
next_serial(const struct served *served, uint32_t written, bool same)
{
	uint32_t next = served->serial + 1;

	if (!served->known || serial_is_newer(written, served->serial))
		return written;
	return same ? served->serial : next == 0 ? 1 : next;
}
