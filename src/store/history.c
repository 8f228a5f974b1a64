/* history.c -- what happened and what was done: health events and plans.
 * In: rows, written inside a job.  Out: the same rows, for training, for restarts, and for "why" questions about the
 * past.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include <errno.h>

#include "store/txn.h"

int
store_health_event_put(struct store_txn *txn, const struct health_event *event)
{
	return db_run(txn->db, "INSERT INTO health_event (at_ms, region, service, state, cause) VALUES (?, ?, ?, ?, ?)",
	    DB_VALUES(db_integer(event->at.ms), db_text(event->region), db_text(event->service),
		db_text(event->state), db_text(event->cause)));
}

int
store_health_events(struct store_reader *reader, struct wall from, struct wall to,
	bool (*row)(void *arg, const struct health_event *event), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT at_ms, region, service, state, cause FROM health_event"
	    " WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms, id", DB_VALUES(db_integer(from.ms), db_integer(to.ms)),
	    &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct health_event event = {
			.at = { sqlite3_column_int64(rows, 0) },
			.region = db_column_text(rows, 1),
			.service = db_column_text(rows, 2),
			.state = db_column_text(rows, 3),
			.cause = db_column_text(rows, 4),
		};

		if (!row(arg, &event))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_plan_put(struct store_txn *txn, struct wall at, uint64_t epoch, const char *status, const char *body)
{
	return db_run(txn->db, "INSERT INTO plan (at_ms, epoch, status, body) VALUES (?, ?, ?, ?)",
	    DB_VALUES(db_integer(at.ms), db_integer((int64_t)epoch), db_text(status), db_text(body)));
}

int
store_latest_plan(struct store_reader *reader, uint64_t *epoch, struct text *body)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT epoch, body FROM plan WHERE status = 'published'"
	    " ORDER BY epoch DESC, id DESC LIMIT 1", DB_NONE, &rows);

	if (got == 0)
		got = db_next(rows);
	if (got == 1) {
		*epoch = (uint64_t)sqlite3_column_int64(rows, 0);
		text_puts(body, db_column_text(rows, 1));
	}
	db_end(rows);
	if (got == 0)
		return -ENOENT;
	return got < 0 ? got : body->failed ? -ENOMEM : 0;
}
