/* test_spool.c -- rem-agent/spool: order, limits, restarts, what a kill leaves behind, a disk that went away. */
#include "rem-agent/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define MANY ((uint64_t)64 << 20)

static const struct wall noon = { 1795364452000 };
static char folder[64];

static void
folder_new(void)
{
	snprintf(folder, sizeof(folder), "/tmp/isobar-spool.XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
}

static void
folder_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *file;
	char inner[512];

	while (dir != NULL && (file = readdir(dir)) != NULL) {
		if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, file->d_name);
		if (file->d_type == DT_DIR)
			folder_remove(inner);
		else
			unlink(inner);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

static unsigned
files_in(const char *sub)
{
	char path[128];
	struct dirent *file;
	unsigned count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", folder, sub);
	dir = opendir(path);
	while (dir != NULL && (file = readdir(dir)) != NULL)
		count += strstr(file->d_name, ".json") != NULL ? 1 : 0;
	if (dir != NULL)
		closedir(dir);
	return count;
}

static struct spool *
open_at(struct wall now, uint64_t limit)
{
	struct text error = { 0 };
	struct spool *spool = spool_open(folder, limit, DAY_MS, now, &error);

	if (spool == NULL)
		SUITE_TEXT(error.bytes, "no error");
	CU_ASSERT_PTR_NOT_NULL_FATAL(spool);
	text_fini(&error);
	return spool;
}

/* The oldest one has this sequence and text; 0: there is none. */
static void
expect_oldest(struct spool *spool, uint64_t expected, const char *text)
{
	uint64_t sequence = 0;
	char *json = spool_oldest(spool, noon, &sequence);

	CU_ASSERT_EQUAL(sequence, expected);
	SUITE_TEXT(json, text);
	free(json);
}

static void
test_order(void)
{
	struct spool *spool;
	uint64_t first;

	folder_new();
	spool = open_at(noon, MANY);
	first = spool_first_sequence(spool);
	CU_ASSERT_EQUAL(first, (uint64_t)noon.ms);
	expect_oldest(spool, 0, NULL);
	CU_ASSERT_EQUAL(spool_add(spool, first, "one", noon), 0);
	CU_ASSERT_EQUAL(spool_add(spool, first + 1, "two", noon), 0);
	CU_ASSERT_EQUAL(spool_add(spool, first + 2, "three", noon), 0);
	expect_oldest(spool, first, "one");
	expect_oldest(spool, first, "one");
	spool_remove(spool, first);
	expect_oldest(spool, first + 1, "two");
	spool_remove(spool, 7);		/* nobody has it */
	spool_set_aside(spool, first + 1);
	expect_oldest(spool, first + 2, "three");
	CU_ASSERT_EQUAL(spool_status(spool).count, 1);
	CU_ASSERT_EQUAL(spool_status(spool).bytes, 4096);
	CU_ASSERT_EQUAL(spool_status(spool).dropped, 0);
	CU_ASSERT_EQUAL(files_in(""), 1);
	CU_ASSERT_EQUAL(files_in("refused"), 1);
	spool_remove(spool, first + 2);
	expect_oldest(spool, 0, NULL);
	CU_ASSERT_EQUAL(spool_status(spool).bytes, 0);
	spool_close(spool);
	folder_remove(folder);
}

static void
test_restart(void)
{
	static const struct wall yesterday = { 1795364452000 - 1000000 };
	struct spool *spool;
	uint64_t first, second, third;
	char path[128];
	int fd;

	folder_new();
	spool = open_at(noon, MANY);
	first = spool_first_sequence(spool);
	for (uint64_t i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(spool_add(spool, first + i, "x", noon), 0);
	spool_remove(spool, first);
	spool_close(spool);
	/* A write that a kill cut short, and a file that is none of ours. */
	snprintf(path, sizeof(path), "%s/%020llu.json.aBcDeF", folder, (unsigned long long)first + 5);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	CU_ASSERT_EQUAL(write(fd, "{\"hal", 5), 5);
	close(fd);

	/* The clock was set back: sequences go on all the same. */
	spool = open_at(yesterday, MANY);
	second = spool_first_sequence(spool);
	CU_ASSERT(second > first + 4);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	CU_ASSERT_EQUAL(spool_status(spool).count, 4);
	expect_oldest(spool, first + 1, "x");
	spool_close(spool);

	/* The folder was lost as well: the wall clock has gone on by more milliseconds than reports were made. */
	folder_remove(folder);
	mkdir(folder, 0700);
	spool = open_at((struct wall){ noon.ms + 10000 }, MANY);
	third = spool_first_sequence(spool);
	CU_ASSERT(third > first + 4);
	spool_close(spool);
	folder_remove(folder);
}

static void
test_reserve(void)
{
	struct spool *spool;
	uint64_t first;

	/* Without a single report between them, and far more than are reserved at once between two starts. */
	folder_new();
	spool = open_at((struct wall){ 0 }, MANY);
	first = spool_first_sequence(spool);
	CU_ASSERT(first >= 1);
	for (uint64_t i = 0; i < 3000; i += 100) {
		CU_ASSERT_EQUAL(spool_add(spool, first + i, "x", noon), 0);
		spool_remove(spool, first + i);
	}
	spool_close(spool);
	spool = open_at((struct wall){ 0 }, MANY);
	CU_ASSERT(spool_first_sequence(spool) > first + 2900);
	spool_close(spool);
	folder_remove(folder);
}

static void
test_limits(void)
{
	struct spool *spool;
	uint64_t first;

	folder_new();
	spool = open_at(noon, 3 * 4096);
	first = spool_first_sequence(spool);
	for (uint64_t i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(spool_add(spool, first + i, "x", noon), 0);
	CU_ASSERT_EQUAL(spool_status(spool).count, 3);
	CU_ASSERT_EQUAL(spool_status(spool).dropped, 2);
	CU_ASSERT_EQUAL(files_in(""), 3);
	expect_oldest(spool, first + 2, "x");
	/* Too old: all but the newest go. */
	CU_ASSERT_EQUAL(spool_add(spool, first + 5, "new", (struct wall){ noon.ms + 2 * DAY_MS }), 0);
	expect_oldest(spool, first + 5, "new");
	CU_ASSERT_EQUAL(spool_status(spool).count, 1);
	CU_ASSERT_EQUAL(spool_status(spool).dropped, 5);
	spool_close(spool);
	/* A smaller limit at the next start holds at once, but for the newest. */
	spool = open_at(noon, 1);
	expect_oldest(spool, first + 5, "new");
	spool_close(spool);
	folder_remove(folder);
}

static void
test_lock(void)
{
	struct text error = { 0 };
	struct spool *spool;

	folder_new();
	spool = open_at(noon, MANY);
	CU_ASSERT_PTR_NULL(spool_open(folder, MANY, DAY_MS, noon, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.bytes, "another isobar-rem uses this folder"));
	text_fini(&error);
	spool_close(spool);
	spool_close(open_at(noon, MANY));
	folder_remove(folder);
	CU_ASSERT_PTR_NULL(spool_open("/nonexistent/spool", MANY, DAY_MS, noon, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.bytes, "No such file"));
	text_fini(&error);
}

static void
test_refused(void)
{
	struct spool *spool;
	uint64_t first;

	folder_new();
	spool = open_at(noon, MANY);
	first = spool_first_sequence(spool);
	for (uint64_t i = 0; i < 105; i++) {
		CU_ASSERT_EQUAL(spool_add(spool, first + i, "bad", noon), 0);
		spool_set_aside(spool, first + i);
	}
	CU_ASSERT_EQUAL(files_in("refused"), 100);
	CU_ASSERT_EQUAL(files_in(""), 0);
	CU_ASSERT_EQUAL(spool_status(spool).count, 0);
	spool_close(spool);
	folder_remove(folder);
}

/* The folder vanished under the agent, as a disk does that was pulled: reports wait in memory. */
static void
test_no_disk(void)
{
	struct spool *spool;
	uint64_t first;

	folder_new();
	spool = open_at(noon, MANY);
	first = spool_first_sequence(spool);
	CU_ASSERT_EQUAL(spool_add(spool, first, "on disk", noon), 0);
	folder_remove(folder);
	for (uint64_t i = 1; i <= 300; i++)
		CU_ASSERT_EQUAL(spool_add(spool, first + i, "in memory", noon), -ENOENT);
	CU_ASSERT_EQUAL(spool_status(spool).count, 257);
	/* What was on disk can't be read any more; the oldest of those in memory were too many. */
	expect_oldest(spool, first + 45, "in memory");
	CU_ASSERT_EQUAL(spool_status(spool).dropped, 45);
	/* The disk is back. */
	mkdir(folder, 0700);
	CU_ASSERT_EQUAL(spool_add(spool, first + 301, "on disk again", noon), 0);
	for (uint64_t i = 45; i <= 300; i++)
		spool_remove(spool, first + i);
	expect_oldest(spool, first + 301, "on disk again");
	spool_close(spool);
	folder_remove(folder);
}

/* A process is killed while it adds and removes; whatever moment that was, all that it had been told is there. */
static void
test_kill(void)
{
	struct shared {
		volatile uint64_t added, removed;
	} *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CU_ASSERT_NOT_EQUAL_FATAL(shared, MAP_FAILED);
	for (unsigned round = 0; round < 30; round++) {
		struct spool *spool;
		uint64_t expected, sequence = 0;
		pid_t child;
		char *json;

		folder_new();
		shared->added = shared->removed = 0;
		child = fork();
		if (child == 0) {
			struct text error = { 0 };
			uint64_t first;

			spool = spool_open(folder, MANY, DAY_MS, noon, &error);
			first = spool_first_sequence(spool);
			for (uint64_t i = 0;; i++) {
				char body[32];

				snprintf(body, sizeof(body), "report %llu", (unsigned long long)i);
				(void)!spool_add(spool, first + i, body, noon);
				shared->added = i + 1;
				if (i % 3 == 2) {
					shared->removed = i / 3 + 1;	/* promised, perhaps not done */
					spool_remove(spool, first + i / 3);
				}
			}
		}
		while (shared->added < 5 + round)
			sched_yield();
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);

		spool = open_at(noon, MANY);
		json = spool_oldest(spool, noon, &sequence);
		CU_ASSERT_PTR_NOT_NULL_FATAL(json);
		free(json);
		/* The removal under way may not have happened; the addition under way may have. */
		expected = sequence - (uint64_t)noon.ms;
		CU_ASSERT(expected == shared->removed || expected + 1 == shared->removed);
		CU_ASSERT(spool_status(spool).count >= shared->added - shared->removed);
		for (uint64_t i = expected; spool_status(spool).count > 0; i++) {
			char body[32];

			snprintf(body, sizeof(body), "report %llu", (unsigned long long)i);
			expect_oldest(spool, (uint64_t)noon.ms + i, body);
			spool_remove(spool, (uint64_t)noon.ms + i);
		}
		CU_ASSERT(spool_first_sequence(spool) > (uint64_t)noon.ms + shared->added - 1);
		spool_close(spool);
		folder_remove(folder);
	}
	munmap(shared, sizeof(*shared));
}

static const struct suite_case cases[] = {
	{ .name = "in order, removed, set aside", .run = test_order },
	{ .name = "a restart finds all, and rises on", .run = test_restart },
	{ .name = "sequences are reserved ahead", .run = test_reserve },
	{ .name = "limits of size and age drop the oldest", .run = test_limits },
	{ .name = "one agent per folder", .run = test_lock },
	{ .name = "refused reports are kept, but not all", .run = test_refused },
	{ .name = "a disk that went away", .run = test_no_disk },
	{ .name = "killed at any moment", .run = test_kill },
};

int
main(void)
{
	return suite_run("spool", cases, ARRAY_SIZE(cases));
}
