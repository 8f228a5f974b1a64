/* test_past.c -- control/past: a moment that was stored answers as it did then, for clients of every network, region
 * words and record types; what isn't remembered any more; which moment a text means. */
#include "control/past.h"

#include <errno.h>

#include "plan/history.h"
#include "serve/steered.h"
#include "steer/constrain.h"
#include "store_folder.h"
#include "world.h"

#define CLIENTS 200

#define STEERING(weight) "regions: {a: {}, b: {}, c: {}}\n" \
	"client-groups: {office: {networks: [10.0.0.0/8]}, lab: {networks: [10.9.0.0/16]}}\n" \
	"services:\n" \
	"  www.example.: {sharding-policy: predictive, regions: {a: {weight: " weight "}, b: , c: }, " \
	"residency: [{clients: [lab], regions: [b, c]}]}\n" \
	"  api.example.: {sharding-policy: priority, regions: [b, a]}\n"

static struct world_parts
parts_of(const char *steering)
{
	return (struct world_parts){ .steering = steering, .zones = { { "example.",
	    "@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.53\n"
	    "a._region.www 60 IN A 192.0.2.1\nb._region.www 60 IN A 192.0.2.2\nc._region.www 60 IN A 192.0.2.3\n"
	    "a._region.www 60 IN AAAA ::1\na._region.api 60 IN A 192.0.2.1\nb._region.api 60 IN A 192.0.2.2\n" } } };
}

/* --- a store of two epochs ----------------------------------------------------------------------------------- */

/* Epoch 1 from 1000 ms on; b dies at 2000 and a is half drained at 3000; from 5000 on another steering's epoch 2. */
struct stage {
	struct folder folder;
	struct store *store;
	struct store_reader *reader;
	struct world first, second;
	const char *damage;		/* one that is done to what is stored, or "" */
};

static void
put_tables(struct store_txn *txn, const struct stage *stage, const struct snapshot *snapshot, uint64_t epoch,
	const struct snapshot *base)
{
	for (size_t s = 0; s < snapshot->service_count; s++) {
		const struct service *service = &snapshot->services[s];
		size_t base_length = 0, length;
		void *octets = base == NULL ? NULL : history_whole(base, &base->services[s], &base_length);
		uint8_t *written = history_write(snapshot, service, octets, base_length, &length);

		if (strcmp(stage->damage, "octets") == 0)
			written[length / 2] ^= 1;
		CU_ASSERT_EQUAL(store_epoch_tables_put(txn, epoch, service->intent->name, base == NULL ? 0 : base->epoch,
		    written, length), 0);
		free(written);
		free(octets);
	}
}

static void
put_epoch(struct store_txn *txn, const struct snapshot *snapshot, uint64_t epoch, int64_t at_ms, const char *steering)
{
	char *body = past_body(snapshot, false);
	struct epoch_row row = { epoch, { at_ms }, epoch, body };

	CU_ASSERT_EQUAL(store_epoch_put(txn, &row), 0);
	CU_ASSERT_EQUAL(store_steering_text_put(txn, epoch, row.at, steering), 0);
	free(body);
}

static int
put_all(struct store_txn *txn, void *arg)
{
	static const struct live_row words[] = {
		{ { 2000 }, "www.example.", "b", true, ADMIT_ALL }, { { 2000 }, "api.example.", "b", true, ADMIT_ALL },
		{ { 3000 }, "www.example.", "a", false, ADMIT_ALL / 2 },
	};
	const struct stage *stage = arg;
	bool unreadable = strcmp(stage->damage, "steering") == 0;

	put_epoch(txn, stage->first.snapshot, 1, 1000, unreadable ? "regions: [" : STEERING("1"));
	if (strcmp(stage->damage, "link") != 0)
		put_tables(txn, stage, stage->first.snapshot, 1, NULL);
	put_epoch(txn, stage->second.snapshot, 2, 5000, STEERING("5"));
	put_tables(txn, stage, stage->second.snapshot, 2, stage->first.snapshot);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		CU_ASSERT_EQUAL(store_live_put(txn, &words[i]), 0);
	return 0;
}

