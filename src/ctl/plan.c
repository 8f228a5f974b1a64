/* plan.c -- plans for people: show, diff, history.  In: the API's answers, or a plan's file.  Out: words.
 * Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define PLAN_MAX ((size_t)256 << 20)

static void print_head(const cJSON *answer, const cJSON *plan);
static void print_shares(const cJSON *plan);
static void print_pairs(struct text *text, const cJSON *pairs);
static void print_prices(const cJSON *plan);
static void print_cases(const cJSON *answer);
static enum ctl_status diff_file(struct ctl *ctl, const char *path, cJSON **answer);
static char *diff_path(struct ctl *ctl);
static void print_diff(const cJSON *answer);

enum ctl_status
ctl_plan_show(struct ctl *ctl)
{
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/plan", NULL, &answer);
	const cJSON *plan = member(answer, "plan");

	if (answer != NULL) {
		print_head(answer, plan);
		if (cJSON_IsObject(plan)) {
			print_shares(plan);
			print_prices(plan);
		}
		print_cases(answer);
	}
	cJSON_Delete(answer);
	return status;
}

static void
print_head(const cJSON *answer, const cJSON *plan)
{
	const char *refused = member_text(answer, "refused"), *method = member_text(plan, "method");
	const cJSON *entry;

	if (!cJSON_IsObject(plan)) {
		printf("There is no plan yet: static weights stand (epoch %.0f).\n", member_number(answer, "epoch"));
	} else {
		printf("plan       of %s, %s; in epoch %.0f\n", member_text(plan, "made"),
		    method == NULL || *method == '\0' ? "as given" : method, member_number(answer, "epoch"));
		if (isfinite(member_number(plan, "latency_ms")))
			printf("latency    %.1f ms on average\n", member_number(plan, "latency_ms"));
	}
	cJSON_ArrayForEach(entry, member(plan, "relaxations")) {
		printf("relaxed    %s: %s\n", member_text(entry, "what"), member_text(entry, "why"));
	}
	cJSON_ArrayForEach(entry, member(plan, "overloads")) {
		const char *lost = member_text(entry, "lost");

		printf("OVERLOAD   %s is filled to %.0f %% %s%s\n", member_text(entry, "region"),
		    100 * member_number(entry, "fill"), lost == NULL || *lost == '\0' ? "now" : "if this is lost: ",
		    lost == NULL ? "" : lost);
	}
	if (refused != NULL)
		printf("refused    the last one proposed: %s\n", refused);
}

static void
print_shares(const cJSON *plan)
{
	struct table table = { .columns = { "SERVICE", "CLIENTS", "<DEMAND/S", "<+-", "SHARES (BACKUPS)" } };
	const cJSON *service, *group;

	cJSON_ArrayForEach(service, member(plan, "services")) {
		cJSON_ArrayForEach(group, member(service, "groups")) {
			const char *country = member_text(group, "country");
			struct text shares = { 0 };

			print_pairs(&shares, member(group, "pairs"));
			if (member_text(group, "like") != NULL)
				text_printf(&shares, "as %s", member_text(group, "like"));
			table_text(&table, member_text(service, "service"));
			table_format(&table, "%s%s%s", member_text(group, "group"), country == NULL ? "" : "/",
			    country == NULL ? "" : country);
			table_number(&table, member_number(group, "demand"), 1);
			table_percent(&table, member_number(group, "error"));
			table_text(&table, shares.bytes);
			text_fini(&shares);
		}
	}
	printf("\n");
	table_print(&table);
}

/* By primary, in the order of the plan: "eu-west 60.0 % (us-east, eu-north), us-east 40.0 % (eu-west)". */
static void
print_pairs(struct text *text, const cJSON *pairs)
{
	for (const cJSON *pair = pairs == NULL ? NULL : pairs->child; pair != NULL;) {
		const char *primary = member_text(pair, "primary"), *comma = "";
		struct text backups = { 0 };
		double share = 0;

		for (; pair != NULL; pair = pair->next) {
			const char *this = member_text(pair, "primary"), *backup = member_text(pair, "backup");

			if (strcmp(this == NULL ? "" : this, primary == NULL ? "" : primary) != 0)
				break;
			share += member_number(pair, "share");
			text_printf(&backups, "%s%s", comma, backup == NULL ? "nobody" : backup);
			comma = ", ";
		}
		text_printf(text, "%s%s %.1f %% (%s)", text->length == 0 ? "" : ", ",
		    primary == NULL ? "shed" : primary, 100 * share, backups.bytes == NULL ? "" : backups.bytes);
		text_fini(&backups);
	}
}

static void
print_prices(const cJSON *plan)
{
	const cJSON *region;

	cJSON_ArrayForEach(region, member(plan, "regions")) {
		double price = member_number(region, "price");
		const char *why = member_text(region, "price_why");

		if (price > 0)
			printf("price      %s %s: one more request/s there would save %.3g ms\n", member_text(region,
			    "region"),
			    why == NULL || *why == '\0' ? "is full" : why, price);
	}
}

