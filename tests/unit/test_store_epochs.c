/* test_store_epochs.c -- store/epochs: what was in service at each moment, and what upkeep must not forget. */
#include "store/store.h"

#include <errno.h>

#include "store_folder.h"

#define DAY_MS INT64_C(86400000)

struct put {
	uint64_t epoch;
	int64_t at_ms;
	uint64_t revision;
	const char *body, *service;	/* service NULL: tables unchanged */
	uint64_t base;
	const char *octets;
};

static int
put_epochs(struct store_txn *txn, void *arg)
{
	for (const struct put *p = arg; p->epoch != 0; p++) {
		struct epoch_row row = { p->epoch, { p->at_ms }, p->revision, p->body };

		CU_ASSERT_EQUAL(store_epoch_put(txn, &row), 0);
		if (p->service != NULL)
			CU_ASSERT_EQUAL(store_epoch_tables_put(txn, p->epoch, p->service, p->base, p->octets,
			    strlen(p->octets)), 0);
	}
	return 0;
}

/* "EPOCH body" at a time, or "-". */
static const char *
at(struct store_reader *reader, int64_t ms)
{
	static char text[128];
	struct arena *arena = arena_new();
	struct epoch_row row;
	int error = store_epoch_at(reader, (struct wall){ ms }, arena, &row);

	if (error == -ENOENT)
		snprintf(text, sizeof(text), "-");
	else if (error != 0)
		snprintf(text, sizeof(text), "error %d", error);
	else
		snprintf(text, sizeof(text), "%d@%d r%d %s", (int)row.epoch, (int)row.at.ms, (int)row.revision, row.body);
	arena_free(arena);
	return text;
}

static const char *
tables(struct store_reader *reader, uint64_t epoch, const char *service)
{
	static char text[128];
	uint64_t found, base;
	void *body;
	size_t length;
	int error = store_epoch_tables(reader, epoch, service, &found, &base, &body, &length);

	if (error != 0) {
		snprintf(text, sizeof(text), "%d", error);
		return text;
	}
	snprintf(text, sizeof(text), "%d on %d: %.*s", (int)found, (int)base, (int)length, (const char *)body);
	free(body);
	return text;
}

static bool
see_epoch(void *arg, const struct epoch_row *row, bool changed)
{
	text_printf(arg, "%d%s ", (int)row->epoch, changed ? "*" : "");
	return true;
}

