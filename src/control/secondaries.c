/* secondaries.c -- see secondaries.h.
 * In: what is in service, the live words, the clock.  Out: editions, for workers to transfer; new serials, for NOTIFY.
 * Threads: control. Ownership: editions are this file's; workers hold them while they're sent (transfer/edition.h), and
 * one that was replaced is freed when the last transfer of it is over.
 *
 * A zone without steered names is told as it's served, and no copy of it is made. Of one with steered names, it's a
 * frozen copy (control/frozen.c).
 *
 * Serials: that of the zone's text (or of its signing) when it's ahead of what was told last, else, if anything has
 * changed, the one after that. They're stored with a hash of the content, so that a restart neither repeats nor raises
 * one. Health may raise a serial once in an interval; what changed meanwhile is in the next. */
#include "control/secondaries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/frozen.h"
#include "control/signing.h"
#include "control/state.h"
#include "transfer/edition.h"

struct served {
	struct served *next;
	char *name;			/* presentation form, final dot */
	uint8_t apex[NAME_MAX];
	bool known;			/* `serial` and `content` are those that were told last */
	uint32_t serial;
	uint64_t content;		/* a hash of what was told, but for the SOA's serial */
	struct edition *edition;	/* in service, or NULL */
	const struct zone *source;	/* that it was made of: compared, held by way of `held` */
	struct zone *held;
	uint64_t choice;		/* a hash of the regions chosen */
	struct signature_cache *cache;	/* of a copy that we sign */
	struct signed_zone *copy;	/* held; or NULL */
	uint64_t keys;			/* a hash of those it was signed with */
	struct mono made;
	bool wanted, told;
	uint64_t warned;		/* a hash of the names that the log has told of */
};

struct retired { struct retired *next; struct edition *edition; struct signed_zone *copy; };

struct secondaries {
	struct control *control;
	struct served *zones;
	struct retired *retired;
	struct transfers *published;
	struct arena *arena;		/* of that */
	const struct steering *steering;	/* whose rules were published: compared only */
	struct notifier *notifier;
	bool stale;			/* the workers don't see what is here: out of memory */
};

/* One zone on its way to an edition. */
struct making {
	struct served *served;
	const struct steering_zone *wanted;
	struct zone *source;		/* as it's written */
	struct signed_zone *signed_zone;	/* as it's served; or NULL */
	struct signing_view signing;	/* of a copy that is to be signed */
	struct frozen frozen;
};

static bool on_stored(void *arg, const char *zone, uint32_t serial, uint64_t content);
static struct served *served_find(struct secondaries *s, const char *name);
static bool drop(struct secondaries *s, struct served *served);
static bool refresh(struct secondaries *s, struct served *served, const struct steering_zone *wanted, size_t index,
	struct mono now, struct wall wall);
static uint64_t keys_of(const struct secondaries *s, struct making *m, struct wall wall, bool *due);
static struct edition *make_edition(struct secondaries *s, struct making *m, struct wall wall, bool *same);
static uint32_t next_serial(const struct served *served, uint32_t written, bool same);
static void store_serial(struct secondaries *s, const struct served *served);
static void retire(struct secondaries *s, struct edition *edition, struct signed_zone *copy);
static void free_retired(struct secondaries *s, bool all);
static bool publish(struct secondaries *s);
static bool add_rules(struct secondaries *s, struct arena *arena, struct transfer_zone *zone,
	const struct steering_zone *wanted);
static void tell(struct secondaries *s, struct served *served, const struct steering_zone *wanted, struct mono now);
static const struct tsig_key *key_named(const struct secondaries *s, const char *name);

struct secondaries *
secondaries_new(struct control *control)
{
	struct secondaries *s = calloc(1, sizeof(*s));
	struct text error = { 0 };
	struct store_reader *reader;

	if (s == NULL)
		return NULL;
	s->control = control;
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
	struct served *served = served_find(arg, zone);

	if (served != NULL) {
		served->known = true;
		served->serial = serial;
		served->content = content;
	}
	return true;
}

