/* drain.c -- keeping clients away from a region: drains, their end, and drills.
 * In: the API's answers.  Out: words, for a drill that's waited for a bar.  Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define BAR 40		/* columns */

static bool read_times(struct ctl *ctl, int64_t *seconds, int64_t *over);
static bool read_over(const struct ctl *ctl, int64_t *over);
static bool read_part(const char *text, double whole, const char *option, double *share);
static cJSON *override_body(const struct ctl *ctl, const char *kind, double share, int64_t seconds, int64_t over);
static void print_effect(const cJSON *drain);
static void print_survivors(const cJSON *regions);
static bool is_named(const char *service, const char *name);
static enum ctl_status end_override(struct ctl *ctl, const cJSON *override, int64_t over);
static enum ctl_status wait_for(struct ctl *ctl, double id, double seconds);
static const cJSON *find_verdict(const cJSON *answer, double id);
static void print_bar(const cJSON *running, double seconds);
static void print_verdict(const cJSON *verdict);

enum ctl_status
ctl_drain(struct ctl *ctl)
{
	double share = 0;
	int64_t seconds = 0, over = 0;
	cJSON *answer = NULL;
	enum ctl_status status;

	if (ctl->reason == NULL || ctl->reason[0] == '\0')
		return ctl_usage("say why: --reason TEXT");
	if ((ctl->period == NULL) == !ctl->forever)
		return ctl_usage("say how long: either --for DURATION or --forever");
	if (!read_times(ctl, &seconds, &over) || (ctl->to != NULL && !read_part(ctl->to, 100, "--to", &share)))
		return CTL_USAGE;
	status = ctl_send(ctl, "POST", ctl->dry_run ? "/v1/overrides?dry_run=true" : "/v1/overrides",
	    override_body(ctl, "drain", share, seconds, over), &answer);
	if (answer != NULL) {
		printf("Region %s %s drained to %g %%", ctl->arguments[0], ctl->dry_run ? "would be" : "is",
		    100 * share);
		if (over > 0)
			printf(" within %lld s", (long long)over);
		if (!ctl->dry_run)
			printf(", as override %.0f. End it by: isobarctl undrain %s", member_number(answer, "override"),
			    ctl->arguments[0]);
		else
			printf(".");
		printf("\n");
		print_effect(member(answer, "drain"));
	}
	ctl_print_outcome(ctl, answer);
	cJSON_Delete(answer);
	return status;
}

static bool
read_times(struct ctl *ctl, int64_t *seconds, int64_t *over)
{
	return (ctl->period == NULL || ctl_duration(ctl->period, seconds)) && read_over(ctl, over);
}

/* 0s is at once; what isn't given leaves *over as it is. */
static bool
read_over(const struct ctl *ctl, int64_t *over)
{
	if (ctl->over == NULL)
		return true;
	if (strcmp(ctl->over, "0") == 0 || strcmp(ctl->over, "0s") == 0) {
		*over = 0;
		return true;
	}
	return ctl_duration(ctl->over, over);
}

/* "25" or "25%" of 100; "0.25" or "25%" of 1. */
static bool
read_part(const char *text, double whole, const char *option, double *share)
{
	char *end;
	double value = strtod(text, &end);
	bool percent = strcmp(end, "%") == 0;

	*share = value / (percent ? 100 : whole);
	if (end != text && (*end == '\0' || percent) && *share >= 0 && *share <= 1)
		return true;
	ctl_usage(whole == 100 ? "%s is a part from 0 to 100, not '%s'" : "%s is a part from 0 to 1, not '%s'", option,
	    text);
	return false;
}

/* `seconds` 0: for ever. */
static cJSON *
override_body(const struct ctl *ctl, const char *kind, double share, int64_t seconds, int64_t over)
{
	cJSON *body = cJSON_CreateObject();
	bool good = cJSON_AddStringToObject(body, "kind", kind) != NULL &&
	    cJSON_AddStringToObject(body, "region", ctl->arguments[0]) != NULL &&
	    cJSON_AddNumberToObject(body, "share", share) != NULL &&
	    cJSON_AddNumberToObject(body, "over_s", (double)over) != NULL &&
	    cJSON_AddStringToObject(body, "reason", ctl->reason == NULL ? "a practice run" : ctl->reason) != NULL;

	if (good && ctl->service != NULL)
		good = cJSON_AddStringToObject(body, "service", ctl->service) != NULL;
	if (good && ctl->force)
		good = cJSON_AddTrueToObject(body, "force") != NULL;
	if (good && seconds > 0)
		good = cJSON_AddNumberToObject(body, "for_s", (double)seconds) != NULL;
	else if (good)
		good = cJSON_AddNullToObject(body, "until") != NULL;
	if (good)
		return body;
	cJSON_Delete(body);
	return NULL;
}

static void
print_effect(const cJSON *drain)
{
	double moved = member_number(drain, "moved"), budget = member_number(drain, "budget");

	if (drain == NULL)
		return;
	if (isfinite(moved))
		printf("%.3g %% of all %s served elsewhere by that.\n", 100 * moved,
		    member_true(drain, "demand_known") ? "requests are" : "clients are");
	print_survivors(member(drain, "regions"));
	if (isfinite(budget))
		printf("The drains in force use %.0f %% of the budget then; now it's %.0f %%.\n", 100 * budget,
		    100 * member_number(drain, "budget_before"));
}

