/* samples.c -- reports and their numbers: each report counted once, each number a sample of its series.
 * In: a report, inside a job.  Out: series, samples and rollups; the newest report of each agent, for a restart.
 * A series is named by (region, backend, name) and known by a small integer, so that a sample is three numbers in a
 * table that is ordered by (series, time): reading a window is one range, and a row takes some 15 bytes.
 * A report's own row is narrow and only keeps its sequence from being counted twice; its text is kept while it is the
 * newest of its agent. A spooled report that comes late fills its gap in the samples and replaces nothing newer.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/txn.h"

/* What storing a sample needs to know of its series. */
struct series {
	int64_t id, minutes_done_ms, samples_from_ms;
};

static int report_count(struct store_txn *txn, const struct report *report, struct wall received);
static int report_keep(struct store_txn *txn, const struct report *report, struct wall received);
static int report_latencies(struct store_txn *txn, const struct report *report);
static int report_samples(struct store_txn *txn, const struct report *report);
static int load_sample(struct store_txn *txn, const struct report *report, const struct report_load *load);
static int backends_sample(struct store_txn *txn, const struct report *report);
static int sample_put(struct store_txn *txn, const struct report *report, const char *backend, const char *name,
	const char *unit, double value);
static int series_find(struct store_txn *txn, const char *region, const char *backend, const char *name,
	const char *unit, struct series *series);
static int series_unit_set(struct store_txn *txn, int64_t id, const char *unit);
static int sample_late(struct store_txn *txn, int64_t series, int64_t at_ms);

int
store_report_put(struct store_txn *txn, const struct report *report, struct wall received)
{
	int error = report_count(txn, report, received);

	if (error == 0)
		error = report_keep(txn, report, received);
	if (error == 0)
		error = report_samples(txn, report);
	return error;
}

static int
report_count(struct store_txn *txn, const struct report *report, struct wall received)
{
	int error;

	if (report->sequence == 0 || report->sequence > INT64_MAX)
		return -EINVAL;
	error = db_run(txn->db, "INSERT INTO report (region, agent, sequence, time_ms, received_ms)"
	    " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
	    DB_VALUES(db_text(report->region), db_text(report->agent), db_integer((int64_t)report->sequence),
		db_integer(report->time.ms), db_integer(received.ms)));
	return error == 0 && db_changes(txn->db) == 0 ? -EEXIST : error;
}

/* Newer is what has the higher sequence or the later time. Only a report that is behind in both is an old one: an agent
 * that lost its count and starts again at 1 is not ignored, nor is one whose clock was wrong and has been set back. */
static int
report_keep(struct store_txn *txn, const struct report *report, struct wall received)
{
	char *json = report_write(report);
	int error;

	if (json == NULL)
		return -ENOMEM;
	error = db_run(txn->db, "INSERT INTO agent (region, agent, sequence, time_ms, received_ms, report)"
	    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (region, agent) DO UPDATE SET sequence = excluded.sequence,"
	    " time_ms = excluded.time_ms, received_ms = excluded.received_ms, report = excluded.report"
	    " WHERE excluded.sequence > agent.sequence OR excluded.time_ms > agent.time_ms",
	    DB_VALUES(db_text(report->region), db_text(report->agent), db_integer((int64_t)report->sequence),
		db_integer(report->time.ms), db_integer(received.ms), db_text(json)));
	free(json);
	if (error == 0 && db_changes(txn->db) > 0 && report->measured)
		error = report_latencies(txn, report);
	return error;
}

static int
report_latencies(struct store_txn *txn, const struct report *report)
{
	int error = store_latency_clear_region(txn, "agent", report->region);

	for (size_t i = 0; i < report->latency_count && error == 0; i++) {
		const struct latency_entry entry = { .clients = report->latencies[i].clients,
			.region = report->region, .source = "agent", .ms = report->latencies[i].ms,
			.at = report->time };

		error = store_latency_put(txn, &entry);
	}
	return error;
}

static int
report_samples(struct store_txn *txn, const struct report *report)
{
	int error = 0;

	for (size_t i = 0; i < report->metric_count && error == 0; i++) {
		const struct report_metric *metric = &report->metrics[i];

		error = sample_put(txn, report, metric->backend, metric->name, metric->unit, metric->value);
	}
	for (size_t i = 0; i < report->load_count && error == 0; i++)
		error = load_sample(txn, report, &report->loads[i]);
	if (error == 0 && report->capacity > 0)		/* 0 says nothing: steering.yaml has it */
		error = sample_put(txn, report, "", "capacity", "requests/s", report->capacity);
	if (error == 0 && report->backend_count > 0)
		error = backends_sample(txn, report);
	return error;
}

static int
load_sample(struct store_txn *txn, const struct report *report, const struct report_load *load)
{
	struct text name = { 0 };
	int error = -ENOMEM;

	text_printf(&name, "load:%s", load->service);
	if (!name.failed)
		error = sample_put(txn, report, "", name.bytes, "requests/s", load->requests_per_second);
	text_fini(&name);
	return error;
}

static int
backends_sample(struct store_txn *txn, const struct report *report)
{
	size_t healthy = 0;

	for (size_t i = 0; i < report->backend_count; i++)
		healthy += report->backends[i].healthy;
	return sample_put(txn, report, "", "backends_healthy", "ratio",
	    (double)healthy / (double)report->backend_count);
}

