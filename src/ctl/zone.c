/* zone.c -- zones and records.  In: master files, names, RDATA.  Out: requests; zones for people.  Threads: one. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "zone/master.h"


#define FILE_MAX ((size_t)64 << 20)	/* what isobard takes at once */

static void add_signatures(struct table *table, const cJSON *zone);
static enum ctl_status send_zone(struct ctl *ctl, const char *method, const char *suffix);
static bool zone_of_file(struct ctl *ctl, char name[static NAME_TEXT_SIZE]);
static char *read_zone(const char *path);
static enum ctl_status call_change(struct ctl *ctl, const char *method, char *path, cJSON *body);

enum ctl_status
ctl_zone_list(struct ctl *ctl)
{
	struct table table = {
		.columns = { "ZONE", "<SERIAL", "<NAMES", "<RECORDS", "<SERVICES", "CATALOG", "SIGNATURES" },
	};
	cJSON *answer = NULL;
	const cJSON *zone;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/zones", NULL, &answer);

	cJSON_ArrayForEach(zone, member(answer, "zones")) {
		table_text(&table, member_text(zone, "zone"));
		table_number(&table, member_number(zone, "serial"), 0);
		table_number(&table, member_number(zone, "names"), 0);
		table_number(&table, member_number(zone, "records"), 0);
		table_number(&table, member_number(zone, "services"), 0);
		if (member_text(zone, "member_of") != NULL)
			table_format(&table, "of %s", member_text(zone, "member_of"));
		else
			table_text(&table, member_text(zone, "catalog"));
		add_signatures(&table, zone);
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

static void
add_signatures(struct table *table, const cJSON *zone)
{
	double expired = member_number(zone, "expired");

	if (expired > 0)
		table_format(table, "%.0f EXPIRED", expired);
	else if (member_text(zone, "expires") != NULL)
		table_format(table, "until %s", member_text(zone, "expires"));
	else
		table_text(table, NULL);
}

enum ctl_status
ctl_zone_show(struct ctl *ctl)
{
	struct table table = { .columns = { "OWNER", "<TTL", "TYPE", "RDATA" } };
	char *path = ctl_path("/v1/zones/%s/records", ctl->arguments[0]);
	cJSON *answer = NULL;
	const cJSON *rrset, *rdata;
	enum ctl_status status = ctl_call(ctl, "GET", path, NULL, &answer);

	cJSON_ArrayForEach(rrset, member(answer, "records")) {
		cJSON_ArrayForEach(rdata, member(rrset, "rdata")) {
			table_text(&table, member_text(rrset, "owner"));
			table_number(&table, member_number(rrset, "ttl"), 0);
			table_text(&table, member_text(rrset, "type"));
			table_text(&table, cJSON_GetStringValue(rdata));
		}
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	free(path);
	return status;
}

/* --- whole zones --------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_zone_check(struct ctl *ctl)
{
	ctl->dry_run = true;
	return send_zone(ctl, "POST", "/check");
}

enum ctl_status
ctl_zone_import(struct ctl *ctl)
{
	return send_zone(ctl, "PUT", "");
}

static enum ctl_status
send_zone(struct ctl *ctl, const char *method, const char *suffix)
{
	char name[NAME_TEXT_SIZE], *text, *query, *zone, *path = NULL;
	cJSON *body;
	enum ctl_status status;

	if (!zone_of_file(ctl, name))
		return CTL_USAGE;
	text = read_zone(ctl->arguments[0]);
	if (text == NULL)
		return CTL_FAILED;
	query = suffix[0] == '\0' ? ctl_change_query(ctl) : ctl_path("");
	zone = ctl_path("%s", name);
	if (asprintf(&path, "/v1/zones/%s%s%s", zone, suffix, query) < 0)
		path = NULL;
	body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "text", text);
	status = call_change(ctl, method, path, body);
	free(zone);
	free(query);
	free(text);
	return status;
}

/* Its second argument, or as the file is named. */
static bool
zone_of_file(struct ctl *ctl, char name[static NAME_TEXT_SIZE])
{
	const char *slash = strrchr(ctl->arguments[0], '/'), *file = slash == NULL ? ctl->arguments[0] : slash + 1;
	uint8_t apex[NAME_MAX];
	size_t length = ctl->count > 1 ? name_parse(ctl->arguments[1], apex) : master_file_apex(file, apex);

	if (length == 0 && ctl->count > 1)
		ctl_usage("'%s' is no zone name", ctl->arguments[1]);
	else if (length == 0)
		ctl_usage("the file '%s' isn't named as a zone: name the zone behind it", file);
	else
		name_text(apex, name);
	return length != 0;
}

/* NULL: printed why not. A NUL octet would end the text early, and lose records without a word. */
static char *
read_zone(const char *path)
{
	size_t length;
	int error;
	char *zone = text_read_file(path, FILE_MAX, &length, &error);

	if (zone == NULL) {
		ctl_fail("%s can't be read: %s", path, strerror(-error));
	} else if (strlen(zone) != length) {
		ctl_fail("%s holds a NUL octet: no text file", path);
		free(zone);
		zone = NULL;
	}
	return zone;
}

/* `path` and `body` are taken. */
static enum ctl_status
call_change(struct ctl *ctl, const char *method, char *path, cJSON *body)
{
	cJSON *answer = NULL;
	enum ctl_status status;

	if (path == NULL) {
		cJSON_Delete(body);
		return ctl_fail("out of memory");
	}
	status = body == NULL ? ctl_call(ctl, method, path, NULL, &answer) : ctl_send(ctl, method, path, body, &answer);
	ctl_print_outcome(ctl, answer);
	cJSON_Delete(answer);
	free(path);
	return status;
}

enum ctl_status
ctl_zone_export(struct ctl *ctl)
{
	char *path = ctl_path("/v1/zones/%s", ctl->arguments[0]);
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "GET", path, NULL, &answer);
	const char *text = member_text(answer, "text");

	free(path);
	if (text != NULL && ctl->count > 1) {
		int error = text_write_file(ctl->arguments[1], text, strlen(text));

		if (error < 0)
			status = ctl_fail("can't write %s: %s", ctl->arguments[1], strerror(-error));
		else
			printf("%s written.\n", ctl->arguments[1]);
	} else if (text != NULL) {
		fputs(text, stdout);
	}
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_zone_delete(struct ctl *ctl)
{
	char *zone = ctl_path("/v1/zones/%s", ctl->arguments[0]), *query = ctl_change_query(ctl), *path = NULL;

	if (asprintf(&path, "%s%s", zone, query) < 0)
		path = NULL;
	free(zone);
	free(query);
	return call_change(ctl, "DELETE", path, NULL);
}

/* --- records ------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_record_set(struct ctl *ctl)
{
	char *owner = ctl_path("/v1/zones/%s/records/%s/%s", ctl->arguments[0], ctl->arguments[1], ctl->arguments[2]);
	char *query = ctl_change_query(ctl), *path = NULL, *end = NULL;
	long ttl = ctl->ttl == NULL ? 60 : strtol(ctl->ttl, &end, 10);
	cJSON *body = cJSON_CreateObject(), *list = NULL;

	if (asprintf(&path, "%s%s", owner, query) < 0)
		path = NULL;
	free(owner);
	free(query);
	if (end != NULL && (*end != '\0' || end == ctl->ttl || ttl < 0)) {
		cJSON_Delete(body);
		free(path);
		return ctl_usage("the TTL '%s' is no whole number of seconds", ctl->ttl);
	}
	cJSON_AddNumberToObject(body, "ttl", (double)ttl);
	list = cJSON_AddArrayToObject(body, "rdata");
	for (int i = 3; i < ctl->count; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(ctl->arguments[i]));
	return call_change(ctl, "PUT", path, body);
}

enum ctl_status
ctl_record_delete(struct ctl *ctl)
{
	char *owner = ctl->count > 2
	    ? ctl_path("/v1/zones/%s/records/%s/%s", ctl->arguments[0], ctl->arguments[1], ctl->arguments[2])
	    : ctl_path("/v1/zones/%s/records/%s", ctl->arguments[0], ctl->arguments[1]);
	char *query = ctl_change_query(ctl), *path = NULL;

	if (asprintf(&path, "%s%s", owner, query) < 0)
		path = NULL;
	free(owner);
	free(query);
	return call_change(ctl, "DELETE", path, NULL);
}
