/* migration.c -- the schema of the store, as the steps that lead to it.
 * A new file runs all steps, an older one those that it lacks, so that both end with the same schema and every step is
 * run by every new store. A step that was released is never edited: a change is a new step at the end, and
 * STORE_SCHEMA_VERSION in store.h is the number of the last.
 * In: a connection that may write.  Out: a store of version STORE_SCHEMA_VERSION, or an unchanged file and a message.
 * Conventions of the schema: times are milliseconds since 1970 (`_ms`), an absent text is '', a NULL is "no number". */
#include "store/migration.h"

#include <errno.h>
#include <stdio.h>

#include "store/store.h"

#define APPLICATION_ID 1230196546	/* "ISOB": what file(1) and other programs see at offset 68 */

/* --- version 1: what operators write, what regions report, what follows from it ------------------------------- */

static const char step_1[] =
	"CREATE TABLE zone ("
	"	name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,"		/* presentation form, final dot */
	"	text TEXT NOT NULL) STRICT;"					/* the master file */

	"CREATE TABLE steering ("
	"	id INTEGER PRIMARY KEY CHECK (id = 1),"			/* one row at most */
	"	text TEXT NOT NULL) STRICT;"

	"CREATE TABLE override ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"			/* never given twice: the journal names it */
	"	kind TEXT NOT NULL CHECK (kind IN ('drain', 'pin', 'weight')),"
	"	region TEXT NOT NULL,"
	"	service TEXT NOT NULL,"					/* '': all */
	"	value REAL NOT NULL,"
	"	reason TEXT NOT NULL,"
	"	author TEXT NOT NULL,"
	"	from_ms INTEGER NOT NULL,"
	"	until_ms INTEGER NOT NULL) STRICT;"				/* 0: for ever */

	"CREATE TABLE token ("
	"	name TEXT NOT NULL PRIMARY KEY,"
	"	scope TEXT NOT NULL,"
	"	hash TEXT NOT NULL UNIQUE,"
	"	created_ms INTEGER NOT NULL,"
	"	expires_ms INTEGER NOT NULL) STRICT;"				/* 0: never */

	/* Only ever appended to. The triggers stop mistakes; tampering is what the hashes show. */
	"CREATE TABLE journal ("
	"	revision INTEGER PRIMARY KEY CHECK (revision > 0),"
	"	at_ms INTEGER NOT NULL,"
	"	author TEXT NOT NULL,"
	"	action TEXT NOT NULL,"
	"	reason TEXT NOT NULL,"
	"	body TEXT NOT NULL,"
	"	previous TEXT NOT NULL,"				/* the hash of revision - 1 */
	"	hash TEXT NOT NULL) STRICT;"
	"CREATE TRIGGER journal_keeps_rows BEFORE DELETE ON journal"
	"	BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;"
	"CREATE TRIGGER journal_keeps_text BEFORE UPDATE ON journal"
	"	BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;"

	"CREATE TABLE report ("
	"	region TEXT NOT NULL,"
	"	agent TEXT NOT NULL,"
	"	sequence INTEGER NOT NULL,"
	"	time_ms INTEGER NOT NULL,"				/* measured */
	"	received_ms INTEGER NOT NULL,"
	"	body TEXT NOT NULL,"					/* JSON */
	"	PRIMARY KEY (region, agent, sequence)) STRICT;"

	"CREATE TABLE series ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"			/* readers keep ids: never given twice */
	"	region TEXT NOT NULL,"
	"	backend TEXT NOT NULL,"					/* '': the region as a whole */
	"	name TEXT NOT NULL,"
	"	unit TEXT NOT NULL,"
	"	UNIQUE (region, backend, name)) STRICT;"

	"CREATE TABLE sample ("
	"	series INTEGER NOT NULL REFERENCES series,"
	"	at_ms INTEGER NOT NULL,"
	"	value REAL NOT NULL,"
	"	PRIMARY KEY (series, at_ms)) WITHOUT ROWID, STRICT;"

	"CREATE TABLE health_event ("
	"	id INTEGER PRIMARY KEY,"
	"	at_ms INTEGER NOT NULL,"
	"	region TEXT NOT NULL,"
	"	service TEXT NOT NULL,"					/* '': the whole region */
	"	state TEXT NOT NULL,"
	"	cause TEXT NOT NULL) STRICT;"
	"CREATE INDEX health_event_by_time ON health_event (at_ms);"

	"CREATE TABLE prediction ("
	"	at_ms INTEGER NOT NULL,"
	"	region TEXT NOT NULL,"
	"	service TEXT NOT NULL,"					/* '': the region's failure */
	"	horizon_s INTEGER NOT NULL,"
	"	probability REAL,"
	"	load_forecast REAL,"
	"	model TEXT NOT NULL,"
	"	reason TEXT NOT NULL,"
	"	PRIMARY KEY (at_ms, region, service, horizon_s)) WITHOUT ROWID, STRICT;"

	"CREATE TABLE plan ("
	"	id INTEGER PRIMARY KEY,"
	"	at_ms INTEGER NOT NULL,"
	"	epoch INTEGER NOT NULL,"
	"	status TEXT NOT NULL,"
	"	body TEXT NOT NULL) STRICT;"
	"CREATE INDEX plan_by_time ON plan (at_ms);"
	"CREATE INDEX plan_published ON plan (epoch) WHERE status = 'published';"

	"CREATE TABLE model ("
	"	id TEXT NOT NULL PRIMARY KEY,"				/* SHA-256 of the blob */
	"	kind TEXT NOT NULL,"
	"	trained_ms INTEGER NOT NULL,"
	"	status TEXT NOT NULL CHECK (status IN ('serving', 'candidate', 'retired')),"
	"	card TEXT NOT NULL,"					/* JSON */
	"	blob BLOB NOT NULL) STRICT;";

