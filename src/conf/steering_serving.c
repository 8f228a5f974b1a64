/* steering_serving.c -- the zones section of steering.yaml: how zones are served.
 * In: zones as written.  Out: those of the steering.  Whether they exist is for steering_zones.c. */
#include "conf/steering_reading.h"

#include <stdlib.h>
#include <string.h>

#include "zone/owner.h"
#include "zone/rrtype.h"

#define DNS_PORT 53
#define DOT_PORT 853		/* RFC 9103 section 7.1 */

static void index_zones(struct steering_reading *r, const struct written_zone *const *written);
static int compare_indexed(const void *a, const void *b);
static void take_transfers(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone);
static void take_notifies(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone);
static void take_updates(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone);
static void check_update(struct steering_reading *r, const struct written_zone *zone,
	const struct written_update *written, const uint8_t *apex);
static void take_primaries(struct steering_reading *r, const struct written_zone *written,
	struct steering_zone *zone);
static void check_tls(struct steering_reading *r, const struct written_primary *written);
static void check_bounds(struct steering_reading *r, const struct written_zone *written);
static void check_times(struct steering_reading *r, const struct written_dnssec *written);

void
steering_take_zones(struct steering_reading *r)
{
	size_t count = r->written->zone_count, taken = 0;
	struct steering_zone *zones = steering_room(r, r->arena, count, sizeof(*zones));
	const struct written_zone **of = steering_room(r, r->scratch, count, sizeof(*of));

	if (zones == NULL || of == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct written_zone *written = &r->written->zones[i];
		uint8_t apex[NAME_MAX];
		size_t length = name_parse(written->at.key->text, apex);

		check_times(r, &written->dnssec);
		if (length == 0)	/* told */
			continue;
		zones[taken].apex = arena_copy(r->arena, apex, length);
		if (zones[taken].apex == NULL) {
			steering_out_of_memory(r);
			return;
		}
		of[taken] = written;
		steering_take_zone(r, written, &zones[taken]);
		steering_take_catalog(r, written, &zones[taken++]);
	}
	r->steering->zones = zones;
	r->steering->zone_count = taken;
	index_zones(r, of);
	steering_check_catalogs(r, of);
}

/* "example.com" and "Example.com." are two keys of the map, and one zone. */
static void
index_zones(struct steering_reading *r, const struct written_zone *const *written)
{
	size_t count = r->steering->zone_count;
	const struct steering_zone *zones = r->steering->zones;
	const struct steering_zone **by_apex = steering_room(r, r->arena, count, sizeof(*by_apex));

	if (by_apex == NULL) {
		r->steering->zone_count = 0;
		return;
	}
	for (size_t i = 0; i < count; i++)
		by_apex[i] = &zones[i];
	if (count > 0)
		qsort(by_apex, count, sizeof(*by_apex), compare_indexed);
	for (size_t i = 1; i < count; i++) {
		const struct yaml_node *key = written[by_apex[i] - zones]->at.key;

		if (name_compare(by_apex[i - 1]->apex, by_apex[i]->apex) == 0)
			diag_error(r->diags, steering_place(r, key), NULL, "the zone '%s' is given twice",
			    yaml_shown(key->text).text);
	}
	r->steering->zones_by_apex = by_apex;
}

static int
compare_indexed(const void *a, const void *b)
{
	const struct steering_zone *const *x = a, *const *y = b;
	int order = name_compare((*x)->apex, (*y)->apex);

	return order != 0 ? order : (*x > *y) - (*x < *y);
}

