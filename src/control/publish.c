/* publish.c -- the one place where what queries see can change.
 * In: world, plan, round.  Out: a published snapshot.  Threads: control.
 * The order in publish_commit() must not change; each step says why. */
#include "control/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/certify.h"
#include "control/meter.h"
#include "control/renewal.h"
#include "control/zone_settings.h"
#include "dns/wire.h"
#include "plan/cut.h"
#include "steer/constrain.h"

static bool certified(const struct publisher *publisher, const struct round *round, struct candidate *candidate,
	const struct plan *plan, struct text *why);
static const struct demand *demand_of(const struct publisher *publisher, const struct candidate *candidate);
static struct steering *effective_steering(const struct world *world, const struct round *round);
static struct snapshot *build_snapshot(const struct publisher *publisher, const struct world *world,
	struct steering *steering, const struct plan *plan, struct candidate *candidate);
static bool add_transferred(const struct publisher *publisher, const struct world *world, struct arena *arena,
	struct snapshot_parts *parts);
static uint32_t zone_expire(const struct zone *zone);
static void retire(struct publisher *publisher, struct snapshot *snapshot);
static void remember(struct publisher *publisher, const char *service, const char *region, uint64_t count);
static struct answered *answered_find(const struct publisher *publisher, size_t count, const char *service,
	const char *region);
static int compare_answered(const void *a, const void *b);
static void geo_release(struct geo_file *geo);

bool
publish_build(const struct publisher *publisher, const struct world *world, const struct round *round,
	const struct plan *plan, struct demand *demand, struct candidate *candidate, struct text *why)
{
	struct steering *steering = effective_steering(world, round);
	struct plan *cut = plan == NULL || steering == NULL ? NULL : plan_cut(plan, steering);
	bool built = false;

	memset(candidate, 0, sizeof(*candidate));
	candidate->constraints = round_constraints(round);
	candidate->demand = demand;
	if (steering != NULL && (plan == NULL || cut != NULL))
		candidate->snapshot = build_snapshot(publisher, world, steering, cut, candidate);
	if (candidate->snapshot == NULL)
		text_puts(why, "out of memory");
	else
		built = certified(publisher, round, candidate, cut, why);
	plan_free(cut);
	steering_free(steering);
	if (!built) {
		candidate->demand = NULL;
		candidate_fini(candidate);
		return false;
	}
	candidate->geo = world->geo;
	if (candidate->geo != NULL)
		candidate->geo->holds++;
	return true;
}

static bool
certified(const struct publisher *publisher, const struct round *round, struct candidate *candidate,
	const struct plan *plan, struct text *why)
{
	double capacities[REGIONS_MAX] = { 0 };
	struct certificate_terms terms = { .plan = plan, .demand = demand_of(publisher, candidate),
	    .capacities = capacities, .present = publisher->current };

	certify_capacities(round, candidate->snapshot->steering, capacities);
	candidate->certificate = certificate_check(candidate->snapshot, &terms);
	if (candidate->certificate == NULL) {
		text_puts(why, "out of memory");
		return false;
	}
	if (candidate->certificate->fault != CERTIFICATE_LAW && candidate->certificate->fault != CERTIFICATE_SHARES)
		return true;
	text_puts(why, candidate->certificate->why.bytes);
	return false;
}

static const struct demand *
demand_of(const struct publisher *publisher, const struct candidate *candidate)
{
	return candidate->demand != NULL ? candidate->demand : publisher->demand;
}

/* The operator's steering, narrowed by what regions accept. Held; NULL: out of memory. */
static struct steering *
effective_steering(const struct world *world, const struct round *round)
{
	struct region_set *accepting = calloc(world->steering->group_count, sizeof(*accepting));
	struct steering *steering = world->steering;

	if (accepting == NULL)
		return NULL;
	if (round_accepting(round, world->steering, accepting))
		steering = steering_constrain(world->steering, accepting);
	else
		steering_hold(steering);
	free(accepting);
	return steering;
}

