/* test_store_file.c -- store/connect, store/migration: which files are opened, which are brought up to date, which are
 * refused, with what words, and that a refused file is left as it was. */
#include "store/store.h"

#include <sqlite3.h>

#include "store_folder.h"

#define VERSION_1 "tests/fixtures/store/version-1.sql"
#define VERSION_2 "tests/fixtures/store/version-2.sql"
#define VERSION_3 "tests/fixtures/store/version-3.sql"
#define VERSION_4 "tests/fixtures/store/version-4.sql"
#define VERSION_5 "tests/fixtures/store/version-5.sql"
#define VERSION_6 "tests/fixtures/store/version-6.sql"

/* --- tools ------------------------------------------------------------------------------------------------------- */

static void
sql_run(const char *path, const char *sql)
{
	sqlite3 *handle = NULL;
	char *why = NULL;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &handle), SQLITE_OK);
	if (sqlite3_exec(handle, sql, NULL, NULL, &why) != SQLITE_OK) {
		fprintf(stderr, "%s\n", why);
		CU_FAIL_FATAL("a statement of the test failed");
	}
	sqlite3_close(handle);
}

static void
fixture_load(const char *path, const char *fixture)
{
	const char *srcdir = getenv("srcdir");
	char name[4096];
	size_t length;
	int error;
	char *sql;

	snprintf(name, sizeof(name), "%s/%s", srcdir == NULL ? "." : srcdir, fixture);
	sql = text_read_file(name, 1 << 20, &length, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sql);
	sql_run(path, sql);
	free(sql);
}

/* One value as text; to be freed. */
static char *
sql_get(const char *path, const char *sql)
{
	sqlite3 *handle = NULL;
	sqlite3_stmt *rows = NULL;
	char *value = NULL;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(handle, sql, -1, &rows, NULL), SQLITE_OK);
	if (sqlite3_step(rows) == SQLITE_ROW && sqlite3_column_text(rows, 0) != NULL)
		value = strdup((const char *)sqlite3_column_text(rows, 0));
	sqlite3_finalize(rows);
	sqlite3_close(handle);
	return value;
}

static void
expect(const char *path, const char *sql, const char *expected)
{
	char *value = sql_get(path, sql);

	SUITE_TEXT(value, expected);
	free(value);
}

/* All bytes of a file, so that two can be compared. */
static char *
file_bytes(const char *path, size_t *length)
{
	int error;
	char *bytes = text_read_file(path, 1 << 20, length, &error);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	return bytes;
}

/* The store is refused, by writer and reader, and the message has these words. */
static void
expect_refused(const char *name, const char *path, const char *words, const char *reader_words)
{
	struct store_options options = { .path = path };
	struct text error = { 0 };
	struct store *store = store_open(&options, &error);
	struct store_reader *reader;

	if (store != NULL || error.bytes == NULL || strstr(error.bytes, words) == NULL) {
		fprintf(stderr, "%s: writer: '%s', not '%s'\n", name, error.bytes, words);
		CU_FAIL(name);
	}
	store_close(store);
	text_fini(&error);
	reader = store_reader_open(path, &error);
	if (reader != NULL || error.bytes == NULL || strstr(error.bytes, reader_words) == NULL) {
		fprintf(stderr, "%s: reader: '%s', not '%s'\n", name, error.bytes, reader_words);
		CU_FAIL(name);
	}
	store_reader_close(reader);
	text_fini(&error);
}

/* --- new and current --------------------------------------------------------------------------------------------- */

