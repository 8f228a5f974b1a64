/* test_store_failure.c -- store/: the writer is killed, the disk is full, the file is locked or read-only. Nothing
 * that was acknowledged is lost, each failure has its own errno, and the writer thread goes on by itself when the
 * cause is gone. */
#include "store/store.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store/txn.h"
#include "store_folder.h"

/* --- tools ------------------------------------------------------------------------------------------------------- */

/* Entry number *n of the journal, a zone of that number, and a report with 20 samples: all or nothing. */
static int
put_number(struct store_txn *txn, void *arg)
{
	const uint64_t *n = arg;
	struct report_metric metrics[20];
	struct report report = { .agent = "r", .region = "eu", .sequence = *n, .time = { (int64_t)*n },
		.metric_count = ARRAY_SIZE(metrics), .metrics = metrics };
	char names[ARRAY_SIZE(metrics)][16], zone[32];
	uint64_t revision;
	int error;

	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		snprintf(names[i], sizeof(names[i]), "metric-%zu", i);
		metrics[i] = (struct report_metric){ names[i], "", "", (double)*n };
	}
	snprintf(zone, sizeof(zone), "zone-%llu.", (unsigned long long)*n);
	error = store_report_put(txn, &report, report.time);
	if (error == 0)
		error = store_zone_put(txn, zone, "text");
	if (error == 0)
		error = store_journal_add(txn, report.time, "test", "number", "", "{}", &revision);
	return error != 0 ? error : revision == *n ? 0 : -EPROTO;
}

static bool
count_zone(void *arg, const char *name UNUSED, const char *text UNUSED)
{
	++*(uint64_t *)arg;
	return true;
}

static bool
count_sample(void *arg, const struct sample_row *sample UNUSED)
{
	++*(uint64_t *)arg;
	return true;
}

static bool
count_series(void *arg, const struct series_row *series UNUSED)
{
	++*(uint64_t *)arg;
	return true;
}

/* How many numbers the store holds; each must be whole. */
static uint64_t
numbers_stored(const struct folder *folder)
{
	struct store_reader *reader = folder_reader(folder);
	uint64_t revisions = 0, first_bad = 0, zones = 0, samples = 0, series = 0;

	CU_ASSERT_EQUAL(store_journal_verify(reader, &revisions, &first_bad), 0);
	CU_ASSERT_EQUAL(store_zones(reader, count_zone, &zones), 0);
	CU_ASSERT_EQUAL(store_series(reader, NULL, count_series, &series), 0);
	for (uint64_t i = 1; i <= series; i++)
		CU_ASSERT_EQUAL(store_samples(reader, (int64_t)i, RESOLUTION_RAW, (struct wall){ 0 },
		    (struct wall){ INT64_MAX }, count_sample, &samples), 0);
	CU_ASSERT_EQUAL(zones, revisions);
	CU_ASSERT_EQUAL(samples, 20 * revisions);
	store_reader_close(reader);
	return revisions;
}

static void
integrity_check(const struct folder *folder)
{
	sqlite3 *handle = NULL;
	sqlite3_stmt *rows = NULL;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(folder->path, &handle), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &rows, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_step(rows), SQLITE_ROW);
	SUITE_TEXT((const char *)sqlite3_column_text(rows, 0), "ok");
	sqlite3_finalize(rows);
	sqlite3_close(handle);
}

/* Runs `child` in a process of its own, which ends with what it returns. */
static pid_t
spawn(int (*child)(const struct folder *folder, int fd), const struct folder *folder, int fd)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(child(folder, fd));
	CU_ASSERT_FATAL(pid > 0);
	return pid;
}

/* --- killed ------------------------------------------------------------------------------------------------------ */

struct acknowledgement {
	int fd;
	uint64_t number;
};

static int
put_acknowledged(struct store_txn *txn, void *arg)
{
	struct acknowledgement *ack = arg;

	return put_number(txn, &ack->number);
}

static void
acknowledge(void *arg, int status)
{
	struct acknowledgement *ack = arg;

	if (status != 0 || write(ack->fd, &ack->number, sizeof(ack->number)) != sizeof(ack->number))
		_exit(2);
	free(ack);
}

static int
nothing(struct store_txn *txn UNUSED, void *arg UNUSED)
{
	return 0;
}

