/* folder.c -- apply, export, conf-check: a folder of zones and steering.yaml, to and from isobard.
 * In: files.  Out: one request; or files.  Threads: one.
 * conf-check reads with the very functions that isobard reads with, and needs no daemon. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/view.h"
#include "conf/settings.h"
#include "control/proof.h"
#include "control/world.h"
#include "ctl/ctl.h"
#include "zone/master.h"

#define STEERING_FILE "steering.yaml"

static void print_problems(struct diags *diags, FILE *to);
static cJSON *folder_body(const struct world_folder *folder);
static enum ctl_status write_files(const cJSON *files, const char *folder);
static enum ctl_status remove_others(const cJSON *files, const char *folder, unsigned *removed);
static void print_json(const struct diags *diags);

/* --- apply --------------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_apply(struct ctl *ctl)
{
	struct world_folder folder;
	struct diags diags = { 0 };
	char *query = ctl_change_query(ctl), *path = NULL;
	cJSON *answer = NULL;
	enum ctl_status status = CTL_FAILED;
	bool read = world_folder_read(&folder, ctl->arguments[0], &diags);

	print_problems(&diags, stderr);
	if (!read) {
		ctl_fail("the folder %s can't be read; nothing has changed", ctl->arguments[0]);
	} else if (folder.edit.zone_count == 0) {
		ctl_fail("there is no zone in %s: a file is named as its zone, with or without .zone",
		    ctl->arguments[0]);
	} else {
		if (asprintf(&path, "/v1/apply%s", query) < 0)
			path = NULL;
		status = path == NULL ? ctl_fail("out of memory")
		    : ctl_send(ctl, "POST", path, folder_body(&folder), &answer);
		ctl_print_outcome(ctl, answer);
	}
	cJSON_Delete(answer);
	free(path);
	free(query);
	world_folder_fini(&folder);
	diag_fini(&diags);
	return status;
}

static cJSON *
folder_body(const struct world_folder *folder)
{
	cJSON *body = cJSON_CreateObject(), *files = cJSON_AddObjectToObject(body, "files");
	bool good = files != NULL;

	for (size_t i = 0; i < folder->edit.zone_count && good; i++)
		good = cJSON_AddStringToObject(files, folder->zones[i].file, folder->zones[i].text) != NULL;
	if (good && folder->steering != NULL)
		good = cJSON_AddStringToObject(files, STEERING_FILE, folder->steering) != NULL;
	if (good)
		return body;
	cJSON_Delete(body);
	return NULL;
}

static void
print_problems(struct diags *diags, FILE *to)
{
	struct text text = { 0 };

	diag_sort(diags);
	diag_print(diags, &text);
	if (text.bytes != NULL)
		fputs(text.bytes, to);
	text_fini(&text);
}

/* --- export -------------------------------------------------------------------------------------------------- */

/* What the folder has besides is left alone, but for zones that aren't served: else the next apply would bring them
 * back. */
enum ctl_status
ctl_export(struct ctl *ctl)
{
	const char *folder = ctl->arguments[0];
	bool json = ctl->json;
	cJSON *answer = NULL;
	unsigned removed = 0;
	enum ctl_status status;

	ctl->json = false;
	status = ctl_call(ctl, "GET", "/v1/export", NULL, &answer);
	if (status == CTL_DONE && mkdir(folder, 0777) < 0 && errno != EEXIST)
		status = ctl_fail("can't make the folder %s: %s", folder, strerror(errno));
	if (status == CTL_DONE)
		status = write_files(member(answer, "files"), folder);
	if (status == CTL_DONE)
		status = remove_others(member(answer, "files"), folder, &removed);
	if (status == CTL_DONE)
		printf(json ? "{\"files\":%d,\"removed\":%u}\n"
			    : "%d files written, %u of zones no longer served removed.\n",
		    cJSON_GetArraySize(member(answer, "files")), removed);
	cJSON_Delete(answer);
	return status;
}

static enum ctl_status
write_files(const cJSON *files, const char *folder)
{
	const cJSON *file;

	cJSON_ArrayForEach(file, files) {
		const char *text = cJSON_GetStringValue(file);
		char *path = NULL;
		int error;

		if (text == NULL || strchr(file->string, '/') != NULL || file->string[0] == '.')
			return ctl_fail("isobard names a file '%s': not written", file->string);
		if (asprintf(&path, "%s/%s", folder, file->string) < 0)
			return ctl_fail("out of memory");
		error = text_write_file(path, text, strlen(text));
		if (error < 0)
			ctl_fail("can't write %s: %s", path, strerror(-error));
		free(path);
		if (error < 0)
			return CTL_FAILED;
	}
	return CTL_DONE;
}

static enum ctl_status
remove_others(const cJSON *files, const char *folder, unsigned *removed)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	enum ctl_status status = CTL_DONE;

	if (dir == NULL)
		return ctl_fail("can't read the folder %s: %s", folder, strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		uint8_t apex[NAME_MAX];
		bool ours = strcmp(entry->d_name, STEERING_FILE) == 0 || master_file_apex(entry->d_name, apex) != 0;

		if (!ours || entry->d_type != DT_REG || member(files, entry->d_name) != NULL)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			(*removed)++;
		else
			status = ctl_fail("can't remove %s/%s: %s", folder, entry->d_name, strerror(errno));
	}
	closedir(dir);
	return status;
}

/* --- conf-check ---------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_conf_check(struct ctl *ctl)
{
	struct settings *settings = ctl->count > 0 ? NULL : ctl_settings();
	const char *path = ctl->count > 0 ? ctl->arguments[0] : settings == NULL ? NULL : settings->zones;
	struct world_folder folder = { 0 };
	struct diags diags = { 0 };
	struct proof proof = { 0 };
	struct world *world;
	bool good;

	if (path == NULL)
		return ctl_fail("the settings can't be read: name a folder, or see isobard --check-config");
	world_folder_read(&folder, path, &diags);
	world = world_edit(NULL, &folder.edit, &diags);
	good = world != NULL && residency_prove(world, STEERING_FILE, &diags, &proof) && !diag_failed(&diags);
	if (ctl->json) {
		print_json(&diags);
	} else {
		print_problems(&diags, stdout);
		if (good)
			printf("%s is in order: %zu zones, %zu services, %zu regions.\nResidency is proven for %zu "
			    "kinds of clients in %zu losses, by %zu picks.\n", path, world->zone_count,
			    world->steering->service_count, world->steering->region_count, proof.kinds,
			    proof.losses == 0 ? 0 : proof.losses - 1, proof.picks);
		else
			printf("%s has %zu errors.\n", path, diags.errors);
	}
	world_folder_fini(&folder);
	settings_free(settings);
	diag_fini(&diags);
	world_free(world);
	return good ? CTL_DONE : CTL_FAILED;
}

static void
print_json(const struct diags *diags)
{
	struct view view = { 0 };
	cJSON *root = view_root(&view);
	char *text;

	view_bool(&view, root, "valid", !diag_failed(diags));
	view_diags(&view, root, "errors", diags, DIAG_ERROR);
	view_diags(&view, root, "warnings", diags, DIAG_WARNING);
	root = view_take(&view);
	text = root == NULL ? NULL : json_write(root);
	if (text != NULL)
		puts(text);
	free(text);
	cJSON_Delete(root);
}