static void
stage_open(struct stage *stage, const char *damage)
{
	stage->damage = damage;
	stage->folder = folder_open();
	stage->store = folder_store(&stage->folder);
	stage->reader = folder_reader(&stage->folder);
	world_open(&stage->first, parts_of(STEERING("1")));
	world_open(&stage->second, parts_of(STEERING("5")));
	CU_ASSERT_EQUAL(store_call(stage->store, put_all, stage), 0);
}

static void
stage_close(struct stage *stage)
{
	world_close(&stage->first);
	world_close(&stage->second);
	store_reader_close(stage->reader);
	store_close(stage->store);
	folder_close(&stage->folder);
}

static bool
load(struct stage *stage, struct past *past, int64_t at_ms, const char *only, struct text *why)
{
	struct arena *arena = arena_new();
	struct epoch_row row;
	bool good = store_epoch_at(stage->reader, (struct wall){ at_ms }, arena, &row) == 0
		&& past_load(past, stage->reader, &row, (struct wall){ at_ms }, only, false, why);

	arena_free(arena);
	return good;
}

/* How many (client, service, type) get another answer from the past than from what is in service in `world`. */
static size_t
apart(const struct past *past, const struct snapshot *now)
{
	static const uint16_t types[] = { 1, 28, 16 };
	size_t apart = 0;

	for (unsigned i = 0; i < CLIENTS * ARRAY_SIZE(types) * (unsigned)now->service_count; i++) {
		const struct service *service = &now->services[i % now->service_count];
		uint16_t type = types[i / now->service_count % ARRAY_SIZE(types)];
		unsigned client = i / (unsigned)(now->service_count * ARRAY_SIZE(types));
		struct steered_client from = { .length = 32 };
		struct steered was, is;
		char text[32];

		snprintf(text, sizeof(text), "%u.%u.%u.1", client % 3 == 0 ? 10u : 11u, client % 2 == 0 ? 9u : 1u, client);
		if (address_parse(text, &from.address) != 0)
			abort();
		steered_place(&was, past->snapshot, &past->snapshot->services[i % now->service_count], &from, type, false,
		    NULL);
		steered_choose(&is, now, service, &from, type, NULL);
		apart += was.applies != is.applies || was.pick.region != is.pick.region
		    || was.pick.outcome != is.pick.outcome || was.slot != is.slot
		    || was.place.group != is.place.group || was.scope != is.scope;
	}
	return apart;
}

static struct live *
live_of(struct world *world, const char *name)
{
	for (size_t s = 0; s < world->snapshot->service_count; s++)
		if (strcmp(world->snapshot->services[s].intent->name, name) == 0)
			return world_live(world, s);
	abort();
}

/* --- moments ------------------------------------------------------------------------------------------------- */

static void
test_moments(void)
{
	static const struct { const char *name; int64_t at_ms; uint64_t epoch; bool b_dead; admit a; } rows[] = {
		{ "the first", 1000, 1, false, ADMIT_ALL }, { "before a word", 1999, 1, false, ADMIT_ALL },
		{ "with it", 2000, 1, true, ADMIT_ALL }, { "with two", 4999, 1, true, ADMIT_ALL / 2 },
		{ "the next epoch, with words of before", 5000, 2, true, ADMIT_ALL / 2 },
	};
	struct stage stage;

	stage_open(&stage, "");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world *then = rows[i].epoch == 1 ? &stage.first : &stage.second;
		struct text why = { 0 };
		struct past past;

		world_kill(then, "b", rows[i].b_dead);
		live_set_admit(live_of(then, "www.example."), 0, rows[i].a);
		SUITE_ROW(rows[i].name, load(&stage, &past, rows[i].at_ms, NULL, &why));
		SUITE_ROW(rows[i].name, past.snapshot->epoch == rows[i].epoch);
		SUITE_ROW(rows[i].name, apart(&past, then->snapshot) == 0);
		SUITE_ROW(rows[i].name, rows[i].epoch == 1 || apart(&past, stage.first.snapshot) > 0);
		for (size_t s = 0; s < past.snapshot->service_count; s++) {
			bool listed = past.snapshot->services[s].intent->policy == POLICY_PRIORITY;

			SUITE_ROW(rows[i].name, past.services[s].read == !listed);
			SUITE_ROW(rows[i].name, past.services[s].epoch == rows[i].epoch);
			SUITE_ROW(rows[i].name, past.services[s].chain == rows[i].epoch - 1);
		}
		past_fini(&past);
		text_fini(&why);
	}
	stage_close(&stage);
}