/* As the certificate has it: what the tables do, not what the plan meant. */
static void
print_cases(const cJSON *answer)
{
	const char *binds = member_text(answer, "binds");
	const cJSON *c, *load;

	cJSON_ArrayForEach(c, member(answer, "cases")) {
		struct table table = { .columns = { "REGION", "<LOAD/S", "<CAPACITY/S", "<FILL" } };
		const char *lost = member_text(c, "lost");

		printf("\n%s%s:\n", lost == NULL ? "now" : "the worst loss, of ", lost == NULL ? "" : lost);
		cJSON_ArrayForEach(load, member(c, "loads")) {
			table_text(&table, member_text(load, "region"));
			table_number(&table, member_number(load, "load"), 1);
			table_number(&table, member_number(load, "capacity"), 0);
			table_percent(&table, member_number(load, "fill"));
		}
		table_print(&table);
		if (member_number(c, "unserved") > 0)
			printf("unserved: %.1f requests/s\n", member_number(c, "unserved"));
	}
	if (binds != NULL)
		printf("\n%s\n", binds);
}

/* --- diff ---------------------------------------------------------------------------------------------------- */

/* A file is taken for what it is: an epoch is a number or a time. */
enum ctl_status
ctl_plan_diff(struct ctl *ctl)
{
	cJSON *answer = NULL;
	char *path = diff_path(ctl);
	enum ctl_status status;

	if (path == NULL)
		status = diff_file(ctl, ctl->arguments[0], &answer);
	else
		status = ctl_ask(ctl, "GET", path, NULL, &answer);
	free(path);
	if (answer != NULL && !ctl->json)
		print_diff(answer);
	if (answer != NULL && cJSON_GetArraySize(member(answer, "moves")) > 0)
		status = CTL_FOUND;
	cJSON_Delete(answer);
	return status;
}

/* NULL: the argument is a file. */
static char *
diff_path(struct ctl *ctl)
{
	FILE *file = ctl->count == 1 ? fopen(ctl->arguments[0], "r") : NULL;
	char *path;

	if (file != NULL) {
		fclose(file);
		return NULL;
	}
	if (ctl->count == 0)
		return ctl_path("/v1/plan/diff");
	path = ctl_path("/v1/plan/diff?from=%s", ctl->arguments[0]);
	return ctl_path_add(path, "&to=%s", ctl->count > 1 ? ctl->arguments[1] : NULL);
}

static enum ctl_status
diff_file(struct ctl *ctl, const char *path, cJSON **answer)
{
	struct diags diags = { 0 };
	size_t length;
	int error;
	char *text = text_read_file(path, PLAN_MAX, &length, &error);
	cJSON *plan = text == NULL ? NULL : json_parse(text, length, path, &diags);
	enum ctl_status status;

	if (plan == NULL) {
		status = ctl_fail("%s: %s", path, text == NULL ? strerror(-error) : "isn't JSON");
	} else {
		const cJSON *inner = member(plan, "plan");	/* as `plan show -j` prints it */
		cJSON *body = cJSON_Duplicate(cJSON_IsObject(inner) ? inner : plan, true);

		status = ctl_ask(ctl, "POST", "/v1/plan/diff", body, answer);
	}
	cJSON_Delete(plan);
	diag_fini(&diags);
	free(text);
	return status;
}

static void
print_diff(const cJSON *answer)
{
	struct table table = { .columns = { "REGION", "<BEFORE/S", "<AFTER/S", "<CAPACITY/S" } };
	const cJSON *load, *from = member(answer, "from"), *to = member(answer, "to");
	const char *refused = member_text(answer, "refused");

	if (from != NULL)
		printf("from epoch %.0f (%s) to epoch %.0f (%s)\n", member_number(from, "epoch"),
		    member_text(from, "published"), member_number(to, "epoch"), member_text(to, "published"));
	ctl_print_moves(member(answer, "moves"), from == NULL);
	cJSON_ArrayForEach(load, member(answer, "loads")) {
		table_text(&table, member_text(load, "region"));
		table_number(&table, member_number(load, "before"), 1);
		table_number(&table, member_number(load, "after"), 1);
		table_number(&table, member_number(load, "capacity"), 0);
	}
	table_print(&table);
	if (refused != NULL)
		printf("The certificate would refuse it: %s\n", refused);
}

/* --- history ------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_plan_history(struct ctl *ctl)
{
	struct table table = { .columns = { "<EPOCH", "PUBLISHED", "<REVISION", "TABLES" } };
	char *path = ctl_path_add(ctl_path("/v1/plan/history"), "?limit=%s", ctl->limit);
	cJSON *answer = NULL;
	const cJSON *epoch;
	enum ctl_status status = ctl_call(ctl, "GET", path, NULL, &answer);

	cJSON_ArrayForEach(epoch, member(answer, "epochs")) {
		table_number(&table, member_number(epoch, "epoch"), 0);
		table_text(&table, member_text(epoch, "published"));
		table_number(&table, member_number(epoch, "revision"), 0);
		table_text(&table, member_true(epoch, "changed") ? "changed" : "");
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	free(path);
	return status;
}
