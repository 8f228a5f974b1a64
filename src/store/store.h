/* store.h -- the truth at run time: one SQLite file in WAL mode. One writer thread, any number of readers.
 *
 * A write is a job: a function that runs on the writer thread inside a transaction. Jobs that wait are run together
 * as one batch; each in a savepoint of its own, so that a failing job takes nothing else with it. `done` is called on
 * the writer thread after the batch's COMMIT (or its failure): what was acknowledged is durable (synchronous=FULL).
 * Threads: store_submit() from any; jobs and `done` on the writer thread; a reader belongs to one thread. */
#ifndef ISOBAR_STORE_STORE_H
#define ISOBAR_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/contract.h"
#include "base/text.h"
#include "report/report.h"

struct store;
struct store_txn;	/* the open transaction, as a job sees it */
struct store_reader;

#define STORE_SCHEMA_VERSION 7	/* the number of steps in migration.c */

struct store_options {
	const char *path;
	int64_t keep_samples_ms;	/* raw samples; default 2 days. 0 is the default for each */
	int64_t keep_minutes_ms;	/* one-minute rollups, predictions, reviews; default 40 days */
	int64_t keep_hours_ms;		/* one-hour rollups, health events, decisions "kept"; default 400 days */
	int64_t keep_reports_ms;	/* sequences, silent agents, plans; default 2 days */
};

/* Opens or creates, migrates an older schema inside one transaction, starts the writer thread.
 * On failure NULL with a message for the operator in `error`: a newer schema says which version of the program it
 * needs, a locked or read-only file says so. */
struct store *store_open(const struct store_options *options, struct text *error) NONNULL MUST_USE;
void store_close(struct store *store);	/* after the queue has drained; NULL is allowed */

typedef int store_job_fn(struct store_txn *txn, void *arg);	/* 0, or -errno: rolls this job back */
typedef void store_done_fn(void *arg, int status);		/* 0, or -errno: -ENOSPC, -EROFS, -EBUSY, -ENOMEM, -EIO
								 * (the store's, to every job of the batch), the job's
								 * own */

/* False when the queue is full (STORE_QUEUE_MAX jobs wait): nothing was taken; answer 503. */
#define STORE_QUEUE_MAX 65536
bool store_submit(struct store *store, store_job_fn *job, store_done_fn *done, void *arg)
	__attribute__((nonnull(1, 2))) MUST_USE;
/* Waits for the job's `done`; not from jobs. -EAGAIN: the queue is full. */
int store_call(struct store *store, store_job_fn *job, void *arg) __attribute__((nonnull(1, 2)));

struct store_counters { uint64_t jobs, batches, failures, samples; };
struct store_counters store_counters(const struct store *store) NONNULL;
size_t store_queue_length(struct store *store) NONNULL;

/* --- writing, inside a job; 0 or -errno --------------------------------------------------------------------- */

/* One row of the journal: gapless revision, hash chained over the previous row's hash (SHA-256). Every operator's
 * change has one, in the same transaction. `body` is JSON that says what changed. */
int store_journal_add(struct store_txn *txn, struct wall at, const char *author, const char *action, const char *reason,
	const char *body, uint64_t *revision) NONNULL;

int store_zone_put(struct store_txn *txn, const char *name, const char *text) NONNULL;	/* name: with final dot */
int store_zone_delete(struct store_txn *txn, const char *name) NONNULL;		/* -ENOENT */
int store_steering_put(struct store_txn *txn, const char *text) NONNULL;	/* the text of steering.yaml */

struct override {
	int64_t id;		/* 0 for a new one */
	const char *kind;	/* "drain", "drill" (a drain that ends itself when it hurts) */
	const char *region;
	const char *service;	/* "" for all */
	double value;		/* the share that stays, 0 .. 1 */
	double begin;		/* the share that stayed when it began: it goes from there to `value` within */
	int64_t over_ms;	/* this time; 0: at once */
	bool forced;		/* beyond what the certificate proves safe, because the operator said so */
	const char *reason, *author;
	struct wall from, until;	/* until.ms 0: for ever */
};
int store_override_put(struct store_txn *txn, struct override *override) NONNULL;	/* sets id; -ENOENT */
int store_override_delete(struct store_txn *txn, int64_t id) NONNULL;			/* -ENOENT */

