/* demand.c -- what clients asked for: a row for each minute, service, client group and country; and the newest demand
 * by slot and heavy key, which a restart begins with.
 * In: rows, written inside a job.  Out: the same rows, by time.
 * A minute that is written again replaces the row: what regions report late corrects it.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/txn.h"

int
store_demand_put(struct store_txn *txn, const struct demand_row *row)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO demand (service, client_group, country, at_ms, rate, error,"
	    " asked) VALUES (?, ?, ?, ?, ?, ?, ?)",
	    DB_VALUES(db_text(row->service), db_text(row->group), db_text(row->country), db_integer(row->at.ms),
		db_real(row->rate), db_real(row->error), db_real(row->asked)));
}

int
store_demand(struct store_reader *reader, struct wall from, struct wall to,
	bool (*row)(void *arg, const struct demand_row *row), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT at_ms, service, client_group, country, rate, error, asked FROM demand"
	    " WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms, service, client_group, country",
	    DB_VALUES(db_integer(from.ms), db_integer(to.ms)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct demand_row demand = {
			.at = { sqlite3_column_int64(rows, 0) },
			.service = db_column_text(rows, 1),
			.group = db_column_text(rows, 2),
			.country = db_column_text(rows, 3),
			.rate = db_column_real(rows, 4),
			.error = db_column_real(rows, 5),
			.asked = db_column_real(rows, 6),
		};

		if (!row(arg, &demand))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_demand_state_put(struct store_txn *txn, struct wall at, const void *body, size_t length)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO demand_state (id, at_ms, body) VALUES (1, ?, ?)",
	    DB_VALUES(db_integer(at.ms), db_blob(body, length)));
}

int
store_demand_state(struct store_reader *reader, struct wall *at, void **body, size_t *length)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT at_ms, body FROM demand_state", DB_NONE, &rows);

	*body = NULL;
	*length = 0;
	if (got == 0)
		got = db_next(rows);
	if (got == 1) {
		const void *octets = sqlite3_column_blob(rows, 1);
		size_t size = (size_t)sqlite3_column_bytes(rows, 1);

		at->ms = sqlite3_column_int64(rows, 0);
		*body = malloc(size + 1);
		if (*body == NULL) {
			db_end(rows);
			return -ENOMEM;
		}
		if (size > 0)
			memcpy(*body, octets, size);
		*length = size;
	}
	db_end(rows);
	return got == 0 ? -ENOENT : got < 0 ? got : 0;
}
