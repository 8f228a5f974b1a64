/* store.c -- the writer thread: jobs in, transactions out.
 * In: jobs, from any thread.  Out: one transaction per batch, and a call of each job's `done` after its COMMIT.
 * Why batches: a durable commit costs a flush of the disk (0.1 to 10 ms); the jobs that wait share it, so the rate of
 * reports is bound by their work and not by the disk's flushes.
 * A job that fails is rolled back to its savepoint and the others go on. When the transaction itself fails (disk full
 * at COMMIT, or an error after which SQLite has rolled all back) every job of the batch gets that error, also one
 * that had failed by itself: its reason (a duplicate, say) may have been a row that is gone now.
 * After an I/O error or a refusal as read-only, of a job or of the batch, the connection is closed and opened anew for
 * the next batch, so that the thread finds its way back when the disk does.
 * Threads: the ring of waiting jobs is guarded by `lock`; the connection belongs to the writer thread.
 * Invariants: `done` is called once per job taken, in the order of submission, without `lock` held.
 * References: https://sqlite.org/wal.html; https://sqlite.org/lang_transaction.html, "Response To Errors". */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/txn.h"

/* A batch ends at so many jobs or so many changed rows, whichever is first: the first job's caller waits for the last
 * one's work, and 20,000 rows are some 50 ms, not much more than a slow disk's flush. Counted in rows and not in
 * time, so that a batch is the same under a debugger or on a busy machine. */
#define BATCH_JOBS_MAX 512
#define BATCH_ROWS_MAX 20000

struct job {
	store_job_fn *run;
	store_done_fn *done;
	void *arg;
	int status;
};

struct store {
	struct store_options options;
	char *path;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t wake;		/* the writer waits here for jobs or for `closing` */
	struct job *ring;		/* STORE_QUEUE_MAX */
	size_t first, length;		/* of the jobs that wait */
	bool closing;

	struct job batch[BATCH_JOBS_MAX];	/* from here on the writer thread's */
	size_t count;			/* of the jobs in `batch` */
	struct db db;			/* handle NULL: to be opened before the next batch */
	bool doubtful;			/* something failed in a way that a new connection may heal */
	int failing;			/* how the last batch failed, or 0: the log tells changes, not each batch */

	_Atomic uint64_t jobs, batches, failures, samples;	/* the writer adds, anyone reads */
};

static void options_fill(struct store_options *options);
static int thread_start(struct store *store);
static void *writer_main(void *arg);
static bool writer_wait(struct store *store);
static void batch_run(struct store *store);
static int batch_begin(struct store *store);
static int batch_work(struct store *store, struct store_txn *txn);
static bool batch_take(struct store *store);
static int job_run(struct store_txn *txn, struct job *job);
static int batch_end(struct store *store, int status);
static void batch_note(struct store *store, int status);
static void batch_done(struct store *store, int status);

struct store *
store_open(const struct store_options *options, struct text *error)
{
	struct store *store = calloc(1, sizeof(*store));
	int failure = ENOMEM;

	if (store == NULL)
		goto fail;
	store->options = *options;
	options_fill(&store->options);
	store->path = strdup(options->path);
	if (store->path == NULL)
		goto free_store;
	store->options.path = store->path;
	store->ring = calloc(STORE_QUEUE_MAX, sizeof(*store->ring));
	if (store->ring == NULL)
		goto free_path;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->wake, NULL);
	if (store_connect(&store->db, store->path, true, error) != 0)
		goto destroy_lock;
	failure = thread_start(store);
	if (failure != 0)
		goto disconnect;
	return store;

disconnect:
	db_close(&store->db);
destroy_lock:
	pthread_cond_destroy(&store->wake);
	pthread_mutex_destroy(&store->lock);
	free(store->ring);
free_path:
	free(store->path);
free_store:
	free(store);
fail:
	if (error->length == 0)
		text_printf(error, "%s: %s", options->path, strerror(failure));
	return NULL;
}

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* A rollup is kept at least an hour longer than what it is made from, so that a late sample, which rolls its minute and
 * its hour up again, finds the whole of both. */