/* Writes numbers until it is killed, with some always on their way. */
static int
write_for_ever(const struct folder *folder, int fd)
{
	struct store *store = folder_store(folder);

	for (uint64_t n = numbers_stored(folder) + 1;; n++) {
		struct acknowledgement *ack = calloc(1, sizeof(*ack));

		if (ack == NULL)
			return 1;
		*ack = (struct acknowledgement){ fd, n };
		if (!store_submit(store, put_acknowledged, acknowledge, ack))
			return 1;
		if (n % 8 == 0 && store_call(store, nothing, NULL) != 0)
			return 1;
	}
}

static void
test_killed(void)
{
	static const unsigned acknowledgements[] = { 1, 20, 200, 3 };	/* before the kill, in each round */
	struct folder folder = folder_open();
	uint64_t last = 0;

	for (size_t round = 0; round < ARRAY_SIZE(acknowledgements); round++) {
		int ends[2], status;
		uint64_t number;
		pid_t pid;

		CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
		pid = spawn(write_for_ever, &folder, ends[1]);
		close(ends[1]);
		for (unsigned i = 0; i < acknowledgements[round]; i++)
			CU_ASSERT_EQUAL_FATAL(read(ends[0], &last, sizeof(last)), sizeof(last));
		CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		CU_ASSERT(WIFSIGNALED(status));
		while (read(ends[0], &number, sizeof(number)) == sizeof(number))	/* those under way */
			last = number;
		close(ends[0]);
		CU_ASSERT(last >= acknowledgements[round]);
		CU_ASSERT(numbers_stored(&folder) >= last);
		integrity_check(&folder);
	}
	folder_close(&folder);
}

/* --- full -------------------------------------------------------------------------------------------------------- */

/* Numbers until one fails. The error; *stored: how many before. */
static int
put_until_failure(struct store *store, uint64_t *stored)
{
	for (uint64_t n = *stored + 1; n < 100000; n++) {
		int error = store_call(store, put_number, &n);

		if (error != 0)
			return error;
		*stored = n;
	}
	return 0;
}

static int
pragma(struct store_txn *txn, void *arg)
{
	return db_script(txn->db, arg);
}

static void
test_page_limit(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	char limit[] = "PRAGMA max_page_count = 120", no_limit[] = "PRAGMA max_page_count = 1000000";
	uint64_t stored = 0, next;

	CU_ASSERT_EQUAL(store_call(store, pragma, limit), 0);
	CU_ASSERT_EQUAL(put_until_failure(store, &stored), -ENOSPC);
	CU_ASSERT(stored > 10);
	CU_ASSERT_EQUAL(numbers_stored(&folder), stored);
	next = stored + 1;
	CU_ASSERT_EQUAL(store_call(store, put_number, &next), -ENOSPC);
	CU_ASSERT_EQUAL(store_call(store, pragma, no_limit), 0);
	CU_ASSERT_EQUAL(store_call(store, put_number, &next), 0);
	store_close(store);
	CU_ASSERT_EQUAL(numbers_stored(&folder), next);
	integrity_check(&folder);
	folder_close(&folder);
}

/* The size of files is limited, as a full disk would: the write to the log fails. In a child, for the limit is the
 * process's. Its exit code is the line that failed, 0 if none. */
#define CHILD_ASSERT(condition) do { if (!(condition)) { fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
	return 1; } } while (0)