static struct snapshot *
build_snapshot(const struct publisher *publisher, const struct world *world, struct steering *steering,
	const struct plan *plan, struct candidate *candidate)
{
	struct zone **zones = calloc(world->zone_count + 1, sizeof(struct zone *));
	bool *hidden = calloc(world->zone_count + 1, sizeof(*hidden));
	bool *closed = calloc(world->zone_count + 1, sizeof(*closed));
	struct arena *arena = arena_new();
	struct snapshot *snapshot;
	struct compiled compiled;
	struct snapshot_parts parts = {
		.epoch = publisher->epoch + 1, .steering = steering, .zones = zones,
		.zone_count = world->zone_count, .worker_count = publisher->worker_count,
		.geo = world->geo == NULL ? NULL : world->geo->geo,
		.signed_zones = world->signed_zones, .hidden = hidden, .closed = closed,
	};

	if (zones == NULL || hidden == NULL || closed == NULL || arena == NULL
	    || !add_transferred(publisher, world, arena, &parts) || compile_tables(&compiled, steering, plan,
	    demand_of(publisher, candidate), publisher->current) != 0) {
		arena_free(arena);
		free(closed);
		free(hidden);
		free(zones);
		return NULL;
	}
	for (size_t i = 0; i < world->zone_count; i++) {
		const struct steering_zone *wanted;

		zones[i] = world->zones[i]->zone;
		wanted = zone_settings(world, zone_apex(zones[i])->name);
		hidden[i] = wanted != NULL && wanted->hide_regions;
		closed[i] = wanted != NULL && wanted->catalog_role != CATALOG_NONE;
	}
	parts.tables = compiled.services;
	parts.countries = compiled.countries;
	parts.country_count = compiled.country_count;
	snapshot = snapshot_new(&parts);
	candidate->moved = compiled.moved;
	compiled.moved = NULL;
	compiled_fini(&compiled);
	arena_free(arena);
	free(closed);
	free(hidden);
	free(zones);
	return snapshot;
}

/* Zones that come from primaries: the leases of those that have come, and the others by name. A version that is there
 * before anything is known of its primary is answered as if there had been word of it now. */
static bool
add_transferred(const struct publisher *publisher, const struct world *world, struct arena *arena,
	struct snapshot_parts *parts)
{
	const struct transferred_zone *list;
	size_t count = publisher->leases == NULL ? 0 : zones_transferred(world, arena, &list);
	const struct lease **leases = arena_alloc(arena, (world->zone_count + 1) * sizeof(*leases));
	const uint8_t **absent = count == SIZE_MAX ? NULL : arena_alloc(arena, (count + 1) * sizeof(*absent));

	if (leases == NULL || absent == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		char name[NAME_TEXT_SIZE];
		struct lease *lease = leases_of(publisher->leases, list[i].apex);
		size_t at = world_index(world, name_text(list[i].apex, name));

		if (lease == NULL)
			return false;
		if (at == world->zone_count) {
			absent[parts->absent_count++] = list[i].apex;
			continue;
		}
		leases[at] = lease;
		if (atomic_load(&lease->until) == 0)
			lease_set(lease, (uint32_t)(renewal_expiry(zone_expire(world->zones[at]->zone),
			    &list[i].settings->bounds, NULL, (struct wall){ 0 }, wall_now()).ms / 1000));
	}
	parts->leases = leases;
	parts->absent = absent;
	return true;
}

static uint32_t
zone_expire(const struct zone *zone)
{
	const struct rrset *soa = zone_soa(zone);

	return wire_get_u32(soa->wire + soa->length - 8);
}

void
candidate_fini(struct candidate *candidate)
{
	snapshot_free(candidate->snapshot);
	geo_release(candidate->geo);
	demand_free(candidate->demand);
	certificate_free(candidate->certificate);
	free(candidate->moved);
	memset(candidate, 0, sizeof(*candidate));
}

static void
geo_release(struct geo_file *geo)
{
	if (geo != NULL && --geo->holds == 0) {
		geo_close(geo->geo);
		free(geo);
	}
}

int
publish_commit(struct publisher *publisher, struct candidate *candidate, struct round *round, struct mono now,
	struct wall wall)
{
	struct snapshot *old = publisher->current;
	struct geo_file *old_geo = publisher->geo;
	int status;

