/* test_store.c -- store/store: the writer thread. Batches, savepoints, the order and the moment of `done`, what happens
 * when a COMMIT fails, a full queue, closing, and submissions from many threads. */
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

#include "store/txn.h"
#include "store_folder.h"

/* --- tools: a gate that holds the writer thread, so that what is submitted meanwhile becomes one batch ----------- */

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool reached, open;
};

static void gate_await(struct gate *gate);

static void
gate_init(struct gate *gate)
{
	*gate = (struct gate){ .reached = false };
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->change, NULL);
}

static void
gate_fini(struct gate *gate)
{
	pthread_cond_destroy(&gate->change);
	pthread_mutex_destroy(&gate->lock);
}

static void
gate_wait(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->reached = true;
	pthread_cond_broadcast(&gate->change);
	while (!gate->open)
		pthread_cond_wait(&gate->change, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

/* The job's `done`, so that its own batch has ended when the gate opens. */
static void
gate_done(void *arg, int status UNUSED)
{
	gate_wait(arg);
}

static int
nothing(struct store_txn *txn UNUSED, void *arg UNUSED)
{
	return 0;
}

/* Returns when the writer thread stands at the gate. */
static void
gate_close(struct gate *gate, struct store *store)
{
	CU_ASSERT_FATAL(store_submit(store, nothing, gate_done, gate));
	gate_await(gate);
}

static void
gate_await(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (!gate->reached)
		pthread_cond_wait(&gate->change, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void
gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->change);
	pthread_mutex_unlock(&gate->lock);
}

/* --- tools: numbered jobs ---------------------------------------------------------------------------------------- */

/* What `done` said, in the order in which it was called. Written by the writer thread, read after store_close(). */
static struct text log_of_done;

struct numbered {
	int number;
	enum { GOOD, FAILS, ROLLS_ALL_BACK, SPOILS_COMMIT, READS_ONLY } kind;
};

static int
numbered_run(struct store_txn *txn, void *arg)
{
	const struct numbered *job = arg;
	char name[32];
	int error;

	snprintf(name, sizeof(name), "zone-%d.", job->number);
	error = store_zone_put(txn, name, "");
	if (error != 0)
		return error;
	switch (job->kind) {
	case GOOD:
		return 0;
	case FAILS:
		return -EDOM;
	case ROLLS_ALL_BACK:	/* as SQLite does by itself after some errors */
		return db_script(txn->db, "ROLLBACK") == 0 ? -ENOSPC : -EIO;
	case SPOILS_COMMIT:
		return db_script(txn->db, "PRAGMA defer_foreign_keys = ON; INSERT INTO sample VALUES (99, 1, 1)");
	case READS_ONLY:
		break;
	}
	return db_script(txn->db, "PRAGMA query_only = ON");
}

static void
numbered_done(void *arg, int status)
{
	const struct numbered *job = arg;

	text_printf(&log_of_done, "%d:%d ", job->number, status);
}

static bool
see_zone(void *arg, const char *name, const char *text UNUSED)
{
	text_printf(arg, "%s ", name);
	return true;
}

static void
expect_zones(const struct folder *folder, const char *expected)
{
	struct store_reader *reader = folder_reader(folder);
	struct text zones = { 0 };

	CU_ASSERT_EQUAL(store_zones(reader, see_zone, &zones), 0);
	SUITE_TEXT(zones.bytes == NULL ? "" : zones.bytes, expected);
	text_fini(&zones);
	store_reader_close(reader);
}

/* Runs these and a gate of their own as one batch, then one good job, number 9, in another; closes the store. */
static struct store_counters
run_batch(struct store *store, struct numbered *jobs, size_t count)
{
	struct numbered last = { 9, GOOD };
	struct store_counters counters;
	struct gate gate, after;

	gate_init(&gate);
	gate_init(&after);
	gate_close(&gate, store);
	for (size_t i = 0; i < count; i++)
		CU_ASSERT(store_submit(store, numbered_run, numbered_done, &jobs[i]));
	CU_ASSERT_EQUAL(store_queue_length(store), count);
	CU_ASSERT(store_submit(store, nothing, gate_done, &after));
	gate_open(&gate);
	gate_await(&after);
	gate_open(&after);
	CU_ASSERT(store_submit(store, numbered_run, numbered_done, &last));
	CU_ASSERT_EQUAL(store_call(store, nothing, NULL), 0);
	counters = store_counters(store);
	store_close(store);
	gate_fini(&gate);
	gate_fini(&after);
	return counters;
}

/* --- batches ----------------------------------------------------------------------------------------------------- */

static void
test_batches(void)
{
	static const struct {
		const char *name;
		struct numbered jobs[4];
		const char *done, *zones;
		uint64_t failures;
	} batches[] = {
		{ "all good", { { 1, GOOD }, { 2, GOOD }, { 3, GOOD }, { 4, GOOD } },
		    "1:0 2:0 3:0 4:0 9:0 ", "zone-1. zone-2. zone-3. zone-4. zone-9. ", 0 },
		{ "one fails", { { 1, GOOD }, { 2, FAILS }, { 3, GOOD }, { 4, GOOD } },
		    "1:0 2:-33 3:0 4:0 9:0 ", "zone-1. zone-3. zone-4. zone-9. ", 1 },
		{ "all fail", { { 1, FAILS }, { 2, FAILS }, { 3, FAILS }, { 4, FAILS } },
		    "1:-33 2:-33 3:-33 4:-33 9:0 ", "zone-9. ", 4 },
		{ "the transaction is gone", { { 1, GOOD }, { 2, FAILS }, { 3, ROLLS_ALL_BACK }, { 4, GOOD } },
		    "1:-28 2:-28 3:-28 4:-28 9:0 ", "zone-9. ", 5 },
		{ "COMMIT fails", { { 1, GOOD }, { 2, FAILS }, { 3, SPOILS_COMMIT }, { 4, GOOD } },
		    "1:-5 2:-5 3:-5 4:-5 9:0 ", "zone-9. ", 5 },
		{ "writing is refused, and a new connection heals it",
		    { { 1, GOOD }, { 2, READS_ONLY }, { 3, GOOD }, { 4, GOOD } },
		    "1:0 2:0 3:-30 4:-30 9:0 ", "zone-1. zone-2. zone-9. ", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(batches); i++) {
		struct folder folder = folder_open();
		struct numbered jobs[4];
		struct store_counters counters;

		memcpy(jobs, batches[i].jobs, sizeof(jobs));
		counters = run_batch(folder_store(&folder), jobs, ARRAY_SIZE(jobs));
		SUITE_TEXT(log_of_done.bytes, batches[i].done);
		expect_zones(&folder, batches[i].zones);
		CU_ASSERT_EQUAL(counters.jobs, 8);	/* the gate's, these four and theirs, the last, and a call */
		CU_ASSERT(counters.batches == 3 || counters.batches == 4);
		if (counters.failures != batches[i].failures)
			CU_FAIL(batches[i].name);
		text_fini(&log_of_done);
		folder_close(&folder);
	}
}

struct visible {
	const struct folder *folder;
	bool seen;
};

static int
visible_run(struct store_txn *txn, void *arg UNUSED)
{
	return store_zone_put(txn, "visible.", "");
}

static void
visible_done(void *arg, int status)
{
	struct visible *visible = arg;
	struct store_reader *reader = folder_reader(visible->folder);
	struct text zones = { 0 };

	store_zones(reader, see_zone, &zones);
	visible->seen = status == 0 && zones.bytes != NULL && strcmp(zones.bytes, "visible. ") == 0;
	text_fini(&zones);
	store_reader_close(reader);
}

static void
test_done_after_commit(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct visible visible = { &folder, false };

	CU_ASSERT(store_submit(store, visible_run, visible_done, &visible));
	store_close(store);
	CU_ASSERT(visible.seen);
	folder_close(&folder);
}

struct chain {
	struct store *store;
	int left;
	_Atomic int done;
};

static void
chain_done(void *arg, int status)
{
	struct chain *chain = arg;

	CU_ASSERT_EQUAL(status, 0);
	if (chain->left-- > 0)
		CU_ASSERT(store_submit(chain->store, nothing, chain_done, chain));
	atomic_fetch_add(&chain->done, 1);
}

static void
test_submit_from_done(void)
{
	struct folder folder = folder_open();
	struct chain chain = { folder_store(&folder), 10, 0 };

	CU_ASSERT(store_submit(chain.store, nothing, chain_done, &chain));
	while (atomic_load(&chain.done) < 11)
		CU_ASSERT_EQUAL_FATAL(store_call(chain.store, nothing, NULL), 0);	/* each after one of them */
	store_close(chain.store);
	CU_ASSERT_EQUAL(atomic_load(&chain.done), 11);
	folder_close(&folder);
}

/* --- the queue --------------------------------------------------------------------------------------------------- */

static void
count_done(void *arg, int status)
{
	if (status == 0)
		++*(size_t *)arg;
}

static void
test_queue_full(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct gate gate;
	size_t done = 0, taken = 0;

	gate_init(&gate);
	gate_close(&gate, store);
	while (taken <= STORE_QUEUE_MAX && store_submit(store, nothing, count_done, &done))
		taken++;
	CU_ASSERT_EQUAL(taken, STORE_QUEUE_MAX);
	CU_ASSERT_EQUAL(store_queue_length(store), STORE_QUEUE_MAX);
	CU_ASSERT_EQUAL(store_call(store, nothing, NULL), -EAGAIN);
	gate_open(&gate);
	store_close(store);	/* works the queue off first */
	CU_ASSERT_EQUAL(done, STORE_QUEUE_MAX);
	gate_fini(&gate);
	folder_close(&folder);
}

static void
test_close_drains(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct numbered jobs[] = { { 1, GOOD }, { 2, GOOD }, { 3, GOOD } };

	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		CU_ASSERT(store_submit(store, numbered_run, numbered_done, &jobs[i]));
	store_close(store);
	SUITE_TEXT(log_of_done.bytes, "1:0 2:0 3:0 ");
	expect_zones(&folder, "zone-1. zone-2. zone-3. ");
	text_fini(&log_of_done);
	folder_close(&folder);
}

/* --- many threads ------------------------------------------------------------------------------------------------ */

#define THREADS 4
#define JOBS 300

struct submitter {
	struct store *store;
	pthread_t thread;
	int number, next;	/* next: the job whose `done` must come next */
	bool in_order;
	_Atomic int finished;
	struct ticket { struct submitter *submitter; int number; } tickets[JOBS];
};

static int
ticket_run(struct store_txn *txn, void *arg)
{
	const struct ticket *ticket = arg;
	struct report_metric metric = { "n", "", "", ticket->number };
	struct report report = { .agent = "r", .region = "eu", .sequence = (uint64_t)ticket->number + 1,
		.time = { ticket->number }, .metric_count = 1, .metrics = &metric };
	char agent[16];

	snprintf(agent, sizeof(agent), "agent-%d", ticket->submitter->number);
	report.agent = agent;
	return store_report_put(txn, &report, report.time);
}

static void
ticket_done(void *arg, int status)
{
	struct ticket *ticket = arg;
	struct submitter *submitter = ticket->submitter;

	submitter->in_order = submitter->in_order && status == 0 && submitter->next == ticket->number;
	submitter->next++;
	atomic_fetch_add(&submitter->finished, 1);
}

static void *
submitter_main(void *arg)
{
	struct submitter *submitter = arg;

	for (int i = 0; i < JOBS; i++) {
		submitter->tickets[i] = (struct ticket){ submitter, i };
		if (!store_submit(submitter->store, ticket_run, ticket_done, &submitter->tickets[i]))
			abort();
		if (i % 10 == 0 && store_call(submitter->store, nothing, NULL) != 0)
			abort();
		if (store_counters(submitter->store).jobs > THREADS * JOBS * 2)
			abort();
	}
	return NULL;
}

static bool
count_report(void *arg, const char *region UNUSED, const char *agent UNUSED, struct wall received,
	const char *json UNUSED)
{
	*(int64_t *)arg += received.ms;
	return true;
}

static void
test_many_threads(void)
{
	static struct submitter submitters[THREADS];
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct store_counters counters;
	int64_t sum = 0;

	for (int i = 0; i < THREADS; i++) {
		submitters[i] = (struct submitter){ .store = store, .number = i, .in_order = true };
		CU_ASSERT_EQUAL_FATAL(pthread_create(&submitters[i].thread, NULL, submitter_main, &submitters[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		while (atomic_load(&submitters[i].finished) < JOBS / 2)	/* a reader beside the writer, meanwhile */
			CU_ASSERT_EQUAL_FATAL(store_latest_reports(reader, count_report, &sum), 0);
		pthread_join(submitters[i].thread, NULL);
	}
	CU_ASSERT_EQUAL(store_call(store, nothing, NULL), 0);
	counters = store_counters(store);
	CU_ASSERT_EQUAL(counters.jobs, THREADS * (JOBS + JOBS / 10) + 1);
	CU_ASSERT_EQUAL(counters.failures, 0);
	CU_ASSERT_EQUAL(counters.samples, THREADS * JOBS);
	CU_ASSERT(counters.batches <= counters.jobs);
	for (int i = 0; i < THREADS; i++) {
		CU_ASSERT(submitters[i].in_order);
		CU_ASSERT_EQUAL(atomic_load(&submitters[i].finished), JOBS);
	}
	sum = 0;
	CU_ASSERT_EQUAL(store_latest_reports(reader, count_report, &sum), 0);
	CU_ASSERT_EQUAL(sum, THREADS * (JOBS - 1));
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static const struct suite_case cases[] = {
	{ .name = "batches: savepoints, failures, and what each done is told", .run = test_batches },
	{ .name = "done comes when others can see the row", .run = test_done_after_commit },
	{ .name = "done may submit", .run = test_submit_from_done },
	{ .name = "a full queue refuses, and loses nothing that it took", .run = test_queue_full },
	{ .name = "closing works the queue off", .run = test_close_drains },
	{ .name = "four threads submit, one reads: all counted, each in order", .run = test_many_threads },
};

int
main(void)
{
	return suite_run("store", cases, ARRAY_SIZE(cases));
}
