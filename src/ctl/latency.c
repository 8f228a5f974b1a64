/* latency.c -- measured latencies: import, list, clear.  In: a table in a file.  Out: requests; a table for people.
 * Threads: one.
 * All that is wrong with a file is told in one run, with its place in the file: the form by the reader of such tables,
 * the names against the steering that isobard serves, which is asked for first. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "conf/latency_csv.h"
#include "conf/steering_yaml.h"
#include "ctl/ctl.h"

#define FILE_MAX ((size_t)32 << 20)

static enum ctl_status served_steering(struct ctl *ctl, struct steering **steering);
static cJSON *body_of(const struct latency_table *table);
static enum ctl_status send_latency(struct ctl *ctl, const char *method, cJSON *body, const char *what);

enum ctl_status
ctl_latency_import(struct ctl *ctl)
{
	const char *path = ctl->arguments[0];
	struct arena *arena = arena_new();
	struct steering *steering = NULL;
	struct latency_table table;
	struct diags diags = { 0 };
	struct text said = { 0 };
	size_t length;
	int error = 0;
	enum ctl_status status;
	char *text = text_read_file(path, FILE_MAX, &length, &error);

	if (text == NULL || arena == NULL) {
		status = ctl_fail("%s: %s", path, text == NULL ? strerror(-error) : "out of memory");
		goto done;
	}
	status = served_steering(ctl, &steering);
	if (status != CTL_DONE)
		goto done;
	if (strlen(text) != length)
		diag_error(&diags, (struct diag_place){ .file = path }, NULL, "a NUL character: this is no text");
	(void)latency_csv_read(text, path, false, arena, &table, &diags);
	latency_check_names(&table, steering, path, &diags);
	if (diag_failed(&diags)) {
		diag_print(&diags, &said);
		fputs(said.failed ? "out of memory\n" : said.bytes, stderr);
		status = CTL_FAILED;
	} else {
		status = send_latency(ctl, "PUT", body_of(&table), "row");
	}
done:
	text_fini(&said);
	diag_fini(&diags);
	steering_free(steering);
	arena_free(arena);
	free(text);
	return status;
}

static enum ctl_status
served_steering(struct ctl *ctl, struct steering **steering)
{
	bool json = ctl->json;
	cJSON *answer = NULL;
	struct diags diags = { 0 };
	const char *text;
	enum ctl_status status;

	ctl->json = false;
	status = ctl_call(ctl, "GET", "/v1/export", NULL, &answer);
	ctl->json = json;
	if (status == CTL_DONE) {
		text = member_text(member(answer, "files"), "steering.yaml");
		*steering = text == NULL ? steering_empty() : steering_read(text, "steering.yaml", &diags);
		if (*steering == NULL)
			status = ctl_fail("isobard's steering.yaml can't be read by this isobarctl: "
			    "is one of them older?");
	}
	diag_fini(&diags);
	cJSON_Delete(answer);
	return status;
}

static cJSON *
body_of(const struct latency_table *table)
{
	cJSON *body = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(body, "latency");

	for (size_t i = 0; i < table->count; i++) {
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "clients", table->lines[i].clients);
		cJSON_AddStringToObject(entry, "region", table->lines[i].region);
		cJSON_AddNumberToObject(entry, "ms", table->lines[i].ms);
		cJSON_AddItemToArray(list, entry);
	}
	return body;
}

/* `body` NULL: none is sent. */
static enum ctl_status
send_latency(struct ctl *ctl, const char *method, cJSON *body, const char *what)
{
	char *query = ctl_change_query(ctl), *path = NULL;
	cJSON *answer = NULL;
	enum ctl_status status;

	if (asprintf(&path, "/v1/latency%s", query) < 0)
		abort();
	if (body == NULL)
		status = ctl_call(ctl, method, path, NULL, &answer);
	else
		status = ctl_send(ctl, method, path, body, &answer);
	if (answer != NULL && body == NULL)
		printf("The imported latencies %s gone.\n", ctl->dry_run ? "would be" : "are");
	else if (answer != NULL)
		printf("%.0f %ss %s all that was imported before.\n", member_number(answer, "rows"), what,
		    ctl->dry_run ? "would replace" : "replace");
	cJSON_Delete(answer);
	free(path);
	free(query);
	return status;
}

enum ctl_status
ctl_latency_list(struct ctl *ctl)
{
	struct table table = { .columns = { "CLIENTS", "REGION", "<MS", "SOURCE", "AT" } };
	cJSON *answer = NULL;
	const cJSON *entry;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/latency", NULL, &answer);

	cJSON_ArrayForEach(entry, member(answer, "latency")) {
		table_text(&table, member_text(entry, "clients"));
		table_text(&table, member_text(entry, "region"));
		table_number(&table, member_number(entry, "ms"), 1);
		table_text(&table, member_text(entry, "source"));
		table_text(&table, member_text(entry, "at"));
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_latency_clear(struct ctl *ctl)
{
	return send_latency(ctl, "DELETE", NULL, "");
}
