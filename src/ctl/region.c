/* region.c -- regions: how they are.  In: the API's answers.  Out: words.
 * Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static void print_region(const cJSON *region);
static void print_services(const cJSON *region);
static void print_backends(const cJSON *region);
static void print_drains(const cJSON *drains);

enum ctl_status
ctl_region_list(struct ctl *ctl)
{
	struct table table = { .columns = { "REGION", "STATE", "<ADMITS", "<LOAD/S", "<CAPACITY/S", "<P(FAILURE)",
				   "<REPORT", "<DEAD" } };
	cJSON *answer = NULL;
	const cJSON *region, *service;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/regions", NULL, &answer);

	cJSON_ArrayForEach(region, member(answer, "regions")) {
		unsigned dead = 0;

		cJSON_ArrayForEach(service, member(region, "services")) {
			dead += member_true(service, "dead");
		}
		table_text(&table, member_text(region, "region"));
		table_text(&table, member_text(region, "state"));
		table_percent(&table, member_number(region, "drained_to"));
		table_number(&table, member_number(region, "load"), 1);
		table_number(&table, member_number(region, "capacity"), 0);
		table_number(&table, member_number(region, "probability"), 4);
		table_ago(&table, member_number(region, "seconds_since_report"));
		table_format(&table, "%u of %d", dead, cJSON_GetArraySize(member(region, "services")));
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_region_show(struct ctl *ctl)
{
	char *path = ctl_path("/v1/regions/%s", ctl->arguments[0]);
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "GET", path, NULL, &answer);

	if (answer != NULL) {
		print_region(answer);
		print_drains(member(answer, "drains"));
		print_services(answer);
		print_backends(answer);
	}
	cJSON_Delete(answer);
	free(path);
	return status;
}

static void
print_region(const cJSON *region)
{
	double probability = member_number(region, "probability"), age = member_number(region, "seconds_since_report");
	double load = member_number(region, "load"), capacity = member_number(region, "capacity");
	const cJSON *agent;

	printf("region %s is %s\n", member_text(region, "region"), member_text(region, "state"));
	if (isfinite(age))
		printf("reports   the last %.0f s ago, from %.0f agents\n", age, member_number(region, "agents_known"));
	else
		printf("reports   none yet: is isobar-rem running there, with a token of the scope agent:%s?\n",
		    member_text(region, "region"));
	cJSON_ArrayForEach(agent, member(region, "agents")) {
		printf("          %s: sequence %.0f, %.0f s ago\n", member_text(agent, "agent"),
		    member_number(agent, "sequence"), member_number(agent, "seconds_since_report"));
	}
	if (isfinite(load) && isfinite(capacity))
		printf("load      %.1f of %.0f requests/s (%.1f %%)\n", load, capacity, 100 * load / capacity);
	else
		printf("load      %s; capacity %s\n", isfinite(load) ? "known" : "unknown",
		    isfinite(capacity) ? "known" : "unknown");
	if (isfinite(probability))
		printf("forecast  fails within %.0f s with probability %.4f\n", member_number(region, "horizon_s"),
		    probability);
	else
		printf("forecast  none: %s\n", member_text(region, "no_prediction"));
	printf("admits    %.1f %% of its clients\n", 100 * member_number(region, "drained_to"));
}

static void
print_drains(const cJSON *drains)
{
	const cJSON *drain;

	cJSON_ArrayForEach(drain, drains) {
		const char *service = member_text(drain, "service"), *until = member_text(drain, "until");

		printf("          %s %.0f by %s%s%s to %.1f %% until %s: %s\n", member_text(drain, "kind"),
		    member_number(drain, "id"), member_text(drain, "author"), service == NULL ? "" : " of ",
		    service == NULL ? "" : service, 100 * member_number(drain, "share"),
		    until == NULL ? "it's ended by hand" : until, member_text(drain, "reason"));
		if (member_number(drain, "over_s") > 0)
			printf("          on its way %s: %.1f %% now\n",
			    member_true(drain, "ending") ? "back" : "there", 100 * member_number(drain, "now"));
	}
}

static void
print_services(const cJSON *region)
{
	struct table table = { .columns = { "SERVICE", "STATE", "<ADMITS", "<HEALTHY", "<LOAD/S", "CAUSE" } };
	const cJSON *service;

	cJSON_ArrayForEach(service, member(region, "services")) {
		double backends = member_number(service, "backends");

		table_text(&table, member_text(service, "service"));
		if (member_number(service, "held_for_s") > 0)
			table_format(&table, "held, %.0f s", member_number(service, "held_for_s"));
		else
			table_text(&table, member_true(service, "dead") ? "dead"
			    : member_true(service, "returning") ? "returning" : "alive");
		table_percent(&table, member_number(service, "admits"));
		if (isfinite(backends))
			table_format(&table, "%.0f of %.0f", member_number(service, "healthy_backends"), backends);
		else
			table_text(&table, NULL);
		table_number(&table, member_number(service, "load"), 1);
		table_text(&table, member_text(service, "cause"));
	}
	printf("\n");
	table_print(&table);
}

static void
print_backends(const cJSON *region)
{
	struct table table = { .columns = { "BACKEND", "SERVICE", "ADDRESS", "STATE", "<LATENCY", "DETAIL" } };
	const cJSON *backend;

	if (cJSON_GetArraySize(member(region, "backends")) == 0)
		return;
	cJSON_ArrayForEach(backend, member(region, "backends")) {
		double latency = member_number(backend, "latency_ms");

		table_text(&table, member_text(backend, "backend"));
		table_text(&table, member_text(backend, "service"));
		table_text(&table, member_text(backend, "address"));
		table_text(&table, member_true(backend, "healthy") ? "healthy" : "failing");
		if (isfinite(latency))
			table_format(&table, "%.1f ms", latency);
		else
			table_text(&table, NULL);
		table_text(&table, member_text(backend, "detail"));
	}
	printf("\n");
	table_print(&table);
}
