/* models.c -- what was expected and by whom: predictions, models, and the decisions over who serves.
 * In: rows, written inside a job.  Out: the same rows, for forecasts, for training, and for the API.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include <errno.h>

#include "store/txn.h"

/* Models of a kind and horizon that don't serve: each is up to some megabytes, and there may be a new one each hour. */
#define RESTING_MOST 5

static int models_prune(struct store_txn *txn, const struct model_row *newest);
static int decisions_tell(sqlite3_stmt *rows, int got,
	bool (*row)(void *arg, const struct model_decision *decision), void *arg);

int
store_prediction_put(struct store_txn *txn, const struct prediction *p)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO prediction (at_ms, region, service, horizon_s, role,"
	    " probability, probability_low, probability_high, load_forecast, load_low, load_high, share, admit,"
	    " model, reason, why, anomaly_rank, anomaly_reason, anomaly_why)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    DB_VALUES(db_integer(p->at.ms), db_text(p->region), db_text(p->service), db_integer(p->horizon_s),
		db_text(p->role), db_real(p->probability), db_real(p->probability_low), db_real(p->probability_high),
		db_real(p->load_forecast), db_real(p->load_low), db_real(p->load_high), db_real(p->share),
		db_real(p->admit), db_text(p->model), db_text(p->reason), db_text(p->why),
		db_real(p->anomaly_rank), db_text(p->anomaly_reason == NULL ? "" : p->anomaly_reason),
		db_text(p->anomaly_why == NULL ? "" : p->anomaly_why)));
}

int
store_predictions(struct store_reader *reader, struct wall since,
	bool (*row)(void *arg, const struct prediction *prediction), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT at_ms, region, service, horizon_s, role, probability, probability_low,"
	    " probability_high, load_forecast, load_low, load_high, share, admit, model, reason, why,"
	    " anomaly_rank, anomaly_reason, anomaly_why FROM prediction"
	    " WHERE at_ms >= ? ORDER BY at_ms, region, service, horizon_s, role",
	    DB_VALUES(db_integer(since.ms)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct prediction prediction = {
			.at = { sqlite3_column_int64(rows, 0) },
			.region = db_column_text(rows, 1),
			.service = db_column_text(rows, 2),
			.horizon_s = (uint32_t)sqlite3_column_int64(rows, 3),
			.role = db_column_text(rows, 4),
			.probability = db_column_real(rows, 5),
			.probability_low = db_column_real(rows, 6),
			.probability_high = db_column_real(rows, 7),
			.load_forecast = db_column_real(rows, 8),
			.load_low = db_column_real(rows, 9),
			.load_high = db_column_real(rows, 10),
			.share = db_column_real(rows, 11),
			.admit = db_column_real(rows, 12),
			.model = db_column_text(rows, 13),
			.reason = db_column_text(rows, 14),
			.why = db_column_text(rows, 15),
			.anomaly_rank = db_column_real(rows, 16),
			.anomaly_reason = db_column_text(rows, 17),
			.anomaly_why = db_column_text(rows, 18),
		};

		if (!row(arg, &prediction))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_model_put(struct store_txn *txn, const struct model_row *model)
{
	int error = db_run(txn->db, "INSERT INTO model (id, kind, horizon_s, trained_ms, status, card, blob)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)"
	    " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, horizon_s = excluded.horizon_s,"
	    " trained_ms = excluded.trained_ms, status = excluded.status, card = excluded.card, blob = excluded.blob",
	    DB_VALUES(db_text(model->id), db_text(model->kind), db_integer(model->horizon_s),
		db_integer(model->trained.ms), db_text(model->status), db_text(model->card),
		db_blob(model->blob, model->blob_length)));

	return error != 0 ? error : models_prune(txn, model);
}

/* The last that served stays however many candidates came after it: it's the one to return to. */
static int
models_prune(struct store_txn *txn, const struct model_row *newest)
{
	return db_run(txn->db, "DELETE FROM model WHERE kind = ?1 AND horizon_s = ?2 AND status <> 'serving'"
	    " AND id <> ?3 AND id NOT IN (SELECT id FROM model WHERE kind = ?1 AND horizon_s = ?2"
	    "  AND status <> 'serving' ORDER BY id IS (SELECT id FROM model WHERE kind = ?1 AND horizon_s = ?2"
	    "   AND status = 'retired' ORDER BY trained_ms DESC, id LIMIT 1) DESC, trained_ms DESC, id LIMIT ?4)",
	    DB_VALUES(db_text(newest->kind), db_integer(newest->horizon_s), db_text(newest->id),
		db_integer(RESTING_MOST)));
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
	int got = db_query(&reader->db, "SELECT id, kind, horizon_s, trained_ms, status, card, iif(?, blob, NULL),"
	    " length(blob) FROM model ORDER BY trained_ms DESC, id", DB_VALUES(db_integer(with_blob)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		/* SQLite gives no address for no octets. */
		const void *blob = sqlite3_column_blob(rows, 6);
		struct model_row model = {
			.id = db_column_text(rows, 0),
			.kind = db_column_text(rows, 1),
			.horizon_s = (uint32_t)sqlite3_column_int64(rows, 2),
			.trained = { sqlite3_column_int64(rows, 3) },
			.status = db_column_text(rows, 4),
			.card = db_column_text(rows, 5),
			.blob = with_blob && blob == NULL ? "" : blob,
			.blob_length = (size_t)sqlite3_column_int64(rows, 7),
		};

		if (!row(arg, &model))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_model_decision_put(struct store_txn *txn, const struct model_decision *decision)
{
	return db_run(txn->db, "INSERT INTO model_decision (at_ms, model, kind, horizon_s, action, reason, numbers)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)",
	    DB_VALUES(db_integer(decision->at.ms), db_text(decision->model), db_text(decision->kind),
		db_integer(decision->horizon_s), db_text(decision->action), db_text(decision->reason),
		db_text(decision->numbers)));
}

int
store_model_decisions(struct store_reader *reader, size_t most,
	bool (*row)(void *arg, const struct model_decision *decision), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT at_ms, model, kind, horizon_s, action, reason, numbers"
	    " FROM model_decision ORDER BY id DESC LIMIT ?", DB_VALUES(db_integer((int64_t)most)), &rows);

	return decisions_tell(rows, got, row, arg);
}

int
store_model_reviews(struct store_reader *reader, bool (*row)(void *arg, const struct model_decision *decision),
	void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT at_ms, model, kind, horizon_s, action, reason, numbers"
	    " FROM model_decision WHERE id IN (SELECT max(id) FROM model_decision"
	    "  WHERE action IN ('reviewed', 'returned') GROUP BY model, kind, horizon_s) ORDER BY id DESC",
	    DB_NONE, &rows);

	return decisions_tell(rows, got, row, arg);
}

static int
decisions_tell(sqlite3_stmt *rows, int got, bool (*row)(void *arg, const struct model_decision *decision), void *arg)
{
	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct model_decision decision = {
			.at = { sqlite3_column_int64(rows, 0) },
			.model = db_column_text(rows, 1),
			.kind = db_column_text(rows, 2),
			.horizon_s = (uint32_t)sqlite3_column_int64(rows, 3),
			.action = db_column_text(rows, 4),
			.reason = db_column_text(rows, 5),
			.numbers = db_column_text(rows, 6),
		};

		if (!row(arg, &decision))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}
