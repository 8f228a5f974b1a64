/* whatif.c -- what would happen if.  In: regions to lose or drain, a factor on demand.  Out: words; the exit status
 * tells whether somebody would be overloaded or left without a region.  Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static bool add_lost(cJSON *body, const char *names);
static bool add_drains(cJSON *body, const char *text);
static bool add_demand(cJSON *body, const char *text);
static void print_loads(const cJSON *answer);
static void print_rest(const cJSON *answer);

enum ctl_status
ctl_whatif(struct ctl *ctl)
{
	cJSON *body = cJSON_CreateObject(), *answer = NULL;
	enum ctl_status status;

	if (ctl->lose == NULL && ctl->drain == NULL && ctl->demand == NULL) {
		cJSON_Delete(body);
		return ctl_usage("say what: --lose REGION, --drain REGION=PERCENT or --demand FACTOR");
	}
	if (!add_lost(body, ctl->lose) || !add_drains(body, ctl->drain) || !add_demand(body, ctl->demand)) {
		cJSON_Delete(body);
		return CTL_USAGE;
	}
	status = ctl_ask(ctl, "POST", "/v1/whatif", body, &answer);
	if (answer != NULL && !ctl->json) {
		print_loads(answer);
		print_rest(answer);
	}
	if (answer != NULL && !member_true(answer, "safe"))
		status = CTL_FOUND;
	cJSON_Delete(answer);
	return status;
}

static bool
add_lost(cJSON *body, const char *names)
{
	cJSON *list = cJSON_AddArrayToObject(body, "lose");

	while (names != NULL && *names != '\0') {
		size_t length = strcspn(names, ",");
		char name[256];

		snprintf(name, sizeof(name), "%.*s", (int)(length < 255 ? length : 255), names);
		cJSON_AddItemToArray(list, cJSON_CreateString(name));
		names += length + (names[length] == ',');
	}
	return true;
}

/* "eu-west=50%,us-east=0": the part of its own clients that a region lets in. */
static bool
add_drains(cJSON *body, const char *text)
{
	cJSON *drains = cJSON_AddObjectToObject(body, "drain");

	while (text != NULL && *text != '\0') {
		size_t length = strcspn(text, ","), name_length = strcspn(text, "=");
		char name[256], *end = NULL;
		double percent = name_length < length ? strtod(text + name_length + 1, &end) : -1;

		if (end != NULL && *end == '%')
			end++;
		if (name_length >= sizeof(name) || end != text + length || !(percent >= 0 && percent <= 100)) {
			ctl_usage("'%.*s' is no drain such as eu-west=50%%", (int)length, text);
			return false;
		}
		snprintf(name, sizeof(name), "%.*s", (int)name_length, text);
		cJSON_AddNumberToObject(drains, name, percent / 100);
		text += length + (text[length] == ',');
	}
	return true;
}

static bool
add_demand(cJSON *body, const char *text)
{
	char *end;
	double factor;

	if (text == NULL)
		return true;
	factor = strtod(text + (*text == 'x'), &end);
	if (*end != '\0' || end == text + (*text == 'x') || !(factor >= 0 && factor <= 1000)) {
		ctl_usage("'%s' is no factor such as x1.3", text);
		return false;
	}
	cJSON_AddNumberToObject(body, "demand", factor);
	return true;
}

static void
print_loads(const cJSON *answer)
{
	struct table table = { .columns = { "REGION", "<BEFORE/S", "<AFTER/S", "<CAPACITY/S", "<FILL", "NOTE" } };
	const cJSON *region;

	cJSON_ArrayForEach(region, member(answer, "regions")) {
		double let_in = member_number(region, "let_in");
		const char *state = member_text(region, "state");

		table_text(&table, member_text(region, "region"));
		table_number(&table, member_number(region, "before"), 1);
		table_number(&table, member_number(region, "after"), 1);
		table_number(&table, member_number(region, "capacity"), 0);
		table_percent(&table, member_number(region, "fill"));
		if (state != NULL)
			table_text(&table, state);
		else if (member_true(region, "overloaded"))
			table_text(&table, "OVERLOADED");
		else if (let_in < 1)
			table_format(&table, "drained to %.1f %%", 100 * let_in);
		else
			table_text(&table, "");
	}
	table_print(&table);
}

static void
print_rest(const cJSON *answer)
{
	const cJSON *latency = member(answer, "latency_ms"), *entry;
	double before = member_number(latency, "before"), after = member_number(latency, "after");

	if (!member_true(answer, "demand_known"))
		printf("No demand is known yet: loads can't be told, and client groups count alike.\n");
	printf("%.3g %% of the clients would be served elsewhere", 100 * member_number(answer, "moved"));
	if (isfinite(before) && isfinite(after))
		printf("; the mean latency goes from %.1f ms to %.1f ms", before, after);
	printf(".\n");
	cJSON_ArrayForEach(entry, member(member(answer, "unserved"), "clients")) {
		double requests = member_number(entry, "rate");

		printf("UNSERVED: %.3g %% of the clients %s of %s", 100 * member_number(entry, "share"),
		    member_text(entry, "clients"), member_text(entry, "service"));
		if (isfinite(requests))
			printf(", %.1f requests/s", requests);
		printf(": %s\n", member_text(entry, "why"));
	}
	printf(member_true(answer, "safe") ? "Nobody would be overloaded or unserved. Nothing was changed.\n"
	    : "Nothing was changed.\n");
}
