/* connect.c -- opens the store: the writer's connection, and those of readers.
 * In: a path.  Out: a connection with its settings, or a message that tells the operator what is in the way.
 * A file is examined before anything about it is changed, so that a path given by mistake (another program's database,
 * a newer store) stays as it was.
 * Threads: any; a connection then belongs to one.
 * References: https://sqlite.org/wal.html, "Read-Only Databases". */
#include "store/txn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/migration.h"

/* How long a statement waits for a lock that another process holds. Beside the writer thread only tools write (a shell,
 * a restore), and briefly; a longer wait would keep the agents' requests hanging past their own timeouts. */
#define BUSY_TIMEOUT_MS 2000

/* Samples are ordered by series, so a report touches as many pages as it has metrics, the same ones again and again. A
 * cache of up to 64 MiB holds the last pages of some 15,000 series, and copying the log back only every 4,000 pages
 * writes those once for many reports: together a fifth less work per sample in bench_store than with SQLite's 2 MB
 * and 1,000 pages. The log is cut back to 64 MiB after that, for a long reader may let it grow far past it. */
#define WRITER_SETTINGS \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;" \
	"PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864"

static int file_prepare(const char *path, bool create, struct text *error);
static int file_access(const char *path, int mode);
static int writer_prepare(struct db *db, const char *path, struct text *error);
static int reader_connect(struct db *db, const char *path);
static int reader_connect_immutable(struct db *db, const char *path);
static int reader_examine(struct db *db, const char *path, struct text *error);
static bool log_exists(const char *path);

int
store_connect(struct db *db, const char *path, bool create, struct text *error)
{
	int result = file_prepare(path, create, error);

	if (result != 0)
		return result;
	result = db_open(db, path, SQLITE_OPEN_READWRITE);
	if (result != 0) {
		text_printf(error, "%s: %s", path, strerror(-result));
		return result;
	}
	result = writer_prepare(db, path, error);
	if (result != 0)
		db_close(db);
	return result;
}

/* Makes the file, or finds out why not: errno says it better than "unable to open database file". The mode keeps the
 * hashes of tokens from other users; SQLite gives the same mode to the files that it makes beside this one. */
static int
file_prepare(const char *path, bool create, struct text *error)
{
	int result = file_access(path, R_OK | W_OK);

	if (result == -ENOENT && create) {
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

		result = fd >= 0 ? 0 : -errno;
		if (fd >= 0)
			close(fd);
	}
	if (result == -EACCES)
		text_printf(error, "%s: read-only for this user: %s", path, strerror(EACCES));
	else if (result != 0)
		text_printf(error, "%s: %s", path, strerror(-result));
	return result;
}

/* Asked by name and not by opening: to close the file again would drop the locks of this process's other connections
 * (POSIX). */
static int
file_access(const char *path, int mode)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	return access(path, mode) == 0 ? 0 : -errno;
}

static int
writer_prepare(struct db *db, const char *path, struct text *error)
{
	enum schema_state state = SCHEMA_FOREIGN;
	int result;

	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	result = schema_examine(db, path, &state, error);
	if (result != 0)
		return result;
	if (state == SCHEMA_NEWER || state == SCHEMA_FOREIGN)
		return -ENOTSUP;
	if (sqlite3_db_readonly(db->handle, "main") == 1) {
		text_printf(error, "%s: read-only", path);
		return -EROFS;
	}
	result = db_script(db, WRITER_SETTINGS);
	if (result != 0) {
		text_printf(error, "%s: %s", path, db_reason(db, result));
		return result;
	}
	return schema_migrate(db, path, error);
}

struct store_reader *
store_reader_open(const char *path, struct text *error)
{
	struct store_reader *reader = calloc(1, sizeof(*reader));
	int result;

	if (reader == NULL) {
		text_printf(error, "%s: %s", path, strerror(ENOMEM));
		return NULL;
	}
	result = file_access(path, R_OK);
	if (result == 0)
		result = reader_connect(&reader->db, path);
	if (result != 0) {
		text_printf(error, "%s: %s", path, strerror(-result));
		goto free_reader;
	}
	if (reader_examine(&reader->db, path, error) != 0)
		goto close_db;
	return reader;

close_db:
	db_close(&reader->db);
free_reader:
	free(reader);
	return NULL;
}

/* A store in a folder that can't be written needs its -shm file, which SQLite can't make there. When the last writer
 * closed it well there is no log either, so the file alone is the whole truth and may be read as immutable. */
static int
reader_connect(struct db *db, const char *path)
{
	int64_t version;
	int error = db_open(db, path, SQLITE_OPEN_READONLY);

	if (error != 0)
		return error;
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	error = db_get(db, "PRAGMA user_version", DB_NONE, &version);	/* the first statement that needs -shm */
	if (error == 0 || error == -ENOTSUP || log_exists(path))
		return 0;	/* reader_examine() tells what is wrong */
	db_close(db);
	return reader_connect_immutable(db, path);
}

static bool
log_exists(const char *path)
{
	struct text log = { 0 };
	bool exists;

	text_printf(&log, "%s-wal", path);
	exists = log.failed || access(log.bytes, F_OK) == 0;
	text_fini(&log);
	return exists;
}

static int
reader_connect_immutable(struct db *db, const char *path)
{
	struct text uri = { 0 };
	int error;

	text_puts(&uri, "file:");
	for (const char *p = path; *p != '\0'; p++)
		text_printf(&uri, strchr("%?#", *p) == NULL ? "%c" : "%%%02X", (unsigned char)*p);
	text_puts(&uri, "?immutable=1");
	error = uri.failed ? -ENOMEM : db_open(db, uri.bytes, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
	text_fini(&uri);
	return error;
}

static int
reader_examine(struct db *db, const char *path, struct text *error)
{
	enum schema_state state = SCHEMA_FOREIGN;
	int result = schema_examine(db, path, &state, error);

	if (result != 0)
		return result;
	switch (state) {
	case SCHEMA_CURRENT:
		return 0;
	case SCHEMA_EMPTY:
		text_printf(error, "%s: empty: isobard has not set it up yet", path);
		break;
	case SCHEMA_OLDER:
		text_printf(error, "%s: of an older version: isobard brings it up to date when it starts", path);
		break;
	case SCHEMA_NEWER:
	case SCHEMA_FOREIGN:
		break;	/* the message is set */
	}
	return -ENOTSUP;
}

void
store_reader_close(struct store_reader *reader)
{
	if (reader == NULL)
		return;
	db_close(&reader->db);
	free(reader);
}
