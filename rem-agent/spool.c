/* spool.c -- a folder of reports, one file each.
 * In: reports as JSON with rising sequences. Out: the oldest of them, again and again until it is removed.
 * Threads: the keeper adds, the sender takes; one mutex.
 *
 *   FOLDER/lock                        held by flock(2): two agents in one folder would send each other's reports
 *   FOLDER/sequence                    every sequence below this number may have been used
 *   FOLDER/00000001795364452000.json   a report; the name is its sequence, so that names sort as they were made
 *   FOLDER/refused/...                 reports that the controller refused for good, the last REFUSED_MAX of them
 *
 * A kill at any moment leaves whole reports: each is written under another name, synced, then renamed (base/text.h).
 * What has another name is the rest of such a moment and is deleted at the next start. A file each, and not one log
 * with frames, since the oldest must go while new ones come: unlink(2) does that without compaction, and at one report
 * in seconds its price is nothing.
 *
 * Sequences must rise for ever, else the controller takes new reports for old ones. They begin at the milliseconds of
 * the wall clock, so even a folder that was deleted doesn't bring used ones back, and the file "sequence" guards
 * against a clock that was set back. It is written once in RESERVED reports and runs ahead of them.
 *
 * Where the disk is full or broken, reports wait in memory: health must get through while there is a controller. */
#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096		/* what a file takes on disk is a multiple of this on common file systems */
#define RESERVED 1024		/* sequences per write of "sequence"; more: bigger gaps, less: more writes */
#define IN_MEMORY_MAX 256	/* some MB at worst; twenty minutes of reports at the default interval */
#define REFUSED_MAX 100		/* enough to see what is wrong with them */
#define REPORT_LIMIT ((size_t)16 << 20)

struct entry {
	uint64_t sequence;
	uint64_t bytes;		/* on disk; 0: in memory */
	struct wall added;
	char *json;		/* in memory, or NULL */
};

struct spool {
	pthread_mutex_t lock;
	char *folder;
	int lock_fd;
	uint64_t limit;
	int64_t keep_ms;
	uint64_t first_sequence, reserved;
	struct entry *entries;	/* by sequence; [first, first + count) of `size` are in use */
	size_t first, count, size;
	size_t in_memory;
	uint64_t bytes, dropped;
};

static int folder_make(const char *folder);
static int folder_lock(struct spool *spool);
static int folder_read(struct spool *spool, struct wall now);
static bool name_read(const char *name, uint64_t *sequence);
static int entry_compare(const void *a, const void *b);
static void sequence_begin(struct spool *spool, struct wall now);
static void sequence_reserve(struct spool *spool, uint64_t sequence);
static void path_make(const struct spool *spool, struct text *path, const char *sub, uint64_t sequence);
static bool entry_append(struct spool *spool, struct entry entry);
static void entry_forget(struct spool *spool, size_t index, bool unlink_it);
static void oldest_drop(struct spool *spool, struct wall now);
static struct entry *entry_find(struct spool *spool, uint64_t sequence, size_t *index);
static void refused_trim(const struct spool *spool);

struct spool *
spool_open(const char *folder, uint64_t limit, int64_t keep_ms, struct wall now, struct text *error)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	int rc = -ENOMEM;

	if (spool == NULL)
		goto fail;
	pthread_mutex_init(&spool->lock, NULL);
	spool->lock_fd = -1;
	spool->limit = limit;
	spool->keep_ms = keep_ms;
	spool->folder = strdup(folder);
	if (spool->folder == NULL || (rc = folder_make(folder)) != 0 || (rc = folder_lock(spool)) != 0 ||
	    (rc = folder_read(spool, now)) != 0)
		goto fail;
	sequence_begin(spool, now);
	oldest_drop(spool, now);
	return spool;
fail:
	if (rc == -EWOULDBLOCK)
		text_printf(error, "%s: another isobar-rem uses this folder", folder);
	else
		text_printf(error, "%s: %s", folder, strerror(-rc));
	spool_close(spool);
	return NULL;
}

void
spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	for (size_t i = 0; i < spool->count; i++)
		free(spool->entries[spool->first + i].json);
	free(spool->entries);
	if (spool->lock_fd >= 0)
		close(spool->lock_fd);
	pthread_mutex_destroy(&spool->lock);
	free(spool->folder);
	free(spool);
}

uint64_t
spool_first_sequence(const struct spool *spool)
{
	return spool->first_sequence;
}

int
spool_add(struct spool *spool, uint64_t sequence, const char *json, struct wall now)
{
	struct entry entry = { .sequence = sequence, .added = now };
	struct text path = { 0 };
	size_t length = strlen(json);
	int rc;

	pthread_mutex_lock(&spool->lock);
	sequence_reserve(spool, sequence);
	path_make(spool, &path, "", sequence);
	rc = path.failed ? -ENOMEM : text_write_file(path.bytes, json, length);
	if (rc == 0)
		entry.bytes = (length + BLOCK - 1) / BLOCK * BLOCK;
	else
		entry.json = strdup(json);
	if ((rc != 0 && entry.json == NULL) || !entry_append(spool, entry)) {
		free(entry.json);
		spool->dropped++;	/* a file, if it was written, is found again at the next start */
	}
	oldest_drop(spool, now);
	pthread_mutex_unlock(&spool->lock);
	text_fini(&path);
	return rc;
}

