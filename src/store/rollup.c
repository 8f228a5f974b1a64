/* rollup.c -- raw samples into minutes, minutes into hours, and the end of what is past its time.
 * In: the present time, inside a job.  Out: rows of `minute` and `hour`, fewer rows elsewhere; a bounded piece per
 * call.
 * Each series has its own watermarks in its row: before minutes_done_ms every minute is rolled up from the samples,
 * before hours_done_ms every hour from the minutes. A rollup is always made anew from the whole of what it covers,
 * never added to, so doing it again changes nothing and a crash between two pieces costs nothing.
 * A sample older than minutes_done_ms leaves its minute in `late_minute` (samples.c); that minute, and its hour if that
 * was done, are rolled up again. Exactness rests on the order of the steps: nothing is deleted before all that is
 * late or due has been rolled up, deletion goes by whole hours, and samples_from_ms moves in the same transaction as
 * the deletion, so that no minute is ever rolled up from a part of its samples.
 * Threads: the writer thread. */
#include "store/store.h"


#include "store/txn.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

/* A minute is rolled up when it has been over for so long. Reports are a few seconds under way; what comes later than
 * this is right too, but costs a second rollup. */
#define GRACE_MS INT64_C(15000)

/* How much one call does: it must not hold up the reports that wait by more than some 20 ms. With a report each 5 s a
 * series has 12 new samples a minute, so SERIES_MAX series are one call; a backlog is bound by ROWS_MAX instead. */
#define LATE_MAX 256		/* late minutes, each a range of samples */
#define SERIES_MAX 1024
#define SAMPLES_MAX 512		/* of one series at a time, and the rest of the last minute */
#define ROWS_MAX 16384		/* rolled up or deleted, until no further series is begun */
#define SERIES_ROWS 4		/* what a series costs besides, in rows */
#define HISTORY_MAX 2048	/* rows of each other table */

struct late {
	int64_t series, at_ms, hours_done_ms;
};

struct watermark {
	int64_t series, minutes_done_ms, hours_done_ms;
};

static int roll_late(struct store_txn *txn, int64_t now_ms, bool *more);
static int roll_late_minute(struct store_txn *txn, const struct late *late);
static int roll_due(struct store_txn *txn, int64_t now_ms, bool *more);
static int roll_series(struct store_txn *txn, struct watermark mark, int64_t due_ms, int64_t *rolled, bool *more);
static int series_reach(struct store_txn *txn, struct watermark mark, int64_t due_ms, int64_t *to_ms, int64_t *count);
static int roll_minutes(struct store_txn *txn, int64_t series, int64_t from_ms, int64_t to_ms);
static int roll_hours(struct store_txn *txn, int64_t series, int64_t from_ms, int64_t to_ms);
static int expire_samples(struct store_txn *txn, int64_t now_ms, bool *more);
static int expire_minutes(struct store_txn *txn, int64_t now_ms, bool *more);
static int expire_hours(struct store_txn *txn, int64_t now_ms, bool *more);
static int expire_history(struct store_txn *txn, int64_t now_ms, bool *more);

static int64_t
floor_to(int64_t ms, int64_t unit)
{
	return ms < 0 ? 0 : ms - ms % unit;
}

/* The order matters: see the top. A step that left some work for the next call ends this one. */
int
store_maintain(struct store_txn *txn, struct wall now, bool *more)
{
	static int (*const steps[])(struct store_txn *, int64_t, bool *) = {
		roll_late, roll_due, expire_samples, expire_minutes, expire_hours, expire_history,
	};
	int error = 0;

	*more = false;
	for (size_t i = 0; i < ARRAY_SIZE(steps) && error == 0 && !*more; i++)
		error = steps[i](txn, now.ms, more);
	return error;
}

static int
roll_late(struct store_txn *txn, int64_t now_ms UNUSED, bool *more)
{
	struct late late[LATE_MAX];
	size_t count = 0;
	sqlite3_stmt *rows;
	int got = db_query(txn->db, "SELECT l.series, l.at_ms, s.hours_done_ms FROM late_minute AS l"
	    " JOIN series AS s ON s.id = l.series LIMIT ?", DB_VALUES(db_integer(LATE_MAX)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1)
		late[count++] = (struct late){ sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1),
			sqlite3_column_int64(rows, 2) };
	db_end(rows);
	*more = count == LATE_MAX;
	for (size_t i = 0; i < count && got == 0; i++)
		got = roll_late_minute(txn, &late[i]);
	return got;
}

