/* primaries.c -- see primaries.h. Which zones there are, and when each is asked for.
 * In: the world in service, the clock, NOTIFY, wishes.  Out: rounds (primaries_ask.c), versions (primaries_take.c),
 * rows of the store, leases.  Threads: control.
 *
 * A zone goes through stages (primaries_parts.h); between rounds it's idle, and has a moment for the next. Which zones
 * there are is read from the world when that was published anew. What is stored of a zone is when there was word of it,
 * so after a restart what hasn't expired is answered at once, and what has isn't. */
#include "control/primaries.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "control/primaries_parts.h"
#include "control/world_parts.h"
#include "control/zone_settings.h"
#include "dns/wire.h"

static bool load_rows(struct primaries *primaries);
static bool on_row(void *arg, const struct refresh_row *row);
static struct replica *add(struct primaries *primaries, const uint8_t *apex);
static void follow_world(struct primaries *primaries, struct wall now);
static void meet(struct primaries *primaries, const struct transferred_zone *zone, struct wall now);
static void drop_unwanted(struct primaries *primaries);
static int delete_row(struct store_txn *txn, void *arg);
static void row_deleted(void *arg, int status);
static void tell_of_expiry(struct replica *replica, struct wall now);
static struct replica *find_name(const struct primaries *primaries, const char *name);
static int compare_replicas(const void *a, const void *b);
static int compare_name(const void *name, const void *replica);

struct primaries *
primaries_new(struct control *control)
{
	struct primaries *primaries = calloc(1, sizeof(*primaries));

	if (primaries == NULL)
		return NULL;
	primaries->control = control;
	primaries->leases = leases_new();
	if (primaries->leases != NULL && (control->options.storeless || load_rows(primaries)))
		return primaries;
	primaries_free(primaries);
	return NULL;
}

static bool
load_rows(struct primaries *primaries)
{
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(primaries->control->settings->store, &error);

	if (reader == NULL || store_refreshes(reader, on_row, primaries) != 0)
		log_warning("when there was word of primaries can't be read: it's as if there had been now");
	store_reader_close(reader);
	text_fini(&error);
	return true;
}

static bool
on_row(void *arg, const struct refresh_row *row)
{
	uint8_t apex[NAME_MAX];
	struct replica *replica = name_parse(row->zone, apex) == 0 ? NULL : add(arg, apex);

	if (replica == NULL)
		return true;
	replica->renewal.refreshed = row->refreshed;
	replica->renewal.expires = row->expires;
	replica->serial = row->serial;
	if (address_parse_listen(row->address, 53, &replica->from, &replica->from_port) != 0)
		replica->from.bits = 0;
	lease_set(replica->lease, (uint32_t)(row->expires.ms / 1000));
	return true;
}

void
primaries_close(struct primaries *primaries)
{
	if (primaries == NULL)
		return;
	primaries->closed = true;
	for (size_t i = 0; i < primaries->count; i++)
		replica_stop(primaries->list[i]);
}

void
primaries_free(struct primaries *primaries)
{
	if (primaries == NULL)
		return;
	for (size_t i = 0; i < primaries->count; i++)
		replica_free(primaries->list[i]);
	free(primaries->list);
	leases_free(primaries->leases);
	free(primaries);
}

struct leases *
primaries_leases(const struct primaries *primaries)
{
	return primaries->leases;
}

bool
primaries_allowed_without_store(const struct world *world, struct diags *diags)
{
	struct arena *arena = arena_new();
	const struct transferred_zone *list;
	size_t count = arena == NULL ? SIZE_MAX : zones_transferred(world, arena, &list);

	if (count == SIZE_MAX)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
	for (size_t i = 0; count != SIZE_MAX && i < count; i++)
		diag_error(diags, (struct diag_place){ .file = "steering.yaml", .line = list[i].settings->line }, NULL,
		    "the zone %s can't be transferred without a store to keep it in", list[i].settings->name);
	arena_free(arena);
	return count == 0;
}

/* --- which zones there are ------------------------------------------------------------------------------------ */