char *
spool_oldest(struct spool *spool, struct wall now, uint64_t *sequence)
{
	char *json = NULL;

	pthread_mutex_lock(&spool->lock);
	oldest_drop(spool, now);
	while (json == NULL && spool->count > 0) {
		const struct entry *entry = &spool->entries[spool->first];
		struct text path = { 0 };
		size_t length;
		int error = 0;

		*sequence = entry->sequence;
		path_make(spool, &path, "", entry->sequence);
		if (entry->json != NULL)
			json = strdup(entry->json);
		else if (!path.failed)
			json = text_read_file(path.bytes, REPORT_LIMIT, &length, &error);
		text_fini(&path);
		if (json != NULL || error == 0 || error == -ENOMEM || error == -EMFILE || error == -ENFILE)
			break;		/* there it is, or it can be had later */
		entry_forget(spool, 0, true);
		spool->dropped++;
	}
	pthread_mutex_unlock(&spool->lock);
	return json;
}

void
spool_remove(struct spool *spool, uint64_t sequence)
{
	size_t index;

	pthread_mutex_lock(&spool->lock);
	if (entry_find(spool, sequence, &index) != NULL)
		entry_forget(spool, index, true);
	pthread_mutex_unlock(&spool->lock);
}

void
spool_set_aside(struct spool *spool, uint64_t sequence)
{
	struct text from = { 0 }, to = { 0 };
	size_t index;
	bool moved = false;

	pthread_mutex_lock(&spool->lock);
	path_make(spool, &from, "", sequence);
	path_make(spool, &to, "refused/", sequence);
	if (!from.failed && !to.failed)
		moved = rename(from.bytes, to.bytes) == 0;
	if (entry_find(spool, sequence, &index) != NULL)
		entry_forget(spool, index, !moved);
	refused_trim(spool);
	pthread_mutex_unlock(&spool->lock);
	text_fini(&from);
	text_fini(&to);
}

struct spool_status
spool_status(struct spool *spool)
{
	struct spool_status status;

	pthread_mutex_lock(&spool->lock);
	status = (struct spool_status){ .count = spool->count, .bytes = spool->bytes, .dropped = spool->dropped };
	pthread_mutex_unlock(&spool->lock);
	return status;
}

/* --- opening ------------------------------------------------------------------------------------------------- */

static int
folder_make(const char *folder)
{
	struct text refused = { 0 };
	int rc = 0;

	text_printf(&refused, "%s/refused", folder);
	if (refused.failed)
		rc = -ENOMEM;
	else if ((mkdir(folder, 0700) != 0 && errno != EEXIST) || (mkdir(refused.bytes, 0700) != 0 && errno != EEXIST))
		rc = -errno;
	text_fini(&refused);
	return rc;
}

