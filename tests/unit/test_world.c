/* test_world.c -- control/world: folders, edits of the whole and of parts, what is shared between worlds, every error
 * in one run, and memory that runs out anywhere. */
#include "control/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scarce.h"
#include "zone/master_read.h"

#define APEX(serial) "@ 60 IN SOA ns1 hostmaster " serial " 7200 900 1209600 60\n@ 60 IN NS ns1\n"

static const char plain[] = APEX("1") "ns1 60 IN A 192.0.2.53\n";
static const char other[] = APEX("2") "ns1 60 IN A 192.0.2.54\n";
static const char steered[] = APEX("1") "ns1 60 IN A 192.0.2.53\neu._region.www 60 IN A 192.0.2.1\n";
static const char steering[] = "regions: {eu: {capacity: 1k}}\n"
	"services: {www.gtm.example.com: {sharding-policy: priority, regions: [eu]}}\n";

/* --- tools --------------------------------------------------------------------------------------------------- */

static char folder[64];

static void
folder_open(void)
{
	snprintf(folder, sizeof(folder), "/tmp/isobar-world-XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
}

static void
folder_put(const char *name, const char *bytes, size_t length)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (file == NULL || fwrite(bytes, 1, length, file) != length || fclose(file) != 0)
		abort();
}

static void
folder_put_text(const char *name, const char *text)
{
	folder_put(name, text, strlen(text));
}

static void
folder_close(void)
{
	DIR *dir = opendir(folder);

	if (dir == NULL)
		abort();
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	closedir(dir);
	rmdir(folder);
}

/* The world after the edit, or the end: no test can go on without it. */
static struct world *
edited(const struct world *base, const struct world_edit *edit)
{
	struct diags diags = { 0 };
	struct world *world = world_edit(base, edit, &diags);

	if (world == NULL) {
		struct text why = { 0 };

		diag_print(&diags, &why);
		fprintf(stderr, "%s\n", why.bytes);
		abort();
	}
	CU_ASSERT_EQUAL(diags.errors, 0);
	diag_fini(&diags);
	return world;
}

static struct world *
three_zones(void)
{
	static const struct zone_text zones[] = {
		{ .file = "b", .name = "b.example.", .text = plain },
		{ .file = "gtm", .name = "GTM.example.com.", .text = steered },
		{ .file = "a", .name = "a.example.", .text = plain } };

	return edited(NULL, &(struct world_edit){ .whole = true, .zone_count = 3, .zones = zones, .steering = steering,
	    .steering_file = "steering.yaml" });
}

/* The errors of an edit that must be refused, one line each; the caller frees. */
static char *
refused(const struct world *base, const struct world_edit *edit)
{
	struct diags diags = { 0 };
	struct text text = { 0 };

	CU_ASSERT_PTR_NULL(world_edit(base, edit, &diags));
	diag_sort(&diags);
	diag_print(&diags, &text);
	diag_fini(&diags);
	text_puts(&text, "");
	return text_take(&text);
}

static void
expect_names(const struct world *world, const char *expected)
{
	struct text names = { 0 };

	text_puts(&names, "");
	for (size_t i = 0; i < world->zone_count; i++)
		text_printf(&names, "%s%s", i > 0 ? " " : "", world->zones[i]->name);
	SUITE_TEXT(names.bytes, expected);
	text_fini(&names);
}

/* --- edits --------------------------------------------------------------------------------------------------- */

static void
test_whole(void)
{
	static const struct zone_text one[] = { { .file = "c", .name = "c.example.", .text = plain } };
	struct world *world = three_zones(), *next;

	expect_names(world, "a.example. b.example. gtm.example.com.");
	CU_ASSERT_EQUAL(world->steering->service_count, 1);
	SUITE_TEXT(world->steering_text, steering);
	next = edited(world, &(struct world_edit){ .whole = true, .zone_count = 1, .zones = one, .steering = "",
	    .steering_file = "steering.yaml" });
	expect_names(next, "c.example.");
	CU_ASSERT_EQUAL(next->steering->service_count, 0);
	world_free(world);
	world_free(next);
}

