/* metrics_catalogs.c -- see metrics_parts.h: catalog zones, their members, and what isn't followed.
 * In: the world in service.  Out: text.  Threads: control. */
#include <string.h>

#include "api/metrics_parts.h"

static const char *role_text(const struct steering_zone *section);
static size_t clashes_of(const struct members *members, const char *catalog);

void
metrics_catalogs(struct exposition *x)
{
	const struct world *world = control_world(x->request->control);
	const struct steering *steering = world->steering;

	metric_family(x->out, "isobar_catalog_members", "gauge", "Members of a catalog zone, by isobard's role in it.");
	for (size_t i = 0; i < steering->zone_count; i++)
		if (steering->zones[i].catalog_role != CATALOG_NONE)
			metric_sample(x->out, "isobar_catalog_members",
			    (double)members_count(world->members, steering->zones[i].name), "catalog",
			    steering->zones[i].name, "role", role_text(&steering->zones[i]));
	metric_family(x->out, "isobar_catalog_clashes", "gauge",
	    "Members of a catalog zone that aren't followed, since their names are taken.");
	for (size_t i = 0; i < steering->zone_count; i++)
		if (steering->zones[i].catalog_role == CATALOG_CONSUMER)
			metric_sample(x->out, "isobar_catalog_clashes",
			    (double)clashes_of(world->members, steering->zones[i].name), "catalog",
			    steering->zones[i].name, NULL, NULL);
}

static const char *
role_text(const struct steering_zone *section)
{
	return section->catalog_role == CATALOG_PRODUCER ? "producer" : "consumer";
}

static size_t
clashes_of(const struct members *members, const char *catalog)
{
	size_t count = 0;

	for (size_t i = 0; i < members->clash_count; i++)
		count += strcmp(members->clashes[i].catalog, catalog) == 0;
	return count;
}
