/* db.h -- one SQLite connection: prepared statements that are kept, values bound by type, results as negative errno.
 * Threads: a connection belongs to one thread at a time. */
#ifndef ISOBAR_STORE_DB_H
#define ISOBAR_STORE_DB_H

#include <math.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define DB_STATEMENTS_MAX 128	/* a power of two, well above the number of statements in store/ (about 60) */

struct db {
	sqlite3 *handle;	/* NULL: not open */
	struct { const char *sql; sqlite3_stmt *statement; } kept[DB_STATEMENTS_MAX];
};

/* 0 or -errno. `flags` are those of sqlite3_open_v2(). On failure nothing stays open. */
int db_open(struct db *db, const char *path, int flags) NONNULL MUST_USE;
void db_close(struct db *db) NONNULL;

/* A value to bind to the next "?" of a statement. */
struct db_value {
	enum { DB_INTEGER, DB_REAL, DB_TEXT, DB_BLOB } type;
	union { int64_t integer; double real; struct { const void *bytes; size_t length; } octets; } as;
};

static inline struct db_value
db_integer(int64_t integer)
{
	return (struct db_value){ .type = DB_INTEGER, .as.integer = integer };
}

static inline struct db_value
db_real(double real)	/* NAN becomes NULL, and comes back as NAN from db_column_real() */
{
	return (struct db_value){ .type = DB_REAL, .as.real = real };
}

struct db_value db_text(const char *text) NONNULL;
struct db_value db_blob(const void *bytes, size_t length);	/* both are borrowed until the statement ends */

#define DB_VALUES(...) (const struct db_value[]){ __VA_ARGS__ }, \
	sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value)
#define DB_NONE NULL, 0

/* Runs a statement that yields no rows. `sql` must be a string that lives as long as the connection (a literal): the
 * prepared statement is kept under its address. 0 or -errno; db_changes() tells how many rows it touched. */
int db_run(struct db *db, const char *sql, const struct db_value *values, size_t count)
	__attribute__((nonnull(1, 2))) MUST_USE;
int64_t db_changes(const struct db *db) NONNULL;
int64_t db_changes_ever(const struct db *db) NONNULL;	/* by all statements since the connection was opened */
int64_t db_last_id(const struct db *db) NONNULL;

/* Begins a statement that yields rows: *rows is then for db_next(), which says 1 for a row, 0 at the end, -errno on
 * failure. db_end() must follow in every case; it is allowed on NULL. A statement can't be begun again before. */
int db_query(struct db *db, const char *sql, const struct db_value *values, size_t count, sqlite3_stmt **rows)
	__attribute__((nonnull(1, 2, 5))) MUST_USE;
int db_next(sqlite3_stmt *rows) NONNULL MUST_USE;
void db_end(sqlite3_stmt *rows);

/* The first column of the first row as an integer; -ENOENT when there is no row. */
int db_get(struct db *db, const char *sql, const struct db_value *values, size_t count, int64_t *result)
	__attribute__((nonnull(1, 2, 5))) MUST_USE;

const char *db_column_text(sqlite3_stmt *rows, int column) NONNULL;	/* never NULL */
double db_column_real(sqlite3_stmt *rows, int column) NONNULL;

/* Runs a script of any number of statements, none of them kept. */
int db_script(struct db *db, const char *sql) NONNULL MUST_USE;

bool db_in_transaction(const struct db *db) NONNULL;	/* false also when SQLite has rolled back by itself */
void db_rollback(struct db *db) NONNULL;		/* if a transaction is open */

/* The errno that says what the last failure means to a caller: -ENOSPC, -EROFS, -EBUSY, -EEXIST, -EINVAL (a
 * constraint), -ENOTSUP (no database, or a newer format), -ENOMEM, else -EIO. */
int db_error(const struct db *db) NONNULL;
const char *db_reason(const struct db *db, int error) NONNULL;	/* the last failure, which was `error`, in words */

#endif