static int
roll_late_minute(struct store_txn *txn, const struct late *late)
{
	int64_t hour_ms = floor_to(late->at_ms, HOUR_MS);
	int error = roll_minutes(txn, late->series, late->at_ms, late->at_ms + MINUTE_MS);

	if (error == 0 && hour_ms < late->hours_done_ms)
		error = roll_hours(txn, late->series, hour_ms, hour_ms + HOUR_MS);
	if (error == 0)
		error = db_run(txn->db, "DELETE FROM late_minute WHERE series = ? AND at_ms = ?",
		    DB_VALUES(db_integer(late->series), db_integer(late->at_ms)));
	return error;
}

static int
roll_due(struct store_txn *txn, int64_t now_ms, bool *more)
{
	int64_t due_ms = floor_to(now_ms - GRACE_MS, MINUTE_MS);
	struct watermark marks[SERIES_MAX];
	size_t count = 0, done = 0;
	int64_t rolled = 0;
	sqlite3_stmt *rows;
	int got = db_query(txn->db, "SELECT id, minutes_done_ms, hours_done_ms FROM series WHERE minutes_done_ms < ?"
	    " ORDER BY id LIMIT ?", DB_VALUES(db_integer(due_ms), db_integer(SERIES_MAX)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1)
		marks[count++] = (struct watermark){ sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1),
			sqlite3_column_int64(rows, 2) };
	db_end(rows);
	for (; done < count && got == 0 && rolled < ROWS_MAX; done++)
		got = roll_series(txn, marks[done], due_ms, &rolled, more);
	*more = *more || count == SERIES_MAX || done < count;
	return got;
}

/* Rolls one series up to `due_ms`, or as far as SAMPLES_MAX samples go. */
static int
roll_series(struct store_txn *txn, struct watermark mark, int64_t due_ms, int64_t *rolled, bool *more)
{
	int64_t to_ms = due_ms, count = 0, hours_to_ms;
	int error = series_reach(txn, mark, due_ms, &to_ms, &count);

	*rolled += count + SERIES_ROWS;
	*more = *more || to_ms < due_ms;
	hours_to_ms = floor_to(to_ms, HOUR_MS);
	if (error == 0)
		error = roll_minutes(txn, mark.series, mark.minutes_done_ms, to_ms);
	if (error == 0 && hours_to_ms > mark.hours_done_ms)
		error = roll_hours(txn, mark.series, mark.hours_done_ms, hours_to_ms);
	if (error == 0)
		error = db_run(txn->db, "UPDATE series SET minutes_done_ms = ?, hours_done_ms = ? WHERE id = ?",
		    DB_VALUES(db_integer(to_ms), db_integer(hours_to_ms), db_integer(mark.series)));
	return error;
}

/* How far SAMPLES_MAX samples go: up to `due_ms`, or to the end of the minute of the last. */
static int
series_reach(struct store_txn *txn, struct watermark mark, int64_t due_ms, int64_t *to_ms, int64_t *count)
{
	sqlite3_stmt *rows;
	int got = db_query(txn->db, "SELECT count(*), max(at_ms) FROM (SELECT at_ms FROM sample"
	    " WHERE series = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms LIMIT ?)",
	    DB_VALUES(db_integer(mark.series), db_integer(mark.minutes_done_ms), db_integer(due_ms),
		db_integer(SAMPLES_MAX)), &rows);

	if (got == 0)
		got = db_next(rows);
	if (got == 1) {
		*count = sqlite3_column_int64(rows, 0);
		*to_ms = *count < SAMPLES_MAX ? due_ms : floor_to(sqlite3_column_int64(rows, 1), MINUTE_MS) + MINUTE_MS;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

/* Every minute that begins in [from_ms, to_ms), both being whole minutes. */
static int
roll_minutes(struct store_txn *txn, int64_t series, int64_t from_ms, int64_t to_ms)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO minute (series, at_ms, count, sum, least, most, last)"
	    " SELECT series, begin_ms, count, sum, least, most,"
	    "  (SELECT value FROM sample WHERE series = m.series AND at_ms = m.last_ms)"
	    " FROM (SELECT series, at_ms - at_ms % 60000 AS begin_ms, count(*) AS count, sum(value) AS sum,"
	    "   min(value) AS least, max(value) AS most, max(at_ms) AS last_ms"
	    "  FROM sample WHERE series = ? AND at_ms >= ? AND at_ms < ? GROUP BY begin_ms) AS m",
	    DB_VALUES(db_integer(series), db_integer(from_ms), db_integer(to_ms)));
}

