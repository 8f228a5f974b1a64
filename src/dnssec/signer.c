/* signer.c -- a signed zone from a zone.
 * In: a zone, keys, policy, steered names, the clock; a cache.  Out: a new zone with everything that proves it.
 * Threads: see signer.h; this file runs on the caller's.
 *
 * First every RRset that the result will have is listed, old and new ones alike (items); then each that is ours to sign
 * gets its signatures (signer_tasks.c); then the zone is built of them. Nothing is signed while it's listed, so the
 * list can be worked off by several threads, and whatever fails leaves only a cache that knows more.
 *
 * Signed are the RRsets that the zone is authoritative for (RFC 4035 section 2.2): not the NS of a delegation, nothing
 * below one, and no hidden region records. */
#include "dnssec/signer.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "dnssec/signer_parts.h"

#define BATCH_MAX_S 3600	/* signatures that come due within this are made together: serials rise by the hour */
#define TYPES_MAX 500		/* RRsets of one name */

static bool signing_allowed(const struct signing *signing, struct text *why);
static bool keys_allowed(const struct signing *signing, struct text *why);
static bool steered_prepare(struct work *work);
static bool list_union(struct work *work, struct steered_owner *owner);
static bool list_zone(struct work *work);
static bool list_node(struct work *work, const struct node *node);
static bool list_keys(struct work *work);
static bool list_offers(struct work *work, struct item *cds, struct item *cdnskey);
static bool signs(const struct key *key, enum item_signer signer, struct wall now);
static bool add_rdata(struct work *work, struct item *item, const uint8_t *rdata, size_t length);
static bool list_variants(struct work *work);
static bool list_tasks(struct work *work);
static struct signed_zone *build(struct work *work);
static struct zone *build_zone(const struct work *work);
static bool build_names(struct signed_zone *to, const struct work *work);
static bool prepare_name(struct signed_zone *to, const struct work *work, const struct steered_owner *owner);
static struct signed_name *name_of(struct signed_zone *zone, size_t index);
static bool place_item(struct signed_zone *to, const struct work *work, const struct item *item);
static bool put_signatures(struct arena *arena, const struct work *work, const struct item *item, struct rrset *set);
static void tell_times(struct signed_zone *to, const struct work *work);
static int compare_steered(const void *a, const void *b);

struct signed_zone *
zone_sign(const struct signing *signing, struct signature_cache *cache, struct text *why)
{
	struct work work = { .signing = signing, .cache = cache };
	struct signed_zone *zone = NULL;

	if (!signing_allowed(signing, why) || !keys_allowed(signing, why))
		return NULL;
	work.arena = arena_new();
	if (work.arena != NULL && steered_prepare(&work) && list_zone(&work) && list_keys(&work)
	    && list_variants(&work) && (signing->policy.denial == DENIAL_NSEC ? nsec_add(&work) : nsec3_add(&work))
	    && list_tasks(&work) && tasks_run(&work))
		zone = build(&work);
	if (zone == NULL)
		text_puts(why, "out of memory, or OpenSSL can't sign");
	else
		signature_cache_sweep(cache);
	free(work.tasks);
	free(work.items);
	free(work.steered);
	arena_free(work.arena);
	return zone;
}

static bool
signing_allowed(const struct signing *signing, struct text *why)
{
	static const uint16_t ours[] = { TYPE_RRSIG, TYPE_NSEC, TYPE_DNSKEY, TYPE_NSEC3, TYPE_NSEC3PARAM, TYPE_CDS,
		TYPE_CDNSKEY };
	char name[NAME_TEXT_SIZE];

	for (size_t i = 0; i < zone_node_count(signing->zone); i++) {
		const struct node *node = zone_node_at(signing->zone, i);

		for (unsigned s = 0; s < node->rrset_count; s++) {
			bool taken = node->rrsets[s].signature_count > 0;

			for (size_t t = 0; t < ARRAY_SIZE(ours); t++)
				taken |= node->rrsets[s].type == ours[t];
			if (!taken)
				continue;
			text_printf(why, "the zone has DNSSEC records of its own at %s", name_text(node->name, name));
			return false;
		}
		if (node->rrset_count > TYPES_MAX) {
			text_printf(why, "%s has more than %d types", name_text(node->name, name), TYPES_MAX);
			return false;
		}
	}
	if (signing->policy.denial == DENIAL_NSEC3
	    && zone_apex(signing->zone)->name_length > NAME_MAX - NSEC3_LABEL - 1) {
		text_puts(why, "the zone's name is too long for NSEC3");
		return false;
	}
	if (signing->policy.validity_s <= signing->policy.refresh_s) {
		text_puts(why, "signatures would be due for refresh at once: validity is to be above refresh");
		return false;
	}
	return true;
}

