/* steering_zones.c -- does the steering fit the zones it would be served with?
 * In: a steering, all zones.  Out: errors for what couldn't be answered, warnings for what would surprise.
 * A service's variants are the nodes <region>._region.<service>. A query for a type that some variant has is steered;
 * every other type is answered from the owner's own records. So a static record of a steered type is never seen, and
 * that of another type is no error: an apex keeps its SOA and NS. With `shed: true` the owner's own records of a
 * steered type are the answer for clients that no region has room for, and then they must be there.
 * Variants that differ in their types are answered (the next region of a client's list that has the type), but clients
 * then take a different region for each type. A CNAME in one and addresses in another is an error: whoever asks for the
 * address first decides for all types, and the shares come out as nobody wrote them. */
#include "conf/steering_yaml.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/types.h"
#include "zone/master.h"
#include "zone/signed_check.h"

/* One service with where its records are. */
struct subject {
	const struct steering *steering;
	const struct steering_service *service;
	const struct zone *zone;
	const struct node *owner;
	const struct node *variants[REGIONS_MAX];	/* by region; NULL: no records */
	struct diag_place place;
	struct diags *diags;
};

static const uint8_t region_label[] = { 7, '_', 'r', 'e', 'g', 'i', 'o', 'n' };

static void check_keys(const struct steering_zone *zone, const struct steering_zone *catalog, const char *file,
	const char *const *keys, size_t count, struct diags *diags);
static void check_key(const char *wanted, struct diag_place place, const char *const *keys, size_t count,
	struct diags *diags);
static void check_sections(const struct steering *steering, const char *file, struct zone *const *zones, size_t count,
	struct diags *diags);
static void check_zone(const struct steering_zone *wanted, const struct zone *zone, struct diag_place place,
	struct diags *diags);
static void report_no_zone(const struct steering_zone *wanted, struct diag_place place, struct zone *const *zones,
	size_t count, struct diags *diags);
static void check_service(const struct steering *steering, const struct steering_service *service, const char *file,
	struct zone *const *zones, size_t count, struct diags *diags);
static const struct zone *enclosing_zone(const uint8_t *owner, struct zone *const *zones, size_t count);
static bool is_awaited(const struct subject *s);
static void report_signed(const struct subject *s);
static bool is_ours(const struct subject *s);
static void find_variants(struct subject *s);
static size_t variant_name(const uint8_t *owner, const char *region, uint8_t name[static NAME_MAX]);
static void report_missing(const struct subject *s, const char *region);
static void check_unlisted(const struct subject *s);
static size_t below_regions(const struct subject *s, const uint8_t *parent);
static bool is_listed(const struct subject *s, const struct node *node);
static void check_types(const struct subject *s);
static void check_type(const struct subject *s, uint16_t type);
static void check_aliases(const struct subject *s);
static void check_shed(const struct subject *s);
static void check_hidden(const struct subject *s);
static bool some_variant_has(const struct subject *s, uint16_t type);
static void check_orphans(const struct steering *steering, const char *file, const struct zone *zone,
	struct diags *diags);

void
steering_check_zones(const struct steering *steering, const char *file, struct zone *const *zones, size_t count,
	struct diags *diags)
{
	for (size_t i = 0; i < steering->service_count; i++)
		check_service(steering, &steering->services[i], file, zones, count, diags);
	for (size_t i = 0; i < count; i++)
		check_orphans(steering, file, zones[i], diags);
	check_sections(steering, file, zones, count, diags);
}

void
steering_check_keys(const struct steering *steering, const char *file, const char *const *keys, size_t count,
	struct diags *diags)
{
	for (size_t i = 0; i < steering->zone_count; i++) {
		const struct steering_zone *zone = &steering->zones[i];

		check_keys(zone, NULL, file, keys, count, diags);
		if (zone->catalog_role != CATALOG_CONSUMER)
			continue;
		check_keys(zone->catalog->members, zone, file, keys, count, diags);
		for (size_t g = 0; g < zone->catalog->group_count; g++)
			check_keys(zone->catalog->groups[g].members, zone, file, keys, count, diags);
	}
}

/* `catalog`: that the settings are a template of, which may have its primaries; or NULL. */
static void
check_keys(const struct steering_zone *zone, const struct steering_zone *catalog, const char *file,
	const char *const *keys, size_t count, struct diags *diags)
{
	for (size_t k = 0; k < zone->transfer_count; k++)
		check_key(zone->transfers[k].key, (struct diag_place){ file, zone->transfers[k].line, 0, NULL },
		    keys, count, diags);
	for (size_t k = 0; k < zone->notify_count; k++)
		check_key(zone->notifies[k].key, (struct diag_place){ file, zone->notifies[k].line, 0, NULL },
		    keys, count, diags);
	for (size_t k = 0; k < zone->update_count; k++)
		check_key(zone->updates[k].key, (struct diag_place){ file, zone->updates[k].line, 0, NULL },
		    keys, count, diags);
	for (size_t k = 0; k < zone->primary_count && (catalog == NULL || zone->primaries != catalog->primaries); k++)
		check_key(zone->primaries[k].key, (struct diag_place){ file, zone->primaries[k].line, 0, NULL },
		    keys, count, diags);
}