/* --- version 2: rollups; of the reports' texts only each agent's newest ---------------------------------------- */

static const char step_2[] =
	/* How far the upkeep of each series has come (rollup.c): minutes and hours before `_done_ms` are rolled up,
	 * rows before `_from_ms` are deleted. */
	"ALTER TABLE series ADD COLUMN minutes_done_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE series ADD COLUMN hours_done_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE series ADD COLUMN samples_from_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE series ADD COLUMN minutes_from_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE series ADD COLUMN hours_from_ms INTEGER NOT NULL DEFAULT 0;"

	"CREATE TABLE minute ("
	"	series INTEGER NOT NULL REFERENCES series,"
	"	at_ms INTEGER NOT NULL,"				/* its begin */
	"	count INTEGER NOT NULL,"
	"	sum REAL NOT NULL,"
	"	least REAL NOT NULL,"
	"	most REAL NOT NULL,"
	"	last REAL NOT NULL,"
	"	PRIMARY KEY (series, at_ms)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE hour ("
	"	series INTEGER NOT NULL REFERENCES series,"
	"	at_ms INTEGER NOT NULL,"
	"	count INTEGER NOT NULL,"
	"	sum REAL NOT NULL,"
	"	least REAL NOT NULL,"
	"	most REAL NOT NULL,"
	"	last REAL NOT NULL,"
	"	PRIMARY KEY (series, at_ms)) WITHOUT ROWID, STRICT;"

	/* Minutes to roll up again, since a sample came after they were. */
	"CREATE TABLE late_minute ("
	"	series INTEGER NOT NULL REFERENCES series,"
	"	at_ms INTEGER NOT NULL,"
	"	PRIMARY KEY (series, at_ms)) WITHOUT ROWID, STRICT;"

	/* A report's text is some kilobytes, and only the newest is ever read again. The narrow rows that are left
	 * of the others keep a sequence from being counted twice. */
	"CREATE TABLE agent ("
	"	region TEXT NOT NULL,"
	"	agent TEXT NOT NULL,"
	"	sequence INTEGER NOT NULL,"
	"	time_ms INTEGER NOT NULL,"
	"	received_ms INTEGER NOT NULL,"
	"	report TEXT NOT NULL,"					/* JSON of the newest report */
	"	PRIMARY KEY (region, agent)) STRICT;"
	"INSERT INTO agent SELECT region, agent, sequence, time_ms, received_ms, body FROM report AS r"
	"	WHERE sequence = (SELECT max(sequence) FROM report WHERE region = r.region AND agent = r.agent);"
	"CREATE TABLE report_2 ("
	"	region TEXT NOT NULL,"
	"	agent TEXT NOT NULL,"
	"	sequence INTEGER NOT NULL,"
	"	time_ms INTEGER NOT NULL,"
	"	received_ms INTEGER NOT NULL,"
	"	PRIMARY KEY (region, agent, sequence)) WITHOUT ROWID, STRICT;"
	"INSERT INTO report_2 SELECT region, agent, sequence, time_ms, received_ms FROM report;"
	"DROP TABLE report;"
	"ALTER TABLE report_2 RENAME TO report;"
	"CREATE INDEX report_by_receipt ON report (received_ms);";