/* Made if need be; NULL: out of memory. */
static struct served *
served_find(struct secondaries *s, const char *name)
{
	struct served *served = s->zones;

	while (served != NULL && strcmp(served->name, name) != 0)
		served = served->next;
	if (served != NULL)
		return served;
	served = calloc(1, sizeof(*served));
	if (served == NULL)
		return NULL;
	served->name = strdup(name);
	served->cache = signature_cache_new();
	if (served->name == NULL || served->cache == NULL || name_parse(name, served->apex) == 0) {
		signature_cache_free(served->cache);
		free(served->name);
		free(served);
		return NULL;
	}
	served->next = s->zones;
	s->zones = served;
	return served;
}

void
secondaries_tick(struct secondaries *s, uv_loop_t *loop, struct mono now, struct wall wall)
{
	struct control *control = s->control;
	const struct steering *steering = control->world->steering;
	bool changed = s->steering != steering || s->stale;

	if (s->notifier == NULL && loop != NULL)
		s->notifier = notifier_new(loop);
	if (!s->stale)
		free_retired(s, false);
	if (s->published == NULL && steering->zone_count == 0)
		return;
	for (struct served *served = s->zones; served != NULL; served = served->next)
		served->wanted = false;
	for (size_t i = 0; i < control->world->zone_count; i++) {
		const struct steering_zone *wanted = steering_zone_find(steering,
		    zone_apex(control->world->zones[i]->zone)->name);
		struct served *served;

		if (wanted == NULL || (wanted->transfer_count == 0 && wanted->notify_count == 0))
			continue;
		served = served_find(s, control->world->zones[i]->name);
		if (served == NULL)
			continue;
		served->wanted = true;
		changed = refresh(s, served, wanted, i, now, wall) || changed;
	}
	for (struct served *served = s->zones; served != NULL; served = served->next)
		changed = (!served->wanted && drop(s, served)) || changed;
	if (changed) {
		s->stale = !publish(s);
		s->steering = steering;
	}
	for (struct served *served = s->zones; served != NULL && s->notifier != NULL; served = served->next) {
		const struct steering_zone *wanted = steering_zone_find(steering, served->apex);

		if (served->wanted && served->edition != NULL && !served->told)
			tell(s, served, wanted, now);
	}
	if (s->notifier != NULL)
		notifier_tick(s->notifier, now);
}

/* Nobody is to have it any more. */
static bool
drop(struct secondaries *s, struct served *served)
{
	if (served->edition == NULL)
		return false;
	retire(s, served->edition, served->copy);
	served->edition = NULL;
	served->copy = NULL;
	if (s->notifier != NULL)
		notifier_forget(s->notifier, served->apex);
	return true;
}

/* --- an edition ---------------------------------------------------------------------------------------------- */

/* True: it has another edition. */
static bool
refresh(struct secondaries *s, struct served *served, const struct steering_zone *wanted, size_t index,
	struct mono now, struct wall wall)
{
	const struct world *world = s->control->world;
	struct making m = { .served = served, .wanted = wanted, .source = world->zones[index]->zone };
	struct arena *arena = arena_new();
	const struct zone *source;
	uint64_t keys;
	bool same = false, due = false, health_only;
	struct edition *edition;