static void
check_key(const char *wanted, struct diag_place place, const char *const *keys, size_t count, struct diags *diags)
{
	uint8_t name[NAME_MAX], other[NAME_MAX];
	size_t length = wanted == NULL ? 0 : name_parse(wanted, name);

	for (size_t i = 0; i < count; i++)
		if (length == 0 || (name_parse(keys[i], other) == length && memcmp(name, other, length) == 0))
			return;
	if (length > 0)
		diag_error(diags, place, count == 0 ? NULL : text_suggest(wanted, keys, count),
		    "there is no key '%s' among the tsig-keys of isobar.yaml", wanted);
}

static void
check_sections(const struct steering *steering, const char *file, struct zone *const *zones, size_t count,
	struct diags *diags)
{
	const struct zone **of = calloc(steering->zone_count + 1, sizeof(*of));

	if (of == NULL) {
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "out of memory");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct steering_zone *section = steering_zone_find(steering, zone_apex(zones[i])->name);

		if (section != NULL)
			of[section - steering->zones] = zones[i];
	}
	for (size_t i = 0; i < steering->zone_count; i++) {
		const struct steering_zone *wanted = &steering->zones[i];
		struct diag_place place = { .file = file, .line = wanted->line };

		if (of[i] != NULL)
			check_zone(wanted, of[i], place, diags);
		else if (wanted->primary_count == 0)	/* or it's yet to come */
			report_no_zone(wanted, place, zones, count, diags);
	}
	free(of);
}

static void
check_zone(const struct steering_zone *wanted, const struct zone *zone, struct diag_place place, struct diags *diags)
{
	if (wanted->is_signed && zone_denial(zone) != ZONE_UNSIGNED)
		diag_error(diags, place, NULL, "the zone '%s' comes signed, and isobard is to sign it, too: leave out "
		    "'dnssec' here, or the signatures there", wanted->name);
	else if (wanted->is_signed && node_rrset(zone_apex(zone), TYPE_DNSKEY) != NULL)
		diag_error(diags, place, NULL, "the zone '%s' has a DNSKEY of its own, and isobard is to sign it: "
		    "import the key, and leave out the record", wanted->name);
	else if (wanted->update_count > 0 && zone_denial(zone) != ZONE_UNSIGNED)
		diag_error(diags, place, NULL, "the zone '%s' comes signed, and an update would break its signatures: "
		    "leave out 'update', or let isobard sign it", wanted->name);
}

static void
report_no_zone(const struct steering_zone *wanted, struct diag_place place, struct zone *const *zones, size_t count,
	struct diags *diags)
{
	char text[NAME_TEXT_SIZE], best[NAME_TEXT_SIZE];
	const char *suggestion = NULL;

	for (size_t i = 0; i < count && suggestion == NULL; i++) {
		const char *name = name_text(zone_apex(zones[i])->name, text);

		if (text_suggest(wanted->name, &name, 1) != NULL)
			suggestion = strcpy(best, name);
	}
	diag_error(diags, place, suggestion, "there is no zone '%s'", wanted->name);
}

static void
check_service(const struct steering *steering, const struct steering_service *service, const char *file,
	struct zone *const *zones, size_t count, struct diags *diags)
{
	struct subject s = { .steering = steering, .service = service, .diags = diags,
		.place = { .file = file, .line = service->line } };

	s.zone = enclosing_zone(service->owner, zones, count);
	if (is_awaited(&s)) {
		diag_warning(diags, s.place, NULL, "the service '%s' is steered as soon as its zone has come from its "
		    "primary", service->name);
		return;
	}
	if (s.zone == NULL) {
		diag_error(diags, s.place, NULL, "the service '%s' lies in none of the zones", service->name);
		return;
	}
	if (zone_is_signed(s.zone)) {
		report_signed(&s);
		return;
	}
	s.owner = zone_find_name(s.zone, service->owner);
	if (s.owner != NULL && !is_ours(&s))
		return;
	find_variants(&s);
	check_unlisted(&s);
	check_shed(&s);
	if (s.owner == NULL)
		return;
	check_types(&s);
	check_aliases(&s);
	check_hidden(&s);
}

