/* secondaries.c -- who gets zones from isobard, and how far each has come.  In: a zone, or none: all.  Out: a table.
 * Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static void add_zone(struct table *table, const cJSON *zone);
static void add_secondary(struct table *table, const cJSON *zone, const cJSON *secondary);
static void describe(struct text *out, const cJSON *secondary);
static void describe_notify(struct text *out, const cJSON *notify);

enum ctl_status
ctl_zone_secondaries(struct ctl *ctl)
{
	static const struct ctl_listing listing = {
		.path = "/v1/secondaries", .list = "zones", .add = add_zone,
		.columns = { "ZONE", "<SERIAL", "SECONDARY", "KEY", "LAST TRANSFER", "<OCTETS", "STATE" },
		.not_this = "may be transferred by nobody", .none = "No zone may be transferred.",
	};

	return ctl_list(ctl, &listing);
}

static void
add_zone(struct table *table, const cJSON *zone)
{
	const cJSON *list = member(zone, "secondaries"), *secondary;

	cJSON_ArrayForEach(secondary, list) {
		add_secondary(table, zone, secondary);
	}
	if (cJSON_GetArraySize(list) > 0)
		return;
	table_text(table, member_text(zone, "zone"));
	table_number(table, member_number(zone, "serial"), 0);
	for (unsigned i = 0; i < 4; i++)
		table_text(table, NULL);
	table_text(table, "nobody came for it yet");
}

static void
add_secondary(struct table *table, const cJSON *zone, const cJSON *secondary)
{
	const cJSON *notify = member(secondary, "notify"), *transfer = member(secondary, "transfer");
	const char *kind = member_text(transfer, "kind");
	struct text state = { 0 };

	table_text(table, member_text(zone, "zone"));
	table_number(table, member_number(zone, "serial"), 0);
	if (cJSON_IsObject(notify))
		table_format(table, "%s@%.0f", member_text(secondary, "address"), member_number(notify, "port"));
	else
		table_text(table, member_text(secondary, "address"));
	table_text(table, member_text(secondary, "key"));
	if (kind != NULL)
		table_format(table, "%s %s by %s", member_text(transfer, "at"), kind,
		    member_text(transfer, "transport"));
	else
		table_text(table, NULL);
	table_number(table, member_number(transfer, "octets"), 0);
	describe(&state, secondary);
	table_text(table, state.bytes);
	text_fini(&state);
}

static void
describe(struct text *out, const cJSON *secondary)
{
	const cJSON *notify = member(secondary, "notify");
	double has = member_number(secondary, "has"), behind = member_number(secondary, "behind");

	if (!isfinite(has))
		text_puts(out, "fetched nothing since isobard began");
	else
		text_printf(out, "has %.0f", has);
	if (isfinite(has) && !isfinite(behind))
		text_puts(out, ", too old for the history");
	else if (behind == 1)
		text_puts(out, ", one behind");
	else if (behind > 1)
		text_printf(out, ", %.0f behind", behind);
	if (cJSON_IsObject(notify))
		describe_notify(out, notify);
}

static void
describe_notify(struct text *out, const cJSON *notify)
{
	double rcode = member_number(notify, "rcode"), tries = member_number(notify, "tries");

	if (member_true(notify, "waiting") && tries > 0)
		text_printf(out, "; no answer to NOTIFY, asked %.0f time%s", tries, tries == 1 ? "" : "s");
	else if (member_true(notify, "waiting"))
		text_puts(out, "; is about to be told");
	else if (isfinite(rcode) && rcode != 0)
		text_printf(out, "; answers NOTIFY with rcode %.0f", rcode);
	else
		text_printf(out, "; knows of %.0f", member_number(notify, "answered"));
}
