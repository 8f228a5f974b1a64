/* signals.c -- what comes from outside: events as they concern regions, and how the feeds do that bring them.
 * In: rows, written inside a job.  Out: the same rows, in a stable order.
 * An event is one row for each region that it concerns, known by the words of its source. It's never deleted when it's
 * over, since what was known when is what models learn from; it goes with the minutes of that time (rollup.c).
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include <errno.h>

#include "store/txn.h"

/* An onset that isn't told is that of the row while it's in force, else the time of the first put. */
int
store_signal_put(struct store_txn *txn, const struct signal_row *row)
{
	return db_run(txn->db, "INSERT INTO signal (source, key, region, name, text, severity, certainty, onset_ms,"
	    " expires_ms, received_ms, updated_ms, ended_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,"
	    " CASE ?8 WHEN 0 THEN ?10 ELSE ?8 END, ?9, ?10, ?11, 0)"
	    " ON CONFLICT (source, key, region, name) DO UPDATE SET text = excluded.text, severity = excluded.severity,"
	    " certainty = excluded.certainty, onset_ms = CASE WHEN ?8 <> 0 THEN ?8"
	    " WHEN ended_ms = 0 AND expires_ms > ?11 THEN onset_ms ELSE ?11 END,"
	    " expires_ms = excluded.expires_ms, updated_ms = excluded.updated_ms, ended_ms = 0",
	    DB_VALUES(db_text(row->source), db_text(row->key), db_text(row->region), db_text(row->name),
		db_text(row->text), db_real(row->severity), db_real(row->certainty), db_integer(row->onset.ms),
		db_integer(row->expires.ms), db_integer(row->received.ms), db_integer(row->updated.ms)));
}

int
store_signal_end(struct store_txn *txn, int64_t id, struct wall at)
{
	int error = db_run(txn->db, "UPDATE signal SET ended_ms = ?, updated_ms = ? WHERE id = ? AND ended_ms = 0",
	    DB_VALUES(db_integer(at.ms), db_integer(at.ms), db_integer(id)));

	return error == 0 && db_changes(txn->db) == 0 ? -ENOENT : error;
}

int
store_signals_end_others(struct store_txn *txn, const char *source, struct wall at)
{
	return db_run(txn->db, "UPDATE signal SET ended_ms = ? WHERE source = ? AND ended_ms = 0 AND updated_ms <> ?"
	    " AND expires_ms > ?",
	    DB_VALUES(db_integer(at.ms), db_text(source), db_integer(at.ms), db_integer(at.ms)));
}

int
store_feed_put(struct store_txn *txn, const struct feed_row *row)
{
	return db_run(txn->db, "INSERT INTO feed (name, tried_ms, succeeded_ms, until_ms, pulls, failures, items,"
	    " left_out, bytes, took_ms, error, notes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
	    " ON CONFLICT (name) DO UPDATE SET tried_ms = ?2, pulls = pulls + ?5, failures = failures + ?6, bytes = ?9,"
	    " took_ms = ?10, error = ?11,"
	    " succeeded_ms = CASE ?11 WHEN '' THEN ?3 ELSE succeeded_ms END,"
	    " until_ms = CASE WHEN ?11 = '' AND ?4 <> 0 THEN ?4 ELSE until_ms END,"
	    " items = CASE ?11 WHEN '' THEN ?7 ELSE items END,"
	    " left_out = CASE ?11 WHEN '' THEN ?8 ELSE left_out END,"
	    " notes = CASE ?11 WHEN '' THEN ?12 ELSE notes END",
	    DB_VALUES(db_text(row->name), db_integer(row->tried.ms), db_integer(row->succeeded.ms),
		db_integer(row->until.ms), db_integer((int64_t)row->pulls), db_integer((int64_t)row->failures),
		db_integer((int64_t)row->items), db_integer((int64_t)row->left_out), db_integer((int64_t)row->bytes),
		db_integer((int64_t)row->took_ms), db_text(row->error), db_text(row->notes)));
}

int
store_signals(struct store_reader *reader, struct wall from, bool (*row)(void *arg, const struct signal_row *signal),
	void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT id, source, key, region, name, text, severity, certainty, onset_ms,"
	    " expires_ms, received_ms, updated_ms, ended_ms FROM signal WHERE expires_ms > ?1"
	    " AND (ended_ms = 0 OR ended_ms > ?1) ORDER BY region, name, onset_ms, id",
	    DB_VALUES(db_integer(from.ms)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct signal_row signal = {
			.id = sqlite3_column_int64(rows, 0),
			.source = db_column_text(rows, 1),
			.key = db_column_text(rows, 2),
			.region = db_column_text(rows, 3),
			.name = db_column_text(rows, 4),
			.text = db_column_text(rows, 5),
			.severity = db_column_real(rows, 6),
			.certainty = db_column_real(rows, 7),
			.onset = { sqlite3_column_int64(rows, 8) },
			.expires = { sqlite3_column_int64(rows, 9) },
			.received = { sqlite3_column_int64(rows, 10) },
			.updated = { sqlite3_column_int64(rows, 11) },
			.ended = { sqlite3_column_int64(rows, 12) },
		};

		if (!row(arg, &signal))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_feeds(struct store_reader *reader, bool (*row)(void *arg, const struct feed_row *feed), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT name, tried_ms, succeeded_ms, until_ms, pulls, failures, items,"
	    " left_out, bytes, took_ms, error, notes FROM feed ORDER BY name", DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct feed_row feed = {
			.name = db_column_text(rows, 0),
			.tried = { sqlite3_column_int64(rows, 1) },
			.succeeded = { sqlite3_column_int64(rows, 2) },
			.until = { sqlite3_column_int64(rows, 3) },
			.pulls = (uint64_t)sqlite3_column_int64(rows, 4),
			.failures = (uint64_t)sqlite3_column_int64(rows, 5),
			.items = (uint64_t)sqlite3_column_int64(rows, 6),
			.left_out = (uint64_t)sqlite3_column_int64(rows, 7),
			.bytes = (uint64_t)sqlite3_column_int64(rows, 8),
			.took_ms = (uint64_t)sqlite3_column_int64(rows, 9),
			.error = db_column_text(rows, 10),
			.notes = db_column_text(rows, 11),
		};

		if (!row(arg, &feed))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}