/* --- version 3: demand, latency, and what was in service when --------------------------------------------------- */

static const char step_3[] =
	"CREATE TABLE demand ("
	"	service TEXT NOT NULL,"
	"	client_group TEXT NOT NULL,"
	"	country TEXT NOT NULL,"					/* '': all that isn't told by country */
	"	at_ms INTEGER NOT NULL,"				/* begin of its minute */
	"	rate REAL NOT NULL,"
	"	error REAL,"
	"	asked REAL NOT NULL,"
	"	PRIMARY KEY (service, client_group, country, at_ms)) WITHOUT ROWID, STRICT;"
	"CREATE INDEX demand_by_time ON demand (at_ms);"
	"CREATE TABLE demand_state ("
	"	id INTEGER PRIMARY KEY CHECK (id = 1),"
	"	at_ms INTEGER NOT NULL,"
	"	body BLOB NOT NULL) STRICT;"

	"CREATE TABLE latency ("
	"	clients TEXT NOT NULL,"
	"	region TEXT NOT NULL,"
	"	source TEXT NOT NULL CHECK (source IN ('import', 'agent')),"
	"	ms REAL NOT NULL,"
	"	at_ms INTEGER NOT NULL,"
	"	PRIMARY KEY (clients, region, source)) WITHOUT ROWID, STRICT;"

	"CREATE TABLE epoch ("
	"	epoch INTEGER PRIMARY KEY,"
	"	at_ms INTEGER NOT NULL,"
	"	revision INTEGER NOT NULL,"
	"	body TEXT NOT NULL) STRICT;"
	"CREATE INDEX epoch_by_time ON epoch (at_ms);"
	"CREATE INDEX epoch_with_body ON epoch (epoch) WHERE body <> '';"
	"CREATE TABLE epoch_tables ("
	"	service TEXT NOT NULL,"
	"	epoch INTEGER NOT NULL,"
	"	base INTEGER NOT NULL,"					/* 0: whole; else the epoch that it differs
									 * from */
	"	body BLOB NOT NULL,"
	"	PRIMARY KEY (service, epoch)) STRICT;"
	"CREATE INDEX epoch_tables_by_epoch ON epoch_tables (epoch);"
	"CREATE TABLE steering_text ("
	"	revision INTEGER PRIMARY KEY,"
	"	at_ms INTEGER NOT NULL,"
	"	text TEXT NOT NULL) STRICT;"
	"CREATE TABLE live_word ("
	"	service TEXT NOT NULL,"
	"	region TEXT NOT NULL,"
	"	at_ms INTEGER NOT NULL,"
	"	dead INTEGER NOT NULL,"
	"	admit INTEGER NOT NULL,"
	"	PRIMARY KEY (service, region, at_ms)) WITHOUT ROWID, STRICT;"

	/* SQLite can't alter a CHECK. Kinds that nothing ever wrote are gone. */
	"CREATE TABLE override_3 ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"			/* never given twice: the journal names it */
	"	kind TEXT NOT NULL CHECK (kind IN ('drain', 'drill')),"
	"	region TEXT NOT NULL,"
	"	service TEXT NOT NULL,"					/* '': all */
	"	value REAL NOT NULL,"
	"	begin REAL NOT NULL,"					/* goes from here to `value` .. */
	"	over_ms INTEGER NOT NULL,"				/* .. within this time */
	"	forced INTEGER NOT NULL,"
	"	reason TEXT NOT NULL,"
	"	author TEXT NOT NULL,"
	"	from_ms INTEGER NOT NULL,"
	"	until_ms INTEGER NOT NULL) STRICT;"				/* 0: for ever */
	"INSERT INTO override_3 SELECT id, kind, region, service, value, 1.0, 0, 0, reason, author, from_ms, until_ms"
	"	FROM override WHERE kind = 'drain';"
	"UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'override')"
	"	WHERE name = 'override_3' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'override');"
	"DROP TABLE override;"
	"ALTER TABLE override_3 RENAME TO override;";

