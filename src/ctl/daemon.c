/* daemon.c -- status, stats, audit, reload, stop.  In: the API's answers.  Out: words.  Threads: one. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ctl/ctl.h"

static void print_overview(const cJSON *status);
static void print_pae(const cJSON *status);
static void print_certificate(const cJSON *certificate);
static void print_problems(const cJSON *problems);
static void print_counters(const cJSON *object, const char *prefix, struct table *table);
static void print_chain(const cJSON *chain);
static enum ctl_status await_end(const struct ctl *ctl, pid_t pid);

/* --- status -------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_status_show(struct ctl *ctl)
{
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/status", NULL, &answer);

	if (answer != NULL) {
		print_overview(answer);
		print_pae(answer);
		print_certificate(member(answer, "certificate"));
		print_problems(member(answer, "problems"));
	}
	cJSON_Delete(answer);
	return status;
}

static void
print_overview(const cJSON *status)
{
	const cJSON *regions = member(status, "regions"), *reports = member(status, "reports");
	const cJSON *store = member(status, "store");

	printf("isobard %s runs since %s (process %.0f)\n", member_text(status, "version"),
	    member_text(status, "started"), member_number(status, "pid"));
	printf("serves   %.0f zones, %.0f services; epoch %.0f, published %s\n", member_number(status, "zones"),
	    member_number(status, "services"), member_number(status, "epoch"), member_text(status, "published"));
	printf("regions  %.0f: %.0f up, %.0f down, %.0f silent, %.0f unknown; %.0f drained\n",
	    member_number(regions, "all"), member_number(regions, "up"), member_number(regions, "down"),
	    member_number(regions, "silent"), member_number(regions, "unknown"), member_number(regions, "drained"));
	printf("reports  %.0f taken, %.0f duplicate, %.0f refused\n", member_number(reports, "taken"),
	    member_number(reports, "duplicate"), member_number(reports, "refused"));
	printf("store    %s; journal at revision %.0f\n",
	    member_true(store, "failing") ? "can't be written" : "in order", member_number(status, "revision"));
}

static void
print_pae(const cJSON *status)
{
	const cJSON *pae = member(status, "pae"), *entry;
	const char *planned = member_text(pae, "planned"), *use = member_text(status, "prediction");
	bool external = strcmp(member_text(pae, "mode") == NULL ? "" : member_text(pae, "mode"), "external") == 0;

	printf("pae      %s; %s%s\n", external ? "is started by something else"
	    : member_true(pae, "running") ? "runs" : "doesn't run",
	    planned == NULL ? "no plan yet, static weights stand" : "plan of ", planned == NULL ? "" : planned);
	printf("forecast %s\n", use == NULL ? "" : strcmp(use, "off") == 0 ? "prediction is off" :
	    strcmp(use, "advice") == 0 ? "failures are predicted as advice: no plan heeds it" :
	    "plans heed predictions");
	cJSON_ArrayForEach(entry, member(status, "predictions")) {
		double probability = member_number(entry, "probability");

		if (isfinite(probability))
			printf("         %s: fails within %.0f s with probability %.4f\n", member_text(entry, "region"),
			    member_number(entry, "horizon_s"), probability);
		else
			printf("         %s: no prediction: %s\n", member_text(entry, "region"),
			    member_text(entry, "no_prediction"));
	}
}

static void
print_certificate(const cJSON *certificate)
{
	const char *binds = member_text(certificate, "binds");
	const cJSON *room;

	if (binds == NULL) {
		printf("loads    aren't known: no demand, or no capacity\n");
		return;
	}
	printf("loads    %s\n", binds);
	cJSON_ArrayForEach(room, member(certificate, "room")) {
		if (cJSON_IsNumber(room) && room->valuedouble < 1)
			printf("         at most %.0f %% of %s may be drained\n", 100 * room->valuedouble,
			    room->string);
	}
}

static void
print_problems(const cJSON *problems)
{
	const cJSON *problem;

	if (cJSON_GetArraySize(problems) == 0)
		printf("Nothing is wrong.\n");
	else
		printf("Look at:\n");
	cJSON_ArrayForEach(problem, problems) {
		printf("  - %s\n", cJSON_GetStringValue(problem));
	}
}

/* --- counters ------------------------------------------------------------------------------------------------ */

