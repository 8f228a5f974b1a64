/* signal.c -- events from outside, and the feeds that bring them.  In: the API's answers.  Out: words.
 * Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/ctl.h"

static bool add_level(cJSON *body, const char *name, const char *text);
static void print_troubles(const cJSON *feeds);

enum ctl_status
ctl_signals_list(struct ctl *ctl)
{
	struct table table = { .columns = { "<SIGNAL", "NAME", "REGION", "<SEVERITY", "<CERTAINTY", "STATE", "<SINCE",
				   "EXPIRES", "SOURCE", "TEXT" } };
	cJSON *answer = NULL;
	const cJSON *entry;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/signals", NULL, &answer);

	cJSON_ArrayForEach(entry, member(answer, "signals")) {
		bool in_force = member_true(entry, "in_force");

		table_format(&table, "%.0f", member_number(entry, "signal"));
		table_text(&table, member_text(entry, "name"));
		table_text(&table, member_text(entry, "region"));
		table_number(&table, member_number(entry, "severity"), 2);
		table_number(&table, member_number(entry, "certainty"), 2);
		table_text(&table, member_true(entry, "stale") ? "stale" : in_force ? "in force" : "announced");
		if (in_force)
			table_ago(&table, member_number(entry, "age_s"));
		else
			table_text(&table, "");
		table_text(&table, member_text(entry, "expires"));
		table_text(&table, member_text(entry, "source"));
		table_text(&table, member_text(entry, "text"));
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_signals_post(struct ctl *ctl)
{
	cJSON *body = cJSON_CreateObject(), *answer = NULL;
	char expires[CLOCK_TEXT_SIZE];
	int64_t seconds;
	enum ctl_status status = CTL_USAGE;

	if (ctl->period == NULL) {
		cJSON_Delete(body);
		return ctl_usage("say for how long it's in force: --for DURATION");
	}
	if (!ctl_duration(ctl->period, &seconds) || !add_level(body, "severity", ctl->arguments[2]) ||
	    (ctl->count > 3 && !add_level(body, "certainty", ctl->arguments[3])))
		goto done;
	wall_text((struct wall){ wall_now().ms + seconds * 1000 }, expires);
	cJSON_AddStringToObject(body, "name", ctl->arguments[0]);
	cJSON_AddStringToObject(body, "region", ctl->arguments[1]);
	cJSON_AddStringToObject(body, "expires", expires);
	if (ctl->reason != NULL)
		cJSON_AddStringToObject(body, "text", ctl->reason);
	status = ctl_send(ctl, "POST", "/v1/signals", body, &answer);
	body = NULL;
	if (answer != NULL)
		printf("signal:%s of region %s is known until %s.\n", ctl->arguments[0], ctl->arguments[1], expires);
done:
	cJSON_Delete(body);
	cJSON_Delete(answer);
	return status;
}

/* A number, or a word for isobard to know. */
static bool
add_level(cJSON *body, const char *name, const char *text)
{
	char *end;
	double number = strtod(text, &end);

	if (text[0] == '\0') {
		ctl_usage("the %s is a number from 0 to 1 or a word of CAP, such as Severe", name);
		return false;
	}
	if (*end == '\0' && isfinite(number))
		cJSON_AddNumberToObject(body, name, number);
	else
		cJSON_AddStringToObject(body, name, text);
	return true;
}

enum ctl_status
ctl_signals_end(struct ctl *ctl)
{
	return ctl_delete(ctl, ctl_path("/v1/signals/%s", ctl->arguments[0]), "Signal", "has ended");
}

enum ctl_status
ctl_feeds(struct ctl *ctl)
{
	struct table table = { .columns = { "FEED", "KIND", "STATE", "<SUCCESS", "<FAILED", "<ITEMS", "<LEFT OUT",
				   "<OCTETS", "<TOOK ms", "UNTIL" } };
	cJSON *answer = NULL;
	const cJSON *feed;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/feeds", NULL, &answer);

	cJSON_ArrayForEach(feed, member(answer, "feeds")) {
		table_text(&table, member_text(feed, "feed"));
		table_text(&table, member_text(feed, "kind"));
		table_text(&table, member_text(feed, "state"));
		table_ago(&table, member_number(feed, "age_s"));
		table_format(&table, "%.0f of %.0f", member_number(feed, "failures"), member_number(feed, "pulls"));
		table_number(&table, member_number(feed, "items"), 0);
		table_number(&table, member_number(feed, "left_out"), 0);
		table_number(&table, member_number(feed, "bytes"), 0);
		table_number(&table, member_number(feed, "took_ms"), 0);
		table_text(&table, member_text(feed, "until"));
	}
	if (answer != NULL)
		table_print(&table);
	print_troubles(member(answer, "feeds"));
	cJSON_Delete(answer);
	return status;
}

/* Why the last pull failed, and what was wrong with single items. */
static void
print_troubles(const cJSON *feeds)
{
	const cJSON *feed, *note;

	cJSON_ArrayForEach(feed, feeds) {
		const char *name = member_text(feed, "feed"), *error = member_text(feed, "error");

		if (error != NULL)
			printf("%s: %s\n", name, error);
		cJSON_ArrayForEach(note, member(feed, "notes")) {
			const char *pointer = member_text(note, "pointer");

			printf("%s: %s%s%s\n", name, pointer == NULL ? "" : pointer, pointer == NULL ? "" : ": ",
			    member_text(note, "message"));
		}
	}
}