/* --- version 4: signals and feeds; predictions with bounds, models by horizon, decisions over them --------------- */

static const char step_4[] =
	"CREATE TABLE signal ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"			/* never given twice */
	"	source TEXT NOT NULL,"
	"	key TEXT NOT NULL,"
	"	region TEXT NOT NULL,"
	"	name TEXT NOT NULL,"
	"	text TEXT NOT NULL,"
	"	severity REAL,"
	"	certainty REAL,"
	"	onset_ms INTEGER NOT NULL,"
	"	expires_ms INTEGER NOT NULL,"
	"	received_ms INTEGER NOT NULL,"
	"	updated_ms INTEGER NOT NULL,"
	"	ended_ms INTEGER NOT NULL,"				/* 0: it wasn't taken back */
	"	UNIQUE (source, key, region, name)) STRICT;"
	"CREATE INDEX signal_by_expiry ON signal (expires_ms);"
	"CREATE TABLE feed ("
	"	name TEXT NOT NULL PRIMARY KEY,"
	"	tried_ms INTEGER NOT NULL,"
	"	succeeded_ms INTEGER NOT NULL,"				/* 0: never */
	"	until_ms INTEGER NOT NULL,"				/* 0: no samples yet */
	"	pulls INTEGER NOT NULL,"
	"	failures INTEGER NOT NULL,"
	"	items INTEGER NOT NULL,"
	"	left_out INTEGER NOT NULL,"
	"	bytes INTEGER NOT NULL,"
	"	took_ms INTEGER NOT NULL,"
	"	error TEXT NOT NULL,"
	"	notes TEXT NOT NULL) STRICT;"				/* JSON */

	"CREATE TABLE prediction_4 ("
	"	at_ms INTEGER NOT NULL,"
	"	region TEXT NOT NULL,"
	"	service TEXT NOT NULL,"					/* '': the region's failure */
	"	horizon_s INTEGER NOT NULL,"
	"	role TEXT NOT NULL CHECK (role IN ('serving', 'shadow')),"
	"	probability REAL,"
	"	probability_low REAL,"
	"	probability_high REAL,"
	"	load_forecast REAL,"
	"	load_low REAL,"
	"	load_high REAL,"
	"	share REAL,"						/* of all demand, that this region had then */
	"	admit REAL,"						/* of its clients, let in then */
	"	model TEXT NOT NULL,"
	"	reason TEXT NOT NULL,"
	"	why TEXT NOT NULL,"					/* JSON, or '' */
	"	PRIMARY KEY (at_ms, region, service, horizon_s, role)) WITHOUT ROWID, STRICT;"
	"INSERT INTO prediction_4 SELECT at_ms, region, service, horizon_s, 'serving', probability, NULL, NULL,"
	"	load_forecast, NULL, NULL, NULL, NULL, model, reason, '' FROM prediction;"
	"DROP TABLE prediction;"
	"ALTER TABLE prediction_4 RENAME TO prediction;"

	"ALTER TABLE model ADD COLUMN horizon_s INTEGER NOT NULL DEFAULT 600;"	/* 0: of all horizons */
	"CREATE TABLE model_decision ("
	"	id INTEGER PRIMARY KEY,"
	"	at_ms INTEGER NOT NULL,"
	"	model TEXT NOT NULL,"
	"	kind TEXT NOT NULL,"
	"	horizon_s INTEGER NOT NULL,"
	"	action TEXT NOT NULL,"					/* 'promoted', 'kept', 'reviewed', 'returned' */
	"	reason TEXT NOT NULL,"
	"	numbers TEXT NOT NULL) STRICT;"				/* JSON */
	"CREATE INDEX model_decision_by_time ON model_decision (at_ms);";