/* -EEXIST: this (region, agent, sequence) was counted already. Else the report row, its text if it is the agent's
 * newest, and its metrics and loads as samples: metric names as given, "load:SERVICE" for loads, "capacity" (unless 0),
 * "backends_healthy" (share). Samples older than what is kept of their series are dropped. The latencies of an agent's
 * newest report replace those that agents said before of its region. */
int store_report_put(struct store_txn *txn, const struct report *report, struct wall received) NONNULL;

/* One number that no report brought: the same series and retention. The same time again: the last one stands. */
int store_sample_put(struct store_txn *txn, const char *region, const char *backend, const char *name, const char *unit,
	struct wall at, double value) NONNULL;

struct health_event {
	struct wall at;
	const char *region;
	const char *service;	/* "" for the whole region */
	const char *state;	/* "down", "up", "silent", "heard", "drained", "undrained" */
	const char *cause;	/* in words */
};
int store_health_event_put(struct store_txn *txn, const struct health_event *event) NONNULL;

struct prediction {
	struct wall at;
	const char *region;
	const char *service;		/* load forecasts; "" for the region's failure probability */
	uint32_t horizon_s;
	const char *role;		/* "serving", or "shadow": of a challenger, acted on by nobody */
	double probability;		/* NAN: no prediction */
	double probability_low, probability_high;	/* of 80 %; NAN: not known */
	double load_forecast;		/* requests/s; NAN: none */
	double load_low, load_high;	/* of 80 %; NAN: not known */
	double share, admit;		/* propensity when this was said: the region's part of all demand, and of its
					 * clients that it let in; NAN: not known */
	const char *model;		/* id, or "" */
	const char *reason;		/* why there is no prediction, or "" */
	const char *why;		/* JSON: the features that moved it most, or "" */
	double anomaly_rank;		/* how odd the region was then, 0 .. 1; NAN: no rank */
	const char *anomaly_reason;	/* why there is none, or ""; as NULL */
	const char *anomaly_why;	/* JSON: the metrics that make it odd, or ""; as NULL */
};
int store_prediction_put(struct store_txn *txn, const struct prediction *prediction) NONNULL;

int store_plan_put(struct store_txn *txn, struct wall at, uint64_t epoch, const char *status, const char *body) NONNULL;
	/* status "published" or "refused: why" */

/* --- keys that sign zones (keys.c) --- */

struct key_row {
	const char *zone;		/* presentation form, final dot, lower case */
	unsigned algorithm, tag;	/* with the zone what tells it from others */
	const char *role;		/* "csk", "ksk", "zsk" */
	const void *dnskey;		/* RDATA */
	size_t dnskey_length;
	const char *private_text;	/* sealed or not; "": it's elsewhere */
	struct wall created, published, offered, ds_seen, active, retired, removed, withdrawn, ds_gone;
};
int store_key_put(struct store_txn *txn, const struct key_row *row) NONNULL;	/* private_text stays once it's there */
int store_key_seal(struct store_txn *txn, const char *zone, unsigned algorithm, unsigned tag, const char *private_text)
	NONNULL;	/* in place of the one that is there; -ENOENT */
int store_key_delete(struct store_txn *txn, const char *zone, unsigned algorithm, unsigned tag) NONNULL; /* -ENOENT */
int store_zone_serial_put(struct store_txn *txn, const char *zone, uint32_t serial) NONNULL;
/* What secondaries of the zone are told: a serial, and a hash of what it stands for. */
int store_edition_put(struct store_txn *txn, const char *zone, uint32_t serial, uint64_t content) NONNULL;

/* --- zones that come from primaries (refreshes.c) --- */

struct refresh_row {
	const char *zone;		/* presentation form, final dot, lower case */
	struct wall refreshed, expires;
	const char *address;		/* of the primary: ADDRESS@PORT */
	uint32_t serial;		/* that it told */
};
int store_refresh_put(struct store_txn *txn, const struct refresh_row *row) NONNULL;
int store_refresh_delete(struct store_txn *txn, const char *zone) NONNULL;

/* --- members of catalog zones (catalogs.c) --- */

