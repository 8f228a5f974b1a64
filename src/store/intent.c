/* intent.c -- what operators want: zones, steering, overrides, tokens.
 * In: rows, written inside a job.  Out: the same rows, read in a stable order.
 * Nothing here is checked for meaning: that is done before a job is submitted. Whoever changes one of these tables
 * adds a row to the journal in the same job (journal.c).
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include <errno.h>

#include "store/txn.h"

static int override_update(struct store_txn *txn, const struct override *override);
static int found(int error, const struct db *db);

int
store_zone_put(struct store_txn *txn, const char *name, const char *text)
{
	return db_run(txn->db, "INSERT INTO zone (name, text) VALUES (?, ?)"
	    " ON CONFLICT (name) DO UPDATE SET name = excluded.name, text = excluded.text",
	    DB_VALUES(db_text(name), db_text(text)));
}

int
store_zone_delete(struct store_txn *txn, const char *name)
{
	return found(db_run(txn->db, "DELETE FROM zone WHERE name = ?", DB_VALUES(db_text(name))), txn->db);
}

int
store_zones(struct store_reader *reader, bool (*row)(void *arg, const char *name, const char *text), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT name, text FROM zone ORDER BY name", DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		if (!row(arg, db_column_text(rows, 0), db_column_text(rows, 1)))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_steering_put(struct store_txn *txn, const char *text)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO steering (id, text) VALUES (1, ?)", DB_VALUES(db_text(text)));
}

int
store_steering(struct store_reader *reader, struct text *text)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT text FROM steering", DB_NONE, &rows);

	if (got == 0)
		got = db_next(rows);
	if (got == 1)
		text_puts(text, db_column_text(rows, 0));
	db_end(rows);
	return got < 0 ? got : text->failed ? -ENOMEM : 0;
}

int
store_override_put(struct store_txn *txn, struct override *override)
{
	int error;

	if (override->id != 0)
		return override_update(txn, override);
	error = db_run(txn->db, "INSERT INTO override (kind, region, service, value, begin, over_ms, forced, reason,"
	    " author, from_ms, until_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    DB_VALUES(db_text(override->kind), db_text(override->region), db_text(override->service),
		db_real(override->value), db_real(override->begin), db_integer(override->over_ms),
		db_integer(override->forced), db_text(override->reason), db_text(override->author),
		db_integer(override->from.ms), db_integer(override->until.ms)));
	if (error == 0)
		override->id = db_last_id(txn->db);
	return error;
}

static int
override_update(struct store_txn *txn, const struct override *override)
{
	int error = db_run(txn->db, "UPDATE override SET kind = ?, region = ?, service = ?, value = ?, begin = ?,"
	    " over_ms = ?, forced = ?, reason = ?, author = ?, from_ms = ?, until_ms = ? WHERE id = ?",
	    DB_VALUES(db_text(override->kind), db_text(override->region), db_text(override->service),
		db_real(override->value), db_real(override->begin), db_integer(override->over_ms),
		db_integer(override->forced), db_text(override->reason), db_text(override->author),
		db_integer(override->from.ms), db_integer(override->until.ms), db_integer(override->id)));

	return found(error, txn->db);
}

int
store_override_delete(struct store_txn *txn, int64_t id)
{
	return found(db_run(txn->db, "DELETE FROM override WHERE id = ?", DB_VALUES(db_integer(id))), txn->db);
}

int
store_overrides(struct store_reader *reader, bool (*row)(void *arg, const struct override *override), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT id, kind, region, service, value, begin, over_ms, forced, reason,"
	    " author, from_ms, until_ms FROM override ORDER BY id", DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct override override = {
			.id = sqlite3_column_int64(rows, 0),
			.kind = db_column_text(rows, 1),
			.region = db_column_text(rows, 2),
			.service = db_column_text(rows, 3),
			.value = db_column_real(rows, 4),
			.begin = db_column_real(rows, 5),
			.over_ms = sqlite3_column_int64(rows, 6),
			.forced = sqlite3_column_int64(rows, 7) != 0,
			.reason = db_column_text(rows, 8),
			.author = db_column_text(rows, 9),
			.from = { sqlite3_column_int64(rows, 10) },
			.until = { sqlite3_column_int64(rows, 11) },
		};

		if (!row(arg, &override))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_token_put(struct store_txn *txn, const struct token_row *token)
{
	return db_run(txn->db, "INSERT INTO token (name, scope, hash, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?)",
	    DB_VALUES(db_text(token->name), db_text(token->scope), db_text(token->hash),
		db_integer(token->created.ms), db_integer(token->expires.ms)));
}

int
store_token_delete(struct store_txn *txn, const char *name)
{
	return found(db_run(txn->db, "DELETE FROM token WHERE name = ?", DB_VALUES(db_text(name))), txn->db);
}

int
store_tokens(struct store_reader *reader, bool (*row)(void *arg, const struct token_row *token), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT name, scope, hash, created_ms, expires_ms FROM token ORDER BY name",
	    DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct token_row token = {
			.name = db_column_text(rows, 0),
			.scope = db_column_text(rows, 1),
			.hash = db_column_text(rows, 2),
			.created = { sqlite3_column_int64(rows, 3) },
			.expires = { sqlite3_column_int64(rows, 4) },
		};

		if (!row(arg, &token))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

/* A change of one row by its key: -ENOENT when there was none. */
static int
found(int error, const struct db *db)
{
	return error == 0 && db_changes(db) == 0 ? -ENOENT : error;
}
