/* watch.c -- dnstap and the query log, on and off.  In: the API's answers.  Out: words.  Threads: one. */
#include <stdlib.h>

#include "ctl/ctl.h"

static enum ctl_status switch_it(struct ctl *ctl, const char *path, cJSON *body, void (*print)(const cJSON *answer));
static void print_dnstap(const cJSON *answer);
static void print_query_log(const cJSON *answer);
static cJSON *wish(bool on);

/* --- dnstap -------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_dnstap_on(struct ctl *ctl)
{
	return switch_it(ctl, "/v1/dnstap", wish(true), print_dnstap);
}

enum ctl_status
ctl_dnstap_off(struct ctl *ctl)
{
	return switch_it(ctl, "/v1/dnstap", wish(false), print_dnstap);
}

enum ctl_status
ctl_dnstap_status(struct ctl *ctl)
{
	return switch_it(ctl, "/v1/dnstap", NULL, print_dnstap);
}

static void
print_dnstap(const cJSON *answer)
{
	if (!member_true(answer, "configured"))
		puts("dnstap is off: isobar.yaml names no reader.");
	else
		printf("dnstap is %s; %s; one query of %.0f; %.0f frames sent, %.0f dropped.\n",
		    member_true(answer, "on") ? "on" : "off",
		    member_true(answer, "connected") ? "a reader is connected" : "there is no reader",
		    member_number(answer, "sample"), member_number(answer, "frames"),
		    member_number(answer, "dropped"));
}

/* --- the query log ------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_query_log_on(struct ctl *ctl)
{
	cJSON *body = wish(true);
	int64_t seconds = 0;
	char *end;
	double sample = 1;

	if (ctl->sample != NULL)
		sample = strtod(ctl->sample, &end);
	if ((ctl->sample != NULL && (*end != '\0' || end == ctl->sample))
	    || (ctl->period != NULL && !ctl_duration(ctl->period, &seconds))) {
		cJSON_Delete(body);
		return ctl->sample != NULL && *end != '\0' ? ctl_usage("--sample is a number: one query of so many")
		    : CTL_USAGE;
	}
	if (ctl->sample != NULL)
		cJSON_AddNumberToObject(body, "sample", sample);
	if (seconds > 0)
		cJSON_AddNumberToObject(body, "for_s", (double)seconds);
	return switch_it(ctl, "/v1/query-log", body, print_query_log);
}

enum ctl_status
ctl_query_log_off(struct ctl *ctl)
{
	return switch_it(ctl, "/v1/query-log", wish(false), print_query_log);
}

enum ctl_status
ctl_query_log_status(struct ctl *ctl)
{
	return switch_it(ctl, "/v1/query-log", NULL, print_query_log);
}

static void
print_query_log(const cJSON *answer)
{
	const char *file = member_text(answer, "file");

	if (member_true(answer, "on"))
		printf("The query log is on until %s, in %s; one query of %.0f; ", member_text(answer, "until"),
		    file == NULL ? "isobard's log" : file, member_number(answer, "sample"));
	else
		printf("The query log is off; ");
	printf("%.0f lines written since the start, %.0f dropped.\n", member_number(answer, "lines"),
	    member_number(answer, "dropped"));
}

/* --- both ---------------------------------------------------------------------------------------------------- */

static cJSON *
wish(bool on)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddBoolToObject(body, "on", on);
	return body;
}

/* `body` NULL: only looks. */
static enum ctl_status
switch_it(struct ctl *ctl, const char *path, cJSON *body, void (*print)(const cJSON *answer))
{
	cJSON *answer = NULL;
	enum ctl_status status = body == NULL ? ctl_call(ctl, "GET", path, NULL, &answer)
	    : ctl_send(ctl, "PUT", path, body, &answer);

	if (answer != NULL)
		print(answer);
	cJSON_Delete(answer);
	return status;
}
