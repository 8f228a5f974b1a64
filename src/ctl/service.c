/* service.c -- services and their shares.  In: the API's answers.  Out: words.
 * Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static void print_service(const cJSON *service);
static void print_regions(const cJSON *service);
static void print_groups(const cJSON *service);

enum ctl_status
ctl_service_list(struct ctl *ctl)
{
	struct table table = { .columns = { "SERVICE", "POLICY", "TYPES", "NOW" } };
	cJSON *answer = NULL;
	const cJSON *service, *entry;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/services", NULL, &answer);

	cJSON_ArrayForEach(service, member(answer, "services")) {
		struct text types = { 0 }, now = { 0 };

		cJSON_ArrayForEach(entry, member(service, "types")) {
			text_printf(&types, "%s%s", types.length == 0 ? "" : " ", cJSON_GetStringValue(entry));
		}
		cJSON_ArrayForEach(entry, member(service, "regions")) {
			if (member_number(entry, "now") > 0)
				text_printf(&now, "%s%s %.1f %%", now.length == 0 ? "" : ", ",
				    member_text(entry, "region"), 100 * member_number(entry, "now"));
		}
		table_text(&table, member_text(service, "service"));
		table_text(&table, member_text(service, "sharding_policy"));
		table_text(&table, types.bytes);
		table_text(&table, now.bytes);
		text_fini(&types);
		text_fini(&now);
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_service_show(struct ctl *ctl)
{
	char *path = ctl_path("/v1/services/%s", ctl->arguments[0]);
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "GET", path, NULL, &answer);

	if (answer != NULL) {
		print_service(answer);
		printf("\n");
		print_regions(answer);
		printf("\n");
		print_groups(answer);
	}
	cJSON_Delete(answer);
	free(path);
	return status;
}

static void
print_service(const cJSON *service)
{
	double most = member_number(service, "ttl_max");
	const cJSON *rule, *probe = member(service, "probe");

	printf("service %s in the zone %s\n", member_text(service, "service"), member_text(service, "zone"));
	printf("policy     %s, %s; when all are down: %s\n", member_text(service, "sharding_policy"),
	    member_true(service, "sticky") ? "sticky" : "not sticky", member_text(service, "when_all_down"));
	ctl_print_names("types      ", member(service, "types"), "\n");
	if (isfinite(most))
		printf("ttl        at most %.0f s\n", most);
	if (cJSON_IsObject(probe))
		printf("probe      %s to port %.0f%s%s\n", member_text(probe, "kind"), member_number(probe, "port"),
		    member_text(probe, "path") == NULL ? "" : ", path ",
		    member_text(probe, "path") == NULL ? "" : member_text(probe, "path"));
	cJSON_ArrayForEach(rule, member(service, "residency")) {
		ctl_print_names("residency  clients of ", member(rule, "clients"), "");
		ctl_print_names(" only to ", member(rule, "regions"), "\n");
	}
}

/* Shares are those of the default client group. */
static void
print_regions(const cJSON *service)
{
	struct table table = { .columns = { "REGION", "<SHARE", "<NOW", "<WEIGHT", "<P(FAILURE)", "<LOAD/S",
				   "<CAPACITY/S", "<ANSWERS", "STATE" } };
	const cJSON *region;

	cJSON_ArrayForEach(region, member(service, "regions")) {
		const char *cause = member_text(region, "cause");

		table_text(&table, member_text(region, "region"));
		table_percent(&table, member_number(region, "share"));
		table_percent(&table, member_number(region, "now"));
		table_format(&table, "%g", member_number(region, "weight"));
		table_number(&table, member_number(region, "probability"), 4);
		table_number(&table, member_number(region, "region_load"), 1);
		table_number(&table, member_number(region, "capacity"), 0);
		table_number(&table, member_number(region, "answers"), 0);
		if (member_true(region, "dead"))
			table_format(&table, "dead: %s", cause == NULL ? "" : cause);
		else if (member_number(region, "drained_to") < 1)
			table_format(&table, "%s, drained to %.1f %%", member_text(region, "state"),
			    100 * member_number(region, "drained_to"));
		else
			table_text(&table, member_text(region, "state"));
	}
	table_print(&table);
}

static void
print_groups(const cJSON *service)
{
	struct table table = { .columns = { "CLIENTS", "REGION", "<SHARE", "<NOW" } };
	const cJSON *group, *share;

	cJSON_ArrayForEach(group, member(service, "groups")) {
		cJSON_ArrayForEach(share, member(group, "shares")) {
			table_text(&table, member_text(group, "group"));
			table_text(&table, member_text(share, "region"));
			table_percent(&table, member_number(share, "share"));
			table_percent(&table, member_number(share, "now"));
		}
	}
	table_print(&table);
}

enum ctl_status
ctl_weights(struct ctl *ctl)
{
	cJSON *answer = NULL;
	const cJSON *service;
	bool first = true;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/weights", NULL, &answer);

	cJSON_ArrayForEach(service, member(answer, "services")) {
		printf("%s%s (%s)\n", first ? "" : "\n", member_text(service, "service"),
		    member_text(service, "sharding_policy"));
		print_regions(service);
		first = false;
	}
	if (answer != NULL && first)
		printf("There is no service: see steering.yaml(5).\n");
	cJSON_Delete(answer);
	return status;
}