void
steering_take_zone(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone)
{
	static const enum key_algorithm algorithms[] = { KEY_ECDSAP256SHA256, KEY_ED25519, KEY_ECDSAP256SHA256 };
	const struct written_dnssec *dnssec = &written->dnssec;
	char text[NAME_TEXT_SIZE];

	zone->name = steering_text(r, name_text(zone->apex, text));
	zone->line = written->at.key->line;
	zone->hide_regions = written->region_records == 1;
	zone->is_signed = dnssec->at.node != NULL && dnssec->on;
	zone->leaving = dnssec->on == 2;
	zone->algorithm = algorithms[dnssec->algorithm];
	zone->keeps_algorithm = dnssec->algorithm == 2;
	zone->split_keys = dnssec->keys == 1;
	zone->denial = (enum denial_kind)dnssec->denial;
	zone->validity_s = dnssec->validity_s;
	zone->refresh_s = dnssec->refresh_s;
	zone->zsk_lifetime_s = dnssec->zsk_lifetime_s;
	zone->key_ttl = dnssec->key_ttl;
	zone->parent_ttl = dnssec->parent_ttl;
	zone->propagation_s = dnssec->propagation_s;
	zone->health_serial_ms = written->health_serial_ms;
	zone->ixfr_history = written->ixfr_history;
	take_transfers(r, written, zone);
	take_notifies(r, written, zone);
	take_updates(r, written, zone);
	take_primaries(r, written, zone);
	zone->bounds = (struct zone_bounds){ written->refresh_min_s, written->refresh_max_s, written->retry_min_s,
	    written->retry_max_s, written->expire_min_s, written->expire_max_s };
	zone->size_most = written->size_most;
	check_bounds(r, written);
}

static void
take_transfers(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone)
{
	struct zone_transfer *transfers = steering_room(r, r->arena, written->transfer_count, sizeof(*transfers));

	for (size_t i = 0; transfers != NULL && i < written->transfer_count; i++) {
		const struct written_transfer *w = &written->transfers[i];
		struct prefix *from = steering_room(r, r->arena, w->from_count, sizeof(*from));

		if (from == NULL)
			return;
		if (w->from_count > 0)
			memcpy(from, w->from, w->from_count * sizeof(*from));
		else if (w->key == NULL && w->at.node != NULL)
			diag_error(r->diags, steering_place(r, w->at.node), NULL,
			    "this lets everybody have the zone: write 'from', or 'key', or both");
		transfers[i] = (struct zone_transfer){
			.from_count = w->from_count, .from = from, .encrypted = w->transport == 1,
			.key = w->key == NULL ? NULL : steering_text(r, w->key),
			.region_records = w->region_records == 1,
			.line = w->at.node == NULL ? zone->line : w->at.node->line,
		};
	}
	zone->transfers = transfers;
	zone->transfer_count = transfers == NULL ? 0 : written->transfer_count;
}

static void
take_notifies(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone)
{
	struct zone_notify *notifies = steering_room(r, r->arena, written->notify_count, sizeof(*notifies));

	for (size_t i = 0; notifies != NULL && i < written->notify_count; i++) {
		const struct written_notify *w = &written->notifies[i];

		notifies[i] = (struct zone_notify){
			.to = w->to, .port = w->port, .key = w->key == NULL ? NULL : steering_text(r, w->key),
			.line = w->at.node == NULL ? zone->line : w->at.node->line,
		};
	}
	zone->notifies = notifies;
	zone->notify_count = notifies == NULL ? 0 : written->notify_count;
}

static void
take_updates(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone)
{
	struct zone_update *updates = steering_room(r, r->arena, written->update_count, sizeof(*updates));

	for (size_t i = 0; updates != NULL && i < written->update_count; i++) {
		const struct written_update *w = &written->updates[i];
		struct prefix *from = steering_room(r, r->arena, w->from_count, sizeof(*from));
		uint16_t *types = steering_room(r, r->arena, w->type_count, sizeof(*types));

		if (from == NULL || types == NULL)
			return;
		if (w->from_count > 0)
			memcpy(from, w->from, w->from_count * sizeof(*from));
		for (size_t k = 0; k < w->type_count; k++)
			types[k] = rrtype_parse(w->types[k]);
		updates[i] = (struct zone_update){
			.from_count = w->from_count, .from = from, .encrypted = w->transport == 1,
			.key = w->key == NULL ? NULL : steering_text(r, w->key),
			.name_count = w->name_count, .names = steering_texts(r, w->names, w->name_count),
			.type_count = w->type_count, .types = types,
			.line = w->at.node == NULL ? zone->line : w->at.node->line,
		};
		if (w->at.node != NULL && w->at.node->kind == YAML_MAP)
			check_update(r, written, w, zone->apex);
	}
	zone->updates = updates;
	zone->update_count = updates == NULL ? 0 : written->update_count;
}

