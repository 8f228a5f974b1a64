/* world.c -- reads zones and steering, checks them against each other, and shares what didn't change.
 * In: texts.  Out: a world, or every error in it.  Threads: control, or isobarctl. */
#include "control/world.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "conf/steering_yaml.h"
#include "control/world_parts.h"
#include "zone/master.h"

#define STEERING_FILE "steering.yaml"

static bool collect_zones(struct world *world, const struct world *base, const struct world_edit *edit,
	struct diags *diags);
static bool add_base_zones(struct world *world, const struct world *base, const struct world_edit *edit);
static struct zone *zone_take(const struct zone_text *from, const uint8_t *apex, struct diags *diags);
static bool zone_put(struct world *world, struct world_zone *zone);
static bool set_steering(struct world *world, const struct world *base, const struct world_edit *edit,
	struct diags *diags);
static bool set_geo(struct world *world, const struct world_edit *edit, struct diags *diags);
static void check_together(const struct world *world, const struct world_edit *edit, struct diags *diags);
static int compare_name(const void *name, const void *zone);
static int compare_zones(const void *a, const void *b);
static void check_keys(const struct world *world, const struct world_edit *edit, struct diags *diags);
static bool folder_add(struct world_folder *folder, const char *path, const char *name, struct diags *diags);
static bool is_folder(const char *path);
static char *path_join(const char *folder, const char *name);
static int compare_texts(const void *a, const void *b);

struct world *
world_edit(const struct world *base, const struct world_edit *edit, struct diags *diags)
{
	struct world *world = calloc(1, sizeof(*world));
	size_t errors = diags->errors;
	bool read;

	if (world == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
		return NULL;
	}
	/* All of it is tried, whatever fails, so that one run tells all errors. */
	read = collect_zones(world, base, edit, diags);
	read = set_steering(world, base, edit, diags) && read;
	if (read && diags->errors == errors && !edit->incomplete)
		read = world_keep_transferred(world, base, edit, diags)
		    && world_follow_catalogs(world, base, edit, diags)
		    && world_settle_transferred(world, base, edit, diags);
	if (read && diags->errors == errors && !edit->incomplete)
		check_together(world, edit, diags);
	if (read && diags->errors == errors && !edit->incomplete)
		return world;
	if (diags->errors == errors && !edit->incomplete)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
	world_free(world);
	return NULL;
}

static bool
collect_zones(struct world *world, const struct world *base, const struct world_edit *edit, struct diags *diags)
{
	size_t most = edit->zone_count + (base == NULL ? 0 : base->zone_count);
	bool all = true;

	world->zones = calloc(most + 1, sizeof(struct world_zone *));
	if (world->zones == NULL)
		return false;
	if (base != NULL && !edit->whole && !add_base_zones(world, base, edit))
		return false;
	for (size_t i = 0; i < edit->zone_count; i++) {
		const struct zone_text *text = &edit->zones[i];
		struct diag_place place = { .file = text->file };

		if (text->text == NULL) {
			if (base == NULL || world_find(base, text->name) == NULL)
				diag_error(diags, place, NULL, "there is no zone %s", text->name);
			continue;
		}
		all = zone_put(world, world_zone_make(text, base, diags)) && all;
	}
	world_zones_sort(world);
	for (size_t i = 1; i < world->zone_count && !edit->incomplete; i++)
		if (strcmp(world->zones[i - 1]->name, world->zones[i]->name) == 0)
			diag_error(diags, (struct diag_place){ .file = world->zones[i]->file }, NULL,
			    "the zone %s is given twice", world->zones[i]->name);
	return all;
}

static bool
add_base_zones(struct world *world, const struct world *base, const struct world_edit *edit)
{
	bool *edited = calloc(base->zone_count + 1, sizeof(*edited));
	bool all = edited != NULL;

	for (size_t i = 0; i < edit->zone_count && all; i++)
		edited[world_index(base, edit->zones[i].name)] = true;
	for (size_t i = 0; i < base->zone_count && all; i++)
		if (!edited[i]) {
			base->zones[i]->holds++;
			all = zone_put(world, base->zones[i]);
		}
	free(edited);
	return all;
}

/* A zone whose text is the same is not read again. */
struct world_zone *
world_zone_make(const struct zone_text *from, const struct world *base, struct diags *diags)
{
	const struct world_zone *was = base == NULL ? NULL : world_find(base, from->name);
	struct world_zone *zone;
	uint8_t apex[NAME_MAX];
	char name[NAME_TEXT_SIZE];

	if (was != NULL && strcmp(was->text, from->text) == 0) {
		zone = (struct world_zone *)(uintptr_t)was;	/* ours: only the type of `base` says const */
		zone->holds++;
		return zone;
	}
	if (name_parse(from->name, apex) == 0) {
		diag_error(diags, (struct diag_place){ .file = from->file }, NULL, "'%s' is no zone name", from->name);
		return NULL;
	}
	zone = calloc(1, sizeof(*zone));
	if (zone == NULL)
		return NULL;
	zone->holds = 1;
	zone->name = strdup(name_text(apex, name));
	zone->file = strdup(from->file);
	zone->text = strdup(from->text);
	if (zone->name != NULL && zone->file != NULL && zone->text != NULL)
		zone->zone = zone_take(from, apex, diags);
	if (zone->zone == NULL) {
		world_zone_release(zone);
		return NULL;
	}
	return zone;
}

