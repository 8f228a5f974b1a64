/* metrics_primaries.c -- see metrics_parts.h: zones that come from primaries.
 * In: what control knows of them.  Out: text.  Threads: control. */
#include "api/metrics_parts.h"
#include "control/primaries.h"

static void add_zones(struct exposition *x, const char *name, const char *help,
	bool (*value)(const struct primaries_view *zone, double *value));
static bool age(const struct primaries_view *zone, double *value);
static bool left(const struct primaries_view *zone, double *value);
static bool trouble(const struct primaries_view *zone, double *value);
static bool serial(const struct primaries_view *zone, double *value);

void
metrics_primaries(struct exposition *x)
{
	const struct primaries_counts counts = primaries_counts(control_primaries(x->request->control));

	metric_single(x->out, "isobar_primary_checks_total", "counter", "Answers of primaries that told their serial.",
	    (double)counts.checked);
	metric_family(x->out, "isobar_primary_transfers_total", "counter",
	    "Transfers in, by kind, that became a version in service.");
	metric_sample(x->out, "isobar_primary_transfers_total", (double)counts.whole, "kind", "full", NULL, NULL);
	metric_sample(x->out, "isobar_primary_transfers_total", (double)counts.differences, "kind", "differences", NULL,
	    NULL);
	metric_single(x->out, "isobar_primary_refused_total", "counter",
	    "Versions that came and can't be served: the one before stays.", (double)counts.refused);
	metric_single(x->out, "isobar_primary_failures_total", "counter",
	    "Rounds in which no primary of a zone gave word.", (double)counts.failed);
	metric_single(x->out, "isobar_primary_octets_total", "counter", "Octets that came from primaries.",
	    (double)counts.octets);
	metric_single(x->out, "isobar_primary_notifies_total", "counter", "NOTIFYs of primaries that were heeded.",
	    (double)counts.notified);
	add_zones(x, "isobar_primary_serial", "The serial of the zone's version in service, as its primary has it.",
	    serial);
	add_zones(x, "isobar_primary_age_seconds", "Time since there was word of the zone's primaries.", age);
	add_zones(x, "isobar_primary_expiry_seconds",
	    "Time until the zone isn't answered any more without such word; below 0: since.", left);
	add_zones(x, "isobar_primary_trouble", "1: the zone's last round failed, else 0.", trouble);
}

static void
add_zones(struct exposition *x, const char *name, const char *help,
	bool (*value)(const struct primaries_view *zone, double *value))
{
	const struct primaries *primaries = control_primaries(x->request->control);
	struct primaries_view zone;
	double number;

	metric_family(x->out, name, "gauge", help);
	for (size_t i = 0; primaries_view(primaries, i, &zone); i++)
		if (value(&zone, &number))
			metric_sample(x->out, name, number, "zone", zone.zone, NULL, NULL);
}

static bool
age(const struct primaries_view *zone, double *value)
{
	*value = (double)(wall_now().ms - zone->refreshed.ms) / 1000;
	return zone->refreshed.ms != 0;
}

static bool
left(const struct primaries_view *zone, double *value)
{
	*value = (double)(zone->expires.ms - wall_now().ms) / 1000;
	return zone->loaded;
}

static bool
trouble(const struct primaries_view *zone, double *value)
{
	*value = *zone->trouble != '\0';
	return true;
}

static bool
serial(const struct primaries_view *zone, double *value)
{
	*value = zone->serial;
	return zone->loaded;
}
