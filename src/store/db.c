/* db.c -- a thin layer over the SQLite C interface, so that the rest of store/ reads as SQL and values.
 * In: SQL text and typed values.  Out: rows, and negative errno values.
 * Statements are prepared once per connection and found again by the address of their SQL literal: a table of that
 * size never fills, needs no list of statements beside the code that uses them, and costs one multiplication.
 * Threads: one connection, one thread (SQLITE_OPEN_NOMUTEX).
 * References: https://sqlite.org/rescode.html for what each result code means. */
#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"

static int statement_find(struct db *db, const char *sql, sqlite3_stmt **statement);
static int statement_bind(sqlite3_stmt *statement, const struct db_value *values, size_t count);
static int value_bind(sqlite3_stmt *statement, int place, const struct db_value *value);
static int error_of(sqlite3 *handle, int code);
static int error_of_system(int system_error);
static int system_error(sqlite3 *handle);

int
db_open(struct db *db, const char *path, int flags)
{
	int code, error;

	*db = (struct db){ 0 };
	code = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code == SQLITE_OK)
		return 0;
	error = error_of(db->handle, code);
	db_close(db);
	return error;
}

void
db_close(struct db *db)
{
	for (size_t i = 0; i < DB_STATEMENTS_MAX; i++)
		sqlite3_finalize(db->kept[i].statement);
	sqlite3_close(db->handle);
	*db = (struct db){ 0 };
}

struct db_value
db_text(const char *text)
{
	return (struct db_value){ .type = DB_TEXT, .as.octets = { text, strlen(text) } };
}

struct db_value
db_blob(const void *bytes, size_t length)
{
	return (struct db_value){ .type = DB_BLOB, .as.octets = { bytes, length } };
}

int
db_run(struct db *db, const char *sql, const struct db_value *values, size_t count)
{
	sqlite3_stmt *rows;
	int result = db_query(db, sql, values, count, &rows);

	if (result == 0)
		result = db_next(rows);
	db_end(rows);
	return result > 0 ? 0 : result;
}

int64_t
db_changes(const struct db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t
db_changes_ever(const struct db *db)
{
	return sqlite3_total_changes64(db->handle);
}

int64_t
db_last_id(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int
db_query(struct db *db, const char *sql, const struct db_value *values, size_t count, sqlite3_stmt **rows)
{
	int error = statement_find(db, sql, rows);

	if (error == 0)
		error = statement_bind(*rows, values, count);
	return error;
}

static int
statement_find(struct db *db, const char *sql, sqlite3_stmt **statement)
{
	size_t at = (size_t)(((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 32) % DB_STATEMENTS_MAX;

	*statement = NULL;
	for (size_t probes = 0; db->kept[at].sql != NULL && db->kept[at].sql != sql; probes++) {
		assert(probes < DB_STATEMENTS_MAX);
		at = (at + 1) % DB_STATEMENTS_MAX;
	}
	if (db->kept[at].sql == NULL) {
		int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
		    &db->kept[at].statement, NULL);

		if (code == SQLITE_ERROR)	/* the schema isn't ours any more, or the SQL is wrong */
			log_error("store: %s: %s", sql, sqlite3_errmsg(db->handle));
		if (code != SQLITE_OK)
			return db_error(db);
		db->kept[at].sql = sql;
	}
	*statement = db->kept[at].statement;
	assert(!sqlite3_stmt_busy(*statement));
	return 0;
}

static int
statement_bind(sqlite3_stmt *statement, const struct db_value *values, size_t count)
{
	assert((size_t)sqlite3_bind_parameter_count(statement) == count);
	for (size_t i = 0; i < count; i++) {
		int code = value_bind(statement, (int)i + 1, &values[i]);

		if (code != SQLITE_OK)
			return error_of(sqlite3_db_handle(statement), code);
	}
	return 0;
}

static int
value_bind(sqlite3_stmt *statement, int place, const struct db_value *value)
{
	switch (value->type) {
	case DB_INTEGER:
		return sqlite3_bind_int64(statement, place, value->as.integer);
	case DB_REAL:
		return sqlite3_bind_double(statement, place, value->as.real);
	case DB_TEXT:
		return sqlite3_bind_text64(statement, place, value->as.octets.bytes, value->as.octets.length,
		    SQLITE_STATIC, SQLITE_UTF8);
	case DB_BLOB:
		break;
	}
	return sqlite3_bind_blob64(statement, place, value->as.octets.bytes, value->as.octets.length, SQLITE_STATIC);
}

int
db_next(sqlite3_stmt *rows)
{
	int code = sqlite3_step(rows);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : error_of(sqlite3_db_handle(rows), code);
}

void
db_end(sqlite3_stmt *rows)
{
	if (rows == NULL)
		return;
	sqlite3_reset(rows);
	sqlite3_clear_bindings(rows);	/* what was bound is borrowed, and may be gone soon */
}

int
db_get(struct db *db, const char *sql, const struct db_value *values, size_t count, int64_t *result)
{
	sqlite3_stmt *rows;
	int error = db_query(db, sql, values, count, &rows);

	if (error == 0) {
		int got = db_next(rows);

		if (got == 1)
			*result = sqlite3_column_int64(rows, 0);
		error = got == 1 ? 0 : got == 0 ? -ENOENT : got;
	}
	db_end(rows);
	return error;
}

const char *
db_column_text(sqlite3_stmt *rows, int column)
{
	const unsigned char *text = sqlite3_column_text(rows, column);

	return text == NULL ? "" : (const char *)text;
}

double
db_column_real(sqlite3_stmt *rows, int column)
{
	return sqlite3_column_type(rows, column) == SQLITE_NULL ? NAN : sqlite3_column_double(rows, column);
}

int
db_script(struct db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db);
}

bool
db_in_transaction(const struct db *db)
{
	return db->handle != NULL && sqlite3_get_autocommit(db->handle) == 0;
}

/* Where ROLLBACK fails there is nothing left to roll back, or the connection is closed next. */
void
db_rollback(struct db *db)
{
	if (db_in_transaction(db))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int
db_error(const struct db *db)
{
	return error_of(db->handle, sqlite3_extended_errcode(db->handle));
}

const char *
db_reason(const struct db *db, int error)
{
	switch (error) {
	case -EBUSY:
		return "locked by another process";
	case -EROFS:
		return "it or its folder is read-only";
	case -ENOSPC:
		return "no space left on the disk";
	default:
		return sqlite3_errmsg(db->handle);
	}
}

static int
error_of(sqlite3 *handle, int code)
{
	switch (code) {
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_ROWID:
		return -EEXIST;
	default:
		break;
	}
	switch (code & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return -EINVAL;
	case SQLITE_NOTADB:
		return -ENOTSUP;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return error_of_system(system_error(handle));
	default:
		return -EIO;
	}
}

/* SQLite tells only ENOSPC apart by itself; the other ways in which a disk refuses a write come as I/O errors. */
static int
error_of_system(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return -ENOSPC;
	case EROFS:
	case EACCES:
	case EPERM:
		return -EROFS;
	case ENOENT:
		return -ENOENT;
	default:
		return -EIO;
	}
}

/* SQLite doesn't note the errno of a write that failed at COMMIT, but the file does: in WAL mode the "journal" is the
 * log, the file that is written to. */
static int
system_error(sqlite3 *handle)
{
	sqlite3_file *log = NULL;
	int error = handle == NULL ? 0 : sqlite3_system_errno(handle);

	if (error != 0 || handle == NULL)
		return error;
	sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (log != NULL && log->pMethods != NULL)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}
