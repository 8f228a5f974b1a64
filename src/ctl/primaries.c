/* primaries.c -- zones that come from primaries: how each is; ask for one now.
 * In: a zone, or none: all.  Out: a table.  Threads: one. */
#include <stdlib.h>

#include "ctl/ctl.h"

static void add_zone(struct table *table, const cJSON *zone);

enum ctl_status
ctl_zone_primaries(struct ctl *ctl)
{
	static const struct ctl_listing listing = {
		.path = "/v1/primaries", .list = "zones", .add = add_zone,
		.columns = { "ZONE", "<SERIAL", "STATE", "PRIMARY", "REFRESHED", "NEXT", "EXPIRES", "TROUBLE" },
		.not_this = "doesn't come from a primary", .none = "No zone comes from a primary.",
	};

	return ctl_list(ctl, &listing);
}

static void
add_zone(struct table *table, const cJSON *zone)
{
	const char *primary = member_text(zone, "primary"), *trouble = member_text(zone, "trouble");

	table_text(table, member_text(zone, "zone"));
	table_number(table, member_number(zone, "serial"), 0);
	table_text(table, member_true(zone, "loaded") ? member_text(zone, "state") : "not loaded");
	if (primary != NULL)
		table_format(table, "%s@%.0f", primary, member_number(zone, "port"));
	else
		table_text(table, NULL);
	table_text(table, member_text(zone, "refreshed"));
	table_text(table, member_text(zone, "next"));
	table_text(table, member_text(zone, "expires"));
	table_text(table, trouble == NULL ? "none" : trouble);
}

enum ctl_status
ctl_zone_refresh(struct ctl *ctl)
{
	char *path = ctl_path("/v1/zones/%s/refresh", ctl->arguments[0]);
	cJSON *answer = NULL;
	enum ctl_status status;

	path = ctl_path_add(path, "?whole=%s", ctl->whole ? "true" : NULL);
	status = ctl_call(ctl, "POST", path, NULL, &answer);
	if (answer != NULL && !ctl->json)
		printf("The primary of %s is asked now; `isobarctl zone primaries` shows what comes of it.\n",
		    ctl->arguments[0]);
	cJSON_Delete(answer);
	free(path);
	return status;
}