static void
options_fill(struct store_options *options)
{
	if (options->keep_samples_ms <= 0)
		options->keep_samples_ms = 2 * DAY_MS;
	if (options->keep_minutes_ms <= 0)
		options->keep_minutes_ms = 40 * DAY_MS;
	if (options->keep_hours_ms <= 0)
		options->keep_hours_ms = 400 * DAY_MS;
	if (options->keep_reports_ms <= 0)
		options->keep_reports_ms = 2 * DAY_MS;
	if (options->keep_minutes_ms < options->keep_samples_ms + 2 * HOUR_MS)
		options->keep_minutes_ms = options->keep_samples_ms + 2 * HOUR_MS;
	if (options->keep_hours_ms < options->keep_minutes_ms + HOUR_MS)
		options->keep_hours_ms = options->keep_minutes_ms + HOUR_MS;
}

/* Signals are the main thread's business. */
static int
thread_start(struct store *store)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&store->thread, NULL, writer_main, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	pthread_mutex_lock(&store->lock);
	store->closing = true;
	pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->thread, NULL);
	db_close(&store->db);
	pthread_cond_destroy(&store->wake);
	pthread_mutex_destroy(&store->lock);
	free(store->ring);
	free(store->path);
	free(store);
}

bool
store_submit(struct store *store, store_job_fn *job, store_done_fn *done, void *arg)
{
	bool taken;

	pthread_mutex_lock(&store->lock);
	taken = !store->closing && store->length < STORE_QUEUE_MAX;
	if (taken) {
		size_t last = (store->first + store->length) % STORE_QUEUE_MAX;

		store->ring[last] = (struct job){ .run = job, .done = done, .arg = arg };
		if (store->length++ == 0)
			pthread_cond_signal(&store->wake);
	}
	pthread_mutex_unlock(&store->lock);
	return taken;
}

struct call {
	store_job_fn *job;
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool finished;
	int status;
};

static int call_run(struct store_txn *txn, void *arg);
static void call_done(void *arg, int status);

int
store_call(struct store *store, store_job_fn *job, void *arg)
{
	struct call call = { .job = job, .arg = arg, .status = -EAGAIN };

	assert(!pthread_equal(pthread_self(), store->thread));
	pthread_mutex_init(&call.lock, NULL);
	pthread_cond_init(&call.wake, NULL);
	if (store_submit(store, call_run, call_done, &call)) {
		pthread_mutex_lock(&call.lock);
		while (!call.finished)
			pthread_cond_wait(&call.wake, &call.lock);
		pthread_mutex_unlock(&call.lock);
	}
	pthread_cond_destroy(&call.wake);
	pthread_mutex_destroy(&call.lock);
	return call.status;
}

static int
call_run(struct store_txn *txn, void *arg)
{
	struct call *call = arg;

	return call->job(txn, call->arg);
}

static void
call_done(void *arg, int status)
{
	struct call *call = arg;

	pthread_mutex_lock(&call->lock);
	call->status = status;
	call->finished = true;
	pthread_cond_signal(&call->wake);
	pthread_mutex_unlock(&call->lock);
}

struct store_counters
store_counters(const struct store *store)
{
	return (struct store_counters){
		.jobs = atomic_load_explicit(&store->jobs, memory_order_relaxed),
		.batches = atomic_load_explicit(&store->batches, memory_order_relaxed),
		.failures = atomic_load_explicit(&store->failures, memory_order_relaxed),
		.samples = atomic_load_explicit(&store->samples, memory_order_relaxed),
	};
}

size_t
store_queue_length(struct store *store)
{
	size_t length;

	pthread_mutex_lock(&store->lock);
	length = store->length;
	pthread_mutex_unlock(&store->lock);
	return length;
}

/* --- the writer thread ------------------------------------------------------------------------------------------ */

static void *
writer_main(void *arg)
{
	struct store *store = arg;

	while (writer_wait(store))
		batch_run(store);
	return NULL;
}

/* Until there is a job. False when the store closes and the queue is empty. */
static bool
writer_wait(struct store *store)
{
	bool more;

	pthread_mutex_lock(&store->lock);
	while (store->length == 0 && !store->closing)
		pthread_cond_wait(&store->wake, &store->lock);
	more = store->length > 0;
	pthread_mutex_unlock(&store->lock);
	return more;
}

