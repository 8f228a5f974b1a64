/* frozen.c -- see frozen.h.
 * In: a zone as it's written, the regions of its names, the live words.  Out: a zone of plain records, signed or not.
 * Threads: control. Touches nothing but its arguments, and the signatures' cache that belongs to the copy.
 *
 * Where names are steered a secondary can't choose: it gets, under the steered name, the records of all regions that
 * are alive and that every client may be sent to, since a copy can't tell clients apart and residency is law. When all
 * of those are down they stay: it's the copy for the day on which nobody is left to tell. What no region may give to
 * everybody isn't in the copy; the log says so once. The names of the region records are in it.
 *
 * Such a copy costs memory as the zone does, and about a microsecond a record each time it's made: with 100,000 records
 * 0.1 s, at most once a health-serial-interval. It's signed as a zone of its own, with signatures cached apart. */
#include "control/frozen.h"

#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "dnssec/rollover.h"
#include "steer/live.h"
#include "transfer/edition.h"

static struct region_set legal_for_all(const struct steering_service *service);
static struct region_set alive_of(const struct service *service, size_t region_count, struct region_set legal);
static const struct service *service_of(const struct snapshot *snapshot, const uint8_t *owner);
static bool add_node(const struct frozen *frozen, struct zone_builder *builder, const struct node *node);
static bool add_steered(const struct frozen *frozen, struct zone_builder *builder, size_t name);
static bool is_answered_by_regions(const struct steered_name *name, uint16_t type);
static bool add_set(struct zone_builder *builder, const uint8_t *owner, const struct rrset *set, uint32_t ttl_most);
static uint64_t content_of_node(const struct node *node, uint64_t hash);

/* --- the choice ---------------------------------------------------------------------------------------------- */

bool
frozen_choose(const struct world *world, size_t index, const struct snapshot *snapshot, struct arena *arena,
    struct frozen *frozen)
{
	struct zone **zones = arena_alloc(arena, (world->zone_count + 1) * sizeof(struct zone *));

	*frozen = (struct frozen){ .snapshot = snapshot };
	if (zones == NULL)
		return false;
	for (size_t i = 0; i < world->zone_count; i++)
		zones[i] = world->zones[i]->zone;
	frozen->name_count = steered_names(snapshot->steering, zones, world->zone_count, index, arena, &frozen->names);
	if (frozen->name_count == SIZE_MAX)
		return false;
	frozen->chosen = arena_alloc(arena, (frozen->name_count + 1) * sizeof(*frozen->chosen));
	if (frozen->chosen == NULL)
		return false;
	for (size_t n = 0; n < frozen->name_count; n++) {
		const struct service *service = service_of(snapshot, frozen->names[n].owner->name);
		struct region_set legal, alive;

		if (service == NULL)
			continue;
		legal = legal_for_all(service->intent);
		alive = alive_of(service, snapshot->steering->region_count, legal);
		frozen->chosen[n] = region_set_is_empty(alive) ? legal : alive;
		frozen->hash = hash64(&frozen->chosen[n], sizeof(frozen->chosen[n]), frozen->hash + 1);
		frozen->hash = hash64(&service->intent->ttl_max, sizeof(service->intent->ttl_max), frozen->hash);
	}
	return true;
}

/* Each rule is of some clients, so a region that all may be sent to is in every rule. */
static struct region_set
legal_for_all(const struct steering_service *service)
{
	struct region_set legal = { { 0 } };

	for (size_t i = 0; i < service->region_count; i++)
		region_set_add(&legal, service->regions[i].region);
	for (size_t i = 0; i < service->rule_count; i++)
		legal = region_set_and(legal, service->rules[i].regions);
	return legal;
}

static struct region_set
alive_of(const struct service *service, size_t region_count, struct region_set legal)
{
	struct region_set alive = { { 0 } };

	for (region_id r = 0; r < region_count; r++)
		if (region_set_has(&legal, r) && !live_is_dead(service->live, r)
		    && live_admit(service->live, r) != ADMIT_NONE)
			region_set_add(&alive, r);
	return alive;
}

static const struct service *
service_of(const struct snapshot *snapshot, const uint8_t *owner)
{
	for (size_t i = 0; i < snapshot->service_count; i++)
		if (name_compare(snapshot->services[i].intent->owner, owner) == 0)
			return &snapshot->services[i];
	return NULL;
}

uint64_t
frozen_warn(const struct frozen *frozen, const char *zone, uint64_t warned)
{
	char text[NAME_TEXT_SIZE];
	uint64_t hash = 0;

	for (size_t n = 0; n < frozen->name_count; n++)
		if (region_set_is_empty(frozen->chosen[n]))
			hash = hash64(frozen->names[n].owner->name, frozen->names[n].owner->name_length, hash + 1);
	for (size_t n = 0; n < frozen->name_count && hash != warned; n++)
		if (region_set_is_empty(frozen->chosen[n]))
			log_warning("%s has no records in the copy of %s that secondaries get: no region may "
			    "serve every client, and a copy can't tell clients apart",
			    name_text(frozen->names[n].owner->name, text), zone);
	return hash;
}

/* --- the copy ------------------------------------------------------------------------------------------------ */

struct zone *
frozen_build(const struct frozen *frozen, const struct zone *source)
{
	struct zone_builder *builder = zone_builder_new(zone_apex(source)->name);
	struct zone *zone = NULL;
	bool good = builder != NULL;

	for (size_t i = 0; good && i < zone_node_count(source); i++)
		good = add_node(frozen, builder, zone_node_at(source, i));
	if (!good) {
		zone_builder_free(builder);
		return NULL;
	}
	return zone_builder_freeze(builder, &zone) == ZONE_OK ? zone : NULL;
}