/* NULL: out of memory. */
static struct replica *
add(struct primaries *primaries, const uint8_t *apex)
{
	struct replica *replica = calloc(1, sizeof(*replica));
	char name[NAME_TEXT_SIZE];

	if (primaries->count == primaries->size) {
		size_t size = primaries->size == 0 ? 16 : primaries->size * 2;
		struct replica **list = realloc(primaries->list, size * sizeof(*list));

		if (list == NULL) {
			free(replica);
			return NULL;
		}
		primaries->list = list;
		primaries->size = size;
	}
	if (replica == NULL)
		return NULL;
	replica->all = primaries;
	memcpy(replica->apex, apex, name_length(apex, NAME_MAX));
	replica->name = strdup(name_text(apex, name));
	replica->lease = leases_of(primaries->leases, apex);
	if (replica->name == NULL || replica->lease == NULL) {
		replica_free(replica);
		return NULL;
	}
	primaries->list[primaries->count++] = replica;
	if (primaries->count > 1
	    && strcmp(primaries->list[primaries->count - 2]->name, primaries->list[primaries->count - 1]->name) > 0)
		qsort(primaries->list, primaries->count, sizeof(struct replica *), compare_replicas);
	return replica;
}

static int
compare_replicas(const void *a, const void *b)
{
	const struct replica *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int
compare_name(const void *name, const void *replica)
{
	return strcasecmp(name, (*(const struct replica *const *)replica)->name);
}

static struct replica *
find_name(const struct primaries *primaries, const char *name)
{
	struct replica **found = primaries->count == 0 ? NULL : bsearch(name, primaries->list, primaries->count,
		sizeof(struct replica *), compare_name);

	return found == NULL ? NULL : *found;
}

struct replica *
replica_find(const struct primaries *primaries, const uint8_t *apex)
{
	char name[NAME_TEXT_SIZE];

	return find_name(primaries, name_text(apex, name));
}

static void
follow_world(struct primaries *primaries, struct wall now)
{
	struct arena *arena = arena_new();
	const struct transferred_zone *list;
	size_t count = arena == NULL ? SIZE_MAX : zones_transferred(primaries->control->world, arena, &list);

	if (count == SIZE_MAX) {
		arena_free(arena);
		return;		/* with the next tick */
	}
	for (size_t i = 0; i < primaries->count; i++)
		primaries->list[i]->wanted = false;
	for (size_t i = 0; i < count; i++)
		meet(primaries, &list[i], now);
	drop_unwanted(primaries);
	primaries->epoch = primaries->control->publisher.epoch;
	arena_free(arena);
}

static void
meet(struct primaries *primaries, const struct transferred_zone *zone, struct wall now)
{
	struct replica *replica = replica_find(primaries, zone->apex);
	const struct world_zone *served;
	bool was_loaded;

	if (replica == NULL)
		replica = add(primaries, zone->apex);
	if (replica == NULL)
		return;
	replica->wanted = true;
	replica->dropped = false;
	served = world_find(primaries->control->world, replica->name);
	was_loaded = replica->renewal.loaded;
	replica_set_timers(replica, served == NULL ? NULL : served->zone);
	if (was_loaded && served == NULL)	/* a catalog has it begin anew */
		replica->renewal.notified = now;
	/* It was here before it had primaries, or its row was lost. */
	if (replica->renewal.loaded && replica->renewal.refreshed.ms == 0) {
		replica->renewal.refreshed = now;
		replica->renewal.expires = renewal_expiry(replica->renewal.expire, &zone->settings->bounds, NULL,
		    (struct wall){ 0 }, now);
		replica->renewal.notified = now;
	}
	replica->next = renewal_next(&replica->renewal, &zone->settings->bounds, replica->dice);
}

void
replica_set_timers(struct replica *replica, const struct zone *zone)
{
	const uint8_t *end;

	replica->renewal.loaded = zone != NULL;
	if (zone == NULL)
		return;
	end = zone_soa(zone)->wire + zone_soa(zone)->length;
	replica->renewal.refresh = wire_get_u32(end - 16);
	replica->renewal.retry = wire_get_u32(end - 12);
	replica->renewal.expire = wire_get_u32(end - 8);
}

static void
drop_unwanted(struct primaries *primaries)
{
	size_t kept = 0;

	for (size_t i = 0; i < primaries->count; i++) {
		struct replica *replica = primaries->list[i];
		char *name;

		if (replica->wanted) {
			primaries->list[kept++] = replica;
			continue;
		}
		replica_stop(replica);
		lease_end(replica->lease);
		name = strdup(replica->name);
		if (name != NULL && (primaries->control->store == NULL
		    || !store_submit(primaries->control->store, delete_row, row_deleted, name)))
			free(name);
		replica->dropped = true;
		if (replica->stage != STAGE_BUILDING && replica->stage != STAGE_CHANGING)
			replica_free(replica);
	}
	primaries->count = kept;
}

static int
delete_row(struct store_txn *txn, void *arg)
{
	return store_refresh_delete(txn, arg);
}

static void
row_deleted(void *arg, int status)
{
	(void)status;		/* it's known to no zone, and harms none */
	free(arg);
}

void
replica_free(struct replica *replica)
{
	primary_version_free(replica->version);
	world_zone_release(replica->base);
	free(replica->name);
	free(replica);
}

/* --- time ----------------------------------------------------------------------------------------------------- */

#define ASKING_MOST 64		/* questions for SOAs at once: 10,000 zones are asked for within a minute or two */

void
primaries_tick(struct primaries *primaries, uv_loop_t *loop, struct mono now, struct wall wall)
{
	const struct control *control = primaries->control;
	(void)now;

	if (loop == NULL || primaries->closed || control->options.storeless)
		return;
	primaries->loop = loop;
	if (primaries->epoch != control->publisher.epoch)
		follow_world(primaries, wall);
	for (size_t i = 0; i < primaries->count; i++) {
		struct replica *replica = primaries->list[i];

		tell_of_expiry(replica, wall);
		if (replica->stage == STAGE_WAITING && primaries->transferring < control->settings->transfers_in)
			replica_go_on(replica);
		else if (replica->stage == STAGE_IDLE && replica->next.ms <= wall.ms
		    && primaries->asking < ASKING_MOST)
			replica_ask(replica);
	}
	primaries_publish(primaries);
}

static void
tell_of_expiry(struct replica *replica, struct wall now)
{
	bool expired = replica->renewal.loaded && lease_left(replica->lease, (uint32_t)(now.ms / 1000)) == 0;

	if (expired && !replica->expired_told)
		log_error("the zone %s has expired and isn't answered any more: no primary gives word of it",
		    replica->name);
	replica->expired_told = expired;
}

void
primaries_notified(struct primaries *primaries, const uint8_t *apex, const struct address *from)
{
	struct replica *replica = replica_find(primaries, apex);
	(void)from;		/* whichever it was, the one that answered last is asked first */

	if (replica == NULL)
		return;
	primaries->counts.notified++;
	replica->again = replica->stage != STAGE_IDLE;
	replica->renewal.notified = wall_now();
	if (!replica->again)
		replica->next = replica->renewal.notified;
}

bool
primaries_refresh(struct primaries *primaries, const char *zone, bool whole)
{
	uint8_t apex[NAME_MAX];
	struct replica *replica = name_parse(zone, apex) == 0 ? NULL : replica_find(primaries, apex);

	if (replica == NULL)
		return false;
	replica->wants_whole |= whole;
	replica->again = replica->stage != STAGE_IDLE;
	replica->renewal.notified = replica->next = wall_now();
	return true;
}

/* --- views ---------------------------------------------------------------------------------------------------- */

struct primaries_counts
primaries_counts(const struct primaries *primaries)
{
	return primaries->counts;
}

bool
primaries_view(const struct primaries *primaries, size_t i, struct primaries_view *view)
{
	const struct replica *replica;
	const struct world_zone *served;
	bool lapsed;

	if (i >= primaries->count)
		return false;
	replica = primaries->list[i];
	served = world_find(primaries->control->world, replica->name);
	lapsed = lease_left(replica->lease, (uint32_t)(wall_now().ms / 1000)) == 0;
	*view = (struct primaries_view){
		.zone = replica->name, .loaded = served != NULL,
		.serial = served == NULL ? 0 : zone_serial(served->zone), .refreshed = replica->renewal.refreshed,
		.expires = replica->renewal.expires, .next = replica->next, .primary = replica->from,
		.port = replica->from_port, .octets = replica->octets, .encrypted = replica->encrypted,
		.by_difference = replica->by_difference, .trouble = replica->trouble,
		.state = replica->stage == STAGE_ASKING ? PRIMARY_ASKING : replica->stage != STAGE_IDLE
		    ? PRIMARY_TRANSFERRING : served != NULL && lapsed ? PRIMARY_EXPIRED : PRIMARY_WAITING,
	};
	return true;
}