static bool
keys_allowed(const struct signing *signing, struct text *why)
{
	unsigned zone_signers = 0, key_signers = 0;

	for (size_t i = 0; i < signing->key_count; i++) {
		const struct key *key = &signing->keys[i];

		if (key->private_key == NULL && key_signs_zone(key, signing->now)) {
			text_printf(why, "the private part of key %u, which signs now, isn't there", key->tag);
			return false;
		}
		zone_signers += key_signs_zone(key, signing->now);
		key_signers += key->private_key != NULL && key_signs_keys(key, signing->now);
	}
	if (zone_signers == 0)
		text_puts(why, "no key signs the zone at this time");
	else if (key_signers == 0)
		text_puts(why, "no key signs the zone's keys at this time");
	return zone_signers > 0 && key_signers > 0;
}

/* --- steered names -------------------------------------------------------------------------------------------- */

static bool
steered_prepare(struct work *work)
{
	const struct signing *signing = work->signing;

	work->steered = calloc(signing->name_count + 1, sizeof(*work->steered));
	if (work->steered == NULL)
		return false;
	for (size_t i = 0; i < signing->name_count; i++) {
		work->steered[i] = (struct steered_owner){ .node = signing->names[i].owner, .index = i };
		if (!list_union(work, &work->steered[i]))
			return false;
	}
	qsort(work->steered, signing->name_count, sizeof(*work->steered), compare_steered);
	return true;
}

/* Ascending, by insertion: types are few. */
static bool
list_union(struct work *work, struct steered_owner *owner)
{
	const struct steered_name *name = &work->signing->names[owner->index];
	size_t most = 0, count = 0;
	uint16_t *types;

	for (size_t v = 0; v < name->variant_count; v++)
		most += name->variants[v] == NULL ? 0 : name->variants[v]->rrset_count;
	types = arena_alloc(work->arena, (most + 1) * sizeof(*types));
	if (types == NULL)
		return false;
	for (size_t v = 0; v < name->variant_count; v++)
		for (unsigned s = 0; name->variants[v] != NULL && s < name->variants[v]->rrset_count; s++) {
			uint16_t type = name->variants[v]->rrsets[s].type;
			size_t at = count;

			while (at > 0 && types[at - 1] > type)
				at--;
			if (at > 0 && types[at - 1] == type)
				continue;
			memmove(types + at + 1, types + at, (count - at) * sizeof(*types));
			types[at] = type;
			count++;
		}
	owner->types = types;
	owner->type_count = count;
	return true;
}

static int
compare_steered(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct steered_owner *)a)->node;
	uintptr_t y = (uintptr_t)((const struct steered_owner *)b)->node;

	return (x > y) - (x < y);
}

struct steered_owner *
work_steered(const struct work *work, const struct node *node)
{
	struct steered_owner wanted = { .node = node };

	return bsearch(&wanted, work->steered, work->signing->name_count, sizeof(wanted), compare_steered);
}

/* --- what the result will have -------------------------------------------------------------------------------- */

bool
work_add(struct work *work, const struct item *item)
{
	if (work->item_count == work->item_size) {
		size_t size = work->item_size == 0 ? 256 : work->item_size * 2;
		struct item *items = realloc(work->items, size * sizeof(*items));

		if (items == NULL)
			return false;
		work->items = items;
		work->item_size = size;
	}
	work->items[work->item_count++] = *item;
	return true;
}

static bool
list_zone(struct work *work)
{
	for (size_t i = 0; i < zone_node_count(work->signing->zone); i++)
		if (!list_node(work, zone_node_at(work->signing->zone, i)))
			return false;
	return true;
}