static bool
add_node(const struct frozen *frozen, struct zone_builder *builder, const struct node *node)
{
	for (size_t n = 0; n < frozen->name_count; n++)
		if (frozen->names[n].owner == node)
			return add_steered(frozen, builder, n);
	for (unsigned i = 0; i < node->rrset_count; i++)
		if (!add_set(builder, node->name, &node->rrsets[i], 0))
			return false;
	return true;
}

/* An alias stands alone: where the first region has one it's the only one, and else regions that have one are left
 * out. What a region has of a type is answered in place of the name's own records, so those aren't in the copy. */
static bool
add_steered(const struct frozen *frozen, struct zone_builder *builder, size_t n)
{
	const struct steered_name *name = &frozen->names[n];
	const struct service *service = service_of(frozen->snapshot, name->owner->name);
	bool has_alias = false, first = true;

	if (service == NULL)
		return true;
	for (unsigned i = 0; i < name->owner->rrset_count; i++) {
		const struct rrset *set = &name->owner->rrsets[i];

		if (!is_answered_by_regions(name, set->type) && !add_set(builder, name->owner->name, set, 0))
			return false;
	}
	for (size_t k = 0; k < service->order_count; k++) {
		region_id r = service->order[k];
		const struct node *variant = r < name->variant_count ? name->variants[r] : NULL;
		bool alias;

		if (variant == NULL || !region_set_has(&frozen->chosen[n], r))
			continue;
		alias = node_rrset(variant, TYPE_CNAME) != NULL;
		if (has_alias || (alias && !first))
			continue;
		has_alias = alias;
		first = false;
		for (unsigned i = 0; i < variant->rrset_count; i++)
			if (!add_set(builder, name->owner->name, &variant->rrsets[i], service->intent->ttl_max))
				return false;
	}
	return true;
}

static bool
is_answered_by_regions(const struct steered_name *name, uint16_t type)
{
	for (size_t r = 0; r < name->variant_count; r++)
		if (name->variants[r] != NULL && (node_rrset(name->variants[r], type) != NULL
		    || node_rrset(name->variants[r], TYPE_CNAME) != NULL))
			return true;
	return false;
}

/* `ttl_most` 0: any. */
static bool
add_set(struct zone_builder *builder, const uint8_t *owner, const struct rrset *set, uint32_t ttl_most)
{
	const uint8_t *wire = set->wire;
	uint32_t ttl = ttl_most != 0 && set->ttl > ttl_most ? ttl_most : set->ttl;

	for (unsigned i = 0; i < set->count; i++, wire += 2 + wire_get_u16(wire))
		if (zone_builder_add(builder, owner, set->type, ttl, wire + 2, wire_get_u16(wire)) == ZONE_NO_MEMORY)
			return false;
	return true;
}

struct signed_zone *
frozen_sign(const struct zone *copy, const struct signing_view *view, const struct steering_zone *wanted,
    struct signature_cache *cache, uint32_t serial, struct wall wall)
{
	struct signing signing = { .zone = copy, .keys = view->keys, .key_count = view->key_count,
	    .policy = SIGNING_POLICY_DEFAULT, .now = wall, .serial = serial };
	struct signed_zone *result;
	struct text why = { 0 };

	signing.policy.denial = wanted->denial;
	signing.policy.validity_s = wanted->validity_s;
	signing.policy.refresh_s = wanted->refresh_s;
	signing.policy.key_ttl = wanted->key_ttl;
	signing.policy.hide_region_records = wanted->hide_regions;
	signing.policy.withdraw_ds = wanted->leaving;
	result = zone_sign(&signing, cache, &why);
	if (result == NULL)
		log_error("the copy of %s for secondaries can't be signed: %s", view->zone,
		    why.bytes == NULL ? "out of memory" : why.bytes);
	text_fini(&why);
	return result;
}

uint64_t
frozen_keys(const struct signing_view *view, struct wall wall)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < view->key_count; i++) {
		const unsigned now[] = { view->keys[i].tag, key_is_published(&view->keys[i], wall),
		    key_signs_keys(&view->keys[i], wall), key_signs_zone(&view->keys[i], wall),
		    key_signs_offers(&view->keys[i], wall), key_is_offered(&view->keys[i], wall), view->leaving };

		hash = hash64(now, sizeof(now), hash);
	}
	return hash;
}

/* --- what a zone holds --------------------------------------------------------------------------------------- */

uint64_t
zone_content(const struct zone *zone)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < zone_node_count(zone); i++)
		hash = content_of_node(zone_node_at(zone, i), hash);
	for (size_t i = 0; i < zone_nsec3_count(zone); i++)
		hash = content_of_node(zone_nsec3_at(zone, i), hash);
	return hash;
}

static uint64_t
content_of_node(const struct node *node, uint64_t hash)
{
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = &node->rrsets[i];
		const uint32_t numbers[] = { set->type, set->ttl, set->count, set->length };

		hash = hash64(node->name, node->name_length, hash);
		hash = hash64(numbers, sizeof(numbers), hash);
		if (set->type == TYPE_SOA) {
			size_t at = 2 + soa_serial_at(set->wire + 2);

			hash = hash64(set->wire, at, hash);
			hash = hash64(set->wire + at + 4, set->length - at - 4, hash);
			continue;
		}
		hash = hash64(set->wire, set->length, hash);
		if (set->signature_count > 0)
			hash = hash64(set->signatures, set->signature_length, hash);
	}
	return hash;
}