	if (arena == NULL)
		return false;
	m.signed_zone = world->signed_zones == NULL ? NULL : world->signed_zones[index];
	source = m.signed_zone != NULL ? m.signed_zone->zone : m.source;
	if (!frozen_choose(world, index, s->control->publisher.current, arena, &m.frozen)) {
		arena_free(arena);
		return false;
	}
	keys = keys_of(s, &m, wall, &due);
	health_only = served->edition != NULL && served->source == source && served->keys == keys && !due;
	if (health_only && (m.frozen.hash == served->choice
	    || mono_ms_between(served->made, now) < wanted->health_serial_ms)) {
		arena_free(arena);
		return false;
	}
	edition = make_edition(s, &m, wall, &same);
	if (edition != NULL)
		served->warned = frozen_warn(&m.frozen, served->name, served->warned);
	arena_free(arena);
	served->made = now;
	if (edition == NULL) {
		log_error("out of memory: secondaries of %s get no new edition", served->name);
		return false;
	}
	served->choice = m.frozen.hash;
	served->keys = keys;
	zone_release(served->held);
	served->held = m.signed_zone != NULL ? m.signed_zone->zone : m.source;
	zone_hold(served->held);
	served->source = served->held;
	if (same)
		return false;
	served->told = false;
	store_serial(s, served);
	return true;
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
		copy = m->signing.zone == NULL ? NULL
		    : frozen_sign(built, &m->signing, m->wanted, served->cache, serial, wall);
		zone_release(built);
		if (copy == NULL)
			return NULL;
		zone = copy->zone;
		content = zone_content(zone);
	} else {
		zone = built != NULL ? built : zone;
		content = zone_content(zone);
		serial = is_signed ? zone_serial(zone)
		    : next_serial(served, zone_serial(zone), served->known && content == served->content);
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
		edition_follow(edition, served->edition, m->wanted->ixfr_history);
	if (served->edition != NULL)
		retire(s, served->edition, served->copy);
	served->edition = edition;
	served->copy = copy;
	served->known = true;
	served->serial = serial;
	served->content = content;
	return edition;
}

static uint32_t
next_serial(const struct served *served, uint32_t written, bool same)
{
	uint32_t next = served->serial + 1;

	if (!served->known || serial_is_newer(written, served->serial))
		return written;
	return same ? served->serial : next == 0 ? 1 : next;
}

/* --- what was told ------------------------------------------------------------------------------------------- */

struct stored_serial { char *zone; uint32_t serial; uint64_t content; };

static int
store_job(struct store_txn *txn, void *arg)
{
	const struct stored_serial *stored = arg;

	return store_edition_put(txn, stored->zone, stored->serial, stored->content);
}

static void
store_done(void *arg, int status)
{
	struct stored_serial *stored = arg;

	if (status != 0)
		log_warning("the serial %u of %s wasn't stored; after a restart it might be told again",
		    (unsigned)stored->serial, stored->zone);
	free(stored->zone);
	free(stored);
}

static void
store_serial(struct secondaries *s, const struct served *served)
{
	struct stored_serial *stored = malloc(sizeof(*stored));

	if (s->control->store == NULL || stored == NULL) {
		free(stored);
		return;
	}
	*stored = (struct stored_serial){ strdup(served->name), served->serial, served->content };
	if (stored->zone == NULL)
		free(stored);
	else if (!store_submit(s->control->store, store_job, store_done, stored))
		store_done(stored, -EAGAIN);
}

/* --- to the workers ------------------------------------------------------------------------------------------ */

static int
compare_zones(const void *a, const void *b)
{
	const struct transfer_zone *x = a, *y = b;

	return name_compare(x->apex, y->apex);
}

/* False: out of memory, and what was there goes on. */
static bool
publish(struct secondaries *s)
{
	const struct steering *steering = s->control->world->steering;
	struct arena *arena = arena_new();
	struct transfers *fresh = arena == NULL ? NULL : arena_alloc(arena, sizeof(*fresh));
	struct transfer_zone *zones;
	size_t count = 0;

	for (struct served *served = s->zones; served != NULL; served = served->next)
		count++;
	zones = fresh == NULL ? NULL : arena_alloc(arena, (count + 1) * sizeof(*zones));
	if (zones == NULL) {
		arena_free(arena);
		return false;
	}
	fresh->zones = zones;
	for (struct served *served = s->zones; served != NULL; served = served->next) {
		struct transfer_zone *zone = &zones[fresh->zone_count];
		const struct steering_zone *wanted = steering_zone_find(steering, served->apex);

		if (!served->wanted || served->edition == NULL || wanted == NULL)
			continue;
		*zone = (struct transfer_zone){ .apex = arena_copy(arena, served->apex, sizeof(served->apex)),
		    .edition = served->edition, .hide_regions = wanted->hide_regions };
		if (zone->apex == NULL || !add_rules(s, arena, zone, wanted)) {
			arena_free(arena);
			return false;
		}
		fresh->zone_count++;
	}
	if (fresh->zone_count > 1)
		qsort(zones, fresh->zone_count, sizeof(*zones), compare_zones);
	server_transfers(s->control->publisher.server, fresh);
	arena_free(s->arena);
	s->arena = arena;
	s->published = fresh;
	return true;
}