static bool
list_node(struct work *work, const struct node *node)
{
	const struct signing *signing = work->signing;
	bool ours = !chain_occluded(node) && !chain_hidden(signing, node);

	for (unsigned s = 0; s < node->rrset_count; s++) {
		const struct rrset *set = &node->rrsets[s];
		struct item item = { .owner = node->name, .set = *set };

		if (ours && (node->cut != node || set->type == TYPE_DS))
			item.signer = SIGNER_ZONE;
		if (set->type == TYPE_SOA && (node->flags & NODE_APEX) && signing->serial != 0) {
			uint8_t *wire = arena_copy(work->arena, set->wire, set->length);

			if (wire == NULL)
				return false;
			wire_put_u32(wire + set->length - 20, signing->serial);
			item.set.wire = wire;
		}
		if (!work_add(work, &item))
			return false;
	}
	return true;
}

static bool
list_keys(struct work *work)
{
	const struct signing *signing = work->signing;
	struct item items[] = {
		{ .set.type = TYPE_DNSKEY }, { .set.type = TYPE_CDS }, { .set.type = TYPE_CDNSKEY },
	};
	uint8_t dnskey[4 + KEY_PUBLIC_MAX];

	for (size_t i = 0; i < signing->key_count; i++) {
		const struct key *key = &signing->keys[i];

		if (key_is_published(key, signing->now)
		    && !add_rdata(work, &items[0], dnskey, key_dnskey(key, dnskey)))
			return false;
	}
	if (!list_offers(work, &items[1], &items[2]))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		items[i].owner = zone_apex(signing->zone)->name;
		items[i].set.ttl = signing->policy.key_ttl;
		items[i].signer = i == 0 ? SIGNER_KEYS : SIGNER_OFFERS;
		if (items[i].set.count > 0 && !work_add(work, &items[i]))
			return false;
	}
	return true;
}

static bool
list_offers(struct work *work, struct item *cds, struct item *cdnskey)
{
	static const uint8_t no_ds[] = { 0, 0, 0, 0, 0 }, no_dnskey[] = { 0, 0, 3, 0, 0 };	/* RFC 8078 section 4 */
	const struct signing *signing = work->signing;
	uint8_t dnskey[4 + KEY_PUBLIC_MAX], ds[KEY_DS_MAX];

	if (signing->policy.withdraw_ds)
		return add_rdata(work, cds, no_ds, sizeof(no_ds))
		    && add_rdata(work, cdnskey, no_dnskey, sizeof(no_dnskey));
	for (size_t i = 0; i < signing->key_count; i++) {
		const struct key *key = &signing->keys[i];

		if (key_is_offered(key, signing->now) && (!add_rdata(work, cds, ds, key_ds(key, 2, ds))
		    || !add_rdata(work, cdnskey, dnskey, key_dnskey(key, dnskey))))
			return false;
	}
	return true;
}

/* Keys are few: what was there is copied each time. */
static bool
add_rdata(struct work *work, struct item *item, const uint8_t *rdata, size_t length)
{
	uint8_t *wire = arena_alloc(work->arena, item->set.length + 2 + length);

	if (wire == NULL)
		return false;
	if (item->set.length > 0)
		memcpy(wire, item->set.wire, item->set.length);
	wire_put_u16(wire + item->set.length, (unsigned)length);
	memcpy(wire + item->set.length + 2, rdata, length);
	item->set.wire = wire;
	item->set.length += (uint32_t)(2 + length);
	item->set.count++;
	return true;
}

static bool
list_variants(struct work *work)
{
	const struct signing *signing = work->signing;

	for (size_t n = 0; n < signing->name_count; n++)
		for (size_t v = 0; v < signing->names[n].variant_count; v++) {
			const struct node *variant = signing->names[n].variants[v];

			for (unsigned s = 0; variant != NULL && s < variant->rrset_count; s++) {
				struct item item = {
					.owner = signing->names[n].owner->name, .set = variant->rrsets[s],
					.place = ITEM_VARIANT, .signer = SIGNER_ZONE, .name = n, .variant = v,
				};

				if (!work_add(work, &item))
					return false;
			}
		}
	return true;
}