/* --- version 5: how odd a region is ------------------------------------------------------------------------------ */

static const char step_5[] =
	"ALTER TABLE prediction ADD COLUMN anomaly_rank REAL;"
	"ALTER TABLE prediction ADD COLUMN anomaly_reason TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE prediction ADD COLUMN anomaly_why TEXT NOT NULL DEFAULT '';";	/* JSON, or '' */

/* --- version 6: keys that sign zones, and the serials that signed zones had ------------------------------------- */

static const char step_6[] =
	"CREATE TABLE zone_key ("
	"	zone TEXT NOT NULL,"					/* presentation form, final dot, lower case */
	"	algorithm INTEGER NOT NULL,"
	"	tag INTEGER NOT NULL,"
	"	role TEXT NOT NULL CHECK (role IN ('csk', 'ksk', 'zsk')),"
	"	dnskey BLOB NOT NULL,"					/* RDATA */
	"	private TEXT NOT NULL,"					/* in BIND's format, or sealed; '': elsewhere */
	"	created_ms INTEGER NOT NULL,"				/* 0: not yet; the largest: some day */
	"	published_ms INTEGER NOT NULL,"
	"	offered_ms INTEGER NOT NULL,"
	"	ds_seen_ms INTEGER NOT NULL,"
	"	active_ms INTEGER NOT NULL,"
	"	retired_ms INTEGER NOT NULL,"
	"	removed_ms INTEGER NOT NULL,"
	"	PRIMARY KEY (zone, algorithm, tag)) STRICT;"
	"CREATE TABLE zone_edition ("					/* what secondaries were told last */
	"	zone TEXT NOT NULL PRIMARY KEY,"
	"	serial INTEGER NOT NULL,"
	"	content INTEGER NOT NULL) STRICT;"			/* a hash */
	"CREATE TABLE zone_serial ("
	"	zone TEXT NOT NULL PRIMARY KEY,"
	"	serial INTEGER NOT NULL) STRICT;";			/* the last that was served signed */

/* --- version 7: members of catalogs; zones that come from primaries; how keys leave ---------------------------- */

static const char step_7[] =
	"CREATE TABLE catalog_member ("
	"	zone TEXT NOT NULL,"
	"	catalog TEXT NOT NULL,"
	"	label TEXT NOT NULL,"					/* of its node there */
	"	kind TEXT NOT NULL,"					/* its group, or '' */
	"	followed INTEGER NOT NULL,"				/* the catalog is somebody else's */
	"	time INTEGER NOT NULL,"					/* how often it had come before */
	"	gone INTEGER NOT NULL,"
	"	PRIMARY KEY (zone, catalog)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE zone_refresh ("					/* what is known of its primary */
	"	zone TEXT NOT NULL PRIMARY KEY,"
	"	refreshed_ms INTEGER NOT NULL,"				/* when there was word of it last */
	"	expires_ms INTEGER NOT NULL,"
	"	address TEXT NOT NULL,"					/* whose word it was: ADDRESS@PORT */
	"	serial INTEGER NOT NULL) STRICT;"			/* the primary's */
	"ALTER TABLE zone_key ADD COLUMN withdrawn_ms INTEGER NOT NULL DEFAULT 0;"	/* 0: not, here and below */
	"ALTER TABLE zone_key ADD COLUMN ds_gone_ms INTEGER NOT NULL DEFAULT 0;";