/* With a hold; or NULL. */
static struct zone *
zone_take(const struct zone_text *from, const uint8_t *apex, struct diags *diags)
{
	if (from->refused)
		return NULL;
	if (from->zone == NULL)
		return master_read(from->text, from->file, apex, diags);
	if (!from->checked && !master_check(from->text, from->file, from->zone, diags))
		return NULL;
	zone_hold(from->zone);
	return from->zone;
}

/* There is room: the list was made for all. */
static bool
zone_put(struct world *world, struct world_zone *zone)
{
	if (zone == NULL)
		return false;
	world->zones[world->zone_count++] = zone;
	return true;
}

static bool
set_steering(struct world *world, const struct world *base, const struct world_edit *edit, struct diags *diags)
{
	const char *text = edit->steering != NULL ? edit->steering : base != NULL ? base->steering_text : "";

	world->steering_text = strdup(text);
	if (world->steering_text == NULL)
		return false;
	if (base != NULL && strcmp(text, base->steering_text) == 0) {
		world->steering = base->steering;
		steering_hold(world->steering);
	} else {
		world->steering = *text == '\0' ? steering_empty()
			: steering_read(text, edit->steering_file, diags);
	}
	return world->steering != NULL && set_geo(world, edit, diags);
}

/* Opened anew for every world, so that a database that was replaced is read by the next change or reload. */
static bool
set_geo(struct world *world, const struct world_edit *edit, struct diags *diags)
{
	struct text error = { 0 };

	if (world->steering->geo_database == NULL)
		return true;
	world->geo = calloc(1, sizeof(*world->geo));
	if (world->geo == NULL)
		return false;
	world->geo->holds = 1;
	world->geo->geo = geo_open(world->steering->geo_database, &error);
	if (world->geo->geo == NULL)
		diag_error(diags, (struct diag_place){ .file = edit->steering_file }, NULL, "geo-database: %s",
		    error.bytes == NULL ? "out of memory" : error.bytes);
	text_fini(&error);
	return world->geo->geo != NULL;
}

static void
check_together(const struct world *world, const struct world_edit *edit, struct diags *diags)
{
	struct zone **zones = calloc(world->zone_count + 1, sizeof(struct zone *));

	if (zones == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
		return;
	}
	for (size_t i = 0; i < world->zone_count; i++)
		zones[i] = world->zones[i]->zone;
	steering_check_zones(world->steering, edit->steering_file, zones, world->zone_count, diags);
	free(zones);
	if (edit->keys != NULL)
		check_keys(world, edit, diags);
}

static void
check_keys(const struct world *world, const struct world_edit *edit, struct diags *diags)
{
	const char **names = calloc(edit->keys->count + 1, sizeof(char *));

	if (names == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
		return;
	}
	for (size_t i = 0; i < edit->keys->count; i++)
		names[i] = edit->keys->keys[i].text;
	steering_check_keys(world->steering, edit->steering_file, names, edit->keys->count, diags);
	free(names);
}

void
world_free(struct world *world)
{
	if (world == NULL)
		return;
	for (size_t i = 0; i < world->zone_count; i++)
		world_zone_release(world->zones[i]);
	for (size_t i = 0; i < world->zone_count && world->signed_zones != NULL; i++)
		signed_zone_release(world->signed_zones[i]);
	for (size_t i = 0; i < world->dropped_count; i++)
		free(world->dropped[i]);
	free(world->dropped);
	members_release(world->members);
	free(world->signed_zones);
	free(world->zones);
	free(world->steering_text);
	steering_free(world->steering);
	if (world->geo != NULL && --world->geo->holds == 0) {
		geo_close(world->geo->geo);
		free(world->geo);
	}
	free(world);
}

void
world_zone_release(struct world_zone *zone)
{
	if (zone == NULL || --zone->holds > 0)
		return;
	zone_release(zone->zone);
	free(zone->name);
	free(zone->file);
	free(zone->text);
	free(zone);
}

const struct world_zone *
world_find(const struct world *world, const char *name)
{
	size_t at = world_index(world, name);

	return at == world->zone_count ? NULL : world->zones[at];
}