static bool
add_rules(struct secondaries *s, struct arena *arena, struct transfer_zone *zone, const struct steering_zone *wanted)
{
	struct transfer_rule *rules = arena_alloc(arena, (wanted->transfer_count + 1) * sizeof(*rules));

	for (size_t i = 0; rules != NULL && i < wanted->transfer_count; i++) {
		const struct zone_transfer *written = &wanted->transfers[i];
		const struct tsig_key *key = written->key == NULL ? NULL : key_named(s, written->key);

		if (written->key != NULL && key == NULL)	/* not in this isobar.yaml: nobody has it */
			continue;
		rules[zone->rule_count++] = (struct transfer_rule){
			.from_count = written->from_count, .key = key, .encrypted = written->encrypted,
			.from = arena_copy(arena, written->from, written->from_count * sizeof(*written->from)),
			.region_records = written->region_records,
		};
	}
	zone->rules = rules;
	return rules != NULL;
}

static const struct tsig_key *
key_named(const struct secondaries *s, const char *name)
{
	uint8_t wire[NAME_MAX];
	const struct tsig_key *key = name_parse(name, wire) == 0 ? NULL
	    : tsig_key_find(&s->control->tsig_keys, wire);

	if (key == NULL)	/* steering.yaml is refused with such a name, but isobar.yaml may have lost it since */
		log_warning("there is no TSIG key '%s' in isobar.yaml any more: who needs it gets nothing", name);
	return key;
}

static void
tell(struct secondaries *s, struct served *served, const struct steering_zone *wanted, struct mono now)
{
	struct notify_target *targets = calloc(wanted->notify_count + 1, sizeof(*targets));
	size_t count = 0;

	if (targets == NULL)
		return;
	for (size_t i = 0; i < wanted->notify_count; i++) {
		const struct zone_notify *written = &wanted->notifies[i];
		const struct tsig_key *key = written->key == NULL ? NULL : key_named(s, written->key);

		if (written->key == NULL || key != NULL)
			targets[count++] = (struct notify_target){ written->to, written->port, key };
	}
	notifier_tell(s->notifier, served->apex, &served->edition->soa, served->edition->serial, targets, count, now);
	served->told = true;
	free(targets);
}

/* Behind the next publication no worker begins a transfer of it. */
static void
retire(struct secondaries *s, struct edition *edition, struct signed_zone *copy)
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
	while (s->zones != NULL) {
		struct served *served = s->zones;

		s->zones = served->next;
		edition_free(served->edition);
		signed_zone_release(served->copy);
		signature_cache_free(served->cache);
		zone_release(served->held);
		free(served->name);
		free(served);
	}
	arena_free(s->arena);
	free(s);
}

bool
secondaries_view(const struct secondaries *s, const char *zone, struct secondaries_view *view)
{
	for (const struct served *served = s->zones; served != NULL; served = served->next)
		if (strcmp(served->name, zone) == 0 && served->wanted && served->edition != NULL) {
			*view = (struct secondaries_view){ served->name, served->serial,
			    served->edition->difference_octets, served->edition->difference_count };
			return true;
		}
	return false;
}

const struct notifier *
secondaries_notifier(const struct secondaries *s)
{
	return s->notifier;
}
