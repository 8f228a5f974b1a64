/* history.c -- what happened and what was expected: health events, predictions, plans, models.
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
store_prediction_put(struct store_txn *txn, const struct prediction *prediction)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO prediction (at_ms, region, service, horizon_s, probability,"
	    " load_forecast, model, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    DB_VALUES(db_integer(prediction->at.ms), db_text(prediction->region), db_text(prediction->service),
		db_integer(prediction->horizon_s), db_real(prediction->probability),
		db_real(prediction->load_forecast), db_text(prediction->model), db_text(prediction->reason)));
}

int
store_predictions(struct store_reader *reader, struct wall since,
	bool (*row)(void *arg, const struct prediction *prediction), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT at_ms, region, service, horizon_s, probability, load_forecast, model,"
	    " reason FROM prediction WHERE at_ms >= ? ORDER BY at_ms, region, service, horizon_s",
	    DB_VALUES(db_integer(since.ms)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct prediction prediction = {
			.at = { sqlite3_column_int64(rows, 0) },
			.region = db_column_text(rows, 1),
			.service = db_column_text(rows, 2),
			.horizon_s = (uint32_t)sqlite3_column_int64(rows, 3),
			.probability = db_column_real(rows, 4),
			.load_forecast = db_column_real(rows, 5),
			.model = db_column_text(rows, 6),
			.reason = db_column_text(rows, 7),
		};

		if (!row(arg, &prediction))
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

int
store_model_put(struct store_txn *txn, const struct model_row *model)
{
	return db_run(txn->db, "INSERT INTO model (id, kind, trained_ms, status, card, blob) VALUES (?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, trained_ms = excluded.trained_ms,"
	    " status = excluded.status, card = excluded.card, blob = excluded.blob",
	    DB_VALUES(db_text(model->id), db_text(model->kind), db_integer(model->trained.ms),
		db_text(model->status), db_text(model->card), db_blob(model->blob, model->blob_length)));
}

int
store_model_status(struct store_txn *txn, const char *id, const char *status)
{
	int error = db_run(txn->db, "UPDATE model SET status = ? WHERE id = ?",
	    DB_VALUES(db_text(status), db_text(id)));

	return error == 0 && db_changes(txn->db) == 0 ? -ENOENT : error;
}

int
store_models(struct store_reader *reader, bool with_blob, bool (*row)(void *arg, const struct model_row *model),
	void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT id, kind, trained_ms, status, card, iif(?, blob, NULL), length(blob)"
	    " FROM model ORDER BY trained_ms DESC, id", DB_VALUES(db_integer(with_blob)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct model_row model = {
			.id = db_column_text(rows, 0),
			.kind = db_column_text(rows, 1),
			.trained = { sqlite3_column_int64(rows, 2) },
			.status = db_column_text(rows, 3),
			.card = db_column_text(rows, 4),
			.blob = sqlite3_column_blob(rows, 5),
			.blob_length = (size_t)sqlite3_column_int64(rows, 6),
		};

		if (!row(arg, &model))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}