size_t
world_index(const struct world *world, const char *name)
{
	struct world_zone *const *found = bsearch(name, world->zones, world->zone_count, sizeof(struct world_zone *),
		compare_name);

	return found == NULL ? world->zone_count : (size_t)(found - world->zones);
}

/* The zones' names are lower case: their order is the same with and without regard to it. */
static int
compare_name(const void *name, const void *zone)
{
	return strcasecmp(name, (*(struct world_zone *const *)zone)->name);
}

void
world_zones_sort(struct world *world)
{
	if (world->zone_count > 1)
		qsort(world->zones, world->zone_count, sizeof(struct world_zone *), compare_zones);
}

static int
compare_zones(const void *a, const void *b)
{
	const struct world_zone *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

bool
world_folder_read(struct world_folder *folder, const char *path, struct diags *diags)
{
	size_t errors = diags->errors;
	const struct dirent *entry;
	DIR *dir = opendir(path);
	bool going = true;

	memset(folder, 0, sizeof(*folder));
	folder->edit.whole = true;
	folder->edit.steering_file = STEERING_FILE;
	folder->edit.steering = "";
	if (dir == NULL) {
		diag_error(diags, (struct diag_place){ .file = path }, NULL, "can't be read: %s", strerror(errno));
		folder->edit.incomplete = true;
		return false;
	}
	while (going && (entry = readdir(dir)) != NULL)
		going = folder_add(folder, path, entry->d_name, diags);
	closedir(dir);
	/* readdir's order is the file system's: messages and journal shall not depend on it. */
	if (folder->edit.zone_count > 1)
		qsort(folder->zones, folder->edit.zone_count, sizeof(*folder->zones), compare_texts);
	for (size_t i = 1; i < folder->edit.zone_count; i++)
		if (strcasecmp(folder->zones[i - 1].name, folder->zones[i].name) == 0)
			diag_error(diags, (struct diag_place){ .file = folder->zones[i].file }, NULL,
			    "%s and %s are both the zone %s", folder->zones[i - 1].file, folder->zones[i].file,
			    folder->zones[i].name);
	if (!going)
		diag_error(diags, (struct diag_place){ .file = path }, NULL, "out of memory");
	folder->edit.zones = folder->zones;
	if (folder->steering != NULL)
		folder->edit.steering = folder->steering;
	folder->edit.incomplete = diags->errors > errors;
	return !folder->edit.incomplete;
}

static bool
folder_add(struct world_folder *folder, const char *path, const char *name, struct diags *diags)
{
	uint8_t apex[NAME_MAX];
	char text[NAME_TEXT_SIZE], *file = path_join(path, name), *bytes;
	bool steering = strcmp(name, STEERING_FILE) == 0;
	struct zone_text *zones;
	size_t length;
	int error = 0;

	if (file == NULL)
		return false;
	if ((!steering && master_file_apex(name, apex) == 0) || is_folder(file)) {
		free(file);
		return true;
	}
	bytes = text_read_file(file, WORLD_FILE_MAX, &length, &error);
	if (bytes == NULL)
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "can't be read: %s", strerror(-error));
	else if (bytes != NULL && strlen(bytes) != length) {
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "holds a NUL octet: not a text file");
		free(bytes);
		bytes = NULL;
	}
	free(file);
	if (bytes == NULL)
		return true;
	if (steering) {
		folder->steering = bytes;
		return true;
	}
	zones = realloc(folder->zones, (folder->edit.zone_count + 1) * sizeof(*zones));
	if (zones == NULL) {
		free(bytes);
		return false;
	}
	folder->zones = zones;
	zones += folder->edit.zone_count;
	*zones = (struct zone_text){ .file = strdup(name), .name = strdup(name_text(apex, text)), .text = bytes };
	if (zones->file != NULL && zones->name != NULL) {
		folder->edit.zone_count++;
		return true;
	}
	free((char *)(uintptr_t)zones->file);
	free((char *)(uintptr_t)zones->name);
	free(bytes);
	return false;
}

static bool
is_folder(const char *path)
{
	struct stat found;

	return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static char *
path_join(const char *folder, const char *name)
{
	size_t size = strlen(folder) + strlen(name) + 2;
	char *path = malloc(size);

	if (path != NULL)
		snprintf(path, size, "%s/%s", folder, name);
	return path;
}

static int
compare_texts(const void *a, const void *b)
{
	const struct zone_text *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->file, y->file);
}

void
world_folder_fini(struct world_folder *folder)
{
	for (size_t i = 0; i < folder->edit.zone_count; i++) {
		free((char *)(uintptr_t)folder->zones[i].file);
		free((char *)(uintptr_t)folder->zones[i].name);
		free((char *)(uintptr_t)folder->zones[i].text);
	}
	free(folder->zones);
	free(folder->steering);
	memset(folder, 0, sizeof(*folder));
}