static int
folder_lock(struct spool *spool)
{
	struct text path = { 0 };
	int rc = 0;

	text_printf(&path, "%s/lock", spool->folder);
	if (path.failed)
		return -ENOMEM;
	spool->lock_fd = open(path.bytes, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (spool->lock_fd < 0 || flock(spool->lock_fd, LOCK_EX | LOCK_NB) != 0)
		rc = -errno;
	text_fini(&path);
	return rc;
}

static int
folder_read(struct spool *spool, struct wall now)
{
	DIR *dir = opendir(spool->folder);
	struct dirent *file;

	if (dir == NULL)
		return -errno;
	while ((file = readdir(dir)) != NULL) {
		struct entry entry = { .added = now };
		struct stat st;

		if (fstatat(dirfd(dir), file->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
			continue;
		if (!name_read(file->d_name, &entry.sequence)) {
			/* "NAME.XXXXXX": a write that was cut short. */
			if (strchr(file->d_name, '.') != NULL)
				unlinkat(dirfd(dir), file->d_name, 0);
			continue;
		}
		entry.bytes = ((uint64_t)st.st_size + BLOCK - 1) / BLOCK * BLOCK;
		entry.added.ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		if (!entry_append(spool, entry)) {
			closedir(dir);
			return -ENOMEM;
		}
	}
	closedir(dir);
	if (spool->count > 0)
		qsort(spool->entries, spool->count, sizeof(*spool->entries), entry_compare);
	return 0;
}

/* Twenty digits and ".json". */
static bool
name_read(const char *name, uint64_t *sequence)
{
	char *end;

	if (strspn(name, "0123456789") != 20 || strcmp(name + 20, ".json") != 0)
		return false;
	errno = 0;
	*sequence = strtoull(name, &end, 10);
	return errno == 0;
}

static int
entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static void
sequence_begin(struct spool *spool, struct wall now)
{
	struct text path = { 0 };
	uint64_t used = 0;
	size_t length;
	char *text;
	int error;

	text_printf(&path, "%s/sequence", spool->folder);
	text = path.failed ? NULL : text_read_file(path.bytes, 64, &length, &error);
	if (text != NULL)
		used = strtoull(text, NULL, 10);
	if (used > (uint64_t)INT64_MAX)
		used = 0;	/* nothing that was written here */
	if (spool->count > 0 && used <= spool->entries[spool->count - 1].sequence)
		used = spool->entries[spool->count - 1].sequence + 1;
	if (now.ms > 0 && used < (uint64_t)now.ms)
		used = (uint64_t)now.ms;
	spool->first_sequence = used == 0 ? 1 : used;
	sequence_reserve(spool, spool->first_sequence);
	free(text);
	text_fini(&path);
}

/* A failed write is of no matter as long as the clock isn't set back; the report's own write fails too, and is told. */
static void
sequence_reserve(struct spool *spool, uint64_t sequence)
{
	struct text path = { 0 };
	char number[32];

	if (sequence + RESERVED / 2 < spool->reserved)
		return;
	text_printf(&path, "%s/sequence", spool->folder);
	snprintf(number, sizeof(number), "%" PRIu64 "\n", sequence + RESERVED);
	if (!path.failed && text_write_file(path.bytes, number, strlen(number)) == 0)
		spool->reserved = sequence + RESERVED;
	text_fini(&path);
}

/* --- the list ------------------------------------------------------------------------------------------------ */

static void
path_make(const struct spool *spool, struct text *path, const char *sub, uint64_t sequence)
{
	text_printf(path, "%s/%s%020" PRIu64 ".json", spool->folder, sub, sequence);
}

static bool
entry_append(struct spool *spool, struct entry entry)
{
	if (spool->first > 0 && spool->first + spool->count == spool->size) {
		memmove(spool->entries, spool->entries + spool->first, spool->count * sizeof(*spool->entries));
		spool->first = 0;
	}
	if (spool->count == spool->size) {
		size_t size = spool->size == 0 ? 64 : spool->size * 2;
		struct entry *longer = reallocarray(spool->entries, size, sizeof(*longer));

		if (longer == NULL)
			return false;
		spool->entries = longer;
		spool->size = size;
	}
	spool->entries[spool->first + spool->count++] = entry;
	spool->bytes += entry.bytes;
	spool->in_memory += entry.json != NULL ? 1 : 0;
	return true;
}

static void
entry_forget(struct spool *spool, size_t index, bool unlink_it)
{
	struct entry *entry = &spool->entries[spool->first + index];
	struct text path = { 0 };

	if (entry->json == NULL && unlink_it) {
		path_make(spool, &path, "", entry->sequence);
		if (!path.failed)
			unlink(path.bytes);
		text_fini(&path);
	}
	spool->bytes -= entry->bytes;
	spool->in_memory -= entry->json != NULL ? 1 : 0;
	free(entry->json);
	spool->count--;
	if (index == 0)
		spool->first++;
	else
		memmove(entry, entry + 1, (spool->count - index) * sizeof(*entry));
}

/* The newest report stays, whatever the limits say: it is the state of now. */
static void
oldest_drop(struct spool *spool, struct wall now)
{
	while (spool->count > 1 && (spool->bytes > spool->limit ||
	    now.ms - spool->entries[spool->first].added.ms > spool->keep_ms)) {
		entry_forget(spool, 0, true);
		spool->dropped++;
	}
	for (size_t i = 0; spool->in_memory > IN_MEMORY_MAX && i < spool->count; i++) {
		if (spool->entries[spool->first + i].json != NULL) {
			entry_forget(spool, i--, false);
			spool->dropped++;
		}
	}
}

static struct entry *
entry_find(struct spool *spool, uint64_t sequence, size_t *index)
{
	const struct entry key = { .sequence = sequence };
	struct entry *found = spool->count == 0 ? NULL : bsearch(&key, spool->entries + spool->first, spool->count,
	    sizeof(*spool->entries), entry_compare);

	if (found != NULL)
		*index = (size_t)(found - (spool->entries + spool->first));
	return found;
}

/* Deletes the oldest of the refused ones until REFUSED_MAX are left. Refusals are rare, so it reads the folder. */
static void
refused_trim(const struct spool *spool)
{
	struct text path = { 0 };
	struct dirent **files = NULL;
	int count, sorted;

	text_printf(&path, "%s/refused", spool->folder);
	if (path.failed)
		return;
	count = sorted = scandir(path.bytes, &files, NULL, alphasort);
	for (int i = 0; i < sorted; i++) {
		uint64_t sequence;

		if (!name_read(files[i]->d_name, &sequence)) {
			count--;
		} else if (count > REFUSED_MAX) {
			struct text file = { 0 };

			text_printf(&file, "%s/%s", path.bytes, files[i]->d_name);
			if (!file.failed && unlink(file.bytes) == 0)
				count--;
			text_fini(&file);
		}
		free(files[i]);
	}
	free(files);
	text_fini(&path);
}