static int
sample_put(struct store_txn *txn, const struct report *report, const char *backend, const char *name,
	const char *unit, double value)
{
	return store_sample_put(txn, report->region, backend, name, unit, report->time, value);
}

/* The same series at the same time again (two agents of one region, a name twice in a report): the last one stands. */
int
store_sample_put(struct store_txn *txn, const char *region, const char *backend, const char *name, const char *unit,
	struct wall at, double value)
{
	struct series series;
	int error = series_find(txn, region, backend, name, unit, &series);

	if (error != 0)
		return error;
	/* Past retention: its minute's other samples are gone, so it can't be rolled up with them either. */
	if (at.ms < series.samples_from_ms)
		return 0;
	error = db_run(txn->db, "INSERT OR REPLACE INTO sample (series, at_ms, value) VALUES (?, ?, ?)",
	    DB_VALUES(db_integer(series.id), db_integer(at.ms), db_real(value)));
	if (error == 0 && at.ms < series.minutes_done_ms)
		error = sample_late(txn, series.id, at.ms);
	if (error == 0)
		txn->samples++;
	return error;
}

static int
series_find(struct store_txn *txn, const char *region, const char *backend, const char *name, const char *unit,
	struct series *series)
{
	bool unit_changed = false;
	sqlite3_stmt *rows;
	int got = db_query(txn->db, "SELECT id, minutes_done_ms, samples_from_ms, unit FROM series"
	    " WHERE region = ? AND backend = ? AND name = ?",
	    DB_VALUES(db_text(region), db_text(backend), db_text(name)), &rows);

	if (got == 0)
		got = db_next(rows);
	if (got == 1) {
		series->id = sqlite3_column_int64(rows, 0);
		series->minutes_done_ms = sqlite3_column_int64(rows, 1);
		series->samples_from_ms = sqlite3_column_int64(rows, 2);
		unit_changed = strcmp(db_column_text(rows, 3), unit) != 0;
	}
	db_end(rows);
	if (got < 0)
		return got;
	if (got == 1)
		return unit_changed ? series_unit_set(txn, series->id, unit) : 0;
	got = db_run(txn->db, "INSERT INTO series (region, backend, name, unit) VALUES (?, ?, ?, ?)",
	    DB_VALUES(db_text(region), db_text(backend), db_text(name), db_text(unit)));
	*series = (struct series){ .id = db_last_id(txn->db) };
	return got;
}

static int
series_unit_set(struct store_txn *txn, int64_t id, const char *unit)
{
	return db_run(txn->db, "UPDATE series SET unit = ? WHERE id = ?", DB_VALUES(db_text(unit), db_integer(id)));
}

static int
sample_late(struct store_txn *txn, int64_t series, int64_t at_ms)
{
	return db_run(txn->db, "INSERT OR IGNORE INTO late_minute (series, at_ms) VALUES (?, ?)",
	    DB_VALUES(db_integer(series), db_integer(at_ms - at_ms % 60000)));
}

int
store_series(struct store_reader *reader, const char *region, bool (*row)(void *arg, const struct series_row *series),
	void *arg)
{
	sqlite3_stmt *rows;
	int got = region == NULL
	    ? db_query(&reader->db, "SELECT id, region, backend, name, unit FROM series"
		" ORDER BY region, backend, name", DB_NONE, &rows)
	    : db_query(&reader->db, "SELECT id, region, backend, name, unit FROM series WHERE region = ?"
		" ORDER BY region, backend, name", DB_VALUES(db_text(region)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct series_row series = {
			.id = sqlite3_column_int64(rows, 0),
			.region = db_column_text(rows, 1),
			.backend = db_column_text(rows, 2),
			.name = db_column_text(rows, 3),
			.unit = db_column_text(rows, 4),
		};

		if (!row(arg, &series))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

static const char *const samples_sql[] = {
	[RESOLUTION_RAW] = "SELECT at_ms, value, value, value, value, 1 FROM sample"
	    " WHERE series = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms",
	[RESOLUTION_MINUTE] = "SELECT at_ms, sum / count, least, most, last, count FROM minute"
	    " WHERE series = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms",
	[RESOLUTION_HOUR] = "SELECT at_ms, sum / count, least, most, last, count FROM hour"
	    " WHERE series = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms",
};

int
store_samples(struct store_reader *reader, int64_t series, enum resolution resolution, struct wall from,
	struct wall to, bool (*row)(void *arg, const struct sample_row *sample), void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, samples_sql[resolution],
	    DB_VALUES(db_integer(series), db_integer(from.ms), db_integer(to.ms)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct sample_row sample = {
			.at = { sqlite3_column_int64(rows, 0) },
			.value = sqlite3_column_double(rows, 1),
			.least = sqlite3_column_double(rows, 2),
			.most = sqlite3_column_double(rows, 3),
			.last = sqlite3_column_double(rows, 4),
			.count = (uint32_t)sqlite3_column_int64(rows, 5),
		};

		if (!row(arg, &sample))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

int
store_latest_reports(struct store_reader *reader,
	bool (*row)(void *arg, const char *region, const char *agent, struct wall received, const char *json),
	void *arg)
{
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT region, agent, received_ms, report FROM agent ORDER BY region, agent",
	    DB_NONE, &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		if (!row(arg, db_column_text(rows, 0), db_column_text(rows, 1),
			(struct wall){ sqlite3_column_int64(rows, 2) }, db_column_text(rows, 3)))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}
