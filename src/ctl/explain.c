/* explain.c -- why a client gets what it gets, or got it.  In: the API's answer.  Out: words.  Threads: one. */
#include <math.h>
#include <stdlib.h>

#include "ctl/ctl.h"

static void print_moment(const cJSON *answer);
static void print_client(const cJSON *answer);
static void print_regions(const cJSON *answer);
static void print_decision(const cJSON *answer);

enum ctl_status
ctl_explain(struct ctl *ctl)
{
	const char *type = ctl->type == NULL ? "A" : ctl->type;
	char *path = ctl_path("/v1/explain?name=%s&type=%s", ctl->arguments[0], type);
	cJSON *answer = NULL;
	const char *zone;
	enum ctl_status status;

	path = ctl_path_add(path, "&client=%s", ctl->client_address);
	path = ctl_path_add(path, "&at=%s", ctl->at);
	status = ctl_call(ctl, "GET", path, NULL, &answer);
	zone = member_text(answer, "zone");
	free(path);
	if (answer != NULL && !member_true(answer, "steered")) {
		printf("%s %s isn't steered: %s\n", member_text(answer, "name"), member_text(answer, "type"),
		    member_text(answer, "why_not"));
	} else if (answer != NULL) {
		printf("%s %s, a service%s%s\n", member_text(answer, "name"), member_text(answer, "type"),
		    zone == NULL ? "" : " of the zone ", zone == NULL ? "" : zone);
		print_moment(answer);
		print_client(answer);
		print_regions(answer);
		print_decision(answer);
	}
	cJSON_Delete(answer);
	return status;
}

static void
print_moment(const cJSON *answer)
{
	const cJSON *plan = member(answer, "plan");
	const char *at = member_text(answer, "at"), *method = member_text(plan, "method");

	if (at != NULL)
		printf("at         %s, in epoch %.0f that was published %s, revision %.0f\n", at,
		    member_number(answer, "epoch"), member_text(answer, "published"), member_number(answer,
		    "revision"));
	else
		printf("epoch      %.0f\n", member_number(answer, "epoch"));
	if (cJSON_IsObject(plan))
		printf("plan       of %s%s%s\n", member_text(plan, "made"), method == NULL ? "" : ", ",
		    method == NULL ? "" : method);
	else
		printf("plan       none: static weights\n");
}

static void
print_client(const cJSON *answer)
{
	const cJSON *client = member(answer, "client"), *law = member(answer, "residency"), *rule;
	const char *address = member_text(client, "address"), *country = member_text(client, "country");

	printf("client     %s: planned as group %s%s%s%s\n", address == NULL ? "nobody in particular" : address,
	    member_text(client, "demand_group"), member_true(client, "by_network") ? ", by its network" : "",
	    country == NULL ? "" : ", country ", country == NULL ? "" : country);
	cJSON_ArrayForEach(rule, member(law, "rules")) {
		printf("residency  rule %.0f %s: clients of ", member_number(rule, "rule"),
		    member_true(rule, "applies") ? "binds" : "doesn't apply");
		ctl_print_names("", member(rule, "clients"), " only to ");
		ctl_print_names("", member(rule, "regions"), "\n");
	}
	ctl_print_names("legal      ", member(law, "legal"), "\n");
}

static void
print_regions(const cJSON *answer)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, member(answer, "regions")) {
		double probability = member_number(entry, "probability"), load = member_number(entry, "load_forecast");
		const char *why = member_text(entry, "price_why");

		printf("region     %-12s %s: %s\n", member_text(entry, "region"),
		    member_true(entry, "kept") ? "kept   " : "removed", member_text(entry, "why"));
		if (isfinite(probability))
			printf("           %-12s fails within %.0f s with probability %.4f\n", "",
			    member_number(entry, "horizon_s"), probability);
		if (isfinite(load))
			printf("           %-12s load forecast %.1f/s\n", "", load);
		if (why != NULL)
			printf("           %-12s %s: %.3g ms for one more request/s there\n", "", why,
			    member_number(entry, "price_ms"));
	}
}

static void
print_decision(const cJSON *answer)
{
	const cJSON *slot = member(answer, "slot"), *record;
	const char *chosen = member_text(answer, "chosen");

	printf("slot       %.0f of %.0f%s: ", member_number(slot, "number"), member_number(slot, "of"),
	    member_true(slot, "sticky") ? "" : ", the next in turn");
	ctl_print_names("", member(slot, "list"), "\n");
	printf("chosen     %s, since %s\n", chosen == NULL ? "none" : chosen, member_text(answer, "because"));
	if (member_text(answer, "at") != NULL)
		printf("answer     client subnet scope /%.0f; records of the past aren't kept\n",
		    member_number(answer, "scope"));
	else
		printf("answer     TTL %.0f s, client subnet scope /%.0f\n", member_number(answer, "ttl"),
		    member_number(answer, "scope"));
	cJSON_ArrayForEach(record, member(answer, "records")) {
		printf("           %s %s\n", member_text(answer, "answer_type"), cJSON_GetStringValue(record));
	}
}
