/* region.c -- regions: how they are, and keeping clients away from them.  In: the API's answers.  Out: words.
 * Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static void print_region(const cJSON *region);
static void print_services(const cJSON *region);
static void print_backends(const cJSON *region);
static void print_drains(const cJSON *drains);
static cJSON *drain_body(const struct ctl *ctl, double share, int64_t seconds);
static enum ctl_status end_drain(struct ctl *ctl, const cJSON *override);

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
		printf("          drain %.0f by %s to %.1f %% until %s: %s\n", member_number(drain, "id"),
		    member_text(drain, "author"), 100 * member_number(drain, "share"),
		    member_text(drain, "until") == NULL ? "it's ended by hand" : member_text(drain, "until"),
		    member_text(drain, "reason"));
	}
}

static void
print_services(const cJSON *region)
{
	struct table table = { .columns = { "SERVICE", "STATE", "<HEALTHY", "<LOAD/S", "CAUSE" } };
	const cJSON *service;

	cJSON_ArrayForEach(service, member(region, "services")) {
		double backends = member_number(service, "backends");

		table_text(&table, member_text(service, "service"));
		table_text(&table, member_true(service, "dead") ? "dead" : "alive");
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

/* --- drains -------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_region_drain(struct ctl *ctl)
{
	double percent = 0;
	int64_t seconds = 0;
	char *end = NULL;
	cJSON *answer = NULL;
	enum ctl_status status;

	if (ctl->reason == NULL || ctl->reason[0] == '\0')
		return ctl_usage("say why: --reason TEXT");
	if ((ctl->period == NULL) == !ctl->forever)
		return ctl_usage("say how long: either --for DURATION or --forever");
	if (ctl->period != NULL && !ctl_duration(ctl->period, &seconds))
		return CTL_USAGE;
	if (ctl->to != NULL)
		percent = strtod(ctl->to, &end);
	if (end != NULL &&
	    (end == ctl->to || (*end != '\0' && strcmp(end, "%") != 0) || !(percent >= 0 && percent <= 100)))
		return ctl_usage("--to is a part from 0 to 100, not '%s'", ctl->to);
	status = ctl_send(ctl, "POST", ctl->dry_run ? "/v1/overrides?dry_run=true" : "/v1/overrides",
	    drain_body(ctl, percent / 100, seconds), &answer);
	if (answer != NULL && ctl->dry_run)
		printf("Region %s would be drained to %g %%.\n", ctl->arguments[0], percent);
	else if (answer != NULL)
		printf("Region %s is drained to %g %%, as override %.0f. End it by: isobarctl region undrain %s\n",
		    ctl->arguments[0], percent, member_number(answer, "override"), ctl->arguments[0]);
	ctl_print_outcome(ctl, answer);
	cJSON_Delete(answer);
	return status;
}

/* `seconds` 0: for ever. */
static cJSON *
drain_body(const struct ctl *ctl, double share, int64_t seconds)
{
	cJSON *body = cJSON_CreateObject();
	bool good = cJSON_AddStringToObject(body, "kind", "drain") != NULL &&
	    cJSON_AddStringToObject(body, "region", ctl->arguments[0]) != NULL &&
	    cJSON_AddNumberToObject(body, "share", share) != NULL &&
	    cJSON_AddStringToObject(body, "reason", ctl->reason) != NULL;

	if (good && seconds > 0)
		good = cJSON_AddNumberToObject(body, "for_s", (double)seconds) != NULL;
	else if (good)
		good = cJSON_AddNullToObject(body, "until") != NULL;
	if (good)
		return body;
	cJSON_Delete(body);
	return NULL;
}

enum ctl_status
ctl_region_undrain(struct ctl *ctl)
{
	bool json = ctl->json;
	cJSON *answer = NULL;
	const cJSON *override;
	unsigned ended = 0;
	enum ctl_status status;

	ctl->json = false;
	status = ctl_call(ctl, "GET", "/v1/overrides", NULL, &answer);
	ctl->json = json;
	cJSON_ArrayForEach(override, member(answer, "overrides")) {
		const char *region = member_text(override, "region"), *kind = member_text(override, "kind");

		if (status != CTL_DONE || region == NULL || kind == NULL || strcmp(region, ctl->arguments[0]) != 0 ||
		    strcmp(kind, "drain") != 0)
			continue;
		status = end_drain(ctl, override);
		ended++;
	}
	cJSON_Delete(answer);
	if (status == CTL_DONE && ended == 0)
		return ctl_fail("region %s isn't drained", ctl->arguments[0]);
	return status;
}

static enum ctl_status
end_drain(struct ctl *ctl, const cJSON *override)
{
	char *query = ctl_change_query(ctl), *path = NULL;
	cJSON *answer = NULL;
	enum ctl_status status;

	if (asprintf(&path, "/v1/overrides/%.0f%s", member_number(override, "id"), query) < 0)
		path = NULL;
	status = path == NULL ? ctl_fail("out of memory") : ctl_call(ctl, "DELETE", path, NULL, &answer);
	if (answer != NULL)
		printf("Drain %.0f of region %s %s.\n", member_number(override, "id"), member_text(override, "region"),
		    ctl->dry_run ? "would end" : "has ended");
	ctl_print_outcome(ctl, answer);
	cJSON_Delete(answer);
	free(path);
	free(query);
	return status;
}
