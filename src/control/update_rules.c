/* update_rules.c -- see update_rules.h.
 * What no rule can allow: names that are steered and the records of their regions, since plans and residency are held
 * against them; in a zone that isobard signs, the types that it makes itself; and any change of a zone that came
 * signed, whose signatures nobody here could make anew. */
#include "control/update_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/zone_settings.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "zone/master_write.h"
#include "zone/owner.h"
#include "zone/rrtype.h"

#define WORDS_MAX 2000		/* octets of a journal row; an update may have thousands of records */

static bool add_updated(const struct steering_zone *settings, const struct tsig_keys *keys, struct arena *arena,
	struct request_zone *zone);
static bool add_rule(const struct zone_update *written, const struct tsig_keys *keys, const uint8_t *apex,
	struct arena *arena, struct request_zone *zone, struct update_rule *rule);
static bool add_sources(const struct steering_zone *settings, const struct tsig_keys *keys, struct arena *arena,
	struct request_zone *zone);
static bool key_of(const struct tsig_keys *keys, const char *name, const struct tsig_key **key);
static int compare_zones(const void *a, const void *b);
static bool is_steered(const struct steering *steering, const uint8_t *owner, const uint8_t *apex);
static bool is_made_by_signing(uint16_t type);
static bool may(const struct request_zone *rules, const struct requester *who, const struct update_record *record,
	const struct zone *zone);
static bool may_type(const struct request_zone *rules, const struct requester *who, const uint8_t *owner,
	uint16_t type);
static void add_rdata(const struct rrset_edit *edit, const uint8_t *wire, struct text *words);

/* --- for the workers ------------------------------------------------------------------------------------------ */

struct requests *
update_rules_make(const struct world *world, const struct tsig_keys *keys, bool storeless, struct arena *arena)
{
	const struct steering *steering = world->steering;
	const struct transferred_zone *transferred;
	size_t count = zones_transferred(world, arena, &transferred);
	struct requests *requests = arena_alloc(arena, sizeof(*requests));
	struct request_zone *zones = count == SIZE_MAX ? NULL
	    : arena_alloc(arena, (steering->zone_count + count + 1) * sizeof(*zones));

	if (requests == NULL || zones == NULL)
		return NULL;
	requests->storeless = storeless;
	requests->zones = zones;
	for (size_t i = 0; i < steering->zone_count; i++) {
		if (steering->zones[i].update_count == 0 || steering->zones[i].primary_count > 0)
			continue;
		if (!add_updated(&steering->zones[i], keys, arena, &zones[requests->zone_count++]))
			return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		struct request_zone *zone = &zones[requests->zone_count++];

		zone->apex = arena_copy(arena, transferred[i].apex, name_length(transferred[i].apex, NAME_MAX));
		if (zone->apex == NULL || !add_sources(transferred[i].settings, keys, arena, zone))
			return NULL;
	}
	if (requests->zone_count > 1)
		qsort(zones, requests->zone_count, sizeof(*zones), compare_zones);
	return requests;
}

static bool
add_updated(const struct steering_zone *settings, const struct tsig_keys *keys, struct arena *arena,
	struct request_zone *zone)
{
	struct update_rule *rules = arena_alloc(arena, settings->update_count * sizeof(*rules));

	zone->apex = arena_copy(arena, settings->apex, name_length(settings->apex, NAME_MAX));
	if (rules == NULL || zone->apex == NULL)
		return false;
	zone->rules = rules;
	for (size_t i = 0; i < settings->update_count; i++)
		if (!add_rule(&settings->updates[i], keys, zone->apex, arena, zone, &rules[zone->rule_count]))
			return false;
	return true;
}

/* False: out of memory. */
static bool
add_rule(const struct zone_update *written, const struct tsig_keys *keys, const uint8_t *apex, struct arena *arena,
	struct request_zone *zone, struct update_rule *rule)
{
	const uint8_t **names = arena_alloc(arena, (written->name_count + 1) * sizeof(*names));

	*rule = (struct update_rule){
		.from_count = written->from_count, .encrypted = written->encrypted, .type_count = written->type_count,
		.from = arena_copy(arena, written->from, written->from_count * sizeof(*written->from)),
		.types = arena_copy(arena, written->types, written->type_count * sizeof(*written->types)),
		.names = names, .name_count = written->name_count,
	};
	if (names == NULL || rule->from == NULL || rule->types == NULL)
		return false;
	for (size_t i = 0; i < written->name_count; i++) {
		uint8_t name[NAME_MAX];

		if (!owner_parse(written->names[i], apex, name))
			return true;	/* settings were read with this apex: it can't be */
		names[i] = arena_copy(arena, name, name_length(name, NAME_MAX));
		if (names[i] == NULL)
			return false;
	}
	zone->rule_count += key_of(keys, written->key, &rule->key);
	return true;
}

static bool
add_sources(const struct steering_zone *settings, const struct tsig_keys *keys, struct arena *arena,
	struct request_zone *zone)
{
	struct notify_source *sources = arena_alloc(arena, (settings->primary_count + 1) * sizeof(*sources));

	if (sources == NULL)
		return false;
	zone->secondary = true;
	zone->sources = sources;
	for (size_t i = 0; i < settings->primary_count; i++) {
		struct notify_source *source = &sources[zone->source_count];

		source->address = settings->primaries[i].address;
		zone->source_count += key_of(keys, settings->primaries[i].key, &source->key);
	}
	return true;
}

