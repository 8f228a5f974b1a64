/* test_store_journal.c -- store/journal: gapless revisions, rows as they were written, and a chain that shows any
 * change made behind the program's back. */
#include "store/store.h"

#include <sqlite3.h>

#include "store_folder.h"

#define ROWS 5

static int
add_rows(struct store_txn *txn, void *arg UNUSED)
{
	uint64_t revision;

	for (uint64_t i = 1; i <= ROWS; i++) {
		CU_ASSERT_EQUAL(store_journal_add(txn, (struct wall){ 1000 * (int64_t)i }, "ann", "zone.put", "because",
		    "{\"n\":1}", &revision), 0);
		CU_ASSERT_EQUAL(revision, i);
	}
	return 0;
}

static int
add_one(struct store_txn *txn, void *arg)
{
	return store_journal_add(txn, (struct wall){ 9000 }, "bob", "drain", "", "{}", arg);
}

static int
add_one_and_fail(struct store_txn *txn, void *arg)
{
	CU_ASSERT_EQUAL(add_one(txn, arg), 0);
	return -ECANCELED;
}

static bool
see_entry(void *arg, const struct journal_row *e)
{
	text_printf(arg, "%llu %lld %s %s '%s' %s\n", (unsigned long long)e->revision, (long long)e->at.ms, e->author,
	    e->action, e->reason, e->body);
	CU_ASSERT_EQUAL(strlen(e->hash), 64);
	CU_ASSERT_EQUAL(strlen(e->previous), 64);
	return true;
}

static void
test_rows(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct text seen = { 0 };

	CU_ASSERT_EQUAL(store_revision(reader), 0);
	CU_ASSERT_EQUAL(store_call(store, add_rows, NULL), 0);
	CU_ASSERT_EQUAL(store_revision(reader), ROWS);
	CU_ASSERT_EQUAL(store_journal(reader, 4, 10, see_entry, &seen), 0);
	SUITE_TEXT(seen.bytes, "4 4000 ann zone.put 'because' {\"n\":1}\n5 5000 ann zone.put 'because' {\"n\":1}\n");
	text_fini(&seen);
	CU_ASSERT_EQUAL(store_journal(reader, 0, 1, see_entry, &seen), 0);
	SUITE_TEXT(seen.bytes, "1 1000 ann zone.put 'because' {\"n\":1}\n");
	text_fini(&seen);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* A job that fails takes its revision with it, so the next one gets the same number: no gap. */
static void
test_gapless(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	uint64_t revision = 0, revisions = 0, first_bad = 9;

	CU_ASSERT_EQUAL(store_journal_verify(reader, &revisions, &first_bad), 0);
	CU_ASSERT_EQUAL(revisions, 0);
	CU_ASSERT_EQUAL(first_bad, 0);
	CU_ASSERT_EQUAL(store_call(store, add_rows, NULL), 0);
	CU_ASSERT_EQUAL(store_call(store, add_one_and_fail, &revision), -ECANCELED);
	CU_ASSERT_EQUAL(store_revision(reader), ROWS);
	CU_ASSERT_EQUAL(store_call(store, add_one, &revision), 0);
	CU_ASSERT_EQUAL(revision, ROWS + 1);
	CU_ASSERT_EQUAL(store_journal_verify(reader, &revisions, &first_bad), 0);
	CU_ASSERT_EQUAL(revisions, ROWS + 1);
	CU_ASSERT_EQUAL(first_bad, 0);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* Each with the triggers out of the way, as one would who has the file. */
static void
test_tampering(void)
{
	static const struct { const char *name, *sql; uint64_t first_bad; } tamperings[] = {
		{ "nothing", "SELECT 1", 0 },
		{ "time", "UPDATE journal SET at_ms = at_ms + 1 WHERE revision = 3", 3 },
		{ "author", "UPDATE journal SET author = 'eve' WHERE revision = 1", 1 },
		{ "action", "UPDATE journal SET action = 'zone.delete' WHERE revision = 2", 2 },
		{ "reason", "UPDATE journal SET reason = '' WHERE revision = 5", 5 },
		{ "body", "UPDATE journal SET body = '{\"n\":2}' WHERE revision = 4", 4 },
		{ "a letter moved between fields", "UPDATE journal SET author = 'an', action = 'nzone.put'"
		    " WHERE revision = 2", 2 },
		{ "own hash", "UPDATE journal SET hash = 'x' || substr(hash, 2) WHERE revision = 5", 5 },
		{ "previous hash", "UPDATE journal SET previous = hash WHERE revision = 3", 3 },
		{ "removed in the middle", "DELETE FROM journal WHERE revision = 3", 3 },
		{ "removed at the begin", "DELETE FROM journal WHERE revision = 1", 1 },
		{ "removed and closed up", "DELETE FROM journal WHERE revision = 2;"
		    "UPDATE journal SET revision = revision - 1 WHERE revision > 2", 2 },
		{ "two swapped", "UPDATE journal SET revision = 99 WHERE revision = 2;"
		    "UPDATE journal SET revision = 2 WHERE revision = 3;"
		    "UPDATE journal SET revision = 3 WHERE revision = 99", 2 },
		{ "one appended", "INSERT INTO journal SELECT 6, at_ms, author, action, reason, body, previous, hash"
		    " FROM journal WHERE revision = 5", 6 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tamperings); i++) {
		struct folder folder = folder_open();
		struct store *store = folder_store(&folder);
		struct store_reader *reader;
		uint64_t revisions = 0, first_bad = 0;
		sqlite3 *handle = NULL;
		int result;

		CU_ASSERT_EQUAL(store_call(store, add_rows, NULL), 0);
		store_close(store);
		CU_ASSERT_EQUAL_FATAL(sqlite3_open(folder.path, &handle), SQLITE_OK);
		CU_ASSERT_EQUAL(sqlite3_exec(handle, "DROP TRIGGER journal_keeps_rows; DROP TRIGGER journal_keeps_text",
		    NULL, NULL, NULL), SQLITE_OK);
		CU_ASSERT_EQUAL(sqlite3_exec(handle, tamperings[i].sql, NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(handle);
		reader = folder_reader(&folder);
		result = store_journal_verify(reader, &revisions, &first_bad);
		if (result != (tamperings[i].first_bad == 0 ? 0 : -EBADMSG) || first_bad != tamperings[i].first_bad ||
		    revisions != (first_bad == 0 ? ROWS : first_bad - 1))
			CU_FAIL(tamperings[i].name);
		store_reader_close(reader);
		folder_close(&folder);
	}
}

static void
test_append_only(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	sqlite3 *handle = NULL;

	CU_ASSERT_EQUAL(store_call(store, add_rows, NULL), 0);
	store_close(store);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(folder.path, &handle), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(handle, "DELETE FROM journal", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	CU_ASSERT_EQUAL(sqlite3_exec(handle, "UPDATE journal SET author = 'eve'", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	sqlite3_close(handle);
	folder_close(&folder);
}

static const struct suite_case cases[] = {
	{ .name = "rows come back as they were written, from any revision", .run = test_rows },
	{ .name = "revisions have no gap, also after a job that failed", .run = test_gapless },
	{ .name = "any tampering is found, at its place", .run = test_tampering },
	{ .name = "rows can't be changed or deleted by mistake", .run = test_append_only },
};

int
main(void)
{
	return suite_run("store_journal", cases, ARRAY_SIZE(cases));
}