/* The zone with the longest apex that holds `owner`. */
static const struct zone *
enclosing_zone(const uint8_t *owner, struct zone *const *zones, size_t count)
{
	const struct zone *best = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < count; i++) {
		const uint8_t *apex = zone_apex(zones[i])->name;

		if (name_is_under(owner, apex) && (best == NULL || name_labels(apex) > most)) {
			best = zones[i];
			most = name_labels(apex);
		}
	}
	return best;
}

/* Does it lie in a zone that is transferred in, and isn't there? */
static bool
is_awaited(const struct subject *s)
{
	unsigned labels = s->zone == NULL ? 0 : name_labels(zone_apex(s->zone)->name);

	for (size_t i = 0; i < s->steering->zone_count; i++) {
		const struct steering_zone *zone = &s->steering->zones[i];

		if (zone->primary_count > 0 && name_is_under(s->service->owner, zone->apex)
		    && (s->zone == NULL || name_labels(zone->apex) > labels))
			return true;
	}
	return false;
}

/* Signatures hold for a name and its records together: those of a region's records are no good under the service's
 * name, and the zone's keys, which could make others, aren't here. */
static void
report_signed(const struct subject *s)
{
	char text[NAME_TEXT_SIZE];

	diag_error(s->diags, s->place, NULL,
	    "the service '%s' can't be steered: its zone '%s' is signed already, and only who has its keys can "
	    "sign the answers of its regions; give the zone without DNSSEC records and let isobard sign it",
	    s->service->name, name_text(zone_apex(s->zone)->name, text));
}

static bool
is_ours(const struct subject *s)
{
	char text[NAME_TEXT_SIZE];

	if (s->owner->cut != NULL)
		diag_error(s->diags, s->place, NULL, "the service '%s' is delegated away at '%s'", s->service->name,
		    name_text(s->owner->cut->name, text));
	else if (s->owner->dname != NULL)
		diag_error(s->diags, s->place, NULL, "the service '%s' lies below the DNAME of '%s'", s->service->name,
		    name_text(s->owner->dname->name, text));
	else
		return true;
	return false;
}

static void
find_variants(struct subject *s)
{
	for (size_t i = 0; i < s->service->region_count; i++) {
		region_id r = s->service->regions[i].region;
		const char *region = s->steering->regions[r].name;
		uint8_t name[NAME_MAX];
		const struct node *node = variant_name(s->service->owner, region, name) == 0 ? NULL :
		    zone_find_name(s->zone, name);

		if (node == NULL || node->rrset_count == 0)
			report_missing(s, region);
		else
			s->variants[r] = node;
	}
}

/* <region>._region.<owner>, or _region.<owner> when `region` is "". 0: it's too long. */
static size_t
variant_name(const uint8_t *owner, const char *region, uint8_t name[static NAME_MAX])
{
	size_t label = strlen(region), first = label == 0 ? 0 : label + 1, rest = name_length(owner, NAME_MAX);

	if (label > 63 || first + sizeof(region_label) + rest > NAME_MAX)
		return 0;
	if (label > 0) {
		name[0] = (uint8_t)label;
		memcpy(name + 1, region, label);
	}
	memcpy(name + first, region_label, sizeof(region_label));
	memcpy(name + first + sizeof(region_label), owner, rest);
	return first + sizeof(region_label) + rest;
}

static void
report_missing(const struct subject *s, const char *region)
{
	diag_error(s->diags, s->place, NULL,
	    "the region '%s' of the service '%s' has no records: they belong at %s._region.%s", region,
	    s->service->name, region, s->service->name);
}

/* Records of regions that the service doesn't list: a misspelling, or a forgotten line in steering.yaml. */
static void
check_unlisted(const struct subject *s)
{
	uint8_t parent[NAME_MAX];
	char text[NAME_TEXT_SIZE];

	if (variant_name(s->service->owner, "", parent) == 0)
		return;
	for (size_t i = below_regions(s, parent); i < zone_node_count(s->zone); i++) {
		const struct node *node = zone_node_at(s->zone, i);

		if (!name_is_under(node->name, parent))
			return;
		if (node->rrset_count > 0 && !is_listed(s, node))
			diag_warning(s->diags, s->place, NULL,
			    "the records of '%s' are never answered: the service '%s' has no such region",
			    name_text(node->name, text), s->service->name);
	}
}

