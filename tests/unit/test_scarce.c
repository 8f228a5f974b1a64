/* test_scarce.c -- base when memory runs out: each request of each call is refused once. */
#include "base/arena.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/text.h"

#include "scarce.h"

static bool
build_text(void)
{
	struct text text = { 0 };
	char *taken;

	for (int i = 0; i < 100; i++)
		text_printf(&text, "%d,", i);
	text_puts(&text, "end");
	taken = text_take(&text);
	free(taken);
	return taken != NULL;
}

static bool
build_arena(void)
{
	struct arena *arena = arena_new();
	bool good = arena != NULL;

	for (int i = 0; good && i < 20; i++)
		good = arena_alloc(arena, 1000) != NULL && arena_printf(arena, "%d", i) != NULL;
	arena_free(arena);
	return good;
}

/* An error that there was no memory for is an error all the same. */
static bool
build_diags(void)
{
	struct diags diags = { 0 };
	struct text out = { 0 };
	bool good;

	for (unsigned i = 0; i < 20; i++)
		diag_error(&diags, (struct diag_place){ .file = "f", .line = i + 1, .pointer = "/p" }, "this", "wrong");
	CU_ASSERT_TRUE(diag_failed(&diags));
	CU_ASSERT_EQUAL(diags.errors, 20);
	CU_ASSERT_EQUAL(diags.count + diags.dropped, 20);
	good = diags.dropped == 0;
	for (size_t i = 0; i < diags.count; i++)
		good = good && diags.list[i].file != NULL && diags.list[i].pointer != NULL && diags.list[i].suggestion != NULL;
	diag_print(&diags, &out);
	good = good && !out.failed;
	text_fini(&out);
	diag_fini(&diags);
	return good;
}

static bool
build_json(void)
{
	static const char input[] = "{\"a\": [1, {\"b\": 2, \"c\": {}}]}";
	struct diags diags = { 0 };
	cJSON *value = json_parse(input, sizeof(input) - 1, "t", &diags);

	CU_ASSERT_EQUAL(value == NULL, diag_failed(&diags));
	cJSON_Delete(value);
	diag_fini(&diags);
	return value != NULL;
}

static bool
write_file(void)
{
	char folder[] = "/tmp/isobar-scarce-XXXXXX", path[sizeof(folder) + 2];
	char *bytes = NULL;
	size_t length;
	int error;

	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/f", folder);
	if (text_write_file(path, "bytes", 5) == 0)
		bytes = text_read_file(path, 100, &length, &error);
	remove(path);
	CU_ASSERT_EQUAL(remove(folder), 0);	/* fails if a temporary is left */
	free(bytes);
	return bytes != NULL;
}

static void
test_text(void)
{
	SCARCE_EACH(build_text);
}

static void
test_arena(void)
{
	SCARCE_EACH(build_arena);
}

static void
test_diags(void)
{
	SCARCE_EACH(build_diags);
}

static void
test_json(void)
{
	SCARCE_EACH(build_json);
}

static void
test_files(void)
{
	SCARCE_EACH(write_file);
}

static const struct suite_case cases[] = {
	{ .name = "text", .run = test_text },
	{ .name = "an arena", .run = test_arena },
	{ .name = "errors are counted even so", .run = test_diags },
	{ .name = "JSON", .run = test_json },
	{ .name = "files, and no temporary is left", .run = test_files },
};

int
main(void)
{
	return suite_run("scarce memory", cases, ARRAY_SIZE(cases));
}
