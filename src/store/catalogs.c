/* catalogs.c -- the members of catalog zones.
 * In: rows, written inside a job.  Out: the same rows, in a stable order.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include "store/txn.h"

int
store_member_put(struct store_txn *txn, const struct member_row *row)
{
	return db_run(txn->db, "INSERT INTO catalog_member (zone, catalog, label, kind, followed, time, gone)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (zone, catalog) DO UPDATE SET label = ?3, kind = ?4,"
	    " followed = ?5, time = ?6, gone = ?7",
	    DB_VALUES(db_text(row->zone), db_text(row->catalog), db_text(row->label), db_text(row->group),
		db_integer(row->followed), db_integer(row->time), db_integer(row->gone)));
}

int
store_member_delete(struct store_txn *txn, const char *zone, const char *catalog)
{
	return db_run(txn->db, "DELETE FROM catalog_member WHERE zone = ? AND catalog = ?",
	    DB_VALUES(db_text(zone), db_text(catalog)));
}

int
store_members(struct store_reader *reader, bool (*row)(void *arg, const struct member_row *member), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT zone, catalog, label, kind, followed, time, gone FROM catalog_member"
	    " ORDER BY zone, catalog", DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct member_row member = {
			.zone = db_column_text(rows, 0),
			.catalog = db_column_text(rows, 1),
			.label = db_column_text(rows, 2),
			.group = db_column_text(rows, 3),
			.followed = sqlite3_column_int64(rows, 4) != 0,
			.time = (uint32_t)sqlite3_column_int64(rows, 5),
			.gone = sqlite3_column_int64(rows, 6) != 0,
		};

		if (!row(arg, &member))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}
