/* demand.c -- what clients ask for.  In: the API's answer.  Out: words.  Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static char *demand_path(const struct ctl *ctl);
static void print_groups(const cJSON *services);
static void print_service(const cJSON *service);

enum ctl_status
ctl_demand(struct ctl *ctl)
{
	char *path = demand_path(ctl);
	cJSON *answer = NULL;
	enum ctl_status status = path == NULL ? ctl_fail("out of memory") : ctl_call(ctl, "GET", path, NULL, &answer);
	const cJSON *services = member(answer, "services");

	free(path);
	if (answer != NULL && cJSON_GetArraySize(services) == 0) {
		printf("Nothing was asked yet.\n");
	} else if (answer != NULL) {
		print_groups(services);
		if (ctl->count > 0)
			print_service(cJSON_GetArrayItem(services, 0));
	}
	cJSON_Delete(answer);
	return status;
}

static char *
demand_path(const struct ctl *ctl)
{
	if (ctl->count > 0 && ctl->limit != NULL)
		return ctl_path("/v1/demand?service=%s&heavy=%s", ctl->arguments[0], ctl->limit);
	if (ctl->count > 0)
		return ctl_path("/v1/demand?service=%s", ctl->arguments[0]);
	return ctl_path("/v1/demand?heavy=%s", ctl->limit == NULL ? "0" : ctl->limit);
}

static void
print_groups(const cJSON *services)
{
	struct table table = { .columns = { "SERVICE", "CLIENTS", "<REQUESTS/S", "<+-", "<QUESTIONS/S", "<HEAVY" } };
	const cJSON *service, *group;

	cJSON_ArrayForEach(service, services) {
		table_text(&table, member_text(service, "service"));
		table_text(&table, "all");
		table_number(&table, member_number(service, "rate"), 1);
		table_percent(&table, member_number(service, "error"));
		table_number(&table, member_number(service, "asked"), 2);
		table_text(&table, NULL);
		cJSON_ArrayForEach(group, member(service, "groups")) {
			const char *country = member_text(group, "country");

			table_text(&table, member_text(service, "service"));
			table_format(&table, "%s%s%s", member_text(group, "group"), country == NULL ? "" : "/",
			    country == NULL ? "" : country);
			table_number(&table, member_number(group, "rate"), 1);
			table_percent(&table, member_number(group, "error"));
			table_number(&table, member_number(group, "asked"), 2);
			table_format(&table, "%.0f", member_number(group, "heavy_count"));
		}
	}
	table_print(&table);
}

static void
print_service(const cJSON *service)
{
	struct table regions = { .columns = { "REGION", "<EXPECTED/S", "<REPORTED/S", "NOTE" } };
	struct table keys = { .columns = { "HEAVY CLIENTS", "GROUP", "<REQUESTS/S" } };
	const cJSON *entry, *key;
	bool heavy = false;

	cJSON_ArrayForEach(entry, member(service, "regions")) {
		table_text(&regions, member_text(entry, "region"));
		table_number(&regions, member_number(entry, "expected"), 1);
		table_number(&regions, member_number(entry, "reported"), 1);
		table_text(&regions, member_true(entry, "distrusted")
		    ? "what it reports doesn't follow what it gets: not believed" : "");
	}
	printf("\nA resolution is %.3g requests; answers are kept for %.0f s.\n\n", member_number(service, "scale"),
	    member_number(service, "ttl"));
	table_print(&regions);
	cJSON_ArrayForEach(entry, member(service, "groups")) {
		cJSON_ArrayForEach(key, member(entry, "heavy")) {
			heavy = true;
			table_text(&keys, member_text(key, "clients"));
			table_text(&keys, member_text(entry, "group"));
			table_number(&keys, member_number(key, "rate"), 2);
		}
	}
	if (heavy) {
		printf("\n");
		table_print(&keys);
	}
}