/* The first node at or after `parent` in canonical order, in which a name is followed by those below it. */
static size_t
below_regions(const struct subject *s, const uint8_t *parent)
{
	size_t low = 0, high = zone_node_count(s->zone);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(zone_node_at(s->zone, middle)->name, parent) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_listed(const struct subject *s, const struct node *node)
{
	for (size_t i = 0; i < s->service->region_count; i++) {
		if (s->variants[s->service->regions[i].region] == node)
			return true;
	}
	return false;
}

/* Each type that some variant has, once: at the first variant that has it. */
static void
check_types(const struct subject *s)
{
	for (size_t i = 0; i < s->service->region_count; i++) {
		const struct node *variant = s->variants[s->service->regions[i].region];

		for (size_t t = 0; variant != NULL && t < variant->rrset_count; t++) {
			bool before = false;

			for (size_t k = 0; k < i && !before; k++) {
				const struct node *other = s->variants[s->service->regions[k].region];

				before = other != NULL && node_rrset(other, variant->rrsets[t].type) != NULL;
			}
			if (!before && variant->rrsets[t].type != TYPE_CNAME)
				check_type(s, variant->rrsets[t].type);
		}
	}
}

static void
check_type(const struct subject *s, uint16_t type)
{
	char text[16];

	for (size_t i = 0; i < s->service->region_count; i++) {
		region_id r = s->service->regions[i].region;

		if (s->variants[r] == NULL || node_rrset(s->variants[r], type) != NULL ||
		    node_rrset(s->variants[r], TYPE_CNAME) != NULL)
			continue;
		diag_warning(s->diags, s->place, NULL,
		    "the region '%s' of the service '%s' has no %s records: its clients get them from another region",
		    s->steering->regions[r].name, s->service->name, rrtype_text(type, text));
	}
}

static void
check_aliases(const struct subject *s)
{
	const struct steering_region *with = NULL, *without = NULL;

	for (size_t i = s->service->region_count; i-- > 0;) {
		region_id r = s->service->regions[i].region;

		if (s->variants[r] == NULL)
			continue;
		if (node_rrset(s->variants[r], TYPE_CNAME) != NULL)
			with = &s->steering->regions[r];
		else
			without = &s->steering->regions[r];
	}
	if (with == NULL)
		return;
	if (without != NULL)
		diag_error(s->diags, s->place, NULL,
		    "the service '%s' mixes a CNAME (region '%s') with other records (region '%s')", s->service->name,
		    with->name, without->name);
	if (s->owner->flags & NODE_APEX)
		diag_error(s->diags, s->place, NULL,
		    "the service '%s' is a zone's apex, where no CNAME may stand (region '%s')", s->service->name,
		    with->name);
}

/* Each address type that some region has: a shed client asks for the same types as any other. */
static void
check_shed(const struct subject *s)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	char text[16];

	for (size_t i = 0; i < ARRAY_SIZE(types) && s->service->shed; i++) {
		if (some_variant_has(s, types[i]) && (s->owner == NULL || node_rrset(s->owner, types[i]) == NULL))
			diag_error(s->diags, s->place, NULL,
			    "'shed: true' needs %s records at '%s' itself: they are the answer for clients that no "
			    "region has room for", rrtype_text(types[i], text), s->service->name);
	}
	if (s->service->shed && some_variant_has(s, TYPE_CNAME))
		diag_error(s->diags, s->place, NULL,
		    "'shed: true' needs addresses at '%s' itself, but its regions have CNAMEs, which no other record "
		    "may stand beside", s->service->name);
}

static void
check_hidden(const struct subject *s)
{
	char text[16];

	/* A CNAME answers every type, but for an apex, where it's an error by itself. */
	bool all = some_variant_has(s, TYPE_CNAME) && !(s->owner->flags & NODE_APEX);

	for (size_t t = 0; t < s->owner->rrset_count; t++) {
		uint16_t type = s->owner->rrsets[t].type;

		if (type == TYPE_CNAME)
			diag_error(s->diags, s->place, NULL,
			    "the service '%s' has a CNAME of its own beside its regions' records", s->service->name);
		else if (s->service->shed && (type == TYPE_A || type == TYPE_AAAA))
			continue;
		else if (all || some_variant_has(s, type))
			diag_warning(s->diags, s->place, NULL,
			    "the %s records of '%s' itself are hidden by those of its regions", rrtype_text(type, text),
			    s->service->name);
	}
}

static bool
some_variant_has(const struct subject *s, uint16_t type)
{
	for (size_t i = 0; i < s->service->region_count; i++) {
		const struct node *variant = s->variants[s->service->regions[i].region];

		if (variant != NULL && node_rrset(variant, type) != NULL)
			return true;
	}
	return false;
}

/* Region records of a name that isn't steered are served as what they are, names like any other. */
static void
check_orphans(const struct steering *steering, const char *file, const struct zone *zone, struct diags *diags)
{
	char text[NAME_TEXT_SIZE];

	for (size_t i = 0; i < zone_node_count(zone); i++) {
		const struct node *node = zone_node_at(zone, i);

		if ((node->flags & NODE_REGIONS) == 0)
			continue;
		name_text(node->name, text);
		if (steering_service_find(steering, text) == NULL)
			diag_warning(diags, (struct diag_place){ .file = file }, NULL,
			    "'%s' has region records in its zone, but is no service", text);
	}
}