static bool
list_tasks(struct work *work)
{
	const struct signing *signing = work->signing;

	work->tasks = calloc(work->item_count * signing->key_count + 1, sizeof(*work->tasks));
	if (work->tasks == NULL)
		return false;
	for (size_t i = 0; i < work->item_count; i++) {
		struct item *item = &work->items[i];

		item->first_task = work->task_count;
		for (size_t k = 0; k < signing->key_count && item->signer != SIGNER_NONE; k++) {
			const struct key *key = &signing->keys[k];

			if (key->private_key != NULL && signs(key, item->signer, signing->now))
				work->tasks[work->task_count++] = (struct task){ .item = i, .key = (uint16_t)k };
		}
		item->task_count = work->task_count - item->first_task;
	}
	return true;
}

static bool
signs(const struct key *key, enum item_signer signer, struct wall now)
{
	return signer == SIGNER_KEYS ? key_signs_keys(key, now)
	    : signer == SIGNER_OFFERS ? key_signs_offers(key, now) : key_signs_zone(key, now);
}

/* --- the result ----------------------------------------------------------------------------------------------- */

static struct signed_zone *
build(struct work *work)
{
	struct signed_zone *to = calloc(1, sizeof(*to));

	if (to == NULL)
		return NULL;
	to->holds = 1;
	to->signatures = work->task_count;
	to->made = work->made;
	tell_times(to, work);
	to->arena = arena_new();
	to->zone = build_zone(work);
	if (to->arena != NULL && to->zone != NULL && build_names(to, work))
		return to;
	signed_zone_release(to);
	return NULL;
}

static struct zone *
build_zone(const struct work *work)
{
	struct zone_builder *builder = zone_builder_new(zone_apex(work->signing->zone)->name);
	uint8_t rdata[RRSIG_MAX];
	struct zone *zone;

	if (builder == NULL)
		return NULL;
	for (size_t i = 0; i < work->item_count; i++) {
		const struct item *item = &work->items[i];
		const uint8_t *wire = item->set.wire;

		if (item->place != ITEM_ZONE)
			continue;
		for (unsigned r = 0; r < item->set.count; r++, wire += 2 + wire_get_u16(wire))
			if (zone_builder_add(builder, item->owner, item->set.type, item->set.ttl, wire + 2,
			    wire_get_u16(wire)) == ZONE_NO_MEMORY)
				goto fail;
		for (size_t t = 0; t < item->task_count; t++) {
			size_t length = task_rrsig(work, &work->tasks[item->first_task + t], rdata);

			if (zone_builder_add(builder, item->owner, TYPE_RRSIG, item->set.ttl, rdata, (uint16_t)length)
			    == ZONE_NO_MEMORY)
				goto fail;
		}
	}
	return zone_builder_freeze(builder, &zone) == ZONE_OK ? zone : NULL;
fail:
	zone_builder_free(builder);
	return NULL;
}

/* RRsets of variants are those of the new zone, under the steered name and with its signatures. */
static bool
build_names(struct signed_zone *to, const struct work *work)
{
	const struct signing *signing = work->signing;
	struct signed_name *names = arena_alloc(to->arena, signing->name_count * sizeof(*names));

	if (names == NULL)
		return false;
	to->names = names;
	to->name_count = signing->name_count;
	for (size_t i = 0; i < signing->name_count; i++)
		if (!prepare_name(to, work, &work->steered[i]))
			return false;
	for (size_t i = 0; i < work->item_count; i++)
		if (work->items[i].place != ITEM_ZONE && !place_item(to, work, &work->items[i]))
			return false;
	return true;
}

/* Empty nodes and denials, which place_item() fills. */
static bool
prepare_name(struct signed_zone *to, const struct work *work, const struct steered_owner *owner)
{
	const struct steered_name *given = &work->signing->names[owner->index];
	struct signed_name *name = name_of(to, owner->index);
	const struct node **variants = arena_alloc(to->arena, given->variant_count * sizeof(*variants));

	if (variants == NULL)
		return false;
	name->variants = variants;
	for (size_t v = 0; v < given->variant_count; v++) {
		struct node *node;

		if (given->variants[v] == NULL)
			continue;
		node = arena_copy(to->arena, zone_find_name(to->zone, given->owner->name), sizeof(*node));
		if (node == NULL)
			return false;
		node->rrset_count = 0;
		node->rrsets = arena_alloc(to->arena, given->variants[v]->rrset_count * sizeof(*node->rrsets));
		if (node->rrsets == NULL)
			return false;
		variants[v] = node;
	}
	name->types = arena_copy(to->arena, owner->types, owner->type_count * sizeof(*owner->types));
	name->denials = arena_alloc(to->arena, owner->type_count * sizeof(*name->denials));
	if (owner->denial_owner != NULL) {
		name->denial_owner = arena_copy(to->arena, owner->denial_owner,
		    name_length(owner->denial_owner, NAME_MAX));
		if (name->denial_owner == NULL)
			return false;
	}
	return name->types != NULL && name->denials != NULL;
}