	/* 1. The round first: it's the only step that can fail. */
	status = round_adopt(round, candidate->snapshot->owned_steering, now, wall);
	if (status != 0)
		return status;
	/* 2. Live words before anybody sees them, or dead regions would be answered for a moment. */
	round_write(round, candidate->snapshot);
	/* 3. Now queries see it; no worker has the old one any more when this returns. */
	publisher->current = candidate->snapshot;
	publisher->geo = candidate->geo;
	publisher->epoch = candidate->snapshot->epoch;
	if (candidate->demand != NULL) {
		demand_free(publisher->demand);
		publisher->demand = candidate->demand;
		candidate->demand = NULL;
	}
	publisher->constraints = candidate->constraints;
	certificate_free(publisher->certificate);
	publisher->certificate = candidate->certificate;
	publisher->certified = now;
	memset(&publisher->lost, 0, sizeof(publisher->lost));
	candidate->certificate = NULL;
	if (publisher->server != NULL)
		server_publish(publisher->server, publisher->current);
	/* 4. While both are there: what has changed is for the store to remember. */
	if (publisher->published != NULL)
		publisher->published(publisher->published_arg, old, publisher->current);
	/* 5. The old one's counts are complete only now. */
	if (publisher->meter != NULL)
		meter_end(publisher->meter, now);
	if (old != NULL)
		retire(publisher, old);
	if (publisher->meter != NULL && !meter_begin(publisher->meter, publisher->current, now))
		log_warning("out of memory: what clients ask for isn't counted until the next publication");
	geo_release(old_geo);
	candidate->snapshot = NULL;
	candidate->geo = NULL;
	candidate_fini(candidate);
	return 0;
}

static void
retire(struct publisher *publisher, struct snapshot *snapshot)
{
	size_t known = publisher->answered_count;
	uint64_t checked, violations;

	snapshot_lawful(snapshot, &checked, &violations);
	publisher->checked += checked;
	publisher->violations += violations;
	for (uint32_t s = 0; s < snapshot->service_count; s++)
		for (size_t i = 0; i < snapshot->services[s].order_count; i++) {
			region_id r = snapshot->services[s].order[i];
			const char *service = snapshot->services[s].intent->name;
			const char *region = snapshot->steering->regions[r].name;
			uint64_t count = snapshot_picks(snapshot, s, r);
			struct answered *entry;

			if (count == 0)
				continue;
			entry = answered_find(publisher, known, service, region);
			if (entry != NULL)
				entry->count += count;
			else
				remember(publisher, service, region, count);
		}
	if (publisher->answered_count > known)
		qsort(publisher->answered, publisher->answered_count, sizeof(*publisher->answered), compare_answered);
	snapshot_free(snapshot);
}

/* Without memory a count is lost, not an answer. */
static void
remember(struct publisher *publisher, const char *service, const char *region, uint64_t count)
{
	struct answered entry = { strdup(service), strdup(region), count };
	struct answered *list = realloc(publisher->answered, (publisher->answered_count + 1) * sizeof(*list));

	if (list != NULL)
		publisher->answered = list;
	if (list == NULL || entry.service == NULL || entry.region == NULL) {
		free(entry.service);
		free(entry.region);
		return;
	}
	list[publisher->answered_count++] = entry;
}

/* Among the first `count`, which are sorted. */
static struct answered *
answered_find(const struct publisher *publisher, size_t count, const char *service, const char *region)
{
	const struct answered key = { (char *)(uintptr_t)service, (char *)(uintptr_t)region, 0 };

	return count == 0 ? NULL
		: bsearch(&key, publisher->answered, count, sizeof(key), compare_answered);
}

static int
compare_answered(const void *a, const void *b)
{
	const struct answered *x = a, *y = b;
	int order = strcmp(x->service, y->service);

	return order != 0 ? order : strcmp(x->region, y->region);
}

uint64_t
publish_answers(const struct publisher *publisher, const char *service, const char *region)
{
	const struct snapshot *now = publisher->current;
	region_id r = now == NULL ? NO_REGION : steering_region_find(now->steering, region);
	const struct steering_service *s = r == NO_REGION ? NULL : steering_service_find(now->steering, service);
	const struct answered *before = answered_find(publisher, publisher->answered_count, service, region);

	return (before == NULL ? 0 : before->count)
	    + (s == NULL ? 0 : snapshot_picks(now, (uint32_t)(s - now->steering->services), r));
}

void
publish_lawful(const struct publisher *publisher, uint64_t *checked, uint64_t *violations)
{
	*checked = *violations = 0;
	if (publisher->current != NULL)
		snapshot_lawful(publisher->current, checked, violations);
	*checked += publisher->checked;
	*violations += publisher->violations;
}

void
publisher_fini(struct publisher *publisher)
{
	snapshot_free(publisher->current);
	demand_free(publisher->demand);
	certificate_free(publisher->certificate);
	geo_release(publisher->geo);
	for (size_t k = 0; k < publisher->answered_count; k++) {
		free(publisher->answered[k].service);
		free(publisher->answered[k].region);
	}
	free(publisher->answered);
	memset(publisher, 0, sizeof(*publisher));
}