static void
test_parts(void)
{
	static const struct zone_text zones[] = {
		{ .file = "request", .name = "A.EXAMPLE.", .text = other }, { .file = "request", .name = "b.example.", .text = NULL },
		{ .file = "request", .name = "d.example.", .text = plain } };
	struct world *world = three_zones();
	struct world *next = edited(world, &(struct world_edit){ .zone_count = 3, .zones = zones,
	    .steering_file = "steering.yaml" });

	expect_names(next, "a.example. d.example. gtm.example.com.");
	SUITE_TEXT(world_find(next, "a.example.")->text, other);
	SUITE_TEXT(world_find(world, "a.example.")->text, plain);
	/* What didn't change is the same, and outlives the world that made it. */
	CU_ASSERT_PTR_EQUAL(world_find(next, "gtm.example.com."), world_find(world, "gtm.example.com."));
	CU_ASSERT_PTR_EQUAL(next->steering, world->steering);
	world_free(world);
	SUITE_TEXT(world_find(next, "gtm.example.com.")->text, steered);
	CU_ASSERT_EQUAL(world_find(next, "gtm.example.com.")->holds, 1);
	CU_ASSERT_EQUAL(next->steering->holds, 0);
	world_free(next);
}

/* The zone is taken as it is, with a hold of the world's own; what was refused is refused without another word. */
static void
test_read_before(void)
{
	struct diags diags = { 0 };
	struct zone *zone = master_read(plain, "x", (const uint8_t *)"\1c\7example", &diags);
	struct zone_text text = { .file = "x", .name = "c.example.", .text = "; not looked at", .zone = zone };
	struct world_edit edit = { .zone_count = 1, .zones = &text, .steering_file = "steering.yaml" };
	struct world *world = edited(NULL, &edit);

	CU_ASSERT_PTR_EQUAL(world_find(world, "c.example.")->zone, zone);
	zone_release(zone);
	CU_ASSERT_EQUAL(zone_serial(world_find(world, "c.example.")->zone), zone_serial(zone));
	text = (struct zone_text){ .file = "x", .name = "d.example.", .text = "; not looked at", .refused = true };
	edit.incomplete = true;
	CU_ASSERT_PTR_NULL(world_edit(world, &edit, &diags));
	CU_ASSERT_EQUAL(diags.count, 0);
	world_free(world);
}

static void
test_same_text(void)
{
	static const struct zone_text zones[] = {
		{ .file = "request", .name = "a.example.", .text = plain },
		{ .file = "request", .name = "b.example.", .text = other } };
	struct world *world = three_zones();
	struct world *next = edited(world, &(struct world_edit){ .zone_count = 2, .zones = zones,
	    .steering = steering, .steering_file = "steering.yaml" });

	CU_ASSERT_PTR_EQUAL(world_find(next, "a.example."), world_find(world, "a.example."));
	CU_ASSERT_PTR_NOT_EQUAL(world_find(next, "b.example."), world_find(world, "b.example."));
	CU_ASSERT_PTR_EQUAL(next->steering, world->steering);
	world_free(next);
	SUITE_TEXT(world_find(world, "a.example.")->text, plain);
	world_free(world);
}

static void
test_find(void)
{
	static const struct { const char *name, *found; } names[] = {
		{ "a.example.", "a.example." }, { "A.Example.", "a.example." }, { "b.example.", "b.example." },
		{ "gtm.example.com.", "gtm.example.com." }, { "www.gtm.example.com.", NULL }, { "", NULL },
		{ "zz.", NULL },
		{ "a.example", NULL } };
	struct world *world = three_zones();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct world_zone *zone = world_find(world, names[i].name);

		SUITE_TEXT(zone == NULL ? NULL : zone->name, names[i].found);
	}
	world_free(world);
}

/* --- errors -------------------------------------------------------------------------------------------------- */

static void
test_errors(void)
{
	static const struct zone_text gone[] = { { .file = "request", .name = "gtm.example.com.", .text = NULL } };
	static const struct zone_text nowhere[] = { { .file = "request", .name = "nowhere.example.", .text = NULL } };
	static const struct zone_text twice[] = {
		{ .file = "x", .name = "x.example.", .text = plain },
		{ .file = "X.zone", .name = "X.example.", .text = other } };
	static const struct zone_text no_name[] = { { .file = "request", .name = "a..example.", .text = plain } };
	static const struct {
		const char *name;
		struct world_edit edit;
		const char *errors;
	} rows[] = {
		{ "the zone of a service is deleted", { .zone_count = 1, .zones = gone,
		    .steering_file = "steering.yaml" },
		    "steering.yaml:2: the service 'www.gtm.example.com.' lies in none of the zones\n" },
		{ "a zone that isn't there is deleted", { .zone_count = 1, .zones = nowhere,
		    .steering_file = "steering.yaml" },
		    "request: there is no zone nowhere.example.\n" },
		{ "one zone twice", { .zone_count = 2, .zones = twice, .steering_file = "steering.yaml" },
		    "X.zone: the zone x.example. is given twice\n" },
		{ "no name", { .zone_count = 1, .zones = no_name, .steering_file = "steering.yaml" },
		    "request: 'a..example.' is no zone name\n" },
		{ "a geo database that isn't there", { .steering_file = "steering.yaml",
		    .steering = "geo-database: /nonexistent/geo.mmdb\n" },
		    "steering.yaml: geo-database: " },
	};
	struct world *world = three_zones();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *errors = refused(world, &rows[i].edit);
		bool whole = rows[i].errors[strlen(rows[i].errors) - 1] == '\n';

		SUITE_ROW(rows[i].name, whole ? strcmp(errors, rows[i].errors) == 0
		    : strncmp(errors, rows[i].errors, strlen(rows[i].errors)) == 0);
		if (whole && strcmp(errors, rows[i].errors) != 0)
			SUITE_TEXT(errors, rows[i].errors);
		free(errors);
	}
	expect_names(world, "a.example. b.example. gtm.example.com.");
	world_free(world);
}

