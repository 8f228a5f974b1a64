/* key.c -- the keys of zones that isobard signs.  In: a zone, a role, key files.  Out: tables, DS records, files.
 * Threads: one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define KEY_FILE_MAX 16384

static void print_leaving(const cJSON *zone);
static enum ctl_status fetch(struct ctl *ctl, cJSON **answer);
static char *read_file(const char *base, const char *ending);
static bool write_file(const char *folder, const char *base, const char *ending, mode_t mode, const char *text);

/* Of one zone, or of all. */
enum ctl_status
ctl_key_list(struct ctl *ctl)
{
	struct table table = {
		.columns = { "ZONE", "<TAG", "ROLE", "<ALG", "STATE", "ACTIVE", "RETIRED", "REMOVED" },
	};
	cJSON *answer = NULL;
	const cJSON *zone, *key;
	enum ctl_status status = fetch(ctl, &answer);

	cJSON_ArrayForEach(zone, member(answer, "zones")) {
		cJSON_ArrayForEach(key, member(zone, "keys")) {
			table_text(&table, member_text(zone, "zone"));
			table_number(&table, member_number(key, "tag"), 0);
			table_text(&table, member_text(key, "role"));
			table_number(&table, member_number(key, "algorithm"), 0);
			table_text(&table, member_text(key, "state"));
			table_text(&table, member_text(key, "active"));
			table_text(&table, member_text(key, "retired"));
			table_text(&table, member_text(key, "removed"));
		}
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_ArrayForEach(zone, member(answer, "zones")) {
		print_leaving(zone);
	}
	cJSON_Delete(answer);
	return status;
}

static void
print_leaving(const cJSON *zone)
{
	const char *name = member_text(zone, "zone"), *leaves = member_text(zone, "leaves");

	if (!member_true(zone, "leaving"))
		return;
	if (leaves != NULL)
		printf("%s stays signed until %s, when no cache has its DS any more\n", name, leaves);
	else
		printf("%s stays signed until its parent has dropped the DS: say so by isobarctl key gone %s\n", name,
		    name);
}

static enum ctl_status
fetch(struct ctl *ctl, cJSON **answer)
{
	char *path = ctl_path_add(ctl_path("/v1/keys"), "?zone=%s", ctl->count > 0 ? ctl->arguments[0] : NULL);
	enum ctl_status status = ctl_call(ctl, "GET", path, NULL, answer);

	free(path);
	return status;
}

/* What the parent is to have: of the keys that are offered, or, if that is to come, why there are none. */
enum ctl_status
ctl_key_ds(struct ctl *ctl)
{
	cJSON *answer = NULL;
	const cJSON *zone, *key;
	enum ctl_status status = fetch(ctl, &answer);
	unsigned count = 0;

	cJSON_ArrayForEach(zone, member(answer, "zones")) {
		cJSON_ArrayForEach(key, member(zone, "keys")) {
			const char *ds = member_text(key, "ds"), *offered = member_text(key, "offered_at");
			const char *state = member_text(key, "state");

			if (ds != NULL && member_true(key, "offered")) {
				printf("%s IN DS %s\n", member_text(zone, "zone"), ds);
				count++;
			} else if (ds != NULL && offered != NULL && strcmp(state, "published") == 0) {
				fprintf(stderr, "isobarctl: the DS of key %.0f is for the parent from %s on\n",
				    member_number(key, "tag"), offered);
			}
		}
	}
	if (answer != NULL && count == 0)
		status = ctl_fail("%s has no key whose DS is for the parent now", ctl->arguments[0]);
	cJSON_Delete(answer);
	return status;
}

static enum ctl_status
change_keys(struct ctl *ctl, const char *what, cJSON *body)
{
	char *query = ctl_change_query(ctl), *path = ctl_path("/v1/zones/%s/keys", ctl->arguments[0]);
	size_t size = strlen(path) + strlen(what) + strlen(query) + 1;
	char *whole = malloc(size);
	cJSON *answer = NULL;
	enum ctl_status status = CTL_FAILED;

	if (whole != NULL) {
		snprintf(whole, size, "%s%s%s", path, what, query);
		status = ctl_send(ctl, "POST", whole, body, &answer);
		ctl_print_outcome(ctl, answer);
	} else {
		cJSON_Delete(body);
	}
	cJSON_Delete(answer);
	free(whole);
	free(path);
	free(query);
	return status;
}

enum ctl_status
ctl_key_roll(struct ctl *ctl)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "role", ctl->count > 1 ? ctl->arguments[1] : "csk");
	return change_keys(ctl, "/roll", body);
}