static void
check_update(struct steering_reading *r, const struct written_zone *zone, const struct written_update *written,
	const uint8_t *apex)
{
	struct diag_place place = steering_place(r, written->at.node);
	uint8_t owner[NAME_MAX];

	for (size_t i = 0; i < written->name_count; i++)
		if (!owner_parse(written->names[i], apex, owner))
			diag_error(r->diags, place, NULL, "'%s' is no name in this zone",
			    yaml_shown(written->names[i]).text);
	if (zone->primary_count > 0)
		diag_error(r->diags, place, NULL,
		    "a zone that comes from primaries is updated there: leave out 'update'");
	if (written->key != NULL && written->without_key == 1)
		diag_error(r->diags, place, NULL,
		    "'unsigned: accepted' makes the key needless: write it in a rule of its own");
	else if (written->key == NULL && written->without_key == 0)
		diag_error(r->diags, place, NULL, "who may update? write 'key', or, where an address is enough, 'from' "
		    "and 'unsigned: accepted'");
	else if (written->key == NULL && written->from_count == 0)
		diag_error(r->diags, place, NULL, "this lets everybody change the zone: write 'from', or 'key'");
	else if (written->key == NULL)
		diag_warning(r->diags, place, NULL, "updates without a key are accepted from some addresses, and "
		    "whoever is on the way can forge those");
}

static void
take_primaries(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone)
{
	struct zone_primary *primaries = steering_room(r, r->arena, written->primary_count, sizeof(*primaries));

	for (size_t i = 0; primaries != NULL && i < written->primary_count; i++) {
		const struct written_primary *w = &written->primaries[i];
		struct zone_primary *primary = &primaries[i];

		*primary = (struct zone_primary){
			.key = w->key == NULL ? NULL : steering_text(r, w->key), .encrypted = w->tls.at.node != NULL,
			.tls_name = w->tls.name == NULL ? NULL : steering_text(r, w->tls.name),
			.tls_ca_file = w->tls.ca_file == NULL ? NULL : steering_text(r, w->tls.ca_file),
			.pin_count = w->tls.pin_count, .pins = steering_texts(r, w->tls.pins, w->tls.pin_count),
			.line = w->at.node == NULL ? zone->line : w->at.node->line,
		};
		if (w->address != NULL && address_parse_listen(w->address, primary->encrypted ? DOT_PORT : DNS_PORT,
		    &primary->address, &primary->port) != 0)
			primary->port = 0;	/* told */
		if (primary->encrypted)
			check_tls(r, w);
	}
	zone->primaries = primaries;
	zone->primary_count = primaries == NULL ? 0 : written->primary_count;
}

/* Without either anybody in between could be the primary (RFC 9103 section 9.3.1: Strict TLS). */
static void
check_tls(struct steering_reading *r, const struct written_primary *written)
{
	if (written->tls.name == NULL && written->tls.pin_count == 0)
		diag_error(r->diags, steering_place(r, written->tls.at.node), NULL,
		    "by what is the primary known? write 'name', that its certificate is for, or 'pins' of its key");
}

static void
check_bounds(struct steering_reading *r, const struct written_zone *written)
{
	const struct { const char *what; uint32_t least, most; } bounds[] = {
		{ "refresh", written->refresh_min_s, written->refresh_max_s },
		{ "retry", written->retry_min_s, written->retry_max_s },
		{ "expire", written->expire_min_s, written->expire_max_s },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		if (bounds[i].least > bounds[i].most)
			diag_error(r->diags, steering_place(r, written->at.key), NULL,
			    "'%s-min-interval' (%us) must not be above '%s-max-interval' (%us)", bounds[i].what,
			    bounds[i].least, bounds[i].what, bounds[i].most);
}

static void
check_times(struct steering_reading *r, const struct written_dnssec *written)
{
	const struct yaml_node *node = written->at.node;

	if (node == NULL || node->kind != YAML_MAP || written->validity_s > written->refresh_s)
		return;
	diag_error(r->diags, steering_place(r, node), NULL, "'validity' (%us) must be above 'refresh' (%us): a "
	    "signature would be due for its successor when it's made", written->validity_s, written->refresh_s);
}