/* steps[n - 1] leads from version n - 1 to version n. */
static const char *const steps[] = { step_1, step_2, step_3, step_4, step_5, step_6, step_7 };

_Static_assert(ARRAY_SIZE(steps) == STORE_SCHEMA_VERSION, "one step for each version");

static int examine(struct db *db, enum schema_state *state, int64_t *version);
static int migrate_within(struct db *db, const char *path, struct text *error);

int
schema_examine(struct db *db, const char *path, enum schema_state *state, struct text *error)
{
	int64_t version = 0;
	int result = examine(db, state, &version);

	if (result == -ENOTSUP)
		*state = SCHEMA_FOREIGN;
	else if (result != 0)
		text_printf(error, "%s: %s", path, db_reason(db, result));
	else if (*state == SCHEMA_NEWER)
		text_printf(error, "%s: written by a newer Isobar (schema version %lld; this program knows versions "
		    "up to %d): run a program of that version, or restore a copy from before the upgrade", path,
		    (long long)version, STORE_SCHEMA_VERSION);
	if (result != -ENOTSUP && (result != 0 || *state != SCHEMA_FOREIGN))
		return result;
	text_printf(error, "%s: not an Isobar store", path);
	return 0;
}

static int
examine(struct db *db, enum schema_state *state, int64_t *version)
{
	int64_t application = 0, tables = 0;
	int error = db_get(db, "PRAGMA application_id", DB_NONE, &application);

	if (error == 0)
		error = db_get(db, "PRAGMA user_version", DB_NONE, version);
	if (error == 0)
		error = db_get(db, "SELECT count(*) FROM sqlite_schema", DB_NONE, &tables);
	if (error != 0)
		return error;
	if (application == 0 && *version == 0 && tables == 0)
		*state = SCHEMA_EMPTY;
	else if (application != APPLICATION_ID)
		*state = SCHEMA_FOREIGN;
	else if (*version == STORE_SCHEMA_VERSION)
		*state = SCHEMA_CURRENT;
	else
		*state = *version < STORE_SCHEMA_VERSION ? SCHEMA_OLDER : SCHEMA_NEWER;
	return 0;
}

int
schema_migrate(struct db *db, const char *path, struct text *error)
{
	int result = db_run(db, "BEGIN IMMEDIATE", DB_NONE);

	if (result == 0)
		result = migrate_within(db, path, error);
	if (result == 0)
		result = db_run(db, "COMMIT", DB_NONE);
	if (result != 0 && error->length == 0)
		text_printf(error, "%s: the schema can't be brought to version %d: %s", path, STORE_SCHEMA_VERSION,
		    db_reason(db, result));
	db_rollback(db);
	return result;
}

/* The version is read again under the lock: another process may have migrated since schema_examine(). */
static int
migrate_within(struct db *db, const char *path, struct text *error)
{
	int64_t version = 0;
	int result = db_get(db, "PRAGMA user_version", DB_NONE, &version);

	for (; result == 0 && version < (int64_t)ARRAY_SIZE(steps); version++) {
		result = db_script(db, steps[version]);
		if (result != 0)
			text_printf(error, "%s: migration to schema version %lld: %s", path, (long long)version + 1,
			    db_reason(db, result));
	}
	if (result == 0) {
		char stamp[96];

		snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		    APPLICATION_ID, STORE_SCHEMA_VERSION);
		result = db_script(db, stamp);
	}
	return result;
}
