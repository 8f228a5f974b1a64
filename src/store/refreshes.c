/* refreshes.c -- what is known of the primaries of transferred zones.
 * In: rows, written inside a job.  Out: the same rows, by zone.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include "store/txn.h"

int
store_refresh_put(struct store_txn *txn, const struct refresh_row *row)
{
	return db_run(txn->db, "INSERT INTO zone_refresh (zone, refreshed_ms, expires_ms, address, serial)"
	    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (zone) DO UPDATE SET refreshed_ms = ?2, expires_ms = ?3,"
	    " address = ?4, serial = ?5",
	    DB_VALUES(db_text(row->zone), db_integer(row->refreshed.ms), db_integer(row->expires.ms),
		db_text(row->address), db_integer(row->serial)));
}

int
store_refresh_delete(struct store_txn *txn, const char *zone)
{
	return db_run(txn->db, "DELETE FROM zone_refresh WHERE zone = ?", DB_VALUES(db_text(zone)));
}

int
store_refreshes(struct store_reader *reader, bool (*row)(void *arg, const struct refresh_row *refresh), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT zone, refreshed_ms, expires_ms, address, serial FROM zone_refresh"
	    " ORDER BY zone", DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct refresh_row refresh = {
			.zone = db_column_text(rows, 0),
			.refreshed = { sqlite3_column_int64(rows, 1) },
			.expires = { sqlite3_column_int64(rows, 2) },
			.address = db_column_text(rows, 3),
			.serial = (uint32_t)sqlite3_column_int64(rows, 4),
		};

		if (!row(arg, &refresh))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}