/* False: it isn't in isobar.yaml any more, and nobody can have it. */
static bool
key_of(const struct tsig_keys *keys, const char *name, const struct tsig_key **key)
{
	uint8_t wire[NAME_MAX];

	*key = NULL;
	if (name == NULL)
		return true;
	if (name_parse(name, wire) > 0)
		*key = tsig_key_find(keys, wire);
	if (*key == NULL)
		log_warning("there is no TSIG key '%s' in isobar.yaml any more: who needs it is refused", name);
	return *key != NULL;
}

static int
compare_zones(const void *a, const void *b)
{
	const struct request_zone *x = a, *y = b;

	return name_compare(x->apex, y->apex);
}

/* --- one update ----------------------------------------------------------------------------------------------- */

const char *
update_rules_forbid(const struct request_zone *rules, const struct requester *who, const struct update *update,
	const struct world *world, const struct zone *zone)
{
	const uint8_t *apex = zone_apex(zone)->name;
	const struct steering_zone *settings = zone_settings(world, apex);

	if (zone_denial(zone) != ZONE_UNSIGNED)
		return "the zone came signed";
	for (size_t i = 0; i < update_count(update); i++) {
		const struct update_record record = update_at(update, i);

		if (is_steered(world->steering, record.owner, apex))
			return "steered names aren't changed by updates";
		if (settings != NULL && settings->is_signed && is_made_by_signing(record.type))
			return "records of DNSSEC are made by isobard";
		if (!may(rules, who, &record, zone))
			return "no rule allows this name and type";
	}
	return NULL;
}

/* A service, or the records of its regions. Services are in canonical order. */
static bool
is_steered(const struct steering *steering, const uint8_t *owner, const uint8_t *apex)
{
	static const uint8_t region_label[] = { 7, '_', 'r', 'e', 'g', 'i', 'o', 'n' };
	size_t low = 0, high = steering->service_count;
	unsigned above = name_labels(apex);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(owner, steering->services[middle].owner);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	for (unsigned labels = name_labels(owner); labels > above; labels--, owner += 1 + *owner)
		if (memcmp(owner, region_label, sizeof(region_label)) == 0)
			return true;
	return false;
}

static bool
is_made_by_signing(uint16_t type)
{
	switch (type) {
	case TYPE_DNSKEY:
	case TYPE_RRSIG:
	case TYPE_NSEC:
	case TYPE_NSEC3:
	case TYPE_NSEC3PARAM:
	case TYPE_CDS:
	case TYPE_CDNSKEY:
		return true;
	default:
		return false;
	}
}

/* To delete a name is to delete all types that it has; an apex keeps SOA and NS (RFC 2136 section 3.4.2.3). */
static bool
may(const struct request_zone *rules, const struct requester *who, const struct update_record *record,
	const struct zone *zone)
{
	const struct node *node;

	if (record->act != UPDATE_DELETE_NAME)
		return may_type(rules, who, record->owner, record->type);
	node = zone_find_name(zone, record->owner);
	for (unsigned i = 0; node != NULL && i < node->rrset_count; i++) {
		uint16_t type = node->rrsets[i].type;

		if (!((node->flags & NODE_APEX) != 0 && (type == TYPE_SOA || type == TYPE_NS))
		    && !may_type(rules, who, record->owner, type))
			return false;
	}
	return may_type(rules, who, record->owner, TYPE_ANY);
}

static bool
may_type(const struct request_zone *rules, const struct requester *who, const uint8_t *owner, uint16_t type)
{
	for (size_t i = 0; i < rules->rule_count; i++)
		if (update_rule_fits(&rules->rules[i], who) && update_rule_allows(&rules->rules[i], owner, type))
			return true;
	return false;
}

/* --- words ---------------------------------------------------------------------------------------------------- */

/* The SOA's serial rises with each, which tells nothing. */
void
update_rules_words(const struct rrset_edit *edits, size_t count, struct text *words)
{
	char name[NAME_TEXT_SIZE], type[16];

	for (size_t i = 0; i < count; i++) {
		const struct rrset *set = &edits[i].rrset;
		const uint8_t *wire = set->wire;

		if (edits[i].type == TYPE_SOA)
			continue;
		if (words->length > WORDS_MAX) {
			text_puts(words, "; and more");
			return;
		}
		text_printf(words, "%s%s %s %s", words->length == 0 ? "" : "; ", set->count == 0 ? "delete" : "set",
		    name_text(edits[i].owner, name), rrtype_text(edits[i].type, type));
		for (unsigned k = 0; k < set->count && words->length <= WORDS_MAX; k++) {
			text_puts(words, k == 0 ? ": " : ", ");
			add_rdata(&edits[i], wire, words);
			wire += 2 + wire_get_u16(wire);
		}
	}
}

/* What stands behind OWNER TTL CLASS TYPE. */
static void
add_rdata(const struct rrset_edit *edit, const uint8_t *wire, struct text *words)
{
	struct text line = { 0 };
	const char *rdata;

	master_write_rr(edit->owner, edit->type, edit->rrset.ttl, wire + 2, wire_get_u16(wire), &line);
	rdata = line.bytes == NULL ? "" : line.bytes;
	for (unsigned field = 0; field < 4; field++) {
		rdata += strcspn(rdata, " \t");
		rdata += strspn(rdata, " \t");
	}
	text_printf(words, "%.*s", (int)(strcspn(rdata, "\n") < 200 ? strcspn(rdata, "\n") : 200), rdata);
	text_fini(&line);
}
