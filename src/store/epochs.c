/* epochs.c -- what was in service when: epochs, their tables, the steering they came from, the live words.
 * In: rows, written inside a job after each publication and each change of live words.  Out: the state of any moment
 * that the store's memory reaches.
 * A plan that changes nothing is an epoch every few seconds, so a row must be small: the body of an epoch that is the
 * one before's isn't written again ('' stands for it), and tables that didn't change have no row. What is deleted is
 * always what no kept moment needs: the newest state at the end of memory stays, and the whole tables that kept
 * differences begin with.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/txn.h"

#define EPOCHS_MAX 4096		/* rows that one piece of the upkeep deletes */

/* The body of epoch e, which may stand in an earlier row. */
#define BODY "(SELECT body FROM epoch WHERE body <> '' AND epoch <= e.epoch ORDER BY epoch DESC LIMIT 1)"

static int same_body(struct store_txn *txn, const struct epoch_row *row, bool *same);
static int one_epoch(struct store_reader *reader, const char *sql, int64_t value, struct arena *arena,
	struct epoch_row *row);
static struct epoch_row epoch_of(sqlite3_stmt *rows);

/* --- writing ------------------------------------------------------------------------------------------------- */

int
store_epoch_put(struct store_txn *txn, const struct epoch_row *row)
{
	bool same = false;
	int error = same_body(txn, row, &same);

	return error != 0 ? error : db_run(txn->db,
	    "INSERT OR REPLACE INTO epoch (epoch, at_ms, revision, body) VALUES (?, ?, ?, ?)",
	    DB_VALUES(db_integer((int64_t)row->epoch), db_integer(row->at.ms), db_integer((int64_t)row->revision),
		db_text(same ? "" : row->body)));
}

/* As the newest one before it; a later row may rely on this one's, if it's written a second time. */
static int
same_body(struct store_txn *txn, const struct epoch_row *row, bool *same)
{
	sqlite3_stmt *rows;
	int got = db_query(txn->db, "SELECT body FROM epoch WHERE body <> '' AND epoch < ?1"
	    " AND NOT EXISTS (SELECT 1 FROM epoch WHERE epoch > ?1) ORDER BY epoch DESC LIMIT 1",
	    DB_VALUES(db_integer((int64_t)row->epoch)), &rows);

	if (got == 0)
		got = db_next(rows);
	*same = got == 1 && strcmp(db_column_text(rows, 0), row->body) == 0;
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_epoch_tables_put(struct store_txn *txn, uint64_t epoch, const char *service, uint64_t base, const void *body,
	size_t length)
{
	int error = service[0] != '\0' ? 0 : db_run(txn->db, "DELETE FROM epoch_tables WHERE service = ''", DB_NONE);

	return error != 0 ? error : db_run(txn->db, "INSERT OR REPLACE INTO epoch_tables (service, epoch, base, "
	    "body) VALUES (?, ?, ?, ?)",
	    DB_VALUES(db_text(service), db_integer((int64_t)epoch), db_integer((int64_t)base), db_blob(body, length)));
}

int
store_steering_text_put(struct store_txn *txn, uint64_t revision, struct wall at, const char *text)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO steering_text (revision, at_ms, text) VALUES (?, ?, ?)",
	    DB_VALUES(db_integer((int64_t)revision), db_integer(at.ms), db_text(text)));
}

int
store_live_put(struct store_txn *txn, const struct live_row *row)
{
	return db_run(txn->db, "INSERT OR REPLACE INTO live_word (service, region, at_ms, dead, admit)"
	    " VALUES (?, ?, ?, ?, ?)", DB_VALUES(db_text(row->service), db_text(row->region), db_integer(row->at.ms),
		db_integer(row->dead), db_integer(row->admit)));
}

/* --- reading ------------------------------------------------------------------------------------------------- */

int
store_epoch_at(struct store_reader *reader, struct wall at, struct arena *arena, struct epoch_row *row)
{
	return one_epoch(reader, "SELECT epoch, at_ms, revision, " BODY " FROM epoch AS e WHERE at_ms <= ?"
	    " ORDER BY at_ms DESC, epoch DESC LIMIT 1", at.ms, arena, row);
}