static void
test_one_service(void)
{
	struct text why = { 0 };
	struct stage stage;
	struct past past;

	stage_open(&stage, "");
	CU_ASSERT_FATAL(load(&stage, &past, 1500, "www.example.", &why));
	CU_ASSERT_EQUAL(past.snapshot->service_count, 1);
	SUITE_TEXT(past.snapshot->services[0].intent->name, "www.example.");
	past_fini(&past);
	CU_ASSERT(!load(&stage, &past, 1500, "ftp.example.", &why));
	SUITE_TEXT(why.bytes, "ftp.example. wasn't a service then");
	text_fini(&why);
	stage_close(&stage);
}

/* What a region accepted is remembered with the moment, by names. */
static void
test_narrowed(void)
{
	struct region_set accepting[8];
	struct stage stage;
	struct world *world = &stage.first;
	struct compiled compiled = { 0 };
	struct steering *narrow;
	struct text why = { 0 };
	struct past past;
	char *body;

	stage_open(&stage, "");
	for (size_t g = 0; g < world->steering->group_count; g++) {
		accepting[g] = region_set_all();
		if (strcmp(world->steering->groups[g].name, "office") == 0)
			accepting[g] = (struct region_set){ { 2 } };	/* b */
	}
	narrow = steering_constrain(world->steering, accepting);
	steering_free(world->steering);
	world->steering = narrow;
	snapshot_free(world->snapshot);
	world->snapshot = NULL;
	CU_ASSERT_EQUAL_FATAL(compile_tables(&compiled, narrow, NULL, NULL, NULL), 0);
	compiled_fini(&compiled);
	world->snapshot = world_snapshot(world, 1, NULL, NULL, 1);
	body = past_body(world->snapshot, false);
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(body, "{\"clients\":[\"office\"],\"regions\":[\"b\"]}"));
	CU_ASSERT_FATAL(past_load(&past, stage.reader, &(struct epoch_row){ 1, { 1000 }, 1, body }, (struct wall){ 1000 },
	    NULL, false, &why));
	/* Only the law is another one: tables are those that were stored. */
	for (size_t s = 0; s < past.snapshot->service_count; s++)
		for (size_t g = 0; g < past.snapshot->partition->count; g++) {
			struct region_set was = partition_legal(past.snapshot->partition, past.snapshot->locator,
				past.snapshot->services[s].intent, (uint16_t)g);
			struct region_set is = partition_legal(world->snapshot->partition, world->snapshot->locator,
				world->snapshot->services[s].intent, (uint16_t)g);

			CU_ASSERT_EQUAL(memcmp(&was, &is, sizeof(was)), 0);
		}
	past_fini(&past);
	free(body);
	text_fini(&why);
	stage_close(&stage);
}