static void
test_new_file(void)
{
	struct folder folder = folder_open();
	struct stat status;

	store_close(folder_store(&folder));
	expect(folder.path, "PRAGMA application_id", "1230196546");
	expect(folder.path, "PRAGMA user_version", "7");
	expect(folder.path, "PRAGMA journal_mode", "wal");
	expect(folder.path, "PRAGMA integrity_check", "ok");
	CU_ASSERT_EQUAL(stat(folder.path, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 0007, 0);	/* others must not read the hashes of tokens */
	store_close(folder_store(&folder));
	store_close(folder_store(&folder));
	folder_close(&folder);
}

static int
put_zone(struct store_txn *txn, void *arg UNUSED)
{
	return store_zone_put(txn, "example.", "text");
}

static bool
count_zone(void *arg, const char *name UNUSED, const char *text UNUSED)
{
	++*(unsigned *)arg;
	return true;
}

static void
test_reopens(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader;
	unsigned zones = 0;

	CU_ASSERT_EQUAL(store_call(store, put_zone, NULL), 0);
	store_close(store);
	store = folder_store(&folder);
	reader = folder_reader(&folder);
	CU_ASSERT_EQUAL(store_zones(reader, count_zone, &zones), 0);
	CU_ASSERT_EQUAL(zones, 1);
	store_reader_close(reader);
	store_close(store);
	store_close(NULL);
	store_reader_close(NULL);
	folder_close(&folder);
}

static int
count_row(void *arg, int columns UNUSED, char **values UNUSED, char **names UNUSED)
{
	++*(unsigned *)arg;
	return 0;
}

static void
test_reader_cannot_write(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	unsigned rows = 0;
	sqlite3 *handle = NULL;

	CU_ASSERT_EQUAL(sqlite3_open_v2(folder.path, &handle, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(handle, "INSERT INTO zone VALUES ('x.', '')", NULL, NULL, NULL), SQLITE_READONLY);
	CU_ASSERT_EQUAL(sqlite3_exec(handle, "SELECT * FROM zone", count_row, &rows, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(rows, 0);
	sqlite3_close(handle);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* --- older ------------------------------------------------------------------------------------------------------- */

static void
test_migrates_version_1(void)
{
	static const struct { const char *name, *sql, *expected; } questions[] = {
		{ "version", "PRAGMA user_version", "7" },
		{ "whole", "PRAGMA integrity_check", "ok" },
		{ "zones", "SELECT count(*) FROM zone", "1" },
		{ "steering", "SELECT text FROM steering", "regions: {eu-west: {}}" },
		{ "overrides keep their ids", "SELECT id FROM override", "7" },
		{ "tokens", "SELECT hash FROM token", "c0ffee" },
		{ "sequences", "SELECT group_concat(region || agent || sequence) FROM"
		    " (SELECT * FROM report ORDER BY region, agent, sequence)",
		    "eu-westrem-11,eu-westrem-12,eu-westrem-29,us-eastrem-13" },
		{ "newest reports", "SELECT group_concat(region || ' ' || agent || ' ' || received_ms || ' ' || report)"
		    " FROM agent", "eu-west rem-1 1700000005100 {\"sequence\":2},"
		    "eu-west rem-2 1700000001100 {\"sequence\":9},us-east rem-1 1700000002100 {\"sequence\":3}" },
		{ "series", "SELECT group_concat(id || name || minutes_done_ms) FROM series", "1cpu0,2rtt0" },
		{ "samples", "SELECT count(*) || ' ' || sum(value) FROM sample", "3 13.0" },
		{ "events", "SELECT cause FROM health_event", "3 of 3 backends" },
		{ "predictions", "SELECT probability FROM prediction", "0.5" },
		{ "plans", "SELECT body FROM plan", "{\"epoch\":4}" },
		{ "models", "SELECT hex(blob) FROM model", "00FF" },
	};
	struct folder folder = folder_open();

	fixture_load(folder.path, VERSION_1);
	store_close(folder_store(&folder));
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		expect(folder.path, questions[i].sql, questions[i].expected);
	folder_close(&folder);
}

#define SCHEMA_TEXT "SELECT group_concat(replace(replace(replace(sql, char(9), ''), char(10), ''), ' ', ''), ';')" \
	" FROM (SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name)"

/* Drains are kept and became able to ramp; kinds that nothing ever put in force are gone, their numbers with them. */
static void
test_migrates_version_2(void)
{
	static const struct { const char *name, *sql, *expected; } questions[] = {
		{ "version", "PRAGMA user_version", "7" },
		{ "whole", "PRAGMA integrity_check", "ok" },
		{ "drains", "SELECT id || kind || region || value || begin || over_ms || forced || until_ms FROM override",
		    "7draineu-west0.251.0001700003660000" },
		{ "only them", "SELECT count(*) FROM override", "1" },
		{ "numbers aren't given again", "SELECT seq FROM sqlite_sequence WHERE name = 'override'", "9" },
		{ "sequences", "SELECT count(*) FROM report", "4" },
		{ "newest reports", "SELECT count(*) FROM agent", "3" },
		{ "samples", "SELECT count(*) || ' ' || sum(value) FROM sample", "3 13.0" },
		{ "plans", "SELECT body FROM plan", "{\"epoch\":4}" },
		{ "no epochs yet", "SELECT count(*) FROM epoch", "0" },
	};
	struct folder folder = folder_open(), new = folder_open();
	char *migrated_schema, *new_schema;

	fixture_load(folder.path, VERSION_2);
	store_close(folder_store(&folder));
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		expect(folder.path, questions[i].sql, questions[i].expected);
	store_close(folder_store(&new));
	migrated_schema = sql_get(folder.path, SCHEMA_TEXT);
	new_schema = sql_get(new.path, SCHEMA_TEXT);
	SUITE_TEXT(migrated_schema, new_schema);
	free(migrated_schema);
	free(new_schema);
	folder_close(&folder);
	folder_close(&new);
}

/* What comes from outside is new; nothing else has changed. */
static void
test_migrates_version_3(void)
{
	static const struct { const char *name, *sql, *expected; } questions[] = {
		{ "version", "PRAGMA user_version", "7" },
		{ "whole", "PRAGMA integrity_check", "ok" },
		{ "drains", "SELECT id || kind || region || value || begin || over_ms FROM override",
		    "7draineu-west0.251.00" },
		{ "demand", "SELECT service || client_group || rate FROM demand", "www.defaultgermany12.5" },
		{ "latency", "SELECT clients || region || ms FROM latency", "DEeu-west11.5" },
		{ "epochs", "SELECT epoch || ' ' || revision || body FROM epoch", "4 2{}" },
		{ "live words", "SELECT service || region || dead FROM live_word", "www.eu-west1" },
		{ "samples", "SELECT count(*) || ' ' || sum(value) FROM sample", "3 13.0" },
		{ "no signals yet", "SELECT count(*) FROM signal", "0" },
		{ "no feeds yet", "SELECT count(*) FROM feed", "0" },
	};
	struct folder folder = folder_open(), new = folder_open();
	char *migrated_schema, *new_schema;

	fixture_load(folder.path, VERSION_3);
	store_close(folder_store(&folder));
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		expect(folder.path, questions[i].sql, questions[i].expected);
	store_close(folder_store(&new));
	migrated_schema = sql_get(folder.path, SCHEMA_TEXT);
	new_schema = sql_get(new.path, SCHEMA_TEXT);
	SUITE_TEXT(migrated_schema, new_schema);
	free(migrated_schema);
	free(new_schema);
	folder_close(&folder);
	folder_close(&new);
}

/* Predictions say nothing of how odd a region was; nothing else has changed. */
static void
test_migrates_version_4(void)
{
	static const struct { const char *name, *sql, *expected; } questions[] = {
		{ "version", "PRAGMA user_version", "7" },
		{ "whole", "PRAGMA integrity_check", "ok" },
		{ "predictions", "SELECT group_concat(role || probability) FROM (SELECT * FROM prediction ORDER BY at_ms)",
		    "serving0.5,shadow0.125" },
		{ "no rank", "SELECT count(*) FROM prediction WHERE anomaly_rank IS NULL AND anomaly_why = ''", "2" },
		{ "signals", "SELECT source || name || severity FROM signal", "opsstrike0.5" },
		{ "feeds", "SELECT name || pulls FROM feed", "weather3" },
		{ "decisions", "SELECT model || action FROM model_decision", "m1promoted" },
	};
	struct folder folder = folder_open(), new = folder_open();
	char *migrated_schema, *new_schema;

	fixture_load(folder.path, VERSION_4);
	store_close(folder_store(&folder));
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		expect(folder.path, questions[i].sql, questions[i].expected);
	store_close(folder_store(&new));
	migrated_schema = sql_get(folder.path, SCHEMA_TEXT);
	new_schema = sql_get(new.path, SCHEMA_TEXT);
	SUITE_TEXT(migrated_schema, new_schema);
	free(migrated_schema);
	free(new_schema);
	folder_close(&folder);
	folder_close(&new);
}

/* No zone has keys; nothing else has changed. */
static void
test_migrates_version_5(void)
{
	static const struct { const char *name, *sql, *expected; } questions[] = {
		{ "version", "PRAGMA user_version", "7" },
		{ "whole", "PRAGMA integrity_check", "ok" },
		{ "predictions", "SELECT group_concat(role || probability) FROM (SELECT * FROM prediction ORDER BY at_ms)",
		    "serving0.5,shadow0.125" },
		{ "ranks", "SELECT group_concat(anomaly_rank) FROM prediction", "0.75" },
		{ "no keys", "SELECT count(*) FROM zone_key", "0" },
		{ "no serials", "SELECT count(*) FROM zone_serial", "0" },
		{ "signals", "SELECT source || name || severity FROM signal", "opsstrike0.5" },
		{ "feeds", "SELECT name || pulls FROM feed", "weather3" },
		{ "decisions", "SELECT model || action FROM model_decision", "m1promoted" },
	};
	struct folder folder = folder_open(), new = folder_open();
	char *migrated_schema, *new_schema;

	fixture_load(folder.path, VERSION_5);
	store_close(folder_store(&folder));
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		expect(folder.path, questions[i].sql, questions[i].expected);
	store_close(folder_store(&new));
	migrated_schema = sql_get(folder.path, SCHEMA_TEXT);
	new_schema = sql_get(new.path, SCHEMA_TEXT);
	SUITE_TEXT(migrated_schema, new_schema);
	free(migrated_schema);
	free(new_schema);
	folder_close(&folder);
	folder_close(&new);
}

/* Nothing is known of primaries and catalogs; nothing else has changed. */
static void
test_migrates_version_6(void)
{
	static const struct { const char *name, *sql, *expected; } questions[] = {
		{ "version", "PRAGMA user_version", "7" },
		{ "whole", "PRAGMA integrity_check", "ok" },
		{ "keys", "SELECT zone || tag || role || hex(dnskey) FROM zone_key", "gtm.example.com.4711csk01010D03" },
		{ "editions", "SELECT serial || ' ' || content FROM zone_edition", "7 -5" },
		{ "serials", "SELECT serial FROM zone_serial", "9" },
		{ "no primaries", "SELECT count(*) FROM zone_refresh", "0" },
		{ "no members", "SELECT count(*) FROM catalog_member", "0" },
	};
	struct folder folder = folder_open(), new = folder_open();
	char *migrated_schema, *new_schema;

	fixture_load(folder.path, VERSION_6);
	store_close(folder_store(&folder));
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		expect(folder.path, questions[i].sql, questions[i].expected);
	store_close(folder_store(&new));
	migrated_schema = sql_get(folder.path, SCHEMA_TEXT);
	new_schema = sql_get(new.path, SCHEMA_TEXT);
	SUITE_TEXT(migrated_schema, new_schema);
	free(migrated_schema);
	free(new_schema);
	folder_close(&folder);
	folder_close(&new);
}

static void
test_migrated_equals_new(void)
{
	struct folder old = folder_open(), new = folder_open();
	char *old_schema, *new_schema;

	fixture_load(old.path, VERSION_1);
	store_close(folder_store(&old));
	store_close(folder_store(&new));
	old_schema = sql_get(old.path, SCHEMA_TEXT);
	new_schema = sql_get(new.path, SCHEMA_TEXT);
	CU_ASSERT_PTR_NOT_NULL(old_schema);
	SUITE_TEXT(old_schema, new_schema);
	free(old_schema);
	free(new_schema);
	folder_close(&old);
	folder_close(&new);
}

/* The fixture's hashes were made by other code, from the description of the canonical form. */
static void
test_migrated_journal_is_whole(void)
{
	struct folder folder = folder_open();
	struct store *store;
	struct store_reader *reader;
	uint64_t revisions, first_bad;

	fixture_load(folder.path, VERSION_1);
	store = folder_store(&folder);
	reader = folder_reader(&folder);
	CU_ASSERT_EQUAL(store_journal_verify(reader, &revisions, &first_bad), 0);
	CU_ASSERT_EQUAL(revisions, 2);
	CU_ASSERT_EQUAL(first_bad, 0);
	CU_ASSERT_EQUAL(store_revision(reader), 2);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* A step that fails leaves the file at its old version with all that it had. */
static void
test_failed_migration(void)
{
	struct folder folder = folder_open();

	fixture_load(folder.path, VERSION_1);
	sql_run(folder.path, "CREATE TABLE report_2 (x)");	/* in the way of step 2, half-way through it */
	expect_refused("in the way", folder.path, "migration to schema version 2", "older version");
	expect(folder.path, "PRAGMA user_version", "1");
	expect(folder.path, "SELECT count(*) FROM report WHERE body <> ''", "4");
	expect(folder.path, "SELECT count(*) FROM sqlite_schema WHERE name IN ('agent', 'minute')", "0");
	sql_run(folder.path, "DROP TABLE report_2");
	store_close(folder_store(&folder));
	expect(folder.path, "PRAGMA user_version", "7");
	folder_close(&folder);
}

static void
test_reader_waits_for_migration(void)
{
	struct folder folder = folder_open();
	struct text error = { 0 };
	struct store_reader *reader;

	fixture_load(folder.path, VERSION_1);
	reader = store_reader_open(folder.path, &error);
	CU_ASSERT_PTR_NULL(reader);
	CU_ASSERT_PTR_NOT_NULL_FATAL(error.bytes);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.bytes, "older version"));
	expect(folder.path, "PRAGMA user_version", "1");
	text_fini(&error);
	folder_close(&folder);
}

/* --- refused ----------------------------------------------------------------------------------------------------- */

static void
test_refuses(void)
{
	static const struct { const char *name, *sql, *words, *reader_words; } files[] = {
		{ "newer", "PRAGMA application_id = 1230196546; PRAGMA user_version = 8; CREATE TABLE zone (x)",
		    "newer Isobar (schema version 8; this program knows versions up to 7)", "newer Isobar" },
		{ "another program's", "CREATE TABLE bookmark (url)", "not an Isobar store", "not an Isobar store" },
		{ "another program's with an id", "PRAGMA application_id = 252006673; CREATE TABLE t (x)",
		    "not an Isobar store", "not an Isobar store" },
		{ "another program's, empty, with a version", "PRAGMA user_version = 8", "not an Isobar store",
		    "not an Isobar store" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct folder folder = folder_open();
		size_t before_length, after_length;
		char *before, *after;

		sql_run(folder.path, files[i].sql);
		before = file_bytes(folder.path, &before_length);
		expect_refused(files[i].name, folder.path, files[i].words, files[i].reader_words);
		after = file_bytes(folder.path, &after_length);
		CU_ASSERT_EQUAL_FATAL(before_length, after_length);
		CU_ASSERT_EQUAL(memcmp(before, after, before_length), 0);
		free(before);
		free(after);
		folder_close(&folder);
	}
}

static void
test_refuses_no_database(void)
{
	struct folder folder = folder_open();
	char garbage[5000];
	size_t length;
	char *after;

	memset(garbage, 'x', sizeof(garbage));
	CU_ASSERT_EQUAL(text_write_file(folder.path, garbage, sizeof(garbage)), 0);
	expect_refused("text", folder.path, "not an Isobar store", "not an Isobar store");
	after = file_bytes(folder.path, &length);
	CU_ASSERT_EQUAL_FATAL(length, sizeof(garbage));
	CU_ASSERT_EQUAL(memcmp(after, garbage, length), 0);
	free(after);
	folder_close(&folder);
}

static void
test_refuses_places(void)
{
	struct folder folder = folder_open();

	expect_refused("a folder", folder.name, "irectory", "irectory");
	expect_refused("no folder", "/nonexistent/store.db", "No such file or directory", "No such file or directory");
	CU_ASSERT_EQUAL(text_write_file(folder.path, "", 0), 0);
	{
		struct text error = { 0 };
		struct store_reader *reader = store_reader_open(folder.path, &error);

		CU_ASSERT_PTR_NULL(reader);
		CU_ASSERT_PTR_NOT_NULL_FATAL(error.bytes);
		CU_ASSERT_PTR_NOT_NULL(strstr(error.bytes, "not set it up yet"));
		text_fini(&error);
	}
	store_close(folder_store(&folder));	/* an empty file is as good as none */
	folder_close(&folder);
}

static void
test_refuses_locked(void)
{
	struct folder folder = folder_open();
	struct store_options options = { .path = folder.path };
	struct text error = { 0 };
	sqlite3 *holder = NULL;

	store_close(folder_store(&folder));
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(folder.path, &holder), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_PTR_NULL(store_open(&options, &error));
	CU_ASSERT_PTR_NOT_NULL_FATAL(error.bytes);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.bytes, "locked"));
	text_fini(&error);
	sqlite3_close(holder);
	store_close(folder_store(&folder));
	folder_close(&folder);
}

static const struct suite_case cases[] = {
	{ .name = "a new file gets the newest schema, WAL and a private mode", .run = test_new_file },
	{ .name = "what was stored is there after closing and opening", .run = test_reopens },
	{ .name = "a read-only connection reads beside the writer and can't write", .run = test_reader_cannot_write },
	{ .name = "version 1 is migrated with all its rows", .run = test_migrates_version_1 },
	{ .name = "version 2 is migrated with all its rows", .run = test_migrates_version_2 },
	{ .name = "version 3 is migrated", .run = test_migrates_version_3 },
	{ .name = "version 4 is migrated", .run = test_migrates_version_4 },
	{ .name = "version 5 is migrated", .run = test_migrates_version_5 },
	{ .name = "version 6 is migrated", .run = test_migrates_version_6 },
	{ .name = "a migrated schema equals a new one", .run = test_migrated_equals_new },
	{ .name = "the journal of a migrated store is whole", .run = test_migrated_journal_is_whole },
	{ .name = "a migration that fails leaves the old version whole", .run = test_failed_migration },
	{ .name = "a reader refuses an older store and leaves it", .run = test_reader_waits_for_migration },
	{ .name = "newer and foreign databases are refused and left as they are", .run = test_refuses },
	{ .name = "a file that is no database is refused and left as it is", .run = test_refuses_no_database },
	{ .name = "folders and missing folders are refused, an empty file is not", .run = test_refuses_places },
	{ .name = "a store that another process holds is refused", .run = test_refuses_locked },
};

int
main(void)
{
	return suite_run("store_file", cases, ARRAY_SIZE(cases));
}