struct member_row {
	const char *zone, *catalog;	/* presentation form, final dot, lower case */
	const char *label, *group;	/* group: or "" */
	bool followed;			/* the catalog is somebody else's */
	uint32_t time;			/* how often it had come before */
	bool gone;			/* it's remembered for that alone */
};
int store_member_put(struct store_txn *txn, const struct member_row *row) NONNULL;
int store_member_delete(struct store_txn *txn, const char *zone, const char *catalog) NONNULL;

/* --- what clients ask for, and how far they are (demand.c) --- */

struct demand_row {		/* of one minute */
	struct wall at;		/* its begin */
	const char *service, *group;
	const char *country;	/* of clients located by country, or "" */
	double rate;		/* requests/s, corrected by what regions report */
	double error;		/* relative standard error; NAN: not known */
	double asked;		/* DNS questions/s that were seen */
};
int store_demand_put(struct store_txn *txn, const struct demand_row *row) NONNULL;
/* The newest demand by slot and heavy key (demand_write()); one row. */
int store_demand_state_put(struct store_txn *txn, struct wall at, const void *body, size_t length) NONNULL;

struct latency_entry {
	const char *clients;	/* client group, country code, or "group/CC" */
	const char *region;
	const char *source;	/* "import" or "agent" */
	double ms;
	struct wall at;
};
int store_latency_put(struct store_txn *txn, const struct latency_entry *entry) NONNULL;
int store_latency_clear(struct store_txn *txn, const char *source) NONNULL;	/* before an import */
int store_latency_clear_region(struct store_txn *txn, const char *source, const char *region) NONNULL;

/* --- what comes from outside (signals.c) --- */

struct signal_row {		/* an event, as it concerns one region */
	int64_t id;		/* 0 for a new one */
	const char *source;	/* "feed:NAME", or who posted it */
	const char *key;	/* the event, in the words of its source: what comes again replaces it */
	const char *name;	/* of the region's metric, without "signal:" */
	const char *region;
	const char *text;	/* for people, or "" */
	double severity, certainty;	/* 0 .. 1; NAN: it's there, but how bad it is couldn't be read */
	struct wall onset, expires;	/* onset.ms 0 of a put: since it's known */
	struct wall received, updated;	/* first and last; of a put: both */
	struct wall ended;		/* taken back before it expired; .ms 0: no */
};
/* What has ended is in force again by it. */
int store_signal_put(struct store_txn *txn, const struct signal_row *row) NONNULL;
int store_signal_end(struct store_txn *txn, int64_t id, struct wall at) NONNULL;	/* -ENOENT: not in force */
/* Ends those of the source that weren't put at `at`: it tells of them no more. */
int store_signals_end_others(struct store_txn *txn, const char *source, struct wall at) NONNULL;

struct feed_row {		/* how pulling a feed goes */
	const char *name;
	struct wall tried, succeeded;	/* the last; .ms 0: never */
	struct wall until;		/* samples up to then are in the store; .ms 0: none yet */
	uint64_t pulls, failures;	/* all of them; .. those that failed */
	uint64_t items, left_out;	/* of the last success: what it held; .. what couldn't be used */
	uint64_t bytes, took_ms;	/* of the last pull */
	const char *error;		/* why the last one failed, or "" */
	const char *notes;		/* JSON: what was wrong with single items, [] for nothing */
};
/* `pulls` and `failures` are added to those of before; a failure keeps what only a success tells. */
int store_feed_put(struct store_txn *txn, const struct feed_row *row) NONNULL;

/* --- what was in service when (epochs.c): enough to answer `explain --at` --- */

struct epoch_row {
	uint64_t epoch;
	struct wall at;
	uint64_t revision;	/* of the steering */
	const char *body;	/* JSON: what regions accepted, which record types each has */
};
int store_epoch_put(struct store_txn *txn, const struct epoch_row *row) NONNULL;
/* The tables of a service that changed with this epoch: octets of plan/history.h; `base` is the epoch whose octets they
 * differ from, 0: none. No octets: the service has ended. The service "" stands for the demand that tables were packed
 * by: a restart needs it to compile them as they were; only the newest is kept. */
int store_epoch_tables_put(struct store_txn *txn, uint64_t epoch, const char *service, uint64_t base, const void *body,
	size_t length) NONNULL;
int store_steering_text_put(struct store_txn *txn, uint64_t revision, struct wall at, const char *text) NONNULL;

