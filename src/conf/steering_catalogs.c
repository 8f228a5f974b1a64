/* steering_catalogs.c -- catalog zones in steering.yaml: which are made here, which are followed, and how the members
 * of those are served.
 * In: zones as written.  Out: the catalogs of the steering, and what of it can't be.
 * A template is a zone's settings without a zone: what it doesn't say of primaries it has from its catalog. */
#include "conf/steering_reading.h"

#include <string.h>

#include "transfer/catalog.h"

#define DEFAULT_TEMPLATE "default"

static void take_templates(struct steering_reading *r, const struct written_zone *written,
	const struct steering_zone *zone, struct zone_catalog *catalog);
static void check_template(struct steering_reading *r, const struct yaml_node *node,
	const struct steering_zone *members);
static void check_producer(struct steering_reading *r, const struct written_zone *written,
	const struct steering_zone *zone);
static void check_member(struct steering_reading *r, const struct steering_zone *zone,
	const struct written_zone *written, bool some_has_all);

void
steering_take_catalog(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone)
{
	const struct written_catalog *w = &written->catalog;
	struct zone_catalog *catalog;
	uint8_t apex[NAME_MAX];
	size_t length;

	if (written->catalog_zone != NULL && (length = name_parse(written->catalog_zone->text, apex)) > 0) {
		zone->member_of = arena_copy(r->arena, apex, length);
		if (zone->member_of == NULL)
			steering_out_of_memory(r);
	}
	if (written->catalog_group != NULL)
		zone->member_group = steering_text(r, written->catalog_group);
	if (w->at.node == NULL || (catalog = steering_room(r, r->arena, 1, sizeof(*catalog))) == NULL)
		return;
	zone->catalog_role = w->role == 0 ? CATALOG_PRODUCER : CATALOG_CONSUMER;
	catalog->every_zone = w->members == 1;
	catalog->most = w->most;
	catalog->deletion_most = w->deletion_most;
	zone->catalog = catalog;
	if (zone->catalog_role == CATALOG_CONSUMER)
		take_templates(r, written, zone, catalog);
	else
		check_producer(r, written, zone);
}

static void
take_templates(struct steering_reading *r, const struct written_zone *written, const struct steering_zone *zone,
	struct zone_catalog *catalog)
{
	const struct written_catalog *w = &written->catalog;
	struct steering_zone *templates = steering_room(r, r->arena, w->template_count + 1, sizeof(*templates));
	struct catalog_group *groups = steering_room(r, r->arena, w->template_count, sizeof(*groups));

	if (templates == NULL || groups == NULL)
		return;
	for (size_t i = 0; i < w->template_count; i++) {
		struct steering_zone *members = &templates[i];

		members->apex = zone->apex;
		steering_take_zone(r, &w->templates[i], members);
		if (members->primary_count == 0) {
			members->primary_count = zone->primary_count;
			members->primaries = zone->primaries;
		}
		check_template(r, w->templates[i].at.key, members);
		if (strcmp(w->templates[i].at.key->text, DEFAULT_TEMPLATE) == 0)
			catalog->members = members;
		else
			groups[catalog->group_count++] = (struct catalog_group){
				steering_text(r, w->templates[i].at.key->text), members };
	}
	catalog->groups = groups;
	if (catalog->members != NULL)
		return;
	/* Without a word of how: from where the catalog comes, and to nobody. */
	templates[w->template_count] = (struct steering_zone){ .name = zone->name, .apex = zone->apex,
	    .health_serial_ms = zone->health_serial_ms, .ixfr_history = zone->ixfr_history,
	    .primary_count = zone->primary_count, .primaries = zone->primaries, .bounds = zone->bounds,
	    .size_most = zone->size_most, .line = zone->line };
	catalog->members = &templates[w->template_count];
	check_template(r, w->at.node, catalog->members);
}

static void
check_template(struct steering_reading *r, const struct yaml_node *node, const struct steering_zone *members)
{
	if (members->primary_count == 0)
		diag_error(r->diags, steering_place(r, node), NULL,
		    "members without 'primaries' never come: write some here, or for the catalog");
}

static void
check_producer(struct steering_reading *r, const struct written_zone *written, const struct steering_zone *zone)
{
	const struct yaml_node *node = written->catalog.at.node;

	if (zone->primary_count > 0)
		diag_error(r->diags, steering_place(r, node), NULL,
		    "the catalog '%s' can't be made here and be transferred, too: leave out 'primaries', or write "
		    "'catalog: {role: consumer}'", zone->name);
	if (written->catalog.template_count > 0)
		diag_error(r->diags, steering_place(r, node), NULL,
		    "'templates' are for members of a catalog that is followed, and '%s' is made here", zone->name);
	if (name_length(zone->apex, NAME_MAX) > CATALOG_APEX_MAX)
		diag_error(r->diags, steering_place(r, node), NULL,
		    "the name '%s' is too long for a catalog: at most %d octets leave room for members", zone->name,
		    CATALOG_APEX_MAX);
}

void
steering_check_catalogs(struct steering_reading *r, const struct written_zone *const *written)
{
	const struct steering_zone *zones = r->steering->zones;
	bool some_has_all = false;

	for (size_t i = 0; i < r->steering->zone_count; i++)
		some_has_all |= zones[i].catalog_role == CATALOG_PRODUCER && zones[i].catalog->every_zone;
	for (size_t i = 0; i < r->steering->zone_count; i++)
		if (zones[i].member_of != NULL || zones[i].member_group != NULL)
			check_member(r, &zones[i], written[i], some_has_all);
}

/* `some_has_all`: every zone is a member of some catalog. */
static void
check_member(struct steering_reading *r, const struct steering_zone *zone, const struct written_zone *written,
	bool some_has_all)
{
	const struct steering_zone *catalog = zone->member_of == NULL ? NULL
	    : steering_zone_find(r->steering, zone->member_of);

	if (zone->catalog_role != CATALOG_NONE)
		diag_error(r->diags, steering_place(r, written->at.key), NULL,
		    "the catalog '%s' can't be a member of one", zone->name);
	else if (zone->member_of == NULL && !some_has_all)
		diag_error(r->diags, steering_place(r, written->at.key), NULL,
		    "'catalog-group' of '%s' is a group in no catalog: write 'catalog-zone', too", zone->name);
	else if (zone->member_of != NULL && (catalog == NULL || catalog->catalog_role != CATALOG_PRODUCER))
		diag_error(r->diags, steering_place(r, written->catalog_zone), NULL,
		    "'%s' is no catalog that is made here: its section needs 'catalog: producer'",
		    yaml_shown(written->catalog_zone->text).text);
}