static void
test_epochs(void)
{
	static struct put puts[] = {
		{ 5, 1000, 1, "{a}", "www.", 0, "whole" },
		{ 6, 2000, 1, "{a}", NULL, 0, NULL },
		{ 7, 2000, 2, "{b}", "www.", 5, "less" },
		{ 9, 4000, 2, "{b}", "api.", 0, "whole too" },
		{ 0 },
	};
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct text seen = { 0 };
	struct epoch_row row;
	struct arena *arena = arena_new();

	CU_ASSERT_EQUAL(store_epoch_edge(reader, true, arena, &row), -ENOENT);
	CU_ASSERT_EQUAL(store_call(store, put_epochs, puts), 0);
	SUITE_TEXT(at(reader, 999), "-");
	SUITE_TEXT(at(reader, 1000), "5@1000 r1 {a}");
	SUITE_TEXT(at(reader, 1999), "5@1000 r1 {a}");
	SUITE_TEXT(at(reader, 2000), "7@2000 r2 {b}");
	SUITE_TEXT(at(reader, INT64_MAX), "9@4000 r2 {b}");
	CU_ASSERT_EQUAL(store_epoch(reader, 6, arena, &row), 0);
	SUITE_TEXT(row.body, "{a}");
	CU_ASSERT_EQUAL(store_epoch(reader, 8, arena, &row), -ENOENT);
	CU_ASSERT_EQUAL(store_epoch_edge(reader, true, arena, &row), 0);
	CU_ASSERT_EQUAL(row.epoch, 9);
	CU_ASSERT_EQUAL(store_epoch_edge(reader, false, arena, &row), 0);
	CU_ASSERT_EQUAL(row.epoch, 5);
	CU_ASSERT_EQUAL(store_epochs(reader, UINT64_MAX, 3, see_epoch, &seen), 0);
	SUITE_TEXT(seen.bytes, "9* 7* 6 ");
	SUITE_TEXT(tables(reader, 4, "www."), "-2");
	SUITE_TEXT(tables(reader, 6, "www."), "5 on 0: whole");
	SUITE_TEXT(tables(reader, 9, "www."), "7 on 5: less");
	SUITE_TEXT(tables(reader, 9, "api."), "9 on 0: whole too");
	text_fini(&seen);
	arena_free(arena);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
put_words(struct store_txn *txn, void *arg UNUSED)
{
	static const struct live_row rows[] = {
		{ { 1000 }, "www.", "eu", true, 65535 }, { { 1000 }, "www.", "us", false, 65535 },
		{ { 2000 }, "www.", "eu", false, 100 }, { { 3000 }, "api.", "eu", true, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(store_live_put(txn, &rows[i]), 0);
	CU_ASSERT_EQUAL(store_steering_text_put(txn, 3, (struct wall){ 1000 }, "three"), 0);
	CU_ASSERT_EQUAL(store_steering_text_put(txn, 8, (struct wall){ 2000 }, "eight"), 0);
	return 0;
}

static bool
see_word(void *arg, const struct live_row *row)
{
	text_printf(arg, "%s%s %d %d, ", row->service, row->region, row->dead, row->admit);
	return true;
}

static const char *
words(struct store_reader *reader, int64_t ms)
{
	static struct text seen;

	text_fini(&seen);
	text_puts(&seen, "");
	CU_ASSERT_EQUAL(store_live_at(reader, (struct wall){ ms }, see_word, &seen), 0);
	return seen.bytes == NULL ? "" : seen.bytes;
}

static const char *
steering(struct store_reader *reader, uint64_t revision)
{
	static struct text text;

	text_fini(&text);
	return store_steering_text_at(reader, revision, &text) == 0 ? text.bytes : "-";
}

static void
test_words(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(store_call(store, put_words, NULL), 0);
	SUITE_TEXT(words(reader, 999), "");
	SUITE_TEXT(words(reader, 1000), "www.eu 1 65535, www.us 0 65535, ");
	SUITE_TEXT(words(reader, 5000), "api.eu 1 0, www.eu 0 100, www.us 0 65535, ");
	SUITE_TEXT(steering(reader, 2), "-");
	SUITE_TEXT(steering(reader, 7), "three");
	SUITE_TEXT(steering(reader, UINT64_MAX), "eight");
	(void)words(reader, 0);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
put_plans(struct store_txn *txn, void *arg UNUSED)
{
	for (uint64_t e = 2; e <= 6; e += 2) {
		char body[8];

		snprintf(body, sizeof(body), "p%d", (int)e);
		CU_ASSERT_EQUAL(store_plan_put(txn, (struct wall){ (int64_t)e * 10 * DAY_MS }, e,
		    e == 4 ? "refused: why" : "published", body), 0);
	}
	return 0;
}

static int
maintain(struct store_txn *txn, void *arg)
{
	bool more;

	return store_maintain(txn, (struct wall){ *(int64_t *)arg }, &more);
}

static const char *
plan(struct store_reader *reader, uint64_t epoch)
{
	static struct text text;
	uint64_t found = 0;

	text_fini(&text);
	return store_plan_at(reader, epoch, &found, &text) == 0 ? text.bytes : "-";
}

/* Memory is 40 days; each epoch is 10 days apart. */
static void
test_retention(void)
{
	static struct put puts[] = {
		{ 1, 10 * DAY_MS, 1, "{a}", "www.", 0, "w1" },
		{ 2, 20 * DAY_MS, 2, "{a}", "www.", 1, "d2" },
		{ 3, 30 * DAY_MS, 2, "{a}", "www.", 0, "w3" },
		{ 4, 40 * DAY_MS, 3, "{a}", "www.", 3, "d4" },
		{ 5, 50 * DAY_MS, 3, "{a}", "www.", 4, "d5" },
		{ 6, 60 * DAY_MS, 4, "{c}", "www.", 0, "w6" },
		{ 0 },
	};
	static struct put ended[] = {
		{ 7, 70 * DAY_MS, 4, "{c}", "www.", 0, "" },
		{ 8, 150 * DAY_MS, 4, "{c}", NULL, 0, NULL },
		{ 0 },
	};
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct arena *arena = arena_new();
	int64_t now = 85 * DAY_MS;
	struct epoch_row row;

	CU_ASSERT_EQUAL(store_call(store, put_epochs, puts), 0);
	CU_ASSERT_EQUAL(store_call(store, put_plans, NULL), 0);
	CU_ASSERT_EQUAL(store_call(store, put_words, NULL), 0);
	SUITE_TEXT(plan(reader, 5), "p2");
	CU_ASSERT_EQUAL(store_call(store, maintain, &now), 0);
	/* Day 45 is the end of memory: epoch 4 was in force. */
	SUITE_TEXT(at(reader, 39 * DAY_MS), "-");
	CU_ASSERT_EQUAL(store_epoch_edge(reader, false, arena, &row), 0);
	CU_ASSERT_EQUAL(row.epoch, 4);
	SUITE_TEXT(row.body, "{a}");
	SUITE_TEXT(tables(reader, 5, "www."), "5 on 4: d5");
	SUITE_TEXT(tables(reader, 4, "www."), "4 on 3: d4");
	SUITE_TEXT(tables(reader, 3, "www."), "3 on 0: w3");
	SUITE_TEXT(tables(reader, 2, "www."), "-2");
	SUITE_TEXT(words(reader, INT64_MAX), "api.eu 1 0, www.eu 0 100, www.us 0 65535, ");
	SUITE_TEXT(words(reader, 1500), "www.us 0 65535, ");	/* the first word of eu is past */
	SUITE_TEXT(steering(reader, 3), "three");
	SUITE_TEXT(plan(reader, 5), "-");	/* 65 days old */
	SUITE_TEXT(plan(reader, 6), "p6");
	/* A service that has ended leaves nothing once that is past. */
	CU_ASSERT_EQUAL(store_call(store, put_epochs, ended), 0);
	SUITE_TEXT(tables(reader, 8, "www."), "7 on 0: ");
	now = 200 * DAY_MS;
	CU_ASSERT_EQUAL(store_call(store, maintain, &now), 0);
	SUITE_TEXT(tables(reader, 8, "www."), "-2");
	CU_ASSERT_EQUAL(store_epoch_edge(reader, true, arena, &row), 0);
	SUITE_TEXT(row.body, "{c}");
	arena_free(arena);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static const struct suite_case cases[] = {
	{ .name = "epochs by time and number, with the body and the tables that count", .run = test_epochs },
	{ .name = "live words and steering of a moment", .run = test_words },
	{ .name = "upkeep keeps what any kept moment needs, and no more", .run = test_retention },
};

int
main(void)
{
	return suite_run("store_epochs", cases, ARRAY_SIZE(cases));
}