static int
roll_hours(struct store_txn *txn, int64_t series, int64_t from_ms, int64_t to_ms)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO hour (series, at_ms, count, sum, least, most, last)"
	    " SELECT series, begin_ms, count, sum, least, most,"
	    "  (SELECT last FROM minute WHERE series = h.series AND at_ms = h.last_ms)"
	    " FROM (SELECT series, at_ms - at_ms % 3600000 AS begin_ms, sum(count) AS count, sum(sum) AS sum,"
	    "   min(least) AS least, max(most) AS most, max(at_ms) AS last_ms"
	    "  FROM minute WHERE series = ? AND at_ms >= ? AND at_ms < ? GROUP BY begin_ms) AS h",
	    DB_VALUES(db_integer(series), db_integer(from_ms), db_integer(to_ms)));
}

/* --- deletion ---------------------------------------------------------------------------------------------------- */

/* One table of a series, what is kept of it, and how its watermark moves. */
struct layer {
	const char *due;	/* the series with rows to look at: ? the new floor, ? how many */
	const char *delete;	/* ? series, ? the new floor */
	const char *move;	/* ? the new floor, ? series */
};

static int expire_layer(struct store_txn *txn, const struct layer *layer, int64_t floor_ms, bool *more);
static int expire_series(struct store_txn *txn, const struct layer *layer, int64_t series, int64_t floor_ms,
	int64_t *deleted);
static int series_forget(struct store_txn *txn, int64_t series);

static int
expire_samples(struct store_txn *txn, int64_t now_ms, bool *more)
{
	static const struct layer layer = {
		.due = "SELECT id FROM series WHERE samples_from_ms < ? ORDER BY id LIMIT ?",
		.delete = "DELETE FROM sample WHERE series = ? AND at_ms < ?",
		.move = "UPDATE series SET samples_from_ms = ? WHERE id = ?",
	};
	int64_t keep_ms = txn->options->keep_samples_ms;

	/* An hour at least: what is not rolled up yet stays, however little is to be kept. */
	if (keep_ms < HOUR_MS)
		keep_ms = HOUR_MS;
	return expire_layer(txn, &layer, floor_to(now_ms - keep_ms, HOUR_MS), more);
}

static int
expire_minutes(struct store_txn *txn, int64_t now_ms, bool *more)
{
	static const struct layer layer = {
		.due = "SELECT id FROM series WHERE minutes_from_ms < ? ORDER BY id LIMIT ?",
		.delete = "DELETE FROM minute WHERE series = ? AND at_ms < ?",
		.move = "UPDATE series SET minutes_from_ms = ? WHERE id = ?",
	};

	return expire_layer(txn, &layer, floor_to(now_ms - txn->options->keep_minutes_ms, HOUR_MS), more);
}

static int
expire_hours(struct store_txn *txn, int64_t now_ms, bool *more)
{
	static const struct layer layer = {
		.due = "SELECT id FROM series WHERE hours_from_ms < ? ORDER BY id LIMIT ?",
		.delete = "DELETE FROM hour WHERE series = ? AND at_ms < ?",
		.move = "UPDATE series SET hours_from_ms = ? WHERE id = ?",
	};

	return expire_layer(txn, &layer, floor_to(now_ms - txn->options->keep_hours_ms, HOUR_MS), more);
}