int
store_epoch(struct store_reader *reader, uint64_t epoch, struct arena *arena, struct epoch_row *row)
{
	return epoch > INT64_MAX ? -ENOENT : one_epoch(reader, "SELECT epoch, at_ms, revision, " BODY
	    " FROM epoch AS e WHERE epoch = ?", (int64_t)epoch, arena, row);
}

int
store_epoch_edge(struct store_reader *reader, bool newest, struct arena *arena, struct epoch_row *row)
{
	return newest ? one_epoch(reader, "SELECT epoch, at_ms, revision, " BODY " FROM epoch AS e WHERE epoch > ?"
	    " ORDER BY epoch DESC LIMIT 1", 0, arena, row)
	    : one_epoch(reader, "SELECT epoch, at_ms, revision, " BODY " FROM epoch AS e WHERE epoch > ?"
	    " ORDER BY epoch LIMIT 1", 0, arena, row);
}

static int
one_epoch(struct store_reader *reader, const char *sql, int64_t value, struct arena *arena, struct epoch_row *row)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, sql, DB_VALUES(db_integer(value)), &rows);

	if (got == 0)
		got = db_next(rows);
	if (got == 1) {
		*row = epoch_of(rows);
		row->body = arena_text(arena, row->body);
	}
	db_end(rows);
	if (got == 0)
		return -ENOENT;
	return got < 0 ? got : row->body == NULL ? -ENOMEM : 0;
}

static struct epoch_row
epoch_of(sqlite3_stmt *rows)
{
	return (struct epoch_row){
		.epoch = (uint64_t)sqlite3_column_int64(rows, 0),
		.at = { sqlite3_column_int64(rows, 1) },
		.revision = (uint64_t)sqlite3_column_int64(rows, 2),
		.body = db_column_text(rows, 3),
	};
}

int
store_epochs(struct store_reader *reader, uint64_t before, size_t most,
	bool (*row)(void *arg, const struct epoch_row *epoch, bool changed), void *arg)
{
	int64_t end = before > INT64_MAX ? INT64_MAX : (int64_t)before;
	int64_t limit = most > INT64_MAX ? INT64_MAX : (int64_t)most;
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT epoch, at_ms, revision, body,"
	    " EXISTS (SELECT 1 FROM epoch_tables AS t WHERE t.epoch = e.epoch AND t.service <> '') FROM epoch AS e"
	    " WHERE epoch < ? ORDER BY epoch DESC LIMIT ?", DB_VALUES(db_integer(end), db_integer(limit)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct epoch_row epoch = epoch_of(rows);

		if (!row(arg, &epoch, sqlite3_column_int64(rows, 4) != 0))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_epoch_tables(struct store_reader *reader, uint64_t epoch, const char *service, uint64_t *found, uint64_t *base,
	void **body, size_t *length)
{
	int64_t last = epoch > INT64_MAX ? INT64_MAX : (int64_t)epoch;
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT epoch, base, body FROM epoch_tables WHERE service = ? AND epoch <= ?"
	    " ORDER BY epoch DESC LIMIT 1", DB_VALUES(db_text(service), db_integer(last)), &rows);

	*body = NULL;
	if (got == 0)
		got = db_next(rows);
	if (got == 1) {
		const void *octets = sqlite3_column_blob(rows, 2);

		*found = (uint64_t)sqlite3_column_int64(rows, 0);
		*base = (uint64_t)sqlite3_column_int64(rows, 1);
		*length = (size_t)sqlite3_column_bytes(rows, 2);
		*body = malloc(*length + 1);
		if (*body != NULL && *length > 0)
			memcpy(*body, octets, *length);
	}
	db_end(rows);
	if (got == 0)
		return -ENOENT;
	return got < 0 ? got : *body == NULL ? -ENOMEM : 0;
}

int
store_steering_text_at(struct store_reader *reader, uint64_t revision, struct text *text)
{
	int64_t last = revision > INT64_MAX ? INT64_MAX : (int64_t)revision;
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT text FROM steering_text WHERE revision <= ? ORDER BY revision DESC "
	    "LIMIT 1",
	    DB_VALUES(db_integer(last)), &rows);

	if (got == 0)
		got = db_next(rows);
	if (got == 1)
		text_puts(text, db_column_text(rows, 0));
	db_end(rows);
	if (got == 0)
		return -ENOENT;
	return got < 0 ? got : text->failed ? -ENOMEM : 0;
}

