/* keys.c -- keys that sign zones, and the serials that signed zones had.
 * In: rows, written inside a job.  Out: the same rows, in a stable order.
 * A key is put again whenever one of its times changes; its private part is written once, since sealing takes long.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include <errno.h>

#include "store/txn.h"

int
store_key_put(struct store_txn *txn, const struct key_row *row)
{
	return db_run(txn->db, "INSERT INTO zone_key (zone, algorithm, tag, role, dnskey, private, created_ms,"
	    " published_ms, offered_ms, ds_seen_ms, active_ms, retired_ms, removed_ms, withdrawn_ms, ds_gone_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
	    " ON CONFLICT (zone, algorithm, tag) DO UPDATE SET role = ?4, dnskey = ?5,"
	    " private = CASE ?6 WHEN '' THEN private ELSE ?6 END, created_ms = ?7, published_ms = ?8, offered_ms = ?9,"
	    " ds_seen_ms = ?10, active_ms = ?11, retired_ms = ?12, removed_ms = ?13, withdrawn_ms = ?14,"
	    " ds_gone_ms = ?15",
	    DB_VALUES(db_text(row->zone), db_integer(row->algorithm), db_integer(row->tag), db_text(row->role),
		db_blob(row->dnskey, row->dnskey_length), db_text(row->private_text), db_integer(row->created.ms),
		db_integer(row->published.ms), db_integer(row->offered.ms), db_integer(row->ds_seen.ms),
		db_integer(row->active.ms), db_integer(row->retired.ms), db_integer(row->removed.ms),
		db_integer(row->withdrawn.ms), db_integer(row->ds_gone.ms)));
}

/* What was there may have been in the clear: its octets are overwritten, not only freed. */
int
store_key_seal(struct store_txn *txn, const char *zone, unsigned algorithm, unsigned tag, const char *private_text)
{
	int64_t on = 0;
	int error = db_get(txn->db, "PRAGMA secure_delete = ON", DB_NONE, &on);

	if (error == 0)
		error = db_run(txn->db, "UPDATE zone_key SET private = ? WHERE zone = ? AND algorithm = ? AND tag = ?",
		    DB_VALUES(db_text(private_text), db_text(zone), db_integer(algorithm), db_integer(tag)));
	return error == 0 && db_changes(txn->db) == 0 ? -ENOENT : error;
}

int
store_key_delete(struct store_txn *txn, const char *zone, unsigned algorithm, unsigned tag)
{
	int error = db_run(txn->db, "DELETE FROM zone_key WHERE zone = ? AND algorithm = ? AND tag = ?",
	    DB_VALUES(db_text(zone), db_integer(algorithm), db_integer(tag)));

	return error == 0 && db_changes(txn->db) == 0 ? -ENOENT : error;
}

int
store_zone_serial_put(struct store_txn *txn, const char *zone, uint32_t serial)
{
	return db_run(txn->db, "INSERT INTO zone_serial (zone, serial) VALUES (?1, ?2)"
	    " ON CONFLICT (zone) DO UPDATE SET serial = ?2", DB_VALUES(db_text(zone), db_integer(serial)));
}

int
store_edition_put(struct store_txn *txn, const char *zone, uint32_t serial, uint64_t content)
{
	return db_run(txn->db, "INSERT INTO zone_edition (zone, serial, content) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (zone) DO UPDATE SET serial = ?2, content = ?3",
	    DB_VALUES(db_text(zone), db_integer(serial), db_integer((int64_t)content)));
}

int
store_keys(struct store_reader *reader, bool (*row)(void *arg, const struct key_row *key), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT zone, algorithm, tag, role, dnskey, private, created_ms, published_ms,"
	    " offered_ms, ds_seen_ms, active_ms, retired_ms, removed_ms, withdrawn_ms, ds_gone_ms FROM zone_key"
	    " ORDER BY zone, published_ms, created_ms, algorithm, tag", DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct key_row key = {
			.zone = db_column_text(rows, 0),
			.algorithm = (unsigned)sqlite3_column_int64(rows, 1),
			.tag = (unsigned)sqlite3_column_int64(rows, 2),
			.role = db_column_text(rows, 3),
			.dnskey = sqlite3_column_blob(rows, 4),
			.dnskey_length = (size_t)sqlite3_column_bytes(rows, 4),
			.private_text = db_column_text(rows, 5),
			.created = { sqlite3_column_int64(rows, 6) },
			.published = { sqlite3_column_int64(rows, 7) },
			.offered = { sqlite3_column_int64(rows, 8) },
			.ds_seen = { sqlite3_column_int64(rows, 9) },
			.active = { sqlite3_column_int64(rows, 10) },
			.retired = { sqlite3_column_int64(rows, 11) },
			.removed = { sqlite3_column_int64(rows, 12) },
			.withdrawn = { sqlite3_column_int64(rows, 13) },
			.ds_gone = { sqlite3_column_int64(rows, 14) },
		};

		if (!row(arg, &key))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_zone_serials(struct store_reader *reader, bool (*row)(void *arg, const char *zone, uint32_t serial), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT zone, serial FROM zone_serial ORDER BY zone", DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1)
		if (!row(arg, db_column_text(rows, 0), (uint32_t)sqlite3_column_int64(rows, 1)))
			break;
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_editions(struct store_reader *reader, bool (*row)(void *arg, const char *zone, uint32_t serial, uint64_t content),
	void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT zone, serial, content FROM zone_edition ORDER BY zone", DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1)
		if (!row(arg, db_column_text(rows, 0), (uint32_t)sqlite3_column_int64(rows, 1),
		    (uint64_t)sqlite3_column_int64(rows, 2)))
			break;
	db_end(rows);
	return got < 0 ? got : 0;
}