static struct signed_name *
name_of(struct signed_zone *zone, size_t index)
{
	return (struct signed_name *)(uintptr_t)&zone->names[index];	/* ours, still being made */
}

static bool
place_item(struct signed_zone *to, const struct work *work, const struct item *item)
{
	struct signed_name *name = name_of(to, item->name);
	struct rrset *set;

	if (item->place == ITEM_DENIAL) {
		set = (struct rrset *)(uintptr_t)&name->denials[name->type_count++];
		*set = item->set;
		set->wire = arena_copy(to->arena, item->set.wire, item->set.length);
		return set->wire != NULL && put_signatures(to->arena, work, item, set);
	} else {
		const struct node *given = work->signing->names[item->name].variants[item->variant];
		struct node *node = (struct node *)(uintptr_t)name->variants[item->variant];

		set = (struct rrset *)(uintptr_t)&node->rrsets[node->rrset_count++];
		*set = *node_rrset(zone_find_name(to->zone, given->name), item->set.type);
		return put_signatures(to->arena, work, item, set);
	}
}

/* Laid out as struct rrset says. */
static bool
put_signatures(struct arena *arena, const struct work *work, const struct item *item, struct rrset *set)
{
	uint8_t rdata[RRSIG_MAX], *wire;
	size_t length = 0;

	for (size_t t = 0; t < item->task_count; t++)
		length += 2 + task_rrsig(work, &work->tasks[item->first_task + t], rdata);
	wire = arena_alloc(arena, length);
	if (wire == NULL)
		return false;
	set->signatures = wire;
	set->signature_length = (uint16_t)length;
	set->signature_count = (uint16_t)item->task_count;
	for (size_t t = 0; t < item->task_count; t++) {
		length = task_rrsig(work, &work->tasks[item->first_task + t], wire + 2);
		wire_put_u16(wire, (unsigned)length);
		wire += 2 + length;
	}
	return true;
}

/* The first signature that comes due, and some time for others to come due, too; or a key's time before that. */
static void
tell_times(struct signed_zone *to, const struct work *work)
{
	const struct signing *signing = work->signing;
	uint32_t now = (uint32_t)(signing->now.ms / 1000), refresh = signing->policy.refresh_s;
	uint32_t wait = refresh / 10 < BATCH_MAX_S ? refresh / 10 : BATCH_MAX_S;
	int64_t soonest = INT64_MAX;

	for (size_t i = 0; i < work->task_count; i++) {
		int64_t left = (int32_t)(work->tasks[i].signature->expiry - now);

		if (left < soonest)
			soonest = left;
	}
	to->expires = (struct wall){ signing->now.ms + soonest * 1000 };
	soonest = signing->now.ms + (soonest - refresh + wait) * 1000;
	for (size_t k = 0; k < signing->key_count; k++) {
		const struct key_times *times = &signing->keys[k].times;
		const struct wall all[] = {
			times->published, times->offered, times->active, times->retired, times->removed,
			times->withdrawn,
		};

		for (size_t t = 0; t < ARRAY_SIZE(all); t++)
			if (all[t].ms > signing->now.ms && all[t].ms < soonest)
				soonest = all[t].ms;
	}
	to->next = (struct wall){ soonest };
}

void
signed_zone_hold(struct signed_zone *zone)
{
	zone->holds++;
}

void
signed_zone_release(struct signed_zone *zone)
{
	if (zone == NULL || --zone->holds > 0)
		return;
	zone_release(zone->zone);
	arena_free(zone->arena);
	free(zone);
}