static int
expire_layer(struct store_txn *txn, const struct layer *layer, int64_t floor_ms, bool *more)
{
	int64_t series[SERIES_MAX], deleted = 0;
	size_t count = 0, done = 0;
	sqlite3_stmt *rows;
	int got = db_query(txn->db, layer->due, DB_VALUES(db_integer(floor_ms), db_integer(SERIES_MAX)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1)
		series[count++] = sqlite3_column_int64(rows, 0);
	db_end(rows);
	for (; done < count && got == 0 && deleted < ROWS_MAX; done++)
		got = expire_series(txn, layer, series[done], floor_ms, &deleted);
	*more = count == SERIES_MAX || done < count;
	return got;
}

static int
expire_series(struct store_txn *txn, const struct layer *layer, int64_t series, int64_t floor_ms, int64_t *deleted)
{
	int error = db_run(txn->db, layer->delete, DB_VALUES(db_integer(series), db_integer(floor_ms)));

	*deleted += db_changes(txn->db) + SERIES_ROWS;
	if (error == 0)
		error = db_run(txn->db, layer->move, DB_VALUES(db_integer(floor_ms), db_integer(series)));
	if (error == 0)
		error = series_forget(txn, series);
	return error;
}

/* Backends come and go with their names; a series of which nothing is left would otherwise stay for ever. */
static int
series_forget(struct store_txn *txn, int64_t series)
{
	return db_run(txn->db, "DELETE FROM series WHERE id = ?1"
	    " AND NOT EXISTS (SELECT 1 FROM sample WHERE series = ?1)"
	    " AND NOT EXISTS (SELECT 1 FROM minute WHERE series = ?1)"
	    " AND NOT EXISTS (SELECT 1 FROM hour WHERE series = ?1)"
	    " AND NOT EXISTS (SELECT 1 FROM late_minute WHERE series = ?1)", DB_VALUES(db_integer(series)));
}

/* Health events are the labels that models learn from, so they last as long as the coarsest samples; predictions are
 * judged against them while there are minutes, and so long demand is learned from; plans and the sequences of reports
 * are of use for as long as an agent may come back with its spool. The last published plan stays however old: a restart
 * begins with it. A model's reviews last as long as the predictions that they judge, but for its kind's and horizon's
 * newest; who was promoted and who was returned from is never forgotten, or the shipped model would come back. */
static int
expire_history(struct store_txn *txn, int64_t now_ms, bool *more)
{
	const struct store_options *keep = txn->options;
	const struct { const char *sql; int64_t keep_ms; } tables[] = {
		{ "DELETE FROM report WHERE (region, agent, sequence) IN (SELECT region, agent, sequence FROM report"
		    " WHERE received_ms < ? ORDER BY received_ms LIMIT ?)", keep->keep_reports_ms },
		{ "DELETE FROM agent WHERE (region, agent) IN (SELECT region, agent FROM agent WHERE received_ms < ?"
		    " LIMIT ?)", keep->keep_reports_ms },
		{ "DELETE FROM plan WHERE id IN (SELECT id FROM plan WHERE at_ms < ? AND id IS NOT (SELECT id FROM plan"
		    " WHERE status = 'published' ORDER BY epoch DESC, id DESC LIMIT 1) AND NOT (status = 'published'"
		    "  AND EXISTS (SELECT 1 FROM epoch_tables WHERE epoch_tables.epoch = plan.epoch))"
		    " ORDER BY at_ms LIMIT ?)", keep->keep_reports_ms },
		{ "DELETE FROM plan WHERE id IN (SELECT id FROM plan WHERE at_ms < ? AND id IS NOT (SELECT id FROM plan"
		    " WHERE status = 'published' ORDER BY epoch DESC, id DESC LIMIT 1)"
		    " ORDER BY at_ms LIMIT ?)", keep->keep_minutes_ms },
		{ "DELETE FROM prediction WHERE (at_ms, region, service, horizon_s, role) IN (SELECT at_ms, region,"
		    " service, horizon_s, role FROM prediction WHERE at_ms < ? ORDER BY at_ms LIMIT ?)",
		    keep->keep_minutes_ms },
		{ "DELETE FROM demand WHERE (service, client_group, country, at_ms) IN (SELECT service, client_group,"
		    " country, at_ms FROM demand WHERE at_ms < ? ORDER BY at_ms LIMIT ?)", keep->keep_minutes_ms },
		{ "DELETE FROM signal WHERE id IN (SELECT id FROM signal WHERE expires_ms < ? LIMIT ?)",
		    keep->keep_minutes_ms },
		{ "DELETE FROM model_decision WHERE id IN (SELECT id FROM model_decision AS d WHERE at_ms < ?"
		    " AND action = 'reviewed' AND EXISTS (SELECT 1 FROM model_decision AS n WHERE n.id > d.id"
		    "  AND n.action = 'reviewed' AND n.kind = d.kind AND n.horizon_s = d.horizon_s) LIMIT ?)",
		    keep->keep_minutes_ms },
		{ "DELETE FROM model_decision WHERE id IN (SELECT id FROM model_decision WHERE at_ms < ?"
		    " AND action = 'kept' LIMIT ?)", keep->keep_hours_ms },
		{ "DELETE FROM health_event WHERE id IN (SELECT id FROM health_event WHERE at_ms < ? ORDER BY at_ms"
		    " LIMIT ?)", keep->keep_hours_ms },
	};
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables) && error == 0; i++) {
		error = db_run(txn->db, tables[i].sql,
		    DB_VALUES(db_integer(now_ms - tables[i].keep_ms), db_integer(HISTORY_MAX)));
		*more = *more || db_changes(txn->db) >= HISTORY_MAX;
	}
	return error != 0 ? error : epochs_expire(txn, now_ms - keep->keep_minutes_ms, more);
}
