/* catalogs.c -- catalog zones and their members.  In: a catalog, or none: all.  Out: a table, or an operator's word.
 * Threads: one. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static void add_catalog(struct table *table, const cJSON *catalog);
static void add_member(struct table *table, const cJSON *catalog, const cJSON *of);

enum ctl_status
ctl_catalog_list(struct ctl *ctl)
{
	static const struct ctl_listing listing = {
		.path = "/v1/catalogs", .list = "catalogs", .add = add_catalog,
		.columns = { "CATALOG", "ROLE", "MEMBER", "GROUP", "<SERIAL", "STATE" },
		.not_this = "is no catalog", .none = "No zone is a catalog.",
	};

	return ctl_list(ctl, &listing);
}

static void
add_catalog(struct table *table, const cJSON *catalog)
{
	const cJSON *members = member(catalog, "members"), *clashes = member(catalog, "clashes"), *one;

	cJSON_ArrayForEach(one, members) {
		add_member(table, catalog, one);
	}
	cJSON_ArrayForEach(one, clashes) {
		const char *holder = member_text(one, "holder");

		add_member(table, catalog, one);
		if (holder != NULL)
			table_format(table, "isn't followed: the catalog %s has it", holder);
		else
			table_text(table, "isn't followed: this server has a zone of that name");
	}
	if (cJSON_GetArraySize(members) + cJSON_GetArraySize(clashes) > 0)
		return;
	table_text(table, member_text(catalog, "catalog"));
	table_text(table, member_text(catalog, "role"));
	for (unsigned i = 0; i < 3; i++)
		table_text(table, NULL);
	table_text(table, cJSON_IsNumber(member(catalog, "serial")) ? "has no members" : "has yet to come");
}

/* All but the state of a clash, which has neither label nor serial. */
static void
add_member(struct table *table, const cJSON *catalog, const cJSON *of)
{
	bool is_member = member(of, "label") != NULL;

	table_text(table, member_text(catalog, "catalog"));
	table_text(table, member_text(catalog, "role"));
	table_text(table, member_text(of, "zone"));
	table_text(table, member_text(of, "group"));
	table_number(table, member_number(of, "serial"), 0);
	if (is_member)
		table_text(table, cJSON_IsNumber(member(of, "serial")) ? "served" : "has yet to come");
}

enum ctl_status
ctl_catalog_confirm(struct ctl *ctl)
{
	char *query = ctl_change_query(ctl), *zone = ctl_path("%s", ctl->arguments[0]), *path = NULL;
	cJSON *answer = NULL;
	enum ctl_status status;

	if (asprintf(&path, "/v1/catalogs/%s/confirm%s", zone, query) < 0)
		path = NULL;
	status = ctl_call(ctl, "POST", path, NULL, &answer);
	if (answer != NULL && !ctl->dry_run)
		printf("The next version of %s within ten minutes is taken, whatever it deletes.\n", ctl->arguments[0]);
	cJSON_Delete(answer);
	free(path);
	free(zone);
	free(query);
	return status;
}