static void
print_survivors(const cJSON *regions)
{
	struct table table = { .columns = { "REGION", "<DRAINED", "<GETS", "<LOAD/S", "<THEN/S", "<CAPACITY/S",
				   "<FULL" } };
	const cJSON *region;

	cJSON_ArrayForEach(region, regions) {
		double after = member_number(region, "load_after"), capacity = member_number(region, "capacity");

		table_text(&table, member_text(region, "region"));
		table_percent(&table, member_number(region, "drained"));
		table_percent(&table, member_number(region, "gets"));
		table_number(&table, member_number(region, "load_before"), 1);
		table_number(&table, after, 1);
		table_number(&table, capacity, 0);
		table_percent(&table, after / capacity);
	}
	table_print(&table);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_undrain(struct ctl *ctl)
{
	bool json = ctl->json;
	int64_t over = -1;
	cJSON *answer = NULL;
	const cJSON *override;
	unsigned ended = 0;
	enum ctl_status status;

	if (!read_over(ctl, &over))
		return CTL_USAGE;
	ctl->json = false;
	status = ctl_call(ctl, "GET", "/v1/overrides", NULL, &answer);
	ctl->json = json;
	cJSON_ArrayForEach(override, member(answer, "overrides")) {
		const char *region = member_text(override, "region"), *service = member_text(override, "service");

		if (status != CTL_DONE || region == NULL || strcmp(region, ctl->arguments[0]) != 0 ||
		    (ctl->service != NULL && !is_named(service, ctl->service)))
			continue;
		status = end_override(ctl, override, over);
		ended++;
	}
	cJSON_Delete(answer);
	if (status == CTL_DONE && ended == 0)
		return ctl_fail("region %s isn't drained", ctl->arguments[0]);
	return status;
}

/* With or without the final dot. */
static bool
is_named(const char *service, const char *name)
{
	size_t length = strlen(name);

	return service != NULL && strncmp(service, name, length) == 0 &&
	    (service[length] == '\0' || strcmp(service + length, ".") == 0);
}

/* `over` below 0: not given. */
static enum ctl_status
end_override(struct ctl *ctl, const cJSON *override, int64_t over)
{
	char *query = ctl_change_query(ctl), *path = NULL;
	bool is_drill = member_text(override, "kind") != NULL && strcmp(member_text(override, "kind"), "drill") == 0;
	double within = over >= 0 ? (double)over : member_number(override, "over_s");
	const char *how = ctl->dry_run ? "would end" : within > 0 && !is_drill ? "ends" : "has ended";
	cJSON *answer = NULL;
	enum ctl_status status;

	if (over >= 0) {
		char seconds[24];

		snprintf(seconds, sizeof(seconds), "%lld", (long long)over);
		query = ctl_path_add(query, *query == '\0' ? "?over_s=%s" : "&over_s=%s", seconds);
	}
	if (asprintf(&path, "/v1/overrides/%.0f%s", member_number(override, "id"), query) < 0)
		path = NULL;
	status = path == NULL ? ctl_fail("out of memory") : ctl_call(ctl, "DELETE", path, NULL, &answer);
	if (answer != NULL) {
		printf("%s %.0f of region %s %s", is_drill ? "Drill" : "Drain", member_number(override, "id"),
		    member_text(override, "region"), how);
		if (within > 0 && !is_drill)
			printf(" within %.0f s", within);
		printf(".\n");
	}
	ctl_print_outcome(ctl, answer);
	cJSON_Delete(answer);
	free(path);
	free(query);
	return status;
}

/* --- drills -------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_drill(struct ctl *ctl)
{
	double part = 0, id;
	int64_t seconds = 0, over = 0;
	cJSON *answer = NULL;
	enum ctl_status status;
	bool json = ctl->json;

	if (ctl->fraction == NULL)
		return ctl_usage("say how much: --fraction F, the part of the region's clients that goes elsewhere");
	if (ctl->period == NULL)
		return ctl_usage("say how long: --for DURATION");
	if (!read_times(ctl, &seconds, &over) || !read_part(ctl->fraction, 1, "--fraction", &part))
		return CTL_USAGE;
	ctl->json = json && !ctl->wait;
	status = ctl_send(ctl, "POST", ctl->dry_run ? "/v1/overrides?dry_run=true" : "/v1/overrides",
	    override_body(ctl, "drill", 1 - part, seconds, over), &answer);
	ctl->json = json;
	if (answer == NULL)
		return status;
	id = member_number(answer, "override");
	if (!json) {
		printf("Drill: %g %% of the clients of region %s %s elsewhere for %lld s.\n", 100 * part,
		    ctl->arguments[0], ctl->dry_run ? "would go" : "go", (long long)seconds);
		print_effect(member(answer, "drain"));
		ctl_print_outcome(ctl, answer);
	}
	cJSON_Delete(answer);
	return ctl->wait && !ctl->dry_run ? wait_for(ctl, id, (double)seconds) : status;
}

/* CTL_FAILED when it was ended before its time. */
static enum ctl_status
wait_for(struct ctl *ctl, double id, double seconds)
{
	bool json = ctl->json, shows = isatty(STDERR_FILENO) && !json;
	enum ctl_status status = CTL_DONE;
	cJSON *answer = NULL;
	const cJSON *verdict = NULL;

	ctl->json = false;
	while (status == CTL_DONE && verdict == NULL) {
		cJSON_Delete(answer);
		answer = NULL;
		status = ctl_call(ctl, "GET", "/v1/drills", NULL, &answer);
		verdict = find_verdict(answer, id);
		if (shows && verdict == NULL && answer != NULL)
			print_bar(member(answer, "running"), seconds);
		if (verdict == NULL && status == CTL_DONE)
			nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	}
	ctl->json = json;
	if (shows)
		fprintf(stderr, "\n");
	if (verdict != NULL && json) {
		char *text = json_write(verdict);

		puts(text == NULL ? "" : text);
		free(text);
	} else if (verdict != NULL) {
		print_verdict(verdict);
	}
	if (verdict != NULL && !member_true(verdict, "completed"))
		status = CTL_FAILED;
	cJSON_Delete(answer);
	return status;
}

static const cJSON *
find_verdict(const cJSON *answer, double id)
{
	const cJSON *verdict;

	cJSON_ArrayForEach(verdict, member(answer, "drills")) {
		if (member_number(verdict, "drill") >= id && member_number(verdict, "drill") <= id)
			return verdict;
	}
	return NULL;
}

/* How much of its time is over, and the fullest survivor. */
static void
print_bar(const cJSON *running, double seconds)
{
	const cJSON *region;
	const char *fullest = "";
	double most = 0, passed = member_number(running, "seconds");
	int done;

	if (!isfinite(passed))
		passed = 0;
	done = (int)fmin(BAR * passed / seconds, BAR);
	cJSON_ArrayForEach(region, member(running, "regions")) {
		double fill = member_number(region, "load_now") / member_number(region, "capacity");

		if (member_true(region, "survivor") && fill > most) {
			most = fill;
			fullest = member_text(region, "region");
		}
	}
	fprintf(stderr, "\r[%.*s%*s] %3.0f %%  %s", done, "########################################", BAR - done, "",
	    fmin(100 * passed / seconds, 100), fullest);
	if (most > 0)
		fprintf(stderr, " %.0f %% full ", 100 * most);
	fflush(stderr);
}

enum ctl_status
ctl_drill_show(struct ctl *ctl)
{
	cJSON *answer = NULL;
	const cJSON *verdict, *running;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/drills", NULL, &answer);

	running = member(answer, "running");
	if (cJSON_IsObject(running)) {
		printf("Drill %.0f runs: %.0f %% of the clients of region %s go elsewhere, until %s: %s\n",
		    member_number(running, "drill"), 100 * member_number(running, "fraction"),
		    member_text(running, "region"), member_text(running, "ends"), member_text(running, "reason"));
		print_verdict(running);
	}
	cJSON_ArrayForEach(verdict, member(answer, "drills")) {
		print_verdict(verdict);
	}
	if (answer != NULL && !cJSON_IsObject(running) && cJSON_GetArraySize(member(answer, "drills")) == 0)
		printf("There was no drill yet.\n");
	cJSON_Delete(answer);
	return status;
}

static void
print_verdict(const cJSON *verdict)
{
	struct table table = { .columns = { "REGION", "<BEFORE/S", "<PEAK/S", "<CAPACITY/S", "<FULL" } },
		     answers = { .columns = { "SERVICE", "REGION", "<ANSWERS" } };
	const cJSON *entry;

	if (member_text(verdict, "verdict") != NULL)
		printf("Drill %.0f of region %s, %.0f %% from %s to %s: %s\n", member_number(verdict, "drill"),
		    member_text(verdict, "region"), 100 * member_number(verdict, "fraction"),
		    member_text(verdict, "began"), member_text(verdict, "until"), member_text(verdict, "verdict"));
	if (isfinite(member_number(verdict, "moved")))
		printf("%.3g %% of all requests were forecast to move.\n", 100 * member_number(verdict, "moved"));
	cJSON_ArrayForEach(entry, member(verdict, "regions")) {
		double peak = member_number(entry, "load_peak"), capacity = member_number(entry, "capacity");

		table_text(&table, member_text(entry, "region"));
		table_number(&table, member_number(entry, "load_before"), 1);
		table_number(&table, peak, 1);
		table_number(&table, capacity, 0);
		table_percent(&table, peak / capacity);
	}
	table_print(&table);
	cJSON_ArrayForEach(entry, member(verdict, "answers")) {
		table_text(&answers, member_text(entry, "service"));
		table_text(&answers, member_text(entry, "region"));
		table_number(&answers, member_number(entry, "count"), 0);
	}
	table_print(&answers);
	printf("\n");
}