/* What was lost of tables is compiled; without its steering a moment says nothing. */
static void
test_damage(void)
{
	static const struct { const char *damage, *why; int64_t at_ms; bool read; } rows[] = {
		{ "octets", "", 1000, false }, { "link", "", 1000, false }, { "link", "", 5000, false },
		{ "steering", "the steering of that time can't be read any more", 1000, false },
		{ "steering", "", 5000, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text why = { 0 };
		struct stage stage;
		struct past past;
		bool loaded;

		stage_open(&stage, rows[i].damage);
		text_puts(&why, "");
		loaded = load(&stage, &past, rows[i].at_ms, "www.example.", &why);
		SUITE_TEXT(why.bytes, rows[i].why);
		SUITE_ROW(rows[i].damage, loaded == (rows[i].why[0] == '\0'));
		if (loaded) {
			SUITE_ROW(rows[i].damage, past.services[0].read == rows[i].read);
			past_fini(&past);
		}
		text_fini(&why);
		stage_close(&stage);
	}
}

/* --- texts --------------------------------------------------------------------------------------------------- */

static void
test_find(void)
{
	static const struct { const char *text; int error; uint64_t epoch; int64_t at_ms; const char *why; } rows[] = {
		{ "epoch 1", 0, 1, 1000, "" }, { "2", 0, 2, 5000, "" },
		{ "3", -ENOENT, 0, 0,
		    "epoch 3 isn't in the store's memory, which begins with epoch 1 at 1970-01-01T00:00:01.000Z" },
		{ "1970-01-01T00:00:04Z", 0, 1, 4000, "" }, { "1970-01-01T00:00:05Z", 0, 2, 5000, "" },
		{ "1970-01-01T00:00:00Z", -ENOENT, 0, 0, "1970-01-01T00:00:00.000Z is before the store's memory, which "
		    "begins with epoch 1 at 1970-01-01T00:00:01.000Z" },
		{ "4s ago", 0, 2, 6000, "" }, { "8s ago", 0, 1, 2000, "" }, { "1h ago", -ENOENT, 0, 0,
		    "1969-12-31T23:00:10.000Z is before the store's memory, which begins with epoch 1 at "
		    "1970-01-01T00:00:01.000Z" },
		{ "lately", -EINVAL, 0, 0,
		    "'lately' is no moment such as 2026-11-22T16:20:52Z, 10m ago, or epoch 7" },
		{ "a while ago", -EINVAL, 0, 0,
		    "'a while ago' is no moment such as 2026-11-22T16:20:52Z, 10m ago, or epoch 7" },
		{ "epoch 99999999999999999999", -EINVAL, 0, 0,
		    "'epoch 99999999999999999999' is no moment such as 2026-11-22T16:20:52Z, 10m ago, or epoch 7" },
	};
	struct stage stage;

	stage_open(&stage, "");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena *arena = arena_new();
		struct text why = { 0 };
		struct epoch_row row;
		struct wall at;
		int error;

		text_puts(&why, "");
		error = past_find(stage.reader, rows[i].text, (struct wall){ 10000 }, arena, &row, &at, &why);
		SUITE_ROW(rows[i].text, error == rows[i].error);
		SUITE_ROW(rows[i].text, error != 0 || (row.epoch == rows[i].epoch && at.ms == rows[i].at_ms));
		SUITE_TEXT(why.bytes, rows[i].why);
		text_fini(&why);
		arena_free(arena);
	}
	stage_close(&stage);
}

static void
test_empty(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct arena *arena = arena_new();
	struct text why = { 0 };
	struct epoch_row row;
	struct wall at;

	CU_ASSERT_EQUAL(past_find(reader, "7", (struct wall){ 0 }, arena, &row, &at, &why), -ENOENT);
	SUITE_TEXT(why.bytes, "epoch 7 isn't in the store's memory, which is empty");
	text_fini(&why);
	arena_free(arena);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static const struct suite_case cases[] = {
	{ .name = "answers as they were then", .run = test_moments },
	{ .name = "one service alone", .run = test_one_service },
	{ .name = "what regions accepted", .run = test_narrowed },
	{ .name = "what isn't remembered", .run = test_damage },
	{ .name = "which moment a text means", .run = test_find },
	{ .name = "a store without any", .run = test_empty },
};

int
main(void)
{
	return suite_run("past", cases, ARRAY_SIZE(cases));
}
