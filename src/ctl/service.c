/* service.c -- services, their shares, and why a client gets what it gets.  In: the API's answers.  Out: words.
 * Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static void print_names(const char *before, const cJSON *names, const char *after);
static void print_service(const cJSON *service);
static void print_regions(const cJSON *service);
static void print_groups(const cJSON *service);
static void print_client(const cJSON *answer);
static void print_decision(const cJSON *answer);

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
	print_names("types      ", member(service, "types"), "\n");
	if (isfinite(most))
		printf("ttl        at most %.0f s\n", most);
	if (cJSON_IsObject(probe))
		printf("probe      %s to port %.0f%s%s\n", member_text(probe, "kind"), member_number(probe, "port"),
		    member_text(probe, "path") == NULL ? "" : ", path ",
		    member_text(probe, "path") == NULL ? "" : member_text(probe, "path"));
	cJSON_ArrayForEach(rule, member(service, "residency")) {
		print_names("residency  clients of ", member(rule, "clients"), "");
		print_names(" only to ", member(rule, "regions"), "\n");
	}
}

static void
print_names(const char *before, const cJSON *names, const char *after)
{
	const cJSON *name;
	const char *comma = "";

	fputs(before, stdout);
	cJSON_ArrayForEach(name, names) {
		printf("%s%s", comma, cJSON_GetStringValue(name));
		comma = ", ";
	}
	if (cJSON_GetArraySize(names) == 0)
		fputs("nobody", stdout);
	fputs(after, stdout);
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

/* --- explain ------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_explain(struct ctl *ctl)
{
	const char *type = ctl->type == NULL ? "A" : ctl->type;
	char *path = ctl->client_address == NULL ? ctl_path("/v1/explain?name=%s&type=%s", ctl->arguments[0], type)
	    : ctl_path("/v1/explain?name=%s&type=%s&client=%s", ctl->arguments[0], type, ctl->client_address);
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "GET", path, NULL, &answer);

	free(path);
	if (answer != NULL && !member_true(answer, "steered")) {
		printf("%s %s isn't steered: %s\n", member_text(answer, "name"), member_text(answer, "type"),
		    member_text(answer, "why_not"));
	} else if (answer != NULL) {
		printf("%s %s, a service of the zone %s\n", member_text(answer, "name"), member_text(answer, "type"),
		    member_text(answer, "zone"));
		print_client(answer);
		print_decision(answer);
	}
	cJSON_Delete(answer);
	return status;
}

static void
print_client(const cJSON *answer)
{
	const cJSON *client = member(answer, "client"), *law = member(answer, "residency"), *rule;
	const char *address = member_text(client, "address"), *country = member_text(client, "country");

	printf("client     %s: planned as group %s%s%s%s\n", address == NULL ? "nobody in particular" : address,
	    member_text(client, "group"), member_true(client, "by_network") ? ", by its network" : "",
	    country == NULL ? "" : ", country ", country == NULL ? "" : country);
	cJSON_ArrayForEach(rule, member(law, "rules")) {
		printf("residency  rule %.0f %s: clients of ", member_number(rule, "rule"),
		    member_true(rule, "applies") ? "binds" : "doesn't apply");
		print_names("", member(rule, "clients"), " only to ");
		print_names("", member(rule, "regions"), "\n");
	}
	print_names("legal      ", member(law, "legal"), "\n");
}

static void
print_decision(const cJSON *answer)
{
	const cJSON *slot = member(answer, "slot"), *entry, *record;
	const char *chosen = member_text(answer, "chosen");

	cJSON_ArrayForEach(entry, member(answer, "regions")) {
		printf("region     %-12s %s: %s\n", member_text(entry, "region"),
		    member_true(entry, "kept") ? "kept   " : "removed", member_text(entry, "why"));
	}
	printf("slot       %.0f of %.0f%s: ", member_number(slot, "number"), member_number(slot, "of"),
	    member_true(slot, "sticky") ? "" : ", the next in turn");
	print_names("", member(slot, "list"), "\n");
	printf("chosen     %s, since %s\n", chosen == NULL ? "none" : chosen, member_text(answer, "because"));
	printf("answer     TTL %.0f s, client subnet scope /%.0f\n", member_number(answer, "ttl"),
	    member_number(answer, "scope"));
	cJSON_ArrayForEach(record, member(answer, "records")) {
		printf("           %s %s\n", member_text(answer, "answer_type"), cJSON_GetStringValue(record));
	}
}