struct live_row {		/* a live word that changed */
	struct wall at;
	const char *service, *region;
	bool dead;
	uint16_t admit;
};
int store_live_put(struct store_txn *txn, const struct live_row *row) NONNULL;

struct model_row {
	const char *id;			/* SHA-256 of the blob, hexadecimal */
	const char *kind;		/* "failure", "load", "anomaly" */
	uint32_t horizon_s;		/* 0: all that there are */
	struct wall trained;
	const char *status;		/* "serving", "candidate", "retired" */
	const char *card;		/* JSON */
	const void *blob;		/* NULL: it wasn't asked for */
	size_t blob_length;
};
/* Of each kind and horizon the newest five that don't serve are kept, the last that served among them. */
int store_model_put(struct store_txn *txn, const struct model_row *model) NONNULL;
int store_model_status(struct store_txn *txn, const char *id, const char *status) NONNULL;	/* -ENOENT */

struct model_decision {		/* over who serves */
	struct wall at;
	const char *model, *kind;
	uint32_t horizon_s;
	const char *action;	/* "promoted", "kept" as a candidate, "reviewed", "returned" to the one before */
	const char *reason;	/* in words */
	const char *numbers;	/* JSON, or "" */
};
int store_model_decision_put(struct store_txn *txn, const struct model_decision *decision) NONNULL;

struct token_row {
	const char *name;
	const char *scope;		/* "admin", "read", "agent:REGION", "pae" */
	const char *hash;		/* SHA-256 of the token, hexadecimal */
	struct wall created, expires;	/* expires.ms 0: never */
};
int store_token_put(struct store_txn *txn, const struct token_row *token) NONNULL;	/* -EEXIST */
int store_token_delete(struct store_txn *txn, const char *name) NONNULL;		/* -ENOENT */

/* Rolls raw samples up into minutes and hours (count, sum, least, most, last), and deletes what is past retention.
 * A bounded piece of work per call: *more tells whether another call would find more to do. */
int store_maintain(struct store_txn *txn, struct wall now, bool *more) NONNULL;

/* --- reading ------------------------------------------------------------------------------------------------- */

/* A read-only connection with prepared statements, also in another process while the writer runs. */
struct store_reader *store_reader_open(const char *path, struct text *error) NONNULL MUST_USE;
void store_reader_close(struct store_reader *reader);

/* Each calls `row` once per row, in the order given; strings live until it returns. `row` returns false to stop; it may
 * ask the same reader for something else, but not for the same again. Times are from `from` up to, not including, `to`.
 * 0 or -errno. */
int store_zones(struct store_reader *reader, bool (*row)(void *arg, const char *name, const char *text), void *arg);
int store_steering(struct store_reader *reader, struct text *text);	/* empty when there is none */
int store_overrides(struct store_reader *reader, bool (*row)(void *arg, const struct override *override), void *arg);
int store_tokens(struct store_reader *reader, bool (*row)(void *arg, const struct token_row *token), void *arg);

/* By zone and age. */
int store_keys(struct store_reader *reader, bool (*row)(void *arg, const struct key_row *key), void *arg);
/* The serials that zones had when they were served signed last. */
int store_zone_serials(struct store_reader *reader, bool (*row)(void *arg, const char *zone, uint32_t serial),
	void *arg);
int store_editions(struct store_reader *reader, bool (*row)(void *arg, const char *zone, uint32_t serial,
	uint64_t content), void *arg) __attribute__((nonnull(1, 2)));

/* By zone. */
int store_refreshes(struct store_reader *reader, bool (*row)(void *arg, const struct refresh_row *refresh), void *arg)
	__attribute__((nonnull(1, 2)));

/* By zone and catalog. */
int store_members(struct store_reader *reader, bool (*row)(void *arg, const struct member_row *member), void *arg)
	__attribute__((nonnull(1, 2)));

struct journal_row {
	uint64_t revision;
	struct wall at;
	const char *author, *action, *reason, *body, *hash, *previous;
};
int store_journal(struct store_reader *reader, uint64_t from_revision, size_t most,
	bool (*row)(void *arg, const struct journal_row *entry), void *arg);
/* 0 when the chain is whole; -EBADMSG with the first revision that is changed or missing. *revisions: how many are
 * good. */