enum ctl_status
ctl_stats(struct ctl *ctl)
{
	struct table table = { .columns = { "COUNTER", "<VALUE" } };
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/stats", NULL, &answer);

	if (answer != NULL) {
		print_counters(answer, "", &table);
		table_print(&table);
	}
	cJSON_Delete(answer);
	return status;
}

static void
print_counters(const cJSON *object, const char *prefix, struct table *table)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, object) {
		char name[256];

		snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", entry->string);
		if (cJSON_IsObject(entry)) {
			print_counters(entry, name, table);
		} else {
			table_text(table, name);
			if (cJSON_IsNumber(entry))
				table_number(table, entry->valuedouble, 0);
			else
				table_text(table, cJSON_GetStringValue(entry));
		}
	}
}

/* --- journal ------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_audit(struct ctl *ctl)
{
	struct table table = { .columns = { "<REVISION", "TIME", "AUTHOR", "ACTION", "SUBJECT", "REASON" } };
	char *path = ctl_path(ctl->verify ? "/v1/audit?verify=true&limit=%s" : "/v1/audit?limit=%s",
	    ctl->limit == NULL ? "100" : ctl->limit);
	cJSON *answer = NULL;
	const cJSON *entry;
	enum ctl_status status = ctl_call(ctl, "GET", path, NULL, &answer);

	cJSON_ArrayForEach(entry, member(answer, "entries")) {
		table_number(&table, member_number(entry, "revision"), 0);
		table_text(&table, member_text(entry, "at"));
		table_text(&table, member_text(entry, "author"));
		table_text(&table, member_text(entry, "action"));
		table_text(&table, member_text(member(entry, "change"), "subject"));
		table_text(&table, member_text(entry, "reason"));
	}
	if (answer != NULL)
		table_print(&table);
	if (member(answer, "chain") != NULL) {
		print_chain(member(answer, "chain"));
		if (!member_true(member(answer, "chain"), "whole"))
			status = CTL_FAILED;
	}
	cJSON_Delete(answer);
	free(path);
	return status;
}

static void
print_chain(const cJSON *chain)
{
	if (member_true(chain, "whole"))
		printf("The chain of hashes is whole: %.0f revisions.\n", member_number(chain, "verified"));
	else
		printf("THE CHAIN IS BROKEN at revision %.0f: it was changed, or one is missing. %.0f before it are "
		       "whole.\n",
		    member_number(chain, "first_bad"), member_number(chain, "verified"));
}

/* --- reload and stop ----------------------------------------------------------------------------------------- */

enum ctl_status
ctl_reload(struct ctl *ctl)
{
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "POST", "/v1/reload", NULL, &answer);

	if (answer != NULL)
		printf("Built anew: live as epoch %.0f.\n", member_number(answer, "epoch"));
	cJSON_Delete(answer);
	return status;
}

/* Done when the process has ended, not when it has promised to. */
enum ctl_status
ctl_stop(struct ctl *ctl)
{
	cJSON *answer = NULL;
	bool json = ctl->json;
	enum ctl_status status;
	double pid;

	ctl->json = false;
	status = ctl_call(ctl, "POST", "/v1/stop", NULL, &answer);
	pid = member_number(answer, "pid");
	if (status == CTL_DONE && pid > 1)
		status = await_end(ctl, (pid_t)pid);
	if (status == CTL_DONE)
		puts(json ? "{\"stopped\":true}" : "isobard has ended.");
	cJSON_Delete(answer);
	return status;
}

/* A descriptor of the process becomes readable when it ends (pidfd_open(2)): nothing is polled for, and no other
 * process that gets the number later can be meant. */
static enum ctl_status
await_end(const struct ctl *ctl, pid_t pid)
{
	struct pollfd end = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int ready;

	if (end.fd < 0)		/* ESRCH: it has ended already; else it can't be watched from here */
		return errno == ESRCH ? CTL_DONE
		    : ctl_fail("isobard is stopping, but process %d can't be watched: %s", (int)pid, strerror(errno));
	ready = poll(&end, 1, (int)ctl->timeout_ms);
	close(end.fd);
	if (ready == 1)
		return CTL_DONE;
	fprintf(stderr, "isobarctl: isobard was told to stop, and is still there after %g s\n",
	    ctl->timeout_ms / 1000.0);
	return CTL_TRY_AGAIN;
}