static void
test_all_errors(void)
{
	static const struct zone_text zones[] = {
		{ .file = "one.zone", .name = "one.example.",
		    .text = "@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 60 IN A 300.1.1.1\n" },
		{ .file = "two.zone", .name = "two.example.", .text = "@ 60 IN NS ns1\nwww 60 IN AAAA 192.0.2.1\n" },
		{ .file = "request", .name = "nowhere.example.", .text = NULL },
	};
	static const char *const files[] = { "one.zone:2:", "two.zone:2:", "steering.yaml:1:", "steering.yaml:2:",
	    "request: " };
	char *errors = refused(NULL, &(struct world_edit){ .zone_count = 3, .zones = zones,
	    .steering_file = "steering.yaml",
	    .steering = "regionss: {}\nservices: {www.one.example: {sharding-policy: best}}\n" });

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		SUITE_ROW(files[i], strstr(errors, files[i]) != NULL);
	free(errors);
}

/* --- folders ------------------------------------------------------------------------------------------------- */

static void
test_folder(void)
{
	static const char *const ignored[] = { ".hidden", "README.md", "b.example~", "b.example.bak", "old.yaml" };
	struct world_folder read;
	struct diags diags = { 0 };
	struct world *world;
	char path[200];

	folder_open();
	folder_put_text("gtm.example.com.zone", steered);
	folder_put_text("lab.gtm.example.com", plain);
	folder_put_text("steering.yaml", steering);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		folder_put_text(ignored[i], "nothing of ours");
	snprintf(path, sizeof(path), "%s/sub.example", folder);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	CU_ASSERT(world_folder_read(&read, folder, &diags));
	CU_ASSERT_EQUAL(diags.count, 0);
	CU_ASSERT(read.edit.whole && !read.edit.incomplete);
	CU_ASSERT_EQUAL_FATAL(read.edit.zone_count, 2);
	SUITE_TEXT(read.edit.zones[0].name, "gtm.example.com.");
	SUITE_TEXT(read.edit.zones[0].file, "gtm.example.com.zone");
	SUITE_TEXT(read.edit.zones[1].name, "lab.gtm.example.com.");
	SUITE_TEXT(read.edit.zones[1].file, "lab.gtm.example.com");
	world = edited(NULL, &read.edit);
	world_folder_fini(&read);
	expect_names(world, "gtm.example.com. lab.gtm.example.com.");
	CU_ASSERT_EQUAL(world->steering->service_count, 1);
	world_free(world);
	folder_close();
}

static void
test_folder_without_steering(void)
{
	struct world_folder read;
	struct diags diags = { 0 };
	struct world *world;

	folder_open();
	folder_put_text("gtm.example.com", steered);
	CU_ASSERT(world_folder_read(&read, folder, &diags));
	world = edited(NULL, &read.edit);
	world_folder_fini(&read);
	SUITE_TEXT(world->steering_text, "");
	CU_ASSERT_EQUAL(world->steering->service_count, 0);
	world_free(world);
	folder_close();
}

