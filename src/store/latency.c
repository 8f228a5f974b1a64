/* latency.c -- how far clients are from regions, as it was measured: by an agent, or by what an operator imported.
 * In: rows, written inside a job.  Out: the same rows, in a stable order.
 * One row for each (clients, region, source): only the newest counts.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include "store/txn.h"

int
store_latency_put(struct store_txn *txn, const struct latency_entry *entry)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO latency (clients, region, source, ms, at_ms)"
	    " VALUES (?, ?, ?, ?, ?)",
	    DB_VALUES(db_text(entry->clients), db_text(entry->region), db_text(entry->source), db_real(entry->ms),
		db_integer(entry->at.ms)));
}

int
store_latency_clear(struct store_txn *txn, const char *source)
{
	return db_run(txn->db, "DELETE FROM latency WHERE source = ?", DB_VALUES(db_text(source)));
}

int
store_latency_clear_region(struct store_txn *txn, const char *source, const char *region)
{
	return db_run(txn->db, "DELETE FROM latency WHERE source = ? AND region = ?",
	    DB_VALUES(db_text(source), db_text(region)));
}

int
store_latencies(struct store_reader *reader, bool (*row)(void *arg, const struct latency_entry *entry), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT clients, region, source, ms, at_ms FROM latency"
	    " ORDER BY region, clients, source", DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct latency_entry entry = {
			.clients = db_column_text(rows, 0),
			.region = db_column_text(rows, 1),
			.source = db_column_text(rows, 2),
			.ms = db_column_real(rows, 3),
			.at = { sqlite3_column_int64(rows, 4) },
		};

		if (!row(arg, &entry))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}