static void
batch_run(struct store *store)
{
	struct store_txn txn = { .db = &store->db, .options = &store->options };
	int status;

	store->count = 0;
	status = batch_begin(store);
	if (status == 0)
		status = batch_work(store, &txn);
	while (status != 0 && batch_take(store))
		continue;	/* what waits shares the failure, so that callers can tell their agents to come again */
	status = batch_end(store, status);
	if (status == 0)
		atomic_fetch_add_explicit(&store->samples, txn.samples, memory_order_relaxed);
	batch_note(store, status);
	batch_done(store, status);
}

static int
batch_begin(struct store *store)
{
	if (store->db.handle == NULL) {
		struct text why = { 0 };
		int error = store_connect(&store->db, store->path, false, &why);

		text_fini(&why);	/* batch_note() speaks of the failure */
		if (error != 0)
			return error;
	}
	return db_run(&store->db, "BEGIN IMMEDIATE", DB_NONE);
}

/* Runs the jobs that wait and those that come meanwhile. 0, or the error that undid the whole transaction. */
static int
batch_work(struct store *store, struct store_txn *txn)
{
	int64_t begin = db_changes_ever(&store->db);
	int status = 0;

	while (status == 0 && db_changes_ever(&store->db) - begin < BATCH_ROWS_MAX && batch_take(store)) {
		struct job *job = &store->batch[store->count - 1];

		status = job_run(txn, job);
		store->doubtful = store->doubtful || job->status == -EROFS || job->status == -EIO;
	}
	return status;
}

/* Moves the first job that waits into the batch. False when none waits or the batch is full. */
static bool
batch_take(struct store *store)
{
	bool taken;

	pthread_mutex_lock(&store->lock);
	taken = store->length > 0 && store->count < BATCH_JOBS_MAX;
	if (taken) {
		store->batch[store->count++] = store->ring[store->first];
		store->first = (store->first + 1) % STORE_QUEUE_MAX;
		store->length--;
	}
	pthread_mutex_unlock(&store->lock);
	return taken;
}

/* The job's own failure goes to job->status. 0, or the error that undid the whole transaction. */
static int
job_run(struct store_txn *txn, struct job *job)
{
	uint64_t samples = txn->samples;
	int error = db_run(txn->db, "SAVEPOINT job", DB_NONE);

	if (error != 0)
		return error;
	job->status = job->run(txn, job->arg);
	if (!db_in_transaction(txn->db))
		return job->status != 0 ? job->status : -EIO;
	if (job->status != 0) {
		txn->samples = samples;
		error = db_run(txn->db, "ROLLBACK TO job", DB_NONE);
	}
	if (error == 0)
		error = db_run(txn->db, "RELEASE job", DB_NONE);
	return error;
}

/* Commits, or rolls back when `status` says so already. The batch's fate: 0 or -errno. */
static int
batch_end(struct store *store, int status)
{
	if (status == 0)
		status = db_run(&store->db, "COMMIT", DB_NONE);
	if (status != 0)
		db_rollback(&store->db);
	if (store->doubtful || (status != 0 && status != -ENOSPC && status != -EBUSY))
		db_close(&store->db);
	store->doubtful = false;
	switch (status) {
	case 0:
	case -ENOSPC:
	case -EROFS:
	case -EBUSY:
	case -ENOMEM:
		return status;
	case -EACCES:
		return -EROFS;
	default:
		return -EIO;
	}
}

static void
batch_note(struct store *store, int status)
{
	size_t failed = 0;

	for (size_t i = 0; i < store->count; i++)
		failed += status != 0 || store->batch[i].status != 0;
	atomic_fetch_add_explicit(&store->jobs, store->count, memory_order_relaxed);
	atomic_fetch_add_explicit(&store->batches, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&store->failures, failed, memory_order_relaxed);
	if (status != 0 && status != store->failing)
		log_error("store: %s: nothing can be stored: %s", store->path, strerror(-status));
	if (status == 0 && store->failing != 0)
		log_info("store: %s: writable again", store->path);
	store->failing = status;
}

static void
batch_done(struct store *store, int status)
{
	for (size_t i = 0; i < store->count; i++) {
		const struct job *job = &store->batch[i];

		if (job->done != NULL)
			job->done(job->arg, status != 0 ? status : job->status);
	}
}