/* SQLite takes the other columns from the row that max() found. */
int
store_live_at(struct store_reader *reader, struct wall at, bool (*row)(void *arg, const struct live_row *row),
    void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT max(at_ms), service, region, dead, admit FROM live_word"
	    " WHERE at_ms <= ? GROUP BY service, region", DB_VALUES(db_integer(at.ms)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct live_row live = {
			.at = { sqlite3_column_int64(rows, 0) },
			.service = db_column_text(rows, 1),
			.region = db_column_text(rows, 2),
			.dead = sqlite3_column_int64(rows, 3) != 0,
			.admit = (uint16_t)sqlite3_column_int64(rows, 4),
		};

		if (!row(arg, &live))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_plan_at(struct store_reader *reader, uint64_t epoch, uint64_t *found, struct text *body)
{
	int64_t last = epoch > INT64_MAX ? INT64_MAX : (int64_t)epoch;
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT epoch, body FROM plan WHERE status = 'published' AND epoch <= ?"
	    " ORDER BY epoch DESC, id DESC LIMIT 1", DB_VALUES(db_integer(last)), &rows);

	if (got == 0)
		got = db_next(rows);
	if (got == 1) {
		*found = (uint64_t)sqlite3_column_int64(rows, 0);
		text_puts(body, db_column_text(rows, 1));
	}
	db_end(rows);
	if (got == 0)
		return -ENOENT;
	return got < 0 ? got : body->failed ? -ENOMEM : 0;
}

/* --- upkeep -------------------------------------------------------------------------------------------------- */

int
epochs_expire(struct store_txn *txn, int64_t floor_ms, bool *more)
{
	/* ?1: the epoch that was in force at the floor; ?2: the floor; ?3: how many rows. The body that the first kept
	 * epoch stands for moves into it before its own row goes. */
	static const char *const steps[] = {
		"UPDATE epoch SET body = (SELECT body FROM epoch WHERE body <> '' AND epoch <= ?1 ORDER BY epoch DESC"
		"  LIMIT 1) WHERE epoch = ?1 AND body = '' AND ?2 >= 0 AND ?3 >= 0",
		"DELETE FROM epoch WHERE epoch IN (SELECT epoch FROM epoch WHERE epoch < ?1 AND ?2 >= 0 ORDER BY epoch"
		"  LIMIT ?3)",
		"DELETE FROM epoch_tables WHERE (service, epoch) IN (SELECT t.service, t.epoch FROM epoch_tables AS t"
		"  WHERE t.epoch < (SELECT max(w.epoch) FROM epoch_tables AS w WHERE w.service = t.service"
		"   AND w.base = 0 AND w.epoch <= ?1) AND ?2 >= 0 LIMIT ?3)",
		/* Where a service has ended, when nothing of it is left behind. */
		"DELETE FROM epoch_tables WHERE length(body) = 0 AND epoch < ?1 AND ?2 >= 0 AND ?3 >= 0 AND NOT EXISTS"
		"  (SELECT 1 FROM epoch_tables AS o WHERE o.service = epoch_tables.service"
		"   AND o.epoch < epoch_tables.epoch)",
		"DELETE FROM steering_text WHERE ?2 >= 0 AND ?3 >= 0 AND revision <"
		"  (SELECT max(revision) FROM steering_text"
		"   WHERE revision <= (SELECT revision FROM epoch WHERE epoch = ?1))",
		"DELETE FROM live_word WHERE (service, region, at_ms) IN (SELECT l.service, l.region, l.at_ms"
		"  FROM live_word AS l WHERE l.at_ms < (SELECT max(n.at_ms) FROM live_word AS n"
		"   WHERE n.service = l.service AND n.region = l.region AND n.at_ms <= ?2) AND ?1 >= 0 LIMIT ?3)",
	};
	int64_t first = 0;
	int error = db_get(txn->db, "SELECT epoch FROM epoch WHERE at_ms <= ? ORDER BY at_ms DESC, epoch DESC LIMIT 1",
	    DB_VALUES(db_integer(floor_ms)), &first);

	if (error == -ENOENT)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(steps) && error == 0; i++) {
		error = db_run(txn->db, steps[i],
		    DB_VALUES(db_integer(first), db_integer(floor_ms), db_integer(EPOCHS_MAX)));
		*more = *more || db_changes(txn->db) >= EPOCHS_MAX;
	}
	return error;
}
