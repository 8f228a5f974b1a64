/* secondaries_told.c -- see secondaries_parts.h: what there is for secondaries, to those who answer, and to memory.
 * In: the editions, the rules of who may have them.  Out: what workers see; serials in the store.
 * Threads: control; the store's jobs run on its writer. */
#include "control/secondaries_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "serve/transfers.h"

struct stored_serial { const char *zone; uint32_t serial; uint64_t content; };
struct stored_serials { struct arena *arena; size_t count; struct stored_serial *rows; };

static bool add_rules(struct secondaries *s, struct arena *arena, struct transfer_zone *zone,
	const struct steering_zone *wanted);
static int store_job(struct store_txn *txn, void *arg);
static void store_done(void *arg, int status);

/* --- to the workers ------------------------------------------------------------------------------------------ */

bool
secondaries_publish(struct secondaries *s)
{
	struct arena *arena = arena_new();
	struct transfers *fresh = arena == NULL ? NULL : arena_alloc(arena, sizeof(*fresh));
	struct transfer_zone *zones = fresh == NULL ? NULL : arena_alloc(arena, (s->count + 1) * sizeof(*zones));

	if (zones == NULL) {
		arena_free(arena);
		return false;
	}
	fresh->zones = zones;
	for (size_t i = 0; i < s->count; i++) {
		const struct served *served = s->zones[i];
		struct transfer_zone *zone = &zones[fresh->zone_count];

		if (served->wanted == NULL || served->edition == NULL)
			continue;
		*zone = (struct transfer_zone){ .apex = arena_copy(arena, served->apex, sizeof(served->apex)),
		    .edition = served->edition, .hide_regions = served->wanted->hide_regions };
		if (zone->apex == NULL || !add_rules(s, arena, zone, served->wanted)) {
			arena_free(arena);
			return false;
		}
		fresh->zone_count++;
	}
	server_transfers(s->control->publisher.server, fresh);
	arena_free(s->arena);
	s->arena = arena;
	return true;
}

static bool
add_rules(struct secondaries *s, struct arena *arena, struct transfer_zone *zone, const struct steering_zone *wanted)
{
	struct transfer_rule *rules = arena_alloc(arena, (wanted->transfer_count + 1) * sizeof(*rules));

	for (size_t i = 0; rules != NULL && i < wanted->transfer_count; i++) {
		const struct zone_transfer *written = &wanted->transfers[i];
		const struct tsig_key *key = written->key == NULL ? NULL : secondaries_key(s, written->key);

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

const struct tsig_key *
secondaries_key(const struct secondaries *s, const char *name)
{
	uint8_t wire[NAME_MAX];
	const struct tsig_key *key = name_parse(name, wire) == 0 ? NULL
	    : tsig_key_find(&s->control->tsig_keys, wire);

	if (key == NULL)	/* steering.yaml is refused with such a name, but isobar.yaml may have lost it since */
		log_warning("there is no TSIG key '%s' in isobar.yaml any more: who needs it gets nothing", name);
	return key;
}

/* --- to the store -------------------------------------------------------------------------------------------- */

static int
store_job(struct store_txn *txn, void *arg)
{
	const struct stored_serials *stored = arg;
	int status = 0;

	for (size_t i = 0; i < stored->count && status == 0; i++)
		status = store_edition_put(txn, stored->rows[i].zone, stored->rows[i].serial, stored->rows[i].content);
	return status;
}

static void
store_done(void *arg, int status)
{
	struct stored_serials *stored = arg;

	if (status != 0)
		log_warning("the serial %u of %s%s wasn't stored; after a restart it might be told again",
		    (unsigned)stored->rows[0].serial, stored->rows[0].zone, stored->count > 1 ? " and others" : "");
	arena_free(stored->arena);
}

void
secondaries_store(struct secondaries *s)
{
	struct arena *arena = s->control->store == NULL ? NULL : arena_new();
	struct stored_serials *stored = arena == NULL ? NULL : arena_alloc(arena, sizeof(*stored));

	if (stored != NULL)
		stored->rows = arena_alloc(arena, (s->count + 1) * sizeof(*stored->rows));
	if (stored == NULL || stored->rows == NULL) {
		arena_free(arena);
		return;
	}
	stored->arena = arena;
	for (size_t i = 0; i < s->count; i++) {
		const struct served *served = s->zones[i];
		const char *name = served->stored || !served->known ? NULL : arena_text(arena, served->name);

		if (name != NULL)
			stored->rows[stored->count++] = (struct stored_serial){ name, served->serial, served->content };
	}
	if (stored->count == 0 || !store_submit(s->control->store, store_job, store_done, stored)) {
		arena_free(arena);
		return;
	}
	for (size_t i = 0; i < s->count; i++)
		s->zones[i]->stored = true;
}