static void
test_folder_errors(void)
{
	static const char *const expected[] = {
		"x.example and x.example.zone are both the zone x.example.", "nul.example: holds a NUL octet",
		"bad.example.zone:1:", "steering.yaml:1:" };
	struct world_folder read;
	struct diags diags = { 0 };
	struct text errors = { 0 };
	char path[200];

	folder_open();
	folder_put_text("x.example", plain);
	folder_put_text("x.example.zone", other);
	folder_put("nul.example", "a\0b", 3);
	folder_put_text("bad.example.zone", "@ 60 IN SOA\n");
	folder_put_text("steering.yaml", "regions: 5\n");
	CU_ASSERT_FALSE(world_folder_read(&read, folder, &diags));
	CU_ASSERT_PTR_NULL(world_edit(NULL, &read.edit, &diags));
	world_folder_fini(&read);
	diag_sort(&diags);
	diag_print(&diags, &errors);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		SUITE_ROW(expected[i], strstr(errors.bytes, expected[i]) != NULL);
	CU_ASSERT_PTR_NULL(strstr(errors.bytes, "memory"));
	text_fini(&errors);
	diag_fini(&diags);
	diags = (struct diags){ 0 };
	/* The service of a zone that can't be read isn't said to be without a zone. */
	snprintf(path, sizeof(path), "%s/gtm.example.com", folder);
	folder_close();
	folder_open();
	folder_put_text("steering.yaml", steering);
	snprintf(path, sizeof(path), "%s/gtm.example.com", folder);
	CU_ASSERT_EQUAL(symlink("/nonexistent", path), 0);
	CU_ASSERT_FALSE(world_folder_read(&read, folder, &diags));
	CU_ASSERT_PTR_NULL(world_edit(NULL, &read.edit, &diags));
	CU_ASSERT_EQUAL(diags.errors, 1);
	world_folder_fini(&read);
	diag_fini(&diags);
	folder_close();
}

static void
test_no_folder(void)
{
	struct world_folder read;
	struct diags diags = { 0 };

	CU_ASSERT_FALSE(world_folder_read(&read, "/nonexistent", &diags));
	CU_ASSERT_PTR_NULL(world_edit(NULL, &read.edit, &diags));
	CU_ASSERT_EQUAL_FATAL(diags.errors, 1);
	SUITE_TEXT(diags.list[0].message, "can't be read: No such file or directory");
	world_folder_fini(&read);
	diag_fini(&diags);
}

/* --- memory -------------------------------------------------------------------------------------------------- */

static struct world *scarce_base;
static const char same_with_more_capacity[] = "regions: {eu: {capacity: 2k}}\n"	/* a warning would be lost, not fail */
	"services: {www.gtm.example.com: {sharding-policy: priority, regions: [eu]}}\n";

static bool
edit_scarcely(void)
{
	static const struct zone_text zones[] = {
		{ .file = "request", .name = "a.example.", .text = other }, { .file = "request", .name = "b.example.", .text = NULL },
		{ .file = "request", .name = "d.example.", .text = plain } };
	struct diags diags = { 0 };
	struct world *world = world_edit(scarce_base, &(struct world_edit){ .zone_count = 3, .zones = zones,
	    .steering = same_with_more_capacity, .steering_file = "steering.yaml" }, &diags);
	bool good = world != NULL;

	SUITE_ROW("refused with a reason, or made", good != (diags.errors > 0));
	SUITE_ROW("the base is whole", scarce_base->zone_count == 3
	    && strcmp(world_find(scarce_base, "a.example.")->text, plain) == 0);
	world_free(world);
	diag_fini(&diags);
	return good;
}

static bool
read_scarcely(void)
{
	struct diags diags = { 0 };
	struct world_folder read;
	bool good = world_folder_read(&read, folder, &diags);

	if (good)
		SUITE_ROW("all of it", read.edit.zone_count == 2 && strcmp(read.edit.steering, steering) == 0);
	world_folder_fini(&read);
	diag_fini(&diags);
	return good;
}

static void
test_scarce(void)
{
	scarce_base = three_zones();
	SCARCE_EACH(edit_scarcely);
	world_free(scarce_base);
	folder_open();
	folder_put_text("gtm.example.com.zone", steered);
	folder_put_text("lab.gtm.example.com", plain);
	folder_put_text("steering.yaml", steering);
	SCARCE_EACH(read_scarcely);
	folder_close();
}

static const struct suite_case cases[] = {
	{ .name = "an edit of the whole replaces it", .run = test_whole },
	{ .name = "an edit of parts: changed, deleted, added; the rest is shared", .run = test_parts },
	{ .name = "a text that comes with its zone isn't read, but checked", .run = test_read_before },
	{ .name = "the same text is the same zone", .run = test_same_text },
	{ .name = "a zone is found by its name in any case", .run = test_find },
	{ .name = "what is refused, and why", .run = test_errors },
	{ .name = "every error in one run", .run = test_all_errors },
	{ .name = "a folder", .run = test_folder },
	{ .name = "a folder without steering.yaml", .run = test_folder_without_steering },
	{ .name = "a folder with errors in each file", .run = test_folder_errors },
	{ .name = "a folder that isn't there", .run = test_no_folder },
	{ .name = "memory runs out anywhere", .run = test_scarce },
};

int
main(void)
{
	return suite_run("world", cases, ARRAY_SIZE(cases));
}