static int
fill_disk(const struct folder *folder, int fd UNUSED)
{
	struct store *store = folder_store(folder);
	struct rlimit limit;
	uint64_t stored = 0, next;

	signal(SIGXFSZ, SIG_IGN);
	CHILD_ASSERT(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = 500000;
	CHILD_ASSERT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHILD_ASSERT(put_until_failure(store, &stored) == -ENOSPC);
	CHILD_ASSERT(stored > 3);
	CHILD_ASSERT(numbers_stored(folder) == stored);
	next = stored + 1;
	CHILD_ASSERT(store_call(store, put_number, &next) == -ENOSPC);
	limit.rlim_cur = limit.rlim_max;
	CHILD_ASSERT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHILD_ASSERT(store_call(store, put_number, &next) == 0);
	store_close(store);
	CHILD_ASSERT(numbers_stored(folder) == next);
	return 0;
}

static void
expect_child(int (*child)(const struct folder *folder, int fd), const struct folder *folder)
{
	int status = -1;
	pid_t pid = spawn(child, folder, -1);

	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

static void
test_disk_full(void)
{
	struct folder folder = folder_open();

	expect_child(fill_disk, &folder);
	integrity_check(&folder);
	folder_close(&folder);
}

/* --- locked ------------------------------------------------------------------------------------------------------ */

static void
test_locked(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	sqlite3 *holder = NULL;
	uint64_t number = 1, zones = 0;

	CU_ASSERT_EQUAL(store_call(store, put_number, &number), 0);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(folder.path, &holder), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	number = 2;
	CU_ASSERT_EQUAL(store_call(store, put_number, &number), -EBUSY);
	CU_ASSERT_EQUAL(store_zones(reader, count_zone, &zones), 0);	/* reading goes on */
	CU_ASSERT_EQUAL(zones, 1);
	CU_ASSERT_EQUAL(sqlite3_exec(holder, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(store_call(store, put_number, &number), 0);
	sqlite3_close(holder);
	store_reader_close(reader);
	store_close(store);
	CU_ASSERT_EQUAL(numbers_stored(&folder), 2);
	folder_close(&folder);
}

/* --- read-only --------------------------------------------------------------------------------------------------- */

/* As a user whom permissions bind. The child of a test that runs as root becomes nobody. */
static bool
become_bound(void)
{
	return geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
}

static int
open_read_only(const struct folder *folder, int fd UNUSED)
{
	struct store_options options = { .path = folder->path };
	struct text error = { 0 };

	CHILD_ASSERT(become_bound());
	CHILD_ASSERT(store_open(&options, &error) == NULL);
	CHILD_ASSERT(error.bytes != NULL && strstr(error.bytes, "read-only") != NULL);
	text_fini(&error);
	CHILD_ASSERT(numbers_stored(folder) == 1);	/* what is stored can still be read */
	return 0;
}

static int
create_in_read_only(const struct folder *folder, int fd UNUSED)
{
	struct store_options options = { .path = folder->path };
	struct text error = { 0 };

	CHILD_ASSERT(become_bound());
	CHILD_ASSERT(store_open(&options, &error) == NULL);
	CHILD_ASSERT(error.bytes != NULL && strstr(error.bytes, "ermission denied") != NULL);
	text_fini(&error);
	return 0;
}

static void
test_read_only_file(void)
{
	static const struct { const char *name; mode_t file, folder; } modes[] = {
		{ "the file", 0444, 0777 },
		{ "the file and its folder", 0444, 0555 },
		{ "the folder", 0666, 0555 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct folder folder = folder_open();
		struct store *store = folder_store(&folder);
		uint64_t number = 1;

		CU_ASSERT_EQUAL(store_call(store, put_number, &number), 0);
		store_close(store);
		CU_ASSERT_EQUAL(chmod(folder.path, modes[i].file), 0);
		CU_ASSERT_EQUAL(chmod(folder.name, modes[i].folder), 0);
		expect_child(open_read_only, &folder);
		CU_ASSERT_EQUAL(chmod(folder.name, 0755), 0);
		folder_close(&folder);
	}
}

static void
test_read_only_folder(void)
{
	struct folder folder = folder_open();

	CU_ASSERT_EQUAL(chmod(folder.name, 0555), 0);
	expect_child(create_in_read_only, &folder);
	CU_ASSERT_EQUAL(chmod(folder.name, 0755), 0);
	folder_close(&folder);
}

static const struct suite_case cases[] = {
	{ .name = "killed in the middle: all that was acknowledged is there, and whole", .run = test_killed },
	{ .name = "a full file: -ENOSPC, then on again", .run = test_page_limit },
	{ .name = "a full disk: -ENOSPC, then on again", .run = test_disk_full },
	{ .name = "a locked file: -EBUSY while readers go on, then on again", .run = test_locked },
	{ .name = "a read-only file is refused for writing, and still read", .run = test_read_only_file },
	{ .name = "a read-only folder", .run = test_read_only_folder },
};

int
main(void)
{
	return suite_run("store_failure", cases, ARRAY_SIZE(cases));
}