enum ctl_status
ctl_key_seen(struct ctl *ctl)
{
	cJSON *body = cJSON_CreateObject();

	if (ctl->count > 1)
		cJSON_AddNumberToObject(body, "tag", strtod(ctl->arguments[1], NULL));
	return change_keys(ctl, "/seen", body);
}

/* Of a zone that is to be unsigned. */
enum ctl_status
ctl_key_gone(struct ctl *ctl)
{
	return change_keys(ctl, "/gone", cJSON_CreateObject());
}

/* K<zone>+<algorithm>+<tag>, with or without one of its endings. */
enum ctl_status
ctl_key_import(struct ctl *ctl)
{
	char *base = strdup(ctl->arguments[1]), *key, *secret;
	cJSON *body = cJSON_CreateObject();
	enum ctl_status status = CTL_FAILED;
	char *dot = base == NULL ? NULL : strrchr(base, '.');

	if (dot != NULL && (strcmp(dot, ".key") == 0 || strcmp(dot, ".private") == 0))
		*dot = '\0';
	key = base == NULL ? NULL : read_file(base, ".key");
	secret = key == NULL ? NULL : read_file(base, ".private");
	if (secret != NULL) {
		cJSON_AddStringToObject(body, "role", ctl->count > 2 ? ctl->arguments[2] : "csk");
		cJSON_AddStringToObject(body, "dnskey", key);
		cJSON_AddStringToObject(body, "private", secret);
		explicit_bzero(secret, strlen(secret));
		status = change_keys(ctl, "", body);
	} else {
		cJSON_Delete(body);
	}
	free(secret);
	free(key);
	free(base);
	return status;
}

/* NULL: printed why. */
static char *
read_file(const char *base, const char *ending)
{
	size_t size = strlen(base) + strlen(ending) + 1, length;
	char *path = malloc(size), *text = NULL;
	int error = -ENOMEM;

	if (path != NULL) {
		snprintf(path, size, "%s%s", base, ending);
		text = text_read_file(path, KEY_FILE_MAX, &length, &error);
	}
	if (text == NULL)
		ctl_fail("%s%s: %s", base, ending, strerror(-error));
	free(path);
	return text;
}

/* Into files as BIND's and ldns' tools have them; the private one is for its owner alone. */
enum ctl_status
ctl_key_export(struct ctl *ctl)
{
	const char *folder = ctl->count > 2 ? ctl->arguments[2] : ".";
	char *path = ctl_path("/v1/zones/%s/keys/%s", ctl->arguments[0], ctl->arguments[1]);
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "GET", path, NULL, &answer);
	const char *name = member_text(answer, "name");

	if (name != NULL) {
		if (strchr(name, '/') != NULL)
			status = ctl_fail("the name of the key's files, %s, has a slash", name);
		else if (!write_file(folder, name, ".key", 0644, member_text(answer, "key"))
		    || !write_file(folder, name, ".private", 0600, member_text(answer, "private")))
			status = CTL_FAILED;
		else
			printf("%s/%s.key\n%s/%s.private\n", folder, name, folder, name);
	}
	cJSON_Delete(answer);
	free(path);
	return status;
}

static bool
write_file(const char *folder, const char *base, const char *ending, mode_t mode, const char *text)
{
	size_t size = strlen(folder) + strlen(base) + strlen(ending) + 2, length = text == NULL ? 0 : strlen(text);
	char *path = malloc(size);
	int fd = -1;
	bool good;

	if (path != NULL) {
		snprintf(path, size, "%s/%s%s", folder, base, ending);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	}
	good = fd >= 0 && text != NULL && write(fd, text, length) == (ssize_t)length;
	if (fd >= 0 && close(fd) != 0)
		good = false;
	if (!good)
		ctl_fail("%s/%s%s: %s", folder, base, ending, strerror(errno));
	free(path);
	return good;
}