int store_journal_verify(struct store_reader *reader, uint64_t *revisions, uint64_t *first_bad);
uint64_t store_revision(struct store_reader *reader);	/* the last; 0: none yet */

int store_models(struct store_reader *reader, bool with_blob,
	bool (*row)(void *arg, const struct model_row *model), void *arg);	/* newest first */
int store_model_decisions(struct store_reader *reader, size_t most,
	bool (*row)(void *arg, const struct model_decision *decision), void *arg);	/* newest first */
/* Of each model the last time that it was "reviewed" or "returned" from; newest first. */
int store_model_reviews(struct store_reader *reader,
	bool (*row)(void *arg, const struct model_decision *decision), void *arg);
int store_predictions(struct store_reader *reader, struct wall since,
	bool (*row)(void *arg, const struct prediction *prediction), void *arg);
int store_health_events(struct store_reader *reader, struct wall from, struct wall to,
	bool (*row)(void *arg, const struct health_event *event), void *arg);	/* by time */
/* The last published; -ENOENT when there is none yet. */
int store_latest_plan(struct store_reader *reader, uint64_t *epoch, struct text *body);

int store_demand(struct store_reader *reader, struct wall from, struct wall to,
	bool (*row)(void *arg, const struct demand_row *row), void *arg);	/* by time */
int store_demand_state(struct store_reader *reader, struct wall *at, void **body, size_t *length);	/* -ENOENT; to
													 * be freed */
int store_latencies(struct store_reader *reader, bool (*row)(void *arg, const struct latency_entry *entry), void *arg);
/* What was in service at `at`. Strings in `arena`. -ENOENT: before the store's memory. */
int store_epoch_at(struct store_reader *reader, struct wall at, struct arena *arena, struct epoch_row *row);
int store_epoch(struct store_reader *reader, uint64_t epoch, struct arena *arena, struct epoch_row *row);
int store_epoch_edge(struct store_reader *reader, bool newest /* or the oldest */, struct arena *arena,
	struct epoch_row *row);
/* Those below `before`, the newest first; `body` is "" where it's that of the one before; `changed`: its tables. */
int store_epochs(struct store_reader *reader, uint64_t before, size_t most,
	bool (*row)(void *arg, const struct epoch_row *epoch, bool changed), void *arg);
/* The octets of a service's tables at an epoch, the newest not after it; *base as above; to be freed. -ENOENT. */
int store_epoch_tables(struct store_reader *reader, uint64_t epoch, const char *service, uint64_t *found,
	uint64_t *base, void **body, size_t *length);
int store_steering_text_at(struct store_reader *reader, uint64_t revision, struct text *text);	/* -ENOENT */
int store_live_at(struct store_reader *reader, struct wall at,
	bool (*row)(void *arg, const struct live_row *row), void *arg);	/* the last of each (service, region) */
/* The newest published not after it; -ENOENT. */
int store_plan_at(struct store_reader *reader, uint64_t epoch, uint64_t *found, struct text *body);

/* Signals that were in force or announced at some moment from `from` on, by region, name, onset. */
int store_signals(struct store_reader *reader, struct wall from,
	bool (*row)(void *arg, const struct signal_row *signal), void *arg);
int store_feeds(struct store_reader *reader, bool (*row)(void *arg, const struct feed_row *feed), void *arg);

struct series_row {
	int64_t id;
	const char *region, *backend, *name, *unit;
};
int store_series(struct store_reader *reader, const char *region /* or NULL */,
	bool (*row)(void *arg, const struct series_row *series), void *arg);

enum resolution { RESOLUTION_RAW, RESOLUTION_MINUTE, RESOLUTION_HOUR };
struct sample_row {
	struct wall at;			/* begin of the minute or hour for rollups */
	double value;			/* raw: the value; rollup: the mean */
	double least, most, last;	/* rollups; raw: the value */
	uint32_t count;
};
int store_samples(struct store_reader *reader, int64_t series, enum resolution resolution, struct wall from,
	struct wall to, bool (*row)(void *arg, const struct sample_row *sample), void *arg);	/* by time */

/* The state that a restart needs: each agent's newest report (JSON as report_write gives it) with its time of
 * receipt. */
int store_latest_reports(struct store_reader *reader,
	bool (*row)(void *arg, const char *region, const char *agent, struct wall received, const char *json),
	void *arg);

#endif
